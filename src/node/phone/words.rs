//! The words between a phone and its owner: who it is, what it is told, and what it says.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::clock::Instant;
use crate::media::{self, Prompt, StreamStats};
use crate::sdp::Capabilities;
use crate::sip::{self, Flow, Headers};

/// Who the phone is.
#[derive(Clone, Debug)]
pub struct PhoneSettings {
    /// The user part of its address: an account name, or a number.
    pub user: String,
    /// Its password; `None` for a phone whose address is trusted.
    pub password: Option<String>,
    /// The domain of its address.
    pub domain: String,
    /// Its own SIP socket.
    pub local: SocketAddr,
    /// The server it speaks to.
    pub server: SocketAddr,
    /// Distinguishes the streams of several phones in one process.
    pub number: u32,
    /// Codecs.
    pub capabilities: Capabilities,
    /// Further headers of its INVITEs.
    pub headers: Headers,
}

/// What a phone is told.
#[derive(Debug)]
pub enum PhoneInput<'a> {
    /// Bytes from the network.
    Datagram {
        /// The way they came.
        flow: Flow,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// A connection is gone; or, with connection 0, none could be opened to the server.
    FlowClosed(Flow),
    /// Its media worker reports.
    Report(media::Report),
    /// Its owner does something.
    Act(PhoneAction),
    /// The instant named by the last `Timeout` has come.
    Timeout,
}

/// What its owner can do.
#[derive(Clone, Debug)]
pub enum PhoneAction {
    /// Register for this long.
    Register {
        /// Seconds.
        expires_s: u32,
    },
    /// Take the registration back.
    Unregister,
    /// Dial.
    Dial {
        /// The user part of the address dialled.
        to: String,
    },
    /// Take over the conversation of another of the same user's phones (RFC 3891).
    TakeOver {
        /// The user part of the address dialled.
        to: String,
        /// The value of Replaces: the other phone's dialog.
        replaces: String,
    },
    /// Take the call that rings.
    Answer,
    /// Refuse the call that rings.
    Decline(u16),
    /// End the call, in whatever state.
    Hangup,
    /// Press keys.
    Press(String),
    /// Speak: this sound, again and again.
    Speak(Arc<Prompt>),
    /// Listen for these tones, in hertz.
    Listen(Vec<u16>),
    /// Put the other side on hold, or take it back.
    Hold(bool),
}

/// What a phone wants done, or tells.
#[derive(Debug)]
pub enum PhoneOutput {
    /// Bytes to the network.
    Transmit {
        /// The way they go.
        flow: Flow,
        /// The bytes.
        bytes: sip::Bytes,
    },
    /// To its media worker.
    Media(media::Command),
    /// Something happened.
    Event(PhoneEvent),
    /// Nothing more until this instant.
    Timeout(Option<Instant>),
}

/// What happened to a phone.
#[derive(Clone, Debug, PartialEq)]
pub enum PhoneEvent {
    /// The registrar took the registration.
    Registered,
    /// The registrar refused it.
    RegistrationFailed(u16),
    /// Somebody calls.
    Rings,
    /// 1xx to our INVITE.
    Progress(u16),
    /// Two-way: 200 and ACK have passed.
    Connected,
    /// Our INVITE was refused.
    Refused(u16),
    /// The call is over; true when the other side ended it.
    Over {
        /// By the other side.
        by_peer: bool,
    },
    /// First sound.
    Heard,
    /// A tone we listen for.
    Tone {
        /// Hertz.
        hz: u16,
        /// Share of the sound's energy, 0 to 1.
        share: f32,
    },
    /// The stream is closed.
    Closed(Box<StreamStats>),
}
