//! The dispatcher: who, among the listeners, is rung for which caller, and why.
//!
//! One state machine with one writer. Choosing *is* reserving: from [`Output::Ring`] on, the listener belongs to that call
//! under a [`Token`], and a late word about an older token is dropped, never believed. Whether a listener may be rung is
//! computed each time from facts (his wish, his living contacts, what he holds, his training) and never stored, so nobody
//! can be left "busy" by a lost message. Callers stand in one total order: priority, then arrival.
//!
//! The contract: [`Dispatcher::handle_input`] mutates once; then the owner drains [`Dispatcher::poll_output`] until it
//! answers [`Output::Timeout`], and comes back at that time at the latest with [`Input::Timeout`].
//!
//! Deliberately not here: legs, SIP, prompts, opening hours, the cluster. A listener's failing leg never touches the
//! caller: it comes in as an [`Outcome`], and the caller keeps his place.

mod dispatcher;
mod explain;
mod invariants;
mod matching;
mod presence;
mod queue;
mod ring;
mod roster;
mod settings;
mod tier;
mod words;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod table;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::france::Department;
use crate::ids::{CallId, ListenerId};

pub use dispatcher::Dispatcher;
pub use explain::{Considered, Decision, DecisionKind, Reason, Verdict};
pub use presence::ListenerState;
pub use roster::{Centre, CentreId, Certification, Listener, Role, Roster};
pub use settings::{Penalties, Settings};
pub use words::Lang;

/// One ring of one listener for one caller. Never used twice: the generation only counts up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Token {
    /// The caller's call.
    pub call: CallId,
    /// The listener who is reserved.
    pub listener: ListenerId,
    /// Counts every ring of this dispatcher.
    pub generation: u64,
}

/// How far from the department of the person concerned listeners are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Listeners who serve the department itself.
    Department,
    /// Listeners of the departments that share a border with it (overseas: the department that stands in).
    Neighbours,
    /// Listeners of the region.
    Region,
    /// Every listener who takes national calls.
    National,
}

/// One step of the search. A tier widens and never narrows: those opened before stay open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Who is added to the search.
    pub reach: Reach,
    /// How long this tier is tried before the next one opens; after the last one the search is over.
    pub lasts: Duration,
}

/// A caller who asks for a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The caller's call.
    pub call: CallId,
    /// 0 is ordinary; higher comes first.
    pub priority: u8,
    /// Where the person concerned lives. Unknown: the search begins at the first tier that reaches the whole country.
    pub department: Option<Department>,
    /// The language the listener must speak (`fr`). Empty: any.
    pub language: String,
    /// The steps of the search, in order.
    pub tiers: Vec<Tier>,
    /// How long one listener is rung.
    pub ring: Duration,
    /// Listeners who are never rung for this caller.
    pub excluded: Vec<ListenerId>,
}

/// What a listener wants. Only his own word (or three missed rings in a row) changes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// He takes calls.
    #[default]
    Ready,
    /// He takes none for now.
    Paused,
}

/// What came of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A human took the call (on an ordinary telephone: pressed the key).
    Answered,
    /// He refused (603, 480 by hand, the wrong key, hung up before pressing).
    Declined,
    /// His telephone is engaged (486, 600).
    Busy,
    /// It rang and nobody came (408 after 180, or our own deadline).
    NoAnswer,
    /// No device answered at all (connection refused, no contact, 503).
    Unreachable,
    /// The number is wrong (404, 410, 484, 604).
    Wrong,
    /// Our own fault (no port, no media); nothing is held against the listener.
    Failed,
}

