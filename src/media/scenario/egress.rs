//! What the peer of a leg hears, whatever the source behind it.

use super::super::codec;
use super::super::{DropReason, PlaybackEnd};
use super::*;

/// A prompt whose every frame differs from the others.
fn words(frames: usize) -> Arc<Prompt> {
    let samples: Vec<i16> = (0..frames * 160).map(|n| ((n * 7919) % 60_001) as i16).collect();
    Arc::new(Prompt::from_samples("words", 8000, &samples))
}

/// Silence, prompt, the other party, his silence, parting, prompt again: one stream, no jump, no double, no hole over
/// 40 ms (80 ms in the moment the other party falls silent), and the marker where sound begins.
#[test]
fn one_stream_whatever_the_source() {
    let mut lab = Lab::two_legs();
    lab.run(300);
    lab.play(CALLER, 1, &words(25));
    lab.run(800);
    lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
    lab.run(213);
    lab.talk(LISTENER, 2000);
    lab.run(3500);
    lab.talk(LISTENER, 500).sequence = 65_600u32 as u16;
    lab.run(700);
    lab.tell(Command::Unbridge { a: CALLER, b: LISTENER });
    lab.play(CALLER, 2, &words(10));
    lab.run(1000);
    let sent = lab.egress(CALLER);
    check_egress(&sent, 80);
    let fallen_silent = sent.windows(2).filter(|pair| pair[1].at.since(pair[0].at).as_millis() > 40).count();
    assert_eq!(fallen_silent, 2, "he fell silent twice");
    let seconds = lab.now.since(sent[0].at).as_secs_f64();
    assert!((sent.len() as f64 - seconds * 50.0).abs() < 12.0, "{} packets in {seconds} s", sent.len());
    let markers = sent.iter().filter(|sent| sent.header().marker).count();
    assert_eq!(markers, 5, "the very first, two prompts, and the other party twice");
    check_egress(&lab.egress(LISTENER), 40);
}

/// A second listener who takes the place of the first in the worker's table is heard from his first packet on, although his
/// telephone counts from a lower number.
#[test]
fn the_next_listener_is_heard() {
    let mut lab = Lab::two_legs();
    lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
    lab.talk(LISTENER, 500).sequence = 30_000;
    lab.run(500);
    lab.tell(Command::Close { leg: LISTENER });
    let next = LegId { call: CALLER.call, nth: 2 };
    lab.open(next, audio(next));
    lab.tell(Command::Bridge { a: CALLER, b: next });
    let talker = lab.talk(next, 500);
    (talker.sequence, talker.voice) = (100, 0x80);
    lab.run(600);
    let heard = lab.egress(CALLER).iter().filter(|sent| (0x80..0xa0).contains(&sent.payload()[0])).count();
    assert!(heard >= 24, "{heard} of 25 packets");
    check_egress(&lab.egress(CALLER), 80);
}

/// What is heard of a prompt is the prompt, byte for byte, in either coding, and its end is told once, at its last frame.
#[test]
fn a_prompt_is_heard_exactly() {
    for codec in Codec::ALL {
        let mut lab = Lab::new();
        let send_payload_type = codec.static_payload_type().expect("G.711 has one");
        lab.open(CALLER, Audio { codec, send_payload_type, ..audio(CALLER) });
        lab.run(100);
        let prompt = words(50);
        lab.play(CALLER, 1, &prompt);
        lab.run(1100);
        let heard: Vec<u8> = lab.egress(CALLER).iter().flat_map(|sent| sent.payload().to_vec()).collect();
        let silence = codec::silence(codec);
        let place = heard.windows(8000).position(|window| window == prompt.sound(codec)).expect("heard whole");
        assert!(heard[..place].iter().chain(&heard[place + 8000..]).all(|byte| *byte == silence));
        let ended = Report::PlaybackEnded { leg: CALLER, playback: PlaybackId(1), how: PlaybackEnd::Finished };
        assert_eq!(lab.reports.iter().filter(|report| **report == ended).count(), 1);
        assert!(lab.egress(CALLER).iter().all(|sent| sent.header().payload_type == send_payload_type));
    }
}

