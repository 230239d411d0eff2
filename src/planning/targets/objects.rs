//! Accounts and groups that exist, as changes name them, and the keys by which headcount knows them.
//!
//! Must never: give an object the key of somebody whom neither a mark nor a link proves.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Action, Cause, Cell, Change, Key, ObjectKind, ObjectRef};
use crate::planning::basis::Basis;
use crate::planning::draft::Grounds;
use crate::planning::targets::claims::Claims;
use crate::planning::targets::ownership;
use crate::world::{Carries, MemberRow, canonical};

impl Basis<'_> {
    /// A change with nothing in it yet.
    pub(in crate::planning) fn change(&self, target: usize, action: Action, object: ObjectRef, grounds: Grounds, cause: Cause) -> Change {
        let Grounds { mandate, reason } = grounds;
        Change { mandate, cause, ..Change::new(&self.policy.targets[target].name, action, object, reason) }
    }

    /// An account that exists, as changes name it.
    pub(in crate::planning) fn account(&self, target: usize, row: u32, key: &Arc<str>) -> ObjectRef {
        let accounts = self.observed[target].accounts();
        let id: Arc<str> = Arc::from(accounts.id(row).as_ref());
        ObjectRef { kind: ObjectKind::Account, key: key.clone(), id: Some(id), name: self.account_name(target, row).into() }
    }

    /// What an account is called at its target.
    pub(in crate::planning) fn account_name(&self, target: usize, row: u32) -> Cow<'_, str> {
        let accounts = self.observed[target].accounts();
        let text = |name: &str| accounts.cell_of(row, name).as_text().filter(|text| !text.is_empty()).map(Cow::Borrowed);
        text("userName").or_else(|| text("displayName")).unwrap_or_else(|| accounts.id(row))
    }

    /// The id that a reference to somebody has: of the account that is theirs, and of whoever stands beyond, the one that is observed there.
    pub(in crate::planning) fn referred_id<'o>(
        &'o self,
        claims: &Claims,
        target: usize,
        key: &str,
        observed: Cell<'o>,
    ) -> Option<Cow<'o, str>> {
        if self.beyond.referred.contains(key) {
            return Some(canonical::text(observed));
        }
        let row = self.people.find(key).and_then(|identity| claims.row(identity))?;
        Some(self.observed[target].accounts().id(row))
    }

    /// Our key that an account's link or mark gives.
    pub(in crate::planning) fn former_key(&self, target: usize, row: u32) -> Option<Arc<str>> {
        let Self { world, policy, observed, .. } = self;
        let accounts = observed[target].accounts();
        let remembered = ownership::remembered_key(self, target, ObjectKind::Account, row).map(Arc::from);
        let marked = || accounts.marked_key(row).map(|key| Arc::from(key.as_ref()));
        let linked = || world.recall.key_of(&policy.targets[target].name, ObjectKind::Account, &accounts.id(row)).map(Arc::from);
        remembered.or_else(marked).or_else(linked)
    }

    /// Whether a mark or a link says that an account is ours.
    pub(in crate::planning) fn is_ours(&self, target: usize, row: u32) -> bool {
        let Self { world, policy, observed, .. } = self;
        let accounts = observed[target].accounts();
        let linked = || world.recall.key_of(&policy.targets[target].name, ObjectKind::Account, &accounts.id(row)).is_some();
        accounts.carries(row) == Carries::Ours || linked()
    }

    /// How many accounts are headcount's, whatever their ownership lets it do: as the target shows or the state remembers them, whichever is more.
    pub(in crate::planning) fn ours(&self, target: usize) -> u64 {
        let Self { world, policy, observed, .. } = self;
        let here = (0..observed[target].accounts().len()).filter(|row| self.is_ours(target, *row)).count();
        let (links, _) = world.recall.account_links(&policy.targets[target].name);
        let others = self.beyond.at(target);
        (here as u64 + others.accounts.ours).max(links + others.links)
    }

    /// A group that exists, as changes name it.
    pub(in crate::planning) fn group(&self, target: usize, row: u32, key: &Arc<str>) -> ObjectRef {
        let groups = self.observed[target].groups();
        let id: Arc<str> = Arc::from(groups.id(row).as_ref());
        let name = groups.cell_of(row, "displayName").as_text().filter(|text| !text.is_empty()).map_or_else(|| id.clone(), Arc::from);
        ObjectRef { kind: ObjectKind::Group, key: key.clone(), id: Some(id), name }
    }

    /// Our key that a group's link or mark gives.
    pub(in crate::planning) fn former_group_key(&self, target: usize, row: u32) -> Option<Arc<str>> {
        let Self { world, policy, observed, .. } = self;
        let groups = observed[target].groups();
        let remembered = ownership::remembered_key(self, target, ObjectKind::Group, row).map(Arc::from);
        let marked = || groups.marked_key(row).map(|key| Arc::from(key.as_ref()));
        let linked = || world.recall.key_of(&policy.targets[target].name, ObjectKind::Group, &groups.id(row)).map(Arc::from);
        remembered.or_else(marked).or_else(linked)
    }

    /// The key by which changes name a group that is no declared one.
    pub(in crate::planning) fn group_key(&self, target: usize, row: u32) -> Arc<str> {
        let id = || Key::unclaimed(&self.observed[target].groups().id(row)).text();
        self.former_group_key(target, row).unwrap_or_else(id)
    }

    /// How many people are observed in a group and in the groups below it.
    pub(in crate::planning) fn people_below(&self, target: usize, group: u32) -> u32 {
        let observed = &self.observed[target];
        let mut people = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![group];
        while let Some(group) = open.pop() {
            if !seen.insert(group) {
                continue;
            }
            for member in observed.members(group) {
                match member {
                    MemberRow::Account(row) => {
                        people.insert(row);
                    }
                    MemberRow::Group(row) => open.push(row),
                }
            }
        }
        people.len() as u32
    }
}
