//! Session descriptions: read, written, negotiated in a row of offers and answers.

use std::net::{IpAddr, Ipv4Addr};

use ecoute::sdp::{Capabilities, Codec, Direction, Local, Move, Session, negotiate, parse, write};

use super::Feed;

/// The first byte chooses what we can do; the rest, cut at NUL, are the descriptions of one session's life.
pub fn sdp(data: &[u8]) {
    let mut feed = Feed(data);
    let choice = feed.byte();
    let codecs = match choice & 3 {
        0 => Codec::ALL.to_vec(),
        1 => vec![Codec::Pcma],
        2 => vec![Codec::Pcmu],
        _ => vec![Codec::Pcmu, Codec::Pcma],
    };
    let caps = Capabilities { codecs, telephone_event: choice & 4 == 0, ptime_ms: 20 };
    let local = Local { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), rtp_port: 20_000, rtcp_port: 20_001 };
    let mut session = Session::new(u64::from(choice));
    for (nth, body) in feed.0.split(|byte| *byte == 0).take(8).enumerate() {
        reads(body);
        let offering = choice >> 3 & 1 == nth as u8 & 1;
        session =
            if offering { we_offer(&caps, &local, &session, body) } else { they_offer(&caps, &local, &session, body) };
    }
}

/// What was read and written reads and writes the same again.
fn reads(body: &[u8]) {
    let Ok(description) = parse(body) else { return };
    let text = write(&description);
    let again = parse(&text).expect("what we write we read");
    assert_eq!(again.media.len(), description.media.len());
    assert_eq!(write(&again), text, "writing comes to rest");
    assert!(text.split(|b| *b == b'\n').all(|line| line.is_empty() || line.ends_with(b"\r")));
}

/// An answer owes its offer: as many streams, in order, refused where refused (RFC 3264 §6).
fn they_offer(caps: &Capabilities, local: &Local, session: &Session, offer: &[u8]) -> Session {
    let Ok((next, answer)) = negotiate(caps, local, session, Move::TakeOffer(offer)) else { return session.clone() };
    let answer = parse(&answer.expect("an offer that is taken has an answer")).expect("our answer can be read");
    let offer = parse(offer).expect("what was taken could be read");
    assert_eq!(answer.media.len(), offer.media.len(), "as many streams");
    let on = answer.media.iter().filter(|media| media.port != 0).count();
    assert!(on <= 1, "one voice");
    for (theirs, ours) in offer.media.iter().zip(&answer.media) {
        assert!(theirs.port != 0 || ours.port == 0, "a stream that is off stays off");
        assert!(!ours.formats.is_empty(), "a line has at least one format");
    }
    if let Some(audio) = &next.audio {
        assert!(caps.codecs.contains(&audio.codec) && (1..=1000).contains(&audio.ptime_ms));
        assert!(audio.remote_rtp.is_none_or(|at| at.port() != 0 && !at.ip().is_unspecified()));
        let _ = audio.describe();
    }
    next
}

fn we_offer(caps: &Capabilities, local: &Local, session: &Session, answer: &[u8]) -> Session {
    let offered = negotiate(caps, local, session, Move::Offer { direction: Direction::SendRecv });
    let (open, offer) = offered.expect("we can always offer");
    assert!(parse(&offer.expect("an offer")).is_ok() && open.offer_pending());
    match negotiate(caps, local, &open, Move::TakeAnswer(answer)) {
        Ok((next, _)) => {
            assert!(!next.offer_pending());
            assert!(next.audio.as_ref().is_none_or(|audio| caps.codecs.contains(&audio.codec)));
            next
        }
        Err(_) => {
            let (back, _) = negotiate(caps, local, &open, Move::Abandon).expect("an offer can be withdrawn");
            assert!(!back.offer_pending() && back.audio == session.audio, "what stood stands");
            back
        }
    }
}
