//! `headcount plan`: reads the live systems and shows what would change. Writes nothing but the files it was told to.

use std::path::PathBuf;

use jiff::ToSpan;
use jiff::civil::Date;

use super::Files;
use super::held::{self, ByHand};
use super::next;
use super::output::{self, Output};
use super::remainder::{self, Remainder};
use super::report::{self, Exit, Failure, notice};
use super::requests;
use super::selection::Selection;
use super::session::{self, Session};
use super::unclaimed;
use crate::model::{Plan, Upcoming};
use crate::pipeline::ChangeOrigins;
use crate::pipeline::{forecast, part};
use crate::planning::DAYS_AHEAD;
use crate::render::{Format, ViewOptions};
use crate::review::{self, ReviewSide};

/// Read the live systems and show what would change
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount plan -f acme/                          show it
  headcount plan -o markdown=comment.md --out plan.json
  headcount apply plan.json                        run just what was reviewed")]
pub struct PlanArgs {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    output: Output,
    /// Save the plan, to be applied later
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Plan for this day (YYYY-MM-DD). Such a plan can't be applied
    #[arg(long, value_name = "DATE", conflicts_with = "out")]
    as_of: Option<Date>,
    /// How many days ahead to tell what falls due: joiners, leavers, expiries. 0: nothing
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(i64).range(0..=DAYS_AHEAD))]
    due_days: i64,
    /// Exit with 2 where the plan has changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// In CI: there is no state yet, and that is right
    #[arg(long)]
    first_run: bool,
    /// List the accounts and groups that nobody claims instead, each with the line that adopts it
    #[arg(long, conflicts_with_all = ["out", "select", "detailed_exitcode", "as_of"])]
    unclaimed: bool,
    /// List the requests that the plan leads to instead, without secrets; nothing is changed by it
    #[arg(long, conflicts_with_all = ["out", "detailed_exitcode", "as_of", "unclaimed"])]
    requests: bool,
}

/// From when a plan looks, and how far.
pub struct Horizon {
    /// the day that it is for
    pub as_of: Option<Date>,
    /// days ahead that are told
    pub due_days: i64,
    /// nothing can be known of earlier runs
    pub first_run: bool,
}

pub fn run(args: &PlanArgs) -> Result<Exit, Failure> {
    if args.unclaimed {
        return unclaimed::run(&args.files, &args.selection.target, &args.output);
    }
    if args.requests {
        return requests::run(&args.files, &args.selection, &args.output);
    }
    let horizon = Horizon { as_of: args.as_of, due_days: args.due_days, first_run: args.first_run };
    let made = make(&args.files, &args.selection, &args.output, &horizon);
    let plan =
        made.inspect_err(|failure| args.out.iter().for_each(|file| output::supersede(file, &output::failed(Format::Json, failure))))?;
    if let Some(file) = &args.out {
        output::save(&plan, Format::Json, ViewOptions::wide(report::DEFAULT_WIDTH), file)?;
    }
    // A plan for another day can't be applied.
    if args.output.is_read() && args.as_of.is_none() {
        next::write(&plan, &args.files, &args.selection, args.out.as_deref())?;
    }
    Ok(match verdict(&plan) {
        Exit::Done if args.detailed_exitcode && !plan.changes.is_empty() => Exit::CHANGES,
        exit => exit,
    })
}

/// Plans and shows; what `plan` and `diff` have in common.
pub fn make(files: &Files, selection: &Selection, output: &Output, horizon: &Horizon) -> Result<Plan, Failure> {
    output.check()?;
    planned(files, selection, output, horizon).inspect_err(|failure| output.supersede(failure, files, &selection.filter(), "plan"))
}

fn planned(files: &Files, selection: &Selection, output: &Output, horizon: &Horizon) -> Result<Plan, Failure> {
    let session = Session::load(files)?;
    selection.check(&session)?;
    let forgets = session.forgets().filter(|_| !horizon.first_run);
    // A plan for another day can't be applied, and a machine asks `apply` or `status`.
    let kept = (output.is_read() && horizon.as_of.is_none()).then(|| session::run(session.kept())).transpose()?.transpose()?;
    let doubts = horizon.as_of.is_none().then(|| session::run(session.doubts())).transpose()?.transpose()?;
    let (snapshot, mut plan) = session.plan(horizon.as_of)?;
    plan.findings.extend(forgets.into_iter().chain(doubts.into_iter().flatten()));
    plan.upcoming = coming(&plan, horizon.due_days);
    let all = plan.changes.len();
    let plan = part(plan, &selection.filter());
    let left_out = all - plan.changes.len();
    let origins = ChangeOrigins::of(&snapshot);
    let forecast = forecast(&snapshot, &plan);
    let told = Some(&snapshot.world.memory.told);
    let look = ViewOptions { width: report::width(), left_out, full: output.full, lines: Some(&origins), told, forecast: &forecast };
    output.write(&plan, look, || review::of_plan(ReviewSide { plan: &plan, explain: &origins, policy: &snapshot.policy, held: &[] }))?;
    let by_hand = ByHand { reviewed: true, saved: false, ignore_window: false };
    let opened = kept.and_then(|kept| held::opened(&snapshot, &kept, &plan, by_hand));
    if let Some(words) = opened.and_then(|opened| held::words("`headcount apply` does not run all of it now:", &opened.held)) {
        notice(words);
    }
    Ok(plan)
}

fn coming(plan: &Plan, days: i64) -> Upcoming {
    let last = plan.as_of.checked_add(days.days()).unwrap_or(plan.as_of);
    if days == 0 { Upcoming::default() } else { plan.upcoming.clone().until(last) }
}

/// How a command ends that only planned.
pub fn verdict(plan: &Plan) -> Exit {
    remainder::exit(Remainder::of_plan(plan))
}
