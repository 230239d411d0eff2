//! Seals: what is said of a person stands under a key of that person alone, so that whoever destroys the key has erased all of it, wherever copies are.
//!
//! Must never: seal two things with one nonce, or give out what does not belong where it stands.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::hex;
use crate::secret::SecretString;

/// Bytes of a key.
const KEY: usize = 32;
/// Bytes of a subject's id: enough that no two are ever the same, and nothing follows from one.
const ID: usize = 12;
/// Bytes of what tells one secret's key from another's.
const NAME: usize = 6;

/// A key that seals what is said of one person, as it is kept. A person may have several; nobody shares one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptKey {
    /// random
    pub id: Arc<str>,
    /// which secret's key wraps it; empty: none, and the key is kept as it is
    pub wrapped_by: Arc<str>,
    /// the key, wrapped where it is
    pub key: String,
    /// whose it is, sealed with it
    pub whom: String,
    /// since when
    pub at: Timestamp,
}

/// What became of keys that were to be wrapped by the secret that counts now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrapped {
    /// they are by now
    pub anew: u64,
    /// another secret wraps them, which is not at hand
    pub locked: u64,
}

/// Which subjects are asked for.
#[derive(Clone, Debug)]
pub enum Subjects {
    /// by their ids
    Named(Vec<Arc<str>>),
    /// the next ones in the order of their ids, as many as come at once
    After(Arc<str>),
}

/// Something sealed, as it stands in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPart {
    /// whose key
    pub subject: Arc<str>,
    /// what is sealed
    pub text: String,
    /// what it belongs to
    pub with: Arc<str>,
}

/// What a seal holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsealed {
    /// what was sealed
    Text(String),
    /// its key is gone
    Erased,
    /// its key is there and can't be used: it is wrapped by a secret that is not at hand, or this is not what was sealed with it
    Locked,
}

/// What wraps the keys of subjects: made of the secret that the Workspace names.
#[derive(Clone)]
pub struct Wrapping {
    name: Arc<str>,
    key: Arc<LessSafeKey>,
}

impl fmt::Debug for Wrapping {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Wrapping({})", self.name)
    }
}

impl Wrapping {
    /// The key that a secret makes.
    pub fn of(secret: &SecretString) -> Option<Self> {
        let made = Salt::new(HKDF_SHA256, b"headcount state").extract(secret.expose_secret().as_bytes());
        let derive = |what: &[u8]| {
            let mut bytes = [0; KEY];
            made.expand(&[what], HKDF_SHA256).ok()?.fill(&mut bytes).ok()?;
            Some(bytes)
        };
        let name = derive(b"name")?;
        Some(Self { name: hex(name.get(..NAME)?).into(), key: Arc::new(key(&derive(b"wrap")?)?) })
    }

    /// Whether it wraps this key.
    pub(super) fn wraps(&self, subject: &KeptKey) -> bool {
        subject.wrapped_by == self.name
    }
}

/// A subject's key at hand.
#[derive(Clone)]
pub(super) struct SubjectKey(Arc<LessSafeKey>);

impl SubjectKey {
    /// What is sealed belongs to `with`, and is nothing anywhere else.
    pub(super) fn seal(&self, subject: &str, with: &str, text: &str) -> Option<String> {
        seal(&self.0, &about(subject, with), text.as_bytes())
    }

    pub(super) fn open(&self, subject: &str, with: &str, text: &str) -> Option<String> {
        String::from_utf8(open(&self.0, &about(subject, with), text)?).ok()
    }
}

/// What a subject's name is sealed as.
const WHOM: &str = "whom";

/// Makes a key. `id`: of something that has a name of its own; none: a random one.
pub(super) fn make(whom: &str, id: Option<Arc<str>>, wrapping: Option<&Wrapping>, at: Timestamp) -> Option<(KeptKey, SubjectKey)> {
    let mut bytes = [0; KEY];
    rand::fill(&mut bytes).ok()?;
    let id = match id {
        Some(id) => id,
        None => {
            let mut id = [0; ID];
            rand::fill(&mut id).ok()?;
            hex(&id).into()
        }
    };
    let own = SubjectKey(Arc::new(key(&bytes)?));
    let (wrapped_by, kept) = wrapped(&id, &bytes, wrapping)?;
    let whom = own.seal(&id, WHOM, whom)?;
    Some((KeptKey { id, wrapped_by, key: kept, whom, at }, own))
}

/// The key, where it can be had.
pub(super) fn unwrap(subject: &KeptKey, wrapping: Option<&Wrapping>) -> Option<SubjectKey> {
    Some(SubjectKey(Arc::new(key(&bytes_of(subject, wrapping)?)?)))
}

/// The same key under another secret; nothing where it is so already, or where it can't be had. `former`: what may wrap it now.
pub(super) fn wrap_anew(subject: &KeptKey, wrapping: &Wrapping, former: Option<&Wrapping>) -> Option<KeptKey> {
    if wrapping.wraps(subject) {
        return None;
    }
    let bytes = bytes_of(subject, former)?;
    let (wrapped_by, key) = wrapped(&subject.id, &bytes, Some(wrapping))?;
    Some(KeptKey { wrapped_by, key, ..subject.clone() })
}

