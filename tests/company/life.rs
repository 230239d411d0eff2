//! The company lives day by day, and each day what the application holds is compared with what the model says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use fastrand::Rng;
use headcount::model::{FindingCode, Plan, Severity};

use super::app::{ANOTHER, App, Holdings, OURS, Row};
use super::model::{Day, Member, Model, is_group};
use super::office::Office;
use super::people::{Company, Who, number};
use super::service::Service;
use super::trouble::{self, Edit, Trouble};
use super::workspace::{Damage, Told, date, manifests, write_directory, write_hr};

/// How the target is declared, beside its connection: limits that the company's everyday stays within.
const TARGET: &str = "  correlate: [externalId, employeeNumber]
  groups: {}
  preHire: {before: 7d}
  leaver: {action: deactivate, deleteAfter: 45d}
  guardrails:
    deactivate: {percent: 3, count: 4}
    leavers: {percent: 5, count: 20}
    delete: {percent: 5, count: 20}
    removeMembers: {percent: 60, count: 100}
";
/// The same where weeks lie between two runs.
const SAMPLED: &str = "  correlate: [externalId, employeeNumber]
  groups: {}
  preHire: {before: 7d}
  leaver: {action: deactivate, deleteAfter: 45d}
  guardrails:
    deactivate: {percent: 60, count: 50}
    leavers: {percent: 60, count: 50}
    delete: {percent: 60, count: 50}
    removeMembers: {percent: 90, count: 200}
    addMembers: {percent: 90, count: 200}
    addEntitlements: {percent: 90, count: 200}
    deleteGroups: {count: 12}
    create: {percent: 90, count: 200}
    reactivate: {percent: 60, count: 50}
    rename: {percent: 60, count: 50}
";
/// So many differences are told.
const TOLD: usize = 12;

/// The company, its application and its headcount.
pub struct Life {
    seed: u64,
    folder: tempfile::TempDir,
    company: Company,
    application: Application,
    /// what a wrong manifest leads to
    another: Option<App>,
    office: Office,
    model: Model,
    rng: Rng,
    pub figures: Figures,
}

/// What the company's people have accounts in.
pub enum Application {
    /// tables, which others change too
    Tables(App),
    /// a service, which just headcount changes
    Service(Service),
}

/// What was done in all.
#[derive(Debug, Default)]
pub struct Figures {
    pub days: i32,
    pub changes: usize,
    pub troubles: usize,
    pub shut: usize,
}

impl Life {
    /// A company whose application is tables.
    pub fn at_tables(seed: u64, size: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let app = App::new(folder.path(), OURS);
        let mut life = Self::new(seed, size, folder, Application::Tables(app));
        life.adopts();
        life
    }

    /// A company whose application is a service. The days have no troubles.
    pub fn at_service(seed: u64, size: usize, service: Service) -> Self {
        Self::new(seed, size, tempfile::tempdir().expect("a folder"), Application::Service(service))
    }

    fn new(seed: u64, size: usize, folder: tempfile::TempDir, application: Application) -> Self {
        let (company, office) = (Company::new(seed, size), Office::new(folder.path()));
        let rng = Rng::with_seed(!seed);
        Self { seed, folder, company, application, another: None, office, model: Model::default(), rng, figures: Figures::default() }
    }

    /// The application was there before headcount: some have an account already.
    fn adopts(&mut self) {
        let Application::Tables(app) = &self.application else { return };
        for (at, person) in self.company.people.iter().enumerate().filter(|(at, person)| at % 23 == 0 && person.works(0)) {
            let login = if at % 2 == 0 { format!("old{at}") } else { person.base_name() };
            if self.model.adoptable.values().all(|(_, taken)| *taken != login) {
                let id = app.others_make(&login, Some(&number(at).to_string()));
                self.model.adoptable.insert(Who::Person(at), (id, login));
            }
        }
    }

