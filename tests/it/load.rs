//! Many callers at once, by SIPp, with sound: everybody is answered and joined to a listener, no listener is rung twice at
//! once, nobody hears a stranger, and nothing is left behind. Then more callers than there is room for.
//!
//! `ECOUTE_LOAD_SECONDS` sets for how long new callers come (10; the full run is 60), `ECOUTE_LOAD_RATE` how many a second.
//! `tests/load/run` runs the full one and shows the figures.
#![expect(clippy::disallowed_methods, reason = "what is measured here is real time, on real sockets")]
#![expect(clippy::panic, reason = "a helper that cannot go on says why")]

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use ecoute::call::record::{AttemptOutcome, Record};
use ecoute::store::Reader;
use md5::Digest as _;

use super::engine::{Engine, PASSWORD, own_address, pause, repository, wait_until};

mod sipp;
pub mod sound;

use sipp::Sipp;
use sound::Sound;

/// SIPp's port, for callers and for listeners.
const PORT: u16 = 5080;
/// Where callers and listeners receive sound; the scenarios name them.
pub const CALLER_SOUND: u16 = 40_000;
pub const LISTENER_SOUND: u16 = 41_000;
const LISTENERS: usize = 50;
/// The longest timer of RFC 3261 (H, J, L: 32 s), and some time to look.
const TIMERS_OVER: Duration = Duration::from_secs(45);

/// Thirty new callers a second to fifty listeners, a little more than these can serve: each caller is answered, waits where
/// she must, and is joined to one listener who was rung for her alone; sound goes both ways and never to a stranger; there is
/// one record for each call, and afterwards every gauge is back at 0.
#[test]
fn thirty_calls_a_second() {
    let (rate, seconds) = (number("ECOUTE_LOAD_RATE", 30), number("ECOUTE_LOAD_SECONDS", 10));
    let calls = rate * seconds;
    let house = House::new("load", &plan("plan"));
    let listeners = house.listeners();
    let sound = Sound::start(house.callers, house.listeners);
    let before = Process::of(&house.engine);
    let began = Instant::now();
    let mut callers = house.callers(&Load { calls, rate });
    let mut peak = Peak::default();
    // Ten times as long as it takes: on a busy machine slow is not wrong.
    while callers.is_running(Duration::from_secs(60 + 10 * seconds as u64)) {
        peak.look(&house.engine);
        pause(Duration::from_millis(200));
    }
    let took = began.elapsed();
    let after = Process::of(&house.engine);
    assert_eq!(callers.status(), Some(0), "SIPp saw a call fail: {}", callers.words());
    let caller_log = callers.log();
    wait_until("the listeners have hung up", TIMERS_OVER, || house.engine.metric("ecoute_calls_active") == 0.0);
    pause(Duration::from_millis(500));
    let listener_log = listeners.log();
    let heard = sound.stop();

    assert_eq!(count(&caller_log, "OK "), calls, "every caller is answered");
    assert_eq!(count(&caller_log, "BYE "), calls, "every caller is led to the end");
    assert_eq!(count(&caller_log, "503 "), 0, "nobody is refused");
    assert_eq!(count(&listener_log, "INV "), calls, "a listener is rung once for each caller");
    assert_eq!(twice_at_once(&on_the_wire(&listener_log)), Vec::<String>::new(), "seen by the listeners");

    wait_until("the records are written", TIMERS_OVER, || {
        house.engine.metric("ecoute_store_records_total") >= calls as f64
    });
    let records = Reader::open(&house.engine.dir.join("var")).and_then(|r| r.records(10_000, None)).expect("the store");
    assert_eq!(records.len(), calls, "one record for each call");
    let joined = |record: &&Record| record.bridged_ms.is_some() && record.attempts.len() == 1;
    assert_eq!(records.iter().filter(joined).count(), calls, "one listener, once, for each caller");
    assert_eq!(twice_at_once(&in_the_records(&records)), Vec::<String>::new(), "seen by the records");
    let pages = ["store_duplicates", "store_lost", "one_way_audio", "log_masked"];
    for page in pages {
        assert_eq!(house.engine.metric(&format!("ecoute_{page}_total")), 0.0, "{page}");
    }

    assert_eq!(heard.foreign, 0, "somebody heard a stranger");
    assert_eq!(heard.two_way, calls, "each caller hears her own words come back from her listener: {heard:?}");
    house.all_at_zero();

    let cpu = (after.cpu_s - before.cpu_s) / took.as_secs_f64() * 100.0;
    let waited = records.iter().filter(|record| waited_ms(record) > 100).count();
    println!("{calls} calls, {rate}/s: 0 failed, {waited} waited first; {took:.1?} in all");
    println!("  INVITE to 200                     {}", percentiles(set_up_ms(&caller_log)));
    println!("  choice to the listener's INVITE   {} of {calls} within 2 ms", house.within("ring_sent", "0.002"));
    println!(
        "  wait for a free listener          {}",
        percentiles(records.iter().map(|r| waited_ms(r) as f64).collect())
    );
    println!(
        "  engine's processor time           {cpu:.1} % of a core, {:.2} ms a call",
        cpu * 10.0 * took.as_secs_f64() / calls as f64
    );
    println!(
        "  memory, MB                        {:.1} before, {:.1} at its end",
        before.resident_mb, after.resident_mb
    );
    println!(
        "  at once                           {} calls, {} waiting, {} transactions",
        peak.calls, peak.waiting, peak.transactions
    );
    println!(
        "  sound: {} streams, {} packets to callers, {} missing, longest gap {} ms",
        heard.streams, heard.packets, heard.missing, heard.gap_ms
    );
}

