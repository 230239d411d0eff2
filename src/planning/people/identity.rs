//! Identities: everybody whom an establishing source or a standalone User knows, assembled one at a time into a reused buffer.
//!
//! Must never: let an unknown value fall through to a lower source, or keep a map of values for everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

use crate::model::Key;
use crate::planning::people::matched_records::MatchedRecords;
use crate::planning::people::matched_records::Record;
use crate::planning::people::referred::Referred;
use crate::planning::people::spans::{Block, FormerTrouble, Span};
use crate::planning::question::Moment;
use crate::planning::schema::doubt::HoldReason;
use crate::policy::{Policy, UserPolicy};
use crate::world::World;

/// Everybody there is, by number.
pub(in crate::planning) struct Identities<'w> {
    pub(in crate::planning) policy: &'w Policy,
    pub(in crate::planning) world: &'w World,
    pub(super) moment: Moment,
    /// standalone Users, the first numbers
    standalone: Vec<usize>,
    /// establishing sources after them
    pub(in crate::planning) spans: Vec<Span>,
    /// overrides by identity
    pub(in crate::planning) overrides: BTreeMap<u32, usize>,
    pub(in crate::planning) matchings: Vec<MatchedRecords>,
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
    /// records that others name by an attribute
    pub(super) referred: Referred,
    /// identities for whom nothing follows
    pub(super) held: BTreeMap<u32, HoldReason>,
    /// sources from which nothing follows for anybody, found out at the same time
    disbelieved: BTreeSet<usize>,
}

impl<'w> Identities<'w> {
    /// Before anybody was looked for: to work out what a single record says.
    pub(in crate::planning) fn of_nobody(policy: &'w Policy, world: &'w World, moment: Moment) -> Self {
        let standalone: Vec<usize> = (0..policy.users.len()).filter(|at| policy.users[*at].standalone).collect();
        Self {
            policy,
            world,
            moment,
            standalone,
            spans: Vec::new(),
            overrides: BTreeMap::new(),
            matchings: Vec::new(),
            aliases: BTreeMap::new(),
            kept: BTreeMap::new(),
            retired: BTreeMap::new(),
            formers: BTreeMap::new(),
            former_troubles: Vec::new(),
            disputed: BTreeSet::new(),
            shared_ends: Default::default(),
            referred: Referred::default(),
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
        let (source, rest) = match Key::of(key)? {
            Key::Record { source, key } => (source, key),
            Key::User { name } => return self.by_user(name),
            _ => return None,
        };
        let span = self.spans.iter().find(|span| self.policy.sources[span.source].name.as_ref() == source)?;
        span.number(self.world.sources[span.source].find(rest)?)
    }

    /// Users are in the order of their names.
    fn by_user(&self, name: &str) -> Option<u32> {
        let at = self.policy.users.binary_search_by(|user| user.name.as_ref().cmp(name)).ok()?;
        self.standalone.binary_search(&at).ok().map(|number| number as u32)
    }

    /// An identity's key.
    pub(in crate::planning) fn key(&self, number: u32) -> Arc<str> {
        if let Some(kept) = self.kept_key(number) {
            return kept.clone();
        }
        match self.origin(number) {
            IdentityOrigin::Record(source, record) => {
                Key::record(&self.policy.sources[source].name, self.world.sources[source].key(record)).text()
            }
            IdentityOrigin::User(user) => self.policy.users[user].key.clone(),
        }
    }

    /// Where an identity comes from.
    pub(in crate::planning) fn origin(&self, number: u32) -> IdentityOrigin {
        if let Some(user) = self.standalone.get(number as usize) {
            return IdentityOrigin::User(*user);
        }
        let at = self.spans.partition_point(|span| span.first <= number).saturating_sub(1);
        let span = &self.spans[at];
        IdentityOrigin::Record(span.source, span.record(number - span.first))
    }

    pub(in crate::planning) fn kept_key(&self, number: u32) -> Option<&Arc<str>> {
        if self.kept.is_empty() { None } else { self.kept.get(&number) }
    }

    /// The records behind an identity: source, and the record's number where it can be told.
    pub(in crate::planning) fn behind(&self, number: u32) -> Vec<(usize, Record<u32>)> {
        let own = match self.origin(number) {
            IdentityOrigin::Record(source, record) => Some((source, Record::Cells(record))),
            IdentityOrigin::User(_) => None,
        };
        let others = self.matchings.iter().filter(|matching| own.is_none_or(|(source, _)| source != matching.source));
        let others = others.map(|matching| (matching.source, matching.record(number)));
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
            IdentityOrigin::User(user) => user,
            IdentityOrigin::Record(..) => *self.overrides.get(&number)?,
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
        match self.origin(number) {
            IdentityOrigin::Record(source, record) => {
                Key::record(&self.policy.sources[source].name, self.world.sources[source].key(record)).write(out)
            }
            IdentityOrigin::User(user) => out.push_str(&self.policy.users[user].key),
        }
    }

    /// Whether somebody is known by a record of a source.
    pub(in crate::planning) fn is_of(&self, number: u32, source: usize) -> bool {
        matches!(self.origin(number), IdentityOrigin::Record(own, _) if own == source)
    }

    /// The same with identities for whom nothing follows, and sources from which nothing follows for anybody.
    pub(in crate::planning) fn holding(self, held: BTreeMap<u32, HoldReason>, disbelieved: BTreeSet<usize>) -> Self {
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

    /// Whether nothing follows for somebody.
    pub(in crate::planning) fn holds_somebody(&self) -> bool {
        !self.held.is_empty()
    }

    /// The source whose record establishes an identity.
    pub(in crate::planning) fn source(&self, number: u32) -> Option<usize> {
        match self.origin(number) {
            IdentityOrigin::Record(source, _) => Some(source),
            IdentityOrigin::User(_) => None,
        }
    }

    /// Users that override somebody who is not there, each with its key.
    pub(in crate::planning) fn dangling_overrides(&self) -> impl Iterator<Item = &'w UserPolicy> + '_ {
        self.policy.users.iter().filter(|user| !user.standalone && self.find(&user.key).is_none())
    }

    /// What it means that there is no identity with a key.
    pub(in crate::planning) fn absence(&self, key: &str) -> Absence {
        let now = self.policy.key_now(key);
        let key = now.as_deref().unwrap_or(key);
        let source = match Key::of(key) {
            Some(Key::Record { source, .. }) => source,
            Some(Key::User { .. }) => return Absence::Proven,
            _ => return Absence::Nowhere,
        };
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
pub(in crate::planning) enum IdentityOrigin {
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
