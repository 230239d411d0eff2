//! A store whose lines, and whatever else holds values of people, are sealed before they are handed on, whatever stands behind it: nothing below ever sees them.
//!
//! No look-up stands between a fact and its commit: a process makes keys of its own for whomever it first tells of in a run, and whoever reads finds each by its id.
//! Must never: hand a line on whose key may not be durable with it, or seal with a key of an earlier run, which may be destroyed by now.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::seal::{self, KeptKey, SealedPart, SubjectKey, Subjects, Unsealed, Wrapped, Wrapping};
use super::{
    About, ChainLine, EntryDraft, Fact, Heads, LinkName, OpenRun, RunLock, Shelf, Shelved, StateError, Store, StoreAnswer, UnderWay, Watch,
};
use crate::model::{Left, Link, Memory, Recollection};

/// Keys that are kept at hand; whoever is told of again after so many others gets another one.
const AT_HAND: usize = 20_000;
/// What the body of a thing on a shelf begins with, where it is sealed.
const MARK: &str = "sealed:";

/// A store, and what seals what goes into it.
#[derive(Debug)]
pub(super) struct Sealed {
    inner: Arc<dyn Store>,
    wrapping: Option<Wrapping>,
    keys: Mutex<HashMap<Arc<str>, AtHand>>,
}

/// A key that this process made. It is used in one run: whoever was erased between two, by another process, gets another key in the next.
struct AtHand {
    run: Arc<str>,
    subject: KeptKey,
    key: SubjectKey,
    /// a commit that held it has returned
    durable: bool,
}

impl std::fmt::Debug for AtHand {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "AtHand({})", self.subject.id)
    }
}

/// Stands in front of a store.
pub(super) fn sealed(inner: Arc<dyn Store>, wrapping: Option<Wrapping>) -> Arc<dyn Store> {
    Arc::new(Sealed { inner, wrapping, keys: Mutex::default() })
}

/// What one commit brings.
#[derive(Default)]
struct Batch {
    facts: Vec<Fact>,
    /// keys that have to be durable with it, and whose they are
    made: BTreeMap<Arc<str>, (Arc<str>, KeptKey)>,
}

impl Sealed {
    fn batch(&self, facts: Vec<Fact>) -> Option<Batch> {
        let mut batch = Batch { facts: Vec::with_capacity(facts.len()), ..Batch::default() };
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        for fact in facts {
            match fact {
                Fact::Line(draft) if !draft.personal.is_empty() => {
                    let line = self.line(draft, &mut keys, &mut batch)?;
                    batch.facts.push(Fact::Line(line));
                }
                Fact::Shelved(thing) if thing.shelf.is_sealed() => {
                    let (subject, body) = self.thing(&thing)?;
                    batch.facts.extend([Fact::Subject(subject), Fact::Shelved(Shelved { body, ..thing })]);
                }
                Fact::Unshelved { shelf, name } if shelf.is_sealed() => {
                    let gone = Fact::SubjectsGone(vec![of_thing(shelf, &name)]);
                    batch.facts.extend([gone, Fact::Unshelved { shelf, name }]);
                }
                Fact::SourceRenamed { old, new } => {
                    batch.facts.push(Shelf::Renames.put(old.clone(), &new));
                    batch.facts.push(Fact::SourceRenamed { old, new });
                }
                Fact::SubjectsGone(gone) => {
                    keys.retain(|_, known| !gone.contains(&known.subject.id));
                    batch.facts.push(Fact::SubjectsGone(gone));
                }
                other => batch.facts.push(other),
            }
        }
        Some(batch)
    }

    /// What it says of people goes behind what may stand in the clear, under a key for each of them.
    fn line(&self, draft: EntryDraft, keys: &mut HashMap<Arc<str>, AtHand>, batch: &mut Batch) -> Option<EntryDraft> {
        let EntryDraft { run, event, change, rest, personal } = draft;
        let clear = rest.strip_suffix('}').unwrap_or(&rest);
        let mut line =
            String::with_capacity(clear.len() + SEALED.len() + personal.iter().map(|(_, text)| text.len() * 2 + 100).sum::<usize>());
        line.push_str(clear);
        line.push_str(SEALED);
        for (at, (whom, text)) in personal.iter().enumerate() {
            if keys.get(whom).is_none_or(|known| known.run != run) {
                if keys.len() >= AT_HAND {
                    keys.clear();
                }
                let (subject, key) = seal::make(whom, None, self.wrapping.as_ref(), Timestamp::now())?;
                keys.insert(whom.clone(), AtHand { run: run.clone(), subject, key, durable: false });
            }
            let known = keys.get(whom)?;
            if !known.durable {
                batch.made.entry(known.subject.id.clone()).or_insert_with(|| (whom.clone(), known.subject.clone()));
            }
            let sealed = known.key.seal(&known.subject.id, clear, text)?;
            let comma = if at > 0 { "," } else { "" };
            for piece in [comma, "[\"", &*known.subject.id, "\",\"", sealed.as_str(), "\"]"] {
                line.push_str(piece);
            }
        }
        line.push_str("]}");
        Some(EntryDraft { run, event, change, rest: line, personal: Vec::new() })
    }

