//! The simulator: the whole engine in a bad network, from one seed.
//!
//! What runs here is what serves: [`ecoute::node::Shard`] (SIP endpoint, calls, dispatcher) and [`ecoute::media::Plane`], with
//! [`ecoute::node::Phone`] for callers and listeners. Only what stands around them is made up: a clock that jumps from event
//! to event, a network that loses, repeats, delays and reorders, telephones that die, and people who hang up at the worst
//! moment. At `calm_at` the faults stop; then everything must come to its end, and nothing may be left.
//!
//! ```text
//!   seed ──> nature ──> people ─┐                       ┌─> telephones (Phone + Plane)
//!                               ├─> world: one queue ──>├─> engine (Shard + Plane)
//!                       fates ──┘      one clock        └─> net: lost, twice, late
//!                                          └──> trace, oracle
//! ```
//!
//! - `nature`: what a seed is like. Each enables a random part of all faults and habits.
//! - `callers`, `listeners`, `deeds`: people. They react to what they *hear*: every prompt and every voice is a tone.
//! - `roads`, `wires`: how each telephone reaches the engine (UDP, TCP, TLS, WebSocket; IPv4 and IPv6), and connections, whose
//!   bytes are cut anywhere and which break at the worst moment.
//! - `strangers`, `watchers`: guessers, scanners and forgers on the Internet; desk lamps that subscribe to a line.
//! - `world`, `net`, `ports`, `engine`, `device`: the clock, the queue, and the hosts.
//! - `oracle`: the judge. He compares what the engine tells, what telephones show and what ears hear with what is promised.
//! - `world/moments`, `world/transfers`, `world/forks`: what crosses in the very instant, what changes hands, what answers twice.
//! - `kept`: seeds that failed once. They run first, for ever.
//!
//! ```text
//!   cargo test --release --test sim                      2,000 seeds (a debug build plays 200)
//!   ECOUTE_SIM_SEEDS=5000..9000 cargo test …             these
//!   ECOUTE_SIM_SEED=4711 cargo test … -- --nocapture     one, with its whole trace
//! ```
//!
//! What was met is counted, the races of RFC 5407 by their section among it, and printed with `--nocapture`; a long run that
//! does not meet everything it should fails. `make soak` plays 10,000 seeds.
//!
//! What the simulator does not show: sockets, threads, files, the store. `tests/it` does.

mod callers;
mod deeds;
mod device;
mod dice;
mod engine;
mod house;
mod kept;
mod listeners;
mod nature;
mod net;
mod oracle;
mod ports;
mod roads;
mod sights;
mod sip_words;
mod strangers;
mod swarm;
mod trace;
mod watchers;
mod wires;
mod words;
mod world;

use house::Which;

/// Every seed keeps every promise; the seeds that broke one before come first.
#[test]
fn the_swarm_keeps_every_promise() {
    if let Some(seed) = swarm::asked_for_one() {
        let outcome = swarm::play(seed, Which::Short, true);
        println!("{}", outcome.trace);
        println!("seed {seed}: {} steps until {:?}, hash {:016x}", outcome.steps, outcome.at, outcome.hash);
        assert!(outcome.fault.is_none(), "seed {seed}: {}", outcome.fault.unwrap_or_default());
        return;
    }
    let report = swarm::play_all(kept::KEPT.iter().map(|(seed, _)| *seed).chain(swarm::asked_for()));
    let per_second = report.seeds as f64 / report.took.as_secs_f64().max(0.001);
    println!("{}{} seeds, {} steps, {per_second:.0} seeds a second", report.sights.text(), report.seeds, report.steps);
    assert!(report.faults.is_empty(), "{}", swarm::tell(&report));
    assert!(swarm::missed(&report).is_empty(), "never met: {:?}", swarm::missed(&report));
}

/// The same seed is the same run, to the last packet.
#[test]
fn a_seed_replays() {
    for seed in (0..400).step_by(40) {
        let (one, other) = (swarm::play(seed, Which::Short, false), swarm::play(seed, Which::Short, false));
        assert_eq!((one.hash, one.steps), (other.hash, other.steps), "seed {seed}");
    }
}

/// The plan that 3977 is served with, with its long patience.
#[test]
fn the_real_plan() {
    for seed in 0..3 {
        let outcome = swarm::play(seed, Which::Real, false);
        assert!(outcome.fault.is_none(), "seed {seed}: {}\n{}", outcome.fault.unwrap_or_default(), outcome.trace);
    }
}
