//! The state as one object: the SQLite file, gzipped, so that anybody can look at it with what is on every machine. What it holds stands in the gzip header's comment.
//!
//! Must never: be read further than its bounds.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use bytes::Bytes;
use flate2::Compression;
use flate2::GzBuilder;
use flate2::bufread::GzDecoder;
use serde::{Deserialize, Serialize};

use super::segment::Positions;
use crate::files;

/// The object.
pub(super) const IMAGE: &str = "state.db.gz";
/// What this much unpacks to is no state.
const MAX_UNPACKED: u64 = 16 << 30;
const FORMAT: u32 = 1;

/// What an image holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageHead {
    format: u32,
    /// whose it is
    pub(super) workspace: String,
    /// how often it was written to
    pub(super) generation: u64,
    /// what was written ahead and is in it
    pub(super) positions: Positions,
    /// who made it
    pub(super) run: String,
}

impl ImageHead {
    pub(super) fn new(workspace: &str, generation: u64, positions: &Positions, run: &str) -> Self {
        let (workspace, run) = (workspace.to_owned(), run.to_owned());
        Self { format: FORMAT, workspace, generation, positions: positions.clone(), run }
    }
}

/// Packs a file.
pub(super) fn pack(file: &Path, head: &ImageHead) -> io::Result<Bytes> {
    let mut from = files::open(file)?.0;
    let comment = serde_json::to_vec(head)?;
    let mut into = GzBuilder::new().filename("state.db").comment(comment).write(Vec::new(), Compression::default());
    io::copy(&mut from, &mut into)?;
    Ok(Bytes::from(into.finish()?))
}

/// What an image holds, without unpacking it.
pub(super) fn head(bytes: &[u8]) -> io::Result<ImageHead> {
    let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let decoder = GzDecoder::new(bytes);
    let header = decoder.header().ok_or_else(|| wrong("it is not gzipped"))?;
    let head: ImageHead = serde_json::from_slice(header.comment().ok_or_else(|| wrong("it does not say what it holds"))?)?;
    if head.format > FORMAT {
        return Err(wrong("a newer headcount wrote it, so use that one"));
    }
    Ok(head)
}

/// Unpacks it to a file that nobody else reads.
pub(super) fn unpack(bytes: &[u8], to: &Path) -> io::Result<()> {
    let mut file: File = files::open_private(to)?;
    let written = io::copy(&mut GzDecoder::new(bytes).take(MAX_UNPACKED + 1), &mut file)?;
    if written > MAX_UNPACKED {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it unpacks to more than any state"));
    }
    file.flush()
}
