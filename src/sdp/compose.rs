//! Our own words: the lines of an offer or an answer, and the version they go out under.

use super::description::{Attribute, Description, Host, Media, Origin};
use super::select::Format;
use super::{Direction, Local, Session};

/// The line of a refused stream: its kind, its transport, its first format, port 0.
pub(super) fn refused(media: &Media) -> Media {
    Media {
        kind: media.kind.clone(),
        port: 0,
        protocol: media.protocol.clone(),
        formats: vec![media.formats.first().map_or("0", String::as_str).to_owned()],
        connection: None,
        bandwidths: Vec::new(),
        attributes: Vec::new(),
    }
}

pub(super) fn voice_stream(
    local: &Local,
    protocol: &str,
    formats: &[(u8, Format)],
    direction: Direction,
    ptime_ms: u32,
) -> Media {
    let mut attributes = Vec::new();
    if local.rtcp_port != local.rtp_port.wrapping_add(1) {
        attributes.push(Attribute::with("rtcp", local.rtcp_port.to_string()));
    }
    for (number, format) in formats {
        attributes.push(Attribute::with("rtpmap", format!("{number} {}", format.mapping())));
        if matches!(format, Format::Event(_)) {
            // The sixteen keys (RFC 4733 §2.4.1, §3.2).
            attributes.push(Attribute::with("fmtp", format!("{number} 0-15")));
        }
    }
    attributes.push(Attribute::with("ptime", ptime_ms.to_string()));
    attributes.push(Attribute::flag(direction.token()));
    Media {
        kind: "audio".to_owned(),
        port: local.rtp_port,
        protocol: protocol.to_owned(),
        formats: formats.iter().map(|(number, _)| number.to_string()).collect(),
        connection: None,
        bandwidths: Vec::new(),
        attributes,
    }
}

/// Our next words: under the version in force when they are those in force and nothing was said since, else the next.
pub(super) fn number(session: &mut Session, local: &Local, media: Vec<Media>) -> Description {
    let host = Host::Ip(local.address);
    let connection = Some(host.clone());
    let unchanged = session.sent.as_ref().is_some_and(|sent| {
        sent.media == media && sent.connection == connection && sent.origin.version == session.version
    });
    if !unchanged {
        session.version += 1;
    }
    let origin = Origin { id: session.id, version: session.version, address: host };
    Description { origin, connection, bandwidths: Vec::new(), attributes: Vec::new(), media }
}
