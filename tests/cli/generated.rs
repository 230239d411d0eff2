//! Generated files: completions and manual pages.

use snapbox::str;

use super::{Folder, headcount};

#[test]
fn every_shell_gets_a_completion_script() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = headcount(["completions", shell]).output().expect("it runs");
        assert!(output.status.success() && output.stderr.is_empty());
        let script = String::from_utf8(output.stdout).expect("text");
        assert!(script.contains("detailed-exitcode"), "{shell} knows plan's options");
    }
    headcount(["completions", "csh"]).assert().code(2);
}

#[test]
fn manual_pages() {
    let folder = Folder::with(&[]);
    folder.run(["man", "--out", "."]).assert().success().stdout_eq(str![]);
    assert!(folder.names().contains(&"headcount-plan.1".to_owned()), "{:?}", folder.names());
    let output = headcount(["man", "apply"]).output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains(".TH"));
    headcount(["man", "nope"]).assert().code(2).stdout_eq(str![]).stderr_eq(str![[r#"
error: there is no command "nope"
 |
 = help: `headcount --help` lists them

"#]]);
    folder.run(["man", "--out", "missing"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: can't write the manual pages to missing: No such file or directory (os error 2)

"#]]);
}

/// A pipe that is closed early is how `| head` works, not an error worth words.
#[test]
#[cfg(unix)]
fn a_closed_pipe_is_no_noise() {
    let script =
        format!("{} completions bash | head -c 10 > /dev/null; echo ${{PIPESTATUS[0]}}", snapbox::cargo_bin!("headcount").display());
    let output = std::process::Command::new("bash").args(["-c", &script]).output().expect("bash");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    // Whether the writer notices depends on who is faster.
    assert!(["0\n", "141\n"].contains(&String::from_utf8_lossy(&output.stdout).as_ref()));
}
