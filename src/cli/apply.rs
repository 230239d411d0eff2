//! `headcount apply`: runs a saved plan, or plans, shows, asks and runs. What runs was shown.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Files;
use super::behind::Behind;
use super::history::broken;
use super::outcome;
use super::output::{Form, show};
use super::plan::verdict;
use super::progress::Running;
use super::report::{self, Exit, Failure, notice};
use super::selection::Selection;
use super::session::{self, Session, state_failure};
use super::standing;
use super::who::who;
use crate::apply::{self, Job, Pace, Report, Settings};
use crate::files;
use crate::journal::Journal;
use crate::model::{Change, Finding, ObjectKind, Plan, Upcoming};
use crate::pipeline::{self, Snapshot};
use crate::render::{Format, Look, headline};
use crate::state::{RunLock, Store, record_told};

/// Run a saved plan, or plan, ask and run
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A saved plan is compared with the world as it is now: what was reviewed and is still needed runs;
what is new is listed, does not run, and the exit code is 5. It knows the --target and --select
that it was saved with.")]
pub struct ApplyArgs {
    /// A plan that `headcount plan --out` saved [default: plan now, show it and ask]
    plan: Option<PathBuf>,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    selection: Selection,
    /// Don't ask. Without a terminal this is needed, or a saved plan
    #[arg(long)]
    auto_approve: bool,
    /// Run nothing where the saved plan is not exactly what is needed now
    #[arg(long, requires = "plan")]
    exact: bool,
    /// Show every change by itself; without it more than ten that say the same are counted
    #[arg(long, conflicts_with = "plan")]
    full: bool,
    /// How to tell the outcome
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Form,
}

/// What is to run, and what a saved plan did not hold.
struct Work {
    plan: Plan,
    new: Vec<Change>,
}

pub fn run(args: &ApplyArgs) -> Result<Exit, Failure> {
    let approved = args.auto_approve || args.plan.is_some();
    let from_stdin = args.files.files.iter().any(|path| path.as_os_str() == "-");
    if !approved && (from_stdin || !std::io::stdin().is_terminal()) {
        let hint = "pass --auto-approve, or review a saved plan: `headcount plan --out plan.json`, then `headcount apply plan.json`";
        return Err(Failure::usage("there is no terminal to ask on").hint(hint));
    }
    let saved = args.plan.as_deref().map(read_saved).transpose()?;
    let selection = saved.as_ref().map_or_else(|| Ok(args.selection.clone()), |saved| args.selection.of_saved(&saved.filter))?;
    let session = Session::load(&args.files)?;
    selection.check(&session)?;
    if let Some(saved) = &saved {
        check_saved(saved, &session)?;
    }
    let settings = settings(&session);
    let store = Arc::new(Store::open(&session.state, &session.policy.workspace).map_err(|error| state_failure(&error))?);
    let who = who();
    let lock = store.lock(&who).map_err(|error| state_failure(&error))?;
    // Nothing is added to a chain that is broken already.
    Journal::new(&store).verify_chain().map_err(|error| broken(error, &store))?;
    let memory = store.load().map_err(|error| state_failure(&error))?;
    let first = !memory.known;
    session::run(async {
        let (snapshot, mut fresh) = session.plan(memory, None).await;
        fresh.upcoming = Upcoming::default();
        let all = fresh.changes.len();
        let told: BTreeSet<u64> = fresh.findings.iter().filter_map(Finding::standing).collect();
        let fresh = selection.of(fresh);
        let work = match &saved {
            None => Work { plan: fresh, new: Vec::new() },
            Some(saved) => reviewed(saved, &fresh, args.exact)?,
        };
        // The outcome as JSON has stdout for itself.
        if saved.is_none() && args.output == Form::Text {
            let left_out = all - work.plan.changes.len();
            let look = Look {
                width: report::width(),
                left_out,
                full: args.full,
                lines: Some(&Behind::of(&snapshot)),
                told: Some(&snapshot.world.memory.told),
            };
            show(&work.plan, Format::Text, look)?;
        }
        if work.plan.applyable() && !approved && !ask()? {
            notice("Nothing was changed.");
            return Ok(Exit::Error);
        }
        // An empty run makes a new state a known one; after that it would only fill the journal.
        let run = Run { snapshot: &snapshot, settings: &settings, store: &store, lock: &lock, who: &who };
        pipeline::catch_up(&snapshot, &store).map_err(|error| state_failure(&error))?;
        standing::end_covered(&snapshot.policy, &snapshot.world.memory, &store, snapshot.moment.now)?;
        let report = if work.plan.applyable() || first { run.apply(&work.plan).await? } else { Report::default() };
        pipeline::remember(&snapshot, &store).map_err(|error| state_failure(&error))?;
        standing::receipts(&snapshot.policy, &snapshot.world.memory, (&work.plan, &report), selection.is_everything(), &store)?;
        // Nobody has read what an interrupted plan or another output left unsaid; what is not told again can always be asked for.
        store.write(|tx| record_told(tx, &told)).map_err(|error| state_failure(&error))?;
        outcome::write(&work.plan, &report, &work.new, args.output)?;
        Ok(exit(&work, &report))
    })?
}

