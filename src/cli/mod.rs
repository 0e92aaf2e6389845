//! The command line: arguments to rooms, results to words and exit codes. `anyhow` is at home here and in `main` only.
//!
//! What a person reads is French first where it is for staff; errors of the command line are English, with the sentence of
//! the room that found them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the one room that speaks to a terminal")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod ask;
mod ban;
mod call;
mod check;
mod demo;
mod explain;
mod ladder;
mod listener;
mod rehearse;
mod run;
mod trunk;

/// The telephone engine of a helpline.
#[derive(Debug, Parser)]
#[command(name = "ecoute", version, about, max_term_width = 110)]
struct Arguments {
    /// The configuration file; without one, defaults that serve on loopback.
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve.
    Run,
    /// Read configuration, dialplans, prompts and listeners; print every fault with its line; change nothing.
    Check,
    /// A whole call on loopback, proved: caller, menu, listener, sound both ways.
    Demo(demo::DemoArguments),
    /// Play a dialplan on the keyboard, through the real call machine.
    Try(rehearse::TryArguments),
    /// Why a call went as it did: who was considered, who was passed over, who rang.
    Explain(explain::ExplainArguments),
    /// Add, list, show, pause or remove listeners.
    #[command(subcommand)]
    Listener(listener::ListenerCommand),
    /// Print a reference: the dialplan's JSON schema, the staff's page, configuration, metrics.
    Schema(check::SchemaArguments),
    /// Dial a SIP address with a softphone that proves the sound.
    Call(call::CallArguments),
    /// Take no new calls and stop when the last one has ended (asks the running node).
    Drain(ask::AskArguments),
    /// Who is answered with silence: list, add, lift (asks the running node).
    #[command(subcommand)]
    Ban(ban::BanCommand),
    /// The operators: how each trunk is, and a test call over one (asks the running node).
    #[command(subcommand)]
    Trunk(trunk::TrunkCommand),
    /// What the running node does now.
    Status(ask::AskArguments),
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = arguments.config.as_deref();
    let done = match arguments.command {
        Command::Run => run::run(config),
        Command::Check => check::check(config),
        Command::Demo(arguments) => demo::demo(config, &arguments),
        Command::Try(arguments) => rehearse::rehearse(config, &arguments),
        Command::Explain(arguments) => explain::explain(config, &arguments),
        Command::Listener(command) => listener::listener(config, command),
        Command::Schema(arguments) => check::schema(&arguments),
        Command::Call(arguments) => call::call(&arguments),
        Command::Drain(arguments) => ask::drain(config, &arguments),
        Command::Ban(command) => ban::ban(config, command),
        Command::Trunk(command) => trunk::trunk(config, command),
        Command::Status(arguments) => ask::status(config, &arguments),
    };
    match done {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("ecoute: {}", told(&fault));
            ExitCode::from(2)
        }
    }
}

/// A fault and what is behind it. Many of our sentences hold their cause already; it is not said twice.
fn told(fault: &anyhow::Error) -> String {
    let mut words = fault.to_string();
    for cause in fault.chain().skip(1).map(ToString::to_string) {
        if !words.contains(&cause) {
            words = format!("{words}: {cause}");
        }
    }
    words
}
