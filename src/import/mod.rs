//! Manifests for what exists: groups, entitlements and accounts of a target as the documents that a person would write for them.
//!
//! Must never: read or write anything, write a rule that is no proof on today's data without being asked, or write a secret or a personal attribute.

mod guess;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::kinds::{Lifecycle, VALUE, fold};
use crate::planning::{Existing, ExistingMember};
use guess::{Each, People, Rule};
pub use write::{slug, sounds_privileged};

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub struct ImportRequest {
    /// the Target's name
    pub target: String,
    /// work rules out
    pub guess: bool,
    /// only these kinds; none: all
    pub kinds: Vec<Kind>,
    /// only what is called so, `*` standing for anything; none: all
    pub names: Vec<String>,
    /// only groups that are called so
    pub groups: Vec<String>,
    /// names that documents have, by kind
    pub taken: BTreeSet<(Kind, String)>,
    /// what Groups are called at the targets
    pub called: Vec<String>,
}

/// What a document is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// a group
    Group,
    /// an account without a record
    User,
    /// an entitlement
    Entitlement,
}

impl Kind {
    /// As documents say it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Group => "Group",
            Self::User => "User",
            Self::Entitlement => "Entitlement",
        }
    }
}

/// One document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedDocument {
    /// what it is about
    pub kind: Kind,
    /// its metadata.name
    pub name: String,
    /// without `---`
    pub text: String,
    /// how its people came to be said
    pub by: By,
    /// what of the target it is about, as it is called there
    pub about: Vec<Arc<str>>,
}

/// How a document says who is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// one group for each value of this attribute
    Each(Arc<str>),
    /// a rule
    Rule(String),
    /// other groups
    Groups(usize),
    /// by name, so many
    Names(usize),
}

/// What was made, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// the documents
    pub documents: Vec<ImportedDocument>,
    /// what was left alone, in words
    pub left: Vec<String>,
}

/// The documents for what exists. `listed` names what must be said by name, since a rule for it changed something.
pub fn make(existing: &Existing, wanted: &ImportRequest, matches: &dyn Fn(&str, &str) -> bool, listed: &BTreeSet<String>) -> Import {
    let mut work = Work {
        existing,
        wanted,
        matches,
        listed,
        unsayable: Unsayable::of(existing, &wanted.called),
        taken: wanted.taken.clone(),
        users: BTreeMap::new(),
        import: Import::default(),
    };
    work.users();
    work.groups();
    work.entitlements();
    work.import
}

struct Work<'a> {
    existing: &'a Existing,
    wanted: &'a ImportRequest,
    matches: &'a dyn Fn(&str, &str) -> bool,
    listed: &'a BTreeSet<String>,
    unsayable: Unsayable,
    taken: BTreeSet<(Kind, String)>,
    /// new Users by the number of their account
    users: BTreeMap<usize, String>,
    import: Import,
}

/// Groups of which no Group can say that it is them, by their numbers.
#[derive(Default)]
struct Unsayable {
    unnamed: BTreeSet<usize>,
    /// what `forEach` puts its value for stands in the name
    with_value: BTreeSet<usize>,
    /// names that count as one
    alike: BTreeSet<usize>,
}

impl Unsayable {
    fn of(existing: &Existing, called: &[String]) -> Self {
        let mut unsayable = Self::default();
        let declared: BTreeSet<String> = called.iter().map(|name| fold(name)).collect();
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, group) in existing.groups.iter().enumerate() {
            match group {
                group if group.unnamed => drop(unsayable.unnamed.insert(at)),
                group if group.name.contains(VALUE) => drop(unsayable.with_value.insert(at)),
                group => by_name.entry(fold(&group.name)).or_default().push(at),
            }
        }
        let is_one = |(name, groups): &(String, Vec<usize>)| groups.len() > 1 || declared.contains(name);
        unsayable.alike = by_name.into_iter().filter(is_one).flat_map(|(_, groups)| groups).collect();
        unsayable
    }

    fn has(&self, at: usize) -> bool {
        [&self.unnamed, &self.with_value, &self.alike].into_iter().any(|some| some.contains(&at))
    }
}

/// Who is in something, as far as a manifest can say it.
#[derive(Default)]
struct Members {
    people: BTreeSet<usize>,
    accounts: BTreeSet<usize>,
    groups: BTreeSet<usize>,
    /// members that are not written down
    left: usize,
}

