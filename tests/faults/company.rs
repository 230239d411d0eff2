//! A company that can be written down as manifests and a CSV file, and be changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// Somebody in the HR export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: u32,
    pub department: usize,
    pub title: u32,
    pub manager: Option<u32>,
    pub left: bool,
    /// was in another department before, so a membership of theirs goes
    pub moved: bool,
}

/// Everybody, and one group for each department.
#[derive(Clone, Debug)]
pub struct Company {
    pub people: Vec<Person>,
    pub departments: usize,
    random: fastrand::Rng,
}

/// How headcount speaks to the target.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub concurrency: u32,
    /// resources a page
    pub page: u32,
}

impl Company {
    /// So many people in so many departments; the same seed gives the same company.
    pub fn new(people: u32, departments: usize, seed: u64) -> Self {
        let mut company = Self { people: Vec::new(), departments, random: fastrand::Rng::with_seed(seed) };
        for _ in 0..people {
            company.hire();
        }
        company
    }

    /// Somebody new, with a manager who is there already.
    pub fn hire(&mut self) {
        let id = u32::try_from(self.people.len()).expect("few people") + 1;
        let department = self.random.usize(..self.departments);
        let manager = (id > 1).then(|| self.random.u32(1..id)).filter(|manager| !self.people[*manager as usize - 1].left);
        self.people.push(Person { id, department, title: self.random.u32(..9), manager, left: false, moved: false });
    }

    /// So many people get another title, some of them another department, and some new people come.
    pub fn reorganise(&mut self, changes: usize) {
        for _ in 0..changes {
            let at = self.random.usize(..self.people.len());
            self.people[at].title = self.random.u32(10..99);
            if self.random.u8(..) < 64 {
                self.people[at].department = self.random.usize(..self.departments);
                self.people[at].moved = true;
            }
        }
        for _ in 0..changes / 4 {
            self.hire();
        }
    }

    /// Somebody leaves, and the export says so.
    pub fn lose(&mut self) {
        let at = self.random.usize(..self.people.len());
        self.people[at].left = true;
    }

    /// Who should be in which group, by user name.
    pub fn groups(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut groups: BTreeMap<_, BTreeSet<String>> = (0..self.departments).map(|at| (department(at), BTreeSet::new())).collect();
        for person in self.people.iter().filter(|person| !person.left) {
            groups.entry(department(person.department)).or_default().insert(person.user_name());
        }
        groups
    }

    /// The HR export.
    pub fn write_people(&self, folder: &Path) {
        let mut csv = String::from("id,first,last,dept,title,manager,status\n");
        for person in &self.people {
            let manager = person.manager.map(|id| id.to_string()).unwrap_or_default();
            let status = if person.left { "left" } else { "here" };
            let (id, dept, title) = (person.id, department(person.department), person.title);
            writeln!(csv, "{id},P{id},Person{id},{dept},Title {title},{manager},{status}").expect("memory");
        }
        // Renamed into place: a run must never see half a file that this test wrote.
        let (new, place) = (folder.join("people.new"), folder.join("people.csv"));
        crate::support::write_settled(&new, csv);
        std::fs::rename(&new, &place).expect("the export");
    }

    /// The manifests, for a SCIM service at this address.
    pub fn write_manifests(&self, folder: &Path, scim: &str, pace: Pace) {
        let mut text = MANIFESTS
            .replace("{scim}", scim)
            .replace("{concurrency}", &pace.concurrency.to_string())
            .replace("{page}", &pace.page.to_string());
        for at in 0..self.departments {
            let name = department(at);
            write!(
                text,
                "---\napiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {{name: {name}}}\nspec:\n  displayName: {name}\n  rule: identity.department == \"{name}\"\n"
            )
            .expect("memory");
        }
        std::fs::write(folder.join("headcount.yaml"), text).expect("the manifests");
    }
}

impl Person {
    /// The name of the account.
    pub fn user_name(&self) -> String {
        format!("p{}.person{}", self.id, self.id)
    }
}

/// Lets more people come than the limits allow by themselves: somebody has seen that so many do.
pub fn allow_many_to_come(manifests: &Path) {
    let text = std::fs::read_to_string(manifests).expect("the manifests");
    if !text.contains(MANY) {
        std::fs::write(manifests, text.replacen("  guardrails:\n", MANY, 1)).expect("the manifests");
    }
}

fn department(at: usize) -> String {
    format!("dept-{at:03}")
}

const MANY: &str = "  guardrails:\n    create: {count: 100000}\n";

const MANIFESTS: &str = r#"apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: faults}
spec: {id: faults-7c1d}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection: {file: {path: people.csv}}
  key: record.id
  lifecycle: {leaver: 'record.status == "left"'}
  mapping:
    rules:
    - {attribute: userName, value: 'lower(record.first) + "." + lower(record.last)'}
    - {attribute: name.givenName, value: record.first}
    - {attribute: name.familyName, value: record.last}
    - {attribute: displayName, value: 'record.first + " " + record.last'}
    - {attribute: title, value: record.title}
    - {attribute: department, value: record.dept}
    - {attribute: manager, value: record.manager}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: app}
spec:
  connection:
    scim:
      url: {scim}
      auth: {bearer: {env: FAULTS_TOKEN}}
      timeout: 10s
      pageSize: {page}
  groups: {}
  limits: {concurrency: {concurrency}}
  guardrails:
    deactivate: {percent: 50, count: 50}
    leavers: {percent: 50, count: 50}
    removeMembers: {percent: 90, count: 1000}
    addMembers: {count: 100000}
"#;
