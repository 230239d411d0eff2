//! One test a law.

use std::collections::BTreeSet;
use std::sync::Arc;

use headcount::model::{Action, Change, FindingCode, ObjectKind, Plan, Reason, Value};
use headcount::planning::Scope;
use proptest::prelude::*;

use super::lab::{Lab, Run};
use super::story::{Lens, Person, Standing, Story, offices, stories};
use super::system::{System, text};

/// Few enough for every run of the tests; more by HEADCOUNT_PROPTEST_CASES.
pub fn cases() -> ProptestConfig {
    let cases = std::env::var("HEADCOUNT_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_story_is_a_sound_workspace(story in stories()) {
        let yaml = story.manifests();
        let compiled = super::compile(&yaml, &super::lab::Defaults);
        prop_assert!(compiled.is_ok(), "{}\n{}", compiled.err().unwrap_or_default(), yaml);
    }

    #[test]
    fn every_office_is_a_sound_workspace(story in offices()) {
        let yaml = story.manifests();
        let compiled = super::compile(&yaml, &super::lab::Defaults);
        prop_assert!(compiled.is_ok(), "{}\n{}", compiled.err().unwrap_or_default(), yaml);
    }

    #[test]
    fn after_applying_nothing_is_left(story in stories()) {
        let mut lab = Lab::new(story);
        settle(&mut lab)?;
        for act in lab.story.acts.clone() {
            act.events.iter().for_each(|event| lab.happens(event));
            lab.days_pass(act.days);
            let policy = lab.policy();
            let plan = lab.plan(&policy, &act.lens, Scope::All);
            let run = Run { lens: &act.lens, fails: act.fails, interrupted: act.interrupted.as_ref() };
            lab.apply(&policy, &plan, &run, &mut |_, _, _| {});
            settle(&mut lab)?;
        }
    }

    #[test]
    fn the_second_plan_at_an_authoritative_target_is_empty(mut story in stories()) {
        (story.setup.ownership, story.setup.groups) = (3, 2);
        (story.setup.manners.deletes, story.setup.manners.deactivates) = (true, true);
        let mut lab = Lab::new(story);
        lab.memory = headcount::model::Memory::default();
        let policy = lab.policy();
        let first = lab.plan(&policy, &Lens::CLEAR, Scope::All);
        lab.apply(&policy, &first, &Run::CALM, &mut |_, _, _| {});
        let second = lab.plan(&policy, &Lens::CLEAR, Scope::All);
        let left: Vec<_> = second.changes.iter().filter(|change| change.runs()).collect();
        // What is held back is shown, and a name that the plan itself sets free is given afterwards: the first plan says both.
        let said = |plan: &Plan| {
            plan.changes.iter().any(|change| !change.runs()) || plan.findings.iter().any(|finding| finding.code == FindingCode::NameTaken)
        };
        prop_assert!(left.is_empty() || said(&first), "first: {:#?}\nleft: {left:#?}\n{}", first.changes, lab.story.manifests());
    }

    #[test]
    fn the_same_world_gives_the_same_plan_however_its_rows_come(story in stories()) {
        in_every_scene(story, |lab, lens| {
            let policy = lab.policy();
            let plan = lab.plan(&policy, lens, Scope::All);
            let bytes = |plan: &Plan| serde_json::to_string_pretty(plan).unwrap();
            prop_assert_eq!(bytes(&plan), bytes(&lab.plan(&policy, lens, Scope::All)));
            prop_assert_eq!(bytes(&plan), bytes(&lab.plan_from(&lab.policy(), lens, Scope::All, true)), "rows, pages and answers the other way round");
            Ok(())
        })?;
    }

    #[test]
    fn what_is_not_ours_is_left_alone(story in stories()) {
        let mut lab = Lab::new(story);
        for act in lab.story.acts.clone() {
            let policy = lab.policy();
            let plan = lab.plan(&policy, &act.lens, Scope::All);
            let setup = lab.story.setup.clone();
            let mut wrong = Vec::new();
            let run = Run { lens: &act.lens, fails: act.fails, interrupted: None };
            lab.apply(&policy, &plan, &run, &mut |system, change, id| wrong.extend(trespass(&setup, system, change, id)));
            prop_assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), lab.story.manifests());
            act.events.iter().for_each(|event| lab.happens(event));
            lab.days_pass(act.days);
        }
    }

    #[test]
    fn incomplete_evidence_leads_to_nothing_that_complete_evidence_would_not(story in stories()) {
        in_every_scene(story, |lab, lens| {
            if lens.is_clear() {
                return Ok(());
            }
            let policy = lab.policy();
            let (seen, all) = (lab.plan(&policy, lens, Scope::All), lab.plan(&policy, &Lens::CLEAR, Scope::All));
            let known = atoms(&all);
            // Of two namesakes one gets the account, and the one who is not seen can't be it.
            let rivals = all.findings.iter().any(|finding| finding.code == FindingCode::NameTaken);
            let seen_atoms = atoms(&seen);
            let created = |atom: &&Atom| rivals && atom.action == Action::Create && atom.kind == ObjectKind::Account;
            let luckier: BTreeSet<Arc<str>> = seen_atoms.difference(&known).filter(created).map(|atom| atom.key.clone()).collect();
            // A leaver whom a source reports goes, though somebody unseen may look the same.
            let alike: BTreeSet<&Arc<str>> = all.findings.iter().filter(|found| found.code == FindingCode::DuplicateKey).flat_map(|found| &found.about).collect();
            let left = running(&seen).filter(|change| change.reason == Reason::Leaver && change.action.removes());
            let left: BTreeSet<&Arc<str>> = left.map(|change| &change.object.key).filter(|key| alike.contains(key)).collect();
            let open = |atom: &Atom| {
                let refers = luckier.iter().any(|key| atom.value.contains(&format!("Reference({key:?})")));
                let goes = left.contains(&atom.key) || left.contains(&atom.part);
                atom.is_name || refers || goes || luckier.contains(&atom.key) || luckier.contains(&atom.part)
            };
            let wrong: Vec<_> = seen_atoms.iter().filter(|atom| !known.contains(atom) && !open(atom)).collect();
            prop_assert!(wrong.is_empty(), "{:#?}\nthe whole truth: {:#?}\n{}", wrong, known, lab.story.manifests());
            prop_assert!(!seen.complete() || !incomplete(&seen), "an incomplete plan calls itself complete");
            Ok(())
        })?;
    }

    #[test]
    fn a_stranger_changes_nobody_elses_account(story in stories()) {
        in_every_scene(story, |lab, lens| {
            let mut lab = lab.clone();
            forget_strangers(&mut lab.story);
            if lab.story.people.len() == 1 {
                // Their employee number would be one that the story's accounts may be named by.
                return Ok(());
            }
            let before = atoms(&lab.plan(&lab.policy(), lens, Scope::All));
            let mut more = lab;
            more.story.people.push(stranger());
            let after = atoms(&more.plan(&more.policy(), lens, Scope::All));
            let own: Arc<str> = format!("{}/{}", more.story.source(more.story.people.len() - 1), more.story.key(more.story.people.len() - 1)).into();
            let about = |atom: &&Atom| atom.key != own && atom.part.as_ref() != own.as_ref() && !atom.is_name;
            let (before, after): (Vec<_>, Vec<_>) = (before.iter().filter(about).collect(), after.iter().filter(about).collect());
            prop_assert_eq!(before, after, "{}", more.story.manifests());
            Ok(())
        })?;
    }
}

