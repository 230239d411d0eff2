//! Gives, changes and takes entitlements: first it is looked at what the account has, so that a second try does nothing twice.
//!
//! Must never: touch one that somebody else's rules made, or choose among several of one name.

use serde_json::{Map, Value as Json};

use super::super::definition::{Attribute, Entitlements, Request};
use super::super::exchange::{Written as Content, put};
use super::super::key;
use super::super::reader::DeclaredReader;
use super::super::scope::Scope;
use super::super::writer::{DeclaredWriter, applies, cannot, done, merged, without_nulls, worked_out};
use super::{Kind, account};
use crate::connector::{Write, Written};
use crate::model::{Action, SystemError, Value};

/// What a change is about, as expressions know it.
struct Grant<'g> {
    rules: &'g Entitlements,
    account: Json,
    /// the name within the kind
    name: Json,
    /// parameters as they should be
    object: Json,
    changes: Json,
    /// as it is; null where the account does not have it
    record: Json,
    id: Json,
    key: Json,
}

impl DeclaredWriter {
    /// One change of an entitlement.
    pub(in super::super) async fn entitlement(&self, write: &Write<'_>) -> Result<Written, SystemError> {
        let (Some(name), Some(id)) = (&write.change.entitlement, &write.id) else { return Err(cannot("make such a change")) };
        let ((kind, rules), below) = self.api.definition.entitlement(name)?;
        let reader = DeclaredReader { api: self.api.clone(), of_source: false };
        let all = if self.is_to_be(write) { Vec::new() } else { reader.held((kind, rules), id).await? };
        let theirs = account(id, &Json::Null);
        let scope = self.api.scope().with("account", &theirs);
        let is_it = |record: &&Json| rules.named(kind, &scope.with("record", record)).as_deref() == Some(name);
        let held: Vec<&Json> = all.iter().filter(is_it).collect();
        let record = match held.as_slice() {
            [] => None,
            [record] => Some(*record),
            _ => return Err(SystemError::Conflict(format!("they have {name} more than once: remove all but one"))),
        };
        if record.is_some_and(|record| write.change.action != Action::AddEntitlement && !rules.is_writable(&scope.with("record", record))) {
            return Err(SystemError::Rejected(
                "it belongs to somebody else there, so it can't be changed by this system's interface".into(),
            ));
        }
        let grant = self.grant((kind, rules), below, write, record).await?;
        match (write.change.action, record) {
            (Action::RemoveEntitlement, None) => done(write, true),
            (Action::RemoveEntitlement, Some(_)) => self.each(&rules.withdraw, &grant, &Content::default(), write).await,
            (Action::UpdateEntitlement, None) => Err(SystemError::NotFound(format!("they have no {name} (any more)"))),
            (Action::UpdateEntitlement, Some(_)) => self.each(&rules.change, &grant, &self.parameters(&grant)?, write).await,
            (Action::AddEntitlement, None) => self.each(std::slice::from_ref(&rules.grant), &grant, &self.parameters(&grant)?, write).await,
            (Action::AddEntitlement, Some(record)) if is_so(&grant, &scope.with("record", record)) => done(write, true),
            (Action::AddEntitlement, Some(_)) => {
                Err(SystemError::Conflict(format!("they have {name} already, with other parameters: the next plan shows them")))
            }
            _ => Err(cannot("make such a change")),
        }
    }

