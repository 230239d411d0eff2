//! Sources that are followed by their directory's own means: after whatever happens there, who follows it has the records that a whole read has.

use std::collections::BTreeMap;
use std::sync::Arc;

use headcount::connector::{Gone, PageSink, ReadRequest, ReadScope, RecordKey, Surroundings, registry};
use headcount::manifest::kinds::SourceConnection;
use headcount::model::{Columns, Evidence, ObjectKind, Page, ReadReport};
use serde_json::{Value as Json, json};

use crate::support::ds389::Ds389;
use crate::support::ldap::{Setup, Slapd, Wire};
use crate::support::samba::{FOLLOWING, Samba, TOP};
use crate::support::skipped;

const PEOPLE: &str = "ou=people,dc=example,dc=org";
const GROUPS: &str = "ou=groups,dc=example,dc=org";

/// What came of one read: records by the directory's own id, and ids that are gone.
#[derive(Default)]
struct Came {
    rows: BTreeMap<String, Vec<String>>,
    gone: Vec<String>,
}

impl PageSink for Came {
    fn page(&mut self, _: ObjectKind, page: &Page) {
        for row in page.rows() {
            let cells: Vec<String> = row.cells().map(|cell| cell.to_value().map(|value| value.to_string()).unwrap_or_default()).collect();
            self.rows.insert(cells.last().cloned().unwrap_or_default(), cells);
        }
    }

    fn restart(&mut self, _: ObjectKind) {
        *self = Self::default();
    }

    fn gone(&mut self, _: ObjectKind, gone: Gone<'_>) {
        if let Gone::Ids(ids) = gone {
            self.gone.extend(ids.iter().map(|id| id.to_string()));
        }
    }
}

/// Whoever keeps a world, as far as one Source of it goes.
struct Follower {
    connection: SourceConnection,
    columns: Arc<Columns>,
    around: Surroundings,
    records: BTreeMap<String, Vec<String>>,
    report: ReadReport,
}

/// How it went on.
#[derive(Debug, PartialEq, Eq)]
enum How {
    /// what changed was told: so many records, and so many gone
    Told(usize, usize),
    /// all was read
    Whole,
}

impl Follower {
    /// The first column is the key, and its own id comes last.
    async fn of(connection: SourceConnection, columns: &[&str]) -> Self {
        let around = Surroundings::at(std::env::temp_dir()).of("directory");
        let columns = Columns::new(columns.iter().copied().chain(["id"]));
        let mut follower = Self { connection, columns, around, records: BTreeMap::new(), report: ReadReport::default() };
        assert_eq!(follower.follow().await, How::Whole);
        assert!(follower.report.next.contains_key(&ObjectKind::Account), "{:?}", follower.report);
        follower
    }

    async fn read(&self, scope: ReadScope, keyed: bool) -> (Came, ReadReport) {
        let reader = registry::open_source(&self.connection, &self.around).await.expect("it opens");
        let of = |page: &Page| page.rows().map(|row| row.cell(0).as_text().map(Arc::from)).collect();
        let key = keyed.then(|| RecordKey::new(&self.columns.paths()[..1], of));
        let request = ReadRequest { scope, key, ..ReadRequest::new(vec![(ObjectKind::Account, self.columns.clone())]) };
        let mut came = Came::default();
        let report = reader.read(&request, &mut came).await;
        (came, report)
    }

    /// As whoever keeps a world does it.
    async fn follow(&mut self) -> How {
        if let Some(mark) = self.report.next.get(&ObjectKind::Account).cloned() {
            let (came, report) = self.read(ReadScope::Changed([(ObjectKind::Account, mark)].into()), true).await;
            if report.of(ObjectKind::Account) == Evidence::Delta && !self.confuses(&came) {
                let told = How::Told(came.rows.len(), came.gone.len());
                came.gone.iter().for_each(|id| drop(self.records.remove(id)));
                self.records.extend(came.rows);
                self.report = report;
                return told;
            }
        }
        let (came, report) = self.read(ReadScope::All, true).await;
        assert_eq!(report.of(ObjectKind::Account), Evidence::Complete);
        (self.records, self.report) = (came.rows, report);
        How::Whole
    }

