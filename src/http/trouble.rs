//! Why no answer came, in words: which host and port, what is wrong there, and what to do about it.
//!
//! Must never: name a path or a query, which may hold names of people.

use std::error::Error;
use std::fmt::Write as _;
use std::io::ErrorKind;

use rustls::{AlertDescription, CertificateError};

use super::Deadlines;
use super::way::{Proxy, Way};
use super::writes::Unanswered;
use crate::model::SystemError;

/// How far a request came that got no answer.
pub(super) struct Failure<'e> {
    building: bool,
    connecting: bool,
    timed_out: bool,
    /// it may have had an effect
    in_doubt: bool,
    error: &'e (dyn Error + 'static),
}

impl<'e> From<&'e reqwest::Error> for Failure<'e> {
    /// Of a request that reads.
    fn from(error: &'e reqwest::Error) -> Self {
        let (building, connecting, timed_out) = (error.is_builder(), error.is_connect(), error.is_timeout());
        Self { building, connecting, timed_out, in_doubt: false, error }
    }
}

impl<'e> From<&'e Unanswered> for Failure<'e> {
    /// Of one that writes.
    fn from(error: &'e Unanswered) -> Self {
        let Unanswered { connecting, timed_out, sent, .. } = *error;
        Self { building: false, connecting, timed_out, in_doubt: sent, error }
    }
}

/// What a missing answer means. Where nothing went out, nothing was done.
pub(super) fn lost(failure: &Failure<'_>, way: &Way, deadlines: Deadlines) -> SystemError {
    let (words, stays) = words(failure, way, deadlines);
    match () {
        () if failure.building => SystemError::Protocol(format!("the request can't be made: {words}")),
        () if failure.connecting && stays => SystemError::Unreachable(words),
        () if !failure.in_doubt => SystemError::Unavailable(words),
        () => SystemError::Uncertain(format!("the request was sent and its answer lost: {words}")),
    }
}

/// What it means that leave to write was lost on the way.
pub(super) fn refused(error: &Unanswered) -> Option<SystemError> {
    let why = error.refused.as_ref()?;
    Some(match error.sent {
        false => SystemError::NotSent(why.clone()),
        true => SystemError::Uncertain(format!("it went out in part, and was broken off: {why}")),
    })
}

/// A proxy wants to know who goes through it.
pub(super) fn asks(way: &Way) -> String {
    let host = &way.host;
    match &way.proxy {
        Some(proxy) => format!(
            "{} asks for a sign-in (HTTP 407): write http://user:password@host:port into {}, or name {host} in NO_PROXY",
            named(proxy),
            proxy.variable
        ),
        None => format!("a proxy before {} asks for a sign-in (HTTP 407): correct the url, or name the proxy in HTTPS_PROXY", way.place),
    }
}

