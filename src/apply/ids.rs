//! The ids of objects at their targets: what the plan knows, what this run has made, and what is remembered.
//!
//! Must never: ask the state for one object at a time; what a run may need is asked for before it begins.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::connector::rehearsal::id_to_be;
use crate::model::{Action, Change, ObjectKind, ObjectRef, Plan};
use crate::state::{LinkName, StateError};

use super::prepare::references;
use super::{Job, KnownIds};

/// Ids by target and key.
pub(super) struct Ids<'a> {
    known_ids: &'a KnownIds<'a>,
    known: HashMap<(Arc<str>, Arc<str>), Arc<str>>,
    linked: HashMap<LinkName, Arc<str>>,
    /// ids of a target that became others in this run, as a team's does with its name
    moved: HashMap<(Arc<str>, Arc<str>), Arc<str>>,
}

impl<'a> Ids<'a> {
    /// What the plan knows, and what is remembered of whatever else it names.
    pub(super) async fn new(job: &'a Job<'a>) -> Result<Self, StateError> {
        let mut ids = Self { known_ids: job.known_ids, known: HashMap::new(), linked: HashMap::new(), moved: HashMap::new() };
        ids.learn_plan(job.plan);
        let wanted: BTreeSet<LinkName> = job.plan.changes.iter().flat_map(named).filter(|name| ids.read(name).is_none()).collect();
        if wanted.is_empty() {
            return Ok(ids);
        }
        let wanted: Vec<_> = wanted.into_iter().collect();
        let found = job.store.link_ids(wanted.clone()).await?;
        ids.linked = wanted.into_iter().zip(found).filter_map(|(name, id)| Some((name, id?))).collect();
        Ok(ids)
    }

    /// What the plan knows; of what it makes, a word that stands for the id.
    pub(super) fn of_plan(plan: &Plan, known_ids: &'a KnownIds<'a>) -> Self {
        let mut ids = Self { known_ids, known: HashMap::new(), linked: HashMap::new(), moved: HashMap::new() };
        ids.learn_plan(plan);
        let made = plan.changes.iter().filter(|change| change.action == Action::Create && change.entitlement.is_none());
        made.for_each(|change| ids.learn(&change.target, &change.object.key, &id_to_be(&change.object.name)));
        ids
    }

    /// This run made or found an object.
    pub(super) fn learn(&mut self, target: &Arc<str>, key: &Arc<str>, id: &Arc<str>) {
        self.known.insert((target.clone(), key.clone()), id.clone());
    }

    /// An object's id became another one by a change of this run.
    pub(super) fn moves(&mut self, target: &Arc<str>, from: &Arc<str>, to: &Arc<str>) {
        self.moved.insert((target.clone(), from.clone()), to.clone());
    }

    /// The id of an object, by what the plan says about it and else by its key.
    pub(super) fn of(&self, target: &Arc<str>, object: &ObjectRef) -> Option<Arc<str>> {
        let id = object.id.clone().or_else(|| self.by_key(target, object.kind, &object.key))?;
        if self.moved.is_empty() {
            return Some(id);
        }
        Some(self.moved.get(&(target.clone(), id.clone())).cloned().unwrap_or(id))
    }

    /// The id of an object by its key. The links come last: what was read now is newer.
    pub(super) fn by_key(&self, target: &Arc<str>, kind: ObjectKind, key: &Arc<str>) -> Option<Arc<str>> {
        let name = LinkName { target: target.clone(), kind, key: key.clone() };
        self.read(&name).or_else(|| self.linked.get(&name).cloned())
    }

    fn read(&self, LinkName { target, kind, key }: &LinkName) -> Option<Arc<str>> {
        self.known.get(&(target.clone(), key.clone())).cloned().or_else(|| (self.known_ids)(target, *kind, key))
    }

    fn learn_plan(&mut self, plan: &Plan) {
        for change in &plan.changes {
            let members = change.members.iter().map(|member| &member.member);
            for object in std::iter::once(&change.object).chain(members) {
                if let Some(id) = &object.id {
                    self.learn(&change.target, &object.key, id);
                }
            }
        }
    }
}

/// Whatever a change may need the id of.
fn named(change: &Change) -> Vec<LinkName> {
    let name = |kind, key: &Arc<str>| LinkName { target: change.target.clone(), kind, key: key.clone() };
    let objects = std::iter::once(&change.object).chain(change.members.iter().map(|member| &member.member));
    let objects = objects.filter(|object| object.id.is_none()).map(|object| name(object.kind, &object.key));
    let values = change.attributes.iter().filter_map(|attribute| attribute.after.as_ref());
    objects.chain(values.flat_map(references).map(|key| name(REFERRED, &key))).collect()
}

/// What references lead to.
pub(super) const REFERRED: ObjectKind = ObjectKind::Account;
