//! The address of a database server, as it stands in a manifest: a URL with a user and without a password.
//!
//! Must never: reach anything.

use url::Url;

/// An address of one of these schemes that names a host, where it can be read.
pub fn server_address(text: &str, schemes: &[&str]) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (schemes.contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty())).then_some(url)
}

/// Whether the way there never leaves this machine: a socket, or its own address.
pub fn stays_on_this_machine(url: &Url) -> bool {
    url.host_str().is_some_and(|host| host.starts_with("%2F") || host.starts_with("%2f") || is_loopback(host))
}

/// The host of an address whose scheme says nothing about hosts.
fn is_loopback(host: &str) -> bool {
    let name = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
