//! A small target in memory: it does as it is told, or answers what a test scripts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::connector::limiter::Limiter;
use crate::connector::{LookupRequest, PageSink, Permit, ReadRequest, Reader, TargetConnector, Write, Writer, Written};
use crate::journal::Journal;
use crate::model::{
    Action, AttributeChange, Capabilities, Change, ChangeId, Evidence, MemberChange, ObjectKind, ObjectRef, Page, Plan, ReadReport, Reason,
    StandingRevocation, SystemError, Value,
};
use crate::state::{Fact, Store};

/// As if the disk were full.
const FULL: &str = "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";

/// What the next write gets.
pub(super) enum Script {
    /// it is not done
    Refuse(SystemError),
    /// it is done, and the answer is lost
    Lose(SystemError),
    /// it is done, and the answer has another's id
    Mistake(&'static str),
    /// it is done, and the run is stopped meanwhile
    Stop(CancellationToken),
    /// it is done; meanwhile somebody is revoked, once the intent of their account is in the journal, if it comes while the journal is looked at so often
    Revoke(&'static str, u32),
    /// it is done, and meanwhile the journal of the state there can't be written any more
    Break(std::path::PathBuf),
}

#[derive(Default)]
pub(super) struct Shelf {
    /// id to attributes
    pub(super) objects: BTreeMap<String, BTreeMap<String, Value>>,
    /// group id to members
    pub(super) members: BTreeMap<String, Vec<String>>,
    /// what was written, in order, and when it arrived
    pub(super) log: Vec<(String, Instant)>,
    /// what the next writes get
    pub(super) script: VecDeque<Script>,
    /// what the next lookups get
    pub(super) lookups: VecDeque<SystemError>,
    /// what the service breaks over when it is looked at
    pub(super) broken: Vec<String>,
    /// most writes under way at once
    pub(super) widest: usize,
    under_way: usize,
    /// most intents without an outcome that stood in the journal at any write
    pub(super) most_open: usize,
    next: u32,
}

#[derive(Clone)]
pub(super) struct Fake {
    pub(super) limiter: Arc<Limiter>,
    pub(super) shelf: Arc<Mutex<Shelf>>,
    pub(super) store: Arc<dyn Store>,
    pub(super) batch: usize,
    pub(super) chunk: usize,
}

impl Fake {
    pub(super) fn new(store: &Arc<dyn Store>) -> Self {
        Self { limiter: Arc::default(), shelf: Arc::default(), store: store.clone(), batch: 1, chunk: 100 }
    }

    pub(super) fn connector(&self, marker: bool) -> TargetConnector {
        let marker = marker.then(|| Arc::from("externalId"));
        let capabilities = Capabilities { account_marker: marker.clone(), group_marker: marker, ..Capabilities::default() };
        TargetConnector {
            reader: Box::new(self.clone()),
            writer: Box::new(self.clone()),
            capabilities,
            system: 1,
            limiter: self.limiter.clone(),
        }
    }

    pub(super) fn script(&self, script: impl IntoIterator<Item = Script>) {
        self.shelf.lock().unwrap().script.extend(script);
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.shelf.lock().unwrap().log.iter().map(|(words, _)| words.clone()).collect()
    }

    pub(super) fn object(&self, id: &str) -> BTreeMap<String, Value> {
        self.shelf.lock().unwrap().objects.get(id).cloned().unwrap_or_default()
    }

    pub(super) fn put(&self, id: &str, attributes: &[(&str, &str)]) {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), Value::text(value))).collect();
        self.shelf.lock().unwrap().objects.insert(id.to_owned(), attributes);
    }

    fn do_it(shelf: &mut Shelf, write: &Write<'_>) -> Result<Written, SystemError> {
        let id = match (&write.id, write.change.action) {
            (_, Action::Create) => {
                let name = write.attributes.iter().find(|(name, _)| name.as_ref() == "userName").and_then(|(_, value)| value.clone());
                if name.is_some() && shelf.objects.values().any(|object| object.get("userName") == name.as_ref()) {
                    return Err(SystemError::Conflict("the name is taken".into()));
                }
                shelf.next += 1;
                format!("id{}", shelf.next)
            }
            (Some(id), _) => id.to_string(),
            (None, _) => return Err(SystemError::Rejected("no id".into())),
        };
        let members = shelf.members.entry(id.clone()).or_default();
        match write.change.action {
            Action::Delete => drop(shelf.objects.remove(&id)),
            Action::AddMembers => members.extend(write.members.iter().map(|(_, id)| id.to_string())),
            Action::RemoveMembers => members.retain(|member| !write.members.iter().any(|(_, id)| id.as_ref() == member)),
            _ => {
                let object = shelf.objects.entry(id.clone()).or_default();
                object.extend(write.attributes.iter().filter_map(|(name, value)| Some((name.to_string(), value.clone()?))));
            }
        }
        // Whoever has a nickname is known by it.
        let called = write.attributes.iter().find(|(name, _)| name.as_ref() == "nickName").and_then(|(_, name)| name.as_ref()?.as_text());
        Ok(Written { id: called.map_or_else(|| Arc::from(id), Arc::from), already_so: false })
    }

    fn arrive(&self) {
        let mut shelf = self.shelf.lock().unwrap();
        shelf.under_way += 1;
        shelf.widest = shelf.widest.max(shelf.under_way);
    }

    async fn revoke(&self, key: &str) {
        let at = "2026-11-22T12:00:00Z".parse().unwrap();
        let revocation =
            StandingRevocation { key: key.into(), reason: "stolen laptop".into(), at, until: None, also: Vec::new(), receipts: Vec::new() };
        self.store.commit(vec![Fact::Revoked(revocation)]).await.unwrap();
    }

    /// Until the journal has the intent of whoever the next write revokes.
    async fn wait_for_intent(&self) {
        let script = self.shelf.lock().unwrap().script.front().map(|script| match script {
            Script::Revoke(key, looks) => (*key, *looks),
            _ => ("", 0),
        });
        let (key, looks) = script.unwrap_or(("", 0));
        for _ in 0..looks {
            let open = Journal::new(self.store.as_ref()).unfinished().await.unwrap();
            if open.iter().any(|(_, intent)| intent.object.key.as_ref() == key) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn answer(&self, write: &Write<'_>) -> Result<Written, SystemError> {
        let script = {
            let mut shelf = self.shelf.lock().unwrap();
            shelf.log.push((format!("{:?} {}", write.change.action, write.change.object.key), Instant::now()));
            shelf.script.pop_front()
        };
        if let Some(Script::Revoke(key, _)) = &script {
            self.revoke(key).await;
        }
        let mut shelf = self.shelf.lock().unwrap();
        match script {
            None | Some(Script::Revoke(..)) => Self::do_it(&mut shelf, write),
            Some(Script::Break(state)) => {
                rusqlite::Connection::open(state).unwrap().execute_batch(FULL).unwrap();
                Self::do_it(&mut shelf, write)
            }
            Some(Script::Refuse(error)) => Err(error),
            Some(Script::Mistake(id)) => Self::do_it(&mut shelf, write).map(|written| Written { id: id.into(), ..written }),
            Some(Script::Lose(error)) => Self::do_it(&mut shelf, write).and(Err(error)),
            Some(Script::Stop(cancel)) => {
                cancel.cancel();
                Self::do_it(&mut shelf, write)
            }
        }
    }
}

impl Writer for Fake {
    fn batch_size(&self) -> usize {
        self.batch
    }

    fn members_per_write(&self) -> usize {
        self.chunk
    }

    fn id_after(&self, change: &Change) -> Option<Arc<str>> {
        let name = change.attributes.iter().find(|attribute| attribute.attribute.as_ref() == "nickName")?;
        name.after.as_ref()?.as_text().map(Arc::from)
    }

    fn write<'a>(&'a self, batch: &'a [Write<'a>], _permit: &'a Permit) -> BoxFuture<'a, Vec<Result<Written, SystemError>>> {
        Box::pin(async move {
            let open = Journal::new(self.store.as_ref()).unfinished().await.unwrap();
            {
                let mut shelf = self.shelf.lock().unwrap();
                shelf.most_open = shelf.most_open.max(open.len());
            }
            for write in batch {
                assert!(open.iter().any(|(_, intent)| intent.object.key == write.change.object.key), "sent before its intent was durable");
            }
            self.arrive();
            tokio::task::yield_now().await;
            self.wait_for_intent().await;
            let mut answers = Vec::with_capacity(batch.len());
            for write in batch {
                answers.push(self.answer(write).await);
            }
            self.shelf.lock().unwrap().under_way -= 1;
            answers
        })
    }
}

