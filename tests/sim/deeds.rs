//! What a person can do with a telephone, the worst included.

use std::fmt;

use ecoute::node::PhoneAction;

/// A deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    Register,
    Unregister,
    Dial,
    Answer,
    Decline(u16),
    Hangup,
    Press(String),
    Hold(bool),
    /// Takes over the conversation of that telephone.
    TakeOver(usize),
    /// Asks to hand the caller to somebody else.
    Refer,
    /// The power fails.
    Vanish,
    /// The power is back; the telephone registers.
    ComeBack,
}

impl Deed {
    /// Is it meant for one call, and void after it?
    pub fn belongs_to_a_call(&self) -> bool {
        matches!(self, Deed::Answer | Deed::Decline(_) | Deed::Hangup | Deed::Press(_) | Deed::Hold(_) | Deed::Refer)
    }

    /// The same in the words of the softphone, where it has them.
    pub fn action(&self, number: &str) -> Option<PhoneAction> {
        Some(match self {
            Deed::Register => PhoneAction::Register { expires_s: 60 },
            Deed::Unregister => PhoneAction::Unregister,
            Deed::Dial => PhoneAction::Dial { to: number.to_owned() },
            Deed::Answer => PhoneAction::Answer,
            Deed::Decline(status) => PhoneAction::Decline(*status),
            Deed::Hangup => PhoneAction::Hangup,
            Deed::Press(keys) => PhoneAction::Press(keys.clone()),
            Deed::Hold(on) => PhoneAction::Hold(*on),
            Deed::TakeOver(_) | Deed::Refer | Deed::Vanish | Deed::ComeBack => return None,
        })
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Deed::Register => f.write_str("registers"),
            Deed::Unregister => f.write_str("unregisters"),
            Deed::Dial => f.write_str("dials"),
            Deed::Answer => f.write_str("answers"),
            Deed::Decline(status) => write!(f, "declines with {status}"),
            Deed::Hangup => f.write_str("hangs up"),
            Deed::Press(keys) => write!(f, "presses {keys}"),
            Deed::Hold(true) => f.write_str("holds the call"),
            Deed::Hold(false) => f.write_str("takes the call back"),
            Deed::TakeOver(_) => f.write_str("takes a conversation over"),
            Deed::Refer => f.write_str("asks for a transfer"),
            Deed::Vanish => f.write_str("VANISHES"),
            Deed::ComeBack => f.write_str("comes back"),
        }
    }
}
