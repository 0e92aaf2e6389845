//! Postcodes, and what a caller keys to name a place.
//!
//! The first two digits of a postcode name a department, but for Corsica (`20…` is 2A or 2B), overseas (three digits) and
//! 34 postcodes that cross a border or belong elsewhere. A and B stand on the same key, so a caller cannot key `2A`.

use std::collections::BTreeMap;

use super::department::Department;
use super::table::{BadTable, Table};

/// What the keyed digits mean. The name is read back to the caller before anything rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepartmentKeys {
    /// This department; of those that share a postcode, the one where most people live.
    Department(Department),
    /// Corsica, north or south: ask once more.
    AskCorsica,
    /// No place in France.
    Nothing,
}

/// The table of postcodes.
#[derive(Clone, Debug)]
pub struct Postcodes {
    prefixes: BTreeMap<Box<str>, Option<Department>>,
    exceptions: BTreeMap<Box<str>, Vec<(Department, f32)>>,
}

impl Postcodes {
    /// The table built into the program.
    pub fn embedded() -> Postcodes {
        let (rules, exceptions) =
            (include_str!("data/postcode_rules.csv"), include_str!("data/postcode_exceptions.csv"));
        Postcodes::read(rules, exceptions).expect("the tables built into the program are sound: a test reads them")
    }

    fn read(rules: &str, exceptions: &str) -> Result<Postcodes, BadTable> {
        let mut table = Postcodes { prefixes: BTreeMap::new(), exceptions: BTreeMap::new() };
        for row in Table::read("postcode rules", rules)?.rows() {
            let row = row?;
            // Monaco has a French postcode and is no department; its line keeps `98` from meaning anything else.
            let department = Department::from_code(row.get("department")?);
            table.prefixes.insert(row.get("prefix")?.into(), department);
        }
        for row in Table::read("postcode exceptions", exceptions)?.rows() {
            let row = row?;
            let departments = table.exceptions.entry(row.get("postcode")?.into()).or_default();
            let share: f32 = row.parse("share")?;
            // Nobody lives in the part of a postcode with share 0, nor in places without a department of ours.
            if let Some(department) = Department::from_code(row.get("department")?).filter(|_| share > 0.0) {
                departments.push((department, share));
            }
        }
        for departments in table.exceptions.values_mut() {
            departments.sort_by(|a, b| b.1.total_cmp(&a.1));
        }
        Ok(table)
    }

    /// The departments that share `postcode`, the largest population first.
    pub fn departments_of(&self, postcode: &str) -> Vec<(Department, f32)> {
        if postcode.len() != 5 || !postcode.bytes().all(|byte| byte.is_ascii_digit()) {
            return Vec::new();
        }
        if let Some(departments) = self.exceptions.get(postcode) {
            return departments.clone();
        }
        let rule = (2..=5).rev().find_map(|length| self.prefixes.get(postcode.get(..length)?));
        rule.copied().flatten().map(|department| (department, 1.0)).into_iter().collect()
    }

    /// What a caller meant by `digits`: two, three if they begin with 97 or 98, or a postcode of five. `20` asks which
    /// half of Corsica; `201` and `202`, by which some know them, say it.
    pub fn parse_department_keys(&self, digits: &str) -> DepartmentKeys {
        let found = |department: Option<Department>| match department {
            Some(department) => DepartmentKeys::Department(department),
            None => DepartmentKeys::Nothing,
        };
        match (digits.len(), digits.get(..2)) {
            (2, Some("20")) => DepartmentKeys::AskCorsica,
            (2, Some(code)) => found(Department::from_code(code).filter(|_| is_digits(code))),
            (3, Some("20")) => found(self.prefixes.get(digits).copied().flatten()),
            (3, Some("97" | "98")) => found(Department::from_code(digits)),
            (5, Some(begin)) => match self.departments_of(digits).first() {
                Some((department, _)) => DepartmentKeys::Department(*department),
                None if begin == "20" && is_digits(digits) => DepartmentKeys::AskCorsica,
                None => DepartmentKeys::Nothing,
            },
            _ => DepartmentKeys::Nothing,
        }
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
