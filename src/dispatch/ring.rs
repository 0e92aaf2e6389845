//! Rings: a listener reserved for one caller, under a token with a generation and a deadline.
//!
//! A reservation ends exactly once: by its outcome, by its deadline, because the caller left, or because the listener
//! went away. The token is compared whole; whatever comes later carries an old generation and is dropped. What a bad
//! ending costs the listener is written here too; it never costs the caller more than the time it took.

use serde::{Deserialize, Serialize};

use super::dispatcher::Dispatcher;
use super::presence::Cooling;
use super::queue::Exclusion;
use super::{DecisionKind, DropReason, ExhaustedReason, Outcome, Output, Token, Wish, WithdrawReason};
use crate::clock::Instant;
use crate::ids::CallId;

/// What a listener holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pub token: Token,
    pub stage: Stage,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// It rings until the deadline.
    Ringing { deadline: Instant },
    /// They are talking. There is no deadline: a conversation lasts as long as it lasts, and its leg's owner tells its end.
    Talking,
}

impl Held {
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Ringing { deadline } => Some(deadline),
            Stage::Talking => None,
        }
    }
}

impl Dispatcher {
    /// Reserves the listener in `seat` for `call`.
    pub(super) fn start_ring(&mut self, call: CallId, seat: usize) {
        let Some(waiting) = self.queue.get_mut(call) else { return };
        let ring = waiting.request.ring.min(self.settings.ring_max).max(self.settings.ring_min);
        let token = Token { call, listener: self.seats[seat].id.clone(), generation: self.next_generation };
        self.next_generation += 1;
        self.rings += 1;
        waiting.ringing = Some(token.clone());
        waiting.fresh = false;
        waiting.tell = false;
        let stage = Stage::Ringing { deadline: self.now.at + ring };
        self.seats[seat].held = Some(Held { token: token.clone(), stage });
        self.outputs.push_back(Output::Ring { token, ring });
    }

    /// The seat that holds exactly this ring, if it still rings.
    fn ringing_seat(&self, token: &Token) -> Option<usize> {
        let seat = self.seat_of(&token.listener)?;
        let held = self.seats[seat].held.as_ref()?;
        (held.token == *token && matches!(held.stage, Stage::Ringing { .. })).then_some(seat)
    }

    /// A word about how a ring ended.
    pub(super) fn handle_outcome(&mut self, token: &Token, outcome: Outcome) {
        match self.ringing_seat(token) {
            None => self.drop_input(DropReason::StaleToken),
            Some(seat) if outcome == Outcome::Answered => self.answered(seat, token),
            Some(seat) => self.ring_failed(seat, outcome),
        }
    }

    fn answered(&mut self, seat: usize, token: &Token) {
        let listener = &mut self.seats[seat];
        listener.held = Some(Held { token: token.clone(), stage: Stage::Talking });
        listener.missed = 0;
        listener.today += 1;
        self.explain(token.call, DecisionKind::Answered { token: token.clone() });
        self.queue.remove(token.call);
        self.places_changed = true;
    }

    /// A ring came to nothing. The caller keeps his place; the listener is left in peace for a while.
    fn ring_failed(&mut self, seat: usize, outcome: Outcome) {
        let Some(token) = self.free_from_ring(seat) else { return };
        let at = self.now.at;
        let settings = &self.settings;
        let listener = &mut self.seats[seat];
        let until = settings.cool_down.after(outcome).map(|span| at + span);
        listener.cooling = Some(Cooling { outcome, until });
        match outcome {
            Outcome::NoAnswer => listener.missed = listener.missed.saturating_add(1),
            // He said no with his own hand, so he is there.
            Outcome::Declined => listener.missed = 0,
            _ => {}
        }
        let missed = listener.missed;
        let gone = settings.missed_rings > 0 && missed >= settings.missed_rings && listener.wish == Wish::Ready;
        if gone {
            listener.wish = Wish::Paused;
            listener.missed = 0;
        }
        if let Some(waiting) = self.queue.get_mut(token.call) {
            let until = match outcome {
                Outcome::Declined => None,
                _ => settings.exclusion.after(outcome).map(|span| at + span),
            };
            waiting.exclusions.insert(token.listener.clone(), Exclusion { outcome, until });
            if outcome == Outcome::Failed {
                waiting.not_before = Some(at + settings.failed_pause);
            }
        }
        let listener = token.listener.clone();
        self.explain(token.call, DecisionKind::RingEnded { token: token.clone(), outcome });
        if gone {
            self.explain(token.call, DecisionKind::AutoPaused { listener, missed });
        }
        if self.queue.get(token.call).is_some_and(|waiting| waiting.over) {
            self.exhaust(token.call, ExhaustedReason::TiersOver);
        }
    }

