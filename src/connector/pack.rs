//! Records packed into rows: the wanted columns of a JSON object (or any other serde map) go straight into a page.
//!
//! What nobody asked for is skipped where it stands. Memory is one scratch buffer, however large the file is.
//! Must never: build a tree of a record, take one of two values of a doubled key, or round a number.

mod json_text;
mod plain;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::expr::segments_of_path;
use crate::model::{Columns, Page, RowWriter, Value};

use json_text::{JsonText, exact_number};
use plain::Plain;

/// Packs records of one stream. Make one for a stream and use it for every record.
#[derive(Debug)]
pub struct Packer {
    slot_of_column: Vec<usize>,
    root: Vec<Node>,
    scratch: Scratch,
    plain: Plain,
}

/// Packs the one record that a deserializer stands at into a page.
pub struct RecordSeed<'p> {
    packer: &'p mut Packer,
    page: &'p mut Page,
}

impl Packer {
    /// For rows of these columns; pages must have the same ones.
    pub fn new(columns: &Arc<Columns>) -> Self {
        let mut packer = Self { slot_of_column: Vec::new(), root: Vec::new(), scratch: Scratch::default(), plain: Plain::default() };
        for path in columns.paths() {
            let slot = plant(&mut packer.root, &segments_of_path(path), &mut packer.scratch);
            packer.slot_of_column.push(slot);
        }
        packer
    }

    /// Packs the text of one JSON object.
    pub fn json(&mut self, text: &str, page: &mut Page) -> Result<(), serde_json::Error> {
        self.scratch.reset();
        if self.plain.read(text, &self.root, &mut self.scratch) {
            self.write(text, page);
            return Ok(());
        }
        let mut deserializer = serde_json::Deserializer::from_str(text);
        self.scratch.reset();
        deserializer.deserialize_map(Fields { nodes: &self.root, scratch: &mut self.scratch })?;
        deserializer.end()?;
        self.write(&self.scratch.text, page);
        Ok(())
    }

    /// Packs the record that some other deserializer stands at: an element of a list that is being streamed.
    pub fn seed<'p>(&'p mut self, page: &'p mut Page) -> RecordSeed<'p> {
        RecordSeed { packer: self, page }
    }

    /// Packs a record that is in memory already.
    pub fn map(&mut self, record: &BTreeMap<Arc<str>, Value>, page: &mut Page) {
        self.scratch.reset();
        take_values(&self.root, record, &mut self.scratch);
        self.write(&self.scratch.text, page);
    }

    /// `text`: where the texts of the cells stand.
    fn write(&self, text: &str, page: &mut Page) {
        page.row(|row| {
            for slot in &self.slot_of_column {
                self.scratch.write(*slot, text, row);
            }
        });
    }
}

impl<'de> DeserializeSeed<'de> for RecordSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let packer = self.packer;
        packer.scratch.reset();
        deserializer.deserialize_map(Fields { nodes: &packer.root, scratch: &mut packer.scratch })?;
        packer.write(&packer.scratch.text, self.page);
        Ok(())
    }
}

/// One segment of the wanted paths.
#[derive(Debug)]
struct Node {
    name: Box<str>,
    /// position in `Scratch::seen`
    id: usize,
    /// position in `Scratch::slots`, where a path ends here
    slot: Option<usize>,
    children: Vec<Node>,
}

