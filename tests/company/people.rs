//! The people of a made company and what happens to them, day by day: the truth that exports tell and targets are held to.
//!
//! Must never: share code with headcount, or know what a target holds.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::names::{FAMILY, GIVEN};

pub const DEPARTMENTS: [&str; 12] = [
    "Backend",
    "Frontend",
    "Platform",
    "Sales North",
    "Sales South",
    "Support",
    "Finance",
    "People",
    "Legal",
    "Marketing",
    "Design",
    "Research & Development",
];
/// Those of the departments that a group of groups holds.
pub const ENGINEERING: [usize; 3] = [0, 1, 2];
pub const LOCATIONS: [&str; 5] = ["Lisbon", "Łódź", "Berlin", "Osaka", "Accra"];
/// From here on somebody is a lead.
pub const LEAD: u8 = 5;
const LEVELS: u8 = 8;
/// How many are in the project at once.
const PROJECT: usize = 25;

/// Somebody with a record in HR, now or formerly. Days count from the first.
#[derive(Clone, Debug)]
pub struct Person {
    pub given: usize,
    pub family: usize,
    pub department: usize,
    pub location: usize,
    pub level: u8,
    pub manager: Option<usize>,
    /// since when HR has the record
    pub listed: i32,
    /// the first day
    pub from: i32,
    /// the last day
    pub until: Option<i32>,
    pub leaving: Leaving,
    /// since when HR knows the last day
    pub announced: i32,
    /// the first and the last day of a leave
    pub leave: Option<(i32, i32)>,
    /// what the directory knows, from this day on
    pub mail: String,
    pub phone: String,
    pub in_directory: i32,
}

/// How HR tells that somebody leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// an end date, ahead of time
    EndDate,
    /// the status, from the first day without work
    Status,
    /// the record is not in the export any more
    Vanishes,
}

/// Somebody whom a `User` manifest declares.
#[derive(Clone, Debug)]
pub struct Contractor {
    pub given: usize,
    pub family: usize,
    pub department: usize,
    pub manager: Option<usize>,
    pub from: i32,
    pub until: i32,
    /// the manifest is removed on this day
    pub removed: i32,
}

/// A member of the project, by name.
#[derive(Clone, Debug)]
pub struct Assigned {
    pub who: Who,
    pub until: i32,
}

/// Anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    Person(usize),
    Contractor(usize),
}

/// The company on one day.
pub struct Company {
    rng: Rng,
    pub day: i32,
    pub people: Vec<Person>,
    pub contractors: Vec<Contractor>,
    /// titles that a manifest gives
    pub titles: BTreeMap<usize, String>,
    /// people whom a manifest leaves out
    pub excluded: BTreeSet<usize>,
    pub project: Vec<Assigned>,
    size: usize,
}

impl Who {
    /// The identity's key.
    pub fn key(self) -> String {
        match self {
            Self::Person(at) => format!("hr/{}", number(at)),
            Self::Contractor(at) => format!("user/contractor-{at}"),
        }
    }
}

/// The employee number.
pub fn number(person: usize) -> usize {
    100_001 + person
}

impl Person {
    pub fn works(&self, day: i32) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until) && !self.on_leave(day)
    }

    pub fn on_leave(&self, day: i32) -> bool {
        self.leave.is_some_and(|(first, last)| (first..=last).contains(&day))
    }

    pub fn has_left(&self, day: i32) -> bool {
        self.until.is_some_and(|until| until < day)
    }

    /// Whether the record itself says so, by its status.
    pub fn is_said_to_have_left(&self, day: i32) -> bool {
        self.leaving == Leaving::Status && self.has_left(day)
    }

    /// Whether HR's export has the record.
    pub fn is_listed(&self, day: i32) -> bool {
        self.listed <= day && !(self.leaving == Leaving::Vanishes && self.has_left(day))
    }

    /// The user name before it is made unique.
    pub fn base_name(&self) -> String {
        format!("{}.{}", GIVEN[self.given].1, FAMILY[self.family].1)
    }

    pub fn title(&self) -> String {
        format!("{} {}", DEPARTMENTS[self.department], self.level)
    }
}

impl Contractor {
    pub fn works(&self, day: i32) -> bool {
        self.is_declared(day) && (self.from..=self.until).contains(&day)
    }

