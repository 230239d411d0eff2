//! The values that one `forEach` finds, and who has them.
//!
//! Must never: hold more than bounded numbers of values, or let one person's odd value count as none.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::expr::Evaluation;
use crate::manifest::kinds::{VALUE, fold};
use crate::model::{Cell, Value};
use crate::planning::people::person::Person;
use crate::planning::people::standing::Standing;
use crate::planning::people::standing::lifecycles;
use crate::planning::schema::layout::Layout;
use crate::planning::schema::values::{Held, Reads};
use crate::policy::{ForEachPolicy, FormerValue, GroupPolicy};
use crate::world::Truth;

/// Most groups that one `forEach` makes.
const MOST_GROUPS: usize = 10_000;
/// As long as not more people than this are alone with their value, it may well be a small company.
const FEW_ALONE: usize = 50;
/// Most values of one person.
const MOST_VALUES: usize = 100;
/// Longest value, in characters.
const LONGEST: usize = 100;

/// The values of one `forEach` while they are gathered.
pub(in crate::planning) struct Gathering<'a> {
    pub(in crate::planning) policy: &'a GroupPolicy,
    pub(in crate::planning) manifest: usize,
    pub(in crate::planning) each: &'a ForEachPolicy,
    /// by their folded values
    pub(in crate::planning) found: BTreeMap<String, GroupValue>,
    /// whose value is not known
    pub(in crate::planning) unclear: Vec<u32>,
    /// why, where it is worth saying
    pub(in crate::planning) failures: Vec<(u32, Arc<str>)>,
    /// why no value counts
    pub(in crate::planning) refused: Option<&'static str>,
    /// somebody is there of whom nothing is known
    pub(in crate::planning) unknown: bool,
    /// what each text led to: a group, or none
    seen: HashMap<String, Seen>,
    folded: HashMap<String, usize>,
    groups: Vec<(String, Vec<u32>)>,
    people: usize,
}

/// One value.
#[derive(Default)]
pub(in crate::planning) struct GroupValue {
    /// identities, sorted
    pub(in crate::planning) people: Vec<u32>,
    /// as people have it, without odd space, and how many
    pub(in crate::planning) spellings: BTreeMap<String, u32>,
}

struct Seen {
    group: Option<usize>,
    former: bool,
    count: u32,
}

impl GroupValue {
    /// The spelling that most have; of several the first. `written`: where nobody has it today.
    pub(in crate::planning) fn shown(&self, written: &str) -> String {
        let most = self.spellings.iter().max_by(|one, other| one.1.cmp(other.1).then_with(|| other.0.cmp(one.0)));
        most.map_or_else(|| written.to_owned(), |(spelling, _)| spelling.clone())
    }
}