    /// How often the world was kept from one run to the next, and how often it had to be read anew.
    pub fn kept_days(&self) -> (usize, usize) {
        self.office.kept_days
    }

    /// So many days pass without headcount.
    pub fn pass(&mut self, days: i32) {
        (0..days).for_each(|_| self.company.next_day());
    }

    /// A day with headcount: it runs, and everything must be right.
    pub fn live(&mut self) {
        let (trouble, edits) = match &self.application {
            Application::Tables(app) => {
                let trouble = trouble::of_day(&mut self.rng, &self.company, &self.model);
                let edits = trouble::others_do(&mut self.rng, &trouble.others, &self.company, app, &mut self.model);
                (trouble, edits)
            }
            Application::Service(_) => (Trouble::default(), Vec::new()),
        };
        if trouble.state_is_lost {
            self.office.lose_state();
            self.model.forget();
        }
        let hr = write_hr(self.folder.path(), &self.company, trouble.hr);
        let directory = write_directory(self.folder.path(), &self.company, trouble.directory);
        let (connection, target) = match &self.application {
            Application::Tables(_) => (App::connection(if trouble.swapped { ANOTHER } else { OURS }), TARGET),
            Application::Service(service) => (service.connection(), SAMPLED),
        };
        self.office.declare(manifests(&self.company, &connection, target));
        if trouble.swapped {
            self.is_elsewhere(&trouble, &hr);
        } else {
            self.reconcile(&trouble, &edits, &hr, &directory);
        }
        self.figures.days += 1;
        self.figures.troubles += usize::from(trouble.hr != Damage::None) + usize::from(trouble.directory != Damage::None);
        self.figures.troubles += usize::from(trouble.state_is_lost) + usize::from(trouble.swapped) + edits.len();
    }

    /// The manifest leads to another application, in which strangers have the ids of the company's people: nothing is done, here or there.
    fn is_elsewhere(&mut self, trouble: &Trouble, hr: &Told) {
        let Application::Tables(app) = &self.application else { return };
        let another = match &self.another {
            Some(another) => another,
            None => {
                let another = App::new(self.folder.path(), ANOTHER);
                (0..self.company.size() * 2).for_each(|at| drop(another.others_make(&format!("stranger{at}"), None)));
                self.another.insert(another)
            }
        };
        let before = (app.holdings(), another.holdings());
        let (snapshot, plan) = self.office.plan(self.company.day);
        let failed = self.office.apply(&snapshot, &plan);
        let after = (app.holdings(), another.holdings());
        let runs: Vec<_> = plan.changes.iter().filter(|change| change.runs()).take(TOLD).collect();
        self.must(runs.is_empty() && failed.is_empty() && before == after, trouble, || format!("{runs:#?}\n{}", findings(&plan)));
        let said =
            plan.findings.iter().any(|finding| finding.code == FindingCode::OwnershipUnproven && finding.severity == Severity::Refused);
        self.must(said, trouble, || findings(&plan));
        (self.model.known, self.model.baseline) = (true, self.model.baseline || hr.complete);
    }

    fn reconcile(&mut self, trouble: &Trouble, edits: &[(Edit, Option<Who>)], hr: &Told, directory: &Told) {
        let breached = matches!(trouble.hr, Damage::LostPage(_));
        let day = Day { company: &self.company, hr, directory, breached };
        let runs = self.model.runs(&day);
        self.model.step(&day);
        let shut = self.model.shut(&day);
        let mut said = BTreeSet::new();
        for _ in 0..runs {
            let (snapshot, plan) = self.office.plan(self.company.day);
            let failed = self.office.apply(&snapshot, &plan);
            self.must(failed.is_empty(), trouble, || {
                format!("not everything could be done:\n{}", failed[..failed.len().min(TOLD)].join("\n"))
            });
            self.figures.changes += plan.changes.len();
            said.extend(plan.findings.iter().map(|finding| finding.code));
            self.figures.shut = shut;
        }
        self.is_said(trouble, edits, &said);
        let (_, second) = self.office.plan(self.company.day);
        let left: Vec<_> = second.changes.iter().filter(|change| change.runs() || !breached).take(TOLD).collect();
        self.must(left.is_empty(), trouble, || format!("the second plan is not empty: {left:#?}\n{}", findings(&second)));
        let holdings = match &self.application {
            Application::Tables(app) => app.holdings(),
            Application::Service(service) => service.holdings(),
        };
        let wrong = self.differences(&holdings);
        self.must(wrong.is_empty(), trouble, || format!("{}\nfindings:\n{}", wrong.join("\n"), findings(&second)));
        let told = people_told(&second, FindingCode::DeactivatedElsewhere);
        self.must(told == shut, trouble, || format!("{shut} people are shut out by others, and {told} are told\n{}", findings(&second)));
    }

