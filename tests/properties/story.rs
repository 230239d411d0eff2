//! Random worlds: who exists, what the manifests say, what a target already holds, and what happens then. Plain small numbers, so that a failing case shrinks.
//!
//! Must never: decide what is right. It only tells what is.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;

use super::system::Manners;

/// A world and its history.
#[derive(Clone, Debug)]
pub struct Story {
    pub setup: Setup,
    pub people: Vec<Person>,
    pub users: Vec<UserDoc>,
    pub groups: Vec<GroupDoc>,
    pub found: Vec<Found>,
    pub acts: Vec<Act>,
}

/// What the manifests choose; each number picks from a short list.
#[derive(Clone, Debug)]
pub struct Setup {
    pub sources: u8,
    pub names: u8,
    pub mapping: u8,
    pub select: u8,
    pub correlate: u8,
    pub ownership: u8,
    pub groups: u8,
    pub departure: u8,
    pub lifecycles: u8,
    pub manners: Manners,
}

/// Somebody whom a source knows. The position gives the key.
#[derive(Clone, Debug)]
pub struct Person {
    pub name: u8,
    pub dept: u8,
    pub title: u8,
    pub boss: Option<u8>,
    pub standing: Standing,
    /// the second source has a record for them
    pub badge: bool,
    /// the record stands in the third source instead of the first
    pub external: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standing {
    Active,
    PreHire,
    Ended,
    Left,
    OnLeave,
    /// no source has the record
    Gone,
}

/// A User manifest.
#[derive(Clone, Debug)]
pub struct UserDoc {
    /// whom it overrides; none: it stands alone
    pub overrides: Option<u8>,
    pub exclude: bool,
    pub name: u8,
    pub dept: u8,
    pub declared: bool,
    /// whose login name it has; none: its own
    pub login: u8,
    pub boss: Option<u8>,
    /// what else it says: of its record, or of what it was
    pub more: u8,
}

/// A Group manifest.
#[derive(Clone, Debug)]
pub struct GroupDoc {
    pub declared: bool,
    pub renamed: bool,
    pub rule: u8,
    pub people: Vec<u8>,
    pub users: Vec<u8>,
    /// only groups that come later, so that there is no cycle
    pub nested: Vec<u8>,
}

/// What the target holds before headcount comes.
#[derive(Clone, Debug)]
pub struct Found {
    pub name: u8,
    pub dept: u8,
    pub active: bool,
    pub external: u8,
    pub group: Option<u8>,
}

/// What happens next, and how well the next run sees it.
#[derive(Clone, Debug)]
pub struct Act {
    pub events: Vec<Event>,
    pub days: u8,
    pub lens: Lens,
    /// changes that fail, by position
    pub fails: u16,
    /// after how many changes somebody else does something
    pub interrupted: Option<(u8, Event)>,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub kind: u8,
    pub who: u8,
    pub what: u8,
}

/// How well each stream is read.
#[derive(Clone, Debug)]
pub struct Lens {
    pub sources: [Sight; 3],
    pub accounts: Sight,
    pub groups: Sight,
    pub memberships: Sight,
    /// whether lookups are answered
    pub answers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sight {
    Complete,
    /// rows at these positions (modulo 8) are missing
    Partial(u8),
    Delta(u8),
    Unreadable,
}

/// The last one is for a stranger: nobody else has it.
pub const NAMES: [(&str, &str); 7] =
    [("Ann", "Lee"), ("ANN", "Lee"), ("Bo", "Ek"), ("José", "Lee"), ("Jose", "Lee"), ("Cy", "Ng"), ("Zoë", "Quux")];
pub const DEPARTMENTS: [&str; 3] = ["Eng", "Ops", "Law"];
pub const TITLES: [&str; 3] = ["Lead", "Clerk", ""];
pub const GROUPS: [&str; 5] = ["Staff", "Eng", "Admins", "On Call", "Guests"];

impl Lens {
    pub const CLEAR: Self = Self {
        sources: [Sight::Complete; 3],
        accounts: Sight::Complete,
        groups: Sight::Complete,
        memberships: Sight::Complete,
        answers: true,
    };

