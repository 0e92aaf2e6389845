//! Offers by chance, two of us talking, and noise.

use ecoute::ids::IdSource;
use ecoute::sdp::Codec;
use proptest::prelude::*;

use super::*;

fn some_codecs() -> impl Strategy<Value = Vec<Codec>> {
    prop_oneof![
        Just(vec![Codec::Pcma]),
        Just(vec![Codec::Pcmu]),
        Just(vec![Codec::Pcma, Codec::Pcmu]),
        Just(vec![Codec::Pcmu, Codec::Pcma]),
    ]
}

fn some_capabilities() -> impl Strategy<Value = Capabilities> {
    (some_codecs(), any::<bool>(), prop_oneof![Just(10), Just(20), Just(30), Just(60)])
        .prop_map(|(codecs, telephone_event, ptime_ms)| Capabilities { codecs, telephone_event, ptime_ms })
}

fn some_direction() -> impl Strategy<Value = Direction> {
    (any::<bool>(), any::<bool>()).prop_map(|(sends, receives)| Direction::new(sends, receives))
}

/// A description nobody would write, made of lines that somebody does.
fn some_offer() -> impl Strategy<Value = String> {
    let kind = prop_oneof![4 => Just("audio"), 1 => Just("video"), 1 => Just("image")];
    let port = prop_oneof![1 => Just(0_u16), 6 => 1024_u16..];
    let protocol = prop_oneof![4 => Just("RTP/AVP"), 1 => Just("RTP/AVPF"), 1 => Just("RTP/SAVP"), 1 => Just("udptl")];
    let number = prop_oneof![3 => Just(8_u8), 3 => Just(0_u8), 1 => Just(18_u8), 4 => 96_u8..=127];
    let mapping = prop_oneof![
        Just("PCMA/8000"),
        Just("PCMU/8000"),
        Just("telephone-event/8000"),
        Just("telephone-event/48000"),
        Just("opus/48000/2"),
        Just("G722/8000"),
    ];
    let formats = proptest::collection::vec(number.clone(), 0..6);
    let mappings = proptest::collection::vec((number, mapping), 0..4);
    let extra = prop_oneof![
        Just(""),
        Just("a=sendonly\r\n"),
        Just("a=recvonly\r\n"),
        Just("a=inactive\r\n"),
        Just("c=IN IP4 0.0.0.0\r\n"),
        Just("a=ptime:30\r\n"),
        Just("a=rtcp:9\r\n"),
    ];
    let stream = (kind, port, protocol, formats, mappings, extra).prop_map(
        |(kind, port, protocol, formats, mappings, extra)| {
            let formats: String = formats.iter().map(|number| format!(" {number}")).collect();
            let lines: String =
                mappings.iter().map(|(number, mapping)| format!("a=rtpmap:{number} {mapping}\r\n")).collect();
            format!("m={kind} {port} {protocol}{formats}\r\n{extra}{lines}")
        },
    );
    proptest::collection::vec(stream, 0..5).prop_map(|streams| sdp("") + &streams.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is offered: an answer owes its offer what it owes it, and goes with the agreement told to media.
    #[test]
    fn any_offer(offers in proptest::collection::vec(some_offer(), 1..4), caps in some_capabilities()) {
        let mut session = Session::new(1);
        for offer in offers {
            let version = session.version();
            let Ok((next, answer)) = negotiate(&caps, &LOCAL, &session, Move::TakeOffer(offer.as_bytes())) else { continue };
            let answer = text(answer);
            check_answer(offer.as_bytes(), &answer, &offer);
            let audio = next.audio.as_ref().expect("agreed");
            prop_assert!(caps.codecs.contains(&audio.codec));
            prop_assert!(audio.receive_payload_types.contains(&(audio.send_payload_type, audio.codec)));
            prop_assert!(audio.receive_payload_types.iter().all(|(number, _)| Some(*number) != audio.receive_event_type));
            prop_assert_eq!(direction(&answer), audio.direction);
            prop_assert!(next.version() == version + u64::from(next.last_sent() != session.last_sent()));
            session = next;
        }
    }

    /// Two of us talk: each agreement is the mirror of the other, over offers, holds, refreshes and withdrawals from
    /// both sides.
    #[test]
    fn two_of_us(
        here in some_capabilities(),
        there in some_capabilities(),
        moves in proptest::collection::vec((any::<bool>(), 0_u8..4, some_direction()), 1..12),
    ) {
        let far = Local { address: IpAddr::from([203, 0, 113, 5]), rtp_port: 30_000, rtcp_port: 30_005 };
        let mut ends = [(here, LOCAL, Session::new(1)), (there, far, Session::new(2))];
        for (first, what, direction) in moves {
            let (a, b) = if first { (0, 1) } else { (1, 0) };
            let step = if what == 0 { Move::Refresh } else { Move::Offer { direction } };
            let (caps, local, session) = &ends[a];
            let (open, offer) = negotiate(caps, local, session, step).expect("we can always offer");
            let offer = offer.expect("an offer");
            let (caps, local, session) = &ends[b];
            match negotiate(caps, local, session, Move::TakeOffer(&offer)) {
                Ok((answerer, answer)) if what != 1 => {
                    let answer = answer.expect("an answer");
                    check_answer(&offer, &text(Some(answer.clone())), "two of us");
                    let (caps, local, _) = &ends[a];
                    let (offerer, _) = negotiate(caps, local, &open, Move::TakeAnswer(&answer)).expect("our own answer");
                    let (mine, theirs) = (offerer.audio.as_ref().expect("agreed"), answerer.audio.as_ref().expect("agreed"));
                    prop_assert_eq!(mine.codec, theirs.codec);
                    prop_assert_eq!(mine.direction, theirs.direction.reversed());
                    prop_assert!(theirs.receive_payload_types.contains(&(mine.send_payload_type, mine.codec)));
                    prop_assert!(mine.receive_payload_types.contains(&(theirs.send_payload_type, theirs.codec)));
                    prop_assert_eq!(mine.send_event_type, theirs.receive_event_type);
                    prop_assert_eq!(theirs.send_event_type, mine.receive_event_type);
                    prop_assert_eq!(mine.remote_rtp.map(|at| at.port()), Some(ends[b].1.rtp_port));
                    prop_assert_eq!(theirs.remote_rtcp.map(|at| at.port()), Some(ends[a].1.rtcp_port));
                    ends[a].2 = offerer;
                    ends[b].2 = answerer;
                }
                Ok(_) | Err(_) => {
                    let (caps, local, before) = &ends[a];
                    let (back, _) = negotiate(caps, local, &open, Move::Abandon).expect("withdrawn");
                    prop_assert_eq!(&back.audio, &before.audio);
                    ends[a].2 = back;
                }
            }
        }
    }
}

/// Descriptions of the field with bytes changed, lines lost, doubled and spliced: no panic, and every answer is one.
#[test]
fn noise() {
    let bodies = corpus::bodies();
    let mut ids = IdSource::from_number(3977);
    let mut answered = 0;
    for round in 0..20_000 {
        let (name, body) = &bodies[ids.below(bodies.len() as u64) as usize];
        let mut body = body.clone();
        for _ in 0..=ids.below(4) {
            let at = ids.below(body.len() as u64 + 1) as usize;
            let end = (at + ids.below(40) as usize).min(body.len());
            match ids.below(6) {
                0 => body.truncate(at),
                1 => drop(body.drain(at..end)),
                2 => {
                    let part = body[at..end].to_vec();
                    body.splice(at..at, part);
                }
                3 => {
                    let other = &bodies[ids.below(bodies.len() as u64) as usize].1;
                    let from = ids.below(other.len() as u64) as usize;
                    let until = (from + 60).min(other.len());
                    body.splice(at..at, other[from..until].iter().copied());
                }
                4 => body.insert(at, b"\r\n:/ 09=\t\0\xff-"[ids.below(12) as usize]),
                _ if at < body.len() => body[at] = ids.next_u32() as u8,
                _ => {}
            }
        }
        let (open, _) = step(&Session::new(1), Move::Offer { direction: Direction::SendRecv }).expect("an offer");
        let _ = step(&open, Move::TakeAnswer(&body));
        if let Ok((_, answer)) = step(&Session::new(1), Move::TakeOffer(&body)) {
            let context = format!("round {round} of {name}");
            let answer = text(answer);
            let (offer, read) = (parse(&body).expect("readable"), parse(answer.as_bytes()).expect("readable"));
            assert_eq!(offer.media.len(), read.media.len(), "{context}");
            assert!(!answer.bytes().any(|byte| byte.is_ascii_control() && byte != b'\r' && byte != b'\n'), "{context}");
            answered += 1;
        }
    }
    assert!(answered > 2000, "the noise is so loud that nothing is tested: {answered}");
}
