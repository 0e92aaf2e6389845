//! Silence and wrong keys, everywhere: they lead to a person, never to a loop or a hang-up.

use super::*;

/// A caller who never presses a key and never says a word is in the queue within two minutes.
#[test]
fn silence_leads_to_a_person() {
    for caller in [CallerIdentity::Hidden, number("+33476546372")] {
        let mut world = World::welcomed_as(caller);
        while world.call.stage() != Stage::Waiting {
            if !world.words().is_empty() {
                world.wait_ms(4000);
                world.said();
            } else {
                world.next_deadline();
            }
            assert!(world.now.at < Instant::from_millis(120_000), "{}", world.ladder.join("\n"));
        }
        assert_eq!(world.books.enqueued, 1);
        world.hangs_up();
        assert_eq!(world.record().department, None, "a guess that nobody confirmed is not believed");
    }
}

/// The plan that ships, by day and by night: silence leads to the queue, and there the emergency words keep the place.
#[test]
fn the_plan_that_ships() {
    let shipped = plan(include_str!("../../../dialplans/3977.toml"));
    let made = Made { caller: number("+33476546372"), offer: sdp(), plan: shipped };
    let mut world = World::make(made, true);
    world.caller(LegEvent::Confirmed { sdp: None });
    for _ in 0..30 {
        if world.call.stage() == Stage::Waiting {
            break;
        }
        world.next_deadline();
    }
    world.press("1");
    assert_eq!((world.words(), world.call.stage()), ("emergency", Stage::Waiting));
    world.said();
    assert_eq!((world.books.enqueued, world.books.left), (1, 0));
    world.hangs_up();
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Waiting));
}

/// The same when no end of a playback is ever told: each has a bound of its own.
#[test]
fn playbacks_that_never_end() {
    let mut world = World::welcomed();
    for _ in 0..12 {
        if world.call.stage() == Stage::Waiting {
            return;
        }
        world.next_deadline();
    }
    panic!("{}", world.ladder.join("\n"));
}

/// A caller who presses nonsense at every question reaches a person too, whatever the key.
#[test]
fn wrong_keys_lead_to_a_person() {
    for key in ["4", "7", "9", "*", "#", "0"] {
        let mut world = World::welcomed();
        let mut presses = 0;
        while world.call.stage() != Stage::Waiting {
            world.press(key);
            presses += 1;
            assert!(presses < 30, "{}", world.ladder.join("\n"));
            if key == "0" {
                world.wait_ms(7000); // after 0 nothing else need come
            }
        }
        world.hangs_up();
        assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Waiting));
    }
}

/// `0` at any question leads to a person: at the hint, at the postcode (after a pause), at Corsica, at the read-back, and at
/// a question of several keys.
#[test]
fn zero_is_always_a_person() {
    let mut hinted = World::locating_as(number("+33476546372"));
    hinted.press("0");
    let mut postcode = World::locating();
    postcode.press("0#");
    let mut pause = World::locating();
    pause.press("0");
    pause.wait_ms(10_000);
    let mut corsica = World::locating();
    corsica.press("20#0");
    let mut confirm = World::locating();
    confirm.press("380000");
    let mut case = World::welcomed();
    case.said();
    case.press("30#");
    for world in [hinted, postcode, pause, corsica, confirm, case] {
        assert_eq!(world.call.stage(), Stage::Waiting, "{}", world.ladder.join("\n"));
        assert!(world.saw("enqueue anywhere"));
    }
}

/// A dispatcher that never says a word: the call's own deadline leads to the plan's overflow, and the queue is left.
#[test]
fn a_dispatcher_that_says_nothing() {
    let mut world = World::queued();
    world.wait_ms(270_000);
    assert_eq!(world.call.stage(), Stage::Waiting);
    world.wait_ms(40_000);
    assert_eq!(world.words(), "busy");
    assert_eq!(world.books.left, 1);
    world.said();
    assert_eq!(world.end(), (Party::Us, How::Completed, Stage::Closing));
}

/// Exhausted, while waiting or while a phone still rings: the overflow, and nothing more to tell the dispatcher.
#[test]
fn exhausted_leads_to_the_overflow() {
    for devices in [0, 2] {
        let mut world = if devices == 0 { World::queued() } else { World::ringing(devices) };
        world.give(Input::Dispatch(DispatchEvent::Exhausted));
        assert_eq!(world.words(), "busy");
        world.said();
        let (by, how, _) = world.end();
        assert_eq!((by, how, world.books.left), (Party::Us, How::Completed, 0));
    }
}

/// A caller who is never acknowledged and never heard is let go after forty seconds, at the trunk's fault.
#[test]
fn no_ack() {
    let mut world = World::answering(CallerIdentity::Hidden);
    world.wait_ms(39_000);
    assert_eq!(world.finished.len(), 0);
    world.wait_ms(1000);
    assert_eq!(world.end(), (Party::Trunk, How::NoAck, Stage::Answering));
}
