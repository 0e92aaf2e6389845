//! The listener's side: what may become of a ring, and of a conversation. Whatever it is, the caller keeps her leg.

use super::record::AttemptOutcome;
use super::*;
use crate::dispatch::Outcome;

/// A 6xx too is only this device's word: other listeners are still tried. Each refusal is told to the dispatcher in its own word, and the caller goes on waiting with her voice and her place.
#[test]
fn b087_b089_refusals() {
    let table = [
        (603, false, Outcome::Declined),
        (403, true, Outcome::Declined),
        (486, true, Outcome::Busy),
        (600, false, Outcome::Busy),
        (404, false, Outcome::Wrong),
        (604, false, Outcome::Wrong),
        (480, true, Outcome::NoAnswer),
        (480, false, Outcome::Unreachable),
        (408, true, Outcome::NoAnswer),
        (408, false, Outcome::Unreachable),
        (488, false, Outcome::Failed),
        (503, false, Outcome::Unreachable),
        (401, false, Outcome::Unreachable),
    ];
    for (status, rang, outcome) in table {
        let mut world = World::ringing(1);
        if rang {
            world.leg(world.rung[0], LegEvent::Progress { status: 180 });
        }
        world.rejects(0, status);
        assert_eq!((world.call.stage(), world.words()), (Stage::Waiting, "please_wait hold_music …"), "{status}");
        assert_eq!(world.books.outcomes, [outcome], "{status}, rang: {rang}");
        world.hangs_up();
        assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Waiting));
    }
}

/// It rings out: the dispatcher withdraws, the phone is let go, and no outcome is told to who knows it.
#[test]
fn rings_out() {
    let mut world = World::queued();
    let token = world.ring("lea", 1);
    world.leg(world.rung[0], LegEvent::Progress { status: 180 });
    world.wait_ms(20_000);
    world.withdraws(token);
    assert!(world.saw("leg 1: hang up, RangOut"));
    assert_eq!((world.call.stage(), world.books.outcomes.len()), (Stage::Waiting, 0));
    world.ring("max", 1);
    world.answers(0);
    world.hangs_up();
    assert_eq!(
        world.outcomes(),
        [("lea".to_owned(), AttemptOutcome::NoAnswer), ("max".to_owned(), AttemptOutcome::Answered)]
    );
}

/// A withdrawal of another ring changes nothing.
#[test]
fn a_withdrawal_of_an_old_ring() {
    let mut world = World::queued();
    let old = world.ring("lea", 1);
    world.withdraws(old.clone());
    world.ring("max", 1);
    world.withdraws(old);
    assert_eq!(world.call.stage(), Stage::Ringing);
}

/// A phone that never says a word, and a dispatcher that never withdraws: our own deadline ends the ring.
#[test]
fn no_word_at_all() {
    let mut world = World::ringing(1);
    world.wait_ms(25_000);
    assert_eq!((world.call.stage(), &world.books.outcomes[..]), (Stage::Waiting, &[Outcome::Unreachable][..]));
    assert!(world.saw("leg 1: hang up"));
}

/// Several devices ring; the first to answer wins, and the others are told that the call was completed elsewhere (B091).
#[test]
fn b081_b091_p168_the_first_device_wins() {
    let mut world = World::ringing(3);
    world.answers(1);
    assert_eq!(world.call.stage(), Stage::Bridged);
    assert!(world.saw("leg 1: hang up, CompletedElsewhere") && world.saw("leg 3: hang up, CompletedElsewhere"));
    world.answers(2);
    world.rejects(0, 487);
    assert_eq!(world.call.stage(), Stage::Bridged, "late words of the others change nothing");
    world.hangs_up();
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Bridged));
    assert_eq!(world.finished[0].record.attempts.len(), 1);
}

/// One device refuses: the listener has spoken, and the others are let go.
#[test]
fn one_device_declines() {
    let mut world = World::ringing(3);
    world.rejects(1, 603);
    assert_eq!((world.call.stage(), &world.books.outcomes[..]), (Stage::Waiting, &[Outcome::Declined][..]));
    assert!(world.saw("leg 1: hang up") && world.saw("leg 3: hang up") && !world.saw("leg 2: hang up"));
}

