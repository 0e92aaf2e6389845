//! The library's own softphone on the network, waited for like a person waits for a telephone. Its events carry the time,
//! which is what the limits in milliseconds are measured with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::node::{PhoneAction, PhoneEvent, Softphone, SystemClock, id_source, softphone_settings, tone};

use crate::engine::{Engine, PASSWORD, SOON, own_address, pause};

/// A softphone and the clock of its test.
pub struct Phone {
    phone: Softphone,
    clock: SystemClock,
    name: String,
    seen: Vec<(Instant, PhoneEvent)>,
}

impl Phone {
    /// A caller whose network we trust; it speaks a tone.
    pub fn caller(engine: &Engine, clock: SystemClock, number: &str, hz: u16) -> Phone {
        Phone::start(engine.sip, clock, number, None, hz)
    }

    /// A listener who has registered; speaks a tone.
    pub fn listener(engine: &Engine, clock: SystemClock, account: &str, hz: u16) -> Phone {
        let mut phone = Phone::start(engine.sip, clock, account, Some(PASSWORD), hz);
        phone.act(PhoneAction::Register { expires_s: 300 });
        phone.wait("the registration", |event| *event == PhoneEvent::Registered);
        phone
    }

    /// A phone that does nothing by itself.
    pub fn start(server: SocketAddr, clock: SystemClock, user: &str, password: Option<&str>, hz: u16) -> Phone {
        let local = SocketAddr::new(own_address(), 0);
        let settings = softphone_settings(user, password, local, server, 30_000);
        let phone = Softphone::start(settings, clock, id_source().expect("chance")).expect("a softphone starts");
        phone.act(PhoneAction::Speak(Arc::new(tone(hz))));
        Phone { phone, clock, name: user.to_owned(), seen: Vec::new() }
    }

    /// Does something, and says when.
    pub fn act(&self, action: PhoneAction) -> Instant {
        let at = self.clock.at();
        self.phone.act(action);
        at
    }

    /// Waits for what has not been waited for before, and says when it was.
    pub fn wait(&mut self, what: &str, wanted: impl Fn(&PhoneEvent) -> bool) -> Instant {
        let until = self.clock.at() + SOON;
        loop {
            if let Some(nth) = self.seen.iter().position(|(_, event)| wanted(event)) {
                return self.seen.remove(nth).0;
            }
            let left = until.since(self.clock.at());
            match self.phone.events().recv_timeout(left) {
                Ok((_, PhoneEvent::Tone { share, .. })) if share < 0.5 => {}
                Ok(seen) => self.seen.push(seen),
                Err(_) => panic!("{}: not within {SOON:?}: {what}; only {:?}", self.name, self.seen),
            }
        }
    }

    /// Has this happened, and was not waited for?
    pub fn saw(&mut self, wanted: impl Fn(&PhoneEvent) -> bool) -> bool {
        self.seen.extend(self.phone.events().try_iter());
        self.seen.iter().any(|(_, event)| wanted(event))
    }

    /// Dials the helpline and waits until it has answered and is heard.
    pub fn dial(&mut self, number: &str) {
        self.act(PhoneAction::Dial { to: number.to_owned() });
        self.wait("the answer", |event| *event == PhoneEvent::Connected);
        self.wait("the first sound", |event| *event == PhoneEvent::Heard);
    }

    /// Keys the way through the shipped plan of an hour when somebody listens: one key past the welcome and the
    /// danger, one against the place guessed from the number, the postcode of Grenoble, confirmed.
    pub fn key_isere(&self) {
        for keys in ["2", "2", "38000", "1"] {
            self.act(PhoneAction::Press(keys.to_owned()));
            pause(Duration::from_millis(300 * keys.len() as u64 + 900));
        }
    }

    /// Waits for the ring, and takes the call after `ring`.
    pub fn answer_after(&mut self, ring: Duration) {
        self.wait("the ring", |event| *event == PhoneEvent::Rings);
        pause(ring);
        self.act(PhoneAction::Answer);
        self.wait("the conversation", |event| *event == PhoneEvent::Connected);
    }

    /// Waits until this tone is heard; what was heard before does not count.
    pub fn hear(&mut self, hz: u16) {
        self.phone.act(PhoneAction::Listen(vec![hz]));
        self.seen.retain(|(_, event)| !matches!(event, PhoneEvent::Tone { .. }));
        for _ in self.phone.events().try_iter().filter(|(_, event)| matches!(event, PhoneEvent::Tone { .. })) {}
        self.wait(&format!("{hz} Hz"), |event| matches!(event, PhoneEvent::Tone { hz: heard, .. } if *heard == hz));
    }

    /// Waits for the end of the call by the other side.
    pub fn wait_over(&mut self) -> Instant {
        self.wait("the end of the call", |event| *event == PhoneEvent::Over { by_peer: true })
    }
}

/// Joins a caller and a listener, each of whom hears the other.
pub fn join(caller: &mut Phone, caller_hz: u16, listener: &mut Phone, listener_hz: u16) {
    caller.dial("3977");
    caller.key_isere();
    listener.answer_after(Duration::from_millis(300));
    caller.hear(listener_hz);
    listener.hear(caller_hz);
}
