//! Identities: everybody whom an establishing source or a standalone User knows, assembled one at a time into a reused buffer.
//!
//! Must never: let an unknown value fall through to a lower source, or keep a map of values for everybody.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::companion::{self, Companion, Record};
use super::layout::{Candidate, Layout, RuleLayout};
use super::lifecycle::{self, Standing};
use crate::expr::{Evaluation, Input};
use crate::model::{AttributeType, Cell, Value, ValueState};
use crate::planning::Moment;
use crate::policy::{Policy, UserPolicy};
use crate::world::{Bound, RecordState, Truth, World};

/// Everybody there is, by number.
pub(super) struct Identities<'w> {
    pub(super) policy: &'w Policy,
    pub(super) world: &'w World,
    moment: Moment,
    /// establishing sources and the number of their first record
    spans: Vec<(usize, u32)>,
    /// standalone Users, after the records
    standalone: Vec<usize>,
    first_user: u32,
    users_by_key: BTreeMap<&'w str, usize>,
    /// overrides by identity
    overrides: BTreeMap<u32, usize>,
    companions: Vec<Companion>,
}

/// One identity, assembled.
#[derive(Default)]
pub(super) struct Person<'w> {
    pub(super) number: u32,
    pub(super) key: String,
    pub(super) slots: Vec<Held<'w>>,
    pub(super) standing: Standing,
    /// slots whose value must be unique
    pub(super) unique: Vec<usize>,
    /// what failed: slot and words
    pub(super) failures: Vec<Failure>,
    /// a manifest says `active: true` by name
    pub(super) declared_active: bool,
}

/// One attribute of an identity, borrowed from its record where nothing changed it.
#[derive(Clone, Debug)]
pub(super) enum Held<'w> {
    /// as it was worked out
    State(ValueState),
    /// a value as the record has it; never missing, null or empty
    Cell(Cell<'w>),
}

impl Held<'_> {
    /// What is known.
    pub(super) fn state(&self) -> ValueState {
        match self {
            Self::State(state) => state.clone(),
            Self::Cell(cell) => cell.to_value().map_or(ValueState::Unknown, ValueState::Set),
        }
    }

    fn is_unmanaged(&self) -> bool {
        matches!(self, Self::State(ValueState::Unmanaged))
    }

    fn is_set(&self) -> bool {
        matches!(self, Self::Cell(_) | Self::State(ValueState::Set(_)))
    }
}

/// An expression that failed on somebody's data.
pub(super) struct Failure {
    pub(super) candidate: Candidate,
    pub(super) slot: usize,
    pub(super) words: Arc<str>,
}

/// What a User manifest's attributes count against a source's.
pub(super) const USER_PRECEDENCE: i32 = 1000;

impl<'w> Identities<'w> {
    /// Finds out who there is.
    pub(super) fn new(policy: &'w Policy, world: &'w World, layout: &Layout<'_>, moment: Moment) -> Self {
        let mut spans = Vec::new();
        let mut next = 0;
        for (at, source) in policy.sources.iter().enumerate().filter(|(_, source)| source.establishes) {
            spans.push((at, next));
            next += world.sources.get(at).map_or(0, |side| side.len());
            debug_assert!(!source.name.is_empty());
        }
        let standalone: Vec<usize> = (0..policy.users.len()).filter(|at| policy.users[*at].standalone).collect();
        let users_by_key = standalone.iter().enumerate().map(|(number, at)| (policy.users[*at].key.as_ref(), number)).collect();
        let mut identities = Self {
            policy,
            world,
            moment,
            spans,
            standalone,
            first_user: next,
            users_by_key,
            overrides: BTreeMap::new(),
            companions: Vec::new(),
        };
        let overrides = policy.users.iter().enumerate().filter(|(_, user)| !user.standalone);
        identities.overrides = overrides.filter_map(|(at, user)| Some((identities.find(&user.key)?, at))).collect();
        identities.companions = companion::find(&identities, layout);
        identities
    }

    /// How many.
    pub(super) fn len(&self) -> u32 {
        self.first_user + self.standalone.len() as u32
    }

