//! The engine among peers that carriers test with: one call at a time, with something awkward in its midst. What counts is
//! heard, not answered: each test listens to both ends.

mod alone;
mod calls;
mod cancels;
mod certificate;
mod connections;
pub mod crowd;
mod duties;
mod ipv6;
mod kamailio;
mod lossy;
mod phones;
mod proxied;
mod registrar;
mod restart;
pub mod sipp;
mod voice;

use std::net::{IpAddr, SocketAddr};

use ecoute::node::{PhoneAction, PhoneEvent, SystemClock};
use md5::Digest as _;

use crate::engine::{Engine, PASSWORD, Setup, own_address, wait_until};
use crate::softphones::Phone;
use sipp::{Play, Sipp};
use voice::Voice;

/// Leads every caller to a listener at once.
const PLAN: &str = include_str!("plan.toml");
/// What callers say, and what listeners say.
const CALLER_HZ: u16 = 1000;
const LISTENER_HZ: u16 = 440;

/// An engine that rings the listener `isere` at once, and addresses for those who call and those who listen.
pub struct House {
    pub engine: Engine,
    pub callers: IpAddr,
    pub listeners: IpAddr,
}

impl House {
    pub fn new(name: &str) -> House {
        House::with(name, |setup| setup)
    }

    pub fn with(name: &str, change: impl FnOnce(Setup) -> Setup) -> House {
        let plan = |setup: Setup| setup.plan(PLAN).listeners(&accounts(&["isere"]));
        let engine = Engine::with(&format!("peers-{name}"), |setup| change(plan(setup)));
        House { engine, callers: own_address(), listeners: own_address() }
    }

    /// The listener's telephone, as a softphone of ours that has registered.
    fn phone(&self) -> Phone {
        Phone::listener(&self.engine, SystemClock::start(), "isere", LISTENER_HZ)
    }

    /// A caller of SIPp's, and her sound.
    fn caller(&self, scenario: &str) -> (Sipp, Voice) {
        let voice = Voice::start(self.callers, CALLER_HZ);
        (Sipp::play(&self.engine, scenario, &voice, self.callers), voice)
    }

    /// The listener's telephone as SIPp plays it, registered, and its sound.
    fn listener(&self, scenario: &str) -> (Sipp, Voice) {
        let voice = Voice::start(self.listeners, LISTENER_HZ);
        let before = self.engine.metric("ecoute_bindings");
        let mut register = Sipp::play(&self.engine, "register", &voice, self.listeners);
        register.finish();
        wait_until("the listener is registered", crate::engine::SOON, || {
            self.engine.metric("ecoute_bindings") > before
        });
        let local: SocketAddr = register.local();
        let play = Play {
            scenario,
            ip: local.ip(),
            port: local.port(),
            server: self.engine.sip,
            sound: voice.port(),
            transport: "u1",
            more: &[],
        };
        let phone = Sipp::start(&self.engine.dir, &play);
        wait_until("the listener's telephone is on", crate::engine::SOON, || sipp::is_taken(local));
        (phone, voice)
    }

    /// SIPp calls after a scenario; the listener answers, and the two hear each other.
    fn joined(&self, scenario: &str, isere: &mut Phone) -> (Sipp, Voice) {
        let (mut caller, voice) = self.caller(scenario);
        isere.wait("the ring", |event| *event == PhoneEvent::Rings);
        isere.act(PhoneAction::Answer);
        isere.wait("the conversation", |event| *event == PhoneEvent::Connected);
        caller.wait("ANSWERED");
        voice.hear(LISTENER_HZ);
        isere.hear(CALLER_HZ);
        (caller, voice)
    }

    /// One call, whose caller hung up while it rang: no conversation, the ring withdrawn, nothing left of it.
    fn abandoned(&self) {
        let record = self.engine.record(1);
        let outcome = &record["attempts"][0]["outcome"];
        assert_eq!((outcome.as_str(), record["bridged_ms"].as_u64()), (Some("withdrawn"), None), "{record:#}");
        self.recorded("caller", "hung_up");
    }

    /// One call, ended so; and nothing is left of it.
    fn recorded(&self, by: &str, how: &str) {
        let record = self.engine.record(1);
        let ended = &record["termination"];
        assert_eq!((ended["by"].as_str(), ended["how"].as_str()), (Some(by), Some(how)), "{record:#}");
        self.engine.quiet();
    }
}

/// A listeners' file whose accounts know their password as SIPp can show it: as an MD5 digest.
pub fn accounts(names: &[&str]) -> String {
    let mut text = "timezone = \"Europe/Paris\"\n\n[centre.c]\nname = \"Centre\"\ndepartments = [\"38\"]\n".to_owned();
    for account in names {
        let digest = md5::Md5::digest(format!("{account}:ecoute:{PASSWORD}"));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("\n[listener.{account}]\nname = \"{account}\"\ncentre = \"c\"\ncharter = true\n");
        text += &format!("ha1_md5 = \"{digest}\"\n");
    }
    text
}
