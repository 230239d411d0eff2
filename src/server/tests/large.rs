//! However much there is, a page is short: 100,000 people, a plan of 10,000 changes that waits, a run of as many in the journal. `benches/pages.rs` says how long they take.

use super::*;
use crate::journal::entry;
use crate::model::{Action, Change, ChangeId, ObjectKind, ObjectRef, Outcome, Reason};
use world::Large;

#[path = "../../../benches/pages/world.rs"]
pub(super) mod world;

/// Bytes of a page.
const LONGEST: usize = 300_000;
const RUN: &str = "20261130T000000Z-00000000";

#[tokio::test(flavor = "multi_thread")]
async fn no_page_is_long_however_much_there_is() {
    let large = Large { people: 100_000, changes: 10_000 };
    let mut company = Company::new().await;
    std::fs::remove_file(company.path("app.db")).unwrap();
    company.manifests = large.write(&company.path(""));
    journal(&company, 1_000).await;
    let house = House::of(company, ALL).await;
    house.until("a plan that waits", async |house| house.site.waiting().await.is_ok_and(|(plans, _)| !plans.is_empty())).await;
    let (waiting, _) = house.site.waiting().await.unwrap();
    assert!(waiting[0].plan.changes.len() >= large.changes, "{}", waiting[0].plan.changes.len());
    let hash = waiting[0].hash.clone();
    let (somebody, late, far) = (large.somebody(), large.changes - 100, large.people - 100);
    let here: Vec<String> = [
        "/",
        "/plans",
        "/pending",
        "/people",
        "/people?q=family7",
        "/group?key=group/all",
        "/sources",
        "/guardrails",
        "/history",
        "/history?target=app",
        "/history?who=hr/7",
        "/run",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([
        format!("/plan?hash={hash}"),
        format!("/plan?hash={hash}&from={late}"),
        format!("/pending?target=app&from={late}"),
        format!("/people?from={far}"),
        format!("/person?key={somebody}"),
        "/person?key=hr/1".into(),
        format!("/group?key=group/all&from={far}"),
        format!("/history?run={RUN}"),
    ])
    .collect();
    for path in here {
        let page = house.look(&path, "mara@acme.example", &[]).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        assert!(page.body.len() <= LONGEST, "{path} has {} bytes", page.body.len());
    }
    // What the last page of each holds is the last of what there is.
    let last = house.look(&format!("/people?from={far}"), "mara@acme.example", &[]).await.body;
    assert_eq!((last.matches("href=\"/person?key=").count(), last.contains("The next")), (100, false));
    let plan = house.look(&format!("/plan?hash={hash}&from={late}"), "mara@acme.example", &[]).await.body;
    assert!(plan.matches("<details class=\"change\"").count() >= 100, "{plan}");
    house.end().await;
}

async fn journal(company: &Company, changes: u32) {
    let (run, at): (Arc<str>, _) = (RUN.into(), Timestamp::now());
    let lines = (0..changes).flat_map(|number| {
        let key: Arc<str> = format!("hr/{number}").into();
        let object = ObjectRef { kind: ObjectKind::Account, key: key.clone(), id: None, name: key.clone() };
        let (id, change) = (ChangeId(number), Change::new(&"app".into(), Action::Create, object, Reason::Joiner));
        let outcome = Event::outcome(id, &change, &Outcome::Done { id: None }, Some(&key));
        [entry(&run, at, &Event::intent(id, &change, 1)), entry(&run, at, &outcome)]
    });
    company.store.commit(lines.collect()).await.unwrap();
}
