//! Adds members to a group and takes them out, one by one, whatever else the group holds.
//!
//! Must never: write a list as a whole, or leave a group without the member that its class asks for.

use std::collections::HashSet;
use std::sync::Arc;

use super::code;
use super::layout::Groups;
use super::message::{Edit, Modification, Request};
use super::write::{Task, done};
use crate::connector::Written;
use crate::model::{ObjectKind, SystemError, dn};

/// A group that others change meanwhile is looked at so often.
const TRIES: u32 = 4;

impl Task<'_> {
    /// Adds members, or removes them.
    pub(super) async fn change_members(
        &self,
        id: &Arc<str>,
        members: &[(ObjectKind, Arc<str>)],
        add: bool,
    ) -> Result<Written, SystemError> {
        let groups = self.directory().layout.groups()?;
        let mut values = self.values_of(groups, members, add).await?;
        let mut holds_nobody = false;
        for _ in 0..TRIES {
            if values.is_empty() {
                return Ok(Written { id: id.clone(), already_so: true });
            }
            let edits = self.edits(groups, id, &values, add, holds_nobody);
            let outcome = self.on(ObjectKind::Group, id, |name| Request::modify(name, &edits)).await?;
            match outcome.code {
                code::SUCCESS => {
                    let mut empty = self.directory().empty();
                    if add {
                        empty.remove(id);
                    } else if holds_nobody {
                        empty.insert(id.clone());
                    }
                    return Ok(Written { id: id.clone(), already_so: false });
                }
                code::OBJECT_CLASS if !add && groups.empty.is_some() && !holds_nobody => holds_nobody = true,
                // Some are there already, or gone; Active Directory has codes of its own for it.
                code::NO_SUCH_ATTRIBUTE | code::VALUE_EXISTS => values = self.still(groups, id, members, add).await?,
                code::ENTRY_EXISTS if add => values = self.still(groups, id, members, add).await?,
                code::UNWILLING if !add => {
                    let still = self.still(groups, id, members, add).await?;
                    if still == values {
                        return done(&outcome).map(|()| Written { id: id.clone(), already_so: false });
                    }
                    values = still;
                }
                _ => return done(&outcome).map(|()| Written { id: id.clone(), already_so: false }),
            }
        }
        Err(SystemError::Conflict("the group goes on changing".into()))
    }

    fn edits(&self, groups: &Groups, id: &str, values: &[String], add: bool, holds_nobody: bool) -> Vec<Modification> {
        let part = |edit, values: Vec<Vec<u8>>| Modification { edit, attribute: groups.member.clone(), values };
        let all = values.iter().map(|value| value.clone().into_bytes()).collect();
        let mut edits = vec![part(if add { Edit::Add } else { Edit::Remove }, all)];
        if let Some(empty) = &groups.empty {
            let nobody = vec![empty.clone().into_bytes()];
            if add && self.directory().empty().contains(id) {
                edits.push(part(Edit::Remove, nobody));
            } else if holds_nobody {
                // Before the last one goes.
                edits.insert(0, part(Edit::Add, nobody));
            }
        }
        edits
    }

    /// How the group lists these members.
    async fn values_of(&self, groups: &Groups, members: &[(ObjectKind, Arc<str>)], add: bool) -> Result<Vec<String>, SystemError> {
        let mut values = Vec::with_capacity(members.len());
        for (kind, member) in members {
            match self.reader.listed_as(groups, *kind, member).await {
                Ok(value) => values.push(value),
                // Whoever is gone is in no group; a login that nobody has is listed as it is.
                Err(SystemError::NotFound(_)) if !add && !groups.by_name() => values.push(member.to_string()),
                Err(SystemError::NotFound(_)) if !add => {}
                Err(error) => return Err(error),
            }
        }
        Ok(values)
    }

    /// Of these members those that are still to be added, or removed. Whoever moves at this very moment is listed by another name, so the names are asked for anew.
    async fn still(&self, groups: &Groups, id: &str, members: &[(ObjectKind, Arc<str>)], add: bool) -> Result<Vec<String>, SystemError> {
        let directory = self.directory();
        directory.empty().remove(id);
        members.iter().for_each(|(_, member)| directory.names().forget(member));
        let values = self.values_of(groups, members, add).await?;
        let name = directory.name_of(ObjectKind::Group, id).await?;
        let plain = |value: &str| if groups.by_name() { dn::normal(value) } else { value.to_owned() };
        let there: HashSet<String> = self.reader.members_of(groups, id, &name).await?.iter().map(|value| plain(value)).collect();
        Ok(values.into_iter().filter(|value| there.contains(&plain(value)) != add).collect())
    }
}
