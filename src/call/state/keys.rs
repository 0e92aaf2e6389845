//! Saying something and waiting for a key: the part that a menu, a question and the search for a department share.
//!
//! The wait begins when the words end. A key at any time, even one typed before the words began, counts.

use std::time::Duration;

use crate::clock::{Instant, Now};
use crate::dialplan::{Key, PromptName};

use super::super::Playback;
use super::super::context::Context;
use super::Signal;
use super::playing::PROMPT_MAX;

/// Words being said, or the silence after them.
#[derive(Debug)]
pub(in super::super) struct Prompting {
    playback: Option<Playback>,
    after: Duration,
    deadline: Instant,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Heard {
    /// A key.
    Key(Key),
    /// The silence after the words lasted its whole span.
    Silence,
    /// Nothing yet.
    Nothing,
}

impl Prompting {
    /// Says `prompts`, then waits `after` for a key.
    pub fn say(cx: &mut Context, now: Now, prompts: Vec<PromptName>, after: Duration) -> Prompting {
        let playback = Some(cx.say(prompts));
        Prompting { playback, after, deadline: now.at + PROMPT_MAX }
    }

    /// Waits `after` for a key, without a word.
    pub fn wait(now: Now, after: Duration) -> Prompting {
        Prompting { playback: None, after, deadline: now.at + after }
    }

    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Takes a signal. A key ends the words (barge-in).
    pub fn hear(&mut self, cx: &mut Context, now: Now, signal: &Signal) -> Heard {
        match signal {
            Signal::Digit => self.typed(cx),
            Signal::PlaybackEnded(playback) if Some(*playback) == self.playback => {
                self.playback = None;
                self.deadline = now.at + self.after;
                Heard::Nothing
            }
            Signal::Deadline if self.playback.is_some() => {
                self.playback = None;
                self.deadline = now.at + self.after;
                Heard::Nothing
            }
            Signal::Deadline => Heard::Silence,
            _ => Heard::Nothing,
        }
    }

    /// A key that was typed already.
    pub fn typed(&mut self, cx: &mut Context) -> Heard {
        let Some(key) = cx.digits.pop_front() else { return Heard::Nothing };
        if self.playback.take().is_some() {
            let caller = cx.caller_leg();
            cx.hush(caller);
        }
        Heard::Key(key)
    }
}
