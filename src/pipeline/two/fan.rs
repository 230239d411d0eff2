//! Pages of one read, dealt out to the sides of two revisions: to each the columns that it wants.
//!
//! Must never: give a side a column that it did not ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::news::{Hear, News};
use super::super::read::add;
use crate::connector::{Gone, PageSink};
use crate::model::{Cell, Columns, Evidence, ObjectKind, Page, ReadReport, SystemRole};
use crate::world::{Delta, SourceSide, TargetSide};

/// The columns of one and what another has beside them.
pub(super) fn union(one: &Arc<Columns>, other: &Arc<Columns>) -> Arc<Columns> {
    let more: Vec<&Arc<str>> = other.paths().iter().filter(|path| one.position(path).is_none()).collect();
    if more.is_empty() { one.clone() } else { Columns::new(one.paths().iter().chain(more)) }
}

/// The rows of a page in other columns; one that the page does not have is missing.
pub(super) fn projected(page: &Page, columns: &Arc<Columns>) -> Page {
    let positions: Vec<Option<usize>> = columns.paths().iter().map(|path| page.columns().position(path)).collect();
    let mut out = Page::new(columns.clone());
    let mut cells: Vec<Cell<'_>> = Vec::new();
    for row in page.rows() {
        cells.clear();
        cells.extend(row.cells());
        out.row(|writer| {
            for position in &positions {
                writer.cell(position.and_then(|at| cells.get(at)).copied().unwrap_or(Cell::Missing));
            }
        });
    }
    out
}

fn deal(page: &Page, columns: &Arc<Columns>, take: impl FnOnce(&Page)) {
    if page.columns() == columns { take(page) } else { take(&projected(page, columns)) }
}

/// The sides of one source.
pub(super) struct SourceFan<'a> {
    sides: Vec<(&'a mut SourceSide, Option<Delta>)>,
    name: &'a str,
    hear: &'a dyn Hear,
}

impl<'a> SourceFan<'a> {
    pub fn new(sides: [Option<&'a mut SourceSide>; 2], name: &'a str, hear: &'a dyn Hear) -> Self {
        Self { sides: sides.into_iter().flatten().map(|side| (side, None)).collect(), name, hear }
    }

    /// What all sides want together.
    pub fn columns(&self) -> Arc<Columns> {
        let all = self.sides.iter().map(|(side, _)| side.columns());
        all.reduce(|one, other| union(&one, &other)).unwrap_or_else(|| Columns::new([""; 0]))
    }

    /// The read is over.
    pub fn finish(self, evidence: &Evidence) {
        for (side, gone) in self.sides {
            side.finish(evidence.clone());
            gone.iter().for_each(|gone| side.lose(gone));
        }
    }
}

impl PageSink for SourceFan<'_> {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        for (side, _) in &mut self.sides {
            let columns = side.columns();
            deal(page, &columns, |page| side.add(page));
        }
        self.hear.hear(News::Rows { system: self.name, role: SystemRole::Source, kind, count: page.len() });
    }

    fn restart(&mut self, kind: ObjectKind) {
        for (side, gone) in &mut self.sides {
            side.restart();
            *gone = None;
        }
        self.hear.hear(News::Restarted { system: self.name, kind });
    }

    fn gone(&mut self, _: ObjectKind, gone: Gone<'_>) {
        for (side, all) in &mut self.sides {
            let columns = side.columns();
            lose(all.get_or_insert_with(|| Delta::new(columns.clone())), gone, &columns);
        }
    }
}

/// The sides of one target.
pub(super) struct TargetFan<'a> {
    sides: Vec<(&'a mut TargetSide, BTreeMap<ObjectKind, Delta>)>,
    name: &'a str,
    hear: &'a dyn Hear,
}

impl<'a> TargetFan<'a> {
    pub fn new(sides: &'a mut [Option<TargetSide>; 2], name: &'a str, hear: &'a dyn Hear) -> Self {
        Self { sides: sides.iter_mut().flatten().map(|side| (side, BTreeMap::new())).collect(), name, hear }
    }

    /// The streams that any side wants, each with the columns of all.
    pub fn streams(&self, kinds: &[ObjectKind]) -> Vec<(ObjectKind, Arc<Columns>)> {
        self.all(kinds, |side, kind| side.columns(kind))
    }

    /// The columns in which single objects are looked up.
    pub fn lookups(&self, kinds: &[ObjectKind]) -> BTreeMap<ObjectKind, Arc<Columns>> {
        self.all(kinds, |side, kind| side.lookup_columns(kind)).into_iter().collect()
    }

    fn all(&self, kinds: &[ObjectKind], of: impl Fn(&TargetSide, ObjectKind) -> Option<Arc<Columns>>) -> Vec<(ObjectKind, Arc<Columns>)> {
        let wanted = |kind: &ObjectKind| {
            let all = self.sides.iter().filter_map(|(side, _)| of(side, *kind));
            Some((*kind, all.reduce(|one, other| union(&one, &other))?))
        };
        kinds.iter().filter_map(wanted).collect()
    }

    /// The read is over.
    pub fn finish(self, wanted: &[ObjectKind], report: &ReadReport) {
        for (side, gone) in self.sides {
            gone.iter().for_each(|(kind, gone)| side.lose(*kind, gone));
            for kind in wanted.iter().filter(|kind| side.columns(**kind).is_some()).copied().collect::<Vec<_>>() {
                side.finish(kind, report.of(kind));
            }
        }
    }
}

impl PageSink for TargetFan<'_> {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        for (side, _) in &mut self.sides {
            if let Some(columns) = side.columns(kind) {
                deal(page, &columns, |page| side.add(kind, page));
            }
        }
        self.hear.hear(News::Rows { system: self.name, role: SystemRole::Target, kind, count: page.len() });
    }

    fn restart(&mut self, kind: ObjectKind) {
        for (side, gone) in &mut self.sides {
            side.restart(kind);
            gone.remove(&kind);
        }
        self.hear.hear(News::Restarted { system: self.name, kind });
    }

    fn gone(&mut self, kind: ObjectKind, gone: Gone<'_>) {
        for (side, all) in &mut self.sides {
            if let Some(columns) = side.columns(kind) {
                lose(all.entry(kind).or_insert_with(|| Delta::new(columns.clone())), gone, &columns);
            }
        }
    }
}

fn lose(all: &mut Delta, gone: Gone<'_>, columns: &Arc<Columns>) {
    match gone {
        Gone::Ids(_) => add(all, gone),
        Gone::Rows(page) => deal(page, columns, |page| add(all, Gone::Rows(page))),
    }
}
