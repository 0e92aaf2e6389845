//! What a test call over a trunk met: each answer of each peer, and how it ended. Without the number that was called.

use std::fmt;

use crossbeam_channel::Sender;

use crate::trunk::Hop;

/// Who waits for the result of a test call. The shard carries it along and gives it back with the result.
#[derive(Clone)]
pub struct Ticket(Option<Sender<Tried>>);

impl Ticket {
    /// Somebody waits at the other end.
    pub fn new(reply: Sender<Tried>) -> Ticket {
        Ticket(Some(reply))
    }

    /// Nobody waits.
    pub const fn nobody() -> Ticket {
        Ticket(None)
    }

    /// Hands the result over, once; whoever waited may have gone.
    pub(super) fn redeem(self, tried: Tried) {
        if let Some(reply) = self.0 {
            let _ = reply.try_send(tried);
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket")
    }
}

/// The result of a test call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// How it ended.
    pub end: TriedEnd,
    /// What each peer said, in order.
    pub steps: Vec<TriedStep>,
}

/// One answer, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriedStep {
    /// The peer.
    pub hop: Hop,
    /// Its answer; `None`: nothing came.
    pub status: Option<u16>,
    /// No connection could be opened.
    pub unreachable: bool,
    /// Since the test began.
    pub after_ms: u64,
}

/// How a test call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriedEnd {
    /// Somebody answered, and we hung up.
    Answered,
    /// It rang, and nobody answered.
    RangOut,
    /// Nobody took the call.
    Refused,
    /// There is no such trunk.
    UnknownTrunk,
    /// The trunk only receives (`outgoing.number` is not written).
    ReceivesOnly,
    /// Short and emergency numbers are never dialled.
    ShortNumber,
    /// The trunk's file bars this number.
    Barred,
    /// All channels are in use.
    Full,
    /// No peer is there, or we are not registered.
    Down,
    /// The node stops, or too many tests are under way.
    Busy,
}

impl TriedEnd {
    /// For staff, in French and in English.
    pub const fn in_words(self) -> (&'static str, &'static str) {
        match self {
            TriedEnd::Answered => ("on a décroché ; nous avons raccroché", "somebody answered; we hung up"),
            TriedEnd::RangOut => ("cela a sonné sans réponse", "it rang and nobody answered"),
            TriedEnd::Refused => ("l'opérateur n'a pas pris l'appel", "the operator did not take the call"),
            TriedEnd::UnknownTrunk => ("aucun raccordement de ce nom", "no trunk of that name"),
            TriedEnd::ReceivesOnly => (
                "ce raccordement n'appelle pas : `outgoing.number` n'est pas écrit",
                "this trunk places no calls: `outgoing.number` is not written",
            ),
            TriedEnd::ShortNumber => (
                "les numéros courts et d'urgence ne sont jamais composés",
                "short and emergency numbers are never dialled",
            ),
            TriedEnd::Barred => (
                "le fichier du raccordement interdit ce numéro (`outgoing.barred`)",
                "the trunk's file bars this number (`outgoing.barred`)",
            ),
            TriedEnd::Full => ("tous les canaux sont pris", "all channels are in use"),
            TriedEnd::Down => (
                "aucune machine de l'opérateur ne répond, ou nous n'y sommes pas enregistrés",
                "no machine of the operator answers, or we are not registered there",
            ),
            TriedEnd::Busy => {
                ("le nœud s'arrête, ou trop d'essais sont en cours", "the node stops, or too many tests are under way")
            }
        }
    }
}
