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
    /// OAuth 1.0a (RFC 5849) with HMAC-SHA256: secrets `consumerKey`, `consumerSecret`, `tokenId` and `tokenSecret`.
    Oauth1(OAuth1Scheme),
    /// A client certificate alone (mutual TLS): secrets `tlsCertificate` and `tlsKey`, both PEM.
    Tls(TlsScheme),
}

/// A client certificate alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsScheme {}

/// OAuth 1.0a.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OAuth1Scheme {
    /// The realm that the header names: a template over `config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
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
    /// A client certificate is shown besides (mutual TLS): secrets `tlsCertificate` and `tlsKey`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub client_certificate: bool,
}

/// A header of the system's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderScheme {
    /// Its name.
    pub name: String,
    /// A template over `secret`: `SSWS {secret.token}`.
    pub value: String,
    /// Further headers with secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A client certificate is shown besides (mutual TLS): secrets `tlsCertificate` and `tlsKey`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub client_certificate: bool,
}

/// OAuth 2.0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OAuth2Scheme {
    /// How a token is had.
    pub grant: OAuth2Grant,
    /// The token endpoint: a template over `config`; one of the declared hosts.
    pub url: String,
    /// How the client proves itself to the token endpoint. Default `post`; for `jwt_bearer`, whose assertion is proof enough, not at all.
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
    /// Where the answer has the token: a path. Default `access_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What a signed assertion says, where the grant or the client is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion: Option<AssertionSpec>,
    /// A client certificate is shown besides (mutual TLS): secrets `tlsCertificate` and `tlsKey`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub client_certificate: bool,
}

/// What a signed assertion says (RFC 7523): templates over `config`. It is signed with the secret `key`: a private key as PEM, or a Google service account's JSON
/// key file. The secret `keyId` names the key to the system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AssertionSpec {
    /// How it is signed. Default: RS256 with an RSA key, ES256 with one of the curve P-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<SigningAlgorithm>,
    /// Whom it is for. Default: the token endpoint's URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Whom it speaks for. Default: of a client's proof the client, of a `jwt_bearer` grant nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// It names the secret `certificate` (PEM) by its thumbprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbprint: Option<Thumbprint>,
    /// Further claims.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, String>,
}

/// How an assertion is signed (RFC 7518 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SigningAlgorithm {
    /// RSA PKCS #1 with SHA-256
    RS256,
    /// RSA-PSS with SHA-256
    PS256,
    /// ECDSA with P-256 and SHA-256
    ES256,
}

/// How an assertion names its certificate (RFC 7515 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Thumbprint {
    /// by SHA-1
    #[serde(rename = "x5t")]
    Sha1,
    /// by SHA-256
    #[serde(rename = "x5t#S256")]
    Sha256,
}

impl AuthScheme {
    /// Whether a client certificate is shown.
    pub fn shows_certificate(&self) -> bool {
        match self {
            Self::Bearer(_) | Self::Oauth1(_) => false,
            Self::Basic(scheme) => scheme.client_certificate,
            Self::Header(scheme) => scheme.client_certificate,
            Self::Oauth2(scheme) => scheme.client_certificate,
            Self::Tls(_) => true,
        }
    }
}

/// How a token is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OAuth2Grant {
    /// RFC 6749 section 4.4: secrets `clientId` and `clientSecret`
    ClientCredentials,
    /// RFC 6749 section 6: secrets `clientId`, `clientSecret` and `refreshToken`
    RefreshToken,
    /// RFC 7523 section 2.1: a signed assertion; secret `key`, and `clientId` where the key does not say whose it is. `scopes` stand in the assertion
    JwtBearer,
}

/// How a client proves itself (OpenID Connect Core section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// id and secret as HTTP Basic
    Basic,
    /// id and secret in the form
    Post,
    /// id, and an assertion signed with the secret `key` (RFC 7523 section 2.2)
    PrivateKeyJwt,
}
