//! What others may ask of the world: columns of a stream, the id behind a key, the counts of complete reads.
//!
//! Must never: answer with an object that two keys or two ids claim.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::evidence::SourceEvidence;
use super::objects::Objects;
use super::source::SourceSide;
use super::{Carries, LinkRow, World};
use crate::model::{Baseline, Columns, Deactivation, Link, LinkOrigin, ObjectKind, StandingRevocation};
use crate::policy::{Policy, TargetPolicy};

impl World {
    /// How many people there are: records of Sources that establish somebody, and Users.
    pub fn people(&self, policy: &Policy) -> u64 {
        let establishing = policy.sources.iter().zip(&self.sources).filter(|(rules, _)| rules.establishes);
        establishing.map(|(_, side)| side.in_scope()).sum::<u64>() + policy.users.len() as u64
    }

    /// The columns of one of a target's streams. None: it is not read.
    pub fn stream_columns(&self, target: usize, kind: ObjectKind) -> Option<Arc<Columns>> {
        self.targets.get(target)?.columns(kind)
    }

    /// The columns in which objects of a target are looked up. None: that kind of object can't be.
    pub fn lookup_columns(&self, target: usize, kind: ObjectKind) -> Option<Arc<Columns>> {
        self.targets.get(target)?.lookup_columns(kind)
    }

    /// The id at a target of the object with our key, by a link or else by its marker: for references to objects that a plan does not touch.
    pub fn object_id(&self, policy: &Policy, target: &str, kind: ObjectKind, key: &str) -> Option<Arc<str>> {
        let at = policy.targets.iter().position(|rules| rules.name.as_ref() == target)?;
        let side = self.targets.get(at)?;
        let objects = if kind == ObjectKind::Group { &side.groups } else { &side.accounts };
        let linked = self.recall.ids_of(target, kind, key).into_iter().filter_map(|id| objects.find_id(id));
        let linked: Vec<u32> = linked.collect();
        let mut rows: Vec<u32> = if linked.is_empty() { objects.marked(key) } else { linked };
        rows.dedup();
        match rows.as_slice() {
            [row] => Some(Arc::from(objects.id(*row).as_ref())),
            _ => None,
        }
    }

    /// Whether an account or group with this id was read at a target.
    pub fn has_object(&self, policy: &Policy, target: &str, kind: ObjectKind, id: &str) -> bool {
        let at = policy.targets.iter().position(|rules| rules.name.as_ref() == target);
        let Some(side) = at.and_then(|at| self.targets.get(at)) else { return false };
        let objects = if kind == ObjectKind::Group { &side.groups } else { &side.accounts };
        objects.find_id(id).is_some()
    }

    /// The link that leads from a key to an account or group of a target.
    pub fn link_of(&self, target: &str, kind: ObjectKind, key: &str) -> Option<Link> {
        let mut links = self.recall.links.of_key(key).map(|(_, link)| link);
        links.find(|link| link.kind == kind && **link.target == *target).map(LinkRow::to_link)
    }

    /// Whether this very link is remembered.
    pub fn has_link(&self, link: &Link) -> bool {
        self.recall.links.of_key(&link.key).any(|(_, known)| known.to_link() == *link)
    }

    /// Whether any link leads from one of these keys.
    pub fn has_links(&self, keys: &[Arc<str>]) -> bool {
        keys.iter().any(|key| self.recall.links.of_key(key).next().is_some())
    }

    /// Whether whoever is cut off is known to have, or to have had, an account at a target.
    pub fn has_account(&self, standing: &StandingRevocation, target: &str) -> bool {
        let linked = standing.keys().any(|key| self.link_of(target, ObjectKind::Account, key).is_some());
        linked || self.memory.cut_off.iter().any(|known| known.target.as_ref() == target && standing.means(&known.key))
    }

