//! What is promised is proved: every behaviour and every failure that `tests/README.md` lists is named by a test, or stands
//! there among those left out, with the reason; never both.
//!
//! An id is a letter and three digits, `B112` or `P032`; a test carries those it proves in front of its name:
//! `b112_p032_reliable_183_is_repeated_until_prack`. What is out of both lists is nobody's promise, and may be proved all
//! the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::{files_below, root};

/// `B112` as it stands in a test's name: `b112`.
type Id = String;

/// The ids in front of the name of a function: `b112_p032_…`.
fn ids_of(name: &str) -> impl Iterator<Item = Id> {
    let is_id = |part: &&str| {
        let (letter, digits) = part.split_at(part.len().min(1));
        matches!(letter, "b" | "p") && digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit())
    };
    name.split('_').take_while(is_id).map(str::to_owned)
}

/// The names of the functions that are tests: those below `#[test]`, with whatever stands between.
fn tests_of(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut marked = false;
    for line in text.lines().map(str::trim_start) {
        let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if let Some(name) = name.filter(|_| marked) {
            names.push(name.split(['(', '<']).next().unwrap_or_default());
            marked = false;
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            marked = false;
        }
    }
    names
}

/// Which tests prove which id, in `src` and `tests`.
fn proved() -> BTreeMap<Id, Vec<String>> {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        files_below(&root().join(folder), &mut files);
    }
    let mut proved: BTreeMap<Id, Vec<String>> = BTreeMap::new();
    for path in files.iter().filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        for name in tests_of(&fs::read_to_string(path).expect("UTF-8 source")) {
            for id in ids_of(name) {
                proved.entry(id).or_default().push(name.to_owned());
            }
        }
    }
    proved
}

/// `B001–B003, P021` as ids; what is none is a fault.
fn ids_in(cell: &str) -> Result<BTreeSet<Id>, String> {
    let one = |text: &str| -> Result<(char, u32), String> {
        let text = text.trim();
        let letter = text.chars().next().filter(|c| matches!(c, 'B' | 'P')).ok_or_else(|| format!("`{text}`"))?;
        let number = text[1..].parse().ok().filter(|_| text.len() == 4).ok_or_else(|| format!("`{text}`"))?;
        Ok((letter, number))
    };
    let mut ids = BTreeSet::new();
    for part in cell.split(',') {
        let (from, to) = part.split_once('–').unwrap_or((part, part));
        let ((letter, from), (last, to)) = (one(from)?, one(to)?);
        if letter != last || from > to {
            return Err(format!("`{part}` is no range"));
        }
        ids.extend((from..=to).map(|number| format!("{}{number:03}", letter.to_ascii_lowercase())));
    }
    Ok(ids)
}

/// A table of the page: the ids in the first cell of each row, and the second cell.
fn table(page: &str, heading: &str) -> Vec<(BTreeSet<Id>, String)> {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).expect("the heading stands in tests/README.md");
    let section = rest.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| B") || line.starts_with("| P"));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let ids = ids_in(cells.next().unwrap_or_default()).expect("ids, and ranges of ids");
        (ids, cells.next().unwrap_or_default().to_owned())
    })
    .collect()
}

/// Every id that must be proved is in the name of a test or among those left out, with a reason, and never in both.
#[test]
fn every_promise_is_proved_or_left_out_with_its_reason() {
    let page = fs::read_to_string(root().join("tests/README.md")).expect("tests/README.md");
    let required: BTreeSet<Id> = table(&page, "What must be proved").into_iter().flat_map(|(ids, _)| ids).collect();
    assert!(required.len() > 250, "the table of what must be proved was not found");
    let proved = proved();
    let mut faults = Vec::new();
    let mut left_out = BTreeSet::new();
    for (ids, reason) in table(&page, "What is left out") {
        if reason.len() < 20 {
            faults.push(format!("{ids:?} are left out without a reason"));
        }
        for id in ids {
            if let Some(tests) = proved.get(&id) {
                faults.push(format!("{id} is proved by {tests:?}: strike it from what is left out"));
            }
            if !left_out.insert(id.clone()) {
                faults.push(format!("{id} is left out twice"));
            }
        }
    }
    let missing: Vec<&Id> = required.iter().filter(|id| !proved.contains_key(*id) && !left_out.contains(*id)).collect();
    if !missing.is_empty() {
        faults.push(format!("no test is named after these, and they are not left out: {missing:?}"));
    }
    assert!(faults.is_empty(), "tests/README.md and the tests disagree:\n{}", faults.join("\n"));
}

/// The reading of names and ranges itself.
#[test]
fn names_and_ranges() {
    let of = |name: &str| ids_of(name).collect::<Vec<_>>();
    assert_eq!(of("b112_p032_reliable_183"), ["b112", "p032"]);
    assert_eq!(of("the_b112_case"), [""; 0]);
    assert_eq!(of("b11_x"), [""; 0]);
    let text = "    #[test]\n    #[ignore = \"slow\"]\n    fn b001_one() {\n#[test]\nfn b002_two(a in any::<u8>()) {\nfn b003_no_test() {\n";
    assert_eq!(tests_of(text), ["b001_one", "b002_two"]);
    assert_eq!(
        ids_in("B009–B011, P021").map(|ids| ids.into_iter().collect::<Vec<_>>().join(" ")).as_deref(),
        Ok("b009 b010 b011 p021")
    );
    for bad in ["", "B1", "B010–B009", "B010–P011", "C001", "b001"] {
        assert!(ids_in(bad).is_err(), "{bad}");
    }
}
