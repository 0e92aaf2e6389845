//! A telephone's host: the softphone that ships, with its own media plane. It may stop dead and come back.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ecoute::clock::Instant;
use ecoute::ids::IdSource;
use ecoute::media::{self, Plane, Prompt};
use ecoute::node::{Phone, PhoneAction, PhoneEvent, PhoneInput, PhoneOutput, PhoneSettings};
use ecoute::sdp::Capabilities;
use ecoute::sip::{Flow, Headers, Network, Peers, Transport};

use crate::house::ENGINE;
use crate::ports::HostPorts;
use crate::roads::{self, Road};
use crate::world::Dialog;

/// What the line of a telephone is doing, as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Idle,
    Dialling,
    Ringing {
        since: Instant,
    },
    /// He pressed "answer"; the ACK is awaited.
    Answering,
    Connected {
        since: Instant,
    },
}

/// What a telephone wants of the world.
#[derive(Debug)]
pub enum Out {
    /// A SIP message on its way.
    Sip(Flow, Arc<[u8]>),
    /// Its owner sees, or hears.
    Event(PhoneEvent),
}

/// A telephone.
pub struct Device {
    /// For the trace: `c0`, `l1b`.
    pub name: String,
    pub sip: SocketAddr,
    /// Its own address, where its sound comes from.
    pub ip: IpAddr,
    pub road: Road,
    pub phone: Phone,
    pub plane: Plane,
    pub ports: HostPorts,
    pub line: Line,
    /// False after the power failed.
    pub alive: bool,
    /// Calls placed and taken, so that a late deed never meets another call.
    pub calls: u32,
    /// When the phone wants to be woken.
    pub wake: Option<Instant>,
    /// Its conversation, as its messages show it.
    pub dialog: Dialog,
    /// Are its messages looked into?
    pub looked_into: bool,
    /// What its owner says into it, and the tones he knows.
    voice: (Arc<Prompt>, Vec<u16>),
    settings: PhoneSettings,
    lives: u16,
}

impl Device {
    /// An idle telephone.
    pub fn new(
        name: String,
        (ip, road): (IpAddr, Road),
        account: (&str, Option<String>),
        number: u32,
        voice: (Arc<Prompt>, Vec<u16>),
        ids: &mut IdSource,
    ) -> Device {
        let home = SocketAddr::new(ip, 5060);
        let sip = roads::door(home, road.transport, road.v6);
        let settings = PhoneSettings {
            user: account.0.to_owned(),
            password: account.1,
            domain: ENGINE.ip().to_string(),
            local: sip,
            server: roads::door(ENGINE, road.transport, road.v6),
            number,
            capabilities: Capabilities::default(),
            headers: Headers::none(),
        };
        let (plane, ports) = media_of(ip, 0, ids);
        let phone = phone_of(road, &settings, ids);
        let mut device = Device {
            name,
            sip,
            ip,
            road,
            phone,
            plane,
            ports,
            line: Line::Idle,
            alive: true,
            calls: 0,
            wake: None,
            dialog: Dialog::default(),
            looked_into: false,
            voice,
            settings,
            lives: 0,
        };
        device.take_the_receiver();
        device
    }

    /// The power fails: nothing is said, nothing is kept.
    pub fn vanish(&mut self) {
        self.alive = false;
        self.dialog = Dialog::default();
        self.line = Line::Idle;
        self.wake = None;
        self.calls += 1;
    }

    /// The power is back: the same telephone, remembering nothing.
    pub fn come_back(&mut self, ids: &mut IdSource) {
        self.lives += 1;
        (self.plane, self.ports) = media_of(self.ip, self.lives, ids);
        self.phone = phone_of(self.road, &self.settings, ids);
        self.alive = true;
        self.take_the_receiver();
    }

    /// When the plane wants its beat.
    pub fn beat(&self) -> Instant {
        if self.alive { self.plane.next_beat() } else { Instant::FAR }
    }

    /// Its owner does something.
    pub fn act(&mut self, now: Instant, action: PhoneAction, outs: &mut Vec<Out>) {
        match (&action, self.line) {
            (PhoneAction::Dial { .. } | PhoneAction::TakeOver { .. }, Line::Idle) => {
                self.line = Line::Dialling;
                self.calls += 1;
            }
            (PhoneAction::Answer, Line::Ringing { .. }) => self.line = Line::Answering,
            (PhoneAction::Hangup | PhoneAction::Decline(_), _) => self.line = Line::Idle,
            _ => {}
        }
        self.tell(now, PhoneInput::Act(action), outs);
    }

