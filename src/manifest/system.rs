//! What a connection speaks to, in words that are the same as long as it is the same system: links remember it.
//!
//! Must never: hold a secret, or change with what only tunes the connection.

use super::connection::{Database, ScimConnection, SqlConnection};
use super::kinds::TargetConnection;

impl TargetConnection {
    /// The system behind it.
    pub fn system(&self) -> String {
        match self {
            Self::Scim(connection) => connection.system(),
            Self::Sql(connection) => connection.system(),
        }
    }
}

impl ScimConnection {
    /// The service: its address, however it is written.
    pub fn system(&self) -> String {
        let url = self.url.trim_end_matches('/');
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
        let default = if scheme == "https" { ":443" } else { ":80" };
        format!("scim {scheme}://{}{path}", host.strip_suffix(default).unwrap_or(&host))
    }
}

impl SqlConnection {
    /// The table that gives accounts their ids, and which of its rows.
    pub fn system(&self) -> String {
        let Database::Sqlite(file) = &self.database;
        let mut parts: Vec<&str> = Vec::new();
        for part in file.path.split('/').filter(|part| *part != ".") {
            match part {
                ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => drop(parts.pop()),
                "" if !parts.is_empty() => {}
                _ => parts.push(part),
            }
        }
        let accounts = &self.accounts;
        let mut words = format!("sqlite {} {}.{}", parts.join("/"), accounts.table, accounts.key);
        for (column, value) in &accounts.only {
            words += &format!(" {column}={value}");
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scim(url: &str, more: serde_json::Value) -> String {
        let mut json = more;
        json["url"] = url.into();
        serde_json::from_value::<ScimConnection>(json).unwrap().system()
    }

    fn sqlite(path: &str, table: &str) -> String {
        let json =
            serde_json::json!({"database": {"sqlite": {"path": path}}, "accounts": {"table": table, "key": "id", "only": {"tenant": 7}}});
        serde_json::from_value::<SqlConnection>(json).unwrap().system()
    }

    #[test]
    fn a_system_is_what_is_spoken_to_and_not_how() {
        let tuned = serde_json::json!({"pageSize": 7, "timeout": "9s", "auth": {"bearer": {"env": "OTHER"}}});
        assert_eq!(scim("HTTPS://Chat.example:443/Scim/v2/", tuned), "scim https://chat.example/Scim/v2");
        assert_ne!(scim("https://chat.example/v2", serde_json::json!({})), scim("https://chat.example/v3", serde_json::json!({})));
        assert_eq!(sqlite("./data//x/../app.db", "users"), "sqlite data/app.db users.id tenant=7");
        assert_ne!(sqlite("a.db", "users"), sqlite("a.db", "people"));
    }
}
