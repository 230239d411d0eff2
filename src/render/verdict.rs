//! What came of testing personas, for people: each difference with the rules behind it, the totals, and what nobody exercised.
//!
//! Must never: cut a line of a difference.

use std::io::{self, Write};

use anstyle::Style;

use super::safe;
use super::style::{BAD, CHANGED, GOOD, QUIET, STRONG, paint};
use super::wrap;
use crate::model::{Coverage, DifferenceLine, LineOrigin, RuleUse, Side, TestReport, Verdict};

/// Longest list of rules that is printed; `-o json` has them all.
const LISTED: usize = 40;

/// Everything about a run.
pub fn write(report: &TestReport, width: usize, out: &mut dyn Write) -> io::Result<()> {
    for verdict in report.personas.iter().filter(|verdict| verdict.updated || !verdict.passed) {
        self::verdict(verdict, width, out)?;
        if !verdict.updated || !verdict.differences.is_empty() {
            writeln!(out)?;
        }
    }
    totals(report, out)?;
    match &report.coverage {
        Some(coverage) => self::coverage(coverage, width, out),
        None => Ok(()),
    }
}

/// One persona that failed or was rewritten.
pub fn verdict(verdict: &Verdict, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let (style, word) = if verdict.updated { (CHANGED, "updated") } else { (BAD, "failed") };
    let identity = verdict.identity.as_ref().map(|key| format!(", {}", safe::line(key))).unwrap_or_default();
    let heading = format!(
        "{} {} {}",
        paint(style, word),
        paint(STRONG, safe::line(&verdict.name)),
        paint(QUIET, format_args!("({}{identity}, on {})", verdict.place, safe::line(&verdict.as_of)))
    );
    wrap::paragraph(width, &heading, "    ", out)?;
    if let Some(words) = &verdict.description {
        wrap::paragraph(width, &paint(QUIET, format_args!("  {}", safe::line(words))), "  ", out)?;
    }
    if let Some(words) = &verdict.trouble {
        wrap::paragraph(width, &format!("  {}", safe::line(words)), "  ", out)?;
    }
    for line in &verdict.differences {
        difference(line, width, out)?;
    }
    let shown = verdict.differences.iter().flat_map(|line| &line.because).map(|behind| behind.words.as_str()).collect::<Vec<_>>();
    for finding in verdict.findings.iter().filter(|finding| !shown.contains(&finding.message.as_str())) {
        let place = finding.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        let style = super::style::of_severity(finding.severity);
        wrap::paragraph(width, &format!("  {} {}{place}", paint(style, "*"), safe::line(&finding.message)), "    ", out)?;
    }
    Ok(())
}

fn difference(line: &DifferenceLine, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let (sign, style) = match line.side {
        Side::Both => (' ', Style::new()),
        Side::Expected => ('-', BAD),
        Side::Actual => ('+', GOOD),
    };
    let indent = "  ".repeat(line.depth);
    let text = format!("  {sign} {indent}{}", safe::line(&line.text));
    let shown = paint(style, &text);
    let notes: Vec<String> = line.because.iter().map(note).collect();
    if let [only] = notes.as_slice()
        && wrap::columns(&text) + 2 + wrap::columns(only) <= width
    {
        return writeln!(out, "{shown}  {}", paint(QUIET, only));
    }
    writeln!(out, "{shown}")?;
    let indent = format!("      {indent}");
    for words in notes {
        wrap::paragraph(width, &format!("{indent}{}", paint(QUIET, words)), &format!("{indent}  "), out)?;
    }
    Ok(())
}

/// As a comment in the YAML.
fn note(behind: &LineOrigin) -> String {
    let words = safe::line(&behind.words);
    match &behind.place {
        Some(place) => format!("# {place} {words}"),
        None => format!("# {words}"),
    }
}

fn totals(report: &TestReport, out: &mut dyn Write) -> io::Result<()> {
    let count = report.personas.len();
    let mut parts = vec![format!("{} passed", report.passed)];
    let updated = report.personas.iter().filter(|verdict| verdict.updated).count();
    if updated > 0 {
        parts.push(format!("{updated} of them updated just now"));
    }
    if report.failed > 0 {
        parts.push(paint(BAD, format_args!("{} failed", report.failed)));
    }
    writeln!(out, "{}: {}", paint(STRONG, format_args!("{count} persona{}", plural(count))), parts.join(", "))
}

fn coverage(coverage: &Coverage, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let Coverage { exercised, total, .. } = coverage;
    writeln!(
        out,
        "{}: {exercised} of {total} exercised ({}%)",
        paint(STRONG, format_args!("{total} rule{}", plural(*total))),
        coverage.percent()
    )?;
    let unexercised: Vec<&RuleUse> = coverage.unexercised().collect();
    listed("No persona exercises", &unexercised, width, out)?;
    let always: Vec<&RuleUse> = coverage.rules.iter().filter(|rule| rule.exercised > 0 && rule.refused == Some(0)).collect();
    listed("No persona shows whom these leave out", &always, width, out)
}

fn listed(heading: &str, rules: &[&RuleUse], width: usize, out: &mut dyn Write) -> io::Result<()> {
    if rules.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{heading}:")?;
    let places: Vec<String> = rules.iter().map(|rule| rule.place.to_string()).collect();
    let wide = places.iter().take(LISTED).map(|place| wrap::columns(place)).max().unwrap_or_default();
    for (rule, place) in rules.iter().zip(&places).take(LISTED) {
        let space = " ".repeat(wide.saturating_sub(wrap::columns(place)));
        let expression = rule.expression.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = format!("  {}{space}  {}  {}", paint(QUIET, place), safe::line(&rule.what), paint(QUIET, safe::line(&expression)));
        wrap::paragraph(width, &line, &" ".repeat(wide + 4), out)?;
    }
    match rules.len().saturating_sub(LISTED) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more; `-o json` lists them all"),
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
