//! Who is rung for whom: one judgement of one listener for one caller, used for the choice and for its explanation.
//!
//! Driven by events, never by polling. A caller about whom something changed looks at every listener; when a listener
//! may have become free, the callers are asked in their order whether they can use him. A caller who has looked and found
//! nobody need not look at anybody again to whom nothing happened, so a freed listener costs one walk over the queue.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::dispatcher::Dispatcher;
use super::queue::Waiting;
use super::{Considered, Decision, DecisionKind, ExhaustedReason, Outcome, Output, Reason, Verdict};
use crate::clock::Instant;
use crate::ids::CallId;

/// In which order free listeners are taken: the nearest; who has rested longest, and before him who was never called;
/// who had the fewest conversations today; the order of the roster.
type Preference = (usize, Option<Instant>, u32, usize);

impl Dispatcher {
    /// Rings whoever can be rung, ends the searches that are over, and reports the new places.
    pub(super) fn settle(&mut self) {
        self.match_all();
        self.exhaust_all();
        self.report_positions();
    }

    fn match_all(&mut self) {
        let mut free: Vec<usize> = std::mem::take(&mut self.fresh_seats).into_iter().collect();
        free.retain(|seat| self.seats[*seat].hindrance().is_none());
        let mut fresh_callers = self.queue.iter().filter(|waiting| waiting.fresh).count();
        let mut place = None;
        while fresh_callers > 0 || !free.is_empty() {
            let Some((rank, waiting)) = self.queue.after(place) else { break };
            place = Some(rank);
            let call = waiting.request.call;
            let fresh = waiting.fresh;
            fresh_callers -= usize::from(fresh);
            if waiting.ringing.is_some() || waiting.not_before.is_some() {
                continue;
            }
            let best = match fresh {
                true => self.best(waiting, 0..self.seats.len()),
                false => self.best(waiting, free.iter().copied()),
            };
            match best {
                Some(seat) => {
                    free.retain(|other| *other != seat);
                    let (candidates, others) = self.consider(call, Some(seat));
                    self.start_ring(call, seat);
                    if let Some(held) = &self.seats[seat].held {
                        let kind = DecisionKind::Rang { token: held.token.clone() };
                        self.explain_with(call, kind, candidates, others);
                    }
                }
                None if fresh => self.nobody(call),
                None => {}
            }
        }
    }

    fn best(&self, waiting: &Waiting, seats: impl Iterator<Item = usize>) -> Option<usize> {
        let preferences = seats.filter_map(|seat| self.preference(waiting, seat).ok());
        preferences.min().map(|(.., seat)| seat)
    }

    /// The one judgement: how well this listener suits this caller now, or why not.
    pub(super) fn preference(&self, waiting: &Waiting, seat: usize) -> Result<Preference, Reason> {
        let facts = &self.seats[seat];
        let Some(listener) = self.roster.listeners.get(seat) else { return Err(Reason::OtherDepartment) };
        let nearness = waiting.ladder.nearness(waiting.open, listener).ok_or(Reason::OtherDepartment)?;
        let language = &waiting.request.language;
        if !language.is_empty() && !listener.languages.iter().any(|spoken| spoken.eq_ignore_ascii_case(language)) {
            return Err(Reason::OtherLanguage);
        }
        if let Some(unfit) = &facts.unfit {
            return Err(unfit.clone());
        }
        if waiting.request.excluded.contains(&facts.id) {
            return Err(Reason::ExcludedByPlan);
        }
        if let Some(hindrance) = facts.hindrance() {
            return Err(hindrance);
        }
        if let Some(exclusion) = waiting.exclusions.get(&facts.id) {
            return Err(Reason::ExcludedForCaller(exclusion.outcome));
        }
        Ok((nearness, facts.rested_at, facts.today, seat))
    }

    fn nobody(&mut self, call: CallId) {
        let Some(waiting) = self.queue.get_mut(call) else { return };
        waiting.fresh = false;
        if std::mem::take(&mut waiting.tell) {
            let (candidates, others) = self.consider(call, None);
            self.explain_with(call, DecisionKind::NobodyEligible, candidates, others);
        }
    }

    fn exhaust_all(&mut self) {
        let idle = |waiting: &&Waiting| waiting.over && waiting.ringing.is_none();
        let over: Vec<CallId> = self.queue.iter().filter(idle).map(|waiting| waiting.request.call).collect();
        for call in over {
            self.exhaust(call, ExhaustedReason::TiersOver);
        }
    }

    /// Ends the search of a caller who waits.
    pub(super) fn exhaust(&mut self, call: CallId, why: ExhaustedReason) {
        self.explain(call, DecisionKind::Exhausted { why });
        if let Some(waiting) = self.queue.remove(call) {
            self.places_changed = true;
            let waited = self.now.at.since(waiting.arrived);
            self.outputs.push_back(Output::Exhausted { call, waited, why });
        }
    }

