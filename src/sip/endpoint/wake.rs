//! Calls to devices that are asleep: the owner is told how to wake the device, and the call waits until it has registered
//! anew (RFC 8599 §5.6.2). For whoever placed it, it is a call that does not ring yet.

use super::super::{
    Binding, Cause, CauseKind, Event, OutgoingInvite, Push, Reason, SessionId, Side, Target, endpoint::Alarm,
};
use super::Endpoint;
use crate::clock::Instant;

/// A call that waits for its device.
#[derive(Debug)]
pub(super) struct Waiting {
    device: Binding,
    invite: OutgoingInvite,
    until: Instant,
}

impl Endpoint {
    /// The devices of a user whose connection is gone, and that a push can wake: a call to one of them is told as
    /// [`Event::Wake`], and waits.
    pub fn asleep<'s>(&'s self, user: &str) -> impl Iterator<Item = &'s Binding> + use<'s> {
        self.registrar.asleep(self.core.now, &user.to_ascii_lowercase())
    }

    /// The calls that wait for a device to wake, and that device.
    pub fn wakes(&self) -> impl Iterator<Item = (SessionId, &Binding)> {
        self.waking.iter().map(|(session, waiting)| (*session, &waiting.device))
    }

    /// How the device of this call is woken, if it sleeps.
    pub(super) fn sleeps(&self, invite: &OutgoingInvite) -> Option<Push> {
        let Target::Binding(called) = &invite.target else { return None };
        if self.registrar.is_bound(self.core.now, &called.user, &called.flow) {
            return None;
        }
        self.registrar.asleep(self.core.now, &called.user).find(|device| device.is_device_of(called))?.push.clone()
    }

    /// Wakes the device of a call, which waits as long as it may ring.
    pub(super) fn wake(&mut self, session: SessionId, invite: OutgoingInvite, push: Push) {
        let Target::Binding(device) = &invite.target else { return };
        let (device, user) = (Binding::clone(device), device.user.clone());
        let until = self.core.now + invite.ring_timeout;
        self.core.alarms.set(Alarm::Ring(session), until);
        self.waking.insert(session, Waiting { device, invite, until });
        self.core.tell(Event::Wake { session, user, push });
    }

    /// A user registered: the calls that waited for this device go out.
    pub(super) fn deliver_woken(&mut self, user: &str) {
        let now = self.core.now;
        let woken: Vec<(SessionId, Binding)> = self
            .waking
            .iter()
            .filter(|(_, waiting)| waiting.device.user == user)
            .filter_map(|(session, waiting)| {
                let live = self.registrar.bindings(now, user).find(|live| live.is_device_of(&waiting.device))?;
                Some((*session, live.clone()))
            })
            .collect();
        for (session, binding) in woken {
            if let Some(Waiting { invite, until, .. }) = self.waking.remove(&session) {
                let target = Target::Binding(Box::new(binding));
                self.place(session, OutgoingInvite { target, ring_timeout: until.since(now), ..invite });
            }
        }
    }

    /// The owner hangs up a call that waits; false when there is none.
    pub(super) fn hangup_waiting(&mut self, session: SessionId, reason: Option<Reason>) -> bool {
        if self.waking.remove(&session).is_none() {
            return false;
        }
        self.core.alarms.stop(Alarm::Ring(session));
        let cause = Cause::new(Side::Us, CauseKind::Cancelled).with_reason(reason);
        self.core.tell(Event::Ended { session, cause });
        true
    }

    /// The device was not woken in time; false when no such call waits.
    pub(super) fn waited_enough(&mut self, session: SessionId) -> bool {
        if self.waking.remove(&session).is_none() {
            return false;
        }
        let cause = Cause::new(Side::Us, CauseKind::RingTimeout).with_status(408);
        self.core.tell(Event::Rejected { session, status: 408, cause, retry_after_s: None, moved_to: None });
        true
    }
}
