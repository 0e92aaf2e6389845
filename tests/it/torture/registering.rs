//! The REGISTERs of RFC 4475: §3.1.1.4, §3.1.2.13, §3.3.4, §3.3.7 and §3.3.12 to §3.3.14, each by somebody who knows the
//! password, so that what is judged is the message and not the stranger.

use md5::Digest as _;

use super::stage::stage;
use crate::engine::PASSWORD;
use crate::wire::raw::{ANSWER, Got};

/// Registers with these header lines: asked for the password, and given it for this account. Each test has one of its own.
fn register(account: &str, contact: &str) -> Got {
    register_as(account, &format!("<sip:{account}@{{H}}>"), contact)
}

/// The same for another address of record than the account's.
fn register_as(account: &str, aor: &str, contact: &str) -> Got {
    let stage = stage();
    let text = format!(
        "REGISTER sip:{{H}} SIP/2.0\nVia: SIP/2.0/UDP {{M}};rport;branch=z9hG4bKreg{{N}}\nMax-Forwards: 70\nTo: {aor}\n\
         From: {aor};tag=r{{N}}\nCall-ID: reg-{{N}}\nCSeq: 1 REGISTER\n{contact}Expires: 60\nContent-Length: 0\n\n"
    );
    let letter = stage.letter(text);
    letter.peer.send(&letter.bytes);
    let asked = letter.peer.receive_where(ANSWER, |got| got.status() >= 200).expect("an answer");
    let got = match asked.status() {
        401 => {
            let uri = format!("sip:{}", stage.sip.ip());
            let first = String::from_utf8_lossy(&letter.bytes).into_owned();
            let again = first.replacen("CSeq: 1 ", "CSeq: 2 ", 1).replacen("z9hG4bKreg", "z9hG4bKsec", 1).replacen(
                "Expires:",
                &format!("{}Expires:", authorization(account, &asked, &uri)),
                1,
            );
            letter.peer.send(again);
            letter.peer.receive_where(ANSWER, |got| got.status() >= 200 && got.header("CSeq") == Some("2 REGISTER"))
        }
        _ => Some(asked),
    };
    stage.goes_on();
    got.expect("an answer")
}

/// The credentials for the MD5 challenge among those of a 401.
fn authorization(account: &str, asked: &Got, uri: &str) -> String {
    let challenge = asked.0.lines().find(|l| l.starts_with("WWW-Authenticate:") && l.contains("MD5")).expect("MD5");
    let nonce = challenge.split("nonce=\"").nth(1).and_then(|n| n.split('"').next()).expect("a nonce");
    let hash = |text: String| -> String { md5::Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect() };
    let (ha1, ha2) = (hash(format!("{account}:ecoute:{PASSWORD}")), hash(format!("REGISTER:{uri}")));
    let response = hash(format!("{ha1}:{nonce}:00000001:c0:auth:{ha2}"));
    format!(
        "Authorization: Digest username=\"{account}\", realm=\"ecoute\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", qop=auth, nc=00000001, cnonce=\"c0\", algorithm=MD5\r\n"
    )
}

/// §3.1.1.4: a NUL is a letter of the user: `ain%00` is somebody else than `ain`, whose password is no good for it; in
/// a Contact it is kept as written.
#[test]
fn b013_t3_1_1_4_escaped_nul() {
    assert_eq!(register_as("ain", "<sip:ain%00@{H}>", "Contact: <sip:ain@{M}>\n").status(), 403);
    let got = register("ain", "Contact: <sip:%00@{M}>\nContact: <sip:%00%00@{M}>\n");
    assert_eq!(got.status(), 200, "{got:?}");
    assert!(got.0.contains("<sip:%00@") && got.0.contains("<sip:%00%00@"), "two devices: {got:?}");
    assert_eq!(register("ain", "Contact: <sip:%00@{M}>;expires=0, <sip:%00%00@{M}>;expires=0\n").status(), 200);
}

/// §3.1.2.13: a question mark in an address without brackets: refused, and nothing is bound.
#[test]
fn b013_t3_1_2_13_headers_without_brackets() {
    let got = register("aisne", "Contact: sip:user@example.org?Route=%3Csip:relais.example%3E\n");
    assert_eq!(got.status(), 400, "{got:?}");
}

/// §3.3.4: a Contact and a To that are no SIP addresses are not bound.
#[test]
fn b013_t3_3_4_registering_other_schemes() {
    assert!(
        [400, 403, 404].contains(&register_as("aisne", "<isbn:2983792873>", "Contact: <sip:aisne@{M}>\n").status())
    );
    let got = register("aisne", "Contact: <name:John_Smith>\n");
    assert!([400, 403, 404].contains(&got.status()), "{got:?}");
}

/// §3.3.7: credentials of a scheme nobody knows are none: the challenge comes as if nothing were shown.
#[test]
fn b013_t3_3_7_unknown_credentials() {
    let text = "REGISTER sip:{H} SIP/2.0\nVia: SIP/2.0/UDP {M};branch=z9hG4bKsch{N}\nMax-Forwards: 70\n\
        To: <sip:rhone@{H}>\nFrom: <sip:rhone@{H}>;tag=1\nCall-ID: sch-{N}\nCSeq: 1 REGISTER\nContact: <sip:rhone@{M}>\n\
        Authorization: Passepartout opaque-data=here, Digest=none\nContent-Length: 0\n\n";
    let got = stage().answered(text, &[401]);
    assert!(got.header("WWW-Authenticate").is_some_and(|value| value.starts_with("Digest ")), "{got:?}");
}

/// §3.3.12 and §3.3.13: without brackets a parameter is the Contact's and is not stored; inside them it is the URI's and
/// comes back with it.
#[test]
fn b013_t3_3_12_and_13_whose_parameter() {
    let got = register("allier", "Contact: sip:+33199000108@{M};inconnu;expires=90\n");
    assert_eq!(got.status(), 200, "{got:?}");
    let contacts: Vec<&str> = got.0.lines().filter(|line| line.starts_with("Contact:")).collect();
    assert!(contacts.iter().any(|c| c.contains("+33199000108@") && !c.contains(";inconnu>")), "{contacts:?}");
    let got = register("allier", "Contact: <sip:+33199000109@{M};inconnu>\n");
    assert_eq!(got.status(), 200, "{got:?}");
    assert!(got.0.contains(";inconnu>"), "{got:?}");
}

/// §3.3.14: a Route hidden in the Contact's URI: the device is bound, and the Route is no header of ours.
#[test]
fn b013_t3_3_14_route_hidden_in_a_contact() {
    let got = register("rhone", "Contact: <sip:rhone@{M}?Route=%3Csip:relais.example%3Blr%3E>\n");
    assert_eq!(got.status(), 200, "{got:?}");
    assert_eq!(got.header("Route"), None);
}
