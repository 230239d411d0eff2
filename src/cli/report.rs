//! The one place that prints diagnostics and errors, writes results, and knows the exit codes.
//!
//! Must never: decide what is wrong, or let a closed pipe look like a failure of the work.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level as Shown, Origin, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Level, Place};
use crate::files;
use crate::manifest;
use crate::model::Severity;
use crate::render::style::{FRAME, STRONG, of_severity};
use crate::render::{paragraph, safe};

/// How a command ends (design 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// done, nothing left
    Done = 0,
    /// something is wrong
    Error = 1,
    /// wrong usage
    Usage = 2,
    /// something is held: by a guardrail, an approval, a window, a suspension or the brake
    Refused = 3,
    /// partly applied
    Partly = 4,
    /// the plan is stale, or something could not be read or decided
    Stale = 5,
    /// a branch brings something that can't be decided
    Undecided = 6,
    /// whoever read the output went away: what a shell shows for SIGPIPE
    Pipe = 141,
}

impl Exit {
    /// `diff` found differences.
    pub const DIFFERENT: Self = Self::Error;
    /// With `--detailed-exitcode`: the plan has changes.
    pub const CHANGES: Self = Self::Usage;
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// the manifests are wrong
    Manifests(Vec<Diagnostic>, Texts),
    /// anything else
    Error {
        /// one sentence that names the thing
        message: String,
        /// why, outermost first
        causes: Vec<String>,
        /// the next step
        hint: Option<String>,
        /// how the process ends
        exit: Exit,
    },
    /// the result could not be written
    Output(io::Error),
}

/// Where marked lines come from: files are read again, stdin is kept.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// what came through stdin, if anything
    pub stdin: Option<Arc<str>>,
    /// the files of a revision: then a file of this machine that is called the same is another one
    revision: Option<BTreeMap<Arc<str>, Arc<str>>>,
}

impl Texts {
    /// The files of a revision, by name.
    pub fn of(files: impl IntoIterator<Item = (Arc<str>, Arc<str>)>) -> Self {
        Self { stdin: None, revision: Some(files.into_iter().collect()) }
    }

    fn text(&self, file: &str) -> Option<Arc<str>> {
        match (&self.revision, file) {
            (Some(files), file) => files.get(file).cloned(),
            (None, "-") => self.stdin.clone(),
            (None, file) => files::read_text(Path::new(file), MAX_TEXT).ok().map(Arc::from),
        }
    }
}

impl Failure {
    /// An error in one sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Error { message: message.into(), causes: Vec::new(), hint: None, exit: Exit::Error }
    }

    /// A combination of arguments that makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(message).exit(Exit::Usage)
    }

    /// An error of a layer below, with everything behind it.
    pub fn because(message: impl Into<String>, error: &dyn Error) -> Self {
        Self::new(message).cause(error)
    }

    /// An error of a layer below that says everything itself.
    pub fn from_error(error: &dyn Error) -> Self {
        let failure = Self::new(error.to_string());
        match error.source() {
            Some(source) => failure.cause(source),
            None => failure,
        }
    }

    /// A file that could not be read or written: `can't <verb> <path>`.
    pub fn file(verb: &str, path: &Path, error: io::Error) -> Self {
        Self::because(format!("can't {verb} {}", path.display()), &error)
    }

    /// With the next step.
    pub fn hint(mut self, words: impl Into<String>) -> Self {
        if let Self::Error { hint, .. } = &mut self {
            *hint = Some(words.into());
        }
        self
    }

    /// With another exit code.
    pub fn exit(mut self, code: Exit) -> Self {
        if let Self::Error { exit, .. } = &mut self {
            *exit = code;
        }
        self
    }

    fn cause(mut self, error: &dyn Error) -> Self {
        if let Self::Error { causes, .. } = &mut self {
            let mut next = Some(error);
            while let Some(error) = next {
                causes.push(error.to_string());
                next = error.source();
            }
        }
        self
    }
}

