//! Manifests in folders and files of this machine, as somebody edits them, or something else lays them down (git-sync swaps a link).
//!
//! Must never: take what does not look the same twice, or a folder that is not there for an empty one.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::{Arrived, CompiledBefore, FILES, RevisionError, RevisionSource, SoundManifests, SoundPart, compile, data_files, sound_part};
use crate::files;
use crate::manifest::kinds::LookupTable;
use crate::manifest::{self, Loaded, ManifestInput};
use crate::model::Revision;

/// After something changed, so long is waited for more of it.
const SETTLE: Duration = Duration::from_millis(500);
/// So often in one look.
const TRIES: u32 = 4;

/// Manifests in folders and files.
#[derive(Debug)]
pub struct FolderRevisions {
    folder: Arc<Mutex<Folder>>,
    place: String,
    pub(super) settle: Duration,
    /// what was handed on last
    handed: Option<Print>,
    /// what is sound of what was refused last
    part: Option<SoundPart>,
}

/// A number of everything that loading reads.
type Print = Arc<str>;

/// What one glance gave.
enum Glance {
    /// what was handed on last
    Same,
    /// it is not what it was a moment ago
    Moving,
    /// it is the same as a moment ago
    Still(Print, Box<Arrived>, Option<SoundPart>),
}

#[derive(Debug)]
struct Folder {
    paths: Vec<PathBuf>,
    /// what the last glance saw, and when it was seen first
    seen: Option<(Print, Timestamp)>,
    /// files that manifests name, as far as the last glance knew
    named: Vec<PathBuf>,
    numbers: Numbers,
    /// what was used last
    before: Option<CompiledBefore>,
}

impl FolderRevisions {
    /// Of these folders and files.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let place = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        let folder = Folder { paths, seen: None, named: Vec::new(), numbers: Numbers::default(), before: None };
        Self { folder: Arc::new(Mutex::new(folder)), place, settle: SETTLE, handed: None, part: None }
    }

    async fn glance(&self) -> Result<Glance, RevisionError> {
        let (folder, handed) = (self.folder.clone(), self.handed.clone());
        let glance = move || folder.lock().unwrap_or_else(PoisonError::into_inner).glance(handed.as_ref(), Timestamp::now());
        tokio::task::spawn_blocking(glance).await.unwrap_or(Err(RevisionError::Broken))
    }
}

impl RevisionSource for FolderRevisions {
    fn next<'a>(&'a mut self, _: Option<&'a Revision>) -> BoxFuture<'a, Result<Option<Arrived>, RevisionError>> {
        Box::pin(async move {
            for _ in 0..TRIES {
                match self.glance().await? {
                    Glance::Same => return Ok(None),
                    Glance::Moving => tokio::time::sleep(self.settle).await,
                    Glance::Still(print, arrived, part) => {
                        (self.handed, self.part) = (Some(print), part);
                        return Ok(Some(*arrived));
                    }
                }
            }
            // Somebody is still at it; the next look goes on from here.
            Ok(None)
        })
    }

    fn sound_part(&self) -> Option<SoundPart> {
        self.part.clone()
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}

impl Folder {
    fn glance(&mut self, handed: Option<&Print>, now: Timestamp) -> Result<Glance, RevisionError> {
        let read = self.read()?;
        let print = self.print(&read);
        if handed == Some(&print) {
            self.seen = None;
            return Ok(Glance::Same);
        }
        let since = match &self.seen {
            Some((seen, since)) if *seen == print => *since,
            _ => {
                // What the manifests name now belongs to what is looked at next.
                let before = self.before.as_ref().map(|before| before.loaded.clone());
                let (loaded, _) = manifest::load_revision(manifest::Revision { before, ..read.clone() });
                self.named = named_files(&loaded);
                self.seen = Some((self.print(&read), now));
                return Ok(Glance::Moving);
            }
        };
        let (loaded, done) = compile(read, self.before.as_ref());
        let (manifests, part) = match done {
            Ok((policy, warnings)) => {
                let data = self.data(&loaded);
                let sound = SoundManifests { loaded, policy, warnings, data };
                self.before = Some(sound.as_before());
                (Ok(sound), None)
            }
            Err(problems) => {
                let part = sound_part(loaded, &problems);
                (Err(problems), part)
            }
        };
        let name = format!("{FILES}{}", print.get(..7).unwrap_or(&print));
        let revision = Revision { id: print.clone(), name, at: since, authors: Vec::new(), signer: None };
        Ok(Glance::Still(print, Box::new(Arrived { revision, manifests, rewritten: false }), part))
    }

