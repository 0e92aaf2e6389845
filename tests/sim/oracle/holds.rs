//! Who holds whom. A listener is rung for one caller at a time and talks with one caller at a time; a caller has one
//! listener; and a telephone that rings does so for a caller who is there.

use std::collections::BTreeMap;
use std::time::Duration;

use ecoute::call::Stage;
use ecoute::clock::Instant;
use ecoute::dispatch::{Decision, DecisionKind, Token};
use ecoute::ids::CallId;

use super::{Oracle, View, nth_of};
use crate::device::Line;
use crate::world::Owner;

/// After the caller's end her call is settled within this long, and her listener given back with it.
const SETTLED_WITHIN: Duration = Duration::from_millis(2100);

/// Every ring and conversation that the engine says it holds.
#[derive(Debug, Default)]
pub struct Holds {
    held: Vec<Held>,
    /// Telephones that ring for nobody, and since when.
    ghosts: BTreeMap<usize, Instant>,
}

#[derive(Debug)]
struct Held {
    token: Token,
    talking: bool,
}

impl Holds {
    /// Whom this call has.
    pub fn listener_of(&self, call: CallId) -> Option<usize> {
        self.held.iter().find(|held| held.token.call == call).map(|held| nth_of(&held.token.listener))
    }

    /// Is this listener rung, or in a conversation?
    pub fn is_held(&self, listener: usize) -> bool {
        self.held.iter().any(|held| nth_of(&held.token.listener) == listener)
    }

    /// A conversation is over.
    pub fn release(&mut self, call: CallId) {
        self.held.retain(|held| held.token.call != call || !held.talking);
    }
}

impl Oracle {
    pub(super) fn hold_decision(&mut self, now: Instant, decision: &Decision) {
        let held = &mut self.holds.held;
        match &decision.kind {
            DecisionKind::Rang { token } => {
                if token.call != decision.call {
                    self.fail(now, format!("a ring of {} decided for {}", token.call, decision.call));
                } else {
                    held.push(Held { token: token.clone(), talking: false });
                }
            }
            DecisionKind::RingEnded { token, .. } => {
                let before = held.len();
                held.retain(|held| held.token != *token || held.talking);
                if held.len() == before {
                    self.fail(now, format!("a ring ended that was none: {token:?}"));
                }
            }
            DecisionKind::Answered { token } => match held.iter_mut().find(|held| held.token == *token) {
                Some(held) if !held.talking => held.talking = true,
                _ => self.fail(now, format!("a ring was answered that was none: {token:?}")),
            },
            DecisionKind::Left { .. } => held.retain(|held| held.token.call != decision.call || held.talking),
            DecisionKind::Exhausted { .. } => {
                if held.iter().any(|held| held.token.call == decision.call) {
                    self.fail(now, format!("{} is exhausted and holds a listener", decision.call));
                }
            }
            DecisionKind::Widened | DecisionKind::NobodyEligible | DecisionKind::AutoPaused { .. } => {}
        }
    }

    /// Between two inputs everything fits together.
    pub(super) fn check_holds(&mut self, view: &View<'_>) {
        let now = view.now;
        let mut wrong = None;
        for (nth, one) in self.holds.held.iter().enumerate() {
            for other in &self.holds.held[nth + 1..] {
                if one.token.listener == other.token.listener {
                    wrong = Some(format!(
                        "{} has two callers: {} and {}",
                        one.token.listener, one.token.call, other.token.call
                    ));
                }
                if one.token.call == other.token.call {
                    wrong = Some(format!(
                        "{} has two listeners: {} and {}",
                        one.token.call, one.token.listener, other.token.listener
                    ));
                }
            }
            let Some(told) = self.calls.get(&one.token.call) else { continue };
            let fits = match (one.talking, told.stage) {
                (false, Stage::Ringing) | (true, Stage::Bridged) => true,
                // Her leg is over, and her record is on its way.
                _ => now.since(told.stage_at) <= SETTLED_WITHIN,
            };
            if !fits {
                wrong = Some(format!(
                    "{} holds {} ({}) in stage {:?}",
                    one.token.call,
                    one.token.listener,
                    if one.talking { "talking" } else { "ringing" },
                    told.stage
                ));
            }
        }
        for (call, told) in self.calls.iter().filter(|(_, told)| told.record.is_none()) {
            let held = self.holds.held.iter().find(|held| held.token.call == *call);
            if told.stage == Stage::Bridged && held.is_none_or(|held| !held.talking) {
                wrong = Some(format!("{call} is joined, and the dispatcher does not know"));
            }
        }
        if let Some(wrong) = wrong {
            self.fail(now, wrong);
        }
    }

    /// A telephone that rings although its owner is rung for nobody must stop as soon as the network lets it know.
    pub(super) fn look_for_ghosts(&mut self, view: &View<'_>) {
        let patience = self.repair();
        for (nth, device) in view.devices.iter().enumerate() {
            let Owner::Listener(listener) = view.owners[nth] else { continue };
            let rings = device.alive && matches!(device.line, Line::Ringing { .. });
            if !rings || self.holds.is_held(listener) {
                self.holds.ghosts.remove(&nth);
                continue;
            }
            let since = *self.holds.ghosts.entry(nth).or_insert(view.now);
            if view.now.since(since) > patience {
                let name = device.name.clone();
                return self.fail(view.now, format!("{name} rings for nobody since {since:?}"));
            }
        }
    }
}
