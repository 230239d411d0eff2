//! How one service is spoken to: what its manifest, or its Connector document, declares over what it tells of itself. Every switch is here, and nowhere else;
//! what only answers show is in [`super::manners`]. docs/scim.md has a table of them.
//!
//! Must never: let a service be believed more for what is declared of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::discovery::Discovery;
use super::manners::{Form, Shape};
use crate::manifest::connection::{ScimClearing, ScimDialect, ScimManager, ScimMemberValue, ScimPaging, ScimRemoval, ScimWithout};
use crate::model::{Capabilities, Value};

/// How one service is spoken to.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// PATCH is taken
    pub patch: bool,
    /// PUT is taken
    pub put: bool,
    /// filters are asked; their answers are checked all the same
    pub filter: bool,
    /// changes go under the version that was read
    pub etag: bool,
    /// many changes in one request, and how many
    pub bulk: Option<BulkBounds>,
    /// how pages are asked for
    pub paging: ScimPaging,
    /// members are written by user name
    pub by_user_name: bool,
    /// members are written with `$ref` and `type`
    pub member_ref: bool,
    /// who stands in each group from the beginning
    pub empty_member: Option<Box<str>>,
    /// `manager` is a plain text
    pub manager_text: bool,
    /// `active` is a text
    pub text_booleans: bool,
    removal: Option<ScimRemoval>,
    clear: Option<ScimClearing>,
    single_valued: BTreeSet<Arc<str>>,
    required: BTreeSet<Arc<str>>,
    without: Vec<ScimWithout>,
}

/// How much one Bulk request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkBounds {
    /// changes
    pub operations: usize,
    /// bytes
    pub payload: usize,
}

/// More changes than this in one request gain little, an answer that is lost leaves all of them open, and whoever is revoked meanwhile is only noticed after them.
const MOST_IN_BULK: usize = 20;
/// Where the service says nothing.
const MOST_BYTES: usize = 1 << 20;

impl Dialect {
    /// What is declared, over what the service tells.
    pub fn new(declared: &ScimDialect, told: &Discovery) -> Self {
        let names = |names: &[String]| names.iter().map(|name| Arc::from(name.as_str())).collect();
        let offered = told.bulk.filter(|_| declared.bulk != Some(false));
        let declared_bulk = (declared.bulk == Some(true)).then_some(BulkBounds { operations: 0, payload: 0 });
        Self {
            patch: declared.patch.unwrap_or(told.patch),
            put: declared.put.unwrap_or(true),
            filter: declared.filter.unwrap_or(told.filter),
            etag: declared.etag.unwrap_or(told.etag),
            bulk: offered.or(declared_bulk).map(BulkBounds::within_reason),
            paging: declared.paging.unwrap_or(if told.cursor { ScimPaging::Cursor } else { ScimPaging::Index }),
            by_user_name: declared.members == Some(ScimMemberValue::UserName),
            member_ref: declared.member_ref,
            empty_member: declared.empty_member.as_deref().map(Box::from),
            manager_text: declared.manager.map_or(told.manager_text, |manager| manager == ScimManager::Text),
            text_booleans: declared.text_booleans || told.text_booleans,
            removal: declared.remove_members,
            clear: declared.clear,
            single_valued: names(&declared.single_valued),
            required: names(&declared.required),
            without: declared.without.clone(),
        }
    }