    fn read(&self) -> Result<manifest::Revision, RevisionError> {
        for path in &self.paths {
            std::fs::metadata(path).map_err(|error| RevisionError::Folder { path: path.clone(), why: error.to_string() })?;
        }
        let inputs: Vec<ManifestInput> = self.paths.iter().cloned().map(ManifestInput::Path).collect();
        let read = manifest::Revision::of(&inputs);
        if read.texts.is_empty() {
            let why = read.problems.first().map_or_else(|| "there is no manifest in it".to_owned(), |problem| problem.message.clone());
            return Err(RevisionError::Folder { path: self.paths.first().cloned().unwrap_or_default(), why });
        }
        Ok(read)
    }

    /// A number of names and contents: of the manifests, and of the files that they name.
    fn print(&mut self, read: &manifest::Revision) -> Print {
        let mut context = digest::Context::new(&digest::SHA256);
        let mut add = |part: &[u8]| {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        };
        for text in &read.texts {
            add(text.name.as_bytes());
            add(&text.bytes);
        }
        for problem in &read.problems {
            add(problem.message.as_bytes());
        }
        for path in &self.named {
            add(path.to_string_lossy().as_bytes());
            add(self.numbers.of(path).as_bytes());
        }
        hex(context).into()
    }

    fn data(&mut self, loaded: &Loaded) -> BTreeMap<Arc<str>, Arc<str>> {
        data_files(loaded).map(|(name, path)| (name.clone(), self.numbers.of(&path))).collect()
    }
}

/// Files that are read with the manifests, or are nothing but records: what headcount writes itself is none of them.
pub fn named_files(loaded: &Loaded) -> Vec<PathBuf> {
    let tables = loaded.workspace.iter().flat_map(|workspace| {
        let file =
            |table: &LookupTable| if let LookupTable::File(file) = table { Some(workspace.origin.base.join(&file.path)) } else { None };
        workspace.spec.tables.values().filter_map(file)
    });
    let mut named: Vec<PathBuf> = tables.chain(data_files(loaded).map(|(_, path)| path)).collect();
    named.sort();
    named.dedup();
    named
}

/// Numbers of files, which are read again only where something about them is another.
#[derive(Debug, Default)]
pub struct Numbers(BTreeMap<PathBuf, (FileSigns, Arc<str>)>);

/// What a file system says about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileSigns(Vec<i128>);

impl Numbers {
    /// A number of what a file holds now, or of why it can't be read.
    pub fn of(&mut self, path: &Path) -> Arc<str> {
        let standing = standing(path);
        match (self.0.get(path), &standing) {
            (Some((known, number)), Some(standing)) if known == standing => return number.clone(),
            _ => {}
        }
        let number: Arc<str> = match content(path) {
            Ok(number) => number.into(),
            Err(error) => format!("{:?}", error.kind()).into(),
        };
        match standing {
            Some(standing) => drop(self.0.insert(path.to_owned(), (standing, number.clone()))),
            None => drop(self.0.remove(path)),
        }
        number
    }
}

#[cfg(unix)]
fn standing(path: &Path) -> Option<FileSigns> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).ok()?;
    let parts = [found.dev() as i128, found.ino() as i128, found.len() as i128];
    let times = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()].map(i128::from);
    Some(FileSigns(parts.into_iter().chain(times).collect()))
}

#[cfg(not(unix))]
fn standing(_: &Path) -> Option<FileSigns> {
    None
}

fn content(path: &Path) -> std::io::Result<String> {
    let (mut file, _) = files::open(path)?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut part = vec![0; 1 << 16];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hex(context)),
            read => context.update(part.get(..read).unwrap_or_default()),
        }
    }
}

fn hex(context: digest::Context) -> String {
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
