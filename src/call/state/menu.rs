//! `Menu`: one question, one key. Silence and wrong keys are answers too: after the plan's number of tries they lead on,
//! to a human, never to a hang-up.

use crate::clock::{Instant, Now};
use crate::dialplan::{self, StepId};

use super::super::Stage;
use super::super::context::Context;
use super::keys::{Heard, Prompting};
use super::{Signal, State, go};

/// How often "repeat" may be asked for before it counts as a wrong key.
const REPEATS_MAX: u8 = 5;

pub(in super::super) struct Menu {
    step: StepId,
    prompting: Prompting,
    /// How often the words were said.
    said: u8,
    repeats: u8,
}

pub(in super::super) fn enter(cx: &mut Context, now: Now, step: StepId, menu: &dialplan::Menu) -> State {
    cx.stage(Stage::Menu);
    cx.hops = 0;
    let prompting = Prompting::say(cx, now, vec![menu.prompt.clone()], menu.after);
    let mut state = Menu { step, prompting, said: 1, repeats: 0 };
    let heard = state.prompting.typed(cx);
    state.act(cx, now, heard)
}

impl Menu {
    pub fn deadline(&self) -> Instant {
        self.prompting.deadline()
    }

    pub fn handle(mut self, cx: &mut Context, now: Now, signal: Signal) -> State {
        let heard = self.prompting.hear(cx, now, &signal);
        self.act(cx, now, heard)
    }

    fn act(mut self, cx: &mut Context, now: Now, heard: Heard) -> State {
        let plan = cx.plan.clone();
        let dialplan::Verb::Menu(menu) = &plan.step(self.step).verb else { return State::Menu(self) };
        match heard {
            Heard::Nothing => State::Menu(self),
            Heard::Key(key) => {
                if let Some(next) = menu.keys.get(&key) {
                    return go(cx, now, *next);
                }
                if menu.repeat == Some(key) && self.repeats < REPEATS_MAX {
                    self.repeats += 1;
                    return self.again(cx, now, menu);
                }
                if self.said < menu.tries { self.again_counted(cx, now, menu) } else { go(cx, now, menu.wrong) }
            }
            Heard::Silence if self.said < menu.tries => self.again_counted(cx, now, menu),
            Heard::Silence => go(cx, now, menu.no_input),
        }
    }

    fn again_counted(mut self, cx: &mut Context, now: Now, menu: &dialplan::Menu) -> State {
        self.said += 1;
        // Keys typed behind a wrong one were meant for somewhere else.
        cx.digits.clear();
        self.again(cx, now, menu)
    }

    fn again(mut self, cx: &mut Context, now: Now, menu: &dialplan::Menu) -> State {
        self.prompting = Prompting::say(cx, now, vec![menu.prompt.clone()], menu.after);
        let heard = self.prompting.typed(cx);
        self.act(cx, now, heard)
    }
}