    /// Our own deactivations of accounts that are active again: somebody else's next one must not look like ours.
    pub fn undone_deactivations<'w>(&'w self, policy: &Policy) -> Vec<&'w Deactivation> {
        let sides: Vec<_> = policy.targets.iter().map(|rules| &rules.name).zip(&self.targets).collect();
        let is_active = |target: &Arc<str>, id: &str| {
            let Some((_, side)) = sides.iter().find(|(name, _)| *name == target) else { return false };
            side.accounts.find_id(id).is_some_and(|row| side.accounts.active(row) && !self.is_strangers(target, &side.accounts, row, id))
        };
        self.memory.deactivations.iter().filter(|known| known.kind == ObjectKind::Account && is_active(&known.target, &known.id)).collect()
    }

    /// Whether an account has the id of one of ours and is another one: a target that leads to another system for a day must not make us forget what we did here.
    fn is_strangers(&self, target: &str, accounts: &Objects, row: u32, id: &str) -> bool {
        if accounts.carries(row) == Carries::Ours {
            return false;
        }
        let elsewhere = self.recall.stranded_at(target, ObjectKind::Account).any(|link| link.id == id);
        let text = |name: &str| accounts.cell_of(row, name).as_text().filter(|text| !text.is_empty()).map(str::to_lowercase);
        let called = text("userName").or_else(|| text("displayName"));
        let was = self.recall.link_of(target, ObjectKind::Account, id).and_then(|link| link.name);
        elsewhere || was.zip(called).is_some_and(|(was, called)| was.to_lowercase() != called)
    }

    /// Whether the state remembers accounts, or groups, of a target, as the system that it is now. Then a mark alone makes none ours: whoever may change an
    /// object may write one.
    pub(crate) fn remembers(&self, rules: &TargetPolicy, kind: ObjectKind) -> bool {
        self.memory.known && self.recall.links.count(&rules.name, kind).1 > 0
    }

    /// Whether a run sent the creation or the adoption of an object and never heard what became of it.
    pub(crate) fn was_sent(&self, target: &str, key: &str) -> bool {
        self.memory.unheard.iter().any(|sent| *sent.target == *target && *sent.key == *key)
    }

    /// Links that are missing for objects that carry our mark, as after a lost state: a mark can be removed by others, and then only a link is left as a proof.
    /// Where the state remembers objects of a kind, just those that a run sent which never heard what became of it.
    pub fn missing_links(&self, policy: &Policy, at: Timestamp) -> Vec<Link> {
        let mut missing = Vec::new();
        for (rules, side) in policy.targets.iter().zip(&self.targets) {
            for (kind, objects, name) in
                [(ObjectKind::Account, &side.accounts, "userName"), (ObjectKind::Group, &side.groups, "displayName")]
            {
                let is_known = self.remembers(rules, kind);
                for row in 0..objects.len() {
                    let Some(marked) = objects.marked_key(row).filter(|_| objects.carries(row) == Carries::Ours) else { continue };
                    // A mark that a rename has not reached yet, of a source or of the resource, says what the object was called before.
                    let renamed = policy.key_now(&marked);
                    let key = renamed.as_deref().unwrap_or(&marked);
                    let id = objects.id(row);
                    let known = self.recall.link_of(&rules.name, kind, &id);
                    let says_nothing = match known {
                        Some(link) => *link.key != *marked && *link.key != *key,
                        None => is_known && !self.was_sent(&rules.name, key),
                    };
                    let linked = !self.recall.ids_of(&rules.name, kind, key).is_empty();
                    let former = self.recall.formerly(&self.memory, &rules.name, kind, &marked).contains(&id.as_ref());
                    let others = renamed.as_deref().map_or(0, |key| objects.marked(key).len());
                    if !says_nothing && !linked && !former && objects.marked(&marked).len() + others == 1 {
                        missing.push(Link {
                            target: rules.name.clone(),
                            kind,
                            key: Arc::from(key),
                            id: Arc::from(id.as_ref()),
                            origin: LinkOrigin::Adopted,
                            system: rules.system.id,
                            name: objects.cell_of(row, name).as_text().map(Arc::from),
                            at,
                        });
                    }
                }
            }
        }
        missing
    }

    /// What complete reads of the sources counted: baselines for the next run.
    pub fn baselines(&self, policy: &Policy, at: Timestamp) -> Vec<Baseline> {
        let sides = policy.sources.iter().zip(&self.sources).zip(&self.trust);
        let complete = sides.filter(|(_, trust)| trust.evidence.proves_absence());
        complete
            .map(|((rules, side), trust)| Baseline {
                system: rules.name.clone(),
                kind: ObjectKind::Account,
                scope: rules.scope_hash,
                count: side.in_scope(),
                values: filled(side, trust),
                statuses: trust.remembered.clone(),
                at,
            })
            .collect()
    }
}

/// A column that was emptied is compared with what it had until it has it again, or somebody says that it is right.
fn filled(side: &SourceSide, trust: &SourceEvidence) -> BTreeMap<Arc<str>, u64> {
    let kept = |path: &Arc<str>| trust.emptied.iter().find(|emptied| emptied.column == *path).map(|emptied| emptied.before);
    let believed = |path: &Arc<str>| kept(path).or_else(|| trust.grown.get(path).copied());
    side.filled().map(|(path, now)| (path.clone(), believed(path).unwrap_or(now))).collect()
}
