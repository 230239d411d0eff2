//! Lists the files of `catalog/`, so that a vendor is added by its files alone: the Connectors, and the tests beside them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=catalog");
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("catalog");
    let mut names: Vec<String> = fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix(".yaml").map(str::to_owned))
        .collect();
    names.sort();
    let (tests, connectors): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| name.ends_with(".test"));
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("catalog.rs"), list(&folder, &connectors))?;
    fs::write(out.join("catalog_tests.rs"), list(&folder, &tests))
}

/// Name and text of each file, as Rust.
fn list(folder: &Path, names: &[String]) -> String {
    let mut list = String::from("&[");
    for name in names {
        let path = folder.join(format!("{name}.yaml"));
        let _ = write!(list, "({name:?}, include_str!({:?})),", path.display().to_string());
    }
    list.push(']');
    list
}
