//! Whether what is to be made is there already. Whoever else works at these tables may have made it since they were read, and not every table has a column that
//! is unique: so the look and the new row belong to one transaction.
//!
//! Must never: outlive its transaction.

use std::collections::{BTreeMap, HashMap};

use super::cell;
use super::layout::Objects;
use super::session::{Session, Values};
use super::write::Job;
use crate::model::{AttributeType, ObjectKind, SystemError, Value, attribute};

/// The marks and names of the rows that there are, each read when it is first asked for, and those that were made since.
#[derive(Default)]
pub(super) struct Fresh {
    known: BTreeMap<(ObjectKind, &'static str), HashMap<String, String>>,
}

impl Fresh {
    /// A conflict where a row has the mark or the name of what is to be made.
    pub(super) fn look(&mut self, session: &dyn Session, objects: &Objects, job: &Job) -> Result<(), SystemError> {
        for (by, value) in held(job) {
            // What the database refuses by itself needs no look.
            if objects.columns.get(by).is_none_or(|column| objects.unique.contains(&column.name)) {
                continue;
            }
            let known = match self.known.remove(&(job.kind, by)) {
                Some(known) => known,
                None => read(session, objects, by)?,
            };
            let found = known.get(&value).cloned();
            self.known.insert((job.kind, by), known);
            if let Some(key) = found {
                let table = &objects.table;
                return Err(SystemError::Conflict(format!(
                    "table `{table}` has a row with this {by} by now (its key is {key}), so no second one is made"
                )));
            }
        }
        Ok(())
    }

    /// Remembers a row that was made.
    pub(super) fn made(&mut self, job: &Job, key: &str) {
        for (by, value) in held(job) {
            if let Some(known) = self.known.get_mut(&(job.kind, by)) {
                known.insert(value, key.to_owned());
            }
        }
    }
}

/// The mark and the name that an object is made with, as they are compared.
fn held(job: &Job) -> impl Iterator<Item = (&'static str, String)> {
    let name = if job.kind == ObjectKind::Group { "displayName" } else { "userName" };
    let text = |by: &str| job.attributes.iter().find(|(attribute, _)| attribute.as_ref() == by)?.1.as_ref().and_then(Value::as_text);
    ["externalId", name].into_iter().filter_map(move |by| Some((by, comparable(by, text(by).filter(|text| !text.is_empty())?))))
}

fn comparable(by: &str, text: &str) -> String {
    let caseless = attribute(by).is_some_and(|known| matches!(known.kind, AttributeType::CaselessText | AttributeType::ManyCaseless));
    if caseless { text.to_lowercase() } else { text.to_owned() }
}

fn read(session: &dyn Session, objects: &Objects, by: &str) -> Result<HashMap<String, String>, SystemError> {
    let Some(column) = objects.columns.get(by) else { return Ok(HashMap::new()) };
    let mut values = Values::default();
    let only = objects.seen(&mut values);
    let sql = format!("SELECT {}, {} FROM {} WHERE {} IS NOT NULL{only}", objects.key.read(), column.read(), objects.table.sql, column.sql);
    let mut known = HashMap::new();
    session.query(&sql, &values.0, &mut |line| {
        // What is no text is no name of ours.
        if let (Ok(key), Ok(value)) = (cell::text(line.at(0)?), cell::text(line.at(1)?)) {
            known.insert(comparable(by, &value), key);
        }
        Ok(())
    })?;
    Ok(known)
}
