//! Commands that ask the running node: `status`, `drain`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use crate::ops::client;

/// Arguments of commands that ask the running node.
#[derive(Debug, Args)]
pub(super) struct AskArguments {
    /// The node's operations port; by default the configured one.
    #[arg(long, value_name = "ADDRESS")]
    node: Option<SocketAddr>,
}

pub(super) const WITHIN: Duration = Duration::from_secs(5);

pub(super) fn status(config: Option<&std::path::Path>, arguments: &AskArguments) -> anyhow::Result<ExitCode> {
    let answer =
        client::get(address(config, arguments)?, "/api/v1/status", WITHIN).context("the node does not answer")?;
    println!("{}", answer.body.trim_end());
    Ok(if answer.status == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn drain(config: Option<&std::path::Path>, arguments: &AskArguments) -> anyhow::Result<ExitCode> {
    tell(address(config, arguments)?, "/api/v1/drain")?;
    println!(
        "le nœud ne prend plus d'appels et s'arrête après le dernier / the node takes no new calls and stops after the last"
    );
    Ok(ExitCode::SUCCESS)
}

/// Asks the node at `node` to do something.
pub(super) fn tell(node: SocketAddr, path: &str) -> anyhow::Result<()> {
    let answer = client::post(node, path, WITHIN).context("the node does not answer")?;
    if !(200..300).contains(&answer.status) {
        bail!("the node refused: {} {}", answer.status, answer.body.trim_end());
    }
    Ok(())
}

pub(super) fn address(config: Option<&std::path::Path>, arguments: &AskArguments) -> anyhow::Result<SocketAddr> {
    match arguments.node {
        Some(node) => Ok(node),
        None => Ok(super::run::configuration(config)?.ops.listen),
    }
}
