//! The door: whom the [shield](super::super::shield) lets in, what an unsolicited message costs its sender, and who is banned.

use std::collections::BTreeSet;

use super::super::message::HeaderName;
use super::super::shield::{AMPLIFICATION_MAX, Look, Offence, Source, is_scanner};
use super::super::{Ban, DropReason, Event, Flow, Output, Transport};
use super::Endpoint;
use super::receive::Request;

/// What the sender of the message in hand may.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Visit {
    /// Only what belongs to something we have; all else is dropped for this reason.
    pub inside_only: Option<DropReason>,
}

/// Shorter noise costs a token and no points: keep-alives of many makes look like that.
const NOISE_BYTES: usize = 32;

impl Endpoint {
    /// Those who are answered with silence now.
    pub fn bans(&self) -> impl Iterator<Item = &Ban> {
        self.shield.bans(self.core.now)
    }

    /// Grows whenever [`Endpoint::bans`] changes by more than time.
    pub fn ban_changes(&self) -> u64 {
        self.shield.ban_changes()
    }

    /// Is this message to be read at all? It has not been looked at yet: this must cost next to nothing.
    pub(super) fn opens(&mut self, flow: Flow, length: usize) -> bool {
        self.visit = Visit::default();
        self.core.answer_max = None;
        if self.is_trusted(&flow) {
            return true;
        }
        let (now, source) = (self.core.now, Source::of(flow.remote.ip()));
        let refused = match self.shield.look(now, source) {
            Look::Welcome => None,
            Look::Banned => Some(DropReason::Banned),
            Look::OverBudget => Some(DropReason::OverBudget),
        };
        if let Some(reason) = refused {
            self.look_around();
            let registered = reason == DropReason::OverBudget && self.shield.is_registered(&flow);
            if !registered && !self.shield.is_near(source) {
                self.shut_out(flow, reason);
                return false;
            }
            self.visit.inside_only = refused.filter(|_| !registered);
        }
        if self.core.config.invite_auth_required && !self.shield.is_known(now, source) {
            let bounded = flow.transport == Transport::Udp;
            self.core.answer_max = Some(if bounded { length.saturating_mul(AMPLIFICATION_MAX) } else { usize::MAX });
        }
        true
    }

    /// Takes the price of something nobody asked for, and counts it as an offence if it is one; false when it was dropped.
    pub(super) fn pays(&mut self, flow: Flow, offence: Option<Offence>) -> bool {
        if let Some(reason) = self.visit.inside_only {
            self.core.dropped(reason);
            return false;
        }
        if self.is_trusted(&flow) {
            return true;
        }
        if !self.shield.charge(self.core.now, Source::of(flow.remote.ip())) {
            self.look_around();
            if !self.shield.is_registered(&flow) {
                self.core.dropped(DropReason::OverBudget);
                return false;
            }
        }
        !offence.is_some_and(|offence| self.offends(flow, offence))
    }

    /// Drops something that belongs to nothing; its sender pays.
    pub(super) fn stray(&mut self, flow: Flow, reason: DropReason, offence: Option<Offence>) {
        if self.pays(flow, offence) {
            self.core.dropped(reason);
        }
    }

    /// Drops what cannot be read.
    pub(super) fn noise(&mut self, flow: Flow, length: usize) {
        self.stray(flow, DropReason::Garbage, (length >= NOISE_BYTES).then_some(Offence::Malformed));
    }

    /// A request that begins something: paid for, and not from a scanner that says so.
    pub(super) fn enters(&mut self, request: &Request<'_, '_>) -> bool {
        let flow = request.source;
        let offence = match request.method {
            // These are judged when it is known whether a password comes with them.
            super::super::message::Method::Register | super::super::message::Method::Invite => None,
            _ => Some(Offence::Unsolicited),
        };
        let scans = request.message.header(HeaderName::UserAgent).is_some_and(is_scanner);
        self.pays(flow, if scans { Some(Offence::Scanner) } else { offence })
    }

    /// Counts an offence; true when the source is banned from now on, and the message is to be dropped.
    pub(super) fn offends(&mut self, flow: Flow, offence: Offence) -> bool {
        if self.is_trusted(&flow) || !self.core.config.invite_auth_required {
            return false;
        }
        self.look_around();
        let source = Source::of(flow.remote.ip());
        let Some((why, span)) = self.shield.offend(self.core.now, source, offence) else { return false };
        self.core.tell(Event::Banned { source: source.network(), why, span: Some(span) });
        self.shut_out(flow, DropReason::Banned);
        true
    }

    /// Nobody counts what comes from a trunk, or from a registrar of ours.
    pub(super) fn is_trusted(&self, flow: &Flow) -> bool {
        self.core.config.trunk_of(flow.remote.ip()).is_some() || self.registrations.account_of(flow).is_some()
    }

    fn shut_out(&mut self, flow: Flow, reason: DropReason) {
        self.core.dropped(reason);
        if reason == DropReason::Banned && flow.transport.is_reliable() {
            self.core.out.push_back(Output::Close(flow));
        }
    }

    /// Looks anew whom we are talking with, at most once a second. A walk over all of them once a second costs less, and is
    /// easier to believe, than an index kept up to date at every step.
    fn look_around(&mut self) {
        if !self.shield.wants_near(self.core.now) {
            return;
        }
        let registered: BTreeSet<Flow> = self.registrar.flows().collect();
        let sessions = self.sessions.values().filter_map(|session| session.dialog_flow());
        let flows = registered.iter().copied().chain(sessions).chain(self.core.layer.flows());
        let near = flows.map(|flow| Source::of(flow.remote.ip())).collect();
        self.shield.set_near(self.core.now, near, registered);
    }
}
