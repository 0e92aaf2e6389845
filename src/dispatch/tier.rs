//! The tiers of one caller, with the departments they reach worked out once.
//!
//! A tier widens and never narrows: a listener is within the search when any open tier reaches him, and the first that
//! does says how near he is.

use std::time::Duration;

use super::{Listener, Reach, Request};
use crate::france::Department;

/// The tiers that apply to one caller, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Ladder {
    /// How many of the plan's tiers were passed over because they need a department.
    skipped: usize,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    reach: Reach,
    lasts: Duration,
    /// Sorted; empty when the reach is the whole country.
    departments: Vec<Department>,
}

impl Ladder {
    /// The tiers of `request`; none when no tier applies.
    pub(super) fn of(request: &Request) -> Option<Ladder> {
        let skipped = match request.department {
            Some(_) => 0,
            None => request.tiers.iter().position(|tier| tier.reach == Reach::National)?,
        };
        let steps: Vec<Step> = request.tiers[skipped..]
            .iter()
            .map(|tier| Step {
                reach: tier.reach,
                lasts: tier.lasts,
                departments: request.department.map_or_else(Vec::new, |home| reached(tier.reach, home)),
            })
            .collect();
        (!steps.is_empty()).then_some(Ladder { skipped, steps })
    }

    /// How long the step `open` lasts.
    pub(super) fn lasts(&self, open: usize) -> Duration {
        self.steps.get(open).map_or(Duration::ZERO, |step| step.lasts)
    }

    /// Whether a step follows `open`.
    pub(super) fn widens(&self, open: usize) -> bool {
        open + 1 < self.steps.len()
    }

    /// The reach of the step `open`.
    pub(super) fn reach(&self, open: usize) -> Option<Reach> {
        self.steps.get(open).map(|step| step.reach)
    }

    /// The place of the step `open` among the tiers of the plan.
    pub(super) fn plan_tier(&self, open: usize) -> usize {
        self.skipped + open
    }

    /// The first step up to `open` that reaches the listener.
    pub(super) fn nearness(&self, open: usize, listener: &Listener) -> Option<usize> {
        self.steps.iter().take(open + 1).position(|step| match step.reach {
            Reach::National => listener.takes_national,
            _ => listener.departments.iter().any(|served| step.departments.binary_search(served).is_ok()),
        })
    }
}

/// The departments a reach adds around `home`.
fn reached(reach: Reach, home: Department) -> Vec<Department> {
    let mut found = match reach {
        Reach::Department => vec![home],
        Reach::Neighbours => {
            home.neighbours().iter().map(|(near, _km)| *near).chain(home.overseas_backup().iter().copied()).collect()
        }
        Reach::Region => Department::all().filter(|other| other.region() == home.region()).collect(),
        Reach::National => Vec::new(),
    };
    found.sort_unstable();
    found.dedup();
    found
}
