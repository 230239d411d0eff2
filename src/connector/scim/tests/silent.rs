//! Groups that do not say who is in them, or say it of people whom nobody lists.

use serde_json::{Value as Json, json};

use super::scripted::{Answer, Asked, Scripted, answer, list_of};
use crate::connector::{Gone, LookupRequest, PageSink, ReadRequest, Reader};
use crate::model::{Cell, Columns, Evidence, ObjectKind, Page, SystemError};

#[derive(Default)]
struct Memberships(Vec<String>);

impl PageSink for Memberships {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        let text = |cell: Cell<'_>| cell.to_value().map_or_else(|| "-".into(), |value| value.to_string());
        let rows = page.rows().map(|row| row.cells().map(text).collect::<Vec<_>>().join(" "));
        self.0.extend(rows.filter(|_| kind == ObjectKind::Membership));
    }

    fn restart(&mut self, _kind: ObjectKind) {
        self.0.clear();
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

async fn read(server: &Scripted) -> (Vec<String>, Evidence) {
    let accounts = (ObjectKind::Account, Columns::new(["id", "userName"]));
    let groups = (ObjectKind::Group, Columns::new(["id", "displayName"]));
    let memberships = (ObjectKind::Membership, Columns::new(["group", "member", "kind"]));
    let mut rows = Memberships::default();
    let report = server.reader().await.read(&ReadRequest::new(vec![accounts, groups, memberships]), &mut rows).await;
    assert_eq!(report.of(ObjectKind::Group), Evidence::Complete);
    (rows.0, report.of(ObjectKind::Membership))
}

async fn groups_of(server: &Scripted, member: &str) -> Result<usize, SystemError> {
    let columns = Columns::new(["group", "member", "kind"]);
    let request = LookupRequest::new(ObjectKind::Membership, columns, "member", member);
    server.reader().await.lookup(&request).await.map(|page| page.rows().count())
}

/// Two accounts and one group, as `group` tells it.
async fn telling(group: impl Fn(&Asked) -> Json + Send + Sync + 'static) -> Scripted {
    let users = [json!({ "id": "u1", "userName": "ann" }), json!({ "id": "u2", "userName": "bob" })];
    Scripted::start(move |asked| -> Option<Answer> {
        let path = asked.line.strip_prefix("GET ").unwrap_or_default();
        Some(match path {
            "/Users/u1" => answer(200, &users[0]),
            path if path.starts_with("/Users") => list_of(2, &users),
            path if path.starts_with("/Groups?") => list_of(1, &[group(asked)]),
            _ => answer(200, group(asked)),
        })
    })
    .await
}

fn partial(evidence: &Evidence) -> &str {
    assert!(matches!(evidence, Evidence::Partial { .. }), "{evidence:?}");
    evidence.reason().unwrap_or_default()
}

#[tokio::test]
async fn members_that_are_told_to_those_who_ask_are_asked_for() {
    let server = telling(|asked| match asked.query.get("attributes") {
        Some(_) => json!({ "id": "g1", "members": [{ "value": "u1" }] }),
        None => json!({ "id": "g1", "displayName": "ops" }),
    })
    .await;
    assert_eq!(read(&server).await, (vec!["g1 u1 account".into()], Evidence::Complete));
    assert_eq!(groups_of(&server, "u1").await, Ok(1));
}

#[tokio::test]
async fn silence_about_members_is_not_emptiness() {
    let server = telling(|_| json!({ "id": "g1", "displayName": "ops" })).await;
    let (rows, evidence) = read(&server).await;
    assert!(rows.is_empty() && partial(&evidence).contains("no group tells its members"), "{evidence:?}");
    let direct = groups_of(&server, "u1").await;
    assert!(matches!(&direct, Err(SystemError::Protocol(words)) if words.contains("does not tell its members")), "{direct:?}");
}

#[tokio::test]
async fn a_service_that_answers_just_what_it_is_asked_for_says_that_nobody_is_in_it() {
    let server = telling(|asked| match asked.query.get("attributes") {
        Some(_) => json!({ "id": "g1" }),
        None => json!({ "id": "g1", "displayName": "ops" }),
    })
    .await;
    assert_eq!(read(&server).await, (Vec::new(), Evidence::Complete));
    assert_eq!(groups_of(&server, "u1").await, Ok(0));
}

#[tokio::test]
async fn members_are_found_by_link_by_user_name_and_whatever_the_case_of_their_ids() {
    for member in [json!({ "value": "x", "$ref": "https://chat.example/Users/u1" }), json!({ "value": "ANN" }), json!({ "value": "U1" })] {
        let shown = member.clone();
        let server = telling(move |_| json!({ "id": "g1", "displayName": "ops", "members": [shown] })).await;
        assert_eq!(read(&server).await, (vec!["g1 u1 account".into()], Evidence::Complete), "{member}");
        assert_eq!(groups_of(&server, "u1").await, Ok(1), "{member}");
    }
}

#[tokio::test]
async fn members_whom_nobody_lists_say_nothing_about_who_is_in_a_group() {
    let members = |many: usize| (0..many).map(|at| json!({ "value": format!("x{at}") })).chain([json!({ "value": "u1" })]);
    let few = telling(move |_| json!({ "id": "g1", "displayName": "ops", "members": members(1).collect::<Vec<_>>() })).await;
    assert_eq!(read(&few).await.1, Evidence::Complete, "what a deleted account left behind");
    let many = telling(move |_| json!({ "id": "g1", "displayName": "ops", "members": members(5).collect::<Vec<_>>() })).await;
    let (_, evidence) = read(&many).await;
    assert!(partial(&evidence).contains("5 of 6 members are no account or group"), "{evidence:?}");
}

#[tokio::test]
async fn a_member_of_no_kind_is_the_account_that_has_its_id() {
    let server = telling(|_| json!({ "id": "u1", "displayName": "ops", "members": [{ "value": "u1" }] })).await;
    assert_eq!(read(&server).await.0, ["u1 u1 account"]);
}
