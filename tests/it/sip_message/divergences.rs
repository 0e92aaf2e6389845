//! Where we read a message otherwise than the witnesses of `oracles.rs`, and why.
//!
//! `refused`: we read it and the witness does not. `accepted`: the other way round. Any other part: both read the message,
//! and differ in that part.

/// Witness, part, why we differ, messages.
pub const DIVERGENCES: &[(&str, &str, &str, &str)] = &[
    ("sipx", "refused", "We take LF for a line end; it wants CR LF.", "everyday/10-line-feeds-only.dat"),
    (
        "sipx",
        "refused",
        "A bad Request-URI is for validate() to answer with 400; it refuses while reading.",
        "nist/1 nist/3 nist/371 nist/372 rfc4475/ltgtruri.dat rfc4475/lwsruri.dat rfc5118/ipv6-bad.dat",
    ),
    (
        "sipx",
        "refused",
        "We tolerate more than one space in the start line, and spaces behind it (RFC 4475 §3.1.2.9, §3.1.2.10).",
        "nist/4 nist/373 rfc4475/lwsstart.dat rfc4475/trws.dat",
    ),
    (
        "sipx",
        "refused",
        "A header line without a colon, or one folded before its colon, is passed over or read; it refuses the message.",
        "nist/14 nist/18 nist/56",
    ),
    (
        "sipx",
        "from-tag",
        "We read unquoted display names with commas or in ISO-8859-1, and numbers with spaces; it reads no From at all.",
        "everyday/02-latin-1-name.dat everyday/21-numbers-with-spaces.dat nist/379 rfc4475/baddn-complete.dat",
    ),
    (
        "sipx",
        "via-host",
        "Its list of Vias fails as a whole; we still read the topmost. validate() answers 400.",
        "nist/365 rfc4475/badinv01.dat",
    ),
    (
        "rsip",
        "refused",
        "It does not know folded headers (RFC 3261 §7.3.1).",
        "everyday/03-folded.dat everyday/14-challenge.dat nist/14 nist/16 nist/18 nist/53 nist/66 nist/67 \
         nist/70 nist/71 nist/73 nist/75 nist/77 nist/80 nist/81 nist/82 nist/91 nist/93 nist/95 nist/97 \
         nist/101 nist/103 nist/116 nist/117 nist/137 nist/143 nist/145 nist/147 nist/149 nist/153 nist/154 \
         nist/155 nist/156 nist/162 nist/165 nist/182 nist/185 nist/193 nist/196 nist/203 nist/205 nist/218 \
         nist/220 nist/224 nist/225 nist/226 nist/228 nist/229 nist/230 nist/231 nist/232 nist/233 nist/234 \
         nist/237 nist/238 nist/240 nist/241 nist/242 nist/243 nist/244 nist/245 nist/246 nist/247 nist/248 \
         nist/249 nist/250 nist/252 nist/260 nist/337 nist/340 nist/344 nist/345 nist/352 nist/354 nist/360 \
         nist/362 nist/368 rfc4475/esc01.dat rfc4475/scalar02.dat rfc4475/semiuri.dat rfc4475/wsinv.dat",
    ),
    (
        "rsip",
        "refused",
        "It wants UTF-8; old exchanges send ISO-8859-1.",
        "everyday/02-latin-1-name.dat everyday/12-nat-ringing.dat",
    ),
    ("rsip", "refused", "We take LF for a line end; it wants CR LF.", "everyday/10-line-feeds-only.dat"),
    (
        "rsip",
        "refused",
        "It does not know blanks before the colon (RFC 3261 §7.3.1).",
        "everyday/16-vias-in-one-line.dat nist/358 rfc4475/longreq.dat",
    ),
    (
        "rsip",
        "refused",
        "It does not know extension methods (RFC 3261 §7.1).",
        "nist/24 nist/356 nist/382 rfc4475/esc02.dat rfc4475/intmeth.dat rfc4475/mismatch02.dat",
    ),
    (
        "rsip",
        "refused",
        "Another version is for validate() to answer with 505; it refuses while reading.",
        "nist/61 nist/374 nist/380 rfc4475/badvers.dat",
    ),
    (
        "rsip",
        "refused",
        "Another scheme is for validate() to answer with 416; it refuses while reading.",
        "nist/7 nist/19 nist/21 nist/22 nist/386 rfc4475/unkscm.dat",
    ),
    (
        "rsip",
        "refused",
        "It does not read headers in a Request-URI; we read and ignore them (RFC 4475 §3.1.2.11).",
        "nist/6 nist/375 rfc4475/escruri.dat",
    ),
    (
        "rsip",
        "refused",
        "It does not know IPv6 references in URIs (RFC 5118).",
        "rfc5118/ipv6-bug-abnf-3-colons.dat rfc5118/ipv6-correct-abnf-2-colons.dat rfc5118/ipv6-good.dat \
         rfc5118/ipv6-in-sdp.dat rfc5118/mult-ip-in-sdp.dat rfc5118/port-ambiguous.dat \
         rfc5118/port-unambiguous.dat rfc5118/via-received-param-no-delim.dat \
         rfc5118/via-received-param-with-delim.dat",
    ),
    (
        "rsip",
        "refused",
        "We tolerate more than one space in the start line, and spaces behind it (RFC 4475 §3.1.2.9, §3.1.2.10).",
        "nist/4 nist/373 rfc4475/lwsstart.dat rfc4475/trws.dat",
    ),
    (
        "rsip",
        "refused",
        "A bad Request-URI is for validate() to answer with 400; it refuses while reading.",
        "nist/3 nist/372 rfc4475/lwsruri.dat rfc5118/ipv6-bad.dat",
    ),
    ("rsip", "refused", "A header line without a colon is passed over; it refuses the message.", "nist/56"),
    (
        "rsip",
        "accepted",
        "It does not look at Content-Length: here it is too large, negative, or two that differ.",
        "nist/366 nist/367 nist/393 rfc4475/clerr.dat rfc4475/mcl01.dat rfc4475/ncl.dat",
    ),
    ("rsip", "accepted", "The headers never end; we ask for the empty line.", "rfc4475/baddn.dat"),
    (
        "rsip",
        "body",
        "It takes all that is left for the body; we cut at Content-Length (RFC 3261 §18.3).",
        "nist/60 nist/65 nist/68 nist/72 nist/74 nist/76 nist/78 nist/83 nist/89 nist/115 nist/118 nist/135 \
         nist/161 nist/181 nist/190 nist/192 nist/202 nist/217 nist/219 nist/259 nist/272 nist/285 nist/323 \
         nist/348 nist/349 nist/357 nist/361 nist/363 nist/365 nist/369 nist/370 nist/371 nist/376 nist/377 \
         nist/378 nist/379 nist/381 nist/384 nist/385 nist/387 nist/388 nist/389 nist/390 nist/391 nist/392 \
         nist/394 nist/395 nist/396 nist/397 nist/398 nist/399 rfc4475/dblreq.dat \
         rfc5118/ipv4-mapped-ipv6.dat",
    ),
    (
        "rsip",
        "uri",
        "It reads brackets around a Request-URI; we leave them to validate(), which answers 400 (RFC 4475 §3.1.2.7).",
        "nist/1 nist/371 rfc4475/ltgtruri.dat",
    ),
    (
        "rsip",
        "branch",
        "It does not know IPv6 references in a Via (RFC 5118).",
        "rfc5118/ipv4-mapped-ipv6.dat rfc5118/mult-ip-in-header.dat",
    ),
    (
        "rsip",
        "branch",
        "It does not know blanks around the semicolons of a Via.",
        "nist/139 nist/140 nist/142 nist/148 nist/151 nist/157 nist/159 nist/160",
    ),
    ("rsip", "branch", "It does not know compact names (RFC 3261 §7.3.3).", "everyday/04-compact.dat"),
    (
        "rsip",
        "via-host",
        "It does not know IPv6 references in a Via (RFC 5118).",
        "rfc5118/ipv4-mapped-ipv6.dat rfc5118/mult-ip-in-header.dat",
    ),
    ("rsip", "via-host", "It does not know compact names (RFC 3261 §7.3.3).", "everyday/04-compact.dat nist/60"),
    (
        "rsip",
        "via-port",
        "It does not know IPv6 references in a Via (RFC 5118).",
        "rfc5118/ipv4-mapped-ipv6.dat rfc5118/mult-ip-in-header.dat",
    ),
    ("rsip", "via-port", "It does not know compact names (RFC 3261 §7.3.3).", "everyday/04-compact.dat"),
    (
        "rsip",
        "call-id",
        "It does not know compact names (RFC 3261 §7.3.3).",
        "everyday/04-compact.dat nist/10 nist/60 nist/62 rfc4475/dblreq.dat",
    ),
    ("rsip", "from-tag", "It does not know tel URIs (RFC 3966).", "everyday/08-tel-uris.dat"),
    (
        "rsip",
        "from-tag",
        "It does not know compact names (RFC 3261 §7.3.3).",
        "everyday/04-compact.dat nist/60 nist/62",
    ),
    ("rsip", "to-tag", "It does not know blanks before a parameter.", "nist/57"),
    ("rsip", "to-tag", "It does not know compact names (RFC 3261 §7.3.3).", "nist/62"),
];
