//! The engine against a service that answers what a test tells it to, by the catalog's own document.

mod changes;
mod hostile;
mod parts;
mod rehearsal;
mod signing;
mod subscribing;
mod writing;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::DeclaredConnector;
use crate::connector::describe::Connector;
use crate::connector::scim::tests::scripted::{Answer, Asked, Scripted, answer, wanted};
use crate::connector::{Gone, LookupRequest, PageSink, ReadRequest, Surroundings, TargetConnector};
use crate::manifest::catalog::catalog;
use crate::manifest::connection::{DeclaredConnection, SecretRef};
use crate::model::{Action, Cell, Columns, Evidence, ObjectKind, Page, ReadReport, SystemError};

/// The catalog's document of a vendor, for a service on this machine.
fn connection(service: &Scripted, name: &str) -> DeclaredConnection {
    let mut document = (**catalog().get(name).expect("a document")).clone();
    let host = service.base.trim_start_matches("http://").trim_end_matches("/scim").to_owned();
    document.config.values_mut().for_each(|rules| rules.pattern = None);
    document.base = "http://{config.org}/scim".into();
    let secret = SecretRef::Exec(vec!["echo".into(), "t0ken".into()]);
    DeclaredConnection {
        name: name.into(),
        config: BTreeMap::from([("org".into(), host)]),
        auth: BTreeMap::from([("token".into(), BTreeMap::from([("token".into(), secret)]))]),
        webhook_secret: None,
        ca_file: None,
        timeout: None,
        max_body: None,
        group_kinds: Vec::new(),
        extend: None,
        document: Some(Arc::new(document)),
    }
}

/// A document of a test's own, for a service on this machine; its list is one answer unless it says otherwise.
fn own(service: &Scripted, fields: &Json, auth: &Json) -> DeclaredConnection {
    own_at(&service.base, fields, auth)
}

fn own_at(base: &str, fields: &Json, auth: &Json) -> DeclaredConnection {
    let host = base.trim_start_matches("http://").trim_end_matches("/scim");
    let mut document = json!({
        "title": "Own", "hosts": [host], "base": base, "auth": {"own": {"bearer": "{secret.token}"}},
        "accounts": {"id": "record.id", "attributes": {}, "list": {"get": "/users", "pages": {"one": {}}}},
    });
    fields.as_object().into_iter().flatten().for_each(|(name, value)| document[name] = value.clone());
    DeclaredConnection {
        name: "own".into(),
        config: BTreeMap::new(),
        auth: serde_json::from_value(json!({ "own": auth })).expect("secrets"),
        webhook_secret: None,
        ca_file: None,
        timeout: None,
        max_body: None,
        group_kinds: Vec::new(),
        extend: None,
        document: Some(Arc::new(serde_json::from_value(document).expect("a document"))),
    }
}

/// A secret that comes to this.
fn said(text: &str) -> Json {
    json!({"exec": ["printf", "%s", text]})
}

async fn target(service: &Scripted) -> TargetConnector {
    DeclaredConnector.open_target(&connection(service, "okta"), &Surroundings::at(".")).await.expect("a target")
}

#[derive(Default)]
pub(super) struct Rows(pub(super) BTreeMap<ObjectKind, Vec<String>>);

impl PageSink for Rows {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        let row = |row: crate::model::Row<'_>| {
            let told = |cell: Cell<'_>| match cell {
                Cell::Unreadable(_) => "?".into(),
                cell => cell.to_value().map_or("-".into(), |value| value.to_string()),
            };
            row.cells().map(told).collect::<Vec<_>>()
        };
        self.0.entry(kind).or_default().extend(page.rows().map(|found| row(found).join(" ")));
    }

    fn restart(&mut self, kind: ObjectKind) {
        self.0.remove(&kind);
    }

    fn gone(&mut self, kind: ObjectKind, gone: Gone<'_>) {
        if let Gone::Ids(ids) = gone {
            self.0.entry(kind).or_default().extend(ids.iter().map(|id| format!("gone {id}")));
        }
    }
}

async fn read(service: &Scripted, streams: &[(ObjectKind, &[&str])]) -> (ReadReport, Rows) {
    let streams = streams.iter().map(|(kind, columns)| (*kind, Columns::new(columns.iter().copied()))).collect();
    let mut rows = Rows::default();
    let report = target(service).await.reader.read(&ReadRequest::new(streams), &mut rows).await;
    (report, rows)
}

fn user(id: &str, status: &str, login: &str) -> Json {
    json!({"id": id, "status": status, "profile": {"login": login, "email": login}})
}

