//! Whoever names an entry that gets another name: groups, managers, and lists of logins. Servers without referential integrity leave them as they are.
//!
//! A group lists the new name before the entry has it, and lets the old one go after: whatever is cut short between, nobody is out of a group for it.
//! Must never: let a group name by a new name somebody else who has it, or take a name out that was not renamed.

use std::sync::Arc;

use super::code;
use super::filter::Filter;
use super::layout::{Groups, Objects};
use super::message::{Edit, Modification, Outcome, Request, Scope};
use super::write::Task;
use crate::manifest::connection::LdapDialect;
use crate::model::{ObjectKind, SystemError, dn};

/// Those who name an entry are asked for so often while they get other names themselves.
const TRIES: usize = 8;

impl Task<'_> {
    /// Groups that list an entry list it by the name that it is about to get, too. Where somebody has that name, nothing is done: the rename is refused.
    pub(super) async fn announce(
        &self,
        (kind, id): (ObjectKind, &Arc<str>),
        (before, rdn, moved): (&str, Option<&str>, Option<&str>),
    ) -> Result<(), SystemError> {
        self.directory().left_behind().entry(id.clone()).or_insert_with(|| before.into());
        let after = dn::below(rdn.unwrap_or_else(|| dn::head(before)), moved.unwrap_or_else(|| dn::parent(before)));
        let differs = kind == ObjectKind::Account && dn::normal(&after) != dn::normal(before);
        let Some(groups) = self.announced_to().filter(|_| differs) else { return Ok(()) };
        let listing = self.listing(&groups.objects, &groups.member, before).await?;
        if listing.is_empty() || self.directory().entry(&after, &["1.1".to_owned()]).await?.is_some() {
            return Ok(());
        }
        for group in listing {
            // One that can't be changed is told of when the old name is to go.
            self.send(Request::modify(&group, &[part(&groups.member, Edit::Add, &after)])).await?;
        }
        Ok(())
    }

    /// The groups that list new names ahead. Active Directory and 389 Directory Server change them with the rename, and may refuse it where both names are there.
    fn announced_to(&self) -> Option<&Groups> {
        let layout = &self.directory().layout;
        let follows = matches!(layout.dialect, LdapDialect::ActiveDirectory | LdapDialect::Ds389);
        layout.groups.as_ref().filter(|groups| groups.by_name() && !follows)
    }

    /// The rename was refused: nobody has the new name, or somebody else.
    pub(super) async fn take_back(&self, id: &str, before: &str, after: &str) -> Result<(), SystemError> {
        self.directory().left_behind().remove(id);
        let Some(groups) = self.announced_to() else { return Ok(()) };
        if dn::normal(before) == dn::normal(after) || self.directory().entry(after, &["1.1".to_owned()]).await?.is_some() {
            return Ok(());
        }
        for group in self.listing(&groups.objects, &groups.member, after).await? {
            self.send(Request::modify(&group, &[part(&groups.member, Edit::Remove, after)])).await?;
        }
        Ok(())
    }

    /// After a rename. What could not be done of it is done by whoever tries again in this process.
    pub(super) async fn follow_renamed(&self, id: &Arc<str>, after: &str) -> Result<(), SystemError> {
        let before = self.directory().left_behind().get(id).cloned();
        let Some(before) = before else { return Ok(()) };
        match self.follow_freed(&before, after).await {
            Ok(()) => {}
            // It was done in part: what became of the rest nobody knows.
            Err(error) if error.retryable() => {
                let words = format!("it is called {after} now, and groups may still name it {before} as well: {error}");
                return Err(SystemError::Uncertain(words));
            }
            Err(error) => return Err(error.map_words(|words| format!("it is called {after} now, and then: {words}"))),
        }
        self.directory().left_behind().remove(id);
        Ok(())
    }

    /// Names that differ in case are one to the server, and whoever has the old one by now keeps what is theirs.
    async fn follow_freed(&self, before: &str, after: &str) -> Result<(), SystemError> {
        let same = dn::normal(before) == dn::normal(after) || self.directory().layout.dialect == LdapDialect::ActiveDirectory;
        if same || self.directory().entry(before, &["1.1".to_owned()]).await?.is_some() {
            return Ok(());
        }
        self.follow(before, Some(after)).await
    }

    /// What an earlier try left: the entry has its new name by now, and others may name it by the old one.
    pub(super) async fn catch_up(&self, id: &Arc<str>, now: &str) -> Result<(), SystemError> {
        let before = self.directory().left_behind().get(id).cloned();
        match before.filter(|before| dn::normal(before) != dn::normal(now)) {
            Some(_) => self.follow_renamed(id, now).await,
            None => Ok(()),
        }
    }

    /// The names of entries that name another one.
    async fn listing(&self, objects: &Objects, attribute: &str, value: &str) -> Result<Vec<String>, SystemError> {
        let filter = Filter::and(&[objects.filter.clone(), Filter::equal(attribute, value.as_bytes())]);
        let found = self.directory().find(&objects.base, Scope::Subtree, &filter, &["1.1".to_owned()]).await?;
        Ok(found.into_iter().map(|entry| entry.name).collect())
    }

    /// Groups that name an entry by a name that it has no more, and those whose manager it is, name it by the new one, or not at all. Some servers do so by
    /// themselves, in their own time.
    pub(super) async fn follow(&self, before: &str, after: Option<&str>) -> Result<(), SystemError> {
        let layout = &self.directory().layout;
        if layout.dialect == LdapDialect::ActiveDirectory {
            return Ok(());
        }
        if let Some(groups) = layout.groups.as_ref().filter(|groups| groups.by_name()) {
            self.follow_in(&groups.objects, &groups.member, before, after, groups.empty.as_deref()).await?;
        }
        if let (Some(manager), Some(after)) = (layout.users.attributes.get("manager"), after) {
            self.follow_in(&layout.users, manager, before, Some(after), None).await?;
        }
        Ok(())
    }

    /// The attribute that logins are in.
    pub(super) fn login(&self) -> &str {
        self.directory().layout.users.attributes.get("userName").map_or("", String::as_str)
    }

    /// By what login a posixGroup would list an account; nothing where none does.
    pub(super) async fn listed(&self, kind: ObjectKind, name: &str) -> Result<Option<String>, SystemError> {
        let by_login = self.directory().layout.groups.as_ref().is_some_and(|groups| !groups.by_name());
        if kind != ObjectKind::Account || !by_login {
            return Ok(None);
        }
        let entry = self.directory().entry(name, &[self.login().to_owned()]).await?;
        Ok(entry.as_ref().and_then(|entry| entry.text(self.login())).map(str::to_owned))
    }

    /// A posixGroup lists logins: it goes on listing whoever has another one, and whoever gets one that is free again must not come into the groups of whoever
    /// had it.
    pub(super) async fn follow_login(&self, before: Option<&str>, after: Option<&str>) -> Result<(), SystemError> {
        let (Some(before), Some(groups)) = (before.filter(|before| Some(*before) != after), &self.directory().layout.groups) else {
            return Ok(());
        };
        self.follow_in(&groups.objects, &groups.member, before, after, None).await
    }

    async fn follow_in(
        &self,
        objects: &Objects,
        attribute: &str,
        before: &str,
        after: Option<&str>,
        empty: Option<&str>,
    ) -> Result<(), SystemError> {
        // An entry that is renamed itself meanwhile is found by its new name.
        for _ in 0..TRIES {
            if !self.follow_once((objects, attribute), (before, after), empty).await? {
                break;
            }
        }
        Ok(())
    }

    /// Says whether some of them were called otherwise by the time that they were to be changed.
    async fn follow_once(
        &self,
        (objects, attribute): (&Objects, &str),
        (before, after): (&str, Option<&str>),
        empty: Option<&str>,
    ) -> Result<bool, SystemError> {
        let mut missed = false;
        for name in self.listing(objects, attribute, before).await? {
            let mut edits: Vec<_> = after.map(|after| part(attribute, Edit::Add, after)).into_iter().collect();
            edits.push(part(attribute, Edit::Remove, before));
            let mut outcome = self.send(Request::modify(&name, &edits)).await?;
            if outcome.code == code::VALUE_EXISTS {
                // It has the new name already.
                edits.remove(0);
                outcome = self.send(Request::modify(&name, &edits)).await?;
            }
            if outcome.code == code::OBJECT_CLASS
                && let Some(empty) = empty
            {
                edits.insert(0, part(attribute, Edit::Add, empty));
                outcome = self.send(Request::modify(&name, &edits)).await?;
            }
            if !is_followed(&outcome) {
                let why = code::words(&outcome);
                return Err(SystemError::Rejected(format!("{name} still names {before}, which is gone, and can't be changed: {why}")));
            }
            missed |= outcome.code == code::NO_SUCH_OBJECT;
        }
        Ok(missed)
    }
}

fn part(attribute: &str, edit: Edit, value: &str) -> Modification {
    Modification { edit, attribute: attribute.to_owned(), values: vec![value.as_bytes().to_vec()] }
}

/// The server was faster, or the entry went.
fn is_followed(outcome: &Outcome) -> bool {
    matches!(outcome.code, code::SUCCESS | code::NO_SUCH_ATTRIBUTE | code::VALUE_EXISTS | code::NO_SUCH_OBJECT)
}
