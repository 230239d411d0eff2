//! How headcount signs in to a host, and signs in anew once it is refused: a token that was rotated while a connection was kept, or that has run out.
//!
//! Must never: show a secret, renew for each of many refused requests, or forget an old secret that a server may still say.

use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::base64;
use super::oauth1::OAuth1;
use super::redact::Redactor;
use super::request::Request;
use crate::model::SystemError;

/// Where renewing gave nothing new, it is not tried again for so long.
const REST: Duration = Duration::from_secs(60);

/// How headcount signs in to a host. Prints as nothing.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// a bearer token
    Bearer(SecretString),
    /// user name and password
    Basic(String, SecretString),
    /// headers of the system's own, each with its value
    Headers(Vec<(String, SecretString)>),
    /// a signature of each request
    OAuth1(OAuth1),
    /// several of these at once
    All(Vec<Credentials>),
}

/// Where credentials come from anew: a secret is resolved again, a token asked for.
pub trait Renew: Debug + Send + Sync {
    /// The credentials as they are now.
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, SystemError>>;
}

/// The credentials of one client, shared by everybody who uses it.
#[derive(Debug)]
pub(super) struct SignIn {
    held: RwLock<Held>,
    renew: Option<Arc<dyn Renew>>,
    /// whoever renews; the others wait for what comes of it
    renewing: tokio::sync::Mutex<Option<Vain>>,
}

#[derive(Debug)]
struct Held {
    signed: Signed,
    /// how often it was renewed
    generation: u64,
    /// knows these secrets and all before
    redactor: Arc<Redactor>,
}

/// What signs requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Signed {
    /// headers of every request, marked as sensitive
    headers: Vec<(HeaderName, HeaderValue)>,
    /// what makes a header for each
    each: Option<OAuth1>,
}

/// A renewal that gave nothing new.
#[derive(Debug)]
struct Vain {
    generation: u64,
    at: Instant,
    error: Option<SystemError>,
}

impl SignIn {
    pub(super) fn new(credentials: Option<&Credentials>, renew: Option<Arc<dyn Renew>>) -> Result<Self, SystemError> {
        let signed = credentials.map(Credentials::signed).transpose()?.unwrap_or_default();
        let redactor = Arc::new(credentials.map(Credentials::redactor).unwrap_or_default());
        let held = RwLock::new(Held { signed, generation: 0, redactor });
        Ok(Self { held, renew, renewing: tokio::sync::Mutex::default() })
    }

    /// What signs, and which of all that there were it is.
    pub(super) fn current(&self) -> (Signed, u64) {
        let held = self.held();
        (held.signed.clone(), held.generation)
    }

    pub(super) fn is_there(&self) -> bool {
        let held = self.held();
        !held.signed.headers.is_empty() || held.signed.each.is_some()
    }

    pub(super) fn redactor(&self) -> Arc<Redactor> {
        self.held().redactor.clone()
    }

    /// This generation was refused. Whether there is another one now: one renews, whoever else was refused waits for it.
    pub(super) async fn renew(&self, refused: u64) -> Result<bool, SystemError> {
        let Some(renew) = &self.renew else { return Ok(false) };
        let mut vain = self.renewing.lock().await;
        let (signed, generation) = self.current();
        if generation != refused {
            return Ok(true);
        }
        if let Some(vain) = vain.as_ref().filter(|vain| vain.generation == refused && vain.at.elapsed() < REST) {
            return vain.error.clone().map_or(Ok(false), Err);
        }
        let renewed = renew.credentials().await.and_then(|credentials| Ok((credentials.signed()?, credentials.redactor())));
        let error = match renewed {
            Ok((fresh, _)) if signed == fresh => None,
            Ok((fresh, redactor)) => {
                let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
                held.redactor = Arc::new(held.redactor.and(redactor));
                held.signed = fresh;
                held.generation += 1;
                return Ok(true);
            }
            Err(error) => Some(error),
        };
        *vain = Some(Vain { generation: refused, at: Instant::now(), error: error.clone() });
        error.map_or(Ok(false), Err)
    }

    fn held(&self) -> std::sync::RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signed {
    /// The headers of one request.
    pub(super) fn headers(self, request: &Request) -> Result<Vec<(HeaderName, HeaderValue)>, SystemError> {
        let own = self.each.map(|each| each.header(request)).transpose()?;
        Ok(self.headers.into_iter().chain(own.map(|value| (AUTHORIZATION, value))).collect())
    }
}

impl Credentials {
    fn signed(&self) -> Result<Signed, SystemError> {
        let mut signed = Signed::default();
        match self {
            Self::OAuth1(keys) => signed.each = Some(keys.clone()),
            Self::All(all) => {
                for one in all {
                    let one = one.signed()?;
                    signed.headers.extend(one.headers);
                    signed.each = one.each.or(signed.each);
                }
            }
            _ => signed.headers = self.headers()?,
        }
        Ok(signed)
    }

    /// Of what signs every request alike.
    fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, SystemError> {
        Ok(match self {
            Self::Bearer(token) => vec![(AUTHORIZATION, sensitive(&format!("Bearer {}", token.expose_secret()))?)],
            Self::Basic(name, password) => {
                vec![(
                    AUTHORIZATION,
                    sensitive(&format!("Basic {}", base64::standard(format!("{name}:{}", password.expose_secret()).as_bytes())))?,
                )]
            }
            Self::Headers(headers) => {
                let header = |(name, value): &(String, SecretString)| {
                    let odd = |_| SystemError::Auth(format!("no request can carry a header `{name}`"));
                    Ok((name.parse::<HeaderName>().map_err(odd)?, sensitive(value.expose_secret())?))
                };
                headers.iter().map(header).collect::<Result<_, SystemError>>()?
            }
            Self::OAuth1(_) | Self::All(_) => Vec::new(),
        })
    }

    /// Knows the secret, and of a password also what it is sent as.
    fn redactor(&self) -> Redactor {
        match self {
            Self::Bearer(token) => Redactor::new([token.expose_secret().as_bytes()]),
            Self::Basic(name, password) => {
                let sent = base64::standard(format!("{name}:{}", password.expose_secret()).as_bytes());
                Redactor::new([password.expose_secret().as_bytes(), sent.trim_end_matches('=').as_bytes()])
            }
            Self::Headers(headers) => Redactor::new(headers.iter().map(|(_, value)| value.expose_secret().as_bytes())),
            Self::OAuth1(keys) => {
                Redactor::new([&keys.consumer_secret, &keys.token_secret].map(|secret| secret.expose_secret().as_bytes()))
            }
            Self::All(all) => all.iter().fold(Redactor::default(), |redactor, one| redactor.and(one.redactor())),
        }
    }
}

pub(super) fn sensitive(text: &str) -> Result<HeaderValue, SystemError> {
    let mut header = HeaderValue::from_str(text)
        .map_err(|_| SystemError::Auth("the secret holds a line break or another character that no header can carry".into()))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_into_one_header_and_nowhere_else() {
        let basic = Credentials::Basic("Aladdin".into(), "open sesame".to_owned().into());
        let headers = basic.headers().expect("a header");
        assert!(headers[0].1.is_sensitive());
        assert_eq!(headers[0].1.to_str().ok(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert!(!format!("{basic:?}").contains("sesame"));
        let said = "bad: open sesame, QWxhZGRpbjpvcGVuIHNlc2FtZQ==, open%20sesame!";
        assert_eq!(basic.redactor().words(said), "bad: [secret], [secret]==, [secret]!");
        assert!(Credentials::Bearer("a\nb".to_owned().into()).headers().is_err());
    }
}