/// A page with its links: to itself, and to the next one.
fn page(service: &str, records: &[Json], next: Option<&str>) -> Answer {
    let link = |rel: &str, query: &str| format!("<{service}/users?{query}>; rel=\"{rel}\"");
    let links: Vec<String> = [link("self", "limit=200")].into_iter().chain(next.map(|next| link("next", next))).collect();
    answer(200, Json::from(records.to_vec())).header("link", &links.join(", "))
}

fn is_first(asked: &Asked) -> bool {
    asked.query.contains_key("filter")
}

#[tokio::test]
async fn a_list_is_read_to_its_end() {
    let service = Scripted::with_discovery(|asked| {
        let base = "http://localhost/scim";
        Some(match is_first(asked) {
            true => page(base, &[user("u1", "ACTIVE", "ada"), user("u2", "SUSPENDED", "bo")], Some("after=u2")),
            false => page(base, &[user("u3", "DEPROVISIONED", "cy")], None),
        })
    });
    let service = service.await;
    // Links name the host that the service is asked at.
    let (report, rows) = read(&service, &[(ObjectKind::Account, &["id", "active", "userName", "title"])]).await;
    assert!(matches!(&report.of(ObjectKind::Account), Evidence::Partial { reason } if reason.contains("localhost")), "{report:?}");
    assert_eq!(rows.0[&ObjectKind::Account], ["u1 true ada -", "u2 false bo -"]);
}

/// What a first page leads to, by the evidence.
async fn first_page(first: fn() -> Answer) -> Evidence {
    let service = Scripted::with_discovery(move |asked| Some(if is_first(asked) { first() } else { answer(500, "no") })).await;
    read(&service, &[(ObjectKind::Account, &["id"])]).await.0.of(ObjectKind::Account)
}

#[tokio::test]
async fn an_end_that_is_none_is_never_one() {
    let reason = |evidence: Evidence| evidence.reason().unwrap_or("complete").to_owned();
    assert_eq!(reason(first_page(|| page("http://h", &[user("u1", "ACTIVE", "ada")], None)).await), "complete");
    assert!(reason(first_page(|| answer(200, json!([user("u1", "ACTIVE", "ada")]))).await).contains("no link to itself"));
    assert!(
        reason(first_page(|| page("http://h", &[user("u1", "ACTIVE", "a"), user("u1", "ACTIVE", "b")], None)).await).contains("came twice")
    );
    assert!(reason(first_page(|| page("http://h", &[json!({"status": "ACTIVE"})], None)).await).contains("no id"));
    assert!(reason(first_page(|| answer(200, "<html>sign in</html>")).await).contains("web page"));
    assert!(reason(first_page(|| answer(200, "")).await).contains("lacks the records"));
    assert!(reason(first_page(|| answer(200, json!("none"))).await).contains("no list"));
    let refused = first_page(|| answer(403, json!({"errorCode": "E0000006", "errorSummary": "You do not have permission"}))).await;
    assert!(matches!(&refused, Evidence::Unreadable { reason } if reason.contains("E0000006: You do not have permission")), "{refused:?}");
    assert!(matches!(first_page(|| answer(401, "{}")).await, Evidence::Unreadable { reason } if reason.contains("credentials")));
}

#[tokio::test]
async fn a_list_with_a_rate_of_its_own_waits_in_its_own_bucket() {
    let service = Scripted::with_discovery(|_| Some(page("http://h", &[], None))).await;
    let mut connection = connection(&service, "okta");
    let document = connection.document.as_mut().map(Arc::make_mut).expect("a document");
    let list = document.accounts.as_mut().and_then(|accounts| accounts.list.as_mut()).expect("a list");
    list.rate = Some("20/min".into());
    let target = DeclaredConnector.open_target(&connection, &Surroundings::at(".")).await.expect("a target");
    target.limiter.pause("GET /users", std::time::Duration::from_secs(3600), "HTTP 429");
    let streams = vec![(ObjectKind::Account, Columns::new(["id"])), (ObjectKind::Group, Columns::new(["id"]))];
    let report = target.reader.read(&ReadRequest::new(streams), &mut Rows::default()).await;
    assert!(matches!(report.of(ObjectKind::Account), Evidence::Unreadable { reason } if reason.contains("left alone")), "{report:?}");
    assert!(service.lines().iter().all(|line| !line.starts_with("GET /users")), "{:?}", service.lines());
}

