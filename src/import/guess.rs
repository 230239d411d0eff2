//! Rules worked out from who is in what. Each is a proof on today's data: it covers exactly those, and nobody else.
//!
//! Must never: take what names one person for a rule, or what covers one more or one fewer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::kinds::Lifecycle;
use crate::model::Value;
use crate::planning::ExistingPerson;

/// Attributes that name somebody, and rule nothing.
const NAMES: [&str; 12] = [
    "userName",
    "displayName",
    "nickName",
    "externalId",
    "profileUrl",
    "manager",
    "startDate",
    "endDate",
    "status",
    "active",
    "timezone",
    "lifecycle",
];
/// Tried before all others, in this order.
const FIRST: [&str; 6] = ["department", "division", "organization", "userType", "costCenter", "title"];
/// Most values of one attribute in one rule.
const VALUES: usize = 5;
/// Two conditions at once need so many people who bear them out.
const BORNE_OUT: usize = 3;

/// A rule that covers exactly some people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// CEL over `identity`
    pub text: String,
    /// it covers those on leave too
    pub on_leave: bool,
    /// it is nothing but that an attribute has a value
    pub each: Option<(Arc<str>, Arc<str>)>,
}

/// Groups that are one for each value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Each {
    /// whose values
    pub attribute: Arc<str>,
    /// with `{value}`
    pub display_name: String,
    /// CEL over `identity`: whom it looks at
    pub condition: Option<String>,
    /// it covers those on leave too
    pub on_leave: bool,
    /// the groups, by the numbers that were given
    pub groups: Vec<usize>,
    /// values without a group
    pub except: Vec<Arc<str>>,
}

/// The people of a target, by what they have.
pub(super) struct People<'a> {
    all: &'a [ExistingPerson],
    /// by attribute and value, who has it; with an account there or not
    by: BTreeMap<Arc<str>, BTreeMap<Arc<str>, BTreeSet<usize>>>,
    numbers: BTreeMap<Arc<str>, BTreeMap<i64, BTreeSet<usize>>>,
}

impl<'a> People<'a> {
    /// All who are known.
    pub(super) fn of(all: &'a [ExistingPerson]) -> Self {
        let mut people = Self { all, by: BTreeMap::new(), numbers: BTreeMap::new() };
        for (at, person) in all.iter().enumerate().filter(|(_, person)| is_here_or_away(person)) {
            for (name, value) in person.attributes.iter().filter(|(name, _)| !NAMES.contains(&name.as_ref()) && !name.starts_with("name."))
            {
                match value {
                    Value::Text(text) => {
                        people.by.entry(name.clone()).or_default().entry(text.clone()).or_default().insert(at);
                    }
                    Value::Int(number) => {
                        people.numbers.entry(name.clone()).or_default().entry(*number).or_default().insert(at);
                    }
                    _ => {}
                }
            }
        }
        // What nearly everybody has another value of is a name.
        people.by.retain(|_, values| values.len() == 1 || values.values().map(BTreeSet::len).sum::<usize>() >= 2 * values.len());
        people
    }

    /// Groups that are one for each value of an attribute: the attribute that makes most of them, and under which condition.
    pub(super) fn each(&self, groups: &[(usize, &str, &BTreeSet<usize>)]) -> Option<Each> {
        let attributes = self.attributes();
        let candidates = attributes.iter().copied().flat_map(|attribute| {
            let others = self.by.iter().filter(move |(other, _)| *other != attribute);
            let conditions = others.flat_map(|(other, values)| values.iter().map(move |(value, people)| Some((other, value, people))));
            std::iter::once(None).chain(conditions).flat_map(move |condition| [(attribute, condition, false), (attribute, condition, true)])
        });
        let mut best: Option<Each> = None;
        for (attribute, condition, on_leave) in candidates {
            let found = self.each_of(attribute, condition, on_leave, groups);
            if let Some(found) = found.filter(|found| best.as_ref().is_none_or(|best| found.groups.len() > best.groups.len())) {
                best = Some(found);
            }
        }
        best
    }

