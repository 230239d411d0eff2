//! Tables as a Target's statements need them.
//!
//! Must never: hold a name that was not held against the database's own ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::cascades::Cascades;
use super::cell;
use super::dialect::Dialect;
use super::schema::{Column, Holds, TableName};
use super::session::{Sql, Values};
use crate::model::{Action, Capabilities, ListedBy, NeededAttribute, ObjectKind, SideEffect, ValueLimit};

/// Everything a Target's statements need.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) accounts: Objects,
    pub(super) groups: Option<Objects>,
    pub(super) memberships: Option<Link>,
    pub(super) roles: Option<Roles>,
    /// of groups: the group stands for the account, an owner's key for the role
    pub(super) owners: Option<Roles>,
    pub(super) entitlements: Option<Entitlements>,
    pub(super) sessions: Option<Sessions>,
    /// what goes along with an account that is deleted, and with a group
    pub(super) along: [Cascades; 2],
}

/// A table whose rows are accounts or groups.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    pub(super) table: TableName,
    pub(super) key: Column,
    /// attribute to column
    pub(super) columns: BTreeMap<Arc<str>, Column>,
    /// what says when a row was last changed, and by whom: it is read, and never written
    pub(super) stamps: BTreeMap<Arc<str>, Column>,
    /// names of columns of which no two rows have one value
    pub(super) unique: BTreeSet<String>,
    pub(super) active: Option<Active>,
    /// what stands in its column besides the words for yes and no
    pub(super) other_words: Vec<String>,
    /// the rows that are seen and touched at all
    pub(super) only: Vec<(Column, Sql)>,
    /// the highest number among the keys of the other rows, where the next row gets the one after it
    pub(super) hidden: u64,
    pub(super) initial: Vec<(Column, Initial)>,
    /// triggers that may change what is written
    pub(super) triggers: Vec<String>,
    pub(super) can: Can,
}

/// What we may do with the rows of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Can {
    pub(super) insert: bool,
    pub(super) update: bool,
    pub(super) delete: bool,
}

/// How a row says whether its account has access.
#[derive(Clone, Debug)]
pub(super) enum Active {
    Flag(Column),
    DisabledFlag(Column),
    DeactivatedAt(Column),
    Values { column: Column, active: Sql, inactive: Sql },
}

/// What a column starts with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Initial {
    Value(Sql),
    Now,
    Uuid,
}

/// A table that links accounts to groups.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) table: TableName,
    pub(super) group: Column,
    pub(super) account: Column,
    pub(super) initial: Vec<(Column, Initial)>,
}

/// A table of accounts' roles.
#[derive(Clone, Debug)]
pub(super) struct Roles {
    pub(super) table: TableName,
    pub(super) account: Column,
    pub(super) role: Column,
    pub(super) names: Option<Names>,
    pub(super) initial: Vec<(Column, Initial)>,
}

/// A table of accounts' entitlements.
#[derive(Clone, Debug)]
pub(super) struct Entitlements {
    pub(super) table: TableName,
    pub(super) account: Column,
    pub(super) entitlement: Column,
    /// parameter to column
    pub(super) parameters: BTreeMap<Arc<str>, Column>,
    pub(super) initial: Vec<(Column, Initial)>,
}

/// A table of accounts' open sessions.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    pub(super) table: TableName,
    pub(super) account: Column,
}

/// A table with the names of roles.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) table: TableName,
    pub(super) key: Column,
    pub(super) name: Column,
}

