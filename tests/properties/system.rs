//! The model target: an application that holds accounts and groups in memory, with the manners of real ones. It assigns ids, folds the case of user names,
//! drops attributes it doesn't know, rejects taken names, loses memberships on deactivation, and keeps its own notes of what headcount made or took over.
//!
//! Must never: share code with planning, or believe what a plan says about itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headcount::model::{Action, Capabilities, Change, Columns, ObjectKind, Page, Value};

/// An application.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    pub manners: Manners,
    pub accounts: BTreeMap<String, Account>,
    pub groups: BTreeMap<String, Group>,
    next: u32,
}

/// What the application can do and how it behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Manners {
    /// it keeps an external id for accounts
    pub marks_accounts: bool,
    /// and for groups
    pub marks_groups: bool,
    /// groups can be members of groups
    pub nests: bool,
    /// who is deactivated leaves all groups
    pub deactivation_drops: bool,
    /// it has no place for titles and nick names
    pub narrow: bool,
    pub deactivates: bool,
    pub deletes: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub attributes: BTreeMap<String, Value>,
    pub active: bool,
    /// headcount created or adopted it: our own notes, not the marker
    pub ours: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub attributes: BTreeMap<String, Value>,
    pub members: BTreeSet<Member>,
    pub ours: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Member {
    Account(String),
    Group(String),
}

const NARROW: [&str; 7] = ["userName", "externalId", "name.givenName", "name.familyName", "department", "manager", "active"];

impl System {
    pub fn new(manners: Manners) -> Self {
        Self { manners, accounts: BTreeMap::new(), groups: BTreeMap::new(), next: 1 }
    }

    pub fn capabilities(&self) -> Capabilities {
        let Manners { marks_accounts, marks_groups, nests, narrow, deactivates, deletes, .. } = self.manners;
        let external = || Some(Arc::from("externalId"));
        Capabilities {
            account_limits: BTreeMap::new(),
            group_limits: BTreeMap::new(),
            create_accounts: true,
            update_accounts: true,
            deactivate_accounts: deactivates,
            delete_accounts: deletes,
            read_groups: true,
            create_groups: true,
            update_groups: true,
            delete_groups: deletes,
            write_memberships: true,
            nested_groups: nests,
            refuses_marker: false,
            immutable_attributes: Default::default(),
            read_only_attributes: Default::default(),
            required_attributes: Default::default(),
            single_valued_attributes: Default::default(),
            needed_attributes: Default::default(),
            group_owners: false,
            account_marker: if marks_accounts { external() } else { None },
            group_marker: if marks_groups { external() } else { None },
            account_attributes: narrow.then(|| NARROW.iter().map(|name| Arc::from(*name)).collect()),
            entitlements: false,
            parameter_limits: Default::default(),
            unclear_access: None,
            asked_by: None,
            entitlement_parameters: None,
            says_writable: Default::default(),
            says_removable: Default::default(),
            finds_elsewhere: false,
            listed_by: None,
            entry_names: None,
            end_sessions: false,
            side_effects: Vec::new(),
            unique_account_attributes: None,
            accentless_names: false,
            unique_group_attributes: None,
        }
    }

    fn id(&mut self, letter: char) -> String {
        let id = format!("{letter}{:03}", self.next);
        self.next += 1;
        id
    }

    /// Somebody else makes an account. A taken name is no success.
    pub fn others_create(&mut self, attributes: &[(&str, &str)], active: bool) -> Option<String> {
        let attributes: Vec<_> = attributes.iter().map(|(name, value)| (Arc::from(*name), Some(Value::text(value)))).collect();
        let id = self.create_account(&attributes).ok()?;
        self.accounts.get_mut(&id)?.active = active;
        Some(id)
    }

    /// Somebody else makes a group.
    pub fn others_create_group(&mut self, name: &str) -> Option<String> {
        self.create_group(&[(Arc::from("displayName"), Some(Value::text(name)))]).ok()
    }

    /// Carries out one change, with references and members as ids. Gives the object's id, or why not.
    pub fn write(
        &mut self,
        change: &Change,
        id: Option<&str>,
        attributes: &[(Arc<str>, Option<Value>)],
        members: &[Member],
    ) -> Result<String, String> {
        if change.action == Action::Create {
            let id = match change.object.kind {
                ObjectKind::Account => self.create_account(attributes)?,
                _ => self.create_group(attributes)?,
            };
            self.note_ours(&id);
            return Ok(id);
        }
        let id = id.ok_or("no id")?.to_string();
        match (change.object.kind, change.action) {
            (ObjectKind::Account, Action::Delete) => self.delete_account(&id)?,
            (ObjectKind::Account, _) => self.change_account(change.action, &id, attributes)?,
            (_, Action::Delete) => self.delete_group(&id)?,
            (_, Action::AddMembers | Action::RemoveMembers) => self.change_members(change.action, &id, members)?,
            _ => self.change_group(&id, attributes)?,
        }
        if change.action == Action::Adopt {
            self.note_ours(&id);
        }
        Ok(id)
    }

