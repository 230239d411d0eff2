//! The dashboard's example: acme's company with a plan that waits and somebody who was cut off. Each of its pages answers.

use std::process::Command;

use crate::support::{skipped, tool};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/dashboard");

#[test]
fn each_page_of_acme_s_company_answers() {
    let Some(server) = tool("scim2-server") else { return skipped("the dashboard's example", "scim2-server") };
    let folder = tempfile::tempdir().expect("a folder");
    let venv = server.parent().and_then(std::path::Path::parent).expect("the tools' folder");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    let mut run = Command::new(format!("{EXAMPLE}/run"));
    run.arg("--check").env("HEADCOUNT", snapbox::cargo_bin!("headcount")).env("HEADCOUNT_TEST_VENV", venv);
    run.env("WORK", folder.path().join("work")).env("PORT", port.to_string());
    let output = run.output().expect("a shell");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{words}{}", String::from_utf8_lossy(&output.stderr));
    let sizes: Vec<u64> = words.lines().filter_map(|line| line.strip_suffix(" bytes")?.rsplit(' ').next()?.parse().ok()).collect();
    assert!(sizes.len() == 13 && sizes.iter().all(|bytes| (1000..300_000).contains(bytes)), "{words}");
}