    /// The identity with a key.
    pub(super) fn find(&self, key: &str) -> Option<u32> {
        let (source, rest) = key.split_once('/')?;
        if source == "user" {
            return self.users_by_key.get(key).map(|number| self.first_user + *number as u32);
        }
        let (at, first) = self.spans.iter().find(|(at, _)| self.policy.sources[*at].name.as_ref() == source)?;
        Some(first + self.world.sources[*at].find(rest)?)
    }

    /// An identity's key.
    pub(super) fn key(&self, number: u32) -> Arc<str> {
        match self.origin(number) {
            Origin::Record(source, record) => {
                Arc::from(format!("{}/{}", self.policy.sources[source].name, self.world.sources[source].key(record)))
            }
            Origin::User(user) => self.policy.users[user].key.clone(),
        }
    }

    /// Where an identity comes from.
    pub(super) fn origin(&self, number: u32) -> Origin {
        if number >= self.first_user {
            let user = self.standalone.get((number - self.first_user) as usize).copied().unwrap_or_default();
            return Origin::User(user);
        }
        let at = self.spans.partition_point(|(_, first)| *first <= number).saturating_sub(1);
        let (source, first) = self.spans[at];
        Origin::Record(source, number - first)
    }

    /// The records behind an identity: source, and the record's number where it can be told.
    pub(super) fn behind(&self, number: u32) -> Vec<(usize, Record<u32>)> {
        let own = match self.origin(number) {
            Origin::Record(source, record) => Some((source, Record::Cells(record))),
            Origin::User(_) => None,
        };
        own.into_iter().chain(self.companions.iter().map(|companion| (companion.source, companion.record(number)))).collect()
    }

