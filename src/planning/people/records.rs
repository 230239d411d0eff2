//! The records behind one identity, each unpacked once, while its attributes are worked out.
//!
//! Must never: take a source that can't tell for one that has nothing.

use crate::model::Cell;
use crate::planning::people::identity::{Identities, IdentityOrigin};
use crate::planning::people::matched_records::Record;

/// The records behind one identity, each unpacked once.
pub(in crate::planning) struct Records<'w> {
    own: Option<(usize, Vec<Cell<'w>>)>,
    others: Vec<(usize, Record<Vec<Cell<'w>>>)>,
    /// sources whose records say nothing any more
    silent: Vec<usize>,
}

impl<'w> Records<'w> {
    pub(in crate::planning) fn new(identities: &Identities<'w>, number: u32) -> Self {
        Self::within(identities, number, Vec::new())
    }

    /// The same in a buffer, which [`Records::into_buffer`] gives back.
    pub(in crate::planning) fn within(identities: &Identities<'w>, number: u32, mut buffer: Vec<Cell<'w>>) -> Self {
        let own = match identities.origin(number) {
            IdentityOrigin::Record(source, record) => {
                put_cells(identities, source, record, &mut buffer);
                Some((source, buffer))
            }
            IdentityOrigin::User(_) => None,
        };
        let own_source = own.as_ref().map(|(source, _)| *source);
        let others = identities.matchings.iter().filter(|matching| Some(matching.source) != own_source).map(|matching| {
            let record = match matching.record(number) {
                Record::Cells(record) => Record::Cells(cells(identities, matching.source, record)),
                Record::Nothing => Record::Nothing,
                Record::Unknown => Record::Unknown,
            };
            (matching.source, record)
        });
        let mut others: Vec<_> = others.collect();
        for source in identities.unseen(number) {
            others.retain(|(known, _)| *known != source);
            others.push((source, Record::Unknown));
        }
        Self { own, others, silent: Vec::new() }
    }

    pub(in crate::planning) fn of_one(identities: &Identities<'w>, source: usize, record: u32) -> Self {
        Self { own: Some((source, cells(identities, source, record))), others: Vec::new(), silent: Vec::new() }
    }

    /// The same with another record in the place of the one that establishes the identity.
    pub(in crate::planning) fn with_own(mut self, cells: Vec<Cell<'w>>) -> Self {
        self.own.iter_mut().for_each(|(_, own)| own.clone_from(&cells));
        self
    }

    /// One record that is not in the world, by its cells.
    pub(in crate::planning) fn of_cells(source: usize, cells: &[Cell<'w>]) -> Self {
        Self { own: Some((source, cells.to_vec())), others: Vec::new(), silent: Vec::new() }
    }

    /// None at all.
    pub(in crate::planning) fn of_nobody() -> Self {
        Self { own: None, others: Vec::new(), silent: Vec::new() }
    }

    /// The cells of a source's record.
    pub(in crate::planning) fn of(&self, source: usize) -> Record<&[Cell<'w>]> {
        if self.silent.contains(&source) {
            return Record::Nothing;
        }
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

    /// The buffer of the record that establishes the identity.
    pub(in crate::planning) fn into_buffer(self) -> Vec<Cell<'w>> {
        self.own.map(|(_, cells)| cells).unwrap_or_default()
    }

    /// The source that establishes the identity, and its record.
    pub(in crate::planning) fn own(&self) -> Option<(usize, &[Cell<'w>])> {
        self.own.as_ref().map(|(source, cells)| (*source, cells.as_slice()))
    }

    /// The sources beside it that have a record, or may have one.
    pub(in crate::planning) fn others(&self) -> impl Iterator<Item = usize> + '_ {
        self.others.iter().filter(|(_, record)| *record != Record::Nothing).map(|(source, _)| *source)
    }

    /// Sources that say nothing.
    pub(in crate::planning) fn silent(&self) -> &[usize] {
        &self.silent
    }

    /// From now on these say nothing, and the others all they have.
    pub(in crate::planning) fn silence(&mut self, sources: Vec<usize>) {
        self.silent = sources;
    }
}

fn cells<'w>(identities: &Identities<'w>, source: usize, record: u32) -> Vec<Cell<'w>> {
    let mut cells = Vec::new();
    put_cells(identities, source, record, &mut cells);
    cells
}

fn put_cells<'w>(identities: &Identities<'w>, source: usize, record: u32, out: &mut Vec<Cell<'w>>) {
    identities.world.sources[source].row(record).put_cells(out);
}

/// What is said of a record whose scope is not known.
pub(in crate::planning) const SCOPE_FAILED: &str = "the source's filter failed on it";
