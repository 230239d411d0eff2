//! Text from outside made harmless: control characters and characters that turn the writing direction become visible escapes.

use std::borrow::Cow;

/// Text on one line: line breaks are escaped too.
pub fn line(text: &str) -> Cow<'_, str> {
    escape(text, is_harmful)
}

/// Text that may span lines.
pub fn lines(text: &str) -> Cow<'_, str> {
    escape(text, |character| character != '\n' && is_harmful(character))
}

fn escape(text: &str, harmful: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' if harmful('\n') => safe.push_str("\\n"),
            '\t' => safe.push_str("\\t"),
            '\r' => safe.push_str("\\r"),
            other if harmful(other) => safe.extend(other.escape_unicode()),
            other => safe.push(other),
        }
    }
    Cow::Owned(safe)
}

/// Control characters, line separators, and what is invisible or turns the direction of what follows (Trojan Source).
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_shown_instead() {
        assert_eq!(line("Zoë 山田 👩"), "Zoë 山田 👩");
        assert_eq!(line("a\u{1b}[2Jb\nc\td\u{202e}e\u{9b}"), "a\\u{1b}[2Jb\\nc\\td\\u{202e}e\\u{9b}");
        assert_eq!(lines("a\nb\u{7}"), "a\nb\\u{7}");
    }
}
