//! Header names (RFC 3261 §7.3.1 and §7.3.3): one table for the long names, one for the compact letters.
//!
//! A name is found by one hash that is perfect over the table (checked while compiling) and one comparison that does not
//! look at case. A name that is not in the table is kept as written: unknown headers are carried, never refused.

use std::fmt;

macro_rules! header_names {
    ($($variant:ident = $name:literal, $doc:literal;)*) => {
        /// The name of a header, whatever its case and form (`v` and `VIA` are both [`HeaderName::Via`]).
        #[derive(Clone, Copy)]
        pub enum HeaderName<'a> {
            $(#[doc = $doc] $variant,)*
            /// A name that is not in our table, as written.
            Other(&'a [u8]),
        }

        /// A known name as a small number, for the table of a parsed message.
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        #[expect(clippy::enum_variant_names, reason = "the names are those of the headers")]
        enum Id { $($variant,)* Other }

        /// Every known name, in the order of [`Id`].
        const NAMES: &[&str] = &[$($name,)*];

        impl<'a> HeaderName<'a> {
            /// All known names.
            pub const KNOWN: &'static [HeaderName<'static>] = &[$(HeaderName::$variant,)*];

            /// The number of this name.
            pub(super) const fn id(self) -> u8 {
                match self {
                    $(HeaderName::$variant => Id::$variant as u8,)*
                    HeaderName::Other(_) => OTHER,
                }
            }
        }
    };
}

