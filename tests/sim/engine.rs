//! The engine's host: one shard and one media plane, exactly those that serve, joined as the shell joins them. Between the
//! two stands a ring each way; how long a message takes there is the world's business.

use std::sync::Arc;

use ecoute::clock::{Instant, Now};
use ecoute::ids::IdSource;
use ecoute::media::{self, Plane};
use ecoute::node::{Input, Output, Shard};
use ecoute::sip::Flow;

use crate::house::{self, Which};
use crate::nature::Nature;
use crate::ports::HostPorts;

/// What the engine wants of the world.
#[derive(Debug)]
pub enum Out {
    /// A SIP message on its way.
    Sip(Flow, Arc<[u8]>),
    /// A connection is closed.
    Close(Flow),
    /// For the media worker.
    Command(media::Command),
    /// From the media worker.
    Report(media::Report),
    /// A record, decision or event, for the judge.
    Told(Output),
}

/// The engine.
pub struct Engine {
    pub shard: Shard,
    pub plane: Plane,
    pub ports: HostPorts,
    /// When the shard wants to be woken.
    pub wake: Option<Instant>,
}

impl Engine {
    /// An idle engine.
    pub fn new(which: Which, nature: &Nature, ids: &mut IdSource) -> Engine {
        let media = house::media_settings(nature);
        let ports = HostPorts::new(media.ip, media.ports.clone());
        let shard = Shard::new(house::shard_settings(nature), house::setup(which, nature, None), ids.fork());
        Engine { shard, plane: Plane::new(media, ids.fork()), ports, wake: None }
    }

    /// When the plane wants its beat.
    pub fn beat(&self) -> Instant {
        self.plane.next_beat()
    }

    /// One input of the shard, and all that it says.
    pub fn tell(&mut self, now: Now, input: Input, outs: &mut Vec<Out>) {
        self.shard.handle_input(now, input);
        loop {
            match self.shard.poll_output() {
                Output::Transmit { flow, bytes } => outs.push(Out::Sip(flow, bytes)),
                Output::Close(flow) => outs.push(Out::Close(flow)),
                Output::Media(command) => outs.push(Out::Command(command)),
                Output::Timeout(at) => {
                    self.wake = at;
                    return;
                }
                told => outs.push(Out::Told(told)),
            }
        }
    }

    /// One command reaches the media worker.
    pub fn command(&mut self, now: Instant, command: media::Command, outs: &mut Vec<Out>) {
        self.plane.handle_command(now, command, &mut self.ports);
        self.reports(outs);
    }

    /// One media packet reaches one of our ports.
    pub fn packet(
        &mut self,
        now: Instant,
        from: std::net::SocketAddr,
        port: u16,
        bytes: &mut [u8],
        outs: &mut Vec<Out>,
    ) {
        if let Some((slot, kind)) = self.ports.owner(port) {
            self.plane.handle_packet(now, slot, kind, from, bytes, &mut self.ports);
            self.reports(outs);
        }
    }

    /// The plane's time has come.
    pub fn serve(&mut self, now: Instant, outs: &mut Vec<Out>) {
        self.plane.handle_beat(now, &mut self.ports);
        self.reports(outs);
    }

    fn reports(&mut self, outs: &mut Vec<Out>) {
        while let media::Output::Report(report) = self.plane.poll_output() {
            outs.push(Out::Report(report));
        }
    }
}