/// One device is lost, another busy: the rest go on, and at the end the most telling word stands.
#[test]
fn one_device_lost() {
    let mut world = World::ringing(3);
    world.leg(world.rung[0], LegEvent::Ended(LegEnd::Lost));
    world.rejects(1, 486);
    assert_eq!(world.call.stage(), Stage::Ringing);
    world.rejects(2, 404);
    assert_eq!((world.call.stage(), &world.books.outcomes[..]), (Stage::Waiting, &[Outcome::Busy][..]));
}

/// No device is left when the ring comes: unreachable, at once.
#[test]
fn no_devices() {
    let world = World::ringing(0);
    assert_eq!((world.call.stage(), &world.books.outcomes[..]), (Stage::Waiting, &[Outcome::Unreachable][..]));
}

/// No ports for the listener's leg: our fault, held against nobody.
#[test]
fn no_ports_for_the_listener() {
    let mut world = World::queued();
    world.media_replies = false;
    world.ring("lea", 2);
    world.media_catches_up(false);
    assert_eq!((world.call.stage(), &world.books.outcomes[..]), (Stage::Waiting, &[Outcome::Failed][..]));
    assert!(!world.saw("INVITE"));
}

/// A phone that answers without a description, or without a codec of ours, is let go: our fault, not his; another device
/// goes on ringing.
#[test]
fn answers_that_cannot_be_used() {
    for sdp in [None, foreign_sdp()] {
        let mut world = World::ringing(1);
        world.leg(world.rung[0], LegEvent::Answered { sdp: sdp.clone() });
        assert!(world.saw("leg 1: hang up, NoCodec"));
        assert_eq!((world.call.stage(), &world.books.outcomes[..]), (Stage::Waiting, &[Outcome::Failed][..]));

        let mut world = World::ringing(2);
        world.leg(world.rung[0], LegEvent::Answered { sdp });
        assert_eq!(world.call.stage(), Stage::Ringing);
        world.answers(1);
        assert_eq!(world.call.stage(), Stage::Bridged);
    }
}

/// A phone that answers and gives no sound for eight seconds: its leg ends, she hears a word of regret and stands in the
/// queue again, in front, without that listener (B090).
#[test]
fn b090_answers_and_gives_no_sound() {
    let mut world = World::ringing(1);
    world.answers(0);
    world.wait_ms(7999);
    assert_eq!(world.call.stage(), Stage::Bridged);
    world.wait_ms(1);
    assert!(world.saw("leg 1: hang up, MediaLost"));
    assert!(world.saw("enqueue anywhere, fr, priority 1") && world.saw("without lea"));
    assert_eq!((world.call.stage(), world.words()), (Stage::Waiting, "sorry_reconnecting"));
    assert_eq!((world.books.released, world.books.enqueued), (1, 2));
    world.said();
    assert_eq!(world.words(), "please_wait hold_music …");
    world.ring("max", 1);
    world.answers(0);
    world.media(world.rung[0], MediaEvent::Started);
    world.wait_ms(9000);
    world.hangs_up();
    let record = world.record();
    assert_eq!(record.listener, Some(ListenerId::new("max")));
    assert_eq!(record.talked_ms, 17_000);
}

/// A phone whose sound came before its 200 has been heard already.
#[test]
fn sound_before_the_answer() {
    let mut world = World::ringing(1);
    world.media(world.rung[0], MediaEvent::Started);
    world.answers(0);
    world.wait_ms(60_000);
    assert_eq!(world.call.stage(), Stage::Bridged);
}

