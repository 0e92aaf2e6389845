//! Media: the caller's and the listener's voices, the prompts between them, and the keys the caller presses.
//!
//! Each leg is *terminated and re-originated* (RFC 3550 §7 would call us a mixer with one source at a time): what comes
//! in is checked, counted and understood; what goes out is one stream of ours per leg, with one SSRC, whatever the
//! source behind it is at the moment (prompt, waiting music, the other party, silence).
//!
//! This file is the vocabulary. The room has a core that owns no socket, thread or clock ([`Plane`], run unchanged by
//! the simulator), and around it a thread that owns all three ([`Worker`]).
//!
//! What this room deliberately does not do: it never records, there is no path from a received packet to a file or to a
//! sink other than the peer leg; it does not decide how a call goes on, it reports and is told.

mod bridge;
mod codec;
mod dtmf;
mod handle;
mod io;
mod latch;
mod library;
mod output;
mod plane;
mod playback;
mod ports;
mod prompt;
mod resample;
mod rtcp;
mod rtp;
mod stats;
mod stream;
mod tone;
mod wheel;
mod worker;

#[cfg(test)]
mod scenario;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::ids::LegId;
use crate::sdp;

pub use handle::{Counters, Full, WorkerHandle};
pub use io::SocketIo;
pub use library::{Library, LibraryFault, LibraryFaultKind};
pub use plane::{Output, Plane, Totals};
pub use ports::PortPool;
pub use prompt::{Prompt, PromptFault};
pub use stats::{DropReason, Drops, StreamStats};
pub use worker::{Worker, WorkerOptions};

/// Names one playback on one leg, chosen by whoever starts it, so that the end of an old playback is never taken for
/// the end of a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlaybackId(pub u32);

/// What a media worker is told.
#[derive(Clone)]
pub enum Command {
    /// Open a pair of ports for `leg`. Answered by [`Report::Opened`] or [`Report::OpenFailed`].
    Open {
        /// The leg that needs ports.
        leg: LegId,
    },
    /// What was negotiated. Comes once per completed offer/answer, so again after each re-INVITE; opens the latch again.
    Configure {
        /// The leg negotiated for.
        leg: LegId,
        /// What was agreed.
        audio: Box<sdp::Audio>,
        /// Where the leg's signalling comes from: media from a telephone behind a NAT comes from there too.
        signalling_source: IpAddr,
    },
    /// Play `prompts`, one after the other, towards `leg`. Replaces a running playback (which reports
    /// [`PlaybackEnd::Stopped`]) and takes precedence over a bridge while it lasts.
    Play {
        /// Who hears it.
        leg: LegId,
        /// The name its end is reported under.
        playback: PlaybackId,
        /// What to play, in order.
        prompts: Vec<Arc<Prompt>>,
        /// Begin again and again, after this much silence; `None` plays once.
        repeat: Option<Duration>,
    },
    /// Stop that playback, if it is the one running.
    Stop {
        /// Who hears it.
        leg: LegId,
        /// Which playback.
        playback: PlaybackId,
    },
    /// Let the two legs hear each other. Either leg leaves the bridge it was in.
    Bridge {
        /// One side.
        a: LegId,
        /// The other side.
        b: LegId,
    },
    /// Part the two legs, if they are bridged to each other. Both go on hearing silence.
    Unbridge {
        /// One side.
        a: LegId,
        /// The other side.
        b: LegId,
    },
    /// Press keys (RFC 4733), as a telephone does. For the softphone of demonstrations and tests.
    SendDigits {
        /// The leg that presses.
        leg: LegId,
        /// `0`-`9`, `*`, `#`, `A`-`D`; anything else is left out.
        digits: String,
    },
    /// Measure what `leg` hears at these frequencies, and report it as [`Report::Tone`] five times a second. An empty
    /// list ends it. For the softphone of demonstrations and tests: it yields energies, never sound.
    Monitor {
        /// The leg that listens.
        leg: LegId,
        /// The frequencies to look for, in hertz; at most eight.
        frequencies: Vec<u16>,
    },
    /// Say goodbye (RTCP BYE) and give the ports back. Answered by [`Report::Closed`].
    Close {
        /// The leg that ends.
        leg: LegId,
    },
}

