//! The SIP user agent as a value: bytes, commands and a time go in; bytes, events and a deadline come out.
//!
//! It speaks RFC 3261 with the corrections of RFC 6026 (INVITE transactions), RFC 3581 (rport), RFC 7616 (digest),
//! RFC 3326 (Reason) and RFC 3311 (UPDATE). The same [`Endpoint`] serves as the engine's side of a call, as registrar,
//! and as the softphone of the demonstration and of the tests.
//!
//! The contract: [`Endpoint::handle_input`] changes it once; the owner then drains [`Endpoint::poll_output`] until it
//! says [`Output::Timeout`], and comes back then, or with the next input. No clock, socket or chance of its own.
//!
//! What it deliberately does not do: it knows no helpline, reads no SDP (a session description is bytes to it), resolves
//! no name, opens no connection, and relays nothing. A phone number passes through but is never shown by `Debug`.

mod auth;
mod cause;
mod config;
mod dialog;
mod endpoint;
mod flow;
mod hidden;
mod invite;
pub mod message;
mod reading;
mod registrar;
mod registration;
mod session;
#[cfg(test)]
mod tests;
mod timers;
mod transaction;
mod wire;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Instant;

pub use auth::{Accounts, Credentials, Secret};
pub use cause::{Cause, CauseKind, Reason, ReasonProtocol, Side};
pub use config::{Advertised, EndpointConfig, Network};
pub use endpoint::{Counts, Endpoint};
pub use flow::{Flow, Transport};
pub use hidden::{Headers, Hidden, Identity};
pub use invite::{IncomingInvite, OutgoingInvite, Target, Trust};
pub use registrar::Binding;
pub use session::SavedSession;

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
    /// The source failed to authenticate too often and is ignored for a while.
    Throttled,
    /// A table was full and the message could not even be answered.
    Full,
}

/// Sizes and reasons: never a message.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Transmit { flow, bytes } => write!(f, "Transmit({flow:?}, {} bytes)", bytes.len()),
            Output::Event(event) => event.fmt(f),
            Output::Dropped(reason) => write!(f, "Dropped({reason:?})"),
            Output::Timeout(at) => write!(f, "Timeout({at:?})"),
        }
    }
}

/// What the owner may ask for. A command about a session that is over is ignored.
#[derive(Clone)]
pub enum Command {
    /// Answers an incoming INVITE: 101..=199, 2xx, or a final refusal.
    Respond {
        /// The incoming session.
        session: SessionId,
        /// The status.
        status: u16,
        /// Other words than the standard's.
        reason: Option<&'static str>,
        /// The session description: an answer, or an offer when the INVITE had none.
        sdp: Option<Vec<u8>>,
        /// When to try again, with a refusal.
        retry_after_s: Option<u32>,
        /// Further headers.
        headers: Headers,
    },
    /// Places a call; the session comes from [`Endpoint::new_session`].
    Invite {
        /// The session this call will be known by.
        session: SessionId,
        /// Whom to call, and how.
        invite: Box<OutgoingInvite>,
    },
    /// Late offer: the answer that goes into our ACK, after an [`Event::Answered`] or [`Event::Reanswered`] whose SDP
    /// is the peer's offer.
    Acknowledge {
        /// The session.
        session: SessionId,
        /// The answer.
        sdp: Vec<u8>,
    },
    /// Ends a session in whatever state it is, by CANCEL, refusal, ACK and BYE, or BYE. The owner hears one
    /// [`Event::Ended`] at once; what the network still owes is followed up here. Idempotent.
    Hangup {
        /// The session.
        session: SessionId,
        /// Why; on a ringing incoming call a SIP cause of 400..=699 is the status of the refusal (480 otherwise).
        reason: Option<Reason>,
    },
    /// Changes a confirmed session by re-INVITE.
    Reoffer {
        /// The session.
        session: SessionId,
        /// The new offer; `None` asks the peer for one.
        sdp: Option<Vec<u8>>,
    },
    /// Answers an [`Event::Reoffer`].
    AnswerReoffer {
        /// The session.
        session: SessionId,
        /// 200, or a refusal (488), which leaves the session as it was.
        status: u16,
        /// The answer, or the offer when the re-INVITE had none.
        sdp: Option<Vec<u8>>,
    },
    /// Sends an INFO inside a confirmed session.
    Info {
        /// The session.
        session: SessionId,
        /// The Content-Type.
        content_type: &'static str,
        /// The body.
        body: Vec<u8>,
    },
    /// Registers at a registrar and keeps the registration fresh.
    Register(Box<Register>),
    /// Ends a registration.
    Unregister {
        /// Which one.
        account: u32,
    },
    /// Who may register and call, replaced as a whole on reload.
    Accounts(Arc<Accounts>),
    /// Whether new calls are let in.
    Admission(Admission),
    /// Asks a peer whether it is there; answered by [`Event::OptionsReply`].
    Options {
        /// The owner's name for the probe.
        probe: u32,
        /// Where to.
        flow: Flow,
        /// The Request-URI.
        uri: String,
    },
}

