//! The ways to telephones behind a NAT are kept open from here: a datagram now and then, before the NAT forgets who may
//! send in. Half a minute is what many homes grant; phones that keep their flows themselves (RFC 5626) ask us by STUN.

use std::time::Duration;

use super::super::{Output, reading};
use super::{Alarm, Endpoint};

/// An empty line, which every SIP stack passes over (RFC 3261 §7.5).
const EMPTY: &[u8] = b"\r\n\r\n";
const BEAT: Duration = Duration::from_secs(1);

impl Endpoint {
    /// Somebody registered from behind a NAT.
    pub(super) fn watch_ways(&mut self) {
        let wanted = !self.core.config.nat_keep_alive.is_zero() && self.core.alarms.at(Alarm::KeepAlive).is_none();
        if wanted {
            self.core.alarm(Alarm::KeepAlive, BEAT);
        }
    }

    /// Each second a share of the phones has its turn, so that thousands are not sent to at once.
    pub(super) fn keep_ways_open(&mut self) {
        let beats = self.core.config.nat_keep_alive.as_secs().max(1);
        let beat = self.core.now.as_millis() / 1000 % beats;
        let mut any = false;
        for binding in self.registrar.all().filter(|binding| binding.behind_nat) {
            any = true;
            let share = reading::hash(&[binding.user.as_bytes(), binding.contact.reveal().as_bytes()]) % beats;
            if share == beat {
                self.core.out.push_back(Output::Transmit { flow: binding.flow, bytes: EMPTY.into() });
            }
        }
        if any {
            self.core.alarm(Alarm::KeepAlive, BEAT);
        }
    }
}
