//! Expectations as lines of YAML: for the manifest and for the difference, the same lines.
//!
//! Must never: write a scalar that reads back as something else.

use serde_json::{Map, Value as Json};

use crate::manifest::kinds::Expectation;

/// The parts of an expectation in the order they are written, and how many levels of each are mappings on lines of their own.
pub(super) const SECTIONS: [(&str, usize); 6] =
    [("lifecycle", 0), ("accounts", 2), ("groups", 1), ("entitlements", 3), ("departures", 1), ("findings", 0)];

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// how deep it stands, below `expect`
    pub(super) depth: usize,
    /// the keys that lead to it; of an item of a list, those of the list
    pub(super) path: Vec<String>,
    /// of an item of a list: its position and value
    pub(super) item: Option<(usize, Json)>,
    pub(super) text: String,
}

/// An expectation as JSON.
pub(super) fn as_json(expectation: &Expectation) -> Map<String, Json> {
    match serde_json::to_value(expectation) {
        Ok(Json::Object(map)) => map,
        _ => Map::new(),
    }
}

/// All lines of an expectation.
pub(super) fn lines(expectation: &Expectation) -> Vec<Line> {
    let all = as_json(expectation);
    let mut lines = Vec::new();
    for (name, levels) in SECTIONS {
        if let Some(value) = all.get(name) {
            value_lines(&mut vec![name.to_owned()], value, levels, &mut lines);
        }
    }
    lines
}

/// The lines of the value that a path leads to.
pub(super) fn value_lines(path: &mut Vec<String>, value: &Json, levels: usize, out: &mut Vec<Line>) {
    let depth = path.len().saturating_sub(1);
    let key = path.last().map(|key| scalar(key)).unwrap_or_default();
    let line = |text: String| Line { depth, path: path.clone(), item: None, text };
    match value {
        Json::Object(fields) if levels > 0 && !fields.is_empty() => {
            out.push(line(format!("{key}:")));
            for (name, value) in fields {
                path.push(name.clone());
                value_lines(path, value, levels - 1, out);
                path.pop();
            }
        }
        Json::Array(items) if !items.is_empty() => {
            out.push(line(format!("{key}:")));
            out.extend(items.iter().enumerate().map(|(at, item)| item_line(path, at, item)));
        }
        _ => out.push(line(format!("{key}: {}", flow(value)))),
    }
}

/// The line of one item of a list.
pub(super) fn item_line(path: &[String], at: usize, item: &Json) -> Line {
    Line { depth: path.len().saturating_sub(1), path: path.to_vec(), item: Some((at, item.clone())), text: format!("- {}", flow(item)) }
}

/// A value on one line.
pub(super) fn flow(value: &Json) -> String {
    match value {
        Json::String(text) => scalar(text),
        Json::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{}: {}", scalar(name), flow(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A text as every YAML parser reads it: bare where that is beyond doubt, else in double quotes.
pub(super) fn scalar(text: &str) -> String {
    if is_bare(text) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            odd if odd.is_control() || matches!(odd, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(odd)));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// Words that some YAML takes for a truth value, for nothing or for a number.
const WORDS: [&str; 13] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", ".inf", ".nan", "nan", "inf"];

fn is_bare(text: &str) -> bool {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | '/' | '@' | '+' | '(' | ')' | '\'' | ' ');
    let first = text.chars().next().is_some_and(|letter| letter.is_alphabetic() || letter == '_' || letter == '/');
    (first || is_date(text)) && text.chars().all(plain) && !text.ends_with(' ') && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.is_ascii() && text.parse::<jiff::civil::Date>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::manifest::{ManifestInput, load};

    #[test]
    fn what_could_be_misread_is_quoted() {
        for bare in ["jane.doe", "jane@acme.example", "hr/10023", "Zoë O'Connor", "2026-11-22", "Engineer (SRE)", "name.givenName"] {
            assert_eq!(scalar(bare), bare);
        }
        for quoted in
            ["", " a", "a ", "12", "0x1f", "no", "True", "~", "a: b", "a #b", "- a", "*a", "1.5", "a, b", "-", "2026-13-01", "null"]
        {
            assert_eq!(scalar(quoted), format!("\"{quoted}\""));
        }
        assert_eq!(scalar("a\"\\\n\u{7}"), r#""a\"\\\n\u0007""#);
    }

    proptest! {
        #[test]
        fn every_text_reads_back(text in "\\PC{0,16}|[ -~]{0,12}|[-0-9.:eE_+]{0,8}") {
            let document = format!(
                "apiVersion: headcount.dev/v1alpha1\nkind: Persona\nmetadata: {{name: a}}\nspec:\n  asOf: 2026-01-01\n  records:\n    hr:\n      {}: [{}]\n",
                scalar(&format!("k{text}")), scalar(&text)
            );
            let (loaded, _) = load(&[ManifestInput::Text { name: "-".into(), base: PathBuf::new(), bytes: document.into_bytes() }]);
            let [persona] = loaded.personas.as_slice() else { return Err(TestCaseError::fail("the document can't be read")) };
            let record = persona.spec.records.get("hr").cloned().unwrap_or_default();
            prop_assert_eq!(record, [(format!("k{text}"), serde_json::json!([text]))].into());
        }
    }
}
