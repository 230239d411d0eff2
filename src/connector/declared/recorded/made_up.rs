//! Secrets for a ConnectorTest: words that say that they are made up, and where a key signs, one that is made for the case.
//!
//! Must never: be taken for a secret of somebody's.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use crate::http::base64;
use crate::manifest::kinds::connector::{AuthScheme, SigningAlgorithm};

/// What stands in the place of a secret of this name.
pub(super) fn secret(name: &str, scheme: &AuthScheme) -> Result<String, String> {
    match name {
        "key" if matches!(scheme, AuthScheme::Oauth2(_)) => key(scheme).ok_or_else(|| "no key can be made on this machine".to_owned()),
        "certificate" => Ok(pem("CERTIFICATE", b"made up")),
        name => Ok(format!("made-up-{name}")),
    }
}

fn key(scheme: &AuthScheme) -> Option<String> {
    let algorithm = match scheme {
        AuthScheme::Oauth2(scheme) => scheme.assertion.as_ref().and_then(|assertion| assertion.algorithm),
        _ => None,
    };
    Some(match algorithm {
        Some(SigningAlgorithm::RS256 | SigningAlgorithm::PS256) => {
            let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
            pem("PRIVATE KEY", AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).ok()?.as_ref())
        }
        None | Some(SigningAlgorithm::ES256) => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
            pem("PRIVATE KEY", pair.to_pkcs8v1().ok()?.as_ref())
        }
    })
}

fn pem(what: &str, bytes: &[u8]) -> String {
    let text = base64::standard(bytes);
    let lines: Vec<&str> = (0..text.len()).step_by(64).filter_map(|at| text.get(at..text.len().min(at + 64))).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}
