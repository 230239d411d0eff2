//! A cell's text as people see it: composed letters, no blanks around it, no formula around a text; and what is no value at all.
//!
//! Must never: change a text that a person could tell from the cleaned one, or put the data into words.

use std::borrow::Cow;
use std::sync::Arc;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::model::{Cell, Columns, Evidence, Page, Row, Value};

/// What a text is after cleaning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cleaned<'t> {
    /// just as it stands
    Same,
    /// this
    Text(Cow<'t, str>),
    /// no value, for this reason
    Unreadable(&'static str),
}

const LOST: &str = "it holds U+FFFD, the sign for a letter that was lost before headcount saw it; export it again";
const SPREADSHEET: &str = "it holds a spreadsheet's error instead of a value; mend the formula and export it again";

/// What spreadsheets write where a formula failed, in English, German, French and Spanish.
const ERRORS: &[&str] = &[
    "#BEZUG!",
    "#CALC!",
    "#DIV/0!",
    "#ERROR!",
    "#GETTING_DATA",
    "#N/A",
    "#N/D",
    "#NAME?",
    "#NOM?",
    "#NOMBRE!",
    "#NULL!",
    "#NUM!",
    "#NV",
    "#REF!",
    "#SPILL!",
    "#VALEUR!",
    "#VALUE!",
    "#WERT!",
    "#ZAHL!",
    "#¡REF!",
    "#¡VALOR!",
];

/// Cleans one text of a source's record. `keep_blanks`: blanks around it stay.
pub(crate) fn clean(text: &str, keep_blanks: bool) -> Cleaned<'_> {
    if is_plain(text) {
        return Cleaned::Same;
    }
    if text.contains('\u{fffd}') {
        return Cleaned::Unreadable(LOST);
    }
    let trimmed = if keep_blanks { text } else { trim(text) };
    if ERRORS.binary_search(&trimmed).is_ok() {
        return Cleaned::Unreadable(SPREADSHEET);
    }
    let inner = formula_text(trimmed).unwrap_or(Cow::Borrowed(trimmed));
    let composed = composed(inner);
    if composed.len() == text.len() && composed == text { Cleaned::Same } else { Cleaned::Text(composed) }
}

/// Cleans every text in a list or a map; nothing where it is clean already.
pub(crate) fn clean_json(json: &str, keep_blanks: bool) -> Option<Result<String, &'static str>> {
    let bytes = json.as_bytes();
    if is_plain_json(bytes) || (json.is_ascii() && !memchr::memchr_iter(b'"', bytes).any(|quote| is_edge_to_clean(bytes, quote))) {
        return None;
    }
    let value = serde_json::from_str::<Value>(json).ok()?;
    let cleaned = match clean_value(&value, keep_blanks) {
        Ok(cleaned) => cleaned,
        Err(words) => return Some(Err(words)),
    };
    (cleaned != value).then(|| Ok(cleaned.to_json().to_string()))
}

/// Nearly every list and map: ASCII, and without any sign for which something in it may have to be cleaned.
fn is_plain_json(bytes: &[u8]) -> bool {
    // All of them, without a way out in between: so many are looked at in one step.
    let is_odd = |byte: &u8| !byte.is_ascii() | (*byte == b' ') | (*byte == b'#') | (*byte == b'=') | (*byte == b'\\');
    !bytes.iter().fold(false, |odd, byte| odd | is_odd(byte))
}

/// Whether a text that begins or ends at a quote may have to be cleaned there: a blank, or what a formula or an error begins with.
fn is_edge_to_clean(json: &[u8], quote: usize) -> bool {
    let (before, after) = (json.get(..quote).unwrap_or_default(), json.get(quote + 1..).unwrap_or_default());
    matches!(after, [b' ' | b'#' | b'=', ..] | [b'\\', b't', ..]) || matches!(before, [.., b' '] | [.., b'\\', b't'])
}

