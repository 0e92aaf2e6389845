//! Early dialogs of the side that calls, one for each To tag (RFC 3261 §12.1, §13.2.2.4), and its half of RFC 3262 §4.
//!
//! Each fork keeps its own route set, remote target, CSeq and RSeq, and the first session description it gave: a later
//! one that differs does not count, unless it comes from another fork.

use super::super::dialog::Dialog;
use super::super::endpoint::{Alarm, Core};
use super::super::message::{HeaderName, Message, Method};
use super::super::transaction::{TransactionId, User};
use super::super::{Cause, CauseKind, Event, Side, reading};
use super::{Phase, Session};

/// One fork of an INVITE of ours.
#[derive(Debug)]
pub(super) struct Early {
    pub dialog: Dialog,
    pub fork: u8,
    /// The first session description it gave.
    pub sdp: Option<Vec<u8>>,
    /// Offer and answer are both said, reliably.
    pub agreed: bool,
    /// The RSeq of the latest reliable response.
    rseq: Option<u32>,
    prack: Option<TransactionId>,
    /// An early offer, by its RSeq, that waits for the owner's answer.
    owed: Option<u32>,
}

impl Early {
    /// Does its offer wait for our owner?
    pub fn is_owed(&self) -> bool {
        self.owed.is_some()
    }
}

/// More forks than this are not followed before one of them answers.
pub(in crate::sip) const EARLY_FORKS_MAX: usize = 16;

impl Session {
    /// 101..=199 to our INVITE, from one fork or another.
    pub(super) fn on_early(&mut self, core: &mut Core, id: TransactionId, status: u16, message: &Message<'_>) {
        let Phase::Calling(calling) = &self.phase else { return };
        let (late, quiet) = (calling.is_late(), self.told);
        let Some(at) = self.fork_of(core, id, message) else { return };
        let Some(early) = self.early.get_mut(at) else { return };
        let reliable = message.has_token(HeaderName::Require, "100rel") && !early.dialog.remote_tag.is_empty();
        let rseq = message.rseq().filter(|_| reliable);
        match (rseq, early.rseq) {
            // Come again: its PRACK repeats itself as long as nobody answers it. Out of order: the peer sends it again when
            // its turn has come (§4).
            (Some(rseq), Some(last)) if rseq != last.wrapping_add(1) => return,
            _ => {}
        }
        // An offer may not come unreliably.
        let described = reading::sdp(message).filter(|_| !late || rseq.is_some());
        let shown = described.is_some();
        let first = early.sdp.is_none() && shown;
        if first {
            early.sdp = described;
        }
        let (fork, sdp) = (early.fork, early.sdp.clone().filter(|_| shown));
        if let Some(rseq) = rseq {
            early.rseq = Some(rseq);
            if late && first {
                early.owed = Some(rseq);
            } else {
                early.agreed |= shown;
                self.send_prack(core, at, rseq, None);
            }
        }
        if quiet {
            return;
        }
        let offered = self.early.get(at).is_some_and(|early| early.owed.is_some()) && first;
        match sdp.clone().filter(|_| offered) {
            Some(offer) => {
                core.tell(Event::Progress { session: self.id, status, fork, sdp: None });
                core.alarm(Alarm::AnswerGuard(self.id), core.config.t1 * 60);
                core.tell(Event::EarlyOffer { session: self.id, fork, sdp: offer });
            }
            None => core.tell(Event::Progress { session: self.id, status, fork, sdp }),
        }
    }

    /// The owner's answer to an early offer.
    pub fn answer_early(&mut self, core: &mut Core, fork: u8, sdp: Vec<u8>) {
        if self.told || !matches!(self.phase, Phase::Calling(_)) {
            return;
        }
        let Some(at) = self.early.iter().position(|early| early.fork == fork) else { return };
        let Some(rseq) = self.early.get_mut(at).and_then(|early| early.owed.take()) else { return };
        if let Some(early) = self.early.get_mut(at) {
            early.agreed = true;
        }
        self.local_sdp = Some(sdp.clone());
        self.send_prack(core, at, rseq, Some(sdp));
        if self.early.iter().all(|early| early.owed.is_none()) {
            core.alarms.stop(Alarm::AnswerGuard(self.id));
        }
    }

