//! The server side: asking, and judging the answer.
//!
//! A nonce is the time of its making and the address it was given to, under a keyed hash, so asking costs next to no memory.
//! Only a nonce that was *used* rightly is remembered, with its highest count, until it is too old to be used anyway: a copied
//! Authorization is worth nothing.
//!
//! **A digest over a nonce that was not given to this very source is not judged at all**: the answer is a new challenge,
//! `stale=true`, whatever the digest. So nobody can guess from a forged address, nor read from our answer whether a guess
//! over a made-up nonce was right; and a telephone that comes back after we were restarted, or from another network, goes on
//! by itself. No such thing counts as a failure.
//!
//! **An unknown user costs the same arithmetic as a known one**, and hears the same words.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::super::message::Digest;
use super::super::shield::Recent;
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
    /// The nonce is not one given to this source; or the secret is right, and the nonce too old or used before: ask again,
    /// `stale=true`.
    Stale,
    /// Unknown user (in lower case) or wrong secret; nobody can tell which.
    Wrong(String),
    /// Not judged: too many wrong ones before it.
    TooSoon,
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
    /// Whom it is given to.
    pub source: [u8; 16],
}

/// What is judged beside the header.
pub(in crate::sip) struct Attempt<'a> {
    /// Who tries.
    pub source: [u8; 16],
    /// The method of the request.
    pub method: &'a str,
    /// Does a `uri` parameter mean the Request-URI?
    pub uri_fits: &'a dyn Fn(&[u8]) -> bool,
    /// May this source try the password of this user (in lower case) now?
    pub may_try: &'a dyn Fn(&str) -> bool,
}

/// The key under which nonces are made, and those that were used.
#[derive(Clone, Debug)]
pub(in crate::sip) struct Guard {
    realm: String,
    key: [u8; 32],
    lifetime: Duration,
    used: BTreeMap<Nonce, u32>,
    /// When each request was asked first, so that its copies meet the very same challenge.
    asked: Recent<u64, Instant>,
    oldest_allowed: Instant,
}

type Nonce = (Instant, [u8; 16]);

/// How long copies of a request meet the same challenge: as long as a telephone repeats it (Timer F).
const SAME_FOR: Duration = Duration::from_secs(32);
/// Requests whose first asking is remembered. A flood may push one out: its copy then meets another challenge, which is good
/// as well.
const ASKED_MAX: usize = 4096;
/// The longest nonce looked at; no challenge of ours is longer.
pub(in crate::sip) const VALUE_BYTES_MAX: usize = 512;
/// How many used nonces are remembered.
pub(in crate::sip) const USED_NONCES_MAX: usize = 20_000;
/// What is hashed where there is no password.
const DECOY: &[u8] = b"nobody";

impl Guard {
    /// A guard with a key of its own.
    pub fn new(realm: &str, lifetime: Duration, ids: &mut IdSource) -> Guard {
        let mut key = [0; 32];
        for chunk in key.chunks_exact_mut(8) {
            chunk.copy_from_slice(&ids.next_u64().to_be_bytes());
        }
        Guard {
            realm: realm.to_owned(),
            key,
            lifetime,
            used: BTreeMap::new(),
            asked: Recent::new(ASKED_MAX),
            oldest_allowed: Instant::ZERO,
        }
    }

    /// The values of WWW-Authenticate, strongest first. The copy of a request whose answer was lost on its way meets the same
    /// challenge.
    pub fn challenges(&mut self, now: Instant, accounts: &Accounts, asked: Asking) -> Vec<String> {
        let Asking { stale, sha256, about, source } = asked;
        let mut algorithms = vec![Algorithm::Md5];
        if sha256 && accounts.offers_sha256() {
            algorithms.insert(0, Algorithm::Sha256);
        }
        let first = self.asked.touch(about, || now);
        if now.since(*first) >= SAME_FOR {
            *first = now;
        }
        let first = *first;
        let nonce = self.make_nonce(first, about, &source);
        let stale = if stale { ", stale=true" } else { "" };
        let realm = quoted(&self.realm);
        let one = |algorithm: Algorithm| {
            format!("Digest realm={realm}, nonce=\"{nonce}\", qop=\"auth\", algorithm={}{stale}", algorithm.name())
        };
        algorithms.into_iter().map(one).collect()
    }

