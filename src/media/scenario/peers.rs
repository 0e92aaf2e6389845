//! What telephones and intruders send, and what is made of it.

use super::super::{DropReason, rtcp};
use super::*;

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// One packet of a press.
fn event(lab: &mut Lab, leg: LegId, sequence: u16, timestamp: u32, payload: [u8; 4]) {
    let talker = Talker { payload_type: 96, sequence, timestamp, ..lab.talk(leg, 0).clone() };
    lab.talkers.pop();
    lab.inject(leg, PacketKind::Rtp, talker.from, &packet(&talker, &payload));
}

/// A third host that sends valid voice to the port, early and late: it is never heard, nothing is ever sent to it, and
/// it is counted (P110, B180).
#[test]
fn an_intruder_is_neither_heard_nor_answered() {
    let intruder = at("198.51.100.66:4000");
    for remote in ["203.0.113.10:4000", "192.168.1.50:4000"] {
        let mut lab = Lab::two_legs();
        lab.configure(CALLER, Audio { remote_rtp: Some(at(remote)), ..audio(CALLER) });
        lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
        let spoof = |lab: &mut Lab| {
            let talker = lab.talk(CALLER, 1000);
            (talker.from, talker.ssrc, talker.voice) = (intruder, 666, 0x80);
            lab.run(1000);
        };
        spoof(&mut lab);
        lab.talk(CALLER, 60_000);
        lab.run(500);
        spoof(&mut lab);
        lab.run(55_000);
        spoof(&mut lab);
        assert!(lab.io.sent.iter().all(|sent| sent.to != intruder));
        assert!(lab.egress(LISTENER).iter().all(|sent| !(0x80..0xc0).contains(&sent.payload()[0])), "never heard");
        assert!(lab.egress(LISTENER).iter().any(|sent| sent.payload()[0] == 0x10), "the caller is");
        assert_eq!(lab.close(CALLER).dropped.of(DropReason::Foreign), 150);
    }
}

