//! Why a session ended: enough for the call record, and the Reason header of RFC 3326 on the wire.

use serde::{Deserialize, Serialize};

/// Who brought it about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// This endpoint, or its owner.
    Us,
    /// The other party.
    Peer,
    /// What lies between: silence, a closed connection.
    Network,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// A BYE, ours or theirs.
    Bye,
    /// The INVITE was cancelled before an answer.
    Cancelled,
    /// The INVITE was refused.
    Rejected,
    /// It rang longer than allowed (our ring timeout, or the caller's Expires).
    RingTimeout,
    /// Our 2xx was never acknowledged, or no PRACK came for a reliable provisional response.
    NoAck,
    /// No response at all (Timer B or F).
    Timeout,
    /// The connection the session lived on is gone.
    FlowClosed,
    /// Nobody refreshed the session in time (RFC 4028).
    SessionExpired,
    /// The peer no longer knew the session (481 or 408 to a request of ours inside it).
    DialogLost,
    /// The peer broke the rules so that the session could not go on (no answer to a late offer, …).
    ProtocolError,
    /// Our credentials were refused.
    Unauthorized,
}

/// Who, what, and the numbers that came with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Who brought it about.
    pub by: Side,
    /// What happened.
    pub kind: CauseKind,
    /// The final status, where there was one.
    pub status: Option<u16>,
    /// The Reason header that came with it or was sent with it.
    pub reason: Option<Reason>,
}

impl Cause {
    /// A cause without status and Reason.
    pub const fn new(by: Side, kind: CauseKind) -> Cause {
        Cause { by, kind, status: None, reason: None }
    }

    /// The same with a status.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Cause {
        self.status = Some(status);
        self
    }

    /// The same with a Reason.
    #[must_use]
    pub const fn with_reason(mut self, reason: Option<Reason>) -> Cause {
        self.reason = reason;
        self
    }
}

/// The protocol of a Reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonProtocol {
    /// The cause is a SIP status.
    Sip,
    /// The cause is one of ITU-T Q.850.
    Q850,
}

/// A Reason header's protocol and cause. Its text is not kept: it is the peer's, and ours follows from the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reason {
    /// Whose numbers.
    pub protocol: ReasonProtocol,
    /// The number.
    pub cause: u16,
}

impl Reason {
    /// "Call completed elsewhere": in the CANCEL to devices that lost the race, so that none shows a missed call.
    pub const COMPLETED_ELSEWHERE: Reason = Reason::sip(200);
    /// Normal call clearing.
    pub const NORMAL: Reason = Reason { protocol: ReasonProtocol::Q850, cause: 16 };

    /// A SIP status as reason.
    pub const fn sip(cause: u16) -> Reason {
        Reason { protocol: ReasonProtocol::Sip, cause }
    }

    /// A Q.850 cause as reason.
    pub const fn q850(cause: u16) -> Reason {
        Reason { protocol: ReasonProtocol::Q850, cause }
    }

    /// The value of a Reason header.
    pub fn to_value(self) -> String {
        match self.protocol {
            ReasonProtocol::Sip if self.cause == 200 => "SIP;cause=200;text=\"Call completed elsewhere\"".into(),
            ReasonProtocol::Sip => format!("SIP;cause={}", self.cause),
            ReasonProtocol::Q850 => format!("Q.850;cause={}", self.cause),
        }
    }

    /// The status with which to refuse a call for this reason (RFC 3398 §8.2.6.1 for Q.850).
    pub fn refusal_status(self) -> u16 {
        match (self.protocol, self.cause) {
            (ReasonProtocol::Sip, status @ 400..=699) => status,
            (ReasonProtocol::Sip, _) => 480,
            (ReasonProtocol::Q850, cause) => match cause {
                1..=3 => 404,
                17 => 486,
                21 => 603,
                22 => 410,
                27 => 502,
                28 => 484,
                34 | 38 | 41 | 42 | 47 => 503,
                65 | 79 | 88 => 488,
                102 => 504,
                _ => 480,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written, and the status a reason refuses a call with.
    #[test]
    fn b088_values_and_statuses() {
        assert_eq!(Reason::COMPLETED_ELSEWHERE.to_value(), "SIP;cause=200;text=\"Call completed elsewhere\"");
        assert_eq!(Reason::NORMAL.to_value(), "Q.850;cause=16");
        assert_eq!(Reason::sip(486).to_value(), "SIP;cause=486");
        assert_eq!(Reason::q850(17).refusal_status(), 486);
        assert_eq!(Reason::sip(603).refusal_status(), 603);
        assert_eq!(Reason::COMPLETED_ELSEWHERE.refusal_status(), 480);
    }
}
