//! The response to a request: what it must repeat (RFC 3261 §8.2.6.2, §12.1.1, §18.2.1; RFC 3581 §4).

use std::net::{IpAddr, SocketAddr};

use super::text::{list_comma, trim};
use super::via::split_via_params;
use super::{HeaderName, Message, MessageWriter, Via, reason_phrase};

impl MessageWriter {
    /// A response to `request` with the usual phrase: its Vias (the topmost with `received` and `rport` where `source`
    /// tells more than it says), From, To with `to_tag` where it has none (never on a 100), Call-ID and CSeq; Record-Route
    /// on 101 to 299, Timestamp on a 100. Works on what [`Message::salvage`] gives as well.
    pub fn response_to(
        request: &Message<'_>,
        code: u16,
        to_tag: Option<&[u8]>,
        source: Option<SocketAddr>,
    ) -> MessageWriter {
        MessageWriter::response_to_with_reason(request, code, reason_phrase(code).as_bytes(), to_tag, source)
    }

    /// As [`MessageWriter::response_to`], with a phrase of its own (that of a [`super::Fault`], for instance).
    pub fn response_to_with_reason(
        request: &Message<'_>,
        code: u16,
        reason: &[u8],
        to_tag: Option<&[u8]>,
        source: Option<SocketAddr>,
    ) -> MessageWriter {
        let mut writer = MessageWriter::response_with_reason(code, reason);
        let mut lines = request.headers_of(HeaderName::Via);
        if let Some(top) = lines.next() {
            writer.top_via(top, source);
        }
        for line in lines {
            writer.header(HeaderName::Via, line);
        }
        writer.copy(request, HeaderName::From);
        writer.tagged_to(request, to_tag.filter(|_| code > 100));
        writer.copy(request, HeaderName::CallId).copy(request, HeaderName::CSeq);
        match code {
            100 => {
                writer.copy(request, HeaderName::Timestamp);
            }
            101..300 => {
                writer.copy(request, HeaderName::RecordRoute);
            }
            _ => {}
        }
        writer
    }

    /// The first Via line. Its first element is completed; elements behind a comma follow as they were.
    fn top_via(&mut self, line: &[u8], source: Option<SocketAddr>) {
        let mut line = trim(line);
        // A list may begin with elements that say nothing; the topmost is the first that does.
        while let Some(rest) = line.strip_prefix(b",") {
            line = trim(rest);
        }
        let end = list_comma(line).unwrap_or(line.len());
        let (first, others) = (trim(&line[..end]), line.get(end + 1..).map(trim).filter(|rest| !rest.is_empty()));
        self.name(HeaderName::Via);
        match (Via::parse(first), source) {
            (Ok(via), Some(source)) => self.completed_via(first, &via, source),
            _ => self.text(first),
        }
        self.end_line();
        if let Some(others) = others {
            self.header(HeaderName::Via, others);
        }
    }

    /// `received` when the host is not the source address or rport was asked for, and `rport` filled in. What the peer
    /// wrote in their place is left out: only we know where its datagram came from.
    fn completed_via(&mut self, written: &[u8], via: &Via<'_>, source: SocketAddr) {
        let ip = source.ip().to_canonical();
        let received = via.rport.is_some() || via.host_ip().map(|host| host.to_canonical()) != Some(ip);
        let (front, params) = split_via_params(written);
        self.text(front);
        for piece in params {
            if !piece.is("received") && !piece.is("rport") {
                self.raw(b";");
                self.text(piece.written);
            }
        }
        if received {
            self.raw(b";received=");
            match ip {
                IpAddr::V4(ip) => self.raw(ip.to_string().as_bytes()),
                IpAddr::V6(ip) => self.raw(ip.to_string().as_bytes()),
            }
        }
        if via.rport.is_some() {
            self.raw(b";rport=");
            self.decimal(u64::from(source.port()));
        }
    }

    /// To, as it came, with `tag` behind it unless it has one.
    fn tagged_to(&mut self, request: &Message<'_>, tag: Option<&[u8]>) {
        let tag = tag.filter(|_| request.to().is_none_or(|to| to.tag().is_none()));
        for value in request.headers_of(HeaderName::To) {
            self.name(HeaderName::To);
            self.text(value);
            if let Some(tag) = tag {
                self.param("tag", tag);
            }
            self.end_line();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Framing, Message};
    use super::*;

    const REQUEST: &str = "INVITE sip:3977@h SIP/2.0\r\n\
        Via: SIP/2.0/UDP 10.0.0.5:5070;rport;branch=z9hG4bK1;received=6.6.6.6,\r\n SIP/2.0/TCP p1;branch=z9hG4bK0\r\n\
        Via: SIP/2.0/UDP p0\r\nRecord-Route: <sip:p1;lr>, <sip:p0;lr>\r\nf: \"A\"\r\n <sip:a@h>;tag=1\r\nt: <sip:3977@h>\r\n\
        i: c\r\nCSeq: 1 INVITE\r\nTimestamp: 7\r\n\r\n";

    fn answer(code: u16, tag: Option<&[u8]>, source: Option<&str>) -> String {
        let request = Message::parse(REQUEST.as_bytes(), Framing::Datagram).expect("a request");
        let source = source.map(|s| s.parse().expect("an address"));
        String::from_utf8(MessageWriter::response_to(&request, code, tag, source).finish()).expect("text")
    }

    /// Vias in order with rport filled in and a forged received replaced, one To tag, Record-Route kept.
    #[test]
    fn golden_response() {
        let expected = "SIP/2.0 180 Ringing\r\n\
            Via: SIP/2.0/UDP 10.0.0.5:5070;branch=z9hG4bK1;received=198.51.100.7;rport=40000\r\n\
            Via: SIP/2.0/TCP p1;branch=z9hG4bK0\r\nVia: SIP/2.0/UDP p0\r\n\
            From: \"A\" <sip:a@h>;tag=1\r\nTo: <sip:3977@h>;tag=zz\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
            Record-Route: <sip:p1;lr>, <sip:p0;lr>\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(answer(180, Some(b"zz"), Some("198.51.100.7:40000")), expected);
    }

    /// Empty elements before the topmost Via are left out, and it is found all the same.
    #[test]
    fn empty_elements_before_the_topmost_via() {
        let text = REQUEST.replace("Via: SIP/2.0/UDP 10.0.0.5", "Via:, ,SIP/2.0/UDP 10.0.0.5");
        let request = Message::parse(text.as_bytes(), Framing::Datagram).expect("a request");
        let source = "198.51.100.7:40000".parse().ok();
        let bytes = MessageWriter::response_to(&request, 180, Some(b"zz"), source).finish();
        assert_eq!(String::from_utf8(bytes).expect("text"), answer(180, Some(b"zz"), Some("198.51.100.7:40000")));
    }

    /// A 100 has no tag and repeats Timestamp; without a source nothing is added.
    #[test]
    fn trying() {
        let trying = answer(100, Some(b"zz"), None);
        assert!(!trying.contains("tag=zz") && trying.contains("Timestamp: 7\r\n") && !trying.contains("Record-Route"));
        assert!(trying.contains(";rport;branch=z9hG4bK1;received=6.6.6.6\r\n"));
    }
}
