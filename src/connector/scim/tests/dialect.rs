//! What services do otherwise: each switch, told, shown or declared.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use super::scripted::{Answer, Asked, Scripted, answer, list_of, users, wanted};
use crate::connector::testing::permit;
use crate::connector::{Gone, LookupRequest, PageSink, ReadRequest, Reader, Writer, Written};
use crate::model::{Action, Columns, Evidence, ObjectKind, Page, SystemError};
use crate::scim::{BULK_REQUEST, ENTERPRISE};

const ACCOUNT: ObjectKind = ObjectKind::Account;
const GROUP: ObjectKind = ObjectKind::Group;

fn written(id: &str) -> Result<Written, SystemError> {
    Ok(Written { id: id.into(), already_so: false })
}

#[derive(Default)]
struct Ids(Vec<String>);

impl PageSink for Ids {
    fn page(&mut self, _: ObjectKind, page: &Page) {
        self.0.extend(page.rows().filter_map(|row| Some(row.cell(0).to_value()?.to_string())));
    }

    fn restart(&mut self, _: ObjectKind) {
        self.0.clear();
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

async fn accounts(server: &Scripted) -> (String, Evidence) {
    let mut ids = Ids::default();
    let request = ReadRequest::new(vec![(ACCOUNT, Columns::new(["id"]))]);
    let report = server.reader().await.read(&request, &mut ids).await;
    (ids.0.join(" "), report.of(ACCOUNT))
}

fn index(asked: &Asked) -> usize {
    asked.query.get("startIndex").map_or(1, |start| start.parse().expect("a number"))
}

fn by_cursor(asked: &Asked, of: usize) -> Answer {
    let from: usize = asked.query["cursor"].parse().unwrap_or(0);
    let page = users(from + 1, of.min(from + 2));
    let next = (from + page.len() < of).then(|| (from + page.len()).to_string());
    answer(200, json!({ "itemsPerPage": page.len(), "nextCursor": next, "Resources": page }))
}

#[tokio::test]
async fn a_service_that_pages_by_cursor_alone_is_asked_so() {
    let told = json!({ "pagination": { "cursor": true, "index": false, "maxPageSize": 2 } });
    for server in [
        Scripted::configured(told, |asked| Some(by_cursor(asked, 5))).await,
        Scripted::start(|asked| Some(by_cursor(asked, 5))).await.declared(json!({ "paging": "cursor" })),
    ] {
        assert_eq!(accounts(&server).await, ("u1 u2 u3 u4 u5".into(), Evidence::Complete));
        assert_eq!(server.lines(), ["cursor=&count=2", "cursor=2&count=2", "cursor=4&count=2"].map(|page| format!("GET /Users?{page}")));
    }
}

#[tokio::test]
async fn a_list_whose_cursor_leads_nowhere_is_not_whole() {
    let runs_in_circles = Scripted::start(|_| Some(answer(200, json!({ "nextCursor": "x", "Resources": users(1, 2) })))).await;
    let says_more = Scripted::start(|_| Some(answer(200, json!({ "totalResults": 3, "Resources": users(1, 2) })))).await;
    let no_list = Scripted::start(|_| Some(answer(200, json!({ "message": "hello" })))).await;
    for server in [runs_in_circles, says_more, no_list].map(|server| server.declared(json!({ "paging": "cursor" }))) {
        let (_, evidence) = accounts(&server).await;
        assert!(!evidence.proves_absence(), "{evidence:?}");
    }
    let ran_out = AtomicUsize::new(0);
    let server = Scripted::start(move |asked| {
        let late = asked.query["cursor"] == "2" && ran_out.fetch_add(1, Ordering::Relaxed) == 0;
        Some(if late { answer(400, json!({ "scimType": "expiredCursor" })) } else { by_cursor(asked, 3) })
    })
    .await
    .declared(json!({ "paging": "cursor" }));
    assert_eq!(accounts(&server).await, ("u1 u2 u3".into(), Evidence::Complete), "it is read again");
}

#[tokio::test]
async fn count_that_breaks_a_service_is_left_out() {
    let server = Scripted::start(|asked| {
        Some(if asked.query.contains_key("count") { answer(500, "{}") } else { list_of(3, &users(index(asked), 3)) })
    })
    .await;
    assert_eq!(accounts(&server).await, ("u1 u2 u3".into(), Evidence::Complete));
    assert_eq!(server.lines(), ["GET /Users?startIndex=1&count=2", "GET /Users", "GET /Users?startIndex=4"]);
    let silent = Scripted::start(|_| Some(list_of(3, &users(1, 3)))).await.declared(json!({ "paging": "none" }));
    assert_eq!(accounts(&silent).await, ("u1 u2 u3".into(), Evidence::Complete));
    assert_eq!(silent.lines()[0], "GET /Users");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn pages_are_asked_for_ahead_and_taken_in_order() {
    // No page comes before four were asked for, but for the first and the last.
    let under_way = std::sync::Barrier::new(4);
    let server = Scripted::start(move |asked| {
        let start = index(asked);
        if (3..10).contains(&start) {
            tokio::task::block_in_place(|| under_way.wait());
        }
        Some(list_of(10, &users(start, 10.min(start + 1))))
    })
    .await;
    assert_eq!(accounts(&server).await, ("u1 u2 u3 u4 u5 u6 u7 u8 u9 u10".into(), Evidence::Complete));
    let capped = Scripted::start(|asked| Some(list_of(5, &users(index(asked), 5.min(index(asked)))))).await;
    assert_eq!(accounts(&capped).await, ("u1 u2 u3 u4 u5".into(), Evidence::Complete));
    let shrinking = Scripted::start(|asked| {
        let start = index(asked);
        let long = if start < 3 { 2 } else { 1 };
        Some(list_of(6, &users(start, 6.min(start + long - 1))))
    })
    .await;
    assert_eq!(accounts(&shrinking).await, ("u1 u2 u3 u4 u5 u6".into(), Evidence::Complete), "places that were wrong are asked for anew");
}

#[tokio::test]
async fn what_a_filter_answers_beside_the_question_is_not_believed() {
    for everybody in [true, false] {
        let server = Scripted::start(move |asked| {
            let all = if everybody { 3 } else { 2 };
            Some(list_of(all, &users(index(asked), all)))
        })
        .await;
        let request = LookupRequest::new(ACCOUNT, Columns::new(["id"]), "userName", "user2");
        let found = server.reader().await.lookup(&request).await.expect("an answer");
        assert_eq!(found.rows().map(|row| row.cell(0).to_value().map(|id| id.to_string())).collect::<Vec<_>>(), [Some("u2".to_owned())]);
        let nobody = LookupRequest::new(ACCOUNT, Columns::new(["id"]), "userName", "user9");
        assert!(server.reader().await.lookup(&nobody).await.expect("an answer").is_empty());
    }
    let server = Scripted::start(|_| Some(list_of(0, &[]))).await.declared(json!({ "filter": false }));
    let request = LookupRequest::new(ACCOUNT, Columns::new(["id"]), "userName", "user2");
    assert!(server.reader().await.lookup(&request).await.expect("an answer").is_empty());
    assert!(server.lines().iter().all(|line| !line.contains("filter")));
}

#[tokio::test]
async fn a_value_that_can_not_be_removed_is_cleared_by_null_or_by_nothing() {
    for empty in [false, true] {
        let server = Scripted::start(move |asked| {
            let operation = &asked.body["Operations"][0];
            let clears = if empty { operation["value"] == "" } else { operation["op"] == "replace" };
            Some(if clears { answer(204, "") } else { answer(400, json!({ "scimType": "invalidSyntax" })) })
        })
        .await;
        let writer = server.writer().await;
        let clear = wanted(ACCOUNT, Action::Update).with("title", None);
        assert_eq!(clear.send(&writer).await, written("7"));
        let tries = server.lines().len();
        assert_eq!(clear.send(&writer).await, written("7"));
        assert_eq!(server.lines().len(), tries + 1, "what was learned is used");
        let declared = if empty { "empty" } else { "null" };
        let first = server.declared(json!({ "clear": declared }));
        assert_eq!(clear.send(&first.writer().await).await, written("7"));
        assert_eq!(first.lines().len(), tries + 2, "what is declared is tried at once");
    }
    let refused = Scripted::start(|_| Some(answer(400, json!({ "detail": "title is fixed" })))).await;
    let error = wanted(ACCOUNT, Action::Update).with("title", None).send(&refused.writer().await).await.expect_err("refused");
    assert!(error.to_string().contains("title is fixed"), "{error}");
}

#[tokio::test]
async fn members_that_only_a_list_removes_are_listed_and_nobody_else_goes() {
    let held = Arc::new(Mutex::new(vec!["u1", "u2", "u3"]));
    let server = Scripted::start(move |asked| {
        let mut held = held.lock().expect("no panic");
        let operation = &asked.body["Operations"][0];
        Some(match (asked.line.as_str(), operation["value"].as_array()) {
            ("PATCH /Groups/7", Some(gone)) if operation["op"] == "remove" => {
                held.retain(|member| gone.iter().all(|gone| gone["value"] != *member));
                answer(204, "")
            }
            ("PATCH /Groups/7", _) => answer(400, json!({ "detail": "ValidationException" })),
            ("PUT /Groups/7", _) => answer(403, "{}"),
            _ => answer(200, json!({ "id": "7", "members": held.iter().map(|id| json!({ "value": id })).collect::<Vec<_>>() })),
        })
    })
    .await;
    assert_eq!(wanted(GROUP, Action::RemoveMembers).member(ACCOUNT, "u1").send(&server.writer().await).await, written("7"));
    let declared = server.declared(json!({ "removeMembers": "value" }));
    let before = declared.lines().len();
    assert_eq!(wanted(GROUP, Action::RemoveMembers).member(ACCOUNT, "u2").send(&declared.writer().await).await, written("7"));
    let writes: Vec<String> = declared.lines().split_off(before).into_iter().filter(|line| !line.starts_with("GET")).collect();
    assert_eq!(writes, ["PATCH /Groups/7"]);
}

#[tokio::test]
async fn values_are_written_as_the_service_has_them() {
    let dialect = json!({ "manager": "text", "textBooleans": true, "singleValued": ["emails"], "emptyMember": "svc", "put": false });
    let server = Scripted::start(|asked| {
        let name = asked.body.get("userName").or(asked.body.get("displayName"));
        Some(answer(201, json!({ "id": asked.line.len().to_string(), "userName": name, "displayName": name })))
    })
    .await
    .declared(dialect);
    let writer = server.writer().await;
    let both = json!([{ "value": "a@home.example" }, { "value": "a@acme.example", "primary": true }]);
    let create =
        wanted(ACCOUNT, Action::Create).with("userName", Some(json!("ann"))).with("manager", Some(json!("8"))).with("emails", Some(both));
    assert!(create.send(&writer).await.is_ok());
    let made = server.asked().remove(0).body;
    assert_eq!((&made["active"], &made[ENTERPRISE]["manager"]), (&json!("true"), &json!("8")));
    assert_eq!(made["emails"], json!([{ "value": "a@acme.example", "primary": true }]));
    assert!(wanted(GROUP, Action::Create).with("displayName", Some(json!("ops"))).send(&writer).await.is_ok());
    assert_eq!(server.asked().remove(1).body["members"], json!([{ "value": "svc" }]));
}

#[tokio::test]
async fn who_only_fills_a_group_is_no_member() {
    let group = json!({ "id": "g1", "displayName": "ops", "members": [{ "value": "svc" }, { "value": "u1" }] });
    let server = Scripted::start(move |asked| {
        let one = |resource: &Json| list_of(1, std::slice::from_ref(resource));
        Some(match asked.line.as_str() {
            "GET /Groups/g1" => answer(200, &group),
            line if line.starts_with("GET /Groups") => one(&group),
            _ => one(&users(1, 1)[0]),
        })
    })
    .await
    .declared(json!({ "emptyMember": "svc" }));
    let reader = server.reader().await;
    let streams = vec![(ACCOUNT, Columns::new(["id", "userName"])), (ObjectKind::Membership, Columns::new(["member"]))];
    let mut seen = Ids::default();
    let report = reader.read(&ReadRequest::new(streams), &mut seen).await;
    assert_eq!((seen.0.join(" "), report.of(ObjectKind::Membership)), ("u1 u1".into(), Evidence::Complete));
    let request = LookupRequest::new(ObjectKind::Membership, Columns::new(["member"]), "group", "g1");
    assert_eq!(reader.lookup(&request).await.expect("an answer").len(), 1);
}

#[tokio::test]
async fn members_go_by_user_name_and_link_where_the_service_asks_for_it() {
    let server = Scripted::start(|asked| {
        Some(if asked.line.starts_with("GET") { answer(200, json!({ "id": "u1", "userName": "ann" })) } else { answer(204, "") })
    })
    .await
    .declared(json!({ "members": "userName", "memberRef": true }));
    assert_eq!(wanted(GROUP, Action::AddMembers).member(ACCOUNT, "u1").send(&server.writer().await).await, written("7"));
    let sent = server.asked().pop().expect("a request").body;
    let link = format!("{}/Users/u1", server.base);
    assert_eq!(sent["Operations"][0]["value"], json!([{ "value": "ann", "type": "User", "$ref": link }]));
}

#[tokio::test]
async fn what_is_renamed_may_get_another_id() {
    let server = Scripted::start(|asked| {
        Some(match asked.line.as_str() {
            "PATCH /Users/7" => answer(204, ""),
            "GET /Users/7" => answer(404, "{}"),
            _ => list_of(1, &[json!({ "id": "8", "userName": "ann.lee" })]),
        })
    })
    .await;
    let rename = wanted(ACCOUNT, Action::Update).was("userName", json!("ann"), json!("ann.lee"));
    assert_eq!(rename.send(&server.writer().await).await, written("8"));
    let steady =
        Scripted::start(|asked| Some(if asked.line.starts_with("GET") { answer(200, json!({ "id": "7" })) } else { answer(204, "") }))
            .await;
    let writer = steady.writer().await;
    for _ in 0..2 {
        assert_eq!(rename.send(&writer).await, written("7"));
    }
    assert_eq!(steady.lines(), ["PATCH /Users/7", "GET /Users/7", "PATCH /Users/7"], "it is looked at once");
}

#[tokio::test]
async fn a_name_that_is_taken_is_told_as_that_also_where_the_service_fails_over_it() {
    let server = Scripted::start(|asked| {
        let by_name = asked.query.get("filter").is_some_and(|filter| filter.starts_with("userName"));
        Some(match asked.line.split(' ').next() {
            Some("POST") => answer(500, "{}"),
            _ if by_name => list_of(1, &[json!({ "id": "5", "userName": "ann" })]),
            _ => list_of(0, &[]),
        })
    })
    .await;
    let create = wanted(ACCOUNT, Action::Create).with("userName", Some(json!("ann"))).with("externalId", Some(json!("hc:a:hr:1")));
    let refused = create.send(&server.writer().await).await;
    assert!(matches!(&refused, Err(SystemError::Conflict(words)) if words.contains("userName")), "{refused:?}");
    let made = Scripted::start(|asked| {
        Some(match asked.line.split(' ').next() {
            Some("POST") => answer(500, "{}"),
            _ => list_of(1, &[json!({ "id": "5", "userName": "ann", "externalId": "hc:a:hr:1" })]),
        })
    })
    .await;
    let refused = create.send(&made.writer().await).await;
    assert!(matches!(refused, Err(SystemError::Uncertain(_))), "it may be what was made: {refused:?}");
}

#[tokio::test]
async fn a_relative_location_leads_to_what_was_made() {
    for location in ["/scim/Users/9", "Users/9", "./Users/9"] {
        let server = Scripted::start(move |asked| {
            Some(match asked.line.as_str() {
                "POST /Users" => answer(201, "").header("location", location),
                "GET /Users/9" => answer(200, json!({ "id": "9", "userName": "ann" })),
                _ => list_of(0, &[]),
            })
        })
        .await;
        let create = wanted(ACCOUNT, Action::Create).with("userName", Some(json!("ann")));
        assert_eq!(create.send(&server.writer().await).await, written("9"), "{location}");
    }
}

#[tokio::test]
async fn what_sets_values_goes_under_the_version_that_is_there() {
    let versions = json!({ "etag": { "supported": true } });
    let server = Scripted::configured(versions, |asked| {
        Some(match asked.if_match.as_deref() {
            _ if asked.line.starts_with("GET") => answer(200, json!({ "id": "7", "userName": "ann" })).header("etag", "W/\"3\""),
            Some("W/\"3\"") => answer(412, json!({ "detail": "it changed" })),
            _ => answer(204, ""),
        })
    })
    .await;
    let writer = server.writer().await;
    let update = wanted(ACCOUNT, Action::Update).with("title", Some(json!("Lead")));
    assert!(matches!(update.send(&writer).await, Err(SystemError::Conflict(_))));
    assert_eq!(server.lines(), ["GET /Users/7", "PATCH /Users/7"]);
    assert_eq!(wanted(GROUP, Action::AddMembers).member(ACCOUNT, "u1").send(&writer).await, written("7"), "members are only added");
    let revoked = wanted(ACCOUNT, Action::Deactivate).send(&writer).await;
    assert_ne!(server.lines()[3], "GET /Users/7", "what takes access waits for nothing: {revoked:?}");
    let strict = Scripted::start(|asked| {
        Some(match asked.if_match.as_deref() {
            _ if asked.line.starts_with("GET") => answer(200, json!({ "id": "7", "meta": { "version": "W/\"4\"" } })),
            Some("W/\"4\"") => answer(204, ""),
            _ => answer(428, "{}"),
        })
    })
    .await;
    assert_eq!(update.send(&strict.writer().await).await, written("7"));
}

fn bulk_of(asked: &Asked, status: impl Fn(&Json) -> &'static str) -> Answer {
    let results: Vec<Json> = asked.body["Operations"]
        .as_array()
        .expect("operations")
        .iter()
        .rev()
        .map(|operation| {
            let name = operation["data"]["userName"].as_str().unwrap_or_default();
            json!({
                "method": operation["method"], "bulkId": operation["bulkId"], "status": status(operation),
                "response": { "id": format!("id-{name}"), "userName": name, "detail": "no" },
            })
        })
        .collect();
    answer(200, json!({ "Operations": results }))
}

async fn in_one_batch(server: &Scripted, changes: &[super::scripted::Wanted]) -> Vec<Result<Written, SystemError>> {
    let writer = server.writer().await;
    let batch: Vec<_> = changes.iter().map(|wanted| wanted.write(None)).collect();
    assert!(writer.batch_size() > 1);
    writer.write(&batch, &permit().await).await
}

#[tokio::test]
async fn what_goes_in_bulk_has_an_answer_each() {
    let offered = json!({ "bulk": { "supported": true, "maxOperations": 3, "maxPayloadSize": 100_000 } });
    let server = Scripted::configured(offered.clone(), |asked| {
        Some(match asked.line.as_str() {
            "POST /Bulk" => bulk_of(asked, |operation| if operation["data"]["userName"] == "bob" { "409" } else { "201" }),
            _ => answer(201, json!({ "id": "id-last" })),
        })
    })
    .await;
    let create = |name: &str| wanted(ACCOUNT, Action::Create).with("userName", Some(json!(name)));
    let ended = in_one_batch(&server, &["ann", "bob", "cid"].map(create)).await;
    assert_eq!((&ended[0], &ended[2]), (&written("id-ann"), &written("id-cid")));
    assert!(matches!(ended[1], Err(SystemError::Conflict(_))), "{ended:?}");
    assert_eq!(server.lines(), ["POST /Bulk"]);
    assert_eq!(server.asked()[0].body["schemas"], json!([BULK_REQUEST]));
    let without = Scripted::configured(offered.clone(), |asked| {
        Some(match asked.line.as_str() {
            "POST /Bulk" => answer(501, "{}"),
            _ => answer(201, json!({ "id": asked.body["userName"], "userName": asked.body["userName"] })),
        })
    })
    .await;
    let ended = in_one_batch(&without, &["ann", "bob"].map(create)).await;
    assert_eq!(ended, [written("ann"), written("bob")], "what refuses Bulk takes them one by one");
    let lost = Scripted::configured(offered, |asked| (asked.line != "POST /Bulk").then(|| answer(500, "{}"))).await;
    let ended = in_one_batch(&lost, &["ann", "bob"].map(create)).await;
    assert!(ended.iter().all(|result| matches!(result, Err(SystemError::Uncertain(_)))), "{ended:?}");
    assert_eq!(lost.lines().len(), 1, "nothing is sent twice");
}

#[tokio::test]
async fn what_takes_access_goes_by_itself_and_is_looked_at() {
    let offered = json!({ "bulk": { "supported": true, "maxOperations": 10 } });
    let server = Scripted::configured(offered, |asked| {
        Some(match asked.line.as_str() {
            line if line.starts_with("GET") => answer(200, json!({ "id": "7", "userName": "ann", "active": false })),
            _ => answer(204, ""),
        })
    })
    .await;
    let writer = server.writer().await;
    let cut = wanted(ACCOUNT, Action::Deactivate);
    let batch = [cut.write(Some("7".into())), cut.write(Some("7".into()))];
    let ended = writer.write(&batch, &permit().await).await;
    assert!(ended.iter().all(Result::is_ok), "{ended:?}");
    assert_eq!(server.lines(), ["PATCH /Users/7", "GET /Users/7", "PATCH /Users/7", "GET /Users/7"]);
}
