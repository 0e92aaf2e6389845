//! Calls as they should go, and the races of RFC 3261 one by one.

use std::sync::Arc;
use std::time::Duration;

use super::network::{Faults, Network};
use crate::sip::{CauseKind, Command, EndpointConfig, Event, Input, Peers, Reason, SessionId, Side, Transport};

fn cause_of(net: &Network, end: usize, session: SessionId) -> (Side, CauseKind) {
    let last = net.ends[end].events.iter().rev().find_map(|(_, event)| match event {
        Event::Ended { session: s, cause } | Event::Rejected { session: s, cause, .. } if *s == session => Some(*cause),
        _ => None,
    });
    last.map(|cause| (cause.by, cause.kind)).expect("the last word was said")
}

/// A call, and a BYE from either side: each side hears what it should, in order, and nothing is left.
#[test]
fn call_and_bye() {
    for who in [0, 1] {
        let mut net = Network::new(1, 2, Faults::NONE);
        let ours = net.call(Some("offer"));
        net.run_for_ms(50);
        let theirs = net.ends[1].called();
        net.respond(1, theirs, 180, None);
        net.run_for_ms(50);
        net.respond(1, theirs, 200, Some("answer"));
        net.run_for_ms(2000);
        assert_eq!(net.ends[0].names(), ["progress", "answered"]);
        assert_eq!(net.ends[1].names(), ["invite", "confirmed"]);
        assert_eq!(net.sent(1, "SIP/2.0 200"), 1);
        net.hangup(who, [ours, theirs][who]);
        net.run_for_ms(50);
        let by = |end: usize| if end == who { Side::Us } else { Side::Peer };
        assert_eq!(cause_of(&net, 0, ours), (by(0), CauseKind::Bye));
        assert_eq!(cause_of(&net, 1, theirs), (by(1), CauseKind::Bye));
        net.run_dry();
        net.assert_settled("call and bye");
    }
}

/// The caller gives up while it rings: 200 to the CANCEL, 487 to the INVITE, the Reason arrives.
#[test]
fn b075_b081_p168_cancel_while_ringing() {
    let mut net = Network::new(2, 2, Faults::NONE);
    let ours = net.call(Some("offer"));
    net.run_for_ms(50);
    let theirs = net.ends[1].called();
    net.respond(1, theirs, 180, None);
    net.run_for_ms(50);
    net.command(0, Command::Hangup { session: ours, reason: Some(Reason::COMPLETED_ELSEWHERE) });
    net.run_for_ms(50);
    assert_eq!(cause_of(&net, 0, ours), (Side::Us, CauseKind::Cancelled));
    let Some((_, Event::Ended { cause, .. })) = net.ends[1].events.last() else { panic!("ended") };
    assert_eq!((cause.kind, cause.reason), (CauseKind::Cancelled, Some(Reason::COMPLETED_ELSEWHERE)));
    assert_eq!((net.sent(1, "SIP/2.0 487"), net.sent(0, "ACK")), (1, 1));
    net.run_dry();
    net.assert_settled("cancel");
}

/// Hang-up and answer with every offset from −50 to +50 ms: whatever crosses, no leg and no session is left.
#[test]
fn b078_p015_cancel_around_the_answer() {
    for offset in 0..=100 {
        let mut net = Network::new(3, 2, Faults { delay_ms: 10, ..Faults::NONE });
        let ours = net.call(Some("offer"));
        net.run_for_ms(60);
        let theirs = net.ends[1].called();
        net.respond(1, theirs, 180, None);
        net.run_for_ms(40);
        let (first, second) = (offset.min(50), offset.max(50));
        net.run_for_ms(first);
        let hang_up_first = offset < 50;
        for turn in 0..2 {
            if (turn == 0) == hang_up_first {
                net.hangup(0, ours);
            } else {
                net.respond(1, theirs, 200, Some("answer"));
            }
            if turn == 0 {
                net.run_for_ms(second - first);
            }
        }
        net.run_dry();
        net.assert_settled(&format!("offset {}", offset as i64 - 50));
    }
}

