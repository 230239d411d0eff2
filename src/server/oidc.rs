//! A provider of OpenID Connect, as far as signing in needs it: discovery, the code flow with PKCE, and what an ID token says.
//!
//! Must never: take an answer that this browser did not ask for, send a code or a secret where discovery does not say, or tell more of a failure than its kind.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use tokio::sync::{Mutex, Semaphore};
use url::Url;

use super::anew::AskedAnew;
use super::assertion::{Asserted, AssertionError, Assertions, Believed, http_settings};
use super::session::LONGEST;
use super::settings::{OidcSettings, SiteError, address, is_safe};
use super::token::random;
use crate::http::{Body, Client, Credentials, Method, Request, Settings};
use crate::secret::{self, SecretString};

/// Where people come back to.
pub(super) const CALLBACK: &str = "/sign-in/callback";
/// And where to, once they left.
pub(super) const LEFT: &str = "/signed-out";
/// What discovery says counts so long.
const FRESH: Duration = Duration::from_mins(60);
/// So many codes are shown to the provider at once; whoever else comes back waits.
const AT_ONCE: usize = 8;
/// What a provider answers is small.
const MOST: usize = 256 << 10;
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What a browser keeps while its user is at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PendingSignIn {
    /// comes back with the answer
    pub state: String,
    /// stands in the ID token
    pub nonce: String,
    /// proves that whoever shows the code asked for it
    pub verifier: String,
}

/// Why nobody was signed in. For the log: whoever comes is told less.
#[derive(Debug, thiserror::Error)]
pub(super) enum OidcError {
    /// the provider can't be asked
    #[error("the provider can't be asked: {0}")]
    Away(String),
    /// what it says does not fit together
    #[error("the provider's answer does not count: {0}")]
    Wrong(String),
    /// the ID token counts for nothing
    #[error(transparent)]
    Token(#[from] AssertionError),
    /// the client's secret is not there
    #[error("the client's secret can't be had: {0}")]
    Secret(String),
}

/// One provider.
#[derive(Debug)]
pub(super) struct Oidc {
    settings: OidcSettings,
    /// secrets in files lie beside the settings
    base: PathBuf,
    callback: String,
    /// where somebody comes back to who leaves there too
    left: String,
    known: Mutex<Option<(Instant, Arc<Provider>)>>,
    at_once: Semaphore,
    anew: AskedAnew,
}

/// Somebody left at the provider, or one of their sessions ended there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndedThere {
    /// as whom it knows them
    pub subject: Option<String>,
    /// the session there
    pub there: Option<String>,
    /// when
    pub at: Timestamp,
}

/// The event of a logout token (OpenID Connect Back-Channel Logout 1.0, 2.4).
const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What discovery said.
#[derive(Debug)]
struct Provider {
    found: Discovered,
    tokens: Assertions,
}

#[derive(Clone, Debug, Deserialize)]
struct Discovered {
    issuer: String,
    #[serde(deserialize_with = "address")]
    authorization_endpoint: Url,
    #[serde(deserialize_with = "address")]
    token_endpoint: Url,
    #[serde(deserialize_with = "address")]
    jwks_uri: Url,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    /// OpenID Connect RP-Initiated Logout 1.0
    #[serde(default)]
    end_session_endpoint: Option<String>,
    #[serde(default)]
    claims_parameter_supported: bool,
    /// where it says which it knows: one that does not know `login` asks nobody anew
    #[serde(default)]
    prompt_values_supported: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Granted {
    id_token: String,
    #[serde(default)]
    access_token: String,
}

impl Oidc {
    /// People come back to this origin. Nothing is asked yet, so that nothing waits for the provider.
    pub fn new(settings: &OidcSettings, origin: &str, base: PathBuf) -> Result<Self, SiteError> {
        Client::new(&http_settings(MOST)).map_err(|error| SiteError::Keys(error.to_string()))?;
        let (callback, left) = (format!("{origin}{CALLBACK}"), format!("{origin}{LEFT}"));
        let anew = AskedAnew::new().ok_or_else(|| SiteError::Keys("this machine has no random numbers".into()))?;
        Ok(Self { settings: settings.clone(), base, callback, left, known: Mutex::default(), at_once: Semaphore::new(AT_ONCE), anew })
    }