#[tokio::test]
async fn groups_and_who_is_in_them_are_read() {
    let service = Scripted::with_discovery(|asked| {
        let group = |id: &str, name: &str| json!({"id": id, "type": "OKTA_GROUP", "profile": {"name": name}});
        Some(match asked.line.as_str() {
            line if line.starts_with("GET /groups?") => page("http://h", &[group("g1", "Eng"), group("g2", "Ops")], None),
            line if line.starts_with("GET /groups/g1/users") => page("http://h", &[user("u1", "ACTIVE", "ada")], None),
            line if line.starts_with("GET /groups/g2/users") => page("http://h", &[], None),
            _ => return None,
        })
    });
    let service = service.await;
    let (report, rows) =
        read(&service, &[(ObjectKind::Group, &["id", "displayName"]), (ObjectKind::Membership, &["group", "member", "kind"])]).await;
    assert_eq!((report.of(ObjectKind::Group), report.of(ObjectKind::Membership)), (Evidence::Complete, Evidence::Complete));
    assert_eq!(rows.0[&ObjectKind::Group], ["g1 Eng", "g2 Ops"]);
    assert_eq!(rows.0[&ObjectKind::Membership], ["g1 u1 account"]);
}

#[tokio::test]
async fn an_answer_is_held_against_the_question() {
    let service = Scripted::with_discovery(|asked| {
        Some(match asked.line.as_str() {
            "GET /users/a%2Fb" => answer(404, json!({"errorCode": "E0000007"})),
            "GET /users/u1" => answer(200, user("u9", "ACTIVE", "eve")),
            _ => answer(200, json!([user("u1", "ACTIVE", "ada@x"), user("u2", "ACTIVE", "bo@x")])),
        })
    });
    let service = service.await;
    let reader = target(&service).await.reader;
    let look = async |attribute: &str, value: &str| {
        reader.lookup(&LookupRequest::new(ObjectKind::Account, Columns::new(["id"]), attribute, value)).await
    };
    assert_eq!(look("emails", "ADA@x").await.map(|page| page.len()), Ok(1));
    assert_eq!(look("id", "a/b").await.map(|page| page.len()), Ok(0));
    assert!(matches!(look("id", "u1").await, Err(SystemError::Protocol(_))));
    assert!(matches!(look("id", "..").await, Err(SystemError::Rejected(_))));
    assert!(matches!(look("title", "x").await, Err(SystemError::Rejected(_))));
    assert_eq!(service.lines()[0], "GET /users?filter=profile.email+eq+%22ADA%40x%22");
    assert_eq!(service.asked()[0].authorization.as_deref(), Some("SSWS t0ken"));
}

#[tokio::test]
async fn the_groups_of_one_account_are_asked_for() {
    let service = Scripted::with_discovery(|asked| {
        Some(match asked.line.as_str() {
            "GET /users/u1/groups" => page("http://h", &[json!({"id": "g1"}), json!({"id": "g2"})], None),
            "GET /users/u2/groups" => answer(404, json!({"errorCode": "E0000007"})),
            line if line.starts_with("GET /groups/g1/users") => page("http://h", &[user("u1", "ACTIVE", "ada")], None),
            _ => answer(200, "[]"),
        })
    });
    let service = service.await;
    let reader = target(&service).await.reader;
    let columns = || Columns::new(["group", "member", "kind"]);
    let look = async |by: &str, value: &str| {
        reader.lookup(&LookupRequest::new(ObjectKind::Membership, columns(), by, value)).await.map(|page| page.len())
    };
    assert_eq!((look("member", "u1").await, look("member", "u2").await, look("group", "g1").await), (Ok(2), Ok(0), Ok(1)));
    assert!(matches!(look("member", "u3").await, Err(SystemError::Unavailable(words)) if words.contains("no link to itself")));
}

