//! Identities: everybody whom an establishing source or a standalone User knows, assembled one at a time into a reused buffer.
//!
//! Must never: let an unknown value fall through to a lower source, or keep a map of values for everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::civil::Date;

use crate::expr::Input;
use crate::model::{AttributeType, Cell, Value, ValueState};
use crate::planning::people::build as census;
use crate::planning::people::build::{Block, FormerTrouble, Span};
use crate::planning::people::contradiction;
use crate::planning::people::lifecycle;
use crate::planning::people::lifecycle::Standing;
use crate::planning::people::matching::{Companion, Record};
use crate::planning::people::precedence as several;
use crate::planning::people::records::Records;
use crate::planning::question::Moment;
use crate::planning::schema::doubt::Doubt;
use crate::planning::schema::layout::{Candidate, Layout};
use crate::planning::schema::length;
use crate::planning::schema::values::{Held, Outcome, Reads, evaluate, input_of};
use crate::planning::schema::values::{MISSING, as_it_stands};
use crate::policy::{Policy, UserPolicy};
use crate::world::{Bound, RecordState, Truth, World};

/// Everybody there is, by number.
pub(in crate::planning) struct Identities<'w> {
    pub(in crate::planning) policy: &'w Policy,
    pub(in crate::planning) world: &'w World,
    moment: Moment,
    /// standalone Users, the first numbers
    standalone: Vec<usize>,
    users_by_key: BTreeMap<&'w str, usize>,
    /// establishing sources after them
    pub(in crate::planning) spans: Vec<Span>,
    /// overrides by identity
    pub(in crate::planning) overrides: BTreeMap<u32, usize>,
    pub(in crate::planning) companions: Vec<Companion>,
    /// keys that are not of a record: kept, or carried over
    pub(in crate::planning) aliases: BTreeMap<Arc<str>, u32>,
    /// identities whose key is not that of their record
    pub(in crate::planning) kept: BTreeMap<u32, Arc<str>>,
    /// identities that another one carries on
    pub(in crate::planning) retired: BTreeMap<u32, u32>,
    /// keys under which an identity's accounts may be known too
    pub(in crate::planning) formers: BTreeMap<u32, Vec<Arc<str>>>,
    pub(in crate::planning) former_troubles: Vec<FormerTrouble>,
    /// identities that claim a former key of somebody who is still there
    pub(in crate::planning) disputed: BTreeSet<u32>,
    /// last days that nearly everybody of a source has
    pub(in crate::planning) shared_ends: Vec<Date>,
    /// identities for whom nothing follows
    held: BTreeMap<u32, Doubt>,
    /// sources from which nothing follows for anybody, found out at the same time
    disbelieved: BTreeSet<usize>,
}

/// One identity, assembled.
#[derive(Default)]
pub(in crate::planning) struct Person<'w> {
    pub(in crate::planning) number: u32,
    pub(in crate::planning) key: String,
    pub(in crate::planning) slots: Vec<Held<'w>>,
    pub(in crate::planning) standing: Standing,
    /// slots whose value must be unique
    pub(in crate::planning) unique: Vec<usize>,
    /// what failed: slot and words
    pub(in crate::planning) failures: Vec<Failure>,
    /// a manifest says `active: true` by name
    pub(in crate::planning) declared_active: bool,
}

/// An expression that failed on somebody's data.
pub(in crate::planning) struct Failure {
    pub(in crate::planning) candidate: Candidate,
    pub(in crate::planning) slot: usize,
    pub(in crate::planning) words: Arc<str>,
}

/// What a User manifest's attributes count against a source's.
pub(in crate::planning) const USER_PRECEDENCE: i32 = 1000;

/// What is said of a record whose scope is not known.
pub(in crate::planning) const SCOPE_FAILED: &str = "the source's filter failed on it";

impl<'w> Identities<'w> {
    /// Finds out who there is.
    pub(in crate::planning) fn new(policy: &'w Policy, world: &'w World, layout: &Layout<'_>, moment: Moment) -> Self {
        let mut identities = Self::of_nobody(policy, world, moment);
        identities.shared_ends = contradiction::shared_ends(policy, world, layout, moment);
        census::take(&mut identities, layout);
        identities
    }

