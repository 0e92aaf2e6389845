//! One call at a time by SIPp, with what carriers' equipment does in the midst of it.

use std::time::Duration;

use super::{CALLER_HZ, House, LISTENER_HZ};
use crate::engine::pause;
use crate::softphones::sound::tone_s;

const MOMENT: Duration = Duration::from_millis(1500);

/// A caller without an offer hears and is heard, with the answer in her ACK; and again after a re-INVITE without one.
#[test]
fn b097_b099_late_offer() {
    let house = House::new("late");
    let mut isere = house.phone();
    let (mut caller, voice) = house.joined("late_offer", &mut isere);
    caller.wait("OFFERED_AGAIN");
    voice.hear(LISTENER_HZ);
    isere.hear(CALLER_HZ);
    isere.wait_over();
    caller.finish();
    house.recorded("caller", "hung_up");
}

/// The caller's side holds the line: she is sent nothing, and after it both hear each other again.
#[test]
fn b100_hold_by_the_caller() {
    held_by_the_caller("hold");
}

/// The listener holds the line: the caller hears music and not him, he is not sent the caller, and both come back.
#[test]
fn b100_hold_by_the_listener() {
    held_by_the_listener("listener_hold");
}

/// The caller hangs up in the moment the listener does: each BYE is answered, one record, nothing left.
#[test]
fn both_hang_up_at_once() {
    let house = House::new("crossing");
    let (mut listener, isere) = house.listener("listener_first");
    let (mut caller, voice) = house.caller("bye_crossing");
    listener.wait("ANSWERED");
    voice.hear(LISTENER_HZ);
    isere.hear(CALLER_HZ);
    listener.finish();
    caller.wait("BOTH");
    caller.finish();
    house.recorded("listener", "hung_up");
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// The caller plays `scenario`: she holds the line, takes it back, and hangs up.
pub fn held_by_the_caller(scenario: &str) {
    let house = House::new(scenario);
    let mut isere = house.phone();
    let (mut caller, voice) = house.joined(scenario, &mut isere);
    caller.wait("HELD");
    // What was on its way is over then, and on a slow machine as well.
    pause(MOMENT);
    let held = voice.hear_for(MOMENT);
    assert!(tone_s(&held, LISTENER_HZ) < 0.2, "the listener is heard on hold for {} s", tone_s(&held, LISTENER_HZ));
    caller.wait("RESUMED");
    voice.hear(LISTENER_HZ);
    isere.hear(CALLER_HZ);
    isere.wait_over();
    caller.finish();
    house.recorded("caller", "hung_up");
}

/// The listener plays `scenario`: he holds the line, takes it back, and hangs up.
pub fn held_by_the_listener(scenario: &str) {
    let house = House::new(scenario);
    let (mut listener, isere) = house.listener(scenario);
    let (mut caller, voice) = house.caller("talk");
    listener.wait("ANSWERED");
    voice.hear(LISTENER_HZ);
    isere.hear(CALLER_HZ);
    listener.wait("HELD");
    // What was on its way is over then, and on a slow machine as well.
    pause(MOMENT);
    let (before, held, after) = (isere.packets(), voice.hear_for(2 * MOMENT), isere.packets());
    assert!(tone_s(&held, LISTENER_HZ) < 0.2, "the listener is heard on hold for {} s", tone_s(&held, LISTENER_HZ));
    let sounding = held.iter().filter(|sample| sample.abs() > 0.01).count() as f32 / held.len().max(1) as f32;
    assert!(held.len() > 2 * 8000 && sounding > 0.3, "{} samples of hold music, {sounding} of them loud", held.len());
    assert!(after - before < 10, "who holds is sent {} packets", after - before);
    listener.wait("RESUMED");
    voice.hear(LISTENER_HZ);
    isere.hear(CALLER_HZ);
    listener.finish();
    caller.finish();
    house.recorded("listener", "hung_up");
}
