//! Lists the files of `catalog/`, so that a vendor is added by its file alone.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=catalog");
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("catalog");
    let mut names: Vec<String> = fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix(".yaml").map(str::to_owned))
        .filter(|name| !name.ends_with(".test"))
        .collect();
    names.sort();
    let mut list = String::from("&[");
    for name in names {
        let path = folder.join(format!("{name}.yaml"));
        let _ = write!(list, "({name:?}, include_str!({:?})),", path.display().to_string());
    }
    list.push(']');
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("catalog.rs"), list)
}
