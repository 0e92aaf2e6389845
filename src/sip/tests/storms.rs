//! Hundreds of calls in a bad network, each from a seed: after the storm nothing is left, and every session had exactly
//! one last word.

use std::time::Duration;

use super::network::{Faults, Network, is_last_word};
use crate::clock::Instant;
use crate::ids::IdSource;
use crate::sip::{Command, Event};

/// What a person does, and when.
#[derive(Clone, Copy, Debug)]
enum Act {
    Ring,
    Answer,
    Refuse(u16),
    Hangup(usize),
    Reoffer(usize),
    Info(usize),
}

fn plan(chance: &mut IdSource) -> Vec<(u64, Act)> {
    let mut acts = Vec::new();
    let answer_ms = 100 + chance.below(8000);
    if chance.below(10) < 8 {
        acts.push((50 + chance.below(3000), Act::Ring));
    }
    match chance.below(10) {
        0 => acts.push((answer_ms, Act::Refuse([404, 480, 486, 603][chance.below(4) as usize]))),
        1 => {}
        _ => acts.push((answer_ms, Act::Answer)),
    }
    for _ in 0..chance.below(4) {
        acts.push((answer_ms + chance.below(20_000), Act::Reoffer(chance.below(2) as usize)));
    }
    if chance.below(3) == 0 {
        acts.push((answer_ms + chance.below(5000), Act::Info(chance.below(2) as usize)));
    }
    for _ in 0..=chance.below(2) {
        // Often close to the answer, where the races are.
        let near = answer_ms.saturating_sub(1000) + chance.below(2000);
        let at = if chance.below(2) == 0 { near } else { chance.below(60_000) };
        acts.push((at, Act::Hangup(chance.below(2) as usize)));
    }
    acts.sort_by_key(|(at, _)| *at);
    acts
}

/// Answers what an owner must answer.
fn obligations(net: &mut Network, seen: &mut [usize; 2]) {
    for end in [0, 1] {
        while let Some((_, event)) = net.ends[end].events.get(seen[end]).cloned() {
            seen[end] += 1;
            match event {
                Event::Reoffer { session, .. } => {
                    net.command(end, Command::AnswerReoffer { session, status: 200, sdp: Some(b"ok".to_vec()) });
                }
                Event::Answered { session, .. } | Event::Reanswered { session, .. } => {
                    net.command(end, Command::Acknowledge { session, sdp: b"ack".to_vec() });
                }
                _ => {}
            }
        }
    }
}

fn storm(seed: u64, faults: Faults) {
    let mut chance = IdSource::from_number(seed ^ 0x5eed);
    let mut net = Network::new(seed, 2, faults);
    let late = chance.below(4) == 0;
    let ours = net.call_with(0, 1, (!late).then_some("offer"), |invite| invite.ring_timeout = Duration::from_secs(30));
    let start = net.now;
    let mut seen = [0, 0];
    let acts = plan(&mut chance);
    for (at, act) in &acts {
        let until = start + Duration::from_millis(*at);
        while net.step(until) {
            obligations(&mut net, &mut seen);
        }
        net.now = net.now.max(until);
        let theirs =
            net.ends[1].events.iter().find_map(|(_, e)| matches!(e, Event::Invite { .. }).then(|| e.session()));
        let theirs = theirs.flatten();
        let session = |end: usize| if end == 0 { Some(ours) } else { theirs };
        match (*act, theirs) {
            (Act::Ring, Some(session)) => net.respond(1, session, 180, None),
            (Act::Answer, Some(session)) => net.respond(1, session, 200, Some("sdp")),
            (Act::Refuse(status), Some(session)) => net.respond(1, session, status, None),
            (Act::Hangup(end), _) => {
                if let Some(session) = session(end) {
                    net.hangup(end, session);
                }
            }
            (Act::Reoffer(end), _) => {
                if let Some(session) = session(end) {
                    net.command(end, Command::Reoffer { session, sdp: Some(b"re".to_vec()) });
                }
            }
            (Act::Info(end), _) => {
                if let Some(session) = session(end) {
                    net.command(end, Command::Info { session, content_type: "text/plain", body: b"5".to_vec() });
                }
            }
            _ => {}
        }
        obligations(&mut net, &mut seen);
    }
    // Calm: whoever still talks hangs up.
    net.faults = Faults::NONE;
    calm(&mut net, &mut seen, start + Duration::from_secs(100));
    for end in [0, 1] {
        let open: Vec<_> = net.ends[end].last_words().into_iter().filter(|(_, words)| *words == 0).collect();
        for (session, _) in open {
            net.hangup(end, session);
        }
    }
    calm(&mut net, &mut seen, Instant::FAR);
    net.assert_settled(&format!("seed {seed}, {acts:?}"));
    for end in &net.ends {
        let mut over = std::collections::BTreeSet::new();
        for (_, event) in &end.events {
            let Some(session) = event.session() else { continue };
            assert!(!over.contains(&session), "seed {seed}: {event:?} after the last word");
            if is_last_word(event) {
                over.insert(session);
            }
        }
    }
}

fn calm(net: &mut Network, seen: &mut [usize; 2], until: Instant) {
    let mut steps = 0;
    while net.step(until) {
        obligations(net, seen);
        steps += 1;
        assert!(steps < 100_000, "it never comes to rest");
    }
    if until < Instant::FAR {
        net.now = net.now.max(until);
    }
}

/// 20 % loss, 5 % duplication, reordering: 400 calls of every kind.
#[test]
fn b050_storms_leave_nothing() {
    for seed in 0..400 {
        storm(seed, Faults::STORM);
    }
}

/// The same in fair weather, and in a far worse storm.
#[test]
fn b050_fair_weather_and_worse() {
    for seed in 0..100 {
        storm(1_000 + seed, Faults { jitter_ms: 30, ..Faults::NONE });
        storm(2_000 + seed, Faults { loss_percent: 50, twice_percent: 20, delay_ms: 50, jitter_ms: 700 });
    }
}

/// One seed gives one history, byte for byte.
#[test]
fn same_seed_same_ladder() {
    let ladder = |seed| {
        let mut net = Network::new(seed, 2, Faults::STORM);
        let ours = net.call(Some("offer"));
        net.run_for_ms(5000);
        net.hangup(0, ours);
        net.run_dry();
        net.ladder
    };
    assert_eq!(ladder(5), ladder(5));
}