    fn each_of(
        &self,
        attribute: &Arc<str>,
        condition: Option<(&Arc<str>, &Arc<str>, &BTreeSet<usize>)>,
        on_leave: bool,
        groups: &[(usize, &str, &BTreeSet<usize>)],
    ) -> Option<Each> {
        let meets = |people: &BTreeSet<usize>| -> BTreeSet<usize> {
            people.iter().copied().filter(|at| condition.is_none_or(|(_, _, those)| those.contains(at))).collect()
        };
        let values = self.by.get(attribute)?;
        let mut patterns: BTreeMap<(&str, &str), BTreeMap<usize, Arc<str>>> = BTreeMap::new();
        for (at, name, members) in groups.iter().filter(|(_, _, members)| !members.is_empty()) {
            let spoken = values.iter().find_map(|(value, people)| Some((name.split_once(value.as_ref())?, value, people)));
            let Some((pattern, value, people)) = spoken else { continue };
            if self.here(&meets(people), on_leave) == **members {
                patterns.entry(pattern).or_default().insert(*at, value.clone());
            }
        }
        let ((before, after), groups) = patterns.into_iter().max_by_key(|(_, groups)| groups.len())?;
        let taken: BTreeSet<&Arc<str>> = groups.values().collect();
        let has = |people: &BTreeSet<usize>| meets(people).iter().any(|at| self.covered(*at, on_leave));
        let except: Vec<Arc<str>> =
            values.iter().filter(|(value, people)| !taken.contains(value) && has(people)).map(|(value, _)| value.clone()).collect();
        // More exceptions than groups are no rule, and braces have a meaning of their own.
        let fits = groups.len() >= 2 && except.len() < groups.len() && !before.contains(['{', '}']) && !after.contains(['{', '}']);
        fits.then(|| Each {
            attribute: attribute.clone(),
            display_name: format!("{before}{{value}}{after}"),
            condition: condition.map(|(other, value, _)| equals(other, value)),
            on_leave,
            groups: groups.into_keys().collect(),
            except,
        })
    }

    /// The rule that covers exactly these people; of several the one that the name speaks of.
    pub(super) fn rule(&self, members: &BTreeSet<usize>, name: &str) -> Option<Rule> {
        if members.len() < 2 {
            return None;
        }
        [false, true].into_iter().find_map(|on_leave| {
            let mut rules = self.rules(members, on_leave);
            let spoken = |rule: &Rule| rule.each.as_ref().is_some_and(|(_, value)| name.to_lowercase().contains(&value.to_lowercase()));
            let best = rules.iter().position(spoken).unwrap_or(0);
            (best < rules.len()).then(|| rules.swap_remove(best))
        })
    }

    fn rules(&self, members: &BTreeSet<usize>, on_leave: bool) -> Vec<Rule> {
        let all: BTreeSet<usize> = (0..self.all.len()).filter(|at| self.is_covered(*at, on_leave)).collect();
        if !members.iter().all(|at| all.contains(at)) {
            return Vec::new();
        }
        let mut rules = self.single(members, on_leave);
        if *members == all {
            rules.push(Rule { text: "true".into(), on_leave, each: None });
        }
        if rules.is_empty() {
            rules.extend(self.threshold(members, on_leave));
        }
        if rules.is_empty() {
            rules.extend(self.several(members, on_leave));
        }
        if rules.is_empty() && members.len() >= BORNE_OUT {
            rules.extend(self.pair(members, on_leave));
        }
        rules
    }

    /// `department == "Sales"`.
    fn single(&self, members: &BTreeSet<usize>, on_leave: bool) -> Vec<Rule> {
        let has = |attribute: &Arc<str>| {
            let (value, people) = self.shared(attribute, members)?;
            (self.here(people, on_leave) == *members).then(|| Rule {
                text: equals(attribute, value),
                on_leave,
                each: Some((attribute.clone(), value.clone())),
            })
        };
        self.attributes().iter().filter_map(|attribute| has(attribute)).collect()
    }

    /// `department in ["Apps", "Platform"]`.
    fn several(&self, members: &BTreeSet<usize>, on_leave: bool) -> Option<Rule> {
        self.attributes().iter().find_map(|attribute| {
            let values: Vec<_> = self.by.get(*attribute)?.iter().filter(|(_, people)| !people.is_disjoint(members)).collect();
            let fits = (2..=VALUES).contains(&values.len()) && members.len() > 2 * values.len();
            let covered = values.iter().flat_map(|(_, people)| self.here(people, on_leave)).collect::<BTreeSet<_>>();
            (fits && covered == *members).then(|| {
                let list: Vec<String> = values.iter().map(|(value, _)| literal(value)).collect();
                Rule { text: format!("{} in [{}]", path(attribute), list.join(", ")), on_leave, each: None }
            })
        })
    }

    /// `custom.grade >= 7`.
    fn threshold(&self, members: &BTreeSet<usize>, on_leave: bool) -> Option<Rule> {
        self.numbers.iter().find_map(|(attribute, values)| {
            let least = values.iter().find(|(_, people)| !people.is_disjoint(members)).map(|(number, _)| *number)?;
            let covered: BTreeSet<usize> = values.range(least..).flat_map(|(_, people)| self.here(people, on_leave)).collect();
            (covered == *members).then(|| Rule { text: format!("{} >= {least}", path(attribute)), on_leave, each: None })
        })
    }

    /// `department == "Support" && custom.location == "Lisbon"`.
    fn pair(&self, members: &BTreeSet<usize>, on_leave: bool) -> Option<Rule> {
        let attributes = self.attributes();
        let shared: Vec<_> = attributes.iter().filter_map(|attribute| Some((*attribute, self.shared(attribute, members)?))).collect();
        shared.iter().enumerate().find_map(|(at, (one, (value, people)))| {
            shared.iter().skip(at + 1).find_map(|(other, (second, others))| {
                let both: BTreeSet<usize> = people.intersection(others).copied().collect();
                (self.here(&both, on_leave) == *members).then(|| Rule {
                    text: format!("{} && {}", equals(one, value), equals(other, second)),
                    on_leave,
                    each: None,
                })
            })
        })
    }

