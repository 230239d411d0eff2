//! HR systems on stand-ins: what is read is what is there, through whoever comes, changes and leaves; and what is written back leaves nothing to plan.

use std::sync::Arc;

use headcount::connector::{Gone, PageSink, ReadRequest, Surroundings, Within, registry};
use headcount::manifest::connection::{DeclaredConnection, SourceConnection};
use headcount::model::{Columns, Evidence, ObjectKind, Page};
use serde_json::{Value as Json, json};

use super::workspace::{Workspace, document};
use crate::support::emulators::Emulator;
use crate::support::skipped;
use crate::support::vendors::{StandIns, catalog_document};

/// An HR system: how it is reached, where its records have what, and how it says who works there.
struct System {
    vendor: &'static str,
    name: &'static str,
    host: &'static str,
    config: Json,
    auth: Json,
    /// id, address, first and last name, title, department, manager, status
    columns: [&'static str; 8],
    first_id: u32,
    status: [&'static str; 2],
}

fn secret(text: &str) -> Json {
    json!({ "exec": ["echo", text] })
}

fn hibob() -> System {
    System {
        vendor: "hibob",
        name: "hibob",
        host: "{config.host}",
        config: json!({}),
        auth: json!({ "service": { "id": secret("service"), "token": secret("hibob-token") } }),
        columns: [
            "id",
            "email",
            "firstName",
            "surname",
            "humanReadable.work.title",
            "humanReadable.work.department",
            "work.reportsTo.id",
            "internal.status",
        ],
        first_id: 2000,
        status: ["Inactive", "Active"],
    }
}

fn bamboohr() -> System {
    System {
        vendor: "bamboohr",
        name: "bamboohr",
        host: "{config.company}.bamboohr.com",
        config: json!({ "company": "acme" }),
        auth: json!({ "key": { "key": secret("bamboo-key") } }),
        columns: ["employeeId", "workEmail", "firstName", "lastName", "jobTitleName", "departmentName", "reportsToId", "status"],
        first_id: 0,
        status: ["Inactive", "Active"],
    }
}

fn workday() -> System {
    System {
        vendor: "workday",
        name: "workday-raas",
        host: "{config.host}",
        config: json!({ "host": "wd2.workday.com", "tenant": "acme", "owner": "ISU_headcount", "report": "headcount_workers" }),
        auth: json!({ "system": { "user": secret("ISU_headcount"), "password": secret("workday-password") } }),
        columns: ["Employee_ID", "Email_Work", "First_Name", "Last_Name", "Business_Title", "Department", "Manager_ID", "Active_Status"],
        first_id: 21_000,
        status: ["0", "1"],
    }
}

/// Somebody as HR has them: number, first and last name, department, title, manager, whether they work there.
type Somebody = (u32, &'static str, &'static str, &'static str, &'static str, Option<u32>, bool);

/// The people of the example, in HR's own order.
const PEOPLE: [Somebody; 10] = [
    (1, "Grace", "Mbeki", "Executive", "Chief executive", None, true),
    (2, "Ada", "Lindqvist", "Engineering", "Head of engineering", Some(1), true),
    (3, "Omar", "Haddad", "Engineering", "Engineer", Some(2), true),
    (4, "Mei", "Tanaka", "Engineering", "Engineer", Some(2), true),
    (5, "Ivo", "Novak", "Engineering", "Site reliability engineer", Some(2), true),
    (6, "Rosa", "Ferreira", "Sales", "Head of sales", Some(1), true),
    (7, "Tom", "Okafor", "Sales", "Account manager", Some(6), true),
    (8, "Lena", "Vogel", "Sales", "Account manager", Some(6), true),
    (9, "Sam", "Kowalski", "Finance", "Controller", Some(1), true),
    (10, "Noor", "Aziz", "Finance", "Accountant", Some(9), true),
];

/// What happens at HR, one after the other.
const STEPS: [(&str, Somebody); 5] = [
    ("somebody comes", (11, "Ann", "Lee", "Sales", "Account manager", Some(6), true)),
    ("somebody moves", (10, "Noor", "Aziz", "Sales", "Account manager", Some(6), true)),
    ("somebody leaves", (7, "Tom", "Okafor", "Sales", "Account manager", Some(6), false)),
    ("somebody is called otherwise", (4, "Mei", "Tanaka-Vogel", "Engineering", "Engineer", Some(2), true)),
    ("somebody comes back", (7, "Tom", "Okafor", "Sales", "Head of sales", Some(1), true)),
];

impl System {
    fn connection(&self, document: &Json) -> Json {
        json!({ "name": document["metadata"]["name"], "config": self.config, "auth": self.auth })
    }

    async fn read(&self, document: &Json) -> Vec<String> {
        read(document, self.connection(document), &self.columns, None).await
    }

    /// What HR has of somebody, as a line.
    fn line(&self, (number, first, last, department, title, manager, works): Somebody) -> String {
        let id = |number: u32| (self.first_id + number).to_string();
        let address = format!("{first}.{last}@acme.example").to_lowercase();
        let manager = manager.map_or_else(|| "-".to_owned(), id);
        let status = self.status[usize::from(works)];
        [&id(number), &address, first, last, title, department, &manager, status].join(" | ")
    }
}

/// Every record of a Source, or those of some groups, a line each.
async fn read(document: &Json, connection: Json, columns: &[&str], within: Option<Within>) -> Vec<String> {
    let mut connection: DeclaredConnection = serde_json::from_value(connection).expect("a connection");
    connection.document = Some(Arc::new(serde_json::from_value(document["spec"].clone()).expect("a document")));
    let connection = SourceConnection::Connector(Box::new(connection));
    let reader = registry::open_source(&connection, &Surroundings::at(".")).await.expect("it opens");
    let mut lines = Lines(Vec::new());
    let streams = vec![(ObjectKind::Account, Columns::new(columns.iter().copied()))];
    let report = reader.read(&ReadRequest { within, ..ReadRequest::new(streams) }, &mut lines).await;
    assert_eq!(report.of(ObjectKind::Account), Evidence::Complete, "{}", document["metadata"]["name"]);
    lines.0.sort();
    lines.0
}

struct Lines(Vec<String>);

impl PageSink for Lines {
    fn page(&mut self, _: ObjectKind, page: &Page) {
        let text = |cell: headcount::model::Cell<'_>| cell.to_value().map_or_else(|| "-".to_owned(), |value| value.to_string());
        self.0.extend(page.rows().map(|row| row.cells().map(text).collect::<Vec<_>>().join(" | ")));
    }

    fn restart(&mut self, _: ObjectKind) {
        self.0.clear();
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

async fn is_read_as_it_is(system: &System) {
    let Some(servers) = StandIns::with_pages_of(4) else { return skipped(&format!("conformance of {}", system.name), "Python") };
    let document = servers.document(system.name, system.vendor, &[system.host]);
    let mut people = PEOPLE.to_vec();
    for (step, somebody) in [("as it is", PEOPLE[0])].into_iter().chain(STEPS) {
        let (number, first, last, department, title, manager, works) = somebody;
        people.retain(|known| known.0 != number);
        people.push(somebody);
        let person = json!({
            "number": number, "first": first, "last": last, "department": department, "title": title, "manager": manager, "active": works,
        });
        servers.hands(system.vendor, Some(&person));
        let mut wanted: Vec<String> = people.iter().map(|somebody| system.line(*somebody)).collect();
        wanted.sort();
        assert_eq!(system.read(&document).await, wanted, "{}: {step}", system.name);
    }
    servers.are_as_specified(system.vendor, system.name);
}

#[tokio::test]
async fn what_hibob_has_is_read_through_everything_that_happens_there() {
    is_read_as_it_is(&hibob()).await;
}

#[tokio::test]
async fn what_bamboohr_has_is_read_through_everything_that_happens_there() {
    is_read_as_it_is(&bamboohr()).await;
}

#[tokio::test]
async fn what_a_report_of_workday_has_is_read_through_everything_that_happens_there() {
    is_read_as_it_is(&workday()).await;
}

/// How somebody is to be reached: address, telephone, mobile.
type Reached = [Option<&'static str>; 3];

/// What IT finds out, one after the other; the rest stays as it was.
const REACHED: [(&str, u32, Reached); 5] = [
    ("a telephone", 3, [Some("omar.haddad@acme.example"), Some("+49 30 1003"), None]),
    ("a mobile beside it", 3, [Some("omar.haddad@acme.example"), Some("+49 30 1003"), Some("+49 151 1003")]),
    ("another address", 4, [Some("mei@acme.example"), None, None]),
    ("an address and a telephone", 8, [Some("lena@acme.example"), Some("+49 30 1008"), None]),
    ("no telephone any more", 3, [Some("omar.haddad@acme.example"), None, Some("+49 151 1003")]),
];

/// IT's own list is the source, and HR gets addresses and telephone numbers of people that it has; nobody is made or ended there.
fn is_written_back(system: &System, key: &str) {
    let Some(servers) = StandIns::with_pages_of(4) else { return skipped(&format!("write-back to {}", system.name), "Python") };
    let catalog = servers.document(system.name, system.vendor, &[system.host]);
    let rule = |attribute: &str, value: &str| json!({ "attribute": attribute, "value": value });
    let phones = r#"[{"value": record.phone, "type": "work"}].filter(p, has(p.value)) + [{"value": record.mobile, "type": "mobile"}].filter(p, has(p.value))"#;
    let source = json!({
        "connection": { "file": { "path": "people.ndjson", "mayBeEmpty": ["phone", "mobile"] } },
        "key": "record.number",
        "mapping": { "rules": [rule("userName", "record.address"), rule(key, "record.number"), rule("emails", "record.address"), rule("phoneNumbers", phones)] },
    });
    let target = json!({
        "connection": { "connector": system.connection(&catalog) },
        "correlate": [key],
        "mapping": { "rules": [rule("emails", "identity.emails"), rule("phoneNumbers", "identity.phoneNumbers")] },
        "guardrails": { "adopt": { "count": 100 } },
    });
    let workspace = Workspace::new();
    workspace.manifests(&[document("Source", "it", source), document("Target", "hr", target), catalog]);
    let mut people: Vec<(u32, String, Reached)> = PEOPLE
        .iter()
        .map(|somebody| (somebody.0, format!("{}.{}@acme.example", somebody.1, somebody.2).to_lowercase(), [None; 3]))
        .collect();
    for (step, number, reached) in [("as it is", 1, [Some("grace.mbeki@acme.example"), None, None])].into_iter().chain(REACHED) {
        people.iter_mut().filter(|known| known.0 == number).for_each(|known| known.2 = reached);
        let mut wanted = serde_json::Map::new();
        let mut records = Vec::new();
        for (number, first, [address, phone, mobile]) in &people {
            let address = address.unwrap_or(first);
            let number = if system.vendor == "hibob" { number.to_string() } else { (system.first_id + number).to_string() };
            records.push(json!({ "number": number, "address": address, "phone": phone, "mobile": mobile }).to_string());
            let id =
                if system.vendor == "hibob" { format!("{}", system.first_id + number.parse::<u32>().expect("a number")) } else { number };
            wanted.insert(id, json!([address, phone, mobile]));
        }
        workspace.file("people.ndjson", &(records.join("\n") + "\n"));
        workspace.applies_and_has_nothing_left(step);
        assert_eq!(servers.hands(system.vendor, None), Json::Object(wanted), "{}: {step}", system.name);
    }
    servers.are_as_specified(system.vendor, system.name);
}

#[test]
fn addresses_and_telephones_are_written_back_to_hibob_and_leave_nothing_to_plan() {
    is_written_back(&hibob(), "employeeNumber");
}

#[test]
fn addresses_and_telephones_are_written_back_to_bamboohr_and_leave_nothing_to_plan() {
    is_written_back(&bamboohr(), "custom.employeeId");
}

/// `backlot` plays Slack with people of its own, whom its list of tokens names, too; it reads only.
#[tokio::test]
async fn slack_is_read_on_somebody_elses_emulator_everybody_and_one_channel() {
    let Some(emulator) = Emulator::of_backlot() else { return };
    let tokens: Json = serde_yaml::from_str(&emulator.file("data/tokens.yaml")).expect("YAML");
    let port = emulator.port();
    let mut document = catalog_document("slack", &["slack.com"], &format!("http://127.0.0.1:{port}/slack"), &[port]);
    // Its ten people are several pages.
    document["spec"]["accounts"]["list"]["query"]["limit"] = json!(3);
    document["spec"]["groups"]["channel"]["members"]["list"]["query"]["limit"] = json!(3);
    let token = tokens["admin_token"].as_str().expect("a token");
    let connection = json!({ "name": "slack", "auth": { "bot": { "token": secret(token) } } });
    let everybody = read(&document, connection.clone(), &["profile.email", "deleted"], None).await;
    let mut wanted: Vec<String> =
        tokens["users"].as_array().expect("people").iter().filter_map(|one| Some(format!("{} | false", one["email"].as_str()?))).collect();
    wanted.sort();
    assert_eq!(everybody, wanted);
    let within = Within { groups: [("channel".to_owned(), vec!["general".to_owned()])].into(), ..Within::default() };
    let some = read(&document, connection, &["profile.email", "deleted"], Some(within)).await;
    assert!(!some.is_empty() && some.iter().all(|one| everybody.contains(one)), "{some:?}");
}
