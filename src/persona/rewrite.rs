//! Expectations written back into their manifests: the `expect` of each persona is replaced where it stands, and not one other byte.
//!
//! Must never: write a file, or hand out a text that does not read back as it was meant.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::yaml;
use crate::manifest::kinds::{Expectation, PersonaSpec};
use crate::manifest::{Document, Loaded, ManifestInput, Outline, Style, load};

/// The new text of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// as the user named it
    pub file: Arc<str>,
    /// its text when it was read
    pub before: Arc<str>,
    /// what it is to be
    pub after: String,
    /// how many personas change
    pub personas: usize,
}

/// The new texts of all files with these personas, or in one sentence why one can't be rewritten.
pub fn rewrite(loaded: &Loaded, new: &[(&Document<PersonaSpec>, &Expectation)]) -> Result<Vec<Rewrite>, String> {
    let mut rewrites = Vec::new();
    for (at, before) in loaded.texts.iter().enumerate() {
        let here: Vec<_> = new.iter().filter(|(persona, _)| persona.origin.text == at).copied().collect();
        let Some((first, _)) = here.first() else { continue };
        let file = first.origin.file.clone();
        let mut edits: Vec<(Range<usize>, String)> = here.iter().map(|(persona, came)| edit(loaded, before, persona, came)).collect();
        edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let mut after = before.to_string();
        for (range, text) in edits {
            if after.get(range.clone()).is_none() {
                return Err(format!("{file}: its text can't be cut at the expectation; write it by hand"));
            }
            after.replace_range(range, &text);
        }
        if !reads_back(before, &after, &here) {
            return Err(format!("{file}: the new expectation would change something else in the file; write it by hand"));
        }
        rewrites.push(Rewrite { file, before: before.clone(), after, personas: here.len() });
    }
    Ok(rewrites)
}

/// The bytes to replace, and by what.
fn edit(loaded: &Loaded, text: &str, persona: &Document<PersonaSpec>, came: &Expectation) -> (Range<usize>, String) {
    let outline = loaded.outline(&persona.origin);
    let line_end = if has_crlf(text, persona) { "\r\n" } else { "\n" };
    let key = outline.key_span("/spec/expect");
    if outline.in_brackets("/spec") {
        return in_brackets(text, &outline, key.map(|span| (span.bytes, span.style)), came);
    }
    match key {
        Some(key) => replaced(text, &outline, key.bytes, came, line_end),
        None => added(text, &outline, came, line_end),
    }
}

fn has_crlf(text: &str, persona: &Document<PersonaSpec>) -> bool {
    let document = text.get(persona.origin.start..persona.origin.start + persona.origin.length).unwrap_or("");
    document.split_inclusive('\n').next().is_some_and(|line| line.ends_with("\r\n"))
}

/// In a document that is written in brackets: on one line, with quotes where its keys have them.
fn in_brackets(
    text: &str,
    outline: &Outline<'_>,
    key: Option<(Range<usize>, Option<Style>)>,
    came: &Expectation,
) -> (Range<usize>, String) {
    let value = serde_json::Value::Object(yaml::as_json(came));
    let quoted = outline.key_span("/spec/asOf").is_some_and(|span| text.get(span.bytes).is_some_and(|key| key.starts_with('"')));
    let written = if quoted { value.to_string() } else { yaml::flow(&value) };
    let extent = outline.extent("/spec/expect");
    match (key, extent) {
        (Some((key, _)), Some(extent)) if extent.end > key.end => {
            let from = if extent.start > key.end { extent.start } else { key.end };
            (from..extent.end, written)
        }
        (Some((key, _)), _) => (key.end..key.end, format!(": {written}")),
        (None, _) => {
            let end = outline.extent("/spec").map_or(text.len(), |extent| extent.end.saturating_sub(1));
            let inside = text.get(..end).unwrap_or("").trim_end();
            let comma = if inside.ends_with(',') { " " } else { ", " };
            let name = if quoted { "\"expect\"" } else { "expect" };
            (inside.len()..inside.len(), format!("{comma}{name}: {written}"))
        }
    }
}