/// We hang up before any provisional: the CANCEL waits for the first 1xx, then goes out; an immediate 200 is answered by
/// ACK and BYE; complete silence ends at 64·T1.
#[test]
fn b077_p017_cancel_is_held_back() {
    let mut net = Network::new(4, 2, Faults::NONE);
    let mut silent = true;
    net.filter = Some(Box::new(move |from, text| {
        let provisional = from == 1 && text.starts_with("SIP/2.0 1");
        let drop = provisional && silent;
        silent &= !text.contains("180 Ringing");
        drop
    }));
    let ours = net.call(Some("offer"));
    net.run_for_ms(200);
    net.hangup(0, ours);
    net.run_for_ms(200);
    assert_eq!(net.sent(0, "CANCEL"), 0);
    let theirs = net.ends[1].called();
    net.respond(1, theirs, 180, None);
    net.respond(1, theirs, 180, None);
    net.run_for_ms(200);
    assert_eq!(net.sent(0, "CANCEL"), 1);
    net.run_dry();
    net.assert_settled("held back");

    let mut net = Network::new(5, 2, Faults::NONE);
    net.filter = Some(Box::new(|from, text| from == 1 && text.starts_with("SIP/2.0 1")));
    let ours = net.call(Some("offer"));
    net.run_for_ms(50);
    net.hangup(0, ours);
    let theirs = net.ends[1].called();
    net.respond(1, theirs, 200, Some("answer"));
    net.run_for_ms(50);
    assert_eq!((net.sent(0, "CANCEL"), net.sent(0, "ACK"), net.sent(0, "BYE")), (0, 1, 1));
    assert_eq!(net.ends[0].names(), ["ended"]);
    net.run_dry();
    net.assert_settled("straight 200");

    let mut net = Network::new(6, 2, Faults { loss_percent: 100, ..Faults::NONE });
    let ours = net.call(Some("offer"));
    net.hangup(0, ours);
    net.run_dry();
    net.assert_settled("silence");
    assert_eq!(net.now.as_millis(), 1000 + 32_000);
}

/// Nobody answers our INVITE: seven copies, and 408 after 32 s (Timer B).
#[test]
fn b043_no_answer_at_all() {
    let mut net = Network::new(7, 2, Faults { loss_percent: 100, ..Faults::NONE });
    let ours = net.call(Some("offer"));
    net.run_dry();
    assert_eq!(net.sent(0, "INVITE"), 7);
    assert_eq!(cause_of(&net, 0, ours), (Side::Network, CauseKind::Timeout));
    net.assert_settled("timer B");
}

/// Every refusal reaches the caller with its status, is acknowledged once, and ends both sides.
#[test]
fn refusals() {
    for status in [302, 404, 480, 486, 488, 500, 503, 603] {
        let mut net = Network::new(8, 2, Faults::NONE);
        net.call(Some("offer"));
        net.run_for_ms(50);
        let theirs = net.ends[1].called();
        net.respond(1, theirs, status, None);
        net.run_dry();
        let Some((_, Event::Rejected { status: heard, .. })) = net.ends[0].events.last() else { panic!("rejected") };
        assert_eq!(*heard, status);
        assert_eq!(net.sent(0, "ACK"), 1);
        net.assert_settled("refusal");
    }
}

/// It rings until the ring timeout: CANCEL, and the owner hears 408 at once.
#[test]
fn ring_timeout() {
    let mut net = Network::new(9, 2, Faults::NONE);
    let ours = net.call_with(0, 1, Some("offer"), |invite| invite.ring_timeout = Duration::from_secs(20));
    net.run_for_ms(50);
    let theirs = net.ends[1].called();
    net.respond(1, theirs, 180, None);
    net.run_for_ms(19_900);
    assert_eq!(net.sent(0, "CANCEL"), 0);
    net.run_for_ms(200);
    assert_eq!(net.sent(0, "CANCEL"), 1);
    assert_eq!(cause_of(&net, 0, ours), (Side::Us, CauseKind::RingTimeout));
    net.run_dry();
    net.assert_settled("ring timeout");
}

