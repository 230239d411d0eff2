//! Roles and memberships as a server has them, and as rows.
//!
//! Must never: hand on a row that does not match the question.

use std::collections::HashMap;
use std::sync::Arc;

use super::note::Note;
use crate::connector::LookupRequest;
use crate::model::{Columns, ObjectKind, Page, REMOVABLE, RowWriter, SystemError, WRITABLE};

/// Why a role is left as it is that somebody else made, in words that follow its name.
pub(super) const NO_ADMIN_OPTION: &str =
    "was not made by this account, which has no ADMIN OPTION on it: whoever has it gives it with GRANT … TO … WITH ADMIN OPTION";

/// Roles that are named where a right on them is missing.
const NAMED: usize = 5;

/// A role that may sign in, or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Role {
    /// what stays when it is renamed, where the server has such a thing
    pub(super) id: Arc<str>,
    pub(super) name: String,
    pub(super) kind: ObjectKind,
    /// it may sign in
    pub(super) active: bool,
    /// the last day on which its password holds
    pub(super) until: Option<String>,
    pub(super) note: Note,
    /// something belongs to it, so it can't be dropped
    pub(super) owns: bool,
    /// why it is left as it is
    pub(super) untouched: Option<&'static str>,
}

/// A role in a role, by their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) group: Arc<str>,
    pub(super) member: Arc<str>,
}

/// All of a server, at one moment.
#[derive(Debug, Default)]
pub(super) struct Roles {
    pub(super) roles: Vec<Role>,
    pub(super) grants: Vec<Grant>,
}

impl Roles {
    /// About how many bytes it holds.
    pub(super) fn size(&self) -> usize {
        let role = |role: &Role| role.id.len() + role.name.len() + role.note.text.as_ref().map_or(0, String::len) + 200;
        self.roles.iter().map(role).sum::<usize>() + self.grants.len() * size_of::<Grant>()
    }

    /// What would let this account, as a statement has it, change roles that somebody else made.
    pub(super) fn admin_options(&self, who: &str, quote: fn(&str) -> Result<String, SystemError>) -> Result<Option<String>, SystemError> {
        let others: Vec<&Role> = self.roles.iter().filter(|role| role.untouched == Some(NO_ADMIN_OPTION)).collect();
        let grants = others.iter().take(NAMED).map(|role| Ok(format!("GRANT {} TO {who} WITH ADMIN OPTION", quote(&role.name)?)));
        let grants = grants.collect::<Result<Vec<_>, SystemError>>()?.join("; ");
        let more = if others.len() > NAMED { format!(" (and {} more)", others.len() - NAMED) } else { String::new() };
        Ok((!others.is_empty()).then(|| format!("to change roles that somebody else made: {grants}{more}")))
    }

