//! From texts to documents: cut, read by shape, filled into the kind's Rust type, then checked against each other.
//!
//! Must never: lose a document silently. Whatever is not in the result has a diagnostic.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::catalog;
use super::guess;
use super::header::{self, Header};
use super::input::{self, ManifestInput, ManifestText, Text};
use super::known::{KnownDocument, KnownDocuments};
use super::outline::mark_length;
use super::read::{self, Problem};
use super::stream::{self, Part};
use super::tree::{Mark, Tree};
use super::{Document, Loaded, Origin, checks, paths, shape, table};
use crate::diagnostic::{Diagnostic, Place};
use crate::files::{NamedFiles, plain};

/// Largest document in bytes: a Group with half a million members.
const MAX_DOCUMENT: usize = 64 << 20;

/// Loads and checks everything; every problem of every file at once, sorted by place. With an error among them nothing may be planned.
pub fn load(inputs: &[ManifestInput]) -> (Loaded, Vec<Diagnostic>) {
    let (texts, problems) = input::read(inputs);
    load_texts(texts, KnownDocuments::default(), Loader { problems, ..Loader::of(paths::roots(inputs), NamedFiles::default()) })
}

/// Manifests that were read already, and where the files are that they name.
#[derive(Clone, Debug, Default)]
pub struct Revision {
    /// each file that may be a manifest, sorted by name
    pub texts: Vec<ManifestText>,
    /// what was not read
    pub problems: Vec<Diagnostic>,
    /// the folders that were named
    pub roots: Vec<PathBuf>,
    /// where named files are
    pub files: NamedFiles,
    /// what was read before: what stands there word for word is not read again
    pub before: Option<Arc<Loaded>>,
}

impl Revision {
    /// The files as they lie on this machine now.
    pub fn of(inputs: &[ManifestInput]) -> Self {
        let (texts, problems) = input::read(inputs);
        let text = |text: Text| ManifestText {
            name: text.name,
            base: text.base.as_path().to_owned(),
            bytes: text.text.as_bytes().to_vec(),
            found: text.found,
        };
        Self { texts: texts.into_iter().map(text).collect(), problems, roots: paths::roots(inputs), ..Self::default() }
    }

    /// With another text in the place of a file's, or one more file.
    pub fn put(&mut self, name: &Arc<str>, text: &str) {
        let bytes = text.as_bytes().to_vec();
        match self.texts.iter_mut().find(|known| known.name == *name) {
            Some(known) => known.bytes = bytes,
            None => {
                let base = Path::new(name.as_ref()).parent().unwrap_or(Path::new("")).to_owned();
                self.texts.push(ManifestText { name: name.clone(), base, bytes, found: true });
            }
        }
    }
}

/// The same for a revision.
pub fn load_revision(revision: Revision) -> (Loaded, Vec<Diagnostic>) {
    let Revision { texts, mut problems, roots, files, before } = revision;
    let (texts, unread) = input::texts(texts);
    problems.extend(unread);
    let known = before.as_deref().map(KnownDocuments::of).unwrap_or_default();
    load_texts(texts, known, Loader { problems, ..Loader::of(roots, files) })
}

fn load_texts(texts: Vec<Text>, known: KnownDocuments<'_>, mut loader: Loader) -> (Loaded, Vec<Diagnostic>) {
    for (number, text) in texts.iter().enumerate() {
        loader.text(number, text, &known);
    }
    loader.loaded.texts = texts.into_iter().map(|text| text.text).collect();
    let (mut loaded, problems) = loader.finish();
    loaded.files = loaded.files.clone().within(paths::folders(&loaded));
    (loaded, problems)
}

/// A document's kind and name, also where the rest of it is broken: so that one mistake is not reported again wherever the document is named.
#[derive(Debug)]
pub(super) struct Declared {
    pub kind: &'static str,
    pub name: Arc<str>,
    pub origin: Origin,
    /// it has problems of its own: what seems to be missing in it may only be unreadable
    pub broken: bool,
    /// it is no YAML, and seems to declare this; in which problem that is told
    pub unread: Option<usize>,
}

