//! Where the values of one document stand: the document scanned once more, for as many questions as there are.
//!
//! Must never: fail. A pointer to nothing is answered with the nearest parent, and a position inside a scalar that can't be told exactly with its start.

use std::cell::{Ref, RefCell};
use std::ops::Range;
use std::sync::Arc;

use super::tree::{Content, Mark, Style, Tree};
use super::{Loaded, Origin};
use crate::diagnostic::{Diagnostic, Place};

/// The scanned document.
#[derive(Debug)]
pub struct Outline<'a> {
    tree: Tree<'a>,
    text: &'a str,
    file: Arc<str>,
    start: usize,
    line: u32,
}

/// Outlines of many documents, one after another; the last one is kept, since questions come in crowds.
#[derive(Debug)]
pub struct Outlines<'a> {
    loaded: &'a Loaded,
    last: RefCell<(Origin, Outline<'a>)>,
}

impl<'a> Outlines<'a> {
    /// Of these documents.
    pub fn new(loaded: &'a Loaded) -> Self {
        // A document without text: never asked for again.
        let none = Origin { file: "".into(), base: Arc::default(), text: usize::MAX, start: 0, length: 0, line: 1, item: None };
        let outline = loaded.outline(&none);
        Self { loaded, last: RefCell::new((none, outline)) }
    }

    /// The outline of a document.
    pub fn of(&self, origin: &Origin) -> Ref<'_, Outline<'a>> {
        if self.last.borrow().0 != *origin {
            self.last.replace((origin.clone(), self.loaded.outline(origin)));
        }
        Ref::map(self.last.borrow(), |last| &last.1)
    }
}

#[cfg(test)]
thread_local! {
    static SCANS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueSpan {
    /// its first character; for a list or mapping below a key, that key's
    pub place: Place,
    /// characters to mark there; never past the line's end
    pub length: u32,
    /// its bytes in the file
    pub bytes: Range<usize>,
    /// how it is written, if it is a scalar
    pub style: Option<Style>,
}

impl Loaded {
    /// Scans a document again, to find the places of many of its values.
    pub fn outline(&self, origin: &Origin) -> Outline<'_> {
        #[cfg(test)]
        SCANS.with(|scans| scans.set(scans.get() + 1));
        let text = self.text(origin);
        let tree = Tree::parse(text).ok().flatten().unwrap_or_default();
        let tree = match origin.item {
            Some(item) => tree.item(item).unwrap_or_default(),
            None => tree,
        };
        Outline { tree, text, file: origin.file.clone(), start: origin.start, line: origin.line }
    }

    /// How often a document was scanned again by this thread: work that must not grow with the number of questions.
    #[cfg(test)]
    pub(crate) fn scans(&self) -> usize {
        SCANS.with(std::cell::Cell::get)
    }

    /// The place of a value, by JSON pointer into its document (`/spec/mapping/rules/0/value`): scans the document again, so only for diagnostics and `why`.
    /// A pointer to nothing gives the nearest parent that is there. For many values of one document use [`Self::outline`].
    pub fn place(&self, origin: &Origin, pointer: &str) -> Place {
        if !pointer.is_empty() || origin.item.is_some() {
            return self.outline(origin).place(pointer);
        }
        let mark = Tree::first(self.text(origin)).unwrap_or(Mark { start: 0, end: 0, line: 1, column: 1 });
        Place { file: origin.file.clone(), line: origin.line.saturating_add(mark.line - 1), column: mark.column }
    }

    /// The line of a Source or Target that says where its system is.
    pub fn connection(&self, origin: &Origin) -> Place {
        self.outline(origin).place(&self.connection_pointer(origin))
    }

    /// The pointer to that line's value.
    pub fn connection_pointer(&self, origin: &Origin) -> String {
        let found = self.connections().find(|(known, _)| *known == origin).map(|(_, connection)| connection.pointer(connection.place()));
        let outline = self.outline(origin);
        found.filter(|pointer| outline.span(pointer).is_some()).unwrap_or_else(|| "/spec/connection".to_owned())
    }

    /// Where a value stands; nothing where there is no such value.
    pub fn span(&self, origin: &Origin, pointer: &str) -> Option<ValueSpan> {
        self.outline(origin).span(pointer)
    }

    /// The place of bytes inside a scalar's text, and how many characters to mark there.
    pub fn place_in_scalar(&self, origin: &Origin, pointer: &str, offset: usize, length: usize) -> (Place, u32) {
        self.outline(origin).place_in_scalar(pointer, offset, length)
    }

    /// A document as it is written.
    pub fn text(&self, origin: &Origin) -> &str {
        let text = self.texts.get(origin.text).map_or("", |text| text);
        text.get(origin.start..origin.start.saturating_add(origin.length)).unwrap_or("")
    }
}

