//! For tests: a dispatcher with its clock, driven the way the shell drives it.

use std::sync::Arc;
use std::time::Duration;

use super::{
    CentreId, Decision, DecisionKind, Dispatcher, ExhaustedReason, Input, Listener, Outcome, Output, Reach, Request,
    Roster, Settings, Tier, Token,
};
use crate::clock::{Civil, Instant, Now};
use crate::france::Department;
use crate::ids::{CallId, ListenerId};

/// Noon of the day the tests play on, in Paris.
pub(super) const NOON_MS: i64 = 1_795_690_800_000;

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn dept(code: &str) -> Department {
    Department::from_code(code).expect("a department")
}

pub(super) fn name(listener: &str) -> ListenerId {
    ListenerId::new(listener)
}

pub(super) fn call(number: u64) -> CallId {
    CallId::from_raw(number)
}

/// A listener of one department, in order in every respect.
pub(super) fn listener(id: &str, code: &str) -> Listener {
    Listener::new(name(id), CentreId::new(code), vec![dept(code)])
}

pub(super) fn tier(reach: Reach, seconds: u64) -> Tier {
    Tier { reach, lasts: secs(seconds) }
}

/// A caller about somebody in `code`, who waits in the usual three tiers.
pub(super) fn request(number: u64, code: &str) -> Request {
    Request {
        call: call(number),
        priority: 0,
        department: Department::from_code(code),
        language: "fr".into(),
        tiers: vec![tier(Reach::Department, 30), tier(Reach::Neighbours, 30), tier(Reach::National, 240)],
        ring: secs(20),
        excluded: Vec::new(),
    }
}

pub(super) struct Rig {
    pub dispatcher: Dispatcher,
    pub now: Now,
}

impl Rig {
    /// Everybody reachable and ready.
    pub(super) fn new(listeners: Vec<Listener>) -> Rig {
        Rig::with(Settings { positions: false, ..Settings::default() }, Roster { listeners, ..Roster::default() })
    }

    pub(super) fn with(settings: Settings, roster: Roster) -> Rig {
        let roster = Arc::new(roster);
        let mut rig = Rig {
            dispatcher: Dispatcher::new(settings, roster.clone()),
            now: Now { at: Instant::from_millis(1000), civil: Civil::from_unix_millis(NOON_MS) },
        };
        for listener in &roster.listeners {
            rig.devices(listener.id.as_str(), 1);
        }
        rig
    }

    /// One input, and all that is said about it.
    pub(super) fn send(&mut self, input: Input) -> Said {
        self.dispatcher.handle_input(self.now, input);
        let mut said = Vec::new();
        loop {
            match self.dispatcher.poll_output() {
                Output::Timeout(_) => break,
                output => said.push(output),
            }
        }
        self.dispatcher.check_invariants().expect("what must hold");
        Said(said)
    }

    fn due(&mut self) -> Option<Instant> {
        match self.dispatcher.poll_output() {
            Output::Timeout(due) => due,
            output => panic!("{output:?} was left over"),
        }
    }

    pub(super) fn pass(&mut self, span: Duration) {
        self.now.at += span;
        self.now.civil = Civil::from_unix_millis(self.now.civil.as_unix_millis() + span.as_millis() as i64);
    }

    /// Lets time pass, waking the dispatcher exactly when it asks for it.
    pub(super) fn wait(&mut self, span: Duration) -> Said {
        let end = self.now.at + span;
        let mut said = Vec::new();
        while let Some(due) = self.due().filter(|due| *due <= end) {
            self.pass(due.since(self.now.at));
            said.extend(self.send(Input::Timeout).0);
        }
        self.pass(end.since(self.now.at));
        Said(said)
    }

    pub(super) fn devices(&mut self, listener: &str, devices: u32) -> Said {
        self.send(Input::Reachable { listener: name(listener), devices })
    }

    pub(super) fn enqueue(&mut self, number: u64, code: &str) -> Said {
        self.send(Input::Enqueue(request(number, code)))
    }

    pub(super) fn outcome(&mut self, token: &Token, outcome: Outcome) -> Said {
        self.send(Input::Outcome { token: token.clone(), outcome })
    }

    pub(super) fn leave(&mut self, number: u64) -> Said {
        self.send(Input::Leave { call: call(number) })
    }

    pub(super) fn released(&mut self, token: &Token) -> Said {
        self.send(Input::Released { token: token.clone() })
    }
}

/// What the dispatcher said.
#[derive(Debug)]
pub(super) struct Said(pub Vec<Output>);

impl Said {
    /// Who is rung for whom.
    pub(super) fn rings(&self) -> Vec<(u64, &str)> {
        let rings = self.0.iter().filter_map(|output| match output {
            Output::Ring { token, .. } => Some((token.call.as_raw(), token.listener.as_str())),
            _ => None,
        });
        rings.collect()
    }

    /// The one ring that was asked for.
    pub(super) fn ring(&self) -> Token {
        let mut rings = self.0.iter().filter_map(|output| match output {
            Output::Ring { token, .. } => Some(token.clone()),
            _ => None,
        });
        let ring = rings.next().unwrap_or_else(|| panic!("nobody is rung: {:#?}", self.0));
        assert_eq!(rings.next(), None);
        ring
    }

    pub(super) fn exhausted(&self) -> Vec<(u64, u64, ExhaustedReason)> {
        let over = self.0.iter().filter_map(|output| match output {
            Output::Exhausted { call, waited, why } => Some((call.as_raw(), waited.as_secs(), *why)),
            _ => None,
        });
        over.collect()
    }

    pub(super) fn has(&self, wanted: &Output) -> bool {
        self.0.contains(wanted)
    }

    /// The first decision of that kind.
    pub(super) fn decision(&self, kind: impl Fn(&DecisionKind) -> bool) -> &Decision {
        let found = self.0.iter().find_map(|output| match output {
            Output::Decision(decision) if kind(&decision.kind) => Some(decision),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no such decision: {:#?}", self.0))
    }
}
