//! From `--base`, `--head` and `-f` to the manifests of two revisions, loaded and compiled.
//!
//! Must never: take a base that can't be read for one that is empty, or let a file of this machine into the branch that the base does not name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Files;
use super::manifests;
use super::report::{self, Exit, Failure, Texts};
use crate::diagnostic::Diagnostic;
use crate::files::{self, plain};
use crate::git::{Beside, BranchHead, Compared, FoundManifests, GitError, GitTree, Overlay, Question, Repository};
use crate::manifest::kinds::LookupTable;
use crate::manifest::{Loaded, ManifestText, Revision, load_revision};
use crate::policy::Policy;
use crate::review;

/// Which revisions, as they are written.
pub struct Asked<'a> {
    pub files: &'a Files,
    pub base: Option<&'a str>,
    pub exact: bool,
    pub head: Option<&'a str>,
    pub git_dir: Option<&'a Path>,
    pub offline: bool,
}

/// The manifests of one revision.
pub struct RevisionManifests {
    pub loaded: Loaded,
    pub policy: Policy,
}

/// Both revisions.
pub struct Revisions {
    pub base: RevisionManifests,
    pub head: RevisionManifests,
    compared: Compared,
}

impl Revisions {
    /// Loads and compiles both. What is wrong with either is the failure; warnings of the head are printed.
    pub fn load(asked: &Asked<'_>) -> Result<Self, Failure> {
        let repository = repository(asked).map_err(|error| failed(&error))?;
        Trees::read(asked, &repository).map_err(|error| failed(&error))?.compile(&repository)
    }

    /// The base, as a review names it.
    pub fn base_named(&self) -> review::Revision {
        let base = &self.compared.base;
        let manifests_digest = review::intent::manifests_digest(&self.base.loaded);
        review::Revision { commit: Some(base.id.clone()), name: base.named.clone(), manifests_digest }
    }

    /// The head, as a review names it.
    pub fn head_named(&self) -> review::Revision {
        let (commit, name) = match &self.compared.head {
            BranchHead::Commit(commit) => (Some(commit.id.clone()), commit.named.clone()),
            BranchHead::WorkTree(_) => (None, "worktree".to_owned()),
        };
        review::Revision { commit, name, manifests_digest: review::intent::manifests_digest(&self.head.loaded) }
    }

    /// Whether the base has this workspace at all.
    pub fn is_new(&self) -> bool {
        self.base.loaded.workspace.is_none()
    }
}

fn repository(asked: &Asked<'_>) -> Result<Repository, GitError> {
    match asked.git_dir {
        Some(folder) => Repository::at(folder, asked.offline),
        None => Repository::around(asked.files.files.first().map_or(Path::new("."), PathBuf::as_path), asked.offline),
    }
}

/// What both revisions have below `-f`.
struct Trees {
    compared: Compared,
    names: Vec<String>,
    base: (Arc<GitTree>, FoundManifests),
    head: (Arc<GitTree>, FoundManifests),
}

impl Trees {
    fn read(asked: &Asked<'_>, repository: &Repository) -> Result<Self, GitError> {
        let here = [PathBuf::from(".")];
        let paths = if asked.files.files.is_empty() { &here[..] } else { &asked.files.files };
        if paths.iter().any(|path| path.as_os_str() == "-") {
            let what = "what comes on standard input is in no revision".to_owned();
            return Err(GitError::Usage { what, hint: "name folders or files of the repository with `-f`".to_owned() });
        }
        let names = paths.iter().map(|path| repository.name(path)).collect::<Result<Vec<_>, _>>()?;
        let committed = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        let compared = repository.compare(&Question { base: asked.base, exact: asked.exact, head: asked.head, committed })?;
        let of = |tree: GitTree| -> Result<_, GitError> {
            let found = tree.manifests(&names)?;
            Ok((Arc::new(tree), found))
        };
        let (base, head) = (of(repository.tree(&compared.base.id)?)?, of(repository.head_tree(&compared.head)?)?);
        Ok(Self { compared, names, base, head })
    }

    fn compile(self, repository: &Repository) -> Result<Revisions, Failure> {
        let Self { compared, names, base: (base_tree, base), head: (head_tree, head) } = self;
        let shown = |names: &[String]| {
            names.iter().map(|name| format!("`{}`", if name.is_empty() { "." } else { name })).collect::<Vec<_>>().join(", ")
        };
        if head.texts.is_empty() && head.problems.is_empty() {
            let message = format!("{} has no manifest in {}", compared.head.commit().named, shown(&names));
            return Err(Failure::usage(message)
                .hint("name the folder of the workspace with `-f`; where the branch moves it, name both: `-f OLD -f NEW`"));
        }
        let empty = base.texts.is_empty() && base.problems.is_empty();
        let roots = |found: &FoundManifests| names.iter().map(|name| root(repository, name, found)).collect();
        let overlay = Overlay::new(base_tree.clone(), Beside::AllBut(head_tree.clone()));
        let before = Side { what: format!("the base {} ({})", compared.base.named, short(&compared.base.id)), quiet: true };
        let (roots_of_base, roots_of_head) = (roots(&base), roots(&head));
        let base = if empty { None } else { Some(before.load(base, roots_of_base, overlay)?) };
        let named = base.as_ref().map(|base| named_on_this_machine(&base.loaded)).unwrap_or_default();
        let overlay = Overlay::new(head_tree, Beside::Only(named));
        let head =
            Side { what: format!("the branch {}", compared.head.commit().named), quiet: false }.load(head, roots_of_head, overlay)?;
        let base = match base {
            Some(base) => base,
            None => nothing_yet(&base_tree, &compared, &head)?,
        };
        if base.policy.workspace != head.policy.workspace {
            let message = format!("the branch changes the workspace's id from {} to {}", base.policy.workspace, head.policy.workspace);
            return Err(Failure::usage(message)
                .hint("it stands in the mark of every object that is headcount's: put it back, or name another folder with `-f`"));
        }
        Ok(Revisions { base, head, compared })
    }
}

