//! Which plan answers a call. What the wire says of numbers is read by [`crate::trunk`], by the rules of the operator it
//! comes from; here the numbers found meet the plans that claim them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::CallerIdentity;
use crate::dialplan::Plan;
use crate::france::{CallerNumber, Department, normalise};
use crate::sip::IncomingInvite;
use crate::trunk::number::Dialling;
use crate::trunk::{Arrival, Unknown};

/// The plans served, by number.
#[derive(Clone, Debug, Default)]
pub struct Plans {
    by_number: BTreeMap<String, Arc<Plan>>,
    first: Option<Arc<Plan>>,
}

impl Plans {
    /// All numbers of `plans`; the first plan that claims a number keeps it.
    pub fn new(plans: impl IntoIterator<Item = Arc<Plan>>) -> Plans {
        let mut served = Plans::default();
        for plan in plans {
            for number in &plan.numbers {
                served.by_number.entry(Dialling::FRANCE.key(number)).or_insert_with(|| plan.clone());
            }
            served.first.get_or_insert(plan);
        }
        served
    }

    /// The plan that answers a call read by its trunk's rules; `None`: it is refused, 404.
    pub fn serve(&self, arrival: &Arrival) -> Option<Arc<Plan>> {
        let served = arrival.called.iter().find_map(|number| self.by_number.get(number.reveal()));
        let otherwise = || match &arrival.unknown {
            Unknown::Answer(Some(number)) => self.by_number(number).or_else(|| self.first.clone()),
            Unknown::Answer(None) => self.first.clone(),
            Unknown::Refuse => None,
        };
        served.cloned().or_else(otherwise)
    }

    /// The plan that answers `invite` where nothing was agreed about its source.
    pub fn find(&self, invite: &IncomingInvite) -> Option<Arc<Plan>> {
        self.serve(&Arrival::plain(invite))
    }

    /// The plan that answers `number`, in any of its forms.
    pub fn by_number(&self, number: &str) -> Option<Arc<Plan>> {
        self.by_number.get(&Dialling::FRANCE.key(number)).cloned()
    }

    /// The plans, each once.
    pub fn plans(&self) -> Vec<Arc<Plan>> {
        let mut plans: Vec<Arc<Plan>> = Vec::new();
        for plan in self.by_number.values() {
            if !plans.iter().any(|known| Arc::ptr_eq(known, plan)) {
                plans.push(plan.clone());
            }
        }
        plans
    }
}

/// Who calls, as far as we may know it.
pub fn caller_identity(invite: &IncomingInvite) -> CallerIdentity {
    identity(Arrival::plain(invite).caller)
}

/// Where a trusted trunk says the call comes from.
pub(super) fn network_location(invite: &IncomingInvite) -> Option<Department> {
    Arrival::plain(invite).located
}

/// A caller's number as a person writes it, for rehearsals.
pub(super) fn identity_of(number: &str) -> CallerIdentity {
    identity(normalise(number.as_bytes()))
}

/// A caller, as a call knows him.
pub(super) fn identity(caller: CallerNumber) -> CallerIdentity {
    match caller {
        CallerNumber::Number(number) => CallerIdentity::Number(number),
        CallerNumber::Hidden => CallerIdentity::Hidden,
        CallerNumber::Unknown => CallerIdentity::Unknown,
    }
}
