//! What the task does: the file on this machine, what it has told the bucket, and what it has heard from there.
//!
//! Must never: go on writing to a stream that somebody closed, or leave out what another process made durable before an intent of ours was.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use object_store::UpdateVersion;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::HEAD;
use super::bucket::{Bucket, Written};
use super::image::{self, IMAGE, ImageHead};
use super::lease::{self, Kept};
use super::segment::{ClosedBy, JOURNAL, Position, Positions, Segment, SegmentName};
use crate::fence::Tenure;
use crate::state::lease::LeaseTime;
use crate::state::lock::Holder;
use crate::state::{Fact, Head, Heads, Replacement, RunLock, StateError, Store, UnderWay, sqlite};

/// A revocation that wrote nothing for so long, by the bucket's clock, is over.
const REVOCATION: i64 = 15 * 60;
/// Objects that are asked for at once.
const AT_ONCE: usize = 16;

/// The file on this machine, in a folder that goes with it.
struct Local {
    store: Arc<dyn Store>,
    folder: TempDir,
    /// the image that it was
    image: Option<UpdateVersion>,
}

/// What one process has of a state.
pub(super) struct Worker {
    bucket: Arc<Bucket>,
    time: LeaseTime,
    workspace: String,
    local: Local,
    positions: Positions,
    /// the stream that we write to
    own: Option<u64>,
    /// something is known that no image holds
    news: bool,
    /// when a revocation was last heard of
    revocation: Option<i64>,
    held: Option<Held>,
    looks: bool,
    /// somebody was erased: what was written ahead goes once an image holds the rest
    erases: bool,
}

/// The lock, and by what name we have it.
struct Held {
    kept: Kept,
    run: String,
}

impl Worker {
    /// To work on a state. Nothing is written by it.
    pub(super) async fn open(bucket: Arc<Bucket>, workspace: &str, time: LeaseTime) -> Result<Self, StateError> {
        let (local, positions) = Local::read(&bucket, Some(workspace)).await?;
        let mut worker = Self::of(bucket, workspace, time, local, positions);
        worker.hear().await?;
        Ok(worker)
    }

    /// To look at a state; nothing where there is none.
    pub(super) async fn look(bucket: Arc<Bucket>, workspace: Option<&str>, time: LeaseTime) -> Result<Option<Self>, StateError> {
        let (local, positions) = Local::read(&bucket, workspace).await?;
        let none = local.image.is_none();
        let mut worker = Self { looks: true, ..Self::of(bucket, workspace.unwrap_or_default(), time, local, positions) };
        worker.hear().await?;
        Ok((!none || worker.news).then_some(worker))
    }

    /// Puts a file in the place of the image, as a run of its own.
    pub(super) async fn put(bucket: Arc<Bucket>, time: LeaseTime, replacement: Replacement<'_>) -> Result<(), StateError> {
        let mut worker = Self::open(bucket, replacement.workspace, time).await?;
        let lock = worker.lock(replacement.who).await?;
        let taken = worker.take(replacement).await;
        let released = worker.release(lock).await;
        taken.and(released)
    }

    async fn take(&mut self, replacement: Replacement<'_>) -> Result<(), StateError> {
        replacement.check(self.local(), &self.bucket.shown()).await?;
        let file = sqlite::look_at(replacement.file, replacement.workspace).await?;
        let file = file.ok_or_else(|| StateError::Missing { path: replacement.file.to_path_buf() })?;
        let folder = private_folder(&self.bucket)?;
        let path = folder.path().join("state.db");
        file.copy_to(path.clone()).await?;
        let store = sqlite::open(&path, replacement.workspace).await?;
        self.local = Local { store, folder, image: self.local.image.clone() };
        self.news = true;
        Ok(())
    }

    fn of(bucket: Arc<Bucket>, workspace: &str, time: LeaseTime, local: Local, positions: Positions) -> Self {
        let workspace = workspace.to_owned();
        Self {
            bucket,
            time,
            workspace,
            local,
            positions,
            own: None,
            news: false,
            revocation: None,
            held: None,
            looks: false,
            erases: false,
        }
    }

    /// The file on this machine.
    pub(super) fn local(&self) -> &dyn Store {
        self.local.store.as_ref()
    }

    /// The same, with what others have told until now. A run hears of it with its intents, and whoever looks has one view.
    pub(super) async fn heard(&mut self) -> Result<&dyn Store, StateError> {
        if self.held.is_none() && !self.looks {
            self.hear().await?;
        }
        Ok(self.local())
    }

