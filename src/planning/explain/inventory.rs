//! Who has what, as it was read: every person with their accounts, every account with whose it is, every group with who is in it, every target.
//!
//! Must never: say of a target that was not read what it has, or show a value that is never shown.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::whose::{Whose, whose};
use crate::model::{Evidence, Key, Visibility, attribute};
use crate::planning::basis::Basis;
use crate::planning::groups::resolve::{GroupState, ResolvedGroups};
use crate::planning::people::person::Person;
use crate::planning::people::standing;
use crate::planning::people::standing::Standing;
use crate::planning::targets::claims::Matched;
use crate::world::MemberRow;

/// Everything that was read, by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// everybody whom a Source or a User makes exist, by name
    pub people: Vec<ListedPerson>,
    /// every account, by target and name
    pub accounts: Vec<ListedAccount>,
    /// every declared group at each target that gets it, and every other one there, by name
    pub groups: Vec<ListedGroup>,
    /// in the order of the manifests
    pub targets: Vec<ListedTarget>,
}

impl Inventory {
    /// In the order in which it is shown.
    pub fn sort(&mut self) {
        self.people.sort_by(|one, next| (&one.name, &one.key).cmp(&(&next.name, &next.key)));
        self.accounts.sort_by(|one, next| of(&one.held).cmp(&of(&next.held)));
        self.groups.sort_by(|one, next| (&one.name, &one.target, &one.id).cmp(&(&next.name, &next.target, &next.id)));
    }
}

/// One person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedPerson {
    /// the identity's key
    pub key: Arc<str>,
    /// what people call them
    pub name: Arc<str>,
    /// the User that says something about them: `user/jane`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_by: Option<Arc<str>>,
    /// public attributes, where they are known
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<Cow<'static, str>, Arc<str>>,
    /// `pre-hire`, `active`, `suspended`, `leaver`; else `left out` or `not known`
    pub lifecycle: Cow<'static, str>,
    /// what they have
    pub accounts: Vec<HeldAccount>,
}

/// An account that somebody has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldAccount {
    /// the Target's name
    pub target: Arc<str>,
    /// the target's id
    pub id: Arc<str>,
    /// what it is called there
    pub name: Arc<str>,
    /// whether somebody can sign in with it
    pub active: bool,
    /// the groups that it is in, by what they are called there
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Arc<str>>,
    /// the entitlements that it has, by their names there
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entitlements: Vec<Arc<str>>,
}

/// One account at a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedAccount {
    /// the account
    #[serde(flatten)]
    pub held: HeldAccount,
    /// whose it is, in one word
    pub is: Whose,
    /// the key of whoever has it or had it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Arc<str>>,
    /// what people call them
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_name: Option<Arc<str>>,
    /// protection covers it
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
}

/// One group at a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedGroup {
    /// the Target's name
    pub target: Arc<str>,
    /// what it is called there, or will be
    pub name: Arc<str>,
    /// the key of the declared group; none where none is declared
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Arc<str>>,
    /// the Group that declares it: `group/department` of `group/department/sales`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_by: Option<Arc<str>>,
    /// the target's id; none where it is not there yet
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Arc<str>>,
    /// how it stands there
    pub is: GroupStands,
    /// accounts in it, those of groups in it not counted; none where members were not read, or it is not there
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<u64>,
    /// groups in it
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nested: Vec<Arc<str>>,
}

/// How a group stands at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GroupStands {
    /// declared, and there
    Declared,
    /// declared, and not there yet
    Missing,
    /// whether it is there can't be told
    Unclear,
    /// it was headcount's, and no manifest declares it any more
    Former,
    /// nobody declares it
    Nobodys,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedTarget {
    /// its name
    pub name: Arc<str>,
    /// how well accounts, groups and memberships were read, where not to their end
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
    /// accounts
    pub accounts: u64,
    /// of them those with access
    pub active: u64,
    /// of them those that somebody of ours has
    pub claimed: u64,
    /// of them nobody's
    pub nobodys: u64,
    /// groups
    pub groups: u64,
}

