//! What counts against a sender, and how much.
//!
//! Points run off by themselves, one each ten seconds, so that a telephone with an old password that tries once a minute is
//! never taken for an attacker. Twenty points at once are silence. What a whole centre does when the engine comes back (fifty
//! telephones ask at once, and each is challenged before the first has proved anything) weighs only once it has gone on for
//! ten seconds without one right password.

use std::time::Duration;

use crate::clock::Instant;

/// Something a stranger did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sip) enum Offence {
    /// It says itself that it is a scanner.
    Scanner,
    /// A digest that is not right, over a nonce that was given to this very source.
    WrongPassword,
    /// Neither SIP nor a keep-alive, or SIP that breaks the grammar.
    Malformed,
    /// It asked to register or call and was challenged; the number tells one name from another.
    Asked(u64),
    /// Any other request out of dialog, or an answer to nothing.
    Unsolicited,
}

/// Why a source is answered with silence: the label of the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BanReason {
    /// It calls itself a scanner.
    Scanner,
    /// Wrong passwords.
    WrongPassword,
    /// What is no SIP.
    Malformed,
    /// It asked for many names, and proved none.
    ManyNames,
    /// Requests that lead nowhere.
    Unsolicited,
    /// The staff's word.
    Staff,
}

/// The points at which a source is banned.
pub(super) const BAN_AT: u32 = 20;
/// The time in which one point is forgotten.
pub(super) const POINT: Duration = Duration::from_secs(10);
/// How long it may go on asking, without one right password, before its questions weigh.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

impl Offence {
    fn points(self, same_name: bool) -> u32 {
        match self {
            Offence::Scanner => BAN_AT,
            Offence::WrongPassword => 3,
            Offence::Malformed => 2,
            Offence::Asked(_) if !same_name => 2,
            Offence::Asked(_) | Offence::Unsolicited => 1,
        }
    }

    /// Might honest telephones do it, many at once?
    fn is_innocent_at_first(self) -> bool {
        matches!(self, Offence::Asked(_) | Offence::Unsolicited)
    }

    fn reason(self) -> BanReason {
        match self {
            Offence::Scanner => BanReason::Scanner,
            Offence::WrongPassword => BanReason::WrongPassword,
            Offence::Malformed => BanReason::Malformed,
            Offence::Asked(_) => BanReason::ManyNames,
            Offence::Unsolicited => BanReason::Unsolicited,
        }
    }
}

/// The points of one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Score {
    /// When the last point will be forgotten.
    clean_at: Instant,
    /// Since when there have been points.
    since: Instant,
    /// The name asked for last.
    name: Option<u64>,
}

impl Score {
    /// Counts an offence; says why the source is to be banned, if it is.
    pub fn count(&mut self, now: Instant, offence: Offence) -> Option<BanReason> {
        if self.clean_at <= now {
            *self = Score { clean_at: now, since: now, name: None };
        }
        let same_name = matches!(offence, Offence::Asked(name) if self.name.is_none_or(|last| last == name));
        if let Offence::Asked(name) = offence {
            self.name = Some(name);
        }
        // Twice the limit is deep enough: whoever goes on is banned anyway.
        let deepest = now + POINT * (2 * BAN_AT);
        self.clean_at = (self.clean_at + POINT * offence.points(same_name)).min(deepest);
        let due = self.clean_at.since(now) >= POINT * BAN_AT;
        let waited = now.since(self.since) >= PATIENCE;
        (due && (waited || !offence.is_innocent_at_first())).then(|| offence.reason())
    }
}

/// Words by which scanners present themselves in User-Agent, in lower case.
const SCANNERS: [&[u8]; 10] = [
    b"friendly-scanner",
    b"sipvicious",
    b"sip-scan",
    b"sipscan",
    b"sipcli",
    b"sundayddr",
    b"vaxsipuseragent",
    b"iwar",
    b"smap",
    b"pplsip",
];
/// The part of User-Agent that is looked at.
const AGENT_BYTES: usize = 64;

/// Does this User-Agent name a scanner?
pub(in crate::sip) fn is_scanner(agent: &[u8]) -> bool {
    let shown = agent[..agent.len().min(AGENT_BYTES)].to_ascii_lowercase();
    SCANNERS.iter().any(|name| shown.windows(name.len()).any(|words| words == *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(1_000_000 + seconds * 1000)
    }

    /// The edge of each offence: how many at once are let pass before silence.
    #[test]
    fn b144_p182_a_few_tries_and_then_silence() {
        let tries = |offence: fn(u64) -> Offence, apart_s: u64| {
            let mut score = Score::default();
            (1..500).find(|n| score.count(at(n * apart_s), offence(*n)).is_some())
        };
        assert_eq!(tries(|_| Offence::Scanner, 0), Some(1));
        assert_eq!(tries(|_| Offence::WrongPassword, 0), Some(7));
        assert_eq!(tries(|_| Offence::Malformed, 0), Some(10));
        assert_eq!(tries(|_| Offence::WrongPassword, 60), None, "a telephone with an old password");
        assert_eq!(tries(|_| Offence::Unsolicited, 15), None, "somebody's monitoring");
        assert_eq!(tries(Offence::Asked, 0), None, "a whole centre at once");
        assert_eq!(tries(Offence::Asked, 1), Some(11), "and many names one after the other");
    }

    /// The names of scanners are found wherever they stand, in either case; telephones are none.
    #[test]
    fn p182_scanners_by_name() {
        for agent in ["friendly-scanner", "SIPVicious 0.3", "eyeBeam (sipcli/v1.8)", "VaxSIPUserAgent/3.1"] {
            assert!(is_scanner(agent.as_bytes()), "{agent}");
        }
        for agent in ["", "Linphone/5.2", "baresip v3.16", "Yealink SIP-T46U 108.86.0.20", "Asterisk PBX 20.5"] {
            assert!(!is_scanner(agent.as_bytes()), "{agent}");
        }
    }
}