/// Late offer: the offer comes in the 200, the answer leaves in the ACK and reaches the side that was called.
#[test]
fn b097_p026_late_offer() {
    let mut net = Network::new(10, 2, Faults::NONE);
    let ours = net.call(None);
    net.run_for_ms(50);
    let theirs = net.ends[1].called();
    net.respond(1, theirs, 200, Some("late offer"));
    net.run_for_ms(50);
    assert_eq!(net.sent(0, "ACK"), 0);
    assert!(
        matches!(&net.ends[0].events.last(), Some((_, Event::Answered { sdp: Some(sdp), .. })) if sdp == b"late offer")
    );
    net.command(0, Command::Acknowledge { session: ours, sdp: b"late answer".to_vec() });
    net.run_for_ms(50);
    let Some((_, Event::Confirmed { sdp: Some(sdp), .. })) = net.ends[1].events.last() else { panic!("confirmed") };
    assert_eq!(sdp, b"late answer");
    net.hangup(1, theirs);
    net.run_dry();
    net.assert_settled("late offer");
}

/// Late offer whose ACK brings no answer: BYE (B098). And an owner who never answers: ACK and BYE after 30 s.
#[test]
fn b098_late_offer_without_answer() {
    let mut net = Network::new(11, 2, Faults::NONE);
    let ours = net.call(None);
    net.run_for_ms(50);
    let theirs = net.ends[1].called();
    net.respond(1, theirs, 200, Some("late offer"));
    net.run_for_ms(50);
    net.run_dry();
    assert_eq!(cause_of(&net, 0, ours).1, CauseKind::ProtocolError);
    assert_eq!(cause_of(&net, 1, theirs).1, CauseKind::ProtocolError);
    assert_eq!(net.sent(0, "ACK"), 1);
    net.assert_settled("no answer");
}

/// A lost ACK: the 200 is repeated on its beat (T1 doubling to T2), each repeat brings the ACK again.
#[test]
fn b039_b041_p007_lost_ack() {
    let mut net = Network::new(12, 2, Faults::NONE);
    let mut lost = 0;
    net.filter = Some(Box::new(move |from, text| {
        lost += usize::from(from == 0 && text.starts_with("ACK"));
        from == 0 && text.starts_with("ACK") && lost <= 5
    }));
    let ours = net.call(Some("offer"));
    net.run_for_ms(50);
    let theirs = net.ends[1].called();
    net.respond(1, theirs, 200, Some("answer"));
    net.run_for_ms(30_000);
    let times: Vec<u64> = net
        .ladder
        .iter()
        .filter(|(_, from, l)| *from == 1 && l.starts_with("SIP/2.0 200"))
        .map(|(at, ..)| *at)
        .collect();
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [500, 1000, 2000, 4000, 4000]);
    assert_eq!(net.ends[0].count("answered"), 1);
    assert_eq!(net.ends[1].count("confirmed"), 1);
    net.hangup(0, ours);
    net.run_dry();
    net.assert_settled("lost ack");
}

/// No ACK ever: the session is given up after 64·T1 with a BYE, and the record says so.
#[test]
fn b039_p006_no_ack_ever() {
    let mut net = Network::new(13, 2, Faults::NONE);
    net.filter = Some(Box::new(|from, text| from == 0 && text.starts_with("ACK")));
    net.call(Some("offer"));
    net.run_for_ms(50);
    let theirs = net.ends[1].called();
    net.respond(1, theirs, 200, Some("answer"));
    net.run_for_ms(31_900);
    assert_eq!(net.ends[1].count("ended"), 0);
    net.run_for_ms(200);
    assert_eq!(cause_of(&net, 1, theirs), (Side::Network, CauseKind::NoAck));
    assert_eq!(net.sent(1, "BYE"), 1);
    net.run_dry();
    net.assert_settled("no ack");
}

