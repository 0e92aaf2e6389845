//! Departments and overseas collectivities: the places a helpline thinks in. A [`Department`] is a small number; its
//! facts are looked up in the table built into the program.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Embedded;
use super::holidays::HolidaySet;
use super::table::{BadTable, Table};

/// One of the 101 departments or of the 6 overseas collectivities we know. Ordered by code; written as its code (`38`,
/// `2A`, `971`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Department(u8);

/// What a [`Department`] is by law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A department.
    Department,
    /// An overseas collectivity.
    Collectivity,
}

struct Facts {
    code: String,
    name: String,
    kind: Kind,
    region: String,
    prefecture: String,
    zone: String,
    population: u32,
    holiday_set: String,
    neighbours: Vec<(Department, u16)>,
    overseas_backup: Vec<Department>,
}

impl Department {
    /// All of them, by code.
    pub fn all() -> impl ExactSizeIterator<Item = Department> + Clone {
        (0..table().len() as u8).map(Department)
    }

    /// From its code, in either case.
    pub fn from_code(code: &str) -> Option<Department> {
        index(table().iter().map(|facts| facts.code.as_str()), code)
    }

    /// Its code: `38`, `2A`, `971`. Also the name of its prompt.
    pub fn code(self) -> &'static str {
        &self.facts().code
    }

    /// Its name, as read and spoken: `Isère`.
    pub fn name(self) -> &'static str {
        &self.facts().name
    }

    /// What it is by law.
    pub fn kind(self) -> Kind {
        self.facts().kind
    }

    /// Its region's name.
    pub fn region(self) -> &'static str {
        &self.facts().region
    }

    /// The town of its prefecture.
    pub fn prefecture(self) -> &'static str {
        &self.facts().prefecture
    }

    /// Its time zone's name (IANA).
    pub fn zone(self) -> &'static str {
        &self.facts().zone
    }

    /// How many people live there.
    pub fn population(self) -> u32 {
        self.facts().population
    }

    /// Which public holidays it keeps.
    pub fn holiday_set(self) -> HolidaySet {
        HolidaySet::of_table(&self.facts().holiday_set)
    }

    /// Its neighbours by land, with the length of the common border in kilometres, the longest first.
    pub fn neighbours(self) -> &'static [(Department, u16)] {
        &self.facts().neighbours
    }

    /// Who may stand in for it overseas, where there is no neighbour by land; best first. A proposal of ours.
    pub fn overseas_backup(self) -> &'static [Department] {
        &self.facts().overseas_backup
    }

    fn facts(self) -> &'static Facts {
        &table()[usize::from(self.0)]
    }
}

impl fmt::Display for Department {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Department {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Department({self})")
    }
}

impl Serialize for Department {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Department {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Department, D::Error> {
        let code = String::deserialize(d)?;
        Department::from_code(&code).ok_or_else(|| serde::de::Error::custom("no department has this code"))
    }
}

/// The position of `code` among `codes`.
fn index<'a>(mut codes: impl Iterator<Item = &'a str>, code: &str) -> Option<Department> {
    let nth = codes.position(|known| known.eq_ignore_ascii_case(code))?;
    u8::try_from(nth).ok().map(Department)
}

fn table() -> &'static [Facts] {
    static TABLE: Embedded<Vec<Facts>> = Embedded::new();
    TABLE.get(|| read(include_str!("data/departments.csv"), include_str!("data/department_neighbours.csv")))
}

fn read(departments: &str, neighbours: &str) -> Result<Vec<Facts>, BadTable> {
    let departments = Table::read("departments", departments)?;
    let mut rows = Vec::new();
    for row in departments.rows() {
        let row = row?;
        rows.push((row.get("code")?.to_owned(), row));
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let codes: Vec<String> = rows.iter().map(|(code, _)| code.clone()).collect();
    let by_code = |code: &str| index(codes.iter().map(String::as_str), code);

    let mut facts = Vec::new();
    for (code, row) in rows {
        let kind = match row.get("kind")? {
            "department" => Kind::Department,
            "collectivity" => Kind::Collectivity,
            _ => return Err(row.fault("neither a department nor a collectivity")),
        };
        let mut overseas_backup = Vec::new();
        for code in row.get("overseas_backup")?.split_ascii_whitespace() {
            overseas_backup.push(by_code(code).ok_or(row.fault("an unknown backup"))?);
        }
        facts.push(Facts {
            code,
            name: row.get("name")?.to_owned(),
            kind,
            region: row.get("region")?.to_owned(),
            prefecture: row.get("prefecture")?.to_owned(),
            zone: row.get("timezone")?.to_owned(),
            population: row.parse("population")?,
            holiday_set: row.get("holiday_set")?.to_owned(),
            neighbours: Vec::new(),
            overseas_backup,
        });
    }

    for row in Table::read("neighbours", neighbours)?.rows() {
        let row = row?;
        let end = |column| by_code(row.get(column)?).ok_or(row.fault("an unknown department"));
        let (a, b, km) = (end("a")?, end("b")?, row.parse("border_km")?);
        facts[usize::from(a.0)].neighbours.push((b, km));
        facts[usize::from(b.0)].neighbours.push((a, km));
    }
    for facts in &mut facts {
        facts.neighbours.sort_by_key(|(department, km)| (std::cmp::Reverse(*km), *department));
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A department is written as its code and read from it.
    #[test]
    fn as_text() {
        let isere = Department::from_code("38").expect("Isère");
        assert_eq!((isere.name(), isere.to_string()), ("Isère", "38".to_owned()));
        assert_eq!(serde_json::to_string(&isere).ok().as_deref(), Some("\"38\""));
        assert_eq!(serde_json::from_str::<Department>("\"2a\"").ok(), Department::from_code("2A"));
        assert!(serde_json::from_str::<Department>("\"20\"").is_err());
        assert_eq!(Department::from_code("99"), None);
        assert_eq!(Department::from_code(""), None);
    }

    /// A fault in a table is named by its line.
    #[test]
    fn faults() {
        let head =
            "code,name,kind,region,prefecture,timezone,population,keypad,holiday_set,neighbours,overseas_backup\n";
        let row = "01,Ain,department,R,P,Europe/Paris,1,01,metropole,,";
        let text = |row: &str| format!("{head}{row}\n");
        assert!(read(&text(row), "a,b,border_km\n").is_ok());
        let fault = |departments: &str, neighbours: &str| read(departments, neighbours).err().map(|fault| fault.line);
        assert_eq!(fault(&text(&row.replace(",1,", ",x,")), "a,b,border_km\n"), Some(2));
        assert_eq!(fault(&text(&row.replace("department", "duchy")), "a,b,border_km\n"), Some(2));
        assert_eq!(fault(&text(row), "a,b,border_km\n01,38,71\n"), Some(2));
    }
}
