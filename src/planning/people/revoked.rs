//! Who is cut off, by a document or by a command, and why.
//!
//! Must never: take two keys of one person for two people.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

use crate::model::{Key, Memory, StandingRevocation};
use crate::planning::people::identity::Identities;
use crate::policy::{MemberPolicy, Policy, RevocationPolicy};

/// Who is cut off.
#[derive(Default)]
pub(in crate::planning) struct Revoked<'a> {
    orders: BTreeMap<Arc<str>, Order<'a>>,
    numbers: BTreeSet<u32>,
}

/// Why one identity is cut off.
#[derive(Default)]
pub(in crate::planning) struct Order<'a> {
    /// the documents that name it, and where
    pub(in crate::planning) documents: Vec<(&'a RevocationPolicy, &'a MemberPolicy)>,
    /// a command that did
    pub(in crate::planning) standing: Option<&'a StandingRevocation>,
}

impl<'a> Revoked<'a> {
    /// Everybody whom a document or a remembered command names.
    pub(in crate::planning) fn new(policy: &'a Policy, memory: &'a Memory, people: &Identities<'_>) -> Self {
        let mut revoked = Self::default();
        for document in &policy.revocations {
            for member in document.identities.iter().filter(|member| !Key::is_group(&member.key)) {
                revoked.order(people, &member.key).documents.push((document, member));
            }
        }
        for standing in &memory.revocations {
            revoked.order(people, &standing.key).standing = Some(standing);
        }
        revoked
    }

    fn order(&mut self, people: &Identities<'_>, key: &Arc<str>) -> &mut Order<'a> {
        let number = people.meant_by(key);
        self.numbers.extend(number);
        // By whatever key of theirs, it is the same identity.
        let key = number.map_or_else(|| key.clone(), |number| people.key(number));
        self.orders.entry(key).or_default()
    }

    /// Whether an identity is cut off.
    pub(in crate::planning) fn has(&self, number: u32) -> bool {
        !self.numbers.is_empty() && self.numbers.contains(&number)
    }

    /// Why a key's identity is cut off.
    pub(in crate::planning) fn of(&self, key: &str) -> Option<&Order<'a>> {
        self.orders.get(key)
    }

    /// By key.
    pub(in crate::planning) fn orders(&self) -> impl Iterator<Item = (&Arc<str>, &Order<'a>)> {
        self.orders.iter()
    }
}

impl Order<'_> {
    /// The last day of all that is said, if there is one.
    pub(in crate::planning) fn until(&self) -> Option<Date> {
        let of_documents = self.documents.iter().map(|(document, member)| document.until.into_iter().chain(member.until).min());
        let days = of_documents.chain(self.standing.iter().map(|standing| standing.until));
        days.collect::<Option<Vec<_>>>().and_then(|days| days.into_iter().max())
    }

    /// Every key by which it is named or was known when it was cut off.
    pub(in crate::planning) fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.documents.iter().map(|(_, member)| &member.key).chain(self.also())
    }

    /// Keys by which it was known when it was cut off.
    pub(in crate::planning) fn also(&self) -> impl Iterator<Item = &Arc<str>> {
        self.standing.iter().flat_map(|standing| standing.keys())
    }

    /// Whether a command still waits for its receipt from a target.
    pub(in crate::planning) fn is_open_at(&self, target: &str) -> bool {
        self.standing.is_some_and(|standing| {
            let receipt = standing.receipts.iter().find(|receipt| receipt.target.as_ref() == target);
            receipt.is_none_or(|receipt| !receipt.outcome.holds())
        })
    }
}
