//! Told by changes is told as a whole: whoever follows an inbox by its changes has the records that a whole read has, after whatever is pushed.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::{GROUP, House, USER};
use crate::connector::connections::Connections;
use crate::connector::{Gone, PageSink, ReadRequest, ReadScope, Reader, RecordKey, Surroundings, registry};
use crate::manifest::connection::{InboxConnection, SourceConnection};
use crate::manifest::quantity::Amount;
use crate::model::{Columns, Evidence, ObjectKind, Page, ReadReport};
use crate::scim;

const COLUMNS: [&str; 6] = ["externalId", "userName", "title", "active", "deleted", "groups"];

/// Records by their key.
#[derive(Default)]
struct Rows(BTreeMap<String, Vec<String>>, usize);

impl PageSink for Rows {
    fn page(&mut self, _: ObjectKind, page: &Page) {
        for row in page.rows() {
            let cells: Vec<String> = row.cells().map(|cell| format!("{cell:?}")).collect();
            self.0.insert(cells[0].clone(), cells);
            self.1 += 1;
        }
    }

    fn restart(&mut self, _: ObjectKind) {
        unreachable!("an inbox is read once");
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {
        unreachable!("an inbox says that somebody is gone as a record");
    }
}

/// Whoever reads.
pub(super) struct Follower {
    reader: Box<dyn Reader>,
    known: Rows,
    report: ReadReport,
    may_shrink: Option<Amount>,
}

impl Follower {
    pub(super) async fn of(house: &House) -> Self {
        let connections = Connections::default().with_inboxes(house.inboxes.clone());
        let surroundings = Surroundings::at(Path::new("")).of("entra").over(&connections);
        let reader = registry::open_source(&SourceConnection::Inbox(InboxConnection::default()), &surroundings).await.unwrap();
        Self { reader, known: Rows::default(), report: ReadReport::default(), may_shrink: None }
    }

    async fn read(&self, scope: ReadScope) -> (Rows, ReadReport) {
        let request = ReadRequest {
            scope,
            key: Some(RecordKey::new(&["externalId".into()], |_| Vec::new())),
            may_shrink: self.may_shrink,
            reads: Some(Columns::new(COLUMNS)),
            // As whoever keeps a world asks: with the inbox's own id behind what the Source reads.
            ..ReadRequest::new(vec![(ObjectKind::Account, Columns::new(COLUMNS.into_iter().chain(["id"])))])
        };
        let mut rows = Rows::default();
        let report = self.reader.read(&request, &mut rows).await;
        (rows, report)
    }

    /// As whoever keeps a world does it. Whether changes were enough.
    pub(super) async fn follow(&mut self) -> bool {
        if let Some(mark) = self.report.next.get(&ObjectKind::Account).cloned() {
            let (rows, report) = self.read(ReadScope::Changed([(ObjectKind::Account, mark)].into())).await;
            if report.of(ObjectKind::Account) == Evidence::Delta {
                self.known.0.extend(rows.0);
                (self.known.1, self.report) = (rows.1, report);
                return true;
            }
        }
        (self.known, self.report) = self.read(ReadScope::All).await;
        false
    }
}

/// A number below a bound, from the one before (xorshift).
fn below(seed: &mut u64, bound: u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed % bound
}

fn picked(seed: &mut u64, of: &[String]) -> String {
    of.get(below(seed, of.len().max(1) as u64) as usize).cloned().unwrap_or_default()
}

/// Something is pushed; what is refused changes nothing.
async fn push(house: &House, seed: &mut u64, (users, groups): (&mut Vec<String>, &mut Vec<String>)) {
    let external = format!("x{}", below(seed, 25));
    let patch = async |kind, id: String, operations: Json| {
        let steps = scim::steps(&json!({"Operations": operations})).unwrap();
        drop(house.inboxes.patch("entra", kind, &id, &steps, None).await);
    };
    let (user, group, number) = (picked(seed, users), picked(seed, groups), below(seed, 1000));
    let members = json!([{"value": user}]);
    match below(seed, 13) {
        0..3 => users
            .extend(house.post(USER, json!({"userName": format!("u{number}"), "externalId": external, "active": number % 5 > 0})).await),
        3 | 4 => patch(USER, user, json!([{"op": "replace", "path": "title", "value": number.to_string()}])).await,
        5 => patch(USER, user, json!([{"op": "replace", "path": "active", "value": false}])).await,
        6 => patch(USER, user, json!([{"op": "replace", "path": "active", "value": true}])).await,
        7 if number % 3 == 0 => patch(USER, user, json!([{"op": "replace", "path": "externalId", "value": external}])).await,
        8 if number % 2 == 0 => drop(house.inboxes.delete("entra", USER, &user, None).await),
        9 => groups.extend(house.post(GROUP, json!({"displayName": format!("g{number}")})).await),
        10 => patch(GROUP, group, json!([{"op": "add", "path": "members", "value": members}])).await,
        11 => patch(GROUP, group, json!([{"op": "remove", "path": "members", "value": members}])).await,
        12 if number % 4 == 0 => drop(house.inboxes.delete("entra", GROUP, &group, None).await),
        _ => patch(GROUP, group, json!([{"op": "replace", "path": "displayName", "value": format!("g{number}")}])).await,
    }
}

#[tokio::test]
async fn told_by_changes_is_told_as_a_whole() {
    let mut by_changes = 0;
    for (seed, may_shrink) in [(7, Some(Amount::Count(10_000))), (11, Some(Amount::Count(10_000))), (13, None)] {
        let (house, mut seed) = (House::new().await, seed);
        house.inboxes.used("entra", "one", Timestamp::now()).await.unwrap();
        let mut follower = Follower::of(&house).await;
        follower.may_shrink = may_shrink;
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        for step in 0..300 {
            for _ in 0..below(&mut seed, 4) {
                push(&house, &mut seed, (&mut users, &mut groups)).await;
            }
            by_changes += usize::from(follower.follow().await);
            let (whole, _) = follower.read(ReadScope::All).await;
            assert_eq!(follower.known.0, whole.0, "after step {step}");
        }
    }
    assert!(by_changes > 300, "{by_changes} of 900");
}

#[tokio::test]
async fn one_pushed_user_is_one_changed_record() {
    let house = House::new().await;
    house.inboxes.used("entra", "one", Timestamp::now()).await.unwrap();
    for number in 0..200 {
        house.post(USER, json!({"userName": format!("u{number}"), "externalId": format!("x{number}")})).await.unwrap();
    }
    let mut follower = Follower::of(&house).await;
    assert!(!follower.follow().await && follower.known.1 == 200);
    assert!(follower.follow().await && follower.known.1 == 0, "nothing changed");
    let one = house.post(USER, json!({"userName": "one", "externalId": "one"})).await.unwrap();
    assert!(follower.follow().await && follower.known.1 == 1);
    house.patch(USER, &one, json!([{"op": "replace", "path": "title", "value": "Lead"}])).await.unwrap();
    house.patch(USER, &one, json!([{"op": "replace", "path": "active", "value": false}])).await.unwrap();
    assert!(follower.follow().await && follower.known.1 == 1, "once, whatever happened to it");
    // Another process may have changed it meanwhile: nothing of a mark counts.
    house.inboxes.begin(crate::fence::Fence::open()).await;
    assert!(!follower.follow().await && follower.known.1 == 201);
}