/// With a free listener and nothing to say first, the listener's phone hears of the caller at once.
#[test]
fn a_free_listener_rings_at_once() {
    let at_once = plan("plan").replace("start     = \"welcome\"", "start     = \"listener\"");
    let at_once = cut(&at_once, "[step.welcome]", "[step.listener]");
    let house = House::new("at-once", &at_once);
    let listeners = house.listeners();
    let sound = Sound::start(house.callers, house.listeners);
    let calls = 60;
    let mut callers = house.callers(&Load { calls, rate: 15 });
    while callers.is_running(Duration::from_secs(60)) {
        pause(Duration::from_millis(50));
    }
    assert_eq!(callers.status(), Some(0), "SIPp saw a call fail: {}", callers.words());
    drop(sound);
    // The calls come 67 ms apart and there are more listeners than calls: the nth ring is the nth caller's.
    let began = moments(&callers.log(), "INV ");
    let rang = moments(&listeners.log(), "INV ");
    assert_eq!((began.len(), rang.len()), (calls, calls));
    let mut after: Vec<f64> = began.iter().zip(&rang).map(|(began, rang)| (rang - began) as f64 / 1000.0).collect();
    after.sort_by(f64::total_cmp);
    println!("INVITE to the listener's INVITE: {}", percentiles(after.clone()));
    // Not before the caller is heard, which takes her 20 ms; and well before the 300 ms after which nobody waits for that.
    assert!(after[calls / 2] < 250.0, "half of the callers wait too long for the first ring: {after:?}");
}

