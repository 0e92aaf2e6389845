//! The dispatcher against a shadow that keeps its own books, from a seed: random callers, listeners, rosters and clocks,
//! then calm. The shadow knows the rules in their plainest form and no index, no timer, no order of work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::fixture::{NOON_MS, call, dept, secs, tier};
use super::*;
use crate::clock::{Civil, Now};
use crate::ids::IdSource;

/// What the shadow knows of a listener.
#[derive(Clone, Debug, Default)]
struct Person {
    devices: u32,
    paused: bool,
    engaged: u32,
    held: Option<(Token, Option<Instant>)>,
    notes_until: Instant,
    /// The far end of time stands for "until he registers again".
    peace_until: Instant,
    missed: u8,
    rested_at: Option<Instant>,
}

/// What the shadow knows of a caller who waits.
#[derive(Clone, Debug)]
struct Caller {
    request: Request,
    arrived: Instant,
    nth: u64,
    ringing: bool,
    alone_since: Instant,
    not_before: Instant,
    met: BTreeMap<ListenerId, (Outcome, Instant)>,
}

struct World {
    dice: IdSource,
    dispatcher: Dispatcher,
    settings: Settings,
    roster: Arc<Roster>,
    now: Now,
    due: Option<Instant>,
    people: BTreeMap<ListenerId, Person>,
    callers: BTreeMap<CallId, Caller>,
    old_tokens: Vec<Token>,
    born: u64,
    generation: u64,
    /// Every word said, when it is wanted.
    trace: Option<Vec<String>>,
}

const PLACES: [&str; 6] = ["38", "73", "29", "2A", "974", "69"];

impl World {
    fn new(seed: u64) -> World {
        let settings = Settings { max_waiting: 12, ..Settings::default() };
        let mut dice = IdSource::from_number(seed);
        let roster = random_roster(&mut dice);
        World {
            dispatcher: Dispatcher::new(settings.clone(), roster.clone()),
            people: roster.listeners.iter().map(|one| (one.id.clone(), Person::default())).collect(),
            settings,
            roster,
            dice,
            now: Now { at: Instant::from_millis(5), civil: Civil::from_unix_millis(NOON_MS) },
            due: None,
            callers: BTreeMap::new(),
            old_tokens: Vec::new(),
            born: 0,
            generation: 0,
            trace: None,
        }
    }

    fn pick<T: Clone>(&mut self, all: Vec<T>) -> Option<T> {
        (!all.is_empty()).then(|| all[self.dice.below(all.len() as u64) as usize].clone())
    }

    fn held(&self, talking: bool) -> Vec<Token> {
        let held = self.people.values().filter_map(|person| person.held.clone());
        held.filter(|(_, deadline)| deadline.is_none() == talking).map(|(token, _)| token).collect()
    }

    /// One random event, after a random time.
    fn step(&mut self) {
        let span = match self.dice.below(20) {
            0..4 => Duration::ZERO,
            4..18 => Duration::from_millis(self.dice.below(4000)),
            _ => secs(self.dice.below(90)),
        };
        let prompt = self.dice.below(10) > 0;
        self.pass(span, prompt);
        let listener = self.pick(self.people.keys().cloned().collect());
        let listener = listener.unwrap_or_else(|| ListenerId::new("nobody"));
        let input = match self.dice.below(100) {
            0..24 => Some(Input::Enqueue(self.random_request())),
            24..30 => self.pick(self.callers.keys().copied().collect()).map(|call| Input::Leave { call }),
            30..62 => self.random_outcome(),
            62..80 => self.pick(self.held(true)).map(|token| Input::Released { token }),
            80..87 => Some(Input::Reachable { listener, devices: self.dice.below(3) as u32 }),
            87..92 => {
                Some(Input::Wish { listener, wish: if self.dice.below(3) == 0 { Wish::Paused } else { Wish::Ready } })
            }
            92..94 => Some(Input::Engaged { listener, calls: self.dice.below(2) as u32 }),
            94..95 => Some(Input::Roster(random_roster(&mut self.dice))),
            95..98 => self.pick(self.old_tokens.clone()).map(|token| match self.dice.below(2) {
                0 => Input::Outcome { token, outcome: Outcome::Answered },
                _ => Input::Released { token },
            }),
            _ => Some(Input::Timeout),
        };
        if let Some(input) = input {
            self.tell(input);
        }
    }