    /// Judges the values of Authorization.
    pub fn judge<'a>(
        &mut self,
        now: Instant,
        accounts: &Accounts,
        shown: impl Iterator<Item = Digest<'a>>,
        attempt: &Attempt<'_>,
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
        let Some(nonce) = self.read_nonce(found.nonce, &attempt.source) else { return Verdict::Stale };
        let name = user.to_ascii_lowercase();
        if !(attempt.may_try)(&name) {
            return Verdict::TooSoon;
        }
        // One hash of name and password in any case: for an unknown user, and where only the hash is kept, over nothing.
        let decoy = || digest::ha1(algorithm, found.username, realm, DECOY);
        let (ha1, known) = match accounts.secret(user) {
            Some(secret) if secret.is_hashed() => {
                let spent = std::hint::black_box(decoy());
                secret.ha1(algorithm, found.username, realm).map_or((spent, false), |ha1| (ha1, true))
            }
            Some(secret) => {
                secret.ha1(algorithm, found.username, realm).map_or_else(|| (decoy(), false), |ha1| (ha1, true))
            }
            None => (decoy(), false),
        };
        let asked =
            Asked { method: attempt.method.as_bytes(), uri: found.uri, nonce: found.nonce, qop: Some((nc, cnonce)) };
        let expected = digest::response(algorithm, &ha1, &asked);
        let right = equal_in_constant_time(expected.as_bytes(), &found.response.to_ascii_lowercase());
        if !right || !known {
            return Verdict::Wrong(name);
        }
        if !(attempt.uri_fits)(found.uri) {
            return Verdict::OtherUri;
        }
        if self.use_nonce(now, nonce, count) { Verdict::Proved(name) } else { Verdict::Stale }
    }

    fn make_nonce(&self, made: Instant, about: u64, source: &[u8; 16]) -> String {
        let time = made.as_micros().to_be_bytes();
        let salt = (about ^ about >> 32).to_be_bytes();
        format!("{}{}{}", hex(&time), hex(&salt), hex(&self.seal(&time, &salt, source)))
    }

    fn seal(&self, time: &[u8; 8], salt: &[u8; 8], source: &[u8; 16]) -> [u8; 16] {
        // The key stands before and after, so that nothing can be appended.
        let full = Sha256::new().chain_update(self.key).chain_update(time).chain_update(salt).chain_update(source);
        let full = full.chain_update(self.key);
        let mut cut = [0; 16];
        cut.copy_from_slice(&full.finalize()[..16]);
        cut
    }

    /// A nonce of ours that was given to this source.
    fn read_nonce(&self, nonce: &[u8], source: &[u8; 16]) -> Option<Nonce> {
        let nonce = std::str::from_utf8(nonce).ok()?;
        if nonce.len() != 64 || !nonce.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let time = u64::from_str_radix(nonce.get(..16)?, 16).ok()?;
        let salt = u64::from_str_radix(nonce.get(16..32)?, 16).ok()?;
        let seal = self.seal(&time.to_be_bytes(), &salt.to_be_bytes(), source);
        let genuine = equal_in_constant_time(hex(&seal).as_bytes(), nonce.get(32..)?.as_bytes());
        genuine.then_some((Instant::from_micros(time), seal))
    }

    /// Uses a nonce at `count`; false when it is too old, or was used at this count or a higher one.
    fn use_nonce(&mut self, now: Instant, nonce: Nonce, count: u32) -> bool {
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
        source: [u8; 16],
    }

    const HERE: [u8; 16] = [1; 16];

    fn scene() -> Scene {
        let mut ids = IdSource::from_number(7);
        let guard = Guard::new("écoute", Duration::from_secs(300), &mut ids);
        let mut accounts = Accounts::none();
        accounts.insert("Bob", Secret::password("zanzibar"));
        Scene { guard, accounts, ids, now: Instant::from_millis(1000), source: HERE }
    }

    impl Scene {
        fn ask(&mut self, stale: bool, about: u64) -> Vec<String> {
            self.guard.challenges(self.now, &self.accounts, Asking { stale, sha256: true, about, source: HERE })
        }

        fn challenge(&mut self) -> Challenge {
            let about = self.ids.next_u64();
            let values = self.ask(false, about);
            choose(&values)
        }

        fn judge(&mut self, value: &str) -> Verdict {
            let shown = Digest::parse(value.as_bytes());
            let attempt = Attempt {
                source: self.source,
                method: "REGISTER",
                uri_fits: &|uri| uri == b"sip:r",
                may_try: &|user| user != "slowed",
            };
            self.guard.judge(self.now, &self.accounts, shown.into_iter(), &attempt)
        }

        fn answer(&mut self, challenge: &mut Challenge, user: &str, password: &str) -> String {
            let who = Credentials::new(user, password);
            answer(challenge, &who, "REGISTER", "sip:r", &mut self.ids).expect("a password fits all")
        }
    }

    /// A copy of a request meets the same challenge, another request another one.
    #[test]
    fn p095_same_request_same_challenge() {
        let mut s = scene();
        let first = s.ask(false, 7);
        for _ in 0..63 {
            s.now += Duration::from_millis(500);
            assert_eq!(s.ask(false, 7), first);
        }
        s.now += Duration::from_millis(500);
        assert_ne!(s.ask(false, 7), first, "no copy comes that late");
        assert_ne!(s.ask(false, 8), first);
    }

    /// The right answer is accepted once per count; the same bytes again are stale, never accepted; the next count is.
    #[test]
    fn b138_b139_p093_replay_is_stale() {
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
    fn b140_b143_wrong_is_wrong() {
        let mut s = scene();
        let mut challenge = s.challenge();
        for (user, password) in [("bob", "wrong"), ("eve", "zanzibar"), ("eve", "nobody")] {
            let value = s.answer(&mut challenge, user, password);
            assert_eq!(s.judge(&value), Verdict::Wrong(user.into()), "{user}");
        }
        let good = s.answer(&mut challenge, "bob", "zanzibar");
        assert_eq!(s.judge(&good.replace("realm=\"écoute\"", "realm=\"other\"")), Verdict::Ask);
        assert_eq!(s.judge(&good.replace(", qop=auth", "")), Verdict::Ask);
        assert_eq!(s.judge("Basic Ym9iOnphbnppYmFy"), Verdict::Ask);
        assert_eq!(s.judge(&good.replace("nc=0", "nc=z")), Verdict::Ask);
    }

    /// A nonce nobody made here (an earlier run, a forger), or one that was given to another source, is stale whatever the
    /// digest is: nothing can be learnt from it, and nothing counts as a failure.
    #[test]
    fn p093_b144_a_strange_nonce_is_not_judged() {
        let mut s = scene();
        let mut made_up = choose(&["Digest realm=\"écoute\", nonce=\"abc\", qop=\"auth\", algorithm=MD5".to_owned()]);
        for (user, password) in [("bob", "zanzibar"), ("bob", "wrong"), ("eve", "wrong")] {
            let value = s.answer(&mut made_up, user, password);
            assert_eq!(s.judge(&value), Verdict::Stale);
        }
        let mut ours = s.challenge();
        let good = s.answer(&mut ours, "bob", "zanzibar");
        s.source = [2; 16];
        assert_eq!(s.judge(&good), Verdict::Stale, "given to somebody else");
        s.source = HERE;
        assert_eq!(s.judge(&good), Verdict::Proved("bob".into()));
    }

    /// Who tried too often is not judged, right or wrong; the others are.
    #[test]
    fn b144_too_soon_is_not_judged() {
        let mut s = scene();
        s.accounts.insert("slowed", Secret::password("right"));
        let mut challenge = s.challenge();
        for password in ["right", "wrong"] {
            let value = s.answer(&mut challenge, "slowed", password);
            assert_eq!(s.judge(&value), Verdict::TooSoon);
        }
    }

    /// Known with a password, known with a hash only, or unknown: the same number of hashes is computed.
    #[test]
    fn b140_the_same_work_for_known_and_unknown() {
        let mut s = scene();
        let md5 = digest::ha1(Algorithm::Md5, b"old", "écoute".as_bytes(), b"phone");
        s.accounts.insert("old", Secret::hashes(Some(md5), None));
        let mut work = Vec::new();
        for user in ["bob", "old", "nobody", "eve"] {
            let offered = s.ask(false, 3);
            let mut challenge = choose(&offered[offered.len() - 1..]);
            let value = s.answer(&mut challenge, user, "wrong");
            digest::take_hashes();
            assert_eq!(s.judge(&value), Verdict::Wrong(user.into()));
            work.push(digest::take_hashes());
        }
        assert_eq!(work, [3, 3, 3, 3]);
    }

    /// Another `uri` than the Request-URI is not accepted, even with the right secret.
    #[test]
    fn b141_other_uri() {
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
    fn b136_b137_what_is_offered() {
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
}
