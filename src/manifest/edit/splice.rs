//! Which bytes an edit replaces, and by what: new things are written as their neighbours are, and a comment goes with what it is about.
//!
//! Must never: touch a line that the edit is not about.

use std::ops::Range;

use serde_json::Value as Json;

use super::super::tree::{Content, Style, Tree};
use super::write::{flow, scalar};
use super::{ManifestEdit, WrittenValue, subtree, unescaped};

/// The bytes that go, what comes in their place, and where comments may go.
pub(super) struct Splice {
    pub bytes: Range<usize>,
    pub text: String,
    pub drops: Vec<Range<usize>>,
}

/// Works an edit out, or says what is in the way.
pub(super) fn splice(text: &str, tree: &Tree<'_>, edit: &ManifestEdit, place: &dyn Fn(usize) -> String) -> Result<Splice, String> {
    let cut = Cut { text, tree, eol: if text.contains("\r\n") { "\r\n" } else { "\n" }, place };
    match edit {
        ManifestEdit::Put { at, key, value } => cut.put(at, key, value),
        ManifestEdit::RemoveKey { at, key } => cut.remove_key(at, key),
        ManifestEdit::Append { at, item, comment } => cut.append(at, item, comment.as_deref()),
        ManifestEdit::RemoveItem { at, index } => cut.remove_item(at, *index),
    }
}

struct Cut<'t, 'a> {
    text: &'t str,
    tree: &'t Tree<'a>,
    eol: &'static str,
    place: &'t dyn Fn(usize) -> String,
}

impl Cut<'_, '_> {
    fn put(&self, at: &str, key: &str, value: &WrittenValue) -> Result<Splice, String> {
        let map = self.editable(at)?;
        let Some((name, old)) = self.tree.get(map, key) else { return self.added(map, key, value) };
        self.unshared(subtree(self.tree, old))?;
        let colon = self.after_colon(name);
        let end = self.end(old).max(colon);
        if self.in_brackets(map) {
            let written = if self.json_keys(map) { value.value.to_string() } else { flow(&value.value) };
            // A key without a colon has no value: `{a, b}`.
            let colon_there = self.slice(self.node_end(name)..colon).contains(':');
            let (from, space) = if colon_there { (colon, " ") } else { (self.node_end(name), ": ") };
            let bytes = from..if colon_there { end } else { from };
            return Ok(Splice { drops: vec![bytes.clone()], bytes, text: format!("{space}{written}") });
        }
        let line = self.rest_of_line(end);
        let beside = if self.slice(name_start(self.tree, name)..end).contains('\n') { self.rest_of_line(colon) } else { line.clone() };
        let comment = self.slice(beside.clone()).trim();
        let comment = if comment.starts_with('#') { comment } else { "" };
        let column = self.column(beside.end - comment.len());
        let indent = self.column(name_start(self.tree, name));
        let head = self.slice(self.line_start(colon)..colon);
        let mut new = self.below(head, indent, value, comment, column);
        new.replace_range(..head.len(), "");
        Ok(Splice { bytes: colon..line.end, text: new, drops: std::iter::once(colon..line.end).collect() })
    }

    /// A head (`  key:`) with its value behind and below it.
    fn below(&self, head: &str, indent: usize, value: &WrittenValue, comment: &str, column: usize) -> String {
        let mut new = if value.lines.is_empty() { format!("{head} {}", flow(&value.value)) } else { head.to_owned() };
        if !comment.is_empty() {
            new = with_comment(&new, comment, column);
        }
        for (depth, line) in &value.lines {
            new.push_str(self.eol);
            new.push_str(&" ".repeat(indent + 2 * depth));
            new.push_str(line);
        }
        new
    }

    fn added(&self, map: u32, key: &str, value: &WrittenValue) -> Result<Splice, String> {
        if self.in_brackets(map) {
            let json = self.json_keys(map);
            let written = if json { value.value.to_string() } else { flow(&value.value) };
            let name = if json { Json::from(key).to_string() } else { scalar(key) };
            return Ok(self.inserted(self.end(map).saturating_sub(1), self.is_empty(map), &format!("{name}: {written}")));
        }
        let Some((first, _)) = self.entries(map).first().copied() else { return Err("the mapping there has no key yet".into()) };
        let indent = self.column(name_start(self.tree, first));
        let line = self.rest_of_line(self.end(map));
        let head = format!("{}{}:", " ".repeat(indent), scalar(key));
        let text = format!("{}{}", self.eol, self.below(&head, indent, value, "", 0));
        Ok(Splice { bytes: line.end..line.end, text, drops: Vec::new() })
    }

