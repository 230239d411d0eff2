//! Ways to sign in to a declared system. Secrets are named here and given by a Source or Target: `{secret.token}`.
//!
//! Must never: hold a secret.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A way to sign in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AuthScheme {
    /// `Authorization: Bearer …`: a template over `secret`.
    Bearer(String),
    /// HTTP Basic.
    Basic(BasicScheme),
    /// A header of the system's own.
    Header(HeaderScheme),
    /// OAuth 2.0 (RFC 6749).
    Oauth2(Box<OAuth2Scheme>),
}

/// HTTP Basic: templates over `secret` and `config`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BasicScheme {
    /// The user's name.
    pub user: String,
    /// The password; some systems want an API key as the name and anything here.
    pub password: String,
    /// Further headers with secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// A header of the system's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderScheme {
    /// Its name.
    pub name: String,
    /// A template over `secret`: `SSWS {secret.token}`.
    pub value: String,
}

/// OAuth 2.0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OAuth2Scheme {
    /// How a token is had.
    pub grant: OAuth2Grant,
    /// The token endpoint: a template over `config`; one of the declared hosts.
    pub url: String,
    /// How the client proves itself to the token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientAuth>,
    /// What is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// What a Source asks for, where that is less.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_scopes: Vec<String>,
    /// Further fields of the token request: templates over `config`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, String>,
}

/// How a token is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OAuth2Grant {
    /// RFC 6749 section 4.4: secrets `clientId` and `clientSecret`
    ClientCredentials,
    /// RFC 6749 section 6: secrets `clientId`, `clientSecret` and `refreshToken`
    RefreshToken,
}

/// How a client proves itself (OpenID Connect Core section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// id and secret as HTTP Basic
    Basic,
    /// id and secret in the form
    Post,
}