fn plant(nodes: &mut Vec<Node>, path: &[Cow<'_, str>], scratch: &mut Scratch) -> usize {
    let (first, rest) = path.split_first().map_or(("", path), |(first, rest)| (first.as_ref(), rest));
    let at = nodes.iter().position(|node| *node.name == *first).unwrap_or_else(|| {
        nodes.push(Node { name: first.into(), id: scratch.seen.len(), slot: None, children: Vec::new() });
        scratch.seen.push(false);
        nodes.len() - 1
    });
    let node = &mut nodes[at];
    if !rest.is_empty() {
        return plant(&mut node.children, rest, scratch);
    }
    *node.slot.get_or_insert_with(|| {
        scratch.slots.push(Slot::Missing);
        scratch.slots.len() - 1
    })
}

/// The cells of the record at hand; texts are ranges of one buffer, or of the record itself where it is read in the short way.
#[derive(Debug, Default)]
struct Scratch {
    slots: Vec<Slot>,
    seen: Vec<bool>,
    text: String,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Missing,
    Null,
    Bool(bool),
    Int(i64),
    Text(usize, usize),
    Json(usize, usize),
    /// JSON that stands in the buffer wherever the others stand
    Rewritten(usize, usize),
}

impl Scratch {
    fn reset(&mut self) {
        self.slots.fill(Slot::Missing);
        self.seen.fill(false);
        self.text.clear();
    }

    fn add_text(&mut self, text: &str) -> Slot {
        let start = self.text.len();
        self.text.push_str(text);
        Slot::Text(start, self.text.len())
    }

    fn write(&self, slot: usize, text: &str, row: &mut RowWriter<'_>) {
        match self.slots[slot] {
            Slot::Missing => row.missing(),
            Slot::Null => row.null(),
            Slot::Bool(value) => row.bool(value),
            Slot::Int(value) => row.int(value),
            Slot::Text(start, end) => row.text(&text[start..end]),
            Slot::Json(start, end) => row.json(&text[start..end]),
            Slot::Rewritten(start, end) => row.json(&self.text[start..end]),
        }
    }
}

fn take_values(nodes: &[Node], record: &BTreeMap<Arc<str>, Value>, scratch: &mut Scratch) {
    for node in nodes {
        let Some(value) = record.get(&*node.name) else { continue };
        if let Some(slot) = node.slot {
            scratch.slots[slot] = slot_of(value, scratch);
        }
        if let Value::Map(fields) = value {
            take_values(&node.children, fields, scratch);
        }
    }
}

fn slot_of(value: &Value, scratch: &mut Scratch) -> Slot {
    match value {
        Value::Bool(value) => Slot::Bool(*value),
        Value::Int(value) => Slot::Int(*value),
        Value::Text(text) | Value::Reference(text) => scratch.add_text(text),
        Value::List(_) | Value::Map(_) => {
            let start = scratch.text.len();
            scratch.text.push_str(&value.to_json().to_string());
            Slot::Json(start, scratch.text.len())
        }
    }
}

/// The fields of a map: wanted ones become cells, the rest is skipped.
struct Fields<'p> {
    nodes: &'p [Node],
    scratch: &'p mut Scratch,
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a record (a map of fields)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // Records of one stream mostly have their fields in one order, so the search begins behind the last hit.
        let mut after = 0;
        while let Some(found) = map.next_key_seed(WantedKey { nodes: self.nodes, after })? {
            let Some(at) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let node = &self.nodes[at];
            if std::mem::replace(&mut self.scratch.seen[node.id], true) {
                return Err(A::Error::custom(format_args!("the key \"{}\" stands twice in one record", node.name)));
            }
            map.next_value_seed(CellSeed { node, scratch: self.scratch })?;
            after = at + 1;
        }
        Ok(())
    }
}

/// Finds the node of a key.
struct WantedKey<'p> {
    nodes: &'p [Node],
    after: usize,
}

impl<'de> DeserializeSeed<'de> for WantedKey<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for WantedKey<'_> {
    type Value = Option<usize>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of a field")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<usize>, E> {
        let (before, behind) = self.nodes.split_at(self.after.min(self.nodes.len()));
        let hit = |node: &Node| *node.name == *key;
        let found = behind.iter().position(hit).map(|at| at + before.len());
        Ok(found.or_else(|| before.iter().position(hit)))
    }
}

/// The value of a wanted field.
struct CellSeed<'p> {
    node: &'p Node,
    scratch: &'p mut Scratch,
}

impl<'de> DeserializeSeed<'de> for CellSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl CellSeed<'_> {
    fn set(self, slot: Slot) {
        if let Some(at) = self.node.slot {
            self.scratch.slots[at] = slot;
        }
    }

    /// The cell is JSON text; paths below it are read from that text again.
    fn set_json<E: Error>(self, write: impl FnOnce(&mut String) -> Result<(), E>) -> Result<(), E> {
        let start = self.scratch.text.len();
        write(&mut self.scratch.text)?;
        let end = self.scratch.text.len();
        if !self.node.children.is_empty() && self.scratch.text[start..].starts_with('{') {
            let json = self.scratch.text[start..].to_owned();
            let fields = Fields { nodes: &self.node.children, scratch: self.scratch };
            serde_json::Deserializer::from_str(&json).deserialize_map(fields).map_err(E::custom)?;
        }
        self.set(Slot::Json(start, end));
        Ok(())
    }
}

impl<'de> Visitor<'de> for CellSeed<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.set(Slot::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.set(Slot::Int(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        let slot = i64::try_from(value).map_or_else(|_| self.scratch.add_text(&value.to_string()), Slot::Int);
        self.set(slot);
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        let slot = self.scratch.add_text(&exact_number(value)?);
        self.set(slot);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.node.slot.is_some() {
            let slot = self.scratch.add_text(text);
            self.set(slot);
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.set(Slot::Null);
        Ok(())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if self.node.slot.is_none() {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        self.set_json(|out| JsonText::new(out).visit_seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<(), A::Error> {
        if self.node.slot.is_none() {
            return Fields { nodes: &self.node.children, scratch: self.scratch }.visit_map(fields);
        }
        self.set_json(|out| JsonText::new(out).visit_map(fields))
    }
}

#[cfg(test)]
mod tests;
