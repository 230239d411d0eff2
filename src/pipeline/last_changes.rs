//! Asks systems who changed an account or a group last, and when.
//!
//! Must never: take a system that tells nothing for one where nothing was changed, or hold up what does not need it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::read::Snapshot;
use crate::connector::{LookupRequest, TargetConnector};
use crate::model::{Columns, LAST_MODIFIED, LAST_MODIFIED_BY, LastChange, ObjectKind};

/// More than these of one target are not asked for: whoever changed a thousand things is named by the first hundreds.
const MOST: usize = 500;

/// What systems say of these, by target, kind and id; nothing of what they don't.
pub async fn last_changes(
    snapshot: &Snapshot,
    wanted: &BTreeMap<Arc<str>, BTreeSet<(ObjectKind, Arc<str>)>>,
) -> BTreeMap<(Arc<str>, ObjectKind, Arc<str>), LastChange> {
    let asked = wanted.iter().filter_map(|(target, objects)| Some((target, snapshot.connectors.get(target)?, objects)));
    let answers = join_all(asked.map(|(target, connector, objects)| of_target(target, connector, objects))).await;
    answers.into_iter().flatten().collect()
}

type Told = Vec<((Arc<str>, ObjectKind, Arc<str>), LastChange)>;

async fn of_target(target: &Arc<str>, connector: &TargetConnector, objects: &BTreeSet<(ObjectKind, Arc<str>)>) -> Told {
    let columns = Columns::new(["id", LAST_MODIFIED, LAST_MODIFIED_BY]);
    let objects: Vec<_> = objects.iter().take(MOST).collect();
    let requests: Vec<_> = objects.iter().map(|(kind, id)| LookupRequest::new(*kind, columns.clone(), "id", id.clone())).collect();
    let answers = connector.reader.lookup_many(&requests).await;
    let told = objects.into_iter().zip(answers).filter_map(|((kind, id), page)| {
        let page = page.ok()?;
        let row = page.rows().next()?;
        let text = |at| row.cell(at).to_value().map(|value| value.to_string());
        let change = LastChange { at: text(1).and_then(|text| moment(&text)), by: text(2).map(Arc::from) };
        (change.at.is_some() || change.by.is_some()).then(|| ((target.clone(), *kind, id.clone()), change))
    });
    told.collect()
}

/// As systems write it: RFC 3339 (SCIM), generalized time (LDAP, RFC 4517 section 3.3.13), a column's text, or its seconds. What names no zone counts as UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let generalized = || text.strip_suffix('Z')?.split('.').next().and_then(|digits| DateTime::strptime("%Y%m%d%H%M%S", digits).ok());
    let civil = || text.parse::<DateTime>().ok().filter(|_| text.len() > "2026-11-29".len()).or_else(generalized);
    let seconds = || text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    text.parse().ok().or_else(seconds).or_else(|| Some(civil()?.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_systems_write_them() {
        let same = ["2026-11-29T14:02:00Z", "2026-11-29T15:02:00+01:00", "20261129140200Z", "20261129140200.0Z"];
        for text in same.into_iter().chain(["2026-11-29 14:02:00", "2026-11-29 14:02:00+00", "1795960920"]) {
            assert_eq!(moment(text).map(|at| at.to_string()).as_deref(), Some("2026-11-29T14:02:00Z"), "{text}");
        }
        assert_eq!([moment(""), moment("yesterday"), moment("2026-11-29")], [None, None, None]);
    }
}
