//! Words that cross each other, come twice, come late, or do not fit.

use super::*;

/// The dispatcher takes the ring back in the moment in which the phone is answered: its word counts, because the listener
/// may be reserved for somebody else. The phone is let go, and she stands where she stood.
#[test]
fn a_withdrawal_crosses_the_answer() {
    let mut world = World::queued();
    let token = world.ring("lea", 1);
    world.answers(0);
    world.withdraws(token);
    assert!(world.saw("leg 1: hang up, RangOut"));
    assert_eq!((world.call.stage(), world.words()), (Stage::Waiting, "sorry_reconnecting"));
    assert_eq!((world.books.enqueued, world.books.released), (1, 0), "to the dispatcher she never left the queue");
    world.said();
    assert_eq!(world.words(), "please_wait hold_music …");
    world.ring("max", 1);
    world.answers(0);
    assert_eq!(world.call.stage(), Stage::Bridged);
    world.hangs_up();
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Bridged));
}

/// A ring for a caller who no longer waits reserves nobody: the dispatcher is told that she left.
#[test]
fn a_ring_for_nobody() {
    for mut world in [World::welcomed(), World::locating()] {
        world.books.lawless = true;
        world.ring("lea", 2);
        assert!(world.saw("-> dispatcher: leave"));
        assert!(world.rung.is_empty());
    }
    let mut world = World::queued();
    world.media_replies = false;
    world.hangs_up();
    world.ring("lea", 1);
    assert!(world.rung.is_empty());
    world.media_catches_up(true);
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Waiting));
}

/// A newer ring takes the place of one that rings: the phones of the old one are let go.
#[test]
fn a_newer_ring() {
    let mut world = World::ringing(2);
    world.ring("max", 1);
    assert!(world.saw("leg 1: hang up") && world.saw("leg 2: hang up"));
    world.answers(0);
    world.hangs_up();
    assert_eq!(world.record().listener, Some(ListenerId::new("max")));
}

/// The end of a playback that was stopped, or of one that never was, moves nothing.
#[test]
fn stale_ends_of_playbacks() {
    let mut world = World::welcomed();
    world.caller_media(MediaEvent::PlaybackEnded(Playback(999)));
    assert_eq!(world.words(), "welcome");
    let (welcome, _) = world.playing[&LegId::caller(CallId::from_raw(7))];
    world.press("0");
    let before = world.words().to_owned();
    world.caller_media(MediaEvent::PlaybackEnded(welcome));
    assert_eq!(world.words(), before);
}

/// Words that do not fit a leg (an answer of the caller's, a refusal by a phone that has answered, an ACK of a listener's)
/// are not heard, and cut nobody.
#[test]
fn words_that_do_not_fit() {
    let misfits = |world: &mut World| {
        let legs: Vec<LegId> = [LegId::caller(CallId::from_raw(7))].into_iter().chain(world.rung.clone()).collect();
        for leg in legs {
            if leg.is_caller() || world.call.stage() == Stage::Bridged {
                world.leg(leg, LegEvent::Answered { sdp: None });
                world.leg(leg, LegEvent::Rejected { status: 603 });
            }
            world.leg(leg, LegEvent::Reanswered { sdp: None });
            world.leg(leg, LegEvent::ReofferRejected);
            world.leg(leg, LegEvent::ReofferConfirmed { sdp: None });
            world.media(leg, MediaEvent::OpenFailed);
            world.media(leg, opened(leg));
            if !leg.is_caller() {
                world.leg(leg, LegEvent::Confirmed { sdp: None });
            }
        }
        world.leg(LegId { call: CallId::from_raw(7), nth: 99 }, LegEvent::Answered { sdp: None });
        world.leg(LegId::caller(CallId::from_raw(8)), LegEvent::Ended(LegEnd::HungUp));
    };
    for mut world in [World::welcomed(), World::queued(), World::ringing(2), World::bridged()] {
        let (stage, words) = (world.call.stage(), world.words().to_owned());
        misfits(&mut world);
        assert_eq!((world.call.stage(), world.words()), (stage, words.as_str()));
    }
}

/// A timeout that comes early does nothing.
#[test]
fn an_early_timeout() {
    let mut world = World::welcomed();
    world.give(Input::Timeout);
    assert_eq!(world.words(), "welcome");
}

/// After the record nothing is heard and nothing is asked for.
#[test]
fn after_the_record() {
    let mut world = World::welcomed();
    world.hangs_up();
    world.hangs_up();
    world.press("1");
    world.give(Input::End(How::Fault));
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Prompt));
}

/// A caller who falls silent before her ACK has come is asked by a re-INVITE; the ACK that comes after all belongs to our
/// 200, and is not taken for an empty answer to the question.
#[test]
fn a_late_ack_crosses_our_question() {
    let mut world = World::answering(CallerIdentity::Unknown);
    world.caller_media(MediaEvent::Silent { for_ms: 30_000 });
    assert!(world.saw("-> caller: re-INVITE"));
    world.caller(LegEvent::Confirmed { sdp: None });
    world.wait_ms(300);
    assert_eq!(world.call.stage(), Stage::Prompt);
}