    /// Takes a ring off a listener and its caller, with no judgement on either.
    fn free_from_ring(&mut self, seat: usize) -> Option<Token> {
        let rings = |held: &mut Held| matches!(held.stage, Stage::Ringing { .. });
        let token = self.seats[seat].held.take_if(rings)?.token;
        self.fresh_seats.insert(seat);
        if let Some(waiting) = self.queue.get_mut(token.call) {
            waiting.ringing = None;
            waiting.alone_since = self.now.at;
            waiting.fresh = true;
            waiting.tell = true;
        }
        Some(token)
    }

    /// Takes back the ring in `seat`, if there is one, and counts it as `outcome`.
    pub(super) fn withdraw(&mut self, seat: usize, why: WithdrawReason, outcome: Outcome) {
        let Some(held) = self.seats[seat].held.as_ref() else { return };
        if matches!(held.stage, Stage::Ringing { .. }) {
            self.outputs.push_back(Output::Withdraw { token: held.token.clone(), why });
            self.ring_failed(seat, outcome);
        }
    }

    /// The caller waits no longer: whoever is rung for him is free at once, and nothing is held against him.
    pub(super) fn withdraw_for_caller(&mut self, token: &Token) {
        if let Some(seat) = self.ringing_seat(token) {
            self.free_from_ring(seat);
            self.outputs.push_back(Output::Withdraw { token: token.clone(), why: WithdrawReason::CallerLeft });
        }
    }

    /// Rings that have had their time.
    pub(super) fn lapse_rings(&mut self) {
        for seat in 0..self.seats.len() {
            let deadline = self.seats[seat].held.as_ref().and_then(Held::deadline);
            if deadline.is_some_and(|deadline| deadline <= self.now.at) {
                self.withdraw(seat, WithdrawReason::RingDeadline, Outcome::NoAnswer);
            }
        }
    }

    /// The conversation is over.
    pub(super) fn handle_released(&mut self, token: &Token) {
        let seat = self.seat_of(&token.listener);
        let talk = Held { token: token.clone(), stage: Stage::Talking };
        match seat.filter(|seat| self.seats[*seat].held.as_ref() == Some(&talk)) {
            Some(seat) => {
                self.seats[seat].held = None;
                self.rest(seat);
            }
            None => self.drop_input(DropReason::StaleToken),
        }
    }

    /// A conversation that began before this dispatcher did.
    pub(super) fn handle_resumed(&mut self, token: Token) {
        if self.queue.contains(token.call) || self.seat_holding(token.call).is_some() {
            return self.drop_input(DropReason::CallTaken);
        }
        let Some(seat) = self.seat_or_unlisted(&token.listener) else {
            return self.drop_input(DropReason::UnknownListener);
        };
        if self.seats[seat].held.is_some() {
            return self.drop_input(DropReason::ListenerTaken);
        }
        self.next_generation = self.next_generation.max(token.generation.saturating_add(1));
        self.seats[seat].today += 1;
        self.seats[seat].held = Some(Held { token, stage: Stage::Talking });
    }

    /// A conversation of the listener in `seat` has ended: time for notes, and the rest begins.
    pub(super) fn rest(&mut self, seat: usize) {
        let at = self.now.at;
        self.seats[seat].rested_at = Some(at);
        self.seats[seat].wrap_up_until = Some(at + self.settings.wrap_up);
        self.fresh_seats.insert(seat);
    }
}
