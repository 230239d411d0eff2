//! Signing in at a provider: the way there and back, answers that nobody asked for, sessions and their end. The provider is one of ours, so that it can lie;
//! `tests/browser.rs` has a real one.

use std::sync::Mutex;

use aws_lc_rs::digest;
use axum::Router as Routes;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;
use crate::server::assertion::Asserted;
use crate::server::session::Sessions;

const CLIENT: &str = "headcount";

/// A provider that says what a test wants.
struct FakeProvider {
    url: String,
    says: Arc<Says>,
}

type Shown = (String, Vec<(String, String)>);

struct Says {
    url: Mutex<String>,
    signer: Signer,
    /// what stands in the next ID token beside what always does
    claims: Mutex<Json>,
    /// what it was shown: `Authorization` and the form
    shown: Mutex<Vec<Shown>>,
    /// what it says of itself beside what it must
    discovered: Mutex<Json>,
}

impl FakeProvider {
    async fn start() -> Self {
        let says = Arc::new(Says {
            url: Mutex::default(),
            signer: Signer::new(),
            claims: Mutex::new(json!({})),
            shown: Mutex::default(),
            discovered: Mutex::new(json!({})),
        });
        let routes = Routes::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(says.clone());
        let (bounds, stop) = (crate::serve::Bounds::default(), CancellationToken::new());
        let listening = crate::serve::listen("127.0.0.1:0".parse().unwrap(), routes, bounds, stop).await.unwrap();
        let url = format!("http://{}", listening.address);
        *says.url.lock().unwrap() = url.clone();
        Self { url, says }
    }

    /// The next ID token: a good one, but for this.
    fn next(&self, nonce: &str, but: &Json) {
        let now = Timestamp::now().as_second();
        let mut claims = json!({
            "iss": self.url, "aud": CLIENT, "sub": "7", "nonce": nonce, "email": "mara@acme.example", "email_verified": true,
            "iat": now, "exp": now + 300, "auth_time": now - 5,
        });
        for (name, value) in but.as_object().unwrap() {
            claims[name] = value.clone();
        }
        // What is null is not said at all.
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        *self.says.claims.lock().unwrap() = claims;
    }
}

async fn discovery(State(says): State<Arc<Says>>) -> String {
    let url = says.url.lock().unwrap().clone();
    let place = |path: &str| format!("{url}{path}");
    let mut found = json!({
        "issuer": url, "authorization_endpoint": place("/authorize"), "token_endpoint": place("/token"), "jwks_uri": place("/keys"),
        "end_session_endpoint": place("/leave"), "claims_parameter_supported": true,
    });
    for (name, value) in says.discovered.lock().unwrap().as_object().unwrap() {
        found[name] = value.clone();
    }
    found.to_string()
}

async fn keys(State(says): State<Arc<Says>>) -> String {
    json!({"keys": [says.signer.public("one")]}).to_string()
}

async fn token(State(says): State<Arc<Says>>, headers: HeaderMap, form: String) -> String {
    let basic = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let form = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    says.shown.lock().unwrap().push((basic, form));
    let id_token = says.signer.sign(&says.claims.lock().unwrap());
    json!({"id_token": id_token, "access_token": "", "token_type": "Bearer"}).to_string()
}

/// A house whose people sign in there.
async fn house(provider: &FakeProvider) -> House {
    house_with(provider, "").await
}

/// The same with more said of the provider.
async fn house_with(provider: &FakeProvider, more: &str) -> House {
    let company = Company::running().await;
    std::fs::write(company.path("secret"), "s3cret/+ %").unwrap();
    let settings = format!(
        "publicUrl: {ORIGIN}\noidc: {{issuer: '{}', clientId: {CLIENT}, clientSecret: {{file: secret}}{more}}}\n\
         roles: {{viewer: {{groups: [staff]}}, admin: {{people: [mara@acme.example]}}}}\n{ALL}",
        provider.url
    );
    std::fs::write(company.path("sign-in.yaml"), settings).unwrap();
    let settings = SiteSettings::read(&company.path("sign-in.yaml")).unwrap();
    House::with(company, Some(settings), Signer::new()).await
}

