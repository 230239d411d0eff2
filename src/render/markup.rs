//! Text from outside made harmless for Markdown and HTML, one function for each place where it can stand: no table is broken, nobody is mentioned, no command of
//! a host runs, no HTML gets in.
//!
//! Must never: be put together with what it returned for another place.

use std::borrow::Cow;

use super::safe;

/// As a code span: shown literally, never a link or a mention. Good outside tables.
pub fn code(text: &str) -> String {
    let text = safe::line(text);
    if text.is_empty() {
        return "` `".to_owned();
    }
    let longest = longest_run(&text);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 || text.trim() != text { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// As a name inside a table, where a pipe would end the cell.
pub fn cell(text: &str) -> String {
    name(text).replace('|', "\\|")
}

/// As words of a sentence. Every sign that Markdown or the page could act on is disarmed.
pub fn prose(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    let text = safe::line(text);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let joined = characters.peek().is_some_and(|next| !next.is_whitespace());
        // GitLab runs a line that begins so as a command, with the rights of whoever wrote the comment.
        if character == '/' && safe.is_empty() {
            safe.push_str("&#47;");
            continue;
        }
        if safe.is_empty() && matches!(character, '-' | '+' | '#' | '.' | ')') {
            safe.push('\\');
        }
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '|' | '~' | '$' | '+' | '=' | '{' | '}' => {
                safe.push('\\');
                safe.push(character);
            }
            other => safe.push(other),
        }
        // A comment in between and the page no longer sees a mention, an issue, an address, an emoji or marks of what came and went.
        if joined
            && matches!(character, '@' | '#' | ':' | '!' | '%' | '&' | '~' | '$' | '^' | '[' | '{' | '+' | '-')
            && !plain_hyphen(character, &safe)
        {
            safe.push_str(APART);
        }
        if safe.ends_with("www") {
            safe.push_str(APART);
        }
    }
    safe
}

/// What no page sees and no page reads across.
const APART: &str = "<!-- -->";

/// A hyphen inside a word is only that.
fn plain_hyphen(character: char, written: &str) -> bool {
    character == '-' && written.trim_end_matches('-').ends_with(char::is_alphanumeric)
}

/// As a name in a sentence: words where it looks like a name, and a code span where it looks like an address or steers anything.
pub fn name(text: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, ' ' | '.' | '-' | '\'');
    let edges = text.starts_with(char::is_alphanumeric) && text.ends_with(|last: char| last.is_alphanumeric() || last == '.');
    if edges && text.chars().all(plain) && !text.to_ascii_lowercase().contains("www.") { text.to_owned() } else { code(text) }
}

/// As a block of code, such as YAML to paste.
pub fn block(text: &str, indent: &str) -> String {
    let text = safe::lines(text);
    let lines: Vec<&str> = text.lines().collect();
    fenced("", lines.into_iter().map(Cow::Borrowed), indent)
}

/// As a block of lines in a language, each made harmless. Its fence is longer than any run of backticks in it.
pub fn fenced<'t>(language: &str, lines: impl Iterator<Item = Cow<'t, str>>, indent: &str) -> String {
    let lines: Vec<String> = lines.map(|line| safe::line(&line).into_owned()).collect();
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or_default();
    let fence = "`".repeat((longest + 1).max(3));
    let lines: String = lines.iter().map(|line| format!("{indent}{line}\n")).collect();
    format!("{indent}{fence}{language}\n{lines}{indent}{fence}\n")
}

/// As text or an attribute of HTML: everything but letters, digits and plain signs as a number.
pub fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for character in safe::line(text).chars() {
        match character {
            ' ' | '.' | ',' | ';' | '-' => safe.push(character),
            other if other.is_ascii_punctuation() => safe.push_str(&format!("&#{};", u32::from(other))),
            other => safe.push(other),
        }
    }
    safe
}

/// As the title of what is folded, which is HTML in a page that looks for mentions in it all the same.
pub fn summary(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for character in safe::line(text).chars() {
        safe.push_str(&html(character.encode_utf8(&mut [0; 4])));
        if character.is_ascii_punctuation() && !matches!(character, '.' | ',' | ';' | '-' | '\'') || safe.ends_with("www") {
            safe.push_str(APART);
        }
    }
    safe
}

