//! Which rules an identity exercises: what each expression that reads it came to. And what it would have if every target served it.
//!
//! Must never: count a rule that planning would not have asked about the identity.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Because, Provenance, entitlement};
use crate::diagnostic::Place;
use crate::expr::Evaluation;
use crate::manifest::kinds::{Lifecycle, PersonaStanding};
use crate::model::{Cell, Key, Value, ValueState};
use crate::planning::accounts::desired;
use crate::planning::accounts::desired::Desired;
use crate::planning::basis::Basis;
use crate::planning::declared::values::named;
use crate::planning::entitlements::desired as grant;
use crate::planning::entitlements::desired::{Parameter, Term};
use crate::planning::people::identity::IdentityOrigin;
use crate::planning::people::matched_records::Record;
use crate::planning::people::person::Person;
use crate::planning::people::standing::lifecycles;
use crate::planning::people::standing::{Standing, word};
use crate::planning::schema::layout::RuleLayout;
use crate::planning::schema::values::Reads;
use crate::planning::targets::eligibility::{Serve, serve};
use crate::policy::{EntitlementPolicy, MemberPolicy, ParameterPolicy};
use crate::world::{Bound, RecordState, Truth};

/// Hears about every expression of a manifest that reads the identity: its place, and whether it gave a value or held.
pub type Heard<'h> = dyn FnMut(&Place, bool) + 'h;

/// Attributes or parameters with their values.
pub type Values = Vec<(Arc<str>, Value)>;

/// What an identity would have if every target served it, whatever its lifecycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WouldHave {
    /// by target: what its account would hold
    pub accounts: Vec<Values>,
    /// groups that it would belong to: key and displayName
    pub groups: Vec<(Arc<str>, Arc<str>)>,
    /// by entitlement of the policy: its parameters, where it would have it
    pub entitlements: Vec<Option<Values>>,
}

impl Provenance<'_> {
    /// The key by which plans name an identity that any of its keys means.
    pub fn key_of(&self, key: &str) -> Option<Arc<str>> {
        self.basis.people.find(key).map(|number| self.basis.people.key(number))
    }

    /// Why an identity has the entitlement at this position of the policy, or not; of a parameter, its rule.
    pub fn entitled(&self, key: &str, at: usize, parameter: Option<&str>) -> Vec<Because> {
        let Some(person) = self.assemble(key) else { return Vec::new() };
        let rule = parameter.and_then(|name| entitlement::parameter(&self.basis, at, name, &person));
        rule.map_or_else(|| entitlement::because(&self.basis, at, &person), |rule| vec![rule])
    }

    /// Where an identity stands, and which rules it exercises; nothing where there is no such identity.
    pub fn exercise(&self, key: &str, heard: &mut Heard<'_>) -> Option<PersonaStanding> {
        let person = self.assemble(key)?;
        records(&self.basis, &person, heard);
        for target in 0..self.basis.policy.targets.len() {
            account(&self.basis, target, &person, heard);
        }
        groups(&self.basis, &person, heard);
        for at in 0..self.basis.policy.entitlements.len() {
            entitlements(&self.basis, at, &person, heard);
        }
        Some(stands(&person.standing))
    }

    /// What an identity would have.
    pub fn would_have(&self, key: &str) -> Option<WouldHave> {
        let person = self.assemble(key)?;
        let basis = &self.basis;
        let mut desired = Desired::default();
        let mut accounts = Vec::with_capacity(basis.policy.targets.len());
        for target in 0..basis.policy.targets.len() {
            desired::work_out(basis, target, &person, &mut desired);
            let attributes = basis.layout.targets[target].attributes.iter().zip(&desired.states);
            let held = attributes.filter_map(|(attribute, state)| match state {
                ValueState::Set(value) => Some((attribute.name.clone(), value.clone())),
                _ => None,
            });
            accounts.push(held.collect());
        }
        let mut groups = by_value(basis, &person);
        let by_value = groups.clone();
        let all = basis.groups.all.iter().enumerate().filter(|(_, group)| group.value.is_none());
        let belongs = |at: usize| would_belong(basis, at, &person, &by_value, &mut BTreeSet::new());
        groups.extend(all.filter(|(at, _)| belongs(*at)).map(|(_, group)| (group.key.clone(), group.display_name.clone())));
        let entitlements = (0..basis.policy.entitlements.len()).map(|at| would_hold(basis, at, &person)).collect();
        Some(WouldHave { accounts, groups, entitlements })
    }
}

