//! A second look at what may have been done. An uncertain create is looked up by its marker, or by its name where the target holds no marker;
//! members by who is in the group, anything else by its id.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connector::{LookupRequest, TargetConnector, Write};
use crate::model::{Action, Cell, Columns, ObjectKind, Page, SystemError, Value};

use super::Job;
use super::gate::{Gate, rest};

/// Looks at one target.
pub(super) struct Doubt<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) target: &'a str,
    pub(super) connector: &'a TargetConnector,
    pub(super) gate: &'a Gate,
    pub(super) stop: &'a CancellationToken,
}

/// What a second look found.
pub(super) enum Look {
    /// it was done: an object with our marker, or a group as it should be
    Ours(Arc<str>),
    /// the object that the change is about is there; what was sent can be sent again
    There,
    /// nothing
    Absent,
    /// something, but nothing proves that it is ours
    Unproven(String),
    /// the target could not be asked
    Unknown(String),
}

impl Doubt<'_> {
    /// Looks for what a write may have done.
    pub(super) async fn look(&self, write: &Write<'_>) -> Look {
        if matches!(write.change.action, Action::AddMembers | Action::RemoveMembers)
            && let Some(look) = self.look_at_members(write).await
        {
            return look;
        }
        if write.change.action != Action::Create {
            let Some(id) = &write.id else { return Look::Absent };
            return match self.find(write.change.object.kind, &Arc::from("id"), id).await {
                Ok(found) if found.is_empty() => Look::Absent,
                Ok(_) => Look::There,
                Err(error) => Look::Unknown(format!("it could not be looked up: {error}")),
            };
        }
        match self.look_for_new(write).await {
            // A request that outlived its connection may still be under way: absence counts when it is seen twice.
            Look::Absent => {
                rest(Instant::now() + self.job.settings.wait(2), self.stop).await;
                self.look_for_new(write).await
            }
            look => look,
        }
    }

    /// Whether the group has and lacks whom it should. None where the target does not tell who is in one group.
    async fn look_at_members(&self, write: &Write<'_>) -> Option<Look> {
        let id = write.id.as_ref()?;
        let columns = Columns::new(["member"]);
        let request = LookupRequest::new(ObjectKind::Membership, columns, "group", id.clone());
        let there = match self.ask(&request).await {
            Ok(members) => members,
            Err(SystemError::NotFound(_)) => return Some(Look::Absent),
            Err(_) => return None,
        };
        let add = write.change.action == Action::AddMembers;
        let so = write.members.iter().all(|(_, member)| there.contains(member) == add);
        Some(if so { Look::Ours(id.clone()) } else { Look::There })
    }

    async fn look_for_new(&self, write: &Write<'_>) -> Look {
        let kind = write.change.object.kind;
        let Some((attribute, value, proves)) = self.question(write) else {
            return Look::Unproven("it has neither marker nor name to look it up by".into());
        };
        let found = match self.find(kind, &attribute, &value).await {
            Ok(found) => found,
            Err(error) => return Look::Unknown(format!("it could not be looked up by {attribute}: {error}")),
        };
        match found.as_slice() {
            [] => Look::Absent,
            [id] if proves => Look::Ours(id.clone()),
            [_] => Look::Unproven(format!(
                "one with {attribute} {value} is there now, and nothing proves that headcount made it: the next plan shows whether to adopt it"
            )),
            many => Look::Unproven(format!("{} objects with {attribute} {value} are there: remove all but one", many.len())),
        }
    }

    /// By what to look a new object up, and whether a hit proves that it is ours.
    fn question(&self, write: &Write<'_>) -> Option<(Arc<str>, Arc<str>, bool)> {
        let capabilities = &self.connector.capabilities;
        let (marker, name) = match write.change.object.kind {
            ObjectKind::Group => (&capabilities.group_marker, "displayName"),
            ObjectKind::Account | ObjectKind::Membership | ObjectKind::Entitlement => (&capabilities.account_marker, "userName"),
        };
        let text_of = |attribute: &str| {
            let found = write.attributes.iter().find(|(name, _)| name.as_ref() == attribute);
            found.and_then(|(_, value)| value.as_ref()).and_then(Value::as_text).map(Arc::from)
        };
        let by_marker = marker.as_ref().and_then(|marker| Some((marker.clone(), text_of(marker)?, true)));
        by_marker.or_else(|| Some((Arc::from(name), text_of(name)?, false)))
    }

    /// Whether the target answers at all, whatever it says.
    pub(super) async fn answers(&self) -> bool {
        let request = question(ObjectKind::Account, &Arc::from("userName"), &Arc::from(NOBODY));
        let answer = self.connector.reader.lookup(&request.in_lane(self.gate.lane())).await;
        !matches!(answer, Err(SystemError::Unavailable(_) | SystemError::Unreachable(_) | SystemError::Uncertain(_)))
    }

    /// The ids of what the target finds, asking patiently.
    async fn find(&self, kind: ObjectKind, attribute: &Arc<str>, value: &Arc<str>) -> Result<Vec<Arc<str>>, SystemError> {
        self.ask(&question(kind, attribute, value)).await
    }

    async fn ask(&self, request: &LookupRequest) -> Result<Vec<Arc<str>>, SystemError> {
        let settings = self.job.settings;
        let request = &request.clone().in_lane(self.gate.lane());
        let mut attempt = 1;
        loop {
            let pass = self.gate.look(self.stop).await.map_err(SystemError::Unavailable)?;
            match self.connector.reader.lookup(request).await {
                Ok(page) => {
                    pass.got_through();
                    return Ok(ids(&page));
                }
                // The gate has the patience, and closes when it is over.
                Err(SystemError::Throttled { after, message }) => {
                    if let Some(pause) = pass.throttled(settings, after, &message) {
                        self.job.progress.paused(self.target, pause, &message);
                    }
                }
                Err(error) if attempt >= settings.attempts || !may_pass(&error) => return Err(error),
                Err(_) => {
                    drop(pass);
                    rest(Instant::now() + settings.wait(attempt), self.stop).await;
                    attempt += 1;
                }
            }
        }
    }
}

/// A name that is looked for where only the answer counts.
const NOBODY: &str = "headcount";

fn question(kind: ObjectKind, attribute: &Arc<str>, value: &Arc<str>) -> LookupRequest {
    LookupRequest::new(kind, Columns::new(["id"]), attribute.clone(), value.clone())
}

/// Whether asking again may help. A question does nothing, so even a lost or senseless answer may be asked for again.
fn may_pass(error: &SystemError) -> bool {
    error.retryable() || matches!(error, SystemError::Uncertain(_) | SystemError::Protocol(_))
}

fn ids(page: &Page) -> Vec<Arc<str>> {
    let text = |cell: Cell<'_>| match cell {
        Cell::Text(text) => Some(Arc::from(text)),
        Cell::Int(number) => Some(Arc::from(number.to_string())),
        _ => None,
    };
    page.rows().filter_map(|row| text(row.cell(0))).collect()
}
