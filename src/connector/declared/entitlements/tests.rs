//! Entitlements of a document written for the test: licences that stand in the account's own record, cards that are listed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::super::DeclaredConnector;
use crate::connector::describe::Connector;
use crate::connector::scim::tests::scripted::{Answer, Asked, Scripted, Wanted, answer, wanted};
use crate::connector::{Gone, LookupRequest, PageSink, ReadRequest, Surroundings, TargetConnector};
use crate::manifest::connection::DeclaredConnection;
use crate::model::{Action, Columns, Evidence, ObjectKind, Page, SystemError, WRITABLE};

const DOCUMENT: &str = "
title: Desk
hosts: ['HOST']
base: http://HOST/scim
auth: {}
accounts:
  id: record.id
  list: {get: /users, records: body.users, pages: {one: {}}}
  get: {get: '/users/{id}'}
  attributes: {userName: {path: login}}
entitlements:
  licence:
    inline: record.licences
    name: record.sku
    parameters: {plans: {path: plans}}
    grant: {post: '/users/{account.id}/licences', body: {add: [{sku: '{name}', plans: '{object.plans}'}], of: '{account.record.login}'}}
    change: [{post: '/users/{account.id}/licences', body: {add: [{sku: '{name}', plans: '{object.plans}'}]}}]
    withdraw: [{post: '/users/{account.id}/licences', body: {remove: ['{name}']}}]
  card:
    id: record.no
    list: {get: /cards, records: body.cards, pages: {one: {}}}
    of: {get: /cards, query: {user: '{account.id}'}, records: body.cards, pages: {one: {}}}
    account: record.user
    skip: record.gone
    writable: '!record.shared'
    parameters: {limit: {path: limit.amount}, currency: {read: record.limit.currency, write: {limit.currency: value}}}
    grant: {post: /cards, body: parameters, with: {user: '{account.id}'}}
    change: [{patch: '/cards/{id}', body: parameters}]
    withdraw: [{delete: '/cards/{id}'}]
";

async fn target(service: &Scripted) -> TargetConnector {
    let host = service.base.trim_start_matches("http://").trim_end_matches("/scim");
    let document = serde_yaml::from_str(&DOCUMENT.replace("HOST", host)).expect("a document");
    let connection = DeclaredConnection {
        name: "desk".into(),
        config: BTreeMap::new(),
        auth: BTreeMap::new(),
        webhook_secret: None,
        ca_file: None,
        timeout: None,
        max_body: None,
        group_kinds: Vec::new(),
        extend: None,
        document: Some(Arc::new(document)),
    };
    DeclaredConnector.open_target(&connection, &Surroundings::at(".")).await.expect("a target")
}

fn ada() -> Json {
    json!({"id": "7", "login": "ada", "licences": [{"sku": "E5", "plans": ["mail"]}]})
}

fn card(no: &str, user: &str, limit: i64, shared: bool) -> Json {
    json!({"no": no, "user": user, "limit": {"amount": limit, "currency": "EUR"}, "shared": shared, "gone": false})
}

fn desk(asked: &Asked) -> Option<Answer> {
    Some(match asked.line.as_str() {
        "GET /users" => answer(200, json!({"users": [ada(), {"id": "8", "login": "bo", "licences": []}]})),
        "GET /users/7" => answer(200, ada()),
        "GET /cards?user=7" | "GET /cards" => {
            let gone = json!({"no": "c9", "user": "7", "gone": true});
            answer(200, json!({"cards": [card("c1", "7", 500, false), card("c2", "8", 100, true), gone]}))
        }
        line if line.starts_with("GET") => answer(404, "{}"),
        _ => answer(200, "{}"),
    })
}

#[derive(Default)]
struct Rows(Vec<String>);

impl PageSink for Rows {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        if kind == ObjectKind::Entitlement {
            self.0.extend(page.rows().map(|row| shown(row.cells().map(|cell| cell.to_value()))));
        }
    }

    fn restart(&mut self, _: ObjectKind) {}

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

fn shown(cells: impl Iterator<Item = Option<crate::model::Value>>) -> String {
    cells.map(|cell| cell.map_or("-".into(), |value| value.to_string())).collect::<Vec<_>>().join(" ")
}

fn columns() -> Arc<Columns> {
    Columns::new(["account", "entitlement", "limit", "plans", WRITABLE])
}

async fn read(service: &Scripted) -> (Evidence, Vec<String>) {
    let mut rows = Rows::default();
    let request = ReadRequest::new(vec![(ObjectKind::Account, Columns::new(["id"])), (ObjectKind::Entitlement, columns())]);
    let report = target(service).await.reader.read(&request, &mut rows).await;
    (report.of(ObjectKind::Entitlement), rows.0)
}

#[tokio::test]
async fn who_has_what_is_read_from_lists_and_from_accounts() {
    let service = Scripted::with_discovery(desk).await;
    let (evidence, rows) = read(&service).await;
    assert_eq!(evidence, Evidence::Complete);
    assert_eq!(rows, ["7 licence/E5 - [mail] true", "7 card 500 - true", "8 card 100 - false"]);
    let target = target(&service).await;
    let can = &target.capabilities;
    assert!(can.entitlements && can.holds_parameter("plans") && can.holds_parameter("limit") && !can.holds_parameter("colour"));
    let theirs = target.reader.lookup(&LookupRequest::new(ObjectKind::Entitlement, columns(), "account", "7")).await.expect("an answer");
    let theirs: Vec<String> = theirs.rows().map(|row| shown(row.cells().map(|cell| cell.to_value()))).collect();
    assert_eq!(theirs, ["7 card 500 - true", "7 licence/E5 - [mail] true"]);
}

