//! Carrying what is said over connections: opening them, cutting messages out of them, and breaking them.

use std::time::Duration;

use ecoute::sip::message::{Frame, next_frame};
use ecoute::sip::{Bytes, Flow, Transport};

use super::queue::Coming;
use super::{Owner, World};
use crate::deeds::Deed;
use crate::dice::Dice;
use crate::roads;
use crate::wires::End;

/// Whoever tries to open a connection to nobody knows within this long.
const NOBODY_MS: u64 = 3000;
/// In the calm a broken connection is found out within this long.
const FOUND_OUT: Duration = Duration::from_secs(1);

impl World {
    /// `end` sends something over a connection: the very one, or one that is opened for it.
    pub(super) fn send_over(&mut self, end: End, flow: Flow, bytes: &Bytes) {
        let number = match flow.connection {
            0 => match self.wires.opened(end, flow) {
                Some(number) => number,
                None => self.open(end, flow),
            },
            number => number,
        };
        let Some(wire) = self.wires.get(number).filter(|wire| !wire.knows(end)) else {
            // What the shell says at once when it is asked to send into nothing.
            return self.closed_flow(end, flow);
        };
        let to = wire.opposite(end);
        self.oracle.writes(self.now, end, number, bytes);
        if self.wires.get(number).is_some_and(|wire| wire.broken) {
            let after = self.dice_of_roads().span_ms(200, 6000);
            return self.finds_out(number, end, after);
        }
        let whole = matches!(flow.transport, Transport::Ws | Transport::Wss);
        let pieces = if whole { vec![bytes.to_vec()] } else { self.pieces(bytes) };
        for bytes in pieces {
            let way = self.net.stream_way(self.now, self.home_of(end), self.home_of(to));
            let at = self.now + way;
            let Some(wire) = self.wires.get(number) else { return };
            let last = &mut wire.side(to).last;
            *last = (*last).max(at);
            let at = *last;
            self.put(at, Coming::Chunk { wire: number, to, bytes });
        }
    }

    /// A piece of a stream arrives: whole messages are handed on.
    pub(super) fn chunk(&mut self, number: u64, to: End, bytes: &[u8]) {
        let Some(wire) = self.wires.get(number).filter(|wire| !wire.broken && !wire.knows(to)) else { return };
        let flow = wire.flow(number, to);
        if wire.keeps_messages() {
            return self.arrives(flow, to, bytes);
        }
        wire.side(to).buffer.extend_from_slice(bytes);
        loop {
            let Some(wire) = self.wires.get(number).filter(|wire| !wire.knows(to)) else { return };
            let buffer = &mut wire.side(to).buffer;
            match next_frame(buffer) {
                Frame::Incomplete => return,
                Frame::KeepAlive { bytes, .. } => drop(buffer.drain(..bytes)),
                Frame::Message { bytes } => {
                    let message: Vec<u8> = buffer.drain(..bytes).collect();
                    self.arrives(flow, to, &message);
                }
                Frame::Broken(error) => {
                    let rest = std::mem::take(buffer);
                    if to != End::Engine {
                        return self
                            .oracle
                            .fail(self.now, format!("the engine wrote a stream nobody can read: {error}"));
                    }
                    self.arrives(flow, to, &rest);
                    return self.breaks(number, Duration::ZERO, Duration::from_millis(20));
                }
            }
        }
    }

    /// One end learns that its connection is no more.
    pub(super) fn closed(&mut self, number: u64, end: End) {
        let Some(wire) = self.wires.get(number).filter(|wire| !wire.knows(end)) else { return };
        wire.side(end).knows = true;
        let (flow, stood, own) = (wire.flow(number, end), wire.stood, wire.opened_by(end));
        let wanted = Flow { remote: if end == End::Engine { wire.home } else { wire.door }, ..flow.unpinned() };
        self.wires.forget(number);
        if stood {
            self.closed_flow(end, flow);
        }
        if own {
            self.closed_flow(end, wanted);
        }
    }

    /// The engine closes a connection by itself.
    pub(super) fn close(&mut self, flow: Flow) {
        if flow.connection != 0 {
            self.breaks(flow.connection, Duration::ZERO, Duration::from_millis(20));
        }
    }

    /// A connection breaks; the engine knows after so long, and its peer after so long.
    pub(super) fn breaks(&mut self, number: u64, engine: Duration, peer: Duration) {
        let Some(wire) = self.wires.get(number) else { return };
        wire.broken = true;
        let (other, stood) = (wire.peer, wire.stood);
        note!(self, "     network breaks connection {number} of {other:?}");
        if let (End::Device(device), true) = (other, stood) {
            self.oracle.cut_off(self.now, self.owners[device], device);
            self.cut_forks(device);
        }
        self.finds_out(number, End::Engine, engine);
        self.finds_out(number, other, peer);
    }

