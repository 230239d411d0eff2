//! Accounts: whose each one is.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::{Row, list};
use crate::model::Key;
use crate::planning::explain::{ListedAccount, ListedPerson, Whose};
use crate::render::table::TextTable;

/// An account with the User that says something about its holder.
#[derive(Serialize)]
pub(super) struct AccountRow {
    #[serde(flatten)]
    account: ListedAccount,
    #[serde(skip)]
    declared_by: Option<Arc<str>>,
}

/// The accounts with their holders' documents.
pub(super) fn holding(accounts: Vec<ListedAccount>, people: &[ListedPerson]) -> Vec<AccountRow> {
    let documents: BTreeMap<&Arc<str>, &Option<Arc<str>>> = people.iter().map(|person| (&person.key, &person.declared_by)).collect();
    let row = |account: ListedAccount| {
        let declared_by = account.holder.as_ref().and_then(|key| documents.get(key).copied().cloned().flatten());
        AccountRow { account, declared_by }
    };
    accounts.into_iter().map(row).collect()
}

impl Row for AccountRow {
    const LIST: &'static str = "accounts";
    const ONE: &'static str = "account";

    fn is_at(&self, targets: &[String]) -> bool {
        targets.is_empty() || targets.iter().any(|target| target.as_str() == self.account.held.target.as_ref())
    }

    fn names(&self) -> Vec<&str> {
        let ListedAccount { held, holder, holder_name, .. } = &self.account;
        let holder = holder.iter().chain(holder_name).map(AsRef::as_ref);
        [held.name.as_ref(), held.id.as_ref()].into_iter().chain(holder).collect()
    }

    fn key(&self) -> Arc<str> {
        Key::account(&self.account.held.target, &self.account.held.id).text()
    }

    fn declared_by(&self) -> Option<Arc<str>> {
        self.declared_by.clone()
    }

    fn table(rows: &[&Self], wide: bool) -> TextTable {
        let mut heads = vec!["NAME", "TARGET", "SIGN-IN", "WHOSE"];
        if wide {
            heads.extend(["KEY", "ID", "GROUPS", "ENTITLEMENTS"]);
        }
        let row = |row: &&Self| {
            let ListedAccount { held, holder, .. } = &row.account;
            let sign_in = if held.active { "yes" } else { "no" };
            let mut cells = vec![held.name.to_string(), held.target.to_string(), sign_in.to_owned(), row.whose()];
            if wide {
                let key = holder.as_ref().map(ToString::to_string).unwrap_or_default();
                cells.extend([key, held.id.to_string(), list(&held.groups), list(&held.entitlements)]);
            }
            cells
        };
        TextTable { heads, rows: rows.iter().map(row).map(Into::into).collect() }
    }
}

impl AccountRow {
    fn whose(&self) -> String {
        let ListedAccount { is, holder, holder_name, protected, .. } = &self.account;
        let who = holder_name.as_ref().or(holder.as_ref()).map(ToString::to_string).unwrap_or_default();
        let whose = match is {
            Whose::Claimed => who,
            Whose::CutOff => format!("{who}, cut off"),
            Whose::Former => format!("{who}, who is gone"),
            Whose::Contested => "can't be told".to_owned(),
            Whose::SetAside if who.is_empty() => "may be somebody's".to_owned(),
            Whose::SetAside => format!("may be {who}'s"),
            Whose::OtherWorkspace => "another workspace's".to_owned(),
            Whose::Foreign => "another program's".to_owned(),
            Whose::Nobodys => "nobody's".to_owned(),
        };
        if *protected { format!("{whose}, protected") } else { whose }
    }
}
