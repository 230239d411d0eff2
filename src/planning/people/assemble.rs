//! One identity worked out: its attributes by precedence, then where it stands, into a reused buffer.
//!
//! Must never: let an unknown value fall through to a lower source.

use std::sync::Arc;

use crate::model::{Cell, FindingCode, Key, ValueState};
use crate::planning::people::identity::{Identities, IdentityOrigin};
use crate::planning::people::lifecycle;
use crate::planning::people::matched_records::Record;
use crate::planning::people::person::Person;
use crate::planning::people::precedence;
use crate::planning::people::records::Records;
use crate::planning::people::records::SCOPE_FAILED;
use crate::planning::people::spans::Block;
use crate::planning::people::standing;
use crate::planning::people::standing::{Standing, Where};
use crate::planning::schema::doubt::HoldReason;
use crate::planning::schema::layout::Layout;
use crate::planning::schema::values::Held;
use crate::policy::UserPolicy;
use crate::world::RecordState;

impl<'w> Identities<'w> {
    /// Works out one identity: its attributes by precedence, then where it stands.
    pub(in crate::planning) fn assemble(&self, layout: &Layout<'_>, number: u32, person: &mut Person<'w>) {
        self.assemble_just(layout, number, 0..layout.slots.len(), person);
    }

    /// The same with just these attributes: whoever asks for where somebody stands needs the first and the last day among them.
    pub(in crate::planning) fn assemble_just(
        &self,
        layout: &Layout<'_>,
        number: u32,
        slots: impl Iterator<Item = usize>,
        person: &mut Person<'w>,
    ) {
        self.write_key(number, &mut person.key);
        person.number = number;
        person.slots.clear();
        person.slots.resize_with(layout.slots.len(), || Held::State(ValueState::Unmanaged));
        person.unique.clear();
        person.failures.clear();
        person.declared_active = false;
        if self.is_retired(number) {
            return person.standing = Standing::Deselected;
        }
        if let Some(block) = self.blocked(number) {
            return person.standing = self.standing_blocked(number, block);
        }
        if self.disputed.contains(&number) {
            return person.standing = Standing::Unknown("the key that it is said to have had is somebody else's".into());
        }
        let mut records = Records::within(self, number, std::mem::take(&mut person.cells));
        let user = self.declared(number);
        if user.is_some_and(|user| user.exclude) {
            return person.standing = Standing::Deselected;
        }
        if let Some(words) = user.and_then(|user| precedence::lost_record(self, user, &records)) {
            return person.standing = Standing::Unknown(words);
        }
        if let (IdentityOrigin::Record(source, record), false) = (self.origin(number), precedence::are_there(self, &records)) {
            match self.world.sources[source].state(record) {
                RecordState::Counts => {}
                RecordState::OutOfScope => {
                    if let Some(doubt) = self.doubt(number) {
                        return person.standing = doubt;
                    }
                    let doubt = records.own().and_then(|(_, cells)| layout.sources[source].scope_doubt(cells));
                    return person.standing = doubt.map_or(Standing::Deselected, |doubt| Standing::Doubtful(Arc::new(doubt)));
                }
                RecordState::Ambiguous => return person.standing = Standing::DuplicateKey,
                RecordState::ScopeFailed => return person.standing = Standing::Unknown(SCOPE_FAILED.into()),
            }
            self.fill(layout, &records, user, slots, person);
            person.standing = lifecycle::standing(layout, records.own(), person, self.moment, &self.shared_ends);
        } else if precedence::are_there(self, &records) {
            let standing = precedence::settle(self, layout, &mut records, user, person, self.moment);
            self.fill(layout, &records, user, slots, person);
            person.standing = standing;
        } else {
            self.fill(layout, &records, user, slots, person);
            person.standing = lifecycle::standing(layout, None, person, self.moment, &self.shared_ends);
        }
        if let Some(doubt) = self.doubt(number) {
            person.standing = doubt;
        }
        self.fill_own(layout, person);
        person.cells = records.into_buffer();
    }