    fn append(&self, at: &str, item: &Json, comment: Option<&str>) -> Result<Splice, String> {
        let (parent, key) = at.rsplit_once('/').ok_or("there is no list")?;
        let comment = comment.map(|words| format!("# {}", words.trim()));
        let map = self.editable(parent)?;
        let key = unescaped(key);
        let first = || {
            let line = format!("- {}", flow(item));
            let line = comment.as_ref().map_or(line.clone(), |comment| format!("{line}   {comment}"));
            WrittenValue { value: Json::Array(vec![item.clone()]), lines: vec![(self.list_depth(), line)] }
        };
        let Some((_, list)) = self.tree.get(map, &key) else {
            let added = self.added(map, &key, &first())?;
            return Ok(if self.in_brackets(map) { self.beside(added, comment.as_deref()) } else { added });
        };
        let list = match self.tree.nodes.get(list as usize).map(|node| &node.content) {
            Some(Content::List(_) | Content::Alias(_)) => self.editable(at)?,
            _ => return Err(format!("`{key}` at {} is no list", (self.place)(self.start(list)))),
        };
        match (self.items(list).last().copied(), self.in_brackets(list)) {
            (None, true) if !self.in_brackets(map) => self.put(parent, &key, &first()),
            (Some(last), false) => self.append_line(list, last, item, comment.as_deref()),
            (last, true) => Ok(self.append_in_brackets(list, last, item, comment.as_deref())),
            (None, false) => Err("the list there has no item yet".into()),
        }
    }

    /// One more line, or lines, in the style of the last item.
    fn append_line(&self, list: u32, last: u32, item: &Json, comment: Option<&str>) -> Result<Splice, String> {
        let dash = self.column(self.dash(last)?);
        let end = self.rest_of_line(self.end(last));
        let indent = " ".repeat(dash);
        let is_block = |node: u32| !self.in_brackets(node) && !self.entries(node).is_empty();
        let mut lines = match item {
            Json::Object(fields) if is_block(last) => {
                fields.iter().map(|(name, value)| format!("{indent}  {}: {}", scalar(name), flow(value))).collect()
            }
            _ => vec![format!("{indent}- {}", flow(item))],
        };
        if let Some(first) = lines.first_mut() {
            first.replace_range(dash..dash + 2, "- ");
            if let Some(comment) = comment {
                let column = self.items(list).iter().rev().find_map(|item| self.trailing_comment(self.end(*item)));
                *first = with_comment(first, comment, column.unwrap_or(first.chars().count() + 3));
            }
        }
        let text = lines.iter().map(|line| format!("{}{line}", self.eol)).collect();
        Ok(Splice { bytes: end.end..end.end, text, drops: Vec::new() })
    }

    fn append_in_brackets(&self, list: u32, last: Option<u32>, item: &Json, comment: Option<&str>) -> Splice {
        let written = if self.slice(self.start(list)..self.end(list)).contains("\":") { item.to_string() } else { flow(item) };
        let close = self.end(list).saturating_sub(1);
        let own_line = last.filter(|last| self.slice(self.line_start(self.start(*last))..self.start(*last)).trim().is_empty());
        let closes_alone = self.slice(self.line_start(close)..close).trim().is_empty();
        let Some(last) = own_line.filter(|_| closes_alone) else {
            return self.beside(self.inserted(close, last.is_none(), &written), comment);
        };
        // Items on lines of their own, and the bracket on its own: one more line.
        let end = self.end(last);
        let line = self.rest_of_line(end);
        let rest = self.slice(line.clone());
        let has_comma = rest.trim_start().starts_with(',');
        let mut new = format!("{}{written}{}", " ".repeat(self.column(self.start(last))), if has_comma { "," } else { "" });
        if let Some(comment) = comment {
            let column = self.trailing_comment(end).unwrap_or(new.chars().count() + 3);
            new = with_comment(&new, comment, column);
        }
        let rest = if has_comma {
            rest.to_owned()
        } else {
            format!(",{}", rest.strip_prefix(' ').filter(|rest| rest.starts_with(' ')).unwrap_or(rest))
        };
        Splice { bytes: line, text: format!("{rest}{}{new}", self.eol), drops: Vec::new() }
    }

