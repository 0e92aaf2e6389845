//! `ecoute demo`: a whole call, proved.
//!
//! Starts an engine on loopback with two listeners (Isère and Rhône, random passwords, digest), dials 3977 from an Isère
//! number as a real SIP caller with real RTP, presses the keys, and checks that the Isère listener rings, that both ends
//! hear the other's tone (Goertzel), and that the call leaves one sound record. Exit status 0 only if all of it held.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use crate::node::{PhoneAction, PhoneEvent, Proof, ProofSettings, Watched};

use super::ladder::{self, Rung};

/// Arguments of `ecoute demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// Keep the log on the terminal.
    #[arg(long)]
    log: bool,
}

/// What the listeners say, and the caller.
const CALLER_HZ: u16 = 1000;
const ISERE_HZ: u16 = 440;
const RHONE_HZ: u16 = 660;

const LISTENER: &str = "isere";

pub(super) fn demo(config: Option<&std::path::Path>, arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    let (plan, prompts) = super::run::demo_files(config)?;
    if arguments.log {
        super::run::log_to_terminal();
    }
    let mut proof = Proof::start(ProofSettings {
        plan,
        prompts,
        caller: "0476000102".into(),
        caller_hz: CALLER_HZ,
        listeners: vec![("isere".into(), "38".into(), ISERE_HZ), ("rhone".into(), "69".into(), RHONE_HZ)],
    })
    .context("the engine could not be started")?;
    let mut rungs = Vec::new();
    let dialled = match walk(&mut proof, &mut rungs) {
        Ok(dialled) => dialled,
        Err(fault) => {
            print!("{}", ladder::draw(&["caller", "isere", "rhone"], &rungs));
            println!("{}", json!({ "ok": false, "why": format!("{fault:#}") }));
            return Ok(ExitCode::FAILURE);
        }
    };
    let story = proof.finish(Duration::from_secs(5))?;
    print!("{}", ladder::draw(&["caller", "isere", "rhone"], &rungs));
    println!();
    println!("{}", story.explained);
    let two_way = dialled.caller_heard.contains(&ISERE_HZ) && dialled.listener_heard.contains(&CALLER_HZ);
    let only_isere = dialled.rang == [LISTENER];
    let ok = two_way && only_isere && story.records == 1 && story.ended_well && story.all_quiet;
    let line = json!({
        "ok": ok,
        "caller_heard": std::iter::once("prompts".to_owned())
            .filter(|_| dialled.heard_prompts)
            .chain(dialled.caller_heard.iter().map(|hz| format!("{hz} Hz")))
            .collect::<Vec<_>>(),
        "listener_heard": dialled.listener_heard.iter().map(|hz| format!("{hz} Hz")).collect::<Vec<_>>(),
        "rang": dialled.rang.join(" "),
        "invite_to_answer_ms": millis(dialled.invite_to_answer),
        "choose_to_ring_ms": story.choose_to_ring.map(millis),
        "answer_to_sound_ms": dialled.answer_to_tone.map(millis),
        "two_way_audio": two_way,
        "records": story.records,
        "termination": story.termination,
        "all_quiet": story.all_quiet,
    });
    println!("{line}");
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 100_000.0).round() / 100.0
}

#[derive(Default)]
struct Dialled {
    invite_to_answer: Duration,
    answer_to_tone: Option<Duration>,
    heard_prompts: bool,
    caller_heard: Vec<u16>,
    listener_heard: Vec<u16>,
    rang: Vec<String>,
}

/// The call, step by step; every step has a bound.
fn walk(proof: &mut Proof, rungs: &mut Vec<Rung>) -> anyhow::Result<Dialled> {
    let mut dialled = Dialled::default();
    proof.register(Duration::from_secs(5))?;
    let began = proof.dial("3977");
    let mut rung = |who: &str, at: Duration, what: String| rungs.push(Rung { at, who: who.into(), what });
    rung("caller", Duration::ZERO, "INVITE 3977".into());
    let keys = [("2", 0), ("2", 1200), ("38000", 1200), ("1", 1500)];
    let mut answered_at = None;
    let mut listener_at = None;
    let mut hung_up = false;
    let until = began + Duration::from_secs(40);
    while let Some(Watched { who, at, event }) = proof.next(until) {
        let since = at.since(began);
        let caller = who == "caller";
        match event {
            PhoneEvent::Progress(status) => rung(&who, since, format!("{status}")),
            PhoneEvent::Connected if caller => {
                rung(&who, since, "200, ACK".into());
                dialled.invite_to_answer = since;
                answered_at = Some(at);
            }
            PhoneEvent::Heard if caller && answered_at.is_some() => {
                rung(&who, since, "hears the engine".into());
                dialled.heard_prompts = true;
                for (digits, wait_ms) in keys {
                    proof.press_after(Duration::from_millis(wait_ms), digits);
                }
                rung(&who, since, "keys 2, 2, 38000, 1".into());
            }
            PhoneEvent::Rings => {
                rung(&who, since, "rings".into());
                dialled.rang.push(who.clone());
                proof.act(&who, PhoneAction::Answer);
            }
            PhoneEvent::Connected => {
                rung(&who, since, "answers".into());
                listener_at = Some(at);
            }
            PhoneEvent::Tone { hz, share } if share > 0.5 => {
                let heard = if caller { &mut dialled.caller_heard } else { &mut dialled.listener_heard };
                if !heard.contains(&hz) {
                    heard.push(hz);
                    rung(&who, since, format!("hears {hz} Hz"));
                    if caller {
                        dialled.answer_to_tone = listener_at.map(|answered| at.since(answered));
                    }
                }
            }
            PhoneEvent::Refused(status) => bail!("{who} was refused with {status}"),
            PhoneEvent::Over { by_peer } => {
                rung(&who, since, if by_peer { "BYE heard" } else { "BYE" }.into());
                if hung_up && who == LISTENER {
                    return Ok(dialled);
                }
                if !hung_up {
                    bail!("{who}'s call ended too early");
                }
            }
            _ => {}
        }
        let both = !dialled.caller_heard.is_empty() && !dialled.listener_heard.is_empty();
        if both && !hung_up {
            hung_up = true;
            proof.act("caller", PhoneAction::Hangup);
        }
    }
    bail!("the call did not come to its end within 40 s")
}
