//! What single vendors need of the engine, by their own documents of the catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::DeclaredConnector;
use super::tests::Rows;
use crate::connector::describe::Connector;
use crate::connector::scim::tests::scripted::{Answer, Asked, Scripted, answer, list_of, wanted};
use crate::connector::{ReadRequest, Surroundings, TargetConnector};
use crate::manifest::catalog::catalog;
use crate::manifest::connection::{DeclaredConnection, SecretRef};
use crate::model::{Action, Columns, Evidence, ObjectKind, SystemError};

/// A vendor of the catalog on this machine, signed in to with these secrets.
async fn target(service: &Scripted, name: &str, auth: &str, secrets: &[(&str, &str)]) -> TargetConnector {
    let mut document = (**catalog().get(name).expect("a document")).clone();
    let host = service.base.trim_start_matches("http://").trim_end_matches("/scim");
    document.hosts = vec![host.to_owned()];
    document.base = service.base.clone();
    let config =
        document.config.iter_mut().filter_map(|(name, rules)| Some((name.clone(), rules.default.clone().or(rules.example.clone())?)));
    let config: BTreeMap<_, _> = config.collect();
    let secret = |value: &str| SecretRef::Exec(vec!["echo".into(), value.into()]);
    let secrets = secrets.iter().map(|(name, value)| ((*name).to_owned(), secret(value))).collect();
    let connection = DeclaredConnection {
        name: name.into(),
        config,
        auth: Some((auth.to_owned(), secrets)).filter(|(name, _)| name != "none").into_iter().collect(),
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

async fn read(target: &TargetConnector, kind: ObjectKind, columns: &[&str]) -> (Evidence, Vec<String>) {
    let mut rows = Rows::default();
    let request = ReadRequest::new(vec![(kind, Columns::new(columns.iter().copied()))]);
    let report = target.reader.read(&request, &mut rows).await;
    (report.of(kind), rows.0.remove(&kind).unwrap_or_default())
}

fn slack(usergroup: &'static str) -> impl Fn(&Asked) -> Option<Answer> {
    move |asked| {
        Some(match asked.line.split('?').next().unwrap_or_default() {
            "GET /usergroups.list" => answer(200, format!(r#"{{"ok": true, "usergroups": [{usergroup}]}}"#)),
            "GET /usergroups.users.list" => answer(200, json!({"ok": true, "users": ["U1"]})),
            _ => answer(200, json!({"ok": true})),
        })
    }
}

#[tokio::test]
async fn a_group_that_does_not_say_who_is_in_it_is_not_empty() {
    let columns = ["group", "member", "kind"];
    let says = Scripted::with_discovery(slack(r#"{"id": "7", "name": "eng", "date_delete": 0, "users": ["U1", "U2"]}"#)).await;
    let says = target(&says, "slack", "bot", &[("token", "t")]).await;
    assert_eq!(
        read(&says, ObjectKind::Membership, &columns).await,
        (Evidence::Complete, vec!["7 U1 account".into(), "7 U2 account".into()])
    );
    let silent = Scripted::with_discovery(slack(r#"{"id": "7", "name": "eng", "date_delete": 0}"#)).await;
    let silent = target(&silent, "slack", "bot", &[("token", "t")]).await;
    let (evidence, rows) = read(&silent, ObjectKind::Membership, &columns).await;
    assert!(matches!(&evidence, Evidence::Partial { reason } if reason.contains("does not say who is in it")), "{evidence:?}");
    assert_eq!(rows, Vec::<String>::new());
}

#[tokio::test]
async fn all_members_are_said_at_once_of_a_group_that_may_be_changed() {
    let own = r#"{"id": "8", "date_delete": 0, "is_idp_group": true}, {"id": "7", "date_delete": 0}"#;
    let service = Scripted::with_discovery(slack(own)).await;
    let writer = target(&service, "slack", "bot", &[("token", "t")]).await.writer;
    let change = |action, member: &str| wanted(ObjectKind::Group, action).member(ObjectKind::Account, member);
    assert!(change(Action::AddMembers, "U9").send(&*writer).await.is_ok());
    let none = change(Action::RemoveMembers, "U1").send(&*writer).await;
    assert!(matches!(&none, Err(SystemError::Rejected(words)) if words.contains("at least 1")), "{none:?}");
    let sent: Vec<String> = service.lines().into_iter().filter(|line| line.starts_with("POST")).collect();
    assert_eq!(sent, ["POST /usergroups.users.update"]);
    // There is no request for one group: of all of them the one with the id is looked at.
    let foreign = Scripted::with_discovery(slack(r#"{"id": "6", "date_delete": 0}, {"id": "7", "is_idp_group": true}"#)).await;
    let refused = change(Action::AddMembers, "U9").send(&*target(&foreign, "slack", "bot", &[("token", "t")]).await.writer).await;
    assert!(matches!(&refused, Err(SystemError::Rejected(words)) if words.contains("somebody else")), "{refused:?}");
}

#[tokio::test]
async fn a_last_page_without_links_is_read_again_and_not_the_first_one() {
    let person = |id: &str| json!({"id": id, "status": "Current employee", "email": format!("{id}@a.example")});
    let service = Scripted::with_discovery(move |asked| {
        let last = asked.query.contains_key("page");
        Some(match last {
            true => answer(200, json!({"employees": [person("2")]})),
            false => answer(200, json!({"employees": [person("1")]})).header("link", "</scim/employees?page=2>; rel=\"next\""),
        })
    });
    let service = service.await;
    let target = target(&service, "breathe", "key", &[("key", "k")]).await;
    let (evidence, rows) = read(&target, ObjectKind::Account, &["id", "active"]).await;
    assert_eq!((evidence, rows), (Evidence::Complete, vec!["1 true".into(), "2 true".into()]));
    assert_eq!(service.lines(), ["GET /employees?per_page=100", "GET /employees?page=2", "GET /employees?page=2"]);
}

fn salesforce(asked: &Asked) -> Option<Answer> {
    let members = json!([{"Id": "011a", "UserOrGroupId": "005a"}, {"Id": "011b", "UserOrGroupId": "00Gb"}]);
    Some(match asked.line.split('?').next().unwrap_or_default() {
        "GET /query" => answer(200, json!({"done": true, "records": members})),
        "GET /sobjects/Group/7" => answer(200, json!({"Id": "7", "Type": "Regular"})),
        _ => answer(204, ""),
    })
}

#[tokio::test]
async fn a_membership_is_taken_away_by_its_own_id() {
    let service = Scripted::with_discovery(salesforce).await;
    let writer = target(&service, "salesforce", "none", &[]).await.writer;
    let out = |member| wanted(ObjectKind::Group, Action::RemoveMembers).member(ObjectKind::Account, member);
    assert_eq!(out("005a").send(&*writer).await.map(|done| done.already_so), Ok(false));
    assert_eq!(out("005z").send(&*writer).await.map(|done| done.already_so), Ok(true));
    let sent: Vec<String> = service.lines().into_iter().filter(|line| line.starts_with("DELETE")).collect();
    assert_eq!(sent, ["DELETE /sobjects/GroupMember/011a"]);
}

#[tokio::test]
async fn what_is_made_has_a_password_of_its_own_and_what_needs_it_follows() {
    let made = async || {
        let service = Scripted::with_discovery(|asked| {
            Some(match asked.line.as_str() {
                "POST /users" => answer(201, json!({"id": "u1"})),
                _ => answer(200, json!({"id": "u1"})),
            })
        });
        let service = service.await;
        let writer = target(&service, "entra", "none", &[]).await.writer;
        let new =
            wanted(ObjectKind::Account, Action::Create).with("userName", Some(json!("ada@a.example"))).with("manager", Some(json!("u9")));
        assert_eq!(new.send(&*writer).await.map(|made| made.id.to_string()), Ok("u1".into()));
        // The manager is a request of its own, once the account is there.
        let last = service.asked().pop().expect("a request");
        assert_eq!(
            (last.line.as_str(), last.body["@odata.id"].as_str().is_some_and(|id| id.ends_with("/users/u9"))),
            ("PUT /users/u1/manager/$ref", true)
        );
        let made = service.asked()[0].body.clone();
        assert_eq!(made.get("@odata.id"), None);
        made
    };
    let (one, other) = (made().await, made().await);
    let password = |body: &Json| body["passwordProfile"]["password"].as_str().map(str::to_owned).unwrap_or_default();
    assert_eq!((&one["mailNickname"], &one["accountEnabled"]), (&json!("ada"), &json!(true)));
    assert!(password(&one).len() > 24 && password(&one) != password(&other), "{one}");
}

#[tokio::test]
async fn a_way_to_sign_in_may_have_several_headers() {
    let service = Scripted::with_discovery(|_| Some(answer(200, json!({"next": null, "results": []})))).await;
    let target = target(&service, "merge", "key", &[("key", "k3y"), ("account", "acc0unt")]).await;
    assert_eq!(read(&target, ObjectKind::Account, &["id"]).await.0, Evidence::Complete);
    assert_eq!(service.asked()[0].authorization.as_deref(), Some("Bearer k3y"));
}

#[tokio::test]
async fn what_no_request_writes_is_fixed() {
    let service = Scripted::with_discovery(|_| None).await;
    let can = target(&service, "hubspot", "app", &[("token", "t")]).await.capabilities;
    let names = |names: &BTreeSet<Arc<str>>| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    assert_eq!((names(&can.immutable_attributes), names(&can.read_only_attributes)), (vec!["userName".into()], vec!["emails".into()]));
}

#[tokio::test]
async fn a_scim_service_is_spoken_to_by_the_scim_connector_within_what_its_document_says() {
    let service = Scripted::start(|asked| {
        let person = json!({"id": "u1", "userName": "ada@a.example", "active": true});
        Some(if asked.query.get("startIndex").is_some_and(|at| at == "1") { list_of(1, &[person]) } else { list_of(1, &[]) })
    });
    let service = service.await;
    let target = target(&service, "leapsome", "token", &[("token", "s3cret")]).await;
    assert_eq!(read(&target, ObjectKind::Account, &["id", "userName"]).await, (Evidence::Complete, vec!["u1 ada@a.example".into()]));
    let first = service.asked().into_iter().find(|asked| asked.line.starts_with("GET /Users")).expect("a list");
    assert_eq!((first.query.get("count").map(String::as_str), first.authorization.as_deref()), (Some("1000"), Some("Bearer s3cret")));
    let can = &target.capabilities;
    assert!(!can.delete_accounts && !can.delete_groups && can.write_memberships && can.required_attributes.contains("emails"));
}

#[tokio::test]
async fn a_change_may_stand_inside_a_patch() {
    let service = Scripted::with_discovery(|_| Some(answer(200, json!({"id": "7"})))).await;
    let writer = target(&service, "aws-identity-center", "none", &[]).await.writer;
    let change = wanted(ObjectKind::Account, Action::Update).with("title", Some(json!("Lead"))).with("name.givenName", Some(json!("Ada")));
    assert!(change.send(&*writer).await.is_ok());
    let sent = service.asked().pop().expect("a request");
    assert_eq!(sent.line, "PATCH /Users/7");
    assert_eq!(sent.body["Operations"], json!([{"op": "replace", "value": {"name": {"givenName": "Ada"}, "title": "Lead"}}]));
}
