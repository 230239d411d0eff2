//! Credentials as a manifest names them: resolved when a connection opens, and anew once they are refused.
//!
//! Must never: keep a secret beside what signs in with it.

use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::SecretString;

use crate::http::{Credentials, Renew};
use crate::manifest::connection::{Auth, SecretRef};
use crate::model::SystemError;
use crate::secret::{self, SecretError};

/// References to secrets, to be resolved again: a file that was rotated, a command that gives a fresh token.
#[derive(Clone, Debug)]
pub struct Referenced {
    auth: Auth,
    base: PathBuf,
}

impl Referenced {
    /// Relative to this folder.
    pub fn new(auth: &Auth, base: &Path) -> Self {
        Self { auth: auth.clone(), base: base.to_path_buf() }
    }
}

impl Renew for Referenced {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, SystemError>> {
        async {
            Ok(match &self.auth {
                Auth::Bearer(token) => Credentials::Bearer(resolved(token, &self.base).await?),
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
