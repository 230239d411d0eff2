//! `-o` and `--out`: which views of a plan go where.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use super::report::{self, Failure};
use crate::model::Plan;
use crate::render::{self, Format, Look};

/// Which views are wanted.
#[derive(Clone, Debug, Default, Args)]
pub struct Output {
    /// How to show the plan: text, json, ndjson or markdown; FORMAT=FILE writes it to a file; repeatable [default: text]
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    pub output: Vec<View>,
}

/// A format and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    format: Format,
    file: Option<PathBuf>,
}

impl FromStr for View {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = text.split_once('=').map_or((text, None), |(format, file)| (format, Some(file)));
        let format = match format {
            "text" => Format::Text,
            "json" => Format::Json,
            "ndjson" => Format::Ndjson,
            "markdown" => Format::Markdown,
            _ => return Err("it must be text, json, ndjson or markdown".into()),
        };
        match file {
            Some("") => Err("the file's name is missing after =".into()),
            file => Ok(Self { format, file: file.map(PathBuf::from) }),
        }
    }
}

impl Output {
    /// One stdout takes one view.
    pub fn check(&self) -> Result<(), Failure> {
        match self.output.iter().filter(|view| view.file.is_none()).count() {
            0 | 1 => Ok(()),
            _ => Err(Failure::usage("only one format can go to standard output").hint("write the others to files: `-o markdown=plan.md`")),
        }
    }

    /// Writes every view, each where it goes.
    pub fn write(&self, plan: &Plan, left_out: usize) -> Result<(), Failure> {
        for view in &self.output {
            match &view.file {
                Some(file) => save(plan, view.format, left_out, file)?,
                None => show(plan, view.format, left_out)?,
            }
        }
        if self.output.is_empty() { show(plan, Format::Text, left_out) } else { Ok(()) }
    }
}

/// A view to stdout.
pub fn show(plan: &Plan, format: Format, left_out: usize) -> Result<(), Failure> {
    let mut out = report::stdout();
    render::write(plan, format, Look { width: report::width(), left_out }, &mut out)?;
    out.flush()?;
    Ok(())
}

/// A view to a file: all of it or nothing, and for its owner alone, since it tells about people.
pub fn save(plan: &Plan, format: Format, left_out: usize, path: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::file("write", path, error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Asked by itself, since the temporary file's error names a path that nobody knows.
    std::fs::metadata(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(error.kind().into()))?;
    let mut out = std::io::BufWriter::new(anstream::StripStream::new(file.as_file_mut()));
    render::write(plan, format, Look { width: report::DEFAULT_WIDTH, left_out }, &mut out).map_err(failed)?;
    out.flush().map_err(failed)?;
    drop(out);
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
