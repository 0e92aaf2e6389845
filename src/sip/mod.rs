//! The SIP user agent as a value: bytes, commands and a time go in; bytes, events and a deadline come out.
//!
//! It speaks RFC 3261 with the corrections of RFC 6026 (INVITE transactions), RFC 3581 (rport), RFC 7616 (digest),
//! RFC 3326 (Reason), RFC 3262 (100rel), RFC 3311 (UPDATE), RFC 4028 (session timers), RFC 3515 and RFC 3891 (transfer),
//! and RFC 6665 (subscriptions of our users). The same [`Endpoint`] serves as the engine's side of a call, as registrar,
//! and as the softphone of the demonstration and of the tests.
//!
//! The contract: [`Endpoint::handle_input`] changes it once; the owner then drains [`Endpoint::poll_output`] until it
//! says [`Output::Timeout`], and comes back then, or with the next input. No clock, socket or chance of its own.
//!
//! What it deliberately does not do: it knows no helpline, reads no SDP (a session description is bytes to it), resolves
//! no name, opens no connection, and relays nothing. A phone number passes through but is never shown by `Debug`.

mod attestation;
mod auth;
mod capability;
mod cause;
mod command;
mod config;
mod dialog;
mod endpoint;
mod event;
mod flow;
mod hidden;
mod invite;
mod limits;
pub mod message;
mod peers;
mod reading;
mod registrar;
mod registration;
mod session;
mod shield;
mod stun;
mod subscription;
#[cfg(test)]
mod tests;
mod timers;
mod transaction;
mod transfer;
mod wire;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Instant;

pub use attestation::Attestation;
pub use auth::{Accounts, Credentials, Secret};
pub use cause::{Cause, CauseKind, Reason, ReasonProtocol, Side};
pub use command::{Admission, Command, Register};
pub use config::{Advertised, EndpointConfig, Network};
pub use endpoint::{Counts, Endpoint};
pub use event::{Event, RegistrationState, Unbound};
pub use flow::{Flow, Transport};
pub use hidden::{Headers, Hidden, Identity};
pub use invite::{IncomingInvite, OutgoingInvite, Redirect, Target, Trust};
pub use limits::{Limit, limits, limits_markdown};
pub use peers::Peers;
pub use registrar::{Binding, Push};
pub use session::SavedSession;
pub use shield::{Ban, BanReason, ShieldConfig};
pub use subscription::{LineState, MessageSummary, Notice, Package};

/// A whole SIP message, ready for a socket. Shared, so that a retransmission copies nothing.
pub type Bytes = Arc<[u8]>;

/// One INVITE session, incoming or outgoing. Never used twice by one endpoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(u64);

impl SessionId {
    /// A session identifier from its raw form.
    pub const fn from_raw(raw: u64) -> SessionId {
        SessionId(raw)
    }

    /// The raw form, for a log line or a table.
    pub const fn as_raw(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {}", self.0)
    }
}

/// What may happen to an endpoint.
pub enum Input<'a> {
    /// One whole message (a datagram, or a message framed by the stream's reader), or a keep-alive.
    Datagram {
        /// Where it came from, and on which of our sockets.
        flow: Flow,
        /// The bytes as they came.
        bytes: &'a [u8],
    },
    /// A connection is gone. Bindings and sessions that live on it go with it.
    FlowClosed(Flow),
    /// Nothing but time passed.
    Timeout,
    /// The owner wants something.
    Command(Command),
}

/// What an endpoint says, drained after every input.
pub enum Output {
    /// Send these bytes on this flow.
    Transmit {
        /// On which socket and to whom.
        flow: Flow,
        /// The message.
        bytes: Bytes,
    },
    /// Something the owner must know.
    Event(Event),
    /// A message was dropped in silence; the reason is the label of the metric.
    Dropped(DropReason),
    /// Close this connection.
    Close(Flow),
    /// Drained. Come back at this time at the latest; `None` when nothing waits.
    Timeout(Option<Instant>),
}

/// Why a message was dropped without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// CR LF between messages: a keep-alive.
    KeepAlive,
    /// A STUN packet on the SIP port.
    Stun,
    /// Not SIP, or too broken to be answered.
    Garbage,
    /// A response whose transaction we do not know.
    StrayResponse,
    /// An ACK that belongs to nothing.
    StrayAck,
    /// A response that came from elsewhere than the request went.
    WrongSource,
    /// A password was tried too soon after wrong ones from the same source at the same account.
    Throttled,
    /// The source is banned.
    Banned,
    /// The source has used up what strangers may send.
    OverBudget,
    /// The answer would have been too large for a request of that size from a stranger.
    Amplification,
}

/// Sizes and reasons: never a message.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Transmit { flow, bytes } => write!(f, "Transmit({flow:?}, {} bytes)", bytes.len()),
            Output::Event(event) => event.fmt(f),
            Output::Dropped(reason) => write!(f, "Dropped({reason:?})"),
            Output::Close(flow) => write!(f, "Close({flow:?})"),
            Output::Timeout(at) => write!(f, "Timeout({at:?})"),
        }
    }
}
