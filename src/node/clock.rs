//! The two clocks of the running program, read in this file alone.
#![expect(clippy::disallowed_methods, reason = "the shell's clock: everyone else is told the time")]

use crate::clock::{Civil, Instant, Now};

/// Monotonic time since the program began, and civil time.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    began: std::time::Instant,
}

impl SystemClock {
    /// Time begins.
    pub fn start() -> SystemClock {
        SystemClock { began: std::time::Instant::now() }
    }

    /// The monotonic clock.
    pub fn at(&self) -> Instant {
        let micros = std::time::Instant::now().saturating_duration_since(self.began).as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The wall clock.
    pub fn civil(&self) -> Civil {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Civil::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Both.
    pub fn now(&self) -> Now {
        Now { at: self.at(), civil: self.civil() }
    }
}

/// A local time such as `2026-11-25T10:00` in an IANA zone; `None` when either is not one.
pub fn moment_in_zone(text: &str, zone: &str) -> Option<Civil> {
    let local: jiff::civil::DateTime = text.parse().ok()?;
    let zone = jiff::tz::TimeZone::get(zone).ok()?;
    let moment = zone.to_ambiguous_timestamp(local).compatible().ok()?;
    Some(Civil::from_unix_millis(moment.as_millisecond()))
}
