//! The judge. He knows what is promised, not how it is done: he sees what the engine tells, what the telephones show and
//! sound like, and what people did; from that alone he says whether a promise was broken.
//!
//! | promise | judged in |
//! |---|---|
//! | one listener, one caller; no ring outlives its caller | `holds` |
//! | whoever is joined hears each other, and nobody else | `voices` |
//! | first come, first served; no free listener while a caller waits | `line` |
//! | nobody is abandoned; one record per call, and a true one | `ends` |
//! | nothing is left when all is over | `rest` |
//! | what is written can be read, is acknowledged, is not repeated, and never goes to who is banned | `wire` |
//! | a caller's number is nowhere | here |

mod ends;
mod holds;
mod line;
mod rest;
mod voices;
mod wire;
mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ecoute::call::{Note, Stage, record::Record};
use ecoute::clock::Instant;
use ecoute::dispatch::DecisionKind;
use ecoute::ids::CallId;
use ecoute::node::{Event, Output};

use crate::callers::Intent;
use crate::device::Device;
use crate::engine::Engine;
use crate::house::Which;
use crate::listeners::Listener;
use crate::nature::{Nature, Weather};
use crate::sights::Sights;
use crate::world::Owner;

/// The parts of every caller's number that must never be seen.
const PLANTED: [&[u8]; 2] = [b"6126612", b"4766123"];

/// What the judge may look at.
pub struct View<'a> {
    pub now: Instant,
    pub engine: &'a Engine,
    pub devices: &'a [Device],
    pub owners: &'a [Owner],
    pub listeners: &'a [Listener],
}

/// One call of a caller, as she lives it.
#[derive(Clone, Debug)]
pub struct Try {
    pub caller: usize,
    pub intent: Intent,
    pub guessed: bool,
    pub dialled: Instant,
    pub sip_call: Option<String>,
    /// The engine's name for it.
    pub call: Option<CallId>,
    pub connected: Option<Instant>,
    pub hung_up: Option<Instant>,
    pub vanished: Option<Instant>,
    /// The other side ended it, or refused it.
    pub over: Option<Instant>,
    pub refused: Option<u16>,
    pub heard_busy: bool,
    /// She held the call, and heard nothing meanwhile.
    pub held: bool,
    pub heard_confirm: u32,
    pub pressed: Vec<String>,
}

impl Try {
    /// Did she stay for as long as the other side wanted?
    pub fn stayed(&self) -> bool {
        self.hung_up.is_none() && self.vanished.is_none()
    }
}

/// Two people joined.
#[derive(Clone, Debug)]
pub struct Bridge {
    pub listener: usize,
    pub from: Instant,
    pub to: Option<Instant>,
    pub caller_heard: bool,
    pub listener_heard: bool,
    /// Which of his telephones the listener heard the caller on.
    pub on: Option<usize>,
    /// Somebody held the call or vanished: silence may be right.
    pub disturbed: bool,
    /// The listener took it to another of his telephones.
    pub taken_over: bool,
    /// One gave no sound for long; if he was lost, the record counts to his last sound.
    pub fell_silent: bool,
}

/// One call, as the engine tells it.
#[derive(Clone, Debug)]
pub struct Told {
    /// Whose call, and which of the tries.
    pub of: Option<usize>,
    pub stage: Stage,
    pub stage_at: Instant,
    pub bridges: Vec<Bridge>,
    /// Rings decided for it.
    pub rings: usize,
    pub staff_ended: bool,
    pub record: Option<Record>,
    pub recorded: Option<Instant>,
}

