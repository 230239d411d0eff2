//! What is asked for: it stands where commands put it, and nothing else brings it about.

use super::*;

const APPROVAL: &str = "  approval: {for: [everything]}\n";

fn pending() -> impl Fn(Company) -> Company {
    |mut company| {
        company.manifests.push_str(APPROVAL);
        company
    }
}

async fn waits() -> (House, String) {
    let house = House::of(pending()(Company::new().await), ALL).await;
    house.until("a plan that waits", async |house| house.site.waiting().await.is_ok_and(|(plans, _)| !plans.is_empty())).await;
    let hash = house.site.waiting().await.unwrap().0[0].hash.to_string();
    (house, hash)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_waits_is_shown_and_runs_once_somebody_who_may_approves_it() {
    let (house, hash) = waits().await;
    let page = house.look(&format!("/plan?hash={hash}"), "mara@acme.example", &[]).await;
    for words in ["ada", "Approve", "Reject", &hash] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let page = house.look(&format!("/plan?hash={hash}"), "vera@acme.example", &["staff"]).await;
    assert!(page.status == StatusCode::OK && !page.body.contains("ada") && !page.body.contains("<form"), "{}", page.body);
    let page = house.look(&format!("/plan?hash={hash}"), "ed@acme.example", &["elsewhere"]).await;
    assert!(page.body.contains("ada") && !page.body.contains("<form"), "{}", page.body);
    assert_eq!(house.company.accounts(), Vec::<String>::new());
    let sent = house.send(&format!("/plan?hash={hash}"), &[("decision", "approve"), ("reason", "HR-2291")]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    house.until("the accounts", async |house| house.company.accounts() == ["ada", "luis"]).await;
    let done = "In the last 24 hours 2 people got an account, nobody else.";
    house
        .until("what was done, told to whoever sees numbers alone", async |house| {
            house.look("/", "vera@acme.example", &["staff"]).await.body.contains(done)
        })
        .await;
    let said = |event: &Event| matches!(event, Event::Approved(word) if word.who == "mara@acme.example" && word.reason.as_deref() == Some("HR-2291"));
    assert_eq!(house.events().await.iter().filter(|event| said(event)).count(), 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_asks_for_the_role_at_that_target_and_a_sign_in_of_a_moment_ago() {
    let (house, hash) = waits().await;
    let ask = async |claims: Json| {
        let body = json!({"plan": hash, "decision": "Approve"}).to_string().into_bytes();
        let asked = Asked { method: Method::POST, path: "/api/v1/approvals", headers: Vec::new(), body };
        let asked =
            asked.with(HEADER, &house.signer.sign(&claims)).with("content-type", "application/json").with("sec-fetch-site", "same-origin");
        house.ask(asked).await
    };
    for (name, groups) in [("hanna@acme.example", ["hr"]), ("vera@acme.example", ["staff"]), ("ed@acme.example", ["elsewhere"])] {
        assert_eq!(ask(House::claims(name, &groups)).await.status, StatusCode::FORBIDDEN, "{name}");
    }
    let mut old = House::claims("lea@acme.example", &["leads"]);
    old["auth_time"] = json!(Timestamp::now().as_second() - 16 * 60);
    let answer = ask(old).await;
    assert!(answer.status == StatusCode::FORBIDDEN && answer.body.contains("15 minutes"), "{}", answer.body);
    let mut timeless = House::claims("lea@acme.example", &["leads"]);
    timeless.as_object_mut().unwrap().remove("iat");
    assert_eq!(ask(timeless).await.status, StatusCode::FORBIDDEN, "nobody says since when");
    assert!(house.site.waiting().await.unwrap().1.is_empty(), "nothing was said");
    assert_eq!(ask(House::claims("lea@acme.example", &["leads"])).await.status, StatusCode::CREATED);
    house.until("the accounts", async |house| house.company.accounts() == ["ada", "luis"]).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_something_asks_for_its_number() {
    let mut company = Company::running().await;
    company.manifests.push_str(APPROVAL);
    company.manifests =
        company.manifests.replace("  key: record.id\n", "  key: record.id\n  lifecycle: {leaver: 'record.name == \"gone\"'}\n");
    company.hires(&["1,ada,Ada Okafor", "2,luis,gone"]);
    let house = House::of(company, ALL).await;
    house
        .until("a plan that waits", async |house| {
            house.site.waiting().await.is_ok_and(|(plans, _)| plans.iter().any(|plan| plan.pending().take == 1))
        })
        .await;
    let hash = house.site.waiting().await.unwrap().0[0].hash.to_string();
    for typed in ["", "2", "x"] {
        let sent = house.send(&format!("/plan?hash={hash}"), &[("decision", "approve"), ("number", typed)]).await;
        assert_eq!(sent.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
    }
    let sent = house.send(&format!("/plan?hash={hash}"), &[("decision", "approve"), ("number", "1")]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    house.until("luis is out", async |house| house.company.accounts() == ["ada"]).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_cut_off_by_a_form_that_was_typed_out() {
    let house = House::of(Company::running().await, ALL).await;
    let sent = house.send("/revoke", &[("key", "hr/1"), ("typed", "hr/2"), ("reason", "lost laptop")]).await;
    assert_eq!(sent.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(house.send("/revoke", &[("key", "hr/1"), ("typed", "hr/1"), ("reason", " ")]).await.status.is_client_error());
    assert_eq!(house.company.accounts(), ["ada", "luis"]);
    let sent = house.send("/revoke", &[("key", "hr/1"), ("typed", "hr/1"), ("reason", "lost laptop")]).await;
    assert_eq!((sent.status, sent.headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/person?key=hr%2F1"), "{}", sent.body);
    house.until("ada is out", async |house| house.company.accounts() == ["luis"]).await;
    let told = |event: &Event| matches!(event, Event::Revoked { keys, who, .. } if keys.iter().any(|key| key.as_ref() == "hr/1") && who == "mara@acme.example");
    assert!(house.events().await.iter().any(told));
    house
        .until("the page says so", async |house| {
            house.look("/person?key=hr/1", "mara@acme.example", &[]).await.body.contains("In force since then")
        })
        .await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_stops_and_goes_on_and_a_sync_stands_on_its_shelf() {
    let house = House::of(Company::running().await, ALL).await;
    assert_eq!(house.send("/pause", &[("reason", "hr exports nonsense")]).await.status, StatusCode::SEE_OTHER);
    let brake = Shelf::brake(house.company.store.as_ref()).await.unwrap().unwrap();
    assert_eq!((brake.who.as_str(), brake.everything), ("mara@acme.example", false));
    assert!(house.look("/", "vera@acme.example", &["staff"]).await.body.contains("All writing is stopped but revocations"));
    assert_eq!(house.send("/resume", &[]).await.status, StatusCode::SEE_OTHER);
    assert!(Shelf::brake(house.company.store.as_ref()).await.unwrap().is_none());
    let token = house.token("ci", &[TokenScope::Sync, TokenScope::Pause], SignedDuration::from_hours(1)).await;
    let asked = house.call("POST", "/api/v1/sync", &token, Some(json!({"targets": ["app"]}))).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    assert_eq!(
        house.call("POST", "/api/v1/sync", &token, Some(json!({"targets": ["nowhere"]}))).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let asked = |event: &Event| matches!(event, Event::Asked { who, targets, .. } if who == "token ci" && targets.len() == 1);
    assert!(house.events().await.iter().any(asked));
    assert_eq!(house.call("POST", "/api/v1/pause", &token, Some(json!({}))).await.json()["changed"], true);
    assert_eq!(house.call("DELETE", "/api/v1/pause", &token, None).await.json()["changed"], true);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_that_nobody_switched_on() {
    let house = House::of(Company::running().await, "").await;
    let token = house.token("all", &TokenScope::ALL, SignedDuration::from_hours(1)).await;
    for (method, path, body) in [
        ("POST", "/api/v1/sync", Some(json!({}))),
        ("POST", "/api/v1/approvals", Some(json!({"plan": "00000000", "decision": "Approve"}))),
        ("POST", "/api/v1/revocations", Some(json!({"identity": "hr/1", "reason": "x"}))),
        ("POST", "/api/v1/pause", Some(json!({}))),
        ("DELETE", "/api/v1/pause", None),
    ] {
        let answer = house.call(method, path, &token, body).await;
        assert!(answer.status == StatusCode::FORBIDDEN && answer.body.contains("actions"), "{method} {path}: {}", answer.body);
    }
    let page = house.look("/", "mara@acme.example", &[]).await;
    assert!(!page.body.contains("Sync now") && page.body.contains("read only") && page.cookie().is_none(), "{}", page.body);
    assert_eq!(house.company.accounts(), ["ada", "luis"]);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_does_nothing() {
    let house = House::of(Company::running().await, ALL).await;
    let page = house.look("/pause", "mara@acme.example", &[]).await;
    let cookie = page.cookie().unwrap();
    let token = cookie.split_once('=').unwrap().1.to_owned();
    let assertion = house.assertion("mara@acme.example", &[]);
    let other = format!("__Host-headcount-form={}", "A".repeat(43));
    for path in FORMS {
        let good = || Asked::form(path, format!("form={token}&key=hr/1&typed=hr/1&reason=x&decision=approve")).with(HEADER, &assertion);
        let cases = [
            ("another site, which the browser says", good().with("cookie", &cookie).with("sec-fetch-site", "cross-site")),
            ("a neighbour", good().with("cookie", &cookie).with("sec-fetch-site", "same-site")),
            ("typed in", good().with("cookie", &cookie).with("sec-fetch-site", "none")),
            ("another origin", good().with("cookie", &cookie).with("origin", "https://evil.example")),
            ("no origin", good().with("cookie", &cookie).with("origin", "null")),
            ("nobody says from where", good().with("cookie", &cookie)),
            ("without the browser's half", good().with("sec-fetch-site", "same-origin")),
            ("with another half", good().with("cookie", &other).with("sec-fetch-site", "same-origin")),
            ("with two halves", good().with("cookie", &format!("{other}; {cookie}")).with("sec-fetch-site", "same-origin")),
        ];
        for (what, asked) in cases {
            assert_eq!(house.ask(asked).await.status, StatusCode::FORBIDDEN, "{path}: {what}");
        }
        let empty = Asked::form(path, "form=".to_owned())
            .with(HEADER, &assertion)
            .with("cookie", "__Host-headcount-form=")
            .with("sec-fetch-site", "same-origin");
        assert_eq!(house.ask(empty).await.status, StatusCode::FORBIDDEN, "{path}");
        let plain = Asked { method: Method::POST, path, headers: Vec::new(), body: format!("form={token}").into_bytes() };
        let plain =
            plain.with("content-type", "text/plain").with(HEADER, &assertion).with("cookie", &cookie).with("sec-fetch-site", "same-origin");
        assert_eq!(house.ask(plain).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    // What a form of another site can send to the API is no JSON.
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let asked = Asked { method: Method::POST, path: "/api/v1/pause", headers: Vec::new(), body: b"{}".to_vec() };
        let asked = asked.with("content-type", media_type).with(HEADER, &assertion).with("sec-fetch-site", "same-origin");
        assert_eq!(house.ask(asked).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{media_type}");
    }
    let by_origin = Asked::form("/resume", format!("form={token}")).with(HEADER, &assertion).with("cookie", &cookie).with("origin", ORIGIN);
    assert_eq!(house.ask(by_origin).await.status, StatusCode::SEE_OTHER, "a browser that says no more than its origin");
    assert!(Shelf::brake(house.company.store.as_ref()).await.unwrap().is_none() && house.company.accounts() == ["ada", "luis"]);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_run_looks_again_until_it_has_ended() {
    let house = House::of(Company::new().await, ALL).await;
    let sent = house.send("/sync", &[("target", "app")]).await;
    let address = sent.headers.get("location").expect("it leads on").to_str().unwrap().to_owned();
    assert!(address.starts_with("/run?request="), "{address}");
    let looks = "http-equiv=\"refresh\"";
    house
        .until("the end of what was asked for", async |house| {
            let page = house.look(&address, "mara@acme.example", &[]).await.body;
            let waits = page.contains("What you asked for stands in the state");
            assert!(!waits || page.contains(looks), "{page}");
            let still = house.look(&format!("{address}&still=yes"), "mara@acme.example", &[]).await.body;
            assert!(!still.contains(looks), "whoever reads it can stop it: {still}");
            !waits && !page.contains(looks)
        })
        .await;
    let page = house.look(&format!("{address}&before=yes"), "mara@acme.example", &[]).await.body;
    for words in ["The run has ended", "The last run ended", "What it did"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    house.end().await;
}
