//! Entitlements at one target: who should have what, with which parameters, against what is.
//!
//! Must never: take something from an account that is not ours, give something without a parameter that could not be worked out, or conclude anything
//! from an entitlement that was not read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::kinds::{Lifecycle, Ownership};
use crate::model::{
    Action, AttributeChange, Cause, Change, Evidence, Finding, FindingCode, ObjectKind, ObjectRef, Reason, Severity, Subject, Value,
    grant_key,
};
use crate::planning::accounts::presence::{Known, Presence, is_open};
use crate::planning::draft::{Draft, adopted};
use crate::planning::draft::{Grounds, Stage, attribute};
use crate::planning::entitlements::Step;
use crate::planning::entitlements::cover::EntitlementCover;
use crate::planning::entitlements::desired;
use crate::planning::entitlements::desired::{Parameter, Term};
use crate::planning::findings::Shared;
use crate::planning::groups::members::unknown;
use crate::planning::names_nobody::{Idle, are_many};
use crate::planning::people::person::Person;
use crate::planning::people::standing::Where;
use crate::policy::EntitlementPolicy;
use crate::world::Grant;

/// Who should have one entitlement, whatever the target holds.
#[derive(Debug, Default)]
struct Roll {
    /// identities, sorted
    people: Vec<u32>,
    /// identities for whom it can't be said, sorted
    unclear: Vec<u32>,
    /// of the people, those whose account has not been compared
    open: Vec<u32>,
    /// of the open ones, those whom only the list of members covers
    named: BTreeSet<u32>,
    /// the rule names nobody, and nobody said that it may
    idle: bool,
}

/// The entitlements of one target.
pub(super) fn settle(step: &mut Step<'_, '_>, target: usize, covers: &mut [EntitlementCover], standing: &[Where]) {
    let basis = step.basis;
    let declared: Vec<usize> = (0..basis.policy.entitlements.len()).filter(|at| basis.policy.entitlements[*at].target == target).collect();
    let mut rolls: BTreeMap<usize, Roll> = BTreeMap::new();
    for at in &declared {
        let roll = roll(step, *at, std::mem::take(&mut covers[*at]), standing);
        rolls.insert(*at, roll);
    }
    let side = basis.observed[target].side;
    if basis.observed[target].accounts().unreadable() {
        return;
    }
    if !side.capabilities.entitlements {
        return rolls.iter().for_each(|(at, roll)| no_entitlements(step, *at, roll));
    }
    if matches!(side.entitlements.evidence, Evidence::Unreadable { .. }) {
        return;
    }
    let deletes = |draft: &&Draft| draft.target == target && draft.change.action == Action::Delete;
    let deleted = step.accounts.drafts.iter().filter(deletes).filter_map(|draft| draft.change.object.id.clone()).collect();
    let (made, adopted) = (step.accounts.made(target), adopted(&step.accounts.drafts, target));
    let adopted = adopted.into_iter().filter(|(kind, _)| *kind == ObjectKind::Account).map(|(_, key)| key).collect();
    let mut step = AtTarget { step, target, made, adopted, deleted };
    for (at, roll) in &mut rolls {
        step.give(*at, roll);
    }
    if side.entitlements.evidence.proves_absence() {
        step.take(&rolls, standing);
    }
}

/// Who should have one entitlement: by rule and by name.
fn roll(step: &mut Step<'_, '_>, at: usize, found: EntitlementCover, standing: &[Where]) -> Roll {
    let basis = step.basis;
    let rules = &basis.policy.entitlements[at];
    let nobody = found.stands.is_empty() && found.open.is_empty() && !basis.beyond.entitles(at);
    let idle = rules.when.is_some() && !rules.allow_empty && nobody;
    let mut roll = Roll { idle, people: found.stands, unclear: found.unclear, open: found.open, named: BTreeSet::new() };
    for member in rules.members.iter().filter(|member| member.until.is_none_or(|until| until >= basis.moment.today)) {
        let Some(identity) = basis.people.find(&member.key) else {
            unknown(&mut step.report.findings, "member", member, basis.people.absence(&member.key));
            continue;
        };
        match standing.get(identity as usize) {
            Some(Where::Unknown) => roll.unclear.push(identity),
            Some(Where::Is(Lifecycle::Active | Lifecycle::PreHire | Lifecycle::Suspended))
                if roll.people.binary_search(&identity).is_err() && roll.open.binary_search(&identity).is_err() =>
            {
                roll.named.insert(identity);
            }
            _ => {}
        }
    }
    roll.open.extend(&roll.named);
    roll.open.sort_unstable();
    roll.unclear.sort_unstable();
    roll.unclear.dedup();
    roll
}

