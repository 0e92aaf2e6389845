//! Messages as the field writes them (`tests/data/messages`, made up here; every number is from a range for fiction), each
//! with what it says: French trunks, exchanges in Latin-1, telephones, browsers, other people's servers.

use std::fs;

use ecoute::sip::message::{Framing, Message, NameAddr, Refresher, validate};

use crate::engine::repository;

/// What a message says, as far as a call needs it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reading {
    /// The method, or the status.
    what: &'static str,
    /// From: its name and its user or number.
    from: (&'static str, &'static str),
    /// The user or number in To.
    to: &'static str,
    /// The users or numbers in P-Asserted-Identity.
    asserted: &'static [&'static str],
    /// The host of the first Contact.
    contact: &'static str,
    /// Session-Expires.
    timer: Option<(u32, Option<Refresher>)>,
    /// The port of the first stream of its description.
    audio: Option<u16>,
    vias: usize,
    record_routes: usize,
    hidden: bool,
}

const READINGS: &[(&str, Reading)] = &[
    (
        "fr-sbc-mobile-caller",
        Reading {
            what: "INVITE",
            from: ("", "+33639980011"),
            to: "+33199003977",
            asserted: &["+33639980011", "+33639980011"],
            contact: "203.0.113.21",
            timer: Some((1800, None)),
            audio: Some(21004),
            vias: 1,
            record_routes: 1,
            hidden: false,
        },
    ),
    (
        "fr-softswitch-hidden-caller",
        Reading {
            what: "INVITE",
            from: ("Anonymous", "anonymous"),
            to: "+33199003977",
            asserted: &["+33199000112"],
            contact: "203.0.113.31",
            timer: None,
            audio: Some(40010),
            vias: 1,
            record_routes: 0,
            hidden: true,
        },
    ),
    (
        "fr-trunk-diverted-call",
        Reading {
            what: "INVITE",
            from: ("", "0639980012"),
            to: "0199003977",
            asserted: &["+33639980012"],
            contact: "203.0.113.41",
            timer: Some((3600, Some(Refresher::Uas))),
            audio: Some(30120),
            vias: 1,
            record_routes: 0,
            hidden: false,
        },
    ),
    (
        "pabx-latin-1-names",
        Reading {
            what: "INVITE",
            from: ("Résidence «Les Tilleuls», 3ème", "0199000114"),
            to: "3977",
            asserted: &["+33199000114"],
            contact: "203.0.113.51",
            timer: None,
            audio: Some(5004),
            vias: 1,
            record_routes: 0,
            hidden: false,
        },
    ),
    ("baresip-register", phone("REGISTER", "", "isere", "isere", "192.168.1.40", None)),
    ("linphone-register-tls", phone("REGISTER", "", "rhone", "rhone", "192.168.1.41", None)),
    ("yealink-invite", phone("INVITE", "Poste 12", "0199000115", "3977", "192.168.10.55", Some(11780))),
    ("snom-register-challenge-answer", phone("REGISTER", "Loire", "loire", "loire", "192.168.10.56", None)),
    ("polycom-hold", phone("INVITE", "Savoie", "savoie", "3977", "192.168.10.57", Some(2222))),
    ("cisco-7960-invite", phone("INVITE", "Drome", "drome", "3977", "192.168.10.58", Some(16904))),
    ("asterisk-options", phone("OPTIONS", "", "asterisk", "", "203.0.113.61", None)),
    (
        "freeswitch-answer",
        Reading {
            timer: Some((1800, Some(Refresher::Uac))),
            ..phone("200", "3977", "3977", "ain", "203.0.113.62", Some(27530))
        },
    ),
    (
        "kamailio-relayed-invite",
        Reading {
            vias: 2,
            record_routes: 2,
            ..phone("INVITE", "", "+33639980013", "3977", "192.168.1.72", Some(35000))
        },
    ),
    (
        "browser-invite-wss",
        Reading {
            timer: Some((90, None)),
            ..phone("INVITE", "Odile", "gard", "3977", "3f9c1ab27dk2.invalid", Some(52000))
        },
    ),
    ("lf-only-compact-old-gateway", phone("INVITE", "0199000116", "0199000116", "3977", "203.0.113.90", Some(8000))),
    (
        "isup-gateway-tel-uris",
        Reading {
            asserted: &["+33639980014"],
            ..phone("INVITE", "", "+33639980014", "3977", "203.0.113.95", Some(19000))
        },
    ),
    ("busy-with-q850", phone("486", "", "3977", "+33639980015", "", None)),
];

const fn phone(
    what: &'static str,
    name: &'static str,
    from: &'static str,
    to: &'static str,
    contact: &'static str,
    audio: Option<u16>,
) -> Reading {
    Reading {
        what,
        from: (name, from),
        to,
        asserted: &[],
        contact,
        timer: None,
        audio,
        vias: 1,
        record_routes: 0,
        hidden: false,
    }
}

