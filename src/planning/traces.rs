//! By what one person bears on another: values by which accounts are found, names, keys in other forms, references.
//!
//! Must never: leave out what planning compares people by; a trace too many costs time, one too few a wrong plan.

use std::hash::Hasher as _;
use std::sync::Arc;

use crate::expr::Input;
use crate::model::{AttributeType, Cell, ValueState};
use crate::planning::holds::form::bare;
use crate::planning::holds::likeness::{ADDRESS, LOGIN, Likeness};
use crate::planning::people::matching::key_values;
use crate::planning::people::person::Person;
use crate::planning::question::texts;
use crate::planning::schema::layout::Layout;
use crate::planning::targets::search::value_of;
use crate::policy::Policy;
use crate::world::{Keyed, canonical, kind_of};

/// What two have in common, as a hash: that they have it is found out where both are planned.
pub(in crate::planning) type Trace = u64;

/// What leaves a trace, or is looked for by one.
#[derive(Clone, Copy)]
pub(in crate::planning) struct Tracer<'t> {
    pub(in crate::planning) policy: &'t Policy,
    pub(in crate::planning) layout: &'t Layout<'t>,
    pub(in crate::planning) keyed: Keyed,
}

/// A value that may be searched for at a target.
pub(in crate::planning) struct Sought {
    pub(in crate::planning) target: usize,
    pub(in crate::planning) attribute: Arc<str>,
    pub(in crate::planning) value: Vec<u8>,
}

impl Tracer<'_> {
    fn trace(&self, kind: u8, of: usize, parts: &[&[u8]]) -> Trace {
        let mut hasher = self.keyed.start();
        hasher.write_u8(kind);
        hasher.write_u32(of as u32);
        for part in parts {
            hasher.write_u32(part.len() as u32);
            hasher.write(part);
        }
        hasher.finish()
    }

    /// Of whoever refers to a key.
    pub(in crate::planning) fn to_key(self, key: &str) -> Trace {
        self.trace(b'r', 0, &[key.as_bytes()])
    }

    /// Of an account that refers to another one by its id.
    pub(in crate::planning) fn to_id(self, target: usize, id: &str) -> Trace {
        self.trace(b'i', target, &[id.as_bytes()])
    }

    fn value(&self, sought: &Sought) -> Trace {
        self.trace(b'v', sought.target, &[sought.attribute.as_bytes(), &sought.value])
    }

    fn name(&self, likeness: &Likeness) -> Option<Trace> {
        let words: Vec<&str> = likeness.words.iter().map(String::as_str).collect();
        (words.len() > 1).then(|| self.trace(b'n', 0, &[words.join(" ").as_bytes()]))
    }

    fn form(&self, key: &str) -> Trace {
        self.trace(b'f', 0, &[bare(key).as_bytes()])
    }

    /// By what people are found and known at a target.
    pub(in crate::planning) fn attributes(&self, target: usize) -> Vec<Arc<str>> {
        let mut names = self.policy.targets[target].correlate.clone();
        names.extend([ADDRESS, LOGIN, "employeeNumber"].map(Arc::from));
        let unique = self.layout.targets[target].attributes.iter();
        names.extend(unique.filter(|one| one.rule.as_ref().is_some_and(|rule| rule.unique)).map(|one| one.name.clone()));
        names.sort();
        names.dedup();
        names
    }

    /// Every value by which somebody's account may be searched for, or that it may get.
    pub(in crate::planning) fn sought(&self, person: &Person<'_>) -> Vec<Sought> {
        let mut all = Vec::new();
        for target in 0..self.policy.targets.len() {
            for attribute in self.attributes(target) {
                let slot = self.layout.slot(&attribute).and_then(|slot| person.slots.get(slot)).map(|held| held.state());
                for state in [Some(value_of(self.layout, target, person, &attribute)), slot].into_iter().flatten() {
                    let ValueState::Set(value) = state else { continue };
                    let keys = canonical::keys(kind_of(&attribute), Input::Value(&value));
                    all.extend(keys.into_iter().map(|value| Sought { target, attribute: attribute.clone(), value }));
                }
            }
        }
        all
    }

    /// The traces of somebody who may be anybody's double: by values, name and key.
    pub(in crate::planning) fn of_person(&self, person: &Person<'_>, sought: &[Sought]) -> Vec<Trace> {
        let mut traces: Vec<Trace> = sought.iter().map(|one| self.value(one)).collect();
        traces.extend(self.name(&Likeness::of_person(self.layout, person)));
        traces.push(self.form(&person.key));
        traces
    }

    /// The traces of keys by which records are held against identities.
    pub(in crate::planning) fn of_keys(&self, person: &Person<'_>) -> Vec<Trace> {
        let (mut traces, mut buffer) = (Vec::new(), Vec::new());
        for (source, layout) in self.layout.sources.iter().enumerate() {
            for (at, key) in layout.keys.iter().enumerate() {
                let found = |value: u128| traces.push(self.trace(b'k', source, &[&(at as u64).to_le_bytes(), &value.to_le_bytes()]));
                let _ = key_values(key, self.keyed, person, &mut buffer, found);
            }
        }
        traces
    }

    /// The keys that somebody refers to.
    pub(in crate::planning) fn references(&self, person: &Person<'_>) -> Vec<Arc<str>> {
        let slots = self.layout.slots.iter().zip(&person.slots).filter(|(slot, _)| slot.kind == AttributeType::Reference);
        let mut states: Vec<ValueState> = slots.map(|(_, held)| held.state()).collect();
        for (target, layout) in self.layout.targets.iter().enumerate() {
            let ruled = layout.attributes.iter().filter(|one| one.kind == AttributeType::Reference && one.bare.is_none());
            states.extend(ruled.map(|one| value_of(self.layout, target, person, &one.name)));
        }
        let keys = states.iter().flat_map(|state| match state {
            ValueState::Set(value) => texts(value),
            _ => Vec::new(),
        });
        keys.collect()
    }

    /// Whether anybody may refer to anybody.
    pub(in crate::planning) fn has_references(&self) -> bool {
        let slots = self.layout.slots.iter().any(|slot| slot.kind == AttributeType::Reference);
        slots || self.layout.targets.iter().any(|target| target.attributes.iter().any(|one| one.kind == AttributeType::Reference))
    }

    /// The traces of an account, by its cells: as of somebody who may be its owner's double.
    pub(in crate::planning) fn of_account<'c>(&self, target: usize, former: Option<&str>, cell: impl Fn(&str) -> Cell<'c>) -> Vec<Trace> {
        let mut traces = Vec::new();
        for attribute in self.attributes(target) {
            let observed = cell(&attribute);
            if !canonical::is_nothing(observed) {
                let keys = canonical::keys(kind_of(&attribute), Input::Cell(observed));
                traces.extend(keys.into_iter().map(|value| self.value(&Sought { target, attribute: attribute.clone(), value })));
            }
        }
        traces.extend(self.name(&Likeness::of_cells(cell)));
        traces.extend(former.map(|key| self.form(key)));
        traces
    }

    /// The ids of accounts that an account refers to.
    pub(in crate::planning) fn referred<'c>(&self, target: usize, cell: impl Fn(usize) -> Cell<'c>) -> Vec<String> {
        let attributes = self.layout.targets[target].attributes.iter().filter(|one| one.kind == AttributeType::Reference);
        let ids = attributes.map(|one| canonical::text(cell(one.column)).into_owned());
        ids.filter(|id| !id.is_empty()).collect()
    }
}
