//! What the target must hold after each day, worked out from the company's truth by the design's rules in the simplest way: everybody, every day, anew.
//!
//! Must never: share code with headcount, or look at what headcount planned.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{FAMILY, GIVEN};
use super::people::{Assigned, Company, DEPARTMENTS, ENGINEERING, LEAD, LOCATIONS, Who, number};
use super::workspace::Told;

/// Days from a deactivation to the deletion.
pub const GRACE: i32 = 45;

/// Days for which a name of somebody who left is given to nobody else.
pub const KEPT_FREE: i32 = 90;

/// Days before the first one on which an account is made.
pub const AHEAD: i32 = 7;

/// An account as it must be. Its id is the target's choice, and from then on never changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub id: Option<String>,
    pub login: String,
    pub given: String,
    pub family: String,
    pub title: String,
    pub department: String,
    pub division: Option<String>,
    pub mail: Option<String>,
    pub phone: Option<String>,
    pub number: Option<String>,
    pub boss: Option<Who>,
    pub active: bool,
    /// headcount remembers that it deactivated it on this day
    pub closed: Option<i32>,
}

/// A member of a group: somebody of the company, or an account that is nobody's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Member {
    Ours(Who),
    Stranger(String),
}

/// What the target must hold.
#[derive(Default)]
pub struct Model {
    pub accounts: BTreeMap<Who, Account>,
    /// accounts that are nobody's, as others left them: id, user name, active
    pub strangers: BTreeMap<String, (String, bool)>,
    /// accounts of others that will be taken over: they carry the employee number
    pub adoptable: BTreeMap<Who, (String, String)>,
    pub teams: BTreeMap<String, BTreeSet<Member>>,
    /// names that people had: whether they lost them by leaving, and when
    had: BTreeMap<(String, Who), (bool, i32)>,
    /// headcount has its state
    pub known: bool,
    /// and in it a complete read of HR
    pub baseline: bool,
}

/// What headcount can know of somebody today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    /// has a record; works
    Serves,
    /// has a record that says they have left
    Left,
    /// the same, under another form of the key: nothing is deleted
    LeftReformed,
    /// begins soon: has an account without access
    Early,
    /// has a record, and gets no account: left out, or on leave or not here yet (never deleted)
    Away { deletes: bool },
    /// has none any more, for certain
    Gone,
    /// nobody can say
    Unseen,
}

/// One day as headcount saw it.
pub struct Day<'a> {
    pub company: &'a Company,
    pub hr: &'a Told,
    pub directory: &'a Told,
    /// more people than allowed seem to be gone: only those who have left for certain go
    pub breached: bool,
}

impl Model {
    /// How many runs the day takes: where there is no state, or no complete read in it, the first one only remembers.
    pub fn runs(&self, day: &Day<'_>) -> usize {
        if !self.known || (!self.baseline && day.hr.complete) { 2 } else { 1 }
    }

    /// headcount's state is lost.
    pub fn forget(&mut self) {
        (self.known, self.baseline) = (false, false);
        self.had.clear();
        self.accounts.values_mut().for_each(|account| account.closed = None);
    }

    /// How many work here and can't sign in, since somebody else deactivated their account.
    pub fn shut(&self, day: &Day<'_>) -> usize {
        let here = |(who, account): &(&Who, &Account)| !account.active && self.view(day, **who) == View::Serves;
        self.accounts.iter().filter(here).count()
    }

    /// The day's run, or runs.
    pub fn step(&mut self, day: &Day<'_>) {
        self.known = true;
        self.baseline |= day.hr.complete;
        let views: BTreeMap<Who, View> = day.everybody().map(|who| (who, self.view(day, who))).collect();
        let names = self.names(day, &views);
        let mut deleted = Vec::new();
        for (who, view) in &views {
            match view {
                View::Serves | View::Early => self.serve(day, *who, *view, &names[who]),
                View::Unseen => {}
                View::Away { .. } | View::Gone if day.breached && self.accounts.get(who).is_some_and(|account| account.active) => {}
                View::Left | View::LeftReformed | View::Gone | View::Away { .. } => {
                    if self.close(day, *who, *view) {
                        deleted.push(*who);
                    }
                }
            }
        }
        self.set_managers(day, &views, &deleted);
        self.set_teams(day, &views);
        for who in deleted {
            self.keeps_free(day, who, self.accounts[&who].login.clone(), true);
            self.remove(who);
        }
    }