/// The judge.
#[derive(Debug)]
pub struct Oracle {
    fault: Option<String>,
    weather: Weather,
    /// Connections break.
    breaks: bool,
    calm_at: Instant,
    which: Which,
    settings: ecoute::dispatch::Settings,
    /// The Call-ID of the INVITE the engine is being handed.
    cause: Option<String>,
    tries: Vec<Try>,
    calls: BTreeMap<CallId, Told>,
    began: usize,
    recorded: usize,
    holds: holds::Holds,
    line: line::Line,
    /// When each listener last pressed "answer".
    answered: BTreeMap<usize, Instant>,
    draining: bool,
    /// Listeners whose next conversation may be silent.
    doubted: BTreeSet<usize>,
    /// When each telephone last told of each tone.
    measured: BTreeMap<(usize, u16), Instant>,
    wire: wire::Wire,
    sights: Sights,
}

impl Oracle {
    /// A judge who has seen nothing yet.
    pub fn new(nature: &Nature, calm_at: Instant, which: Which) -> Oracle {
        Oracle {
            fault: None,
            weather: nature.weather,
            breaks: nature.roads.breaks,
            calm_at,
            which,
            settings: nature.dispatch.clone(),
            cause: None,
            tries: Vec::new(),
            calls: BTreeMap::new(),
            began: 0,
            recorded: 0,
            holds: holds::Holds::default(),
            line: line::Line::new(nature.listeners.len()),
            answered: BTreeMap::new(),
            draining: false,
            doubted: BTreeSet::new(),
            measured: BTreeMap::new(),
            wire: wire::Wire::default(),
            sights: Sights::default(),
        }
    }

    /// The first promise that was broken.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// What was met.
    pub fn take_sights(&mut self) -> Sights {
        std::mem::take(&mut self.sights)
    }

    /// Something was met.
    pub fn meets(&mut self, what: String) {
        self.sights.met(what);
    }

    /// A promise is broken. The first word stands.
    pub fn fail(&mut self, now: Instant, why: String) {
        self.fault.get_or_insert_with(|| format!("at {now:?}: {why}"));
    }

    // ---- what the engine tells -----------------------------------------------------------------------------------

    /// A record, a decision or an event.
    pub fn told(&mut self, now: Instant, output: &Output) {
        if holds_number(format!("{output:?}").as_bytes()) {
            self.fail(now, "the engine told a caller's number".into());
        }
        match output {
            Output::Event(Event::CallBegan(call, _)) => self.call_began(now, *call),
            Output::Event(Event::Call(call, Note::Stage(stage))) => self.stage(now, *call, *stage),
            Output::Event(Event::Call(call, Note::OneWayAudio)) => {
                self.sights.met("note OneWayAudio");
                if let Some(bridge) = self.calls.get_mut(call).and_then(|told| told.bridges.last_mut()) {
                    bridge.fell_silent = true;
                }
            }
            Output::Event(Event::DispatchDropped(why)) => self.sights.met(format!("dispatcher dropped {why:?}")),
            Output::Event(Event::SipDropped(why)) => self.sights.met(format!("sip dropped {why:?}")),
            Output::Event(Event::Unbound { why }) => self.sights.met(format!("unbound {why:?}")),
            Output::Event(Event::Banned { source, why, span }) => {
                self.sights.met(format!("banned {why:?}"));
                self.banned(now, *source, *span);
            }
            Output::Event(Event::Panicked(call)) => self.fail(now, format!("{call} panicked")),
            Output::Decision(decision) => {
                if let DecisionKind::Rang { .. } = decision.kind
                    && let Some(told) = self.calls.get_mut(&decision.call)
                {
                    told.rings += 1;
                }
                self.hold_decision(now, decision);
                self.line_decision(now, decision);
            }
            Output::Record(finished) => self.record(now, &finished.record),
            _ => {}
        }
    }

    /// The engine has said all it had to say to one input.
    pub fn after_a_step(&mut self, view: &View<'_>) {
        self.cause = None;
        let live = view.engine.shard.counts().calls;
        if self.began - self.recorded != live {
            let (began, recorded) = (self.began, self.recorded);
            self.fail(view.now, format!("{began} calls began, {recorded} were recorded, {live} are live"));
        }
        self.check_holds(view);
    }