    /// Where to send a browser, and what it is to keep. `again`: whoever signs in proves anew who they are.
    pub async fn begin(&self, again: bool) -> Result<(Url, PendingSignIn), OidcError> {
        let provider = self.provider().await?;
        let nonce = match again && self.settings.trust_prompt_login {
            true => self.anew.nonce(self.secret().await?.as_ref()),
            false => random(),
        };
        let (Some(state), Some(nonce), Some(verifier)) = (random(), nonce, random()) else {
            return Err(OidcError::Away("this machine has no random numbers".into()));
        };
        let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref());
        let mut url = provider.found.authorization_endpoint.clone();
        let scopes = self.settings.scopes.join(" ");
        let longest = LONGEST.as_secs().to_string();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.callback)
            .append_pair("scope", &scopes)
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            // Whoever is asked for it says when somebody proved who they are.
            .append_pair("max_age", if again { "0" } else { &longest });
        if again {
            url.query_pairs_mut().append_pair("prompt", "login");
        }
        if provider.found.claims_parameter_supported {
            url.query_pairs_mut().append_pair("claims", r#"{"id_token":{"auth_time":{"essential":true}}}"#);
        }
        Ok((url, PendingSignIn { state, nonce, verifier }))
    }

    /// Who came back. `issuer` is what the answer says of itself (RFC 9207), where it says it.
    pub async fn finish(&self, pending: &PendingSignIn, code: &str, issuer: Option<&str>) -> Result<Asserted, OidcError> {
        let provider = self.provider().await?;
        if issuer.is_some_and(|issuer| issuer != provider.found.issuer) {
            return Err(OidcError::Wrong("it is another provider's".into()));
        }
        let _turn = self.at_once.acquire().await.map_err(|_| OidcError::Away("the process ends".into()))?;
        let granted = self.exchange(&provider, pending, code).await?;
        let mut claims = provider.tokens.claims(&granted.id_token).await?;
        let nonce = claims.get("nonce").and_then(Json::as_str).unwrap_or_default();
        if constant_time::verify_slices_are_equal(nonce.as_bytes(), pending.nonce.as_bytes()).is_err() {
            return Err(OidcError::Wrong("its ID token is not for this sign-in".into()));
        }
        if claims.get("azp").and_then(Json::as_str).is_some_and(|party| party != self.settings.client_id) {
            return Err(OidcError::Wrong("its ID token was made for another client".into()));
        }
        self.complete(&provider, &mut claims, &granted.access_token).await?;
        let mut asserted = provider.tokens.asserted(&claims)?;
        if asserted.since.is_none() && self.asked_anew(&provider, &pending.nonce).await? {
            // It is not before now, or `asserted` had refused it.
            asserted.since = claims.get("iat").and_then(Json::as_i64).and_then(|at| Timestamp::from_second(at).ok());
        }
        Ok(asserted)
    }

    /// Whether the provider was asked to have somebody sign in anew, and that may count where it does not say when they did.
    async fn asked_anew(&self, provider: &Provider, nonce: &str) -> Result<bool, OidcError> {
        let knows = provider.found.prompt_values_supported.as_ref().is_none_or(|known| known.iter().any(|value| value == "login"));
        Ok(self.settings.trust_prompt_login && knows && self.anew.knows(self.secret().await?.as_ref(), nonce))
    }

    /// Where somebody leaves at the provider, too. Their ID token is not kept, so it does not go along: the provider asks them whether they mean it.
    pub async fn way_out(&self) -> Option<Url> {
        let provider = self.provider().await.ok()?;
        let mut url = provider.found.end_session_endpoint.as_deref().and_then(|place| Url::parse(place).ok()).filter(is_safe)?;
        url.query_pairs_mut().append_pair("client_id", &self.settings.client_id).append_pair("post_logout_redirect_uri", &self.left);
        Some(url)
    }

    /// What the provider says of somebody who left there (OpenID Connect Back-Channel Logout 1.0, 2.6).
    pub async fn ended_there(&self, token: &str) -> Result<EndedThere, OidcError> {
        let provider = self.provider().await?;
        let _turn = self.at_once.acquire().await.map_err(|_| OidcError::Away("the process ends".into()))?;
        let claims = provider.tokens.claims(token).await?;
        let text = |claim: &str| claims.get(claim).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let is_logout = claims.get("events").and_then(|events| events.get(LOGOUT)).is_some_and(Json::is_object);
        // What has a nonce is an ID token.
        if !is_logout || claims.contains_key("nonce") || text("jti").is_none() {
            return Err(OidcError::Wrong("it is no logout token".into()));
        }
        let at = claims.get("iat").and_then(Json::as_i64).and_then(|at| Timestamp::from_second(at).ok());
        let ended =
            EndedThere { subject: text("sub"), there: text("sid"), at: at.ok_or_else(|| OidcError::Wrong("it does not say when".into()))? };
        match ended.subject.is_some() || ended.there.is_some() {
            true => Ok(ended),
            false => Err(OidcError::Wrong("it names nobody and no session".into())),
        }
    }

