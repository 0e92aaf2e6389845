//! What goes wrong around the engine: taken ports, broken files, floods, a full disk, its own violent death. Each gives a
//! sentence that says what to do and the right status, and harms no call that runs.
#![expect(clippy::disallowed_methods, reason = "ports are taken and processes waited for on the real machine")]
#![expect(clippy::print_stdout, reason = "the sentences are shown beside the test that failed")]

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use ecoute::node::{PhoneAction, PhoneEvent, SystemClock};
use ecoute::ops::client;
use rustix::process::Signal;

use super::engine::{Engine, SOON, Setup, command, free_port, own_address, pause, repository, wait_until};
use super::softphones::Phone;
use super::wire::raw::{Got, OFFER, Peer};

const CALLER_HZ: u16 = 1000;
const LISTENER_HZ: u16 = 440;

/// Everything that keeps an engine from starting is told in one sentence, with the setting or the file and the step, and
/// exit status 2; `ecoute check` says the same of files. A conversation in the engine beside it goes on all the while.
#[test]
fn an_engine_that_cannot_start_says_why() {
    let mut talk = Conversation::start("starting", |setup| setup);
    let engine = &talk.engine;
    let faults = [
        attempt(
            engine,
            "sip-port",
            |_, text| with(&text, "sip.listen", &engine.sip.to_string()),
            &["sip.listen", &engine.sip.to_string()],
        ),
        attempt(
            engine,
            "ops-port",
            |_, text| with(&text, "ops.listen", &engine.ops.to_string()),
            &["ops.listen", &engine.ops.to_string()],
        ),
        attempt(
            engine,
            "same-state",
            |_, text| with(&text, "state_dir", &engine.dir.join("var").display().to_string()),
            &["in use by another `ecoute`", "state_dir"],
        ),
        attempt(
            engine,
            "no-state",
            |dir, text| with(&text, "state_dir", &dir.join("plan.toml/var").display().to_string()),
            &["state directory", "plan.toml/var"],
        ),
        attempt(
            engine,
            "unknown-key",
            |_, text| format!("sip.lisen = \"127.0.0.1:5060\"\n{text}"),
            &["ecoute.toml:1", "sip.lisen", "listen`"],
        ),
        attempt(engine, "bad-value", |_, text| with(&text, "media.ports", "many"), &["ecoute.toml:", "media.ports"]),
    ];
    let files = [
        attempt_file(engine, "no-listeners", |dir| remove(dir, "listeners.toml"), &["listeners.toml", "listeners"]),
        attempt_file(engine, "no-plan", |dir| remove(dir, "plan.toml"), &["plan.toml", "dialplans"]),
        attempt_file(engine, "bad-toml", |dir| change(dir, "plan.toml", "[step.end]", "[step.end"), &["plan.toml:"]),
        attempt_file(
            engine,
            "bad-step",
            |dir| change(dir, "plan.toml", "\"listener\"", "\"lisener\""),
            &["plan.toml:", "lisener", "`listener`"],
        ),
        attempt_file(
            engine,
            "bad-listener",
            |dir| change(dir, "listeners.toml", "[listener.isere]", "[listner.isere]"),
            &["listeners.toml:", "listner"],
        ),
        attempt_file(
            engine,
            "no-prompt",
            |dir| remove(dir, "prompts/fr/place_wrong.wav"),
            &["place_wrong", "welcome", "plan.toml:"],
        ),
        attempt_file(
            engine,
            "bad-prompt",
            |dir| replace(dir, "prompts/fr/place_wrong.wav", b"RIFF....WAVEnothing"),
            &["fr/place_wrong.wav", "welcome"],
        ),
        attempt_file(
            engine,
            "empty-prompt",
            |dir| replace(dir, "prompts/fr/place_wrong.wav", b""),
            &["fr/place_wrong.wav", "welcome"],
        ),
        attempt_file(
            engine,
            "prompt-is-a-folder",
            |dir| {
                remove(dir, "prompts/fr/place_wrong.wav");
                fs::create_dir(dir.join("prompts/fr/place_wrong.wav")).expect("a folder");
            },
            &["fr/place_wrong.wav", "welcome"],
        ),
    ];
    let faults: Vec<String> = faults.into_iter().chain(files).flatten().collect();
    talk.goes_on();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    talk.ends_well(1);
}

