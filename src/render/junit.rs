//! What came of testing personas as JUnit XML: one test case a persona, one suite a file. The form that every CI system reads.
//!
//! Must never: let a name or a value become markup, or write a character that XML 1.0 forbids.

use std::fmt::Write as _;

use super::{safe, verdict};
use crate::model::{TestReport, Verdict};

/// Columns of the differences.
const WIDTH: usize = 120;

/// The whole document.
pub fn document(report: &TestReport) -> String {
    let mut files: Vec<&str> = report.personas.iter().map(|verdict| verdict.place.file.as_ref()).collect();
    files.sort_unstable();
    files.dedup();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (tests, failures) = (report.personas.len(), report.failed);
    let _ = writeln!(xml, "<testsuites name=\"headcount test\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">");
    for file in files {
        let cases: Vec<&Verdict> = report.personas.iter().filter(|verdict| verdict.place.file.as_ref() == file).collect();
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

fn suite(file: &str, cases: &[&Verdict], xml: &mut String) {
    let (name, tests) = (escape(file), cases.len());
    let failures = cases.iter().filter(|verdict| !verdict.passed).count();
    let _ = writeln!(xml, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">");
    for case in cases {
        let _ =
            write!(xml, "    <testcase name=\"{}\" classname=\"{name}\" file=\"{name}\" line=\"{}\"", escape(&case.name), case.place.line);
        if case.passed {
            xml.push_str("/>\n");
            continue;
        }
        let message = case.trouble.clone().unwrap_or_else(|| "not as expected".to_owned());
        let _ = writeln!(xml, ">\n      <failure type=\"difference\" message=\"{}\">{}</failure>", escape(&message), escape(&text(case)));
        xml.push_str("    </testcase>\n");
    }
    xml.push_str("  </testsuite>\n");
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
    fn nothing_becomes_markup() {
        assert_eq!(escape("a<b>&\"c\"\u{0}\u{1b}\u{ffff}\n'"), "a&lt;b&gt;&amp;&quot;c&quot;\\u{0}\\u{1b}\\u{ffff}\n'");
    }
}