    fn note_ours(&mut self, id: &str) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.ours = true;
        }
        if let Some(group) = self.groups.get_mut(id) {
            group.ours = true;
        }
    }

    fn create_account(&mut self, attributes: &[(Arc<str>, Option<Value>)]) -> Result<String, String> {
        let held = self.set(BTreeMap::new(), attributes);
        let name = text(&held, "userName").ok_or("a userName is required")?;
        self.name_is_free(None, &name)?;
        let active = attributes.iter().find(|(name, _)| name.as_ref() == "active").and_then(|(_, value)| value.as_ref()?.as_bool());
        let id = self.id('a');
        self.accounts.insert(id.clone(), Account { attributes: held, active: active.unwrap_or(true), ours: false });
        Ok(id)
    }

    fn change_account(&mut self, action: Action, id: &str, attributes: &[(Arc<str>, Option<Value>)]) -> Result<(), String> {
        let before = self.accounts.get(id).ok_or("no such account")?.clone();
        let held = self.set(before.attributes, attributes);
        let name = text(&held, "userName").ok_or("a userName is required")?;
        self.name_is_free(Some(id), &name)?;
        if action == Action::Deactivate && !self.manners.deactivates {
            return Err("accounts can't be deactivated here".into());
        }
        if action == Action::Deactivate && self.manners.deactivation_drops {
            self.leave_groups(&Member::Account(id.to_string()));
        }
        let account = self.accounts.get_mut(id).ok_or("no such account")?;
        account.attributes = held;
        match action {
            Action::Deactivate => account.active = false,
            Action::Reactivate => account.active = true,
            _ => {}
        }
        Ok(())
    }

    fn delete_account(&mut self, id: &str) -> Result<(), String> {
        if !self.manners.deletes {
            return Err("accounts can't be deleted here".into());
        }
        self.accounts.remove(id).ok_or("no such account")?;
        self.leave_groups(&Member::Account(id.to_string()));
        for account in self.accounts.values_mut() {
            if text(&account.attributes, "manager").as_deref() == Some(id) {
                account.attributes.remove("manager");
            }
        }
        Ok(())
    }

    fn create_group(&mut self, attributes: &[(Arc<str>, Option<Value>)]) -> Result<String, String> {
        let held = self.set(BTreeMap::new(), attributes);
        self.group_name_is_free(None, &text(&held, "displayName").ok_or("a displayName is required")?)?;
        let id = self.id('g');
        self.groups.insert(id.clone(), Group { attributes: held, members: BTreeSet::new(), ours: false });
        Ok(id)
    }

    fn change_group(&mut self, id: &str, attributes: &[(Arc<str>, Option<Value>)]) -> Result<(), String> {
        let held = self.set(self.groups.get(id).ok_or("no such group")?.attributes.clone(), attributes);
        self.group_name_is_free(Some(id), &text(&held, "displayName").ok_or("a displayName is required")?)?;
        self.groups.get_mut(id).ok_or("no such group")?.attributes = held;
        Ok(())
    }

    fn delete_group(&mut self, id: &str) -> Result<(), String> {
        if !self.manners.deletes {
            return Err("groups can't be deleted here".into());
        }
        self.groups.remove(id).ok_or("no such group")?;
        self.leave_groups(&Member::Group(id.to_string()));
        Ok(())
    }

    fn change_members(&mut self, action: Action, id: &str, members: &[Member]) -> Result<(), String> {
        for member in members {
            let here = match member {
                Member::Account(id) => self.accounts.contains_key(id),
                Member::Group(id) => self.groups.contains_key(id) && self.manners.nests,
            };
            if !here && action == Action::AddMembers {
                return Err(format!("{member:?} can't be a member"));
            }
        }
        let drops = self.manners.deactivation_drops;
        let inactive: BTreeSet<_> = self.accounts.iter().filter(|(_, account)| !account.active).map(|(id, _)| id.clone()).collect();
        let group = self.groups.get_mut(id).ok_or("no such group")?;
        for member in members {
            match (action, member) {
                (Action::RemoveMembers, _) => {
                    group.members.remove(member);
                }
                // Such an application keeps nobody in a group who has no access: it says yes and forgets.
                (_, Member::Account(id)) if drops && inactive.contains(id) => {}
                _ => {
                    group.members.insert(member.clone());
                }
            }
        }
        Ok(())
    }

    fn leave_groups(&mut self, member: &Member) {
        for group in self.groups.values_mut() {
            group.members.remove(member);
        }
    }

    fn set(&self, mut held: BTreeMap<String, Value>, attributes: &[(Arc<str>, Option<Value>)]) -> BTreeMap<String, Value> {
        for (name, value) in attributes {
            if name.as_ref() == "active" || (self.manners.narrow && !NARROW.contains(&name.as_ref()) && name.as_ref() != "displayName") {
                continue;
            }
            match value {
                Some(Value::Text(text)) if name.as_ref() == "userName" => {
                    held.insert(name.to_string(), Value::text(text.to_lowercase()));
                }
                Some(value) if !value.is_empty() => {
                    held.insert(name.to_string(), value.clone());
                }
                _ => {
                    held.remove(name.as_ref());
                }
            }
        }
        held
    }

    fn name_is_free(&self, but: Option<&str>, name: &str) -> Result<(), String> {
        let taken = |(id, account): (&String, &Account)| {
            Some(id.as_str()) != but && text(&account.attributes, "userName").is_some_and(|held| held.to_lowercase() == name.to_lowercase())
        };
        if self.accounts.iter().any(taken) { Err(format!("userName {name} is taken")) } else { Ok(()) }
    }

    fn group_name_is_free(&self, but: Option<&str>, name: &str) -> Result<(), String> {
        let taken = |(id, group): (&String, &Group)| {
            Some(id.as_str()) != but
                && text(&group.attributes, "displayName").is_some_and(|held| held.to_lowercase() == name.to_lowercase())
        };
        if self.groups.iter().any(taken) { Err(format!("displayName {name} is taken")) } else { Ok(()) }
    }

    /// How many rows a stream has.
    pub fn count(&self, kind: ObjectKind) -> usize {
        match kind {
            ObjectKind::Account => self.accounts.len(),
            ObjectKind::Group => self.groups.len(),
            ObjectKind::Membership => self.groups.values().map(|group| group.members.len()).sum(),
            ObjectKind::Entitlement => 0,
        }
    }

    /// A stream in pages of two rows; `keep` says which rows come, by position.
    pub fn pages(&self, kind: ObjectKind, columns: &Arc<Columns>, backwards: bool, keep: &dyn Fn(usize) -> bool) -> Vec<Page> {
        let mut rows = match kind {
            ObjectKind::Account => self.accounts.iter().map(|(id, account)| account.row(id, columns)).collect(),
            ObjectKind::Group => self.groups.iter().map(|(id, group)| group.row(id, columns)).collect(),
            ObjectKind::Membership => self.membership_rows(columns),
            ObjectKind::Entitlement => Vec::new(),
        };
        let mut position = 0;
        rows.retain(|_| {
            position += 1;
            keep(position - 1)
        });
        if backwards {
            rows.reverse();
        }
        let pages = rows.chunks(if backwards { 3 } else { 2 }).map(|chunk| {
            let mut page = Page::new(columns.clone());
            chunk.iter().for_each(|row| page.row_of(row));
            page
        });
        pages.collect()
    }

    /// The objects with an id or a value, compared as the application itself does.
    pub fn find(&self, kind: ObjectKind, columns: &Arc<Columns>, attribute: &str, value: &str) -> Page {
        let same = |held: Option<String>| {
            held.is_some_and(|held| held == value || (attribute == "userName" && held.to_lowercase() == value.to_lowercase()))
        };
        let mut page = Page::new(columns.clone());
        for (id, account) in self.accounts.iter().filter(|_| kind == ObjectKind::Account) {
            if same(if attribute == "id" { Some(id.clone()) } else { text(&account.attributes, attribute) }) {
                page.row_of(&account.row(id, columns));
            }
        }
        for (id, group) in self.groups.iter().filter(|_| kind == ObjectKind::Group) {
            if same(if attribute == "id" { Some(id.clone()) } else { text(&group.attributes, attribute) }) {
                page.row_of(&group.row(id, columns));
            }
        }
        if let Some(asked) = columns.paths().iter().position(|path| path.as_ref() == attribute).filter(|_| kind == ObjectKind::Membership) {
            let is_it = |row: &&Vec<Option<Value>>| same(row[asked].as_ref().and_then(|value| value.as_text().map(str::to_owned)));
            self.membership_rows(columns).iter().filter(is_it).for_each(|row| page.row_of(row));
        }
        page
    }

    fn membership_rows(&self, columns: &Columns) -> Vec<Vec<Option<Value>>> {
        let mut rows = Vec::new();
        for (id, group) in &self.groups {
            for member in &group.members {
                let (kind, member) = match member {
                    Member::Account(member) => ("account", member),
                    Member::Group(member) => ("group", member),
                };
                let cell = |path: &Arc<str>| match path.as_ref() {
                    "group" => Some(Value::text(id)),
                    "member" => Some(Value::text(member)),
                    "kind" => Some(Value::text(kind)),
                    _ => None,
                };
                rows.push(columns.paths().iter().map(cell).collect());
            }
        }
        rows
    }
}

