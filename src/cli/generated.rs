//! Writes generated files: only those that changed, so that a build sees nothing new where nothing is.

use std::path::Path;

use super::report::{self, Exit, Failure};
use crate::files as disk;

/// No generated file is larger.
const MAX_FILE: u64 = 16 << 20;

/// Writes all files into a directory.
pub fn write(dir: &Path, files: &[(String, String)]) -> Result<Exit, Failure> {
    std::fs::create_dir_all(dir).map_err(|error| Failure::file("create", dir, error))?;
    for (name, text) in files {
        let path = dir.join(name);
        if disk::read(&path, MAX_FILE).is_ok_and(|old| old == text.as_bytes()) {
            continue;
        }
        std::fs::write(&path, text).map_err(|error| Failure::file("write", &path, error))?;
        report::notice(format_args!("wrote {}", path.display()));
    }
    Ok(Exit::Done)
}

/// Prints one of the files; nothing if there is no such file.
pub fn print(files: &[(String, String)], name: &str) -> Option<Result<Exit, Failure>> {
    let (_, text) = files.iter().find(|(file, _)| file == name)?;
    Some(report::result(text.as_bytes()).map(|()| Exit::Done))
}