/// Output that failed is a failure of its own: `?` on a write says so.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Stdout, buffered; colours are dropped where nobody sees them.
pub fn stdout() -> impl Write {
    io::BufWriter::with_capacity(64 << 10, anstream::stdout().lock())
}

/// Writes a finished result to stdout.
pub fn result(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = stdout();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

/// Whether only errors and results are printed.
static QUIET: AtomicBool = AtomicBool::new(false);

/// From here on nothing is printed but errors and results.
pub fn be_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Whether only errors and results are printed.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Whether everything that is said is a line of the log, in its form.
static LOGGED: AtomicBool = AtomicBool::new(false);

/// From here on everything that is said is a line of the log, in its form: whoever collects one finds nothing else in it.
pub fn be_logged() {
    LOGGED.store(true, Ordering::Relaxed);
}

/// Whether everything that is said is a line of the log.
pub fn is_logged() -> bool {
    LOGGED.load(Ordering::Relaxed)
}

/// A line for the person who waits: to stderr. Whether anybody reads it changes nothing.
pub fn notice(words: impl std::fmt::Display) {
    if is_logged() {
        tracing::info!(target: "headcount::workspace", "{}", safe::line(&words.to_string()));
    } else if !is_quiet() {
        say(words);
    }
}

/// What an answer lacks, below it.
pub fn not_read(words: &str, out: &mut impl Write) -> io::Result<()> {
    paragraph(width(), &format!("Not all of it was read: {}", safe::lines(words)), "  ", out)
}

fn say(words: impl std::fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{words}");
}

/// Why a command failed, for a file: one line a diagnostic.
pub fn in_words(failure: &Failure) -> String {
    let words = match failure {
        Failure::Manifests(found, _) => {
            let lines: Vec<String> = found.iter().take(SHOWN).map(Diagnostic::to_string).collect();
            format!("{}\n{}", lines.join("\n"), totals(found))
        }
        Failure::Error { message, causes, .. } => std::iter::once(message).chain(causes).cloned().collect::<Vec<_>>().join(": "),
        Failure::Output(error) => error.to_string(),
    };
    safe::lines(&words).into_owned()
}

/// Prints why the command failed, and gives the exit code.
pub fn failure(failure: &Failure) -> Exit {
    // Why a process ends is said in any case, also where the log was switched off.
    if is_logged() && tracing::enabled!(target: "headcount::workspace", tracing::Level::ERROR) {
        return logged(failure);
    }
    match failure {
        Failure::Manifests(found, texts) => {
            diagnostics(found, texts);
            Exit::Error
        }
        Failure::Error { message, causes, hint, exit } => {
            say(error_text(message, causes, hint.as_deref()));
            *exit
        }
        Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Pipe,
        Failure::Output(error) => {
            say(error_text("can't write the result", &[error.to_string()], None));
            Exit::Error
        }
    }
}

/// Why it failed, as lines of the log; and the exit code.
fn logged(failure: &Failure) -> Exit {
    match failure {
        Failure::Manifests(found, _) => {
            found.iter().take(SHOWN).for_each(log_diagnostic);
            Exit::Error
        }
        Failure::Error { hint, exit, .. } => {
            let hint = hint.as_deref().unwrap_or_default();
            tracing::error!(target: "headcount::workspace", hint, "{}", in_words(failure));
            *exit
        }
        Failure::Output(_) => {
            tracing::error!(target: "headcount::workspace", "{}", in_words(failure));
            Exit::Error
        }
    }
}

fn log_diagnostic(diagnostic: &Diagnostic) {
    match diagnostic.level {
        Level::Error => tracing::error!(target: "headcount::workspace", "{}", safe::line(&diagnostic.to_string())),
        Level::Warning | Level::Note => tracing::warn!(target: "headcount::workspace", "{}", safe::line(&diagnostic.to_string())),
    }
}

/// Diagnostics printed before the list is cut: nobody reads on, and the first ones are mended first.
const SHOWN: usize = 50;

/// Prints diagnostics with their lines marked, and how many there are.
pub fn diagnostics(found: &[Diagnostic], texts: &Texts) {
    let errors: Vec<_> = found.iter().filter(|found| found.level == Level::Error).cloned().collect();
    let found = if is_quiet() { &errors } else { found };
    if found.is_empty() {
        return;
    }
    if is_logged() {
        return found.iter().take(SHOWN).for_each(log_diagnostic);
    }
    let mut lines = Lines::new(texts, found);
    let mut out = io::BufWriter::new(anstream::stderr().lock());
    for diagnostic in found.iter().take(SHOWN) {
        let _ = writeln!(out, "{}\n", diagnostic_text(diagnostic, &mut lines));
    }
    if found.len() > SHOWN {
        let _ = writeln!(out, "… and {} more; `headcount validate -o json` lists all\n", found.len() - SHOWN);
    }
    let _ = writeln!(out, "{}", totals(found));
}

/// The sentence that ends a list of diagnostics: `2 errors, 1 warning`.
pub fn totals(found: &[Diagnostic]) -> String {
    let count = |level| found.iter().filter(|diagnostic| diagnostic.level == level).count();
    let words = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match (count(Level::Error), count(Level::Warning)) {
        (0, 0) => "no error".to_owned(),
        (errors, 0) => words(errors, "error"),
        (0, warnings) => words(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", words(errors, "error"), words(warnings, "warning")),
    }
}

fn error_text(message: &str, causes: &[String], hint: Option<&str>) -> String {
    let mut text = String::new();
    let mut last = message;
    for cause in causes {
        // A layer that repeats what stands above it adds nothing.
        if !last.ends_with(cause.as_str()) {
            text.push_str(": ");
            text.push_str(cause);
        }
        last = cause;
    }
    let message = format!("{message}{text}");
    let group = Shown::ERROR.primary_title(safe::lines(&message));
    let help = hint.map(|hint| Shown::HELP.message(safe::lines(hint)));
    renderer().render(&[Group::with_title(group).elements(help)])
}

fn diagnostic_text(diagnostic: &Diagnostic, lines: &mut Lines<'_>) -> String {
    let level = match diagnostic.level {
        Level::Error => Shown::ERROR,
        Level::Note => Shown::NOTE,
        Level::Warning => Shown::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(safe::lines(&diagnostic.message)));
    if let Some((place, length)) = &diagnostic.place {
        group = marked(group, lines, place, *length, None);
    }
    for (place, words) in &diagnostic.related {
        group = marked(group, lines, place, 1, Some(words));
    }
    for note in &diagnostic.notes {
        group = group.element(Shown::NOTE.message(safe::lines(note)));
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Shown::HELP.message(safe::lines(hint)));
    }
    renderer().render(&[group])
}

/// Adds the line of a place; where it can't be read again, only its name.
fn marked<'a>(group: Group<'a>, lines: &mut Lines<'_>, place: &Place, length: u32, words: Option<&'a str>) -> Group<'a> {
    let Some(line) = lines.line(place) else {
        let origin = Origin::path(place.file.to_string()).line(place.line as usize).char_column(place.column as usize);
        return match words {
            None => group.element(origin),
            Some(words) => group.element(origin).element(Shown::NOTE.message(safe::lines(words))),
        };
    };
    let start = byte_of(&line, place.column.saturating_sub(1));
    let end = byte_of(&line, place.column.saturating_sub(1).saturating_add(length.max(1)));
    let kind = if words.is_none() { AnnotationKind::Primary } else { AnnotationKind::Context };
    let snippet = Snippet::source(line).path(place.file.to_string()).line_start(place.line as usize);
    group.element(snippet.annotation(kind.span(start..end).label(words.map(safe::lines))))
}

