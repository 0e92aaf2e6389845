//! One call: from the caller's INVITE to its record.
//!
//! A [`Call`] speaks *legs*, not SIP: a browser, a softphone and an ordinary telephone are the same to it. It is pure: it
//! is told what happened ([`Input`]), it says what shall happen ([`Output`]), and it names the instant at which it wants
//! to be woken. It plays the dialplan, asks the dispatcher for a listener, joins the two voices, and ends with exactly one
//! [`record::Termination`].
//!
//! The promise kept here: **a caller is never abandoned**. Every state in [`state`] has a deadline and a next step, and
//! the failure of a listener's leg never touches the caller's.
//!
//! What it deliberately does not do: parse SIP, own a socket, choose a listener, keep the caller's number beyond the call.

use std::net::SocketAddr;
use std::time::Duration;

use crate::clock::Instant;
use crate::dialplan::PromptName;
use crate::dispatch::{Outcome, Request, Token};
use crate::ids::LegId;
use crate::sdp::Audio;

mod context;
mod engine;
pub mod facts;
mod hidden;
mod leg;
mod negotiation;
pub mod record;
pub mod state;

#[cfg(test)]
mod tests;

pub use engine::{Call, Settings, drain};
pub use facts::{Arrival, CallerIdentity};
pub use record::{Finished, How, Party, Record, Stage, Termination};

/// A registered contact of a listener: opaque to the call, resolved by the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Device(pub u32);

/// Names one playback on one leg, so that a stale end is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Playback(pub u32);

/// What the call is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// Something happened on a leg's signalling.
    Leg {
        /// The leg.
        leg: LegId,
        /// What.
        event: LegEvent,
    },
    /// Something happened on a leg's sound.
    Media {
        /// The leg.
        leg: LegId,
        /// What.
        event: MediaEvent,
    },
    /// The dispatcher decided.
    Dispatch(DispatchEvent),
    /// End the call politely: the node is stopping, or a person asked for it.
    End(How),
    /// The instant named by the last [`Output::Timeout`] has come.
    Timeout,
}

/// What a leg's signalling says.
#[derive(Clone)]
pub enum LegEvent {
    /// 101-199 to our INVITE.
    Progress {
        /// The status code.
        status: u16,
    },
    /// 2xx to our INVITE, with its session description.
    Answered {
        /// The answer; absent is a fault of the peer.
        sdp: Option<Vec<u8>>,
    },
    /// The INVITE of ours failed.
    Rejected {
        /// The final status code; 408 also stands for no word at all, 503 for a transport fault.
        status: u16,
    },
    /// The ACK of our 2xx, with the answer to a late offer.
    Confirmed {
        /// The answer, when our 2xx carried an offer.
        sdp: Option<Vec<u8>>,
    },
    /// The ACK of our 2xx to a re-INVITE, with the answer when that re-INVITE carried no offer.
    ReofferConfirmed {
        /// The answer.
        sdp: Option<Vec<u8>>,
    },
    /// A re-INVITE or UPDATE.
    Reoffer {
        /// The offer; absent asks for one of ours.
        sdp: Option<Vec<u8>>,
    },
    /// Our re-INVITE was answered.
    Reanswered {
        /// The answer.
        sdp: Option<Vec<u8>>,
    },
    /// Our re-INVITE was refused; the session goes on unchanged.
    ReofferRejected,
    /// A listener's other device calls to take the place of one that is in the conversation (RFC 3891). The leg is the one
    /// that [`Call::leg_to_take_over`] gave for it.
    TakesOver {
        /// The leg whose place it takes.
        of: LegId,
        /// Its offer; absent asks for one of ours.
        offer: Option<Vec<u8>>,
    },
    /// A key sent by INFO.
    Digit(char),
    /// The leg is over. Comes once.
    Ended(LegEnd),
}

/// How a leg came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum LegEnd {
    /// CANCEL, before an answer.
    Cancelled,
    /// BYE.
    HungUp,
    /// Our 2xx was never acknowledged.
    NoAck,
    /// Silence of the signalling, or the end of its connection.
    Lost,
    /// We ended it.
    Ours,
}

/// What a leg's sound says.
#[derive(Clone, Debug)]
pub enum MediaEvent {
    /// Ports are open; this is what we advertise.
    Opened {
        /// RTP address.
        rtp: SocketAddr,
        /// RTCP address.
        rtcp: SocketAddr,
    },
    /// No stream can be opened.
    OpenFailed,
    /// The first valid packet came.
    Started,
    /// A key, once per press.
    Digit(char),
    /// A playback came to its end by itself.
    PlaybackEnded(Playback),
    /// Neither RTP nor RTCP for this long, though some is due.
    Silent {
        /// Milliseconds.
        for_ms: u64,
    },
    /// Sound again after `Silent`.
    Audible,
    /// The stream is closed; its figures.
    Closed(record::Sound),
}