impl Work<'_> {
    fn wants(&self, kind: Kind, name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| (self.matches)(pattern, name));
        let kinds = self.wanted.kinds.is_empty() || self.wanted.kinds.contains(&kind);
        let groups = self.wanted.groups.is_empty() || (kind == Kind::Group && any(&self.wanted.groups));
        kinds && groups && (self.wanted.names.is_empty() || any(&self.wanted.names))
    }

    /// Accounts with sign-in that are nobody's.
    fn users(&mut self) {
        let (mut asleep, mut kept) = (Vec::new(), Vec::new());
        for (at, account) in self.existing.accounts.iter().enumerate() {
            match account {
                _ if !self.wants(Kind::User, &account.name) => {}
                _ if !account.free => kept.push(account.name.clone()),
                _ if !account.active => asleep.push(account.name.clone()),
                _ => {
                    let name = self.name(Kind::User, &account.name);
                    let text = write::user(&name, &self.wanted.target, account);
                    self.users.insert(at, name.clone());
                    self.document(Kind::User, name, text, By::Names(1), vec![account.name.clone()]);
                }
            }
        }
        self.leave(&kept, "account that is protected or another program's", "accounts that are protected or another program's");
        self.leave(&asleep, "account that is nobody's and without sign-in", "accounts that are nobody's and without sign-in");
    }

    fn leave(&mut self, names: &[Arc<str>], one: &str, many: &str) {
        if !names.is_empty() {
            let what = if names.len() == 1 { one } else { many };
            self.import.left.push(format!("{} {what}: {}", names.len(), write::listed(names)));
        }
    }

    fn groups(&mut self) {
        let wanted: Vec<usize> = (0..self.existing.groups.len()).filter(|at| self.is_wanted(*at)).collect();
        let foreign: Vec<Arc<str>> = self.existing.groups.iter().filter(|group| group.foreign).map(|group| group.name.clone()).collect();
        self.leave(&foreign, "group that is another program's", "groups that are another program's");
        self.leave_unsayable();
        let members: BTreeMap<usize, Members> = wanted.iter().map(|at| (*at, self.members(&self.existing.groups[*at].members))).collect();
        let people = People::of(&self.existing.people);
        let mut done: BTreeMap<usize, String> = BTreeMap::new();
        while self.wanted.guess {
            let open = |at: &usize| !done.contains_key(at) && self.may_be_ruled(*at, members.get(at));
            let groups: Vec<_> = wanted
                .iter()
                .filter(|at| open(at))
                .filter_map(|at| Some((*at, self.existing.groups.get(*at)?.name.as_ref(), &members.get(at)?.people)))
                .collect();
            let Some(each) = people.each(&groups) else { break };
            let name = self.each(&each);
            done.extend(each.groups.iter().map(|at| (*at, name.clone())));
        }
        let rest: Vec<usize> = wanted.iter().copied().filter(|at| !done.contains_key(at)).collect();
        let names: BTreeMap<usize, String> = rest.iter().map(|at| (*at, self.name(Kind::Group, &self.existing.groups[*at].name))).collect();
        let mut called: BTreeMap<usize, String> = names.clone();
        for (at, each) in &done {
            called.insert(*at, self.each_name(each, *at));
        }
        for at in rest {
            let (Some(of), Some(name)) = (members.get(&at), names.get(&at)) else { continue };
            self.group(at, name, of, &people, &members, &called);
        }
    }

    fn leave_unsayable(&mut self) {
        let names = |some: &BTreeSet<usize>| -> Vec<Arc<str>> {
            let groups = some.iter().filter_map(|at| self.existing.groups.get(*at));
            groups.filter(|group| !group.foreign && self.wants(Kind::Group, &group.name)).map(|group| group.name.clone()).collect()
        };
        let Unsayable { unnamed, with_value, alike } = &self.unsayable;
        let [unnamed, with_value, alike] = [unnamed, with_value, alike].map(names);
        self.leave(&unnamed, "group without a name (by its id)", "groups without a name (by their ids)");
        let one = "group whose name holds `{value}`, which stands for something in a Group";
        self.leave(&with_value, one, "groups whose names hold `{value}`, which stands for something in a Group");
        self.leave(
            &alike,
            "group whose name counts as another's (capitals and blanks don't)",
            "groups whose names count as one (capitals and blanks don't)",
        );
    }

    /// How a group of a `forEach` is named: `department/Sales`.
    fn each_name(&self, each: &str, at: usize) -> String {
        let group = self.existing.groups.get(at).map_or("", |group| group.name.as_ref());
        let made = self.import.documents.iter().find(|made| made.kind == Kind::Group && made.name == each);
        let pattern = made.and_then(|made| made.text.lines().find_map(|line| line.trim().strip_prefix("displayName: "))).unwrap_or("");
        let pattern = pattern.trim_matches('\'');
        let (before, after) = pattern.split_once("{value}").unwrap_or(("", ""));
        format!("{each}/{}", group.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).unwrap_or(group))
    }

    fn is_wanted(&self, at: usize) -> bool {
        self.existing.groups.get(at).is_some_and(|group| !group.foreign && !self.unsayable.has(at) && self.wants(Kind::Group, &group.name))
    }

    fn may_be_ruled(&self, at: usize, members: Option<&Members>) -> bool {
        let group = self.existing.groups.get(at);
        let plain = members.is_some_and(|members| members.accounts.is_empty() && members.groups.is_empty() && members.left == 0);
        plain && group.is_some_and(|group| !write::sounds_privileged(&group.name) && !self.listed.contains(group.name.as_ref()))
    }

    /// Who has left is left out: a plan takes them out anyway.
    fn members(&self, members: &[ExistingMember]) -> Members {
        let mut of = Members::default();
        for member in members {
            match member {
                ExistingMember::Person(at) => match self.existing.people.get(*at).and_then(|person| person.lifecycle) {
                    Some(Lifecycle::Leaver) | None => of.left += 1,
                    Some(_) => drop(of.people.insert(*at)),
                },
                ExistingMember::Account(at) if self.users.contains_key(at) => drop(of.accounts.insert(*at)),
                ExistingMember::Group(at) if self.is_wanted(*at) => drop(of.groups.insert(*at)),
                _ => of.left += 1,
            }
        }
        of
    }

    fn each(&mut self, each: &Each) -> String {
        let last = each.attribute.rsplit('.').next().unwrap_or(&each.attribute).to_owned();
        let name = self.name(Kind::Group, &last);
        let text = write::each(&name, each);
        let about = each.groups.iter().filter_map(|at| Some(self.existing.groups.get(*at)?.name.clone())).collect();
        self.document(Kind::Group, name.clone(), text, By::Each(each.attribute.clone()), about);
        name
    }

    fn group(
        &mut self,
        at: usize,
        name: &str,
        of: &Members,
        people: &People<'_>,
        members: &BTreeMap<usize, Members>,
        called: &BTreeMap<usize, String>,
    ) {
        let Some(group) = self.existing.groups.get(at) else { return };
        let ruled = self.wanted.guess && self.may_be_ruled(at, Some(of));
        let rule = if ruled { people.rule(&of.people, &group.name) } else { None };
        let (text, by) = match rule {
            Some(rule) => (write::ruled(name, &group.name, &rule, of.people.len()), By::Rule(rule.text)),
            None => {
                let nested = if ruled { covering(at, of, members) } else { None };
                let by = nested
                    .as_ref()
                    .map_or(By::Names(of.people.len() + of.accounts.len() + of.groups.len()), |nested| By::Groups(nested.len()));
                let names: Vec<(String, String)> = match &nested {
                    Some(nested) => {
                        nested.iter().filter_map(|group| Some((write::group_member(called.get(group)?), String::new()))).collect()
                    }
                    None => self.lines(of, called),
                };
                (write::listing(name, &group.name, &names, of, nested.is_some()), by)
            }
        };
        self.document(Kind::Group, name.to_owned(), text, by, vec![group.name.clone()]);
    }

    /// One line a member, with the name beside: groups first, then people by name.
    fn lines(&self, of: &Members, called: &BTreeMap<usize, String>) -> Vec<(String, String)> {
        let groups = of.groups.iter().filter_map(|at| Some((write::group_member(called.get(at)?), String::new())));
        let mut people: Vec<(String, String)> = of
            .people
            .iter()
            .filter_map(|at| self.existing.people.get(*at))
            .map(|person| (write::member(&person.key), person.name.to_string()))
            .collect();
        people.extend(of.accounts.iter().filter_map(|at| Some((write::user_member(self.users.get(at)?), String::new()))));
        people.sort_by(|one, next| (&one.1, &one.0).cmp(&(&next.1, &next.0)));
        groups.chain(people).collect()
    }

    fn entitlements(&mut self) {
        let people = People::of(&self.existing.people);
        for (called, holders) in &self.existing.entitlements {
            if !self.wants(Kind::Entitlement, called) {
                continue;
            }
            let of = self.members(holders);
            if of.people.is_empty() && of.accounts.is_empty() {
                self.import.left.push(format!("the entitlement {called}, which nobody has who is known"));
                continue;
            }
            let name = self.name(Kind::Entitlement, called);
            let plain =
                of.accounts.is_empty() && of.left == 0 && !self.listed.contains(called.as_ref()) && !write::sounds_privileged(called);
            let rule: Option<Rule> = if self.wanted.guess && plain { people.rule(&of.people, called) } else { None };
            let lines = if rule.is_some() { Vec::new() } else { self.lines(&of, &BTreeMap::new()) };
            let text = write::entitlement(&name, called, &self.wanted.target, rule.as_ref(), &lines, &of);
            let by = rule.map_or(By::Names(lines.len()), |rule| By::Rule(rule.text));
            self.document(Kind::Entitlement, name, text, by, vec![called.clone()]);
        }
    }

    fn document(&mut self, kind: Kind, name: String, text: String, by: By, about: Vec<Arc<str>>) {
        self.import.documents.push(ImportedDocument { kind, name, text, by, about });
    }

    /// A name that no document of the kind has.
    fn name(&mut self, kind: Kind, called: &str) -> String {
        let slug = write::slug(called);
        let free = |name: &String| !self.taken.contains(&(kind, name.clone()));
        let name = std::iter::once(slug.clone()).chain((2..).map(|number| format!("{slug}-{number}"))).find(free).unwrap_or(slug);
        self.taken.insert((kind, name.clone()));
        name
    }
}

