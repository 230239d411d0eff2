//! Why no answer came, in words: which host and port, what is wrong there, and what to do about it.
//!
//! Must never: name a path or a query, which may hold names of people.

use std::error::Error;
use std::fmt::Write as _;
use std::io::ErrorKind;

use rustls::CertificateError;

use super::Url;
use crate::model::SystemError;

/// What a missing answer means. Without a connection nothing was sent.
pub(super) fn lost(error: &reqwest::Error, url: &Url, write: bool) -> SystemError {
    let place = place(url);
    if let Some(tls) = tls_error(error) {
        return SystemError::Protocol(tls_words(&tls, &place));
    }
    let words = words(error, url, &place);
    if error.is_builder() {
        SystemError::Protocol(format!("the request can't be made: {words}"))
    } else if error.is_connect() || !write {
        SystemError::Unavailable(words)
    } else {
        SystemError::Uncertain(format!("the request was sent and its answer lost: {words}"))
    }
}

/// `chat.example:443`
fn place(url: &Url) -> String {
    let port = url.port_or_known_default().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}{port}", url.host_str().unwrap_or_default())
}

/// Every cause, outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |at: &&'a (dyn Error + 'static)| {
        let at: &'a (dyn Error + 'static) = *at;
        // An I/O error does not name what it wraps as its source, but the source of that.
        let wrapped = at.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map_or_else(|| at.source(), |wrapped| Some(wrapped as &(dyn Error + 'static)))
    })
}

fn tls_error(error: &reqwest::Error) -> Option<rustls::Error> {
    causes(error).find_map(|at| at.downcast_ref::<rustls::Error>().cloned())
}

fn tls_words(error: &rustls::Error, place: &str) -> String {
    let why = match error {
        rustls::Error::InvalidMessage(_) => {
            return format!("{place} answers, and not in TLS: is the port right, or should the url begin with http://?");
        }
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer => "nobody that this machine trusts has issued it; name the authority's PEM file in `caFile`",
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired; whoever runs the service must renew it",
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "it is not valid yet; is the clock of this machine right?"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "it is for another host name; write the url with the name that the certificate has"
            }
            CertificateError::Revoked => "it was revoked; whoever runs the service must renew it",
            other => return format!("the certificate of {place} is not trusted: {other} (a private authority is named in `caFile`)"),
        },
        other => return format!("no TLS connection to {place}: {other} (a private certificate authority is named in `caFile`)"),
    };
    format!("the certificate of {place} is not trusted: {why}")
}

fn words(error: &reqwest::Error, url: &Url, place: &str) -> String {
    let chain = chain(error);
    let kind = causes(error).find_map(|at| at.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    let host = url.host_str().unwrap_or_default();
    if chain.contains("dns error") || chain.contains("failed to lookup address") {
        return format!("there is no host {host}: is the name right, and does this machine's name server know it?");
    }
    if chain.contains("tunnel") || chain.contains("proxy") {
        return format!("the proxy on the way to {place} does not let it through: {chain}; look at HTTPS_PROXY and NO_PROXY");
    }
    if chain.contains("invalid HTTP version") {
        return format!("{place} answers, and not in HTTP: is the port right, or should the url begin with https://?");
    }
    if chain.contains("handshake eof") {
        return format!("{place} ends every attempt at TLS: is the port right, or should the url begin with http://?");
    }
    match kind {
        Some(ErrorKind::ConnectionRefused) => format!("nothing listens at {place}: is the port right, and does the service run?"),
        _ if error.is_timeout() && error.is_connect() => {
            format!("{place} does not take the connection within the deadline: is the host right, or is a firewall on the way?")
        }
        _ if error.is_timeout() => format!("no answer from {place} within the deadline; `timeout` of the connection can give it longer"),
        _ => format!("{place}: {chain}"),
    }
}

/// The chain of causes without the URL, which may hold names of people. The first link says no more than "sending failed", so it goes where a cause follows.
fn chain(error: &reqwest::Error) -> String {
    let mut words = String::new();
    let mut source = error.source();
    while let Some(at) = source {
        let text = at.to_string();
        // The client's own link says only that it is the client's.
        if !words.contains(&text) && !text.starts_with("client error (") {
            let _ = write!(words, "{}{text}", if words.is_empty() { "" } else { ": " });
        }
        source = at.source();
    }
    if words.is_empty() { "the request failed".into() } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_not_trusted_says_why_and_what_to_do() {
        let told = |certificate| tls_words(&rustls::Error::InvalidCertificate(certificate), "chat.example:443");
        let all =
            [CertificateError::UnknownIssuer, CertificateError::Expired, CertificateError::NotValidYet, CertificateError::NotValidForName];
        insta::assert_snapshot!(all.map(told).join("\n"), @"
        the certificate of chat.example:443 is not trusted: nobody that this machine trusts has issued it; name the authority's PEM file in `caFile`
        the certificate of chat.example:443 is not trusted: it has expired; whoever runs the service must renew it
        the certificate of chat.example:443 is not trusted: it is not valid yet; is the clock of this machine right?
        the certificate of chat.example:443 is not trusted: it is for another host name; write the url with the name that the certificate has
        ");
    }
}