    /// One of a telephone's connections breaks, in one of the ways they do.
    pub(super) fn break_one(&mut self, device: usize) {
        let Some(number) = self.wires.of(End::Device(device)).pop() else { return };
        let dice = self.dice_of_roads();
        let (soon, late) = (dice.span_ms(0, 40), dice.span_ms(100, 15_000));
        match dice.below(4) {
            0 => self.breaks(number, soon, late), // the telephone's network is gone, and a router said so to us
            1 => self.breaks(number, late, soon), // the telephone walks away: half open
            _ => self.breaks(number, soon, soon), // a reset
        }
    }

    /// The power fails: nobody says goodbye, and the engine finds out some time.
    pub(super) fn power_fails(&mut self, device: usize) {
        for number in self.wires.of(End::Device(device)) {
            let late = self.dice_of_roads().span_ms(50, 20_000);
            self.breaks(number, late, Duration::ZERO);
        }
    }

    /// The address that stands for a host, whichever it writes from.
    pub(super) fn home_of(&self, end: End) -> std::net::IpAddr {
        match end {
            End::Engine => crate::house::ENGINE.ip(),
            End::Device(device) => roads::host(self.devices[device].sip.ip()),
            End::Stranger(nth) => roads::host(self.strangers[nth].address.ip()),
        }
    }

    fn dice_of_roads(&mut self) -> &mut ecoute::ids::IdSource {
        &mut self.nature.roads.dice
    }

    /// A connection is dialled. Nobody may listen there.
    fn open(&mut self, end: End, flow: Flow) -> u64 {
        let peer = match end {
            End::Engine => self.host(flow.remote.ip()).map_or(End::Stranger(0), End::Device),
            other => other,
        };
        if let (End::Engine, End::Device(device)) = (end, peer)
            && self.devices[device].road.transport == Transport::Udp
        {
            self.oracle.meets("a large request goes over TCP first".to_owned());
        }
        let (here, there) = (self.home_of(end), roads::host(flow.remote.ip()));
        let round = self.net.stream_way(self.now, here, there) + self.net.stream_way(self.now, there, here);
        let shakes = if flow.transport.is_reliable() && flow.transport != Transport::Tcp { 2 } else { 1 };
        let stands = self.now + round * shakes;
        let number = self.wires.open(end, peer, flow, stands);
        let listens = match peer {
            End::Device(device) => end != End::Engine || self.devices[device].listens(flow.transport),
            _ => end != End::Engine,
        };
        if !listens && let Some(wire) = self.wires.get(number) {
            (wire.stood, wire.broken) = (false, true);
            wire.side(peer).knows = true;
            let after = self.dice_of_roads().span_ms(10, NOBODY_MS);
            self.finds_out(number, end, after);
        }
        number
    }

    fn pieces(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let dice = self.dice_of_roads();
        if bytes.len() < 4 || dice.chance(600) {
            return vec![bytes.to_vec()];
        }
        let cut = dice.between(1, bytes.len() as u64 - 1) as usize;
        vec![bytes[..cut].to_vec(), bytes[cut..].to_vec()]
    }

    fn finds_out(&mut self, number: u64, end: End, after: Duration) {
        let latest = self.now.max(self.calm_at) + FOUND_OUT;
        let at = (self.now + after).min(latest);
        self.put(at, Coming::Closed { wire: number, end });
    }

    /// What an end is told, once it has said what it has to say.
    fn closed_flow(&mut self, end: End, flow: Flow) {
        self.put(self.now, Coming::FlowClosed { end, flow });
    }

    /// A listener's telephone notices that its network is another, and registers anew.
    pub(super) fn registers_anew(&mut self, device: usize, flow: Flow) {
        if flow.connection != 0 && matches!(self.owners[device], Owner::Listener(_)) && self.home.is_none() {
            let after = self.dice_of_roads().span_ms(100, 3000);
            self.put(self.now + after, Coming::Deed { device, call: None, deed: Deed::Register });
        }
    }

    /// Whole bytes arrive at an end.
    fn arrives(&mut self, flow: Flow, to: End, bytes: &[u8]) {
        match to {
            End::Engine => self.at_the_door(flow, bytes),
            End::Device(device) => self.at_telephone(device, flow, bytes),
            End::Stranger(nth) => self.strangers[nth].hears(bytes),
        }
    }
}
