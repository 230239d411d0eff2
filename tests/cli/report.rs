//! The views of a review: the page for a comment, the report for a browser, and what is left out of them.

use std::path::Path;
use std::process::Command;

use super::Folder;
use super::world::{acme, database};
use crate::support::program;

const NAMES: [&str; 8] = ["ada", "Okafor", "mina", "Park", "noor", "Haddad", "luis", "Ferreira"];

fn read(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.file(name)).expect("it was written")
}

#[test]
fn all_views_of_a_review_at_once() {
    let folder = acme();
    folder
        .run(["plan", "-o", "markdown=page.md", "-o", "html=report.html", "-o", "review=review.json"])
        .env("GITHUB_SERVER_URL", "https://github.example")
        .env("GITHUB_REPOSITORY", "acme/identity")
        .env("GITHUB_SHA", "0fdea5d5f4a45549c485fc60ca205822fe37262d")
        .assert()
        .code(0);
    let page = read(&folder, "page.md");
    assert!(page.starts_with("<!-- headcount:plan workspace=acme-test"), "{page}");
    assert!(page.contains("3 people **get an account** at app"), "{page}");
    assert!(page.contains("/acme/identity/blob/0fdea5d5f4a45549c485fc60ca205822fe37262d/acme.yaml#L"), "{page}");
    assert!(read(&folder, "report.html").contains("default-src 'none'"));
    let review: serde_json::Value = serde_json::from_str(&read(&folder, "review.json")).expect("JSON");
    assert_eq!((&review["formatVersion"], &review["verdict"]["level"]), (&1.into(), &"check".into()));
}

#[test]
fn whoever_is_left_out_stands_in_no_view() {
    let folder = acme();
    let views = ["-o", "text=plan.txt", "-o", "markdown=page.md", "-o", "html=report.html", "-o", "review=review.json"];
    let run = |level: &'static str| {
        let options = ["plan", "--redact", level, "--out", "saved.json"];
        folder.run(options.into_iter().chain(views)).env("HEADCOUNT_REDACT_KEY", "k").assert().code(0);
        ["plan.txt", "page.md", "report.html", "review.json"].map(|name| (name, read(&folder, name)))
    };
    for (view, text) in run("identities") {
        let (_, script) = text.split_once("<body>").unwrap_or(("", &text));
        for name in NAMES {
            assert!(!script.contains(name), "{name} in {view}");
        }
        assert!(text.contains("person-") && text.contains("Engineering"), "{view}");
    }
    assert!(read(&folder, "saved.json").contains("ada"), "what is to be applied has everything");
    for (view, text) in run("values") {
        assert!(text.contains("ada") && !text.contains("Ferreira"), "{view}: {text}");
    }
    folder.run(["plan", "--redact", "values", "-o", "json"]).assert().code(2);
}

