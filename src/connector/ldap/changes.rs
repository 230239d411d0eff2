//! What changed in a directory since it was read: by the number that Active Directory gives each change, else by the time that each entry has. Who is gone, or does
//! not match the filter any more, shows in the next whole read.
//!
//! Must never: take numbers of another server for its own, or tell of changes where some leave no trace in the entry that they concern.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::directory::Directory;
use super::filter::Filter;
use super::message::{Entry, Scope};
use crate::manifest::connection::LdapDialect;
use crate::model::{SystemError, Watermark};

/// Replicas have a change some time after it was made, under its first time.
const OVERLAP: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// What other entries say of one, without a change of it.
const DERIVED: [&str; 4] = ["memberof", "ismemberof", "nsrole", "tokengroups"];
const TIME: &str = "%Y%m%d%H%M%S";

/// Up to where all was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// whose numbers these are; nothing where it is a time
    server: String,
    at: String,
}

impl Mark {
    fn read(mark: &Watermark) -> Option<Self> {
        let said: Json = serde_json::from_str(&mark.0).ok()?;
        let text = |name: &str| said.get(name).and_then(Json::as_str).map(str::to_owned);
        Some(Self { server: text("server")?, at: text("at")? })
    }

    fn write(&self) -> Watermark {
        Watermark(json!({"server": self.server, "at": self.at}).to_string().into())
    }
}

/// How one read tells what changed.
pub(super) struct Changes {
    /// the server's own count, before the read
    before: Option<Mark>,
    /// what is asked for
    pub(super) since: Option<Filter>,
    /// the newest time of an entry
    newest: Option<String>,
}

impl Changes {
    /// For a read of these attributes; nothing where some of them change unseen.
    pub(super) async fn of(directory: &Directory, attributes: &[String], mark: Option<&Watermark>) -> Result<Option<Self>, SystemError> {
        if attributes.iter().any(|name| is_derived(name)) {
            return Ok(None);
        }
        let mark = mark.and_then(Mark::read);
        if directory.layout.dialect != LdapDialect::ActiveDirectory {
            let mark = mark.filter(|mark| mark.server.is_empty());
            let since = mark.as_ref().and_then(|mark| earlier(&mark.at)).map(|at| Filter::at_least("modifyTimestamp", at.as_bytes()));
            let newest = since.as_ref().and(mark).map(|mark| mark.at);
            return Ok(Some(Self { before: None, since, newest }));
        }
        let Some(before) = count(directory).await? else { return Ok(None) };
        let since = mark.filter(|mark| mark.server == before.server).and_then(|mark| mark.at.parse::<u64>().ok());
        let since = since.map(|at| Filter::at_least("uSNChanged", at.saturating_add(1).to_string().as_bytes()));
        Ok(Some(Self { before: Some(before), since, newest: None }))
    }

    /// What an entry is asked for besides.
    pub(super) fn attribute(&self) -> Option<&'static str> {
        self.before.is_none().then_some("modifyTimestamp")
    }

    /// Looks at an entry.
    pub(super) fn see(&mut self, entry: &Entry) {
        let time = entry.text("modifyTimestamp").filter(|_| self.before.is_none());
        if let Some(time) = time.filter(|time| self.newest.as_deref().is_none_or(|newest| newest < *time)) {
            self.newest = Some(time.to_owned());
        }
    }

    /// From where what changes next can be asked for.
    pub(super) fn next(self) -> Option<Watermark> {
        let time = self.newest.map(|at| Mark { server: String::new(), at });
        self.before.or(time).map(|mark| mark.write())
    }
}

/// Whether others decide what an attribute holds, without a change of the entry.
pub(super) fn is_derived(attribute: &str) -> bool {
    DERIVED.contains(&attribute.to_ascii_lowercase().as_str())
}

/// Which domain controller it is.
pub(super) async fn server(directory: &Directory) -> Result<Option<Arc<str>>, SystemError> {
    Ok(count(directory).await?.map(|mark| mark.server.into()))
}

/// The server's count of changes, and which server it is.
async fn count(directory: &Directory) -> Result<Option<Mark>, SystemError> {
    let attributes = ["highestCommittedUSN", "dsServiceName"].map(str::to_owned);
    let found = directory.find("", Scope::Base, &Filter::everything(), &attributes).await?;
    let text = |name: &str| found.first().and_then(|entry| entry.text(name)).map(str::to_owned);
    Ok(text("dsServiceName").zip(text("highestCommittedUSN")).map(|(server, at)| Mark { server, at }))
}

/// Some time before a time (RFC 4517, 3.3.13).
fn earlier(time: &str) -> Option<Arc<str>> {
    let at = jiff::civil::DateTime::strptime(TIME, time.get(..14)?).ok()?;
    let at = at.checked_sub(OVERLAP).ok()?;
    Some(format!("{}Z", at.strftime(TIME)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_and_a_time_has_an_earlier_one() {
        let mark = Mark { server: "CN=NTDS Settings".into(), at: "4711".into() };
        assert_eq!(Mark::read(&mark.write()), Some(mark));
        assert_eq!((Mark::read(&Watermark("x".into())), earlier("soon")), (None, None));
        assert_eq!(earlier("20240301000500Z").as_deref(), Some("20240229235500Z"));
    }
}
