//! What differs between what was remembered and what is: whoever is meant by that is another than before.
//!
//! Must never: miss anything that planning reads.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::dirty::Dirty;
use crate::model::{Key, LastWrite, Link, Memory, ObjectKind};
use crate::policy::Policy;

/// Who is another by it. What only limits read is looked at anyway, and baselines come to what may follow from a source.
/// `links`, `written`: what differs between packed ones, which the memories don't hold.
pub(super) fn differ(policy: &Policy, before: &Memory, now: &Memory, (links, written): (&[Link], &[LastWrite])) -> Dirty {
    let mut dirty = Dirty::default();
    if (before.known, &before.revocations, &before.unheard) != (now.known, &now.revocations, &now.unheard) {
        return Dirty::everybody("there is a state now or none any more, or another revocation");
    }
    let mut told = Told { policy, dirty: &mut dirty };
    let few = differing(&before.links, &now.links, |link| {
        (&link.target, link.kind, &link.key, &link.id, link.origin as u8, link.system, &link.name, link.at)
    });
    for link in few.into_iter().chain(links) {
        told.object(&link.target, link.kind, &link.id);
        told.key(link.kind, &link.key);
    }
    for former in differing(&before.formers, &now.formers, |known| (&known.target, known.kind, &known.key, &known.id, known.at)) {
        told.object(&former.target, former.kind, &former.id);
        told.key(former.kind, &former.key);
    }
    for link in differing(&before.records, &now.records, |link| (&link.source, &link.record, &link.identity)) {
        told.key(ObjectKind::Account, &link.identity);
        told.key(ObjectKind::Account, &Key::record(&link.source, &link.record).text());
    }
    for known in differing(&before.deactivations, &now.deactivations, |known| (&known.target, known.kind, &known.id, known.at)) {
        told.object(&known.target, known.kind, &known.id);
    }
    for known in differing(&before.resting, &now.resting, |known| (&known.target, &known.key, known.at)) {
        told.key(ObjectKind::Account, &known.key);
    }
    let few = differing(&before.written, &now.written, |known| (&known.target, known.kind, &known.id, &known.prints));
    for known in few.into_iter().chain(written) {
        told.object(&known.target, known.kind, &known.id);
    }
    for known in differing(&before.repeats, &now.repeats, |known| {
        (&known.target, known.kind, &known.id, &known.attribute, known.wrote, known.found, known.at)
    }) {
        told.object(&known.target, known.kind, &known.id);
    }
    for known in differing(&before.departed, &now.departed, |known| {
        (&known.target, &known.attribute, &known.value, &known.key, known.left, known.at)
    }) {
        told.key(ObjectKind::Account, &known.key);
    }
    for known in differing(&before.cut_off, &now.cut_off, |known| (&known.target, known.kind, &known.id, &known.key)) {
        told.object(&known.target, known.kind, &known.id);
        told.key(ObjectKind::Account, &known.key);
    }
    dirty
}

struct Told<'t> {
    policy: &'t Policy,
    dirty: &'t mut Dirty,
}

impl Told<'_> {
    /// An object of a target, by its id.
    fn object(&mut self, target: &Arc<str>, kind: ObjectKind, id: &Arc<str>) {
        match kind {
            ObjectKind::Group => self.dirty.everybody = Some("something else is remembered of a group"),
            _ => self.dirty.accounts.extend(self.policy.targets.iter().position(|rules| rules.name == *target).map(|at| (at, id.clone()))),
        }
    }

    fn key(&mut self, kind: ObjectKind, key: &Arc<str>) {
        if kind == ObjectKind::Account {
            self.dirty.keys.insert(key.clone());
        }
    }
}

/// Those that are in only one of both, or not as often. What both begin and end with is the same, mostly all.
fn differing<'m, T: PartialEq, P: Hash + Eq>(before: &'m [T], now: &'m [T], parts: impl Fn(&'m T) -> P) -> Vec<&'m T> {
    let first = before.iter().zip(now).take_while(|(one, other)| one == other).count();
    let (before, now) = (&before[first..], &now[first..]);
    let last = before.iter().rev().zip(now.iter().rev()).take_while(|(one, other)| one == other).count();
    let (before, now) = (&before[..before.len() - last], &now[..now.len() - last]);
    let mut counts: HashMap<P, i64> = HashMap::new();
    before.iter().for_each(|one| *counts.entry(parts(one)).or_default() += 1);
    now.iter().for_each(|one| *counts.entry(parts(one)).or_default() -= 1);
    before.iter().chain(now).filter(|one| counts.get(&parts(one)).is_some_and(|count| *count != 0)).collect()
}
