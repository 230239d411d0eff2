//! Values as YAML: on one line, and quoted exactly where some YAML would read something else.
//!
//! Must never: write a scalar that reads back as something else.

use serde_json::Value as Json;

/// A value on one line.
pub fn flow(value: &Json) -> String {
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
pub fn scalar(text: &str) -> String {
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

/// Whether every YAML reads it as text without quotes; a day counts, since every field that holds one takes it so.
pub(in crate::manifest) fn is_bare(text: &str) -> bool {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | '/' | '@' | '+' | '(' | ')' | '\'' | ' ');
    let first = text.chars().next().is_some_and(|letter| letter.is_alphabetic() || letter == '_' || letter == '/');
    (first || is_date(text)) && text.chars().all(plain) && !text.ends_with(' ') && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

pub(in crate::manifest) fn is_date(text: &str) -> bool {
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
        for quoted in [
            "",
            " a",
            "a ",
            "12",
            "0755",
            "0x1f",
            "no",
            "yes",
            "True",
            "~",
            "a: b",
            "a #b",
            "- a",
            "*a",
            "1.5",
            "a, b",
            "-",
            "2026-13-01",
            "null",
        ] {
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
