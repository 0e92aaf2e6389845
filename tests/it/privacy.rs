//! What was said is nobody's business, and who called is the store's alone. A small day with numbers and names planted
//! wherever a SIP message can hold one; afterwards they are looked for in everything the product has written or shown.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ecoute::node::{PhoneAction, SystemClock};
use rusqlite::Connection;
use rustix::process::Signal;

use crate::engine::{Engine, SOON, pause};
use crate::softphones::Phone;
use crate::softphones::wire::{Wire, status};

/// Numbers that may be kept for their time, by the part that all ways of writing them share.
const KEPT: [&str; 5] = ["476112233", "476445566", "476334455", "476667788", "476102030"];
/// Numbers whose owners asked for privacy, and numbers of which no call came: they may be nowhere.
const NOWHERE: [&str; 7] = ["476778899", "476778800", "476223344", "476889900", "476990011", "476551122", "476661133"];
/// Names, none of which may be anywhere.
const NAMES: [&str; 6] = ["Planquart", "Quenelle", "Zingaro", "Wambrechies", "Ysambart", "Kerjean"];

/// The log for a person, at its most talkative.
#[test]
fn b147_p078_nothing_is_told_in_words() {
    a_day("words", "human");
}

/// The log for a machine, at its most talkative.
#[test]
fn b147_p078_nothing_is_told_in_json() {
    a_day("json", "json");
}

/// The search itself finds a number and a name however they are written.
#[test]
fn the_search_finds() {
    for planted in ["tel:+33476112233", "33476112233@host", "user=0476112233", "04 76 11 22 33", "04.76.11.22.33"] {
        assert_eq!(leaks("here", planted).len(), 1, "{planted}");
    }
    for planted in ["04-76-11-22-33", "04%2076%2011%2022%2033", "\"ODETTE PLANQUART\""] {
        assert_eq!(leaks("here", planted).len(), 1, "{planted}");
    }
    assert!(leaks("here", "call=6H11DQEFASXQA 1795576697314 3977 isere").is_empty());
}

fn a_day(name: &str, format: &str) {
    let mut engine = Engine::with(&format!("privacy-{name}"), |setup| {
        setup.set("log.format", &format!("\"{format}\"")).env("ECOUTE_LOG", "trace")
    });
    let calls = plant(&engine);
    assert_eq!(engine.post("/api/v1/reload"), 200);
    engine.quiet();
    engine.record(calls);

    let mut shown: Vec<(String, String)> = Vec::new();
    let mut pages: Vec<String> =
        ["/metrics", "/healthz", "/readyz", "/api/v1/status", "/api/v1/calls", "/api/v1/listeners"]
            .map(str::to_owned)
            .to_vec();
    for record in engine.records() {
        let call = record["call"].as_str().expect("a name");
        pages.push(format!("/api/v1/calls/{call}"));
        pages.push(format!("/api/v1/calls/{call}/explain?lang=fr"));
        pages.push(format!("/api/v1/calls/{call}/explain?lang=en"));
        let told = engine.command(&["explain", call]);
        shown.push((format!("explain {call}"), String::from_utf8_lossy(&told.stdout).into_owned()));
    }
    shown.extend(pages.into_iter().map(|page| (page.clone(), engine.get(&page).body)));
    for arguments in [&["explain"][..], &["status"], &["listener", "list"], &["listener", "show", "isere"]] {
        let told = engine.command(arguments);
        shown.push((arguments.join(" "), String::from_utf8_lossy(&told.stdout).into_owned()));
    }
    assert_eq!(engine.metric("ecoute_log_masked_total"), 0.0, "the last net had to hide a number");

    engine.signal(Signal::TERM);
    assert_eq!(engine.wait_ended(SOON).code(), Some(0));
    shown.push(("standard output".into(), engine.stdout()));
    shown.push(("standard error".into(), engine.stderr()));
    assert!(engine.stderr().contains("call began"), "the log is where it is looked for");
    let state = engine.dir.join("var");
    let kept = numbers_kept(&state);
    shown.extend(database_without_numbers(&state));
    for path in files(&state).into_iter().filter(|path| !is_database(path)) {
        let bytes = fs::read(&path).expect("a file of the product");
        shown.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
    }
    let faults: Vec<String> = shown.iter().flat_map(|(place, text)| leaks(place, text)).collect();
    assert!(faults.is_empty(), "told what nobody may know:\n{}", faults.join("\n"));

    // And what may be kept for its time is kept, in its one place.
    let allowed: BTreeSet<String> = KEPT.iter().map(|number| format!("+33{number}")).collect();
    let strangers: Vec<&String> = kept.difference(&allowed).collect();
    assert!(strangers.is_empty(), "kept though nobody may: {} numbers", strangers.len());
    assert!(
        kept.contains("+33476112233") && kept.contains("+33476445566"),
        "the callers' numbers are kept for their time"
    );
}

