//! The record of a call: written once, when the last leg is settled, and complete in itself.
//!
//! It holds instants and spans, never words, never a telephone number that outlives its purpose: the caller's number
//! travels beside the record ([`Finished::caller`]) so that the store alone decides how long it is kept.

use serde::{Deserialize, Serialize};

use crate::clock::Civil;
use crate::ids::{CallId, ListenerId, PhoneNumber};

/// Who brought the call to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The person who called.
    Caller,
    /// The listener who had answered.
    Listener,
    /// The operator's network between the caller and us, or silence on it.
    Trunk,
    /// This program: the dialplan came to its end, or a limit or a fault of ours was met.
    Us,
}

/// What ended the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// CANCEL before our answer.
    Cancelled,
    /// BYE, an ordinary end.
    HungUp,
    /// The dialplan reached `hangup`.
    Completed,
    /// No codec in common, or a session description that cannot be used.
    NoCodec,
    /// No plan answers the number dialled.
    UnknownNumber,
    /// Every media port was in use.
    NoPorts,
    /// Our 200 was never acknowledged.
    NoAck,
    /// The peer stopped answering, or its connection ended.
    Lost,
    /// The node was told to stop.
    Drained,
    /// A fault of ours: a panic contained to this call, or a state that must not be.
    Fault,
}

/// Where the call stood when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The INVITE is here, the answer is not yet sent.
    Offered,
    /// 200 sent, the caller's ACK or first sound awaited.
    Answering,
    /// A prompt is playing.
    Prompt,
    /// A menu or a question waits for a key.
    Menu,
    /// The department is being found.
    Locating,
    /// In the queue, nobody rings.
    Waiting,
    /// A listener's phone rings.
    Ringing,
    /// Two voices are joined.
    Bridged,
    /// Our last words, or the hang-up itself.
    Closing,
}

/// Exactly one per call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Termination {
    /// Who.
    pub by: Party,
    /// What.
    pub how: How,
    /// Where.
    pub during: Stage,
}

/// One listener rung for the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Who was rung.
    pub listener: ListenerId,
    /// Milliseconds from the INVITE to the choice.
    pub chosen_ms: u64,
    /// Milliseconds from the INVITE to the end of ringing.
    pub ended_ms: u64,
    /// What came of it.
    pub outcome: AttemptOutcome,
}

/// What came of ringing a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The voices were joined.
    Answered,
    /// The listener refused.
    Declined,
    /// The phone was busy.
    Busy,
    /// It rang out.
    NoAnswer,
    /// No phone could be reached.
    Unreachable,
    /// The address does not exist.
    Wrong,
    /// A fault of ours.
    Failed,
    /// The caller left, or the dispatcher withdrew the ring.
    Withdrawn,
}

/// How the sound of one leg fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sound {
    /// RTP packets received.
    pub packets_in: u64,
    /// RTP packets sent.
    pub packets_out: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Interarrival jitter, microseconds (RFC 3550 §6.4.1).
    pub jitter_us: u32,
    /// The longest silence between two packets, milliseconds.
    pub gap_ms_max: u32,
}

/// How the department was learned, in the order of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocatedBy {
    /// The caller keyed it.
    Answer,
    /// Guessed from the number and confirmed by the caller.
    ConfirmedHint,
}

/// The record. Spans are milliseconds since the INVITE; `None` means that it did not come to pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The call.
    pub call: CallId,
    /// The plan that served it, by name; empty when no plan answers the number.
    pub service: String,
    /// When the INVITE came.
    pub began: Civil,
    /// When the last leg was settled.
    pub ended: Civil,
    /// INVITE to our 200.
    pub answered_ms: Option<u64>,
    /// INVITE to the end of the caller's leg.
    pub ended_ms: u64,
    /// First entry into the queue.
    pub queued_ms: Option<u64>,
    /// Two voices joined for the first time.
    pub bridged_ms: Option<u64>,
    /// Sum of all conversations.
    pub talked_ms: u64,
    /// Department of the person concerned, by code.
    pub department: Option<String>,
    /// How it was learned.
    pub located_by: Option<LocatedBy>,
    /// The language spoken to the caller.
    pub language: String,
    /// The listener of the (last) conversation.
    pub listener: Option<ListenerId>,
    /// Everyone rung, in order (at most [`ATTEMPTS_MAX`]).
    pub attempts: Vec<Attempt>,
    /// The steps of the dialplan that were entered, in order (at most [`STEPS_MAX`]).
    pub steps: Vec<String>,
    /// The caller's sound.
    pub caller_sound: Sound,
    /// The listener's sound, of the last conversation.
    pub listener_sound: Option<Sound>,
    /// How it ended.
    pub termination: Termination,
}

/// Steps kept in a record; a longer walk keeps the first ones.
pub const STEPS_MAX: usize = 64;

/// Attempts kept in a record; a longer search keeps the first ones.
pub const ATTEMPTS_MAX: usize = 256;

/// What the call hands over at its end.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The record, free of numbers.
    pub record: Record,
    /// The caller's number, for the store's retention rule alone.
    pub caller: Option<PhoneNumber>,
}

impl Termination {
    /// French and English, for staff.
    pub fn in_words(&self) -> (&'static str, &'static str) {
        match (self.how, self.by) {
            (How::Cancelled, _) => ("l'appelant a renoncé avant la réponse", "the caller gave up before the answer"),
            (How::HungUp, Party::Caller) => ("l'appelant a raccroché", "the caller hung up"),
            (How::HungUp, Party::Listener) => ("l'écoutant a raccroché", "the listener hung up"),
            (How::HungUp, Party::Trunk) => ("l'opérateur a mis fin à l'appel", "the operator ended the call"),
            (How::HungUp, Party::Us) => ("nous avons raccroché", "we hung up"),
            (How::Completed, _) => ("le plan d'appel est arrivé à son terme", "the dialplan came to its end"),
            (How::NoCodec, _) => ("aucun codec commun", "no codec in common"),
            (How::UnknownNumber, _) => ("numéro inconnu", "unknown number"),
            (How::NoPorts, _) => ("plus de port audio libre", "no media port was free"),
            (How::NoAck, _) => ("notre réponse n'a pas été confirmée", "our answer was never acknowledged"),
            (How::Lost, _) => ("la liaison a été perdue", "the connection was lost"),
            (How::Drained, _) => ("le service s'arrêtait", "the service was stopping"),
            (How::Fault, _) => ("une faute de notre part", "a fault of ours"),
        }
    }
}
