//! Sources whose systems push: what is in their inbox. Whoever reads is told where that is by the connections it reads over.
//!
//! A push never proves absence, so the evidence is `Delta` at best. Must never: say of somebody that they are gone whose going is held.

mod describe;
mod held;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json};

pub use describe::InboxConnector;
use held::{Allowed, held};

use super::pack::Packer;
use super::{LookupRequest, PageSink, ReadRequest, ReadScope, Reader, RecordKey, Surroundings};
use crate::manifest::connection::InboxConnection;
use crate::manifest::quantity::{self, Amount};
use crate::model::{Cell, Columns, Evidence, ObjectKind, Page, ReadReport, SystemError, Watermark};

/// Rows of a page.
const ROWS: usize = 500;
/// A system that is silent for longer is asked after.
const QUIET: SignedDuration = SignedDuration::from_hours(6);

/// Where inboxes are.
pub trait InboxPlace: Debug + Send + Sync {
    /// What is in the inbox of a Source.
    fn sight<'a>(&'a self, source: &'a str) -> BoxFuture<'a, Result<InboxSight, SystemError>>;
}

/// What is in an inbox.
#[derive(Debug)]
pub struct InboxSight {
    /// its users
    pub records: Arc<dyn InboxRecords>,
    /// when its system was heard of last
    pub heard: Option<Timestamp>,
}

/// The users of an inbox. Between two questions others may push: whoever asks takes the mark first, and is told again of what changed meanwhile.
pub trait InboxRecords: Debug + Send + Sync {
    /// How each of them stands.
    fn standings(&self, take: &mut dyn FnMut(InboxStanding<'_>));
    /// Some of them.
    fn told(&self, ids: &[Arc<str>], take: &mut dyn FnMut(InboxRecord<'_>));
    /// Up to where changes are known.
    fn mark(&self) -> Watermark;
    /// Who changed since a mark. None where nobody can say, or where a record may have another key than it had: the key is made of these paths.
    fn changed(&self, since: &Watermark, key: &[Arc<str>]) -> Option<Vec<Arc<str>>>;
}

/// How one user stands.
#[derive(Clone, Copy, Debug)]
pub struct InboxStanding<'r> {
    /// by its own name
    pub id: &'r Arc<str>,
    /// as its system calls it
    pub external: Option<&'r Arc<str>>,
    /// it is there
    pub active: bool,
    /// since when it is not, after it was
    pub gone: Option<Timestamp>,
    /// by when it came
    pub order: u64,
}

/// One user.
#[derive(Debug)]
pub struct InboxRecord<'r> {
    /// by its own name
    pub id: &'r str,
    /// since when it is not there, after it was
    pub gone: Option<Timestamp>,
    /// what was pushed
    pub fields: Map<String, Json>,
}

/// Reads an inbox.
#[derive(Debug)]
struct InboxReader {
    place: Option<Arc<dyn InboxPlace>>,
    source: Arc<str>,
    quiet: SignedDuration,
}

/// Opens the inbox of a Source.
fn open_source(connection: &InboxConnection, surroundings: &Surroundings) -> InboxReader {
    let quiet = connection.quiet_after.as_deref().and_then(|text| quantity::duration(text).ok()).unwrap_or(QUIET);
    InboxReader { place: surroundings.connections.inboxes(), source: surroundings.system.clone(), quiet }
}

impl Reader for InboxReader {
    fn read<'a>(&'a self, request: &'a ReadRequest, sink: &'a mut dyn PageSink) -> BoxFuture<'a, ReadReport> {
        async move {
            let (mut kinds, mut next) = (Vec::new(), BTreeMap::new());
            for (kind, columns) in &request.streams {
                let (evidence, mark) = match kind {
                    ObjectKind::Account => self.records(columns, request, sink).await.unwrap_or_else(|error| (unreadable(&error), None)),
                    _ => (Evidence::Unreadable { reason: "an inbox holds records only".into() }, None),
                };
                kinds.push((*kind, evidence));
                next.extend(mark.map(|mark| (*kind, mark)));
            }
            ReadReport { kinds, next }
        }
        .boxed()
    }

