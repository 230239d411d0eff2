//! Opens every system and reads it, into a world.
//!
//! Must never: let one system that can't be read stop the others, or look like one that is empty.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;
use jiff::civil::Date;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::news::{Hear, HearNothing, News};
use crate::connector;
use crate::connector::budget::Budget;
use crate::connector::connections::Connections;
use crate::connector::limiter::{Limits, Rate};
use crate::connector::{Gone, InboxPlace, PageSink, ReadRequest, ReadScope, RecordKey, Surroundings, TargetConnector, registry};
use crate::files::NamedFiles;
use crate::manifest::kinds::TargetSpec;
use crate::manifest::{Document, Loaded, quantity};
use crate::model::{Capabilities, Evidence, Memory, ObjectKind, Page, ReadReport, SystemError, SystemRole};
use crate::planning::Moment;
use crate::policy::Policy;
use crate::world::{self, Delta, SourceSide, TargetSide, World};

/// What was read at one moment, and the connectors it was read through.
#[derive(Clone)]
pub struct Snapshot {
    /// the compiled manifests
    pub policy: Arc<Policy>,
    /// what is known; whoever holds a snapshot has it for as long, and whoever keeps one goes on with another only where the world itself changes
    pub world: Arc<World>,
    /// when it is for
    pub moment: Moment,
    /// the open targets, by name; one that could not be opened is missing
    pub connectors: BTreeMap<Arc<str>, Arc<TargetConnector>>,
}

/// What reads go over, and who hears of them.
#[derive(Clone)]
pub struct Reading<'a> {
    /// what is open already, and stays so for whoever reads again
    pub connections: Connections,
    /// ends reads that are under way: what they had not told by then is unreadable
    pub stop: CancellationToken,
    /// told about each step
    pub hear: &'a dyn Hear,
}

impl<'a> Reading<'a> {
    /// Once, by whoever hears.
    pub fn once(hear: &'a dyn Hear) -> Self {
        Self { connections: Connections::default(), stop: CancellationToken::new(), hear }
    }

    /// With what is kept of systems that push.
    pub fn with_inboxes(self, inboxes: Arc<dyn InboxPlace>) -> Self {
        Self { connections: self.connections.with_inboxes(inboxes), ..self }
    }

    /// A read, or nothing where it was stopped.
    pub(super) async fn until_stopped<T>(&self, read: impl Future<Output = T>) -> Result<T, SystemError> {
        tokio::select! {
            read = read => Ok(read),
            () = self.stop.cancelled() => Err(SystemError::Unavailable("the read was stopped".into())),
        }
    }
}

/// The moment to plan for: now, or the start of another day.
pub fn moment(policy: &Policy, as_of: Option<Date>) -> Moment {
    let start = as_of.and_then(|day| day.to_zoned(policy.time_zone.clone()).ok()).map(|start| start.timestamp());
    let moment = Moment::at(policy, start.unwrap_or_else(Timestamp::now));
    Moment { today: as_of.unwrap_or(moment.today), ..moment }
}

/// Opens and reads every system at once. A system that can't be read is unreadable in the world; it never stops the others.
pub async fn read(loaded: &Loaded, policy: Arc<Policy>, memory: Memory, moment: Moment, reading: &Reading<'_>) -> Snapshot {
    reading.hear.hear(News::Reading { systems: policy.sources.len() + policy.targets.len() });
    let budget = budget(loaded);
    let sources = join_all((0..policy.sources.len()).map(|at| read_source(loaded, &policy, (at, Next::Nothing), moment, &budget, reading)));
    let targets =
        join_all((0..policy.targets.len()).map(|at| read_target(&policy, at, (&loaded.targets[at], &loaded.files), &budget, reading)));
    let (sources, targets) = futures_util::future::join(sources, targets).await;
    let mut connectors = BTreeMap::new();
    let mut sides = Vec::with_capacity(targets.len());
    for (target, read) in policy.targets.iter().zip(targets) {
        sides.push(read.side);
        connectors.extend(read.connector.map(|connector| (target.name.clone(), connector)));
    }
    let confirmed =
        sources.into_iter().enumerate().map(|(at, read)| confirm(loaded, &policy, at, moment, read, (&sides, &memory), reading));
    let sources = join_all(confirmed).await.into_iter().map(|read| read.side).collect();
    let world = World::assemble(&policy, sources, sides, memory);
    Snapshot { policy, world: Arc::new(world), moment, connectors }
}

