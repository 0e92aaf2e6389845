//! What is known of a call: how it arrived, who calls, where the person concerned lives.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::{Instant, Now};
use crate::dialplan::Plan;
use crate::france::Department;
use crate::ids::{CallId, PhoneNumber};

use super::record::LocatedBy;

/// What the network says of the caller's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerIdentity {
    /// A number we may match against the tables, and nothing else.
    Number(PhoneNumber),
    /// Hidden by choice or by the network: not shown, not kept, not called back.
    Hidden,
    /// No number was given, or none we can read.
    Unknown,
}

/// A caller's INVITE, as the call sees it.
#[derive(Clone)]
pub struct Arrival {
    /// The call.
    pub call: CallId,
    /// When it came.
    pub now: Now,
    /// The plan that serves the number dialled.
    pub plan: Arc<Plan>,
    /// The caller.
    pub caller: CallerIdentity,
    /// Where a trusted network says the call comes from (P-Access-Network-Info): a better hint than the number.
    pub located: Option<Department>,
    /// The session description of the INVITE; `None` is a late offer (RFC 3261 §13.2.1).
    pub offer: Option<Vec<u8>>,
}

/// What the dialplan has learned so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The language spoken to the caller.
    pub language: String,
    /// Where a trusted network says the caller is.
    pub caller_in: Option<Department>,
    /// Where the person concerned lives, and how we know.
    pub department: Option<(Department, LocatedBy)>,
    /// What the caller keyed at `ask` steps, by fact name.
    pub keyed: BTreeMap<Box<str>, String>,
}

/// The instants of a call, for its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestones {
    /// The INVITE.
    pub began: Now,
    /// Our 200.
    pub answered: Option<Instant>,
    /// First entry into the queue.
    pub queued: Option<Instant>,
    /// First joining of two voices.
    pub bridged: Option<Instant>,
}

impl Milestones {
    /// Milliseconds from the INVITE to `at`.
    pub fn since_invite_ms(&self, at: Instant) -> u64 {
        u64::try_from(at.since(self.began.at).as_millis()).unwrap_or(u64::MAX)
    }
}
