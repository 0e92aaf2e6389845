//! The line of those who wait: first come, first served; and nobody waits while a listener is free for her.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ecoute::call::Stage;
use ecoute::clock::Instant;
use ecoute::dispatch::{Decision, DecisionKind, Outcome, Reach, Wish};
use ecoute::france::Department;
use ecoute::ids::CallId;
use ecoute::node::PhoneEvent;

use super::{Oracle, View, nth_of};
use crate::deeds::Deed;
use crate::device;
use crate::house;

/// In the calm, a free listener and a caller he could help may be apart for this long.
const APART_MOST: Duration = Duration::from_secs(2);

/// Whoever left the line is somewhere else, or on record, within this long: the figures of her streams are awaited.
const FORGOTTEN_MOST: Duration = Duration::from_millis(2300);

/// Those who wait, and those who could help them.
#[derive(Debug)]
pub struct Line {
    waiting: BTreeMap<CallId, Waiting>,
    arrivals: u64,
    /// When each caller left the line.
    left: BTreeMap<CallId, Instant>,
    listeners: Vec<Ready>,
    /// Callers who lost a listener once, and go first.
    raised: BTreeSet<CallId>,
    /// Pairs that should not be apart, and since when.
    apart: BTreeMap<(CallId, usize), Instant>,
}

#[derive(Debug)]
struct Waiting {
    arrived: u64,
    ringing: bool,
    department: Option<Department>,
    /// Every listener of the country is within the search.
    national: bool,
    /// Whom she is not offered to again, and until when (`None`: while she waits).
    not_again: BTreeMap<usize, Option<Instant>>,
    /// Until then she is offered to nobody: a fault of ours came in between.
    not_before: Instant,
}

#[derive(Clone, Debug, Default)]
struct Ready {
    paused: bool,
    /// A roster once did not name him.
    struck: bool,
    /// In peace until then (`None`: until he registers again).
    peace: Option<Option<Instant>>,
    /// Telephones that have registered in their present life.
    registered: BTreeSet<usize>,
}

impl Line {
    /// Nobody waits.
    pub fn new(listeners: usize) -> Line {
        Line {
            waiting: BTreeMap::new(),
            arrivals: 0,
            left: BTreeMap::new(),
            listeners: vec![Ready::default(); listeners],
            raised: BTreeSet::new(),
            apart: BTreeMap::new(),
        }
    }

    /// A listener does something.
    pub fn did(&mut self, listener: usize, deed: &Deed) {
        if matches!(deed, Deed::Vanish | Deed::Unregister) {
            self.listeners[listener].registered.clear();
        }
    }

    /// Something happens to a listener's telephone.
    pub fn seen(&mut self, listener: usize, device: usize, event: &PhoneEvent) {
        match event {
            PhoneEvent::Registered => drop(self.listeners[listener].registered.insert(device)),
            PhoneEvent::RegistrationFailed(_) => drop(self.listeners[listener].registered.remove(&device)),
            _ => {}
        }
    }

    /// One of a listener's telephones has lost its connection.
    pub fn unreachable(&mut self, listener: usize, device: usize) {
        self.listeners[listener].registered.remove(&device);
    }

    /// A listener pauses, or is back.
    pub fn wished(&mut self, listener: usize, wish: Wish) {
        self.listeners[listener].paused = wish == Wish::Paused;
    }

    /// A new roster, perhaps without one of the listeners. What his telephones show from then on may be an echo of before: he
    /// is not expected to be reachable any more.
    pub fn reloads(&mut self, without: Option<usize>) {
        if let Some(nth) = without {
            self.listeners[nth].struck = true;
        }
    }

    /// A conversation is over: time for notes.
    pub fn rests(&mut self, listener: usize, until: Instant) {
        self.quiet(listener, Some(until));
    }

    /// A call is over: she waits no longer.
    pub fn gone(&mut self, call: CallId) {
        self.waiting.remove(&call);
    }

    fn quiet(&mut self, listener: usize, until: Option<Instant>) {
        let peace = &mut self.listeners[listener].peace;
        *peace = match (*peace, until) {
            (Some(None), _) | (_, None) => Some(None),
            (Some(Some(before)), Some(until)) => Some(Some(before.max(until))),
            (None, Some(until)) => Some(Some(until)),
        };
    }
}

impl Oracle {
    pub(super) fn line_stage(&mut self, call: CallId, stage: Stage) {
        let line = &mut self.line;
        if stage == Stage::Waiting && !line.waiting.contains_key(&call) {
            line.arrivals += 1;
            let waiting = Waiting {
                arrived: line.arrivals,
                ringing: false,
                department: None,
                national: false,
                not_again: BTreeMap::new(),
                not_before: Instant::ZERO,
            };
            line.waiting.insert(call, waiting);
            // Whoever comes a second time lost a listener, or went away and came back: her place is not judged.
            if self.calls.get(&call).is_some_and(|told| !told.bridges.is_empty()) {
                line.raised.insert(call);
            }
        }
    }

