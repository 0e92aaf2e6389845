//! The headers everyone asks for, read when asked, borrowed from the message.
//!
//! `None` (or the end of an iterator) means missing *or* unreadable; whoever must tell the two apart asks
//! [`super::validate`] first, after which Via, From, To, Call-ID and CSeq of a request are always there.

use super::fields::{cseq, privacy_values, seconds};
use super::text::{number_u32, word};
use super::{
    Challenge, Digest, HeaderName, List, MediaType, Message, Method, NameAddr, Params, Parts, RAck, Reason,
    SessionExpires, Via,
};

/// Routing and identity.
impl<'a> Message<'a> {
    /// The topmost Via.
    pub fn via(&self) -> Option<Via<'a>> {
        List::new(self.header(HeaderName::Via)?).next().and_then(|value| Via::parse(value).ok())
    }

    /// All Vias, topmost first; unreadable ones are passed over.
    pub fn vias(&self) -> impl Iterator<Item = Via<'a>> {
        self.elements(HeaderName::Via).filter_map(|value| Via::parse(value).ok())
    }

    /// From.
    pub fn from(&self) -> Option<NameAddr<'a>> {
        self.address(HeaderName::From)
    }

    /// To.
    pub fn to(&self) -> Option<NameAddr<'a>> {
        self.address(HeaderName::To)
    }

    /// The first Contact.
    pub fn contact(&self) -> Option<NameAddr<'a>> {
        self.contacts().next()
    }

    /// All Contacts that can be read.
    pub fn contacts(&self) -> impl Iterator<Item = NameAddr<'a>> {
        self.addresses(HeaderName::Contact)
    }

    /// The Route set, topmost first.
    pub fn route(&self) -> impl Iterator<Item = NameAddr<'a>> {
        self.addresses(HeaderName::Route)
    }

    /// The Record-Route set, topmost first.
    pub fn record_route(&self) -> impl Iterator<Item = NameAddr<'a>> {
        self.addresses(HeaderName::RecordRoute)
    }

    /// Who a trusted network says is calling: a `sip:` and perhaps a `tel:` URI (RFC 3325).
    pub fn p_asserted_identity(&self) -> impl Iterator<Item = NameAddr<'a>> {
        self.addresses(HeaderName::PAssertedIdentity)
    }

    /// The values of Privacy (RFC 3323): `id`, `user`, `header` …
    pub fn privacy(&self) -> impl Iterator<Item = &'a [u8]> {
        self.headers_of(HeaderName::Privacy).flat_map(privacy_values)
    }

    /// Does the caller ask that his identity be hidden?
    pub fn wants_privacy(&self) -> bool {
        self.privacy().any(|value| {
            [b"id".as_slice(), b"user", b"header", b"full"].iter().any(|asked| value.eq_ignore_ascii_case(asked))
        })
    }

    /// The address in a header that holds one.
    pub fn address(&self, name: HeaderName<'_>) -> Option<NameAddr<'a>> {
        NameAddr::parse(self.header(name)?).ok()
    }

    /// The addresses in a header that is a list; unreadable ones are passed over.
    pub fn addresses(&self, name: HeaderName<'_>) -> impl Iterator<Item = NameAddr<'a>> {
        self.elements(name).filter_map(|value| NameAddr::parse(value).ok())
    }
}

/// Sequence and limits.
impl<'a> Message<'a> {
    /// Call-ID.
    pub fn call_id(&self) -> Option<&'a [u8]> {
        self.header(HeaderName::CallId).filter(|id| !id.is_empty())
    }

    /// CSeq: number and method.
    pub fn cseq(&self) -> Option<(u32, Method<'a>)> {
        cseq(self.header(HeaderName::CSeq)?)
    }

    /// Max-Forwards.
    pub fn max_forwards(&self) -> Option<u32> {
        number_u32(self.header(HeaderName::MaxForwards)?)
    }

    /// Expires, in seconds.
    pub fn expires(&self) -> Option<u32> {
        seconds(self.header(HeaderName::Expires)?)
    }

    /// Min-Expires, in seconds.
    pub fn min_expires(&self) -> Option<u32> {
        seconds(self.header(HeaderName::MinExpires)?)
    }

    /// Retry-After, in seconds.
    pub fn retry_after(&self) -> Option<u32> {
        seconds(self.header(HeaderName::RetryAfter)?)
    }

    /// Session-Expires (RFC 4028).
    pub fn session_expires(&self) -> Option<SessionExpires> {
        SessionExpires::parse(self.header(HeaderName::SessionExpires)?)
    }

    /// Min-SE, in seconds (RFC 4028).
    pub fn min_se(&self) -> Option<u32> {
        seconds(self.header(HeaderName::MinSe)?)
    }

    /// RSeq (RFC 3262).
    pub fn rseq(&self) -> Option<u32> {
        number_u32(self.header(HeaderName::RSeq)?)
    }

    /// RAck (RFC 3262).
    pub fn rack(&self) -> Option<RAck<'a>> {
        RAck::parse(self.header(HeaderName::RAck)?)
    }
}

