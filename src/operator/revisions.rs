//! The manifests of a namespace: every complete set of its objects that has been quiet for a moment is a revision, through the loader that reads files.
//!
//! Where the newest objects can't be used, those in force go on: under files that are others by now, and with everybody who is to be cut off. What is newer is told
//! again after each of these, so that it stays the last word.
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
use super::note::InForceNote;
use super::objects::{ManifestObject, ObjectName, place};
use super::refused;
use super::register::{Problems, Register};
use super::seen::{Changes, Seen};
use crate::diagnostic::{Diagnostic, Level};
use crate::manifest::{self, Loaded, ManifestText};
use crate::model::Revision;
use crate::workspace::revisions::{self, Arrived, CompiledBefore, Numbers, RevisionError, RevisionSource, SoundManifests, SoundPart};

/// Trouble that passes by itself within so long is nobody's business.
const PASSING: Duration = Duration::from_secs(15);
/// Where something vanished and nobody can tell why, that is asked again after so long.
const AGAIN: Duration = Duration::from_secs(5);
/// While nothing is in force, a look that finds nothing takes so long.
const BEGINNING: Duration = Duration::from_secs(2);
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
    /// what was in force before this process, as its folder has it
    recalled: Option<Handed>,
    /// what is in force, as far as it is known here
    in_force: Option<Handed>,
    /// what was handed on last and is not used, once whom it cuts off is looked after
    passed_over: Option<Arc<str>>,
    /// arrived, and not handed on yet
    ready: VecDeque<Ready>,
    /// what is sound of what was refused last
    part: Option<SoundPart>,
    /// a look that finds nothing ends after so long, as long as nothing is in force: somebody has to tell that meanwhile
    patience: Option<Duration>,
    /// of this many changes everything is known
    taken: Option<u64>,
    /// so many had vanished when the cluster was asked last, and all was well
    whole: Option<u64>,
    /// what was said about trouble
    told: Option<String>,
    /// when files were looked at
    looked: Option<Instant>,
    /// what they were when something was made of it: what could not be used then can't be now
    acted: Files,
    /// what was read last, without an error
    before: Option<CompiledBefore>,
}

/// A revision.
#[derive(Clone, Debug)]
struct Handed {
    /// its number: of the objects, and of the files
    id: Arc<str>,
    documents: Arc<Documents>,
    files: Files,
}

/// What is to be handed on.
struct Ready {
    handed: Handed,
    arrived: Arrived,
    part: Option<SoundPart>,
}

