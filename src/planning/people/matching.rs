//! Records of a source and the identities that others made known: which belongs to which.
//!
//! What a User manifest says comes first, then the keys in order, each for everybody; what is remembered stands before the first key that people change.
//! Must never: guess between two records, hand a record on silently, or let one that could not be found count as one that is not there.

mod hits;
mod rounds;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::planning::people::identity::Identities;
use crate::planning::people::matched_records::{MatchedRecords, Owner};
use crate::planning::schema::layout::Layout;
pub(in crate::planning) use hits::values as key_values;
pub(in crate::planning) use rounds::correlate;

/// A source whose records were held against the identities.
pub(in crate::planning) struct Correlated {
    pub(in crate::planning) matching: MatchedRecords,
    /// whose each record is
    pub(in crate::planning) owners: Vec<Owner>,
    /// records that are remembered as those of identities that are gone, or as identities of their own
    pub(in crate::planning) former: BTreeMap<u32, Arc<str>>,
}

/// The records that match in every source that establishes nobody, the higher precedence first: what one tells may be another's key.
pub(in crate::planning) fn find(identities: &mut Identities<'_>, layout: &Layout<'_>) {
    let sources = &identities.policy.sources;
    let mut others: Vec<usize> = (0..sources.len()).filter(|at| !sources[*at].establishes).collect();
    others.sort_by_key(|at| -i64::from(sources[*at].precedence));
    for source in others {
        let correlated = correlate(identities, layout, source);
        identities.matchings.push(correlated.matching);
    }
}