/// What a media worker tells.
#[derive(Clone, PartialEq)]
pub enum Report {
    /// The ports of `leg` are open: this is what belongs into our SDP.
    Opened {
        /// The leg.
        leg: LegId,
        /// Our advertised address for RTP.
        rtp: SocketAddr,
        /// Our advertised address for RTCP.
        rtcp: SocketAddr,
    },
    /// There are no ports for `leg`.
    OpenFailed {
        /// The leg.
        leg: LegId,
        /// Why.
        why: OpenError,
    },
    /// The first valid RTP packet of the leg's peer has come.
    Started {
        /// The leg.
        leg: LegId,
    },
    /// A key was pressed. Each press is told once, at the first packet of it that arrives.
    Digit {
        /// The leg.
        leg: LegId,
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
        /// How long it had been held when it was first heard of.
        duration_ms: u32,
    },
    /// A playback is over.
    PlaybackEnded {
        /// The leg that heard it.
        leg: LegId,
        /// Which playback.
        playback: PlaybackId,
        /// Played to its end, or cut.
        how: PlaybackEnd,
    },
    /// Nothing has come from the peer for as long as [`Settings::silence_after`], although something should.
    Silent {
        /// The leg.
        leg: LegId,
        /// How long it has been silent.
        for_ms: u64,
    },
    /// The peer is back after [`Report::Silent`].
    Audible {
        /// The leg.
        leg: LegId,
    },
    /// How much of what `leg` heard in the last 200 ms was at `hz` (the strongest of the monitored frequencies).
    Tone {
        /// The leg.
        leg: LegId,
        /// The strongest monitored frequency.
        hz: u16,
        /// Its part of the energy, 0 to 1; 0 when all is quiet.
        share: f32,
    },
    /// The leg is closed, and this is what went through it.
    Closed {
        /// The leg.
        leg: LegId,
        /// What was counted.
        stats: Box<StreamStats>,
    },
}

/// How a playback ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PlaybackEnd {
    /// Heard to the end.
    Finished,
    /// Cut: stopped, replaced, or its leg closed.
    Stopped,
}

/// Why no ports could be opened. Our fault in both cases: the caller is answered 503 with Retry-After.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum OpenError {
    /// Every pair of the configured range is in use or resting.
    #[error("no free pair of media ports: widen the range, or add a node")]
    NoPorts,
    /// The system refused a socket.
    #[error("the system refused a media socket (limit of open files, or the address is not ours)")]
    System,
    /// The leg has ports already.
    #[error("the leg is open already")]
    AlreadyOpen,
}

/// The two protocols of a leg, each on its own port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PacketKind {
    /// The voice (even port).
    Rtp,
    /// The accounts about it (the odd port above).
    Rtcp,
}

/// A stream's place in the worker's table: small, and used again after the stream is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

/// The pair of ports of a leg, as they are to be advertised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// For RTP.
    pub rtp: SocketAddr,
    /// For RTCP.
    pub rtcp: SocketAddr,
}

/// What the plane needs of the outside: ports, and packets sent. The real one owns sockets ([`SocketIo`]); the
/// simulator's owns a virtual network.
pub trait Io {
    /// Open a pair of ports for the stream at `slot`.
    fn open(&mut self, now: Instant, slot: Slot, leg: LegId) -> Result<Ports, OpenError>;
    /// Send one packet from the port of `slot`. A packet that cannot be sent is lost, as in any network; the answer is
    /// whether it left.
    fn send(&mut self, slot: Slot, kind: PacketKind, to: SocketAddr, bytes: &[u8]) -> bool;
    /// Close the pair. Its ports must rest before they serve again: what was sent to the old call must not be heard in
    /// a new one.
    fn close(&mut self, now: Instant, slot: Slot);
}

