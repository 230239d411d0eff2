//! A manifest's description of tables, held against the database's real schema.
//!
//! Must never: let a name or a value of the description reach a statement unchecked. Every problem is found at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bulk::BY_NAME;
use super::cascades::{self, Cascades};
use super::cell;
use super::dialect::Dialect;
use super::layout::{Active, Can, Entitlements, Initial, Layout, Link, Names, Objects, Roles, Sessions};
use super::rights::Missing;
use super::schema::{Column, Counted, Holds, Table, TableName};
use super::session::{Session, Sql, Values};
use crate::manifest::connection::{
    AccountTable, ActiveColumn, EntitlementTable, GroupTable, LinkTable, RoleTable, SessionTable, SqlConnection,
};
use crate::model::{SystemError, is_known_attribute, is_stamp};

/// A mark has a workspace, a source and a key in it.
const LEAST_MARK: usize = 64;
/// So many words of a column are named, and so many letters of each.
const NAMED: usize = 5;
const SHOWN: usize = 30;

/// Why a description can't be used.
#[derive(Debug)]
pub(super) enum Unfit {
    /// it does not fit the tables: every problem, each a sentence
    Wrong(Vec<String>),
    /// it fits, and rights are missing: what is to be granted
    Forbidden(Vec<String>),
}

/// Checks a Target's description.
pub(super) fn check(session: &dyn Session, described: &SqlConnection) -> Result<Result<Layout, Unfit>, SystemError> {
    let mut checker = Checker { session, problems: Vec::new(), missing: Missing::default() };
    if described.accounts.query.is_some() {
        checker.problem("`accounts.query` is for a Source; a Target needs the `table` itself");
    }
    let accounts = checker.accounts(&described.accounts)?;
    let groups = described.groups.as_ref().map(|groups| checker.groups(groups)).transpose()?.flatten();
    let memberships = described.memberships.as_ref().map(|link| checker.link(link)).transpose()?.flatten();
    let roles = described.roles.as_ref().map(|roles| checker.roles(roles)).transpose()?.flatten();
    let entitlements = described.entitlements.as_ref().map(|table| checker.entitlements(table)).transpose()?.flatten();
    let owners = described.owners.as_ref().map(|link| checker.link(link)).transpose()?.flatten();
    let owners = owners.map(|Link { table, group, account, initial }| Roles { table, account: group, role: account, names: None, initial });
    let sessions = described.sessions.as_ref().map(|sessions| checker.sessions(sessions)).transpose()?.flatten();
    if let (Some(accounts), Some(link)) = (&accounts, &memberships) {
        checker.fits(&link.table, &link.account, &accounts.key);
    }
    if let (Some(groups), Some(link)) = (&groups, &memberships) {
        checker.fits(&link.table, &link.group, &groups.key);
    }
    for (name, given) in [("memberships", described.memberships.is_some()), ("owners", described.owners.is_some())] {
        if given && described.groups.is_none() {
            checker.problem(format!("`{name}` needs `groups`: describe the table of groups too"));
        }
    }
    Ok(match accounts {
        Some(accounts) if checker.problems.is_empty() && checker.missing.is_empty() => {
            let hidden = highest_hidden(session, &accounts)?;
            let other_words = other_words(session, &accounts)?;
            let accounts = Objects { hidden, other_words, ..accounts };
            let layout = Layout { accounts, groups, memberships, roles, owners, entitlements, sessions, along: Default::default() };
            Ok(Layout { along: along(session, &layout)?, ..layout })
        }
        _ if checker.problems.is_empty() && !checker.missing.is_empty() => {
            Err(Unfit::Forbidden(checker.missing.grants(session, described.database.user().as_deref())))
        }
        _ => Err(Unfit::Wrong(checker.problems)),
    })
}

/// The highest number that a row has of those that `only` hides: new rows get their numbers behind those, too.
fn highest_hidden(session: &dyn Session, accounts: &Objects) -> Result<u64, SystemError> {
    if accounts.only.is_empty() || accounts.key.holds != Holds::Whole || accounts.key.counted.is_some() {
        return Ok(0);
    }
    let mut values = Values::default();
    let only: Vec<String> = accounts.only.iter().map(|(column, value)| column.is(values.place(value.clone()))).collect();
    let sql = format!("SELECT max({}) FROM {} WHERE NOT ({})", accounts.key.sql, accounts.table.sql, only.join(" AND "));
    let highest = session.rows(&sql, &values.0)?.into_iter().flatten().next();
    Ok(highest.and_then(|number| if let Sql::Integer(number) = number { u64::try_from(number).ok() } else { None }).unwrap_or(0))
}

