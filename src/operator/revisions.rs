//! The manifests of a namespace: every complete set of its objects that has been quiet for a moment is a revision, through the loader that reads files.
//!
//! Must never: take objects that vanished with their kind or their namespace for some that were taken away; or hold up a Revocation for what is wrong beside it.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::cluster::Cluster;
use super::kinds::REVOCATION;
use super::objects::{ManifestObject, ObjectName, place};
use super::refused;
use super::register::{Problems, Register};
use super::seen::{Changes, Seen};
use crate::diagnostic::{Diagnostic, Level};
use crate::manifest::{self, ManifestText};
use crate::model::Revision;
use crate::workspace::revisions::{self, Arrived, Numbers, RevisionError, RevisionSource, SoundManifests};

/// After a document changed, so long is waited for more of them; and at most so long altogether.
const QUIET: Duration = Duration::from_secs(1);
const PATIENT: Duration = Duration::from_secs(10);
/// Trouble that passes by itself within so long is nobody's business.
const PASSING: Duration = Duration::from_secs(15);
/// Where something vanished and nobody can tell why, that is asked again after so long.
const AGAIN: Duration = Duration::from_secs(5);
/// Files of records are looked at so often; a change counts once they look the same twice.
const FILES: Duration = Duration::from_secs(5);
const SETTLE: Duration = Duration::from_millis(500);

/// The objects of a namespace, as revisions.
pub struct ClusterRevisions {
    cluster: Cluster,
    namespace: String,
    base: PathBuf,
    seen: Seen,
    register: Register,
    /// of files that Sources read
    numbers: Arc<Mutex<Numbers>>,
    /// what was handed on last
    handed: Option<Handed>,
    /// what is in force, as far as it was handed on here
    in_force: Option<Handed>,
    /// arrived, and not handed on yet
    ready: VecDeque<(Handed, Arrived)>,
    /// of this many changes everything is known
    taken: Option<u64>,
    /// so many had vanished when the cluster was asked last, and all was well
    whole: Option<u64>,
    /// what was said about trouble
    told: Option<String>,
}

/// A revision.
#[derive(Clone, Debug)]
struct Handed {
    /// its number: of the objects, and of the files
    id: Arc<str>,
    documents: Arc<Documents>,
    files: Files,
}

/// Files that Sources read: where each is, and a number of what it holds.
type Files = BTreeMap<Arc<str>, (PathBuf, Arc<str>)>;

/// The texts of objects, and their number.
#[derive(Debug)]
struct Documents {
    id: Arc<str>,
    objects: BTreeMap<ObjectName, ManifestObject>,
}

/// What a look comes to.
enum Look {
    /// nothing before then, or before something changes
    Wait(Option<Instant>),
    /// it can't be read
    Trouble(String),
    /// all of it, settled
    Settled(Changes, BTreeMap<ObjectName, ManifestObject>),
    /// not all of it can be used; whom somebody wants cut off is known
    Revocations,
}

impl ClusterRevisions {
    /// Begins to watch a namespace. Files that its objects name lie in the folder.
    pub fn start(cluster: &Cluster, namespace: &str, base: PathBuf, register: Register, stop: &CancellationToken) -> Self {
        let seen = Seen::start(cluster, namespace, stop);
        let (handed, in_force, ready, numbers) = (None, None, VecDeque::new(), Arc::default());
        let (cluster, namespace) = (cluster.clone(), namespace.to_owned());
        Self { cluster, namespace, base, seen, register, numbers, handed, in_force, ready, taken: None, whole: None, told: None }
    }

    /// What is seen, for whoever else needs it.
    pub(super) fn seen(&self) -> Seen {
        self.seen.clone()
    }

    fn look(&self, changes: Changes, now: Instant) -> Look {
        if let Some((kind, trouble)) = self.seen.trouble() {
            if changes.revocation > 0 && self.in_force.is_some() {
                return Look::Revocations;
            }
            let since = trouble.since + PASSING;
            return match trouble.said || since <= now {
                true => Look::Trouble(format!("{kind} objects can't be read: {}", trouble.words)),
                false => Look::Wait(Some(since)),
            };
        }
        if self.taken == Some(changes.count) && self.told.is_none() {
            return Look::Wait(None);
        }
        // Somebody is to be cut off: that waits for nothing.
        let settled = changes.last.map_or(now, |last| last + QUIET);
        let settled = changes.first.map_or(settled, |first| settled.min(first + PATIENT));
        if settled > now && changes.revocation == 0 {
            return Look::Wait(Some(settled));
        }
        match self.seen.whole() {
            Some(objects) => Look::Settled(changes, objects),
            None => Look::Wait(None),
        }
    }