/// How a media worker behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address our media sockets bind.
    pub ip: IpAddr,
    /// The address our SDP shows: differs from `ip` behind a NAT.
    pub advertised: IpAddr,
    /// The ports we may use; pairs begin at even ports.
    pub ports: RangeInclusive<u16>,
    /// How long a closed pair rests.
    pub port_rest: Duration,
    /// After how much silence of a peer that should send [`Report::Silent`] is told.
    pub silence_after: Duration,
    /// How long a bridged leg waits for the other side's next packet, after the last one was played, before it is given
    /// silence instead.
    pub fill_after: Duration,
    /// The mean time between two RTCP reports (RFC 3550 §6.2).
    pub rtcp_every: Duration,
    /// Send to addresses in our own range too. Off, because an SDP that points at us makes a loop; on for a worker that
    /// plays both the engine and the telephones of a demonstration.
    pub send_to_own_ports: bool,
}

impl Settings {
    /// The default settings on `ip`, for the ports of `ports`.
    pub fn new(ip: IpAddr, ports: RangeInclusive<u16>) -> Settings {
        Settings {
            ip,
            advertised: ip,
            ports,
            port_rest: Duration::from_secs(5),
            silence_after: Duration::from_secs(30),
            fill_after: Duration::from_millis(40),
            rtcp_every: Duration::from_secs(5),
            send_to_own_ports: false,
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 20_000..=29_999)
    }
}

impl Command {
    /// The leg the command is about (the first of a bridge).
    pub fn leg(&self) -> LegId {
        match self {
            Command::Open { leg }
            | Command::Configure { leg, .. }
            | Command::Play { leg, .. }
            | Command::Stop { leg, .. }
            | Command::SendDigits { leg, .. }
            | Command::Monitor { leg, .. }
            | Command::Close { leg }
            | Command::Bridge { a: leg, .. }
            | Command::Unbridge { a: leg, .. } => *leg,
        }
    }
}

impl Report {
    /// The leg the report is about.
    pub fn leg(&self) -> LegId {
        match self {
            Report::Opened { leg, .. }
            | Report::OpenFailed { leg, .. }
            | Report::Started { leg }
            | Report::Digit { leg, .. }
            | Report::PlaybackEnded { leg, .. }
            | Report::Silent { leg, .. }
            | Report::Audible { leg }
            | Report::Tone { leg, .. }
            | Report::Closed { leg, .. } => *leg,
        }
    }
}

/// Keys are hidden: a caller may type the number he wants to be called back at.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Open { leg } => write!(f, "Open({leg})"),
            Command::Configure { leg, audio, .. } => {
                write!(f, "Configure({leg}, {:?}, {:?})", audio.codec, audio.direction)
            }
            Command::Play { leg, playback, prompts, repeat } => {
                let names: Vec<&str> = prompts.iter().map(|prompt| prompt.name()).collect();
                write!(f, "Play({leg}, {}, {names:?}, repeat {repeat:?})", playback.0)
            }
            Command::Stop { leg, playback } => write!(f, "Stop({leg}, {})", playback.0),
            Command::Bridge { a, b } => write!(f, "Bridge({a}, {b})"),
            Command::Unbridge { a, b } => write!(f, "Unbridge({a}, {b})"),
            Command::SendDigits { leg, .. } => write!(f, "SendDigits({leg}, hidden)"),
            Command::Monitor { leg, frequencies } => write!(f, "Monitor({leg}, {frequencies:?})"),
            Command::Close { leg } => write!(f, "Close({leg})"),
        }
    }
}

/// Keys are hidden: a caller may type the number he wants to be called back at.
impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Opened { leg, rtp, rtcp } => write!(f, "Opened({leg}, {rtp}, {rtcp})"),
            Report::OpenFailed { leg, why } => write!(f, "OpenFailed({leg}, {why:?})"),
            Report::Started { leg } => write!(f, "Started({leg})"),
            Report::Digit { leg, duration_ms, .. } => write!(f, "Digit({leg}, hidden, {duration_ms} ms)"),
            Report::PlaybackEnded { leg, playback, how } => write!(f, "PlaybackEnded({leg}, {}, {how:?})", playback.0),
            Report::Silent { leg, for_ms } => write!(f, "Silent({leg}, {for_ms} ms)"),
            Report::Audible { leg } => write!(f, "Audible({leg})"),
            Report::Tone { leg, hz, share } => write!(f, "Tone({leg}, {hz} Hz, {share:.2})"),
            Report::Closed { leg, stats } => write!(f, "Closed({leg}, {stats:?})"),
        }
    }
}
