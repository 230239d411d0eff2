//! One reading for two revisions: every system is opened and read once, by the base's connection, for what both want; each gets its own world of it.
//!
//! Must never: open a system by what only the head says, let what only the head asks for spoil the base's read, or ask a target twice for one object.

mod asked_once;
mod fan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::news::{HearNothing, News};
use super::read::{Reading, Snapshot, budget, surroundings, unreadable};
use crate::connector::budget::Budget;
use crate::connector::{self, ReadRequest, Surroundings, TargetConnector, Within, registry};
use crate::manifest::kinds::{SourceSpec, TargetSpec};
use crate::manifest::{Document, Loaded};
use crate::model::{Capabilities, Columns, Evidence, Memory, ObjectKind, ReadReport, SystemError};
use crate::planning::Moment;
use crate::policy::Policy;
use crate::review::preview::{Opening, Preview};
use crate::world::{self, SourceSide, TargetSide, World};
use asked_once::AskedOnce;
use fan::{SourceFan, TargetFan, union};

/// The manifests of one revision, compiled.
pub struct Compiled<'a> {
    /// the manifests
    pub loaded: &'a Loaded,
    /// compiled; of the head what a preview may use
    pub policy: Policy,
}

/// The sides of one source: base's, then head's; and whether its list may miss somebody.
type SourceSides = ([Option<SourceSide>; 2], bool);
type TargetSides = ([Option<TargetSide>; 2], Option<TargetConnector>);

const STREAMS: [ObjectKind; 4] = [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership, ObjectKind::Entitlement];

/// Reads everything once. The two snapshots share what is open.
pub async fn read_two(
    base: Compiled<'_>,
    head: Compiled<'_>,
    preview: &Preview,
    memory: Memory,
    now: Timestamp,
    reading: &Reading<'_>,
) -> (Snapshot, Snapshot) {
    let opened =
        preview.sources.values().chain(preview.targets.values()).filter(|opening| !matches!(opening, Opening::Shut { .. })).count();
    reading.hear.hear(News::Reading { systems: opened });
    let pair = Pair {
        moments: [Moment::at(&base.policy, now), Moment::at(&head.policy, now)],
        base: &base,
        head: &head,
        budget: budget(base.loaded),
    };
    let sources = join_all(preview.sources.iter().map(|(name, opening)| pair.source(name, opening, reading)));
    let targets = join_all(preview.targets.iter().map(|(name, opening)| pair.target(name, opening, reading)));
    let (sources, targets) = futures_util::future::join(sources, targets).await;
    let mut connectors = BTreeMap::new();
    let mut sides: [BTreeMap<Arc<str>, TargetSide>; 2] = Default::default();
    for (name, (both, connector)) in preview.targets.keys().zip(targets) {
        connectors.extend(connector.map(|connector| (name.clone(), Arc::new(connector))));
        both.into_iter().zip(&mut sides).for_each(|(side, sides)| sides.extend(side.map(|side| (name.clone(), side))));
    }
    let [base_targets, head_targets] = sides;
    let in_order = |policy: &Policy, mut sides: BTreeMap<Arc<str>, TargetSide>| -> Vec<TargetSide> {
        policy.targets.iter().filter_map(|target| sides.remove(&target.name)).collect()
    };
    let targets = [in_order(&base.policy, base_targets), in_order(&head.policy, head_targets)];
    let names = preview.sources.iter().zip(sources);
    let confirmed = join_all(names.map(|((name, opening), sides)| pair.confirm(name, opening, sides, (&targets, &memory), reading))).await;
    let mut sources: [BTreeMap<Arc<str>, SourceSide>; 2] = Default::default();
    for (name, both) in preview.sources.keys().zip(confirmed) {
        both.into_iter().zip(&mut sources).for_each(|(side, sides)| sides.extend(side.map(|side| (name.clone(), side))));
    }
    let [base_moment, head_moment] = pair.moments;
    let [base_sources, head_sources] = sources;
    let [base_targets, head_targets] = targets;
    let snapshot =
        |policy: Policy, mut sources: BTreeMap<Arc<str>, SourceSide>, targets: Vec<TargetSide>, moment: Moment, memory: Memory| {
            let sources = policy.sources.iter().filter_map(|source| sources.remove(&source.name)).collect();
            let world = World::assemble(&policy, sources, targets, memory);
            Snapshot { policy: Arc::new(policy), world: Arc::new(world), moment, connectors: connectors.clone() }
        };
    let first = snapshot(base.policy, base_sources, base_targets, base_moment, memory.clone());
    (first, snapshot(head.policy, head_sources, head_targets, head_moment, memory))
}

