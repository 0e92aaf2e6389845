//! A test with a network of its own: the test starts itself again inside `unshare --net`, where it may drop packets
//! without anybody else noticing, and where every port is free. The kernel takes the network away with the last process.
//!
//! Root is not needed where the kernel grants user namespaces, as Debian's does. Where it does not, as in some containers, the
//! test is passed over and says so; whatever else is missing is a failure.
#![expect(clippy::disallowed_methods, reason = "a child process is waited for on the real clock")]
#![expect(clippy::panic, clippy::print_stdout, reason = "a test that cannot go on says why")]

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Set in the process that has the network to itself.
const INSIDE: &str = "ECOUTE_IT_ALONE";

/// Runs `test`, whose full name is `name`, in a network of its own; longer than `within` is a failure.
pub fn alone(name: &str, within: Duration, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some_and(|inside| inside == *name) {
        run("ip", &["link", "set", "lo", "up"]);
        return test();
    }
    if let Err(why) = permitted() {
        // Past the harness, which would keep it to itself.
        let _ = writeln!(std::io::stderr(), "\nPASSED OVER for lack of privilege: {name}: {why}");
        return;
    }
    let mut unshare = in_a_network();
    // No `--kill-child`: what was started in there ends with the test that started it, as everywhere.
    unshare.arg(std::env::current_exe().expect("this test"));
    unshare.args(["--exact", name, "--nocapture", "--include-ignored", "--test-threads", "2"]);
    unshare.env(INSIDE, name).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = unshare.spawn().expect("it could be started before");
    let (out, err) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let (out, err) = (std::thread::spawn(move || text(out)), std::thread::spawn(move || text(err)));
    let until = Instant::now() + within;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child can be asked") {
            break Some(status);
        }
        if Instant::now() > until {
            let _ = child.kill();
            let _ = child.wait();
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    if status.is_none() {
        panic!("{name} has not ended within {within:?}");
    }
    let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    println!("{out}{err}");
    assert!(status.is_some_and(|status| status.success()), "{name} failed in its own network");
    assert!(out.contains("1 passed"), "there is no test of the name {name}");
}

/// Drops a share of all datagrams to these UDP ports (`from` and `to` alike), for as long as the network lasts.
pub fn lose(share: f32, ports: &str) {
    for side in ["--dport", "--sport"] {
        let share = share.to_string();
        let rule =
            ["-A", "INPUT", "-p", "udp", side, ports, "-m", "statistic", "--mode", "random", "--probability", &share];
        iptables(&[&rule[..], &["-j", "DROP"]].concat());
    }
}

/// Datagrams dropped so far by rules of ours.
pub fn lost() -> u64 {
    let table = Command::new("iptables").args(["-nvxL", "INPUT"]).output().expect("iptables runs");
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    let dropped = table.lines().filter(|line| line.contains("DROP"));
    dropped.filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok()).sum()
}

// ---- helpers -----------------------------------------------------------------------------------------------------

fn in_a_network() -> Command {
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    unshare.arg("--net");
    unshare
}

/// May we have a network of our own, and drop packets in it? `Err` only where the kernel says that we may not.
fn permitted() -> Result<(), String> {
    let rule = "ip link set lo up && iptables -A INPUT -p udp -m statistic --mode random --probability 0.5 -j ACCEPT";
    let mut probe = in_a_network();
    probe.args(["sh", "-c", rule]).env("XTABLES_LOCKFILE", lock_file());
    let output = probe.output().unwrap_or_else(|fault| panic!("`unshare` cannot be started: {fault}"));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Ok(());
    }
    let refused = ["Operation not permitted", "Permission denied", "you must be root"];
    assert!(refused.iter().any(|word| words.contains(word)), "no network of our own: {words} (run `make peers`)");
    Err(words.trim().to_owned())
}

/// The lock file of everybody else's tables is not ours to open.
fn lock_file() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("ecoute-it-{}.lock", std::process::id()))
}

fn iptables(rule: &[&str]) {
    run("iptables", rule);
}

fn run(program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.args(arguments).env("XTABLES_LOCKFILE", lock_file());
    let output =
        command.output().unwrap_or_else(|fault| panic!("`{program}` cannot be started ({fault}): run `make peers`"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn text(mut from: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = from.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
