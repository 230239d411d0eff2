//! Accounts that lists don't show, since they stand beside the base or a filter leaves them out: found by their ids, wherever in the directory they are.
//!
//! Must never: say that an entry is gone where this account may not look.

use std::sync::Arc;

use super::directory::Directory;
use super::filter::Filter;
use super::message::{Entry, Scope};
use super::read::LdapReader;
use crate::connector::LookupRequest;
use crate::model::{ELSEWHERE, ObjectKind, Page, SystemError};

impl Directory {
    /// The entry with an id, wherever below the top of the directory it stands; nothing where there is none. An entry keeps its id wherever it is moved to there.
    pub(super) async fn anywhere(&self, id: &str, attributes: &[String]) -> Result<Option<Entry>, SystemError> {
        let kind = self.layout.id;
        let (name, filter) = (kind.name(id), kind.filter(id));
        let found = match (name, filter) {
            (Some(name), _) => self.find(&name, Scope::Base, &Filter::everything(), attributes).await,
            (None, Some(filter)) => self.find(self.top(), Scope::Subtree, &filter, attributes).await,
            (None, None) => return Ok(None),
        };
        match found {
            Ok(found) => Ok(found.into_iter().find(|entry| kind.read(entry).as_deref() == Some(id))),
            Err(SystemError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whoever may not look there learns nothing from an empty answer.
    async fn may_look(&self) -> Result<(), SystemError> {
        let top = self.top();
        match self.entry(top, &["1.1".to_owned()]).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) | Err(SystemError::Forbidden(_) | SystemError::Rejected(_)) => Err(SystemError::Forbidden(format!(
                "it is not below {}, and this account may not look elsewhere below {top}, so it was deleted, moved or hidden",
                self.layout.users.base
            ))),
            Err(error) => Err(error),
        }
    }
}

impl LdapReader {
    /// An account by its id, where the list of accounts does not show it.
    pub(super) async fn elsewhere(&self, request: &LookupRequest, page: &mut Page) -> Result<(), SystemError> {
        let asks = request.kind == ObjectKind::Account && request.attribute.as_ref() == "id";
        if !asks || self.source.is_some() || !request.columns.paths().iter().any(|path| path.as_ref() == ELSEWHERE) {
            return Ok(());
        }
        let rows = self.rows(request.kind, &self.directory.layout.users, &request.columns).elsewhere();
        let Some(entry) = self.directory.anywhere(&request.value, &rows.attributes).await? else {
            return self.directory.may_look().await;
        };
        let id: Arc<str> = request.value.clone();
        self.directory.names().note(request.kind, &id, &entry.name, None);
        rows.write(&entry, &id, None, page);
        Ok(())
    }
}
