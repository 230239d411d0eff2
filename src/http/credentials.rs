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

use super::redact::Redactor;
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
    /// the headers, marked as sensitive
    headers: Signed,
    /// how often it was renewed
    generation: u64,
    /// knows these secrets and all before
    redactor: Arc<Redactor>,
}

/// The headers that sign a request.
pub(super) type Signed = Vec<(HeaderName, HeaderValue)>;

/// A renewal that gave nothing new.
#[derive(Debug)]
struct Vain {
    generation: u64,
    at: Instant,
    error: Option<SystemError>,
}

impl SignIn {
    pub(super) fn new(credentials: Option<&Credentials>, renew: Option<Arc<dyn Renew>>) -> Result<Self, SystemError> {
        let headers = credentials.map(Credentials::headers).transpose()?.unwrap_or_default();
        let redactor = Arc::new(credentials.map(Credentials::redactor).unwrap_or_default());
        let held = RwLock::new(Held { headers, generation: 0, redactor });
        Ok(Self { held, renew, renewing: tokio::sync::Mutex::default() })
    }

    /// The headers, and which of all that there were they are.
    pub(super) fn current(&self) -> (Signed, u64) {
        let held = self.held();
        (held.headers.clone(), held.generation)
    }

    pub(super) fn is_there(&self) -> bool {
        !self.held().headers.is_empty()
    }

    pub(super) fn redactor(&self) -> Arc<Redactor> {
        self.held().redactor.clone()
    }

    /// This generation was refused. Whether there is another one now: one renews, whoever else was refused waits for it.
    pub(super) async fn renew(&self, refused: u64) -> Result<bool, SystemError> {
        let Some(renew) = &self.renew else { return Ok(false) };
        let mut vain = self.renewing.lock().await;
        let (headers, generation) = self.current();
        if generation != refused {
            return Ok(true);
        }
        if let Some(vain) = vain.as_ref().filter(|vain| vain.generation == refused && vain.at.elapsed() < REST) {
            return vain.error.clone().map_or(Ok(false), Err);
        }
        let renewed = renew.credentials().await.and_then(|credentials| Ok((credentials.headers()?, credentials.redactor())));
        let error = match renewed {
            Ok((fresh, _)) if headers == fresh => None,
            Ok((fresh, redactor)) => {
                let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
                held.redactor = Arc::new(held.redactor.and(redactor));
                held.headers = fresh;
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

impl Credentials {
    fn headers(&self) -> Result<Signed, SystemError> {
        Ok(match self {
            Self::Bearer(token) => vec![(AUTHORIZATION, sensitive(&format!("Bearer {}", token.expose_secret()))?)],
            Self::Basic(name, password) => {
                vec![(AUTHORIZATION, sensitive(&format!("Basic {}", base64(format!("{name}:{}", password.expose_secret()).as_bytes())))?)]
            }
            Self::Headers(headers) => {
                let header = |(name, value): &(String, SecretString)| {
                    let odd = |_| SystemError::Auth(format!("no request can carry a header `{name}`"));
                    Ok((name.parse::<HeaderName>().map_err(odd)?, sensitive(value.expose_secret())?))
                };
                headers.iter().map(header).collect::<Result<_, SystemError>>()?
            }
            Self::All(all) => all.iter().map(Self::headers).collect::<Result<Vec<_>, _>>()?.concat(),
        })
    }

    /// Knows the secret, and of a password also what it is sent as.
    fn redactor(&self) -> Redactor {
        match self {
            Self::Bearer(token) => Redactor::new([token.expose_secret().as_bytes()]),
            Self::Basic(name, password) => {
                let sent = base64(format!("{name}:{}", password.expose_secret()).as_bytes());
                Redactor::new([password.expose_secret().as_bytes(), sent.trim_end_matches('=').as_bytes()])
            }
            Self::Headers(headers) => Redactor::new(headers.iter().map(|(_, value)| value.expose_secret().as_bytes())),
            Self::All(all) => all.iter().fold(Redactor::default(), |redactor, one| redactor.and(one.redactor())),
        }
    }
}

fn sensitive(text: &str) -> Result<HeaderValue, SystemError> {
    let mut header = HeaderValue::from_str(text)
        .map_err(|_| SystemError::Auth("the secret holds a line break or another character that no header can carry".into()))?;
    header.set_sensitive(true);
    Ok(header)
}

/// Standard base64 with padding, for the one header that needs it.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0u32, |group, (at, byte)| group | (u32::from(*byte) << (16 - 8 * at)));
        for at in 0..4 {
            let digit = (group >> (18 - 6 * at)) as usize & 63;
            text.push(if at <= chunk.len() { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    text
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
        assert_eq!((base64(b"a"), base64(b"ab"), base64(b"")), ("YQ==".into(), "YWI=".into(), String::new()));
        assert!(!format!("{basic:?}").contains("sesame"));
        let said = "bad: open sesame, QWxhZGRpbjpvcGVuIHNlc2FtZQ==, open%20sesame!";
        assert_eq!(basic.redactor().words(said), "bad: [secret], [secret]==, [secret]!");
        assert!(Credentials::Bearer("a\nb".to_owned().into()).headers().is_err());
    }
}
