//! From a decision to bytes: the one place where requests and responses of ours are written.

use std::fmt;
use std::net::SocketAddr;

use super::message::{HeaderName, Message, MessageWriter, Method};
use super::{EndpointConfig, Flow, Transport, capability};

/// The methods every endpoint takes; [`super::capability`] adds those the settings allow.
pub(super) const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK";
/// The body of a NOTIFY about a REFER.
pub(super) const SIPFRAG: &str = "message/sipfrag;version=2.0";
/// The body we understand.
pub(super) const SDP: &str = "application/sdp";

/// The header of a challenge.
pub(super) const WWW_AUTHENTICATE: &str = "WWW-Authenticate";

/// A request of ours before it is written.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub method: Method<'static>,
    pub uri: Vec<u8>,
    pub routes: Vec<Vec<u8>>,
    /// The whole value, tag included.
    pub from: Vec<u8>,
    /// The whole value, tag included.
    pub to: Vec<u8>,
    pub call_id: Vec<u8>,
    pub cseq: u32,
    pub max_forwards: u8,
    /// Another Contact than the usual one.
    pub contact: Option<Vec<u8>>,
    pub headers: Vec<(String, String)>,
    pub sdp: Option<Vec<u8>>,
    /// A body that is no SDP.
    pub body: Option<(&'static str, Vec<u8>)>,
    /// It goes to an address where the peer can be called, over TCP too when it is large.
    pub to_address: bool,
}

impl Draft {
    /// A request without From and To, which the caller fills in.
    pub fn new(method: Method<'static>, uri: Vec<u8>, call_id: Vec<u8>, cseq: u32) -> Draft {
        Draft {
            method,
            uri,
            routes: Vec::new(),
            from: Vec::new(),
            to: Vec::new(),
            call_id,
            cseq,
            max_forwards: 70,
            contact: None,
            headers: Vec::new(),
            sdp: None,
            body: None,
            to_address: false,
        }
    }

    /// Adds a header.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.headers.push((name.into(), value.into()));
    }

    /// The bytes, for `flow`, under `branch`.
    pub fn write(&self, config: &EndpointConfig, flow: &Flow, branch: &str) -> Vec<u8> {
        self.write_via(config, flow, flow, branch)
    }

    /// The bytes for a peer whose requests should come over `flow`, while this one goes over `via`.
    pub fn write_via(&self, config: &EndpointConfig, flow: &Flow, via: &Flow, branch: &str) -> Vec<u8> {
        let (host, port) = config.advertised_for(via);
        let mut writer = MessageWriter::request(self.method, &self.uri);
        writer
            .via(via.transport.via_name(), &format!("{host}:{port}"), branch.as_bytes(), true)
            .max_forwards(self.max_forwards)
            .routes(self.routes.iter().map(Vec::as_slice))
            .header(HeaderName::From, &self.from)
            .header(HeaderName::To, &self.to)
            .call_id(&self.call_id)
            .cseq(self.cseq, self.method);
        match (&self.contact, self.method) {
            (Some(contact), _) => {
                writer.header(HeaderName::Contact, contact);
            }
            (None, Method::Invite | Method::Update | Method::Options | Method::Notify) => {
                writer.contact(contact_uri(config, flow, &config.contact_user).as_bytes());
            }
            _ => {}
        }
        if matches!(self.method, Method::Invite | Method::Update | Method::Options) {
            writer.header(HeaderName::Allow, capability::allow(config).as_bytes());
            writer.header(HeaderName::Supported, capability::supported(config).as_bytes());
        }
        if self.method == Method::Options {
            writer.header(HeaderName::Accept, SDP.as_bytes());
        }
        for (name, value) in &self.headers {
            writer.header(HeaderName::from_bytes(name.as_bytes()), value.as_bytes());
        }
        writer.header(HeaderName::UserAgent, config.software.as_bytes());
        match (&self.sdp, &self.body) {
            (Some(sdp), _) => writer.finish_with_body(SDP, sdp),
            (None, Some((content_type, body))) => writer.finish_with_body(content_type, body),
            (None, None) => writer.finish(),
        }
    }
}

/// Methods, counters and sizes only.
impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({:?}, CSeq {}, {} routes)", self.method, self.cseq, self.routes.len())
    }
}

/// A response of ours before it is written.
#[derive(Clone, Default)]
pub(super) struct Reply<'a> {
    status: u16,
    phrase: Option<&'a str>,
    tag: Option<&'a str>,
    contact: bool,
    plain: bool,
    allow: bool,
    headers: Vec<(&'a str, String)>,
    sdp: Option<&'a [u8]>,
}

impl<'a> Reply<'a> {
    /// A response with the usual phrase.
    pub fn new(status: u16) -> Reply<'a> {
        Reply { status, ..Reply::default() }
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Other words than the usual ones.
    pub fn phrase(mut self, phrase: Option<&'a str>) -> Reply<'a> {
        self.phrase = phrase;
        self
    }

    /// The To tag.
    pub fn tag(mut self, tag: &'a str) -> Reply<'a> {
        self.tag = Some(tag);
        self
    }

    /// With our Contact: for everything that makes or refreshes a dialog.
    pub fn contact(mut self) -> Reply<'a> {
        self.contact = true;
        self
    }

    /// Without the name of our software: for strangers.
    pub fn plain(mut self) -> Reply<'a> {
        self.plain = true;
        self
    }

    /// Leaves out the first of two challenges; the second, MD5, is the one that every telephone knows. False when there is
    /// but one.
    pub fn drop_first_challenge(&mut self) -> bool {
        let is_challenge = |(name, _): &(&str, String)| *name == WWW_AUTHENTICATE;
        let both = self.headers.iter().filter(|header| is_challenge(header)).count() > 1;
        let first = self.headers.iter().position(is_challenge).filter(|_| both);
        first.map(|place| self.headers.remove(place)).is_some()
    }

