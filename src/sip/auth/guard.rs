//! The server side: asking, and judging the answer.
//!
//! A nonce is the time of its making under a keyed hash, so asking costs no memory. Only a nonce that was *used* rightly
//! is remembered, with its highest count, until it is too old to be used anyway: a copied Authorization is worth nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::super::message::Digest;
use super::Accounts;
use super::digest::{self, Algorithm, Asked, equal_in_constant_time, hex, quoted};
use crate::clock::Instant;
use crate::ids::IdSource;

/// What an Authorization is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sip) enum Verdict {
    /// It is this user (in lower case).
    Proved(String),
    /// Nothing usable was shown: ask.
    Ask,
    /// Right secret, but the nonce is too old or was used before: ask again, `stale=true`.
    Stale,
    /// Unknown user or wrong secret; nobody can tell which.
    Wrong,
    /// Its `uri` is not the Request-URI: 400.
    OtherUri,
}

/// What a challenge depends on, besides the time.
#[derive(Clone, Copy, Debug)]
pub(in crate::sip) struct Asking {
    /// The secret was right, and only the nonce too old.
    pub stale: bool,
    /// May SHA-256 be offered?
    pub sha256: bool,
    /// What tells one request from another.
    pub about: u64,
}

/// Nonces and the sources that fail too often.
#[derive(Clone, Debug)]
pub(in crate::sip) struct Guard {
    realm: String,
    key: [u8; 32],
    lifetime: Duration,
    used: BTreeMap<Nonce, u32>,
    oldest_allowed: Instant,
    failures: BTreeMap<IpAddr, Failures>,
    failures_max: u32,
    penalty: Duration,
}

type Nonce = (Instant, [u8; 16]);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

/// How long a nonce's time stands still, so that a repeated request meets the same challenge.
const NONCE_STEP_US: u64 = 8_000_000;
/// The longest nonce looked at; no challenge of ours is longer.
pub(in crate::sip) const VALUE_BYTES_MAX: usize = 512;
/// How many used nonces are remembered.
pub(in crate::sip) const USED_NONCES_MAX: usize = 20_000;
const FAILING_SOURCES_MAX: usize = 4_096;

impl Guard {
    /// A guard with a key of its own.
    pub fn new(realm: &str, lifetime: Duration, failures_max: u32, penalty: Duration, ids: &mut IdSource) -> Guard {
        let mut key = [0; 32];
        for chunk in key.chunks_exact_mut(8) {
            chunk.copy_from_slice(&ids.next_u64().to_be_bytes());
        }
        Guard {
            realm: realm.to_owned(),
            key,
            lifetime,
            used: BTreeMap::new(),
            oldest_allowed: Instant::ZERO,
            failures: BTreeMap::new(),
            failures_max,
            penalty,
        }
    }

    /// The values of WWW-Authenticate, strongest first. Nothing is kept, and yet the copy of a request that was
    /// lost on its way meets the same challenge.
    pub fn challenges(&self, now: Instant, accounts: &Accounts, asked: Asking) -> Vec<String> {
        let Asking { stale, sha256, about } = asked;
        let mut algorithms = vec![Algorithm::Md5];
        if sha256 && accounts.offers_sha256() {
            algorithms.insert(0, Algorithm::Sha256);
        }
        let nonce = self.make_nonce(now, about);
        let stale = if stale { ", stale=true" } else { "" };
        let realm = quoted(&self.realm);
        let one = |algorithm: Algorithm| {
            format!("Digest realm={realm}, nonce=\"{nonce}\", qop=\"auth\", algorithm={}{stale}", algorithm.name())
        };
        algorithms.into_iter().map(one).collect()
    }