    /// The next one, however long that takes.
    async fn arrive(&mut self, known: Option<&Revision>) -> Result<Option<Arrived>, RevisionError> {
        self.remember(known);
        let mut changes = self.seen.changes();
        loop {
            if let Some((handed, arrived)) = self.ready.pop_front() {
                self.handed = Some(handed);
                return Ok(Some(arrived));
            }
            let now = *changes.borrow_and_update();
            let until = match self.look(now, Instant::now()) {
                Look::Wait(until) => until,
                Look::Trouble(words) => match self.tell(words) {
                    Some(error) => return Err(error),
                    None => None,
                },
                Look::Revocations => {
                    self.cut_off(None).await?;
                    self.seen.taken(now.count);
                    None
                }
                Look::Settled(changed, objects) => match self.take(changed, objects).await? {
                    Taken::Well(was_told) if was_told && self.ready.is_empty() => return Ok(None),
                    Taken::Well(_) => continue,
                    Taken::Doubtful(words) => match self.tell(words) {
                        Some(error) => return Err(error),
                        None => Some(Instant::now() + AGAIN),
                    },
                },
            };
            if !self.ready.is_empty() {
                continue;
            }
            let files = Instant::now() + FILES;
            let until = until.map_or(files, |until| until.min(files));
            tokio::select! {
                _ = changes.changed() => {}
                () = sleep_until(until) => if until == files { self.look_at_files().await? },
            }
        }
    }

    /// Files that are another's content by now make another revision of the same objects.
    async fn look_at_files(&mut self) -> Result<(), RevisionError> {
        let Some(handed) = self.handed.clone().filter(|handed| !handed.files.is_empty()) else { return Ok(()) };
        let look = |numbers: Arc<Mutex<Numbers>>, files: Files| {
            tokio::task::spawn_blocking(move || {
                let mut numbers = numbers.lock().unwrap_or_else(PoisonError::into_inner);
                files.into_iter().map(|(name, (path, _))| (name, (path.clone(), numbers.of(&path)))).collect::<Files>()
            })
        };
        let seen = look(self.numbers.clone(), handed.files.clone()).await.map_err(|_| RevisionError::Broken)?;
        if seen == handed.files {
            return Ok(());
        }
        tokio::time::sleep(SETTLE).await;
        let again = look(self.numbers.clone(), handed.files.clone()).await.map_err(|_| RevisionError::Broken)?;
        if again == seen {
            let ready = self.compile(&handed.documents).await?;
            self.ready.push_back(ready);
        }
        Ok(())
    }

    fn tell(&mut self, words: String) -> Option<RevisionError> {
        if self.told.as_ref() == Some(&words) {
            return None;
        }
        self.told = Some(words.clone());
        let (namespace, why) = (self.namespace.as_str(), words.as_str());
        tracing::warn!(target: "headcount::operator", namespace, why, "the objects can't be read: nothing follows from what is not there");
        Some(RevisionError::Elsewhere {
            what: words,
            next: "may the operator list and watch it, and is it there? What ran before runs on".to_owned(),
        })
    }

    /// What is in force is what whoever follows says; where it was not handed on here, nothing is known of it.
    fn remember(&mut self, known: Option<&Revision>) {
        let handed = self.handed.as_ref().filter(|handed| known.is_some_and(|known| known.id == handed.id));
        if let Some(handed) = handed {
            self.in_force = Some(handed.clone());
        }
    }

    async fn take(&mut self, changes: Changes, objects: BTreeMap<ObjectName, ManifestObject>) -> Result<Taken, RevisionError> {
        if self.whole != Some(changes.vanished) {
            if let Err(words) = self.cluster.is_whole(&self.namespace).await {
                if changes.revocation > 0 {
                    self.cut_off(None).await?;
                    self.seen.taken(changes.count);
                }
                return Ok(Taken::Doubtful(words));
            }
            self.whole = Some(changes.vanished);
        }
        let was_told = self.told.take().is_some();
        self.taken = Some(changes.count);
        self.seen.taken(changes.count);
        // A namespace in which nobody has begun yet is no workspace with a mistake in it.
        let begun = self.handed.is_some() || objects.keys().any(|(kind, _)| *kind == "Workspace");
        let documents = Arc::new(Documents::of(objects));
        if !begun || self.handed.as_ref().is_some_and(|handed| handed.documents.id == documents.id) {
            return Ok(Taken::Well(was_told));
        }
        let (handed, arrived) = self.compile(&documents).await?;
        let held = self.in_force.as_ref().is_some_and(|in_force| self.handed.as_ref().is_some_and(|handed| handed.id != in_force.id));
        if arrived.manifests.is_err() || held {
            self.cut_off(Some(&documents)).await?;
        }
        self.ready.push_back((handed, arrived));
        Ok(Taken::Well(was_told))
    }

