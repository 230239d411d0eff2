//! Why a text is no YAML, in the words of somebody who wrote a manifest and not of a parser.
//!
//! Must never: repeat a value, which may be a secret, or say more than the lines around the place tell.

use super::tree::{Broken, Mark};

/// Something written: which line, which characters of it.
struct At {
    /// from 0
    line: usize,
    /// from 0, in characters
    column: usize,
}

/// What the parser said at a line (from 1) and a column (from 0, in characters), said anew.
pub(super) fn explained(text: &str, said: &str, line: usize, column: usize) -> Broken {
    let lines: Vec<&str> = text.lines().collect();
    let at = At { line: line.saturating_sub(1), column };
    let page = Page { text, lines };
    let causes = [conflict, tab, quote, sign, bracket, colon, indentation];
    causes.iter().find_map(|cause| cause(&page, said, &at)).unwrap_or_else(|| page.broken(&at, &format!("this is not YAML: {said}"), None))
}

struct Page<'a> {
    text: &'a str,
    lines: Vec<&'a str>,
}

type Words = Option<&'static str>;

/// Both sides of a merge stand in the file.
fn conflict(page: &Page<'_>, _: &str, _: &At) -> Option<Broken> {
    let line = page.lines.iter().position(|line| line.starts_with("<<<<<<< "))?;
    let hint = "keep one side, and take out the lines with <<<<<<<, ======= and >>>>>>>";
    Some(page.broken(&At { line, column: 0 }, "a merge conflict was left here", Some(hint)))
}

fn tab(page: &Page<'_>, said: &str, at: &At) -> Option<Broken> {
    let line = if said.contains("tab") { at.line } else { return None };
    let column = page.line(line).find('\t').unwrap_or(0);
    let hint = "replace it by spaces, as many as the lines beside it have; most editors do that for a whole file";
    Some(page.broken(&At { line, column }, "a tab indents this line, and YAML counts spaces", Some(hint)))
}

fn quote(page: &Page<'_>, said: &str, at: &At) -> Option<Broken> {
    let (message, hint) = if said.contains("unclosed quote") {
        ("the quote that opens here is not closed", "close it with the same sign; a `'` inside '…' is written twice")
    } else if said.contains("escape") {
        ("in double quotes a backslash begins an escape, and here it begins none", "use single quotes, where a backslash is itself")
    } else if said.contains("trailing content after") {
        ("the value ends at its second quote, and more follows", "put quotes around all of it, of the other sort: 'a + \"b\"'")
    } else {
        return None;
    };
    Some(page.broken(at, message, Some(hint)))
}

/// A value that begins with a sign that means something to YAML.
fn sign(page: &Page<'_>, said: &str, at: &At) -> Option<Broken> {
    let begins = said.contains("unexpected character") || said.contains("anchor or alias");
    let sign = page.line(at.line).chars().nth(at.column).filter(|_| begins)?;
    let message = format!("an unquoted value can't begin with {}", if sign == '`' { "a backtick".to_owned() } else { format!("`{sign}`") });
    Some(page.broken(at, &message, Some("put the value in single quotes: '…'")))
}

/// Inside of brackets: one that is not closed, or an expression without quotes.
fn bracket(page: &Page<'_>, said: &str, at: &At) -> Option<Broken> {
    if !["flow", "placement of ':'", "misplaced bracket", "mapping values"].iter().any(|words| said.contains(words)) {
        return None;
    }
    let open = page.open_before(at);
    match open.last() {
        None if said.contains("misplaced bracket") => {
            let hint = "take it out, or open it before; a text with brackets goes in quotes";
            Some(page.broken(at, "a bracket closes here that was never opened", Some(hint)))
        }
        None => None,
        Some(last) if last.line != at.line => Some(page.broken(
            last,
            "the bracket that opens here is not closed",
            Some("close it, or write the lines below it without brackets"),
        )),
        Some(_) => {
            let hint = "quote the expression: {attribute: title, value: 'a ? b : c'}";
            Some(page.broken(
                at,
                "inside {…} and […] an expression needs quotes: a comma, a colon or a bracket ends a value without",
                Some(hint),
            ))
        }
    }
}

/// `key:value`, a key without a colon, or a second colon in a value.
fn colon(page: &Page<'_>, said: &str, at: &At) -> Option<Broken> {
    if said.contains("expected ':'") {
        return Some(page.broken(at, "here a key and a colon were expected", Some("write `key: value`, with a space after the colon")));
    }
    if !said.contains("mapping values are not allowed") {
        return None;
    }
    let before: String = page.line(at.line).chars().take(at.column).collect();
    if before.contains(": ") {
        let hint = "put the value in single quotes; an expression with `a ? b : c` needs them too";
        return Some(page.broken(at, "a value without quotes can't hold a colon and a space", Some(hint)));
    }
    let (line, above) = page.above(at.line)?;
    let column = indent(above);
    let above = above.trim();
    match above.find(':') {
        None => Some(page.broken(&At { line, column }, "the colon after the key is missing", Some("write `key: value`"))),
        Some(found) if !above.contains(": ") && !above.ends_with(':') => {
            let column = column + above.get(..found).map_or(0, |key| key.chars().count());
            Some(page.broken(&At { line, column }, "the space after the colon is missing", Some("write `key: value`")))
        }
        Some(_) => None,
    }
}