/// Four times as many callers as there is room for: the rest hear 503 and when to try again, nothing grows, those inside are
/// served to the end, and when it is over the next caller is answered as if nothing had been.
#[test]
fn more_callers_than_room() {
    let room = 50;
    let house = House::with("overload", &plan("short"), |setup| setup.set("sip.limits.calls_max", &room.to_string()));
    let calls = 1000;
    let before = Process::of(&house.engine);
    let mut callers = house.callers(&Load { calls, rate: 200 });
    let mut peak = Peak::default();
    while callers.is_running(Duration::from_secs(120)) {
        peak.look(&house.engine);
        pause(Duration::from_millis(100));
    }
    assert_eq!(callers.status(), Some(0), "SIPp saw a call fail: {}", callers.words());
    let log = callers.log();
    let (answered, refused) = (count(&log, "OK "), count(&log, "503 "));
    assert_eq!(answered + refused, calls, "each caller is answered or told to try again");
    assert_eq!(count(&log, "BYE "), answered, "those who were answered are led to the end");
    assert!(answered >= room && refused > 0, "{answered} answered, {refused} refused");
    let later = log.lines().filter(|line| line.starts_with("503 ")).filter(|line| line.split(' ').nth(2) != Some(""));
    assert_eq!(later.count(), refused, "each 503 says when to try again");
    assert!(peak.calls <= room, "{} calls at once, of {room} allowed", peak.calls);
    let after = Process::of(&house.engine);
    let grown = after.resident_mb - before.resident_mb;
    assert!(grown < 24.0, "memory grew by {grown:.1} MB");
    house.all_at_zero();
    let mut next = house.callers(&Load { calls: 1, rate: 1 });
    while next.is_running(Duration::from_secs(60)) {
        pause(Duration::from_millis(50));
    }
    assert_eq!((next.status(), count(&next.log(), "OK ")), (Some(0), 1), "the next caller is answered");
    println!(
        "{calls} calls, 200/s, room for {room}: {answered} answered, {refused} told to try again, memory +{grown:.1} MB"
    );
    println!("  INVITE to 200 of those answered   {}", percentiles(set_up_ms(&log)));
}

/// The judges see what they are there for: a listener with two callers at once, on the wire and in the records.
#[test]
fn the_judges_see_a_listener_rung_twice() {
    let good =
        "INV l01 10.0 0.0\nINV l02 10.0 5.0\nEND l01 11.0 0.0\nINV l01 11.0 1.0\nEND l02 12.0 0.0\nEND l01 12.0 0.0\n";
    assert_eq!(twice_at_once(&on_the_wire(good)), Vec::<String>::new());
    let bad = "INV l01 10.0 0.0\nINV l01 10.0 900.0\nEND l01 11.0 0.0\n";
    assert_eq!(twice_at_once(&on_the_wire(bad)).len(), 1);
    let taken = |from, to| ("l01".to_owned(), from, to);
    assert_eq!(twice_at_once(&[taken(5, 9), taken(1, 5)]).len(), 0);
    assert_eq!(twice_at_once(&[taken(4, 9), taken(1, 5)]).len(), 1);
}

// ---- the house ---------------------------------------------------------------------------------------------------

/// An engine, and addresses for callers and listeners.
struct House {
    engine: Engine,
    callers: IpAddr,
    listeners: IpAddr,
}

/// How many callers.
struct Load {
    calls: usize,
    rate: usize,
}

impl House {
    fn new(name: &str, plan: &str) -> House {
        House::with(name, plan, |setup| setup)
    }

    fn with(name: &str, plan: &str, change: impl FnOnce(super::engine::Setup) -> super::engine::Setup) -> House {
        let engine = Engine::with(name, |setup| {
            let roomy = setup.set("sip.limits.calls_max", "1000").set("media.ports", "\"20000-29999\"");
            change(roomy.plan(plan).listeners(&accounts()))
        });
        House { engine, callers: own_address(), listeners: own_address() }
    }