    /// One input of the phone, and all that it says.
    pub fn tell(&mut self, now: Instant, input: PhoneInput<'_>, outs: &mut Vec<Out>) {
        self.phone.handle_input(now, input);
        let mut reports = VecDeque::new();
        loop {
            match self.phone.poll_output() {
                PhoneOutput::Transmit { flow, bytes } => {
                    let bytes = match self.looked_into {
                        true => self.dialog.passes(true, &bytes).map_or(bytes, Into::into),
                        false => bytes,
                    };
                    outs.push(Out::Sip(flow, bytes));
                }
                PhoneOutput::Media(command) => {
                    self.plane.handle_command(now, command, &mut self.ports);
                    self.reports(&mut reports);
                }
                PhoneOutput::Event(event) => {
                    self.see(now, &event);
                    outs.push(Out::Event(event));
                }
                PhoneOutput::Timeout(at) => match reports.pop_front() {
                    Some(report) => self.phone.handle_input(now, PhoneInput::Report(report)),
                    None => {
                        self.wake = at;
                        return;
                    }
                },
            }
        }
    }

    /// A SIP message comes.
    pub fn message(&mut self, now: Instant, flow: Flow, bytes: &[u8], outs: &mut Vec<Out>) {
        if !self.looked_into {
            return self.tell(now, PhoneInput::Datagram { flow, bytes }, outs);
        }
        if let Some(bytes) = self.dialog.passes(false, bytes) {
            self.tell(now, PhoneInput::Datagram { flow, bytes: &bytes }, outs);
        }
    }

    /// The account it has.
    pub fn user(&self) -> &str {
        &self.settings.user
    }

    /// Its way to the engine.
    pub fn phone_flow(&self) -> Flow {
        let PhoneSettings { local, server, .. } = self.settings;
        Flow { transport: self.road.transport, local, remote: server, connection: 0 }
    }

    /// Does it listen for connections?
    pub fn listens(&self, transport: Transport) -> bool {
        self.alive && self.road.gateway && (transport == self.road.transport || transport == Transport::Tcp)
    }

    /// A media packet comes.
    pub fn packet(&mut self, now: Instant, from: SocketAddr, port: u16, bytes: &mut [u8], outs: &mut Vec<Out>) {
        if let Some((slot, kind)) = self.ports.owner(port) {
            self.plane.handle_packet(now, slot, kind, from, bytes, &mut self.ports);
            self.hand_on(now, outs);
        }
    }

    /// The plane's time has come.
    pub fn serve(&mut self, now: Instant, outs: &mut Vec<Out>) {
        self.plane.handle_beat(now, &mut self.ports);
        self.hand_on(now, outs);
    }

    /// Its owner speaks and listens whenever a call is joined.
    fn take_the_receiver(&mut self) {
        let (voice, tones) = self.voice.clone();
        for action in [PhoneAction::Speak(voice), PhoneAction::Listen(tones)] {
            self.phone.handle_input(Instant::ZERO, PhoneInput::Act(action));
        }
    }

    fn hand_on(&mut self, now: Instant, outs: &mut Vec<Out>) {
        let mut reports = VecDeque::new();
        self.reports(&mut reports);
        for report in reports {
            self.tell(now, PhoneInput::Report(report), outs);
        }
    }

    fn reports(&mut self, reports: &mut VecDeque<media::Report>) {
        while let media::Output::Report(report) = self.plane.poll_output() {
            reports.push_back(report);
        }
    }

    fn see(&mut self, now: Instant, event: &PhoneEvent) {
        match event {
            PhoneEvent::Rings => {
                self.line = Line::Ringing { since: now };
                self.calls += 1;
            }
            PhoneEvent::Connected => self.line = Line::Connected { since: now },
            PhoneEvent::Refused(_) | PhoneEvent::Over { .. } => self.line = Line::Idle,
            _ => {}
        }
    }
}

fn phone_of(road: Road, settings: &PhoneSettings, ids: &mut IdSource) -> Phone {
    let server = Network { addr: settings.server.ip(), prefix: 128 };
    let mut phone = Phone::speaking(road.transport, settings.clone(), ids.fork(), |config| {
        if road.gateway {
            config.peers = Arc::new(Peers::one([server]));
        }
        (config.session_expires_s, config.min_se_s) = (road.timer_s, road.timer_s.min(90));
        config.reliable_provisional = road.early;
    });
    phone.set_early(road.early);
    if road.outbound {
        phone.set_instance(format!("urn:uuid:00000000-0000-4000-8000-{:012x}", settings.number));
    }
    phone
}

/// Each life has ports of its own, as a telephone that starts anew chooses others.
fn media_of(ip: IpAddr, life: u16, ids: &mut IdSource) -> (Plane, HostPorts) {
    let first = 30_000 + 200 * (life % 100);
    let settings = media::Settings::new(ip, first..=first + 199);
    let ports = HostPorts::new(ip, settings.ports.clone());
    (Plane::new(settings, ids.fork()), ports)
}
