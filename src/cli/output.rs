//! `-o` and `--out`: which views of a plan go where, and the two forms of what is no plan.

use std::fs::File;
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::Files;
use super::complete;
use super::manifests;
use super::redact::Redact;
use super::report::{self, Failure};
use super::reviewed::{self, ShownWith};
use crate::model::{Plan, PlanFilter};
use crate::render::annotations::{self, Annotation};
use crate::render::marker::Marker;
use crate::render::{self, Format, ViewOptions};
use crate::review::Review;

/// Which views are wanted.
#[derive(Clone, Debug, Default, Args)]
pub struct Output {
    /// How to show it: text, json, ndjson, markdown (a comment), html (a browser), review (json), github (annotations) or gitlab (code quality); FORMAT=FILE writes it to a file; repeatable [default: text]
    #[arg(short, long, value_name = "FORMAT[=FILE]", add = complete::formats::<Format>())]
    pub output: Vec<View<Format>>,
    /// Show every change by itself; without it more than ten that say the same are counted
    #[arg(long)]
    pub full: bool,
    #[command(flatten)]
    pub redact: Redact,
}

/// A file as it is called from a folder above it; nothing where it lies elsewhere.
pub fn beneath(name: &str, folder: &Path) -> Option<String> {
    let whole = std::path::absolute(name).ok()?;
    let rest = whole.strip_prefix(folder).ok()?;
    let is_plain = rest.components().all(|part| matches!(part, Component::Normal(_)));
    is_plain.then(|| rest.to_string_lossy().into_owned())
}

/// How a command that has no more than these two forms tells what it has to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    #[default]
    Text,
    Json,
}

/// A format and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View<F> {
    pub format: F,
    /// none: stdout
    pub file: Option<PathBuf>,
}

/// Formats and what they are called.
pub trait FormatNames: Copy + 'static {
    /// In the order they are told.
    const NAMES: &'static [(&'static str, Self)];
}

impl FormatNames for Format {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("text", Self::Text),
        ("json", Self::Json),
        ("ndjson", Self::Ndjson),
        ("markdown", Self::Markdown),
        ("html", Self::Html),
        ("review", Self::Review),
        ("github", Self::Github),
        ("gitlab", Self::Gitlab),
    ];
}

impl<F: FormatNames> FromStr for View<F> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = text.split_once('=').map_or((text, None), |(name, file)| (name, Some(file)));
        let Some((_, format)) = F::NAMES.iter().find(|(known, _)| *known == name) else {
            let names: Vec<&str> = F::NAMES.iter().map(|(name, _)| *name).collect();
            let (last, first) = names.split_last().unwrap_or((&"", &[]));
            return Err(format!("it must be {} or {last}", first.join(", ")));
        };
        match file {
            Some("") => Err("the file's name is missing after =".into()),
            file => Ok(Self { format: *format, file: file.map(PathBuf::from) }),
        }
    }
}

/// One stdout takes one view.
pub fn check<F>(views: &[View<F>]) -> Result<(), Failure> {
    match views.iter().filter(|view| view.file.is_none()).count() {
        0 | 1 => Ok(()),
        _ => Err(Failure::usage("only one format can go to standard output").hint("write the others to files: `-o json=FILE`")),
    }
}

impl Output {
    /// One stdout takes one view.
    pub fn check(&self) -> Result<(), Failure> {
        check(&self.output)
    }

    /// Writes into every file that no plan came of this run. A page is still known by its marker, where it can be told whose it is: it is to stand in the
    /// place of the comment of yesterday.
    pub fn supersede(&self, failure: &Failure, files: &Files, filter: &PlanFilter, shown: &str) {
        for view in &self.output {
            let Some(file) = &view.file else { continue };
            let marker = (view.format == Format::Markdown).then(|| manifests::workspace(files)).flatten();
            let marker = marker.map(|workspace| Marker::of_failure(shown, &workspace, filter).line() + "\n").unwrap_or_default();
            supersede(file, &format!("{marker}{}", failed(view.format, failure)));
        }
    }

