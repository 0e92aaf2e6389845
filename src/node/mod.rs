//! The node: the one room that knows the others, and moves values between them.
//!
//! [`Shard`] is the heart: SIP endpoint, calls and dispatcher of one thread, still without a socket or a clock of its own,
//! so that the simulator runs the very code that serves. [`serve`] gives it threads, sockets and time. [`Phone`] is the
//! same endpoint the other way round: the softphone of `ecoute demo`, `ecoute call` and the simulator.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Instant;
use crate::dispatch::{Decision, DropReason as DispatchDrop};
use crate::ids::{CallId, ListenerId, PhoneNumber};
use crate::media;
use crate::sip::{self, Flow};
use crate::trunk;

mod clock;
mod configure;
mod entropy;
mod legs;
mod load;
mod numbers;
mod observe;
mod phone;
mod proof;
mod receiver;
mod rehearsal;
mod resolving;
mod serve;
mod setup;
mod shard;
mod softphone;
mod tally;
mod transports;
mod trial;
mod wakes;

pub use crate::dispatch::{Lang, Roster, Wish};
pub use crate::france::Tables;
pub use crate::ids::IdSource;
pub use clock::{SystemClock, moment_in_zone};
pub use configure::{serve_settings, sources, tables};
pub use entropy::id_source;
pub use load::{Loaded, Sources, accounts_of, load};
pub use numbers::{Plans, caller_identity};
pub use observe::{ban_views, listener_views, tried_view, trunk_views};
pub use phone::{Phone, PhoneAction, PhoneEvent, PhoneInput, PhoneOutput, PhoneSettings};
pub use proof::{Proof, ProofError, ProofSettings, Story, Watched};
pub use rehearsal::{Act, Line, LineKind, Rehearsal};
pub use resolving::NameSettings;
pub use serve::{Node, ServeError, ServeSettings, Snapshot, ask};
pub use setup::{Setup, Trunking};
pub use shard::{Shard, ShardCounts, ShardSettings};
pub use softphone::{Softphone, SoftphoneError, SoftphoneSettings, softphone_settings, tone};
pub use transports::Listening;
pub use trial::{Ticket, Tried, TriedEnd, TriedStep};
pub use wakes::wake_views;

/// What a shard is told.
#[derive(Debug)]
pub enum Input {
    /// Bytes from the network.
    Datagram {
        /// The way they came.
        flow: Flow,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A connection is gone; or, with connection 0, none could be opened to that peer.
    FlowClosed(Flow),
    /// The answer to an [`Output::Resolve`].
    Resolved {
        /// Which.
        query: u32,
        /// The addresses; none when there are none, or none could be learnt in time.
        found: Vec<trunk::Address>,
        /// How long they hold.
        ttl: Duration,
    },
    /// A media worker reports.
    Report(media::Report),
    /// A person or the control plane wants something.
    Control(Control),
    /// The instant named by the last [`Output::Timeout`] has come.
    Timeout,
}

/// What a person or the control plane may want.
pub enum Control {
    /// A new set-up: plans, prompts, roster, accounts. Live calls keep theirs.
    Reload(Box<Setup>),
    /// A listener's own word, or the staff's.
    Wish(ListenerId, Wish),
    /// Take no new calls; when `end_calls`, end those that are left.
    Drain {
        /// End the calls that are left.
        end_calls: bool,
    },
    /// End one call.
    EndCall(CallId),
    /// Answer this source with silence: for so long, or until it is lifted.
    Ban(IpAddr, Option<Duration>),
    /// Answer it again.
    LiftBan(IpAddr),
    /// A test call over a trunk; what came of it is an [`Output::Tried`].
    TryTrunk {
        /// The trunk's name.
        trunk: String,
        /// Whom to call.
        number: PhoneNumber,
        /// Who waits for the result.
        reply: Ticket,
    },
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Control::Reload(_) => f.write_str("Reload"),
            Control::Wish(listener, wish) => write!(f, "Wish({listener}, {wish:?})"),
            Control::Drain { end_calls } => write!(f, "Drain {{ end_calls: {end_calls} }}"),
            Control::EndCall(call) => write!(f, "EndCall({call})"),
            Control::Ban(source, span) => write!(f, "Ban({source}, {span:?})"),
            Control::LiftBan(source) => write!(f, "LiftBan({source})"),
            Control::TryTrunk { trunk, .. } => write!(f, "TryTrunk({trunk})"),
        }
    }
}

