//! The callers who wait, in one total order: priority, then arrival.
//!
//! Nobody loses his place to a ring that came to nothing. What is remembered about a caller ends with his waiting.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Bound;

use super::tier::Ladder;
use super::{Outcome, Request, Settings, Token};
use crate::clock::Instant;
use crate::ids::{CallId, ListenerId};

/// A caller's place: the higher priority first, then who came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    priority: Reverse<u8>,
    arrival: u64,
}

/// One caller who waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub request: Request,
    pub ladder: Ladder,
    pub arrived: Instant,
    /// The step of the ladder that is open.
    pub open: usize,
    /// When it has had its time.
    pub tier_ends: Instant,
    /// Every step has had its time; only the ring under way may still end well.
    pub over: bool,
    pub ringing: Option<Token>,
    pub exclusions: BTreeMap<ListenerId, Exclusion>,
    /// Since when nobody is rung for him.
    pub alone_since: Instant,
    /// After a failure of our own: not rung for before this.
    pub not_before: Option<Instant>,
    /// Something about *him* has changed, so every listener must be looked at again.
    pub fresh: bool,
    /// If nobody is found, say so in a decision.
    pub tell: bool,
    /// Place and tier as last reported.
    pub shown: Option<(u32, usize)>,
}

/// Why one listener is not rung for one caller again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exclusion {
    pub outcome: Outcome,
    /// None: as long as the caller waits (a refusal: until nobody else came for a while).
    pub until: Option<Instant>,
}

impl Waiting {
    pub(super) fn new(request: Request, ladder: Ladder, at: Instant) -> Waiting {
        Waiting {
            tier_ends: at + ladder.lasts(0),
            request,
            ladder,
            arrived: at,
            open: 0,
            over: false,
            ringing: None,
            exclusions: BTreeMap::new(),
            alone_since: at,
            not_before: None,
            fresh: true,
            tell: true,
            shown: None,
        }
    }

    /// Ends what has had its time, tiers aside.
    pub(super) fn lapse(&mut self, at: Instant, settings: &Settings) {
        let before = self.exclusions.len();
        self.exclusions.retain(|_, exclusion| exclusion.until.is_none_or(|until| until > at));
        if self.pardon_at(settings).is_some_and(|pardon| pardon <= at) {
            self.exclusions.retain(|_, exclusion| exclusion.outcome != Outcome::Declined);
        }
        let paused = self.not_before.take_if(|until| *until <= at).is_some();
        self.fresh |= paused || self.exclusions.len() < before;
    }

    /// When those who refused him may be asked again, because nobody else came.
    fn pardon_at(&self, settings: &Settings) -> Option<Instant> {
        let refused = self.exclusions.values().any(|exclusion| exclusion.outcome == Outcome::Declined);
        (refused && self.ringing.is_none()).then(|| self.alone_since + settings.exclusion.declined)
    }

    /// The next moment something about him changes by itself.
    pub(super) fn due(&self, settings: &Settings) -> Option<Instant> {
        let tier = (!self.over).then_some(self.tier_ends);
        let exclusion = self.exclusions.values().filter_map(|exclusion| exclusion.until).min();
        [tier, exclusion, self.pardon_at(settings), self.not_before].into_iter().flatten().min()
    }
}

/// Everybody who waits.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    order: BTreeMap<Rank, Waiting>,
    ranks: BTreeMap<CallId, Rank>,
    arrivals: u64,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn contains(&self, call: CallId) -> bool {
        self.ranks.contains_key(&call)
    }

    pub(super) fn get(&self, call: CallId) -> Option<&Waiting> {
        self.order.get(self.ranks.get(&call)?)
    }

    pub(super) fn get_mut(&mut self, call: CallId) -> Option<&mut Waiting> {
        self.order.get_mut(self.ranks.get(&call)?)
    }

    /// In order, the first to be served first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.order.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Waiting> {
        self.order.values_mut()
    }

    /// The next after `rank`, so that the queue may change while it is walked.
    pub(super) fn after(&self, rank: Option<Rank>) -> Option<(Rank, &Waiting)> {
        let from = rank.map_or(Bound::Unbounded, Bound::Excluded);
        self.order.range((from, Bound::Unbounded)).next().map(|(rank, waiting)| (*rank, waiting))
    }

    /// Last among those of his priority.
    pub(super) fn push(&mut self, waiting: Waiting) {
        let rank = Rank { priority: Reverse(waiting.request.priority), arrival: self.arrivals };
        self.arrivals += 1;
        self.ranks.insert(waiting.request.call, rank);
        self.order.insert(rank, waiting);
    }

    pub(super) fn remove(&mut self, call: CallId) -> Option<Waiting> {
        self.order.remove(&self.ranks.remove(&call)?)
    }

    /// Both maps say the same.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.order.len() != self.ranks.len() {
            return Err(format!("{} callers have a place, {} are named", self.order.len(), self.ranks.len()));
        }
        for (call, rank) in &self.ranks {
            if self.order.get(rank).is_none_or(|waiting| waiting.request.call != *call) {
                return Err(format!("{call} has lost its place"));
            }
        }
        Ok(())
    }
}
