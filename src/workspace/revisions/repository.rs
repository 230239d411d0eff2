//! Manifests of a branch of a git repository.
//!
//! Must never: keep a token longer than one look needs it, or take a commit as seen before its manifests were handed on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::{Arrived, CompiledBefore, FILES, RevisionError, RevisionSource, SoundManifests, SoundPart, compile, data_files, sound_part};
use crate::diagnostic::Diagnostic;
use crate::files::NamedFiles;
use crate::git::{Beside, Fetched, Follower, FoundManifests, GitError, GitTree, Overlay, Remote, Seen, Token};
use crate::manifest::connection::SecretRef;
use crate::manifest::{self, Loaded, ManifestText};
use crate::model::Revision;
use crate::secret;

/// Whom most hosts let in with a token.
const USER: &str = "x-access-token";

/// A branch of a repository.
#[derive(Debug)]
pub struct GitRevisions {
    follower: Arc<Mutex<Follower>>,
    place: String,
    pub(super) token: Option<SecretRef>,
    user: String,
    seen: Option<Seen>,
    /// what is sound of what was refused last
    part: Option<SoundPart>,
    /// what was in force has to lead to what is newer
    fast_forward: bool,
    /// what was used last
    before: Option<CompiledBefore>,
}

impl GitRevisions {
    /// Follows a remote. The token is asked for before each look, so that one that is renewed counts; `user` is the name beside it, which most hosts don't ask for.
    pub fn open(remote: Remote, token: Option<SecretRef>, user: Option<String>) -> Result<Self, GitError> {
        let place = match &remote.reference {
            Some(reference) => format!("{} {reference}", remote.url.shown()),
            None => remote.url.shown(),
        };
        let follower = Arc::new(Mutex::new(Follower::open(remote)?));
        Ok(Self {
            follower,
            place,
            token,
            user: user.unwrap_or_else(|| USER.to_owned()),
            seen: None,
            part: None,
            fast_forward: false,
            before: None,
        })
    }

    /// What was in force has to lead to whatever is newer: a branch that was rewritten is refused.
    pub fn require_fast_forward(self, required: bool) -> Self {
        Self { fast_forward: required, ..self }
    }

    /// Has the follower do something, on a thread where it may wait.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Follower, Option<Token<'_>>) -> Result<T, RevisionError> + Send + 'static,
    ) -> Result<T, RevisionError> {
        let token = match &self.token {
            Some(token) => Some(secret::resolve(token, Path::new(".")).await?),
            None => None,
        };
        let (follower, user) = (self.follower.clone(), self.user.clone());
        let asked = move || {
            let mut follower = follower.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut follower, token.as_ref().map(|token| Token { user: &user, token }))
        };
        tokio::task::spawn_blocking(asked).await.unwrap_or(Err(RevisionError::Broken))
    }
}

impl RevisionSource for GitRevisions {
    fn next<'a>(&'a mut self, known: Option<&'a Revision>) -> BoxFuture<'a, Result<Option<Arrived>, RevisionError>> {
        Box::pin(async move {
            // What a folder was called is no commit.
            let known = known.filter(|known| !known.name.starts_with(FILES)).cloned();
            let (seen, required, before) = (self.seen.clone(), self.fast_forward, self.before.clone());
            let look = move |follower: &mut Follower, token: Option<Token<'_>>| {
                let Some(fetched) = follower.next(known.as_ref().map(|known| known.id.as_ref()), seen.as_ref(), token)? else {
                    return Ok(None);
                };
                let (rewritten, seen) = (fetched.rewritten, fetched.seen.clone());
                let Found { manifests, part } = match rewritten && required {
                    true => Found::nothing(Diagnostic::error(REWRITTEN).hint(GO_ON)),
                    false => found(follower, &fetched, before.as_ref())?,
                };
                Ok(Some((seen, part, Arrived { revision: named(fetched, known.as_ref()), manifests, rewritten })))
            };
            Ok(self.ask(look).await?.map(|(seen, part, arrived)| {
                (self.seen, self.part) = (Some(seen), part);
                self.before = arrived.manifests.as_ref().ok().map(SoundManifests::as_before).or(self.before.take());
                arrived
            }))
        })
    }

    fn recall<'a>(&'a mut self, id: Option<&'a str>) -> BoxFuture<'a, Result<Option<Arrived>, RevisionError>> {
        Box::pin(async move {
            let id = id.map(str::to_owned);
            let recall = move |follower: &mut Follower, token: Option<Token<'_>>| {
                let Some(commit) = id.or_else(|| follower.noted()) else { return Ok(None) };
                let fetched = follower.recall(&commit, token)?;
                let manifests = found(follower, &fetched, None)?.manifests;
                Ok(Some(Arrived { revision: named(fetched, None), manifests, rewritten: false }))
            };
            self.seen = None;
            self.ask(recall).await
        })
    }

    fn keeps(&self) -> bool {
        true
    }

    fn keep<'a>(&'a mut self, revision: &'a Revision) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let (follower, commit) = (self.follower.clone(), revision.id.clone());
            let note = move || follower.lock().unwrap_or_else(PoisonError::into_inner).note(&commit);
            if let Ok(Err(error)) = tokio::task::spawn_blocking(note).await {
                let why = error.to_string();
                tracing::warn!(target: "headcount::workspace", why, "which commit is in force could not be noted beside the copy of the repository");
            }
        })
    }

    fn sound_part(&self) -> Option<SoundPart> {
        self.part.clone()
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}