/// `proxy.example:3128, the proxy that HTTPS_PROXY names,`
fn named(proxy: &Proxy) -> String {
    format!("{}, the proxy that {} names,", proxy.place, proxy.variable)
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

fn tls_error(error: &(dyn Error + 'static)) -> Option<rustls::Error> {
    causes(error).find_map(|at| at.downcast_ref::<rustls::Error>().cloned())
}

fn tls_words(error: &rustls::Error, place: &str) -> String {
    let why = match error {
        rustls::Error::InvalidMessage(_) => {
            return format!("{place} answers, and not in TLS: is the port right, or should the url begin with http://?");
        }
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            return format!("{place} and headcount have no version or cipher of TLS in common: have TLS 1.2 or 1.3 enabled there");
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            return format!("{place} asks for a client certificate (mutual TLS), and none was shown: is there a way to sign in with one?");
        }
        rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::DecryptError,
        ) => {
            return format!("{place} does not take the client certificate: is it the one that was registered there, and still valid?");
        }
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer => {
                "nobody that this machine trusts has issued it; name the authority's PEM file in `caFile` of the connection"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired; whoever runs the service must renew it",
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "it is not valid yet; is the clock of this machine right?"
            }
            CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
                return format!(
                    "the certificate of {place} is not trusted: it is for {}; write the url with such a name",
                    presented.iter().map(|name| plain_name(name)).collect::<Vec<_>>().join(", ")
                );
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

/// `DnsName("chat.example")` as `chat.example`.
fn plain_name(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}

/// What is wrong, and whether it stays so until somebody changes something.
fn words(failure: &Failure<'_>, way: &Way, deadlines: Deadlines) -> (String, bool) {
    let (place, error) = (&way.place, failure.error);
    if let Some(tls) = tls_error(error) {
        return (tls_words(&tls, place), true);
    }
    let chain = chain(error);
    if let Some(proxy) = &way.proxy
        && let Some(words) = at_proxy(&chain, way, proxy)
    {
        return (words, true);
    }
    let kind = causes(error).find_map(|at| at.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    // Who did not take the connection: the service, or what stands before it.
    let (host, first) = way.proxy.as_ref().map_or((&way.host, place.clone()), |proxy| (&proxy.host, named(proxy)));
    let again = way.proxy.as_ref().map(|proxy| format!("correct {}, or name {} in NO_PROXY", proxy.variable, way.host));
    let or = |otherwise: &str| again.clone().unwrap_or_else(|| otherwise.to_owned());
    let words = if chain.contains("dns error") || chain.contains("failed to lookup address") {
        let behind = way.proxy.as_ref().map_or_else(String::new, |proxy| format!(", the proxy that {} names", proxy.variable));
        format!("there is no host {host}{behind}: {}", or("is the name right, and does this machine's name server know it?"))
    } else if chain.contains("invalid HTTP version") {
        format!("{place} answers, and not in HTTP: is the port right, or should the url begin with https://?")
    } else if chain.contains("handshake eof") {
        format!("{place} ends every attempt at TLS: is the port right, or should the url begin with http://?")
    } else if kind == Some(ErrorKind::ConnectionRefused) {
        format!("nothing listens at {}: {}", first.trim_end_matches(','), or("is the port right, and does the service run?"))
    } else if failure.timed_out && failure.connecting {
        let through = way.proxy.as_ref().map_or_else(String::new, |proxy| format!(" through {}", named(proxy)));
        let next = or("is the host right, or is a firewall on the way?");
        format!("no connection to {place}{through} within {:?}: {next}", deadlines.connect)
    } else if failure.timed_out {
        format!("no answer from {place} within {:?}: does the service hang? `timeout` of the connection gives it longer", deadlines.request)
    } else {
        format!("{place}: {chain}")
    };
    (words, false)
}

/// What the proxy itself says about being gone through. The client has no other word for these than their text.
fn at_proxy(chain: &str, way: &Way, proxy: &Proxy) -> Option<String> {
    let (host, place) = (&way.host, &way.place);
    if chain.contains("proxy authorization required") {
        return Some(asks(way));
    }
    if chain.contains("tunnel error: unsuccessful") {
        return Some(format!("{} does not let through to {place}: have it allowed there, or name {host} in NO_PROXY", named(proxy)));
    }
    let says_nothing = chain.contains("tunnel error: unexpected end of file") || chain.contains("io error establishing tunnel");
    says_nothing.then(|| format!("{} is no proxy, or hangs up: correct {}, or name {host} in NO_PROXY", named(proxy), proxy.variable))
}

/// The chain of causes without the URL, which may hold names of people. The first link says no more than "sending failed", so it goes where a cause follows.
fn chain(error: &(dyn Error + 'static)) -> String {
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
        the certificate of chat.example:443 is not trusted: nobody that this machine trusts has issued it; name the authority's PEM file in `caFile` of the connection
        the certificate of chat.example:443 is not trusted: it has expired; whoever runs the service must renew it
        the certificate of chat.example:443 is not trusted: it is not valid yet; is the clock of this machine right?
        the certificate of chat.example:443 is not trusted: it is for another host name; write the url with the name that the certificate has
        ");
    }
}