/// Without blanks at the ends, also those that nobody sees.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// In composed form (NFC), so that the two ways to write an accent are one.
pub(crate) fn composed(text: Cow<'_, str>) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text,
        _ => Cow::Owned(text.nfc().collect()),
    }
}

/// Whether a text beyond ASCII is what UTF-8 looks like after somebody read it as Latin-1 or Windows-1252. Nothing for plain ASCII.
pub(crate) fn was_encoded_twice(text: &str) -> Option<bool> {
    if text.is_ascii() {
        return None;
    }
    let bytes: Option<Vec<u8>> = text.chars().map(windows_1252).collect();
    Some(bytes.is_some_and(|bytes| std::str::from_utf8(&bytes).is_ok()))
}

fn clean_value(value: &Value, keep_blanks: bool) -> Result<Value, &'static str> {
    Ok(match value {
        Value::Text(text) => match clean(text, keep_blanks) {
            Cleaned::Same => value.clone(),
            Cleaned::Text(text) => Value::text(text),
            Cleaned::Unreadable(words) => return Err(words),
        },
        Value::List(items) => Value::List(items.iter().map(|item| clean_value(item, keep_blanks)).collect::<Result<_, _>>()?),
        Value::Map(fields) => {
            let fields = fields.iter().map(|(name, value)| Ok::<_, &'static str>((name.clone(), clean_value(value, keep_blanks)?)));
            Value::Map(std::sync::Arc::new(fields.collect::<Result<_, _>>()?))
        }
        Value::Bool(_) | Value::Int(_) | Value::Reference(_) => value.clone(),
    })
}

/// Nearly every cell: ASCII that neither begins nor ends with a blank, and is neither a formula nor an error.
fn is_plain(text: &str) -> bool {
    text.is_ascii() && has_plain_edges(text)
}

fn has_plain_edges(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_none_or(|byte| *byte > b' ');
    edge(bytes.first()) && edge(bytes.last()) && !matches!(bytes.first(), Some(b'=' | b'#'))
}

