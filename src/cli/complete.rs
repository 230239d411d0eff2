//! What a shell offers for a value: targets, people, formats, kinds, as the manifests and the state in reach have them.
//!
//! Must never: reach a system, print anything, or take long: whoever presses a key waits.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};

use super::output::FormatNames;
use super::{Files, manifests, session};
use crate::connector::registry;
use crate::manifest::catalog::catalog;
use crate::manifest::{self, Loaded};
use crate::model::{Key, Link, ObjectKind};
use crate::render::safe;
use crate::state;

/// Nobody reads more of them.
const MOST: usize = 200;
/// A state that is larger takes too long to look through.
const MAX_STATE: u64 = 16 << 20;

/// Names of Targets.
pub fn targets() -> ArgValueCandidates {
    ArgValueCandidates::new(|| loaded().targets.iter().map(|target| CompletionCandidate::new(target.name.to_string())).collect())
}

/// Keys of people: Users, and whoever has an account.
pub fn keys() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| beginning(current, known(&loaded(), false)))
}

/// Keys of people, and what their accounts are called.
pub fn people() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| beginning(current, known(&loaded(), true)))
}

/// What `explain` takes: what `--select` takes, and accounts at a target. Whose account it is, the state knows of those that are ours alone.
pub fn explained() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let loaded = loaded();
        let mut names = all_objects(&loaded);
        names.extend(known_accounts(&loaded).into_iter().map(|account| Arc::from(format!("{}{account}", crate::cli::explain::PREFIX))));
        beginning(current, names)
    })
}

/// Accounts at a target.
pub fn accounts() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| beginning(current, known_accounts(&loaded())))
}

/// Accounts at a target, as `TARGET/NAME`: the targets, and what is ours there.
fn known_accounts(loaded: &Loaded) -> BTreeSet<Arc<str>> {
    let stems = loaded.targets.iter().map(|target| Arc::from(format!("{}/", target.name)));
    let links = links(loaded).unwrap_or_default().into_iter().filter(|link| link.kind == ObjectKind::Account);
    stems.chain(links.filter_map(|link| Some(Arc::from(format!("{}/{}", link.target, link.name?))))).collect()
}

/// What `--select` takes: names and keys of accounts, and of groups.
pub fn objects() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| beginning(current, all_objects(&loaded())))
}

fn all_objects(loaded: &Loaded) -> BTreeSet<Arc<str>> {
    let groups = loaded.groups.iter().map(|group| Key::group(&group.name).text());
    groups.chain(known(loaded, true)).collect()
}

/// Names of personas.
pub fn personas() -> ArgValueCandidates {
    ArgValueCandidates::new(|| loaded().personas.iter().map(|persona| CompletionCandidate::new(persona.name.to_string())).collect())
}

/// Formats of `-o`, which may be followed by a file.
pub fn formats<F: FormatNames>() -> ArgValueCandidates {
    ArgValueCandidates::new(|| F::NAMES.iter().map(|(name, _)| CompletionCandidate::new(*name)).collect())
}

/// Kinds that have a schema.
pub fn kinds() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = manifest::schema().into_iter().map(|(name, _)| name.trim_end_matches(".json").to_owned());
        names.chain(["plan".to_owned()]).map(CompletionCandidate::new).collect()
    })
}

/// Names of Sources and Targets.
pub fn systems() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let loaded = loaded();
        let sources = loaded.sources.iter().map(|source| source.name.to_string());
        sources.chain(loaded.targets.iter().map(|target| target.name.to_string())).map(CompletionCandidate::new).collect()
    })
}

/// Names of connectors.
pub fn connectors() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let own = registry::describe();
        let catalog = catalog().keys().map(ToString::to_string);
        own.iter().map(|known| known.name.to_owned()).chain(catalog).map(CompletionCandidate::new).collect()
    })
}

fn beginning(current: &OsStr, keys: BTreeSet<Arc<str>>) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    // A shell would take a blank or a quote in a name apart.
    let plain = |key: &str| key.chars().all(|letter| letter.is_alphanumeric() || "/._-@+:".contains(letter)) && *safe::line(key) == *key;
    let fits = keys.into_iter().filter(|key| key.starts_with(current.as_ref()) && plain(key));
    fits.take(MOST).map(|key| CompletionCandidate::new(key.as_ref())).collect()
}

/// The manifests that the line names, whatever is wrong with them.
fn loaded() -> Loaded {
    let Ok((inputs, _)) = manifests::inputs(&files()) else { return Loaded::default() };
    manifest::load(&inputs).0
}

/// What `-f` names on the line that is being written. Stdin is not read.
fn files() -> Files {
    let words: Vec<_> = std::env::args_os().collect();
    let mut files = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let Some(word) = word.to_str() else { continue };
        match word {
            "-f" | "--file" => files.extend(words.get(at + 1).map(PathBuf::from)),
            word => files.extend(word.strip_prefix("--file=").map(PathBuf::from)),
        }
    }
    files.retain(|path| path.as_os_str() != "-" && path.exists());
    Files { files }
}

/// Keys of Users and of whoever has an account by us, and on demand the names of those.
fn known(loaded: &Loaded, names: bool) -> BTreeSet<Arc<str>> {
    let users = loaded.users.iter().map(|user| Key::user(&user.name).text());
    let links = links(loaded).unwrap_or_default().into_iter().filter(|link| link.kind == ObjectKind::Account);
    users.chain(links.flat_map(|link| [Some(link.key), link.name.filter(|_| names)]).flatten()).collect()
}

/// What earlier runs made or took over.
fn links(loaded: &Loaded) -> Option<Vec<Link>> {
    // Whoever presses a key waits for no network.
    let place = session::state_place(loaded, &files());
    let path = place.file()?;
    if path.metadata().ok()?.len() > MAX_STATE {
        return None;
    }
    session::run(async { Some(state::look(path).await.ok()??.load().await.ok()?.links) }).ok()?
}
