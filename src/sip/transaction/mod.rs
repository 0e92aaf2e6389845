//! The transaction layer: RFC 3261 §17 with RFC 6026. It hides every retransmission from what stands above it.
//!
//! One file per machine; a machine knows states and timers, not messages. [`Layer`] holds the bytes, matches what comes
//! in (`key.rs`), keeps the timers, and builds the two requests that belong to a transaction rather than to a dialog:
//! the ACK of a refusal and the CANCEL (`derived.rs`).

#[cfg(test)]
mod bench;
mod derived;
mod invite_client;
mod invite_server;
mod key;
mod layer;
mod non_invite_client;
mod non_invite_server;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use derived::{ack_for, cancel_for};
pub(super) use invite_client::InviteClient;
pub(super) use invite_server::InviteServer;
pub(super) use key::{ClientKey, MergeKey, ServerKey};
pub(super) use layer::{AckFound, Layer, Note, Received, Request, Sent, Smaller};
pub(super) use non_invite_client::NonInviteClient;
pub(super) use non_invite_server::NonInviteServer;

use super::SessionId;

pub(super) mod states {
    //! States other parts ask about.
    pub(in crate::sip) use super::invite_client::State as InviteClient;
    pub(in crate::sip) use super::invite_server::State as InviteServer;
}

/// One transaction, client or server. Never used twice by one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct TransactionId(pub(super) u64);

impl TransactionId {
    /// None that ever was: the first is 1.
    pub const NONE: TransactionId = TransactionId(0);
}

/// On whose behalf a transaction runs, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum User {
    /// The INVITE that begins a session, ours or the peer's.
    Invite(SessionId),
    /// A re-INVITE.
    Reinvite(SessionId),
    /// A CANCEL of ours.
    Cancel(SessionId),
    /// A BYE of ours.
    Bye(SessionId),
    /// An INFO of ours.
    Info(SessionId),
    /// A PRACK of ours.
    Prack(SessionId),
    /// An UPDATE of ours that refreshes a session.
    Refresh(SessionId),
    /// An UPDATE of the peer that its session has yet to answer.
    Update(SessionId),
    /// A REGISTER of ours, for an account.
    Register(u32),
    /// A probe.
    Options(u32),
    /// A NOTIFY of ours about a REFER in a session.
    Notify(SessionId),
    /// A NOTIFY of ours in a subscription.
    Subscription(u64),
    /// A request of the peer that is answered at once.
    Nobody,
}

/// The timers of RFC 3261 table 4, and L and M of RFC 6026.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    A,
    B,
    D,
    E,
    F,
    G,
    H,
    I,
    J,
    K,
    L,
    M,
}

/// The durations a transaction is born with, and keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Times {
    pub t1: Duration,
    pub t2: Duration,
    pub t4: Duration,
    pub reliable: bool,
}

impl Times {
    /// "At least 32 seconds" (§17.1.1.2).
    pub const TIMER_D: Duration = Duration::from_secs(32);
}

/// What a machine wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Send the request, or the latest response, (again).
    Send,
    /// Send the ACK of the refusal (again).
    Ack,
    /// Tell the user.
    Pass,
    /// Start a timer.
    Arm(Timer, Duration),
    /// Stop a timer.
    Stop(Timer),
    /// Tell the user that nobody answered.
    TimedOut,
    /// Forget the transaction.
    End,
}

/// What a machine wants done, in order.
pub(super) type Acts = Vec<Act>;
