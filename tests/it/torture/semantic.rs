//! RFC 4475 §3.3 and §3.4: well written, and asking for something special: each gets the answer made for it.

use super::stage::{SDP, stage};

fn request(method: &str, uri: &str, more: &str, body: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\nVia: SIP/2.0/UDP {{M}};branch=z9hG4bKsem{{N}}\nMax-Forwards: 70\nTo: <sip:3977@{{H}}>\n\
         From: <sip:+33199000106@{{I}}>;tag=s{{N}}\nCall-ID: sem-{{N}}\nCSeq: 1 {method}\nContact: <sip:caller@{{M}}>\n\
         {more}Content-Length: {{L}}\n\n{body}"
    )
}

/// §3.3.1: without Call-ID, From, To, CSeq or Via: 400 where an answer finds its way, silence where not; never a call (B008).
#[test]
fn b008_b013_t3_3_1_missing_headers() {
    let text = request("INVITE", "sip:3977@{E}", "", "");
    for name in ["To", "From", "Call-ID", "CSeq", "Via"] {
        let without: String = text.split_inclusive('\n').filter(|l| !l.starts_with(&format!("{name}:"))).collect();
        assert_ne!(without, text);
        let stage = stage();
        let letter = stage.letter(without);
        letter.peer.send(&letter.bytes);
        let got = letter.peer.receive(crate::wire::raw::NOTHING);
        assert!(got.as_ref().is_none_or(|got| got.status() == 400), "without {name}: {got:?}");
        stage.goes_on();
    }
}

/// §3.3.2 and §3.3.3: a scheme nobody knows, and ones that everybody knows and nobody calls (B006).
#[test]
fn b006_b013_t3_3_2_and_3_other_schemes() {
    for uri in
        ["nobodyKnowsThisScheme:totallyopaquecontent", "soap.beep://192.0.2.103:3002", "https://example.org/", "im:a@b"]
    {
        stage().answered(request("OPTIONS", uri, "", ""), &[416]);
        stage().answered(request("INVITE", uri, "", ""), &[416]);
    }
}

/// §3.3.4: foreign schemes in From and To are names of somebody, and no fault; a Contact of one is no way back, and the
/// caller's From is taken in its place. Without any way back there is no call.
#[test]
fn b013_t3_3_4_other_schemes_in_headers() {
    let text = request("OPTIONS", "sip:3977@{E}", "", "").replace("To: <sip:3977@{H}>", "To: <isbn:9782070360024>");
    stage().answered(text.replace("<sip:+33199000106@{I}>", "<https://www.example.org/odile>"), &[200]);
    let text = request("INVITE", "sip:3977@{E}", "Content-Type: application/sdp\n", SDP)
        .replace("<sip:caller@{M}>", "<mailto:odile@example.org>");
    stage().served(&text);
    stage().answered(text.replace("<sip:+33199000106@{I}>", "<https://www.example.org/odile>"), &[400]);
}

/// §3.3.5: extensions we lack are refused by name, all of them and once; what a proxy must know is no matter of ours.
#[test]
fn b013_t3_3_5_required_extensions() {
    let got = stage().answered(
        request("OPTIONS", "sip:3977@{E}", "Require: foo, bar\nProxy-Require: baz\nRequire: qux\n", ""),
        &[420],
    );
    assert_eq!(got.header("Unsupported"), Some("foo, bar, qux"), "{got:?}");
    stage().answered(request("OPTIONS", "sip:3977@{E}", "Proxy-Require: baz\n", ""), &[200, 420]);
}

/// §3.3.6: a body of a kind nobody knows; the answer says what we do know.
#[test]
fn b013_t3_3_6_body_of_unknown_kind() {
    let got =
        stage().answered(request("INVITE", "sip:3977@{E}", "Content-Type: application/inconnu\n", "<voix/>"), &[415]);
    assert!(got.header("Accept").is_some_and(|accept| accept.contains("application/sdp")), "{got:?}");
}

/// §3.3.8: From, To, Call-ID, CSeq or Max-Forwards twice, in long and short form.
#[test]
fn b013_t3_3_8_single_headers_twice() {
    for (line, twice) in [
        ("Call-ID: sem-{N}\n", "Call-ID: sem-{N}\ni: other-{N}\n"),
        ("CSeq: 1 OPTIONS\n", "CSeq: 1 OPTIONS\nCSeq: 2 OPTIONS\n"),
        ("To: <sip:3977@{H}>\n", "To: <sip:3977@{H}>\nt: <sip:3978@{H}>\n"),
        ("From: ", "f: <sip:b@{I}>;tag=2\nFrom: "),
        ("Max-Forwards: 70\n", "Max-Forwards: 70\nMax-Forwards: 5\n"),
    ] {
        stage().refused(request("OPTIONS", "sip:3977@{E}", "", "").replacen(line, twice, 1), "more than one");
    }
}

/// §3.3.9: two lengths that differ; twice the same one is only talkative (B005).
#[test]
fn b005_b013_t3_3_9_two_content_lengths() {
    stage().answered(request("OPTIONS", "sip:3977@{E}", "l: 5\n", "abcd"), &[400]);
    stage().answered(request("OPTIONS", "sip:3977@{E}", "l: 4\n", "abcd"), &[200]);
}

/// §3.3.10: an answer with a second Via that names everybody goes to nobody.
#[test]
fn b013_t3_3_10_broadcast_via() {
    stage().dropped(
        "SIP/2.0 200 OK\nVia: SIP/2.0/UDP {E};branch=z9hG4bKbc{N}\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKx\n\
         To: <sip:a@{H}>;tag=1\nFrom: <sip:b@{I}>;tag=2\nCall-ID: bc-{N}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    );
}

/// §3.3.11: no hop is left, and none is needed.
#[test]
fn b013_t3_3_11_max_forwards_zero() {
    stage().answered(request("OPTIONS", "sip:3977@{E}", "", "").replace("Forwards: 70", "Forwards: 0"), &[200]);
    let text = request("INVITE", "sip:3977@{E}", "Content-Type: application/sdp\n", SDP);
    stage().served(text.replace("Forwards: 70", "Forwards: 0"));
}

/// §3.3.15: whoever cannot read SDP cannot be answered.
#[test]
fn b013_t3_3_15_accepts_no_sdp() {
    let more = "Content-Type: application/sdp\nAccept: text/x-nobody, application/*;q=0\n";
    stage()
        .answered(request("INVITE", "sip:3977@{E}", &more.replace(", application/*;q=0", ""), SDP), &[406, 415, 488]);
}

/// §3.4.1: an RFC 2543 telephone: no branch, no From tag, no Content-Length, no Max-Forwards, no brackets.
#[test]
fn b013_t3_4_1_rfc_2543_telephone() {
    let text = format!(
        "INVITE sip:3977@{{E}} SIP/2.0\nVia: SIP/2.0/UDP {{M}}\nFrom: sip:vieux-poste@{{I}}\nTo: sip:3977@{{H}}\n\
         Call-ID: old-{{N}}@{{I}}\nCSeq: 1 INVITE\nContact: sip:vieux-poste@{{M}}\nContent-Type: application/sdp\n\n{SDP}"
    );
    stage().served(text);
}
