//! The journal's last entry, kept apart from it in a small file beside the state: an end that was cut off is missed.
//!
//! Must never: run ahead of what is durable. One that lags behind proves less, and nothing wrong.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::schema::{meta, set_meta};
use crate::files;
use crate::state::Head;

/// The `meta` row that says the same, in the same transaction as the entry.
const HEAD: &str = "journal_head";
/// Longest text that such a file is believed to hold.
const LIMIT: u64 = 256;

/// Remembers the last entry, in the transaction that adds it.
pub(super) fn record_head(connection: &Connection, head: &Head) -> rusqlite::Result<()> {
    set_meta(connection, HEAD, &head.text())
}

/// The last entry, as the row says.
pub(super) fn row(connection: &Connection) -> rusqlite::Result<Option<Head>> {
    Ok(meta(connection, HEAD)?.as_deref().and_then(Head::parse))
}

/// Where the file is.
pub(super) fn path(state: &Path) -> PathBuf {
    let mut name = state.as_os_str().to_owned();
    name.push(".head");
    PathBuf::from(name)
}

/// What the file says; nothing where there is none, or where a power cut left half of one.
pub(super) fn read(state: &Path) -> io::Result<Option<Head>> {
    match files::read_text(&path(state), LIMIT) {
        Ok(text) => Ok(Head::parse(&text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts another one in its place at once, so that nobody reads half of it.
pub(super) fn write(state: &Path, head: &Head) -> io::Result<()> {
    let place = path(state);
    let mut name = place.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(name);
    let mut file = files::open_private(&draft)?;
    file.set_len(0)?;
    file.write_all(format!("{}\n", head.text()).as_bytes())?;
    fs::rename(&draft, &place)
}
