//! Which entitlements the accounts of one Target have: packed rows, sorted by account.
//!
//! Must never: drop an entitlement whose account was not read; it may still be looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::canonical;
use super::delta::Moves;
use super::hash::Keyed;
use super::memberships::find;
use super::objects::Objects;
use super::spool::{Spool, Spot};
use crate::model::{Capabilities, Cell, Columns, Evidence, ObjectKind, Page, Row, WRITABLE};
use crate::policy::Policy;

/// The columns before the parameters.
const ACCOUNT: &str = "account";
const NAME: &str = "entitlement";
/// The column of the first parameter.
const FIRST: usize = 2;

/// The entitlements of one Target.
#[derive(Clone, Debug)]
pub(crate) struct Entitlements {
    columns: Arc<Columns>,
    spool: Spool,
    names: BTreeMap<Arc<str>, u32>,
    raw: Vec<RawGrant>,
    grants: Vec<Grant>,
    pub(crate) evidence: Evidence,
}

/// One entitlement of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// the row of the account
    pub(crate) account: u32,
    /// which: see [`Entitlements::number`]
    pub(crate) name: u32,
    spot: Spot,
}

/// A hash of the account's id, before its row is known.
#[derive(Clone, Copy, Debug)]
struct RawGrant {
    account: u64,
    name: u32,
    spot: Spot,
}

impl Entitlements {
    /// An empty stream with the parameters that a target's Entitlements name and the target can hold.
    pub(crate) fn new(policy: &Policy, target: usize, capabilities: &Capabilities) -> Self {
        let declared = policy.entitlements.iter().filter(|entitlement| entitlement.target == target);
        let mut names: Vec<&Arc<str>> = declared.flat_map(|entitlement| &entitlement.parameters).map(|parameter| &parameter.name).collect();
        names.retain(|name| capabilities.holds_parameter(name));
        names.sort_unstable();
        names.dedup();
        let writable = capabilities.says_writable.contains(&ObjectKind::Entitlement).then_some(WRITABLE);
        Self::of(Columns::new([ACCOUNT, NAME].into_iter().chain(names.into_iter().map(AsRef::as_ref)).chain(writable)))
    }

    /// An empty stream of the same columns.
    pub(crate) fn empty(&self) -> Self {
        Self::of(self.columns.clone())
    }

    fn of(columns: Arc<Columns>) -> Self {
        let evidence = Evidence::Unreadable { reason: "it was not read".into() };
        Self { columns, spool: Spool::default(), names: BTreeMap::new(), raw: Vec::new(), grants: Vec::new(), evidence }
    }

    /// What is packed: `account`, `entitlement`, then the parameters.
    pub(crate) fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// The column of a parameter; none where the target can't hold it.
    pub(crate) fn column(&self, parameter: &str) -> Option<usize> {
        self.columns.paths().iter().skip(FIRST).position(|path| path.as_ref() == parameter).map(|at| at + FIRST)
    }

    /// These entitlements are over.
    pub(super) fn end(&mut self, keyed: Keyed, page: &Page, accounts: &Objects) {
        let named = |row: Row<'_>| Some((keyed.text(&canonical::text(row.cell(0))), self.number(&canonical::text(row.cell(1)))?));
        let ended: BTreeSet<(u64, u32)> = page.rows().filter_map(named).collect();
        let of_raw = |raw: &RawGrant| ended.contains(&(raw.account, raw.name));
        let of_grant = |grant: &Grant| ended.contains(&(keyed.text(&accounts.id(grant.account)), grant.name));
        let over: Vec<Spot> = self.raw.iter().filter(|raw| of_raw(raw)).map(|raw| raw.spot).collect();
        over.into_iter()
            .chain(self.grants.iter().filter(|grant| of_grant(grant)).map(|grant| grant.spot))
            .for_each(|spot| self.spool.forget(spot));
        self.raw.retain(|raw| !of_raw(raw));
        self.grants.retain(|grant| !of_grant(grant));
        let left: BTreeSet<u32> = self.raw.iter().map(|raw| raw.name).chain(self.grants.iter().map(|grant| grant.name)).collect();
        self.names.retain(|_, number| left.contains(number));
        if self.spool.is_wasteful() {
            let raw = self.raw.iter_mut().map(|raw| &mut raw.spot);
            self.spool = self.spool.gathered(raw.chain(self.grants.iter_mut().map(|grant| &mut grant.spot)));
        }
    }

