//! What is shown: the same as commands show, to whoever may see it, and the journal says who looked.

use super::*;
use crate::model::{Subscription, SubscriptionTrouble, TokenUse};
use crate::server::api::{OPERATIONS, document};
use crate::server::token::make_to_push;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_opens_for_an_admin_and_has_what_keeps_it_from_being_misused() {
    let mut company = Company::running().await;
    company.manifests.push_str("\n---\napiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {name: all}\nspec: {displayName: All, rule: 'identity.userName != \"\"'}\n");
    let house = House::of(company, ALL).await;
    for path in PAGES.iter().filter(|path| !path.starts_with("/plan?")) {
        let answer = house.look(path, "mara@acme.example", &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        assert!(answer.body.starts_with("<!DOCTYPE html>") && answer.body.contains("<h1>") && !answer.body.contains("<script"), "{path}");
        assert!(answer.body.len() < 300_000, "{path}");
    }
    for path in ["/", "/nothing", "/plan?hash=00000000", "/api/v1/status", "/api/v1/nothing", "/style.css", "/icon.svg"] {
        for answer in [house.look(path, "mara@acme.example", &[]).await, house.ask(Asked::get(path)).await] {
            let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
            let policy = header("content-security-policy");
            assert!(
                policy.starts_with("default-src 'none';") && !policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"),
                "{path}"
            );
            assert_eq!((header("cache-control"), header("referrer-policy")), ("no-store", "no-referrer"), "{path}");
            assert_eq!((header("x-content-type-options"), header("x-frame-options")), ("nosniff", "DENY"), "{path}");
        }
    }
    let cookie = house.look("/", "mara@acme.example", &[]).await.headers[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-headcount-form=") && cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{cookie}");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_s_page_says_where_everything_comes_from_and_the_journal_who_looked_once() {
    let house = House::of(Company::running().await, ALL).await;
    let page = house.look("/person?key=hr/1", "hanna@acme.example", &["hr"]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for words in
        ["ada", "should have an account", "record.user", "acme.yaml:", "has one, and can sign in", "What was done, the newest first"]
    {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    house.look("/person?key=hr/1", "hanna@acme.example", &["hr"]).await;
    house.look("/api/v1/people/hr/1", "hanna@acme.example", &["hr"]).await;
    let looked = |event: &Event| matches!(event, Event::Opened { key, who } if key.as_ref() == "hr/1" && who == "hanna@acme.example");
    assert_eq!(house.events().await.iter().filter(|event| looked(event)).count(), 1);
    assert_eq!(house.look("/person?key=hr/999", "hanna@acme.example", &["hr"]).await.status, StatusCode::NOT_FOUND);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_answers_what_commands_write() {
    let house = House::of(Company::running().await, "").await;
    let token = house.token("reader", &[TokenScope::Status, TokenScope::People], SignedDuration::from_hours(1)).await;
    let status = house.call("GET", "/api/v1/status", &token, None).await.json();
    let told: crate::model::Status = serde_json::from_value(status).expect("the status, as `status -o json` has it");
    assert_eq!(told.workspace.as_ref(), "acme-test");
    let (view, plan) = house.site.known().await.unwrap();
    let origins = crate::pipeline::ChangeOrigins::of(&view.snapshot);
    let answer = origins.provenance().about(&plan, "hr/1", None).unwrap();
    assert_eq!(house.call("GET", "/api/v1/people/hr/1", &token, None).await.json(), answer.document(&[]));
    let people = house.call("GET", "/api/v1/people?limit=1", &token, None).await.json();
    assert_eq!((people["people"][0]["key"].as_str(), people["next"].as_str()), (Some("hr/1"), Some("hr/1")), "{people}");
    let rest = house.call("GET", "/api/v1/people?after=hr/1", &token, None).await.json();
    assert_eq!((rest["people"][0]["key"].as_str(), rest["next"].as_str()), (Some("hr/2"), None), "{rest}");
    let mut entries = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = house.call("GET", &format!("/api/v1/history{cursor}"), &token, None).await.json();
        entries.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["seq"].as_u64().unwrap()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("?cursor={next}"),
            None => break,
        }
    }
    assert!(entries.len() > 4 && entries.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{entries:?}");
    assert_eq!(house.call("GET", "/api/v1/plans/current", &token, None).await.json()["workspace"], "acme-test");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_narrowed_to_a_person_a_target_and_a_time() {
    let house = House::of(Company::running().await, ALL).await;
    let look = async |query: &str| house.look(&format!("/history{query}"), "hanna@acme.example", &["hr"]).await;
    let (ada, luis, nothing) = ("/person?key=hr%2F1", "/person?key=hr%2F2", "Nothing of that happened.");
    for (query, there, gone) in [
        ("?who=ada", ada, luis),
        ("?who=Ada+Okafor", ada, luis),
        ("?who=hr/2", luis, ada),
        ("?target=app", ada, nothing),
        ("?who=luis&target=app&since=1h", luis, ada),
        ("?who=ada&until=1h", nothing, ada),
        ("?target=elsewhere", nothing, ada),
        ("?since=1h", "of plan", nothing),
        ("?until=1h", nothing, "of plan"),
        ("?until=2026-01-01", nothing, "of plan"),
        ("?who=nobody-is-called-so", "the journal has nothing about", "<table"),
        // Of several it is asked which.
        ("?who=a&target=app", "href=\"/history?who=hr%2F1&amp;target=app\"", "<table"),
    ] {
        let page = look(query).await;
        assert_eq!(page.status, StatusCode::OK, "{query}: {}", page.body);
        assert!(page.body.contains(there) && !page.body.contains(gone), "{query}: {}", page.body);
    }
    let page = look("?since=yesterday").await;
    assert!(page.status == StatusCode::UNPROCESSABLE_ENTITY && page.body.contains("how long ago"), "{}", page.body);
    let looked = |event: &Event| matches!(event, Event::Opened { key, who } if key.as_ref() == "hr/2" && who == "hanna@acme.example");
    assert_eq!(house.events().await.iter().filter(|event| looked(event)).count(), 1);
    // Whoever sees no people narrows it to a time alone.
    let page = house.look("/history?since=1h", "vera@acme.example", &["staff"]).await;
    assert!(page.body.contains("of plan") && !page.body.contains("name=\"who\""), "{}", page.body);
    for query in ["?who=hr/1", "?target=app"] {
        let page = house.look(&format!("/history{query}"), "vera@acme.example", &["staff"]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{query}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_whoever_looks_may_ask_for_next_is_worked_out_before_they_do_and_again_once_something_was_read() {
    let house = House::of(Company::running().await, ALL).await;
    let is_prepared = async |house: &House| {
        let Ok((view, _)) = house.site.known().await else { return false };
        // Asked only where it was begun: a question would begin it.
        house.site.scholar.knows(&view.snapshot)
            && house.site.scholar.ask(view.snapshot, |known| known.is_prepared()).await.is_ok_and(|prepared| prepared)
    };
    assert!(!is_prepared(&house).await, "nobody looks");
    house.look("/", "vera@acme.example", &["staff"]).await;
    assert!(!is_prepared(&house).await, "nobody who sees people does");
    house.look("/", "hanna@acme.example", &["hr"]).await;
    house.until("the names", is_prepared).await;
    let before = house.site.view().await.unwrap().snapshot;
    house.company.hires(&["1,ada,Ada Okafor", "2,luis,Luis Ferreira", "3,zoe,Zoe Adams"]);
    house.send("/sync", &[("target", "")]).await;
    house
        .until("the names of what was read since", async |house| {
            let newer = house.site.known().await.is_ok_and(|(view, _)| !Arc::ptr_eq(&view.snapshot, &before));
            newer && is_prepared(house).await
        })
        .await;
    house.end().await;
}

/// An address that a path of the document comes to.
fn asked_for(path: &str) -> String {
    path.replace("{key}", "hr/1").replace("{name}", "hr").replace("{hash}", "current").replace("{request}", "20261130T000000Z-0000")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_tells_of_every_operation_and_of_no_other() {
    let house = House::of(Company::running().await, "").await;
    let token = house.token("all", &TokenScope::ALL, SignedDuration::from_hours(1)).await;
    let told = document();
    let mut operations = 0;
    for (path, methods) in told["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            operations += 1;
            let asked = asked_for(path);
            let answer = house.call(&method.to_uppercase(), &asked, &token, None).await;
            // That nobody was cut off is an answer, too.
            let is_there = ![StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&answer.status);
            assert!(is_there || answer.body.contains("nobody cut"), "{method} {path}: {}", answer.status);
        }
    }
    assert_eq!(operations, OPERATIONS.len());
    let text = told.to_string();
    for reference in text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(told["components"]["schemas"].get(reference).is_some(), "{reference}");
    }
    assert_eq!(house.call("GET", "/api/v1/openapi.json", &token, None).await.json(), told);
    assert_eq!(house.call("PATCH", "/api/v1/status", &token, None).await.status, StatusCode::METHOD_NOT_ALLOWED);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_what_its_scopes_say_until_it_ends() {
    let house = House::of(Company::running().await, ALL).await;
    for one in OPERATIONS {
        let path = asked_for(one.path);
        for scope in TokenScope::ALL {
            let token = house.token("one", &[scope], SignedDuration::from_hours(1)).await;
            let body = match one.sends {
                Some("AskedApproval") => Some(json!({"plan": "00000000", "decision": "Approve"})),
                Some("AskedRevocation") => Some(json!({"identity": "nobody", "reason": "a test"})),
                Some(_) => Some(json!({})),
                None => None,
            };
            let answer = house.call(&one.method.to_uppercase(), &path, &token, body).await;
            // Whoever asks for a sync, or cuts somebody off, may see what came of it.
            let follows = [("/sync/{request}", TokenScope::Sync), ("/revocations/{key}", TokenScope::Revoke)];
            let may = scope.word() == one.scope
                || one.path.ends_with("openapi.json")
                || follows.iter().any(|(path, of)| one.path.ends_with(path) && *of == scope);
            assert_eq!(answer.status != StatusCode::FORBIDDEN, may, "{} {path} with {}: {}", one.method, scope.word(), answer.body);
        }
    }
    assert_eq!(
        house.call("GET", "/", &house.token("page", &TokenScope::ALL, SignedDuration::from_hours(1)).await, None).await.status,
        StatusCode::UNAUTHORIZED
    );
    let over = house.token("over", &TokenScope::ALL, SignedDuration::from_secs(-1)).await;
    assert_eq!(house.call("GET", "/api/v1/status", &over, None).await.status, StatusCode::UNAUTHORIZED);
    let kept: Vec<_> = house.company.store.shelf(Shelf::Tokens).await.unwrap();
    assert!(!kept.iter().any(|thing| thing.body.contains(over.as_str())), "only its hash is kept");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_says_who_may_push_to_it_and_whether_its_webhooks_come() {
    let mut company = Company::new().await;
    company.manifests = company.manifests.replace("file: {path: hr.csv}", "inbox: {}").replace("key: record.id", "key: record.externalId");
    let now = Timestamp::now();
    let made = make_to_push("pusher", "hr", "mara", now, now + SignedDuration::from_hours(240)).unwrap();
    let trouble = SubscriptionTrouble { why: "HTTP 403".into(), since: now, tries: 3, next: now + SignedDuration::from_hours(1) };
    let (url, proof) = ("https://hooks.acme.example".to_owned(), "p".to_owned());
    let asked = Subscription { source: "hr".into(), each: Some("users".into()), url, proof, made: None, trouble: Some(trouble) };
    let facts = vec![
        Shelf::Tokens.put("pusher", &made.token),
        Shelf::TokenUses.put("hr/pusher", &TokenUse { at: now }),
        Shelf::Subscriptions.put("hr/users", &asked),
    ];
    company.store.commit(facts).await.unwrap();
    let house = House::of(company, ALL).await;
    house.until("a status", async |house| house.site.status().await.is_ok_and(|status| status.is_some())).await;
    let page = house.look("/sources", "vera@acme.example", &["staff"]).await;
    for words in ["Who may push", "pusher", "make another one", "none come", "HTTP 403", "3 times"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(!page.body.contains(&made.text) && !page.body.contains(&made.token.hash), "{}", page.body);
    house.end().await;
}