    pub fn is_clear(&self) -> bool {
        let streams = [self.accounts, self.groups, self.memberships];
        self.sources.iter().chain(&streams).all(|sight| *sight == Sight::Complete) && self.answers
    }
}

impl Sight {
    pub fn keeps(self, position: usize) -> bool {
        match self {
            Self::Complete => true,
            Self::Partial(missing) | Self::Delta(missing) => missing >> (position % 8) & 1 == 0,
            Self::Unreadable => false,
        }
    }
}

pub fn stories() -> impl Strategy<Value = Story> {
    let acts = vec(acts(), 1..4);
    (setups(), vec(people(), 0..7), vec(users(), 0..3), vec(groups(), 0..5), vec(found(), 0..4), acts)
        .prop_map(|(setup, people, users, groups, found, acts)| Story { setup, people, users, groups, found, acts })
}

/// More people, of whom something is another than before most of the time; manifests and groups stay as they are.
pub fn companies() -> impl Strategy<Value = Story> {
    let event = (prop_oneof![5 => 0u8..8, 2 => 16u8..23], 0u8..24, 0u8..24).prop_map(|(kind, who, what)| Event { kind, who, what });
    let act = (vec(event, 1..6), prop_oneof![3 => Just(0u16), 1 => any::<u16>()]).prop_map(|(events, fails)| Act {
        events,
        days: 0,
        lens: Lens::CLEAR,
        fails,
        interrupted: None,
    });
    (setups(), vec(people(), 8..24), vec(users(), 0..2), vec(groups(), 0..4), vec(found(), 0..6), vec(act, 1..4))
        .prop_map(|(setup, people, users, groups, found, acts)| Story { setup, people, users, groups, found, acts })
}

/// A company in which manifests change most of the time: what Users say, who is named in Groups, now and then a rule.
pub fn offices() -> impl Strategy<Value = Story> {
    let kind = prop_oneof![14 => 32u8..41, 3 => 0u8..8, 2 => 16u8..23, 1 => 8u8..16];
    let event = (kind, 0u8..24, 0u8..24).prop_map(|(kind, who, what)| Event { kind, who, what });
    let act = (vec(event, 1..6), prop_oneof![3 => Just(0u16), 1 => any::<u16>()]).prop_map(|(events, fails)| Act {
        events,
        days: 0,
        lens: Lens::CLEAR,
        fails,
        interrupted: None,
    });
    let user = (users(), prop::bool::weighted(0.8), 0u8..9, prop::option::of(0u8..16), prop_oneof![4 => Just(0u8), 1 => 0u8..5])
        .prop_map(|(user, declared, login, boss, more)| UserDoc { declared, login: login.saturating_sub(2), boss, more, ..user });
    let group = (groups(), vec(0u8..20, 0..6), vec(0u8..12, 0..5)).prop_map(|(group, people, users)| GroupDoc { people, users, ..group });
    (setups(), vec(people(), 8..20), vec(user, 4..12), vec(group, 0..4), vec(found(), 0..6), vec(act, 1..4))
        .prop_map(|(setup, people, users, groups, found, acts)| Story { setup, people, users, groups, found, acts })
}

fn setups() -> impl Strategy<Value = Setup> {
    let chosen = (1u8..4, 0u8..3, 0u8..4, 0u8..3, 0u8..3, 0u8..6, 0u8..6, 0u8..5, 0u8..3);
    (chosen, manners()).prop_map(|((sources, names, mapping, select, correlate, ownership, groups, departure, lifecycles), manners)| {
        Setup { sources, names, mapping, select, correlate, ownership, groups, departure, lifecycles, manners }
    })
}

fn manners() -> impl Strategy<Value = Manners> {
    let often = || prop::bool::weighted(0.8);
    let seldom = || prop::bool::weighted(0.3);
    (often(), any::<bool>(), any::<bool>(), any::<bool>(), seldom(), often(), often()).prop_map(
        |(marks_accounts, marks_groups, nests, deactivation_drops, narrow, deactivates, deletes)| Manners {
            marks_accounts,
            marks_groups,
            nests,
            deactivation_drops,
            narrow,
            deactivates,
            deletes,
        },
    )
}

fn people() -> impl Strategy<Value = Person> {
    let boss = prop::option::of(0u8..7);
    (0u8..6, 0u8..3, 0u8..3, boss, standings(), any::<bool>(), prop::bool::weighted(0.2))
        .prop_map(|(name, dept, title, boss, standing, badge, external)| Person { name, dept, title, boss, standing, badge, external })
}

fn standings() -> impl Strategy<Value = Standing> {
    prop_oneof![
        6 => Just(Standing::Active),
        1 => Just(Standing::PreHire),
        1 => Just(Standing::Ended),
        1 => Just(Standing::Left),
        1 => Just(Standing::OnLeave),
        1 => Just(Standing::Gone),
    ]
}

fn users() -> impl Strategy<Value = UserDoc> {
    (prop::option::of(0u8..7), prop::bool::weighted(0.2), 0u8..6, 0u8..3).prop_map(|(overrides, exclude, name, dept)| UserDoc {
        exclude: exclude && overrides.is_some(),
        overrides,
        name,
        dept,
        declared: true,
        login: 0,
        boss: None,
        more: 0,
    })
}

fn groups() -> impl Strategy<Value = GroupDoc> {
    (0u8..5, vec(0u8..7, 0..3), vec(0u8..3, 0..2), vec(0u8..5, 0..2)).prop_map(|(rule, people, users, nested)| GroupDoc {
        declared: true,
        renamed: false,
        rule,
        people,
        users,
        nested,
    })
}

fn found() -> impl Strategy<Value = Found> {
    (0u8..7, 0u8..3, prop::bool::weighted(0.8), 0u8..6, prop::option::of(0u8..5)).prop_map(|(name, dept, active, external, group)| Found {
        name,
        dept,
        active,
        external,
        group,
    })
}

fn acts() -> impl Strategy<Value = Act> {
    let interrupted = prop_oneof![3 => Just(None), 1 => (0u8..6, events()).prop_map(Some)];
    let fails = prop_oneof![3 => Just(0u16), 1 => any::<u16>()];
    (vec(events(), 0..4), 0u8..40, lenses(), fails, interrupted).prop_map(|(events, days, lens, fails, interrupted)| Act {
        events,
        days,
        lens,
        fails,
        interrupted,
    })
}

fn events() -> impl Strategy<Value = Event> {
    (0u8..24, 0u8..8, 0u8..8).prop_map(|(kind, who, what)| Event { kind, who, what })
}

fn lenses() -> impl Strategy<Value = Lens> {
    let blurred = (sights(), sights(), sights(), sights(), sights(), sights(), prop::bool::weighted(0.7))
        .prop_map(|(a, b, c, accounts, groups, memberships, answers)| Lens { sources: [a, b, c], accounts, groups, memberships, answers });
    prop_oneof![2 => Just(Lens::CLEAR), 1 => blurred]
}

fn sights() -> impl Strategy<Value = Sight> {
    prop_oneof![
        4 => Just(Sight::Complete),
        2 => any::<u8>().prop_map(Sight::Partial),
        1 => any::<u8>().prop_map(Sight::Delta),
        1 => Just(Sight::Unreadable),
    ]
}

/// A source's record: field and value; no value is null.
pub type Record = Vec<(&'static str, Option<String>)>;

impl Story {
    /// A person's key at the source that establishes them.
    pub fn key(&self, who: usize) -> String {
        if self.external(who) { format!("x{who}") } else { format!("{}", 10 + who) }
    }

    /// That source's name.
    pub fn source(&self, who: usize) -> &'static str {
        if self.external(who) { "ext" } else { "hr" }
    }

    fn external(&self, who: usize) -> bool {
        self.setup.sources >= 3 && self.people.get(who).is_some_and(|person| person.external)
    }

    /// The sources' names, sorted, as the policy has them.
    pub fn sources(&self) -> Vec<&'static str> {
        [("badge", 2), ("ext", 3), ("hr", 1)].into_iter().filter(|(_, least)| self.setup.sources >= *least).map(|(name, _)| name).collect()
    }

