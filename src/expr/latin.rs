//! Names in plain Latin letters: the accents of every language, and the ways of some to write their own letters.
//!
//! Must never: make a sign of what has no letter (an emoji, a zero-width space), or a `?` or a blank of what it does not know.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// How a language writes letters of its own where only plain ones go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Language(&'static [(char, &'static str)]);

/// Lower-case letters; a capital gets a capital first. German by DIN 5007-2, Scandinavian letters as their passports write them (ICAO Doc 9303, part 3, section 6).
const LANGUAGES: &[(&str, &[(char, &str)])] = &[
    ("da", &[('\u{e6}', "ae"), ('\u{f8}', "oe"), ('\u{e5}', "aa"), ('\u{f6}', "oe"), ('\u{e4}', "ae")]),
    ("de", &[('\u{e4}', "ae"), ('\u{f6}', "oe"), ('\u{fc}', "ue"), ('\u{df}', "ss")]),
    ("et", &[('\u{e4}', "ae"), ('\u{f6}', "oe"), ('\u{fc}', "ue"), ('\u{f5}', "o")]),
    ("fi", &[('\u{e4}', "ae"), ('\u{f6}', "oe"), ('\u{e5}', "aa")]),
    ("is", &[('\u{fe}', "th"), ('\u{f0}', "d"), ('\u{e6}', "ae"), ('\u{f6}', "oe")]),
    ("nb", &[('\u{e6}', "ae"), ('\u{f8}', "oe"), ('\u{e5}', "aa"), ('\u{f6}', "oe"), ('\u{e4}', "ae")]),
    ("pl", &[('\u{142}', "l")]),
    ("sv", &[('\u{e4}', "ae"), ('\u{f6}', "oe"), ('\u{e5}', "aa")]),
];

/// The rules of a language, by its ISO 639-1 code.
pub(super) fn language(name: &str) -> Option<Language> {
    let code = match name {
        "no" | "nn" => "nb",
        other => other,
    };
    LANGUAGES.iter().find(|(known, _)| *known == code).map(|(_, letters)| Language(letters))
}

/// The languages that have rules, for messages.
pub(super) fn names() -> String {
    let names: Vec<_> = LANGUAGES.iter().map(|(name, _)| format!("{name:?}")).collect();
    names.join(", ")
}

/// Plain Latin letters, digits and signs, without a language's own rules.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    ascii(text, None)
}

/// Plain Latin letters, digits and signs.
pub(super) fn ascii(text: &str, language: Option<Language>) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    // The blank beside a sign that is left out goes with it.
    let mut left_out = false;
    for letter in text.nfc() {
        let before = plain.len();
        match language.and_then(|language| language.write(letter)) {
            _ if letter == ' ' && left_out && (plain.is_empty() || plain.ends_with(' ')) => {}
            _ if letter.is_ascii() => plain.push(letter),
            Some(own) => plain.push_str(&own),
            None => plain.push_str(sign(letter)),
        }
        left_out = plain.len() == before;
    }
    if left_out {
        plain.truncate(plain.trim_end_matches(' ').len());
    }
    Cow::Owned(plain)
}

/// As part of a login: lower-case letters and digits, a hyphen kept between them, all else (blanks, apostrophes, dots) left out.
pub(super) fn handle(text: &str, language: Option<Language>) -> String {
    let mut handle = String::with_capacity(text.len());
    for letter in ascii(text, language).chars() {
        match letter {
            _ if letter.is_ascii_alphanumeric() => handle.push(letter.to_ascii_lowercase()),
            '-' if !handle.is_empty() && !handle.ends_with('-') => handle.push('-'),
            _ => {}
        }
    }
    handle.truncate(handle.trim_end_matches('-').len());
    handle
}

impl Language {
    fn write(self, letter: char) -> Option<Cow<'static, str>> {
        let lower = letter.to_lowercase().next()?;
        let (_, plain) = self.0.iter().find(|(known, _)| *known == lower)?;
        if lower == letter {
            return Some(Cow::Borrowed(plain));
        }
        let mut signs = plain.chars();
        Some(Cow::Owned(signs.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(signs).collect()))
    }
}

/// What a sign beyond ASCII comes to; nothing for what is neither letter, digit nor a sign of Latin writing.
fn sign(letter: char) -> &'static str {
    match letter {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{2bc}' | '\u{2b9}' => "'",
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => "\"",
        '\u{2026}' => "...",
        '\u{b7}' => "",
        _ if letter.is_whitespace() => " ",
        _ if letter.is_alphanumeric() => deunicode::deunicode_char(letter).filter(|plain| !plain.contains('?')).map_or("", str::trim),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_every_language_become_plain_and_nothing_else_becomes_anything() {
        let cases = [
            ("M\u{fc}ller", "Muller"),
            ("Mu\u{308}ller", "Muller"),
            ("\u{141}ukasz S\u{f8}rensen", "Lukasz Sorensen"),
            ("Ben \u{1f338}", "Ben"),
            ("Ben \u{1f338} Brandt", "Ben Brandt"),
            ("\u{1f338} Ben", "Ben"),
            ("Cl\u{200b}eo\u{ad}", "Cleo"),
            ("Dolan\u{200f}", "Dolan"),
            ("Ho\u{2011}rn", "Ho-rn"),
            ("O\u{2019}Brien", "O'Brien"),
            ("\u{5317}\u{4eac}", "BeiJing"),
            ("Ada\u{a0}Adler", "Ada Adler"),
            ("\u{e000}\u{2603}", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(ascii(text, None), expected, "{text:?}");
        }
    }

    #[test]
    fn languages_write_their_own_letters_in_their_own_way() {
        let cases = [
            ("de", "\u{dc}nal M\u{fc}ller-Wei\u{df}", "Uenal Mueller-Weiss"),
            ("da", "S\u{f8}ren \u{c5}gaard", "Soeren Aagaard"),
            ("no", "\u{d8}yvind", "Oeyvind"),
            ("pl", "\u{141}ukasz \u{17b}\u{f3}\u{142}\u{107}", "Lukasz Zolc"),
        ];
        for (name, text, expected) in cases {
            assert_eq!(ascii(text, language(name)), expected);
        }
        assert_eq!(language("xx"), None);
    }

    #[test]
    fn a_handle_copes_with_particles_apostrophes_and_blanks() {
        let cases = [("van der Berg", "vanderberg"), ("O'Brien", "obrien"), ("Anna-Lena", "anna-lena"), ("- ", ""), ("Dr. Ada", "drada")];
        for (text, expected) in cases {
            assert_eq!(handle(text, None), expected);
        }
    }
}
