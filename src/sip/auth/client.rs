//! The client side: choosing a challenge and answering it.

use super::digest::{self, Algorithm, Asked, quoted};
use super::Credentials;
use crate::ids::IdSource;

/// One challenge, kept so that later requests can be answered without being asked (RFC 3261 §22.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sip) struct Challenge {
    algorithm: Algorithm,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    qop_auth: bool,
    count: u32,
}

impl Challenge {
    /// The strongest challenge we understand among the values of WWW- or Proxy-Authenticate.
    pub fn choose<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Challenge> {
        let mut best: Option<Challenge> = None;
        for challenge in values.filter_map(Challenge::parse) {
            if best.as_ref().is_none_or(|b| b.algorithm < challenge.algorithm) {
                best = Some(challenge);
            }
        }
        best
    }

    /// The server's nonce.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    fn parse(value: &[u8]) -> Option<Challenge> {
        let mut found = digest::parse(value)?;
        let algorithm = Algorithm::from_name(found.get("algorithm").map(String::as_str))?;
        let qop = found.get("qop");
        let qop_auth = qop.is_some_and(|q| q.split(',').any(|o| o.trim().eq_ignore_ascii_case("auth")));
        if qop.is_some() && !qop_auth {
            return None;
        }
        Some(Challenge {
            algorithm,
            realm: found.remove("realm")?,
            nonce: found.remove("nonce")?,
            opaque: found.remove("opaque"),
            qop_auth,
            count: 0,
        })
    }
}

/// The value of Authorization or Proxy-Authorization; counts the use of the nonce. `None` when our secret does not fit
/// the algorithm asked for.
pub(in crate::sip) fn answer(
    challenge: &mut Challenge,
    credentials: &Credentials,
    method: &str,
    uri: &str,
    ids: &mut IdSource,
) -> Option<String> {
    challenge.count = challenge.count.saturating_add(1);
    let ha1 = credentials.secret.ha1(challenge.algorithm, &credentials.username, &challenge.realm)?;
    let nc = format!("{:08x}", challenge.count);
    let cnonce = ids.hex(8);
    let asked = Asked {
        method,
        uri,
        nonce: &challenge.nonce,
        qop: challenge.qop_auth.then_some((nc.as_str(), cnonce.as_str())),
    };
    let response = digest::response(challenge.algorithm, &ha1, &asked);
    let mut value = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", algorithm={}",
        quoted(&credentials.username),
        quoted(&challenge.realm),
        quoted(&challenge.nonce),
        quoted(uri),
        challenge.algorithm.name(),
    );
    if challenge.qop_auth {
        value.push_str(&format!(", qop=auth, nc={nc}, cnonce=\"{cnonce}\""));
    }
    if let Some(opaque) = &challenge.opaque {
        value.push_str(&format!(", opaque={}", quoted(opaque)));
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 is preferred over MD5 whatever the order, and unknown algorithms and schemes are passed over.
    #[test]
    fn strongest_understood() {
        let values: [&[u8]; 5] = [
            b"Bearer realm=\"x\"",
            b"Digest realm=\"r\", nonce=\"m\", qop=\"auth\", algorithm=MD5",
            b"Digest realm=\"r\", nonce=\"z\", qop=\"auth\", algorithm=SHA-512-256",
            b"Digest realm=\"r\", nonce=\"s\", qop=\"auth-int, auth\", algorithm=SHA-256",
            b"Digest realm=\"r\", nonce=\"i\", qop=\"auth-int\", algorithm=SHA-256",
        ];
        assert_eq!(Challenge::choose(values.into_iter()).expect("one fits").nonce(), "s");
        assert_eq!(Challenge::choose(values[..2].iter().copied()).expect("one fits").nonce(), "m");
        assert_eq!(Challenge::choose(values[..1].iter().copied()), None);
    }

    /// The nonce count goes up with each use, in hexadecimal, and opaque is returned as it came.
    #[test]
    fn the_count_goes_up() {
        let value: &[u8] = b"Digest realm=\"r\", nonce=\"n\", qop=\"auth\", opaque=\"o\\\"p\"";
        let mut challenge = Challenge::choose([value].into_iter()).expect("sound");
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
}
