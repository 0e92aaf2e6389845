//! What the owner wants done.

use std::net::IpAddr;
use std::time::Duration;

use super::super::message::Method;
use super::super::session::{Said, Session};
use super::super::shield::{BanReason, Source};
use super::super::transaction::User;
use super::super::wire::{Draft, contact_uri, name_addr};
use super::super::{Binding, Cause, CauseKind, Command, Event, Flow, OutgoingInvite, SessionId, Side, Target};
use super::Endpoint;

impl Endpoint {
    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Respond { session, status, reason, sdp, retry_after_s, headers } => {
                self.with_session(session, |s, core| {
                    s.respond(core, Said { status, phrase: reason, sdp, retry_after_s, headers })
                });
            }
            Command::Invite { session, invite } => self.place(session, *invite),
            Command::Acknowledge { session, sdp } => self.with_session(session, |s, core| s.acknowledge(core, sdp)),
            Command::AnswerEarly { session, fork, sdp } => {
                self.with_session(session, |s, core| s.answer_early(core, fork, sdp));
            }
            Command::Hangup { session, reason } => {
                if !self.hangup_waiting(session, reason) {
                    self.with_session(session, |s, core| s.hangup(core, reason));
                }
            }
            Command::Reoffer { session, sdp } => self.with_session(session, |s, core| s.reoffer(core, sdp)),
            Command::AnswerReoffer { session, status, sdp } => {
                self.with_session(session, |s, core| s.answer_reoffer(core, status, sdp));
            }
            Command::Info { session, content_type, body } => {
                self.with_session(session, |s, core| s.info(core, content_type, body));
            }
            Command::AnswerRefer { session, status } => {
                self.with_session(session, |s, core| s.answer_refer(core, status));
            }
            Command::ReferProgress { session, status } => {
                self.with_session(session, |s, core| s.refer_progress(core, status));
            }
            Command::Notify { user, notice } => self.subscriptions.notify(&mut self.core, &user, notice),
            Command::Register(register) => self.registrations.start(&mut self.core, *register),
            Command::Unregister { account } => self.registrations.stop(&mut self.core, account),
            Command::Accounts(accounts) => {
                self.accounts = accounts.clone();
                self.change_registrar(|registrar, _, told| registrar.keep_users(|user| accounts.contains(user), told));
                self.subscriptions.keep_users(&mut self.core, |user| self.accounts.contains(user));
            }
            Command::Peers(peers) => self.core.config.peers = peers,
            Command::Admission(admission) => self.admission = admission,
            Command::Options { probe, flow, uri } => self.probe(probe, flow, uri),
            Command::Ban { source, span } => self.ban(source, span),
            Command::LiftBan { source } => {
                self.shield.lift(Source::of(source));
            }
        }
    }

    pub(super) fn place(&mut self, id: SessionId, mut invite: OutgoingInvite) {
        if self.sessions.contains_key(&id) || self.waking.contains_key(&id) {
            return;
        }
        // A call that went round in a circle until its hops were used up (RFC 7332), or one too many.
        let full = self.sessions.len() + self.waking.len() >= self.core.config.sessions_max;
        if invite.max_forwards == 0 || full {
            let status = if full { 503 } else { 483 };
            let cause = Cause::new(Side::Us, CauseKind::Rejected).with_status(status);
            return self.core.tell(Event::Rejected { session: id, status, cause, retry_after_s: None, moved_to: None });
        }
        self.last_session = self.last_session.max(id.0);
        if let Some(push) = self.sleeps(&invite) {
            return self.wake(id, invite, push);
        }
        let binding = match &invite.target {
            Target::Binding(binding) => Some(Binding::clone(binding)),
            Target::Uri { .. } => None,
        };
        // Where we are registered, calls take the route that the registrar gave us for them (RFC 3608 §5).
        if let (Target::Uri { flow, .. }, true) = (&invite.target, invite.routes.is_empty()) {
            invite.routes = self.registrations.service_route(flow);
        }
        let mut session = Session::outgoing(&mut self.core, id, invite);
        session.set_user(binding.as_ref().map(|binding| binding.user.clone()));
        if let Some(binding) = binding {
            let others = self.registrar.other_flows(self.core.now, &binding);
            session.set_device(binding, others);
        }
        self.sessions.insert(id, session);
    }

    fn ban(&mut self, ip: IpAddr, span: Option<Duration>) {
        if self.core.config.trunk_of(ip).is_some() {
            return;
        }
        let source = Source::of(ip);
        self.shield.order(self.core.now, source, span);
        self.core.tell(Event::Banned { source: source.network(), why: BanReason::Staff, span });
    }

    fn probe(&mut self, probe: u32, flow: Flow, uri: String) {
        let (call_id, tag) = (self.core.call_id(), self.core.tag());
        let mut draft = Draft::new(Method::Options, uri.clone().into_bytes(), call_id, 1);
        let us = contact_uri(&self.core.config, &flow, &self.core.config.contact_user);
        draft.from = name_addr("", &us, Some(&tag));
        draft.to = name_addr("", &uri, None);
        self.probes.insert(probe, flow);
        self.core.send_request(User::Options(probe), &draft, flow);
    }
}
