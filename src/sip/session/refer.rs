//! REFER inside a session, from a user of ours (RFC 3515, RFC 4488): a transfer is asked for, the owner decides, and the
//! asker hears what came of it by NOTIFY with a `message/sipfrag`.
//!
//! The implicit subscription may outlive the call it was asked in (RFC 5057 §4): a phone that hangs up right after its 202
//! still hears the outcome. It ends with the final NOTIFY, a NOTIFY nobody takes, or [`SUBSCRIPTION`]. One at a time.

use std::time::Duration;

use super::super::endpoint::{Alarm, Core};
use super::super::message::{Method, OwnedMessage, reason_phrase};
use super::super::transaction::{TransactionId, User};
use super::super::transfer::{self, Referral};
use super::super::wire::{Reply, SIPFRAG};
use super::super::{Event, Flow, SessionId};
use super::{Incoming, Phase, Session};

/// How long the owner may think about a REFER: it is a request that must be answered soon.
const OWNER_GUARD: Duration = Duration::from_secs(5);
/// How long the asker is kept informed at most.
const SUBSCRIPTION: Duration = Duration::from_secs(180);

/// A REFER, from its arrival to its last NOTIFY.
#[derive(Debug)]
pub(super) enum Referred {
    /// The owner has yet to answer.
    Asked { transaction: TransactionId, request: OwnedMessage, source: Flow, event: String, silent: bool },
    /// Accepted: its outcome is told.
    Told {
        event: String,
        /// A NOTIFY without response: the next one waits for it, so that none overtakes another.
        notify: Option<TransactionId>,
        /// What is to be said next.
        next: Option<u16>,
        /// The last word is on its way.
        last: bool,
    },
}

impl Session {
    /// The user of ours whose device is at the other end.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Says whose device is at the other end.
    pub fn set_user(&mut self, user: Option<String>) {
        self.user = user;
    }

