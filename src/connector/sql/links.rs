//! Writing what links accounts to groups and to roles, and groups to their owners.
//!
//! Must never: link something that is not there, or write a link twice.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::cell;
use super::layout::{Initial, Layout, Link, Objects, Roles};
use super::schema::{Column, quoted};
use super::select::key_value;
use super::write::{Done, Refusal};
use crate::connector::Written;
use crate::model::{ObjectKind, SystemError, Value};

/// Adds accounts to a group.
pub(super) fn add_members(connection: &Connection, layout: &Layout, group: &str, members: &[(ObjectKind, Arc<str>)]) -> Done {
    let (groups, link) = described(layout)?;
    require(connection, groups, group)?;
    let mut changed = false;
    for (kind, member) in members {
        if *kind != ObjectKind::Account {
            return Err(Refusal::rejected("groups can't hold groups in these tables"));
        }
        require(connection, &layout.accounts, member)?;
        let pair = [(&link.group, key_value(group)), (&link.account, key_value(member))];
        changed |= insert_once(connection, &link.table, pair, &link.initial)?;
    }
    Ok(Written { id: group.into(), already_so: !changed })
}

/// Removes accounts from a group.
pub(super) fn remove_members(connection: &Connection, layout: &Layout, group: &str, members: &[(ObjectKind, Arc<str>)]) -> Done {
    let (_, link) = described(layout)?;
    let mut changed = false;
    for (_, member) in members {
        changed |= delete_where(connection, &link.table, &[(&link.group, key_value(group)), (&link.account, key_value(member))])? > 0;
    }
    Ok(Written { id: group.into(), already_so: !changed })
}

/// Removes the described links of an object that goes.
pub(super) fn unlink(connection: &Connection, layout: &Layout, kind: ObjectKind, id: &str) -> Result<(), Refusal> {
    if let Some(link) = &layout.memberships {
        let column = if kind == ObjectKind::Group { &link.group } else { &link.account };
        delete_where(connection, &link.table, &[(column, key_value(id))])?;
    }
    if let Some(owners) = &layout.owners {
        let column = if kind == ObjectKind::Group { &owners.account } else { &owners.role };
        delete_where(connection, &owners.table, &[(column, key_value(id))])?;
    }
    if let Some(roles) = layout.roles.as_ref().filter(|_| kind == ObjectKind::Account) {
        delete_where(connection, &roles.table, &[(&roles.account, key_value(id))])?;
    }
    if let Some(entitlements) = layout.entitlements.as_ref().filter(|_| kind == ObjectKind::Account) {
        delete_where(connection, &entitlements.table, &[(&entitlements.account, key_value(id))])?;
    }
    if let Some(sessions) = layout.sessions.as_ref().filter(|_| kind == ObjectKind::Account) {
        delete_where(connection, &sessions.table, &[(&sessions.account, key_value(id))])?;
    }
    Ok(())
}

/// Removes every open session of an account.
pub(super) fn end_sessions(connection: &Connection, layout: &Layout, account: &str) -> Done {
    let Some(sessions) = &layout.sessions else { return Err(Refusal::rejected("the connection describes no table of `sessions`")) };
    let ended = delete_where(connection, &sessions.table, &[(&sessions.account, key_value(account))])?;
    Ok(Written { id: account.into(), already_so: ended == 0 })
}

/// Gives an account these roles (or a group these owners) and no others; whether anything changed.
pub(super) fn set_roles(connection: &Connection, roles: &Roles, account: &str, wanted: Option<&Value>) -> Result<bool, Refusal> {
    let mut names = BTreeSet::new();
    role_names(wanted, &mut names)?;
    let wanted = names.iter().map(|name| role_key(connection, roles, name)).collect::<Result<Vec<Sql>, Refusal>>()?;
    let mut changed = false;
    for held in held_roles(connection, roles, account)? {
        let pair = [(&roles.account, key_value(account)), (&roles.role, held.clone())];
        if !wanted.contains(&held) {
            changed |= delete_where(connection, &roles.table, &pair)? > 0;
        }
    }
    for role in wanted {
        changed |= insert_once(connection, &roles.table, [(&roles.account, key_value(account)), (&roles.role, role)], &roles.initial)?;
    }
    Ok(changed)
}

