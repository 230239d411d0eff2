//! Rows of the memory that come and go, with the indexes over them.
//!
//! Must never: leave an index with a row that is not there, or a row without one. Links and what was written are packed (`links`, `written`). Where some prove nothing the indexes are made anew.

use std::collections::BTreeSet;

use super::canonical;
use super::index::Index;
use super::recall::{Recall, hash, place};
use super::target::kind_of;
use crate::expr::Input;
use crate::model::{Deactivation, DepartedName, FormerLink, Key, RecordLink, Value};

impl Recall {
    pub(super) fn put_former(&mut self, all: &mut Vec<FormerLink>, one: FormerLink) {
        if let Some(keyed) = self.keyed {
            self.formers.insert(hash(keyed, &one.target, one.kind, &one.key), all.len() as u32);
        }
        all.push(one);
    }

    pub(super) fn drop_formers(&mut self, all: &mut Vec<FormerLink>, places: BTreeSet<u32>) -> Vec<FormerLink> {
        let keyed = self.keyed;
        take(
            all,
            places,
            &mut [(&mut self.formers, &|one| keyed.map(|keyed| hash(keyed, &one.target, one.kind, &one.key)).into_iter().collect())],
        )
    }

    pub(super) fn put_deactivation(&mut self, all: &mut Vec<Deactivation>, one: Deactivation) {
        if let Some(keyed) = self.keyed {
            self.deactivations.insert(hash(keyed, &one.target, one.kind, &one.id), all.len() as u32);
        }
        all.push(one);
    }

    pub(super) fn drop_deactivations(&mut self, all: &mut Vec<Deactivation>, places: BTreeSet<u32>) -> Vec<Deactivation> {
        let keyed = self.keyed;
        let of = |one: &Deactivation| keyed.map(|keyed| hash(keyed, &one.target, one.kind, &one.id)).into_iter().collect();
        take(all, places, &mut [(&mut self.deactivations, &of)])
    }

    pub(super) fn put_record(&mut self, all: &mut Vec<RecordLink>, one: RecordLink) {
        let of = self.of_record(&one);
        of.into_iter().for_each(|hash| self.records.insert(hash, all.len() as u32));
        all.push(one);
    }

    pub(super) fn drop_records(&mut self, all: &mut Vec<RecordLink>, places: BTreeSet<u32>) -> Vec<RecordLink> {
        let mut records = std::mem::take(&mut self.records);
        let gone = take(all, places, &mut [(&mut records, &|one| self.of_record(one))]);
        self.records = records;
        gone
    }

    fn of_record(&self, link: &RecordLink) -> Vec<u64> {
        let Some(keyed) = self.keyed else { return Vec::new() };
        let mut of = vec![keyed.text(&Key::record(&link.source, &link.record).text()), keyed.text(&link.identity)];
        of.dedup();
        of
    }

    pub(super) fn put_departed(&mut self, all: &mut Vec<DepartedName>, one: DepartedName) {
        let of = self.of_departed(&one);
        of.into_iter().for_each(|hash| self.departed.insert(hash, all.len() as u32));
        all.push(one);
    }

    pub(super) fn drop_departed(&mut self, all: &mut Vec<DepartedName>, places: BTreeSet<u32>) -> Vec<DepartedName> {
        let mut departed = std::mem::take(&mut self.departed);
        let gone = take(all, places, &mut [(&mut departed, &|one| self.of_departed(one))]);
        self.departed = departed;
        gone
    }

    fn of_departed(&self, known: &DepartedName) -> Vec<u64> {
        let value = canonical::bytes(kind_of(&known.attribute), Input::Value(&Value::text(&*known.value)));
        self.keyed.map(|keyed| place(keyed, &known.target, &known.attribute, &value)).into_iter().collect()
    }

    /// Puts the indexes in order, where there is enough to do.
    pub(super) fn tidy(&mut self) {
        self.links.tidy();
        self.written.tidy();
        let Self { formers, deactivations, records, departed, .. } = self;
        [formers, deactivations, records, departed].into_iter().for_each(Index::tidy);
    }
}

/// An index, and what a row stands under in it.
type Over<'i, T> = (&'i mut Index, &'i dyn Fn(&T) -> Vec<u64>);

/// Takes rows out; the last ones move into the holes.
fn take<T>(all: &mut Vec<T>, places: BTreeSet<u32>, indexes: &mut [Over<'_, T>]) -> Vec<T> {
    let mut gone = Vec::with_capacity(places.len());
    for at in places.into_iter().rev() {
        let Some(last) = (all.len() as u32).checked_sub(1).filter(|last| at <= *last) else { continue };
        let one = all.swap_remove(at as usize);
        for (index, of) in indexes.iter_mut() {
            of(&one).into_iter().for_each(|hash| index.remove(hash, at));
            if let Some(moved) = all.get(at as usize) {
                of(moved).into_iter().for_each(|hash| index.renumber(hash, last, at));
            }
        }
        gone.push(one);
    }
    gone
}
