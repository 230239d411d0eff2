//! Groups at one target: which object is which declared group, and what is made, taken over, renamed or removed.
//!
//! Must never: make a group anew where an existing one could be meant; its id and its grants would be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::expr::Input;
use crate::manifest::kinds::Ownership;
use crate::model::{
    Action, Cause, Cell, Change, Evidence, Finding, FindingCode, Key, MemberChange, ObjectKind, ObjectRef, Reason, Risk, Severity, Subject,
    Value,
};
use crate::planning::declared::groups::Group;
use crate::planning::draft::{Grounds, Stage, attribute, with};
use crate::planning::groups::Step;
use crate::planning::groups::near;
use crate::planning::groups::near::Near;
use crate::planning::question::LookupBy;
use crate::planning::targets::awaited;
use crate::planning::targets::limits;
use crate::planning::targets::not_kept;
use crate::planning::targets::ownership;
use crate::world::{Bound, Carries, MemberRow, Truth};

/// The groups of one target.
#[derive(Default)]
pub(in crate::planning) struct ResolvedGroups {
    /// by the groups' positions
    pub(in crate::planning) states: Vec<GroupState>,
    holders: BTreeMap<u32, usize>,
    rows: Vec<Option<u32>>,
    /// rows that go because nobody declares them, or has their value, any more
    pub(in crate::planning) vanished: Vec<u32>,
    /// rows of ours that a declared group may be, though which is not known: they stay
    contested: BTreeSet<u32>,
}

/// What a group is at one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::planning) enum GroupState {
    /// this target does not get it
    Out,
    /// this object, ours now or after adoption
    Here(u32),
    /// made in this plan
    Made,
    /// that can't be said; nothing changes
    Unclear,
}

impl ResolvedGroups {
    /// The declared group that an object is.
    pub(in crate::planning) fn holder(&self, row: u32) -> Option<usize> {
        self.holders.get(&row).copied()
    }

    /// Whether a declared group may be an object, though which is not known.
    pub(in crate::planning) fn is_contested(&self, row: u32) -> bool {
        self.contested.contains(&row)
    }

    /// The object that a declared group is, at its position.
    pub(in crate::planning) fn row(&self, at: usize) -> Option<u32> {
        self.rows.get(at).copied().flatten()
    }

    fn hold(&mut self, row: u32, at: usize) {
        self.holders.insert(row, at);
        self.rows[at] = Some(row);
    }
}

const NAME: &str = "displayName";

/// One member of a group that exists, as changes name it.
pub(super) fn member_change(step: &Step<'_, '_>, target: usize, groups: &ResolvedGroups, member: MemberRow) -> MemberChange {
    match member {
        MemberRow::Account(row) => {
            MemberChange { member: step.basis.account(target, row, &step.matched.account_key(step.basis, target, row)), people: 1 }
        }
        MemberRow::Group(row) => {
            let key = groups.holder(row).map_or_else(|| step.basis.group_key(target, row), |at| step.basis.groups.all[at].key.clone());
            MemberChange { member: step.basis.group(target, row, &key), people: step.basis.people_below(target, row) }
        }
    }
}

/// Settles the groups of one target.
pub(super) fn settle(step: &mut Step<'_, '_>, target: usize) -> ResolvedGroups {
    let basis = step.basis;
    let count = basis.groups.all.len();
    let mut groups = ResolvedGroups { states: vec![GroupState::Out; count], rows: vec![None; count], ..ResolvedGroups::default() };
    let Some(scope) = &basis.policy.targets[target].groups else { return groups };
    let side = basis.observed[target].side;
    if matches!(side.accounts.evidence, Evidence::Unreadable { .. }) {
        // The target was told to be unreadable, and what it can do may not even be known.
        groups.states.fill(GroupState::Unclear);
        return groups;
    }
    if !side.capabilities.read_groups {
        let name = &basis.policy.targets[target].name;
        let message = format!("{name}: its groups can't be read, so none are planned");
        step.report.findings.push(Finding::new(Severity::Error, FindingCode::UnsupportedCapability, Subject::system(name), message));
        return groups;
    }
    if basis.observed[target].groups().unreadable() || step.matched.claims[target].another_system {
        groups.states.fill(GroupState::Unclear);
        return groups;
    }
    let mut step = AtTarget { step, target, groups, blocked: BTreeSet::new(), near: None };
    let wanted: Vec<Truth> = basis.groups.all.iter().map(|group| selected(scope.select.as_ref(), group)).collect();
    step.by_proof();
    step.namesakes(&wanted);
    step.by_name(&wanted);
    for (at, truth) in wanted.iter().enumerate() {
        step.decide(at, truth);
    }
    step.unclaimed();
    step.groups
}