#[test]
fn in_a_job_that_everybody_reads_people_have_other_names_unless_somebody_says_otherwise() {
    let folder = acme();
    let events = [("public.json", r#"{"repository": {"private": false}}"#), ("private.json", r#"{"repository": {"private": true}}"#)];
    events.iter().for_each(|(name, text)| folder.write(name, text));
    let shown = |options: &[&'static str], variables: &[(&str, &str)]| {
        let run = folder.run([&["plan"][..], options].concat());
        let output = variables.iter().fold(run, |run, (name, value)| run.env(name, value)).output().expect("it runs");
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let at_github = |event| [("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_PATH", event)];
    let at_gitlab = |visibility| [("GITLAB_CI", "true"), ("CI_PROJECT_VISIBILITY", visibility)];
    let (public, private) = (folder.file("public.json"), folder.file("private.json"));
    let (public, private) = (public.to_string_lossy(), private.to_string_lossy());
    for job in
        [&at_github(&public)[..], &at_github("nowhere.json"), &[("GITHUB_ACTIONS", "true")], &at_gitlab("public"), &[("GITLAB_CI", "true")]]
    {
        let (text, told) = shown(&[], job);
        assert!(text.contains("person-") && !NAMES.iter().any(|name| text.contains(name)), "{job:?}: {text}");
        assert!(told.contains("--redact full shows who they are"), "{job:?}: {told}");
        assert!(shown(&["-o", "json"], job).1.contains("everybody can read what a job of this repository shows"));
        assert!(shown(&["--redact", "full"], job).0.contains("ada"), "{job:?}");
    }
    for job in [&at_github(&private)[..], &at_gitlab("private"), &at_gitlab("internal"), &[]] {
        assert!(shown(&[], job).0.contains("ada"), "{job:?}");
    }
}

#[test]
fn no_command_of_such_a_job_names_anybody_unless_somebody_says_so() {
    let folder = acme();
    let run = |arguments: &[&'static str]| {
        let run = folder.run(arguments.iter().copied()).env("GITLAB_CI", "true").env("CI_PROJECT_VISIBILITY", "public");
        let output = run.output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
    };
    let nameless = |arguments: &[&'static str]| {
        let (code, text) = run(arguments);
        assert!(!NAMES.iter().any(|name| text.contains(name)), "{arguments:?}: {text}");
        (code, text)
    };
    for arguments in [&["get", "people"][..], &["get", "accounts"], &["explain", "hr/1"], &["apply", "--auto-approve", "-o", "json"]] {
        let (code, text) = nameless(arguments);
        assert!(code == Some(2) && text.contains("--redact full"), "{arguments:?}: {text}");
    }
    assert!(nameless(&["get", "groups"]).1.contains("Engineering"));
    // One of them is refused, and its own words hold a name.
    let refuses = "CREATE TRIGGER refused BEFORE INSERT ON users WHEN NEW.login = 'mina' BEGIN SELECT RAISE(ABORT, 'not Park'); END;";
    database(&folder).execute_batch(refuses).expect("a trigger");
    let (code, text) = nameless(&["apply", "--auto-approve"]);
    assert!(code != Some(0) && text.contains("Not done:") && text.contains("person-") && text.contains("not shown here"), "{text}");
    database(&folder).execute_batch("DROP TRIGGER refused").expect("it goes");
    assert_eq!(nameless(&["apply", "--auto-approve"]).0, Some(0));
    database(&folder).execute_batch("UPDATE users SET name = 'Ada O.' WHERE login = 'ada'").expect("somebody does it by hand");
    for view in ["text", "markdown", "json"] {
        let (code, text) = nameless(&["drift", "-o", view]);
        assert!(code == Some(1) && text.contains("person-") && !text.contains("Ada"), "{view}: {text}");
    }
    assert!(run(&["drift", "--redact", "full"]).1.contains("ada") && run(&["get", "people", "--redact", "full"]).1.contains("ada"));
}

#[test]
fn a_run_that_came_to_nothing_leaves_no_report_of_yesterday() {
    let folder = acme();
    folder.run(["plan", "-o", "html=report.html"]).assert().code(0);
    folder.write("hr.csv", "");
    folder.write("acme.yaml", "kind: Nonsense\n");
    folder.run(["plan", "-o", "html=report.html"]).assert().code(1);
    let page = read(&folder, "report.html");
    assert!(page.contains("No plan was made") && !page.contains("Okafor"), "{page}");
}

/// What the script makes of a report's own data: search, filters, groups and their words.
const PURE: &str = r#"
const fs = require('fs'), assert = require('assert');
const page = fs.readFileSync(process.argv[1], 'utf8');
const script = page.slice(page.lastIndexOf('<script>') + 8, page.lastIndexOf('</script>'));
const data = JSON.parse(page.match(/id=.data.>(.*)<.script>/)[1]);
const holder = { exports: {} };
new Function('module', script)(holder);
const it = holder.exports, rows = it.prepare(data), found = hash => it.filter(rows, it.read(hash));
assert.deepStrictEqual(it.terms('Ada  x "on call"'), ['ada', 'x', 'on call']);
assert.strictEqual(it.write(it.read('#q=ada%20o&k=joins&g=p')), 'q=ada%20o&k=joins&g=p');
assert.strictEqual(it.write(it.read('#list&q=%zz&constructor=1')), '');
assert.deepStrictEqual([...new Set(found('#q=ADA').map(row => row.name))], ['ada']);
assert.strictEqual(found('#q=nobody').length, 0);
assert.ok(found('#k=getsAccount').length === 3 && found('#t=elsewhere').length === 0);
const heads = by => it.group(found('#g=' + by), by).map(one => it.heading(one, by));
assert.ok(heads('k').includes('3 people get an account at app'), heads('k'));
assert.ok(heads('p').includes('ada'), heads('p'));
const all = it.group(rows, 'c').reduce((sum, one) => sum + one.rows.length, 0);
assert.strictEqual(all, rows.length, 'no row is lost or told twice');
"#;

#[test]
fn the_script_finds_filters_and_groups_what_the_report_holds() {
    let Some(node) = program("the_script_finds_filters_and_groups_what_the_report_holds", &["node"]) else { return };
    let folder = acme();
    folder.run(["plan", "-o", "html=report.html"]).assert().code(0);
    let output = Command::new(node).arg("-e").arg(PURE).arg(folder.file("report.html")).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_browser_shows_what_the_address_asks_for() {
    let test = "a_browser_shows_what_the_address_asks_for";
    let Some(browser) = program(test, &["chromium", "chromium-browser", "google-chrome"]) else { return };
    let folder = acme();
    folder.run(["plan", "-o", "html=report.html"]).assert().code(0);
    let shown = |hash: &str| page_in(&browser, &folder.file("report.html"), hash, folder.path());
    let all = shown("");
    assert!(all.contains("about 4 people, in "), "the list is made: {all}");
    assert!(all.contains("<option value=\"getsAccount\">get an account</option>"));
    let one = shown("#q=mina&g=p");
    assert!(one.contains("about 1 person, in 1 group") && one.contains("<mark>mina</mark>"), "{one}");
    assert!(shown("#q=nobody").contains("Nothing matches."));
}

/// The page as it stands in a browser that has run its script.
fn page_in(browser: &Path, file: &Path, hash: &str, profile: &Path) -> String {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.join("profile").display()))
        .arg(format!("file://{}{hash}", file.display()))
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("id=\"out\""), "{}", String::from_utf8_lossy(&output.stderr));
    text
}
