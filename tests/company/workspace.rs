//! What the company writes for headcount: HR's export, the directory's, and the manifests.
//!
//! Must never: tell more than the real systems would.

use std::fmt::Write as _;
use std::path::Path;

use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::json;

use super::names::{FAMILY, GIVEN};
use super::people::{Company, DEPARTMENTS, ENGINEERING, LEAD, LOCATIONS, Leaving, Person, Who, number};

/// The first day.
pub const START: Date = jiff::civil::date(2026, 1, 5);

/// A day as a date.
pub fn date(day: i32) -> Date {
    START + day.days()
}

/// What happens to an export on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Damage {
    #[default]
    None,
    /// there is no file
    Gone,
    /// it ends in the middle of a record, after this share of a thousand
    CutOff(usize),
    /// a column is not there
    LostColumn,
    /// a column has no value in any record
    EmptyColumn,
    /// this many of ten records are missing, wherever
    Shrunk(usize),
    /// records in a row are missing: this share of a thousand
    LostPage(usize),
    /// a second record, another one, has the key of one in so many thousand
    Doubled(usize),
    /// every key was made a number with a point
    Reformed,
    /// every key stands beside the next record, and the last one is lost
    Shifted,
    /// somebody new has the key of somebody who is not listed any more
    UsedAgain { newcomer: usize, of: usize },
    /// the last day of so many of ten lies before the first
    Dates(usize),
    /// so many of ten have no status
    StatusLost(usize),
}

/// Which records an export told.
pub struct Told {
    told: Vec<bool>,
    /// two records have this one's key
    pub doubled: Option<usize>,
    /// this one's key is somebody else's
    pub used: Option<usize>,
    /// nothing can be said of anybody
    pub shifted: bool,
    /// who is told under another form of the key
    reformed: Vec<bool>,
    /// what is told of these contradicts itself, or is missing
    unsure: Vec<bool>,
    /// whether who is missing can be said to be gone
    pub complete: bool,
}

impl Told {
    pub fn has(&self, person: usize) -> bool {
        self.told.get(person).copied().unwrap_or(false)
    }

    pub fn is_reformed(&self, person: usize) -> bool {
        self.reformed.get(person).copied().unwrap_or(false)
    }

    pub fn is_unsure(&self, person: usize) -> bool {
        self.unsure.get(person).copied().unwrap_or(false)
    }

    /// Whether there is a record with their key, whatever it says.
    pub fn has_key(&self, person: usize) -> bool {
        self.has(person) || self.doubled == Some(person) || self.used == Some(person)
    }
}

