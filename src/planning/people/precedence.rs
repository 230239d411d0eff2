//! An identity with records in establishing sources beside its own: where it stands, and which of them speak for it.
//!
//! Somebody is here as long as one of them says so: whoever changes from one company of a group to another leaves only one of its systems. A record that says
//! that they have left, or come later, is silent while another says that they are here. Must never: let a source that could not be read end anybody.

use std::sync::Arc;

use crate::manifest::kinds::Lifecycle;
use crate::model::{FindingCode, Key};
use crate::planning::people::identity::{Identities, IdentityOrigin};
use crate::planning::people::lifecycle;
use crate::planning::people::matched_records::Record;
use crate::planning::people::person::Person;
use crate::planning::people::records::Records;
use crate::planning::people::records::SCOPE_FAILED;
use crate::planning::people::standing::Standing;
use crate::planning::question::Moment;
use crate::planning::schema::doubt::HoldReason;
use crate::planning::schema::layout::Layout;
use crate::policy::UserPolicy;
use crate::world::RecordState;

/// Whether other establishing sources have, or may have, a record too.
pub(in crate::planning) fn are_there(identities: &Identities<'_>, records: &Records<'_>) -> bool {
    records.others().any(|source| identities.policy.sources[source].establishes)
}

/// A standalone User that is an employee stands as the record it names does: without that record nobody can say whether they are still here.
pub(in crate::planning) fn lost_record(identities: &Identities<'_>, user: &UserPolicy, records: &Records<'_>) -> Option<Arc<str>> {
    let names = |source: usize| identities.policy.sources[source].establishes && records.of(source) == Record::Nothing;
    let lost = user.records.iter().find(|record| user.standalone && names(record.source))?;
    let record = Key::record(&identities.policy.sources[lost.source].name, &lost.key);
    Some(format!("the record {record} that its User names is not there").into())
}

/// Where the identity stands; sources that are over for it are silenced.
pub(in crate::planning) fn settle<'w>(
    identities: &Identities<'w>,
    layout: &Layout<'_>,
    records: &mut Records<'w>,
    user: Option<&UserPolicy>,
    person: &mut Person<'w>,
    moment: Moment,
) -> Standing {
    let own = records.own().map(|(source, _)| source);
    let establishing: Vec<usize> =
        own.into_iter().chain(records.others()).filter(|source| identities.policy.sources[*source].establishes).collect();
    let standings: Vec<(usize, Standing)> = establishing
        .iter()
        .map(|source| {
            records.silence(establishing.iter().copied().filter(|other| other != source).collect());
            (*source, of_one(identities, layout, records, (*source, user), person, moment))
        })
        .collect();
    person.failures.clear();
    person.unique.clear();
    let ambiguous = |source: &&usize| identities.matching(**source).is_some_and(|matching| matching.is_ambiguous(person.number));
    if let Some(source) = establishing.iter().find(ambiguous) {
        // One of two records that may be theirs would make a second account, or end the wrong one.
        records.silence(Vec::new());
        let words = format!("which record of {} is theirs can't be told", identities.policy.sources[*source].name);
        // The doubt itself is told, with both records: that nothing follows is no second thing to see to.
        return Standing::Doubtful(Arc::new(HoldReason::told(FindingCode::AmbiguousCorrelation, &words)));
    }
    let here = standings.iter().map(|(_, standing)| presence(standing)).max().unwrap_or_default();
    records.silence(standings.iter().filter(|(_, standing)| presence(standing) < here).map(|(source, _)| *source).collect());
    best(identities, &standings)
}

/// Where it would stand by one of them alone.
fn of_one<'w>(
    identities: &Identities<'w>,
    layout: &Layout<'_>,
    records: &Records<'w>,
    (source, user): (usize, Option<&UserPolicy>),
    person: &mut Person<'w>,
    moment: Moment,
) -> Standing {
    let Record::Cells(cells) = records.of(source) else {
        let name = &identities.policy.sources[source].name;
        return Standing::Unknown(format!("whether {name} knows it too can't be told").into());
    };
    if let IdentityOrigin::Record(own, record) = identities.origin(person.number)
        && own == source
    {
        match identities.world.sources[source].state(record) {
            RecordState::Counts => {}
            RecordState::OutOfScope => return Standing::Deselected,
            RecordState::Ambiguous => return Standing::DuplicateKey,
            RecordState::ScopeFailed => return Standing::Unknown(SCOPE_FAILED.into()),
        }
    }
    for slot in [layout.start, layout.end] {
        identities.fill_slot(layout, records, user, slot, person);
    }
    lifecycle::standing(layout, Some((source, cells)), person, moment, &identities.shared_ends)
}

/// How much a record has to say: what is not known may be anything.
fn presence(standing: &Standing) -> u8 {
    match standing {
        Standing::Deselected => 0,
        Standing::Is(Lifecycle::Leaver) => 1,
        Standing::Is(Lifecycle::PreHire) => 2,
        Standing::Is(Lifecycle::Active | Lifecycle::Suspended) | Standing::DuplicateKey | Standing::Unknown(_) | Standing::Doubtful(_) => 3,
    }
}

/// Whoever works somewhere is here, whatever the others say. Short of that, what is not known leaves everything open.
fn best(identities: &Identities<'_>, standings: &[(usize, Standing)]) -> Standing {
    let all = || standings.iter().map(|(_, standing)| standing);
    let is = |lifecycle| all().any(|standing| *standing == Standing::Is(lifecycle));
    if is(Lifecycle::Active) {
        return Standing::Is(Lifecycle::Active);
    }
    if let Some(doubt) = all().find(|standing| matches!(standing, Standing::Doubtful(_))) {
        return doubt.clone();
    }
    let unknown = standings.iter().find_map(|(source, standing)| match standing {
        Standing::Unknown(words) => Some(words.clone()),
        Standing::DuplicateKey => {
            Some(Arc::from(format!("two different records of {} have its key", identities.policy.sources[*source].name)))
        }
        Standing::Is(_) | Standing::Deselected | Standing::Doubtful(_) => None,
    });
    if let Some(words) = unknown {
        return Standing::Unknown(words);
    }
    let known = [Lifecycle::Suspended, Lifecycle::PreHire, Lifecycle::Leaver];
    known.into_iter().find(|lifecycle| is(*lifecycle)).map_or(Standing::Deselected, Standing::Is)
}
