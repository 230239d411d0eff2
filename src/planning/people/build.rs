//! Who there is: standalone Users, then the records of each establishing source, the highest precedence first.
//!
//! A record that correlates with somebody who is known already is theirs; one that does not is somebody of its own. An identity keeps the key it was first known by.
//! Must never: make two identities of one person, or hand one person's key to another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

use crate::expr::Input;
use crate::manifest::kinds::Lifecycle;
use crate::model::{Key, ObjectKind, RecordLink, ValueState};
use crate::planning::people::contradiction;
use crate::planning::people::identity::{Identities, IdentityOrigin};
use crate::planning::people::matched_records::Record;
use crate::planning::people::matched_records::{MatchedRecords, Owner};
use crate::planning::people::matching;
use crate::planning::people::matching::Correlated;
use crate::planning::people::person::Person;
use crate::planning::people::referred::{HashedValue, Referred};
use crate::planning::people::spans::{Block, FormerTrouble, Seats, Span};
use crate::planning::people::standing::Standing;
use crate::planning::question::Moment;
use crate::planning::schema::layout::Layout;
use crate::planning::schema::values::Held;
use crate::policy::{Policy, UserPolicy};
use crate::world::{Keyed, World, canonical};

/// Goes through the sources; each sees who was found before it.
fn take(identities: &mut Identities<'_>, layout: &Layout<'_>) {
    let sources = &identities.policy.sources;
    let mut establishing: Vec<usize> = (0..sources.len()).filter(|at| sources[*at].establishes).collect();
    establishing.sort_by_key(|at| -i64::from(sources[*at].precedence));
    overrides(identities);
    for source in establishing {
        admit(identities, layout, source);
        overrides(identities);
    }
    formers(identities, layout);
    matching::find(identities, layout);
}

/// What the rules of all sources name other records by.
fn referred(identities: &Identities<'_>, layout: &Layout<'_>) -> Referred {
    let mut referred = Referred::default();
    for (source, rules) in layout.sources.iter().enumerate() {
        let named: BTreeSet<usize> = rules.rules.iter().filter_map(|rule| layout.slot(rule.by.as_deref()?)).collect();
        named.into_iter().for_each(|slot| referred.add(source, slot, holders(identities, layout, source, slot)));
    }
    referred
}

/// Each value of an attribute in a source, with its record.
fn holders(identities: &Identities<'_>, layout: &Layout<'_>, source: usize, slot: usize) -> Vec<HashedValue> {
    let keyed = Keyed::of(&identities.policy.workspace);
    let kind = layout.slots[slot].kind;
    let (mut person, mut buffer, mut entries) = (Person::default(), Vec::new(), Vec::new());
    for record in 0..identities.world.sources.get(source).map_or(0, |side| side.len()) {
        identities.key_of_record(layout, source, record, &[slot], &mut person);
        match &person.slots[slot] {
            Held::Cell(cell) => canonical::each_key(kind, *cell, &mut buffer, |bytes| entries.push((keyed.wide(bytes), record))),
            Held::State(ValueState::Set(value)) => {
                entries.extend(canonical::keys(kind, Input::Value(value)).iter().map(|bytes| (keyed.wide(bytes), record)));
            }
            Held::State(_) => {}
        }
    }
    entries
}

fn admit(identities: &mut Identities<'_>, layout: &Layout<'_>, source: usize) {
    let rules = &identities.policy.sources[source];
    let world = identities.world;
    let first = identities.len();
    let records = world.sources.get(source).map_or(0, |side| side.len());
    let correlates = !rules.correlate.is_empty();
    let named = identities.policy.users.iter().any(|user| user.records.iter().any(|record| record.source == source));
    let remembered = world.memory.records.iter().any(|link| link.source == rules.name);
    let kept = !identities.kept_in(source).is_empty();
    let alone = first == 0 && identities.spans.is_empty();
    if !(named || kept || remembered || (correlates && !alone)) {
        identities.spans.push(Span { source, first, len: records, seats: None, unseen: Vec::new() });
        return;
    }
    let correlated = matching::correlate(identities, layout, source);
    let unread = identities.spans.iter().map(|span| span.source).filter(|at| !world.trust[*at].evidence.proves_absence());
    let unseen: Vec<usize> = unread.filter(|_| correlates).collect();
    let seats = seats(first, &correlated, unseen.first().copied());
    let len = seats.records.len() as u32;
    keep_keys(identities, source, &seats, &correlated);
    identities.spans.push(Span { source, first, len, seats: Some(seats), unseen });
    identities.matchings.push(correlated.matching);
}

