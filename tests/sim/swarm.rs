//! Many seeds on all cores.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use crate::house::Which;
use crate::sights::Sights;
use crate::world::{Outcome, World};

/// Seeds of an ordinary run.
const SEEDS: Range<u64> = if cfg!(debug_assertions) { 0..200 } else { 0..2000 };
/// After so many faults enough is known.
const FAULTS_MOST: usize = 12;

/// What became of many seeds.
#[derive(Debug, Default)]
pub struct Report {
    pub seeds: u64,
    pub steps: u64,
    /// How long it took, on the wall.
    pub took: Duration,
    pub sights: Sights,
    pub faults: Vec<(u64, String, String)>,
}

/// The one seed that was asked for, if one was.
pub fn asked_for_one() -> Option<u64> {
    std::env::var("ECOUTE_SIM_SEED").ok().and_then(|seed| seed.trim().parse().ok())
}

/// The seeds that were asked for (`a..b`), or the ordinary ones.
pub fn asked_for() -> Range<u64> {
    let text = std::env::var("ECOUTE_SIM_SEEDS").unwrap_or_default();
    let range = text.split_once("..").and_then(|(from, to)| Some(from.trim().parse().ok()?..to.trim().parse().ok()?));
    range.unwrap_or(SEEDS)
}

/// One run. A panic is a fault like another.
pub fn play(seed: u64, which: Which, full: bool) -> Outcome {
    World::new(seed, which, full).run()
}

/// All of them, on all cores.
#[expect(clippy::disallowed_methods, reason = "how many seeds a second are played is told")]
pub fn play_all(seeds: impl Iterator<Item = u64> + Send) -> Report {
    let began = std::time::Instant::now();
    let seeds = Mutex::new(seeds);
    let report = Mutex::new(Report::default());
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let Some(seed) = seeds.lock().expect("no player panics here").next() else { return };
                    let played = catch_unwind(AssertUnwindSafe(|| play(seed, Which::Short, false)));
                    let mut report = report.lock().expect("no player panics here");
                    report.seeds += 1;
                    match played {
                        Ok(outcome) => {
                            report.steps += outcome.steps;
                            report.sights.add(outcome.sights);
                            if let Some(fault) = outcome.fault {
                                report.faults.push((seed, fault, outcome.trace));
                            }
                        }
                        Err(_) => report.faults.push((seed, "a panic (see above)".into(), String::new())),
                    }
                    if report.faults.len() >= FAULTS_MOST {
                        return;
                    }
                }
            });
        }
    });
    let mut report = report.into_inner().expect("no player panics here");
    report.faults.sort();
    report.took = began.elapsed();
    report
}

/// What a long run must have met, or the swarm has lost its teeth.
const MUST_MEET: &[&str] = &[
    "a caller VANISHES in Some(Bridged)",
    "a caller VANISHES in Some(Offered)",
    "a caller VANISHES in Some(Ringing)",
    "a caller VANISHES in Some(Waiting)",
    "a caller holds the call in Some(Bridged)",
    "a caller hung up as a listener answered",
    "a caller hung up before she was answered",
    "a connection breaks in a caller's call",
    "a connection breaks while its listener is held",
    "a large request goes over TCP first",
    "a listener VANISHES while held",
    "a listener answered a ring already taken back",
    "a listener answered with two telephones",
    "a listener holds the call while held",
    "a second telephone answers the same INVITE",
    "a stranger's Dial over TCP",
    "a stranger's Forge over UDP",
    "a stranger's Guess over UDP",
    "a stranger's Noise over TCP",
    "a stranger's Replay over UDP",
    "a stranger's Scan over WS",
    "a telephone asks for a transfer",
    "a telephone says UPDATE",
    "a telephone takes a conversation over",
    "attempt Busy",
    "attempt Declined",
    "attempt Failed",
    "attempt NoAnswer",
    "banned Malformed",
    "banned ManyNames",
    "banned Scanner",
    "banned WrongPassword",
    "both heard each other",
    "bridges 2",
    "end Caller HungUp Answering",
    "end Caller HungUp Ringing",
    "end Caller UnknownNumber Offered",
    "end Listener HungUp Closing",
    "end Us Completed Closing",
    "end Us Drained Ringing",
    "end Us NoPorts Offered",
    "engine says NOTIFY inside",
    "engine says PRACK inside",
    "engine says UPDATE inside",
    "located by Some(Answer)",
    "located by Some(ConfirmedHint)",
    "note OneWayAudio",
    "race 3.1.1 an INVITE repeated, and its 200 on the way",
    "race 3.1.2 CANCEL crosses the 200",
    "race 3.1.4 a re-INVITE before the ACK",
    "race 3.1.6 BYE before the ACK",
    "race 3.2.1 BYE crosses BYE",
    "race 3.2.2 a re-INVITE crosses BYE",
    "race 3.2.3 the 200 of a re-INVITE crosses BYE",
    "race 3.2.4 an ACK behind a BYE",
    "race 3.3.1 a re-INVITE crosses a re-INVITE",
    "race 3.3.2 an UPDATE crosses a re-INVITE",
    "race 3.3.3 REFER crosses BYE",
    "unbound FlowClosed",
];

/// What should have been met in a run of a thousand seeds, and was not.
pub fn missed(report: &Report) -> Vec<&'static str> {
    let many = report.seeds >= 1000;
    MUST_MEET.iter().copied().filter(|what| many && report.sights.times(what) == 0).collect()
}

/// The faults in words: all in short, the first with the end of its trace.
pub fn tell(report: &Report) -> String {
    let mut text = String::new();
    if let Some((seed, fault, trace)) = report.faults.first() {
        text += &format!("\n{trace}\nseed {seed}: {fault}\n(replay: ECOUTE_SIM_SEED={seed}, with -- --nocapture)\n");
    }
    for (seed, fault, _) in &report.faults {
        text += &format!("  seed {seed}: {fault}\n");
    }
    text += &format!("{} of {} seeds broke a promise\n", report.faults.len(), report.seeds);
    text
}