/// A line that stands under none of those above.
fn indentation(page: &Page<'_>, said: &str, at: &At) -> Option<Broken> {
    if !["expected key", "mapping values are not allowed", "expected '-' indicator", "block end"].iter().any(|words| said.contains(words)) {
        return None;
    }
    let here = indent(page.line(at.line));
    let place = At { line: at.line, column: here };
    // Below a key that ends with its colon a deeper line is right.
    if page.above(at.line).is_some_and(|(_, above)| above.trim_end().ends_with(':') && here > indent(above)) {
        return None;
    }
    let columns = page.columns_above(at.line);
    if columns.contains(&here) {
        let hint = "a list's items begin with `- `, a mapping's keys end with `:`, and both can't stand in one";
        return Some(page.broken(&place, "this line is of another sort than those beside it", Some(hint)));
    }
    let message = format!("the line is indented by {}, and nothing above it is", spaces(&here.to_string()));
    let words: Vec<String> = columns.iter().map(usize::to_string).collect();
    let hint = match words.split_last() {
        None => "begin it at the left edge".to_owned(),
        Some((only, [])) if only == "0" => "begin it at the left edge".to_owned(),
        Some((only, [])) => format!("indent it as its neighbours are: the lines above that it can belong to have {}", spaces(only)),
        Some((last, others)) => {
            format!("indent it as its neighbours are: the lines above that it can belong to have {} or {last} spaces", others.join(", "))
        }
    };
    Some(Broken { hint: Some(hint), ..page.broken(&place, &message, None) })
}