/// What accounts have where a word says whether they have access, and is neither of the two that the description names; as many as a sentence holds.
fn other_words(session: &dyn Session, accounts: &Objects) -> Result<Vec<String>, SystemError> {
    let Some(Active::Values { column, active, inactive }) = &accounts.active else { return Ok(Vec::new()) };
    let mut values = Values::default();
    let known = [active, inactive].map(|word| format!("({}) IS NOT TRUE", column.matches(values.place(word.clone()))));
    let (read, table, seen) = (column.read(), &accounts.table.sql, accounts.seen(&mut values));
    let sql = format!("SELECT DISTINCT {read} FROM {table} WHERE {}{seen} ORDER BY 1 LIMIT {}", known.join(" AND "), NAMED + 1);
    let found = session.rows(&sql, &values.0)?.into_iter().flatten();
    let mut words: Vec<String> = found.map(|word| cell::text(word.borrowed()).unwrap_or_default()).map(shown).collect();
    if words.len() > NAMED {
        words.truncate(NAMED);
        words.push("more".to_owned());
    }
    Ok(words)
}

fn shown(word: String) -> String {
    let short: String = word.chars().take(SHOWN).collect();
    if short.is_empty() { "nothing".to_owned() } else { format!("`{short}`") }
}

/// What goes along with an account, and with a group.
fn along(session: &dyn Session, layout: &Layout) -> Result<[Cascades; 2], SystemError> {
    let references = cascades::references(session)?;
    let shared = [layout.memberships.as_ref().map(|link| &link.table), layout.owners.as_ref().map(|owners| &owners.table)];
    let own = [
        layout.roles.as_ref().map(|roles| &roles.table),
        layout.entitlements.as_ref().map(|table| &table.table),
        layout.sessions.as_ref().map(|table| &table.table),
    ];
    let links = |own: &[Option<&TableName>]| shared.iter().chain(own).flatten().map(|table| table.shown.clone()).collect::<Vec<_>>();
    let of = |table: &TableName, links: Vec<String>| {
        Cascades::of(&references, &table.shown, &links.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let groups = layout.groups.as_ref().map(|groups| of(&groups.table, links(&[])));
    Ok([of(&layout.accounts.table, links(&own)), groups.unwrap_or_default()])
}

/// Finds names in the schema and collects what is wrong.
struct Checker<'c> {
    session: &'c dyn Session,
    problems: Vec<String>,
    missing: Missing,
}

impl Checker<'_> {
    fn problem(&mut self, words: impl Into<String>) {
        self.problems.push(words.into());
    }

    fn keep<T>(&mut self, found: Result<T, String>) -> Option<T> {
        found.map_err(|words| self.problem(words)).ok()
    }

    fn table(&mut self, name: &str) -> Result<Option<Table>, SystemError> {
        let found = Table::find(self.session, name)?;
        let table = self.keep(found);
        self.problems.extend(table.iter().flat_map(|table| table.troubles.iter().cloned()));
        if let Some(table) = table.as_ref().filter(|table| table.is_view) {
            self.problem(format!("`{}` is a view; a Target needs the table behind it", table.name));
        }
        Ok(table)
    }

    fn accounts(&mut self, described: &AccountTable) -> Result<Option<Objects>, SystemError> {
        let Some(name) = &described.table else {
            self.problem("`accounts` needs a `table`");
            return Ok(None);
        };
        let Some(table) = self.table(name)? else { return Ok(None) };
        let active = described.active.as_ref().and_then(|active| self.active(&table, active));
        if !described.columns.contains_key("userName") {
            self.problem(format!("`accounts.columns` must say which column of `{}` is `userName`", table.name));
        }
        Ok(self.objects(&table, &described.key, &described.columns, (true, active), (&described.only, &described.initial)))
    }

    fn groups(&mut self, described: &GroupTable) -> Result<Option<Objects>, SystemError> {
        let Some(table) = self.table(&described.table)? else { return Ok(None) };
        if !described.columns.contains_key("displayName") {
            self.problem(format!("`groups.columns` must say which column of `{}` is `displayName`", table.name));
        }
        Ok(self.objects(&table, &described.key, &described.columns, (false, None), (&described.only, &described.initial)))
    }

    fn objects(
        &mut self,
        table: &Table,
        key: &str,
        columns: &BTreeMap<String, String>,
        (is_account, active): (bool, Option<Active>),
        (only, initial): (&BTreeMap<String, serde_json::Value>, &BTreeMap<String, serde_json::Value>),
    ) -> Option<Objects> {
        let key = self.keep(table.column(key));
        if let Some(key) = key.as_ref().filter(|key| !table.is_unique(key)) {
            self.problem(format!("column `{}` of table `{}` is not unique, so it can't be the key", key.name, table.name));
        }
        let (stamps, columns) = columns.clone().into_iter().partition(|(name, _)| is_stamp(name));
        let stamps = self.stamps(table, &stamps);
        let columns = self.attributes(table, &columns);
        let only = only.iter().filter_map(|(name, value)| self.fixed(table, name, value)).collect::<Vec<_>>();
        let initial = self.initial(table, initial);
        let mut given: Vec<&Column> = columns.values().chain(only.iter().map(|(column, _)| column)).collect();
        given.extend(initial.iter().map(|(column, _)| column));
        given.extend(active.iter().map(Active::column));
        self.require(table, &given);
        if let Some(key) = key.as_ref().filter(|_| is_account || given.iter().all(|column| column.rights.insert)) {
            self.finds(table, key, &columns, &given);
        }
        self.marks(table, &columns);
        let changed = columns.values().chain(active.iter().map(Active::column));
        let fills = |column: &&Column| column.sequence.is_some() && !given.contains(column);
        let can = Can {
            insert: given.iter().all(|column| column.rights.insert) && !table.columns.iter().any(|column| fills(&column)),
            update: changed.clone().all(|column| column.rights.update),
            delete: table.deletable,
        };
        let read = key.iter().chain(given.iter().copied().filter(|column| initial.iter().all(|(known, _)| known != *column)));
        self.missing.select(&table.name, read.chain(stamps.values()));
        if is_account {
            self.missing.insert(&table.name, given.iter().copied());
            self.missing.sequences(table, &given);
            self.missing.update(&table.name, changed);
        }
        let unique = columns.values().filter(|column| table.is_unique(column)).map(|column| column.name.clone()).collect();
        let (table, triggers) = (table.name.clone(), table.triggers.clone());
        Some(Objects {
            table,
            key: key?,
            columns,
            stamps,
            unique,
            active,
            other_words: Vec::new(),
            only,
            hidden: 0,
            initial,
            triggers,
            can,
        })
    }

    /// The key of a new row must be known: given, told by the database, or found by a value that no other row has. MySQL tells what a table counted up, and nothing else.
    fn finds(&mut self, table: &Table, key: &Column, columns: &BTreeMap<Arc<str>, Column>, given: &[&Column]) {
        let told = self.session.dialect() != Dialect::MySql || key.counted == Some(Counted::ByTable) || given.contains(&key);
        let always = |name: &str, column: &Column| BY_NAME.contains(&name) || (column.not_null && !column.filled);
        if !told && !columns.iter().any(|(name, column)| table.is_unique(column) && always(name, column)) {
            self.problem(format!(
                "nothing tells which key `{}` a new row of table `{}` gets: take its AUTO_INCREMENT column as `key`, or give the key in `initial` ('{{{{uuid}}}}'), or \
                 map a column that each row fills and no two share (a UNIQUE one for `userName`, `externalId` or `displayName`)",
                key.name, table.name
            ));
        }
    }

    /// A mark that is cut short proves nothing.
    fn marks(&mut self, table: &Table, columns: &BTreeMap<Arc<str>, Column>) {
        let Some(column) = columns.get("externalId") else { return };
        let fits =
            matches!(column.holds, Holds::Text | Holds::Anything) || (column.dialect == Dialect::Sqlite && column.holds != Holds::Truth);
        if !fits || column.longest.is_some_and(|longest| longest < LEAST_MARK) {
            self.problem(format!(
                "column `{}` of table `{}` is too narrow for `externalId`, headcount's mark: it needs a text of {LEAST_MARK} characters or more",
                column.name, table.name
            ));
        }
    }

    /// A column of a link holds the key of another table's row.
    fn fits(&mut self, table: &TableName, column: &Column, key: &Column) {
        let narrow = matches!((column.bytes, key.bytes), (Some(here), Some(there)) if here < there)
            || matches!((column.longest, key.longest), (Some(here), Some(there)) if here < there)
            || (column.longest.is_some() && key.longest.is_none() && key.holds == Holds::Text);
        if narrow {
            self.problem(format!("column `{}` of table `{table}` is too narrow for the key `{}` that it holds", column.name, key.name));
        }
    }

    fn stamps(&mut self, table: &Table, columns: &BTreeMap<String, String>) -> BTreeMap<Arc<str>, Column> {
        let found = columns.iter().filter_map(|(name, column)| Some((Arc::from(name.as_str()), self.keep(table.column(column))?)));
        found.collect()
    }

    fn attributes(&mut self, table: &Table, columns: &BTreeMap<String, String>) -> BTreeMap<Arc<str>, Column> {
        let mut found: BTreeMap<Arc<str>, Column> = BTreeMap::new();
        for (attribute, name) in columns {
            if matches!(attribute.as_str(), "active" | "roles" | "id") {
                self.problem(format!("`columns` can't hold `{attribute}`; it has a key of its own: `active`, `roles`, `key`"));
            } else if !is_known_attribute(attribute) {
                let known = crate::model::attributes().iter().map(|known| known.name);
                let hint = crate::diagnostic::did_you_mean(attribute, known).unwrap_or_else(|| "own ones stand below `custom.`".into());
                self.problem(format!("there is no attribute `{attribute}` ({hint})"));
            }
            let Some(column) = self.keep(table.column(name)) else { continue };
            if column.generated {
                self.problem(format!(
                    "column `{}` of table `{}` is computed by the database and can't be written",
                    column.name, table.name
                ));
            }
            if let Some((other, _)) = found.iter().find(|(_, known)| **known == column) {
                self.problem(format!("`{other}` and `{attribute}` have the same column `{}` of table `{}`", column.name, table.name));
            }
            found.insert(attribute.as_str().into(), column);
        }
        found
    }

    fn active(&mut self, table: &Table, described: &ActiveColumn) -> Option<Active> {
        match described {
            ActiveColumn::Flag(name) => Some(Active::Flag(self.keep(table.column(name))?)),
            ActiveColumn::DisabledFlag(name) => Some(Active::DisabledFlag(self.keep(table.column(name))?)),
            ActiveColumn::DeactivatedAt(name) => {
                let column = self.keep(table.column(name))?;
                if column.not_null {
                    self.problem(format!(
                        "column `{}` of table `{}` can't be null, so it can't be `deactivatedAt`",
                        column.name, table.name
                    ));
                }
                Some(Active::DeactivatedAt(column))
            }
            ActiveColumn::Values(values) => {
                let (column, active) = self.fixed(table, &values.column, &values.active)?;
                let (_, inactive) = self.fixed(table, &values.column, &values.inactive)?;
                if active == inactive {
                    self.problem(format!("column `{}` can't have one value for active and for deactivated accounts", column.name));
                }
                Some(Active::Values { column, active, inactive })
            }
        }
    }

    fn fixed(&mut self, table: &Table, name: &str, value: &serde_json::Value) -> Option<(Column, Sql)> {
        let column = self.keep(table.column(name))?;
        let value = self.keep(cell::from_manifest(&column, value))?;
        Some((column, value))
    }

    fn initial(&mut self, table: &Table, described: &BTreeMap<String, serde_json::Value>) -> Vec<(Column, Initial)> {
        let mut found = Vec::new();
        for (name, value) in described {
            let Some(column) = self.keep(table.column(name)) else { continue };
            let initial = match value.as_str().map(str::trim) {
                Some("{{now}}") => Some(Initial::Now),
                Some("{{uuid}}") => Some(Initial::Uuid),
                Some(text) if text.starts_with("{{") => {
                    self.problem(format!("`{text}` for column `{name}` is not known; there are {{{{now}}}} and {{{{uuid}}}}"));
                    None
                }
                _ => self.keep(cell::from_manifest(&column, value)).map(Initial::Value),
            };
            found.extend(initial.map(|initial| (column, initial)));
        }
        found
    }

    /// A new row needs a value in every column that can't be empty.
    fn require(&mut self, table: &Table, given: &[&Column]) {
        let bare = |column: &&Column| column.not_null && !column.filled && !column.generated && !given.contains(column);
        let missing: Vec<String> = table.columns.iter().filter(bare).map(|column| format!("`{}`", column.name)).collect();
        if !missing.is_empty() {
            let columns = if missing.len() == 1 { "column" } else { "columns" };
            self.problem(format!(
                "a new row of table `{}` needs the {columns} {}; say in `initial` what they start with",
                table.name,
                missing.join(", ")
            ));
        }
    }

    fn link(&mut self, described: &LinkTable) -> Result<Option<Link>, SystemError> {
        let Some(table) = self.table(&described.table)? else { return Ok(None) };
        let group = self.keep(table.column(&described.group));
        let account = self.keep(table.column(&described.account));
        let initial = self.initial(&table, &described.initial);
        let (Some(group), Some(account)) = (group, account) else { return Ok(None) };
        self.require_beside(&table, &[&group, &account], &initial);
        self.linked(&table, &[&group, &account], &initial);
        Ok(Some(Link { table: table.name, group, account, initial }))
    }

    fn roles(&mut self, described: &RoleTable) -> Result<Option<Roles>, SystemError> {
        let names = match &described.names {
            None => None,
            Some(names) => match Table::find(self.session, &names.table)? {
                Err(words) => return Ok(self.keep(Err(words))),
                Ok(table) => {
                    let (key, name) = (self.keep(table.column(&names.key)), self.keep(table.column(&names.name)));
                    key.zip(name).map(|(key, name)| {
                        self.missing.select(&table.name, [&key, &name]);
                        Names { table: table.name, key, name }
                    })
                }
            },
        };
        let Some(table) = self.table(&described.table)? else { return Ok(None) };
        let account = self.keep(table.column(&described.account));
        let role = self.keep(table.column(&described.role));
        let initial = self.initial(&table, &described.initial);
        let (Some(account), Some(role)) = (account, role) else { return Ok(None) };
        self.require_beside(&table, &[&account, &role], &initial);
        self.linked(&table, &[&account, &role], &initial);
        Ok(Some(Roles { table: table.name, account, role, names, initial }))
    }

    fn entitlements(&mut self, described: &EntitlementTable) -> Result<Option<Entitlements>, SystemError> {
        let Some(table) = self.table(&described.table)? else { return Ok(None) };
        let account = self.keep(table.column(&described.account));
        let entitlement = self.keep(table.column(&described.entitlement));
        let initial = self.initial(&table, &described.initial);
        let mut parameters: BTreeMap<Arc<str>, Column> = BTreeMap::new();
        for (parameter, name) in &described.parameters {
            let Some(column) = self.keep(table.column(name)) else { continue };
            let taken =
                [&account, &entitlement].into_iter().flatten().chain(parameters.values()).chain(initial.iter().map(|(column, _)| column));
            if taken.into_iter().any(|known| *known == column) {
                self.problem(format!("column `{}` of table `{}` is described twice", column.name, table.name));
            }
            if column.generated {
                self.problem(format!(
                    "column `{}` of table `{}` is computed by the database and can't be written",
                    column.name, table.name
                ));
            }
            parameters.insert(parameter.as_str().into(), column);
        }
        let (Some(account), Some(entitlement)) = (account, entitlement) else { return Ok(None) };
        let given: Vec<&Column> =
            [&account, &entitlement].into_iter().chain(parameters.values()).chain(initial.iter().map(|(column, _)| column)).collect();
        self.require(&table, &given);
        self.linked(&table, &given, &[]);
        self.missing.update(&table.name, parameters.values());
        Ok(Some(Entitlements { table: table.name, account, entitlement, parameters, initial }))
    }

    fn sessions(&mut self, described: &SessionTable) -> Result<Option<Sessions>, SystemError> {
        let Some(table) = self.table(&described.table)? else { return Ok(None) };
        let account = self.keep(table.column(&described.account));
        Ok(account.map(|account| {
            self.missing.select(&table.name, [&account]);
            self.missing.delete(&table);
            Sessions { table: table.name, account }
        }))
    }

    /// Rows of links come and go.
    fn linked(&mut self, table: &Table, columns: &[&Column], initial: &[(Column, Initial)]) {
        self.missing.select(&table.name, columns.iter().copied());
        let given: Vec<&Column> = columns.iter().copied().chain(initial.iter().map(|(column, _)| column)).collect();
        self.missing.sequences(table, &given);
        self.missing.insert(&table.name, given);
        self.missing.delete(table);
    }

    fn require_beside(&mut self, table: &Table, columns: &[&Column], initial: &[(Column, Initial)]) {
        let given: Vec<&Column> = columns.iter().copied().chain(initial.iter().map(|(column, _)| column)).collect();
        self.require(table, &given);
    }
}
