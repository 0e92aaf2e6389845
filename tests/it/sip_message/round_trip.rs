//! What we write, we read: any names, tags, URIs and bodies survive the way through bytes.

use ecoute::sip::message::{Framing, HeaderName, Message, MessageWriter, Method, validate};
use proptest::collection::vec;
use proptest::prelude::*;

/// Bytes of a display name: anything, control characters included.
fn display() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..24)
}

/// Bytes of a header name, now and then one that stands for Content-Length.
fn header_name() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![Just(&b"l"[..]), Just(&b"L"[..]), Just(&b"content\rLENGTH"[..])];
    prop_oneof![4 => vec(any::<u8>(), 0..12), 1 => length.prop_map(<[u8]>::to_vec)]
}

fn token() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9.!%*_+`'~-]{1,20}"
}

fn user() -> impl Strategy<Value = String> {
    "(\\+?[0-9]{1,15}|[a-z0-9.&=+$,;?/_!~*'()-]{1,12})"
}

/// A display name as it comes back: control characters have become spaces, ends are as they were.
fn calm(name: &[u8]) -> Vec<u8> {
    name.iter().map(|b| if *b < 32 || *b == 127 { b' ' } else { *b }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// A request of ours comes back part by part.
    #[test]
    fn requests(
        name in display(), user in user(), tag in token(), id in token(), branch in token(),
        number in 0u32..=0x7fff_ffff, port in 1u16.., routes in vec(token(), 0..5), body in vec(any::<u8>(), 0..200),
    ) {
        let uri = format!("sip:{user}@example.net:{port};transport=tcp");
        let routes: Vec<String> = routes.iter().map(|host| format!("<sip:r@h;x={host};lr>")).collect();
        let mut writer = MessageWriter::request(Method::Update, uri.as_bytes());
        writer
            .via("TCP", &format!("192.0.2.1:{port}"), branch.as_bytes(), true)
            .max_forwards(70)
            .from(&name, uri.as_bytes(), tag.as_bytes())
            .to(b"", b"sip:b@h", None)
            .call_id(id.as_bytes())
            .cseq(number, Method::Update)
            .routes(routes.iter().map(String::as_bytes));
        let bytes = writer.finish_with_body("text/plain", &body);
        let message = Message::parse(&bytes, Framing::Stream).expect("a message");
        prop_assert_eq!(validate(&message), Ok(()));
        prop_assert_eq!(message.request_uri(), Some(uri.as_bytes()));
        let from = message.from().expect("a From");
        prop_assert_eq!(from.uri, uri.as_bytes());
        prop_assert_eq!(from.tag(), Some(tag.as_bytes()));
        prop_assert_eq!(&*from.display_bytes(), &calm(&name)[..]);
        let parsed = from.parsed_uri().expect("a URI");
        prop_assert_eq!((parsed.user, parsed.port), (Some(user.as_bytes()), Some(port)));
        let via = message.via().expect("a Via");
        prop_assert_eq!((via.port, via.branch, via.rport), (Some(port), Some(branch.as_bytes()), Some(None)));
        prop_assert_eq!(message.cseq(), Some((number, Method::Update)));
        prop_assert_eq!(message.call_id(), Some(id.as_bytes()));
        let read: Vec<&[u8]> = message.headers_of(HeaderName::Route).collect();
        prop_assert_eq!(read, routes.iter().map(String::as_bytes).collect::<Vec<_>>());
        prop_assert_eq!(message.route().filter(|r| r.parsed_uri().is_ok_and(|u| u.is_loose_router())).count(), routes.len());
        prop_assert_eq!(message.body(), &body[..]);
    }

    /// No value, whatever its bytes, adds a header, ends the headers or changes the body.
    #[test]
    fn any_value_is_one_header(value in vec(any::<u8>(), 0..60), name in header_name()) {
        let mut writer = MessageWriter::response(200);
        writer.header(HeaderName::Subject, &value).header(HeaderName::Other(&name), &value);
        writer.address(HeaderName::To, &value, &value, &[("tag", &value)]);
        let bytes = writer.finish_with_body("text/plain", b"body");
        let message = Message::parse(&bytes, Framing::Stream).expect("a message");
        // A name that comes out as Content-Length is left out: ours is the only one.
        let dashed: Vec<u8> = name.iter().map(|b| if b.is_ascii_alphanumeric() { *b } else { b'-' }).collect();
        let is_length = HeaderName::from_bytes(&dashed) == HeaderName::ContentLength;
        prop_assert_eq!(message.header_count(), if is_length { 4 } else { 5 });
        prop_assert_eq!(message.body(), b"body");
    }

    /// A response repeats the Vias of its request in order, whatever their number, and completes the first alone.
    #[test]
    fn responses(hosts in vec("[a-z]{1,8}", 1..6), port in 1u16.., tag in token()) {
        let mut writer = MessageWriter::request(Method::Options, b"sip:h");
        for host in &hosts {
            writer.via("UDP", host, format!("z9hG4bK{host}").as_bytes(), true);
        }
        writer.from(b"", b"sip:a@h", b"1").to(b"", b"sip:h", None).call_id(b"c").cseq(1, Method::Options);
        let request = writer.finish();
        let request = Message::parse(&request, Framing::Datagram).expect("a request");
        let source = format!("198.51.100.7:{port}").parse().ok();
        let bytes = MessageWriter::response_to(&request, 200, Some(tag.as_bytes()), source).finish();
        let response = Message::parse(&bytes, Framing::Datagram).expect("a response");
        let back: Vec<String> = response.vias().map(|v| String::from_utf8_lossy(v.host).into_owned()).collect();
        prop_assert_eq!(&back, &hosts);
        let ports: Vec<Option<Option<u16>>> = response.vias().map(|v| v.rport).collect();
        prop_assert_eq!(ports[0], Some(Some(port)));
        prop_assert!(ports[1..].iter().all(|p| *p == Some(None)));
        prop_assert_eq!(response.via().and_then(|v| v.received_ip()), "198.51.100.7".parse().ok());
        prop_assert_eq!(response.to().and_then(|a| a.tag()), Some(tag.as_bytes()));
    }
}