fn spaces(count: &str) -> String {
    if count == "1" { "1 space".to_owned() } else { format!("{count} spaces") }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn says_something(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

impl Page<'_> {
    fn line(&self, line: usize) -> &str {
        self.lines.get(line).copied().unwrap_or_default()
    }

    /// The nearest line above that says something.
    fn above(&self, line: usize) -> Option<(usize, &str)> {
        self.lines.iter().enumerate().take(line).rev().map(|(at, line)| (at, *line)).find(|(_, line)| says_something(line))
    }

    /// Where the lines begin that this one may belong to: of the nearest above, and of those that it stands in.
    fn columns_above(&self, line: usize) -> Vec<usize> {
        let mut columns = Vec::new();
        for above in self.lines.iter().take(line).rev().filter(|line| says_something(line) && !line.starts_with("---")) {
            let column = indent(above);
            let item = above.trim_start().strip_prefix("- ").map(|_| column + 2);
            if columns.last().is_none_or(|least| item.unwrap_or(column) < *least) {
                columns.extend(item);
            }
            if columns.last().is_none_or(|least| column < *least) {
                columns.push(column);
            }
            if column == 0 {
                break;
            }
        }
        columns.reverse();
        columns
    }

    /// The brackets that are open where the parser stopped, outermost first.
    fn open_before(&self, at: &At) -> Vec<At> {
        let mut open: Vec<At> = Vec::new();
        let mut quote: Option<char> = None;
        // Lines of a text after `|` or `>` are deeper than this.
        let mut block: Option<usize> = None;
        for (number, line) in self.lines.iter().enumerate().take(at.line + 1) {
            if block.is_some_and(|than| !says_something(line) || indent(line) > than) {
                continue;
            }
            block = None;
            let most = if number == at.line { at.column } else { usize::MAX };
            // What the last letter was that is no blank: a bracket or a quote opens only where a value can begin.
            let mut last = '-';
            for (column, letter) in line.chars().enumerate().take(most) {
                match (quote, letter) {
                    (Some(closing), _) => quote = quote.filter(|_| letter != closing),
                    (None, '#') if column == 0 || line.chars().nth(column - 1) == Some(' ') => break,
                    (None, '"' | '\'') if begins(last) => quote = Some(letter),
                    (None, '{' | '[') if !open.is_empty() || begins(last) => open.push(At { line: number, column }),
                    (None, '}' | ']') if !open.is_empty() => {
                        open.pop();
                    }
                    _ => {}
                }
                last = if letter == ' ' { last } else { letter };
            }
            if open.is_empty() && line.trim_end().ends_with(['|', '>', '-', '+']) && line.contains([':', '-']) {
                let sign = line.trim_end().rsplit(' ').next().unwrap_or_default();
                block = sign.starts_with(['|', '>']).then(|| indent(line));
            }
        }
        open
    }

    fn broken(&self, at: &At, message: &str, hint: Words) -> Broken {
        let start: usize = self.text.split_inclusive('\n').take(at.line).map(str::len).sum();
        let inside: usize = self.line(at.line).chars().take(at.column).map(char::len_utf8).sum();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let start = number(start + inside);
        let mark = Mark { start, end: start, line: number(at.line).saturating_add(1), column: number(at.column).saturating_add(1) };
        Broken { mark, message: message.to_owned(), hint: hint.map(str::to_owned) }
    }
}

fn begins(last: char) -> bool {
    matches!(last, ':' | '-' | ',' | '[' | '{')
}

#[cfg(test)]
mod tests {
    use crate::manifest::tree::Tree;

    /// What is told of these lines below `spec:` (line 1).
    fn told(below: &str) -> String {
        let text = format!("spec:\n{below}");
        let Err(broken) = Tree::parse(&text) else { return "fine".to_owned() };
        format!("{}:{} {} ({})", broken.mark.line, broken.mark.column, broken.message, broken.hint.unwrap_or_default())
    }

    #[test]
    fn each_slip_is_told_where_it_was_made() {
        let slips = [
            "  mapping: {rules: [{attribute: title, value: a ? y : z}]}\n",
            "  mapping: {rules: [{attribute: title, value: a[0]}]}\n",
            "  select: identity.a == 'b' ? c : d\n",
            "  select: \"Eng\" == identity.department\n",
            "  select: !identity.gone\n",
            "  select: `x`\n",
            "  select: *\n",
            "  a: 'it's\n  b: c\n",
            "  a: \"\\d\"\n",
            "  connection: {scim: {url: x}\n  leaver: {action: keep}\n",
            "  correlate: [a, b\n  leaver: {action: keep}\n",
            "  a: {b: c}}\n  d: e\n",
            "  scim:\n    url: x\n   auth: y\n",
            "  a: b\n    c: d\n",
            "  a: b\n c: d\n",
            "\ta: b\n",
            "  scim:\n    url:x\n    auth: y\n",
            "  select\n  a: b\n",
            "  a: b\n<<<<<<< HEAD\n  c: d\n=======\n  c: e\n>>>>>>> x\n",
            "  script: |\n    if [ a {\n  b: {c: d ? e : f}\n",
        ];
        insta::assert_snapshot!(slips.map(told).join("\n"), @r###"
        2:53 inside {…} and […] an expression needs quotes: a comma, a colon or a bracket ends a value without (quote the expression: {attribute: title, value: 'a ? b : c'})
        2:48 inside {…} and […] an expression needs quotes: a comma, a colon or a bracket ends a value without (quote the expression: {attribute: title, value: 'a ? b : c'})
        2:33 a value without quotes can't hold a colon and a space (put the value in single quotes; an expression with `a ? b : c` needs them too)
        2:17 the value ends at its second quote, and more follows (put quotes around all of it, of the other sort: 'a + "b"')
        2:11 the YAML tag `!identity.gone` has no meaning here (an expression that begins with `!` needs quotes: '!identity.x')
        2:11 an unquoted value can't begin with a backtick (put the value in single quotes: '…')
        2:11 an unquoted value can't begin with `*` (put the value in single quotes: '…')
        2:10 the value ends at its second quote, and more follows (put quotes around all of it, of the other sort: 'a + "b"')
        2:6 in double quotes a backslash begins an escape, and here it begins none (use single quotes, where a backslash is itself)
        2:15 the bracket that opens here is not closed (close it, or write the lines below it without brackets)
        2:14 the bracket that opens here is not closed (close it, or write the lines below it without brackets)
        2:12 a bracket closes here that was never opened (take it out, or open it before; a text with brackets goes in quotes)
        4:4 the line is indented by 3 spaces, and nothing above it is (indent it as its neighbours are: the lines above that it can belong to have 0, 2 or 4 spaces)
        3:5 the line is indented by 4 spaces, and nothing above it is (indent it as its neighbours are: the lines above that it can belong to have 0 or 2 spaces)
        3:2 the line is indented by 1 space, and nothing above it is (indent it as its neighbours are: the lines above that it can belong to have 0 or 2 spaces)
        2:1 a tab indents this line, and YAML counts spaces (replace it by spaces, as many as the lines beside it have; most editors do that for a whole file)
        3:8 the space after the colon is missing (write `key: value`)
        2:3 the colon after the key is missing (write `key: value`)
        3:1 a merge conflict was left here (keep one side, and take out the lines with <<<<<<<, ======= and >>>>>>>)
        4:16 inside {…} and […] an expression needs quotes: a comma, a colon or a bracket ends a value without (quote the expression: {attribute: title, value: 'a ? b : c'})
        "###);
    }
}
