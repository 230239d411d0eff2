//! `headcount diff --base`: what a branch says differently, what that does to people, and what was pending anyway.
//!
//! Must never: write anything but the files it was told to, or open a system as only the branch describes it.

use std::path::PathBuf;

use jiff::Timestamp;

use super::super::output;
use super::super::progress::Watching;
use super::super::report::{self, Exit, Failure};
use super::super::reviewed::{self, ShownWith};
use super::super::revisions::{Asked, RevisionManifests, Revisions};
use super::super::session::{self, Session};
use super::held::held;
use super::{DiffArgs, personas};
use crate::model::{Evidence, Left, Memory, Plan, Severity, Subject};
use crate::pipeline::ChangeOrigins;
use crate::pipeline::{self, Compiled, HearNothing, Reading, Snapshot, part};
use crate::planning::{Moment, Scope};
use crate::render::{Format, ViewOptions};
use crate::review::preview::{Opening, Preview, preview};
use crate::review::{self, Branch, Review, ReviewSide, Unexplained, VerdictLevel};

/// Which revisions are compared.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What a branch does")]
pub struct BranchArgs {
    /// Show what the branch changes against this revision, apart from what is pending anyway. Counts from where the branch forked off
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Take --base itself, and not where the branch forked off
    #[arg(long, requires = "base")]
    base_exact: bool,
    /// The branch: a revision, or `worktree` for what lies here with what git does not ignore [default: worktree; in CI: HEAD]
    #[arg(long, value_name = "REV")]
    head: Option<String>,
    /// A repository without a working tree; what manifests name beside it counts from the current directory
    #[arg(long, value_name = "DIR")]
    git_dir: Option<PathBuf>,
    /// Only what the manifests say differently: no system, no secret, no state and no network
    #[arg(long)]
    offline: bool,
    /// Save the branch's plan, to be applied later
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    out: Option<PathBuf>,
    /// Exit with 0 where there are changes, as long as nothing is refused, missing or undecided
    #[arg(long)]
    allow_changes: bool,
}

impl BranchArgs {
    /// Whether two revisions are to be compared.
    pub fn is_asked(&self) -> bool {
        self.base.is_some() || self.head.is_some() || self.git_dir.is_some() || self.offline
    }

    /// Options that mean nothing for a plan as it stands.
    pub fn check_alone(&self) -> Result<(), Failure> {
        match self.out {
            Some(_) => {
                Err(Failure::usage("--out belongs to a comparison of revisions")
                    .hint("add `--base REV`, or use `headcount plan --out FILE`"))
            }
            None => Ok(()),
        }
    }

    /// Whether changes are no reason for another exit code.
    pub fn allows_changes(&self) -> bool {
        self.allow_changes
    }
}

pub fn run(args: &DiffArgs) -> Result<Exit, Failure> {
    args.output.check()?;
    reviewed::check(&args.output.output)?;
    let done = compared(args).inspect_err(|failure| {
        args.output.supersede(failure, &args.files, &args.selection.filter(), "diff");
        args.branch.out.iter().for_each(|file| output::supersede(file, &output::failed(Format::Json, failure)));
    });
    match done {
        // Manifests that are wrong are what the author has to mend, as any wrong use.
        Err(failure @ Failure::Manifests(..)) => {
            report::failure(&failure);
            Ok(Exit::Usage)
        }
        other => other,
    }
}

fn compared(args: &DiffArgs) -> Result<Exit, Failure> {
    let branch = &args.branch;
    let asked = Asked {
        files: &args.files,
        base: branch.base.as_deref(),
        exact: branch.base_exact,
        head: branch.head.as_deref(),
        git_dir: branch.git_dir.as_deref(),
        offline: branch.offline,
    };
    let mut revisions = Revisions::load(&asked)?;
    args.selection.check_names(&revisions.head.policy, &revisions.base.policy)?;
    let base = &revisions.base;
    let today = Moment::at(&base.policy, Timestamp::now()).today;
    let preview = preview((&base.loaded, &base.policy), &revisions.head.loaded, &mut revisions.head.policy, today);
    let mut review = if branch.offline { offline(&revisions, &preview) } else { live(args, &revisions, &preview)? };
    if branch.offline {
        review.personas = personas::differences(&revisions);
    }
    let exit = exit(&review, branch.allow_changes);
    let with = ShownWith { full: args.output.full, ..ShownWith::default() };
    let hides = args.output.redact.hides(&review.workspace)?;
    reviewed::write(&args.output.output, review, &hides, with)?;
    Ok(exit)
}

/// What is known without any system.
fn offline(revisions: &Revisions, preview: &Preview) -> Review {
    let plan = |manifests: &RevisionManifests| {
        let today = Moment::at(&manifests.policy, Timestamp::now()).today;
        Plan::of_nothing(manifests.policy.workspace.clone(), today)
    };
    let (base, head) = (plan(&revisions.base), plan(&revisions.head));
    let side = |plan, policy| ReviewSide { plan, explain: &Unexplained, policy, held: &[] };
    let intent = review::intent::intent(&revisions.base.loaded, &revisions.head.loaded);
    review::of_branch(side(&base, &revisions.base.policy), side(&head, &revisions.head.policy), named(revisions, preview, true), intent)
}

