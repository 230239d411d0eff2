//! The one place where files from outside are opened: regular ones only, and never more of them than a bound.
//!
//! A pipe would be waited for without an end, and a device never ends. Must never: wait for somebody to write, or read without a bound.

mod settle;
mod tree;

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::Path;

pub use settle::{ALONE, CHANGED, FileSight, FileStamp, PATIENCE, WRITTEN, comes_to_rest, stamp};
pub use tree::{FileTree, NamedFiles, plain, real, same};

/// Opens a regular file for reading. Anything else (a folder, a pipe, a socket, a device, or a link to one) is an error, and is not waited for.
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    // Opening some devices has effects of its own, so it is looked at before; and after, since something else may stand there by then.
    regular(&std::fs::metadata(path)?)?;
    let file = at_once(OpenOptions::new().read(true)).open(path)?;
    let metadata = file.metadata()?;
    regular(&metadata)?;
    Ok((file, metadata))
}

/// The bytes of a regular file that has no more than `most` of them.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_to_end(open(path)?.0, most)
}

/// The text of a regular file that has no more than `most` bytes.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Everything that comes, if it is no more than `most` bytes.
pub fn read_to_end(from: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {}", size(most))));
    }
    Ok(bytes)
}

/// Opens a file of ours for reading and writing, or makes it for its owner alone. What stands there and is no regular file is an error.
pub fn open_private(path: &Path) -> io::Result<File> {
    if let Ok(metadata) = std::fs::metadata(path) {
        regular(&metadata)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = at_once(&mut options).open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// A file that nobody else has the lock of until this is dropped. The lock is let go by word and not by closing the file: a program that is being started by another
/// thread has it open, too, until that program begins.
#[derive(Debug)]
pub struct LockedFile(File);

impl LockedFile {
    /// Locks a file for oneself alone, and waits for nobody.
    pub fn alone(file: File) -> Result<Self, (File, TryLockError)> {
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(error) => Err((file, error)),
        }
    }

    /// Waits until it can be shared.
    pub fn shared(file: File) -> io::Result<Self> {
        file.lock_shared()?;
        Ok(Self(file))
    }

    /// What is locked.
    pub fn file(&mut self) -> &mut File {
        &mut self.0
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Closing it does the same a little later.
        let _ = self.0.unlock();
    }
}

/// A number of bytes as people say it.
pub fn size(bytes: u64) -> String {
    [(30, "GiB"), (20, "MiB"), (10, "KiB")]
        .into_iter()
        .find(|(shift, _)| bytes >= 1 << shift && bytes.trailing_zeros() >= *shift)
        .map_or_else(|| format!("{bytes} bytes"), |(shift, unit)| format!("{} {unit}", bytes >> shift))
}

fn regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = if metadata.is_dir() { "a folder" } else { "a pipe, a device or a socket" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is no regular file but {what}")))
}

/// Without waiting for the other end of a pipe that was put there a moment ago.
fn at_once(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NONBLOCK);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_the_largest_whole_unit() {
        assert_eq!([size(16 << 20), size(64 << 10), size(1000), size(1 << 30)], ["16 MiB", "64 KiB", "1000 bytes", "1 GiB"]);
    }

    #[test]
    fn just_enough_is_read_and_one_byte_more_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_text(&path, 5).unwrap(), "12345");
        assert_eq!(read(&path, 4).unwrap_err().to_string(), "it is larger than 4 bytes");
        assert_eq!(open(folder.path()).unwrap_err().to_string(), "it is no regular file but a folder");
    }

    #[cfg(unix)]
    #[test]
    fn what_never_ends_is_never_begun() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [pipe.as_path(), link.as_path(), Path::new("/dev/zero")] {
            let words = "it is no regular file but a pipe, a device or a socket";
            assert_eq!(open(path).unwrap_err().to_string(), words);
            assert_eq!(open_private(path).unwrap_err().to_string(), words);
        }
    }
}
