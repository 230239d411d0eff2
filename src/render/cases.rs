//! What came of playing the exchanges of Connectors, for people: each case that did not go as it should, and the totals.
//!
//! Must never: cut what went wrong.

use std::io::{self, Write};

use super::safe;
use super::style::{BAD, QUIET, STRONG, paint};
use super::wrap;
use crate::model::CaseReport;

/// Everything about a run.
pub fn write(report: &CaseReport, width: usize, out: &mut dyn Write) -> io::Result<()> {
    for case in report.cases.iter().filter(|case| !case.passed) {
        let name = paint(STRONG, format_args!("{}: {}", safe::line(&case.connector), safe::line(&case.name)));
        let heading = format!("{} {name} {}", paint(BAD, "failed"), paint(QUIET, format_args!("({})", case.place)));
        wrap::paragraph(width, &heading, "    ", out)?;
        for problem in &case.problems {
            wrap::paragraph(width, &format!("  {}", safe::line(problem)), "    ", out)?;
        }
        writeln!(out)?;
    }
    let count = report.cases.len();
    let cases = paint(STRONG, format_args!("{count} case{}", if count == 1 { "" } else { "s" }));
    let failed = if report.failed > 0 { format!(", {}", paint(BAD, format_args!("{} failed", report.failed))) } else { String::new() };
    writeln!(out, "{cases}: {} passed{failed}", report.passed)
}