    /// A name that somebody has lost is theirs for a while.
    fn keeps_free(&mut self, day: &Day<'_>, who: Who, login: String, left: bool) {
        let had = self.had.entry((login, who)).or_default();
        *had = (had.0 || left, day.company.day);
    }

    /// Whether a name is still somebody else's, who has left or lost it before they did.
    fn is_kept_free(&self, day: &Day<'_>, views: &BTreeMap<Who, View>, name: &str, who: Who) -> bool {
        let known = self.had.iter().filter(|((login, _), (_, at))| login == name && day.company.day - at < KEPT_FREE);
        let known: Vec<(Who, bool)> = known.map(|((_, whose), (left, _))| (*whose, *left)).collect();
        let gone = |whose: Who| match (whose, views.get(&whose)) {
            (Who::Person(at), _) if !day.hr.has_key(at) => true,
            (_, view) => matches!(view, None | Some(View::Left | View::Gone | View::Away { deletes: true })),
        };
        known.iter().all(|(whose, _)| *whose != who) && known.iter().any(|(whose, left)| *left || gone(*whose))
    }

    /// An account goes, by whosever hand.
    pub fn remove(&mut self, who: Who) {
        self.accounts.remove(&who);
        self.accounts.values_mut().filter(|account| account.boss == Some(who)).for_each(|account| account.boss = None);
        self.teams.values_mut().for_each(|team| _ = team.remove(&Member::Ours(who)));
    }

    fn view(&self, day: &Day<'_>, who: Who) -> View {
        let today = day.company.day;
        match who {
            Who::Contractor(at) => {
                let contractor = &day.company.contractors[at];
                match (contractor.is_declared(today), contractor.works(today)) {
                    (false, _) => View::Gone,
                    (true, true) => View::Serves,
                    (true, false) if contractor.from > today => ahead(contractor.from - today),
                    (true, false) => View::Left,
                }
            }
            Who::Person(_) if day.hr.shifted => View::Unseen,
            Who::Person(at) if day.hr.is_reformed(at) => {
                if day.company.people[at].has_left(today) {
                    View::LeftReformed
                } else {
                    View::Unseen
                }
            }
            Who::Person(at) if !day.hr.has(at) => {
                // Who has no account yet and stands under another one's key is not gone, and gets none.
                let proven = day.hr.complete && self.baseline && !day.hr.has_key(at);
                if proven { View::Gone } else { View::Unseen }
            }
            Who::Person(at) => {
                let person = &day.company.people[at];
                match () {
                    () if day.company.excluded.contains(&at) => View::Away { deletes: true },
                    () if day.hr.is_unsure(at) => View::Unseen,
                    () if person.works(today) => View::Serves,
                    () if person.from > today => ahead(person.from - today),
                    () if person.has_left(today) => View::Left,
                    () => View::Away { deletes: false },
                }
            }
        }
    }

