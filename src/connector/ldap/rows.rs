//! Entries as rows, under headcount's names.
//!
//! Must never: invent a value, or take what only fills a gap in the schema for one.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::dialect::{Active, IdKind, last_modified};
use super::directory::{Names, wanted};
use super::layout::{Layout, Objects};
use super::message::Entry;
use crate::manifest::connection::LdapDialect;
use crate::model::{
    CONTAINER, Columns, ELSEWHERE, LAST_MODIFIED, LAST_MODIFIED_BY, ObjectKind, Page, RDN, RowWriter, SystemError, attribute, dn,
};

/// How the columns of a stream are made of entries.
#[derive(Clone, Debug)]
pub(super) struct EntryRows {
    columns: Vec<Column>,
    id: IdKind,
    active: Active,
    rdn: String,
    base: String,
    /// these stand where lists don't look
    elsewhere: bool,
    /// what is asked for
    pub(super) attributes: Vec<String>,
    /// where a column names another account
    pub(super) reference: Option<usize>,
}

/// One column.
#[derive(Clone, Debug)]
enum Column {
    Nowhere,
    Id,
    /// the DN
    Name,
    Active,
    /// the DN, of what stands where lists don't look
    Elsewhere,
    /// the entries between it and the base of all
    Container,
    /// the first part of the DN
    Rdn,
    /// another account, by its DN
    Reference(String),
    /// one value; the other says nothing
    One(String, Option<String>),
    /// one value or several, as they come
    Any(String),
}

impl EntryRows {
    /// Of a Target's stream.
    pub(super) fn of_target(layout: &Layout, kind: ObjectKind, objects: &Objects, columns: &Columns) -> Self {
        let active = if kind == ObjectKind::Account { layout.active.clone() } else { Active::Nowhere };
        let column = |path: &str| match (path, objects.attributes.get(path)) {
            ("id", _) => Column::Id,
            ("active", _) => Column::Active,
            (ELSEWHERE, _) => Column::Elsewhere,
            (CONTAINER, _) if kind == ObjectKind::Account => Column::Container,
            (RDN, _) if kind == ObjectKind::Account => Column::Rdn,
            (LAST_MODIFIED, None) => Column::Any(last_modified(layout.dialect).to_owned()),
            // Active Directory keeps no name of whoever changed an entry.
            (LAST_MODIFIED_BY, None) if layout.dialect != LdapDialect::ActiveDirectory => Column::Any("modifiersName".to_owned()),
            (_, None) => Column::Nowhere,
            ("manager", Some(own)) => Column::Reference(own.clone()),
            (name, Some(own)) if attribute(name).is_some_and(|known| known.kind.is_many()) => Column::Any(own.clone()),
            (_, Some(own)) => Column::One(own.clone(), objects.required.get(&own.to_lowercase()).cloned()),
        };
        Self::new(columns.paths().iter().map(|path| column(path)).collect(), layout.id, active, objects)
    }

    /// Of a Source: attributes under their own names, or under those that the manifest gives them.
    pub(super) fn of_source(layout: &Layout, names: &std::collections::BTreeMap<String, String>, columns: &Columns) -> Self {
        let column = |path: &str| match path {
            "id" => Column::Id,
            "dn" => Column::Name,
            "active" => Column::Active,
            // What stands below an attribute is none of a directory's.
            path if path.contains('.') && !names.contains_key(path) => Column::Nowhere,
            path => Column::Any(names.get(path).map_or_else(|| path.to_owned(), String::clone)),
        };
        Self::new(columns.paths().iter().map(|path| column(path)).collect(), layout.id, layout.active.clone(), &layout.users)
    }

    fn new(columns: Vec<Column>, id: IdKind, active: Active, objects: &Objects) -> Self {
        let named = columns.iter().filter_map(|column| match column {
            Column::Reference(own) | Column::One(own, _) | Column::Any(own) => Some(own.as_str()),
            Column::Active => active.attribute(),
            Column::Nowhere | Column::Id | Column::Name | Column::Elsewhere | Column::Container | Column::Rdn => None,
        });
        let attributes = wanted(named.chain([id.attribute()]));
        let reference = columns.iter().position(|column| matches!(column, Column::Reference(_)));
        Self { columns, id, active, rdn: objects.rdn.clone(), base: objects.base.clone(), elsewhere: false, attributes, reference }
    }

