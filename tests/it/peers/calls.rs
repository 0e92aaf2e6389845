//! One call at a time by SIPp, with what carriers' equipment does in the midst of it.

use std::time::Duration;

use ecoute::node::{PhoneAction, PhoneEvent};

use super::{CALLER_HZ, House, LISTENER_HZ};
use crate::softphones::sound::tone_s;

const MOMENT: Duration = Duration::from_millis(1500);

/// A caller without an offer hears and is heard, with the answer in her ACK; and again after a re-INVITE without one.
#[test]
fn b097_b099_late_offer() {
    let mut house = House::new("late");
    let (mut caller, voice) = house.joined("late_offer");
    caller.wait("OFFERED_AGAIN");
    voice.hear(LISTENER_HZ);
    house.isere.hear(CALLER_HZ);
    house.isere.wait_over();
    caller.finish();
    house.recorded("caller", "hung_up");
}

/// The caller's side holds the line: she is sent nothing, and after it both hear each other again.
#[test]
fn b100_hold_by_the_caller() {
    let mut house = House::new("hold");
    let (mut caller, voice) = house.joined("hold");
    caller.wait("HELD");
    crate::engine::pause(Duration::from_millis(500));
    let held = voice.hear_for(MOMENT);
    assert!(tone_s(&held, LISTENER_HZ) < 0.2, "the listener is heard on hold for {} s", tone_s(&held, LISTENER_HZ));
    caller.wait("RESUMED");
    voice.hear(LISTENER_HZ);
    house.isere.hear(CALLER_HZ);
    house.isere.wait_over();
    caller.finish();
    house.recorded("caller", "hung_up");
}
