//! `ecoute try`: a dialplan on the keyboard. Keys are typed as on a telephone; letters play the other parts.

use std::io::BufRead;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;

use crate::node::{Act, Line, LineKind, Rehearsal, moment_in_zone};

/// Arguments of `ecoute try`.
#[derive(Debug, Args)]
pub(super) struct TryArguments {
    /// The dialplan; the first configured one by default.
    plan: Option<PathBuf>,
    /// The hour, in the plan's time zone: 2026-11-25T10:00. Now by default.
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    /// The caller's number, in any form; hidden by default.
    #[arg(long, value_name = "NUMBER", default_value = "")]
    caller: String,
    /// The dispatcher's reasons in English.
    #[arg(long)]
    english: bool,
}

const HELP: &str = "\
0-9 * #   l'appelant tape ces touches / the caller presses these keys
(vide)    silence, jusqu'à ce que quelque chose arrive / silence, until something happens
r         l'appelant raccroche / the caller hangs up
d         l'écoutant décroche / the listener answers
n         l'écoutant refuse / the listener declines
f         l'écoutant met fin à la conversation / the listener ends the conversation
q         quitter / quit";

pub(super) fn rehearse(config: Option<&std::path::Path>, arguments: &TryArguments) -> anyhow::Result<ExitCode> {
    let loaded = super::run::load_for_rehearsal(config, arguments.plan.as_deref())?;
    let plan = loaded.setup.plans.first().cloned().context("no plan is configured")?;
    let civil = match &arguments.at {
        Some(text) => moment_in_zone(text, &plan.zone)
            .ok_or_else(|| anyhow!("--at {text}: a time such as 2026-11-25T10:00 is expected"))?,
        None => crate::node::SystemClock::start().civil(),
    };
    let roster = loaded.setup.roster.clone();
    let words = Arc::clone(&loaded.words);
    let mut rehearsal = Rehearsal::new(plan, words, roster, &arguments.caller, civil, arguments.english);
    println!("{HELP}\n");
    show(&rehearsal.take_lines());
    for line in std::io::stdin().lock().lines() {
        let line = line.context("the keyboard cannot be read")?;
        let act = match line.trim() {
            "" => Act::Silence,
            "r" => Act::Hangup,
            "d" => Act::Answer,
            "n" => Act::Decline,
            "f" => Act::ListenerHangup,
            "q" => break,
            keys if keys.chars().all(|c| c.is_ascii_digit() || c == '*' || c == '#') => Act::Keys(keys.to_owned()),
            _ => {
                println!("{HELP}");
                continue;
            }
        };
        rehearsal.act(act);
        show(&rehearsal.take_lines());
        if rehearsal.is_over() {
            break;
        }
    }
    Ok(if rehearsal.is_over() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(lines: &[Line]) {
    for line in lines {
        let seconds = line.at.as_secs_f64();
        let text = line.text.trim_end().replace('\n', "\n            ");
        match line.kind {
            LineKind::Step => println!("{seconds:>7.1} s  [{text}]"),
            LineKind::Says => println!("{seconds:>7.1} s  « {text} »"),
            LineKind::Listener => println!("{seconds:>7.1} s  ☎ {text}"),
            LineKind::Why => println!("{seconds:>7.1} s  ? {text}"),
            LineKind::Call => println!("{seconds:>7.1} s  — {text}"),
        }
    }
}
