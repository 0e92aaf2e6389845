//! RFC 4475 §3.1.2 and §3.2: what is broken is refused with its reason, or passed over; it is never half understood.

use super::stage::{SDP, stage};

/// A sound request, for one thing in it to be spoilt.
fn sound(method: &str) -> String {
    format!(
        "{method} sip:3977@{{E}} SIP/2.0\nVia: SIP/2.0/UDP {{M}};branch=z9hG4bKbad{{N}}\nMax-Forwards: 70\n\
         To: <sip:3977@{{H}}>\nFrom: \"Odile\" <sip:+33199000105@{{I}}>;tag=b{{N}}\nCall-ID: bad-{{N}}\nCSeq: 8 {method}\n\
         Contact: <sip:caller@{{M}}>\nDate: Wed, 25 Nov 2026 05:00:00 GMT\nContent-Type: application/sdp\n\
         Content-Length: {{L}}\n\n{SDP}"
    )
}

fn spoilt(method: &str, from: &str, to: &str) -> String {
    let text = sound(method);
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

/// What is spoilt below is sound as it stands.
#[test]
fn the_unspoilt_message_is_served() {
    stage().served(sound("INVITE"));
    stage().answered(sound("OPTIONS"), &[200]);
}

/// §3.1.2.1: separators with nothing between them in Via.
#[test]
fn b013_t3_1_2_1_stray_separators() {
    stage().refused(spoilt("INVITE", ";branch=", ";;,;,,;branch="), "via");
    stage().refused(spoilt("OPTIONS", "Via: ", "Via: , "), "via");
}

/// §3.1.2.2: a body that is promised and not there (B004).
#[test]
fn b004_b013_t3_1_2_2_body_shorter_than_promised() {
    stage().answered(spoilt("INVITE", "{L}", "9999"), &[400]);
    stage().dropped(spoilt("INVITE", "{L}", "9999").replace("INVITE sip:3977@{E} SIP/2.0", "SIP/2.0 200 OK"));
}

/// §3.1.2.3: lengths that are none (B005).
#[test]
fn b005_b013_t3_1_2_3_content_length_that_is_no_number() {
    for length in ["-999", "+10", "0x10", "10 10", "", "99999999999999999999999", "zehn"] {
        stage().answered(spoilt("INVITE", "{L}", length), &[400]);
    }
}

/// §3.1.2.4: numbers that fit nowhere: none wraps around into a good one (B010, P055).
#[test]
fn b010_b013_p055_t3_1_2_4_overlarge_numbers() {
    for (from, to) in [
        ("CSeq: 8 ", "CSeq: 2147483648 "),
        ("CSeq: 8 ", "CSeq: 4294967304 "),
        ("CSeq: 8 ", "CSeq: 4294967296999 "),
        ("CSeq: 8 ", "CSeq: -1 "),
        ("Max-Forwards: 70", "Max-Forwards: 256"),
        ("Max-Forwards: 70", "Max-Forwards: 999"),
        ("Max-Forwards: 70", "Max-Forwards: 18446744073709551616"),
        ("{L}", "4294967296"),
    ] {
        stage().answered(spoilt("OPTIONS", from, to), &[400]);
    }
    stage().answered(spoilt("OPTIONS", "CSeq: 8 ", "CSeq: 2147483647 "), &[200]);
}

/// §3.1.2.5: an answer with numbers that fit nowhere goes to nobody.
#[test]
fn b013_t3_1_2_5_overlarge_numbers_in_an_answer() {
    stage().dropped(
        "SIP/2.0 503 Later\nVia: SIP/2.0/UDP {E};branch=z9hG4bKbig{N}\nTo: <sip:a@{H}>;tag=1\nFrom: <sip:b@{I}>;tag=2\n\
         Call-ID: big-{N}\nCSeq: 9292394834772304023312 OPTIONS\nRetry-After: 949302838503028349304023988\n\
         Warning: 1812 Ueberfluss \"en trop\"\nContent-Length: 0\n\n",
    );
}

/// §3.1.2.6: a quote that never closes, in From, To and Contact (P054).
#[test]
fn b013_p054_t3_1_2_6_quote_that_never_closes() {
    stage().refused(spoilt("INVITE", "\"Odile\" <", "\"Odile <"), "from");
    stage().refused(spoilt("INVITE", "To: <", "To: \"M. \\\" X <"), "to");
    stage().refused(spoilt("INVITE", "Contact: <sip:caller@{M}>", "Contact: <sip:caller@{M};ob>\""), "contact");
}

/// §3.1.2.7: the Request-URI in brackets.
#[test]
fn b013_t3_1_2_7_request_uri_in_brackets() {
    stage().refused(spoilt("INVITE", "sip:3977@{E}", "<sip:3977@{E}>"), "request-uri");
}

/// §3.1.2.8: a blank inside the Request-URI.
#[test]
fn b013_t3_1_2_8_blank_in_the_request_uri() {
    stage().refused(spoilt("INVITE", "sip:3977@{E} ", "sip:3977@{E}; lr "), "request-uri");
}

/// §3.1.2.9 and §3.1.2.10: more blanks in and behind the first line than there should be: passed over.
#[test]
fn b013_t3_1_2_9_and_10_blanks_in_the_first_line() {
    stage().answered(spoilt("OPTIONS", "OPTIONS sip:3977@{E} SIP", "OPTIONS   sip:3977@{E}    SIP"), &[200]);
    stage().answered(spoilt("OPTIONS", "SIP/2.0\n", "SIP/2.0  \n"), &[200]);
}

/// §3.1.2.11: headers asked for in the Request-URI are never obeyed: no other method, no Route, no body of theirs.
#[test]
fn b013_t3_1_2_11_headers_in_the_request_uri() {
    let uri = "sip:3977@{E}?Route=%3Csip:relais.example%3Blr%3E&method=REGISTER&body=v%3D1";
    let got = stage().answered(spoilt("OPTIONS", "sip:3977@{E}", uri), &[200, 400]);
    assert!(got.header("CSeq").is_some_and(|cseq| cseq.ends_with("OPTIONS")), "{got:?}");
}

/// §3.1.2.12: a date in a time zone that SIP does not know is not looked at.
#[test]
fn b013_t3_1_2_12_date_in_another_zone() {
    stage().served(spoilt("INVITE", "05:00:00 GMT", "06:00:00 CET"));
}

/// §3.1.2.14 and §3.1.2.15: blanks inside the brackets, and a name with a comma and no quotes: served or refused, never
/// misread into two addresses.
#[test]
fn b013_t3_1_2_14_and_15_blanks_and_commas_in_addresses() {
    let got = stage().answered(spoilt("OPTIONS", "To: <sip:3977@{H}>", "To: <  sip:3977@{H}  >"), &[200, 400]);
    assert_eq!(got.0.matches("\r\nTo:").count(), 1);
    let got = stage().answered(spoilt("OPTIONS", "\"Odile\" <", "DUPONT, Odile <"), &[200, 400]);
    assert_eq!(got.0.matches("\r\nFrom:").count(), 1);
}

/// §3.1.2.16: another version of SIP, older, newer and absurd (B007).
#[test]
fn b007_b013_t3_1_2_16_other_versions() {
    for version in ["SIP/7.0", "SIP/1.0", "SIP/2.1", "SIP/2.00", "sip/22"] {
        stage().answered(spoilt("OPTIONS", "SIP/2.0\n", &format!("{version}\n")), &[505]);
    }
}

/// §3.1.2.17 and §3.1.2.18: the CSeq names another method than the first line, known or not (B009).
#[test]
fn b009_b013_t3_1_2_17_and_18_two_methods() {
    stage().refused(spoilt("OPTIONS", "CSeq: 8 OPTIONS", "CSeq: 8 INVITE"), "cseq");
    stage().refused(spoilt("INVITE", "CSeq: 8 INVITE", "CSeq: 8 invite"), "cseq");
    stage().refused(spoilt("DANCE", "CSeq: 8 DANCE", "CSeq: 8 SING"), "cseq");
}

/// §3.1.2.19: status codes that would be good ones if they wrapped around.
#[test]
fn b013_t3_1_2_19_status_codes_that_are_none() {
    for code in ["4294967496", "65736", "99", "700", "-200", "2OO", "20"] {
        stage().dropped(sound("OPTIONS").replacen("OPTIONS sip:3977@{E} SIP/2.0", &format!("SIP/2.0 {code} OK"), 1));
    }
}

/// §3.2.1: a branch that is only the cookie names no transaction: two such requests are two, and both are answered.
#[test]
fn b013_t3_2_1_branch_of_the_cookie_alone() {
    let bare = spoilt("OPTIONS", "branch=z9hG4bKbad{N}", "branch=z9hG4bK");
    for _ in 0..2 {
        let got = stage().answered(&bare, &[200]);
        assert!(got.header("Via").is_some_and(|via| via.contains("branch=z9hG4bK")), "{got:?}");
    }
    stage().served(spoilt("INVITE", "branch=z9hG4bKbad{N}", "branch=z9hG4bK"));
}

/// A line feed inside a quoted name (P056): no line of its own comes out of it, in the answer or in the log.
#[test]
fn p056_line_feed_in_a_quoted_name() {
    for name in ["\"a\nX-Evil: 1\" <", "\"a\n X-Evil: 1\" <", "\"a\rX-Evil: 1\" <"] {
        let got = stage().answered(spoilt("OPTIONS", "\"Odile\" <", name), &[200, 400]);
        assert!(!got.0.lines().any(|line| line.starts_with("X-Evil")), "{got:?}");
    }
    let got = stage().answered(spoilt("OPTIONS", "sip:+33199000105@", "sip:a%0d%0aX-Evil:%201@"), &[200, 400]);
    assert!(!got.0.lines().any(|line| line.starts_with("X-Evil")), "{got:?}");
}

/// NUL bytes, noise, a datagram of the largest size, an empty one and lone line ends are dropped (B017, B015).
#[test]
fn b015_b017_noise_is_dropped() {
    let stage = stage();
    let dropped = |bytes: &[u8]| {
        let letter = stage.letter("x");
        letter.peer.send(bytes);
        assert!(letter.peer.receive(crate::wire::raw::NOTHING).is_none(), "{} bytes were answered", bytes.len());
    };
    dropped(b"");
    dropped(b"\r\n");
    dropped(b"\r\n\r\n");
    dropped(&[0; 64]);
    dropped(&vec![0xff; 65_507]);
    dropped(&vec![b'A'; 65_507]);
    dropped(b"\0INVITE sip:3977 SIP/2.0\r\n\r\n");
    // Line ends before the message are nothing.
    let mut text = b"\r\n\r\n\n".to_vec();
    text.extend(sound("OPTIONS").as_bytes());
    stage.answered(text, &[200]);
}
