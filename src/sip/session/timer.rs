//! Session timers, RFC 4028: who refreshes, when, and what happens when nobody does.
//!
//! A session is refreshed at half its interval, by UPDATE where the peer knows it, otherwise by a re-INVITE that repeats
//! the last session description word for word. A peer that does not know the extension is refreshed all the same: a lost
//! peer then shows itself. Nothing here ever changes media.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::endpoint::{Alarm, Core};
use super::super::message::{HeaderName, Message, Method, Refresher};
use super::super::transaction::{TransactionId, User};
use super::super::wire::{Draft, Reply};
use super::super::{Cause, CauseKind, EndpointConfig, Side, reading};
use super::reoffer::Ours;
use super::{Phase, Session};

/// What was agreed about refreshing. Part of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionTimer {
    /// The interval; 0 as long as there is none.
    interval_s: u32,
    /// Do we refresh?
    we_refresh: bool,
    /// Does the peer count, too? If not, nothing expires.
    mutual: bool,
    /// The largest Min-SE heard in this session.
    min_se_s: u32,
    /// Does the peer know UPDATE?
    updates: bool,
}

/// A refresh of ours by UPDATE.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    /// `None` while it waits to be tried again.
    transaction: Option<TransactionId>,
    challenged: bool,
    raised: u8,
}

/// How often a larger interval is tried after a 422.
pub(super) const RAISED_MAX: u8 = 3;
/// How long after a refusal a refresh is tried again, when the refusal does not say: a twentieth of the interval, …
const RETRY: u32 = 20;
/// … but no sooner than after this many seconds, …
const RETRY_MIN_S: u32 = 5;
/// … and no later than after this many.
const RETRY_MAX_S: u32 = 60;
/// How long a refresh waits for a change of the session that is under way.
const BUSY: Duration = Duration::from_secs(2);
/// The shortest interval we believe a peer.
const INTERVAL_MIN_S: u32 = 10;