    pub(super) fn line_decision(&mut self, now: Instant, decision: &Decision) {
        let call = decision.call;
        if let Some(waiting) = self.line.waiting.get_mut(&call) {
            waiting.department = decision.department;
            waiting.national |= decision.reach == Some(Reach::National);
        }
        match &decision.kind {
            DecisionKind::Rang { token } => {
                self.judge_order(now, call, nth_of(&token.listener));
                if let Some(waiting) = self.line.waiting.get_mut(&call) {
                    waiting.ringing = true;
                }
            }
            DecisionKind::RingEnded { token, outcome } => {
                let listener = nth_of(&token.listener);
                let cool = self.settings.cool_down.after(*outcome).map(|span| now + span);
                self.line.quiet(listener, cool);
                let pause = self.settings.failed_pause;
                let exclusion = match outcome {
                    Outcome::Declined => None,
                    _ => self.settings.exclusion.after(*outcome).map(|span| now + span),
                };
                if let Some(waiting) = self.line.waiting.get_mut(&call) {
                    waiting.ringing = false;
                    waiting.not_again.insert(listener, exclusion);
                    if *outcome == Outcome::Failed {
                        waiting.not_before = now + pause;
                    }
                }
            }
            DecisionKind::Answered { .. } | DecisionKind::Left { .. } | DecisionKind::Exhausted { .. } => {
                self.line.waiting.remove(&call);
                self.line.left.insert(call, now);
            }
            DecisionKind::AutoPaused { listener, .. } => self.line.listeners[nth_of(listener)].paused = true,
            DecisionKind::Widened | DecisionKind::NobodyEligible => {}
        }
    }

    /// `listener` is rung for `call`: is anybody in front of her who could have had him?
    fn judge_order(&mut self, now: Instant, call: CallId, listener: usize) {
        let line = &self.line;
        let Some(served) = line.waiting.get(&call) else {
            return self.fail(now, format!("{call} is rung for and does not wait"));
        };
        if line.raised.contains(&call) {
            return;
        }
        let first = line.waiting.iter().find(|(other, waiting)| {
            waiting.arrived < served.arrived
                && !waiting.ringing
                && waiting.department == served.department
                && waiting.not_before <= now
                && !line.raised.contains(other)
                && waiting.not_again.get(&listener).is_none_or(|until| until.is_some_and(|until| until < now))
        });
        if let Some((first, _)) = first {
            let why = format!("l{listener} is rung for {call}, but {first} came before her");
            self.fail(now, why);
        }
    }

    /// Whoever waits stands in the line; when she left it, she is told at once.
    pub(super) fn look_at_the_forgotten(&mut self, now: Instant) {
        let forgotten = self.calls.iter().find(|(call, told)| {
            told.record.is_none()
                && matches!(told.stage, Stage::Waiting | Stage::Ringing)
                && !self.line.waiting.contains_key(call)
                && self.line.left.get(call).is_none_or(|at| now.since(*at) > FORGOTTEN_MOST)
        });
        if let Some((call, told)) = forgotten {
            let why = format!("{call} is in {:?} since {:?} and not in the line any more", told.stage, told.stage_at);
            self.fail(now, why);
        }
    }

    /// In the calm: does anybody wait while a listener is free for her?
    pub(super) fn look_at_the_line(&mut self, view: &View<'_>) {
        let now = view.now;
        if now < self.calm_at {
            return;
        }
        let mut apart = BTreeMap::new();
        for (nth, ready) in self.line.listeners.iter().enumerate() {
            let in_peace = ready.peace.is_some_and(|until| until.is_none_or(|until| until >= now));
            let reachable = view.listeners[nth].devices.iter().any(|place| {
                let phone = &view.devices[*place];
                phone.alive && phone.line == device::Line::Idle && ready.registered.contains(place)
            });
            let held = self.holds.is_held(nth) || self.calls.values().any(|told| talks_with(told, nth));
            if ready.paused || ready.struck || in_peace || !reachable || held {
                continue;
            }
            for (call, waiting) in &self.line.waiting {
                let gone = self.calls.get(call).is_none_or(|told| told.stage != Stage::Waiting);
                let within = waiting.national
                    || waiting.department.is_none()
                    || waiting.department == Some(house::department(nth));
                let barred = waiting.not_again.get(&nth).is_some_and(|until| until.is_none_or(|until| until >= now));
                if gone
                    || waiting.ringing
                    || waiting.not_before >= now
                    || !within
                    || barred
                    || self.line.raised.contains(call)
                {
                    continue;
                }
                let since = self.line.apart.get(&(*call, nth)).copied().unwrap_or(now);
                apart.insert((*call, nth), since);
            }
        }
        self.line.apart = apart;
        let worst = self.line.apart.iter().find(|(_, since)| now.since(**since) > APART_MOST);
        if let Some(((call, nth), since)) = worst {
            let why = format!("l{nth} is free since {since:?} at least, and {call} waits");
            self.fail(now, why);
        }
    }
}

fn talks_with(told: &super::Told, listener: usize) -> bool {
    told.record.is_none()
        && told.bridges.last().is_some_and(|bridge| bridge.listener == listener && bridge.to.is_none())
}
