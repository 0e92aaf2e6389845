//! A listener's other device takes his place in the conversation (RFC 3891): he goes from the telephone on his desk to the
//! one in his pocket, and the caller hears at most a breath of silence.
//!
//! The new leg is answered beside the old one; when its ACK is here the sound goes over to it, and the old leg is let go.
//! Whatever fails on the new leg, the conversation stays where it is. The reservation does not change hands, so neither
//! dispatcher nor record know of it.

use crate::clock::Now;
use crate::ids::LegId;

use super::super::context::Context;
use super::super::engine::refuse_leg;
use super::super::leg::{Leg, Role, Signalling};
use super::super::{HangupReason, LegAct, LegEnd, MediaAct};
use super::Signal;
use super::bridged::Bridged;

/// What a node without a free port says in Retry-After, seconds.
const RETRY_AFTER_S: u32 = 10;

/// A device on its way into the conversation.
pub(in super::super) struct Taking {
    leg: LegId,
    offer: Option<Vec<u8>>,
}

impl Bridged {
    /// May another device take the place of `leg` now?
    pub fn may_be_taken_over(&self, leg: LegId) -> bool {
        self.leg == leg && self.taking.is_none()
    }

    /// Takes what concerns a take-over; gives back what does not.
    pub(super) fn take_over_step(&mut self, cx: &mut Context, now: Now, signal: Signal) -> Option<Signal> {
        let comes = self.taking.as_ref().map(|taking| taking.leg);
        let of_it = |leg: LegId| comes == Some(leg);
        match signal {
            Signal::TakesOver { offer } => self.begin(cx, offer),
            Signal::Opened { leg, .. } if of_it(leg) => self.answer_it(cx, leg),
            Signal::OpenFailed { leg } if of_it(leg) => {
                refuse_leg(cx, leg, 503, Some(RETRY_AFTER_S), None);
                self.taking = None;
            }
            Signal::Confirmed { leg } if of_it(leg) => self.go_over(cx, now, leg),
            Signal::ListenerEnded { leg, .. } if of_it(leg) => self.taking = None,
            // Until it has taken over, its sound is nobody's concern.
            Signal::Started { leg } | Signal::Renegotiated { leg } if of_it(leg) => {}
            // He put the old one down as soon as the new one had answered.
            Signal::ListenerEnded { leg, end: LegEnd::HungUp } if leg == self.leg => {
                match comes.filter(|leg| is_answered(cx, *leg)) {
                    Some(new) => self.go_over(cx, now, new),
                    None => return Some(signal),
                }
            }
            signal => return Some(signal),
        }
        None
    }

    /// A device that has not taken over yet is let go.
    pub(super) fn let_taking_go(&self, cx: &mut Context) {
        if let Some(taking) = &self.taking {
            cx.drop_leg(taking.leg, HangupReason::Normal);
        }
    }

    fn begin(&mut self, cx: &mut Context, offer: Option<Vec<u8>>) {
        let Some(leg) = cx.new_leg_id() else { return };
        cx.legs.insert(leg, Leg { incoming: true, ..Leg::new(leg, Role::Listener(self.token.clone())) });
        cx.media(leg, MediaAct::Open);
        self.taking = Some(Taking { leg, offer });
    }

    fn answer_it(&mut self, cx: &mut Context, leg: LegId) {
        let offer = self.taking.as_mut().and_then(|taking| taking.offer.take());
        let reply = match offer {
            Some(offer) => cx.answer(leg, &offer),
            None => cx.offer(leg),
        };
        match reply {
            Ok(sdp) => {
                if let Some(leg) = cx.legs.get_mut(&leg) {
                    leg.signalling = Signalling::Established;
                }
                cx.act(leg, LegAct::Answer { sdp });
            }
            Err(refused) => {
                refuse_leg(cx, leg, refused.status, None, refused.warning);
                self.taking = None;
            }
        }
    }

    fn go_over(&mut self, cx: &mut Context, now: Now, new: LegId) {
        self.taking = None;
        self.unbridge(cx);
        cx.drop_leg(self.leg, HangupReason::Normal);
        self.leg = new;
        let caller = cx.caller_leg();
        cx.media(caller, MediaAct::Bridge(new));
        let heard = cx.leg(new).is_some_and(|leg| leg.started);
        self.sound_by = (!heard).then_some(now.at + cx.settings.listener_sound);
        self.hold(cx, now, caller);
        self.hold(cx, now, new);
    }
}

/// Is there a session that sound can go to? Not while the answer to an offer of ours is still to come.
fn is_answered(cx: &Context, leg: LegId) -> bool {
    cx.leg(leg).is_some_and(|leg| leg.signalling == Signalling::Established && leg.session.audio.is_some())
}
