//! Inboxes as Okta and Entra ID see them, over a workspace that really runs: what is pushed becomes accounts, and who is deactivated there loses them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use super::{Inbound, inbound_routes};
use crate::metrics::Metrics;
use crate::model::{Revision, TokenScope};
use crate::pipeline::tests::Company;
use crate::pipeline::{Hear, News};
use crate::server::Desk;
use crate::server::token::{make, make_to_push};
use crate::server::visitor::Rights;
use crate::state::Shelf;
use crate::workspace::{CompiledRevision, Observer, Workspace};

const PATIENCE: Duration = Duration::from_secs(120);
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

struct Deaf;

impl Hear for Deaf {
    fn hear(&self, _: News<'_>) {}
}

impl Observer for Deaf {}

struct House {
    company: Company,
    inbound: Arc<Inbound>,
    routes: Router,
    token: String,
    _stop: tokio_util::sync::DropGuard,
}

impl House {
    async fn new() -> Self {
        let mut company = Company::new().await;
        company.manifests = company
            .manifests
            .replace("file: {path: hr.csv}", "inbox: {}")
            .replace("key: record.id", "key: record.externalId")
            .replace("record.user}", "record.userName}")
            .replace("record.name}", "record.displayName}");
        let now = Timestamp::now();
        let made = make_to_push("one", "hr", "a test", now, now + SignedDuration::from_hours(1)).unwrap();
        let other = make_to_push("two", "elsewhere", "a test", now, now + SignedDuration::from_hours(1)).unwrap();
        let tokens = [&made, &other].map(|made| Shelf::Tokens.put(made.token.name.as_str(), &made.token));
        company.store.commit(tokens.to_vec()).await.unwrap();
        let stop = CancellationToken::new();
        let (loaded, policy) = company.declared();
        let revision = Revision { id: "one".into(), name: "main@one".into(), at: now, authors: Vec::new(), signer: None };
        let manifests = CompiledRevision { revision, loaded: Arc::new(loaded), policy: Arc::new(policy), data: Default::default() };
        let (store, place) = (company.store.clone(), crate::state::StatePlace::from(company.path("state.db").as_path()));
        let workspace = Workspace { store: store.clone(), who: "a test".into(), observer: Arc::new(Deaf), once: false, stop: stop.clone() };
        let inbound = Inbound::new(Metrics::default(), None, None).unwrap();
        let shown = inbound.clone();
        tokio::spawn(workspace.run(manifests, move |mail| shown.serve(Desk { store, place, mail })));
        let house = Self { company, routes: inbound_routes(&inbound), inbound, token: made.text, _stop: stop.drop_guard() };
        house.until("the lock", async |house| house.get("Users").await.0 == 200).await;
        house
    }

    async fn until(&self, what: &str, so: impl AsyncFn(&Self) -> bool) {
        let waits = async {
            while !so(self).await {
                tokio::task::yield_now().await;
            }
        };
        if timeout(PATIENCE, waits).await.is_err() {
            panic!("{what} never came: {:#?}", self.company.store.shelf(Shelf::Status).await);
        }
    }

    async fn ask(&self, method: &str, path: &str, token: &str, body: Option<Json>) -> (u16, Json) {
        loop {
            let request = Request::builder().method(method).uri(format!("/scim/v2/{path}")).header(HOST, "headcount.acme.example");
            let request = request.header(AUTHORIZATION, format!("Bearer {token}")).header(CONTENT_TYPE, "application/scim+json");
            let sent = body.as_ref().map_or_else(Body::empty, |body| Body::from(body.to_string()));
            let answer = self.routes.clone().call(request.body(sent).unwrap()).await.unwrap();
            let (head, body) = answer.into_parts();
            let body = axum::body::to_bytes(body, 10 << 20).await.unwrap();
            // As clients do it.
            if head.status == StatusCode::TOO_MANY_REQUESTS {
                continue;
            }
            if !body.is_empty() {
                assert_eq!(head.headers[CONTENT_TYPE], "application/scim+json");
            }
            return (head.status.as_u16(), serde_json::from_slice(&body).unwrap_or_default());
        }
    }

    async fn get(&self, path: &str) -> (u16, Json) {
        self.ask("GET", &format!("hr/{path}"), &self.token, None).await
    }

    async fn send(&self, method: &str, path: &str, body: Json) -> (u16, Json) {
        self.ask(method, &format!("hr/{path}"), &self.token, Some(body)).await
    }