#[tokio::test]
async fn a_list_that_is_not_there_is_no_empty_one() {
    let service = Scripted::with_discovery(|asked| {
        Some(match asked.line.as_str() {
            "GET /users" => answer(200, json!({"users": [ada(), {"id": "8", "login": "bo"}]})),
            _ => answer(200, json!({"cards": []})),
        })
    });
    let (evidence, rows) = read(&service.await).await;
    assert!(matches!(&evidence, Evidence::Partial { reason } if reason.contains("`record.licences` is not there")), "{evidence:?}");
    assert_eq!(rows, ["7 licence/E5 - [mail] true"]);
    let refused = Scripted::with_discovery(|asked| {
        Some(if asked.line == "GET /users" { answer(200, json!({"users": []})) } else { answer(403, "{}") })
    });
    let (evidence, _) = read(&refused.await).await;
    assert!(matches!(&evidence, Evidence::Unreadable { reason } if reason.starts_with("card:")), "{evidence:?}");
}

/// A change of the entitlement of the account `7`.
async fn change(service: &Scripted, action: Action, name: &str, parameters: Json) -> Result<bool, SystemError> {
    let start: Wanted = wanted(ObjectKind::Account, action).of(name);
    let all = parameters.as_object().cloned().unwrap_or_default().into_iter();
    let change = all.fold(start, |change, (name, value)| change.with(&name, Some(value)));
    change.send(&*target(service).await.writer).await.map(|written| written.already_so)
}

#[tokio::test]
async fn each_change_looks_first_and_sends_what_the_document_names() {
    let service = Scripted::with_discovery(desk).await;
    let go = async |action, name: &str, parameters| change(&service, action, name, parameters).await;
    use Action::{AddEntitlement, RemoveEntitlement, UpdateEntitlement};
    assert_eq!(go(AddEntitlement, "licence/E3", json!({"plans": ["mail"]})).await, Ok(false));
    assert_eq!(go(AddEntitlement, "licence/E5", json!({"plans": ["mail"]})).await, Ok(true), "a second try does nothing");
    assert!(matches!(go(AddEntitlement, "licence/E5", json!({"plans": ["chat"]})).await, Err(SystemError::Conflict(_))));
    assert_eq!(go(UpdateEntitlement, "licence/E5", json!({"plans": ["chat"]})).await, Ok(false));
    assert_eq!(go(RemoveEntitlement, "licence/E5", json!({})).await, Ok(false));
    assert_eq!(go(RemoveEntitlement, "licence/E3", json!({})).await, Ok(true));
    assert_eq!(go(UpdateEntitlement, "card", json!({"limit": 900})).await, Ok(false));
    assert_eq!(go(RemoveEntitlement, "card", json!({})).await, Ok(false));
    assert!(matches!(go(UpdateEntitlement, "licence/E3", json!({"plans": []})).await, Err(SystemError::NotFound(_))));
    assert!(matches!(go(AddEntitlement, "card/gold", json!({})).await, Err(SystemError::Rejected(words)) if words.contains("card/gold")));
    assert!(matches!(go(AddEntitlement, "licence/E4", json!({"colour": "red"})).await, Err(SystemError::Rejected(_))));
    let told: Vec<String> = service
        .asked()
        .iter()
        .filter(|asked| !asked.line.starts_with("GET"))
        .map(|asked| format!("{} {}", asked.line, asked.body))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    POST /users/7/licences {"add":[{"sku":"E3","plans":["mail"]}],"of":"ada"}
    POST /users/7/licences {"add":[{"sku":"E5","plans":["chat"]}]}
    POST /users/7/licences {"remove":["E5"]}
    PATCH /cards/c1 {"limit":{"currency":"EUR","amount":900}}
    DELETE /cards/c1 null
    "#);
}

#[tokio::test]
async fn what_belongs_to_somebody_else_or_is_there_twice_is_left() {
    let twice = |shared| {
        move |asked: &Asked| {
            Some(match asked.line.as_str() {
                "GET /cards?user=7" if shared => answer(200, json!({"cards": [card("c1", "7", 500, true)]})),
                "GET /cards?user=7" => answer(200, json!({"cards": [card("c1", "7", 500, false), card("c3", "7", 500, false)]})),
                _ => answer(200, "{}"),
            })
        }
    };
    let shared = Scripted::with_discovery(twice(true)).await;
    assert!(
        matches!(change(&shared, Action::RemoveEntitlement, "card", json!({})).await, Err(SystemError::Rejected(words)) if words.contains("somebody else"))
    );
    let doubled = Scripted::with_discovery(twice(false)).await;
    assert!(
        matches!(change(&doubled, Action::RemoveEntitlement, "card", json!({})).await, Err(SystemError::Conflict(words)) if words.contains("more than once"))
    );
    assert!([&shared, &doubled].into_iter().all(|service| service.lines().iter().all(|line| line.starts_with("GET"))));
}