fn stands(standing: &Standing) -> PersonaStanding {
    match standing {
        Standing::Is(lifecycle) => match word(*lifecycle) {
            "pre-hire" => PersonaStanding::PreHire,
            "suspended" => PersonaStanding::Suspended,
            "leaver" => PersonaStanding::Leaver,
            _ => PersonaStanding::Active,
        },
        Standing::Deselected => PersonaStanding::Deselected,
        Standing::DuplicateKey | Standing::Unknown(_) | Standing::Doubtful(_) => PersonaStanding::Unknown,
    }
}

fn records(basis: &Basis<'_>, person: &Person, heard: &mut Heard<'_>) {
    for (source, record) in basis.people.behind(person.number) {
        let Record::Cells(record) = record else { continue };
        let side = &basis.world.sources[source];
        if let Some(place) = basis.policy.sources[source].filter.as_ref().and_then(|filter| filter.place()) {
            heard(place, side.state(record) == RecordState::Counts);
        }
        if side.state(record) != RecordState::Counts {
            continue;
        }
        let cells: Vec<Cell<'_>> = side.row(record).cells().collect();
        let layout = &basis.layout.sources[source];
        let own = matches!(basis.people.origin(person.number), IdentityOrigin::Record(own, _) if own == source);
        for bound in [&layout.leaver, &layout.suspended].into_iter().flatten().filter(|_| own) {
            condition(bound, cells.as_slice(), heard);
        }
        for at in &layout.rules {
            rule(at, cells.as_slice(), heard);
        }
    }
}

fn account(basis: &Basis<'_>, target: usize, person: &Person, heard: &mut Heard<'_>) {
    let layout = &basis.layout.targets[target];
    let in_question = person.standing.lifecycle().is_some_and(|lifecycle| layout.lifecycles.contains(&lifecycle));
    if let (true, Some(select)) = (in_question, &layout.select) {
        condition(select, person, heard);
    }
    if serve(basis, target, person) == Serve::Yes {
        for at in layout.attributes.iter().filter_map(|attribute| attribute.rule.as_ref()).chain(&layout.active) {
            rule(at, person, heard);
        }
    }
}

fn groups(basis: &Basis<'_>, person: &Person, heard: &mut Heard<'_>) {
    let Some(stands) = person.standing.lifecycle() else { return };
    for (group, bound) in basis.policy.groups.iter().zip(&basis.layout.groups) {
        if let Some(bound) = bound.as_ref().filter(|_| lifecycles(&group.lifecycles).contains(&stands)) {
            condition(bound, person, heard);
        }
    }
    for (group, bound) in basis.policy.groups.iter().zip(&basis.layout.each) {
        if let Some(bound) = bound.as_ref().filter(|_| lifecycles(&group.lifecycles).contains(&stands)) {
            value(bound, person, heard);
        }
    }
}

fn entitlements(basis: &Basis<'_>, at: usize, person: &Person, heard: &mut Heard<'_>) {
    let (rules, layout) = (&basis.policy.entitlements[at], &basis.layout.entitlements[at]);
    if serve(basis, rules.target, person) != Serve::Yes {
        return;
    }
    let covers = person.standing.lifecycle().is_some_and(|stands| lifecycles(&rules.lifecycles).contains(&stands));
    let by_rule = covers && layout.when.as_ref().is_some_and(|when| condition(when, person, heard));
    if !by_rule && !is_named(rules, person) {
        return;
    }
    if let Some(until) = &layout.until {
        value(until, person, heard);
    }
    if grant::term(basis, at, person) == Term::Runs {
        layout.parameters.iter().for_each(|parameter| value(&parameter.value, person, heard));
    }
}

