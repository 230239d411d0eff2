//! Writing what links accounts to groups and to roles, and groups to their owners.
//!
//! Must never: link something that is not there, or write a link twice.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::cell;
use super::layout::{Initial, Layout, Link, Objects, Roles};
use super::schema::{Column, TableName};
use super::session::{Session, Sql, Values};
use super::write::{Done, rejected};
use crate::connector::Written;
use crate::model::{ObjectKind, SystemError, Value};

/// Rows that are asked for, or written, by one statement.
const TOGETHER: usize = 500;

/// Adds accounts to a group.
pub(super) fn add_members(session: &dyn Session, layout: &Layout, group: &str, members: &[(ObjectKind, Arc<str>)]) -> Done {
    let (groups, link) = described(layout)?;
    require(session, groups, &[group])?;
    if members.iter().any(|(kind, _)| *kind != ObjectKind::Account) {
        return Err(rejected("groups can't hold groups in these tables"));
    }
    let members: Vec<&str> = members.iter().map(|(_, member)| member.as_ref()).collect();
    require(session, &layout.accounts, &members)?;
    let wanted: Vec<Sql> = members.iter().map(|member| link.account.key(member)).collect();
    let pair = (&link.group, link.group.key(group), &link.account);
    let changed = link_all(session, &link.table, pair, &wanted, &link.initial)?;
    Ok(Written { id: group.into(), already_so: !changed })
}

/// Removes accounts from a group; one that is not seen stays, whoever names it.
pub(super) fn remove_members(session: &dyn Session, layout: &Layout, group: &str, members: &[(ObjectKind, Arc<str>)]) -> Done {
    let (_, link) = described(layout)?;
    let mut changed = false;
    for members in members.chunks(TOGETHER) {
        let mut values = Values::default();
        let group = link.group.equals(values.place(link.group.key(group)));
        let places: Vec<usize> = members.iter().map(|(_, member)| values.place(link.account.key(member))).collect();
        let among = link.account.among(&places);
        let among = format!("{among}{}", layout.accounts.not_hidden(&link.table, &link.account, &mut values));
        changed |= gone(session, &link.table, &format!("WHERE {group} AND {among}"), &values.0)? > 0;
    }
    Ok(Written { id: group.into(), already_so: !changed })
}

/// Removes the described links of an object that goes.
pub(super) fn unlink(session: &dyn Session, layout: &Layout, kind: ObjectKind, id: &str) -> Result<(), SystemError> {
    if let Some(link) = &layout.memberships {
        let column = if kind == ObjectKind::Group { &link.group } else { &link.account };
        delete_where(session, &link.table, &[(column, column.key(id))])?;
    }
    if let Some(owners) = &layout.owners {
        let column = if kind == ObjectKind::Group { &owners.account } else { &owners.role };
        delete_where(session, &owners.table, &[(column, column.key(id))])?;
    }
    if kind != ObjectKind::Account {
        return Ok(());
    }
    let roles = layout.roles.iter().map(|roles| (&roles.table, &roles.account));
    let entitlements = layout.entitlements.iter().map(|table| (&table.table, &table.account));
    let sessions = layout.sessions.iter().map(|table| (&table.table, &table.account));
    for (table, account) in roles.chain(entitlements).chain(sessions) {
        delete_where(session, table, &[(account, account.key(id))])?;
    }
    Ok(())
}

/// Removes every open session of an account.
pub(super) fn end_sessions(session: &dyn Session, layout: &Layout, account: &str) -> Done {
    let Some(sessions) = &layout.sessions else { return Err(rejected("the connection describes no table of `sessions`")) };
    let ended = delete_where(session, &sessions.table, &[(&sessions.account, sessions.account.key(account))])?;
    Ok(Written { id: account.into(), already_so: ended == 0 })
}

/// Gives an account these roles (or a group these owners) and no others; whether anything changed.
pub(super) fn set_roles(session: &dyn Session, roles: &Roles, account: &str, wanted: Option<&Value>) -> Result<bool, SystemError> {
    let mut names = BTreeSet::new();
    role_names(wanted, &mut names)?;
    let wanted = names.iter().map(|name| role_key(session, roles, name)).collect::<Result<Vec<Sql>, SystemError>>()?;
    let mut changed = false;
    for held in held_roles(session, roles, account)? {
        if !wanted.contains(&held) {
            changed |= delete_where(session, &roles.table, &[(&roles.account, roles.account.key(account)), (&roles.role, held)])? > 0;
        }
    }
    if wanted.is_empty() {
        return Ok(changed);
    }
    let pair = (&roles.account, roles.account.key(account), &roles.role);
    Ok(link_all(session, &roles.table, pair, &wanted, &roles.initial)? || changed)
}

fn described(layout: &Layout) -> Result<(&Objects, &Link), SystemError> {
    match (&layout.groups, &layout.memberships) {
        (Some(groups), Some(link)) => Ok((groups, link)),
        _ => Err(rejected("the connection describes no table of `memberships`")),
    }
}

/// Tables without declared references take a link to nothing; so we look.
pub(super) fn require(session: &dyn Session, objects: &Objects, ids: &[&str]) -> Result<(), SystemError> {
    for ids in ids.chunks(TOGETHER) {
        let mut values = Values::default();
        let places: Vec<usize> = ids.iter().map(|id| values.place(objects.key.key(id))).collect();
        let (key, table, among) = (objects.key.read(), &objects.table.sql, objects.key.among(&places));
        let sql = format!("SELECT {key} FROM {table} WHERE {among}{}", objects.seen(&mut values));
        let mut found = BTreeSet::new();
        session.query(&sql, &values.0, &mut |line| {
            found.extend(cell::text(line.at(0)?));
            Ok(())
        })?;
        if let Some(id) = ids.iter().find(|id| !found.contains(**id)) {
            return Err(SystemError::NotFound(format!("table `{}` has no row with the key {id}", objects.table)));
        }
    }
    Ok(())
}

