//! Pages and reports in a real browser: what each looks like, and what people do there. Pages signed in at a real provider, with and without script
//! (`tests/browser/check.mjs`).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{program, skipped, tool};

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// Where tests/setup.sh puts what drives a browser.
fn modules() -> Option<PathBuf> {
    let folder = std::env::var_os("HEADCOUNT_TEST_BROWSER").map_or_else(|| Path::new(FOLDER).join("target/test-browser"), PathBuf::from);
    folder.join("node_modules/puppeteer-core").is_dir().then_some(folder)
}

/// Where there are a browser and Node, what drives them is to be there, too.
const PACKAGES: &str = "the packages of tests/browser/package-lock.json, for which there has to be npm";

#[test]
fn every_page_and_every_step_in_a_browser() {
    let test = "every_page_and_every_step_in_a_browser";
    let Some(server) = tool("scim2-server") else { return skipped(test, "scim2-server") };
    let (Some(browser), Some(node)) = (program(test, &["chromium", "chromium-browser", "google-chrome"]), program(test, &["node"])) else {
        return;
    };
    let Some(modules) = modules() else { return skipped(test, PACKAGES) };
    let work = tempfile::tempdir().expect("a folder");
    let venv = server.parent().and_then(Path::parent).expect("the tools' folder");
    let mut check = Command::new(node);
    check.arg("tests/browser/check.mjs").arg(modules).arg(work.path()).args(std::env::var_os("HEADCOUNT_TEST_SHOTS"));
    check.current_dir(FOLDER).env("CHROMIUM", browser).env("HEADCOUNT", snapbox::cargo_bin!("headcount")).env("HEADCOUNT_TEST_VENV", venv);
    let output = check.output().expect("it runs");
    let (words, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{words}{wrong}");
}

/// Reports of reviews with 0, 3, 60, 2,000 and 10,000 changes, opened as the files they are (`tests/browser/report.mjs`).
#[test]
fn a_report_is_searched_filtered_and_opened_by_mouse_and_by_keyboard() {
    let test = "a_report_is_searched_filtered_and_opened_by_mouse_and_by_keyboard";
    let (Some(browser), Some(node)) = (program(test, &["chromium", "chromium-browser", "google-chrome"]), program(test, &["node"])) else {
        return;
    };
    let Some(modules) = modules() else { return skipped(test, PACKAGES) };
    let folder = crate::cli::world::acme();
    let mut check = Command::new(node);
    check.arg("tests/browser/report.mjs").arg(modules).args(std::env::var("HEADCOUNT_TEST_SHOTS").map(|to| format!("SHOTS={to}")));
    // Everybody gets an account, and every second one comes into the new group: that is one line. Of nobody nothing is told.
    for people in [0, 2, 40, 1_333, 6_666] {
        let rows: String = (1..=people).map(|at| format!("{at},p{at},Person {at},{},\n", ["Support", "Engineering"][at % 2])).collect();
        folder.write("hr.csv", &format!("id,user,name,department,end\n{rows}"));
        let (name, lines) = (format!("report-{people}.html"), if people == 0 { 0 } else { people + 1 });
        let view = format!("html={name}");
        let only: &[&str] = if people == 0 { &["--select", "nobody"] } else { &[] };
        folder.run(["plan", "-q", "-o", &view].iter().chain(only).copied()).output().expect("it runs");
        check.arg(format!("{}={lines}", folder.file(&name).display()));
    }
    let output = check.current_dir(FOLDER).env("CHROMIUM", browser).output().expect("it runs");
    let (words, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{words}{wrong}");
}