    async fn grant<'g>(
        &self,
        (_, rules): Kind<'g>,
        below: Option<&str>,
        write: &Write<'_>,
        record: Option<&Json>,
    ) -> Result<Grant<'g>, SystemError> {
        let record = record.cloned().unwrap_or_default();
        let id = write.id.as_deref().unwrap_or_default();
        let needs = [&rules.grant].into_iter().chain(&rules.change).chain(&rules.withdraw).any(|request| request.reads("account.record"));
        let of_account = match self.api.definition.accounts.as_ref().filter(|_| needs && !self.is_to_be(write)) {
            Some(accounts) => self.record(accounts, &Json::from(id)).await?,
            None => Json::Null,
        };
        let account = account(id, &of_account);
        let scope = self.api.scope().with("account", &account).with("record", &record);
        let changes: Map<String, Json> =
            write.attributes.iter().map(|(name, value)| (name.to_string(), value.as_ref().map_or(Json::Null, Value::to_json))).collect();
        let mut object = Map::new();
        for (name, parameter) in rules.parameters.iter().filter(|_| !record.is_null()) {
            object.extend(parameter.read.as_ref().and_then(|read| scope.value(read).ok().flatten()).map(|value| (name.to_string(), value)));
        }
        object.extend(changes.clone());
        let id = rules.id.as_ref().and_then(|id| scope.text(id)).map_or(Json::Null, Json::from);
        let key = Json::from(key::key(write, ""));
        let (object, changes, name) = (Json::Object(object), Json::Object(changes), below.map_or(Json::Null, Json::from));
        Ok(Grant { rules, account, name, object, changes, record, id, key })
    }

    /// Sends every request that applies, and waits for what becomes of each.
    async fn each(&self, requests: &[Request], grant: &Grant<'_>, content: &Content, write: &Write<'_>) -> Result<Written, SystemError> {
        let scope = self.scope_of(grant);
        let (mut sent_any, mut already_so) = (false, true);
        for request in requests.iter().filter(|request| applies(request, &scope)) {
            let sent = match self.api.send(request, &scope, content).await {
                // What is gone has been taken.
                Err(SystemError::NotFound(_)) if write.change.action == Action::RemoveEntitlement => continue,
                sent => sent?,
            };
            sent_any = true;
            already_so &= sent.already_so;
            if let Some(task) = request.task.as_ref().filter(|_| self.api.connection.rehearsal().is_none()) {
                self.task(task, &scope, &sent.answer).await?;
            }
        }
        if !sent_any && write.change.action != Action::RemoveEntitlement {
            return Err(cannot("do this as things stand"));
        }
        done(write, already_so)
    }

    fn scope_of<'s>(&'s self, grant: &'s Grant<'_>) -> Scope<'s> {
        let scope = self.api.scope().with("account", &grant.account).with("name", &grant.name).with("object", &grant.object);
        scope.with("changes", &grant.changes).with("record", &grant.record).with("id", &grant.id).with("key", &grant.key)
    }

    /// What the parameters make of a request's content: all of them as they should be, and those that change.
    fn parameters(&self, grant: &Grant<'_>) -> Result<Content, SystemError> {
        let all = self.written(grant, &grant.object)?;
        let changes = self.written(grant, &grant.changes)?;
        let attributes = if grant.record.is_null() { without_nulls(all) } else { all };
        Ok(Content { whole: merged(&grant.record, &changes), attributes, changes })
    }

    fn written(&self, grant: &Grant<'_>, values: &Json) -> Result<Map<String, Json>, SystemError> {
        let mut content = Json::Object(Map::new());
        for (name, value) in values.as_object().into_iter().flatten() {
            let parameter = grant.rules.parameters.get(name.as_str());
            let parameter = parameter.ok_or_else(|| SystemError::Rejected(format!("the system has no place for the parameter {name}")))?;
            let scope = self.scope_of(grant).with("value", value);
            for (path, expression) in &parameter.write {
                put(&mut content, path, worked_out(&scope, expression)?);
            }
        }
        Ok(content.as_object().cloned().unwrap_or_default())
    }
}

/// Whether an account has it just as it is to be given.
fn is_so(grant: &Grant<'_>, scope: &Scope<'_>) -> bool {
    let wanted = grant.changes.as_object().into_iter().flatten();
    let reads = |parameter: &Attribute| parameter.read.as_ref().and_then(|read| scope.value(read).ok().flatten());
    wanted.into_iter().all(|(name, value)| {
        let found = grant.rules.parameters.get(name.as_str()).and_then(reads).unwrap_or_default();
        let nothing = |value: &Json| value.is_null() || value == "";
        found == *value || (nothing(&found) && nothing(value)) || text(&found).is_some_and(|found| Some(found) == text(value))
    })
}

fn text(value: &Json) -> Option<String> {
    super::super::scope::as_text(value)
}
