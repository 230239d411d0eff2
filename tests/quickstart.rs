//! The example that the README opens with: its plan is as promised, and applying it leaves nothing to do.

use std::path::Path;

use crate::cli::headcount;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart");

/// A copy of the example with its application's database.
fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["hr.csv", "workspace.yaml", "sources.yaml", "targets.yaml", "groups.yaml", "users.yaml"] {
        std::fs::copy(Path::new(EXAMPLE).join(name), folder.path().join(name)).expect("the example");
    }
    let sql = std::fs::read_to_string(Path::new(EXAMPLE).join("app.sql")).expect("the application");
    rusqlite::Connection::open(folder.path().join("app.db")).and_then(|app| app.execute_batch(&sql)).expect("the application");
    folder
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
    let folder = copy();
    let folder = folder.path();
    let plan = run(folder, &["plan"], 0);
    for line in [
        "& adopt      ada.okafor",
        "& adopt      omer.sahin",
        "! deactivate per.holm (hr/1031, leaver)",
        "+ create     maria.silva2 (hr/1020, joiner)",
        "+ create     jane.contractor (user/jane.contractor, joiner)",
    ] {
        assert!(plan.contains(line), "{line} in {plan}");
    }
    assert!(!plan.contains("noor.haddad") && !plan.contains(" admin ("), "{plan}");

    run(folder, &["apply", "--auto-approve"], 0);
    let plan = run(folder, &["plan", "--detailed-exitcode"], 0);
    assert!(plan.contains("No changes"), "{plan}");

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
