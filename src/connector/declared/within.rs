//! The accounts of a Source that wants some alone: those who are in certain groups, and those whom it names.
//!
//! Must never: take a group that is not found for one that nobody is in.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value as Json;

use super::definition::{Members, Objects};
use super::gather::{Gather, Take};
use super::listing::records;
use super::pages::Turn;
use super::parts::Hidden;
use super::reader::{DeclaredReader, has};
use super::records::Records;
use super::scope::Scope;
use crate::connector::Within;
use crate::connector::connection::Again;
use crate::model::{Columns, Evidence, Page, SystemError};

/// So few are asked for one by one; for more all are read.
const FEW: usize = 50;
/// More groups in groups are none that a person knows.
const MOST_GROUPS: usize = 10_000;

impl DeclaredReader {
    /// Reads the accounts that are wanted.
    pub(super) async fn accounts_within(&self, accounts: &Objects, within: &Within, scope: Scope<'_>, into: &mut dyn Take) -> Evidence {
        let mut wanted = BTreeSet::new();
        let mut evidence = Evidence::Complete;
        for (kind, names) in &within.groups {
            evidence = evidence.and(self.in_groups(kind, names, &mut wanted).await);
        }
        for (attribute, values) in &within.accounts {
            for value in values {
                let found = self.named(accounts, attribute, value, &scope, &mut wanted).await;
                evidence = evidence.and(found.map_or_else(|error| unanswered(value, &error.to_string()), |()| Evidence::Complete));
            }
        }
        if wanted.is_empty() {
            return match evidence {
                Evidence::Partial { reason } => Evidence::Unreadable { reason },
                other => other,
            };
        }
        let gather = Gather { api: &self.api, objects: accounts, scope, only: Some(&wanted) };
        let few = wanted.len() <= FEW && accounts.come_alike();
        evidence.and(if few || accounts.list.is_none() { gather.these(into).await } else { gather.all(into).await })
    }

    /// Who is in these groups, and in the groups that are in them.
    async fn in_groups(&self, kind: &str, names: &[String], wanted: &mut BTreeSet<String>) -> Evidence {
        let definition = &self.api.definition;
        let Some((_, objects)) = definition.groups.iter().find(|(known, _)| **known == *kind) else {
            let known: Vec<&str> = definition.groups.iter().map(|(known, _)| &**known).collect();
            let reason = format!("`scope.groups`: {} has no groups of the kind `{kind}`; known are {}", definition.name, known.join(", "));
            return Evidence::Unreadable { reason };
        };
        let Some(members) = &objects.members else {
            return Evidence::Unreadable { reason: format!("`scope.groups`: {} does not tell who is in a {kind}", definition.name) };
        };
        let mut all: Option<Result<Vec<(String, Json)>, String>> = None;
        let mut evidence = Evidence::Complete;
        for name in names {
            let came = match self.group_named(objects, name, &mut all).await {
                Ok(Some(group)) => self.everybody_in(objects, members, group, wanted).await,
                Ok(None) => Evidence::Unreadable { reason: "it is not there, or may not be seen".into() },
                Err(words) => Evidence::Unreadable { reason: words },
            };
            evidence = evidence.and(match came {
                Evidence::Complete | Evidence::Delta => Evidence::Complete,
                Evidence::Partial { reason } | Evidence::Unreadable { reason } => unanswered(&format!("{kind} {name}"), &reason),
            });
        }
        evidence
    }