    /// Of entries that lists don't show.
    pub(super) fn elsewhere(self) -> Self {
        Self { elsewhere: true, ..self }
    }

    /// The id of an entry.
    pub(super) fn id(&self, entry: &Entry) -> Result<Arc<str>, SystemError> {
        let missing = || {
            SystemError::Forbidden(format!(
                "an entry shows no `{0}`, by which it is known: allow this account to read `{0}`, or correct `dialect`",
                self.id.attribute()
            ))
        };
        self.id.read(entry).map(Arc::from).ok_or_else(missing)
    }

    /// The DN that an entry refers to, where it refers to an account.
    pub(super) fn refers_to<'e>(&self, entry: &'e Entry) -> Option<&'e str> {
        match self.columns.get(self.reference?)? {
            Column::Reference(own) => entry.text(own).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// Adds a row. Where it refers to somebody, that is `whom`.
    pub(super) fn write(&self, entry: &Entry, id: &str, whom: Option<&str>, page: &mut Page) {
        page.row(|row| {
            for column in &self.columns {
                match column {
                    Column::Nowhere => row.missing(),
                    Column::Id => row.text(id),
                    Column::Name => row.text(&entry.name),
                    Column::Elsewhere if self.elsewhere => row.text(&entry.name),
                    Column::Elsewhere => row.missing(),
                    Column::Active => row.bool(self.active.read(entry)),
                    Column::Container => match dn::between(dn::parent(&entry.name), &self.base).filter(|place| !place.is_empty()) {
                        Some(place) => row.text(&place),
                        None => row.missing(),
                    },
                    Column::Rdn => {
                        let head = dn::head(&entry.name);
                        row.text(&dn::plain(head).unwrap_or_else(|| head.to_owned()));
                    }
                    Column::Reference(_) => match whom {
                        Some(whom) => row.text(whom),
                        None => row.missing(),
                    },
                    Column::One(own, gap) => self.one(entry, own, gap.as_deref(), row),
                    Column::Any(own) => any(entry.values(own), row),
                }
            }
        });
    }

    /// Of several values the one that names the entry, else the first in order: servers give them in any.
    fn one(&self, entry: &Entry, own: &str, gap: Option<&str>, row: &mut RowWriter<'_>) {
        let value = match entry.values(own) {
            [] => None,
            [one] => Some(text(one)),
            many => {
                let named =
                    dn::first(&entry.name).filter(|(name, _)| name.eq_ignore_ascii_case(own) && own.eq_ignore_ascii_case(&self.rdn));
                let named =
                    named.and_then(|(_, value)| many.iter().map(|known| text(known)).find(|known| known.eq_ignore_ascii_case(&value)));
                named.or_else(|| many.iter().map(|value| text(value)).min())
            }
        };
        match value {
            Some(value) if !value.is_empty() && gap != Some(value.as_str()) => row.text(&value),
            _ => row.missing(),
        }
    }
}

/// Adds a row that refers to somebody who is known by now.
pub(super) fn settle(rows: &Page, reference: usize, names: &Names, page: &mut Page, mut full: impl FnMut(&mut Page)) {
    for row in rows.rows() {
        page.row(|out| {
            for (at, cell) in row.cells().enumerate() {
                let whom = (at == reference).then(|| cell.as_text().and_then(|name| names.who(name))).flatten();
                match whom {
                    Some((_, id)) => out.text(id),
                    None => out.cell(cell),
                }
            }
        });
        full(page);
    }
}

fn any(values: &[Bytes], row: &mut RowWriter<'_>) {
    match values {
        [] => row.missing(),
        [one] => row.text(&text(one)),
        many => {
            let mut texts: Vec<String> = many.iter().map(|value| text(value)).collect();
            texts.sort();
            row.json(&serde_json::Value::from(texts).to_string());
        }
    }
}

/// A value as text; what is none as base64.
fn text(value: &[u8]) -> String {
    std::str::from_utf8(value).map_or_else(|_| STANDARD.encode(value), str::to_owned)
}