/// What is wrong with a branch that was rewritten, and what to do.
const REWRITTEN: &str = "what was in force does not lead to it: the branch was rewritten, and `--require-fast-forward` refuses that";
const GO_ON: &str = "push a branch that goes on from there; where the rewritten one is meant, start once without `--require-fast-forward`";

/// What a commit holds.
struct Found {
    manifests: Result<SoundManifests, Vec<Diagnostic>>,
    /// what is sound of them where they have errors; nothing of a commit that nobody trusted signed
    part: Option<SoundPart>,
}

impl Found {
    fn nothing(problem: Diagnostic) -> Self {
        Self { manifests: Err(vec![problem]), part: None }
    }
}

fn found(follower: &mut Follower, fetched: &Fetched, before: Option<&CompiledBefore>) -> Result<Found, RevisionError> {
    match read(fetched, &follower.remote().path, before) {
        Ok(found) => Ok(found),
        // Of a revision that is too large the next look would say the same; whatever else can't be read may be the copy's fault.
        Err(GitError::TooMuch { what }) => {
            Ok(Found::nothing(Diagnostic::error(what).hint("name the workspace's folder with `--path`, or split the workspace")))
        }
        Err(error) => {
            follower.distrust();
            Err(error.into())
        }
    }
}

/// What is in force already keeps its authors: those of all that it brought.
fn named(fetched: Fetched, known: Option<&Revision>) -> Revision {
    let authors = known.filter(|known| *known.id == *fetched.commit).map(|known| known.authors.clone());
    let authors = authors.filter(|authors| !authors.is_empty()).unwrap_or(fetched.authors);
    Revision { id: fetched.commit.into(), name: fetched.name, at: fetched.at, authors, signer: fetched.signer }
}

fn read(fetched: &Fetched, path: &str, before: Option<&CompiledBefore>) -> Result<Found, GitError> {
    if let Some((what, next)) = &fetched.refused {
        return Ok(Found::nothing(Diagnostic::error(what.clone()).hint(next.clone())));
    }
    let tree = Arc::new(fetched.repository.tree(&fetched.commit)?);
    let texts = tree.manifests(&[path.to_owned()])?;
    if texts.texts.is_empty() && texts.problems.is_empty() {
        let shown = if path.is_empty() { "the repository".to_owned() } else { format!("`{path}`") };
        let problem = Diagnostic::error(format!("{} has no manifest in {shown}", fetched.name));
        return Ok(Found::nothing(problem.hint("was the workspace moved? Its folder is what `--path` says")));
    }
    let read = revision(&tree, texts, fetched.repository.root().join(path));
    let (loaded, done) = compile(read, before);
    let problems = match done {
        Ok((policy, warnings)) => match data(&loaded) {
            Ok(data) => return Ok(Found { manifests: Ok(SoundManifests { loaded, policy, warnings, data }), part: None }),
            Err(problems) => problems,
        },
        Err(problems) => problems,
    };
    Ok(Found { part: sound_part(loaded, &problems), manifests: Err(problems) })
}

fn revision(tree: &Arc<GitTree>, found: FoundManifests, root: std::path::PathBuf) -> manifest::Revision {
    let texts = found.texts.into_iter();
    manifest::Revision {
        texts: texts.map(|text| ManifestText { name: text.name, base: text.folder, bytes: text.bytes, found: text.found }).collect(),
        problems: found.problems,
        roots: vec![root],
        files: NamedFiles::of(Arc::new(Overlay::new(tree.clone(), Beside::All))),
        before: None,
    }
}

/// Lays down every file of records that the revision has, so that none is missing later; a number of each. It is laid down by its content's number.
fn data(loaded: &Loaded) -> Result<BTreeMap<Arc<str>, Arc<str>>, Vec<Diagnostic>> {
    // Which files the revision has at all is asked now, too: the copy may be made anew without this commit while it is in force.
    for (origin, connection) in loaded.connections() {
        connection.files().iter().for_each(|file| {
            let _ = loaded.files.has(&origin.base.join(file.value));
        });
    }
    let (mut data, mut problems) = (BTreeMap::new(), Vec::new());
    for (name, path) in data_files(loaded).filter(|(_, path)| loaded.files.has(path)) {
        match loaded.files.place(path.clone()) {
            Ok(place) => {
                let number = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
                data.insert(name.clone(), number.into());
            }
            Err(error) => {
                let shown = loaded.files.name(&path);
                problems.push(Diagnostic::error(format!("the Source `{name}` can't read `{shown}`: {error}")));
            }
        }
    }
    if problems.is_empty() { Ok(data) } else { Err(problems) }
}