    /// The value that all of them have, and who else does.
    fn shared(&self, attribute: &Arc<str>, members: &BTreeSet<usize>) -> Option<(&Arc<str>, &BTreeSet<usize>)> {
        self.by.get(attribute)?.iter().find(|(_, people)| members.is_subset(people))
    }

    fn attributes(&self) -> Vec<&Arc<str>> {
        let place = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
        let mut all: Vec<&Arc<str>> = self.by.keys().collect();
        all.sort_by_key(|name| place(name));
        all
    }

    /// Those of them with an account whom a rule covers.
    fn here(&self, people: &BTreeSet<usize>, on_leave: bool) -> BTreeSet<usize> {
        people.iter().copied().filter(|at| self.is_covered(*at, on_leave)).collect()
    }

    fn is_covered(&self, at: usize, on_leave: bool) -> bool {
        self.covered(at, on_leave) && self.all.get(at).is_some_and(|person| person.here)
    }

    fn covered(&self, at: usize, on_leave: bool) -> bool {
        self.all.get(at).is_some_and(|person| match person.lifecycle {
            Some(Lifecycle::Active) => true,
            Some(Lifecycle::Suspended) => on_leave,
            _ => false,
        })
    }
}

fn is_here_or_away(person: &ExistingPerson) -> bool {
    matches!(person.lifecycle, Some(Lifecycle::Active | Lifecycle::Suspended))
}

fn equals(attribute: &str, value: &str) -> String {
    format!("{} == {}", path(attribute), literal(value))
}

/// How an expression names an attribute.
pub(super) fn path(attribute: &str) -> String {
    let plain = |part: &str| {
        part.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
            && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    match attribute.strip_prefix("custom.") {
        Some(own) if !plain(own) => format!("identity.custom[{}]", literal(own)),
        _ => format!("identity.{attribute}"),
    }
}

fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(department: &str, site: &str, grade: i64, lifecycle: Lifecycle) -> ExistingPerson {
        let attributes = [("department", Value::text(department)), ("custom.site", Value::text(site)), ("custom.grade", Value::Int(grade))];
        ExistingPerson {
            lifecycle: Some(lifecycle),
            here: true,
            attributes: attributes.into_iter().map(|(name, value)| (Arc::from(name), value)).collect(),
            ..ExistingPerson::default()
        }
    }

    #[test]
    fn a_rule_covers_exactly_those_and_nobody_else() {
        use Lifecycle::{Active, Leaver, Suspended};
        let mut people: Vec<ExistingPerson> = ["Apps", "Apps", "Apps", "Sales", "Sales", "Sales", "Ops", "Ops", "Ops", "Board", "Board"]
            .into_iter()
            .enumerate()
            .map(|(at, department)| person(department, if at % 2 == 0 { "Lisbon" } else { "Porto" }, at as i64, Active))
            .collect();
        people.push(person("Sales", "Lisbon", 0, Suspended));
        people.push(person("Sales", "Lisbon", 0, Leaver));
        let known = People::of(&people);
        let rule = |members: &[usize]| known.rule(&members.iter().copied().collect(), "").map(|rule| (rule.text, rule.on_leave));
        let yes = |text: &str, on_leave| Some((text.to_owned(), on_leave));
        assert_eq!(rule(&[3, 4, 5]), yes("identity.department == \"Sales\"", false));
        assert_eq!(rule(&[3, 4, 5, 11]), yes("identity.department == \"Sales\"", true));
        assert_eq!(rule(&[0, 1, 2, 3, 4, 5]), yes("identity.department in [\"Apps\", \"Sales\"]", false));
        assert_eq!(rule(&[8, 9, 10]), yes("identity.custom.grade >= 8", false));
        assert_eq!(rule(&(0..11).collect::<Vec<_>>()), yes("true", false));
        assert_eq!(rule(&[3, 4]), None, "one fewer");
        assert_eq!(rule(&[3, 4, 5, 6]), None, "one more");
        assert_eq!(rule(&[3, 4, 5, 12]), None, "somebody who has left");
        assert_eq!(rule(&[9]), None, "one person is no rule");
        let groups: Vec<BTreeSet<usize>> =
            [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7, 8], vec![0, 9]].into_iter().map(|all| all.into_iter().collect()).collect();
        let named = [(0, "Team Apps", &groups[0]), (1, "Team Sales", &groups[1]), (2, "Team Ops", &groups[2]), (3, "Friends", &groups[3])];
        let each = known.each(&named).unwrap();
        assert_eq!((each.attribute.as_ref(), each.display_name.as_str(), each.groups), ("department", "Team {value}", vec![0, 1, 2]));
        assert_eq!((each.except, each.condition, each.on_leave), (vec![Arc::from("Board")], None, false));
        assert_eq!(known.each(&named[3..]), None);
    }
}
