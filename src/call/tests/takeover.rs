//! Another device of the listener takes his place in the conversation (RFC 3891): she hears him all the while.

use super::*;

fn order(world: &World, parts: &[&str]) {
    let mut from = 0;
    for part in parts {
        let at = world.ladder[from..].iter().position(|line| line.contains(part));
        from += at.unwrap_or_else(|| panic!("no {part:?} in its place:\n{}", world.ladder.join("\n"))) + 1;
    }
}

/// Answered beside the old leg; the sound goes over at the ACK, in one step; then the old leg gets its BYE. One
/// conversation in the record, one release.
#[test]
fn b154_the_new_leg_takes_the_old_ones_place() {
    let mut world = World::bridged();
    let old = world.rung[0];
    let new = world.takes_over(old, sdp()).expect("it may");
    assert!(world.saw("leg 2: 200 with SDP") && !world.saw("parted from leg 1"));
    assert_eq!(world.takes_over(old, sdp()), None, "one at a time");
    world.wait_ms(700);
    world.media(new, MediaEvent::Started);
    world.leg(new, LegEvent::Confirmed { sdp: None });
    order(&world, &["caller: parted from leg 1", "leg 1: hang up, Normal", "caller: joined with leg 2"]);
    world.leg(old, LegEvent::Ended(LegEnd::Ours));
    world.wait_ms(60_000);
    assert_eq!(world.call.stage(), Stage::Bridged);
    assert_eq!((world.takes_over(old, sdp()), world.books.released), (None, 0));
    world.leg(new, LegEvent::Ended(LegEnd::HungUp));
    assert_eq!((world.books.released, world.words()), (1, "goodbye"));
    world.hangs_up();
    let record = world.record();
    assert_eq!((record.attempts.len(), record.talked_ms), (1, 60_700));
}

/// Without an offer the answer comes in the ACK, and the sound goes over with it; an ACK without one, or with one that
/// cannot be used, leaves the conversation where it is.
#[test]
fn b154_a_late_offer_of_the_new_device() {
    let mut world = World::bridged();
    let new = world.takes_over(world.rung[0], None).expect("it may");
    world.leg(new, LegEvent::Confirmed { sdp: sdp() });
    assert!(world.saw("caller: joined with leg 2"));
    world.hangs_up();
    world.record();
    for answer in [None, foreign_sdp()] {
        let mut world = World::bridged();
        let old = world.rung[0];
        let new = world.takes_over(old, None).expect("it may");
        world.leg(new, LegEvent::Confirmed { sdp: answer });
        assert!(world.saw("leg 2: hang up, NoCodec") && !world.saw("parted from leg 1"));
        assert_eq!(world.call.stage(), Stage::Bridged);
        assert!(world.takes_over(old, sdp()).is_some(), "and another try is welcome");
        world.hangs_up();
        world.record();
    }
}

/// What fails on the new leg is the new leg's: no port, no codec, no ACK, a device that gives up. The two talk on.
#[test]
fn b154_a_take_over_that_fails_disturbs_nobody() {
    for way in 0..4 {
        let mut world = World::bridged();
        let old = world.rung[0];
        world.media_replies = way != 0;
        let offer = if way == 1 { foreign_sdp() } else { sdp() };
        let new = world.takes_over(old, offer).expect("it may");
        match way {
            0 => world.media_catches_up(false),
            1 => assert!(world.saw("leg 2: 488")),
            2 => world.leg(new, LegEvent::Ended(LegEnd::NoAck)),
            _ => world.leg(new, LegEvent::Ended(LegEnd::Cancelled)),
        }
        world.media_replies = true;
        assert!(!world.saw("parted from leg 1"), "way {way}");
        world.wait_ms(20_000);
        assert_eq!(world.call.stage(), Stage::Bridged, "way {way}");
        world.leg(old, LegEvent::Ended(LegEnd::HungUp));
        world.hangs_up();
        world.record();
    }
}

/// He puts the old device down before the ACK of the new one is here: the conversation goes over at once, and is not over.
#[test]
fn b154_the_old_device_is_put_down_first() {
    let mut world = World::bridged();
    let old = world.rung[0];
    let new = world.takes_over(old, sdp()).expect("it may");
    world.leg(old, LegEvent::Ended(LegEnd::HungUp));
    assert_eq!((world.call.stage(), world.books.released), (Stage::Bridged, 0));
    assert!(world.saw("caller: joined with leg 2"));
    world.leg(new, LegEvent::Confirmed { sdp: None });
    world.hangs_up();
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Bridged));
}

/// The caller leaves, the listener is lost, the dispatcher takes back, in the middle of a take-over: no leg is left, in
/// whatever state the new one is.
#[test]
fn b154_whatever_ends_the_conversation_ends_both() {
    for answered in [false, true] {
        for way in 0..3 {
            let mut world = World::bridged();
            let old = world.rung[0];
            world.media_replies = answered;
            world.takes_over(old, if answered { None } else { sdp() }).expect("it may");
            match way {
                0 => {}
                1 => world.leg(old, LegEvent::Ended(LegEnd::Lost)),
                _ => {
                    let token = Token { call: world.call.id(), listener: ListenerId::new("lea"), generation: 1 };
                    world.withdraws(token);
                }
            }
            assert_eq!(world.saw("leg 2: hang up"), way > 0, "way {way}");
            world.hangs_up();
            assert!(world.saw("leg 2: hang up"), "way {way}");
            world.media_replies = true;
            world.media_catches_up(true);
            world.record();
        }
    }
}

/// Outside a conversation there is nothing to take over: not a ring, not a queue, not the caller's own leg.
#[test]
fn b154_only_a_conversation_is_taken_over() {
    let mut world = World::ringing(1);
    let leg = world.rung[0];
    assert_eq!(world.takes_over(leg, sdp()), None);
    world.answers(0);
    assert_eq!(world.takes_over(LegId::caller(world.call.id()), sdp()), None);
    // A word that names another leg than the next is not heard.
    let strange = LegId { nth: 40, ..leg };
    world.leg(strange, LegEvent::TakesOver { of: leg, offer: sdp() });
    assert!(!world.saw("leg 40: 200"));
    assert!(world.call.leg_to_take_over(leg).is_some());
}

/// A new device that gives no sound for eight seconds has failed like any other: she goes back to the queue, in front. A
/// device that comes in on hold gives her music instead.
#[test]
fn b154_the_new_device_must_be_heard() {
    let mut world = World::bridged();
    let new = world.takes_over(world.rung[0], sdp()).expect("it may");
    world.leg(new, LegEvent::Confirmed { sdp: None });
    world.wait_ms(8_100);
    assert_eq!(world.call.stage(), Stage::Waiting);
    world.hangs_up();
    world.record();
}
