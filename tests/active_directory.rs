//! The example of Active Directory, on Samba's domain controller: people come into their units, move, leave and come back, and keep who they are.

use std::path::Path;

use crate::cli::headcount;
use crate::quickstart::copy_files;
use crate::support::samba::{PASSWORD, Samba, TOP};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/active-directory");

/// The example, as somebody corrects it for their own domain.
fn own(server: &Samba) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    copy_files(Path::new(EXAMPLE), folder.path());
    std::fs::copy(server.ca_file(), folder.path().join("acme-ca.pem")).expect("its authority");
    edit(
        folder.path(),
        "headcount.yaml",
        &[
            ("'ldaps://dc1.acme.example', 'ldaps://dc2.acme.example'", &format!("'{}'", server.url())),
            ("headcount@acme.example", "headcount@ad.test"),
            ("DC=acme,DC=example", "DC=ad,DC=test"),
            // They are five, and in this test all of a year comes in a day.
            (
                "metadata: {name: directory}\nspec:\n",
                "metadata: {name: directory}\nspec:\n  guardrails:\n    move: {count: 9, percent: 99}\n    removeMembers: {count: 9, percent: 99}\n",
            ),
        ],
    );
    folder
}

fn edit(folder: &Path, name: &str, edits: &[(&str, &str)]) {
    let path = folder.join(name);
    let mut text = std::fs::read_to_string(&path).expect("a file");
    for (from, to) in edits {
        assert!(text.contains(from), "{from} in {name}");
        text = text.replace(from, to);
    }
    crate::support::write_settled(&path, text);
}

fn run(folder: &Path, arguments: &[&str], exit: i32) -> String {
    let output = headcount(arguments.iter().copied()).current_dir(folder).env("LDAP_PASSWORD", PASSWORD).output().expect("headcount runs");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let more = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {words}{more}");
    assert!(!words.contains(PASSWORD) && !more.contains(PASSWORD), "{words}{more}");
    words
}

fn applies(folder: &Path) {
    run(folder, &["apply", "--auto-approve"], 0);
    run(folder, &["plan", "--detailed-exitcode"], 0);
}

/// Where the account stands, and what it has.
fn shown(server: &Samba, login: &str) -> Vec<String> {
    server.shows(
        TOP,
        &format!("(sAMAccountName={login})"),
        &["objectGUID", "userAccountControl", "manager", "memberOf", "userPrincipalName"],
    )
}

fn has(server: &Samba, login: &str, lines: &[&str]) {
    let shown = shown(server, login);
    lines.iter().for_each(|line| assert!(shown.iter().any(|known| known == line), "{line}: {shown:#?}"));
}

fn id(server: &Samba, login: &str) -> String {
    shown(server, login).into_iter().find(|line| line.starts_with("objectGUID")).expect("an id")
}

#[test]
fn people_come_into_their_units_move_leave_and_come_back() {
    let Some(server) = Samba::start("the example of Active Directory") else { return };
    let units = ["Executive", "Engineering", "Sales", "Leavers"];
    server.changes(&units.map(|unit| format!("dn: OU={unit},OU=People,{TOP}\nobjectClass: organizationalUnit\nou: {unit}\n\n")).concat());
    let kept = own(&server);
    let folder = kept.path();
    run(folder, &["connector", "check"], 0);
    applies(folder);
    has(
        &server,
        "omar.haddad",
        &[
            &format!("dn: CN=omar.haddad,OU=Engineering,OU=People,{TOP}"),
            "userAccountControl: 512",
            &format!("manager: CN=ada.lindqvist,OU=Engineering,OU=People,{TOP}"),
            &format!("memberOf: CN=Engineering,OU=Groups,{TOP}"),
            "userPrincipalName: omar.haddad@acme.example",
        ],
    );
    assert!(shown(&server, "tom.okafor").is_empty(), "whoever had left gets none");
    let ids = ["omar.haddad", "rosa.ferreira"].map(|login| id(&server, login));

    edit(folder, "people.csv", &[("Engineer,Engineering,1002,active", "Engineer,Sales,1004,active")]);
    let plan = run(folder, &["plan"], 0);
    assert!(plan.contains("omar.haddad moves from OU=Engineering to OU=Sales"), "{plan}");
    applies(folder);
    has(
        &server,
        "omar.haddad",
        &[
            &format!("dn: CN=omar.haddad,OU=Sales,OU=People,{TOP}"),
            "userAccountControl: 512",
            &format!("memberOf: CN=Sales,OU=Groups,{TOP}"),
            &format!("manager: CN=rosa.ferreira,OU=Sales,OU=People,{TOP}"),
        ],
    );

    edit(folder, "people.csv", &[("Head of sales,Sales,1001,active", "Head of sales,Sales,1001,left")]);
    let plan = run(folder, &["plan"], 0);
    assert!(plan.contains("rosa.ferreira loses sign-in") && plan.contains("OU=Sales → OU=Leavers"), "{plan}");
    applies(folder);
    has(&server, "rosa.ferreira", &[&format!("dn: CN=rosa.ferreira,OU=Leavers,OU=People,{TOP}"), "userAccountControl: 514"]);

    edit(folder, "people.csv", &[("Head of sales,Sales,1001,left", "Head of sales,Sales,1001,active")]);
    applies(folder);
    has(&server, "rosa.ferreira", &[&format!("dn: CN=rosa.ferreira,OU=Sales,OU=People,{TOP}"), "userAccountControl: 512"]);
    assert_eq!(["omar.haddad", "rosa.ferreira"].map(|login| id(&server, login)), ids, "they are who they were");

    // A department that no unit is called by.
    edit(folder, "people.csv", &[("Engineer,Sales,1004,active", "Engineer,Research,1004,active")]);
    let output =
        headcount(["apply", "--auto-approve"]).current_dir(folder).env("LDAP_PASSWORD", PASSWORD).output().expect("headcount runs");
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!output.status.success() && told.contains(&format!("there is no entry OU=Research,OU=People,{TOP}")), "{told}");
}