    /// Takes in what others have written, each stream in its order, and all of them as they were written.
    async fn hear(&mut self) -> Result<(), StateError> {
        let listed = self.bucket.list(JOURNAL, &self.positions.after()).await?;
        let mut last = BTreeMap::new();
        let mut new = Vec::new();
        for (name, written) in listed {
            let Some(name) = SegmentName::parse(&name) else { continue };
            let known = self.positions.next(name.stream).is_none_or(|position| name.seq < position.next);
            if self.own == Some(name.stream) || known {
                continue;
            }
            let at: &mut i64 = last.entry(name.stream).or_insert(written);
            *at = (*at).max(written);
            new.push((*at, name));
        }
        new.sort_unstable();
        let bucket = self.bucket.clone();
        let mut read = stream::iter(new).map(|(at, name)| {
            let bucket = bucket.clone();
            async move { bucket.get(&name.text()).await.map(|found| (at, name, found)) }
        });
        let mut read = std::pin::pin!(read.by_ref().buffered(AT_ONCE));
        while let Some(found) = read.next().await {
            let (at, name, found) = found?;
            let found = found.ok_or_else(|| self.damaged(name, "it was there a moment ago"))?;
            self.take_in(name, at, &found.bytes).await?;
        }
        Ok(())
    }

    async fn take_in(&mut self, name: SegmentName, at: i64, bytes: &[u8]) -> Result<(), StateError> {
        // Nothing follows on what is closed: whatever stands there was put there.
        let Some(position) = self.positions.next(name.stream) else {
            return Err(self.damaged(name, "it follows on the last one of its stream"));
        };
        if position.next != name.seq {
            return Err(self.damaged(SegmentName { seq: position.next, ..name }, "it is missing, and what follows is there"));
        }
        let segment = Segment::read(name, bytes, &position).map_err(|why| self.damaged(name, &why))?;
        if segment.head.beside && !segment.facts.is_empty() {
            self.revocation = self.revocation.max(Some(at));
        }
        self.remember(name, segment, bytes).await
    }

    async fn remember(&mut self, name: SegmentName, segment: Segment, bytes: &[u8]) -> Result<(), StateError> {
        let position = segment.after(bytes);
        if !segment.facts.is_empty() {
            self.local.store.commit(segment.facts).await?;
            self.news = true;
        }
        self.positions.set(name.stream, position);
        Ok(())
    }

    /// Durable there first, then here. Where something is meant, whatever others made durable before is known when it answers.
    pub(super) async fn commit(&mut self, facts: Vec<Fact>) -> Result<(), StateError> {
        if self.looks {
            return Err(StateError::OnlyLooked { path: self.bucket.shown() });
        }
        if facts.is_empty() {
            return self.held.as_ref().and_then(|held| held.kept.lease.lost()).map_or(Ok(()), |why| Err(self.lost(why)));
        }
        self.erases |= facts.iter().any(|fact| matches!(fact, Fact::Erased(_)));
        let means = facts.iter().any(|fact| matches!(fact, Fact::Line(line) if line.event == "intent"));
        self.tell(facts, None).await?;
        if means { self.hear().await } else { Ok(()) }
    }

    /// Makes the next object of our stream.
    async fn tell(&mut self, facts: Vec<Fact>, closed: Option<ClosedBy>) -> Result<(), StateError> {
        loop {
            if let Some(why) = self.held.as_ref().and_then(|held| held.kept.lease.lost()) {
                return Err(self.lost(why));
            }
            let stream = self.own.unwrap_or_else(|| self.positions.another());
            let beside = self.held.is_none();
            let position = Position { beside, ..self.positions.next(stream).unwrap_or_default() };
            let name = SegmentName { stream, seq: position.next };
            let segment = Segment::new(name, &position, facts.clone(), closed.clone());
            let bytes = segment.bytes();
            match self.bucket.create(&name.text(), bytes.clone()).await? {
                Written::Done(_) => {
                    self.own = Some(stream);
                    return self.remember(name, segment, &bytes).await;
                }
                Written::Taken => self.refused(name).await?,
            }
        }
    }

