//! Public holidays (Code du travail, L3133-1, L3134-13, L3422-2): national ones, those of Alsace and Moselle, and the day
//! of the abolition of slavery overseas, which is not the same anywhere.

use std::fmt;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Embedded;
use super::department::Department;
use super::table::{BadTable, Table};

/// Which public holidays are kept: `metropole`, `alsace-moselle`, or the code of an overseas department.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HolidaySet(&'static str);

impl HolidaySet {
    /// From its name, as the table of departments has it.
    pub fn from_id(id: &str) -> Option<HolidaySet> {
        Department::all().map(Department::holiday_set).find(|set| set.0 == id)
    }

    /// Its name.
    pub fn id(self) -> &'static str {
        self.0
    }

    /// A name out of the table of departments.
    pub(super) fn of_table(id: &'static str) -> HolidaySet {
        HolidaySet(id)
    }
}

impl fmt::Debug for HolidaySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HolidaySet({})", self.0)
    }
}

impl Serialize for HolidaySet {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for HolidaySet {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<HolidaySet, D::Error> {
        let id = String::deserialize(d)?;
        HolidaySet::from_id(&id).ok_or_else(|| serde::de::Error::custom("no set of public holidays has this name"))
    }
}

/// Is `date` a public holiday in `set`?
pub fn is_public_holiday(date: Date, set: HolidaySet) -> bool {
    public_holiday(date, set).is_some()
}

/// The French name of the public holiday on `date` in `set`.
pub fn public_holiday(date: Date, set: HolidaySet) -> Option<&'static str> {
    let kept = rules().iter().filter(|rule| rule.set == "all" || rule.set == set.0);
    let mut today = kept.filter(|rule| match rule.day {
        Day::Fixed { month, day } => (date.month(), date.day()) == (month, day),
        Day::Easter { offset_days } => easter(date.year()).checked_add(offset_days.days()).is_ok_and(|day| day == date),
    });
    today.next().map(|rule| rule.name.as_str())
}

/// Easter Sunday of `year` (-9999 to 9999, as far as the calendar goes) in the Gregorian calendar, by the method printed by Butcher's Ecclesiastical Calendar (1876).
pub fn easter(year: i16) -> Date {
    let year = year.clamp(-9999, 9999);
    let y = i32::from(year);
    let (golden, century, within) = (y.rem_euclid(19), y.div_euclid(100), y.rem_euclid(100));
    let (leaps, rest) = (century.div_euclid(4), century.rem_euclid(4));
    let moon_shift = (century - (century + 8).div_euclid(25) + 1).div_euclid(3);
    let epact = (19 * golden + century - leaps - moon_shift + 15).rem_euclid(30);
    let weekday = (32 + 2 * rest + 2 * within.div_euclid(4) - epact - within.rem_euclid(4)).rem_euclid(7);
    let correction = (golden + 11 * epact + 22 * weekday).div_euclid(451);
    let day_of_march = epact + weekday - 7 * correction + 22;
    let (month, day) = if day_of_march > 31 { (4, day_of_march - 31) } else { (3, day_of_march) };
    Date::new(year, month, day as i8).expect("Easter lies between 22 March and 25 April")
}

struct Rule {
    name: String,
    day: Day,
    set: String,
}

enum Day {
    Fixed { month: i8, day: i8 },
    Easter { offset_days: i32 },
}

fn rules() -> &'static [Rule] {
    static RULES: Embedded<Vec<Rule>> = Embedded::new();
    RULES.get(|| read(include_str!("data/public_holidays.csv")))
}

fn read(text: &str) -> Result<Vec<Rule>, BadTable> {
    let table = Table::read("public holidays", text)?;
    let mut rules = Vec::new();
    for row in table.rows() {
        let row = row?;
        let day = read_day(row.get("rule")?).ok_or(row.fault("neither MM-DD nor easter+N"))?;
        rules.push(Rule { name: row.get("name")?.to_owned(), day, set: row.get("holiday_set")?.to_owned() });
    }
    Ok(rules)
}

/// `07-14`, `easter+39`, `easter-2`.
fn read_day(rule: &str) -> Option<Day> {
    if let Some(offset) = rule.strip_prefix("easter") {
        return Some(Day::Easter { offset_days: offset.parse().ok()? });
    }
    let (month, day) = rule.split_once('-')?;
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    Date::new(2000, month, day).ok()?;
    Some(Day::Fixed { month, day })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{Weekday, date};

    /// Easter of known years, the earliest and the latest among them; always a Sunday within its bounds.
    #[test]
    fn easter_sundays() {
        for (year, month, day) in [
            (1818, 3, 22),
            (1943, 4, 25),
            (1954, 4, 18),
            (2000, 4, 23),
            (2008, 3, 23),
            (2019, 4, 21),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
            (2027, 3, 28),
            (2030, 4, 21),
            (2035, 3, 25),
            (2038, 4, 25),
            (2049, 4, 18),
        ] {
            assert_eq!(easter(year), date(year, month, day));
        }
        for year in 1583..=4099 {
            let sunday = easter(year);
            assert_eq!(sunday.weekday(), Weekday::Sunday, "{year}");
            assert!((date(year, 3, 22)..=date(year, 4, 25)).contains(&sunday), "{year}");
        }
    }

    /// Rules that are none.
    #[test]
    fn bad_rules() {
        for rule in ["", "13-01", "02-30", "easter", "easter+x", "7", "-"] {
            assert!(read_day(rule).is_none(), "{rule}");
        }
    }
}
