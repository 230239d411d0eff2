//! What the connector says of itself.
//!
//! Must never: promise what only a file tells.

use crate::connector::describe::Description;
use crate::manifest::fields;
use crate::manifest::kinds::FileConnection;

/// The connector of files.
pub fn describe() -> Description {
    Description {
        name: "file",
        about: "A file of records: CSV, XLSX, JSON, NDJSON or YAML.",
        kinds: &["Source"],
        reads: &["records"],
        writes: &[],
        abilities: &["reads only", "a read that was cut off never counts as complete"],
        default_mapping: Vec::new(),
        needs: Vec::new(),
        connection: fields::<FileConnection>(),
    }
}