    fn report_positions(&mut self) {
        if !std::mem::take(&mut self.places_changed) || !self.settings.positions {
            return;
        }
        let mut places: BTreeMap<String, u32> = BTreeMap::new();
        for waiting in self.queue.iter_mut() {
            let place = match places.get_mut(&waiting.request.language) {
                Some(place) => place,
                None => places.entry(waiting.request.language.clone()).or_default(),
            };
            *place += 1;
            let tier = waiting.ladder.plan_tier(waiting.open);
            if waiting.shown != Some((*place, tier)) {
                waiting.shown = Some((*place, tier));
                let call = waiting.request.call;
                self.outputs.push_back(Output::Position { call, position: *place, tier });
            }
        }
    }

    /// Every listener as this caller finds them, the nearest to being chosen first; those beyond the limit are counted.
    fn consider(&self, call: CallId, chosen: Option<usize>) -> (Vec<Considered>, Vec<(Reason, u32)>) {
        let Some(waiting) = self.queue.get(call) else { return Default::default() };
        let best = chosen.and_then(|seat| self.preference(waiting, seat).ok());
        let mut counted: BTreeMap<Reason, u32> = BTreeMap::new();
        let mut passed: Vec<(Reason, usize)> = Vec::new();
        for seat in (0..self.roster.listeners.len()).filter(|seat| Some(*seat) != chosen) {
            match (self.preference(waiting, seat), best) {
                (Err(Reason::OtherDepartment), _) => *counted.entry(Reason::OtherDepartment).or_default() += 1,
                (Err(reason), _) => passed.push((reason, seat)),
                (Ok(own), Some(best)) => passed.push((why_second(own, best), seat)),
                (Ok(_), None) => {}
            }
        }
        passed.sort_by_cached_key(|(reason, seat)| (Reverse(reason.closeness()), *seat));
        let limit = self.settings.explain_limit;
        for (reason, _) in passed.iter().skip(limit) {
            match counted.get_mut(reason) {
                Some(count) => *count += 1,
                None => drop(counted.insert(reason.clone(), 1)),
            }
        }
        passed.truncate(limit);
        let first = chosen.map(|seat| self.considered(waiting, seat, Verdict::Chosen));
        let rest = passed.into_iter().map(|(reason, seat)| self.considered(waiting, seat, Verdict::Passed(reason)));
        (first.into_iter().chain(rest).collect(), counted.into_iter().collect())
    }

    fn considered(&self, waiting: &Waiting, seat: usize, verdict: Verdict) -> Considered {
        let facts = &self.seats[seat];
        let nearness = self.roster.listeners.get(seat).and_then(|l| waiting.ladder.nearness(waiting.open, l));
        Considered {
            listener: facts.id.clone(),
            verdict,
            reach: nearness.and_then(|step| waiting.ladder.reach(step)),
            rested_s: facts.rested_at.map(|since| self.now.at.since(since).as_secs()),
            today: facts.today,
        }
    }

    /// Writes a decision about a caller who waits, without candidates.
    pub(super) fn explain(&mut self, call: CallId, kind: DecisionKind) {
        self.explain_with(call, kind, Vec::new(), Vec::new());
    }

    fn explain_with(
        &mut self,
        call: CallId,
        kind: DecisionKind,
        candidates: Vec<Considered>,
        others: Vec<(Reason, u32)>,
    ) {
        let Some(waiting) = self.queue.get(call) else { return };
        let decision = Decision {
            at: self.now,
            call,
            department: waiting.request.department,
            language: waiting.request.language.clone(),
            tier: waiting.ladder.plan_tier(waiting.open),
            reach: waiting.ladder.reach(waiting.open),
            waited_ms: u64::try_from(self.now.at.since(waiting.arrived).as_millis()).unwrap_or(u64::MAX),
            kind,
            candidates,
            others,
        };
        self.outputs.push_back(Output::Decision(Box::new(decision)));
    }
}

/// Why a free listener came after the one chosen.
fn why_second(own: Preference, best: Preference) -> Reason {
    if own.0 != best.0 {
        Reason::FurtherAway
    } else if own.1 != best.1 {
        Reason::RestedLess
    } else if own.2 != best.2 {
        Reason::MoreToday
    } else {
        Reason::LaterInRoster
    }
}

impl Reason {
    /// How near the listener was to being chosen.
    fn closeness(&self) -> u8 {
        match self {
            Reason::OtherDepartment => 0,
            Reason::OtherLanguage => 1,
            Reason::Suspended => 2,
            Reason::Trainee => 3,
            Reason::CharterMissing => 4,
            Reason::NotTrained { .. } => 5,
            Reason::Expired { .. } => 6,
            Reason::ExcludedByPlan => 7,
            Reason::Unreachable => 8,
            Reason::Paused => 9,
            Reason::Talking => 10,
            Reason::Reserved => 11,
            Reason::WrapUp => 12,
            Reason::Cooling(Outcome::Wrong) => 8,
            Reason::Cooling(_) => 13,
            Reason::ExcludedForCaller(_) => 14,
            Reason::FurtherAway => 15,
            Reason::RestedLess => 16,
            Reason::MoreToday => 17,
            Reason::LaterInRoster => 18,
        }
    }
}
