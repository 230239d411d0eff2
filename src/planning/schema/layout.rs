//! The policy laid out for streaming: attributes as numbered slots, expressions bound to slots and columns.
//!
//! Must never: depend on anybody's data; it is the same for every identity.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::expr::{Expression, outcome_of_path};
use crate::manifest::kinds::{Lifecycle, MappingMode};
use crate::model::{AttributeType, Capabilities, Cell};
use crate::planning::schema::doubt::HoldReason;
use crate::policy::{EntitlementPolicy, KeyPolicy, Policy, Rule, TargetPolicy, in_order};
use crate::world::{Bound, TargetSide, World, account_marker, canonical, is_compared, kind_of};

/// Everything bound.
pub(in crate::planning) struct Layout<'p> {
    pub(in crate::planning) slots: Vec<Slot>,
    by_name: BTreeMap<Arc<str>, usize>,
    /// sources' rules whose value must not be missing
    pub(in crate::planning) required: Vec<(usize, Candidate)>,
    pub(in crate::planning) sources: Vec<SourceLayout>,
    pub(in crate::planning) targets: Vec<TargetLayout<'p>>,
    /// the rule of each group
    pub(in crate::planning) groups: Vec<Option<Bound>>,
    /// the `forEach` of each group
    pub(in crate::planning) each: Vec<Option<Bound>>,
    pub(in crate::planning) entitlements: Vec<EntitlementLayout>,
    pub(in crate::planning) start: usize,
    pub(in crate::planning) end: usize,
    pub(in crate::planning) active: usize,
    pub(in crate::planning) source: usize,
    pub(in crate::planning) lifecycle: usize,
}

/// One attribute of an identity.
pub(in crate::planning) struct Slot {
    pub(in crate::planning) name: Arc<str>,
    pub(in crate::planning) kind: AttributeType,
    /// rules that may give it, the first to try first
    pub(in crate::planning) candidates: Vec<Candidate>,
    /// a unique value has at most so many letters
    pub(in crate::planning) most: Option<usize>,
}

/// A source's rule for an attribute.
#[derive(Clone, Copy)]
pub(in crate::planning) struct Candidate {
    pub(in crate::planning) source: usize,
    pub(in crate::planning) rule: usize,
    pub(in crate::planning) precedence: i32,
}

/// A source's expressions over the columns of its records.
pub(in crate::planning) struct SourceLayout {
    pub(in crate::planning) rules: Vec<RuleLayout>,
    pub(in crate::planning) leaver: Option<Bound>,
    pub(in crate::planning) suspended: Option<Bound>,
    pub(in crate::planning) filter: Option<Bound>,
    /// positions of columns that lost a large part of their values
    emptied: Vec<usize>,
    /// values that took the place of others, by the position of their column
    unseen: Vec<(usize, BTreeSet<Arc<str>>)>,
    /// by what a record finds its identity, in order
    pub(in crate::planning) keys: Vec<KeyLayout>,
}

/// By what a record finds its identity, over the slots of an identity.
pub(in crate::planning) struct KeyLayout {
    pub(in crate::planning) text: Arc<str>,
    pub(in crate::planning) value: Bound,
    pub(in crate::planning) kind: AttributeType,
    /// whatever it reads stays with a person for good
    pub(in crate::planning) immutable: bool,
}

/// One rule, bound.
pub(in crate::planning) struct RuleLayout {
    pub(in crate::planning) value: Bound,
    /// what it copies, where it is nothing but a path and has no condition
    pub(in crate::planning) copies: Option<usize>,
    pub(in crate::planning) when: Option<Bound>,
    pub(in crate::planning) unique: bool,
    /// at most so many letters
    pub(in crate::planning) most: Option<usize>,
    /// the attribute of the same source by which the value names another record
    pub(in crate::planning) by: Option<Arc<str>>,
    /// no value means to clear
    pub(in crate::planning) clears: bool,
}

/// A target's expressions over the slots of an identity.
pub(in crate::planning) struct TargetLayout<'p> {
    pub(in crate::planning) lifecycles: Vec<Lifecycle>,
    pub(in crate::planning) select: Option<Bound>,
    /// what an account of this target may have, sorted by name
    pub(in crate::planning) attributes: Vec<AttributeLayout<'p>>,
    /// their positions in the order they are worked out: after those whose outcome they use
    pub(in crate::planning) order: Vec<usize>,
    /// some rule uses what another comes to
    pub(in crate::planning) chained: bool,
    /// some attribute is not one to which every account is held
    pub(in crate::planning) has_loose: bool,
    pub(in crate::planning) active: Option<RuleLayout>,
    pub(in crate::planning) marker: Option<Arc<str>>,
    /// attributes that rules name and the target can't hold
    pub(in crate::planning) unsupported: Vec<&'p Rule>,
}

