//! OAuth 1.0a (RFC 5849) with HMAC-SHA256: each request carries a signature of its own.
//!
//! Must never: show a secret, or sign two requests with one nonce.

use std::fmt::Write as _;

use aws_lc_rs::{hmac, rand};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::base64;
use super::credentials::sensitive;
use super::request::Request;
use crate::model::SystemError;

const FORM: &str = "application/x-www-form-urlencoded";

/// What signs requests.
#[derive(Clone, Debug)]
pub struct OAuth1 {
    /// stands in the header, and is not signed
    pub realm: Option<String>,
    /// who the client is
    pub consumer_key: String,
    /// the client's secret
    pub consumer_secret: SecretString,
    /// whom it acts for
    pub token: String,
    /// the token's secret
    pub token_secret: SecretString,
}

impl PartialEq for OAuth1 {
    fn eq(&self, other: &Self) -> bool {
        let secrets = |one: &Self| (one.consumer_secret.expose_secret().to_owned(), one.token_secret.expose_secret().to_owned());
        let known = |one: &Self| (one.realm.clone(), one.consumer_key.clone(), one.token.clone());
        known(self) == known(other) && secrets(self) == secrets(other)
    }
}

impl OAuth1 {
    /// The header of one request, sent now.
    pub(super) fn header(&self, request: &Request) -> Result<HeaderValue, SystemError> {
        let mut random = [0u8; 16];
        rand::fill(&mut random).map_err(|_| SystemError::Protocol("there is no random number to sign with".into()))?;
        let nonce = random.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        sensitive(&self.signed(request, &nonce, jiff::Timestamp::now().as_second()))
    }

    fn signed(&self, request: &Request, nonce: &str, seconds: i64) -> String {
        let own = [
            ("oauth_consumer_key", self.consumer_key.clone()),
            ("oauth_nonce", nonce.to_owned()),
            ("oauth_signature_method", "HMAC-SHA256".to_owned()),
            ("oauth_timestamp", seconds.to_string()),
            ("oauth_token", self.token.clone()),
            ("oauth_version", "1.0".to_owned()),
        ];
        let mut pairs: Vec<(String, String)> = own.iter().map(|(name, value)| (encoded(name), encoded(value))).collect();
        let query = request.url.query_pairs();
        pairs.extend(query.map(|(name, value)| (encoded(&name), encoded(&value))));
        if let Some(body) = request.body.as_ref().filter(|body| body.media_type == FORM) {
            let form = url::form_urlencoded::parse(&body.bytes);
            pairs.extend(form.map(|(name, value)| (encoded(&name), encoded(&value))));
        }
        pairs.sort();
        let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let base = format!("{}&{}&{}", request.method, encoded(&place(&request.url)), encoded(&pairs.join("&")));
        let key = format!("{}&{}", encoded(self.consumer_secret.expose_secret()), encoded(self.token_secret.expose_secret()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), base.as_bytes());
        let signature = ("oauth_signature", base64::standard(tag.as_ref()));
        let realm = self.realm.iter().map(|realm| format!("realm=\"{}\"", realm.replace(['"', '\\'], "")));
        let fields = own.iter().chain([&signature]).map(|(name, value)| format!("{name}=\"{}\"", encoded(value)));
        format!("OAuth {}", realm.chain(fields).collect::<Vec<_>>().join(", "))
    }
}

/// A URL without its query (section 3.4.1.2).
fn place(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

/// Everything but unreserved signs as percent and two digits (section 3.6).
fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::super::Body;
    use super::*;

    fn keys() -> OAuth1 {
        OAuth1 {
            realm: Some("ACME_SB1".into()),
            consumer_key: "9djdj82h48djs9d2".into(),
            consumer_secret: "j49sk3j29djd".to_owned().into(),
            token: "kkk9d7dh3k39sjv7".into(),
            token_secret: "dh893hdasih9".to_owned().into(),
        }
    }

    /// The request of RFC 5849 section 3.4.1.1, whose parameters stand in its query and its form. The signature was worked out with another program.
    #[test]
    fn the_whole_request_is_signed() {
        let url = Url::parse("http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b").expect("a URL");
        let request = Request { body: Some(Body::new(FORM, "c2&a3=2+q")), ..Request::reads(Method::POST, url, "*/*") };
        let signed = keys().signed(&request, "7d8f3e4a", 137_131_201);
        insta::assert_snapshot!(signed.replace(", ", "\n"), @r#"
        OAuth realm="ACME_SB1"
        oauth_consumer_key="9djdj82h48djs9d2"
        oauth_nonce="7d8f3e4a"
        oauth_signature_method="HMAC-SHA256"
        oauth_timestamp="137131201"
        oauth_token="kkk9d7dh3k39sjv7"
        oauth_version="1.0"
        oauth_signature="xie2kqHv7CoC3VI1g%2FIUClHXm4q%2B1H3XJZG1izUgBXs%3D"
        "#);
        let other = Request { body: Some(Body::new("application/json", "c2&a3=2+q")), ..request.clone() };
        assert_ne!(keys().signed(&other, "7d8f3e4a", 137_131_201), signed);
        let header = |request: &Request| keys().header(request).expect("a header");
        assert_ne!(header(&request), header(&request));
        assert!(header(&request).is_sensitive());
    }
}
