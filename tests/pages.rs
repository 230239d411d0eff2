//! The commands of the pages run: each line of a fenced `sh` block, in a workspace like the one that the page speaks of, against a real SCIM server.
//!
//! A block that is opened by `sh example` is one: it runs nowhere here, because it needs somebody's CI, network or service. What a line must end with, if
//! not 0, stands behind it: `# ends with 3`. A block that is opened by `console` shows a command behind `$ ` and what it prints, which is what it prints today;
//! a line `...` stands for what is left out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::Folder;
use crate::support::scim2::Scim2Server;
use crate::support::{skipped, tool};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// An export as it comes: a title, semicolons, the encoding of an office, a name with an apostrophe, a total.
const EXPORT: &str = "Personalliste, Stand 28.11.2026;;;;;;;\r\n\
Personalnr;Name;Vorname;Abteilung;E-Mail;Status;Eintritt;Austritt\r\n\
1001;M\u{fc}ller;J\u{fc}rgen;Vertrieb;j.mueller@acme.example;aktiv;01.02.2019;\r\n\
1002;O'Neil;Se\u{e1}n;Vertrieb;s.oneil@acme.example;aktiv;15.06.2020;\r\n\
1003;van der Berg;Anna-Lena;Einkauf;a.berg@acme.example;aktiv;01.01.2021;\r\n\
1004;Gro\u{df};Zo\u{eb};Einkauf;z.gross@acme.example;ausgeschieden;01.01.2015;31.12.2022\r\n\
Summe;4;;;;;;\r\n";

/// What stands on the pages in the place of a service.
const SERVICE: &str = "https://chat.example.com/scim/v2";

/// Commands that only have to be there: they build, or run every test.
const BUILDS: &[&str] = &["cargo install --path .", "tests/run", "examples/acme/run", "examples/vendors/run"];

#[test]
fn the_readme_leads_from_nothing_to_an_empty_second_plan() {
    page("README.md", 12);
}

#[test]
fn what_the_readme_shows_of_a_manifest_is_what_init_writes() {
    let folder = Folder::with(&[]);
    crate::support::write_settled(&folder.file("people.csv"), export());
    folder.run(["init", "acme", "--from", "people.csv", "--scim", SERVICE]).assert().success();
    let written = std::fs::read_to_string(folder.file("acme/headcount.yaml")).expect("it was written");
    let readme = std::fs::read_to_string(Path::new(ROOT).join("README.md")).expect("the README");
    let source = |text: &str, start: &str, end: &str| {
        let rest = text.split(start).find(|part| part.starts_with("apiVersion: headcount.dev/v1alpha1\nkind: Source\n"));
        rest.and_then(|rest| rest.split(end).next()).map(str::to_owned)
    };
    assert_eq!(source(&readme, "```yaml\n", "```"), source(&written, "---\n", "---\n"));
    assert!(source(&readme, "```yaml\n", "```").is_some(), "{readme}");
}

#[test]
fn whole_manifests_on_the_pages_are_valid() {
    let mut seen = 0;
    for page in ["README.md", "docs/scim.md", "docs/takeover.md"] {
        let text = std::fs::read_to_string(Path::new(ROOT).join(page)).expect("a page");
        let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
        for block in blocks.filter(|block| block.starts_with("apiVersion: headcount.dev")) {
            let workspace = "---\napiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec: {id: acme, allowedDirectories: [..]}\n";
            let folder = Folder::with(&[("headcount.yaml", &format!("{block}{workspace}"))]);
            folder.run(["validate", "--manifests-only"]).assert().success();
            seen += 1;
        }
    }
    assert!(seen >= 3, "{seen}");
}

#[test]
fn the_page_of_scim() {
    page("docs/scim.md", 3);
}

#[test]
fn the_page_of_ci_and_state() {
    page("docs/ci.md", 8);
}

#[test]
fn the_page_of_backup() {
    page("docs/backup.md", 9);
}

#[test]
fn the_runbook() {
    page("docs/runbook.md", 11);
}

#[test]
fn taking_over_a_company() {
    page("docs/takeover.md", 9);
}

#[test]
fn personas() {
    page("docs/personas.md", 6);
}

