//! Carrying things to the hosts, and off what they say: the engine, the telephones, the network between them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::node::{Input, PhoneInput};
use ecoute::sip::{Flow, Transport};

use super::queue::{Coming, Fate};
use super::{Owner, World};
use crate::device::{self, Device};
use crate::dice::Dice;
use crate::engine::{self, Engine};
use crate::house::ENGINE;
use crate::oracle::View;
use crate::roads;
use crate::sip_words;
use crate::strangers;
use crate::watchers::{self, Watcher};
use crate::wires::End;

impl World {
    /// A SIP datagram arrives.
    pub(super) fn datagram(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let flow = Flow::udp(to, from);
        if roads::host(to.ip()) == ENGINE.ip() {
            self.at_the_door(flow, bytes);
        } else if let Some(stranger) = self.strangers.iter_mut().find(|stranger| stranger.address == to) {
            stranger.hears(bytes);
        } else if let Some(device) = self.host(to.ip()) {
            self.at_telephone(device, flow, bytes);
        } else if let Some(watcher) = self.watchers.iter().position(|watcher| watcher.address == to) {
            self.at_watcher(watcher, |watcher, now, outs| watcher.hears(now, bytes, outs));
        }
    }

    /// Something whole reaches the engine.
    pub(super) fn at_the_door(&mut self, flow: Flow, bytes: &[u8]) {
        self.trace.mix(bytes);
        let words = sip_words::of(bytes);
        let who = self.host(flow.remote.ip());
        let callers = who.is_some_and(|device| matches!(self.owners[device], Owner::Caller(_)));
        if callers && !self.strangers.is_empty() && !bytes.starts_with(b"SIP/2.0") {
            self.overheard = Some(bytes.to_vec());
        }
        note!(self, "{:>4} > engine  {words}", who.map_or("?", |device| &self.devices[device].name));
        self.oracle.cause(sip_words::begins(bytes));
        self.is_forked(End::Engine, flow, bytes);
        self.oracle.arrives(self.now, End::Engine, bytes);
        self.tell_engine(Input::Datagram { flow, bytes: bytes.to_vec() });
    }

    /// Something whole reaches a telephone.
    pub(super) fn at_telephone(&mut self, device: usize, flow: Flow, bytes: &[u8]) {
        self.trace.mix(bytes);
        self.oracle.on_the_wire(self.now, self.owners[device], bytes);
        if self.is_forked(End::Device(device), flow, bytes) {
            return;
        }
        if self.devices[device].alive {
            let words = sip_words::of(bytes);
            note!(self, "{:>4} < engine  {words}", self.devices[device].name);
            self.oracle.arrives(self.now, End::Device(device), bytes);
            self.at_device(device, |phone, now, outs| phone.message(now, flow, bytes, outs));
        }
    }

    /// An end is told that a flow is no more.
    pub(super) fn flow_closed(&mut self, end: End, flow: Flow) {
        match end {
            End::Engine => {
                note!(self, "     engine  loses {flow:?}");
                self.tell_engine(Input::FlowClosed(flow));
            }
            End::Device(device) => {
                note!(self, "{:>4}         loses {flow:?}", self.devices[device].name);
                self.at_device(device, |phone, now, outs| phone.tell(now, PhoneInput::FlowClosed(flow), outs));
                self.registers_anew(device, flow);
            }
            End::Stranger(_) => {}
        }
    }

    /// A media packet arrives.
    pub(super) fn packet(&mut self, from: SocketAddr, to: SocketAddr, mut bytes: Vec<u8>) {
        if to.ip() == ENGINE.ip() {
            self.at_engine(|engine, now, outs| engine.packet(now, from, to.port(), &mut bytes, outs));
        } else if let Some(device) = self.host(to.ip()) {
            self.at_device(device, |phone, now, outs| phone.packet(now, from, to.port(), &mut bytes, outs));
        }
    }

    /// One input of the shard; afterwards the judge looks.
    pub(super) fn tell_engine(&mut self, input: Input) {
        let now = self.now();
        self.at_engine(|engine, _, outs| engine.tell(now, input, outs));
        ask_judge!(self, after_a_step);
    }