impl Layout {
    /// What the tables can do.
    pub(super) fn capabilities(&self) -> Capabilities {
        let marker = |objects: &Objects| objects.columns.contains_key("externalId").then(|| Arc::from("externalId"));
        let groups = self.groups.is_some();
        let can = self.accounts.can;
        let of_groups = self.groups.as_ref().map_or(Can { insert: false, update: false, delete: false }, |groups| groups.can);
        let roles = self.roles.iter().map(|_| Arc::from("roles"));
        let active = self.accounts.active.iter().map(|_| Arc::from("active"));
        Capabilities {
            create_accounts: can.insert,
            update_accounts: can.update,
            deactivate_accounts: self.accounts.active.is_some(),
            delete_accounts: can.delete,
            read_groups: groups,
            create_groups: of_groups.insert,
            update_groups: of_groups.update,
            delete_groups: of_groups.delete,
            write_memberships: self.memberships.is_some(),
            nested_groups: false,
            refuses_marker: false,
            immutable_attributes: Default::default(),
            read_only_attributes: Default::default(),
            account_limits: self.accounts.limits(),
            group_limits: self.groups.as_ref().map(Objects::limits).unwrap_or_default(),
            required_attributes: self.accounts.needed_attributes().map(|(attribute, _)| attribute.clone()).collect(),
            single_valued_attributes: Default::default(),
            needed_attributes: self
                .accounts
                .needed_attributes()
                .map(|(name, column)| (name.clone(), self.accounts.needed(column)))
                .collect(),
            group_owners: self.owners.is_some(),
            account_marker: marker(&self.accounts),
            group_marker: self.groups.as_ref().and_then(marker),
            account_attributes: Some(self.accounts.columns.keys().cloned().chain(roles).chain(active).collect()),
            entitlements: self.entitlements.is_some(),
            entitlement_parameters: self.entitlements.as_ref().map(|table| table.parameters.keys().cloned().collect()),
            parameter_limits: self.entitlements.as_ref().map(Entitlements::limits).unwrap_or_default(),
            says_writable: BTreeSet::new(),
            says_removable: BTreeSet::new(),
            finds_elsewhere: false,
            listed_by: self.listed_by(),
            entry_names: None,
            end_sessions: self.sessions.is_some(),
            side_effects: self.side_effects(),
            unclear_access: self.unclear_access(),
            asked_by: None,
            unique_account_attributes: Some(self.accounts.unique_attributes()),
            accentless_names: self
                .accounts
                .columns
                .get("userName")
                .is_some_and(|column| column.accentless && self.accounts.unique.contains(&column.name)),
            unique_group_attributes: self.groups.as_ref().map(Objects::unique_attributes),
        }
    }
}

impl Layout {
    /// By what groups list an account: by its key, which is an attribute, or a number that the database gives. One that is counted up is nobody's who was there
    /// before.
    fn listed_by(&self) -> Option<ListedBy> {
        self.memberships.as_ref()?;
        let key = &self.accounts.key;
        let attribute = self.accounts.columns.iter().find(|(_, column)| column.name == key.name).map(|(name, _)| name.clone());
        match attribute {
            Some(attribute) => Some(ListedBy::Attribute(attribute)),
            None => (key.holds == Holds::Whole && key.counted.is_none()).then_some(ListedBy::NextNumber { hidden: self.accounts.hidden }),
        }
    }

    /// Words of accounts that say neither that there is access nor that there is none.
    fn unclear_access(&self) -> Option<Arc<str>> {
        let Some(Active::Values { column, .. }) = &self.accounts.active else { return None };
        let words = self.accounts.other_words.join(", ");
        (!words.is_empty()).then(|| format!("column `{}` of table `{}` holds {words}", column.name, self.accounts.table).into())
    }

    /// What the database does by itself: triggers that may change what is written, and what goes along with a row.
    fn side_effects(&self) -> Vec<SideEffect> {
        let groups = self.groups.iter().map(|groups| (ObjectKind::Group, groups));
        let objects = [(ObjectKind::Account, &self.accounts)].into_iter().chain(groups);
        let along = objects.clone().zip(&self.along).filter_map(|((kind, objects), along)| {
            let words = along.words(&objects.table.shown)?.as_str().into();
            Some(SideEffect { kind, action: Action::Delete, attributes: Vec::new(), words })
        });
        let mut effects: Vec<SideEffect> = along.collect();
        for (kind, objects) in objects.filter(|(_, objects)| !objects.triggers.is_empty()) {
            let triggers = objects.triggers.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let noun = if objects.triggers.len() == 1 { "trigger" } else { "triggers" };
            let words = format!("may change what is written to table `{}`, by its {noun} {triggers}", objects.table);
            for action in [Action::Create, Action::Update] {
                effects.push(SideEffect { kind, action, attributes: Vec::new(), words: words.as_str().into() });
            }
        }
        effects
    }
}