    fn random_request(&mut self) -> Request {
        self.born += 1;
        let reaches = [Reach::Department, Reach::Neighbours, Reach::Region, Reach::National];
        let mut tiers = Vec::new();
        for reach in reaches {
            if self.dice.below(3) > 0 {
                tiers.push(tier(reach, self.dice.below(60)));
            }
        }
        Request {
            call: call(self.born),
            priority: u8::from(self.dice.below(10) == 0),
            department: (self.dice.below(8) > 0).then(|| dept(PLACES[self.dice.below(6) as usize])),
            language: if self.dice.below(6) == 0 { "en".into() } else { "fr".into() },
            tiers,
            ring: secs(5 + self.dice.below(20)),
            excluded: self
                .roster
                .listeners
                .iter()
                .take(self.dice.below(2) as usize)
                .map(|one| one.id.clone())
                .collect(),
        }
    }

    fn random_outcome(&mut self) -> Option<Input> {
        let token = self.pick(self.held(false))?;
        let outcome = match self.dice.below(20) {
            0..10 => Outcome::Answered,
            10..12 => Outcome::Declined,
            12..14 => Outcome::Busy,
            14..16 => Outcome::NoAnswer,
            16..18 => Outcome::Unreachable,
            18 => Outcome::Wrong,
            _ => Outcome::Failed,
        };
        Some(Input::Outcome { token, outcome })
    }

    /// Lets time pass; a prompt shell wakes the dispatcher whenever it asked for it.
    fn pass(&mut self, span: Duration, prompt: bool) {
        let end = self.now.at + span;
        while let Some(due) = self.due.filter(|due| prompt && *due <= end) {
            self.turn_clock(due.max(self.now.at));
            self.tell(Input::Timeout);
        }
        self.turn_clock(end);
    }

    fn turn_clock(&mut self, to: Instant) {
        let ms = to.as_millis() as i64 - self.now.at.as_millis() as i64;
        self.now = Now { at: to, civil: Civil::from_unix_millis(self.now.civil.as_unix_millis() + ms) };
    }

    /// One input, into the shadow's books and into the dispatcher; then every word that comes out is checked.
    fn tell(&mut self, input: Input) {
        let stale = self.book(&input);
        self.dispatcher.handle_input(self.now, input);
        let mut dropped = false;
        let mut explained = BTreeSet::new();
        let mut rung = BTreeSet::new();
        loop {
            let output = self.dispatcher.poll_output();
            if let Some(trace) = &mut self.trace {
                trace.push(serde_json::to_string(&output).expect("plain values"));
            }
            match output {
                Output::Timeout(due) => break self.due = due,
                Output::Ring { token, ring } => {
                    rung.insert(token.clone());
                    self.check_ring(token, ring);
                }
                Output::Withdraw { token, why } => self.check_withdraw(&token, why),
                Output::Exhausted { call, waited, why } => self.check_exhausted(call, waited, why),
                Output::Decision(decision) => match decision.kind {
                    DecisionKind::Rang { token } => drop(explained.insert(token)),
                    DecisionKind::AutoPaused { listener, missed } => {
                        let person = self.people.get_mut(&listener).expect("known");
                        assert_eq!((person.missed, missed), (3, 3));
                        (person.paused, person.missed) = (true, 0);
                    }
                    _ => {}
                },
                Output::Dropped(_) => dropped = true,
                Output::Position { .. } => {}
            }
        }
        assert_eq!(dropped, stale, "what is stale is dropped, and nothing else");
        assert_eq!(explained, rung, "every ring is explained");
        self.check_rest();
    }

