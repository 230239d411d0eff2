//! `headcount get`: who has what, as the live systems say it now. Reads, and changes nothing.
//!
//! Must never: show a list that may be short as if it were whole.

mod accounts;
mod groups;
mod labels;
mod people;
mod targets;

use std::sync::Arc;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::json;

use super::Files;
use super::complete;
use super::redact::Redact;
use super::remote::{RemoteWorkspace, ServerArgs};
use super::report::{self, Exit, Failure};
use super::selection::Selection;
use super::session::{self, Session};
use crate::diagnostic::nearest;
use crate::manifest;
use crate::model::{Finding, Severity, SystemRole};
use crate::pipeline::ChangeOrigins;
use crate::pipeline::matches;
use crate::planning::explain::Inventory;
use crate::render::table::TextTable;
use labels::{LabelSelector, Labels};

/// Read the live systems and list people, accounts, groups or targets: who has what
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount get people                             everybody, and where they have an account
  headcount get people jane.doe -o wide            with groups and entitlements
  headcount get accounts --target chat             whose each account is
  headcount get groups -l team=ops -o json")]
pub struct GetArgs {
    /// What to list
    #[arg(value_enum)]
    what: Listed,
    /// Only these: names, keys or ids, * standing for anything
    #[arg(value_name = "NAME", add = complete::objects())]
    names: Vec<String>,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    selection: Selection,
    /// Only what a User, Group or Target with these labels declares: KEY=VALUE, KEY!=VALUE, KEY; several separated by commas
    #[arg(short = 'l', long, value_name = "LABELS", value_parser = labels::parse, conflicts_with = "server")]
    labels: Option<LabelSelector>,
    /// How to show it; name: one key a line, as other commands take it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Form,
    #[command(flatten)]
    redact: Redact,
}

/// What there is to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Listed {
    #[value(alias = "person")]
    People,
    #[value(alias = "account")]
    Accounts,
    #[value(alias = "group")]
    Groups,
    #[value(alias = "target")]
    Targets,
}

/// How lists are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    #[default]
    Text,
    Wide,
    Name,
    Json,
    Yaml,
}

/// A row of a list.
trait Row: Serialize {
    /// What the list is called in JSON.
    const LIST: &'static str;
    /// One of them, in words.
    const ONE: &'static str;
    /// Where it is.
    fn is_at(&self, targets: &[String]) -> bool;
    /// What somebody may call it by.
    fn names(&self) -> Vec<&str>;
    /// As other commands take it.
    fn key(&self) -> Arc<str>;
    /// The document that its labels are of.
    fn declared_by(&self) -> Option<Arc<str>>;
    /// As a table.
    fn table(rows: &[&Self], wide: bool) -> TextTable;
}

pub fn run(args: &GetArgs) -> Result<Exit, Failure> {
    match args.what {
        Listed::People => args.redact.allows_names("`headcount get people`")?,
        Listed::Accounts => args.redact.allows_names("`headcount get accounts`")?,
        // Groups and numbers are told at every level.
        Listed::Groups | Listed::Targets => {}
    }
    if let Some(remote) = args.server.remote()? {
        return session::run(from_server(args, &remote))?;
    }
    let session = Session::load(&args.files)?;
    args.selection.check(&session)?;
    let labels = Labels::of(&session.loaded);
    let (snapshot, plan) = session.plan(None)?;
    let inventory = ChangeOrigins::of(&snapshot).provenance().inventory();
    let names: Vec<Arc<str>> = snapshot.policy.targets.iter().map(|target| target.name.clone()).collect();
    let unread = unread(&plan.findings, &names, args);
    listed(args, inventory, &labels, &unread)
}

/// What a server knows, shown the same way.
async fn from_server(args: &GetArgs, remote: &RemoteWorkspace) -> Result<Exit, Failure> {
    let systems = remote.status().await?.systems;
    let names: Vec<Arc<str>> = systems.into_iter().filter(|system| system.role == SystemRole::Target).map(|system| system.name).collect();
    if let Some(name) = args.selection.target.iter().find(|name| !names.iter().any(|known| **known == ***name)) {
        return Err(Failure::usage(format!("there is no target {name:?}")).hint(format!("there are: {}", names.join(", "))));
    }
    let mut inventory = Inventory::default();
    let findings = match args.what {
        Listed::People => remote.listed("people", &mut inventory.people).await?,
        Listed::Accounts => remote.listed("accounts", &mut inventory.accounts).await?,
        Listed::Groups => remote.listed("groups", &mut inventory.groups).await?,
        Listed::Targets => remote.listed("targets", &mut inventory.targets).await?,
    };
    inventory.sort();
    listed(args, inventory, &Labels::default(), &unread(&findings, &names, args))
}

