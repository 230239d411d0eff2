//! `headcount apply`: runs a saved plan, or plans, shows, asks and runs. What runs was shown.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::Files;
use super::held::{self, ByHand};
use super::history::broken;
use super::outcome::{self, NotRun};
use super::output::{TextOrJson, show};
use super::progress::{Watching, above};
use super::redact::{Hides, Redact};
use super::remainder::{self, Remainder};
use super::report::{self, Exit, Failure, notice};
use super::reviewed::{self, ShownWith};
use super::selection::Selection;
use super::session::{self, Session, state_failure};
use super::who::who;
use crate::apply::read_plan;
use crate::connector::connections::Connections;
use crate::files;
use crate::inbox::Inboxes;
use crate::model::{Change, Plan};
use crate::pipeline::ChangeOrigins;
use crate::pipeline::{
    self, Caller, Decision, Ending, GateMemory, Hear, LetThrough, News, NotReviewable, Proposal, ReconcileError, Reviewed, Snapshot, Turn,
    forecast,
};
use crate::render::{Format, Lines, ViewOptions, count, headline, safe};
use crate::review::{self, ReviewSide};
use crate::state;
use crate::workspace::gates::HeldPart;

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
    /// In CI: there is no state yet, and that is right
    #[arg(long)]
    first_run: bool,
    /// Run nothing where the saved plan is not exactly what is needed now
    #[arg(long, requires = "plan")]
    exact: bool,
    /// Run nothing where the saved plan's hash is another: that of the plan that was approved, whole or its first 16 digits
    #[arg(long, value_name = "HASH", requires = "plan")]
    expect: Option<String>,
    /// Change Targets also while their windows are closed
    #[arg(long)]
    ignore_window: bool,
    /// Show every change by itself; without it more than ten that say the same are counted
    #[arg(long, conflicts_with = "plan")]
    full: bool,
    /// How to tell the outcome
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: TextOrJson,
    #[command(flatten)]
    redact: Redact,
}

pub fn run(args: &ApplyArgs) -> Result<Exit, Failure> {
    let approved = args.auto_approve || args.plan.is_some();
    let from_stdin = args.files.files.iter().any(|path| path.as_os_str() == "-");
    if !approved && (from_stdin || !std::io::stdin().is_terminal()) {
        let hint = "pass --auto-approve, or review a saved plan: `headcount plan --out plan.json`, then `headcount apply plan.json`";
        return Err(Failure::usage("there is no terminal to ask on").hint(hint));
    }
    if args.output == TextOrJson::Json {
        args.redact.allows_names("the outcome as JSON")?;
    }
    let saved = args.plan.as_deref().map(read_saved).transpose()?;
    if let (Some(saved), Some(approved)) = (&saved, &args.expect) {
        is_approved(saved, approved)?;
    }
    let selection = saved.as_ref().map_or_else(|| Ok(args.selection.clone()), |saved| args.selection.of_saved(&saved.filter))?;
    let session = Session::load(&args.files)?;
    selection.check(&session)?;
    if let Some(finding) = session.forgets().filter(|_| !args.first_run) {
        let failure = Failure::new(finding.message).exit(Exit::Stale);
        return Err(finding.hint.into_iter().fold(failure, Failure::hint));
    }
    let moment = pipeline::moment(&session.policy, None);
    let reviewed = saved.map(|saved| Reviewed::new(saved, args.exact, &session.policy, moment.today));
    let reviewed = reviewed.transpose().map_err(not_reviewable)?;
    let hides = args.redact.hides(&session.policy.workspace)?;
    let mut terminal = Terminal {
        args,
        approved,
        watching: Watching::hiding(hides.clone()),
        hides,
        stop: CancellationToken::new(),
        held: OnceLock::new(),
        unshown: OnceLock::new(),
    };
    let ended = session::run(async {
        let store = state::open(&session.state, &session.policy.workspace).await.map_err(|error| state_failure(&error))?;
        let turn = Turn {
            loaded: &session.loaded,
            settings: pipeline::settings(&session.loaded, &session.policy),
            policy: Arc::new(session.policy),
            store: &store,
            moment,
            part: selection.filter(),
            reviewed,
            who: &who(),
            stop: terminal.stop.clone(),
            connections: Connections::default().with_inboxes(Inboxes::to_read(store.clone())),
        };
        pipeline::reconcile(turn, &terminal).await.map_err(|error| failure(error, store.as_ref()))
    })?;
    if let Some(failure) = terminal.unshown.take() {
        return Err(failure);
    }
    match ended? {
        None => {
            notice("Nothing was changed.");
            Ok(Exit::Error)
        }
        Some(ending) => {
            let rest = NotRun { new: &ending.proposal.unreviewed, held: terminal.held() };
            outcome::write(&ending.proposal.plan, &ending.report, rest, (args.output, &terminal.hides))?;
            Ok(exit(&ending, terminal.held()))
        }
    }
}

