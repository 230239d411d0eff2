//! Who comes, and who does not.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value as Json, json};

use super::*;
use crate::server::api::OPERATIONS;
use crate::server::settings::SiteError;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_file_this_machine_looks_and_nobody_does_anything() {
    let open = Site::new("0.0.0.0:8080".parse().unwrap(), None, CancellationToken::new());
    assert!(matches!(open, Err(SiteError::Open(_))), "others could look");
    let house = House::with(Company::running().await, None, Signer::new()).await;
    for (host, status) in [
        ("localhost:8080", StatusCode::OK),
        ("127.0.0.1:8080", StatusCode::OK),
        ("[::1]:8080", StatusCode::OK),
        ("rebound.example:8080", StatusCode::FORBIDDEN),
        ("localhost.evil.example", StatusCode::FORBIDDEN),
        ("127.0.0.1.evil.example", StatusCode::FORBIDDEN),
    ] {
        let request = Request::builder().uri("/").header(HOST, host).body(Body::empty()).unwrap();
        assert_eq!(house.routes.clone().call(request).await.unwrap().status(), status, "{host}");
    }
    for path in FORMS {
        let request = Request::builder().method("POST").uri(*path).header(HOST, "localhost").header("sec-fetch-site", "same-origin");
        let answer = house.routes.clone().call(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_refuses_whoever_nobody_signed() {
    let house = House::of(Company::running().await, ALL).await;
    let good = House::claims("mara@acme.example", &[]);
    let with = |name: &str, value: Json| {
        let mut claims = good.clone();
        claims[name] = value;
        house.signer.sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        house.signer.sign(&claims)
    };
    let now = Timestamp::now().as_second();
    let by_secret = |secret: &[u8]| {
        let header = Header { kid: Some("one".into()), ..Header::new(Algorithm::HS256) };
        encode(&header, &good, &EncodingKey::from_secret(secret).unwrap()).unwrap()
    };
    let unsigned = {
        use base64::Engine as _;
        let part = |json: Json| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string());
        format!("{}.{}.", part(json!({"alg": "none", "kid": "one"})), part(good.clone()))
    };
    let stranger = {
        let header = Header { kid: Some("two".into()), ..Header::new(Algorithm::ES256) };
        encode(&header, &good, &house.signer.0).unwrap()
    };
    let public = serde_json::to_vec(&house.signer.public("one")).unwrap();
    let mut bent = house.signer.sign(&good);
    bent.replace_range(bent.len() - 4.., "AAAA");
    let forged = [
        ("another key", Signer::new().sign(&good)),
        ("no signature", unsigned),
        ("a secret", by_secret(b"secret")),
        ("the public key as a secret", by_secret(&public)),
        ("a key that nobody knows", stranger),
        ("a bent signature", bent),
        ("over", with("exp", json!(now - 120))),
        ("not yet", with("nbf", json!(now + 3600))),
        ("for somebody else", with("aud", json!("payroll"))),
        ("by somebody else", with("iss", json!("https://proxy.evil.example"))),
        ("without an end", without("exp")),
        ("for nobody", without("aud")),
        ("by nobody", without("iss")),
        ("without a name", without("email")),
        ("a name with a line end", with("email", json!("mara@acme.example\nx"))),
        ("nonsense", "eyJ.eyJ.x".to_owned()),
        ("nothing", String::new()),
        ("endless", "a".repeat(20_000)),
    ];
    for (what, text) in &forged {
        let answer = house.ask(Asked::get("/").with(HEADER, text)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}");
    }
    let unverified = with("email_verified", json!(false));
    assert_eq!(house.ask(Asked::get("/").with(HEADER, &unverified)).await.status, StatusCode::UNAUTHORIZED);
    let twice = Asked::get("/").with(HEADER, &house.signer.sign(&good)).with(HEADER, &house.signer.sign(&good));
    assert_eq!(house.ask(twice).await.status, StatusCode::UNAUTHORIZED, "which of the two?");
    let pages = PAGES.iter().map(|path| (Method::GET, (*path).to_owned()));
    let forms = FORMS.iter().map(|path| (Method::POST, (*path).to_owned()));
    let operations = OPERATIONS.iter().map(|one| (one.method.to_uppercase().parse().unwrap(), one.path.replace(['{', '}'], "x")));
    let beside = ["/nothing", "/api/v1/nothing", "/api/", "/style.css/../people"].map(|path| (Method::GET, path.to_owned()));
    for (method, path) in pages.chain(forms).chain(operations).chain(beside) {
        let plain = [("x-forwarded-user", "mara@acme.example"), ("x-forwarded-for", "127.0.0.1"), ("remote-user", "mara@acme.example")];
        let headers = plain.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let answer = house.ask(Asked { method: method.clone(), path: &path, headers, body: Vec::new() }).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert!(!answer.body.contains("ada"), "{method} {path}: {}", answer.body);
        for bearer in ["Bearer hct_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Bearer ", "Basic bWFyYTp4", "hct_"] {
            let headers = vec![("authorization".to_owned(), bearer.to_owned())];
            let answer = house.ask(Asked { method: method.clone(), path: &path, headers, body: Vec::new() }).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path} {bearer}");
        }
    }
    assert_eq!(house.ask(Asked::get("/style.css")).await.status, StatusCode::OK, "which says nothing");
    assert!(!house.events().await.iter().any(|event| matches!(event, Event::Opened { .. })));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_reach_as_far_as_they_say() {
    let house = House::of(Company::running().await, ALL).await;
    for path in ["/", "/plans", "/pending", "/sources", "/guardrails", "/history", "/run"] {
        let answer = house.look(path, "vera@acme.example", &["staff"]).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(!answer.body.contains("ada") && !answer.body.contains("Okafor"), "{path}: {}", answer.body);
    }
    for path in [
        "/people",
        "/person?key=hr/1",
        "/group?key=group/x",
        "/revoke?key=hr/1",
        "/api/v1/people",
        "/api/v1/people/hr/1",
        "/api/v1/history",
        "/api/v1/plans/current",
    ] {
        let answer = house.look(path, "vera@acme.example", &["staff"]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(!answer.body.contains("Okafor"), "{path}");
    }
    assert_eq!(house.look("/", "nobody@acme.example", &["other"]).await.status, StatusCode::FORBIDDEN, "signed in, without a role");
    assert!(house.look("/people", "hanna@acme.example", &["hr"]).await.body.contains("Ada Okafor"));
    for path in ["/sync", "/pause", "/revoke?key=hr/1"] {
        assert_eq!(house.look(path, "hanna@acme.example", &["hr"]).await.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(house.look(path, "mara@acme.example", &[]).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(house.look("/sync", "lea@acme.example", &["leads"]).await.status, StatusCode::OK);
    house.end().await;
}

#[test]
fn settings_that_would_let_anybody_in_are_refused() {
    let wrong = |text: &str| SiteSettings::parse(text).expect_err("it is refused");
    let good = format!("{SIGN_IN}{ALL}");
    assert!(SiteSettings::parse(&good).is_ok());
    for (from, to) in [
        ("audience: headcount", "audience: ''"),
        ("issuer: 'https://proxy.acme.example'", "issuer: ' '"),
        ("publicUrl: https:", "publicUrl: http:"),
        ("publicUrl: https://headcount.acme.example", "publicUrl: https://headcount.acme.example/x"),
        ("keys: {file: keys.json}", "keys: {url: 'http://proxy.acme.example/keys'}"),
        ("keys: {file: keys.json}", "keys: {plain: true}"),
        ("header: x-assertion", "header: 'x assertion'"),
        ("roles:", "rolls:"),
        ("roles:", "oidc: {issuer: 'https://idp.acme.example', clientId: headcount}\nroles:"),
        ("actions: [sync,", "actions: [everything,"),
    ] {
        assert!(good.contains(from), "{from}");
        wrong(&good.replace(from, to));
    }
    let nobody = good.split("roles:").next().unwrap().to_owned() + "roles: {}\n";
    assert!(wrong(&nobody).contains("nobody"));
}