    /// Before anybody was looked for: to work out what a single record says.
    pub(in crate::planning) fn of_nobody(policy: &'w Policy, world: &'w World, moment: Moment) -> Self {
        let standalone: Vec<usize> = (0..policy.users.len()).filter(|at| policy.users[*at].standalone).collect();
        let users_by_key = standalone.iter().enumerate().map(|(number, at)| (policy.users[*at].key.as_ref(), number)).collect();
        Self {
            policy,
            world,
            moment,
            standalone,
            users_by_key,
            spans: Vec::new(),
            overrides: BTreeMap::new(),
            companions: Vec::new(),
            aliases: BTreeMap::new(),
            kept: BTreeMap::new(),
            retired: BTreeMap::new(),
            formers: BTreeMap::new(),
            former_troubles: Vec::new(),
            disputed: BTreeSet::new(),
            shared_ends: Default::default(),
            held: BTreeMap::new(),
            disbelieved: BTreeSet::new(),
        }
    }

    /// How many.
    pub(in crate::planning) fn len(&self) -> u32 {
        self.spans.last().map_or(self.standalone.len() as u32, |span| span.first + span.len)
    }

    /// The identity with a key, or that carries it on.
    pub(in crate::planning) fn find(&self, key: &str) -> Option<u32> {
        let now = self.policy.key_now(key);
        let key = now.as_deref().unwrap_or(key);
        let number = self.by_record(key).or_else(|| if self.aliases.is_empty() { None } else { self.aliases.get(key).copied() })?;
        Some(if self.retired.is_empty() { number } else { self.retired.get(&number).copied().unwrap_or(number) })
    }

    fn by_record(&self, key: &str) -> Option<u32> {
        let (source, rest) = key.split_once('/')?;
        if source == "user" {
            return self.users_by_key.get(key).map(|number| *number as u32);
        }
        let span = self.spans.iter().find(|span| self.policy.sources[span.source].name.as_ref() == source)?;
        span.number(self.world.sources[span.source].find(rest)?)
    }

    /// An identity's key.
    pub(in crate::planning) fn key(&self, number: u32) -> Arc<str> {
        if let Some(kept) = self.kept_key(number) {
            return kept.clone();
        }
        match self.origin(number) {
            Origin::Record(source, record) => {
                Arc::from(format!("{}/{}", self.policy.sources[source].name, self.world.sources[source].key(record)))
            }
            Origin::User(user) => self.policy.users[user].key.clone(),
        }
    }

    /// Where an identity comes from.
    pub(in crate::planning) fn origin(&self, number: u32) -> Origin {
        if let Some(user) = self.standalone.get(number as usize) {
            return Origin::User(*user);
        }
        let at = self.spans.partition_point(|span| span.first <= number).saturating_sub(1);
        let span = &self.spans[at];
        Origin::Record(span.source, span.record(number - span.first))
    }

    pub(in crate::planning) fn kept_key(&self, number: u32) -> Option<&Arc<str>> {
        if self.kept.is_empty() { None } else { self.kept.get(&number) }
    }

    /// The records behind an identity: source, and the record's number where it can be told.
    pub(in crate::planning) fn behind(&self, number: u32) -> Vec<(usize, Record<u32>)> {
        let own = match self.origin(number) {
            Origin::Record(source, record) => Some((source, Record::Cells(record))),
            Origin::User(_) => None,
        };
        let others = self.companions.iter().filter(|companion| own.is_none_or(|(source, _)| source != companion.source));
        let others = others.map(|companion| (companion.source, companion.record(number)));
        own.into_iter().chain(others).chain(self.unseen(number).map(|source| (source, Record::Unknown))).collect()
    }

