//! Carries orders out: each in a transaction of its own, after a look at what its roles are called now.
//!
//! Must never: send an order twice, change what is left as it is, or say that nothing was done where a byte of it may have gone out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio_postgres::error::SqlState;

use super::super::note::Note;
use super::super::quote::postgres_name;
use super::super::write::Order;
use super::statements::{self, Found, still};
use super::{Postgres, Rows, cell, yes};
use crate::connector::Written;
use crate::fence::Fence;
use crate::model::{ObjectKind, SystemError};
use crate::postgres::PostgresSession;

/// What the roles of some orders are now.
#[derive(Default)]
struct Known {
    roles: HashMap<Arc<str>, (Found, Option<&'static str>)>,
    /// group and member, and who gave it
    grants: HashMap<(Arc<str>, Arc<str>), Vec<String>>,
    /// a grant is taken by whoever gave it
    by_grantor: bool,
}

impl Postgres {
    /// One after the other; one answer for each.
    pub(in super::super) async fn carry_out(
        &self,
        orders: Vec<Result<Order, SystemError>>,
        fence: &Fence,
    ) -> Vec<Result<Written, SystemError>> {
        let mut held = self.sessions.writing.lock().await;
        let mut answers = Vec::with_capacity(orders.len());
        let mut known = match self.known(&orders).await {
            Ok(known) => known,
            Err(error) => return orders.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut away = None;
        for order in orders {
            let answer = match (order, away.clone()) {
                (Err(error), _) | (Ok(_), Some(error)) => Err(error),
                (Ok(order), None) => match self.session(&mut held, fence).await {
                    Ok(session) => self.one(session, &order, &mut known).await,
                    // Nobody waits for it a second time.
                    Err(error) => Err(away.insert(error).clone()),
                },
            };
            answers.push(answer);
        }
        answers
    }

    /// A connection behind this fence.
    async fn session<'s>(&self, held: &'s mut Option<PostgresSession>, fence: &Fence) -> Result<&'s PostgresSession, SystemError> {
        let usable = held
            .take()
            .filter(|session| !session.client.is_closed() && session.gate.refused().is_none() && session.gate.fence().is_same(fence));
        let session = match usable {
            Some(session) => session,
            None => self.way.connect(fence).await?,
        };
        Ok(held.insert(session))
    }

    async fn known(&self, orders: &[Result<Order, SystemError>]) -> Result<Known, SystemError> {
        let mut ids = BTreeSet::new();
        for order in orders.iter().flatten() {
            match order {
                Order::Make { .. } => {}
                Order::Change { id, .. } | Order::Remove { id, .. } | Order::EndSessions { id } => drop(ids.insert(id.clone())),
                Order::Members { group, members, .. } => {
                    ids.insert(group.clone());
                    ids.extend(members.iter().map(|(_, id)| id.clone()));
                }
            }
        }
        let numbers: Vec<String> = ids.iter().filter_map(|id| id.parse::<u32>().ok()).map(|id| id.to_string()).collect();
        if numbers.is_empty() {
            return Ok(Known::default());
        }
        let numbers = format!("ARRAY[{}]::oid[]", numbers.join(", "));
        let rows = self
            .ask(&format!(
                "SELECT 'role', r.oid::text, r.rolname::text, r.rolcanlogin, pg_catalog.shobj_description(r.oid, 'pg_authid'), {}, \
                 current_setting('server_version_num')::int >= 160000 FROM pg_catalog.pg_roles r WHERE r.oid = ANY ({numbers}); \
                 SELECT 'grant', m.roleid::text, m.member::text, m.grantor::regrole::text FROM pg_catalog.pg_auth_members m \
                 WHERE m.roleid = ANY ({numbers}) AND m.member = ANY ({numbers})",
                self.untouched()?
            ))
            .await?;
        Ok(Known::of(&rows))
    }

    async fn one(&self, session: &PostgresSession, order: &Order, known: &mut Known) -> Result<Written, SystemError> {
        let done = |id: &Arc<str>, already_so: bool| Ok(Written { id: id.clone(), already_so });
        match order {
            Order::Make { kind, name, wanted } => {
                let text = statements::make(*kind, name, wanted, self.initial_password.as_ref())?;
                let rows = self.send(session, &text).await.map_err(|error| taken(error, name))?;
                let id = rows.first().and_then(|row| cell(row, 0));
                let id = id.ok_or_else(|| SystemError::Uncertain(format!("the role {name:?} was made, and its number did not come")))?;
                done(&id.into(), false)
            }
            Order::Change { kind, id, wanted } => {
                let found = known.role(id)?;
                let Some(text) = statements::change(*kind, id, found, wanted)? else { return done(id, true) };
                let name = wanted.name.as_deref().unwrap_or_default().to_owned();
                self.send(session, &text).await.map_err(|error| taken(error, &name))?;
                known.changed(id, wanted);
                done(id, false)
            }
            Order::Remove { id, .. } => {
                let Ok(found) = known.role(id) else { return known.gone(id).and_then(|()| done(id, true)) };
                let text = format!("{}; DROP ROLE {}", still(id, &found.name)?, postgres_name(&found.name)?);
                self.send(session, &text).await.map_err(|error| owns(error, &found.name))?;
                known.roles.remove(id);
                done(id, false)
            }
            Order::Members { group, members, join } => {
                let Some(text) = known.members(group, members, *join)? else { return done(group, true) };
                self.send(session, &text).await?;
                known.remember(group, members, *join);
                done(group, false)
            }
            Order::EndSessions { id } => {
                let found = known.role(id)?;
                let text = format!(
                    "{}; SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a WHERE a.usesysid = {}",
                    still(id, &found.name)?,
                    id.parse::<u32>().unwrap_or_default()
                );
                let rows = self.send(session, &text).await?;
                done(id, rows.len() < 2)
            }
        }
    }

