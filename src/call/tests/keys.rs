//! Keys: barge-in, keys typed ahead, doubles, and keys while waiting.

use super::*;

/// A key cuts the welcome short and is kept for the menu; a key at the menu cuts its words short.
#[test]
fn barge_in() {
    let mut world = World::welcomed();
    world.wait_ms(500);
    world.press("1");
    assert_eq!(world.words(), "emergency");
    let mut world = World::welcomed();
    world.said();
    world.press("0");
    assert_eq!(world.words(), "ask_postcode");
    assert!(world.saw("caller: stop"));
}

/// Words that may not be skipped are said to their end, whatever is pressed; what was pressed does not leak into the queue.
#[test]
fn emergency_words_are_not_cut() {
    let mut world = World::welcomed();
    world.said();
    world.press("111");
    assert_eq!(world.words(), "emergency");
    world.said();
    assert_eq!(world.words(), "please_wait hold_music …");
}

/// Who knows the way types ahead, over the welcome or even before the ACK: nothing is lost.
#[test]
fn typed_ahead() {
    let mut world = World::welcomed();
    for key in "0380001".chars() {
        world.caller_media(MediaEvent::Digit(key));
    }
    assert_eq!(world.call.stage(), Stage::Waiting);
    assert!(world.saw("enqueue 38"));

    let mut world = World::answering(CallerIdentity::Hidden);
    world.press("1");
    world.caller(LegEvent::Confirmed { sdp: None });
    world.caller_media(MediaEvent::Started);
    assert_eq!(world.words(), "emergency");
}

/// The same press by RTP and by INFO counts once, in either order and however they interleave; two quick presses by one way
/// count twice.
#[test]
fn b167_doubles() {
    let keyed = |events: &[(char, bool)]| {
        let mut world = World::locating();
        for (key, info) in events {
            match info {
                true => world.caller(LegEvent::Digit(*key)),
                false => world.caller_media(MediaEvent::Digit(*key)),
            }
            world.wait_ms(60);
        }
        world.wait_ms(6000);
        world.words().to_owned()
    };
    let (rtp, info) = (false, true);
    assert_eq!(keyed(&[('3', rtp), ('3', info), ('8', rtp), ('8', info)]), "place_is dept.38 place_keys");
    assert_eq!(keyed(&[('3', info), ('3', rtp), ('8', info), ('8', rtp)]), "place_is dept.38 place_keys");
    assert_eq!(keyed(&[('3', rtp), ('8', rtp), ('3', info), ('8', info)]), "place_is dept.38 place_keys");
    assert_eq!(keyed(&[('3', rtp), ('3', rtp)]), "place_is dept.33 place_keys");
    assert_eq!(keyed(&[('3', rtp), ('3', rtp), ('3', info), ('3', info)]), "place_is dept.33 place_keys");
    assert_eq!(keyed(&[('3', info), ('8', info)]), "place_is dept.38 place_keys", "INFO alone");
}

/// The same key half a second later by the other way is another press.
#[test]
fn no_double_after_half_a_second() {
    let mut world = World::locating();
    world.caller_media(MediaEvent::Digit('3'));
    world.wait_ms(500);
    world.caller(LegEvent::Digit('3'));
    world.caller_media(MediaEvent::Digit('#'));
    assert_eq!(world.words(), "place_is dept.33 place_keys");
}

/// More keys than anybody means are dropped, the oldest first; nothing grows.
#[test]
fn a_flood_of_keys() {
    let mut world = World::answering(CallerIdentity::Hidden);
    for key in "7".repeat(1000).chars().chain("1".repeat(32).chars()) {
        world.caller_media(MediaEvent::Digit(key));
    }
    world.caller(LegEvent::Confirmed { sdp: None });
    world.caller_media(MediaEvent::Started);
    assert_eq!(world.words(), "emergency");
}

/// Keys typed behind a wrong one are not taken for an answer to the words said again; a key pressed afterwards is.
#[test]
fn a_wrong_key_spoils_what_follows() {
    let mut world = World::answering(CallerIdentity::Hidden);
    world.press("81");
    world.caller(LegEvent::Confirmed { sdp: None });
    world.caller_media(MediaEvent::Started);
    assert_eq!(world.words(), "in_danger");
    world.press("1");
    assert_eq!(world.words(), "emergency");
}

/// What is no key of a telephone, and a listener's keys, do nothing.
#[test]
fn other_keys() {
    let mut world = World::welcomed();
    world.caller_media(MediaEvent::Digit('A'));
    world.caller(LegEvent::Digit('é'));
    assert_eq!(world.words(), "welcome");
    let mut world = World::bridged();
    world.media(world.rung[0], MediaEvent::Digit('1'));
    world.press("1");
    assert_eq!(world.call.stage(), Stage::Bridged);
}

/// A question of several keys: too few are asked for again, `#` ends them, and one that comes after a full answer is spent.
#[test]
fn a_question_of_several_keys() {
    let ask = || {
        let mut world = World::welcomed();
        world.said();
        world.press("3");
        assert_eq!(world.words(), "ask_case");
        world
    };
    for keys in ["42#", "4242", "4242#"] {
        let mut world = ask();
        world.press(keys);
        assert_eq!(world.call.stage(), Stage::Waiting, "{keys}");
    }
    let mut world = ask();
    world.press("4#");
    assert_eq!(world.words(), "ask_case");
    world.press("*4");
    world.wait_ms(10_000);
    assert_eq!(world.call.stage(), Stage::Waiting, "not understood twice: a person");
}

/// The emergency words, asked for in the queue, are said over the waiting: the place is kept, though the way back leads over
/// opening hours; afterwards the waiting voice again.
#[test]
fn emergency_words_keep_the_place() {
    for ringing in [false, true] {
        let mut world = if ringing { World::ringing(1) } else { World::queued() };
        let stage = world.call.stage();
        world.press("1");
        assert_eq!((world.words(), world.call.stage()), ("emergency", stage));
        world.said();
        assert_eq!(world.words(), "please_wait hold_music …");
        assert_eq!((world.books.enqueued, world.books.left), (1, 0));
        world.press("7");
        assert_eq!(world.words(), "please_wait hold_music …", "a key without a meaning changes nothing");
    }
}

/// Any other step leaves the queue, and a phone that rings is let go; another language asks for another listener.
#[test]
fn another_step_leaves_the_queue() {
    for ringing in [false, true] {
        let mut world = if ringing { World::ringing(1) } else { World::queued() };
        world.press("3");
        assert_eq!((world.words(), world.books.left), ("ask_case", 1));
        assert_eq!(world.saw("leg 1: hang up"), ringing);
        world.press("42#");
        assert_eq!((world.call.stage(), world.books.enqueued), (Stage::Waiting, 2));
        world.press("2");
        assert_eq!((world.words(), world.books.left), ("now_english", 2));
        world.said();
        assert!(world.saw("enqueue anywhere, en"));
    }
}