    /// Each row of a stream.
    pub(super) fn rows(&self, kind: ObjectKind, columns: &Columns, mut take: impl FnMut(&dyn Fn(&mut RowWriter<'_>))) {
        match kind {
            ObjectKind::Account | ObjectKind::Group => {
                for role in self.roles.iter().filter(|role| role.kind == kind) {
                    take(&|row| role.write(columns, &[], row));
                }
            }
            ObjectKind::Membership => {
                let kinds = self.kinds();
                for grant in &self.grants {
                    if let Some(member) = grant.counts(&kinds) {
                        take(&|row| grant.write(columns, member, row));
                    }
                }
            }
            ObjectKind::Entitlement => {}
        }
    }

    /// The records of a Source: accounts, each with the names of its groups.
    pub(super) fn records(&self, columns: &Columns, mut take: impl FnMut(&dyn Fn(&mut RowWriter<'_>))) {
        let names: HashMap<&str, &str> = self.roles.iter().map(|role| (role.id.as_ref(), role.name.as_str())).collect();
        let mut groups: HashMap<&str, Vec<&str>> = HashMap::new();
        for grant in &self.grants {
            groups.entry(&grant.member).or_default().extend(names.get(grant.group.as_ref()));
        }
        for role in self.roles.iter().filter(|role| role.kind == ObjectKind::Account && role.untouched.is_none()) {
            let mut own = groups.remove(role.id.as_ref()).unwrap_or_default();
            own.sort_unstable();
            take(&|row| role.write(columns, &own, row));
        }
    }

    /// What has the value that is asked for.
    pub(super) fn answer(&self, request: &LookupRequest) -> Result<Page, SystemError> {
        let mut page = Page::new(request.columns.clone());
        let (attribute, value) = (request.attribute.as_ref(), request.value.as_ref());
        if request.kind == ObjectKind::Membership {
            let kinds = self.kinds();
            for grant in &self.grants {
                let asked = match attribute {
                    "group" => &grant.group,
                    "member" => &grant.member,
                    other => {
                        return Err(SystemError::Rejected(format!("memberships are asked for by `member` or `group`, not by `{other}`")));
                    }
                };
                if let Some(member) = grant.counts(&kinds).filter(|_| asked.as_ref() == value) {
                    page.row(|row| grant.write(&request.columns, member, row));
                }
            }
            return Ok(page);
        }
        for role in self.roles.iter().filter(|role| role.kind == request.kind) {
            let has = match (attribute, request.kind) {
                ("id", _) => role.id.as_ref() == value,
                ("userName", ObjectKind::Account) | ("displayName", ObjectKind::Group) => role.name.to_lowercase() == value.to_lowercase(),
                ("externalId", _) => role.note.mark.as_deref() == Some(value),
                ("displayName", ObjectKind::Account) => role.note.text.as_deref() == Some(value),
                (other, _) => return Err(SystemError::Rejected(format!("roles can't be looked up by `{other}`"))),
            };
            if has {
                page.row(|row| role.write(&request.columns, &[], row));
            }
        }
        Ok(page)
    }

    fn kinds(&self) -> HashMap<&str, ObjectKind> {
        self.roles.iter().map(|role| (role.id.as_ref(), role.kind)).collect()
    }
}

impl Role {
    fn write(&self, columns: &Columns, groups: &[&str], row: &mut RowWriter<'_>) {
        let or_nothing = |value: &Option<String>, row: &mut RowWriter<'_>| match value {
            Some(text) => row.text(text),
            None => row.missing(),
        };
        for column in columns.paths() {
            match (column.as_ref(), self.kind) {
                ("id", _) => row.text(&self.id),
                ("userName", ObjectKind::Account) | ("displayName", ObjectKind::Group) => row.text(&self.name),
                ("displayName", _) => or_nothing(&self.note.text, row),
                ("externalId", _) => or_nothing(&self.note.mark, row),
                ("endDate", ObjectKind::Account) => or_nothing(&self.until, row),
                ("active", ObjectKind::Account) => row.bool(self.active),
                ("groups", ObjectKind::Account) => row.json(&serde_json::Value::from(groups).to_string()),
                (REMOVABLE, _) => row.bool(!self.owns),
                (WRITABLE, _) => row.bool(self.untouched.is_none()),
                _ => row.missing(),
            }
        }
    }
}

impl Grant {
    /// What the member is, where the grant is one of a group that is known to somebody who is.
    fn counts(&self, kinds: &HashMap<&str, ObjectKind>) -> Option<ObjectKind> {
        kinds.get(self.member.as_ref()).copied().filter(|_| kinds.get(self.group.as_ref()) == Some(&ObjectKind::Group))
    }

    fn write(&self, columns: &Columns, member: ObjectKind, row: &mut RowWriter<'_>) {
        for column in columns.paths() {
            match column.as_ref() {
                "group" => row.text(&self.group),
                "member" => row.text(&self.member),
                "kind" => row.text(member.word()),
                _ => row.missing(),
            }
        }
    }
}
