//! A caller may hang up at any moment. The listener's phone stops ringing at once, one record says where it was, and
//! nothing is left behind.

use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::node::{PhoneAction, PhoneEvent, SystemClock};

use super::phone::{Phone, join};
use crate::engine::{Engine, pause};

/// What the issue allows between the caller's BYE and the silence of the listener's phone.
const STOPS_RINGING_MS_MAX: u64 = 100;

/// Hanging up in a prompt, in a menu, while waiting, while a phone rings, and in the conversation.
#[test]
fn b082_p022_a_caller_may_leave_at_any_moment() {
    // A welcome of three seconds, so that the menu comes soon.
    let engine = Engine::with("leaving", |setup| setup.replace("play = \"welcome\"", "play = \"place_is\""));
    let clock = SystemClock::start();
    let mut caller = Phone::caller(&engine, clock, "0476000102", 1000);
    let mut calls = 0;
    let mut left = |stage: &str| {
        calls += 1;
        let record = engine.record(calls);
        assert_eq!(
            record["termination"],
            serde_json::json!({ "by": "caller", "how": "hung_up", "during": stage }),
            "{record:#}"
        );
        engine.quiet();
        record
    };

    caller.dial("3977");
    pause(Duration::from_secs(1));
    hang_up(&mut caller);
    left("prompt");

    caller.dial("3977");
    pause(Duration::from_millis(4500));
    hang_up(&mut caller);
    left("menu");

    // Nobody has registered: the caller waits.
    caller.dial("3977");
    caller.key_isere();
    pause(Duration::from_millis(500));
    hang_up(&mut caller);
    let record = left("waiting");
    assert_eq!(record["attempts"], serde_json::json!([]));

    let mut isere = Phone::listener(&engine, clock, "isere", 440);
    caller.dial("3977");
    caller.key_isere();
    isere.wait("the ring", |event| *event == PhoneEvent::Rings);
    pause(Duration::from_secs(1));
    let rang = stops_within(hang_up(&mut caller), &mut isere, "ringing");
    let record = left("ringing");
    assert_eq!(record["attempts"][0]["outcome"], "withdrawn", "{record:#}");

    join(&mut caller, 1000, &mut isere, 440);
    let talked = stops_within(hang_up(&mut caller), &mut isere, "in conversation");
    let record = left("bridged");
    assert_eq!(record["attempts"][0]["outcome"], "answered", "{record:#}");
    println!("the phone stopped ringing {rang:?} after the BYE, and the conversation ended {talked:?} after it");
}

// ---- helpers -----------------------------------------------------------------------------------------------------

fn hang_up(caller: &mut Phone) -> Instant {
    let at = caller.act(PhoneAction::Hangup);
    caller.wait("our own end of the call", |event| *event == PhoneEvent::Over { by_peer: false });
    at
}

fn stops_within(since: Instant, listener: &mut Phone, while_it: &str) -> Duration {
    let took = listener.wait_over().since(since);
    assert!(
        took <= Duration::from_millis(STOPS_RINGING_MS_MAX),
        "{while_it}: the listener's phone learned of it after {took:?}"
    );
    took
}