    /// Ways to send a change of this shape, best first. Listing members in a `remove` comes last where nobody says so: a service that does not read the list
    /// would take everybody out.
    pub fn forms(&self, shape: Shape) -> Vec<Form> {
        let all: &[Form] = match (shape, self.clear, self.removal) {
            (Shape::Set | Shape::AddMembers, ..) | (Shape::Clear, Some(ScimClearing::Remove), _) => &[Form::Paths, Form::Whole],
            (Shape::Clear, Some(ScimClearing::Null), _) => &[Form::Nulls, Form::Whole],
            (Shape::Clear, Some(ScimClearing::Empty), _) => &[Form::Empties, Form::Whole],
            (Shape::Clear, None, _) => &[Form::Paths, Form::Nulls, Form::Empties, Form::Whole],
            (Shape::RemoveMembers, _, Some(ScimRemoval::Path)) => &[Form::Paths, Form::Whole],
            (Shape::RemoveMembers, _, Some(ScimRemoval::Value)) => &[Form::Values, Form::Whole],
            (Shape::RemoveMembers, _, Some(ScimRemoval::Put)) => &[Form::Whole],
            (Shape::RemoveMembers, _, None) => &[Form::Paths, Form::Whole, Form::Values],
        };
        all.iter().copied().filter(|form| if *form == Form::Whole { self.put } else { self.patch }).collect()
    }

    /// What stands in a whole resource in the place of what is cleared; nothing: it is left out.
    pub fn blank_in_whole(&self) -> Option<Form> {
        match self.clear? {
            ScimClearing::Remove => None,
            ScimClearing::Null => Some(Form::Nulls),
            ScimClearing::Empty => Some(Form::Empties),
        }
    }

    /// A value as the service keeps it: of several the primary one, else the first.
    pub fn kept(&self, attribute: &str, value: &Value) -> Value {
        if self.single_valued.contains(attribute) { value.primary() } else { value.clone() }
    }

    /// What can be done, within what is declared.
    pub fn narrow(&self, can: &mut Capabilities) {
        for without in &self.without {
            match without {
                ScimWithout::DeleteAccounts => can.delete_accounts = false,
                ScimWithout::DeleteGroups => can.delete_groups = false,
                ScimWithout::Groups => without_groups(can),
            }
        }
        can.required_attributes.extend(self.required.iter().cloned());
        can.single_valued_attributes.extend(self.single_valued.iter().cloned());
    }

    /// What is other than RFC 7643 and 7644 have it, in words.
    pub fn words(&self) -> Vec<String> {
        let listed = |names: &BTreeSet<Arc<str>>| names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
        let mut words: Vec<String> = [
            (!self.patch, "no PATCH: whole resources go by PUT"),
            (!self.put, "no PUT"),
            (!self.filter, "no filters: lists are read as a whole"),
            (self.etag, "versions: what sets values goes under the one that was read"),
            (self.paging == ScimPaging::Cursor, "pages by cursor"),
            (self.paging == ScimPaging::None, "lists without paging"),
            (self.by_user_name, "members by user name"),
            (self.member_ref, "members with $ref"),
            (self.empty_member.is_some(), "groups are made with a member who stays"),
            (self.manager_text, "manager as a plain text"),
            (self.text_booleans, "active as a text"),
            (self.removal == Some(ScimRemoval::Value), "members are removed by listing them"),
            (self.removal == Some(ScimRemoval::Put), "members are removed by PUT of the others"),
            (self.clear == Some(ScimClearing::Null), "values are cleared by null"),
            (self.clear == Some(ScimClearing::Empty), "values are cleared by an empty text"),
        ]
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, words)| words.to_owned())
        .collect();
        words.extend(self.bulk.map(|bulk| format!("Bulk, {} changes at once", bulk.operations)));
        words.extend((!self.single_valued.is_empty()).then(|| format!("one value only of {}", listed(&self.single_valued))));
        words
    }
}

impl BulkBounds {
    fn within_reason(self) -> Self {
        let or = |said: usize, most: usize| if said == 0 { most } else { said.min(most) };
        Self { operations: or(self.operations, MOST_IN_BULK), payload: or(self.payload, MOST_BYTES) }
    }
}

fn without_groups(can: &mut Capabilities) {
    for of_groups in [
        &mut can.read_groups,
        &mut can.create_groups,
        &mut can.update_groups,
        &mut can.delete_groups,
        &mut can.write_memberships,
        &mut can.nested_groups,
    ] {
        *of_groups = false;
    }
    can.group_marker = None;
}
