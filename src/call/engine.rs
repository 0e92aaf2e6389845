//! The call itself: takes inputs, sees to what is common to all states, and hands the rest to the state.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Instant, Now};
use crate::france::Tables;
use crate::ids::{CallId, LegId};
use crate::sdp::{Capabilities, Local};

use super::context::Context;
use super::facts::{Arrival, CallerIdentity, Facts};
use super::leg::{DigitSource, Leg, Role, Signalling, Stream};
use super::record::{Finished, Record};
use super::state::{Signal, State, opening};
use super::{
    DispatchAct, DispatchEvent, HangupReason, How, Input, LegAct, LegEnd, LegEvent, MediaAct, MediaEvent, Note, Output,
    Party, Stage, Termination,
};

/// What holds for every call of a node. A live call keeps the settings it began with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Numbers and postcodes of France.
    pub tables: Arc<Tables>,
    /// Codecs in our order, keys, packet time.
    pub capabilities: Capabilities,
    /// The same for the caller's leg, when her operator takes other codecs.
    pub caller_capabilities: Option<Capabilities>,
    /// After the ACK, how long the caller's first packet is awaited before we speak: her first syllables of ours must not
    /// fall into a path that is not open yet.
    pub first_sound: Duration,
    /// A listener's phone that answered and gives no sound for this long has failed; the caller goes back to the queue.
    pub listener_sound: Duration,
    /// The longest conversation; a guard against a state that never ends.
    pub conversation_max: Duration,
    /// The same key by RTP and by INFO within this span is one press.
    pub digit_double: Duration,
    /// How long an ended call waits for the last figures of its streams.
    pub settle: Duration,
    /// What plays to one party while the other holds the call.
    pub hold_prompt: Box<str>,
    /// Said to a caller whose listener was lost, before she is queued again first; skipped when there is no such prompt.
    pub lost_prompt: Box<str>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::new(Arc::new(Tables::embedded()))
    }
}

impl Settings {
    /// The defaults, with tables that are shared.
    pub fn new(tables: Arc<Tables>) -> Settings {
        Settings {
            tables,
            capabilities: Capabilities::default(),
            caller_capabilities: None,
            first_sound: Duration::from_millis(300),
            listener_sound: Duration::from_secs(8),
            conversation_max: Duration::from_secs(6 * 3600),
            digit_double: Duration::from_millis(500),
            settle: Duration::from_secs(2),
            hold_prompt: "hold_music".into(),
            lost_prompt: "sorry_reconnecting".into(),
        }
    }
}

/// One call. See the module's page.
pub struct Call {
    context: Context,
    state: State,
    offer: Option<Vec<u8>>,
    finished: bool,
}

impl Call {
    /// A caller's INVITE is here: opens her stream first.
    pub fn new(arrival: Arrival, settings: Arc<Settings>) -> Call {
        let language = arrival.plan.languages.first().map(|l| l.as_str().to_owned()).unwrap_or_default();
        let facts = Facts { language, caller_in: arrival.located, ..Facts::default() };
        let mut context = Context::new(arrival.call, arrival.plan, settings, arrival.caller, facts, arrival.now);
        let id = context.caller_leg();
        context.legs.insert(id, Leg::new(id, Role::Caller));
        context.media(id, MediaAct::Open);
        let state = State::Opening(opening::Opening::new(arrival.now.at));
        Call { context, state, offer: arrival.offer, finished: false }
    }

    // ---- getters -------------------------------------------------------------------------------------------------

    /// Its name.
    pub fn id(&self) -> CallId {
        self.context.call
    }

    /// Where it stands.
    pub fn stage(&self) -> Stage {
        self.context.stage
    }

    /// Legs whose signalling or sound is not settled yet.
    pub fn live_legs(&self) -> usize {
        self.context.legs.values().filter(|leg| !settled(leg)).count()
    }

    /// The leg by which a listener's other device may take the place of `of` in the conversation: the next
    /// [`LegEvent::TakesOver`] must carry it. `None` when nobody talks on that leg, or another device takes it over already.
    pub fn leg_to_take_over(&self, of: LegId) -> Option<LegId> {
        match &self.state {
            State::Bridged(bridged) if bridged.may_be_taken_over(of) => self.context.next_leg_id(),
            _ => None,
        }
    }

