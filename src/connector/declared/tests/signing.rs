//! Signing in: what reaches a token endpoint, and what a signed request carries.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{self, KeyPair as _, UnparsedPublicKey, VerificationAlgorithm};

use super::*;
use crate::http::base64;

/// Reads the accounts of a document with this scheme, against a service whose token is `t0ken`.
async fn signed_in(scheme: &Json, secrets: &Json) -> (Evidence, Vec<Asked>) {
    let service = Scripted::with_discovery(|asked| {
        Some(match asked.line.as_str() {
            "POST /token" if asked.content.contains("refused") => {
                answer(400, json!({"error": "unauthorized_client", "error_description": "key sesame"}))
            }
            "POST /token" if asked.content.contains("away") => answer(503, "<html>"),
            "POST /token" => answer(200, json!({"access_token": "t0ken", "expires_in": 3600})),
            _ => answer(200, json!([{"id": "u1"}])),
        })
    });
    let service = service.await;
    let connection = own(&service, &json!({"auth": {"own": scheme}}), secrets);
    let request = ReadRequest::new(vec![(ObjectKind::Account, Columns::new(["id"]))]);
    let evidence = match DeclaredConnector.open_source(&connection, &Surroundings::at(".")).await {
        Ok(reader) => reader.read(&request, &mut Rows::default()).await.of(ObjectKind::Account),
        Err(error) => Evidence::Unreadable { reason: error.to_string() },
    };
    (evidence, service.asked())
}

fn form(asked: &Asked) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(asked.content.as_bytes()).into_owned().collect()
}

/// Base64 as a decoder would have it: by trying what encodes to it.
fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = text.chars().map(|digit| DIGITS.find(digit).expect("a digit"));
    let (mut held, mut count, mut bytes) = (0usize, 0, Vec::new());
    for digit in bits {
        (held, count) = ((held << 6) | digit, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((held >> count) as u8);
            held &= (1 << count) - 1;
        }
    }
    assert_eq!(base64::url_safe(&bytes), text);
    bytes
}

/// The header and claims of an assertion that this key proves.
fn proven(assertion: &str, algorithm: &'static dyn VerificationAlgorithm, public: &[u8]) -> (Json, Json) {
    let (text, signature) = assertion.rsplit_once('.').expect("a signature");
    UnparsedPublicKey::new(algorithm, public).verify(text.as_bytes(), &decoded(signature)).expect("a good signature");
    let part = |text: &str| serde_json::from_slice(&decoded(text)).expect("JSON");
    let (header, claims) = text.split_once('.').expect("two parts");
    (part(header), part(claims))
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", base64::standard(der))
}

#[tokio::test]
async fn a_service_account_s_key_file_signs_for_whom_it_acts() {
    let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = key.as_der().expect("a key");
    let file = json!({"type": "service_account", "client_email": "bot@acme.example", "private_key_id": "k7",
        "private_key": pem("PRIVATE KEY", der.as_ref()), "token_uri": "https://evil.example/token"});
    let scheme = json!({"oauth2": {"grant": "jwt_bearer", "url": "{base}/token", "scopes": ["users", "groups"], "readScopes": ["users.readonly"],
        "assertion": {"subject": "admin@acme.example"}}});
    let (evidence, asked) = signed_in(&scheme, &json!({"key": said(&file.to_string())})).await;
    assert_eq!(evidence, Evidence::Complete);
    let sent = form(&asked[0]);
    assert_eq!(sent.keys().collect::<Vec<_>>(), ["assertion", "grant_type"]);
    assert_eq!(sent["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (header, claims) = proven(&sent["assertion"], &signature::RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    assert_eq!(header, json!({"alg": "RS256", "typ": "JWT", "kid": "k7"}));
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["scope"]),
        (&json!("bot@acme.example"), &json!("admin@acme.example"), &json!("users.readonly"))
    );
    assert!(claims["aud"].as_str().is_some_and(|url| url.ends_with("/scim/token")), "{claims}");
    let (from, until) = (claims["iat"].as_i64().expect("a time"), claims["exp"].as_i64().expect("a time"));
    assert!(until - from <= 300 && until > jiff::Timestamp::now().as_second(), "{claims}");
    assert_eq!(asked[1].authorization.as_deref(), Some("Bearer t0ken"));
}

