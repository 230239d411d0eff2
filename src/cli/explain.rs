//! `headcount explain`: where everything about one identity, group or account comes from, and what a plan would do about it now.

mod account;

pub(super) use account::{PREFIX, parts};

use std::io::Write;
use std::sync::Arc;

use jiff::civil::Date;

use super::Files;
use super::complete;
use super::output::TextOrJson;
use super::redact::Redact;
use super::report::{self, Exit, Failure};
use super::requests;
use super::session::Session;
use crate::model::{Change, ChangeId, Finding, Key, Plan, RehearsedChange, Severity};
use crate::pipeline::ChangeOrigins;
use crate::planning::explain::{GroupAnswer, PersonAnswer, Provenance};
use crate::render::style::{STRONG, paint};
use crate::render::{self, DisplayNames, explanation};

/// Show where each attribute, group and account of an identity comes from
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount explain jane.doe --target chat
  headcount explain group/sre
  headcount explain account/chat/jdoe              whose it is, and what adopts it if it is nobody's")]
pub struct ExplainArgs {
    /// A key (hr/10023, user/jane, group/sre), a record's key, a user name, an e-mail address or a Group's name; account/TARGET/NAME-OR-ID: whatever account that is
    #[arg(add = complete::explained())]
    identity: String,
    #[command(flatten)]
    files: Files,
    /// Only this target
    #[arg(long, value_name = "NAME", add = complete::targets())]
    target: Option<String>,
    /// As of this day (YYYY-MM-DD)
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// Show also what the parts of each expression came to
    #[arg(long)]
    trace: bool,
    /// How to show it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: TextOrJson,
    #[command(flatten)]
    redact: Redact,
}

pub fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    args.redact.allows_names("`headcount explain`")?;
    let session = Session::load(&args.files)?;
    if let Some(target) = &args.target {
        session.check_target(target)?;
    }
    let named = account::named(&args.identity)?;
    if let Some(named) = &named {
        named.check(args.target.as_deref(), |name| session.check_target(name))?;
    }
    let (snapshot, plan) = session.plan(args.as_of)?;
    let behind = ChangeOrigins::of(&snapshot);
    let provenance = behind.provenance();
    if let Some(group) = group(provenance, &args.identity) {
        of_group(&behind, &plan, &group, args)?;
        return Ok(ending(&plan));
    }
    if let Some(named) = named {
        account::tell(&behind, &plan, &named, args.output)?;
        return Ok(ending(&plan));
    }
    let answer = find(provenance, &plan, args)?;
    let wanted: Vec<ChangeId> = answer.changes.iter().filter(|change| change.runs()).filter_map(|change| place(&plan, change)).collect();
    let requests = requests::of(&snapshot, &plan, &wanted)?;
    match args.output {
        TextOrJson::Text => {
            text(&answer, &behind, args.trace)?;
            asked(&plan, &requests)?;
        }
        TextOrJson::Json => {
            report::result(format!("{:#}\n", answer.document(&requests)).as_bytes())?;
        }
    }
    Ok(ending(&plan))
}

/// What the changes ask of their targets, where those are spoken to in requests.
fn asked(plan: &Plan, requests: &[RehearsedChange]) -> Result<(), Failure> {
    if requests.is_empty() {
        return Ok(());
    }
    let mut out = report::stdout();
    writeln!(out, "\n{}", paint(STRONG, "Requests"))?;
    render::requests::write(plan, requests, &mut out)?;
    out.flush()?;
    Ok(())
}

/// Where a change of the plan stands in it.
fn place(plan: &Plan, change: &Change) -> Option<ChangeId> {
    let at = plan.changes.iter().position(|known| std::ptr::eq(known, change))?;
    u32::try_from(at).ok().map(ChangeId)
}

/// What could not be read may be missing here too. A guardrail is not this command's business.
fn ending(plan: &Plan) -> Exit {
    if plan.complete() { Exit::Done } else { Exit::Stale }
}

