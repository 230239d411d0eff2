//! What a writer sends, and what it makes of the answers.

use serde_json::{Value as Json, json};

use super::scripted::{Answer, Asked, Scripted, answer, list_of, wanted};
use crate::connector::Written;
use crate::model::{Action, ObjectKind, SystemError};
use crate::scim::{ENTERPRISE, PATCH_OP, USER};

const ACCOUNT: ObjectKind = ObjectKind::Account;
const GROUP: ObjectKind = ObjectKind::Group;

fn written(id: &str) -> Result<Written, SystemError> {
    Ok(Written { id: id.into(), already_so: false })
}

async fn always(status: u16, body: impl ToString) -> Scripted {
    let body = body.to_string();
    Scripted::start(move |_| Some(answer(status, &body))).await
}

/// Answers GET with a resource, all else with `rest`.
async fn holding(resource: Json, rest: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |asked| Some(if asked.line.starts_with("GET") { answer(200, &resource) } else { rest(asked) })).await
}

/// The same with versions.
async fn versioned(resource: Json, rest: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Scripted {
    Scripted::configured(json!({ "etag": { "supported": true } }), move |asked| {
        Some(if asked.line.starts_with("GET") { answer(200, &resource).header("etag", "W/\"3\"") } else { rest(asked) })
    })
    .await
}

#[tokio::test]
async fn a_create_sends_every_attribute_to_its_place() {
    let server = always(201, json!({ "id": "9", "userName": "ANN" })).await;
    let create = wanted(ACCOUNT, Action::Create)
        .with("userName", Some(json!("ann")))
        .with("name.givenName", Some(json!("Änne")))
        .with("emails", Some(json!("ann@acme.example")))
        .with("employeeNumber", Some(json!(12)))
        .with("manager", Some(json!("8")))
        .with("title", None);
    assert_eq!(create.send(&server.writer().await).await, written("9"));
    assert_eq!(
        server.asked()[0].body,
        json!({
            "schemas": [USER, ENTERPRISE], "userName": "ann", "name": { "givenName": "Änne" }, "active": true,
            "emails": [{ "value": "ann@acme.example" }], ENTERPRISE: { "employeeNumber": "12", "manager": { "value": "8" } },
        })
    );
}

#[tokio::test]
async fn a_create_without_an_id_is_looked_up_by_its_marker() {
    for body in ["", "<html>", r#"{"id": "5", "userName": "somebody.else"}"#] {
        let server = Scripted::start(move |asked| {
            let found = json!({ "id": "9", "externalId": "ws:hr/1" });
            Some(if asked.line.starts_with("POST") { answer(201, body) } else { list_of(1, &[found]) })
        })
        .await;
        let create = wanted(ACCOUNT, Action::Create).with("externalId", Some(json!("ws:hr/1"))).with("userName", Some(json!("ann")));
        assert_eq!(create.send(&server.writer().await).await, written("9"), "{body}");
        assert_eq!(server.lines().len(), 2);
    }
    let server = Scripted::start(|asked| Some(if asked.line.starts_with("POST") { answer(201, "") } else { list_of(0, &[]) })).await;
    let lost = wanted(ACCOUNT, Action::Create).with("userName", Some(json!("ann"))).send(&server.writer().await).await;
    assert!(matches!(lost, Err(SystemError::Uncertain(_))), "{lost:?}");
}

#[tokio::test]
async fn an_update_is_one_operation_an_attribute() {
    let server = always(204, "").await;
    let update = wanted(ACCOUNT, Action::Deactivate)
        .with("department", Some(json!("R&D")))
        .with("emails", Some(json!([{ "value": "a@b", "type": "work" }])))
        .with("manager", Some(json!("8")))
        .with("title", None);
    assert_eq!(update.send(&server.writer().await).await, written("7"));
    let asked = server.asked().remove(0);
    assert_eq!(asked.line, "PATCH /Users/7");
    assert_eq!(
        asked.body,
        json!({ "schemas": [PATCH_OP], "Operations": [
            { "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "R&D" },
            { "op": "replace", "path": "emails", "value": [{ "value": "a@b", "type": "work" }] },
            { "op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": { "value": "8" } },
            { "op": "remove", "path": "title" },
            { "op": "replace", "path": "active", "value": false },
        ]})
    );
}

#[tokio::test]
async fn members_go_as_deltas() {
    let server = always(204, "").await;
    let writer = server.writer().await;
    let add = wanted(GROUP, Action::AddMembers).member(ACCOUNT, "u\"1").member(GROUP, "g2");
    assert_eq!(add.send(&writer).await, written("7"));
    let remove = wanted(GROUP, Action::RemoveMembers).member(ACCOUNT, "u\"1").member(GROUP, "g2");
    assert_eq!(remove.send(&writer).await, written("7"));
    assert_eq!(wanted(GROUP, Action::AddMembers).send(&writer).await, Ok(Written { id: "7".into(), already_so: true }));
    let (looks, patches): (Vec<_>, Vec<_>) = server.asked().into_iter().partition(|asked| asked.line.starts_with("GET"));
    let bodies: Vec<Json> = patches.into_iter().map(|mut asked| asked.body["Operations"].take()).collect();
    assert_eq!((bodies.len(), looks.len()), (2, 1), "a removal that shows nothing is looked at");
    assert_eq!(bodies[0], json!([{ "op": "add", "path": "members", "value": [{ "value": "u\"1" }, { "value": "g2", "type": "Group" }] }]));
    assert_eq!(
        bodies[1],
        json!([{ "op": "remove", "path": "members[value eq \"u\\\"1\"]" }, { "op": "remove", "path": "members[value eq \"g2\"]" }])
    );
}

#[tokio::test]
async fn without_patch_the_whole_resource_goes_under_its_version() {
    for refusal in [405, 501] {
        let before = json!({ "id": "7", "userName": "ann", "title": "Lead", "nickName": "A", "groups": [], "meta": { "version": "3" } });
        let server = versioned(before, move |asked| match asked.line.as_str() {
            "PATCH /Users/7" => answer(refusal, "{}"),
            _ => answer(200, json!({ "id": "7" })),
        })
        .await;
        let writer = server.writer().await;
        let update = wanted(ACCOUNT, Action::Update).with("title", None).with("department", Some(json!("R&D")));
        assert_eq!(update.send(&writer).await, written("7"));
        assert_eq!(update.send(&writer).await, written("7"));
        assert_eq!(server.lines(), ["GET /Users/7", "PATCH /Users/7", "GET /Users/7", "PUT /Users/7", "GET /Users/7", "PUT /Users/7"]);
        let put = server.asked().remove(3);
        assert_eq!(put.if_match.as_deref(), Some("W/\"3\""));
        let after = json!({ "schemas": [ENTERPRISE], "id": "7", "userName": "ann", "nickName": "A", ENTERPRISE: { "department": "R&D" } });
        assert_eq!(put.body, after);
    }
}

#[tokio::test]
async fn a_service_without_value_paths_gets_the_members_by_put() {
    let before = json!({ "id": "7", "members": [{ "value": "u1" }, { "value": "u2", "display": "Bob" }] });
    let server = holding(before, |asked| match asked.line.as_str() {
        "PATCH /Groups/7" => answer(400, json!({ "scimType": "invalidPath" })),
        _ => answer(200, json!({ "id": "7", "members": [{ "value": "u2" }] })),
    })
    .await;
    let remove = wanted(GROUP, Action::RemoveMembers).member(ACCOUNT, "u1").member(ACCOUNT, "gone");
    assert_eq!(remove.send(&server.writer().await).await, written("7"));
    assert_eq!(server.asked()[3].body["members"], json!([{ "value": "u2", "display": "Bob" }]));
}

#[tokio::test]
async fn a_success_that_shows_nothing_is_looked_at() {
    for (title, done) in [("Lead", true), ("Other", false)] {
        for body in ["", "<html>welcome</html>", r#"{"id": "8"}"#] {
            let server = holding(json!({ "id": "7", "title": title }), move |_| answer(200, body)).await;
            let update = wanted(ACCOUNT, Action::Update).with("title", Some(json!("Lead"))).send(&server.writer().await).await;
            assert!(if done { update == written("7") } else { matches!(update, Err(SystemError::Uncertain(_))) }, "{body}: {update:?}");
        }
    }
    let server = holding(json!({ "id": "7" }), |_| answer(200, "")).await;
    let still_there = wanted(ACCOUNT, Action::Delete).send(&server.writer().await).await;
    assert!(matches!(still_there, Err(SystemError::Uncertain(_))), "{still_there:?}");
}

#[tokio::test]
async fn a_delete_of_what_is_gone_is_so_already() {
    let gone = always(404, json!({ "detail": "no such user" })).await;
    assert_eq!(wanted(ACCOUNT, Action::Delete).send(&gone.writer().await).await, Ok(Written { id: "7".into(), already_so: true }));
    let page = always(404, "<html>nginx</html>").await;
    assert!(matches!(wanted(ACCOUNT, Action::Delete).send(&page.writer().await).await, Err(SystemError::Protocol(_))));
    assert_eq!(wanted(ACCOUNT, Action::Delete).send(&always(204, "").await.writer().await).await, written("7"));
}

#[tokio::test]
async fn what_was_sent_and_not_answered_is_uncertain() {
    let server = Scripted::start(|_| None).await;
    let writer = server.writer().await;
    for action in [Action::Create, Action::Update, Action::Delete] {
        let lost = wanted(ACCOUNT, action).with("userName", Some(json!("ann"))).send(&writer).await;
        assert!(matches!(lost, Err(SystemError::Uncertain(_))), "{lost:?}");
    }
    assert_eq!(server.lines().len(), 3, "nothing is sent twice");
    let elsewhere = Scripted::start(|_| None).await;
    let writer = elsewhere.writer().await;
    drop(elsewhere);
    tokio::task::yield_now().await;
    let refused = wanted(ACCOUNT, Action::Create).send(&writer).await;
    assert!(matches!(refused, Err(SystemError::Unavailable(_) | SystemError::Uncertain(_))), "{refused:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = always(204, "").await;
    let target = format!("{}/Users/7", other.base);
    let server = Scripted::start(move |_| Some(answer(307, "").header("location", &target))).await;
    let moved = wanted(ACCOUNT, Action::Delete).send(&server.writer().await).await.expect_err("not followed");
    assert!(matches!(&moved, SystemError::Protocol(words) if words.contains("redirects to 127.0.0.1")), "{moved}");
    assert!(other.lines().is_empty());
}

#[tokio::test]
async fn a_secret_that_a_service_quotes_is_not_passed_on() {
    let server = always(400, json!({ "detail": "password hunter2 is too short" })).await;
    let refused = wanted(ACCOUNT, Action::Update).with("password", Some(json!("hunter2"))).send(&server.writer().await).await;
    assert_eq!(refused, Err(SystemError::Rejected("HTTP 400: password [secret] is too short".into())));
}

#[tokio::test]
async fn what_scim_can_not_say_is_refused_before_it_is_sent() {
    let server = always(204, "").await;
    let writer = server.writer().await;
    for odd in [
        wanted(GROUP, Action::Deactivate),
        wanted(ACCOUNT, Action::AddMembers),
        wanted(ObjectKind::Membership, Action::Create),
        wanted(ACCOUNT, Action::Update).with("startDate", Some(json!("2026-01-01"))),
        wanted(ACCOUNT, Action::Update).with("custom.badge", Some(json!(7))),
    ] {
        assert!(matches!(odd.send(&writer).await, Err(SystemError::Rejected(_))));
    }
    assert!(server.lines().is_empty());
}