header_names! {
    Accept = "Accept", "RFC 3261 §20.1.";
    AcceptContact = "Accept-Contact", "RFC 3841.";
    AcceptEncoding = "Accept-Encoding", "RFC 3261 §20.2.";
    AcceptLanguage = "Accept-Language", "RFC 3261 §20.3.";
    AlertInfo = "Alert-Info", "RFC 3261 §20.4.";
    Allow = "Allow", "RFC 3261 §20.5.";
    AllowEvents = "Allow-Events", "RFC 6665.";
    AuthenticationInfo = "Authentication-Info", "RFC 3261 §20.6.";
    Authorization = "Authorization", "RFC 3261 §20.7.";
    CallId = "Call-ID", "RFC 3261 §20.8.";
    CallInfo = "Call-Info", "RFC 3261 §20.9.";
    Contact = "Contact", "RFC 3261 §20.10.";
    ContentDisposition = "Content-Disposition", "RFC 3261 §20.11.";
    ContentEncoding = "Content-Encoding", "RFC 3261 §20.12.";
    ContentLanguage = "Content-Language", "RFC 3261 §20.13.";
    ContentLength = "Content-Length", "RFC 3261 §20.14.";
    ContentType = "Content-Type", "RFC 3261 §20.15.";
    CSeq = "CSeq", "RFC 3261 §20.16.";
    Date = "Date", "RFC 3261 §20.17.";
    Diversion = "Diversion", "RFC 5806.";
    ErrorInfo = "Error-Info", "RFC 3261 §20.18.";
    Event = "Event", "RFC 6665.";
    Expires = "Expires", "RFC 3261 §20.19.";
    FlowTimer = "Flow-Timer", "RFC 5626.";
    From = "From", "RFC 3261 §20.20.";
    HistoryInfo = "History-Info", "RFC 7044.";
    Identity = "Identity", "RFC 8224.";
    IdentityInfo = "Identity-Info", "RFC 4474.";
    InReplyTo = "In-Reply-To", "RFC 3261 §20.21.";
    MaxForwards = "Max-Forwards", "RFC 3261 §20.22.";
    MimeVersion = "MIME-Version", "RFC 3261 §20.24.";
    MinExpires = "Min-Expires", "RFC 3261 §20.23.";
    MinSe = "Min-SE", "RFC 4028.";
    Organization = "Organization", "RFC 3261 §20.25.";
    PAccessNetworkInfo = "P-Access-Network-Info", "RFC 7315.";
    PAssertedIdentity = "P-Asserted-Identity", "RFC 3325.";
    PCalledPartyId = "P-Called-Party-ID", "RFC 7315.";
    PChargingVector = "P-Charging-Vector", "RFC 7315.";
    PEarlyMedia = "P-Early-Media", "RFC 5009.";
    PPreferredIdentity = "P-Preferred-Identity", "RFC 3325.";
    Path = "Path", "RFC 3327.";
    Priority = "Priority", "RFC 3261 §20.26.";
    Privacy = "Privacy", "RFC 3323.";
    ProxyAuthenticate = "Proxy-Authenticate", "RFC 3261 §20.27.";
    ProxyAuthorization = "Proxy-Authorization", "RFC 3261 §20.28.";
    ProxyRequire = "Proxy-Require", "RFC 3261 §20.29.";
    RAck = "RAck", "RFC 3262.";
    Reason = "Reason", "RFC 3326.";
    RecordRoute = "Record-Route", "RFC 3261 §20.30.";
    ReferSub = "Refer-Sub", "RFC 4488.";
    ReferTo = "Refer-To", "RFC 3515.";
    ReferredBy = "Referred-By", "RFC 3892.";
    RejectContact = "Reject-Contact", "RFC 3841.";
    RemotePartyId = "Remote-Party-ID", "A draft that was never an RFC, and common.";
    Replaces = "Replaces", "RFC 3891.";
    ReplyTo = "Reply-To", "RFC 3261 §20.31.";
    RequestDisposition = "Request-Disposition", "RFC 3841.";
    Require = "Require", "RFC 3261 §20.32.";
    RetryAfter = "Retry-After", "RFC 3261 §20.33.";
    Route = "Route", "RFC 3261 §20.34.";
    RSeq = "RSeq", "RFC 3262.";
    Server = "Server", "RFC 3261 §20.35.";
    ServiceRoute = "Service-Route", "RFC 3608.";
    SessionExpires = "Session-Expires", "RFC 4028.";
    SipEtag = "SIP-ETag", "RFC 3903.";
    SipIfMatch = "SIP-If-Match", "RFC 3903.";
    Subject = "Subject", "RFC 3261 §20.36.";
    SubscriptionState = "Subscription-State", "RFC 6665.";
    Supported = "Supported", "RFC 3261 §20.37.";
    TargetDialog = "Target-Dialog", "RFC 4538.";
    Timestamp = "Timestamp", "RFC 3261 §20.38.";
    To = "To", "RFC 3261 §20.39.";
    Unsupported = "Unsupported", "RFC 3261 §20.40.";
    UserAgent = "User-Agent", "RFC 3261 §20.41.";
    UserToUser = "User-to-User", "RFC 7433.";
    Via = "Via", "RFC 3261 §20.42.";
    Warning = "Warning", "RFC 3261 §20.43.";
    WwwAuthenticate = "WWW-Authenticate", "RFC 3261 §20.44.";
}

/// The number of every name that is not in the table.
pub(super) const OTHER: u8 = Id::Other as u8;

impl<'a> HeaderName<'a> {
    /// The header written as `name`, long or compact, in any case.
    pub fn from_bytes(name: &'a [u8]) -> HeaderName<'a> {
        HeaderName::from_id(identify(name), name)
    }

    /// The name with number `id`, or `written` when that is not in the table.
    pub(super) fn from_id(id: u8, written: &'a [u8]) -> HeaderName<'a> {
        HeaderName::KNOWN.get(usize::from(id)).copied().unwrap_or(HeaderName::Other(written))
    }

    /// The long form, as we write it.
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            HeaderName::Other(written) => written,
            known => NAMES.get(usize::from(known.id())).map_or(b"".as_slice(), |name| name.as_bytes()),
        }
    }