#[derive(Default)]
struct Loader {
    loaded: Loaded,
    declared: Vec<Declared>,
    problems: Vec<Diagnostic>,
    /// problems of documents that may be no manifests at all but a Source's data, by file
    strangers: Vec<(PathBuf, Diagnostic)>,
}

#[derive(Deserialize)]
struct Envelope<T> {
    metadata: Metadata,
    spec: T,
}

#[derive(Deserialize)]
struct Metadata {
    name: Arc<str>,
    #[serde(default)]
    labels: BTreeMap<Arc<str>, Arc<str>>,
}

impl Loader {
    fn of(roots: Vec<PathBuf>, files: NamedFiles) -> Self {
        Self { loaded: Loaded { roots, files, ..Loaded::default() }, ..Self::default() }
    }

    fn text(&mut self, number: usize, text: &Text, known: &KnownDocuments<'_>) {
        for part in stream::documents(&text.text) {
            let Part { start, length, line } = part;
            let origin = Origin { file: text.name.clone(), base: text.base.clone(), text: number, start, length, line, item: None };
            match text.text.get(start..start + length).and_then(|document| known.find(document)) {
                Some(known) => self.again(known, origin),
                None => self.document(text, origin),
            }
        }
    }

    /// A document that was read before, and nothing was said of it.
    fn again(&mut self, known: KnownDocument<'_>, origin: Origin) {
        let (kind, name) = match known {
            KnownDocument::User(user) => {
                self.loaded.users.push(Document { origin: origin.clone(), ..user.clone() });
                ("User", user.name.clone())
            }
            KnownDocument::Group(group) => {
                self.loaded.groups.push(Document { origin: origin.clone(), ..group.clone() });
                ("Group", group.name.clone())
            }
        };
        self.declared.push(Declared { kind, name, origin, broken: false, unread: None });
    }

    fn document(&mut self, file: &Text, origin: Origin) {
        let text = file.text.get(origin.start..origin.start + origin.length).unwrap_or("");
        if text.len() > MAX_DOCUMENT {
            let mark = Mark { line: 1, column: 1, ..Mark::default() };
            return self.problems.push(located("the document is larger than 64 MiB", text, &origin, mark));
        }
        let tree = match Tree::parse(text) {
            Ok(Some(tree)) => tree,
            Ok(None) => return,
            Err(broken) => {
                let diagnostic = hinted(located(broken.message, text, &origin, broken.mark), broken.hint);
                let declared = guess::declared(text);
                self.loaded.refused.document(declared.as_ref().map(|(kind, _)| *kind));
                if let Some((kind, name)) = declared {
                    let unread = Some(self.problems.len());
                    self.declared.push(Declared { kind, name: name.into(), origin, broken: true, unread });
                }
                return self.problems.push(diagnostic);
            }
        };
        self.parsed(file, text, &tree, origin);
    }

    fn parsed(&mut self, file: &Text, text: &str, tree: &Tree<'_>, origin: Origin) {
        match header::read(tree) {
            Header::Empty => {}
            Header::Kind(kind) => self.kind(kind, text, tree, origin),
            Header::List if origin.item.is_none() => {
                for item in 0..tree.items() {
                    let origin = Origin { item: Some(item), ..origin.clone() };
                    if let Some(tree) = tree.item(item) {
                        self.parsed(file, text, &tree, origin);
                    }
                }
            }
            Header::List => self.problems.push(located("a List stands in a List", text, &origin, tree.mark(0)).hint("write its items out")),
            Header::Foreign { mark, message, hint, stranger } => {
                let diagnostic = located(message, text, &origin, mark).hint(hint);
                if stranger && file.found {
                    let name = Path::new(file.name.as_ref()).file_name().unwrap_or_default();
                    self.strangers.push((plain(&file.base.join(name)), diagnostic));
                } else {
                    self.problems.push(diagnostic);
                }
            }
        }
    }