    /// Writes an input into the books; true when it must be dropped.
    fn book(&mut self, input: &Input) -> bool {
        let at = self.now.at;
        let mut stale = false;
        match input {
            Input::Enqueue(request) => {
                let caller = Caller {
                    request: request.clone(),
                    arrived: at,
                    nth: self.born,
                    ringing: false,
                    alone_since: at,
                    not_before: Instant::ZERO,
                    met: BTreeMap::new(),
                };
                self.callers.insert(request.call, caller);
            }
            Input::Leave { call } => stale = self.callers.remove(call).is_none(),
            Input::Outcome { token, outcome } => {
                let rings =
                    self.people[&token.listener].held.as_ref().is_some_and(|(held, d)| held == token && d.is_some());
                match outcome {
                    _ if !rings => stale = true,
                    Outcome::Answered => {
                        let person = self.people.get_mut(&token.listener).expect("known");
                        person.held = Some((token.clone(), None));
                        person.missed = 0;
                        self.callers.remove(&token.call).expect("nobody is answered who does not wait");
                    }
                    _ => self.ring_over(token, Some(*outcome)),
                }
            }
            Input::Released { token } => {
                let person = self.people.get_mut(&token.listener).expect("known");
                stale = person.held != Some((token.clone(), None));
                if !stale {
                    person.held = None;
                    person.notes_until = at + self.settings.wrap_up;
                    person.rested_at = Some(at);
                }
            }
            Input::Reachable { listener, devices } => {
                let person = self.people.get_mut(listener).expect("known");
                if *devices > person.devices && person.peace_until == Instant::FAR {
                    person.peace_until = at;
                }
                person.devices = *devices;
            }
            Input::Wish { listener, wish } => {
                let person = self.people.get_mut(listener).expect("known");
                let paused = *wish == Wish::Paused;
                if paused != person.paused {
                    person.missed = 0;
                }
                person.paused = paused;
            }
            Input::Engaged { listener, calls } => {
                let person = self.people.get_mut(listener).expect("known");
                if *calls == 0 && person.engaged > 0 && person.held.is_none() {
                    person.notes_until = at + self.settings.wrap_up;
                    person.rested_at = Some(at);
                }
                person.engaged = *calls;
            }
            Input::Roster(roster) => {
                self.roster = roster.clone();
                for listener in &roster.listeners {
                    let person = self.people.entry(listener.id.clone()).or_default();
                    if person.peace_until == Instant::FAR {
                        person.peace_until = at;
                    }
                }
                for (id, person) in &mut self.people {
                    let idle = person.held.is_none() && person.engaged == 0 && person.devices == 0 && !person.paused;
                    if idle && roster.listener(id).is_none() {
                        *person = Person::default();
                    }
                }
            }
            _ => {}
        }
        // Whoever waited a minute with nobody rung for him may ask again those who refused.
        for caller in self.callers.values_mut() {
            if !caller.ringing && caller.alone_since + self.settings.exclusion.declined <= at {
                caller.met.retain(|_, (outcome, _)| *outcome != Outcome::Declined);
            }
        }
        stale
    }

    fn ring_over(&mut self, token: &Token, outcome: Option<Outcome>) {
        let at = self.now.at;
        let person = self.people.get_mut(&token.listener).expect("known");
        assert!(matches!(&person.held, Some((held, Some(_))) if held == token), "that ring was not under way");
        person.held = None;
        self.old_tokens.push(token.clone());
        if self.old_tokens.len() > 20 {
            self.old_tokens.remove(0);
        }
        let Some(outcome) = outcome else { return };
        person.peace_until = self.settings.cool_down.after(outcome).map_or(Instant::FAR, |span| at + span);
        match outcome {
            Outcome::NoAnswer => person.missed += 1,
            Outcome::Declined => person.missed = 0,
            _ => {}
        }
        let caller = self.callers.get_mut(&token.call).expect("a caller keeps his place");
        caller.ringing = false;
        caller.alone_since = at;
        if outcome == Outcome::Failed {
            caller.not_before = at + self.settings.failed_pause;
        }
        let lasting = matches!(outcome, Outcome::Declined | Outcome::Wrong);
        let until = self.settings.exclusion.after(outcome).filter(|_| !lasting).map_or(Instant::FAR, |span| at + span);
        caller.met.insert(token.listener.clone(), (outcome, until));
    }

    fn check_ring(&mut self, token: Token, ring: Duration) {
        let at = self.now.at;
        assert!(token.generation > self.generation, "a generation was used twice");
        self.generation = token.generation;
        let caller = self.callers.get(&token.call).expect("nobody is rung for a caller who does not wait");
        assert!(!caller.ringing, "one listener at a time");
        assert!(caller.not_before <= at, "too soon after a failure of our own");
        let listener = self.roster.listener(&token.listener).expect("nobody is rung whom the roster does not name");
        let near = self.suits(caller, listener).unwrap_or_else(|| panic!("{token:?} does not suit"));
        let rested_at = self.people[&token.listener].rested_at;
        for other in self.roster.listeners.iter().filter(|other| other.id != token.listener) {
            if let Some(nearness) = self.suits(caller, other) {
                let better = (nearness, self.people[&other.id].rested_at) < (near, rested_at);
                assert!(!better, "{:?} should have come before {token:?}", other.id);
            }
        }
        for other in self.callers.values() {
            let before = other.request.priority > caller.request.priority
                || other.request.priority == caller.request.priority && other.nth < caller.nth;
            if before && !other.ringing && other.not_before <= at {
                assert!(self.suits(other, listener).is_none(), "{:?} came first", other.request.call);
            }
        }
        self.callers.get_mut(&token.call).expect("waits").ringing = true;
        let person = self.people.get_mut(&token.listener).expect("known");
        person.held = Some((token, Some(at + ring)));
    }