impl Command {
    /// The command's name, for a log line or a label.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Respond { .. } => "respond",
            Command::Invite { .. } => "invite",
            Command::Acknowledge { .. } => "acknowledge",
            Command::Hangup { .. } => "hangup",
            Command::Reoffer { .. } => "reoffer",
            Command::AnswerReoffer { .. } => "answer_reoffer",
            Command::Info { .. } => "info",
            Command::Register(_) => "register",
            Command::Unregister { .. } => "unregister",
            Command::Accounts(_) => "accounts",
            Command::Admission(_) => "admission",
            Command::Options { .. } => "options",
        }
    }
}

/// The name only.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.name())
    }
}

/// A registration of ours at somebody else's registrar.
#[derive(Clone, Debug)]
pub struct Register {
    /// The owner's name for it.
    pub account: u32,
    /// Our socket and the registrar's address.
    pub registrar: Flow,
    /// The address of record, `sip:user@domain`.
    pub aor: Hidden,
    /// For the registrar's challenge.
    pub credentials: Option<Credentials>,
    /// For how long, in seconds.
    pub expires_s: u32,
    /// The user part of our Contact.
    pub contact_user: Hidden,
    /// `+sip.instance`, when the device has one.
    pub instance: Option<String>,
}

/// Whether new calls are let in. REGISTER, OPTIONS and everything inside a session go on in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Admission {
    /// As usual.
    #[default]
    Open,
    /// Each new INVITE is answered 503 with this Retry-After, without any state.
    Busy {
        /// Seconds until the caller may try again.
        retry_after_s: u32,
    },
}

/// What the owner is told. A session ends with exactly one [`Event::Ended`] or [`Event::Rejected`], and is silent
/// after it.
#[derive(Clone)]
pub enum Event {
    /// A call comes in; 100 Trying has been sent already.
    Invite {
        /// Its session.
        session: SessionId,
        /// Who calls whom, as far as the headers say.
        invite: Box<IncomingInvite>,
    },
    /// 101..=199 to our INVITE.
    Progress {
        /// The session.
        session: SessionId,
        /// The status.
        status: u16,
        /// Early media.
        sdp: Option<Vec<u8>>,
    },
    /// 2xx to our INVITE. When the offer was ours the ACK is on its way; otherwise the owner gives
    /// [`Command::Acknowledge`].
    Answered {
        /// The session.
        session: SessionId,
        /// The answer, or the peer's offer.
        sdp: Option<Vec<u8>>,
    },
    /// Our INVITE failed: final non-2xx (408 on Timer B, 503 on a transport fault). A challenge was answered once
    /// before this is said. The session is over.
    Rejected {
        /// The session.
        session: SessionId,
        /// The status.
        status: u16,
        /// What happened.
        cause: Cause,
    },
    /// The ACK of our 2xx came.
    Confirmed {
        /// The session.
        session: SessionId,
        /// The answer to a late offer of ours.
        sdp: Option<Vec<u8>>,
    },
    /// The peer wants to change the session; the owner replies [`Command::AnswerReoffer`].
    Reoffer {
        /// The session.
        session: SessionId,
        /// Its offer; `None` asks for ours.
        sdp: Option<Vec<u8>>,
    },
    /// The ACK of our 2xx to a re-INVITE without SDP came, with the answer to our offer.
    ReofferConfirmed {
        /// The session.
        session: SessionId,
        /// The answer.
        sdp: Option<Vec<u8>>,
    },
    /// The peer accepted our re-INVITE.
    Reanswered {
        /// The session.
        session: SessionId,
        /// The answer (or its offer, when we asked for one; the owner then gives [`Command::Acknowledge`]).
        sdp: Option<Vec<u8>>,
    },
    /// The peer refused our re-INVITE; the session goes on unchanged.
    ReofferRejected {
        /// The session.
        session: SessionId,
        /// The status.
        status: u16,
    },
    /// INFO inside a session (keys, mostly); answered 200 already.
    Info {
        /// The session.
        session: SessionId,
        /// The Content-Type.
        content_type: Vec<u8>,
        /// The body.
        body: Vec<u8>,
    },
    /// The session is over, said exactly once.
    Ended {
        /// The session.
        session: SessionId,
        /// Who ended it, and why.
        cause: Cause,
    },
    /// A user's device registered or refreshed.
    Bound {
        /// The user.
        user: String,
        /// How many devices are registered now.
        bindings: usize,
        /// Over which flow.
        flow: Flow,
        /// False for a mere refresh.
        new: bool,
    },
    /// A user's device is gone.
    Unbound {
        /// The user.
        user: String,
        /// How many devices are left.
        bindings: usize,
        /// Why.
        why: Unbound,
    },
    /// Somebody failed to authenticate.
    AuthFailed {
        /// From where.
        flow: Flow,
        /// True when this source is ignored for a while from now on.
        throttled: bool,
    },
    /// News of a registration of ours.
    Registration {
        /// Which one.
        account: u32,
        /// Its state.
        state: RegistrationState,
    },
    /// The reply to a probe.
    OptionsReply {
        /// The owner's name for the probe.
        probe: u32,
        /// Where it went.
        flow: Flow,
        /// The status of the reply; `None` when there was none.
        status: Option<u16>,
    },
}