    /// Some accounts go, and others move; an entitlement of one that goes leads to no row any more.
    pub(super) fn move_accounts(&mut self, moves: &Moves, keyed: Keyed, accounts: &Objects) {
        if moves.is_empty() {
            return;
        }
        let raw = &mut self.raw;
        self.grants.retain_mut(|grant| match moves.to(grant.account) {
            Some(row) => {
                grant.account = row;
                true
            }
            None => {
                raw.push(RawGrant { account: keyed.text(&accounts.id(grant.account)), name: grant.name, spot: grant.spot });
                false
            }
        });
        sort(&mut self.grants);
    }

    /// Those of these accounts, by the rows of an excerpt.
    pub(super) fn excerpt(&self, accounts: &BTreeSet<u32>) -> Self {
        let of = |(row, account): (usize, &u32)| {
            let start = self.grants.partition_point(|grant| grant.account < *account);
            let theirs = self.grants[start..].iter().take_while(|grant| grant.account == *account);
            theirs.map(move |grant| Grant { account: row as u32, ..*grant }).collect::<Vec<_>>()
        };
        Self {
            columns: self.columns.clone(),
            spool: self.spool.clone(),
            names: self.names.clone(),
            raw: self.raw.clone(),
            grants: accounts.iter().enumerate().flat_map(of).collect(),
            evidence: self.evidence.clone(),
        }
    }

    /// Takes a page. What names no account or no entitlement is nobody's.
    pub(crate) fn add(&mut self, keyed: Keyed, page: &Page) {
        let mut cells = Vec::new();
        for row in page.rows() {
            cells.clear();
            cells.extend(row.cells());
            let (account, name) = (canonical::text(row.cell(0)), canonical::text(row.cell(1)));
            if account.is_empty() || name.is_empty() {
                continue;
            }
            let next = self.names.values().max().map_or(0, |last| last + 1);
            let number = match self.names.get(name.as_ref()) {
                Some(number) => *number,
                None => *self.names.entry(Arc::from(name.as_ref())).or_insert(next),
            };
            self.raw.push(RawGrant { account: keyed.text(&account), name: number, spot: self.spool.add("", &cells) });
        }
    }

    /// What is held by accounts that lead to no row: a hash of their ids, and the name of the entitlement.
    pub(crate) fn strangers(&self, accounts: [&Objects; 2]) -> Vec<(u64, &Arc<str>)> {
        let names: BTreeMap<u32, &Arc<str>> = self.names().map(|(name, number)| (number, name)).collect();
        let unknown = self.raw.iter().filter(|raw| raw.grant(&accounts).is_none());
        unknown.filter_map(|raw| Some((raw.account, *names.get(&raw.name)?))).collect()
    }

    /// Finds the rows of the accounts that can be found now.
    pub(crate) fn resolve(&mut self, accounts: &Objects) {
        if self.raw.is_empty() {
            return;
        }
        let grants = &mut self.grants;
        self.raw.retain(|raw| match raw.grant(&[accounts]) {
            Some(grant) => {
                grants.push(grant);
                false
            }
            None => true,
        });
        self.raw.shrink_to_fit();
        sort(&mut self.grants);
        self.grants.shrink_to_fit();
    }

    /// Those whose accounts were looked up; such accounts count after the others.
    pub(crate) fn resolve_with(&self, accounts: [&Objects; 2]) -> Vec<Grant> {
        let mut grants: Vec<_> = self.raw.iter().filter_map(|raw| raw.grant(&accounts)).collect();
        sort(&mut grants);
        grants
    }

    /// All whose accounts were read, by account.
    pub(crate) fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// The number of a name; none where no account has it.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// All names with their numbers.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&Arc<str>, u32)> {
        self.names.iter().map(|(name, number)| (name, *number))
    }

    /// One parameter of an entitlement.
    pub(crate) fn cell(&self, grant: Grant, column: usize) -> Cell<'_> {
        self.spool.get(grant.spot).1.cell(column)
    }

    /// Whether the target says that it can't be changed there.
    pub(crate) fn is_foreign(&self, grant: Grant) -> bool {
        self.column(WRITABLE).is_some_and(|column| canonical::truth(self.cell(grant, column)) == Some(false))
    }

    /// How many rows came.
    pub(crate) fn count(&self) -> u64 {
        (self.grants.len() + self.raw.len()) as u64
    }
}

impl RawGrant {
    fn grant(&self, accounts: &[&Objects]) -> Option<Grant> {
        Some(Grant { account: find(accounts, self.account)?, name: self.name, spot: self.spot })
    }
}

fn sort(grants: &mut [Grant]) {
    grants.sort_unstable_by_key(|grant| (grant.account, grant.name));
}