/// A target where accounts have no entitlements.
fn no_entitlements(step: &mut Step<'_, '_>, at: usize, roll: &Roll) {
    let rules = &step.basis.policy.entitlements[at];
    let target = &step.basis.policy.targets[rules.target].name;
    step.report.findings.rest_on_all("a target can't hold an entitlement, and it is told how many should have it");
    let message =
        format!("{target}: its accounts can't have entitlements, so {} is given to nobody ({})", rules.key, should_have(step, rules, roll));
    let hint = "Take the Entitlement out, or describe at the Target where its entitlements are kept.";
    cant(step, rules, &rules.place, message, hint);
}

fn cant(step: &mut Step<'_, '_>, rules: &EntitlementPolicy, place: &crate::diagnostic::Place, message: String, hint: &str) {
    let subject = Subject::object(&step.basis.policy.targets[rules.target].name, &rules.key);
    let finding = Finding::new(Severity::Error, FindingCode::UnsupportedCapability, subject, message);
    step.report.findings.push(finding.hint(hint).at(Some(place.clone())));
}

fn should_have(step: &Step<'_, '_>, rules: &EntitlementPolicy, roll: &Roll) -> String {
    let here = |identity: &&u32| matches!(step.accounts.presence[rules.target][**identity as usize], Presence::Stays | Presence::Made);
    match roll.people.iter().chain(&roll.open).filter(here).count() {
        1 => "1 person should have it".into(),
        count => format!("{count} people should have it"),
    }
}

struct AtTarget<'s, 'b, 'a> {
    step: &'s mut Step<'b, 'a>,
    target: usize,
    made: BTreeMap<u32, ObjectRef>,
    adopted: BTreeSet<Arc<str>>,
    /// ids of accounts that go for good
    deleted: BTreeSet<Arc<str>>,
}

impl<'a> AtTarget<'_, '_, 'a> {
    /// Compares everybody who is open and puts those who have it rightly among the people.
    fn give(&mut self, at: usize, roll: &mut Roll) {
        let able = self.can_hold(at, roll);
        let mut person = Person::default();
        let basis = self.step.basis;
        for identity in std::mem::take(&mut roll.open) {
            basis.people.assemble(&basis.layout, identity, &mut person);
            match desired::term(basis, at, &person) {
                Term::Over => continue,
                Term::Unclear(words) => {
                    self.unclear(
                        at,
                        &person,
                        &format!("until when {} is theirs could not be worked out, so nothing changes: {words}", self.key(at)),
                        None,
                    );
                    roll.unclear.push(identity);
                    continue;
                }
                Term::Runs => roll.people.push(identity),
            }
            if able {
                self.compare(at, &person, roll.named.contains(&identity));
            }
        }
        roll.people.sort_unstable();
        roll.people.dedup();
        roll.unclear.sort_unstable();
    }

