//! `ecoute`: arguments to command; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    ecoute::cli::main()
}
