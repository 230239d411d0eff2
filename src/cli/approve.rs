//! `headcount approve`: somebody's word about a plan that waits. What is approved was shown, by the hash that is recorded.
//!
//! Must never: take one plan for another, or let a word count that the journal does not have.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::sync::Arc;

use jiff::Timestamp;

use super::remote::RemotePlans;
use super::report::{self, Exit, Failure, notice};
use super::running::{self, Running, ServedPlace};
use super::session::{self, state_failure};
use super::who;
use crate::model::{Approval, Decided, Status};
use crate::policy::ApprovalPolicy;
use crate::render::status::told_at;
use crate::render::style::{RISK, STRONG, paint};
use crate::render::table::TextTable;
use crate::render::{self, ViewOptions, count, safe};
use crate::state::{Shelf, Store};
use crate::workspace::acts;
use crate::workspace::gates::{self, ApprovalStanding, WaitingPlan, standing};

/// Approve a plan that waits, or reject it; without a hash: list those that wait
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An approval is of this plan alone, counts once, and ends with it. Who you are is what HEADCOUNT_ACTOR says,
else the CI system, else the user: the state's own rights decide who may write it.

Examples:
  headcount approve                                what waits
  headcount approve 9be41c77 --reason HR-2291      shows the plan and asks
  headcount approve 9be41c77 --reject --reason 'these people stay'")]
pub struct ApproveArgs {
    /// The plan's hash, or its first 8 digits and more [default: list what waits]
    #[arg(value_name = "HASH")]
    hash: Option<String>,
    #[command(flatten)]
    place: ServedPlace,
    /// Why: for the journal, and for whoever reads it later
    #[arg(long, value_name = "TEXT", requires = "hash")]
    reason: Option<String>,
    /// It must not run, until you say otherwise by approving it
    #[arg(long, requires = "hash")]
    reject: bool,
    /// Don't ask. Without a terminal this is needed
    #[arg(long, requires = "hash")]
    yes: bool,
}

/// Fewer digits could be met by another plan.
const LEAST_DIGITS: usize = 8;
/// Nobody types more before the line ends.
const MAX_ANSWER: u64 = 4096;

pub fn run(args: &ApproveArgs) -> Result<Exit, Failure> {
    let from_stdin = args.place.place.files.files.iter().any(|path| path.as_os_str() == "-");
    if args.hash.is_some() && !args.yes && (from_stdin || !std::io::stdin().is_terminal()) {
        return Err(Failure::usage("there is no terminal to ask on").hint("pass --yes"));
    }
    let running = Running::served(&args.place)?;
    session::run(async {
        let waits = Waits::of(&running).await?;
        match &args.hash {
            None => list(&running, &waits),
            Some(hash) => said(args, hash, &running, &waits).await,
        }
    })?
}

/// Plans that wait, what was said of plans, and by which rules they are let through.
struct Waits {
    plans: Vec<WaitingPlan>,
    said: Vec<Approval>,
    rules: Vec<(Arc<str>, ApprovalPolicy)>,
}

impl Waits {
    async fn of(running: &Running) -> Result<Self, Failure> {
        if let Some(remote) = &running.remote {
            let RemotePlans { waiting, said, rules } = remote.plans().await?;
            return Ok(Self { plans: waiting, said, rules });
        }
        let store = running.look().await?;
        let plans = waiting(store.as_ref()).await?;
        let said = running::all(Shelf::Approvals, store.as_ref()).await?.into_iter().map(|(_, approval)| approval).collect();
        let rules = running.policy.targets.iter().filter_map(|target| Some((target.name.clone(), target.gates.approval.clone()?)));
        Ok(Self { plans, said, rules: rules.collect() })
    }

    /// Nothing where these manifests don't say it.
    fn rule(&self, plan: &WaitingPlan) -> Option<&ApprovalPolicy> {
        self.rules.iter().find(|(target, _)| *target == plan.target).map(|(_, rule)| rule)
    }
}

async fn waiting(store: &dyn Store) -> Result<Vec<WaitingPlan>, Failure> {
    let plans: Vec<WaitingPlan> = running::all(Shelf::Plans, store).await?.into_iter().map(|(_, plan)| plan).collect();
    let told: Vec<(Arc<str>, Status)> = running::all(Shelf::Status, store).await?;
    Ok(acts::now_waiting(plans, told.first().map(|(_, status)| status)))
}

