//! `Bridged`: two voices are joined.
//!
//! The caller's end is the end. The listener's ordinary end leads to the plan's last words. A listener who is *lost* (his
//! connection fails, or his phone answered and gives no sound) is not the caller's fault: she goes back to the queue, in
//! front, and that listener is not rung for her again.

use std::time::Duration;

use crate::clock::{Instant, Now};
use crate::dialplan::Verb;
use crate::dispatch::Token;
use crate::ids::LegId;

use super::super::context::Context;
use super::super::leg::Leg;
use super::super::{DispatchAct, HangupReason, How, LegEnd, MediaAct, Note, Party, Stage};
use super::takeover::Taking;
use super::waiting::{self, Waiting};
use super::{Signal, State, closing, go};

/// Who holds the call gives no sound by right, so silence does not tell that he is gone: he is asked this often.
const HOLDER_ASKED_EVERY: Duration = Duration::from_secs(60);

pub(in super::super) struct Bridged {
    /// Her place in the queue, should the dispatcher have taken the ring back as it was answered.
    waiting: Waiting,
    pub(super) token: Token,
    pub(super) leg: LegId,
    /// Another device of his that takes over.
    pub(super) taking: Option<Taking>,
    since: Instant,
    /// The listener's first sound is awaited until then.
    pub(super) sound_by: Option<Instant>,
    /// Somebody holds the call, and is asked then whether he is still there.
    ask_at: Option<Instant>,
    until: Instant,
}

pub(in super::super) fn enter(
    cx: &mut Context,
    now: Now,
    waiting: Waiting,
    token: Token,
    leg: LegId,
    chosen: Instant,
) -> State {
    cx.stage(Stage::Bridged);
    let caller = cx.caller_leg();
    cx.hush(caller);
    cx.media(caller, MediaAct::Bridge(leg));
    cx.times.bridged.get_or_insert(now.at);
    cx.listener = Some(token.listener.clone());
    cx.listener_sound = None;
    cx.listener_hung_up = false;
    cx.note(Note::Bridged { waited: now.at.since(waiting.since), rang: now.at.since(chosen) });
    let heard = cx.leg(leg).is_some_and(|leg| leg.started);
    let mut bridged = Bridged {
        waiting,
        token,
        leg,
        taking: None,
        since: now.at,
        sound_by: (!heard).then_some(now.at + cx.settings.listener_sound),
        ask_at: None,
        until: now.at + cx.settings.conversation_max,
    };
    // Either may hold the call already: the caller while she waited, the listener with his answer.
    bridged.hold(cx, now, caller);
    bridged.hold(cx, now, leg);
    State::Bridged(Box::new(bridged))
}

impl Bridged {
    pub fn deadline(&self) -> Instant {
        [self.sound_by, self.ask_at].into_iter().flatten().fold(self.until, Instant::min)
    }

