//! The ids of memberships themselves, for systems in which each is an object of its own and is taken away by its id.
//!
//! Must never: say that somebody is in no group because the list of its members could not be read.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::definition::Members;
use super::exchange::Api;
use super::listing::{Collect, list};
use super::parts::Hidden;
use super::scope::Scope;
use crate::expr::Expression;
use crate::model::{Evidence, SystemError};

/// Of one group, by the id of the member.
pub(super) async fn rows(
    api: &Api,
    members: &Members,
    row: &Expression,
    scope: &Scope<'_>,
) -> Result<BTreeMap<String, String>, SystemError> {
    let request = members.list.as_ref().ok_or_else(|| SystemError::Rejected("the connector has no list of who is in a group".into()))?;
    let mut found = Rows { members, row, scope, rows: BTreeMap::new() };
    match list(api, request, scope, &mut found).await.evidence {
        Evidence::Complete => Ok(found.rows),
        other => Err(SystemError::Unavailable(format!("who is in it now could not be read: {}", other.reason().unwrap_or_default()))),
    }
}

struct Rows<'r, 's> {
    members: &'r Members,
    row: &'r Expression,
    scope: &'r Scope<'s>,
    rows: BTreeMap<String, String>,
}

impl Collect for Rows<'_, '_> {
    fn id(&self, record: &Json) -> Option<String> {
        let scope = self.scope.with("record", record);
        self.members.id.as_ref().and_then(|id| scope.text(id))
    }

    fn take(&mut self, record: &Json, _: Vec<Hidden>) {
        let row = self.scope.with("record", record).text(self.row);
        self.rows.extend(self.id(record).zip(row));
    }

    fn page(&mut self) -> usize {
        0
    }
}
