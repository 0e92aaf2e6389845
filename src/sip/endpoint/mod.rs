//! The endpoint: everything of this room put together.
//!
//! `door` keeps out who sends too much, `receive` takes messages apart and finds whose they are, `admit` judges what begins something new, `commands` does what
//! the owner wants; `core` is what all share.

mod admit;
mod commands;
mod core;
mod door;
mod keep_alive;
mod receive;
mod subscribe;
mod transfers;
mod wake;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::auth::Guard;
use super::registrar::{Binding, Registrar};
use super::registration::Registrations;
use super::session::Session;
use super::shield::{Shield, Tries};
use super::subscription::Subscriptions;
use super::transaction::{Note, User};
use super::{Accounts, Admission, EndpointConfig, Event, Flow, Input, Output, SavedSession, SessionId};
use crate::clock::{Instant, earliest};
use crate::ids::IdSource;

use door::Visit;
use wake::Waiting;

pub(super) use core::{Alarm, Core};

/// A SIP user agent, registrar included. See the [room](super) for the contract.
#[derive(Debug)]
pub struct Endpoint {
    core: Core,
    sessions: BTreeMap<SessionId, Session>,
    registrar: Registrar,
    registrations: Registrations,
    subscriptions: Subscriptions,
    guard: Guard,
    shield: Shield,
    tries: Tries,
    visit: Visit,
    accounts: Arc<Accounts>,
    admission: Admission,
    probes: BTreeMap<u32, Flow>,
    /// Calls that wait for a device to wake.
    waking: BTreeMap<SessionId, Waiting>,
    last_session: u64,
}

/// How many of everything there are: gauges, and the proof that nothing leaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// INVITE transactions of ours.
    pub invite_client: usize,
    /// Other transactions of ours.
    pub non_invite_client: usize,
    /// INVITE transactions of peers.
    pub invite_server: usize,
    /// Other transactions of peers.
    pub non_invite_server: usize,
    /// Sessions whose last word is not said.
    pub sessions: usize,
    /// Sessions that are over, and still owe the network something.
    pub settling: usize,
    /// Registered devices.
    pub bindings: usize,
    /// Registrations of ours.
    pub registrations: usize,
    /// Subscriptions of our users' phones.
    pub subscriptions: usize,
    /// Timers that run.
    pub timers: usize,
}

impl Counts {
    /// Nothing at all?
    pub fn is_zero(&self) -> bool {
        *self == Counts::default()
    }
}

impl Endpoint {
    /// An endpoint with nobody registered, no call, and no account.
    pub fn new(config: EndpointConfig, mut ids: IdSource) -> Endpoint {
        let guard = Guard::new(&config.realm, config.nonce_lifetime, &mut ids);
        let shield = Shield::new(config.shield);
        Endpoint {
            core: Core::new(config, ids),
            sessions: BTreeMap::new(),
            registrar: Registrar::default(),
            registrations: Registrations::default(),
            subscriptions: Subscriptions::default(),
            guard,
            shield,
            tries: Tries::new(),
            visit: Visit::default(),
            accounts: Arc::new(Accounts::none()),
            admission: Admission::Open,
            probes: BTreeMap::new(),
            waking: BTreeMap::new(),
            last_session: 0,
        }
    }

    /// The settings.
    pub fn config(&self) -> &EndpointConfig {
        &self.core.config
    }

    /// How many of everything there are.
    pub fn counts(&self) -> Counts {
        let load = self.core.layer.load();
        let settling = self.sessions.values().filter(|session| session.is_told()).count();
        Counts {
            invite_client: load.invite_client,
            non_invite_client: load.non_invite_client,
            invite_server: load.invite_server,
            non_invite_server: load.non_invite_server,
            sessions: self.sessions.len() - settling + self.waking.len(),
            settling,
            bindings: self.registrar.len(),
            registrations: self.registrations.len(),
            subscriptions: self.subscriptions.len(),
            timers: load.timers + self.core.alarms.len(),
        }
    }

