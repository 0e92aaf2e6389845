//! The engine besieged: fifty conversations go on while one address floods it and intruders look for accounts. On its own,
//! because it takes all the machine has; `make test` runs it after the others.
#![expect(clippy::disallowed_methods, reason = "strangers on the real machine, on its clock")]
#![expect(clippy::panic, reason = "a siege that cannot begin says why")]

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::engine::{Engine, PASSWORD, own_address, repository, wait_until};
use super::load::sound::Sound;
use super::peers::crowd::{count, names};
use super::peers::{House, accounts};

mod flood;

use flood::Flood;

/// An address that no telephone and no trunk of these tests has.
const STRANGER: &str = "127.255.0.21";
const CALLS: usize = 50;
/// Ten times what it takes.
const PATIENT: Duration = Duration::from_secs(120);
/// Resident memory may grow by so much.
const GROWTH_MB: f64 = 24.0;

/// Ten thousand datagrams a second from one address (noise, halves, REGISTER, INVITE and OPTIONS of strangers), sipvicious under
/// its own name and under another, with the accounts' names and, late in its list, the right password; and fifty conversations.
/// Every one of these is heard both ways by the right two, half of them end by the caller's BYE and half by the listener's while
/// the flood goes on, no account is found, hardly a datagram is answered, and memory stays what it was.
#[test]
fn b135_p182_fifty_calls_under_siege() {
    let names = names(CALLS);
    let listeners = accounts(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let own = own_address().to_string();
    let network = own.split('.').take(2).collect::<Vec<_>>().join(".");
    let house = House::with("siege", |setup| {
        setup.listeners(&listeners).set("sip.trusted_peers", &format!("[\"{network}.0.0/16\"]"))
    });
    let engine = &house.engine;
    let _phones = house.crowd_of_listeners(&names, "siege_listener", PATIENT);
    let sound = Sound::start(house.callers, house.listeners);
    let mut staying = house.crowd_of_callers("crowd_caller", CALLS / 2, 20, &[]);
    let mut leaving = house.crowd_of_callers("siege_leaver", CALLS / 2, 20, &["-d", "11000"]);
    wait_until("all talk", PATIENT, || count(&staying, "ANSWERED") + count(&leaving, "ANSWERED") == CALLS);
    let calm = Use::while_(engine, Duration::from_secs(2));

    let before = (Use::of(engine), resident_mb(engine), Instant::now());
    let flood = Flood::start(STRANGER.parse().expect("an address"), engine.sip);
    let decoys: Vec<String> = names.iter().map(|name| name.replace('l', "m")).collect();
    let intruders = intruders(engine, &names, &decoys);
    staying.finish_within(PATIENT);
    leaving.finish_within(PATIENT);
    let calls_s = before.2.elapsed().as_secs_f64();
    let sent = flood.stop();
    let used = Use::of(engine).since(&before.0);
    let said = intruders.join().expect("the intruders come back");
    let after_mb = resident_mb(engine);
    wait_until("all calls are recorded", PATIENT, || engine.records().len() == CALLS);
    engine.quiet();
    let heard = sound.stop();

    let rate = sent.datagrams as f64 / sent.took.as_secs_f64();
    println!(
        "{} datagrams, {rate:.0} a second for {:.1} s; {} answers",
        sent.datagrams,
        sent.took.as_secs_f64(),
        sent.answers
    );
    let beyond = |used: f64, calm: f64| (used - calm * calls_s).max(0.0);
    let (user, system) = (beyond(used.user_s, calm.user_s), beyond(used.system_s, calm.system_s));
    println!(
        "  processor time {:.2} s user, {:.2} s system in {calls_s:.1} s; a second of calm: {:.2} s, {:.2} s",
        used.user_s, used.system_s, calm.user_s, calm.system_s
    );
    println!(
        "  processor time beyond the calls' own: {user:.2} s user, {system:.2} s system; {:.1} µs a datagram, {:.0} % of a core",
        (user + system) * 1e6 / sent.datagrams as f64,
        (user + system) / sent.took.as_secs_f64() * 100.0
    );
    println!("  resident memory {:.1} MB before, {after_mb:.1} MB after; sound {heard:?}", before.1);
    assert_eq!((count(&staying, "OVER"), count(&leaving, "OVER")), (CALLS / 2, CALLS / 2));
    assert_eq!(heard.two_way, CALLS, "each caller hears her own words come back: {heard:?}");
    assert_eq!(heard.foreign, 0, "somebody heard a stranger");
    let records = engine.records();
    let ended = |by: &str| records.iter().filter(|record| record["termination"]["by"] == by).count();
    assert_eq!((ended("caller"), ended("listener")), (CALLS / 2, CALLS / 2));
    for output in &said {
        println!("{output}");
        assert!(!output.contains(PASSWORD), "a password was found:\n{output}");
        // A tool that lists everybody has found nobody.
        let listed = |names: &[String]| names.iter().filter(|name| output.contains(&format!("| {name} "))).count();
        let (known, unknown) = (listed(&names), listed(&decoys));
        assert!(known <= unknown + 2, "{known} accounts and {unknown} others were found:\n{output}");
    }
    assert_eq!(engine.metric("ecoute_bindings"), CALLS as f64, "somebody else has registered");
    assert!(engine.metric("ecoute_sip_bans_made_total") >= 1.0, "nobody was banned");
    assert!(sent.answers < sent.datagrams / 10 && sent.answered_bytes < sent.bytes / 5, "{sent:?}");
    assert!(after_mb - before.1 < GROWTH_MB, "memory grew from {:.1} to {after_mb:.1} MB", before.1);
}

// ---- intruders ---------------------------------------------------------------------------------------------------

/// sipvicious, one tool after the other; what each of them said.
fn intruders(engine: &Engine, accounts: &[String], decoys: &[String]) -> JoinHandle<Vec<String>> {
    let mut words: Vec<String> = (0..200).map(|nth| format!("wrong-word-{nth}")).collect();
    words.push(PASSWORD.to_owned());
    fs::write(engine.dir.join("words"), words.join("\n") + "\n").expect("a file");
    let mixed: Vec<String> =
        accounts.iter().zip(decoys).map(|(account, decoy)| format!("{account}\n{decoy}\n")).collect();
    fs::write(engine.dir.join("names"), mixed.concat()).expect("a file");
    let first = accounts.first().cloned().unwrap_or_default();
    let (dir, ip, port) = (engine.dir.clone(), engine.ip(), engine.sip.port().to_string());
    std::thread::spawn(move || {
        let run = |disguised, tool: &str, more: &[&str]| sipvicious(&dir, ip, &port, disguised, tool, more);
        vec![
            run(true, "svmap", &[]),
            run(true, "svwar", &["-m", "REGISTER", "-d", "names", "--force", "--maximumtime=3"]),
            run(true, "svwar", &["-m", "INVITE", "-d", "names", "--maximumtime=3"]),
            run(true, "svcrack", &["-u", &first, "-d", "words", "--maximumtime=3"]),
            run(false, "svmap", &[]),
            run(false, "svwar", &["-m", "OPTIONS", "-d", "names", "--maximumtime=3"]),
        ]
    })
}

fn sipvicious(dir: &Path, to: IpAddr, port: &str, disguised: bool, tool: &str, more: &[&str]) -> String {
    let mut command = if disguised {
        let mut python = Command::new("python3");
        python.arg(repository().join("tests/it/siege/intruder.py")).arg(tool);
        python
    } else {
        Command::new(tool)
    };
    command.args(["-p", port]).args(more).arg(to.to_string());
    // They leave notes in their home.
    command.env("HOME", dir).current_dir(dir).stdin(Stdio::null());
    let output =
        command.output().unwrap_or_else(|fault| panic!("sipvicious cannot be started ({fault}): run `make peers`"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(!said.contains("Traceback") && !said.contains("ModuleNotFound"), "{tool} did not run:\n{said}");
    let name = if disguised { "under another name" } else { "under its own name" };
    format!("{tool} {name}: {}", said.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n    "))
}

// ---- measures ----------------------------------------------------------------------------------------------------

/// Processor time of the engine.
struct Use {
    user_s: f64,
    system_s: f64,
}

impl Use {
    fn of(engine: &Engine) -> Use {
        /// What Linux counts processor time in, on every machine.
        const TICKS: f64 = 100.0;
        let stat = fs::read_to_string(format!("/proc/{}/stat", engine.pid())).expect("the engine runs");
        // The name of the program, in brackets, may hold spaces.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |nth: usize| fields.get(nth).and_then(|text| text.parse::<f64>().ok()).expect("a number");
        Use { user_s: ticks(11) / TICKS, system_s: ticks(12) / TICKS }
    }

    fn since(&self, before: &Use) -> Use {
        Use { user_s: self.user_s - before.user_s, system_s: self.system_s - before.system_s }
    }

    /// A second's use, looked at for a while.
    fn while_(engine: &Engine, span: Duration) -> Use {
        let (before, began) = (Use::of(engine), Instant::now());
        super::engine::pause(span);
        let (used, seconds) = (Use::of(engine).since(&before), began.elapsed().as_secs_f64());
        Use { user_s: used.user_s / seconds, system_s: used.system_s / seconds }
    }
}

fn resident_mb(engine: &Engine) -> f64 {
    engine.metric("ecoute_process_resident_bytes") / 1e6
}
