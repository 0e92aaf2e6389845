//! A softphone as a value: the engine's own user agent and media, the other way round.
//!
//! It registers, dials, answers, declines, presses keys, plays a sound and tells which tones it hears. `ecoute demo`,
//! `ecoute call` and the simulator's callers and listeners are made of it. One call at a time; a second caller is busy.

mod words;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Instant;
use crate::ids::{CallId, IdSource, LegId};
use crate::media::{self, PlaybackId, Prompt};
use crate::sdp::{self, Direction, Local, Move, Session};
use crate::sip::{
    self, Command, Credentials, Endpoint, EndpointConfig, Flow, Headers, Hidden, OutgoingInvite, Redirect, Register,
    RegistrationState, SessionId, Target, Transport,
};

pub use words::{PhoneAction, PhoneEvent, PhoneInput, PhoneOutput, PhoneSettings};

struct Talk {
    session: SessionId,
    leg: LegId,
    sdp: Session,
    local: Option<Local>,
    incoming: Option<Option<Vec<u8>>>,
    dialling: Option<String>,
    connected: bool,
    /// The answer that a provisional response brought.
    early: Option<Vec<u8>>,
    answer_when_open: bool,
    peer: std::net::IpAddr,
}

/// One phone. See the module's page.
pub struct Phone {
    settings: PhoneSettings,
    endpoint: Endpoint,
    transport: Transport,
    talk: Option<Talk>,
    /// Does it send a session description while it rings?
    early: bool,
    /// `+sip.instance`: its registration keeps a flow of its own (RFC 5626).
    instance: Option<String>,
    /// Replaces of the call being placed.
    replaces: Option<String>,
    speech: Option<Arc<Prompt>>,
    tones: Vec<u16>,
    calls: u64,
    outputs: VecDeque<PhoneOutput>,
    events: VecDeque<sip::Event>,
    endpoint_at: Option<Instant>,
}

const ACCOUNT: u32 = 1;
const SPEECH: PlaybackId = PlaybackId(1);

impl Phone {
    /// An idle phone that speaks UDP.
    pub fn new(settings: PhoneSettings, ids: IdSource) -> Phone {
        Phone::speaking(Transport::Udp, settings, ids, |_| {})
    }

    /// An idle phone over this transport, with its user agent's settings changed.
    pub fn speaking(
        transport: Transport,
        settings: PhoneSettings,
        ids: IdSource,
        change: impl FnOnce(&mut EndpointConfig),
    ) -> Phone {
        let mut config = EndpointConfig {
            realm: settings.domain.clone(),
            domains: vec![settings.domain.clone()],
            software: "ecoute-phone".into(),
            contact_user: settings.user.clone(),
            registrar: false,
            invite_auth_required: false,
            ..EndpointConfig::default()
        };
        change(&mut config);
        Phone {
            settings,
            endpoint: Endpoint::new(config, ids),
            transport,
            talk: None,
            early: false,
            instance: None,
            replaces: None,
            speech: None,
            tones: Vec::new(),
            calls: 0,
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            endpoint_at: None,
        }
    }

    /// From now on it answers with a session description while it rings (183), as some gateways do; reliably where its
    /// settings and the caller want that.
    pub fn set_early(&mut self, early: bool) {
        self.early = early;
    }

    /// From now on it registers under this name of the device (`urn:uuid:…`), so that its registration is known again over
    /// another connection (RFC 5626).
    pub fn set_instance(&mut self, instance: String) {
        self.instance = Some(instance);
    }

    /// Has it a call, in whatever state?
    pub fn is_busy(&self) -> bool {
        self.talk.is_some()
    }

    /// Is a call joined?
    pub fn is_connected(&self) -> bool {
        self.talk.as_ref().is_some_and(|talk| talk.connected)
    }

    /// The endpoint's gauges.
    pub fn counts(&self) -> sip::Counts {
        self.endpoint.counts()
    }

    /// Takes one input. Drain [`Phone::poll_output`] to `Timeout` afterwards.
    pub fn handle_input(&mut self, now: Instant, input: PhoneInput<'_>) {
        match input {
            PhoneInput::Datagram { flow, bytes } => self.tell(now, sip::Input::Datagram { flow, bytes }),
            PhoneInput::FlowClosed(flow) => self.tell(now, sip::Input::FlowClosed(flow)),
            PhoneInput::Timeout => self.tell(now, sip::Input::Timeout),
            PhoneInput::Report(report) => self.report(now, report),
            PhoneInput::Act(action) => self.act(now, action),
        }
        while let Some(event) = self.events.pop_front() {
            self.happened(now, event);
        }
    }