    /// Is the session confirmed, and not over?
    pub fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up) && !self.told
    }

    /// A REFER. `replaced` is the session its Replaces names, found by the endpoint, or the status that refuses it.
    pub fn on_refer(
        &mut self,
        core: &mut Core,
        request: &Incoming<'_, '_>,
        referral: Referral,
        replaced: Result<Option<SessionId>, u16>,
    ) {
        if !self.is_up() {
            return request.answer(core, &Reply::new(403));
        }
        if self.referred.is_some() {
            return request.answer(core, &Reply::new(491));
        }
        let replaces = match replaced {
            Ok(replaces) => replaces,
            Err(status) => return request.answer(core, &Reply::new(status)),
        };
        let event = transfer::refer_event(request.message, self.refers == 0);
        self.refers += 1;
        self.referred = Some(Referred::Asked {
            transaction: request.transaction,
            request: request.kept(),
            source: request.source,
            event,
            silent: referral.silent,
        });
        core.alarm(Alarm::Referral(self.id), OWNER_GUARD);
        let Referral { to, by, .. } = referral;
        core.tell(Event::Refer { session: self.id, refer_to: to, replaces, referred_by: by });
    }

    /// The owner's word to a REFER.
    pub fn answer_refer(&mut self, core: &mut Core, status: u16) {
        if !(200..=699).contains(&status) || !matches!(self.referred, Some(Referred::Asked { .. })) {
            return;
        }
        let Some(Referred::Asked { transaction, request, source, event, silent }) = self.referred.take() else {
            return;
        };
        core.alarms.stop(Alarm::Referral(self.id));
        if status >= 300 {
            core.reply_later(transaction, &request, source, &Reply::new(status));
            return;
        }
        let mut reply = Reply::new(202).contact();
        if silent {
            reply = reply.header("Refer-Sub", "false");
        }
        core.reply_later(transaction, &request, source, &reply);
        if !silent {
            self.referred = Some(Referred::Told { event, notify: None, next: Some(100), last: false });
            core.alarm(Alarm::Referral(self.id), SUBSCRIPTION);
            self.notify_next(core);
        }
    }

    /// How the transfer goes: 101..=199 on the way, or the final status, which ends the subscription.
    pub fn refer_progress(&mut self, core: &mut Core, status: u16) {
        let Some(Referred::Told { next, last, .. }) = &mut self.referred else { return };
        let spoken = *last || next.is_some_and(|status| status >= 200);
        if (100..=699).contains(&status) && !spoken {
            *next = Some(status);
            self.notify_next(core);
        }
    }

    /// A SUBSCRIBE for the outcome of a REFER (RFC 3515 §2.4.4): the asker may end his subscription; he cannot prolong it.
    pub fn on_subscribe(&mut self, core: &mut Core, request: &Incoming<'_, '_>) {
        let asks = request.message.event().is_some_and(|(package, _)| package.eq_ignore_ascii_case(b"refer"));
        if !asks {
            let events = super::super::capability::ALLOW_EVENTS;
            return request.answer(core, &Reply::new(489).header("Allow-Events", events));
        }
        if !matches!(self.referred, Some(Referred::Told { last: false, .. })) {
            return request.answer(core, &Reply::new(481));
        }
        let left = core.alarms.at(Alarm::Referral(self.id)).map_or(0, |at| at.since(core.now).as_secs());
        let ends = request.message.expires() == Some(0);
        let expires = if ends { 0 } else { left };
        request.answer(core, &Reply::new(200).contact().header("Expires", expires.to_string()));
        if ends {
            self.end_referral(core, 200);
        }
    }

    /// The owner did not answer in time, or the outcome was never told.
    pub fn referral_overdue(&mut self, core: &mut Core) {
        match &self.referred {
            Some(Referred::Asked { .. }) => self.answer_refer(core, 500),
            Some(Referred::Told { .. }) => self.end_referral(core, 408),
            None => {}
        }
    }

    /// A response to a NOTIFY of ours; whoever refuses one wants no more.
    pub fn on_notify_response(&mut self, core: &mut Core, id: TransactionId, status: u16) {
        let Some(Referred::Told { notify, last, .. }) = &mut self.referred else { return };
        if *notify != Some(id) || status < 200 {
            return;
        }
        *notify = None;
        if status >= 300 || *last {
            return self.drop_referral(core);
        }
        self.notify_next(core);
    }

    /// Nobody answered a NOTIFY.
    pub(super) fn notify_failed(&mut self, core: &mut Core, id: TransactionId) {
        if matches!(&self.referred, Some(Referred::Told { notify, .. }) if *notify == Some(id)) {
            self.drop_referral(core);
        }
    }

    /// Says the last word, unless it is said already.
    pub(super) fn end_referral(&mut self, core: &mut Core, status: u16) {
        match &self.referred {
            Some(Referred::Asked { .. }) => self.answer_refer(core, 500),
            Some(Referred::Told { .. }) => self.refer_progress(core, status),
            None => {}
        }
    }

    /// Nothing can be said any more.
    pub(super) fn drop_referral(&mut self, core: &mut Core) {
        self.referred = None;
        core.alarms.stop(Alarm::Referral(self.id));
    }

    fn notify_next(&mut self, core: &mut Core) {
        let Some(Referred::Told { event, notify: None, next, last }) = &mut self.referred else { return };
        let Some(status) = next.take() else { return };
        let Some(mut draft) = self.dialog.as_mut().map(|dialog| dialog.request(Method::Notify)) else { return };
        draft.push("Event", event.clone());
        *last = status >= 200;
        let state = if *last {
            core.alarms.stop(Alarm::Referral(self.id));
            "terminated;reason=noresource".to_owned()
        } else {
            let left = core.alarms.at(Alarm::Referral(self.id)).map_or(0, |at| at.since(core.now).as_secs());
            format!("active;expires={left}")
        };
        draft.push("Subscription-State", state);
        draft.body = Some((SIPFRAG, format!("SIP/2.0 {status} {}\r\n", reason_phrase(status)).into_bytes()));
        let sent = self.send_inside(core, User::Notify(self.id), draft);
        if let Some(Referred::Told { notify, .. }) = &mut self.referred {
            *notify = sent;
        }
    }
}
