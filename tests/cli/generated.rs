//! Generated files: completions and manual pages.

use snapbox::str;

use super::world::applied;
use super::{Folder, headcount};

#[test]
fn every_shell_gets_a_completion_script() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = headcount(["completions", shell]).output().expect("it runs");
        assert!(output.status.success() && output.stderr.is_empty());
        let script = String::from_utf8(output.stdout).expect("text");
        assert!(script.contains("HEADCOUNT_COMPLETE") && script.contains("headcount"), "{shell}: {script}");
    }
    headcount(["completions", "csh"]).assert().code(2);
}

/// What a shell is offered for the last word of a line.
fn offered(folder: &Folder, shell: &str, line: &[&'static str]) -> Vec<String> {
    let words = ["--", "headcount"].into_iter().chain(line.iter().copied());
    let asked = folder.run(words).env("HEADCOUNT_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", line.len().to_string());
    let output = asked.env("_CLAP_IFS", "\n").output().expect("it runs");
    assert!(output.stderr.is_empty() && output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| line.split(['\t', ':']).next().unwrap_or_default().trim().to_owned()).collect()
}

#[test]
fn values_are_offered_in_every_shell() {
    let folder = applied();
    folder.write("users.yaml", "apiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {name: robot}\nspec: {}\n");
    for shell in ["bash", "zsh", "fish"] {
        assert!(offered(&folder, shell, &["hist"]).contains(&"history".to_owned()), "{shell}: commands");
        assert!(offered(&folder, shell, &["plan", "--detailed"]).contains(&"--detailed-exitcode".to_owned()), "{shell}: options");
        assert_eq!(offered(&folder, shell, &["plan", "--target", ""]), ["app"], "{shell}: targets");
        assert_eq!(offered(&folder, shell, &["plan", "-o", "m"]), ["markdown"], "{shell}: formats");
        assert_eq!(offered(&folder, shell, &["apply", "-o", ""]), ["text", "json"], "{shell}: formats that are listed");
        assert_eq!(offered(&folder, shell, &["schema", "ent"]), ["entitlement"], "{shell}: kinds");
        assert_eq!(offered(&folder, shell, &["revoke", "hr/"]), ["hr/1", "hr/2", "hr/3", "hr/4"], "{shell}: people of the state");
        assert_eq!(offered(&folder, shell, &["revoke", "user/"]), ["user/robot"], "{shell}: people of the manifests");
        assert_eq!(offered(&folder, shell, &["explain", "no"]), ["noor"], "{shell}: names of accounts");
        assert!(offered(&folder, shell, &["plan", "--select", "group/"]).contains(&"group/engineering".to_owned()), "{shell}: groups");
    }
    let elsewhere = Folder::with(&[("broken.yaml", "kind: [")]);
    assert!(offered(&elsewhere, "bash", &["plan", "--target", ""]).is_empty(), "and nothing is said of what is wrong");
}

#[test]
#[cfg(unix)]
fn bash_takes_the_script() {
    let folder = applied();
    let binary = snapbox::cargo_bin!("headcount");
    let script = "source <(headcount completions bash); COMP_WORDS=(headcount explain --target a); COMP_CWORD=3; COMP_TYPE=9; \
        _clap_complete_headcount headcount a --target 2>/dev/null; echo \"${COMPREPLY[@]}\"";
    let path = format!("{}:{}", binary.parent().expect("a folder").display(), std::env::var("PATH").unwrap_or_default());
    let output =
        std::process::Command::new("bash").args(["-c", script]).env("PATH", path).current_dir(folder.path()).output().expect("bash");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "app", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn manual_pages() {
    let folder = Folder::with(&[]);
    folder.run(["man", "--out", "."]).assert().success().stdout_eq(str![]);
    for page in ["headcount.1", "headcount-plan.1", "headcount-connector-show.1"] {
        assert!(folder.names().contains(&page.to_owned()), "{:?}", folder.names());
        let text = std::fs::read_to_string(folder.file(page)).expect("a page");
        let sections = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"];
        let mut rest = text.as_str();
        for section in sections {
            let heading = rest.find(&format!(".SH {section}\n")).or_else(|| rest.find(&format!(".SH \"{section}\"\n")));
            let at = heading.unwrap_or_else(|| panic!("{page}: {section} is missing or out of order:\n{text}"));
            rest = &rest[at + 4..];
        }
        assert!(!text.contains("EXTRA") && text.contains("HEADCOUNT_LOG") && text.contains("something is held"), "{page}");
    }
    assert!(!folder.names().iter().any(|name| name.contains("-help")), "{:?}", folder.names());
    let output = headcount(["man", "apply"]).output().expect("it runs");
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(page.contains(".TH headcount-apply") && page.contains("auto\\-approve") && page.contains("\\-\\-color"), "{page}");
    headcount(["man", "nope"]).assert().code(2).stdout_eq(str![]).stderr_eq(str![[r#"
error: there is no command "nope"
 |
 = help: `headcount --help` lists them

"#]]);
    folder.run(["man", "--out", "missing"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: can't write the manual pages to missing: No such file or directory (os error 2)

"#]]);
}

#[test]
fn help_and_version_are_words_too() {
    let text =
        |words: &[&'static str]| String::from_utf8(headcount(words.iter().copied()).output().expect("it runs").stdout).expect("text");
    assert_eq!(text(&["help"]), text(&["--help"]));
    assert_eq!(text(&["help", "plan"]), text(&["plan", "--help"]));
    assert_eq!(text(&["help", "connector", "show"]), text(&["connector", "show", "--help"]));
    headcount(["help", "paln"]).assert().code(2);
    assert_eq!(text(&["version"]), text(&["--version"]));
    let version: serde_json::Value = serde_json::from_str(&text(&["version", "-o", "json"])).expect("JSON");
    assert_eq!((&version["version"], &version["apiVersion"]), (&env!("CARGO_PKG_VERSION").into(), &"headcount.dev/v1alpha1".into()));
    assert!(version["planFormat"].is_u64() && version["stateSchema"].is_u64());
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