/// A telephone behind a NAT is answered where its first valid packet came from; garbage before it does not matter, and
/// never latches (P109, P120, B179).
#[test]
fn behind_a_nat() {
    let (private, public) = (at("192.168.1.50:4000"), at("203.0.113.10:61000"));
    let mut lab = Lab::new();
    lab.open(CALLER, Audio { remote_rtp: Some(private), ..audio(CALLER) });
    let mut ids = IdSource::from_number(1);
    let garbage = |lab: &mut Lab, ids: &mut IdSource| {
        for length in [0, 1, 4, 11, 12, 20, 60, 200, 2000] {
            let mut bytes: Vec<u8> = (0..length).map(|_| ids.next_u32() as u8).collect();
            if let Some(first) = bytes.first_mut() {
                *first &= 0x7f;
            }
            lab.inject(CALLER, PacketKind::Rtp, at("203.0.113.10:7"), &bytes);
        }
        lab.inject(
            CALLER,
            PacketKind::Rtp,
            at("203.0.113.10:7"),
            &[0x80, 200, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        );
    };
    garbage(&mut lab, &mut ids);
    lab.run(200);
    assert!(lab.egress(CALLER).iter().all(|sent| sent.to == private));
    lab.talk(CALLER, 1000).from = public;
    lab.run(100);
    garbage(&mut lab, &mut ids);
    lab.run(1000);
    let late = lab.egress(CALLER).into_iter().filter(|sent| sent.at > Instant::from_millis(1220));
    assert!(late.into_iter().all(|sent| sent.to == public));
    let reported = lab.io.sent.iter().filter(|sent| sent.kind == PacketKind::Rtcp);
    assert!(reported.into_iter().all(|sent| sent.to == at("203.0.113.10:61001")), "accounts go beside the voice");
    let stats = lab.close(CALLER);
    assert_eq!((stats.dropped.of(DropReason::NotRtp), stats.dropped.faults()), (20, 20));
    assert_eq!(stats.packets_in, 50);
}

/// An SDP that names our own ports, a group or nobody gets no voice (P122).
#[test]
fn no_loop_into_ourselves() {
    for remote in ["127.0.0.1:20002", "224.0.0.5:4000", "255.255.255.255:4000", "203.0.113.10:22"] {
        let mut lab = Lab::new();
        lab.open(CALLER, Audio { remote_rtp: Some(at(remote)), remote_rtcp: None, ..audio(CALLER) });
        lab.run(500);
        assert_eq!(lab.io.sent.len(), 0, "{remote}");
    }
}

/// Packets before the negotiation are not used for anything (P128).
#[test]
fn early_packets() {
    let mut lab = Lab::new();
    lab.tell(Command::Open { leg: CALLER });
    lab.talk(CALLER, 200).from = at("203.0.113.10:9999");
    lab.run(200);
    lab.configure(CALLER, audio(CALLER));
    lab.run(200);
    assert!(lab.egress(CALLER).iter().all(|sent| sent.to == theirs(CALLER)));
    let stats = lab.close(CALLER);
    assert_eq!((stats.dropped.of(DropReason::Early), stats.first_packet_after_ms), (10, None));
}

/// Keys reach the call once in every mode: nothing playing, music, bridged, and while voice is sent between their
/// packets; they are not passed to the other party, and leave no gap in its numbers (P104).
#[test]
fn keys_in_every_mode() {
    let mut lab = Lab::two_legs();
    let music = Arc::new(Prompt::tone("music", 400, Duration::from_secs(60)));
    let mut sequence = 0u16;
    let press = |lab: &mut Lab, sequence: &mut u16, key: u8, timestamp: u32| {
        for payload in [[key, 10, 0, 160], [key, 10, 1, 64], [key, 0x8a, 1, 224], [key, 0x8a, 1, 224]] {
            event(lab, CALLER, *sequence, timestamp, payload);
            *sequence += 1;
            lab.run(20);
        }
    };
    press(&mut lab, &mut sequence, 1, 1000);
    lab.play(CALLER, 1, &music);
    press(&mut lab, &mut sequence, 2, 10_000);
    lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
    press(&mut lab, &mut sequence, 3, 20_000);
    lab.tell(Command::Stop { leg: CALLER, playback: PlaybackId(1) });
    for n in 0..20u16 {
        let mut talker = lab.talk(CALLER, 0).clone();
        lab.talkers.pop();
        (talker.sequence, talker.timestamp) = (sequence, 30_000 + u32::from(n) * 160);
        lab.inject(CALLER, PacketKind::Rtp, talker.from, &packet(&talker, &[0x10; 160]));
        sequence += 1;
        if (5..10).contains(&n) {
            event(&mut lab, CALLER, sequence, 30_800, [11, if n > 7 { 0x8a } else { 10 }, 1, n as u8]);
            sequence += 1;
        }
        lab.run(20);
    }
    assert_eq!(lab.digits(CALLER), "123#");
    assert_eq!(check_egress(&lab.egress(LISTENER), 80), 0);
    assert_eq!(lab.egress(LISTENER).iter().filter(|sent| sent.payload()[0] == 0x10).count(), 20);
    assert!(lab.egress(LISTENER).iter().all(|sent| sent.header().payload_type == 8));
    assert_eq!(lab.close(CALLER).digits, 4);
}

/// Events come with the negotiated number only; another clock is understood; ours for sending may differ (P101, P106).
#[test]
fn event_numbers_and_clocks() {
    let mut lab = Lab::new();
    lab.open(CALLER, Audio { receive_event_type: Some(127), other_event_types: vec![(98, 48_000)], ..audio(CALLER) });
    let mut talker = lab.talk(CALLER, 0).clone();
    lab.talkers.clear();
    for (payload_type, timestamp) in [(127, 0), (101, 5000), (96, 10_000), (98, 15_000)] {
        talker.payload_type = payload_type;
        talker.timestamp = timestamp;
        talker.sequence += 1;
        lab.inject(CALLER, PacketKind::Rtp, talker.from, &packet(&talker, &[5, 10, 0x1e, 0]));
        lab.run(20);
    }
    let held: Vec<u32> = lab
        .reports
        .iter()
        .filter_map(|report| match report {
            Report::Digit { duration_ms, .. } => Some(*duration_ms),
            _ => None,
        })
        .collect();
    assert_eq!(held, [960, 160]);
    assert_eq!(lab.close(CALLER).dropped.of(DropReason::UnknownPayload), 2);
}

/// After a transfer the listener's telephone sends a new stream with lower numbers and other times: he is heard again
/// within 100 ms, and so after a leap of the numbers (P111, B172, B173).
#[test]
fn a_new_stream_is_heard_soon() {
    for (ssrc, sequence, pause) in [(77, 12_500, 0), (77, 12_500, 500), (1001, 12_500, 0), (1001, 60_000, 0)] {
        let mut lab = Lab::two_legs();
        lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
        lab.talk(LISTENER, 1000).sequence = 21_000;
        lab.run(1000 + pause);
        let begins = lab.now;
        let talker = lab.talk(LISTENER, 1000);
        (talker.ssrc, talker.sequence, talker.timestamp, talker.voice) = (ssrc, sequence, 123_456, 0x80);
        lab.run(1000);
        let egress = lab.egress(CALLER);
        check_egress(&egress, 80);
        let heard = egress.iter().find(|sent| (0x80..0xc0).contains(&sent.payload()[0])).expect("heard again");
        assert!(heard.at.since(begins) < Duration::from_millis(100));
        assert!(egress.iter().filter(|sent| (0x80..0xc0).contains(&sent.payload()[0])).count() >= 48);
        assert_eq!(lab.close(LISTENER).restarts, 1);
    }
}

/// The watch: nothing for 30 s after the negotiation is told once, a packet or an account ends it, and hold, silence by
/// agreement and a rare sender are no faults (P115, P116, B175).
#[test]
fn the_silence_watch() {
    let mut lab = Lab::new();
    lab.tell(Command::Open { leg: CALLER });
    lab.run(100_000);
    lab.configure(CALLER, audio(CALLER));
    lab.run(29_900);
    assert!(!lab.reports.iter().any(|report| matches!(report, Report::Silent { .. })), "counts from the answer");
    lab.run(60_000);
    let silent = |lab: &Lab| lab.reports.iter().filter(|report| matches!(report, Report::Silent { .. })).count();
    assert_eq!(silent(&lab), 1);
    assert!(matches!(lab.reports.last(), Some(Report::Silent { for_ms: 30_000..30_021, .. })));
    lab.talk(CALLER, 100);
    lab.run(100);
    assert!(lab.reports.contains(&Report::Audible { leg: CALLER }));
    for _ in 0..12 {
        lab.run(25_000);
        let account = {
            let mut out = [0; rtcp::LONGEST];
            let ours = rtcp::Ours {
                now: lab.now,
                ssrc: 1,
                sent: None,
                about_them: None,
                last_report: None,
                name: "a",
                goodbye: false,
            };
            let length = rtcp::write(&ours, &mut out);
            out[..length].to_vec()
        };
        lab.inject(CALLER, PacketKind::Rtcp, at("203.0.113.10:4001"), &account);
    }
    assert_eq!(silent(&lab), 1, "five minutes of accounts without voice");
    let held = [(Direction::SendOnly, true), (Direction::Inactive, true), (Direction::RecvOnly, true)];
    for (direction, held) in held {
        lab.configure(CALLER, Audio { direction, held, ..audio(CALLER) });
        lab.run(300_000);
        assert_eq!(silent(&lab), 1, "five minutes of hold");
    }
    lab.configure(CALLER, audio(CALLER));
    lab.run(29_900);
    assert_eq!(silent(&lab), 1, "a full window after the hold");
    lab.run(200);
    assert_eq!(silent(&lab), 2);
}

/// A burst held back does not make the conversation late for ever: what comes too late is dropped (P123); and a peer's
/// wrong clock tears no hole in an hour.
#[test]
fn delay_does_not_grow() {
    let mut lab = Lab::two_legs();
    lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
    // Every ten seconds half a second is held back and then comes at once.
    lab.talk(LISTENER, 120_000).way = |n| Some(if n % 500 < 25 { (25 - n % 500) * 20 } else { 0 });
    lab.run(121_000);
    // Where a burst has come ahead of the clock, the ear is filled for longer than the wire shows.
    check_egress(&lab.egress(CALLER), 100);
    let passed = lab.egress(CALLER).iter().filter(|sent| sent.payload()[0] != 0xd5).count();
    assert!(passed > 6000 - 12 * 27, "{passed} of 6000");
    // 200 ppm fast, for an hour, then silence: a stream that runs with the peer, and no hole when he stops.
    let mut lab = Lab::two_legs();
    lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
    lab.talk(LISTENER, 1);
    let mut next = lab.now + Duration::from_millis(7);
    for n in 0..180_000u64 {
        lab.run(next.since(lab.now).as_millis() as u64);
        let talker =
            &lab.talkers.first().cloned().unwrap_or_else(|| Talker { sent: n, ..lab.talk(LISTENER, 0).clone() });
        lab.talkers.clear();
        let talker = Talker { sequence: n as u16, timestamp: n as u32 * 160, ..talker.clone() };
        lab.inject(LISTENER, PacketKind::Rtp, talker.from, &packet(&talker, &[0x10; 160]));
        next = Instant::from_micros(1_007_000 + (n + 1) * 19_996);
        if lab.io.sent.len() > 1000 {
            lab.io.sent.drain(..lab.io.sent.len() - 200);
        }
    }
    lab.run(400);
    lab.io.sent.retain(|sent| sent.at > Instant::from_millis(3_599_000));
    let sent = lab.egress(CALLER);
    check_egress(&sent, 80);
    assert!(sent.len() > 40 && lab.close(LISTENER).dropped.faults() == 0);
}

/// When the way becomes longer for good, the voice is back after a third of a second.
#[test]
fn a_longer_way() {
    let mut lab = Lab::two_legs();
    lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
    lab.talk(LISTENER, 4000).way = |n| Some(if n < 100 { 0 } else { 250 });
    lab.run(4500);
    let egress = lab.egress(CALLER);
    check_egress(&egress, 80);
    let passed = egress.iter().filter(|sent| sent.payload()[0] != 0xd5).count();
    assert!(passed > 200 - 18, "{passed} of 200");
}

/// Accounts go out every five seconds or so, tell the loss, read the peer's, and end with a goodbye (B178).
#[test]
fn accounts() {
    let mut lab = Lab::new();
    lab.open(CALLER, audio(CALLER));
    lab.talk(CALLER, 60_000).way = |n| (n % 4 != 3).then_some(0);
    lab.run(60_000);
    let ssrc = lab.egress(CALLER)[0].header().ssrc;
    let about = lab.io.sent.iter().rfind(|sent| sent.kind == PacketKind::Rtcp).expect("an account").clone();
    let report = rtcp::parse(&about.bytes, 1000).expect("sound");
    let lost = report.about_us.expect("about the caller").lost;
    assert!((600..=750).contains(&lost), "{lost}");
    assert_eq!(about.to, at("203.0.113.10:4001"));
    let reply = {
        let account = super::super::rtp::source::Account { ssrc, fraction_lost: 0, lost: 5, newest: 0, jitter: 16 };
        let sent_at = report.sent_at.expect("a sender report");
        let mut out = [0; rtcp::LONGEST];
        let last_report = Some((sent_at, Instant::ZERO));
        let ours = rtcp::Ours {
            now: Instant::ZERO,
            ssrc: 1000,
            sent: None,
            about_them: Some(account),
            last_report,
            name: "a",
            goodbye: true,
        };
        let length = rtcp::write(&ours, &mut out);
        out[..length].to_vec()
    };
    lab.now = about.at + Duration::from_millis(80);
    lab.inject(CALLER, PacketKind::Rtcp, at("203.0.113.10:4001"), &reply);
    lab.inject(CALLER, PacketKind::Rtcp, at("198.51.100.1:4001"), &reply);
    lab.inject(CALLER, PacketKind::Rtcp, at("203.0.113.10:4001"), b"hello");
    let count = lab.io.sent.iter().filter(|sent| sent.kind == PacketKind::Rtcp).count();
    assert!((9..=16).contains(&count), "{count} in a minute");
    let stats = lab.close(CALLER);
    let goodbye = lab.io.sent.last().expect("a goodbye");
    assert!(goodbye.kind == PacketKind::Rtcp && rtcp::parse(&goodbye.bytes, 0).expect("sound").goodbye);
    assert_eq!((stats.remote_lost, stats.remote_jitter_us), (5, 2000));
    assert!((79_000..=81_000).contains(&stats.round_trip_us.expect("measured")));
    assert_eq!((stats.dropped.of(DropReason::Foreign), stats.dropped.of(DropReason::NotRtcp)), (1, 1));
    assert_eq!(stats.packets_in, 2250);
}

/// No ports is an answer; a leg opened twice is told so; and what is closed leaves nothing behind.
#[test]
fn opening_and_closing() {
    let mut lab = Lab::new();
    lab.io.limit = 1;
    lab.tell(Command::Open { leg: CALLER });
    lab.tell(Command::Open { leg: LISTENER });
    lab.tell(Command::Open { leg: CALLER });
    let (no_ports, twice) = (OpenError::NoPorts, OpenError::AlreadyOpen);
    let expected = [
        Report::Opened { leg: CALLER, rtp: ours(CALLER, 0), rtcp: ours(CALLER, 1) },
        Report::OpenFailed { leg: LISTENER, why: no_ports },
        Report::OpenFailed { leg: CALLER, why: twice },
    ];
    assert_eq!(lab.reports, expected);
    lab.close(CALLER);
    lab.tell(Command::Open { leg: LISTENER });
    assert!(matches!(lab.reports.last(), Some(Report::Opened { .. })));
    lab.close(LISTENER);
    assert_eq!((lab.plane.streams(), lab.plane.next_beat()), (0, Instant::FAR));
}

/// No report and no command shows a key in its Debug form.
#[test]
fn keys_are_not_printed() {
    let report = Report::Digit { leg: CALLER, digit: '*', duration_ms: 1 };
    let command = Command::SendDigits { leg: CALLER, digits: "*".to_owned() };
    assert!(!format!("{report:?} {command:?}").contains('*'));
}