#[test]
fn the_page_of_the_quickstart() {
    page("examples/quickstart/README.md", 4);
}

/// `acme.rs` runs the example itself, and holds against its page what it says.
#[test]
fn the_page_of_acme() {
    page("examples/acme/README.md", 1);
}

#[test]
fn the_page_of_django() {
    page("examples/django/README.md", 3);
}

/// Whatever a page shows of a long output stands there, in this order.
pub fn shows(name: &str, output: &str) {
    let text = std::fs::read_to_string(Path::new(ROOT).join(name)).expect("a page");
    let steps = steps(&text).into_iter().filter_map(|step| Some((step.at, step.shown?)));
    let (mut rest, mut seen) = (timeless(output), 0);
    for (at, shown) in steps {
        rest = follows(&rest, &shown).unwrap_or_else(|missing| panic!("{name}:{at}: {missing}\nis not what is printed, which is\n{rest}"));
        seen += shown.len();
    }
    assert!(seen > 3, "{name}: only {seen} excerpts were looked at");
}

/// What stands behind the last of these excerpts, or the first that is not there.
fn follows(output: &str, shown: &[String]) -> Result<String, String> {
    let mut rest = output;
    for excerpt in shown {
        let wanted = timeless(excerpt);
        // Whole lines: the end of another one is something else.
        let at = format!("\n{rest}").find(&format!("\n{wanted}")).ok_or(wanted.clone())?;
        rest = rest.get(at + wanted.len()..).unwrap_or_default();
    }
    Ok(rest.to_owned())
}

/// Days, times and the names of runs are other ones every time; a line's end says nothing.
fn timeless(text: &str) -> String {
    let word = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        let day = |part: &[char]| {
            part.iter().zip("0000-00-00".chars()).all(|(letter, form)| if form == '0' { letter.is_ascii_digit() } else { *letter == form })
        };
        for at in 0..letters.len().saturating_sub(9) {
            if day(&letters[at..at + 10]) {
                letters[at..at + 10].fill('D');
            }
        }
        let run = letters.len() >= 25
            && letters[8] == 'T'
            && letters[15] == 'Z'
            && letters[16] == '-'
            && letters[..8].iter().all(char::is_ascii_digit);
        if run { "RUN".to_owned() } else { letters.into_iter().collect::<String>() }
    };
    let line = |line: &str| line.trim_end().split(' ').map(word).collect::<Vec<_>>().join(" ") + "\n";
    text.lines().map(line).collect()
}

/// Runs a page from its beginning to its end.
fn page(name: &str, least: usize) {
    let (Some(server), Some(python)) = (Scim2Server::start(), tool("python3")) else { return skipped(name, "scim2-server and Python") };
    let world = World::new(&server, &python);
    let text = std::fs::read_to_string(Path::new(ROOT).join(name)).expect("a page");
    let mut ran = 0;
    for Step { at, command: line, shown } in steps(&text) {
        if BUILDS.iter().any(|build| line.starts_with(build)) {
            let file = line.split_whitespace().next().filter(|word| word.contains('/')).unwrap_or("Cargo.toml");
            assert!(Path::new(ROOT).join(file).exists(), "{name}:{at}: {file} is not there");
            continue;
        }
        // What stands in the page of an example that is run as a whole is looked at there.
        if shown.is_some() && text.contains("Taken from a run") {
            continue;
        }
        let told = world.run(name, at, &line);
        let missing = shown.and_then(|shown| follows(&timeless(&told), &shown).err());
        assert_eq!(missing, None, "{name}:{at}: {line} says\n{told}");
        ran += 1;
    }
    assert!(ran >= least, "{name}: only {ran} commands ran");
}

/// A command of a page.
struct Step {
    /// its line
    at: usize,
    command: String,
    /// what the page shows of its output, between what it leaves out
    shown: Option<Vec<String>>,
}