fn list(running: &Running, waits: &Waits) -> Result<Exit, Failure> {
    let (waiting, now) = (&waits.plans, Timestamp::now());
    if waiting.is_empty() {
        return report::result(b"No plan waits for an approval.\n").map(|()| Exit::Done);
    }
    let rows = waiting.iter().map(|plan| {
        let since = told_at(plan.since, now, running.zone());
        let approved = approved(plan, waits, now).unwrap_or_default();
        vec![short(&plan.hash), plan.target.to_string(), plan.pending().sum().to_string(), approved, since].into()
    });
    let mut text = Vec::new();
    TextTable { heads: vec!["PLAN", "TARGET", "CHANGES", "APPROVED", "SINCE"], rows: rows.collect() }.write(report::screen(), &mut text)?;
    writeln!(text, "Next: headcount approve {}{}", waiting.first().map(|plan| short(&plan.hash)).unwrap_or_default(), running.files)?;
    report::result(&text)?;
    Ok(Exit::Done)
}

async fn said(args: &ApproveArgs, hash: &str, running: &Running, waits: &Waits) -> Result<Exit, Failure> {
    let plan = find(&waits.plans, hash, running)?;
    let reason = args.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned);
    let word = Approval {
        plan: plan.hash.clone(),
        decision: if args.reject { Decided::Reject } else { Decided::Approve },
        approver: who::person(),
        reason,
        at: Timestamp::now(),
        expires: None,
        targets: Vec::new(),
        document: None,
        used: None,
    };
    report::result(&shown(plan, waits, running, word.at)?)?;
    let outlook = outlook(plan, waits, &word);
    if let Some(warning) = outlook.as_ref().filter(|_| !args.reject && !args.yes) {
        notice(format_args!("{}", paint(RISK, warning)));
    }
    if !args.yes && !ask(args.reject)? {
        notice("Nothing was said about it.");
        return Ok(Exit::Error);
    }
    let word = record(word, plan, running).await?;
    // The server knows who holds the token.
    let outlook = self::outlook(plan, waits, &word);
    let short = short(&plan.hash);
    let words = match args.reject {
        true => format!("Plan {short} is rejected by {}: it does not run until you approve it, or it is another plan.", word.approver),
        false => {
            let then = outlook.unwrap_or_else(|| match waits.rule(plan) {
                Some(_) => "It runs once, as far as it is still needed then.".to_owned(),
                None => "It runs once, when as many approved it as its Target asks for.".to_owned(),
            });
            let status = running.told().await?;
            format!("Plan {short} is approved by {}. {then} {}", word.approver, running::heard(running, status.as_ref(), word.at))
        }
    };
    report::result(format!("{}\n", safe::line(&words)).as_bytes())?;
    Ok(Exit::Done)
}

/// With its line in the journal, if it waits still: while somebody read it, it may have become another.
async fn record(word: Approval, plan: &WaitingPlan, running: &Running) -> Result<Approval, Failure> {
    if let Some(remote) = &running.remote {
        return remote.say(&plan.hash, word.decision, word.reason.as_deref()).await;
    }
    let store = running.open().await?;
    find(&waiting(store.as_ref()).await?, &plan.hash, running)?;
    acts::say(store.as_ref(), &word, plan).await.map_err(|error| state_failure(&error))?;
    Ok(word)
}

/// The one plan that is meant.
fn find<'p>(waiting: &'p [WaitingPlan], hash: &str, running: &Running) -> Result<&'p WaitingPlan, Failure> {
    let hash = hash.trim().to_ascii_lowercase();
    if hash.len() < LEAST_DIGITS || !hash.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(
            Failure::usage(format!("{hash:?} is no hash of a plan: it takes at least {LEAST_DIGITS} of its digits")).hint(those(waiting))
        );
    }
    let mut meant = waiting.iter().filter(|plan| plan.hash.starts_with(hash.as_str()));
    match (meant.next(), meant.next()) {
        (Some(plan), None) => Ok(plan),
        (None, _) => {
            let message = format!("no plan {hash} waits for an approval: it ran, is not needed any more, or is another one by now");
            let status = format!("headcount status{}", running.files);
            Err(Failure::new(message).exit(Exit::Stale).hint(format!("{}; `{status}` tells how things stand", those(waiting))))
        }
        (Some(_), Some(_)) => Err(Failure::usage(format!("several plans begin with {hash}")).hint(those(waiting))),
    }
}

