//! What an incoming INVITE says, and what an outgoing one needs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Attestation, Binding, Credentials, Flow, Headers, Hidden, Identity, SessionId};

/// What we know about the sender of an INVITE, beyond what it claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It comes from a peer of the trunk with this number: its asserted identities count.
    Trunk(u32),
    /// It proved to be this user of ours.
    User(String),
    /// It comes from a registrar where we are registered under this account.
    Registrar(u32),
    /// Nobody vouches for it.
    Nobody,
}

/// An INVITE, read. Text from outside is hidden from `Debug`.
#[derive(Clone, Debug)]
pub struct IncomingInvite {
    /// Where it came from.
    pub flow: Flow,
    /// Who vouches for it.
    pub trust: Trust,
    /// The Request-URI.
    pub request_uri: Hidden,
    /// To.
    pub to: Identity,
    /// From.
    pub from: Identity,
    /// P-Asserted-Identity, in order (RFC 3325). Only a trunk's count; from others the list is empty.
    pub p_asserted: Vec<Identity>,
    /// `Privacy` asks that the identity be withheld (`id`, `user`, `header` or `critical` among its values).
    pub privacy_id: bool,
    /// Diversion values as written (RFC 5806).
    pub diversion: Vec<Hidden>,
    /// History-Info values as written (RFC 7044).
    pub history_info: Vec<Hidden>,
    /// P-Called-Party-ID as written.
    pub called_party: Option<Hidden>,
    /// P-Access-Network-Info as written; only a trunk's counts.
    pub access_network: Option<Hidden>,
    /// What the calling network signed about the caller's number (RFC 8224); noted, not verified, and only a trunk's.
    pub attestation: Option<Attestation>,
    /// The session of the same user whose place this call asks to take (RFC 3891).
    pub replaces: Option<SessionId>,
    /// A hash of the Call-ID, for correlation in a log.
    pub call_id_hash: u64,
    /// The offer, if there is one.
    pub sdp: Option<Vec<u8>>,
    /// User-Agent, cut to 80 printable characters.
    pub user_agent: String,
    /// Max-Forwards as it came: what a new leg must decrease (RFC 7332).
    pub max_forwards: u8,
}

/// Whom to call.
#[derive(Clone, Debug)]
pub enum Target {
    /// A registered device, over its own flow.
    Binding(Box<Binding>),
    /// A URI, over a flow the owner chose (a trunk, a proxy, another phone).
    Uri {
        /// The Request-URI.
        uri: Hidden,
        /// Where to send it.
        flow: Flow,
    },
}

/// What to do with a 3xx.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redirect {
    /// It is a refusal.
    #[default]
    Refuse,
    /// Its Contacts are tried one after the other, each URI once, over the same way as the first.
    Follow {
        /// How many at most.
        max: u8,
    },
}

/// What an outgoing INVITE needs.
#[derive(Clone, Debug)]
pub struct OutgoingInvite {
    /// Whom to call.
    pub target: Target,
    /// The URI in From.
    pub from_uri: Hidden,
    /// The display name in From; empty for none.
    pub from_display: Hidden,
    /// The URI in To; the Request-URI when `None`.
    pub to_uri: Option<Hidden>,
    /// Proxies it must pass, as Route values (`<sip:proxy;lr>`): an outbound proxy, a Service-Route. They go into this
    /// request, its CANCEL and the ACK of a refusal; the dialog has the route that its answer records.
    pub routes: Vec<Hidden>,
    /// For a 401 or 407.
    pub credentials: Option<Credentials>,
    /// Further headers (Alert-Info, P-Asserted-Identity, Privacy, …).
    pub headers: Headers,
    /// The offer; `None` for a late offer.
    pub sdp: Option<Vec<u8>>,
    /// How long it may ring before it is cancelled.
    pub ring_timeout: Duration,
    /// How long the peer may say nothing at all, not even 100, before the call has failed (408). `None`: 64·T1.
    pub patience: Option<Duration>,
    /// What to do with a 3xx.
    pub redirect: Redirect,
    /// Max-Forwards of the leg that caused this one, minus one; 70 for a call of our own.
    pub max_forwards: u8,
}
