//! What else a user agent owes its peers, against SIPp: ringing that must be confirmed, changes by UPDATE, calls that must be
//! confirmed at intervals. The sound goes on through all of it.

use std::time::Duration;

use super::calls::{held_by_the_caller, held_by_the_listener};
use super::{CALLER_HZ, House, LISTENER_HZ};
use ecoute::node::PhoneAction;

/// Half of 90 s, and some time to look.
const REFRESHED: Duration = Duration::from_secs(70);
/// 90 s less a third, and some time to look.
const GIVEN_UP: Duration = Duration::from_secs(90);

/// A listener's telephone insists that its 180 and its 183 are confirmed: each gets its PRACK, and the 183's description counts.
#[test]
fn b115_ringing_that_must_be_confirmed() {
    let house = House::new("reliable");
    let (mut listener, isere) = house.listener("listener_reliable");
    let (mut caller, voice) = house.caller("talk");
    listener.wait("CONFIRMED");
    listener.wait("ANSWERED");
    voice.hear(LISTENER_HZ);
    isere.hear(CALLER_HZ);
    listener.finish();
    caller.finish();
    house.recorded("listener", "hung_up");
}

/// Hold and resume by UPDATE, from the caller's side.
#[test]
fn hold_by_an_update_of_the_caller() {
    held_by_the_caller("update");
}

/// The same from the listener's.
#[test]
fn hold_by_an_update_of_the_listener() {
    held_by_the_listener("listener_update");
}

/// A session timer that is too short is refused with the shortest that is not; the engine then refreshes the call after half of
/// it, and the two hear each other as before.
#[test]
fn b117_b119_b120_the_engine_refreshes() {
    let house = House::new("timer");
    let mut isere = house.phone();
    let (mut caller, voice) = house.joined("timer", &mut isere);
    caller.wait_for("REFRESHED", REFRESHED);
    voice.hear(LISTENER_HZ);
    isere.hear(CALLER_HZ);
    isere.wait_over();
    caller.finish();
    house.recorded("caller", "hung_up");
}

/// A caller who promised to refresh her call and does not is taken for gone: BYE to her and to the listener before it runs out.
#[test]
fn b121_who_does_not_refresh_is_gone() {
    let house = House::new("timer-silent");
    let mut isere = house.phone();
    let (mut caller, _voice) = house.joined("timer_silent", &mut isere);
    caller.finish_within(GIVEN_UP);
    isere.wait_over();
    isere.act(PhoneAction::Hangup);
    let record = house.engine.record(1);
    println!("{:#}", record["termination"]);
    house.engine.quiet();
}
