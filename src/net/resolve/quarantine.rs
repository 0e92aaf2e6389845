//! Which hop next (RFC 3263 §4.3): a hop that did not answer, or said 503, is left in peace for a while. It is moved
//! behind the others, never struck out: when all are ill, the one that is well again first is tried.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Hop, Way};
use crate::clock::Instant;

/// Left in peace for so long when the peer gave no time of its own.
const SPAN: Duration = Duration::from_secs(30);
/// No peer keeps itself away for longer.
const SPAN_MAX: Duration = Duration::from_secs(300);
/// Hops remembered; beyond, the one well again first is forgotten.
const HOPS_MAX: usize = 1024;

/// The hops that are ill.
#[derive(Clone, Debug, Default)]
pub struct Quarantine(BTreeMap<(Way, SocketAddr), Instant>);

impl Quarantine {
    /// `hop` did not answer, could not be reached, or answered 503; `retry_after` is what it asked for.
    pub fn failed(&mut self, now: Instant, hop: &Hop, retry_after: Option<Duration>) {
        self.0.retain(|_, until| now < *until);
        if self.0.len() >= HOPS_MAX
            && let Some(first) = self.0.iter().min_by_key(|(_, until)| **until).map(|(hop, _)| *hop)
        {
            self.0.remove(&first);
        }
        self.0.insert((hop.way, hop.address), now + retry_after.unwrap_or(SPAN).min(SPAN_MAX));
    }

    /// `hop` answered.
    pub fn well(&mut self, hop: &Hop) {
        self.0.remove(&(hop.way, hop.address));
    }

    /// Is it left in peace?
    pub fn is_ill(&self, now: Instant, hop: &Hop) -> bool {
        self.until(now, hop).is_some()
    }

    /// `hops` in the order to try them now: the well ones as they stand, then the ill ones, soonest well first.
    pub fn order(&self, now: Instant, mut hops: Vec<Hop>) -> Vec<Hop> {
        hops.sort_by_key(|hop| self.until(now, hop)); // stable: None, the well, come first and keep their order
        hops
    }

    /// The hop to try after those of `tried`, if any is left.
    pub fn next<'a>(&self, now: Instant, hops: &'a [Hop], tried: &[Hop]) -> Option<&'a Hop> {
        hops.iter().filter(|hop| !tried.contains(hop)).min_by_key(|hop| self.until(now, hop))
    }

    fn until(&self, now: Instant, hop: &Hop) -> Option<Instant> {
        self.0.get(&(hop.way, hop.address)).copied().filter(|until| now < *until)
    }
}
