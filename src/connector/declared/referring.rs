//! Attributes that name another account by an attribute of it (a manager by e-mail): read as the account's id, written as what it is called.
//!
//! Must never: take one of two accounts with the same value. Whoever is not found stays named as the system names it.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::definition::Objects;
use super::listing::records;
use super::pages::Turn;
use super::reader::{DeclaredReader, has};
use super::scope::{Scope, as_text};
use super::writer::DeclaredWriter;
use crate::connector::PageSink;
use crate::connector::connection::Again;
use crate::expr::Expression;
use crate::model::{Cell, Columns, ObjectKind, Page, SystemError};

/// Pages that wait until everybody who may be named in them came.
pub(super) struct Referring<'d> {
    config: &'d Json,
    /// of each such column its position, and what says how an account is called
    columns: Vec<(usize, &'d Expression)>,
    /// by column and name; nothing where two are called so
    ids: HashMap<(usize, String), Option<String>>,
    pages: Vec<Page>,
}

impl<'d> Referring<'d> {
    /// Nothing where no wanted column names others so.
    pub(super) fn new(objects: &'d Objects, config: &'d Json, columns: &Columns) -> Option<Self> {
        let columns: Vec<_> = columns.paths().iter().enumerate().filter_map(|(at, name)| Some((at, called(objects, name)?.1))).collect();
        (!columns.is_empty()).then(|| Self { config, columns, ids: HashMap::new(), pages: Vec::new() })
    }

    /// How an account is called.
    pub(super) fn note(&mut self, id: &str, record: &Json) {
        let scope = Scope::default().with("config", self.config).with("record", record);
        for (at, read) in &self.columns {
            for name in scope.value(read).ok().flatten().map(|value| names(&value)).unwrap_or_default() {
                let known = self.ids.entry((*at, name)).or_insert_with(|| Some(id.to_owned()));
                if known.as_deref() != Some(id) {
                    *known = None;
                }
            }
        }
    }

    /// Keeps a page.
    pub(super) fn hold(&mut self, page: &Page) {
        self.pages.push(page.clone());
    }

    /// Hands all pages on.
    pub(super) fn release(self, sink: &mut dyn PageSink) {
        for held in &self.pages {
            let id = |at: usize, name: &str| self.ids.get(&(at, name.to_lowercase())).cloned().flatten();
            sink.page(ObjectKind::Account, &rewritten(held, &id));
        }
    }
}

impl DeclaredReader {
    /// The same page with ids in place of what accounts are called, each asked for.
    pub(super) async fn referred(&self, objects: &Objects, page: &Page) -> Result<Page, SystemError> {
        let mut ids: HashMap<(usize, String), String> = HashMap::new();
        for (at, column) in page.columns().paths().iter().enumerate() {
            let Some((by, _)) = called(objects, column) else { continue };
            let Some(find) = objects.find.get(by) else { continue };
            for name in page.rows().filter_map(|row| row.cell(at).as_text().map(str::to_lowercase)) {
                let value = Json::from(name.as_str());
                let scope = self.api.scope().with("value", &value);
                let answer = match self.api.ask(find, &scope, &Turn::First, Again::IfAsked).await {
                    Err(SystemError::NotFound(_)) => continue,
                    answer => answer?,
                };
                let found = records(find, &answer)?.into_iter().filter(|record| has(objects, &scope, record, by, &name));
                if let [id] = found.filter_map(|record| scope.with("record", record).text(&objects.id)).collect::<Vec<_>>().as_slice() {
                    ids.insert((at, name), id.clone());
                }
            }
        }
        Ok(rewritten(page, &|at, name| ids.get(&(at, name.to_lowercase())).cloned()))
    }
}

impl DeclaredWriter {
    /// What an account is called where an attribute names it so.
    pub(super) async fn name_of(&self, objects: &Objects, attribute: &str, value: &Json) -> Result<Option<Json>, SystemError> {
        let (Some((by, read)), Some(id)) = (called(objects, attribute), value.as_str()) else { return Ok(None) };
        let record = match self.record(objects, &Json::from(id)).await {
            // Whoever is not made yet can't be asked how they are called.
            Err(SystemError::NotFound(_)) if self.api.connection.rehearsal().is_some() => return Ok(None),
            record => record?,
        };
        let scope = self.api.scope().with("record", &record);
        let name = scope.value(read).map_err(SystemError::Protocol)?.as_ref().and_then(first);
        name.map(|name| Some(Json::from(name))).ok_or_else(|| SystemError::Rejected(format!("{attribute}: the account {id} has no {by}")))
    }
}

/// The attribute by which another names an account, and how that is read; nothing where it is the id.
fn called<'d>(objects: &'d Objects, attribute: &str) -> Option<(&'d str, &'d Expression)> {
    let by = objects.attributes.get(attribute)?.refers.as_deref()?;
    Some((by, objects.attributes.get(by)?.read.as_ref()?))
}

fn rewritten(page: &Page, id: &dyn Fn(usize, &str) -> Option<String>) -> Page {
    let mut new = Page::new(page.columns().clone());
    for row in page.rows() {
        new.row(|out| {
            for (at, cell) in row.cells().enumerate() {
                match cell {
                    Cell::Text(name) => out.text(id(at, name).as_deref().unwrap_or(name)),
                    cell => out.cell(cell),
                }
            }
        });
    }
    new
}

/// All that something is called, in lower case.
fn names(value: &Json) -> Vec<String> {
    match value {
        Json::Array(items) => items.iter().flat_map(names).collect(),
        Json::Object(fields) => fields.get("value").map(names).unwrap_or_default(),
        other => as_text(other).map(|text| text.to_lowercase()).into_iter().collect(),
    }
}

/// What it is called first of all: the primary of several.
fn first(value: &Json) -> Option<String> {
    match value {
        Json::Array(items) => {
            let primary = items.iter().find(|item| item.get("primary") == Some(&Json::Bool(true)));
            primary.or(items.first()).and_then(first)
        }
        Json::Object(fields) => fields.get("value").and_then(first),
        other => as_text(other),
    }
}