    async fn secret(&self) -> Result<Option<SecretString>, OidcError> {
        let Some(secret) = &self.settings.client_secret else { return Ok(None) };
        secret::resolve(secret, &self.base).await.map(Some).map_err(|error| OidcError::Secret(error.to_string()))
    }

    /// What an ID token leaves out, some providers say when they are asked.
    async fn complete(&self, provider: &Provider, claims: &mut Map<String, Json>, token: &str) -> Result<(), OidcError> {
        let lacks = [&self.settings.name, &self.settings.groups].into_iter().any(|claim| !claims.contains_key(claim));
        let place = provider.found.userinfo_endpoint.as_deref().filter(|_| lacks && !token.is_empty());
        let Some(url) = place.and_then(|place| Url::parse(place).ok()).filter(is_safe) else { return Ok(()) };
        let settings = Settings { credentials: Some(Credentials::Bearer(token.to_owned().into())), ..http_settings(MOST) };
        let told: Map<String, Json> = ask(&settings, Request::reads(Method::GET, url, JSON)).await?;
        if told.get("sub").is_none() || told.get("sub") != claims.get("sub") {
            return Err(OidcError::Wrong("it tells of somebody else than its ID token".into()));
        }
        for (claim, value) in told {
            claims.entry(claim).or_insert(value);
        }
        Ok(())
    }

    async fn exchange(&self, provider: &Provider, pending: &PendingSignIn, code: &str) -> Result<Granted, OidcError> {
        let mut form = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", self.callback.clone()),
            ("code_verifier", pending.verifier.clone()),
        ];
        let id = &self.settings.client_id;
        let secret = self.secret().await?;
        let methods = &provider.found.token_endpoint_auth_methods_supported;
        let in_form = !methods.is_empty() && !methods.iter().any(|method| method == "client_secret_basic");
        let credentials = match secret {
            None => {
                form.push(("client_id", id.clone()));
                None
            }
            Some(secret) if in_form => {
                form.extend([("client_id", id.clone()), ("client_secret", secret.expose_secret().to_owned())]);
                None
            }
            // RFC 6749, 2.3.1: both are encoded as in a form.
            Some(secret) => Some(Credentials::Basic(encoded(id), encoded(secret.expose_secret()).into())),
        };
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::reads(Method::POST, provider.found.token_endpoint.clone(), JSON);
        let settings = Settings { credentials, ..http_settings(MOST) };
        ask(&settings, Request { body: Some(Body::new(FORM, body)), ..request }).await
    }

    async fn provider(&self) -> Result<Arc<Provider>, OidcError> {
        let mut known = self.known.lock().await;
        if let Some((_, provider)) = known.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(provider.clone());
        }
        match self.discover().await {
            Ok(provider) => {
                let provider = Arc::new(provider);
                *known = Some((Instant::now(), provider.clone()));
                Ok(provider)
            }
            // While it can't be asked, what it said last counts.
            Err(error) => known.as_ref().map(|(_, provider)| provider.clone()).ok_or(error),
        }
    }

    async fn discover(&self) -> Result<Provider, OidcError> {
        let issuer = self.settings.issuer.as_str();
        let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let url = Url::parse(&place).map_err(|error| OidcError::Wrong(error.to_string()))?;
        let found: Discovered = ask(&http_settings(MOST), Request::reads(Method::GET, url, JSON)).await?;
        if found.issuer != issuer {
            return Err(OidcError::Wrong(format!("it calls itself {:?}, and oidc.issuer is {issuer:?}", found.issuer)));
        }
        let places = [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri];
        if let Some(open) = places.into_iter().find(|url| !is_safe(url)) {
            return Err(OidcError::Wrong(format!("{open} is not https")));
        }
        let believed = Believed {
            issuer: issuer.to_owned(),
            audience: self.settings.client_id.clone(),
            name: self.settings.name.clone(),
            groups: self.settings.groups.clone(),
            // An ID token is of now, also where somebody signed in this morning.
            iat_counts: false,
        };
        let tokens = Assertions::at(believed, found.jwks_uri.clone()).map_err(|error| OidcError::Away(error.to_string()))?;
        Ok(Provider { found, tokens })
    }
}

/// What an answer holds beside what is asked for may be what was sent, so only its status is told.
async fn ask<T: serde::de::DeserializeOwned>(settings: &Settings, request: Request) -> Result<T, OidcError> {
    let place = request.url.clone();
    let client = Client::new(settings).map_err(|error| OidcError::Away(error.to_string()))?;
    let answer = client.send(request).await.map_err(|error| OidcError::Away(error.to_string()))?;
    if !answer.succeeded() {
        return Err(OidcError::Wrong(format!("{place} answers {}", answer.status)));
    }
    serde_json::from_slice(&answer.body).map_err(|_| OidcError::Wrong(format!("{place} answers something else")))
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
