//! The proof that a message comes from here (Standard Webhooks 1.0.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`).
//!
//! Must never: sign with a secret that can be guessed, or print one.

use aws_lc_rs::hmac;

use super::base64;

/// A shorter secret can be guessed.
const LEAST: usize = 24;

/// Signs with one secret.
#[derive(Clone, Debug)]
pub struct Signer(hmac::Key);

impl Signer {
    /// `whsec_` and base64, or any text.
    pub fn new(secret: &str) -> Result<Self, &'static str> {
        let bytes = match secret.trim().strip_prefix("whsec_") {
            Some(encoded) => base64::read(encoded).ok_or("the webhook's secret is no base64 behind `whsec_`")?,
            None => secret.trim().as_bytes().to_vec(),
        };
        if bytes.len() < LEAST {
            return Err("the webhook's secret is too short: 24 bytes at least, such as `openssl rand -base64 32` gives");
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    fn sign(&self, text: &str) -> String {
        format!("v1,{}", base64::standard(hmac::sign(&self.0, text.as_bytes()).as_ref()))
    }
}

/// The headers that prove where an event comes from; two signatures while a secret is replaced.
pub fn headers(signers: &[Signer], key: &str, at: jiff::Timestamp, body: &str) -> [(&'static str, String); 3] {
    let seconds = at.as_second();
    let signed = format!("{key}.{seconds}.{body}");
    let signatures: Vec<String> = signers.iter().map(|signer| signer.sign(&signed)).collect();
    [("webhook-id", key.to_owned()), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signatures.join(" "))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_the_standard_says() {
        let at: jiff::Timestamp = "2021-02-25T15:02:10Z".parse().expect("a moment");
        let signers = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "a text of twenty-four bytes or so"]
            .map(|secret| Signer::new(secret).expect("a secret"));
        let headers = headers(&signers, "msg_1", at, r#"{"test": 2432232314}"#);
        assert_eq!(headers[1], ("webhook-timestamp", "1614265330".into()));
        assert_eq!(headers[2].1, "v1,9o7UeFkn1GjVbcY4emAJruJCYqgH2EIf8u/slvVRBZI= v1,RAOy//k4r51MnKQiIy5W+hkOxZUVotg+Mvmbu+U0zRQ=");
        assert!(Signer::new("short").is_err() && Signer::new("whsec_!").is_err());
    }
}
