//! The names of things, and the one type that must never be printed.
//!
//! Identifiers are small copies, ordered (so that maps keep an order and a seed replays), and made from one
//! [`IdSource`], so that a whole run can be repeated from its seed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// One caller's passage through the helpline, from INVITE to record. Unique over restarts: milliseconds of civil time
/// above, chance below; written as 13 letters of Crockford's base 32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u64);

impl CallId {
    /// A call identifier from its raw form.
    pub const fn from_raw(raw: u64) -> CallId {
        CallId(raw)
    }

    /// The raw form, for storage.
    pub const fn as_raw(self) -> u64 {
        self.0
    }
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in (0..13).rev() {
            let letter = CROCKFORD[(self.0 >> (place * 5)) as usize & 31];
            fmt::Write::write_char(f, letter as char)?;
        }
        Ok(())
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({self})")
    }
}

/// What was written is not a call identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a call identifier: 13 letters or digits are expected, as printed by `ecoute`")]
pub struct BadCallId;

impl FromStr for CallId {
    type Err = BadCallId;
    fn from_str(text: &str) -> Result<CallId, BadCallId> {
        if text.len() != 13 {
            return Err(BadCallId);
        }
        let mut raw: u128 = 0;
        for letter in text.bytes() {
            let upper = letter.to_ascii_uppercase();
            let value = CROCKFORD.iter().position(|c| *c == upper).ok_or(BadCallId)?;
            raw = raw << 5 | value as u128;
        }
        u64::try_from(raw).map(CallId).map_err(|_| BadCallId)
    }
}

impl Serialize for CallId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<CallId, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One leg of a call, and its media stream: the caller is leg 0, each device rung takes the next number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LegId {
    /// The call the leg belongs to.
    pub call: CallId,
    /// 0 for the caller, then counting up; never used twice within a call.
    pub nth: u16,
}

impl LegId {
    /// The caller's leg of `call`.
    pub const fn caller(call: CallId) -> LegId {
        LegId { call, nth: 0 }
    }

    /// Is this the caller's leg?
    pub const fn is_caller(self) -> bool {
        self.nth == 0
    }
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.call, self.nth)
    }
}

impl fmt::Debug for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Leg({self})")
    }
}

/// A listener's account name: the user part of his SIP address, lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ListenerId(Arc<str>);

impl ListenerId {
    /// The account `name`, folded to lower case.
    pub fn new(name: &str) -> ListenerId {
        ListenerId(name.to_ascii_lowercase().into())
    }

    /// The account name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ListenerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ListenerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListenerId({})", self.0)
    }
}

/// A telephone number in E.164 form (`+` and up to 15 digits), and a secret: it cannot be printed, and serialises to
/// nothing. [`PhoneNumber::reveal`] is the one way out, and every use of that word can be found by searching for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(Box<str>);

impl PhoneNumber {
    /// Takes `+` followed by 3 to 15 digits; anything else is not a number.
    pub fn from_e164(text: &str) -> Option<PhoneNumber> {
        let digits = text.strip_prefix('+')?;
        let sound = (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        sound.then(|| PhoneNumber(text.into()))
    }

    /// The digits, for dialling and matching only. Never for a log, a label, a trace or a page.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(hidden)")
    }
}

/// The one source of chance: branches, tags, nonces, stream sources. The shell seeds it from the system, the simulator
/// from its seed. ChaCha8, so that what one peer sees does not tell what another will.
#[derive(Clone, Debug)]
pub struct IdSource(ChaCha8Rng);

impl IdSource {
    /// From 32 bytes of the system's randomness.
    pub fn from_seed(seed: [u8; 32]) -> IdSource {
        IdSource(ChaCha8Rng::from_seed(seed))
    }

    /// From a number, for tests and the simulator.
    pub fn from_number(seed: u64) -> IdSource {
        IdSource(ChaCha8Rng::seed_from_u64(seed))
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A number below `bound` (0 when `bound` is 0). The bias is below 2⁻³² for the small bounds used here.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next_u64() % bound }
    }

    /// `bytes` random bytes as lower-case hexadecimal.
    pub fn hex(&mut self, bytes: usize) -> String {
        let mut out = String::with_capacity(bytes * 2);
        for _ in 0..bytes {
            let byte = self.next_u32() as u8;
            out.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            out.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        out
    }

    /// A new independent source, so that two rooms do not draw from one.
    pub fn fork(&mut self) -> IdSource {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        IdSource::from_seed(seed)
    }

    /// A call identifier for a call that begins at `civil`.
    pub fn call_id(&mut self, civil: crate::clock::Civil) -> CallId {
        let millis = civil.as_unix_millis().max(0) as u64;
        CallId((millis & ((1 << 42) - 1)) << 22 | (self.next_u64() & ((1 << 22) - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call identifier survives being written and read.
    #[test]
    fn call_id_round_trip() {
        for raw in [0, 1, u64::MAX, 0x1234_5678_9abc_def0] {
            let id = CallId::from_raw(raw);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert_eq!("ZZZZZZZZZZZZZ".parse::<CallId>(), Err(BadCallId));
    }

    /// No formatting of a number shows a digit of it.
    #[test]
    fn a_number_cannot_be_printed() {
        let number = PhoneNumber::from_e164("+33476000102").expect("a sound number");
        let shown = format!("{number:?} {number:#?}");
        assert!(!shown.bytes().any(|b| b.is_ascii_digit()), "{shown}");
    }
}
