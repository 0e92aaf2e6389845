//! What the owner may ask of an endpoint.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Accounts, Credentials, Flow, Headers, Hidden, Notice, OutgoingInvite, Peers, Reason, SessionId};

/// What the owner may ask for. A command about a session that is over is ignored.
#[derive(Clone)]
pub enum Command {
    /// Answers an incoming INVITE: 101..=199, 2xx, or a final refusal. A provisional response goes out reliably where
    /// RFC 3262 asks for it; then a 2xx waits for the PRACK of one that carried a session description.
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
    /// Places a call; the session comes from [`Endpoint::new_session`](super::Endpoint::new_session).
    Invite {
        /// The session this call will be known by.
        session: SessionId,
        /// Whom to call, and how.
        invite: Box<OutgoingInvite>,
    },
    /// Late offer: the answer that goes into our ACK, after an [`Event::Answered`](super::Event::Answered) or [`Event::Reanswered`](super::Event::Reanswered) whose SDP
    /// is the peer's offer.
    Acknowledge {
        /// The session.
        session: SessionId,
        /// The answer.
        sdp: Vec<u8>,
    },
    /// The answer to an [`Event::EarlyOffer`](super::Event::EarlyOffer): it goes into our PRACK.
    AnswerEarly {
        /// The session.
        session: SessionId,
        /// The fork the offer came from.
        fork: u8,
        /// The answer.
        sdp: Vec<u8>,
    },
    /// Ends a session in whatever state it is, by CANCEL, refusal, ACK and BYE, or BYE. The owner hears one
    /// [`Event::Ended`](super::Event::Ended) at once; what the network still owes is followed up here. Idempotent.
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
    /// Answers an [`Event::Reoffer`](super::Event::Reoffer).
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
    /// Answers an [`Event::Refer`](super::Event::Refer).
    AnswerRefer {
        /// The session.
        session: SessionId,
        /// 202, or a refusal (403, 603).
        status: u16,
    },
    /// Tells the asker of a REFER how the transfer goes; a final status is the last word.
    ReferProgress {
        /// The session.
        session: SessionId,
        /// 180, 200, 486 …
        status: u16,
    },
    /// Something changed that phones of a user may have subscribed to (RFC 3842, RFC 4235).
    Notify {
        /// The user.
        user: String,
        /// What there is now.
        notice: Notice,
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
    /// Whose calls are believed without a password, replaced as a whole; what is under way goes on.
    Peers(Arc<Peers>),
    /// Whether new calls are let in.
    Admission(Admission),
    /// Asks a peer whether it is there; answered by [`Event::OptionsReply`](super::Event::OptionsReply).
    Options {
        /// The owner's name for the probe.
        probe: u32,
        /// Where to.
        flow: Flow,
        /// The Request-URI.
        uri: String,
    },
    /// The staff's word: this source (an IPv6 address stands for its /64) is answered with silence. A trusted network is
    /// not touched, and what is under way goes on.
    Ban {
        /// Any address of it.
        source: IpAddr,
        /// For how long; `None`: until it is lifted.
        span: Option<Duration>,
    },
    /// Answers this source again, and forgets what it did.
    LiftBan {
        /// Any address of it.
        source: IpAddr,
    },
}

impl Command {
    /// The command's name, for a log line or a label.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Respond { .. } => "respond",
            Command::Invite { .. } => "invite",
            Command::Acknowledge { .. } => "acknowledge",
            Command::AnswerEarly { .. } => "answer_early",
            Command::Hangup { .. } => "hangup",
            Command::Reoffer { .. } => "reoffer",
            Command::AnswerReoffer { .. } => "answer_reoffer",
            Command::Info { .. } => "info",
            Command::AnswerRefer { .. } => "answer_refer",
            Command::ReferProgress { .. } => "refer_progress",
            Command::Notify { .. } => "notify",
            Command::Register(_) => "register",
            Command::Unregister { .. } => "unregister",
            Command::Accounts(_) => "accounts",
            Command::Peers(_) => "peers",
            Command::Admission(_) => "admission",
            Command::Options { .. } => "options",
            Command::Ban { .. } => "ban",
            Command::LiftBan { .. } => "lift_ban",
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
