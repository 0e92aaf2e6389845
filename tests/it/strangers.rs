//! Strangers on the open Internet, against the running product: a flood while two people talk, and the list of those who are
//! answered with silence, as staff sees it.
#![expect(clippy::disallowed_methods, reason = "strangers on real sockets, paced by the real clock")]

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use ecoute::node::{PhoneAction, SystemClock};

use super::engine::{Engine, SOON, Setup, own_address, repository, wait_until};
use super::softphones::Phone;
use super::wire::raw::{NOTHING, Peer};

/// An address that no engine, no phone and no trunk of these tests has.
const STRANGER: [&str; 2] = ["127.255.0.7", "127.255.0.8"];

/// Trusts the addresses of the tests, and no stranger.
fn on_the_internet(setup: Setup) -> Setup {
    let own = own_address().to_string();
    let network = own.split('.').take(2).collect::<Vec<_>>().join(".");
    let plan = fs::read_to_string(repository().join("tests/load/plan.toml")).expect("the plan");
    setup.plan(&plan).set("sip.trusted_peers", &format!("[\"{network}.0.0/16\"]"))
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn words(engine: &Engine, arguments: &[&str]) -> String {
    let output = engine.command(arguments);
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Ten thousand datagrams of noise and of REGISTER in a second from one address, twice, while two people talk: they hear each
/// other and their BYE is heard, hardly one is answered, the log has a few lines, memory does not grow, and a listener can
/// register meanwhile.
#[test]
fn p182_b135_a_flood_from_one_address() {
    let engine = Engine::with("flooded", on_the_internet);
    let clock = SystemClock::start();
    let mut listener = Phone::listener(&engine, clock, "isere", 440);
    let mut caller = Phone::caller(&engine, clock, "0199001234", 1000);
    caller.dial("3977");
    listener.answer_after(Duration::from_millis(100));
    caller.hear(440);
    let from = UdpSocket::bind((address(STRANGER[0]), 0)).expect("a socket");
    from.set_nonblocking(true).expect("it can be asked without waiting");
    let (memory, cpu) = (engine.metric("ecoute_process_resident_bytes"), engine.metric("ecoute_process_cpu_seconds"));
    let began = Instant::now();
    let mut answers = 0;
    for nth in 0..20_000u32 {
        let register = format!(
            "REGISTER sip:{0} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK{nth}\r\nFrom: <sip:{nth}@{0}>;tag=1\r\n\
             To: <sip:{nth}@{0}>\r\nCall-ID: {nth}\r\nCSeq: 1 REGISTER\r\nContact: <sip:{nth}@192.0.2.1>\r\n\r\n",
            engine.sip
        );
        let bytes = if nth % 2 == 0 { register.into_bytes() } else { vec![0xa5; 600] };
        let _ = from.send_to(&bytes, engine.sip);
        while from.recv(&mut [0; 2048]).is_ok() {
            answers += 1;
        }
        let due = Duration::from_micros(u64::from(nth) * 100);
        if let Some(early) = due.checked_sub(began.elapsed()).filter(|early| *early > Duration::from_millis(1)) {
            std::thread::sleep(early);
        }
    }
    let span = began.elapsed().as_secs_f64();
    let used = engine.metric("ecoute_process_cpu_seconds") - cpu;
    println!("{:.0} datagrams a second; the engine used {:.1} % of a core", 20_000.0 / span, used / span * 100.0);
    caller.hear(440);
    listener.hear(1000);
    let second = Phone::listener(&engine, clock, "rhone", 550);
    caller.act(PhoneAction::Hangup);
    listener.wait_over();
    assert_eq!(engine.record(1)["termination"]["how"], "hung_up");
    engine.quiet();
    drop(second);
    assert!(answers <= 1000, "{answers} answers");
    let dropped = ["banned", "over_budget"]
        .map(|why| engine.metric(&format!("ecoute_dropped_total{{room=\"sip\",reason=\"{why}\"")))
        .iter()
        .sum::<f64>();
    assert!(dropped > 10_000.0, "{dropped}");
    assert!(engine.metric("ecoute_process_resident_bytes") - memory < 16e6);
    assert!(engine.stderr().lines().count() < 60, "{}", engine.stderr());
}

/// A scanner meets silence; staff sees it, lifts it, and may say the same word of anybody but a trunk.
#[test]
fn p182_b144_the_list_of_those_who_meet_silence() {
    let engine = Engine::with("banned", on_the_internet);
    let [scanner, other] = STRANGER.map(|ip| Peer::new(address(ip), engine.sip));
    let knock = |peer: &Peer, agent: &str| {
        let exchange = peer.exchange("100");
        peer.send(peer.request(&exchange, "OPTIONS", &format!("User-Agent: {agent}\r\n"), ""));
        peer.receive(NOTHING).map(|got| got.status())
    };
    assert!(words(&engine, &["ban", "list"]).contains("nobody is banned"));
    assert_eq!(knock(&scanner, "friendly-scanner"), None);
    assert_eq!(knock(&scanner, "somebody else"), None);
    assert_eq!(knock(&other, "a phone"), Some(200));
    wait_until("the ban is shown", SOON, || words(&engine, &["ban", "list"]).contains("a scanner"));
    assert_eq!(engine.metric("ecoute_sip_bans"), 1.0);
    assert_eq!(engine.metric("ecoute_sip_bans_made_total{why=\"scanner\""), 1.0);
    assert!(engine.stderr().contains("answered with silence"), "{}", engine.stderr());

    assert!(words(&engine, &["ban", "lift", STRANGER[0]]).contains("answered again"));
    wait_until("it is answered again", SOON, || knock(&scanner, "a phone") == Some(200));
    assert!(words(&engine, &["ban", "add", STRANGER[1], "--for", "1h"]).contains("answered with silence"));
    wait_until("it is answered no more", SOON, || knock(&other, "a phone").is_none());
    let list = || words(&engine, &["ban", "list"]);
    wait_until("the list says who, and whose word it was", SOON, || list().contains("the staff's word"));
    assert!(list().contains("127.255.0.8/32") && !list().contains("127.255.0.7"), "{}", list());
    let refused = engine.command(&["ban", "add", &engine.ip().to_string()]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("trusted"));
    assert!(!engine.command(&["ban", "add", "somebody"]).status.success());
}
