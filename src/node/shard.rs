//! One shard: a SIP endpoint, its calls and the dispatcher, on one thread, without a lock, a socket or a clock.
//!
//! An input is taken by the room it belongs to; what that room says is handed on to the next, until all are quiet. Each
//! room is drained after each input, as its contract asks. What leaves the shard is bytes, media commands, records,
//! decisions and events.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::call::{self, Call, DispatchEvent, LegEvent, MediaEvent};
use crate::clock::{Instant, Now, earliest};
use crate::dispatch::{self, Dispatcher};
use crate::ids::{CallId, IdSource, LegId, ListenerId};
use crate::media::Library;
use crate::sip::{self, Binding, Endpoint, EndpointConfig, Peers, SessionId};
use crate::trunk::{self, Channel, Trunks};

use super::legs::Legs;
use super::numbers::Plans;
use super::setup::{Setup, Trunking};
use super::{Event, Input, Output};

mod acts;
mod arrivals;
mod events;
mod handover;
mod lines;
mod trials;
mod trunks;

/// What a shard is made with.
#[derive(Clone, Debug)]
pub struct ShardSettings {
    /// The SIP endpoint.
    pub endpoint: EndpointConfig,
    /// The dispatcher.
    pub dispatch: dispatch::Settings,
    /// Calls at once; a further caller gets 503 with Retry-After, so that the operator tries another node.
    pub calls_max: usize,
    /// What a full or stopping node says in Retry-After, seconds.
    pub retry_after_s: u32,
    /// The host in the From of what a listener's phone is sent.
    pub from_host: String,
}

/// How many of each there are. All but those of registered devices are zero when nothing goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardCounts {
    /// Calls not yet recorded.
    pub calls: usize,
    /// Legs carried by a SIP session.
    pub legs: usize,
    /// The endpoint's own.
    pub sip: sip::Counts,
    /// The dispatcher's own.
    pub dispatch: dispatch::Counts,
    /// Calls that wait for an instant.
    pub timers: usize,
    /// Users with a registered device.
    pub users: usize,
}

/// One shard. See the module's page.
pub struct Shard {
    settings: ShardSettings,
    endpoint: Endpoint,
    dispatcher: Dispatcher,
    calls: BTreeMap<CallId, Call>,
    legs: Legs,
    /// What each listener's line does.
    lines: lines::Lines,
    /// Max-Forwards of each caller's INVITE.
    hops: BTreeMap<CallId, u8>,
    /// The contacts of the listener who is rung for a call; a call's `Device` is an index into them.
    rings: BTreeMap<CallId, Vec<Binding>>,
    /// Registered devices of each listener who has some.
    users: BTreeMap<ListenerId, u32>,
    trunks: Trunks,
    /// A set-up of trunks that waits for the first input: only then is the time known.
    trunking: Option<Arc<Trunking>>,
    /// Whose calls are believed now.
    peers: Arc<Peers>,
    /// The channel of each caller's call that came over a trunk.
    channels: BTreeMap<CallId, Channel>,
    /// Registrations of ours that are being taken back because the node stops, and until when that is waited for.
    leaving: BTreeSet<u32>,
    leave_by: Option<Instant>,
    /// Test calls under way.
    trials: BTreeMap<SessionId, trials::Trial>,
    plans: Plans,
    library: Arc<Library>,
    call_settings: Arc<call::Settings>,
    ids: IdSource,
    draining: bool,
    timers: BTreeSet<(Instant, CallId)>,
    timer_of: BTreeMap<CallId, Instant>,
    endpoint_at: Option<Instant>,
    dispatcher_at: Option<Instant>,
    trunks_at: Option<Instant>,
    // What one room has said and the next has not yet heard.
    sip_events: VecDeque<sip::Event>,
    trunk_outputs: VecDeque<trunk::Output>,
    dispatch_outputs: VecDeque<dispatch::Output>,
    call_inputs: VecDeque<(CallId, call::Input)>,
    call_outputs: VecDeque<(CallId, call::Output)>,
    outputs: VecDeque<Output>,
}