    /// Somebody closed our stream, has the number that we wanted, or it was us and we did not hear of it.
    async fn refused(&mut self, name: SegmentName) -> Result<(), StateError> {
        if self.own.is_none() {
            return self.hear().await;
        }
        let found = self.bucket.get(&name.text()).await?.ok_or_else(|| self.damaged(name, "it was there a moment ago"))?;
        self.take_in(name, found.written, &found.bytes).await?;
        if self.positions.next(name.stream).is_some() {
            return Ok(());
        }
        self.own = None;
        match &self.held {
            None => Ok(()),
            Some(held) => {
                held.kept.lease.lose("another run took it over".to_owned());
                Err(self.lost("another run took it over".to_owned()))
            }
        }
    }

    /// Takes the lock, then closes whatever others still write to, then reads it.
    pub(super) async fn lock(&mut self, who: &str) -> Result<RunLock, StateError> {
        let run = format!("{}-{:08x}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ"), fastrand::u32(..));
        let holder = Holder { run: Some(run.clone()), ..Holder::this(who) };
        if let Some(held) = &self.held {
            let holder = Holder { run: Some(held.run.clone()), ..holder };
            return Err(StateError::Busy { path: self.bucket.shown(), holder: Box::new(holder) });
        }
        let kept = lease::take(&self.bucket, &self.time, holder).await?;
        let lock = RunLock::leased(kept.lease.clone(), kept.from.clone());
        let begun = self.begin(&run).await;
        self.held = Some(Held { kept, run });
        // From its first moment on, so that whoever takes over has something to close.
        let begun = match begun {
            Ok(()) => self.tell(Vec::new(), None).await,
            error => error,
        };
        if begun.is_err()
            && let Some(held) = self.held.take()
        {
            held.kept.release(&self.bucket).await?;
        }
        begun.map(|()| lock)
    }

    async fn begin(&mut self, run: &str) -> Result<(), StateError> {
        self.own = None;
        let now = self.bucket.version(IMAGE).await?;
        if now.as_ref().map(|version| &version.e_tag) != self.local.image.as_ref().map(|version| &version.e_tag) {
            (self.local, self.positions) = Local::read(&self.bucket, Some(&self.workspace)).await?;
            self.news = false;
        }
        self.hear().await?;
        while let Some(stream) = self.positions.open().first().copied() {
            let position = self.positions.next(stream).unwrap_or_default();
            let name = SegmentName { stream, seq: position.next };
            let segment = Segment::new(name, &position, Vec::new(), Some(ClosedBy::Other(run.to_owned())));
            let bytes = segment.bytes();
            match self.bucket.create(&name.text(), bytes.clone()).await? {
                Written::Done(_) => self.remember(name, segment, &bytes).await?,
                // It wrote once more.
                Written::Taken => self.hear().await?,
            }
        }
        Ok(())
    }

    /// The end of a run: an image for the next one, then the lock.
    pub(super) async fn release(&mut self, lock: RunLock) -> Result<(), StateError> {
        let Some(held) = self.held.take() else { return Ok(()) };
        self.held = Some(held);
        let ended = self.end().await;
        let Some(held) = self.held.take() else { return ended };
        self.own = None;
        let released = held.kept.release(&self.bucket).await;
        drop(lock);
        ended.and(released)
    }

    async fn end(&mut self) -> Result<(), StateError> {
        self.hear().await?;
        self.tell(Vec::new(), Some(ClosedBy::Itself)).await?;
        self.own = None;
        if !self.news {
            return Ok(());
        }
        let run = self.held.as_ref().map(|held| held.run.clone()).unwrap_or_default();
        let bytes = self.pack(&run).await?;
        let written = match self.local.image.clone() {
            Some(version) => self.bucket.replace(IMAGE, bytes.clone(), version).await?,
            None => self.bucket.create(IMAGE, bytes.clone()).await?,
        };
        match written {
            Written::Done(version) => {
                self.local.image = Some(version);
                self.news = false;
            }
            Written::Taken => {
                let ours = format!("state.conflict-{run}.db.gz");
                self.bucket.create(&ours, bytes).await?;
                return Err(StateError::Conflict { path: self.bucket.shown(), ours: self.bucket.object(&ours) });
            }
        }
        self.keep_head().await?;
        if std::mem::take(&mut self.erases) { self.clear_ahead().await } else { Ok(()) }
    }

    /// Takes away what was written ahead and the image holds: keys and people that were erased stand there still. The last object of each stream stays, so that
    /// whoever wrote it once makes nothing durable behind our back.
    async fn clear_ahead(&mut self) -> Result<(), StateError> {
        let listed = self.bucket.list(JOURNAL, "").await?;
        let mut last: BTreeMap<u64, SegmentName> = BTreeMap::new();
        let mut gone = Vec::new();
        for name in listed.iter().filter_map(|(name, _)| SegmentName::parse(name)) {
            if self.positions.next(name.stream).is_none()
                && let Some(before) = last.insert(name.stream, name)
            {
                gone.push(before.text());
            }
        }
        self.bucket.remove(&gone).await
    }

    async fn pack(&self, run: &str) -> Result<Bytes, StateError> {
        let place = self.bucket.shown();
        let copy = self.local.folder.path().join(format!("image-{run}.db"));
        self.local.store.copy_to(copy.clone()).await?;
        let head = ImageHead::new(&self.workspace, self.local.store.generation().await?, &self.positions, run);
        let packed = spawn_blocking(move || {
            let packed = image::pack(&copy, &head);
            packed.and_then(|packed| std::fs::remove_file(&copy).map(|()| packed))
        });
        packed.await.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(|source| StateError::Copy { path: place, source })
    }

    /// After the image: one that lags behind proves less, and nothing wrong.
    async fn keep_head(&self) -> Result<(), StateError> {
        let Some(head) = self.local.store.heads().await?.written else { return Ok(()) };
        let bytes = Bytes::from(format!("{}\n", head.text()));
        match self.bucket.get(HEAD).await? {
            Some(read) => self.bucket.replace(HEAD, bytes, read.version).await.map(drop),
            None => self.bucket.create(HEAD, bytes).await.map(drop),
        }
    }

    /// What is known of the journal's last line.
    pub(super) async fn heads(&mut self) -> Result<Heads, StateError> {
        let Heads { written, checkpoint, .. } = self.heard().await?.heads().await?;
        let apart = self.bucket.get(HEAD).await?.and_then(|read| Head::parse(std::str::from_utf8(&read.bytes).ok()?));
        Ok(Heads { apart, written, checkpoint })
    }

    /// What can't be looked at counts as under way.
    pub(super) async fn under_way(&self) -> UnderWay {
        let run = lease::holder(&self.bucket).await.map_or(true, |holder| holder.is_some());
        let now = self.held.as_ref().map(|held| held.kept.taken);
        let lately = |at: i64| now.is_none_or(|now| now - at < REVOCATION);
        UnderWay { run, revocation: self.revocation.is_some_and(lately) }
    }

    fn lost(&self, why: String) -> StateError {
        StateError::LostLock { path: self.bucket.shown(), why }
    }

    fn damaged(&self, name: SegmentName, why: &str) -> StateError {
        StateError::Damaged { object: self.bucket.object(&name.text()), why: why.to_owned() }
    }
}

