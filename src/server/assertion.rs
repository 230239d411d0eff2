//! What a proxy signed about whoever comes: checked by its keys, for us, by whom it should be, and not too late.
//!
//! Must never: take an assertion without a signature of a key that was got apart from it, or by an algorithm whose key is no secret of the signer alone.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value as Json};
use tokio::sync::Mutex;

use super::settings::{KeysFrom, ProxySettings, SiteError};
use crate::files;
use crate::http::{Client, Method, Request, Settings, Url};

/// Whoever signs keeps one half of the key to themselves.
const ALGORITHMS: [Algorithm; 5] = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA];
/// Clocks may differ by so many seconds.
const LEEWAY: u64 = 30;
/// Keys are asked for again at most so often, whatever whoever comes names.
const AGAIN: Duration = Duration::from_secs(30);
/// Keys that were taken back since count no longer than this.
const FRESH: Duration = Duration::from_mins(15);
/// No set of keys is longer.
const MOST: usize = 256 << 10;
/// Nor an assertion.
const LONGEST: usize = 16 << 10;
/// Nor what somebody is called.
const NAME: usize = 200;

/// Who somebody is, as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asserted {
    /// what they are called
    pub name: String,
    /// the groups that they are in
    pub groups: Vec<String>,
    /// since when they are signed in, where that is said
    pub since: Option<Timestamp>,
    /// as whom whoever signs knows them, and their session there, where that is said
    pub subject: Option<String>,
    pub there: Option<String>,
}

/// Why an assertion counts for nothing. For the log: whoever comes is told less.
#[derive(Debug, thiserror::Error)]
pub(super) enum AssertionError {
    /// it is none that could be checked
    #[error("it is no assertion that can be checked: {0}")]
    Wrong(String),
    /// nobody knows the key
    #[error("no key is known by which it is signed")]
    UnknownKey,
    /// the keys can't be had now
    #[error("the keys can't be had: {0}")]
    Keys(String),
}

/// Whose signature is believed, and about what.
#[derive(Clone, Debug)]
pub(super) struct Believed {
    /// who signs: `iss`
    pub issuer: String,
    /// for whom: `aud`
    pub audience: String,
    /// the claim that says who it is
    pub name: String,
    /// the claim that says in which groups they are
    pub groups: String,
    /// where nothing says when somebody signed in, whether it was when this was made
    pub iat_counts: bool,
}

/// Checks them.
#[derive(Debug)]
pub(super) struct Assertions {
    believed: Believed,
    from: Keys,
    known: Mutex<KnownKeys>,
    /// how long keys count without being asked for again
    fresh: Duration,
}

#[derive(Debug)]
enum Keys {
    File(PathBuf),
    Url(Box<Client>, Url),
}

#[derive(Debug, Default)]
struct KnownKeys {
    keys: Arc<Vec<Jwk>>,
    asked: Option<Instant>,
}

impl Assertions {
    /// Keys in a file are read at once; those at an address when somebody comes, so that nothing waits for whoever has them.
    pub fn new(settings: &ProxySettings) -> Result<Self, SiteError> {
        let from = match &settings.keys {
            KeysFrom::File(path) => Keys::File(path.clone()),
            KeysFrom::Url(url) => Keys::Url(Box::new(client()?), url.clone()),
        };
        let ProxySettings { issuer, audience, name, groups, .. } = settings.clone();
        let mut known = KnownKeys::default();
        if let Keys::File(path) = &from {
            known.keys = Arc::new(of_file(path).map_err(SiteError::Keys)?);
        }
        let believed = Believed { issuer, audience, name, groups, iat_counts: true };
        Ok(Self { believed, from, known: Mutex::new(known), fresh: FRESH })
    }

    /// By keys at an address, which are asked for when somebody comes.
    pub fn at(believed: Believed, url: Url) -> Result<Self, SiteError> {
        Ok(Self { believed, from: Keys::Url(Box::new(client()?), url), known: Mutex::default(), fresh: FRESH })
    }

    /// Who somebody is.
    pub async fn check(&self, text: &str) -> Result<Asserted, AssertionError> {
        self.asserted(&self.claims(text).await?)
    }