    /// Whether the target can hold every parameter; without one, nothing of the entitlement is given.
    fn can_hold(&mut self, at: usize, roll: &Roll) -> bool {
        let rules = &self.step.basis.policy.entitlements[at];
        let layouts = &self.step.basis.layout.entitlements[at].parameters;
        let lacking: Vec<_> = rules.parameters.iter().zip(layouts).filter(|(_, layout)| layout.column.is_none()).collect();
        let Some((first, _)) = lacking.first() else { return true };
        self.step.report.findings.rest_on_all("a target can't hold an entitlement, and it is told how many should have it");
        let names: Vec<&str> = lacking.iter().map(|(parameter, _)| parameter.name.as_ref()).collect();
        let target = &self.step.basis.policy.targets[self.target].name;
        let parameters = if names.len() == 1 { "parameter" } else { "parameters" };
        let message = format!(
            "{target}: its entitlements can't hold the {parameters} {}, so {} is neither given nor changed ({})",
            names.join(", "),
            rules.key,
            should_have(self.step, rules, roll)
        );
        cant(self.step, rules, &first.place, message, "Take the parameter out, or describe at the Target where it is kept.");
        false
    }

    fn compare(&mut self, at: usize, person: &Person, named: bool) {
        let step = &self.step;
        let complete = step.basis.observed[self.target].side.entitlements.evidence.proves_absence();
        match (step.accounts.presence[self.target][person.number as usize], step.matched.claims[self.target].row(person.number)) {
            (Presence::Made, _) => {
                let object = self.made.get(&person.number).cloned();
                object.into_iter().for_each(|object| self.add(at, person, object, Reason::Joiner));
            }
            (Presence::Stays, Some(row)) if complete => {
                let object = step.basis.account(self.target, row, &Arc::from(person.key.as_str()));
                let reason = if named { Reason::Declared } else { Reason::Mover };
                match desired::held(step.basis, at, row).as_slice() {
                    [] => self.add(at, person, object, reason),
                    [grant] => self.update(at, person, object, reason, *grant),
                    _ => self.duplicate(&object, &self.step.basis.policy.entitlements[at].name.clone()),
                }
            }
            (Presence::Absent, _) if named && self.ownership() != Ownership::Observe => {
                let sentence = format!("{{who}}: named in {}, but without an account here, so it is not given", self.key(at));
                self.tell(Severity::Note, FindingCode::UnknownMember, at, person, &sentence);
            }
            _ => {}
        }
    }

    fn add(&mut self, at: usize, person: &Person, object: ObjectRef, reason: Reason) {
        let wanted = self.parameters(at, person);
        if wanted.iter().any(|parameter| matches!(parameter, Parameter::Unknown(_))) {
            let sentence = format!("a parameter of {} is not known, so it is not given yet", self.key(at));
            return self.unclear(at, person, &sentence, None);
        }
        let rules = &self.step.basis.policy.entitlements[at];
        let given = rules.parameters.iter().zip(wanted).filter_map(|(parameter, wanted)| match wanted {
            Parameter::Is(Some(value)) => Some(attribute(&parameter.name, None, Some(value))),
            _ => None,
        });
        let given = given.collect();
        self.put(at, Action::AddEntitlement, Stage::AddEntitlements, object, reason, given);
    }

    fn update(&mut self, at: usize, person: &Person, object: ObjectRef, reason: Reason, grant: Grant) {
        let wanted = self.parameters(at, person);
        let basis = self.step.basis;
        let entitlements = &basis.observed[self.target].side.entitlements;
        let mut changes: Vec<AttributeChange> = Vec::new();
        let layouts = &basis.layout.entitlements[at].parameters;
        for ((parameter, layout), wanted) in basis.policy.entitlements[at].parameters.iter().zip(layouts).zip(wanted) {
            let (Some(column), Parameter::Is(wanted)) = (layout.column, wanted) else { continue };
            let observed = entitlements.cell(grant, column);
            if !desired::same(basis, &self.step.matched.claims[self.target], self.target, wanted.as_ref(), observed) {
                let before = observed.to_value().filter(|value| !value.is_empty());
                changes.push(attribute(&parameter.name, before, wanted));
            }
        }
        if !changes.is_empty() && entitlements.is_foreign(grant) {
            return self.foreign(&object, &basis.policy.entitlements[at].name, "changed");
        }
        if !changes.is_empty() {
            self.put(at, Action::UpdateEntitlement, Stage::AddEntitlements, object, reason, changes);
        }
    }