/// Writes HR's export as CSV.
pub fn write_hr(folder: &Path, company: &Company, damage: Damage) -> Told {
    let listed: Vec<usize> = (0..company.people.len()).filter(|at| company.people[*at].is_listed(company.day)).collect();
    let (kept, complete) = kept(&listed, damage);
    let header = "employee_id,first,last,status,start,end,dept,site,level,title,manager_id";
    let lost = |name: &str| damage == Damage::LostColumn && name == LOSES;
    let emptied = |name: &str| damage == Damage::EmptyColumn && name == LOSES;
    let names: Vec<&str> = header.split(',').filter(|name| !lost(name)).collect();
    let mut text = names.join(",") + "\r\n";
    let records: Vec<Vec<String>> = kept.iter().map(|at| record(&company.people[*at], *at, company.day)).collect();
    for cells in spoilt(company, &kept, records, damage) {
        let cells = cells.iter().zip(header.split(',')).filter(|(_, name)| !lost(name));
        let cells: Vec<&str> = cells.map(|(cell, name)| if emptied(name) { "" } else { cell.as_str() }).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    if let Damage::CutOff(_) = damage {
        text.push_str("\"1000");
    }
    let doubled = match damage {
        Damage::Doubled(thousandth) => kept.get(kept.len() * thousandth / 1000).copied(),
        _ => None,
    };
    if let Some(at) = doubled {
        let mut cells = record(&company.people[at], at, company.day);
        cells[9].push_str(" II");
        text.push_str(&(cells.join(",") + "\r\n"));
    }
    put(&folder.join("hr.csv"), &text, damage);
    let mut told = told(company, &kept, damage, complete);
    if let Some(at) = doubled {
        (told.told[at], told.doubled) = (false, doubled);
    }
    match damage {
        Damage::Reformed => (told.reformed, told.told) = (told.told, Vec::new()),
        Damage::Shifted => told.shifted = true,
        Damage::UsedAgain { newcomer, of } => (told.told[newcomer], told.used) = (false, Some(of)),
        Damage::Dates(tenths) | Damage::StatusLost(tenths) => {
            // A status that says it is said before the dates are looked at.
            let sure = |at: usize| damage == Damage::Dates(tenths) && company.people[at].is_said_to_have_left(company.day);
            told.unsure = (0..company.people.len()).map(|at| told.has(at) && is_hit(at, tenths) && !sure(at)).collect();
        }
        _ => {}
    }
    told
}

/// Whether somebody is one of so many of ten.
fn is_hit(at: usize, tenths: usize) -> bool {
    (at * 7 + at / 10) % 10 < tenths
}

/// The records of these people with what the damage makes of them.
fn spoilt(company: &Company, kept: &[usize], mut records: Vec<Vec<String>>, damage: Damage) -> Vec<Vec<String>> {
    if damage == Damage::Shifted {
        for at in 1..records.len() {
            records[at - 1] = [&records[at - 1][..=KEY], &records[at][KEY + 1..]].concat();
        }
        records.pop();
        return records;
    }
    for (at, cells) in kept.iter().zip(&mut records) {
        match damage {
            Damage::Reformed => {
                cells[KEY].push_str(".0");
                let manager = if cells[MANAGER].is_empty() { "" } else { ".0" };
                cells[MANAGER].push_str(manager);
            }
            Damage::UsedAgain { newcomer, of } if newcomer == *at => cells[KEY] = number(of).to_string(),
            Damage::Dates(tenths) if is_hit(*at, tenths) => cells[END] = date(company.people[*at].from - 30).to_string(),
            Damage::StatusLost(tenths) if is_hit(*at, tenths) => cells[STATUS].clear(),
            _ => {}
        }
    }
    records
}

/// Where these stand in a record.
const KEY: usize = 0;
const STATUS: usize = 3;
const END: usize = 5;
const MANAGER: usize = 10;

/// The column that an export loses, or the values of.
const LOSES: &str = "dept";

fn record(person: &Person, at: usize, day: i32) -> Vec<String> {
    let left = person.has_left(day);
    let status = match person.leaving {
        Leaving::Status if left => "Terminated",
        _ if person.on_leave(day) => "On leave",
        _ => "Active",
    };
    let ends = match person.leaving {
        Leaving::EndDate => person.announced <= day,
        Leaving::Status => left && at.is_multiple_of(2),
        Leaving::Vanishes => false,
    };
    let end = person.until.filter(|_| ends).map(|until| date(until).to_string());
    vec![
        number(at).to_string(),
        GIVEN[person.given].0.to_owned(),
        FAMILY[person.family].0.to_owned(),
        status.to_owned(),
        date(person.from).to_string(),
        end.unwrap_or_default(),
        DEPARTMENTS[person.department].to_owned(),
        LOCATIONS[person.location].to_owned(),
        format!("L{}", person.level),
        person.title(),
        person.manager.map(|manager| number(manager).to_string()).unwrap_or_default(),
    ]
}

/// Writes the directory's export as NDJSON: it knows those whom HR has, once they are in it.
pub fn write_directory(folder: &Path, company: &Company, damage: Damage) -> Told {
    let day = company.day;
    let known = |at: &usize| company.people[*at].is_listed(day) && company.people[*at].in_directory <= day;
    let known: Vec<usize> = (0..company.people.len()).filter(known).collect();
    let (kept, complete) = kept(&known, damage);
    let mut text = String::new();
    for at in &kept {
        let person = &company.people[*at];
        let mut record = json!({ "uid": format!("u{at:06}"), "number": number(*at).to_string(), "phone": person.phone });
        if !matches!(damage, Damage::LostColumn | Damage::EmptyColumn) {
            record["mail"] = json!(person.mail);
        }
        let _ = writeln!(text, "{record}");
    }
    if let Damage::CutOff(_) = damage {
        text.push_str("{\"uid\": \"u00");
    }
    put(&folder.join("directory.ndjson"), &text, damage);
    told(company, &kept, damage, complete)
}

/// Who is left in a damaged export, and whether it looks whole.
fn kept(listed: &[usize], damage: Damage) -> (Vec<usize>, bool) {
    let share = |thousandth: usize| listed.len() * thousandth / 1000;
    match damage {
        Damage::None | Damage::Doubled(_) | Damage::Reformed | Damage::Shifted => (listed.to_vec(), true),
        Damage::UsedAgain { .. } | Damage::Dates(_) | Damage::StatusLost(_) => (listed.to_vec(), true),
        Damage::Gone | Damage::LostColumn | Damage::EmptyColumn => (listed.to_vec(), false),
        Damage::CutOff(thousandth) => (listed[..share(thousandth)].to_vec(), false),
        Damage::Shrunk(tenths) => (listed.iter().copied().filter(|at| (at * 7 + at / 10) % 10 >= tenths).collect(), false),
        Damage::LostPage(thousandth) => {
            let (from, count) = (listed.len() * 2 / 3, share(thousandth));
            (listed[..from].iter().chain(&listed[from + count..]).copied().collect(), true)
        }
    }
}

fn told(company: &Company, kept: &[usize], damage: Damage, complete: bool) -> Told {
    let unusable = matches!(damage, Damage::Gone | Damage::LostColumn | Damage::EmptyColumn);
    let mut told = vec![false; company.people.len()];
    kept.iter().filter(|_| !unusable).for_each(|at| told[*at] = true);
    Told { told, doubled: None, used: None, shifted: false, reformed: Vec::new(), unsure: Vec::new(), complete }
}

fn put(path: &Path, text: &str, damage: Damage) {
    if damage == Damage::Gone {
        let _ = std::fs::remove_file(path);
    } else {
        crate::support::write_settled(path, text);
    }
}

/// The manifests, with `connection` for the target.
pub fn manifests(company: &Company, connection: &serde_json::Value, target: &str) -> String {
    let mut text = String::from(WORKSPACE);
    let _ = write!(text, "---\n{HEADER}kind: Target\nmetadata: {{name: app}}\nspec:\n  connection: {connection}\n{target}");
    for group in groups(company) {
        let _ = write!(text, "---\n{group}\n");
    }
    if connection.get("sql").is_some() {
        let _ = write!(text, "---\n{CARDS}");
    }
    for user in users(company) {
        let _ = write!(text, "---\n{user}\n");
    }
    text
}

/// A card with a limit by level.
const CARDS: &str = r#"apiVersion: headcount.dev/v1alpha1
kind: Entitlement
metadata: {name: card}
spec:
  target: app
  when: identity.custom.level in ["L3", "L4", "L5", "L6", "L7", "L8"]
  parameters: {limit: 'identity.custom.level in ["L3", "L4"] ? 500 : 5000'}
"#;

const HEADER: &str = "apiVersion: headcount.dev/v1alpha1\n";

const WORKSPACE: &str = r#"apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme, timeZone: Europe/Lisbon}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection:
    file: {path: hr.csv, mayBeEmpty: [end, manager_id]}
  key: record.employee_id
  establishes: true
  precedence: 20
  lifecycle:
    leaver: record.status == "Terminated"
    suspended: record.status == "On leave"
  mapping:
    rules:
    - {attribute: userName, value: 'lower(ascii(record.first)) + "." + lower(ascii(record.last))', unique: true}
    - {attribute: name.givenName, value: record.first}
    - {attribute: name.familyName, value: record.last}
    - {attribute: department, value: record.dept}
    - {attribute: division, value: record.site}
    - {attribute: title, value: record.title}
    - {attribute: custom.level, value: record.level}
    - {attribute: employeeNumber, value: record.employee_id}
    - {attribute: manager, value: record.manager_id}
    - {attribute: startDate, value: date(record.start)}
    - {attribute: endDate, value: date(record.end)}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: directory}
