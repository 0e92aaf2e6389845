//! `Answering`: 200 is sent. We speak only when the path towards the caller is open: after the ACK and her first packet,
//! or a short bound after the ACK. The first syllable is the one she must not miss.

use std::time::Duration;

use crate::clock::{Instant, Now};

use super::super::context::Context;
use super::super::{HangupReason, How, Party, Stage};
use super::{Signal, State, closing, steps};

/// The endpoint gives up on the ACK after 64·T1 = 32 s and says so; this stands behind it.
const ACK_WITHIN: Duration = Duration::from_secs(40);

pub(in super::super) struct Answering {
    since: Instant,
    /// The ACK came, at this instant.
    confirmed: Option<Instant>,
    /// Sound came before the ACK, at this instant: an ACK was lost, and its repetition is on the way.
    started: Option<Instant>,
    first_sound: Duration,
}

pub(in super::super) fn enter(cx: &mut Context, now: Now) -> State {
    cx.stage(Stage::Answering);
    State::Answering(Answering { since: now.at, confirmed: None, started: None, first_sound: cx.settings.first_sound })
}

impl Answering {
    pub fn deadline(&self) -> Instant {
        match (self.confirmed, self.started) {
            (Some(at), _) | (None, Some(at)) => at + self.first_sound,
            (None, None) => self.since + ACK_WITHIN,
        }
    }

    pub fn handle(mut self, cx: &mut Context, now: Now, signal: Signal) -> State {
        match signal {
            Signal::Confirmed { leg } if leg.is_caller() => {
                self.confirmed.get_or_insert(now.at);
                let started = cx.leg(leg).is_some_and(|leg| leg.started);
                if started { self.begin(cx, now) } else { State::Answering(self) }
            }
            // Her answer to our offer comes with the ACK: before it, we cannot speak to her.
            Signal::Started { leg }
                if self.confirmed.is_none() && cx.leg(leg).is_some_and(|leg| leg.session.offer_pending()) =>
            {
                State::Answering(self)
            }
            Signal::Started { leg } if leg.is_caller() => {
                self.started.get_or_insert(now.at);
                if self.confirmed.is_some() { self.begin(cx, now) } else { State::Answering(self) }
            }
            Signal::Deadline if self.confirmed.is_none() && self.started.is_none() => {
                cx.terminate(Party::Trunk, How::NoAck);
                closing::close(cx, now, HangupReason::Normal)
            }
            Signal::Deadline => self.begin(cx, now),
            _ => State::Answering(self),
        }
    }

    fn begin(self, cx: &mut Context, now: Now) -> State {
        let start = cx.plan.start;
        steps::enter(cx, now, start)
    }
}
