//! Who has what: of everybody, of one account, or out of the accounts' own records.
//!
//! Must never: answer with less than there is. What could not be read to its end is an error.

use std::sync::Arc;

use serde_json::Value as Json;

use super::super::definition::{Definition, Entitlements};
use super::super::listing::{Collect, list};
use super::super::parts::{Hidden, read_by};
use super::super::reader::DeclaredReader;
use super::super::scope::Scope;
use super::{Kind, account};
use crate::connector::{LookupRequest, PageSink};
use crate::expr::{Evaluation, Expression};
use crate::model::{Columns, Evidence, ObjectKind, Page, RowWriter, SystemError, Value, WRITABLE};

/// Pages are handed on at about this size.
const PAGE_BYTES: usize = 64 * 1024;

impl DeclaredReader {
    /// Those kinds that are listed by themselves. What stands in accounts' records comes with those.
    pub(in super::super) async fn entitlements(&self, columns: &Arc<Columns>, sink: &mut dyn PageSink) -> Evidence {
        let mut evidence = Evidence::Complete;
        for (kind, rules) in &self.api.definition.entitlements {
            let Some(request) = &rules.list else { continue };
            let scope = self.api.scope();
            let mut rows = Streamed { kind: (kind, rules), scope: &scope, page: Page::new(columns.clone()), sink };
            let ended = list(&self.api, request, &scope, &mut rows).await;
            rows.flush();
            evidence = evidence.and(match ended.evidence {
                Evidence::Partial { reason } => Evidence::Partial { reason: format!("{kind}: {reason}") },
                Evidence::Unreadable { reason } => Evidence::Unreadable { reason: format!("{kind}: {reason}") },
                other => other,
            });
        }
        evidence
    }

    /// What one account has, as rows.
    pub(in super::super) async fn entitlements_of(&self, request: &LookupRequest) -> Result<Page, SystemError> {
        if request.attribute.as_ref() != "account" {
            return Err(SystemError::Rejected(format!("entitlements are asked for by `account`, not by `{}`", request.attribute)));
        }
        let mut page = Page::new(request.columns.clone());
        for (kind, rules) in &self.api.definition.entitlements {
            for record in self.held((kind, rules), &request.value).await? {
                let account = account(&request.value, &Json::Null);
                let scope = self.api.scope().with("account", &account).with("record", &record);
                note((kind, rules), &scope, Some(&request.value), &mut page);
            }
        }
        Ok(page)
    }

    /// The records of one kind that one account has.
    pub(super) async fn held(&self, (kind, rules): Kind<'_>, id: &str) -> Result<Vec<Json>, SystemError> {
        let accounts = self.api.definition.accounts.as_ref();
        let record = match accounts.filter(|_| rules.needs_account()) {
            Some(accounts) => match self.record(accounts, id).await {
                Err(SystemError::NotFound(_)) => return Ok(Vec::new()),
                record => record?,
            },
            None => Json::Null,
        };
        let account = account(id, &record);
        let scope = self.api.scope().with("account", &account);
        if let Some(inline) = &rules.inline {
            let items = standing(&scope.with("record", &record), inline).map_err(SystemError::Protocol)?;
            return Ok(items.into_iter().filter(|item| !rules.is_skipped(&scope.with("record", item))).collect());
        }
        let Some(request) = rules.of.as_ref().or(rules.list.as_ref()) else { return Ok(Vec::new()) };
        let mut theirs = Theirs { kind: (kind, rules), scope: &scope, account: id, records: Vec::new() };
        let ended = list(&self.api, request, &scope, &mut theirs).await;
        match (ended.evidence, ended.error) {
            (_, Some(SystemError::NotFound(_))) if rules.of.is_some() => Ok(Vec::new()),
            (Evidence::Complete, _) => Ok(theirs.records),
            (_, Some(error)) => Err(error),
            (other, None) => Err(SystemError::Unavailable(other.reason().unwrap_or("not all of it could be read").to_owned())),
        }
    }
}

/// What stands in the records of accounts, taken as those come.
pub(in super::super) struct Inline<'d> {
    definition: &'d Definition,
    page: Page,
    /// what could not be read of somebody's
    failed: Option<String>,
}

impl<'d> Inline<'d> {
    /// Nothing where no kind stands there.
    pub(in super::super) fn new(definition: &'d Definition, columns: Option<&Arc<Columns>>) -> Option<Self> {
        let any = definition.entitlements.iter().any(|(_, rules)| rules.inline.is_some());
        columns.filter(|_| any).map(|columns| Self { definition, page: Page::new(columns.clone()), failed: None })
    }

    /// Takes an account's record.
    pub(in super::super) fn take(&mut self, id: &str, record: &Json, hidden: &[Hidden]) {
        let account = account(id, record);
        let scope = Scope::default().with("config", &self.definition.config).with("account", &account);
        for (kind, rules) in &self.definition.entitlements {
            let Some(inline) = &rules.inline else { continue };
            let seen = Hidden::of(hidden, &read_by(inline)).map_or(Ok(()), |why| Err(why.to_owned()));
            match seen.and_then(|()| standing(&scope.with("record", record), inline)) {
                Ok(items) => items.iter().for_each(|item| note((kind, rules), &scope.with("record", item), Some(id), &mut self.page)),
                Err(words) => {
                    self.failed.get_or_insert_with(|| format!("{kind}: {words}"));
                }
            }
        }
    }

