//! Personas: each one's records become a tiny world, the world is planned, and what came is held against what was expected. Offline, without a state.
//!
//! Must never: plan in a way of its own. It is the same policy, the same `planning::plan` and the same reasons as everywhere.

mod compare;
mod coverage;
mod outcome;
mod reasons;
mod rewrite;
mod sound;
mod stage;
#[cfg(test)]
mod tests;
mod yaml;

use std::sync::Arc;

use jiff::civil::Date;

use crate::connector::registry;
use crate::connector::sample::Sampler;
use crate::manifest::kinds::{Expectation, PersonaSpec, PersonaStanding};
use crate::manifest::{Document, Loaded, quantity};
use crate::model::{Action, Change, Coverage, Finding, Key, ObjectKind, Severity, Side, Verdict};
use crate::planning::explain::Provenance;
use crate::planning::{self};
use crate::planning::{Moment, Scope};
use crate::policy::{CompletenessPolicy, Policy, UserPolicy};
use crate::world::{SourceSide, World};
use coverage::Rules;
use reasons::Reasons;
use stage::Before;

pub use rewrite::{Rewrite, rewrite};
pub use sound::check;

/// Runs any number of personas against one policy.
pub struct Suite<'a> {
    loaded: &'a Loaded,
    /// without limits, and without the Users that nobody named
    policy: Policy,
    /// standalone Users
    users: Vec<UserPolicy>,
    samplers: Vec<Sampler>,
    rules: Rules,
}

/// What came of one persona.
pub struct Tested {
    /// as it is shown
    pub verdict: Verdict,
    /// what came, to be expected from now on; nothing where that could not be worked out
    pub came: Option<Expectation>,
}

/// What a plan said about the person.
struct Came {
    expectation: Expectation,
    identity: Option<Arc<str>>,
    findings: Vec<Finding>,
}

impl<'a> Suite<'a> {
    /// Prepares a policy: limits that count people mean nothing for one person.
    pub fn new(loaded: &'a Loaded, policy: &Policy) -> Self {
        let rules = Rules::of(policy);
        let mut policy = policy.clone();
        for source in &mut policy.sources {
            source.completeness = CompletenessPolicy::default();
        }
        for target in &mut policy.targets {
            target.guardrails.limits.clear();
            target.guardrails.overrides.clear();
            target.protect.keep.clear();
        }
        let (users, overrides) = std::mem::take(&mut policy.users).into_iter().partition(|user: &UserPolicy| user.standalone);
        policy.users = overrides;
        let samplers = samplers(loaded, &policy);
        Self { loaded, policy, users, samplers, rules }
    }

    /// Runs one persona.
    pub fn test(&mut self, persona: &Document<PersonaSpec>) -> Tested {
        let policy = self.with_users(&persona.spec);
        let policy = policy.as_ref().unwrap_or(&self.policy);
        let Ok(day) = quantity::date(&persona.spec.as_of) else {
            return self.trouble(persona, "its day can't be read".to_owned());
        };
        let moment = moment(policy, day);
        let staged = stage::build(policy, &mut self.samplers, &persona.spec, None, moment);
        let (world, own) = match staged {
            Ok(staged) => (staged.world, staged.own),
            Err(problem) => return self.trouble(persona, problem.message),
        };
        let provenance = Provenance::new(policy, &world, moment);
        let key = match identity(policy, &own, &provenance, &persona.spec) {
            Ok(key) => key,
            Err(words) => return self.trouble(persona, words),
        };
        let came = match &key {
            Some(key) => {
                let run = Run { policy, spec: &persona.spec, world: &world, provenance: &provenance, moment };
                run.somebody(&mut self.samplers, &mut self.rules, key)
            }
            None => nobody(policy, &world, &persona.spec, moment),
        };
        let verdict = verdict(self.loaded, policy, &provenance, persona, &came);
        Tested { verdict, came: Some(came.expectation) }
    }

