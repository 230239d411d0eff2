//! Which groups there are: those that manifests declare, and one for each value that a `forEach` finds.
//!
//! Must never: take a group for one that nobody is in any more while somebody's value is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::kinds::{VALUE, fold};
use crate::model::{Finding, FindingCode, Key, ObjectKind, Severity, Subject};
use crate::planning::declared::values::Gathering;
use crate::planning::findings::{Findings, Shared};
use crate::planning::people::identity::Identities;
use crate::planning::people::person::Person;
use crate::planning::schema::layout::Layout;
use crate::planning::targets::observed::Observed;
use crate::policy::{GroupPolicy, Policy};
use crate::world::World;

/// One group, as planning sees it.
pub(in crate::planning) struct Group<'a> {
    /// `group/ops`, `group/department/engineering`
    pub(in crate::planning) key: Arc<str>,
    /// its name at the targets
    pub(in crate::planning) display_name: Arc<str>,
    /// the same in every spelling that somebody has: a group that is called so keeps its name
    pub(in crate::planning) spellings: Vec<Arc<str>>,
    /// former names
    pub(in crate::planning) previous_names: Vec<Arc<str>>,
    /// keys that it had by former values
    pub(in crate::planning) previous_keys: Vec<Arc<str>>,
    /// what it stands for, where a `forEach` made it
    pub(in crate::planning) value: Option<Arc<str>>,
    /// nobody has the value (any more): it is there only where a target has it
    pub(in crate::planning) empty: bool,
    /// its manifest
    pub(in crate::planning) policy: &'a GroupPolicy,
    /// the manifest's position in the policy
    pub(in crate::planning) manifest: usize,
    /// who has the value, sorted
    pub(in crate::planning) people: Vec<u32>,
}

/// What one `forEach` came to.
#[derive(Default)]
pub(in crate::planning) struct Made {
    /// its groups, by their positions
    pub(in crate::planning) groups: Vec<usize>,
    /// identities whose value is not known, sorted
    pub(in crate::planning) unclear: Vec<u32>,
    /// why no value counts
    pub(in crate::planning) refused: Option<&'static str>,
    /// everybody's value is known, so a group without anybody is empty
    pub(in crate::planning) sure: bool,
    failures: Vec<(u32, Arc<str>)>,
}

/// All groups.
#[derive(Default)]
pub(in crate::planning) struct DeclaredGroups<'a> {
    /// those that manifests declare in their order, then the others by manifest and key
    pub(in crate::planning) all: Vec<Group<'a>>,
    by_key: BTreeMap<Arc<str>, usize>,
    /// by the manifest's key
    made: BTreeMap<Arc<str>, Made>,
}

impl<'a> DeclaredGroups<'a> {
    /// Those that manifests declare.
    pub(in crate::planning) fn declared(policy: &'a Policy) -> Self {
        let mut groups = Self::default();
        for (manifest, policy) in policy.groups.iter().enumerate().filter(|(_, group)| group.for_each.is_none()) {
            let mut group = Group::new(policy, manifest, policy.key.clone(), policy.display_name.clone());
            group.previous_names.clone_from(&policy.previous_names);
            groups.add(group);
        }
        groups
    }