/// A source, read.
pub struct SourceRead {
    /// its records
    pub side: SourceSide,
    /// how it went
    pub report: ReadReport,
    /// its list may lack somebody
    pub(super) may_miss: bool,
}

/// A target, read.
pub struct TargetRead {
    /// its objects
    pub side: TargetSide,
    /// how it went
    pub report: ReadReport,
    /// the way to it; none where it could not be opened
    pub connector: Option<Arc<TargetConnector>>,
}

/// Reads a source again whose list may have missed somebody who is remembered; only who is in neither read is gone.
pub(super) async fn confirm(
    loaded: &Loaded,
    policy: &Policy,
    at: usize,
    moment: Moment,
    first: SourceRead,
    (targets, memory): (&[TargetSide], &Memory),
    reading: &Reading<'_>,
) -> SourceRead {
    let gone = if first.may_miss { world::vanished(policy, at, &first.side, targets, memory) } else { BTreeSet::new() };
    if gone.is_empty() {
        return first;
    }
    let quietly = &Reading { hear: &HearNothing, ..reading.clone() };
    let second = read_source(loaded, policy, (at, Next::Nothing), moment, &budget(loaded), quietly).await;
    SourceRead { side: world::confirmed(first.side, second.side, &gone), ..first }
}

/// What the rows of all systems may take together.
pub(super) fn budget(loaded: &Loaded) -> Budget {
    let written = loaded.workspace.as_ref().and_then(|workspace| workspace.spec.max_read.as_deref());
    written.and_then(|text| quantity::bytes(text).ok()).map_or_else(Budget::default, Budget::new)
}

/// What is asked of a source after it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// nothing
    Nothing,
    /// what changed since
    Changes,
}

pub(super) async fn read_source(
    loaded: &Loaded,
    policy: &Policy,
    (at, next): (usize, Next),
    moment: Moment,
    budget: &Budget,
    reading: &Reading<'_>,
) -> SourceRead {
    let mut side = SourceSide::new(policy, at, moment.today);
    let (mut may_miss, mut gone) = (false, None);
    let document = &loaded.sources[at];
    let surroundings = Surroundings::at(document.origin.base.as_path()).with(&loaded.files).of(&document.name);
    let surroundings = surroundings.within(budget).over(&reading.connections);
    let read = async {
        let reader = registry::open_source(&document.spec.connection, &surroundings).await?;
        may_miss = reader.may_miss();
        let (rules, columns) = (&policy.sources[at], side.columns_with(reader.own_id().as_deref()));
        let key = (next == Next::Changes).then(|| RecordKey::new(rules.key.reads(), side.keys()));
        // Without a mark it is wanted as a whole, with the one from which what changes next can be asked for.
        let scope = if next == Next::Changes { ReadScope::Changed(BTreeMap::new()) } else { ReadScope::All };
        let reads = Some(side.columns());
        let request = ReadRequest { key, scope, reads, ..ReadRequest::of_source(&document.spec, columns, rules.completeness.max_age) };
        let mut sink = SourceSink { side: &mut side, name: &document.name, hear: reading.hear, gone: None };
        let report = connector::read_source(&*reader, &request, &mut sink).await;
        gone = sink.gone;
        Ok(report)
    };
    let read = reading.until_stopped(read).instrument(span(&document.name)).await;
    let report = read.flatten().unwrap_or_else(|error| unreadable(&[ObjectKind::Account], &error));
    reading.hear.hear(News::Read { system: &document.name, report: &report });
    side.finish(report.of(ObjectKind::Account));
    gone.iter().for_each(|gone| side.lose(gone));
    SourceRead { side, report, may_miss }
}

