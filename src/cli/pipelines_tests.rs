//! The pipelines that are there to be copied, and those of this repository: they are YAML, every action is named by its full commit, each headcount command in them
//! is one that this binary takes, and their shell is shell.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use serde_json::Value;

use super::Cli;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Every file with steps in it.
fn pipelines() -> Vec<(PathBuf, Value)> {
    let mut files = vec![PathBuf::from("action.yml"), PathBuf::from(".pre-commit-hooks.yaml")];
    for folder in ["examples/ci", ".github/workflows"] {
        let listed =
            std::fs::read_dir(Path::new(ROOT).join(folder)).expect(folder).flatten().map(|entry| Path::new(folder).join(entry.file_name()));
        files.extend(listed.filter(|path| path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml")));
    }
    files.sort();
    assert!(files.len() >= 9, "{files:?}");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(Path::new(ROOT).join(&path)).expect("a pipeline");
        let value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, value)
    };
    files.into_iter().map(read).collect()
}

/// Every text in a document, with the name that it stands behind.
fn texts<'v>(value: &'v Value, name: &'v str, found: &mut Vec<(&'v str, &'v str)>) {
    match value {
        Value::String(text) => found.push((name, text)),
        Value::Array(items) => items.iter().for_each(|item| texts(item, name, found)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| texts(value, name, found)),
        _ => {}
    }
}

/// The commands of a script that begin with `headcount`, each as its words. A value that is known only there stands as 7.
fn commands(script: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for line in script.replace("\\\n", " ").lines().filter(|line| !line.trim_start().starts_with('#')) {
        let mut words: Vec<String> = Vec::new();
        let mut end = |words: &mut Vec<String>| {
            let command = std::mem::take(words);
            commands.extend(command.iter().position(|word| word == "headcount").filter(|at| *at == 0).map(|_| command.clone()));
        };
        for word in split(line) {
            match word.as_str() {
                "&&" | "||" | ";" | "|" => end(&mut words),
                ">" | ">>" => break,
                word if word.contains('$') => words.push("7".to_owned()),
                word => words.push(word.to_owned()),
            }
        }
        end(&mut words);
    }
    commands
}

