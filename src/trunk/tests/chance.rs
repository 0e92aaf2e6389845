//! A long day by chance: peers come and go, calls come and go, the DNS and the registrar say whatever they like. What must hold
//! holds at every step; and when the faults stop, every trunk is there again within one probe.

use std::collections::BTreeMap;

use super::*;
use crate::sip::RegistrationState;

const STEPS: usize = 2000;
const SEEDS: u64 = 60;

struct Day {
    world: World,
    dice: IdSource,
    dead: BTreeMap<Hop, bool>,
    queries: Vec<u32>,
    held: Vec<(TrunkId, bool, Channel)>,
    created: u64,
    freed: u64,
}

impl Day {
    fn begin(seed: u64) -> Day {
        let limited =
            Settings { channels_max: Some(6), reserved_for_outgoing: 2, ..fixed("a", &peers("192.0.2.1:5060")) };
        let named = fixed("b", &[("operateur.example", 1, 1)]);
        let mut world = World::new(vec![limited, named, account("c", "203.0.113.1:5060")]);
        world.trunks.core.ids = IdSource::from_number(seed ^ 0x5eed);
        Day {
            world,
            dice: IdSource::from_number(seed),
            dead: BTreeMap::new(),
            queries: Vec::new(),
            held: Vec::new(),
            created: 0,
            freed: 0,
        }
    }

    fn some_hop(&mut self) -> Option<(TrunkId, Hop)> {
        let all: Vec<(TrunkId, Hop)> =
            self.world.trunks.lines.values().flat_map(|line| line.hops.keys().map(|hop| (line.id, *hop))).collect();
        all.get(self.dice.below(all.len() as u64) as usize).copied()
    }

    fn step(&mut self) {
        self.collect();
        match self.dice.below(12) {
            0 => {
                let hop = self.some_hop();
                let is_dead = self.dice.below(2) == 0;
                self.dead.extend(hop.map(|(_, hop)| (hop, is_dead)));
            }
            1 | 2 => self.place(),
            3 | 4 => {
                let trunk = TrunkId(self.dice.below(4) as u32);
                if let Ok(channel) = self.world.trunks.take_in(trunk) {
                    self.created += 1;
                    self.held.push((trunk, false, channel));
                }
            }
            5 | 6 => {
                if !self.held.is_empty() {
                    let nth = self.dice.below(self.held.len() as u64) as usize;
                    let (.., channel) = self.held.swap_remove(nth);
                    self.world.trunks.free(channel);
                    self.freed += 1;
                }
            }
            7 => self.answer_dns(),
            8 => {
                let states = [
                    RegistrationState::Registered { expires_s: 60 },
                    RegistrationState::Failed { status: 503 },
                    RegistrationState::Failed { status: 403 },
                    RegistrationState::Failed { status: 408 },
                ];
                let state = states[self.dice.below(4) as usize];
                self.world.give(Input::Registration { account: self.dice.below(4) as u32, state });
            }
            9 => {
                if let Some((trunk, hop)) = self.some_hop() {
                    self.world.give(Input::Heard { trunk, hop });
                }
            }
            _ => {
                let span = Duration::from_millis(self.dice.below(40_000));
                let dead = self.dead.clone();
                self.pass(span, &dead);
            }
        }
        self.check();
    }

    /// As [`World::pass`], keeping the questions to the DNS for later.
    fn pass(&mut self, span: Duration, dead: &BTreeMap<Hop, bool>) {
        self.world.pass(span, |hop| !dead.get(&hop).copied().unwrap_or(false));
        self.collect();
    }

    fn collect(&mut self) {
        let asked = self.world.said.iter().filter_map(|output| match output {
            Output::Resolve { query, .. } => Some(*query),
            _ => None,
        });
        self.queries.extend(asked);
        self.world.said.retain(|output| matches!(output, Output::Probe { .. }));
    }

    fn answer_dns(&mut self) {
        let Some(query) = self.queries.pop() else { return };
        let all = [("198.51.100.1:5060", 1, 1), ("198.51.100.2:5060", 1, 3), ("[2001:db8::9]:5060", 2, 1)];
        let few = self.dice.below(4) as usize;
        self.world.resolve(query, &all[..few]);
    }