/// The folder that a path of `-f` makes part of the workspace.
fn root(repository: &Repository, name: &str, found: &FoundManifests) -> PathBuf {
    let path = repository.root().join(name);
    let is_file = found.texts.iter().any(|text| text.name.as_ref() == name);
    if is_file { path.parent().map_or_else(PathBuf::new, Path::to_owned) } else { path }
}

/// One revision on its way.
struct Side {
    what: String,
    /// its warnings are not the branch's
    quiet: bool,
}

impl Side {
    fn load(&self, found: FoundManifests, roots: Vec<PathBuf>, overlay: Overlay) -> Result<RevisionManifests, Failure> {
        let texts = Texts::of(found.texts.iter().map(|text| (text.name.clone(), String::from_utf8_lossy(&text.bytes).into())));
        let files = files::NamedFiles::of(Arc::new(overlay));
        let (loaded, problems) =
            load_revision(Revision { texts: manifest_texts(found.texts), problems: found.problems, roots, files, before: None });
        let (loaded, policy, problems) = manifests::checked(loaded, problems);
        match policy {
            Some(policy) => {
                self.warn(&problems, &texts);
                Ok(RevisionManifests { loaded, policy })
            }
            None => {
                report::notice(format!("in {}:", self.what));
                Err(Failure::Manifests(problems, texts))
            }
        }
    }

    fn warn(&self, problems: &[Diagnostic], texts: &Texts) {
        if !self.quiet {
            report::diagnostics(problems, texts);
        }
    }
}

fn manifest_texts(texts: Vec<crate::git::TreeText>) -> Vec<ManifestText> {
    let text = |text: crate::git::TreeText| ManifestText { name: text.name, base: text.folder, bytes: text.bytes, found: text.found };
    texts.into_iter().map(text).collect()
}

/// Files that manifests name and that no revision has: exports, databases, keys.
fn named_on_this_machine(loaded: &Loaded) -> BTreeSet<PathBuf> {
    let connections = loaded.connections().flat_map(|(origin, connection)| {
        let files = connection.files().into_iter().map(|file| plain(&origin.base.join(file.value)));
        files.collect::<Vec<_>>()
    });
    let tables = loaded.workspace.iter().flat_map(|workspace| {
        let file = |table: &LookupTable| {
            if let LookupTable::File(file) = table { Some(plain(&workspace.origin.base.join(&file.path))) } else { None }
        };
        workspace.spec.tables.values().filter_map(file).collect::<Vec<_>>()
    });
    connections.chain(tables).filter(|path| !loaded.files.has(path)).collect()
}

/// A base that does not have the workspace: with no document, and whatever else as the head has it. One that only moved is not new.
fn nothing_yet(tree: &GitTree, compared: &Compared, head: &RevisionManifests) -> Result<RevisionManifests, Failure> {
    let everywhere = tree.manifests(&[String::new()]).map_err(|error| failed(&error))?;
    let moved = manifest_texts(everywhere.texts).into_iter().find_map(|text| {
        let name = text.name.clone();
        let (loaded, _) = load_revision(Revision { texts: vec![text], ..Revision::default() });
        loaded.workspace.filter(|workspace| workspace.spec.id == *head.policy.workspace).map(|_| name)
    });
    if let Some(file) = moved {
        let folder = file.rsplit_once('/').map_or(".", |(folder, _)| folder);
        let message = format!("at the base {} the workspace {} lies in `{folder}`", compared.base.named, head.policy.workspace);
        return Err(Failure::usage(message).hint(format!("name both, where it was and where it is: `-f {folder} -f NEW`")));
    }
    let mut policy = head.policy.clone();
    (policy.sources, policy.targets, policy.users) = Default::default();
    (policy.groups, policy.entitlements, policy.revocations) = Default::default();
    Ok(RevisionManifests { loaded: Loaded::default(), policy })
}

/// What git told, with the exit code that a missing history has.
fn failed(error: &GitError) -> Failure {
    let exit = match error {
        GitError::Missing { .. } => Exit::Stale,
        GitError::Usage { .. } | GitError::Outside { .. } | GitError::NoRepository { .. } | GitError::TooMuch { .. } => Exit::Usage,
        _ => Exit::Error,
    };
    let failure = Failure::from_error(error).exit(exit);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A commit as people write it.
pub fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
