//! Subscriptions of our users' phones: RFC 6665 as notifier, for `message-summary` (RFC 3842) and `dialog` (RFC 4235).
//!
//! A phone is told the state at once and at every change, until its subscription runs out, is ended, or nobody takes a
//! NOTIFY any more; one that lives on a connection ends with it. One NOTIFY at a time: what changes meanwhile is told by
//! the next, whole. Who may subscribe to what is judged before, in `endpoint/subscribe`; `body` writes what is said.
//!
//! Not here: subscriptions of ours at somebody else's, and what makes a message or a call (the owner says so).

mod body;
mod package;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::dialog::Dialog;
use super::endpoint::{Alarm, Core};
use super::message::{Message, Method};
use super::transaction::{TransactionId, User};
use super::{Flow, reading};
use crate::clock::Instant;

pub use package::{LineState, MessageSummary, Notice, Package};

/// One phone's wish to be told.
#[derive(Debug)]
struct Subscription {
    user: String,
    package: Package,
    /// The value of Event, with the phone's own `id` when it gave one.
    event: String,
    /// The address of record, as the documents name it.
    entity: String,
    dialog: Dialog,
    expires: Instant,
    /// Counts the documents of this subscription (RFC 4235 §4.1).
    version: u32,
    /// A NOTIFY without response.
    notify: Option<TransactionId>,
    /// Something changed meanwhile.
    stale: bool,
}

/// A subscription to be made.
pub(super) struct Wanted {
    /// Whose state, and who asks: the same.
    pub user: String,
    /// Which state.
    pub package: Package,
    /// The value of Event in what we send.
    pub event: String,
    /// The address of record.
    pub entity: String,
    /// The dialog its SUBSCRIBE makes.
    pub dialog: Dialog,
    /// For how long; zero is told once.
    pub lasts: Duration,
}

/// What a user's phones can be told; absent is the ordinary state: no message, no call.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    messages: MessageSummary,
    line: Option<(u64, LineState)>,
}

/// All subscriptions.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    all: BTreeMap<u64, Subscription>,
    /// By our tag.
    tags: BTreeMap<String, u64>,
    /// By user; nobody without one.
    users: BTreeMap<String, BTreeSet<u64>>,
    states: BTreeMap<String, State>,
    last: u64,
    /// Counts the calls told of, so that each has a name of its own.
    lines: u64,
}

/// Why a subscription ends, in the words of RFC 6665 §4.1.3.
#[derive(Clone, Copy, Debug)]
enum End {
    Timeout,
    Rejected,
}

/// Why no subscription can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    /// This user has enough.
    #[error("too many subscriptions of this user")]
    User,
    /// There are enough in all.
    #[error("too many subscriptions")]
    All,
}

impl Subscriptions {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Is there room for one more of `user`, over `flow`? A phone that lost its memory asks anew without ending what it
    /// had; so of a user who has enough, the oldest over the same flow gives way.
    pub fn make_room(&mut self, core: &mut Core, user: &str, package: Package, flow: &Flow) -> Result<(), Full> {
        let held = self.of_user(user);
        if held.len() >= core.config.subscriptions_per_user {
            let twin = |one: &Subscription| one.package == package && one.dialog.flow == *flow;
            let oldest = held.into_iter().find(|id| self.all.get(id).is_some_and(twin));
            self.remove(core, oldest.ok_or(Full::User)?);
        }
        if self.all.len() >= core.config.subscriptions_max { Err(Full::All) } else { Ok(()) }
    }

    /// Takes up a subscription, and tells its state at once.
    pub fn add(&mut self, core: &mut Core, wanted: Wanted) {
        let Wanted { user, package, event, entity, dialog, lasts } = wanted;
        self.last += 1;
        let id = self.last;
        self.tags.insert(dialog.local_tag.clone(), id);
        self.users.entry(user.clone()).or_default().insert(id);
        let expires = core.now + lasts;
        let one =
            Subscription { user, package, event, entity, dialog, expires, version: 0, notify: None, stale: false };
        self.all.insert(id, one);
        self.set_expiry(core, id, lasts);
    }

    /// The subscription a request inside one belongs to.
    pub fn find(&self, message: &Message<'_>, tag: &str) -> Option<u64> {
        let id = *self.tags.get(tag)?;
        let dialog = &self.all.get(&id)?.dialog;
        let from_tag = reading::from_tag(message).unwrap_or_default();
        (message.call_id() == Some(dialog.call_id.as_slice()) && from_tag == dialog.remote_tag).then_some(id)
    }

    /// Whose it is, and for what.
    pub fn subscriber(&self, id: u64) -> Option<(&str, Package)> {
        self.all.get(&id).map(|one| (one.user.as_str(), one.package))
    }

    /// Takes the CSeq of a request inside a subscription; false when it is not above the last one.
    pub fn take_turn(&mut self, id: u64, cseq: u32) -> bool {
        self.all.get_mut(&id).is_some_and(|one| one.dialog.take_remote_cseq(cseq))
    }

    /// A SUBSCRIBE inside a subscription: it goes on for so long from now, and the phone is where this came from.
    pub fn refresh(&mut self, core: &mut Core, id: u64, message: &Message<'_>, source: Flow, lasts: Duration) {
        let Some(one) = self.all.get_mut(&id) else { return };
        one.dialog.refresh_target(&reading::contact_uri(message).unwrap_or_default(), source);
        one.expires = core.now + lasts;
        self.set_expiry(core, id, lasts);
    }