/// Whose it is.
pub(super) fn whom(subject: &KeptKey, key: &SubjectKey) -> Option<String> {
    key.open(&subject.id, WHOM, &subject.whom)
}

fn wrapped(id: &str, bytes: &[u8; KEY], wrapping: Option<&Wrapping>) -> Option<(Arc<str>, String)> {
    match wrapping {
        Some(wrapping) => Some((wrapping.name.clone(), seal(&wrapping.key, id, bytes)?)),
        None => Some(("".into(), BASE64.encode(bytes))),
    }
}

fn bytes_of(subject: &KeptKey, wrapping: Option<&Wrapping>) -> Option<[u8; KEY]> {
    let bytes = match wrapping.filter(|wrapping| wrapping.name == subject.wrapped_by) {
        _ if subject.wrapped_by.is_empty() => BASE64.decode(&subject.key).ok()?,
        Some(wrapping) => open(&wrapping.key, &subject.id, &subject.key)?,
        None => return None,
    };
    bytes.try_into().ok()
}

fn about(subject: &str, with: &str) -> String {
    [subject, "\0", with].concat()
}

fn key(bytes: &[u8; KEY]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, bytes).ok().map(LessSafeKey::new)
}

/// The nonce, what is sealed, and its tag.
fn seal(key: &LessSafeKey, with: &str, text: &[u8]) -> Option<String> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).ok()?;
    let mut sealed = Vec::with_capacity(NONCE_LEN + text.len() + AES_256_GCM.tag_len());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(text);
    let (_, rest) = sealed.split_at_mut(NONCE_LEN);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(with.as_bytes()), rest).ok()?;
    sealed.extend_from_slice(tag.as_ref());
    Some(BASE64.encode(&sealed))
}

fn open(key: &LessSafeKey, with: &str, text: &str) -> Option<Vec<u8>> {
    let mut bytes = BASE64.decode(text).ok()?;
    let (nonce, rest) = bytes.split_at_mut_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let plain = key.open_in_place(nonce, Aad::from(with.as_bytes()), rest).ok()?;
    Some(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapping(secret: &str) -> Wrapping {
        Wrapping::of(&secret.to_owned().into()).unwrap()
    }

    #[test]
    fn what_is_sealed_is_open_to_its_own_key_alone_and_nowhere_else_than_where_it_stood() {
        let (subject, key) = make("hr/1", None, None, Timestamp::UNIX_EPOCH).unwrap();
        let (_, other) = make("hr/1", None, None, Timestamp::UNIX_EPOCH).unwrap();
        let sealed = key.seal(&subject.id, "line 1", "jane").unwrap();
        assert!(!sealed.contains("jane"));
        assert_eq!(key.open(&subject.id, "line 1", &sealed).as_deref(), Some("jane"));
        assert_eq!(key.open(&subject.id, "line 2", &sealed), None);
        assert_eq!(key.open("another", "line 1", &sealed), None);
        assert_eq!(other.open(&subject.id, "line 1", &sealed), None);
        assert_ne!(key.seal(&subject.id, "line 1", "jane").unwrap(), sealed, "nothing tells that the same was said twice");
        for broken in ["", "AAAA", "not base64!", sealed.get(1..).unwrap_or_default()] {
            assert_eq!(key.open(&subject.id, "line 1", broken), None, "{broken}");
        }
    }

    #[test]
    fn a_wrapped_key_needs_its_secret_and_one_that_is_not_becomes_one() {
        let (ours, other) = (wrapping("one secret"), wrapping("another"));
        let (subject, key) = make("hr/1", None, Some(&ours), Timestamp::UNIX_EPOCH).unwrap();
        let sealed = key.seal(&subject.id, "x", "jane").unwrap();
        let opened = |wrapping| unwrap(&subject, wrapping).and_then(|key| key.open(&subject.id, "x", &sealed));
        assert_eq!(opened(Some(&ours)).as_deref(), Some("jane"));
        assert_eq!((opened(Some(&other)), opened(None)), (None, None));
        assert_eq!((wrap_anew(&subject, &ours, None), wrap_anew(&subject, &other, None)), (None, None));
        let moved = wrap_anew(&subject, &other, Some(&ours)).unwrap();
        let key = unwrap(&moved, Some(&other)).unwrap();
        assert_eq!((key.open(&moved.id, "x", &sealed).as_deref(), unwrap(&moved, Some(&ours)).is_none()), (Some("jane"), true));

        let (plain, key) = make("hr/2", None, None, Timestamp::UNIX_EPOCH).unwrap();
        let sealed = key.seal(&plain.id, "x", "joe").unwrap();
        let after = wrap_anew(&plain, &ours, None).unwrap();
        assert_ne!(after.key, plain.key);
        assert!(unwrap(&after, None).is_none());
        let key = unwrap(&after, Some(&ours)).unwrap();
        assert_eq!((key.open(&after.id, "x", &sealed).as_deref(), whom(&after, &key).as_deref()), (Some("joe"), Some("hr/2")));
    }
}
