//! What a change would ask is told by the writer itself, and nothing of it is sent.

use std::sync::Arc;

use serde_json::json;

use super::{target, user};
use crate::connector::Writer;
use crate::connector::rehearsal::id_to_be;
use crate::connector::scim::tests::scripted::{Scripted, answer, wanted};
use crate::model::{Action, ObjectKind};

/// What is told of a change of an object with this id.
async fn told(writer: &dyn Writer, wanted: &crate::connector::scim::tests::scripted::Wanted, id: Option<Arc<str>>) -> String {
    let rehearsed = writer.rehearse(&wanted.write(id)).await.expect("it is spoken to in requests");
    let line = |request: &crate::model::RehearsedRequest| {
        format!("{} {} {}", request.method, request.url.split("/scim").nth(1).unwrap_or_default(), json!(request.body))
    };
    let lines: Vec<String> = rehearsed.requests.iter().map(line).chain(rehearsed.stops.map(|stops| format!("stops: {stops}"))).collect();
    lines.join(" | ")
}

#[tokio::test]
async fn a_rehearsal_tells_the_requests_and_sends_none() {
    let service = Scripted::with_discovery(|asked| {
        Some(match asked.line.as_str() {
            "GET /users/7" => answer(200, user("7", "STAGED", "ada")),
            "GET /groups/7" => answer(200, json!({"id": "7", "type": "OKTA_GROUP"})),
            _ => answer(404, json!({"errorCode": "E0000007"})),
        })
    });
    let service = service.await;
    let writer = target(&service).await.writer;
    let account = |action| wanted(ObjectKind::Account, action);
    let seven = || Some(Arc::from("7"));
    let group = wanted(ObjectKind::Group, Action::AddMembers).member(ObjectKind::Account, "u1").member(ObjectKind::Account, "u2");
    let lines = [
        told(&*writer, &account(Action::Create).with("userName", Some(json!("ada"))), None).await,
        told(&*writer, &account(Action::Update).with("title", None), seven()).await,
        told(&*writer, &account(Action::Reactivate), seven()).await,
        told(&*writer, &account(Action::Delete), seven()).await,
        told(&*writer, &group, seven()).await,
        told(&*writer, &group, Some(id_to_be("ann"))).await,
        told(&*writer, &account(Action::Update).with("locale", Some(json!("de"))), seven()).await,
        told(&*writer, &account(Action::Deactivate), Some("9".into())).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    POST /users?activate=true {"profile":{"login":"ada"}}
    POST /users/7 {"profile":{"title":null}}
    POST /users/7/lifecycle/activate?sendEmail=false null
    DELETE /users/7 null | DELETE /users/7 null
    PUT /groups/7/users/u1 null | PUT /groups/7/users/u2 null
    PUT /groups/id-of-ann/users/u1 null | PUT /groups/id-of-ann/users/u2 null
    stops: rejected: the system has no place to write locale
    stops: not found: HTTP 404 E0000007
    "#);
    assert!(service.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", service.lines());
    let counted = |action, kind| writer.requests(wanted(kind, action).write(None).change);
    assert_eq!(
        [Action::Create, Action::Update, Action::Delete].map(|action| counted(action, ObjectKind::Account)),
        [Some(1), Some(2), Some(3)]
    );
}