    fn own_id(&self) -> Option<Arc<str>> {
        Some("id".into())
    }

    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>> {
        async move {
            let sight = self.sight().await?;
            // One column more than wanted: the one that is asked about.
            let asked = Columns::new(request.columns.paths().iter().chain([&request.attribute]));
            let (mut packer, mut page, mut found) = (Packer::new(&asked), Page::new(asked.clone()), Page::new(request.columns.clone()));
            let mut ids = Vec::new();
            sight.records.standings(&mut |standing| ids.push(standing.id.clone()));
            sight.records.told(&ids, &mut |record| pack(&mut packer, &record.fields, &mut page));
            for row in page.rows() {
                let cells: Vec<Cell<'_>> = row.cells().collect();
                let Some((last, cells)) = cells.split_last() else { continue };
                if matches!(last, Cell::Text(text) if **text == *request.value) {
                    found.row(|out| cells.iter().for_each(|cell| out.cell(*cell)));
                }
            }
            Ok(found)
        }
        .boxed()
    }
}

impl InboxReader {
    async fn sight(&self) -> Result<InboxSight, SystemError> {
        let place =
            self.place.as_ref().ok_or_else(|| SystemError::Rejected("the state that its inbox is kept in is not at hand".into()))?;
        place.sight(&self.source).await
    }

    async fn records(
        &self,
        columns: &Arc<Columns>,
        request: &ReadRequest,
        sink: &mut dyn PageSink,
    ) -> Result<(Evidence, Option<Watermark>), SystemError> {
        let sight = self.sight().await?;
        let records = sight.records.as_ref();
        let mark = records.mark();
        let told = Told::of(records, request.reads.as_ref().unwrap_or(columns), allowed(request));
        let evidence = self.evidence(&told, sight.heard, Timestamp::now());
        let ids = match &request.scope {
            ReadScope::All => told.all(),
            ReadScope::Changed(marks) if !marks.contains_key(&ObjectKind::Account) => told.all(),
            ReadScope::Changed(marks) => {
                let changed = marks
                    .get(&ObjectKind::Account)
                    .and_then(|since| records.changed(since, request.key.as_ref().map_or(&[], RecordKey::reads)));
                // Whose going is held may be another than it was: what is not believed of somebody is told by a whole read alone.
                let Some(changed) = changed.filter(|_| evidence == Evidence::Delta) else {
                    return Ok((Evidence::Unreadable { reason: "what changed does not say all: it is read as a whole".into() }, None));
                };
                told.those(&changed)
            }
        };
        let (mut packer, mut page) = (Packer::new(columns), Page::new(columns.clone()));
        for some in ids.chunks(ROWS) {
            records.told(some, &mut |record| {
                // Who went since the others were counted was not counted with them.
                match record.gone.is_none() || told.believed.contains(record.id) {
                    true => pack(&mut packer, &record.fields, &mut page),
                    false => pack_held(&mut packer, &record.fields, &mut page, columns),
                }
            });
            sink.page(ObjectKind::Account, &page);
            page = Page::new(columns.clone());
        }
        // What was not believed, or may have been missed, is read as a whole next time, too.
        let next = (evidence == Evidence::Delta).then_some(mark);
        Ok((evidence, next))
    }

    fn evidence(&self, told: &Told, heard: Option<Timestamp>, now: Timestamp) -> Evidence {
        if told.held > 0 {
            let (held, all) = (told.held, told.active + told.gone);
            let reason = format!(
                "{held} of {all} people were deactivated or deleted there within 24 hours, more than may go at once, so that is not believed (if they have left, `completeness: {{maxShrink: '{held}'}}` in the Source lets them go)"
            );
            return Evidence::Partial { reason };
        }
        match heard {
            None => Evidence::Partial { reason: "nothing was ever pushed to it".into() },
            Some(heard) if now.duration_since(heard) > self.quiet => {
                let hours = now.duration_since(heard).as_hours();
                Evidence::Partial { reason: format!("nothing was heard of it for {hours} hours: does its system push still?") }
            }
            Some(_) => Evidence::Delta,
        }
    }
}