/// As JSON inside a script element: it can neither end the element nor a line of it.
pub fn script(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// As a path in an address: everything but letters, digits, `-`, `.`, `_`, `~` and `/` in its bytes.
pub fn path(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' | b'/' => path.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => path.push(char::from(byte)),
            byte => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What people are called who mean no good.
    const HOSTILE: &[&str] = &[
        "/merge",
        "@all",
        "#1",
        "!2 %3 ~4 $5 ^6 &7",
        "a`b``c",
        "</script><img src=x onerror=alert(1)>",
        "\u{1b}[2Jgone",
        "evil\u{202e}gpj",
        "[- gone -] {+ new +}",
        "a|b",
        "--> <b>x",
        "[[wiki]] :tada: www.evil.example https://evil.example",
        "line\n/close\n# heading",
        "- a list",
        "1) one",
        "**bold** _it_ $x$",
        "![x](https://evil.example/p.png)",
        "&nbsp;&lt;",
        "```\n~~~",
        "\u{2028}x",
    ];

    #[test]
    fn text_stays_text() {
        assert_eq!(code("a`b|c@d"), "`` a`b|c@d ``");
        assert_eq!(code("x\ny"), "`x\\ny`");
        assert_eq!(code(""), "` `");
        assert_eq!(cell("a|b"), "`a\\|b`");
        assert_eq!(
            prose("@all <img> *x* #1 [a](http://e)"),
            "@<!-- -->all &lt;img&gt; \\*x\\* #<!-- -->1 \\[<!-- -->a\\]\\(http:<!-- -->//e\\)"
        );
        assert_eq!(prose("state-of-the-art, 5 - 3"), "state-of-the-art, 5 - 3");
        assert_eq!(prose("/merge now"), "&#47;merge now");
        assert_eq!(prose("[- x -]"), "\\[<!-- -->- x -<!-- -->\\]");
        assert_eq!(path("a b/ü?#.yaml"), "a%20b/%C3%BC%3F%23.yaml");
    }

    #[test]
    fn no_hostile_name_gets_out_of_its_place() {
        for hostile in HOSTILE {
            let prose = prose(hostile);
            let bare = prose.replace(APART, "");
            assert!(!bare.contains('<') && !prose.contains('\n') && !prose.contains('\u{1b}'), "{prose}");
            assert!(!prose.starts_with(['/', '-', '#', '+', '>', '!']) || prose.starts_with("!<"), "{prose}");
            for armed in ["@a", "#1", "!2", "%3", "~4", "$5", "^6", "&7", "www.", "://", "[-", "{+", ":t", "[["] {
                assert!(!prose.contains(armed), "{armed} in {prose}");
            }
            let span = code(hostile);
            let fence = span.len() - span.trim_start_matches('`').len();
            assert!(!span[fence..span.len() - fence].contains(&"`".repeat(fence)) && !span.contains('\n'), "{span}");
            assert!(!cell(hostile).replace("\\|", "").contains('|'), "{hostile}");
            let block = fenced("diff", std::iter::once(Cow::Owned(format!("+ {hostile}"))), "");
            let fence: String = block.chars().take_while(|sign| *sign == '`').collect();
            assert_eq!(block.lines().filter(|line| line.starts_with(&fence)).count(), 2, "{block}");
            assert_eq!(block.lines().count(), 3, "{block}");
            for html in [html(hostile), summary(hostile).replace(APART, "")] {
                assert!(!html.contains(['<', '>', '"', '\'', '\n', '\u{1b}', '\u{202e}']), "{html}");
            }
            assert!(!summary(hostile).contains("&#64;a") && !summary(hostile).contains("&#35;1"), "{}", summary(hostile));
            let script = script(&serde_json::Value::from(*hostile).to_string());
            assert!(!script.contains("</") && !script.contains("<!--") && !script.contains(['\u{2028}', '\n']), "{script}");
            let back: String = serde_json::from_str(&script).expect("it is still JSON");
            assert_eq!(back, *hostile);
            let named = name(hostile);
            assert!(named.starts_with('`') && named.ends_with('`'), "{named}");
        }
        for kind in ["Zoë O'Brien", "ada.okafor2", "R and D", "山田 太郎", "Jean-Luc Jr."] {
            assert_eq!(name(kind), kind);
        }
        assert_eq!(name("ada@acme.example"), "`ada@acme.example`");
    }
}