fn with<T>(name: &str, look: impl FnOnce(&Message<'_>) -> T) -> T {
    let path = repository().join("tests/data/messages").join(format!("{name}.sip"));
    let bytes = fs::read(&path).expect(name);
    look(&Message::parse(&bytes, Framing::Datagram).expect(name))
}

/// Every message of the folder is sound, and says what is written here.
#[test]
fn b001_b012_p049_p051_p075_p077_p079_messages_of_the_field() {
    let files = fs::read_dir(repository().join("tests/data/messages")).expect("the folder");
    let files = files.filter(|e| e.as_ref().is_ok_and(|e| e.path().extension().is_some_and(|x| x == "sip"))).count();
    assert_eq!(files, READINGS.len(), "each file has its reading");
    let user = |address: Option<NameAddr<'_>>| {
        let decoded = address.and_then(|a| a.parsed_uri().ok()?.user_decoded().map(|u| u.into_owned()));
        decoded.map_or(String::new(), |user| String::from_utf8_lossy(&user).into_owned())
    };
    for (name, said) in READINGS {
        with(name, |m| {
            assert_eq!(validate(m), Ok(()), "{name}");
            let what = m.status().map_or_else(
                || m.method().map_or(String::new(), |method| String::from_utf8_lossy(method.as_bytes()).into_owned()),
                |status| status.to_string(),
            );
            assert_eq!(what, said.what, "{name}");
            let from = m.from().expect("From");
            assert_eq!((from.display_text().as_str(), user(Some(from)).as_str()), said.from, "{name}");
            assert_eq!(user(m.to()), said.to, "{name}");
            let asserted: Vec<String> = m.p_asserted_identity().map(|who| user(Some(who))).collect();
            assert_eq!(asserted, said.asserted, "{name}");
            let contact = m.contact().and_then(|c| c.parsed_uri().ok()).map_or(&b""[..], |uri| uri.host);
            assert_eq!(String::from_utf8_lossy(contact), said.contact, "{name}");
            assert_eq!(m.session_expires().map(|s| (s.seconds, s.refresher)), said.timer, "{name}");
            let sdp = m.body_of_type("application/sdp").map(|body| ecoute::sdp::parse(body).expect("a description"));
            assert_eq!(sdp.and_then(|sdp| sdp.media.first().map(|media| media.port)), said.audio, "{name}");
            assert_eq!((m.vias().count(), m.record_route().count()), (said.vias, said.record_routes), "{name}");
            assert_eq!(m.wants_privacy(), said.hidden, "{name}");
        });
    }
}

/// The rarer things some of them say.
#[test]
fn p040_p053_what_else_they_say() {
    with("isup-gateway-tel-uris", |m| {
        assert_eq!(m.request_uri(), Some(b"tel:+33199003977".as_slice()));
        let parts: Vec<(bool, usize)> = m.parts().map(|part| (part.is_optional(), part.body.len())).collect();
        assert_eq!(parts.last(), Some(&(true, 256)));
        let context = m.to().and_then(|to| to.parsed_uri().ok()?.params.get("phone-context").map(<[u8]>::to_vec));
        assert_eq!(context.as_deref(), Some(b"+33".as_slice()));
    });
    with("busy-with-q850", |m| assert_eq!(m.reason().find_map(|reason| reason.q850()), Some(17)));
    with("pabx-latin-1-names", |m| {
        let name = m.p_asserted_identity().next().map(|who| who.display_text());
        assert_eq!(name.as_deref(), Some("Hélène Bégué"));
    });
    with("snom-register-challenge-answer", |m| {
        let digest = m.authorization().next().expect("credentials");
        assert_eq!((digest.username, digest.nonce_count(), digest.qop), (&b"loire"[..], Some(1), Some(&b"auth"[..])));
        let contact = m.contact().expect("a Contact");
        assert_eq!(contact.params.get("reg-id"), Some(&b"1"[..]));
    });
    with("linphone-register-tls", |m| {
        assert!(m.via().is_some_and(|via| via.is_transport("TLS") && via.params.has("alias")));
        let uri = m.contact().and_then(|c| c.parsed_uri().ok()).expect("a URI");
        assert_eq!(uri.params.get("pn-prid"), Some(&b"t0k3n"[..]));
    });
    with("polycom-hold", |m| {
        let sdp = m.body_of_type("application/sdp").expect("a description");
        let read = ecoute::sdp::parse(sdp).expect("readable");
        assert_eq!(read.direction(&read.media[0]), ecoute::sdp::Direction::SendOnly);
    });
}