    fn remove_item(&self, at: &str, index: usize) -> Result<Splice, String> {
        let list = self.editable(at)?;
        let items = self.items(list);
        let item = *items.get(index).ok_or("there is no such item")?;
        self.unshared(subtree(self.tree, item))?;
        if self.in_brackets(list) {
            let spans: Vec<_> = items.iter().map(|item| self.start(*item)..self.end(*item)).collect();
            return Ok(self.removed_in_brackets(&spans, index));
        }
        let dash = self.dash(item)?;
        self.removed_lines(at, dash, self.end(item), items.len() == 1, "[]")
    }

    fn remove_key(&self, at: &str, key: &str) -> Result<Splice, String> {
        let map = self.editable(at)?;
        let (name, value) = self.tree.get(map, key).ok_or_else(|| format!("`{key}` is not there"))?;
        self.unshared(subtree(self.tree, value))?;
        let entries = self.entries(map);
        if self.in_brackets(map) {
            let spans: Vec<_> =
                entries.iter().map(|(name, value)| name_start(self.tree, *name)..self.end(*value).max(self.node_end(*name))).collect();
            let index = entries.iter().position(|(known, _)| *known == name).unwrap_or(0);
            return Ok(self.removed_in_brackets(&spans, index));
        }
        let start = name_start(self.tree, name);
        if !self.slice(self.line_start(start)..start).trim().is_empty() {
            return Err(format!("`{key}` stands behind a dash at {}", (self.place)(start)));
        }
        self.removed_lines(at, start, self.end(value).max(self.after_colon(name)), entries.len() == 1, "{}")
    }

    fn removed_in_brackets(&self, spans: &[Range<usize>], index: usize) -> Splice {
        let whole = spans.get(index).cloned().unwrap_or(0..0);
        let before = index.checked_sub(1).and_then(|index| spans.get(index)).map(|span| span.end);
        let after = spans.get(index + 1).map(|span| span.start);
        let line = self.line_start(whole.start);
        let alone = self.slice(line..whole.start).trim().is_empty();
        let rest = self.slice(self.rest_of_line(whole.end)).trim_start_matches(',').trim();
        let bytes = if alone && (rest.is_empty() || rest.starts_with('#')) {
            self.comments_above(line, self.column(whole.start))..self.next_line(whole.end)
        } else {
            match (before, after) {
                (Some(before), _) => before..whole.end,
                (None, Some(after)) => whole.start..after,
                (None, None) => whole,
            }
        };
        Splice { drops: vec![bytes.clone()], bytes, text: String::new() }
    }

    /// The lines of something that begins there, with the comments that are about it. Where it was the last, the list or mapping is empty from now on.
    fn removed_lines(&self, at: &str, start: usize, end: usize, last: bool, empty: &str) -> Result<Splice, String> {
        let from = self.comments_above(self.line_start(start), self.column(start));
        if !last {
            let to = self.next_line(end);
            // Without a line's end at the end of the file there is none after the edit either.
            let from_end = if to == self.text.len() && !self.text.ends_with('\n') {
                self.slice(0..from).trim_end_matches(['\r', '\n']).len()
            } else {
                from
            };
            return Ok(Splice { bytes: from_end..to, text: String::new(), drops: std::iter::once(from_end..to).collect() });
        }
        let (parent, key) = at.rsplit_once('/').ok_or("it is all that stands there")?;
        let map = self.editable(parent)?;
        let (name, _) = self.tree.get(map, &unescaped(key)).ok_or("it is all that stands there")?;
        let colon = self.after_colon(name);
        let between = self.slice(colon..from).trim_end();
        let to = self.rest_of_line(end).end;
        Ok(Splice { bytes: colon..to, text: format!(" {empty}{between}"), drops: std::iter::once(from..to).collect() })
    }