    /// How whole it is, as the accounts' own list ended.
    pub(in super::super) fn evidence(self, of_accounts: Evidence) -> Evidence {
        of_accounts.and(self.failed.map_or(Evidence::Complete, |reason| Evidence::Partial { reason }))
    }

    /// Hands on what there is.
    pub(in super::super) fn flush(&mut self, sink: &mut dyn PageSink) {
        sink.page(ObjectKind::Entitlement, &self.page);
        self.page.clear();
    }
}

/// A list that stands in a record. A field that is not there is no empty list: it may not have been asked for.
fn standing(scope: &Scope<'_>, inline: &Expression) -> Result<Vec<Json>, String> {
    match scope.evaluate(inline) {
        Evaluation::Null => Ok(Vec::new()),
        Evaluation::Value(Value::List(items)) => Ok(items.iter().map(Value::to_json).collect()),
        Evaluation::Failed(words) => Err(words),
        Evaluation::Missing => {
            Err(format!("`{}` is not there; where that means none, write `default({}, [])`", inline.text(), inline.text()))
        }
        Evaluation::Value(_) => Err(format!("`{}` is no list", inline.text())),
    }
}

struct Streamed<'s, 'k> {
    kind: Kind<'k>,
    scope: &'s Scope<'s>,
    page: Page,
    sink: &'s mut dyn PageSink,
}

impl Streamed<'_, '_> {
    fn flush(&mut self) {
        self.sink.page(ObjectKind::Entitlement, &self.page);
        self.page.clear();
    }
}

impl Collect for Streamed<'_, '_> {
    fn id(&self, record: &Json) -> Option<String> {
        id_of(self.kind, &self.scope.with("record", record), None)
    }

    fn take(&mut self, record: &Json, _: Vec<Hidden>) {
        note(self.kind, &self.scope.with("record", record), None, &mut self.page);
    }

    fn page(&mut self) -> usize {
        let size = self.page.size();
        if size > PAGE_BYTES {
            self.flush();
        }
        size
    }
}

/// The records of one account.
struct Theirs<'s, 'k> {
    kind: Kind<'k>,
    scope: &'s Scope<'s>,
    account: &'s str,
    records: Vec<Json>,
}

impl Collect for Theirs<'_, '_> {
    fn id(&self, record: &Json) -> Option<String> {
        id_of(self.kind, &self.scope.with("record", record), Some(self.account))
    }

    fn take(&mut self, record: &Json, _: Vec<Hidden>) {
        let (_, rules) = self.kind;
        let scope = self.scope.with("record", record);
        // An answer is held against the question, where it says whose it is.
        if !rules.is_skipped(&scope) && rules.holder(&scope).is_none_or(|holder| holder == self.account) {
            self.records.push(record.clone());
        }
    }

    fn page(&mut self) -> usize {
        0
    }
}

/// The system's own id, else who has which.
fn id_of((kind, rules): Kind<'_>, scope: &Scope<'_>, account: Option<&str>) -> Option<String> {
    // What can't be worked out is not the same as what is nobody's.
    let fails = |expression: &Option<Expression>| expression.as_ref().is_some_and(|expression| scope.value(expression).is_err());
    match &rules.id {
        _ if fails(&rules.name) || fails(&rules.account) => None,
        Some(id) => scope.text(id).filter(|id| !id.is_empty()),
        None => {
            let holder = rules.holder(scope).or(account.map(str::to_owned))?;
            Some(format!("{holder} {}", rules.named(kind, scope)?))
        }
    }
}

/// One record as a row. What names nobody, or nothing, is nobody's here.
fn note((kind, rules): Kind<'_>, scope: &Scope<'_>, account: Option<&str>, page: &mut Page) {
    let holder = rules.holder(scope).or(account.map(str::to_owned));
    let (Some(holder), Some(name)) = (holder, rules.named(kind, scope)) else { return };
    if rules.is_skipped(scope) {
        return;
    }
    let columns = page.columns().clone();
    page.row(|row| {
        for column in columns.paths() {
            match column.as_ref() {
                "account" => row.text(&holder),
                "entitlement" => row.text(&name),
                WRITABLE => row.bool(rules.is_writable(scope)),
                parameter => cell(rules, parameter, scope, row),
            }
        }
    });
}

fn cell(rules: &Entitlements, parameter: &str, scope: &Scope<'_>, row: &mut RowWriter<'_>) {
    match rules.parameters.get(parameter).and_then(|parameter| parameter.read.as_ref()).map(|read| scope.evaluate(read)) {
        None | Some(Evaluation::Missing) => row.missing(),
        Some(Evaluation::Null) => row.null(),
        Some(Evaluation::Value(value)) => row.value(&value),
        Some(Evaluation::Failed(words)) => row.unreadable(&words),
    }
}
