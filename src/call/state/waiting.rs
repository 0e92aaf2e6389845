//! `Waiting`: the caller is in the queue and hears a voice now and then. The dispatcher answers; should it ever not, the
//! deadline here leads to the plan's overflow all the same.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::{Instant, Now};
use crate::dialplan::{self, Key, PromptName, StepId, Verb};
use crate::dispatch::{Reach, Request, Tier};

use super::super::context::Context;
use super::super::{DispatchAct, Stage};
use super::{Signal, State, go, ringing, steps};

/// Beyond the tiers' time: the dispatcher has had its say by then.
const MARGIN: Duration = Duration::from_secs(15);

/// What a waiting caller is, while listeners are rung for her too.
pub(in super::super) struct Waiting {
    pub step: StepId,
    /// This entry into the queue.
    pub since: Instant,
    hold: Vec<PromptName>,
    hold_every: Duration,
    keys: BTreeMap<Key, StepId>,
    pub overflow: StepId,
    pub answered: StepId,
    pub deadline: Instant,
    /// Words that a key asked for are being said, over the waiting; the place in the queue is kept.
    aside: bool,
}

pub(in super::super) fn enter(cx: &mut Context, now: Now, step: StepId, dispatch: &dialplan::Dispatch) -> State {
    cx.hops = 0;
    cx.times.queued.get_or_insert(now.at);
    let department = if dispatch.department { cx.facts.department.map(|(department, _)| department) } else { None };
    let tiers: Vec<Tier> =
        dispatch.tiers.iter().map(|tier| Tier { reach: reach(tier.reach), lasts: tier.lasts }).collect();
    let longest: Duration = tiers.iter().map(|tier| tier.lasts).sum();
    cx.dispatch(DispatchAct::Enqueue(Box::new(Request {
        call: cx.call,
        priority: dispatch.priority.saturating_add(cx.priority_raise),
        department,
        language: cx.facts.language.clone(),
        tiers,
        ring: dispatch.ring,
        excluded: cx.excluded.clone(),
    })));
    let mut hold = vec![dispatch.hold.clone()];
    if *dispatch.hold != *cx.settings.hold_prompt {
        hold.push(cx.settings.hold_prompt.as_ref().into());
    }
    let mut state = Waiting {
        step,
        since: now.at,
        hold,
        hold_every: dispatch.hold_every,
        keys: dispatch.keys.clone(),
        overflow: dispatch.overflow,
        answered: dispatch.answered,
        deadline: now.at + longest + dispatch.ring + MARGIN,
        aside: false,
    };
    cx.digits.clear();
    state.hold(cx);
    state.resume(cx)
}

impl Waiting {
    pub fn handle(mut self: Box<Self>, cx: &mut Context, now: Now, signal: Signal) -> State {
        match signal {
            Signal::Ring { token, ring, devices } => ringing::enter(cx, now, *self, token, ring, devices),
            Signal::Exhausted => self.overflow(cx, now),
            Signal::Digit => match self.key(cx, now) {
                Some(next) => {
                    self.leave(cx);
                    go(cx, now, next)
                }
                None => State::Waiting(self),
            },
            Signal::PlaybackEnded(_) => {
                self.aside_over(cx);
                State::Waiting(self)
            }
            Signal::Deadline => {
                self.leave(cx);
                self.overflow(cx, now)
            }
            _ => State::Waiting(self),
        }
    }

    /// Back to waiting, nobody rings.
    pub fn resume(self, cx: &mut Context) -> State {
        cx.stage(Stage::Waiting);
        State::Waiting(Box::new(self))
    }

    /// Out of the queue.
    pub fn leave(&self, cx: &mut Context) {
        cx.dispatch(DispatchAct::Leave);
    }

    pub fn overflow(&self, cx: &mut Context, now: Now) -> State {
        let caller = cx.caller_leg();
        cx.hush(caller);
        go(cx, now, self.overflow)
    }

    /// A key while waiting. Words that lead back to this very step are said over the waiting, so that asking for the
    /// emergency numbers costs no place in the queue; any other step is gone to (returned).
    pub fn key(&mut self, cx: &mut Context, now: Now) -> Option<StepId> {
        let key = cx.digits.pop_front()?;
        cx.digits.clear();
        let next = *self.keys.get(&key)?;
        let plan = cx.plan.clone();
        match &plan.step(next).verb {
            Verb::Play(play) if play.language.is_none() && steps::beyond_when(cx, now, play.next) == self.step => {
                cx.step_entered(&plan.step(next).name);
                self.say_aside(cx, play.prompt.clone());
                None
            }
            _ => {
                let caller = cx.caller_leg();
                cx.hush(caller);
                Some(next)
            }
        }
    }

    /// Says `prompt` once over the waiting; the place in the queue is kept.
    pub fn say_aside(&mut self, cx: &mut Context, prompt: PromptName) {
        self.aside = true;
        let caller = cx.caller_leg();
        cx.play(caller, vec![prompt], None);
    }

    /// The words aside are said: the waiting voice again.
    pub fn aside_over(&mut self, cx: &mut Context) {
        if std::mem::take(&mut self.aside) {
            self.hold(cx);
        }
    }

    fn hold(&mut self, cx: &mut Context) {
        let caller = cx.caller_leg();
        cx.play(caller, self.hold.clone(), Some(self.hold_every));
    }
}

fn reach(reach: dialplan::Reach) -> Reach {
    match reach {
        dialplan::Reach::Department => Reach::Department,
        dialplan::Reach::Neighbours => Reach::Neighbours,
        dialplan::Reach::Region => Reach::Region,
        dialplan::Reach::National => Reach::National,
    }
}
