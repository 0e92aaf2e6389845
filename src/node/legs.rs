//! Which SIP session carries which leg. The call knows legs, the endpoint knows sessions; this is the only place where
//! the two names meet.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::ids::LegId;
use crate::sip::SessionId;

/// Both directions of the map, and where each leg's signalling comes from.
#[derive(Debug, Default)]
pub(super) struct Legs {
    by_session: BTreeMap<SessionId, LegId>,
    by_leg: BTreeMap<LegId, (SessionId, IpAddr)>,
}

impl Legs {
    /// `leg` is carried by `session`, whose peer is at `source`.
    pub fn join(&mut self, leg: LegId, session: SessionId, source: IpAddr) {
        self.by_session.insert(session, leg);
        self.by_leg.insert(leg, (session, source));
    }

    /// The leg carried by `session`.
    pub fn leg(&self, session: SessionId) -> Option<LegId> {
        self.by_session.get(&session).copied()
    }

    /// The session that carries `leg`.
    pub fn session(&self, leg: LegId) -> Option<SessionId> {
        self.by_leg.get(&leg).map(|(session, _)| *session)
    }

    /// Where `leg`'s signalling comes from.
    pub fn source(&self, leg: LegId) -> Option<IpAddr> {
        self.by_leg.get(&leg).map(|(_, source)| *source)
    }

    /// `session`'s peer answers from `source`: a telephone that was woken is seldom where it was.
    pub fn answers_from(&mut self, session: SessionId, source: IpAddr) {
        if let Some(leg) = self.leg(session) {
            self.by_leg.insert(leg, (session, source));
        }
    }

    /// The session is over.
    pub fn part(&mut self, session: SessionId) -> Option<LegId> {
        let leg = self.by_session.remove(&session)?;
        self.by_leg.remove(&leg);
        Some(leg)
    }

    /// Sessions that carry a leg.
    pub fn len(&self) -> usize {
        self.by_session.len()
    }

    /// The sessions of a call, in the order of its legs.
    pub fn of_call(&self, call: crate::ids::CallId) -> Vec<SessionId> {
        let first = LegId { call, nth: 0 };
        let last = LegId { call, nth: u16::MAX };
        self.by_leg.range(first..=last).map(|(_, (session, _))| *session).collect()
    }
}
