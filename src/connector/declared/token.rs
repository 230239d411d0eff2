//! An access token of OAuth 2.0 (RFC 6749), by whatever a scheme shows for it: a secret, a refresh token, a signed assertion.
//!
//! Must never: send anything to an endpoint that is at none of the declared hosts.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json};

use super::assertion::{SigningKey, thumbprint};
use super::definition::is_declared;
use super::sign_in::{Secrets, SignIn, secret};
use crate::connector::oauth::{self, Form};
use crate::http::{Credentials, Url};
use crate::manifest::kinds::connector::{AssertionSpec, ClientAuth, OAuth2Grant, OAuth2Scheme};
use crate::model::SystemError;

impl SignIn {
    /// An access token.
    pub(super) async fn token(&self, scheme: &OAuth2Scheme, secrets: &Secrets<'_>) -> Result<SecretString, SystemError> {
        let url = self.plain(&scheme.url)?;
        let url = Url::parse(&url).ok().filter(|url| is_declared(url, &self.hosts));
        let url = url.ok_or_else(|| SystemError::Rejected("the token endpoint is at none of the declared hosts".into()))?;
        let scopes = if self.reads_only && !scheme.read_scopes.is_empty() { &scheme.read_scopes } else { &scheme.scopes };
        let scopes: Result<Vec<String>, SystemError> = scopes.iter().map(|scope| self.plain(scope)).collect();
        let scopes = scopes?.join(" ");
        let mut form = self.grant(scheme, &url, &scopes, secrets)?;
        for (name, value) in &scheme.with {
            form.push((name.clone(), self.plain(value)?));
        }
        let credentials = self.client(scheme, &url, secrets, &mut form)?;
        let place = scheme.token.as_deref().unwrap_or("access_token");
        oauth::token(&self.settings, url, (&form, credentials), &scopes, place).await
    }

    /// What is shown for a token.
    fn grant(&self, scheme: &OAuth2Scheme, url: &Url, scopes: &str, secrets: &Secrets<'_>) -> Result<Form, SystemError> {
        let mut form: Form = match scheme.grant {
            OAuth2Grant::ClientCredentials => vec![("grant_type".into(), "client_credentials".into())],
            OAuth2Grant::RefreshToken => {
                let token = secret(secrets, "refreshToken")?.expose_secret().to_owned();
                vec![("grant_type".into(), "refresh_token".into()), ("refresh_token".into(), token)]
            }
            OAuth2Grant::JwtBearer => {
                let assertion = self.assertion(scheme.assertion.as_ref(), url, secrets, Some(scopes))?;
                let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                return Ok(vec![("grant_type".into(), grant.into()), ("assertion".into(), assertion.expose_secret().to_owned())]);
            }
        };
        if !scopes.is_empty() {
            form.push(("scope".into(), scopes.to_owned()));
        }
        Ok(form)
    }

    /// How the client proves itself.
    fn client(&self, scheme: &OAuth2Scheme, url: &Url, secrets: &Secrets<'_>, form: &mut Form) -> Result<Option<Credentials>, SystemError> {
        let by = match (scheme.client, scheme.grant) {
            (Some(by), _) => by,
            (None, OAuth2Grant::JwtBearer) => return Ok(None),
            (None, _) => ClientAuth::Post,
        };
        let id = secret(secrets, "clientId")?.expose_secret().to_owned();
        match by {
            ClientAuth::Basic => return Ok(Some(Credentials::Basic(id, secret(secrets, "clientSecret")?))),
            ClientAuth::Post => {
                let key = secret(secrets, "clientSecret")?.expose_secret().to_owned();
                form.extend([("client_id".into(), id), ("client_secret".into(), key)]);
            }
            ClientAuth::PrivateKeyJwt => {
                let assertion = self.assertion(scheme.assertion.as_ref(), url, secrets, None)?.expose_secret().to_owned();
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                let proof = [("client_assertion_type".into(), kind.into()), ("client_assertion".into(), assertion)];
                form.push(("client_id".into(), id));
                form.extend(proof);
            }
        }
        Ok(None)
    }

    /// An assertion: with scopes a grant, without them a client's proof.
    fn assertion(
        &self,
        spec: Option<&AssertionSpec>,
        url: &Url,
        secrets: &Secrets<'_>,
        scopes: Option<&str>,
    ) -> Result<SecretString, SystemError> {
        let unsaid = AssertionSpec::default();
        let spec = spec.unwrap_or(&unsaid);
        let key = SigningKey::read(&secret(secrets, "key")?)?;
        let said = |name: &str| secrets.get(name).map(|value| value.expose_secret().to_owned());
        let issuer = said("clientId").or_else(|| key.owner.clone());
        let issuer =
            issuer.ok_or_else(|| SystemError::Auth("`auth` lacks the secret `clientId`, and the key does not say whose it is".into()))?;
        let mut header = Map::new();
        header.extend(said("keyId").or_else(|| key.id.clone()).map(|id| ("kid".to_owned(), Json::from(id))));
        if let Some(by) = spec.thumbprint {
            let (name, thumbprint) = thumbprint(&secret(secrets, "certificate")?, by)?;
            header.insert(name.into(), thumbprint.into());
        }
        let subject = spec.subject.as_deref().map(|subject| self.plain(subject)).transpose()?;
        let audience = spec.audience.as_deref().map(|audience| self.plain(audience)).transpose()?;
        let mut claims = Map::new();
        claims.extend(subject.or_else(|| scopes.is_none().then(|| issuer.clone())).map(|subject| ("sub".to_owned(), Json::from(subject))));
        claims.insert("iss".into(), issuer.into());
        claims.insert("aud".into(), audience.unwrap_or_else(|| url.to_string()).into());
        claims.extend(scopes.filter(|scopes| !scopes.is_empty()).map(|scopes| ("scope".to_owned(), Json::from(scopes))));
        for (name, value) in &spec.claims {
            claims.insert(name.clone(), self.value(value)?);
        }
        key.sign(spec.algorithm, header, claims)
    }
}
