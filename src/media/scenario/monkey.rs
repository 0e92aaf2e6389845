//! Everything at once, by chance, from a seed: whatever is told and sent, in whatever order, every stream we send stays
//! sound and nothing is left behind.

use super::*;

const LEGS: u64 = 4;

fn leg(n: u64) -> LegId {
    LegId { call: CallId::from_raw(9), nth: n as u16 }
}

fn step(lab: &mut Lab, ids: &mut IdSource, prompt: &Arc<Prompt>) {
    let (a, b) = (leg(ids.below(LEGS)), leg(ids.below(LEGS)));
    let playback = PlaybackId(ids.below(5) as u32);
    match ids.below(12) {
        0 => lab.tell(Command::Open { leg: a }),
        1 => lab.tell(Command::Bridge { a, b }),
        2 => lab.tell(Command::Unbridge { a, b }),
        3 => {
            let repeat = (ids.below(2) == 0).then(|| Duration::from_millis(ids.below(100)));
            lab.tell(Command::Play { leg: a, playback, prompts: vec![prompt.clone(); ids.below(3) as usize], repeat });
        }
        4 => lab.tell(Command::Stop { leg: a, playback }),
        5 => lab.tell(Command::SendDigits { leg: a, digits: "1#".to_owned() }),
        6 if ids.below(4) == 0 => lab.tell(Command::Close { leg: a }),
        7 => {
            let direction = [Direction::SendRecv, Direction::SendOnly, Direction::SendRecv][ids.below(3) as usize];
            let codec = Codec::ALL[ids.below(2) as usize];
            let send_payload_type = codec.static_payload_type().expect("G.711 has one");
            lab.configure(a, Audio { direction, codec, send_payload_type, ..audio(a) });
        }
        8 | 9 => {
            let talker = lab.talk(a, ids.below(3000));
            talker.sequence = ids.next_u32() as u16;
            talker.timestamp = ids.next_u32();
            talker.ssrc = ids.below(3) as u32;
            talker.payload_type = [8, 0, 96, 13, 50][ids.below(5) as usize];
            talker.samples = [160, 160, 160, 240, 80][ids.below(5) as usize];
            talker.way = |n| (n * 7 % 11 != 3).then_some(n * 13 % 40);
        }
        10 => {
            let mut bytes: Vec<u8> = (0..ids.below(80)).map(|_| ids.next_u32() as u8).collect();
            if let Some(first) = bytes.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            let kind = if ids.below(2) == 0 { PacketKind::Rtp } else { PacketKind::Rtcp };
            if lab.plane.slot(a).is_some() {
                lab.inject(a, kind, theirs(a), &bytes);
            }
        }
        _ => {}
    }
    lab.run(ids.below(150));
}

/// Fifty seeds of a minute each. A reordered packet may leave out of order; nothing else may.
#[test]
fn whatever_happens_the_streams_stay_sound() {
    let prompt = Arc::new(Prompt::tone("tone", 440, Duration::from_millis(330)));
    for seed in 0..50 {
        let mut ids = IdSource::from_number(seed);
        let mut lab = Lab::new();
        for _ in 0..800 {
            step(&mut lab, &mut ids, &prompt);
        }
        for n in 0..LEGS {
            lab.tell(Command::Close { leg: leg(n) });
        }
        let mut streams: std::collections::BTreeMap<u32, Vec<(u16, u32)>> = std::collections::BTreeMap::new();
        for sent in lab.io.sent.iter().filter(|sent| sent.kind == PacketKind::Rtp) {
            let header = sent.header();
            if header.payload_type != 101 {
                streams.entry(header.ssrc).or_default().push((header.sequence, header.timestamp));
            }
        }
        for (ssrc, mut packets) in streams {
            let first = packets[0].0;
            packets.sort_by_key(|packet| packet.0.wrapping_sub(first));
            for pair in packets.windows(2) {
                assert_ne!(pair[0].0, pair[1].0, "seed {seed}, {ssrc:x}: a number twice");
                let step = rtp::distance(pair[1].1, pair[0].1);
                assert!(step > 0, "seed {seed}, {ssrc:x}: {:?} then {:?}", pair[0], pair[1]);
            }
        }
        let opened = lab.reports.iter().filter(|report| matches!(report, Report::Opened { .. })).count();
        let closed = lab.reports.iter().filter(|report| matches!(report, Report::Closed { .. })).count();
        assert_eq!((opened, lab.plane.streams(), lab.plane.next_beat()), (closed, 0, Instant::FAR), "seed {seed}");
    }
}

/// The same seed gives the same packets: a run can be repeated.
#[test]
fn a_seed_replays() {
    let prompt = Arc::new(Prompt::tone("tone", 440, Duration::from_millis(330)));
    let run = || {
        let mut ids = IdSource::from_number(42);
        let mut lab = Lab::new();
        (0..500).for_each(|_| step(&mut lab, &mut ids, &prompt));
        let sent: Vec<_> = lab.io.sent.into_iter().map(|sent| (sent.at, sent.leg, sent.to, sent.bytes)).collect();
        (sent, lab.reports)
    };
    assert_eq!(run(), run());
}
