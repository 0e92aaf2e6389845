//! Hold and other changes of a session in the conversation (RFC 3264 §8).

use super::*;

fn caller_leg() -> LegId {
    LegId::caller(CallId::from_raw(7))
}

fn holds(world: &mut World, leg: LegId, direction: &str) {
    world.leg(leg, LegEvent::Reoffer { sdp: sdp_with(direction) });
    world.leg(leg, LegEvent::ReofferConfirmed { sdp: None });
}

/// Either holds the call: the other hears music until it is taken up again (B100). A refresh of the hold does not begin the
/// music anew.
#[test]
fn b100_hold_and_resume() {
    for listener_holds in [false, true] {
        let mut world = World::bridged();
        let (holder, other) = match listener_holds {
            true => (world.rung[0], caller_leg()),
            false => (caller_leg(), world.rung[0]),
        };
        for direction in ["sendonly", "inactive", "inactive"] {
            holds(&mut world, holder, direction);
            assert_eq!((world.heard_by(other), world.heard_by(holder)), ("hold_music …", ""));
        }
        assert_eq!(world.ladder.iter().filter(|line| line.contains("play hold_music (fr)")).count(), 1);
        holds(&mut world, holder, "sendrecv");
        assert_eq!((world.heard_by(other), world.heard_by(holder)), ("", ""));
        assert_eq!(world.call.stage(), Stage::Bridged);
        world.hangs_up();
        assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Bridged));
    }
}

/// Both hold, one comes back: he who still is held hears music, the other does not (B101).
#[test]
fn b101_both_hold() {
    let mut world = World::bridged();
    let (caller, listener) = (caller_leg(), world.rung[0]);
    holds(&mut world, caller, "sendonly");
    holds(&mut world, listener, "sendonly");
    holds(&mut world, caller, "sendrecv");
    assert_eq!((world.heard_by(caller), world.heard_by(listener)), ("hold_music …", ""));
    holds(&mut world, listener, "sendrecv");
    assert_eq!((world.heard_by(caller), world.heard_by(listener)), ("", ""));
}

/// A caller who holds while she waits: the listener who answers hears music, not nothing.
#[test]
fn held_before_the_answer() {
    let mut world = World::ringing(1);
    holds(&mut world, caller_leg(), "sendonly");
    world.answers(0);
    assert_eq!(world.heard_by(world.rung[0]), "hold_music …");
    holds(&mut world, caller_leg(), "sendrecv");
    assert_eq!(world.heard_by(world.rung[0]), "");
}

/// A listener who holds at once gives no sound, and is not lost for it; when he comes back, he is given his time again.
#[test]
fn a_listener_who_holds_is_not_silent() {
    let mut world = World::ringing(1);
    world.answers(0);
    let listener = world.rung[0];
    holds(&mut world, listener, "inactive");
    world.wait_ms(60_000);
    assert_eq!((world.call.stage(), world.words()), (Stage::Bridged, "hold_music …"));
    // He was asked meanwhile whether he is still there; refusing the question changes nothing.
    world.leg(listener, LegEvent::ReofferRejected);
    holds(&mut world, listener, "sendrecv");
    world.wait_ms(7999);
    assert_eq!(world.call.stage(), Stage::Bridged);
    world.wait_ms(1);
    assert_eq!((world.call.stage(), world.words()), (Stage::Waiting, "sorry_reconnecting"));
}

/// The listener hangs up while one holds: the music ends, the plan's last words follow.
#[test]
fn the_end_while_held() {
    let mut world = World::bridged();
    let listener = world.rung[0];
    holds(&mut world, listener, "sendonly");
    world.leg(listener, LegEvent::Ended(LegEnd::HungUp));
    assert_eq!(world.words(), "goodbye");
    world.said();
    assert_eq!(world.end(), (Party::Listener, How::HungUp, Stage::Closing));
}

/// A re-INVITE without a description is answered with our offer; the answer comes in the ACK, and may hold.
#[test]
fn b099_a_reinvite_without_sdp() {
    let mut world = World::bridged();
    world.caller(LegEvent::Reoffer { sdp: None });
    assert!(world.saw("caller: 200 to the change with SDP"));
    world.caller(LegEvent::ReofferConfirmed { sdp: sdp_with("sendonly") });
    assert_eq!(world.heard_by(world.rung[0]), "hold_music …");
    world.caller(LegEvent::Reoffer { sdp: None });
    world.caller(LegEvent::ReofferConfirmed { sdp: None });
    assert_eq!(world.call.stage(), Stage::Bridged, "an ACK without the answer leaves the session as it was");
    assert_eq!(world.heard_by(world.rung[0]), "hold_music …");
    holds(&mut world, caller_leg(), "sendrecv");
    assert_eq!(world.heard_by(world.rung[0]), "");
}

/// A refused re-INVITE changes nothing: no sound is set up anew, nobody is cut.
#[test]
fn p031_a_refused_reinvite() {
    let mut world = World::bridged();
    for offer in [foreign_sdp(), Some(b"not a description".to_vec()), Some(Vec::new())] {
        let before = world.ladder.len();
        world.caller(LegEvent::Reoffer { sdp: offer });
        let new: Vec<&String> = world.ladder[before..].iter().collect();
        assert!(new.len() == 2 && new[1].contains(": 4") && new[1].ends_with("to the change"), "{new:?}");
        assert_eq!(world.call.stage(), Stage::Bridged);
    }
    holds(&mut world, caller_leg(), "sendonly");
    assert_eq!(world.heard_by(world.rung[0]), "hold_music …", "the next good one is taken");
}

/// A re-INVITE that crosses ours is answered 491, and ours is still answered.
#[test]
fn p011_glare() {
    let mut world = World::bridged();
    world.caller_media(MediaEvent::Silent { for_ms: 15_000 });
    world.caller(LegEvent::Reoffer { sdp: sdp() });
    assert!(world.saw("caller: 491 to the change"));
    world.caller(LegEvent::Reanswered { sdp: sdp() });
    holds(&mut world, caller_leg(), "sendonly");
    assert_eq!(world.heard_by(world.rung[0]), "hold_music …");
}

/// A change of session before the conversation is answered too, in every state that has a leg: she holds, and takes up
/// again, and what is said to her goes on.
#[test]
fn p012_changes_before_the_conversation() {
    for mut world in [World::answering(CallerIdentity::Hidden), World::welcomed(), World::locating(), World::queued()] {
        let (stage, words) = (world.call.stage(), world.words().to_owned());
        for (direction, sound) in [("sendonly", "recvonly"), ("sendrecv", "sendrecv"), ("inactive", "inactive")] {
            let before = world.ladder.len();
            holds(&mut world, caller_leg(), direction);
            let new = &world.ladder[before..];
            assert!(new.iter().any(|line| line.contains("caller: 200 to the change with SDP")), "{stage:?}: {new:?}");
            assert!(new.iter().any(|line| line.ends_with(sound)), "{stage:?}: {new:?}");
            assert_eq!((world.call.stage(), world.words()), (stage, words.as_str()), "{direction}");
        }
        holds(&mut world, caller_leg(), "sendrecv");
        world.hangs_up();
        assert_eq!(world.end(), (Party::Caller, How::HungUp, stage));
    }
}
