//! What a reader makes of answers, honest and not.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use super::scripted::{Answer, Asked, Scripted, answer, list_of, users};
use crate::connector::{Gone, LookupRequest, PageSink, ReadRequest, Reader};
use crate::model::{Cell, Columns, Evidence, ObjectKind, Page, SystemError};

/// Answers each request by itself.
type Script = fn(&Asked) -> Answer;

#[derive(Default)]
struct Rows(Vec<(ObjectKind, Vec<String>)>);

impl PageSink for Rows {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        self.0.extend(texts(page).into_iter().map(|row| (kind, row)));
    }

    fn restart(&mut self, _kind: ObjectKind) {
        self.0.retain(|(kind, _)| *kind != _kind);
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

fn texts(page: &Page) -> Vec<Vec<String>> {
    let text = |cell: Cell<'_>| cell.to_value().map_or_else(|| "-".into(), |value| value.to_string());
    page.rows().map(|row| row.cells().map(text).collect()).collect()
}

/// Reads the accounts: their ids and the evidence.
async fn read_accounts(server: &Scripted) -> (String, Evidence) {
    let request = ReadRequest::new(vec![(ObjectKind::Account, Columns::new(["id"]))]);
    let mut rows = Rows::default();
    let report = server.reader().await.read(&request, &mut rows).await;
    let ids: Vec<String> = rows.0.into_iter().map(|(_, row)| row.concat()).collect();
    (ids.join(" "), report.of(ObjectKind::Account))
}

fn start_index(asked: &Asked) -> usize {
    asked.query["startIndex"].parse().expect("a number")
}

/// Two a page, as asked.
fn honest(asked: &Asked, total: usize) -> Answer {
    let start = start_index(asked);
    list_of(total, &users(start, total.min(start + 1)))
}

fn reason(evidence: &Evidence) -> &str {
    evidence.reason().unwrap_or_default()
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_end() {
    let server = Scripted::start(|asked| Some(honest(asked, 5))).await;
    assert_eq!(read_accounts(&server).await, ("u1 u2 u3 u4 u5".into(), Evidence::Complete));
    let lines = server.lines();
    let pages = [1, 3, 5, 6].map(|start| format!("GET /Users?startIndex={start}&count=2"));
    assert_eq!(lines, pages, "and once behind the end");
    assert_eq!(server.asked()[0].authorization.as_deref(), Some("Bearer t0ken"));
}

/// What was heard of a stream, in order.
#[derive(Default)]
struct Heard(Vec<String>);

impl PageSink for Heard {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        self.0.push(format!("{kind:?} {}", texts(page).concat().concat()));
    }

    fn restart(&mut self, kind: ObjectKind) {
        self.0.push(format!("{kind:?} again"));
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

#[tokio::test]
async fn a_list_is_handed_on_page_by_page_and_taken_back_where_it_moved() {
    let pages = AtomicUsize::new(0);
    let server = Scripted::start(move |asked| {
        if asked.line.starts_with("GET /Groups") {
            let groups: Vec<Json> = ["g1", "g2"]
                .into_iter()
                .skip(start_index(asked) - 1)
                .take(1)
                .map(|id| json!({"id": id, "members": [{"value": "u3"}]}))
                .collect();
            return Some(list_of(2, &groups));
        }
        let total = if pages.fetch_add(1, Ordering::Relaxed) == 1 { 4 } else { 3 };
        Some(honest(asked, total))
    })
    .await;
    let streams = [ObjectKind::Account, ObjectKind::Group].map(|kind| (kind, Columns::new(["id"]))).to_vec();
    let memberships = (ObjectKind::Membership, Columns::new(["group", "member"]));
    let mut heard = Heard::default();
    let report = server.reader().await.read(&ReadRequest::new([streams, vec![memberships]].concat()), &mut heard).await;
    assert!(report.kinds.iter().all(|(_, evidence)| evidence.proves_absence()), "{report:?}");
    let all = ["Account u1u2", "Account again", "Account u1u2", "Account u3", "Group g1", "Group g2", "Membership g1u3g2u3"];
    assert_eq!(heard.0, all);
}

#[tokio::test]
async fn an_empty_list_that_says_so_is_complete() {
    let server = Scripted::start(|_| Some(answer(200, json!({ "totalResults": 0 })))).await;
    assert_eq!(read_accounts(&server).await, (String::new(), Evidence::Complete));
}

#[tokio::test]
async fn a_list_that_moves_is_read_again_from_nothing() {
    let pages = AtomicUsize::new(0);
    let server = Scripted::start(move |asked| {
        let moved = pages.fetch_add(1, Ordering::Relaxed) > 0;
        Some(if moved { honest(asked, 3) } else { list_of(4, &users(8, 9)) })
    })
    .await;
    assert_eq!(read_accounts(&server).await, ("u1 u2 u3".into(), Evidence::Complete));
}

#[tokio::test]
async fn a_list_that_never_stands_still_is_partial() {
    let server = Scripted::start(move |asked| Some(honest(asked, 10 + start_index(asked)))).await;
    let (ids, evidence) = read_accounts(&server).await;
    let first = server.lines().into_iter().filter(|line| line.contains("startIndex=1&")).count();
    assert_eq!((ids.as_str(), first), ("u1 u2", 3));
    assert_eq!(reason(&evidence), "unexpected answer: the announced total moved from 11 to 13 during the read");
}

#[tokio::test]
async fn a_service_that_ignores_start_index_is_found_out() {
    let server = Scripted::start(|_| Some(list_of(6, &users(1, 2)))).await;
    let (ids, evidence) = read_accounts(&server).await;
    assert!(
        ids == "u1 u2" && matches!(evidence, Evidence::Partial { .. }) && reason(&evidence).contains("is startIndex ignored?"),
        "{evidence:?}"
    );
}

#[tokio::test]
async fn lies_about_how_much_there_is_are_found_out() {
    let shifted = |asked: &Asked| list_of(4, &if start_index(asked) == 1 { users(1, 2) } else { users(2, 3) });
    let missing = |asked: &Asked| list_of(4, &if start_index(asked) == 1 { users(1, 2) } else { Vec::new() });
    let more = |_: &Asked| list_of(1, &users(1, 2));
    let none = |_: &Asked| list_of(0, &users(1, 1));
    let cases: [(Script, &str); 4] = [
        (shifted, "3 distinct ids came, but 4 were announced"),
        (missing, "an empty page after 2 of 4 announced"),
        (more, "2 distinct ids came, but 1 were announced"),
        (none, "1 distinct ids came, but 0 were announced"),
    ];
    for (script, why) in cases {
        let server = Scripted::start(move |asked| Some(script(asked))).await;
        let (_, evidence) = read_accounts(&server).await;
        assert!(matches!(evidence, Evidence::Partial { .. }) && reason(&evidence).ends_with(why), "{evidence:?}");
    }
}

#[tokio::test]
async fn a_total_that_is_too_small_is_found_out_behind_the_end() {
    let lie = |asked: &Asked| list_of(2, &users(start_index(asked), start_index(asked) + 1));
    let server = Scripted::start(move |asked| Some(lie(asked))).await;
    let (_, evidence) = read_accounts(&server).await;
    assert!(reason(&evidence).ends_with("2 were announced, and more came behind them"), "{evidence:?}");
    let once = AtomicUsize::new(0);
    let server =
        Scripted::start(move |asked| Some(if once.fetch_add(1, Ordering::Relaxed) == 0 { lie(asked) } else { honest(asked, 3) })).await;
    assert_eq!(read_accounts(&server).await, ("u1 u2 u3".into(), Evidence::Complete));
}

#[tokio::test]
async fn a_service_may_refuse_or_repeat_behind_the_end() {
    let refuses = |asked: &Asked| if start_index(asked) > 2 { answer(400, "{}") } else { list_of(2, &users(1, 2)) };
    let repeats = |_: &Asked| list_of(2, &users(1, 2));
    let scripts: [Script; 2] = [refuses, repeats];
    for script in scripts {
        let server = Scripted::start(move |asked| Some(script(asked))).await;
        assert_eq!(read_accounts(&server).await, ("u1 u2".into(), Evidence::Complete));
    }
}

#[tokio::test]
async fn what_is_no_list_is_unreadable() {
    let cases: [(u16, &str, &str); 8] = [
        (200, "<!DOCTYPE html><title>Sign in</title>", "a web page in place of JSON"),
        (200, "", "with an empty body"),
        (200, r#"{"totalResults": 2, "Resources": [{"id": "u1""#, "JSON that breaks off after 45 bytes"),
        (200, r#"{"Resources": []}"#, "a list without totalResults"),
        (200, r#"[]"#, "a list without totalResults"),
        (200, r#"{"totalResults": 1, "Resources": [{"userName": "x"}]}"#, "a resource has no id"),
        (302, "", "redirects (HTTP 302), which is never followed; correct the url"),
        (
            401,
            r#"{"detail": "the token t0ken has expired"}"#,
            "does not accept the secret that `auth` names (HTTP 401: the token [secret] has expired): is it the right one, and does it still hold?",
        ),
    ];
    for (status, body, why) in cases {
        let server = Scripted::start(move |_| Some(answer(status, body))).await;
        let (ids, evidence) = read_accounts(&server).await;
        assert!(
            ids.is_empty() && matches!(evidence, Evidence::Unreadable { .. }) && reason(&evidence).contains(why),
            "{why}: {evidence:?}"
        );
    }
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let tries = AtomicUsize::new(0);
    let server = Scripted::start(move |asked| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => Some(answer(429, "{}").header("retry-after", "0")),
        1 => Some(answer(503, "{}")),
        2 => None,
        _ => Some(honest(asked, 1)),
    })
    .await;
    assert_eq!(read_accounts(&server).await, ("u1".into(), Evidence::Complete));
}

#[tokio::test]
async fn a_long_pause_and_a_lasting_failure_end_the_read() {
    let server = Scripted::start(|_| Some(answer(429, "{}").header("retry-after", "3600"))).await;
    assert!(matches!(read_accounts(&server).await.1, Evidence::Unreadable { .. }));
    assert_eq!(server.lines().len(), 1);
    let server = Scripted::start(|asked| (start_index(asked) == 1).then(|| honest(asked, 3))).await;
    let (ids, evidence) = read_accounts(&server).await;
    assert!(ids == "u1 u2" && matches!(evidence, Evidence::Partial { .. }), "{evidence:?}");
}

#[tokio::test]
async fn a_source_reads_attributes_and_whatever_else_a_resource_holds() {
    let ann = json!({
        "id": "u1", "userName": "ann", "meta": { "created": "2026-01-02" }, "badge": 7,
        crate::scim::ENTERPRISE: { "department": "R&D", "manager": { "value": "u2" } },
    });
    let server = Scripted::start(move |_| Some(list_of(1, std::slice::from_ref(&ann)))).await;
    let columns = Columns::new(["id", "userName", "department", "manager", "meta.created", "badge", "active", "title"]);
    let mut rows = Rows::default();
    let report = server.source().await.read(&ReadRequest::new(vec![(ObjectKind::Account, columns)]), &mut rows).await;
    assert_eq!(report.of(ObjectKind::Account), Evidence::Complete);
    assert_eq!(rows.0[0].1.join(" "), "u1 ann R&D u2 2026-01-02 7 true -");
}

async fn read_groups(server: &Scripted) -> (Vec<String>, Evidence) {
    let groups = (ObjectKind::Group, Columns::new(["id", "displayName", "externalId"]));
    let memberships = (ObjectKind::Membership, Columns::new(["group", "member", "kind"]));
    let mut rows = Rows::default();
    let report = server.reader().await.read(&ReadRequest::new(vec![groups, memberships]), &mut rows).await;
    (rows.0.into_iter().map(|(_, row)| row.join(" ")).collect(), report.of(ObjectKind::Group).and(report.of(ObjectKind::Membership)))
}

#[tokio::test]
async fn members_are_accounts_or_groups() {
    let groups = [
        json!({ "id": "g1", "displayName": "All", "members": [{ "value": "g2" }, { "value": "u1" }, { "value": "u1" }, { "value": "x", "$ref": "../Groups/x" }] }),
        json!({ "id": "g2", "displayName": "Some", "externalId": "m" }),
    ];
    let server = Scripted::start(move |_| Some(list_of(2, &groups))).await;
    let (rows, evidence) = read_groups(&server).await;
    assert_eq!(rows, ["g1 All -", "g2 Some m", "g1 g2 group", "g1 u1 account", "g1 x group"]);
    assert_eq!((evidence, server.lines().len()), (Evidence::Complete, 2));
}

#[tokio::test]
async fn a_list_that_leaves_members_out_does_not_look_like_empty_groups() {
    let group = |id: &str, members: Json| json!({ "id": id, "displayName": id, "members": members });
    let server = Scripted::start(move |asked| {
        Some(match asked.line.as_str() {
            "GET /Groups/g1" => answer(200, group("g1", json!([{ "value": "u1" }]))),
            "GET /Groups/g2" => answer(200, json!({ "id": "g2" })),
            _ => list_of(2, &[json!({ "id": "g1" }), json!({ "id": "g2" })]),
        })
    })
    .await;
    let (rows, evidence) = read_groups(&server).await;
    assert_eq!((rows, evidence), (vec!["g1 - -".to_owned(), "g2 - -".into(), "g1 u1 account".into()], Evidence::Complete));
}

async fn lookup(server: &Scripted, kind: ObjectKind, attribute: &str, value: &str) -> Result<String, SystemError> {
    let request = LookupRequest::new(kind, Columns::new(["id"]), attribute, value);
    server.reader().await.lookup(&request).await.map(|page| texts(&page).concat().join(" "))
}

#[tokio::test]
async fn an_answer_is_checked_against_the_question() {
    let everybody =
        [json!({ "id": "u1", "userName": "Ann" }), json!({ "id": "u2", "userName": "bob", "emails": [{ "value": "B@acme.example" }] })];
    let server = Scripted::start(move |_| Some(list_of(2, &everybody))).await;
    let found = |attribute, value| lookup(&server, ObjectKind::Account, attribute, value);
    assert_eq!(found("userName", "ann").await.as_deref(), Ok("u1"));
    assert_eq!(found("emails", "b@acme.example").await.as_deref(), Ok("u2"));
    assert_eq!(found("externalId", "m").await.as_deref(), Ok(""));
    let mut filters: Vec<_> = server.asked().into_iter().map(|asked| asked.query["filter"].clone()).collect();
    filters.dedup();
    assert_eq!(filters, [r#"userName eq "ann""#, r#"emails.value eq "b@acme.example""#, r#"externalId eq "m""#]);
}

#[tokio::test]
async fn an_id_is_asked_for_by_name() {
    let server = Scripted::start(|asked| {
        Some(match asked.line.as_str() {
            "GET /Users/u%2F1" => answer(200, json!({ "id": "u/1" })),
            "GET /Users/u2" => answer(200, json!({ "id": "u3" })),
            "GET /Users/u4" => answer(404, "<html>").header("content-type", "text/html"),
            _ => answer(404, json!({ "detail": "no such user" })),
        })
    })
    .await;
    let found = |id| lookup(&server, ObjectKind::Account, "id", id);
    assert_eq!(found("u/1").await.as_deref(), Ok("u/1"));
    assert_eq!(found("gone").await.as_deref(), Ok(""));
    assert!(matches!(found("u2").await, Err(SystemError::Protocol(_))));
    assert!(matches!(found("u4").await, Err(SystemError::Protocol(_))));
}

#[tokio::test]
async fn without_filters_the_whole_list_answers() {
    let server = Scripted::start(|asked| match asked.query.get("filter") {
        Some(_) => Some(answer(400, json!({ "scimType": "invalidFilter" }))),
        None => Some(honest(asked, 3)),
    })
    .await;
    assert_eq!(lookup(&server, ObjectKind::Account, "userName", "user3").await.as_deref(), Ok("u3"));
    let server = Scripted::start(|_| Some(list_of(5, &users(1, 2)))).await;
    assert!(
        lookup(&server, ObjectKind::Account, "userName", "user9").await.is_err(),
        "a list that is cut short says nothing about absence"
    );
}
