//! Where does the person concerned live? What is keyed, what is guessed, what is read back.

use super::*;

/// What `keys` at the postcode question lead to: the department enqueued, or the words that follow.
fn keyed(keys: &str) -> String {
    let mut world = World::locating();
    world.press(keys);
    if world.words().starts_with("place_is") {
        world.press("1");
    }
    shown(&world)
}

fn shown(world: &World) -> String {
    let queued = world.ladder.iter().rev().find_map(|line| line.split("enqueue ").nth(1));
    queued.map_or_else(|| world.words().to_owned(), |line| line.split(',').next().unwrap_or_default().to_owned())
}

/// A postcode, a postcode with `#`, a department with `#`, three digits overseas: each is read back, and 1 confirms it.
#[test]
fn what_may_be_keyed() {
    for (keys, department) in [
        ("38000", "38"),
        ("38000#", "38"),
        ("38#", "38"),
        ("01#", "01"),
        ("974#", "974"),
        ("97400", "974"),
        ("20000", "2A"),
    ] {
        assert_eq!(keyed(keys), department, "{keys}");
    }
}

/// `#` after five digits was meant to end them, and answers nothing else: the read-back is not cut short and nothing is
/// counted against the caller.
#[test]
fn a_hash_after_a_whole_postcode() {
    let mut world = World::locating();
    world.press("38000#");
    assert_eq!(world.words(), "place_is dept.38 place_keys");
    world.press("#");
    assert_eq!(world.words(), "ask_postcode", "a second one is a key like any other");
}

/// A pause ends a department's two digits.
#[test]
fn a_pause_ends_what_is_keyed() {
    let mut world = World::locating();
    world.press("38");
    world.wait_ms(8000);
    assert_eq!(world.words(), "place_is dept.38 place_keys");
}

/// `20` alone asks which half of Corsica; 1 and 2 say it, silence asks again and then leads to a person.
#[test]
fn corsica() {
    for (key, department) in [("1", "2A"), ("2", "2B")] {
        let mut world = World::locating();
        world.press("20#");
        assert_eq!(world.words(), "ask_corsica");
        world.press(key);
        assert_eq!(shown(&world), department);
    }
    let mut world = World::locating();
    world.press("20#");
    world.said();
    world.wait_ms(6000);
    assert_eq!(world.words(), "ask_corsica");
    world.said();
    world.wait_ms(6000);
    assert_eq!(shown(&world), "anywhere");
}

/// What is no place is said once to be none; the second time a person takes over.
#[test]
fn two_failures_lead_to_a_person() {
    assert_eq!(keyed("99999"), "place_wrong ask_postcode");
    assert_eq!(keyed("9999999999"), "anywhere");
    assert_eq!(keyed("##"), "anywhere");
    let mut world = World::locating();
    world.press("380002");
    assert_eq!(world.words(), "ask_postcode", "2 corrects");
    world.press("690002");
    assert_eq!(shown(&world), "anywhere", "twice not understood");
}

/// Silence after the read-back: she keyed it herself and did not object.
#[test]
fn silence_confirms_what_she_keyed() {
    let mut world = World::locating();
    world.press("38000");
    world.said();
    world.wait_ms(6000);
    assert_eq!(shown(&world), "38");
    world.hangs_up();
    assert_eq!(world.record().located_by, Some(record::LocatedBy::Answer));
}

/// A guess from a geographic number is offered by name: 1 confirms it, 2 asks, silence asks and is no confirmation.
#[test]
fn the_hint() {
    let hinted = || {
        let world = World::locating_as(number("+33476546372"));
        assert_eq!(world.words(), "place_is dept.38 place_keys");
        world
    };
    let mut world = hinted();
    world.press("1");
    assert_eq!(shown(&world), "38");
    world.hangs_up();
    assert_eq!(world.record().located_by, Some(record::LocatedBy::ConfirmedHint));

    let mut world = hinted();
    world.press("2");
    assert_eq!(world.words(), "ask_postcode");
    world.press("690001");
    assert_eq!(shown(&world), "69");

    let mut world = hinted();
    world.said();
    world.wait_ms(6000);
    assert_eq!(world.words(), "ask_postcode");
}

/// A mobile or a hidden number gives no hint, and neither does a caller who has begun to key.
#[test]
fn no_hint() {
    assert_eq!(World::locating_as(number("+33612345678")).words(), "ask_postcode");
    assert_eq!(World::locating().words(), "ask_postcode");
    let mut world = World::welcomed_as(number("+33476546372"));
    world.said();
    for key in "069".chars() {
        world.caller_media(MediaEvent::Digit(key));
    }
    assert_eq!(world.words(), "", "the digits are taken for the postcode");
}