    pub fn is_declared(&self, day: i32) -> bool {
        day < self.removed
    }

    pub fn user_name(&self, at: usize) -> String {
        format!("ext.{}{at}", FAMILY[self.family].1)
    }
}

impl Company {
    /// The company on its first day.
    pub fn new(seed: u64, size: usize) -> Self {
        let mut company = Self {
            rng: Rng::with_seed(seed),
            day: 0,
            people: Vec::new(),
            contractors: Vec::new(),
            titles: BTreeMap::new(),
            excluded: BTreeSet::new(),
            project: Vec::new(),
            size,
        };
        for _ in 0..size {
            let before = company.rng.i32(1..4000);
            company.joins(-before, -before);
        }
        for _ in 0..size / 100 {
            company.contractor_comes();
        }
        company.somebody_is_assigned();
        company
    }

    /// How many people it began with.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The next day, with everything that happens on it.
    pub fn next_day(&mut self) {
        self.day += 1;
        self.people_come_and_go();
        self.people_change();
        for _ in 0..self.times(0.2) {
            self.contractor_comes();
        }
        self.manifests_change();
        self.somebody_is_assigned();
    }

    fn people_come_and_go(&mut self) {
        let day = self.day;
        for _ in 0..self.times(1.3) {
            let from = day + self.rng.i32(0..15);
            let who = self.joins(day, from);
            if self.rng.f32() < 0.05 {
                // Never comes: the record goes again before the first day.
                self.people[who].leaving = Leaving::Vanishes;
                self.people[who].until = Some((from - 1).min(day));
                self.people[who].announced = day;
            }
        }
        for _ in 0..self.times(1.2) {
            if let Some(who) = self.somebody(|person| person.works(day) && person.until.is_none()) {
                self.leaves(who);
            }
        }
        for _ in 0..self.times(0.3) {
            if let Some(who) = self.somebody(|person| person.until.is_some_and(|until| until < day - 7)) {
                self.returns(who);
            }
        }
        for _ in 0..self.times(0.8) {
            if let Some(who) = self.somebody(|person| person.works(day) && person.leave.is_none_or(|(_, last)| last < day)) {
                let first = day + self.rng.i32(0..3);
                self.people[who].leave = Some((first, first + self.rng.i32(2..90)));
            }
        }
    }

    fn joins(&mut self, listed: i32, from: i32) -> usize {
        let at = self.people.len();
        let manager = match self.rng.u8(..) {
            // Of those who come on one day some manage each other.
            0..40 => at.checked_sub(1),
            40..45 => None,
            _ => self.somebody(|person| person.level >= LEAD),
        };
        let person = Person {
            given: self.rng.usize(..GIVEN.len()),
            family: self.rng.usize(..FAMILY.len()),
            department: self.rng.usize(..DEPARTMENTS.len()),
            location: self.rng.usize(..LOCATIONS.len()),
            level: self.rng.u8(1..=LEVELS).min(self.rng.u8(1..=LEVELS)),
            manager,
            listed,
            from,
            until: None,
            leaving: Leaving::EndDate,
            announced: listed,
            leave: None,
            mail: format!("p{}@acme.example", number(at)),
            phone: format!("+4930{:07}", self.rng.u32(..10_000_000)),
            in_directory: from + self.rng.i32(-2..3),
        };
        self.people.push(person);
        at
    }

    fn leaves(&mut self, who: usize) {
        let day = self.day;
        let leaving = [Leaving::EndDate, Leaving::Status, Leaving::Vanishes][self.rng.usize(..3)];
        let until = if leaving == Leaving::EndDate { day + self.rng.i32(-1..25) } else { day - 1 };
        let person = &mut self.people[who];
        (person.leaving, person.until, person.announced) = (leaving, Some(until), day);
        let (above, reassigns) = (person.manager, self.rng.bool());
        if reassigns {
            let below = self.people.iter_mut().filter(|person| person.manager == Some(who));
            below.for_each(|person| person.manager = above);
        }
    }

    fn returns(&mut self, who: usize) {
        let from = self.day + self.rng.i32(0..6);
        let (department, level) = (self.rng.usize(..DEPARTMENTS.len()), self.rng.u8(1..=LEVELS));
        let person = &mut self.people[who];
        person.listed = self.day;
        (person.from, person.until, person.leave) = (from, None, None);
        (person.department, person.level, person.leaving) = (department, level, Leaving::EndDate);
    }

