//! What headcount wrote last, packed: of each object its id and the prints, and the names of attributes once.
//!
//! A controller keeps one for each account that it made. Must never: say of an object anything else than was remembered.

use std::collections::HashMap;
use std::sync::Arc;

use super::hash::Keyed;
use super::index::Index;
use super::recall::hash;
use super::spool::{Spool, Spot};
use crate::model::{Cell, LastWrite, ObjectKind, put_number, take_length};
use crate::policy::Policy;

/// What was written last, by object.
#[derive(Clone, Debug, Default)]
pub(crate) struct WrittenPrints {
    keyed: Option<Keyed>,
    places: Vec<(Arc<str>, ObjectKind)>,
    names: Vec<u32>,
    spool: Spool,
    /// none: the number is free
    rows: Vec<Option<Spot>>,
    free: Vec<u32>,
    by_id: Index,
}

impl WrittenPrints {
    /// Of all these.
    pub(super) fn of(policy: &Policy, written: Vec<LastWrite>) -> Self {
        let mut all = Self { keyed: Some(Keyed::of(&policy.workspace)), ..Self::default() };
        let mut numbers = HashMap::new();
        written.iter().for_each(|one| all.add(one, &mut numbers));
        all.by_id.settle();
        all.rows.shrink_to_fit();
        all.spool.close();
        all
    }

    /// With one more, in the place of what was written to the same object before.
    pub(super) fn put(&mut self, policy: &Policy, one: &LastWrite) {
        self.keyed.get_or_insert(Keyed::of(&policy.workspace));
        self.take(&one.target, one.kind, &one.id);
        let mut numbers = self.names.iter().enumerate().map(|(number, name)| (*name, number)).collect();
        self.add(one, &mut numbers);
    }

    /// Without what was written to an object, which is given back.
    pub(super) fn take(&mut self, target: &str, kind: ObjectKind, id: &str) -> Option<LastWrite> {
        let (number, gone) = self.look(target, kind, id)?;
        self.by_id.remove(hash(self.keyed?, target, kind, id), number);
        let spot = self.rows.get_mut(number as usize)?.take()?;
        self.spool.forget(spot);
        self.free.push(number);
        Some(gone)
    }

    /// What was written to an object.
    pub(crate) fn find(&self, target: &str, kind: ObjectKind, id: &str) -> Option<LastWrite> {
        self.look(target, kind, id).map(|(_, one)| one)
    }

    /// All of it.
    pub(super) fn all(&self) -> impl Iterator<Item = LastWrite> + '_ {
        (0..self.rows.len() as u32).filter_map(|number| self.row(number))
    }

    /// What is in only one of both.
    pub(super) fn differing(&self, other: &Self) -> Vec<LastWrite> {
        let alone = |one: &Self, other: &Self| -> Vec<LastWrite> {
            one.all().filter(|row| other.find(&row.target, row.kind, &row.id).as_ref() != Some(row)).collect()
        };
        let mut all = alone(self, other);
        all.extend(alone(other, self));
        all
    }

    /// Whether nothing was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() == self.free.len()
    }

    /// Puts in order what came and went, where there is enough of it.
    pub(super) fn tidy(&mut self) {
        self.by_id.tidy();
        if self.spool.is_wasteful() {
            self.spool = self.spool.gathered(self.rows.iter_mut().flatten());
        }
    }

    fn add(&mut self, one: &LastWrite, numbers: &mut HashMap<u32, usize>) {
        let Some(keyed) = self.keyed else { return };
        let place = self.places.iter().position(|(target, kind)| *kind == one.kind && *target == one.target).unwrap_or_else(|| {
            self.places.push((one.target.clone(), one.kind));
            self.places.len() - 1
        });
        let mut packed = String::new();
        put_number(&mut packed, place as u64);
        for (name, print) in &one.prints {
            let number = *numbers.entry(*name).or_insert_with(|| {
                self.names.push(*name);
                self.names.len() - 1
            });
            put_number(&mut packed, number as u64);
            put_number(&mut packed, u64::from(*print));
        }
        let spot = Some(self.spool.add(&one.id, &[Cell::Text(&packed)]));
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.rows.push(None);
                self.rows.len() as u32 - 1
            }
        };
        self.rows.get_mut(number as usize).into_iter().for_each(|row| *row = spot);
        self.by_id.insert(hash(keyed, &one.target, one.kind, &one.id), number);
    }

    fn look(&self, target: &str, kind: ObjectKind, id: &str) -> Option<(u32, LastWrite)> {
        let numbers = self.by_id.candidates(hash(self.keyed?, target, kind, id));
        let mut rows = numbers.filter_map(|number| Some((number, self.row(number)?)));
        rows.find(|(_, one)| one.kind == kind && *one.id == *id && *one.target == *target)
    }

    fn row(&self, number: u32) -> Option<LastWrite> {
        let (id, row) = self.spool.get((*self.rows.get(number as usize)?)?);
        let Cell::Text(packed) = row.cell(0) else { return None };
        let mut rest = packed.as_bytes();
        let (target, kind) = self.places.get(take_length(&mut rest)?)?;
        let mut prints = Vec::new();
        while !rest.is_empty() {
            let (name, print) = (take_length(&mut rest)?, take_length(&mut rest)?);
            prints.push((*self.names.get(name)?, print as u32));
        }
        Some(LastWrite { target: target.clone(), kind: *kind, id: Arc::from(id), prints: prints.into_boxed_slice() })
    }
}