/// Words as a shell makes them, as far as pipelines go: blanks, quotes, a comment at the end, `${{ … }}` as one.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quote, mut depth) = (None, 0);
    for sign in line.chars() {
        match (sign, quote) {
            ('"' | '\'', None) => quote = Some(sign),
            (sign, Some(open)) if sign == open => quote = None,
            ('{', _) => depth += 1,
            ('}', _) => depth -= 1,
            (' ', None) if depth == 0 => words.push(String::new()),
            ('#', None) if words.last().is_some_and(String::is_empty) => break,
            (sign, _) => words.last_mut().expect("a word").push(sign),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_in_a_pipeline_is_one_that_headcount_takes() {
    let mut seen = 0;
    for (path, value) in pipelines() {
        let mut found = Vec::new();
        texts(&value, "", &mut found);
        for (_, script) in found.iter().filter(|(name, _)| ["run", "script", "after_script", "entry"].contains(name)) {
            for command in commands(script) {
                seen += 1;
                if let Err(error) = Cli::try_parse_from(&command) {
                    panic!("{}: {}\n{error}", path.display(), command.join(" "));
                }
            }
        }
    }
    assert!(seen >= 12, "only {seen} commands were found");
}

#[test]
fn what_is_no_command_is_seen() {
    let script = "git fetch && headcount diff --bsae main \\\n  -f x || headcount plan -o \"markdown=a b.md\" # headcount x\nFOO=1 echo headcount\n# headcount nothing";
    let found = commands(script);
    assert_eq!(found, [vec!["headcount", "diff", "--bsae", "main", "-f", "x"], vec!["headcount", "plan", "-o", "markdown=a b.md"]]);
    assert!(Cli::try_parse_from(&found[0]).is_err() && Cli::try_parse_from(&found[1]).is_ok());
    assert_eq!(
        commands("headcount comment c.md --number ${{ github.event.number }}"),
        [vec!["headcount", "comment", "c.md", "--number", "7"]]
    );
}

#[test]
fn actions_are_named_by_their_full_commit_and_jobs_say_their_rights() {
    let mut uses = 0;
    for (path, value) in pipelines() {
        let mut found = Vec::new();
        texts(&value, "", &mut found);
        for (_, action) in found.iter().filter(|(name, _)| *name == "uses") {
            uses += 1;
            let commit = action.split_once('@').map_or("", |(_, commit)| commit);
            assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}: {action}", path.display());
        }
        let has_jobs = value.get("jobs").and_then(Value::as_object);
        assert!(has_jobs.is_none() || value.get("permissions").is_some(), "{}: nothing says what its token may", path.display());
        let script = |name: &str| name == "run" || name == "script";
        let written = found.iter().filter(|(name, _)| script(name)).find(|(_, text)| text.contains("${{"));
        assert!(written.is_none(), "{}: what somebody else writes must come as a variable: {written:?}", path.display());
    }
    assert!(uses > 10, "{uses}");
}

/// By shellcheck where it is installed, and by bash itself.
#[test]
#[cfg(unix)]
fn shell_is_shell() {
    let mut scripts: Vec<(String, String)> = Vec::new();
    for file in ["packaging/install.sh", "packaging/archive.sh"] {
        scripts.push((file.to_owned(), std::fs::read_to_string(Path::new(ROOT).join(file)).expect(file)));
    }
    for (path, value) in pipelines() {
        let mut found = Vec::new();
        texts(&value, "", &mut found);
        scripts.extend(
            found.iter().filter(|(name, _)| *name == "run").map(|(_, text)| (path.display().to_string(), format!("#!/bin/bash\n{text}\n"))),
        );
    }
    assert!(scripts.len() > 12);
    let folder = tempfile::tempdir().expect("a folder");
    let shellcheck = Command::new("shellcheck").arg("--version").output().is_ok();
    for (at, (name, text)) in scripts.iter().enumerate() {
        let file = folder.path().join(format!("{at}.sh"));
        std::fs::write(&file, text).expect("written");
        let told = Command::new("bash").arg("-n").arg(&file).output().expect("bash");
        assert!(told.status.success(), "{name}: {}", String::from_utf8_lossy(&told.stderr));
        if shellcheck {
            let told = Command::new("shellcheck").args(["-S", "warning", "-s", "bash"]).arg(&file).output().expect("shellcheck");
            assert!(told.status.success(), "{name}: {}", String::from_utf8_lossy(&told.stdout));
        }
    }
}

/// The archive that a release has, as far as the installer looks at it.
#[test]
#[cfg(target_os = "linux")]
fn an_archive_is_installed_only_if_it_is_what_the_release_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let releases = folder.path().join("releases/v9.9.9");
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let name = format!("headcount-9.9.9-{target}");
    let inner = folder.path().join(&name);
    std::fs::create_dir_all(&releases).and_then(|()| std::fs::create_dir(&inner)).expect("folders");
    std::fs::write(inner.join("headcount"), "#!/bin/sh\necho headcount 9.9.9\n").expect("written");
    let archive = releases.join(format!("{name}.tar.gz"));
    let packed = Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(folder.path()).arg(&name).status().expect("tar");
    assert!(packed.success());
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &std::fs::read(&archive).expect("the archive"));
    let sum: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let install = |sums: &str, own: &str| {
        std::fs::write(releases.join("SHA256SUMS"), sums).expect("written");
        let mut command = Command::new(Path::new(ROOT).join("packaging/install.sh"));
        command.env("HEADCOUNT_VERSION", "9.9.9").env("HEADCOUNT_SHA256", own).env("HEADCOUNT_BIN", folder.path().join("bin"));
        let releases = format!("file://{}", folder.path().join("releases").display());
        let output = command.env("HEADCOUNT_RELEASES", releases).output().expect("it runs");
        let there = std::fs::remove_file(folder.path().join("bin/headcount")).is_ok();
        (output.status.success(), there, format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
    };
    let line = format!("{sum}  {name}.tar.gz\n");
    let (done, there, told) = install(&line, "");
    assert!(done && there && told.contains("headcount 9.9.9"), "{told}");
    assert!(install(&line, &sum).0);
    for (sums, own, words) in [
        (format!("{}  {name}.tar.gz\n", "0".repeat(64)), "", "nothing was installed; it was changed or cut off"),
        (format!("{sum}  another.tar.gz\n"), "", "has no line for"),
        (String::new(), "", "has no line for"),
        (line.clone(), "0000", "that you ask for: nothing was installed"),
    ] {
        let (done, there, told) = install(&sums, own);
        assert!(!done && !there && told.contains(words), "{words}: {told}");
    }
}