impl Account {
    fn row(&self, id: &str, columns: &Columns) -> Vec<Option<Value>> {
        let cell = |path: &Arc<str>| match path.as_ref() {
            "id" => Some(Value::text(id)),
            "active" => Some(Value::Bool(self.active)),
            name => self.attributes.get(name).cloned(),
        };
        columns.paths().iter().map(cell).collect()
    }
}

impl Group {
    fn row(&self, id: &str, columns: &Columns) -> Vec<Option<Value>> {
        let cell =
            |path: &Arc<str>| if path.as_ref() == "id" { Some(Value::text(id)) } else { self.attributes.get(path.as_ref()).cloned() };
        columns.paths().iter().map(cell).collect()
    }
}

/// The text of an attribute.
pub fn text(attributes: &BTreeMap<String, Value>, name: &str) -> Option<String> {
    attributes.get(name)?.as_text().map(str::to_string)
}

#[cfg(test)]
mod tests {
    use headcount::model::{ObjectRef, Reason};

    use super::*;

    fn change(action: Action, kind: ObjectKind) -> Change {
        let object = ObjectRef { kind, key: "hr/1".into(), id: None, name: "ann".into() };
        Change::new(&"chat".into(), action, object, Reason::Joiner)
    }

    fn system() -> System {
        System::new(Manners {
            marks_accounts: true,
            marks_groups: true,
            nests: false,
            deactivation_drops: true,
            narrow: true,
            deactivates: true,
            deletes: true,
        })
    }

