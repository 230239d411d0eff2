//! Who is another than before: what a world that is kept says of each change that it takes in.
//!
//! Must never: leave out a row that changed. Where that can't be said, everything counts as changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Columns, Page, Row};
use crate::policy::{ConcernedPeople, Policy, UserPolicy, difference};

/// What changed in a world since somebody last asked.
#[derive(Clone, Debug, Default)]
pub struct Dirty {
    /// keys of records that came, changed or went, by the source's position
    pub(crate) records: BTreeSet<(usize, Arc<str>)>,
    /// ids of accounts that came, changed or went, or whose memberships or entitlements did, by the target's position
    pub(crate) accounts: BTreeSet<(usize, Arc<str>)>,
    /// keys of identities of whom something else is remembered
    pub(crate) keys: BTreeSet<Arc<str>>,
    /// rows as they were: of sources and of targets
    pub(crate) records_before: Vec<(usize, Page)>,
    pub(crate) accounts_before: Vec<(usize, Page)>,
    /// keys that manifests name of late
    pub(crate) named: BTreeSet<Arc<str>>,
    /// Users as they were
    pub(crate) users_before: Vec<UserPolicy>,
    /// why it can't be said who is another than before
    pub(crate) everybody: Option<&'static str>,
}

impl Dirty {
    /// Everybody may be another than before.
    pub fn everybody(why: &'static str) -> Self {
        Self { everybody: Some(why), ..Self::default() }
    }

    /// Whom it concerns that other manifests are in force.
    pub fn of_manifests(before: &Policy, now: &Policy) -> Self {
        match difference(before, now) {
            Ok(ConcernedPeople { keys, named, users_before }) => Self { keys, named, users_before, ..Self::default() },
            Err(why) => Self::everybody(why),
        }
    }

    /// Why everybody may be another than before.
    pub fn of_everybody(&self) -> Option<&'static str> {
        self.everybody
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.everybody.is_none() && self.records.is_empty() && self.accounts.is_empty() && self.keys.is_empty()
    }

    /// With what changed after that.
    pub fn add(&mut self, later: Self) {
        self.records.extend(later.records);
        self.accounts.extend(later.accounts);
        self.keys.extend(later.keys);
        self.records_before.extend(later.records_before);
        self.accounts_before.extend(later.accounts_before);
        self.named.extend(later.named);
        self.users_before.extend(later.users_before);
        self.everybody = self.everybody.or(later.everybody);
    }
}

/// What changed in one stream: what the rows are known by, and the rows as they were.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) known_by: BTreeSet<Arc<str>>,
    pub(super) before: Page,
}

impl Changed {
    /// Nothing yet.
    pub(super) fn new(columns: Arc<Columns>) -> Self {
        Self { known_by: BTreeSet::new(), before: Page::new(columns) }
    }

    /// One that is another now, and what it was.
    pub(super) fn was(&mut self, known_by: &str, before: Option<Row<'_>>) {
        self.known_by.insert(Arc::from(known_by));
        if let Some(row) = before {
            self.before.row(|out| row.cells().for_each(|cell| out.cell(cell)));
        }
    }
}