    /// The owner never answered an early offer.
    pub(super) fn early_overdue(&mut self, core: &mut Core) {
        if matches!(self.phase, Phase::Calling(_)) && self.early.iter().any(|early| early.owed.is_some()) {
            self.tell_rejected(core, 504, Cause::new(Side::Us, CauseKind::ProtocolError).with_status(504));
            self.cancel(core, None);
        }
    }

    /// A response to a PRACK of ours: only a challenge asks for more.
    pub fn on_prack_response(&mut self, core: &mut Core, id: TransactionId, status: u16, message: &Message<'_>) {
        let Some(at) = self.early.iter().position(|early| early.prack == Some(id)) else { return };
        if !matches!(status, 401 | 407) || self.told || !self.take_challenge(message, !self.prack_challenged) {
            return;
        }
        self.prack_challenged = true;
        if let Some(rseq) = self.early.get(at).and_then(|early| early.rseq) {
            let sdp = self.local_sdp.clone().filter(|_| matches!(&self.phase, Phase::Calling(c) if c.is_late()));
            self.send_prack(core, at, rseq, sdp);
        }
    }

    /// The early dialog of the fork that is answered by `message`; it leaves the list.
    pub(super) fn take_fork(&mut self, message: &Message<'_>) -> Option<Early> {
        let tag = reading::to_tag(message).unwrap_or_default();
        let at = self.early.iter().position(|early| early.dialog.remote_tag == tag)?;
        Some(self.early.swap_remove(at))
    }

    /// The early dialog a request of the peer belongs to, as long as nobody answered.
    pub(super) fn early_of(&self, message: &Message<'_>) -> Option<usize> {
        let tag = reading::from_tag(message).filter(|_| matches!(self.phase, Phase::Calling(_)))?;
        self.early.iter().position(|early| {
            early.dialog.remote_tag == tag && message.call_id() == Some(early.dialog.call_id.as_slice())
        })
    }

    /// The place of the fork a response comes from; a new one is noted.
    fn fork_of(&mut self, core: &mut Core, id: TransactionId, message: &Message<'_>) -> Option<usize> {
        let tag = reading::to_tag(message).unwrap_or_default();
        if let Some(at) = self.early.iter().position(|early| early.dialog.remote_tag == tag) {
            // The Contact of the latest word of a fork is where its requests go.
            if let (Some(early), Some(target)) = (self.early.get_mut(at), reading::contact_uri(message)) {
                early.dialog.target = target;
            }
            return Some(at);
        }
        if self.early.len() >= EARLY_FORKS_MAX {
            return None;
        }
        let dialog = Dialog::answered(core, id, message)?;
        let fork = self.forks;
        self.forks = self.forks.saturating_add(1);
        self.early.push(Early { dialog, fork, sdp: None, agreed: false, rseq: None, prack: None, owed: None });
        Some(self.early.len() - 1)
    }

    fn send_prack(&mut self, core: &mut Core, at: usize, rseq: u32, sdp: Option<Vec<u8>>) {
        let Phase::Calling(calling) = &self.phase else { return };
        let cseq = calling.cseq();
        let Some(early) = self.early.get_mut(at) else { return };
        let mut draft = early.dialog.request(Method::Prack);
        draft.push("RAck", format!("{rseq} {cseq} INVITE"));
        draft.sdp = sdp;
        let flow = early.dialog.next_hop(&core.config);
        self.authorize(core, &mut draft);
        let transaction = core.send_request(User::Prack(self.id), &draft, flow);
        self.open.insert(transaction);
        if let Some(early) = self.early.get_mut(at) {
            early.prack = Some(transaction);
        }
    }
}
