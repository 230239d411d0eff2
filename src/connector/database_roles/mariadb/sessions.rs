//! Open sessions of an account. The server tells of each the name that signed in and from where, and not as which account; `KILL USER` takes the host of an account for
//! the address of a session, and so ends none of `u@10.%`, and of `u@%` those of every other account of that name.
//!
//! Must never: end a session of another account, or call sessions ended that may go on.

use std::net::{IpAddr, Ipv4Addr};

use tokio::time::timeout;

use super::{MariaDb, cell};
use crate::model::SystemError;
use crate::mysql::{MysqlError, MysqlSession};

/// What it says of a session that ended meanwhile.
const NO_SUCH: u16 = 1094;
/// So often somebody who signs in again is looked at again.
const ROUNDS: usize = 5;

impl MariaDb {
    /// Ends every open session of an account; whether there was any.
    pub(super) async fn end_sessions(&self, session: &mut MysqlSession, name: &str) -> Result<bool, SystemError> {
        let mut ended = false;
        for _ in 0..ROUNDS {
            let open = self.open_sessions(session, name).await?;
            if open.is_empty() {
                return Ok(ended);
            }
            for number in open {
                self.kill(session, number).await?;
                ended = true;
            }
        }
        Err(SystemError::Unavailable(format!("{name} signed in again and again while its sessions were ended: is the account locked?")))
    }

    async fn kill(&self, session: &mut MysqlSession, number: u64) -> Result<(), SystemError> {
        let killed = timeout(self.deadline, session.write(&format!("KILL CONNECTION {number}"), ())).await.unwrap_or(Err(MysqlError::Late));
        match killed {
            Err(error) if error.code() != Some(NO_SUCH) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The numbers of the account's sessions.
    async fn open_sessions(&self, session: &mut MysqlSession, name: &str) -> Result<Vec<u64>, SystemError> {
        let accounts = session.read("SELECT Host, User FROM mysql.user WHERE User = ? AND is_role = 'N'", (name,)).await?;
        let hosts: Vec<String> =
            accounts.iter().filter(|row| cell(row, 1).as_deref() == Some(name)).filter_map(|row| cell(row, 0)).collect();
        let asked = "SELECT CAST(ID AS CHAR), HOST, USER FROM information_schema.PROCESSLIST WHERE USER = ? AND COMMAND <> 'Killed'";
        let rows = session.read(asked, (name,)).await?;
        let (mut ours, mut unclear) = (Vec::new(), Vec::new());
        for row in rows.iter().filter(|row| cell(row, 2).as_deref() == Some(name)) {
            let Some(number) = cell(row, 0).and_then(|number| number.parse().ok()) else { continue };
            let from = cell(row, 1).unwrap_or_default();
            match signed_in_as(&from, &hosts) {
                Some(host) if host.eq_ignore_ascii_case(&self.host) => ours.push(number),
                Some(_) => {}
                None => unclear.push(format!("{number} from {from}")),
            }
        }
        match unclear.is_empty() {
            true => Ok(ours),
            false => {
                for number in ours {
                    self.kill(session, number).await?;
                }
                Err(SystemError::Rejected(format!(
                    "several accounts are called {name}, and nobody can tell as which of them these sessions signed in: {}; end them by KILL",
                    unclear.join(", ")
                )))
            }
        }
    }
}

/// The host of the account that the server takes for a session from there: of those that fit the one that says most. None where that can't be told.
fn signed_in_as<'h>(from: &str, hosts: &'h [String]) -> Option<&'h str> {
    if let [host] = hosts {
        return Some(host);
    }
    // Only what comes over the network has a port.
    let (address, is_network) = match from.rsplit_once(':') {
        Some((address, port)) if !port.is_empty() && port.bytes().all(|sign| sign.is_ascii_digit()) => (address, true),
        _ => (from, false),
    };
    let addresses: &[&str] = if is_network && address == "localhost" { &[address, "127.0.0.1", "::1"] } else { &[address] };
    // A server that looks names up shows the name, and may have gone by the number.
    let is_name = is_network && addresses.len() == 1 && address.parse::<IpAddr>().is_err();
    if is_name && hosts.iter().any(|host| host.starts_with(|sign: char| sign.is_ascii_digit()) || host.contains(':')) {
        return None;
    }
    let fits = |host: &str| addresses.iter().any(|address| fits(host, address));
    let most = hosts.iter().filter(|host| fits(host)).map(|host| says(host)).max()?;
    let mut found = hosts.iter().filter(|host| fits(host) && says(host) == most);
    match (found.next(), found.next()) {
        (Some(host), None) => Some(host),
        _ => None,
    }
}

/// How much a host says: where its first sign for any stands.
fn says(host: &str) -> usize {
    host.find(['%', '_']).unwrap_or(if host.is_empty() { 0 } else { usize::MAX })
}

fn fits(host: &str, address: &str) -> bool {
    if let Some((net, mask)) = host.split_once('/') {
        let number = |text: &str| text.parse::<Ipv4Addr>().map(u32::from).ok();
        return matches!((number(net), number(mask), number(address)), (Some(net), Some(mask), Some(address)) if address & mask == net);
    }
    host.is_empty() || is_like(host.as_bytes(), address.as_bytes())
}

fn is_like(pattern: &[u8], address: &[u8]) -> bool {
    match (pattern.split_first(), address.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((b'%', rest)), None) => is_like(rest, address),
        (Some((b'%', rest)), Some((_, behind))) => is_like(rest, address) || is_like(pattern, behind),
        (Some((sign, rest)), Some((first, behind))) => (*sign == b'_' || sign.eq_ignore_ascii_case(first)) && is_like(rest, behind),
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_that_of_the_account_whose_host_says_most() {
        let of = |from: &str, hosts: &[&str]| {
            let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            signed_in_as(from, &hosts).map(str::to_owned)
        };
        assert_eq!(of("10.0.0.7:51234", &["%", "10.0.%", "10.0.0.7"]).as_deref(), Some("10.0.0.7"));
        assert_eq!(of("10.0.0.8:51234", &["%", "10.0.%", "10.0.0.7"]).as_deref(), Some("10.0.%"));
        assert_eq!(of("localhost", &["%", "127.0.%"]).as_deref(), Some("%"));
        assert_eq!(of("localhost:51234", &["%", "127.0.%"]).as_deref(), Some("127.0.%"));
        assert_eq!(of("db7.acme.example:51234", &["%", "%.acme.example"]), None, "both begin with any letters");
        assert_eq!(of("db7.acme.example:51234", &["10.0.%"]).as_deref(), Some("10.0.%"), "there is no other");
        assert_eq!(of("db7.acme.example:51234", &["10.0.%", "10.1.%"]), None);
        assert_eq!(of("10.0.0.9:1", &["10.0.0.0/255.255.255.0", "10.0.0.9"]), None);
        assert_eq!(of("10.0.0.9:1", &["10.0.0.0/255.255.255.0", "%"]).as_deref(), Some("10.0.0.0/255.255.255.0"));
    }
}