/// Each playback ends once under its own name: replaced, stopped, or with its leg; a stop that names another does
/// nothing; and on a leg that is not there it ends at once.
#[test]
fn every_playback_ends_once() {
    let mut lab = Lab::new();
    lab.open(CALLER, audio(CALLER));
    let prompt = words(100);
    for playback in 1..=3 {
        lab.play(CALLER, playback, &prompt);
        lab.run(50);
    }
    lab.tell(Command::Stop { leg: CALLER, playback: PlaybackId(2) });
    lab.run(50);
    lab.tell(Command::Stop { leg: CALLER, playback: PlaybackId(3) });
    lab.play(CALLER, 4, &Arc::new(Prompt::from_samples("empty", 8000, &[])));
    lab.play(CALLER, 5, &prompt);
    lab.close(CALLER);
    lab.play(CALLER, 6, &prompt);
    let ends: Vec<(u32, PlaybackEnd)> = lab
        .reports
        .iter()
        .filter_map(|report| match report {
            Report::PlaybackEnded { playback, how, .. } => Some((playback.0, *how)),
            _ => None,
        })
        .collect();
    let (finished, stopped) = (PlaybackEnd::Finished, PlaybackEnd::Stopped);
    assert_eq!(ends, [(1, stopped), (2, stopped), (3, stopped), (4, finished), (5, stopped), (6, stopped)]);
}

/// Music goes on until the listener's first packet, however late it is, and comes back when he is gone (P124, P148).
#[test]
fn no_hole_while_waiting_for_the_listener() {
    let mut lab = Lab::two_legs();
    lab.tell(Command::Play {
        leg: CALLER,
        playback: PlaybackId(1),
        prompts: vec![words(7)],
        repeat: Some(Duration::ZERO),
    });
    lab.run(1000);
    lab.tell(Command::Stop { leg: CALLER, playback: PlaybackId(1) });
    lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
    lab.run(400);
    lab.talk(LISTENER, 1000);
    lab.run(990);
    lab.tell(Command::Unbridge { a: CALLER, b: LISTENER });
    lab.tell(Command::Play {
        leg: CALLER,
        playback: PlaybackId(2),
        prompts: vec![words(7)],
        repeat: Some(Duration::ZERO),
    });
    lab.run(1000);
    assert_eq!(check_egress(&lab.egress(CALLER), 40), 0);
}

/// A bridge passes every packet at once, changes no byte of the voice, and a loss before us is the same loss after us.
#[test]
fn a_bridge_passes_on() {
    let mut lab = Lab::two_legs();
    lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
    lab.run(100);
    lab.talk(LISTENER, 4000).way = |n| (n % 10 != 9).then_some(0);
    lab.talk(CALLER, 4000);
    let begun = lab.io.sent.len();
    lab.run(3900);
    let heard: Vec<&Sent> = lab.egress(CALLER).into_iter().filter(|sent| sent.payload()[0] != 0xd5).collect();
    let missing = check_egress(&heard, 40);
    assert_eq!(missing, heard.len() as u64 / 9);
    for (n, sent) in heard.iter().enumerate() {
        let nth = n + n / 9;
        assert_eq!(sent.payload(), [0x10 + (nth % 64) as u8; 160]);
        assert_eq!(sent.at, Instant::from_millis(1107 + nth as u64 * 20), "passed on in the instant it came");
        assert_eq!(sent.to, theirs(CALLER));
    }
    assert_eq!(check_egress(&lab.egress(LISTENER), 40), 0);
    assert!(lab.io.sent.len() - begun > 360);
    let stats = lab.close(LISTENER);
    assert_eq!((stats.lost, stats.jitter_us, stats.dropped.faults()), (19, 0, 0));
}

/// A-law on one side, µ-law on the other: each hears his own coding, with the same voice.
#[test]
fn a_bridge_converts() {
    let mut lab = Lab::new();
    lab.open(CALLER, audio(CALLER));
    lab.open(LISTENER, Audio { codec: Codec::Pcmu, send_payload_type: 0, ..audio(LISTENER) });
    lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
    lab.talk(CALLER, 1000);
    lab.talk(LISTENER, 1000).payload_type = 0;
    lab.run(1000);
    for (leg, payload_type, table) in
        [(LISTENER, 0, &codec::g711::ALAW_TO_ULAW), (CALLER, 8, &codec::g711::ULAW_TO_ALAW)]
    {
        let sent = lab.egress(leg);
        assert!(sent.iter().all(|sent| sent.header().payload_type == payload_type));
        let silence = codec::silence(if payload_type == 0 { Codec::Pcmu } else { Codec::Pcma });
        let voice: Vec<u8> = sent.iter().map(|sent| sent.payload()[0]).filter(|byte| *byte != silence).collect();
        let wanted: Vec<u8> = (0..voice.len()).map(|n| table[0x10 + n % 64]).collect();
        assert_eq!(voice, wanted);
        assert!(voice.len() > 40);
    }
}

