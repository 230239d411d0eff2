//! Sources whose systems push: what is in their inbox. Whoever reads is told where that is by the connections it reads over.
//!
//! A push never proves absence, so the evidence is `Delta` at best. Must never: say of somebody that they are gone whose going is held.

mod describe;
mod held;

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json};

pub use describe::InboxConnector;
use held::{Allowed, held};

use super::pack::Packer;
use super::{LookupRequest, PageSink, ReadRequest, Reader, Surroundings};
use crate::manifest::connection::InboxConnection;
use crate::manifest::quantity::{self, Amount};
use crate::model::{Cell, Columns, Evidence, ObjectKind, Page, ReadReport, SystemError};

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

/// The users of an inbox.
pub trait InboxRecords: Debug + Send + Sync {
    /// Each of them.
    fn each(&self, take: &mut dyn FnMut(InboxRecord<'_>));
}

/// One user.
#[derive(Debug)]
pub struct InboxRecord<'r> {
    /// by its own name
    pub id: &'r str,
    /// as its system calls it
    pub external: Option<&'r str>,
    /// it is there
    pub active: bool,
    /// since when it is not, after it was
    pub gone: Option<Timestamp>,
    /// by when it came
    pub order: u64,
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
            let mut kinds = Vec::new();
            for (kind, columns) in &request.streams {
                let evidence = match kind {
                    ObjectKind::Account => self.records(columns, request, sink).await.unwrap_or_else(|error| unreadable(&error)),
                    _ => Evidence::Unreadable { reason: "an inbox holds records only".into() },
                };
                kinds.push((*kind, evidence));
            }
            ReadReport::of_kinds(kinds)
        }
        .boxed()
    }

    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>> {
        async move {
            let sight = self.sight().await?;
            // One column more than wanted: the one that is asked about.
            let asked = Columns::new(request.columns.paths().iter().chain([&request.attribute]));
            let (mut packer, mut page, mut found) = (Packer::new(&asked), Page::new(asked.clone()), Page::new(request.columns.clone()));
            sight.records.each(&mut |record| pack(&mut packer, &record.fields, &mut page));
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

    async fn records(&self, columns: &Arc<Columns>, request: &ReadRequest, sink: &mut dyn PageSink) -> Result<Evidence, SystemError> {
        let sight = self.sight().await?;
        let told = Told::of(sight.records.as_ref(), columns, allowed(request));
        let (mut packer, mut page) = (Packer::new(columns), Page::new(columns.clone()));
        // The reader packs a page while nobody else may use the sink, so pages are gathered first; rows of one page are few.
        let mut pages = Vec::new();
        sight.records.each(&mut |record| {
            if told.others.contains(record.id) {
                return;
            }
            match told.held.contains(record.id) {
                false => pack(&mut packer, &record.fields, &mut page),
                true => pack_held(&mut packer, &record.fields, &mut page, columns),
            }
            if page.len() >= ROWS {
                pages.push(std::mem::replace(&mut page, Page::new(columns.clone())));
            }
        });
        pages.iter().chain([&page]).filter(|page| !page.is_empty()).for_each(|page| sink.page(ObjectKind::Account, page));
        Ok(self.evidence(&told, sight.heard, Timestamp::now()))
    }

    fn evidence(&self, told: &Told, heard: Option<Timestamp>, now: Timestamp) -> Evidence {
        if !told.held.is_empty() {
            let (held, all) = (told.held.len(), told.active + told.gone);
            let reason = format!(
                "{held} of {all} people were deactivated or deleted there within 24 hours, more than may go at once: what it says of them is not believed"
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
                    "active" | "deleted" => out.unreadable("too many went at once; the Source holds it"),
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
    /// whose going is held
    held: HashSet<Box<str>>,
    /// earlier records of somebody who has a later one
    others: HashSet<Box<str>>,
}

impl Told {
    fn of(records: &dyn InboxRecords, columns: &Columns, allowed: Allowed) -> Self {
        // Somebody who was deactivated and made anew is one person, unless the Source's own names tell the two apart.
        let by_id = columns.paths().iter().any(|path| &**path == "id");
        let (mut told, mut gone) = (Self::default(), Vec::<(Timestamp, Box<str>)>::new());
        let mut known: HashMap<Box<str>, (bool, u64, Box<str>)> = HashMap::new();
        records.each(&mut |record| {
            told.active += usize::from(record.active);
            gone.extend(record.gone.map(|at| (at, record.id.into())));
            let Some(external) = record.external.filter(|_| !by_id) else { return };
            let this = (record.active, record.order, Box::<str>::from(record.id));
            match known.get_mut(external) {
                None => drop(known.insert(external.into(), this)),
                Some(before) if (before.0, before.1) < (this.0, this.1) => drop(told.others.insert(std::mem::replace(before, this).2)),
                Some(_) => drop(told.others.insert(this.2)),
            }
        });
        gone.retain(|(_, id)| !told.others.contains(id));
        gone.sort_unstable();
        told.gone = gone.len();
        let times: Vec<Timestamp> = gone.iter().map(|(at, _)| *at).collect();
        let held = held(&times, told.active as u64, allowed);
        told.held = gone.into_iter().zip(held).filter(|(_, held)| *held).map(|((_, id), _)| id).collect();
        told
    }
}