/// An entitlement's expressions over the slots of an identity.
pub(in crate::planning) struct EntitlementLayout {
    pub(in crate::planning) when: Option<Bound>,
    pub(in crate::planning) until: Option<Bound>,
    /// its number among those that accounts have; none where nobody has it
    pub(in crate::planning) number: Option<u32>,
    /// in the order of the policy
    pub(in crate::planning) parameters: Vec<ParameterLayout>,
}

/// One parameter of an entitlement.
pub(in crate::planning) struct ParameterLayout {
    pub(in crate::planning) value: Bound,
    /// its column; none where the target can't hold it
    pub(in crate::planning) column: Option<usize>,
}

/// One attribute of an account.
pub(in crate::planning) struct AttributeLayout<'p> {
    pub(in crate::planning) name: Arc<str>,
    pub(in crate::planning) kind: AttributeType,
    pub(in crate::planning) column: usize,
    /// none: it is the marker
    pub(in crate::planning) rule: Option<RuleLayout>,
    /// nobody's manifest, where it is the marker
    pub(in crate::planning) source: Option<&'p Rule>,
    pub(in crate::planning) mode: MappingMode,
    /// the slot that the value is, word for word
    pub(in crate::planning) bare: Option<usize>,
    /// the slot by which other rules of the mapping use what this one comes to
    pub(in crate::planning) outcome: Option<usize>,
    /// every account is held to it
    pub(in crate::planning) enforced: bool,
    pub(in crate::planning) required: bool,
}

impl<'p> Layout<'p> {
    /// Lays out a policy for a world.
    pub(in crate::planning) fn new(policy: &'p Policy, world: &World) -> Self {
        let mut names = Names::default();
        let start = names.slot("startDate");
        let end = names.slot("endDate");
        let active = names.slot("active");
        let (source, lifecycle) = (names.slot("source"), names.slot("lifecycle"));
        policy.declared.iter().for_each(|attribute| _ = names.slot(attribute));
        let sources = policy.sources.iter().zip(&world.sources).enumerate().map(|(at, (rules, side))| {
            let columns = side.columns();
            let bind = |expression: &Expression| Bound::to_columns(expression, &columns);
            for (rule, written) in rules.rules.iter().enumerate() {
                names.candidate(written, Candidate { source: at, rule, precedence: written.precedence });
            }
            let bound = rules.rules.iter().map(|rule| RuleLayout::new(rule, bind)).collect();
            let (leaver, suspended) = (rules.leaver.as_ref().map(bind), rules.suspended.as_ref().map(bind));
            SourceLayout {
                rules: bound,
                leaver,
                suspended,
                filter: rules.filter.as_ref().map(bind),
                emptied: emptied(world, at, &columns),
                unseen: unseen(world, at, &columns),
                keys: rules.correlate.iter().map(|key| KeyLayout::new(key, &mut names)).collect(),
            }
        });
        let sources = sources.collect();
        let targets = policy.targets.iter().zip(&world.targets);
        let targets =
            targets.map(|(rules, side)| TargetLayout::new(rules, side.accounts.columns(), &side.capabilities, &mut names)).collect();
        let groups = policy.groups.iter().map(|group| group.rule.as_ref().map(|rule| names.bind(rule))).collect();
        let entitlements = policy.entitlements.iter();
        let entitlements = entitlements.map(|rules| EntitlementLayout::new(rules, world.targets.get(rules.target), &mut names)).collect();
        let each = policy.groups.iter().map(|group| group.for_each.as_ref().map(|each| names.bind(&each.value))).collect();
        let (slots, by_name) = names.finish();
        let required = required(policy, &slots);
        Self { slots, by_name, required, sources, targets, groups, each, entitlements, start, end, active, source, lifecycle }
    }

