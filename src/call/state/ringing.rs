//! `Ringing`: a listener is reserved and all his devices are asked to ring. The first to answer wins; the others are told
//! that the call was completed elsewhere. Whatever becomes of this ring, the caller keeps her place and her waiting voice.

use std::time::Duration;

use crate::clock::{Instant, Now};
use crate::dialplan::StepId;
use crate::dispatch::{Outcome, Token};
use crate::ids::LegId;

use super::super::context::{Context, outcome_in_record};
use super::super::leg::{Leg, Role, Signalling};
use super::super::record::AttemptOutcome;
use super::super::{Device, DispatchAct, HangupReason, LegAct, MediaAct, Note, Stage};
use super::waiting::Waiting;
use super::{Signal, State, bridged, go};

/// Behind the dispatcher's own ring deadline: should it ever not withdraw, we do.
const MARGIN: Duration = Duration::from_secs(5);

pub(in super::super) struct Ringing {
    waiting: Waiting,
    token: Token,
    chosen: Instant,
    ring: Duration,
    /// Devices that may still answer.
    legs: Vec<(LegId, Device)>,
    /// The most telling refusal so far.
    verdict: Outcome,
    /// A device said that it rings.
    rang: bool,
    deadline: Instant,
}

pub(in super::super) fn enter(
    cx: &mut Context,
    now: Now,
    waiting: Waiting,
    token: Token,
    ring: Duration,
    devices: Vec<Device>,
) -> State {
    cx.stage(Stage::Ringing);
    let legs: Vec<(LegId, Device)> =
        devices.into_iter().filter_map(|device| Some((cx.new_leg_id()?, device))).collect();
    for (id, _) in &legs {
        cx.legs.insert(*id, Leg::new(*id, Role::Listener(token.clone())));
        cx.media(*id, MediaAct::Open);
    }
    let ringing = Ringing {
        waiting,
        token,
        chosen: now.at,
        ring,
        legs,
        verdict: Outcome::Unreachable,
        rang: false,
        deadline: now.at + ring + MARGIN,
    };
    if ringing.legs.is_empty() { ringing.over(cx, now, Outcome::Unreachable) } else { State::Ringing(ringing.into()) }
}

impl Ringing {
    pub fn deadline(&self) -> Instant {
        self.deadline.min(self.waiting.deadline)
    }

    pub fn handle(mut self: Box<Self>, cx: &mut Context, now: Now, signal: Signal) -> State {
        match signal {
            Signal::Opened { leg, .. } if self.has(leg) => self.invite(cx, now, leg),
            Signal::OpenFailed { leg } if self.has(leg) => self.lost(cx, now, leg, Outcome::Failed),
            Signal::Progress { leg, status } if self.has(leg) => {
                self.rang |= status == 180 || status == 183;
                State::Ringing(self)
            }
            Signal::Answered { leg, sdp } if self.has(leg) => self.answered(cx, now, leg, sdp),
            Signal::Rejected { leg, status } if self.has(leg) => {
                let outcome = outcome_of(status, self.rang);
                if outcome == Outcome::Declined {
                    self.over(cx, now, outcome)
                } else {
                    self.lost(cx, now, leg, outcome)
                }
            }
            Signal::ListenerEnded { leg, .. } if self.has(leg) => self.lost(cx, now, leg, Outcome::Unreachable),
            Signal::Withdraw { token } if token == self.token => {
                self.drop_all(cx, HangupReason::RangOut);
                let outcome = if self.rang { AttemptOutcome::NoAnswer } else { AttemptOutcome::Withdrawn };
                cx.attempt_over(&self.token, self.chosen, now.at, outcome);
                self.waiting.resume(cx)
            }
            // The dispatcher has changed its mind before we heard of it: the newer word counts.
            Signal::Ring { token, ring, devices } => {
                self.drop_all(cx, HangupReason::RangOut);
                cx.attempt_over(&self.token, self.chosen, now.at, AttemptOutcome::Withdrawn);
                enter(cx, now, self.waiting, token, ring, devices)
            }
            Signal::Exhausted => {
                self.drop_all(cx, HangupReason::RangOut);
                cx.attempt_over(&self.token, self.chosen, now.at, AttemptOutcome::Withdrawn);
                self.waiting.overflow(cx, now)
            }
            Signal::Digit => match self.waiting.key(cx, now) {
                Some(next) => self.go(cx, now, next),
                None => State::Ringing(self),
            },
            Signal::PlaybackEnded(_) => {
                self.waiting.aside_over(cx);
                State::Ringing(self)
            }
            Signal::Deadline if self.waiting.deadline <= now.at => {
                let overflow = self.waiting.overflow;
                let caller = cx.caller_leg();
                cx.hush(caller);
                self.go(cx, now, overflow)
            }
            Signal::Deadline => {
                let outcome = if self.rang { Outcome::NoAnswer } else { Outcome::Unreachable };
                self.over(cx, now, outcome)
            }
            _ => State::Ringing(self),
        }
    }

