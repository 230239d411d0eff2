//! `headcount drift`: what others changed at targets since the last run, with both ways out: the manifests follow, or the target does.
//!
//! Must never: change anything at a target, or call everything drift where there is nothing to compare with.

mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use super::output::{self, beneath};
use super::redact::{Hides, Redact};
use super::report::{self, Exit, Failure, notice};
use super::session::{self, Session};
use super::{Files, complete, manifests};
use crate::drift::{Adopted, Drift, Drifted, adopt, attribute, changed_objects, compare, revert};
use crate::manifest::{Loaded, Revision};
use crate::model::Plan;
use crate::pipeline::{Snapshot, last_changes, matches};
use crate::planning::left_behind;
use crate::render::patch::patch;
use crate::render::{Format, ViewOptions, count};
use crate::state::{self, StatePlace};
use crate::workspace::acts;

/// Show what others changed at targets since the last run
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount drift -f acme/
  headcount drift --adopt adopt.patch; git apply adopt.patch     the manifests follow
  headcount drift --revert revert.json; headcount apply revert.json
  headcount drift --only 1,5 --revert revert.json
  headcount drift --only target=chat,what=value,person=sofia.rossi
  headcount drift --seen                   new members and accounts that no manifest declares were looked at

Exit codes: 0 nothing was changed outside; 1 something was; 5 it can't be told")]
pub struct DriftArgs {
    #[command(flatten)]
    files: Files,
    /// Only this target; repeatable
    #[arg(long, value_name = "NAME", add = complete::targets())]
    target: Vec<String>,
    /// Only these, by number or by target=, what=, person=; commas between
    #[arg(long, value_name = "WHICH", value_delimiter = ',')]
    only: Vec<String>,
    /// Write a patch after which the manifests want what is there now
    #[arg(long, value_name = "FILE")]
    adopt: Option<PathBuf>,
    /// Write a plan that takes it back
    #[arg(long, value_name = "FILE")]
    revert: Option<PathBuf>,
    /// Adopt also what is to be looked at first
    #[arg(long, requires = "adopt")]
    include_risks: bool,
    /// What no manifest declares (new members of groups, new accounts) was looked at: a controller tells it no more
    #[arg(long)]
    seen: bool,
    /// How to show it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Form,
    #[command(flatten)]
    redact: Redact,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    #[default]
    Text,
    /// for one issue, which a job updates in place
    Markdown,
    Json,
}

pub fn run(args: &DriftArgs) -> Result<Exit, Failure> {
    let (inputs, _) = manifests::inputs(&args.files)?;
    let session = Session::load(&args.files)?;
    args.target.iter().try_for_each(|name| session.check_target(name))?;
    let (loaded, state) = (session.loaded.clone(), session.state.clone());
    let (snapshot, plan, mut compared) = session::run(look(session))??;
    if !args.target.is_empty() {
        let wanted = |name: &Arc<str>| args.target.iter().any(|target| target.as_str() == name.as_ref());
        compared.drifts.retain(|drift| wanted(&drift.target));
        compared.since.retain(|(target, _)| wanted(target));
        compared.unknown.retain(wanted);
    }
    if compared.since.is_empty() {
        let words = "there is nothing to compare with: no run has left anything here, or its state is not there";
        let hint = "`headcount apply` leaves what the next look compares with; it says also what a plan would change";
        return Err(Failure::new(words).hint(hint).exit(Exit::Stale));
    }
    let chosen = chosen(&args.only, &compared.drifts)?;
    let users = users_file(&loaded, &args.files);
    let before = texts(&inputs);
    let day = plan.as_of.to_string();
    let text = before.get(&users).map_or("", String::as_str);
    let picked: Vec<&Drift> = chosen.iter().filter_map(|at| compared.drifts.get(*at)).collect();
    let adopted = adopt(&loaded, &snapshot.policy, &picked, args.include_risks.then_some(day.as_str()), (&users, text));
    let folder = patched(&adopted, &args.files);
    let of_file = |(name, after): (&Arc<str>, &String)| {
        let file = folder.as_deref().and_then(|folder| beneath(name, folder)).unwrap_or_else(|| name.to_string());
        patch(&file, before.get(name).map(String::as_str), after)
    };
    let patch: String = adopted.files.iter().map(of_file).collect();
    if let Some(file) = &args.adopt {
        output::replace(file, |out| std::io::Write::write_all(out, patch.as_bytes()))?;
    }
    if let Some(file) = &args.revert {
        output::save(&revert(&plan, &picked), Format::Json, ViewOptions::wide(report::DEFAULT_WIDTH), file)?;
    }
    let apart = folder.filter(|folder| std::env::current_dir().ok().as_ref() != Some(folder));
    let hides = args.redact.hides(&plan.workspace)?;
    hides.drifts(&mut compared.drifts);
    let told = Told { compared: &compared, chosen: &chosen, adopted: &adopted, patch: &patch, apart, plan: &plan, hides: &hides };
    told::tell(args, &told)?;
    if args.seen {
        session::run(seen(args, &state, &plan.workspace))??;
    }
    Ok(match (compared.drifts.is_empty(), complete_look(&compared, &plan)) {
        (false, _) => Exit::DIFFERENT,
        (true, false) => Exit::Stale,
        (true, true) => Exit::Done,
    })
}

