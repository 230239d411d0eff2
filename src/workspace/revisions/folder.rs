//! Manifests in folders and files of this machine, as somebody edits them, or something else lays them down (git-sync swaps a link).
//!
//! Must never: take what somebody is writing, or a folder that is not there for an empty one.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::{Arrived, CompiledBefore, FILES, RevisionError, RevisionSource, SoundManifests, SoundPart, compile, data_files, sound_part};
use crate::files::{self, FileSight, NamedFiles};
use crate::manifest::kinds::LookupTable;
use crate::manifest::{self, Loaded, ManifestInput, ManifestText};
use crate::model::Revision;

/// So often in one look.
const TRIES: u32 = 5;

/// Manifests in folders and files.
#[derive(Debug)]
pub struct FolderRevisions {
    folder: Arc<Mutex<Folder>>,
    place: String,
    /// so long nobody has written to what is taken
    pub(super) alone: Duration,
    /// what was handed on last
    handed: Option<FolderPrints>,
    /// what is sound of what was refused last
    part: Option<SoundPart>,
}

/// A number of everything that loading reads.
type Print = Arc<str>;

/// What was handed on.
#[derive(Clone, Debug)]
struct FolderPrints {
    all: Print,
    /// of that, what is compiled
    compiled: Print,
}

/// What one glance gave.
enum Glance {
    /// what was handed on last
    Same,
    /// somebody wrote to it a moment ago; how long it has to be left alone still
    Moving(Duration),
    /// it is at rest
    Still(FolderPrints, Box<Arrived>, Option<SoundPart>),
}

#[derive(Debug)]
struct Folder {
    paths: Vec<PathBuf>,
    /// what of it is compiled, as the last glance saw it, and when it was seen first
    seen: Option<(Print, Timestamp)>,
    /// since when something is there that can't be taken yet
    moving: Option<Timestamp>,
    /// the tables that manifests name, as far as the last glance knew; and what Sources read
    tables: Vec<PathBuf>,
    data: Vec<PathBuf>,
    numbers: Numbers,
    /// what was used last
    before: Option<CompiledBefore>,
}

impl FolderRevisions {
    /// Of these folders and files.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let place = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        Self { folder: Arc::new(Mutex::new(Folder::new(paths))), place, alone: files::ALONE, handed: None, part: None }
    }

    async fn glance(&self) -> Result<Glance, RevisionError> {
        let (folder, handed, alone) = (self.folder.clone(), self.handed.clone(), self.alone);
        let glance = move || folder.lock().unwrap_or_else(PoisonError::into_inner).glance(handed.as_ref(), alone, SystemTime::now());
        tokio::task::spawn_blocking(glance).await.unwrap_or(Err(RevisionError::Broken))
    }
}

