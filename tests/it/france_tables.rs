//! The tables of France as a whole: whatever is looked up in them holds together.

use std::collections::BTreeSet;

use ecoute::france::{
    CallerNumber, Department, DepartmentKeys, HolidaySet, Kind, Prefixes, Tables, easter, is_public_holiday, normalise,
    public_holiday,
};
use ecoute::ids::{IdSource, PhoneNumber};
use jiff::civil::date;

fn department(code: &str) -> Department {
    Department::from_code(code).expect(code)
}

fn number(raw: &str) -> PhoneNumber {
    normalise(raw.as_bytes()).number().expect(raw).clone()
}

/// 101 departments and 6 collectivities, each found by its code, in the order of codes.
#[test]
fn all_departments() {
    let all: Vec<Department> = Department::all().collect();
    assert_eq!(all.iter().filter(|d| d.kind() == Kind::Department).count(), 101);
    assert_eq!(all.iter().filter(|d| d.kind() == Kind::Collectivity).count(), 6);
    let mut codes: Vec<&str> = all.iter().map(|d| d.code()).collect();
    assert!(codes.is_sorted() && all.is_sorted());
    for d in &all {
        assert_eq!(Department::from_code(d.code()), Some(*d));
        assert!(!d.name().is_empty() && !d.region().is_empty() && !d.prefecture().is_empty(), "{d}");
        assert!(d.population() > 1000, "{d}");
    }
    codes.dedup();
    assert_eq!(codes.len(), 107);
    let people: u32 = all.iter().map(|d| d.population()).sum();
    assert!((66_000_000..72_000_000).contains(&people), "{people}");
    assert_eq!(department("38").name(), "Isère");
    assert_eq!(department("2A").region(), "Corse");
    assert_eq!(department("971").name(), "Guadeloupe");
    assert_eq!(department("93").prefecture(), "Bobigny");
}

/// Every department has a time zone that the calendar knows; the mainland has one, overseas others.
#[test]
fn zones() {
    for d in Department::all() {
        assert!(jiff::tz::TimeZone::get(d.zone()).is_ok(), "{d}: {}", d.zone());
        assert_eq!(d.zone() == "Europe/Paris", d.code().len() == 2, "{d}");
    }
    assert_eq!(department("974").zone(), "Indian/Reunion");
    assert_eq!(department("975").zone(), "America/Miquelon");
}

/// Neighbourhood is mutual, with the same border; nobody is his own neighbour; the longest border comes first; no
/// department of the mainland is alone.
#[test]
fn neighbours() {
    let mut borders = 0;
    for d in Department::all() {
        let neighbours = d.neighbours();
        for (other, km) in neighbours {
            assert_ne!(*other, d);
            assert!(other.neighbours().contains(&(d, *km)), "{d} and {other}");
        }
        assert!(neighbours.is_sorted_by_key(|(_, km)| std::cmp::Reverse(*km)), "{d}");
        let unique: BTreeSet<_> = neighbours.iter().map(|(other, _)| other).collect();
        assert_eq!(unique.len(), neighbours.len(), "{d}");
        assert_eq!(neighbours.is_empty(), d.code().len() == 3, "{d}");
        borders += neighbours.len();
    }
    assert_eq!(borders, 2 * 239);
    let near: Vec<&str> = department("38").neighbours().iter().map(|(d, _)| d.code()).collect();
    assert_eq!(
        near.iter().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from(["01", "05", "07", "26", "42", "69", "73"])
    );
    assert_eq!(department("2A").neighbours().first().map(|(d, _)| d.code()), Some("2B"));
    // From anywhere on the mainland but Corsica one comes everywhere.
    let mut reached = BTreeSet::from([department("38")]);
    while let Some(next) = reached.iter().flat_map(|d| d.neighbours()).map(|(d, _)| *d).find(|d| !reached.contains(d)) {
        reached.insert(next);
    }
    assert_eq!(reached.len(), 94);
}

/// Overseas departments have somebody to stand in for them, never themselves, never the mainland.
#[test]
fn overseas_backups() {
    for d in Department::all() {
        for other in d.overseas_backup() {
            assert!(*other != d && other.code().len() == 3 && d.code().len() == 3, "{d}");
        }
    }
    assert_eq!(department("974").overseas_backup(), [department("976")]);
    assert!(!department("973").overseas_backup().is_empty());
}

