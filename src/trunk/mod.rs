//! Trunks: the ways to the telephone network. Which peer of which operator takes a call, who may send us one, and what the
//! numbers in it mean.
//!
//! The contract is that of every pure room: [`Trunks::handle_input`] changes it once; the owner then drains
//! [`Trunks::poll_output`] until it says [`Output::Timeout`], and comes back then. What it cannot know it asks for:
//! addresses ([`Output::Resolve`], RFC 3263), whether a peer is there ([`Output::Probe`]), a registration
//! ([`Output::Register`]). A trunk that is down is asked for ever and never holds up another.
//!
//! For a call there are questions with an answer at once: [`Trunks::incoming`] reads an INVITE, [`Trunks::route`] lists the
//! attempts of a call we place, [`Trunks::outcome`] learns from each, and [`Trunks::take_in`], [`Trunks::take_out`] and
//! [`Trunks::free`] count channels. They too are followed by draining.
//!
//! What it deliberately does not do: it sends no message and resolves no name itself, knows no call and no plan. It is never
//! told a caller's number when a call is placed, so that none can be shown to the person called.

mod channels;
mod hop;
mod incoming;
mod line;
mod machine;
pub mod number;
mod outgoing;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::sip::{Flow, Network, Register, RegistrationState, Transport};

pub use channels::{Channel, Full};
pub use hop::Health;
pub use incoming::Arrival;
pub use machine::{PeerStatus, Status, Trunks};
pub use outgoing::{Attempt, Dial, NoRoute};
pub use settings::{
    DialForm, FromUser, Host, Incoming, LOCAL, Local, Outgoing, Peer, Redirect, Registration, Reliable, Session,
    Settings, Srtp, Tls, Unknown, Way,
};

/// One trunk. Numbered by name at the first set-up; a name keeps its number as long as the process lives. It is also the
/// number of the trunk's account, when it registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrunkId(pub u32);

/// One address of a peer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hop {
    /// The transport.
    pub transport: Transport,
    /// The address.
    pub remote: SocketAddr,
}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.transport.via_name(), self.remote)
    }
}

/// One answer of the resolver (RFC 3263), with the place it was given by SRV (RFC 2782).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Where.
    pub hop: Hop,
    /// The lowest first.
    pub priority: u16,
    /// Its share among those of the same priority.
    pub weight: u16,
}

impl Address {
    /// Addresses in the order in which they are to be tried, as a resolver lists them that has drawn by weight already.
    pub fn listed(hops: impl IntoIterator<Item = Hop>) -> Vec<Address> {
        let place = |nth: usize| u16::try_from(nth).unwrap_or(u16::MAX);
        hops.into_iter().enumerate().map(|(nth, hop)| Address { hop, priority: place(nth), weight: 1 }).collect()
    }
}

/// What may happen to the trunks.
#[derive(Clone, Debug)]
pub enum Input {
    /// What is agreed with the operators, in the order in which calls are placed, and our sockets. At the start and at every
    /// reload; a trunk that did not change goes on as it was.
    SetUp {
        /// The trunks.
        trunks: Vec<Settings>,
        /// Our sockets.
        locals: Vec<Local>,
    },
    /// The answer to an [`Output::Resolve`].
    Resolved {
        /// Which.
        query: u32,
        /// The addresses; empty when there is none, or none could be learnt in time.
        found: Vec<Address>,
        /// How long they hold.
        ttl: Duration,
    },
    /// The reply to an [`Output::Probe`].
    OptionsReply {
        /// Which.
        probe: u32,
        /// Its status; `None` when there was none.
        status: Option<u16>,
    },
    /// News of a registration.
    Registration {
        /// The account, which is the trunk's number.
        account: u32,
        /// The news.
        state: RegistrationState,
    },
    /// A peer sent us something that is no reply to a probe: it is there.
    Heard {
        /// Whose peer.
        trunk: TrunkId,
        /// From where.
        hop: Hop,
    },
    /// The time asked for has come.
    Timeout,
}

/// What the trunks ask for and tell.
#[derive(Clone, Debug)]
pub enum Output {
    /// Resolve a host; the answer is [`Input::Resolved`].
    Resolve {
        /// The number of the question.
        query: u32,
        /// What is asked.
        host: Host,
    },
    /// Register, or register elsewhere, or anew.
    Register(Box<Register>),
    /// End a registration.
    Unregister {
        /// The account.
        account: u32,
    },
    /// Send OPTIONS; the answer is [`Input::OptionsReply`].
    Probe {
        /// The number of the question.
        probe: u32,
        /// Over which way.
        flow: Flow,
        /// The Request-URI.
        uri: String,
    },
    /// Whose calls are believed now: all of them, the narrowest networks first.
    Peers(Vec<(Network, TrunkId)>),
    /// A trunk came up, went down, or is not known yet.
    Changed {
        /// Which.
        trunk: TrunkId,
        /// Its name.
        name: Arc<str>,
        /// How it is now.
        state: State,
    },
    /// Something staff must see to. Said once, and once more when it is over.
    Alert {
        /// Which trunk.
        trunk: TrunkId,
        /// Its name.
        name: Arc<str>,
        /// What.
        alert: Alert,
        /// False when it is over.
        raised: bool,
    },
    /// A probe went unanswered.
    ProbeMissed {
        /// Which trunk.
        trunk: TrunkId,
    },
    /// Drained. Come back at this time at the latest; `None` when nothing waits.
    Timeout(Option<Instant>),
}

/// How a trunk is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing was heard yet, and nothing missed.
    #[default]
    Unknown,
    /// At least one peer is there, and we are registered where that is asked.
    Up,
    /// No peer is there, or we are not registered.
    Down,
}

/// What staff must see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alert {
    /// The operator refuses our name or password.
    Credentials,
    /// The DNS knows none of its hosts.
    Unresolved,
    /// We have no socket of the transport and address family of a peer.
    NoSocket,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It rings, or was answered: the peer is there.
    Alive,
    /// A final refusal.
    Refused {
        /// The status.
        status: u16,
        /// Its Retry-After, in seconds.
        retry_after_s: Option<u32>,
    },
    /// Nothing came back in time.
    TimedOut,
    /// The transport failed: no connection, or an ICMP error.
    Fault,
}

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// No more: the call goes on, or the refusal is about the person called and would be the same everywhere.
    Stop,
    /// The next attempt.
    Attempt,
    /// The next attempt over another trunk: this one refuses us everywhere.
    Trunk,
}
