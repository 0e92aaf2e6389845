//! The caller's INVITE: with an offer, without one, with one that cannot be used, with no port free.

use super::*;

fn late() -> World {
    World::make(Made::new(CallerIdentity::Hidden, None), true)
}

/// We speak after the ACK and her first sound, or three tenths of a second after the ACK: the first syllable is not lost.
#[test]
fn b086_when_the_first_word_is_said() {
    let mut world = World::answering(CallerIdentity::Hidden);
    world.wait_ms(5000);
    assert_eq!(world.words(), "");
    world.caller(LegEvent::Confirmed { sdp: None });
    assert_eq!(world.words(), "");
    world.wait_ms(299);
    assert_eq!(world.words(), "");
    world.wait_ms(1);
    assert_eq!(world.words(), "welcome");
    assert_eq!(World::welcomed().words(), "welcome", "at once, when her sound is there");

    let mut world = World::answering(CallerIdentity::Hidden);
    world.caller_media(MediaEvent::Started);
    world.wait_ms(300);
    assert_eq!(world.words(), "welcome", "her sound is here: the ACK was lost, and its repetition is on the way");
}

/// A late offer: ours goes out in the 200, her answer comes in the ACK, and nothing is said before it.
#[test]
fn b097_p026_a_late_offer() {
    let mut world = late();
    assert!(world.saw("caller: 200 with SDP"));
    world.caller_media(MediaEvent::Started);
    world.wait_ms(5000);
    assert_eq!(world.words(), "");
    world.caller(LegEvent::Confirmed { sdp: sdp() });
    assert_eq!(world.words(), "welcome");
    world.hangs_up();
    assert_eq!(world.end(), (Party::Caller, How::HungUp, Stage::Prompt));
}

/// A late offer whose ACK brings no answer, or one that cannot be used: the call ends, with a word why.
#[test]
fn b098_a_late_offer_without_an_answer() {
    for answer in [None, foreign_sdp(), Some(b"v=".to_vec())] {
        let mut world = late();
        world.caller(LegEvent::Confirmed { sdp: answer });
        assert!(world.saw("caller: hang up, NoCodec"));
        assert_eq!(world.end(), (Party::Caller, How::NoCodec, Stage::Answering));
    }
}

/// An offer that cannot be used is refused before anything is answered.
#[test]
fn b096_no_common_codec() {
    for (offer, status) in [(foreign_sdp(), "488"), (Some(b"nonsense".to_vec()), "400")] {
        let mut world = World::make(Made::new(CallerIdentity::Hidden, offer), true);
        assert!(world.saw(&format!("caller: {status}")));
        assert_eq!(world.end(), (Party::Caller, How::NoCodec, Stage::Offered));
        assert_eq!(world.finished[0].record.answered_ms, None);
    }
}

/// No ports, or a worker that does not reply within two seconds: 503, and when to try again.
#[test]
fn p118_no_ports() {
    let mut world = World::offered();
    world.media_catches_up(false);
    assert!(world.saw("caller: 503, again after 5 s"));
    assert_eq!(world.end(), (Party::Us, How::NoPorts, Stage::Offered));

    let mut world = World::offered();
    world.wait_ms(2000);
    assert!(world.saw("caller: 503"));
    world.media_catches_up(true);
    assert_eq!(world.end(), (Party::Us, How::NoPorts, Stage::Offered));
}

/// The peer or the trunk at fault: the endpoint's word becomes the record's.
#[test]
fn p006_p172_who_is_at_fault() {
    for (end, by, how) in [
        (LegEnd::Cancelled, Party::Caller, How::Cancelled),
        (LegEnd::NoAck, Party::Trunk, How::NoAck),
        (LegEnd::Lost, Party::Trunk, How::Lost),
        (LegEnd::Ours, Party::Us, How::Completed),
    ] {
        let mut world = World::answering(CallerIdentity::Hidden);
        world.caller(LegEvent::Ended(end));
        assert_eq!(world.end(), (by, how, Stage::Answering));
    }
}

/// What is wrong with her offer stands in the Warning of the 488: no codec of ours (305), no voice at all (304).
#[test]
fn b096_a_488_says_what_is_wrong() {
    let video = b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=video 40002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
    for (offer, code) in [(foreign_sdp(), 305), (Some(video.to_vec()), 304)] {
        let now = Now { at: Instant::ZERO, civil: Civil::from_unix_millis(0) };
        let Made { caller, offer, plan } = Made::new(CallerIdentity::Hidden, offer);
        let arrival = Arrival { call: CallId::from_raw(7), now, plan, caller, located: None, offer };
        let mut call = Call::new(arrival, settings());
        drain(&mut call);
        let leg = LegId::caller(call.id());
        call.handle_input(now, Input::Media { leg, event: opened(leg) });
        let (outputs, _) = drain(&mut call);
        let warning = outputs.iter().find_map(|output| match output {
            Output::Leg { act: LegAct::Reject { status: 488, warning, .. }, .. } => *warning,
            _ => None,
        });
        assert_eq!(warning.map(|(code, _)| code), Some(code));
    }
}