impl Objects {
    /// The condition that a row is seen at all: ` AND …`.
    pub(super) fn seen(&self, values: &mut Values) -> String {
        self.only.iter().map(|(column, value)| format!(" AND {}", column.is(values.place(value.clone())))).collect()
    }

    /// The condition of a row of another table that its column holds no key of a row that is not seen: ` AND …`. A key that no row has is no such one.
    pub(super) fn not_hidden(&self, table: &TableName, column: &Column, values: &mut Values) -> String {
        if self.only.is_empty() {
            return String::new();
        }
        let only: Vec<String> = self.only.iter().map(|(column, value)| column.is(values.place(value.clone()))).collect();
        let (accounts, only) = (&self.table.sql, only.join(" AND "));
        let (key, column) = self.key.comparable(column, ("unseen.", &format!("{}.", table.sql)));
        match self.key.dialect {
            // Each is looked at once, however many there are on either side.
            Dialect::Postgres => format!(" AND NOT EXISTS (SELECT 1 FROM {accounts} AS unseen WHERE {key} = {column} AND NOT ({only}))"),
            Dialect::Sqlite | Dialect::MySql => {
                format!(" AND {column} NOT IN (SELECT {key} FROM {accounts} AS unseen WHERE {} IS NOT NULL AND NOT ({only}))", self.key.sql)
            }
        }
    }

    /// The condition of the one row with this key.
    pub(super) fn this(&self, id: &str, values: &mut Values) -> String {
        let key = self.key.equals(values.place(self.key.key(id)));
        format!("{key}{}", self.seen(values))
    }

    /// What attributes can't hold, by what their columns are.
    fn limits(&self) -> BTreeMap<Arc<str>, ValueLimit> {
        self.columns.iter().map(|(attribute, column)| (attribute.clone(), cell::limit(column))).collect()
    }

    fn unique_attributes(&self) -> BTreeSet<Arc<str>> {
        self.columns.iter().filter(|(_, column)| self.unique.contains(&column.name)).map(|(attribute, _)| attribute.clone()).collect()
    }
}

impl Objects {
    /// Those whose column takes no row without a value, and is filled by nobody: not by the database, not by `initial` and not with an empty text. Of a unique
    /// column one row alone could have that.
    fn needed_attributes(&self) -> impl Iterator<Item = (&Arc<str>, &Column)> {
        self.columns.iter().filter(|(_, column)| {
            let started = self.initial.iter().map(|(column, _)| column).chain(self.only.iter().map(|(column, _)| column));
            let empty = !self.unique.contains(&column.name) && cell::nothing(column).is_ok();
            column.not_null && !column.filled && !empty && !started.into_iter().any(|known| known == *column)
        })
    }

    fn needed(&self, column: &Column) -> NeededAttribute {
        let line = (!self.unique.contains(&column.name))
            .then(|| format!("`initial: {{{}: …}}` in spec.connection.sql.accounts", column.name).into());
        NeededAttribute { place: format!("column `{}` of table `{}`", column.name, self.table).into(), line }
    }
}

impl Entitlements {
    fn limits(&self) -> BTreeMap<Arc<str>, ValueLimit> {
        self.parameters.iter().map(|(parameter, column)| (parameter.clone(), cell::limit(column))).collect()
    }
}

impl Active {
    pub(super) fn column(&self) -> &Column {
        match self {
            Self::Flag(column) | Self::DisabledFlag(column) | Self::DeactivatedAt(column) | Self::Values { column, .. } => column,
        }
    }
}

impl Initial {
    /// The value for a column of a new row.
    pub(super) fn value(&self, column: &Column) -> Sql {
        match self {
            Self::Value(value) => value.clone(),
            Self::Now => now(column),
            Self::Uuid => Sql::Text(uuid()),
        }
    }
}

/// The time of the write: seconds where the column is a whole number, else text in UTC, as SQLite's own functions write it.
pub(super) fn now(column: &Column) -> Sql {
    let now = jiff::Timestamp::now();
    match column.holds {
        Holds::Whole => Sql::Integer(now.as_second()),
        _ => Sql::Text(now.strftime("%Y-%m-%d %H:%M:%S").to_string()),
    }
}

/// Version 4, RFC 9562.
fn uuid() -> String {
    let bits = (fastrand::u128(..) & !(0xF << 76 | 0x3 << 62)) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