    /// Do several lines of this header make one list (§7.3.1), so that each line may hold several values?
    pub fn is_list(self) -> bool {
        use HeaderName as H;
        matches!(
            self,
            H::Accept
                | H::AcceptContact
                | H::AcceptEncoding
                | H::AcceptLanguage
                | H::AlertInfo
                | H::Allow
                | H::AllowEvents
                | H::CallInfo
                | H::Contact
                | H::ContentEncoding
                | H::ContentLanguage
                | H::Diversion
                | H::ErrorInfo
                | H::HistoryInfo
                | H::InReplyTo
                | H::PAssertedIdentity
                | H::PPreferredIdentity
                | H::Path
                | H::ProxyRequire
                | H::Reason
                | H::RecordRoute
                | H::RejectContact
                | H::RequestDisposition
                | H::Require
                | H::Route
                | H::ServiceRoute
                | H::Supported
                | H::Unsupported
                | H::Via
                | H::Warning
        )
    }
}

impl PartialEq for HeaderName<'_> {
    fn eq(&self, other: &HeaderName<'_>) -> bool {
        match (self, other) {
            (HeaderName::Other(a), HeaderName::Other(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => a.id() == b.id(),
        }
    }
}

impl Eq for HeaderName<'_> {}

impl fmt::Debug for HeaderName<'_> {
    /// Known names in full; what a stranger wrote in its place only by its length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderName::Other(written) => write!(f, "Other({} bytes)", written.len()),
            known => f.write_str(NAMES.get(usize::from(known.id())).copied().unwrap_or("?")),
        }
    }
}

/// The number of the header written as `name`.
pub(super) fn identify(name: &[u8]) -> u8 {
    let mut letters = [0; LONGEST];
    match letters.get_mut(..name.len()) {
        Some(place) => place.copy_from_slice(name),
        None => return OTHER,
    }
    identify_in(&letters, name.len())
}

/// The number of the header whose name is the first `len` bytes of `letters`. What follows the name is only there so that
/// whole words may be loaded: names are compared eight letters at a time, without a branch on their length.
#[inline]
pub(super) fn identify_in(letters: &[u8; LONGEST], len: usize) -> u8 {
    let Some(name @ [letter, ..]) = letters.get(..len) else { return OTHER };
    if len == 1 {
        return COMPACT[usize::from(letter.to_ascii_lowercase())];
    }
    let id = TABLE[usize::from(hash(name))];
    match SHAPES.get(usize::from(id)) {
        Some(shape) if shape.is(letters, len) => id,
        _ => OTHER,
    }
}

/// Room for the longest known name, in whole words.
pub(super) const LONGEST: usize = 24;

/// A known name in lower case, and which of its characters have a case.
struct Shape {
    len: usize,
    lower: [u64; 3],
    case: [u64; 3],
    used: [u64; 3],
}

impl Shape {
    #[inline]
    fn is(&self, letters: &[u8; LONGEST], len: usize) -> bool {
        let (words, _) = letters.as_chunks::<8>();
        let mut differs = 0;
        for (nth, word) in words.iter().enumerate().take(3) {
            let folded = (u64::from_le_bytes(*word) | self.case[nth]) & self.used[nth];
            differs |= folded ^ self.lower[nth];
        }
        differs == 0 && self.len == len
    }
}

/// The shapes of all names, in the order of [`Id`].
static SHAPES: [Shape; NAMES.len()] = {
    let mut shapes = [const { Shape { len: 0, lower: [0; 3], case: [0; 3], used: [0; 3] } }; NAMES.len()];
    let mut id = 0;
    while id < NAMES.len() {
        let name = NAMES[id].as_bytes();
        assert!(name.len() <= LONGEST, "a header name is longer than three words");
        shapes[id].len = name.len();
        let mut at = 0;
        while at < name.len() {
            let (word, place) = (at / 8, at % 8 * 8);
            shapes[id].lower[word] |= (name[at].to_ascii_lowercase() as u64) << place;
            shapes[id].used[word] |= 0xff << place;
            if name[at].is_ascii_alphabetic() {
                shapes[id].case[word] |= 0x20 << place;
            }
            at += 1;
        }
        id += 1;
    }
    shapes
};

