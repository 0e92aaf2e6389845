//! `Playing`: a prompt of a `play` step. A key cuts it short and is kept for the next step: who knows the words need not
//! hear them again.

use std::time::Duration;

use crate::clock::{Instant, Now};
use crate::dialplan::StepId;

use super::super::context::Context;
use super::super::{Playback, Stage};
use super::{Signal, State, go};

/// The longest prompt, and then some: a playback whose end is never told must not hold the caller.
pub(in super::super) const PROMPT_MAX: Duration = Duration::from_secs(120);

pub(in super::super) struct Playing {
    playback: Playback,
    next: StepId,
    skip: bool,
    pub deadline: Instant,
}

pub(in super::super) fn enter(cx: &mut Context, now: Now, prompt: &str, next: StepId, skip: bool) -> State {
    cx.stage(Stage::Prompt);
    if skip && !cx.digits.is_empty() {
        return go(cx, now, next);
    }
    let playback = cx.say(vec![prompt.into()]);
    State::Playing(Playing { playback, next, skip, deadline: now.at + PROMPT_MAX })
}

impl Playing {
    pub fn handle(self, cx: &mut Context, now: Now, signal: Signal) -> State {
        match signal {
            Signal::PlaybackEnded(playback) if playback == self.playback => go(cx, now, self.next),
            Signal::Digit if self.skip => {
                let caller = cx.caller_leg();
                cx.hush(caller);
                go(cx, now, self.next)
            }
            Signal::Deadline => go(cx, now, self.next),
            _ => State::Playing(self),
        }
    }
}
