//! `headcount erase`, and what it needs: a journal that is sealed, a restored state that is noticed, entries that go with their time.

use std::path::Path;
use std::sync::Arc;

use headcount::journal::{Event, entry};
use headcount::state::{self, Fact};
use jiff::{SignedDuration, Timestamp};

use super::Folder;
use super::world::{acme, database};
use crate::support::s3::S3;

/// Somebody whose key, name and address stand nowhere by chance.
const HR: &str = "\
id,user,name,department,end
1,ada,Ada Okafor,Engineering,
2,luis,Luís Ferreira,Support,
3,mina,Mina Park,Engineering,
p-4711,lovelace,Augusta King-Noel,Support,
5,joe,Joe Doe,Support,
6,jim,Jim Doe,Support,
7,jil,Jil Doe,Support,
8,jan,Jan Doe,Support,
9,jon,Jon Doe,Support,
10,jen,Jen Doe,Support,
11,jun,Jun Doe,Support,
12,jul,Jul Doe,Support,
";
const WORDS: [&str; 4] = ["p-4711", "lovelace", "augusta", "king-noel"];
const REQUEST: &str = "request 4242";

/// Lovelace had an account; then nobody knows her any more.
fn gone(folder: &Folder) {
    folder.write("hr.csv", &HR.replace("p-4711,lovelace,Augusta King-Noel,Support,\n", ""));
    database(folder).execute("DELETE FROM users WHERE login = 'lovelace'", []).expect("her account goes");
}

fn says(folder: &Folder, state: &str) {
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("manifests");
    folder.write("acme.yaml", &manifests.replacen("spec: {id: acme-test}", &format!("spec: {{id: acme-test, state: {state}}}"), 1));
}

fn began() -> Folder {
    let folder = acme();
    folder.write("hr.csv", HR);
    folder
}

/// Its exit code, and all that it said.
fn told<'a>(folder: &Folder, arguments: impl IntoIterator<Item = &'a str>) -> (i32, String) {
    let run = folder.run(arguments).env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "key");
    let output = run.output().expect("it runs");
    let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().expect("a code"), words)
}

fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for found in std::fs::read_dir(folder).expect("a folder") {
        let path = found.expect("an entry").path();
        all.extend(path.to_string_lossy().as_bytes());
        all.extend(if path.is_dir() { bytes_below(&path) } else { std::fs::read(&path).expect("a file") });
    }
    all
}

fn found(bytes: &[u8]) -> Vec<&'static str> {
    let bytes = bytes.to_ascii_lowercase();
    WORDS.into_iter().filter(|word| bytes.windows(word.len()).any(|part| part == word.as_bytes())).collect()
}

#[test]
fn whoever_is_erased_is_in_no_byte_of_the_state_and_the_chain_is_whole() {
    let folder = began();
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    let erase = ["erase", "hr/p-4711", "--reason", REQUEST];
    let (code, words) = told(&folder, erase);
    assert!(code == 1 && words.contains("error: hr/p-4711 is still there: Source hr, Target app; nothing was erased"), "{code}: {words}");
    gone(&folder);
    std::fs::rename(folder.file("app.db"), folder.file("away.db")).expect("the database goes away");
    let (code, words) = told(&folder, erase);
    assert!(code == 5 && words.contains("app was not read to its end"), "{code}: {words}");
    std::fs::rename(folder.file("away.db"), folder.file("app.db")).expect("and comes back");
    let (code, words) = told(&folder, ["erase", "hr/p-4711", "--reason", "Lovelace asked for it"]);
    assert!(code == 1 && words.contains("the reason names hr/p-4711"), "{code}: {words}");
    assert!(!found(&bytes_below(&folder.file(".headcount"))).is_empty());

    let (code, words) = told(&folder, erase);
    assert!(code == 0 && words.starts_with("hr/p-4711 is erased; the journal knows them as "), "{code}: {words}");
    assert_eq!(found(&bytes_below(&folder.file(".headcount"))), [] as [&str; 0]);
    let (code, words) = told(&folder, ["history", "--verify"]);
    assert!(code == 0 && words.starts_with("The journal is whole"), "{words}");
    let (code, words) = told(&folder, ["history", "--who", "lovelace"]);
    assert!(code == 1 && words.contains("the journal has nothing about"), "{words}");
    let (_, words) = told(&folder, ["history", "--target", "app"]);
    assert!(words.contains("(erased) gets an account") && words.contains("ada gets an account"), "{words}");
    let (code, words) = told(&folder, ["history"]);
    assert!(code == 0 && words.contains("erased somebody (") && words.contains(REQUEST), "{words}");
    let (code, words) = told(&folder, ["explain", "hr/p-4711"]);
    assert!(code == 1 && words.contains("nobody is known by"), "{words}");
    assert_eq!(told(&folder, ["status"]).0, 1, "no controller ran");
    // Asked twice, and nobody of others is gone.
    let (code, words) = told(&folder, erase);
    assert!(code == 0 && words.contains("Nothing is kept of hr/p-4711."), "{code}: {words}");
    assert!(told(&folder, ["history", "--who", "ada"]).1.contains("ada gets an account"));
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert_eq!(found(&bytes_below(&folder.file(".headcount"))), [] as [&str; 0]);
}