/// Whoever waits at the terminal, or read the plan before.
struct Terminal<'a> {
    args: &'a ApplyArgs,
    approved: bool,
    watching: Watching,
    /// who people are, where everybody reads along
    hides: Hides,
    stop: CancellationToken,
    /// what gates hold
    held: OnceLock<Vec<HeldPart>>,
    /// why the plan could not be shown, or the answer not be read
    unshown: OnceLock<Failure>,
}

impl Hear for Terminal<'_> {
    fn hear(&self, news: News<'_>) {
        self.watching.hear(news);
        match news {
            News::Waiting { state } => notice(safe::lines(&format!(
                "the lock on {} is held; waiting for a sign of life of whoever holds it, for a minute at most",
                state.display()
            ))),
            News::Settling { from, wait } => notice(safe::lines(&format!(
                "the lock was taken over from {from}, which never let it go; waiting {} s for what it may have sent last",
                wait.as_secs()
            ))),
            News::Killed { run, open } if open > 0 => notice(safe::lines(&format!(
                "run {run} was killed: of {} nobody knows whether it arrived; what is planned now knows what became of it",
                count(open as u64, "change")
            ))),
            News::Covered { key, by } => {
                let whom = if self.hides.anything() { "somebody" } else { key };
                notice(safe::lines(&format!("{whom}: cut off by {by} from now on; taking it out of the manifests lifts it")));
            }
            // Until then an interrupt ends the process, and nothing was changed.
            News::Running { .. } => drop(tokio::spawn(interrupts(self.stop.clone()))),
            _ => {}
        }
    }
}

impl Caller for Terminal<'_> {
    fn open(&self, snapshot: &Snapshot, kept: &GateMemory, plan: &Plan) -> Option<LetThrough> {
        let saved = self.args.plan.is_some();
        let by_hand = ByHand { reviewed: saved || !self.args.auto_approve, saved, ignore_window: self.args.ignore_window };
        let opened = held::opened(snapshot, kept, plan, by_hand)?;
        let extent = opened.extent();
        let _ = self.held.set(opened.held);
        Some(LetThrough { plan: opened.run, extent })
    }

    fn decide(&self, snapshot: &Snapshot, proposal: &Proposal) -> Decision {
        match self.show_and_ask(snapshot, proposal) {
            Ok(decision) => decision,
            Err(failure) => {
                let _ = self.unshown.set(failure);
                Decision::Leave
            }
        }
    }
}

impl Terminal<'_> {
    fn held(&self) -> &[HeldPart] {
        self.held.get().map_or(&[], Vec::as_slice)
    }

    fn show_and_ask(&self, snapshot: &Snapshot, proposal: &Proposal) -> Result<Decision, Failure> {
        let plan = &proposal.plan;
        if proposal.reviewed {
            unreviewed(&self.hides.changes(&proposal.unreviewed));
        } else if self.args.output == TextOrJson::Text && (self.held().is_empty() || !plan.changes.is_empty()) {
            // The outcome as JSON has stdout for itself; and where all of it is held, it is not so that nothing changes.
            let (origins, told, forecast) = (ChangeOrigins::of(snapshot), Some(&snapshot.world.memory().told), forecast(snapshot, plan));
            if self.hides.anything() {
                let review = review::of_plan(ReviewSide { plan, explain: &origins, policy: &snapshot.policy, held: &[] });
                reviewed::write(&[], review, &self.hides, ShownWith { full: self.args.full, told, forecast: &forecast })?;
            } else {
                let lines = Some(&origins as &dyn Lines);
                let (width, left_out, full) = (report::width(), proposal.left_out, self.args.full);
                show(plan, Format::Text, ViewOptions { width, left_out, full, lines, told, forecast: &forecast })?;
            }
        }
        if let Some(words) = held::words("Held, and not run:", self.held()) {
            notice(words);
        }
        Ok(if !plan.applyable() || self.approved || ask()? { Decision::Run } else { Decision::Leave })
    }
}

