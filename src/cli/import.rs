//! `headcount import`: manifests for what exists at a target, in files as people write them. The plan right after has nothing but what it takes over.
//!
//! Must never: change what is written already, write half of a list, or ask what it can find out.

mod place;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;

use super::report::{self, Exit, Failure};
use super::session::{self, Session};
use super::{Files, complete, manifests};
use crate::import::{Import, ImportRequest, Kind, make};
use crate::manifest::{Editor, ManifestEdit, ManifestInput, WrittenValue};
use crate::model::{Action, Change, ObjectKind, Plan, Value};
use crate::pipeline::{self, HearNothing, Snapshot, matches};
use crate::planning::{Existing, Scope, existing};
use place::Files as Placed;

/// Write manifests for what exists at a target
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount import chat --dry-run               show what would be written
  headcount import chat                         groups, entitlements, accounts without a record
  headcount import chat --groups 'Sales*' --guess none
  headcount import chat eve.temp                just this one

What is declared already is left as it is: run it again, and only what is new is added.")]
pub struct ImportArgs {
    /// The Target
    #[arg(value_name = "TARGET", add = complete::targets())]
    target: String,
    /// Only what is called so at the target, * standing for anything [default: everything]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    files: Files,
    /// Only groups that are called so, * standing for anything; repeatable
    #[arg(long, value_name = "PATTERN")]
    groups: Vec<String>,
    /// Only this kind; repeatable
    #[arg(long, value_name = "KIND", value_enum)]
    kind: Vec<KindName>,
    /// Rules that cover exactly today's members, or everybody by name
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    guess: Guess,
    /// Where to write [default: beside the other manifests]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write nothing; show the documents
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KindName {
    Group,
    User,
    Entitlement,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Guess {
    /// a rule where it is a proof on today's data
    #[default]
    Exact,
    /// no rules
    None,
}

/// Times that what changed something is said by name instead.
const ROUNDS: usize = 3;

pub fn run(args: &ImportArgs) -> Result<Exit, Failure> {
    let (inputs, _) = manifests::inputs(&args.files)?;
    if !inputs.iter().all(|input| matches!(input, ManifestInput::Path(_))) {
        return Err(Failure::usage("standard input can't be written to").hint("name the folder of the manifests with -f"));
    }
    let session = Session::load(&args.files)?;
    check(&session, &args.target)?;
    let mut files = Placed::new(&inputs, args.out.as_deref())?;
    let session = with_groups(session, args, &mut files)?;
    let found = session::run(work(session, args, files))??;
    if !found.existing.unread.is_empty() {
        found.existing.unread.iter().for_each(|reason| report::notice(format_args!("{}: {reason}", args.target)));
        return Err(Failure::new(format!("nothing was written: not all of {} was read", args.target)).exit(Exit::Stale));
    }
    if !args.dry_run {
        found.files.write()?;
    }
    told::tell(args, &found)?;
    Ok(Exit::Done)
}

/// What was found and made.
struct Found {
    existing: Existing,
    import: Import,
    files: Placed,
    /// changes that come with the new manifests, besides taking over
    changes: Vec<Change>,
    taken_over: [usize; 2],
}

fn check(session: &Session, target: &str) -> Result<(), Failure> {
    if session.policy.sources.iter().any(|source| source.name.as_ref() == target) && session.check_target(target).is_err() {
        let hint = "people come from a Source as they are and need no manifests; name a Target";
        return Err(Failure::usage(format!("{target} is a Source: there is nothing to write for it")).hint(hint));
    }
    session.check_target(target)
}

/// A target that leaves its groups alone gets `groups: {}`, so that they are read, and declared ones are its own.
fn with_groups(session: Session, args: &ImportArgs, files: &mut Placed) -> Result<Session, Failure> {
    let document = session.loaded.targets.iter().find(|target| target.name.as_ref() == args.target);
    let wants_groups = args.kind.is_empty() || args.kind.contains(&KindName::Group);
    let Some(document) = document.filter(|document| document.spec.groups.is_none() && wants_groups) else { return Ok(session) };
    let put = ManifestEdit::Put { at: "/spec".into(), key: "groups".into(), value: WrittenValue::beside(serde_json::json!({})) };
    let text = session.loaded.texts.get(document.origin.text).map_or("", |text| text);
    let mut editor = Editor::new(document.origin.file.clone(), text);
    let number = editor.beginning_at(document.origin.start).unwrap_or(usize::MAX);
    editor.edit(number, &put).map_err(|refused| Failure::new(refused.to_string()).hint("write `groups: {}` into the Target's spec"))?;
    files.change(document.origin.file.clone(), editor.into_text());
    let (loaded, policy, problems) = manifests::check_revision(files.revision());
    let policy = policy.ok_or_else(|| Failure::Manifests(problems, report::Texts::default()))?;
    Ok(Session { loaded, policy, state: session.state })
}

async fn work(session: Session, args: &ImportArgs, files: Placed) -> Result<Found, Failure> {
    let taken = taken(&session);
    let called = session.loaded.groups.iter().map(|group| group.spec.display_name.clone()).collect();
    let target = session.policy.targets.iter().position(|target| target.name.as_ref() == args.target).unwrap_or(usize::MAX);
    let (mut snapshot, before) = session.planned(None).await?;
    let existing = existing(&snapshot.policy, &snapshot.world, snapshot.moment, target);
    let wanted = ImportRequest {
        target: args.target.clone(),
        guess: args.guess == Guess::Exact,
        kinds: args.kind.iter().map(|kind| kind.meant()).collect(),
        names: args.names.clone(),
        groups: args.groups.clone(),
        taken,
        called,
    };
    let mut listed = BTreeSet::new();
    let mut round = 0;
    loop {
        round += 1;
        let import = make(&existing, &wanted, &matches, &listed);
        let mut placed = files.clone();
        placed.add(&import.documents)?;
        let changes = if import.documents.is_empty() { Vec::new() } else { after(&mut snapshot, &before, &placed).await? };
        let about = |change: &&Change| change.target.as_ref() == args.target && change.object.kind == ObjectKind::Group;
        let guilty: BTreeSet<String> = changes
            .iter()
            .filter(|change| !only_takes_over(change))
            .flat_map(|change| {
                let group = Some(change).filter(about).map(|change| change.object.name.to_string());
                group.into_iter().chain(change.entitlement.as_ref().map(ToString::to_string))
            })
            .filter(|name| !listed.contains(name))
            .collect();
        if guilty.is_empty() || round >= ROUNDS {
            let (over, changes): (Vec<_>, Vec<_>) = changes.into_iter().partition(only_takes_over);
            let count = |kind| over.iter().filter(|change| change.object.kind == kind).count();
            let taken_over = [count(ObjectKind::Group), count(ObjectKind::Account)];
            return Ok(Found { existing, import, files: placed, changes, taken_over });
        }
        listed.extend(guilty);
    }
}

/// What the plan has with the new manifests and did not have before.
async fn after(snapshot: &mut Snapshot, before: &Plan, files: &Placed) -> Result<Vec<Change>, Failure> {
    let (_, policy, problems) = manifests::check_revision(files.revision());
    snapshot.policy = Arc::new(policy.ok_or_else(|| Failure::Manifests(problems, report::Texts::default()))?);
    let plan = pipeline::plan(snapshot, Scope::All, &HearNothing).await;
    let same = |one: &Change, other: &Change| {
        (&one.target, &one.object, one.action, &one.entitlement, &one.attributes, &one.members)
            == (&other.target, &other.object, other.action, &other.entitlement, &other.attributes, &other.members)
    };
    Ok(plan.changes.into_iter().filter(|change| !before.changes.iter().any(|known| same(known, change))).collect())
}

/// Nothing of the object changes but whose it is.
fn only_takes_over(change: &Change) -> bool {
    let is_mark = |value: &Option<Value>| value.as_ref().and_then(Value::as_text).is_some_and(|text| text.starts_with("hc:"));
    change.action == Action::Adopt && change.attributes.iter().all(|attribute| is_mark(&attribute.after))
}

fn taken(session: &Session) -> BTreeSet<(Kind, String)> {
    let loaded = &session.loaded;
    let groups = loaded.groups.iter().map(|group| (Kind::Group, group.name.to_string()));
    let users = loaded.users.iter().map(|user| (Kind::User, user.name.to_string()));
    let entitlements = loaded.entitlements.iter().map(|known| (Kind::Entitlement, known.name.to_string()));
    groups.chain(users).chain(entitlements).collect()
}

impl KindName {
    fn meant(self) -> Kind {
        match self {
            Self::Group => Kind::Group,
            Self::User => Kind::User,
            Self::Entitlement => Kind::Entitlement,
        }
    }
}

/// Texts by the names of their files.
type Texts = BTreeMap<Arc<str>, String>;