    /// Adds one for each value. Everybody is looked at once, and only where a `forEach` asks for it. `known`: nobody can be missing.
    pub(in crate::planning) fn expand(
        &mut self,
        policy: &'a Policy,
        world: &World,
        layout: &Layout<'_>,
        people: &Identities<'_>,
        observed: &[Observed<'_>],
        known: bool,
    ) {
        let served = policy.targets.iter().any(|target| target.groups.is_some());
        let mut gatherings: Vec<Gathering<'a>> = policy.groups.iter().enumerate().filter_map(Gathering::of).collect();
        if gatherings.is_empty() || !served {
            return;
        }
        let slots: BTreeSet<usize> = gatherings.iter().flat_map(|gathering| gathering.reads(layout)).collect();
        let mut person = Person::default();
        for identity in 0..people.len() {
            people.assemble_just(layout, identity, slots.iter().copied(), &mut person);
            gatherings.iter_mut().for_each(|gathering| gathering.look(layout, &person));
        }
        let there = there(policy, world, observed);
        for gathering in gatherings {
            self.settle(gathering, &there, known);
        }
    }

    fn settle(&mut self, mut gathering: Gathering<'a>, there: &BTreeSet<Arc<str>>, known: bool) {
        let (policy, manifest) = (gathering.policy, gathering.manifest);
        gathering.weigh();
        let Gathering { found, unclear, failures, refused, unknown, each, .. } = gathering;
        let sure = known && unclear.is_empty() && !unknown && refused.is_none();
        let mut made = Made { groups: Vec::new(), unclear, refused, sure, failures };
        for (folded, value) in found {
            let named = |text: &str| -> Arc<str> { Arc::from(policy.display_name.replace(VALUE, text)) };
            let shown = value.shown(each.former.values().find(|former| fold(&former.now) == folded).map_or(&folded, |former| &former.now));
            let mut group = Group::new(policy, manifest, policy.key_with(&folded), named(&shown));
            group.spellings = value.spellings.keys().map(|spelling| named(spelling)).collect();
            group.people = value.people;
            group.of_value(&shown, &folded);
            group.previous_names.extend(group.spellings.iter().filter(|spelling| **spelling != group.display_name).cloned());
            made.groups.push(self.add(group));
        }
        let prefix = format!("{}/", policy.key);
        for value in there.iter().filter_map(|key| key.strip_prefix(&prefix)) {
            let value = each.former.get(value).map_or_else(|| value.to_owned(), |former| fold(&former.now));
            let key: Arc<str> = Arc::from(format!("{prefix}{value}"));
            if !self.by_key.contains_key(&key) {
                let mut group = Group::new(policy, manifest, key, Arc::from(policy.display_name.replace(VALUE, &value)));
                group.empty = true;
                group.of_value(&value, &value);
                made.groups.push(self.add(group));
            }
        }
        self.made.insert(policy.key.clone(), made);
    }

    fn add(&mut self, group: Group<'a>) -> usize {
        self.by_key.insert(group.key.clone(), self.all.len());
        self.all.push(group);
        self.all.len() - 1
    }

    /// The group with a key.
    pub(in crate::planning) fn find(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    /// What a `forEach` came to, by its manifest's key or by that of a group that it makes or could make.
    pub(in crate::planning) fn made(&self, key: &str) -> Option<&Made> {
        self.made.get(Key::group(Key::group_name(key)).text().as_ref())
    }

    /// Adds what could not be worked out to the findings.
    pub(in crate::planning) fn tell(&self, policy: &Policy, people: &Identities<'_>, findings: &mut Findings) {
        for group in &policy.groups {
            let (Some(made), Some(each)) = (self.made.get(&group.key), &group.for_each) else { continue };
            if let Some(words) = made.refused {
                let message = format!("{}: {words}, so none is made, and those that are there stay as they are", group.key);
                let finding = Finding::new(Severity::Error, FindingCode::ExpressionFailed, Subject::identity(&group.key), message);
                findings.push(finding.hint("Is it the attribute that is meant?").at(Some(each.place.clone())));
            }
            for (identity, words) in &made.failures {
                let sentence = format!("{{who}}: the value for {} could not be worked out, so memberships stay: {words}", group.key);
                let shared = Shared::new(Severity::Error, FindingCode::ExpressionFailed, None, sentence);
                findings.share(shared.at(Some(&each.place)), &people.key(*identity));
            }
        }
    }
}

impl<'a> Group<'a> {
    fn new(policy: &'a GroupPolicy, manifest: usize, key: Arc<str>, display_name: Arc<str>) -> Self {
        let (spellings, previous_names, previous_keys, people) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { key, display_name, spellings, previous_names, previous_keys, value: None, empty: false, policy, manifest, people }
    }

    /// Its value, and what it was called by former names and former values.
    fn of_value(&mut self, shown: &str, folded: &str) {
        let former = self.policy.for_each.iter().flat_map(|each| &each.former).filter(|(_, former)| fold(&former.now) == folded);
        let former: Vec<_> = former.collect();
        let old = || former.iter().map(|(_, former)| former.was.as_ref());
        let templates = || [&self.policy.display_name].into_iter().chain(&self.policy.previous_names);
        let names = templates().flat_map(|template| [shown].into_iter().chain(old()).map(|value| template.replace(VALUE, value)));
        let previous_names = names.skip(1).map(Arc::from).collect();
        self.previous_keys = former.iter().map(|(was, _)| self.policy.key_with(was)).collect();
        self.previous_names = previous_names;
        self.value = Some(Arc::from(shown));
    }

    /// Whether one of its names is this one.
    pub(in crate::planning) fn is_called(&self, name: &str) -> bool {
        self.display_name.as_ref() == name || self.spellings.iter().any(|spelling| spelling.as_ref() == name)
    }
}

/// The keys of the groups that targets have, by marks and by links.
fn there(policy: &Policy, world: &World, observed: &[Observed<'_>]) -> BTreeSet<Arc<str>> {
    let served = policy.targets.iter().zip(observed).filter(|(target, _)| target.groups.is_some());
    let marked = served.flat_map(|(_, observed)| {
        let groups = observed.groups();
        (0..groups.len()).filter_map(move |row| groups.marked_key(row)).map(Arc::from)
    });
    let linked = world.recall.links.of_kind(ObjectKind::Group).map(|link| Arc::from(link.key));
    marked.chain(linked).collect()
}
