//! Which records of a source are of any concern to a few people: their own, those that may be joined with them, and those of whoever may claim an account of theirs.
//!
//! Everything else is passed over as it is read, so that one person costs one person. Must never: pass over a record that could make an account somebody else's.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::expr::Input;
use crate::model::{AttributeType, Cell, Key, Page, ValueState};
use crate::planning::people::identity::Identities;
use crate::planning::people::matching::key_values;
use crate::planning::people::person::Person;
use crate::planning::people::records::Records;
use crate::planning::question::Moment;
use crate::planning::schema::layout::Layout;
use crate::planning::schema::values::Held;
use crate::planning::targets::search;
use crate::policy::Policy;
use crate::world::{Keyed, SourceSide, World, canonical, kind_of};

/// What makes a record one of concern.
#[derive(Clone, Debug, Default)]
pub struct Concern {
    /// keys of records, with their source
    keys: BTreeSet<Arc<str>>,
    /// values by which records are joined and accounts are found
    values: BTreeSet<(Asked, u128)>,
}

/// What a value was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    /// a key of a source, by which its records find their identities
    Join { source: usize, key: usize },
    /// an attribute that is an account's, word for word
    Slot { slot: usize },
    /// an attribute by which accounts of a target are found
    Account { target: usize, at: usize },
}

/// One thing that is asked of every record.
struct Check {
    asked: Asked,
    slots: Vec<usize>,
}

impl Concern {
    /// Of these people, by every key of theirs that is known.
    pub fn of(keys: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self { keys: keys.into_iter().collect(), values: BTreeSet::new() }
    }

    /// One more key. Says whether it is news.
    pub fn add_key(&mut self, key: &Arc<str>) -> bool {
        self.keys.insert(key.clone())
    }

    /// Takes the records of a page that are of concern. `bare` has the policy's sides with nothing in them.
    pub fn sift(&self, policy: &Policy, bare: &World, moment: Moment, source: usize, pages: &[Page], side: &mut SourceSide) {
        let layout = Layout::new(policy, bare);
        let people = Identities::of_nobody(policy, bare, moment);
        let wanted: BTreeSet<Asked> = self.values.iter().map(|(asked, _)| *asked).collect();
        let gives = |slot: &usize| layout.slots.get(*slot).is_some_and(|slot| slot.candidates.iter().any(|rule| rule.source == source));
        // A source that gives nothing of what a check reads can't answer it.
        let checks: Vec<_> =
            checks(policy, &layout).into_iter().filter(|check| wanted.contains(&check.asked) && check.slots.iter().any(gives)).collect();
        let mut judge = Judge { policy, layout: &layout, keyed: Keyed::of(&policy.workspace), buffer: Vec::new() };
        let name = &policy.sources[source].name;
        let mut whole = String::new();
        for page in pages {
            side.add_where(page, |key, cells| {
                whole.clear();
                Key::record(name, key).write(&mut whole);
                self.keys.contains(whole.as_str()) || checks.iter().any(|check| self.fits(check, &people, source, cells, &mut judge))
            });
        }
    }

    fn add(&mut self, asked: Asked, value: u128) {
        self.values.insert((asked, value));
    }

