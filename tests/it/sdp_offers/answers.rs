//! Tables of one offer or one answer, and what is made of it.

use super::*;

/// Streams offered, and what each is answered: the first voice stream we can take, the others with port 0 in place.
#[test]
fn b094_b095_p041_p046_p047_lines_of_an_answer() {
    let table: &[(&str, &[&str])] = &[
        ("m=audio 4000 RTP/AVP 8", &["audio 20000 RTP/AVP 8"]),
        ("m=audio 4000 RTP/AVP 0 8", &["audio 20000 RTP/AVP 0 8"]),
        ("m=audio 4000 RTP/AVP 8 0", &["audio 20000 RTP/AVP 8 0"]),
        ("m=audio 4000 RTP/AVP 18 8 3 0 4", &["audio 20000 RTP/AVP 8 0"]),
        ("m=audio 4000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000", &["audio 20000 RTP/AVP 8 101"]),
        ("m=audio 4000 RTP/AVP 101 8\na=rtpmap:101 telephone-event/8000", &["audio 20000 RTP/AVP 8 101"]),
        ("m=audio 4000 RTP/AVP 8 96\na=rtpmap:96 telephone-event/8000", &["audio 20000 RTP/AVP 8 96"]),
        ("m=audio 4000 RTP/AVP 8 101\na=rtpmap:101 opus/48000/2", &["audio 20000 RTP/AVP 8"]),
        ("m=audio 4000 RTP/AVP 8 101", &["audio 20000 RTP/AVP 8"]),
        ("m=audio 4000 RTP/AVP 101 8\na=rtpmap:101 PCMU/8000", &["audio 20000 RTP/AVP 101 8"]),
        ("m=audio 4000 RTP/AVP 97 8\na=rtpmap:97 PCMA/8000", &["audio 20000 RTP/AVP 97"]),
        ("m=audio 4000 RTP/AVP 8 8 8 0 0", &["audio 20000 RTP/AVP 8 0"]),
        ("m=audio 4000 RTP/AVP 8 300 x * 0", &["audio 20000 RTP/AVP 8 0"]),
        ("m=audio 4000 RTP/AVP 8 0\na=rtpmap:8 G729/8000", &["audio 20000 RTP/AVP 0"]),
        (
            "m=audio 4000 RTP/AVP 8 98 97\na=rtpmap:98 telephone-event/48000\na=rtpmap:97 telephone-event/8000",
            &["audio 20000 RTP/AVP 8 97"],
        ),
        ("m=audio 4000 RTP/AVP 8 98\na=rtpmap:98 telephone-event/16000", &["audio 20000 RTP/AVP 8 98"]),
        ("m=audio 4000 RTP/AVP 13 8 118\na=rtpmap:118 CN/16000", &["audio 20000 RTP/AVP 8"]),
        ("m=audio 4000/2 RTP/AVP 8", &["audio 20000 RTP/AVP 8"]),
        ("m=audio 4000 RTP/AVPF 8\na=rtcp-fb:* nack", &["audio 20000 RTP/AVPF 8"]),
        ("m=audio 4000 rtp/avp 8", &["audio 20000 rtp/avp 8"]),
        ("m=AUDIO 4000 RTP/AVP 8", &["audio 20000 RTP/AVP 8"]),
        ("m=video 5000 RTP/AVP 97\nm=audio 4000 RTP/AVP 8", &["video 0 RTP/AVP 97", "audio 20000 RTP/AVP 8"]),
        (
            "m=audio 4000 RTP/AVP 8\nm=video 9 UDP/TLS/RTP/SAVPF 0 96",
            &["audio 20000 RTP/AVP 8", "video 0 UDP/TLS/RTP/SAVPF 0"],
        ),
        ("m=audio 4000 RTP/SAVP 8\nm=audio 4002 RTP/AVP 0", &["audio 0 RTP/SAVP 8", "audio 20000 RTP/AVP 0"]),
        ("m=audio 4000 RTP/AVP 8\nm=audio 4002 RTP/AVP 0", &["audio 20000 RTP/AVP 8", "audio 0 RTP/AVP 0"]),
        ("m=audio 0 RTP/AVP\nm=audio 4002 RTP/AVP 8 101", &["audio 0 RTP/AVP 0", "audio 20000 RTP/AVP 8"]),
        ("m=audio 0 RTP/AVP 0\nm=audio 4002 RTP/AVP 8", &["audio 0 RTP/AVP 0", "audio 20000 RTP/AVP 8"]),
        ("m=audio 4000 RTP/AVP 18\nm=audio 4002 RTP/AVP 8", &["audio 0 RTP/AVP 18", "audio 20000 RTP/AVP 8"]),
        (
            "m=application 9 TCP/MRCPv2\nm=audio 4000 RTP/AVP 8\nm=image 4004 udptl t38\nm=message 4006 TCP/MSRP *",
            &["application 0 TCP/MRCPv2 0", "audio 20000 RTP/AVP 8", "image 0 udptl t38", "message 0 TCP/MSRP *"],
        ),
        (
            "m=video 4002 RTP/AVP 96\nm=text 4008 RTP/AVP 98\nm=audio 4000 RTP/AVP 8\nm=image 4004 udptl t38",
            &["video 0 RTP/AVP 96", "text 0 RTP/AVP 98", "audio 20000 RTP/AVP 8", "image 0 udptl t38"],
        ),
        ("m=hologram 1 X/Y z\nm=audio 4000 RTP/AVP 8", &["hologram 0 X/Y z", "audio 20000 RTP/AVP 8"]),
    ];
    for (lines, expected) in table {
        let offer = sdp(lines);
        let (_, answer) = answer_to(&offer).expect(lines);
        let answer = text(answer);
        // A refused or taken line repeats the kind as it was written, but for our own line, which is ours to write.
        let streams: Vec<&str> = streams(&answer);
        assert_eq!(streams, *expected, "{lines}");
    }
}