    /// Every parameter; what could not be worked out is told.
    fn parameters(&mut self, at: usize, person: &Person) -> Vec<Parameter> {
        let basis = self.step.basis;
        let rules = &basis.policy.entitlements[at];
        let mut all = Vec::with_capacity(rules.parameters.len());
        for (position, parameter) in rules.parameters.iter().enumerate() {
            let mut found = desired::parameter(basis, at, position, person);
            if let Parameter::Is(Some(Value::Reference(key))) = &found
                && !self.step.accounts.resolves(self.step.basis, self.step.matched, self.target, key)
            {
                found = Parameter::Unknown(format!("{key} has no account here").into());
            }
            if let Parameter::Unknown(words) = &found {
                let sentence = format!("{} of {} could not be worked out, so it stays as it is: {words}", parameter.name, rules.key);
                self.unclear(at, person, &sentence, Some(&parameter.place));
            }
            all.push(found);
        }
        all
    }

    /// Looks at everything that accounts have, and takes what nobody should have.
    fn take(&mut self, rolls: &BTreeMap<usize, Roll>, standing: &[Where]) {
        let basis = self.step.basis;
        let entitlements = &basis.observed[self.target].side.entitlements;
        let declared: BTreeMap<&str, usize> = rolls.keys().map(|at| (basis.policy.entitlements[*at].name.as_ref(), *at)).collect();
        let names: BTreeMap<u32, (&Arc<str>, Option<usize>)> =
            entitlements.names().map(|(name, number)| (number, (name, declared.get(name.as_ref()).copied()))).collect();
        if self.ownership() == Ownership::Additive {
            return;
        }
        let kept = self.hold_idle(rolls, standing);
        let mut before: Option<Grant> = None;
        for grant in basis.observed[self.target].grants() {
            let again = before.is_some_and(|before| (before.account, before.name) == (grant.account, grant.name));
            before = Some(grant);
            let Some((name, at)) = names.get(&grant.name).copied().filter(|_| !again) else { continue };
            let Some(loss) = self.goes(grant.account, name, at.map(|at| (at, &rolls[&at])), standing) else { continue };
            if loss == Loss::Uncovered && at.is_some_and(|at| kept.contains(&(at, grant.account))) {
                continue;
            }
            self.remove(grant, name, at, loss.grounds());
        }
    }

    /// Who keeps an entitlement whose rule names nobody: whoever stays, and whom no line names.
    fn hold_idle(&mut self, rolls: &BTreeMap<usize, Roll>, standing: &[Where]) -> BTreeSet<(usize, u32)> {
        let basis = self.step.basis;
        let mut kept = BTreeSet::new();
        for (at, roll) in rolls.iter().filter(|(_, roll)| roll.idle) {
            let rules = &basis.policy.entitlements[*at];
            let (grants, claims) = (basis.observed[self.target].grants(), &self.step.matched.claims[self.target]);
            let Some(number) = basis.observed[self.target].side.entitlements.names().find(|(name, _)| **name == rules.name) else {
                continue;
            };
            let named = |account: u32| {
                let key = claims.holder(account).map(|identity| basis.people.key(identity));
                rules.members.iter().any(|line| Some(&line.key) == key.as_ref())
            };
            let goes = |grant: &Grant| {
                grant.name == number.1
                    && !named(grant.account)
                    && self.goes(grant.account, &rules.name, Some((*at, roll)), standing) == Some(Loss::Uncovered)
            };
            let (losers, others): (Vec<Grant>, Vec<Grant>) = grants.into_iter().partition(goes);
            let losers: BTreeSet<u32> = losers.into_iter().map(|grant| grant.account).collect();
            if !losers.is_empty() {
                self.step.report.findings.rest_on_all("the rule of an entitlement names nobody");
            }
            let others = others.into_iter().filter(|grant| grant.name == number.1).map(|grant| grant.account);
            if are_many(losers.len(), self.open(others.collect())) {
                hold(self.step, *at, &losers);
                kept.extend(losers.into_iter().map(|account| (*at, account)));
            }
        }
        kept
    }