/// What there is to say.
struct Told<'a> {
    compared: &'a Drifted,
    /// positions of those that `--only` names
    chosen: &'a [usize],
    adopted: &'a Adopted,
    /// what adopts them
    patch: &'a str,
    /// the folder where that is applied, where it is not this one
    apart: Option<PathBuf>,
    plan: &'a Plan,
    /// who people are, where everybody reads along
    hides: &'a Hides,
}

async fn look(session: Session) -> Result<(Snapshot, Plan, Drifted), Failure> {
    let was = session.left_untold().await?;
    let (snapshot, plan) = session.planned(None).await?;
    let now = left_behind(&snapshot.policy, &snapshot.world, snapshot.moment);
    let mut compared = compare(&snapshot.policy, &snapshot.world, &plan, &was, &now);
    let told = last_changes(&snapshot, &changed_objects(&compared)).await;
    attribute(&mut compared, &told);
    Ok((snapshot, plan, compared))
}

async fn seen(args: &DriftArgs, state: &StatePlace, workspace: &str) -> Result<(), Failure> {
    let asked = |target: &str| args.target.is_empty() || args.target.iter().any(|name| name == target);
    let failed = |error| session::state_failure(&error);
    let store = state::open(state, workspace).await.map_err(failed)?;
    let many = acts::seen(store.as_ref(), asked).await.map_err(failed)?;
    notice(format!("{} noted as seen.", count(many as u64, "thing")));
    Ok(())
}

/// Whether every target was read to its end and has something to be compared with.
fn complete_look(compared: &Drifted, plan: &Plan) -> bool {
    compared.unknown.is_empty() && !plan.findings.iter().any(|finding| finding.severity == crate::model::Severity::Incomplete)
}

fn chosen(only: &[String], drifts: &[Drift]) -> Result<Vec<usize>, Failure> {
    let usage = |words: String| Failure::usage(words).hint("name numbers of the list, or target=NAME, what=WHAT, person=NAME");
    let mut numbers = Vec::new();
    let mut conditions: Vec<(&str, &str)> = Vec::new();
    for word in only {
        match (word.parse::<usize>(), word.split_once('=')) {
            (Ok(number), _) if (1..=drifts.len()).contains(&number) => numbers.push(number - 1),
            (Ok(number), _) => return Err(usage(format!("there is no number {number}: {} things were changed", drifts.len()))),
            (Err(_), Some((name @ ("target" | "what" | "person"), value))) => conditions.push((name, value)),
            _ => return Err(usage(format!("--only does not know `{word}`"))),
        }
    }
    let fits = |drift: &Drift| {
        conditions.iter().all(|(name, value)| match *name {
            "target" => matches(value, &drift.target),
            "what" => matches(value, drift.what.word()),
            _ => matches(value, &drift.name) || matches(value, &drift.key),
        })
    };
    let all = 0..drifts.len();
    Ok(all.filter(|at| (numbers.is_empty() || numbers.contains(at)) && drifts.get(*at).is_some_and(fits)).collect())
}

/// The file that most Users stand in, else one beside the Workspace.
fn users_file(loaded: &Loaded, files: &Files) -> Arc<str> {
    let mut counts: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
    loaded.users.iter().for_each(|user| *counts.entry(&user.origin.file).or_default() += 1);
    let most = counts.into_iter().max_by_key(|(_, count)| *count).map(|(file, _)| file.clone());
    most.unwrap_or_else(|| {
        let folder = files.files.first().filter(|path| path.is_dir()).cloned().unwrap_or_default();
        let path = folder.join("users.yaml");
        path.strip_prefix(".").unwrap_or(&path).to_string_lossy().into()
    })
}

/// The folder where a patch is applied: this one, and where a manifest lies elsewhere, the one that `-f` names. `git apply` takes no way out of it.
fn patched(adopted: &Adopted, files: &Files) -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    if adopted.files.keys().all(|name| beneath(name, &here).is_some()) {
        return Some(here);
    }
    let named = std::path::absolute(files.files.first()?).ok()?;
    if named.is_dir() { Some(named) } else { named.parent().map(Path::to_path_buf) }
}

fn texts(inputs: &[crate::manifest::ManifestInput]) -> BTreeMap<Arc<str>, String> {
    let revision = Revision::of(inputs);
    revision.texts.into_iter().map(|file| (file.name, String::from_utf8_lossy(&file.bytes).into_owned())).collect()
}