    /// A group by its id or name.
    async fn group_named(
        &self,
        objects: &Objects,
        name: &str,
        all: &mut Option<Result<Vec<(String, Json)>, String>>,
    ) -> Result<Option<(String, Json)>, String> {
        let gather = Gather { api: &self.api, objects, scope: self.api.scope(), only: None };
        if objects.get.is_some() {
            match gather.one(name).await {
                Ok(Some(record)) => return Ok(Some((name.to_owned(), record))),
                // What is no id may well be a name.
                Ok(None) | Err(SystemError::NotFound(_) | SystemError::Rejected(_) | SystemError::Protocol(_)) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        let scope = self.api.scope();
        let found: Vec<(String, Json)> = match objects.find.get("displayName") {
            Some(find) => {
                let value = Json::from(name);
                let answer = match self.api.ask(find, &scope.with("value", &value), &Turn::First, Again::Always).await {
                    Ok(answer) => answer,
                    Err(SystemError::NotFound(_)) => return Ok(None),
                    Err(error) => return Err(error.to_string()),
                };
                let records = records(find, &answer).map_err(|error| error.to_string())?;
                let named = records.into_iter().filter(|record| has(objects, &scope, record, "displayName", name));
                named.filter_map(|record| Some((scope.with("record", record).text(&objects.id)?, record.clone()))).collect()
            }
            None => {
                if all.is_none() {
                    let columns = Columns::new(["id"]);
                    let mut groups =
                        Groups { rows: Records::new(objects, &self.api.definition.config, &columns, false), records: Vec::new() };
                    let evidence = gather.all(&mut groups).await;
                    *all = Some(evidence.reason().map_or(Ok(groups.records), |reason| Err(reason.to_owned())));
                }
                let all = all.as_ref().map_or(Ok(&[][..]), |all| all.as_deref().map_err(Clone::clone))?;
                let is_it = |(id, record): &&(String, Json)| id == name || has(objects, &scope, record, "displayName", name);
                all.iter().filter(is_it).cloned().collect()
            }
        };
        match found.len() {
            0 | 1 => Ok(found.into_iter().next()),
            count => Err(format!("{count} are called so; name it by its id")),
        }
    }

    async fn everybody_in(&self, objects: &Objects, members: &Members, group: (String, Json), wanted: &mut BTreeSet<String>) -> Evidence {
        let columns = Columns::new(["member", "kind"]);
        let (mut known, mut waiting) = (BTreeSet::from([group.0.clone()]), VecDeque::from([(group.0, Some(group.1))]));
        while let Some((id, record)) = waiting.pop_front() {
            let record = match record {
                Some(record) => record,
                None if objects.get.is_none() => Json::Null,
                None => match self.record(objects, &id).await {
                    Ok(record) => record,
                    Err(error) => return unanswered(&id, &error.to_string()),
                },
            };
            let mut page = Page::new(columns.clone());
            let evidence = self.members_of(members, &id, &record, &mut page).await;
            for row in page.rows() {
                let Some(member) = row.cell(0).as_text() else { continue };
                if row.cell(1).as_text() != Some("group") {
                    wanted.insert(member.to_owned());
                } else if known.insert(member.to_owned()) {
                    waiting.push_back((member.to_owned(), None));
                }
            }
            if evidence != Evidence::Complete {
                return evidence;
            }
            if known.len() > MOST_GROUPS {
                return unanswered(&id, "there is no end of groups in it");
            }
        }
        Evidence::Complete
    }

    /// An account by a value that it has.
    async fn named(
        &self,
        accounts: &Objects,
        attribute: &str,
        value: &str,
        scope: &Scope<'_>,
        wanted: &mut BTreeSet<String>,
    ) -> Result<(), SystemError> {
        if attribute == "id" {
            wanted.insert(value.to_owned());
            return Ok(());
        }
        let find = accounts.find.get(attribute);
        let find = find.ok_or_else(|| SystemError::Rejected(format!("`scope.accounts`: nobody can be looked up by {attribute} here")))?;
        let asked = Json::from(value);
        let answer = match self.api.ask(find, &scope.with("value", &asked), &Turn::First, Again::Always).await {
            Ok(answer) => answer,
            Err(SystemError::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let theirs = records(find, &answer)?.into_iter().filter(|record| has(accounts, scope, record, attribute, value));
        wanted.extend(theirs.filter_map(|record| scope.with("record", record).text(&accounts.id)));
        Ok(())
    }
}

fn unanswered(what: &str, why: &str) -> Evidence {
    Evidence::Partial { reason: format!("{what}: {why}") }
}

/// Groups with their records.
pub(super) struct Groups<'d> {
    pub(super) rows: Records<'d>,
    pub(super) records: Vec<(String, Json)>,
}

impl Take for Groups<'_> {
    fn id(&self, record: &Json) -> Option<String> {
        self.rows.id(record)
    }

    fn take(&mut self, record: &Json, hidden: &[Hidden]) {
        if let Some(id) = self.rows.id(record).filter(|_| !self.rows.is_skipped(record)) {
            self.rows.take(record, hidden);
            self.records.push((id, record.clone()));
        }
    }

    fn is_skipped(&self, record: &Json) -> bool {
        self.rows.is_skipped(record)
    }

    fn page(&mut self) -> usize {
        0
    }

    fn restart(&mut self) {
        self.rows.page.clear();
        self.records.clear();
    }
}