    /// The slot of an attribute that somebody gives or reads.
    pub(in crate::planning) fn slot(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

/// Where columns stand that lost a large part of their values.
fn emptied(world: &World, source: usize, columns: &crate::model::Columns) -> Vec<usize> {
    let emptied = world.trust.get(source).map_or(&[][..], |trust| trust.emptied.as_slice());
    emptied.iter().filter_map(|emptied| columns.position(&emptied.column)).collect()
}

/// Values that took the place of others, by column.
fn unseen(world: &World, source: usize, columns: &crate::model::Columns) -> Vec<(usize, BTreeSet<Arc<str>>)> {
    let replaced = world.trust.get(source).map_or(&[][..], |trust| trust.replaced.as_slice());
    let of_column = |one: &crate::world::Replaced| {
        let values = one.new.iter().map(|(value, _)| value.clone()).collect();
        columns.position(&one.column).map(|at| (at, values))
    };
    replaced.iter().filter_map(of_column).collect()
}

impl SourceLayout {
    /// Whether a rule of one of its slots takes what stands in a record as it is, however long it is and whatever others have.
    pub(in crate::planning) fn copies(&self, rule: &RuleLayout, slot: &Slot) -> bool {
        let bounded = rule.most.is_some() || (rule.unique && slot.most.is_some());
        rule.copies.is_some() && !bounded && self.emptied.is_empty()
    }

    /// Why a condition says nothing of a record, whatever it comes to: it reads what was lost, or a value that took the place of another.
    pub(in crate::planning) fn doubt(&self, bound: &Bound, cells: &[Cell<'_>]) -> Option<HoldReason> {
        if self.is_lost(bound, cells) {
            return Some(HoldReason::lost());
        }
        let is_new = |(at, values): &(usize, BTreeSet<Arc<str>>)| {
            bound.positions().contains(at) && cells.get(*at).is_some_and(|cell| values.contains(canonical::text(*cell).as_ref()))
        };
        self.unseen.iter().any(is_new).then(HoldReason::replaced)
    }

    /// Whether an expression reads a value that a record has not, from a column that lost many: it may be one of those that were lost.
    pub(in crate::planning) fn is_lost(&self, bound: &Bound, cells: &[Cell<'_>]) -> bool {
        let lost =
            |position: &usize| self.emptied.contains(position) && cells.get(*position).is_none_or(|cell| canonical::is_nothing(*cell));
        !self.emptied.is_empty() && bound.positions().iter().any(lost)
    }

    /// The same of the source's scope.
    pub(in crate::planning) fn scope_doubt(&self, cells: &[Cell<'_>]) -> Option<HoldReason> {
        self.doubt(self.filter.as_ref()?, cells)
    }
}

/// Sources' rules whose value must not be missing, each with its slot.
fn required(policy: &Policy, slots: &[Slot]) -> Vec<(usize, Candidate)> {
    let needed = |candidate: &&Candidate| policy.sources[candidate.source].rules[candidate.rule].required;
    let of = |(at, slot): (usize, &Slot)| slot.candidates.iter().filter(needed).map(|candidate| (at, *candidate)).collect::<Vec<_>>();
    slots.iter().enumerate().flat_map(of).collect()
}

impl RuleLayout {
    fn new(rule: &Rule, mut bind: impl FnMut(&Expression) -> Bound) -> Self {
        let when = rule.when.as_ref().map(&mut bind);
        let value = bind(&rule.value);
        let copies = value.bare_position().filter(|_| when.is_none());
        Self { value, copies, when, unique: rule.unique, most: rule.max_length, by: rule.by.clone(), clears: rule.clears }
    }
}

impl KeyLayout {
    fn new(key: &KeyPolicy, names: &mut Names) -> Self {
        Self {
            text: key.text.clone(),
            value: names.bind(&key.value),
            kind: key.value.bare_path().map_or(AttributeType::Text, |path| kind_of(path)),
            immutable: key.value.reads().iter().all(|path| is_immutable(path)),
        }
    }
}

impl EntitlementLayout {
    fn new(policy: &EntitlementPolicy, side: Option<&TargetSide>, names: &mut Names) -> Self {
        let parameters = policy.parameters.iter().map(|parameter| ParameterLayout {
            value: names.bind(&parameter.value),
            column: side.and_then(|side| side.entitlements.column(&parameter.name)),
        });
        let parameters = parameters.collect();
        Self {
            when: policy.when.as_ref().map(|when| names.bind(when)),
            until: policy.until.as_ref().map(|until| names.bind(until)),
            number: side.and_then(|side| side.entitlements.number(&policy.name)),
            parameters,
        }
    }
}

impl<'p> TargetLayout<'p> {
    fn new(policy: &'p TargetPolicy, columns: &crate::model::Columns, capabilities: &Capabilities, names: &mut Names) -> Self {
        let marker = account_marker(policy, capabilities).cloned();
        let mapped = || policy.rules.iter().filter(|rule| rule.mode != MappingMode::Ignore && rule.attribute.as_ref() != "active");
        let held = |rule: &&Rule| is_compared(&rule.attribute, capabilities);
        let mut attributes: Vec<_> = mapped().filter(held).map(|rule| AttributeLayout::of(policy, rule, columns, names)).collect();
        attributes.extend(marker.iter().map(|name| AttributeLayout::marker(name, columns)));
        attributes.sort_by(|one, other| one.name.cmp(&other.name));
        for attribute in &mut attributes {
            attribute.outcome = names.outcome(&attribute.name);
        }
        let order = order(policy, &attributes);
        let active = policy.rules.iter().find(|rule| rule.attribute.as_ref() == "active" && rule.mode == MappingMode::Enforce);
        let lifecycles = if policy.lifecycles.is_empty() { vec![Lifecycle::Active] } else { policy.lifecycles.clone() };
        Self {
            lifecycles,
            select: policy.select.as_ref().map(|select| names.bind(select)),
            has_loose: attributes.iter().any(|attribute| !attribute.enforced),
            chained: attributes.iter().any(|attribute| attribute.outcome.is_some()),
            order,
            attributes,
            active: active.map(|rule| RuleLayout::new(rule, |expression| names.bind(expression))),
            marker,
            unsupported: mapped().filter(|rule| !held(rule)).collect(),
        }
    }
}

/// The order in which attributes are worked out; those without a rule need nobody.
fn order(policy: &TargetPolicy, attributes: &[AttributeLayout<'_>]) -> Vec<usize> {
    let rules = in_order(&policy.rules).unwrap_or_default();
    let rank = |name: &Arc<str>| rules.iter().position(|at| policy.rules.get(*at).is_some_and(|rule| rule.attribute == *name));
    let mut order: Vec<usize> = (0..attributes.len()).collect();
    order.sort_by_key(|at| attributes.get(*at).and_then(|attribute| rank(&attribute.name)));
    order
}

impl<'p> AttributeLayout<'p> {
    fn of(policy: &TargetPolicy, rule: &'p Rule, columns: &crate::model::Columns, names: &mut Names) -> Self {
        Self {
            name: rule.attribute.clone(),
            kind: kind_of(&rule.attribute),
            column: columns.position(&rule.attribute).unwrap_or(usize::MAX),
            bare: rule.value.bare_path().filter(|path| outcome_of_path(path).is_none()).map(|path| names.slot(path)),
            outcome: None,
            rule: Some(RuleLayout::new(rule, |expression| names.bind(expression))),
            source: Some(rule),
            mode: rule.mode,
            enforced: rule.mode == MappingMode::Enforce && rule.when.is_none(),
            required: rule.required || policy.needs.contains(&rule.attribute.as_ref()),
        }
    }

    fn marker(name: &Arc<str>, columns: &crate::model::Columns) -> Self {
        Self {
            name: name.clone(),
            kind: kind_of(name),
            column: columns.position(name).unwrap_or(usize::MAX),
            rule: None,
            source: None,
            mode: MappingMode::Enforce,
            bare: None,
            outcome: None,
            enforced: true,
            required: false,
        }
    }
}

/// Slots while they are handed out.
#[derive(Default)]
struct Names {
    slots: Vec<Slot>,
    by_name: BTreeMap<Arc<str>, usize>,
}

impl Names {
    fn slot(&mut self, name: &str) -> usize {
        if let Some(known) = self.by_name.get(name) {
            return *known;
        }
        let name: Arc<str> = Arc::from(name);
        self.by_name.insert(name.clone(), self.slots.len());
        self.slots.push(Slot { kind: kind_of(&name), name, candidates: Vec::new(), most: None });
        self.slots.len() - 1
    }

    /// The slot of an outcome that some rule reads.
    fn outcome(&self, attribute: &str) -> Option<usize> {
        let read = |(path, slot): (&Arc<str>, &usize)| (outcome_of_path(path) == Some(attribute)).then_some(*slot);
        self.by_name.iter().find_map(read)
    }

    /// Of several sources the one that takes the fewest letters counts: its people take names from the same.
    fn candidate(&mut self, rule: &Rule, candidate: Candidate) {
        let at = self.slot(&rule.attribute);
        let slot = &mut self.slots[at];
        slot.candidates.push(candidate);
        slot.most = slot.most.into_iter().chain(rule.max_length.filter(|_| rule.unique)).min();
    }

    fn bind(&mut self, expression: &Expression) -> Bound {
        for path in expression.reads() {
            self.slot(path);
        }
        Bound::new(expression, |path| self.by_name.get(path).copied().unwrap_or(usize::MAX))
    }

    fn finish(mut self) -> (Vec<Slot>, BTreeMap<Arc<str>, usize>) {
        for slot in &mut self.slots {
            slot.candidates.sort_by_key(|candidate| (-i64::from(candidate.precedence), candidate.source, candidate.rule));
        }
        (self.slots, self.by_name)
    }
}

/// Whether an attribute stays with a person for good. Any other is handed on, so it adopts only what is in use.
pub(in crate::planning) fn is_immutable(attribute: &str) -> bool {
    matches!(attribute, "externalId" | "employeeNumber")
}

/// What people sign in by, as a rule.
pub(in crate::planning) const USER_NAME: &str = "userName";
