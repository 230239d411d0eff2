//! What a manifest says of a directory, checked and filled up with what its dialect has by default.
//!
//! Must never: reach anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::dialect::{self, Active, IdKind};
use super::filter::Filter;
use crate::manifest::connection::{LdapConnection, LdapDialect, LdapFilter, LdapGroupClass, LdapGroups, LdapUsers, NumberRange};
use crate::model::{CONTAINER, Capabilities, EntryNames, ListedBy, ObjectKind, SystemError, ValueForm, ValueLimit, dn};

/// The attribute that holds the marker.
pub(super) const MARKER: &str = "externalId";
/// Where nobody says otherwise.
const EMPTY_MEMBER: &str = "cn=nobody";

/// Most letters of `sAMAccountName` of a person, whatever Active Directory's schema says of it.
const LOGIN: usize = 20;
/// Signs that are not taken in it.
pub(super) const NO_LOGIN: &str = "\"/\\[]:;|=,+*?<>";

/// A directory as a Target sees it.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) dialect: LdapDialect,
    pub(super) id: IdKind,
    pub(super) users: Objects,
    pub(super) active: Active,
    pub(super) groups: Option<Groups>,
    /// the directory's attributes by which people are chosen
    pub(super) filtered: Vec<String>,
}

/// Entries of one kind.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    pub(super) base: String,
    pub(super) filter: Filter,
    /// by headcount's names
    pub(super) attributes: BTreeMap<Arc<str>, String>,
    pub(super) classes: Vec<String>,
    /// what an entry is called by, and whose value that is
    pub(super) rdn: String,
    pub(super) named_by: Arc<str>,
    /// what says nothing, by the directory's names in small letters
    pub(super) required: BTreeMap<String, String>,
    /// numbers that new ones get, by the directory's attribute
    pub(super) numbers: BTreeMap<String, NumberRange>,
}

/// Groups and their members.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    pub(super) objects: Objects,
    pub(super) class: LdapGroupClass,
    pub(super) member: String,
    /// what stands there where nobody is
    pub(super) empty: Option<String>,
}

impl Layout {
    /// Of a Target.
    pub(super) fn of(connection: &LdapConnection) -> Result<Self, SystemError> {
        let dialect = connection.dialect;
        let users = &connection.users;
        let classes = if users.object_classes.is_empty() { dialect::classes(dialect) } else { users.object_classes.clone() };
        let filter = match (&users.filter, classes.first()) {
            (Some(text), _) => parsed("users.filter", text)?,
            (None, _) if dialect == LdapDialect::ActiveDirectory => {
                Filter::and(&[Filter::equal("objectCategory", b"person"), Filter::equal("objectClass", b"user")])
            }
            (None, Some(class)) => Filter::equal("objectClass", class.as_bytes()),
            (None, None) => Filter::everything(),
        };
        let attributes = account_attributes(connection);
        let required = match &users.required {
            Some(own) => own.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect(),
            None => dialect::required(dialect).iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let rdn = users.rdn.clone().unwrap_or_else(|| dialect::rdn(dialect).to_owned());
        let numbers = users.numbers.clone();
        let users = Objects { numbers, ..objects(&users.base, filter, attributes, classes, rdn, "userName", required) };
        let groups = connection.groups.as_ref().map(|groups| Groups::of(groups, dialect)).transpose()?;
        let filtered = connection.users.filter.as_deref().and_then(|text| LdapFilter::parse(text).ok());
        let filtered = filtered.iter().flat_map(LdapFilter::attributes).map(str::to_owned).collect();
        Ok(Self {
            dialect,
            id: IdKind::of(dialect),
            users,
            active: Active::of(dialect, connection.users.active.as_ref()),
            groups,
            filtered,
        })
    }

    /// Of a Source, whose records have the directory's own attributes, and more names for them than headcount knows.
    pub(super) fn of_source(connection: &LdapConnection) -> Result<Self, SystemError> {
        let users = LdapUsers { attributes: BTreeMap::new(), ..connection.users.clone() };
        Self::of(&LdapConnection { users, groups: None, ..connection.clone() })
    }

    /// Those of a kind.
    pub(super) fn objects(&self, kind: ObjectKind) -> Result<&Objects, SystemError> {
        match kind {
            ObjectKind::Account => Ok(&self.users),
            ObjectKind::Entitlement => Err(SystemError::Rejected("a directory has no entitlements".into())),
            ObjectKind::Group | ObjectKind::Membership => Ok(&self.groups()?.objects),
        }
    }

    pub(super) fn groups(&self) -> Result<&Groups, SystemError> {
        self.groups.as_ref().ok_or_else(|| SystemError::Rejected("the connection says nothing of `groups`".into()))
    }

    /// What attributes of people can't hold, whatever the server's schema says.
    pub(super) fn account_limits(&self) -> BTreeMap<Arc<str>, ValueLimit> {
        let container = ValueLimit { form: ValueForm::Container, single: true, ..Default::default() };
        let logins = self.users.attributes.iter().filter(|(_, own)| self.dialect == LdapDialect::ActiveDirectory && is_login(own));
        let login = || ValueLimit { letters: Some(LOGIN), refused: NO_LOGIN, undotted: true, ..Default::default() };
        logins.map(|(name, _)| (name.clone(), login())).chain([(CONTAINER.into(), container)]).collect()
    }

    /// How entries of accounts are called.
    fn entry_names(&self) -> EntryNames {
        let users = &self.users;
        let (attribute, own, base) = (users.named_by.clone(), users.rdn.as_str().into(), users.base.as_str().into());
        EntryNames {
            attribute,
            own,
            base,
            attributes: users.attributes.iter().map(|(name, own)| (own.to_lowercase(), name.clone())).collect(),
        }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        let marker = |objects: &Objects| objects.attributes.get_key_value(MARKER).map(|(name, _)| name.clone());
        let groups = self.groups.as_ref();
        let by_name = groups.is_some_and(Groups::by_name);
        let made = groups.is_some_and(Groups::are_made);
        let active = (self.active != Active::Nowhere).then(|| Arc::from("active"));
        let named = |objects: &Objects| BTreeSet::from([objects.named_by.clone()]);
        Capabilities {
            create_accounts: true,
            update_accounts: true,
            deactivate_accounts: self.active != Active::Nowhere,
            delete_accounts: true,
            read_groups: groups.is_some(),
            create_groups: made,
            update_groups: groups.is_some(),
            delete_groups: groups.is_some(),
            write_memberships: groups.is_some(),
            nested_groups: by_name,
            account_marker: marker(&self.users),
            group_marker: groups.and_then(|groups| marker(&groups.objects)),
            account_attributes: Some(self.users.attributes.keys().cloned().chain(active).chain([Arc::from(CONTAINER)]).collect()),
            unique_account_attributes: Some(named(&self.users)),
            unique_group_attributes: groups.map(|groups| named(&groups.objects)),
            account_limits: self.account_limits(),
            finds_elsewhere: true,
            listed_by: groups.map(|groups| if groups.by_name() { ListedBy::Name } else { ListedBy::Attribute("userName".into()) }),
            entry_names: Some(self.entry_names()),
            ..Capabilities::default()
        }
    }
}

impl Groups {
    fn of(described: &LdapGroups, dialect: LdapDialect) -> Result<Self, SystemError> {
        let class = described.object_class.unwrap_or_else(|| dialect::group_class(dialect));
        let (name, member) = match class {
            LdapGroupClass::GroupOfNames => ("groupOfNames", "member"),
            LdapGroupClass::GroupOfUniqueNames => ("groupOfUniqueNames", "uniqueMember"),
            LdapGroupClass::PosixGroup => ("posixGroup", "memberUid"),
            LdapGroupClass::Group => ("group", "member"),
        };
        let filter = match &described.filter {
            Some(text) => parsed("groups.filter", text)?,
            None => Filter::equal("objectClass", name.as_bytes()),
        };
        let attributes = match described.attributes.is_empty() {
            true => BTreeMap::from([(Arc::from("displayName"), "cn".to_owned())]),
            false => owned(&described.attributes),
        };
        let objects = objects(&described.base, filter, attributes, vec![name.to_owned()], "cn".into(), "displayName", BTreeMap::new());
        let objects = Objects { numbers: described.numbers.clone(), ..objects };
        let wants_one = matches!(class, LdapGroupClass::GroupOfNames | LdapGroupClass::GroupOfUniqueNames);
        let empty = wants_one.then(|| described.empty_member.clone().unwrap_or_else(|| EMPTY_MEMBER.to_owned()));
        Ok(Self { objects, class, member: described.member.clone().unwrap_or_else(|| member.to_owned()), empty })
    }