impl RevisionSource for FolderRevisions {
    fn next<'a>(&'a mut self, _: Option<&'a Revision>) -> BoxFuture<'a, Result<Option<Arrived>, RevisionError>> {
        Box::pin(async move {
            for _ in 0..TRIES {
                match self.glance().await? {
                    Glance::Same => return Ok(None),
                    Glance::Moving(rest) => tokio::time::sleep(rest).await,
                    Glance::Still(handed, arrived, part) => {
                        (self.handed, self.part) = (Some(handed), part);
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
    fn new(paths: Vec<PathBuf>) -> Self {
        let (tables, data) = (Vec::new(), Vec::new());
        Self { paths, seen: None, moving: None, tables, data, numbers: Numbers::default(), before: None }
    }

    fn glance(&mut self, handed: Option<&FolderPrints>, alone: Duration, now: SystemTime) -> Result<Glance, RevisionError> {
        let read = self.read()?;
        let prints = self.prints(&read);
        if handed.is_some_and(|handed| handed.all == prints.all) {
            (self.seen, self.moving) = (None, None);
            return Ok(Glance::Same);
        }
        // What nobody compiles is waited for by whoever reads it.
        let compiled_anew = handed.is_none_or(|handed| handed.compiled != prints.compiled);
        let at = Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH);
        let since = match &self.seen {
            Some((seen, since)) if *seen == prints.compiled => *since,
            _ if compiled_anew => {
                self.begins_to_move(&read, at);
                let path = self.written(&read, (alone, Duration::ZERO), now).map(|(path, _)| path);
                return self.moves(path.or_else(|| read.texts.first().map(path_of)), at).map(|()| Glance::Moving(alone / 4));
            }
            _ => at,
        };
        let seen_for = at.duration_since(since).unsigned_abs();
        if compiled_anew && let Some((path, rest)) = self.written(&read, (alone, seen_for), now) {
            return self.moves(Some(path), at).map(|()| Glance::Moving(rest));
        }
        // What was taken away, or moved here, has no time of its own that says so.
        if compiled_anew && handed.is_some() && seen_for < alone {
            return Ok(Glance::Moving(alone.saturating_sub(seen_for)));
        }
        (self.seen, self.moving) = (None, None);
        let (arrived, part) = self.arrived(read, &prints.all, since);
        Ok(Glance::Still(prints, Box::new(arrived), part))
    }

    /// Something is another than it was: what the manifests name now belongs to what is looked at next.
    fn begins_to_move(&mut self, read: &manifest::Revision, now: Timestamp) {
        let before = self.before.as_ref().map(|before| before.loaded.clone());
        let (loaded, _) = manifest::load_revision(manifest::Revision { before, ..read.clone() });
        (self.tables, self.data) = (table_files(&loaded), data_files(&loaded).map(|(_, path)| path).collect());
        self.data.sort();
        self.data.dedup();
        self.seen = Some((self.prints(read).compiled, now));
    }

    /// It can't be taken yet. Where that goes on, it is told.
    fn moves(&mut self, path: Option<PathBuf>, now: Timestamp) -> Result<(), RevisionError> {
        let since = *self.moving.get_or_insert(now);
        if now.duration_since(since).unsigned_abs() > files::PATIENCE {
            return Err(RevisionError::Written { path: path.unwrap_or_default() });
        }
        Ok(())
    }

    /// Which of the files that are compiled was written to last, and for how long it has to be left alone still: nothing where all were.
    fn written(&self, read: &manifest::Revision, (alone, seen_for): (Duration, Duration), now: SystemTime) -> Option<(PathBuf, Duration)> {
        let files = read.texts.iter().map(path_of).chain(self.tables.iter().cloned());
        let rests = files.filter_map(|path| FileSight::of(&path, now).map(|sight| (path, sight.rest(alone, seen_for))));
        rests.max_by_key(|(_, rest)| *rest).filter(|(_, rest)| !rest.is_zero())
    }

    fn arrived(&mut self, read: manifest::Revision, print: &Print, at: Timestamp) -> (Arrived, Option<SoundPart>) {
        let (loaded, done) = compile(read, self.before.as_ref());
        let (manifests, part) = match done {
            Ok((policy, warnings)) => {
                let data = self.data_of(&loaded);
                let sound = SoundManifests { loaded, policy, warnings, data };
                self.before = Some(sound.as_before());
                (Ok(sound), None)
            }
            Err(problems) => {
                let part = sound_part(loaded, &problems);
                (Err(problems), part)
            }
        };
        let name = format!("{FILES}{}", print.get(..7).unwrap_or(print));
        let revision = Revision { id: print.clone(), name, at, authors: Vec::new(), signer: None };
        (Arrived { revision, manifests, rewritten: false }, part)
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
        Ok(manifest::Revision { files: NamedFiles::default().rested(), ..read })
    }

    /// Numbers of names and contents: of the manifests and their tables, and of these with all that Sources read beside them.
    fn prints(&mut self, read: &manifest::Revision) -> FolderPrints {
        let mut context = digest::Context::new(&digest::SHA256);
        for text in &read.texts {
            add(&mut context, text.name.as_bytes());
            add(&mut context, &text.bytes);
        }
        for problem in &read.problems {
            add(&mut context, problem.message.as_bytes());
        }
        self.numbers.add(&mut context, &self.tables);
        let compiled = hex(context.clone()).into();
        self.numbers.add(&mut context, &self.data);
        FolderPrints { all: hex(context).into(), compiled }
    }

    fn data_of(&mut self, loaded: &Loaded) -> BTreeMap<Arc<str>, Arc<str>> {
        data_files(loaded).map(|(name, path)| (name.clone(), self.numbers.of(&path))).collect()
    }
}

/// Where a manifest lies that was found.
fn path_of(text: &ManifestText) -> PathBuf {
    text.base.join(Path::new(text.name.as_ref()).file_name().unwrap_or_default())
}

fn add(context: &mut digest::Context, part: &[u8]) {
    context.update(&(part.len() as u64).to_be_bytes());
    context.update(part);
}

/// Files that are read with the manifests, or are nothing but records: what headcount writes itself is none of them.
pub fn named_files(loaded: &Loaded) -> Vec<PathBuf> {
    let mut named: Vec<PathBuf> = table_files(loaded).into_iter().chain(data_files(loaded).map(|(_, path)| path)).collect();
    named.sort();
    named.dedup();
    named
}

/// The files of the Workspace's tables.
fn table_files(loaded: &Loaded) -> Vec<PathBuf> {
    let tables = loaded.workspace.iter().flat_map(|workspace| {
        let file =
            |table: &LookupTable| if let LookupTable::File(file) = table { Some(workspace.origin.base.join(&file.path)) } else { None };
        workspace.spec.tables.values().filter_map(file)
    });
    tables.collect()
}

/// Numbers of files, which are read again only where something about them is another.
#[derive(Debug, Default)]
pub struct Numbers(BTreeMap<PathBuf, (FileSigns, Arc<str>)>);

/// What a file system says about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileSigns(Vec<i128>);

impl Numbers {
    /// Takes the names of files and what they hold into account.
    fn add(&mut self, context: &mut digest::Context, files: &[PathBuf]) {
        for path in files {
            add(context, path.to_string_lossy().as_bytes());
            add(context, self.of(path).as_bytes());
        }
    }

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

#[cfg(test)]
mod tests {
    use super::super::tests::{WORKSPACE, workspace, write};
    use super::*;

    const TABLE: &str = "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec:\n  id: acme\n  tables: {teams: {file: {path: t.csv, key: code, value: name}}}\n";

    /// A folder, and a clock that files are written by.
    struct WatchedFolder {
        here: tempfile::TempDir,
        folder: Folder,
        start: SystemTime,
        handed: Option<FolderPrints>,
    }

    impl WatchedFolder {
        fn new() -> Self {
            let here = tempfile::tempdir().unwrap();
            workspace(here.path());
            let mut watched = Self { folder: Folder::new(vec![here.path().to_owned()]), here, start: SystemTime::now(), handed: None };
            for name in ["workspace.yaml", "hr.yaml", "hr.csv"] {
                watched.written(name, -10_000);
            }
            watched.writes("workspace.yaml", TABLE, -10_000);
            watched.writes("t.csv", "code,name\n1,a\n2,b\n", -10_000);
            assert_eq!((watched.look(0).as_str(), watched.look(500).as_str()), ("moving", "taken"));
            watched
        }

        fn at(&self, ms: i64) -> SystemTime {
            let by = Duration::from_millis(ms.unsigned_abs());
            if ms < 0 { self.start - by } else { self.start + by }
        }

        fn written(&self, name: &str, ms: i64) {
            let file = std::fs::File::options().write(true).open(self.here.path().join(name)).unwrap();
            file.set_modified(self.at(ms)).unwrap();
        }

        fn writes(&self, name: &str, text: &str, ms: i64) {
            write(self.here.path(), name, text);
            self.written(name, ms);
        }

        fn look(&mut self, ms: i64) -> String {
            match self.folder.glance(self.handed.as_ref(), files::ALONE, self.at(ms)) {
                Ok(Glance::Same) => "same".to_owned(),
                Ok(Glance::Moving(_)) => "moving".to_owned(),
                Ok(Glance::Still(handed, arrived, _)) => {
                    self.handed = Some(handed);
                    arrived.manifests.map_or_else(|problems| super::super::reasons(&problems).join("\n"), |_| "taken".to_owned())
                }
                Err(error) => error.to_string(),
            }
        }

        fn looks(&mut self, times: &[i64]) -> Vec<String> {
            times.iter().map(|ms| self.look(*ms)).collect()
        }
    }

    #[test]
    fn a_manifest_that_comes_line_by_line_is_taken_once_it_was_left_alone() {
        let mut watched = WatchedFolder::new();
        watched.writes("more.yaml", "# the first line\n", 1000);
        assert_eq!(watched.looks(&[1000, 1600, 2100]), ["moving"; 3]);
        watched.writes("more.yaml", "# the first line\n# the second\n", 2200);
        assert_eq!(watched.looks(&[2400, 3000, 4100]), ["moving"; 3]);
        assert_eq!(watched.looks(&[4500, 5000]), ["taken", "same"]);
    }

    #[test]
    fn a_table_that_comes_line_by_line_is_taken_once_it_was_left_alone() {
        let mut watched = WatchedFolder::new();
        watched.writes("t.csv", "code,name\n1,a\n", 1000);
        assert_eq!(watched.looks(&[1000, 1600, 2900]), ["moving"; 3]);
        watched.writes("t.csv", "code,name\n1,a\n2,c\n", 3000);
        assert_eq!(watched.looks(&[3100, 4000, 4900, 5200]), ["moving", "moving", "moving", "taken"]);
    }

    #[test]
    fn what_is_taken_away_or_moved_here_is_waited_for_too() {
        let mut watched = WatchedFolder::new();
        std::fs::remove_file(watched.here.path().join("hr.yaml")).unwrap();
        assert_eq!(watched.looks(&[1000, 2000, 2900, 3000]), ["moving", "moving", "moving", "taken"]);
        watched.writes("old.yaml", "# written long ago\n", -60_000);
        assert_eq!(watched.looks(&[4000, 5000, 6000]), ["moving", "moving", "taken"]);
    }

    #[test]
    fn what_never_comes_to_rest_is_told_and_what_only_sources_read_is_no_matter_of_it() {
        let mut watched = WatchedFolder::new();
        for (line, ms) in (0..=30).zip((1000..).step_by(1000)) {
            watched.writes("workspace.yaml", &format!("{WORKSPACE}# {line}\n"), ms);
            assert_eq!(watched.look(ms), "moving");
        }
        watched.writes("workspace.yaml", TABLE, 32_000);
        let told = watched.look(32_000);
        assert!(told.ends_with("workspace.yaml: somebody is writing it; it is read once it has been left alone for 2 seconds"), "{told}");
        assert_eq!(watched.look(32_500), "same", "it is what it was");
        watched.writes("hr.csv", "id\n1\n2\n", 33_000);
        assert_eq!(watched.looks(&[33_000, 33_500]), ["taken", "same"]);
    }
}
