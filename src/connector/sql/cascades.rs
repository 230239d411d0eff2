//! What a database removes or changes by itself along with a row: tables that refer to it with ON DELETE CASCADE, SET NULL or SET DEFAULT, and those that refer to them.
//!
//! Must never: leave out a table that the account may see.

use std::collections::BTreeSet;

use super::dialect::Dialect;
use super::session::{Session, Sql};
use super::{mysql, postgres, sqlite};
use crate::model::SystemError;

/// One table's reference to another that does something where a row is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// the table that refers, as messages call it
    pub(super) from: String,
    pub(super) to: String,
    /// what refers is removed along; else it refers to nothing afterwards, or to another row
    pub(super) removes: bool,
}

/// What goes along with a row of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cascades {
    /// tables that lose rows
    removed: BTreeSet<String>,
    /// tables whose rows lose what refers to it
    changed: BTreeSet<String>,
}

/// All of the database that the account may see.
pub(super) fn references(session: &dyn Session) -> Result<Vec<Reference>, SystemError> {
    let mut found = Vec::new();
    let sql = match session.dialect() {
        Dialect::Sqlite => sqlite::catalog::REFERENCES,
        Dialect::Postgres => postgres::catalog::REFERENCES,
        Dialect::MySql => mysql::catalog::REFERENCES,
    };
    session.query(sql, &[], &mut |line| {
        if let (Sql::Text(from), Sql::Text(to)) = (line.at(0)?.kept()?, line.at(1)?.kept()?) {
            found.push(Reference { from, to, removes: line.at(2)?.is_yes() });
        }
        Ok(())
    })?;
    Ok(found)
}

impl Cascades {
    /// Of a row of this table. Rows of links go by what is described, and are no surprise; what goes along with those may be one.
    pub(super) fn of(references: &[Reference], table: &str, links: &[&str]) -> Self {
        let is_link = |name: &str| links.iter().any(|link| link.eq_ignore_ascii_case(name));
        let mut along = Self::default();
        let mut ahead: Vec<&str> = links.iter().copied().chain([table]).collect();
        let mut seen: BTreeSet<String> = ahead.iter().map(|name| name.to_ascii_lowercase()).collect();
        while let Some(here) = ahead.pop() {
            for reference in references.iter().filter(|reference| reference.to.eq_ignore_ascii_case(here)) {
                if !is_link(&reference.from) {
                    let list = if reference.removes { &mut along.removed } else { &mut along.changed };
                    list.insert(reference.from.clone());
                }
                if reference.removes && seen.insert(reference.from.to_ascii_lowercase()) {
                    ahead.push(&reference.from);
                }
            }
        }
        along
    }

    /// In words that follow the target's name; nothing where nothing goes along.
    pub(super) fn words(&self, table: &str) -> Option<String> {
        let list = |names: &BTreeSet<String>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let removed =
            (!self.removed.is_empty()).then(|| format!("removes rows of {} that refer to it (ON DELETE CASCADE)", list(&self.removed)));
        let changed =
            (!self.changed.is_empty()).then(|| format!("changes rows of {} that refer to it (ON DELETE SET NULL)", list(&self.changed)));
        let words: Vec<String> = removed.into_iter().chain(changed).collect();
        (!words.is_empty()).then(|| format!("along with a row of `{table}` {}", words.join(" and ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_along_is_followed_and_links_are_no_surprise() {
        let reference = |from: &str, to: &str, removes| Reference { from: from.into(), to: to.into(), removes };
        let all = [
            reference("docs", "Users", true),
            reference("comments", "docs", true),
            reference("audit", "comments", false),
            reference("team_users", "users", true),
            reference("invitations", "team_users", true),
            reference("users", "users", false),
            reference("docs", "comments", true),
            reference("other", "teams", true),
        ];
        let words = Cascades::of(&all, "users", &["team_users"]).words("users").unwrap_or_default();
        assert_eq!(
            words,
            "along with a row of `users` removes rows of `comments`, `docs`, `invitations` that refer to it (ON DELETE CASCADE) and changes rows of `audit`, `users` \
             that refer to it (ON DELETE SET NULL)"
        );
        assert_eq!(Cascades::of(&all, "roles", &[]).words("roles"), None);
    }
}