    /// The caller is gone.
    pub fn leave(&self, cx: &mut Context, now: Now) {
        cx.dispatch(DispatchAct::Leave);
        cx.attempt_over(&self.token, self.chosen, now.at, AttemptOutcome::Withdrawn);
        self.drop_all(cx, HangupReason::CallerGone);
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    fn has(&self, leg: LegId) -> bool {
        self.legs.iter().any(|(id, _)| *id == leg)
    }

    fn invite(self: Box<Self>, cx: &mut Context, now: Now, leg: LegId) -> State {
        let Some(device) = self.legs.iter().find(|(id, _)| *id == leg).map(|(_, device)| *device) else {
            return State::Ringing(self);
        };
        match cx.offer(leg) {
            Ok(sdp) => {
                if let Some(leg) = cx.legs.get_mut(&leg) {
                    leg.signalling = Signalling::Inviting;
                }
                let shown = shown(cx);
                let service = cx.plan.numbers.first().map(|number| number.to_string()).unwrap_or_default();
                let listener = self.token.listener.clone();
                // The endpoint gives up a little after the dispatcher, so that one of them speaks first.
                let ring = self.ring + Duration::from_secs(2);
                cx.act(leg, LegAct::Invite { listener, device, sdp, ring, service, shown });
                cx.note(Note::RingSent(now.at.since(self.chosen)));
                State::Ringing(self)
            }
            Err(_) => self.lost(cx, now, leg, Outcome::Failed),
        }
    }

    fn answered(self: Box<Self>, cx: &mut Context, now: Now, leg: LegId, sdp: Option<Vec<u8>>) -> State {
        if cx.take_answer(leg, sdp.as_deref()).is_err() {
            cx.drop_leg(leg, HangupReason::NoCodec);
            return self.lost(cx, now, leg, Outcome::Failed);
        }
        for (other, _) in self.legs.iter().filter(|(id, _)| *id != leg) {
            cx.drop_leg(*other, HangupReason::CompletedElsewhere);
        }
        cx.attempt_over(&self.token, self.chosen, now.at, AttemptOutcome::Answered);
        cx.dispatch(DispatchAct::Outcome(self.token.clone(), Outcome::Answered));
        bridged::enter(cx, now, self.waiting, self.token, leg, self.chosen)
    }

    /// One device is out; the ring is over when none is left.
    fn lost(mut self: Box<Self>, cx: &mut Context, now: Now, leg: LegId, outcome: Outcome) -> State {
        cx.drop_leg(leg, HangupReason::Fault);
        self.legs.retain(|(id, _)| *id != leg);
        self.verdict = more_telling(self.verdict, outcome);
        let verdict = self.verdict;
        if self.legs.is_empty() { self.over(cx, now, verdict) } else { State::Ringing(self) }
    }

    fn over(self, cx: &mut Context, now: Now, outcome: Outcome) -> State {
        self.drop_all(cx, HangupReason::RangOut);
        cx.attempt_over(&self.token, self.chosen, now.at, outcome_in_record(outcome));
        cx.dispatch(DispatchAct::Outcome(self.token, outcome));
        self.waiting.resume(cx)
    }

    fn go(self, cx: &mut Context, now: Now, next: StepId) -> State {
        self.leave(cx, now);
        go(cx, now, next)
    }

    fn drop_all(&self, cx: &mut Context, reason: HangupReason) {
        for (leg, _) in &self.legs {
            cx.drop_leg(*leg, reason);
        }
    }
}

/// What a refusal says of the listener (RFC 3261 §21).
fn outcome_of(status: u16, rang: bool) -> Outcome {
    match status {
        486 | 600 => Outcome::Busy,
        403 | 603 => Outcome::Declined,
        404 | 410 | 484 | 604 => Outcome::Wrong,
        // A phone that rang and then says 480, 487 or nothing was there: nobody took it.
        408 | 480 | 487 if rang => Outcome::NoAnswer,
        488 | 606 => Outcome::Failed,
        _ => Outcome::Unreachable,
    }
}

/// With several devices, the refusal that says most about the person stands.
fn more_telling(a: Outcome, b: Outcome) -> Outcome {
    let rank = |outcome: Outcome| match outcome {
        Outcome::Answered => 6,
        Outcome::Declined => 5,
        Outcome::Busy => 4,
        Outcome::NoAnswer => 3,
        Outcome::Failed => 2,
        Outcome::Wrong => 1,
        Outcome::Unreachable => 0,
    };
    if rank(b) > rank(a) { b } else { a }
}

/// What the listener's phone shows: the service and the department, never the caller.
fn shown(cx: &Context) -> String {
    match cx.facts.department {
        Some((department, _)) => format!("{} {} ({})", cx.plan.name, department.name(), department.code()),
        None => cx.plan.name.clone(),
    }
}
