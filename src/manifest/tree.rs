//! One YAML document as a tree of nodes, each with its exact place. The only user of the YAML parser.
//!
//! Must never: guess a type (a scalar stays the text that was written), recurse, or follow an alias: so nothing hostile grows here.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::broken::explained;

/// Deepest nesting of lists and mappings.
pub(super) const MAX_DEPTH: usize = 64;
/// Most nodes of one document: a Group with half a million members.
const MAX_NODES: usize = 2_000_000;
/// Longest scalar in bytes.
const MAX_SCALAR: usize = 1 << 20;

/// A document. Node 0 is its root.
#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    pub nodes: Vec<Node<'a>>,
}

/// One node.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub mark: Mark,
    pub content: Content<'a>,
    /// one past the closing bracket of a list or mapping in brackets; else 0
    pub close: u32,
}

/// Where a node stands in its document's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// first byte
    pub start: u32,
    /// one past the last byte; of a list or mapping: where it starts
    pub end: u32,
    /// from 1, within the document
    pub line: u32,
    /// from 1, in characters
    pub column: u32,
}

/// What a node holds.
#[derive(Debug)]
pub(super) enum Content<'a> {
    Scalar(Cow<'a, str>, Style),
    List(Vec<u32>),
    /// keys and values
    Map(Vec<(u32, u32)>),
    /// stands for another node
    Alias(u32),
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// bare: `yes`, `0755`, `a b`
    Plain,
    /// in single or double quotes, or tagged `!!str`
    Quoted,
    /// after `|` or `>`
    Block,
}

/// Why a text is not a document.
#[derive(Debug)]
pub(super) struct Broken {
    pub mark: Mark,
    pub message: String,
    pub hint: Option<String>,
}

impl<'a> Tree<'a> {
    /// Reads one document. `None` for a text without any (only comments).
    pub fn parse(text: &'a str) -> Result<Option<Self>, Broken> {
        let mut builder = Builder::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| not_yaml(text, &error))?;
            builder.event(event, span)?;
        }
        Ok((!builder.tree.nodes.is_empty()).then_some(builder.tree))
    }

    /// Where the first node of a document stands; reads no further than that.
    pub fn first(text: &'a str) -> Option<Mark> {
        for event in Parser::new_from_str(text) {
            let (event, span) = event.ok()?;
            if event.is_node() {
                return Some(mark(span));
            }
        }
        None
    }

    /// One past the last byte of a node. The last child ends where its parent does.
    pub fn end_of(&self, mut at: u32) -> usize {
        loop {
            let Some(node) = self.nodes.get(at as usize) else { return 0 };
            let last = match &node.content {
                _ if node.close > 0 => return node.close as usize,
                Content::List(items) => items.last().copied(),
                Content::Map(entries) => entries.last().map(|(_, value)| *value),
                Content::Scalar(..) | Content::Alias(_) => None,
            };
            match last {
                Some(below) => at = below,
                None => return node.mark.end as usize,
            }
        }
    }

    /// A node from its first byte to its last, and what it stands for.
    pub fn extents(&self, at: u32) -> Vec<Mark> {
        let alias = match self.nodes.get(at as usize).map(|node| &node.content) {
            Some(Content::Alias(to)) => Some(*to),
            _ => None,
        };
        let extent = |at: u32| Mark { end: u32::try_from(self.end_of(at)).unwrap_or(u32::MAX), ..self.mark(at) };
        std::iter::once(at).chain(alias).map(extent).collect()
    }

    /// The items of a `List`: how many `items` it has.
    pub fn items(&self) -> u32 {
        let items = self.get(0, "items").and_then(|(_, at)| self.nodes.get(at as usize));
        match items.map(|node| &node.content) {
            Some(Content::List(items)) => u32::try_from(items.len()).unwrap_or(u32::MAX),
            _ => 0,
        }
    }

    /// One item of a `List` as a document of its own, with its places in the whole. An alias of what stands outside of it leads nowhere.
    pub fn item(&self, number: u32) -> Option<Self> {
        let Content::List(items) = &self.nodes.get(self.get(0, "items")?.1 as usize)?.content else { return None };
        let first = *items.get(number as usize)?;
        // Nodes stand in the order of the text, so all of an item stand together.
        let end = items.get(number as usize + 1).copied().unwrap_or(self.nodes.len() as u32);
        let moved = |at: &u32| at.checked_sub(first).unwrap_or(u32::MAX);
        let node = |node: &Node<'a>| {
            let content = match &node.content {
                Content::Scalar(text, style) => Content::Scalar(text.clone(), *style),
                Content::List(items) => Content::List(items.iter().map(moved).collect()),
                Content::Map(entries) => Content::Map(entries.iter().map(|(key, value)| (moved(key), moved(value))).collect()),
                Content::Alias(to) => Content::Alias(moved(to)),
            };
            Node { mark: node.mark, content, close: node.close }
        };
        Some(Self { nodes: self.nodes.get(first as usize..end as usize)?.iter().map(node).collect() })
    }

    /// The node at a position, through aliases. An alias of an alias can't be written, so one step is enough.
    pub fn resolve(&self, at: u32) -> Option<&Node<'a>> {
        let node = self.nodes.get(at as usize)?;
        match node.content {
            Content::Alias(target) => self.nodes.get(target as usize),
            _ => Some(node),
        }
    }

    /// A mapping's value by its key.
    pub fn get(&self, map: u32, key: &str) -> Option<(u32, u32)> {
        let Content::Map(entries) = &self.resolve(map)?.content else { return None };
        entries.iter().copied().find(|(name, _)| self.text(*name) == Some(key))
    }

    /// The text of a scalar.
    pub fn text(&self, at: u32) -> Option<&str> {
        match &self.resolve(at)?.content {
            Content::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// Where a node stands.
    pub fn mark(&self, at: u32) -> Mark {
        self.nodes.get(at as usize).map(|node| node.mark).unwrap_or_default()
    }
}

/// Builds the tree from events, with an explicit stack.
#[derive(Default)]
struct Builder<'a> {
    tree: Tree<'a>,
    open: Vec<Open>,
    anchors: HashMap<usize, u32>,
}

