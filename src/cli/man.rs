//! `headcount man`: the manual pages.

use std::path::PathBuf;

use super::report::{self, Exit, Failure};

/// Print a manual page, or write all of them to a directory
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: headcount man | man -l -")]
pub struct ManArgs {
    /// The page of this command [default: headcount itself]
    command: Option<String>,
    /// Write every page to this directory, which must exist
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

pub fn run(args: &ManArgs, command: clap::Command) -> Result<Exit, Failure> {
    if let Some(directory) = &args.out {
        clap_mangen::generate_to(command, directory).map_err(|error| Failure::file("write the manual pages to", directory, error))?;
        return Ok(Exit::Done);
    }
    let page = match &args.command {
        None => command,
        Some(name) => {
            let known = command.get_subcommands().find(|known| known.get_name() == name).cloned();
            known.ok_or_else(|| Failure::usage(format!("there is no command {name:?}")).hint("`headcount --help` lists them"))?
        }
    };
    let mut text = Vec::new();
    // Writes to memory; what could fail is the pipe, and that is `result`'s.
    clap_mangen::Man::new(page).render(&mut text).map_err(Failure::Output)?;
    report::result(&text)?;
    Ok(Exit::Done)
}
