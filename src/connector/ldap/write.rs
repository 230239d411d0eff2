//! Writes a directory: many changes at once on one connection, each of them in the order that it needs.
//!
//! Must never: send one change twice, or change an entry that is not known to be the one that is meant.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};

use super::code;
use super::directory::{ASSERTION, Directory};
use super::line::{Line, Lost};
use super::message::{Control, Outcome, Request};
use super::read::LdapReader;
use crate::connector::limiter::Lane;
use crate::connector::{Permit, Write, Writer, Written};
use crate::model::{Action, Change, ObjectKind, SystemError};

/// Changes that are given over together, and so many of them are under way at once.
const BATCH: usize = 64;
const AT_ONCE: usize = 32;
/// Members that share one change.
const MEMBERS: usize = 500;

/// Writes a directory.
#[derive(Debug)]
pub(super) struct LdapWriter {
    pub(super) directory: Directory,
    /// what each new account gets, or a word of its own
    pub(super) passwords: super::password::Passwords,
    /// what new entries got in this run
    pub(super) numbers: super::numbers::Numbers,
}

/// One change under way.
pub(super) struct Task<'a> {
    pub(super) reader: LdapReader,
    pub(super) passwords: &'a super::password::Passwords,
    pub(super) numbers: &'a super::numbers::Numbers,
    line: Arc<Line>,
    /// something of it was done
    begun: AtomicBool,
}

impl Writer for LdapWriter {
    fn batch_size(&self) -> usize {
        BATCH
    }

    fn members_per_write(&self) -> usize {
        MEMBERS
    }

    fn requests(&self, change: &Change) -> Option<u64> {
        Some((change.members.len() as u64).div_ceil(MEMBERS as u64).max(1))
    }

    fn write<'a>(&'a self, batch: &'a [Write<'a>], permit: &'a Permit) -> BoxFuture<'a, Vec<Result<Written, SystemError>>> {
        async move {
            permit.count_each();
            let line = match self.directory.writing(permit.fence()).await {
                Ok(line) => line,
                Err(error) => return batch.iter().map(|_| Err(error.clone())).collect(),
            };
            let writes: Vec<_> = batch.iter().map(|write| self.one(write, &line)).collect();
            stream::iter(writes).buffered(AT_ONCE).collect().await
        }
        .boxed()
    }
}

impl LdapWriter {
    fn one<'a>(&'a self, write: &'a Write<'a>, line: &Arc<Line>) -> BoxFuture<'a, Result<Written, SystemError>> {
        let reader = LdapReader { directory: self.directory.in_lane(Lane::Free), source: None };
        let task = Task { reader, passwords: &self.passwords, numbers: &self.numbers, line: line.clone(), begun: AtomicBool::new(false) };
        async move { task.take(write).await }.boxed()
    }
}

impl Task<'_> {
    async fn take(&self, write: &Write<'_>) -> Result<Written, SystemError> {
        let (kind, action) = (write.change.object.kind, write.change.action);
        self.directory().layout.objects(kind)?;
        if action == Action::Create {
            return self.create(write).await;
        }
        let id = write.id.as_ref().ok_or_else(|| SystemError::Rejected("the object has no id yet".into()))?;
        match (kind, action) {
            (ObjectKind::Account | ObjectKind::Group, Action::Delete) => self.delete(kind, id).await,
            (ObjectKind::Group, Action::AddMembers | Action::RemoveMembers) => {
                self.change_members(id, &write.members, action == Action::AddMembers).await
            }
            (ObjectKind::Account, Action::Adopt | Action::Update | Action::Deactivate | Action::Reactivate)
            | (ObjectKind::Group, Action::Adopt | Action::Update) => self.update(write, id).await,
            _ => Err(SystemError::Rejected("a directory has no such change".into())),
        }
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.reader.directory
    }

    /// Sends a request. Of a change that takes several, one that was not sent does not say that nothing was done.
    pub(super) async fn send(&self, request: Request) -> Result<Outcome, SystemError> {
        match self.directory().send(&self.line, &request).await {
            Ok(outcome) => {
                if outcome.code == code::SUCCESS {
                    self.begun.store(true, Ordering::SeqCst);
                }
                Ok(outcome)
            }
            Err(Lost { sent: true, error, .. }) => {
                Err(SystemError::Uncertain(format!("the request was sent and its answer lost: {}", words(&error))))
            }
            Err(Lost { error, .. }) if self.begun.load(Ordering::SeqCst) => {
                Err(SystemError::Uncertain(format!("a part of it was sent, and the rest was not: {}", words(&error))))
            }
            Err(Lost { error, .. }) => Err(error),
        }
    }

    /// Sends a request about one entry, by whatever it is called now: where it was renamed, or another one has its name, it is looked for again, once.
    pub(super) async fn on(&self, kind: ObjectKind, id: &str, request: impl Fn(&str) -> Request) -> Result<Outcome, SystemError> {
        let directory = self.directory();
        if let Some(name) = directory.layout.id.name(id) {
            return self.send(request(&name)).await;
        }
        self.on_name(kind, id, request).await
    }

    /// The same by its DN alone: Samba renames nothing by another name.
    pub(super) async fn on_name(&self, kind: ObjectKind, id: &str, request: impl Fn(&str) -> Request) -> Result<Outcome, SystemError> {
        let directory = self.directory();
        let mut again = true;
        loop {
            let name = self.proved(kind, id).await?;
            let outcome = self.send(request(&name).with(self.only(id))).await?;
            if !again || !matches!(outcome.code, code::NO_SUCH_OBJECT | code::ASSERTION_FAILED) {
                return Ok(outcome);
            }
            again = false;
            directory.names().forget(id);
        }
    }

    /// What the entry is called. A server that can't be told for whom a request is meant is asked who has that name now.
    async fn proved(&self, kind: ObjectKind, id: &str) -> Result<Arc<str>, SystemError> {
        let directory = self.directory();
        let name = directory.name_of(kind, id).await?;
        if directory.takes(ASSERTION) {
            return Ok(name);
        }
        let known = directory.entry(&name, &[directory.layout.id.attribute().to_owned()]).await?;
        if known.is_some_and(|entry| directory.layout.id.read(&entry).as_deref() == Some(id)) {
            return Ok(name);
        }
        directory.names().forget(id);
        directory.name_of(kind, id).await
    }

    /// The request is for this entry alone (RFC 4528).
    fn only(&self, id: &str) -> Option<Control> {
        let directory = self.directory();
        let filter = directory.layout.id.filter(id).filter(|_| directory.takes(ASSERTION))?;
        Some(Control { name: ASSERTION.into(), critical: true, value: Some(filter.encoded().to_vec().into()) })
    }
}

fn words(error: &SystemError) -> String {
    error.to_string()
}

/// A refusal as an error.
pub(super) fn done(outcome: &Outcome) -> Result<(), SystemError> {
    if outcome.code == code::SUCCESS { Ok(()) } else { Err(code::refusal(outcome)) }
}