    fn people_change(&mut self) {
        let day = self.day;
        let here = |person: &Person| person.is_listed(day) && !person.has_left(day);
        // Once in a while a department is torn apart.
        let moves = if day % 97 == 0 { self.size / 40 } else { self.times(2.0) };
        for _ in 0..moves {
            let Some(who) = self.somebody(here) else { continue };
            let person = &mut self.people[who];
            match self.rng.u8(..4) {
                0 => person.location = self.rng.usize(..LOCATIONS.len()),
                1 => person.level = self.rng.u8(1..=LEVELS),
                _ => person.department = self.rng.usize(..DEPARTMENTS.len()),
            }
        }
        for _ in 0..self.times(0.5) {
            let Some(who) = self.somebody(here) else { continue };
            match self.rng.u8(..3) {
                0 => self.people[who].family = self.rng.usize(..FAMILY.len()),
                1 => self.people[who].mail = format!("p{}.{day}@acme.example", number(who)),
                _ => self.people[who].phone = format!("+4940{:07}", self.rng.u32(..10_000_000)),
            }
        }
        for _ in 0..self.times(2.0) {
            let (Some(who), Some(above)) = (self.somebody(here), self.somebody(|_| true)) else { continue };
            if who != above {
                self.people[who].manager = Some(above);
                if self.rng.u8(..) < 20 {
                    self.people[above].manager = Some(who);
                }
            }
        }
    }

    fn contractor_comes(&mut self) {
        let from = self.day + self.rng.i32(-3..6);
        let until = from + self.rng.i32(5..120);
        let removed = until + self.rng.i32(-3..30);
        let manager = self.somebody(|person| person.level >= LEAD);
        let contractor = Contractor {
            given: self.rng.usize(..GIVEN.len()),
            family: self.rng.usize(..FAMILY.len()),
            department: self.rng.usize(..DEPARTMENTS.len()),
            manager,
            from,
            until,
            removed,
        };
        self.contractors.push(contractor);
    }

    fn manifests_change(&mut self) {
        let day = self.day;
        for _ in 0..self.times(0.05) {
            let Some(who) = self.somebody(|person| person.works(day)) else { continue };
            match self.rng.u8(..3) {
                0 if self.excluded.len() < self.size / 100 => _ = self.excluded.insert(who),
                0 | 1 => _ = self.excluded.pop_first(),
                _ => _ = self.titles.insert(who, format!("Fellow of day {day}")),
            }
        }
        if self.titles.len() > self.size / 100 {
            self.titles.pop_first();
        }
        // A manifest for somebody who is gone for good has no record to override.
        let gone: Vec<usize> = self.titles.keys().copied().filter(|who| !self.people[*who].is_listed(day)).collect();
        for who in gone {
            self.titles.remove(&who);
        }
        self.excluded.retain(|who| self.people[*who].is_listed(day));
    }

    fn somebody_is_assigned(&mut self) {
        let day = self.day;
        self.project.retain(|assigned| assigned.until >= day - 3);
        while self.project.len() < PROJECT {
            let until = day + self.rng.i32(0..60);
            let person = self.somebody(|person| person.is_listed(day) && !person.has_left(day)).map(Who::Person);
            let contractor = self.rng.usize(..self.contractors.len().max(1));
            let contractor = self.contractors.get(contractor).filter(|it| it.is_declared(day)).map(|_| Who::Contractor(contractor));
            let who = if self.rng.u8(..4) == 0 { contractor.or(person) } else { person };
            let Some(who) = who else { return };
            if self.project.iter().all(|assigned| assigned.who != who) {
                self.project.push(Assigned { who, until });
            }
        }
    }

    /// Somebody for whom a condition holds, if a few tries find one.
    fn somebody(&mut self, fits: impl Fn(&Person) -> bool) -> Option<usize> {
        if self.people.is_empty() {
            return None;
        }
        (0..60).map(|_| self.rng.usize(..self.people.len())).find(|at| fits(&self.people[*at]))
    }

    /// How often something happens today that happens so often a day in a company of a thousand.
    fn times(&mut self, rate: f64) -> usize {
        let mean = rate * self.size as f64 / 1000.0;
        mean as usize + usize::from(self.rng.f64() < mean.fract())
    }
}