/// Capabilities, bodies, reasons.
impl<'a> Message<'a> {
    /// The option tags of Require.
    pub fn require(&self) -> impl Iterator<Item = &'a [u8]> {
        self.elements(HeaderName::Require)
    }

    /// The option tags of Supported.
    pub fn supported(&self) -> impl Iterator<Item = &'a [u8]> {
        self.elements(HeaderName::Supported)
    }

    /// Is this option tag in Supported or Require?
    pub fn supports(&self, tag: &str) -> bool {
        self.has_token(HeaderName::Supported, tag) || self.has_token(HeaderName::Require, tag)
    }

    /// The methods of Allow.
    pub fn allow(&self) -> impl Iterator<Item = Method<'a>> {
        self.elements(HeaderName::Allow).map(Method::from_bytes)
    }

    /// Content-Type.
    pub fn content_type(&self) -> Option<MediaType<'a>> {
        MediaType::parse(self.header(HeaderName::ContentType)?)
    }

    /// The parts of the body: those of a multipart, or the body itself as one part.
    pub fn parts(&self) -> Parts<'a> {
        Parts::of(self)
    }

    /// The body, or the part of a multipart body, that has this type (RFC 5621).
    pub fn body_of_type(&self, name: &str) -> Option<&'a [u8]> {
        self.parts().find(|part| part.media_type.is_some_and(|t| t.is(name))).map(|part| part.body)
    }

    /// Why a request was sent (RFC 3326).
    pub fn reason(&self) -> impl Iterator<Item = Reason<'a>> {
        self.elements(HeaderName::Reason).filter_map(Reason::parse)
    }

    /// The package and parameters of Event (RFC 6665).
    pub fn event(&self) -> Option<(&'a [u8], Params<'a>)> {
        self.header(HeaderName::Event).map(super::params::split_params)
    }
}

/// Credentials and challenges.
impl<'a> Message<'a> {
    /// The digest credentials of every Authorization line.
    pub fn authorization(&self) -> impl Iterator<Item = Digest<'a>> {
        self.headers_of(HeaderName::Authorization).filter_map(Digest::parse)
    }

    /// The digest credentials of every Proxy-Authorization line.
    pub fn proxy_authorization(&self) -> impl Iterator<Item = Digest<'a>> {
        self.headers_of(HeaderName::ProxyAuthorization).filter_map(Digest::parse)
    }

    /// The digest challenges of every WWW-Authenticate line.
    pub fn www_authenticate(&self) -> impl Iterator<Item = Challenge<'a>> {
        self.headers_of(HeaderName::WwwAuthenticate).filter_map(Challenge::parse)
    }

    /// The digest challenges of every Proxy-Authenticate line.
    pub fn proxy_authenticate(&self) -> impl Iterator<Item = Challenge<'a>> {
        self.headers_of(HeaderName::ProxyAuthenticate).filter_map(Challenge::parse)
    }

    /// The scheme of the first Authorization line, whatever it is.
    pub fn authorization_scheme(&self) -> Option<&'a [u8]> {
        self.header(HeaderName::Authorization).map(|value| word(value).0)
    }
}