/// Offers without anything for us, each with its reason.
#[test]
fn b095_b096_offers_refused() {
    for (lines, expected) in [
        ("", "488 304"),
        ("m=video 4000 RTP/AVP 97", "488 304"),
        ("m=audio 0 RTP/AVP 8", "488 304"),
        ("m=audio 0 RTP/AVP 8\nm=image 4004 udptl t38", "488 304"),
        ("m=audio 4000 RTP/SAVP 8", "488 302"),
        ("m=audio 4000 RTP/SAVPF 8", "488 302"),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 8", "488 302"),
        ("m=audio 4000 TCP/RTP/AVP 8", "488 302"),
        ("m=audio 4000 RTP/AVP 18", "488 305"),
        ("m=audio 4000 RTP/AVP", "488 305"),
        ("m=audio 4000 RTP/AVP 96\na=rtpmap:96 AMR/8000", "488 305"),
        ("m=audio 4000 RTP/AVP 101\na=rtpmap:101 telephone-event/8000", "488 305"),
        ("m=audio 4000 RTP/AVP 8\na=rtpmap:8 PCMA/16000", "488 305"),
        ("m=audio 4000 RTP/SAVP 8\nm=audio 4002 RTP/AVP 18", "488 305"),
        ("m=audio 4000 RTP/AVP 18\nm=audio 4002 RTP/SAVP 8", "488 305"),
        ("m=audio 4000 RTP/AVP 8\nc=IN IP6 2001:db8::1", "488 301"),
        ("m=audio", "400"),
        ("m=audio x RTP/AVP 8", "400"),
    ] {
        assert_eq!(outcome(&answer_to(&sdp(lines))), expected, "{lines}");
    }
    assert_eq!(outcome(&answer_to("")), "400");
    assert_eq!(outcome(&answer_to(&sdp(&"a=x\n".repeat(20_000)))), "413");
}