/// Ten thousand datagrams of noise and some of 64 kB, at the signalling and at the sound: the two who talk hear each other
/// still, and strangers are served.
#[test]
fn a_flood_of_noise() {
    let mut talk = Conversation::start("flood", |setup| setup);
    let from = UdpSocket::bind((own_address(), 0)).expect("a socket");
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let sound: Vec<SocketAddr> = (20_000..20_020).map(|port| SocketAddr::new(talk.engine.ip(), port)).collect();
    for nth in 0..10_000usize {
        let length = (dice.next() % 1400) as usize;
        let bytes: Vec<u8> = (0..length).map(|_| dice.next() as u8).collect();
        let _ = from.send_to(&bytes, talk.engine.sip);
        let _ = from.send_to(&bytes, sound[nth % sound.len()]);
        if nth % 1000 == 0 {
            let _ = from.send_to(&vec![b'a'; 65_507], talk.engine.sip);
        }
    }
    assert!(Peer::is_served(talk.engine.sip), "a stranger is served at once");
    wait_until("the noise is counted", SOON, || {
        talk.engine.metric("ecoute_dropped_total{room=\"sip\",reason=\"garbage\"") > 5_000.0
    });
    talk.goes_on();
    talk.ends_well(1);
}

/// No media port is left: the next caller hears 503 and when to try again, the two who talk notice nothing, and as soon as
/// there are ports the next caller is answered.
#[test]
fn p118_no_media_port_is_left() {
    let mut talk = Conversation::start("ports", |setup| {
        setup.set("media.ports", "\"20000-20019\"").set("sip.limits.calls_max", "5")
    });
    let taken: Vec<UdpSocket> =
        (20_000..=20_019).filter_map(|port| UdpSocket::bind((talk.engine.ip(), port)).ok()).collect();
    assert_eq!(taken.len(), 16, "two pairs are in use by the conversation");
    let peer = Peer::new(own_address(), talk.engine.sip);
    let (_, got) = peer.dial("3977", OFFER);
    assert_eq!(got.status(), 503, "{got:?}");
    assert_retry_after(&got);
    let record = talk.engine.record(1);
    assert_eq!((&record["termination"]["by"], &record["termination"]["how"]), (&"us".into(), &"no_ports".into()));
    talk.goes_on();
    drop(taken);
    let answered = || {
        let (mut call, got) = peer.dial("3977", OFFER);
        if got.status() == 200 {
            peer.acknowledge(&call, "");
            peer.bye(&mut call);
        }
        got.status() == 200
    };
    wait_until("the next caller is answered", SOON, answered);
    talk.goes_on();
    talk.caller.act(PhoneAction::Hangup);
    talk.engine.quiet();
}

/// The house is full: 503 and when to try again; the two who talk notice nothing; when they are gone, the next is answered.
#[test]
fn the_house_is_full() {
    let mut talk = Conversation::start("house", |setup| setup.set("sip.limits.calls_max", "1"));
    let peer = Peer::new(own_address(), talk.engine.sip);
    let (_, got) = peer.dial("3977", OFFER);
    assert_eq!(got.status(), 503, "{got:?}");
    assert_retry_after(&got);
    talk.goes_on();
    talk.caller.act(PhoneAction::Hangup);
    talk.engine.quiet();
    let (mut call, got) = peer.dial("3977", OFFER);
    assert_eq!(got.status(), 200, "{got:?}");
    peer.acknowledge(&call, "");
    peer.bye(&mut call);
    talk.engine.quiet();
}

/// The database may not grow any more: calls go on and begin as ever, their records wait in the spool, the operator is told;
/// with room again, the next start writes them all.
#[test]
fn the_disk_is_full() {
    let mut talk = Conversation::start("disk", |setup| setup.set("store.size_mb_max", "1"));
    let peer = Peer::new(own_address(), talk.engine.sip);
    let mut strangers = 0;
    while talk.engine.metric("ecoute_store_open") == 1.0 {
        assert!(strangers < 20_000, "a megabyte must be full by now");
        for _ in 0..200 {
            strangers += 1;
            assert_eq!(peer.dial("3978", OFFER).1.status(), 404);
        }
        pause(Duration::from_millis(50));
    }
    talk.goes_on();
    talk.caller.act(PhoneAction::Hangup);
    talk.listener.wait_over();
    talk.engine.quiet();
    assert!(talk.engine.metric("ecoute_store_waiting{place=\"spool\"") > 0.0, "records wait in the spool");
    assert_eq!(talk.engine.metric("ecoute_store_lost_total"), 0.0);
    assert_eq!(talk.engine.get("/healthz").status, 200);
    let status = talk.engine.json("/api/v1/status");
    assert_eq!(status["store_open"], false, "{status}");
    talk.call_again();
    talk.caller.act(PhoneAction::Hangup);
    talk.engine.quiet();

    talk.engine.signal(Signal::TERM);
    talk.engine.wait_ended(SOON);
    let config = talk.engine.dir.join("ecoute.toml");
    let text = fs::read_to_string(&config).expect("the configuration");
    fs::write(&config, text.replace("store.size_mb_max = 1\n", "store.size_mb_max = 100\n"))
        .expect("the configuration");
    let again = Again::start(&talk.engine);
    let all = strangers + 2;
    let records = || {
        let reader = ecoute::store::Reader::open(&talk.engine.dir.join("var")).expect("the store");
        reader.records(10_000, None).expect("records").len()
    };
    wait_until("the spool is written", SOON, || records() >= all.min(10_000));
    println!("{strangers} strangers' records filled a megabyte; all {all} are written after the restart");
    drop(again);
}

