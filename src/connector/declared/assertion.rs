//! A signed assertion (RFC 7523): a JSON Web Token that a private key proves, for token endpoints.
//!
//! Must never: show a key, or believe an address that a key file holds.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair};
use aws_lc_rs::{digest, rand};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json, json};

use crate::http::base64;
use crate::manifest::kinds::connector::{SigningAlgorithm, Thumbprint};
use crate::model::SystemError;

/// How long an assertion counts: it is used at once.
const LIFETIME: i64 = 180;
/// How far the system's clock may be behind ours.
const SKEW: i64 = 30;

/// A private key with what a key file says of it.
pub(super) struct SigningKey {
    pair: Pair,
    /// what the system calls it
    pub(super) id: Option<String>,
    /// whose it is
    pub(super) owner: Option<String>,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

impl SigningKey {
    /// Of PEM, or of a Google service account's JSON key file, of which only the key, its id and whose it is count.
    pub(super) fn read(secret: &SecretString) -> Result<Self, SystemError> {
        let text = secret.expose_secret().trim();
        if !text.starts_with('{') {
            return Ok(Self { pair: Pair::read(text)?, id: None, owner: None });
        }
        let file: Json = serde_json::from_str(text).map_err(|_| wrong("it begins like a JSON key file, and is none"))?;
        let field = |name: &str| file.get(name).and_then(Json::as_str).map(str::to_owned);
        let pem = field("private_key").ok_or_else(|| wrong("the JSON key file has no `private_key`"))?;
        Ok(Self { pair: Pair::read(&pem)?, id: field("private_key_id"), owner: field("client_email") })
    }

    /// An assertion with these claims, beside when it was made and until when it counts.
    pub(super) fn sign(
        &self,
        algorithm: Option<SigningAlgorithm>,
        header: Map<String, Json>,
        claims: Map<String, Json>,
    ) -> Result<SecretString, SystemError> {
        let algorithm = algorithm.unwrap_or(match self.pair {
            Pair::Rsa(_) => SigningAlgorithm::RS256,
            Pair::P256(_) => SigningAlgorithm::ES256,
        });
        let mut head = json!({"alg": algorithm, "typ": "JWT"});
        let now = jiff::Timestamp::now().as_second();
        let mut said = json!({"iat": now - SKEW, "nbf": now - SKEW, "exp": now + LIFETIME, "jti": random()?});
        for (whole, further) in [(&mut head, header), (&mut said, claims)] {
            whole.as_object_mut().into_iter().for_each(|whole| whole.extend(further.clone()));
        }
        let text = [head, said].map(|part| base64::url_safe(part.to_string().as_bytes())).join(".");
        let signature = self.pair.sign(algorithm, text.as_bytes())?;
        Ok(format!("{text}.{}", base64::url_safe(&signature)).into())
    }
}

impl Pair {
    fn read(pem: &str) -> Result<Self, SystemError> {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| wrong("it is no private key in PEM (-----BEGIN PRIVATE KEY-----); one with a passphrase can't be read"))?;
        let der = der.secret_der();
        RsaKeyPair::from_pkcs8(der)
            .or_else(|_| RsaKeyPair::from_der(der))
            .map(Self::Rsa)
            .or_else(|_| EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Self::P256))
            .map_err(|_| wrong("it is neither an RSA key of 2048 bits or more nor one of the curve P-256"))
    }

    fn sign(&self, algorithm: SigningAlgorithm, text: &[u8]) -> Result<Vec<u8>, SystemError> {
        let random = rand::SystemRandom::new();
        let failed = |_| wrong("nothing could be signed with it");
        match (self, algorithm) {
            (Self::Rsa(pair), SigningAlgorithm::RS256 | SigningAlgorithm::PS256) => {
                let padding = if algorithm == SigningAlgorithm::PS256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, text, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            (Self::P256(pair), SigningAlgorithm::ES256) => Ok(pair.sign(&random, text).map_err(failed)?.as_ref().to_vec()),
            (Self::Rsa(_), SigningAlgorithm::ES256) => Err(wrong("it is an RSA key, and ES256 needs one of the curve P-256")),
            (Self::P256(_), _) => Err(wrong("it is a key of the curve P-256, and RS256 and PS256 need an RSA key")),
        }
    }
}

/// The header that names a certificate: its name, and its thumbprint.
pub(super) fn thumbprint(certificate: &SecretString, by: Thumbprint) -> Result<(&'static str, String), SystemError> {
    let certificate = CertificateDer::from_pem_slice(certificate.expose_secret().as_bytes())
        .map_err(|_| SystemError::Auth("the secret `certificate`: it is no certificate in PEM (-----BEGIN CERTIFICATE-----)".into()))?;
    let (name, hash) = match by {
        Thumbprint::Sha1 => ("x5t", &digest::SHA1_FOR_LEGACY_USE_ONLY),
        Thumbprint::Sha256 => ("x5t#S256", &digest::SHA256),
    };
    Ok((name, base64::url_safe(digest::digest(hash, &certificate).as_ref())))
}

fn random() -> Result<String, SystemError> {
    let mut bytes = [0u8; 16];
    rand::fill(&mut bytes).map_err(|_| wrong("there is no random number for an assertion"))?;
    Ok(base64::url_safe(&bytes))
}

fn wrong(what: &str) -> SystemError {
    SystemError::Auth(format!("the secret `key`: {what}"))
}
