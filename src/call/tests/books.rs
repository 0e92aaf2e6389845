//! What the call asked for, counted: every stream closed once, every leg ended once, every place in the queue given back
//! once, every conversation released once. What must never be is seen at once.

use std::collections::BTreeMap;

use crate::dispatch::{Outcome, Token};
use crate::ids::LegId;

use super::super::{DispatchAct, DispatchEvent, Input, LegAct, LegEvent, MediaAct, MediaEvent, Output};

#[derive(Default)]
struct LegBook {
    open: u32,
    failed: bool,
    close: u32,
    /// Our INVITE is out, or the caller's is here.
    invited: bool,
    answered: bool,
    /// Ended: by us, by a refusal, or by the peer.
    ends: u32,
}

#[derive(Default)]
pub(super) struct Books {
    legs: BTreeMap<LegId, LegBook>,
    queued: bool,
    ring: Option<Token>,
    talking: Option<Token>,
    pub enqueued: u32,
    pub left: u32,
    pub released: u32,
    pub outcomes: Vec<Outcome>,
    finished: bool,
    /// The dispatcher of a lawless world says what it likes; then only legs are watched.
    pub lawless: bool,
}

impl Books {
    /// A device of the listener calls us, on this leg.
    pub fn comes(&mut self, leg: LegId) {
        self.legs.entry(leg).or_default().invited = true;
    }

    /// What the call is told.
    pub fn told(&mut self, input: &Input) {
        match input {
            Input::Leg { leg, event } => {
                // An end that crossed ours is no second one; a refusal belongs to an INVITE that nobody answered.
                let Some(book) = self.legs.get_mut(leg).filter(|book| book.ends == 0) else { return };
                match event {
                    LegEvent::Ended(_) if book.invited || leg.is_caller() => book.ends = 1,
                    LegEvent::Rejected { .. } if book.invited && !book.answered => book.ends = 1,
                    LegEvent::Answered { .. } => book.answered |= book.invited,
                    _ => {}
                }
            }
            Input::Media { leg, event: MediaEvent::OpenFailed } => {
                if let Some(book) = self.legs.get_mut(leg) {
                    book.failed = true;
                }
            }
            Input::Dispatch(DispatchEvent::Ring { token, .. }) if self.queued => self.ring = Some(token.clone()),
            Input::Dispatch(DispatchEvent::Withdraw { token }) => {
                if self.ring.as_ref() == Some(token) {
                    self.ring = None;
                }
                if self.talking.as_ref() == Some(token) {
                    // It crossed the answer: to the dispatcher she never left the queue.
                    self.talking = None;
                    self.queued = true;
                }
            }
            Input::Dispatch(DispatchEvent::Exhausted) => {
                self.queued = false;
                self.ring = None;
            }
            _ => {}
        }
    }

    /// What the call asks for.
    pub fn asked(&mut self, output: &Output) {
        assert!(!self.finished, "something after the record: {output:?}");
        match output {
            Output::Leg { leg, act } => {
                let book = self.legs.entry(*leg).or_default();
                assert_eq!(book.ends, 0, "{leg:?} is over: {act:?}");
                match act {
                    LegAct::Invite { .. } => book.invited = true,
                    LegAct::Hangup(_) | LegAct::Reject { .. } => book.ends = 1,
                    _ => {}
                }
            }
            Output::Media { leg, act } => {
                let book = self.legs.entry(*leg).or_default();
                match act {
                    MediaAct::Open => book.open += 1,
                    MediaAct::Close => book.close += 1,
                    MediaAct::Unbridge(_) => {}
                    act => assert_eq!(book.close, 0, "the stream of {leg:?} is closed: {act:?}"),
                }
                assert!(book.open == 1 && book.close <= 1, "{leg:?}: {act:?}");
            }
            Output::Dispatch(act) if !self.lawless => self.dispatched(act),
            Output::Finished(_) => self.finished = true,
            _ => {}
        }
    }

    fn dispatched(&mut self, act: &DispatchAct) {
        match act {
            DispatchAct::Enqueue(_) => {
                assert!(!self.queued && self.talking.is_none(), "queued twice");
                self.queued = true;
                self.enqueued += 1;
            }
            DispatchAct::Leave => {
                assert!(self.queued, "left twice, or never waited");
                self.queued = false;
                self.ring = None;
                self.left += 1;
            }
            DispatchAct::Outcome(token, outcome) => {
                assert_eq!(self.ring.take().as_ref(), Some(token), "an outcome of another ring");
                if *outcome == Outcome::Answered {
                    self.queued = false;
                    self.talking = Some(token.clone());
                }
                self.outcomes.push(*outcome);
            }
            DispatchAct::Released(token) => {
                assert_eq!(self.talking.take().as_ref(), Some(token), "released twice, or never held");
                self.released += 1;
            }
        }
    }

    /// Nothing is left behind.
    pub fn check_settled(&self) {
        assert!(self.finished, "no record");
        for (leg, book) in &self.legs {
            let closed = book.close == 1 || book.failed;
            let ended = book.ends == 1 || !(book.invited || leg.is_caller());
            assert!(closed && ended, "{leg:?} lives on: closed {}, ends {}", book.close, book.ends);
        }
        if !self.lawless {
            assert!(!self.queued && self.ring.is_none() && self.talking.is_none(), "the dispatcher was not told");
        }
    }
}
