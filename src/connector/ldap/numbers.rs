//! Numbers that new entries get (`uidNumber`, `gidNumber`): of a range, and each once in the directory.
//!
//! Must never: give out a number while it is not known which are taken, or one that somebody else got meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::Mutex;

use super::directory::Directory;
use super::filter::Filter;
use super::message::{Edit, Modification, Request, Scope};
use super::write::{Task, done};
use crate::manifest::connection::NumberRange;
use crate::model::{ObjectKind, SystemError};

/// Others may give out numbers at the same time; so often another one is tried.
const TRIES: u32 = 8;

/// What is taken, by attribute, and what one run gave out.
#[derive(Debug, Default)]
pub(super) struct Numbers(Mutex<BTreeMap<String, BTreeSet<u32>>>);

impl Numbers {
    /// A number that nobody has.
    async fn take(&self, directory: &Directory, attribute: &str, range: NumberRange) -> Result<u32, SystemError> {
        let mut known = self.0.lock().await;
        if !known.contains_key(attribute) {
            known.insert(attribute.to_owned(), taken(directory, attribute).await?);
        }
        let taken = known.entry(attribute.to_owned()).or_default();
        let free = (range.from..=range.to).find(|number| !taken.contains(number)).ok_or_else(|| {
            let NumberRange { from, to } = range;
            SystemError::Rejected(format!("no `{attribute}` from {from} to {to} is free; widen the range in `numbers`"))
        })?;
        taken.insert(free);
        Ok(free)
    }
}

/// All in the directory that have a number, people or not.
async fn taken(directory: &Directory, attribute: &str) -> Result<BTreeSet<u32>, SystemError> {
    let found = directory.find(directory.top(), Scope::Subtree, &Filter::present(attribute), &[attribute.to_owned()]).await?;
    Ok(found.iter().filter_map(|entry| entry.text(attribute)?.parse().ok()).collect())
}

impl Task<'_> {
    /// A number for each of these attributes.
    pub(super) async fn numbers(&self, ranges: &BTreeMap<String, NumberRange>) -> Result<Vec<(String, u32)>, SystemError> {
        let mut given = Vec::new();
        for (attribute, range) in ranges {
            given.push((attribute.clone(), self.numbers.take(self.directory(), attribute, *range).await?));
        }
        Ok(given)
    }

    /// Of two that were given one number at the same time the one that headcount made gets another.
    pub(super) async fn numbered(
        &self,
        kind: ObjectKind,
        id: &Arc<str>,
        given: Vec<(String, u32)>,
        ranges: &BTreeMap<String, NumberRange>,
    ) -> Result<(), SystemError> {
        for (attribute, mut number) in given {
            let Some(range) = ranges.get(&attribute) else { continue };
            for _ in 0..TRIES {
                let who = Filter::equal(&attribute, number.to_string().as_bytes());
                if self.directory().find(self.directory().top(), Scope::Subtree, &who, &["1.1".to_owned()]).await?.len() < 2 {
                    break;
                }
                let another = self.numbers.take(self.directory(), &attribute, *range).await?;
                let edit =
                    Modification { edit: Edit::Replace, attribute: attribute.clone(), values: vec![another.to_string().into_bytes()] };
                done(&self.on(kind, id, |name| Request::modify(name, std::slice::from_ref(&edit))).await?)?;
                number = another;
            }
        }
        Ok(())
    }
}
