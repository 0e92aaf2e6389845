//! The client side: choosing a challenge and answering it.

use super::super::message;
use super::Credentials;
use super::digest::{self, Algorithm, Asked, quoted};
use crate::ids::IdSource;

/// One challenge, kept so that later requests can be answered without being asked (RFC 3261 §22.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sip) struct Challenge {
    algorithm: Algorithm,
    /// As it stood between its quotes, escapes included; so are the next two.
    realm: String,
    nonce: String,
    opaque: Option<String>,
    qop_auth: bool,
    count: u32,
}

impl Challenge {
    /// The strongest challenge we understand among those of a 401 or 407.
    pub fn choose<'a>(challenges: impl Iterator<Item = message::Challenge<'a>>) -> Option<Challenge> {
        let mut best: Option<Challenge> = None;
        for challenge in challenges.filter_map(Challenge::understood) {
            if best.as_ref().is_none_or(|b| b.algorithm < challenge.algorithm) {
                best = Some(challenge);
            }
        }
        best
    }

    fn understood(challenge: message::Challenge<'_>) -> Option<Challenge> {
        let qop_auth = challenge.offers_qop("auth");
        if challenge.qop.is_some() && !qop_auth {
            return None;
        }
        Some(Challenge {
            algorithm: Algorithm::from_name(challenge.algorithm)?,
            realm: text(challenge.realm)?,
            nonce: text(challenge.nonce)?,
            opaque: challenge.opaque.and_then(text),
            qop_auth,
            count: 0,
        })
    }
}

/// The value of Authorization or Proxy-Authorization; counts the use of the nonce. `None` when our secret does not fit
/// the algorithm asked for, or is not meant for this realm.
pub(in crate::sip) fn answer(
    challenge: &mut Challenge,
    credentials: &Credentials,
    method: &str,
    uri: &str,
    ids: &mut IdSource,
) -> Option<String> {
    if credentials.realm.as_ref().is_some_and(|meant| *meant != challenge.realm) {
        return None;
    }
    challenge.count = challenge.count.saturating_add(1);
    let Challenge { algorithm, realm, nonce, .. } = &*challenge;
    let ha1 = credentials.secret.ha1(*algorithm, credentials.username.as_bytes(), realm.as_bytes())?;
    let nc = format!("{:08x}", challenge.count);
    let cnonce = ids.hex(8);
    let asked = Asked {
        method: method.as_bytes(),
        uri: uri.as_bytes(),
        nonce: nonce.as_bytes(),
        qop: challenge.qop_auth.then_some((nc.as_bytes(), cnonce.as_bytes())),
    };
    let response = digest::response(*algorithm, &ha1, &asked);
    let mut value = format!(
        "Digest username={}, realm=\"{realm}\", nonce=\"{nonce}\", uri={}, response=\"{response}\", algorithm={}",
        quoted(&credentials.username),
        quoted(uri),
        algorithm.name(),
    );
    if challenge.qop_auth {
        value.push_str(&format!(", qop=auth, nc={nc}, cnonce=\"{cnonce}\""));
    }
    if let Some(opaque) = &challenge.opaque {
        value.push_str(&format!(", opaque=\"{opaque}\""));
    }
    Some(value)
}

fn text(value: &[u8]) -> Option<String> {
    std::str::from_utf8(value).ok().filter(|text| !text.contains(char::is_control)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 is preferred over MD5 whatever the order, and unknown algorithms and schemes are passed over.
    #[test]
    fn b137_strongest_understood() {
        let values: [&'static [u8]; 5] = [
            b"Bearer realm=\"x\"",
            b"Digest realm=\"r\", nonce=\"m\", qop=\"auth\", algorithm=MD5",
            b"Digest realm=\"r\", nonce=\"z\", qop=\"auth\", algorithm=SHA-512-256",
            b"Digest realm=\"r\", nonce=\"s\", qop=\"auth-int, auth\", algorithm=SHA-256",
            b"Digest realm=\"r\", nonce=\"i\", qop=\"auth-int\", algorithm=SHA-256",
        ];
        let choose = |values: &[&'static [u8]]| {
            let challenges = values.iter().filter_map(|value| message::Challenge::parse(value));
            Challenge::choose(challenges).map(|challenge| challenge.nonce)
        };
        assert_eq!(choose(&values).as_deref(), Some("s"));
        assert_eq!(choose(&values[..2]).as_deref(), Some("m"));
        assert_eq!(choose(&values[..1]), None);
    }

    /// The nonce count goes up with each use, in hexadecimal, and opaque is returned as it came.
    #[test]
    fn the_count_goes_up() {
        let value: &[u8] = b"Digest realm=\"r\", nonce=\"n\", qop=\"auth\", opaque=\"o\\\"p\"";
        let mut challenge = Challenge::choose(message::Challenge::parse(value).into_iter()).expect("sound");
        let me = Credentials::new("bob", "zanzibar");
        let mut ids = IdSource::from_number(1);
        let mut last = String::new();
        for _ in 0..17 {
            last = answer(&mut challenge, &me, "REGISTER", "sip:r", &mut ids).expect("a password fits all");
        }
        assert!(last.contains("nc=00000011"), "{last}");
        assert!(last.ends_with("opaque=\"o\\\"p\""), "{last}");
        assert!(!last.contains("zanzibar"));
    }

    /// A password meant for one realm is shown to no other.
    #[test]
    fn a_realm_of_its_own() {
        let value: &[u8] = b"Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
        let mut challenge = Challenge::choose(message::Challenge::parse(value).into_iter()).expect("sound");
        let me = |realm: &str| Credentials::new("bob", "zanzibar").for_realm(Some(realm.to_owned()));
        let mut ids = IdSource::from_number(1);
        assert!(answer(&mut challenge, &me("r"), "REGISTER", "sip:r", &mut ids).is_some());
        assert!(answer(&mut challenge, &me("s"), "REGISTER", "sip:r", &mut ids).is_none());
    }
}