    /// What comes before a closing bracket.
    fn inserted(&self, close: usize, empty: bool, written: &str) -> Splice {
        let inside = self.slice(0..close).trim_end().len();
        let comma = if empty {
            ""
        } else if self.slice(0..inside).ends_with(',') {
            " "
        } else {
            ", "
        };
        Splice { bytes: inside..inside, text: format!("{comma}{written}"), drops: Vec::new() }
    }

    /// With a comment at the end of the line, or behind the one that is there.
    fn beside(&self, splice: Splice, comment: Option<&str>) -> Splice {
        let Some(comment) = comment else { return splice };
        let line = self.rest_of_line(splice.bytes.end);
        let rest = self.slice(line.clone());
        let text = match self.trailing_comment(splice.bytes.end) {
            Some(_) => format!("{}{rest}; {}", splice.text, comment.trim_start_matches(['#', ' '])),
            None => format!("{}{rest}   {comment}", splice.text),
        };
        Splice { bytes: splice.bytes.start..line.end, text, drops: Vec::new() }
    }

    /// The node at a pointer, if it can be edited: it stands there itself, and nothing else is made of it.
    fn editable(&self, pointer: &str) -> Result<u32, String> {
        let mut at = 0;
        let mut path = vec![0];
        for token in pointer.split('/').skip(1) {
            let token = unescaped(token);
            let below = match self.tree.nodes.get(at as usize).map(|node| &node.content) {
                Some(Content::List(items)) => token.parse::<usize>().ok().and_then(|index| items.get(index)).copied(),
                _ => self.tree.get(at, &token).map(|(_, value)| value),
            };
            at = below.ok_or_else(|| format!("`{}` is not there", pointer.trim_start_matches('/').replace('/', ".")))?;
            path.push(at);
        }
        if let Some((alias, target)) = path.iter().find_map(|node| self.alias(*node).map(|target| (*node, target))) {
            return Err(self.shared(alias, target));
        }
        self.unshared(path)?;
        Ok(at)
    }

    /// That no alias stands for one of these nodes.
    fn unshared(&self, nodes: impl IntoIterator<Item = u32>) -> Result<(), String> {
        let aliases: Vec<(u32, u32)> = (0..self.tree.nodes.len() as u32).filter_map(|node| Some((node, self.alias(node)?))).collect();
        if aliases.is_empty() {
            return Ok(());
        }
        let found = nodes.into_iter().find_map(|node| aliases.iter().find(|(_, target)| *target == node));
        found.map_or(Ok(()), |(alias, target)| Err(self.shared(*alias, *target)))
    }

    fn shared(&self, alias: u32, target: u32) -> String {
        let mark = self.tree.mark(alias);
        let name = self.slice(mark.start as usize..mark.end as usize);
        format!("what stands at {} is used as `{name}` at {}", (self.place)(self.start(target)), (self.place)(self.start(alias)))
    }

    fn alias(&self, node: u32) -> Option<u32> {
        match self.tree.nodes.get(node as usize)?.content {
            Content::Alias(target) => Some(target),
            _ => None,
        }
    }

    fn entries(&self, node: u32) -> &[(u32, u32)] {
        match self.tree.nodes.get(node as usize).map(|node| &node.content) {
            Some(Content::Map(entries)) => entries,
            _ => &[],
        }
    }

    fn items(&self, node: u32) -> &[u32] {
        match self.tree.nodes.get(node as usize).map(|node| &node.content) {
            Some(Content::List(items)) => items,
            _ => &[],
        }
    }

    fn is_empty(&self, node: u32) -> bool {
        self.entries(node).is_empty() && self.items(node).is_empty()
    }

    fn in_brackets(&self, node: u32) -> bool {
        self.tree.nodes.get(node as usize).is_some_and(|node| node.close > 0)
    }

    fn json_keys(&self, map: u32) -> bool {
        let key = self.entries(map).first().map_or(0, |(name, _)| name_start(self.tree, *name));
        !self.entries(map).is_empty() && self.slice(key..self.text.len()).starts_with('"')
    }

