//! What a way to sign in asks for: its templates, and the names of its secrets.
//!
//! Must never: hold a secret.

use std::collections::BTreeSet;

use super::scope::{CONFIG, SECRET};
use super::template::Template;
use crate::manifest::kinds::connector::{AssertionSpec, AuthScheme, ClientAuth, OAuth2Grant, OAuth2Scheme};

/// The client's certificate of mutual TLS, and the key that belongs to it.
pub(super) const TLS_CERTIFICATE: &str = "tlsCertificate";
pub(super) const TLS_KEY: &str = "tlsKey";

/// A template of a scheme: where it stands below it, its text, and the variables that it knows.
pub(super) type Said<'s> = (String, &'s str, &'static [&'static str]);

/// The names of a scheme's secrets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) needed: BTreeSet<String>,
    pub(super) taken: BTreeSet<String>,
}

/// Every template of a scheme.
pub(super) fn templates(scheme: &AuthScheme) -> Vec<Said<'_>> {
    match scheme {
        AuthScheme::Bearer(token) => vec![("/bearer".into(), token, SECRET)],
        AuthScheme::Header(header) => {
            let further = header.headers.iter().map(|(name, value)| (format!("/header/headers/{name}"), &**value, SECRET));
            [("/header/value".into(), &*header.value, SECRET)].into_iter().chain(further).collect()
        }
        AuthScheme::Basic(basic) => {
            let own = [("/basic/user".into(), &*basic.user, SECRET), ("/basic/password".into(), &*basic.password, SECRET)];
            let further = basic.headers.iter().map(|(name, value)| (format!("/basic/headers/{name}"), &**value, SECRET));
            own.into_iter().chain(further).collect()
        }
        AuthScheme::Oauth1(scheme) => scheme.realm.iter().map(|realm| ("/oauth1/realm".into(), &**realm, CONFIG)).collect(),
        AuthScheme::Oauth2(scheme) => of_oauth2(scheme),
        AuthScheme::Tls(_) => Vec::new(),
    }
}

fn of_oauth2(scheme: &OAuth2Scheme) -> Vec<Said<'_>> {
    let mut all: Vec<Said<'_>> = vec![("/oauth2/url".into(), &scheme.url, CONFIG)];
    for (field, scopes) in [("scopes", &scheme.scopes), ("readScopes", &scheme.read_scopes)] {
        all.extend(scopes.iter().enumerate().map(|(at, scope)| (format!("/oauth2/{field}/{at}"), &**scope, CONFIG)));
    }
    all.extend(scheme.with.iter().map(|(name, value)| (format!("/oauth2/with/{name}"), &**value, CONFIG)));
    if let Some(assertion) = &scheme.assertion {
        let single = [("audience", &assertion.audience), ("subject", &assertion.subject)];
        let single = single.into_iter().filter_map(|(field, text)| Some((field.to_owned(), text.as_deref()?)));
        let claims = assertion.claims.iter().map(|(name, value)| (format!("claims/{name}"), &**value));
        all.extend(single.chain(claims).map(|(field, text)| (format!("/oauth2/assertion/{field}"), text, CONFIG)));
    }
    all
}

/// The secrets that a Source or Target gives with a scheme.
pub(super) fn asked(scheme: &AuthScheme) -> Asked {
    let mut asked = Asked::default();
    for (_, text, variables) in templates(scheme) {
        let template = Template::compile(text, variables).unwrap_or_else(|_| Template::empty());
        asked.needed.extend(template.reads().filter_map(|path| path.strip_prefix("secret.")).map(str::to_owned));
    }
    let mut needs = |names: &[&str]| asked.needed.extend(names.iter().map(|name| (*name).to_owned()));
    if scheme.shows_certificate() {
        needs(&[TLS_CERTIFICATE, TLS_KEY]);
    }
    match scheme {
        AuthScheme::Bearer(_) | AuthScheme::Basic(_) | AuthScheme::Header(_) | AuthScheme::Tls(_) => {}
        AuthScheme::Oauth1(_) => needs(&["consumerKey", "consumerSecret", "tokenId", "tokenSecret"]),
        AuthScheme::Oauth2(scheme) => {
            match (scheme.client, scheme.grant) {
                (None, OAuth2Grant::JwtBearer) => {}
                (Some(ClientAuth::PrivateKeyJwt), _) => needs(&["clientId"]),
                _ => needs(&["clientId", "clientSecret"]),
            }
            if scheme.grant == OAuth2Grant::RefreshToken {
                needs(&["refreshToken"]);
            }
            if signs(scheme) {
                needs(&["key"]);
                let named = scheme.assertion.as_ref().and_then(|assertion: &AssertionSpec| assertion.thumbprint);
                needs(if named.is_some() { &["certificate"] } else { &[] });
                asked.taken.extend(["clientId".to_owned(), "keyId".to_owned()]);
            }
        }
    }
    asked.taken.retain(|name| !asked.needed.contains(name));
    asked
}

/// Whether something is signed for a token.
fn signs(scheme: &OAuth2Scheme) -> bool {
    scheme.grant == OAuth2Grant::JwtBearer || scheme.client == Some(ClientAuth::PrivateKeyJwt)
}