/// Attributes that tell people apart.
const TOLD: [&str; 4] = ["displayName", "title", "department", "userType"];

pub(super) fn list(basis: &Basis<'_>, matched: &Matched, resolved: &[ResolvedGroups]) -> Inventory {
    let mut inventory = Inventory::default();
    let mut names = BTreeMap::new();
    let held: Vec<Vec<HeldAccount>> = (0..basis.policy.targets.len()).map(|target| accounts(basis, target)).collect();
    let mut person = Person::default();
    for number in 0..basis.people.len() {
        basis.people.assemble(&basis.layout, number, &mut person);
        let listed = self::person(basis, matched, &held, &person);
        names.insert(listed.key.clone(), listed.name.clone());
        inventory.people.push(listed);
    }
    for (target, held) in held.into_iter().enumerate() {
        let listed: Vec<_> = (0..).zip(held).map(|(row, held)| account(basis, matched, target, row, held, &names)).collect();
        inventory.targets.push(self::target(basis, target, &listed));
        inventory.accounts.extend(listed);
        if let Some(groups) = resolved.get(target) {
            inventory.groups.extend(self::groups(basis, groups, target));
        }
    }
    inventory.sort();
    inventory
}

fn of(held: &HeldAccount) -> (&Arc<str>, &Arc<str>, &Arc<str>) {
    (&held.target, &held.name, &held.id)
}

fn person(basis: &Basis<'_>, matched: &Matched, held: &[Vec<HeldAccount>], person: &Person<'_>) -> ListedPerson {
    let key: Arc<str> = Arc::from(person.key.as_str());
    let accounts = matched.claims.iter().zip(held).filter_map(|(claims, held)| held.get(claims.row(person.number)? as usize).cloned());
    ListedPerson {
        name: person.called(&basis.layout).unwrap_or_else(|| key.clone()),
        key,
        declared_by: basis.people.declared(person.number).map(|user| Key::user(&user.name).text()),
        attributes: TOLD.into_iter().filter_map(|name| Some((Cow::Borrowed(name), shown(basis, person, name)?))).collect(),
        lifecycle: Cow::Borrowed(lifecycle(person)),
        accounts: accounts.collect(),
    }
}

/// A text that everybody may know.
pub(super) fn shown(basis: &Basis<'_>, person: &Person<'_>, name: &'static str) -> Option<Arc<str>> {
    let secret = basis.policy.is_sensitive(name) || attribute(name).is_none_or(|known| known.visibility == Visibility::Secret);
    let value = (!secret).then(|| basis.layout.slot(name)).flatten().and_then(|slot| person.text(slot));
    value.filter(|value| !value.is_empty())
}

