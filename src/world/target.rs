//! The objects of one Target, while and after they are read.
//!
//! Must never: ask for a column that neither a rule nor a proof of ownership needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::delta::Delta;
use super::entitlements::Entitlements;
use super::hash::Keyed;
use super::memberships::Memberships;
use super::objects::{ColumnNeeds, Objects};
use crate::expr::Expression;
use crate::model::{
    AttributeType, CONTAINER, Capabilities, Columns, ELSEWHERE, Evidence, ObjectKind, Page, RDN, REMOVABLE, WRITABLE, attribute,
};
use crate::policy::{Policy, TargetPolicy};

/// The objects of one Target, while and after they are read.
#[derive(Clone, Debug)]
pub struct TargetSide {
    pub(crate) capabilities: Capabilities,
    pub(crate) accounts: Objects,
    pub(crate) groups: Objects,
    pub(crate) memberships: Memberships,
    pub(crate) entitlements: Entitlements,
    wants_groups: bool,
    pub(super) keyed: Keyed,
}

impl TargetSide {
    /// For the target at this position of the policy.
    pub fn new(policy: &Policy, target: usize, capabilities: Capabilities) -> Self {
        let rules = &policy.targets[target];
        let keyed = Keyed::of(&policy.workspace);
        let wants_groups = capabilities.read_groups && (rules.groups.is_some() || !rules.protect.keep.is_empty());
        Self {
            accounts: Objects::new(keyed, &policy.workspace, &accounts(rules, &capabilities)),
            groups: Objects::new(keyed, &policy.workspace, &groups(&capabilities)),
            memberships: Memberships::default(),
            entitlements: Entitlements::new(policy, target, &capabilities),
            capabilities,
            wants_groups,
            keyed,
        }
    }

    /// The columns wanted of a stream. Accounts: `id`, then attributes. Groups: `id`, `displayName`, and the marker's attribute.
    /// Memberships: `group`, `member` (both the target's ids) and `kind` (`account` or `group`). Entitlements: `account` (the target's id), `entitlement` (its
    /// name), then parameters. None: the stream is not wanted.
    pub fn columns(&self, kind: ObjectKind) -> Option<Arc<Columns>> {
        match kind {
            ObjectKind::Account => Some(self.accounts.columns().clone()),
            ObjectKind::Group => self.wants_groups.then(|| self.groups.columns().clone()),
            ObjectKind::Membership => self.wants_groups.then(|| Columns::new(["group", "member", "kind"])),
            ObjectKind::Entitlement => self.wants_entitlements().then(|| self.entitlements.columns().clone()),
        }
    }

    /// The columns in which single objects are looked up, whether or not the stream is read.
    pub(crate) fn lookup_columns(&self, kind: ObjectKind) -> Option<Arc<Columns>> {
        let can = self.capabilities.read_groups;
        match kind {
            ObjectKind::Group => can.then(|| self.groups.columns().clone()),
            ObjectKind::Membership => can.then(|| Columns::new(["group", "member", "kind"])),
            ObjectKind::Account | ObjectKind::Entitlement => self.columns(kind),
        }
    }

    /// How a text is compared with the ids by which others name an object.
    pub(crate) fn hash(&self, text: &str) -> u64 {
        self.keyed.text(text)
    }

    /// Takes a page of objects.
    pub fn add(&mut self, kind: ObjectKind, page: &Page) {
        match kind {
            ObjectKind::Account => self.accounts.add(page),
            ObjectKind::Group => self.groups.add(page),
            ObjectKind::Membership => self.memberships.add(self.keyed, page),
            ObjectKind::Entitlement => self.entitlements.add(self.keyed, page),
        }
    }

    /// What came of a stream so far counts for nothing: it is read again.
    pub fn restart(&mut self, kind: ObjectKind) {
        match kind {
            ObjectKind::Account => self.accounts = self.accounts.empty(),
            ObjectKind::Group => self.groups = self.groups.empty(),
            ObjectKind::Membership => self.memberships = Memberships::default(),
            ObjectKind::Entitlement => self.entitlements = self.entitlements.empty(),
        }
    }

    /// Everything came; of that the target says some is gone again.
    pub fn lose(&mut self, kind: ObjectKind, gone: &Delta) {
        self.settle();
        drop(self.change(kind, gone));
    }

    /// The read of a stream is over.
    pub fn finish(&mut self, kind: ObjectKind, evidence: Evidence) {
        self.settle();
        match kind {
            ObjectKind::Account => self.accounts.evidence = evidence,
            ObjectKind::Group => self.groups.evidence = evidence,
            ObjectKind::Membership => self.memberships.evidence = evidence,
            ObjectKind::Entitlement => self.entitlements.evidence = evidence,
        }
    }

    /// What came so far is put in order. Of rows with one id only one counts, and it is known from now on which.
    pub(crate) fn settle(&mut self) {
        self.accounts.settle();
        self.groups.settle();
    }

