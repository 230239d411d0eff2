//! Credentials as a manifest names them: resolved when a connection opens, and anew once they are refused.
//!
//! Must never: keep a secret beside what signs in with it.

use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};

use super::oauth;
use crate::http::{Credentials, Renew, Settings, Url};
use crate::manifest::connection::{Auth, ClientCredentials, SecretRef};
use crate::model::SystemError;
use crate::secret::{self, SecretError};

/// References to secrets, to be resolved again: a file that was rotated, a command that gives a fresh token, an endpoint that does.
#[derive(Clone, Debug)]
pub struct Referenced {
    auth: Auth,
    base: PathBuf,
    /// how a token endpoint is reached
    settings: Settings,
}

impl Referenced {
    /// Relative to this folder.
    pub fn new(auth: &Auth, base: &Path, settings: &Settings) -> Self {
        Self { auth: auth.clone(), base: base.to_path_buf(), settings: settings.clone() }
    }

    /// A token for a client's secret. An endpoint that does not take the secret in the header takes it in the form (RFC 6749, 2.3.1).
    async fn token(&self, client: &ClientCredentials) -> Result<SecretString, SystemError> {
        let url = Url::parse(&client.token_url)
            .map_err(|error| SystemError::Rejected(format!("auth.clientCredentials.tokenUrl is no URL: {error}")))?;
        let secret = resolved(&client.client_secret, &self.base).await?;
        let mut form: oauth::Form = vec![("grant_type".into(), "client_credentials".into())];
        let scopes = client.scopes.join(" ");
        if !scopes.is_empty() {
            form.push(("scope".into(), scopes.clone()));
        }
        form.extend(client.with.iter().map(|(name, value)| (name.clone(), value.clone())));
        let credentials = if client.in_form {
            form.extend([("client_id".into(), client.client_id.clone()), ("client_secret".into(), secret.expose_secret().to_owned())]);
            None
        } else {
            Some(Credentials::Basic(client.client_id.clone(), secret))
        };
        oauth::token(&self.settings, url, (&form, credentials), &scopes, "access_token").await
    }
}

impl Renew for Referenced {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, SystemError>> {
        async {
            Ok(match &self.auth {
                Auth::Bearer(token) => Credentials::Bearer(resolved(token, &self.base).await?),
                Auth::ClientCredentials(client) => Credentials::Bearer(self.token(client).await?),
                Auth::Basic(basic) => Credentials::Basic(basic.username.clone(), resolved(&basic.password, &self.base).await?),
            })
        }
        .boxed()
    }
}

async fn resolved(secret: &SecretRef, base: &Path) -> Result<SecretString, SystemError> {
    secret::resolve(secret, base).await.map_err(|error| {
        SystemError::Auth(match &error {
            SecretError::File { source, .. } | SecretError::Exec { source, .. } => format!("{error}: {source}"),
            _ => error.to_string(),
        })
    })
}