/// Links one row to each of these others, unless it is linked already; whether any was.
fn link_all(
    session: &dyn Session,
    table: &TableName,
    (one, key, other): (&Column, Sql, &Column),
    wanted: &[Sql],
    initial: &[(Column, Initial)],
) -> Result<bool, SystemError> {
    let columns: Vec<&Column> = [one, other].into_iter().chain(initial.iter().map(|(column, _)| column)).collect();
    let mut changed = false;
    for wanted in wanted.chunks(TOGETHER) {
        let mut values = Values::default();
        let this = one.equals(values.place(key.clone()));
        let places: Vec<usize> = wanted.iter().map(|value| values.place(value.clone())).collect();
        let sql = format!("SELECT {} FROM {} WHERE {this} AND {}", other.read(), table.sql, other.among(&places));
        let mut held = BTreeSet::new();
        session.query(&sql, &values.0, &mut |line| {
            held.extend(cell::text(line.at(0)?));
            Ok(())
        })?;
        let mut rows = Vec::new();
        for value in wanted {
            if cell::text(value.borrowed()).is_ok_and(|text| held.insert(text)) {
                let more = initial.iter().map(|(column, initial)| initial.value(column));
                rows.push([key.clone(), value.clone()].into_iter().chain(more).map(Some).collect());
            }
        }
        changed |= !rows.is_empty();
        insert(session, table, &columns, rows)?;
    }
    Ok(changed)
}

/// Inserts rows, as many with one statement as it takes values. Where a row says nothing of a column the database fills it.
pub(super) fn insert(
    session: &dyn Session,
    table: &TableName,
    columns: &[&Column],
    rows: Vec<Vec<Option<Sql>>>,
) -> Result<(), SystemError> {
    let names = columns.iter().map(|column| column.sql.as_str()).collect::<Vec<_>>().join(", ");
    let most = (session.dialect().most_values() / columns.len().max(1)).max(1);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut values = Values::default();
        let mut lines = Vec::new();
        for row in rows.by_ref().take(most) {
            let place = |value: Option<Sql>| value.map_or_else(|| "DEFAULT".to_owned(), |value| format!("?{}", values.place(value)));
            let places: Vec<String> = row.into_iter().map(place).collect();
            lines.push(format!("({})", places.join(", ")));
        }
        session.execute(&format!("INSERT INTO {} ({names}) VALUES {}", table.sql, lines.join(", ")), &values.0)?;
    }
    Ok(())
}

fn delete_where(session: &dyn Session, table: &TableName, conditions: &[(&Column, Sql)]) -> Result<u64, SystemError> {
    let mut values = Values::default();
    let words: Vec<String> = conditions.iter().map(|(column, value)| column.equals(values.place(value.clone()))).collect();
    gone(session, table, &format!("WHERE {}", words.join(" AND ")), &values.0)
}

/// Deletes the rows that are meant; how many. Those that are still there then were kept by a trigger or a rule, which answers as if there had been none.
pub(super) fn gone(session: &dyn Session, table: &TableName, meant: &str, values: &[Sql]) -> Result<u64, SystemError> {
    let deleted = session.execute(&format!("DELETE FROM {} {meant}", table.sql), values)?;
    let left = session.rows(&format!("SELECT count(*) FROM {} {meant}", table.sql), values)?;
    match left.first().and_then(|row| row.first()) {
        Some(Sql::Integer(0)) => Ok(deleted),
        _ => Err(rejected(format!("table `{table}` keeps rows that were to be deleted: a trigger or a rule of the database holds them"))),
    }
}

fn held_roles(session: &dyn Session, roles: &Roles, account: &str) -> Result<Vec<Sql>, SystemError> {
    let mut values = Values::default();
    let this = roles.account.equals(values.place(roles.account.key(account)));
    let sql = format!("SELECT {} FROM {} WHERE {this} AND {} IS NOT NULL", roles.role.read(), roles.table.sql, roles.role.sql);
    Ok(session.rows(&sql, &values.0)?.into_iter().flatten().collect())
}

/// The role's value in the table of links: its name, or its key in the table of names.
fn role_key(session: &dyn Session, roles: &Roles, name: &str) -> Result<Sql, SystemError> {
    let Some(names) = &roles.names else {
        return cell::to_sql(&roles.role, &Value::text(name)).map_err(rejected);
    };
    let mut values = Values::default();
    let this = names.name.equals(values.place(names.name.key(name)));
    let sql = format!("SELECT {} FROM {} WHERE {this}", names.key.read(), names.table.sql);
    let found = session.rows(&sql, &values.0)?.into_iter().flatten().next();
    found.ok_or_else(|| rejected(format!("there is no role `{name}` in table `{}`; headcount makes none", names.table)))
}

fn role_names(wanted: Option<&Value>, names: &mut BTreeSet<String>) -> Result<(), SystemError> {
    match wanted {
        None => Ok(()),
        Some(Value::List(items)) => items.iter().try_for_each(|item| role_names(Some(item), names)),
        Some(Value::Map(fields)) => role_names(fields.get("value"), names),
        Some(Value::Text(name)) if !name.is_empty() => {
            names.insert(name.to_string());
            Ok(())
        }
        Some(Value::Text(_)) => Ok(()),
        Some(_) => Err(rejected("a role must be a text")),
    }
}
