//! `headcount completions`: a script that lets a shell ask headcount itself what fits, so that names of this workspace are offered too.

use std::ffi::OsString;

use clap_complete::CompleteEnv;
use clap_complete::env::Shells;

use super::report::{self, Exit, Failure};

/// By this variable a shell asks.
const VARIABLE: &str = "HEADCOUNT_COMPLETE";

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount completions bash > /etc/bash_completion.d/headcount
  headcount completions zsh > \"${fpath[1]}/_headcount\"
  headcount completions fish > ~/.config/fish/completions/headcount.fish

Offered are commands, options and their values: formats, kinds, and the targets, people, groups and
personas of the manifests that the line names, and of their state.")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_parser = ["bash", "elvish", "fish", "powershell", "zsh"])]
    shell: String,
}

pub fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let shells = Shells::builtins();
    let shell = shells.completer(&args.shell).ok_or_else(|| Failure::usage(format!("there is no script for {}", args.shell)))?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "headcount", "headcount", "headcount", &mut script)?;
    report::result(&script)?;
    Ok(Exit::Done)
}

/// Answers a shell that asks what fits; nothing where none does.
pub fn answer(arguments: &[OsString], command: fn() -> clap::Command) -> Option<Exit> {
    std::env::var_os(VARIABLE).filter(|shell| !shell.is_empty())?;
    let here = std::env::current_dir().ok();
    let answered = CompleteEnv::with_factory(command).var(VARIABLE).try_complete(arguments, here.as_deref());
    match answered {
        Ok(true) => Some(Exit::Done),
        Ok(false) => None,
        // A shell shows nothing of it, and offers nothing.
        Err(_) => Some(Exit::Error),
    }
}
