//! Several steps in a row: refreshes, holds, late offers, glare, forks, numbers that must stay.

use super::*;
use ecoute::sdp::Codec;

/// Our own offer, word for word.
#[test]
fn our_offer() {
    let (session, offer) = step(&Session::new(7), Move::Offer { direction: Direction::SendRecv }).expect("an offer");
    assert_eq!(
        text(offer),
        "v=0\r\no=- 7 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nt=0 0\r\n\
         m=audio 20000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
    assert!(session.offer_pending() && session.audio.is_none());

    let bare = Capabilities { codecs: vec![Codec::Pcmu], telephone_event: false, ptime_ms: 30 };
    let local = Local { rtcp_port: 20_100, ..local_ip6() };
    let (_, offer) = negotiate(&bare, &local, &Session::new(u64::MAX), Move::Offer { direction: Direction::SendOnly })
        .expect("an offer");
    assert_eq!(
        text(offer),
        "v=0\r\no=- 9223372036854775807 1 IN IP6 2001:db8:9::9\r\ns=-\r\nc=IN IP6 2001:db8:9::9\r\nt=0 0\r\n\
         m=audio 20000 RTP/AVP 0\r\na=rtcp:20100\r\na=rtpmap:0 PCMU/8000\r\na=ptime:30\r\na=sendonly\r\n"
    );
    let none = Capabilities { codecs: Vec::new(), ..bare };
    let refused = negotiate(&none, &LOCAL, &Session::new(1), Move::Offer { direction: Direction::SendRecv });
    assert_eq!(refused.err(), Some(Refusal::NoCommonCodec));
}

/// Two legs of one call: what one writes the other reads, both ways, with different numbers for events per direction.
#[test]
fn b106_numbers_per_direction() {
    let offer =
        sdp("m=audio 4000 RTP/AVP 8 96 98\na=rtpmap:96 telephone-event/8000\na=rtpmap:98 telephone-event/48000");
    let (session, _) = answer_to(&offer).expect("an answer");
    let audio = session.audio.clone().expect("agreed");
    assert_eq!((audio.send_event_type, audio.receive_event_type), (Some(96), Some(96)));
    assert_eq!(audio.other_event_types, [(98, 48_000)]);
    // A later offer of ours keeps the number that means events in this session.
    let (_, offer) = step(&session, Move::Offer { direction: Direction::SendRecv }).expect("an offer");
    assert_eq!(streams(&text(offer)), ["audio 20000 RTP/AVP 8 0 96"]);

    // 101 means voice in this session, so events take another number.
    let (session, _) = answer_to(&sdp("m=audio 4000 RTP/AVP 101\na=rtpmap:101 PCMA/8000")).expect("an answer");
    let (_, offer) = step(&session, Move::Offer { direction: Direction::SendRecv }).expect("an offer");
    assert_eq!(streams(&text(offer)), ["audio 20000 RTP/AVP 8 0 96"]);

    // They answer with a number of their own: we send with theirs, and understand both.
    let (session, _) = step(&Session::new(1), Move::Offer { direction: Direction::SendRecv }).expect("an offer");
    let answer = sdp("m=audio 4000 RTP/AVP 8 110\na=rtpmap:110 telephone-event/8000");
    let (session, _) = step(&session, Move::TakeAnswer(answer.as_bytes())).expect("agreed");
    let audio = session.audio.expect("agreed");
    assert_eq!((audio.send_event_type, audio.receive_event_type), (Some(110), Some(101)));
    assert_eq!(audio.other_event_types, [(110, 8000)]);

    // Only a wider clock is offered: it is kept, with its clock.
    let (session, _) = answer_to(&sdp("m=audio 4000 RTP/AVP 8 98\na=rtpmap:98 telephone-event/16000")).expect("agreed");
    assert_eq!(session.audio.expect("agreed").event_clock_hz, 16_000);

    // We take no events: none in the answer, none understood.
    let deaf = Capabilities { telephone_event: false, ..caps() };
    let (session, answer) =
        negotiate(&deaf, &LOCAL, &Session::new(1), Move::TakeOffer(offer_with_events().as_bytes())).expect("agreed");
    assert_eq!(streams(&text(answer)), ["audio 20000 RTP/AVP 8"]);
    let audio = session.audio.expect("agreed");
    assert_eq!((audio.send_event_type, audio.receive_event_type), (None, None));
    assert!(audio.other_event_types.is_empty());
}

/// A session refresh, theirs or ours, changes nothing: same version, same agreement (RFC 4028 §7.4).
#[test]
fn b102_b103_p036_refreshes() {
    let offer = offer_with_events();
    let (first, answer) = answer_to(&offer).expect("an answer");
    let answer = text(answer);
    // The same words again, the same words under another version: content decides.
    for again in [offer.clone(), offer.replace("o=- 5 1", "o=- 5 2")] {
        let (session, repeated) = step(&first, Move::TakeOffer(again.as_bytes())).expect("an answer");
        assert_eq!((text(repeated), &session), (answer.clone(), &first));
    }
    // Another port under the same version is a change.
    let (moved, _) = step(&first, Move::TakeOffer(offer.replace("4000", "4400").as_bytes())).expect("an answer");
    assert_ne!(moved.audio, first.audio);

    let (session, ours) = step(&first, Move::Refresh).expect("a refresh");
    assert_eq!(text(ours), answer);
    let (session, nothing) = step(&session, Move::TakeAnswer(offer.as_bytes())).expect("agreed");
    assert_eq!((nothing, &session), (None, &first));
    assert_eq!(first.last_sent().map(|body| text(Some(body))), Some(answer));

    // Before anything was said a refresh is an offer.
    let (_, offer) = step(&Session::new(1), Move::Refresh).expect("an offer");
    assert_eq!(streams(&text(offer)), ["audio 20000 RTP/AVP 8 0 101"]);
}

/// A refresh of ours during their hold repeats the hold; when they resume, voice goes both ways again.
#[test]
fn b102_refresh_during_a_hold() {
    let (session, _) = answer_to(&offer_with_events()).expect("an answer");
    let hold = format!("{}a=sendonly\r\n", offer_with_events());
    let (session, _) = step(&session, Move::TakeOffer(hold.as_bytes())).expect("held");
    let (session, refresh) = step(&session, Move::Refresh).expect("a refresh");
    assert_eq!(direction(&text(refresh)), Direction::RecvOnly);
    let (session, _) = step(&session, Move::TakeAnswer(hold.as_bytes())).expect("agreed");
    assert!(session.audio.as_ref().is_some_and(|audio| audio.held));
    let (session, answer) = step(&session, Move::TakeOffer(offer_with_events().as_bytes())).expect("resumed");
    assert_eq!(direction(&text(answer)), Direction::SendRecv);
    assert!(session.audio.is_some_and(|audio| !audio.held));
}

/// Both hold, one resumes, then the other (RFC 3264 §8.4).
#[test]
fn b101_both_hold() {
    let offer = offer_with_events();
    let said = |direction: &str| format!("{offer}a={direction}\r\n");
    let now = |session: &Session| session.audio.as_ref().expect("agreed").direction;
    let (session, _) = answer_to(&offer).expect("an answer");
    let (session, _) = step(&session, Move::TakeOffer(said("sendonly").as_bytes())).expect("they hold");
    assert_eq!(now(&session), Direction::RecvOnly);
    let (session, _) = step(&session, Move::Offer { direction: Direction::SendOnly }).expect("we hold too");
    let (session, _) = step(&session, Move::TakeAnswer(said("inactive").as_bytes())).expect("agreed");
    assert_eq!(now(&session), Direction::Inactive);
    let (session, answer) = step(&session, Move::TakeOffer(offer.as_bytes())).expect("they resume");
    assert_eq!((direction(&text(answer)), now(&session)), (Direction::SendOnly, Direction::SendOnly));
    let (session, _) = step(&session, Move::Offer { direction: Direction::SendRecv }).expect("we resume");
    let (session, _) = step(&session, Move::TakeAnswer(offer.as_bytes())).expect("agreed");
    assert_eq!(now(&session), Direction::SendRecv);
}

/// An INVITE or re-INVITE without a description gets a whole offer, even during a hold.
#[test]
fn b099_p027_late_offers() {
    let (session, offer) = step(&Session::new(1), Move::Offer { direction: Direction::SendRecv }).expect("an offer");
    assert_eq!(streams(&text(offer)), ["audio 20000 RTP/AVP 8 0 101"]);
    let (session, _) = step(&session, Move::TakeAnswer(offer_with_events().as_bytes())).expect("agreed");
    let hold = format!("{}a=sendonly\r\n", offer_with_events());
    let (session, _) = step(&session, Move::TakeOffer(hold.as_bytes())).expect("held");
    let (_, offer) = step(&session, Move::Offer { direction: Direction::SendRecv }).expect("an offer");
    let offer = text(offer);
    assert_eq!(direction(&offer), Direction::SendRecv);
    assert_eq!(streams(&offer), ["audio 20000 RTP/AVP 8 0 101"]);
}

/// An offer that cannot be taken leaves the session as it was, and the next one is taken.
#[test]
fn b104_p013_p031_a_refusal_spoils_nothing() {
    let (session, _) = answer_to(&offer_with_events()).expect("an answer");
    let before = session.clone();
    assert_eq!(outcome(&step(&session, Move::TakeOffer(sdp("m=audio 4000 RTP/AVP 18").as_bytes()))), "488 305");
    assert_eq!(session, before);
    let (session, answer) = step(&session, Move::TakeOffer(sdp("m=audio 4000 RTP/AVP 0").as_bytes())).expect("taken");
    assert!(text(answer).contains("o=- 1 2 IN"));
    assert_eq!(session.audio.expect("agreed").codec, Codec::Pcmu);
}

/// The operator changes the codec and the number of events in the conversation: the answer follows, and so do we; and back.
#[test]
fn b104_p028_another_codec_in_the_conversation() {
    let first = sdp("m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000");
    let (session, answer) = answer_to(&first).expect("an answer");
    assert_eq!(streams(&text(answer)), ["audio 20000 RTP/AVP 0 101"]);
    let other = sdp("m=audio 4000 RTP/AVP 8 96\na=rtpmap:96 telephone-event/8000");
    let (changed, answer) = step(&session, Move::TakeOffer(other.as_bytes())).expect("an answer");
    let answer = text(answer);
    assert_eq!(streams(&answer), ["audio 20000 RTP/AVP 8 96"]);
    assert!(answer.contains("o=- 1 2 IN") && answer.contains("a=rtpmap:96 telephone-event/8000"), "{answer}");
    let audio = changed.audio.clone().expect("agreed");
    assert_eq!((audio.codec, audio.send_payload_type), (Codec::Pcma, 8));
    assert_eq!((audio.send_event_type, audio.receive_event_type), (Some(96), Some(96)));
    let (back, answer) = step(&changed, Move::TakeOffer(first.as_bytes())).expect("an answer");
    assert_eq!(streams(&text(answer)), ["audio 20000 RTP/AVP 0 101"]);
    assert_eq!(back.audio.map(|audio| audio.codec), Some(Codec::Pcmu));
}

/// Glare: neither side's offer while ours is open; afterwards both. A withdrawn offer leaves what was agreed, and its
/// version is not used again.
#[test]
fn p011_p013_glare_and_withdrawal() {
    let (agreed, _) = answer_to(&offer_with_events()).expect("an answer");
    let (open, offer) = step(&agreed, Move::Offer { direction: Direction::SendOnly }).expect("an offer");
    assert!(text(offer).contains("o=- 1 2 IN"));
    assert_eq!(outcome(&step(&open, Move::TakeOffer(offer_with_events().as_bytes()))), "491");
    assert_eq!(outcome(&step(&open, Move::Offer { direction: Direction::SendRecv })), "491");
    assert_eq!(outcome(&step(&open, Move::Refresh)), "491");
    let (back, nothing) = step(&open, Move::Abandon).expect("withdrawn");
    assert_eq!((nothing, &back.audio, back.wish()), (None, &agreed.audio, Direction::SendRecv));
    let (_, refresh) = step(&back, Move::Refresh).expect("a refresh");
    assert!(text(refresh).contains("o=- 1 3 IN"));
    assert!(step(&back, Move::TakeOffer(offer_with_events().as_bytes())).is_ok());
    assert_eq!(outcome(&step(&back, Move::Abandon)), "500");
}

/// A second answer to one offer counts for nothing; an answer to no offer at all is a fault. A fork's answer is taken by
/// a session of its own.
#[test]
fn b109_p034_answers_out_of_turn() {
    let (open, _) = step(&Session::new(1), Move::Offer { direction: Direction::SendRecv }).expect("an offer");
    let early = sdp("m=audio 5000 RTP/AVP 0");
    let last = sdp("m=audio 6000 RTP/AVP 8");
    let (first, _) = step(&open, Move::TakeAnswer(early.as_bytes())).expect("agreed");
    let (same, _) = step(&first, Move::TakeAnswer(last.as_bytes())).expect("no change");
    assert_eq!(same, first);
    let (fork, _) = step(&open, Move::TakeAnswer(last.as_bytes())).expect("agreed");
    assert_eq!(fork.audio.map(|audio| audio.codec), Some(Codec::Pcma));
    assert_eq!(outcome(&step(&Session::new(1), Move::TakeAnswer(last.as_bytes()))), "500");
}

/// Lines once used keep their places: a video added later is refused in its place, and our own offer repeats it so.
#[test]
fn b105_lines_keep_their_places() {
    let offer = sdp("m=video 5000 RTP/AVP 97\nm=audio 4000 RTP/AVPF 8\nm=application 5002 UDP/BFCP *");
    let (session, _) = answer_to(&offer).expect("an answer");
    let (session, ours) = step(&session, Move::Offer { direction: Direction::SendOnly }).expect("an offer");
    let expected = ["video 0 RTP/AVP 97", "audio 20000 RTP/AVPF 8 0 101", "application 0 UDP/BFCP *"];
    assert_eq!(streams(&text(ours)), expected);
    let answer = sdp("m=video 0 RTP/AVP 97\nm=audio 4000 RTP/AVPF 8\na=recvonly\nm=application 0 UDP/BFCP *");
    let (session, _) = step(&session, Move::TakeAnswer(answer.as_bytes())).expect("agreed");
    assert_eq!(session.audio.as_ref().map(|audio| audio.direction), Some(Direction::SendOnly));
    // The stream in use goes on even when another usable one appears before it.
    let offer = sdp("m=audio 7000 RTP/AVP 0\nm=audio 4000 RTP/AVPF 8\nm=application 5002 UDP/BFCP *");
    let (session, answer) = step(&session, Move::TakeOffer(offer.as_bytes())).expect("an answer");
    assert_eq!(streams(&text(answer)), ["audio 0 RTP/AVP 0", "audio 20000 RTP/AVPF 8", "application 0 UDP/BFCP *"]);
    assert_eq!(session.audio.map(|audio| audio.codec), Some(Codec::Pcma));
}

/// A line added in the conversation is refused with port 0, disabled by the peer, and refused again when its place is used
/// for something else; the voice goes on in its own.
#[test]
fn b105_a_line_is_added_disabled_and_reused() {
    let (mut session, _) = answer_to(&sdp("m=audio 4000 RTP/AVP 8")).expect("an answer");
    for (line, refused) in [
        ("m=video 5000 RTP/AVP 97", "video 0 RTP/AVP 97"),
        ("m=video 0 RTP/AVP 97", "video 0 RTP/AVP 97"),
        ("m=image 5002 udptl t38", "image 0 udptl t38"),
        ("m=text 5004 RTP/AVP 98", "text 0 RTP/AVP 98"),
    ] {
        let offer = sdp(&format!("m=audio 4000 RTP/AVP 8\n{line}"));
        let (next, answer) = step(&session, Move::TakeOffer(offer.as_bytes())).expect(line);
        assert_eq!(streams(&text(answer)), ["audio 20000 RTP/AVP 8", refused], "{line}");
        assert_eq!(next.audio, session.audio, "{line}: nothing changes for the voice");
        session = next;
    }
}

/// A session is a plain value: written down and taken up again it goes on as if nothing had happened.
#[test]
fn a_session_survives_a_restart() {
    let (session, _) = answer_to(&offer_with_events()).expect("an answer");
    let (session, _) = step(&session, Move::Offer { direction: Direction::SendOnly }).expect("an offer");
    let written = serde_json::to_string(&session).expect("writable");
    let read: Session = serde_json::from_str(&written).expect("readable");
    assert_eq!(read, session);
    assert!(step(&read, Move::TakeAnswer(offer_with_events().as_bytes())).is_ok());
}

/// No address stands in what is meant for a log.
#[test]
fn words_for_a_log() {
    let (session, _) = answer_to(&offer_with_events()).expect("an answer");
    assert_eq!(session.describe(), "PCMA/8 20 ms sendrecv, events 101>101 at 8000 Hz, address known");
    let offer = parse(offer_with_events().as_bytes()).expect("readable");
    assert_eq!(offer.describe(), "audio RTP/AVP [8 101] sendrecv");
    assert!(!format!("{offer:?} {:?}", Move::TakeOffer(b"m=")).contains("192.0.2"));
}
