//! `ecoute check` and `ecoute schema`: what is wrong with the staff's files, and what they may say.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::node::{load, sources, tables};

/// Arguments of `ecoute schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// Which reference.
    #[arg(default_value = "dialplan")]
    of: Reference,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reference {
    /// JSON schema of a dialplan, for editors.
    Dialplan,
    /// The staff's page on dialplans, French.
    GuideFr,
    /// The staff's page on dialplans, English.
    GuideEn,
    /// A configuration file with every key at its default.
    Config,
    /// Every configuration key, as a page.
    Settings,
    /// Every metric, as a page.
    Metrics,
}

pub(super) fn check(config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let config = super::run::configuration(config)?;
    let mut sources = sources(&config);
    let first_start = super::run::makes_listeners(&config) && !sources.listeners.exists();
    let made_up = super::run::MadeUp::for_first_start(first_start, &mut sources)?;
    let loaded = load(&sources, &tables());
    drop(made_up);
    match loaded {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                println!("attention / note: {warning}");
            }
            if first_start {
                println!(
                    "{} sera créé au premier démarrage / will be made at the first start",
                    config.listeners.display()
                );
            }
            let setup = &loaded.setup;
            println!(
                "tout est bon / all is well: {} plan(s), {} prompt(s), {} centre(s), {} listener(s)",
                setup.plans.len(),
                setup.library.len(),
                setup.roster.centres.len(),
                setup.roster.listeners.len()
            );
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            for fault in &faults {
                println!("{fault}");
            }
            println!("{} faute(s), rien n'a changé / fault(s), nothing was changed", faults.len());
            Ok(ExitCode::FAILURE)
        }
    }
}

pub(super) fn schema(arguments: &SchemaArguments) -> anyhow::Result<ExitCode> {
    let text = match arguments.of {
        Reference::Dialplan => serde_json::to_string_pretty(&crate::dialplan::schema())?,
        Reference::GuideFr => crate::dialplan::staff_reference("fr"),
        Reference::GuideEn => crate::dialplan::staff_reference("en"),
        Reference::Config => crate::config::sample(),
        Reference::Settings => crate::config::reference_markdown(),
        Reference::Metrics => crate::ops::catalogue_markdown(),
    };
    println!("{}", text.trim_end());
    Ok(ExitCode::SUCCESS)
}
