//! What accounts have beside their groups: licences, roles, cards with a limit, each kind as its part of the document says.
//!
//! A name is `KIND/NAME`, or `KIND` where a kind has but one.
//! Must never: choose among several of one name, or give one twice.

mod compile;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;

use serde_json::Value as Json;

use super::definition::{Definition, Entitlements};
use super::scope::Scope;
use crate::model::SystemError;

pub(super) use read::Inline;

/// One kind, by its name.
type Kind<'d> = (&'d str, &'d Entitlements);

impl Definition {
    /// The kind that a name is of, and the name within it.
    fn entitlement<'n>(&self, name: &'n str) -> Result<(Kind<'_>, Option<&'n str>), SystemError> {
        let (kind, below) = name.split_once('/').map_or((name, None), |(kind, below)| (kind, Some(below)));
        let found = self.entitlements.iter().find(|(known, _)| **known == *kind).map(|(known, rules)| (&**known, rules));
        let found = found.filter(|(_, rules)| rules.name.is_some() == below.is_some());
        found.map(|kind| (kind, below)).ok_or_else(|| SystemError::Rejected(format!("{} has no entitlement `{name}`", self.name)))
    }
}

impl Entitlements {
    /// Which entitlement a record is, as a manifest names it; nothing where the record does not say.
    fn named(&self, kind: &str, scope: &Scope<'_>) -> Option<Arc<str>> {
        match &self.name {
            None => Some(kind.into()),
            Some(name) => scope.text(name).filter(|name| !name.is_empty()).map(|name| format!("{kind}/{name}").into()),
        }
    }

    /// Whose a record is: those that stand in an account's own record are that account's.
    fn holder(&self, scope: &Scope<'_>) -> Option<String> {
        let holder = self.account.as_ref().and_then(|account| scope.text(account));
        holder.filter(|holder| !holder.is_empty())
    }

    /// Whether a record is nobody's.
    fn is_skipped(&self, scope: &Scope<'_>) -> bool {
        self.skip.as_ref().is_some_and(|skip| scope.holds(skip))
    }

    /// Whether a record may be changed here.
    fn is_writable(&self, scope: &Scope<'_>) -> bool {
        self.writable.as_ref().is_none_or(|writable| scope.holds(writable))
    }

    /// Whether somebody's records are told by the account's own record.
    fn needs_account(&self) -> bool {
        self.inline.is_some()
    }
}

/// An account as expressions know it.
fn account(id: &str, record: &Json) -> Json {
    serde_json::json!({"id": id, "record": record})
}