fn described(layout: &Layout) -> Result<(&Objects, &Link), Refusal> {
    match (&layout.groups, &layout.memberships) {
        (Some(groups), Some(link)) => Ok((groups, link)),
        _ => Err(Refusal::rejected("the connection describes no table of `memberships`")),
    }
}

/// Tables without declared references take a link to nothing; so we look.
pub(super) fn require(connection: &Connection, objects: &Objects, id: &str) -> Result<(), Refusal> {
    let only = objects.only.iter().enumerate().map(|(at, (column, _))| format!(" AND {} IS ?{}", column.sql(), at + 2));
    let sql = format!("SELECT 1 FROM {} WHERE {} = ?1{}", quoted(&objects.table), objects.key.sql(), only.collect::<String>());
    let values = [key_value(id)].into_iter().chain(objects.only.iter().map(|(_, value)| value.clone()));
    match connection.prepare_cached(&sql)?.exists(params_from_iter(values))? {
        true => Ok(()),
        false => Err(Refusal::System(SystemError::NotFound(format!("table `{}` has no row with the key {id}", objects.table)))),
    }
}

/// Inserts a link unless it is there; whether it was inserted.
fn insert_once(connection: &Connection, table: &str, pair: [(&Column, Sql); 2], initial: &[(Column, Initial)]) -> Result<bool, Refusal> {
    let [(one, _), (other, _)] = &pair;
    let (one, other) = (one.sql(), other.sql());
    let more: String = initial.iter().map(|(column, _)| format!(", {}", column.sql())).collect();
    let places: String = (3..initial.len() + 3).map(|at| format!(", ?{at}")).collect();
    let table = quoted(table);
    let sql = format!(
        "INSERT INTO {table} ({one}, {other}{more}) SELECT ?1, ?2{places} WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {one} = ?1 AND {other} = ?2)"
    );
    let values = pair.into_iter().map(|(_, value)| value).chain(initial.iter().map(|(column, initial)| initial.value(column)));
    Ok(connection.prepare_cached(&sql)?.execute(params_from_iter(values))? > 0)
}

fn delete_where(connection: &Connection, table: &str, conditions: &[(&Column, Sql)]) -> Result<usize, Refusal> {
    let words: Vec<String> = conditions.iter().enumerate().map(|(at, (column, _))| format!("{} = ?{}", column.sql(), at + 1)).collect();
    let sql = format!("DELETE FROM {} WHERE {}", quoted(table), words.join(" AND "));
    Ok(connection.prepare_cached(&sql)?.execute(params_from_iter(conditions.iter().map(|(_, value)| value)))?)
}

fn held_roles(connection: &Connection, roles: &Roles, account: &str) -> Result<Vec<Sql>, Refusal> {
    let (role, table, key) = (roles.role.sql(), quoted(&roles.table), roles.account.sql());
    let mut statement = connection.prepare_cached(&format!("SELECT {role} FROM {table} WHERE {key} = ?1 AND {role} IS NOT NULL"))?;
    Ok(statement.query_map([key_value(account)], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// The role's value in the table of links: its name, or its key in the table of names.
fn role_key(connection: &Connection, roles: &Roles, name: &str) -> Result<Sql, Refusal> {
    let Some(names) = &roles.names else {
        return cell::to_sql(&roles.role, &Value::text(name)).map_err(Refusal::rejected);
    };
    let sql = format!("SELECT {} FROM {} WHERE {} = ?1", names.key.sql(), quoted(&names.table), names.name.sql());
    let key = connection.prepare_cached(&sql)?.query_row([name], |row| row.get(0)).optional()?;
    key.ok_or_else(|| Refusal::rejected(format!("there is no role `{name}` in table `{}`; headcount makes none", names.table)))
}

fn role_names(wanted: Option<&Value>, names: &mut BTreeSet<String>) -> Result<(), Refusal> {
    match wanted {
        None => Ok(()),
        Some(Value::List(items)) => items.iter().try_for_each(|item| role_names(Some(item), names)),
        Some(Value::Map(fields)) => role_names(fields.get("value"), names),
        Some(Value::Text(name)) if !name.is_empty() => {
            names.insert(name.to_string());
            Ok(())
        }
        Some(Value::Text(_)) => Ok(()),
        Some(_) => Err(Refusal::rejected("a role must be a text")),
    }
}
