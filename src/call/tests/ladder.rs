//! Inputs and outputs as lines that a person can read: `<-` is what the call is told, `->` what it asks for.

use crate::ids::LegId;

use super::super::{DispatchAct, DispatchEvent, Input, LegAct, LegEvent, MediaAct, MediaEvent, Note, Output};

pub(super) fn input(input: &Input) -> Option<String> {
    let line = match input {
        Input::Leg { leg, event } => format!("{} {}", name(*leg), leg_event(event)),
        Input::Media { leg, event } => format!("{} {}", name(*leg), media_event(event)?),
        Input::Dispatch(DispatchEvent::Ring { token, devices, .. }) => {
            format!("dispatcher: ring {}, {} devices", token.listener, devices.len())
        }
        Input::Dispatch(DispatchEvent::Withdraw { token }) => format!("dispatcher: withdraw {}", token.listener),
        Input::Dispatch(DispatchEvent::Exhausted) => "dispatcher: exhausted".to_owned(),
        Input::End(how) => format!("end: {how:?}"),
        Input::Timeout => return None,
    };
    Some(format!("<- {line}"))
}

pub(super) fn output(output: &Output) -> Option<String> {
    let line = match output {
        Output::Leg { leg, act } => format!("{} {}", name(*leg), leg_act(act)),
        Output::Media { leg, act } => format!("{} {}", name(*leg), media_act(act)?),
        Output::Dispatch(act) => format!("dispatcher: {}", dispatch_act(act)),
        Output::Note(Note::Step(step)) => return Some(format!("== {step}")),
        Output::Note(_) | Output::Timeout(_) => return None,
        Output::Finished(_) => "record".to_owned(),
    };
    Some(format!("-> {line}"))
}

fn name(leg: LegId) -> String {
    if leg.is_caller() { "caller:".to_owned() } else { format!("leg {}:", leg.nth) }
}

fn leg_event(event: &LegEvent) -> String {
    let with = |word: &str, sdp: &Option<Vec<u8>>| format!("{word}{}", if sdp.is_some() { " with SDP" } else { "" });
    match event {
        LegEvent::Progress { status } | LegEvent::Rejected { status } => status.to_string(),
        LegEvent::Answered { sdp } => with("200", sdp),
        LegEvent::Confirmed { sdp } => with("ACK", sdp),
        LegEvent::ReofferConfirmed { sdp } => with("ACK of a change", sdp),
        LegEvent::Reoffer { sdp } => with("re-INVITE", sdp),
        LegEvent::Reanswered { sdp } => with("200 to our re-INVITE", sdp),
        LegEvent::ReofferRejected => "refuses our re-INVITE".to_owned(),
        LegEvent::TakesOver { of, offer } => with(&format!("takes over from leg {}", of.nth), offer),
        LegEvent::Digit(key) => format!("key {key} by INFO"),
        LegEvent::Ended(end) => format!("ended, {end:?}"),
    }
}

fn media_event(event: &MediaEvent) -> Option<String> {
    Some(match event {
        MediaEvent::Opened { .. } | MediaEvent::Closed(_) | MediaEvent::Audible => return None,
        MediaEvent::OpenFailed => "no ports".to_owned(),
        MediaEvent::Started => "first sound".to_owned(),
        MediaEvent::Digit(key) => format!("key {key}"),
        MediaEvent::PlaybackEnded(_) => "the words end".to_owned(),
        MediaEvent::Silent { for_ms } => format!("silent for {for_ms} ms"),
    })
}

fn leg_act(act: &LegAct) -> String {
    match act {
        LegAct::Answer { .. } => "200 with SDP".to_owned(),
        LegAct::Reject { status, retry_after_s, .. } => match retry_after_s {
            Some(span_s) => format!("{status}, again after {span_s} s"),
            None => status.to_string(),
        },
        LegAct::Invite { listener, device, ring, service, shown, .. } => {
            format!("INVITE {listener} on device {} for {} s from {service} \"{shown}\"", device.0, ring.as_secs())
        }
        LegAct::AnswerReoffer { status, sdp } => {
            format!("{status} to the change{}", if sdp.is_some() { " with SDP" } else { "" })
        }
        LegAct::Reoffer { .. } => "re-INVITE".to_owned(),
        LegAct::Hangup(reason) => format!("hang up, {reason:?}"),
    }
}

fn media_act(act: &MediaAct) -> Option<String> {
    Some(match act {
        MediaAct::Open => return None,
        MediaAct::Configure(audio) => format!("sound {} {}", audio.codec, audio.direction),
        MediaAct::Play { language, prompts, repeat, .. } => {
            let again = repeat.map(|pause| format!(", again after {} s", pause.as_secs())).unwrap_or_default();
            format!("play {} ({language}){again}", prompts.join(" + "))
        }
        MediaAct::Stop(_) => "stop".to_owned(),
        MediaAct::Bridge(other) => format!("joined with {}", name(*other).trim_end_matches(':')),
        MediaAct::Unbridge(other) => format!("parted from {}", name(*other).trim_end_matches(':')),
        MediaAct::Close => "close".to_owned(),
    })
}

fn dispatch_act(act: &DispatchAct) -> String {
    match act {
        DispatchAct::Enqueue(request) => {
            let place = request.department.map_or("anywhere", |department| department.code());
            let tiers: Vec<String> =
                request.tiers.iter().map(|tier| format!("{:?} {} s", tier.reach, tier.lasts.as_secs())).collect();
            let excluded: Vec<&str> = request.excluded.iter().map(|listener| listener.as_str()).collect();
            let mut line =
                format!("enqueue {place}, {}, priority {}, {}", request.language, request.priority, tiers.join(" > "));
            if !excluded.is_empty() {
                line += &format!(", without {}", excluded.join(" "));
            }
            line
        }
        DispatchAct::Leave => "leave".to_owned(),
        DispatchAct::Outcome(token, outcome) => format!("{} {outcome:?}", token.listener),
        DispatchAct::Released(token) => format!("{} released", token.listener),
    }
}
