//! [`Description`] → bytes (RFC 8866 §5), in the order the RFC demands and in the plainest form, because the reader may
//! be twenty years old. A control character in a value becomes a blank, so that no value can begin a line of its own.

use std::net::IpAddr;

use super::description::{Attribute, Bandwidth, Description, Host, Media};

/// Writes a description with CRLF line ends.
pub fn write(description: &Description) -> Vec<u8> {
    let mut out = String::with_capacity(512);
    let origin = &description.origin;
    line(&mut out, "v", "0");
    line(&mut out, "o", &format!("- {} {} {}", origin.id, origin.version, address(&origin.address)));
    line(&mut out, "s", "-");
    if let Some(host) = &description.connection {
        line(&mut out, "c", &address(host));
    }
    bandwidths(&mut out, &description.bandwidths);
    line(&mut out, "t", "0 0");
    attributes(&mut out, &description.attributes);
    for media in &description.media {
        stream(&mut out, media);
    }
    out.into_bytes()
}

fn stream(out: &mut String, media: &Media) {
    // RFC 8866 §9 wants at least one format, even of a stream that is refused.
    let formats = if media.formats.is_empty() { "0".to_owned() } else { media.formats.join(" ") };
    line(out, "m", &format!("{} {} {} {formats}", media.kind, media.port, media.protocol));
    if let Some(host) = &media.connection {
        line(out, "c", &address(host));
    }
    bandwidths(out, &media.bandwidths);
    attributes(out, &media.attributes);
}

fn bandwidths(out: &mut String, lines: &[Bandwidth]) {
    for bandwidth in lines {
        line(out, "b", &format!("{}:{}", bandwidth.kind, bandwidth.amount));
    }
}

fn attributes(out: &mut String, lines: &[Attribute]) {
    for attribute in lines {
        match &attribute.value {
            Some(value) => line(out, "a", &format!("{}:{value}", attribute.name)),
            None => line(out, "a", &attribute.name),
        }
    }
}

/// `IN IP4 192.0.2.1`; a name is written as IP4, which is what readers of names expect.
pub(super) fn address(host: &Host) -> String {
    match host {
        Host::Ip(IpAddr::V4(ip)) => format!("IN IP4 {ip}"),
        Host::Ip(IpAddr::V6(ip)) => format!("IN IP6 {ip}"),
        Host::Name(name) if name.is_empty() => "IN IP4 0.0.0.0".to_owned(),
        Host::Name(name) => format!("IN IP4 {name}"),
    }
}

fn line(out: &mut String, letter: &str, value: &str) {
    out.push_str(letter);
    out.push('=');
    out.extend(value.chars().map(|c| if c.is_control() { ' ' } else { c }));
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::description::Origin;
    use crate::sdp::parse;
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    fn a_host() -> impl Strategy<Value = Host> {
        prop_oneof![
            any::<[u8; 4]>().prop_map(|octets| Host::Ip(IpAddr::from(octets))),
            any::<[u8; 16]>().prop_map(|octets| Host::Ip(IpAddr::from(octets))),
            "[a-z]{1,8}\\.example".prop_map(Host::Name),
        ]
    }

    fn some_attributes() -> impl Strategy<Value = Vec<Attribute>> {
        let one = ("[a-zA-Z][a-z0-9-]{0,10}", option::of("[!-~é]([ -~é]{0,20}[!-~é])?"));
        vec(one.prop_map(|(name, value)| Attribute { name, value }), 0..6)
    }

    fn some_bandwidths() -> impl Strategy<Value = Vec<Bandwidth>> {
        vec(("[A-Z]{2,4}", any::<u64>()).prop_map(|(kind, amount)| Bandwidth { kind, amount }), 0..3)
    }

    fn a_stream() -> impl Strategy<Value = Media> {
        let head = ("[a-z]{3,11}", any::<u16>(), "[A-Z]{3}(/[A-Z]{3,5}){0,3}", vec("[0-9a-z*]{1,3}", 1..8));
        (head, option::of(a_host()), some_bandwidths(), some_attributes()).prop_map(
            |((kind, port, protocol, formats), connection, bandwidths, attributes)| Media {
                kind,
                port,
                protocol,
                formats,
                connection,
                bandwidths,
                attributes,
            },
        )
    }

    proptest! {
        /// What is written is read back as it was.
        #[test]
        fn write_then_parse(
            id in any::<u64>(), version in any::<u64>(), address in a_host(), connection in option::of(a_host()),
            bandwidths in some_bandwidths(), attributes in some_attributes(), media in vec(a_stream(), 0..5),
        ) {
            let origin = Origin { id, version, address };
            let description = Description { origin, connection, bandwidths, attributes, media };
            let read = parse(&write(&description)).expect("what we write is readable");
            prop_assert_eq!(write(&read), write(&description));
            prop_assert_eq!(read, description);
        }
    }

    /// A line end inside a value does not begin a line.
    #[test]
    fn no_injection() {
        let mut description = parse(b"v=0\r\nm=audio 1 RTP/AVP 8\r\n").expect("readable");
        description.attributes.push(Attribute::with("tool", "x\r\nm=video 2 RTP/AVP 9\nc=IN IP4 192.0.2.1\0"));
        let read = parse(&write(&description)).expect("readable");
        assert_eq!(read.media.len(), 1);
        assert_eq!(read.connection, None);
    }
}
