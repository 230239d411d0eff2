//! `headcount init`: a small workspace to start from. It validates as it is.
//!
//! Must never: overwrite a file.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::report::{self, Exit, Failure};

/// Write a small workspace to start from
#[derive(Debug, clap::Args)]
#[command(after_help = "Nothing is overwritten: where one of the files exists already, none is written.")]
pub struct InitArgs {
    /// Where to; it is made if it is not there [default: the current directory]
    directory: Option<PathBuf>,
}

/// The files, with `{id}` for the workspace's id.
const FILES: &[(&str, &str)] = &[
    ("headcount.yaml", include_str!("init/headcount.yaml")),
    ("groups.yaml", include_str!("init/groups.yaml")),
    ("personas.yaml", include_str!("init/personas.yaml")),
    ("hr.csv", include_str!("init/hr.csv")),
    (".gitignore", ".headcount/\n"),
];

pub fn run(args: &InitArgs) -> Result<Exit, Failure> {
    let directory = args.directory.as_deref().unwrap_or(Path::new("."));
    for (name, _) in FILES.iter().filter(|(name, _)| !name.starts_with('.')) {
        let path = directory.join(name);
        if path.symlink_metadata().is_ok() {
            let message = format!("{} exists already; nothing was written", path.display());
            return Err(Failure::new(message).hint("name an empty directory: `headcount init DIRECTORY`"));
        }
    }
    std::fs::create_dir_all(directory).map_err(|error| Failure::file("make", directory, error))?;
    let id = id(directory);
    let mut words = String::new();
    for (name, text) in FILES {
        let path = directory.join(name);
        match write_new(&path, &text.replace("{id}", &id)) {
            Ok(()) => words.push_str(&format!("wrote {}\n", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && name.starts_with('.') => {}
            Err(error) => return Err(Failure::file("write", &path, error)),
        }
    }
    words.push_str(&format!("\nNext: set the target's address in {}, then\n", directory.join("headcount.yaml").display()));
    let files = args.directory.as_deref().map(|directory| format!(" -f {}", directory.display())).unwrap_or_default();
    words.push_str(&format!("  headcount validate{files}\n  headcount test{files}\n  headcount plan{files}\n"));
    report::result(words.as_bytes())?;
    Ok(Exit::Done)
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
