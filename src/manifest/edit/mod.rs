//! Edits of manifests where they stand: whatever an edit is not about keeps every byte, comments included.
//!
//! Must never: hand out a text whose documents differ by anything else than what was meant; a file is written by nobody here.

mod comments;
mod splice;
mod write;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;

use super::tree::{Content, Tree};
use super::{header, read, shape, stream};
pub(super) use comments::comments;
use splice::{Splice, splice};
pub use write::{flow, scalar};
pub(super) use write::{is_bare, is_date};

/// One change to one document. Places are JSON pointers (`/spec/members`).
#[derive(Clone, Debug, PartialEq)]
pub enum ManifestEdit {
    /// a mapping's key gets this value; a key that is not there comes last
    Put {
        /// the mapping
        at: String,
        /// its key
        key: String,
        /// the value, and how it is written
        value: WrittenValue,
    },
    /// a key goes with its value
    RemoveKey {
        /// the mapping
        at: String,
        /// its key
        key: String,
    },
    /// one more item at a list's end; a list that is not there is made
    Append {
        /// the list
        at: String,
        /// the item
        item: Json,
        /// what stands beside it, without `#`
        comment: Option<String>,
    },
    /// an item goes, with the comments that are about it
    RemoveItem {
        /// the list
        at: String,
        /// from 0
        index: usize,
    },
}

/// A value, and how it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenValue {
    /// the value
    pub value: Json,
    /// its lines below the key, each with how many levels it stands deeper than the key; none: it stands beside the key
    pub lines: Vec<(usize, String)>,
}

impl WrittenValue {
    /// Beside its key.
    pub fn beside(value: impl Into<Json>) -> Self {
        Self { value: value.into(), lines: Vec::new() }
    }
}

/// Why an edit was not made: what is in the way and where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

impl Refused {
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

/// One file's text while it is edited.
#[derive(Clone, Debug)]
pub struct Editor {
    file: Arc<str>,
    text: String,
}

impl Editor {
    /// Of this text; the file's name is for messages.
    pub fn new(file: impl Into<Arc<str>>, text: impl Into<String>) -> Self {
        Self { file: file.into(), text: text.into() }
    }

    /// As it is now.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As it is now.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Which of the file's documents is this one.
    pub fn find(&self, kind: &str, name: &str) -> Option<usize> {
        self.index().get(&(kind.to_owned(), name.to_owned())).copied()
    }

    /// All documents of the file by kind and name; of two that are called alike the first.
    pub fn index(&self) -> HashMap<(String, String), usize> {
        let mut found = HashMap::new();
        for (at, part) in stream::documents(&self.text).into_iter().enumerate() {
            let Some(text) = self.text.get(part.start..part.start + part.length) else { continue };
            let Ok(Some(tree)) = Tree::parse(text) else { continue };
            let kind = tree.get(0, "kind").and_then(|(_, kind)| tree.text(kind));
            let name = tree.get(0, "metadata").and_then(|(_, below)| tree.get(below, "name")).and_then(|(_, name)| tree.text(name));
            if let (Some(kind), Some(name)) = (kind, name) {
                found.entry((kind.to_owned(), name.to_owned())).or_insert(at);
            }
        }
        found
    }

    /// The document that begins at this byte of the text.
    pub fn beginning_at(&self, start: usize) -> Option<usize> {
        stream::documents(&self.text).iter().position(|part| part.start == start)
    }

    /// Makes one change in one document, or none at all.
    pub fn edit(&mut self, document: usize, edit: &ManifestEdit) -> Result<(), Refused> {
        let parts = stream::documents(&self.text);
        let part = parts.get(document).ok_or_else(|| self.by_hand("the document is not there"))?;
        let whole = part.start..part.start + part.length;
        let text = self.text.get(whole.clone()).unwrap_or("");
        let before = Document::parse(text).map_err(|words| self.by_hand(&words))?;
        let line = |at: usize| part.line as usize + text.get(..at).unwrap_or("").matches('\n').count();
        let place = |at: usize| format!("{}:{}", self.file, line(at));
        let Splice { bytes, text: new, drops } = splice(text, &before.tree, edit, &place).map_err(|words| self.by_hand(&words))?;
        let mut after = text.to_owned();
        if after.get(bytes.clone()).is_none() {
            return Err(self.by_hand("its text can't be cut there"));
        }
        after.replace_range(bytes.clone(), &new);
        self.check(&before, text, &after, edit, &drops)?;
        let mut all = self.text.clone();
        all.replace_range(whole, &after);
        if stream::documents(&all).len() != parts.len() {
            return Err(self.by_hand("the file would fall apart into other documents"));
        }
        self.text = all;
        Ok(())
    }

