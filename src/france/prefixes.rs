//! From a number to where it may have been given out. The longest prefix known wins; its rows are a distribution.
//!
//! Six digits (`0ZABPQ`) name one department nine times in ten, four digits once in four; since 2023 a number may be used
//! anywhere, and it may be the daughter who calls from Paris. A hint, then.

use std::collections::BTreeMap;

use crate::ids::PhoneNumber;

use super::department::Department;
use super::number::as_dialled_in_france;
use super::table::{BadTable, Table};

/// Country codes with a collectivity to themselves.
const COUNTRIES: [(&str, &str); 3] = [("+681", "986"), ("+687", "988"), ("+689", "987")];

/// The longest prefix a table may hold: a whole number.
const PREFIX_DIGITS_MAX: usize = 10;

/// A table of number prefixes.
#[derive(Clone, Debug)]
pub struct Prefixes {
    rows: BTreeMap<Box<str>, Vec<(Department, f32)>>,
}

impl Prefixes {
    /// The table built into the program.
    pub fn embedded() -> Prefixes {
        let table = Prefixes::read(include_str!("data/numbering_prefixes.csv"));
        table.expect("the table built into the program is sound: a test reads it")
    }

    /// Reads a table with the columns `prefix` (national form, with its zero), `department` and `share`, so that an
    /// operator can bring a better one. A row without a department says that its prefix tells nothing, whatever a shorter
    /// one would tell. Further columns are passed over.
    pub fn read(text: &str) -> Result<Prefixes, BadTable> {
        let table = Table::read("number prefixes", text)?;
        let mut rows: BTreeMap<Box<str>, Vec<(Department, f32)>> = BTreeMap::new();
        for row in table.rows() {
            let row = row?;
            let prefix = row.get("prefix")?;
            let digits = prefix.bytes().all(|byte| byte.is_ascii_digit());
            if !digits || !prefix.starts_with('0') || prefix.len() > PREFIX_DIGITS_MAX {
                return Err(row.fault("a prefix is a zero and up to nine digits"));
            }
            let row_departments = rows.entry(prefix.into()).or_default();
            let code = row.get("department")?;
            if code.is_empty() {
                continue;
            }
            let department = Department::from_code(code).ok_or(row.fault("no department has this code"))?;
            let share: f32 = row.parse("share")?;
            if !(0.0..=1.0).contains(&share) {
                return Err(row.fault("a share lies between 0 and 1"));
            }
            row_departments.push((department, share));
            if row_departments.iter().map(|(_, share)| share).sum::<f32>() > 1.01 {
                return Err(row.fault("the shares of this prefix sum to more than one"));
            }
        }
        for departments in rows.values_mut() {
            departments.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        }
        Ok(Prefixes { rows })
    }

    /// Where `number` may have been given out, likeliest first.
    pub fn departments_of(&self, number: &PhoneNumber) -> Vec<(Department, f32)> {
        let Some(dialled) = as_dialled_in_france(number) else {
            let country = COUNTRIES.iter().find(|(code, _)| number.reveal().starts_with(code));
            return country.and_then(|(_, code)| Department::from_code(code)).map(|d| (d, 1.0)).into_iter().collect();
        };
        let longest = dialled.len().min(PREFIX_DIGITS_MAX);
        let known = (1..=longest).rev().find_map(|length| self.rows.get(dialled.get(..length)?));
        known.cloned().unwrap_or_default()
    }

    /// All prefixes with their departments, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[(Department, f32)])> {
        self.rows.iter().map(|(prefix, departments)| (&**prefix, departments.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A prefix without a department tells nothing, although a shorter one does.
    #[test]
    fn a_prefix_that_tells_nothing() {
        let table = Prefixes::read("prefix,department,share\n01,75,1\n0162,,0\n").expect("sound");
        let number = |text| PhoneNumber::from_e164(text).expect("a number");
        assert_eq!(table.departments_of(&number("+33162000102")), []);
        assert_eq!(table.departments_of(&number("+33163000102")).len(), 1);
    }

    /// An operator's table is judged line by line.
    #[test]
    fn another_table() {
        let head = "prefix,department,share\n";
        let read = |rows: &str| Prefixes::read(&format!("{head}{rows}")).map(|table| table.rows.len());
        assert_eq!(read("0476,38,0.9\n0476,26,0.1\n04,69,0.2\n"), Ok(2));
        for rows in ["476,38,1", "04x,38,1", "0476,20,1", "0476,38,2", "0476,38,x", "04760001023,38,1", "0476,38"] {
            assert_eq!(read(rows).map_err(|fault| fault.line), Err(2), "{rows}");
        }
        assert_eq!(read("0476,38,0.9\n0476,26,0.9").map_err(|fault| fault.line), Err(3));
    }
}