    pub fn handle(mut self: Box<Self>, cx: &mut Context, now: Now, signal: Signal) -> State {
        let Some(signal) = self.take_over_step(cx, now, signal) else { return State::Bridged(self) };
        match signal {
            Signal::Started { leg } if leg == self.leg => {
                self.sound_by = None;
                State::Bridged(self)
            }
            Signal::ListenerEnded { leg, end: LegEnd::HungUp } if leg == self.leg => {
                let answered = self.waiting.answered;
                cx.listener_hung_up = true;
                self.part(cx, now);
                cx.digits.clear();
                cx.hops = 0;
                go(cx, now, answered)
            }
            Signal::ListenerEnded { leg, .. } if leg == self.leg => self.lost(cx, now),
            // The dispatcher took the ring back as the phone was answered, and its word counts: the listener may be reserved
            // for somebody else by now, and she still stands in the queue.
            Signal::Withdraw { token } if token == self.token => {
                cx.drop_leg(self.leg, HangupReason::RangOut);
                self.let_taking_go(cx);
                self.unbridge(cx);
                cx.talked += now.at.since(self.since);
                let mut waiting = self.waiting;
                waiting.say_aside(cx, cx.settings.lost_prompt.as_ref().into());
                waiting.resume(cx)
            }
            Signal::Renegotiated { leg } => {
                self.hold(cx, now, leg);
                let silent = cx.leg(leg).is_some_and(|leg| !leg.started && !leg.holds_us());
                if leg == self.leg && silent {
                    self.sound_by.get_or_insert(now.at + cx.settings.listener_sound);
                }
                State::Bridged(self)
            }
            Signal::Deadline if self.until <= now.at => {
                cx.terminate(Party::Us, How::Completed);
                self.release(cx, now);
                closing::close(cx, now, HangupReason::Normal)
            }
            Signal::Deadline if self.ask_at.is_some_and(|at| at <= now.at) => {
                self.ask_at = Some(now.at + HOLDER_ASKED_EVERY);
                for leg in [cx.caller_leg(), self.leg] {
                    if cx.leg(leg).is_some_and(Leg::holds_us) {
                        cx.probe(leg);
                    }
                }
                State::Bridged(self)
            }
            Signal::Deadline => {
                let holding = cx.leg(self.leg).is_some_and(Leg::holds_us);
                self.sound_by = None;
                if holding {
                    return State::Bridged(self);
                }
                cx.note(Note::OneWayAudio);
                // The caller keeps her leg; only his is let go.
                cx.drop_leg(self.leg, HangupReason::MediaLost);
                self.lost(cx, now)
            }
            Signal::Digit => {
                cx.digits.clear(); // keys pressed in a conversation are the conversation's
                State::Bridged(self)
            }
            _ => State::Bridged(self),
        }
    }

    /// The conversation is over: tells the dispatcher, counts the time.
    pub fn release(&self, cx: &mut Context, now: Now) {
        // Whoever is lost was lost when his sound stopped, not when his peer gave up asking.
        let lost = |leg: &Leg| leg.silent_since.filter(|_| leg.lost);
        let ends = [cx.caller_leg(), self.leg].into_iter().filter_map(|leg| cx.leg(leg).and_then(lost)).min();
        cx.talked += ends.unwrap_or(now.at).since(self.since);
        cx.dispatch(DispatchAct::Released(self.token.clone()));
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    fn part(&self, cx: &mut Context, now: Now) {
        self.let_taking_go(cx);
        self.unbridge(cx);
        self.release(cx, now);
    }

    pub(super) fn unbridge(&self, cx: &mut Context) {
        let caller = cx.caller_leg();
        cx.media(caller, MediaAct::Unbridge(self.leg));
        cx.hush(caller);
    }

    /// Back to the queue, in front.
    fn lost(self, cx: &mut Context, now: Now) -> State {
        self.part(cx, now);
        cx.priority_raise = 1;
        if !cx.excluded.contains(&self.token.listener) {
            cx.excluded.push(self.token.listener.clone());
        }
        let plan = cx.plan.clone();
        match &plan.step(self.waiting.step).verb {
            Verb::Dispatch(dispatch) => {
                let mut state = waiting::enter(cx, now, self.waiting.step, dispatch);
                if let State::Waiting(waiting) = &mut state {
                    let sorry = cx.settings.lost_prompt.as_ref().into();
                    waiting.say_aside(cx, sorry);
                }
                state
            }
            _ => go(cx, now, self.waiting.answered),
        }
    }

    /// One party put the other on hold, or came back.
    pub(super) fn hold(&mut self, cx: &mut Context, now: Now, leg: LegId) {
        let caller = cx.caller_leg();
        let other = if leg == caller { self.leg } else { caller };
        let held = [leg, other].into_iter().any(|leg| cx.leg(leg).is_some_and(Leg::holds_us));
        self.ask_at = held.then(|| self.ask_at.unwrap_or(now.at + HOLDER_ASKED_EVERY));
        if cx.leg(leg).is_some_and(Leg::holds_us) {
            // A refresh of the hold does not begin the music anew.
            if cx.leg(other).is_some_and(|leg| leg.playing.is_none()) {
                let music = vec![cx.settings.hold_prompt.as_ref().into()];
                cx.play(other, music, Some(Duration::ZERO));
            }
        } else {
            cx.hush(other);
        }
    }
}
