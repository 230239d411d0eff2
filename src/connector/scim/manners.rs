//! What a service has shown of itself in this run: forms of a change that it does not take, whether its groups list members, ids that it gave.
//!
//! Must never: conclude from one kind of object or one shape of change to another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::api::Endpoint;

/// What a change does, as far as services take it in different forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// sets attributes
    Set,
    /// clears some
    Clear,
    /// adds members
    AddMembers,
    /// removes members
    RemoveMembers,
}

/// How a change is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// a PATCH of small operations; values are cleared by `remove`, members removed by a value path
    Paths,
    /// a PATCH that clears by writing null
    Nulls,
    /// a PATCH that clears by writing an empty text, or an empty list
    Empties,
    /// a PATCH that removes members by listing them
    Values,
    /// a PUT of the whole resource
    Whole,
}

/// Learned while the run goes on.
#[derive(Debug, Default)]
pub struct Manners {
    refused: Mutex<BTreeSet<(Endpoint, Shape, Form)>>,
    proved: Mutex<BTreeSet<(Endpoint, Shape)>>,
    given: Mutex<BTreeSet<(Endpoint, Box<str>)>>,
    listed_as: Mutex<BTreeMap<Box<str>, Box<str>>>,
    lists_members: AtomicBool,
    names_members: AtomicBool,
    no_bulk: AtomicBool,
    keeps_ids: Mutex<BTreeSet<Endpoint>>,
    locates: Mutex<BTreeSet<Endpoint>>,
}

impl Manners {
    /// Another form did what these could not.
    pub fn refuses(&self, endpoint: Endpoint, shape: Shape, forms: &[Form]) {
        held(&self.refused).extend(forms.iter().map(|form| (endpoint, shape, *form)));
    }

    /// Whether a form was refused for this kind and shape, while another one worked.
    pub fn refused(&self, endpoint: Endpoint, shape: Shape, form: Form) -> bool {
        held(&self.refused).contains(&(endpoint, shape, form))
    }

    /// A look showed that it does what it says.
    pub fn prove(&self, endpoint: Endpoint, shape: Shape) {
        held(&self.proved).insert((endpoint, shape));
    }

    /// Whether a look has shown it.
    pub fn proved(&self, endpoint: Endpoint, shape: Shape) -> bool {
        held(&self.proved).contains(&(endpoint, shape))
    }

    /// Notes the id of something that was made; false where it was given before, which makes it no id.
    pub fn gives(&self, endpoint: Endpoint, id: &str) -> bool {
        held(&self.given).insert((endpoint, id.into()))
    }

    /// A member is listed as something else than its id.
    pub fn lists_as(&self, id: &str, text: &str) {
        held(&self.listed_as).insert(id.into(), text.into());
    }

    /// What a member is listed as, where that is not its id.
    pub fn listed_as(&self, id: &str) -> Option<Box<str>> {
        held(&self.listed_as).get(id).cloned()
    }

    /// Some group listed its members, if only an empty list.
    pub fn told_members(&self) {
        self.lists_members.store(true, Ordering::Relaxed);
    }

    /// Some group listed a member by a user name.
    pub fn named_members(&self) {
        self.names_members.store(true, Ordering::Relaxed);
    }

    /// Whether groups list their members by user name.
    pub fn names_members(&self) -> bool {
        self.names_members.load(Ordering::Relaxed)
    }

    /// It says that it has Bulk, and takes none.
    pub fn refuse_bulk(&self) {
        self.no_bulk.store(true, Ordering::Relaxed);
    }

    /// Whether Bulk was refused.
    pub fn refuses_bulk(&self) -> bool {
        self.no_bulk.load(Ordering::Relaxed)
    }

    /// Something was renamed, and kept its id.
    pub fn keep_ids(&self, endpoint: Endpoint) {
        held(&self.keeps_ids).insert(endpoint);
    }

    /// Whether what is renamed was seen to keep its id.
    pub fn keeps_ids(&self, endpoint: Endpoint) -> bool {
        held(&self.keeps_ids).contains(&endpoint)
    }

    /// A `Location` led to what was made.
    pub fn locate(&self, endpoint: Endpoint) {
        held(&self.locates).insert(endpoint);
    }

    /// Whether a `Location` was seen to lead to what was made.
    pub fn locates(&self, endpoint: Endpoint) -> bool {
        held(&self.locates).contains(&endpoint)
    }

    /// What was seen, in words.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.names_members() {
            words.push("groups list their members by user name".to_owned());
        }
        if self.refuses_bulk() {
            words.push("Bulk is offered, and was refused".to_owned());
        }
        for (endpoint, shape, form) in held(&self.refused).iter() {
            let what = match shape {
                Shape::Set => "set values",
                Shape::Clear => "clear values",
                Shape::AddMembers => "add members",
                Shape::RemoveMembers => "remove members",
            };
            let how = match form {
                Form::Paths => "small operations",
                Form::Nulls => "null",
                Form::Empties => "an empty value",
                Form::Values => "a list of those who go",
                Form::Whole => "PUT",
            };
            words.push(format!("{} does not {what} by {how}", endpoint.name()));
        }
        words
    }

    /// Whether groups list their members without being asked.
    pub fn lists_members(&self) -> bool {
        self.lists_members.load(Ordering::Relaxed)
    }
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
