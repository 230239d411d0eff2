//! Carries orders out. Each statement stands by itself there: no transaction holds two of them together.
//!
//! Must never: send an order twice, or say that nothing was done where a part of it was.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::super::quote::mariadb_name;
use super::super::role::{Role, Roles};
use super::super::write::{Order, Wanted};
use super::MariaDb;
use crate::connector::Written;
use crate::fence::Fence;
use crate::model::{ObjectKind, SystemError};
use crate::mysql::{MysqlError, MysqlSession};
use crate::secret::SecretString;

/// A verifier that no password fits.
const NO_PASSWORD: &str = "invalid";
/// What a statement says of an account or a role that is there, or not there.
const REFUSED: u16 = 1396;
/// What it says of a role that somebody else may give.
const DENIED: u16 = 1698;

impl MariaDb {
    /// One after the other; one answer for each.
    pub(in super::super) async fn carry_out(
        &self,
        orders: Vec<Result<Order, SystemError>>,
        fence: &Fence,
    ) -> Vec<Result<Written, SystemError>> {
        let mut held = self.sessions.writing.lock().await;
        let mut all = match self.all().await {
            Ok(all) => all,
            Err(error) => return orders.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut answers = Vec::with_capacity(orders.len());
        let mut away = None;
        for order in orders {
            let answer = match (order, away.clone()) {
                (Err(error), _) | (Ok(_), Some(error)) => Err(error),
                (Ok(order), None) => match self.session(&mut held, fence).await {
                    Ok(session) => self.one(session, &order, &mut all).await,
                    // Nobody waits for it a second time.
                    Err(error) => Err(away.insert(error).clone()),
                },
            };
            answers.push(answer);
        }
        answers
    }

    /// A connection behind this fence.
    async fn session<'s>(&self, held: &'s mut Option<MysqlSession>, fence: &Fence) -> Result<&'s mut MysqlSession, SystemError> {
        let usable = held.take().filter(|session| session.is_usable() && session.fence().is_same(fence));
        let session = match usable {
            Some(session) => session,
            None => self.open(fence).await?,
        };
        Ok(held.insert(session))
    }

    async fn one(&self, session: &mut MysqlSession, order: &Order, all: &mut Roles) -> Result<Written, SystemError> {
        match order {
            Order::Make { kind, name, wanted } => self.make(session, (*kind, name), wanted, all).await,
            Order::Change { kind, id, wanted } => self.change(session, (*kind, id), wanted, all).await,
            Order::Remove { kind, id } => self.remove(session, (*kind, id), all).await,
            Order::Members { group, members, join } => self.members(session, group, (members, *join), all).await,
            Order::EndSessions { id } => {
                let ended = self.end_sessions(session, &role(all, ObjectKind::Account, id)?.name).await?;
                Ok(Written { id: id.clone(), already_so: !ended })
            }
        }
    }

    async fn make(
        &self,
        session: &mut MysqlSession,
        (kind, name): (ObjectKind, &str),
        wanted: &Wanted,
        all: &mut Roles,
    ) -> Result<Written, SystemError> {
        let statement = match kind {
            ObjectKind::Account => {
                let verifier = self.initial_password.as_ref().map_or_else(|| NO_PASSWORD.to_owned(), native);
                let lock = if wanted.active.unwrap_or(true) { "UNLOCK" } else { "LOCK" };
                format!("CREATE USER {} IDENTIFIED VIA mysql_native_password USING '{verifier}' ACCOUNT {lock}", self.account(name)?)
            }
            _ => format!("CREATE ROLE {}", mariadb_name(name)?),
        };
        self.send(session, &[statement]).await.map_err(|error| match error {
            SystemError::Rejected(words) if words.contains(&format!("({REFUSED})")) => {
                SystemError::Conflict(format!("there is an account or a role {name:?} already ({words})"))
            }
            other => other,
        })?;
        let (id, active) = (self.id(kind, name), kind == ObjectKind::Account && wanted.active.unwrap_or(true));
        let note = Default::default();
        all.roles.push(Role { id: id.clone(), name: name.to_owned(), kind, active, until: None, owns: false, note, untouched: None });
        Ok(Written { id, already_so: false })
    }

    async fn change(
        &self,
        session: &mut MysqlSession,
        (kind, id): (ObjectKind, &Arc<str>),
        wanted: &Wanted,
        all: &mut Roles,
    ) -> Result<Written, SystemError> {
        let found = role(all, kind, id)?.clone();
        let name = wanted.name.as_ref().unwrap_or(&found.name);
        let mut statements = Vec::new();
        if name != &found.name {
            if kind == ObjectKind::Group {
                return Err(SystemError::Rejected(format!(
                    "MariaDB renames no role: make {name:?}, grant it what {:?} has, and drop that",
                    found.name
                )));
            }
            if let Err(why) = self.owns_nothing(session, id).await {
                // A name that stays keeps nobody's access.
                if kind == ObjectKind::Account && wanted.active == Some(false) {
                    self.send(session, &[format!("ALTER USER {} ACCOUNT LOCK", self.account(&found.name)?)]).await?;
                }
                return Err(why);
            }
            statements.push(format!("RENAME USER {} TO {}", self.account(&found.name)?, self.account(name)?));
        }
        if let Some(active) = wanted.active.filter(|active| *active != found.active && kind == ObjectKind::Account) {
            statements.push(format!("ALTER USER {} ACCOUNT {}", self.account(name)?, if active { "UNLOCK" } else { "LOCK" }));
        }
        self.send(session, &statements).await?;
        let new = self.id(kind, name);
        for role in all.roles.iter_mut().filter(|role| role.kind == kind && role.id == *id) {
            (role.id, role.active) = (new.clone(), wanted.active.unwrap_or(role.active));
            role.name.clone_from(name);
        }
        for grant in all.grants.iter_mut().filter(|grant| kind == ObjectKind::Account && grant.member == *id) {
            grant.member = new.clone();
        }
        Ok(Written { id: new, already_so: statements.is_empty() })
    }

    async fn remove(
        &self,
        session: &mut MysqlSession,
        (kind, id): (ObjectKind, &Arc<str>),
        all: &mut Roles,
    ) -> Result<Written, SystemError> {
        let name = match role(all, kind, id) {
            Ok(found) => found.name.clone(),
            Err(SystemError::NotFound(_)) => return Ok(Written { id: id.clone(), already_so: true }),
            Err(error) => return Err(error),
        };
        if kind == ObjectKind::Account {
            self.owns_nothing(session, id).await?;
            self.send(session, &[format!("DROP USER {}", self.account(&name)?)]).await?;
        } else {
            self.send(session, &[format!("DROP ROLE {}", mariadb_name(&name)?)]).await?;
        }
        all.roles.retain(|role| role.kind != kind || role.id != *id);
        Ok(Written { id: id.clone(), already_so: false })
    }

    /// What runs with the rights of whoever defined it stops when they are gone, or called otherwise.
    async fn owns_nothing(&self, session: &mut MysqlSession, id: &str) -> Result<(), SystemError> {
        let asked = "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.VIEWS WHERE DEFINER = ? \
            UNION ALL SELECT CONCAT(ROUTINE_SCHEMA, '.', ROUTINE_NAME) FROM information_schema.ROUTINES WHERE DEFINER = ? \
            UNION ALL SELECT CONCAT(TRIGGER_SCHEMA, '.', TRIGGER_NAME) FROM information_schema.TRIGGERS WHERE DEFINER = ? \
            UNION ALL SELECT CONCAT(EVENT_SCHEMA, '.', EVENT_NAME) FROM information_schema.EVENTS WHERE DEFINER = ? LIMIT 3";
        let found = session.read(asked, (id, id, id, id)).await?;
        let names: Vec<String> = found.iter().filter_map(|row| super::cell(row, 0)).collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(SystemError::Rejected(format!(
            "{id} is the definer of {}: under another name, or gone, it would stop them: give these another definer first, or let the Target keep accounts \
             (`absent: {{action: deactivate}}`) and their names (`mode: initial`)",
            names.join(", ")
        )))
    }

    async fn members(
        &self,
        session: &mut MysqlSession,
        group: &Arc<str>,
        (members, join): (&[(ObjectKind, Arc<str>)], bool),
        all: &mut Roles,
    ) -> Result<Written, SystemError> {
        let of = mariadb_name(&role(all, ObjectKind::Group, group)?.name)?;
        let has: BTreeSet<&Arc<str>> = all.grants.iter().filter(|grant| grant.group == *group).map(|grant| &grant.member).collect();
        let mut wanted = Vec::new();
        for (kind, id) in members.iter().filter(|(_, id)| has.contains(id) != join) {
            match role(all, *kind, id) {
                Ok(found) if *kind == ObjectKind::Account => wanted.push((id.clone(), self.account(&found.name)?)),
                Ok(found) => wanted.push((id.clone(), mariadb_name(&found.name)?)),
                // Whoever is gone is no member.
                Err(SystemError::NotFound(_)) if !join => {}
                Err(error) => return Err(error),
            }
        }
        let (ids, names): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
        if names.is_empty() {
            return Ok(Written { id: group.clone(), already_so: true });
        }
        let names = names.join(", ");
        self.send(session, &[if join { format!("GRANT {of} TO {names}") } else { format!("REVOKE {of} FROM {names}") }]).await?;
        if join {
            all.grants.extend(ids.into_iter().map(|member| super::super::role::Grant { group: group.clone(), member }));
        } else {
            all.grants.retain(|grant| grant.group != *group || !ids.contains(&grant.member));
        }
        Ok(Written { id: group.clone(), already_so: false })
    }

    fn account(&self, name: &str) -> Result<String, SystemError> {
        Ok(format!("{}@{}", mariadb_name(name)?, mariadb_name(&self.host)?))
    }

    /// Sends statements in their order.
    async fn send(&self, session: &mut MysqlSession, statements: &[String]) -> Result<(), SystemError> {
        for (at, statement) in statements.iter().enumerate() {
            let sent = timeout(self.deadline, session.write(statement, ())).await.unwrap_or(Err(MysqlError::Late));
            let Err(error) = sent else { continue };
            // Of a statement this is about the statement, and not about who signed in.
            if error.code() == Some(DENIED) {
                return Err(SystemError::Forbidden(format!("{error}: a role that somebody else made asks for WITH ADMIN OPTION")));
            }
            if error.is_lost() {
                return Err(SystemError::Uncertain(format!("the statement was sent and its answer lost: {error}")));
            }
            if at > 0 {
                return Err(SystemError::Uncertain(format!("a part of it was done, and the rest was not: {error}")));
            }
            return Err(error.into());
        }
        Ok(())
    }
}

/// A role that may be changed.
fn role<'a>(all: &'a Roles, kind: ObjectKind, id: &str) -> Result<&'a Role, SystemError> {
    let found = all.roles.iter().find(|role| role.kind == kind && role.id.as_ref() == id);
    let found = found.ok_or_else(|| SystemError::NotFound(format!("there is no {} {id}", kind.word())))?;
    match found.untouched {
        None => Ok(found),
        Some(why) => Err(SystemError::Forbidden(format!("{:?} is left as it is: it {why}", found.name))),
    }
}

/// What the server makes of a password: it is told this, and never the password, which its log might show.
fn native(password: &SecretString) -> String {
    let once = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.expose_secret().as_bytes());
    let twice = digest(&SHA1_FOR_LEGACY_USE_ONLY, once.as_ref());
    twice.as_ref().iter().fold("*".to_owned(), |text, byte| format!("{text}{byte:02X}"))
}