/// 422 for a session interval below ours (§8.1); only a peer that knows the extension can do something about it.
pub(in crate::sip) fn interval_too_small(config: &EndpointConfig, message: &Message<'_>) -> Option<Reply<'static>> {
    let asked = message.session_expires().filter(|_| config.session_expires_s > 0 && message.supports("timer"))?;
    (asked.seconds < config.min_se_s).then(|| Reply::new(422).header("Min-SE", config.min_se_s.to_string()))
}

impl Session {
    /// Writes into a request of ours what we ask for (§7.1, §7.4).
    pub(super) fn ask_timer(&self, core: &Core, draft: &mut Draft) {
        if core.config.session_expires_s == 0 {
            return;
        }
        let min_s = self.timer.min_se_s.max(core.config.min_se_s);
        let refresher = match (self.timer.interval_s, self.timer.we_refresh) {
            (0, _) => "",
            (_, true) => ";refresher=uac",
            (_, false) => ";refresher=uas",
        };
        draft.push("Session-Expires", format!("{}{refresher}", self.asked_s(core)));
        if min_s != 90 {
            draft.push("Min-SE", min_s.to_string());
        }
    }

    /// A 2xx to a request of ours says what holds from now on (§7.2).
    pub(super) fn take_timer(&mut self, core: &mut Core, message: &Message<'_>) {
        self.note_abilities(message);
        if core.config.session_expires_s == 0 {
            return;
        }
        let asked_s = self.asked_s(core);
        match message.session_expires() {
            Some(granted) => {
                self.timer.interval_s = granted.seconds.max(INTERVAL_MIN_S);
                self.timer.we_refresh = granted.refresher != Some(Refresher::Uas);
                self.timer.mutual = true;
            }
            None => {
                self.timer.interval_s = asked_s;
                self.timer.we_refresh = true;
                self.timer.mutual = false;
            }
        }
        self.start_timer(core);
    }

    /// A request of the peer that we accept: what holds from now on (§9), to be written into the 2xx.
    pub(super) fn grant_timer(&mut self, core: &mut Core, message: &Message<'_>) {
        self.note_abilities(message);
        if core.config.session_expires_s == 0 {
            return;
        }
        let knows = message.supports("timer");
        let min_s = self.timer.min_se_s.max(core.config.min_se_s);
        let asked = message.session_expires();
        let standing = self.timer.interval_s > 0;
        let ours_s = core.config.session_expires_s;
        self.timer.interval_s = asked.map_or(ours_s, |asked| asked.seconds.min(ours_s)).max(min_s);
        self.timer.we_refresh = match asked.and_then(|asked| asked.refresher) {
            _ if !knows => true,
            Some(refresher) => refresher == Refresher::Uas,
            None => standing && self.timer.we_refresh,
        };
        self.timer.mutual = knows;
        self.start_timer(core);
    }

    /// Session-Expires for a 2xx of ours, and Require where the peer must refresh.
    pub(super) fn write_timer<'r>(&self, reply: Reply<'r>) -> Reply<'r> {
        let SessionTimer { interval_s, we_refresh, mutual, .. } = self.timer;
        if interval_s == 0 {
            return reply;
        }
        let refresher = if we_refresh { "uas" } else { "uac" };
        let reply = reply.header("Session-Expires", format!("{interval_s};refresher={refresher}"));
        if mutual && !we_refresh { reply.header("Require", "timer") } else { reply }
    }

    /// A 422 to a request of ours: from now on at least its Min-SE. False when that says nothing new.
    pub(super) fn raise_interval(&mut self, core: &Core, message: &Message<'_>) -> bool {
        let asked_s = self.asked_s(core);
        let Some(min_s) = message.min_se().filter(|min_s| *min_s > asked_s || *min_s > self.timer.min_se_s) else {
            return false;
        };
        self.timer.min_se_s = min_s;
        true
    }

    /// What the peer says about itself: Allow, and its Min-SE.
    pub(super) fn note_abilities(&mut self, message: &Message<'_>) {
        if message.header(HeaderName::Allow).is_some() {
            self.timer.updates = message.allow().any(|method| method == Method::Update);
        }
        self.timer.min_se_s = self.timer.min_se_s.max(message.min_se().unwrap_or(0));
    }

    /// Counts from now.
    pub(super) fn start_timer(&mut self, core: &mut Core) {
        self.stop_timer(core);
        let SessionTimer { interval_s, we_refresh, mutual, .. } = self.timer;
        if interval_s == 0 {
            return;
        }
        let interval = Duration::from_secs(interval_s.into());
        if we_refresh {
            core.alarm(Alarm::SessionRefresh(self.id), interval / 2);
        }
        if mutual {
            // §10: so long before the end that the BYE still arrives in time.
            core.alarm(Alarm::SessionExpiry(self.id), interval - (interval / 3).min(Duration::from_secs(32)));
        }
    }

    /// The ACK of a 2xx of ours came. A peer who refreshes counts from the copy of it that reached him, perhaps the last of
    /// many, so we count from here: otherwise a call would end just before its first refresh.
    pub(super) fn timer_heard(&mut self, core: &mut Core) {
        if !self.timer.we_refresh {
            self.start_timer(core);
        }
    }

    /// Taken up after a restart: how much of the interval has gone by is not known, so ours is refreshed soon, though not
    /// with all others at once.
    pub(super) fn resume_timer(&mut self, core: &mut Core) {
        self.start_timer(core);
        if self.timer.interval_s > 0 && self.timer.we_refresh {
            let within_ms = u64::from(self.timer.interval_s / 4).min(60) * 1000;
            let wait = Duration::from_millis(core.ids.below(within_ms));
            core.alarm(Alarm::SessionRefresh(self.id), wait);
        }
    }

    pub(super) fn stop_timer(&mut self, core: &mut Core) {
        core.alarms.stop(Alarm::SessionRefresh(self.id));
        core.alarms.stop(Alarm::SessionExpiry(self.id));
    }

    /// Time to refresh, or to try again.
    pub fn refresh_due(&mut self, core: &mut Core) {
        if self.told || !matches!(self.phase, Phase::Up) || self.is_refreshing() {
            return;
        }
        let busy = self.theirs.is_some() || self.ours.is_some() || !self.unacked.is_empty();
        if busy || self.answer_owed.is_some() {
            // Whatever is under way refreshes the session as well, if it succeeds.
            return core.alarm(Alarm::SessionRefresh(self.id), BUSY);
        }
        match self.local_sdp.clone() {
            Some(sdp) if !self.timer.updates => {
                self.refresh = None;
                self.ours = Some(Ours::refresh(sdp));
                self.try_reoffer(core);
            }
            _ => {
                self.refresh.get_or_insert_default();
                self.send_update(core);
            }
        }
    }

    /// Nobody refreshed it.
    pub fn session_expired(&mut self, core: &mut Core) {
        if !self.told && matches!(self.phase, Phase::Up) {
            self.tell_ended(core, Cause::new(Side::Network, CauseKind::SessionExpired));
            self.say_goodbye(core, None);
        }
    }

    /// A response to an UPDATE of ours.
    pub fn on_refresh_response(&mut self, core: &mut Core, id: TransactionId, status: u16, message: &Message<'_>) {
        let Some(refresh) = self.refresh.as_mut().filter(|refresh| refresh.transaction == Some(id)) else { return };
        if status < 200 || self.told {
            return;
        }
        refresh.transaction = None;
        match status {
            200..=299 => {
                self.refresh = None;
                if let (Some(dialog), Some(target)) = (&mut self.dialog, reading::contact_uri(message)) {
                    dialog.target = target;
                }
                self.take_timer(core, message);
            }
            401 | 407 => {
                let first = !std::mem::replace(&mut refresh.challenged, true);
                match self.take_challenge(message, first) {
                    true => self.send_update(core),
                    false => self.refresh_later(core, None),
                }
            }
            408 | 481 => self.lost(core, Cause::new(Side::Peer, CauseKind::DialogLost).with_status(status)),
            405 | 501 => {
                // It does not know UPDATE after all.
                self.timer.updates = false;
                self.refresh = None;
                match self.local_sdp {
                    Some(_) => self.refresh_due(core),
                    None => self.stop_timer(core),
                }
            }
            422 if refresh.raised < RAISED_MAX => {
                refresh.raised += 1;
                match self.raise_interval(core, message) {
                    true => self.send_update(core),
                    false => self.refresh_later(core, None),
                }
            }
            491 => {
                let wait = self.glare_wait(core);
                self.refresh_later(core, Some(wait));
            }
            _ => self.refresh_later(core, message.retry_after().map(|after_s| Duration::from_secs(after_s.into()))),
        }
    }

    /// An UPDATE of ours had no response at all.
    pub(super) fn refresh_failed(&mut self, core: &mut Core, id: TransactionId, fault: bool) {
        if self.refresh.as_ref().is_none_or(|refresh| refresh.transaction != Some(id)) || self.told {
            return;
        }
        self.refresh = None;
        match fault {
            true => self.refresh_later(core, None),
            false => self.lost(core, Cause::new(Side::Network, CauseKind::DialogLost).with_status(408)),
        }
    }

    /// A refresh did not go through; before the session expires there is time for another.
    pub(super) fn refresh_later(&mut self, core: &mut Core, after: Option<Duration>) {
        let interval_s = self.timer.interval_s;
        let half = Duration::from_secs(u64::from(interval_s) / 2);
        let soon = Duration::from_secs((interval_s / RETRY).clamp(RETRY_MIN_S, RETRY_MAX_S).into());
        // Where nothing expires, there is no hurry either.
        let usual = if self.timer.mutual { soon } else { half };
        core.alarm(Alarm::SessionRefresh(self.id), after.unwrap_or(usual).min(half));
    }

    /// Is an UPDATE of ours on its way?
    fn is_refreshing(&self) -> bool {
        self.refresh.as_ref().is_some_and(|refresh| refresh.transaction.is_some())
    }

    fn send_update(&mut self, core: &mut Core) {
        let Some(mut draft) = self.dialog.as_mut().map(|dialog| dialog.request(Method::Update)) else { return };
        self.ask_timer(core, &mut draft);
        let transaction = self.send_inside(core, User::Refresh(self.id), draft);
        if let Some(refresh) = &mut self.refresh {
            refresh.transaction = transaction;
        }
    }

    /// The interval we ask for.
    fn asked_s(&self, core: &Core) -> u32 {
        let standing_s = if self.timer.interval_s > 0 { self.timer.interval_s } else { core.config.session_expires_s };
        standing_s.max(self.timer.min_se_s).max(core.config.min_se_s)
    }
}