    fn check_withdraw(&mut self, token: &Token, why: WithdrawReason) {
        let outcome = match why {
            WithdrawReason::CallerLeft => {
                assert!(!self.callers.contains_key(&token.call));
                None
            }
            WithdrawReason::RingDeadline => {
                let (_, deadline) = self.people[&token.listener].held.clone().expect("rings");
                assert!(deadline.is_some_and(|deadline| deadline <= self.now.at), "too early");
                Some(Outcome::NoAnswer)
            }
            WithdrawReason::ListenerUnreachable => Some(Outcome::Unreachable),
            WithdrawReason::ListenerPaused => Some(Outcome::Declined),
            WithdrawReason::ListenerEngaged => Some(Outcome::Busy),
        };
        self.ring_over(token, outcome);
    }

    fn check_exhausted(&mut self, call: CallId, waited: Duration, why: ExhaustedReason) {
        let caller = self.callers.remove(&call).expect("waits");
        assert!(!caller.ringing, "given up while a telephone rings");
        assert_eq!(waited, self.now.at.since(caller.arrived));
        match why {
            ExhaustedReason::TiersOver => assert!(waited >= total(&caller.request), "given up too early"),
            ExhaustedReason::NoTier => assert!(ladder(&caller.request).is_empty()),
            ExhaustedReason::Full => assert_eq!(self.callers.len(), self.settings.max_waiting),
        }
    }

    /// What must hold once all is said.
    fn check_rest(&self) {
        self.dispatcher.check_invariants().expect("what must hold");
        for (id, person) in &self.people {
            if let Some((token, Some(deadline))) = &person.held {
                assert!(self.callers.contains_key(&token.call), "{id} is rung for a caller who left");
                assert!(*deadline > self.now.at, "{id} is rung too long");
                let there = person.devices > 0 && person.engaged == 0 && !person.paused;
                assert!(there, "{id} is rung and is not there");
            }
        }
        for caller in self.callers.values().filter(|caller| !caller.ringing) {
            assert!(self.now.at.since(caller.arrived) < total(&caller.request), "a caller was forgotten");
            if caller.not_before <= self.now.at {
                let free = self.roster.listeners.iter().find(|one| self.suits(caller, one).is_some());
                assert!(free.is_none(), "{:?} is free and {:?} waits", free, caller.request.call);
            }
        }
        let counts = self.dispatcher.counts();
        assert_eq!(counts.waiting, self.callers.len());
        assert_eq!(counts.ringing, self.held(false).len());
        assert_eq!(counts.talking, self.held(true).len());
    }

    /// Through which open tier this listener may be rung for this caller now.
    fn suits(&self, caller: &Caller, listener: &Listener) -> Option<usize> {
        let (at, request, id) = (self.now.at, &caller.request, &listener.id);
        let person = &self.people[id];
        let free = person.held.is_none() && person.engaged == 0 && person.devices > 0 && !person.paused;
        if !free {
            return None;
        }
        let quiet = person.notes_until <= at && person.peace_until <= at;
        let sound = listener.role != Role::Trainee && listener.charter_signed && !listener.suspended;
        let trained = self.roster.required_modules.iter().all(|module| {
            let counts = |held: &Certification| {
                held.passed <= self.now.civil && held.expires.is_none_or(|expires| expires > self.now.civil)
            };
            listener.modules.iter().any(|held| held.module == *module && counts(held))
        });
        let met = caller.met.get(id).is_some_and(|(_, until)| *until > at);
        if !(quiet && sound && trained) || met || request.excluded.contains(id) {
            return None;
        }
        if !listener.languages.contains(&request.language) {
            return None;
        }
        let mut opens = caller.arrived;
        for (nth, tier) in ladder(request).iter().enumerate() {
            let serves = |place: Department| listener.departments.contains(&place);
            let reached = opens <= at
                && match (tier.reach, request.department) {
                    (Reach::National, _) => listener.takes_national,
                    (_, None) => false,
                    (Reach::Department, Some(home)) => serves(home),
                    (Reach::Neighbours, Some(home)) => {
                        home.neighbours().iter().any(|(near, _)| serves(*near))
                            || home.overseas_backup().iter().any(|near| serves(*near))
                    }
                    (Reach::Region, Some(home)) => listener.departments.iter().any(|d| d.region() == home.region()),
                };
            if reached {
                return Some(nth);
            }
            opens += tier.lasts;
        }
        None
    }