    fn thing(&self, thing: &Shelved) -> Option<(KeptKey, String)> {
        let id = of_thing(thing.shelf, &thing.name);
        let (subject, key) = seal::make(&id, Some(id.clone()), self.wrapping.as_ref(), Timestamp::now())?;
        let body = format!("{MARK}{}", key.seal(&id, &thing.name, &thing.body)?);
        Some((subject, body))
    }

    fn durable(&self, made: &[(Arc<str>, Arc<str>)]) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        for (whom, id) in made {
            // Another one may have taken its place.
            if let Some(known) = keys.get_mut(whom).filter(|known| known.subject.id == *id) {
                known.durable = true;
            }
        }
    }

    async fn open_things(&self, things: Vec<Shelved>) -> Result<Vec<Shelved>, StateError> {
        let part = |thing: &Shelved| {
            let text = thing.body.strip_prefix(MARK)?.to_owned();
            Some(SealedPart { subject: of_thing(thing.shelf, &thing.name), text, with: thing.name.clone() })
        };
        let parts: Vec<SealedPart> = things.iter().filter_map(part).collect();
        let mut opened = self.open_parts(parts).await?.into_iter();
        let open = |thing: Shelved| match thing.body.starts_with(MARK) {
            false => Some(thing),
            // One that nobody can open is none: it is made again.
            true => match opened.next()? {
                Unsealed::Text(body) => Some(Shelved { body, ..thing }),
                Unsealed::Erased | Unsealed::Locked => None,
            },
        };
        Ok(things.into_iter().filter_map(open).collect())
    }

    async fn open_parts(&self, parts: Vec<SealedPart>) -> Result<Vec<Unsealed>, StateError> {
        let mut names: Vec<Arc<str>> = parts.iter().map(|part| part.subject.clone()).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.inner.subjects(Subjects::Named(names)).await?;
        let keys: HashMap<Arc<str>, Option<SubjectKey>> =
            found.iter().map(|subject| (subject.id.clone(), seal::unwrap(subject, self.wrapping.as_ref()))).collect();
        let open = |part: &SealedPart| match keys.get(&part.subject) {
            None => Unsealed::Erased,
            Some(key) => match key.as_ref().and_then(|key| key.open(&part.subject, &part.with, &part.text)) {
                Some(text) => Unsealed::Text(text),
                None => Unsealed::Locked,
            },
        };
        Ok(parts.iter().map(open).collect())
    }
}

/// Between what stands in the clear and what is sealed. No text of a line can hold it: its quotes would be escaped there.
pub(super) const SEALED: &str = ",\"sealed\":[";

/// The key of a thing has the name of the thing: a new one takes the place of the old one.
fn of_thing(shelf: Shelf, name: &str) -> Arc<str> {
    format!("{}/{name}", shelf.word()).into()
}

impl Store for Sealed {
    fn place(&self) -> &Path {
        self.inner.place()
    }

    fn head_place(&self) -> String {
        self.inner.head_place()
    }

    fn is_kept(&self) -> bool {
        self.inner.is_kept()
    }

