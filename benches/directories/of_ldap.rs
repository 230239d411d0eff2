//! OpenLDAP beside its own clients, which print to nowhere.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::applied;
use crate::ldap::{PASSWORD, SYNC, Setup, Slapd};
use crate::{Size, measure, told};

const ADDS: usize = 10_000;
const ENTRIES: usize = 100_000;
const PEOPLE: &str = "ou=people,dc=example,dc=org";

fn server() -> Option<Slapd> {
    let server = Slapd::start(Setup::default());
    if server.is_none() {
        println!("left out: slapd and ldap-utils are not installed");
    }
    server
}

/// What headcount would make of the plan, as LDIF.
fn entries(many: usize) -> String {
    let mut ldif = String::new();
    for at in 0..many {
        let [display, external, family, given, title, user] = applied::values(at);
        write!(
            ldif,
            "dn: uid={user},{PEOPLE}\nobjectClass: inetOrgPerson\ncn: {display}\ndescription: {external}\ngivenName: {given}\nsn: {family}\ntitle: {title}\nuid: {user}\n\n"
        )
        .expect("room in memory");
    }
    ldif
}

/// Each round has two servers of its own, which hold nothing.
pub fn adds(size: &Size) {
    let (many, folder) = (size.of(ADDS), tempfile::tempdir().expect("a folder"));
    let (plan, file) = (applied::plan(many), folder.path().join("entries.ldif"));
    std::fs::write(&file, entries(many)).expect("written");
    let mut rows = [("ldapadd", Vec::new()), ("headcount apply", Vec::new())];
    for _ in 0..size.rounds {
        let Some(theirs) = server() else { return };
        rows[0].1.push(measure(|| {
            let mut add = Command::new("ldapadd");
            add.args(["-x", "-H", &theirs.url(), "-D", SYNC, "-w", PASSWORD, "-f"]).arg(&file);
            assert!(add.stdout(Stdio::null()).status().expect("ldapadd runs").success());
        }));
        drop(theirs);
        let Some(ours) = server() else { return };
        rows[1].1.push(applied::applied(&ours.target(&json!({})), &plan));
    }
    told(many, &rows, false);
}

pub fn searches(size: &Size) {
    let many = size.of(ENTRIES);
    let Some(server) = server() else { return };
    server.changes(&entries(many));
    let attributes = ["entryUUID", "pwdAccountLockedTime", "cn", "description", "sn", "givenName", "title", "uid"];
    let mut rows = [("ldapsearch -E pr=500/noprompt", Vec::new()), ("headcount reads", Vec::new())];
    for _ in 0..size.rounds {
        rows[0].1.push(measure(|| {
            let mut search = Command::new("ldapsearch");
            search.args(["-x", "-LLL", "-E", "pr=500/noprompt", "-H", &server.url(), "-D", SYNC, "-w", PASSWORD, "-b", PEOPLE]);
            search.arg("(objectClass=inetOrgPerson)").args(attributes).stdout(Stdio::null());
            assert!(search.status().expect("ldapsearch runs").success());
        }));
        rows[1].1.push(measure(|| applied::read(&server.target(&json!({})), &applied::ATTRIBUTES, many)));
    }
    told(many, &rows, false);
}
