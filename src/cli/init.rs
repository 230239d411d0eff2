//! `headcount init`: a small workspace to start from, or one for a table of people that is there. Either validates as it is.
//!
//! Must never: overwrite a file, or ask what it can see.

mod guess;
mod manifest;
mod words;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use super::report::{self, Exit, Failure};
use crate::connector::file::{Found, look};
use crate::render::count;
use guess::Guess;

/// Write a workspace to start from
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount init acme
  headcount init --from people.csv --scim https://chat.example.com/scim/v2

Nothing is overwritten: where one of the files exists already, none is written.")]
pub struct InitArgs {
    /// Where to; it is made if it is not there [default: the current directory]
    directory: Option<PathBuf>,
    /// A table of people, CSV or XLSX: a Source with its columns, separator and encoding is written
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The SCIM service to change; its token is read from the environment's SCIM_TOKEN
    #[arg(long, value_name = "URL", requires = "from")]
    scim: Option<String>,
}

/// The files, with `{id}` for the workspace's id.
const FILES: &[(&str, &str)] = &[
    ("headcount.yaml", include_str!("init/headcount.yaml")),
    ("groups.yaml", include_str!("init/groups.yaml")),
    ("personas.yaml", include_str!("init/personas.yaml")),
    ("hr.csv", include_str!("init/hr.csv")),
];
const IGNORED: (&str, &str) = (".gitignore", ".headcount/\n");

pub fn run(args: &InitArgs) -> Result<Exit, Failure> {
    let directory = args.directory.as_deref().unwrap_or(Path::new("."));
    let mut words = String::new();
    let mut files: Vec<(&str, String)> = match &args.from {
        None => FILES.iter().map(|(name, text)| (*name, text.replace("{id}", &id(directory)))).collect(),
        Some(table) => vec![("headcount.yaml", from_table(directory, table, args.scim.as_deref(), &mut words)?)],
    };
    for (name, _) in &files {
        let path = directory.join(name);
        if path.symlink_metadata().is_ok() {
            let message = format!("{} exists already; nothing was written", path.display());
            return Err(Failure::new(message).hint("name an empty directory: `headcount init DIRECTORY`"));
        }
    }
    std::fs::create_dir_all(directory).map_err(|error| Failure::file("make", directory, error))?;
    files.push((IGNORED.0, IGNORED.1.into()));
    for (name, text) in &files {
        let path = directory.join(name);
        match write_new(&path, text) {
            Ok(()) => words.push_str(&format!("wrote {}\n", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && name.starts_with('.') => {}
            Err(error) => return Err(Failure::file("write", &path, error)),
        }
    }
    words.push_str(&next(args, directory));
    report::result(words.as_bytes())?;
    Ok(Exit::Done)
}

fn next(args: &InitArgs, directory: &Path) -> String {
    let manifest = directory.join("headcount.yaml");
    let files = args.directory.as_deref().map(|directory| format!(" -f {}", directory.display())).unwrap_or_default();
    let first = match (&args.from, &args.scim) {
        (Some(_), Some(_)) => format!("read {}, set SCIM_TOKEN, then", manifest.display()),
        (Some(_), None) => format!("read {}, fill in the Target there, then", manifest.display()),
        (None, _) => format!("set the target's address in {}, then", manifest.display()),
    };
    let test = if args.from.is_none() { format!("  headcount test{files}\n") } else { String::new() };
    let import = match &args.scim {
        Some(_) => format!("  headcount import app{files} --dry-run    # manifests for groups that are there already\n"),
        None => String::new(),
    };
    format!("\nNext: {first}\n  headcount validate{files}\n{test}  headcount plan{files}\n{import}")
}

/// Looks at the table, says what it saw, and writes it down.
fn from_table(directory: &Path, table: &Path, scim: Option<&str>, words: &mut String) -> Result<String, Failure> {
    let found = look(table).map_err(|reason| Failure::new(format!("{} {reason}", table.display())))?;
    let guess = guess::guess(&found).map_err(|reason| Failure::new(format!("{} {reason}", table.display())))?;
    let (path, allowed) = reach(directory, table)?;
    words.push_str(&saw(table, &found, &guess));
    let id = id(directory);
    Ok(manifest::write(&manifest::Parts { id: &id, path: &path, allowed: allowed.as_deref(), found: &found, guess: &guess, scim }))
}

fn saw(table: &Path, found: &Found, guess: &Guess) -> String {
    let mut parts = vec![count(found.rows.len() as u64, "record")];
    parts.extend(found.separator.map(|sign| match sign {
        ';' => "semicolons".to_owned(),
        ',' => "commas".to_owned(),
        '\t' => "tabs".to_owned(),
        other => format!("`{other}`"),
    }));
    parts.extend(found.encoding.map(str::to_owned));
    parts.extend(found.sheet.as_ref().map(|sheet| format!("sheet `{sheet}`")));
    parts.extend((found.skip > 0).then(|| format!("{} above the header", count(found.skip, "line"))));
    parts.extend(found.footer.as_ref().map(|(count, first)| format!("{count} below the records (`{first}`)")));
    let mut words = format!("read {}: {}\n", table.display(), parts.join(", "));
    let width = guess.used.iter().map(|(_, what)| what.len()).max().unwrap_or(0);
    for (name, what) in &guess.used {
        words.push_str(&format!("  {what:width$}  {name}\n"));
    }
    match guess.unused.len() {
        0 => {}
        1 => words.push_str("  1 column is not read; the manifest lists it\n"),
        more => words.push_str(&format!("  {more} columns are not read; the manifest lists them\n")),
    }
    for line in found.odd.iter().take(3) {
        words.push_str(&format!("look at this: line {line} does not fit the header; nobody is removed until it is mended\n"));
    }
    for doubt in &guess.doubts {
        words.push_str(&format!("look at this: {doubt}\n"));
    }
    words + "\n"
}

/// How a manifest in the directory reaches the file, and what the Workspace must allow for it.
fn reach(directory: &Path, table: &Path) -> Result<(String, Option<String>), Failure> {
    let whole = |path: &Path| path.canonicalize().map_err(|error| Failure::file("find", path, error));
    let file = whole(table)?;
    // The directory may not be there yet.
    let there = directory.ancestors().find(|path| path.exists() && !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let rest = directory.strip_prefix(there).unwrap_or(directory);
    let base = whole(there)?.join(rest);
    if let Ok(below) = file.strip_prefix(&base) {
        return Ok((below.display().to_string(), None));
    }
    let shared = base.components().zip(file.components()).take_while(|(one, other)| one == other).count();
    let up = base.components().skip(shared).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(file.components().skip(shared)).collect();
    let parent = path.parent().unwrap_or(Path::new("..")).display().to_string();
    Ok((path.display().to_string(), Some(parent)))
}

fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// The directory's name for people, and a little chance so that no two workspaces share an id.
fn id(directory: &Path) -> String {
    let name = directory.canonicalize().ok().and_then(|path| path.file_name().map(|name| name.to_string_lossy().to_lowercase()));
    let name: String =
        name.unwrap_or_default().chars().filter(|character| character.is_ascii_alphanumeric() || *character == '-').take(30).collect();
    let name = name.trim_matches('-');
    format!("{}-{:06x}", if name.is_empty() { "workspace" } else { name }, fastrand::u32(..1 << 24))
}
