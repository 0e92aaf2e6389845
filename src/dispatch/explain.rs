//! What a decision remembers: who was considered, who was passed over and why, who was rung, what came of it.
//!
//! One [`Decision`] per choice, widening, ending of a ring and ending of a search. Plain values: they are stored, replayed
//! against another policy, and turned into sentences by `words`. No number and no name of a caller is in them.

use serde::{Deserialize, Serialize};

use super::{ExhaustedReason, Outcome, Reach, Token};
use crate::clock::Now;
use crate::france::Department;
use crate::ids::{CallId, ListenerId};

/// Why a listener was not chosen. From the most lasting reason to the most passing one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Chosen for another department, and the search does not reach that far (yet).
    OtherDepartment,
    /// Does not speak the caller's language.
    OtherLanguage,
    /// Suspended by the staff.
    Suspended,
    /// In training.
    Trainee,
    /// The charter is not signed.
    CharterMissing,
    /// A required module was never passed.
    NotTrained {
        /// The module.
        module: String,
    },
    /// A required module is out of date.
    Expired {
        /// The module.
        module: String,
    },
    /// The dialplan excludes the listener for this caller.
    ExcludedByPlan,
    /// No device can be reached.
    Unreachable,
    /// Takes no calls for now.
    Paused,
    /// In a conversation.
    Talking,
    /// Being rung for another caller.
    Reserved,
    /// Writing notes.
    WrapUp,
    /// Left in peace after a ring that came to nothing.
    Cooling(Outcome),
    /// Was rung for this caller already.
    ExcludedForCaller(Outcome),
    /// Free, but somebody of a nearer department was free too.
    FurtherAway,
    /// Free, but somebody else had rested longer.
    RestedLess,
    /// Free and as rested, but has had more conversations today.
    MoreToday,
    /// Free and equal in everything; the roster's order decided.
    LaterInRoster,
}

/// What was found about one listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Rung.
    Chosen,
    /// Passed over.
    Passed(Reason),
}

/// One listener in one decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered {
    /// The listener.
    pub listener: ListenerId,
    /// What was found.
    pub verdict: Verdict,
    /// Through which reach the listener came into the search; none: not within it.
    pub reach: Option<Reach>,
    /// Seconds since the last conversation; none: never had one.
    pub rested_s: Option<u64>,
    /// Conversations today.
    pub today: u32,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionKind {
    /// A listener is rung.
    Rang {
        /// The ring.
        token: Token,
    },
    /// The next tier is open.
    Widened,
    /// Nobody can be rung now; the caller waits on.
    NobodyEligible,
    /// A ring is over without an answer; the caller keeps his place.
    RingEnded {
        /// The ring.
        token: Token,
        /// What came of it.
        outcome: Outcome,
    },
    /// A listener has answered.
    Answered {
        /// The ring.
        token: Token,
    },
    /// The search is over.
    Exhausted {
        /// Why.
        why: ExhaustedReason,
    },
    /// The caller waits no longer.
    Left {
        /// The listener who was being rung for him.
        ringing: Option<ListenerId>,
    },
    /// A listener missed too many rings in a row and is paused.
    AutoPaused {
        /// The listener.
        listener: ListenerId,
        /// Rings missed in a row.
        missed: u8,
    },
}

/// One decision, with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Now,
    /// For which caller.
    pub call: CallId,
    /// Where the person concerned lives, if known.
    pub department: Option<Department>,
    /// The caller's language.
    pub language: String,
    /// The tier that was open, counted from 0.
    pub tier: usize,
    /// The reach of that tier; none: no tier applied.
    pub reach: Option<Reach>,
    /// How long the caller had waited.
    pub waited_ms: u64,
    /// What was decided.
    pub kind: DecisionKind,
    /// The listeners looked at, the chosen one first, then the nearest to being chosen.
    pub candidates: Vec<Considered>,
    /// The listeners not written out above, counted by reason.
    pub others: Vec<(Reason, u32)>,
}
