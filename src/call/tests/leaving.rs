//! The caller hangs up, in every state: one record, every leg let go, every reservation given back.

use super::*;

/// Before the ports are open she cancels: nothing was promised, and ports that open later are closed.
#[test]
fn while_the_ports_open() {
    let mut world = World::offered();
    world.caller(LegEvent::Ended(LegEnd::Cancelled));
    assert_eq!(world.finished.len(), 0, "the stream is not settled yet");
    world.media_catches_up(true);
    assert_eq!(world.end(), (Party::Caller, How::Cancelled, Stage::Offered));
    assert!(!world.saw("200 with SDP"));
}

/// After our 200 and before her ACK she hangs up.
#[test]
fn before_the_ack() {
    let mut world = World::answering(CallerIdentity::Hidden);
    world.hangs_up();
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Answering));
}

/// While something is said to her.
#[test]
fn b082_during_a_prompt() {
    let mut world = World::welcomed();
    world.wait_ms(1500);
    world.hangs_up();
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Prompt));
    assert_eq!(world.finished[0].record.ended_ms, 1500);
}

/// At the menu: during its words, in the silence after them, and at a question of several keys.
#[test]
fn b082_at_a_menu_and_at_a_question() {
    for silent in [false, true] {
        let mut world = World::welcomed();
        world.said();
        if silent {
            world.said();
        }
        world.wait_ms(1000);
        world.hangs_up();
        assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Menu));
    }
    let mut world = World::welcomed();
    world.said();
    world.press("31");
    world.hangs_up();
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Menu));
}

/// In each question of the search for the department: the hint, the postcode half keyed, Corsica, the read-back.
#[test]
fn while_the_place_is_asked() {
    let hinted = World::locating_as(number("+33476546372"));
    assert!(hinted.words().contains("place_is"), "{}", hinted.words());
    let mut half = World::locating();
    half.press("380");
    let mut corsica = World::locating();
    corsica.press("20#");
    assert_eq!(corsica.words(), "ask_corsica");
    let mut confirm = World::locating();
    confirm.press("38000");
    assert_eq!(confirm.words(), "place_is dept.38 place_keys");
    for mut world in [hinted, half, corsica, confirm] {
        world.hangs_up();
        assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Locating));
        assert_eq!(world.books.enqueued, 0);
    }
}

/// In the queue: the dispatcher is told once.
#[test]
fn b082_in_the_queue() {
    let mut world = World::queued();
    world.wait_ms(5000);
    world.hangs_up();
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Waiting));
    assert_eq!((world.books.left, world.books.released), (1, 0));
}

/// While a phone rings: before our INVITE has left there is nothing to cancel; after it, it is cancelled.
#[test]
fn b082_p151_while_a_phone_rings() {
    let mut world = World::queued();
    world.media_replies = false;
    world.ring("lea", 1);
    world.hangs_up();
    world.media_catches_up(true);
    assert!(!world.saw("INVITE") && !world.saw("leg 1: hang up"));
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Ringing));
    assert_eq!(world.outcomes(), [("lea".to_owned(), record::AttemptOutcome::Withdrawn)]);

    let mut world = World::ringing(2);
    world.hangs_up();
    assert!(world.saw("leg 1: hang up, CallerGone") && world.saw("leg 2: hang up, CallerGone"));
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Ringing));
    assert_eq!((world.books.left, world.books.released, world.books.outcomes.len()), (1, 0, 0));
}

/// The listener answers in the same millisecond, before her hang-up or after it: no leg is left, he is free (B082).
#[test]
fn b082_p150_p153_as_the_listener_answers() {
    let mut world = World::ringing(1);
    world.answers(0);
    world.hangs_up();
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Bridged));
    assert_eq!((world.books.left, world.books.released), (0, 1));

    let mut world = World::ringing(1);
    world.media_replies = false;
    world.hangs_up();
    world.answers(0);
    world.media_catches_up(true);
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Ringing));
    assert_eq!((world.books.left, world.books.released), (1, 0));
}