    /// All listeners registered, each with digest, and their phones on.
    fn listeners(&self) -> Sipp {
        let mut lines = "SEQUENTIAL\n".to_owned();
        for nth in 1..=LISTENERS {
            lines += &format!("l{nth:02};[authentication username=l{nth:02} password={PASSWORD}]\n");
        }
        fs::write(self.engine.dir.join("accounts.csv"), lines).expect("a file");
        let all = LISTENERS.to_string();
        let arguments = ["-inf", "accounts.csv", "-m", &all, "-r", "100", "-timeout", "30"];
        let mut register = Sipp::start(&self.engine, "register", self.listeners, &arguments);
        while register.is_running(Duration::from_secs(40)) {
            pause(Duration::from_millis(20));
        }
        assert_eq!(register.status(), Some(0), "not all listeners could register: {}", register.words());
        wait_until("all listeners are registered", TIMERS_OVER, || {
            self.engine.metric("ecoute_registrations") == LISTENERS as f64
        });
        let phones = Sipp::start(&self.engine, "listener", self.listeners, &[]);
        wait_until("the listeners' phones are on", TIMERS_OVER, || UdpSocket::bind((self.listeners, PORT)).is_err());
        phones
    }

    fn callers(&self, load: &Load) -> Sipp {
        let (calls, rate) = (load.calls.to_string(), load.rate.to_string());
        let arguments = ["-s", "3977", "-m", &calls, "-r", &rate, "-l", "5000"];
        Sipp::start(&self.engine, "caller", self.callers, &arguments)
    }

    /// Once the last timer has run, nothing is left of any call, at any place that counts.
    fn all_at_zero(&self) {
        let gauges = [
            "calls_active",
            "legs_active",
            "queue_callers",
            "reservations",
            "media_streams",
            "media_ports{state=\"used\"",
            "sip_transactions",
            "sip_dialogs",
        ];
        for gauge in gauges {
            let zero = || self.engine.metric(&format!("ecoute_{gauge}")) == 0.0;
            wait_until(&format!("{gauge} is back at 0"), TIMERS_OVER, zero);
        }
    }

    fn within(&self, histogram: &str, bound: &str) -> f64 {
        self.engine.metric(&format!("ecoute_{histogram}_seconds_bucket{{le=\"{bound}\""))
    }
}

/// Fifty accounts that know their password only as SIPp can show it: as an MD5 digest.
fn accounts() -> String {
    let mut text = "timezone = \"Europe/Paris\"\n\n[centre.c]\nname = \"Centre\"\ndepartments = [\"38\"]\n".to_owned();
    for nth in 1..=LISTENERS {
        let account = format!("l{nth:02}");
        let digest = md5::Md5::digest(format!("{account}:ecoute:{PASSWORD}"));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("\n[listener.{account}]\nname = \"{account}\"\ncentre = \"c\"\ncharter = true\n");
        text += &format!("ha1_md5 = \"{digest}\"\n");
    }
    text
}

fn plan(name: &str) -> String {
    fs::read_to_string(scenarios().join(format!("{name}.toml"))).expect("a plan of the load test")
}

fn scenarios() -> std::path::PathBuf {
    repository().join("tests/load")
}

/// `text` without what stands from `from` up to `to`.
fn cut(text: &str, from: &str, to: &str) -> String {
    let (before, rest) = text.split_once(from).expect("the beginning of a step");
    let (_, after) = rest.split_once(to).expect("the beginning of the next step");
    format!("{before}{to}{after}")
}

fn number(variable: &str, default: usize) -> usize {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")),
        Err(_) => default,
    }
}

// ---- what SIPp has written ----------------------------------------------------------------------------------------

fn count(log: &str, word: &str) -> usize {
    log.lines().filter(|line| line.starts_with(word)).count()
}

/// SIPp writes numbers as fractions: seconds and microseconds, here in microseconds.
fn moment(fields: &[&str]) -> u64 {
    let field = |nth: usize| fields.get(nth).and_then(|text| text.parse::<f64>().ok()).expect("a time") as u64;
    field(0) * 1_000_000 + field(1)
}

fn moments(log: &str, word: &str) -> Vec<u64> {
    let times = log.lines().filter(|line| line.starts_with(word));
    let mut times: Vec<u64> = times.map(|line| moment(&line.split(' ').collect::<Vec<_>>()[2..])).collect();
    times.sort_unstable();
    times
}