    /// Whether members are named by their DN.
    pub(super) fn by_name(&self) -> bool {
        self.class != LdapGroupClass::PosixGroup
    }

    /// Whether new ones can be made: a posixGroup has a number.
    pub(super) fn are_made(&self) -> bool {
        self.class != LdapGroupClass::PosixGroup || self.objects.numbers.keys().any(|name| name.eq_ignore_ascii_case("gidNumber"))
    }

    /// Whether a value stands for nobody.
    pub(super) fn is_nobody(&self, value: &str) -> bool {
        self.empty.as_ref().is_some_and(|empty| dn::normal(empty) == dn::normal(value))
    }
}

fn is_login(own: &str) -> bool {
    own.eq_ignore_ascii_case("sAMAccountName")
}

/// The attributes of accounts that a connection reads and writes.
pub(super) fn account_attributes(connection: &LdapConnection) -> BTreeMap<Arc<str>, String> {
    match connection.users.attributes.is_empty() {
        true => dialect::attributes(connection.dialect).iter().map(|(name, own)| (Arc::from(*name), (*own).to_owned())).collect(),
        false => owned(&connection.users.attributes),
    }
}

fn owned(attributes: &BTreeMap<String, String>) -> BTreeMap<Arc<str>, String> {
    attributes.iter().map(|(name, own)| (Arc::from(name.as_str()), own.clone())).collect()
}

fn parsed(field: &str, text: &str) -> Result<Filter, SystemError> {
    LdapFilter::parse(text)
        .map(|filter| Filter::written(&filter))
        .map_err(|why| SystemError::Rejected(format!("connection.ldap.{field} {text:?} is no filter (RFC 4515): {why}")))
}

fn objects(
    base: &str,
    filter: Filter,
    attributes: BTreeMap<Arc<str>, String>,
    classes: Vec<String>,
    rdn: String,
    name: &'static str,
    required: BTreeMap<String, String>,
) -> Objects {
    let named_by =
        attributes.iter().find(|(_, own)| own.eq_ignore_ascii_case(&rdn)).map_or_else(|| Arc::from(name), |(name, _)| name.clone());
    Objects { base: base.to_owned(), filter, attributes, classes, rdn, named_by, required, numbers: BTreeMap::new() }
}
