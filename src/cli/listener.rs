//! `ecoute listener …`: who listens. The file is edited in place, its comments kept; a running node is told to read it
//! again, and to pause or resume somebody.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::config::accounts::{ListenersFile, NewListener, password};
use crate::node::id_source;

/// What may be done with listeners.
#[derive(Debug, Subcommand)]
pub(super) enum ListenerCommand {
    /// Add a listener; a random password is printed once.
    Add(AddArguments),
    /// List the listeners.
    List,
    /// Show one listener.
    Show {
        /// The account.
        id: String,
    },
    /// Remove a listener.
    Remove {
        /// The account.
        id: String,
    },
    /// Suspend a listener: not rung until the suspension is taken back.
    Suspend {
        /// The account.
        id: String,
        /// Take the suspension back.
        #[arg(long)]
        lift: bool,
    },
    /// Give a listener a new random password, printed once.
    Password {
        /// The account.
        id: String,
    },
    /// Pause a listener on the running node.
    Pause {
        /// The account.
        id: String,
    },
    /// Make a listener available again on the running node.
    Ready {
        /// The account.
        id: String,
    },
}

/// Arguments of `ecoute listener add`.
#[derive(Debug, Args)]
pub(super) struct AddArguments {
    /// The account: letters, digits, `-`, `_`, `.`.
    id: String,
    /// The centre, which must be in the file.
    #[arg(long)]
    centre: String,
    /// The person's name, for staff.
    #[arg(long, default_value = "")]
    name: String,
    /// Departments served; those of the centre by default.
    #[arg(long, value_delimiter = ',')]
    departments: Vec<String>,
    /// Languages spoken; French by default.
    #[arg(long, value_delimiter = ',')]
    languages: Vec<String>,
}

pub(super) fn listener(config: Option<&Path>, command: ListenerCommand) -> anyhow::Result<ExitCode> {
    let config = super::run::configuration(config)?;
    let path = &config.listeners;
    let on_node = |id: &str, act: &str| super::ask::tell(config.ops.listen, &format!("/api/v1/listeners/{id}/{act}"));
    match command {
        ListenerCommand::Pause { id } => on_node(&id, "pause")?,
        ListenerCommand::Ready { id } => on_node(&id, "ready")?,
        ListenerCommand::List => list(path)?,
        ListenerCommand::Show { id } => show(path, &id)?,
        ListenerCommand::Add(arguments) => {
            let secret = password(&mut id_source()?);
            let new = NewListener {
                id: arguments.id.clone(),
                name: arguments.name,
                centre: arguments.centre,
                departments: arguments.departments,
                languages: arguments.languages,
                password: secret.clone(),
                ..NewListener::default()
            };
            edit(path, |file| file.add(&new).map_err(Into::into))?;
            println!("{}: mot de passe / password: {secret}", arguments.id);
            reload(&config);
        }
        ListenerCommand::Remove { id } => {
            edit(path, |file| file.remove(&id).map_err(Into::into))?;
            reload(&config);
        }
        ListenerCommand::Suspend { id, lift } => {
            edit(path, |file| file.suspend(&id, !lift).map_err(Into::into))?;
            reload(&config);
        }
        ListenerCommand::Password { id } => {
            let secret = password(&mut id_source()?);
            edit(path, |file| file.set_password(&id, &secret).map_err(Into::into))?;
            println!("{id}: mot de passe / password: {secret}");
            reload(&config);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn edit(path: &Path, change: impl FnOnce(&mut ListenersFile) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut file = ListenersFile::load(path)?;
    change(&mut file)?;
    file.save().with_context(|| format!("{} was not changed", path.display()))
}

/// A running node reads the file again; without one, the next start does.
fn reload(config: &crate::config::Config) {
    match super::ask::tell(config.ops.listen, "/api/v1/reload") {
        Ok(()) => println!("le nœud relit ses fichiers / the running node reads its files again"),
        Err(_) => println!("pris en compte au prochain démarrage / taken up at the next start"),
    }
}

fn roster(path: &Path) -> anyhow::Result<crate::config::listeners::Listeners> {
    ListenersFile::load(path)?.listeners().map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", lines.join("\n"))
    })
}

fn list(path: &Path) -> anyhow::Result<()> {
    for listener in &roster(path)?.roster.listeners {
        let departments: Vec<&str> = listener.departments.iter().map(|department| department.code()).collect();
        let standing = if listener.suspended { "suspendu / suspended" } else { "" };
        println!("{:<20} {:<20} {:<24} {standing}", listener.id, listener.centre, departments.join(" "));
    }
    Ok(())
}

fn show(path: &Path, id: &str) -> anyhow::Result<()> {
    let listeners = roster(path)?;
    let listener = listeners
        .roster
        .listeners
        .iter()
        .find(|listener| listener.id.as_str() == id.to_ascii_lowercase())
        .with_context(|| format!("`{id}` is not in {}", path.display()))?;
    println!("{}", serde_json::to_string_pretty(listener)?);
    Ok(())
}
