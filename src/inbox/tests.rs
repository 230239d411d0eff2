//! Inboxes over a real state: what clients count on, and what a second implementation makes of many random changes.

use std::sync::Arc;
use std::task::{Context, Waker};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::{Inboxes, Match, PushRefusal, SearchAsked};
use crate::connector::{InboxPlace, InboxRecord};
use crate::fence::Fence;
use crate::fence::by_hand::HandTenure;
use crate::scim::{self, PatchPath, ScimQuery, ScimRefusal, ServedKind};
use crate::state::{self, Shelf, Store};

mod changes;
mod measured;
mod model;

const USER: ServedKind = ServedKind::User;
const GROUP: ServedKind = ServedKind::Group;

struct House {
    _folder: tempfile::TempDir,
    store: Arc<dyn Store>,
    inboxes: Arc<Inboxes>,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = state::open(&folder.path().join("state.db"), "acme-test").await.unwrap();
        let inboxes = Inboxes::to_read(store.clone());
        inboxes.begin(Fence::open()).await;
        Self { _folder: folder, store, inboxes }
    }

    /// One that is gone with the process, and waits for no disk.
    async fn passing() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = state::passing(&folder.path().join("state.db"), "acme-test", false).await.unwrap();
        let inboxes = Inboxes::to_read(store.clone());
        inboxes.begin(Fence::open()).await;
        Self { _folder: folder, store, inboxes }
    }

    /// As another process finds it.
    async fn again(&self) -> Arc<Inboxes> {
        let inboxes = Inboxes::to_read(self.store.clone());
        inboxes.begin(Fence::open()).await;
        inboxes
    }

    async fn post(&self, kind: ServedKind, body: Json) -> Result<String, ScimRefusal> {
        refused(self.inboxes.create("entra", kind, &body).await).map(|pushed| pushed.id.to_string())
    }

    async fn patch(&self, kind: ServedKind, id: &str, operations: Json) -> Result<bool, ScimRefusal> {
        let steps = scim::steps(&json!({"Operations": operations}))?;
        refused(self.inboxes.patch("entra", kind, id, &steps, None).await).map(|pushed| pushed.changed)
    }

    async fn get(&self, kind: ServedKind, id: &str) -> Option<Json> {
        let told = |inbox: &super::Inbox| inbox.told(kind, id, &SearchAsked::default(), "");
        let mut told = self.inboxes.look("entra", told).await.unwrap()?;
        told.as_object_mut()?.remove("meta");
        Some(told)
    }

    async fn members(&self, id: &str) -> Vec<String> {
        let group = self.get(GROUP, id).await.unwrap();
        let members = group["members"].as_array().cloned().unwrap_or_default();
        members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
    }

    async fn found(&self, kind: ServedKind, filter: &str) -> Result<Vec<String>, ScimRefusal> {
        let asked = SearchAsked { filter: Some(ScimQuery::read(filter)?), count: 100, ..SearchAsked::default() };
        let listed = self.inboxes.look("entra", |inbox| inbox.search(&[kind], &asked, "")).await.unwrap()?;
        Ok(listed.resources.iter().map(|one| one[kind.name()].as_str().unwrap_or_default().to_owned()).collect())
    }
}

fn refused<T>(done: Result<T, PushRefusal>) -> Result<T, ScimRefusal> {
    done.map_err(|refusal| match refusal {
        PushRefusal::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    })
}

fn user(name: &str) -> Json {
    json!({"userName": name, "externalId": format!("x-{name}"), "active": true, "displayName": name})
}

#[tokio::test]
async fn what_was_answered_is_there_for_whoever_comes_next() {
    let house = House::new().await;
    let ada = house.post(USER, user("ada")).await.unwrap();
    let team = house.post(GROUP, json!({"displayName": "team", "members": [{"value": ada}]})).await.unwrap();
    let luis = house.post(USER, user("luis")).await.unwrap();
    house.patch(GROUP, &team, json!([{"op": "Add", "path": "members", "value": [{"value": luis, "$ref": null}]}])).await.unwrap();
    house.inboxes.delete("entra", USER, &ada, None).await.unwrap();
    let before = (house.get(USER, &luis).await, house.get(USER, &ada).await, house.members(&team).await);
    assert_eq!((&before.1, &before.2), (&None, &vec![luis.clone()]));
    let house = House { inboxes: house.again().await, ..house };
    assert_eq!(before, (house.get(USER, &luis).await, house.get(USER, &ada).await, house.members(&team).await));
    assert_eq!(before.0.unwrap()["groups"][0]["display"], "team");
    // Nothing of a person stands in the clear.
    let file = std::fs::read(house._folder.path().join("state.db")).unwrap();
    let wal = std::fs::read(house._folder.path().join("state.db-wal")).unwrap_or_default();
    assert!([file, wal].iter().all(|bytes| memchr::memmem::find(bytes, b"x-luis").is_none()));
}