/// What the dispatcher is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A whole new roster. Rings and conversations under way survive it, even of listeners it no longer names.
    Roster(Arc<Roster>),
    /// How many devices of a listener can be reached now; 0 is none.
    Reachable {
        /// The listener.
        listener: ListenerId,
        /// His living registered contacts (an ordinary telephone counts as one).
        devices: u32,
    },
    /// A listener says whether he takes calls. The last word counts.
    Wish {
        /// The listener.
        listener: ListenerId,
        /// What he wants.
        wish: Wish,
    },
    /// How many conversations a listener has outside the queue (calls he placed, calls placed to him); 0 is none.
    Engaged {
        /// The listener.
        listener: ListenerId,
        /// Conversations under way.
        calls: u32,
    },
    /// A listener has finished his notes before the time for them is over.
    WrapUpDone {
        /// The listener.
        listener: ListenerId,
    },
    /// A caller asks for a listener.
    Enqueue(Request),
    /// A caller waits no longer: he hung up, or the dialplan moved on. Without effect once he was answered.
    Leave {
        /// The caller's call.
        call: CallId,
    },
    /// What came of a ring.
    Outcome {
        /// The ring.
        token: Token,
        /// What came of it.
        outcome: Outcome,
    },
    /// The conversation is over; the listener has time for his notes.
    Released {
        /// The ring that led to it.
        token: Token,
    },
    /// A conversation that began before this dispatcher did (the program was restarted and took the call up again).
    Resumed {
        /// The ring that led to it.
        token: Token,
    },
    /// The time asked for has come.
    Timeout,
}

/// What the dispatcher asks for and tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Ring this listener. He belongs to this call from now on.
    Ring {
        /// The ring.
        token: Token,
        /// For how long; the dispatcher keeps this deadline itself.
        ring: Duration,
    },
    /// Stop ringing. The token is void: an answer that still comes must be hung up.
    Withdraw {
        /// The ring.
        token: Token,
        /// Why.
        why: WithdrawReason,
    },
    /// The search is over without a listener; the caller is no longer in the queue. On to the plan's overflow.
    Exhausted {
        /// The caller's call.
        call: CallId,
        /// How long he waited.
        waited: Duration,
        /// Why.
        why: ExhaustedReason,
    },
    /// A caller's place in the queue or his tier has changed.
    Position {
        /// The caller's call.
        call: CallId,
        /// 1 is next, among callers of his language.
        position: u32,
        /// The tier that is open, counted from 0.
        tier: usize,
    },
    /// What was decided, and why.
    Decision(Box<Decision>),
    /// Something that came in was set aside.
    Dropped(DropReason),
    /// Nothing more to say. Come back at this time, or with the next input.
    Timeout(Option<Instant>),
}

/// Why a ring was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawReason {
    /// The caller waits no longer.
    CallerLeft,
    /// It rang long enough.
    RingDeadline,
    /// The listener's last device is gone.
    ListenerUnreachable,
    /// The listener paused while it rang; counted as a refusal.
    ListenerPaused,
    /// The listener took up another conversation while it rang; counted as busy.
    ListenerEngaged,
}

/// Why a search ended without a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExhaustedReason {
    /// Every tier had its time.
    TiersOver,
    /// No tier applies to this caller: none was given, or the department is unknown and none reaches the whole country.
    NoTier,
    /// The queue is full.
    Full,
}

/// Why something that came in was set aside. Labels the metric of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// A word about a ring that is over.
    StaleToken,
    /// The call does not wait here.
    UnknownCall,
    /// The call waits here already and keeps its place.
    AlreadyWaiting,
    /// Nobody of that name is known, and there is no room to remember one more.
    UnknownListener,
    /// The listener holds another call already; two conversations cannot be his.
    ListenerTaken,
    /// The call is in a conversation already; it cannot have two.
    CallTaken,
}

/// How many of each there are now; gauges for the metrics page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Callers in the queue, those a listener is rung for included.
    pub waiting: usize,
    /// Callers a listener is being rung for.
    pub ringing: usize,
    /// Conversations that came from the queue.
    pub talking: usize,
    /// Listeners of the roster, by what they do now.
    pub listeners: ListenerCounts,
    /// Rings so far.
    pub rings: u64,
}

/// Listeners by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerCounts {
    /// Could be rung now.
    pub free: usize,
    /// Being rung.
    pub reserved: usize,
    /// In a conversation.
    pub talking: usize,
    /// Writing notes.
    pub wrap_up: usize,
    /// Left in peace after a ring that came to nothing.
    pub cooling: usize,
    /// Paused by their own wish, or after missed rings.
    pub paused: usize,
    /// Without a device.
    pub unreachable: usize,
    /// Training, charter or role does not allow it.
    pub untrained: usize,
    /// Suspended by the staff.
    pub suspended: usize,
}