/// His connection is lost in the conversation, or his dialog is: back to the queue, in front (B092).
#[test]
fn b092_lost_in_the_conversation() {
    for end in [LegEnd::Lost, LegEnd::NoAck] {
        let mut world = World::bridged();
        world.wait_ms(30_000);
        world.leg(world.rung[0], LegEvent::Ended(end));
        assert!(!world.saw("leg 1: hang up") && !world.saw("caller: hang up"));
        assert!(world.saw("caller: parted from leg 1") && world.saw("priority 1"));
        assert_eq!((world.call.stage(), world.words()), (Stage::Waiting, "sorry_reconnecting"));
        world.hangs_up();
        assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Waiting));
    }
}

/// Silence of a leg in the conversation cuts nobody: the peer is asked by a re-INVITE, once, and the word is noted.
#[test]
fn silence_is_asked_about() {
    let mut world = World::bridged();
    for for_ms in [15_000, 30_000] {
        world.media(world.rung[0], MediaEvent::Silent { for_ms });
    }
    let probes = |world: &World| world.ladder.iter().filter(|line| line.contains("-> leg 1: re-INVITE")).count();
    assert_eq!(probes(&world), 1, "one at a time");
    world.leg(world.rung[0], LegEvent::Reanswered { sdp: sdp() });
    world.media(world.rung[0], MediaEvent::Silent { for_ms: 45_000 });
    assert_eq!(probes(&world), 2);
    world.leg(world.rung[0], LegEvent::ReofferRejected);
    assert_eq!(world.call.stage(), Stage::Bridged);
    world.leg(world.rung[0], LegEvent::Ended(LegEnd::Lost));
    assert_eq!(world.call.stage(), Stage::Waiting);
}

/// No conversation lasts for ever: after six hours it is ended, and both legs with it.
#[test]
fn the_longest_conversation() {
    let mut world = World::bridged();
    world.wait_ms(6 * 3_600_000);
    assert_eq!(world.end(), (Party::Us, How::Completed, Stage::Bridged));
}

/// Whatever the caller or the listener presses while they talk, feature codes of other systems included, nothing is dialled,
/// nobody is moved, and the call ends as any other.
#[test]
fn p184_feature_codes_do_nothing() {
    for keys in ["##0021312345678#", "*2000000000", "*1*1", "#", "*#06#", "70**"] {
        let mut world = World::bridged();
        let (rung, before) = (world.rung.clone(), world.ladder.len());
        world.press(keys);
        for key in keys.chars() {
            world.caller(LegEvent::Digit(key));
            world.leg(rung[0], LegEvent::Digit(key));
            world.media(rung[0], MediaEvent::Digit(key));
        }
        assert_eq!((&world.rung, world.call.stage()), (&rung, Stage::Bridged), "{keys}");
        let acts = world.ladder[before..].iter().filter(|line| !line.contains("<-"));
        assert_eq!(acts.count(), 0, "{keys}: {:#?}", &world.ladder[before..]);
        world.hangs_up();
        assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Bridged), "{keys}");
    }
}

/// A phone rings, gives early sound with 183, and answers with another description: until the answer she hears the queue's
/// own voice and no sound of his, and then him, as the answer says and not as the 183 did.
#[test]
fn b085_p035_early_sound_of_a_phone_is_not_hers() {
    let mut world = World::ringing(1);
    let leg = world.rung[0];
    for status in [180, 183, 180] {
        world.leg(leg, LegEvent::Progress { status });
        assert_eq!(world.words(), "please_wait hold_music …", "{status}");
        assert!(!world.saw("joined with") && !world.saw("leg 1: sound"), "{status}");
    }
    world.leg(leg, LegEvent::Answered { sdp: sdp() });
    assert_eq!((world.words(), world.call.stage()), ("", Stage::Bridged));
    assert!(world.saw("leg 1: sound") && world.saw("caller: joined with leg 1"));
    world.hangs_up();
    world.record();
}

/// A caller who leaves ends the rings with another reason than a listener who was quicker (P168: losers only).
#[test]
fn p168_a_caller_who_leaves_completed_nothing_elsewhere() {
    let mut world = World::ringing(2);
    world.hangs_up();
    assert!(world.saw("leg 1: hang up, CallerGone") && world.saw("leg 2: hang up, CallerGone"));
    assert!(!world.saw("CompletedElsewhere"));
}
