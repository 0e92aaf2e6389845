//! The states of a call, one file each. A state takes a [`Signal`] and gives the next state; what it cannot receive falls
//! through unheard. Each has a deadline and a next step, so that no caller is ever left in one.

use std::time::Duration;

use crate::clock::{Instant, Now};
use crate::dialplan::StepId;
use crate::dispatch::Token;
use crate::ids::LegId;

use super::context::Context;
use super::{Device, HangupReason, LegEnd, Playback};

pub(super) mod answering;
pub(super) mod asking;
pub(super) mod bridged;
pub(super) mod closing;
pub(super) mod keys;
pub(super) mod locating;
pub(super) mod menu;
pub(super) mod opening;
pub(super) mod playing;
pub(super) mod ringing;
pub(super) mod steps;
mod takeover;
pub(super) mod waiting;

/// What a state is told. The caller's and the listeners' ordinary housekeeping is done before (see `engine`).
#[derive(Debug)]
pub(super) enum Signal {
    /// A leg's ports are open; for the caller's leg, with the offer of her INVITE.
    Opened { leg: LegId, offer: Option<Vec<u8>> },
    /// A leg's ports cannot be opened.
    OpenFailed { leg: LegId },
    /// A leg's first packet.
    Started { leg: LegId },
    /// The ACK of our 2xx.
    Confirmed { leg: LegId },
    /// The leg's session changed: hold, resume, new address.
    Renegotiated { leg: LegId },
    /// A key lies in the buffer.
    Digit,
    /// What the caller heard came to its end.
    PlaybackEnded(Playback),
    /// A listener is reserved.
    Ring { token: Token, ring: Duration, devices: Vec<Device> },
    /// A reservation ends.
    Withdraw { token: Token },
    /// No tier is left.
    Exhausted,
    /// A listener's phone says that it rings, or something like it.
    Progress { leg: LegId, status: u16 },
    /// A listener's phone answered.
    Answered { leg: LegId, sdp: Option<Vec<u8>> },
    /// A listener's phone refused, or cannot be reached.
    Rejected { leg: LegId, status: u16 },
    /// A listener's leg ended.
    ListenerEnded { leg: LegId, end: LegEnd },
    /// Another device of the listener calls to take over the conversation, on the next leg.
    TakesOver { offer: Option<Vec<u8>> },
    /// The state's own deadline.
    Deadline,
}

/// The states.
pub(super) enum State {
    Opening(opening::Opening),
    Answering(answering::Answering),
    Playing(playing::Playing),
    Menu(menu::Menu),
    Asking(asking::Asking),
    Locating(Box<locating::Locating>),
    Waiting(Box<waiting::Waiting>),
    Ringing(Box<ringing::Ringing>),
    Bridged(Box<bridged::Bridged>),
    Closing(closing::Closing),
    /// Only while a state is being replaced.
    Over,
}

impl State {
    pub fn handle(self, cx: &mut Context, now: Now, signal: Signal) -> State {
        match self {
            State::Opening(state) => state.handle(cx, now, signal),
            State::Answering(state) => state.handle(cx, now, signal),
            State::Playing(state) => state.handle(cx, now, signal),
            State::Menu(state) => state.handle(cx, now, signal),
            State::Asking(state) => state.handle(cx, now, signal),
            State::Locating(state) => state.handle(cx, now, signal),
            State::Waiting(state) => state.handle(cx, now, signal),
            State::Ringing(state) => state.handle(cx, now, signal),
            State::Bridged(state) => state.handle(cx, now, signal),
            // Every leg is let go: a phone that answers now has crossed our CANCEL, and the endpoint ends it.
            State::Closing(state) => State::Closing(state),
            State::Over => State::Over,
        }
    }

    /// The caller is gone, or shall go: give back what the state holds and let every leg go.
    pub fn end(self, cx: &mut Context, now: Now, reason: HangupReason) -> State {
        match self {
            State::Closing(closing) => return State::Closing(closing),
            State::Waiting(state) => state.leave(cx),
            State::Ringing(state) => state.leave(cx, now),
            State::Bridged(state) => state.release(cx, now),
            _ => {}
        }
        closing::close(cx, now, reason)
    }

    /// May a listener be rung now? An ended call has told the dispatcher so already, and says nothing more.
    pub fn may_ring(&self) -> bool {
        matches!(self, State::Waiting(_) | State::Ringing(_) | State::Closing(_) | State::Over)
    }

    pub fn deadline(&self) -> Option<Instant> {
        match self {
            State::Opening(state) => Some(state.deadline),
            State::Answering(state) => Some(state.deadline()),
            State::Playing(state) => Some(state.deadline),
            State::Menu(state) => Some(state.deadline()),
            State::Asking(state) => Some(state.deadline()),
            State::Locating(state) => Some(state.deadline()),
            State::Waiting(state) => Some(state.deadline),
            State::Ringing(state) => Some(state.deadline()),
            State::Bridged(state) => Some(state.deadline()),
            State::Closing(state) => Some(state.deadline()),
            State::Over => None,
        }
    }
}

/// Where a finished step leads.
pub(super) fn go(cx: &mut Context, now: Now, step: StepId) -> State {
    steps::enter(cx, now, step)
}