/// Killed in the middle of a conversation. The next start is at once: no lock is stale, nothing must be repaired by hand. The
/// conversation is lost in this version: its voices stop, its BYE is answered 481, and it leaves no record. Phones register
/// again and the next call is joined.
#[test]
fn b093_killed_and_started_again() {
    let mut talk = Conversation::start("killed", |setup| setup);
    talk.engine.signal(Signal::KILL);
    talk.engine.wait_ended(SOON);
    let began = Instant::now();
    let again = Again::start(&talk.engine);
    println!("ready {:?} after the second start", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(talk.engine.metric("ecoute_calls_active"), 0.0);
    let stray = Peer::new(own_address(), talk.engine.sip);
    let mut lost = stray.exchange("3977");
    lost.to_tag = Some("of-the-first-life".into());
    assert_eq!(stray.ask(&lost, "BYE", "", "").status(), 481);
    talk.caller.act(PhoneAction::Hangup);
    talk.listener.act(PhoneAction::Hangup);
    talk.listener.act(PhoneAction::Register { expires_s: 300 });
    talk.listener.wait("the registration", |event| *event == PhoneEvent::Registered);
    talk.call_again();
    talk.ends_well(1);
    drop(again);
}

// ---- a conversation that must not be harmed ------------------------------------------------------------------------

/// Two who talk, and the engine between them.
pub(super) struct Conversation {
    pub(super) engine: Engine,
    caller: Phone,
    listener: Phone,
}

impl Conversation {
    /// An engine with the short plan of the load test, and two who talk.
    pub(super) fn start(name: &str, change: impl FnOnce(Setup) -> Setup) -> Conversation {
        let plan = fs::read_to_string(repository().join("tests/load/plan.toml")).expect("the plan");
        let engine = Engine::with(&format!("bad-{name}"), |setup| change(setup.plan(&plan)));
        let clock = SystemClock::start();
        let listener = Phone::listener(&engine, clock, "isere", LISTENER_HZ);
        let caller = Phone::caller(&engine, clock, "0199001234", CALLER_HZ);
        let mut talk = Conversation { engine, caller, listener };
        talk.call_again();
        talk
    }

    fn call_again(&mut self) {
        self.caller.dial("3977");
        self.listener.answer_after(Duration::from_millis(100));
        self.goes_on();
    }

    /// Each hears the other now.
    pub(super) fn goes_on(&mut self) {
        self.caller.hear(LISTENER_HZ);
        self.listener.hear(CALLER_HZ);
    }

    /// The caller hangs up; there is one record of them, and nothing is left.
    fn ends_well(mut self, records: usize) {
        self.caller.act(PhoneAction::Hangup);
        self.listener.wait_over();
        let record = self.engine.record(records);
        assert_eq!((&record["termination"]["how"], &record["listener"]), (&"hung_up".into(), &"isere".into()));
        self.engine.quiet();
    }
}

fn assert_retry_after(got: &Got) {
    let later = got.header("Retry-After").and_then(|text| text.parse::<u32>().ok());
    assert!(later.is_some_and(|seconds| (1..=60).contains(&seconds)), "{got:?}");
}

/// The product again, on the files of an engine that has ended.
struct Again(Child);

impl Again {
    fn start(engine: &Engine) -> Again {
        let log = fs::File::create(engine.dir.join("stderr-again")).expect("a file");
        let mut run = command(&engine.dir, &["run"]);
        let child =
            run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("the product can be started");
        let again = Again(child);
        wait_until("the product is ready again", SOON, || {
            client::get(engine.ops, "/readyz", SOON).is_ok_and(|answer| answer.status == 200)
        });
        again
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// ---- starts that must fail -----------------------------------------------------------------------------------------

/// Starts a second engine beside `engine`, on a copy of its files with a changed configuration. It must end at once, with
/// status 2 and all these words; what is wrong about that is returned.
fn attempt(
    engine: &Engine,
    name: &str,
    change: impl FnOnce(&Path, String) -> String,
    words: &[&str],
) -> Option<String> {
    let dir = engine.dir.join(name);
    fs::create_dir_all(&dir).expect("a folder");
    for file in ["plan.toml", "listeners.toml"] {
        fs::copy(engine.dir.join(file), dir.join(file)).expect("a copy");
    }
    let text = fs::read_to_string(engine.dir.join("ecoute.toml")).expect("the configuration");
    let own =
        |text: &str, key: &str| with(text, key, &SocketAddr::new(engine.ip(), free_port(engine.ip())).to_string());
    let text = change(&dir, own(&own(&text, "sip.listen"), "ops.listen"));
    fs::write(dir.join("ecoute.toml"), text).expect("the configuration");
    judge(&dir, &["run"], 2, words)
}

/// The same with changed files, and with prompts of its own to change. `ecoute check` must say it too, with status 1.
fn attempt_file(engine: &Engine, name: &str, change: impl FnOnce(&Path), words: &[&str]) -> Option<String> {
    let own_prompts = |dir: &Path, text: String| {
        prompts(&dir.join("prompts"));
        change(dir);
        with(&text, "prompts", "prompts")
    };
    attempt(engine, name, own_prompts, words).or_else(|| judge(&engine.dir.join(name), &["check"], 1, words))
}

fn judge(dir: &Path, arguments: &[&str], status: i32, words: &[&str]) -> Option<String> {
    let said = dir.join("said");
    let file = || fs::OpenOptions::new().create(true).append(true).open(&said).expect("a file");
    let _ = fs::remove_file(&said);
    let mut child =
        command(dir, arguments).stdin(Stdio::null()).stdout(file()).stderr(file()).spawn().expect("it starts");
    let until = Instant::now() + SOON;
    let ended = loop {
        if let Some(ended) = child.try_wait().expect("the child can be asked") {
            break ended;
        }
        if Instant::now() > until {
            let _ = child.kill();
            let _ = child.wait();
            return Some(format!("{}: {arguments:?} runs, and must not", dir.display()));
        }
        pause(Duration::from_millis(10));
    };
    let said = fs::read_to_string(&said).unwrap_or_default();
    println!("--- {} {arguments:?} ({ended})\n{said}", dir.file_name().unwrap_or_default().display());
    let missing: Vec<&&str> = words.iter().filter(|word| !said.contains(**word)).collect();
    let bad = ended.code() != Some(status) || !missing.is_empty() || said.contains("panicked");
    bad.then(|| format!("{} {arguments:?}: status {:?}, without {missing:?}:\n{said}", dir.display(), ended.code()))
}

/// The configuration with another text value.
fn with(text: &str, key: &str, value: &str) -> String {
    let line = |line: &str| match line.split_once(" = ") {
        Some((found, _)) if found == key => format!("{key} = \"{value}\"\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// A folder of prompts whose files are those of the checkout, and may be replaced one by one.
fn prompts(folder: &Path) {
    let from = repository().join("prompts");
    for language in ["fr", "en"] {
        fs::create_dir_all(folder.join(language)).expect("a folder");
        for entry in fs::read_dir(from.join(language)).expect("prompts") {
            let path = entry.expect("a prompt").path();
            symlink(&path, folder.join(language).join(path.file_name().expect("a name"))).expect("a link");
        }
    }
    symlink(from.join("prompts.toml"), folder.join("prompts.toml")).expect("a link");
}

fn remove(dir: &Path, file: &str) {
    fs::remove_file(dir.join(file)).expect("the file is there");
}

fn replace(dir: &Path, file: &str, bytes: &[u8]) {
    remove(dir, file);
    fs::write(dir.join(file), bytes).expect("a file");
}

fn change(dir: &Path, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(dir.join(file)).expect("the file");
    assert!(text.contains(from), "`{from}` is not in {file}");
    fs::write(dir.join(file), text.replace(from, to)).expect("the file");
}

/// Noise that is the same in each run (xorshift).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
