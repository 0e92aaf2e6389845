//! Why a step of a negotiation is not taken, who is at fault, and what to answer (RFC 3261 §20.43, §21.4).

use super::ParseError;

/// Why nothing was agreed. The session in force stays in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The peer's body cannot be read.
    #[error("unreadable: {0}")]
    Unreadable(#[from] ParseError),
    /// No voice stream is offered, or only disabled ones: a fax, a video, nothing at all.
    #[error("no voice stream is offered")]
    NoVoice,
    /// Voice is offered, but only over transports we do not have (encrypted, or a browser's).
    #[error("voice is offered over no transport we have")]
    Transport,
    /// Voice is offered, but in no codec of ours. Telephone events alone are no voice.
    #[error("no codec in common")]
    NoCommonCodec,
    /// The peer is on the other family of addresses, so no packet can pass.
    #[error("the peer wants media on another family of addresses")]
    AddressFamily,
    /// Our offer was answered by a voice stream with port 0.
    #[error("the answer disables voice")]
    VoiceRefused,
    /// An offer of ours is open, and neither side may make another before it is closed (glare).
    #[error("an offer of ours has no answer yet")]
    OfferPending,
    /// An answer, a refresh or a withdrawal without anything it could refer to. The fault is ours, or the peer answers
    /// what was never asked.
    #[error("nothing was offered")]
    NothingOffered,
}

impl Refusal {
    /// The status to answer the request with. When it is an *answer* that fails, there is nothing to answer: the offer's
    /// own outcome stands, and the leg is ended with this status as its reason.
    pub const fn status(self) -> u16 {
        match self {
            Refusal::Unreadable(ParseError::TooLarge) => 413,
            Refusal::Unreadable(_) => 400,
            Refusal::NoVoice
            | Refusal::Transport
            | Refusal::NoCommonCodec
            | Refusal::AddressFamily
            | Refusal::VoiceRefused => 488,
            Refusal::OfferPending => 491,
            Refusal::NothingOffered => 500,
        }
    }

    /// The code and text of the `Warning` header that goes with a 488.
    pub const fn warning(self) -> Option<(u16, &'static str)> {
        match self {
            Refusal::AddressFamily => Some((301, "Incompatible network address formats")),
            Refusal::Transport => Some((302, "Incompatible transport protocol")),
            Refusal::NoVoice | Refusal::VoiceRefused => Some((304, "Media type not available")),
            Refusal::NoCommonCodec => Some((305, "Incompatible media format")),
            Refusal::Unreadable(_) | Refusal::OfferPending | Refusal::NothingOffered => None,
        }
    }
}