/// What a browser was told to keep by a name.
fn kept(answer: &Answered, name: &str) -> Option<String> {
    let all = answer.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    let pair = all.filter_map(|value| value.split(';').next()).find(|pair| pair.starts_with(&format!("{name}=")))?;
    Some(pair.to_owned())
}

fn led(answer: &Answered) -> url::Url {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let to = answer.headers.get("location").unwrap().to_str().unwrap();
    url::Url::parse(ORIGIN).unwrap().join(to).unwrap()
}

fn of(url: &url::Url, name: &str) -> String {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Somebody who went to the provider: what their browser keeps, and what it was asked there.
async fn gone(house: &House, path: &str) -> (String, url::Url) {
    let answer = house.ask(Asked::get(path)).await;
    (kept(&answer, "__Host-headcount-sign-in").expect("it is kept"), led(&answer))
}

/// And came back.
async fn back(house: &House, provider: &FakeProvider, path: &str, but: &Json) -> Answered {
    let (pending, asked) = gone(house, path).await;
    provider.next(&of(&asked, "nonce"), but);
    let address = format!("/sign-in/callback?code=c0de&state={}", of(&asked, "state"));
    house.ask(Asked::get(&address).with(COOKIE.as_str(), &pending)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_looks_and_leaves() {
    let provider = FakeProvider::start().await;
    let house = house(&provider).await;
    let first = house.ask(Asked::get("/people?q=ada")).await;
    let way = led(&first);
    assert_eq!((way.path(), of(&way, "to").as_str()), ("/sign-in", "/people?q=ada"));
    let (pending, asked) = gone(&house, "/sign-in?to=/people?q%3Dada").await;
    assert!(asked.as_str().starts_with(&format!("{}/authorize?", provider.url)), "{asked}");
    assert_eq!((of(&asked, "response_type").as_str(), of(&asked, "code_challenge_method").as_str()), ("code", "S256"));
    assert_eq!(of(&asked, "redirect_uri"), format!("{ORIGIN}/sign-in/callback"));
    provider.next(&of(&asked, "nonce"), &json!({}));
    let address = format!("/sign-in/callback?code=c0de&state={}&iss={}", of(&asked, "state"), provider.url);
    let answer = house.ask(Asked::get(&address).with(COOKIE.as_str(), &pending)).await;
    assert_eq!(led(&answer).as_str(), format!("{ORIGIN}/people?q=ada"));
    // The code was shown with the verifier of what was asked, and the secret as RFC 6749 has it.
    let (basic, form) = provider.says.shown.lock().unwrap().last().cloned().unwrap();
    let verifier = form.iter().find(|(name, _)| name == "code_verifier").map(|(_, value)| value.clone()).unwrap();
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref());
    assert_eq!(challenge, of(&asked, "code_challenge"));
    let basic = STANDARD.decode(basic.strip_prefix("Basic ").unwrap()).unwrap();
    assert_eq!(String::from_utf8(basic).unwrap(), "headcount:s3cret%2F%2B+%25");
    let session = kept(&answer, "__Host-headcount").unwrap();
    let whole = answer.headers.get_all(SET_COOKIE).iter().any(|value| {
        let value = value.to_str().unwrap();
        value.starts_with("__Host-headcount=") && ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"].iter().all(|word| value.contains(word))
    });
    assert!(whole, "{:?}", answer.headers);
    let page = house.ask(Asked::get("/people?q=ada").with(COOKIE.as_str(), &session)).await;
    assert!(page.status == StatusCode::OK && page.body.contains("ada"), "{}", page.body);
    // The state has no way to be them.
    let held = session.split_once('=').unwrap().1;
    let things = house.company.store.shelf(Shelf::Sessions).await.unwrap();
    assert!(things.len() == 1 && !things[0].name.contains(held) && !things[0].body.contains(held), "{things:?}");
    // They leave by a form of ours alone.
    let form = kept(&page, "__Host-headcount-form").unwrap();
    let token = form.split_once('=').unwrap().1;
    let leave = |token: &str| {
        Asked::form("/sign-out", format!("form={token}"))
            .with(COOKIE.as_str(), &format!("{session}; {form}"))
            .with("sec-fetch-site", "same-origin")
    };
    assert_eq!(house.ask(leave("x")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(led(&house.ask(leave(token)).await).path(), "/signed-out");
    assert_eq!(led(&house.ask(Asked::get("/people").with(COOKIE.as_str(), &session)).await).path(), "/sign-in");
    let api = house.ask(Asked::get("/api/v1/status").with(COOKIE.as_str(), &session)).await;
    assert_eq!(api.status, StatusCode::UNAUTHORIZED);
    assert!(house.company.store.shelf(Shelf::Sessions).await.unwrap().is_empty());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_asked_for_opens_nothing() {
    let provider = FakeProvider::start().await;
    let house = house(&provider).await;
    let now = Timestamp::now().as_second();
    let lies = [
        ("for another client", json!({"aud": "payroll"})),
        ("made for another party", json!({"aud": ["headcount", "payroll"], "azp": "payroll"})),
        ("of another provider", json!({"iss": "https://evil.example"})),
        ("for another sign-in", json!({"nonce": "another"})),
        ("over", json!({"exp": now - 120})),
        ("an address that is not verified", json!({"email_verified": false})),
        ("nobody's", json!({"email": ""})),
        ("signed in later than now", json!({"auth_time": now + 3600})),
    ];
    for (what, but) in &lies {
        let answer = back(&house, &provider, "/sign-in", but).await;
        assert_eq!((answer.status, kept(&answer, "__Host-headcount")), (StatusCode::UNAUTHORIZED, None), "{what}");
    }
    let (pending, asked) = gone(&house, "/sign-in").await;
    let state = of(&asked, "state");
    for (what, address, cookie, status) in [
        ("another state", "/sign-in/callback?code=c&state=x".to_owned(), Some(pending.clone()), StatusCode::UNPROCESSABLE_ENTITY),
        ("another browser", format!("/sign-in/callback?code=c&state={state}"), None, StatusCode::UNPROCESSABLE_ENTITY),
        (
            "two of them",
            format!("/sign-in/callback?code=c&state={state}"),
            Some(format!("{pending}; {pending}")),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("refused there", format!("/sign-in/callback?error=access_denied&state={state}"), Some(pending.clone()), StatusCode::UNAUTHORIZED),
        (
            "another issuer",
            format!("/sign-in/callback?code=c&state={state}&iss=https://evil.example"),
            Some(pending),
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        let request = cookie.iter().fold(Asked::get(&address), |asked, cookie| asked.with(COOKIE.as_str(), cookie));
        let answer = house.ask(request).await;
        assert_eq!((answer.status, kept(&answer, "__Host-headcount")), (status, None), "{what}: {}", answer.body);
    }
    for held in ["__Host-headcount=", "__Host-headcount=AAAA", "__Host-headcount=../../x"] {
        assert_eq!(led(&house.ask(Asked::get("/").with(COOKIE.as_str(), held)).await).path(), "/sign-in");
    }
    assert!(house.company.store.shelf(Shelf::Sessions).await.unwrap().is_empty());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_grave_asks_for_a_sign_in_of_a_moment_ago() {
    let provider = FakeProvider::start().await;
    let house = house(&provider).await;
    let now = Timestamp::now().as_second();
    for (what, since) in [("an old one", json!(now - 3600)), ("one that says no time", Json::Null)] {
        let session = kept(&back(&house, &provider, "/sign-in", &json!({"auth_time": since})).await, "__Host-headcount").unwrap();
        let page = house.ask(Asked::get("/revoke?key=hr/1").with(COOKIE.as_str(), &session)).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{what}");
        assert!(page.body.contains("/sign-in?to=%2Frevoke%3Fkey%3Dhr%2F1&amp;again=yes"), "{what}: {}", page.body);
        assert_eq!(house.ask(Asked::get("/sync").with(COOKIE.as_str(), &session)).await.status, StatusCode::OK, "{what}");
    }
    let (_, asked) = gone(&house, "/sign-in?again=yes").await;
    assert_eq!((of(&asked, "prompt").as_str(), of(&asked, "max_age").as_str()), ("login", "0"));
    let session = kept(&back(&house, &provider, "/sign-in?again=yes", &json!({})).await, "__Host-headcount").unwrap();
    assert_eq!(house.ask(Asked::get("/revoke?key=hr/1").with(COOKIE.as_str(), &session)).await.status, StatusCode::OK);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end() {
    let company = Company::running().await;
    let (store, began) = (company.store.as_ref(), Timestamp::now());
    let sessions = Sessions::default();
    let somebody =
        || Asserted { name: "mara@acme.example".into(), groups: Vec::new(), since: None, subject: Some("7".into()), there: None };
    let held = sessions.begin(store, somebody(), began).await.unwrap().unwrap();
    let later = |minutes: i64| began + SignedDuration::from_mins(minutes);
    let counts = async |at| Sessions::default().find(store, &held, at).await.unwrap().is_some();
    assert!(counts(later(0)).await && counts(later(59)).await, "it was used then");
    assert!(counts(later(118)).await, "an hour behind the last use is not over");
    assert!(!counts(later(179)).await, "and now it is");
    let busy = sessions.begin(store, somebody(), began).await.unwrap().unwrap();
    for step in 0..16 {
        let at = later(30 * step);
        assert!(Sessions::default().find(store, &busy, at).await.unwrap().is_some(), "{at}");
    }
    assert!(
        Sessions::default().find(store, &busy, later(480)).await.unwrap().is_none(),
        "however much it is used, it ends after eight hours"
    );
    // Whoever notes a use brings back none that was ended.
    let ended = sessions.begin(store, somebody(), later(480)).await.unwrap().unwrap();
    let name = crate::server::token::hash(&ended);
    sessions.end(store, &ended).await.unwrap();
    store.commit(vec![Shelf::SessionUses.put(name, &later(481))]).await.unwrap();
    assert!(Sessions::default().find(store, &ended, later(481)).await.unwrap().is_none());
    // What is over is taken away by whoever signs in next.
    sessions.begin(store, somebody(), later(2000)).await.unwrap().unwrap();
    assert_eq!((store.shelf(Shelf::Sessions).await.unwrap().len(), store.shelf(Shelf::SessionUses).await.unwrap().len()), (1, 1));
}

/// Whether somebody who signed in anew may cut people off: the page of it asks them to sign in again, or to type the key.
async fn is_recent(house: &House, answer: &Answered) -> bool {
    let session = kept(answer, "__Host-headcount").expect("a session");
    let page = house.ask(Asked::get("/revoke?key=hr/1").with(COOKIE.as_str(), &session)).await;
    let asked = page.status == StatusCode::FORBIDDEN && page.body.contains("15 minutes");
    assert!(asked || page.status == StatusCode::OK, "{}", page.body);
    !asked
}

const AGAIN: &str = "/sign-in?to=/&again=yes";

#[tokio::test(flavor = "multi_thread")]
async fn without_a_time_of_sign_in_only_what_was_asked_for_anew_counts_and_only_where_that_was_said() {
    let provider = FakeProvider::start().await;
    let (silent, now) = (json!({ "auth_time": null }), Timestamp::now().as_second());
    let strict = house(&provider).await;
    let (_, asked) = gone(&strict, AGAIN).await;
    assert_eq!((of(&asked, "prompt").as_str(), of(&asked, "max_age").as_str()), ("login", "0"));
    assert!(of(&asked, "claims").contains("auth_time"), "whoever takes it is asked for it");
    for path in ["/sign-in", AGAIN] {
        assert!(!is_recent(&strict, &back(&strict, &provider, path, &silent).await).await, "{path}");
    }
    strict.end().await;
    let trusting = house_with(&provider, ", trustPromptLogin: true").await;
    assert!(!is_recent(&trusting, &back(&trusting, &provider, "/sign-in", &silent).await).await, "they were not asked anew");
    assert!(is_recent(&trusting, &back(&trusting, &provider, AGAIN, &silent).await).await);
    let old = json!({"auth_time": null, "iat": now - 20 * 60});
    assert!(!is_recent(&trusting, &back(&trusting, &provider, AGAIN, &old).await).await, "its token is of before");
    let told = json!({"auth_time": now - 20 * 60});
    assert!(!is_recent(&trusting, &back(&trusting, &provider, AGAIN, &told).await).await, "what it says itself counts");
    // What a browser was told to keep can't be made to say that it was asked anew.
    let (pending, asked) = gone(&trusting, "/sign-in").await;
    let nonce = of(&asked, "nonce");
    let forged = pending.replace(&nonce, &format!("{nonce}~AAAA"));
    provider.next(&format!("{nonce}~AAAA"), &silent);
    let address = format!("/sign-in/callback?code=c0de&state={}", of(&asked, "state"));
    let answer = trusting.ask(Asked::get(&address).with(COOKIE.as_str(), &forged)).await;
    assert!(!is_recent(&trusting, &answer).await);
    trusting.end().await;
    *provider.says.discovered.lock().unwrap() = json!({"prompt_values_supported": ["none", "consent"]});
    let house = house_with(&provider, ", trustPromptLogin: true").await;
    assert!(!is_recent(&house, &back(&house, &provider, AGAIN, &silent).await).await, "it says itself that it asks nobody anew");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_is_shown_the_way_out_at_the_provider_and_whoever_left_there_is_out_here() {
    let provider = FakeProvider::start().await;
    let house = house(&provider).await;
    let page = house.ask(Asked::get("/signed-out")).await.body;
    let way = format!(
        "{}/leave?client_id=headcount&amp;post_logout_redirect_uri=https%3A%2F%2Fheadcount.acme.example%2Fsigned-out",
        provider.url
    );
    assert!(page.contains(&way) && !page.contains("id_token"), "{page}");
    let now = Timestamp::now().as_second();
    let logout = |but: Json| {
        let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
        let mut claims = json!({"iss": provider.url, "aud": CLIENT, "sub": "7", "jti": "1", "iat": now, "exp": now + 120, "events": event});
        for (name, value) in but.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        Asked::form("/sign-in/ended", format!("logout_token={}", provider.says.signer.sign(&claims)))
    };
    let enter = async |but: Json| {
        let answer = back(&house, &provider, "/sign-in", &but).await;
        kept(&answer, "__Host-headcount").expect("a session")
    };
    let counts = async |session: &str| house.ask(Asked::get("/").with(COOKIE.as_str(), session)).await.status == StatusCode::OK;
    let (first, second, other) = (enter(json!({"sid": "a"})).await, enter(json!({"sid": "b"})).await, enter(json!({"sub": "8"})).await);
    for (what, but) in [
        ("no event", json!({"events": null})),
        ("an ID token", json!({"nonce": "x"})),
        ("nobody", json!({ "sub": null })),
        ("another client's", json!({"aud": "payroll"})),
        ("over", json!({"exp": now - 120})),
        ("without a name", json!({ "jti": null })),
    ] {
        assert_eq!(house.ask(logout(but)).await.status, StatusCode::BAD_REQUEST, "{what}");
    }
    let forged = House::claims("mara@acme.example", &[]);
    let forged = format!("logout_token={}", Signer::new().sign(&forged));
    assert_eq!(house.ask(Asked::form("/sign-in/ended", forged)).await.status, StatusCode::BAD_REQUEST);
    assert!(counts(&first).await && counts(&second).await && counts(&other).await);
    assert_eq!(house.ask(logout(json!({"sid": "a"}))).await.status, StatusCode::OK);
    assert!(!counts(&first).await && counts(&second).await && counts(&other).await, "one session of theirs");
    assert_eq!(house.ask(logout(json!({"iat": now - 3600}))).await.status, StatusCode::OK);
    assert!(counts(&second).await, "it came late: they signed in since");
    assert_eq!(house.ask(logout(json!({}))).await.status, StatusCode::OK);
    assert!(!counts(&second).await && counts(&other).await, "all of theirs, and nobody else's");
    house.end().await;
}
