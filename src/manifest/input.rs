//! Finds and reads the files of a workspace.
//!
//! Must never: wait for a pipe that stands in a folder, follow a folder out of the workspace, or hand on a byte that YAML does not allow.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place};
use crate::files;

/// Largest file or standard input in bytes.
const MAX_FILE: u64 = 512 << 20;
/// Deepest folder below the one that was named.
const MAX_FOLDERS: usize = 64;

/// What to load.
#[derive(Clone, Debug)]
pub enum ManifestInput {
    /// a file, or a folder with all `*.yaml` and `*.yml` files below it (hidden ones left out)
    Path(PathBuf),
    /// a text that is in memory already
    Text {
        /// what to call it in messages
        name: Arc<str>,
        /// relative paths in it count from here
        base: PathBuf,
        /// its bytes, not yet known to be text
        bytes: Vec<u8>,
    },
}

/// One file of a revision that may be a manifest.
#[derive(Clone, Debug)]
pub struct ManifestText {
    /// what to call it in messages
    pub name: Arc<str>,
    /// relative paths in it count from here
    pub base: PathBuf,
    /// its bytes, not yet known to be text
    pub bytes: Vec<u8>,
    /// found in a folder, and not named by the user
    pub found: bool,
}

impl ManifestInput {
    /// What came on standard input: named `-`, relative to the current folder.
    pub fn stdin(bytes: Vec<u8>) -> Self {
        Self::Text { name: "-".into(), base: PathBuf::new(), bytes }
    }
}

/// One text, with nothing in it that YAML does not allow.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub name: Arc<str>,
    pub base: Arc<PathBuf>,
    pub text: Arc<str>,
    /// found in a folder, and not named by the user
    pub found: bool,
}

/// Reads everything, in the order of the inputs and sorted within a folder. A file that is named twice is read once.
pub(super) fn read(inputs: &[ManifestInput]) -> (Vec<Text>, Vec<Diagnostic>) {
    let mut reader = Reader::default();
    for input in inputs {
        match input {
            ManifestInput::Path(path) => reader.path(path),
            ManifestInput::Text { name, base, bytes } => reader.bytes(name.clone(), Arc::new(base.clone()), bytes.clone(), false),
        }
    }
    (reader.texts, reader.problems)
}

/// Files that were read already.
pub(super) fn texts(files: Vec<ManifestText>) -> (Vec<Text>, Vec<Diagnostic>) {
    let mut reader = Reader::default();
    for ManifestText { name, base, bytes, found } in files {
        reader.bytes(name, Arc::new(base), bytes, found);
    }
    (reader.texts, reader.problems)
}

#[derive(Default)]
struct Reader {
    texts: Vec<Text>,
    problems: Vec<Diagnostic>,
    seen: HashSet<PathBuf>,
}

impl Reader {
    fn path(&mut self, path: &Path) {
        if !path.is_dir() {
            let base = Arc::new(path.parent().unwrap_or(Path::new("")).to_owned());
            return self.file(path, &base, false);
        }
        let before = (self.texts.len(), self.problems.len());
        self.folder(path, 0);
        if (self.texts.len(), self.problems.len()) == before {
            let hint = "name a folder with `*.yaml` files, or run `headcount init`";
            self.problems.push(Diagnostic::error(format!("no manifest in `{}`", path.display())).hint(hint));
        }
    }

    fn folder(&mut self, folder: &Path, depth: usize) {
        if depth > MAX_FOLDERS {
            self.problems.push(Diagnostic::error(format!("`{}` lies more than {MAX_FOLDERS} folders deep", folder.display())));
            return;
        }
        let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(folder, &error),
        };
        entries.sort_by_key(std::fs::DirEntry::file_name);
        let base = Arc::new(folder.to_owned());
        for entry in entries {
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // A link to a folder is not followed: it could lead out of the workspace, or round in a circle.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.folder(&path, depth + 1),
                Ok(kind) if is_manifest(&path) => match std::fs::metadata(&path) {
                    Ok(found) if found.is_file() => self.file(&path, &base, true),
                    Ok(_) => {}
                    Err(error) if kind.is_symlink() && error.kind() == std::io::ErrorKind::NotFound => {
                        self.problems.push(Diagnostic::error(format!("`{}` is a link to nothing", path.display())));
                    }
                    // What may not be looked at is not nothing.
                    Err(error) => self.unreadable(&path, &error),
                },
                Ok(_) => {}
                Err(error) => self.unreadable(&path, &error),
            }
        }
    }

    fn file(&mut self, path: &Path, base: &Arc<PathBuf>, found: bool) {
        if let Ok(real) = path.canonicalize()
            && !self.seen.insert(real)
        {
            return;
        }
        match files::read(path, MAX_FILE) {
            Ok(bytes) => self.bytes(shown(path), base.clone(), bytes, found),
            Err(error) if error.kind() == ErrorKind::FileTooLarge => self.too_large(&shown(path)),
            Err(error) => self.unreadable(path, &error),
        }
    }

    fn bytes(&mut self, name: Arc<str>, base: Arc<PathBuf>, bytes: Vec<u8>, found: bool) {
        if bytes.len() as u64 > MAX_FILE {
            return self.too_large(&name);
        }
        match text(&name, bytes) {
            Ok(text) => self.texts.push(Text { name, base, text: text.into(), found }),
            Err(problem) => self.problems.push(*problem),
        }
    }

    fn too_large(&mut self, name: &str) {
        let hint = "split it; bulk data belongs in a Source's file";
        self.problems.push(Diagnostic::error(format!("`{name}` is larger than {}", files::size(MAX_FILE))).hint(hint));
    }

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        self.problems.push(Diagnostic::error(format!("can't read `{}`: {error}", path.display())));
    }
}

/// The bytes as text, if YAML allows every character. The parser would end silently at a NUL and take a bare carriage return for a line's end.
fn text(name: &Arc<str>, bytes: Vec<u8>) -> Result<String, Box<Diagnostic>> {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            let before = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default());
            let wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
            let what = if wide { "the file is UTF-16" } else { "the file is not UTF-8 from here on" };
            return Err(Box::new(at(name, &before, what).hint("save it as UTF-8")));
        }
    };
    match text.bytes().zip(text.bytes().skip(1).chain([b'\n'])).position(is_forbidden) {
        None => Ok(text),
        Some(found) => {
            let what = match text.as_bytes().get(found) {
                Some(b'\r') => "a carriage return stands here without a line feed",
                Some(0) => "a NUL character stands here",
                _ => "a control character stands here",
            };
            Err(Box::new(
                at(name, text.get(..found).unwrap_or(""), what).hint("take it out; in double quotes it can be written as an escape"),
            ))
        }
    }
}

fn is_forbidden((byte, next): (u8, u8)) -> bool {
    match byte {
        b'\t' | b'\n' => false,
        b'\r' => next != b'\n',
        _ => byte < 0x20 || byte == 0x7f,
    }
}

fn at(name: &Arc<str>, before: &str, message: &str) -> Diagnostic {
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    let place =
        Place { file: name.clone(), line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column).unwrap_or(u32::MAX) };
    Diagnostic::error(message).at(place, 1)
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// A path as a person would type it.
fn shown(path: &Path) -> Arc<str> {
    path.strip_prefix(".").unwrap_or(path).to_string_lossy().into()
}
