//! A trunk that registers with an operator's Kamailio, which is cut off for two minutes and comes back knowing nothing.

use std::fs;
use std::time::Duration;

use super::kamailio::Kamailio;
use super::sipp::{Play, Sipp};
use super::voice::Voice;
use super::{CALLER_HZ, House, LISTENER_HZ};
use crate::engine::{SOON, pause, wait_until};
use crate::softphones::Phone;
use crate::trunks::{account, folder, trunk};
use ecoute::node::{PhoneAction, PhoneEvent, SystemClock};

/// For so long nobody is there.
const CUT: Duration = Duration::from_secs(120);
/// The waits between attempts are 5, 10, 20, 40 and 80 s, each longer by up to a quarter: the one in which the cut ends is the
/// fifth at the latest.
const WAIT_MAX: Duration = Duration::from_secs(100);
const REGISTERS: &str = "ecoute_sip_requests_total{way=\"out\",method=\"register\"";

/// The trunk registers (401, digest), and a call to its number comes by way of the contact it registered, with the account in the
/// Request-URI and the number in To. Kamailio is killed during the next call: the trunk is down, the two go on hearing each other,
/// and the engine tries again, ever less often. Two minutes later Kamailio is there again with no registration: the engine registers
/// by itself, ends the call from before through it, and the next call is joined.
#[test]
fn p072_p075_p080_b087_a_registrar_is_cut_off_for_two_minutes() {
    let folder = folder("registrar");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let mut kamailio = Kamailio::registrar(&folder, "compte", "secret");
    let file = folder.join("compte.toml");
    fs::write(&file, account(kamailio.inside, "tcp")).expect("written");
    // Nobody is trusted but whom we registered with.
    let house = House::with("registrar", |setup| {
        setup.set("trunks", &format!("[\"{}\"]", file.display())).set("sip.trusted_peers", "[]")
    });
    let engine = &house.engine;
    let registered = || engine.metric("ecoute_trunk_registered{trunk=\"compte\"") == 1.0;
    wait_until("the engine registers", SOON, registered);
    assert_eq!((kamailio.saved(), engine.metric(REGISTERS)), (1, 2.0), "asked once, proved once");
    let mut isere = house.phone();

    let first = call(&house, &kamailio, "talk", &mut isere);
    ended_by_the_listener(&house, first, &isere, 1);

    let (caller, voice) = call(&house, &kamailio, "stay_long", &mut isere);
    let clock = SystemClock::start();
    kamailio.kill();
    wait_until("the loss is seen", SOON, || trunk(engine, "compte")["state"] == "down");
    let (heard, before) = (voice.packets(), engine.metric(REGISTERS));
    pause(CUT);
    let tries = engine.metric(REGISTERS) - before;
    let heard = voice.packets() - heard;
    println!("{tries} attempts and {heard} packets of sound in {CUT:?}");
    assert!((3.0..=8.0).contains(&tries), "{tries} attempts in {CUT:?}");
    assert!(heard >= 5400, "{heard} packets of sound of 6000");
    voice.hear(LISTENER_HZ);
    isere.hear(CALLER_HZ);
    assert_eq!(trunk(engine, "compte")["state"], "down");

    let cut = clock.at();
    kamailio.start_again();
    wait_until("the engine registers again", WAIT_MAX + SOON, || kamailio.saved() == 2);
    println!("cut off for {cut:?}, registered again at {:?}", clock.at());
    wait_until("the trunk is up", SOON, || registered() && trunk(engine, "compte")["state"] == "up");
    ended_by_the_listener(&house, (caller, voice), &isere, 2);

    let last = call(&house, &kamailio, "talk", &mut isere);
    ended_by_the_listener(&house, last, &isere, 3);
    let log = kamailio.log();
    assert_eq!(kamailio.inside("BYE", "tcp"), 3, "{log}");
    assert!(!log.contains("ASTRAY") && !log.contains("NOBODY"), "{log}");
    drop(kamailio);
    let _ = fs::remove_dir_all(&folder);
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// A caller dials through Kamailio, the listener answers, and the two hear each other.
fn call(house: &House, kamailio: &Kamailio, scenario: &str, isere: &mut Phone) -> (Sipp, Voice) {
    let voice = Voice::start(house.callers, CALLER_HZ);
    let play = Play {
        scenario,
        ip: house.callers,
        port: 0,
        server: kamailio.callers,
        sound: voice.port(),
        transport: "u1",
        more: &["-timeout", "400"],
    };
    let mut caller = Sipp::start(&house.engine.dir, &play);
    isere.wait("the ring", |event| *event == PhoneEvent::Rings);
    isere.act(PhoneAction::Answer);
    isere.wait("the conversation", |event| *event == PhoneEvent::Connected);
    caller.wait("ANSWERED");
    voice.hear(LISTENER_HZ);
    isere.hear(CALLER_HZ);
    assert_eq!(trunk(&house.engine, "compte")["incoming"], 1, "it is a call of this trunk");
    (caller, voice)
}

/// The listener hangs up, the caller is told so through Kamailio, and it is the `nth` record.
fn ended_by_the_listener(house: &House, (mut caller, _voice): (Sipp, Voice), isere: &Phone, nth: usize) {
    isere.act(PhoneAction::Hangup);
    caller.finish();
    let record = house.engine.record(nth);
    let ended = &record["termination"];
    assert_eq!((ended["by"].as_str(), ended["how"].as_str()), (Some("listener"), Some("hung_up")), "{record:#}");
    house.engine.quiet();
}
