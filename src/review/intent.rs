//! What a branch says differently: the documents of two revisions held against each other by kind and name, field by field.
//!
//! Where a document stands, in which order its keys come and how its values are quoted says nothing. Must never: read a file, or take two lists in another order
//! for the same where the order counts.

mod fields;
mod likeness;

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{DocumentChange, DocumentDifference, DocumentLines, DocumentName, FieldChange};
use crate::manifest::{Document, Loaded, Origin};
use crate::model::{Tables, Value};

/// A document without where and how it is written.
struct Canonical<'a> {
    content: Json,
    origin: &'a Origin,
}

type Documents<'a> = BTreeMap<DocumentName, Canonical<'a>>;

/// Everything that differs, sorted by kind and name.
pub fn intent(base: &Loaded, head: &Loaded) -> Vec<DocumentChange> {
    let (before, after) = (documents(base), documents(head));
    let names: BTreeSet<&DocumentName> = before.keys().chain(after.keys()).collect();
    let sides = Sides { base, head };
    let mut changes: Vec<DocumentChange> =
        names.into_iter().filter_map(|name| sides.change(name, before.get(name), after.get(name))).collect();
    likeness::mark(&mut changes, &before, &after);
    changes
}

/// SHA-256 over all documents without their places, in hex: the same after a squash, a rebase, or a move of files.
pub fn manifests_digest(loaded: &Loaded) -> String {
    let documents = documents(loaded);
    let mut context = digest::Context::new(&digest::SHA256);
    for (name, document) in &documents {
        add_to(&mut context, &(&name.kind, &name.name, &document.content));
    }
    hex(context)
}

/// SHA-256 over the documents that differ, as both revisions say them, in hex. It is not moved by what else stands in the repository, nor by how it came there.
pub fn difference_digest(base: &Loaded, head: &Loaded) -> String {
    let (before, after) = (documents(base), documents(head));
    let names: BTreeSet<&DocumentName> = before.keys().chain(after.keys()).collect();
    let differing = names.into_iter().filter_map(|name| {
        let sides = [before.get(name), after.get(name)].map(|document| document.map(|document| &document.content));
        (sides[0] != sides[1]).then_some((&name.kind, &name.name, sides))
    });
    let mut context = digest::Context::new(&digest::SHA256);
    differing.for_each(|one| add_to(&mut context, &one));
    hex(context)
}

/// Each is behind its length, so that none runs into the next.
fn add_to(context: &mut digest::Context, value: &impl Serialize) {
    // Serialising plain values into memory can't fail.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    context.update(&(bytes.len() as u64).to_le_bytes());
    context.update(&bytes);
}

fn hex(context: digest::Context) -> String {
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn documents(loaded: &Loaded) -> Documents<'_> {
    let mut all = Documents::new();
    if let Some(document) = &loaded.workspace {
        let mut canonical = canonical(document);
        if let Some(tables) = canonical.content.pointer_mut("/spec/tables") {
            with_rows(tables, &loaded.tables);
        }
        all.insert(DocumentName { kind: "Workspace".into(), name: document.name.clone() }, canonical);
    }
    add(&mut all, "Source", &loaded.sources);
    add(&mut all, "Target", &loaded.targets);
    add(&mut all, "AttributeMapping", &loaded.mappings);
    add(&mut all, "User", &loaded.users);
    add(&mut all, "Group", &loaded.groups);
    add(&mut all, "Entitlement", &loaded.entitlements);
    add(&mut all, "Revocation", &loaded.revocations);
    add(&mut all, "PlanApproval", &loaded.approvals);
    add(&mut all, "Connector", &loaded.connectors);
    add(&mut all, "ConnectorTest", &loaded.connector_tests);
    add(&mut all, "Persona", &loaded.personas);
    all
}

fn add<'a, T: Serialize>(all: &mut Documents<'a>, kind: &str, documents: &'a [Document<T>]) {
    for document in documents {
        all.insert(DocumentName { kind: kind.into(), name: document.name.clone() }, canonical(document));
    }
}

/// What is as good as absent is absent: the specs leave out what says no more than its default.
fn canonical<T: Serialize>(document: &Document<T>) -> Canonical<'_> {
    let mut content = json!({ "spec": serde_json::to_value(&document.spec).unwrap_or_default() });
    if let (Some(content), false) = (content.as_object_mut(), document.labels.is_empty()) {
        content.insert("metadata".into(), json!({ "labels": document.labels }));
    }
    Canonical { content, origin: &document.origin }
}

/// A table of a file says what the file says.
fn with_rows(written: &mut Json, tables: &Tables) {
    let Some(written) = written.as_object_mut() else { return };
    for (name, table) in written {
        let rows = tables.get(name.as_str()).map(|table| table.entries.iter());
        if let (Some(file), Some(rows)) = (table.get_mut("file").and_then(Json::as_object_mut), rows) {
            let rows = rows.map(|(key, value)| (key.to_string(), value.as_ref().map_or(Json::Null, Value::to_json)));
            file.insert(ROWS.into(), rows.collect());
        }
    }
}

/// Under this name the rows of a table's file stand.
const ROWS: &str = "rows";

struct Sides<'a> {
    base: &'a Loaded,
    head: &'a Loaded,
}

impl Sides<'_> {
    fn change(&self, name: &DocumentName, before: Option<&Canonical<'_>>, after: Option<&Canonical<'_>>) -> Option<DocumentChange> {
        let mut fields = Vec::new();
        let what = match (before, after) {
            (None, None) => return None,
            (None, Some(_)) => DocumentDifference::Added,
            (Some(_), None) => DocumentDifference::Removed,
            (Some(before), Some(after)) if before.content != after.content => {
                fields = fields::differences((self.base, before.origin), (self.head, after.origin), &before.content, &after.content);
                DocumentDifference::Changed
            }
            (Some(before), Some(after)) if before.origin.file != after.origin.file => DocumentDifference::Moved,
            (Some(before), Some(after)) if written(self.base, before.origin) != written(self.head, after.origin) => {
                DocumentDifference::Cosmetic
            }
            (Some(_), Some(_)) => return None,
        };
        let (base, head) = (before.map(|it| lines(self.base, it.origin)), after.map(|it| lines(self.head, it.origin)));
        Some(DocumentChange { document: name.clone(), what, fields, looks_like: None, base, head })
    }
}

/// A document as it is written, without the line that parts it from the one before.
fn written<'l>(loaded: &'l Loaded, origin: &Origin) -> &'l str {
    let text = loaded.text(origin);
    text.strip_prefix("---").unwrap_or(text).trim()
}

fn lines(loaded: &Loaded, origin: &Origin) -> DocumentLines {
    let text = loaded.text(origin).trim_end();
    let count = text.bytes().filter(|byte| *byte == b'\n').count();
    let first = loaded.place(origin, "").line;
    let last = origin.line.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    DocumentLines { file: origin.file.clone(), first, last: last.max(first) }
}

#[cfg(test)]
mod tests;