    /// Whether a key is another one's by now: a world reads all then.
    fn confuses(&self, came: &Came) -> bool {
        let holder = |key: &str| self.records.iter().find(|(_, row)| row[0] == key).map(|(id, _)| id);
        let other = |id: &String, row: &[String]| {
            holder(&row[0]).is_some_and(|holder| holder != id) || self.records.get(id).is_some_and(|known| known[0] != row[0])
        };
        came.rows.iter().any(|(id, row)| other(id, row))
    }

    /// The same, and what is known afterwards is all that there is.
    async fn follows(&mut self, step: &str) -> How {
        let how = self.follow().await;
        let (whole, report) = self.read(ReadScope::All, false).await;
        assert_eq!(report.of(ObjectKind::Account), Evidence::Complete, "{step}");
        assert_eq!(self.records, whole.rows, "{step}: {how:?}");
        how
    }
}

/// Takes all steps, each in the directory's own words, and looks whether the one who follows keeps up.
async fn keeps_up(follower: &mut Follower, change: &dyn Fn(&str), steps: &[(&str, String, How)]) {
    for (step, ldif, how) in steps {
        change(ldif);
        assert_eq!(follower.follows(step).await, *how, "{step}");
        assert_eq!(follower.follows(step).await, How::Told(0, 0), "{step}, and nothing else");
    }
}

fn person(name: &str, base: &str, number: u32) -> String {
    format!(
        "dn: uid={name},{base}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: x\nemployeeType: staff\nemployeeNumber: {number}\n\n"
    )
}

fn unit(name: &str, base: &str) -> String {
    format!("dn: ou={name},{base}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n\n")
}

fn changed(name: &str, attribute: &str, value: &str) -> String {
    format!("dn: {name}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n\n")
}

fn moved(name: &str, rdn: &str, below: &str) -> String {
    format!("dn: {name}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\nnewsuperior: {below}\n\n")
}

fn removed(name: &str) -> String {
    format!("dn: {name}\nchangetype: delete\n\n")
}

/// What is there before the steps.
fn before(people: &str, outside: &str) -> String {
    let names = ["ann", "bob", "cy", "dee", "eve", "fay"];
    let all: String = (1..).zip(names).map(|(number, name)| person(name, people, number)).collect();
    unit("sales", people)
        + &unit("elsewhere", outside)
        + &all
        + &person("guest", people, 90)
        + &changed(&format!("uid=guest,{people}"), "employeeType", "guest")
}

/// The same at every server with inetOrgPerson.
fn steps(people: &str, outside: &str) -> Vec<(&'static str, String, How)> {
    let named = |name: &str| format!("uid={name},{people}");
    let elsewhere = format!("ou=elsewhere,{outside}");
    vec![
        ("added", person("gil", people, 7), How::Told(1, 0)),
        ("changed", changed(&named("ann"), "title", "Lead"), How::Told(1, 0)),
        ("renamed", moved(&named("bob"), "uid=bo", people), How::Told(1, 0)),
        ("known by another number", changed(&named("cy"), "employeeNumber", "33"), How::Whole),
        ("moved within", moved(&named("dee"), "uid=dee", &format!("ou=sales,{people}")), How::Told(1, 0)),
        ("moved out", moved(&named("eve"), "uid=eve", &elsewhere), How::Told(0, 1)),
        ("moved in", moved(&format!("uid=eve,{elsewhere}"), "uid=eve", people), How::Told(1, 0)),
        ("no longer chosen", changed(&named("eve"), "employeeType", "guest"), How::Told(0, 1)),
        ("chosen again", changed(&named("eve"), "employeeType", "staff"), How::Told(1, 0)),
        ("not chosen, and changed", changed(&named("guest"), "title", "x"), How::Told(0, 0)),
        ("deleted", removed(&named("fay")), How::Told(0, 1)),
        ("deleted and made anew", removed(&named("gil")) + &person("gil", people, 7), How::Whole),
        ("many at once", removed(&named("ann")) + &person("hal", people, 8) + &changed(&named("cy"), "title", "y"), How::Told(2, 1)),
        ("two with one number", person("ida", people, 8), How::Whole),
        ("one of them goes", removed(&named("ida")), How::Whole),
        (
            "without a number",
            changed(&named("hal"), "employeeNumber", "8") + "dn: uid=hal," + people + "\nchangetype: modify\ndelete: employeeNumber\n\n",
            How::Whole,
        ),
        ("with one again", changed(&named("hal"), "employeeNumber", "8"), How::Whole),
        ("all below it are called otherwise", moved(&format!("ou=sales,{people}"), "ou=shops", people), How::Whole),
    ]
}