    /// Has the record been handed over?
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    // ---- inputs --------------------------------------------------------------------------------------------------

    /// Takes one input. Drain [`Call::poll_output`] to `Timeout` afterwards.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        if self.finished {
            return;
        }
        match input {
            Input::Leg { leg, event } => self.handle_leg(now, leg, event),
            Input::Media { leg, event } => self.handle_media(now, leg, event),
            Input::Dispatch(event) => self.handle_dispatch(now, event),
            Input::End(how) => {
                self.context.terminate(Party::Us, how);
                let reason = match how {
                    How::Drained => HangupReason::Draining,
                    How::Fault => HangupReason::Fault,
                    _ => HangupReason::Normal,
                };
                self.end(now, reason);
            }
            Input::Timeout => {
                // A deadline may have moved while the wake-up was on its way.
                if self.state.deadline().is_some_and(|at| at <= now.at) {
                    self.signal(now, Signal::Deadline);
                }
            }
        }
        self.finish_if_settled(now);
        // A long search rings many phones; what is settled is forgotten.
        self.context.legs.retain(|id, leg| id.is_caller() || !settled(leg));
    }

    // ---- outputs -------------------------------------------------------------------------------------------------

    /// The next thing to do; `Timeout` when there is none.
    pub fn poll_output(&mut self) -> Output {
        match self.context.outputs.pop_front() {
            Some(output) => output,
            None => Output::Timeout(if self.finished { None } else { self.state.deadline() }),
        }
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    fn handle_leg(&mut self, now: Now, id: LegId, event: LegEvent) {
        if let LegEvent::TakesOver { of, offer } = event {
            if self.leg_to_take_over(of) == Some(id) {
                self.signal(now, Signal::TakesOver { offer });
            }
            return;
        }
        let Some(leg) = self.context.legs.get_mut(&id) else { return };
        if leg.signalling == Signalling::Over {
            return; // a late word on a leg that is ended
        }
        // What does not fit the leg is a slip below us, and no reason to let anybody go.
        let fits = match event {
            LegEvent::Progress { .. } | LegEvent::Answered { .. } | LegEvent::Rejected { .. } => {
                leg.signalling == Signalling::Inviting
            }
            LegEvent::Confirmed { .. } => leg.incoming && leg.signalling == Signalling::Established,
            LegEvent::Reoffer { .. } | LegEvent::ReofferConfirmed { .. } => leg.local.is_some(),
            LegEvent::Reanswered { .. } | LegEvent::ReofferRejected => leg.reoffering,
            LegEvent::Digit(_) | LegEvent::Ended(_) | LegEvent::TakesOver { .. } => true,
        };
        if !fits {
            return;
        }
        match event {
            LegEvent::Progress { status } => self.signal(now, Signal::Progress { leg: id, status }),
            LegEvent::Answered { sdp } => {
                leg.signalling = Signalling::Established;
                self.signal(now, Signal::Answered { leg: id, sdp });
            }
            LegEvent::Rejected { status } => {
                leg.signalling = Signalling::Over;
                self.context.leg_over(id);
                self.signal(now, Signal::Rejected { leg: id, status });
            }
            LegEvent::Confirmed { sdp } => self.confirmed(now, id, sdp),
            LegEvent::Reoffer { sdp } => {
                self.context.reoffer(id, sdp);
                self.signal(now, Signal::Renegotiated { leg: id });
            }
            LegEvent::ReofferConfirmed { sdp } => {
                let offered = leg.session.offer_pending();
                if offered && self.context.take_answer(id, sdp.as_deref()).is_err() {
                    self.context.abandon_offer(id);
                }
                self.signal(now, Signal::Renegotiated { leg: id });
            }
            LegEvent::Reanswered { sdp } => {
                leg.reoffering = false;
                if self.context.take_answer(id, sdp.as_deref()).is_err() {
                    self.context.abandon_offer(id);
                }
                self.signal(now, Signal::Renegotiated { leg: id });
            }
            LegEvent::ReofferRejected => {
                leg.reoffering = false;
                self.context.abandon_offer(id);
            }
            LegEvent::Digit(digit) => self.digit(now, id, digit, DigitSource::Info),
            LegEvent::TakesOver { .. } => {}
            LegEvent::Ended(end) => self.leg_ended(now, id, end),
        }
    }

    /// The ACK of our 2xx; with the answer, when the INVITE carried no offer (RFC 3261 §13.2.1).
    fn confirmed(&mut self, now: Now, id: LegId, sdp: Option<Vec<u8>>) {
        // The offer that waits may be that of a re-INVITE of ours, which overtook an ACK that was lost: not this one's.
        let offered = self.context.leg(id).is_some_and(|leg| leg.session.offer_pending() && !leg.reoffering);
        if offered && self.context.take_answer(id, sdp.as_deref()).is_err() {
            if !id.is_caller() {
                self.context.drop_leg(id, HangupReason::NoCodec);
                return self.signal(now, Signal::ListenerEnded { leg: id, end: LegEnd::Ours });
            }
            self.context.terminate(Party::Caller, How::NoCodec);
            return self.end(now, HangupReason::NoCodec);
        }
        self.signal(now, Signal::Confirmed { leg: id });
    }

    fn leg_ended(&mut self, now: Now, id: LegId, end: LegEnd) {
        if let Some(leg) = self.context.legs.get_mut(&id) {
            leg.lost = end == LegEnd::Lost;
        }
        self.context.leg_over(id);
        if !id.is_caller() {
            return self.signal(now, Signal::ListenerEnded { leg: id, end });
        }
        let (by, how) = match end {
            LegEnd::Cancelled => (Party::Caller, How::Cancelled),
            LegEnd::HungUp => (Party::Caller, How::HungUp),
            LegEnd::NoAck => (Party::Trunk, How::NoAck),
            LegEnd::Lost => (Party::Trunk, How::Lost),
            LegEnd::Ours => (Party::Us, How::Completed),
        };
        self.context.terminate(by, how);
        self.context.caller_ended.get_or_insert(now.at);
        self.end(now, HangupReason::CallerGone);
    }

    fn handle_media(&mut self, now: Now, id: LegId, event: MediaEvent) {
        let Some(leg) = self.context.legs.get_mut(&id) else { return };
        match event {
            MediaEvent::Opened { rtp, rtcp } => {
                if leg.stream != Stream::Opening {
                    return;
                }
                leg.stream = Stream::Open;
                leg.local = Some(Local { address: rtp.ip(), rtp_port: rtp.port(), rtcp_port: rtcp.port() });
                let offer = if id.is_caller() { self.offer.take() } else { None };
                self.signal(now, Signal::Opened { leg: id, offer });
            }
            MediaEvent::OpenFailed => match leg.stream {
                Stream::Opening => {
                    leg.stream = Stream::Closed;
                    self.signal(now, Signal::OpenFailed { leg: id });
                }
                Stream::Closing => leg.stream = Stream::Closed,
                Stream::Open | Stream::Closed => {}
            },
            MediaEvent::Started => {
                leg.started = true;
                self.signal(now, Signal::Started { leg: id });
            }
            MediaEvent::Digit(digit) => self.digit(now, id, digit, DigitSource::Rtp),
            MediaEvent::PlaybackEnded(playback) => {
                if leg.playing == Some(playback) {
                    leg.playing = None;
                    if id.is_caller() {
                        self.signal(now, Signal::PlaybackEnded(playback));
                    }
                }
            }
            MediaEvent::Silent { for_ms } => {
                leg.silent_since = Some(now.at - Duration::from_millis(for_ms));
                // Nobody is cut for being silent: the peer is asked, and ends the leg itself if it is gone.
                self.context.probe(id);
                if self.context.stage == Stage::Bridged {
                    self.context.note(Note::OneWayAudio);
                }
            }
            MediaEvent::Audible => leg.silent_since = None,
            MediaEvent::Closed(sound) => {
                leg.stream = Stream::Closed;
                let conversed =
                    leg.token().is_some_and(|token| Some(&token.listener) == self.context.listener.as_ref());
                if id.is_caller() {
                    self.context.caller_sound = sound;
                } else if conversed && sound.packets_out > 0 {
                    self.context.listener_sound = Some(sound);
                }
            }
        }
    }

    fn digit(&mut self, now: Now, leg: LegId, digit: char, source: DigitSource) {
        let caller = leg.is_caller();
        if caller && self.context.press(leg, digit, source, now.at) {
            self.signal(now, Signal::Digit);
        }
    }

    fn handle_dispatch(&mut self, now: Now, event: DispatchEvent) {
        if matches!(event, DispatchEvent::Ring { .. }) && !self.state.may_ring() {
            // Who is not waiting holds nobody reserved. (`Leave` says nothing new if it was said.)
            return self.context.dispatch(DispatchAct::Leave);
        }
        let signal = match event {
            DispatchEvent::Ring { token, ring, devices } => Signal::Ring { token, ring, devices },
            DispatchEvent::Withdraw { token } => Signal::Withdraw { token },
            DispatchEvent::Exhausted => Signal::Exhausted,
        };
        self.signal(now, signal);
    }

    fn signal(&mut self, now: Now, signal: Signal) {
        let state = std::mem::replace(&mut self.state, State::Over);
        self.state = state.handle(&mut self.context, now, signal);
    }

    /// The caller's part is over: what the state holds is released, and every leg is let go.
    fn end(&mut self, now: Now, reason: HangupReason) {
        let state = std::mem::replace(&mut self.state, State::Over);
        self.state = state.end(&mut self.context, now, reason);
    }

    fn finish_if_settled(&mut self, now: Now) {
        let State::Closing(closing) = &self.state else { return };
        let all = self.context.legs.values().all(settled);
        if !all && !closing.is_due(now.at) {
            return;
        }
        self.finished = true;
        self.context.stage(Stage::Closing);
        let finished = self.record(now);
        self.context.outputs.push_back(Output::Finished(Box::new(finished)));
    }

    fn record(&mut self, now: Now) -> Finished {
        let context = &mut self.context;
        let since = |at: Option<Instant>| at.map(|at| context.times.since_invite_ms(at));
        let record = Record {
            call: context.call,
            service: context.plan.name.clone(),
            began: context.times.began.civil,
            ended: now.civil,
            answered_ms: since(context.times.answered),
            ended_ms: context.times.since_invite_ms(context.caller_ended.unwrap_or(now.at)),
            queued_ms: since(context.times.queued),
            bridged_ms: since(context.times.bridged),
            talked_ms: u64::try_from(context.talked.as_millis()).unwrap_or(u64::MAX),
            department: context.facts.department.map(|(department, _)| department.code().to_owned()),
            located_by: context.facts.department.map(|(_, by)| by),
            language: context.facts.language.clone(),
            listener: context.listener.clone(),
            attempts: std::mem::take(&mut context.attempts),
            steps: std::mem::take(&mut context.steps),
            caller_sound: context.caller_sound,
            listener_sound: context.listener_sound,
            termination: context.termination.unwrap_or(Termination {
                by: Party::Us,
                how: How::Fault,
                during: context.stage,
            }),
        };
        let caller = match std::mem::replace(&mut context.caller, CallerIdentity::Unknown) {
            CallerIdentity::Number(number) => Some(number),
            CallerIdentity::Hidden | CallerIdentity::Unknown => None,
        };
        Finished { record, caller }
    }
}

fn settled(leg: &Leg) -> bool {
    leg.signalling == Signalling::Over && leg.stream == Stream::Closed
}

/// Outputs of several polls, for owners that want them all at once.
pub fn drain(call: &mut Call) -> (VecDeque<Output>, Option<Instant>) {
    let mut outputs = VecDeque::new();
    loop {
        match call.poll_output() {
            Output::Timeout(at) => return (outputs, at),
            output => outputs.push_back(output),
        }
    }
}

/// The refusal of a caller's INVITE that never became a call of a plan.
pub(super) fn refuse(
    context: &mut Context,
    status: u16,
    retry_after_s: Option<u32>,
    warning: Option<(u16, &'static str)>,
) {
    refuse_leg(context, context.caller_leg(), status, retry_after_s, warning);
}

/// The refusal of an INVITE of a peer.
pub(super) fn refuse_leg(
    context: &mut Context,
    id: LegId,
    status: u16,
    retry_after_s: Option<u32>,
    warning: Option<(u16, &'static str)>,
) {
    context.act(id, LegAct::Reject { status, retry_after_s, warning });
    context.leg_over(id);
}