/// Length, first, middle and last letter, case folded, in one multiplication. The factor was searched for until no two
/// names met.
const fn hash(name: &[u8]) -> u8 {
    const FACTOR: u32 = 0xa31e_f707;
    let len = name.len();
    let word = u32::from_le_bytes([len as u8, name[0] | 0x20, name[len / 2] | 0x20, name[len - 1] | 0x20]);
    (word.wrapping_mul(FACTOR) >> 24) as u8
}

/// From hash to number. Building fails when two names share a place, so a new name may need a new factor in [`hash`].
static TABLE: [u8; 256] = {
    let mut table = [OTHER; 256];
    let mut id = 0;
    while id < NAMES.len() {
        let place = hash(NAMES[id].as_bytes()) as usize;
        assert!(table[place] == OTHER, "two header names share a hash: choose a new factor");
        table[place] = id as u8;
        id += 1;
    }
    table
};

/// The compact letters, as registered with IANA.
static COMPACT: [u8; 256] = {
    let mut table = [OTHER; 256];
    table[b'a' as usize] = Id::AcceptContact as u8;
    table[b'b' as usize] = Id::ReferredBy as u8;
    table[b'c' as usize] = Id::ContentType as u8;
    table[b'd' as usize] = Id::RequestDisposition as u8;
    table[b'e' as usize] = Id::ContentEncoding as u8;
    table[b'f' as usize] = Id::From as u8;
    table[b'i' as usize] = Id::CallId as u8;
    table[b'j' as usize] = Id::RejectContact as u8;
    table[b'k' as usize] = Id::Supported as u8;
    table[b'l' as usize] = Id::ContentLength as u8;
    table[b'm' as usize] = Id::Contact as u8;
    table[b'n' as usize] = Id::IdentityInfo as u8;
    table[b'o' as usize] = Id::Event as u8;
    table[b'r' as usize] = Id::ReferTo as u8;
    table[b's' as usize] = Id::Subject as u8;
    table[b't' as usize] = Id::To as u8;
    table[b'u' as usize] = Id::AllowEvents as u8;
    table[b'v' as usize] = Id::Via as u8;
    table[b'x' as usize] = Id::SessionExpires as u8;
    table[b'y' as usize] = Id::Identity as u8;
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Every name of the table is found in any case, and names beside it are not.
    #[test]
    fn every_name_is_found() {
        for (at, name) in NAMES.iter().enumerate() {
            let found = HeaderName::from_bytes(name.as_bytes());
            assert_eq!(usize::from(found.id()), at, "{name}");
            assert_eq!(found, HeaderName::from_bytes(name.to_ascii_uppercase().as_bytes()));
            assert_eq!(found, HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()));
            assert_eq!(found.as_bytes(), name.as_bytes());
            let longer = format!("{name}x");
            assert_eq!(HeaderName::from_bytes(longer.as_bytes()), HeaderName::Other(longer.as_bytes()));
        }
    }

    /// What follows a name, and bytes that differ from its letters in the bit of case alone, do not mislead.
    #[test]
    fn near_names() {
        assert_eq!(identify_in(b"Call-ID: something else ", 7), HeaderName::CallId.id());
        assert_eq!(identify_in(b"Call-ID: something else ", 8), OTHER);
        assert_eq!(identify_in(b"Call-ID: something else ", 25), OTHER);
        for near in [b"Call\rID".as_slice(), b"\x03all-ID", b"C\x41ll-I\x04", b"#all-id", b"Call-I", b"Call-ID-"] {
            assert_eq!(identify(near), OTHER);
        }
        assert_eq!(identify(&[b'a'; 300]), OTHER);
    }

    /// The compact letters of everyday mean what the long names mean.
    #[test]
    fn b001_p048_compact_letters() {
        for (letter, name) in [("v", "Via"), ("F", "From"), ("t", "To"), ("I", "Call-ID"), ("m", "Contact")] {
            assert_eq!(HeaderName::from_bytes(letter.as_bytes()), HeaderName::from_bytes(name.as_bytes()));
        }
        assert_eq!(HeaderName::from_bytes(b"z"), HeaderName::Other(b"Z"));
        assert_eq!(HeaderName::from_bytes(b""), HeaderName::Other(b""));
    }
}
