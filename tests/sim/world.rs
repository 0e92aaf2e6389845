//! The world of one run: one clock, one queue of what is to come, and the hosts it comes to.
//!
//! Everything that waits stands in one order, by time and then by the order in which it was put there; so a seed is one run,
//! and the same run again. A step is: take the earliest, hand it to its host, carry off what the host says, ask the judge.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ecoute::clock::{Civil, Instant, Now};
use ecoute::dispatch::Wish;
use ecoute::ids::{IdSource, ListenerId};
use ecoute::media::{self, Prompt};
use ecoute::node::{Control, Input, PhoneAction, PhoneEvent, PhoneInput};
use ecoute::sip::Flow;

use crate::callers::{Caller, Leave};
use crate::deeds::Deed;
use crate::device::{self, Device, Line};
use crate::dice::Dice;
use crate::engine::{self, Engine};
use crate::house::{self, ENGINE, Which};
use crate::listeners::Listener;
use crate::nature::{Nature, Weather};
use crate::net::Net;
use crate::oracle::Oracle;
use crate::sip_words;
use crate::trace::Trace;

/// Who owns a telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Caller(usize),
    Listener(usize),
}

/// What is to come.
enum Coming {
    Datagram { from: SocketAddr, to: SocketAddr, bytes: Arc<[u8]> },
    Packet { from: SocketAddr, to: SocketAddr, bytes: Vec<u8> },
    Command(media::Command),
    Report(media::Report),
    /// On this telephone; only if it still has its `call`-th call, where one is named.
    Deed { device: usize, call: Option<u32>, deed: Deed },
    /// The staff, or the world, does something.
    Fate(Fate),
}

/// What happens to all.
#[derive(Clone, Debug)]
enum Fate {
    Cut(IpAddr, Duration),
    Wish(usize, Wish),
    EndOneCall,
    Reload,
    /// The judge looks around.
    Look,
    /// Everybody unregisters.
    GoHome,
}

struct Entry {
    at: Instant,
    nth: u64,
    coming: Coming,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        (self.at, self.nth) == (other.at, other.nth)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        (self.at, self.nth).cmp(&(other.at, other.nth))
    }
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
const LOOK_EVERY: Duration = Duration::from_millis(100);
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
    net: Net,
    oracle: Oracle,
    queue: BinaryHeap<Reverse<Entry>>,
    entries: u64,
    dice: IdSource,
    which: Which,
    /// Calls still to be placed.
    dials: usize,
    home: bool,
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
}

