//! RFC 4475 §3.1.1: strange and sound. Each is understood and handled like its everyday sister.

use super::stage::{SDP, stage};

/// §3.1.1.1: folds, blanks around colons and semicolons, short names, numbers with leading zeros, headers nobody knows: a
/// call like any other.
#[test]
fn b013_t3_1_1_1_blanks_folds_and_short_names() {
    let text = "INVITE sip:3977@{E};transport=udp SIP/2.0\n\
        tO :\n <sip:3977@{H}>\n\
        f    : \"Mme \\\\\\\"Odile\\\\\\\"\"\n\t <sip:+33199000101@{I}>\n  ;\n  tag = t1x{N}\n\
        max-FORWARDS:   00068\n\
        cSeq: 00042\n  INVITE\n\
        i : own-1-{N}\n\
        s :\n\
        X-Nobody-Knows-This:\n a , b\n\t, c\n\
        V  : SIP  / 2.0\n /UDP\n    {M} ; branch\n = z9hG4bKown{N}\n\
        m:\"Odile , dite \\\\\" l'autre\\\\\"\"  <sip:odile@{M}>\n\
        C : application/sdp\n\
        l : {L}\n\n";
    stage().served(format!("{text}{SDP}"));
}

/// §3.1.1.2: every character a method, a user, a name or a header may have, NUL and BEL inside quotes: only the method is
/// not ours.
#[test]
fn b013_t3_1_1_2_every_legal_character() {
    let text = b"A-z0.9!%*_+`'~ sip:1_a-b.c!~*'()&=+$,;?/:p&w=+$,d@{E};a-b.c!~*'()[]/:&+$=%41 SIP/2.0\n\
        Via: SIP/2.0/UDP {M};branch=z9hG4bK-.!%*_+`'~{N}\n\
        To: \"NUL:\0 BEL:\x07 DEL:\x7f \\\\ \\\" \xc3\xa9\" <sip:3977@{H};u-.!~*'()=1>\n\
        From: a.b!c%d*e_f+g`h'i~j <sip:caller@{I}>;tag=-.!%*_+`'~{N}\n\
        Call-ID: -.!%*_+`'~()<>:\\/\"[]?{}{N}\n\
        CSeq: 7 A-z0.9!%*_+`'~\nMax-Forwards: 255\nX-.!%*_+`'~: \xf0\x9f\x93\x9e\nContent-Length: 0\n\n";
    let got = stage().answered(text, &[405, 501]);
    assert!(got.header("Allow").is_some(), "{got:?}");
    assert!(got.header("Call-ID").is_some_and(|id| id.starts_with("-.!%*_+`'~()<>:\\/\"[]?{}")), "{got:?}");
}

/// §3.1.1.3: a user part of escapes is the user they stand for: 3977 is dialled digit by digit in hexadecimal.
#[test]
fn b013_t3_1_1_3_escapes_mean_their_letters() {
    let text = "INVITE sip:%33%39%37%37@{E} SIP/2.0\n\
        Via: SIP/2.0/UDP {M};branch=z9hG4bKesc{N}\nMax-Forwards: 70\n\
        To: <sip:%33%39%37%37@{H}>\nFrom: <sip:I%20have%20spaces@{I}>;tag=e{N}\nCall-ID: esc-{N}\nCSeq: 1 INVITE\n\
        Contact: <sip:cal%6Cer%40home@{M};%6Cr;n%61me=v%61lue%25%34%31>\nContent-Type: application/sdp\n\
        Content-Length: {L}\n\n";
    stage().served(format!("{text}{SDP}"));
}

/// §3.1.1.5: `%` is a letter of a token: `I%4EVITE` is no INVITE.
#[test]
fn b013_t3_1_1_5_percent_in_a_method_is_a_letter() {
    let text = "I%4EVITE sip:3977@{E} SIP/2.0\nVia: SIP/2.0/UDP {M};branch=z9hG4bKpc{N}\nMax-Forwards: 70\n\
        To: \"%Z%41\" <sip:3977@{H}>\nFrom: \"%45\" <sip:a@{I}>;tag=p{N}\nCall-ID: 50%25-off-{N}\nCSeq: 3 I%4EVITE\n\
        Content-Length: 0\n\n";
    let got = stage().answered(text, &[405, 501]);
    assert!(got.header("CSeq").is_some_and(|cseq| cseq == "3 I%4EVITE"), "{got:?}");
}

