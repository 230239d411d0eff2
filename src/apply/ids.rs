//! The ids of objects at their targets: what the plan knows, what this run has made, and what is remembered.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{ObjectKind, ObjectRef, Plan};

use super::Job;

/// Ids by target and key.
pub(super) struct Ids<'a> {
    job: &'a Job<'a>,
    known: HashMap<(Arc<str>, Arc<str>), Arc<str>>,
}

impl<'a> Ids<'a> {
    /// What the plan knows.
    pub(super) fn new(job: &'a Job<'a>) -> Self {
        let mut ids = Self { job, known: HashMap::new() };
        ids.learn_plan(job.plan);
        ids
    }

    /// This run made or found an object.
    pub(super) fn learn(&mut self, target: &Arc<str>, key: &Arc<str>, id: &Arc<str>) {
        self.known.insert((target.clone(), key.clone()), id.clone());
    }

    /// The id of an object, by what the plan says about it and else by its key.
    pub(super) fn of(&self, target: &Arc<str>, object: &ObjectRef) -> Option<Arc<str>> {
        object.id.clone().or_else(|| self.by_key(target, object.kind, &object.key))
    }

    /// The id of an object by its key. The links come last: what was read now is newer.
    pub(super) fn by_key(&self, target: &Arc<str>, kind: ObjectKind, key: &Arc<str>) -> Option<Arc<str>> {
        self.known
            .get(&(target.clone(), key.clone()))
            .cloned()
            .or_else(|| (self.job.known_ids)(target, kind, key))
            .or_else(|| self.job.store.link_id(target, kind, key).ok().flatten())
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