    /// No more faults: everybody is there, answers and comes to an end, and nothing may be left waiting.
    fn calm(&mut self) {
        for listener in self.people.keys().cloned().collect::<Vec<_>>() {
            self.tell(Input::Engaged { listener: listener.clone(), calls: 0 });
            self.tell(Input::Wish { listener: listener.clone(), wish: Wish::Ready });
            self.tell(Input::Reachable { listener, devices: 1 });
        }
        let rounds = 200;
        for _ in 0..rounds {
            if self.callers.is_empty() && self.held(true).is_empty() {
                break;
            }
            if let Some(token) = self.held(false).pop() {
                self.tell(Input::Outcome { token, outcome: Outcome::Answered });
            }
            if let Some(token) = self.held(true).pop() {
                self.tell(Input::Released { token });
            }
            self.pass(secs(10), true);
        }
        self.pass(secs(120), true);
        assert!(self.callers.is_empty() && self.people.values().all(|person| person.held.is_none()));
        let counts = self.dispatcher.counts();
        assert_eq!((counts.waiting, counts.ringing, counts.talking), (0, 0, 0));
        assert_eq!(self.due, None, "something still ticks");
    }
}

/// The tiers that apply.
fn ladder(request: &Request) -> &[Tier] {
    let first = match request.department {
        Some(_) => Some(0),
        None => request.tiers.iter().position(|tier| tier.reach == Reach::National),
    };
    first.map_or(&[], |first| &request.tiers[first..])
}

fn total(request: &Request) -> Duration {
    ladder(request).iter().map(|tier| tier.lasts).sum()
}

fn random_roster(dice: &mut IdSource) -> Arc<Roster> {
    let mut listeners = Vec::new();
    for nth in 0..14 {
        if dice.below(6) == 0 {
            continue;
        }
        let home = dept(PLACES[dice.below(6) as usize]);
        let mut listener = Listener::new(ListenerId::new(&format!("l{nth:02}")), CentreId::new("a"), vec![home]);
        if dice.below(4) == 0 {
            listener.departments.push(dept(PLACES[dice.below(6) as usize]));
        }
        if dice.below(3) == 0 {
            listener.languages.push("en".into());
        }
        listener.takes_national = dice.below(5) > 0;
        listener.suspended = dice.below(12) == 0;
        listener.charter_signed = dice.below(12) > 0;
        listener.role = if dice.below(12) == 0 { Role::Trainee } else { Role::Listener };
        let span = |dice: &mut IdSource| Civil::from_unix_millis(NOON_MS + dice.below(4_000_000) as i64);
        if dice.below(8) > 0 {
            let passed = if dice.below(6) == 0 { span(dice) } else { Civil::from_unix_millis(0) };
            let expires = (dice.below(6) == 0).then(|| span(dice));
            listener.modules.push(Certification { module: "initial".into(), passed, expires });
        }
        listeners.push(listener);
    }
    let required_modules = if dice.below(2) == 0 { vec!["initial".into()] } else { Vec::new() };
    Arc::new(Roster { listeners, required_modules, ..Roster::default() })
}

/// Plays one seed to the end; its trace, if one is wanted.
fn play(seed: u64, steps: usize, traced: bool) -> Option<Vec<String>> {
    let mut world = World::new(seed);
    world.trace = traced.then(Vec::new);
    for step in 0..steps {
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.step()));
        assert!(played.is_ok(), "seed {seed}, step {step}");
    }
    let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.calm()));
    assert!(played.is_ok(), "seed {seed}, in the calm after {steps} steps");
    assert!(world.generation > steps as u64 / 100, "seed {seed}: hardly anybody was rung");
    world.trace
}

/// Worlds of two thousand events each: one listener for one caller, first come first served, tiers and training
/// respected, no ring after the caller left, nobody free while somebody waits, and nothing left over in the calm.
fn play_all(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        play(seed, 2000, false);
    }
}

/// The first hundred of two hundred worlds (see `play_all`).
#[test]
fn a_hundred_worlds() {
    play_all(0..100);
}

/// The second hundred, on the other core.
#[test]
fn another_hundred_worlds() {
    play_all(100..200);
}

/// The same seed tells the same story, word for word; another seed tells another.
#[test]
fn a_seed_replays() {
    let story = play(7, 1500, true);
    assert!(story.as_ref().is_some_and(|words| words.len() > 1500));
    assert_eq!(story, play(7, 1500, true));
    assert_ne!(story, play(8, 1500, true));
}

/// A million events in one world: `cargo test --release a_million_events -- --ignored`.
#[test]
#[ignore = "half a minute when optimised, many when not"]
fn a_million_events() {
    play(3977, 1_000_000, false);
}
