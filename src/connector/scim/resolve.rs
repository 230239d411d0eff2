//! Members of groups as the accounts and groups that were read: by id, and where that names nobody by link, by the id in another case, by user name.
//!
//! Must never: take a member for one of two that it may be.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use super::manners::Manners;
use super::rows::Member;
use crate::model::{Cell, Evidence, ObjectKind, Page};

/// Fewer members than this who name nobody are left over from accounts that were deleted; planning tells of them.
const FEW: usize = 3;

/// The ids of a page of accounts.
pub fn ids(accounts: &Page) -> HashSet<Cow<'_, str>> {
    column(accounts, "id").map(|(_, id)| id).collect()
}

/// Gives members the ids of what they name. Where most name nobody, the service speaks of others than it lists, and nothing follows from its memberships.
pub fn resolve(members: &mut [(usize, Member)], groups: &[Box<str>], accounts: Option<&Page>, manners: &Manners) -> Evidence {
    for (_, member) in members.iter_mut().filter(|(_, member)| member.value.is_none()) {
        member.value = member.linked().map(Box::from);
    }
    let Some(accounts) = accounts else { return Evidence::Complete };
    let (known, groups) = (ids(accounts), groups.iter().map(AsRef::as_ref).collect::<HashSet<&str>>());
    let is_known = |id: &str| known.contains(id) || groups.contains(id);
    if members.iter().all(|(_, member)| member.value.as_deref().is_some_and(is_known)) {
        return Evidence::Complete;
    }
    let other = Other::new(accounts);
    let (mut lost, mut example) = (0, None);
    for (_, member) in members.iter_mut() {
        let Some(id) = member.value.as_deref().filter(|id| !is_known(id)) else { continue };
        let linked = member.linked().filter(|id| is_known(id)).map(Box::from);
        match linked.or_else(|| other.account(id).filter(|_| member.kind() != Some(ObjectKind::Group))) {
            Some(found) => {
                manners.lists_as(&found, id);
                member.value = Some(found);
            }
            None => {
                lost += 1;
                example = example.or_else(|| Some(id.to_owned()));
            }
        }
    }
    let found = members.len() - lost;
    if lost < FEW || lost <= found {
        return Evidence::Complete;
    }
    let reason = format!(
        "Groups: {lost} of {} members are no account or group that the service lists (the first: {}), so nobody knows who is in which group: look whether \
         the token may read all accounts",
        members.len(),
        example.unwrap_or_default().escape_debug().take(100).collect::<String>(),
    );
    Evidence::Partial { reason }
}

/// Accounts by what else a member may be given as; none where two are alike.
struct Other<'a>(BTreeMap<String, Option<Cow<'a, str>>>);

impl<'a> Other<'a> {
    fn new(accounts: &'a Page) -> Self {
        let mut by: BTreeMap<String, Option<Cow<'a, str>>> = BTreeMap::new();
        let all: Vec<Cow<'a, str>> = column(accounts, "id").map(|(_, id)| id).collect();
        let names = column(accounts, "userName").filter_map(|(at, name)| Some((name, all.get(at)?)));
        for (text, id) in all.iter().map(|id| (id.clone(), id)).chain(names) {
            let known = by.entry(text.to_lowercase()).or_insert_with(|| Some(id.clone()));
            if known.as_ref() != Some(id) {
                *known = None;
            }
        }
        Self(by)
    }

    fn account(&self, text: &str) -> Option<Box<str>> {
        self.0.get(&text.to_lowercase())?.as_deref().map(Box::from)
    }
}

fn column<'a>(page: &'a Page, name: &str) -> impl Iterator<Item = (usize, Cow<'a, str>)> {
    let position = page.columns().position(name).unwrap_or(usize::MAX);
    page.rows().enumerate().filter_map(move |(at, row)| match row.cell(position) {
        Cell::Text(text) => Some((at, Cow::Borrowed(text))),
        Cell::Int(number) => Some((at, Cow::Owned(number.to_string()))),
        _ => None,
    })
}