fn seats(first: u32, correlated: &Correlated, unseen: Option<usize>) -> Seats {
    let mut seats = Seats::default();
    for (record, owner) in correlated.owners.iter().enumerate() {
        let (record, position) = (record as u32, seats.records.len() as u32);
        if let Owner::Identity(number) = owner {
            seats.numbers.push(*number);
            continue;
        }
        let known = correlated.former.contains_key(&record) || *owner == Owner::Itself;
        let block = match (correlated.matching.broken.get(&record), unseen) {
            _ if *owner == Owner::Contested => Some(Block::Contested),
            (Some(words), _) if !known => Some(Block::Broken(words.clone())),
            (None, Some(source)) if !known => Some(Block::Unseen(source)),
            _ => None,
        };
        seats.blocked.extend(block.map(|block| (position, block)));
        seats.records.push(record);
        seats.numbers.push(first + position);
    }
    seats
}

/// Somebody whose record of higher precedence is gone keeps the key; so does one who came back with another record there.
fn keep_keys(identities: &mut Identities<'_>, source: usize, seats: &Seats, correlated: &Correlated) {
    for (record, key) in &correlated.former {
        let owner = correlated.owners.get(*record as usize).copied().unwrap_or(Owner::Contested);
        let Some(number) = seats.numbers.get(*record as usize).copied() else { continue };
        let own = Key::within(key, &identities.policy.sources[source].name);
        let itself = own == Some(identities.world.sources[source].key(*record));
        let keeps = match owner {
            Owner::Nobody | Owner::Contested if itself => false,
            Owner::Nobody | Owner::Contested => identities.policy.sources[source].establishes,
            Owner::Identity(number) => !has_accounts(identities, number),
            Owner::Itself => false,
        };
        if keeps && !identities.aliases.contains_key(key) && !identities.kept.contains_key(&number) {
            identities.aliases.insert(key.clone(), number);
            identities.kept.insert(number, key.clone());
        }
    }
}

/// Whether an identity is known somewhere by the key it has now.
fn has_accounts(identities: &Identities<'_>, number: u32) -> bool {
    let world = identities.world;
    let key = identities.key(number);
    let mut targets = identities.policy.targets.iter();
    targets.any(|target| !world.recall.ids_of(&target.name, ObjectKind::Account, &key).is_empty())
}

fn overrides(identities: &mut Identities<'_>) {
    let users = identities.policy.users.iter().enumerate().filter(|(_, user)| !user.standalone);
    let found: Vec<(u32, usize)> = users.filter_map(|(at, user)| Some((identities.find(&user.key)?, at))).collect();
    let mut overrides = BTreeMap::new();
    for (number, at) in found {
        // Of two the first by name counts, and it is told.
        overrides.entry(number).or_insert(at);
    }
    identities.overrides = overrides;
}

/// Keys that Users say an identity had. Whoever has such a key and is still there keeps it.
fn formers(identities: &mut Identities<'_>, layout: &Layout<'_>) {
    let users = identities.policy.users.iter().enumerate();
    for (at, user) in users.filter(|(_, user)| !user.former_keys.is_empty()) {
        let Some(number) = identities.find(&user.key) else { continue };
        for key in &user.former_keys {
            match identities.find(key) {
                None => {
                    identities.aliases.insert(key.clone(), number);
                }
                Some(holder) if holder == number => {}
                Some(holder) if has_left(identities, layout, holder) => {
                    identities.retired.insert(holder, number);
                }
                Some(holder) => {
                    identities.former_troubles.push(FormerTrouble { user: at, key: key.clone(), holder });
                    identities.disputed.insert(number);
                    continue;
                }
            }
            identities.formers.entry(number).or_default().push(key.clone());
        }
    }
}

fn has_left(identities: &Identities<'_>, layout: &Layout<'_>, number: u32) -> bool {
    let mut person = Person::default();
    identities.assemble(layout, number, &mut person);
    matches!(person.standing, Standing::Is(Lifecycle::Leaver) | Standing::Deselected)
}