impl World {
    /// The world of a seed.
    pub fn new(seed: u64, which: Which, full: bool) -> World {
        let mut dice = IdSource::from_number(seed);
        let mut nature = Nature::of(&mut dice.fork());
        if which == Which::Real {
            nature.listeners = vec![1, 2];
            nature.callers = 3;
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
            net,
            oracle: Oracle::new(&nature, calm_at, which),
            queue: BinaryHeap::new(),
            entries: 0,
            dice,
            which,
            dials: 0,
            home: false,
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
        let text = format!("nature {:?}", self.nature);
        self.note(format_args!("{text}"));
        while self.oracle.fault().is_none() && self.step() {}
        if self.oracle.fault().is_none() {
            Oracle::at_the_end(&mut self);
        }
        Outcome {
            fault: self.oracle.fault().map(str::to_owned),
            trace: self.trace.text(),
            hash: self.trace.hash(),
            steps: self.steps,
            at: self.now,
        }
    }

    /// The judge, and the world he judges.
    pub fn judge(&mut self) -> &mut Oracle {
        &mut self.oracle
    }

    /// Is the network perfect?
    pub fn is_calm(&self) -> bool {
        self.now >= self.calm_at
    }

    /// Will nobody call any more, and is every call over?
    pub fn is_quiet(&self) -> bool {
        self.dials == 0 && self.engine.shard.counts().calls == 0
    }

    fn civil(&self) -> Civil {
        let halfway = self.now.as_millis() > 1000 + self.nature.calm_at.as_millis() as u64 / 2;
        let step = if halfway { self.nature.civil_step_ms } else { 0 };
        Civil::from_unix_millis(self.nature.civil_ms + step + self.now.as_millis() as i64)
    }

    fn now(&self) -> Now {
        Now { at: self.now, civil: self.civil() }
    }

    // ---- the beginning -------------------------------------------------------------------------------------------

    fn people(&mut self) {
        let voices: Vec<u16> = (0..self.nature.callers).map(house::caller_hz).collect();
        let mut prompts: Vec<u16> = (0..self.nature.listeners.len()).map(house::listener_hz).collect();
        prompts.extend([house::DANGER_HZ, house::ASK_HZ, house::CONFIRM_HZ, house::BUSY_HZ]);
        for nth in 0..self.nature.callers {
            let caller = Caller::new(nth, &self.nature, self.dice.fork());
            let number = caller.number.clone();
            let device = self.device(Owner::Caller(nth), format!("c{nth}"), house::caller_ip(nth), &number, None);
            self.speech(device, house::caller_hz(nth), prompts.clone());
            let at = self.now + self.dice.span_ms(1500, self.nature.calm_at.as_millis() as u64);
            self.dials += 1 + caller.again as usize;
            self.callers.push(caller);
            self.put(at, Coming::Deed { device, call: None, deed: Deed::Dial });
        }
        for nth in 0..self.nature.listeners.len() {
            let mut devices = Vec::new();
            for which in 0..self.nature.listeners[nth] {
                let name = format!("l{nth}{}", ["a", "b"][which]);
                let password = Some(house::password(nth));
                let ip = house::device_ip(nth, which);
                let device = self.device(Owner::Listener(nth), name, ip, &house::account(nth), password);
                self.speech(device, house::listener_hz(nth), voices.clone());
                let at = self.now + self.dice.span_ms(0, 2000);
                self.put(at, Coming::Deed { device, call: None, deed: Deed::Register });
                devices.push(device);
            }
            let listener = Listener::new(nth, devices, self.nature.habits, self.dice.fork());
            self.listeners.push(listener);
        }
    }

    fn device(&mut self, owner: Owner, name: String, ip: IpAddr, user: &str, password: Option<String>) -> usize {
        let number = self.devices.len() as u32;
        self.devices.push(Device::new(name, ip, user, password, number, &mut self.dice));
        self.owners.push(owner);
        self.devices.len() - 1
    }

    /// What the owner of a telephone says into it, and listens for.
    fn speech(&mut self, device: usize, hz: u16, tones: Vec<u16>) {
        let voice = Arc::new(Prompt::tone("voice", hz, Duration::from_millis(1000)));
        let mut outs = Vec::new();
        self.devices[device].voice = Some((voice.clone(), tones.clone()));
        self.devices[device].act(self.now, PhoneAction::Speak(voice), &mut outs);
        self.devices[device].act(self.now, PhoneAction::Listen(tones), &mut outs);
    }

    fn fates(&mut self) {
        let span = self.nature.calm_at.as_millis() as u64;
        let hosts: Vec<IpAddr> = self.devices.iter().map(|device| device.sip.ip()).collect();
        if self.nature.weather.cuts {
            for _ in 0..self.dice.between(1, 4) {
                let at = self.now + self.dice.span_ms(1000, span);
                let host = if self.dice.chance(150) { ENGINE.ip() } else { self.dice.one_of(&hosts) };
                let fate = Fate::Cut(host, self.dice.span_ms(100, 6000));
                self.put(at, Coming::Fate(fate));
            }
        }
        if self.nature.habits.listeners_pause {
            for nth in 0..self.listeners.len() {
                for wish in [Wish::Paused, Wish::Ready] {
                    let at = self.now + self.dice.span_ms(3000, span);
                    self.put(at, Coming::Fate(Fate::Wish(nth, wish)));
                }
            }
        }
        for (often, fate) in [
            (self.nature.habits.staff_ends_calls, Fate::EndOneCall),
            (self.nature.habits.staff_reloads, Fate::Reload),
        ] {
            if often {
                let at = self.now + self.dice.span_ms(4000, span);
                self.put(at, Coming::Fate(fate));
            }
        }
        self.put(self.now + LOOK_EVERY, Coming::Fate(Fate::Look));
    }

    // ---- the loop ------------------------------------------------------------------------------------------------

    /// One step; false when the run is over.
    fn step(&mut self) -> bool {
        let (at, due) = self.next();
        self.now = self.now.max(at);
        self.steps += 1;
        if self.steps > STEPS_MOST {
            let now = self.now;
            self.oracle.fail(now, "the run does not end: too many steps".into());
            return false;
        }
        match due {
            Due::Queue => {
                let Some(Reverse(entry)) = self.queue.pop() else { return false };
                self.come(entry.coming)
            }
            Due::Shard => self.tell_engine(Input::Timeout),
            Due::Plane => self.at_engine(|engine, now, outs| engine.serve(now, outs)),
            Due::Phone(device) => self.at_device(device, |phone, now, outs| phone.tell(now, PhoneInput::Timeout, outs)),
            Due::PhonePlane(device) => self.at_device(device, |phone, now, outs| phone.serve(now, outs)),
        }
        if !self.home && self.is_quiet() && self.now > self.calm_at + Duration::from_secs(3) {
            self.home = true;
            self.put(self.now + Duration::from_secs(1), Coming::Fate(Fate::GoHome));
        }
        true
    }

    /// What is due next, and when. At one instant the order is the seed's.
    fn next(&self) -> (Instant, Due) {
        let queue = self.queue.peek().map_or(Instant::FAR, |entry| entry.0.at);
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
        self.entries += 1;
        self.queue.push(Reverse(Entry { at, nth: self.entries, coming }));
    }

    fn come(&mut self, coming: Coming) {
        match coming {
            Coming::Datagram { from, to, bytes } => self.datagram(from, to, &bytes),
            Coming::Packet { from, to, mut bytes } => {
                if to.ip() == ENGINE.ip() {
                    self.at_engine(|engine, now, outs| engine.packet(now, from, to.port(), &mut bytes, outs));
                } else if let Some(device) = self.host(to.ip()) {
                    self.at_device(device, |phone, now, outs| phone.packet(now, from, to.port(), &mut bytes, outs));
                }
            }
            Coming::Command(command) => {
                self.at_engine(|engine, now, outs| engine.command(now, command, outs));
            }
            Coming::Report(report) => self.tell_engine(Input::Report(report)),
            Coming::Deed { device, call, deed } => self.deed(device, call, deed),
            Coming::Fate(fate) => self.fate(fate),
        }
    }

    fn datagram(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.trace.mix(bytes);
        let words = sip_words::of(bytes);
        if to == ENGINE {
            let who = self.host(from.ip());
            self.note(format_args!("{:>4} > engine  {words}", who.map_or("?", |device| &self.devices[device].name)));
            self.oracle.cause(who.map(|device| self.owners[device]));
            let flow = Flow::udp(to, from);
            return self.tell_engine(Input::Datagram { flow, bytes: bytes.to_vec() });
        }
        let Some(device) = self.host(to.ip()) else { return };
        if self.owners[device] != Owner::Caller(usize::MAX) {
            self.oracle.on_the_wire(self.now, self.owners[device], bytes);
        }
        if self.devices[device].alive {
            self.note(format_args!("{:>4} < engine  {words}", self.devices[device].name));
            self.at_device(device, |phone, now, outs| phone.datagram(now, from, bytes, outs));
        }
    }

    fn host(&self, ip: IpAddr) -> Option<usize> {
        self.devices.iter().position(|device| device.sip.ip() == ip)
    }

    // ---- the engine ----------------------------------------------------------------------------------------------

    fn tell_engine(&mut self, input: Input) {
        let now = self.now();
        self.at_engine(|engine, _, outs| engine.tell(now, input, outs));
        Oracle::after_a_step(self);
    }

    fn at_engine(&mut self, act: impl FnOnce(&mut Engine, Instant, &mut Vec<engine::Out>)) {
        let mut outs = Vec::new();
        act(&mut self.engine, self.now, &mut outs);
        let packets = std::mem::take(&mut self.engine.ports.sent);
        for packet in packets {
            self.send_packet(packet.from, packet.to, packet.bytes);
        }
        for out in outs {
            match out {
                engine::Out::Sip(to, bytes) => self.send(ENGINE, to, bytes),
                engine::Out::Command(command) => {
                    self.note(format_args!("     engine  {command:?}"));
                    let at = self.now + self.worker_delay();
                    self.last_command = self.last_command.max(at);
                    self.put(self.last_command, Coming::Command(command));
                }
                engine::Out::Report(report) => {
                    let at = self.now + self.worker_delay();
                    self.last_report = self.last_report.max(at);
                    self.put(self.last_report, Coming::Report(report));
                }
                engine::Out::Told(told) => {
                    self.note(format_args!("     engine  {}", crate::words::told(&told)));
                    self.oracle.told(self.now, &told);
                }
            }
        }
    }

    fn worker_delay(&mut self) -> Duration {
        let most = self.nature.worker_us;
        let usual = most.min(300);
        Duration::from_micros(if most > usual && self.dice.chance(50) {
            self.dice.between(0, most)
        } else {
            self.dice.between(0, usual)
        })
    }

    // ---- the telephones ------------------------------------------------------------------------------------------

    fn at_device(&mut self, device: usize, act: impl FnOnce(&mut Device, Instant, &mut Vec<device::Out>)) {
        if !self.devices[device].alive {
            return;
        }
        let mut outs = Vec::new();
        act(&mut self.devices[device], self.now, &mut outs);
        let packets = std::mem::take(&mut self.devices[device].ports.sent);
        for packet in packets {
            self.send_packet(packet.from, packet.to, packet.bytes);
        }
        for out in outs {
            match out {
                device::Out::Sip(to, bytes) => self.send(self.devices[device].sip, to, bytes),
                device::Out::Event(event) => self.seen(device, &event),
            }
        }
    }

    /// The owner of a telephone sees or hears something.
    fn seen(&mut self, device: usize, event: &PhoneEvent) {
        if !matches!(event, PhoneEvent::Tone { .. } | PhoneEvent::Closed(_)) {
            self.note(format_args!("{:>4}         {event:?}", self.devices[device].name));
        }
        self.oracle.seen(self.now, self.owners[device], device, event);
        match self.owners[device] {
            Owner::Caller(nth) => {
                let mut deeds = Vec::new();
                self.callers[nth].sees(self.now, event, &mut deeds);
                for (after, deed) in deeds {
                    self.later(device, after, deed);
                }
                if matches!(event, PhoneEvent::Over { .. } | PhoneEvent::Refused(_)) {
                    self.call_over(nth, device);
                }
            }
            Owner::Listener(nth) => {
                let calm = self.is_calm();
                let reaction = self.listeners[nth].sees(self.now, event, calm);
                for (other, after, deed) in reaction.deeds {
                    match other {
                        Some(other) => {
                            self.put(self.now + after, Coming::Deed { device: other, call: None, deed });
                        }
                        None => self.later(device, after, deed),
                    }
                }
                if let Some(after) = reaction.answers_in {
                    self.temptation(after);
                }
            }
        }
    }

    /// A caller's call is over, as she sees it.
    fn call_over(&mut self, nth: usize, device: usize) {
        self.dials = self.dials.saturating_sub(1);
        if self.callers[nth].again > 0 && self.devices[device].alive {
            self.callers[nth].thinks_again(&self.nature.habits);
            let at = self.now + self.callers[nth].pause();
            self.put(at, Coming::Deed { device, call: None, deed: Deed::Dial });
        }
    }

    /// A listener will answer: who means to leave at that very moment makes ready.
    fn temptation(&mut self, after: Duration) {
        for nth in 0..self.callers.len() {
            let device = nth; // callers' telephones come first
            if self.callers[nth].intent.leave == Leave::AtAnswer
                && matches!(self.devices[device].line, Line::Connected { .. })
            {
                let at = self.now + after + self.dice.span_ms(0, 120);
                let at = at - Duration::from_millis(60);
                let call = Some(self.devices[device].calls);
                self.put(at.max(self.now), Coming::Deed { device, call, deed: Deed::Hangup });
            }
        }
    }

    fn later(&mut self, device: usize, after: Duration, deed: Deed) {
        let call = deed.belongs_to_a_call().then_some(self.devices[device].calls);
        self.put(self.now + after, Coming::Deed { device, call, deed });
    }

    fn deed(&mut self, device: usize, call: Option<u32>, deed: Deed) {
        let phone = &mut self.devices[device];
        if deed == Deed::ComeBack {
            if !phone.alive {
                phone.come_back(&mut self.dice);
                self.note(format_args!("{:>4}         comes back", self.devices[device].name));
                if let Some((voice, tones)) = self.devices[device].voice.clone() {
                    self.at_device(device, |phone, now, outs| {
                        phone.act(now, PhoneAction::Speak(voice), outs);
                        phone.act(now, PhoneAction::Listen(tones), outs);
                    });
                }
                if !self.home {
                    self.deed(device, None, Deed::Register);
                }
            }
            return;
        }
        if !phone.alive || call.is_some_and(|call| call != phone.calls) {
            return;
        }
        let fits = match deed {
            Deed::Answer | Deed::Decline(_) => matches!(phone.line, Line::Ringing { .. }),
            Deed::Dial => phone.line == Line::Idle,
            Deed::Hangup => phone.line != Line::Idle,
            Deed::Hold(_) => matches!(phone.line, Line::Connected { .. }),
            _ => true,
        };
        if !fits {
            return;
        }
        self.note(format_args!("{:>4}         {deed}", self.devices[device].name));
        self.oracle.did(self.now, self.owners[device], device, &deed);
        let owner = self.owners[device];
        if deed == Deed::Vanish {
            self.devices[device].vanish();
            if let Owner::Caller(nth) = owner {
                self.dials = self.dials.saturating_sub(1 + self.callers[nth].again as usize);
                self.callers[nth].again = 0;
            }
            return;
        }
        let number = match owner {
            Owner::Caller(nth) => self.callers[nth].intent.number,
            Owner::Listener(_) => "",
        };
        if let Some(action) = deed.action(number) {
            let talking = self.devices[device].phone.is_busy();
            self.at_device(device, |phone, now, outs| phone.act(now, action, outs));
            if let Owner::Caller(nth) = owner {
                if deed == Deed::Dial {
                    let mut deeds = Vec::new();
                    self.callers[nth].dials(&mut deeds);
                    for (after, deed) in deeds {
                        self.later(device, after, deed);
                    }
                } else if deed == Deed::Hangup && !talking {
                    self.call_over(nth, device);
                }
            }
        }
    }

    // ---- what happens to all ---------------------------------------------------------------------------------------

    fn fate(&mut self, fate: Fate) {
        if !matches!(fate, Fate::Look) {
            self.note(format_args!("     world   {fate:?}"));
        }
        match fate {
            Fate::Cut(host, span) => self.net.cut(host, self.now + span),
            Fate::Wish(nth, wish) => {
                let listener = ListenerId::new(&house::account(nth));
                self.oracle.wished(nth, wish);
                self.tell_engine(Input::Control(Control::Wish(listener, wish)));
            }
            Fate::EndOneCall => {
                let call = self.engine.shard.stages().next().map(|(call, _)| call);
                if let Some(call) = call {
                    self.oracle.staff_ends(call);
                    self.tell_engine(Input::Control(Control::EndCall(call)));
                }
            }
            Fate::Reload => {
                let setup = house::setup(self.which, &self.nature);
                self.tell_engine(Input::Control(Control::Reload(Box::new(setup))));
            }
            Fate::Look => {
                Oracle::look(self);
                let over = self.home_for().is_some_and(|span| span > SETTLE);
                if self.now > self.calm_at + CALLS_END_WITHIN && !self.home {
                    let counts = self.engine.shard.counts();
                    let now = self.now;
                    let dials = self.dials;
                    self.oracle.fail(now, format!("calls do not end in the calm ({dials} to be placed): {counts:?}"));
                } else if !over {
                    self.put(self.now + LOOK_EVERY, Coming::Fate(Fate::Look));
                } else {
                    self.queue.clear();
                }
            }
            Fate::GoHome => {
                self.gone_home_at = Some(self.now);
                for device in 0..self.devices.len() {
                    if matches!(self.owners[device], Owner::Listener(_)) {
                        self.deed(device, None, Deed::Unregister);
                    }
                }
            }
        }
    }

    // ---- the network ---------------------------------------------------------------------------------------------

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Arc<[u8]>) {
        let fate = self.net.fate(self.now, from.ip(), to.ip());
        if fate[0].is_none() {
            let words = sip_words::of(&bytes);
            self.note(format_args!("     network loses {} > {}: {words}", from.ip(), to.ip()));
        }
        for way in fate.into_iter().flatten() {
            self.put(self.now + way, Coming::Datagram { from, to, bytes: bytes.clone() });
        }
    }

    fn send_packet(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.trace.mix(&bytes[..bytes.len().min(16)]);
        match self.net.fate(self.now, from.ip(), to.ip()) {
            [Some(first), Some(second)] => {
                self.put(self.now + first, Coming::Packet { from, to, bytes: bytes.clone() });
                self.put(self.now + second, Coming::Packet { from, to, bytes });
            }
            [Some(way), None] => self.put(self.now + way, Coming::Packet { from, to, bytes }),
            [None, _] => {}
        }
    }

    fn note(&mut self, text: std::fmt::Arguments<'_>) {
        self.trace.line(self.now, text);
    }
}