/// The old block goes, from its key to its last byte; a comment beside the key stays there.
fn replaced(text: &str, outline: &Outline<'_>, key: Range<usize>, came: &Expectation, line_end: &str) -> (Range<usize>, String) {
    let indent = column_of(text, key.start);
    let after_colon = text.get(key.end..).and_then(|rest| rest.find(':')).map_or(key.end, |colon| key.end + colon + 1);
    let end = outline.extent("/spec/expect").map_or(after_colon, |extent| extent.end).max(after_colon);
    // A block text ends with its line; what is behind it belongs to others.
    let end = after_colon + text.get(after_colon..end).unwrap_or("").trim_end().len();
    let line = rest_of_line(text, end);
    let on_key_s_line = !text.get(key.end..end).unwrap_or("").contains('\n');
    let beside = if on_key_s_line { line.clone() } else { rest_of_line(text, after_colon) };
    let comment = text.get(beside).unwrap_or("").trim();
    let comment = if comment.starts_with('#') { comment } else { "" };
    (key.start..line.end, block(came, indent, comment, line_end))
}

/// Behind the last line of `spec`.
fn added(text: &str, outline: &Outline<'_>, came: &Expectation, line_end: &str) -> (Range<usize>, String) {
    let indent = outline.key_span("/spec/asOf").map_or(2, |span| column_of(text, span.bytes.start));
    let end = outline.extent("/spec").map_or(text.len(), |extent| extent.end);
    let end = text.get(..end).unwrap_or("").trim_end().len();
    let line = rest_of_line(text, end);
    let block = block(came, indent, "", line_end);
    (line.end..line.end, format!("{line_end}{}{block}", " ".repeat(indent)))
}

fn column_of(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or("");
    before.len() - before.rfind('\n').map_or(0, |found| found + 1)
}

/// From here to the line's end, without it.
fn rest_of_line(text: &str, from: usize) -> Range<usize> {
    let rest = text.get(from..).unwrap_or("");
    let line = rest.split_inclusive('\n').next().unwrap_or("");
    from..from + line.trim_end_matches(['\n', '\r']).len()
}

/// `expect` and its lines, without the first line's indent and the last line's end.
fn block(came: &Expectation, indent: usize, comment: &str, line_end: &str) -> String {
    let lines = yaml::lines(came);
    let space = if comment.is_empty() { "" } else { " " };
    if lines.is_empty() {
        return format!("expect: {{}}{space}{comment}");
    }
    let mut text = format!("expect:{space}{comment}");
    for line in lines {
        text.push_str(line_end);
        text.push_str(&" ".repeat(indent + 2 * (line.depth + 1)));
        text.push_str(&line.text);
    }
    text
}

/// Whether the new text has the same documents with just the new expectations.
fn reads_back(before: &str, after: &str, new: &[(&Document<PersonaSpec>, &Expectation)]) -> bool {
    let read = |text: &str| load(&[ManifestInput::Text { name: "-".into(), base: PathBuf::new(), bytes: text.as_bytes().to_vec() }]).0;
    let (mut old, now) = (read(before), read(after));
    for persona in &mut old.personas {
        if let Some((_, came)) = new.iter().find(|(known, _)| known.name == persona.name) {
            persona.spec.expect = Some((*came).clone());
        }
    }
    let names = |loaded: &Loaded| -> Vec<Arc<str>> {
        let users = loaded.users.iter().map(|user| user.name.clone());
        let groups = loaded.groups.iter().map(|group| group.name.clone());
        let systems =
            loaded.sources.iter().map(|source| source.name.clone()).chain(loaded.targets.iter().map(|target| target.name.clone()));
        let access = loaded.entitlements.iter().map(|one| one.name.clone()).chain(loaded.revocations.iter().map(|one| one.name.clone()));
        let mappings = loaded.mappings.iter().map(|mapping| mapping.name.clone());
        users.chain(groups).chain(systems).chain(access).chain(mappings).collect()
    };
    let specs = |loaded: &Loaded| -> Vec<(Arc<str>, PersonaSpec)> {
        loaded.personas.iter().map(|persona| (persona.name.clone(), persona.spec.clone())).collect()
    };
    specs(&old) == specs(&now) && names(&old) == names(&now)
}
