//! Answers that say yes and show something else.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use super::scripted::{Answer, Asked, Scripted, answer, list_of, wanted};
use crate::connector::Written;
use crate::model::{Action, ObjectKind, SystemError};

const ACCOUNT: ObjectKind = ObjectKind::Account;
const GROUP: ObjectKind = ObjectKind::Group;

fn written(id: &str) -> Result<Written, SystemError> {
    Ok(Written { id: id.into(), already_so: false })
}

/// Holds one resource. PUT replaces it; what a PATCH does and answers is the test's.
async fn keeping(resource: Json, patch: impl Fn(&Asked, &mut Json) -> Answer + Send + Sync + 'static) -> Scripted {
    let held = Arc::new(Mutex::new(resource));
    Scripted::start(move |asked| {
        let mut held = held.lock().expect("no panic");
        Some(match asked.line.split(' ').next() {
            Some("GET") => answer(200, &*held),
            Some("PUT") => {
                *held = asked.body.clone();
                answer(200, &*held)
            }
            _ => patch(asked, &mut held),
        })
    })
    .await
}

fn rejected(sent: Result<Written, SystemError>) -> String {
    match sent {
        Err(SystemError::Rejected(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_small_operations_do_not_change_the_whole_resource_does() {
    let ann = json!({ "id": "7", "userName": "ann", "title": "Clerk" });
    let server = keeping(ann, |_, held| answer(200, &*held)).await;
    let update = wanted(ACCOUNT, Action::Update).was("title", json!("Clerk"), json!("Lead"));
    assert_eq!(update.send(&server.writer().await).await, written("7"));
    let put = server.asked().into_iter().find(|asked| asked.line.starts_with("PUT")).expect("a PUT");
    assert_eq!(put.body["title"], "Lead");
}

#[tokio::test]
async fn a_value_that_no_form_changes_fails_in_words() {
    let server = Scripted::start(|_| Some(answer(200, json!({ "id": "7", "userName": "ann", "title": "Clerk" })))).await;
    let update = wanted(ACCOUNT, Action::Update).was("title", json!("Clerk"), json!("Lead")).was("department", Json::Null, json!("R&D"));
    let words = rejected(update.send(&server.writer().await).await);
    assert_eq!(words, "it answered HTTP 200, and kept the old value of title, department");
    let clear = wanted(ACCOUNT, Action::Update).was("title", json!("Clerk"), Json::Null);
    assert!(rejected(clear.send(&server.writer().await).await).ends_with("kept the old value of title"));
}

#[tokio::test]
async fn a_value_in_the_service_s_own_form_is_done() {
    let body = json!({ "id": "7", "userName": "ANN", "title": "Team lead", "emails": [{ "value": "ann@acme.example", "primary": true }] });
    let server = Scripted::start(move |_| Some(answer(200, &body))).await;
    let update = wanted(ACCOUNT, Action::Update)
        .was("userName", json!("old"), json!("Ann"))
        .was("title", json!("Clerk"), json!("Team  lead "))
        .was("emails", json!("a@acme.example"), json!("Ann@acme.example"));
    assert_eq!(update.send(&server.writer().await).await, written("7"));
    assert_eq!(server.lines(), ["PATCH /Users/7"]);
}

#[tokio::test]
async fn a_marker_that_is_not_kept_holds_nothing_up() {
    let server = Scripted::start(|_| Some(answer(200, json!({ "id": "7", "userName": "ann", "title": "Lead" })))).await;
    let update =
        wanted(ACCOUNT, Action::Update).was("title", json!("Clerk"), json!("Lead")).was("externalId", Json::Null, json!("hc:a:hr:1"));
    assert_eq!(update.send(&server.writer().await).await, written("7"));
}

#[tokio::test]
async fn a_deactivation_is_looked_at_until_it_is_seen() {
    let ann = json!({ "id": "7", "userName": "ann", "active": true });
    let ignored = keeping(ann.clone(), |_, _| answer(204, "")).await;
    assert_eq!(wanted(ACCOUNT, Action::Deactivate).send(&ignored.writer().await).await, written("7"));
    let put = ignored.asked().into_iter().find(|asked| asked.line.starts_with("PUT")).expect("a PUT");
    assert_eq!(put.body["active"], false);
    let fixed = Scripted::start(move |asked| Some(if asked.line.starts_with("GET") { answer(200, &ann) } else { answer(204, "") })).await;
    let words = rejected(wanted(ACCOUNT, Action::Deactivate).send(&fixed.writer().await).await);
    assert_eq!(words, "it answered HTTP 204, and kept the old value of active");
}

#[tokio::test]
async fn whoever_is_made_without_access_and_has_it_is_told_again() {
    let server = Scripted::start(|asked| {
        Some(match asked.line.as_str() {
            "POST /Users" => answer(201, json!({ "id": "9", "userName": "ann", "active": true })),
            _ => answer(200, json!({ "id": "9", "userName": "ann", "active": false })),
        })
    })
    .await;
    let create = wanted(ACCOUNT, Action::Create).with("userName", Some(json!("ann"))).with("active", Some(json!(false)));
    assert_eq!(create.send(&server.writer().await).await, written("9"));
    assert_eq!(server.lines(), ["POST /Users", "PATCH /Users/9"]);
}

#[tokio::test]
async fn members_that_a_value_path_does_not_remove_go_by_the_whole_list_and_only_they() {
    let group = json!({ "id": "7", "displayName": "ops", "members": [{ "value": "u1" }, { "value": "u2" }, { "value": "u3" }] });
    let server = keeping(group, |asked, held| {
        if let Some(list) = asked.body["Operations"][0]["value"].as_array().filter(|_| asked.body["Operations"][0]["op"] == "add") {
            held["members"].as_array_mut().expect("members").extend(list.iter().cloned());
        }
        answer(200, &*held)
    })
    .await;
    let writer = server.writer().await;
    assert_eq!(wanted(GROUP, Action::RemoveMembers).member(ACCOUNT, "u1").send(&writer).await, written("7"));
    assert_eq!(wanted(GROUP, Action::AddMembers).member(ACCOUNT, "u4").send(&writer).await, written("7"));
    assert_eq!(wanted(GROUP, Action::RemoveMembers).member(ACCOUNT, "u2").send(&writer).await, written("7"));
    let writes: Vec<String> = server.lines().into_iter().filter(|line| !line.starts_with("GET")).collect();
    assert_eq!(writes, ["PATCH /Groups/7", "PUT /Groups/7", "PATCH /Groups/7", "PUT /Groups/7"], "what was learned is about removals");
    let last = server.asked().pop().expect("a request");
    assert_eq!(last.body["members"], json!([{ "value": "u3" }, { "value": "u4" }]));
}

#[tokio::test]
async fn one_refused_method_is_about_one_kind_and_shape() {
    let server = Scripted::start(|asked| {
        let removes = asked.body["Operations"][0]["op"] == "remove";
        Some(match asked.line.as_str() {
            "PATCH /Groups/7" if removes => answer(501, "{}"),
            line if line.starts_with("GET /Groups") => {
                answer(200, json!({ "id": "7", "displayName": "ops", "members": [{ "value": "u1" }] }))
            }
            line if line.starts_with("PUT /Groups") => answer(200, &asked.body),
            _ => answer(204, ""),
        })
    })
    .await;
    let writer = server.writer().await;
    for _ in 0..2 {
        assert_eq!(wanted(GROUP, Action::RemoveMembers).member(ACCOUNT, "u1").send(&writer).await, written("7"));
    }
    assert_eq!(wanted(GROUP, Action::AddMembers).member(ACCOUNT, "u2").send(&writer).await, written("7"));
    assert_eq!(wanted(ACCOUNT, Action::Update).with("title", Some(json!("x"))).send(&writer).await, written("7"));
    let writes: Vec<String> = server.lines().into_iter().filter(|line| !line.starts_with("GET")).collect();
    assert_eq!(writes, ["PATCH /Groups/7", "PUT /Groups/7", "PUT /Groups/7", "PATCH /Groups/7", "PATCH /Users/7"]);
}

#[tokio::test]
async fn a_group_that_was_taken_for_an_account_is_not_done() {
    let body = json!({ "id": "7", "displayName": "all", "members": [{ "value": "3", "type": "User" }] });
    let server = Scripted::start(move |_| Some(answer(200, &body))).await;
    let words = rejected(wanted(GROUP, Action::AddMembers).member(GROUP, "3").send(&server.writer().await).await);
    assert_eq!(words, "it answered HTTP 200, and does not list 1 of the members");
}

#[tokio::test]
async fn a_list_that_moves_is_not_written_as_a_whole() {
    let many = Mutex::new(0);
    let server = Scripted::start(move |asked| {
        Some(match asked.line.as_str() {
            "PATCH /Groups/7" => answer(501, "{}"),
            line if line.starts_with("GET") => {
                let mut many = many.lock().expect("no panic");
                *many += 1;
                let members: Vec<Json> = (0..*many).map(|at| json!({ "value": format!("u{at}") })).collect();
                answer(200, json!({ "id": "7", "displayName": "ops", "members": members }))
            }
            _ => answer(204, ""),
        })
    })
    .await;
    let moved = wanted(GROUP, Action::RemoveMembers).member(ACCOUNT, "u0").send(&server.writer().await).await;
    assert!(matches!(&moved, Err(SystemError::Conflict(words)) if words.contains("changed while it was read")), "{moved:?}");
    assert!(!server.lines().iter().any(|line| line.starts_with("PUT")));
}

#[tokio::test]
async fn a_list_that_nobody_can_see_is_not_written_as_a_whole() {
    let server = Scripted::start(|asked| {
        Some(if asked.line.starts_with("GET") { answer(200, json!({ "id": "7", "displayName": "ops" })) } else { answer(501, "{}") })
    })
    .await;
    let writer = server.writer().await;
    for change in
        [wanted(GROUP, Action::AddMembers).member(ACCOUNT, "u1"), wanted(GROUP, Action::Update).with("displayName", Some(json!("x")))]
    {
        let refused = change.send(&writer).await;
        assert!(refused.is_err(), "{refused:?}");
    }
    assert!(!server.lines().iter().any(|line| line.starts_with("PUT")), "a list without those who are in it would take them out");
}

#[tokio::test]
async fn an_id_is_believed_once_it_was_seen_to_belong_to_what_was_made() {
    for (location, body) in [("undefined", ""), ("null", ""), ("5", ""), ("9", r#"{"id": "undefined"}"#), ("9", r#"{"id": ""}"#)] {
        let base = Arc::new(Mutex::new(String::new()));
        let known = base.clone();
        let server = Scripted::start(move |asked| {
            let at = format!("{}/Users/{location}", known.lock().expect("no panic"));
            Some(match asked.line.as_str() {
                "POST /Users" => answer(201, body).header("location", &at),
                "GET /Users/9" => answer(200, json!({ "id": "9", "userName": "ann" })),
                line if line.starts_with("GET /Users?") => list_of(1, &[json!({ "id": "9", "userName": "ann" })]),
                other => answer(200, json!({ "id": other.rsplit('/').next(), "userName": "somebody" })),
            })
        })
        .await;
        base.lock().expect("no panic").clone_from(&server.base);
        let create = wanted(ACCOUNT, Action::Create).with("userName", Some(json!("ann")));
        assert_eq!(create.send(&server.writer().await).await, written("9"), "{location} {body}");
    }
}

#[tokio::test]
async fn two_creates_never_have_one_id() {
    let server = Scripted::start(|asked| {
        Some(match asked.line.as_str() {
            "POST /Users" => answer(201, json!({ "id": "9" })),
            _ => list_of(1, &[json!({ "id": "10", "userName": "bob" })]),
        })
    })
    .await;
    let writer = server.writer().await;
    assert_eq!(wanted(ACCOUNT, Action::Create).with("userName", Some(json!("ann"))).send(&writer).await, written("9"));
    assert_eq!(wanted(ACCOUNT, Action::Create).with("userName", Some(json!("bob"))).send(&writer).await, written("10"));
}