#[tokio::test]
async fn each_change_is_the_requests_that_the_document_names() {
    let service = Scripted::with_discovery(|asked| {
        Some(match asked.line.as_str() {
            "GET /users/7" => answer(200, user("7", "STAGED", "ada")),
            "POST /users?activate=true" if asked.body["profile"]["login"] == "taken" => {
                let cause = json!([{"errorSummary": "login: An object with this field already exists"}]);
                answer(400, json!({"errorCode": "E0000001", "errorSummary": "Api validation failed: login", "errorCauses": cause}))
            }
            "POST /users?activate=true" => answer(200, user("8", "ACTIVE", "ada")),
            line if line.starts_with("DELETE") => answer(204, ""),
            _ => answer(200, "{}"),
        })
    });
    let service = service.await;
    let writer = target(&service).await.writer;
    let account = |action| wanted(ObjectKind::Account, action);
    let made = account(Action::Create).with("userName", Some(json!("ada"))).with("title", None).send(&*writer).await;
    assert_eq!(made.map(|made| made.id.to_string()), Ok("8".into()));
    let taken = account(Action::Create).with("userName", Some(json!("taken"))).send(&*writer).await;
    assert!(matches!(&taken, Err(SystemError::Conflict(words)) if words.contains("login")), "{taken:?}");
    assert!(account(Action::Update).with("title", None).with("department", Some(json!("Eng"))).send(&*writer).await.is_ok());
    assert!(account(Action::Deactivate).send(&*writer).await.is_ok());
    assert!(account(Action::Reactivate).send(&*writer).await.is_ok());
    assert!(account(Action::Delete).send(&*writer).await.is_ok());
    assert!(matches!(account(Action::Update).with("locale", Some(json!("de"))).send(&*writer).await, Err(SystemError::Rejected(_))));
    let told: Vec<String> = service
        .asked()
        .iter()
        .filter(|asked| !asked.line.starts_with("GET"))
        .map(|asked| format!("{} {}", asked.line, asked.body))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    POST /users?activate=true {"profile":{"login":"ada"}}
    POST /users?activate=true {"profile":{"login":"taken"}}
    POST /users/7 {"profile":{"title":null,"department":"Eng"}}
    POST /users/7/lifecycle/deactivate?sendEmail=false null
    POST /users/7/lifecycle/activate?sendEmail=false null
    DELETE /users/7 null
    DELETE /users/7 null
    "#);
}

#[tokio::test]
async fn members_are_put_in_and_taken_out_of_groups_that_may_be_changed() {
    let service = Scripted::with_discovery(|asked| {
        Some(match asked.line.as_str() {
            "GET /groups/7" => answer(200, json!({"id": "7", "type": "OKTA_GROUP"})),
            _ => answer(204, ""),
        })
    });
    let service = service.await;
    let writer = target(&service).await.writer;
    let change = |action| wanted(ObjectKind::Group, action).member(ObjectKind::Account, "u1").member(ObjectKind::Account, "u2");
    assert!(change(Action::AddMembers).send(&*writer).await.is_ok());
    assert!(change(Action::RemoveMembers).send(&*writer).await.is_ok());
    let told: Vec<String> = service.lines().into_iter().filter(|line| !line.starts_with("GET")).collect();
    let sent = ["PUT /groups/7/users/u1", "PUT /groups/7/users/u2", "DELETE /groups/7/users/u1", "DELETE /groups/7/users/u2"];
    assert_eq!(told, sent);
    let foreign = Scripted::with_discovery(|_| Some(answer(200, json!({"id": "7", "type": "APP_GROUP"})))).await;
    let refused = change(Action::AddMembers).send(&*target(&foreign).await.writer).await;
    assert!(matches!(refused, Err(SystemError::Rejected(words)) if words.contains("somebody else")));
}

#[tokio::test]
async fn a_request_has_one_key_for_all_its_tries_and_no_other_has_it() {
    let service = Scripted::with_discovery(|asked| {
        Some(match asked.line.as_str() {
            "GET /groups/7" => answer(200, json!({"id": "7", "type": "OKTA_GROUP"})),
            line if line.starts_with("POST") => answer(200, user("8", "ACTIVE", "ada")),
            _ => answer(204, ""),
        })
    });
    let service = service.await;
    let mut connection = connection(&service, "okta");
    type Spec = Option<crate::manifest::kinds::connector::RequestSpec>;
    let keyed = |spec: &mut Spec| spec.iter_mut().for_each(|request| drop(request.query.insert("key".into(), json!("{key}"))));
    let document = connection.document.as_mut().and_then(Arc::get_mut).expect("a document of ours");
    document.accounts.iter_mut().for_each(|accounts| keyed(&mut accounts.create));
    document.groups.values_mut().flat_map(|group| &mut group.members).for_each(|members| keyed(&mut members.add));
    let writer = DeclaredConnector.open_target(&connection, &Surroundings::at(".")).await.expect("a target").writer;
    let ada = |run, change| wanted(ObjectKind::Account, Action::Create).with("userName", Some(json!("ada"))).in_run(run, change);
    let team = wanted(ObjectKind::Group, Action::AddMembers).member(ObjectKind::Account, "u1").member(ObjectKind::Account, "u2");
    for change in [ada("monday", 3), ada("monday", 3), ada("monday", 4), ada("tuesday", 3), team.in_run("monday", 5)] {
        assert!(change.send(&*writer).await.is_ok());
    }
    let keys: Vec<_> = service.asked().iter().filter_map(|asked| asked.query.get("key").cloned()).collect();
    assert_eq!(keys.len(), 6, "{keys:?}");
    assert_eq!(keys[0], keys[1], "the same change, sent again");
    assert_eq!(keys[1..].iter().collect::<std::collections::BTreeSet<_>>().len(), 5, "{keys:?}");
}
