//! One leg's negotiation as a plain value: what is in force, and what is asked.

use serde::{Deserialize, Serialize};

use super::select::Format;
use super::{Audio, Description, Direction, write};

/// One leg's negotiation. It holds our own words and what was agreed, and nothing else of the peer's: an answer is made
/// from the offer it answers, never from memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// What media needs; none before the first agreement.
    pub audio: Option<Audio>,
    /// The number of our `o=` line.
    pub(super) id: u64,
    /// The highest version of ours that the peer has seen.
    pub(super) version: u64,
    /// Our description in force.
    pub(super) sent: Option<Description>,
    /// Our offer that has no answer yet.
    pub(super) pending: Option<Pending>,
    /// Which `m=` line is the voice stream.
    pub(super) stream: usize,
    /// Who shall send, as far as we are concerned. Our own hold outlives the peer's refreshes.
    pub(super) wish: Direction,
    /// What each dynamic number has meant in our descriptions: it may not mean anything else later (RFC 3264 §8.3.2).
    pub(super) numbers: Vec<(u8, Format)>,
}

/// Our offer, on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) description: Description,
    /// What the description says.
    pub(super) direction: Direction,
    /// What we wish once it is agreed. Wider than `direction` when a refresh repeats words that a hold of the peer's
    /// had narrowed.
    pub(super) wish: Direction,
    pub(super) stream: usize,
}

impl Session {
    /// A leg on which nothing was said yet. `id` names the session in our `o=` line and wants to be unlike others of
    /// this host; its top bit is dropped because many readers count with sign.
    pub fn new(id: u64) -> Session {
        Session {
            audio: None,
            id: id & i64::MAX as u64,
            version: 0,
            sent: None,
            pending: None,
            stream: 0,
            wish: Direction::SendRecv,
            numbers: Vec::new(),
        }
    }

    /// Does an offer of ours wait for its answer?
    pub fn offer_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The version of our last description; 0 before the first.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Who shall send, as far as we are concerned.
    pub fn wish(&self) -> Direction {
        self.wish
    }

    /// Our description in force, as bytes: what an unreliable 18x and the 200 after it both carry.
    pub fn last_sent(&self) -> Option<Vec<u8>> {
        self.sent.as_ref().map(write)
    }

    /// In a few words for a log, without an address.
    pub fn describe(&self) -> String {
        let agreed = self.audio.as_ref().map_or_else(|| "nothing agreed".to_owned(), Audio::describe);
        if self.pending.is_some() { format!("{agreed}, an offer is open") } else { agreed }
    }
}