    /// How much of the rules was exercised so far.
    pub fn coverage(&self) -> Coverage {
        self.rules.coverage()
    }

    /// The policy with the Users that a persona names; nothing where it names none.
    fn with_users(&self, spec: &PersonaSpec) -> Option<Policy> {
        let named: Vec<&str> =
            spec.user.iter().chain(spec.others.iter().filter_map(|other| other.user.as_ref())).map(String::as_str).collect();
        let wanted = self.users.iter().filter(|user| named.contains(&user.name.as_ref()));
        let mut users: Vec<UserPolicy> = wanted.cloned().collect();
        if users.is_empty() {
            return None;
        }
        users.extend(self.policy.users.iter().cloned());
        users.sort_by(|one, other| one.name.cmp(&other.name));
        Some(Policy { users, ..self.policy.clone() })
    }

    fn trouble(&self, persona: &Document<PersonaSpec>, words: String) -> Tested {
        let verdict = Verdict { trouble: Some(words), ..blank(self.loaded, persona) };
        Tested { verdict, came: None }
    }
}

fn samplers(loaded: &Loaded, policy: &Policy) -> Vec<Sampler> {
    let sources = loaded.sources.iter().enumerate();
    sources.map(|(at, source)| registry::sampler(&source.spec.connection, &SourceSide::columns_of(policy, at))).collect()
}

/// The start of the day, in the workspace's time zone.
fn moment(policy: &Policy, day: Date) -> Moment {
    let start = day.to_zoned(policy.time_zone.clone()).map(|start| start.timestamp());
    Moment { today: day, now: start.unwrap_or(jiff::Timestamp::UNIX_EPOCH) }
}

/// Whom the persona is: its User, and whom its records make exist. More than one is a mistake, and told in words.
fn identity(policy: &Policy, own: &[Option<String>], provenance: &Provenance<'_>, spec: &PersonaSpec) -> Result<Option<Arc<str>>, String> {
    let user =
        spec.user.as_ref().and_then(|name| policy.users.iter().find(|user| user.name.as_ref() == name)).map(|user| user.key.to_string());
    let establishing = policy.sources.iter().zip(own).filter(|(rules, _)| rules.establishes);
    let records = establishing.filter_map(|(rules, key)| Some(Key::record(&rules.name, key.as_ref()?).to_string()));
    let mut people: Vec<Arc<str>> = Vec::new();
    for key in user.into_iter().chain(records).filter_map(|key| provenance.key_of(&key)) {
        if !people.contains(&key) {
            people.push(key);
        }
    }
    match people.as_slice() {
        [] | [_] => Ok(people.pop()),
        several => Err(format!("these are several people: {}; no key of theirs says that they are one", several.join(", "))),
    }
}

/// One persona in its world.
struct Run<'r> {
    policy: &'r Policy,
    spec: &'r PersonaSpec,
    world: &'r World,
    provenance: &'r Provenance<'r>,
    moment: Moment,
}

impl Run<'_> {
    fn somebody(&self, samplers: &mut [Sampler], rules: &mut Rules, key: &Arc<str>) -> Came {
        let stands = self.provenance.exercise(key, &mut |place, came| rules.hear(place, came)).unwrap_or(PersonaStanding::Unknown);
        let plan = planning::plan(self.policy, self.world, &[], self.moment, Scope::All);
        let expectation = outcome::arrival(&plan, key, stands);
        let targets = departed(self.policy, self.spec, stands, &expectation);
        let had = if targets.contains(&true) { self.provenance.would_have(key) } else { None };
        let gets = |target: &str, group: &str| {
            let made = |change: &Change| change.action == Action::Create && change.object.kind == ObjectKind::Group;
            plan.changes.iter().any(|change| made(change) && change.target.as_ref() == target && change.object.key.as_ref() == group)
        };
        let before = had.map(|had| Before::new(self.policy, key, &targets, had, gets));
        let mut came = Came { expectation, identity: Some(key.clone()), findings: about(plan.findings, key) };
        if let Some(before) = before {
            self.depart(samplers, &before, &mut came);
        }
        came
    }

    /// Plans again with what the person had before, where they get nothing now.
    fn depart(&self, samplers: &mut [Sampler], before: &Before, came: &mut Came) {
        let Ok(staged) = stage::build(self.policy, samplers, self.spec, Some(before), self.moment) else { return };
        let plan = planning::plan(self.policy, &staged.world, &[], self.moment, Scope::All);
        outcome::departure(self.policy, &plan, before, &mut came.expectation);
        let new: Vec<_> = about(plan.findings, &before.key).into_iter().filter(|finding| !came.findings.contains(finding)).collect();
        came.findings.extend(new);
    }
}

