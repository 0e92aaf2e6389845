//! A conversation that changes hands: to another device of the same listener, by Replaces; and to another listener, by
//! REFER, which is refused for now.

use crate::call::{self, LegEvent};
use crate::clock::Now;
use crate::ids::ListenerId;
use crate::sip::{Command, IncomingInvite, SessionId, Trust};

use super::Shard;

impl Shard {
    /// A listener's other device calls to take the place of the one that carries `old` (RFC 3891). The endpoint has seen to
    /// it that both are his; here only a conversation can be taken over, not a ring, and not a caller's part in one.
    pub(super) fn takes_over(&mut self, now: Now, session: SessionId, old: SessionId, invite: IncomingInvite) {
        let Some(of) = self.legs.leg(old) else { return self.refuse(now, session, 481, None) };
        if of.is_caller() {
            return self.refuse(now, session, 403, None);
        }
        let new = self.calls.get(&of.call).and_then(|call| call.leg_to_take_over(of));
        let Some(new) = new else { return self.refuse(now, session, 486, None) };
        self.legs.join(new, session, invite.flow.remote.ip());
        if let Trust::User(user) = &invite.trust {
            let line = self.lines.rings(new, ListenerId::new(user));
            self.tell_line(now, line);
        }
        // At once, so that the leg is still the call's next.
        let event = LegEvent::TakesOver { of, offer: invite.sdp };
        self.tell_call(now, of.call, call::Input::Leg { leg: new, event });
    }

    /// A listener's telephone asks to hand its caller to somebody else (RFC 3515): refused with 403. Who speaks to a caller
    /// is the dispatcher's choice alone, and it knows no ring of one named listener beside a conversation of the same call;
    /// a call placed past it could ring a listener who is reserved for another, and would stand in no record.
    pub(super) fn refer(&mut self, now: Now, session: SessionId) {
        self.command(now, Command::AnswerRefer { session, status: 403 });
    }
}
