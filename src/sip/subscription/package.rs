//! The event packages, and what the owner may say in them.

use serde::{Deserialize, Serialize};

/// An event package we serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Package {
    /// Messages waiting (RFC 3842).
    MessageSummary,
    /// Calls of a line (RFC 4235).
    Dialog,
}

impl Package {
    /// The package of this name.
    pub fn from_bytes(name: &[u8]) -> Option<Package> {
        [Package::MessageSummary, Package::Dialog].into_iter().find(|p| name.eq_ignore_ascii_case(p.name().as_bytes()))
    }

    /// Its name in Event.
    pub const fn name(self) -> &'static str {
        match self {
            Package::MessageSummary => "message-summary",
            Package::Dialog => "dialog",
        }
    }

    /// The type of its documents.
    pub const fn media_type(self) -> &'static str {
        match self {
            Package::MessageSummary => "application/simple-message-summary",
            Package::Dialog => "application/dialog-info+xml",
        }
    }
}

/// How many voice messages wait for a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageSummary {
    /// Not heard yet.
    pub new: u32,
    /// Heard and kept.
    pub old: u32,
}

/// What a user's line does, whatever the device: never with whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    /// No call.
    #[default]
    Idle,
    /// It rings.
    Early,
    /// A conversation.
    Confirmed,
}

/// What changed for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// His messages.
    Messages(MessageSummary),
    /// His line.
    Line(LineState),
}

impl Notice {
    /// The package in which it is told.
    pub const fn package(self) -> Package {
        match self {
            Notice::Messages(_) => Package::MessageSummary,
            Notice::Line(_) => Package::Dialog,
        }
    }
}