impl Reader for Fake {
    fn read<'a>(&'a self, _request: &'a ReadRequest, _sink: &'a mut dyn PageSink) -> BoxFuture<'a, ReadReport> {
        Box::pin(async { ReadReport::all(&[ObjectKind::Account], &Evidence::Complete) })
    }

    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>> {
        Box::pin(async move {
            let mut shelf = self.shelf.lock().unwrap();
            if let Some(error) = shelf.lookups.pop_front() {
                return Err(error);
            }
            if shelf.broken.iter().any(|id| **id == *request.value) {
                return Err(SystemError::Unavailable("HTTP 500".into()));
            }
            let wanted = Value::Text(request.value.clone());
            let hit = |id: &String, object: &BTreeMap<String, Value>| match request.attribute.as_ref() {
                "id" => *id == *request.value,
                attribute => object.get(attribute) == Some(&wanted),
            };
            let mut page = Page::new(request.columns.clone());
            if request.kind == ObjectKind::Membership {
                shelf.members.get(request.value.as_ref()).into_iter().flatten().for_each(|id| page.row_of(&[Some(Value::text(id))]));
                return Ok(page);
            }
            for id in shelf.objects.iter().filter(|(id, object)| hit(id, object)).map(|(id, _)| id) {
                page.row_of(&[Some(Value::text(id))]);
            }
            Ok(page)
        })
    }
}