/// The commands of blocks that are run.
fn steps(text: &str) -> Vec<Step> {
    let (mut inside, mut found): (&str, Vec<Step>) = ("", Vec::new());
    for (at, line) in text.lines().enumerate() {
        let at = at + 1;
        match (line.trim(), inside) {
            ("```sh", _) => inside = "sh",
            ("```console", _) => inside = "console",
            (fence, _) if fence.starts_with("```") => inside = "",
            (command, "sh") if !command.is_empty() && !command.starts_with('#') => {
                found.push(Step { at, command: command.to_owned(), shown: None });
            }
            (_, "console") => match (line.strip_prefix("$ "), found.last_mut().and_then(|step| step.shown.as_mut())) {
                (Some(command), _) => found.push(Step { at, command: command.to_owned(), shown: Some(vec![String::new()]) }),
                (None, Some(shown)) if line == "..." => shown.push(String::new()),
                (None, Some(shown)) => {
                    if let Some(excerpt) = shown.last_mut() {
                        excerpt.push_str(line);
                        excerpt.push('\n');
                    }
                }
                (None, None) => panic!("line {at}: no command stands above it"),
            },
            _ => {}
        }
    }
    let trimmed = |excerpt: &String| excerpt.trim_matches('\n').to_owned();
    for shown in found.iter_mut().filter_map(|step| step.shown.as_mut()) {
        *shown = shown.iter().map(trimmed).filter(|excerpt| !excerpt.is_empty()).collect();
    }
    found
}

/// The export's bytes.
fn export() -> Vec<u8> {
    EXPORT.chars().map(|letter| u8::try_from(u32::from(letter)).expect("a letter of Windows-1252")).collect()
}

/// Somebody who cloned the repository has its history.
fn cloned(folder: &Path) {
    for command in ["init -q -b main", "add -A", "-c user.name=tester -c user.email=tester@acme.example commit -q -m examples"] {
        let done = Command::new("git").args(command.split(' ')).current_dir(folder).status().expect("git runs");
        assert!(done.success(), "git {command}");
    }
}

/// A folder with the export and a copy of the examples, as somebody has it who cloned the repository.
struct World {
    folder: tempfile::TempDir,
    path: String,
    venv: PathBuf,
    service: String,
    token: String,
}

impl World {
    fn new(server: &Scim2Server, python: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        crate::support::write_settled(&folder.path().join("people.csv"), export());
        for example in ["examples/quickstart", "examples/acme", "examples/django"] {
            crate::quickstart::copy_files(&Path::new(ROOT).join(example), &folder.path().join(example));
        }
        cloned(folder.path());
        let binary: PathBuf = snapbox::cargo_bin!("headcount").into();
        let search = [binary.parent().expect("a folder"), python.parent().expect("a folder")].map(|part| part.display().to_string());
        let path = format!("{}:{}", search.join(":"), std::env::var("PATH").unwrap_or_default());
        let venv = std::path::absolute(python.ancestors().nth(2).expect("a folder")).expect("a path");
        // Where `tests/setup.sh` puts it, whose programs a page may name.
        std::fs::create_dir_all(folder.path().join("target")).expect("a folder");
        std::os::unix::fs::symlink(&venv, folder.path().join("target/test-venv")).expect("a link");
        Self { folder, path, venv, service: server.url(), token: server.token().to_owned() }
    }

    /// What it says.
    fn run(&self, page: &str, at: usize, line: &str) -> String {
        let (command, comment) = line.split_once(" #").unwrap_or((line, ""));
        let wanted = comment.split_once("ends with ").and_then(|(_, code)| code.get(..1)?.parse().ok()).unwrap_or(0);
        // Nobody is there to say yes.
        let mut command = command.replace(SERVICE, &self.service).replace("cargo run -- ", "headcount ");
        if command.trim_start().starts_with("headcount apply") && !command.contains(".json") && !command.contains("--auto-approve") {
            command.push_str(" --auto-approve");
        }
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &command])
            .current_dir(self.folder.path())
            .env("PATH", &self.path)
            .env("HEADCOUNT", snapbox::cargo_bin!("headcount"))
            .env("HEADCOUNT_TEST_VENV", &self.venv)
            .env("SCIM_TOKEN", &self.token)
            .env("USER", "tester")
            .stdin(Stdio::null())
            .output()
            .expect("a shell");
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(wanted), "{page}:{at}: {command}\n{told}");
        if let Some((_, words)) = comment.split_once("says ") {
            let words = words.trim_end_matches(['.', ' ']);
            assert!(told.contains(words), "{page}:{at}: {command}: {words:?} in\n{told}");
        }
        told
    }
}
