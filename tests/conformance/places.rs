//! Names of entries that are taken where somebody goes, and groups that a run which was cut short left behind: on a real directory, by `headcount apply`.

use headcount::model::DepartedName;
use headcount::state::{self, Fact};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::workspace::{document, expect, headcount};
use crate::support::ldap::{Setup, Slapd, attributes};
use crate::support::skipped;

const TOP: &str = "dc=example,dc=org";

/// A company whose people stand below their departments.
struct Office {
    server: Slapd,
    folder: tempfile::TempDir,
}

impl Office {
    fn new(server: Slapd, more: &Json) -> Self {
        let all = json!({ "count": 1000 });
        let names = ["create", "adopt", "reactivate", "rename", "names", "move", "update", "leavers", "addMembers", "removeMembers"];
        let guardrails: serde_json::Map<String, Json> = names.iter().map(|name| ((*name).to_owned(), all.clone())).collect();
        let rule = |attribute: &str, value: &str| json!({ "attribute": attribute, "value": value });
        let source = json!({
            "connection": { "file": { "path": "hr.csv", "mayBeEmpty": ["title", "left"] } },
            "key": "record.id",
            "lifecycle": { "leaver": "record.left == 'yes'" },
            "mapping": { "rules": [
                rule("userName", "record.login"), rule("displayName", "record.name"), rule("department", "record.unit"), rule("title", "record.title"),
            ] },
        });
        let target = json!({
            "connection": server.connection(more),
            "groups": {},
            "mapping": { "rules": [rule("container", "rdn('ou', identity.department)")] },
            "leaver": { "action": "deactivate", "set": { "container": "ou=Left" } },
            "guardrails": guardrails,
        });
        let documents =
            [document("Workspace", "acme", json!({ "id": "acme" })), document("Source", "hr", source), document("Target", "app", target)];
        let folder = tempfile::tempdir().expect("a folder");
        let text: Vec<String> = documents.iter().map(Json::to_string).collect();
        std::fs::write(folder.path().join("workspace.yaml"), text.join("\n---\n")).expect("written");
        for unit in ["A", "B", "Left"] {
            server.changes(&format!("dn: ou={unit},ou=people,{TOP}\nobjectClass: organizationalUnit\nou: {unit}\n"));
        }
        Self { server, folder }
    }

    fn exports(&self, rows: &[&str]) {
        let text = format!("id,login,name,unit,title,left\n{}\n", rows.join("\n"));
        crate::support::write_settled(&self.folder.path().join("hr.csv"), text);
    }

    /// One apply does it, and the plan after it is empty; what the apply told.
    fn settles(&self, step: &str) -> String {
        let output = headcount(self.folder.path(), &["apply", "--auto-approve"]);
        expect(0, &output, step);
        expect(0, &headcount(self.folder.path(), &["plan", "--detailed-exitcode"]), step);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The names of people's entries, with the login of each.
    fn people(&self) -> Vec<String> {
        let shown = self.server.shows(&format!("ou=people,{TOP}"), &["uid"]);
        let mut people = Vec::new();
        let mut name = "";
        for line in &shown {
            if let Some(dn) = line.strip_prefix("dn: ") {
                name = dn.strip_suffix(&format!(",ou=people,{TOP}")).unwrap_or(dn);
            } else if let Some(login) = line.strip_prefix("uid: ") {
                people.push(format!("{login} {name}"));
            }
        }
        people.sort();
        people
    }
}

#[test]
fn people_of_one_name_change_places_and_leave_and_nothing_fails_for_ever() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("places of ldap", "slapd and ldap-utils") };
    let more = json!({ "users": { "base": format!("ou=people,{TOP}"), "attributes": attributes(), "rdn": "cn" } });
    let office = Office::new(server, &more);
    office.exports(&["1,ann,Ann Lee,A,,", "2,lee,Ann Lee,B,,", "3,bob,Bob,A,,"]);
    office.settles("they join");
    assert_eq!(office.people(), ["ann cn=Ann Lee,ou=A", "bob cn=Bob,ou=A", "lee cn=Ann Lee,ou=B"]);
    office.exports(&["1,ann,Ann Lee,B,Lead,", "2,lee,Ann Lee,A,,", "3,bob,Bob,A,,"]);
    let told = office.settles("they change places");
    assert!(told.contains("moving-Ann Lee"), "{told}");
    assert_eq!(office.people(), ["ann cn=Ann Lee,ou=B", "bob cn=Bob,ou=A", "lee cn=Ann Lee,ou=A"]);
    office.exports(&["1,ann,Ann Lee,B,Lead,yes", "2,lee,Ann Lee,A,,yes", "3,bob,Bob,A,,"]);
    let told = office.settles("both leave");
    assert!(told.contains("gets to be called cn=Ann Lee in ou=Left"), "{told}");
    assert_eq!(office.people(), ["ann cn=Ann Lee,ou=Left", "bob cn=Bob,ou=A", "lee cn=Ann Lee,ou=A"]);
    // Whoever comes back was moved by headcount itself.
    office.exports(&["1,ann,Ann Lee,B,Lead,", "2,lee,Ann Lee,A,,yes", "3,bob,Bob,A,,"]);
    let told = office.settles("one comes back");
    assert!(!told.contains("changed-elsewhere"), "{told}");
    assert_eq!(office.people(), ["ann cn=Ann Lee,ou=B", "bob cn=Bob,ou=A", "lee cn=Ann Lee,ou=Left"]);
}

#[test]
fn a_group_that_nobody_declares_follows_whom_a_run_renamed_that_was_cut_short() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("cut renames of posixGroups", "slapd and ldap-utils") };
    let groups = json!({ "base": format!("ou=groups,{TOP}"), "objectClass": "posixGroup" });
    let office = Office::new(server, &json!({ "groups": groups }));
    office.exports(&["1,u1,One,A,,", "2,u2,Two,A,,"]);
    office.settles("they join");
    office.server.changes(&format!(
        "dn: cn=wheel,ou=groups,{TOP}\nobjectClass: posixGroup\ncn: wheel\ngidNumber: 7\nmemberUid: u1\nmemberUid: u9\n\n\
         dn: uid=u1,ou=A,ou=people,{TOP}\nchangetype: modrdn\nnewrdn: uid=v1\ndeleteoldrdn: 1\n"
    ));
    // The run had this durable before it sent the rename, and then it was killed.
    let (target, attribute, value, key) = ("app".into(), "userName".into(), "u1".into(), "hr/1".into());
    let former = Fact::Departed(DepartedName { target, attribute, value, key, left: false, at: Timestamp::now() });
    let path = office.folder.path().join(".headcount/state.db");
    let remembers = async { state::open(&path, "acme").await.expect("a state").commit(vec![former]).await.expect("it is kept") };
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(remembers);
    office.exports(&["1,v1,One,A,,", "2,u2,Two,A,,"]);
    let output = headcount(office.folder.path(), &["apply", "--auto-approve"]);
    expect(0, &output, "it goes on");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("group wheel lists the account as u1"), "{told}");
    office.settles("the old name goes once the new one is in");
    let shown = office.server.shows(&format!("cn=wheel,ou=groups,{TOP}"), &["memberUid"]);
    let mut members: Vec<&str> = shown.iter().filter_map(|line| line.strip_prefix("memberUid: ")).collect();
    members.sort_unstable();
    assert_eq!(members, ["u9", "v1"], "whom headcount renamed, and nobody else");
}