    /// Sends what is one transaction.
    async fn send(&self, session: &PostgresSession, text: &str) -> Result<Rows, SystemError> {
        let before = session.gate.sent();
        let error = match self.answered(session, &format!("{} {text}", self.limits())).await {
            Ok(rows) => return Ok(rows),
            Err(error) => error,
        };
        let went = session.gate.sent() > before;
        if let Some(why) = session.gate.refused() {
            return Err(if went { SystemError::Uncertain(why.to_owned()) } else { SystemError::NotSent(why.to_owned()) });
        }
        if error.is_lost() && went {
            return Err(SystemError::Uncertain(format!("the statement was sent and its answer lost: {error}")));
        }
        if error.code() == Some(&SqlState::DIVISION_BY_ZERO) {
            return Err(SystemError::Conflict("the role has another name than a moment ago: somebody renamed it".into()));
        }
        Err(error.into())
    }
}

impl Known {
    fn of(rows: &Rows) -> Self {
        let mut known = Self::default();
        for row in rows {
            let (Some(word), Some(one), Some(other)) = (cell(row, 0), cell(row, 1), cell(row, 2)) else { continue };
            if word == "role" {
                let note = Note::parse(cell(row, 4).unwrap_or_default());
                let found = Found { name: other.to_owned(), active: yes(row, 3), note };
                known.by_grantor |= yes(row, 6);
                known.roles.insert(one.into(), (found, cell(row, 5).map(super::read::why)));
            } else {
                let grantor = cell(row, 3).unwrap_or_default().to_owned();
                known.grants.entry((one.into(), other.into())).or_default().push(grantor);
            }
        }
        known
    }

    /// A role that may be changed.
    fn role(&self, id: &str) -> Result<&Found, SystemError> {
        match self.roles.get(id) {
            Some((found, None)) => Ok(found),
            Some((found, Some(why))) => Err(SystemError::Forbidden(format!("the role {:?} is left as it is: it {why}", found.name))),
            None => Err(SystemError::NotFound(format!("there is no role with the number {id}"))),
        }
    }

    /// Whether there is none, and not one that is left as it is.
    fn gone(&self, id: &str) -> Result<(), SystemError> {
        match self.role(id) {
            Err(error @ SystemError::Forbidden(_)) => Err(error),
            _ => Ok(()),
        }
    }

    fn changed(&mut self, id: &str, wanted: &super::super::write::Wanted) {
        let Some((found, _)) = self.roles.get_mut(id) else { return };
        found.name = wanted.name.clone().unwrap_or_else(|| std::mem::take(&mut found.name));
        found.active = wanted.active.unwrap_or(found.active);
        if let Some(text) = &wanted.text {
            found.note.text.clone_from(text);
        }
        if let Some(mark) = &wanted.mark {
            found.note.mark.clone_from(mark);
        }
    }

    /// What gives a role to its new members, or takes it; nothing where it is so.
    fn members(&self, group: &Arc<str>, members: &[(ObjectKind, Arc<str>)], join: bool) -> Result<Option<String>, SystemError> {
        let of = self.role(group)?;
        let quoted = postgres_name(&of.name)?;
        let mut statements = vec![still(group, &of.name)?];
        for (_, id) in members {
            let grantors = self.grants.get(&(group.clone(), id.clone())).map_or(&[][..], Vec::as_slice);
            if join != grantors.is_empty() {
                continue;
            }
            let member = match self.role(id) {
                Ok(member) => member,
                // Whoever is gone is no member.
                Err(SystemError::NotFound(_)) if !join => continue,
                Err(error) => return Err(error),
            };
            statements.push(still(id, &member.name)?);
            let name = postgres_name(&member.name)?;
            match (join, self.by_grantor) {
                (true, _) => statements.push(format!("GRANT {quoted} TO {name}")),
                (false, false) => statements.push(format!("REVOKE {quoted} FROM {name}")),
                (false, true) => {
                    statements.extend(grantors.iter().map(|grantor| format!("REVOKE {quoted} FROM {name} GRANTED BY {grantor}")))
                }
            }
        }
        let changes = statements.iter().any(|statement| !statement.starts_with("SELECT"));
        Ok(changes.then(|| statements.join("; ")))
    }

    fn remember(&mut self, group: &Arc<str>, members: &[(ObjectKind, Arc<str>)], join: bool) {
        for (_, id) in members {
            let pair = (group.clone(), id.clone());
            if join {
                self.grants.entry(pair).or_insert_with(|| vec!["CURRENT_USER".to_owned()]);
            } else {
                self.grants.remove(&pair);
            }
        }
    }
}

fn taken(error: SystemError, name: &str) -> SystemError {
    match error {
        SystemError::Conflict(words) if words.contains("42710") => {
            SystemError::Conflict(format!("there is a role {name:?} already; users and groups share their names ({words})"))
        }
        other => other,
    }
}

fn owns(error: SystemError, name: &str) -> SystemError {
    match error {
        SystemError::Rejected(words) if words.contains("2BP01") => SystemError::Rejected(format!(
            "{words}: in each database where {name:?} owns something, REASSIGN OWNED BY it TO another role and then DROP OWNED BY it; or let the Target \
             keep accounts (`absent: {{action: deactivate}}`)"
        )),
        other => other,
    }
}
