//! The code watches its own form: who imports whom, how long a file is, that no path of one machine slips in, that no
//! conversation can be recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

mod promises;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        fs::read_dir(folder).expect("a folder of the repository").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | ".git" | "var" | "node_modules" | ".venv") {
                files_below(&path, found);
            }
        } else if name != ".git" {
            found.push(path);
        }
    }
}

fn rust_sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    files_below(&root().join("src"), &mut files);
    files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| {
            let name = path.strip_prefix(root().join("src")).expect("below src").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("UTF-8 source"))
        })
        .collect()
}

/// The table in `src/lib.rs`: room → rooms it may import.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let map = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    map.lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .filter(|line| !line.starts_with("room") && !line.starts_with("---"))
        .map(|line| {
            let mut cells = line.trim_end_matches('|').split('|').map(str::trim);
            let room = cells.next().expect("a room").to_owned();
            let may = cells.next().unwrap_or_default().split(',').map(|r| r.trim().to_owned());
            (room, may.filter(|r| !r.is_empty()).collect())
        })
        .collect()
}

/// Every `crate::room` below a room's folder stands in the table of `src/lib.rs`.
#[test]
fn imports_follow_the_table() {
    let table = table();
    assert!(table.len() > 10, "the table of src/lib.rs was not found");
    let mut faults = Vec::new();
    for (file, text) in rust_sources() {
        let Some((room, _)) = file.split_once('/') else { continue };
        let may = table.get(room).unwrap_or_else(|| panic!("src/lib.rs has no row for the room `{room}`"));
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for (at, _) in code.match_indices("crate::") {
                let rest = &code[at + "crate::".len()..];
                let other: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                let open = matches!(other.as_str(), "ids" | "clock" | "");
                if !open && other != room && !may.contains(&other) {
                    faults.push(format!("src/{file}:{}: {room} imports {other}", number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "not in the table of src/lib.rs:\n{}", faults.join("\n"));
}

/// A reader sees a whole room: no source file grows beyond 600 lines.
#[test]
fn files_stay_small() {
    let long: Vec<String> = rust_sources()
        .into_iter()
        .filter(|(_, text)| text.lines().count() > 600)
        .map(|(file, text)| format!("src/{file}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "split these:\n{}", long.join("\n"));
}

/// Every source file opens by saying what it is for.
#[test]
fn files_say_what_they_are_for() {
    let silent: Vec<String> =
        rust_sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(file, _)| file).collect();
    assert!(silent.is_empty(), "without an opening `//!`: {silent:?}");
}

/// No path of one machine, and nothing that lies outside the checkout, is named in a tracked text file.
#[test]
fn no_machine_paths() {
    let words = [["/wo", "rk/"].concat(), ["/fa", "rm/"].concat(), ["../sha", "red"].concat(), ["/ro", "ot/"].concat()];
    let mut files = Vec::new();
    files_below(root(), &mut files);
    let mut faults = Vec::new();
    for path in files {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for word in &words {
            if text.contains(word.as_str()) {
                faults.push(format!("{}: {word}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Time, chance and sockets are opened by name, and only in the shell rooms.
#[test]
fn pure_rooms_stay_pure() {
    let pure = ["sip", "sdp", "trunk", "dialplan", "dispatch", "call", "france"];
    let words = ["std::thread", "std::net::UdpSocket", "std::fs", "SystemTime", "std::time::Instant", "Mutex", "tokio"];
    let mut faults = Vec::new();
    for (file, text) in rust_sources() {
        let room = file.split('/').next().unwrap_or_default();
        if !pure.contains(&room) {
            continue;
        }
        // Tests may read files; the product's code above them may not.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let test_file = file.contains("test") || file.contains("simulation") || file.contains("scenario");
        for word in words {
            if code.contains(word) && !test_file {
                faults.push(format!("src/{file}: {word}"));
            }
        }
    }
    assert!(faults.is_empty(), "pure rooms must stay pure:\n{}", faults.join("\n"));
}

/// A telephone number leaves its type by one word, and only where a number must be dialled, matched or kept.
#[test]
fn numbers_are_revealed_in_few_places() {
    let allowed =
        ["ids.rs", "france/", "trunk/", "node/numbers.rs", "store/", "sip/", "node/phone.rs", "node/wakes.rs"];
    let faults: Vec<String> = rust_sources()
        .into_iter()
        .filter(|(file, _)| !allowed.iter().any(|place| file.starts_with(place)) && !file.contains("/tests/"))
        .filter(|(_, text)| text.split("#[cfg(test)]").next().unwrap_or_default().contains(".reveal()"))
        .map(|(file, _)| file)
        .collect();
    assert!(faults.is_empty(), "`.reveal()` outside its places: {faults:?}");
}

/// The pages for staff that are made from the code stand in the repository as the code would make them now.
/// `ECOUTE_BLESS=1` writes them anew.
#[test]
fn generated_pages_are_current() {
    let pages = [
        ("deploy/metrics.md", ecoute::ops::catalogue_markdown()),
        ("deploy/limits.md", ecoute::sip::limits_markdown()),
        ("deploy/settings.md", ecoute::config::reference_markdown()),
        ("deploy/trunks/README.md", ecoute::config::trunks_markdown()),
        ("config/ecoute.sample.toml", ecoute::config::sample()),
    ];
    for (path, wanted) in pages {
        let path = root().join(path);
        let wanted = format!("{}\n", wanted.trim_end());
        if std::env::var_os("ECOUTE_BLESS").is_some() {
            fs::write(&path, &wanted).expect("a page can be written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        let name = path.display();
        assert!(found == wanted, "{name} is out of date: run the tests with ECOUTE_BLESS=1 and look at what changed");
    }
}

/// Every verb of the dialplan is explained to staff in both languages, and every metric has words and advice.
#[test]
fn every_verb_and_metric_is_documented() {
    for language in ["fr", "en"] {
        let page = ecoute::dialplan::staff_reference(language);
        for verb in ["play", "menu", "ask", "when", "locate", "dispatch", "hangup"] {
            assert!(page.contains(&format!("`{verb}`")), "{language}: {verb}");
        }
    }
    let metrics = ecoute::ops::catalogue();
    assert!(metrics.len() > 40);
    for metric in metrics {
        assert!(metric.help.len() > 10 && metric.act.len() > 10, "{}", metric.name);
    }
}
