//! A dialplan played on the keyboard: the real call machine and the real dispatcher, with a person for the caller, a
//! person for the listeners, and a clock that waits for both.
//!
//! Words are shown instead of spoken; nothing rings but a line of text. What the staff rehearse here is what a caller meets.

use std::sync::Arc;
use std::time::Duration;

use crate::call::{
    self, Arrival, Call, Device, DispatchAct, DispatchEvent, LegAct, LegEvent, MediaAct, MediaEvent, Settings, record,
};
use crate::clock::{Instant, Now, earliest};
use crate::dialplan::{Plan, PromptWords};
use crate::dispatch::{self, Dispatcher, Roster, Token};
use crate::ids::{IdSource, LegId, ListenerId};

use super::numbers;

/// What a person at the keyboard does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The caller presses keys.
    Keys(String),
    /// Nobody does anything until something happens by itself.
    Silence,
    /// The caller hangs up.
    Hangup,
    /// The listener who is rung answers.
    Answer,
    /// The listener who is rung declines.
    Decline,
    /// The listener of the conversation hangs up.
    ListenerHangup,
}

/// A line of the rehearsal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Since the call began.
    pub at: Duration,
    /// Who, or what.
    pub kind: LineKind,
    /// The words.
    pub text: String,
}

/// What a line tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// A step was entered.
    Step,
    /// The caller hears.
    Says,
    /// A listener's phone.
    Listener,
    /// The dispatcher's reasons.
    Why,
    /// The call itself.
    Call,
}

/// One rehearsal.
pub struct Rehearsal {
    call: Call,
    dispatcher: Dispatcher,
    words: Arc<PromptWords>,
    began: Now,
    now: Now,
    call_at: Option<Instant>,
    dispatcher_at: Option<Instant>,
    ringing: Option<(Token, Vec<LegId>)>,
    bridged: Option<LegId>,
    language: String,
    english: bool,
    lines: Vec<Line>,
    record: Option<record::Record>,
}

impl Rehearsal {
    /// A caller with the number `caller` (any form, or empty) dials a number of `plan` at `civil`; every listener of
    /// `roster` is reachable and ready. `english` chooses the language of the reasons.
    pub fn new(
        plan: Arc<Plan>,
        words: Arc<PromptWords>,
        roster: Arc<Roster>,
        caller: &str,
        civil: crate::clock::Civil,
        english: bool,
    ) -> Rehearsal {
        let now = Now { at: Instant::from_millis(1), civil };
        let mut ids = IdSource::from_number(3977);
        let arrival = Arrival {
            call: ids.call_id(civil),
            now,
            plan,
            caller: numbers::identity_of(caller),
            located: None,
            offer: Some(OFFER.to_vec()),
        };
        let listeners: Vec<ListenerId> = roster.listeners.iter().map(|listener| listener.id.clone()).collect();
        let mut dispatcher = Dispatcher::new(dispatch::Settings::default(), roster);
        for listener in listeners {
            dispatcher.handle_input(now, dispatch::Input::Reachable { listener, devices: 1 });
            while !matches!(dispatcher.poll_output(), dispatch::Output::Timeout(_)) {}
        }
        let call = Call::new(arrival, Arc::new(Settings::default()));
        let mut rehearsal = Rehearsal {
            call,
            dispatcher,
            words,
            began: now,
            now,
            call_at: None,
            dispatcher_at: None,
            ringing: None,
            bridged: None,
            language: "fr".into(),
            english,
            lines: Vec::new(),
            record: None,
        };
        rehearsal.drain_call();
        rehearsal
    }

    /// Is the call over?
    pub fn is_over(&self) -> bool {
        self.record.is_some()
    }

    /// The record, once the call is over.
    pub fn record(&self) -> Option<&record::Record> {
        self.record.as_ref()
    }

    /// Does a listener's phone ring?
    pub fn rings(&self) -> bool {
        self.ringing.is_some()
    }