    /// The owner tells that something changed.
    pub fn notify(&mut self, core: &mut Core, user: &str, notice: Notice) {
        let user = user.to_ascii_lowercase();
        let before = self.states.get(&user).copied().unwrap_or_default();
        let mut now = before;
        let mut ended = None;
        match notice {
            Notice::Messages(messages) => now.messages = messages,
            Notice::Line(LineState::Idle) => ended = now.line.take().map(|(line, _)| line),
            Notice::Line(state) => {
                let line = before.line.map_or_else(
                    || {
                        self.lines += 1;
                        self.lines
                    },
                    |(line, _)| line,
                );
                now.line = Some((line, state));
            }
        }
        if now.messages == before.messages && now.line == before.line {
            return;
        }
        if now.messages == MessageSummary::default() && now.line.is_none() {
            self.states.remove(&user);
        } else {
            self.states.insert(user.clone(), now);
        }
        let package = notice.package();
        for id in self.of_user(&user) {
            if self.all.get(&id).is_some_and(|one| one.package == package) {
                self.tell(core, id, None, ended);
            }
        }
    }

    /// A subscription ran out.
    pub fn expire(&mut self, core: &mut Core, id: u64) {
        self.end(core, id, End::Timeout);
    }

    /// Ends the subscriptions of users who are no longer known.
    pub fn keep_users(&mut self, core: &mut Core, is_known: impl Fn(&str) -> bool) {
        let gone: Vec<u64> = self.all.iter().filter(|(_, one)| !is_known(&one.user)).map(|(id, _)| *id).collect();
        for id in gone {
            self.end(core, id, End::Rejected);
        }
        self.states.retain(|user, _| is_known(user));
    }

    /// Forgets the subscriptions that lived on a connection that is gone.
    pub fn flow_closed(&mut self, core: &mut Core, flow: &Flow) {
        let gone: Vec<u64> = self.all.iter().filter(|(_, one)| one.dialog.flow == *flow).map(|(id, _)| *id).collect();
        for id in gone {
            self.remove(core, id);
        }
    }

    /// A response to a NOTIFY. Whoever refuses one is told no more (RFC 6665 §4.2.2), unless he says when to try again.
    pub fn on_response(&mut self, core: &mut Core, id: u64, transaction: TransactionId, status: u16, later: bool) {
        let Some(one) = self.all.get_mut(&id).filter(|one| one.notify == Some(transaction)) else { return };
        if status < 200 {
            return;
        }
        one.notify = None;
        let gone = matches!(status, 404 | 405 | 410 | 416 | 480..=485 | 489 | 501 | 604);
        if status >= 300 && (gone || !later) {
            return self.remove(core, id);
        }
        if std::mem::take(&mut one.stale) {
            self.tell(core, id, None, None);
        }
    }

    /// Forgets a subscription without a word.
    pub fn remove(&mut self, core: &mut Core, id: u64) {
        if let Some(one) = self.all.remove(&id) {
            self.tags.remove(&one.dialog.local_tag);
            if let Some(held) = self.users.get_mut(&one.user) {
                held.remove(&id);
                if held.is_empty() {
                    self.users.remove(&one.user);
                }
            }
            core.alarms.stop(Alarm::Subscription(id));
        }
    }

    /// The subscriptions of a user, oldest first.
    fn of_user(&self, user: &str) -> Vec<u64> {
        self.users.get(user).into_iter().flatten().copied().collect()
    }

    fn set_expiry(&mut self, core: &mut Core, id: u64, lasts: Duration) {
        if lasts.is_zero() {
            return self.end(core, id, End::Timeout);
        }
        core.alarm(Alarm::Subscription(id), lasts);
        self.tell(core, id, None, None);
    }

    fn end(&mut self, core: &mut Core, id: u64, why: End) {
        self.tell(core, id, Some(why), None);
        self.remove(core, id);
    }

    /// Sends a NOTIFY with the whole state; the last one of a subscription does not wait for the one before.
    fn tell(&mut self, core: &mut Core, id: u64, end: Option<End>, ended_line: Option<u64>) {
        let Some(one) = self.all.get_mut(&id) else { return };
        if one.notify.is_some() && end.is_none() {
            one.stale = true;
            return;
        }
        let state = self.states.get(&one.user).copied().unwrap_or_default();
        let body = match one.package {
            Package::MessageSummary => body::message_summary(&one.entity, state.messages),
            Package::Dialog => body::dialog_info(&one.entity, one.version, state.line, ended_line),
        };
        one.version = one.version.wrapping_add(1);
        let mut draft = one.dialog.request(Method::Notify);
        draft.push("Event", one.event.clone());
        let left = one.expires.since(core.now).as_millis().div_ceil(1000);
        let subscription = match end {
            None => format!("active;expires={left}"),
            Some(End::Timeout) => "terminated;reason=timeout".to_owned(),
            Some(End::Rejected) => "terminated;reason=rejected".to_owned(),
        };
        draft.push("Subscription-State", subscription);
        draft.body = Some((one.package.media_type(), body.into_bytes()));
        let flow = one.dialog.next_hop(&core.config);
        one.notify = Some(core.send_request(User::Subscription(id), &draft, flow));
    }
}
