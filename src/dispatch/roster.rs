//! The roster: which centres exist, who listens there, and who is trained for it.
//!
//! Plain values, read from a file by `config` or kept by `store`. Passwords are not here. What a roster *means* for a
//! choice is computed by [`Listener::fitness`]; nothing about the moment (wish, devices, calls) is kept here.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Reason;
use crate::clock::Civil;
use crate::france::Department;
use crate::ids::ListenerId;

/// A centre's short name (`alma-38`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CentreId(Arc<str>);

impl CentreId {
    /// The centre `name`, folded to lower case.
    pub fn new(name: &str) -> CentreId {
        CentreId(name.to_lowercase().into())
    }

    /// The short name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for CentreId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A local centre of the association.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Centre {
    /// Its short name.
    pub id: CentreId,
    /// Its full name, for people.
    pub name: String,
    /// The departments it serves; one centre may serve several.
    pub departments: Vec<Department>,
}

/// What a person does at the centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// *Écoutant*: takes calls.
    Listener,
    /// *Référent*: follows the files, and takes calls.
    Referent,
    /// *Coordinateur*: runs the centre, and takes calls.
    Coordinator,
    /// In training: listens beside a confirmed listener, and is never rung alone.
    Trainee,
}

/// A training module somebody has passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certification {
    /// The module (`initial`, `disability`, `software` …).
    pub module: String,
    /// Since when it counts.
    pub passed: Civil,
    /// The first moment it no longer counts; none: for good.
    pub expires: Option<Civil>,
}

/// A person who may be rung.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The account.
    pub id: ListenerId,
    /// The person's name; for staff only, never for a caller, a log or a label.
    pub name: String,
    /// The centre the person belongs to.
    pub centre: CentreId,
    /// The departments served.
    pub departments: Vec<Department>,
    /// The languages spoken, as in [`super::Request::language`].
    pub languages: Vec<String>,
    /// The part played at the centre.
    pub role: Role,
    /// The training passed.
    pub modules: Vec<Certification>,
    /// Whether the charter of the listeners is signed.
    pub charter_signed: bool,
    /// Whether the staff has suspended the person.
    pub suspended: bool,
    /// Whether calls from the whole country are taken.
    pub takes_national: bool,
}

impl Listener {
    /// A confirmed listener of `centre` who speaks French, has signed the charter and takes national calls.
    pub fn new(id: ListenerId, centre: CentreId, departments: Vec<Department>) -> Listener {
        Listener {
            name: id.as_str().to_owned(),
            id,
            centre,
            departments,
            languages: vec!["fr".into()],
            role: Role::Listener,
            modules: Vec::new(),
            charter_signed: true,
            suspended: false,
            takes_national: true,
        }
    }

    /// Whether the person may be rung at all, as the roster says at the civil time `at`; and until when that holds.
    pub(super) fn fitness(&self, required: &[String], at: Civil) -> Fitness {
        let standing = if self.suspended {
            Some(Reason::Suspended)
        } else if self.role == Role::Trainee {
            Some(Reason::Trainee)
        } else if !self.charter_signed {
            Some(Reason::CharterMissing)
        } else {
            None
        };
        let mut fitness = Fitness { unfit: standing, until: None };
        if fitness.unfit.is_some() {
            return fitness;
        }
        for module in required {
            let mut passed = false;
            let mut expired = false;
            for held in self.modules.iter().filter(|held| held.module == *module) {
                let over = held.expires.is_some_and(|expires| expires <= at);
                expired |= over;
                passed |= !over && held.passed <= at;
                for edge in [Some(held.passed), held.expires].into_iter().flatten().filter(|edge| *edge > at) {
                    fitness.until = Some(fitness.until.map_or(edge, |until| until.min(edge)));
                }
            }
            if !passed && fitness.unfit.is_none() {
                let module = module.clone();
                fitness.unfit = Some(if expired { Reason::Expired { module } } else { Reason::NotTrained { module } });
            }
        }
        fitness
    }
}

/// What [`Listener::fitness`] found.
pub(super) struct Fitness {
    /// Why the person may not be rung; none: may be.
    pub unfit: Option<Reason>,
    /// The next moment at which this may change.
    pub until: Option<Civil>,
}

/// Everybody, as the staff wrote it down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// The centres.
    pub centres: Vec<Centre>,
    /// The listeners; their order decides between people who have never been called.
    pub listeners: Vec<Listener>,
    /// Modules every listener must have passed.
    pub required_modules: Vec<String>,
}

impl Roster {
    /// The listener of that account.
    pub fn listener(&self, id: &ListenerId) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.id == *id)
    }

    /// The centre of that short name.
    pub fn centre(&self, id: &CentreId) -> Option<&Centre> {
        self.centres.iter().find(|centre| centre.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i64) -> Civil {
        Civil::from_unix_millis(n * 86_400_000)
    }

    fn certified(spans: &[(i64, Option<i64>)]) -> Listener {
        let mut listener = Listener::new(ListenerId::new("anne"), CentreId::new("a"), Vec::new());
        listener.modules = spans
            .iter()
            .map(|(passed, expires)| Certification {
                module: "initial".into(),
                passed: day(*passed),
                expires: expires.map(day),
            })
            .collect();
        listener
    }

    /// A module counts from the day it was passed to the moment it expires, a renewal closes the gap, and the next
    /// moment of change is told.
    #[test]
    fn modules_count_between_their_dates() {
        let required = vec!["initial".to_owned()];
        let initial = || "initial".to_owned();
        let cases = [
            (certified(&[]), 5, Some(Reason::NotTrained { module: initial() }), None),
            (certified(&[(6, None)]), 5, Some(Reason::NotTrained { module: initial() }), Some(6)),
            (certified(&[(5, None)]), 5, None, None),
            (certified(&[(1, Some(6))]), 5, None, Some(6)),
            (certified(&[(1, Some(5))]), 5, Some(Reason::Expired { module: initial() }), None),
            (certified(&[(1, Some(5)), (4, Some(9))]), 5, None, Some(9)),
            (certified(&[(1, Some(5)), (7, Some(9))]), 5, Some(Reason::Expired { module: initial() }), Some(7)),
        ];
        for (listener, at, unfit, until) in cases {
            let fitness = listener.fitness(&required, day(at));
            assert_eq!((fitness.unfit, fitness.until), (unfit, until.map(day)));
        }
    }

    /// Suspension, training and the charter each stand before any module.
    #[test]
    fn standing_comes_before_modules() {
        let mut listener = certified(&[]);
        listener.charter_signed = false;
        assert_eq!(listener.fitness(&["initial".into()], day(1)).unfit, Some(Reason::CharterMissing));
        listener.role = Role::Trainee;
        assert_eq!(listener.fitness(&[], day(1)).unfit, Some(Reason::Trainee));
        listener.suspended = true;
        assert_eq!(listener.fitness(&[], day(1)).unfit, Some(Reason::Suspended));
    }
}