impl Shard {
    /// An idle shard.
    pub fn new(settings: ShardSettings, setup: Setup, mut ids: IdSource) -> Shard {
        let endpoint = Endpoint::new(settings.endpoint.clone(), ids.fork());
        let dispatcher = Dispatcher::new(settings.dispatch.clone(), setup.roster.clone());
        let (trunks, peers) = (Trunks::new(ids.fork()), settings.endpoint.peers.clone());
        let mut shard = Shard {
            settings,
            endpoint,
            dispatcher,
            calls: BTreeMap::new(),
            legs: Legs::default(),
            lines: lines::Lines::default(),
            hops: BTreeMap::new(),
            rings: BTreeMap::new(),
            users: BTreeMap::new(),
            trunks,
            trunking: None,
            peers,
            channels: BTreeMap::new(),
            leaving: BTreeSet::new(),
            leave_by: None,
            trials: BTreeMap::new(),
            plans: Plans::default(),
            library: setup.library.clone(),
            call_settings: setup.call.clone(),
            ids,
            draining: false,
            timers: BTreeSet::new(),
            timer_of: BTreeMap::new(),
            endpoint_at: None,
            dispatcher_at: None,
            trunks_at: None,
            sip_events: VecDeque::new(),
            trunk_outputs: VecDeque::new(),
            dispatch_outputs: VecDeque::new(),
            call_inputs: VecDeque::new(),
            call_outputs: VecDeque::new(),
            outputs: VecDeque::new(),
        };
        let start = Now { at: Instant::ZERO, civil: crate::clock::Civil::default() };
        shard.take_up(start, setup, false);
        shard
    }

    // ---- getters -------------------------------------------------------------------------------------------------

    /// Gauges.
    pub fn counts(&self) -> ShardCounts {
        ShardCounts {
            calls: self.calls.len(),
            legs: self.legs.len(),
            sip: self.endpoint.counts(),
            dispatch: self.dispatcher.counts(),
            timers: self.timers.len(),
            users: self.users.len(),
        }
    }

    /// Where each call stands.
    pub fn stages(&self) -> impl Iterator<Item = (CallId, call::Stage)> {
        self.calls.iter().map(|(id, call)| (*id, call.stage()))
    }

    /// Registered devices of each listener who has some.
    pub fn devices(&self) -> &BTreeMap<ListenerId, u32> {
        &self.users
    }

    /// The dispatcher, to look at.
    pub fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    /// Calls to telephones that sleep, and must be woken.
    pub fn wakes(&self) -> impl Iterator<Item = (sip::SessionId, &Binding)> {
        self.endpoint.wakes()
    }

    /// Sources that are answered with silence.
    pub fn bans(&self) -> impl Iterator<Item = &sip::Ban> {
        self.endpoint.bans()
    }

    /// Grows whenever [`Shard::bans`] changes by more than time.
    pub fn ban_changes(&self) -> u64 {
        self.endpoint.ban_changes()
    }

    /// Are new calls refused because the node stops?
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// Has every call been recorded after a drain began?
    pub fn is_drained(&self) -> bool {
        self.draining
            && self.calls.is_empty()
            && self.legs.len() == 0
            && self.trials.is_empty()
            && self.leaving.is_empty()
    }

    // ---- inputs and outputs --------------------------------------------------------------------------------------

