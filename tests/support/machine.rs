//! A machine whose wall clock and disk a test moves while programs run on it. No program for that is needed but the C compiler that builds headcount: a library that is
//! loaded before libc's own looks at a file of two numbers.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// One machine, with as many processes as are started on it.
pub struct Machine {
    numbers: File,
    path: PathBuf,
    library: &'static Path,
}

const LENGTH: u64 = 16;

impl Machine {
    /// Its numbers are kept in a folder. None where nothing can be preloaded: the caller must skip loudly.
    pub fn new(folder: &Path) -> Option<Self> {
        let library = library()?;
        let path = folder.join("machine");
        let numbers = File::options().write(true).create(true).truncate(true).open(&path).expect("a file");
        numbers.set_len(LENGTH).expect("its numbers");
        Some(Self { numbers, path, library })
    }

    /// Puts the wall clock so far ahead of the true time, or behind it. Steady clocks go on as ever.
    pub fn put_clock(&self, seconds: i64) {
        self.numbers.write_all_at(&seconds.to_ne_bytes(), 0).expect("written");
    }

    /// Nothing more can be written to files, or something can again.
    pub fn fill_disk(&self, full: bool) {
        self.numbers.write_all_at(&i64::from(full).to_ne_bytes(), 8).expect("written");
    }

    /// A program that is to run on it.
    pub fn runs(&self, command: &mut Command) {
        command.env("LD_PRELOAD", self.library).env("HEADCOUNT_TEST_MACHINE", &self.path);
    }
}

/// Built once a process.
fn library() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        let folder = tempfile::Builder::new().prefix("headcount-machine-").tempdir().ok()?.keep();
        let (source, library) = (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/machine.c"), folder.join("machine.so"));
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).output().ok()?;
        (cfg!(target_os = "linux") && built.status.success()).then_some(library)
    };
    BUILT.get_or_init(build).as_deref()
}
