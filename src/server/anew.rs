//! Sign-ins that were asked for anew. A provider that does not say when somebody proved who they are leaves only this: that we sent them there with `prompt=login`, and
//! that its ID token was made since. Which of its tokens those are, their nonce says: it holds a proof that nobody else can make.
//!
//! Must never: count for a provider of which nobody said that it may, or where it says itself when somebody signed in.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret as _;

use super::token::random;
use crate::secret::SecretString;

/// What is proved, so that a proof for it is none for anything else.
const PURPOSE: &[u8] = b"headcount: a sign-in that was asked for anew";
/// Between what nobody guesses and the proof.
const BETWEEN: char = '~';

/// Makes such nonces, and knows them.
#[derive(Debug)]
pub(super) struct AskedAnew {
    /// where there is no secret that all replicas know
    own: hmac::Key,
}

impl AskedAnew {
    /// Nothing where this machine has no random numbers.
    pub fn new() -> Option<Self> {
        Some(Self { own: hmac::Key::new(hmac::HMAC_SHA256, random()?.as_bytes()) })
    }

    /// For the client with this secret.
    pub fn nonce(&self, secret: Option<&SecretString>) -> Option<String> {
        let free = random()?;
        let proof = URL_SAFE_NO_PAD.encode(hmac::sign(&self.key(secret), free.as_bytes()).as_ref());
        Some(format!("{free}{BETWEEN}{proof}"))
    }

    /// Whether a nonce was made so.
    pub fn knows(&self, secret: Option<&SecretString>, nonce: &str) -> bool {
        let proved = |(free, proof): (&str, &str)| {
            let proof = URL_SAFE_NO_PAD.decode(proof).ok()?;
            hmac::verify(&self.key(secret), free.as_bytes(), &proof).ok()
        };
        nonce.split_once(BETWEEN).and_then(proved).is_some()
    }

    fn key(&self, secret: Option<&SecretString>) -> hmac::Key {
        let Some(secret) = secret else { return self.own.clone() };
        let of_client = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&of_client, PURPOSE).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_of_ours_is_known_and_no_other() {
        let (one, other) = (AskedAnew::new().unwrap(), AskedAnew::new().unwrap());
        let secret = SecretString::from("s3cret");
        let nonce = one.nonce(Some(&secret)).unwrap();
        assert!(one.knows(Some(&secret), &nonce) && other.knows(Some(&secret), &nonce), "each replica knows it");
        assert!(!one.knows(None, &nonce) && !one.knows(Some(&"another".into()), &nonce));
        let own = one.nonce(None).unwrap();
        assert!(one.knows(None, &own) && !other.knows(None, &own));
        for forged in [random().unwrap(), format!("{}~", random().unwrap()), nonce.replace('~', "~A"), format!("A{nonce}"), String::new()] {
            assert!(!one.knows(Some(&secret), &forged), "{forged}");
        }
    }
}