    /// Sources of higher precedence that may know an identity and were not read to their end.
    pub(in crate::planning) fn unseen(&self, number: u32) -> impl Iterator<Item = usize> + '_ {
        let unseen = self.span_of(number).map_or(&[][..], |(span, _)| span.unseen.as_slice());
        unseen.iter().copied()
    }

    fn span_of(&self, number: u32) -> Option<(&Span, u32)> {
        if (number as usize) < self.standalone.len() {
            return None;
        }
        let at = self.spans.partition_point(|span| span.first <= number).checked_sub(1)?;
        self.spans.get(at).map(|span| (span, number - span.first))
    }

    /// Why nothing may be done for an identity.
    pub(in crate::planning) fn blocked(&self, number: u32) -> Option<&Block> {
        self.span_of(number).and_then(|(span, position)| span.blocked(position))
    }

    /// The User manifest that is an identity or overrides it.
    pub(in crate::planning) fn declared(&self, number: u32) -> Option<&'w UserPolicy> {
        let at = match self.origin(number) {
            Origin::User(user) => user,
            Origin::Record(..) => *self.overrides.get(&number)?,
        };
        self.policy.users.get(at)
    }

    /// Writes an identity's key.
    pub(in crate::planning) fn write_key(&self, number: u32, out: &mut String) {
        out.clear();
        if let Some(kept) = self.kept_key(number) {
            out.push_str(kept);
            return;
        }
        let written = match self.origin(number) {
            Origin::Record(source, record) => {
                write!(out, "{}/{}", self.policy.sources[source].name, self.world.sources[source].key(record))
            }
            Origin::User(user) => out.write_str(&self.policy.users[user].key),
        };
        debug_assert!(written.is_ok());
    }

    /// Works out one identity: its attributes by precedence, then where it stands.
    pub(in crate::planning) fn assemble(&self, layout: &Layout<'_>, number: u32, person: &mut Person<'w>) {
        self.write_key(number, &mut person.key);
        person.number = number;
        person.slots.clear();
        person.slots.resize(layout.slots.len(), Held::State(ValueState::Unmanaged));
        person.unique.clear();
        person.failures.clear();
        person.declared_active = false;
        if self.is_retired(number) {
            return person.standing = Standing::Deselected;
        }
        if let Some(block) = self.blocked(number) {
            return person.standing = Standing::Unknown(self.block_words(block));
        }
        if self.disputed.contains(&number) {
            return person.standing = Standing::Unknown("the key that it is said to have had is somebody else's".into());
        }
        let mut records = Records::new(self, number);
        let user = self.declared(number);
        if user.is_some_and(|user| user.exclude) {
            return person.standing = Standing::Deselected;
        }
        if let Some(words) = user.and_then(|user| several::lost_record(self, user, &records)) {
            return person.standing = Standing::Unknown(words);
        }
        if let (Origin::Record(source, record), false) = (self.origin(number), several::are_there(self, &records)) {
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
            self.fill(layout, &records, user, person);
            person.standing = lifecycle::standing(layout, records.own(), person, self.moment, &self.shared_ends);
        } else if several::are_there(self, &records) {
            let standing = several::settle(self, layout, &mut records, user, person, self.moment);
            self.fill(layout, &records, user, person);
            person.standing = standing;
        } else {
            self.fill(layout, &records, user, person);
            person.standing = lifecycle::standing(layout, None, person, self.moment, &self.shared_ends);
        }
        if let Some(doubt) = self.doubt(number) {
            person.standing = doubt;
        }
        self.fill_own(layout, person);
    }

    fn doubt(&self, number: u32) -> Option<Standing> {
        let doubt = self.held.get(&number)?;
        Some(Standing::Doubtful(Arc::new(doubt.clone())))
    }

    /// Whether somebody is known by a record of a source.
    pub(in crate::planning) fn is_of(&self, number: u32, source: usize) -> bool {
        matches!(self.origin(number), Origin::Record(own, _) if own == source)
    }

    /// The same with identities for whom nothing follows, and sources from which nothing follows for anybody.
    pub(in crate::planning) fn holding(self, held: BTreeMap<u32, Doubt>, disbelieved: BTreeSet<usize>) -> Self {
        Self { held, disbelieved, ..self }
    }

    /// Whether nothing follows from a source.
    pub(in crate::planning) fn is_disbelieved(&self, source: usize) -> bool {
        self.disbelieved.contains(&source)
    }

    /// Whether nothing follows from some source.
    pub(in crate::planning) fn disbelieves(&self) -> bool {
        !self.disbelieved.is_empty()
    }

    /// The source whose record establishes an identity.
    pub(in crate::planning) fn source(&self, number: u32) -> Option<usize> {
        match self.origin(number) {
            Origin::Record(source, _) => Some(source),
            Origin::User(_) => None,
        }
    }

    /// Sources whose records say nothing of an identity, since others say that they are here.
    pub(in crate::planning) fn silent(&self, layout: &Layout<'_>, number: u32) -> Vec<usize> {
        let mut records = Records::new(self, number);
        if !several::are_there(self, &records) {
            return Vec::new();
        }
        let slots = vec![Held::State(ValueState::Unmanaged); layout.slots.len()];
        let mut person = Person { number, slots, ..Person::default() };
        several::settle(self, layout, &mut records, self.declared(number), &mut person, self.moment);
        records.silent().to_vec()
    }

    /// What its records say of it, wherever it stands: for finding what is theirs when nothing else may be planned.
    pub(in crate::planning) fn values(&self, layout: &Layout<'_>, number: u32, person: &mut Person<'w>) {
        self.assemble(layout, number, person);
        if person.standing.lifecycle().is_none() {
            self.fill(layout, &Records::new(self, number), self.declared(number), person);
            self.fill_own(layout, person);
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

    fn fill(&self, layout: &Layout<'_>, records: &Records<'w>, user: Option<&UserPolicy>, person: &mut Person<'w>) {
        for slot in 0..layout.slots.len() {
            self.fill_slot(layout, records, user, slot, person);
        }
    }

    /// One attribute by precedence.
    pub(in crate::planning) fn fill_slot(
        &self,
        layout: &Layout<'_>,
        records: &Records<'w>,
        user: Option<&UserPolicy>,
        at: usize,
        person: &mut Person<'w>,
    ) {
        let slot = &layout.slots[at];
        let declared = user.and_then(|user| {
            let found = user.attributes.binary_search_by(|(name, _)| name.as_ref().cmp(slot.name.as_ref())).ok()?;
            user.attributes.get(found).map(|(_, state)| state)
        });
        let mut held = Held::State(ValueState::Unmanaged);
        for candidate in &slot.candidates {
            if declared.is_some() && candidate.precedence <= USER_PRECEDENCE {
                break;
            }
            held = self.by_rule(layout, records, at, *candidate, person);
            if !held.is_unmanaged() {
                break;
            }
        }
        if let (true, Some(declared)) = (held.is_unmanaged(), declared) {
            let state = self.as_reference(slot.kind, None, declared.clone());
            person.declared_active |= at == layout.active && state == ValueState::Set(Value::Bool(true));
            held = Held::State(state);
        }
        person.slots[at] = held;
    }

    /// Just the attributes that a key reads, as an identity has them. Says whether they can be told at all.
    pub(in crate::planning) fn key_of_identity(&self, layout: &Layout<'_>, number: u32, slots: &[usize], person: &mut Person<'w>) -> bool {
        person.failures.clear();
        person.slots.resize(layout.slots.len(), Held::State(ValueState::Unmanaged));
        if let Origin::Record(source, record) = self.origin(number) {
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
        person.slots.resize(layout.slots.len(), Held::State(ValueState::Unmanaged));
        let records = Records::of_one(self, source, record);
        slots.iter().for_each(|slot| self.fill_slot(layout, &records, None, *slot, person));
    }

    /// What one source says about one attribute.
    fn by_rule(&self, layout: &Layout<'_>, records: &Records<'w>, slot: usize, candidate: Candidate, person: &mut Person<'w>) -> Held<'w> {
        let cells = match records.of(candidate.source) {
            Record::Cells(cells) => cells,
            Record::Nothing => return Held::State(ValueState::Unmanaged),
            Record::Unknown => return Held::State(ValueState::Unknown),
        };
        let rules = &layout.sources[candidate.source];
        let rule = &rules.rules[candidate.rule];
        if rules.is_lost(&rule.value, cells) || rule.when.as_ref().is_some_and(|when| rules.is_lost(when, cells)) {
            return Held::State(ValueState::Unknown);
        }
        let kind = layout.slots[slot].kind;
        let held = match as_it_stands(rule, kind, cells) {
            Some(held) => held,
            None => match evaluate(rule, cells) {
                Outcome::Is(state) => Held::State(self.as_reference(kind, Some(candidate.source), state)),
                Outcome::Failed(words) => {
                    person.failures.push(Failure { candidate, slot, words });
                    Held::State(ValueState::Unknown)
                }
            },
        };
        let held = match length::fitting(rule, layout.slots[slot].most, held) {
            Ok(held) => held,
            Err(words) => {
                person.failures.push(Failure { candidate, slot, words });
                Held::State(ValueState::Unknown)
            }
        };
        if rule.unique && held.is_set() {
            person.unique.push(slot);
        }
        held
    }

    /// `source` and `lifecycle` can be read like attributes.
    fn fill_own(&self, layout: &Layout<'_>, person: &mut Person<'w>) {
        if let Some(lifecycle) = person.standing.lifecycle() {
            person.slots[layout.lifecycle] = Held::Cell(Cell::Text(lifecycle::word(lifecycle)));
        }
        let source = match self.origin(person.number) {
            Origin::Record(source, _) => self.policy.sources[source].name.as_ref(),
            Origin::User(_) => "user",
        };
        person.slots[layout.source] = Held::Cell(Cell::Text(source));
    }

    /// A text becomes a reference where the attribute names another identity: a whole key, or a key within the same source.
    pub(in crate::planning) fn as_reference(&self, kind: AttributeType, source: Option<usize>, state: ValueState) -> ValueState {
        if kind != AttributeType::Reference {
            return state;
        }
        let ValueState::Set(Value::Text(_) | Value::Int(_)) = &state else { return state };
        let ValueState::Set(value) = &state else { return state };
        let text = match value {
            Value::Int(number) => number.to_string(),
            other => other.as_text().unwrap_or_default().trim().to_owned(),
        };
        if text.is_empty() {
            return ValueState::Clear;
        }
        let whole = text.split_once('/').is_some_and(|(first, _)| first == "user" || self.is_source(first));
        let key = match source {
            Some(source) if !whole => format!("{}/{text}", self.policy.sources[source].name),
            _ => text,
        };
        ValueState::Set(Value::Reference(self.key_now(&key).unwrap_or_else(|| Arc::from(key))))
    }

    /// The key of an identity that is named by another of its records, or by a key that it had.
    fn key_now(&self, key: &str) -> Option<Arc<str>> {
        let several = !self.aliases.is_empty() || !self.retired.is_empty() || self.spans.iter().any(|span| span.seats.is_some());
        if several { self.find(key).map(|number| self.key(number)) } else { None }
    }

    fn is_source(&self, name: &str) -> bool {
        self.policy.sources.iter().any(|source| source.name.as_ref() == name)
    }

    /// Users that override somebody who is not there, each with its key.
    pub(in crate::planning) fn dangling_overrides(&self) -> impl Iterator<Item = &'w UserPolicy> + '_ {
        self.policy.users.iter().filter(|user| !user.standalone && self.find(&user.key).is_none())
    }

    /// What it means that there is no identity with a key.
    pub(in crate::planning) fn absence(&self, key: &str) -> Absence {
        let now = self.policy.key_now(key);
        let key = now.as_deref().unwrap_or(key);
        let Some((source, _)) = key.split_once('/') else { return Absence::Nowhere };
        if source == "user" {
            return Absence::Proven;
        }
        let Some(at) = self.policy.sources.iter().position(|known| known.name.as_ref() == source && known.establishes) else {
            return Absence::Nowhere;
        };
        if self.is_disbelieved(at) {
            return Absence::Disbelieved(at);
        }
        if !self.world.trust[at].proves_absence() {
            return Absence::Unproven(at);
        }
        // Where people are looked for in several sources, each of them may carry on what another one no longer has.
        let establishing = || (0..self.policy.sources.len()).filter(|at| self.policy.sources[*at].establishes);
        let shared = establishing().any(|at| !self.policy.sources[at].correlate.is_empty());
        let unread = establishing().find(|at| shared && !self.world.trust[*at].evidence.proves_absence());
        unread.map_or(Absence::Proven, Absence::Unproven)
    }
}

/// Where an identity comes from.
#[derive(Clone, Copy)]
pub(in crate::planning) enum Origin {
    /// a record of an establishing source
    Record(usize, u32),
    /// a standalone User
    User(usize),
}

/// What follows from there being no identity with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Absence {
    /// it is gone
    Proven,
    /// its source could not say
    Unproven(usize),
    /// what its source says is about other people
    Disbelieved(usize),
    /// nothing declares where it would come from
    Nowhere,
}

impl Reads for Person<'_> {
    fn input(&self, position: usize) -> Option<Input<'_>> {
        match self.slots.get(position) {
            Some(Held::Cell(cell)) => Some(Input::Cell(*cell)),
            Some(Held::State(state)) => input_of(state),
            None => Some(MISSING),
        }
    }
}

impl Person<'_> {
    /// What people call somebody.
    pub(in crate::planning) fn called(&self, layout: &Layout<'_>) -> Option<Arc<str>> {
        let text = |attribute: &str| match self.slots.get(layout.slot(attribute)?)?.state() {
            ValueState::Set(value) => value.as_text().map(Arc::from),
            _ => None,
        };
        text("userName").or_else(|| text("displayName"))
    }

    /// A condition over the identity.
    pub(in crate::planning) fn holds(&self, bound: &Bound) -> Truth {
        Reads::holds(self, bound)
    }
}