    /// Takes one input. Drain [`Shard::poll_output`] to `Timeout` afterwards.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        if let Some(trunking) = self.trunking.take() {
            self.set_up_trunks(now, &trunking);
            self.settle(now);
        }
        match input {
            Input::Datagram { flow, bytes } => self.tell_endpoint(now, sip::Input::Datagram { flow, bytes: &bytes }),
            Input::FlowClosed(flow) => self.tell_endpoint(now, sip::Input::FlowClosed(flow)),
            Input::Resolved { query, found, ttl } => {
                self.tell_trunks(now, trunk::Input::Resolved { query, found, ttl })
            }
            Input::Report(report) => self.report(report),
            Input::Control(control) => self.control(now, control),
            Input::Timeout => self.timeout(now),
        }
        self.settle(now);
    }

    /// The next thing to do; `Timeout` when there is none.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        let calls_at = self.timers.first().map(|(at, _)| *at);
        let trunks_at = earliest(self.trunks_at, self.leave_by);
        let rooms_at = earliest(self.endpoint_at, earliest(self.dispatcher_at, trunks_at));
        Output::Timeout(earliest(calls_at, rooms_at))
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    /// Hands on what was said until every room is quiet.
    fn settle(&mut self, now: Now) {
        loop {
            if let Some((id, output)) = self.call_outputs.pop_front() {
                self.act(now, id, output);
            } else if let Some((id, input)) = self.call_inputs.pop_front() {
                self.tell_call(now, id, input);
            } else if let Some(output) = self.trunk_outputs.pop_front() {
                self.trunks_said(now, output);
            } else if let Some(output) = self.dispatch_outputs.pop_front() {
                self.dispatched(now, output);
            } else if let Some(event) = self.sip_events.pop_front() {
                self.happened(now, event);
            } else {
                return;
            }
        }
    }

    fn timeout(&mut self, now: Now) {
        if self.endpoint_at.is_some_and(|at| at <= now.at) {
            self.tell_endpoint(now, sip::Input::Timeout);
        }
        if self.dispatcher_at.is_some_and(|at| at <= now.at) {
            self.tell_dispatcher(now, dispatch::Input::Timeout);
        }
        if self.leave_by.is_some_and(|at| at <= now.at) {
            self.leave_by = None;
            self.leaving.clear();
        }
        if self.trunks_at.is_some_and(|at| at <= now.at) {
            self.tell_trunks(now, trunk::Input::Timeout);
        }
        while let Some((at, id)) = self.timers.first().copied() {
            if at > now.at {
                break;
            }
            self.timers.pop_first();
            self.timer_of.remove(&id);
            self.tell_call(now, id, call::Input::Timeout);
            self.settle(now);
        }
    }

    fn tell_endpoint(&mut self, now: Now, input: sip::Input<'_>) {
        self.endpoint.handle_input(now.at, input);
        loop {
            match self.endpoint.poll_output() {
                sip::Output::Transmit { flow, bytes } => self.outputs.push_back(Output::Transmit { flow, bytes }),
                sip::Output::Event(event) => self.sip_events.push_back(event),
                sip::Output::Dropped(reason) => self.event(Event::SipDropped(reason)),
                sip::Output::Close(flow) => self.outputs.push_back(Output::Close(flow)),
                sip::Output::Timeout(at) => {
                    self.endpoint_at = at;
                    return;
                }
            }
        }
    }

    fn command(&mut self, now: Now, command: sip::Command) {
        self.tell_endpoint(now, sip::Input::Command(command));
    }

    fn tell_dispatcher(&mut self, now: Now, input: dispatch::Input) {
        self.dispatcher.handle_input(now, input);
        loop {
            match self.dispatcher.poll_output() {
                dispatch::Output::Timeout(at) => {
                    self.dispatcher_at = at;
                    return;
                }
                output => self.dispatch_outputs.push_back(output),
            }
        }
    }

    /// One input to one call. A panic is contained here: the call ends and is recorded, the others do not notice.
    fn tell_call(&mut self, now: Now, id: CallId, input: call::Input) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            call.handle_input(now, input);
            call::drain(call)
        }));
        match told {
            Ok((outputs, at)) => {
                self.call_outputs.extend(outputs.into_iter().map(|output| (id, output)));
                self.wake_call(id, at);
            }
            Err(_) => self.panicked(now, id),
        }
    }

    fn leg_event(&mut self, leg: LegId, event: LegEvent) {
        self.call_inputs.push_back((leg.call, call::Input::Leg { leg, event }));
    }

    fn media_event(&mut self, leg: LegId, event: MediaEvent) {
        self.call_inputs.push_back((leg.call, call::Input::Media { leg, event }));
    }

    fn dispatch_event(&mut self, id: CallId, event: DispatchEvent) {
        self.call_inputs.push_back((id, call::Input::Dispatch(event)));
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn wake_call(&mut self, id: CallId, at: Option<Instant>) {
        if self.timer_of.get(&id).copied() == at {
            return;
        }
        if let Some(old) = self.timer_of.remove(&id) {
            self.timers.remove(&(old, id));
        }
        if let Some(at) = at {
            self.timer_of.insert(id, at);
            self.timers.insert((at, id));
        }
    }

    fn forget_call(&mut self, id: CallId) {
        self.calls.remove(&id);
        self.rings.remove(&id);
        self.hops.remove(&id);
        self.free_channel(id);
        self.wake_call(id, None);
    }
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