/// A list or mapping that is not closed yet.
struct Open {
    at: u32,
    /// a mapping's key whose value comes next
    key: Option<u32>,
}

impl<'a> Builder<'a> {
    fn event(&mut self, event: Event<'a>, span: Span) -> Result<(), Broken> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if text.len() > MAX_SCALAR {
                    return Err(broken(span, "this text is longer than 1 MiB", None));
                }
                let style = scalar_style(style, tag.as_deref(), span)?;
                self.add(Content::Scalar(text, style), anchor, span)?;
            }
            Event::SequenceStart(_, anchor, tag) => self.open(Content::List(Vec::new()), anchor, tag.as_deref(), span)?,
            Event::MappingStart(_, anchor, tag) => self.open(Content::Map(Vec::new()), anchor, tag.as_deref(), span)?,
            Event::SequenceEnd | Event::MappingEnd => {
                let closed = self.open.pop();
                if let Some(node) = closed.and_then(|open| self.tree.nodes.get_mut(open.at as usize)) {
                    let end = mark(span);
                    node.close = if end.end > end.start { end.end } else { 0 };
                }
            }
            Event::Alias(anchor) => {
                let Some(target) = self.anchors.get(&anchor).copied() else {
                    return Err(broken(span, "this alias names no anchor before it", None));
                };
                self.add(Content::Alias(target), 0, span)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, content: Content<'a>, anchor: usize, tag: Option<&Tag>, span: Span) -> Result<(), Broken> {
        if let Some(tag) = tag.filter(|tag| tag.is_custom()) {
            return Err(unknown_tag(tag, span));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(broken(span, "lists and mappings are nested deeper than 64 levels", None));
        }
        let at = self.add(content, anchor, span)?;
        self.open.push(Open { at, key: None });
        Ok(())
    }

    /// Adds a node to its parent. An anchor counts from here, so a node can't contain itself unless it names itself: the reader's depth ends that.
    fn add(&mut self, content: Content<'a>, anchor: usize, span: Span) -> Result<u32, Broken> {
        if self.tree.nodes.len() >= MAX_NODES {
            return Err(broken(span, "the document has more than 2,000,000 values", Some("split it into several documents")));
        }
        let at = self.tree.nodes.len() as u32;
        if at > 0 && self.open.is_empty() {
            return Err(broken(
                span,
                "a second value stands after the document's end",
                Some("put `---` on a line of its own between documents"),
            ));
        }
        self.tree.nodes.push(Node { mark: mark(span), content, close: 0 });
        if anchor != 0 {
            self.anchors.insert(anchor, at);
        }
        if let Some(open) = self.open.last_mut()
            && let Some(parent) = self.tree.nodes.get_mut(open.at as usize)
        {
            match &mut parent.content {
                Content::List(items) => items.push(at),
                Content::Map(entries) => match open.key.take() {
                    None => open.key = Some(at),
                    Some(key) => entries.push((key, at)),
                },
                Content::Scalar(..) | Content::Alias(_) => {}
            }
        }
        Ok(at)
    }
}

fn scalar_style(style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Style, Broken> {
    match tag {
        None => Ok(match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
        }),
        // `!!str x` and the bare `!` say that it is text, as quotes do.
        Some(tag) if tag.is_yaml_core_schema_tag("str") || tag.original() == "!" => Ok(Style::Quoted),
        Some(tag) => Err(unknown_tag(tag, span)),
    }
}

fn unknown_tag(tag: &Tag, span: Span) -> Broken {
    let span = span.tag_span().unwrap_or(span);
    // `!identity.contractor` is meant as an expression, and `!!int` as a tag.
    let is_tag = tag.original().starts_with("!!") || tag.original().starts_with("!<");
    let quoted = "an expression that begins with `!` needs quotes: '!identity.x'";
    let hint = if is_tag { "leave the tag out; quote a value that is to be text" } else { quoted };
    broken(span, format!("the YAML tag `{}` has no meaning here", tag.original()), Some(hint))
}

fn not_yaml(text: &str, error: &ScanError) -> Broken {
    explained(text, &error.info(), error.marker().line(), error.marker().col())
}

fn broken(span: Span, message: impl Into<String>, hint: Option<&'static str>) -> Broken {
    Broken { mark: mark(span), message: message.into(), hint: hint.map(str::to_owned) }
}

fn mark(span: Span) -> Mark {
    let range = span.byte_range().unwrap_or(0..0);
    Mark {
        start: range.start as u32,
        end: range.end as u32,
        line: u32::try_from(span.start.line()).unwrap_or(u32::MAX).max(1),
        column: u32::try_from(span.start.col()).unwrap_or(u32::MAX).saturating_add(1),
    }
}