fn set_up_ms(log: &str) -> Vec<f64> {
    let mut began = BTreeMap::new();
    let mut spans = Vec::new();
    for line in log.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        match fields[0] {
            "INV" => drop(began.insert(fields[1].to_owned(), moment(&fields[2..]))),
            "OK" => spans.push((moment(&fields[2..]) - began[fields[1]]) as f64 / 1000.0),
            _ => {}
        }
    }
    spans
}

fn percentiles(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get(((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1)));
    let [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1.0].map(|share| at(share).copied().unwrap_or_default());
    format!("p50 {p50:.1}  p90 {p90:.1}  p99 {p99:.1}  max {max:.1} ms")
}

// ---- who was rung when -------------------------------------------------------------------------------------------

/// A listener's time taken up by one caller: from, to, in microseconds.
type Taken = (String, u64, u64);

fn on_the_wire(log: &str) -> Vec<Taken> {
    let mut open: BTreeMap<String, u64> = BTreeMap::new();
    let mut taken = Vec::new();
    for line in log.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let at = moment(&fields[2..]);
        let listener = fields[1].to_owned();
        let before = match fields[0] {
            "INV" => open.insert(listener.clone(), at),
            _ => open.remove(&listener),
        };
        match (fields[0], before) {
            // A second ring while the first goes on: both stand in the list, and overlap.
            ("INV", Some(from)) => taken.push((listener, from, at + 1)),
            ("END", Some(from)) => taken.push((listener, from, at)),
            _ => {}
        }
    }
    taken
}

/// From the choice to the end of the conversation. The record counts in milliseconds, so its edges are blunt by one.
fn in_the_records(records: &[Record]) -> Vec<Taken> {
    let mut taken = Vec::new();
    for record in records {
        let began = record.began.as_unix_millis() as u64;
        for attempt in &record.attempts {
            let until = match (attempt.outcome, record.bridged_ms) {
                (AttemptOutcome::Answered, Some(bridged_ms)) => bridged_ms + record.talked_ms,
                _ => attempt.ended_ms,
            };
            let (from, to) = (began + attempt.chosen_ms + 1, (began + until).saturating_sub(2));
            taken.push((attempt.listener.as_str().to_owned(), from * 1000, to * 1000));
        }
    }
    taken
}

fn twice_at_once(taken: &[Taken]) -> Vec<String> {
    let mut sorted = taken.to_vec();
    sorted.sort();
    let pairs = sorted.windows(2).filter(|pair| pair[0].0 == pair[1].0 && pair[1].1 < pair[0].2);
    pairs.map(|pair| format!("{}: {}-{} and {}-{}", pair[0].0, pair[0].1, pair[0].2, pair[1].1, pair[1].2)).collect()
}

fn waited_ms(record: &Record) -> u64 {
    let chosen = record.attempts.first().map_or(0, |attempt| attempt.chosen_ms);
    chosen.saturating_sub(record.queued_ms.unwrap_or(chosen))
}

// ---- the engine's process ----------------------------------------------------------------------------------------

struct Process {
    cpu_s: f64,
    resident_mb: f64,
}

impl Process {
    fn of(engine: &Engine) -> Process {
        Process {
            cpu_s: engine.metric("ecoute_process_cpu_seconds"),
            resident_mb: engine.metric("ecoute_process_resident_bytes") / 1e6,
        }
    }
}

#[derive(Default)]
struct Peak {
    calls: usize,
    waiting: usize,
    transactions: usize,
}

impl Peak {
    fn look(&mut self, engine: &Engine) {
        let level = |name: &str| engine.metric(&format!("ecoute_{name}")) as usize;
        self.calls = self.calls.max(level("calls_active"));
        self.waiting = self.waiting.max(level("queue_callers"));
        self.transactions = self.transactions.max(level("sip_transactions"));
    }
}
