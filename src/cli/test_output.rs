//! What tests came to, in every form that is asked for: of personas, and of recorded exchanges.
//!
//! Must never: leave yesterday's file where nothing was tested.

use std::io::Write;

use serde::Serialize;

use super::output::{self, FormatNames, View};
use super::report::{self, Failure};
use crate::model::{CaseReport, TestReport};
use crate::render::{cases, junit, verdict};

/// How it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestFormat {
    Text,
    Json,
    Junit,
}

impl FormatNames for TestFormat {
    const NAMES: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json), ("junit", Self::Junit)];
}

/// A report that can be shown in each form; JSON is as it stands.
pub trait Verdicts: Serialize {
    fn text(&self, width: usize, out: &mut dyn Write) -> std::io::Result<()>;
    fn junit(&self) -> String;
}

impl Verdicts for TestReport {
    fn text(&self, width: usize, out: &mut dyn Write) -> std::io::Result<()> {
        verdict::write(self, width, out)
    }

    fn junit(&self) -> String {
        junit::document(self)
    }
}

impl Verdicts for CaseReport {
    fn text(&self, width: usize, out: &mut dyn Write) -> std::io::Result<()> {
        cases::write(self, width, out)
    }

    fn junit(&self) -> String {
        junit::cases(self)
    }
}

/// Shows and writes a report; without a wish as text.
pub fn show(views: &[View<TestFormat>], report: &impl Verdicts) -> Result<(), Failure> {
    for view in views {
        match &view.file {
            Some(file) => {
                output::replace(file, |file| output::plainly(file, |out| write(report, view.format, report::DEFAULT_WIDTH, out)))?
            }
            None => to_stdout(report, view.format)?,
        }
    }
    if views.is_empty() { to_stdout(report, TestFormat::Text) } else { Ok(()) }
}

/// Nothing was tested, and the files say so.
pub fn failed(views: &[View<TestFormat>], failure: &Failure) {
    for view in views {
        let words = report::in_words(failure);
        let text = match view.format {
            TestFormat::Text => format!("Nothing was tested.\n\n{words}\n"),
            TestFormat::Json => format!("{:#}\n", serde_json::json!({ "failed": words })),
            TestFormat::Junit => junit::failed(&words),
        };
        view.file.iter().for_each(|file| output::supersede(file, &text));
    }
}

fn to_stdout(report: &impl Verdicts, form: TestFormat) -> Result<(), Failure> {
    let mut out = report::stdout();
    write(report, form, report::width(), &mut out)?;
    out.flush()?;
    Ok(())
}

fn write(report: &impl Verdicts, form: TestFormat, width: usize, out: &mut dyn Write) -> std::io::Result<()> {
    match form {
        TestFormat::Text => report.text(width, out),
        TestFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, report)?;
            writeln!(out)
        }
        TestFormat::Junit => out.write_all(report.junit().as_bytes()),
    }
}