impl<'a> Gathering<'a> {
    /// Of a group that has a `forEach`.
    pub(in crate::planning) fn of((manifest, policy): (usize, &'a GroupPolicy)) -> Option<Self> {
        let each = policy.for_each.as_ref()?;
        Some(Self {
            policy,
            manifest,
            each,
            found: BTreeMap::new(),
            unclear: Vec::new(),
            failures: Vec::new(),
            refused: None,
            unknown: false,
            seen: HashMap::new(),
            folded: HashMap::new(),
            groups: Vec::new(),
            people: 0,
        })
    }

    /// The slots of all that it looks at.
    pub(in crate::planning) fn reads(&self, layout: &Layout<'_>) -> Vec<usize> {
        let rules = [&layout.each[self.manifest], &layout.groups[self.manifest]].into_iter().flatten();
        let slots = rules.flat_map(|rule| rule.positions()).copied().filter(|slot| *slot < layout.slots.len());
        slots.chain([layout.start, layout.end]).collect()
    }

    /// Looks at one person.
    pub(in crate::planning) fn look(&mut self, layout: &Layout<'_>, person: &Person<'_>) {
        let Some(lifecycle) = person.standing.lifecycle() else {
            self.unknown |= !matches!(person.standing, Standing::Deselected);
            return;
        };
        let Some(bound) = layout.each[self.manifest].as_ref() else { return };
        if self.refused.is_some() || !lifecycles(&self.policy.lifecycles).contains(&lifecycle) {
            return;
        }
        match layout.groups[self.manifest].as_ref().map_or(Truth::Yes, |rule| person.holds(rule)) {
            Truth::Yes => {}
            Truth::No => return,
            Truth::Unknown(words) => return self.fail(person.number, words),
        }
        // Nearly always it is an attribute as it stands, in a record.
        if let Some(Held::Cell(Cell::Text(text))) = bound.bare_position().and_then(|slot| person.slots.get(slot)) {
            let counts = self.put(person.number, text);
            self.people += usize::from(counts);
            return;
        }
        match person.over(bound) {
            None => self.fail(person.number, "it depends on a value that is not known"),
            Some(Evaluation::Failed(words)) => self.fail(person.number, words),
            Some(Evaluation::Missing | Evaluation::Null) => {}
            Some(Evaluation::Value(value)) => {
                let counts = self.value(person.number, &value);
                self.people += usize::from(counts);
            }
        }
    }

    /// A text, or a list of texts. Gives whether any of them makes a group.
    fn value(&mut self, identity: u32, value: &Value) -> bool {
        match value {
            Value::List(items) if items.len() > MOST_VALUES => {
                self.fail(identity, format!("somebody has {} values, and more than {MOST_VALUES} are none", items.len()));
                false
            }
            Value::List(items) => items.iter().filter(|item| self.single(identity, item)).count() > 0,
            single => self.single(identity, single),
        }
    }

    fn single(&mut self, identity: u32, value: &Value) -> bool {
        match value {
            Value::Text(text) | Value::Reference(text) => self.put(identity, text),
            Value::Int(number) => self.put(identity, &number.to_string()),
            Value::Bool(_) | Value::List(_) | Value::Map(_) => {
                self.fail(identity, "it is neither a text nor a list of texts");
                false
            }
        }
    }

    /// One value of somebody.
    fn put(&mut self, identity: u32, text: &str) -> bool {
        let group = match self.seen.get_mut(text) {
            Some(seen) => {
                seen.count += 1;
                seen.group
            }
            None if text.chars().nth(LONGEST).is_some() => {
                self.fail(identity, format!("a text of more than {LONGEST} characters is no name for a group"));
                return false;
            }
            None => {
                let seen = Seen { count: 1, ..self.first(text) };
                let group = seen.group;
                self.seen.insert(text.to_owned(), seen);
                group
            }
        };
        let Some((_, people)) = group.and_then(|at| self.groups.get_mut(at)) else { return false };
        if people.last() != Some(&identity) {
            people.push(identity);
        }
        true
    }

    /// What a text leads to that nobody had so far.
    fn first(&mut self, text: &str) -> Seen {
        let (folded, former) = of_today(self.each, text);
        let group = (!folded.is_empty() && !self.each.except.contains(&folded)).then(|| {
            let next = self.groups.len();
            let at = *self.folded.entry(folded.clone()).or_insert(next);
            if at == next {
                self.groups.push((folded, Vec::new()));
            }
            at
        });
        if self.groups.len() > MOST_GROUPS || self.seen.len() > 4 * MOST_GROUPS {
            self.refused = Some("there are more than 10000 values");
        }
        Seen { group, former: former.is_some(), count: 0 }
    }

    fn fail(&mut self, identity: u32, words: impl Into<Arc<str>>) {
        if self.unclear.last() != Some(&identity) {
            self.unclear.push(identity);
        }
        self.failures.push((identity, words.into()));
    }

    /// All were looked at: sums up, and refuses an attribute that is no group's.
    pub(in crate::planning) fn weigh(&mut self) {
        let alone = self.groups.iter().filter(|(_, people)| people.len() == 1).count();
        if alone > FEW_ALONE && alone * 2 > self.people {
            self.refused.get_or_insert("more than half of the people have a value of their own");
        }
        if self.refused.is_some() {
            return;
        }
        let mut found: Vec<GroupValue> = Vec::with_capacity(self.groups.len());
        let mut names = Vec::with_capacity(self.groups.len());
        for (folded, people) in std::mem::take(&mut self.groups) {
            names.push(folded);
            found.push(GroupValue { people, spellings: BTreeMap::new() });
        }
        for (text, seen) in self.seen.iter().filter(|(_, seen)| !seen.former) {
            if let Some(value) = seen.group.and_then(|at| found.get_mut(at)) {
                *value.spellings.entry(tidy(text)).or_default() += seen.count;
            }
        }
        self.found = names.into_iter().zip(found).collect();
    }
}

/// The groups that a value stands for, whoever has it: key and displayName.
pub(in crate::planning) fn named(policy: &GroupPolicy, value: &Value) -> Vec<(Arc<str>, Arc<str>)> {
    let Some(each) = &policy.for_each else { return Vec::new() };
    let text = match value {
        Value::List(items) => return items.iter().take(MOST_VALUES).flat_map(|item| named(policy, item)).collect(),
        Value::Text(text) | Value::Reference(text) => text.clone(),
        Value::Int(number) => Arc::from(number.to_string()),
        Value::Bool(_) | Value::Map(_) => return Vec::new(),
    };
    let (folded, former) = of_today(each, &text);
    if folded.is_empty() || each.except.contains(&folded) || text.chars().nth(LONGEST).is_some() {
        return Vec::new();
    }
    let shown = tidy(former.map_or(&text, |former| &former.now));
    vec![(policy.key_with(&folded), Arc::from(policy.display_name.replace(VALUE, &shown)))]
}

/// What a text is today, folded, and the former value that it is.
fn of_today<'e>(each: &'e ForEachPolicy, text: &str) -> (String, Option<&'e FormerValue>) {
    let folded = fold(text);
    match each.former.get(&folded) {
        Some(former) => (fold(&former.now), Some(former)),
        None => (folded, None),
    }
}

/// A text without odd space.
fn tidy(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}
