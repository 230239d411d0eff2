//! `headcount completions`: a completion script for a shell.

use clap_complete::Shell;

use super::report::{self, Exit, Failure};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: headcount completions bash > /etc/bash_completion.d/headcount")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub fn run(args: &CompletionsArgs, command: &mut clap::Command) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "headcount", &mut script);
    report::result(&script)?;
    Ok(Exit::Done)
}