    /// With the methods we take.
    pub fn allow(mut self) -> Reply<'a> {
        self.allow = true;
        self
    }

    /// One more header.
    pub fn header(mut self, name: &'a str, value: impl Into<String>) -> Reply<'a> {
        self.headers.push((name, value.into()));
        self
    }

    /// A session description.
    pub fn sdp(mut self, sdp: Option<&'a [u8]>) -> Reply<'a> {
        self.sdp = sdp;
        self
    }

    /// The bytes, answering `request` that came over `source`.
    pub fn write(&self, config: &EndpointConfig, request: &Message<'_>, source: &Flow) -> Vec<u8> {
        let tag = self.tag.map(str::as_bytes);
        let from = Some(source.remote);
        let mut writer = match self.phrase {
            Some(phrase) => MessageWriter::response_to_with_reason(request, self.status, phrase.as_bytes(), tag, from),
            None => MessageWriter::response_to(request, self.status, tag, from),
        };
        if self.contact {
            writer.contact(contact_uri(config, source, &config.contact_user).as_bytes());
            writer.header(HeaderName::Supported, capability::supported(config).as_bytes());
        }
        if self.contact || self.allow {
            writer.header(HeaderName::Allow, capability::allow(config).as_bytes());
        }
        for (name, value) in &self.headers {
            writer.header(HeaderName::from_bytes(name.as_bytes()), value.as_bytes());
        }
        if !self.plain {
            writer.header(HeaderName::Server, config.software.as_bytes());
        }
        match self.sdp {
            Some(sdp) => writer.finish_with_body(SDP, sdp),
            None => writer.finish(),
        }
    }
}

/// Where the response to a request goes (RFC 3261 §18.2.2, RFC 3581): back over a connection; over UDP to the source
/// address, at the source port when `rport` asked for it, at the port of the Via otherwise.
pub(super) fn reply_flow(source: &Flow, request: &Message<'_>) -> Flow {
    if source.transport != Transport::Udp {
        return *source;
    }
    match request.via() {
        Some(via) if via.rport.is_none() => {
            source.towards(SocketAddr::new(source.remote.ip(), via.port.unwrap_or(5060)))
        }
        _ => *source,
    }
}

/// Where the responses go when the connection the request came on is gone: to the source, at the port of its Via (RFC 3261
/// §18.2.2). A datagram's and a browser's go nowhere else.
pub(super) fn reply_flow_later(source: &Flow, request: &Message<'_>) -> Option<Flow> {
    let port = request.via()?.port.unwrap_or(source.transport.default_port());
    let callable = matches!(source.transport, Transport::Tcp | Transport::Tls);
    callable.then_some(Flow { remote: SocketAddr::new(source.remote.ip(), port), ..source.unpinned() })
}

/// Our Contact URI on a flow.
pub(super) fn contact_uri(config: &EndpointConfig, flow: &Flow, user: &str) -> String {
    let (host, port) = config.advertised_for(flow);
    let transport = flow.transport.uri_name().map_or(String::new(), |name| format!(";transport={name}"));
    if user.is_empty() {
        format!("sip:{host}:{port}{transport}")
    } else {
        format!("sip:{user}@{host}:{port}{transport}")
    }
}

/// The value of From or To.
pub(super) fn name_addr(display: &str, uri: &str, tag: Option<&str>) -> Vec<u8> {
    let mut out = String::with_capacity(display.len() + uri.len() + 32);
    if !display.is_empty() {
        out.push('"');
        for letter in display.chars().filter(|c| !c.is_control()) {
            if matches!(letter, '"' | '\\') {
                out.push('\\');
            }
            out.push(letter);
        }
        out.push_str("\" ");
    }
    out.push('<');
    out.extend(uri.chars().filter(|c| !matches!(c, '<' | '>' | '"') && !c.is_whitespace() && !c.is_control()));
    out.push('>');
    if let Some(tag) = tag {
        out.push_str(";tag=");
        out.push_str(tag);
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::{Framing, NameAddr};

    /// Whatever the display name and URI hold, the value reads back as one address with the tag.
    #[test]
    fn names_are_quoted() {
        for (display, uri) in [("", "sip:a@b"), ("DUPONT, \"A\" \\", "tel:3977"), ("a\r\nX: 1", "sip:a@b>;x\r\n")] {
            let value = name_addr(display, uri, Some("t"));
            let read = NameAddr::parse(&value).expect("one address");
            assert_eq!(read.tag(), Some(b"t".as_slice()));
            assert!(!value.contains(&b'\n'));
        }
    }

    /// RFC 3581 and §18.2.2: with rport to the source port, without it to the port of the Via or 5060.
    #[test]
    fn b018_b019_b020_where_responses_go() {
        let source = Flow::udp("192.0.2.1:5060".parse().expect("a"), "203.0.113.5:1035".parse().expect("a"));
        let to = |via: &str| {
            let text = format!("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\n\r\n");
            let message = Message::parse(text.as_bytes(), Framing::Datagram).expect("readable");
            reply_flow(&source, &message).remote.to_string()
        };
        assert_eq!(to("10.0.0.1:5070;rport;branch=z9hG4bK1"), "203.0.113.5:1035");
        assert_eq!(to("10.0.0.1:5070;branch=z9hG4bK1"), "203.0.113.5:5070");
        assert_eq!(to("10.0.0.1;branch=z9hG4bK1"), "203.0.113.5:5060");
    }
}
