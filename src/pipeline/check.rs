//! Asks one live system whether it answers: signs in, and reads the first rows of each stream.
//!
//! Must never: write anything, or read more than tells whether it can be read.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::read::{budget, moment, surroundings};
use crate::connector::{Gone, LookupRequest, PageSink, ReadRequest, Reader, Surroundings, registry};
use crate::manifest::Loaded;
use crate::manifest::connection::Described;
use crate::model::{CONTAINER, Capabilities, Columns, Evidence, ObjectKind, Page, SystemError};
use crate::policy::Policy;
use crate::world::{SourceSide, TargetSide};

/// A stream whose first rows have not come by then is slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a system answered.
#[derive(Debug)]
pub struct Checked {
    /// why there is no way in, if there is none
    pub shut: Option<SystemError>,
    /// what can be read, stream by stream
    pub streams: Vec<(ObjectKind, Sight)>,
    /// of a target: what it can do
    pub capabilities: Option<Capabilities>,
    /// what must be granted, where the connector knows it
    pub rights: Vec<String>,
    /// what the system does otherwise than others of its kind, in words
    pub manners: Vec<String>,
    /// the field of its connection that says how to sign in
    pub sign_in: &'static str,
    /// of a target: what it does not let us do and would have to, each with what grants it
    pub lacks: Vec<String>,
}

impl Checked {
    /// Nothing is known yet but what the connection itself says.
    fn of(connection: &dyn Described) -> Self {
        let (rights, sign_in) = (registry::rights(connection), connection.sign_in());
        Self { shut: None, streams: Vec::new(), capabilities: None, rights, manners: Vec::new(), sign_in, lacks: Vec::new() }
    }
}

/// What of a stream was seen.
#[derive(Debug, PartialEq, Eq)]
pub enum Sight {
    /// so many rows in the first page, and which wanted columns nobody there has
    Rows(usize, Vec<Arc<str>>),
    /// nothing is there
    Nothing,
    /// it can't be read, and why
    Not(String),
    /// nothing came in time
    Slow,
}

/// Makes a ConnectorTest of what a Source or Target answers, in made-up words.
pub async fn record(loaded: &Loaded, name: &str) -> Result<String, SystemError> {
    if let Some(document) = loaded.targets.iter().find(|document| document.name.as_ref() == name) {
        return registry::record(document.spec.connection.described(), &surroundings(document).within(&budget(loaded))).await;
    }
    let document = loaded.sources.iter().find(|document| document.name.as_ref() == name);
    let document = document.ok_or_else(|| SystemError::Rejected(format!("there is no Source or Target {name}")))?;
    let around = Surroundings::at(document.origin.base.as_path()).of(&document.name).within(&budget(loaded));
    registry::record(document.spec.connection.described(), &around).await
}

/// Asks a Source, by its position.
pub async fn check_source(loaded: &Loaded, policy: &Policy, at: usize) -> Checked {
    let document = &loaded.sources[at];
    let around = Surroundings::at(document.origin.base.as_path()).of(&document.name).within(&budget(loaded));
    let side = SourceSide::new(policy, at, moment(policy, None).today);
    let checked = Checked::of(document.spec.connection.described());
    match registry::open_source(&document.spec.connection, &around).await {
        Ok(reader) => {
            let (_, seen) = look(&*reader, ObjectKind::Account, side.columns()).await;
            Checked { streams: vec![(ObjectKind::Account, seen)], manners: reader.manners(), ..checked }
        }
        Err(error) => Checked { shut: Some(error), ..checked },
    }
}

/// Asks a Target, by its position.
pub async fn check_target(loaded: &Loaded, policy: &Policy, at: usize) -> Checked {
    let document = &loaded.targets[at];
    let around = surroundings(document).within(&budget(loaded));
    let checked = Checked::of(document.spec.connection.described());
    let target = match registry::open_target(&document.spec.connection, &around).await {
        Ok(target) => target,
        Err(error) => return Checked { shut: Some(error), ..checked },
    };
    let side = TargetSide::new(policy, at, target.capabilities.clone());
    let mut streams = Vec::new();
    let mut group = None;
    for kind in [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership, ObjectKind::Entitlement] {
        let Some(columns) = side.columns(kind) else { continue };
        let seen = match (kind, &group) {
            // Who is in one group tells whether it can be asked; all of them may take long.
            (ObjectKind::Membership, Some(group)) => of_group(&*target.reader, columns, group).await,
            _ => {
                let (first, seen) = look(&*target.reader, kind, columns).await;
                if kind == ObjectKind::Group {
                    group = first;
                }
                seen
            }
        };
        streams.push((kind, seen));
    }
    let lacks = match registry::lacks(document.spec.connection.described(), &around).await {
        Ok(lacks) => lacks,
        Err(error) => vec![format!("what this account may do could not be asked: {error}")],
    };
    Checked { streams, manners: target.reader.manners(), capabilities: Some(target.capabilities), lacks, ..checked }
}

/// The first rows of a stream; and the id of the first one.
async fn look(reader: &dyn Reader, kind: ObjectKind, columns: Arc<Columns>) -> (Option<Arc<str>>, Sight) {
    let came = Arc::new(Notify::new());
    let mut first = First { kind, came: came.clone(), rows: 0, met: vec![false; columns.paths().len()], id: None };
    let request = ReadRequest::new(vec![(kind, columns.clone())]);
    let ended = timeout(PATIENCE, async {
        tokio::select! {
            biased;
            report = reader.read(&request, &mut first) => Some(report.of(kind)),
            () = came.notified() => None,
        }
    });
    let ended = ended.await;
    // What rows say of themselves alone is nothing that anybody has.
    let nobody_has =
        columns.paths().iter().zip(&first.met).filter(|(path, met)| !**met && !path.starts_with('$') && path.as_ref() != CONTAINER);
    let nobody_has = nobody_has.map(|(path, _)| path.clone());
    let seen = match ended {
        Ok(Some(Evidence::Partial { reason } | Evidence::Unreadable { reason })) => Sight::Not(reason),
        Err(_) => Sight::Slow,
        Ok(_) if first.rows == 0 => Sight::Nothing,
        Ok(_) => Sight::Rows(first.rows, nobody_has.collect()),
    };
    (first.id, seen)
}

async fn of_group(reader: &dyn Reader, columns: Arc<Columns>, group: &Arc<str>) -> Sight {
    let request = LookupRequest::new(ObjectKind::Membership, columns, "group", group.clone());
    match timeout(PATIENCE, reader.lookup(&request)).await {
        Ok(Ok(page)) if page.is_empty() => Sight::Nothing,
        Ok(Ok(page)) => Sight::Rows(page.len(), Vec::new()),
        Ok(Err(error)) => Sight::Not(error.to_string()),
        Err(_) => Sight::Slow,
    }
}

/// The first rows that come.
struct First {
    kind: ObjectKind,
    came: Arc<Notify>,
    rows: usize,
    /// which columns somebody has
    met: Vec<bool>,
    id: Option<Arc<str>>,
}

impl PageSink for First {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        if kind != self.kind || page.is_empty() {
            return;
        }
        for row in page.rows() {
            let there = row.cells().map(|cell| cell.to_value().is_some());
            self.met.iter_mut().zip(there).for_each(|(met, there)| *met |= there);
        }
        let id = page.columns().position("id");
        let first = page.rows().next().and_then(|row| row.cells().nth(id?)?.as_text().map(Arc::from));
        self.id = self.id.take().or(first);
        self.rows += page.len();
        self.came.notify_one();
    }

    fn restart(&mut self, _: ObjectKind) {
        self.rows = 0;
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}
