//! The product as a child process, for tests that meet it as an operator or a telephone does: from outside.
//!
//! Each engine has a folder and a loopback address of its own, so that tests run beside each other. It ends with its owner;
//! the folder stays when the test failed, and is named.
//!
//! ```text
//! let engine = Engine::start("hold");                                     // the shipped plan, listeners isere and rhone
//! let engine = Engine::with("full", |e| e.set("sip.limits.calls_max", "2").plan(TEXT));
//! ```
#![expect(clippy::disallowed_methods, reason = "a child process is waited for on the real clock")]
#![expect(clippy::panic, clippy::print_stdout, reason = "a test that cannot go on says why")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ecoute::ops::client;
use serde_json::Value;

/// Far more than anything here takes, on a machine that has much else to do.
pub const SOON: Duration = Duration::from_secs(20);

/// The password of the accounts `isere` and `rhone`.
pub const PASSWORD: &str = "mot-de-passe-d-essai";

/// A running product.
pub struct Engine {
    /// Its SIP socket.
    pub sip: SocketAddr,
    /// Its operations port.
    pub ops: SocketAddr,
    /// Its folder: `ecoute.toml`, `plan.toml`, `listeners.toml`, `var`, `stdout`, `stderr`.
    pub dir: PathBuf,
    env: Vec<(String, String)>,
    child: Child,
    ended: Option<ExitStatus>,
}

/// What an engine is started with. All has a default.
pub struct Setup {
    values: BTreeMap<String, String>,
    plan: String,
    listeners: String,
    env: Vec<(String, String)>,
}

impl Setup {
    fn new() -> Setup {
        let plan = fs::read_to_string(repository().join("dialplans/3977.toml")).expect("the shipped plan");
        let listeners = listeners_of(&[("isere", "38"), ("rhone", "69")]);
        Setup { values: BTreeMap::new(), plan, listeners, env: Vec::new() }
    }