/// Every prefix's shares sum to one at most, and each is found through a number that begins with it.
#[test]
fn prefixes() {
    let tables = Tables::embedded();
    let prefixes = Prefixes::embedded();
    let mut longest = 0;
    for (prefix, departments) in prefixes.iter() {
        let sum: f32 = departments.iter().map(|(_, share)| share).sum();
        assert!(sum <= 1.0011 && sum > 0.95, "{prefix}: {sum}");
        assert!(departments.is_sorted_by(|a, b| a.1 >= b.1), "{prefix}");
        longest = longest.max(prefix.len());
        // The digits after the prefix may make a longer one; only a prefix of six digits is sure to be the last.
        if prefix.len() == 6 {
            assert_eq!(tables.departments_of_number(&number(&format!("{prefix}0000"))), departments, "{prefix}");
        }
    }
    assert_eq!(longest, 6);
}

/// Numbers and where they may come from.
#[test]
fn where_a_number_comes_from() {
    let tables = Tables::embedded();
    let first = |raw: &str| tables.departments_of_number(&number(raw)).first().map(|(d, _)| d.code());
    for raw in ["+33476000102", "33476000102", "0033476000102", "0476000102", "476000102"] {
        assert_eq!(first(raw), Some("38"), "{raw}");
    }
    assert_eq!(first("0262123456"), Some("974"));
    assert_eq!(first("0692123456"), Some("974"));
    assert_eq!(first("0269601234"), Some("976"));
    assert_eq!(first("+590590123456"), Some("971"));
    assert_eq!(first("+594594123456"), Some("973"));
    assert_eq!(first("0596123456"), Some("972"));
    assert_eq!(first("+508411234"), Some("975"));
    assert_eq!(first("+687123456"), Some("988"));
    assert_eq!(first("+68940123456"), Some("987"));
    // What says nothing gives nothing.
    for raw in ["0612345678", "0712345678", "0912345678", "0800123456", "+441632960961", "+37799123456"] {
        assert_eq!(first(raw), None, "{raw}");
    }
    // Another table, one row.
    let tables = tables.with_prefixes(Prefixes::read("prefix,department,share\n0476,73,1\n").expect("sound"));
    assert_eq!(tables.departments_of_number(&number("0476000102")), [(department("73"), 1.0)]);
    assert!(tables.departments_of_number(&number("0176000102")).is_empty());
}

/// Every department's postcodes lead to it, shares sum to one, and nothing else is a postcode.
#[test]
fn postcodes() {
    let tables = Tables::embedded();
    let of = |postcode: &str| -> Vec<&str> {
        tables.departments_of_postcode(postcode).iter().map(|(d, _)| d.code()).collect()
    };
    for d in Department::all() {
        let begin = match d.code() {
            "2A" => "200",
            "2B" => "202",
            "977" => "97133",
            "978" => "97150",
            code => code,
        };
        assert_eq!(of(&format!("{begin:0<5}")), [d.code()], "{d}");
    }
    for nth in 0..100_000 {
        let postcode = format!("{nth:05}");
        let sum: f32 = tables.departments_of_postcode(&postcode).iter().map(|(_, share)| share).sum();
        assert!(sum <= 1.001, "{postcode}: {sum}");
        let expected = !matches!(&postcode[..2], "00" | "96" | "97" | "98" | "99" | "20");
        assert!(sum > 0.99 || !expected, "{postcode}: {sum}");
    }
    assert_eq!(of("38000"), ["38"]);
    assert_eq!(of("20000"), ["2A"]);
    assert_eq!(of("20167"), ["2A"]);
    assert_eq!(of("20200"), ["2B"]);
    assert_eq!(of("20600"), ["2B"]);
    assert_eq!(of("33220"), ["33", "24"]);
    assert_eq!(of("42620"), ["42", "03"]);
    assert_eq!(of("94390"), ["91"]);
    assert_eq!(of("75016"), ["75"]);
    assert_eq!(of("97133"), ["977"]);
    assert_eq!(of("97110"), ["971"]);
    for postcode in ["98000", "98799", "99999", "00000", "20999", "3800", "380000", "2A000", "", "38 00"] {
        assert!(of(postcode).is_empty(), "{postcode}");
    }
}