/// A change of the target `chat`.
pub(super) fn change(action: Action, kind: ObjectKind, key: &str, id: Option<&str>) -> Change {
    Change::new(&"chat".into(), action, object(kind, key, id), Reason::Joiner)
}

pub(super) fn object(kind: ObjectKind, key: &str, id: Option<&str>) -> ObjectRef {
    ObjectRef { kind, key: Arc::from(key), id: id.map(Arc::from), name: Arc::from(key.rsplit('/').next().unwrap()) }
}

/// A create with name and marker.
pub(super) fn create(key: &str) -> Change {
    let name = key.rsplit('/').next().unwrap();
    change(Action::Create, ObjectKind::Account, key, None).with("externalId", None, Some(Value::text(format!("acme:{key}")))).with(
        "userName",
        None,
        Some(Value::text(name)),
    )
}

pub(super) fn plan(changes: Vec<Change>) -> Plan {
    let as_of = jiff::civil::date(2026, 11, 22);
    Plan {
        format_version: 1,
        workspace: Arc::from("acme"),
        as_of,
        filter: Default::default(),
        changes,
        findings: Vec::new(),
        evidence: Vec::new(),
        limits: Vec::new(),
        upcoming: Default::default(),
    }
}

pub(super) trait Building {
    fn with(self, attribute: &str, before: Option<Value>, after: Option<Value>) -> Self;
    fn member(self, kind: ObjectKind, key: &str, id: Option<&str>) -> Self;
    fn needs(self, needs: &[u32]) -> Self;
    fn at(self, target: &str) -> Self;
}

impl Building for Change {
    fn with(mut self, attribute: &str, before: Option<Value>, after: Option<Value>) -> Self {
        self.attributes.push(AttributeChange { attribute: Arc::from(attribute), before, after, sensitive: false, privileged: false });
        self
    }

    fn member(mut self, kind: ObjectKind, key: &str, id: Option<&str>) -> Self {
        self.members.push(MemberChange { member: object(kind, key, id), people: 1 });
        self
    }

    fn needs(mut self, needs: &[u32]) -> Self {
        self.needs = needs.iter().copied().map(ChangeId).collect();
        self
    }

    fn at(mut self, target: &str) -> Self {
        self.target = Arc::from(target);
        self
    }
}