/// Those that wait, for whoever named another one.
fn those(waiting: &[WaitingPlan]) -> String {
    let one = |plan: &WaitingPlan| format!("{} at {} ({})", plan.hash, plan.target, count(plan.pending().sum(), "change"));
    match waiting {
        [] => "none waits".to_owned(),
        waiting => format!("these wait:\n  {}", waiting.iter().map(one).collect::<Vec<_>>().join("\n  ")),
    }
}

/// The plan as everybody sees plans, with what is risky first, and what was said of it.
fn shown(plan: &WaitingPlan, waits: &Waits, running: &Running, now: Timestamp) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let at = |at| told_at(at, now, running.zone());
    let title = format!("Plan {} at {}", short(&plan.hash), plan.target);
    let many = count(plan.pending().sum(), "change");
    writeln!(text, "{}: {many}, waits since {}", paint(STRONG, safe::line(&title)), at(plan.since))?;
    writeln!(text, "  hash        {}", safe::line(&plan.hash))?;
    if !plan.authors.is_empty() {
        let alone = waits.rule(plan).filter(|rule| rule.not_author).map_or("", |_| "; they may not be the only ones who approve it");
        writeln!(text, "  written by  {}{alone}", safe::line(&plan.authors.join(", ")))?;
    }
    if let Some(approved) = approved(plan, waits, now) {
        writeln!(text, "  approvals   {}", safe::line(&approved))?;
    }
    for word in waits.said.iter().filter(|word| word.plan == plan.hash) {
        let what = if word.decision == Decided::Reject { "rejected" } else { "approved" };
        let reason = word.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        writeln!(text, "  {what} by {}", safe::line(&format!("{} at {}{reason}", word.approver, at(word.at))))?;
    }
    writeln!(text)?;
    render::write_risks_first(&plan.plan, ViewOptions { full: true, ..ViewOptions::wide(report::width()) }, &mut text)?;
    Ok(text)
}

/// How many approved a plan of how many who have to, or who rejected it; nothing where these manifests don't say who has to.
fn approved(plan: &WaitingPlan, waits: &Waits, now: Timestamp) -> Option<String> {
    let rule = waits.rule(plan)?;
    let said = gates::said(plan, rule, &waits.said, now);
    let (yes, no): (Vec<&Approval>, Vec<&Approval>) = said.into_iter().partition(|word| word.decision == Decided::Approve);
    let names: Vec<&str> = no.iter().map(|word| word.approver.as_str()).collect();
    Some(if names.is_empty() {
        format!("{} of {}", yes.len().min(rule.count as usize), rule.count)
    } else {
        format!("rejected by {}", names.join(", "))
    })
}

/// What an approval leaves open; nothing where it is enough, or these manifests don't say what is.
fn outlook(plan: &WaitingPlan, waits: &Waits, word: &Approval) -> Option<String> {
    let rule = waits.rule(plan)?;
    let others = waits.said.iter().filter(|other| other.document.is_some() || other.approver != word.approver || other.plan != word.plan);
    let all: Vec<Approval> = others.chain([word]).cloned().collect();
    match standing(plan, rule, &all, word.at) {
        ApprovalStanding::Approved => None,
        ApprovalStanding::Rejected => Some("Somebody else rejected it: it does not run before they take that back.".to_owned()),
        ApprovalStanding::Wants { more, .. } => {
            Some(format!("It does not run yet: it takes {} after this one.", count(u64::from(more), "more approval")))
        }
        ApprovalStanding::AuthorsAlone => {
            Some("You wrote the revision that it is of: it does not run before somebody else approves it too.".to_owned())
        }
    }
}

fn short(hash: &Arc<str>) -> String {
    hash.chars().take(LEAST_DIGITS).collect()
}

/// Asks on the terminal. Only the whole word is a yes.
fn ask(reject: bool) -> Result<bool, Failure> {
    let mut out = anstream::stderr();
    write!(out, "\n{} this plan? Only \"yes\" does it: ", if reject { "Reject" } else { "Approve" })?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().take(MAX_ANSWER).read_line(&mut answer).map_err(|error| Failure::because("can't read the answer", &error))?;
    Ok(answer.trim() == "yes")
}