    async fn patch(&self, path: &str, operations: Json) -> u16 {
        self.send("PATCH", path, json!({"schemas": [PATCH], "Operations": operations})).await.0
    }
}

#[tokio::test]
async fn okta_makes_somebody_and_takes_them_back() {
    let house = House::new().await;
    // As its "SCIM 2.0 Protocol Reference" has it.
    let look = "Users?filter=userName%20eq%20%22test.user%40okta.local%22&startIndex=1&count=100";
    let (status, found) = house.get(look).await;
    assert_eq!((status, &found["totalResults"], &found["Resources"]), (200, &json!(0), &json!([])));
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "test.user@okta.local",
        "name": {"givenName": "Test", "familyName": "User"},
        "emails": [{"primary": true, "value": "test.user@okta.local", "type": "work"}],
        "displayName": "Test User", "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7", "groups": [], "password": "1mz050nq", "active": true,
    });
    let (status, made) = house.send("POST", "Users", body.clone()).await;
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!((status, &made["externalId"], made.get("password")), (201, &json!("00ujl29u0le5T6Aj10h7"), None));
    assert_eq!(made["meta"]["location"], format!("http://headcount.acme.example/scim/v2/hr/Users/{id}"));
    assert_eq!(house.send("POST", "Users", body.clone()).await.0, 409);
    assert_eq!(house.get(look).await.1["totalResults"], 1);
    house.until("an account", async |house| house.company.accounts().contains(&"test.user@okta.local".to_owned())).await;
    // An import reads pages, and ones past the end.
    assert_eq!(house.get("Users?startIndex=1&count=2").await.1["itemsPerPage"], 1);
    assert_eq!(house.get("Users?startIndex=101&count=100").await.1["Resources"], json!([]));
    assert_eq!(house.get("Users?count=0").await.1["totalResults"], 1);
    let mut changed = body.clone();
    changed["displayName"] = json!("Another User");
    assert_eq!(house.send("PUT", &format!("Users/{id}"), changed).await.1["displayName"], "Another User");
    // Groups are pushed: made with members, patched without a path.
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Test SCIMv2", "members": [{"value": id, "display": "test.user@okta.local"}]});
    let (status, group) = house.send("POST", "Groups", group).await;
    let team = group["id"].as_str().unwrap().to_owned();
    assert_eq!((status, &group["members"][0]["value"]), (201, &json!(id)));
    let rename = json!([{"op": "replace", "value": {"id": team, "displayName": "Test SCIMv2.1"}}]);
    assert_eq!(house.patch(&format!("Groups/{team}"), rename).await, 204);
    assert_eq!(house.get(&format!("Users/{id}")).await.1["groups"][0]["display"], "Test SCIMv2.1");
    assert_eq!(house.patch(&format!("Users/{id}"), json!([{"op": "replace", "value": {"active": false}}])).await, 200);
    assert_eq!(house.get(&format!("Users/{id}")).await.1["active"], false);
    house.until("a leaver", async |house| !house.company.accounts().contains(&"test.user@okta.local".to_owned())).await;
    assert_eq!(house.ask("DELETE", &format!("hr/Groups/{team}"), &house.token, None).await.0, 204);
    assert_eq!(house.get(&format!("Groups/{team}")).await.0, 404);
}