    /// Writes every view, each where it goes: of the plan itself, or of its review, which is made where a view of it is wanted.
    pub fn write(&self, plan: &Plan, look: ViewOptions<'_>, review: impl FnOnce() -> Review) -> Result<(), Failure> {
        let standard = [View { format: Format::Text, file: None }];
        let views = if self.output.is_empty() { &standard[..] } else { &self.output };
        let redacted = self.redact.leaves_out();
        if let Some(whole) =
            views.iter().find(|view| redacted && matches!(view.format, Format::Json | Format::Ndjson | Format::Github | Format::Gitlab))
        {
            let name = Format::NAMES.iter().find(|(_, format)| *format == whole.format).map_or("json", |(name, _)| name);
            let hint = match self.redact.is_by_itself() {
                true => "everybody can read what a job of this repository shows: ask for `-o review`, or say --redact full",
                false => "with --redact ask for `-o review`",
            };
            return Err(Failure::usage(format!("`-o {name}` is the plan itself, with everybody in it")).hint(hint));
        }
        let (reviewed, plain): (Vec<_>, Vec<_>) = views.iter().cloned().partition(|view| redacted || view.format.is_of_review());
        for view in &plain {
            match &view.file {
                Some(file) => save(plan, view.format, ViewOptions { width: report::DEFAULT_WIDTH, ..look }, file)?,
                None => show(plan, view.format, look)?,
            }
        }
        let beside = ShownWith { full: self.full, told: look.told, forecast: look.forecast };
        if reviewed.is_empty() { Ok(()) } else { reviewed::write(&reviewed, review(), &self.redact.hides(&plan.workspace)?, beside) }
    }

    /// Whether a person reads the plan on standard output.
    pub fn is_read(&self) -> bool {
        let text = self.output.is_empty() || self.output.iter().any(|view| view.format == Format::Text && view.file.is_none());
        text && !self.redact.leaves_out()
    }
}

/// What a run that came to nothing leaves in the place of yesterday's file.
pub fn failed(format: Format, failure: &Failure) -> String {
    let why = report::in_words(failure);
    match format {
        Format::Html => {
            format!(
                "<!doctype html>\n<meta charset=\"utf-8\">\n<title>No plan was made</title>\n<p>No plan was made.\n<pre>{}</pre>\n",
                render::in_html(&why)
            )
        }
        Format::Text => format!("No plan was made.\n\n{why}\n"),
        Format::Markdown => format!("### headcount: no plan was made\n\n```text\n{}\n```\n", why.replace("```", "...")),
        Format::Github => annotations::github(&[Annotation::of_failure(&why)]),
        // A report has a line for each entry, and a failure none: the job says it.
        Format::Gitlab => "[]\n".to_owned(),
        Format::Json | Format::Review => format!("{:#}\n", serde_json::json!({ "failed": why })),
        Format::Ndjson => format!("{}\n", serde_json::json!({ "failed": why })),
    }
}

/// Puts words in the place of a file that would be taken for this run's. A file that can't be written is the smaller trouble.
pub fn supersede(path: &Path, words: &str) {
    let _ = replace(path, |file| file.write_all(words.as_bytes()));
}

/// A view to stdout.
pub fn show(plan: &Plan, format: Format, look: ViewOptions<'_>) -> Result<(), Failure> {
    let mut out = report::stdout();
    render::write(plan, format, look, &mut out)?;
    out.flush()?;
    Ok(())
}

/// A view to a file.
pub fn save(plan: &Plan, format: Format, look: ViewOptions<'_>, path: &Path) -> Result<(), Failure> {
    replace(path, |file| plainly(file, |out| render::write(plan, format, look, out)))
}

/// Words for a file, without colours.
pub fn plainly(file: &mut File, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(anstream::StripStream::new(file));
    write(&mut out)?;
    out.flush()
}

/// Writes a file: all of it or nothing, and for its owner alone, since it tells about people.
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<(), Failure> {
    let written = whole(path, write)?;
    written.persist(path).map_err(|error| Failure::file("write", path, error.error))?;
    Ok(())
}

/// Adds text to the end of a file of somebody else's, such as a pipeline's; makes it where it is not there.
pub fn append(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error| Failure::file("write", path, error);
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// Writes a file that is not there.
pub fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    // Not by a temporary file, which would be for its owner alone: a manifest is read by others too.
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| Failure::file("write", path, error))
}

/// Writes a file that is there anew: all of it or nothing, behind links where it is one, and whoever could read it still can.
pub fn rewrite(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error| Failure::file("write", path, error);
    let real = path.canonicalize().map_err(failed)?;
    let permissions = std::fs::metadata(&real).map_err(failed)?.permissions();
    let written = whole(&real, |file| file.write_all(text.as_bytes()))?;
    written.as_file().set_permissions(permissions).map_err(failed)?;
    written.persist(&real).map_err(|error| failed(error.error))?;
    Ok(())
}

/// A temporary file beside the path, with everything in it.
fn whole(path: &Path, write: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<tempfile::NamedTempFile, Failure> {
    let failed = |error| Failure::file("write", path, error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Asked by itself, since the temporary file's error names a path that nobody knows.
    std::fs::metadata(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(error.kind().into()))?;
    write(file.as_file_mut()).map_err(failed)?;
    Ok(file)
}