    /// The user names of all who get or keep one: everybody keeps a variant of their own, and others take the first free one, in the order of keys.
    fn names(&self, day: &Day<'_>, views: &BTreeMap<Who, View>) -> BTreeMap<Who, String> {
        let held: BTreeSet<&str> = self.accounts.values().map(|account| account.login.as_str()).collect();
        let strange = self.strangers.values().map(|(login, _)| login.as_str());
        let held: BTreeSet<&str> =
            held.into_iter().chain(strange).chain(self.adoptable.values().map(|(_, login)| login.as_str())).collect();
        let mut taken: BTreeSet<String> = BTreeSet::new();
        let mut names = BTreeMap::new();
        for who in views.iter().filter(|(_, view)| matches!(view, View::Serves | View::Early)).map(|(who, _)| *who) {
            let own = self.accounts.get(&who).map(|account| account.login.as_str());
            let own = own.or_else(|| self.adoptable.get(&who).map(|(_, login)| login.as_str()));
            let name = match who {
                Who::Contractor(at) => day.company.contractors[at].user_name(at),
                Who::Person(at) => {
                    let base = day.company.people[at].base_name();
                    let kept = own.filter(|own| is_variant(&base, own)).map(str::to_owned);
                    let free = |name: &String| {
                        let own = Some(name.as_str()) == own;
                        (own || !held.contains(name.as_str())) && !taken.contains(name) && !self.is_kept_free(day, views, name, who)
                    };
                    let variants = (1..).map(|number| if number == 1 { base.clone() } else { format!("{base}{number}") });
                    kept.or_else(|| variants.into_iter().find(free)).unwrap_or_default()
                }
            };
            taken.insert(name.clone());
            names.insert(who, name);
        }
        names
    }

    fn serve(&mut self, day: &Day<'_>, who: Who, view: View, login: &str) {
        let adopted = self.adoptable.remove(&who).map(|(id, _)| id);
        let is_new = !self.accounts.contains_key(&who);
        let account = self.accounts.entry(who).or_insert_with(|| Account { id: adopted, active: true, ..Account::default() });
        let mut returns = false;
        match view {
            View::Early if account.active => (account.active, account.closed) = (false, Some(day.company.day)),
            View::Early => {}
            // What somebody else has shut stays shut.
            _ if account.closed.take().is_some() => returns = !std::mem::replace(&mut account.active, true),
            _ => {}
        }
        let before = std::mem::replace(&mut account.login, login.to_owned());
        if returns {
            self.had.retain(|(_, whose), _| *whose != who);
        } else if !is_new && before != login {
            self.keeps_free(day, who, before, false);
        }
        let Some(account) = self.accounts.get_mut(&who) else { return };
        match who {
            Who::Contractor(at) => {
                let contractor = &day.company.contractors[at];
                account.given = GIVEN[contractor.given].0.to_owned();
                account.family = FAMILY[contractor.family].0.to_owned();
                account.title = "Contractor".to_owned();
                account.department = DEPARTMENTS[contractor.department].to_owned();
            }
            Who::Person(at) => {
                let person = &day.company.people[at];
                account.given = GIVEN[person.given].0.to_owned();
                account.family = FAMILY[person.family].0.to_owned();
                account.title = day.company.titles.get(&at).cloned().unwrap_or_else(|| person.title());
                account.department = DEPARTMENTS[person.department].to_owned();
                account.division = Some(LOCATIONS[person.location].to_owned());
                account.number = Some(number(at).to_string());
                if day.directory.has(at) {
                    account.mail = Some(person.mail.clone());
                    account.phone = Some(person.phone.clone());
                }
            }
        }
    }

    /// Takes the access away, and says whether the account is to be deleted.
    fn close(&mut self, day: &Day<'_>, who: Who, view: View) -> bool {
        let Some(account) = self.accounts.get_mut(&who) else { return false };
        if account.active {
            (account.active, account.closed) = (false, Some(day.company.day));
            if let View::Left | View::LeftReformed | View::Gone = view {
                let login = account.login.clone();
                self.keeps_free(day, who, login, true);
            }
            return false;
        }
        let deletes = !matches!(view, View::LeftReformed | View::Away { deletes: false });
        deletes && account.closed.is_some_and(|closed| day.company.day - closed >= GRACE)
    }

    /// Everybody served gets the manager that HR says, if headcount knows that one and they have an account that does not go today.
    fn set_managers(&mut self, day: &Day<'_>, views: &BTreeMap<Who, View>, deleted: &[Who]) {
        for who in views.iter().filter(|(_, view)| matches!(view, View::Serves | View::Early)).map(|(who, _)| *who) {
            let manager = match who {
                Who::Person(at) => day.company.people[at].manager,
                Who::Contractor(at) => day.company.contractors[at].manager,
            };
            let Some(manager) = manager.filter(|manager| day.hr.has_key(*manager)).map(Who::Person) else {
                continue;
            };
            if self.accounts.contains_key(&manager) && !deleted.contains(&manager) {
                self.accounts.entry(who).and_modify(|account| account.boss = Some(manager));
            }
        }
    }

