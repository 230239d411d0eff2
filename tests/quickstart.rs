//! The example that the README opens with: its plan is as promised, and applying it leaves nothing to do.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::headcount;
use crate::support::{skipped, tool};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart");

/// A copy of the example's files. The folder must be kept.
fn copy() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let example = folder.path().join("examples/quickstart");
    copy_files(Path::new(EXAMPLE), &example);
    (folder, example)
}

/// What a run of the example makes begins with a dot or is the database, and stays behind.
pub fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the example").flatten() {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        if path.is_dir() && !name.starts_with('.') {
            copy_files(&path, &to.join(name));
        } else if path.is_file() && name != "app.db" {
            std::fs::copy(&path, to.join(&name)).expect("a file of the example");
            crate::support::settle(&to.join(&name));
        }
    }
}

/// The README's one command, with the headcount of this build.
fn first_plan(example: &Path, python: &Path) -> String {
    let search = std::env::var("PATH").unwrap_or_default();
    let search = format!("{}:{search}", python.parent().expect("a folder").display());
    let binary = snapbox::cargo_bin!("headcount");
    let output = Command::new(example.join("run")).env("PATH", search).env("HEADCOUNT", binary).output().expect("a shell");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{words}{}", String::from_utf8_lossy(&output.stderr));
    words
}

fn run(folder: &Path, arguments: &[&str], exit: i32) -> String {
    let output = headcount(arguments.iter().copied()).current_dir(folder).output().expect("headcount runs");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {words}{}", String::from_utf8_lossy(&output.stderr));
    words
}

fn rows(folder: &Path, sql: &str) -> Vec<String> {
    let app = rusqlite::Connection::open(folder.join("app.db")).expect("the application");
    let mut statement = app.prepare(sql).expect("a query");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

#[test]
fn the_plan_is_worth_reading_and_after_apply_nothing_is_left() {
    let Some(python) = tool("python3") else { return skipped("quickstart", "Python") };
    let (_kept, folder) = copy();
    let folder = folder.as_path();
    let plan = first_plan(folder, &python);
    for line in [
        "& hr/1002 takes over the existing account ada.okafor",
        "~ luis.ferreira is updated (hr/1003, differs from the record)",
        "^ omer.sahin gets sign-in back (hr/1035, is back)",
        "! per.holm loses sign-in (hr/1031, has left)",
        "+ 32 people get an account",
        "` runs this.",
    ] {
        assert!(plan.contains(line), "{line} in {plan}");
    }
    let full = run(folder, &["plan", "--full"], 0);
    for line in ["+ maria.silva2 gets an account (hr/1020)", "+ jane.contractor gets an account (user/jane.contractor) at users.yaml"] {
        assert!(full.contains(line), "{line} in {full}");
    }
    assert!(!full.contains("noor.haddad") && !full.contains(" admin ("), "{full}");
    assert!(!plan.contains("noor.haddad") && !plan.contains(" admin ("), "{plan}");

    run(folder, &["apply", "--auto-approve"], 0);
    let plan = run(folder, &["plan", "--detailed-exitcode"], 0);
    assert!(plan.contains("No changes") && plan.contains("notes stand as before"), "{plan}");
    assert!(run(folder, &["plan", "--full"], 0).contains("groups can't be nested here"));

    let team = |name: &str| {
        let from = "FROM users JOIN team_members ON user_id = users.id JOIN teams ON teams.id = team_id";
        rows(folder, &format!("SELECT login {from} WHERE name = '{name}' ORDER BY login"))
    };
    assert_eq!(team("Works Council"), ["hannah.gross", "markus.backer", "omer.sahin"]);
    assert_eq!(team("Design"), ["katarzyna.zak", "oluwaseun.adeyemi"]);
    assert_eq!(team("Support Lisbon"), ["ines.carvalho", "joao.pereira", "luis.ferreira", "maria.silva2"]);
    assert_eq!(team("Administrators"), ["admin"]);
    assert_eq!(rows(folder, "SELECT login FROM users WHERE deactivated_at IS NOT NULL ORDER BY login"), ["maria.silva", "per.holm"]);
    let managers = "SELECT users.login || ' < ' || boss.login FROM users JOIN users AS boss ON boss.id = users.manager_id";
    assert!(rows(folder, managers).contains(&"eszter.szabo < liam.oconnor".to_owned()));
}

#[test]
fn its_teams_are_imported_and_the_plan_is_empty_then() {
    let Some(python) = tool("python3") else { return skipped("quickstart import", "Python") };
    let (_kept, folder) = copy();
    let folder = folder.as_path();
    first_plan(folder, &python);
    run(folder, &["apply", "--auto-approve"], 0);
    // As if people had made the teams: no mark, no memory, no manifest.
    let app = rusqlite::Connection::open(folder.join("app.db")).expect("the application");
    app.execute_batch("UPDATE teams SET external_ref = NULL").expect("the teams");
    std::fs::remove_dir_all(folder.join(".headcount")).expect("the state");
    std::fs::remove_file(folder.join("groups.yaml")).expect("the groups");

    let told = run(folder, &["import", "intranet", "--kind", "group"], 0);
    assert!(told.contains("plan right after: nothing changes for anybody"), "{told}");
    let groups = std::fs::read_to_string(folder.join("groups.yaml")).expect("the groups");
    assert!(groups.contains("displayName: Works Council\n  members:\n  - {identity: {source: hr, key: \"10"), "{groups}");
    run(folder, &["apply", "--auto-approve"], 0);
    run(folder, &["plan", "--detailed-exitcode"], 0);
    let without: Vec<&str> = groups.lines().filter(|line| !line.contains("# omer.sahin")).collect();
    std::fs::write(folder.join("groups.yaml"), without.join("\n")).expect("the groups");
    let plan: serde_json::Value = serde_json::from_str(&run(folder, &["plan", "-o", "json"], 0)).expect("JSON");
    assert_eq!(plan["changes"].as_array().map(Vec::len), Some(1), "{plan:#}");
}

#[test]
fn its_personas_pass_and_exercise_every_rule() {
    let (_kept, folder) = copy();
    let told = run(&folder, &["test", "--strict"], 0);
    assert!(told.contains("8 personas: 8 passed"), "{told}");
}

/// `just picture` makes it anew.
#[test]
fn the_picture_in_the_readme_is_what_the_plan_looks_like() {
    let Some(python) = tool("python3") else { return skipped("the README's picture", "Python") };
    let (_kept, folder) = copy();
    first_plan(&folder, &python);
    let people = ["per.holm", "tomas.novak", "luis.ferreira", "omer.sahin", "maria.silva*"];
    let selected = people.iter().flat_map(|name| ["--select", name]);
    let plan = headcount(["plan", "--color", "always"].into_iter().chain(selected)).env("COLUMNS", "96").current_dir(&folder);
    // As it is: a backslash that goes on with a command is no path.
    plan.assert().success().stdout_eq(snapbox::file!["../docs/plan.svg": TermSvg].raw());
}
