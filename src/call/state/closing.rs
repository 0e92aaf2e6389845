//! `Closing`: every leg has been let go; the last figures of the streams are awaited, for a bounded time, so that the
//! record is complete.

use crate::clock::{Instant, Now};

use super::super::HangupReason;
use super::super::context::Context;
use super::State;
use crate::ids::LegId;

pub(in super::super) struct Closing {
    deadline: Instant,
}

/// Lets every leg go, the caller's included.
pub(in super::super) fn close(cx: &mut Context, now: Now, reason: HangupReason) -> State {
    let legs: Vec<LegId> = cx.legs.keys().copied().collect();
    for leg in legs {
        cx.drop_leg(leg, reason);
    }
    settle(cx, now)
}

/// Waits for the last figures.
pub(in super::super) fn settle(cx: &mut Context, now: Now) -> State {
    cx.caller_ended.get_or_insert(now.at);
    State::Closing(Closing { deadline: now.at + cx.settings.settle })
}

impl Closing {
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Has the wait lasted long enough?
    pub fn is_due(&self, now: Instant) -> bool {
        self.deadline <= now
    }
}