fn chosen(connection: &Json, changes: &str) -> SourceConnection {
    let mut connection = connection.clone();
    connection["ldap"]["users"]["filter"] = json!("(&(objectClass=inetOrgPerson)(employeeType=staff))");
    connection["ldap"]["changes"] = json!(changes);
    connection["ldap"]["pageSize"] = json!(3);
    serde_json::from_value(connection).expect("a connection")
}

const COLUMNS: [&str; 4] = ["employeeNumber", "dn", "title", "uid"];

/// With the names of those who went at hand, and without.
#[tokio::test]
async fn openldap_tells_what_changed_and_who_is_gone() {
    for remembered in [100, 1] {
        let Some(server) = Slapd::start(Setup { tells: Some(remembered), ..Setup::default() }) else {
            return skipped("content synchronization of ldap", "slapd and ldap-utils");
        };
        server.changes(&before(PEOPLE, "dc=example,dc=org"));
        let users = json!({ "users": { "base": PEOPLE }, "groups": null });
        let mut follower = Follower::of(chosen(&server.connection(&users), "contentSync"), &COLUMNS).await;
        // Others leave a lot to say, in between.
        let change = |ldif: &str| server.changes(ldif);
        keeps_up(&mut follower, &change, &steps(PEOPLE, "dc=example,dc=org")).await;
    }
}

#[tokio::test]
async fn members_of_a_group_change_with_the_group() {
    let Some(server) = Slapd::start(Setup { tells: Some(100), ..Setup::default() }) else {
        return skipped("groups that are followed", "slapd and ldap-utils");
    };
    let group = format!("cn=all,{GROUPS}");
    server.changes(&format!("dn: {group}\nobjectClass: groupOfNames\ncn: all\nmember: uid=a,{PEOPLE}\nmember: uid=b,{PEOPLE}\n"));
    // Nobody said how: it is what the server offers.
    let connection = server.source(&json!({ "users": { "base": GROUPS, "filter": "(objectClass=groupOfNames)" }, "groups": null }));
    let mut follower = Follower::of(connection, &["cn", "member"]).await;
    let steps = [
        ("one more", format!("dn: {group}\nchangetype: modify\nadd: member\nmember: uid=c,{PEOPLE}\n"), How::Told(1, 0)),
        ("one less", format!("dn: {group}\nchangetype: modify\ndelete: member\nmember: uid=a,{PEOPLE}\n"), How::Told(1, 0)),
        (
            "another group",
            format!("dn: cn=few,{GROUPS}\nchangetype: add\nobjectClass: groupOfNames\ncn: few\nmember: {group}\n"),
            How::Told(1, 0),
        ),
        ("a group less", removed(&group), How::Told(0, 1)),
    ];
    keeps_up(&mut follower, &|ldif| server.changes(ldif), &steps).await;
}