/// A hang-up between our 200 and its ACK: the BYE waits for the ACK (§15), or for its absence.
#[test]
fn bye_waits_for_the_ack() {
    for lost in [false, true] {
        let mut net = Network::new(14, 2, Faults { delay_ms: 20, ..Faults::NONE });
        net.filter = Some(Box::new(move |from, text| lost && from == 0 && text.starts_with("ACK")));
        net.call(Some("offer"));
        net.run_for_ms(50);
        let theirs = net.ends[1].called();
        net.respond(1, theirs, 200, Some("answer"));
        net.hangup(1, theirs);
        assert_eq!((net.sent(1, "BYE"), net.ends[1].count("ended")), (0, 1));
        net.run_for_ms(100);
        assert_eq!(net.sent(1, "BYE"), usize::from(!lost));
        net.run_dry();
        assert_eq!(net.sent(1, "BYE"), 1);
        net.assert_settled("bye waits");
    }
}

/// Both hang up at once: both BYEs are answered 200, each side ends once.
#[test]
fn b068_p005_byes_cross() {
    let mut net = Network::new(15, 2, Faults::NONE);
    let (ours, theirs) = net.established();
    net.hangup(0, ours);
    net.hangup(1, theirs);
    net.hangup(1, theirs);
    net.run_for_ms(50);
    assert_eq!((net.sent(0, "SIP/2.0 200"), net.sent(1, "BYE")), (1, 1));
    net.run_dry();
    net.assert_settled("crossing");
}

/// A BYE into the void is given up after 32 s, and the owner was told at once.
#[test]
fn b044_p154_lost_bye() {
    let mut net = Network::new(16, 2, Faults::NONE);
    let (ours, _) = net.established();
    net.filter = Some(Box::new(|_, text| text.contains("BYE")));
    net.hangup(0, ours);
    assert_eq!(net.ends[0].count("ended"), 1);
    net.run_for_ms(40_000);
    assert!(net.counts(0).is_zero(), "{:?}", net.counts(0));
    assert_eq!(net.sent(0, "BYE"), 11);
}

/// A repeated INVITE makes no second call; while it rings it brings the last provisional again.
#[test]
fn b037_repeated_invite() {
    let mut net = Network::new(17, 2, Faults { twice_percent: 100, ..Faults::NONE });
    let ours = net.call(Some("offer"));
    net.run_for_ms(50);
    assert_eq!(net.ends[1].count("invite"), 1);
    let theirs = net.ends[1].called();
    net.respond(1, theirs, 200, Some("answer"));
    net.run_for_ms(50);
    net.hangup(0, ours);
    net.run_dry();
    assert_eq!((net.ends[1].count("invite"), net.ends[1].count("confirmed")), (1, 1));
    net.assert_settled("twice");
}

/// re-INVITE both ways: offer and answer travel, a refusal changes nothing, and without SDP the offer comes back.
#[test]
fn b072_b099_reinvite_both_ways() {
    let mut net = Network::new(18, 2, Faults::NONE);
    let sessions: [SessionId; 2] = net.established().into();
    for from in [0, 1] {
        let to = 1 - from;
        net.command(from, Command::Reoffer { session: sessions[from], sdp: Some(b"hold".to_vec()) });
        net.run_for_ms(50);
        let Some((_, Event::Reoffer { sdp: Some(sdp), .. })) = net.ends[to].events.last() else { panic!("reoffer") };
        assert_eq!(sdp, b"hold");
        net.command(to, Command::AnswerReoffer { session: sessions[to], status: 200, sdp: Some(b"held".to_vec()) });
        net.run_for_ms(50);
        let Some((_, Event::Reanswered { sdp: Some(sdp), .. })) = net.ends[from].events.last() else { panic!("yes") };
        assert_eq!(sdp, b"held");

        net.command(from, Command::Reoffer { session: sessions[from], sdp: Some(b"video".to_vec()) });
        net.run_for_ms(50);
        net.command(to, Command::AnswerReoffer { session: sessions[to], status: 488, sdp: None });
        net.run_for_ms(50);
        assert!(matches!(net.ends[from].events.last(), Some((_, Event::ReofferRejected { status: 488, .. }))));

        net.command(from, Command::Reoffer { session: sessions[from], sdp: None });
        net.run_for_ms(50);
        net.command(to, Command::AnswerReoffer { session: sessions[to], status: 200, sdp: Some(b"full".to_vec()) });
        net.run_for_ms(50);
        net.command(from, Command::Acknowledge { session: sessions[from], sdp: b"fine".to_vec() });
        net.run_for_ms(50);
        let Some((_, Event::ReofferConfirmed { sdp: Some(sdp), .. })) = net.ends[to].events.last() else {
            panic!("yes")
        };
        assert_eq!(sdp, b"fine");
    }
    net.run_for_ms(60_000);
    net.hangup(1, sessions[1]);
    net.run_dry();
    net.assert_settled("re-INVITE");
}

