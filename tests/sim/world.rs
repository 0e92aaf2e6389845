//! The world of one run: one clock, one queue of what is to come, and the hosts it comes to.
//!
//! Everything that waits stands in one order, so a seed is one run, and the same run again. A step is: take the earliest, hand
//! it to its host, carry off what the host says, ask the judge.

use std::time::Duration;

use ecoute::clock::{Civil, Instant, Now};
use ecoute::ids::IdSource;
use ecoute::node::{Input, PhoneInput};

use crate::callers::Caller;
use crate::device::Device;
use crate::engine::Engine;
use crate::house::Which;
use crate::listeners::Listener;
use crate::nature::Nature;
use crate::net::Net;
use crate::oracle::{Oracle, View};
use crate::sights::Sights;
use crate::strangers::Stranger;
use crate::trace::Trace;
use crate::watchers::Watcher;
use crate::wires::Wires;

use queue::{Coming, Queue};

/// Writes a line of the trace.
macro_rules! note {
    ($world:expr, $($words:tt)*) => {
        $world.trace.line($world.now, format_args!($($words)*))
    };
}

/// Asks the judge, who looks at the world.
macro_rules! ask_judge {
    ($world:expr, $question:ident) => {
        $world.oracle.$question(&View {
            now: $world.now,
            engine: &$world.engine,
            devices: &$world.devices,
            owners: &$world.owners,
            listeners: &$world.listeners,
        })
    };
}

mod beginning;
mod forks;
mod hosts;
mod lives;
mod moments;
mod queue;
mod streams;
mod transfers;

pub use forks::fork_of;
pub use transfers::Dialog;

/// Who owns a telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Caller(usize),
    Listener(usize),
}

/// Whose timer is due.
enum Due {
    Queue,
    Shard,
    Plane,
    Phone(usize),
    PhonePlane(usize),
}

/// After the last call, this long until every transaction and binding must be gone: 64·T1 of one side, then of the other.
const SETTLE: Duration = Duration::from_secs(110);
/// How long after the calm the last call may last: a vanished peer is found out, and all tiers have had their time.
const CALLS_END_WITHIN: Duration = Duration::from_secs(260);
/// How often the judge looks around.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A run that has not ended by then never will.
const STEPS_MOST: u64 = 5_000_000;

/// One run.
pub struct World {
    pub now: Instant,
    pub nature: Nature,
    pub calm_at: Instant,
    pub engine: Engine,
    pub devices: Vec<Device>,
    pub owners: Vec<Owner>,
    pub callers: Vec<Caller>,
    pub listeners: Vec<Listener>,
    pub trace: Trace,
    pub strangers: Vec<Stranger>,
    /// The latest message of a caller, for strangers who listen in.
    overheard: Option<Vec<u8>>,
    watchers: Vec<Watcher>,
    forked: forks::Forks,
    wires: Wires,
    net: Net,
    oracle: Oracle,
    queue: Queue,
    dice: IdSource,
    which: Which,
    /// When everybody went home.
    home: Option<Instant>,
    over: bool,
    last_command: Instant,
    last_report: Instant,
    steps: u64,
}

/// What became of a run.
#[derive(Debug)]
pub struct Outcome {
    /// What the judge found, if anything.
    pub fault: Option<String>,
    pub trace: String,
    pub hash: u64,
    pub steps: u64,
    pub at: Instant,
    /// What was met, and how often.
    pub sights: Sights,
}

impl World {
    /// The world of a seed.
    pub fn new(seed: u64, which: Which, full: bool) -> World {
        let mut dice = IdSource::from_number(seed);
        let mut nature = Nature::of(seed, &mut dice.fork());
        if which == Which::Real {
            nature.listeners = vec![1, 2];
            nature.callers = 3;
            nature.roads = crate::roads::Roads::of(seed, false, 3, &nature.listeners);
        }
        let start = Instant::from_millis(1000);
        let calm_at = start + nature.calm_at;
        let net = Net::new(nature.weather, calm_at, dice.fork());
        let engine = Engine::new(which, &nature, &mut dice);
        let mut world = World {
            now: start,
            calm_at,
            engine,
            devices: Vec::new(),
            owners: Vec::new(),
            callers: Vec::new(),
            listeners: Vec::new(),
            trace: Trace::new(full),
            strangers: Vec::new(),
            overheard: None,
            watchers: Vec::new(),
            forked: forks::Forks::default(),
            wires: Wires::default(),
            net,
            oracle: Oracle::new(&nature, calm_at, which),
            queue: Queue::default(),
            dice,
            which,
            home: None,
            over: false,
            last_command: start,
            last_report: start,
            steps: 0,
            nature,
        };
        world.people();
        world.fates();
        world
    }

