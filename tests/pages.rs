//! The commands of the pages run: each line of a fenced `sh` block, in a workspace like the one that the page speaks of, against a real SCIM server.
//!
//! A block that is opened by `sh example` is one: it runs nowhere here, because it needs somebody's CI, network or service. What a line must end with, if
//! not 0, stands behind it: `# ends with 3`.

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
const BUILDS: &[&str] = &["cargo install --path .", "tests/run"];

#[test]
fn the_readme_leads_from_nothing_to_an_empty_second_plan() {
    page("README.md", 12);
}

#[test]
fn what_the_readme_shows_of_a_manifest_is_what_init_writes() {
    let folder = Folder::with(&[]);
    std::fs::write(folder.file("people.csv"), export()).expect("a file");
    folder.run(["init", "--from", "people.csv"]).assert().success();
    let written = std::fs::read_to_string(folder.file("headcount.yaml")).expect("it was written");
    let readme = std::fs::read_to_string(Path::new(ROOT).join("README.md")).expect("the README");
    let shown: Vec<&str> = readme.lines().map(str::trim).filter(|line| line.starts_with("- {attribute: ")).collect();
    assert!(shown.len() >= 3, "{shown:?}");
    for line in shown {
        assert!(written.contains(line), "{line} in\n{written}");
    }
}

#[test]
fn whole_manifests_on_the_pages_are_valid() {
    let mut seen = 0;
    for page in ["README.md", "docs/scim.md", "docs/takeover.md"] {
        let text = std::fs::read_to_string(Path::new(ROOT).join(page)).expect("a page");
        let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
        for block in blocks.filter(|block| block.starts_with("apiVersion: headcount.dev")) {
            let workspace = "---\napiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec: {id: acme}\n";
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
fn the_runbook() {
    page("docs/runbook.md", 11);
}

#[test]
fn taking_over_a_company() {
    page("docs/takeover.md", 9);
}

/// Runs a page from its beginning to its end.
fn page(name: &str, least: usize) {
    let (Some(server), Some(python)) = (Scim2Server::start(), tool("python3")) else { return skipped(name, "scim2-server and Python") };
    let world = World::new(&server, &python);
    let text = std::fs::read_to_string(Path::new(ROOT).join(name)).expect("a page");
    let mut ran = 0;
    for (at, line) in commands(&text) {
        if BUILDS.iter().any(|build| line.starts_with(build)) {
            let file = line.split_whitespace().next().filter(|word| word.contains('/')).unwrap_or("Cargo.toml");
            assert!(Path::new(ROOT).join(file).exists(), "{name}:{at}: {file} is not there");
            continue;
        }
        world.run(name, at, &line);
        ran += 1;
    }
    assert!(ran >= least, "{name}: only {ran} commands ran");
}

/// The lines of blocks that are run, with their numbers.
fn commands(text: &str) -> Vec<(usize, String)> {
    let (mut inside, mut found) = (false, Vec::new());
    for (at, line) in text.lines().enumerate() {
        match line.trim() {
            "```sh" => inside = true,
            fence if fence.starts_with("```") => inside = false,
            command if inside && !command.is_empty() && !command.starts_with('#') => found.push((at + 1, command.to_owned())),
            _ => {}
        }
    }
    found
}

/// The export's bytes.
fn export() -> Vec<u8> {
    EXPORT.chars().map(|letter| u8::try_from(u32::from(letter)).expect("a letter of Windows-1252")).collect()
}

/// A folder with the export and a copy of the examples, as somebody has it who cloned the repository.
struct World {
    folder: tempfile::TempDir,
    path: String,
    service: String,
    token: String,
}

impl World {
    fn new(server: &Scim2Server, python: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("people.csv"), export()).expect("a file");
        crate::quickstart::copy_files(&Path::new(ROOT).join("examples/quickstart"), &folder.path().join("examples/quickstart"));
        let binary: PathBuf = snapbox::cargo_bin!("headcount").into();
        let search = [binary.parent().expect("a folder"), python.parent().expect("a folder")].map(|part| part.display().to_string());
        let path = format!("{}:{}", search.join(":"), std::env::var("PATH").unwrap_or_default());
        Self { folder, path, service: server.url(), token: server.token().to_owned() }
    }

    fn run(&self, page: &str, at: usize, line: &str) {
        let (command, comment) = line.split_once(" #").unwrap_or((line, ""));
        let wanted = comment.split_once("ends with ").and_then(|(_, code)| code.get(..1)?.parse().ok()).unwrap_or(0);
        // Nobody is there to say yes.
        let mut command = command.replace(SERVICE, &self.service);
        if command.trim_start().starts_with("headcount apply") && !command.contains(".json") && !command.contains("--auto-approve") {
            command.push_str(" --auto-approve");
        }
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &command])
            .current_dir(self.folder.path())
            .env("PATH", &self.path)
            .env("HEADCOUNT", snapbox::cargo_bin!("headcount"))
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
    }
}
