//! The desk where targets are asked for: it joins the procedure, the cache and the budget, and asks each question once
//! however many wait for it. Pure: questions go out, answers come in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::cache::{Cache, Kept};
use super::walk::{Start, Walk, Walker, start};
use super::{Answer, Hop, Question, ResolveFault, ResolveSettings, Target};
use crate::clock::Instant;
use crate::ids::IdSource;

/// What goes in.
#[derive(Clone, Debug)]
pub enum DeskInput {
    /// Somebody wants to know. `ticket` comes back with the result.
    Ask {
        /// The asker's own number for it.
        ticket: u64,
        /// What is looked for.
        target: Target,
    },
    /// The name system answered.
    Answer {
        /// What was asked.
        question: Question,
        /// What it said.
        answer: Answer,
    },
    /// The time of [`DeskOutput::Timeout`] has come.
    Timeout,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeskOutput {
    /// Ask the name system.
    Query(Question),
    /// A look-up is at its end.
    Done {
        /// The asker's number.
        ticket: u64,
        /// The hops to try in order, at least one; or why there are none.
        result: Result<Vec<Hop>, ResolveFault>,
    },
    /// Nothing more; wake me then.
    Timeout(Option<Instant>),
}

#[derive(Debug)]
struct Lookup {
    ticket: u64,
    walker: Walker,
    known: BTreeMap<Question, Answer>,
    waits_for: BTreeSet<Question>,
    asked: usize,
    until: Instant,
    settling: bool,
}

/// The desk.
#[derive(Debug)]
pub struct Desk {
    settings: ResolveSettings,
    chance: IdSource,
    cache: Cache,
    lookups: Vec<Lookup>,
    /// Questions out, each with the time at which nobody believes in an answer any more.
    out: BTreeMap<Question, Instant>,
    outputs: VecDeque<DeskOutput>,
}

impl Desk {
    /// An empty desk; weights are drawn with `chance`.
    pub fn new(settings: ResolveSettings, chance: IdSource) -> Desk {
        let (lookups, out, outputs) = (Vec::new(), BTreeMap::new(), VecDeque::new());
        Desk { settings, chance, cache: Cache::default(), lookups, out, outputs }
    }

    /// Takes one input; drain [`Desk::poll_output`] afterwards.
    pub fn handle_input(&mut self, now: Instant, input: DeskInput) {
        match input {
            DeskInput::Ask { ticket, target } => self.handle_ask(now, ticket, &target),
            DeskInput::Answer { question, answer } => {
                self.out.remove(&question);
                let believed = self.cache.take(now, &question, answer, &self.settings);
                for lookup in &mut self.lookups {
                    if lookup.waits_for.remove(&question) {
                        lookup.known.insert(question.clone(), believed.clone());
                    }
                }
                self.go_on(now);
            }
            DeskInput::Timeout => self.handle_timeout(now),
        }
    }

    /// What comes next; ends with `Timeout`.
    pub fn poll_output(&mut self) -> DeskOutput {
        self.outputs
            .pop_front()
            .unwrap_or_else(|| DeskOutput::Timeout(self.lookups.iter().map(|lookup| lookup.until).min()))
    }

    /// Look-ups under way.
    pub fn lookups(&self) -> usize {
        self.lookups.len()
    }

    /// Answers kept.
    pub fn cached(&self) -> usize {
        self.cache.len()
    }

    fn handle_ask(&mut self, now: Instant, ticket: u64, target: &Target) {
        let seed = self.chance.next_u64();
        let result = match start(target, &self.settings, seed) {
            Ok(Start::There(hop)) => Ok(vec![hop]),
            Ok(Start::Ask(_)) if self.lookups.len() >= self.settings.lookups => Err(ResolveFault::Full),
            Ok(Start::Ask(walker)) => {
                let (known, waits_for) = (BTreeMap::new(), BTreeSet::new());
                let until = now + self.settings.total;
                let lookup = Lookup { ticket, walker, known, waits_for, asked: 0, until, settling: false };
                self.lookups.push(lookup);
                return self.go_on(now);
            }
            Err(fault) => Err(fault),
        };
        self.outputs.push_back(DeskOutput::Done { ticket, result });
    }

    /// The time of some look-ups is over: what has not come counts as failed, and an old answer may stand in for it.
    fn handle_timeout(&mut self, now: Instant) {
        let mut late = BTreeSet::new();
        for lookup in self.lookups.iter_mut().filter(|lookup| lookup.until <= now) {
            late.extend(std::mem::take(&mut lookup.waits_for));
            lookup.asked = usize::MAX; // no more questions
        }
        for question in &late {
            // A question others still wait for keeps its time; a late answer is welcome to the cache in any case.
            let believed = self.cache.take(now, question, Answer::Failed, &self.settings);
            self.out.remove(question);
            for lookup in self.lookups.iter_mut().filter(|lookup| lookup.until <= now) {
                lookup.known.entry(question.clone()).or_insert_with(|| believed.clone());
            }
        }
        self.go_on(now);
    }

    /// Walks every look-up whose questions have been answered.
    fn go_on(&mut self, now: Instant) {
        let mut lookups = std::mem::take(&mut self.lookups);
        lookups.retain_mut(|lookup| match self.step(now, lookup) {
            None => true,
            Some(walk) => {
                self.outputs.push_back(DeskOutput::Done { ticket: lookup.ticket, result: walk.result() });
                false
            }
        });
        self.lookups = lookups;
    }

    /// Walks one look-up as far as it goes; gives the walk when it is at its end.
    fn step(&mut self, now: Instant, lookup: &mut Lookup) -> Option<Walk> {
        loop {
            let walk = lookup.walker.walk(&lookup.known, &self.settings);
            if walk.open.is_empty() {
                return Some(walk);
            }
            let mut moved = false;
            for question in walk.open.iter().cloned() {
                if lookup.waits_for.contains(&question) {
                    continue;
                }
                let kept = match self.cache.look(now, &question) {
                    Kept::Good(answer) => Some(answer),
                    Kept::Nothing if lookup.asked >= self.settings.questions => {
                        Some(self.cache.stand_in(now, &question))
                    }
                    Kept::Nothing => None,
                };
                match kept {
                    Some(answer) => {
                        lookup.known.insert(question, answer);
                        moved = true;
                    }
                    None => {
                        lookup.asked += 1;
                        if self.out.get(&question).is_none_or(|until| *until <= now) {
                            self.out.insert(question.clone(), now + self.settings.total);
                            self.outputs.push_back(DeskOutput::Query(question.clone()));
                        }
                        lookup.waits_for.insert(question);
                    }
                }
            }
            if !moved {
                // Only addresses beside those known are missing: they are not worth the whole budget.
                let addresses = walk.open.iter().all(Question::is_address);
                if addresses && !walk.hops.is_empty() && !std::mem::replace(&mut lookup.settling, true) {
                    lookup.until = lookup.until.min(now + self.settings.settle);
                }
                return None;
            }
        }
    }
}

impl Question {
    fn is_address(&self) -> bool {
        matches!(self.kind, super::RecordKind::A | super::RecordKind::Aaaa)
    }
}