/// Glare: both re-INVITEs meet a 491, the called side tries again first, and the later offer, out of date by then, is
/// given back to its owner.
#[test]
fn b070_p011_p013_p024_glare() {
    let mut net = Network::new(19, 2, Faults::NONE);
    let (ours, theirs) = net.established();
    net.command(0, Command::Reoffer { session: ours, sdp: Some(b"from 0".to_vec()) });
    net.command(1, Command::Reoffer { session: theirs, sdp: Some(b"from 1".to_vec()) });
    net.run_for_ms(50);
    assert_eq!((net.sent(0, "SIP/2.0 491"), net.sent(1, "SIP/2.0 491")), (1, 1));
    net.run_for_ms(2000);
    assert!(matches!(net.ends[0].events.last(), Some((_, Event::Reoffer { .. }))));
    net.command(0, Command::AnswerReoffer { session: ours, status: 200, sdp: Some(b"ok".to_vec()) });
    net.run_for_ms(4000);
    assert_eq!(net.ends[1].count("reanswered"), 1);
    assert!(matches!(net.ends[0].events.last(), Some((_, Event::ReofferRejected { status: 491, .. }))));
    net.command(0, Command::Reoffer { session: ours, sdp: Some(b"again".to_vec()) });
    net.run_for_ms(50);
    net.command(1, Command::AnswerReoffer { session: theirs, status: 200, sdp: Some(b"ok".to_vec()) });
    net.run_for_ms(50);
    assert_eq!(net.ends[0].count("reanswered"), 1);
    net.hangup(0, ours);
    net.run_dry();
    net.assert_settled("glare");
}

/// An owner who never answers a re-INVITE: 500 after 20 s, the session lives on.
#[test]
fn unanswered_reoffer() {
    let mut net = Network::new(20, 2, Faults::NONE);
    let (ours, _) = net.established();
    net.command(0, Command::Reoffer { session: ours, sdp: Some(b"hold".to_vec()) });
    net.run_for_ms(25_000);
    assert!(matches!(net.ends[0].events.last(), Some((_, Event::ReofferRejected { status: 500, .. }))));
    net.hangup(0, ours);
    net.run_dry();
    net.assert_settled("unanswered");
}

/// A re-INVITE that the peer does not know (it was restarted): 481, so the session is ended.
#[test]
fn b073_lost_dialog() {
    let mut net = Network::new(21, 2, Faults::NONE);
    let (ours, _) = net.established();
    let chance = crate::ids::IdSource::from_number(99);
    net.ends[1].endpoint = crate::sip::Endpoint::new(net.ends[1].endpoint.config().clone(), chance);
    net.ends[1].events.clear();
    net.command(0, Command::Reoffer { session: ours, sdp: Some(b"hold".to_vec()) });
    net.run_dry();
    assert_eq!(cause_of(&net, 0, ours), (Side::Peer, CauseKind::DialogLost));
    net.assert_settled("481");
}

/// INFO travels both ways and is answered without the owner.
#[test]
fn b167_info() {
    let mut net = Network::new(22, 2, Faults::NONE);
    let (ours, theirs) = net.established();
    let body = b"Signal=5\r\nDuration=160\r\n".to_vec();
    net.command(0, Command::Info { session: ours, content_type: "application/dtmf-relay", body: body.clone() });
    net.run_for_ms(50);
    let Some((_, Event::Info { content_type, body: heard, .. })) = net.ends[1].events.last() else { panic!("info") };
    assert_eq!((content_type.as_slice(), heard), (b"application/dtmf-relay".as_slice(), &body));
    net.hangup(1, theirs);
    net.run_dry();
    net.assert_settled("info");
}

