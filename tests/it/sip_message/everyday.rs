//! What real exchanges, trunks and telephones send: all of it is understood, and none of it allocates.

use ecoute::sip::message::{Framing, HeaderName, Message, Method, Refresher, validate};

use super::{Verdict, folder, judge, message_bytes};
use crate::alloc::allocations_of;

fn with<T>(file: &str, look: impl FnOnce(&Message<'_>) -> T) -> T {
    let bytes = message_bytes(&format!("everyday/{file}.dat"));
    look(&Message::parse(&bytes, Framing::Datagram).unwrap_or_else(|error| panic!("{file}: {error}")))
}

/// Every everyday message is sound.
#[test]
fn all_are_sound() {
    for (name, bytes) in folder("everyday") {
        assert_eq!(judge(&bytes), Verdict::Sound, "{name}");
    }
}

/// A trunk's INVITE says what it says.
#[test]
fn trunk_invite() {
    with("01-trunk-invite", |m| {
        assert_eq!(m.request_uri(), Some(b"sip:+33199003977@192.0.2.10:5060;user=phone".as_slice()));
        assert_eq!(m.via().and_then(|v| v.rport), Some(None));
        assert_eq!(m.p_asserted_identity().count(), 2);
        assert_eq!(m.allow().last(), Some(Method::Publish));
        assert!(m.supports("timer") && m.supports("100rel") && !m.supports("outbound"));
        assert_eq!(m.session_expires().and_then(|s| s.refresher), Some(Refresher::Uac));
        assert_eq!(m.min_se(), Some(90));
        assert!(!m.wants_privacy());
        assert!(m.body_of_type("application/sdp").is_some_and(|sdp| sdp.starts_with(b"v=0")));
    });
}

/// Names in ISO-8859-1, quoted or not, with commas and escapes, come out as their owners wrote them.
#[test]
fn names() {
    let name = |file| with(file, |m| m.from().map(|a| a.display_text()));
    assert_eq!(name("02-latin-1-name").as_deref(), Some("Hélène Lefèvre"));
    assert_eq!(name("03-folded").as_deref(), Some("Jean Dupont"));
    assert_eq!(name("05-comma-in-name").as_deref(), Some("DUPONT, ALICE"));
    assert_eq!(name("06-escaped-name").as_deref(), Some("Nom \\ \"dit\""));
    assert_eq!(name("21-numbers-with-spaces").as_deref(), Some("M. Poste 12"));
}

/// Hidden callers are seen to be hidden, and the number their network vouches for is readable.
#[test]
fn anonymous() {
    with("07-anonymous", |m| {
        assert!(m.wants_privacy());
        assert_eq!(m.p_asserted_identity().next().map(|a| a.uri), Some(b"sip:+33639980001@trunk.example".as_slice()));
    });
}

/// Credentials, challenges, reasons, RAck, a multipart body.
#[test]
fn fields_of_their_own() {
    with("11-browser-ws", |m| {
        let digest = m.authorization().next().expect("credentials");
        assert_eq!((digest.username, digest.nonce_count()), (b"odile".as_slice(), Some(2)));
        let contact = m.contact().expect("a Contact");
        assert!(contact.params.get("+sip.instance").is_some_and(|i| i.starts_with(b"<urn:uuid:")));
    });
    with("14-challenge", |m| {
        let challenges: Vec<_> = m.www_authenticate().map(|c| (c.nonce, c.algorithm)).collect();
        assert_eq!(challenges, [(b"ad5b, 9c".as_slice(), Some(b"MD5".as_slice())), (b"77", Some(b"SHA-256"))]);
    });
    with("13-busy-with-reason", |m| {
        assert_eq!((m.reason().find_map(|r| r.q850()), m.retry_after()), (Some(17), Some(120)));
    });
    with("19-prack", |m| assert_eq!(m.rack().map(|r| (r.rseq, r.cseq)), Some((813_520, 1))));
    with("18-isup-beside-sdp", |m| {
        assert_eq!(m.parts().map(|p| (p.is_optional(), p.body.len())).last(), Some((true, 256)));
        assert!(m.body_of_type("application/sdp").is_some());
    });
}

/// Reading a typical INVITE, judging it and asking for what a call needs takes no memory at all.
#[test]
fn nothing_is_allocated() {
    let bytes = message_bytes("everyday/01-trunk-invite.dat");
    assert!(bytes.len() > 1100, "{} bytes", bytes.len());
    let (complete, allocations) = allocations_of(|| {
        let m = Message::parse(&bytes, Framing::Datagram).expect("a message");
        let sound = validate(&m).is_ok();
        let found = [
            m.vias().count() == 2,
            m.from().and_then(|a| a.tag()).is_some(),
            m.to().is_some_and(|a| a.parsed_uri().is_ok()),
            m.contact().is_some_and(|a| a.parsed_uri().is_ok()),
            m.cseq().is_some(),
            m.call_id().is_some(),
            m.max_forwards() == Some(68),
            m.record_route().count() == 1,
            m.p_asserted_identity().count() == 2,
            m.supports("100rel"),
            m.session_expires().is_some(),
            m.allow().any(|method| method == Method::Update),
            m.privacy().count() == 1,
            m.body_of_type("application/sdp").is_some(),
            m.header(HeaderName::UserAgent).is_some(),
        ];
        sound && found.iter().all(|f| *f)
    });
    assert!(complete);
    assert_eq!(allocations, 0);
    let (_, one) = allocations_of(|| Vec::<u8>::with_capacity(bytes.len()));
    assert_eq!(one, 1, "the counter counts");
}