#[tokio::test]
async fn a_client_proves_itself_with_its_certificate_s_key() {
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate =
        rcgen::CertificateParams::new(vec!["client.example".into()]).and_then(|it| it.self_signed(&key)).expect("a certificate");
    let print = base64::url_safe(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, certificate.der()).as_ref());
    let secrets = |extra: Json| {
        let mut all = json!({"clientId": said("app"), "key": said(&key.serialize_pem()), "certificate": said(&certificate.pem())});
        extra.as_object().into_iter().flatten().for_each(|(name, value)| all[name] = value.clone());
        all
    };
    let scheme = json!({"oauth2": {"grant": "client_credentials", "client": "private_key_jwt", "url": "{base}/token", "scopes": [".default"],
        "assertion": {"thumbprint": "x5t", "claims": {"tenant": "{config.tenant}", "scope": "{[\"rest\"]}"}}}});
    let mut named = scheme.clone();
    named["oauth2"]["assertion"]["claims"] = json!({"scope": "{[\"rest\"]}"});
    let (evidence, asked) = signed_in(&named, &secrets(json!({"keyId": said("k9")}))).await;
    assert_eq!(evidence, Evidence::Complete);
    let sent = form(&asked[0]);
    assert_eq!((&*sent["client_id"], &*sent["scope"], &*sent["grant_type"]), ("app", ".default", "client_credentials"));
    assert_eq!(sent["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let (header, claims) = proven(&sent["client_assertion"], &signature::ECDSA_P256_SHA256_FIXED, key.public_key_raw());
    assert_eq!(header, json!({"alg": "ES256", "typ": "JWT", "kid": "k9", "x5t": print}));
    assert_eq!((&claims["iss"], &claims["sub"], &claims["scope"]), (&json!("app"), &json!("app"), &json!(["rest"])));
    // What the installation does not say is missed before anything is sent.
    let (evidence, asked) = signed_in(&scheme, &secrets(json!({}))).await;
    assert!(evidence.reason().is_some_and(|words| words.contains("can't be read")) && asked.is_empty(), "{evidence:?}");
}

#[tokio::test]
async fn a_token_endpoint_s_refusal_says_what_to_look_at_and_nothing_of_ours() {
    let scheme =
        |with: &str| json!({"oauth2": {"grant": "client_credentials", "url": "{base}/token", "scopes": ["users"], "with": {"x": with}}});
    let secrets = json!({"clientId": said("app"), "clientSecret": said("sesame")});
    let words = async |with: &str, secrets: &Json| signed_in(&scheme(with), secrets).await.0.reason().unwrap_or("complete").to_owned();
    assert_eq!(words("-", &secrets).await, "complete");
    let refused = words("refused", &secrets).await;
    assert!(refused.ends_with("(HTTP 400 unauthorized_client); nobody granted this client these scopes: users"), "{refused}");
    let away = words("away", &secrets).await;
    assert!(away.contains("HTTP 503") && !away.contains("can't sign in"), "{away}");
    assert!(words("-", &json!({"clientId": said("app")})).await.contains("lacks the secret `clientSecret`"));
    let keyed = json!({"oauth2": {"grant": "jwt_bearer", "url": "{base}/token"}});
    let broken =
        async |key: &str| signed_in(&keyed, &json!({"clientId": said("app"), "key": said(key)})).await.0.reason().unwrap_or("").to_owned();
    assert!(broken("sesame").await.contains("no private key in PEM"));
    assert!(broken("{}").await.contains("no `private_key`"));
    assert!(broken(&pem("PRIVATE KEY", b"sesame")).await.contains("neither an RSA key"));
}

#[tokio::test]
async fn a_token_that_ran_out_is_asked_for_once_more() {
    let tokens = std::sync::atomic::AtomicU32::new(0);
    let service = Scripted::with_discovery(move |asked| {
        Some(match asked.line.as_str() {
            "POST /token" => answer(200, json!({"access_token": format!("t{}", tokens.fetch_add(1, std::sync::atomic::Ordering::SeqCst))})),
            _ if asked.authorization.as_deref() == Some("Bearer t1") => answer(200, json!([{"id": "u1"}])),
            _ => answer(401, "{}"),
        })
    });
    let service = service.await;
    let scheme = json!({"oauth2": {"grant": "client_credentials", "client": "basic", "url": "{base}/token"}});
    let connection = own(&service, &json!({"auth": {"own": scheme}}), &json!({"clientId": said("app"), "clientSecret": said("sesame")}));
    let reader = DeclaredConnector.open_source(&connection, &Surroundings::at(".")).await.expect("a source");
    let request = ReadRequest::new(vec![(ObjectKind::Account, Columns::new(["id"]))]);
    assert_eq!(reader.read(&request, &mut Rows::default()).await.of(ObjectKind::Account), Evidence::Complete);
    assert_eq!(service.lines(), ["POST /token", "GET /users", "POST /token", "GET /users"]);
}

#[tokio::test]
async fn each_request_is_signed_by_itself() {
    let secrets = json!({"consumerKey": said("ck"), "consumerSecret": said("cs"), "tokenId": said("ti"), "tokenSecret": said("ts")});
    let (evidence, asked) = signed_in(&json!({"oauth1": {"realm": "{upper(\"acme\")}"}}), &secrets).await;
    assert_eq!(evidence, Evidence::Complete);
    let header = asked[0].authorization.as_deref().unwrap_or_default();
    assert!(
        header.starts_with("OAuth realm=\"ACME\", oauth_consumer_key=\"ck\", oauth_nonce=\"") && header.contains("oauth_signature="),
        "{header}"
    );
    assert!(!header.contains("cs") && !header.contains("\"ts"), "{header}");
}
