//! The one place where the stages meet: open, read, survey, look up, plan.
//!
//! Must never: decide about a change, or turn trouble with a system into an empty answer.

pub mod offline;
pub mod revoke;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::connector::budget::Budget;
use crate::connector::{LookupRequest, PageSink, ReadRequest, Surroundings, TargetConnector, registry};
use crate::manifest::kinds::TargetSpec;
use crate::manifest::{Document, Loaded, quantity};
use crate::model::{Capabilities, Evidence, Memory, ObjectKind, Page, Plan, ReadReport, SystemError};
use crate::planning::{self};
use crate::planning::{Answer, Lookup, LookupBy, Moment, Scope};
use crate::policy::Policy;
use crate::state::{StateError, Store, record_other_keys};
use crate::world::{self, SourceSide, TargetSide, World};

/// Lookups under way at once for one target.
const LOOKUPS_AT_ONCE: usize = 8;

/// Hears how reading goes.
pub trait ReadProgress: Sync {
    /// So many rows of a system came since it was last told.
    fn rows(&self, system: &str, kind: ObjectKind, count: usize);
    /// A system's read is over.
    fn finished(&self, system: &str, report: &ReadReport);
}

/// Hears nothing.
pub struct Silent;

impl ReadProgress for Silent {
    fn rows(&self, _: &str, _: ObjectKind, _: usize) {}
    fn finished(&self, _: &str, _: &ReadReport) {}
}

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

/// The moment to plan for: now, or the start of another day.
pub fn moment(policy: &Policy, as_of: Option<Date>) -> Moment {
    let start = as_of.and_then(|day| day.to_zoned(policy.time_zone.clone()).ok()).map(|start| start.timestamp());
    let moment = Moment::at(policy, start.unwrap_or_else(Timestamp::now));
    Moment { today: as_of.unwrap_or(moment.today), ..moment }
}

/// Opens and reads every system at once. A system that can't be read is unreadable in the world; it never stops the others.
pub async fn read(loaded: &Loaded, policy: Policy, memory: Memory, moment: Moment, progress: &dyn ReadProgress) -> Snapshot {
    let budget = budget(loaded);
    let sources = join_all((0..policy.sources.len()).map(|at| read_source(loaded, &policy, at, moment, &budget, progress)));
    let targets = join_all((0..policy.targets.len()).map(|at| read_target(&policy, at, &loaded.targets[at], &budget, progress)));
    let (sources, targets) = futures_util::future::join(sources, targets).await;
    let mut connectors = BTreeMap::new();
    let mut sides = Vec::with_capacity(targets.len());
    for (at, (side, connector)) in targets.into_iter().enumerate() {
        sides.push(side);
        connectors.extend(connector.map(|connector| (policy.targets[at].name.clone(), connector)));
    }
    let sources = confirm(loaded, &policy, moment, sources, &sides, &memory).await;
    let world = World::assemble(&policy, sources, sides, memory);
    Snapshot { policy, world, moment, connectors }
}

/// Surveys, looks up what the survey names, and plans.
pub async fn plan(snapshot: &Snapshot, scope: Scope<'_>) -> Plan {
    let Snapshot { policy, world, moment, connectors } = snapshot;
    let connector = |target: usize| policy.targets.get(target).and_then(|target| connectors.get(&target.name));
    let answers = ask(policy, world, &connector, *moment, scope).await;
    planning::plan(policy, world, &answers, *moment, scope)
}