    fn kind(&mut self, kind: &'static str, text: &str, tree: &Tree<'_>, origin: Origin) {
        let Some(shape) = shape::of_kind(kind) else { return };
        let (value, problems, unquoted) = read::read(text, tree, shape);
        let said = !unquoted.is_empty();
        self.problems.extend(unquoted.into_iter().map(|problem| diagnostic(problem, text, &origin, Diagnostic::warning)));
        let mut broken = !problems.is_empty();
        if broken || said {
            self.loaded.told.insert((origin.text, origin.start));
        }
        for problem in &problems {
            self.loaded.refused.place(&origin, problem.mark.start as usize);
        }
        let place = |problem| diagnostic(problem, text, &origin, Diagnostic::error);
        self.problems.extend(problems.into_iter().map(place));
        // What is sound of a broken document is kept, so that its other problems (a misspelt attribute, an expression) are told in the same run.
        if let Err(problem) = self.keep(kind, value, &origin)
            && !broken
        {
            broken = true;
            self.loaded.told.insert((origin.text, origin.start));
            self.problems.push(located(problem, text, &origin, tree.mark(0)));
        }
        if broken {
            self.loaded.refused.document(Some(kind));
        }
        let name = tree.get(0, "metadata").and_then(|(_, metadata)| tree.get(metadata, "name")).and_then(|(_, name)| tree.text(name));
        if let Some(name) = name {
            self.declared.push(Declared { kind, name: name.into(), origin, broken, unread: None });
        }
    }

    fn keep(&mut self, kind: &str, value: Value, origin: &Origin) -> Result<(), String> {
        let loaded = &mut self.loaded;
        match kind {
            "Workspace" => {
                let workspace = typed(value, origin)?;
                loaded.workspace.get_or_insert(workspace);
            }
            "Source" => loaded.sources.push(typed(value, origin)?),
            "Target" => loaded.targets.push(typed(value, origin)?),
            "AttributeMapping" => loaded.mappings.push(typed(value, origin)?),
            "User" => {
                let mut user: Document<super::kinds::UserSpec> = typed(value, origin)?;
                user.spec.clear_named();
                loaded.users.push(user);
            }
            "Group" => loaded.groups.push(typed(value, origin)?),
            "Entitlement" => loaded.entitlements.push(typed(value, origin)?),
            "Revocation" => loaded.revocations.push(typed(value, origin)?),
            "PlanApproval" => loaded.approvals.push(typed(value, origin)?),
            "Connector" => loaded.connectors.push(typed(value, origin)?),
            "ConnectorTest" => loaded.connector_tests.push(typed(value, origin)?),
            "Persona" => loaded.personas.push(typed(value, origin)?),
            _ => return Err(format!("the kind `{kind}` has no type")),
        }
        Ok(())
    }

    fn finish(mut self) -> (Loaded, Vec<Diagnostic>) {
        let loaded = &mut self.loaded;
        sort(&mut loaded.sources);
        sort(&mut loaded.targets);
        sort(&mut loaded.mappings);
        sort(&mut loaded.users);
        sort(&mut loaded.groups);
        sort(&mut loaded.entitlements);
        sort(&mut loaded.revocations);
        sort(&mut loaded.approvals);
        sort(&mut loaded.connectors);
        sort(&mut loaded.connector_tests);
        sort(&mut loaded.personas);
        let problems = catalog::resolve(loaded);
        self.problems.extend(problems);
        let data = data_files(loaded);
        self.strangers.retain(|(path, _)| !data.contains(path));
        let strangers = std::mem::take(&mut self.strangers).into_iter().map(|(path, told)| (loaded.files.name(&path), told)).collect();
        self.problems.extend(left_out(strangers, !self.declared.is_empty()));
        let (tables, problems) = table::read(&self.loaded);
        self.loaded.tables = tables;
        self.problems.extend(problems);
        let (problems, consequences) = checks::run(&self.loaded, &self.declared);
        for (at, count) in consequences {
            if let Some(cause) = self.problems.get_mut(at) {
                let words = if count == 1 { "1 reference".to_owned() } else { format!("{count} references") };
                cause.notes.push(format!("{words} to what stands in this document can't be checked before it is mended"));
            }
        }
        self.problems.extend(problems);
        self.problems.sort_by(|one, next| one.place.cmp(&next.place));
        (self.loaded, self.problems)
    }
}