fn allowed(request: &ReadRequest) -> Allowed {
    match request.may_shrink {
        Some(Amount::Share(share)) => Allowed::Share(share),
        Some(Amount::Count(count)) => Allowed::Count(count),
        None => Allowed::default(),
    }
}

fn unreadable(error: &SystemError) -> Evidence {
    Evidence::Unreadable { reason: error.to_string() }
}

fn pack(packer: &mut Packer, fields: &Map<String, Json>, page: &mut Page) {
    // A map of JSON is JSON.
    let text = serde_json::to_string(fields).unwrap_or_default();
    drop(packer.json(&text, page));
}

/// What says that they are gone is not believed, and not unsaid: nobody is let in or put out by it.
fn pack_held(packer: &mut Packer, fields: &Map<String, Json>, page: &mut Page, columns: &Arc<Columns>) {
    let mut one = Page::new(columns.clone());
    pack(packer, fields, &mut one);
    for row in one.rows() {
        page.row(|out| {
            for (path, cell) in columns.paths().iter().zip(row.cells()) {
                match &**path {
                    "active" | "deleted" => out.unreadable("they went with too many others at once, so the Source holds that"),
                    _ => out.cell(cell),
                }
            }
        });
    }
}

/// What is known of an inbox before its records are handed on.
#[derive(Debug, Default)]
struct Told {
    active: usize,
    gone: usize,
    held: usize,
    /// those who went, and whose going counts
    believed: HashSet<Arc<str>>,
    /// whose record counts
    standing: HashMap<Arc<str>, Option<Arc<str>>>,
    /// of several records of one person the one that counts: the active one, else the last
    counts: HashMap<Arc<str>, (bool, u64, Arc<str>)>,
}

impl Told {
    fn of(records: &dyn InboxRecords, reads: &Columns, allowed: Allowed) -> Self {
        // Somebody who was deactivated and made anew is one person, unless the Source's own names tell the two apart.
        let by_id = reads.paths().iter().any(|path| &**path == "id");
        let (mut told, mut gone) = (Self::default(), Vec::<(Timestamp, Arc<str>)>::new());
        records.standings(&mut |one| {
            told.active += usize::from(one.active);
            gone.extend(one.gone.map(|at| (at, one.id.clone())));
            let external = one.external.filter(|_| !by_id).cloned();
            if let Some(external) = &external {
                let this = (one.active, one.order, one.id.clone());
                let known = told.counts.entry(external.clone()).or_insert_with(|| this.clone());
                if (known.0, known.1) < (this.0, this.1) {
                    *known = this;
                }
            }
            told.standing.insert(one.id.clone(), external);
        });
        gone.retain(|(_, id)| told.counting(id) == Some(id));
        gone.sort_unstable();
        let times: Vec<Timestamp> = gone.iter().map(|(at, _)| *at).collect();
        let held = held(&times, told.active as u64, allowed);
        (told.gone, told.held) = (gone.len(), held.iter().filter(|held| **held).count());
        told.believed = gone.into_iter().zip(held).filter(|(_, held)| !held).map(|((_, id), _)| id).collect();
        told
    }

    /// The record that counts for the person of this one.
    fn counting<'t>(&'t self, id: &'t Arc<str>) -> Option<&'t Arc<str>> {
        match self.standing.get(id)? {
            None => Some(id),
            Some(external) => self.counts.get(external).map(|(_, _, id)| id),
        }
    }

    fn all(&self) -> Vec<Arc<str>> {
        self.standing.keys().filter(|id| self.counting(id) == Some(*id)).cloned().collect()
    }

    /// Those who count for these.
    fn those(&self, changed: &[Arc<str>]) -> Vec<Arc<str>> {
        let those: BTreeSet<&Arc<str>> = changed.iter().filter_map(|id| self.counting(id)).collect();
        those.into_iter().cloned().collect()
    }
}
