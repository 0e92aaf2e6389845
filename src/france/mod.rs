//! What is French in a French helpline: departments and their neighbours, the numbering plan, postcodes, what a caller
//! keys to name a place, public holidays.
//!
//! The facts stand in tables below `data/` (origins and licences in `data/README.md`), are built into the program and read
//! once. They are facts about the country, not settings; only the table of number prefixes may be replaced by a better
//! one of the same form ([`Prefixes::read`]).
//!
//! A caller's number is a hint and no more: numbers move, mobiles say nothing, and what counts is where the person
//! concerned lives. So [`Tables::departments_of_number`] gives a distribution, to be confirmed by voice.
//!
//! Deliberately not here: opening hours (`dialplan`), and which centre serves a department (`dispatch`).

use std::sync::OnceLock;

use crate::ids::PhoneNumber;

mod department;
mod holidays;
mod number;
mod postcode;
mod prefixes;
mod table;

pub use department::{Department, Kind};
pub use holidays::{HolidaySet, easter, is_public_holiday, public_holiday};
pub use number::{CallerNumber, as_dialled_in_france, normalise};
pub use postcode::{DepartmentKeys, Postcodes};
pub use prefixes::Prefixes;
pub use table::BadTable;

/// The tables a call needs. Built once; shared behind an `Arc`.
#[derive(Clone, Debug)]
pub struct Tables {
    prefixes: Prefixes,
    postcodes: Postcodes,
}

impl Tables {
    /// The tables built into the program.
    pub fn embedded() -> Tables {
        Tables { prefixes: Prefixes::embedded(), postcodes: Postcodes::embedded() }
    }

    /// The same with another table of number prefixes.
    pub fn with_prefixes(self, prefixes: Prefixes) -> Tables {
        Tables { prefixes, ..self }
    }

    /// Where a call from `number` may come from, likeliest first, with shares that sum to one at most. Empty for what
    /// says nothing: mobiles of the mainland, numbers of internet access boxes, other countries.
    pub fn departments_of_number(&self, number: &PhoneNumber) -> Vec<(Department, f32)> {
        self.prefixes.departments_of(number)
    }

    /// The departments that share `postcode`, the largest population first. Empty for what is no French postcode.
    pub fn departments_of_postcode(&self, postcode: &str) -> Vec<(Department, f32)> {
        self.postcodes.departments_of(postcode)
    }

    /// What a caller meant by the digits he keyed.
    pub fn parse_department_keys(&self, digits: &str) -> DepartmentKeys {
        self.postcodes.parse_department_keys(digits)
    }
}

/// A table built into the program, read at its first use.
struct Embedded<T>(OnceLock<T>);

impl<T> Embedded<T> {
    const fn new() -> Embedded<T> {
        Embedded(OnceLock::new())
    }

    fn get(&self, read: impl FnOnce() -> Result<T, BadTable>) -> &T {
        self.0.get_or_init(|| read().expect("a table built into the program is sound: a test reads each of them"))
    }
}
