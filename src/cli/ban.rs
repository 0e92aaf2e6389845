//! `ecoute ban …`: who is answered with silence. The list lives in the running node; this asks it.

use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::ops::{BanView, client};

use super::ask::{self, AskArguments, WITHIN};

/// What may be done with bans.
#[derive(Debug, Subcommand)]
pub(super) enum BanCommand {
    /// List those who are answered with silence, why, and for how long yet.
    List(AskArguments),
    /// Answer an address with silence; calls under way go on. An IPv6 address stands for its /64.
    Add {
        /// The address.
        address: IpAddr,
        /// For how long: 30m, 2h, 7d. Without it: until it is lifted, or the program ends.
        #[arg(long = "for", value_name = "SPAN", value_parser = span)]
        span: Option<Duration>,
        /// The node.
        #[command(flatten)]
        node: AskArguments,
    },
    /// Answer an address again.
    Lift {
        /// The address.
        address: IpAddr,
        /// The node.
        #[command(flatten)]
        node: AskArguments,
    },
}

pub(super) fn ban(config: Option<&Path>, command: BanCommand) -> anyhow::Result<ExitCode> {
    match command {
        BanCommand::List(node) => {
            let answer = client::get(ask::address(config, &node)?, "/api/v1/bans", WITHIN)
                .context("the node does not answer")?;
            if answer.status != 200 {
                bail!("the node refused: {} {}", answer.status, answer.body.trim_end());
            }
            print!("{}", table(&serde_json::from_str::<Vec<BanView>>(&answer.body)?));
        }
        BanCommand::Add { address, span, node } => {
            let query = span.map(|span| format!("?for_s={}", span.as_secs())).unwrap_or_default();
            ask::tell(ask::address(config, &node)?, &format!("/api/v1/bans/{address}/add{query}"))?;
            println!("{address} : plus de réponse / {address}: answered with silence");
        }
        BanCommand::Lift { address, node } => {
            ask::tell(ask::address(config, &node)?, &format!("/api/v1/bans/{address}/lift"))?;
            println!("{address} : de nouveau entendue / {address}: answered again");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn table(bans: &[BanView]) -> String {
    if bans.is_empty() {
        return "personne n'est écarté / nobody is banned\n".to_owned();
    }
    let mut page = String::new();
    for ban in bans {
        let left = ban.left_s.map_or_else(|| "jusqu'à levée / until lifted".to_owned(), |left| format!("{left} s"));
        page.push_str(&format!("{:<30} {:<44} × {:<4} {left}\n", ban.source, words(&ban.why), ban.times));
    }
    page
}

fn words(why: &str) -> &str {
    match why {
        "scanner" => "scanneur / a scanner",
        "wrong_password" => "mots de passe faux / wrong passwords",
        "malformed" => "messages illisibles / unreadable messages",
        "many_names" => "cherche des comptes / looks for accounts",
        "unsolicited" => "demandes sans objet / pointless requests",
        "staff" => "décision de l'équipe / the staff's word",
        other => other,
    }
}

/// `90`, `90s`, `30m`, `2h`, `7d`.
fn span(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" | "j" => 86_400,
        _ => 0,
    };
    let whole = digits.parse::<u32>().ok().map(|number| u64::from(number) * seconds).filter(|whole| *whole > 0);
    whole.map(Duration::from_secs).ok_or_else(|| "30m, 2h ou 7d est attendu / is expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spans as people write them; nothing, nonsense and zero are refused.
    #[test]
    fn spans() {
        for (text, seconds) in [("90", 90), ("45s", 45), ("30m", 1800), ("1h", 3600), ("7d", 604_800), ("7j", 604_800)]
        {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "h", "0", "0h", "-1h", "1 h", "1w", "99999999999h"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    /// The list says who, why, how often and for how long yet; a reason of a later version is shown as it is.
    #[test]
    fn the_list() {
        let ban = |why: &str, left_s| BanView { source: "192.0.2.66/32".into(), why: why.into(), times: 3, left_s };
        assert_eq!(table(&[]), "personne n'est écarté / nobody is banned\n");
        let page = table(&[ban("many_names", Some(59)), ban("staff", None), ban("newer", Some(1))]);
        assert!(page.contains("cherche des comptes / looks for accounts") && page.contains("59 s"), "{page}");
        assert!(page.contains("until lifted") && page.contains(" newer "), "{page}");
        assert_eq!(page.lines().count(), 3);
    }
}