/// Nobody comes of it. What is wrong with the records of its sources says why.
fn nobody(policy: &Policy, world: &World, spec: &PersonaSpec, moment: Moment) -> Came {
    let mut plan = planning::plan(policy, world, &[], moment, Scope::All);
    let of_record = |finding: &Finding| finding.subject.system.as_ref().is_some_and(|system| spec.records.contains_key(system.as_ref()));
    plan.findings.retain(of_record);
    let expectation = Expectation { findings: outcome::errors(&plan, None), ..Expectation::default() };
    let findings = plan.findings.into_iter().filter(|finding| finding.severity >= Severity::Error).collect();
    Came { expectation, identity: None, findings }
}

/// Targets where the person had an account and gets none: all of them for whoever has left, is on leave or is left out.
fn departed(policy: &Policy, spec: &PersonaSpec, stands: PersonaStanding, came: &Expectation) -> Vec<bool> {
    let gone = matches!(stands, PersonaStanding::Suspended | PersonaStanding::Leaver | PersonaStanding::Deselected);
    let had = |name: &str| gone || spec.former_accounts.iter().any(|known| known == name);
    policy.targets.iter().map(|target| had(&target.name) && !came.accounts.contains_key(target.name.as_ref())).collect()
}

fn about(findings: Vec<Finding>, key: &str) -> Vec<Finding> {
    let loud = |finding: &Finding| finding.severity >= Severity::Warning && outcome::concerns(finding, key);
    findings.into_iter().filter(loud).collect()
}

fn verdict(loaded: &Loaded, policy: &Policy, provenance: &Provenance<'_>, persona: &Document<PersonaSpec>, came: &Came) -> Verdict {
    let mut verdict = blank(loaded, persona);
    verdict.identity = came.identity.as_deref().map(str::to_owned);
    let Some(expected) = &persona.spec.expect else {
        verdict.trouble = Some("it expects nothing yet: `headcount test --update` writes down what comes of it".into());
        return verdict;
    };
    let differences = compare::compare(expected, &came.expectation);
    verdict.passed = !differences.iter().any(|(side, _)| *side != Side::Both);
    if verdict.passed {
        return verdict;
    }
    let explanation = came.identity.as_ref().and_then(|key| provenance.explain(key, None));
    let reasons = Reasons { policy, provenance, outline: loaded.outline(&persona.origin), explanation, findings: &came.findings };
    let lines = compare::with_relations(differences);
    verdict.differences = lines.into_iter().map(|(side, line, relation)| reasons.explain(side, line, relation)).collect();
    verdict.findings = came.findings.clone();
    verdict
}

fn blank(loaded: &Loaded, persona: &Document<PersonaSpec>) -> Verdict {
    Verdict {
        name: persona.name.to_string(),
        description: persona.spec.description.clone(),
        place: loaded.place(&persona.origin, ""),
        as_of: persona.spec.as_of.clone(),
        identity: None,
        passed: false,
        updated: false,
        trouble: None,
        differences: Vec::new(),
        findings: Vec::new(),
    }
}