/// A packet out of order keeps its place, a double is dropped, and one whose place was filled is dropped.
#[test]
fn order_is_kept_or_restored() {
    let mut lab = Lab::two_legs();
    lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
    lab.talk(LISTENER, 2000).way = |n| Some(if n % 10 == 5 { 25 } else { 0 });
    lab.run(2000);
    let mut heard: Vec<&Sent> = lab.egress(CALLER).into_iter().filter(|sent| sent.payload()[0] != 0xd5).collect();
    assert_eq!(heard.len(), 100);
    let mut sorted = heard.clone();
    sorted.sort_by_key(|sent| sent.header().sequence.wrapping_sub(heard[0].header().sequence));
    let places: Vec<u32> =
        sorted.iter().map(|sent| sent.header().timestamp.wrapping_sub(heard[0].header().timestamp)).collect();
    assert!(places.windows(2).all(|pair| pair[1] - pair[0] == 160), "every number and every time once");
    heard.sort_by_key(|sent| sent.at);
    assert_eq!(lab.close(LISTENER).reordered, 10);
}

/// Packets of 10, 30, 40 and 60 ms are passed with the right times; odd and empty ones do no harm (P126).
#[test]
fn b108_any_packet_time() {
    for samples in [80, 240, 320, 480] {
        let mut lab = Lab::two_legs();
        lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
        lab.run(100);
        lab.talk(LISTENER, 1800).samples = samples;
        lab.run(2500);
        assert_eq!(check_egress(&lab.egress(CALLER), 60 + u64::from(samples) / 8), 0);
        let heard = lab.egress(CALLER).iter().filter(|sent| sent.payload()[0] != 0xd5).count();
        assert_eq!(heard, 1800 * 8 / samples as usize);
    }
    let mut lab = Lab::two_legs();
    lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
    for samples in [0, 1, 3, 160, 8, 0, 1919, 2000] {
        let mut talker = lab.talk(LISTENER, 0).clone();
        lab.talkers.clear();
        talker.sequence = samples as u16;
        talker.timestamp = samples * 100;
        let bytes = packet(&talker, &vec![0x20; samples as usize]);
        lab.inject(LISTENER, PacketKind::Rtp, talker.from, &bytes);
        lab.run(30);
    }
    lab.run(300);
}

/// Comfort noise is neither played nor passed on: its time is filled with silence, and its number is no loss (P113).
#[test]
fn comfort_noise() {
    let mut lab = Lab::two_legs();
    lab.tell(Command::Bridge { a: CALLER, b: LISTENER });
    lab.talk(LISTENER, 1000);
    lab.run(1000);
    let talker = Talker { payload_type: 13, sequence: 65_500u16.wrapping_add(50), ..lab.talk(LISTENER, 0).clone() };
    lab.talkers.clear();
    lab.inject(LISTENER, PacketKind::Rtp, talker.from, &packet(&talker, &[30]));
    lab.run(2000);
    let voice = lab.talk(LISTENER, 1000);
    voice.sequence = 65_500u16.wrapping_add(51);
    voice.timestamp = 0xffff_f000u32.wrapping_add(8000 + 16_000);
    lab.run(1000);
    assert_eq!(check_egress(&lab.egress(CALLER), 80), 0, "no number is missing");
    assert_eq!(lab.close(LISTENER).dropped.of(DropReason::ComfortNoise), 1);
}

/// On hold nothing is sent, a prompt still comes to its end, and afterwards the stream goes on with the right time.
#[test]
fn hold_sends_nothing() {
    let mut lab = Lab::new();
    lab.open(CALLER, audio(CALLER));
    lab.run(200);
    let before = lab.egress(CALLER).len();
    lab.configure(CALLER, Audio { direction: Direction::Inactive, held: true, ..audio(CALLER) });
    lab.play(CALLER, 1, &words(20));
    lab.run(1000);
    assert_eq!(lab.egress(CALLER).len(), before);
    assert!(
        lab.reports.iter().any(|report| matches!(report, Report::PlaybackEnded { how: PlaybackEnd::Finished, .. }))
    );
    lab.configure(CALLER, audio(CALLER));
    lab.run(200);
    check_egress(&lab.egress(CALLER), 1020);
    assert!(lab.egress(CALLER)[before].header().marker);
    assert!(lab.egress(CALLER).len() >= before + 9);
}

/// Keys are pressed as RFC 4733 wants, with the peer's number for them, and the voice goes on around them.
#[test]
fn pressing_keys() {
    let mut lab = Lab::new();
    lab.open(CALLER, audio(CALLER));
    lab.run(200);
    lab.tell(Command::SendDigits { leg: CALLER, digits: "39#".to_owned() });
    lab.run(1500);
    let sent = lab.egress(CALLER);
    assert_eq!(check_egress(&sent, 40), 0);
    let events: Vec<&&Sent> = sent.iter().filter(|sent| sent.header().payload_type == 101).collect();
    assert_eq!(events.len(), 21);
    assert!(events.iter().all(|sent| sent.payload().len() == 4));
    let mut times: Vec<u32> = events.iter().map(|sent| sent.header().timestamp).collect();
    times.dedup();
    assert_eq!(times.len(), 3);
}
