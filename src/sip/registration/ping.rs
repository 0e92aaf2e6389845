//! The flow of a registration of ours, kept open: RFC 5626 §4.4. Over a connection an empty line is enough, and the
//! connection itself tells when it is gone. Over UDP a STUN request goes out, whose answer says under which address we are
//! seen; an address that changes, or silence, means that nobody reaches us any more, and we register anew.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::endpoint::{Alarm, Core};
use super::super::message::{HeaderName, Message};
use super::super::{Output, Transport, stun};
use super::Registration;

/// What goes on between two REGISTERs.
#[derive(Debug)]
pub(super) struct Ping {
    every: Duration,
    /// The STUN request on its way.
    transaction: Option<[u8; 12]>,
    /// Requests in a row without an answer.
    unanswered: u8,
    /// Our address as the registrar sees it.
    seen_as: Option<SocketAddr>,
}

/// As many requests may be lost.
const UNANSWERED_MAX: u8 = 2;
/// What a registrar may ask for (RFC 5626 §4.4.1 leaves it open).
const EVERY_S: std::ops::RangeInclusive<u32> = 10..=3600;
/// When it does not say (§4.4.1, §4.4.2).
const UDP_S: u32 = 29;
const CONNECTION_S: u32 = 120;

impl Ping {
    /// Takes an answer of ours; `Some(true)` when our address has changed.
    pub fn answered(&mut self, bytes: &[u8]) -> Option<bool> {
        let seen_as = stun::mapped(bytes, self.transaction?)?;
        self.transaction = None;
        self.unanswered = 0;
        Some(self.seen_as.replace(seen_as).is_some_and(|before| before != seen_as))
    }
}

impl Registration {
    /// The registrar accepted: does it want the flow kept, and how often are we to say that we are there?
    pub(super) fn keep_flow(&mut self, core: &mut Core, message: &Message<'_>) {
        let asked =
            message.header(HeaderName::FlowTimer).and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        let usual = match self.register.registrar.transport {
            Transport::Udp => UDP_S,
            _ => CONNECTION_S,
        };
        let keeps = message.require().any(|tag| tag.eq_ignore_ascii_case(b"outbound"));
        let Some(seconds) = asked.or(keeps.then_some(usual)) else {
            self.ping = None;
            return core.alarms.stop(Alarm::Ping(self.register.account));
        };
        let every = Duration::from_secs(u32::clamp(seconds, *EVERY_S.start(), *EVERY_S.end()).into());
        let seen_as = self.ping.take().and_then(|ping| ping.seen_as);
        self.ping = Some(Ping { every, transaction: None, unanswered: 0, seen_as });
        self.next_ping(core);
    }

    /// Says that we are there; false when nobody has answered for too long.
    pub(super) fn ping(&mut self, core: &mut Core) -> bool {
        let flow = self.register.registrar;
        let Some(ping) = &mut self.ping else { return true };
        if flow.transport == Transport::Udp {
            if ping.transaction.is_some() {
                ping.unanswered += 1;
            }
            if ping.unanswered > UNANSWERED_MAX {
                return false;
            }
            let transaction: [u8; 12] = std::array::from_fn(|_| core.ids.below(256) as u8);
            ping.transaction = Some(transaction);
            core.out.push_back(Output::Transmit { flow, bytes: stun::request(transaction).into() });
        } else {
            core.out.push_back(Output::Transmit { flow, bytes: (*b"\r\n\r\n").into() });
        }
        self.next_ping(core);
        true
    }

    /// Between four fifths of the time and the whole of it, by chance (§4.4.1).
    fn next_ping(&self, core: &mut Core) {
        if let Some(ping) = &self.ping {
            let most = ping.every.as_millis() as u64;
            let after = most - core.ids.below(most / 5 + 1);
            core.alarm(Alarm::Ping(self.register.account), Duration::from_millis(after));
        }
    }
}