fn live(args: &DiffArgs, revisions: &Revisions, preview: &Preview) -> Result<Review, Failure> {
    let Planned { snapshots: [first, second], mut plans, left } = session::run(planned(revisions, preview))??;
    if let Some(file) = &args.branch.out {
        output::save(&plans[1], Format::Json, ViewOptions::wide(report::DEFAULT_WIDTH), file)?;
        let hash = plans[1].hash();
        let shown = file.display();
        report::notice(format_args!("saved {shown}; once approved: headcount apply {shown} --expect {}", hash.get(..16).unwrap_or(&hash)));
    }
    plans.iter_mut().for_each(|plan| set_aside(plan, preview));
    let held = [held(&first, &left, &plans[0]), held(&second, &left, &plans[1])];
    let [base, head] = plans.map(|plan| part(plan, &args.selection.filter()));
    let (base_origins, head_origins) = (ChangeOrigins::of(&first), ChangeOrigins::of(&second));
    let base = ReviewSide { plan: &base, explain: &base_origins, policy: &first.policy, held: &held[0] };
    let head = ReviewSide { plan: &head, explain: &head_origins, policy: &second.policy, held: &held[1] };
    let intent = review::intent::intent(&revisions.base.loaded, &revisions.head.loaded);
    Ok(review::of_branch(base, head, named(revisions, preview, false), intent))
}

/// Both revisions over one reading.
struct Planned {
    snapshots: [Snapshot; 2],
    plans: [Plan; 2],
    /// what the last complete run left at targets
    left: Vec<Left>,
}

async fn planned(revisions: &Revisions, preview: &Preview) -> Result<Planned, Failure> {
    let (memory, left) = memory(revisions).await?;
    let watching = Watching::default();
    let compiled = |manifests: &RevisionManifests| manifests.policy.clone();
    let base = Compiled { loaded: &revisions.base.loaded, policy: compiled(&revisions.base) };
    let head = Compiled { loaded: &revisions.head.loaded, policy: compiled(&revisions.head) };
    let (first, second) = pipeline::read_two(base, head, preview, memory, Timestamp::now(), &Reading::once(&watching)).await;
    let base = pipeline::plan(&first, Scope::All, &watching).await;
    let head = pipeline::plan(&second, Scope::All, &HearNothing).await;
    Ok(Planned { snapshots: [first, second], plans: [base, head], left })
}

/// Where the base says; a workspace that is new has none, and a file of the branch is no state.
async fn memory(revisions: &Revisions) -> Result<(Memory, Vec<Left>), Failure> {
    if revisions.is_new() {
        return Ok(Default::default());
    }
    Session::remembered(&revisions.base.loaded, &revisions.base.policy).await
}

/// What was not opened because of the branch is told by itself; the rest is no less whole for it.
fn set_aside(plan: &mut Plan, preview: &Preview) {
    let mut systems = preview.sources.iter().chain(&preview.targets);
    let shut: Vec<_> = systems
        .by_ref()
        .filter(|(_, opening)| matches!(opening, Opening::Shut { by_branch: true, .. }))
        .map(|(name, _)| name.clone())
        .collect();
    plan.evidence.retain(|read| !(shut.contains(&read.system) && matches!(read.evidence, Evidence::Unreadable { .. })));
    let about = |subject: &Subject| subject.system.as_ref().is_some_and(|system| shut.contains(system));
    for finding in plan.findings.iter_mut().filter(|finding| finding.severity == Severity::Incomplete && about(&finding.subject)) {
        finding.severity = Severity::Note;
    }
}

fn named(revisions: &Revisions, preview: &Preview, offline: bool) -> Branch {
    Branch {
        base: revisions.base_named(),
        head: revisions.head_named(),
        offline,
        is_new: revisions.is_new(),
        not_used: preview.not_used.clone(),
        difference_digest: review::intent::difference_digest(&revisions.base.loaded, &revisions.head.loaded),
    }
}

fn exit(review: &Review, allow_changes: bool) -> Exit {
    let differs = !review.effect.is_empty() || (review.verdict.level == VerdictLevel::Intent && !review.intent.is_empty());
    match review.verdict.level {
        // What allows more than before is a change, though nobody is touched today.
        VerdictLevel::Check if !allow_changes => Exit::DIFFERENT,
        VerdictLevel::Blocked => Exit::Refused,
        VerdictLevel::Incomplete => Exit::Stale,
        VerdictLevel::Undecided => Exit::Undecided,
        _ if differs && !allow_changes => Exit::DIFFERENT,
        _ => Exit::Done,
    }
}
