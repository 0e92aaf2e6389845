//! Two parsers by other hands as witnesses: `sipx-sip` (strict, complete) and `rsip` (older, narrower). Message by message
//! we must say the same, or the difference must be listed in `divergences.rs` with its reason. A listed difference that no
//! longer occurs fails as well.

use std::collections::BTreeSet;

use ecoute::sip::message::{Framing, Message, StartLine, Uri};

use super::corpus;
use super::divergences::DIVERGENCES;

/// What the parsers are compared in. A part a parser cannot read is `None`.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    start: Option<String>,
    uri: Option<String>,
    call_id: Option<String>,
    cseq: Option<(u32, String)>,
    from_tag: Option<String>,
    to_tag: Option<String>,
    branch: Option<String>,
    via_host: Option<String>,
    via_port: Option<u16>,
    body: usize,
}

impl Seen {
    /// The names of the parts in which two parsers differ.
    fn differences(&self, other: &Seen) -> Vec<&'static str> {
        let parts = [
            ("start", self.start == other.start),
            ("uri", self.uri == other.uri),
            ("call-id", self.call_id == other.call_id),
            ("cseq", self.cseq == other.cseq),
            ("from-tag", self.from_tag == other.from_tag),
            ("to-tag", self.to_tag == other.to_tag),
            ("branch", self.branch == other.branch),
            ("via-host", self.via_host == other.via_host),
            ("via-port", self.via_port == other.via_port),
            ("body", self.body == other.body),
        ];
        parts.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

/// A host without brackets, in lower case: how each parser keeps it is its own affair.
fn host(written: &str) -> String {
    let bare = written.trim_matches(['[', ']']).to_ascii_lowercase();
    bare.parse::<std::net::IpAddr>().map_or(bare.clone(), |ip| ip.to_string())
}

fn ours(bytes: &[u8]) -> Option<Seen> {
    let m = Message::parse(bytes, Framing::Datagram).ok()?;
    let (start, uri) = match m.start() {
        StartLine::Request { method, uri } => (text(method.as_bytes()), Uri::parse(uri).ok().map(|uri| text(uri.raw))),
        StartLine::Status { code, .. } => (code.to_string(), None),
    };
    let via = m.via();
    Some(Seen {
        start: Some(start),
        uri,
        call_id: m.call_id().map(text),
        cseq: m.cseq().map(|(number, method)| (number, text(method.as_bytes()))),
        from_tag: m.from().and_then(|a| a.tag()).map(text),
        to_tag: m.to().and_then(|a| a.tag()).map(text),
        branch: via.and_then(|v| v.branch).map(text),
        via_host: via.map(|v| host(&text(v.host))),
        via_port: via.and_then(|v| v.port),
        body: m.body().len(),
    })
}

fn sipx(bytes: &[u8]) -> Option<Seen> {
    use sipx_sip::headers::{From, To};
    use sipx_sip::{CSeq, HeaderName, Limits, Message, Via, parse_datagram};
    let m = parse_datagram(bytes.to_vec().into(), &Limits::datagram()).ok()?;
    let (start, uri) = match &m {
        Message::Request(r) => (text(r.method.as_bytes()), Some(text(&r.uri.to_bytes()))),
        Message::Response(r) => (r.status.code().to_string(), None),
    };
    let headers = m.headers();
    let via = headers.typed_all::<Via>().next().and_then(Result::ok);
    Some(Seen {
        start: Some(start),
        uri,
        call_id: headers.value(&HeaderName::CallId).map(|id| text(&id)),
        cseq: headers.typed::<CSeq>().and_then(Result::ok).map(|c| (c.sequence, text(c.method.as_bytes()))),
        from_tag: headers.typed::<From>().and_then(Result::ok).and_then(|a| a.tag().map(text)),
        to_tag: headers.typed::<To>().and_then(Result::ok).and_then(|a| a.tag().map(text)),
        branch: via.as_ref().and_then(|v| v.branch()).map(text),
        via_host: via.as_ref().map(|v| host(&text(&v.host.to_bytes()))),
        via_port: via.as_ref().and_then(|v| v.port),
        body: m.body().len(),
    })
}

fn rsip_seen(bytes: &[u8]) -> Option<Seen> {
    use rsip::prelude::{HasHeaders, HeadersExt, ToTypedHeader, UntypedHeader};
    let m = rsip::SipMessage::try_from(bytes).ok()?;
    let (start, uri) = match &m {
        rsip::SipMessage::Request(r) => (r.method.to_string(), Some(r.uri.to_string())),
        rsip::SipMessage::Response(r) => (r.status_code.code().to_string(), None),
    };
    let via = m.via_header().ok().and_then(|v| v.typed().ok());
    let _ = m.headers();
    Some(Seen {
        start: Some(start),
        uri,
        call_id: m.call_id_header().ok().map(|id| id.value().to_string()),
        cseq: m.cseq_header().ok().and_then(|c| c.typed().ok()).map(|c| (c.seq, c.method.to_string())),
        from_tag: m
            .from_header()
            .ok()
            .and_then(|a| a.typed().ok())
            .and_then(|a| a.tag().map(|t| t.value().to_string())),
        to_tag: m.to_header().ok().and_then(|a| a.typed().ok()).and_then(|a| a.tag().map(|t| t.value().to_string())),
        branch: via.as_ref().and_then(|v| v.branch()).map(|b| b.value().to_string()),
        via_host: via.as_ref().map(|v| host(&v.uri.host_with_port.host.to_string())),
        via_port: via.as_ref().and_then(|v| v.uri.host_with_port.port.as_ref().map(|p| *p.value())),
        body: m.body().len(),
    })
}

/// Every difference: (witness, message, part). `refused` when only we read it, `accepted` when only the witness does.
fn all_differences() -> BTreeSet<(&'static str, String, &'static str)> {
    let mut found = BTreeSet::new();
    for (name, bytes) in corpus() {
        let own = ours(&bytes);
        for (witness, theirs) in [("sipx", sipx(&bytes)), ("rsip", rsip_seen(&bytes))] {
            let parts = match (&own, &theirs) {
                (Some(own), Some(theirs)) => own.differences(theirs),
                (Some(_), None) => vec!["refused"],
                (None, Some(_)) => vec!["accepted"],
                (None, None) => vec![],
            };
            found.extend(parts.into_iter().map(|part| (witness, name.clone(), part)));
        }
    }
    found
}

/// We differ from the witnesses exactly where, and for the reasons, that are listed.
#[test]
fn differences_are_those_we_know() {
    let mut listed = BTreeSet::new();
    for (witness, part, _why, names) in DIVERGENCES {
        for name in names.split_whitespace() {
            assert!(listed.insert((*witness, name.to_owned(), *part)), "listed twice: {witness} {part} {name}");
        }
    }
    let found = all_differences();
    let new: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(new.is_empty() && gone.is_empty(), "not listed: {new:#?}\nlisted but gone: {gone:#?}");
}
