//! Offer and answer for one leg: the call's use of the one pure function in `sdp`.
//!
//! A session is replaced only when the negotiation succeeded; a refused re-INVITE leaves the conversation as it was.

use crate::ids::LegId;
use crate::sdp::{self, Direction, Move};

use super::context::Context;
use super::leg::Signalling;
use super::{LegAct, MediaAct};

/// Why a leg cannot be negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The status code that says so.
    pub status: u16,
    /// What a Warning header says of it.
    pub warning: Option<(u16, &'static str)>,
}

impl Refused {
    /// Our own fault, or a leg that is not there: nothing to tell of the description.
    const fn plain(status: u16) -> Refused {
        Refused { status, warning: None }
    }
}

impl Context {
    /// Our offer on `leg`.
    pub fn offer(&mut self, leg: LegId) -> Result<Vec<u8>, Refused> {
        self.negotiate(leg, Move::Offer { direction: Direction::SendRecv })?.ok_or(Refused::plain(500))
    }

    /// Our answer to `offer` on `leg`; the sound follows at once.
    pub fn answer(&mut self, leg: LegId, offer: &[u8]) -> Result<Vec<u8>, Refused> {
        let answer = self.negotiate(leg, Move::TakeOffer(offer))?.ok_or(Refused::plain(500))?;
        self.configure(leg);
        Ok(answer)
    }

    /// Takes the peer's answer to our offer on `leg`; the sound follows at once.
    pub fn take_answer(&mut self, leg: LegId, answer: Option<&[u8]>) -> Result<(), Refused> {
        let answer = answer.ok_or(Refused::plain(488))?;
        self.negotiate(leg, Move::TakeAnswer(answer))?;
        self.configure(leg);
        Ok(())
    }

    /// Our offer on `leg` failed.
    pub fn abandon_offer(&mut self, leg: LegId) {
        // Rolling back cannot fail: without a pending offer it changes nothing.
        let _ = self.negotiate(leg, Move::Abandon);
    }

    /// Answers a re-INVITE on `leg`, or gives the offer it asks for.
    pub fn reoffer(&mut self, leg: LegId, sdp: Option<Vec<u8>>) {
        let reply = match sdp {
            Some(offer) => self.answer(leg, &offer),
            None => self.offer(leg),
        };
        let (status, sdp) = match reply {
            Ok(sdp) => (200, Some(sdp)),
            Err(Refused { status, .. }) => (status, None),
        };
        self.act(leg, LegAct::AnswerReoffer { status, sdp });
    }

    /// Asks the peer of `leg` whether it is still there: a re-INVITE that changes nothing (RFC 3261 §14.1). A peer that
    /// lost the dialog answers 481, and the leg ends.
    pub fn probe(&mut self, leg: LegId) {
        let ready = self.leg(leg).is_some_and(|leg| leg.signalling == Signalling::Established && !leg.reoffering);
        if !ready {
            return;
        }
        if let Ok(Some(sdp)) = self.negotiate(leg, Move::Refresh) {
            if let Some(leg) = self.legs.get_mut(&leg) {
                leg.reoffering = true;
            }
            self.act(leg, LegAct::Reoffer { sdp });
        }
    }

    fn negotiate(&mut self, id: LegId, step: Move<'_>) -> Result<Option<Vec<u8>>, Refused> {
        let theirs = self.settings.caller_capabilities.as_ref().filter(|_| id.is_caller());
        let capabilities = theirs.unwrap_or(&self.settings.capabilities);
        let leg = self.legs.get_mut(&id).ok_or(Refused::plain(481))?;
        let local = leg.local.as_ref().ok_or(Refused::plain(500))?;
        match sdp::negotiate(capabilities, local, &leg.session, step) {
            Ok((session, sdp)) => {
                leg.session = session;
                Ok(sdp)
            }
            Err(refusal) => Err(Refused { status: refusal.status(), warning: refusal.warning() }),
        }
    }

    fn configure(&mut self, id: LegId) {
        let audio = self.leg(id).and_then(|leg| leg.session.audio.clone());
        if let Some(audio) = audio {
            self.media(id, MediaAct::Configure(Box::new(audio)));
        }
    }
}
