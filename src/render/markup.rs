//! Text from outside made harmless for Markdown: no table is broken, nobody is mentioned, no HTML gets in.

use super::safe;

/// As a code span: shown literally, never a link or a mention. Good outside tables.
pub fn code(text: &str) -> String {
    let text = safe::line(text);
    if text.is_empty() {
        return "` `".to_owned();
    }
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 || text.trim() != text { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// As a code span inside a table, where a pipe would end the cell.
pub fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// As words of a sentence. Every sign that Markdown or the page could act on is disarmed.
pub fn prose(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    let text = safe::line(text);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let joined = characters.peek().is_some_and(|next| !next.is_whitespace());
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // A comment in between and the page no longer sees a mention, an issue or an address.
            '@' | '#' | ':' | '!' | '%' if joined => {
                safe.push(character);
                safe.push_str("<!-- -->");
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '|' | '~' | '$' | '+' | '=' => {
                safe.push('\\');
                safe.push(character);
            }
            other => safe.push(other),
        }
    }
    safe
}

/// As a block of code, such as YAML to paste.
pub fn block(text: &str, indent: &str) -> String {
    let text = safe::lines(text);
    let fence = if text.contains("```") { "`".repeat(text.len().min(40)) } else { "```".to_owned() };
    let lines: String = text.lines().map(|line| format!("{indent}{line}\n")).collect();
    format!("{indent}{fence}\n{lines}{indent}{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(code("a`b|c@d"), "`` a`b|c@d ``");
        assert_eq!(code("x\ny"), "`x\\ny`");
        assert_eq!(code(""), "` `");
        assert_eq!(cell("a|b"), "`a\\|b`");
        assert_eq!(prose("@all <img> *x* #1 [a](http://e)"), "@<!-- -->all &lt;img&gt; \\*x\\* #<!-- -->1 \\[a\\]\\(http:<!-- -->//e\\)");
    }
}
