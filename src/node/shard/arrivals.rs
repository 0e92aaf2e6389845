//! Callers' INVITEs, the staff's wishes, and what the media worker reports.

use std::time::Duration;

use crate::call::{self, Arrival, Call, How, MediaEvent, Party, Playback, Stage, record};
use crate::clock::Now;
use crate::dispatch;
use crate::ids::{CallId, LegId};
use crate::media::{self, PlaybackEnd};
use crate::node::numbers::{self, Plans};
use crate::node::setup::Setup;
use crate::node::{Control, Event, Output};
use crate::sip::{self, Admission, Command, IncomingInvite, SessionId};

use super::Shard;

impl Shard {
    /// A caller's INVITE.
    pub(super) fn arrived(&mut self, now: Now, session: SessionId, invite: Box<IncomingInvite>) {
        if let Some(old) = invite.replaces {
            return self.takes_over(now, session, old, *invite);
        }
        if self.draining || self.calls.len() >= self.settings.calls_max {
            return self.refuse(now, session, 503, Some(self.settings.retry_after_s));
        }
        let read = self.trunks.incoming(&invite);
        if let Some(trunk) = read.trunk {
            self.heard_from(now, trunk, &invite);
        }
        let Some(plan) = self.plans.serve(&read) else {
            self.refuse(now, session, 404, None);
            let call = self.ids.call_id(now.civil);
            self.event(Event::CallBegan(call, String::new()));
            let record = refused_record(now, call, How::UnknownNumber);
            self.outputs.push_back(Output::Record(Box::new(record)));
            return;
        };
        let id = self.ids.call_id(now.civil);
        if let Err(full) = self.take_channel(id, read.trunk) {
            if let Some(settings) = read.trunk.and_then(|trunk| self.trunks.settings(trunk)) {
                let name = settings.name.clone();
                self.event(Event::TrunkFull { name });
            }
            return self.refuse(now, session, full.status, full.retry_after_s);
        }
        let caller = numbers::identity(read.caller);
        let service = plan.name.clone();
        if matches!(invite.trust, sip::Trust::Trunk(_) | sip::Trust::Registrar(_)) {
            self.event(Event::Attested(invite.attestation));
        }
        self.hops.insert(id, invite.max_forwards);
        let arrival = Arrival { call: id, now, plan, caller, located: read.located, offer: invite.sdp };
        self.legs.join(LegId::caller(id), session, invite.flow.remote.ip());
        let mut call = Call::new(arrival, self.settings_over(read.trunk));
        let (outputs, at) = call::drain(&mut call);
        self.calls.insert(id, call);
        self.event(Event::CallBegan(id, service));
        self.call_outputs.extend(outputs.into_iter().map(|output| (id, output)));
        self.wake_call(id, at);
    }

    pub(super) fn refuse(&mut self, now: Now, session: SessionId, status: u16, retry_after_s: Option<u32>) {
        self.command(
            now,
            Command::Respond { session, status, reason: None, sdp: None, retry_after_s, headers: sip::Headers::none() },
        );
        self.event(Event::Refused { status });
    }

    /// What the media worker reports.
    pub(super) fn report(&mut self, report: media::Report) {
        use media::Report;
        match report {
            Report::Opened { leg, rtp, rtcp } => self.media_event(leg, MediaEvent::Opened { rtp, rtcp }),
            Report::OpenFailed { leg, .. } => self.media_event(leg, MediaEvent::OpenFailed),
            Report::Started { leg } => self.media_event(leg, MediaEvent::Started),
            Report::Digit { leg, digit, .. } => self.media_event(leg, MediaEvent::Digit(digit)),
            Report::PlaybackEnded { leg, playback, how: PlaybackEnd::Finished } => {
                self.media_event(leg, MediaEvent::PlaybackEnded(Playback(playback.0)));
            }
            Report::PlaybackEnded { .. } | Report::Tone { .. } => {}
            Report::Silent { leg, for_ms } => self.media_event(leg, MediaEvent::Silent { for_ms }),
            Report::Audible { leg } => self.media_event(leg, MediaEvent::Audible),
            Report::Closed { leg, stats } => self.media_event(leg, MediaEvent::Closed(sound(&stats))),
        }
    }