    fn values(pairs: &[(&str, &str)]) -> Vec<(Arc<str>, Option<Value>)> {
        pairs.iter().map(|(name, value)| (Arc::from(*name), Some(Value::text(value)))).collect()
    }

    #[test]
    fn it_folds_names_rejects_taken_ones_and_drops_what_it_does_not_know() {
        let mut system = system();
        let create = change(Action::Create, ObjectKind::Account);
        let id = system.write(&create, None, &values(&[("userName", "Ann"), ("title", "Lead")]), &[]).unwrap();
        assert_eq!(text(&system.accounts[&id].attributes, "userName").as_deref(), Some("ann"));
        assert!(!system.accounts[&id].attributes.contains_key("title") && system.accounts[&id].ours);
        assert!(system.write(&create, None, &values(&[("userName", "ANN")]), &[]).is_err());
        let other = system.others_create(&[("userName", "bo")], true).unwrap();
        assert!(system.write(&change(Action::Update, ObjectKind::Account), Some(&other), &values(&[("userName", "aNN")]), &[]).is_err());
        assert!(!system.accounts[&other].ours);
    }

    #[test]
    fn who_is_deactivated_leaves_all_groups_and_gets_into_none() {
        let mut system = system();
        let ann = system.others_create(&[("userName", "ann")], true).unwrap();
        let staff = system.others_create_group("Staff").unwrap();
        let members = [Member::Account(ann.clone())];
        system.write(&change(Action::AddMembers, ObjectKind::Group), Some(&staff), &[], &members).unwrap();
        assert_eq!(system.count(ObjectKind::Membership), 1);
        system.write(&change(Action::Deactivate, ObjectKind::Account), Some(&ann), &[], &[]).unwrap();
        system.write(&change(Action::AddMembers, ObjectKind::Group), Some(&staff), &[], &members).unwrap();
        assert_eq!(system.count(ObjectKind::Membership), 0);
        let nested = [Member::Group(staff.clone())];
        assert!(system.write(&change(Action::AddMembers, ObjectKind::Group), Some(&staff), &[], &nested).is_err(), "it can't nest");
    }
}