/// What the dispatcher says.
#[derive(Clone, Debug)]
pub enum DispatchEvent {
    /// This listener is reserved for the call: ring all these devices. None means that none is left.
    Ring {
        /// The reservation.
        token: Token,
        /// How long to ring.
        ring: Duration,
        /// The listener's registered contacts.
        devices: Vec<Device>,
    },
    /// Stop ringing.
    Withdraw {
        /// The reservation that ends.
        token: Token,
    },
    /// Every tier is over.
    Exhausted,
}

/// What the call wants done.
#[derive(Clone, Debug)]
pub enum Output {
    /// On a leg's signalling.
    Leg {
        /// The leg.
        leg: LegId,
        /// What.
        act: LegAct,
    },
    /// On a leg's sound.
    Media {
        /// The leg.
        leg: LegId,
        /// What.
        act: MediaAct,
    },
    /// To the dispatcher.
    Dispatch(DispatchAct),
    /// For those who watch.
    Note(Note),
    /// The call is over and everything of it is settled. Comes once, last but for `Timeout(None)`.
    Finished(Box<Finished>),
    /// Nothing more to do until this instant.
    Timeout(Option<Instant>),
}

/// What shall happen on a leg's signalling.
#[derive(Clone, Debug)]
pub enum LegAct {
    /// 200 with this session description.
    Answer {
        /// Our answer, or our offer when the INVITE carried none.
        sdp: Vec<u8>,
    },
    /// A final refusal of the caller's INVITE.
    Reject {
        /// The status code.
        status: u16,
        /// Seconds after which another try is welcome.
        retry_after_s: Option<u32>,
        /// What is wrong with the session description (RFC 3261 §20.43): code and words.
        warning: Option<(u16, &'static str)>,
    },
    /// Ring a listener's device.
    Invite {
        /// Whom.
        listener: crate::ids::ListenerId,
        /// On which contact.
        device: Device,
        /// Our offer.
        sdp: Vec<u8>,
        /// For how long.
        ring: Duration,
        /// The service's own number, from which the listener's phone seems to be called.
        service: String,
        /// The name that goes with it: the service and the department, never the caller.
        shown: String,
    },
    /// The reply to a re-INVITE.
    AnswerReoffer {
        /// The status code.
        status: u16,
        /// The session description of a 2xx.
        sdp: Option<Vec<u8>>,
    },
    /// A re-INVITE of ours: it keeps the session, and finds out whether the peer is still there.
    Reoffer {
        /// Our offer.
        sdp: Vec<u8>,
    },
    /// End the leg, whatever state it is in: CANCEL, final response, ACK+BYE or BYE.
    Hangup(HangupReason),
}

/// Why we end a leg; it becomes a Reason header (RFC 3326).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum HangupReason {
    /// Ordinary end.
    Normal,
    /// Another device or listener took the call.
    CompletedElsewhere,
    /// The caller left.
    CallerGone,
    /// It rang long enough.
    RangOut,
    /// The peers have no codec in common.
    NoCodec,
    /// No sound comes from the peer.
    MediaLost,
    /// The node stops.
    Draining,
    /// A fault of ours.
    Fault,
}

/// What shall happen on a leg's sound.
#[derive(Clone, Debug)]
pub enum MediaAct {
    /// Open a port pair.
    Open,
    /// Take up the result of a negotiation.
    Configure(Box<Audio>),
    /// Say these, one after the other; with `repeat`, again and again with this pause.
    Play {
        /// Names this playback.
        playback: Playback,
        /// The language.
        language: String,
        /// What to say.
        prompts: Vec<PromptName>,
        /// The pause between two rounds; `None` says it once.
        repeat: Option<Duration>,
    },
    /// Stop this playback.
    Stop(Playback),
    /// Join the sound with that leg's.
    Bridge(LegId),
    /// Part it again.
    Unbridge(LegId),
    /// Close the ports.
    Close,
}

/// What the dispatcher is told.
#[derive(Clone, Debug)]
pub enum DispatchAct {
    /// A caller waits.
    Enqueue(Box<Request>),
    /// The caller waits no longer.
    Leave,
    /// What came of a ring.
    Outcome(Token, Outcome),
    /// The conversation is over.
    Released(Token),
}

/// What happened, for metrics, ladder and console. Closed words, no number.
#[derive(Clone, Debug)]
pub enum Note {
    /// A new stage began.
    Stage(Stage),
    /// A step of the dialplan was entered.
    Step(Box<str>),
    /// The caller was answered this long after the INVITE.
    Answered(Duration),
    /// Two voices were joined: wait since the queue was entered.
    Bridged {
        /// Since the caller entered the queue.
        waited: Duration,
        /// Since the listener was chosen.
        rang: Duration,
    },
    /// A listener's phone was asked to ring, this long after the choice.
    RingSent(Duration),
    /// A ring came to its end.
    Attempt(record::AttemptOutcome),
    /// Two joined legs of which one gives no sound.
    OneWayAudio,
}
