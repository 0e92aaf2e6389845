//! The 2xx and its ACK, which RFC 3261 §13.2.2.4 and §13.3.1.4 put above the transactions: we repeat a 2xx of ours until
//! its ACK comes, over any transport, and repeat the ACK for every 2xx that is repeated to us, each for 64·T1.

use std::time::Duration;

use super::super::dialog::Dialog;
use super::super::endpoint::{Alarm, Core};
use super::super::message::Message;
use super::super::reading;
use super::super::transaction::{TransactionId, User};
use super::super::{Bytes, Cause, CauseKind, Event, Flow, Output, SessionId, Side};
use super::{Phase, Session};
use crate::sip::message::Method;

/// An ACK sent, for when the 2xx comes again.
#[derive(Debug)]
pub(super) struct SentAck {
    /// The INVITE it belongs to; the ACK is kept as long as that transaction.
    pub transaction: TransactionId,
    cseq: u32,
    remote_tag: Vec<u8>,
    flow: Flow,
    bytes: Bytes,
}

/// A 2xx of ours without ACK.
#[derive(Debug)]
pub(super) struct Unacked {
    flow: Flow,
    bytes: Bytes,
    interval: Duration,
    /// Our 2xx carried the offer, so the ACK must carry the answer.
    late: bool,
    /// It answers a re-INVITE.
    re: bool,
}

impl Unacked {
    /// Was it sent over this flow?
    pub fn is_on(&self, flow: &Flow) -> bool {
        self.flow == *flow
    }

    /// Its connection is gone; its transaction knows where the response goes instead.
    pub fn follow(&mut self, core: &Core, session: SessionId) {
        let user = if self.re { User::Reinvite(session) } else { User::Invite(session) };
        self.flow = core.layer.reply_flow_of(user).unwrap_or(self.flow);
    }
}

/// Forks answered beyond the first are hung up; more than this many are ignored.
pub(in crate::sip) const FORKS_MAX: usize = 16;

impl Session {
    /// A 2xx of ours left: repeat it until the ACK.
    pub(super) fn expect_ack(&mut self, core: &mut Core, cseq: u32, flow: Flow, bytes: Bytes, late: bool, re: bool) {
        let t1 = core.config.t1;
        self.unacked.insert(cseq, Unacked { flow, bytes, interval: t1, late, re });
        core.alarm(Alarm::Resend(self.id, cseq), t1);
        core.alarm(Alarm::GiveUp(self.id, cseq), t1 * 64);
    }

    /// Time to repeat the 2xx.
    pub fn resend(&mut self, core: &mut Core, cseq: u32) {
        let Some(unacked) = self.unacked.get_mut(&cseq) else { return };
        unacked.interval = (unacked.interval * 2).min(core.config.t2);
        core.out.push_back(Output::Transmit { flow: unacked.flow, bytes: unacked.bytes.clone() });
        let interval = unacked.interval;
        core.alarm(Alarm::Resend(self.id, cseq), interval);
    }

    /// Nobody acknowledged for 64·T1: the session is given up, with a BYE in case somebody listens.
    pub fn give_up(&mut self, core: &mut Core, cseq: u32) {
        if self.unacked.contains_key(&cseq) {
            self.drop_obligations(core);
            self.tell_ended(core, Cause::new(Side::Network, CauseKind::NoAck));
            self.send_bye(core, None);
        }
    }

    /// An ACK in this dialog.
    pub fn on_ack(&mut self, core: &mut Core, cseq: u32, sdp: Option<Vec<u8>>) {
        let Some(unacked) = self.unacked.remove(&cseq) else { return };
        core.alarms.stop(Alarm::Resend(self.id, cseq));
        core.alarms.stop(Alarm::GiveUp(self.id, cseq));
        if let Some(reason) = self.bye_after_ack {
            if self.unacked.is_empty() {
                self.bye_after_ack = None;
                self.send_bye(core, reason);
            }
            return;
        }
        if self.told {
            return;
        }
        self.timer_heard(core);
        if unacked.late && sdp.is_some() {
            self.remote_sdp.clone_from(&sdp);
        }
        if unacked.late && sdp.is_none() {
            self.lost(core, Cause::new(Side::Peer, CauseKind::ProtocolError));
            return;
        }
        let sdp = sdp.filter(|_| unacked.late);
        match (unacked.re, unacked.late) {
            (false, _) => core.tell(Event::Confirmed { session: self.id, sdp }),
            (true, true) => core.tell(Event::ReofferConfirmed { session: self.id, sdp }),
            (true, false) => {}
        }
    }