#[tokio::test]
async fn names_are_unique_and_a_repeat_clears_nothing() {
    let house = House::new().await;
    let ada = house.post(USER, user("Ada@acme.example")).await.unwrap();
    let twice = house.post(USER, user("ada@ACME.example")).await.unwrap_err();
    assert_eq!((twice.status, twice.kind), (409, Some("uniqueness")));
    assert_eq!(house.found(USER, r#"userName eq "ADA@acme.example""#).await.unwrap(), ["Ada@acme.example"]);
    // Okta renames by deactivating one and making another with the same externalId.
    let again = json!({"userName": "ada.new", "externalId": "x-Ada@acme.example", "active": true});
    assert_eq!(house.post(USER, again.clone()).await.unwrap_err().status, 409);
    house.patch(USER, &ada, json!([{"op": "replace", "value": {"active": false}}])).await.unwrap();
    let new = house.post(USER, again).await.unwrap();
    // The old one can't come back beside it.
    assert_eq!(house.patch(USER, &ada, json!([{"op": "Replace", "path": "active", "value": "True"}])).await.unwrap_err().status, 409);
    assert_eq!(house.get(USER, &ada).await.unwrap()["active"], json!(false), "and stays readable");
    house.inboxes.delete("entra", USER, &new, None).await.unwrap();
    assert_eq!(house.get(USER, &new).await, None);
    house.patch(USER, &ada, json!([{"op": "Replace", "path": "active", "value": "True"}])).await.unwrap();
    assert!(!house.patch(USER, &ada, json!([{"op": "Add", "path": "active", "value": "true"}])).await.unwrap(), "nothing is otherwise");
}

#[tokio::test]
async fn a_put_that_says_nothing_of_active_lets_nobody_in_again() {
    let house = House::new().await;
    let ada = house.post(USER, json!({"userName": "ada", "active": "False", "password": "s3cret"})).await.unwrap();
    house.inboxes.replace("entra", USER, &ada, &json!({"userName": "ada", "title": "Lead"}), None).await.unwrap();
    let told = house.get(USER, &ada).await.unwrap();
    assert_eq!((&told["active"], &told["title"], told.get("password")), (&json!(false), &json!("Lead"), None));
}

#[tokio::test]
async fn whoever_was_deactivated_is_let_in_again_by_nothing_but_a_word() {
    let house = House::new().await;
    let there = |inboxes: Arc<Inboxes>| async move {
        let sight = InboxPlace::sight(&*inboxes, "entra").await.unwrap();
        let mut all = Vec::new();
        sight.records.standings(&mut |standing| all.push(standing.active));
        all
    };
    let ada = house.post(USER, user("ada")).await.unwrap();
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    let unsaid = [
        json!([{"op": "remove", "path": "active"}]),
        json!([{"op": "replace", "path": "active", "value": null}]),
        json!([{"op": "replace", "value": {"active": null}}]),
        json!([{"op": "add", "path": "active", "value": []}]),
    ];
    for steps in unsaid {
        house.patch(USER, &ada, off.clone()).await.unwrap();
        // Some of these are refused, which is as good.
        drop(house.patch(USER, &ada, steps.clone()).await);
        assert_eq!((there(house.inboxes.clone()).await, there(house.again().await).await), (vec![false], vec![false]), "{steps}");
    }
    for active in [json!(null), json!([])] {
        let body = json!({"userName": "ada", "externalId": "x-ada", "active": active});
        drop(house.inboxes.replace("entra", USER, &ada, &body, None).await);
        assert_eq!(there(house.again().await).await, [false], "{body}");
    }
    let twice = json!({"userName": "luis", "active": false, "Active": true});
    assert_eq!(house.post(USER, twice).await.unwrap_err().status, 400);
    house.patch(USER, &ada, json!([{"op": "replace", "path": "active", "value": true}])).await.unwrap();
    assert_eq!(there(house.again().await).await, [true]);
}

#[tokio::test]
async fn whoever_comes_with_an_active_that_says_nothing_is_not_let_in() {
    let house = House::new().await;
    for (name, active) in [("mona", json!(null)), ("noel", json!([]))] {
        let came = house.post(USER, json!({"userName": name, "Active": active})).await.unwrap();
        assert_eq!(house.get(USER, &came).await.unwrap()["active"], json!(false), "{name}");
    }
}

#[tokio::test]
async fn what_records_take_for_one_key_or_name_is_one_at_the_door() {
    let house = House::new().await;
    let body = |name: &str, external: &str| json!({"userName": name, "externalId": external});
    let first = house.post(USER, body("ada", "e\u{301}1")).await.unwrap();
    let second = house.post(USER, body("luis", "e2")).await.unwrap();
    for (name, external) in [("ada ", "e3"), ("ADA\u{a0}", "e3"), ("mona", "\u{e9}1"), ("mona", " e\u{301}1")] {
        assert_eq!(house.post(USER, body(name, external)).await.unwrap_err().status, 409, "{name} {external}");
        let replaced = refused(house.inboxes.replace("entra", USER, &second, &body(name, external), None).await);
        assert_eq!(replaced.unwrap_err().status, 409, "{name} {external}");
    }
    let patched = house.patch(USER, &second, json!([{"op": "replace", "path": "externalId", "value": "\u{e9}1 "}])).await;
    assert_eq!(patched.unwrap_err().status, 409);
    for (name, external) in [("a\0da", "e4"), ("mona\n", "e4"), ("mona", "e\u{7}4")] {
        assert_eq!(house.post(USER, body(name, external)).await.unwrap_err().status, 400, "{name:?} {external:?}");
    }
    assert_eq!(house.patch(USER, &first, json!([{"op": "replace", "path": "userName", "value": "a\0"}])).await.unwrap_err().status, 400);
}

#[tokio::test]
async fn members_go_by_path_by_list_and_whoever_is_not_there_is_no_trouble() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        ids.push(house.post(USER, user(name)).await.unwrap());
    }
    let all: Vec<Json> = ids.iter().map(|id| json!({"value": id})).collect();
    let team = house.post(GROUP, json!({"displayName": "team", "members": all})).await.unwrap();
    let path = format!("members[value eq \"{}\"]", ids[0]);
    house
        .patch(GROUP, &team, json!([{"op": "remove", "path": path}, {"op": "Remove", "path": "members", "value": [{"value": ids[1]}]}]))
        .await
        .unwrap();
    let mut left = [ids[2].clone(), ids[3].clone()];
    left.sort();
    assert_eq!(house.members(&team).await, left);
    assert!(!house.patch(GROUP, &team, json!([{"op": "remove", "path": path}])).await.unwrap());
    let unknown = house.patch(GROUP, &team, json!([{"op": "add", "path": "members", "value": [{"value": "nobody"}]}])).await;
    assert_eq!(unknown.unwrap_err().kind, Some("invalidValue"));
    assert_eq!(house.members(&team).await, left);
    house.patch(GROUP, &team, json!([{"op": "replace", "path": "members", "value": [{"value": ids[0]}]}])).await.unwrap();
    assert_eq!(house.members(&team).await, [ids[0].clone()]);
    house.patch(GROUP, &team, json!([{"op": "remove", "path": "members"}])).await.unwrap();
    assert!(house.members(&team).await.is_empty());
}