/// The day itself; returns how many records it must leave.
fn plant(engine: &Engine) -> usize {
    let clock = SystemClock::start();
    let mut wire = Wire::to(engine.sip);
    let here = format!("sip:3977@{}", engine.sip);
    let mut calls = 0;
    let mut invite = |uri: &str, wanted: u16, lines: &[&str]| {
        let answer = wire.invite(uri, lines);
        assert_eq!(status(&answer), wanted, "{answer}");
        calls += 1;
    };

    invite(&here, 200, &["From: \"Odette Planquart\" <sip:+33476112233@operator.example>;tag=a"]);
    let asserted = "P-Asserted-Identity: \"Odette Planquart\" <sip:+33476445566@operator.example>, <tel:+33476445566>";
    invite(&here, 200, &["From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=b", asserted]);
    let asserted = "P-Asserted-Identity: \"Ysambart\" <sip:+33476778899@operator.example>";
    let from = "From: \"Ysambart\" <sip:0476778800@operator.example>;tag=c";
    invite(&here, 200, &[from, asserted, "Privacy: id", "Remote-Party-ID: <sip:0476778899@operator.example>"]);
    invite(
        &here,
        200,
        &[
            "From: Quenelle <sip:0033476334455@operator.example;user=phone>;tag=d",
            "To: \"Odile Quenelle\" <sip:3977@operator.example>",
            "Subject: Zingaro 04 76 55 11 22",
            "History-Info: <sip:+33476551122@operator.example>;index=1",
            "Diversion: \"Zingaro\" <sip:+33476551122@operator.example>;reason=unconditional",
            "User-to-User: 0476551122;encoding=ascii",
            "User-Agent: Kerjean 0476551122",
            "P-Preferred-Identity: <tel:0476551122>",
        ],
    );
    let from = "From: \"04 76 66 77 88\" <sip:%2B33476667788@operator.example>;tag=e";
    invite(&format!("sip:3977;phone-context=+33476551122@{}", engine.sip), 200, &[from]);
    // Nobody answers this number; it stands in the Request-URI, in To and in From.
    let stranger = format!("sip:+33476223344@{}", engine.sip);
    let from = "From: \"Wambrechies\" <sip:+33476223344@operator.example>;tag=f";
    invite(&stranger, 404, &[from, "To: \"Wambrechies\" <sip:0476223344@operator.example>"]);
    let from = "From: \"Wambrechies\" <sip:+33476445566@operator.example>;tag=h";
    let refusal = wire.invite_offering(&here, &[from], "18");
    assert_eq!(status(&refusal), 488, "{refusal}");
    calls += 1;

    // Who cannot prove who he is, and what is no call at all.
    let digest = "Authorization: Digest username=\"0476889900\", realm=\"ecoute\", nonce=\"0476889900\", \
                  uri=\"sip:x\", response=\"00000000000000000000000000000000\"";
    let from = "From: \"Wambrechies\" <sip:0476889900@operator.example>;tag=g";
    let to = "To: \"Wambrechies\" <sip:0476889900@operator.example>";
    let contact = "Contact: \"Kerjean\" <sip:0476889900@127.0.0.1:9>";
    let registrar = format!("sip:{}", engine.sip);
    for lines in [&[from, to, contact][..], &[from, to, contact, digest]] {
        assert!((400..500).contains(&status(&wire.ask("REGISTER", &registrar, lines))));
    }
    for method in ["OPTIONS", "MESSAGE", "SUBSCRIBE", "REFER", "BYE", "INFO", "ZINGARO"] {
        let event = "Event: Zingaro-0476889900";
        wire.ask(method, &stranger, &[from, to, event, "Refer-To: <sip:0476889900@operator.example>"]);
    }
    wire.send("INVITE sip:0476990011@ Kerjean\r\nFrom: \"Kerjean\" <sip:0476990011>\r\n\r\n");
    wire.send("Kerjean 04 76 99 00 11\r\n\r\n");
    wire.send("SIP/2.0 200 Kerjean\r\nFrom: <sip:0476990011@x>\r\nCall-ID: 0476990011\r\nCSeq: 1 INVITE\r\n\r\n");

    // A whole conversation, keys and all; and one who gives up while the phone rings.
    let mut isere = Phone::listener(engine, clock, "isere", 440);
    let mut caller = Phone::caller(engine, clock, "0476102030", 1000);
    crate::softphones::join(&mut caller, 1000, &mut isere, 440);
    caller.act(PhoneAction::Press("0476661133".into()));
    pause(Duration::from_secs(3));
    caller.act(PhoneAction::Hangup);
    isere.wait_over();
    calls + 1
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// Every planted word in `text`, in any of the ways in which a number is written.
fn leaks(place: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for number in KEPT.into_iter().chain(NOWHERE) {
        let pairs: Vec<&str> = [&number[1..3], &number[3..5], &number[5..7], &number[7..9]].to_vec();
        let forms = [number.to_owned(), pairs.join(" "), pairs.join("."), pairs.join("-"), pairs.join("%20")];
        faults.extend(forms.iter().filter_map(|form| around(place, text, form)));
    }
    faults.extend(NAMES.iter().filter_map(|name| around(place, &text.to_lowercase(), &name.to_lowercase())));
    faults
}

fn around(place: &str, text: &str, word: &str) -> Option<String> {
    let at = text.find(word)?;
    let line = text[..at].rfind('\n').map_or(0, |start| start + 1);
    let shown: String = text[line..].lines().next().unwrap_or_default().chars().take(300).collect();
    Some(format!("{place}: {word} in: {shown}"))
}

fn numbers_kept(state: &Path) -> BTreeSet<String> {
    let db = Connection::open(state.join("ecoute.db")).expect("the database");
    let mut all = db.prepare("SELECT number FROM caller_numbers").expect("the table of numbers");
    let rows = all.query_map([], |row| row.get::<_, String>(0)).expect("numbers");
    rows.map(|number| number.expect("a number")).collect()
}

/// The database's bytes, once the one table that may hold numbers has been emptied in a copy.
fn database_without_numbers(state: &Path) -> Vec<(String, String)> {
    let copy = state.with_file_name("copy");
    fs::create_dir_all(&copy).expect("a folder");
    for path in files(state).into_iter().filter(|path| is_database(path)) {
        fs::copy(&path, copy.join(path.file_name().expect("a name"))).expect("a copy");
    }
    let db = Connection::open(copy.join("ecoute.db")).expect("the copy");
    db.execute_batch("DELETE FROM caller_numbers; PRAGMA journal_mode = DELETE; VACUUM;").expect("emptied");
    drop(db);
    let text = |path: &PathBuf| String::from_utf8_lossy(&fs::read(path).expect("the copy")).into_owned();
    files(&copy).iter().map(|path| (format!("{} without caller_numbers", path.display()), text(path))).collect()
}

fn is_database(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ecoute.db"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
