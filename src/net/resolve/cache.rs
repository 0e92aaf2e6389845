//! What the name system said, for as long as that holds; and for a while longer when it says nothing (RFC 8767).

use std::collections::BTreeMap;

use super::{Answer, Question, ResolveSettings};
use crate::clock::Instant;

#[derive(Clone, Debug)]
struct Entry {
    answer: Answer,
    fresh_until: Instant,
    /// An old answer is given without asking until then, because asking has just failed.
    spared_until: Instant,
    stale_until: Instant,
}

/// What the cache can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// This, and nobody need be asked.
    Good(Answer),
    /// Ask.
    Nothing,
}

/// A bounded cache.
#[derive(Clone, Debug, Default)]
pub(super) struct Cache(BTreeMap<Question, Entry>);

impl Cache {
    /// Looks a question up.
    pub fn look(&self, now: Instant, question: &Question) -> Kept {
        match self.0.get(question) {
            Some(entry) if now < entry.fresh_until || now < entry.spared_until => Kept::Good(entry.answer.clone()),
            _ => Kept::Nothing,
        }
    }

    /// Takes an answer in and gives back what shall be believed: an old answer instead of a failure.
    pub fn take(&mut self, now: Instant, question: &Question, answer: Answer, settings: &ResolveSettings) -> Answer {
        let (span, stale) = match &answer {
            Answer::Records(_, ttl) => ((*ttl).clamp(settings.ttl_min, settings.ttl_max), settings.stale),
            Answer::None(ttl) => {
                (ttl.unwrap_or(settings.negative).clamp(settings.ttl_min, settings.negative_max), settings.stale)
            }
            Answer::Failed => match self.0.get_mut(question).filter(|entry| now < entry.stale_until) {
                Some(entry) => {
                    entry.spared_until = (now + settings.failure).min(entry.stale_until);
                    return entry.answer.clone();
                }
                None => (settings.failure, std::time::Duration::ZERO),
            },
        };
        if !self.0.contains_key(question) && self.0.len() >= settings.cache.max(1) {
            self.make_room(now);
        }
        let fresh_until = now + span;
        let entry = Entry {
            answer: answer.clone(),
            fresh_until,
            spared_until: Instant::ZERO,
            stale_until: fresh_until + stale,
        };
        self.0.insert(question.clone(), entry);
        answer
    }

    /// What stands in for a question that may not be asked: an old answer, or a failure.
    pub fn stand_in(&self, now: Instant, question: &Question) -> Answer {
        self.0
            .get(question)
            .filter(|entry| now < entry.stale_until)
            .map_or(Answer::Failed, |entry| entry.answer.clone())
    }

    /// How many answers are kept.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    fn make_room(&mut self, now: Instant) {
        let before = self.0.len();
        self.0.retain(|_, entry| now < entry.stale_until);
        if self.0.len() == before
            && let Some(oldest) = self.0.iter().min_by_key(|(_, entry)| entry.fresh_until).map(|(q, _)| q.clone())
        {
            self.0.remove(&oldest);
        }
    }
}
