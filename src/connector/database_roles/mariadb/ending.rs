//! Ends open sessions. The server tells of a session only the name and the address that it came from, so which of several accounts of one name it is of is worked
//! out as the server does when somebody signs in: the account whose host fits, the most exact one first.
//!
//! Must never: end a session of another account of that name, or say that none is open where that can't be known.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::{MariaDb, cell};
use crate::connector::Written;
use crate::model::SystemError;
use crate::mysql::MysqlSession;

/// What a statement says of a session that is over by now.
const OVER: &str = "(1094)";

impl MariaDb {
    /// Ends whatever an account has open.
    pub(super) async fn end_sessions(&self, session: &mut MysqlSession, id: &Arc<str>, name: &str) -> Result<Written, SystemError> {
        let texts = |rows: Vec<mysql_async::Row>, at: usize| rows.iter().filter_map(|row| cell(row, at)).collect::<Vec<_>>();
        let hosts = texts(session.read("SELECT Host FROM mysql.user WHERE User = ? AND is_role = 'N'", (name,)).await?, 0);
        let open = session.read("SELECT CAST(ID AS CHAR), HOST FROM information_schema.PROCESSLIST WHERE USER = ?", (name,)).await?;
        let mut ended = false;
        for row in &open {
            let (Some(number), Some(from)) = (cell(row, 0).and_then(|number| number.parse::<u64>().ok()), cell(row, 1)) else { continue };
            if self.is_of(&hosts, &from)? {
                match self.send(session, &[format!("KILL CONNECTION {number}")]).await {
                    Ok(()) => ended = true,
                    Err(error) if error.to_string().contains(OVER) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(Written { id: id.clone(), already_so: !ended })
    }

    /// Whether a session is of the account that this Target keeps, of all accounts of its name.
    fn is_of(&self, hosts: &[String], from: &str) -> Result<bool, SystemError> {
        let ours = |host: &str| host.eq_ignore_ascii_case(&self.host);
        if let [host] = hosts {
            return Ok(ours(host));
        }
        if let Some(host) = hosts.iter().find(|host| host.contains('/')) {
            return Err(SystemError::Rejected(format!(
                "there are several accounts of that name, one of them of the network {host}, so whose the sessions are can't be told: end them by hand with KILL"
            )));
        }
        // `address:port`, an address alone, or the name of a machine.
        let address = match from.rsplit_once(':') {
            Some((address, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => address,
            _ => from,
        };
        let fitting = hosts.iter().filter(|host| fits(&host.to_ascii_lowercase(), &address.to_ascii_lowercase()));
        Ok(fitting.max_by_key(|host| exactness(host)).is_some_and(|host| ours(host)))
    }
}

/// The more letters before the first sign that stands for others, the more exact.
fn exactness(host: &str) -> (bool, usize, Reverse<usize>) {
    let first = host.find(['%', '_']);
    (first.is_none(), first.unwrap_or(host.len()), Reverse(host.len()))
}

/// As LIKE compares: `%` stands for any letters, `_` for one.
fn fits(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // Where the pattern so far may have come to.
    let mut reached = BTreeSet::from([0]);
    for sign in pattern.chars() {
        reached = match sign {
            '%' => reached.first().map(|first| (*first..=text.len()).collect()).unwrap_or_default(),
            sign => reached
                .into_iter()
                .filter(|at| text.get(*at).is_some_and(|letter| sign == '_' || *letter == sign))
                .map(|at| at + 1)
                .collect(),
        };
    }
    reached.contains(&text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_host_that_fits_says_whose_a_session_is() {
        for (pattern, text, fit) in [
            ("%", "", true),
            ("10.0.%", "10.0.3.4", true),
            ("10.0.%", "10.1.0.4", false),
            ("10.0._.4", "10.0.3.4", true),
            ("10.0._.4", "10.0.33.4", false),
            ("localhost", "localhost", true),
            ("%.acme.com", "ci.acme.com", true),
            ("%.acme.com", "acme.com", false),
        ] {
            assert_eq!(fits(pattern, text), fit, "{pattern} {text}");
        }
        let mut hosts = ["%", "10.0.3.4", "10.0.%", "10.%"];
        hosts.sort_by_key(|host| Reverse(exactness(host)));
        assert_eq!(hosts, ["10.0.3.4", "10.0.%", "10.%", "%"]);
    }
}