    fn doubt(&self, number: u32) -> Option<Standing> {
        let doubt = self.held.get(&number)?;
        Some(Standing::Doubtful(Arc::new(doubt.clone())))
    }

    /// Sources whose records say nothing of an identity, since others say that they are here.
    pub(in crate::planning) fn silent(&self, layout: &Layout<'_>, number: u32) -> Vec<usize> {
        let mut records = Records::new(self, number);
        if !precedence::are_there(self, &records) {
            return Vec::new();
        }
        let slots = vec![Held::State(ValueState::Unmanaged); layout.slots.len()];
        let mut person = Person { number, slots, ..Person::default() };
        precedence::settle(self, layout, &mut records, self.declared(number), &mut person, self.moment);
        records.silent().to_vec()
    }

    /// What its records say of it, wherever it stands: for finding what is theirs when nothing else may be planned.
    pub(in crate::planning) fn values(&self, layout: &Layout<'_>, number: u32, person: &mut Person<'w>) {
        self.assemble(layout, number, person);
        if person.standing.lifecycle().is_none() {
            self.fill(layout, &Records::new(self, number), self.declared(number), 0..layout.slots.len(), person);
            self.fill_own(layout, person);
        }
    }

    /// One identity worked out, and of whom it is not known where they stand, what their records say all the same. Whoever is left out says nothing.
    pub(in crate::planning) fn values_where_open(&self, layout: &Layout<'_>, number: u32, person: &mut Person<'w>) {
        self.assemble(layout, number, person);
        if Where::of(&person.standing) == Where::Unknown {
            self.fill(layout, &Records::new(self, number), self.declared(number), 0..layout.slots.len(), person);
        }
    }

    /// What an identity would be by each other record with its key: which of them is theirs, nobody knows.
    pub(in crate::planning) fn by_twins(
        &self,
        layout: &Layout<'_>,
        number: u32,
        person: &mut Person<'w>,
        mut each: impl FnMut(&Person<'w>),
    ) {
        let IdentityOrigin::Record(source, record) = self.origin(number) else { return };
        for twin in self.world.sources[source].twins(record) {
            let records = Records::new(self, number).with_own(twin.cells().collect());
            self.fill(layout, &records, self.declared(number), 0..layout.slots.len(), person);
            each(person);
        }
    }

    /// The source because of which something of an identity is not known: it was not read to its end, and holds back what its record says or may have one.
    pub(in crate::planning) fn awaits(&self, number: u32) -> Option<&'w Arc<str>> {
        let unread = |source: usize| !self.world.trust[source].evidence.proves_absence();
        let source = match self.blocked(number) {
            Some(Block::Unseen(source)) => Some(*source),
            Some(Block::Contested | Block::Broken(_)) => None,
            None => {
                let behind = self.behind(number);
                let holds_back = |source: usize, record: u32| {
                    self.world.sources[source].row(record).cells().any(|cell| matches!(cell, Cell::Unreadable(_)))
                };
                // What a record holds back is its own source's, whatever else could not be read.
                let own = behind.iter().find_map(|(source, record)| match record {
                    Record::Cells(record) if unread(*source) && holds_back(*source, *record) => Some(*source),
                    _ => None,
                });
                let other = behind.iter().find(|(source, record)| *record == Record::Unknown && unread(*source));
                own.or_else(|| other.map(|(source, _)| *source))
            }
        };
        source.map(|source| &self.policy.sources[source].name)
    }

    /// What follows from a doubt that is told by the records that it is about is not told once more.
    fn standing_blocked(&self, number: u32, block: &Block) -> Standing {
        let words = self.block_words(block);
        let is_told = |(source, record)| self.matching(source).is_some_and(|matching| matching.is_told_of(record));
        match (block, self.origin(number)) {
            (Block::Contested, IdentityOrigin::Record(source, record)) if is_told((source, record)) => {
                Standing::Doubtful(Arc::new(HoldReason::told(FindingCode::AmbiguousCorrelation, &words)))
            }
            _ => Standing::Unknown(words),
        }
    }