    /// A source's records as they are today.
    pub fn records(&self, source: &str) -> Vec<Record> {
        let known = self.people.iter().enumerate().filter(|(_, person)| person.standing != Standing::Gone);
        match source {
            "badge" => known.filter(|(_, person)| person.badge).map(|(who, person)| badge(who, person)).collect(),
            _ => known.filter(|(who, _)| self.source(*who) == source).map(|(who, person)| self.record(who, person)).collect(),
        }
    }

    fn record(&self, who: usize, person: &Person) -> Record {
        let (first, last) = NAMES[usize::from(person.name) % NAMES.len()];
        let text = |text: &str| Some(text.to_string());
        let (status, start, end) = match person.standing {
            Standing::PreHire => ("active", text("2039-01-01"), None),
            Standing::Ended => ("active", text("2020-01-01"), text("2021-06-30")),
            Standing::Left => ("left", text("2020-01-01"), None),
            Standing::OnLeave => ("leave", text("2020-01-01"), None),
            Standing::Active | Standing::Gone => ("active", text("2020-01-01"), None),
        };
        // A boss from another source has no record key here, and one who does not exist is dangling: both happen in real exports.
        let boss = person.boss.map(|boss| self.key(usize::from(boss)));
        vec![
            ("id", Some(self.key(who))),
            ("first", text(first)),
            ("last", text(last)),
            ("num", Some(format!("E{who}"))),
            ("dept", text(DEPARTMENTS[usize::from(person.dept) % 3])),
            ("title", Some(TITLES[usize::from(person.title) % 3].to_string()).filter(|title| !title.is_empty())),
            ("boss", boss),
            ("status", text(status)),
            ("start", start),
            ("end", end),
        ]
    }

