//! The proof that a message comes from whom it says: a signature over it, or the secret itself.
//!
//! Must never: compare a secret in a way that tells how much of it was right, or sign over anything but the bytes that came.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey, VerificationAlgorithm};
use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::message::{HookMessage, HookPath};
use crate::manifest::kinds::connector::{WebhookAlgorithm, WebhookEncoding, WebhookProof, WebhookSignature, WebhookSplit};

/// A proof, ready to be looked at.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    Signature { spec: WebhookSignature, header: HookPath, over: Vec<Piece> },
    Shared { at: HookPath, prefix: String },
}

/// A piece of what a signature is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Value(HookPath),
}

/// What a proof was over: of a signature a hash of it, by which a repeat is known; of a secret nothing.
pub(super) type Proven = Option<[u8; 32]>;

impl Proof {
    /// Of what a Connector says; else where that is wrong.
    pub fn compile(spec: &WebhookProof) -> Result<Self, (&'static str, String)> {
        match spec {
            WebhookProof::Shared(shared) => {
                let at = HookPath::read(&shared.at).map_err(|why| ("verify/shared/at", why))?;
                match at {
                    HookPath::Bytes | HookPath::Signature(_) => {
                        Err(("verify/shared/at", "a secret stands in a header, the query or a field".into()))
                    }
                    at => Ok(Self::Shared { at, prefix: shared.prefix.clone() }),
                }
            }
            WebhookProof::Signature(signature) => {
                let over = pieces(&signature.over).map_err(|why| ("verify/signature/over", why))?;
                if !over.contains(&Piece::Value(HookPath::Bytes)) {
                    return Err((
                        "verify/signature/over",
                        "a signature is over {body}: else anybody who saw one says what they like".into(),
                    ));
                }
                let header = HookPath::Header(signature.header.to_ascii_lowercase());
                Ok(Self::Signature { spec: signature.clone(), header, over })
            }
        }
    }

    /// Whether a value is part of what is proven.
    pub fn covers(&self, path: &HookPath) -> bool {
        match self {
            Self::Signature { over, .. } => over.contains(&Piece::Value(path.clone())) || matches!(path, HookPath::Body(_)),
            Self::Shared { .. } => false,
        }
    }

    /// Whether it holds; else nothing is said of why.
    pub fn holds(&self, message: &HookMessage<'_>, secret: &str) -> Option<Proven> {
        match self {
            Self::Shared { at, prefix } => {
                let sent = message.texts(at, &[]).filter(|sent| !sent.is_empty())?;
                let same = |sent: &String| is_same(sent.strip_prefix(prefix.as_str()).unwrap_or_default(), secret);
                // All of them are looked at.
                sent.iter().fold(true, |all, sent| all & same(sent)).then_some(None)
            }
            Self::Signature { spec, header, over } => {
                let sent = message.text(header, &[])?;
                let sent = split(spec.split, &sent);
                let signed = signed(over, message, &sent)?;
                let found = sent.iter().filter_map(|piece| decode(spec.encoding, piece.strip_prefix(spec.prefix.as_str())?));
                let holds = found.fold(false, |any, signature| any | verifies(spec.algorithm, secret, &signed, &signature));
                let hash = digest::digest(&digest::SHA256, &signed);
                holds.then(|| hash.as_ref().try_into().ok()).filter(Option::is_some)
            }
        }
    }

    /// The pieces of the header that holds the signature.
    pub fn pieces(&self, message: &HookMessage<'_>) -> Vec<String> {
        match self {
            Self::Signature { spec, header, .. } => {
                let sent = message.text(header, &[]).unwrap_or_default();
                split(spec.split, &sent).into_iter().map(str::to_owned).collect()
            }
            Self::Shared { .. } => Vec::new(),
        }
    }
}

/// Equal, by hashes: how long it takes tells neither how much is right nor how long the secret is.
fn is_same(sent: &str, secret: &str) -> bool {
    let hash = |text: &str| digest::digest(&digest::SHA256, text.as_bytes());
    !secret.is_empty() && constant_time::verify_slices_are_equal(hash(sent).as_ref(), hash(secret).as_ref()).is_ok()
}

fn split(by: Option<WebhookSplit>, text: &str) -> Vec<&str> {
    match by {
        None => vec![text],
        Some(WebhookSplit::Space) => text.split(' ').filter(|piece| !piece.is_empty()).collect(),
        Some(WebhookSplit::Comma) => text.split(',').map(str::trim).filter(|piece| !piece.is_empty()).collect(),
    }
}

/// The bytes that a signature is over: texts outside of the body, and the body as it came.
fn signed(over: &[Piece], message: &HookMessage<'_>, pieces: &[&str]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for piece in over {
        match piece {
            Piece::Text(text) => bytes.extend_from_slice(text.as_bytes()),
            Piece::Value(HookPath::Bytes) => bytes.extend_from_slice(message.body),
            Piece::Value(path) => bytes.extend_from_slice(message.text(path, pieces)?.as_bytes()),
        }
    }
    Some(bytes)
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((before, behind)) = rest.split_once('{') {
        let (path, after) = behind.split_once('}').ok_or("a brace is never closed")?;
        let path = HookPath::read(path)?;
        if !path.is_outside() {
            return Err("a signature is over the body as it came, {body}, and nothing that stands in it".into());
        }
        pieces.extend((!before.is_empty()).then(|| Piece::Text(before.to_owned())));
        pieces.push(Piece::Value(path));
        rest = after;
    }
    pieces.extend((!rest.is_empty()).then(|| Piece::Text(rest.to_owned())));
    Ok(pieces)
}

fn decode(encoding: WebhookEncoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        WebhookEncoding::Hex => unhex(text),
        WebhookEncoding::Base64 => unbase64(&STANDARD, text),
        WebhookEncoding::Base64Url => unbase64(&URL_SAFE, text),
    }
}

fn unbase64(alphabet: &base64::alphabet::Alphabet, text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits.chunks_exact(2).map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)).ok()).collect()
}

fn verifies(algorithm: WebhookAlgorithm, secret: &str, signed: &[u8], signature: &[u8]) -> bool {
    let by_hash = |hash| match secret.strip_prefix("whsec_").map(|encoded| unbase64(&STANDARD, encoded)) {
        Some(None) => false,
        Some(Some(key)) => hmac::verify(&hmac::Key::new(hash, &key), signed, signature).is_ok(),
        None => hmac::verify(&hmac::Key::new(hash, secret.as_bytes()), signed, signature).is_ok(),
    };
    let by_key = |algorithm: &'static dyn VerificationAlgorithm| {
        let key = unbase64(&STANDARD, secret.strip_prefix("whpk_").unwrap_or(secret));
        key.is_some_and(|key| UnparsedPublicKey::new(algorithm, key).verify(signed, signature).is_ok())
    };
    match algorithm {
        WebhookAlgorithm::HmacSha256 => by_hash(hmac::HMAC_SHA256),
        WebhookAlgorithm::HmacSha512 => by_hash(hmac::HMAC_SHA512),
        WebhookAlgorithm::Ed25519 => by_key(&ED25519),
        WebhookAlgorithm::Es256 => by_key(&ECDSA_P256_SHA256_ASN1),
    }
}
