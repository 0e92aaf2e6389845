//! SIPp playing one call after a scenario of `tests/it/sipp/`, whose `@` words stand in `parts.txt`. It ends
//! with its owner, and fails the test whose scenario did not go as written.
#![expect(clippy::disallowed_methods, reason = "a child process is waited for on the real clock")]
#![expect(clippy::panic, reason = "without SIPp there is no test, and it says how to get it")]

use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::voice::Voice;
use crate::engine::{Engine, SOON, free_port, repository};

/// A running SIPp.
pub struct Sipp {
    child: Child,
    local: SocketAddr,
    files: PathBuf,
    status: Option<i32>,
}

/// How SIPp is started, where it is not as usual.
pub struct Play<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    /// Its own address.
    pub ip: IpAddr,
    /// Its port; 0 for any.
    pub port: u16,
    /// Where its first request goes.
    pub server: SocketAddr,
    /// The port of its sound.
    pub sound: u16,
    /// `u1`: UDP; `t1`: TCP.
    pub transport: &'a str,
    /// What else it is told.
    pub more: &'a [&'a str],
}

impl Sipp {
    /// Plays a scenario at the engine from an address of its own.
    pub fn play(engine: &Engine, scenario: &str, voice: &Voice, ip: IpAddr) -> Sipp {
        let usual = Play { scenario, ip, port: 0, server: engine.sip, sound: voice.port(), transport: "u1", more: &[] };
        Sipp::start(&engine.dir, &usual)
    }

    /// Plays a scenario; its files lie in `dir`.
    pub fn start(dir: &Path, play: &Play<'_>) -> Sipp {
        static NTH: AtomicU32 = AtomicU32::new(0);
        let port = if play.port == 0 { free_port(play.ip) } else { play.port };
        let files = dir.join(format!("{}-{}", play.scenario, NTH.fetch_add(1, Ordering::Relaxed)));
        let scenario = files.with_extension("xml");
        fs::write(&scenario, spell_out(play.scenario)).expect("a scenario");
        let sound = play.sound.to_string();
        let mut command = Command::new("sipp");
        command.arg(play.server.to_string()).arg("-sf").arg(scenario).args([
            "-t",
            play.transport,
            "-m",
            "1",
            "-nostdin",
        ]);
        // An IPv6 address wants its brackets.
        let ip = if play.ip.is_ipv6() { format!("[{}]", play.ip) } else { play.ip.to_string() };
        command.args(["-i", &ip, "-p", &port.to_string(), "-key", "sound", &sound, "-s", "3977"]);
        // Left to itself, it forgets the brackets.
        command.args(["-auth_uri", &play.server.to_string()]);
        command.args(["-timeout", "180", "-recv_timeout", "60000"]);
        command.arg("-trace_logs").arg("-log_file").arg(files.with_extension("log"));
        command.arg("-trace_err").arg("-error_file").arg(files.with_extension("errors"));
        command.arg("-trace_msg").arg("-message_file").arg(files.with_extension("messages")).args(play.more);
        let screen = File::create(files.with_extension("screen")).expect("a file for what SIPp says");
        command.current_dir(dir).stdin(Stdio::null()).stdout(screen).stderr(Stdio::null());
        let child =
            command.spawn().unwrap_or_else(|fault| panic!("SIPp cannot be started ({fault}): run `make peers`"));
        Sipp { child, local: SocketAddr::new(play.ip, port), files, status: None }
    }

    /// Where it is.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Waits until the scenario has logged this word.
    pub fn wait(&mut self, word: &str) {
        self.wait_for(word, SOON);
    }

    /// The same, with a time of one's own.
    pub fn wait_for(&mut self, word: &str, within: Duration) {
        let until = Instant::now() + within;
        while !self.log().lines().any(|line| line.trim() == word) {
            let ended = self.ended();
            // What was logged last may have been written between the look and the end.
            if ended.is_some() && self.log().lines().any(|line| line.trim() == word) {
                return;
            }
            assert!(ended.is_none(), "SIPp ended ({ended:?}) before `{word}`:\n{}", self.words());
            assert!(Instant::now() < until, "SIPp is not at `{word}` within {within:?}:\n{}", self.words());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end of a scenario that went as written.
    pub fn finish(&mut self) {
        self.finish_within(SOON);
    }

    /// The same, with a time of one's own.
    pub fn finish_within(&mut self, within: Duration) {
        let until = Instant::now() + within;
        while self.ended().is_none() {
            assert!(Instant::now() < until, "SIPp has not ended within {within:?}:\n{}", self.words());
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(self.status, Some(0), "the scenario did not go as written:\n{}", self.words());
    }

    /// All it has sent and received.
    pub fn messages(&self) -> String {
        self.file("messages")
    }

    /// What its scenario has logged.
    pub fn log(&self) -> String {
        self.file("log")
    }

    fn ended(&mut self) -> Option<i32> {
        if self.status.is_none() {
            let status = self.child.try_wait().expect("the child can be asked");
            self.status = status.map(|status| status.code().unwrap_or(-1));
        }
        self.status
    }

    fn file(&self, kind: &str) -> String {
        fs::read(self.files.with_extension(kind))
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .unwrap_or_default()
    }

    /// What it complained of, and the last that passed on the wire.
    fn words(&self) -> String {
        let messages = self.messages();
        let from = messages.char_indices().rev().nth(6000).map_or(0, |(at, _)| at);
        let errors: String = self.file("errors").chars().take(3000).collect();
        format!("{errors}\n---- on the wire ----\n{}", &messages[from..])
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// ---- helpers -----------------------------------------------------------------------------------------------------

fn folder() -> PathBuf {
    repository().join("tests/it/sipp")
}

/// A scenario in SIPp's own words: each `@word a b` line is a part of `parts.txt`, with `%1`, `%2` for what follows it.
fn spell_out(scenario: &str) -> String {
    let read = |name: &str| fs::read_to_string(folder().join(name)).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    let parts = read("parts.txt");
    expand(&read(&format!("{scenario}.xml")), &parts, 0)
}

fn expand(text: &str, parts: &str, depth: usize) -> String {
    assert!(depth < 5, "the parts go in a circle");
    let mut whole = String::new();
    for line in text.lines() {
        let Some(call) = line.trim_start().strip_prefix('@') else {
            whole += line;
            whole.push('\n');
            continue;
        };
        let mut words = call.split_whitespace();
        let name = words.next().unwrap_or_default();
        let mut part = part_of(parts, name).unwrap_or_else(|| panic!("there is no part `@{name}`"));
        for (nth, word) in words.enumerate() {
            part = part.replace(&format!("%{}", nth + 1), word);
        }
        whole += &expand(&part, parts, depth + 1);
    }
    whole
}

fn part_of(parts: &str, name: &str) -> Option<String> {
    let mut lines = parts.lines().skip_while(|line| line.strip_prefix("==== ") != Some(name));
    lines.next()?;
    let lines: Vec<&str> = lines.take_while(|line| !line.starts_with("==== ")).collect();
    Some(lines.join("\n") + "\n")
}

/// Is a UDP port in use?
pub fn is_taken(address: SocketAddr) -> bool {
    std::net::UdpSocket::bind(address).is_err()
}