    /// One more document at the end, given with line feeds and without `---`.
    pub fn append_document(&mut self, document: &str) -> Result<(), Refused> {
        let eol = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let parts = stream::documents(&self.text);
        let has = |part: &stream::Part| {
            self.text.get(part.start..part.start + part.length).is_some_and(|text| !matches!(Tree::parse(text), Ok(None)))
        };
        let holds = parts.iter().any(has);
        let mut text = self.text.clone();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push_str(eol);
        }
        if holds {
            text.push_str("---");
            text.push_str(eol);
        }
        text.push_str(&document.trim_end().replace('\n', eol));
        text.push_str(eol);
        let added = stream::documents(&text);
        let last = added.last().and_then(|part| text.get(part.start..part.start + part.length)).unwrap_or("");
        Document::parse(last).map_err(|words| self.by_hand(&words))?;
        if added.len() != parts.len().max(1) + usize::from(holds) && holds {
            return Err(self.by_hand("what is added is not one document"));
        }
        self.text = text;
        Ok(())
    }

    /// The document must have become exactly what was meant, and no comment but those of what goes may be gone.
    fn check(&self, before: &Document<'_>, text: &str, after: &str, edit: &ManifestEdit, drops: &[Range<usize>]) -> Result<(), Refused> {
        let now = Document::parse(after).map_err(|words| self.by_hand(&words))?;
        let mut meant = before.value.clone();
        if apply(&mut meant, edit).is_none() || meant != now.value || now.problems > before.problems {
            return Err(self.by_hand("the edit would change something else too"));
        }
        let mut left: Vec<&str> = comments(after, &now.tree).iter().filter_map(|one| after.get(one.bytes.clone())).collect();
        for comment in comments(text, &before.tree) {
            if drops.iter().any(|range| range.contains(&comment.bytes.start)) {
                continue;
            }
            let words = text.get(comment.bytes).unwrap_or("");
            // It may have got company on its line.
            let found = left.iter().position(|one| *one == words).or_else(|| left.iter().position(|one| one.starts_with(words)));
            let found = found.ok_or_else(|| self.by_hand(&format!("the comment `{words}` would be lost")))?;
            left.swap_remove(found);
        }
        Ok(())
    }

    fn by_hand(&self, words: &str) -> Refused {
        Refused::new(format!("{}: {words}; edit it by hand", self.file))
    }
}

/// A document as it is read.
struct Document<'a> {
    tree: Tree<'a>,
    value: Json,
    problems: usize,
}

impl<'a> Document<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let tree = Tree::parse(text).map_err(|broken| broken.message)?.ok_or("there is no document")?;
        let shape = match header::read(&tree) {
            header::Header::Kind(kind) => shape::of_kind(kind),
            _ => None,
        };
        let shape = shape.ok_or("it is no manifest of headcount")?;
        let (value, problems, _) = read::read(text, &tree, shape);
        Ok(Self { tree, value, problems: problems.len() })
    }
}

/// What the edit means for the value.
fn apply(root: &mut Json, edit: &ManifestEdit) -> Option<()> {
    match edit {
        ManifestEdit::Put { at, key, value } => {
            root.pointer_mut(at)?.as_object_mut()?.insert(key.clone(), value.value.clone());
        }
        ManifestEdit::RemoveKey { at, key } => {
            root.pointer_mut(at)?.as_object_mut()?.remove(key)?;
        }
        ManifestEdit::Append { at, item, .. } => {
            let (parent, key) = at.rsplit_once('/')?;
            let parent = root.pointer_mut(parent)?;
            match parent {
                Json::Object(map) => {
                    map.entry(unescaped(key)).or_insert_with(|| Json::Array(Vec::new())).as_array_mut()?.push(item.clone())
                }
                other => other.pointer_mut(&format!("/{key}"))?.as_array_mut()?.push(item.clone()),
            }
        }
        ManifestEdit::RemoveItem { at, index } => {
            let list = root.pointer_mut(at)?.as_array_mut()?;
            (*index < list.len()).then(|| list.remove(*index))?;
        }
    }
    Some(())
}

fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// The nodes of a subtree, itself first.
fn subtree(tree: &Tree<'_>, at: u32) -> Range<u32> {
    let mut last = at;
    loop {
        let below = match tree.nodes.get(last as usize).map(|node| &node.content) {
            Some(Content::List(items)) => items.last().copied(),
            Some(Content::Map(entries)) => entries.last().map(|(_, value)| *value),
            _ => None,
        };
        match below {
            Some(below) => last = below,
            None => return at..last + 1,
        }
    }
}

#[cfg(test)]
mod tests;