    fn load(&self) -> StoreAnswer<'_, Memory> {
        self.inner.load()
    }

    fn recollect(&self, known: Option<u64>) -> StoreAnswer<'_, Recollection> {
        self.inner.recollect(known)
    }

    fn load_about(&self, about: About) -> StoreAnswer<'_, Memory> {
        self.inner.load_about(about)
    }

    fn links_by_id(&self, target: Arc<str>, ids: Vec<Arc<str>>) -> StoreAnswer<'_, Vec<Link>> {
        self.inner.links_by_id(target, ids)
    }

    fn link_ids(&self, wanted: Vec<LinkName>) -> StoreAnswer<'_, Vec<Option<Arc<str>>>> {
        self.inner.link_ids(wanted)
    }

    fn left(&self) -> StoreAnswer<'_, Vec<Left>> {
        self.inner.left()
    }

    fn shelf(&self, shelf: Shelf) -> StoreAnswer<'_, Vec<Shelved>> {
        let things = self.inner.shelf(shelf);
        if !shelf.is_sealed() {
            return things;
        }
        Box::pin(async move { self.open_things(things.await?).await })
    }

    fn watch(&self) -> StoreAnswer<'_, Box<dyn Watch>> {
        self.inner.watch()
    }

    fn commit(&self, facts: Vec<Fact>) -> StoreAnswer<'_, ()> {
        let Some(Batch { mut facts, made }) = self.batch(facts) else {
            let path = self.place().to_path_buf();
            return Box::pin(std::future::ready(Err(StateError::Unsealed { path })));
        };
        if made.is_empty() {
            return self.inner.commit(facts);
        }
        let names: Vec<_> = made.iter().map(|(id, (whom, _))| (whom.clone(), id.clone())).collect();
        facts.extend(made.into_values().map(|(_, subject)| Fact::Subject(subject)));
        let kept = self.inner.commit(facts);
        Box::pin(async move {
            kept.await?;
            self.durable(&names);
            Ok(())
        })
    }

    fn subjects(&self, which: Subjects) -> StoreAnswer<'_, Vec<KeptKey>> {
        self.inner.subjects(which)
    }

    fn unseal(&self, parts: Vec<SealedPart>) -> StoreAnswer<'_, Vec<Unsealed>> {
        Box::pin(self.open_parts(parts))
    }

    fn subjects_of(&self, keys: Vec<Arc<str>>) -> StoreAnswer<'_, Vec<Arc<str>>> {
        Box::pin(async move {
            let (mut after, mut theirs) = (Arc::from(""), Vec::new());
            loop {
                let some = self.inner.subjects(Subjects::After(after)).await?;
                let Some(last) = some.last() else { return Ok(theirs) };
                after = last.id.clone();
                for subject in &some {
                    let key = seal::unwrap(subject, self.wrapping.as_ref());
                    let whom = key.and_then(|key| seal::whom(subject, &key));
                    // Of a key that can't be used nobody can say whose it is.
                    let Some(whom) = whom else { return Err(StateError::Locked { path: self.place().to_path_buf() }) };
                    if keys.iter().any(|key| **key == *whom) {
                        theirs.push(subject.id.clone());
                    }
                }
            }
        })
    }

    fn whose(&self, subjects: Vec<Arc<str>>) -> StoreAnswer<'_, Vec<(Arc<str>, Arc<str>)>> {
        Box::pin(async move {
            let found = self.inner.subjects(Subjects::Named(subjects)).await?;
            let whose = |subject: &KeptKey| {
                let key = seal::unwrap(subject, self.wrapping.as_ref())?;
                Some((subject.id.clone(), Arc::from(seal::whom(subject, &key)?)))
            };
            let locked = || StateError::Locked { path: self.place().to_path_buf() };
            found.iter().map(|subject| whose(subject).ok_or_else(locked)).collect()
        })
    }

    fn wrap_keys(&self, former: Option<Wrapping>) -> StoreAnswer<'_, Wrapped> {
        Box::pin(async move {
            let (mut done, mut after) = (Wrapped::default(), Arc::from(""));
            let Some(wrapping) = &self.wrapping else { return Ok(done) };
            loop {
                let some = self.inner.subjects(Subjects::After(after)).await?;
                let Some(last) = some.last() else { return Ok(done) };
                after = last.id.clone();
                let others: Vec<&KeptKey> = some.iter().filter(|subject| !wrapping.wraps(subject)).collect();
                let anew: Vec<Fact> =
                    others.iter().filter_map(|subject| seal::wrap_anew(subject, wrapping, former.as_ref())).map(Fact::Subject).collect();
                done.locked += (others.len() - anew.len()) as u64;
                done.anew += anew.len() as u64;
                if !anew.is_empty() {
                    self.inner.commit(anew).await?;
                }
            }
        })
    }

    fn lines(&self, after: u64, run: Option<Arc<str>>) -> StoreAnswer<'_, Vec<ChainLine>> {
        self.inner.lines(after, run)
    }

    fn open_runs(&self) -> StoreAnswer<'_, Vec<OpenRun>> {
        self.inner.open_runs()
    }

    fn heads(&self) -> StoreAnswer<'_, Heads> {
        self.inner.heads()
    }

    fn generation(&self) -> StoreAnswer<'_, u64> {
        self.inner.generation()
    }

    fn copy_to(&self, file: PathBuf) -> StoreAnswer<'_, ()> {
        self.inner.copy_to(file)
    }

    fn lock(&self, who: &str) -> StoreAnswer<'_, RunLock> {
        self.inner.lock(who)
    }

    fn release(&self, lock: RunLock) -> StoreAnswer<'_, ()> {
        self.inner.release(lock)
    }

    fn lock_beside(&self) -> StoreAnswer<'_, RunLock> {
        self.inner.lock_beside()
    }

    fn under_way(&self) -> StoreAnswer<'_, UnderWay> {
        self.inner.under_way()
    }
}
