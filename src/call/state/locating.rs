//! `Locating`: where does the person concerned live? At most one question.
//!
//! A guess from the caller's number is offered by name and costs one key at most. Then the postcode is asked for, not the
//! department, because A and B lie on the same key: 2A would be typed 22. A department's number is taken all the same;
//! `20` alone asks one more question. The name is read back before it is believed. Two failures, silence, or 0 lead to a
//! person.

use crate::clock::{Instant, Now};
use crate::dialplan::{self, Key, Locate, PromptName, StepId, department_prompt};
use crate::france::{Department, DepartmentKeys, Tables};

use super::super::context::Context;
use super::super::record::LocatedBy;
use super::super::{CallerIdentity, Stage};
use super::keys::{Heard, Prompting};
use super::{Signal, State, go};

/// A guess is worth the caller's ear when at least this share of the numbers of its block is of that department. At six
/// digits nine blocks in ten reach it; at four, one in four.
const HINT_SHARE_MIN: f32 = 0.6;

/// Digits of a postcode: more cannot come.
const POSTCODE_DIGITS: usize = 5;

enum Asking {
    /// "You are calling about someone in l'Isère: press 1; otherwise 2."
    Hint(Department),
    /// The postcode.
    Keys(String),
    /// "For Corse-du-Sud press 1, for Haute-Corse press 2."
    Corsica,
    /// The same words as the hint, for what was keyed.
    Confirm(Department),
}

pub(in super::super) struct Locating {
    step: StepId,
    asking: Asking,
    prompting: Prompting,
    failures: u8,
    /// Each question is said again once when silence answers it.
    silences: u8,
}

pub(in super::super) fn enter(cx: &mut Context, now: Now, step: StepId, locate: &Locate) -> State {
    cx.stage(Stage::Locating);
    cx.hops = 0;
    let hint = if locate.hint && cx.digits.is_empty() {
        cx.facts.caller_in.or_else(|| hint(&cx.settings.tables, &cx.caller))
    } else {
        None
    };
    let (asking, prompts) = match hint {
        Some(department) => (Asking::Hint(department), confirm_words(locate, department)),
        None => (Asking::Keys(String::new()), vec![locate.ask.clone()]),
    };
    let prompting = Prompting::say(cx, now, prompts, locate.after);
    Locating { step, asking, prompting, failures: 0, silences: 0 }.take_typed(cx, now)
}

impl Locating {
    pub fn deadline(&self) -> Instant {
        self.prompting.deadline()
    }

    pub fn handle(mut self: Box<Self>, cx: &mut Context, now: Now, signal: Signal) -> State {
        match self.prompting.hear(cx, now, &signal) {
            Heard::Nothing => State::Locating(self),
            Heard::Key(key) => {
                cx.digits.push_front(key);
                self.take_typed(cx, now)
            }
            Heard::Silence => self.silence(cx, now),
        }
    }

    fn take_typed(mut self, cx: &mut Context, now: Now) -> State {
        let plan = cx.plan.clone();
        let dialplan::Verb::Locate(locate) = &plan.step(self.step).verb else { return State::Locating(self.into()) };
        while let Heard::Key(key) = self.prompting.typed(cx) {
            self.silences = 0;
            match &mut self.asking {
                Asking::Hint(department) => {
                    let department = *department;
                    match key.as_char() {
                        '1' => return found(cx, now, locate, department, LocatedBy::ConfirmedHint),
                        '0' => return go(cx, now, locate.unknown),
                        _ => self.ask(cx, now, locate, vec![locate.ask.clone()]),
                    }
                }
                Asking::Confirm(department) => {
                    let department = *department;
                    match key.as_char() {
                        '1' => return found(cx, now, locate, department, LocatedBy::Answer),
                        '0' => return go(cx, now, locate.unknown),
                        _ => {
                            if self.failed(locate) {
                                return go(cx, now, locate.unknown);
                            }
                            self.ask(cx, now, locate, vec![locate.ask.clone()]);
                        }
                    }
                }
                Asking::Corsica => match key.as_char() {
                    '1' | '2' => {
                        let code = if key.as_char() == '1' { "2A" } else { "2B" };
                        match Department::from_code(code) {
                            Some(department) => return found(cx, now, locate, department, LocatedBy::Answer),
                            None => return go(cx, now, locate.unknown),
                        }
                    }
                    '0' => return go(cx, now, locate.unknown),
                    _ => {
                        if self.failed(locate) {
                            return go(cx, now, locate.unknown);
                        }
                        self.ask(cx, now, locate, vec![locate.ask.clone()]);
                    }
                },
                Asking::Keys(keyed) => {
                    if key != Key::HASH {
                        keyed.push(key.as_char());
                    }
                    let full = keyed.len() >= POSTCODE_DIGITS;
                    if full || key == Key::HASH {
                        let keyed = std::mem::take(keyed);
                        if full {
                            cx.answer_full(Some(Key::HASH), now.at);
                        }
                        if let Some(next) = self.judge(cx, now, locate, &keyed) {
                            return next;
                        }
                    } else {
                        self.prompting = Prompting::wait(now, locate.between);
                    }
                }
            }
        }
        State::Locating(self.into())
    }

