//! What changed since a read: rows that are whole, who is gone, and all anew where that is not known.

use super::*;
use crate::connector::ReadScope;
use crate::model::Watermark;

/// A mark of so many seconds ago, after a whole read of so many.
fn mark(at: i64, whole: i64, token: &str) -> Watermark {
    let now = jiff::Timestamp::now().as_second();
    Watermark(json!({"at": now - at, "whole": now - whole, "token": token}).to_string().into())
}

const HOUR: i64 = 3600;

/// What a Target with these `changes` reads since a mark: how it went, its rows and who is gone, the token that is next, and what was asked.
async fn since(
    changes: &Json,
    mark: Option<Watermark>,
    script: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static,
) -> (Evidence, Vec<String>, Option<String>, Vec<String>) {
    let service = Scripted::with_discovery(script).await;
    let accounts = json!({"id": "record.id", "attributes": {"title": {"path": "title"}}, "skip": "default(record.bot, false)",
        "list": {"get": "/users", "pages": {"one": {}}}, "get": {"get": "/users/{id}"}, "changes": changes});
    let connection = own(&service, &json!({ "accounts": accounts }), &json!({"token": said("t0ken")}));
    let target = DeclaredConnector.open_target(&connection, &Surroundings::at(".")).await.expect("a target");
    let request = ReadRequest {
        scope: ReadScope::Changed(mark.into_iter().map(|mark| (ObjectKind::Account, mark)).collect()),
        ..ReadRequest::new(vec![(ObjectKind::Account, Columns::new(["id", "title"]))])
    };
    let mut rows = Rows::default();
    let mut report = target.reader.read(&request, &mut rows).await;
    let next = report.next.remove(&ObjectKind::Account).and_then(|next| serde_json::from_str::<Json>(&next.0).ok());
    let token = next.map(|next| next["token"].as_str().unwrap_or_default().replace(&service.base, ""));
    (report.of(ObjectKind::Account), rows.0.remove(&ObjectKind::Account).unwrap_or_default(), token, service.lines())
}

fn by_token() -> Json {
    json!({
        "token": {"start": {"get": "/users/delta", "records": "body.value", "shape": "has(body.value)", "pages": {"next": "body.next"}},
            "save": "body.delta", "expired": "body.code == \"syncStateNotFound\"", "lifetime": "7d"},
        "removed": "has(record.removed)", "full": "1d",
    })
}

/// A directory with two people, of whom one changed and one went.
fn directory(asked: &Asked) -> Option<Answer> {
    let base = "/scim/users/delta";
    Some(match asked.line.as_str() {
        "GET /users/delta" => answer(200, json!({"value": [{"id": "u1"}], "next": format!("{base}?skip=1")})),
        "GET /users/delta?skip=1" => {
            answer(200, json!({"value": [{"id": "u2"}, {"id": "u7", "removed": {}}], "delta": format!("{base}?token=1")}))
        }
        "GET /users/delta?token=1" => answer(200, json!({"value": [], "next": format!("{base}?token=1&skip=1")})),
        "GET /users/delta?token=1&skip=1" => {
            let changed =
                json!([{"id": "u1"}, {"id": "u2", "removed": {}}, {"id": "u3"}, {"id": "u4"}, {"id": "u5"}, {"id": "u1", "title": "Boss"}]);
            answer(200, json!({"value": changed, "delta": format!("{base}?token=2")}))
        }
        "GET /users/delta?token=gone" => answer(410, "{}"),
        "GET /users/delta?token=old" => answer(400, json!({"code": "syncStateNotFound"})),
        "GET /users/delta?token=odd" => answer(200, json!({"value": [{"id": "u1"}]})),
        "GET /users/u4" => answer(404, "{}"),
        "GET /users/u5" => answer(200, json!({"id": "u5", "bot": true})),
        "GET /users/delta?token=away" => answer(403, "{}"),
        line => answer(200, json!({"id": line.trim_start_matches("GET /users/"), "title": "Boss"})),
    })
}