    /// Every trouble is said in a finding.
    fn is_said(&self, trouble: &Trouble, edits: &[(Edit, Option<Who>)], said: &BTreeSet<FindingCode>) {
        let mut wanted = Vec::new();
        for damage in [trouble.hr, trouble.directory] {
            wanted.extend(match damage {
                Damage::None | Damage::LostPage(_) => None,
                Damage::Shrunk(_) => Some(FindingCode::SourceShrank),
                Damage::Doubled(_) => Some(FindingCode::DuplicateKey),
                Damage::Reformed => Some(FindingCode::KeyChanged),
                Damage::Shifted | Damage::UsedAgain { .. } => Some(FindingCode::KeyHandedOn),
                Damage::Dates(_) => Some(FindingCode::ContradictoryDates),
                Damage::StatusLost(_) => Some(FindingCode::ColumnEmptied),
                _ => Some(FindingCode::IncompleteRead),
            });
        }
        if matches!(trouble.hr, Damage::LostPage(_)) {
            wanted.push(FindingCode::GuardrailExceeded);
        }
        if trouble.state_is_lost {
            wanted.push(FindingCode::StateLost);
        }
        for (edit, who) in edits {
            let here = who.is_some_and(|who| self.model.accounts.contains_key(&who));
            let closed = who.and_then(|who| self.model.accounts.get(&who)?.closed);
            wanted.extend(match edit {
                Edit::Stranger => Some(FindingCode::OwnershipUnproven),
                // Whoever is not known today is looked at another day; of a state that is lost there is no memory of what was there.
                Edit::Delete if here && trouble.hr == Damage::None && !trouble.state_is_lost => Some(FindingCode::ChangedElsewhere),
                Edit::Activate if closed == Some(self.company.day) && !trouble.state_is_lost => Some(FindingCode::DeactivatedElsewhere),
                Edit::Unmark => Some(FindingCode::ChangedElsewhere),
                _ => None,
            });
        }
        for code in wanted {
            // A state that is lost with the baselines can't tell that a source shrank.
            let excused = code == FindingCode::SourceShrank && !self.model.baseline;
            self.must(excused || said.contains(&code), trouble, || format!("{code:?} is not said, only {said:?}"));
        }
    }

