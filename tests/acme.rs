//! The example with everything: two HR systems, a directory, an intranet and a chat. It runs from its beginning to its end, and its personas pass.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::headcount;
use crate::support::{skipped, tool};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/acme");

#[test]
fn the_personas_of_acme_pass_offline() {
    let output = headcount(["test", "-f", EXAMPLE]).output().expect("headcount runs");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{words}{}", String::from_utf8_lossy(&output.stderr));
    assert!(words.contains("personas: "), "{words}");
}

#[test]
fn acme_from_the_first_plan_to_a_revocation() {
    if tool("scim2-server").is_none() {
        return skipped("acme", "scim2-server");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let example = folder.path().join("examples/acme");
    copy(Path::new(EXAMPLE), &example);
    let told = run(&example);
    crate::pages::shows("examples/acme/README.md", &told);
    for words in [
        // the first plan, and what is to come
        "80 to create, 2 to take over",
        "aoife.byrne (people/1033) starts",
        "malin.ek (people/1032): last day",
        "No changes. Everything is as declared.",
        // one whom no rule may join, and what a User makes of it
        "people/1037: by its",
        "people/1037 and brightwell/BW-07 are one person from now on",
        "limit  500 → 2000",
        "Staff Engineer",
        // what is the same is told once
        "group/on-call: member, for the same reasons as group/department/platform",
        "3 notes stand as before; `headcount plan --full` shows each",
        // the kill switch, at both targets, and its end
        "brightwell/BW-08\n  chat      done\n  intranet  done\nCut off.",
        "reason: \"lost phone\"",
        "brightwell/BW-08: cut off by `headcount revoke`",
        "imran.siddiqui gets sign-in back (brightwell/BW-08, is back)",
    ] {
        assert!(told.contains(words), "{words} in {told}");
    }
    assert!(!told.contains("sian.rees2"), "{told}");

    let rows = |sql: &str| rows(&example.join(".run/app.db"), sql);
    let team = |name: &str| {
        let from = "FROM users JOIN team_members ON user_id = users.id JOIN teams ON teams.id = team_id";
        rows(&format!("SELECT login {from} WHERE teams.name = '{name}' ORDER BY login"))
    };
    assert_eq!(team("Design"), ["chloe.dubois", "noor.vandijk", "renske.devries", "tomas.novak"]);
    assert_eq!(team("Welcome"), ["aoife.byrne"]);
    assert_eq!(team("Contractors"), ["sam.keller"]);
    assert!(team("On Call").contains(&"fatima.elsayed".to_owned()) && !team("On Call").contains(&"sofia.rossi".to_owned()));
    assert_eq!(rows("SELECT name FROM teams WHERE id = 2"), ["Product"]);
    assert_eq!(rows("SELECT language FROM users WHERE login = 'sofia.rossi'"), ["it"]);
    assert_eq!(rows("SELECT login FROM users WHERE login LIKE 'jan.kow%' ORDER BY login"), ["jan.kowalski", "jan.kowalski2"]);
    assert_eq!(
        rows("SELECT login FROM users WHERE login IN ('test.automation', 'george.whitfield', 'holger.winter', 'ravi.menon')"),
        [""; 0]
    );
    let inactive = rows("SELECT login FROM users WHERE deactivated_at IS NOT NULL ORDER BY login");
    assert_eq!(inactive, ["aoife.byrne", "dafydd.evans"]);
    let cards = "SELECT login || ' ' || monthly_limit || ' ' || currency FROM perks JOIN users ON id = user_id WHERE perk = 'travel-card' ORDER BY login";
    let cards = rows(cards);
    for card in ["carlos.herrera 1000 USD", "ada.okafor 5000 EUR", "wei.zhang 2000 EUR", "sian.rees 500 EUR", "imran.siddiqui 500 EUR"] {
        assert!(cards.contains(&card.to_owned()), "{card} in {cards:?}");
    }
}

/// What the example's own script shows, with the headcount of this build.
fn run(example: &Path) -> String {
    let venv: PathBuf = tool("scim2-server").and_then(|tool| Some(tool.parent()?.parent()?.to_owned())).expect("where it is installed");
    let binary = snapbox::cargo_bin!("headcount");
    let output = Command::new(example.join("run")).env("HEADCOUNT_TEST_VENV", venv).env("HEADCOUNT", binary).output().expect("a shell");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{words}{}", String::from_utf8_lossy(&output.stderr));
    words
}

/// What a run of the example makes begins with a dot, and stays behind.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the example").flatten() {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        if path.is_dir() && !name.starts_with('.') {
            copy(&path, &to.join(name));
        } else if path.is_file() {
            std::fs::copy(&path, to.join(&name)).expect("a file of the example");
            crate::support::settle(&to.join(&name));
        }
    }
}

fn rows(database: &Path, sql: &str) -> Vec<String> {
    let app = rusqlite::Connection::open(database).expect("the intranet");
    let mut statement = app.prepare(sql).expect("a query");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}