/// Applies with everything readable and nothing failing; then nothing may be left. Two things take a run more, and the plan before says so: a first complete
/// read only makes the baseline that absence is held against, and a name that the plan itself sets free is given to the next one afterwards.
pub fn settle(lab: &mut Lab) -> Result<(), TestCaseError> {
    let policy = lab.policy();
    let run = |lab: &mut Lab| {
        let plan = lab.plan(&policy, &Lens::CLEAR, Scope::All);
        lab.apply(&policy, &plan, &Run::CALM, &mut |_, _, _| {});
        plan
    };
    if !lab.has_baselines(&lab.policy()) {
        run(lab);
    }
    let mut before = lab.system.clone();
    let mut last = run(lab);
    for _ in 0..3 {
        if !last.applyable() || !last.findings.iter().any(|finding| finding.code == FindingCode::NameTaken) {
            break;
        }
        before = lab.system.clone();
        last = run(lab);
    }
    let next = lab.plan(&lab.policy(), &Lens::CLEAR, Scope::All);
    let left: Vec<_> = next.changes.iter().filter(|change| change.runs()).collect();
    prop_assert!(
        left.is_empty(),
        "left: {left:#?}\nlast plan: {:#?}\nfindings: {:#?}\nsystem before: {:#?}\nsystem after: {:#?}\nmemory: {:#?}\n{}",
        last.changes,
        next.findings,
        before,
        lab.system,
        lab.memory,
        lab.story.manifests()
    );
    Ok(())
}

/// Plays a story and looks at every scene of it, through its lens, before what was planned clearly is applied.
pub fn in_every_scene(story: Story, mut look: impl FnMut(&Lab, &Lens) -> Result<(), TestCaseError>) -> Result<(), TestCaseError> {
    let mut lab = Lab::new(story);
    for act in lab.story.acts.clone() {
        look(&lab, &act.lens)?;
        let policy = lab.policy();
        let plan = lab.plan(&policy, &Lens::CLEAR, Scope::All);
        let run = Run { lens: &Lens::CLEAR, fails: act.fails, interrupted: act.interrupted.as_ref() };
        lab.apply(&policy, &plan, &run, &mut |_, _, _| {});
        act.events.iter().for_each(|event| lab.happens(event));
        lab.days_pass(act.days);
    }
    look(&lab, &Lens::CLEAR)
}