impl Local {
    /// The image, unpacked and opened; a new file where there is none. Says how much of what was written ahead it holds.
    async fn read(bucket: &Bucket, workspace: Option<&str>) -> Result<(Self, Positions), StateError> {
        let place = bucket.shown();
        let folder = private_folder(bucket)?;
        let path = folder.path().join("state.db");
        let Some(read) = bucket.get(IMAGE).await? else {
            let store = sqlite::open(&path, workspace.unwrap_or_default()).await?;
            return Ok((Self { store, folder, image: None }, Positions::default()));
        };
        let damaged = |why: std::io::Error| StateError::Damaged { object: bucket.object(IMAGE), why: why.to_string() };
        let head = image::head(&read.bytes).map_err(damaged)?;
        if let Some(wanted) = workspace.filter(|wanted| *wanted != head.workspace) {
            return Err(StateError::OtherWorkspace { path: place, found: head.workspace, wanted: wanted.to_owned() });
        }
        let (bytes, to): (Bytes, PathBuf) = (read.bytes, path.clone());
        let unpacked = spawn_blocking(move || image::unpack(&bytes, &to)).await;
        unpacked.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(damaged)?;
        let store = sqlite::open(&path, &head.workspace).await?;
        Ok((Self { store, folder, image: Some(read.version) }, head.positions))
    }
}

fn private_folder(bucket: &Bucket) -> Result<TempDir, StateError> {
    let folder = tempfile::Builder::new().prefix("headcount-state-").tempdir();
    folder.map_err(|source| StateError::Folder { path: bucket.shown(), source })
}