pub(super) async fn read_target(
    policy: &Policy,
    at: usize,
    (document, files): (&Document<TargetSpec>, &NamedFiles),
    budget: &Budget,
    reading: &Reading<'_>,
) -> TargetRead {
    let surroundings = surroundings(document).with(files).within(budget).over(&reading.connections);
    let span = span(&document.name);
    let opened =
        reading.until_stopped(registry::open_target(&document.spec.connection, &surroundings)).instrument(span.clone()).await.flatten();
    let capabilities = opened.as_ref().map_or_else(|_| Capabilities::default(), |connector| connector.capabilities.clone());
    let mut side = TargetSide::new(policy, at, capabilities);
    let kinds = [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership, ObjectKind::Entitlement];
    let streams: Vec<_> = kinds.into_iter().filter_map(|kind| Some((kind, side.columns(kind)?))).collect();
    let wanted: Vec<_> = streams.iter().map(|(kind, _)| *kind).collect();
    let report = match &opened {
        Ok(connector) => {
            let mut sink = TargetSink { side: &mut side, name: &document.name, hear: reading.hear, gone: BTreeMap::new() };
            let read = reading.until_stopped(connector.reader.read(&ReadRequest::new(streams), &mut sink)).instrument(span).await;
            sink.finish();
            read.unwrap_or_else(|error| unreadable(&wanted, &error))
        }
        Err(error) => unreadable(&wanted, error),
    };
    reading.hear.hear(News::Read { system: &document.name, report: &report });
    for kind in wanted {
        side.finish(kind, report.of(kind));
    }
    TargetRead { side, report, connector: opened.ok().map(Arc::new) }
}

/// What a trace shows of a read.
pub(super) fn span(system: &str) -> Span {
    tracing::info_span!(target: "headcount::run", "read", system)
}

/// What is around a Target's connection, whoever opens it: no faster than its manifest says.
pub(super) fn surroundings(document: &Document<TargetSpec>) -> Surroundings {
    let said = document.spec.limits.as_ref();
    let limits = Limits {
        concurrency: said.and_then(|limits| limits.concurrency).map(|most| most as usize),
        rate: said.and_then(|limits| Some(Rate::new(limits.per_second?, limits.burst.unwrap_or(1)))),
    };
    Surroundings::at(document.origin.base.as_path()).of(&document.name).limited(limits)
}

/// Reads the file of a Source for nothing but how that goes.
pub(super) async fn read_source_file(loaded: &Loaded, policy: &Policy, at: usize) -> ReadReport {
    let mut side = SourceSide::new(policy, at, moment(policy, None).today);
    let document = &loaded.sources[at];
    let surroundings = Surroundings::at(document.origin.base.as_path()).within(&budget(loaded));
    match registry::open_source(&document.spec.connection, &surroundings).await {
        Ok(reader) => {
            let request = ReadRequest::of_source(&document.spec, side.columns(), None);
            let mut sink = SourceSink { side: &mut side, name: &document.name, hear: &HearNothing, gone: None };
            connector::read_source(&*reader, &request, &mut sink).await
        }
        Err(error) => unreadable(&[ObjectKind::Account], &error),
    }
}

pub(super) fn unreadable(kinds: &[ObjectKind], error: &SystemError) -> ReadReport {
    ReadReport::all(kinds, &Evidence::Unreadable { reason: error.to_string() })
}

struct SourceSink<'a> {
    side: &'a mut SourceSide,
    name: &'a str,
    hear: &'a dyn Hear,
    /// what the source says is gone, until everything came
    gone: Option<Delta>,
}

impl PageSink for SourceSink<'_> {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        self.side.add(page);
        self.hear.hear(News::Rows { system: self.name, role: SystemRole::Source, kind, count: page.len() });
    }

    fn restart(&mut self, kind: ObjectKind) {
        self.side.restart();
        self.gone = None;
        self.hear.hear(News::Restarted { system: self.name, kind });
    }

    fn gone(&mut self, _: ObjectKind, gone: Gone<'_>) {
        let columns = self.side.columns();
        add(self.gone.get_or_insert_with(|| Delta::new(columns)), gone);
    }
}

struct TargetSink<'a> {
    side: &'a mut TargetSide,
    name: &'a str,
    hear: &'a dyn Hear,
    /// what the target says is gone, until everything came
    gone: BTreeMap<ObjectKind, Delta>,
}

impl TargetSink<'_> {
    fn finish(self) {
        self.gone.iter().for_each(|(kind, gone)| self.side.lose(*kind, gone));
    }
}

impl PageSink for TargetSink<'_> {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        self.side.add(kind, page);
        self.hear.hear(News::Rows { system: self.name, role: SystemRole::Target, kind, count: page.len() });
    }

    fn restart(&mut self, kind: ObjectKind) {
        self.side.restart(kind);
        self.gone.remove(&kind);
        self.hear.hear(News::Restarted { system: self.name, kind });
    }

    fn gone(&mut self, kind: ObjectKind, gone: Gone<'_>) {
        if let Some(columns) = self.side.columns(kind) {
            add(self.gone.entry(kind).or_insert_with(|| Delta::new(columns)), gone);
        }
    }
}