/// Directions: what they offer, what we wish, what we answer (RFC 3264 §6.1); and that a hold of ours survives theirs.
#[test]
fn b101_directions_of_an_answer() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    for (offered, wish, expected) in [
        (SendRecv, SendRecv, SendRecv),
        (SendRecv, SendOnly, SendOnly),
        (SendRecv, RecvOnly, RecvOnly),
        (SendRecv, Inactive, Inactive),
        (SendOnly, SendRecv, RecvOnly),
        (SendOnly, SendOnly, Inactive),
        (SendOnly, RecvOnly, RecvOnly),
        (SendOnly, Inactive, Inactive),
        (RecvOnly, SendRecv, SendOnly),
        (RecvOnly, SendOnly, SendOnly),
        (RecvOnly, RecvOnly, Inactive),
        (RecvOnly, Inactive, Inactive),
        (Inactive, SendRecv, Inactive),
        (Inactive, SendOnly, Inactive),
        (Inactive, RecvOnly, Inactive),
        (Inactive, Inactive, Inactive),
    ] {
        let (session, _) = step(&Session::new(1), Move::Offer { direction: wish }).expect("an offer");
        let (session, _) = step(&session, Move::TakeAnswer(sdp("m=audio 4000 RTP/AVP 8").as_bytes())).expect("agreed");
        let offer = sdp(&format!("m=audio 4000 RTP/AVP 8\na={offered}"));
        let (session, answer) = step(&session, Move::TakeOffer(offer.as_bytes())).expect("an answer");
        let audio = session.audio.as_ref().expect("agreed");
        assert_eq!((direction(&text(answer)), audio.direction), (expected, expected), "{offered} to {wish}");
        assert_eq!(audio.held, !offered.receives(), "{offered}");
        assert_eq!(session.wish(), wish);
    }
}

/// Directions of an answer to us: what we offered, what they say, what holds (RFC 3264 §6.1, seen from the offerer).
#[test]
fn directions_of_an_answer_taken() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    for (offered, answered, expected) in [
        (SendRecv, SendRecv, SendRecv),
        (SendRecv, SendOnly, RecvOnly),
        (SendRecv, RecvOnly, SendOnly),
        (SendRecv, Inactive, Inactive),
        (SendOnly, RecvOnly, SendOnly),
        (SendOnly, Inactive, Inactive),
        (SendOnly, SendRecv, SendOnly),
        (RecvOnly, SendOnly, RecvOnly),
        (RecvOnly, Inactive, Inactive),
        (RecvOnly, SendRecv, RecvOnly),
        (Inactive, Inactive, Inactive),
        (Inactive, SendRecv, Inactive),
    ] {
        let (session, offer) = step(&Session::new(1), Move::Offer { direction: offered }).expect("an offer");
        assert_eq!(direction(&text(offer)), offered);
        let answer = sdp(&format!("m=audio 4000 RTP/AVP 8\na={answered}"));
        let (session, _) = step(&session, Move::TakeAnswer(answer.as_bytes())).expect("agreed");
        assert_eq!(session.audio.expect("agreed").direction, expected, "{offered} answered {answered}");
    }
}

/// The spellings of *hold* and of what only looks like it.
#[test]
fn b100_p044_holds() {
    for (lines, expected, held) in [
        ("m=audio 4000 RTP/AVP 8\na=sendonly", "recvonly", true),
        ("m=audio 4000 RTP/AVP 8\na=SENDONLY", "recvonly", true),
        ("a=sendonly\nm=audio 4000 RTP/AVP 8", "recvonly", true),
        ("a=sendonly\nm=audio 4000 RTP/AVP 8\na=sendrecv", "sendrecv", false),
        ("m=audio 4000 RTP/AVP 8\na=inactive", "inactive", true),
        ("a=inactive\nm=audio 4000 RTP/AVP 8", "inactive", true),
        ("m=audio 4000 RTP/AVP 8\nc=IN IP4 0.0.0.0", "recvonly", true),
        ("m=audio 9 RTP/AVP 8\nc=IN IP4 0.0.0.0\na=sendonly", "recvonly", true),
        ("m=audio 4000 RTP/AVP 8\nc=IN IP4 0.0.0.0\na=inactive", "inactive", true),
        ("m=audio 4000 RTP/AVP 8\nc=IN IP4 0.0.0.0\na=recvonly", "inactive", true),
        ("m=audio 9 RTP/AVP 8\nc=IN IP4 0.0.0.0\na=ice-ufrag:abcd", "sendrecv", false),
        ("m=audio 9 RTP/AVP 8", "sendrecv", false),
        ("m=audio 4000 RTP/AVP 8\na=recvonly", "sendonly", false),
        ("m=audio 4000 RTP/AVP 8\na=direction:both", "sendrecv", false),
        ("m=audio 4000 RTP/AVP 8\na=sendsometimes", "sendrecv", false),
    ] {
        let (session, answer) = answer_to(&sdp(lines)).expect(lines);
        let audio = session.audio.expect("agreed");
        assert_eq!((audio.direction.token(), audio.held), (expected, held), "{lines}");
        assert_eq!(direction(&text(answer)), audio.direction, "{lines}");
    }
}

