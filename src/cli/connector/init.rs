//! `headcount connector init`: the Source or Target to start from, printed.

use clap::ValueEnum;

use crate::cli::complete;
use crate::cli::report::{self, Exit, Failure};
use crate::connector::registry::{self, Role};
use crate::diagnostic::did_you_mean;
use crate::manifest::catalog::catalog;

/// Print the Source or Target to start from
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount connector init okta > okta.yaml
  headcount connector init okta --as source > people.yaml")]
pub struct StartArgs {
    /// One of the catalog
    #[arg(add = complete::connectors())]
    name: String,
    /// What it is to be [default: a target, if it can be one]
    #[arg(long = "as", value_name = "KIND", value_enum)]
    role: Option<RoleName>,
}

/// What it is to be.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    Source,
    Target,
}

pub fn run(args: &StartArgs) -> Result<Exit, Failure> {
    let name = args.name.as_str();
    let Some(spec) = catalog().get(name) else {
        let near = did_you_mean(name, catalog().keys().map(AsRef::as_ref));
        let hint =
            near.unwrap_or_else(|| "`headcount connector list` names those of the catalog; `headcount init` starts with a file".into());
        return Err(Failure::usage(format!("the catalog has no connector `{name}`")).hint(hint));
    };
    let can = registry::roles(spec);
    let wanted = args.role.map(|role| if matches!(role, RoleName::Source) { Role::Source } else { Role::Target });
    let role = match wanted {
        Some(role) if !can.contains(&role) => {
            let words = if role == Role::Source { "lists nobody, so it is no Source" } else { "writes nothing, so it is no Target" };
            return Err(Failure::usage(format!("{name} {words}")));
        }
        Some(role) => role,
        None => can.first().copied().unwrap_or(Role::Source),
    };
    report::result(registry::start(name, spec, role).as_bytes()).map(|()| Exit::Done)
}