    /// Sends the ACK for the 2xx to our INVITE (or re-INVITE) with this CSeq, and keeps it.
    pub(super) fn send_ack(&mut self, core: &mut Core, cseq: u32, sdp: Option<Vec<u8>>) {
        let Some(dialog) = &self.dialog else { return };
        let mut draft = dialog.ack(cseq);
        draft.sdp = sdp;
        let (flow, remote_tag) = (dialog.next_hop(&core.config), dialog.remote_tag.clone());
        let bytes = core.send_ack(&draft, flow);
        if let Some(transaction) = self.invite_transaction(cseq) {
            self.acks.push(SentAck { transaction, cseq, remote_tag, flow, bytes });
        }
    }

    /// A 2xx that is not the first: repeat the ACK, or end the fork it comes from (§13.2.2.4).
    pub(super) fn further_2xx(&mut self, core: &mut Core, transaction: TransactionId, message: &Message<'_>) {
        let Some((cseq, _)) = reading::cseq(message) else { return };
        let tag = reading::to_tag(message).unwrap_or_default();
        let known = self.acks.iter().find(|a| a.transaction == transaction && a.cseq == cseq && a.remote_tag == tag);
        if let Some(ack) = known {
            core.out.push_back(Output::Transmit { flow: ack.flow, bytes: ack.bytes.clone() });
            return;
        }
        if self.dialog.as_ref().is_some_and(|dialog| dialog.remote_tag == tag) || self.acks.len() >= FORKS_MAX {
            return;
        }
        let early = self.take_fork(message);
        if let Some(mut dialog) = Dialog::answered(core, transaction, message) {
            // A PRACK of ours may have gone there.
            dialog.local_cseq = dialog.local_cseq.max(early.map_or(0, |early| early.dialog.local_cseq));
            self.end_fork(core, transaction, dialog, cseq);
        }
    }

    /// ACK and BYE for a dialog nobody wants: an answer after our CANCEL, or a second fork.
    pub(super) fn end_fork(&mut self, core: &mut Core, transaction: TransactionId, mut dialog: Dialog, cseq: u32) {
        let flow = dialog.next_hop(&core.config);
        let bytes = core.send_ack(&dialog.ack(cseq), flow);
        self.acks.push(SentAck { transaction, cseq, remote_tag: dialog.remote_tag.clone(), flow, bytes });
        let bye = dialog.request(Method::Bye);
        let id = core.send_request(User::Bye(self.id), &bye, flow);
        self.open.insert(id);
    }

    /// Does a 2xx of ours wait for an ACK that must bring an answer?
    pub(super) fn is_offer_open(&self) -> bool {
        self.unacked.values().any(|unacked| unacked.late)
    }

    fn invite_transaction(&self, cseq: u32) -> Option<TransactionId> {
        match &self.answered_by {
            Some((transaction, of)) if *of == cseq => Some(*transaction),
            _ => None,
        }
    }

    /// The answer of the owner to a late offer that came in a 2xx.
    pub fn acknowledge(&mut self, core: &mut Core, sdp: Vec<u8>) {
        if self.told || !matches!(self.phase, Phase::Up) {
            return;
        }
        if let Some(cseq) = self.answer_owed.take() {
            core.alarms.stop(Alarm::AnswerGuard(self.id));
            self.local_sdp = Some(sdp.clone());
            self.send_ack(core, cseq, Some(sdp));
        }
    }

    /// The owner never gave the answer a late offer needs.
    pub fn answer_overdue(&mut self, core: &mut Core) {
        self.early_overdue(core);
        if self.answer_owed.is_some() {
            self.tell_ended(core, Cause::new(Side::Us, CauseKind::ProtocolError));
            self.say_goodbye(core, None);
        }
    }
}
