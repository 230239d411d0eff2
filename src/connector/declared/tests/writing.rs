//! What documents of a test's own write: attributes that share a field, groups of several kinds.

use serde_json::{Value as Json, json};

use super::{DeclaredConnector, own, said};
use crate::connector::describe::Connector;
use crate::connector::scim::tests::scripted::{Answer, Asked, Scripted, answer, wanted};
use crate::connector::{LookupRequest, ReadRequest, Surroundings, TargetConnector};
use crate::model::{Action, Columns, Evidence, ObjectKind, SystemError};

async fn target(service: &Scripted, fields: &Json, kinds: &[&str]) -> TargetConnector {
    let mut connection = own(service, fields, &json!({"token": said("t")}));
    connection.group_kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    DeclaredConnector.open_target(&connection, &Surroundings::at(".")).await.expect("a target")
}

/// The requests that change something.
fn told(service: &Scripted) -> Vec<String> {
    let changes = service.asked().into_iter().filter(|asked| !asked.line.starts_with("GET"));
    changes.map(|asked| format!("{} {}", asked.line, asked.body)).collect()
}

#[tokio::test]
async fn attributes_that_share_a_field_are_written_as_they_all_should_be() {
    let job = json!({"job": "{'title': object.title, 'unit': object.department}"});
    let fields = json!({"accounts": {
        "id": "record.id",
        "get": {"get": "/users/{id}"},
        "attributes": {
            "title": {"read": "record.job.title", "write": job},
            "department": {"read": "record.job.unit", "write": job},
        },
        "update": [{"patch": "/users/{id}", "body": "changes"}],
    }});
    let record = json!({"id": "7", "job": {"title": "Lead", "unit": "Eng"}});
    let service = Scripted::with_discovery(move |_| Some(answer(200, record.clone()))).await;
    let writer = target(&service, &fields, &[]).await.writer;
    let change = || wanted(ObjectKind::Account, Action::Update);
    assert!(change().with("title", Some(json!("Boss"))).send(&*writer).await.is_ok());
    assert!(change().with("title", Some(json!("Boss"))).with("department", None).send(&*writer).await.is_ok());
    let sent = [r#"PATCH /users/7 {"job":{"title":"Boss","unit":"Eng"}}"#, r#"PATCH /users/7 {"job":{"title":"Boss"}}"#];
    assert_eq!(told(&service), sent);
}

/// Teams and roles, each with members that can be changed; channels are only read.
fn kinds() -> Json {
    let written = |path: &str| {
        json!({
            "id": "record.id",
            "list": {"get": path, "pages": {"one": {}}},
            "get": {"get": format!("{path}/{{id}}")},
            "attributes": {"displayName": {"path": "name"}},
            "create": {"post": path, "body": "attributes"},
            "members": {"list": {"get": format!("{path}/{{group.id}}/members"), "pages": {"one": {}}}, "add": {"put": format!("{path}/{{group.id}}/members/{{member.id}}")}},
        })
    };
    let mut channel = written("/channels");
    channel.as_object_mut().expect("fields").retain(|name, _| !["create", "members", "get"].contains(&name.as_str()));
    json!({"groups": {"channel": channel, "role": written("/roles"), "team": written("/teams")}})
}

fn groups(asked: &Asked) -> Option<Answer> {
    Some(match asked.line.as_str() {
        "GET /teams/7" | "GET /roles/8" | "GET /teams/9" | "GET /roles/9" => answer(200, json!({"id": asked.line.rsplit('/').next()})),
        "GET /channels" => answer(200, json!([{"id": "6"}])),
        line if line.starts_with("GET") => answer(404, "{}"),
        _ => answer(200, json!({"id": "1"})),
    })
}

#[tokio::test]
async fn a_group_is_changed_as_the_kind_that_it_is_of() {
    let service = Scripted::with_discovery(groups).await;
    let writer = target(&service, &kinds(), &[]).await.writer;
    let add = |id: &str| wanted(ObjectKind::Group, Action::AddMembers).about(id).member(ObjectKind::Account, "u1");
    assert!(add("7").send(&*writer).await.is_ok());
    assert!(add("8").send(&*writer).await.is_ok());
    assert!(matches!(add("6").send(&*writer).await, Err(SystemError::NotFound(_))), "a channel is none of those that can be changed");
    assert!(matches!(add("9").send(&*writer).await, Err(SystemError::Rejected(words)) if words.contains("groupKinds")));
    assert!(matches!(add("5").send(&*writer).await, Err(SystemError::NotFound(_))));
    assert_eq!(told(&service), ["PUT /teams/7/members/u1 null", "PUT /roles/8/members/u1 null"]);
    let asked = service.lines().len();
    assert!(add("7").send(&*writer).await.is_ok());
    assert_eq!(service.lines().len(), asked + 1, "what is known is not asked for again");
}

#[tokio::test]
async fn a_new_group_is_of_the_kind_that_the_target_names_first() {
    let service = Scripted::with_discovery(groups).await;
    for (kinds_named, path) in [(&["team", "role"][..], "/teams"), (&["channel", "role"], "/roles")] {
        let open = target(&service, &kinds(), kinds_named).await;
        let made = wanted(ObjectKind::Group, Action::Create).with("displayName", Some(json!("Eng"))).send(&*open.writer).await;
        assert!(made.is_ok(), "{made:?}");
        assert_eq!(told(&service).last().map(String::as_str), Some(&*format!("POST {path} {{\"name\":\"Eng\"}}")));
    }
    let can = target(&service, &kinds(), &[]).await.capabilities;
    assert!(can.create_groups && can.write_memberships && !can.update_groups && can.says_writable.contains(&ObjectKind::Group));
}

#[tokio::test]
async fn a_manager_that_is_named_by_an_address_is_the_account_of_it() {
    let fields = json!({"accounts": {
        "id": "record.id",
        "list": {"get": "/users", "pages": {"one": {}}},
        "get": {"get": "/users/{id}"},
        "find": {"emails": {"get": "/users", "query": {"mail": "{value}"}}},
        "attributes": {
            "emails": {"read": "[{'value': record.mail, 'primary': true}]"},
            "manager": {"path": "boss", "ref": "emails"},
        },
        "update": [{"patch": "/users/{id}", "body": "changes"}],
    }});
    let user = |id: &str, boss: &str| json!({"id": id, "mail": format!("{id}@x"), "boss": boss});
    let service = Scripted::with_discovery(move |asked| {
        Some(match asked.line.as_str() {
            "GET /users" => answer(200, json!([user("u1", "U2@x"), user("u2", "gone@x"), user("7", "u1@x")])),
            "GET /users/u2" | "GET /users?mail=u2%40x" => answer(200, user("u2", "gone@x")),
            "GET /users/7" => answer(200, user("7", "u2@x")),
            line if line.starts_with("GET") => answer(404, "{}"),
            _ => answer(200, "{}"),
        })
    });
    let service = service.await;
    let open = target(&service, &fields, &[]).await;
    let mut rows = super::Rows::default();
    let streams = vec![(ObjectKind::Account, Columns::new(["id", "manager"]))];
    let report = open.reader.read(&ReadRequest::new(streams), &mut rows).await;
    assert_eq!(report.of(ObjectKind::Account), Evidence::Complete);
    assert_eq!(rows.0[&ObjectKind::Account], ["u1 u2", "u2 gone@x", "7 u1"], "who is not found stays named as the system has it");
    let found =
        open.reader.lookup(&LookupRequest::new(ObjectKind::Account, Columns::new(["manager"]), "id", "7")).await.expect("an answer");
    assert_eq!(found.rows().next().and_then(|row| row.cell(0).as_text().map(str::to_owned)).as_deref(), Some("u2"));
    let change = |value| wanted(ObjectKind::Account, Action::Update).with("manager", value);
    assert!(change(Some(json!("u2"))).send(&*open.writer).await.is_ok());
    assert!(change(None).send(&*open.writer).await.is_ok());
    assert!(change(Some(json!("u9"))).send(&*open.writer).await.is_err(), "nobody is made up");
    assert_eq!(told(&service), [r#"PATCH /users/7 {"boss":"u2@x"}"#, r#"PATCH /users/7 {"boss":null}"#]);
}

#[tokio::test]
async fn a_password_that_was_made_up_is_in_no_refusal_that_repeats_it() {
    let fields = json!({"errors": {"text": "body.said"}, "accounts": {
        "id": "record.id",
        "get": {"get": "/users/{id}"},
        "attributes": {"userName": {"path": "login"}},
        "create": {"post": "/users", "body": "attributes", "with": {"password": "{generate.password}"}},
        "update": [{"patch": "/users/{id}", "body": "changes"}],
    }});
    let service = Scripted::with_discovery(|asked| Some(answer(400, json!({"said": format!("weak: {}", asked.body)})))).await;
    let writer = target(&service, &fields, &[]).await.writer;
    let refused = wanted(ObjectKind::Account, Action::Create).with("userName", Some(json!("ada"))).send(&*writer).await;
    let words = refused.expect_err("it refuses").to_string();
    let sent = service.asked().last().expect("it was asked").body.clone();
    let password = sent["password"].as_str().expect("one was made");
    assert!(words.contains("[secret]") && !words.contains(password), "{words}");
}