#[tokio::test]
async fn a_filter_that_is_not_understood_finds_nobody() {
    let house = House::new().await;
    for name in ["ada", "luis", "o'hara \"x\""] {
        house.post(USER, user(name)).await.unwrap();
    }
    for filter in [
        "",
        "userName",
        "userName eq",
        "userName eq \"a",
        "name2 eq \"a\"",
        "userName is \"a\"",
        "userName eq \"a\" nor id pr",
        "(userName pr",
        "emails[type eq \"a\"",
        "not userName",
    ] {
        let refused = house.found(USER, filter).await.unwrap_err();
        assert_eq!((refused.status, refused.kind), (400, Some("invalidFilter")), "{filter}");
    }
    for (filter, found) in [
        ("USERNAME EQ \"Ada\"", 1),
        ("userName eq luis", 1),
        (r#"userName eq "o'hara \"x\"""#, 1),
        ("externalId eq \"x-ada\"", 1),
        ("externalId eq \"X-ADA\"", 0),
        ("active eq true and not (userName sw \"a\")", 2),
        ("userName eq \"ada\" or displayName co \"UI\"", 2),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName eq \"ada\"", 1),
        ("emails[type eq \"work\"].value eq \"a\"", 0),
        ("meta.lastModified gt \"2001-01-01T00:00:00Z\"", 3),
    ] {
        assert_eq!(house.found(USER, filter).await.unwrap().len(), found, "{filter}");
    }
}