    /// The next thing to do; `Timeout` when there is none.
    pub fn poll_output(&mut self) -> PhoneOutput {
        self.outputs.pop_front().unwrap_or(PhoneOutput::Timeout(self.endpoint_at))
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    fn flow(&self) -> Flow {
        let PhoneSettings { local, server, .. } = self.settings;
        Flow { transport: self.transport, local, remote: server, connection: 0 }
    }

    fn credentials(&self) -> Option<Credentials> {
        let password = self.settings.password.as_deref()?;
        Some(Credentials::new(&self.settings.user, password))
    }

    fn tell(&mut self, now: Instant, input: sip::Input<'_>) {
        self.endpoint.handle_input(now, input);
        loop {
            match self.endpoint.poll_output() {
                sip::Output::Transmit { flow, bytes } => {
                    self.outputs.push_back(PhoneOutput::Transmit { flow, bytes });
                }
                sip::Output::Event(event) => self.events.push_back(event),
                // A telephone closes its one connection when it ends.
                sip::Output::Dropped(_) | sip::Output::Close(_) => {}
                sip::Output::Timeout(at) => {
                    self.endpoint_at = at;
                    return;
                }
            }
        }
    }

    fn command(&mut self, now: Instant, command: Command) {
        self.tell(now, sip::Input::Command(command));
    }

    fn say(&mut self, event: PhoneEvent) {
        self.outputs.push_back(PhoneOutput::Event(event));
    }

    fn media(&mut self, command: media::Command) {
        self.outputs.push_back(PhoneOutput::Media(command));
    }

    fn new_leg(&mut self) -> LegId {
        self.calls += 1;
        let call = CallId::from_raw(1 << 63 | u64::from(self.settings.number) << 24 | self.calls);
        LegId::caller(call)
    }

    fn open(
        &mut self,
        session: SessionId,
        incoming: Option<Option<Vec<u8>>>,
        dialling: Option<String>,
        peer: std::net::IpAddr,
    ) {
        let leg = self.new_leg();
        let sdp = Session::new(leg.call.as_raw());
        self.talk = Some(Talk {
            session,
            leg,
            sdp,
            local: None,
            incoming,
            dialling,
            connected: false,
            early: None,
            answer_when_open: false,
            peer,
        });
        self.media(media::Command::Open { leg });
    }

    fn act(&mut self, now: Instant, action: PhoneAction) {
        match action {
            PhoneAction::Register { expires_s } => {
                let register = Register {
                    account: ACCOUNT,
                    registrar: self.flow(),
                    aor: Hidden::new(format!("sip:{}@{}", self.settings.user, self.settings.domain)),
                    credentials: self.credentials(),
                    expires_s,
                    contact_user: Hidden::new(self.settings.user.clone()),
                    instance: self.instance.clone(),
                };
                self.command(now, Command::Register(Box::new(register)));
            }
            PhoneAction::Unregister => self.command(now, Command::Unregister { account: ACCOUNT }),
            PhoneAction::Dial { to } => self.dial(to, None),
            PhoneAction::TakeOver { to, replaces } => self.dial(to, Some(replaces)),
            PhoneAction::Answer => self.answer(now),
            PhoneAction::Decline(status) => self.end(now, Some(status)),
            PhoneAction::Hangup => self.end(now, None),
            PhoneAction::Press(digits) => {
                if let Some(leg) = self.talk.as_ref().map(|talk| talk.leg) {
                    self.media(media::Command::SendDigits { leg, digits });
                }
            }
            PhoneAction::Speak(prompt) => {
                self.speech = Some(prompt);
                self.start_sound();
            }
            PhoneAction::Listen(tones) => {
                self.tones = tones;
                self.start_sound();
            }
            PhoneAction::Hold(on) => self.hold(now, on),
        }
    }

    fn dial(&mut self, to: String, replaces: Option<String>) {
        if self.talk.is_none() {
            self.replaces = replaces;
            let session = self.endpoint.new_session();
            self.open(session, None, Some(to), self.settings.server.ip());
        }
    }

    fn answer(&mut self, now: Instant) {
        let Some(talk) = &mut self.talk else { return };
        let Some(offer) = &talk.incoming else { return };
        let Some(local) = talk.local else {
            talk.answer_when_open = true;
            return;
        };
        let step = match offer {
            Some(offer) => Move::TakeOffer(offer),
            None => Move::Offer { direction: Direction::SendRecv },
        };
        let session = talk.session;
        if let Some(sdp) = talk.early.take() {
            talk.incoming = None;
            return self.respond(now, session, 200, Some(sdp));
        }
        match sdp::negotiate(&self.settings.capabilities, &local, &talk.sdp, step) {
            Ok((negotiated, sdp)) => {
                talk.sdp = negotiated;
                talk.incoming = None;
                self.configure();
                self.respond(now, session, 200, sdp);
            }
            Err(refusal) => self.respond(now, session, refusal.status(), None),
        }
    }

    /// Sends our session description while it rings. It stands, whatever comes (RFC 3261 §13.2.1).
    fn describe(&mut self, now: Instant, local: Local) {
        let Some(talk) = &mut self.talk else { return };
        let Some(Some(offer)) = &talk.incoming else { return };
        let answered = sdp::negotiate(&self.settings.capabilities, &local, &talk.sdp, Move::TakeOffer(offer));
        if let Ok((negotiated, Some(sdp))) = answered {
            talk.sdp = negotiated;
            talk.early = Some(sdp.clone());
            let session = talk.session;
            self.configure();
            self.respond(now, session, 183, Some(sdp));
        }
    }

    fn end(&mut self, now: Instant, status: Option<u16>) {
        let Some(talk) = self.talk.take() else { return };
        self.media(media::Command::Close { leg: talk.leg });
        if talk.dialling.is_some() {
            return; // the INVITE never left
        }
        let session = talk.session;
        match status {
            Some(status) if talk.incoming.is_some() => self.respond(now, session, status, None),
            _ => self.command(now, Command::Hangup { session, reason: None }),
        }
        self.say(PhoneEvent::Over { by_peer: false });
    }

    fn hold(&mut self, now: Instant, on: bool) {
        let direction = if on { Direction::SendOnly } else { Direction::SendRecv };
        let Some(talk) = &mut self.talk else { return };
        let Some(local) = talk.local else { return };
        let step = Move::Offer { direction };
        if let Ok((negotiated, Some(offer))) = sdp::negotiate(&self.settings.capabilities, &local, &talk.sdp, step) {
            talk.sdp = negotiated;
            let session = talk.session;
            self.command(now, Command::Reoffer { session, sdp: Some(offer) });
        }
    }

    fn respond(&mut self, now: Instant, session: SessionId, status: u16, sdp: Option<Vec<u8>>) {
        let headers = Headers::none();
        self.command(now, Command::Respond { session, status, reason: None, sdp, retry_after_s: None, headers });
    }

    fn report(&mut self, now: Instant, report: media::Report) {
        use media::Report;
        if let Report::Closed { stats, .. } = report {
            return self.say(PhoneEvent::Closed(stats));
        }
        if self.talk.as_ref().is_none_or(|talk| talk.leg != report.leg()) {
            return;
        }
        match report {
            Report::Opened { rtp, rtcp, .. } => self.opened(now, rtp, rtcp),
            Report::OpenFailed { .. } => {
                self.end(now, Some(503));
                self.say(PhoneEvent::Refused(503));
            }
            Report::Started { .. } => self.say(PhoneEvent::Heard),
            Report::Tone { hz, share, .. } => self.say(PhoneEvent::Tone { hz, share }),
            _ => {}
        }
    }

    fn opened(&mut self, now: Instant, rtp: SocketAddr, rtcp: SocketAddr) {
        let local = Local { address: rtp.ip(), rtp_port: rtp.port(), rtcp_port: rtcp.port() };
        let from_uri = Hidden::new(format!("sip:{}@{}", self.settings.user, self.settings.domain));
        let credentials = self.credentials();
        let flow = self.flow();
        let Some(talk) = &mut self.talk else { return };
        talk.local = Some(local);
        if let Some(to) = talk.dialling.take() {
            let mut headers = self.settings.headers.clone();
            if let Some(replaces) = self.replaces.take() {
                headers.push("Replaces", replaces);
            }
            let step = Move::Offer { direction: Direction::SendRecv };
            let Ok((negotiated, offer)) = sdp::negotiate(&self.settings.capabilities, &local, &talk.sdp, step) else {
                return;
            };
            talk.sdp = negotiated;
            let session = talk.session;
            let uri = Hidden::new(format!("sip:{to}@{}", self.settings.server));
            let invite = OutgoingInvite {
                target: Target::Uri { uri, flow },
                from_uri,
                from_display: Hidden::new(""),
                to_uri: None,
                routes: Vec::new(),
                credentials,
                headers,
                sdp: offer,
                ring_timeout: Duration::from_secs(60),
                patience: None,
                redirect: Redirect::Refuse,
                max_forwards: 70,
            };
            self.command(now, Command::Invite { session, invite: Box::new(invite) });
        } else if talk.answer_when_open {
            self.answer(now);
        } else if self.early {
            self.describe(now, local);
        }
    }

    fn happened(&mut self, now: Instant, event: sip::Event) {
        use sip::Event as Sip;
        let ours = |talk: &Option<Talk>, session| talk.as_ref().is_some_and(|talk| talk.session == session);
        match event {
            Sip::Registration { state, .. } => self.say(match state {
                RegistrationState::Registered { .. } => PhoneEvent::Registered,
                RegistrationState::Failed { status } => PhoneEvent::RegistrationFailed(status),
                RegistrationState::Gone => return,
            }),
            Sip::Invite { session, .. } if self.talk.is_some() => self.respond(now, session, 486, None),
            Sip::Invite { session, invite } => {
                self.open(session, Some(invite.sdp), None, invite.flow.remote.ip());
                self.respond(now, session, 180, None);
                self.say(PhoneEvent::Rings);
            }
            Sip::Progress { session, status, .. } if ours(&self.talk, session) => {
                self.say(PhoneEvent::Progress(status));
            }
            Sip::Answered { session, sdp } if ours(&self.talk, session) => {
                if self.take_answer(sdp.as_deref()) {
                    self.connected();
                } else {
                    self.end(now, None);
                }
            }
            Sip::Answered { session, .. } => self.command(now, Command::Hangup { session, reason: None }),
            Sip::Confirmed { session, sdp } if ours(&self.talk, session) => {
                if self.talk.as_ref().is_some_and(|talk| talk.sdp.offer_pending()) {
                    self.take_answer(sdp.as_deref());
                }
                self.connected();
            }
            Sip::Reoffer { session, sdp } if ours(&self.talk, session) => self.reoffered(now, session, sdp),
            Sip::Reanswered { session, sdp } | Sip::ReofferConfirmed { session, sdp } if ours(&self.talk, session) => {
                self.take_answer(sdp.as_deref());
            }
            Sip::Rejected { session, status, .. } if ours(&self.talk, session) => {
                self.over();
                self.say(PhoneEvent::Refused(status));
            }
            Sip::Ended { session, .. } if ours(&self.talk, session) => {
                self.over();
                self.say(PhoneEvent::Over { by_peer: true });
            }
            _ => {}
        }
    }

    fn reoffered(&mut self, now: Instant, session: SessionId, offer: Option<Vec<u8>>) {
        let Some(talk) = &mut self.talk else { return };
        let Some(local) = talk.local else { return };
        let step = match &offer {
            Some(offer) => Move::TakeOffer(offer),
            None => Move::Offer { direction: Direction::SendRecv },
        };
        let (status, sdp) = match sdp::negotiate(&self.settings.capabilities, &local, &talk.sdp, step) {
            Ok((negotiated, sdp)) => {
                talk.sdp = negotiated;
                (200, sdp)
            }
            Err(refusal) => (refusal.status(), None),
        };
        self.configure();
        self.command(now, Command::AnswerReoffer { session, status, sdp });
    }

    fn take_answer(&mut self, answer: Option<&[u8]>) -> bool {
        let (Some(talk), Some(answer)) = (&mut self.talk, answer) else { return false };
        let Some(local) = talk.local else { return false };
        match sdp::negotiate(&self.settings.capabilities, &local, &talk.sdp, Move::TakeAnswer(answer)) {
            Ok((negotiated, _)) => {
                talk.sdp = negotiated;
                self.configure();
                true
            }
            Err(_) => false,
        }
    }

    fn configure(&mut self) {
        let Some(talk) = &self.talk else { return };
        let Some(audio) = talk.sdp.audio.clone() else { return };
        let (leg, signalling_source) = (talk.leg, talk.peer);
        self.media(media::Command::Configure { leg, audio: Box::new(audio), signalling_source });
    }

    fn connected(&mut self) {
        let Some(talk) = &mut self.talk else { return };
        if !std::mem::replace(&mut talk.connected, true) {
            self.start_sound();
            self.say(PhoneEvent::Connected);
        }
    }

    fn start_sound(&mut self) {
        let Some(talk) = self.talk.as_ref().filter(|talk| talk.connected) else { return };
        let leg = talk.leg;
        if !self.tones.is_empty() {
            let frequencies = self.tones.clone();
            self.media(media::Command::Monitor { leg, frequencies });
        }
        if let Some(speech) = self.speech.clone() {
            let repeat = Some(Duration::ZERO);
            self.media(media::Command::Play { leg, playback: SPEECH, prompts: vec![speech], repeat });
        }
    }

    fn over(&mut self) {
        if let Some(talk) = self.talk.take() {
            self.media(media::Command::Close { leg: talk.leg });
        }
    }
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Phone").field("busy", &self.is_busy()).finish_non_exhaustive()
    }
}
