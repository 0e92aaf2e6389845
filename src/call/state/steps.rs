//! Entering a step of the dialplan: one verb, one state.

use crate::clock::Now;
use crate::dialplan::{Condition, StepId, Verb, When};

use super::super::context::Context;
use super::super::{HangupReason, How, Party, Stage};
use super::{State, asking, closing, locating, menu, playing, waiting};

/// Steps that may follow one another without the caller being waited for. The dialplan's check allows no loop of such
/// steps; this stands behind it.
const HOPS_MAX: u32 = 64;

pub(in super::super) fn enter(cx: &mut Context, now: Now, step: StepId) -> State {
    let mut step = step;
    let plan = cx.plan.clone();
    loop {
        cx.hops += 1;
        if cx.hops > HOPS_MAX {
            cx.terminate(Party::Us, How::Fault);
            return closing::close(cx, now, HangupReason::Fault);
        }
        let here = plan.step(step);
        cx.step_entered(&here.name);
        match &here.verb {
            Verb::Play(play) => {
                if let Some(language) = &play.language {
                    cx.facts.language = language.as_str().to_owned();
                }
                return playing::enter(cx, now, &play.prompt, play.next, play.skip);
            }
            Verb::Menu(menu) => return menu::enter(cx, now, step, menu),
            Verb::Ask(ask) => return asking::enter(cx, now, step, ask),
            Verb::When(when) => step = choose(cx, now, when),
            Verb::Locate(locate) => return locating::enter(cx, now, step, locate),
            Verb::Dispatch(dispatch) => return waiting::enter(cx, now, step, dispatch),
            Verb::Hangup(_) => {
                cx.stage(Stage::Closing);
                // After a conversation that the listener ended, our goodbye is only politeness.
                let (by, how) = match cx.listener_hung_up {
                    true => (Party::Listener, How::HungUp),
                    false => (Party::Us, How::Completed),
                };
                cx.terminate(by, how);
                return closing::close(cx, now, HangupReason::Normal);
            }
        }
    }
}

/// The step that `step` comes to when nobody is spoken to: behind every `when`.
pub(in super::super) fn beyond_when(cx: &Context, now: Now, mut step: StepId) -> StepId {
    for _ in 0..HOPS_MAX {
        let Verb::When(when) = &cx.plan.step(step).verb else { break };
        step = choose(cx, now, when);
    }
    step
}

fn choose(cx: &Context, now: Now, when: &When) -> StepId {
    let holds = |condition: &Condition| match condition {
        Condition::Hours(name) => cx.plan.is_open(name, now.civil),
        Condition::Language(language) => language.as_str() == cx.facts.language,
        Condition::Located => cx.facts.department.is_some(),
        Condition::Department(department) => cx.facts.department.is_some_and(|(known, _)| known == *department),
        Condition::Fact { name, equals } => cx.facts.keyed.get(name).is_some_and(|keyed| keyed.as_str() == &**equals),
    };
    when.cases.iter().find(|(condition, _)| holds(condition)).map_or(when.otherwise, |(_, next)| *next)
}
