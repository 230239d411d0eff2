//! Whoever is revoked is cut off, and nobody else is; lifting it gives back what the rules give, and no more. A state that was lost gives nobody anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use headcount::model::{Action, Change, FindingCode, Memory, ObjectKind};
use headcount::planning::Scope;
use headcount::policy::Policy;
use proptest::prelude::*;
use std::rc::Rc;

use super::lab::{Defaults, Lab, Run};
use super::laws::{atoms, cases, in_every_scene, running};
use super::story::{Lens, Standing, Story, stories};
use super::system::{Account, Member, System, text};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_revocation_cuts_off_whom_it_names_and_nobody_else(mut story in stories(), who in 0usize..7) {
        story.setup.manners.deactivates = true;
        in_every_scene(story, |lab, lens| {
            let Some(key) = key(&lab.story, who) else { return Ok(()) };
            let mut lab = lab.clone();
            let revoked = with_revocation(&lab.story, who)?;
            let plan = lab.plan(&revoked, lens, Scope::All);
            let theirs = |change: &Change| change.object.key == key || change.members.iter().any(|member| member.member.key == key);
            let wrong: Vec<_> = running(&plan).filter(|change| theirs(change) && !change.action.removes() && !only_clears(change)).collect();
            prop_assert!(wrong.is_empty(), "whoever is revoked is given {wrong:#?}\n{}", lab.story.manifests());
            let own = own(&lab, &key);
            lab.apply(&revoked, &plan, &Run { lens, ..Run::CALM }, &mut |_, _, _| {});
            if lens.answers {
                // Where a target has no groups, none are read.
                let groups = lab.story.setup.groups > 0;
                let left: Vec<_> = own.iter().filter(|id| has_something(&lab.system, id, groups)).collect();
                prop_assert!(left.is_empty(), "{key} still has {left:?}\n{:#?}\n{:#?}\n{}", plan.changes, lab.system, lab.story.manifests());
            }
            let again = lab.plan(&revoked, lens, Scope::All);
            let again: Vec<_> = running(&again).filter(|change| theirs(change)).collect();
            prop_assert!(again.is_empty(), "{again:#?}\nthe first: {:#?}\n{:#?}\n{}", plan.changes, lab.system, lab.story.manifests());
            Ok(())
        })?;
    }

    #[test]
    fn a_revocation_that_is_lifted_leaves_everything_as_it_was(mut story in stories(), who in 0usize..7) {
        story.found.clear();
        story.setup.manners.deactivates = true;
        story.setup.ownership %= 4;
        story.setup.groups %= 3;
        let Some(person) = story.people.get_mut(who) else { return Ok(()) };
        person.standing = Standing::Active;
        let mut lab = Lab::new(story);
        super::laws::settle(&mut lab)?;
        let before = lab.system.clone();
        if lab.plan(&lab.policy(), &Lens::CLEAR, Scope::All).findings.iter().any(|finding| finding.code == FindingCode::NameTaken) {
            // One of several who want a name less: who gets it is another law's matter.
            return Ok(());
        }
        let revoked = with_revocation(&lab.story, who)?;
        let plan = lab.plan(&revoked, &Lens::CLEAR, Scope::All);
        lab.apply(&revoked, &plan, &Run::CALM, &mut |_, _, _| {});
        let key = key(&lab.story, who).unwrap_or_default();
        let others: Vec<_> = running(&plan).filter(|change| change.object.key != key && (change.members.is_empty() || change.members.iter().any(|member| member.member.key != key))).collect();
        prop_assert!(others.is_empty(), "others: {others:#?}\n{}", lab.story.manifests());
        super::laws::settle(&mut lab)?;
        prop_assert_eq!(&lab.system, &before, "{:#?}\n{}", plan.changes, lab.story.manifests());
    }

    #[test]
    fn a_lost_state_leads_to_nothing_that_a_kept_one_would_not(mut story in stories()) {
        (story.setup.manners.marks_accounts, story.setup.manners.marks_groups) = (true, true);
        in_every_scene(story, |lab, lens| {
            let there = |id: &str| lab.system.accounts.contains_key(id) || lab.system.groups.contains_key(id);
            let marked = |account: &&Account| text(&account.attributes, "externalId").is_some_and(|mark| mark.starts_with("hc:acme:"));
            let marks = lab.system.accounts.values().filter(|account| account.ours).all(|account| marked(&account));
            let ours = |id: &str| lab.system.accounts.get(id).is_none_or(|account| account.ours);
            let own = lab.memory.deactivations.iter().all(|known| ours(&known.id));
            if !lens.answers || !marks || !own || !lab.memory.links.iter().all(|link| there(&link.id)) {
                // Only a state knows what must be asked for, what is not there any more, and what was ours, or only shut by us, without a mark.
                return Ok(());
            }
            let policy = lab.policy();
            let kept = lab.plan(&policy, lens, Scope::All);
            let mut lost = lab.clone();
            lost.memory = Memory::default();
            let plan = lost.plan(&policy, lens, Scope::All);
            let known = atoms(&kept);
            let wrong: Vec<_> = atoms(&plan).into_iter().filter(|atom| !known.contains(atom)).collect();
            prop_assert!(wrong.is_empty(), "{wrong:#?}\nwith the state: {known:#?}\n{:#?}\n{}", lab.memory, lab.story.manifests());
            Ok(())
        })?;
    }
}

/// A reference to an account that goes is cleared wherever it stands.
fn only_clears(change: &Change) -> bool {
    change.action == Action::Update && change.attributes.iter().all(|part| part.after.is_none())
}

/// The key of somebody whom a source may have.
fn key(story: &Story, who: usize) -> Option<Arc<str>> {
    (who < story.people.len()).then(|| format!("{}/{}", story.source(who), story.key(who)).into())
}

/// The manifests with a revocation of one of them.
fn with_revocation(story: &Story, who: usize) -> Result<Rc<Policy>, TestCaseError> {
    let (source, key) = (story.source(who), story.key(who));
    let text = format!(
        "{}---\napiVersion: headcount.dev/v1alpha1\nkind: Revocation\nmetadata: {{name: out}}\nspec: {{identities: [{{identity: {{source: {source}, \
         key: \"{key}\"}}}}], reason: test}}\n",
        story.manifests()
    );
    super::compile(&text, &Defaults).map_err(|problems| TestCaseError::fail(format!("{problems}\n{text}")))
}

/// Accounts that are somebody's by the marks there and by what is remembered.
fn own(lab: &Lab, key: &str) -> BTreeSet<String> {
    let mark = headcount::model::Marks::of("acme").mark(key);
    let marked = lab.system.accounts.iter().filter(|(_, account)| text(&account.attributes, "externalId").as_deref() == Some(&mark));
    let linked =
        lab.memory.links.iter().filter(|link| link.kind == ObjectKind::Account && link.key.as_ref() == key).map(|link| link.id.to_string());
    let foreign = |id: &String| {
        let held = lab.system.accounts.get(id).and_then(|account| text(&account.attributes, "externalId"));
        lab.system.manners.marks_accounts && held.is_some_and(|held| held != mark)
    };
    marked.map(|(id, _)| id.clone()).chain(linked).filter(|id| !foreign(id)).collect()
}

fn has_something(system: &System, id: &str, groups: bool) -> bool {
    let member = Member::Account(id.to_owned());
    system.accounts.get(id).is_some_and(|account| account.active)
        || groups && system.groups.values().any(|group| group.members.contains(&member))
}
