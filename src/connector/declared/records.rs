//! Records of a declared system as rows: of a Source the paths that its rules read, of a Target the attributes that the document maps.
//!
//! Must never: take a field that could not be read for one that is empty.

use std::sync::Arc;

use serde_json::Value as Json;

use super::definition::Objects;
use super::parts::{Hidden, below, read_by};
use super::scope::Scope;
use crate::expr::Evaluation;
use crate::model::{Columns, ObjectKind, Page, RowWriter, WRITABLE};

/// Packs records of one stream.
pub(super) struct Records<'d> {
    objects: &'d Objects,
    config: &'d Json,
    columns: Vec<(Column, Reads)>,
    pub(super) page: Page,
}

/// Where a column comes from.
enum Column {
    /// the system's own id
    Id,
    /// whether it has access; what says neither stands as it is
    Active,
    /// an attribute of the document
    Attribute(Arc<str>),
    /// a path of the record
    Path(Vec<Box<str>>),
    /// whether it may be changed here
    Writable,
    /// nothing here says it
    Nothing,
}

/// The paths below the record that a column reads.
type Reads = Vec<Vec<Box<str>>>;

impl Column {
    fn reads(&self, objects: &Objects) -> Reads {
        match self {
            Self::Id | Self::Nothing => Vec::new(),
            Self::Active => objects.active.iter().flat_map(|active| read_by(&active.read)).collect(),
            Self::Attribute(name) => {
                let read = objects.attributes.get(name).and_then(|attribute| attribute.read.as_ref());
                read.map(read_by).unwrap_or_default()
            }
            Self::Writable => objects.writable.iter().flat_map(read_by).collect(),
            Self::Path(path) => vec![path.clone()],
        }
    }
}

impl<'d> Records<'d> {
    /// For a stream; of a Source, columns are paths.
    pub(super) fn new(objects: &'d Objects, config: &'d Json, columns: &Arc<Columns>, of_source: bool) -> Self {
        let column = |path: &Arc<str>| match path.as_ref() {
            _ if of_source => Column::Path(below(path)),
            "id" => Column::Id,
            WRITABLE => Column::Writable,
            "active" if objects.active.is_some() => Column::Active,
            name if objects.attributes.contains_key(name) => Column::Attribute(path.clone()),
            _ => Column::Nothing,
        };
        let columns_of = columns.paths().iter().map(column).map(|column| {
            let reads = column.reads(objects);
            (column, reads)
        });
        Self { objects, config, columns: columns_of.collect(), page: Page::new(columns.clone()) }
    }

    /// The id of a record; nothing where it has none.
    pub(super) fn id(&self, record: &Json) -> Option<String> {
        let scope = Scope::default().with("config", self.config).with("record", record);
        scope.text(&self.objects.id).filter(|id| !id.is_empty())
    }

    /// Whether a record is none of these.
    pub(super) fn is_skipped(&self, record: &Json) -> bool {
        let scope = || Scope::default().with("config", self.config).with("record", record);
        self.objects.skip.as_ref().is_some_and(|skip| scope().holds(skip))
    }

    /// Packs a record; what reads something hidden is not known.
    pub(super) fn take(&mut self, record: &Json, hidden: &[Hidden]) {
        let scope = Scope::default().with("config", self.config).with("record", record);
        let (objects, columns) = (self.objects, &self.columns);
        self.page.row(|row| {
            for (column, reads) in columns {
                match Hidden::of(hidden, reads) {
                    Some(why) => row.unreadable(why),
                    None => write(objects, column, record, &scope, row),
                }
            }
        });
    }
}

fn write(objects: &Objects, column: &Column, record: &Json, scope: &Scope<'_>, row: &mut RowWriter<'_>) {
    let read = match column {
        Column::Nothing => return row.missing(),
        Column::Path(path) => {
            let found = path.iter().try_fold(record, |value, name| value.get(&**name));
            return cell(found, row);
        }
        Column::Writable => return row.bool(objects.is_writable(scope)),
        // A number or a text: an id is a text to everybody.
        Column::Id => {
            return match scope.text(&objects.id) {
                Some(id) => row.text(&id),
                None => row.missing(),
            };
        }
        Column::Active => {
            let Some(active) = &objects.active else { return row.missing() };
            return match active.says(scope) {
                Ok(active) => row.bool(active),
                Err(None) => row.null(),
                Err(Some(word)) => row.json(&Json::from(word).to_string()),
            };
        }
        Column::Attribute(name) => objects.attributes.get(name).and_then(|attribute| attribute.read.as_ref()),
    };
    if let Some(found) = read.and_then(|read| scope.plain(read)) {
        return cell(Some(found), row);
    }
    match read.map(|read| scope.evaluate(read)) {
        None | Some(Evaluation::Missing) => row.missing(),
        Some(Evaluation::Null) => row.null(),
        Some(Evaluation::Value(value)) => row.value(&value),
        Some(Evaluation::Failed(words)) => row.unreadable(&words),
    }
}

/// A JSON value as it stands.
fn cell(value: Option<&Json>, row: &mut RowWriter<'_>) {
    match value {
        None => row.missing(),
        Some(Json::Null) => row.null(),
        Some(Json::Bool(value)) => row.bool(*value),
        Some(Json::String(text)) => row.text(text),
        Some(Json::Number(number)) => match number.as_i64() {
            Some(number) => row.int(number),
            None => row.text(&number.to_string()),
        },
        Some(compound) => row.json(&compound.to_string()),
    }
}

/// The members of a group, as rows of group, member and kind.
pub(super) fn membership(page: &mut Page, group: &str, member: &str, kind: Option<ObjectKind>) {
    let columns = page.columns().clone();
    page.row(|row| {
        for column in columns.paths() {
            match (column.as_ref(), kind) {
                ("group", _) => row.text(group),
                ("member", _) => row.text(member),
                ("kind", Some(ObjectKind::Group)) => row.text("group"),
                ("kind", Some(_)) => row.text("account"),
                _ => row.missing(),
            }
        }
    });
}