pub(super) fn add(all: &mut Delta, gone: Gone<'_>) {
    match gone {
        Gone::Ids(ids) => all.gone.extend(ids.iter().cloned()),
        Gone::Rows(page) => page.rows().for_each(|row| all.ended.row(|out| row.cells().for_each(|cell| out.cell(cell)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::registry::Facts;
    use crate::manifest::{ManifestInput, load};
    use crate::model::{Cell, Columns};
    use crate::policy::compile;

    const MANIFESTS: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec: {connection: {file: {path: hr.csv}}, key: record.id, mapping: {rules: [{attribute: userName, value: record.login}]}}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: chat}
spec: {connection: {scim: {url: 'https://chat.example'}}, groups: {}}
";

    fn rows(columns: &Arc<Columns>, rows: &[&[&str]]) -> Page {
        let mut page = Page::new(columns.clone());
        for cells in rows {
            page.row(|out| cells.iter().for_each(|cell| out.cell(if cell.is_empty() { Cell::Missing } else { Cell::Text(cell) })));
        }
        page
    }

    #[test]
    fn what_is_taken_back_or_gone_is_not_in_the_world() {
        let (loaded, problems) = load(&[ManifestInput::stdin(MANIFESTS.as_bytes().to_vec())]);
        assert!(problems.is_empty(), "{problems:?}");
        let (policy, _) = compile(&loaded, &Facts).unwrap();
        let mut source = SourceSide::new(&policy, 0, jiff::civil::date(2026, 11, 29));
        let columns = source.columns();
        let record = |id: &str| -> Vec<String> { columns.paths().iter().map(|path| format!("{path}{id}")).collect() };
        let records = |ids: &[&str]| {
            let cells: Vec<Vec<String>> = ids.iter().map(|id| record(id)).collect();
            let cells: Vec<Vec<&str>> = cells.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
            rows(&columns, &cells.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        let mut sink = SourceSink { side: &mut source, name: "hr", hear: &HearNothing, gone: None };
        sink.page(ObjectKind::Account, &records(&["9", "8", "7"]));
        sink.gone(ObjectKind::Account, Gone::Ids(&["id1".into()]));
        sink.restart(ObjectKind::Account);
        sink.page(ObjectKind::Account, &records(&["1", "2", "3"]));
        sink.gone(ObjectKind::Account, Gone::Ids(&["id2".into()]));
        let gone = sink.gone;
        source.finish(Evidence::Complete);
        gone.iter().for_each(|gone| source.lose(gone));

        let mut target = TargetSide::new(&policy, 0, Capabilities::everything());
        let accounts = target.columns(ObjectKind::Account).unwrap();
        let links = target.columns(ObjectKind::Membership).unwrap();
        let mut sink = TargetSink { side: &mut target, name: "chat", hear: &HearNothing, gone: BTreeMap::new() };
        sink.page(ObjectKind::Account, &rows(&accounts, &[&["u9"]]));
        sink.restart(ObjectKind::Account);
        sink.page(ObjectKind::Account, &rows(&accounts, &[&["u1"], &["u2"]]));
        sink.page(ObjectKind::Membership, &rows(&links, &[&["g1", "u1", "account"], &["g1", "u2", "account"]]));
        sink.gone(ObjectKind::Account, Gone::Ids(&["u2".into()]));
        sink.gone(ObjectKind::Membership, Gone::Rows(&rows(&links, &[&["g1", "u1", "account"]])));
        sink.finish();
        for kind in [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership] {
            target.finish(kind, Evidence::Complete);
        }
        let world = World::assemble(&policy, vec![source], vec![target], Memory::default());
        let counts: Vec<_> = world.evidence.iter().map(|read| (read.system.as_ref(), read.kind, read.count)).collect();
        assert_eq!(
            counts,
            [
                ("hr", ObjectKind::Account, 2),
                ("chat", ObjectKind::Account, 1),
                ("chat", ObjectKind::Group, 0),
                ("chat", ObjectKind::Membership, 1),
                ("chat", ObjectKind::Entitlement, 0)
            ]
        );
    }
}
