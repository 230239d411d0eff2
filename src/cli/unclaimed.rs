//! `headcount plan --unclaimed`: what stands at a target and is nobody's, with the line that adopts it.
//!
//! Must never: say that all is claimed at a target that was not read whole.

use std::io::Write;
use std::sync::Arc;

use serde_json::json;

use super::Files;
use super::output::Output;
use super::report::{self, Exit, Failure};
use super::session::Session;
use crate::model::{ObjectKind, Plan, Severity};
use crate::planning::{Unclaimed, unclaimed};
use crate::render::style::{QUIET, STRONG, paint};
use crate::render::{Format, count, safe};

/// Reads, and lists what nobody claims at these targets, or at all of them.
pub fn run(files: &Files, targets: &[String], output: &Output) -> Result<Exit, Failure> {
    let form = form(output)?;
    let session = Session::load(files)?;
    targets.iter().try_for_each(|name| session.check_target(name))?;
    let (snapshot, plan) = session.plan(None)?;
    let wanted = |name: &Arc<str>| targets.is_empty() || targets.iter().any(|target| target.as_str() == name.as_ref());
    let mut found = unclaimed(&snapshot.policy, &snapshot.world, snapshot.moment);
    found.retain(|one| wanted(&one.target));
    let names: Vec<&Arc<str>> = snapshot.policy.targets.iter().map(|target| &target.name).filter(|name| wanted(name)).collect();
    let unread: Vec<&str> = names.iter().filter_map(|name| unread(&plan, name)).collect();
    match form {
        Format::Json => {
            let document = json!({"formatVersion": 1, "complete": unread.is_empty(), "unclaimed": found});
            report::result(format!("{document:#}\n").as_bytes())?;
        }
        _ => text(&names, &found, &unread)?,
    }
    Ok(if unread.is_empty() { Exit::Done } else { Exit::Stale })
}

fn form(output: &Output) -> Result<Format, Failure> {
    match output.output.as_slice() {
        [] => Ok(Format::Text),
        [view] if view.file.is_none() && matches!(view.format, Format::Text | Format::Json) => Ok(view.format),
        _ => Err(Failure::usage("--unclaimed is shown as text or json on standard output").hint("leave -o out, or pass `-o json`")),
    }
}

/// Why the list of a target may be short.
fn unread<'p>(plan: &'p Plan, target: &Arc<str>) -> Option<&'p str> {
    let of = |finding: &&crate::model::Finding| finding.severity == Severity::Incomplete && finding.subject.system.as_ref() == Some(target);
    plan.findings.iter().find(of).map(|finding| finding.message.as_ref())
}

fn text(targets: &[&Arc<str>], found: &[Unclaimed], unread: &[&str]) -> Result<(), Failure> {
    let mut out = report::stdout();
    for target in targets {
        let here: Vec<&Unclaimed> = found.iter().filter(|one| one.target == **target).collect();
        let of = |kind, word| count(here.iter().filter(|one| one.kind == kind).count() as u64, word);
        let counts = format!("{} and {} are nobody's", of(ObjectKind::Account, "account"), of(ObjectKind::Group, "group"));
        writeln!(out, "{}: {counts}", paint(STRONG, format_args!("Target {}", safe::line(target))))?;
        here.iter().try_for_each(|one| line(one, &mut out))?;
        writeln!(out)?;
    }
    unread.iter().try_for_each(|words| report::not_read(words, &mut out))?;
    out.flush()?;
    Ok(())
}

fn line(one: &Unclaimed, out: &mut impl Write) -> std::io::Result<()> {
    let kind = if one.kind == ObjectKind::Group { "group" } else { "account" };
    let inactive = if one.active == Some(false) { ", not active" } else { "" };
    writeln!(out, "  {kind} {} (id {}{inactive})", safe::line(&one.name), safe::line(&one.id))?;
    let words = answer(one.adopt.as_deref(), one.document, one.foreign);
    writeln!(out, "      {}", paint(QUIET, words))
}

/// What makes it somebody's, or why nothing does.
pub(super) fn answer(adopt: Option<&str>, document: Option<&str>, foreign: bool) -> String {
    match (adopt, document) {
        (Some(line), Some(document)) => format!("adopt it: {} in {document}", safe::line(line)),
        _ if foreign => "it can't be adopted: it has another program's mark".to_owned(),
        _ => "it can't be adopted: it is protected, or has no value to be found by".to_owned(),
    }
}
