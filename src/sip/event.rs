//! What the owner of an endpoint is told.

use std::fmt;
use std::time::Duration;

use super::{BanReason, Cause, Flow, Hidden, IncomingInvite, Network, Push, SessionId};

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
        /// Which phone it comes from, when the INVITE was forked: 0 for the first To tag that was heard, and so on.
        fork: u8,
        /// Early media: the first session description of this fork.
        sdp: Option<Vec<u8>>,
    },
    /// Our INVITE had no offer, and one came in a reliable provisional response: the owner replies
    /// [`Command::AnswerEarly`](super::Command::AnswerEarly).
    EarlyOffer {
        /// The session.
        session: SessionId,
        /// The fork it comes from.
        fork: u8,
        /// The offer.
        sdp: Vec<u8>,
    },
    /// The answer to the offer that went out in a reliable provisional response of ours.
    EarlyAnswer {
        /// The session.
        session: SessionId,
        /// The answer.
        sdp: Vec<u8>,
    },
    /// 2xx to our INVITE. When the offer was ours the ACK is on its way; otherwise the owner gives
    /// [`Command::Acknowledge`](super::Command::Acknowledge).
    Answered {
        /// The session.
        session: SessionId,
        /// The answer, or the peer's offer. The first that this fork gave counts: one from a provisional response stands,
        /// whatever the 2xx says (RFC 3261 §13.2.1).
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
        /// Its Retry-After, in seconds.
        retry_after_s: Option<u32>,
        /// Where a 3xx sends us: its first Contact. Followed by nobody when [`OutgoingInvite::redirect`](super::OutgoingInvite::redirect) says so.
        moved_to: Option<Hidden>,
    },
    /// The ACK of our 2xx came.
    Confirmed {
        /// The session.
        session: SessionId,
        /// The answer to a late offer of ours.
        sdp: Option<Vec<u8>>,
    },
    /// The peer wants to change the session, by re-INVITE, UPDATE or PRACK, also before the final answer; the owner replies [`Command::AnswerReoffer`](super::Command::AnswerReoffer).
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
        /// The answer (or its offer, when we asked for one; the owner then gives [`Command::Acknowledge`](super::Command::Acknowledge)).
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
    /// A user's phone wants to transfer the conversation (RFC 3515); the owner replies
    /// [`Command::AnswerRefer`](super::Command::AnswerRefer) soon, and tells what comes of it by
    /// [`Command::ReferProgress`](super::Command::ReferProgress), even after the session ended.
    Refer {
        /// The session.
        session: SessionId,
        /// To whom: a sip or tel URI.
        refer_to: Hidden,
        /// Another session of the same user, whose peer shall be joined (attended transfer).
        replaces: Option<SessionId>,
        /// Referred-By as written (RFC 3892).
        referred_by: Option<Hidden>,
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
        /// How many more are asleep, and can be woken.
        asleep: usize,
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
        /// How many more are asleep, and can be woken.
        asleep: usize,
        /// Why.
        why: Unbound,
    },
    /// A device that is asleep is called: a push, sent by whoever speaks to its provider, will wake it. The call waits, as
    /// long as it may ring, for the device to register anew, and goes out to it then.
    Wake {
        /// The call.
        session: SessionId,
        /// Whose device.
        user: String,
        /// How to wake it.
        push: Push,
    },
    /// Somebody failed to authenticate.
    AuthFailed {
        /// From where.
        flow: Flow,
        /// True when it must wait before it may try this account again.
        throttled: bool,
    },
    /// A source is answered with silence from now on.
    Banned {
        /// Who: an IPv4 address, or an IPv6 /64.
        source: Network,
        /// Why.
        why: BanReason,
        /// For how long; `None`: until it is lifted.
        span: Option<Duration>,
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
    /// The proxy in front of it lost its flow (430).
    FlowFailed,
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
            | Event::EarlyOffer { session, .. }
            | Event::EarlyAnswer { session, .. }
            | Event::Answered { session, .. }
            | Event::Rejected { session, .. }
            | Event::Confirmed { session, .. }
            | Event::Reoffer { session, .. }
            | Event::ReofferConfirmed { session, .. }
            | Event::Reanswered { session, .. }
            | Event::ReofferRejected { session, .. }
            | Event::Info { session, .. }
            | Event::Refer { session, .. }
            | Event::Wake { session, .. }
            | Event::Ended { session, .. } => Some(*session),
            _ => None,
        }
    }

    /// The event's name, for a log line or a label.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Invite { .. } => "invite",
            Event::Progress { .. } => "progress",
            Event::EarlyOffer { .. } => "early_offer",
            Event::EarlyAnswer { .. } => "early_answer",
            Event::Answered { .. } => "answered",
            Event::Rejected { .. } => "rejected",
            Event::Confirmed { .. } => "confirmed",
            Event::Reoffer { .. } => "reoffer",
            Event::ReofferConfirmed { .. } => "reoffer_confirmed",
            Event::Reanswered { .. } => "reanswered",
            Event::ReofferRejected { .. } => "reoffer_rejected",
            Event::Info { .. } => "info",
            Event::Refer { .. } => "refer",
            Event::Ended { .. } => "ended",
            Event::Bound { .. } => "bound",
            Event::Unbound { .. } => "unbound",
            Event::Wake { .. } => "wake",
            Event::AuthFailed { .. } => "auth_failed",
            Event::Banned { .. } => "banned",
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
            Event::Progress { status, fork, .. } => shown.field("status", status).field("fork", fork),
            Event::ReofferRejected { status, .. } => shown.field("status", status),
            Event::Rejected { status, cause, .. } => shown.field("status", status).field("cause", cause),
            Event::Ended { cause, .. } => shown.field("cause", cause),
            Event::Bound { bindings, new, .. } => shown.field("bindings", bindings).field("new", new),
            Event::Unbound { bindings, asleep, why, .. } => {
                shown.field("bindings", bindings).field("asleep", asleep).field("why", why)
            }
            Event::Wake { push, .. } => shown.field("provider", &push.provider),
            Event::Banned { source, why, span } => shown.field("source", source).field("why", why).field("span", span),
            Event::Registration { account, state } => shown.field("account", account).field("state", state),
            Event::OptionsReply { probe, status, .. } => shown.field("probe", probe).field("status", status),
            _ => &mut shown,
        };
        shown.finish()
    }
}
