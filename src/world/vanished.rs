//! Who is remembered of a source and was not in its read. A list that moves between two pages can look whole and lack somebody: as many came as were announced.
//!
//! Must never: let somebody be gone who was in one of two reads.

use std::collections::BTreeSet;

use super::{SourceSide, TargetSide};
use crate::model::{Evidence, Key, Memory};
use crate::policy::Policy;

/// The keys of records that links, remembered records and marks at the targets know, and a complete read of their source did not have.
pub fn vanished(policy: &Policy, source: usize, side: &SourceSide, targets: &[TargetSide], memory: &Memory) -> BTreeSet<Box<str>> {
    if !side.evidence().proves_absence() {
        return BTreeSet::new();
    }
    let name = policy.sources[source].name.as_ref();
    let linked = memory.links.iter().filter_map(|link| record_of(name, &link.key));
    let recorded = memory.records.iter().filter(|link| link.source.as_ref() == name).map(|link| link.record.as_ref());
    let mut gone: BTreeSet<Box<str>> = linked.chain(recorded).filter(|key| side.find(key).is_none()).map(Box::from).collect();
    for accounts in targets.iter().map(|target| &target.accounts) {
        for marked in (0..accounts.len()).filter_map(|row| accounts.marked_key(row)) {
            gone.extend(record_of(name, &marked).filter(|key| side.find(key).is_none()).map(Box::from));
        }
    }
    gone
}

/// The read that counts of two, where somebody is gone in the first: only who is in neither is gone.
pub fn confirmed(mut first: SourceSide, second: SourceSide, gone: &BTreeSet<Box<str>>) -> SourceSide {
    if let Some(reason) = second.evidence().reason() {
        let reason = format!("{} known records were not in it, and a second read did not end well: {reason}", gone.len());
        first.finish(Evidence::Partial { reason });
        return first;
    }
    let back: Vec<&Box<str>> = gone.iter().filter(|key| second.find(key).is_some()).collect();
    let Some(one) = back.first() else { return first };
    // Whoever is in the first and not in the second may have been missed there in turn.
    if (0..first.len()).all(|record| second.find(first.key(record)).is_some()) {
        return second;
    }
    let reason = format!("its list moves while it is read: {one} was missing from one read and there in the next");
    first.finish(Evidence::Partial { reason });
    first
}

fn record_of<'k>(source: &str, key: &'k str) -> Option<&'k str> {
    Key::within(key, source)
}
