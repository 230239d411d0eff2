//! Every key by which somebody may be meant: their own, those that they had, and those of all records that are theirs.
//!
//! Must never: let a key mean two people, or take a key that somebody else has now for a former one.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Key, RecordLink};
use crate::planning::people::identity::Identities;
use crate::planning::people::matched_records::Record;
use crate::planning::question::Moment;
use crate::planning::schema::layout::Layout;
use crate::policy::{Policy, UserPolicy};
use crate::world::World;

/// An identity's own key, and every other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAs {
    /// its own
    pub key: Arc<str>,
    /// the others, sorted
    pub also: Vec<Arc<str>>,
}

/// By which keys whoever a key means is known; nothing where nobody is known by it.
pub fn known_as(policy: &Policy, world: &World, moment: Moment, key: &str) -> Option<KnownAs> {
    let layout = Layout::new(policy, world);
    let people = Identities::new(policy, world, &layout, moment, None);
    let number = people.meant_by(key)?;
    let own = people.key(number);
    let mut also = people.keys_of(number);
    also.insert(Arc::from(key));
    also.remove(&own);
    Some(KnownAs { key: own, also: also.into_iter().collect() })
}

/// The same by what manifests say and what is remembered alone, before any source was asked. A former key is left out: it may be somebody else's by now.
pub fn remembered_as(policy: &Policy, records: &[RecordLink], key: &str) -> KnownAs {
    let mut own: Arc<str> = Arc::from(key);
    let mut all = BTreeSet::from([own.clone()]);
    loop {
        let before = all.len();
        for link in records {
            let record = Key::record(&link.source, &link.record).text();
            if all.contains(&record) || all.contains(&link.identity) {
                own = link.identity.clone();
                all.extend([record, link.identity.clone()]);
            }
        }
        for user in policy.users.iter().filter(|user| !user.records.is_empty()) {
            let named: Vec<Arc<str>> = record_keys(policy, user).collect();
            if all.contains(&user.key) || named.iter().any(|record| all.contains(record)) {
                own = user.key.clone();
                all.extend(named);
                all.insert(user.key.clone());
            }
        }
        if all.len() == before {
            break;
        }
    }
    all.remove(&own);
    KnownAs { key: own, also: all.into_iter().collect() }
}

fn record_keys<'u>(policy: &'u Policy, user: &'u UserPolicy) -> impl Iterator<Item = Arc<str>> + 'u {
    let name = |source: usize| policy.sources.get(source).map_or("", |source| source.name.as_ref());
    user.records.iter().map(move |record| Key::record(name(record.source), &record.key).text())
}

impl Identities<'_> {
    /// The identity that any of its keys means.
    pub(in crate::planning) fn meant_by(&self, key: &str) -> Option<u32> {
        self.find(key).or_else(|| self.by_other_record(key)).or_else(|| self.by_memory(key)).or_else(|| self.by_former(key))
    }

    /// A record that makes nobody exist belongs to whoever it was found to be of.
    fn by_other_record(&self, key: &str) -> Option<u32> {
        let (source, rest) = Key::of_record(key)?;
        let matching = self.matchings.iter().find(|matching| self.policy.sources[matching.source].name.as_ref() == source)?;
        let record = self.world.sources[matching.source].find(rest)?;
        (0..self.len()).find(|number| matching.record(*number) == Record::Cells(record))
    }

    /// Whose record it was, or is said to be, where the source could not be asked.
    fn by_memory(&self, key: &str) -> Option<u32> {
        let remembered = remembered_as(self.policy, &self.world.memory.records, key);
        std::iter::once(&remembered.key).chain(&remembered.also).find_map(|key| self.find(key))
    }

    /// A key that a User is said to have had, and that nobody has now.
    fn by_former(&self, key: &str) -> Option<u32> {
        let user = self.policy.users.iter().find(|user| user.former_keys.iter().any(|former| former.as_ref() == key))?;
        self.find(&user.key)
    }

    /// Every key of an identity.
    pub(in crate::planning) fn keys_of(&self, number: u32) -> BTreeSet<Arc<str>> {
        let own = self.key(number);
        let mut keys: BTreeSet<Arc<str>> = self.other_keys(number).into_iter().collect();
        keys.insert(Arc::from(self.record_key(number)));
        for matching in &self.matchings {
            if let Record::Cells(record) = matching.record(number) {
                let name = &self.policy.sources[matching.source].name;
                keys.insert(Key::record(name, self.world.sources[matching.source].key(record)).text());
            }
        }
        let remembered = remembered_as(self.policy, &self.world.memory.records, &own);
        let mine = |key: &&Arc<str>| self.find(key).is_none_or(|holder| holder == number);
        keys.extend(std::iter::once(&remembered.key).chain(&remembered.also).filter(mine).cloned());
        if let Some(user) = self.declared(number) {
            keys.extend(user.former_keys.iter().filter(mine).cloned());
        }
        keys.insert(own);
        keys
    }
}
