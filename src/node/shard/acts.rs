//! What a call wants done, handed to the endpoint, the media worker and the dispatcher.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::call::{self, DispatchAct, HangupReason, LegAct, LegEvent, MediaAct, MediaEvent};
use crate::clock::Now;
use crate::dispatch;
use crate::ids::{CallId, LegId};
use crate::media::{self, PlaybackId, Prompt};
use crate::node::{Event, Output};
use crate::sip::{Command, Headers, Hidden, OutgoingInvite, Reason, Redirect, Target};

use super::Shard;

/// Max-Forwards of what we originate (RFC 3261 §8.1.1.6); what a caller caused goes on with what is left of hers, so that a
/// telephone that forwards back to us makes no circle (RFC 7332).
const MAX_FORWARDS: u8 = 70;

impl Shard {
    /// One output of one call.
    pub(super) fn act(&mut self, now: Now, id: CallId, output: call::Output) {
        match output {
            call::Output::Leg { leg, act } => self.act_on_leg(now, leg, act),
            call::Output::Media { leg, act } => self.act_on_media(leg, act),
            call::Output::Dispatch(act) => {
                let input = match act {
                    DispatchAct::Enqueue(request) => dispatch::Input::Enqueue(*request),
                    DispatchAct::Leave => dispatch::Input::Leave { call: id },
                    DispatchAct::Outcome(token, outcome) => dispatch::Input::Outcome { token, outcome },
                    DispatchAct::Released(token) => dispatch::Input::Released { token },
                };
                self.tell_dispatcher(now, input);
            }
            call::Output::Note(note) => self.event(Event::Call(id, note)),
            call::Output::Finished(finished) => {
                self.forget_call(id);
                self.outputs.push_back(Output::Record(finished));
            }
            call::Output::Timeout(_) => {}
        }
    }

    fn act_on_leg(&mut self, now: Now, leg: LegId, act: LegAct) {
        if let LegAct::Invite { listener, device, sdp, ring, service, shown } = act {
            let binding = self.rings.get(&leg.call).and_then(|all| all.get(device.0 as usize)).cloned();
            let Some(binding) = binding else {
                return self.leg_event(leg, LegEvent::Rejected { status: 480 });
            };
            let hops = self.hops.get(&leg.call).map_or(MAX_FORWARDS, |hops| hops.saturating_sub(1));
            let session = self.endpoint.new_session();
            let line = self.lines.rings(leg, listener.clone());
            self.tell_line(now, line);
            self.legs.join(leg, session, binding.flow.remote.ip());
            let host = &self.settings.from_host;
            let invite = OutgoingInvite {
                to_uri: Some(Hidden::new(format!("sip:{listener}@{host}"))),
                from_uri: Hidden::new(format!("sip:{service}@{host}")),
                from_display: Hidden::new(shown),
                target: Target::Binding(Box::new(binding)),
                routes: Vec::new(),
                credentials: None,
                headers: Headers::none(),
                sdp: Some(sdp),
                ring_timeout: ring,
                patience: None,
                redirect: Redirect::Refuse,
                max_forwards: hops,
            };
            return self.command(now, Command::Invite { session, invite: Box::new(invite) });
        }
        if let LegAct::Answer { .. } = act {
            let line = self.lines.answered(leg);
            self.tell_line(now, line);
        }
        // A leg without a session is one whose end was heard already.
        let Some(session) = self.legs.session(leg) else { return };
        let command = match act {
            LegAct::Answer { sdp } => Command::Respond {
                session,
                status: 200,
                reason: None,
                sdp: Some(sdp),
                retry_after_s: None,
                headers: Headers::none(),
            },
            LegAct::Reject { status, retry_after_s, warning } => {
                let mut headers = Headers::none();
                if let Some((code, words)) = warning {
                    headers.push("Warning", format!("{code} {} \"{words}\"", self.settings.from_host));
                }
                Command::Respond { session, status, reason: None, sdp: None, retry_after_s, headers }
            }
            LegAct::AnswerReoffer { status, sdp } => Command::AnswerReoffer { session, status, sdp },
            LegAct::Reoffer { sdp } => Command::Reoffer { session, sdp: Some(sdp) },
            LegAct::Hangup(reason) => Command::Hangup { session, reason: Some(reason_header(reason)) },
            LegAct::Invite { .. } => return,
        };
        self.command(now, command);
    }

    fn act_on_media(&mut self, leg: LegId, act: MediaAct) {
        let command = match act {
            MediaAct::Open => media::Command::Open { leg },
            MediaAct::Configure(audio) => {
                let signalling_source = self.legs.source(leg).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
                media::Command::Configure { leg, audio, signalling_source }
            }
            MediaAct::Play { playback, language, prompts, repeat } => {
                let prompts: Vec<Arc<Prompt>> =
                    prompts.iter().filter_map(|name| self.library.get(&language, name)).collect();
                if prompts.is_empty() {
                    // Nothing to say is said at once; a caller does not wait for words that do not exist.
                    if repeat.is_none() {
                        self.media_event(leg, MediaEvent::PlaybackEnded(playback));
                    }
                    return;
                }
                media::Command::Play { leg, playback: PlaybackId(playback.0), prompts, repeat }
            }
            MediaAct::Stop(playback) => media::Command::Stop { leg, playback: PlaybackId(playback.0) },
            MediaAct::Bridge(other) => media::Command::Bridge { a: leg, b: other },
            MediaAct::Unbridge(other) => media::Command::Unbridge { a: leg, b: other },
            MediaAct::Close => media::Command::Close { leg },
        };
        self.outputs.push_back(Output::Media(command));
    }
}

fn reason_header(reason: HangupReason) -> Reason {
    match reason {
        HangupReason::Normal | HangupReason::CallerGone => Reason::NORMAL,
        HangupReason::CompletedElsewhere => Reason::COMPLETED_ELSEWHERE,
        HangupReason::RangOut => Reason::q850(19),
        HangupReason::NoCodec => Reason::sip(488),
        HangupReason::MediaLost => Reason::q850(41),
        HangupReason::Draining => Reason::q850(41),
        HangupReason::Fault => Reason::sip(500),
    }
}