/// What a shard wants done.
#[derive(Debug)]
pub enum Output {
    /// Bytes to the network.
    Transmit {
        /// The way they go.
        flow: Flow,
        /// The bytes.
        bytes: sip::Bytes,
    },
    /// Close this connection.
    Close(Flow),
    /// Look up a trunk's host (RFC 3263); the answer is [`Input::Resolved`].
    Resolve {
        /// The number of the question.
        query: u32,
        /// What is asked.
        host: trunk::Host,
    },
    /// What came of a test call over a trunk.
    Tried {
        /// Who waits for it.
        reply: Ticket,
        /// The result.
        tried: Box<Tried>,
    },
    /// To the media worker of this call (the call's number modulo the number of workers).
    Media(media::Command),
    /// A call is over: its record. Once per call.
    Record(Box<crate::call::Finished>),
    /// The dispatcher decided.
    Decision(Box<Decision>),
    /// Something happened: metrics, ladder, console.
    Event(Event),
    /// Nothing more to do until this instant.
    Timeout(Option<Instant>),
}

/// What happened in a shard, in closed words and without numbers.
#[derive(Clone, Debug)]
pub enum Event {
    /// A caller's INVITE was taken, by the plan of this name (empty: no plan answers the number).
    CallBegan(CallId, String),
    /// A call's own word.
    Call(CallId, crate::call::Note),
    /// The dispatcher set something aside.
    DispatchDropped(DispatchDrop),
    /// The endpoint set something aside.
    SipDropped(sip::DropReason),
    /// A registration changed.
    Bound {
        /// Contacts the listener has now.
        bindings: usize,
        /// A new contact.
        new: bool,
    },
    /// A registration ended.
    Unbound {
        /// Why.
        why: sip::Unbound,
    },
    /// A telephone that sleeps is called; a program of the staff's is to wake it.
    Wake {
        /// The push service.
        provider: String,
    },
    /// A wrong password, or none where one is due, from this address.
    AuthFailed {
        /// The peer.
        source: std::net::IpAddr,
        /// It is being slowed down.
        throttled: bool,
    },
    /// A source is answered with silence from now on.
    Banned {
        /// Who: an IPv4 address, or an IPv6 /64.
        source: sip::Network,
        /// Why.
        why: sip::BanReason,
        /// For how long; `None`: until it is lifted.
        span: Option<Duration>,
    },
    /// An INVITE was refused before it became a call.
    Refused {
        /// The status code.
        status: u16,
    },
    /// What a trunk's network signed about the caller's number; noted, not verified.
    Attested(Option<sip::Attestation>),
    /// A trunk came up, went down, or is not known yet.
    TrunkChanged {
        /// Its name.
        name: Arc<str>,
        /// How it is now.
        state: trunk::State,
    },
    /// Something about a trunk that staff must see to, or that is over.
    TrunkAlert {
        /// Its name.
        name: Arc<str>,
        /// What.
        alert: trunk::Alert,
        /// False when it is over.
        raised: bool,
    },
    /// A peer of a trunk did not answer OPTIONS.
    ProbeMissed {
        /// The trunk's name.
        name: Arc<str>,
    },
    /// A call was refused because its trunk has no channel left.
    TrunkFull {
        /// The trunk's name.
        name: Arc<str>,
    },
    /// A panic, contained to one call.
    Panicked(CallId),
}