    /// Everything as one stream of YAML documents.
    pub fn manifests(&self) -> String {
        let mut text =
            String::from("apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec: {id: acme, timeZone: UTC}\n");
        for source in self.sources() {
            text.push_str(&self.source_doc(source));
        }
        text.push_str(&self.target_doc());
        for (at, user) in self.users.iter().enumerate().filter(|(_, user)| user.declared) {
            text.push_str(&self.user_doc(at, user));
        }
        for (at, group) in self.groups.iter().enumerate().filter(|(_, group)| group.declared) {
            text.push_str(&self.group_doc(at, group));
        }
        text
    }

    fn source_doc(&self, source: &str) -> String {
        let head = document("Source", source);
        if source == "badge" {
            return format!(
                "{head}  connection: {{file: {{path: badge.csv}}}}\n  key: record.id\n  establishes: false\n  precedence: 50\n  correlate: [employeeNumber]\n  \
                 mapping:\n    rules:\n    - {{attribute: employeeNumber, value: record.num}}\n    - {{attribute: costCenter, value: record.cost}}\n    \
                 - {{attribute: nickName, value: record.nick}}\n"
            );
        }
        let user_name = match self.setup.names {
            0 => "lower(ascii(record.first)) + \".\" + lower(ascii(record.last))",
            1 => "record.first + \".\" + record.last",
            _ => "lower(ascii(record.first))",
        };
        let precedence = if source == "hr" { 200 } else { 100 };
        format!(
            "{head}  connection: {{file: {{path: {source}.csv}}}}\n  key: record.id\n  establishes: true\n  precedence: {precedence}\n  \
             lifecycle: {{leaver: 'record.status == \"left\"', suspended: 'record.status == \"leave\"'}}\n  mapping:\n    rules:\n    \
             - {{attribute: userName, value: '{user_name}'}}\n    - {{attribute: name.givenName, value: record.first}}\n    \
             - {{attribute: name.familyName, value: record.last}}\n    - {{attribute: employeeNumber, value: record.num}}\n    \
             - {{attribute: department, value: record.dept}}\n    - {{attribute: title, value: record.title}}\n    \
             - {{attribute: manager, value: record.boss}}\n    - {{attribute: startDate, value: date(record.start)}}\n    \
             - {{attribute: endDate, value: date(record.end)}}\n  completeness: {{maxShrink: 99%}}\n"
        )
    }