    /// Judges the values of Authorization. `uri_fits` says whether a `uri` parameter means the Request-URI.
    pub fn judge<'a>(
        &mut self,
        now: Instant,
        accounts: &Accounts,
        method: &str,
        shown: impl Iterator<Item = Digest<'a>>,
        uri_fits: impl Fn(&[u8]) -> bool,
    ) -> Verdict {
        let realm = self.realm.as_bytes();
        let mut ours = shown.filter(|digest| digest.realm == realm && digest.nonce.len() <= VALUE_BYTES_MAX);
        let Some(found) = ours.next() else { return Verdict::Ask };
        let (Some(b"auth"), Some(nc), Some(cnonce)) = (found.qop, found.nc, found.cnonce) else { return Verdict::Ask };
        let (Some(algorithm), Some(count), Ok(user)) =
            (Algorithm::from_name(found.algorithm), found.nonce_count(), std::str::from_utf8(found.username))
        else {
            return Verdict::Ask;
        };
        // An unknown user costs the same arithmetic as a known one.
        let known = accounts.secret(user).and_then(|secret| secret.ha1(algorithm, found.username, realm));
        let ha1 = known.clone().unwrap_or_else(|| digest::ha1(algorithm, found.username, realm, b"nobody"));
        let asked = Asked { method: method.as_bytes(), uri: found.uri, nonce: found.nonce, qop: Some((nc, cnonce)) };
        let expected = digest::response(algorithm, &ha1, &asked);
        let right = equal_in_constant_time(expected.as_bytes(), &found.response.to_ascii_lowercase());
        if !right || known.is_none() {
            return Verdict::Wrong;
        }
        if !uri_fits(found.uri) {
            return Verdict::OtherUri;
        }
        let nonce = std::str::from_utf8(found.nonce).unwrap_or_default();
        if self.use_nonce(now, nonce, count) { Verdict::Proved(user.to_ascii_lowercase()) } else { Verdict::Stale }
    }

    /// Is this source ignored at the moment?
    pub fn is_throttled(&self, now: Instant, source: IpAddr) -> bool {
        self.failures.get(&source).is_some_and(|f| f.count >= self.failures_max && now.since(f.last) < self.penalty)
    }

    /// A source failed; says whether it is ignored from now on. Failures are forgotten after the penalty time.
    pub fn note_failure(&mut self, now: Instant, source: IpAddr) -> bool {
        if self.failures.len() >= FAILING_SOURCES_MAX && !self.failures.contains_key(&source) {
            let penalty = self.penalty;
            self.failures.retain(|_, f| now.since(f.last) < penalty);
            if self.failures.len() >= FAILING_SOURCES_MAX {
                self.failures.pop_first();
            }
        }
        let entry = self.failures.entry(source).or_insert(Failures { count: 0, last: now });
        if now.since(entry.last) >= self.penalty {
            entry.count = 0;
        }
        entry.count = entry.count.saturating_add(1);
        entry.last = now;
        entry.count >= self.failures_max
    }

    /// A source succeeded; its earlier failures were slips.
    pub fn note_success(&mut self, source: IpAddr) {
        self.failures.remove(&source);
    }

    fn make_nonce(&self, now: Instant, about: u64) -> String {
        let time = (now.as_micros() / NONCE_STEP_US * NONCE_STEP_US).to_be_bytes();
        let salt = (about ^ about >> 32).to_be_bytes();
        format!("{}{}{}", hex(&time), hex(&salt), hex(&self.seal(&time, &salt)))
    }

    fn seal(&self, time: &[u8], salt: &[u8]) -> [u8; 16] {
        // The key stands before and after, so that nothing can be appended.
        let full = Sha256::new().chain_update(self.key).chain_update(time).chain_update(salt).chain_update(self.key);
        let mut cut = [0; 16];
        cut.copy_from_slice(&full.finalize()[..16]);
        cut
    }

    fn read_nonce(&self, nonce: &str) -> Option<Nonce> {
        if nonce.len() != 64 || !nonce.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let time = u64::from_str_radix(nonce.get(..16)?, 16).ok()?;
        let salt = u64::from_str_radix(nonce.get(16..32)?, 16).ok()?;
        let seal = self.seal(&time.to_be_bytes(), &salt.to_be_bytes());
        let genuine = equal_in_constant_time(hex(&seal).as_bytes(), nonce.get(32..)?.as_bytes());
        genuine.then_some((Instant::from_micros(time), seal))
    }

    /// Uses a nonce at `count`; false when it is not ours, too old, or was used at this count or a higher one.
    fn use_nonce(&mut self, now: Instant, nonce: &str, count: u32) -> bool {
        let Some(nonce) = self.read_nonce(nonce) else { return false };
        let horizon = now - self.lifetime;
        if nonce.0 < horizon || nonce.0 < self.oldest_allowed || count == 0 {
            return false;
        }
        // What is too old can not be used again anyway.
        self.used = self.used.split_off(&(horizon, [0; 16]));
        if self.used.len() >= USED_NONCES_MAX
            && !self.used.contains_key(&nonce)
            && let Some(((made, _), _)) = self.used.pop_first()
        {
            self.oldest_allowed = made + Duration::from_micros(1);
            if nonce.0 < self.oldest_allowed {
                return false;
            }
        }
        let highest = self.used.entry(nonce).or_insert(0);
        if count <= *highest {
            return false;
        }
        *highest = count;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::message;
    use super::super::{Challenge, Credentials, Secret, answer};
    use super::*;

    fn choose(values: &[String]) -> Challenge {
        let challenges = values.iter().filter_map(|value| message::Challenge::parse(value.as_bytes()));
        Challenge::choose(challenges).expect("one we understand")
    }

    struct Scene {
        guard: Guard,
        accounts: Accounts,
        ids: IdSource,
        now: Instant,
    }

    fn scene() -> Scene {
        let mut ids = IdSource::from_number(7);
        let guard = Guard::new("écoute", Duration::from_secs(300), 3, Duration::from_secs(60), &mut ids);
        let mut accounts = Accounts::none();
        accounts.insert("Bob", Secret::password("zanzibar"));
        Scene { guard, accounts, ids, now: Instant::from_millis(1000) }
    }

    impl Scene {
        fn ask(&self, stale: bool, about: u64) -> Vec<String> {
            self.guard.challenges(self.now, &self.accounts, Asking { stale, sha256: true, about })
        }

        fn challenge(&mut self) -> Challenge {
            let about = self.ids.next_u64();
            let values = self.ask(false, about);
            choose(&values)
        }

        fn judge(&mut self, value: &str) -> Verdict {
            let shown = Digest::parse(value.as_bytes());
            self.guard.judge(self.now, &self.accounts, "REGISTER", shown.into_iter(), |uri| uri == b"sip:r")
        }

        fn answer(&mut self, challenge: &mut Challenge, user: &str, password: &str) -> String {
            let who = Credentials::new(user, password);
            answer(challenge, &who, "REGISTER", "sip:r", &mut self.ids).expect("a password fits all")
        }
    }

    /// A copy of a request meets the same challenge, another request another one.
    #[test]
    fn same_request_same_challenge() {
        let mut s = scene();
        let first = s.ask(false, 7);
        s.now += Duration::from_millis(500);
        assert_eq!(s.ask(false, 7), first);
        assert_ne!(s.ask(false, 8), first);
    }

    /// The right answer is accepted once per count; the same bytes again are stale, never accepted; the next count is.
    #[test]
    fn replay_is_stale() {
        let mut s = scene();
        let mut challenge = s.challenge();
        let first = s.answer(&mut challenge, "bob", "zanzibar");
        assert_eq!(s.judge(&first), Verdict::Proved("bob".into()));
        assert_eq!(s.judge(&first), Verdict::Stale);
        s.now += Duration::from_secs(30);
        let second = s.answer(&mut challenge, "bob", "zanzibar");
        assert_eq!(s.judge(&second), Verdict::Proved("bob".into()));
        s.now += Duration::from_secs(300);
        let third = s.answer(&mut challenge, "bob", "zanzibar");
        assert_eq!(s.judge(&third), Verdict::Stale, "too old");
        assert!(s.guard.used.len() <= 1);
    }

    /// A wrong password and an unknown user look the same; another realm, scheme or no qop is as if nothing were shown.
    #[test]
    fn wrong_is_wrong() {
        let mut s = scene();
        let mut challenge = s.challenge();
        for (user, password) in [("bob", "wrong"), ("eve", "zanzibar"), ("eve", "nobody")] {
            let value = s.answer(&mut challenge, user, password);
            assert_eq!(s.judge(&value), Verdict::Wrong, "{user}");
        }
        let good = s.answer(&mut challenge, "bob", "zanzibar");
        assert_eq!(s.judge(&good.replace("realm=\"écoute\"", "realm=\"other\"")), Verdict::Ask);
        assert_eq!(s.judge(&good.replace(", qop=auth", "")), Verdict::Ask);
        assert_eq!(s.judge("Basic Ym9iOnphbnppYmFy"), Verdict::Ask);
        assert_eq!(s.judge(&good.replace("nc=0", "nc=z")), Verdict::Ask);
    }

    /// A nonce nobody made here (an earlier run, a forger) is stale when the secret is right, wrong when it is not.
    #[test]
    fn strange_nonce() {
        let mut s = scene();
        let mut challenge = choose(&["Digest realm=\"écoute\", nonce=\"abc\", qop=\"auth\", algorithm=MD5".to_owned()]);
        let good = s.answer(&mut challenge, "bob", "zanzibar");
        assert_eq!(s.judge(&good), Verdict::Stale);
        let bad = s.answer(&mut challenge, "bob", "wrong");
        assert_eq!(s.judge(&bad), Verdict::Wrong);
    }

    /// Another `uri` than the Request-URI is not accepted, even with the right secret.
    #[test]
    fn other_uri() {
        let mut s = scene();
        let mut challenge = s.challenge();
        let who = Credentials::new("bob", "zanzibar");
        let value = answer(&mut challenge, &who, "REGISTER", "sip:elsewhere", &mut s.ids).expect("fits");
        assert_eq!(s.judge(&value), Verdict::OtherUri);
    }

    /// As many used nonces are remembered as the limit says; one more makes the oldest worth nothing, and no other.
    #[test]
    fn b016_as_many_nonces_as_are_remembered() {
        let mut s = scene();
        let mut first = s.challenge();
        let value = s.answer(&mut first, "bob", "zanzibar");
        assert_eq!(s.judge(&value), Verdict::Proved("bob".into()));
        s.now += Duration::from_secs(20);
        let mut last = s.challenge();
        for nth in 1..USED_NONCES_MAX {
            s.now += Duration::from_millis(10);
            last = s.challenge();
            let value = s.answer(&mut last, "bob", "zanzibar");
            assert_eq!(s.judge(&value), Verdict::Proved("bob".into()), "{nth}");
        }
        assert_eq!(s.guard.used.len(), USED_NONCES_MAX);
        let value = s.answer(&mut first, "bob", "zanzibar");
        assert_eq!(s.judge(&value), Verdict::Proved("bob".into()), "the oldest is remembered");
        let mut more = s.challenge();
        let value = s.answer(&mut more, "bob", "zanzibar");
        assert_eq!(s.judge(&value), Verdict::Proved("bob".into()));
        assert_eq!(s.guard.used.len(), USED_NONCES_MAX);
        let value = s.answer(&mut first, "bob", "zanzibar");
        assert_eq!(s.judge(&value), Verdict::Stale, "one more pushed it out");
        let value = s.answer(&mut last, "bob", "zanzibar");
        assert_eq!(s.judge(&value), Verdict::Proved("bob".into()));
    }

    /// A nonce of the longest length is looked at, a longer one is as if nothing were shown.
    #[test]
    fn b016_as_long_a_nonce_as_is_looked_at() {
        let mut s = scene();
        let with = |length: usize| {
            let nonce = "n".repeat(length);
            format!(
                "Digest username=\"bob\", realm=\"écoute\", nonce=\"{nonce}\", uri=\"sip:r\", response=\"0\", qop=auth, \
                 nc=00000001, cnonce=\"c\""
            )
        };
        assert_ne!(s.judge(&with(VALUE_BYTES_MAX)), Verdict::Ask);
        assert_eq!(s.judge(&with(VALUE_BYTES_MAX + 1)), Verdict::Ask);
    }

    /// SHA-256 is offered first, and not at all when one account knows only its MD5 hash; hashes alone suffice.
    #[test]
    fn what_is_offered() {
        let mut s = scene();
        let both = s.ask(true, 1);
        assert_eq!(both.len(), 2);
        assert!(both[0].contains("SHA-256") && both[0].ends_with("stale=true"), "{both:?}");
        let md5 = digest::ha1(Algorithm::Md5, b"old", "écoute".as_bytes(), b"phone");
        s.accounts.insert("old", Secret::hashes(Some(md5.to_uppercase()), None));
        let mut challenge = s.challenge();
        assert_eq!(s.ask(false, 2).len(), 1);
        let good = s.answer(&mut challenge, "old", "phone");
        assert_eq!(s.judge(&good), Verdict::Proved("old".into()));
    }

    /// A source that keeps failing is ignored for the penalty time, others are not, and a success wipes the slate.
    #[test]
    fn throttling() {
        let mut s = scene();
        let source: IpAddr = "192.0.2.66".parse().expect("ip");
        let other: IpAddr = "192.0.2.67".parse().expect("ip");
        let verdicts: Vec<bool> = (0..3).map(|_| s.guard.note_failure(s.now, source)).collect();
        assert_eq!(verdicts, [false, false, true]);
        assert!(s.guard.is_throttled(s.now, source));
        assert!(!s.guard.is_throttled(s.now, other));
        s.now += Duration::from_secs(61);
        assert!(!s.guard.is_throttled(s.now, source));
        assert!(!s.guard.note_failure(s.now, source));
        s.guard.note_success(source);
        assert!(s.guard.failures.is_empty());
        for n in 0..10_000u32 {
            s.guard.note_failure(s.now, IpAddr::V4(n.into()));
        }
        assert!(s.guard.failures.len() <= FAILING_SOURCES_MAX);
    }
}
