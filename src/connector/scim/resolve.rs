//! Members of groups as the accounts and groups that were read: by id, and where that names nobody by link, by the id in another case (where that is one alone), by user name.
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
    let other = Other::new(accounts, &groups);
    let (mut lost, mut example) = (0, None);
    for (_, member) in members.iter_mut() {
        let Some(id) = member.value.as_deref().filter(|id| !is_known(id)) else { continue };
        let linked = member.linked().filter(|id| is_known(id)).map(Box::from);
        match linked.or_else(|| other.one(id, member.kind())) {
            Some(found) => {
                if member.linked().is_none() && found.to_lowercase() != id.to_lowercase() {
                    manners.named_members();
                }
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

/// What else a member may be given as, in small letters; none where two are alike.
type Alike<'a> = BTreeMap<String, Option<Cow<'a, str>>>;

/// Accounts and groups by what else a member may be given as.
struct Other<'a> {
    accounts: Alike<'a>,
    groups: Alike<'a>,
}

impl<'a> Other<'a> {
    fn new(accounts: &'a Page, groups: &HashSet<&'a str>) -> Self {
        let all: Vec<Cow<'a, str>> = column(accounts, "id").map(|(_, id)| id).collect();
        let names = column(accounts, "userName").filter_map(|(at, name)| Some((name, all.get(at)?)));
        let texts = all.iter().map(|id| (id.clone(), id)).chain(names);
        Self {
            accounts: alike(texts.map(|(text, id)| (text, id.clone()))),
            groups: alike(groups.iter().map(|id| (Cow::Borrowed(*id), Cow::Borrowed(*id)))),
        }
    }

    /// The one account or group that a text means, of the kind that the member says it is.
    fn one(&self, text: &str, kind: Option<ObjectKind>) -> Option<Box<str>> {
        let text = text.to_lowercase();
        let of =
            |alike: &Alike<'_>, other| if kind == Some(other) { None } else { alike.get(&text).map(|id| id.as_deref().map(Box::from)) };
        match (of(&self.accounts, ObjectKind::Group), of(&self.groups, ObjectKind::Account)) {
            (Some(found), None) | (None, Some(found)) => found,
            _ => None,
        }
    }
}

fn alike<'a>(texts: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Alike<'a> {
    let mut by = Alike::new();
    for (text, id) in texts {
        let known = by.entry(text.to_lowercase()).or_insert_with(|| Some(id.clone()));
        if known.as_ref() != Some(&id) {
            *known = None;
        }
    }
    by
}

fn column<'a>(page: &'a Page, name: &str) -> impl Iterator<Item = (usize, Cow<'a, str>)> {
    let position = page.columns().position(name).unwrap_or(usize::MAX);
    page.rows().enumerate().filter_map(move |(at, row)| match row.cell(position) {
        Cell::Text(text) => Some((at, Cow::Borrowed(text))),
        Cell::Int(number) => Some((at, Cow::Owned(number.to_string()))),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Columns;

    #[test]
    fn an_id_in_another_case_is_the_one_that_it_can_only_be() {
        let mut accounts = Page::new(Columns::new(["id", "userName"]));
        for (id, name) in [("u1", "ann"), ("same", "bob")] {
            accounts.row(|row| [id, name].into_iter().for_each(|text| row.text(text)));
        }
        let groups = ["g1".into(), "G2".into(), "g2".into(), "Same".into()];
        let found = |member: serde_json::Value| {
            let mut members = vec![(0, serde_json::from_value(member).expect("a member"))];
            resolve(&mut members, &groups, Some(&accounts), &Manners::default());
            members.remove(0).1.value.unwrap_or_default().into_string()
        };
        assert_eq!([json!({ "value": "U1" }), json!({ "value": "G1" })].map(found), ["u1", "g1"]);
        assert_eq!(
            [json!({ "value": "G1", "type": "User" }), json!({ "value": "SAME" })].map(found),
            ["G1", "SAME"],
            "nobody, or one of two"
        );
        assert_eq!([json!({ "value": "SAME", "type": "Group" }), json!({ "value": "g2" })].map(found), ["Same", "g2"]);
        assert_eq!(found(json!({ "value": "SAME", "type": "User" })), "same");
    }
}