/// Both of Entra ID's ways: as it is, and with `aadOptscim062020`.
#[tokio::test]
async fn entra_writes_its_two_ways_and_both_come_to_the_same() {
    let house = House::new().await;
    let mut told = Vec::new();
    for (name, new_way) in [("default", false), ("flag", true)] {
        let suffix = if new_way { "?aadOptscim062020" } else { "" };
        assert_eq!(house.get(&format!("Users?filter=userName+eq+%22{name}%22")).await.1["totalResults"], 0);
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE], "externalId": format!("0a21f0f2-{name}"), "userName": name,
            "active": true, "emails": [{"Primary": true, "type": "work", "value": "a@b.example"}], "meta": {"resourceType": "User"},
            "name": {"formatted": "g f", "familyName": "f", "givenName": "g"}, "roles": [], ENTERPRISE: {"Department": "bob", "Manager": {"Value": "7"}},
        });
        let (status, made) = house.send("POST", &format!("Users{suffix}"), body).await;
        assert_eq!((status, &made[ENTERPRISE]["department"], &made["emails"][0]["primary"]), (201, &json!("bob"), &json!(true)));
        let user = format!("Users/{}", made["id"].as_str().unwrap());
        let number = format!("{ENTERPRISE}:employeeNumber");
        let changes = match new_way {
            false => json!([
                {"op": "Replace", "path": "displayName", "value": "Pvlo"},
                {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "c@d.example"},
                {"op": "Replace", "path": "name.givenName", "value": "Gtfd"},
                {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+44"},
                {"op": "Replace", "path": number, "value": "Eqpj"},
                {"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "26118915"},
            ]),
            true => json!([
                {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "c@d.example"},
                {"op": "add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+44"},
                {"op": "add", "path": format!("{ENTERPRISE}:manager"), "value": [{"$ref": "../Users/26118915", "value": "26118915"}]},
                {"op": "replace", "value": {"displayName": "Pvlo", "name.givenName": "Gtfd", number: "Eqpj"}},
            ]),
        };
        assert_eq!(house.patch(&user, changes).await, 200);
        let off = if new_way {
            json!([{"op": "replace", "path": "active", "value": false}])
        } else {
            json!([{"op": "Replace", "path": "active", "value": "False"}])
        };
        assert_eq!(house.patch(&user, off).await, 200);
        let mut now = house.get(&user).await.1;
        for own in ["id", "meta", "userName", "externalId"] {
            now.as_object_mut().unwrap().remove(own);
        }
        now[ENTERPRISE]["manager"].as_object_mut().unwrap().remove("$ref");
        told.push(now);
        // Groups come empty, are asked for without their members, and members come and go one by one.
        let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"], "externalId": format!("8aa1a0c0-{name}"), "displayName": name, "meta": {"resourceType": "Group"}});
        let (status, group) = house.send("POST", "Groups", group).await;
        assert_eq!(status, 201);
        let team = format!("Groups/{}", group["id"].as_str().unwrap());
        let found = house.get(&format!("Groups?excludedAttributes=members&filter=displayName+eq+%22{name}%22")).await.1;
        assert_eq!(found["totalResults"], 1);
        let id = made["id"].as_str().unwrap();
        assert_eq!(house.patch(&team, json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": id}]}])).await, 204);
        assert_eq!(house.get(&team).await.1["members"][0]["value"], id);
        assert_eq!(house.get(&format!("{team}?excludedAttributes=members")).await.1.get("members"), None);
        let out = match new_way {
            false => json!([{"op": "Remove", "path": "members", "value": [{"value": id}]}]),
            true => json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]),
        };
        assert_eq!(house.patch(&team, out.clone()).await, 204);
        assert_eq!(house.patch(&team, out).await, 204, "who is not there is gone");
        assert_eq!(house.get(&team).await.1.get("members"), None);
        assert_eq!(house.ask("DELETE", &format!("hr/{user}"), &house.token, None).await.0, 204);
        assert_eq!(house.ask("DELETE", &format!("hr/{user}"), &house.token, None).await.0, 404);
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn whoever_has_no_token_of_this_source_learns_nothing_and_errors_have_one_shape() {
    let house = House::new().await;
    // One that has ended, and one of the API, whatever it may do there.
    let now = Timestamp::now();
    let over = make_to_push("over", "hr", "a test", now, now).unwrap();
    let api = make("api", TokenScope::ALL.into(), "a test", now, now + SignedDuration::from_hours(1)).unwrap();
    let tokens = [&over, &api].map(|made| Shelf::Tokens.put(made.token.name.as_str(), &made.token));
    house.company.store.commit(tokens.to_vec()).await.unwrap();
    house.inbound.who.forget().await;
    assert!(!Rights::of_token(&over.token).any(), "who pushes does nothing else");
    for token in ["", "hct_hr_x_y", &over.text, &api.text, "Bearer"] {
        for path in ["hr/Users", "hr", "nowhere/Users", "hr/Schemas"] {
            let (status, body) = house.ask("GET", path, token, None).await;
            assert_eq!((status, &body["status"]), (401, &json!("401")), "{path}");
        }
    }
    assert_eq!(house.ask("GET", "elsewhere/Users", &house.token, None).await.0, 401, "a token of another Source");
    for (method, path, status) in [
        ("GET", "Nothing", 404),
        ("GET", "Users/1/2", 404),
        ("DELETE", "Users", 405),
        ("POST", "Schemas", 405),
        ("POST", "ResourceTypes", 405),
        ("GET", "Me", 501),
        ("GET", "Users?filter=nothing+eq+%22a%22", 400),
        ("GET", "Users?startIndex=x", 400),
        ("GET", "Users?cursor=x", 400),
    ] {
        let (answered, body) = house.ask(method, &format!("hr/{path}"), &house.token, Some(json!({}))).await;
        assert_eq!((answered, &body["status"]), (status, &json!(status.to_string())), "{method} {path}");
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    }
    for path in ["Schemas", "ResourceTypes"] {
        assert!(house.get(path).await.1["Resources"].as_array().is_some_and(|all| all.len() >= 2));
    }
    assert_eq!(house.send("POST", "Users", json!({"userName": "x".repeat(5 << 20)})).await.0, 413);
}

#[tokio::test]
async fn pages_follow_a_cursor_to_the_end() {
    let house = House::new().await;
    for number in 0..7 {
        assert_eq!(house.send("POST", "Users", json!({"userName": format!("u{number}")})).await.0, 201);
    }
    let (mut path, mut names) = ("Users?count=3&cursor=".to_owned(), Vec::new());
    loop {
        let (_, page) = house.get(&path).await;
        names.extend(page["Resources"].as_array().unwrap().iter().map(|user| user["userName"].as_str().unwrap().to_owned()));
        let Some(next) = page["nextCursor"].as_str() else { break };
        path = format!("Users?count=3&cursor={next}");
    }
    assert_eq!(names, (0..7).map(|number| format!("u{number}")).collect::<Vec<_>>());
}
