//! `Asking`: several keys, kept as a fact. Ends by `#`, by a pause, or when no more keys can come.

use crate::clock::{Instant, Now};
use crate::dialplan::{self, StepId};

use super::super::Stage;
use super::super::context::Context;
use super::keys::{Heard, Prompting};
use super::{Signal, State, go};

pub(in super::super) struct Asking {
    step: StepId,
    prompting: Prompting,
    keyed: String,
    said: u8,
}

pub(in super::super) fn enter(cx: &mut Context, now: Now, step: StepId, ask: &dialplan::Ask) -> State {
    cx.stage(Stage::Menu);
    cx.hops = 0;
    let prompting = Prompting::say(cx, now, vec![ask.prompt.clone()], ask.after);
    let state = Asking { step, prompting, keyed: String::new(), said: 1 };
    state.take_typed(cx, now)
}

impl Asking {
    pub fn deadline(&self) -> Instant {
        self.prompting.deadline()
    }

    pub fn handle(mut self, cx: &mut Context, now: Now, signal: Signal) -> State {
        match self.prompting.hear(cx, now, &signal) {
            Heard::Nothing => State::Asking(self),
            Heard::Key(key) => {
                cx.digits.push_front(key);
                self.take_typed(cx, now)
            }
            Heard::Silence => self.pause(cx, now),
        }
    }

    fn take_typed(mut self, cx: &mut Context, now: Now) -> State {
        let plan = cx.plan.clone();
        let dialplan::Verb::Ask(ask) = &plan.step(self.step).verb else { return State::Asking(self) };
        while let Heard::Key(key) = self.prompting.typed(cx) {
            self.prompting = Prompting::wait(now, ask.between);
            if Some(key) == ask.end {
                return self.complete(cx, now, ask);
            }
            self.keyed.push(key.as_char());
            if self.keyed.len() >= usize::from(*ask.digits.end()) {
                cx.answer_full(ask.end, now.at);
                return self.complete(cx, now, ask);
            }
        }
        State::Asking(self)
    }

    fn pause(self, cx: &mut Context, now: Now) -> State {
        let plan = cx.plan.clone();
        let dialplan::Verb::Ask(ask) = &plan.step(self.step).verb else { return State::Asking(self) };
        if !self.keyed.is_empty() {
            return self.complete(cx, now, ask);
        }
        if self.said < ask.tries { self.again(cx, now, ask) } else { go(cx, now, ask.no_input) }
    }

    fn complete(self, cx: &mut Context, now: Now, ask: &dialplan::Ask) -> State {
        if self.keyed == "0" {
            return go(cx, now, ask.no_input); // 0 alone is always a person
        }
        let enough = self.keyed.len() >= usize::from(*ask.digits.start());
        let digits = self.keyed.bytes().all(|b| b.is_ascii_digit());
        if enough && digits {
            cx.facts.keyed.insert(ask.fact.clone(), self.keyed);
            return go(cx, now, ask.valid);
        }
        if self.said < ask.tries { self.again(cx, now, ask) } else { go(cx, now, ask.wrong) }
    }

    fn again(mut self, cx: &mut Context, now: Now, ask: &dialplan::Ask) -> State {
        self.said += 1;
        self.keyed.clear();
        self.prompting = Prompting::say(cx, now, vec![ask.prompt.clone()], ask.after);
        State::Asking(self)
    }
}