spec:
  connection:
    file: {path: directory.ndjson}
  key: record.uid
  establishes: false
  precedence: 10
  correlate: [employeeNumber]
  mapping:
    rules:
    - {attribute: employeeNumber, value: record.number}
    - {attribute: emails, value: record.mail}
    - {attribute: phoneNumbers, value: record.phone}
"#;

fn document(kind: &str, name: &str, spec: serde_json::Value) -> serde_json::Value {
    json!({ "apiVersion": "headcount.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

fn groups(company: &Company) -> Vec<serde_json::Value> {
    let rule = |name: String, display: &str, rule: String| document("Group", &name, json!({ "displayName": display, "rule": rule }));
    let each = json!({ "displayName": "{value}", "forEach": "identity.department" });
    let mut groups = vec![document("Group", "department", each)];
    let locations = LOCATIONS.iter().enumerate();
    groups.extend(locations.map(|(at, name)| rule(format!("location-{at}"), name, format!("identity.division == {name:?}"))));
    let levels: Vec<String> = (LEAD..=9).map(|level| format!("L{level}")).collect();
    groups.push(rule("leads".into(), "Leads", format!("identity.custom.level in {levels:?}")));
    groups.push(rule("everybody".into(), "Everybody", "has(identity.userName)".into()));
    let engineering: Vec<_> = ENGINEERING.iter().map(|at| json!({ "group": format!("department/{}", DEPARTMENTS[*at]) })).collect();
    groups.push(document("Group", "engineering", json!({ "displayName": "Engineering", "members": engineering })));
    let declared = company.project.iter().filter(|assigned| match assigned.who {
        Who::Person(_) => true,
        Who::Contractor(at) => company.contractors[at].is_declared(company.day),
    });
    let members: Vec<_> = declared
        .map(|assigned| match assigned.who {
            Who::Person(at) => {
                json!({ "identity": { "source": "hr", "key": number(at).to_string() }, "until": date(assigned.until).to_string() })
            }
            Who::Contractor(at) => json!({ "user": format!("contractor-{at}"), "until": date(assigned.until).to_string() }),
        })
        .collect();
    groups.push(document("Group", "project", json!({ "displayName": "Project Aurora", "members": members, "allowEmpty": true })));
    groups
}

fn users(company: &Company) -> Vec<serde_json::Value> {
    let mut users = Vec::new();
    for (at, contractor) in company.contractors.iter().enumerate().filter(|(_, contractor)| contractor.is_declared(company.day)) {
        let mut attributes = json!({
            "userName": contractor.user_name(at),
            "name.givenName": GIVEN[contractor.given].0,
            "name.familyName": FAMILY[contractor.family].0,
            "department": DEPARTMENTS[contractor.department],
            "title": "Contractor",
            "startDate": date(contractor.from).to_string(),
            "endDate": date(contractor.until).to_string(),
        });
        if let Some(manager) = contractor.manager {
            attributes["manager"] = json!(Who::Person(manager).key());
        }
        users.push(document("User", &format!("contractor-{at}"), json!({ "attributes": attributes })));
    }
    let of = |who: usize| json!({ "source": "hr", "key": number(who).to_string() });
    for (who, title) in company.titles.iter().filter(|(who, _)| !company.excluded.contains(who)) {
        users.push(document("User", &format!("title-{who}"), json!({ "overrides": of(*who), "attributes": { "title": title } })));
    }
    for who in &company.excluded {
        users.push(document("User", &format!("excluded-{who}"), json!({ "overrides": of(*who), "exclude": true })));
    }
    users
}