#[tokio::test]
async fn what_changed_is_asked_for_and_who_is_gone_is_told() {
    let (evidence, rows, token, _) = since(&by_token(), None, directory).await;
    assert_eq!((evidence, token.as_deref()), (Evidence::Complete, Some("/scim/users/delta?token=1")));
    assert_eq!(rows, ["u1 Boss", "u2 Boss"]);
    let (evidence, rows, token, lines) = since(&by_token(), Some(mark(HOUR, HOUR, "/scim/users/delta?token=1")), directory).await;
    assert_eq!((evidence, token.as_deref()), (Evidence::Delta, Some("/scim/users/delta?token=2")));
    assert_eq!(rows, ["u1 Boss", "u3 Boss", "gone u2", "gone u4", "gone u5"]);
    assert!(!lines.contains(&"GET /users".to_owned()) && !lines.contains(&"GET /users/delta".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn where_a_token_of_now_is_given_all_are_read_by_the_list_after_it() {
    let mut changes = by_token();
    changes["token"]["fromNow"] = json!(true);
    let script = |asked: &Asked| {
        Some(match asked.line.as_str() {
            "GET /users/delta" => answer(200, json!({"value": [], "delta": "/scim/users/delta?token=1"})),
            "GET /users" => answer(200, json!([{"id": "u1", "title": "Boss"}])),
            _ => answer(404, "{}"),
        })
    };
    let (evidence, rows, token, lines) = since(&changes, None, script).await;
    assert_eq!((evidence, token.as_deref()), (Evidence::Complete, Some("/scim/users/delta?token=1")));
    assert_eq!((rows, lines), (vec!["u1 Boss".to_owned()], vec!["GET /users/delta".to_owned(), "GET /users".to_owned()]));
}

#[tokio::test]
async fn a_token_that_does_not_count_is_a_whole_read() {
    let whole = ["u1 Boss", "u2 Boss"];
    let good = "/scim/users/delta?token=1";
    for (mark, told) in [
        (mark(HOUR, HOUR, "/scim/users/delta?token=gone"), "410"),
        (mark(HOUR, HOUR, "/scim/users/delta?token=old"), "a code"),
        (mark(HOUR, 25 * HOUR, good), "on schedule"),
        (mark(8 * 24 * HOUR, HOUR, good), "beyond its lifetime"),
        (mark(-HOUR, HOUR, good), "of the future"),
        (Watermark("{}".into()), "nonsense"),
    ] {
        let (evidence, rows, token, _) = since(&by_token(), Some(mark), directory).await;
        assert_eq!((evidence, &*rows, token.as_deref()), (Evidence::Complete, &whole.map(str::to_owned)[..], Some(good)), "{told}");
    }
}

#[tokio::test]
async fn what_changed_and_can_t_be_read_is_not_known() {
    for (token, told) in [("odd", "has no token"), ("away", "not allowed"), ("elsewhere", "lacks")] {
        let mark = mark(HOUR, HOUR, &format!("/scim/users/delta?token={token}"));
        let (evidence, rows, next, _) = since(&by_token(), Some(mark), directory).await;
        let words = if token == "elsewhere" { "another shape" } else { told };
        assert!(matches!(&evidence, Evidence::Unreadable { reason } if reason.contains(words)), "{token}: {evidence:?}");
        assert!(rows.is_empty() && next.is_none(), "{token}: {rows:?}");
    }
    let mark = mark(HOUR, HOUR, "https://elsewhere.example/users?token=1");
    let (evidence, ..) = since(&by_token(), Some(mark), directory).await;
    assert!(matches!(&evidence, Evidence::Unreadable { reason } if reason.contains("none of its hosts")), "{evidence:?}");
}

#[tokio::test]
async fn a_time_is_asked_for_with_some_before_it() {
    let changes = json!({"since": {"ask": {"get": "/changes", "query": {"from": "{since}"}, "pages": {"one": {}}}, "overlap": "1h"}});
    let script = |asked: &Asked| {
        Some(match asked.line.as_str() {
            "GET /users" => answer(200, json!([{"id": "u1", "title": "Boss"}])),
            "GET /users/u9" => answer(200, json!({"id": "u9", "title": "Clerk"})),
            _ => answer(200, json!([{"id": "u9", "what": 1}, {"id": "u9", "what": 2}])),
        })
    };
    let (evidence, rows, token, _) = since(&changes, None, script).await;
    assert_eq!((evidence, rows, token.as_deref()), (Evidence::Complete, vec!["u1 Boss".into()], Some("")));
    let at = jiff::Timestamp::now().as_second() - HOUR;
    let (evidence, rows, _, lines) = since(&changes, Some(mark(HOUR, HOUR, "")), script).await;
    assert_eq!((evidence, rows), (Evidence::Delta, vec!["u9 Clerk".to_owned()]));
    let from = lines[0].trim_start_matches("GET /changes?from=").replace("%3A", ":");
    let from = from.parse::<jiff::Timestamp>().expect("a time").as_second();
    assert!((at - HOUR - 60..=at - HOUR + 60).contains(&from), "{lines:?}");
}

/// A Source's records are known by their key, and not by the system's id, so that somebody went means that all are read.
#[tokio::test]
async fn a_source_of_which_somebody_went_is_read_whole() {
    let service = Scripted::with_discovery(directory).await;
    let accounts = json!({"id": "record.id", "attributes": {}, "skip": "default(record.bot, false)",
        "list": {"get": "/users", "pages": {"one": {}}}, "get": {"get": "/users/{id}"}, "changes": by_token()});
    let connection = own(&service, &json!({ "accounts": accounts }), &json!({"token": said("t0ken")}));
    let reader = DeclaredConnector.open_source(&connection, &Surroundings::at(".")).await.expect("a source");
    let marks = BTreeMap::from([(ObjectKind::Account, mark(HOUR, HOUR, "/scim/users/delta?token=1"))]);
    let request = ReadRequest { scope: ReadScope::Changed(marks), ..ReadRequest::new(vec![(ObjectKind::Account, Columns::new(["id"]))]) };
    let mut rows = Rows::default();
    let report = reader.read(&request, &mut rows).await;
    assert_eq!(report.of(ObjectKind::Account), Evidence::Complete);
    assert_eq!(rows.0[&ObjectKind::Account], ["u1", "u2"]);
}

/// Who changed is asked for alone. Without the fields of the list that can't be used, so that a document that says so is mistaken.
#[tokio::test]
async fn changes_that_would_never_be_asked_for_are_refused() {
    let service = Scripted::with_discovery(directory).await;
    for (get, is_sound) in [(json!({"get": "/users/{id}"}), false), (json!({"get": "/users/{id}", "query": {"of": "{fields}"}}), true)] {
        let accounts = json!({"id": "record.id", "attributes": {}, "get": get, "changes": by_token(),
            "list": {"get": "/users", "query": {"of": "{fields}"}, "pages": {"one": {}}}});
        let connection = own(&service, &json!({ "accounts": accounts }), &json!({"token": said("t0ken")}));
        let opened = DeclaredConnector.open_target(&connection, &Surroundings::at(".")).await;
        let told = opened.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!((told.is_empty(), told.contains("asks for `fields`")), (is_sound, !is_sound), "{told}");
    }
}
