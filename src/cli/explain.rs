//! `ecoute explain CALL`: the story of a call from its record and the dispatcher's decisions. Without a call, the latest
//! ones are listed.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use crate::node::Lang;
use crate::store::{Reader, explain as story};

/// Arguments of `ecoute explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The call, 13 letters and digits, as printed in the log. Without it: the latest calls.
    call: Option<String>,
    /// In English.
    #[arg(long)]
    english: bool,
}

pub(super) fn explain(config: Option<&std::path::Path>, arguments: &ExplainArguments) -> anyhow::Result<ExitCode> {
    let config = super::run::configuration(config)?;
    let reader = Reader::open(&config.state_dir)?;
    let Some(text) = &arguments.call else {
        for record in reader.records(20, None)? {
            let (french, english) = record.termination.in_words();
            let words = if arguments.english { english } else { french };
            let began = record.began.timestamp();
            let listener = record.listener.as_ref().map_or("-", |listener| listener.as_str());
            println!("{}  {began:.0}  {:<8} {listener:<16} {words}", record.call, record.service);
        }
        return Ok(ExitCode::SUCCESS);
    };
    let call = text.parse().with_context(|| text.clone())?;
    let Some(record) = reader.record(call)? else { bail!("no record of call {call}") };
    let decisions = reader.decisions(call)?;
    let lang = if arguments.english { Lang::En } else { Lang::Fr };
    println!("{}", story(&record, &decisions, lang));
    Ok(ExitCode::SUCCESS)
}