impl<'w> Identities<'w> {
    /// Finds out who there is. `shared_ends`: last days that nearly everybody of a source has, where they are known already.
    pub(in crate::planning) fn new(
        policy: &'w Policy,
        world: &'w World,
        layout: &Layout<'_>,
        moment: Moment,
        shared_ends: Option<Vec<Date>>,
    ) -> Self {
        let mut identities = Self::of_nobody(policy, world, moment);
        identities.shared_ends = shared_ends.unwrap_or_else(|| contradiction::shared_ends(policy, world, layout, moment));
        identities.referred = referred(&identities, layout);
        take(&mut identities, layout);
        identities
    }
}

impl Identities<'_> {
    /// Whoever a User and the records it names are known as so far.
    pub(in crate::planning) fn anchor(&self, user: &UserPolicy) -> Option<u32> {
        let by_record = || {
            let establishing = user.records.iter().filter(|record| self.policy.sources[record.source].establishes);
            let mut keys = establishing.map(|record| Key::record(&self.policy.sources[record.source].name, &record.key).text());
            keys.find_map(|key| self.find(&key))
        };
        self.find(&user.key).or_else(by_record)
    }

    /// Records of a source whose keys identities keep that were found in other sources.
    pub(in crate::planning) fn kept_in(&self, source: usize) -> Vec<(u32, u32)> {
        let name = &self.policy.sources[source].name;
        let record = |key| self.world.sources[source].find(Key::within(key, name)?);
        self.kept.iter().filter_map(|(number, key)| Some((*number, record(key)?))).collect()
    }

    /// The records of a source that were matched to identities.
    pub(in crate::planning) fn matching(&self, source: usize) -> Option<&MatchedRecords> {
        self.matchings.iter().find(|matching| matching.source == source)
    }

    /// Whose record is whose, where that is news.
    pub(in crate::planning) fn record_links(&self) -> Vec<RecordLink> {
        let known: BTreeSet<&RecordLink> = self.world.memory.records.iter().collect();
        let mut all = Vec::new();
        let mut add = |source: usize, record: u32, number: u32| {
            let source_name = self.policy.sources[source].name.clone();
            let record = Arc::from(self.world.sources[source].key(record));
            let link = RecordLink { source: source_name, record, identity: self.key(number) };
            if !known.contains(&link) {
                all.push(link);
            }
        };
        for matching in &self.matchings {
            for number in 0..self.len() {
                if let Record::Cells(record) = matching.record(number) {
                    add(matching.source, record, number);
                }
            }
        }
        for number in self.kept.keys() {
            if let IdentityOrigin::Record(source, record) = self.origin(*number) {
                add(source, record, *number);
            }
        }
        for span in self.spans.iter().filter(|span| !self.policy.sources[span.source].correlate.is_empty()) {
            let Some(seats) = &span.seats else { continue };
            for (position, record) in seats.records.iter().enumerate() {
                if span.blocked(position as u32).is_none() {
                    add(span.source, *record, span.first + position as u32);
                }
            }
        }
        all.sort();
        all.dedup();
        all
    }

    /// Whether another identity carries on what this one was.
    pub(in crate::planning) fn is_retired(&self, number: u32) -> bool {
        !self.retired.is_empty() && self.retired.contains_key(&number)
    }

    /// Keys under which an identity's accounts may be known too: those that it had, and those of its other records that make somebody exist.
    pub(in crate::planning) fn other_keys(&self, number: u32) -> Vec<Arc<str>> {
        let mut keys = self.formers.get(&number).cloned().unwrap_or_default();
        if self.kept.contains_key(&number) {
            keys.push(Arc::from(self.record_key(number)));
        }
        for matching in self.matchings.iter().filter(|matching| self.policy.sources[matching.source].establishes) {
            if let Record::Cells(record) = matching.record(number) {
                keys.push(Arc::from(self.key_of(matching.source, record)));
            }
        }
        keys.retain(|key| self.kept_key(number) != Some(key));
        if self.policy.sources.iter().any(|source| !source.previous_names.is_empty()) {
            let own = self.key(number);
            let former: Vec<Arc<str>> = keys.iter().chain([&own]).flat_map(|key| self.policy.former_forms(key)).collect();
            keys.extend(former);
        }
        keys
    }

    /// The key that an identity's own record would give it.
    pub(in crate::planning) fn record_key(&self, number: u32) -> String {
        match self.origin(number) {
            IdentityOrigin::Record(source, record) => self.key_of(source, record),
            IdentityOrigin::User(user) => self.policy.users[user].key.to_string(),
        }
    }

    fn key_of(&self, source: usize, record: u32) -> String {
        Key::record(&self.policy.sources[source].name, self.world.sources[source].key(record)).to_string()
    }
}