    fn fits(&self, check: &Check, people: &Identities<'_>, source: usize, cells: &[Cell<'_>], judge: &mut Judge<'_>) -> bool {
        let records = Records::of_cells(source, cells);
        let mut person = Person { slots: vec![Held::State(ValueState::Unmanaged); judge.layout.slots.len()], ..Person::default() };
        check.slots.iter().for_each(|slot| people.fill_slot(judge.layout, &records, None, *slot, &mut person));
        let mut fits = false;
        judge.values(check, &person, |value| fits |= self.values.contains(&(check.asked, value)));
        fits
    }

    /// Learns from the records that are there by now whom they may be joined with, and who else may have what these people have. Says whether that is news.
    pub fn learn(&mut self, policy: &Policy, world: &World, moment: Moment) -> bool {
        let layout = Layout::new(policy, world);
        let people = Identities::new(policy, world, &layout, moment, None);
        let mut judge = Judge { policy, layout: &layout, keyed: Keyed::of(&policy.workspace), buffer: Vec::new() };
        let checks = checks(policy, &layout);
        let before = self.values.len() + self.keys.len();
        let revoked: BTreeSet<u32> = self.keys.iter().filter_map(|key| people.meant_by(key)).collect();
        let mut person = Person::default();
        for number in 0..people.len() {
            people.values(&layout, number, &mut person);
            for check in &checks {
                if matches!(check.asked, Asked::Join { .. }) || revoked.contains(&number) {
                    judge.values(check, &person, |value| self.add(check.asked, value));
                }
            }
        }
        for (source, side) in world.sources.iter().enumerate() {
            for record in 0..side.len() {
                for check in checks.iter().filter(|check| matches!(check.asked, Asked::Join { .. })) {
                    people.key_of_record(&layout, source, record, &check.slots, &mut person);
                    judge.values(check, &person, |value| self.add(check.asked, value));
                }
            }
        }
        for number in revoked {
            self.keys.extend(people.keys_of(number));
        }
        self.values.len() + self.keys.len() > before
    }
}

/// Everything that a policy joins records and finds accounts by, once.
fn checks(policy: &Policy, layout: &Layout<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    for (source, of_source) in layout.sources.iter().enumerate() {
        for (key, bound) in of_source.keys.iter().enumerate() {
            checks.push(Check { asked: Asked::Join { source, key }, slots: bound.value.positions().to_vec() });
        }
    }
    let mut known = BTreeSet::new();
    for (target, rules) in policy.targets.iter().enumerate() {
        for (at, name) in rules.correlate.iter().enumerate() {
            let rule = layout.targets[target].attributes.iter().find(|attribute| attribute.name == *name);
            let check = match rule.and_then(|attribute| Some((attribute.bare, attribute.rule.as_ref()?))) {
                Some((Some(slot), rule)) if rule.when.is_none() && layout.slots[slot].kind == kind_of(name) => {
                    Check { asked: Asked::Slot { slot }, slots: vec![slot] }
                }
                Some((_, rule)) => {
                    let when = rule.when.iter().flat_map(|when| when.positions());
                    Check { asked: Asked::Account { target, at }, slots: rule.value.positions().iter().chain(when).copied().collect() }
                }
                None => match layout.slot(name) {
                    Some(slot) => Check { asked: Asked::Slot { slot }, slots: vec![slot] },
                    None => continue,
                },
            };
            if known.insert(check.asked) {
                checks.push(check);
            }
        }
    }
    checks
}

struct Judge<'l> {
    policy: &'l Policy,
    layout: &'l Layout<'l>,
    keyed: Keyed,
    buffer: Vec<u8>,
}

impl Judge<'_> {
    fn values(&mut self, check: &Check, person: &Person<'_>, mut found: impl FnMut(u128)) {
        match check.asked {
            Asked::Join { source, key } => {
                drop(key_values(&self.layout.sources[source].keys[key], self.keyed, person, &mut self.buffer, found));
            }
            Asked::Slot { slot } => self.of(self.layout.slots[slot].kind, &person.slots[slot], found),
            Asked::Account { target, at } => {
                let name = &self.policy.targets[target].correlate[at];
                if let ValueState::Set(value) = search::value_of(self.layout, target, person, name) {
                    canonical::keys(kind_of(name), Input::Value(&value)).iter().for_each(|bytes| found(self.keyed.wide(bytes)));
                }
            }
        }
    }

    fn of(&mut self, kind: AttributeType, held: &Held<'_>, mut found: impl FnMut(u128)) {
        match held {
            Held::Cell(cell) => canonical::each_key(kind, *cell, &mut self.buffer, |bytes| found(self.keyed.wide(bytes))),
            Held::State(ValueState::Set(value)) => {
                canonical::keys(kind, Input::Value(value)).iter().for_each(|bytes| found(self.keyed.wide(bytes)));
            }
            Held::State(_) => {}
        }
    }
}