    /// The User manifest that is an identity or overrides it.
    pub(super) fn declared(&self, number: u32) -> Option<&'w UserPolicy> {
        let at = match self.origin(number) {
            Origin::User(user) => user,
            Origin::Record(..) => *self.overrides.get(&number)?,
        };
        self.policy.users.get(at)
    }

    /// Writes an identity's key.
    pub(super) fn write_key(&self, number: u32, out: &mut String) {
        out.clear();
        let written = match self.origin(number) {
            Origin::Record(source, record) => {
                write!(out, "{}/{}", self.policy.sources[source].name, self.world.sources[source].key(record))
            }
            Origin::User(user) => out.write_str(&self.policy.users[user].key),
        };
        debug_assert!(written.is_ok());
    }

    /// Works out one identity: its attributes by precedence, then where it stands.
    pub(super) fn assemble(&self, layout: &Layout<'_>, number: u32, person: &mut Person<'w>) {
        self.assemble_with(layout, number, &self.companions, person);
    }

    /// The same with the companions that are known so far.
    pub(super) fn assemble_with(&self, layout: &Layout<'_>, number: u32, companions: &[Companion], person: &mut Person<'w>) {
        self.write_key(number, &mut person.key);
        person.number = number;
        person.slots.clear();
        person.slots.resize(layout.slots.len(), Held::State(ValueState::Unmanaged));
        person.unique.clear();
        person.failures.clear();
        person.declared_active = false;
        let (records, user) = match self.origin(number) {
            Origin::User(user) => (Records::new(self, companions, number, None), Some(user)),
            Origin::Record(source, record) => {
                match self.world.sources[source].state(record) {
                    RecordState::Counts => {}
                    RecordState::OutOfScope => return person.standing = Standing::Deselected,
                    RecordState::Ambiguous => return person.standing = Standing::DuplicateKey,
                    RecordState::ScopeFailed => return person.standing = Standing::Unknown("the source's filter failed on it".into()),
                }
                (Records::new(self, companions, number, Some((source, record))), self.overrides.get(&number).copied())
            }
        };
        let user = user.map(|at| &self.policy.users[at]);
        if user.is_some_and(|user| user.exclude) {
            return person.standing = Standing::Deselected;
        }
        self.fill(layout, &records, user, person);
        person.standing = lifecycle::standing(layout, &records, person, self.moment);
        self.fill_own(layout, person);
    }

    fn fill(&self, layout: &Layout<'_>, records: &Records<'w>, user: Option<&UserPolicy>, person: &mut Person<'w>) {
        for (at, slot) in layout.slots.iter().enumerate() {
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
    }

    /// What one source says about one attribute.
    fn by_rule(&self, layout: &Layout<'_>, records: &Records<'w>, slot: usize, candidate: Candidate, person: &mut Person<'w>) -> Held<'w> {
        let cells = match records.of(candidate.source) {
            Record::Cells(cells) => cells,
            Record::Nothing => return Held::State(ValueState::Unmanaged),
            Record::Unknown => return Held::State(ValueState::Unknown),
        };
        let rule = &layout.sources[candidate.source].rules[candidate.rule];
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
    pub(super) fn as_reference(&self, kind: AttributeType, source: Option<usize>, state: ValueState) -> ValueState {
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
        ValueState::Set(Value::Reference(Arc::from(key)))
    }

    fn is_source(&self, name: &str) -> bool {
        self.policy.sources.iter().any(|source| source.name.as_ref() == name)
    }

    /// Users that override somebody who is not there, each with its key.
    pub(super) fn dangling_overrides(&self) -> impl Iterator<Item = &'w UserPolicy> + '_ {
        self.policy.users.iter().filter(|user| !user.standalone && self.find(&user.key).is_none())
    }

    /// What it means that there is no identity with a key.
    pub(super) fn absence(&self, key: &str) -> Absence {
        let Some((source, _)) = key.split_once('/') else { return Absence::Nowhere };
        if source == "user" {
            return Absence::Proven;
        }
        let Some(at) = self.policy.sources.iter().position(|known| known.name.as_ref() == source && known.establishes) else {
            return Absence::Nowhere;
        };
        if self.world.trust[at].proves_absence() { Absence::Proven } else { Absence::Unproven(at) }
    }

    /// Identities that can't be told which record of a source is theirs: the source and the identity.
    pub(super) fn ambiguous(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        self.companions.iter().flat_map(|companion| companion.ambiguous().map(|number| (companion.source, number)))
    }
}

/// Where an identity comes from.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// a record of an establishing source
    Record(usize, u32),
    /// a standalone User
    User(usize),
}

/// What follows from there being no identity with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// it is gone
    Proven,
    /// its source could not say
    Unproven(usize),
    /// nothing declares where it would come from
    Nowhere,
}

/// The records behind one identity, each unpacked once.
pub(super) struct Records<'w> {
    own: Option<(usize, Vec<Cell<'w>>)>,
    others: Vec<(usize, Record<Vec<Cell<'w>>>)>,
}

impl<'w> Records<'w> {
    fn new(identities: &Identities<'w>, companions: &[Companion], number: u32, own: Option<(usize, u32)>) -> Self {
        let cells = |source: usize, record: u32| -> Vec<Cell<'w>> { identities.world.sources[source].row(record).cells().collect() };
        let others = companions.iter().map(|companion| {
            let record = match companion.record(number) {
                Record::Cells(record) => Record::Cells(cells(companion.source, record)),
                Record::Nothing => Record::Nothing,
                Record::Unknown => Record::Unknown,
            };
            (companion.source, record)
        });
        Self { own: own.map(|(source, record)| (source, cells(source, record))), others: others.collect() }
    }

    /// The cells of a source's record.
    pub(super) fn of(&self, source: usize) -> Record<&[Cell<'w>]> {
        if let Some((own, cells)) = &self.own
            && *own == source
        {
            return Record::Cells(cells);
        }
        match self.others.iter().find(|(known, _)| *known == source) {
            Some((_, Record::Cells(cells))) => Record::Cells(cells),
            Some((_, Record::Unknown)) => Record::Unknown,
            _ => Record::Nothing,
        }
    }

    /// The source that establishes the identity, and its record.
    pub(super) fn own(&self) -> Option<(usize, &[Cell<'w>])> {
        self.own.as_ref().map(|(source, cells)| (*source, cells.as_slice()))
    }
}

/// The value of a rule that is nothing but a path: the cell itself, borrowed. Nothing where the rule must be worked out.
fn as_it_stands<'w>(rule: &RuleLayout, kind: AttributeType, cells: &[Cell<'w>]) -> Option<Held<'w>> {
    if rule.when.is_some() || kind == AttributeType::Reference {
        return None;
    }
    let cell = cells.get(rule.value.bare_position()?).copied().unwrap_or(Cell::Missing);
    Some(match cell {
        Cell::Missing => Held::State(ValueState::Unmanaged),
        Cell::Null => Held::State(ValueState::Clear),
        Cell::Text("") | Cell::Json("[]") => Held::State(ValueState::Unmanaged),
        Cell::Json(json) if !json.starts_with(['[', '{']) => return None,
        cell => Held::Cell(cell),
    })
}