    fn set_teams(&mut self, day: &Day<'_>, views: &BTreeMap<Who, View>) {
        let mut wanted: BTreeMap<String, BTreeSet<Member>> = BTreeMap::new();
        let names = DEPARTMENTS.iter().chain(&LOCATIONS).chain(&["Leads", "Everybody", "Engineering", PROJECT]);
        names.for_each(|name| _ = wanted.entry((*name).to_owned()).or_default());
        for (who, view) in views {
            let active = self.accounts.get(who).is_some_and(|account| account.active);
            let stays = match view {
                View::Serves => !active,
                View::Early => false,
                View::Unseen => true,
                View::Away { .. } | View::Gone => day.breached && active,
                View::Left | View::LeftReformed => false,
            };
            let teams: Vec<String> = match (view, stays) {
                (View::Serves, false) => day.teams(*who),
                (View::Early, _) => day.project(*who).into_iter().collect(),
                (_, true) => {
                    self.teams.iter().filter(|(_, team)| team.contains(&Member::Ours(*who))).map(|(name, _)| name.clone()).collect()
                }
                _ => Vec::new(),
            };
            for team in teams {
                wanted.entry(team).or_default().insert(Member::Ours(*who));
            }
        }
        for (name, team) in &self.teams {
            let strangers = team.iter().filter(|member| matches!(member, Member::Stranger(_))).cloned();
            wanted.entry(name.clone()).or_default().extend(strangers);
        }
        self.teams = wanted;
    }
}

/// From this level on somebody has a card.
pub const CARD: u8 = 3;
const CARDS: &str = "card up to ";

/// A card as it is compared here: as a group of those with the same limit.
pub fn card_up_to(limit: &str) -> String {
    format!("{CARDS}{limit}")
}

fn card(level: u8) -> String {
    card_up_to(if level >= LEAD { "5000" } else { "500" })
}

/// Whether it is a group at the target.
pub fn is_group(team: &str) -> bool {
    !team.starts_with(CARDS)
}

/// What somebody gets who begins in so many days.
fn ahead(days: i32) -> View {
    if days <= AHEAD { View::Early } else { View::Away { deletes: false } }
}

pub const PROJECT: &str = "Project Aurora";

impl Day<'_> {
    fn everybody(&self) -> impl Iterator<Item = Who> {
        (0..self.company.people.len()).map(Who::Person).chain((0..self.company.contractors.len()).map(Who::Contractor))
    }

    /// The groups that somebody who works is in.
    fn teams(&self, who: Who) -> Vec<String> {
        let (department, location, level) = match who {
            Who::Person(at) => {
                let person = &self.company.people[at];
                (person.department, Some(person.location), person.level)
            }
            Who::Contractor(at) => (self.company.contractors[at].department, None, 0),
        };
        let mut teams = vec!["Everybody", DEPARTMENTS[department]];
        teams.extend(location.map(|location| LOCATIONS[location]));
        if level >= LEAD {
            teams.push("Leads");
        }
        if ENGINEERING.contains(&department) {
            teams.push("Engineering");
        }
        let teams = teams.into_iter().map(str::to_owned);
        teams.chain(self.project(who)).chain((level >= CARD).then(|| card(level))).collect()
    }

    /// Who is assigned by name is a member from the first day of the account.
    fn project(&self, who: Who) -> Option<String> {
        let assigned = |assigned: &Assigned| assigned.who == who && assigned.until >= self.company.day;
        self.company.project.iter().any(assigned).then(|| PROJECT.to_owned())
    }
}

/// Whether a user name is a base, with or without a number from 2 on.
pub fn is_variant(base: &str, name: &str) -> bool {
    name.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || (!rest.starts_with('0') && rest.parse::<u32>().is_ok_and(|number| number >= 2)))
}