    fn target_doc(&self) -> String {
        let setup = &self.setup;
        let mut text = document("Target", "chat");
        text.push_str("  connection: {scim: {url: \"https://chat.acme.example/scim/v2\"}}\n");
        text.push_str(match setup.select {
            0 => "",
            1 => "  select: identity.department == \"Eng\"\n",
            _ => "  select: identity.department in [\"Eng\", \"Ops\"]\n",
        });
        text.push_str(match setup.correlate {
            0 => "",
            1 => "  correlate: [externalId]\n",
            _ => "  correlate: [employeeNumber, userName]\n",
        });
        let ownership = ["owned", "owned", "owned", "authoritative", "additive", "observe"][usize::from(setup.ownership) % 6];
        let _ = writeln!(text, "  ownership: {ownership}");
        text.push_str(match setup.groups {
            0 => "",
            1 => "  groups: {select: 'group.labels.chat == \"yes\"'}\n",
            2 => "  groups: {ownership: authoritative}\n",
            3 => "  groups: {ownership: additive, nested: false}\n",
            4 => "  groups: {nested: false}\n",
            _ => "  groups: {}\n",
        });
        text.push_str(match setup.departure {
            0 => "",
            1 => "  leaver: {action: deactivate, deleteAfter: 30d}\n",
            2 => "  leaver: {action: delete}\n  absent: {action: deactivate, deleteAfter: 10d}\n",
            3 => "  leaver: {action: keep}\n  suspended: {action: keep}\n",
            _ => "  deselected: {action: keep}\n  absent: {action: delete}\n",
        });
        text.push_str(match setup.lifecycles {
            0 => "",
            1 => "  lifecycles: [active, pre-hire]\n",
            _ => "  lifecycles: [active, suspended]\n",
        });
        text.push_str(match setup.mapping {
            0 => "",
            1 => {
                "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName, unique: true, required: true}\n    \
                 - {attribute: name.givenName, value: identity.name.givenName}\n    - {attribute: department, value: identity.department}\n    \
                 - {attribute: title, value: identity.title, mode: initial}\n    - {attribute: manager, value: identity.manager}\n"
            }
            2 => {
                "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName, unique: true, mode: initial}\n    \
                 - {attribute: displayName, value: 'identity.name.givenName + \" \" + identity.name.familyName'}\n    \
                 - {attribute: employeeNumber, value: identity.employeeNumber}\n    - {attribute: costCenter, value: identity.costCenter}\n    \
                 - {attribute: title, value: identity.title, when: 'identity.department == \"Eng\"'}\n"
            }
            _ => {
                "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: 'identity.employeeNumber'}\n    \
                 - {attribute: nickName, value: 'default(identity.nickName, \"none\")'}\n    - {attribute: manager, value: identity.manager}\n    \
                 - {attribute: department, value: 'upper(identity.department)', mode: ignore}\n"
            }
        });
        let free = headcount::model::Guardrail::ALL.map(|guardrail| format!("{}: {{count: 100000}}", guardrail.word()));
        let _ = writeln!(text, "  guardrails: {{{}}}", free.join(", "));
        text
    }

    fn user_doc(&self, at: usize, user: &UserDoc) -> String {
        let head = document("User", &format!("user{at}"));
        let (first, last) = NAMES[usize::from(user.name) % NAMES.len()];
        match user.overrides {
            // Two manifests must not override one identity: the position makes them differ, and nobody is overridden who is in no source's manifest.
            Some(who) => {
                let who = (usize::from(who) % 2) + at * 2;
                let exclude = if user.exclude { "  exclude: true\n" } else { "" };
                let attributes = if user.exclude {
                    String::new()
                } else {
                    let (login, boss) = (self.login(user, ""), self.boss(user));
                    format!("  attributes: {{{login}{boss}department: {}, title: null}}\n", DEPARTMENTS[usize::from(user.dept) % 3])
                };
                let more = self.more(at, user);
                format!("{head}  overrides: {{source: {}, key: \"{}\"}}\n{attributes}{exclude}{more}", self.source(who), self.key(who))
            }
            None => format!(
                "{head}  attributes: {{{}{}name.givenName: {first}, name.familyName: {last}, employeeNumber: S{at}, department: {}}}\n{}",
                self.login(user, &format!("svc-{at}")),
                self.boss(user),
                DEPARTMENTS[usize::from(user.dept) % 3],
                self.more(at, user)
            ),
        }
    }

