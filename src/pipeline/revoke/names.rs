//! What names mean by which somebody is to be cut off: keys, which nobody else ever has, and anything else, which is only answered.
//!
//! Must never: act on a name that could mean somebody else.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::everybody::Directory;
use crate::model::Key;
use crate::policy::Policy;
use crate::state::{About, Store};

/// NamesGiven, told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamesGiven<'n> {
    /// keys of identities
    pub keys: Vec<&'n str>,
    /// whatever else was said
    pub others: Vec<&'n str>,
}

impl<'n> NamesGiven<'n> {
    /// Tells keys from other names by their form. `broken`: manifests have errors, and a source may be missing among them.
    pub async fn told_apart(policy: &Policy, store: &dyn Store, names: BTreeSet<&'n str>, broken: bool) -> Self {
        let mut found = Self::default();
        for name in names {
            let is_key = is_key(policy, store, name, broken).await;
            if is_key { &mut found.keys } else { &mut found.others }.push(name);
        }
        found
    }
}

async fn is_key(policy: &Policy, store: &dyn Store, name: &str, broken: bool) -> bool {
    let Some((source, _)) = Key::of_identity(name) else { return false };
    let declared = Key::is_user(name) || policy.sources.iter().any(|known| known.name.as_ref() == source);
    declared || broken || is_linked(policy, store, name).await
}

/// Whether somebody whom no source has any more is remembered by it.
async fn is_linked(policy: &Policy, store: &dyn Store, name: &str) -> bool {
    let targets = policy.targets.iter().map(|target| target.name.clone()).collect();
    let about = About { targets, keys: vec![Arc::from(name)], ..About::default() };
    store.load_about(about).await.is_ok_and(|memory| memory.links.iter().any(|link| link.key.as_ref() == name))
}

/// What a name that is no key may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning<'n> {
    /// the name
    pub name: &'n str,
    /// the keys of whoever is known by it
    pub keys: Vec<Arc<str>>,
}

impl Directory<'_> {
    /// What names that are no keys may mean: a name may be handed on, so it is answered with keys and not acted on.
    pub fn meanings<'n>(&self, names: &[&'n str]) -> Vec<Meaning<'n>> {
        names.iter().map(|name| Meaning { name, keys: self.meant(name) }).collect()
    }
}