    /// From time to time.
    pub fn look(&mut self, view: &View<'_>) {
        for checked in [view.engine.shard.dispatcher().check_invariants(), view.engine.plane.check_invariants()] {
            if let Err(why) = checked {
                self.fail(view.now, why);
            }
        }
        for device in view.devices {
            if let Err(why) = device.plane.check_invariants() {
                self.fail(view.now, format!("{}: {why}", device.name));
            }
        }
        self.look_for_ghosts(view);
        self.look_at_leavers(view.now);
        self.look_at_the_forgotten(view.now);
        self.look_at_the_line(view);
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    /// How long the truth may be under way: what one side did may be unknown to the other for this long.
    fn repair(&self) -> Duration {
        if self.weather.is_whole() && !self.breaks {
            self.weather.longest() * 4 + Duration::from_millis(150)
        } else {
            Duration::from_secs(40) // 64·T1, and a little
        }
    }

    fn call_began(&mut self, now: Instant, call: CallId) {
        self.began += 1;
        let cause = self.cause.clone();
        let of = cause.and_then(|cause| self.tries.iter().position(|one| one.sip_call.as_ref() == Some(&cause)));
        let Some(of) = of else {
            return self.fail(now, format!("{call} began without an INVITE"));
        };
        // Whose connection broke before she was answered sends her INVITE once more; the first is without an answer then.
        let cut = self.tries[of].vanished.is_some();
        if let Some(before) = self.tries[of].call.filter(|_| !cut) {
            self.fail(now, format!("one INVITE began two calls: {before} and {call}"));
        }
        self.tries[of].call = Some(call);
        let told = Told {
            of: Some(of),
            stage: Stage::Offered,
            stage_at: now,
            bridges: Vec::new(),
            rings: 0,
            staff_ended: false,
            record: None,
            recorded: None,
        };
        if self.calls.insert(call, told).is_some() {
            self.fail(now, format!("{call} began twice"));
        }
    }

    fn stage(&mut self, now: Instant, call: CallId, stage: Stage) {
        let listener = self.holds.listener_of(call);
        let Some(told) = self.calls.get_mut(&call) else {
            return self.fail(now, format!("{call} tells of a stage and never began"));
        };
        if told.record.is_some() {
            return self.fail(now, format!("{call} goes on after its record"));
        }
        let before = std::mem::replace(&mut told.stage, stage);
        told.stage_at = now;
        if before == Stage::Bridged
            && let Some(bridge) = told.bridges.last_mut()
        {
            bridge.to = Some(now);
        }
        if stage == Stage::Bridged {
            let Some(listener) = listener else {
                return self.fail(now, format!("{call} is joined with nobody"));
            };
            let (caller_heard, listener_heard, on) = (false, false, None);
            let doubted = self.doubted.remove(&listener);
            let disturbed = doubted || told.of.is_some_and(|of| self.tries[of].vanished.is_some());
            let (to, fell_silent, taken_over) = (None, false, false);
            told.bridges.push(Bridge {
                listener,
                from: now,
                to,
                caller_heard,
                listener_heard,
                on,
                disturbed,
                taken_over,
                fell_silent,
            });
        }
        self.line_stage(call, stage);
        if before == Stage::Bridged {
            self.bridge_over(now, call);
            self.holds.release(call);
            if let Some(bridge) = self.calls.get(&call).and_then(|told| told.bridges.last()) {
                let until = now + self.settings.wrap_up;
                self.line.rests(bridge.listener, until);
            }
        }
    }
}

fn holds_number(bytes: &[u8]) -> bool {
    PLANTED.iter().any(|planted| bytes.windows(planted.len()).any(|window| window == *planted))
}

/// The place of the listener with this account.
fn nth_of(listener: &ecoute::ids::ListenerId) -> usize {
    listener.as_str().trim_start_matches('l').parse().unwrap_or(usize::MAX)
}
