//! The 49 messages of RFC 4475 (and one completed) and the 12 of RFC 5118 against `expected.csv`.

use ecoute::sip::message::{Framing, HeaderName, Message, Method, Scheme, Uri, validate};

use super::{Verdict, judge, message_bytes, read_everything, torture_folder};

/// Every message of both RFCs is served, refused or dropped as `expected.csv` says.
#[test]
fn b013_b014_p057_every_message_is_judged_as_expected() {
    let table = std::fs::read_to_string(torture_folder().join("expected.csv")).expect("the table");
    let mut faults = Vec::new();
    let mut seen = 0;
    for row in table.lines().skip(1) {
        let mut cells = row.split(',');
        let (file, _section, _kind, class) = (cells.next(), cells.next(), cells.next(), cells.next());
        let codes = cells.next().map_or("", |cell| cell.trim_matches('"'));
        let (file, class) = (file.expect("a file"), class.expect("a class"));
        let verdict = judge(&message_bytes(file));
        let accepted = |code: u16| codes.split('|').any(|c| c.parse() == Ok(code));
        let right = match (class, &verdict) {
            ("valid", Verdict::Sound) => true,
            // What remains of these for policy is shown below, one by one.
            ("semantic", Verdict::Sound) => !accepted(416) && !accepted(505),
            ("semantic" | "invalid", Verdict::Refused(status)) => accepted(*status),
            ("invalid", Verdict::Dropped) => codes.contains("none"),
            // A response nobody asked for: no transaction will match it, or it is dropped here already.
            ("response", Verdict::Sound | Verdict::Dropped) => true,
            ("lenient", Verdict::Sound | Verdict::Refused(400)) => true,
            _ => false,
        };
        if !right {
            faults.push(format!("{file}: {class} ({codes}), but {verdict:?}"));
        }
        seen += 1;
    }
    assert_eq!(seen, 62);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Reads a message of RFC 4475 or RFC 5118 that must be sound.
fn with<T>(file: &str, look: impl FnOnce(&Message<'_>) -> T) -> T {
    let bytes = message_bytes(file);
    let message = Message::parse(&bytes, Framing::Datagram).unwrap_or_else(|error| panic!("{file}: {error}"));
    read_everything(&message);
    look(&message)
}

/// §3.1.1.1: folding, blanks and compact names do not hide what is said.
#[test]
fn wsinv() {
    with("rfc4475/wsinv.dat", |m| {
        assert_eq!(m.from().and_then(|a| a.tag()), Some(b"98asjd8".as_slice()));
        assert_eq!(m.to().and_then(|a| a.tag()), Some(b"1918181833n".as_slice()));
        assert_eq!(m.from().map(|a| a.display_text()), Some("J Rosenberg \\\"".to_owned()));
        assert_eq!(m.cseq(), Some((9, Method::Invite)));
        assert_eq!(m.max_forwards(), Some(68));
        assert_eq!(m.vias().count(), 3);
        assert_eq!(m.via().map(|v| v.host), Some(b"192.0.2.2".as_slice()));
        assert_eq!(m.header(HeaderName::Subject), Some(b"".as_slice()));
        assert_eq!(m.route().count(), 1);
        assert_eq!(m.body().len(), 150);
    });
}

/// §3.1.1.2 and §3.1.1.5: strange methods are methods, and none of ours.
#[test]
fn strange_methods() {
    with("rfc4475/intmeth.dat", |m| {
        assert_eq!(m.method(), Some(Method::Other(b"!interesting-Method0123456789_*+`.%indeed'~")));
        let display = m.to().map(|a| a.display_bytes().into_owned()).expect("a To");
        assert!(display.contains(&0) && display.contains(&7), "NUL and BEL are part of the name");
        assert_eq!(m.from().and_then(|a| a.tag()), Some(b"_token~1'+`*%!-.".as_slice()));
    });
    with("rfc4475/esc02.dat", |m| assert_eq!(m.method(), Some(Method::Other(b"RE%47IST%45R"))));
}

/// §3.1.1.3, §3.1.1.4, §3.1.1.9: escapes and semicolons in the user part.
#[test]
fn user_parts() {
    with("rfc4475/esc01.dat", |m| {
        let uri = Uri::parse(m.request_uri().expect("a request")).expect("a URI");
        assert_eq!(uri.user, Some(b"sips%3Auser%40example.com".as_slice()));
        assert_eq!(uri.user_decoded().as_deref(), Some(b"sips:user@example.com".as_slice()));
        assert_eq!(uri.host, b"example.net");
    });
    with("rfc4475/escnull.dat", |m| {
        let users: Vec<Vec<u8>> =
            m.contacts().filter_map(|c| c.parsed_uri().ok()?.user_decoded().map(|u| u.into_owned())).collect();
        assert_eq!(users, [b"\0".to_vec(), b"\0\0".to_vec()]);
    });
    with("rfc4475/semiuri.dat", |m| {
        let uri = Uri::parse(m.request_uri().expect("a request")).expect("a URI");
        assert_eq!((uri.user, uri.host), (Some(b"user;par=u%40example.net".as_slice()), b"example.com".as_slice()));
    });
}

/// §3.1.1.7, §3.1.1.8: long is not wrong, and what stands behind the body is not part of the message.
#[test]
fn long_and_double() {
    with("rfc4475/longreq.dat", |m| {
        assert_eq!(m.vias().count(), 34);
        assert_eq!(validate(m), Ok(()));
    });
    with("rfc4475/dblreq.dat", |m| assert_eq!((m.method(), m.body().len()), (Some(Method::Register), 0)));
}

/// §3.3: what is left to the layers above is there for them to see.
#[test]
fn left_to_policy() {
    with("rfc4475/bext01.dat", |m| {
        assert_eq!(m.require().collect::<Vec<_>>(), [b"nothingSupportsThis".as_slice(), b"nothingSupportsThisEither"]);
        assert!(m.has_token(HeaderName::ProxyRequire, "noProxiesSupportThis"));
    });
    with("rfc4475/invut.dat", |m| assert!(m.content_type().is_some_and(|t| t.is("application/unknownformat"))));
    with("rfc4475/regaut01.dat", |m| {
        assert_eq!(m.authorization().count(), 0);
        assert_eq!(m.authorization_scheme(), Some(b"NoOneKnowsThisScheme".as_slice()));
    });
    with("rfc4475/unksm2.dat", |m| {
        let schemes = [m.from(), m.to(), m.contact()].map(|a| a.and_then(|a| a.parsed_uri().ok()).map(|u| u.scheme));
        assert!(schemes.iter().all(|s| matches!(s, Some(Scheme::Other(_)))), "{schemes:?}");
    });
    with("rfc4475/sdp01.dat", |m| assert!(m.has_token(HeaderName::Accept, "text/nobodyKnowsThis")));
    with("rfc4475/badbranch.dat", |m| assert!(!m.via().is_some_and(|v| v.has_rfc3261_branch())));
    with("rfc4475/inv2543.dat", |m| assert_eq!((m.via().and_then(|v| v.branch), m.body().len()), (None, 105)));
}

/// §3.3.12 to §3.3.14: whose a parameter is, and a Route in a URI that we never follow.
#[test]
fn contact_parameters() {
    with("rfc4475/cparam01.dat", |m| {
        let contact = m.contact().expect("a Contact");
        assert_eq!(
            (contact.uri, contact.params.has("unknownparam")),
            (b"sip:+19725552222@gw1.example.net".as_slice(), true)
        );
    });
    with("rfc4475/cparam02.dat", |m| {
        let contact = m.contact().expect("a Contact");
        assert!(contact.params.is_empty() && contact.parsed_uri().is_ok_and(|u| u.params.has("unknownparam")));
    });
    with("rfc4475/regescrt.dat", |m| {
        let uri = m.contact().and_then(|c| c.parsed_uri().ok()).expect("a URI");
        assert_eq!((uri.host, uri.headers.is_empty(), m.route().count()), (b"example.com".as_slice(), false, 0));
    });
}

/// RFC 5118: IPv6 in every place.
#[test]
fn ipv6() {
    with("rfc5118/port-ambiguous.dat", |m| {
        let uri = Uri::parse(m.request_uri().expect("a request")).expect("a URI");
        assert_eq!((uri.host_ip(), uri.port), ("2001:db8::10:5070".parse().ok(), None));
    });
    with("rfc5118/port-unambiguous.dat", |m| {
        let uri = Uri::parse(m.request_uri().expect("a request")).expect("a URI");
        assert_eq!((uri.host_ip(), uri.port), ("2001:db8::10".parse().ok(), Some(5070)));
    });
    for file in ["rfc5118/via-received-param-with-delim.dat", "rfc5118/via-received-param-no-delim.dat"] {
        with(file, |m| assert_eq!(m.via().and_then(|v| v.received_ip()), "2001:db8::9:255".parse().ok(), "{file}"));
    }
    with("rfc5118/mult-ip-in-header.dat", |m| assert_eq!(m.vias().filter(|v| v.host_ip().is_some()).count(), 3));
    with("rfc5118/ipv4-mapped-ipv6.dat", |m| {
        assert_eq!(m.contact().and_then(|c| c.parsed_uri().ok()?.host_ip()), "::ffff:192.0.2.2".parse().ok());
    });
}