#[tokio::test]
async fn an_answer_that_is_cut_is_none_and_who_was_not_told_of_is_not_gone() {
    let Some(server) = Slapd::start(Setup { tells: Some(1), ..Setup::default() }) else {
        return skipped("cuts of content synchronization", "slapd and ldap-utils");
    };
    server.changes(&(0..300).map(|at| person(&format!("u{at}"), PEOPLE, at)).collect::<String>());
    let wire = Wire::to(server.port());
    let users = json!({ "urls": [wire.url()], "users": { "base": PEOPLE }, "groups": null, "timeout": "20s" });
    let mut connection = chosen(&server.connection(&users), "contentSync");
    let SourceConnection::Ldap(ldap) = &mut connection else { panic!("ldap") };
    ldap.page_size = None;
    let mut follower = Follower::of(connection, &COLUMNS).await;
    for (at, bytes) in [1, 150, 2000, 4000, 5200].into_iter().enumerate() {
        server.changes(&(removed(&format!("uid=u{at},{PEOPLE}")) + &changed(&format!("uid=u{},{PEOPLE}", 100 + at), "title", "Lead")));
        let mark = follower.report.next[&ObjectKind::Account].clone();
        wire.cut_after(bytes);
        let (came, report) = follower.read(ReadScope::Changed([(ObjectKind::Account, mark.clone())].into()), true).await;
        assert!(matches!(report.of(ObjectKind::Account), Evidence::Unreadable { .. }), "{bytes}: {report:?}");
        assert!(came.gone.is_empty() && report.next.is_empty(), "{bytes}: {:?}", came.gone);
        wire.mend();
        // It goes on from where it was.
        assert_eq!(follower.follows("mended").await, How::Told(1, 1), "{bytes}");
    }
    // What nobody remembers any more is read as a whole.
    follower.around = Surroundings::at(std::env::temp_dir()).of("directory");
    server.changes(&removed(&format!("uid=u50,{PEOPLE}")));
    assert_eq!(follower.follows("another process").await, How::Whole);
}

/// Where the server would cut a list short that is not asked for page by page, all is as it was before.
#[tokio::test]
async fn who_may_not_be_told_reads_on_as_before() {
    let Some(server) = Slapd::start(Setup { tells: Some(1), most: Some(5000), ..Setup::default() }) else {
        return skipped("limits of content synchronization", "slapd and ldap-utils");
    };
    let without = Slapd::start(Setup::default()).expect("a second one");
    for server in [&server, &without] {
        server.changes(&before(PEOPLE, "dc=example,dc=org"));
    }
    // It knows the control and not the overlay.
    let users = json!({ "users": { "base": PEOPLE }, "groups": null });
    let mut follower = Follower::of(without.source(&users), &COLUMNS).await;
    without.changes(&changed(&format!("uid=ann,{PEOPLE}"), "title", "Lead"));
    assert!(matches!(follower.follows("by its time").await, How::Told(1.., 0)));
    let mut follower = Follower::of(server.source(&users), &COLUMNS).await;
    server.changes(&removed(&format!("uid=ann,{PEOPLE}")));
    assert_eq!(follower.follows("by name").await, How::Told(0, 1));
}

#[tokio::test]
async fn directory_server_389_tells_what_changed_and_who_is_gone() {
    let Some(server) = Ds389::start("content synchronization of 389 Directory Server") else { return };
    let (top, connection) = server.connection("followed");
    let people = format!("ou=people,{top}");
    server.changes(&before(&people, &top));
    let mut connection = connection;
    connection["ldap"]["users"].as_object_mut().expect("users").remove("attributes");
    connection["ldap"]["groups"] = Json::Null;
    let mut follower = Follower::of(chosen(&connection, "contentSync"), &COLUMNS).await;
    keeps_up(&mut follower, &|ldif| server.changes(ldif), &steps(&people, &top)).await;
}