/// Why a binding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unbound {
    /// The device removed it.
    Removed,
    /// It was not refreshed in time.
    Expired,
    /// Its connection closed.
    FlowClosed,
    /// The account was taken away on reload.
    Revoked,
}

/// The state of a registration of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationState {
    /// Registered for so long; it is refreshed before that.
    Registered {
        /// Seconds granted.
        expires_s: u32,
    },
    /// Refused or unanswered (408); tried again, ever more slowly.
    Failed {
        /// The status.
        status: u16,
    },
    /// Ended as asked.
    Gone,
}

impl Event {
    /// The session an event is about.
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Event::Invite { session, .. }
            | Event::Progress { session, .. }
            | Event::Answered { session, .. }
            | Event::Rejected { session, .. }
            | Event::Confirmed { session, .. }
            | Event::Reoffer { session, .. }
            | Event::ReofferConfirmed { session, .. }
            | Event::Reanswered { session, .. }
            | Event::ReofferRejected { session, .. }
            | Event::Info { session, .. }
            | Event::Ended { session, .. } => Some(*session),
            _ => None,
        }
    }

    /// The event's name, for a log line or a label.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Invite { .. } => "invite",
            Event::Progress { .. } => "progress",
            Event::Answered { .. } => "answered",
            Event::Rejected { .. } => "rejected",
            Event::Confirmed { .. } => "confirmed",
            Event::Reoffer { .. } => "reoffer",
            Event::ReofferConfirmed { .. } => "reoffer_confirmed",
            Event::Reanswered { .. } => "reanswered",
            Event::ReofferRejected { .. } => "reoffer_rejected",
            Event::Info { .. } => "info",
            Event::Ended { .. } => "ended",
            Event::Bound { .. } => "bound",
            Event::Unbound { .. } => "unbound",
            Event::AuthFailed { .. } => "auth_failed",
            Event::Registration { .. } => "registration",
            Event::OptionsReply { .. } => "options_reply",
        }
    }
}

/// The name, the session and the status: never a header, a body or an identity.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(self.name());
        if let Some(session) = self.session() {
            shown.field("session", &session.0);
        }
        match self {
            Event::Progress { status, .. } | Event::ReofferRejected { status, .. } => shown.field("status", status),
            Event::Rejected { status, cause, .. } => shown.field("status", status).field("cause", cause),
            Event::Ended { cause, .. } => shown.field("cause", cause),
            Event::Bound { bindings, new, .. } => shown.field("bindings", bindings).field("new", new),
            Event::Unbound { bindings, why, .. } => shown.field("bindings", bindings).field("why", why),
            Event::Registration { account, state } => shown.field("account", account).field("state", state),
            Event::OptionsReply { probe, status, .. } => shown.field("probe", probe).field("status", status),
            _ => &mut shown,
        };
        shown.finish()
    }
}
