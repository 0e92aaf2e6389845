//! Stopping: a first SIGTERM lets the conversations end by themselves, a second one ends them.

use std::time::Duration;

use ecoute::node::{PhoneAction, PhoneEvent, SystemClock};
use rustix::process::Signal;

use super::phone::{Phone, join};
use super::wire::{Wire, header, status};
use crate::engine::{Engine, SOON, wait_until};

/// One signal drains: new callers are told to try again, who talks goes on, and with the last BYE the process ends well.
#[test]
fn p169_p170_a_drain_waits_for_the_conversation() {
    let mut engine = Engine::start("drain");
    let clock = SystemClock::start();
    let mut isere = Phone::listener(&engine, clock, "isere", 440);
    let mut caller = Phone::caller(&engine, clock, "0476000102", 1000);
    join(&mut caller, 1000, &mut isere, 440);
    engine.signal(Signal::TERM);
    wait_until("it drains", SOON, || engine.get("/readyz").status == 503);
    let refusal = Wire::to(engine.sip).invite(&format!("sip:3977@{}", engine.sip), &[]);
    assert_eq!(status(&refusal), 503, "{refusal}");
    assert!(header(&refusal, "Retry-After").is_some(), "{refusal}");
    caller.hear(440);
    isere.hear(1000);
    assert!(engine.ended().is_none(), "it ended in the midst of a conversation");
    caller.act(PhoneAction::Hangup);
    isere.wait_over();
    assert_eq!(engine.wait_ended(SOON).code(), Some(0), "{}", engine.stderr());
    assert!(told(&engine).contains("l'appelant a raccroché"), "{}", told(&engine));
}

/// A second signal ends the conversations with BYE, in seconds, and they are recorded.
#[test]
fn p170_a_second_signal_ends_the_calls() {
    let mut engine = Engine::start("stop");
    let clock = SystemClock::start();
    let mut isere = Phone::listener(&engine, clock, "isere", 440);
    let mut caller = Phone::caller(&engine, clock, "0476000102", 1000);
    join(&mut caller, 1000, &mut isere, 440);
    engine.signal(Signal::TERM);
    wait_until("it drains", SOON, || engine.get("/readyz").status == 503);
    let at = clock.at();
    engine.signal(Signal::TERM);
    let (caller_took, isere_took) = (caller.wait_over().since(at), isere.wait_over().since(at));
    println!("BYE to the caller {caller_took:?}, to the listener {isere_took:?} after the second signal");
    assert!(caller_took.max(isere_took) < Duration::from_secs(5), "{caller_took:?} {isere_took:?}");
    engine.wait_ended(SOON);
    assert!(told(&engine).contains("le service s'arrêtait"), "{}", told(&engine));
}

/// SIGINT drains as SIGTERM does. A caller who waits in the queue by then is served to the end: a listener who registers now is
/// rung for her, they talk, and with their BYE the process ends well. Nobody else is let in.
#[test]
fn p169_who_waits_when_the_drain_begins_is_served() {
    let mut engine = Engine::start("drain-queue");
    let clock = SystemClock::start();
    let mut caller = Phone::caller(&engine, clock, "0476000102", 1000);
    caller.dial("3977");
    caller.key_isere();
    engine.signal(Signal::INT);
    wait_until("it drains", SOON, || engine.get("/readyz").status == 503);
    let refusal = Wire::to(engine.sip).invite(&format!("sip:3977@{}", engine.sip), &[]);
    assert_eq!(status(&refusal), 503, "{refusal}");
    let mut isere = Phone::listener(&engine, clock, "isere", 440);
    isere.answer_after(Duration::from_millis(300));
    caller.hear(440);
    isere.hear(1000);
    caller.act(PhoneAction::Hangup);
    isere.wait_over();
    assert_eq!(engine.wait_ended(SOON).code(), Some(0), "{}", engine.stderr());
}

/// Two signals while a phone rings for a caller: the ringing stops by CANCEL, the caller hears BYE, both within seconds, and
/// it is recorded whose doing it was.
#[test]
fn p170_a_second_signal_stops_the_ringing() {
    let mut engine = Engine::start("stop-ringing");
    let clock = SystemClock::start();
    let mut isere = Phone::listener(&engine, clock, "isere", 440);
    let mut caller = Phone::caller(&engine, clock, "0476000102", 1000);
    caller.dial("3977");
    caller.key_isere();
    isere.wait("the ring", |event| *event == PhoneEvent::Rings);
    engine.signal(Signal::TERM);
    wait_until("it drains", SOON, || engine.get("/readyz").status == 503);
    let at = clock.at();
    engine.signal(Signal::TERM);
    let (caller_took, isere_took) = (caller.wait_over().since(at), isere.wait_over().since(at));
    assert!(caller_took.max(isere_took) < Duration::from_secs(5), "{caller_took:?} {isere_took:?}");
    engine.wait_ended(SOON);
    assert!(told(&engine).contains("le service s'arrêtait"), "{}", told(&engine));
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// The list of calls, from the files it left.
fn told(engine: &Engine) -> String {
    String::from_utf8_lossy(&engine.command(&["explain"]).stdout).into_owned()
}