/// Blanks of every kind, and signs without any width (zero-width space, word joiner, byte order mark, marks of direction).
fn is_blank(sign: char) -> bool {
    sign.is_whitespace() || matches!(sign, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{180e}')
}

/// `="00123"`: how a spreadsheet keeps leading zeros.
fn formula_text(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix("=\"")?.strip_suffix('"')?;
    let single = inner.replace("\"\"", "");
    (!single.contains('"')).then(|| if inner.contains('"') { Cow::Owned(inner.replace("\"\"", "\"")) } else { Cow::Borrowed(inner) })
}

/// The byte that Windows-1252 has for a letter; Latin-1's control signs stand for themselves.
fn windows_1252(letter: char) -> Option<u8> {
    const HIGH: &str = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";
    const AT: &[u8] = &[
        0x80, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8e, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
        0x9a, 0x9b, 0x9c, 0x9e, 0x9f,
    ];
    u8::try_from(u32::from(letter)).ok().or_else(|| HIGH.chars().position(|high| high == letter).and_then(|at| AT.get(at)).copied())
}

/// How much of the text beyond ASCII looks as if it was encoded twice.
#[derive(Clone, Debug, Default)]
pub(super) struct EncodedTwice {
    twice: i64,
    once: i64,
}

impl EncodedTwice {
    /// Fewer texts than this prove nothing: somebody may be called so.
    const FEW: i64 = 3;

    /// A cell comes, or goes.
    pub(super) fn look(&mut self, cell: Cell<'_>, by: i64) {
        let text = match cell {
            Cell::Text(text) => Cow::Borrowed(text),
            Cell::Json(json) => json.text(),
            _ => return,
        };
        match was_encoded_twice(&text) {
            Some(true) => self.twice += by,
            Some(false) => self.once += by,
            None => {}
        }
    }

    /// Throughout: then names, departments and everything that rules make of them would be spoilt, and nothing of it can be used.
    pub(super) fn judge(&self, evidence: Evidence) -> Evidence {
        if self.once > 0 || self.twice < Self::FEW {
            return evidence;
        }
        let reason = format!(
            "its text was encoded twice (UTF-8 that something read as Latin-1 and wrote as UTF-8 again): all {} texts with special letters; \
             export it again as plain UTF-8",
            self.twice
        );
        Evidence::Unreadable { reason }
    }
}

/// The row with its texts cleaned; nothing where all of them are clean.
pub(super) fn clean_row(row: Row<'_>, cells: &[Cell<'_>], columns: &Arc<Columns>, keep_blanks: bool) -> Option<Page> {
    let plain = row.is_ascii();
    let clean_cell = |cell: &Cell<'_>| match cell {
        Cell::Text(text) if plain && has_plain_edges(text) => true,
        Cell::Text(text) => clean(text, keep_blanks) == Cleaned::Same,
        Cell::Json(json) => clean_json(&json.text(), keep_blanks).is_none(),
        _ => true,
    };
    if cells.iter().all(clean_cell) {
        return None;
    }
    let mut page = Page::new(columns.clone());
    page.row(|out| {
        for cell in cells {
            match cell {
                Cell::Text(text) => match clean(text, keep_blanks) {
                    Cleaned::Same => out.text(text),
                    Cleaned::Text(text) if text.is_empty() => out.missing(),
                    Cleaned::Text(text) => out.text(&text),
                    Cleaned::Unreadable(words) => out.unreadable(words),
                },
                Cell::Json(json) => match clean_json(&json.text(), keep_blanks) {
                    None => out.json(&json.text()),
                    Some(Ok(json)) => out.json(&json),
                    Some(Err(words)) => out.unreadable(words),
                },
                other => out.cell(*other),
            }
        }
    });
    Some(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> String {
        match clean(text, false) {
            Cleaned::Same => text.to_owned(),
            Cleaned::Text(text) => text.into_owned(),
            Cleaned::Unreadable(words) => format!("! {words}"),
        }
    }

    #[test]
    fn what_people_see_is_what_counts() {
        let cases = [
            ("Sales", "Sales"),
            ("  Sales\t", "Sales"),
            ("Sales\u{a0}", "Sales"),
            ("\u{feff}Sales\u{200b}\u{3000}", "Sales"),
            ("De\u{301}v", "D\u{e9}v"),
            ("Van  der Berg", "Van  der Berg"),
            ("=\"00123\"", "00123"),
            ("=\"say \"\"hi\"\"\"", "say \"hi\""),
            ("=A1", "=A1"),
            ("# 7", "# 7"),
            ("\u{a0}", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(cleaned(text), expected, "{text:?}");
        }
        for error in ERRORS {
            assert_eq!(cleaned(&format!(" {error} ")), format!("! {SPREADSHEET}"));
        }
        assert_eq!(cleaned("M\u{fffd}ller"), format!("! {LOST}"));
        assert_eq!(clean(" x ", true), Cleaned::Same);
        assert!(ERRORS.is_sorted());
    }

    #[test]
    fn texts_in_lists_and_maps_are_cleaned_too() {
        assert_eq!(clean_json(r#"["a","b"]"#, false), None);
        assert_eq!(clean_json(r#"["ü","b"]"#, false), None);
        assert_eq!(clean_json(r#"[{"value":" a@b.example "}]"#, false), Some(Ok(r#"[{"value":"a@b.example"}]"#.into())));
        assert_eq!(clean_json(r##"["#REF!"]"##, false), Some(Err(SPREADSHEET)));
    }

    #[test]
    fn text_that_was_encoded_twice_is_known_by_its_letters() {
        let cases = [
            ("MÃ¼ller", Some(true)),
            ("BjÃ¶rk", Some(true)),
            ("Ã…se", Some(true)),
            ("Müller", Some(false)),
            ("Łukasz", Some(false)),
            ("Muller", None),
        ];
        for (text, expected) in cases {
            assert_eq!(was_encoded_twice(text), expected, "{text}");
        }
    }
}