    /// Whether groups and memberships were asked for.
    pub(crate) fn wants_groups(&self) -> bool {
        self.wants_groups
    }

    /// Whether entitlements were asked for: wherever there can be some, since those of a manifest that is gone must be found too.
    pub(crate) fn wants_entitlements(&self) -> bool {
        self.capabilities.entitlements
    }

    /// The members of a group, sorted.
    pub(crate) fn members(&self, group: u32) -> impl Iterator<Item = super::MemberRow> + '_ {
        self.memberships.members(group).iter().copied()
    }

    /// These accounts with what is theirs, and all groups.
    pub(super) fn excerpt(&self, accounts: &BTreeSet<u32>) -> Self {
        Self {
            capabilities: self.capabilities.clone(),
            accounts: self.accounts.excerpt(accounts),
            groups: self.groups.clone(),
            memberships: self.memberships.excerpt(accounts, self.groups.len()),
            entitlements: self.entitlements.excerpt(accounts),
            wants_groups: self.wants_groups,
            keyed: self.keyed,
        }
    }

    /// An empty side of the same target, for objects that are looked up.
    pub(crate) fn empty(&self) -> Self {
        Self {
            capabilities: self.capabilities.clone(),
            accounts: self.accounts.empty(),
            groups: self.groups.empty(),
            memberships: Memberships::default(),
            entitlements: self.entitlements.empty(),
            wants_groups: self.wants_groups,
            keyed: self.keyed,
        }
    }
}

/// The attribute that holds an account's marker: the connector's, unless a rule of the target maps that attribute itself.
pub(crate) fn account_marker<'c>(rules: &TargetPolicy, capabilities: &'c Capabilities) -> Option<&'c Arc<str>> {
    let marker = capabilities.account_marker.as_ref()?;
    let mapped = rules.rules.iter().any(|rule| rule.attribute == *marker);
    (!mapped && capabilities.holds(marker)).then_some(marker)
}

/// Whether an attribute is observed and compared: the target holds it, it is no secret, and `active` has its own steps.
pub(crate) fn is_compared(name: &str, capabilities: &Capabilities) -> bool {
    name != "active" && !is_secret(name) && capabilities.holds(name)
}

/// Whether an attribute's values are secrets.
pub(super) fn is_secret(name: &str) -> bool {
    attribute(name).is_some_and(|known| known.visibility == crate::model::Visibility::Secret)
}

/// How an attribute compares; one that nobody knows as plain text.
pub(crate) fn kind_of(name: &str) -> AttributeType {
    let unknown = if name == RDN { AttributeType::CaselessText } else { AttributeType::Text };
    attribute(name).map_or(unknown, |known| known.kind)
}

fn accounts(rules: &TargetPolicy, capabilities: &Capabilities) -> ColumnNeeds {
    let marker = account_marker(rules, capabilities).cloned();
    let mapped = rules.rules.iter().filter(|rule| rule.counts()).map(|rule| rule.attribute.clone());
    let read = rules.protect.rules.iter().flat_map(Expression::reads).cloned();
    let found_by: BTreeSet<Arc<str>> = rules
        .correlate
        .iter()
        .cloned()
        .chain(rules.rules.iter().filter(|rule| rule.unique).map(|rule| rule.attribute.clone()))
        .chain([Arc::from("userName")])
        .chain(marker.clone())
        .filter(|attribute| is_compared(attribute, capabilities))
        .chain(capabilities.entry_names.is_some().then(|| Arc::from(RDN)))
        .collect();
    let columns = mapped.chain(read).filter(|attribute| is_compared(attribute, capabilities)).chain(found_by.iter().cloned());
    let columns = columns.chain(said(capabilities, ObjectKind::Account)).collect();
    ColumnNeeds { columns, found_by, accentless: capabilities.accentless_names, marker, active: true }
}

fn groups(capabilities: &Capabilities) -> ColumnNeeds {
    let marker = capabilities.group_marker.clone();
    let found_by: BTreeSet<Arc<str>> = [Arc::from("displayName")].into_iter().chain(marker.clone()).collect();
    let owners = capabilities.group_owners.then(|| Arc::from("owners"));
    let columns = found_by.iter().cloned().chain(owners).chain(said(capabilities, ObjectKind::Group)).collect();
    ColumnNeeds { columns, found_by, accentless: false, marker, active: false }
}

/// What each row says of what may be done to it.
fn said(capabilities: &Capabilities, kind: ObjectKind) -> impl Iterator<Item = Arc<str>> {
    let writable = capabilities.says_writable.contains(&kind).then(|| Arc::from(WRITABLE));
    let removable = capabilities.says_removable.contains(&kind).then(|| Arc::from(REMOVABLE));
    let elsewhere = (kind == ObjectKind::Account && capabilities.finds_elsewhere).then(|| Arc::from(ELSEWHERE));
    let container = (kind == ObjectKind::Account && capabilities.entry_names.is_some()).then(|| Arc::from(CONTAINER));
    writable.into_iter().chain(removable).chain(elsewhere).chain(container)
}