fn byte_of(line: &str, character: u32) -> usize {
    line.char_indices().nth(character as usize).map_or(line.len(), |(at, _)| at)
}

fn renderer() -> Renderer {
    Renderer::styled()
        .decor_style(DecorStyle::Ascii)
        .term_width(width())
        .error(of_severity(Severity::Error))
        .warning(of_severity(Severity::Warning))
        .note(STRONG)
        .help(STRONG)
        .info(STRONG)
        .line_num(FRAME)
        .context(FRAME)
}

/// Columns of the terminal, or what is comfortable where there is none.
pub fn width() -> usize {
    screen().unwrap_or(DEFAULT_WIDTH)
}

/// Columns of the terminal; none where nobody looks at one.
pub fn screen() -> Option<usize> {
    let from_environment = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    from_environment.or_else(terminal_width).map(|columns| columns.clamp(MIN_WIDTH, MAX_WIDTH))
}

/// Where there is no terminal.
pub const DEFAULT_WIDTH: usize = 100;
const MIN_WIDTH: usize = 40;
const MAX_WIDTH: usize = 1000;

/// Rows of the terminal; none where nobody looks at one.
pub fn rows() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(_, rows)| usize::from(rows.0))
}

fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(columns, _)| usize::from(columns.0))
}

/// A file whose lines are shown is a manifest or a table, which are no larger.
const MAX_TEXT: u64 = 512 << 20;