#[tokio::test]
async fn active_directory_tells_what_changed_and_who_is_gone() {
    let Some(server) = Samba::start("DirSync of Active Directory") else { return };
    let base = format!("OU=People,{TOP}");
    let named = |name: &str| format!("CN={name},{base}");
    let person = |name: &str, number: u32| {
        format!(
            "dn: {}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\nemployeeType: staff\nemployeeID: {number}\n\n",
            named(name)
        )
    };
    let names = ["ann", "bob", "cy", "dee", "eve", "fay"];
    server.changes(
        &(unit("Sales", &base)
            + &unit("Elsewhere", TOP)
            + &(1..).zip(names).map(|(number, name)| person(name, number)).collect::<String>()),
    );
    let elsewhere = format!("OU=Elsewhere,{TOP}");
    let people = json!({ "base": base, "filter": "(&(objectCategory=person)(objectClass=user)(employeeType=staff))" });
    let mut connection = server.connection(&json!({ "users": people, "groups": null }));
    // Without the right all is as before: by its count of changes.
    let mut by_count =
        Follower::of(serde_json::from_value(connection.clone()).expect("a connection"), &["employeeID", "dn", "title"]).await;
    connection["ldap"]["bind"]["simple"]["dn"] = json!(FOLLOWING);
    let mut follower = Follower::of(serde_json::from_value(connection).expect("a connection"), &["employeeID", "dn", "title"]).await;
    let steps = [
        ("added", person("gil", 7), How::Told(1, 0)),
        ("changed", changed(&named("ann"), "title", "Lead"), How::Told(1, 0)),
        ("renamed", moved(&named("bob"), "CN=bo", &base), How::Told(1, 0)),
        ("known by another number", changed(&named("cy"), "employeeID", "33"), How::Whole),
        ("moved within", moved(&named("dee"), "CN=dee", &format!("OU=Sales,{base}")), How::Told(1, 0)),
        ("moved out", moved(&named("eve"), "CN=eve", &elsewhere), How::Told(0, 1)),
        ("moved in", moved(&format!("CN=eve,{elsewhere}"), "CN=eve", &base), How::Told(1, 0)),
        ("no longer chosen", changed(&named("eve"), "employeeType", "guest"), How::Told(0, 1)),
        ("chosen again", changed(&named("eve"), "employeeType", "staff"), How::Told(1, 0)),
        ("deleted", removed(&named("fay")), How::Told(0, 1)),
        ("deleted and made anew", removed(&named("gil")) + &person("gil", 7), How::Whole),
        ("another unit", unit("New", &base), How::Told(0, 0)),
        ("all below it are called otherwise", moved(&format!("OU=Sales,{base}"), "OU=Shops", &base), How::Whole),
    ];
    keeps_up(&mut follower, &|ldif| server.changes(ldif), &steps).await;
    // Somebody is known by another number since.
    assert_eq!(by_count.follow().await, How::Whole);
    server.changes(&changed(&named("ann"), "title", "Head"));
    assert!(matches!(by_count.follow().await, How::Told(1.., 0)));
}

#[tokio::test]
async fn members_in_active_directory_change_with_the_group() {
    let Some(server) = Samba::start("groups of DirSync") else { return };
    let (people, groups) = (format!("OU=People,{TOP}"), format!("OU=Groups,{TOP}"));
    let person = |name: &str| format!("dn: CN={name},{people}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\n\n");
    let group = format!("CN=all,{groups}");
    server.changes(
        &(person("ann")
            + &person("bob")
            + &format!("dn: {group}\nchangetype: add\nobjectClass: group\nsAMAccountName: all\nmember: CN=ann,{people}\n")),
    );
    let mut connection =
        server.connection(&json!({ "users": { "base": groups, "filter": "(objectClass=group)" }, "groups": null, "changes": "dirSync" }));
    connection["ldap"]["bind"]["simple"]["dn"] = json!(FOLLOWING);
    let mut follower = Follower::of(serde_json::from_value(connection).expect("a connection"), &["objectGUID", "member", "cn"]).await;
    let steps = [
        ("one more", format!("dn: {group}\nchangetype: modify\nadd: member\nmember: CN=bob,{people}\n"), How::Told(1, 0)),
        ("one less", format!("dn: {group}\nchangetype: modify\ndelete: member\nmember: CN=ann,{people}\n"), How::Told(1, 0)),
        ("a group less", removed(&group), How::Told(0, 1)),
    ];
    keeps_up(&mut follower, &|ldif| server.changes(ldif), &steps).await;
}