/// What a caller may key.
#[test]
fn department_keys() {
    let tables = Tables::embedded();
    for (digits, expected) in [
        ("38", "38"),
        ("01", "01"),
        ("95", "95"),
        ("971", "971"),
        ("976", "976"),
        ("988", "988"),
        ("38000", "38"),
        ("97400", "974"),
        ("20000", "2A"),
        ("20200", "2B"),
        ("201", "2A"),
        ("202", "2B"),
        ("33220", "33"),
    ] {
        assert_eq!(tables.parse_department_keys(digits), DepartmentKeys::Department(department(expected)), "{digits}");
    }
    for digits in ["20", "20300", "20999"] {
        assert_eq!(tables.parse_department_keys(digits), DepartmentKeys::AskCorsica, "{digits}");
    }
    for digits in [
        "", "0", "3", "00", "96", "97", "98", "99", "380", "979", "3800", "380000", "98000", "2A", "3*", "été", "20x00",
    ] {
        assert_eq!(tables.parse_department_keys(digits), DepartmentKeys::Nothing, "{digits}");
    }
    // Each department can be keyed, Corsica with one more question.
    for d in Department::all() {
        let digits = if d.code().starts_with('2') && d.code() > "29" { "20" } else { d.code() };
        let expected = if digits == "20" { DepartmentKeys::AskCorsica } else { DepartmentKeys::Department(d) };
        assert_eq!(tables.parse_department_keys(digits), expected, "{d}");
    }
}

/// The holidays of 2026, by set.
#[test]
fn holidays_of_2026() {
    let everywhere = [(1, 1), (4, 6), (5, 1), (5, 8), (5, 14), (5, 25), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)];
    let further: &[(&str, &[(i8, i8)])] = &[
        ("38", &[]),
        ("67", &[(4, 3), (12, 26)]),
        ("57", &[(4, 3), (12, 26)]),
        ("68", &[(4, 3), (12, 26)]),
        ("971", &[(5, 27)]),
        ("972", &[(5, 22)]),
        ("973", &[(6, 10)]),
        ("974", &[(12, 20)]),
        ("976", &[(4, 27)]),
    ];
    for (code, days) in further {
        let set = department(code).holiday_set();
        let mut expected: BTreeSet<(i8, i8)> = everywhere.into_iter().chain(days.iter().copied()).collect();
        for day in date(2026, 1, 1).series(jiff::Span::new().days(1)).take_while(|day| day.year() == 2026) {
            assert_eq!(is_public_holiday(day, set), expected.remove(&(day.month(), day.day())), "{code} {day}");
        }
        assert!(expected.is_empty());
    }
    assert_eq!(
        public_holiday(easter(2027).tomorrow().expect("a day"), department("75").holiday_set()),
        Some("Lundi de Pâques")
    );
}

/// Sets of holidays have names, and only those.
#[test]
fn holiday_sets() {
    let sets: BTreeSet<HolidaySet> = Department::all().map(Department::holiday_set).collect();
    for set in sets {
        assert_eq!(HolidaySet::from_id(set.id()), Some(set));
        let written = serde_json::to_string(&set).expect("writable");
        assert_eq!(serde_json::from_str::<HolidaySet>(&written).ok(), Some(set));
    }
    assert_eq!(HolidaySet::from_id("metropole"), Some(department("75").holiday_set()));
    assert_eq!(HolidaySet::from_id("all"), None);
}

/// No text, however odd, disturbs the reading of numbers, postcodes and keys; and what is read as a number is stable.
#[test]
fn noise() {
    let tables = Tables::embedded();
    let mut ids = IdSource::from_number(38);
    let letters = b"0123456789+0033476 .-()/;@:\"anonymous\xc3\xa9\xff";
    for _ in 0..50_000 {
        let length = ids.below(18) as usize;
        let raw: Vec<u8> = (0..length).map(|_| letters[ids.below(letters.len() as u64) as usize]).collect();
        if let CallerNumber::Number(number) = normalise(&raw) {
            assert_eq!(normalise(number.reveal().as_bytes()), CallerNumber::Number(number.clone()));
            assert!(tables.departments_of_number(&number).len() <= 107);
        }
        let text = String::from_utf8_lossy(&raw);
        let _ = (tables.departments_of_postcode(&text), tables.parse_department_keys(&text));
    }
}
