//! `--target` and `--select`, as they are written. What they leave of a plan is `pipeline::part`.

use clap::Args;

use super::complete;
use super::report::Failure;
use super::session::Session;
use crate::model::PlanFilter;
use crate::policy::Policy;

/// Which part of the plan.
#[derive(Clone, Debug, Default, Args)]
pub struct Selection {
    /// Only changes at this target; repeatable. Filters the finished plan, never what is read
    #[arg(long, value_name = "NAME", add = complete::targets())]
    pub target: Vec<String>,
    /// Only changes of these accounts and groups, by name or key, * standing for anything; repeatable
    #[arg(long, value_name = "PATTERN", add = complete::objects())]
    pub select: Vec<String>,
}

impl Selection {
    /// Whether it leaves nothing out.
    pub fn is_everything(&self) -> bool {
        self.filter().is_everything()
    }

    /// What it names, as a plan remembers it.
    pub fn filter(&self) -> PlanFilter {
        PlanFilter { targets: self.target.clone(), select: self.select.clone() }
    }

    /// The part that a saved plan is of. Named again it must be the same one; of a whole plan a part may be named.
    pub fn of_saved(&self, saved: &PlanFilter) -> Result<Self, Failure> {
        if self.is_everything() {
            return Ok(Self { target: saved.targets.clone(), select: saved.select.clone() });
        }
        if saved.is_everything() || saved.same(&self.filter()) {
            return Ok(self.clone());
        }
        let message = format!("the plan was saved with {}, and this run was given {}", words(saved), words(&self.filter()));
        Err(Failure::usage(message)
            .hint("leave --target and --select out: the plan file knows which part it is; for another part make another plan"))
    }

    /// The same for a comparison: one of both must have it.
    pub fn check_names(&self, head: &Policy, base: &Policy) -> Result<(), Failure> {
        let known = |name: &String| head.targets.iter().chain(&base.targets).any(|target| *target.name == **name);
        match self.target.iter().find(|name| !known(name)) {
            Some(name) => Err(Failure::usage(format!("neither revision has a target {name:?}"))),
            None => Ok(()),
        }
    }

    /// A target that does not exist is a slip, not an empty part.
    pub fn check(&self, session: &Session) -> Result<(), Failure> {
        self.target.iter().try_for_each(|name| session.check_target(name))
    }
}

/// A filter as it is written on the command line.
fn words(filter: &PlanFilter) -> String {
    let options = |option: &str, values: &[String]| values.iter().map(|value| format!("{option} {value}")).collect::<Vec<_>>();
    [options("--target", &filter.targets), options("--select", &filter.select)].concat().join(" ")
}
