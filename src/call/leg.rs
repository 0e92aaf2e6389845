//! A leg: one party's signalling and sound, as far as the call needs to know them.

use std::collections::VecDeque;

use crate::clock::Instant;
use crate::dispatch::Token;
use crate::ids::LegId;
use crate::sdp::{Local, Session};

use super::Playback;

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The person who called.
    Caller,
    /// A listener's device, rung under this reservation.
    Listener(Token),
}

/// Where the leg's signalling stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signalling {
    /// An INVITE is here (caller) or not yet sent (listener).
    Fresh,
    /// Our INVITE is out.
    Inviting,
    /// 200 sent or received.
    Established,
    /// Nothing more is sent on it.
    Over,
}

/// Where the leg's stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// Ports asked for.
    Opening,
    /// Ports open.
    Open,
    /// Close asked for, figures awaited.
    Closing,
    /// Closed, or never opened.
    Closed,
}

/// One leg.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    /// Who is there.
    pub role: Role,
    /// Its offer/answer state.
    pub session: Session,
    /// What we advertise for it, once its ports are open.
    pub local: Option<Local>,
    /// Its signalling.
    pub signalling: Signalling,
    /// Its sound.
    pub stream: Stream,
    /// What plays to it.
    pub playing: Option<Playback>,
    /// No packet has come since then, though some are due.
    pub silent_since: Option<Instant>,
    /// Its signalling ended because nobody was there any more.
    pub lost: bool,
    /// A first valid packet came.
    pub started: bool,
    /// The peer sent the INVITE: the caller, or a device that takes over a conversation.
    pub incoming: bool,
    /// A re-INVITE of ours is out.
    pub reoffering: bool,
    /// The last keys that came one way and not yet the other, to know a double (RTP and INFO) from two presses.
    pub presses: VecDeque<(char, DigitSource, Instant)>,
}

/// Which way a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DigitSource {
    /// RFC 4733.
    Rtp,
    /// SIP INFO.
    Info,
}

impl Leg {
    /// A leg whose ports have just been asked for.
    pub fn new(id: LegId, role: Role) -> Leg {
        // The o= line wants a number that no other description of ours carries (RFC 8866 §5.2).
        let session = Session::new(id.call.as_raw().rotate_left(16) ^ u64::from(id.nth));
        let incoming = role == Role::Caller;
        Leg {
            role,
            incoming,
            session,
            local: None,
            signalling: Signalling::Fresh,
            stream: Stream::Opening,
            playing: None,
            silent_since: None,
            lost: false,
            started: false,
            reoffering: false,
            presses: VecDeque::new(),
        }
    }

    /// The reservation under which it is rung.
    pub fn token(&self) -> Option<&Token> {
        match &self.role {
            Role::Listener(token) => Some(token),
            Role::Caller => None,
        }
    }

    /// Has the peer put us on hold?
    pub fn holds_us(&self) -> bool {
        self.session.audio.as_ref().is_some_and(|audio| audio.held)
    }
}
