//! What people who mean no good send, and what they write into a source.

use super::*;

/// What people are called who mean no good.
const NAMES: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg onload=alert(1)>",
    "</title><script>alert(2)</script>",
    "javascript:alert(1)",
    "{{7*7}}${7*7}",
    "\u{202e}evil\u{1b}[2J",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_source_runs_on_a_page() {
    let mut company = Company::new().await;
    company.manifests.push_str("  approval: {for: [everything]}\n");
    company.manifests.push_str("\n---\napiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {name: all}\nspec: {displayName: '<b>All</b><script>x</script>', rule: 'identity.userName != \"\"'}\n");
    let rows: Vec<String> = NAMES.iter().enumerate().map(|(at, name)| format!("{at},\"{0}\",\"{0}\"", name.replace('"', "\"\""))).collect();
    company.hires(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    // As a key, too.
    let rows: Vec<String> = NAMES.iter().enumerate().map(|(at, name)| format!("\"{}\",u{at},n", name.replace('"', "\"\""))).collect();
    let all = std::fs::read_to_string(company.path("hr.csv")).unwrap() + &rows.join("\n") + "\n";
    company.hires(&all.lines().skip(1).collect::<Vec<_>>());
    let house = House::of(company, ALL).await;
    house.until("a plan that waits", async |house| house.site.waiting().await.is_ok_and(|(plans, _)| !plans.is_empty())).await;
    let hash = house.site.waiting().await.unwrap().0[0].hash.to_string();
    let mut paths: Vec<String> = PAGES.iter().filter(|path| !path.starts_with("/plan?")).map(|path| (*path).to_owned()).collect();
    paths.push(format!("/plan?hash={hash}"));
    let query =
        |path: &str, name: &str, value: &str| url::form_urlencoded::Serializer::new(format!("{path}?")).append_pair(name, value).finish();
    for name in NAMES {
        paths.push(query("/people", "q", name));
        paths.push(query("/person", "key", &format!("hr/{name}")));
        paths.push(query("/revoke", "key", name));
        paths.push(query("/group", "key", name));
        paths.push(query("/pending", "target", name));
        paths.push(query("/history", "run", name));
        paths.push(query("/plan", "hash", name));
        paths.push(query("/run", "request", name));
    }
    let mut seen = 0;
    for path in &paths {
        let answer = house.look(path, "mara@acme.example", &[]).await;
        assert!(!answer.status.is_server_error(), "{path}: {}", answer.body);
        let body = answer.body.to_lowercase();
        for armed in ["<script", "<img", "<svg", "<b>all", "href=\"javascript", "\u{202e}", "\u{1b}"] {
            assert!(!body.contains(armed), "{armed} at {path}: {}", answer.body);
        }
        seen += usize::from(body.contains("&lt;script&gt;"));
    }
    assert!(seen >= 5, "the names are shown: {seen}");
    for name in NAMES {
        let answer = house.look(&query("/api/v1/people", "name", name), "mara@acme.example", &[]).await;
        assert_eq!((answer.status, answer.headers[CONTENT_TYPE].to_str().unwrap()), (StatusCode::OK, "application/json"), "{name}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_lines_in_what_is_asked_lead_nowhere() {
    let house = House::of(Company::running().await, ALL).await;
    for path in [
        "/api/v1/people/../../status",
        "/api/v1/people/..%2f..%2fstatus",
        "/api/v1/people/hr%2f1%00",
        "/api/v1/systems/..%2f..",
        "/style.css%00",
        "//people",
        "/api/v1/people/%ff",
    ] {
        let answer = house.look(path, "hanna@acme.example", &["hr"]).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        assert!(!answer.body.contains("Okafor"), "{path}");
    }
    // Nothing of a header is made of what somebody sends but the address that a page leads on to, and its signs are encoded there.
    for key in ["hr/1\r\nSet-Cookie: a=b", "hr/1\nLocation: https://evil.example"] {
        let sent = house.send("/revoke", &[("key", key), ("typed", key), ("reason", "x")]).await;
        let others = sent.headers.iter().filter(|(name, _)| *name != "location");
        assert!(!others.into_iter().any(|(_, value)| value.to_str().is_ok_and(|text| text.contains("evil"))), "{key}");
        let location = sent.headers.get("location").map(|value| value.to_str().unwrap().to_owned());
        assert!(location.is_none_or(|location| location.starts_with("/person?key=hr%2F1%0")), "{key}");
        assert!(!sent.headers.contains_key("a"), "{key}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_refused_whole_or_in_pieces() {
    let house = House::of(Company::running().await, ALL).await;
    let assertion = house.assertion("mara@acme.example", &[]);
    let long = "x".repeat(70_000);
    for (path, media_type) in [("/api/v1/pause", "application/json"), ("/pause", "application/x-www-form-urlencoded")] {
        let asked = Asked { method: Method::POST, path, headers: Vec::new(), body: long.clone().into_bytes() };
        let asked = asked.with("content-type", media_type).with(HEADER, &assertion).with("sec-fetch-site", "same-origin");
        assert_eq!(house.ask(asked).await.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        let pieces = (0..70).map(|_| Ok::<_, std::io::Error>(axum::body::Bytes::from("x".repeat(1000))));
        let request = Request::builder().method("POST").uri(path).header("content-type", media_type).header(HEADER, &assertion);
        let request = request.header("sec-fetch-site", "same-origin").body(Body::from_stream(futures_util::stream::iter(pieces))).unwrap();
        assert_eq!(house.routes.clone().call(request).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    for body in ["{", "[]", "{\"everything\": 3}", "{\"reason\": \"x\", \"who\": \"somebody else\"}", "\u{0}"] {
        let asked = Asked { method: Method::POST, path: "/api/v1/pause", headers: Vec::new(), body: body.as_bytes().to_vec() };
        let asked = asked.with("content-type", "application/json").with(HEADER, &assertion).with("sec-fetch-site", "same-origin");
        assert_eq!(house.ask(asked).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    }
    assert!(Shelf::brake(house.company.store.as_ref()).await.unwrap().is_none());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_bad_tokens_is_refused_and_written_nowhere() {
    let house = House::of(Company::running().await, ALL).await;
    let before = house.company.store.generation().await.unwrap();
    for at in 0..2000 {
        let token = format!("hct_{at:043}");
        assert_eq!(house.call("GET", "/api/v1/status", &token, None).await.status, StatusCode::UNAUTHORIZED);
    }
    // Who is refused is written nowhere: only the workspace itself may have told how it stands.
    assert!(house.company.store.generation().await.unwrap() - before < 100);
    house.end().await;
}