/// Columns from 1, and how many.
type Spans = Vec<(u32, u32)>;

/// The lines of the files, for marking; what may be a secret is starred out wherever its line is shown.
struct Lines<'a> {
    texts: &'a Texts,
    files: BTreeMap<Arc<str>, Option<File>>,
    concealed: BTreeMap<(Arc<str>, u32), Spans>,
}

struct File {
    text: Arc<str>,
    /// where each line starts
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(texts: &'a Texts, found: &[Diagnostic]) -> Self {
        let mut concealed: BTreeMap<_, Spans> = BTreeMap::new();
        let marked = found.iter().filter(|found| found.conceal).filter_map(|found| found.place.as_ref());
        for (place, length) in marked.chain(found.iter().flat_map(|found| &found.hidden)) {
            concealed.entry((place.file.clone(), place.line)).or_default().push((place.column, *length));
        }
        Self { texts, files: BTreeMap::new(), concealed }
    }

    fn line(&mut self, place: &Place) -> Option<String> {
        let texts = self.texts;
        let file = self.files.entry(place.file.clone()).or_insert_with(|| texts.text(&place.file).map(File::new));
        let line = file.as_ref()?.line(usize::try_from(place.line).ok()?)?;
        let hidden = self.concealed.get(&(place.file.clone(), place.line));
        let line = hidden.map_or_else(|| line.to_owned(), |spans| starred(line, spans));
        // What can't be read as YAML has no places yet.
        Some(match written_secret(&line) {
            None => line,
            Some(start) => starred(&line, &[(u32::try_from(start).unwrap_or(u32::MAX).saturating_add(1), u32::MAX)]),
        })
    }
}

impl File {
    fn new(text: Arc<str>) -> Self {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
        Self { text, starts }
    }

    /// From 1.
    fn line(&self, number: usize) -> Option<&str> {
        let start = *self.starts.get(number.checked_sub(1)?)?;
        self.text.get(start..)?.lines().next()
    }
}

/// Where, in characters, a value begins that stands by a key such as `token`, and is no reference in braces.
fn written_secret(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(colon) = line.get(from..)?.find(':').map(|at| from + at) {
        from = colon + 1;
        let key = line.get(..colon)?.rsplit(|letter: char| letter.is_whitespace() || "{,[".contains(letter)).next().unwrap_or_default();
        let value = line.get(from..)?.trim_start();
        let reference = value.is_empty() || value.starts_with(['{', '*', '&', '#', '|', '>']);
        if manifest::sounds_secret(key) && !reference && line.get(from..)?.starts_with(char::is_whitespace) {
            return Some(line.get(..line.len() - value.len())?.chars().count());
        }
    }
    None
}

fn starred(line: &str, spans: &[(u32, u32)]) -> String {
    // One walk along both: a line may hold as many spans as letters.
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    let mut spans = spans.into_iter().peekable();
    let mut end = 0;
    let mut hidden = |column: u32| {
        while let Some((start, length)) = spans.next_if(|(start, _)| *start <= column) {
            end = end.max(start.saturating_add(length));
        }
        column < end
    };
    line.chars().zip(1..).map(|(letter, column)| if hidden(column) { '*' } else { letter }).collect()
}