/// A confirmed session written down and taken up by a new endpoint: its BYE finds the other side, and the other's finds it.
#[test]
fn survives_a_restart() {
    for who in [0, 1] {
        let mut net = Network::new(23, 2, Faults::NONE);
        let (ours, theirs) = net.established();
        net.run_for_ms(40_000);
        let saved: Vec<_> = net.ends[1].endpoint.saved_sessions().collect();
        let json = serde_json::to_string(&saved).expect("plain values");
        let chance = crate::ids::IdSource::from_number(77);
        net.ends[1].endpoint = crate::sip::Endpoint::new(net.ends[1].endpoint.config().clone(), chance);
        for session in serde_json::from_str::<Vec<crate::sip::SavedSession>>(&json).expect("read back") {
            net.ends[1].endpoint.restore_session(net.now, session);
        }
        net.hangup(who, [ours, theirs][who]);
        net.run_dry();
        net.assert_settled("restart");
        assert_eq!((net.ends[0].count("ended"), net.ends[1].count("ended")), (1, 1));
    }
}

/// Over a connection nothing is repeated but the 2xx, refused calls are over at once, and all kinds of calls leave nothing.
#[test]
fn over_a_connection() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
        let mut net = Network::new(24, 2, Faults::NONE);
        net.transport = transport;
        let (ours, _) = net.established();
        assert!(net.latest(0).contains(&format!("Via: SIP/2.0/{} ", transport.via_name())));
        net.hangup(0, ours);
        net.call(Some("offer"));
        net.run_for_ms(50);
        let theirs = net.ends[1].called();
        net.respond(1, theirs, 486, None);
        net.run_for_ms(50);
        let ours = net.call(Some("offer"));
        net.run_for_ms(50);
        net.hangup(0, ours);
        net.run_dry();
        assert_eq!((net.sent(0, "INVITE"), net.sent(0, "BYE"), net.sent(0, "CANCEL")), (3, 1, 1));
        assert_eq!(net.sent(1, "SIP/2.0 4"), 2);
        net.assert_settled("over a connection");
    }
}

/// A connection closes in the middle of a call: a phone's session ends with it, a trunk's goes on (its BYE is sent to a
/// new connection by the shell), and a call that rings is refused or forgotten.
#[test]
fn b092_connection_lost() {
    for (trunk, transport, ends) in
        [(false, Transport::Tcp, true), (true, Transport::Tcp, false), (true, Transport::Ws, true)]
    {
        let mut net = Network::empty(25, Faults::NONE);
        let trusted = vec![crate::sip::Network { addr: "10.0.0.0".parse().expect("ip"), prefix: 8 }];
        let trusted = if trunk { trusted } else { Vec::new() };
        for _ in 0..2 {
            net.add(EndpointConfig {
                invite_auth_required: false,
                peers: Arc::new(Peers::one(trusted.clone())),
                ..Default::default()
            });
        }
        net.transport = transport;
        let (ours, _) = net.established();
        net.call(Some("offer"));
        net.run_for_ms(50);
        for end in [0, 1] {
            let flow = net.flow(end, 1 - end);
            net.input(end, Input::FlowClosed(flow));
        }
        assert_eq!((net.ends[0].count("ended"), net.ends[0].count("rejected")), (usize::from(ends), 1));
        // What rings at a trunk's wish can still be answered: over a connection of our own, to the port of its Via.
        assert_eq!(net.ends[1].count("ended"), if ends { 2 } else { 0 });
        let ringing = net.ends[1].called();
        net.hangup(1, ringing);
        net.hangup(0, ours);
        net.run_dry();
        net.assert_settled("connection lost");
    }
}

/// Both hang up or change the session in the same instant: a BYE that crosses a re-INVITE ends both sides once (P014).
#[test]
fn p014_bye_meets_reinvite() {
    for lag in 0..15 {
        let mut net = Network::new(26, 2, Faults::NONE);
        let (ours, theirs) = net.established();
        net.command(0, Command::Reoffer { session: ours, sdp: Some(b"hold".to_vec()) });
        net.run_for_ms(lag);
        net.hangup(1, theirs);
        net.run_dry();
        net.assert_settled("crossing");
        assert_eq!((net.ends[0].count("ended"), net.ends[1].count("ended")), (1, 1));
    }
}