/// In the conversation, by a hang-up or by the loss of her connection.
#[test]
fn b092_p154_in_the_conversation() {
    for (end, by, how) in [(LegEnd::HungUp, Party::Caller, How::HungUp), (LegEnd::Lost, Party::Trunk, How::Lost)] {
        let mut world = World::bridged();
        world.wait_ms(60_000);
        world.caller(LegEvent::Ended(end));
        assert!(world.saw("leg 1: hang up, CallerGone"));
        assert_eq!(world.end(), (by, how, Stage::Bridged));
        assert_eq!((world.books.left, world.books.released), (0, 1));
        assert_eq!(world.finished[0].record.talked_ms, 60_000);
    }
}

/// Her sound stopped a while ago when her BYE comes: the listener's leg ends in the same instant, sound or none.
#[test]
fn p022_a_hang_up_waits_for_no_sound() {
    let mut world = World::bridged();
    world.wait_ms(20_000);
    world.caller_media(MediaEvent::Silent { for_ms: 15_000 });
    world.media_replies = false;
    let (at, before) = (world.now.at, world.ladder.len());
    world.hangs_up();
    assert!(world.ladder[before..].iter().any(|line| line.contains("leg 1: hang up, CallerGone")));
    assert_eq!((world.now.at, world.books.released), (at, 1));
    world.media_catches_up(true);
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Bridged));
}

/// As we hang up ourselves: her BYE crosses ours, and the first word stands.
#[test]
fn as_we_hang_up() {
    let mut world = World::bridged();
    world.leg(world.rung[0], LegEvent::Ended(LegEnd::HungUp));
    world.media_replies = false;
    world.said();
    world.hangs_up();
    world.media_catches_up(true);
    assert_eq!(world.end(), (Party::Listener, How::HungUp, Stage::Closing));
}

/// A worker that never closes a stream holds the record for two seconds, no longer.
#[test]
fn figures_that_never_come() {
    let mut world = World::bridged();
    world.media_replies = false;
    world.hangs_up();
    world.wait_ms(1999);
    assert_eq!(world.finished.len(), 0);
    world.wait_ms(1);
    assert_eq!(world.finished.len(), 1);
    assert_eq!(world.finished[0].record.listener_sound, None);
}

/// A node that stops, or a person, ends the call in any state; a listener at the other end is freed.
#[test]
fn p170_ended_from_outside() {
    let worlds = [World::offered(), World::answering(CallerIdentity::Hidden), World::welcomed(), World::locating()];
    for mut world in worlds.into_iter().chain([World::queued(), World::ringing(2), World::bridged()]) {
        let during = world.call.stage();
        world.give(Input::End(How::Drained));
        world.media_catches_up(true);
        assert!(world.saw("caller: hang up, Draining"));
        assert_eq!(world.end(), (Party::Us, How::Drained, during));
    }
}

/// 72 s of conversation, then her operator's link fails: after 30 s without sound she is asked, nobody answers, and the
/// record holds the 72 s and the true cause. A listener who is lost likewise; a hang-up after a silence counts to its end.
#[test]
fn p178_a_lost_conversation_is_as_long_as_its_sound() {
    for (end, talked_ms) in [(LegEnd::Lost, 72_000), (LegEnd::HungUp, 134_000)] {
        let mut world = World::bridged();
        world.wait_ms(102_000);
        world.caller_media(MediaEvent::Silent { for_ms: 30_000 });
        assert!(world.saw("caller: re-INVITE"));
        world.wait_ms(32_000);
        world.caller(LegEvent::Ended(end));
        let record = world.record();
        assert_eq!(record.talked_ms, talked_ms, "{end:?}");
        let cause = if end == LegEnd::Lost { (Party::Trunk, How::Lost) } else { (Party::Caller, How::HungUp) };
        assert_eq!((record.termination.by, record.termination.how), cause);
    }
    let mut world = World::bridged();
    world.wait_ms(102_000);
    let leg = world.rung[0];
    world.media(leg, MediaEvent::Silent { for_ms: 30_000 });
    world.media(leg, MediaEvent::Audible);
    world.media(leg, MediaEvent::Silent { for_ms: 30_000 });
    world.leg(leg, LegEvent::Ended(LegEnd::Lost));
    world.hangs_up();
    assert_eq!(world.record().talked_ms, 72_000);
}
