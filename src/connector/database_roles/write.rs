//! Writes a server's roles: what a change says, as an order that either server carries out.
//!
//! Must never: take what an attribute can't hold for something else.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::server::Server;
use crate::connector::{Permit, Write, Writer, Written};
use crate::model::{Action, Change, ObjectKind, SystemError, Value};

/// Changes that are given over together.
const BATCH: usize = 32;
/// Members that share one change.
const MEMBERS: usize = 100;

/// Writes roles.
#[derive(Debug)]
pub(super) struct RolesWriter {
    pub(super) server: Arc<Server>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Make { kind: ObjectKind, name: String, wanted: Wanted },
    Change { kind: ObjectKind, id: Arc<str>, wanted: Wanted },
    Remove { kind: ObjectKind, id: Arc<str> },
    Members { group: Arc<str>, members: Vec<(ObjectKind, Arc<str>)>, join: bool },
    EndSessions { id: Arc<str> },
}

/// What of a role is to be so. Absent: as it is. `Some(None)` clears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) name: Option<String>,
    pub(super) active: Option<bool>,
    pub(super) text: Option<Option<String>>,
    pub(super) mark: Option<Option<String>>,
    pub(super) until: Option<Option<String>>,
}

impl Writer for RolesWriter {
    fn batch_size(&self) -> usize {
        BATCH
    }

    fn members_per_write(&self) -> usize {
        MEMBERS
    }

    fn requests(&self, change: &Change) -> Option<u64> {
        Some((change.members.len() as u64).div_ceil(MEMBERS as u64).max(1))
    }

    fn id_after(&self, change: &Change) -> Option<Arc<str>> {
        let name = change.attributes.iter().find(|attribute| attribute.attribute.as_ref() == "userName")?;
        self.server.id_of(change.object.kind, name.after.as_ref()?.as_text()?)
    }

    fn write<'a>(&'a self, batch: &'a [Write<'a>], permit: &'a Permit) -> BoxFuture<'a, Vec<Result<Written, SystemError>>> {
        async move {
            let orders = batch.iter().map(Order::of).collect();
            self.server.carry_out(orders, permit.fence()).await
        }
        .boxed()
    }
}

impl Order {
    fn of(write: &Write<'_>) -> Result<Self, SystemError> {
        let (kind, action) = (write.change.object.kind, write.change.action);
        let wanted = Wanted::of(write)?;
        if action == Action::Create && matches!(kind, ObjectKind::Account | ObjectKind::Group) {
            let name = wanted.name.clone().ok_or_else(|| SystemError::Rejected("a new role needs a name".into()))?;
            return Ok(Self::Make { kind, name, wanted });
        }
        let id = write.id.clone().ok_or_else(|| SystemError::Rejected("the role has no id yet".into()))?;
        match (kind, action) {
            (ObjectKind::Account | ObjectKind::Group, Action::Delete) => Ok(Self::Remove { kind, id }),
            (ObjectKind::Account, Action::Adopt | Action::Update | Action::Deactivate | Action::Reactivate)
            | (ObjectKind::Group, Action::Adopt | Action::Update) => Ok(Self::Change { kind, id, wanted }),
            (ObjectKind::Group, Action::AddMembers | Action::RemoveMembers) => {
                Ok(Self::Members { group: id, members: write.members.clone(), join: action == Action::AddMembers })
            }
            (ObjectKind::Account, Action::EndSessions) => Ok(Self::EndSessions { id }),
            _ => Err(SystemError::Rejected("a database server has no such change".into())),
        }
    }
}

impl Wanted {
    fn of(write: &Write<'_>) -> Result<Self, SystemError> {
        let kind = write.change.object.kind;
        let mut wanted = Self {
            active: match write.change.action {
                Action::Deactivate => Some(false),
                Action::Reactivate => Some(true),
                _ => None,
            },
            ..Self::default()
        };
        for (name, value) in &write.attributes {
            let text = value.as_ref().map(|value| match value {
                Value::Text(text) => Ok(text.to_string()),
                Value::Bool(_) if name.as_ref() == "active" => Ok(String::new()),
                Value::Int(number) => Ok(number.to_string()),
                _ => Err(SystemError::Rejected(format!("`{name}` must be one text"))),
            });
            let text = text.transpose()?;
            match (name.as_ref(), kind) {
                ("active", ObjectKind::Account) => wanted.active = wanted.active.or(value.as_ref().and_then(Value::as_bool)),
                ("userName", ObjectKind::Account) | ("displayName", ObjectKind::Group) => {
                    wanted.name =
                        Some(text.ok_or_else(|| SystemError::Rejected(format!("a role is called by its `{name}`, so it needs one")))?);
                }
                ("displayName", _) => wanted.text = Some(text.filter(|text| !text.is_empty())),
                ("externalId", _) => wanted.mark = Some(text.filter(|text| !text.is_empty())),
                ("endDate", ObjectKind::Account) => wanted.until = Some(text.filter(|text| !text.is_empty())),
                _ => return Err(SystemError::Rejected(format!("a role has no `{name}`"))),
            }
        }
        Ok(wanted)
    }
}