/// The key of a group: it itself, or the group's name where nobody is known by that.
fn group(provenance: &Provenance<'_>, text: &str) -> Option<Arc<str>> {
    if Key::is_group(text) {
        return Some(Arc::from(text));
    }
    let key = Key::group(text).text();
    let declared = provenance.has_group(&key) || provenance.made_by(&key).is_some();
    (declared && provenance.find(text).is_empty()).then_some(key)
}

fn of_group(behind: &ChangeOrigins<'_>, plan: &Plan, key: &str, args: &ExplainArgs) -> Result<(), Failure> {
    let provenance = behind.provenance();
    let answer = provenance.about_group(plan, key, args.target.as_deref()).ok_or_else(|| no_group(provenance, key))?;
    if args.output == TextOrJson::Json {
        return report::result(format!("{:#}\n", answer.document()).as_bytes());
    }
    let GroupAnswer { group, changes, findings } = answer;
    let mut out = report::stdout();
    explanation::write_group(&group, DisplayNames::known(behind), args.trace, report::width(), &mut out)?;
    write_changes(&changes, &findings, key, behind, &mut out)?;
    explanation::write_findings(&findings, report::width(), &mut out)?;
    out.flush()?;
    Ok(())
}

/// Why a key is no group's, with those that are meant.
fn no_group(provenance: &Provenance<'_>, key: &str) -> Failure {
    let Some(made) = provenance.made_by(key) else {
        return Failure::new(format!("no Group is declared as {key:?}"))
            .hint("name the key of a Group (group/sre); of one with a `forEach` with its value (group/department/sales)");
    };
    let failure = Failure::new(format!("{key} makes a group for each value that somebody has, and is none itself"));
    let mut names: Vec<&str> = made.iter().take(MADE).map(|(key, _)| key.as_ref()).collect();
    if names.is_empty() {
        return failure.hint("nobody has a value now: `headcount get people` shows what people have");
    }
    let more = format!("and {} more: headcount get groups", made.len() - names.len());
    names.extend((made.len() > MADE).then_some(more.as_str()));
    failure.hint(format!("name one of them: {}", names.join(", ")))
}

/// Groups of a `forEach` that are named before the rest is counted.
const MADE: usize = 6;

fn write_changes(
    changes: &[&Change],
    findings: &[&Finding],
    key: &str,
    behind: &ChangeOrigins<'_>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let heading = match changes.is_empty() {
        true if findings.iter().any(|finding| finding.severity == Severity::Incomplete) => "No changes in what could be read",
        true => "No changes in the plan",
        false => "Changes in the plan",
    };
    writeln!(out, "{}", paint(STRONG, heading))?;
    let names = DisplayNames::known(behind);
    changes.iter().try_for_each(|change| explanation::write_change(change, key, &names, report::width(), out))
}

fn find<'p>(provenance: &Provenance<'_>, plan: &'p Plan, args: &ExplainArgs) -> Result<PersonAnswer<'p>, Failure> {
    let name = &args.identity;
    match provenance.find(name).as_slice() {
        [] => Err(Failure::new(format!("nobody is known by {name:?}")).hint(
            "name a key such as hr/10023, a record's key, a user name or an e-mail address; of whoever is in no source any more \
             `headcount history --who NAME` tells what was done, and `headcount explain account/TARGET/NAME` whose an account is",
        )),
        [key] => provenance
            .about(plan, key, args.target.as_deref())
            .ok_or_else(|| Failure::new(format!("{key} can't be explained: no source and no User makes it exist"))),
        several => Err(Failure::new(format!("{name:?} may be any of {}", several.join(", "))).hint("name one of these keys")),
    }
}

fn text(answer: &PersonAnswer<'_>, behind: &ChangeOrigins<'_>, trace: bool) -> Result<(), Failure> {
    let PersonAnswer { explanation, changes, findings } = answer;
    let mut out = report::stdout();
    explanation::write(explanation, DisplayNames::known(behind), trace, report::width(), &mut out)?;
    writeln!(out)?;
    write_changes(changes, findings, &explanation.identity, behind, &mut out)?;
    explanation::write_findings(findings, report::width(), &mut out)?;
    out.flush()?;
    Ok(())
}