fn listed(args: &GetArgs, inventory: Inventory, labels: &Labels, unread: &[&str]) -> Result<Exit, Failure> {
    let Inventory { people, accounts, groups, targets } = inventory;
    match args.what {
        Listed::People => show(args, &people, labels, unread)?,
        Listed::Accounts => show(args, &accounts::holding(accounts, &people), labels, unread)?,
        Listed::Groups => show(args, &groups, labels, unread)?,
        Listed::Targets => show(args, &targets, labels, unread)?,
    }
    Ok(if unread.is_empty() { Exit::Done } else { Exit::Stale })
}

/// Why a list may be short: of the targets that are listed, and of whatever people come from.
fn unread<'p>(findings: &'p [Finding], targets: &[Arc<str>], args: &GetArgs) -> Vec<&'p str> {
    let asked = &args.selection.target;
    let elsewhere =
        |system: &Arc<str>| !asked.is_empty() && targets.contains(system) && !asked.iter().any(|name| name.as_str() == system.as_ref());
    let of = |finding: &&Finding| finding.severity == Severity::Incomplete && !finding.subject.system.as_ref().is_some_and(elsewhere);
    findings.iter().filter(of).map(|finding| finding.message.as_ref()).collect()
}

fn show<R: Row>(args: &GetArgs, all: &[R], labels: &Labels, unread: &[&str]) -> Result<(), Failure> {
    let is_called = |row: &R, patterns: &[String]| {
        patterns.is_empty() || patterns.iter().any(|pattern| row.names().iter().any(|name| matches(pattern, name)))
    };
    let labelled = |row: &R| args.labels.as_ref().is_none_or(|wanted| wanted.fits(labels.of_document(row.declared_by().as_deref())));
    let here: Vec<&R> = all.iter().filter(|row| row.is_at(&args.selection.target) && labelled(row)).collect();
    for name in &args.names {
        if !here.iter().any(|row| is_called(row, std::slice::from_ref(name))) {
            return Err(nobody::<R>(name, &here, unread));
        }
    }
    let rows: Vec<&R> = here.into_iter().filter(|row| is_called(row, &args.names) && is_called(row, &args.selection.select)).collect();
    let document = || json!({"formatVersion": 1, "complete": unread.is_empty(), R::LIST: rows});
    let mut out = report::stdout();
    match args.output {
        Form::Json => writeln(&mut out, &format!("{:#}", document()))?,
        Form::Yaml => writeln(&mut out, manifest::yaml(&document()).trim_end())?,
        Form::Name => rows.iter().try_for_each(|row| writeln(&mut out, &row.key()))?,
        Form::Text | Form::Wide if rows.is_empty() => writeln(&mut out, &format!("No {}.", R::LIST))?,
        form => R::table(&rows, form == Form::Wide).write(report::screen(), &mut out)?,
    }
    if matches!(args.output, Form::Text | Form::Wide) {
        unread.iter().try_for_each(|words| report::not_read(words, &mut out))?;
    }
    std::io::Write::flush(&mut out)?;
    Ok(())
}

fn writeln(out: &mut impl std::io::Write, words: &str) -> std::io::Result<()> {
    writeln!(out, "{words}")
}

/// A name that nothing has is a slip, or was not read.
fn nobody<R: Row>(name: &str, rows: &[&R], unread: &[&str]) -> Failure {
    let failure = Failure::new(format!("no {} is called {name:?}", R::ONE));
    let names: Vec<&str> = rows.iter().flat_map(|row| row.names()).collect();
    match (nearest(name, names.iter().copied()), unread) {
        (_, [first, ..]) => failure.hint(format!("not all of it was read: {first}")).exit(Exit::Stale),
        (Some(near), []) => failure.hint(format!("did you mean {near:?}?")),
        (None, []) => failure.hint(format!("`headcount get {}` lists them", R::LIST)),
    }
}

/// Names in a row.
fn list(names: &[Arc<str>]) -> String {
    names.join(", ")
}