    /// A configuration key and its value as TOML: `set("dispatch.wrap_up_s", "0")`, `set("log.format", "\"json\"")`.
    pub fn set(mut self, key: &str, value: &str) -> Setup {
        self.values.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The text of `plan.toml`.
    pub fn plan(mut self, text: &str) -> Setup {
        text.clone_into(&mut self.plan);
        self
    }

    /// Other words in `plan.toml`.
    pub fn replace(mut self, from: &str, to: &str) -> Setup {
        assert!(self.plan.contains(from), "`{from}` is not in the plan");
        self.plan = self.plan.replace(from, to);
        self
    }

    /// The text of `listeners.toml`; see [`listeners_of`].
    pub fn listeners(mut self, text: &str) -> Setup {
        text.clone_into(&mut self.listeners);
        self
    }

    /// A variable of the child's environment.
    pub fn env(mut self, name: &str, value: &str) -> Setup {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A listeners' file: accounts with [`PASSWORD`], each in a centre of its own that serves one department.
pub fn listeners_of(accounts: &[(&str, &str)]) -> String {
    let mut text = "timezone = \"Europe/Paris\"\n".to_owned();
    for (account, department) in accounts {
        text += &format!("\n[centre.c-{account}]\nname = \"Centre {account}\"\ndepartments = [\"{department}\"]\n");
        text += &format!("\n[listener.{account}]\nname = \"{account}\"\ncentre = \"c-{account}\"\ncharter = true\n");
        text += &format!("password = \"{PASSWORD}\"\n");
    }
    text
}

impl Engine {
    /// An engine with the shipped plan and the listeners `isere` (38) and `rhone` (69), ready to serve.
    pub fn start(name: &str) -> Engine {
        Engine::with(name, |setup| setup)
    }

    /// An engine of one's own, ready to serve.
    pub fn with(name: &str, change: impl FnOnce(Setup) -> Setup) -> Engine {
        let setup = change(Setup::new());
        let dir = std::env::temp_dir().join(format!("ecoute-it-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a folder");
        let ip = own_address();
        let sip = SocketAddr::new(ip, free_port(ip));
        let ops = SocketAddr::new(ip, free_port(ip));
        fs::write(dir.join("ecoute.toml"), configuration(&setup, sip, ops)).expect("the configuration");
        fs::write(dir.join("plan.toml"), &setup.plan).expect("the plan");
        fs::write(dir.join("listeners.toml"), &setup.listeners).expect("the listeners");
        let child = spawn(&dir, &setup.env);
        let mut engine = Engine { sip, ops, dir, env: setup.env, child, ended: None };
        engine.wait_ready();
        engine
    }

    /// The address its phones may share with it: every port but its own is theirs.
    pub fn ip(&self) -> IpAddr {
        self.sip.ip()
    }

    /// A page of the operations port.
    pub fn get(&self, path: &str) -> client::Answer {
        client::get(self.ops, path, SOON).unwrap_or_else(|fault| panic!("{path}: {fault}"))
    }

    /// A page of the operations port, as JSON.
    pub fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// Asks for something: `post("/api/v1/listeners/isere/pause")`.
    pub fn post(&self, path: &str) -> u16 {
        client::post(self.ops, path, SOON).unwrap_or_else(|fault| panic!("{path}: {fault}")).status
    }

    /// The value of a metric, summed over the series whose text begins so: `metric("ecoute_legs_active{side=\"caller\"")`.
    pub fn metric(&self, series: &str) -> f64 {
        let page = self.get("/metrics").body;
        let ours = page.lines().filter(|line| {
            line.strip_prefix(series).is_some_and(|rest| series.contains('{') || rest.starts_with([' ', '{']))
        });
        ours.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// The records of the calls so far, the latest first.
    pub fn records(&self) -> Vec<Value> {
        self.json("/api/v1/calls").as_array().cloned().unwrap_or_default()
    }

    /// Waits for the `nth` record and returns the latest.
    pub fn record(&self, nth: usize) -> Value {
        wait_until("the call is recorded", SOON, || self.records().len() >= nth);
        let records = self.records();
        assert_eq!(records.len(), nth, "one record for each call: {records:#?}");
        records[0].clone()
    }

    /// Waits until nothing of any call is left: calls, legs, streams, reservations.
    pub fn quiet(&self) {
        for gauge in ["calls_active", "legs_active", "media_streams", "reservations", "queue_callers"] {
            wait_until(&format!("{gauge} is back at 0"), SOON, || self.metric(&format!("ecoute_{gauge}")) == 0.0);
        }
    }

    /// The product's command line on this engine's files: `command(&["explain", "6000000000001"])`.
    pub fn command(&self, arguments: &[&str]) -> Output {
        command(&self.dir, arguments).output().expect("the product runs")
    }

    /// The process: for signals and measures.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the child, and to nobody else.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("the child lives");
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("the child can be asked");
        }
        self.ended
    }

    /// Asks it to go, and waits until it has gone.
    pub fn stop(&mut self) {
        self.signal(rustix::process::Signal::TERM);
        self.wait_ended(SOON);
    }

    /// Starts it once more, at the same place and with what it has kept.
    pub fn start_again(&mut self) {
        assert!(self.ended().is_some(), "it still runs");
        self.child = spawn(&self.dir, &self.env);
        self.ended = None;
        self.wait_ready();
    }

    /// Waits for its end.
    pub fn wait_ended(&mut self, within: Duration) -> ExitStatus {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < until, "the product has not ended within {within:?}: {}", self.stderr());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has written to standard output.
    pub fn stdout(&self) -> String {
        text_of(&self.dir.join("stdout"))
    }

    /// What it has written to standard error: the log.
    pub fn stderr(&self) -> String {
        text_of(&self.dir.join("stderr"))
    }

    fn wait_ready(&mut self) {
        let until = Instant::now() + SOON;
        while client::get(self.ops, "/readyz", SOON).map_or(0, |answer| answer.status) != 200 {
            let ended = self.ended();
            let words = || format!("{}{}", self.stdout(), self.stderr());
            assert!(ended.is_none(), "the product ended at once ({ended:?}): {}", words());
            assert!(Instant::now() < until, "the product is not ready within {SOON:?}: {}", words());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            println!("the engine's files are in {}; the end of its log:", self.dir.display());
            let log = self.stderr();
            let tail: Vec<&str> = log.lines().rev().take(30).collect();
            tail.iter().rev().for_each(|line| println!("    {line}"));
        } else {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// The product's command line in a folder that holds `ecoute.toml`.
pub fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("--config").arg(dir.join("ecoute.toml")).args(arguments).current_dir(dir).env_remove("ECOUTE_LOG");
    command
}

/// The product's binary: `ECOUTE_BIN` where somebody has built one, or the one that cargo built with this test.
pub fn binary() -> PathBuf {
    let path =
        std::env::var_os("ECOUTE_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_ecoute")), PathBuf::from);
    assert!(path.exists(), "there is no product at {}: build it first", path.display());
    path
}

/// The checkout.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Waits until `done`; the words say what did not happen.
pub fn wait_until(what: &str, within: Duration, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + within;
    while !done() {
        assert!(Instant::now() < until, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Lets time pass where passing time is the matter: a tone must last, a phone must not ring.
pub fn pause(span: Duration) {
    std::thread::sleep(span);
}

/// A loopback address that no other engine of this machine uses.
pub fn own_address() -> IpAddr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let (pid, nth) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    Ipv4Addr::new(127, 1 + (pid / 256 % 254) as u8, (pid % 256) as u8, nth as u8).into()
}

/// A port of `ip` that is free for UDP and TCP at this moment, as is the next one.
pub fn free_port(ip: IpAddr) -> u16 {
    for _ in 0..100 {
        let Ok(first) = UdpSocket::bind((ip, 0)) else { continue };
        let port = first.local_addr().expect("an address").port();
        // Not among the media ports of the engines, nor at the very end.
        if !(10_000..65_000).contains(&port) || MEDIA.contains(&port) {
            continue;
        }
        if UdpSocket::bind((ip, port + 1)).is_ok() && std::net::TcpListener::bind((ip, port)).is_ok() {
            return port;
        }
    }
    panic!("{ip} has no free port");
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// The media ports of every engine: each has an address of its own.
const MEDIA: std::ops::RangeInclusive<u16> = 20_000..=29_999;

fn configuration(setup: &Setup, sip: SocketAddr, ops: SocketAddr) -> String {
    let quoted = |text: &dyn std::fmt::Display| format!("\"{text}\"");
    let prompts = repository().join("prompts");
    let defaults = [
        ("state_dir", quoted(&"var")),
        ("dialplans", "[\"plan.toml\"]".to_owned()),
        ("prompts", quoted(&prompts.display())),
        ("listeners", quoted(&"listeners.toml")),
        ("sip.listen", quoted(&sip)),
        ("sip.limits.calls_max", "200".to_owned()),
        ("media.address", quoted(&sip.ip())),
        ("media.ports", format!("\"{}-{}\"", MEDIA.start(), MEDIA.end())),
        ("media.workers", "1".to_owned()),
        ("dispatch.wrap_up_s", "0".to_owned()),
        ("ops.listen", quoted(&ops)),
    ];
    let mut values: BTreeMap<String, String> = setup.values.clone();
    for (key, value) in defaults {
        values.entry(key.to_owned()).or_insert(value);
    }
    // Dotted keys need no tables, and so no order.
    values.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

fn spawn(dir: &Path, env: &[(String, String)]) -> Child {
    let file = |name: &str| {
        let mut add = File::options();
        add.create(true).append(true).open(dir.join(name)).expect("a file for what the product says")
    };
    let mut run = command(dir, &["run"]);
    run.envs(env.iter().map(|(name, value)| (name, value)));
    run.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
    run.spawn().expect("the product can be started")
}

fn text_of(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