    /// Of how many of these it can't be said what becomes of them; nothing where there may be more than were read.
    fn open(&self, rows: BTreeSet<u32>) -> Option<usize> {
        let observed = &self.step.basis.observed[self.target];
        let all = observed.side.entitlements.evidence.proves_absence() && observed.accounts().evidence().proves_absence();
        let known = Known { presence: &self.step.accounts.presence[self.target], gone: &self.step.accounts.gone[self.target] };
        let is_open = |row: &u32| is_open((self.step.basis, self.step.matched), self.target, *row, known);
        all.then(|| rows.into_iter().filter(is_open).count())
    }

    /// Why an account loses an entitlement; nothing where it keeps it.
    fn goes(&self, account: u32, name: &str, declared: Option<(usize, &Roll)>, standing: &[Where]) -> Option<Loss> {
        if self.step.matched.cut[self.target].contains_key(&account) {
            // Steps of their own take everything.
            return None;
        }
        let claims = &self.step.matched.claims[self.target];
        let Some(identity) = claims.holder(account) else {
            let gone = self.step.accounts.gone[self.target].contains(&account);
            return (gone && self.is_ours(account, name, declared.is_some())).then_some(Loss::Absent);
        };
        match (self.step.accounts.presence[self.target][identity as usize], declared) {
            (Presence::Stays, Some((_, roll))) => {
                let keeps = roll.people.binary_search(&identity).is_ok() || roll.unclear.binary_search(&identity).is_ok();
                (!keeps).then_some(Loss::Uncovered)
            }
            (Presence::Stays, None) => self.is_ours(account, name, false).then_some(Loss::Uncovered),
            (Presence::Leaves, declared) => {
                self.is_ours(account, name, declared.is_some()).then(|| leaves(standing.get(identity as usize)))
            }
            (Presence::Absent | Presence::Made | Presence::Unclear, _) => None,
        }
    }

    /// Whether an entitlement of an account of ours is ours: declared, or given by headcount as it remembers.
    fn is_ours(&self, account: u32, name: &str, declared: bool) -> bool {
        if declared || self.ownership() == Ownership::Authoritative {
            return true;
        }
        let basis = self.step.basis;
        let key = grant_key(&self.step.matched.account_key(self.step.basis, self.target, account), name);
        let target = &basis.policy.targets[self.target].name;
        let ids = basis.world.recall.ids_of(target, ObjectKind::Entitlement, &key);
        ids.contains(&basis.observed[self.target].accounts().id(account).as_ref())
    }

    fn remove(&mut self, grant: Grant, name: &Arc<str>, at: Option<usize>, grounds: Grounds) {
        let object = self.step.basis.account(
            self.target,
            grant.account,
            &self.step.matched.account_key(self.step.basis, self.target, grant.account),
        );
        if object.id.as_ref().is_some_and(|id| self.deleted.contains(id)) {
            return;
        }
        let all = self.step.basis.observed[self.target].grants_of(grant.account);
        if all.iter().filter(|other| other.name == grant.name).count() > 1 {
            return self.duplicate(&object, name);
        }
        if self.step.basis.observed[self.target].side.entitlements.is_foreign(grant) {
            return self.foreign(&object, name, "taken");
        }
        let stage = if self.adopted.contains(&object.key) { Stage::AddEntitlements } else { Stage::RemoveEntitlements };
        let cause = at.map_or(Cause::None, |at| Cause::Entitlement(at as u32));
        let change = self.step.basis.change(self.target, Action::RemoveEntitlement, object, grounds, cause);
        self.step.draft(self.target, stage, Change { entitlement: Some(name.clone()), ..change });
    }

    fn put(&mut self, at: usize, action: Action, stage: Stage, object: ObjectRef, reason: Reason, attributes: Vec<AttributeChange>) {
        let entitlement = Some(self.step.basis.policy.entitlements[at].name.clone());
        let change = self.step.basis.change(self.target, action, object, Grounds::normal(reason), Cause::Entitlement(at as u32));
        self.step.draft(self.target, stage, Change { entitlement, attributes, ..change });
    }