fn is_named(rules: &EntitlementPolicy, person: &Person) -> bool {
    rules.members.iter().any(|member| member.key.as_ref() == person.key)
}

/// What it would have of the entitlement at this position, whatever the lifecycle; nothing where it is not covered.
fn would_hold(basis: &Basis<'_>, at: usize, person: &Person) -> Option<Values> {
    let (rules, layout) = (&basis.policy.entitlements[at], &basis.layout.entitlements[at]);
    let by_rule = layout.when.as_ref().is_some_and(|when| person.holds(when) == Truth::Yes);
    let parameter = |(position, rule): (usize, &ParameterPolicy)| match grant::parameter(basis, at, position, person) {
        Parameter::Is(Some(value)) => Some((rule.name.clone(), value)),
        _ => None,
    };
    (by_rule || is_named(rules, person)).then(|| rules.parameters.iter().enumerate().filter_map(parameter).collect())
}

/// A condition, and whether it holds.
fn condition(bound: &Bound, reads: &(impl Reads + ?Sized), heard: &mut Heard<'_>) -> bool {
    let truth = reads.holds(bound);
    if let (Some(place), Truth::Yes | Truth::No) = (bound.expression().place(), &truth) {
        heard(place, truth == Truth::Yes);
    }
    truth == Truth::Yes
}

/// A rule counts where its condition holds and it says something: a value, or that there is to be none.
fn rule(at: &RuleLayout, reads: &(impl Reads + ?Sized), heard: &mut Heard<'_>) {
    if at.when.as_ref().is_some_and(|when| !condition(when, reads, heard)) {
        return;
    }
    value(&at.value, reads, heard);
}

fn value(bound: &Bound, reads: &(impl Reads + ?Sized), heard: &mut Heard<'_>) {
    let Some(place) = bound.expression().place() else { return };
    match reads.over(bound) {
        Some(Evaluation::Value(value)) => heard(place, !value.is_empty()),
        Some(Evaluation::Null) => heard(place, true),
        Some(Evaluation::Missing) => heard(place, false),
        Some(Evaluation::Failed(_)) | None => {}
    }
}

/// The groups of its values, of every `forEach`; whatever the lifecycle.
fn by_value(basis: &Basis<'_>, person: &Person) -> Vec<(Arc<str>, Arc<str>)> {
    let mut found = Vec::new();
    for (manifest, group) in basis.policy.groups.iter().enumerate() {
        let Some(bound) = basis.layout.each.get(manifest).and_then(Option::as_ref) else { continue };
        let rule = basis.layout.groups.get(manifest).and_then(Option::as_ref);
        let covered = rule.is_none_or(|rule| person.holds(rule) == Truth::Yes);
        let excluded = group.exclude.iter().any(|line| line.key.as_ref() == person.key);
        if let (Some(Evaluation::Value(value)), true) = (person.over(bound), covered && !excluded) {
            found.extend(named(group, &value));
        }
    }
    found
}

/// By rule, by name, or through a group in it, and not excluded; whatever the lifecycle.
fn would_belong(basis: &Basis<'_>, at: usize, person: &Person, by_value: &[(Arc<str>, Arc<str>)], seen: &mut BTreeSet<usize>) -> bool {
    let Some(group) = basis.groups.all.get(at).filter(|_| seen.insert(at)) else { return false };
    let rule = basis.layout.groups.get(group.manifest).and_then(Option::as_ref);
    let mut named = |line: &MemberPolicy| {
        let of_value = |key: &Arc<str>| *key == line.key || Key::made_by(key, &line.key).is_some();
        line.key.as_ref() == person.key
            || by_value.iter().any(|(key, _)| of_value(key))
            || basis.groups.find(&line.key).is_some_and(|inner| would_belong(basis, inner, person, by_value, seen))
    };
    let excluded = group.policy.exclude.iter().any(&mut named);
    // What only covers people before their first day, or after their last, is nothing that somebody had at work.
    let rule = rule.filter(|_| lifecycles(&group.policy.lifecycles).contains(&Lifecycle::Active));
    !excluded && (rule.is_some_and(|rule| person.holds(rule) == Truth::Yes) || group.policy.members.iter().any(named))
}