/// Where somebody stands, in a word or two.
pub(super) fn lifecycle(person: &Person<'_>) -> &'static str {
    match &person.standing {
        Standing::Is(lifecycle) => standing::word(*lifecycle),
        Standing::Deselected => "left out",
        Standing::DuplicateKey | Standing::Unknown(_) | Standing::Doubtful(_) => "not known",
    }
}

/// Every account of a target, by row, with what it has.
fn accounts(basis: &Basis<'_>, target: usize) -> Vec<HeldAccount> {
    let observed = &basis.observed[target];
    let mut groups: BTreeMap<u32, Vec<Arc<str>>> = BTreeMap::new();
    for (group, member) in observed.pairs() {
        if let MemberRow::Account(row) = member {
            groups.entry(row).or_default().push(basis.group(target, group, &Arc::from("")).name);
        }
    }
    let names: BTreeMap<u32, &Arc<str>> = observed.side.entitlements.names().map(|(name, number)| (number, name)).collect();
    let held = |row: u32| {
        let there = basis.account(target, row, &Arc::from(""));
        let mut groups = groups.remove(&row).unwrap_or_default();
        groups.sort();
        groups.dedup();
        let entitlements = observed.grants_of(row).iter().filter_map(|grant| names.get(&grant.name).map(|name| (*name).clone()));
        HeldAccount {
            target: basis.policy.targets[target].name.clone(),
            id: there.id.unwrap_or_default(),
            name: there.name,
            active: observed.accounts().active(row),
            groups,
            entitlements: entitlements.collect(),
        }
    };
    (0..observed.accounts().len()).map(held).collect()
}

fn account(
    basis: &Basis<'_>,
    matched: &Matched,
    target: usize,
    row: u32,
    held: HeldAccount,
    names: &BTreeMap<Arc<str>, Arc<str>>,
) -> ListedAccount {
    let (is, holder) = whose(basis, matched, target, row);
    let holder_name = holder.as_ref().and_then(|key| names.get(key).cloned());
    ListedAccount { held, is, holder, holder_name, protected: basis.is_protected(target, row) }
}

fn groups(basis: &Basis<'_>, resolved: &ResolvedGroups, target: usize) -> Vec<ListedGroup> {
    let name = &basis.policy.targets[target].name;
    let groups = basis.observed[target].groups();
    let mut all = Vec::new();
    for (at, state) in resolved.states.iter().enumerate() {
        let group = &basis.groups.all[at];
        let is = match state {
            GroupState::Here(_) | GroupState::Out => continue,
            GroupState::Made => GroupStands::Missing,
            GroupState::Unclear if resolved.row(at).is_some() => continue,
            GroupState::Unclear => GroupStands::Unclear,
        };
        all.push(ListedGroup {
            target: name.clone(),
            name: group.display_name.clone(),
            key: Some(group.key.clone()),
            declared_by: Some(group.policy.key.clone()),
            id: None,
            is,
            members: None,
            nested: Vec::new(),
        });
    }
    for row in 0..groups.len() {
        let there = basis.group(target, row, &Arc::from(""));
        let group = resolved.holder(row).and_then(|at| basis.groups.all.get(at));
        let (declared, declared_by) = group.map(|group| (group.key.clone(), group.policy.key.clone())).unzip();
        let former = basis.former_group_key(target, row);
        let is = match (&declared, &former) {
            (Some(_), _) => GroupStands::Declared,
            (None, _) if resolved.is_contested(row) => GroupStands::Unclear,
            (None, Some(_)) => GroupStands::Former,
            (None, None) => GroupStands::Nobodys,
        };
        let (members, nested) = members(basis, target, row);
        let key = declared.or(former);
        all.push(ListedGroup { target: name.clone(), name: there.name, key, declared_by, id: there.id, is, members, nested });
    }
    all
}

fn members(basis: &Basis<'_>, target: usize, row: u32) -> (Option<u64>, Vec<Arc<str>>) {
    let observed = &basis.observed[target];
    if matches!(observed.memberships_evidence(), Evidence::Unreadable { .. }) {
        return (None, Vec::new());
    }
    let (mut people, mut nested) = (0, Vec::new());
    for member in observed.members(row) {
        match member {
            MemberRow::Account(_) => people += 1,
            MemberRow::Group(group) => nested.push(basis.group(target, group, &Arc::from("")).name),
        }
    }
    (Some(people), nested)
}

fn target(basis: &Basis<'_>, target: usize, accounts: &[ListedAccount]) -> ListedTarget {
    let (rules, observed) = (&basis.policy.targets[target], &basis.observed[target]);
    let told = |what: &str, evidence: &Evidence| evidence.reason().map(|reason| format!("{what}: {reason}"));
    let groups = rules.groups.as_ref().map(|_| [("groups", observed.groups().evidence()), ("members", observed.memberships_evidence())]);
    let unread = [("accounts", observed.accounts().evidence())].into_iter().chain(groups.into_iter().flatten());
    let count = |counts: &dyn Fn(&&ListedAccount) -> bool| accounts.iter().filter(|account| counts(account)).count() as u64;
    ListedTarget {
        name: rules.name.clone(),
        unread: unread.filter_map(|(what, evidence)| told(what, evidence)).collect(),
        accounts: accounts.len() as u64,
        active: count(&|account| account.held.active),
        claimed: count(&|account| account.is == Whose::Claimed),
        nobodys: count(&|account| account.is == Whose::Nobodys),
        groups: u64::from(observed.groups().len()),
    }
}