    fn block_words(&self, block: &Block) -> Arc<str> {
        match block {
            Block::Contested => "its record may be somebody else's".into(),
            Block::Broken(words) => format!("the key by which it would be found in other sources could not be worked out: {words}").into(),
            Block::Unseen(source) => {
                format!("{} may know it by another key, and could not be read to its end", self.policy.sources[*source].name).into()
            }
        }
    }

    fn fill(
        &self,
        layout: &Layout<'_>,
        records: &Records<'w>,
        user: Option<&UserPolicy>,
        slots: impl Iterator<Item = usize>,
        person: &mut Person<'w>,
    ) {
        slots.for_each(|slot| self.fill_slot(layout, records, user, slot, person));
    }

    /// Just the attributes that a key reads, as an identity has them. Says whether they can be told at all.
    pub(in crate::planning) fn key_of_identity(&self, layout: &Layout<'_>, number: u32, slots: &[usize], person: &mut Person<'w>) -> bool {
        person.failures.clear();
        person.slots.resize_with(layout.slots.len(), || Held::State(ValueState::Unmanaged));
        if let IdentityOrigin::Record(source, record) = self.origin(number) {
            match self.world.sources[source].state(record) {
                RecordState::Counts => {}
                // Whoever is out of scope is found by what is remembered, or not at all.
                RecordState::OutOfScope => {
                    slots.iter().for_each(|slot| person.slots[*slot] = Held::State(ValueState::Unmanaged));
                    return true;
                }
                RecordState::Ambiguous | RecordState::ScopeFailed => return false,
            }
        }
        let records = Records::new(self, number);
        let user = self.declared(number);
        slots.iter().for_each(|slot| self.fill_slot(layout, &records, user, *slot, person));
        true
    }

    /// The same as one record says it.
    pub(in crate::planning) fn key_of_record(
        &self,
        layout: &Layout<'_>,
        source: usize,
        record: u32,
        slots: &[usize],
        person: &mut Person<'w>,
    ) {
        person.failures.clear();
        person.slots.resize_with(layout.slots.len(), || Held::State(ValueState::Unmanaged));
        let records = Records::of_one(self, source, record);
        slots.iter().for_each(|slot| self.fill_slot(layout, &records, None, *slot, person));
    }

    /// All that a record that is not in the world says, by its cells.
    pub(in crate::planning) fn of_cells(&self, layout: &Layout<'_>, source: usize, cells: &[Cell<'w>], person: &mut Person<'w>) {
        person.failures.clear();
        person.slots.clear();
        person.slots.resize_with(layout.slots.len(), || Held::State(ValueState::Unmanaged));
        self.fill(layout, &Records::of_cells(source, cells), None, 0..layout.slots.len(), person);
    }

    /// All that a User says of somebody that is not in the policy any more, over the record that it is about.
    pub(in crate::planning) fn of_user(&self, layout: &Layout<'_>, user: &UserPolicy, person: &mut Person<'w>) {
        person.failures.clear();
        person.slots.clear();
        person.slots.resize_with(layout.slots.len(), || Held::State(ValueState::Unmanaged));
        person.key = user.key.to_string();
        let records = Key::of_record(&user.key).and_then(|(name, key)| {
            let source = self.policy.sources.iter().position(|rules| rules.name.as_ref() == name)?;
            Some(Records::of_one(self, source, self.world.sources[source].find(key)?))
        });
        self.fill(layout, &records.unwrap_or_else(Records::of_nobody), Some(user), 0..layout.slots.len(), person);
    }

    /// `source` and `lifecycle` can be read like attributes.
    fn fill_own(&self, layout: &Layout<'_>, person: &mut Person<'w>) {
        if let Some(lifecycle) = person.standing.lifecycle() {
            person.slots[layout.lifecycle] = Held::Cell(Cell::Text(standing::word(lifecycle)));
        }
        let source = match self.origin(person.number) {
            IdentityOrigin::Record(source, _) => self.policy.sources[source].name.as_ref(),
            IdentityOrigin::User(_) => "user",
        };
        person.slots[layout.source] = Held::Cell(Cell::Text(source));
    }
}