/// Answers to our offer `8 0 101`, and what is made of them.
#[test]
fn answers_taken() {
    let to = "192.0.2.1:4000 192.0.2.1:4001";
    let te = "a=rtpmap:101 telephone-event/8000";
    for (lines, expected) in [
        (format!("m=audio 4000 RTP/AVP 8 101\n{te}"), format!("PCMA/8 [8=PCMA] te 101>101 20ms sendrecv {to}")),
        (
            format!("m=audio 4000 RTP/AVP 0 8 101\n{te}"),
            format!("PCMU/0 [8=PCMA 0=PCMU] te 101>101 20ms sendrecv {to}"),
        ),
        ("m=audio 4000 RTP/AVP 8 101".into(), format!("PCMA/8 [8=PCMA] te 101>101 20ms sendrecv {to}")),
        ("m=audio 4000 RTP/AVP 8".into(), format!("PCMA/8 [8=PCMA] te ->- 20ms sendrecv {to}")),
        (format!("m=audio 4000 RTP/AVP 101 8\n{te}"), format!("PCMA/8 [8=PCMA] te 101>101 20ms sendrecv {to}")),
        (
            "m=audio 4000 RTP/AVP 8 97\na=rtpmap:97 telephone-event/8000".into(),
            format!("PCMA/8 [8=PCMA] te 97>101 20ms sendrecv {to}"),
        ),
        (
            "m=audio 4000 RTP/AVP 97 101\na=rtpmap:97 PCMA/8000".into(),
            format!("PCMA/97 [8=PCMA 97=PCMA] te 101>101 20ms sendrecv {to}"),
        ),
        ("m=audio 4000 RTP/AVP 18 8".into(), format!("PCMA/8 [8=PCMA] te ->- 20ms sendrecv {to}")),
        ("m=audio 4000 RTP/AVP 8\na=ptime:30".into(), format!("PCMA/8 [8=PCMA] te ->- 30ms sendrecv {to}")),
        ("m=audio 4000 RTP/AVP 8\na=maxptime:10".into(), format!("PCMA/8 [8=PCMA] te ->- 10ms sendrecv {to}")),
        ("m=audio 4000 RTP/AVPF 8".into(), format!("PCMA/8 [8=PCMA] te ->- 20ms sendrecv {to}")),
        (
            "m=audio 4000 RTP/AVP 8\na=rtcp:5000 IN IP4 192.0.2.7".into(),
            "PCMA/8 [8=PCMA] te ->- 20ms sendrecv 192.0.2.1:4000 192.0.2.7:5000".into(),
        ),
        ("m=audio 4000 RTP/AVP 8\nc=IN IP4 0.0.0.0".into(), "PCMA/8 [8=PCMA] te ->- 20ms recvonly held - -".into()),
        ("m=video 0 RTP/AVP 97\nm=audio 4000 RTP/AVP 8".into(), format!("PCMA/8 [8=PCMA] te ->- 20ms sendrecv {to}")),
        ("m=audio 0 RTP/AVP 8".into(), "488 304".into()),
        ("m=video 4000 RTP/AVP 97".into(), "488 304".into()),
        (String::new(), "488 304".into()),
        ("m=audio 4000 RTP/SAVP 8".into(), "488 302".into()),
        ("m=audio 4000 RTP/AVP 18".into(), "488 305".into()),
        (format!("m=audio 4000 RTP/AVP 101\n{te}"), "488 305".into()),
        ("m=audio 4000 RTP/AVP 8\nc=IN IP6 2001:db8::1".into(), "488 301".into()),
        ("m=audio".into(), "400".into()),
    ] {
        let (session, _) = step(&Session::new(1), Move::Offer { direction: Direction::SendRecv }).expect("an offer");
        assert_eq!(outcome(&step(&session, Move::TakeAnswer(sdp(&lines).as_bytes()))), expected, "{lines}");
    }
}
