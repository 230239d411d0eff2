//! Manifests of a branch of a git repository.
//!
//! Must never: keep a token longer than one look needs it, or take a commit as seen before its manifests were handed on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::{Arrived, RevisionError, RevisionSource, SoundManifests, compile, data_files};
use crate::diagnostic::Diagnostic;
use crate::files::NamedFiles;
use crate::git::{Beside, Fetched, Follower, FoundManifests, GitError, GitTree, Overlay, Remote, Seen, Token};
use crate::manifest::connection::SecretRef;
use crate::manifest::{self, Loaded, ManifestText};
use crate::model::Revision;
use crate::secret::{self, SecretString};

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
}

impl GitRevisions {
    /// Follows a remote. The token is asked for before each look, so that one that is renewed counts; `user` is the name beside it, which most hosts don't ask for.
    pub fn open(remote: Remote, token: Option<SecretRef>, user: Option<String>) -> Result<Self, GitError> {
        let place = match &remote.reference {
            Some(reference) => format!("{} {reference}", remote.url.shown()),
            None => remote.url.shown(),
        };
        let follower = Arc::new(Mutex::new(Follower::open(remote)?));
        Ok(Self { follower, place, token, user: user.unwrap_or_else(|| USER.to_owned()), seen: None })
    }
}

impl RevisionSource for GitRevisions {
    fn next<'a>(&'a mut self, known: Option<&'a Revision>) -> BoxFuture<'a, Result<Option<Arrived>, RevisionError>> {
        Box::pin(async move {
            let token = match &self.token {
                Some(token) => Some(secret::resolve(token, Path::new(".")).await?),
                None => None,
            };
            let (follower, user, known, seen) = (self.follower.clone(), self.user.clone(), known.cloned(), self.seen.clone());
            let look = move || {
                let mut follower = follower.lock().unwrap_or_else(PoisonError::into_inner);
                look(&mut follower, known.as_ref(), seen.as_ref(), (&user, token.as_ref()))
            };
            let looked = tokio::task::spawn_blocking(look).await.unwrap_or(Err(RevisionError::Broken))?;
            Ok(looked.map(|(seen, arrived)| {
                self.seen = Some(seen);
                arrived
            }))
        })
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}

fn look(
    follower: &mut Follower,
    known: Option<&Revision>,
    seen: Option<&Seen>,
    (user, token): (&str, Option<&SecretString>),
) -> Result<Option<(Seen, Arrived)>, RevisionError> {
    let token = token.map(|token| Token { user, token });
    let Some(fetched) = follower.next(known.map(|known| known.id.as_ref()), seen, token)? else { return Ok(None) };
    let manifests = match read(&fetched, &follower.remote().path) {
        Ok(manifests) => manifests,
        // Of a revision that is too large the next look would say the same; whatever else can't be read may be the copy's fault.
        Err(GitError::TooMuch { what }) => {
            Err(vec![Diagnostic::error(what).hint("name the workspace's folder with `--path`, or split the workspace")])
        }
        Err(error) => {
            follower.distrust();
            return Err(error.into());
        }
    };
    let seen = fetched.seen.clone();
    let rewritten = fetched.rewritten;
    Ok(Some((seen, Arrived { revision: named(fetched, known), manifests, rewritten })))
}

/// What is in force already keeps its authors: those of all that it brought.
fn named(fetched: Fetched, known: Option<&Revision>) -> Revision {
    let authors = known.filter(|known| *known.id == *fetched.commit).map(|known| known.authors.clone());
    let authors = authors.filter(|authors| !authors.is_empty()).unwrap_or(fetched.authors);
    Revision { id: fetched.commit.into(), name: fetched.name, at: fetched.at, authors, signer: fetched.signer }
}

fn read(fetched: &Fetched, path: &str) -> Result<Result<SoundManifests, Vec<Diagnostic>>, GitError> {
    if let Some((what, next)) = &fetched.refused {
        return Ok(Err(vec![Diagnostic::error(what.clone()).hint(next.clone())]));
    }
    let tree = Arc::new(fetched.repository.tree(&fetched.commit)?);
    let found = tree.manifests(&[path.to_owned()])?;
    if found.texts.is_empty() && found.problems.is_empty() {
        let shown = if path.is_empty() { "the repository".to_owned() } else { format!("`{path}`") };
        let problem = Diagnostic::error(format!("{} has no manifest in {shown}", fetched.name));
        return Ok(Err(vec![problem.hint("was the workspace moved? Its folder is what `--path` says")]));
    }
    let (loaded, done) = compile(revision(&tree, found, fetched.repository.root().join(path)));
    let (policy, warnings) = match done {
        Ok(done) => done,
        Err(problems) => return Ok(Err(problems)),
    };
    Ok(match data(&loaded) {
        Ok(data) => Ok(SoundManifests { loaded, policy, warnings, data }),
        Err(problems) => Err(problems),
    })
}

fn revision(tree: &Arc<GitTree>, found: FoundManifests, root: std::path::PathBuf) -> manifest::Revision {
    let texts = found.texts.into_iter();
    manifest::Revision {
        texts: texts.map(|text| ManifestText { name: text.name, base: text.folder, bytes: text.bytes, found: text.found }).collect(),
        problems: found.problems,
        roots: vec![root],
        files: NamedFiles::of(Arc::new(Overlay::new(tree.clone(), Beside::All))),
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