    /// What a person or the control plane wants.
    pub(super) fn control(&mut self, now: Now, control: Control) {
        match control {
            Control::Reload(setup) => self.take_up(now, *setup, true),
            Control::Wish(listener, wish) => self.tell_dispatcher(now, dispatch::Input::Wish { listener, wish }),
            Control::Drain { end_calls } => {
                if !std::mem::replace(&mut self.draining, true) {
                    self.leave_trunks(now);
                }
                let retry_after_s = self.settings.retry_after_s;
                self.command(now, Command::Admission(Admission::Busy { retry_after_s }));
                if end_calls {
                    let calls: Vec<CallId> = self.calls.keys().copied().collect();
                    for id in calls {
                        self.call_inputs.push_back((id, call::Input::End(How::Drained)));
                    }
                }
            }
            Control::Ban(source, span) => self.command(now, Command::Ban { source, span }),
            Control::LiftBan(source) => self.command(now, Command::LiftBan { source }),
            Control::TryTrunk { trunk, number, reply } => self.begin_trial(now, &trunk, number, reply),
            Control::EndCall(id) => self.call_inputs.push_back((id, call::Input::End(How::Drained))),
        }
    }

    /// Takes up a set-up. Live calls keep the plan, the prompts and the settings they began with.
    pub(super) fn take_up(&mut self, now: Now, setup: Setup, reload: bool) {
        self.plans = Plans::new(setup.plans);
        self.library = setup.library;
        self.call_settings = setup.call;
        self.command(now, Command::Accounts(setup.accounts));
        if reload {
            self.set_up_trunks(now, &setup.trunks);
            self.tell_dispatcher(now, dispatch::Input::Roster(setup.roster));
        } else {
            self.trunking = Some(setup.trunks);
        }
    }

    /// A call panicked: a fault of ours, kept to this call. Its sessions are ended, its listener is freed, it is recorded.
    pub(super) fn panicked(&mut self, now: Now, id: CallId) {
        self.event(Event::Panicked(id));
        // Asking anew, for nothing, ends whatever the dispatcher still holds for this call: a ring, or a conversation.
        let nothing = dispatch::Request {
            call: id,
            priority: 0,
            department: None,
            language: String::new(),
            tiers: Vec::new(),
            ring: Duration::ZERO,
            excluded: Vec::new(),
        };
        self.tell_dispatcher(now, dispatch::Input::Leave { call: id });
        self.tell_dispatcher(now, dispatch::Input::Enqueue(nothing));
        self.tell_dispatcher(now, dispatch::Input::Leave { call: id });
        for session in self.legs.of_call(id) {
            let reason = Some(sip::Reason::sip(500));
            self.command(now, Command::Hangup { session, reason });
            if let Some(leg) = self.legs.leg(session) {
                self.outputs.push_back(Output::Media(media::Command::Close { leg }));
            }
        }
        self.forget_call(id);
        self.outputs.push_back(Output::Record(Box::new(refused_record(now, id, How::Fault))));
    }
}

/// The record of a call that never walked a plan, or whose walk was lost.
fn refused_record(now: Now, call: CallId, how: How) -> call::Finished {
    let by = if how == How::Fault { Party::Us } else { Party::Caller };
    let record = record::Record {
        call,
        service: String::new(),
        began: now.civil,
        ended: now.civil,
        answered_ms: None,
        ended_ms: 0,
        queued_ms: None,
        bridged_ms: None,
        talked_ms: 0,
        department: None,
        located_by: None,
        language: String::new(),
        listener: None,
        attempts: Vec::new(),
        steps: Vec::new(),
        caller_sound: record::Sound::default(),
        listener_sound: None,
        termination: call::Termination { by, how, during: Stage::Offered },
    };
    call::Finished { record, caller: None }
}

fn sound(stats: &media::StreamStats) -> record::Sound {
    record::Sound {
        packets_in: stats.packets_in,
        packets_out: stats.packets_out,
        lost: stats.lost,
        jitter_us: stats.jitter_us,
        gap_ms_max: stats.max_gap_ms,
    }
}