    fn duplicate(&mut self, object: &ObjectRef, name: &Arc<str>) {
        let sentence = format!("{{who}}: has {name} more than once, so it is left as it is");
        let shared =
            Shared::new(Severity::Error, FindingCode::DuplicateKey, Some(&self.step.basis.policy.targets[self.target].name), sentence);
        self.step.report.findings.share(shared.hint("Remove all but one at the target."), &object.key);
    }

    fn foreign(&mut self, object: &ObjectRef, name: &str, how: &str) {
        let sentence = format!("{{who}}: {name} would be {how}, but the target says that it belongs to somebody else there, so it stays");
        let target = Some(&self.step.basis.policy.targets[self.target].name);
        let severity = if how == "taken" { Severity::Error } else { Severity::Warning };
        let shared = Shared::new(severity, FindingCode::NotWritable, target, sentence);
        self.step.report.findings.share(shared.hint("Change it where it comes from."), &object.key);
    }

    /// What could not be worked out about somebody who has an account here, or gets one.
    fn unclear(&mut self, at: usize, person: &Person, sentence: &str, place: Option<&crate::diagnostic::Place>) {
        let presence = self.step.accounts.presence[self.target][person.number as usize];
        if matches!(presence, Presence::Stays | Presence::Made) {
            let rules = &self.step.basis.policy.entitlements[at];
            let target = &self.step.basis.policy.targets[self.target].name;
            let shared = Shared::new(Severity::Error, FindingCode::ExpressionFailed, Some(target), format!("{{who}}: {sentence}"));
            self.step.report.findings.share(shared.at(place.or(Some(&rules.place))), &Arc::from(person.key.as_str()));
        }
    }

    fn tell(&mut self, severity: Severity, code: FindingCode, at: usize, person: &Person, sentence: &str) {
        let rules = &self.step.basis.policy.entitlements[at];
        let shared = Shared::new(severity, code, Some(&self.step.basis.policy.targets[self.target].name), sentence);
        self.step.report.findings.share(shared.at(Some(&rules.place)), &Arc::from(person.key.as_str()));
    }

    fn ownership(&self) -> Ownership {
        self.step.basis.policy.targets[self.target].ownership
    }

    fn key(&self, at: usize) -> &'a Arc<str> {
        &self.step.basis.policy.entitlements[at].key
    }
}

/// Why an account loses an entitlement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// the account stays, and no rule gives it any more
    Uncovered,
    /// the account goes, since its identity is gone
    Absent,
    /// the account goes, since its identity has left
    Leaver,
    /// the account goes while its identity is on leave
    Suspended,
    /// the account goes, since the target is not for it
    Deselected,
}

impl Loss {
    fn grounds(self) -> Grounds {
        match self {
            Self::Uncovered => Grounds::normal(Reason::Mover),
            Self::Absent => Grounds::ABSENCE,
            Self::Leaver => Grounds::LEAVER,
            Self::Suspended => Grounds::normal(Reason::Suspended),
            Self::Deselected => Grounds::DESELECTION,
        }
    }
}

/// Why somebody's account goes, as the identity stands.
fn leaves(standing: Option<&Where>) -> Loss {
    match standing {
        Some(Where::Is(Lifecycle::Leaver)) => Loss::Leaver,
        Some(Where::Is(Lifecycle::Suspended)) => Loss::Suspended,
        _ => Loss::Deselected,
    }
}

/// Holds an entitlement that everybody would lose.
fn hold(step: &mut Step<'_, '_>, at: usize, accounts: &BTreeSet<u32>) {
    let rules = &step.basis.policy.entitlements[at];
    let keys = accounts.iter().map(|row| step.matched.account_key(step.basis, rules.target, *row)).collect();
    let place = rules.when_place.as_ref().unwrap_or(&rules.place);
    let subject = Subject::object(&step.basis.policy.targets[rules.target].name, &rules.key);
    let what = Idle { rule: "`when`", of: &rules.key, thing: "the entitlement", place };
    step.report.findings.push(what.told(subject, &keys));
}