    /// What was signed, once it counts.
    pub async fn claims(&self, text: &str) -> Result<Map<String, Json>, AssertionError> {
        let wrong = |error: jsonwebtoken::errors::Error| AssertionError::Wrong(error.to_string());
        if text.len() > LONGEST {
            return Err(AssertionError::Wrong("it is too long".into()));
        }
        let header = decode_header(text).map_err(wrong)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(AssertionError::Wrong(format!("{:?} is no algorithm that counts", header.alg)));
        }
        let key = self.key(header.kid.as_deref()).await?;
        let mut rules = Validation::new(header.alg);
        rules.leeway = LEEWAY;
        rules.validate_nbf = true;
        rules.set_audience(&[&self.believed.audience]);
        rules.set_issuer(&[&self.believed.issuer]);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
        Ok(decode::<Map<String, Json>>(text, &DecodingKey::from_jwk(&key).map_err(wrong)?, &rules).map_err(wrong)?.claims)
    }

    /// Who that is.
    pub fn asserted(&self, claims: &Map<String, Json>) -> Result<Asserted, AssertionError> {
        let name = claims.get(&self.believed.name).and_then(Json::as_str).map(str::trim).unwrap_or_default();
        let odd = name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control);
        if odd {
            return Err(AssertionError::Wrong(format!("its claim {:?} names nobody", self.believed.name)));
        }
        // An address that somebody only says is theirs proves nothing. Some say so as a text.
        let verified = match claims.get("email_verified") {
            None | Some(Json::Bool(true)) => true,
            Some(Json::String(said)) => said.eq_ignore_ascii_case("true"),
            Some(_) => false,
        };
        if self.believed.name == "email" && !verified {
            return Err(AssertionError::Wrong("its address is not verified".into()));
        }
        let groups = match claims.get(&self.believed.groups) {
            Some(Json::Array(all)) => all.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
            Some(Json::String(one)) => vec![one.clone()],
            _ => Vec::new(),
        };
        // Nobody has signed in later than now: such a time would pass for a fresh one until it comes.
        let latest = Timestamp::now().as_second().saturating_add(LEEWAY.cast_signed());
        let time = |claim: &str| claims.get(claim)?.as_i64().filter(|at| *at <= latest).and_then(|at| Timestamp::from_second(at).ok());
        let early = ["auth_time", "iat"].into_iter().all(|claim| claims.get(claim).is_none() || time(claim).is_some());
        if !early {
            return Err(AssertionError::Wrong("it says that somebody signed in later than now".into()));
        }
        let text = |claim: &str| claims.get(claim).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Asserted {
            name: name.to_owned(),
            groups,
            subject: text("sub"),
            there: text("sid"),
            since: time("auth_time").or_else(|| time("iat").filter(|_| self.believed.iat_counts)),
        })
    }

    /// The key of a name; where none is named, the only one.
    async fn key(&self, name: Option<&str>) -> Result<Jwk, AssertionError> {
        let mut known = self.known.lock().await;
        let found = find(&known.keys, name);
        // One that is not known may be new. Whoever sends nonsense makes nobody ask more often.
        let rest = if found.is_some() { self.fresh } else { AGAIN };
        if known.asked.is_some_and(|asked| asked.elapsed() < rest) {
            return found.ok_or(AssertionError::UnknownKey);
        }
        known.asked = Some(Instant::now());
        match self.read().await {
            Ok(keys) => {
                known.keys = Arc::new(keys);
                find(&known.keys, name).ok_or(AssertionError::UnknownKey)
            }
            // While they can't be had, those that were had last count.
            Err(why) => found.ok_or(AssertionError::Keys(why)),
        }
    }

    async fn read(&self) -> Result<Vec<Jwk>, String> {
        let (client, url) = match &self.from {
            Keys::File(path) => return of_file(path),
            Keys::Url(client, url) => (client, url),
        };
        let answer = client.send(Request::reads(Method::GET, url.clone(), "application/json")).await.map_err(|error| error.to_string())?;
        if !answer.succeeded() {
            return Err(format!("{url} answers {}", answer.status));
        }
        of_bytes(&answer.body)
    }
}

fn find(keys: &[Jwk], name: Option<&str>) -> Option<Jwk> {
    match (name, keys) {
        (Some(name), keys) => keys.iter().find(|key| key.common.key_id.as_deref() == Some(name)).cloned(),
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
    }
}

fn of_file(path: &std::path::Path) -> Result<Vec<Jwk>, String> {
    let bytes = files::read(path, MOST as u64).map_err(|error| format!("{}: {error}", path.display()))?;
    of_bytes(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// A key of a kind that nobody here knows keeps the others from nothing.
fn of_bytes(bytes: &[u8]) -> Result<Vec<Jwk>, String> {
    let set: Json = serde_json::from_slice(bytes).map_err(|error| format!("it is no set of keys: {error}"))?;
    let all = set.get("keys").and_then(Json::as_array).ok_or("it is no set of keys: it has no `keys`")?;
    let keys: Vec<Jwk> = all.iter().filter_map(|key| serde_json::from_value(key.clone()).ok()).collect();
    if keys.is_empty() { Err("it has no key that is known".to_owned()) } else { Ok(keys) }
}

fn client() -> Result<Client, SiteError> {
    Client::new(&http_settings(MOST)).map_err(|error| SiteError::Keys(error.to_string()))
}

/// How whoever signs is asked.
pub(super) fn http_settings(most: usize) -> Settings {
    Settings {
        system: Arc::from("sign-in"),
        timeout: Duration::from_secs(10),
        max_body: most,
        credentials: None,
        renew: None,
        ca_file: None,
        identity: None,
        detour: None,
        recording: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elliptic key of RFC 7517, appendix A.1, by another name.
    fn keys(name: &str) -> String {
        let (x, y) = ("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM");
        serde_json::json!({"keys": [{"kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig", "kid": name}]}).to_string()
    }

    #[tokio::test]
    async fn a_key_that_was_taken_back_counts_no_longer_than_keys_are_fresh() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.json");
        std::fs::write(&file, keys("one")).unwrap();
        let said = serde_json::json!({"header": "x", "issuer": "i", "audience": "a", "keys": {"file": file}});
        let settings: ProxySettings = serde_json::from_value(said).unwrap();
        let (slow, quick) =
            (Assertions::new(&settings).unwrap(), Assertions { fresh: Duration::ZERO, ..Assertions::new(&settings).unwrap() });
        assert!(slow.key(Some("one")).await.is_ok() && quick.key(Some("one")).await.is_ok());
        std::fs::write(&file, keys("two")).unwrap();
        assert!(slow.key(Some("one")).await.is_ok(), "within the time that keys count they are not asked for again");
        assert!(matches!(quick.key(Some("one")).await, Err(AssertionError::UnknownKey)));
        assert!(quick.key(Some("two")).await.is_ok());
        std::fs::remove_file(&file).unwrap();
        assert!(quick.key(Some("two")).await.is_ok(), "while they can't be had, those that were had last count");
    }
}