/// Other groups that together have exactly the same people.
fn covering(at: usize, of: &Members, members: &BTreeMap<usize, Members>) -> Option<Vec<usize>> {
    let plain =
        |members: &Members| members.accounts.is_empty() && members.groups.is_empty() && members.left == 0 && !members.people.is_empty();
    let inside = |(other, theirs): &(&usize, &Members)| {
        **other != at && plain(theirs) && theirs.people.len() < of.people.len() && theirs.people.is_subset(&of.people)
    };
    let all: Vec<(&usize, &Members)> = members.iter().filter(inside).collect();
    // One inside of another says nothing more.
    let largest = |(other, theirs): &&(&usize, &Members)| {
        !all.iter().any(|(second, more)| {
            second != other && theirs.people.is_subset(&more.people) && (theirs.people != more.people || second < other)
        })
    };
    let found: Vec<_> = all.iter().filter(largest).collect();
    let together: BTreeSet<usize> = found.iter().flat_map(|(_, theirs)| theirs.people.iter().copied()).collect();
    let apart = found.iter().map(|(_, theirs)| theirs.people.len()).sum::<usize>() == together.len();
    (found.len() >= 2 && apart && together == of.people).then(|| found.into_iter().map(|(other, _)| **other).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planning::ExistingGroup;

    #[test]
    fn groups_that_no_group_can_say_are_left_out_by_name_and_the_others_are_written() {
        let group = |id: &str, name: &str, unnamed: bool| ExistingGroup {
            id: id.into(),
            name: name.into(),
            unnamed,
            foreign: false,
            members: Vec::new(),
        };
        let groups = vec![
            group("1", "Team", false),
            group("30", "30", true),
            group("3", "30", false),
            group("4", "D1", false),
            group("5", "d1 ", false),
            group("6", "x\u{85}y", false),
            group("7", "x\u{2028}y", false),
            group("8", "Team {value}", false),
            group("9", "sales", false),
        ];
        let existing = Existing { groups, ..Existing::default() };
        let wanted = ImportRequest { called: vec!["Sales".into()], ..ImportRequest::default() };
        let import = make(&existing, &wanted, &|_, _| false, &BTreeSet::new());
        let written: Vec<&str> = import.documents.iter().flat_map(|made| &made.about).map(|name| &**name).collect();
        assert_eq!(written, ["Team", "30"]);
        assert_eq!(
            import.left,
            [
                "1 group without a name (by its id): 30",
                "1 group whose name holds `{value}`, which stands for something in a Group: Team {value}",
                "5 groups whose names count as one (capitals and blanks don't): D1, d1 , x y, x y, sales",
            ]
        );
    }
}