    /// The engine does something, and what it says is carried off.
    pub(super) fn at_engine(&mut self, act: impl FnOnce(&mut Engine, Instant, &mut Vec<engine::Out>)) {
        let mut outs = Vec::new();
        act(&mut self.engine, self.now, &mut outs);
        let packets = std::mem::take(&mut self.engine.ports.sent);
        for packet in packets {
            self.send_packet(packet.from, packet.to, packet.bytes);
        }
        for out in outs {
            match out {
                engine::Out::Sip(flow, bytes) => {
                    self.oracle.says(self.now, End::Engine, flow, &bytes);
                    if let Some(device) = self.host(flow.remote.ip()) {
                        self.crosses(device, &bytes);
                        self.at_fork(&bytes);
                    }
                    self.send_on(End::Engine, flow, bytes);
                }
                engine::Out::Close(flow) => self.close(flow),
                engine::Out::Command(command) => {
                    note!(self, "     engine  {command:?}");
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
                    note!(self, "     engine  {}", crate::words::told(&told));
                    self.oracle.told(self.now, &told);
                }
            }
        }
    }

    fn worker_delay(&mut self) -> Duration {
        if self.nature.weather.stalls && self.now < self.calm_at && self.dice.chance(8) {
            return self.dice.span_ms(100, 3500);
        }
        let most = self.nature.worker_us;
        let usual = most.min(300);
        Duration::from_micros(if most > usual && self.dice.chance(50) {
            self.dice.between(0, most)
        } else {
            self.dice.between(0, usual)
        })
    }

    /// A telephone does something, and what it says is carried off.
    pub(super) fn at_device(&mut self, device: usize, act: impl FnOnce(&mut Device, Instant, &mut Vec<device::Out>)) {
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
                device::Out::Sip(flow, bytes) => {
                    self.oracle.sent(self.owners[device], sip_words::begins(&bytes));
                    self.oracle.says(self.now, End::Device(device), flow, &bytes);
                    self.send_on(End::Device(device), flow, bytes.clone());
                    self.forks(device, flow, &bytes);
                }
                device::Out::Event(event) => self.seen(device, &event),
            }
        }
    }

    /// The telephone at this address.
    pub(super) fn host(&self, ip: IpAddr) -> Option<usize> {
        self.devices.iter().position(|device| device.sip.ip() == ip || device.ip == ip)
    }

    pub(super) fn send_on(&mut self, end: End, flow: Flow, bytes: Arc<[u8]>) {
        if flow.transport == Transport::Udp {
            self.send(flow.local, flow.remote, bytes);
        } else {
            self.send_over(end, flow, &bytes);
        }
    }

    /// A datagram goes.
    pub(super) fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Arc<[u8]>) {
        let fate = self.net.datagram_fate(self.now, roads::host(from.ip()), roads::host(to.ip()));
        if fate[0].is_none() {
            let words = sip_words::of(&bytes);
            note!(self, "     network loses {} > {}: {words}", from.ip(), to.ip());
        }
        for way in fate.into_iter().flatten() {
            self.put(self.now + way, Coming::Datagram { from, to, bytes: bytes.clone() });
        }
    }

    /// A watcher does something, and what it says is carried off.
    pub(super) fn at_watcher(&mut self, nth: usize, act: impl FnOnce(&mut Watcher, Instant, &mut Vec<watchers::Out>)) {
        let mut outs = Vec::new();
        act(&mut self.watchers[nth], self.now, &mut outs);
        for watchers::Out { to, bytes } in outs {
            let from = self.watchers[nth].address;
            self.send(from, to, bytes.into());
        }
        let next = self.watchers[nth].next();
        if next < Instant::FAR {
            self.put(next, Coming::Watch(nth));
        }
    }

    /// A stranger sends something, and will again.
    pub(super) fn stranger(&mut self, nth: usize) {
        if self.now >= self.calm_at {
            return;
        }
        let stranger = &mut self.strangers[nth];
        let Some(said) = stranger.sends(self.overheard.as_deref()) else { return };
        let aim = stranger.aim();
        self.oracle.meets(aim);
        let strangers::Said { flow, bytes, again } = said;
        self.send_on(End::Stranger(nth), flow, bytes.into());
        self.put(self.now + again, Coming::Fate(Fate::Stranger(nth)));
    }

    fn send_packet(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.trace.mix(&bytes[..bytes.len().min(16)]);
        match self.net.stream_fate(self.now, from.ip(), to.ip()) {
            [Some(first), Some(second)] => {
                self.put(self.now + first, Coming::Packet { from, to, bytes: bytes.clone() });
                self.put(self.now + second, Coming::Packet { from, to, bytes });
            }
            [Some(way), None] => self.put(self.now + way, Coming::Packet { from, to, bytes }),
            [None, _] => {}
        }
    }
}
