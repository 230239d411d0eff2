//! The example with the vendors' stand-ins: every chapter of its story is applied, and nothing is left to do afterwards.

use std::path::Path;
use std::process::{Command, Output};

use crate::quickstart::copy_files;
use crate::support::{skipped, tool};

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// The example where it may write, with the catalog where it looks for it; its stand-ins stop with it.
struct Example {
    folder: tempfile::TempDir,
    /// where programs are looked for
    search: String,
}

impl Example {
    fn new(python: &Path) -> Self {
        let search = format!("{}:{}", python.parent().expect("a folder").display(), std::env::var("PATH").unwrap_or_default());
        let folder = tempfile::tempdir().expect("a folder");
        for part in ["examples/vendors", "catalog"] {
            copy_files(&Path::new(REPOSITORY).join(part), &folder.path().join(part));
        }
        Self { folder, search }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let script = self.folder.path().join("examples/vendors/run");
        let binary = snapbox::cargo_bin!("headcount");
        Command::new(script).args(arguments).env("PATH", &self.search).env("HEADCOUNT", binary).output().expect("a shell")
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.run(&["stop"]);
    }
}

#[test]
fn a_leaver_a_return_and_two_moves_at_five_vendors_and_a_webhook_leave_nothing_to_do() {
    let Some(python) = tool("python3") else { return skipped("examples/vendors", "Python") };
    let example = Example::new(&python);
    let output = example.run(&["story"]);
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{words}{}", String::from_utf8_lossy(&output.stderr));
    let tells = |line: &&str| line.starts_with("== ") || line.starts_with("Plan: ") || line.starts_with("No changes");
    let told: Vec<&str> = words.lines().filter(tells).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    == Everybody's first day
    Plan: 36 to create, 10 to take over, 3 entitlements to grant, 11 groups to create, 58 memberships to
    No changes. Everything is as declared.
    == Tom leaves
    Plan: 4 to lose sign-in, 1 entitlement to withdraw, 7 memberships to remove.
    No changes. Everything is as declared.
    == Tom is back
    Plan: 4 to get sign-in back, 1 entitlement to grant, 7 memberships to add.
    No changes. Everything is as declared.
    == Noor moves to Sales
    Plan: 3 to update, 1 entitlement to grant, 4 memberships to add.
    No changes. Everything is as declared.
    == Tom leads, and may spend more
    Plan: 3 to update, 1 entitlement to change.
    No changes. Everything is as declared.
    ");
}