    /// Plays it to its end.
    pub fn run(mut self) -> Outcome {
        note!(self, "{:?}", self.nature);
        while self.oracle.fault().is_none() && self.step() {}
        if self.oracle.fault().is_none() {
            self.judge_forks();
            ask_judge!(self, at_the_end);
        }
        Outcome {
            fault: self.oracle.fault().map(str::to_owned),
            trace: self.trace.text(),
            hash: self.trace.hash(),
            steps: self.steps,
            at: self.now,
            sights: self.oracle.take_sights(),
        }
    }

    /// Will nobody call any more, and is every call over?
    fn is_quiet(&self) -> bool {
        self.callers.iter().all(|caller| caller.todo == 0) && self.engine.shard.counts().calls == 0
    }

    fn civil(&self) -> Civil {
        let halfway = self.now.as_millis() > 1000 + self.nature.calm_at.as_millis() as u64 / 2;
        let step = if halfway { self.nature.civil_step_ms } else { 0 };
        Civil::from_unix_millis(self.nature.civil_ms + step + self.now.as_millis() as i64)
    }

    fn now(&self) -> Now {
        Now { at: self.now, civil: self.civil() }
    }

    // ---- the loop ------------------------------------------------------------------------------------------------

    /// One step; false when the run is over.
    fn step(&mut self) -> bool {
        let (at, due) = self.next();
        self.now = self.now.max(at);
        self.steps += 1;
        if self.steps > STEPS_MOST {
            self.oracle.fail(self.now, "the run does not end: too many steps".into());
            return false;
        }
        match due {
            Due::Queue => {
                let Some(coming) = self.queue.take() else { return false };
                self.come(coming);
            }
            Due::Shard => self.tell_engine(Input::Timeout),
            Due::Plane => self.at_engine(|engine, now, outs| engine.serve(now, outs)),
            Due::Phone(device) => self.at_device(device, |phone, now, outs| phone.tell(now, PhoneInput::Timeout, outs)),
            Due::PhonePlane(device) => self.at_device(device, |phone, now, outs| phone.serve(now, outs)),
        }
        !self.over
    }

    /// What is due next, and when. At one instant the order is the seed's.
    fn next(&self) -> (Instant, Due) {
        let queue = self.queue.next_at();
        let mut best = (Instant::FAR, Due::Queue);
        let mut take = |at: Instant, due: Due| {
            if at < best.0 {
                best = (at, due);
            }
        };
        if !self.nature.timers_first {
            take(queue, Due::Queue);
        }
        take(self.engine.wake.unwrap_or(Instant::FAR), Due::Shard);
        take(self.engine.beat(), Due::Plane);
        for (nth, device) in self.devices.iter().enumerate() {
            take(device.wake.unwrap_or(Instant::FAR), Due::Phone(nth));
            take(device.beat(), Due::PhonePlane(nth));
        }
        take(queue, Due::Queue);
        best
    }

    fn put(&mut self, at: Instant, coming: Coming) {
        self.queue.put(at, coming);
    }

    fn come(&mut self, coming: Coming) {
        match coming {
            Coming::Datagram { from, to, bytes } => self.datagram(from, to, &bytes),
            Coming::Packet { from, to, bytes } => self.packet(from, to, bytes),
            Coming::Command(command) => {
                self.at_engine(|engine, now, outs| engine.command(now, command, outs));
            }
            Coming::Report(report) => self.tell_engine(Input::Report(report)),
            Coming::Deed { device, call, deed } => self.deed(device, call, deed),
            Coming::Fate(fate) => self.fate(fate),
            Coming::Chunk { wire, to, bytes } => self.chunk(wire, to, &bytes),
            Coming::Closed { wire, end } => self.closed(wire, end),
            Coming::FlowClosed { end, flow } => self.flow_closed(end, flow),
            Coming::Watch(nth) if self.watchers[nth].next() <= self.now => {
                self.at_watcher(nth, |watcher, now, outs| watcher.wakes(now, outs));
            }
            Coming::Watch(_) => {}
        }
    }
}
