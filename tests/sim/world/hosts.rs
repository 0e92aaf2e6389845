//! Carrying things to the hosts, and off what they say: the engine, the telephones, the network between them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::node::Input;
use ecoute::sip::Flow;

use super::World;
use super::queue::Coming;
use crate::device::{self, Device};
use crate::dice::Dice;
use crate::engine::{self, Engine};
use crate::house::ENGINE;
use crate::oracle::View;
use crate::sip_words;

impl World {
    /// A SIP datagram arrives.
    pub(super) fn datagram(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.trace.mix(bytes);
        let words = sip_words::of(bytes);
        if to == ENGINE {
            let who = self.host(from.ip());
            note!(self, "{:>4} > engine  {words}", who.map_or("?", |device| &self.devices[device].name));
            self.oracle.cause(sip_words::begins(bytes));
            let flow = Flow::udp(to, from);
            return self.tell_engine(Input::Datagram { flow, bytes: bytes.to_vec() });
        }
        let Some(device) = self.host(to.ip()) else { return };
        self.oracle.on_the_wire(self.now, self.owners[device], bytes);
        if self.devices[device].alive {
            note!(self, "{:>4} < engine  {words}", self.devices[device].name);
            self.at_device(device, |phone, now, outs| phone.datagram(now, from, bytes, outs));
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
                engine::Out::Sip(to, bytes) => self.send(ENGINE, to, bytes),
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
                device::Out::Sip(to, bytes) => {
                    self.oracle.sent(self.owners[device], sip_words::begins(&bytes));
                    self.send(self.devices[device].sip, to, bytes);
                }
                device::Out::Event(event) => self.seen(device, &event),
            }
        }
    }

    fn host(&self, ip: IpAddr) -> Option<usize> {
        self.devices.iter().position(|device| device.sip.ip() == ip)
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Arc<[u8]>) {
        let fate = self.net.datagram_fate(self.now, from.ip(), to.ip());
        if fate[0].is_none() {
            let words = sip_words::of(&bytes);
            note!(self, "     network loses {} > {}: {words}", from.ip(), to.ip());
        }
        for way in fate.into_iter().flatten() {
            self.put(self.now + way, Coming::Datagram { from, to, bytes: bytes.clone() });
        }
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
