//! The procedure against a name system that does as the test says, in virtual time; and against real datagrams.

mod dns;
mod failover;
mod procedure;
mod trouble;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::clock::Instant;
use crate::ids::IdSource;

/// A name system of the test's own, and a desk in front of it.
pub(super) struct World {
    pub zone: BTreeMap<Question, Answer>,
    /// Names that never answer.
    pub silent: Vec<Question>,
    pub desk: Desk,
    pub now: Instant,
    /// What was asked, in order.
    pub asked: Vec<Question>,
    done: Vec<(u64, Result<Vec<Hop>, ResolveFault>)>,
    ticket: u64,
}

impl World {
    pub fn new() -> World {
        World::with(ResolveSettings::default())
    }

    pub fn with(settings: ResolveSettings) -> World {
        World {
            zone: BTreeMap::new(),
            silent: Vec::new(),
            desk: Desk::new(settings, IdSource::from_number(7)),
            now: Instant::from_millis(1000),
            asked: Vec::new(),
            done: Vec::new(),
            ticket: 0,
        }
    }

    pub fn say(&mut self, name: &str, kind: RecordKind, records: Vec<Record>) {
        self.zone.insert(question(name, kind), Answer::Records(records, Duration::from_secs(60)));
    }

    pub fn naptr(&mut self, name: &str, records: &[(u16, u16, &str, &str, &str)]) {
        let records = records.iter().map(|&(order, preference, flags, service, replacement)| Record::Naptr {
            order,
            preference,
            flags: flags.into(),
            service: service.into(),
            replacement: replacement.into(),
        });
        self.say(name, RecordKind::Naptr, records.collect());
    }

    pub fn srv(&mut self, name: &str, records: &[(u16, u16, u16, &str)]) {
        let records = records.iter().map(|&(priority, weight, port, target)| Record::Srv {
            priority,
            weight,
            port,
            target: target.into(),
        });
        self.say(name, RecordKind::Srv, records.collect());
    }

    pub fn a(&mut self, name: &str, addresses: &[&str]) {
        let records = addresses.iter().map(|ip| Record::A(ip.parse().expect("IPv4")));
        self.say(name, RecordKind::A, records.collect());
    }

    pub fn aaaa(&mut self, name: &str, addresses: &[&str]) {
        let records = addresses.iter().map(|ip| Record::Aaaa(ip.parse().expect("IPv6")));
        self.say(name, RecordKind::Aaaa, records.collect());
    }

    pub fn fails(&mut self, name: &str, kind: RecordKind) {
        self.zone.insert(question(name, kind), Answer::Failed);
    }

    pub fn is_silent(&mut self, name: &str, kind: RecordKind) {
        self.silent.push(question(name, kind));
    }

    /// Asks without waiting.
    pub fn ask(&mut self, target: Target) -> u64 {
        self.ticket += 1;
        let ticket = self.ticket;
        self.desk.handle_input(self.now, DeskInput::Ask { ticket, target });
        ticket
    }

    /// Answers what is asked until the desk only waits; gives the time it waits for.
    pub fn settle(&mut self) -> Option<Instant> {
        loop {
            match self.desk.poll_output() {
                DeskOutput::Query(question) => {
                    self.asked.push(question.clone());
                    if !self.silent.contains(&question) {
                        let answer = self.zone.get(&question).cloned().unwrap_or(Answer::None(None));
                        self.desk.handle_input(self.now, DeskInput::Answer { question, answer });
                    }
                }
                DeskOutput::Done { ticket, result } => self.done.push((ticket, result)),
                DeskOutput::Timeout(at) => return at,
            }
        }
    }

    /// The result of `ticket`, passing virtual time as needed; the time it took beside it.
    pub fn result(&mut self, ticket: u64) -> (Result<Vec<Hop>, ResolveFault>, Duration) {
        let began = self.now;
        loop {
            let wake = self.settle();
            if let Some(place) = self.done.iter().position(|(done, _)| *done == ticket) {
                return (self.done.remove(place).1, self.now.since(began));
            }
            self.now = wake.expect("somebody waits for something");
            self.desk.handle_input(self.now, DeskInput::Timeout);
        }
    }

    pub fn resolve(&mut self, target: Target) -> Result<Vec<Hop>, ResolveFault> {
        let ticket = self.ask(target);
        self.result(ticket).0
    }

    /// The hops as text.
    pub fn hops(&mut self, target: Target) -> Vec<String> {
        self.resolve(target).expect("hops").iter().map(text).collect()
    }

    pub fn questions(&mut self) -> Vec<String> {
        self.asked.drain(..).map(|question| format!("{question:?}")).collect()
    }
}

pub(super) fn question(name: &str, kind: RecordKind) -> Question {
    Question { name: name.into(), kind }
}

pub(super) fn text(hop: &Hop) -> String {
    let way = match hop.way {
        Way::Udp => "UDP",
        Way::Stream(kind) => kind.name(),
    };
    format!("{way} {}", hop.address)
}

pub(super) fn host(host: &str) -> Target {
    Target { host: host.into(), port: None, way: None, secure: false }
}
