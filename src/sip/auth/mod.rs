//! Digest authentication, RFC 7616 as RFC 8760 applies it to SIP: SHA-256 and MD5, `qop=auth`, both roles.
//!
//! [`digest`] computes, [`Guard`] (the server side) asks and judges, [`answer`] (the client side) answers a challenge.
//! What it does not do: `auth-int`, `-sess` algorithms, and answers without `qop` on the server side, which cannot be
//! told from a replay.

mod client;
mod digest;
mod guard;

use std::collections::BTreeMap;
use std::fmt;

pub(super) use client::{Challenge, answer};
pub(super) use guard::{Asking, Attempt, Guard, USED_NONCES_MAX, VALUE_BYTES_MAX, Verdict};

use digest::{Algorithm, Ha1, ha1};

/// What proves a user: a password, or the hashes of one. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Kept);

#[derive(Clone, PartialEq, Eq)]
enum Kept {
    Password(String),
    Hashes { md5: Option<String>, sha256: Option<String> },
}

impl Secret {
    /// A password in clear.
    pub fn password(password: impl Into<String>) -> Secret {
        Secret(Kept::Password(password.into()))
    }

    /// The hashes of `user:realm:password` in hexadecimal, so that no password need be kept.
    pub fn hashes(md5: Option<String>, sha256: Option<String>) -> Secret {
        let lower = |hash: Option<String>| hash.map(|h| h.to_ascii_lowercase());
        Secret(Kept::Hashes { md5: lower(md5), sha256: lower(sha256) })
    }

    fn ha1(&self, algorithm: Algorithm, user: &[u8], realm: &[u8]) -> Option<Ha1> {
        match &self.0 {
            Kept::Password(password) => Some(ha1(algorithm, user, realm, password.as_bytes())),
            Kept::Hashes { md5, sha256 } => match algorithm {
                Algorithm::Md5 => md5.clone(),
                Algorithm::Sha256 => sha256.clone(),
            },
        }
    }

    /// Is only a hash of it kept?
    fn is_hashed(&self) -> bool {
        matches!(self.0, Kept::Hashes { .. })
    }

    fn knows_sha256(&self) -> bool {
        !matches!(&self.0, Kept::Hashes { sha256: None, .. })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret")
    }
}

/// Who may register and call: user names (folded to lower case) and what proves them.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    users: BTreeMap<String, Secret>,
}

impl Accounts {
    /// Nobody.
    pub fn none() -> Accounts {
        Accounts::default()
    }

    /// Adds a user, or replaces his secret.
    pub fn insert(&mut self, user: &str, secret: Secret) {
        self.users.insert(user.to_ascii_lowercase(), secret);
    }

    /// Is this a user?
    pub fn contains(&self, user: &str) -> bool {
        self.users.contains_key(&user.to_ascii_lowercase())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Nobody at all?
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    fn secret(&self, user: &str) -> Option<&Secret> {
        self.users.get(&user.to_ascii_lowercase())
    }

    /// SHA-256 is offered only when every user could answer it: offering per user would tell who is one.
    fn offers_sha256(&self) -> bool {
        self.users.values().all(Secret::knows_sha256)
    }
}

/// Our name and password at somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// What proves it.
    pub secret: Secret,
    /// The only realm it is shown to; `None`: whichever asks.
    pub realm: Option<String>,
}

impl Credentials {
    /// A name and a password.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Credentials {
        Credentials { username: username.into(), secret: Secret::password(password), realm: None }
    }

    /// The same, shown to this realm only.
    #[must_use]
    pub fn for_realm(self, realm: Option<String>) -> Credentials {
        Credentials { realm, ..self }
    }
}