    /// The lines since the last time.
    pub fn take_lines(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    /// Somebody does something.
    pub fn act(&mut self, act: Act) {
        let caller = LegId::caller(self.call.id());
        match act {
            Act::Keys(keys) => {
                for key in keys.chars() {
                    self.pass(Duration::from_millis(600));
                    self.media(caller, MediaEvent::Digit(key));
                }
            }
            Act::Silence => self.wait(),
            Act::Hangup => self.leg(caller, LegEvent::Ended(call::LegEnd::HungUp)),
            Act::Answer => {
                if let Some(leg) = self.ringing.as_ref().and_then(|(_, legs)| legs.first().copied()) {
                    self.pass(Duration::from_secs(2));
                    self.bridged = Some(leg);
                    self.leg(leg, LegEvent::Answered { sdp: Some(OFFER.to_vec()) });
                    self.media(leg, MediaEvent::Started);
                }
            }
            Act::Decline => {
                if let Some(leg) = self.ringing.as_ref().and_then(|(_, legs)| legs.first().copied()) {
                    self.pass(Duration::from_secs(2));
                    self.leg(leg, LegEvent::Rejected { status: 603 });
                }
            }
            Act::ListenerHangup => {
                if let Some(leg) = self.bridged.take() {
                    self.pass(Duration::from_secs(60));
                    self.leg(leg, LegEvent::Ended(call::LegEnd::HungUp));
                }
            }
        }
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    fn pass(&mut self, span: Duration) {
        self.now.at += span;
        let millis = i64::try_from(span.as_millis()).unwrap_or(0);
        self.now.civil = crate::clock::Civil::from_unix_millis(self.now.civil.as_unix_millis() + millis);
    }

    /// On to the next instant at which something happens by itself.
    fn wait(&mut self) {
        if self.bridged.is_some() {
            return self.pass(Duration::from_secs(60)); // a minute of talk
        }
        let Some(at) = earliest(self.call_at, self.dispatcher_at) else { return };
        self.pass(at.since(self.now.at));
        if self.dispatcher_at.is_some_and(|at| at <= self.now.at) {
            self.dispatch(dispatch::Input::Timeout);
        }
        if self.call_at.is_some_and(|at| at <= self.now.at) {
            self.tell(call::Input::Timeout);
        }
    }

    fn leg(&mut self, leg: LegId, event: LegEvent) {
        self.tell(call::Input::Leg { leg, event });
    }

    fn media(&mut self, leg: LegId, event: MediaEvent) {
        self.tell(call::Input::Media { leg, event });
    }

    fn tell(&mut self, input: call::Input) {
        self.call.handle_input(self.now, input);
        self.drain_call();
    }

    fn line(&mut self, kind: LineKind, text: impl Into<String>) {
        self.lines.push(Line { at: self.now.at.since(self.began.at), kind, text: text.into() });
    }

    fn drain_call(&mut self) {
        let (outputs, at) = call::drain(&mut self.call);
        self.call_at = at;
        for output in outputs {
            match output {
                call::Output::Leg { leg, act } => self.leg_act(leg, act),
                call::Output::Media { leg, act } => self.media_act(leg, act),
                call::Output::Dispatch(act) => self.dispatch_act(act),
                call::Output::Note(call::Note::Step(name)) => self.line(LineKind::Step, name),
                call::Output::Finished(finished) => {
                    let (french, english) = finished.record.termination.in_words();
                    let words = if self.english { english } else { french };
                    self.line(LineKind::Call, words);
                    self.record = Some(finished.record);
                }
                call::Output::Note(_) | call::Output::Timeout(_) => {}
            }
        }
    }

    fn leg_act(&mut self, leg: LegId, act: LegAct) {
        match act {
            LegAct::Answer { .. } => self.leg(leg, LegEvent::Confirmed { sdp: None }),
            LegAct::Invite { listener, shown, .. } => {
                self.line(LineKind::Listener, format!("{listener} « {shown} »"));
                self.leg(leg, LegEvent::Progress { status: 180 });
            }
            LegAct::Hangup(_) if !leg.is_caller() => self.line(LineKind::Listener, "—"),
            LegAct::Reject { status, .. } => self.line(LineKind::Call, format!("{status}")),
            _ => {}
        }
    }

    fn media_act(&mut self, leg: LegId, act: MediaAct) {
        match act {
            MediaAct::Open => {
                let rtp = ([127, 0, 0, 1], 20_000 + leg.nth * 2).into();
                let rtcp = ([127, 0, 0, 1], 20_001 + leg.nth * 2).into();
                if !leg.is_caller()
                    && let Some((_, legs)) = &mut self.ringing
                {
                    legs.push(leg);
                }
                self.media(leg, MediaEvent::Opened { rtp, rtcp });
                self.media(leg, MediaEvent::Started);
            }
            MediaAct::Play { playback, language, prompts, repeat } => {
                self.language = language;
                let said: Vec<String> = prompts.iter().map(|name| self.say(name)).collect();
                if leg.is_caller() {
                    self.line(LineKind::Says, said.join(" "));
                }
                if repeat.is_none() {
                    self.pass(Duration::from_secs(3));
                    self.media(leg, MediaEvent::PlaybackEnded(playback));
                }
            }
            MediaAct::Close => self.media(leg, MediaEvent::Closed(record::Sound::default())),
            _ => {}
        }
    }

    fn say(&self, name: &str) -> String {
        match self.words.get(name, &self.language) {
            Some(words) => words.to_owned(),
            None => format!("({name})"),
        }
    }

    fn dispatch_act(&mut self, act: DispatchAct) {
        let call = self.call.id();
        let input = match act {
            DispatchAct::Enqueue(request) => dispatch::Input::Enqueue(*request),
            DispatchAct::Leave => dispatch::Input::Leave { call },
            DispatchAct::Outcome(token, outcome) => {
                self.ringing = None;
                dispatch::Input::Outcome { token, outcome }
            }
            DispatchAct::Released(token) => dispatch::Input::Released { token },
        };
        self.dispatch(input);
    }

    fn dispatch(&mut self, input: dispatch::Input) {
        self.dispatcher.handle_input(self.now, input);
        let mut events = Vec::new();
        loop {
            match self.dispatcher.poll_output() {
                dispatch::Output::Timeout(at) => {
                    self.dispatcher_at = at;
                    break;
                }
                dispatch::Output::Ring { token, ring } => {
                    events.push(DispatchEvent::Ring { token, ring, devices: vec![Device(0)] });
                }
                dispatch::Output::Withdraw { token, .. } => events.push(DispatchEvent::Withdraw { token }),
                dispatch::Output::Exhausted { .. } => events.push(DispatchEvent::Exhausted),
                dispatch::Output::Decision(decision) => {
                    let lang = if self.english { dispatch::Lang::En } else { dispatch::Lang::Fr };
                    let words = decision.in_words(lang);
                    self.line(LineKind::Why, words);
                }
                dispatch::Output::Position { .. } | dispatch::Output::Dropped(_) => {}
            }
        }
        for event in events {
            match &event {
                DispatchEvent::Ring { token, .. } => self.ringing = Some((token.clone(), Vec::new())),
                DispatchEvent::Withdraw { .. } | DispatchEvent::Exhausted => self.ringing = None,
            }
            self.tell(call::Input::Dispatch(event));
        }
    }
}

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rehearsal").field("over", &self.is_over()).finish_non_exhaustive()
    }
}

/// What a telephone at the keyboard would offer.
const OFFER: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
