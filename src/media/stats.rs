//! What is counted about a stream, and the reasons a packet is dropped in silence.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a packet that arrived was not used. One word per reason, and the same word labels the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DropReason {
    /// Not an RTP packet: garbage, STUN, DTLS, RTCP on the wrong port.
    NotRtp,
    /// From an address that may not send on this leg.
    Foreign,
    /// Before the leg was negotiated.
    Early,
    /// The negotiated direction does not let the peer send.
    Unwanted,
    /// A payload type that was not negotiated.
    UnknownPayload,
    /// Comfort noise (RFC 3389): silence of the right length is passed on instead.
    ComfortNoise,
    /// Of a new source, or after a leap, and not yet proved by a second packet.
    Unproven,
    /// Received before.
    Duplicate,
    /// Its time was already filled with something else.
    Late,
    /// A key event that is cut short or reserved.
    BadEvent,
    /// Nobody was there to hear it: no bridge, or a prompt came first.
    Unheard,
    /// Not an RTCP packet.
    NotRtcp,
    /// The system did not take it for sending.
    Unsent,
}

impl DropReason {
    /// All of them, in the order of their numbers.
    pub const ALL: [DropReason; 13] = [
        DropReason::NotRtp,
        DropReason::Foreign,
        DropReason::Early,
        DropReason::Unwanted,
        DropReason::UnknownPayload,
        DropReason::ComfortNoise,
        DropReason::Unproven,
        DropReason::Duplicate,
        DropReason::Late,
        DropReason::BadEvent,
        DropReason::Unheard,
        DropReason::NotRtcp,
        DropReason::Unsent,
    ];

    /// The word for a metric's label.
    pub const fn label(self) -> &'static str {
        match self {
            DropReason::NotRtp => "not_rtp",
            DropReason::Foreign => "foreign",
            DropReason::Early => "early",
            DropReason::Unwanted => "unwanted",
            DropReason::UnknownPayload => "unknown_payload",
            DropReason::ComfortNoise => "comfort_noise",
            DropReason::Unproven => "unproven",
            DropReason::Duplicate => "duplicate",
            DropReason::Late => "late",
            DropReason::BadEvent => "bad_event",
            DropReason::Unheard => "unheard",
            DropReason::NotRtcp => "not_rtcp",
            DropReason::Unsent => "unsent",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// How many packets were dropped, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drops([u64; DropReason::ALL.len()]);

impl Drops {
    /// How many for this reason.
    pub fn of(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }

    /// How many for reasons that tell of a fault or an intruder; packets that nobody was there to hear are not counted.
    pub fn faults(&self) -> u64 {
        self.0.iter().sum::<u64>() - self.of(DropReason::Unheard) - self.of(DropReason::ComfortNoise)
    }

    /// Reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.into_iter().map(|reason| (reason, self.of(reason))).filter(|(_, count)| *count > 0)
    }

    pub(super) fn count(&mut self, reason: DropReason) {
        self.0[reason as usize] += 1;
    }
}

/// What went through one leg, told when it closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStats {
    /// RTP packets received from the peer and understood.
    pub packets_in: u64,
    /// Their payload bytes.
    pub octets_in: u64,
    /// RTP packets sent.
    pub packets_out: u64,
    /// Their payload bytes.
    pub octets_out: u64,
    /// Packets of the peer that never arrived, by its sequence numbers.
    pub lost: u64,
    /// Packets that arrived out of order but were used.
    pub reordered: u64,
    /// Packets dropped, by reason.
    pub dropped: Drops,
    /// How unsteady the peer's packets arrived (RFC 3550 A.8), in microseconds.
    pub jitter_us: u32,
    /// The longest time without a packet of the peer while it should have been sending.
    pub max_gap_ms: u32,
    /// From the negotiation to the peer's first packet.
    pub first_packet_after_ms: Option<u32>,
    /// How often the peer began a new stream (SSRC change, restart).
    pub restarts: u32,
    /// Frames of silence we put in while a bridged party sent nothing.
    pub filled: u64,
    /// Keys pressed.
    pub digits: u32,
    /// Packets of ours the peer missed, by its own account.
    pub remote_lost: u32,
    /// How unsteady ours arrived there, by its own account, in microseconds.
    pub remote_jitter_us: u32,
    /// There and back, from its last report.
    pub round_trip_us: Option<u32>,
}
