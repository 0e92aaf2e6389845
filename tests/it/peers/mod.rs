//! The engine among real peers: SIPp, baresip, linphone, Kamailio, sipvicious, over every transport and over bad networks.
//! What counts is heard, not answered: each test listens to both ends.
//!
//! A test of more than twenty seconds is `#[ignore]`d and runs in `make soak`.

mod alone;
mod calls;
mod sipp;
mod voice;

use std::net::IpAddr;

use ecoute::node::{PhoneAction, PhoneEvent, SystemClock};

use crate::engine::{Engine, Setup, own_address};
use crate::softphones::Phone;
use sipp::Sipp;
use voice::Voice;

/// Leads every caller to a listener at once.
const PLAN: &str = include_str!("plan.toml");
/// What callers say, and what listeners say.
const CALLER_HZ: u16 = 1000;
const LISTENER_HZ: u16 = 440;

/// An engine that rings a listener at once, a clock, and the listener's softphone.
struct House {
    engine: Engine,
    isere: Phone,
    callers: IpAddr,
}

impl House {
    fn new(name: &str) -> House {
        House::with(name, |setup| setup)
    }

    fn with(name: &str, change: impl FnOnce(Setup) -> Setup) -> House {
        let engine = Engine::with(&format!("peers-{name}"), |setup| change(setup.plan(PLAN)));
        let isere = Phone::listener(&engine, SystemClock::start(), "isere", LISTENER_HZ);
        House { engine, isere, callers: own_address() }
    }

    /// SIPp calls after a scenario; the listener answers, and the two hear each other.
    fn joined(&mut self, scenario: &str) -> (Sipp, Voice) {
        let voice = Voice::start(self.callers, CALLER_HZ);
        let mut caller = Sipp::play(&self.engine, scenario, &voice, self.callers);
        self.isere.wait("the ring", |event| *event == PhoneEvent::Rings);
        self.isere.act(PhoneAction::Answer);
        self.isere.wait("the conversation", |event| *event == PhoneEvent::Connected);
        caller.wait("ANSWERED");
        voice.hear(LISTENER_HZ);
        self.isere.hear(CALLER_HZ);
        (caller, voice)
    }

    /// One call, ended so; and nothing is left of it.
    fn recorded(&self, by: &str, how: &str) {
        let record = self.engine.record(1);
        assert_eq!(
            (&record["termination"]["by"], &record["termination"]["how"]),
            (&by.into(), &how.into()),
            "{record:#}"
        );
        self.engine.quiet();
    }
}