/// The smallest parts that a plan's running changes consist of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Atom {
    pub key: Arc<str>,
    action: Action,
    kind: ObjectKind,
    /// an attribute or a member's key
    part: Arc<str>,
    value: String,
    /// a unique name: what is free depends on who is there
    is_name: bool,
}

pub fn atoms(plan: &Plan) -> BTreeSet<Atom> {
    let mut found = BTreeSet::new();
    for change in plan.changes.iter().filter(|change| change.runs()) {
        let atom = |part: &Arc<str>, value: String| {
            // One who takes a name also gets what is made of it.
            let is_name = ["userName", "emails"].contains(&part.as_ref());
            Atom { key: change.object.key.clone(), action: change.action, kind: change.object.kind, part: part.clone(), value, is_name }
        };
        if change.members.is_empty() && change.attributes.is_empty()
            || !matches!(change.action, Action::Update | Action::AddMembers | Action::RemoveMembers)
        {
            found.insert(atom(&Arc::from(""), String::new()));
        }
        found.extend(change.attributes.iter().map(|part| atom(&part.attribute, format!("{:?}", part.after))));
        found.extend(change.members.iter().map(|member| atom(&member.member.key, String::new())));
    }
    found
}

/// The changes that run.
pub fn running(plan: &Plan) -> impl Iterator<Item = &Change> {
    plan.changes.iter().filter(|change| change.runs())
}

fn incomplete(plan: &Plan) -> bool {
    plan.evidence.iter().any(|read| read.evidence.reason().is_some())
}

/// Keys of some identities and groups.
/// Nobody refers to somebody who does not exist: the next one to come would be that.
fn forget_strangers(story: &mut Story) {
    let known = story.people.len();
    for person in &mut story.people {
        person.boss = person.boss.filter(|boss| usize::from(*boss) < known);
    }
    for group in &mut story.groups {
        group.people.retain(|who| usize::from(*who) < known);
    }
}

/// Somebody who has nothing to do with anybody.
fn stranger() -> Person {
    Person { name: 6, dept: 2, title: 1, boss: None, standing: Standing::Active, badge: false, external: false }
}

/// What a change does to something that headcount neither made nor took over, by the system's own notes.
fn trespass(setup: &super::story::Setup, system: &System, change: &Change, id: Option<&str>) -> Vec<String> {
    let mut wrong = Vec::new();
    let target = ["owned", "owned", "owned", "authoritative", "additive", "observe"][usize::from(setup.ownership) % 6];
    let groups = match setup.groups {
        2 => "authoritative",
        3 => "additive",
        _ => target,
    };
    let (mode, ours) = match change.object.kind {
        ObjectKind::Account => (target, id.and_then(|id| system.accounts.get(id)).is_none_or(|account| account.ours)),
        _ => (groups, id.and_then(|id| system.groups.get(id)).is_none_or(|group| group.ours)),
    };
    let mut say = |words: &str| wrong.push(format!("{mode}: {words}: {change:?}"));
    if mode == "observe" {
        say("changes what it may only observe");
    }
    if mode == "additive" && change.action.removes() {
        say("removes though it may only add");
    }
    let takes_over = matches!(change.action, Action::Adopt | Action::Create);
    let prunes = mode == "authoritative" && change.action.removes();
    if !(ours || takes_over || prunes) {
        say("touches what is not ours");
    }
    if change.action == Action::RemoveMembers && mode == "owned" {
        let stranger = |id: &Arc<str>| system.accounts.get(id.as_ref()).is_some_and(|account| !account.ours);
        if change.members.iter().filter_map(|member| member.member.id.as_ref()).any(stranger) {
            say("removes the membership of an account that is not ours");
        }
    }
    if change.action == Action::Adopt {
        let held = id.and_then(|id| Some((&system.accounts.get(id)?.attributes, system.accounts[id].active)));
        if let Some((attributes, active)) = held {
            let marker = text(attributes, "externalId").filter(|marker| !marker.starts_with("hc:acme:"));
            if marker.is_some() && setup.manners.marks_accounts {
                say("adopts what carries somebody else's marker");
            }
            let known = text(attributes, "externalId").is_some();
            if !active && !known && !ours {
                say("adopts an inactive account by a mutable key");
            }
        }
    }
    for part in change.attributes.iter().filter(|part| part.attribute.as_ref() == "externalId") {
        let held = id.and_then(|id| text(&system.accounts.get(id)?.attributes, "externalId"));
        if held.is_some_and(|held| !held.starts_with("hc:acme:")) && part.after.as_ref().and_then(Value::as_text).is_some() {
            say("overwrites a foreign external id");
        }
    }
    wrong
}