/// §3.1.1.6: no blank between the name and the bracket, in From, To and Contact.
#[test]
fn b013_t3_1_1_6_no_blank_before_the_bracket() {
    let text = "OPTIONS sip:3977@{E} SIP/2.0\nVia: SIP/2.0/UDP {M};branch=z9hG4bKlws{N}\nMax-Forwards: 70\n\
        To: Ecoute<sip:3977@{H}>\nFrom: \"Odile\"<sip:odile@{I}>;tag=n{N}\nCall-ID: lws-{N}\nCSeq: 1 OPTIONS\n\
        Contact: caller<sip:caller@{M}>\nContent-Length: 0\n\n";
    stage().answered(text, &[200]);
}

/// §3.1.1.7: a user, a name, a header name and value of hundreds of letters, forty Vias over many lines: a call, and
/// every Via comes back in order.
#[test]
fn b013_t3_1_1_7_long_values() {
    let long = |word: &str| word.repeat(400 / word.len());
    let mut vias = "Via: SIP/2.0/UDP {M};branch=z9hG4bKlong{N}".to_owned();
    for nth in 1..40 {
        vias += &format!(
            ",\n  SIP/2.0/TCP relais-{nth}.{}.example;branch=z9hG4bK{}{nth}",
            "sous".repeat(5),
            "0f".repeat(20)
        );
    }
    let text = format!(
        "INVITE sip:3977@{{E}} SIP/2.0\nTo: \"{name}\" <sip:3977@{{H}}:6000;{param}=1>\n\
         From: <sip:{user}@{{I}}>;{param}={value};tag=12{{N}}{tag}\nCall-ID: long-{{N}}.{user}\n\
         CSeq: 3882340 INVITE\n{header}: {value}\nMax-Forwards: 70\n{vias}\nContact: <sip:{user}@{{M}}>\n\
         Content-Type: application/sdp\nContent-Length: {{L}}\n\n{SDP}",
        name = long("Un nom sans fin "),
        user = long("utilisateur"),
        param = long("parametre"),
        value = long("valeur"),
        tag = long("9a"),
        header = long("X-Entete-"),
    );
    let got = stage().served(text);
    let vias: Vec<&str> = got.0.split("\r\n").filter(|line| line.starts_with("Via:")).collect();
    let all = vias.join(",");
    assert_eq!(all.matches("SIP/2.0/").count(), 40, "{vias:?}");
    assert!(all.find("relais-1.") < all.find("relais-39."));
}

/// §3.1.1.8: what stands in the datagram behind the body is no message: one answer, and none to the second.
#[test]
fn b003_b013_t3_1_1_8_bytes_behind_the_message() {
    let stage = stage();
    let one = "OPTIONS sip:3977@{E} SIP/2.0\nVia: SIP/2.0/UDP {M};branch=z9hG4bKfirst{N}\nMax-Forwards: 70\n\
        To: <sip:3977@{H}>\nFrom: <sip:a@{I}>;tag=1\nCall-ID: first-{N}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n";
    let letter = stage.letter(format!("{one}{}", one.replace("first", "second")));
    letter.peer.send(&letter.bytes);
    let got = letter.peer.receive(crate::wire::raw::ANSWER).expect("an answer");
    assert_eq!(got.status(), 200);
    assert!(got.header("Call-ID").is_some_and(|id| id.starts_with("first-")));
    assert!(letter.peer.receive(crate::wire::raw::NOTHING).is_none(), "the second is not there");
    stage.goes_on();
}

/// §3.1.1.9: a semicolon before the `@` belongs to the user: that user has no plan here, and no parameter of the URI
/// chooses a transport.
#[test]
fn b013_p053_t3_1_1_9_semicolon_in_the_user() {
    let text = "INVITE sip:3977;transport=tcp;npdi@{E} SIP/2.0\nVia: SIP/2.0/UDP {M};branch=z9hG4bKsemi{N}\n\
        Max-Forwards: 70\nTo: <sip:inconnu;x=1@{H}>\nFrom: <sip:+33199000103;postd=22@{I};user=phone>;tag=s{N}\n\
        Call-ID: semi-{N}\nCSeq: 1 INVITE\nContact: <sip:+33199000103;postd=22;npdi@{M};user=phone>\nContent-Length: 0\n\n";
    let stage = stage();
    let letter = stage.letter(text);
    letter.peer.send(&letter.bytes);
    let got =
        letter.peer.receive_where(crate::wire::raw::ANSWER, |got| got.status() >= 200).expect("an answer over UDP");
    assert_ne!(got.status(), 400, "{got:?}");
    // Whether this is a call to 3977 or to nobody is the trunk's dial rules; nothing may be left of it in any case.
    let target = got.header("Contact").and_then(|c| Some(c.split_once('<')?.1.split('>').next()?.to_owned()));
    if got.status() == 200 {
        let target = target.expect("a Contact");
        for (method, number) in [("ACK", 1), ("BYE", 2)] {
            let line = |name: &str| got.header(name).unwrap_or_default();
            letter.peer.send(format!(
                "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{method}{}\r\nMax-Forwards: 70\r\n\
                 From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {number} {method}\r\nContent-Length: 0\r\n\r\n",
                letter.peer.local(),
                letter.peer.local().port(),
                line("From"),
                line("To"),
                line("Call-ID")
            ));
        }
    }
    stage.goes_on();
}

