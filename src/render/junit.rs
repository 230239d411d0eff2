//! What came of testing personas or Connectors as JUnit XML: one suite a file. The form that every CI system reads.
//!
//! Must never: let a name or a value become markup, or write a character that XML 1.0 forbids.

use std::fmt::Write as _;

use super::{safe, verdict};
use crate::model::{CaseReport, DifferenceLine, Side, TestReport, Verdict};

/// Columns of the differences.
const WIDTH: usize = 120;

/// One test case, whatever it is about.
struct Case<'r> {
    file: &'r str,
    line: u32,
    name: String,
    /// what went wrong: one line, and all of it
    failure: Option<(String, String)>,
}

/// The personas of `headcount test`.
pub fn document(report: &TestReport) -> String {
    let case = |verdict: &'_ Verdict| (!verdict.passed).then(|| (message(verdict), text(verdict)));
    let cases = report.personas.iter().map(|verdict| Case {
        file: verdict.place.file.as_ref(),
        line: verdict.place.line,
        name: verdict.name.clone(),
        failure: case(verdict),
    });
    suites("headcount test", &cases.collect::<Vec<_>>())
}

/// The cases of `headcount connector test`.
pub fn cases(report: &CaseReport) -> String {
    let cases = report.cases.iter().map(|verdict| Case {
        file: verdict.place.file.as_ref(),
        line: verdict.place.line,
        name: format!("{}: {}", verdict.connector, verdict.name),
        failure: (!verdict.passed).then(|| (verdict.problems.join("; "), verdict.problems.join("\n"))),
    });
    suites("headcount connector test", &cases.collect::<Vec<_>>())
}

fn suites(name: &str, cases: &[Case<'_>]) -> String {
    let mut files: Vec<&str> = cases.iter().map(|case| case.file).collect();
    files.sort_unstable();
    files.dedup();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (tests, failures) = (cases.len(), cases.iter().filter(|case| case.failure.is_some()).count());
    let _ = writeln!(xml, "<testsuites name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">");
    for file in files {
        let cases: Vec<&Case<'_>> = cases.iter().filter(|case| case.file == file).collect();
        suite(file, &cases, &mut xml);
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// The document of a run that tested nothing: one error, so that no CI system shows an older run's success.
pub fn failed(words: &str) -> String {
    let first = escape(words.lines().next().unwrap_or_default());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"headcount test\" tests=\"1\" failures=\"0\" errors=\"1\">\n  \
         <testsuite name=\"manifests\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">\n    <testcase name=\"manifests\" \
         classname=\"manifests\">\n      <error type=\"manifests\" message=\"{first}\">{}</error>\n    </testcase>\n  </testsuite>\n</testsuites>\n",
        escape(words)
    )
}

fn suite(file: &str, cases: &[&Case<'_>], xml: &mut String) {
    let (name, tests) = (escape(file), cases.len());
    let failures = cases.iter().filter(|case| case.failure.is_some()).count();
    let _ = writeln!(xml, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">");
    for case in cases {
        let _ = write!(xml, "    <testcase name=\"{}\" classname=\"{name}\" file=\"{name}\" line=\"{}\"", escape(&case.name), case.line);
        let Some((message, text)) = &case.failure else {
            xml.push_str("/>\n");
            continue;
        };
        let _ = writeln!(xml, ">\n      <failure type=\"difference\" message=\"{}\">{}</failure>", escape(message), escape(text));
        xml.push_str("    </testcase>\n");
    }
    xml.push_str("  </testsuite>\n");
}

/// What differs, in one line: many CI systems show no more of a failure.
fn message(case: &Verdict) -> String {
    if let Some(trouble) = &case.trouble {
        return trouble.clone();
    }
    let told = told(&case.differences);
    let shown = told.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("; ");
    match told.len().saturating_sub(TOLD) {
        0 if shown.is_empty() => "not as expected".to_owned(),
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

/// Differences in a message.
const TOLD: usize = 3;

/// Each difference with what it stands below: `accounts.chat.title: expected Boss, got ENGINEER`.
fn told(lines: &[DifferenceLine]) -> Vec<String> {
    let mut told = Vec::new();
    let mut above: Vec<&str> = Vec::new();
    // What stands below a line that is one side's alone is said with it.
    let mut whole: Option<usize> = None;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if whole.is_some_and(|depth| line.depth > depth) {
            continue;
        }
        whole = None;
        above.truncate(line.depth);
        let (key, value) = parts(&line.text);
        if line.side == Side::Both {
            above.push(key);
            continue;
        }
        let path = above.iter().copied().chain((!key.is_empty()).then_some(key)).collect::<Vec<_>>().join(".");
        let next = lines.get(at).filter(|next| next.depth == line.depth && next.side != line.side && next.side != Side::Both);
        match (next.map(|next| parts(&next.text)), value, line.side) {
            (Some((other, got)), value, Side::Expected) if !value.is_empty() && other == key && !key.is_empty() => {
                told.push(format!("{path}: expected {value}, got {got}"));
                at += 1;
            }
            (_, "", side) => {
                told.push(format!("{path}: {}", if side == Side::Expected { "expected, and not there" } else { "not expected" }));
                whole = Some(line.depth);
            }
            (_, value, Side::Expected) => told.push(format!("{path}: expected {value}, which is not there")),
            (_, value, _) => told.push(format!("{path}: {value} was not expected")),
        }
    }
    told
}

/// The key and the value of a line; an item of a list has no key, and what others stand below no value.
fn parts(text: &str) -> (&str, &str) {
    match text.trim().strip_prefix("- ") {
        Some(item) => ("", item),
        None => text.split_once(": ").unwrap_or_else(|| (text.trim_end_matches(':'), "")),
    }
}

/// The difference as on the terminal, without colours.
fn text(case: &Verdict) -> String {
    let mut coloured = Vec::new();
    let written = verdict::verdict(case, WIDTH, &mut coloured);
    debug_assert!(written.is_ok(), "memory takes everything");
    let coloured = String::from_utf8_lossy(&coloured).into_owned();
    anstream::adapter::strip_str(&coloured).to_string()
}

/// Text that stands for itself, in an attribute too. What XML can't hold is shown as an escape.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in safe::lines(text).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.extend(letter.escape_unicode()),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_differs() {
        let line =
            |side, depth, text: &str| DifferenceLine { side, depth, path: String::new(), text: text.to_owned(), because: Vec::new() };
        let (both, expected, actual) = (Side::Both, Side::Expected, Side::Actual);
        let lines = [
            line(both, 0, "accounts:"),
            line(both, 1, "chat:"),
            line(expected, 2, "title: Boss"),
            line(actual, 2, "title: ENGINEER"),
            line(actual, 2, "department: Sales"),
            line(expected, 1, "mail:"),
            line(expected, 2, "userName: ada"),
            line(both, 0, "groups:"),
            line(expected, 1, "- ops"),
            line(actual, 1, "- all"),
        ];
        assert_eq!(
            told(&lines),
            [
                "accounts.chat.title: expected Boss, got ENGINEER",
                "accounts.chat.department: Sales was not expected",
                "accounts.mail: expected, and not there",
                "groups: expected ops, which is not there",
                "groups: all was not expected",
            ]
        );
    }

    #[test]
    fn nothing_becomes_markup() {
        assert_eq!(escape("a<b>&\"c\"\u{0}\u{1b}\u{ffff}\n'"), "a&lt;b&gt;&amp;&quot;c&quot;\\u{0}\\u{1b}\\u{ffff}\n'");
    }
}
