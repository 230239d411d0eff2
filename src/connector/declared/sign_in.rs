//! Signing in to a declared system: the scheme that a connection picks, with its secrets; tokens are asked for, and anew once they are refused.
//!
//! Must never: send a secret to a host that is not declared, or believe an address that a secret holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

use super::scope::{CONFIG, SECRET, Scope, as_text};
use super::secrets::{TLS_CERTIFICATE, TLS_KEY};
use super::template::Template;
use crate::http::{ClientIdentity, Credentials, OAuth1, Renew, Settings};
use crate::manifest::connection::SecretRef;
use crate::manifest::kinds::connector::AuthScheme;
use crate::model::SystemError;
use crate::secret::{self, SecretError};

/// Secrets by name, resolved.
pub(super) type Secrets<'s> = BTreeMap<&'s str, SecretString>;

/// A scheme with references to its secrets.
#[derive(Clone, Debug)]
pub(super) struct SignIn {
    pub(super) scheme: AuthScheme,
    pub(super) secrets: BTreeMap<String, SecretRef>,
    pub(super) folder: PathBuf,
    pub(super) config: Json,
    pub(super) base: Json,
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
        resolved(reference, &self.folder).await
    }

    async fn signed(&self, secrets: &Secrets<'_>) -> Result<Credentials, SystemError> {
        Ok(match &self.scheme {
            AuthScheme::Bearer(token) => Credentials::Bearer(self.filled(token, secrets)?),
            AuthScheme::Header(header) => {
                let mut all = vec![(header.name.clone(), self.filled(&header.value, secrets)?)];
                for (name, value) in &header.headers {
                    all.push((name.clone(), self.filled(value, secrets)?));
                }
                Credentials::Headers(all)
            }
            AuthScheme::Basic(basic) => {
                let (user, password) = (self.filled(&basic.user, secrets)?, self.filled(&basic.password, secrets)?);
                let mut further = Vec::with_capacity(basic.headers.len());
                for (name, value) in &basic.headers {
                    further.push((name.clone(), self.filled(value, secrets)?));
                }
                Credentials::All(vec![Credentials::Basic(user.expose_secret().to_owned(), password), Credentials::Headers(further)])
            }
            AuthScheme::Oauth2(scheme) => Credentials::Bearer(self.token(scheme, secrets).await?),
            // The connection itself shows it.
            AuthScheme::Tls(_) => Credentials::All(Vec::new()),
            AuthScheme::Oauth1(scheme) => Credentials::OAuth1(OAuth1 {
                realm: scheme.realm.as_deref().map(|realm| self.plain(realm)).transpose()?,
                consumer_key: secret(secrets, "consumerKey")?.expose_secret().to_owned(),
                consumer_secret: secret(secrets, "consumerSecret")?,
                token: secret(secrets, "tokenId")?.expose_secret().to_owned(),
                token_secret: secret(secrets, "tokenSecret")?,
            }),
        })
    }

    /// A template over the secrets and the installation's values.
    fn filled(&self, text: &str, secrets: &Secrets<'_>) -> Result<SecretString, SystemError> {
        let template = Template::compile(text, SECRET).map_err(|_| odd())?;
        let known = secrets.iter().map(|(name, value)| ((*name).to_owned(), Json::from(value.expose_secret()))).collect();
        let known = Json::Object(known);
        let scope = Scope::default().with("config", &self.config).with("secret", &known);
        let filled = template.text(&scope, str::to_owned).map_err(SystemError::Auth)?;
        filled.map(SecretString::from).ok_or_else(|| SystemError::Auth(format!("`auth` lacks a secret that `{text}` asks for")))
    }

    /// A template over what is known beforehand; where it comes to one value, with that one's type.
    pub(super) fn value(&self, text: &str) -> Result<Json, SystemError> {
        let template = Template::compile(text, CONFIG).map_err(|_| odd())?;
        let scope = Scope::default().with("config", &self.config).with("base", &self.base);
        template.value(&scope).ok().flatten().ok_or_else(odd)
    }

    /// The same as a text.
    pub(super) fn plain(&self, text: &str) -> Result<String, SystemError> {
        as_text(&self.value(text)?).ok_or_else(odd)
    }
}

async fn resolved(reference: &SecretRef, folder: &Path) -> Result<SecretString, SystemError> {
    secret::resolve(reference, folder).await.map_err(|error| {
        SystemError::Auth(match &error {
            SecretError::File { source, .. } | SecretError::Exec { source, .. } => format!("{error}: {source}"),
            _ => error.to_string(),
        })
    })
}

/// The certificate that the client shows, where the scheme has one. It is read when the connection is opened.
pub(super) async fn identity(
    scheme: &AuthScheme,
    secrets: &BTreeMap<String, SecretRef>,
    folder: &Path,
) -> Result<Option<ClientIdentity>, SystemError> {
    if !scheme.shows_certificate() {
        return Ok(None);
    }
    let part = async |name: &str| match secrets.get(name) {
        Some(reference) => resolved(reference, folder).await,
        None => Err(SystemError::Auth(format!("`auth` lacks the secret `{name}`"))),
    };
    Ok(Some(ClientIdentity { certificate: part(TLS_CERTIFICATE).await?, key: part(TLS_KEY).await? }))
}

/// A secret that a scheme needs.
pub(super) fn secret(secrets: &Secrets<'_>, name: &str) -> Result<SecretString, SystemError> {
    secrets.get(name).cloned().ok_or_else(|| SystemError::Auth(format!("`auth` lacks the secret `{name}`")))
}

fn odd() -> SystemError {
    SystemError::Protocol("its way to sign in can't be read".into())
}

/// Shared by whoever renews.
pub(super) fn shared(sign_in: SignIn) -> Arc<dyn Renew> {
    Arc::new(sign_in)
}
