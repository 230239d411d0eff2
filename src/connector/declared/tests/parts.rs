//! Records that are put together of parts: each is answered, or the read is not whole and what it would say is not known.

use super::*;
use crate::connector::read_source;
use crate::manifest::kinds::SourceSpec;

/// A Source that wants some accounts alone, of a system with channels.
async fn within(scope: &Json, script: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> (String, Vec<String>, Vec<String>) {
    let service = Scripted::with_discovery(script).await;
    let document = json!({
        "accounts": {"id": "record.id", "attributes": {"emails": {"read": "record.mail"}}, "list": {"get": "/users", "pages": {"one": {}}, "require": ["record.mail"]},
            "get": {"get": "/users/{id}"}, "find": {"emails": {"get": "/users", "query": {"mail": "{value}"}}}},
        "groups": {"channel": {"id": "record.id", "attributes": {"displayName": {"path": "name"}}, "list": {"get": "/channels", "pages": {"one": {}}},
            "members": {"list": {"get": "/channels/{group.id}/members", "pages": {"one": {}}}, "id": "record.id", "type": "default(record.type, \"account\")"}}},
    });
    let connection = own(&service, &document, &json!({"token": said("t0ken")}));
    let reader = DeclaredConnector.open_source(&connection, &Surroundings::at(".")).await.expect("a source");
    let (spec, mut rows) =
        (json!({"connection": {"connector": {"name": "own"}}, "key": "record.id", "mapping": {}, "scope": scope}), Rows::default());
    let spec: SourceSpec = serde_json::from_value(spec).expect("a source");
    let request = ReadRequest::of_source(&spec, Columns::new(["id", "mail"]), None);
    let evidence = read_source(&*reader, &request, &mut rows).await.of(ObjectKind::Account);
    let words = evidence.reason().map_or_else(|| format!("{evidence:?}"), str::to_owned);
    (words, rows.0.remove(&ObjectKind::Account).unwrap_or_default(), service.lines())
}

#[tokio::test]
async fn a_source_may_want_the_people_of_some_groups_alone() {
    let channels = |asked: &Asked| {
        Some(match asked.line.as_str() {
            "GET /channels" => answer(
                200,
                json!([{"id": "C1", "name": "general"}, {"id": "C2", "name": "random"}, {"id": "C3", "name": "twice"}, {"id": "C4", "name": "twice"}]),
            ),
            "GET /channels/C1/members" => answer(200, json!([{"id": "u1"}, {"id": "C2", "type": "group"}, {"id": "b1", "type": "bot"}])),
            "GET /channels/C2/members" => answer(200, json!([{"id": "u2"}, {"id": "C1", "type": "group"}, {"id": "u9"}])),
            "GET /channels/C3/members" => answer(403, "{}"),
            "GET /users/u1" => answer(200, json!({"id": "u1", "mail": "a@x"})),
            "GET /users/u2" => answer(200, json!({"id": "u2", "mail": "b@x"})),
            "GET /users?mail=c%40x" => answer(200, json!([{"id": "u3", "mail": "C@x"}, {"id": "u4", "mail": "d@x"}])),
            "GET /users/u3" => answer(200, json!({"id": "u3", "mail": "C@x"})),
            _ => answer(404, "{}"),
        })
    };
    // In a group in a group in a circle; u9 is in one and not there.
    let (words, rows, _) = within(&json!({"groups": {"channel": ["general"]}}), channels).await;
    assert_eq!((&*words, rows), ("Complete", vec!["u1 a@x".into(), "u2 b@x".to_owned()]));
    let (words, rows, lines) = within(&json!({"accounts": {"emails": ["c@x"], "id": ["u2"]}}), channels).await;
    assert_eq!((&*words, rows), ("Complete", vec!["u2 b@x".into(), "u3 C@x".to_owned()]));
    assert!(!lines.contains(&"GET /users".to_owned()), "{lines:?}");
    for (names, told) in [
        (json!(["lost"]), "channel lost: it is not there, or may not be seen"),
        (json!(["twice"]), "channel twice: 2 are called so; name it by its id"),
        (json!(["C3"]), "channel C3: not allowed"),
    ] {
        let (words, rows, _) = within(&json!({"groups": {"channel": names}}), channels).await;
        assert!(words.starts_with(told) && rows.is_empty(), "{words}");
    }
    let (words, rows, _) = within(&json!({"groups": {"channel": ["C2", "lost"]}}), channels).await;
    assert!(words.starts_with("channel lost") && rows == ["u1 a@x", "u2 b@x"], "{words} {rows:?}");
    let (words, ..) = within(&json!({"groups": {"team": ["x"]}}), channels).await;
    assert!(words.contains("no groups of the kind `team`; known are channel"), "{words}");
    // A right that is missing for the list is missing for one by one.
    let bare = |asked: &Asked| Some(answer(200, if asked.line == "GET /users/u2" { json!({"id": "u2"}) } else { json!([]) }));
    let (words, rows, _) = within(&json!({"accounts": {"id": ["u2"]}}), bare).await;
    assert!(words.contains("record.mail") && rows == ["u2 ?"], "{words} {rows:?}");
}

/// A `get` that gives fewer fields than the list is not asked in its place: what it lacks would look empty.
#[tokio::test]
async fn who_is_asked_for_alone_has_the_fields_of_the_list() {
    let script = |asked: &Asked| {
        Some(answer(
            200,
            if asked.line.starts_with("GET /users/") { json!({"id": "u1"}) } else { json!([{"id": "u1", "mail": "a@x"}, {"id": "u2"}]) },
        ))
    };
    for (get, line) in [
        (json!({"get": "/users/{id}"}), "GET /users?f=id%2Cmail"),
        (json!({"get": "/users/{id}", "query": {"f": "{join(fields, \",\")}"}}), "GET /users/u1?f=id%2Cmail"),
    ] {
        let service = Scripted::with_discovery(script).await;
        let list = json!({"get": "/users", "query": {"f": "{join(fields, \",\")}"}, "pages": {"one": {}}});
        let accounts = json!({"accounts": {"id": "record.id", "attributes": {}, "list": list, "get": get}});
        let connection = own(&service, &accounts, &json!({"token": said("t0ken")}));
        let reader = DeclaredConnector.open_source(&connection, &Surroundings::at(".")).await.expect("a source");
        let spec =
            json!({"connection": {"connector": {"name": "own"}}, "key": "record.id", "mapping": {}, "scope": {"accounts": {"id": ["u1"]}}});
        let spec: SourceSpec = serde_json::from_value(spec).expect("a source");
        let mut rows = Rows::default();
        let request = ReadRequest::of_source(&spec, Columns::new(["id", "mail"]), None);
        assert_eq!(read_source(&*reader, &request, &mut rows).await.of(ObjectKind::Account), Evidence::Complete);
        assert_eq!((service.lines(), rows.0[&ObjectKind::Account].len()), (vec![line.to_owned()], 1));
    }
}

#[tokio::test]
async fn many_are_read_from_the_whole_list() {
    let script = |asked: &Asked| {
        let all = (0..80).map(|at| json!({"id": format!("u{at}"), "mail": "m"}));
        Some(match asked.line.as_str() {
            "GET /channels" => answer(200, json!([{"id": "C1", "name": "general"}])),
            "GET /channels/C1/members" => answer(200, all.take(60).collect::<Json>()),
            "GET /users" => answer(200, all.collect::<Json>()),
            _ => return None,
        })
    };
    let (words, rows, _) = within(&json!({"groups": {"channel": ["general"]}}), script).await;
    assert_eq!((&*words, rows.len()), ("Complete", 60));
    // Who can't be asked for some alone is not asked for all.
    let service = Scripted::start(|_| Some(answer(200, "{}"))).await;
    let spec =
        json!({"connection": {"scim": {"url": service.base}}, "key": "record.id", "mapping": {}, "scope": {"groups": {"channel": ["a"]}}});
    let spec: SourceSpec = serde_json::from_value(spec).expect("a source");
    let request = ReadRequest::of_source(&spec, Columns::new(["id"]), None);
    let report = read_source(&service.source().await, &request, &mut Rows::default()).await;
    assert!(report.of(ObjectKind::Account).reason().is_some_and(|words| words.contains("scope.filter")), "{report:?}");
    assert!(service.asked().is_empty());
}

/// What a Source with this document reads of these columns: how whole it is, its rows, and what was asked.
async fn gathered(
    accounts: &Json,
    columns: &[&str],
    script: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static,
) -> (String, Vec<String>, Vec<String>) {
    let service = Scripted::with_discovery(script).await;
    let mut whole = json!({"id": "record.id", "attributes": {}, "list": {"get": "/users", "pages": {"one": {}}}});
    accounts.as_object().into_iter().flatten().for_each(|(name, value)| whole[name] = value.clone());
    let connection = own(&service, &json!({"accounts": whole}), &json!({"token": said("t0ken")}));
    let reader = DeclaredConnector.open_source(&connection, &Surroundings::at(".")).await.expect("a source");
    let mut rows = Rows::default();
    let request = ReadRequest::new(vec![(ObjectKind::Account, Columns::new(columns.iter().copied()))]);
    let evidence = reader.read(&request, &mut rows).await.of(ObjectKind::Account);
    let words = evidence.reason().map_or_else(|| format!("{evidence:?}"), str::to_owned);
    (words, rows.0.remove(&ObjectKind::Account).unwrap_or_default(), service.lines())
}

fn ids(ids: &[&str]) -> Answer {
    answer(200, ids.iter().map(|id| json!({"id": id})).collect::<Json>())
}

#[tokio::test]
async fn a_list_for_each_of_several_counts_whoever_is_in_two_once() {
    let each =
        json!({"each": {"of": {"get": "/teams", "pages": {"one": {}}}}, "list": {"get": "/teams/{each.id}/users", "pages": {"one": {}}}});
    let teams = |third: fn() -> Answer| {
        move |asked: &Asked| {
            Some(match asked.line.as_str() {
                "GET /teams" => ids(&["a", "b", "c"]),
                "GET /teams/a/users" => ids(&["u1", "u2"]),
                "GET /teams/b/users" => ids(&["u2", "u3"]),
                _ => third(),
            })
        }
    };
    let (words, rows, _) = gathered(&each, &["id"], teams(|| answer(404, "{}"))).await;
    assert_eq!((&*words, rows), ("Complete", vec!["u1".into(), "u2".into(), "u3".into()]));
    let (words, rows, _) = gathered(&each, &["id"], teams(|| answer(403, "{}"))).await;
    assert!(words.starts_with("c: not allowed") && rows.len() == 3, "{words}");
    let (words, rows, _) = gathered(&each, &["id"], |_| Some(answer(403, "{}"))).await;
    assert!(words.starts_with("not allowed") && rows.is_empty(), "{words}");
    // One that goes while it is read had more than what came.
    let paged = json!({"each": {"of": {"get": "/teams", "pages": {"one": {}}}}, "list": {"get": "/teams/{each.id}/users", "records": "body.rows", "pages": {"next": "body.next"}}});
    let breaks_off = |asked: &Asked| {
        Some(match asked.line.as_str() {
            "GET /teams" => ids(&["a"]),
            "GET /teams/a/users" => answer(200, json!({"rows": [{"id": "u1"}], "next": "/scim/more"})),
            _ => answer(404, "{}"),
        })
    };
    let (words, rows, _) = gathered(&paged, &["id"], breaks_off).await;
    assert!(words.starts_with("a: not found") && rows == ["u1"], "{words}");
    // What a person named must be there.
    let chosen = json!({"each": {"values": "split(\"a,b\", \",\")"}, "list": {"get": "/teams/{each}/users", "pages": {"one": {}}}});
    let (words, rows, _) = gathered(&chosen, &["id"], teams(|| answer(404, "{}"))).await;
    assert_eq!((&*words, rows.len()), ("Complete", 3));
    let (words, _, _) =
        gathered(&chosen, &["id"], |asked| Some(if asked.line.contains("/b/") { answer(404, "{}") } else { ids(&["u1"]) })).await;
    assert!(words.starts_with("b: not found"), "{words}");
    let none = json!({"each": {"values": "config.unsaid"}, "list": {"get": "/teams/{each}/users", "pages": {"one": {}}}});
    let (words, _, lines) = gathered(&none, &["id"], |_| Some(ids(&["u1"]))).await;
    assert!(words.contains("names nothing") && lines.is_empty(), "{words}");
}

#[tokio::test]
async fn ids_first_and_details_after() {
    let get = json!({"then": "get", "get": {"get": "/users/{id}", "require": ["record.mail"]}});
    let details = |second: fn() -> Answer| {
        move |asked: &Asked| {
            Some(match asked.line.as_str() {
                "GET /users" => ids(&["u1", "u2"]),
                "GET /users/u1" => answer(200, json!({"id": "u1", "mail": "a@x"})),
                _ => second(),
            })
        }
    };
    let (words, rows, _) = gathered(&get, &["id", "mail"], details(|| answer(200, json!({"id": "u2"})))).await;
    assert_eq!((&*words, rows), ("Complete", vec!["u1 a@x".into(), "u2 -".to_owned()]));
    let (words, rows, _) = gathered(&get, &["id", "mail"], details(|| answer(404, "{}"))).await;
    assert_eq!((&*words, rows.len()), ("Complete", 1));
    for (second, told) in [
        ((|| answer(403, "{}")) as fn() -> Answer, "u2: not allowed"),
        (|| answer(200, json!({"id": "u9"})), "u2: unexpected answer: it was asked for one object by its id, and gave another"),
        (|| answer(200, "<html>"), "u2: "),
    ] {
        let (words, rows, _) = gathered(&get, &["id", "mail"], details(second)).await;
        assert!(words.starts_with(told) && rows.len() == 1, "{words}");
    }
    let (words, rows, _) = gathered(&get, &["id", "mail"], |asked| {
        Some(if asked.line == "GET /users" { ids(&["u1"]) } else { answer(200, json!({"id": "u1"})) })
    })
    .await;
    assert!(words.contains("none of its 1 records has record.mail: a right to read it is missing"), "{words}");
    assert_eq!(rows, ["u1 ?"]);
}

#[tokio::test]
async fn many_details_at_once_are_held_against_the_ids() {
    let batch = |get: bool| {
        let mut batch =
            json!({"then": "batch", "batch": {"ask": {"post": "/batch", "body": {"ids": "{ids}"}, "records": "body.rows"}, "atMost": 2}});
        if get {
            batch["get"] = json!({"get": "/users/{id}"});
        }
        batch
    };
    let script = |asked: &Asked| {
        Some(match asked.line.as_str() {
            "GET /users" => ids(&["u1", "u2", "u3"]),
            "POST /batch" => {
                let rows = asked.body["ids"].as_array().into_iter().flatten().filter(|id| **id != "u2").map(|id| json!({"id": id, "x": 1}));
                answer(200, json!({"rows": rows.collect::<Vec<_>>()}))
            }
            "GET /users/u2" => answer(404, "{}"),
            _ => return None,
        })
    };
    let (words, rows, lines) = gathered(&batch(true), &["id", "x"], script).await;
    assert_eq!((&*words, rows), ("Complete", vec!["u1 1".into(), "u3 1".to_owned()]));
    assert_eq!(lines.iter().filter(|line| *line == "POST /batch").count(), 2);
    let (words, rows, _) = gathered(&batch(false), &["id"], script).await;
    assert!(words.ends_with("it was asked for by its id, and did not come") && rows.len() == 2, "{words}");
    let heedless = |asked: &Asked| {
        Some(if asked.line == "GET /users" { ids(&["u1"]) } else { answer(200, json!({"rows": [{"id": "u1"}, {"id": "u7"}]})) })
    };
    let (words, rows, _) = gathered(&batch(true), &["id"], heedless).await;
    assert!(words.contains("u7, which was not asked for") && rows.is_empty(), "{words}");
}

#[tokio::test]
async fn what_another_list_has_is_joined_or_not_known() {
    let join =
        |many: bool| json!({"joins": {"job": {"list": {"get": "/jobs", "pages": {"one": {}}}, "key": "record.person", "many": many}}});
    let jobs = |jobs: fn() -> Answer| move |asked: &Asked| Some(if asked.line == "GET /jobs" { jobs() } else { ids(&["u1", "u2"]) });
    let columns = ["id", "job.title"];
    let good = || answer(200, json!([{"person": "u1", "title": "Boss"}, {"person": "u9", "title": "x"}]));
    let (words, rows, lines) = gathered(&join(false), &columns, jobs(good)).await;
    assert_eq!((&*words, rows), ("Complete", vec!["u1 Boss".into(), "u2 -".to_owned()]));
    assert_eq!(lines, ["GET /jobs", "GET /users"]);
    let (words, rows, _) = gathered(&join(true), &["id", "job"], jobs(good)).await;
    assert_eq!(&*words, "Complete");
    assert!(rows[0].contains("Boss") && rows[1] == "u2 []", "{rows:?}");
    let several = || answer(200, json!([{"person": "u1", "title": "Boss"}, {"person": "u1", "title": "Clerk"}]));
    let (words, rows, _) = gathered(&join(false), &columns, jobs(several)).await;
    assert_eq!((&*words, rows), ("Complete", vec!["u1 ?".into(), "u2 -".to_owned()]));
    let (words, rows, _) = gathered(&join(false), &columns, jobs(|| answer(403, "{}"))).await;
    assert!(words.starts_with("job: not allowed"), "{words}");
    assert_eq!(rows, ["u1 ?", "u2 ?"]);
    let (words, rows, _) = gathered(&join(false), &columns, jobs(|| answer(200, json!([{"title": "Boss"}])))).await;
    assert!(words.starts_with("job: ") && words.contains("no id"), "{words}");
    assert_eq!(rows, ["u1 ?", "u2 ?"]);
    let of = json!({"joins": {"job": {"of": {"get": "/users/{id}/jobs", "pages": {"one": {}}}}}});
    let script = |asked: &Asked| {
        Some(match asked.line.as_str() {
            "GET /users" => ids(&["u1", "u2"]),
            "GET /users/u1/jobs" => answer(200, json!([{"title": "Boss"}])),
            _ => answer(404, "{}"),
        })
    };
    let (words, rows, _) = gathered(&of, &columns, script).await;
    assert_eq!((&*words, rows), ("Complete", vec!["u1 Boss".into(), "u2 -".to_owned()]));
}

#[tokio::test]
async fn a_field_that_is_hidden_is_not_known_and_not_empty() {
    let redacted = json!({"redacted": "record._hidden"});
    let script =
        |_: &Asked| Some(answer(200, json!([{"id": "u1", "_hidden": ["pay"], "title": "Boss"}, {"id": "u2", "pay": {"band": 3}}])));
    let (words, rows, _) = gathered(&redacted, &["id", "title", "pay.band"], script).await;
    assert_eq!((&*words, rows), ("Complete", vec!["u1 Boss ?".into(), "u2 - 3".to_owned()]));
    let odd = json!({"redacted": "record.title"});
    let (_, rows, _) = gathered(&odd, &["id", "title"], script).await;
    assert_eq!(rows, ["? ?", "u2 -"]);
    // A right that is missing shows in a field that nobody has.
    let require = json!({"list": {"get": "/users", "pages": {"one": {}}, "require": ["record.mail"]}});
    let (words, rows, _) = gathered(&require, &["id", "mail"], script).await;
    assert!(words.contains("record.mail"), "{words}");
    assert_eq!(rows, ["u1 ?", "u2 ?"]);
    let (words, rows, _) =
        gathered(&require, &["id", "mail"], |_| Some(answer(200, json!([{"id": "u1"}, {"id": "u2", "mail": "b@x"}])))).await;
    assert_eq!((&*words, rows), ("Complete", vec!["u1 -".into(), "u2 b@x".to_owned()]));
}