    fn place(&mut self) {
        let Ok(listed) = self.world.trunks.route(self.world.now, &call()) else { return };
        assert!(!listed.is_empty() && listed.len() <= 8);
        let mut seen: Vec<Hop> = Vec::new();
        for attempt in listed {
            assert!(!seen.contains(&attempt.hop), "an address is tried once");
            seen.push(attempt.hop);
            let Ok(channel) = self.world.trunks.take_out(attempt.trunk) else { continue };
            self.created += 1;
            let is_dead = self.dead.get(&attempt.hop).copied().unwrap_or(false);
            let outcome = match (is_dead, self.dice.below(8)) {
                (true, _) => Outcome::TimedOut,
                (false, 0) => Outcome::Refused { status: 503, retry_after_s: Some(self.dice.below(90) as u32) },
                (false, 1) => Outcome::Refused { status: 500, retry_after_s: None },
                (false, 2) => Outcome::Refused { status: 486, retry_after_s: None },
                (false, _) => Outcome::Alive,
            };
            let next = self.world.trunks.outcome(self.world.now, attempt.trunk, attempt.hop, outcome);
            self.world.drain();
            if outcome == Outcome::Alive {
                self.held.push((attempt.trunk, true, channel));
            } else {
                self.world.trunks.free(channel);
                self.freed += 1;
            }
            if next == Next::Stop {
                break;
            }
        }
    }

    /// Created less freed is in use, and no limit is passed.
    fn check(&self) {
        assert_eq!(self.created - self.freed, self.held.len() as u64);
        for status in self.world.trunks.status(self.world.now) {
            let held = |outgoing: bool| {
                let mine = self.held.iter().filter(|(trunk, out, _)| *trunk == status.trunk && *out == outgoing);
                mine.count() as u32
            };
            assert_eq!((status.incoming, status.outgoing), (held(false), held(true)));
            if let Some(max) = status.channels_max {
                assert!(status.incoming + status.outgoing <= max && status.incoming <= max - 2, "{status:?}");
            }
        }
    }
}

fn peers(first: &'static str) -> [(&'static str, u16, u16); 3] {
    [(first, 1, 5), ("192.0.2.2:5060", 1, 5), ("192.0.2.3:5060", 2, 1)]
}

/// See the top of this file.
#[test]
fn a_day_by_chance() {
    for seed in 0..SEEDS {
        let mut day = Day::begin(seed);
        for _ in 0..STEPS {
            day.step();
        }
        // The faults stop. What was asked for by Retry-After (90 s at most) runs out, and each peer is asked once more.
        day.dead.clear();
        day.answer_all();
        let dead = BTreeMap::new();
        day.pass(seconds(90), &dead);
        day.pass(seconds(34), &dead);
        let state = RegistrationState::Registered { expires_s: 1800 };
        day.world.give(Input::Registration { account: 2, state });
        for status in day.world.trunks.status(day.world.now) {
            assert_eq!(status.state, State::Up, "seed {seed}: {status:?}");
        }
        assert!(day.world.hops().is_ok(), "seed {seed}");
        for (.., channel) in std::mem::take(&mut day.held) {
            day.world.trunks.free(channel);
            day.freed += 1;
        }
        day.check();
    }
}

impl Day {
    /// The DNS works again: the next questions have answers.
    fn answer_all(&mut self) {
        let dead = BTreeMap::new();
        for _ in 0..200 {
            self.pass(seconds(1), &dead);
            for query in std::mem::take(&mut self.queries) {
                self.world.resolve(query, &[("198.51.100.1:5060", 1, 1)]);
            }
        }
    }
}

/// The same seed, the same day.
#[test]
fn a_day_can_be_repeated() {
    let told = |seed| {
        let mut day = Day::begin(seed);
        let mut told = String::new();
        for _ in 0..300 {
            day.step();
            told.push_str(&format!("{:?}\n", day.world.trunks.status(day.world.now)));
        }
        told
    };
    assert_eq!(told(3), told(3));
    assert_ne!(told(3), told(4));
}