/// The first interrupt lets what was sent come back; whoever insists ends the process, and the journal knows what was sent.
async fn interrupts(stop: CancellationToken) {
    loop {
        asked_to_stop().await;
        if stop.is_cancelled() {
            std::process::exit(INTERRUPTED);
        }
        stop.cancel();
        above(|| notice("stopping: waiting for what was sent; interrupt again to leave at once"));
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

fn exit(ending: &Ending, parts: &[HeldPart]) -> Exit {
    let (report, proposal) = (&ending.report, &ending.proposal);
    if !report.complete() && !report.outcomes.values().any(|outcome| outcome.holds()) {
        return Exit::Error;
    }
    let undone = (!report.complete()).then_some(Remainder::Undone);
    let stale = (!proposal.unreviewed.is_empty()).then_some(Remainder::Stale);
    remainder::exit([undone, stale, Remainder::of_parts(parts)].into_iter().flatten().chain(Remainder::of_plan(&proposal.plan)))
}

/// Largest plan file: a hundred million bytes are half a million changes.
const MAX_PLAN: u64 = 1 << 30;

fn read_saved(path: &Path) -> Result<Plan, Failure> {
    let text = files::read_text(path, MAX_PLAN).map_err(|error| Failure::file("read the plan", path, error))?;
    read_plan(&text).map_err(|error| Failure::because(format!("can't use the plan {}", path.display()), &error))
}

/// Fewer digits could be met by another plan that somebody made for it.
const LEAST_DIGITS: usize = 16;

/// Whoever approved a hash approved this file and no other: one from another run, or of another branch, does not run by it.
fn is_approved(saved: &Plan, approved: &str) -> Result<(), Failure> {
    let (hash, approved) = (saved.hash(), approved.trim().to_ascii_lowercase());
    if approved.len() < LEAST_DIGITS {
        return Err(Failure::usage(format!("--expect needs at least {LEAST_DIGITS} digits of the plan's hash")));
    }
    if hash.starts_with(&approved) {
        return Ok(());
    }
    let hint = "apply the file of the run that was approved, or plan again and have that approved";
    Err(Failure::new(format!("the plan's hash is {hash}, and {approved} was approved: nothing was run")).exit(Exit::Stale).hint(hint))
}

fn not_reviewable(error: NotReviewable) -> Failure {
    let failure = Failure::from_error(&error);
    match error {
        NotReviewable::OtherWorkspace { .. } => failure.hint("name the manifests that it was made from with -f"),
        NotReviewable::NotYet { .. } => failure.exit(Exit::Stale).hint("make a plan for today: `headcount plan --out FILE`"),
    }
}

fn failure(error: ReconcileError, store: &dyn state::Store) -> Failure {
    match error {
        ReconcileError::State(error) => state_failure(&error),
        ReconcileError::Journal(error) => broken(error, store),
        ReconcileError::Stopped => Failure::from_error(&error),
        ReconcileError::Restored(_) => {
            let hint =
                "if that is meant, say so: headcount state accept-restore --reason TEXT; else put a newer copy back (headcount state push)";
            Failure::from_error(&error).exit(Exit::Stale).hint(hint)
        }
        ReconcileError::Clock(_) => {
            let hint =
                "set the clock right (NTP); if it is right, and was ahead before, say so: headcount state accept-clock --reason TEXT";
            Failure::from_error(&error).exit(Exit::Stale).hint(hint)
        }
        ReconcileError::Stale { .. } => {
            let hint = "plan again and review it, or leave out --exact to run what both hold";
            Failure::from_error(&error).exit(Exit::Stale).hint(hint)
        }
    }
}

/// What is needed now and nobody reviewed.
fn unreviewed(new: &[Change]) {
    if new.is_empty() {
        return;
    }
    notice(format_args!("Not in the reviewed plan, and not run ({}):", new.len()));
    for change in new.iter().take(SHOWN) {
        notice(format_args!("  {}", headline(change)));
    }
    if new.len() > SHOWN {
        notice(format_args!("  … and {} more; `headcount plan` shows them", new.len() - SHOWN));
    }
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