#[test]
fn whoever_is_cut_off_by_command_is_not_erased_before_that_ends() {
    let folder = began();
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    folder.run(["revoke", "hr/p-4711", "--reason", "a lost laptop", "--auto-approve"]).assert().code(0);
    gone(&folder);
    let erase = ["erase", "hr/p-4711", "--reason", REQUEST];
    let (code, words) = told(&folder, erase);
    assert!(code == 1 && words.contains("headcount revoke --lift hr/p-4711"), "{code}: {words}");
    assert_eq!(told(&folder, ["revoke", "--lift", "hr/p-4711"]).0, 0);
    assert_eq!(told(&folder, erase).0, 0);
    assert_eq!(found(&bytes_below(&folder.file(".headcount"))), [] as [&str; 0]);
    for (arguments, code) in [(vec!["erase", "lovelace", "--reason", "x"], 2), (vec!["erase", "hr/1", "--reason", " "], 2)] {
        assert_eq!(told(&folder, arguments).0, code);
    }
}

#[test]
fn in_a_bucket_what_was_written_ahead_goes_too() {
    let s3 = S3::start();
    let folder = began();
    says(&folder, &format!("{{s3: {{bucket: state, region: eu-central-1, endpoint: \"{}\"}}}}", s3.url()));
    assert_eq!(told(&folder, ["apply", "--auto-approve"]).0, 0);
    gone(&folder);
    let objects = || s3.names().iter().filter_map(|name| s3.object(name)).flatten().collect::<Vec<u8>>();
    assert!(!found(&objects()).is_empty(), "links are told ahead");
    let (code, words) = told(&folder, ["erase", "hr/p-4711", "--reason", REQUEST]);
    assert_eq!(code, 0, "{words}");
    assert_eq!(found(&objects()), [] as [&str; 0]);
    assert_eq!(told(&folder, ["state", "pull", "copy.db"]).0, 0);
    assert_eq!(found(&std::fs::read(folder.file("copy.db")).expect("a copy")), [] as [&str; 0]);
    assert_eq!(told(&folder, ["history", "--verify"]).0, 0);
    assert_eq!(told(&folder, ["apply", "--auto-approve"]).0, 0, "others go on behind it");
    assert_eq!(told(&folder, ["history", "--verify"]).0, 0);
}

