//! In which file each document goes: where most of its kind stand already, else one file a kind.
//!
//! Must never: write through a link, over what somebody else wrote meanwhile, or half of the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Texts;
use crate::cli::output;
use crate::cli::report::Failure;
use crate::import::{ImportedDocument, Kind};
use crate::manifest::{Editor, ManifestInput, Revision};

/// Most documents of a file that is made.
const DOCUMENTS: usize = 60;
/// Largest file that documents are added to.
const MAX_FILE: u64 = 512 << 20;

/// The files that change or are made.
#[derive(Clone, Debug)]
pub(super) struct Files {
    folder: PathBuf,
    /// documents go here and nowhere else
    own_folder: bool,
    /// what is there
    before: Texts,
    on_disk: Revision,
    /// what is to be there, of files that change
    after: Texts,
    /// documents that were added, by file
    pub(super) added: BTreeMap<Arc<str>, Vec<Kind>>,
}

impl Files {
    /// Of a workspace.
    pub(super) fn new(inputs: &[ManifestInput], out: Option<&Path>) -> Result<Self, Failure> {
        let first = inputs.iter().find_map(|input| match input {
            ManifestInput::Path(path) if path.is_dir() => Some(path.clone()),
            ManifestInput::Path(path) => Some(path.parent().unwrap_or(Path::new("")).to_owned()),
            ManifestInput::Text { .. } => None,
        });
        let on_disk = Revision::of(inputs);
        let before = on_disk.texts.iter().map(|file| (file.name.clone(), String::from_utf8_lossy(&file.bytes).into_owned())).collect();
        let folder = out.map(Path::to_owned).or(first).unwrap_or_default();
        Ok(Self { folder, own_folder: out.is_some(), before, on_disk, after: BTreeMap::new(), added: BTreeMap::new() })
    }

    /// A file has this text from now on.
    pub(super) fn change(&mut self, file: Arc<str>, text: String) {
        self.after.insert(file, text);
    }

    /// The texts that are other than on the disk.
    pub(super) fn texts(&self) -> &Texts {
        &self.after
    }

    /// The workspace as it is to be.
    pub(super) fn revision(&self) -> Revision {
        let mut revision = self.on_disk.clone();
        self.after.iter().for_each(|(file, text)| revision.put(file, text));
        revision
    }

    /// Adds documents.
    pub(super) fn add(&mut self, documents: &[ImportedDocument]) -> Result<(), Failure> {
        for kind in [Kind::Group, Kind::User, Kind::Entitlement] {
            let all: Vec<&ImportedDocument> = documents.iter().filter(|made| made.kind == kind).collect();
            let home = if self.own_folder { None } else { self.home(kind) };
            for (number, some) in all.chunks(if home.is_some() { usize::MAX } else { DOCUMENTS }).enumerate() {
                let file = match &home {
                    Some(file) => file.clone(),
                    None => self.made(kind, number)?,
                };
                self.append(&file, some)?;
            }
        }
        Ok(())
    }

    fn append(&mut self, file: &Arc<str>, documents: &[&ImportedDocument]) -> Result<(), Failure> {
        let text = self.after.get(file).or_else(|| self.before.get(file)).cloned().unwrap_or_default();
        let mut editor = Editor::new(file.clone(), text);
        for made in documents {
            editor.append_document(&made.text).map_err(|refused| Failure::new(refused.to_string()))?;
            self.added.entry(file.clone()).or_default().push(made.kind);
        }
        self.after.insert(file.clone(), editor.into_text());
        Ok(())
    }

    /// The file that has most documents of the kind.
    fn home(&self, kind: Kind) -> Option<Arc<str>> {
        let of = |text: &String| Editor::new("", text.as_str()).index().keys().filter(|(known, _)| known == kind.word()).count();
        let counted = self.before.iter().map(|(file, text)| (of(text), file)).filter(|(count, _)| *count > 0);
        counted.max_by_key(|(count, file)| (*count, std::cmp::Reverse((*file).clone()))).map(|(_, file)| file.clone())
    }

    /// A file of the kind's own name; what is in it stays.
    fn made(&mut self, kind: Kind, number: usize) -> Result<Arc<str>, Failure> {
        let stem = match kind {
            Kind::Group => "groups",
            Kind::User => "users",
            Kind::Entitlement => "entitlements",
        };
        let name = if number == 0 { format!("{stem}.yaml") } else { format!("{stem}-{}.yaml", number + 1) };
        let path = self.folder.join(name);
        let file: Arc<str> = path.strip_prefix(".").unwrap_or(&path).to_string_lossy().into();
        if !self.before.contains_key(&file) && path.symlink_metadata().is_ok() {
            let bytes = crate::files::read(&path, MAX_FILE).map_err(|error| Failure::file("read", &path, error))?;
            let text = String::from_utf8(bytes).map_err(|_| Failure::new(format!("{} is not UTF-8", path.display())))?;
            self.before.insert(file.clone(), text);
        }
        Ok(file)
    }

    /// Writes all of them, or none where one can't be.
    pub(super) fn write(&self) -> Result<(), Failure> {
        for file in self.after.keys() {
            let path = Path::new(file.as_ref());
            if path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
                return Err(Failure::new(format!("{file} is a link; nothing was written")).hint("name another folder with --out"));
            }
            if let Some(before) = self.before.get(file) {
                let now = crate::files::read(path, MAX_FILE).map_err(|error| Failure::file("read", path, error))?;
                if now != before.as_bytes() {
                    return Err(Failure::new(format!("{file} changed meanwhile; nothing was written")).hint("run it again"));
                }
            }
        }
        std::fs::create_dir_all(if self.folder.as_os_str().is_empty() { Path::new(".") } else { &self.folder })
            .map_err(|error| Failure::file("make", &self.folder, error))?;
        for (file, text) in &self.after {
            let path = Path::new(file.as_ref());
            if self.before.contains_key(file) { output::rewrite(path, text)? } else { output::write_new(path, text)? }
        }
        Ok(())
    }
}
