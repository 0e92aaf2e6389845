//! `ecoute trunk …`: how the ways to the telephone network are, and whether a call goes out over one. Both ask the running
//! node.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::ops::{TrunkCallView, TrunkView, client};

use super::ask::{self, AskArguments, WITHIN};
use super::run::DIAL_WITHIN;

/// What may be done with trunks.
#[derive(Debug, Subcommand)]
pub(super) enum TrunkCommand {
    /// List the trunks: state, registration, channels, and each machine of the operator.
    List(AskArguments),
    /// Ring a telephone over a trunk and say what the operator answered; hangs up as soon as somebody picks up.
    Call {
        /// The trunk's name.
        name: String,
        /// The number, such as 0199000112 or +33199000112. Short and emergency numbers are never dialled.
        number: String,
        /// The node.
        #[command(flatten)]
        node: AskArguments,
    },
}

pub(super) fn trunk(config: Option<&Path>, command: TrunkCommand) -> anyhow::Result<ExitCode> {
    match command {
        TrunkCommand::List(node) => {
            let answer = client::get(ask::address(config, &node)?, "/api/v1/trunks", WITHIN)
                .context("the node does not answer")?;
            if answer.status != 200 {
                bail!("the node refused: {} {}", answer.status, answer.body.trim_end());
            }
            print!("{}", table(&serde_json::from_str::<Vec<TrunkView>>(&answer.body)?));
            Ok(ExitCode::SUCCESS)
        }
        TrunkCommand::Call { name, number, node } => {
            if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
                bail!("`{name}` is no trunk's name; see `ecoute trunk list`");
            }
            let answer = client::call(ask::address(config, &node)?, &name, &number, DIAL_WITHIN + WITHIN)
                .context("the node does not answer")?;
            if answer.status != 200 {
                bail!("the node refused: {} {}", answer.status, answer.body.trim_end());
            }
            let view: TrunkCallView = serde_json::from_str(&answer.body)?;
            print!("{}", story(&view));
            Ok(if view.answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn table(trunks: &[TrunkView]) -> String {
    if trunks.is_empty() {
        return "aucun raccordement / no trunk\n".to_owned();
    }
    let mut page = String::new();
    for trunk in trunks {
        let registered = match trunk.registered {
            Some(true) => "enregistré / registered",
            Some(false) => "PAS enregistré / NOT registered",
            None => "",
        };
        let max = trunk.channels_max.map_or_else(|| "∞".to_owned(), |max| max.to_string());
        let TrunkView { name, incoming, outgoing, .. } = trunk;
        page.push_str(&format!(
            "{name:<20} {:<24} {incoming}↓ {outgoing}↑ / {max}  {registered}\n",
            state(&trunk.state)
        ));
        for peer in &trunk.peers {
            let alone = if peer.left_alone { "  laissée un moment / left alone for a while" } else { "" };
            page.push_str(&format!("  {:<4} {:<40} {}{alone}\n", peer.transport, peer.address, health(&peer.health)));
        }
    }
    page
}

fn story(view: &TrunkCallView) -> String {
    let mut page = String::new();
    for step in &view.steps {
        let status = step.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
        let seconds = step.after_ms as f64 / 1000.0;
        page.push_str(&format!("{seconds:>7.2} s  {:<28} {status} {}\n", step.peer, step.words));
    }
    page.push_str(&format!("{} / {}\n", view.end_fr, view.end_en));
    page
}

fn state(word: &str) -> &str {
    match word {
        "up" => "en service / up",
        "down" => "EN PANNE / DOWN",
        "unknown" => "pas encore connu / unknown",
        other => other,
    }
}

fn health(word: &str) -> &str {
    match word {
        "up" => "répond / up",
        "down" => "NE RÉPOND PLUS / DOWN",
        "silent" => "n'a jamais répondu / silent",
        "unknown" => "pas encore connue / unknown",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{PeerView, TrunkCallStep};

    /// The list says how each trunk and each machine is; a word of a later version is shown as it is.
    #[test]
    fn the_list() {
        assert_eq!(table(&[]), "aucun raccordement / no trunk\n");
        let peer = PeerView {
            transport: "tls".into(),
            address: "192.0.2.1:5061".into(),
            health: "down".into(),
            left_alone: true,
        };
        let trunk = TrunkView {
            name: "operateur".into(),
            state: "newer".into(),
            registered: Some(false),
            incoming: 3,
            outgoing: 1,
            channels_max: Some(30),
            peers: vec![peer],
        };
        let page = table(&[trunk]);
        assert!(page.contains("operateur") && page.contains("newer") && page.contains("3↓ 1↑ / 30"), "{page}");
        assert!(page.contains("NOT registered") && page.contains("DOWN") && page.contains("left alone"), "{page}");
    }

    /// A test call is told answer by answer, in both languages at its end.
    #[test]
    fn the_story() {
        let step = |status, words: &str| TrunkCallStep {
            peer: "UDP 192.0.2.1:5060".into(),
            status,
            words: words.into(),
            after_ms: 1250,
        };
        let steps = vec![step(None, "pas de réponse / no answer"), step(Some(180), "Ringing")];
        let view = TrunkCallView { answered: false, steps, end_fr: "fin".into(), end_en: "end".into() };
        let page = story(&view);
        assert!(
            page.contains("1.25 s") && page.contains("--- pas de réponse") && page.contains("180 Ringing"),
            "{page}"
        );
        assert!(page.ends_with("fin / end\n"), "{page}");
    }
}
