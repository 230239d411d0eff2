//! Signing in to a declared system: the scheme that a connection picks, with its secrets; tokens are asked for, and anew once they are refused.
//!
//! Must never: send a secret to a host that is not declared, or believe an address that a secret holds.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

use super::definition::is_declared;
use super::scope::{CONFIG, SECRET, Scope};
use super::template::Template;
use crate::http::{Body, Client, Credentials, Method, Renew, Request, Settings, Url};
use crate::manifest::connection::SecretRef;
use crate::manifest::kinds::connector::{AuthScheme, ClientAuth, OAuth2Grant, OAuth2Scheme};
use crate::model::SystemError;
use crate::secret::{self, SecretError};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
/// A token endpoint's answer is small.
const MAX_ANSWER: usize = 1 << 20;

/// A scheme with references to its secrets.
#[derive(Clone, Debug)]
pub(super) struct SignIn {
    pub(super) scheme: AuthScheme,
    pub(super) secrets: BTreeMap<String, SecretRef>,
    pub(super) folder: PathBuf,
    pub(super) config: Json,
    pub(super) hosts: std::collections::BTreeSet<String>,
    /// a Source asks for less, where the scheme says what
    pub(super) reads_only: bool,
    /// how a token endpoint is reached
    pub(super) settings: Settings,
}

impl Renew for SignIn {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, SystemError>> {
        async {
            let mut secrets = BTreeMap::new();
            for (name, reference) in &self.secrets {
                secrets.insert(name.as_str(), self.resolved(reference).await?);
            }
            self.signed(&secrets).await
        }
        .boxed()
    }
}

impl SignIn {
    async fn resolved(&self, reference: &SecretRef) -> Result<SecretString, SystemError> {
        secret::resolve(reference, &self.folder).await.map_err(|error| {
            SystemError::Auth(match &error {
                SecretError::File { source, .. } | SecretError::Exec { source, .. } => format!("{error}: {source}"),
                _ => error.to_string(),
            })
        })
    }

    async fn signed(&self, secrets: &BTreeMap<&str, SecretString>) -> Result<Credentials, SystemError> {
        Ok(match &self.scheme {
            AuthScheme::Bearer(token) => Credentials::Bearer(self.filled(token, secrets)?),
            AuthScheme::Header(header) => Credentials::Headers(vec![(header.name.clone(), self.filled(&header.value, secrets)?)]),
            AuthScheme::Basic(basic) => {
                let (user, password) = (self.filled(&basic.user, secrets)?, self.filled(&basic.password, secrets)?);
                let mut further = Vec::with_capacity(basic.headers.len());
                for (name, value) in &basic.headers {
                    further.push((name.clone(), self.filled(value, secrets)?));
                }
                Credentials::All(vec![Credentials::Basic(user.expose_secret().to_owned(), password), Credentials::Headers(further)])
            }
            AuthScheme::Oauth2(scheme) => Credentials::Bearer(self.token(scheme, secrets).await?),
        })
    }

    /// A template over the secrets and the installation's values.
    fn filled(&self, text: &str, secrets: &BTreeMap<&str, SecretString>) -> Result<SecretString, SystemError> {
        let template = Template::compile(text, SECRET).map_err(|_| SystemError::Protocol("its way to sign in can't be read".into()))?;
        let known = secrets.iter().map(|(name, value)| ((*name).to_owned(), Json::from(value.expose_secret()))).collect();
        let known = Json::Object(known);
        let scope = Scope::default().with("config", &self.config).with("secret", &known);
        let filled = template.text(&scope, str::to_owned).map_err(SystemError::Auth)?;
        filled.map(SecretString::from).ok_or_else(|| SystemError::Auth(format!("`auth` lacks a secret that `{text}` asks for")))
    }

    /// An access token (RFC 6749).
    async fn token(&self, scheme: &OAuth2Scheme, secrets: &BTreeMap<&str, SecretString>) -> Result<SecretString, SystemError> {
        let secret = |name: &str| {
            let found = secrets.get(name).map(|value| value.expose_secret().to_owned());
            found.ok_or_else(|| SystemError::Auth(format!("`auth` lacks the secret `{name}`")))
        };
        let url = self.plain(&scheme.url)?;
        let url = Url::parse(&url).ok().filter(|url| is_declared(url, &self.hosts));
        let url = url.ok_or_else(|| SystemError::Rejected("the token endpoint is at none of the declared hosts".into()))?;
        let scopes = if self.reads_only && !scheme.read_scopes.is_empty() { &scheme.read_scopes } else { &scheme.scopes };
        let mut form: Vec<(&str, String)> = Vec::new();
        match scheme.grant {
            OAuth2Grant::ClientCredentials => form.push(("grant_type", "client_credentials".into())),
            OAuth2Grant::RefreshToken => form.extend([("grant_type", "refresh_token".into()), ("refresh_token", secret("refreshToken")?)]),
        }
        if !scopes.is_empty() {
            let all: Result<Vec<String>, SystemError> = scopes.iter().map(|scope| self.plain(scope)).collect();
            form.push(("scope", all?.join(" ")));
        }
        let mut further = Vec::with_capacity(scheme.with.len());
        for (name, value) in &scheme.with {
            further.push((name.as_str(), self.plain(value)?));
        }
        form.extend(further);
        let (id, key) = (secret("clientId")?, secret("clientSecret")?);
        let credentials = match scheme.client.unwrap_or(ClientAuth::Post) {
            ClientAuth::Basic => Some(Credentials::Basic(id, key.into())),
            ClientAuth::Post => {
                form.extend([("client_id", id), ("client_secret", key)]);
                None
            }
        };
        self.ask(url, &form, credentials).await
    }

    async fn ask(&self, url: Url, form: &[(&str, String)], credentials: Option<Credentials>) -> Result<SecretString, SystemError> {
        let client = Client::new(&Settings { credentials, renew: None, max_body: MAX_ANSWER, ..self.settings.clone() })?;
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request { body: Some(Body::new(FORM, body)), ..Request::reads(Method::POST, url, JSON) };
        let response = client.send(request).await?;
        let told: Json = serde_json::from_slice(&response.body).unwrap_or_default();
        match told.get("access_token").and_then(Json::as_str) {
            Some(token) if response.succeeded() && !token.is_empty() => Ok(token.to_owned().into()),
            // What a token endpoint says beside its code may hold what was sent.
            _ => {
                let code: String = told.get("error").and_then(Json::as_str).unwrap_or("no token").chars().take(60).collect();
                Err(SystemError::Auth(format!("{} gives no token (HTTP {} {code})", response.place(), response.status)))
            }
        }
    }

    fn plain(&self, text: &str) -> Result<String, SystemError> {
        let odd = || SystemError::Protocol("its way to sign in can't be read".into());
        let template = Template::compile(text, CONFIG).map_err(|_| odd())?;
        template.text(&Scope::default().with("config", &self.config), str::to_owned).ok().flatten().ok_or_else(odd)
    }
}

/// Shared by whoever renews.
pub(super) fn shared(sign_in: SignIn) -> Arc<dyn Renew> {
    Arc::new(sign_in)
}