/// Both revisions while systems are read.
struct Pair<'a> {
    base: &'a Compiled<'a>,
    head: &'a Compiled<'a>,
    moments: [Moment; 2],
    budget: Budget,
}

impl Pair<'_> {
    /// Empty sides of the revisions that have this source.
    fn source_sides(&self, name: &str) -> [Option<SourceSide>; 2] {
        let side = |compiled: &Compiled<'_>, moment: Moment| {
            let at = compiled.policy.sources.iter().position(|source| source.name.as_ref() == name)?;
            Some(SourceSide::new(&compiled.policy, at, moment.today))
        };
        [side(self.base, self.moments[0]), side(self.head, self.moments[1])]
    }

    async fn source(&self, name: &Arc<str>, opening: &Opening, reading: &Reading<'_>) -> SourceSides {
        let [mut base, mut head] = self.source_sides(name);
        let documents = [document(&self.base.loaded.sources, name), document(&self.head.loaded.sources, name)];
        match (opening, documents) {
            (Opening::Shut { words, .. }, _) => {
                let reason = format!("not previewed: {words}");
                [&mut base, &mut head].into_iter().flatten().for_each(|side| side.finish(Evidence::Unreadable { reason: reason.clone() }));
                ([base, head], false)
            }
            (Opening::OwnFile, [first, second]) => {
                let alone = |compiled: &'_ Compiled<'_>, document: Option<&Document<SourceSpec>>, side: Option<SourceSide>| {
                    let (files, max_age) = (compiled.loaded.files.clone(), max_age(&compiled.policy, name));
                    let document = document.cloned();
                    async move {
                        let (Some(document), Some(mut side)) = (document, side) else { return (None, false) };
                        let (_, may_miss) = self.read_source(&document, &files, max_age, [Some(&mut side), None], reading).await;
                        (Some(side), may_miss)
                    }
                };
                // A source whose file of the branch is another one than the base's is two files.
                let (base, head) = (alone(self.base, first, base).await, alone(self.head, second, head).await);
                ([base.0, head.0], base.1 || head.1)
            }
            (Opening::AsBase, [Some(first), second]) => {
                let ages = [max_age(&self.base.policy, name), max_age(&self.head.policy, name)];
                let files = &self.base.loaded.files;
                // What the records are asked by must be one thing for both; else each is asked for by itself.
                let alike = second.is_none_or(|second| scope(first) == scope(second) && ages[0] == ages[1]);
                if !alike {
                    let (_, first_misses) = self.read_source(first, files, ages[0], [base.as_mut(), None], reading).await;
                    let asked = Document {
                        spec: SourceSpec { scope: second.and_then(|it| it.spec.scope.clone()), ..first.spec.clone() },
                        ..first.clone()
                    };
                    let (_, then_misses) = self.read_source(&asked, files, ages[1], [None, head.as_mut()], reading).await;
                    return ([base, head], first_misses || then_misses);
                }
                let (report, may_miss) = self.read_source(first, files, ages[0], [base.as_mut(), head.as_mut()], reading).await;
                let whole = matches!(report.of(ObjectKind::Account), Evidence::Complete | Evidence::Delta);
                let wider =
                    base.as_ref().zip(head.as_ref()).is_some_and(|(base, head)| union(&base.columns(), &head.columns()) != base.columns());
                if !whole && wider {
                    // A column that only the branch asks for must not spoil what is pending.
                    base = self.source_sides(name)[0].take();
                    self.read_source(first, files, ages[0], [base.as_mut(), None], reading).await;
                }
                ([base, head], may_miss)
            }
            (Opening::AsBase, [None, _]) => ([base, head], false),
        }
    }

    /// Reads a source into the sides that are there.
    async fn read_source(
        &self,
        document: &Document<SourceSpec>,
        files: &crate::files::NamedFiles,
        max_age: Option<jiff::SignedDuration>,
        sides: [Option<&mut SourceSide>; 2],
        reading: &Reading<'_>,
    ) -> (ReadReport, bool) {
        let around =
            Surroundings::at(document.origin.base.as_path()).of(&document.name).within(&self.budget).over(&reading.connections).with(files);
        let mut fan = SourceFan::new(sides, &document.name, reading.hear);
        let mut may_miss = false;
        let read = async {
            let reader = registry::open_source(&document.spec.connection, &around).await?;
            may_miss = reader.may_miss();
            let request = ReadRequest::of_source(&document.spec, fan.columns(), max_age);
            Ok(connector::read_source(&*reader, &request, &mut fan).await)
        };
        let report = reading.until_stopped(read).await.flatten().unwrap_or_else(|error| unreadable(&[ObjectKind::Account], &error));
        reading.hear.hear(News::Read { system: &document.name, report: &report });
        fan.finish(&report.of(ObjectKind::Account));
        (report, may_miss)
    }

    /// Reads a source again whose list may have missed somebody who is remembered: one second read for both.
    async fn confirm(
        &self,
        name: &Arc<str>,
        opening: &Opening,
        (sides, may_miss): SourceSides,
        (targets, memory): (&[Vec<TargetSide>; 2], &Memory),
        reading: &Reading<'_>,
    ) -> [Option<SourceSide>; 2] {
        let gone = |compiled: &Compiled<'_>, side: Option<&SourceSide>, targets: &[TargetSide]| {
            let at = compiled.policy.sources.iter().position(|source| source.name == *name);
            at.zip(side).map(|(at, side)| world::vanished(&compiled.policy, at, side, targets, memory)).unwrap_or_default()
        };
        let [base, head] = sides;
        let gone: [BTreeSet<Box<str>>; 2] = if may_miss {
            [gone(self.base, base.as_ref(), &targets[0]), gone(self.head, head.as_ref(), &targets[1])]
        } else {
            Default::default()
        };
        if gone.iter().all(BTreeSet::is_empty) {
            return [base, head];
        }
        let quietly = &Reading { hear: &HearNothing, ..reading.clone() };
        let ([base_again, head_again], _) = self.source(name, opening, quietly).await;
        let confirmed = |first: Option<SourceSide>, second: Option<SourceSide>, gone: &BTreeSet<Box<str>>| match (first, second) {
            (Some(first), Some(second)) if !gone.is_empty() => Some(world::confirmed(first, second, gone)),
            (first, _) => first,
        };
        [confirmed(base, base_again, &gone[0]), confirmed(head, head_again, &gone[1])]
    }

    async fn target(&self, name: &Arc<str>, opening: &Opening, reading: &Reading<'_>) -> TargetSides {
        let described = document(&self.base.loaded.targets, name);
        let opened = match (opening, described) {
            (Opening::Shut { words, .. }, _) => Err(SystemError::Rejected(format!("not previewed: {words}"))),
            (_, Some(described)) => self.open(described, reading).await,
            (_, None) => Err(SystemError::Rejected("not previewed: the base does not describe it".into())),
        };
        let capabilities = opened.as_ref().map_or_else(|_| Capabilities::default(), |connector| connector.capabilities.clone());
        let side = |compiled: &Compiled<'_>| {
            let at = compiled.policy.targets.iter().position(|target| target.name == *name)?;
            Some(TargetSide::new(&compiled.policy, at, capabilities.clone()))
        };
        let mut sides = [side(self.base), side(self.head)];
        let mut fan = TargetFan::new(&mut sides, name, reading.hear);
        let (streams, lookups) = (fan.streams(&STREAMS), fan.lookups(&STREAMS));
        let wanted: Vec<ObjectKind> = streams.iter().map(|(kind, _)| *kind).collect();
        let report = match &opened {
            Ok(connector) => {
                let request = ReadRequest::new(streams);
                let read = reading.until_stopped(connector.reader.read(&request, &mut fan)).await;
                read.unwrap_or_else(|error| unreadable(&wanted, &error))
            }
            Err(error) => unreadable(&wanted, error),
        };
        if !matches!(opening, Opening::Shut { .. }) {
            reading.hear.hear(News::Read { system: name, report: &report });
        }
        fan.finish(&wanted, &report);
        let connector =
            opened.ok().map(|connector| TargetConnector { reader: Box::new(AskedOnce::new(connector.reader, lookups)), ..connector });
        (sides, connector)
    }

    async fn open(&self, document: &Document<TargetSpec>, reading: &Reading<'_>) -> Result<TargetConnector, SystemError> {
        let around = surroundings(document).within(&self.budget).over(&reading.connections).with(&self.base.loaded.files);
        reading.until_stopped(registry::open_target(&document.spec.connection, &around)).await.flatten()
    }
}

fn document<'d, T>(documents: &'d [Document<T>], name: &str) -> Option<&'d Document<T>> {
    documents.iter().find(|document| document.name.as_ref() == name)
}

fn max_age(policy: &Policy, name: &str) -> Option<jiff::SignedDuration> {
    policy.sources.iter().find(|source| source.name.as_ref() == name).and_then(|source| source.completeness.max_age)
}

/// What of a source's scope its system is asked by.
fn scope(document: &Document<SourceSpec>) -> Option<Within> {
    ReadRequest::of_source(&document.spec, Columns::new([""; 0]), None).within
}

#[cfg(test)]
mod tests;