    /// The login name that a User says: its own, or one that others may have.
    fn login(&self, user: &UserDoc, own: &str) -> String {
        let (first, last) = NAMES[usize::from(user.login) % NAMES.len()];
        match user.login {
            0 if own.is_empty() => String::new(),
            0 => format!("userName: {own}, "),
            _ => format!("userName: {}.{}, ", first.to_lowercase(), last.to_lowercase()),
        }
    }

    fn boss(&self, user: &UserDoc) -> String {
        let of = |boss: usize| match boss.checked_sub(self.people.len()) {
            Some(other) => format!("manager: user/user{other}, "),
            None => format!("manager: {}/{}, ", self.source(boss), self.key(boss)),
        };
        user.boss.map(|boss| of(usize::from(boss))).unwrap_or_default()
    }

    fn more(&self, at: usize, user: &UserDoc) -> String {
        let person = at + 8;
        match user.more {
            1 => format!("  formerKeys: [{}/{}]\n", self.source(person), self.key(person)),
            2 if self.setup.sources >= 2 => format!("  records: [{{source: badge, key: b{at}}}]\n"),
            3 => format!("  formerNames: [\"Ann Lee {at}\"]\n"),
            4 => format!("  notFormerKeys: [{}/{}]\n", self.source(person), self.key(person)),
            _ => String::new(),
        }
    }

    fn group_doc(&self, at: usize, group: &GroupDoc) -> String {
        let label = if at.is_multiple_of(2) { "yes" } else { "no" };
        let head = format!(
            "---\napiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {{name: group{at}, labels: {{chat: \"{label}\"}}}}\nspec:\n"
        );
        let name = GROUPS[at % GROUPS.len()];
        let named = if group.renamed {
            format!("  displayName: New {name}\n  previousNames: [{name}]\n")
        } else {
            format!("  displayName: {name}\n")
        };
        let rule = match group.rule {
            0 => "",
            1 => "  rule: identity.department == \"Eng\"\n",
            2 => "  rule: identity.title == \"Lead\"\n",
            3 => "  rule: 'true'\n",
            _ => "  rule: identity.department != \"Law\"\n  lifecycles: [active, suspended]\n",
        };
        format!("{head}{named}{rule}{}", self.members(at, group))
    }

    fn members(&self, at: usize, group: &GroupDoc) -> String {
        let mut lines: Vec<String> = Vec::new();
        for &who in &group.people {
            let who = usize::from(who);
            if who < self.people.len() {
                lines.push(format!("  - {{identity: {{source: {}, key: \"{}\"}}}}\n", self.source(who), self.key(who)));
            }
        }
        for &user in &group.users {
            if self.users.get(usize::from(user)).is_some_and(|user| user.declared && user.overrides.is_none()) {
                lines.push(format!("  - {{user: user{user}}}\n"));
            }
        }
        for &nested in &group.nested {
            let later = at + 1 + usize::from(nested);
            if self.groups.get(later).is_some_and(|group| group.declared) {
                lines.push(format!("  - {{group: group{later}}}\n"));
            }
        }
        lines.sort();
        lines.dedup();
        match (lines.is_empty(), group.rule) {
            (true, 0) => "  members: []\n  allowEmpty: true\n".to_string(),
            (true, _) => String::new(),
            _ => format!("  members:\n{}", lines.concat()),
        }
    }
}

fn badge(who: usize, person: &Person) -> Record {
    vec![
        ("id", Some(format!("b{who}"))),
        ("num", Some(format!("E{who}"))),
        ("cost", Some(format!("C{}", person.title))),
        ("nick", (person.title != 2).then(|| format!("nick{who}"))),
    ]
}

fn document(kind: &str, name: &str) -> String {
    format!("---\napiVersion: headcount.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n")
}
