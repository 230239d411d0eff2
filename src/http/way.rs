//! Whom a request goes to: the service itself, or a proxy that the environment names for it.
//!
//! Must never: tell a path, a query, or the user and password of a proxy.

use std::fmt;
use std::net::SocketAddr;

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::Url;

/// The proxies that the environment names, as the client itself reads them.
pub(super) struct Proxies(Matcher);

/// The way to a service.
pub(super) struct Way {
    /// `chat.example`
    pub host: String,
    /// `chat.example:443`
    pub place: String,
    /// what stands between
    pub proxy: Option<Proxy>,
}

/// A proxy on the way.
pub(super) struct Proxy {
    /// `proxy.example`
    pub host: String,
    /// `proxy.example:3128`
    pub place: String,
    /// who names it: `HTTPS_PROXY`
    pub variable: &'static str,
}

/// Where whatever is asked of a service goes instead, with the service's own name: to a stand-in on this machine, for recorded exchanges. No manifest names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detour(SocketAddr);

impl Detour {
    /// To this place, if it is on this machine: what is meant for a service goes nowhere else.
    pub fn to(place: SocketAddr) -> Option<Self> {
        place.ip().is_loopback().then_some(Self(place))
    }

    pub(super) fn instead_of(self, url: &Url) -> Url {
        let mut there = url.clone();
        // None of it can fail for a URL with a host.
        let _ = there.set_scheme("http");
        let _ = there.set_ip_host(self.0.ip());
        let _ = there.set_port(Some(self.0.port()));
        there
    }
}

impl Proxies {
    /// Of this process.
    pub(super) fn of_the_system() -> Self {
        Self(Matcher::from_system())
    }

    /// None at all: whatever is asked goes to a place on this machine.
    pub(super) fn none() -> Self {
        Self(Matcher::builder().build())
    }

    /// This one before everything.
    #[cfg(test)]
    pub(super) fn all(proxy: &str) -> Self {
        Self(Matcher::builder().all(proxy).build())
    }

    /// The proxy before an address.
    pub(super) fn intercept(&self, to: &Uri) -> Option<Intercept> {
        self.0.intercept(to)
    }

    fn before(&self, url: &Url) -> Option<Proxy> {
        let proxy = self.intercept(&url.as_str().parse().ok()?)?;
        let host = proxy.uri().host()?.to_owned();
        let port = proxy.uri().port_u16().unwrap_or(if proxy.uri().scheme_str() == Some("https") { 443 } else { 80 });
        Some(Proxy { place: format!("{host}:{port}"), host, variable: variable(url.scheme()) })
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Proxies")
    }
}

impl Way {
    /// To this address.
    pub(super) fn to(url: &Url, proxies: &Proxies) -> Self {
        Self { host: url.host_str().unwrap_or_default().to_owned(), place: place(url), proxy: proxies.before(url) }
    }
}

/// `chat.example:443`
pub fn place(url: &Url) -> String {
    let port = url.port_or_known_default().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}{port}", url.host_str().unwrap_or_default())
}

/// The variable that names the proxy for a scheme: the first that is set.
fn variable(scheme: &str) -> &'static str {
    let own = if scheme == "https" { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let is_set = |name: &&'static str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    own.into_iter().chain(["ALL_PROXY", "all_proxy"]).find(is_set).unwrap_or("the system's settings")
}