#[tokio::test]
async fn without_the_lock_nothing_is_kept_or_told() {
    let house = House::new().await;
    let ada = house.post(USER, user("ada")).await.unwrap();
    house.inboxes.end();
    assert!(matches!(house.inboxes.create("entra", USER, &user("luis")).await, Err(PushRefusal::Away(_))));
    assert!(matches!(house.inboxes.look("entra", |_| ()).await, Err(PushRefusal::Away(_))));
    let tenure = HandTenure::stands();
    house.inboxes.begin(Fence::of(tenure.clone())).await;
    // It is lost while the commit is under way: whoever took the lock may have read before.
    tenure.ends_after(1);
    assert!(matches!(house.inboxes.create("entra", USER, &user("luis")).await, Err(PushRefusal::Away(_))));
    house.inboxes.begin(Fence::open()).await;
    assert_eq!(house.get(USER, &ada).await.unwrap()["userName"], "ada");
}

#[tokio::test]
async fn a_version_that_is_no_more_changes_nothing() {
    let house = House::new().await;
    let ada = house.post(USER, user("ada")).await.unwrap();
    let put = |version| {
        let (inboxes, id) = (house.inboxes.clone(), ada.clone());
        async move { inboxes.replace("entra", USER, &id, &user("ada2"), Some(&Match::Of([version].into()))).await }
    };
    assert!(matches!(put(7).await, Err(PushRefusal::Stale)));
    assert_eq!(put(1).await.unwrap().version, 2);
    assert!(matches!(put(1).await, Err(PushRefusal::Stale)));
}

#[tokio::test]
async fn what_was_deleted_is_known_for_thirty_days() {
    let house = House::new().await;
    let ada = house.post(USER, user("ada")).await.unwrap();
    house.inboxes.delete("entra", USER, &ada, None).await.unwrap();
    let records = |inboxes: Arc<Inboxes>| async move {
        let sight = InboxPlace::sight(&*inboxes, "entra").await.unwrap();
        let (mut ids, mut told) = (Vec::new(), Vec::new());
        sight.records.standings(&mut |standing| ids.push(standing.id.clone()));
        let name = |fields: &serde_json::Map<String, Json>, name: &str| fields[name].clone();
        let take = &mut |record: InboxRecord<'_>| told.push(["userName", "active", "deleted"].map(|it| name(&record.fields, it)));
        sight.records.told(&ids, take);
        told
    };
    assert_eq!(records(house.again().await).await, [[json!("ada"), json!(false), json!(true)]]);
    let name = format!("entra/Users/{ada}");
    let all: Vec<(Arc<str>, super::InboxResource)> = Shelf::Inbox.all(house.store.as_ref()).await.unwrap();
    let old = super::InboxResource { modified: Timestamp::now() - SignedDuration::from_hours(31 * 24), ..all[0].1.clone() };
    house.store.commit(vec![Shelf::Inbox.put(name, &old)]).await.unwrap();
    assert!(records(house.again().await).await.is_empty());
    assert!(house.store.shelf(Shelf::Inbox).await.unwrap().is_empty());
}

#[test]
fn paths_are_read_whole_or_refused() {
    for wrong in ["", "a b", "a.b.c", "emails[", "emails[type]x", "emails[type eq \"a\"]value", "a[b eq 1].c.d", "[a pr]"] {
        assert!(PatchPath::read(wrong).is_err(), "{wrong}");
    }
    let read = |text: &str| PatchPath::read(text).unwrap();
    let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    assert_eq!(read(&format!("{urn}:manager")).schema.as_deref(), Some(urn));
    assert_eq!(read(&format!("{}:manager.value", urn.to_uppercase())).schema.as_deref(), Some(urn));
    assert_eq!(read("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName").schema, None);
}

/// Its request is dropped wherever it waits. Whoever comes next finds at hand what the state has, and a repeat makes nobody twice.
#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_half_done() {
    for polls in 0..12 {
        let house = House::new().await;
        {
            let body = user("ada");
            let mut push = std::pin::pin!(house.inboxes.create("entra", USER, &body));
            for _ in 0..polls {
                if push.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // Behind whatever is still under way.
        house.post(USER, user("luis")).await.unwrap();
        let here = house.found(USER, "id pr").await.unwrap();
        let house = House { inboxes: house.again().await, ..house };
        assert_eq!(here, house.found(USER, "id pr").await.unwrap(), "after {polls}");
        match here.contains(&"ada".to_owned()) {
            true => assert_eq!(house.post(USER, user("ada")).await.unwrap_err().status, 409),
            false => drop(house.post(USER, user("ada")).await.unwrap()),
        }
    }
}