/// §3.1.1.10: transports never heard of below the top Via are somebody else's way home, and come back unchanged.
#[test]
fn b013_t3_1_1_10_unknown_transports_below() {
    let text = "OPTIONS sip:3977@{E} SIP/2.0\nVia: SIP/2.0/UDP {M};branch=z9hG4bKtr{N}\n\
        Via: SIP/2.0/QUIC relais.example;branch=z9hG4bKq\nVia: SIP/2.0/TLS-SCTP relais.example;branch=z9hG4bKs\n\
        v: SIP/2.0/PIGEON toit.example;branch=z9hG4bKp\nMax-Forwards: 70\nTo: <sip:3977@{H}>\nFrom: <sip:a@{I}>;tag=1\n\
        Call-ID: tr-{N}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n";
    let got = stage().answered(text, &[200]);
    for transport in ["QUIC", "TLS-SCTP", "PIGEON"] {
        assert!(got.0.contains(&format!("SIP/2.0/{transport} ")), "{got:?}");
    }
}

/// §3.1.1.11: a multipart body with a binary part that holds NUL, CR, LF and dashes: the SDP in it is found, and the call
/// answered.
#[test]
fn b013_p040_t3_1_1_11_binary_part_beside_the_sdp() {
    let mut text = b"INVITE sip:3977@{E} SIP/2.0\nVia: SIP/2.0/UDP {M};branch=z9hG4bKmp{N}\nMax-Forwards: 70\n\
        To: <sip:3977@{H}>\nFrom: <sip:+33199000104@{I}>;tag=m{N}\nCall-ID: mp-{N}\nCSeq: 1 INVITE\n\
        Contact: <sip:c@{M}>\nMIME-Version: 1.0\nContent-Type: multipart/mixed ; boundary=\"limite de 7\"\n\
        Content-Length: {L}\n\nA preamble nobody reads.\n--limite de 7\nContent-Type: application/isup;version=etsi\n\
        Content-Disposition: signal ;handling=optional\nContent-Transfer-Encoding: binary\n\n"
        .to_vec();
    text.extend((0..=255u8).chain([b'-', b'-', b'l', b'i', 0, 13, 10, b'-', b'-']));
    text.extend(b"\n--limite de 7\nContent-Type: application/sdp\n\n");
    text.extend(SDP.as_bytes());
    text.extend(b"\n--limite de 7--\nAn epilogue.");
    let got = stage().served(text);
    assert!(got.body().contains("m=audio"), "{got:?}");
}

/// §3.1.1.12 and §3.1.1.13: answers to nothing, with a reason in Greek and in Latin-1, and with none at all.
#[test]
fn b013_t3_1_1_12_and_13_any_reason_phrase() {
    let rest = b"\nVia: SIP/2.0/UDP {E};branch=z9hG4bKnone{N}\nTo: <sip:3977@{H}>;tag=2\nFrom: <sip:a@{I}>;tag=1\n\
        Call-ID: reason-{N}\nCSeq: 1 INVITE\nContact: <sip:a@{M}>\nContent-Length: 0\n\n";
    for line in [
        b"SIP/2.0 200 = 2**3 * 5**2 \xce\xb1\xce\xb2\xce\xb3 \xf0\x9f\x93\x9e".as_slice(),
        b"SIP/2.0 486 Occup\xe9(e)",
        b"SIP/2.0 180 ",
        b"SIP/2.0 100",
        b"SIP/2.0 699 ~\x7f\t\"quote never closed",
    ] {
        stage().dropped([line, rest].concat());
    }
}