impl<'a> Outline<'a> {
    /// The place of a value or of its nearest parent.
    pub fn place(&self, pointer: &str) -> Place {
        self.nearest(pointer).0.place
    }

    /// Where a value stands; nothing where there is no such value.
    pub fn span(&self, pointer: &str) -> Option<ValueSpan> {
        let (span, exact) = self.nearest(pointer);
        exact.then_some(span)
    }

    /// Where the key of a value stands: to mark `rule` and not what it says.
    pub fn key_span(&self, pointer: &str) -> Option<ValueSpan> {
        let (parent, name) = pointer.rsplit_once('/')?;
        let (parent, exact) = self.find(parent);
        let key = self.tree.get(parent.node, &unescape(name))?.0;
        exact.then(|| self.span_of(key))
    }

    /// All bytes of a value in the file, from its first to its last; nothing where there is no such value. One that is not written takes none.
    pub fn extent(&self, pointer: &str) -> Option<Range<usize>> {
        let (found, exact) = self.find(pointer);
        let start = self.tree.mark(found.node).start as usize;
        exact.then(|| self.start + start..self.start + self.tree.end_of(found.node))
    }

    /// The bytes in which a value would stand, were it written: its own, or else those of its nearest parent's keys.
    pub fn would_stand(&self, pointer: &str) -> Vec<Range<usize>> {
        let (found, exact) = self.find(pointer);
        let first = |node: u32| {
            let start = self.start + self.tree.mark(node).start as usize;
            start..start + 1
        };
        if exact {
            return self.extent(pointer).into_iter().chain(found.key.map(first)).collect();
        }
        let keys = match self.tree.resolve(found.node).map(|node| &node.content) {
            Some(Content::Map(entries)) => entries.iter().map(|(key, _)| first(*key)).collect(),
            _ => Vec::new(),
        };
        [keys, vec![first(found.node)], found.key.map(first).into_iter().collect()].concat()
    }

    /// Whether a list or mapping is written in brackets.
    pub fn in_brackets(&self, pointer: &str) -> bool {
        let (found, exact) = self.find(pointer);
        exact && self.tree.nodes.get(found.node as usize).is_some_and(|node| node.close > 0)
    }

    /// Puts a diagnostic at a value, or at the nearest parent.
    pub fn mark(&self, pointer: &str, diagnostic: Diagnostic) -> Diagnostic {
        let (span, _) = self.nearest(pointer);
        diagnostic.at(span.place, span.length)
    }

    /// The place of bytes inside a scalar's text, and how many characters to mark there.
    pub fn place_in_scalar(&self, pointer: &str, offset: usize, length: usize) -> (Place, u32) {
        let (found, exact) = self.find(pointer);
        let whole = self.nearest(pointer).0;
        if !exact {
            return (whole.place, whole.length);
        }
        let Some(at) = self.source_offset(found.node, offset) else { return (whole.place, whole.length) };
        let rest = self.text.get(at..).unwrap_or("");
        let marked = rest.get(..length).unwrap_or(rest);
        (self.place_at(at), first_line_length(marked))
    }