/// What a run is made of, beside its plan.
struct Run<'a> {
    snapshot: &'a Snapshot,
    settings: &'a Settings,
    store: &'a Arc<Store>,
    lock: &'a RunLock,
    who: &'a str,
}

impl Run<'_> {
    async fn apply(&self, plan: &Plan) -> Result<Report, Failure> {
        let cancel = CancellationToken::new();
        let running = Running::start(plan);
        let Snapshot { policy, world, .. } = self.snapshot;
        let known_ids = |target: &str, kind: ObjectKind, key: &str| world.object_id(policy, target, kind, key);
        let job = Job {
            plan,
            targets: &self.snapshot.connectors,
            store: self.store,
            lock: self.lock,
            settings: self.settings,
            who: self.who,
            known_ids: &known_ids,
            cancel: cancel.clone(),
            progress: &running,
        };
        let mut work = std::pin::pin!(apply::apply(&job));
        let report = loop {
            tokio::select! {
                report = &mut work => break report,
                // The first interrupt lets what was sent come back; whoever insists ends the process, and the journal knows what was sent.
                () = asked_to_stop() => {
                    if cancel.is_cancelled() {
                        std::process::exit(INTERRUPTED);
                    }
                    cancel.cancel();
                    running.say("stopping: waiting for what was sent; interrupt again to leave at once");
                }
            }
        };
        running.done();
        report.map_err(|error| state_failure(&error))
    }
}

/// Ctrl-C, or the SIGTERM with which a CI system or a container's end says the same.
pub async fn asked_to_stop() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// What a shell shows for a process that an interrupt ended.
const INTERRUPTED: i32 = 130;

fn exit(work: &Work, report: &Report) -> Exit {
    let held = report.outcomes.values().any(|outcome| outcome.holds());
    match (report.complete(), work.new.is_empty()) {
        (false, _) if held => Exit::Partly,
        (false, _) => Exit::Error,
        (true, false) => Exit::Stale,
        (true, true) => verdict(&work.plan),
    }
}

/// Largest plan file: a hundred million bytes are half a million changes.
const MAX_PLAN: u64 = 1 << 30;

fn read_saved(path: &Path) -> Result<Plan, Failure> {
    let text = files::read_text(path, MAX_PLAN).map_err(|error| Failure::file("read the plan", path, error))?;
    apply::read_plan(&text).map_err(|error| Failure::because(format!("can't use the plan {}", path.display()), &error))
}

fn check_saved(saved: &Plan, session: &Session) -> Result<(), Failure> {
    if saved.workspace != session.policy.workspace {
        let message = format!("the plan is of workspace {:?}, and the manifests are of {:?}", saved.workspace, session.policy.workspace);
        return Err(Failure::new(message).hint("name the manifests that it was made from with -f"));
    }
    let today = pipeline::moment(&session.policy, None).today;
    if saved.as_of > today {
        let message = format!("the plan was made for {}, and today is {today}: such a plan can't be applied", saved.as_of);
        return Err(Failure::new(message).exit(Exit::Stale).hint("make a plan for today: `headcount plan --out FILE`"));
    }
    Ok(())
}

/// What was reviewed and is still needed.
fn reviewed(saved: &Plan, fresh: &Plan, exact: bool) -> Result<Work, Failure> {
    let compared = apply::compare(saved, fresh);
    if exact && !compared.exact() {
        let (new, gone) = (compared.new.len(), compared.gone);
        let message = format!("the plan is stale: changes needed now and not in it: {new}; steps in it and no longer needed: {gone}");
        return Err(Failure::new(message).exit(Exit::Stale).hint("plan again and review it, or leave out --exact to run what both hold"));
    }
    if !compared.new.is_empty() {
        notice(format_args!("Not in the reviewed plan, and not run ({}):", compared.new.len()));
        for change in compared.new.iter().take(SHOWN) {
            notice(format_args!("  {}", headline(change)));
        }
        if compared.new.len() > SHOWN {
            notice(format_args!("  … and {} more; `headcount plan` shows them", compared.new.len() - SHOWN));
        }
    }
    Ok(Work { plan: compared.plan, new: compared.new })
}

/// Lines of a list before it is cut.
const SHOWN: usize = 50;

/// Nobody types more before the line ends.
const MAX_ANSWER: u64 = 4096;

/// Asks on the terminal. Only the whole word is a yes.
fn ask() -> Result<bool, Failure> {
    let mut out = anstream::stderr();
    write!(out, "\nRun these changes? Only \"yes\" does it: ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().take(MAX_ANSWER).read_line(&mut answer).map_err(|error| Failure::because("can't read the answer", &error))?;
    Ok(answer.trim() == "yes")
}

fn settings(session: &Session) -> Settings {
    let paces = session.loaded.targets.iter().filter_map(|target| {
        let limits = target.spec.limits.as_ref()?;
        let concurrency = limits.concurrency.map_or(Pace::default().concurrency, |limit| limit as usize);
        Some((target.name.clone(), Pace { concurrency, per_second: limits.per_second }))
    });
    let windows = session.policy.targets.iter().map(|target| target.guardrails.window);
    let settings = Settings::default();
    let keep_windows = windows.fold(settings.keep_windows, Ord::max);
    Settings { paces: paces.collect::<BTreeMap<_, _>>(), keep_windows, ..settings }
}