#[test]
fn a_state_that_was_put_back_is_noticed_and_whoever_was_erased_since_is_erased_again() {
    let folder = began();
    says(&folder, "{path: .headcount/state.db, anchor: elsewhere/acme.anchor}");
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    folder.run(["state", "pull", "copy.db"]).assert().code(0);
    folder.run(["state", "accept-restore", "--reason", "nothing happened"]).assert().code(0);
    gone(&folder);
    assert_eq!(told(&folder, ["erase", "hr/p-4711", "--reason", REQUEST]).0, 0);
    folder.write("hr.csv", &HR.replace("p-4711,lovelace,Augusta King-Noel,Support,\n", "").replace("Jul Doe", "Julia Doe"));
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    folder.run(["state", "push", "copy.db", "--force"]).assert().code(0);
    assert!(!found(&bytes_below(&folder.file(".headcount"))).is_empty(), "the copy brings her back");
    let (code, words) = told(&folder, ["apply", "--auto-approve"]);
    assert!(code == 5 && words.contains("the state was restored: its journal ends with entry"), "{code}: {words}");
    assert!(words.contains("headcount state accept-restore --reason"), "{words}");
    assert_eq!(told(&folder, ["state", "accept-restore", "--reason", " "]).0, 2);
    let (code, words) = told(&folder, ["state", "accept-restore", "--reason", "disk failed"]);
    assert!(code == 0 && words.contains("1 person erased before and erased again"), "{code}: {words}");
    assert_eq!(found(&bytes_below(&folder.file(".headcount"))), [] as [&str; 0]);
    assert_eq!(found(&bytes_below(&folder.file("elsewhere"))), [] as [&str; 0], "an anchor names nobody");
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert!(told(&folder, ["history"]).1.contains("said that the state was restored on purpose"));
    assert_eq!(told(&folder, ["history", "--verify"]).0, 0);
}

#[test]
fn what_is_older_than_it_has_to_be_kept_goes_into_a_file() {
    let folder = began();
    says(&folder, "{path: .headcount/state.db, retention: 30d}");
    let path = folder.file(".headcount/state.db");
    let old = Timestamp::now() - SignedDuration::from_hours(24 * 40);
    let work = async {
        let store = state::open(&path, "acme-test").await.expect("a state");
        let line = |at: usize| entry(&Arc::from("old"), old, &Event::Resumed { who: format!("jane {at}") });
        store.commit((0..5).map(line).collect::<Vec<Fact>>()).await.expect("it is kept");
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work);
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    let (code, words) = told(&folder, ["state", "prune"]);
    assert!(code == 0 && words.contains("5 entries went into ") && words.contains("journal-000000000001-000000000005.jsonl"), "{words}");
    let kept = std::fs::read_to_string(folder.file(".headcount/archive/journal-000000000001-000000000005.jsonl")).expect("an archive");
    assert!(kept.lines().count() == 5 && kept.contains("jane 4"), "{kept}");
    let (code, words) = told(&folder, ["history", "--verify"]);
    assert!(code == 0 && words.contains("those before 6 in files"), "{words}");
    assert!(told(&folder, ["state", "prune"]).1.contains("Nothing in the journal is older"), "once is enough");
    folder.write("hr.csv", &HR.replace("Jul Doe", "Julia Doe"));
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert_eq!(told(&folder, ["history", "--verify"]).0, 0, "runs go on behind it");
}

#[test]
fn another_secret_takes_the_place_of_the_one_that_wraps_the_keys() {
    let folder = began();
    says(&folder, "{path: .headcount/state.db, encryption: {secret: {file: secret}}}");
    folder.write("secret", "the first one, long and random");
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    let of_ada = |folder: &Folder| told(folder, ["history", "--who", "ada"]).1;
    assert!(of_ada(&folder).contains("ada"), "{}", of_ada(&folder));

    folder.write("former", "the first one, long and random");
    folder.write("secret", "the second one, long and random");
    let (code, words) = told(&folder, ["state", "rewrap"]);
    assert!(code == 1 && words.contains("yet another secret wraps ") && words.contains("--former"), "{code}: {words}");
    let former = folder.file("former");
    let (code, words) = told(&folder, ["state", "rewrap", "--former", former.to_str().expect("a path")]);
    assert!(code == 0 && words.contains("keys wrapped anew."), "{code}: {words}");
    assert!(of_ada(&folder).contains("ada"), "{}", of_ada(&folder));
}