/// What a rule came to.
pub(super) enum Outcome {
    /// a state
    Is(ValueState),
    /// it failed
    Failed(Arc<str>),
}

/// What expressions read: a record's cells, or an identity's values.
pub(super) trait Reads {
    /// One input; nothing where it is unknown.
    fn input(&self, position: usize) -> Option<Input<'_>>;

    /// Whether everything that an expression reads is known.
    fn knows(&self, bound: &Bound) -> bool {
        bound.positions().iter().all(|position| self.input(*position).is_some())
    }

    /// Works an expression out; nothing where it reads something unknown.
    fn over(&self, bound: &Bound) -> Option<Evaluation> {
        self.knows(bound).then(|| bound.over(|position| self.input(position).unwrap_or(MISSING)))
    }

    /// A condition.
    fn holds(&self, bound: &Bound) -> Truth {
        if self.knows(bound) {
            bound.holds_for(|position| self.input(position).unwrap_or(MISSING))
        } else {
            Truth::Unknown("it depends on a value that is not known".into())
        }
    }
}

const MISSING: Input<'static> = Input::Cell(Cell::Missing);

impl Reads for [Cell<'_>] {
    fn input(&self, position: usize) -> Option<Input<'_>> {
        Some(self.get(position).map_or(MISSING, |cell| Input::Cell(*cell)))
    }

    fn knows(&self, _: &Bound) -> bool {
        true
    }
}

impl Reads for Person<'_> {
    fn input(&self, position: usize) -> Option<Input<'_>> {
        match self.slots.get(position) {
            Some(Held::Cell(cell)) => Some(Input::Cell(*cell)),
            Some(Held::State(ValueState::Unknown)) => None,
            Some(Held::State(ValueState::Set(value))) => Some(Input::Value(value)),
            Some(Held::State(ValueState::Clear)) => Some(Input::Cell(Cell::Null)),
            Some(Held::State(ValueState::Unmanaged)) | None => Some(MISSING),
        }
    }
}

impl Person<'_> {
    /// A condition over the identity.
    pub(super) fn holds(&self, bound: &Bound) -> Truth {
        Reads::holds(self, bound)
    }
}

/// Works a rule out.
pub(super) fn evaluate(rule: &RuleLayout, reads: &(impl Reads + ?Sized)) -> Outcome {
    if let Some(when) = &rule.when {
        if !reads.knows(when) {
            return Outcome::Is(ValueState::Unknown);
        }
        match reads.holds(when) {
            Truth::Yes => {}
            Truth::No => return Outcome::Is(ValueState::Unmanaged),
            Truth::Unknown(words) => return Outcome::Failed(words),
        }
    }
    match reads.over(&rule.value) {
        None => Outcome::Is(ValueState::Unknown),
        Some(Evaluation::Value(value)) if value.is_empty() => Outcome::Is(ValueState::Unmanaged),
        Some(Evaluation::Value(value)) => Outcome::Is(ValueState::Set(value)),
        Some(Evaluation::Missing) => Outcome::Is(ValueState::Unmanaged),
        Some(Evaluation::Null) => Outcome::Is(ValueState::Clear),
        Some(Evaluation::Failed(words)) => Outcome::Failed(words.into()),
    }
}