    /// What is not as the model says. Learns the ids of new accounts.
    fn differences(&mut self, holdings: &Holdings) -> Vec<String> {
        let mut wrong = Vec::new();
        let by_mark: BTreeMap<&str, &Row> = holdings.accounts.iter().filter_map(|row| Some((row.mark.as_deref()?, row))).collect();
        for (who, account) in &mut self.model.accounts {
            let mark = format!("hc:acme:{}", who.key().replace('/', ":"));
            match by_mark.get(mark.as_str()) {
                None => wrong.push(format!("{}: has no account, and should have {account:?}", who.key())),
                Some(row) if account.id.is_none() => account.id = Some(row.id.clone()),
                Some(row) if account.id.as_ref() != Some(&row.id) => wrong.push(format!("{}: has another account than before", who.key())),
                Some(_) => {}
            }
        }
        let ids: BTreeMap<Who, String> =
            self.model.accounts.iter().filter_map(|(who, account)| Some((*who, account.id.clone()?))).collect();
        let owners: BTreeMap<&str, Who> = ids.iter().map(|(who, id)| (id.as_str(), *who)).collect();
        for row in &holdings.accounts {
            match owners.get(row.id.as_str()) {
                Some(who) => wrong.extend(self.difference(*who, row, &ids)),
                None => {
                    let left = self.model.strangers.get(&row.id).is_some_and(|known| *known == (row.login.clone(), row.active));
                    if !left {
                        wrong.push(format!("nobody's account was made or changed: {row:?}"));
                    }
                }
            }
        }
        let cards = matches!(self.application, Application::Tables(_));
        for (name, team) in self.model.teams.iter().filter(|(name, _)| cards || is_group(name)) {
            let wanted = team.iter().filter_map(|member| match member {
                Member::Ours(who) => ids.get(who).cloned(),
                Member::Stranger(id) => Some(id.clone()),
            });
            let (wanted, held): (BTreeSet<String>, _) = (wanted.collect(), holdings.teams.get(name).cloned().unwrap_or_default());
            let tell = |id: &String| owners.get(id.as_str()).map_or(format!("stranger {id}"), |who| self.describe(*who));
            wrong.extend(wanted.difference(&held).take(3).map(|id| format!("{name}: misses {}", tell(id))));
            wrong.extend(held.difference(&wanted).take(3).map(|id| format!("{name}: has, and should not, {}", tell(id))));
        }
        wrong.truncate(TOLD);
        wrong
    }

    fn difference(&self, who: Who, row: &Row, ids: &BTreeMap<Who, String>) -> Option<String> {
        let account = &self.model.accounts[&who];
        let some = |text: &str| Some(text.to_owned());
        let wanted = Row {
            id: row.id.clone(),
            login: account.login.clone(),
            given: some(&account.given),
            family: some(&account.family),
            title: some(&account.title),
            department: some(&account.department),
            division: account.division.clone(),
            mail: account.mail.clone(),
            phone: account.phone.clone(),
            number: account.number.clone(),
            boss: account.boss.and_then(|boss| ids.get(&boss).cloned()),
            mark: Some(format!("hc:acme:{}", who.key().replace('/', ":"))),
            active: account.active,
        };
        (wanted != *row).then(|| format!("{}\n  should be {wanted:?}\n  and is    {row:?}", self.describe(who)))
    }

    fn describe(&self, who: Who) -> String {
        match who {
            Who::Person(at) => format!("{}: {:?} {:?}", who.key(), self.company.people[at], self.model.accounts.get(&who)),
            Who::Contractor(at) => format!("{}: {:?}", who.key(), self.company.contractors[at]),
        }
    }

    /// Fails with what is needed to see it again.
    fn must(&self, holds: bool, trouble: &Trouble, words: impl FnOnce() -> String) {
        if !holds {
            let day = self.company.day;
            panic!("seed {}, size {}, day {day} ({}), {trouble:?}:\n{}", self.seed, self.company.size(), date(day), words());
        }
    }
}

/// How many people the findings of a code are about.
fn people_told(plan: &Plan, code: FindingCode) -> usize {
    let about = plan.findings.iter().filter(|finding| finding.code == code);
    let count = |message: &str| {
        let who = message.split(": ").next().unwrap_or_default();
        let more = who.split_once(" and ").and_then(|(_, rest)| rest.strip_suffix(" more")?.parse::<usize>().ok());
        who.matches(", ").count() + 1 + more.unwrap_or(0)
    };
    about.map(|finding| count(&finding.message)).sum()
}

fn findings(plan: &Plan) -> String {
    plan.findings.iter().take(TOLD).fold(String::new(), |mut text, finding| {
        let _ = writeln!(text, "  {:?} {:?}: {}", finding.severity, finding.code, finding.message);
        text
    })
}