    fn nearest(&self, pointer: &str) -> (ValueSpan, bool) {
        let (found, exact) = self.find(pointer);
        let node = self.tree.nodes.get(found.node as usize);
        let content = node.map(|node| &node.content);
        // A list, a mapping and a value that is not written are shown by their key.
        let shows_itself = match content {
            Some(Content::Scalar(..)) => node.is_some_and(|node| node.mark.end > node.mark.start),
            Some(Content::Alias(_)) => true,
            _ => false,
        };
        let shown = if shows_itself { found.node } else { found.key.unwrap_or(found.node) };
        let mut span = self.span_of(shown);
        span.style = match content {
            Some(Content::Scalar(_, style)) => Some(*style),
            _ => None,
        };
        (span, exact)
    }

    /// Follows a pointer as far as it goes.
    fn find(&self, pointer: &str) -> (Found, bool) {
        let mut found = Found { node: 0, key: None };
        for token in pointer.split('/').skip(1) {
            let below = match self.tree.resolve(found.node).map(|node| &node.content) {
                Some(Content::Map(_)) => self.tree.get(found.node, &unescape(token)).map(|(key, node)| Found { node, key: Some(key) }),
                Some(Content::List(items)) => {
                    token.parse::<usize>().ok().and_then(|index| items.get(index)).map(|node| Found { node: *node, key: None })
                }
                _ => None,
            };
            let Some(below) = below else { return (found, false) };
            found = below;
        }
        (found, true)
    }

    fn span_of(&self, node: u32) -> ValueSpan {
        let mark = self.tree.mark(node);
        let place =
            Place { file: self.file.clone(), line: self.line.saturating_add(mark.line.saturating_sub(1)), column: mark.column.max(1) };
        let bytes = self.start + mark.start as usize..self.start + mark.end as usize;
        ValueSpan { place, length: mark_length(self.text, mark), bytes, style: None }
    }

    fn place_at(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |found| found + 1);
        let lines = before.bytes().filter(|byte| *byte == b'\n').count();
        let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
        Place {
            file: self.file.clone(),
            line: self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX)),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    /// The byte of the document's text that holds a byte of a scalar's value.
    fn source_offset(&self, node: u32, offset: usize) -> Option<usize> {
        let node = self.tree.resolve(node)?;
        let Content::Scalar(value, _) = &node.content else { return None };
        let (start, end) = (node.mark.start as usize, node.mark.end as usize);
        let source = self.text.get(start..end)?;
        let inner = source.strip_prefix(['\'', '"']).map_or(start, |_| start + 1);
        let same = self.text.get(inner..inner + value.len()).is_some_and(|written| written == value.as_ref());
        if same {
            return Some(inner + offset.min(value.len()));
        }
        by_lines(source, value, offset).map(|found| start + found)
    }
}

struct Found {
    node: u32,
    key: Option<u32>,
}

/// A scalar over several lines: each line without its blanks must be found in the value in order; else nothing is said.
fn by_lines(source: &str, value: &str, offset: usize) -> Option<usize> {
    let mut read = 0;
    let mut at = 0;
    for (number, line) in source.split_inclusive('\n').enumerate() {
        let content = line.trim();
        let is_header = number == 0 && content.starts_with(['|', '>']);
        if !content.is_empty() && !is_header {
            let rest = value.get(read..)?;
            let skipped = rest.len() - rest.trim_start().len();
            rest.trim_start().starts_with(content).then_some(())?;
            read += skipped;
            if offset <= read + content.len() {
                let indent = line.len() - line.trim_start().len();
                return Some(at + indent + offset.saturating_sub(read));
            }
            read += content.len();
        }
        at += line.len();
    }
    None
}

/// How many characters to mark: up to the line's end, and at least one.
pub(super) fn mark_length(text: &str, mark: Mark) -> u32 {
    first_line_length(text.get(mark.start as usize..mark.end as usize).unwrap_or(""))
}

fn first_line_length(text: &str) -> u32 {
    let line = text.lines().next().unwrap_or("").trim_end();
    u32::try_from(line.chars().count()).unwrap_or(u32::MAX).max(1)
}

fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
