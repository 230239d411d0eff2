//! The pages in a real browser, signed in at a real provider: what each looks like, what people do there, with and without script (`tests/browser/check.mjs`).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{program, skipped, tool};

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// Where tests/setup.sh puts what drives a browser.
fn modules() -> Option<PathBuf> {
    let folder = std::env::var_os("HEADCOUNT_TEST_BROWSER").map_or_else(|| Path::new(FOLDER).join("target/test-browser"), PathBuf::from);
    folder.join("node_modules/puppeteer-core").is_dir().then_some(folder)
}

#[test]
fn every_page_and_every_step_in_a_browser() {
    let test = "every_page_and_every_step_in_a_browser";
    let Some(server) = tool("scim2-server") else { return skipped(test, "scim2-server") };
    let (Some(browser), Some(node)) = (program(test, &["chromium", "chromium-browser", "google-chrome"]), program(test, &["node"])) else {
        return;
    };
    let Some(modules) = modules() else {
        return eprintln!("SKIPPED {test}: it needs tests/browser/package-lock.json's packages: run tests/setup.sh, which needs npm");
    };
    let work = tempfile::tempdir().expect("a folder");
    let venv = server.parent().and_then(Path::parent).expect("the tools' folder");
    let mut check = Command::new(node);
    check.arg("tests/browser/check.mjs").arg(modules).arg(work.path()).args(std::env::var_os("HEADCOUNT_TEST_SHOTS"));
    check.current_dir(FOLDER).env("CHROMIUM", browser).env("HEADCOUNT", snapbox::cargo_bin!("headcount")).env("HEADCOUNT_TEST_VENV", venv);
    let output = check.output().expect("it runs");
    let (words, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{words}{wrong}");
}