/// Whether a target gets a group.
fn selected(select: Option<&crate::expr::Expression>, group: &Group<'_>) -> Truth {
    let Some(select) = select else { return Truth::Yes };
    let values: Vec<Option<Value>> = select.reads().iter().map(|path| field(group, path)).collect();
    let bound = Bound::new(select, |path| select.reads().iter().position(|read| read.as_ref() == path).unwrap_or(usize::MAX));
    bound.holds_for(|at| values.get(at).and_then(Option::as_ref).map_or(Input::Cell(Cell::Missing), Input::Value))
}

fn field(group: &Group<'_>, path: &str) -> Option<Value> {
    match path {
        "name" => Some(Value::text(Key::group_name(&group.policy.key))),
        "value" => group.value.clone().map(Value::Text),
        NAME => Some(Value::Text(group.display_name.clone())),
        "description" => group.policy.description.clone().map(Value::Text),
        _ => group.policy.labels.get(path.strip_prefix("labels.")?.replace("\\.", ".").as_str()).cloned().map(Value::Text),
    }
}

struct AtTarget<'s, 'b, 'a> {
    step: &'s mut Step<'b, 'a>,
    target: usize,
    groups: ResolvedGroups,
    blocked: BTreeSet<usize>,
    /// once a group is to be made
    near: Option<Near>,
}