    /// What is in force, with everybody who is to be cut off by now: where the rest of what is there can't be used.
    async fn cut_off(&mut self, from: Option<&Documents>) -> Result<(), RevisionError> {
        let Some(in_force) = self.in_force.clone() else { return Ok(()) };
        let mut objects = in_force.documents.objects.clone();
        let revocations = match from {
            Some(documents) => documents.objects.clone(),
            None => self.seen.revocations(),
        };
        objects.extend(revocations.into_iter().filter(|((kind, _), _)| *kind == REVOCATION));
        let documents = Arc::new(Documents::of(objects));
        if documents.id == in_force.documents.id || self.handed.as_ref().is_some_and(|handed| handed.documents.id == documents.id) {
            return Ok(());
        }
        let (handed, arrived) = self.compile(&documents).await?;
        if arrived.manifests.is_ok() {
            self.ready.push_back((handed, arrived));
        }
        Ok(())
    }

    async fn compile(&self, documents: &Arc<Documents>) -> Result<(Handed, Arrived), RevisionError> {
        let (given, namespace, base, numbers) = (documents.clone(), self.namespace.clone(), self.base.clone(), self.numbers.clone());
        let compiled = tokio::task::spawn_blocking(move || {
            let mut numbers = numbers.lock().unwrap_or_else(PoisonError::into_inner);
            given.compile(&namespace, base, &mut numbers)
        });
        let (files, arrived) = compiled.await.map_err(|_| RevisionError::Broken)?;
        let generations = documents.objects.iter().map(|(name, object)| (name.clone(), object.generation)).collect();
        self.register.note(&arrived.revision.id, generations);
        self.register.refuse(match &arrived.manifests {
            Ok(_) => Problems::default(),
            Err(problems) => sorted(problems),
        });
        Ok((Handed { id: arrived.revision.id.clone(), documents: documents.clone(), files }, arrived))
    }
}

/// What became of objects that had settled.
enum Taken {
    /// whether trouble had been told before
    Well(bool),
    /// something vanished with its kind or namespace, or may have
    Doubtful(String),
}

impl RevisionSource for ClusterRevisions {
    fn next<'a>(&'a mut self, known: Option<&'a Revision>) -> BoxFuture<'a, Result<Option<Arrived>, RevisionError>> {
        Box::pin(self.arrive(known))
    }

    fn place(&self) -> String {
        format!("the namespace {}", self.namespace)
    }
}

impl Documents {
    fn of(objects: BTreeMap<ObjectName, ManifestObject>) -> Self {
        let parts = objects.iter().flat_map(|((kind, name), object)| [*kind, name, &object.text]);
        Self { id: number(parts), objects }
    }

    fn compile(&self, namespace: &str, base: PathBuf, numbers: &mut Numbers) -> (Files, Arrived) {
        let text = |((kind, name), object): (&ObjectName, &ManifestObject)| ManifestText {
            name: place(kind, namespace, name).into(),
            base: base.clone(),
            bytes: object.text.as_bytes().to_vec(),
            found: false,
        };
        let texts = self.objects.iter().map(text).collect();
        let read = manifest::Revision { texts, roots: vec![base.clone()], ..manifest::Revision::default() };
        let (loaded, done) = revisions::compile(read);
        let files: Files = revisions::data_files(&loaded).map(|(name, path)| (name.clone(), (path.clone(), numbers.of(&path)))).collect();
        let id = match files.is_empty() {
            true => self.id.clone(),
            false => number(std::iter::once(&*self.id).chain(files.iter().flat_map(|(name, (_, number))| [&**name, &**number]))),
        };
        let refused = refused::check(&loaded);
        let manifests = match done {
            Ok((policy, warnings)) if refused.is_empty() => {
                let data = files.iter().map(|(name, (_, number))| (name.clone(), number.clone())).collect();
                Ok(SoundManifests { loaded, policy, warnings, data })
            }
            Ok(_) => Err(refused),
            Err(problems) => Err(problems.into_iter().chain(refused).collect()),
        };
        let name = format!("objects@{}", id.get(..7).unwrap_or(&id));
        let revision = Revision { id, name, at: Timestamp::now(), authors: Vec::new(), signer: None };
        (files, Arrived { revision, manifests, rewritten: false })
    }
}

/// A number of texts in this order.
fn number<'a>(parts: impl Iterator<Item = &'a str>) -> Arc<str> {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// Problems by the object that they stand in.
fn sorted(problems: &[Diagnostic]) -> Problems {
    let mut sorted = Problems::default();
    for problem in problems.iter().filter(|problem| problem.level == Level::Error) {
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let words = format!("{}{hint}", problem.message);
        let at = problem.place.as_ref().and_then(|(place, _)| place.file.split_once('/'));
        match at.and_then(|(kind, rest)| Some((kind, rest.split_once('/')?.1))) {
            Some((kind, name)) => drop(sorted.objects.entry((kind.to_owned(), name.to_owned())).or_insert(words)),
            None => drop(sorted.besides.get_or_insert(words)),
        }
    }
    sorted
}