    /// The devices a user is registered with, best first; only those that have not run out.
    pub fn bindings<'s>(&'s self, user: &str) -> impl Iterator<Item = &'s Binding> + use<'s> {
        self.registrar.bindings(self.core.now, &user.to_ascii_lowercase())
    }

    /// The way to the peer of a session, once there is a dialog.
    pub fn flow_of(&self, session: SessionId) -> Option<Flow> {
        self.sessions.get(&session)?.dialog_flow()
    }

    /// A name for a session that is to be placed with [`super::Command::Invite`].
    pub fn new_session(&mut self) -> SessionId {
        self.last_session += 1;
        SessionId(self.last_session)
    }

    /// The confirmed sessions as plain values, for a checkpoint.
    pub fn saved_sessions(&self) -> impl Iterator<Item = SavedSession> {
        self.sessions.values().filter_map(Session::saved)
    }

    /// Takes up a session that was confirmed before the program ended. New sessions get names above it. Its timer runs
    /// from now: drain [`Endpoint::poll_output`] afterwards.
    pub fn restore_session(&mut self, now: Instant, saved: SavedSession) {
        self.core.now = now.max(self.core.now);
        let id = saved.session();
        self.last_session = self.last_session.max(id.0);
        let session = Session::restored(&mut self.core, saved);
        self.sessions.insert(id, session);
    }

    /// Something happened. Drain [`Endpoint::poll_output`] afterwards.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        self.core.now = now.max(self.core.now);
        match input {
            Input::Datagram { flow, bytes } => self.receive(flow, bytes),
            Input::FlowClosed(flow) => self.flow_closed(flow),
            Input::Timeout => {}
            Input::Command(command) => self.command(command),
        }
        self.settle();
        self.fire_due();
        for gone in std::mem::take(&mut self.core.failed_flows) {
            self.change_registrar(|registrar, _, told| registrar.flow_failed(&gone, told));
        }
    }

    /// What is to be done, in order; [`Output::Timeout`] comes last.
    pub fn poll_output(&mut self) -> Output {
        match self.core.out.pop_front() {
            Some(output) => output,
            None => Output::Timeout(earliest(self.core.layer.next_timeout(), self.core.alarms.next())),
        }
    }

    fn flow_closed(&mut self, flow: Flow) {
        let now = self.core.now;
        self.core.no_connection(&flow);
        let notes = self.core.layer.flow_closed(now, &flow, &mut self.core.out);
        self.core.notes.extend(notes);
        self.settle();
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in ids {
            self.with_session(id, |session, core| session.flow_closed(core, &flow));
        }
        self.registrations.flow_closed(&mut self.core, &flow);
        self.subscriptions.flow_closed(&mut self.core, &flow);
        self.change_registrar(|registrar, config, told| registrar.flow_closed(config, &flow, told));
    }

    /// Runs a change of the registrar, tells what came of it, and sets the next expiry.
    fn change_registrar<R>(&mut self, change: impl FnOnce(&mut Registrar, &EndpointConfig, &mut Vec<Event>) -> R) -> R {
        let mut told = Vec::new();
        let result = change(&mut self.registrar, &self.core.config, &mut told);
        for event in told {
            self.core.tell(event);
        }
        match self.registrar.next_expiry() {
            Some(at) => self.core.alarms.set(Alarm::Bindings, at),
            None => self.core.alarms.stop(Alarm::Bindings),
        }
        result
    }

    /// Fires every timer that is due, transactions and alarms in the order of their time.
    fn fire_due(&mut self) {
        let now = self.core.now;
        loop {
            let (layer, alarms) = (self.core.layer.next_timeout(), self.core.alarms.next());
            if earliest(layer, alarms).is_none_or(|at| at > now) {
                return;
            }
            if layer.is_some_and(|at| alarms.is_none_or(|other| at <= other)) {
                if let Some(notes) = self.core.layer.pop_due(now, &mut self.core.out) {
                    self.core.notes.extend(notes);
                }
            } else if let Some(alarm) = self.core.alarms.pop_due(now) {
                self.on_alarm(alarm);
            }
            self.settle();
        }
    }

    fn on_alarm(&mut self, alarm: Alarm) {
        let core = &mut self.core;
        let session = match alarm {
            Alarm::Bindings => {
                let now = core.now;
                return self.change_registrar(|registrar, _, told| registrar.expire(now, told));
            }
            Alarm::KeepAlive => return self.keep_ways_open(),
            Alarm::Ping(account) => return self.registrations.ping(core, account),
            Alarm::Ring(id) if self.waking.contains_key(&id) => {
                self.waited_enough(id);
                return;
            }
            Alarm::Refresh(account) => return self.registrations.refresh(core, account),
            Alarm::Subscription(id) => return self.subscriptions.expire(core, id),
            Alarm::Ring(id)
            | Alarm::Patience(id)
            | Alarm::CancelGuard(id)
            | Alarm::Resend(id, _)
            | Alarm::GiveUp(id, _)
            | Alarm::ReinviteGuard(id)
            | Alarm::Glare(id)
            | Alarm::OwnerGuard(id)
            | Alarm::AnswerGuard(id)
            | Alarm::Reliable(id)
            | Alarm::ReliableGuard(id)
            | Alarm::SessionRefresh(id)
            | Alarm::SessionExpiry(id)
            | Alarm::Referral(id) => self.sessions.get_mut(&id),
        };
        let Some(session) = session else { return };
        match alarm {
            Alarm::Ring(_) => session.ring_timeout(core),
            Alarm::Patience(_) => session.patience_over(core),
            Alarm::CancelGuard(_) => session.cancel_overdue(core),
            Alarm::Resend(_, cseq) => session.resend(core, cseq),
            Alarm::GiveUp(_, cseq) => session.give_up(core, cseq),
            Alarm::ReinviteGuard(_) => session.reinvite_overdue(core),
            Alarm::Glare(_) => session.glare_over(core),
            Alarm::OwnerGuard(_) => session.owner_overdue(core),
            Alarm::AnswerGuard(_) => session.answer_overdue(core),
            Alarm::Reliable(_) => session.resend_reliable(core),
            Alarm::ReliableGuard(_) => session.reliable_overdue(core),
            Alarm::SessionRefresh(_) => session.refresh_due(core),
            Alarm::SessionExpiry(_) => session.session_expired(core),
            Alarm::Referral(_) => session.referral_overdue(core),
            Alarm::Bindings | Alarm::KeepAlive | Alarm::Ping(_) | Alarm::Refresh(_) | Alarm::Subscription(_) => {}
        }
        if session.is_settled() {
            self.forget(session_of(alarm));
        }
    }

    /// Passes on what the transaction layer told, and forgets sessions that owe nothing any more.
    fn settle(&mut self) {
        while let Some(note) = self.core.notes.pop_front() {
            let user = match note {
                Note::Failed { user, .. } | Note::Over(_, user) => user,
            };
            match user {
                User::Invite(id)
                | User::Reinvite(id)
                | User::Cancel(id)
                | User::Bye(id)
                | User::Info(id)
                | User::Prack(id)
                | User::Refresh(id)
                | User::Notify(id)
                | User::Update(id) => {
                    if let Some(session) = self.sessions.get_mut(&id) {
                        session.on_note(&mut self.core, note);
                        if session.is_settled() {
                            self.forget(Some(id));
                        }
                    }
                }
                User::Register(account) => {
                    if let Note::Failed { id, fault, .. } = note {
                        self.registrations.on_failure(&mut self.core, account, id, fault);
                    }
                }
                User::Options(probe) => {
                    if let Note::Failed { .. } = note {
                        self.probe_done(probe, None);
                    }
                }
                User::Subscription(id) => {
                    if let Note::Failed { .. } = note {
                        self.subscriptions.remove(&mut self.core, id);
                    }
                }
                User::Nobody => {}
            }
        }
    }

    fn probe_done(&mut self, probe: u32, status: Option<u16>) {
        if let Some(flow) = self.probes.remove(&probe) {
            self.core.tell(Event::OptionsReply { probe, flow, status });
        }
    }

    /// Lets `act` work on a session, and forgets it when nothing is owed any more.
    fn with_session(&mut self, id: SessionId, act: impl FnOnce(&mut Session, &mut Core)) {
        if let Some(session) = self.sessions.get_mut(&id) {
            act(session, &mut self.core);
            if session.is_settled() {
                self.forget(Some(id));
            }
        }
    }

    fn forget(&mut self, id: Option<SessionId>) {
        if let Some(session) = id.and_then(|id| self.sessions.remove(&id)) {
            session.forget(&mut self.core);
        }
    }
}

fn session_of(alarm: Alarm) -> Option<SessionId> {
    match alarm {
        Alarm::Ring(id)
        | Alarm::Patience(id)
        | Alarm::CancelGuard(id)
        | Alarm::Resend(id, _)
        | Alarm::GiveUp(id, _)
        | Alarm::ReinviteGuard(id)
        | Alarm::Glare(id)
        | Alarm::OwnerGuard(id)
        | Alarm::AnswerGuard(id)
        | Alarm::Reliable(id)
        | Alarm::ReliableGuard(id)
        | Alarm::SessionRefresh(id)
        | Alarm::SessionExpiry(id)
        | Alarm::Referral(id) => Some(id),
        Alarm::Bindings | Alarm::KeepAlive | Alarm::Ping(_) | Alarm::Refresh(_) | Alarm::Subscription(_) => None,
    }
}
