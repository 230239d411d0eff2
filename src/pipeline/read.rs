//! Opens every system and reads it, into a world.
//!
//! Must never: let one system that can't be read stop the others, or look like one that is empty.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;
use jiff::civil::Date;
use tokio_util::sync::CancellationToken;

use super::news::{Hear, HearNothing, News};
use crate::connector::budget::Budget;
use crate::connector::connections::Connections;
use crate::connector::limiter::{Limits, Rate};
use crate::connector::{PageSink, ReadRequest, Surroundings, TargetConnector, registry};
use crate::manifest::kinds::TargetSpec;
use crate::manifest::{Document, Loaded, quantity};
use crate::model::{Capabilities, Evidence, Memory, ObjectKind, Page, ReadReport, SystemError};
use crate::planning::Moment;
use crate::policy::Policy;
use crate::world::{self, SourceSide, TargetSide, World};

/// What was read at one moment, and the connectors it was read through.
pub struct Snapshot {
    /// the compiled manifests
    pub policy: Policy,
    /// what is known
    pub world: World,
    /// when it is for
    pub moment: Moment,
    /// the open targets, by name; one that could not be opened is missing
    pub connectors: BTreeMap<Arc<str>, TargetConnector>,
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

    /// A read, or nothing where it was stopped.
    async fn until_stopped<T>(&self, read: impl Future<Output = T>) -> Result<T, SystemError> {
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
pub async fn read(loaded: &Loaded, policy: Policy, memory: Memory, moment: Moment, reading: &Reading<'_>) -> Snapshot {
    reading.hear.hear(News::Reading { systems: policy.sources.len() + policy.targets.len() });
    let budget = budget(loaded);
    let sources = join_all((0..policy.sources.len()).map(|at| read_source(loaded, &policy, at, moment, &budget, reading)));
    let targets = join_all((0..policy.targets.len()).map(|at| read_target(&policy, at, &loaded.targets[at], &budget, reading)));
    let (sources, targets) = futures_util::future::join(sources, targets).await;
    let mut connectors = BTreeMap::new();
    let mut sides = Vec::with_capacity(targets.len());
    for (at, (side, connector)) in targets.into_iter().enumerate() {
        sides.push(side);
        connectors.extend(connector.map(|connector| (policy.targets[at].name.clone(), connector)));
    }
    let sources = confirm(loaded, &policy, moment, sources, (&sides, &memory), reading).await;
    let world = World::assemble(&policy, sources, sides, memory);
    Snapshot { policy, world, moment, connectors }
}

/// Reads a source again whose list may have missed somebody who is remembered; only who is in neither read is gone.
async fn confirm(
    loaded: &Loaded,
    policy: &Policy,
    moment: Moment,
    sources: Vec<(SourceSide, bool)>,
    (targets, memory): (&[TargetSide], &Memory),
    reading: &Reading<'_>,
) -> Vec<SourceSide> {
    let quietly = &Reading { hear: &HearNothing, ..reading.clone() };
    let again = sources.into_iter().enumerate().map(|(at, (side, may_miss))| async move {
        let gone = if may_miss { world::vanished(policy, at, &side, targets, memory) } else { BTreeSet::new() };
        if gone.is_empty() {
            return side;
        }
        let (second, _) = read_source(loaded, policy, at, moment, &budget(loaded), quietly).await;
        world::confirmed(side, second, &gone)
    });
    join_all(again).await
}

/// What the rows of all systems may take together.
pub(super) fn budget(loaded: &Loaded) -> Budget {
    let written = loaded.workspace.as_ref().and_then(|workspace| workspace.spec.max_read.as_deref());
    written.and_then(|text| quantity::bytes(text).ok()).map_or_else(Budget::default, Budget::new)
}

pub(super) async fn read_source(
    loaded: &Loaded,
    policy: &Policy,
    at: usize,
    moment: Moment,
    budget: &Budget,
    reading: &Reading<'_>,
) -> (SourceSide, bool) {
    let mut side = SourceSide::new(policy, at, moment.today);
    let mut may_miss = false;
    let document = &loaded.sources[at];
    let surroundings = Surroundings::at(document.origin.base.as_path()).of(&document.name).within(budget).over(&reading.connections);
    let read = async {
        let reader = registry::open_source(&document.spec.connection, &surroundings).await?;
        may_miss = reader.may_miss();
        let request =
            ReadRequest { streams: vec![(ObjectKind::Account, side.columns())], max_age: policy.sources[at].completeness.max_age };
        let mut sink = SourceSink { side: &mut side, name: &document.name, hear: reading.hear };
        Ok(reader.read(&request, &mut sink).await)
    };
    let report = reading.until_stopped(read).await.flatten().unwrap_or_else(|error| unreadable(&[ObjectKind::Account], &error));
    reading.hear.hear(News::Read { system: &document.name, report: &report });
    side.finish(report.of(ObjectKind::Account));
    (side, may_miss)
}

pub(super) async fn read_target(
    policy: &Policy,
    at: usize,
    document: &Document<TargetSpec>,
    budget: &Budget,
    reading: &Reading<'_>,
) -> (TargetSide, Option<TargetConnector>) {
    let surroundings = surroundings(document).within(budget).over(&reading.connections);
    let opened = reading.until_stopped(registry::open_target(&document.spec.connection, &surroundings)).await.flatten();
    let capabilities = opened.as_ref().map_or_else(|_| Capabilities::default(), |connector| connector.capabilities.clone());
    let mut side = TargetSide::new(policy, at, capabilities);
    let kinds = [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership, ObjectKind::Entitlement];
    let streams: Vec<_> = kinds.into_iter().filter_map(|kind| Some((kind, side.columns(kind)?))).collect();
    let wanted: Vec<_> = streams.iter().map(|(kind, _)| *kind).collect();
    let report = match &opened {
        Ok(connector) => {
            let mut sink = TargetSink { side: &mut side, name: &document.name, hear: reading.hear };
            let read = reading.until_stopped(connector.reader.read(&ReadRequest::new(streams), &mut sink)).await;
            read.unwrap_or_else(|error| unreadable(&wanted, &error))
        }
        Err(error) => unreadable(&wanted, error),
    };
    reading.hear.hear(News::Read { system: &document.name, report: &report });
    for kind in wanted {
        side.finish(kind, report.of(kind));
    }
    (side, opened.ok())
}

/// What is around a Target's connection, whoever opens it: no faster than its manifest says.
pub(super) fn surroundings(document: &Document<TargetSpec>) -> Surroundings {
    let said = document.spec.limits.as_ref();
    let limits = Limits {
        concurrency: said.and_then(|limits| limits.concurrency).map(|most| most as usize),
        rate: said.and_then(|limits| limits.per_second).map(|per_second| Rate { per_second, burst: 1 }),
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
            let request = ReadRequest::new(vec![(ObjectKind::Account, side.columns())]);
            reader.read(&request, &mut SourceSink { side: &mut side, name: &document.name, hear: &HearNothing }).await
        }
        Err(error) => unreadable(&[ObjectKind::Account], &error),
    }
}

fn unreadable(kinds: &[ObjectKind], error: &SystemError) -> ReadReport {
    ReadReport::all(kinds, &Evidence::Unreadable { reason: error.to_string() })
}

struct SourceSink<'a> {
    side: &'a mut SourceSide,
    name: &'a str,
    hear: &'a dyn Hear,
}

impl PageSink for SourceSink<'_> {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        self.side.add(page);
        self.hear.hear(News::Rows { system: self.name, kind, count: page.len() });
    }
}

struct TargetSink<'a> {
    side: &'a mut TargetSide,
    name: &'a str,
    hear: &'a dyn Hear,
}

impl PageSink for TargetSink<'_> {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        self.side.add(kind, page);
        self.hear.hear(News::Rows { system: self.name, kind, count: page.len() });
    }
}