/// What a run that may write remembers of its reads before anything new is done: deactivations of ours that somebody undid are forgotten, links that a lost
/// state had are made anew from the marks, and those of identities that have another key now follow it. Whose record is whose must outlive a changed name, and a
/// revocation that comes during the run must know it.
pub fn catch_up(snapshot: &Snapshot, store: &Store) -> Result<(), StateError> {
    let Snapshot { policy, world, moment, .. } = snapshot;
    for source in &policy.sources {
        source.previous_names.iter().try_for_each(|previous| store.rename_source(previous, &source.name))?;
    }
    store.record_records(&planning::record_links(policy, world, *moment))?;
    for standing in &world.memory().revocations {
        if let Some(known) = planning::known_as(policy, world, *moment, &standing.key) {
            let also: Vec<_> = std::iter::once(known.key).chain(known.also).collect();
            store.write(|tx| record_other_keys(tx, &standing.key, &also))?;
        }
    }
    store.forget_deactivations(&world.undone_deactivations(policy))?;
    store.record_links(&world.missing_links(policy, moment.now))?;
    store.forget_repeats(&world.kept_values(policy))?;
    store.carry_links(&planning::carried_links(policy, world, *moment))
}

/// And what it remembers at its end: complete reads are what the next run's counts are compared with.
pub fn remember(snapshot: &Snapshot, store: &Store) -> Result<(), StateError> {
    let Snapshot { policy, world, moment, .. } = snapshot;
    store.record_baselines(&world.baselines(policy, moment.now))
}

/// Rounds of questions: an account by its id, by its keys, the groups it is in, and some to spare. What is open after that counts as unknown.
const ROUNDS: usize = 8;

/// Looks up what the survey names, until an answer brings up nothing new.
async fn ask<'c>(
    policy: &Policy,
    world: &World,
    connector: &impl Fn(usize) -> Option<&'c TargetConnector>,
    moment: Moment,
    scope: Scope<'_>,
) -> Vec<(Lookup, Answer)> {
    let mut answers: Vec<(Lookup, Answer)> = Vec::new();
    let mut asked = BTreeSet::new();
    for _ in 0..ROUNDS {
        let mut lookups = planning::survey(policy, world, &answers, moment, scope).lookups;
        lookups.retain(|lookup| asked.insert(lookup.clone()));
        if lookups.is_empty() {
            break;
        }
        let answered = stream::iter(lookups).map(|lookup| async {
            let answer = look_up(world, connector(lookup.target), &lookup).await;
            (lookup, answer)
        });
        answers.extend(answered.buffered(LOOKUPS_AT_ONCE).collect::<Vec<_>>().await);
    }
    answers
}

/// Reads a source again whose list may have missed somebody who is remembered; only who is in neither read is gone.
async fn confirm(
    loaded: &Loaded,
    policy: &Policy,
    moment: Moment,
    sources: Vec<(SourceSide, bool)>,
    targets: &[TargetSide],
    memory: &Memory,
) -> Vec<SourceSide> {
    let again = sources.into_iter().enumerate().map(|(at, (side, may_miss))| async move {
        let gone = if may_miss { world::vanished(policy, at, &side, targets, memory) } else { BTreeSet::new() };
        if gone.is_empty() {
            return side;
        }
        let (second, _) = read_source(loaded, policy, at, moment, &budget(loaded), &Silent).await;
        world::confirmed(side, second, &gone)
    });
    join_all(again).await
}

/// What the rows of all systems may take together.
fn budget(loaded: &Loaded) -> Budget {
    let written = loaded.workspace.as_ref().and_then(|workspace| workspace.spec.max_read.as_deref());
    written.and_then(|text| quantity::bytes(text).ok()).map_or_else(Budget::default, Budget::new)
}

async fn read_source(
    loaded: &Loaded,
    policy: &Policy,
    at: usize,
    moment: Moment,
    budget: &Budget,
    progress: &dyn ReadProgress,
) -> (SourceSide, bool) {
    let mut side = SourceSide::new(policy, at, moment.today);
    let mut may_miss = false;
    let document = &loaded.sources[at];
    let surroundings = Surroundings::at(document.origin.base.as_path()).of(&document.name).within(budget);
    let report = match registry::open_source(&document.spec.connection, &surroundings).await {
        Ok(reader) => {
            may_miss = reader.may_miss();
            let request =
                ReadRequest { streams: vec![(ObjectKind::Account, side.columns())], max_age: policy.sources[at].completeness.max_age };
            let mut sink = SourceSink { side: &mut side, name: &document.name, progress };
            reader.read(&request, &mut sink).await
        }
        Err(error) => unreadable(&[ObjectKind::Account], &error),
    };
    progress.finished(&document.name, &report);
    side.finish(report.of(ObjectKind::Account));
    (side, may_miss)
}