    fn start(&self, node: u32) -> usize {
        self.tree.mark(node).start as usize
    }

    fn node_end(&self, node: u32) -> usize {
        self.tree.mark(node).end as usize
    }

    /// One past the last character that is not blank. A block text ends with its line; what is behind it belongs to others.
    fn end(&self, node: u32) -> usize {
        let (start, end) = (self.start(node), self.tree.end_of(node));
        let is_block = |node: &super::super::tree::Node<'_>| matches!(node.content, Content::Scalar(_, Style::Block));
        let last = subtree(self.tree, node).end.saturating_sub(1);
        if self.tree.nodes.get(last as usize).is_some_and(is_block) || self.slice(start..end).ends_with(char::is_whitespace) {
            return start.max(self.slice(0..end).trim_end().len());
        }
        end
    }

    fn after_colon(&self, name: u32) -> usize {
        let end = self.node_end(name);
        self.slice(end..self.text.len()).find(':').map_or(end, |found| end + found + 1)
    }

    /// The dash of a block list's item, which must be the first on its line.
    fn dash(&self, item: u32) -> Result<usize, String> {
        let start = self.start(item);
        let before = self.slice(0..start).trim_end();
        let at = before.len().saturating_sub(1);
        let own = before.ends_with('-') && self.slice(self.line_start(at)..at).trim().is_empty();
        if own { Ok(at) } else { Err(format!("the item at {} stands behind something else", (self.place)(start))) }
    }

    /// How much deeper than their keys the document's lists stand.
    fn list_depth(&self) -> usize {
        let in_block = |(name, value): &(u32, u32)| {
            let first = self.items(*value).first().filter(|_| !self.in_brackets(*value))?;
            let dash = self.column(self.dash(*first).ok()?);
            Some(dash.saturating_sub(self.column(name_start(self.tree, *name))) / 2)
        };
        (0..self.tree.nodes.len() as u32).find_map(|node| self.entries(node).iter().find_map(in_block)).unwrap_or(0)
    }

    fn slice(&self, bytes: Range<usize>) -> &str {
        self.text.get(bytes).unwrap_or("")
    }

    fn line_start(&self, at: usize) -> usize {
        self.slice(0..at).rfind('\n').map_or(0, |found| found + 1)
    }

    /// From here to the line's end, without it.
    fn rest_of_line(&self, from: usize) -> Range<usize> {
        let rest = self.slice(from..self.text.len());
        let line = rest.split_inclusive('\n').next().unwrap_or("");
        from..from + line.trim_end_matches(['\n', '\r']).len()
    }

    fn next_line(&self, from: usize) -> usize {
        let rest = self.slice(from..self.text.len());
        from + rest.split_inclusive('\n').next().map_or(0, str::len)
    }

    /// In characters, from 0.
    fn column(&self, at: usize) -> usize {
        self.slice(self.line_start(at)..at).chars().count()
    }

    /// The column of the comment behind what ends here.
    fn trailing_comment(&self, end: usize) -> Option<usize> {
        let line = self.rest_of_line(end);
        let rest = self.slice(line.clone());
        let hash = rest.find(" #").or_else(|| rest.find("\t#"))?;
        rest.get(..hash).is_some_and(|before| before.chars().all(|letter| " \t,]}".contains(letter))).then(|| self.column(end + hash + 1))
    }

    /// Where the comments begin that stand directly above a line, with its indent.
    fn comments_above(&self, line: usize, indent: usize) -> usize {
        let mut from = line;
        while from > 0 {
            let above = self.line_start(from - 1);
            let words = self.slice(above..from);
            let is_its = words.trim_start_matches(' ').starts_with('#') && words.len() - words.trim_start_matches(' ').len() == indent;
            if !is_its {
                break;
            }
            from = above;
        }
        from
    }
}

fn name_start(tree: &Tree<'_>, name: u32) -> usize {
    tree.mark(name).start as usize
}

/// A line with a comment in this column, or one blank behind it where the line is too long for that.
fn with_comment(line: &str, comment: &str, column: usize) -> String {
    let blanks = column.saturating_sub(line.chars().count()).max(1);
    format!("{line}{}{comment}", " ".repeat(blanks))
}