/// Files that objects name: by where each is a number of what it holds.
type Files = BTreeMap<PathBuf, Arc<str>>;

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
        Self {
            cluster: cluster.clone(),
            namespace: namespace.to_owned(),
            base,
            seen,
            register,
            numbers: Arc::default(),
            handed: None,
            recalled: None,
            in_force: None,
            passed_over: None,
            ready: VecDeque::new(),
            part: None,
            patience: Some(BEGINNING),
            taken: None,
            whole: None,
            told: None,
            looked: None,
            acted: Files::new(),
            before: None,
        }
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
        let settled = changes.settled().unwrap_or(now);
        if settled > now && changes.revocation == 0 {
            return Look::Wait(Some(settled));
        }
        match self.seen.whole() {
            Some(objects) => Look::Settled(changes, objects),
            None => Look::Wait(None),
        }
    }

    /// The next one, however long that takes once something is in force.
    async fn arrive(&mut self, known: Option<&Revision>) -> Result<Option<Arrived>, RevisionError> {
        self.remember(known);
        self.pass_over().await?;
        // The first lists may take longer.
        let ends = self.patience.map(|patience| Instant::now() + if self.taken.is_none() { PASSING } else { patience });
        let mut changes = self.seen.changes();
        loop {
            if let Some(Ready { handed, arrived, part }) = self.ready.pop_front() {
                (self.handed, self.part) = (Some(handed), part);
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
            if ends.is_some_and(|ends| ends <= Instant::now()) {
                return self.nothing();
            }
            let files = Instant::now() + FILES;
            let until = [until, ends].into_iter().flatten().fold(files, Instant::min);
            tokio::select! {
                _ = changes.changed() => {}
                () = sleep_until(until) => {}
            }
            self.look_at_files().await?;
        }
    }

    /// What a look comes to that found nothing.
    fn nothing(&self) -> Result<Option<Arrived>, RevisionError> {
        match &self.told {
            Some(words) => Err(unreadable(words.clone())),
            None if self.taken.is_none() => Err(unreadable("the objects are not listed to their end yet".to_owned())),
            None => Ok(None),
        }
    }

    /// What was handed on last is not used: whoever is to be cut off by it is, all the same.
    async fn pass_over(&mut self) -> Result<(), RevisionError> {
        let (Some(handed), Some(in_force)) = (self.handed.clone(), &self.in_force) else { return Ok(()) };
        if handed.id == in_force.id || !self.ready.is_empty() || self.passed_over.as_ref() == Some(&handed.id) {
            return Ok(());
        }
        self.passed_over = Some(handed.id.clone());
        if self.cut_off(Some(&handed.documents)).await? {
            self.newest(&handed.documents).await?;
        }
        Ok(())
    }

    /// Files that are another's content by now make another revision of the same objects: of those in force, and of newer ones that are not used.
    async fn look_at_files(&mut self) -> Result<(), RevisionError> {
        let Some(handed) = self.handed.clone() else { return Ok(()) };
        let in_force = self.in_force.clone().filter(|in_force| in_force.documents.id != handed.documents.id);
        let known: Files = in_force.iter().chain([&handed]).flat_map(|one| one.files.clone()).collect();
        if known.is_empty() || self.looked.is_some_and(|looked| looked.elapsed() < FILES) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let other = |seen: &Files, one: &Handed| one.files.iter().any(|(path, number)| seen.get(path) != Some(number));
        let seen = self.numbers_of(&known).await?;
        if seen == self.acted || !in_force.iter().chain([&handed]).any(|one| other(&seen, one)) {
            return Ok(());
        }
        tokio::time::sleep(SETTLE).await;
        if self.numbers_of(&known).await? != seen {
            self.looked = None;
            return Ok(());
        }
        let mut goes_on = false;
        if let Some(in_force) = in_force.filter(|in_force| other(&seen, in_force)) {
            let (ready, _) = self.compile(&in_force.documents).await?;
            goes_on = ready.arrived.manifests.is_ok();
            self.ready.extend(Some(ready).filter(|_| goes_on));
        }
        if goes_on || other(&seen, &handed) {
            self.newest(&handed.documents).await?;
        }
        self.acted = seen;
        Ok(())
    }

    async fn numbers_of(&self, files: &Files) -> Result<Files, RevisionError> {
        let (numbers, files) = (self.numbers.clone(), files.clone());
        let look = move || {
            let mut numbers = numbers.lock().unwrap_or_else(PoisonError::into_inner);
            files.into_keys().map(|path| (path.clone(), numbers.of(&path))).collect()
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| RevisionError::Broken)
    }

    fn tell(&mut self, words: String) -> Option<RevisionError> {
        if self.told.as_ref() == Some(&words) {
            return None;
        }
        self.told = Some(words.clone());
        let (namespace, why) = (self.namespace.as_str(), words.as_str());
        tracing::warn!(target: "headcount::operator", namespace, why, "the objects can't be read: nothing follows from what is not there");
        Some(unreadable(words))
    }

    /// What is in force is what whoever follows says; where it was neither handed on nor recalled here, nothing is known of it.
    fn remember(&mut self, known: Option<&Revision>) {
        let is_known = |one: &&Handed| known.is_some_and(|known| known.id == one.id);
        if let Some(found) = [&self.handed, &self.recalled].into_iter().flatten().find(is_known) {
            self.in_force = Some(found.clone());
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
        // Before what can't be used, so that this is what is told last.
        let (ready, problems) = self.compile(&documents).await?;
        let held = self.in_force.as_ref().is_some_and(|in_force| self.handed.as_ref().is_some_and(|handed| handed.id != in_force.id));
        if ready.arrived.manifests.is_err() || held {
            self.cut_off(Some(&documents)).await?;
        }
        self.register.refuse(problems);
        self.ready.push_back(ready);
        Ok(Taken::Well(was_told))
    }

    /// What is in force, with everybody who is to be cut off by now: where the rest of what is there can't be used. Whether there is anybody.
    async fn cut_off(&mut self, from: Option<&Documents>) -> Result<bool, RevisionError> {
        let Some(in_force) = self.in_force.clone() else { return Ok(false) };
        let mut objects = in_force.documents.objects.clone();
        let revocations = match from {
            Some(documents) => documents.objects.clone(),
            None => self.seen.revocations(),
        };
        objects.extend(revocations.into_iter().filter(|((kind, _), _)| *kind == REVOCATION));
        let documents = Arc::new(Documents::of(objects));
        if documents.id == in_force.documents.id || self.handed.as_ref().is_some_and(|handed| handed.documents.id == documents.id) {
            return Ok(false);
        }
        let (ready, _) = self.compile(&documents).await?;
        let sound = ready.arrived.manifests.is_ok();
        self.ready.extend(Some(ready).filter(|_| sound));
        Ok(sound)
    }

    /// The newest objects there are: what is wrong with them, they say themselves.
    async fn newest(&mut self, documents: &Arc<Documents>) -> Result<(), RevisionError> {
        let (ready, problems) = self.compile(documents).await?;
        self.register.refuse(problems);
        self.ready.push_back(ready);
        Ok(())
    }

    async fn compile(&mut self, documents: &Arc<Documents>) -> Result<(Ready, Problems), RevisionError> {
        let (given, namespace, base, numbers) = (documents.clone(), self.namespace.clone(), self.base.clone(), self.numbers.clone());
        let (before, began) = (self.before.clone(), Instant::now());
        let compiled = tokio::task::spawn_blocking(move || {
            let mut numbers = numbers.lock().unwrap_or_else(PoisonError::into_inner);
            given.compile(&namespace, base, &mut numbers, before.as_ref())
        });
        let Compiled { files, arrived, part } = compiled.await.map_err(|_| RevisionError::Broken)?;
        let (namespace, took) = (self.namespace.as_str(), began.elapsed());
        tracing::debug!(target: "headcount::operator", namespace, ?took, "objects were read and compiled");
        self.note(&arrived.revision.id, documents);
        self.before = arrived.manifests.as_ref().ok().map(SoundManifests::as_before).or(self.before.take());
        let problems = match &arrived.manifests {
            Ok(_) => Problems::default(),
            Err(problems) => sorted(problems),
        };
        let handed = Handed { id: arrived.revision.id.clone(), documents: documents.clone(), files };
        Ok((Ready { handed, arrived, part }, problems))
    }

    fn note(&self, id: &Arc<str>, documents: &Documents) {
        let generations = documents.objects.iter().map(|(name, object)| (name.clone(), object.generation)).collect();
        self.register.note(id, generations);
    }

    /// What was in force last, as this folder has it.
    async fn had_again(&mut self, id: Option<&str>) -> Result<Option<Arrived>, RevisionError> {
        // Whatever is there now is looked at anew.
        (self.handed, self.taken) = (None, None);
        self.ready.clear();
        let base = self.base.clone();
        let noted = tokio::task::spawn_blocking(move || InForceNote::read(&base)).await.map_err(|_| RevisionError::Broken)?;
        let Some(note) = noted.filter(|note| id.is_none_or(|id| *id == *note.revision.id)) else { return Ok(None) };
        let (revision, objects) = note.objects();
        let documents = Arc::new(Documents::of(objects));
        let (Ready { handed, arrived, .. }, _) = self.compile(&documents).await?;
        // Its number holds files that may be others by now.
        self.note(&revision.id, &documents);
        self.recalled = Some(Handed { id: revision.id.clone(), ..handed });
        Ok(Some(Arrived { revision, ..arrived }))
    }

    /// What is in force is noted where a process finds it that begins while the newest objects are bad.
    async fn hold(&mut self, revision: &Revision) {
        self.patience = None;
        self.remember(Some(revision));
        self.register.keep(&revision.id);
        let Some(in_force) = self.in_force.clone().filter(|in_force| in_force.id == revision.id) else { return };
        let (base, revision) = (self.base.clone(), revision.clone());
        let write = move || InForceNote::new(revision, &in_force.documents.objects).write(&base);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(write).await {
            let (namespace, why) = (self.namespace.as_str(), error.to_string());
            tracing::warn!(target: "headcount::operator", namespace, why, "what is in force could not be noted in the namespace's folder");
        }
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

    fn recall<'a>(&'a mut self, id: Option<&'a str>) -> BoxFuture<'a, Result<Option<Arrived>, RevisionError>> {
        Box::pin(self.had_again(id))
    }

    fn keeps(&self) -> bool {
        true
    }

    fn keep<'a>(&'a mut self, revision: &'a Revision) -> BoxFuture<'a, ()> {
        Box::pin(self.hold(revision))
    }

    fn sound_part(&self) -> Option<SoundPart> {
        self.part.clone()
    }

    fn place(&self) -> String {
        format!("the namespace {}", self.namespace)
    }
}

/// Objects as manifests.
struct Compiled {
    files: Files,
    arrived: Arrived,
    part: Option<SoundPart>,
}

impl Documents {
    fn of(objects: BTreeMap<ObjectName, ManifestObject>) -> Self {
        let parts = objects.iter().flat_map(|((kind, name), object)| [*kind, name, &object.text]);
        Self { id: number(parts), objects }
    }

    fn compile(&self, namespace: &str, base: PathBuf, numbers: &mut Numbers, before: Option<&CompiledBefore>) -> Compiled {
        let text = |((kind, name), object): (&ObjectName, &ManifestObject)| ManifestText {
            name: place(kind, namespace, name).into(),
            base: base.clone(),
            bytes: object.text.as_bytes().to_vec(),
            found: false,
        };
        let texts = self.objects.iter().map(text).collect();
        let read = manifest::Revision { texts, roots: vec![base.clone()], ..manifest::Revision::default() };
        let (loaded, done) = revisions::compile(read, before);
        let files: Files = revisions::named_files(&loaded).into_iter().map(|path| (path.clone(), numbers.of(&path))).collect();
        let id = match files.is_empty() {
            true => self.id.clone(),
            false => number(std::iter::once(&*self.id).chain(files.values().map(|number| &**number))),
        };
        let refused = refused::check(&loaded);
        let (manifests, part) = match done {
            Ok((policy, warnings)) if refused.is_empty() => {
                let data = revisions::data_files(&loaded).map(|(name, path)| (name.clone(), numbers.of(&path))).collect();
                (Ok(SoundManifests { loaded, policy, warnings, data }), None)
            }
            done => {
                let found = done.err().unwrap_or_default();
                let problems: Vec<Diagnostic> = found.into_iter().chain(refused).collect();
                (Err(problems.clone()), part(loaded, &problems))
            }
        };
        let name = format!("objects@{}", id.get(..7).unwrap_or(&id));
        let revision = Revision { id, name, at: Timestamp::now(), authors: Vec::new(), signer: None };
        Compiled { files, arrived: Arrived { revision, manifests, rewritten: false }, part }
    }
}

/// What is sound of objects that can't be used. A Workspace that is wrong itself may name a place that is none of its namespace's business.
fn part(loaded: Arc<Loaded>, problems: &[Diagnostic]) -> Option<SoundPart> {
    let wrong = sorted(problems).objects.keys().any(|(kind, _)| kind == "Workspace");
    if wrong { None } else { revisions::sound_part(loaded, problems) }
}

fn unreadable(what: String) -> RevisionError {
    RevisionError::Elsewhere { what, next: "may the operator list and watch it, and is it there? What ran before runs on".to_owned() }
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