async fn read_target(
    policy: &Policy,
    at: usize,
    document: &Document<TargetSpec>,
    budget: &Budget,
    progress: &dyn ReadProgress,
) -> (TargetSide, Option<TargetConnector>) {
    let surroundings = Surroundings::at(document.origin.base.as_path()).of(&document.name).within(budget);
    let opened = registry::open_target(&document.spec.connection, &surroundings).await;
    let capabilities = opened.as_ref().map_or_else(|_| Capabilities::default(), |connector| connector.capabilities.clone());
    let mut side = TargetSide::new(policy, at, capabilities);
    let kinds = [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership, ObjectKind::Entitlement];
    let streams: Vec<_> = kinds.into_iter().filter_map(|kind| Some((kind, side.columns(kind)?))).collect();
    let wanted: Vec<_> = streams.iter().map(|(kind, _)| *kind).collect();
    let report = match &opened {
        Ok(connector) => {
            let mut sink = TargetSink { side: &mut side, name: &document.name, progress };
            connector.reader.read(&ReadRequest { streams, max_age: None }, &mut sink).await
        }
        Err(error) => unreadable(&wanted, error),
    };
    progress.finished(&document.name, &report);
    for kind in wanted {
        side.finish(kind, report.of(kind));
    }
    (side, opened.ok())
}

/// Reads the file of a Source for nothing but how that goes.
async fn read_source_file(loaded: &Loaded, policy: &Policy, at: usize) -> ReadReport {
    let mut side = SourceSide::new(policy, at, moment(policy, None).today);
    let document = &loaded.sources[at];
    let surroundings = Surroundings::at(document.origin.base.as_path()).within(&budget(loaded));
    match registry::open_source(&document.spec.connection, &surroundings).await {
        Ok(reader) => {
            let request = ReadRequest::new(vec![(ObjectKind::Account, side.columns())]);
            reader.read(&request, &mut SourceSink { side: &mut side, name: &document.name, progress: &Silent }).await
        }
        Err(error) => unreadable(&[ObjectKind::Account], &error),
    }
}

fn unreadable(kinds: &[ObjectKind], error: &SystemError) -> ReadReport {
    ReadReport::all(kinds, &Evidence::Unreadable { reason: error.to_string() })
}

async fn look_up(world: &World, connector: Option<&TargetConnector>, lookup: &Lookup) -> Answer {
    let Some(connector) = connector else {
        return Answer::Unknown("the target could not be opened".into());
    };
    let Some(columns) = world.lookup_columns(lookup.target, lookup.kind) else {
        return Answer::Unknown("this kind of object can't be read at the target".into());
    };
    let (attribute, value) = match &lookup.by {
        LookupBy::Id(id) => (Arc::from("id"), id.clone()),
        LookupBy::Attribute(attribute, value) => (attribute.clone(), value.clone()),
    };
    match connector.reader.lookup(&LookupRequest { kind: lookup.kind, columns, attribute, value }).await {
        Ok(objects) => Answer::Objects(objects),
        Err(error) => Answer::Unknown(error.to_string()),
    }
}

struct SourceSink<'a> {
    side: &'a mut SourceSide,
    name: &'a str,
    progress: &'a dyn ReadProgress,
}

impl PageSink for SourceSink<'_> {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        self.side.add(page);
        self.progress.rows(self.name, kind, page.len());
    }
}

struct TargetSink<'a> {
    side: &'a mut TargetSide,
    name: &'a str,
    progress: &'a dyn ReadProgress,
}

impl PageSink for TargetSink<'_> {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        self.side.add(kind, page);
        self.progress.rows(self.name, kind, page.len());
    }
}