impl AtTarget<'_, '_, '_> {
    /// Links and markers: everybody's own first, then those of keys that they had by the manifests, then by what the state remembers of a rename that was
    /// taken back.
    fn by_proof(&mut self) {
        let all = &self.step.basis.groups.all;
        let rounds: [fn(&Self, &Group<'_>) -> Vec<u32>; 3] = [
            |step, group| step.proved(group, &group.key),
            |step, group| group.previous_keys.iter().flat_map(|key| step.proved(group, key)).collect(),
            Self::formerly,
        ];
        for find in rounds {
            for (at, group) in all.iter().enumerate() {
                if self.row(at).is_none() && !self.blocked.contains(&at) {
                    let rows = find(self, group);
                    self.prove(at, group, &rows);
                }
            }
        }
        let stranded = self.stranded();
        let is_stranded = |group: &Group<'_>| [&group.key].into_iter().chain(&group.previous_keys).any(|key| stranded.contains(key));
        for (at, group) in all.iter().enumerate() {
            if self.row(at).is_none() && !self.blocked.contains(&at) && is_stranded(group) {
                let sentence = "{who}: remembered at another system than the target speaks to now, and no mark there is its own";
                self.block(at, &[], FindingCode::OwnershipUnproven, sentence);
            }
        }
    }

    /// The keys of groups that are remembered at another system.
    fn stranded(&self) -> BTreeSet<Arc<str>> {
        let basis = self.step.basis;
        let name = &basis.policy.targets[self.target].name;
        basis.world.recall.stranded_at(name, ObjectKind::Group).map(|link| Arc::from(link.key)).collect()
    }

    fn prove(&mut self, at: usize, group: &Group<'_>, rows: &[u32]) {
        // The key of a rename that was taken back is nobody's.
        let own = |key: &str| key == group.key.as_ref() || group.previous_keys.iter().any(|former| former.as_ref() == key);
        let others = |row: u32| self.former_key(row).is_some_and(|key| !own(&key) && !self.was_called(row, group));
        match rows {
            [] => {}
            [row] if self.is_foreign(*row) => {
                self.block(at, rows, FindingCode::ForeignOwner, "{who}: the group carries a foreign mark, which is never overwritten")
            }
            [row] if others(*row) || self.groups.holders.contains_key(row) => {
                self.block(at, &[], FindingCode::AmbiguousCorrelation, "{who}: its link leads to a group that carries another's mark");
            }
            [row] => self.groups.hold(*row, at),
            _ => self.block(at, rows, FindingCode::AmbiguousCorrelation, "{who}: its link and its mark lead to several groups"),
        }
    }

    /// Objects that had the group's key before they got one that no declared group has.
    fn formerly(&self, group: &Group<'_>) -> Vec<u32> {
        let basis = self.step.basis;
        if group.empty || !self.linked(&group.key).is_empty() {
            return Vec::new();
        }
        let (objects, name) = (basis.observed[self.target].groups(), &basis.policy.targets[self.target].name);
        let ids = basis.world.recall.formerly(&basis.world.memory, name, ObjectKind::Group, &group.key);
        let rows = ids.into_iter().filter_map(|id| objects.find_id(id));
        rows.filter(|row| !self.groups.holders.contains_key(row) && self.was_called(*row, group)).collect()
    }

    /// Whether an object had the group's key before, and has one now that no declared group has.
    fn was_called(&self, row: u32, group: &Group<'_>) -> bool {
        let basis = self.step.basis;
        let (objects, name) = (basis.observed[self.target].groups(), &basis.policy.targets[self.target].name);
        let ids = basis.world.recall.formerly(&basis.world.memory, name, ObjectKind::Group, &group.key);
        ids.contains(&objects.id(row).as_ref()) && self.former_key(row).is_some_and(|key| key == group.key || !self.is_declared(&key))
    }

    /// Objects that a link or a mark gives to a key. Where the state remembers one, a mark on another object counts for nothing, nor does a mark on one that is
    /// remembered as another group.
    fn proved(&self, group: &Group<'_>, key: &str) -> Vec<u32> {
        let basis = self.step.basis;
        let objects = basis.observed[self.target].groups();
        let mut rows: Vec<u32> = self.linked(key).iter().filter_map(|id| objects.find_id(id)).collect();
        let remembered = |row: &u32| ownership::remembered_key(basis, self.target, ObjectKind::Group, *row);
        let is_own = |known: &str| *known == *group.key || group.previous_keys.iter().any(|former| **former == *known);
        let is_known = rows.iter().any(|row| remembered(row).is_some_and(is_own));
        if let Some(marker) = &basis.observed[self.target].side.capabilities.group_marker
            && (!is_known || ownership::was_sent(basis, self.target, key))
        {
            let marked = objects.find_by(marker, basis.marks.mark(key).as_bytes());
            rows.extend(marked.into_iter().filter(|row| remembered(row).is_none_or(is_own)));
        }
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// Whether nothing but its mark says that an object is ours, though the state knows groups of ours here: whoever may change it can write one.
    fn is_marked_alone(&self, row: u32, group: &Group<'_>) -> bool {
        let basis = self.step.basis;
        let rules = &basis.policy.targets[self.target];
        let linked = || basis.world.recall.key_of(&rules.name, ObjectKind::Group, &basis.observed[self.target].groups().id(row)).is_some();
        basis.world.remembers(rules, ObjectKind::Group) && !linked() && !ownership::was_sent(basis, self.target, &group.key)
    }

    /// Groups that are to have one name. Where one of them is there and has it, it keeps it; nothing is guessed about the others.
    fn namesakes(&mut self, wanted: &[Truth]) {
        let basis = self.step.basis;
        let mut names: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, group) in basis.groups.all.iter().enumerate().filter(|(at, group)| wanted[*at] == Truth::Yes && !group.empty) {
            names.entry(&group.display_name).or_default().push(at);
        }
        for (name, all) in names.into_iter().filter(|(_, all)| all.len() > 1) {
            let keys: Vec<&str> = all.iter().map(|at| basis.groups.all[*at].key.as_ref()).collect();
            let sentence = format!("{{who}}: several groups are to be called {name}: {}", keys.join(", "));
            for at in all {
                let objects = basis.observed[self.target].groups();
                if self.row(at).is_none_or(|row| objects.cell_of(row, NAME).as_text() != Some(name)) {
                    let rows: Vec<u32> = self.row(at).into_iter().collect();
                    self.block(at, &rows, FindingCode::DuplicateKey, &sentence);
                }
            }
        }
    }

    /// The displayName, then former ones: an object that is not proved to be another declared group's.
    fn by_name(&mut self, wanted: &[Truth]) {
        let basis = self.step.basis;
        let most = basis.groups.all.iter().map(|group| group.previous_names.len()).max().unwrap_or_default();
        for round in 0..=most {
            let mut hits: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
            for (at, group) in basis.groups.all.iter().enumerate().filter(|(_, group)| !group.empty) {
                let name = if round == 0 { Some(&group.display_name) } else { group.previous_names.get(round - 1) };
                let open = wanted[at] == Truth::Yes && !self.blocked.contains(&at) && self.row(at).is_none() && !self.is_vanished(at);
                let (Some(name), true) = (name, open) else { continue };
                let rows = self.named(name);
                match rows.as_slice() {
                    [] => {}
                    [row] if self.is_foreign(*row) => {
                        self.block(
                            at,
                            &rows,
                            FindingCode::ForeignOwner,
                            "{who}: the group of that name carries a foreign mark, which is never overwritten",
                        );
                    }
                    [row] => hits.entry(*row).or_default().push(at),
                    _ => self.block(at, &rows, FindingCode::AmbiguousCorrelation, "{who}: several groups have its name"),
                }
            }
            for (row, claimants) in hits {
                match claimants.as_slice() {
                    [at] => {
                        self.groups.hold(row, *at);
                    }
                    several => {
                        for at in several {
                            self.block(*at, &[row], FindingCode::DuplicateKey, "{who}: several groups are to have one name");
                        }
                    }
                }
            }
        }
    }

    /// Objects of a name that no declared group holds.
    fn named(&self, name: &str) -> Vec<u32> {
        let objects = self.step.basis.observed[self.target].groups();
        let mut rows = objects.find_by(NAME, name.as_bytes());
        rows.retain(|row| !self.groups.holders.contains_key(row) && !self.former_key(*row).is_some_and(|key| self.is_declared(&key)));
        rows
    }

    fn decide(&mut self, at: usize, wanted: &Truth) {
        let group = &self.step.basis.groups.all[at];
        self.groups.states[at] = match (wanted, self.row(at)) {
            _ if self.blocked.contains(&at) => GroupState::Unclear,
            (_, row) if group.empty => row.map_or(GroupState::Out, |row| self.empty(at, row)),
            (Truth::Unknown(words), _) => {
                let sentence = format!("{{who}}: whether the target gets it could not be worked out: {words}");
                self.step.tell(Severity::Error, FindingCode::ExpressionFailed, self.target, &group.key, &sentence);
                GroupState::Unclear
            }
            (Truth::Yes, Some(row)) => self.hold(at, row),
            (Truth::Yes, None) => self.make(at),
            (Truth::No, Some(row)) => {
                self.remove(row, &group.key.clone(), Grounds::DESELECTION, Cause::Group(self.step.basis.groups.all[at].manifest as u32));
                GroupState::Out
            }
            (Truth::No, None) => GroupState::Out,
        };
    }

    /// A group whose value nobody has any more. It goes only when everybody's value is known; whoever is known to have another leaves it anyway.
    fn empty(&mut self, at: usize, row: u32) -> GroupState {
        let basis = self.step.basis;
        let key = &basis.groups.all[at].key;
        self.groups.vanished.push(row);
        let Some(made) = basis.groups.made(key) else { return GroupState::Unclear };
        if made.sure {
            self.remove(row, key, Grounds::PRUNING, Cause::Group(basis.groups.all[at].manifest as u32));
        } else if made.refused.is_none() {
            let sentence = "{who}: nobody who is known has the value any more, but not everybody's is known, so the group is not removed";
            self.step.tell(Severity::Incomplete, FindingCode::IncompleteRead, self.target, key, sentence);
        }
        GroupState::Here(row)
    }

    /// A group that exists: its name and its mark.
    fn hold(&mut self, at: usize, row: u32) -> GroupState {
        let basis = self.step.basis;
        let group = &basis.groups.all[at];
        let objects = basis.observed[self.target].groups();
        let side = basis.observed[self.target].side;
        let mut attributes = Vec::new();
        let observed = objects.cell_of(row, NAME);
        if !observed.as_text().is_some_and(|name| group.is_called(name)) {
            attributes.push(attribute(&Arc::from(NAME), observed.to_value(), Some(Value::Text(group.display_name.clone()))));
        }
        let name = (&group.key, group.display_name.as_ref());
        if !attributes.is_empty()
            && !limits::takes_group((basis, &mut self.step.report.findings), self.target, name, "so it keeps the name that it has")
        {
            attributes.clear();
        }
        if let Some(marker) = &side.capabilities.group_marker
            && objects.marked_key(row).as_deref() != Some(&group.key)
        {
            let mark = Value::text(basis.marks.mark(&group.key));
            attributes.push(attribute(marker, objects.cell_of(row, marker).to_value(), Some(mark)));
        }
        // Whatever carries a key of ours that no other group has now is ours: under another key it is a rename, and nothing that others made.
        let had = self.former_key(row).filter(|_| !self.is_marked_alone(row, group));
        let ours = had.is_some();
        let former_key = had.filter(|key| *key != group.key);
        not_kept::sift(
            (self.step.basis, &mut self.step.report.findings),
            self.target,
            (ObjectKind::Group, &objects.id(row), &group.key),
            &mut attributes,
        );
        if !attributes.is_empty() && !side.capabilities.update_groups {
            self.step.tell(
                Severity::Error,
                FindingCode::UnsupportedCapability,
                self.target,
                &group.key,
                "{who}: groups can't be changed here",
            );
            return if ours { GroupState::Here(row) } else { GroupState::Unclear };
        }
        let action = if ours { Action::Update } else { Action::Adopt };
        if !ours || former_key.is_some() || !attributes.is_empty() {
            let risks: &[Risk] = if ours { &[] } else { &[Risk::Adoption] };
            let change = self.step.basis.change(
                self.target,
                action,
                self.object(row, &group.key),
                Grounds::normal(Reason::Declared),
                Cause::Group(self.step.basis.groups.all[at].manifest as u32),
            );
            self.step.draft(self.target, Stage::UpdateGroups, with(Change { former_key, ..change }, attributes, risks));
        }
        if basis.group_ownership(self.target) == Ownership::Observe && !ours { GroupState::Unclear } else { GroupState::Here(row) }
    }

    fn make(&mut self, at: usize) -> GroupState {
        let basis = self.step.basis;
        let group = &basis.groups.all[at];
        let side = basis.observed[self.target].side;
        if self.is_vanished(at) {
            return self.unanswered(at, self.linked(&group.key).into_iter().map(LookupBy::Id).collect());
        }
        let links = basis.world.recall.links_of(&basis.policy.targets[self.target].name, ObjectKind::Group, &group.key);
        if awaited::is_awaited(self.step.basis, &links) {
            awaited::tell_awaited(self.step.basis, self.target, &group.key, &mut self.step.report.findings);
            self.step.report.findings.rest_on_all("a group is waited for");
            return GroupState::Unclear;
        }
        if !side.capabilities.create_groups {
            self.step.tell(
                Severity::Error,
                FindingCode::UnsupportedCapability,
                self.target,
                &group.key,
                "{who}: groups can't be created here",
            );
            return GroupState::Unclear;
        }
        let name = (&group.key, group.display_name.as_ref());
        if !limits::takes_group((basis, &mut self.step.report.findings), self.target, name, "so none is made") {
            return GroupState::Unclear;
        }
        let mut attributes = vec![attribute(&Arc::from(NAME), None, Some(Value::Text(group.display_name.clone())))];
        if let Some(marker) = &side.capabilities.group_marker {
            attributes.push(attribute(marker, None, Some(Value::text(basis.marks.mark(&group.key)))));
        }
        if !basis.observed[self.target].groups().evidence().proves_absence() {
            let names = [&group.display_name].into_iter().chain(&group.previous_names);
            let mut questions: Vec<_> = names.map(|name| LookupBy::Attribute(Arc::from(NAME), name.clone())).collect();
            let marks = attributes
                .iter()
                .skip(1)
                .filter_map(|mark| Some(LookupBy::Attribute(mark.attribute.clone(), Arc::from(mark.after.as_ref()?.as_text()?))));
            questions.extend(marks);
            if questions.iter().any(|question| !basis.observed[self.target].groups().answered(question)) {
                return self.unanswered(at, questions);
            }
        }
        if !self.named_by_anybody(&group.display_name).is_empty() {
            let sentence = format!("{{who}}: a group of somebody else is called {}, so none is made", group.display_name);
            self.step.tell(Severity::Error, FindingCode::NameTaken, self.target, &group.key, &sentence);
            return GroupState::Unclear;
        }
        if self.is_beside_another(at) {
            return GroupState::Unclear;
        }
        let object = ObjectRef { kind: ObjectKind::Group, key: group.key.clone(), id: None, name: group.display_name.clone() };
        let change = self.step.basis.change(
            self.target,
            Action::Create,
            object,
            Grounds::normal(Reason::Declared),
            Cause::Group(self.step.basis.groups.all[at].manifest as u32),
        );
        self.step.draft(self.target, Stage::CreateGroups, with(change, attributes, &[]));
        if basis.group_ownership(self.target) == Ownership::Observe { GroupState::Unclear } else { GroupState::Made }
    }

    /// Whether a group that is nobody's has nearly the name of one that is to be made.
    fn is_beside_another(&mut self, at: usize) -> bool {
        let near = self.near.take().unwrap_or_else(|| {
            let objects = self.step.basis.observed[self.target].groups();
            let nobodys = |row: &u32| !self.groups.holders.contains_key(row) && self.former_key(*row).is_none() && !self.is_foreign(*row);
            Near::new((0..objects.len()).filter(nobodys).filter_map(|row| Some((row, objects.cell_of(row, NAME).as_text()?))))
        });
        let group = &self.step.basis.groups.all[at];
        let there = near
            .of(group)
            .iter()
            .map(|row| self.object(*row, &self.step.basis.group_key(self.target, *row)))
            .min_by_key(|there| there.id.clone());
        if let Some(there) = &there {
            let finding = near::told(&self.step.basis.policy.targets[self.target].name, group, there);
            self.step.report.findings.push(finding);
        }
        self.near = Some(near);
        there.is_some()
    }

    fn named_by_anybody(&self, name: &str) -> Vec<u32> {
        self.step.basis.observed[self.target].groups().find_by(NAME, name.as_bytes())
    }

    /// Something must be asked before the group can be made.
    fn unanswered(&mut self, at: usize, questions: Vec<LookupBy>) -> GroupState {
        let basis = self.step.basis;
        for question in questions {
            if !basis.observed[self.target].groups().answered(&question) {
                self.step.report.ask(self.target, ObjectKind::Group, question);
            }
        }
        self.step.report.findings.rest_on_all("a group was not read");
        let sentence = "{who}: the group was not among those read, and asking for it gave no answer, so none is made";
        let key = &basis.groups.all[at].key;
        self.step.tell(Severity::Incomplete, FindingCode::IncompleteRead, self.target, key, sentence);
        GroupState::Unclear
    }

    /// Objects that are no declared group.
    fn unclaimed(&mut self) {
        let basis = self.step.basis;
        let objects = basis.observed[self.target].groups();
        let authoritative = basis.group_ownership(self.target) == Ownership::Authoritative;
        let mut left = 0u64;
        for row in 0..objects.len() {
            if self.groups.holders.contains_key(&row) {
                continue;
            }
            match self.former_key(row) {
                Some(key) if self.is_declared(&key) || self.groups.contested.contains(&row) => {}
                Some(key) => {
                    self.remove(row, &key, Grounds::PRUNING, Cause::None);
                    self.groups.vanished.push(row);
                }
                None if authoritative
                    && !self.groups.contested.contains(&row)
                    && objects.carries(row) != Carries::OtherWorkspace
                    && !objects.doubtful(row) =>
                {
                    let key = Key::unclaimed(&objects.id(row)).text();
                    self.remove(row, &key, Grounds::PRUNING, Cause::None);
                }
                None => left += 1,
            }
        }
        if left > 0 {
            let name = &basis.policy.targets[self.target].name;
            let message = format!("{name}: {left} {} declared nowhere, left alone", if left == 1 { "group is" } else { "groups are" });
            self.step.report.findings.push(Finding::new(Severity::Note, FindingCode::OwnershipUnproven, Subject::system(name), message));
        }
    }

    fn remove(&mut self, row: u32, key: &Arc<str>, grounds: Grounds, cause: Cause) {
        let basis = self.step.basis;
        if basis.group_ownership(self.target) == Ownership::Additive {
            return;
        }
        if !basis.observed[self.target].side.capabilities.delete_groups {
            self.step.tell(Severity::Error, FindingCode::UnsupportedCapability, self.target, key, "{who}: groups can't be deleted here");
            return;
        }
        let observed = &basis.observed[self.target];
        if observed.side.capabilities.write_memberships && !observed.memberships_evidence().proves_absence() {
            let sentence = "{who}: the group would be deleted, but who is in it could not be read, so it stays";
            return self.step.tell(Severity::Incomplete, FindingCode::IncompleteRead, self.target, key, sentence);
        }
        let change = self.step.basis.change(self.target, Action::Delete, self.object(row, key), grounds, cause);
        let losers = observed.members(row).into_iter().map(|member| member_change(self.step, self.target, &self.groups, member)).collect();
        let change = Change { losers, ..with(change, Vec::new(), &[Risk::Irreversible]) };
        self.step.draft(self.target, Stage::DeleteGroups, change);
    }

    fn object(&self, row: u32, key: &Arc<str>) -> ObjectRef {
        self.step.basis.group(self.target, row, key)
    }

    /// The object that a declared group holds.
    fn row(&self, at: usize) -> Option<u32> {
        self.groups.rows[at]
    }

    /// Whether a link names an object that was not read and that nobody has looked up.
    fn is_vanished(&self, at: usize) -> bool {
        let basis = self.step.basis;
        let objects = basis.observed[self.target].groups();
        let ids = self.linked(&basis.groups.all[at].key);
        ids.iter().any(|id| objects.find_id(id).is_none() && !objects.answered(&LookupBy::Id(id.clone())))
    }

    fn linked(&self, key: &str) -> Vec<Arc<str>> {
        let basis = self.step.basis;
        let name = &basis.policy.targets[self.target].name;
        basis.world.recall.ids_of(name, ObjectKind::Group, key).into_iter().map(Arc::from).collect()
    }

    fn is_declared(&self, key: &str) -> bool {
        self.step.basis.groups.find(key).is_some()
    }

    fn is_foreign(&self, row: u32) -> bool {
        let objects = self.step.basis.observed[self.target].groups();
        matches!(objects.carries(row), Carries::Foreign | Carries::OtherWorkspace) || objects.doubtful(row)
    }

    fn former_key(&self, row: u32) -> Option<Arc<str>> {
        self.step.basis.former_group_key(self.target, row)
    }

    /// Nothing is done about a group, nor to the objects that it may be.
    fn block(&mut self, at: usize, rows: &[u32], code: FindingCode, sentence: &str) {
        self.blocked.insert(at);
        self.groups.contested.extend(rows);
        let key = &self.step.basis.groups.all[at].key;
        self.step.tell(Severity::Error, code, self.target, key, sentence);
    }
}
