//! Orders as statements. Those of one order go to the server as one message, which is one transaction.
//!
//! Must never: hold a value that was not quoted, or a password as it is.

use secrecy::ExposeSecret;

use super::super::note::Note;
use super::super::quote::{postgres_name, postgres_text};
use super::super::write::Wanted;
use crate::model::{ObjectKind, SystemError};
use crate::secret::SecretString;

/// A role as it was found right before.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) active: bool,
    pub(super) note: Note,
}

/// Makes a role; the last statement gives its number.
pub(super) fn make(kind: ObjectKind, name: &str, wanted: &Wanted, password: Option<&SecretString>) -> Result<String, SystemError> {
    let quoted = postgres_name(name)?;
    let mut text = format!("CREATE ROLE {quoted}{}", login(kind == ObjectKind::Account && wanted.active.unwrap_or(true)));
    if let (ObjectKind::Account, Some(password)) = (kind, password) {
        // The server is told what it would make of the password, and never the password, which its log might show.
        let verifier = postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes());
        text += &format!(" PASSWORD {}", postgres_text(&verifier)?);
    }
    if let Some(until) = &wanted.until {
        text += &until_words(until.as_deref())?;
    }
    let note = Note { text: wanted.text.clone().flatten(), kind: Some(kind), mark: wanted.mark.clone().flatten() };
    text += &format!("; {}", comment(&quoted, &note)?);
    Ok(format!("{text}; SELECT r.oid::text FROM pg_catalog.pg_roles r WHERE r.rolname = {}", postgres_text(name)?))
}

/// Changes a role; nothing where it is so. The last statement fails where it was another role than the one that is meant.
pub(super) fn change(kind: ObjectKind, id: &str, found: &Found, wanted: &Wanted) -> Result<Option<String>, SystemError> {
    let quoted = postgres_name(&found.name)?;
    let mut statements = Vec::new();
    let mut options = String::new();
    if let Some(active) = wanted.active.filter(|active| *active != found.active && kind == ObjectKind::Account) {
        options += login(active);
    }
    if let Some(until) = &wanted.until {
        options += &until_words(until.as_deref())?;
    }
    if !options.is_empty() {
        statements.push(format!("ALTER ROLE {quoted}{options}"));
    }
    let note = Note {
        text: wanted.text.clone().unwrap_or_else(|| found.note.text.clone()),
        mark: wanted.mark.clone().unwrap_or_else(|| found.note.mark.clone()),
        // An account that may not sign in looks like a group unless it says what it is.
        kind: if wanted.active.is_some() || wanted.mark.is_some() || wanted.text.is_some() { Some(kind) } else { found.note.kind },
    };
    if note != found.note {
        statements.push(comment(&quoted, &note)?);
    }
    let mut name = &found.name;
    if let Some(wanted) = wanted.name.as_ref().filter(|wanted| **wanted != found.name) {
        statements.push(format!("ALTER ROLE {quoted} RENAME TO {}", postgres_name(wanted)?));
        name = wanted;
    }
    if statements.is_empty() {
        return Ok(None);
    }
    statements.push(still(id, name)?);
    Ok(Some(statements.join("; ")))
}

/// Fails where the role of this number has another name: somebody renamed it in between.
pub(super) fn still(id: &str, name: &str) -> Result<String, SystemError> {
    let number: u32 = id.parse().map_err(|_| SystemError::NotFound(format!("{id:?} is no number of a role")))?;
    Ok(format!(
        "SELECT 1 / (SELECT count(*)::int FROM pg_catalog.pg_roles r WHERE r.oid = {number} AND r.rolname = {})",
        postgres_text(name)?
    ))
}

fn login(may: bool) -> &'static str {
    if may { " LOGIN" } else { " NOLOGIN" }
}

/// A password holds until the end of its last day.
fn until_words(until: Option<&str>) -> Result<String, SystemError> {
    let Some(day) = until else { return Ok(" VALID UNTIL 'infinity'".to_owned()) };
    let day: jiff::civil::Date =
        day.parse().map_err(|_| SystemError::Rejected(format!("`endDate` {day:?} is no day: write 2026-03-31")))?;
    let after = day.tomorrow().map_err(|_| SystemError::Rejected(format!("`endDate` {day} is too far away")))?;
    Ok(format!(" VALID UNTIL '{after} 00:00:00+00'"))
}

fn comment(quoted: &str, note: &Note) -> Result<String, SystemError> {
    Ok(match note.comment() {
        Some(comment) => format!("COMMENT ON ROLE {quoted} IS {}", postgres_text(&comment)?),
        None => format!("COMMENT ON ROLE {quoted} IS NULL"),
    })
}
