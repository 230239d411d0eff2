//! People: where each has an account, and with `wide` what they have there.

use std::sync::Arc;

use super::{Row, list};
use crate::planning::explain::ListedPerson;
use crate::render::table::TextTable;

impl Row for ListedPerson {
    const LIST: &'static str = "people";
    const ONE: &'static str = "person";

    fn is_at(&self, targets: &[String]) -> bool {
        targets.is_empty() || self.accounts.iter().any(|account| targets.iter().any(|target| target.as_str() == account.target.as_ref()))
    }

    fn names(&self) -> Vec<&str> {
        let shown = self.attributes.get("displayName").map(AsRef::as_ref);
        let accounts = self.accounts.iter().map(|account| account.name.as_ref());
        [self.key.as_ref(), self.name.as_ref()].into_iter().chain(shown).chain(accounts).collect()
    }

    fn key(&self) -> Arc<str> {
        self.key.clone()
    }

    fn declared_by(&self) -> Option<Arc<str>> {
        self.declared_by.clone()
    }

    fn table(rows: &[&Self], wide: bool) -> TextTable {
        let mut heads = vec!["NAME", "LIFECYCLE", "TITLE", "DEPARTMENT", "ACCOUNTS"];
        if wide {
            heads = vec!["NAME", "KEY", "DISPLAY NAME", "LIFECYCLE", "TITLE", "DEPARTMENT", "ACCOUNTS", "GROUPS", "ENTITLEMENTS"];
        }
        let row = |person: &&Self| {
            let told = |name: &str| person.attributes.get(name).map(ToString::to_string).unwrap_or_default();
            let common = [person.lifecycle.to_string(), told("title"), told("department"), person.places()];
            if !wide {
                return [vec![person.name.to_string()], common.to_vec()].concat();
            }
            let of = |what: fn(&crate::planning::explain::HeldAccount) -> &[Arc<str>]| {
                let all = person.accounts.iter().filter(|account| !what(account).is_empty());
                all.map(|account| format!("{}: {}", account.target, list(what(account)))).collect::<Vec<_>>().join("; ")
            };
            let names = [person.name.to_string(), person.key.to_string(), told("displayName")];
            [names.to_vec(), common.to_vec(), vec![of(|account| &account.groups), of(|account| &account.entitlements)]].concat()
        };
        TextTable { heads, rows: rows.iter().map(row).map(Into::into).collect() }
    }
}

impl ListedPerson {
    /// `chat, intranet (no sign-in)`
    fn places(&self) -> String {
        let place = |account: &crate::planning::explain::HeldAccount| match account.active {
            true => account.target.to_string(),
            false => format!("{} (no sign-in)", account.target),
        };
        self.accounts.iter().map(place).collect::<Vec<_>>().join(", ")
    }
}