    fn silence(mut self, cx: &mut Context, now: Now) -> State {
        let plan = cx.plan.clone();
        let dialplan::Verb::Locate(locate) = &plan.step(self.step).verb else { return State::Locating(self.into()) };
        let keyed = match &mut self.asking {
            Asking::Keys(keyed) => std::mem::take(keyed),
            Asking::Hint(_) => {
                // A guess that nobody confirms is worth nothing: ask.
                self.ask(cx, now, locate, vec![locate.ask.clone()]);
                return State::Locating(self.into());
            }
            Asking::Confirm(department) => {
                // She keyed it herself and did not object.
                let department = *department;
                return found(cx, now, locate, department, LocatedBy::Answer);
            }
            Asking::Corsica => String::new(),
        };
        if !keyed.is_empty() {
            return match self.judge(cx, now, locate, &keyed) {
                Some(next) => next,
                None => State::Locating(self.into()),
            };
        }
        self.silences += 1;
        if self.silences >= locate.tries {
            return go(cx, now, locate.unknown);
        }
        let words = if matches!(self.asking, Asking::Corsica) { &locate.corsica } else { &locate.ask };
        self.prompting = Prompting::say(cx, now, vec![words.clone()], locate.after);
        State::Locating(self.into())
    }

    /// What was keyed is whole: believe it, ask on, or give up (the state that follows).
    fn judge(&mut self, cx: &mut Context, now: Now, locate: &Locate, keyed: &str) -> Option<State> {
        if keyed == "0" {
            return Some(go(cx, now, locate.unknown));
        }
        match cx.settings.tables.parse_department_keys(keyed) {
            DepartmentKeys::Department(department) => {
                self.asking = Asking::Confirm(department);
                self.prompting = Prompting::say(cx, now, confirm_words(locate, department), locate.after);
                None
            }
            DepartmentKeys::AskCorsica => {
                self.asking = Asking::Corsica;
                self.prompting = Prompting::say(cx, now, vec![locate.corsica.clone()], locate.after);
                None
            }
            DepartmentKeys::Nothing => {
                if self.failed(locate) {
                    return Some(go(cx, now, locate.unknown));
                }
                self.ask(cx, now, locate, vec![locate.wrong.clone(), locate.ask.clone()]);
                None
            }
        }
    }

    fn ask(&mut self, cx: &mut Context, now: Now, locate: &Locate, words: Vec<PromptName>) {
        self.asking = Asking::Keys(String::new());
        self.prompting = Prompting::say(cx, now, words, locate.after);
    }

    fn failed(&mut self, locate: &Locate) -> bool {
        self.failures += 1;
        self.failures >= locate.tries
    }
}

fn found(cx: &mut Context, now: Now, locate: &Locate, department: Department, by: LocatedBy) -> State {
    cx.facts.department = Some((department, by));
    go(cx, now, locate.found)
}

fn confirm_words(locate: &Locate, department: Department) -> Vec<PromptName> {
    vec![locate.confirm.clone(), department_prompt(department.code()), locate.confirm_keys.clone()]
}

fn hint(tables: &Tables, caller: &CallerIdentity) -> Option<Department> {
    let CallerIdentity::Number(number) = caller else { return None };
    let mut best: Option<(Department, f32)> = None;
    for (department, share) in tables.departments_of_number(number) {
        if best.is_none_or(|(_, most)| share > most) {
            best = Some((department, share));
        }
    }
    best.filter(|(_, share)| *share >= HINT_SHARE_MIN).map(|(department, _)| department)
}