/// Fills the kind's type. The shape comes from that same type, so this fails only where the two disagree; the message must not repeat values.
fn typed<T: DeserializeOwned>(value: Value, origin: &Origin) -> Result<Document<T>, String> {
    let envelope = serde_json::from_value::<Envelope<T>>(value);
    let Envelope { metadata, spec } = envelope.map_err(|_| "the document does not fit its kind".to_owned())?;
    Ok(Document { name: metadata.name, labels: metadata.labels, spec, origin: origin.clone() })
}

fn sort<T>(documents: &mut [Document<T>]) {
    documents.sort_by(|one, next| one.name.cmp(&next.name));
}

/// The files that Sources read: found in the same folder they are data and no manifests.
fn data_files(loaded: &Loaded) -> Vec<PathBuf> {
    let files = |source: &Document<super::kinds::SourceSpec>| -> Vec<PathBuf> {
        let files = source.spec.connection.described().files();
        files.iter().map(|file| plain(&source.origin.base.join(file.value))).collect()
    };
    loaded.sources.iter().flat_map(files).collect()
}

/// Beside manifests of ours, files of others are no mistake: one note names them. Where there is nothing of ours, each is told.
fn left_out(strangers: Vec<(String, Diagnostic)>, beside_ours: bool) -> Vec<Diagnostic> {
    if !beside_ours {
        return strangers.into_iter().map(|(_, diagnostic)| diagnostic).collect();
    }
    let mut files: Vec<String> = strangers.iter().map(|(name, _)| format!("`{name}`")).collect();
    files.dedup();
    let more = files.len().saturating_sub(NAMED);
    files.truncate(NAMED);
    if more > 0 {
        files.push(format!("{more} more"));
    }
    if files.is_empty() {
        return Vec::new();
    }
    vec![Diagnostic::notice(format!("left out, since they hold no manifest of headcount: {}", files.join(", ")))]
}

/// NamedFiles that are named before the rest is counted.
const NAMED: usize = 8;

fn diagnostic(problem: Problem, text: &str, origin: &Origin, level: fn(String) -> Diagnostic) -> Diagnostic {
    let mut diagnostic = hinted(level(problem.message).at(place(origin, problem.mark), mark_length(text, problem.mark)), problem.hint);
    if let Some((mark, words)) = problem.related {
        diagnostic = diagnostic.related(place(origin, mark), words);
    }
    diagnostic.hidden = problem.hidden.into_iter().flat_map(|marked| lines_of(text, origin, marked)).collect();
    diagnostic
}

/// What of each line a mark takes.
fn lines_of(text: &str, origin: &Origin, marked: Mark) -> Vec<(Place, u32)> {
    let lines = text.get(marked.start as usize..marked.end as usize).unwrap_or_default().lines().zip(0..);
    let span = |(line, at): (&str, u32)| {
        let column = if at == 0 { marked.column } else { 1 };
        let mark = Mark { line: marked.line.saturating_add(at), column, ..Mark::default() };
        (place(origin, mark), u32::try_from(line.chars().count()).unwrap_or(u32::MAX))
    };
    lines.map(span).collect()
}

fn located(message: impl Into<String>, text: &str, origin: &Origin, mark: Mark) -> Diagnostic {
    Diagnostic::error(message).at(place(origin, mark), mark_length(text, mark))
}

fn hinted(diagnostic: Diagnostic, hint: Option<String>) -> Diagnostic {
    match hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

fn place(origin: &Origin, mark: Mark) -> Place {
    Place { file: origin.file.clone(), line: origin.line.saturating_add(mark.line.saturating_sub(1)), column: mark.column.max(1) }
}
