//! The room, met from outside: virtual time, peers that are there or not, and a look at everything it says.

mod chance;
mod failover;
mod numbers;
mod registering;
mod showing;

use std::net::SocketAddr;
use std::time::Duration;

use crate::clock::Instant;
use crate::ids::{IdSource, PhoneNumber};
use crate::sip::{Credentials, Register, Transport};

use super::*;

/// Trunks, the time, and what was said last.
pub(super) struct World {
    pub trunks: Trunks,
    pub now: Instant,
    pub said: Vec<Output>,
    next: Option<Instant>,
}

impl World {
    pub fn new(settings: Vec<Settings>) -> World {
        let mut world =
            World { trunks: Trunks::new(IdSource::from_number(7)), now: Instant::ZERO, said: Vec::new(), next: None };
        world.give(Input::SetUp { trunks: settings, locals: locals() });
        world
    }

    pub fn give(&mut self, input: Input) {
        self.trunks.handle_input(self.now, input);
        self.drain();
    }

    pub fn drain(&mut self) {
        loop {
            match self.trunks.poll_output() {
                Output::Timeout(next) => {
                    self.next = next;
                    return;
                }
                output => self.said.push(output),
            }
        }
    }

    /// What was said since the last time.
    pub fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.said)
    }

    /// Lets time pass; `there` tells which addresses answer a probe.
    pub fn pass(&mut self, span: Duration, there: impl Fn(Hop) -> bool) {
        let end = self.now + span;
        loop {
            while let Some(place) = self.said.iter().position(|output| matches!(output, Output::Probe { .. })) {
                let Output::Probe { probe, flow, .. } = self.said.remove(place) else { continue };
                let hop = Hop { transport: flow.transport, remote: flow.remote };
                if there(hop) {
                    self.give(Input::OptionsReply { probe, status: Some(200) });
                }
            }
            match self.next.filter(|at| *at <= end) {
                Some(at) => {
                    assert!(at > self.now || self.now == Instant::ZERO, "time must go on");
                    self.now = at.max(self.now);
                    self.give(Input::Timeout);
                }
                None => break,
            }
        }
        self.now = end;
    }

    /// The addresses of the attempts of a call.
    pub fn hops(&mut self) -> Result<Vec<SocketAddr>, NoRoute> {
        let listed = self.trunks.route(self.now, &call())?;
        Ok(listed.iter().map(|attempt| attempt.hop.remote).collect())
    }

    pub fn outcome(&mut self, remote: &str, outcome: Outcome) -> Next {
        let hop = hop(remote);
        let trunk = self.trunks.lines.values().find(|line| line.hops.contains_key(&hop)).map(|line| line.id);
        let next = self.trunks.outcome(self.now, trunk.expect("somebody's"), hop, outcome);
        self.drain();
        next
    }

    pub fn registers(&mut self) -> Vec<Register> {
        let taken = self.take();
        let register = |output| match output {
            Output::Register(register) => Some(*register),
            _ => None,
        };
        taken.into_iter().filter_map(register).collect()
    }

    /// The questions to the resolver, by host.
    pub fn asked(&mut self) -> Vec<(u32, String)> {
        let taken = self.take();
        let asked = |output| match output {
            Output::Resolve { query, host } => Some((query, host.name)),
            _ => None,
        };
        taken.into_iter().filter_map(asked).collect()
    }

    /// Lets time pass until the DNS is asked; the number of the question.
    pub fn until_asked(&mut self) -> u32 {
        for _ in 0..3700 {
            self.pass(seconds(1), |_| true);
            if let Some((query, _)) = self.asked().pop() {
                return query;
            }
        }
        panic!("a name is asked again within the hour");
    }

    pub fn resolve(&mut self, query: u32, addresses: &[(&str, u16, u16)]) {
        let found = addresses.iter().map(|(remote, priority, weight)| Address {
            hop: hop(remote),
            priority: *priority,
            weight: *weight,
        });
        let (found, ttl) = (found.collect(), Duration::from_secs(300));
        self.give(Input::Resolved { query, found, ttl });
    }

    pub fn state(&self, name: &str) -> State {
        let status = self.trunks.status(self.now);
        status.iter().find(|status| &*status.name == name).expect("a trunk of that name").state
    }
}

pub(super) fn locals() -> Vec<Local> {
    let local = |transport, address: &str, host: &str| Local {
        transport,
        address: address.parse().expect("an address"),
        host: host.to_owned(),
    };
    vec![
        local(Transport::Udp, "10.0.0.1:5060", "ecoute.example"),
        local(Transport::Tcp, "10.0.0.1:5060", "ecoute.example"),
        local(Transport::Tls, "10.0.0.1:5061", "ecoute.example"),
        local(Transport::Udp, "[2001:db8::1]:5060", "[2001:db8::1]"),
    ]
}

pub(super) fn hop(remote: &str) -> Hop {
    Hop { transport: Transport::Udp, remote: remote.parse().expect("an address and port") }
}

pub(super) fn number(text: &str) -> PhoneNumber {
    PhoneNumber::from_e164(text).expect("a number")
}

pub(super) fn call() -> Dial {
    Dial::to(number("+33476000102"))
}

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn host(text: &str) -> Host {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().ok()),
        None => (text, None),
    };
    Host { name: name.to_owned(), port, transport: Some(Transport::Udp) }
}

pub(super) fn outgoing() -> Outgoing {
    Outgoing {
        number: number("+33199000110"),
        display: String::new(),
        from: FromUser::Number,
        from_domain: None,
        domain: None,
        form: DialForm::E164,
        edit: number::Edit::default(),
        user_phone: false,
        assert: true,
        hidden: false,
        barred: vec!["+3389".to_owned()],
        patience: seconds(6),
        redirect: Redirect::Refuse,
    }
}

/// A trunk with these peers: host, priority, weight.
pub(super) fn fixed(name: &str, peers: &[(&str, u16, u16)]) -> Settings {
    let peer =
        |(text, priority, weight): &(&str, u16, u16)| Peer { host: host(text), priority: *priority, weight: *weight };
    Settings {
        name: name.into(),
        way: Way::Peers(peers.iter().map(peer).collect()),
        probe_every: seconds(30),
        incoming: Incoming { unknown: Unknown::Answer(None), ..Incoming::default() },
        outgoing: Some(outgoing()),
        ..Settings::local(Vec::new())
    }
}

/// A trunk that registers.
pub(super) fn account(name: &str, registrar: &str) -> Settings {
    let registration = Registration {
        registrar: host(registrar),
        user: "0033199000110".to_owned(),
        credentials: Credentials::new("auth", "zanzibar"),
        expires_s: 1800,
        outbound_proxy: None,
    };
    Settings { way: Way::Register(Box::new(registration)), ..fixed(name, &[]) }
}
