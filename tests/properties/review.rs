//! What a branch is said to do, with what was pending, is the plan at head, and what runs of a reviewed plan was shown: over random worlds, and random edits of the manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headcount::apply::compare;
use headcount::model::{ObjectKind, ObjectRef, Plan};
use headcount::planning::Scope;
use headcount::policy::Policy;
use headcount::review::{Atom, AtomSlot, Branch, Divergence, Review, ReviewSide, Revision, Unexplained, of_branch, of_plan};
use proptest::prelude::*;

use super::lab::Lab;
use super::laws::{cases, in_every_scene, running};
use super::story::{Lens, stories};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn effect_and_pending_are_the_plan_at_head(story in stories(), other in stories()) {
        in_every_scene(story, |lab, lens| {
            let mut head = lab.clone();
            let (setup, edits) = (&mut head.story.setup, &other.setup);
            (setup.select, setup.mapping, setup.ownership, setup.departure, setup.lifecycles) =
                (edits.select, edits.mapping, edits.ownership, edits.departure, edits.lifecycles);
            head.story.users.clone_from(&other.users);
            head.story.groups.clone_from(&other.groups);
            let policies = [lab.policy(), head.policy()];
            let plans = [lab.plan(&policies[0], lens, Scope::All), head.plan(&policies[1], lens, Scope::All)];
            let [base, head] = [0, 1].map(|at| side(&plans[at], &policies[at]));
            let review = of_branch(base, head, branch(), Vec::new());
            let whole = of_plan(head);
            let known = Ids::of(review.pending.iter().chain(whole.effect.iter().map(|one| &one.atom)));
            prop_assert_eq!(of_both(&review, &known), of_effect(&whole, &known), "{}\n{}", lab.story.manifests(), other.manifests());
            for review in [&review, &whole] {
                let told = |of_effect: bool| review.groups.iter().filter(|group| group.of_effect == of_effect).map(|group| group.atoms).sum::<u64>();
                prop_assert_eq!(told(true), review.effect.len() as u64, "{:#?}", review.groups);
                prop_assert_eq!(told(false), review.pending.len() as u64, "{:#?}", review.groups);
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_runs_of_a_reviewed_plan_was_shown_whatever_happens_meanwhile(story in stories()) {
        let mut lab = Lab::new(story);
        for act in lab.story.acts.clone() {
            let reviewed = lab.plan(&lab.policy(), &act.lens, Scope::All);
            act.events.iter().for_each(|event| lab.happens(event));
            lab.days_pass(act.days);
            let fresh = lab.plan(&lab.policy(), &Lens::CLEAR, Scope::All);
            let compared = compare(&reviewed, &fresh);
            let (shown, runs) = (pieces(&reviewed), pieces(&compared.plan));
            let unseen: Vec<_> = runs.difference(&shown).collect();
            prop_assert!(unseen.is_empty(), "{unseen:#?}\nreviewed: {:#?}\nruns: {:#?}", reviewed.changes, compared.plan.changes);
            // Nothing gets lost: what is needed runs, or is listed as new.
            prop_assert!(compared.new.len() + running(&compared.plan).count() >= running(&fresh).count());
        }
    }

    #[test]
    fn a_branch_that_changes_nothing_has_no_effect(story in stories()) {
        in_every_scene(story, |lab, lens| {
            let policy = lab.policy();
            let plan = lab.plan(&policy, lens, Scope::All);
            let review = of_branch(side(&plan, &policy), side(&plan, &policy), branch(), Vec::new());
            prop_assert!(review.effect.is_empty(), "{:#?}", review.effect);
            Ok(())
        })?;
    }
}

/// What happens to whom, piece by piece. Who is cut off by a revocation waits for no review.
fn pieces(plan: &Plan) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for change in running(plan).filter(|change| !change.mandate.is_revocation()) {
        let about = format!("{} {:?} {}", change.target, change.object.kind, change.object.key);
        if change.attributes.is_empty() && change.members.is_empty() {
            found.insert(format!("{about} {:?} {:?}", change.action, change.entitlement));
        }
        found.extend(change.attributes.iter().map(|part| format!("{about} {} = {:?}", part.attribute, part.after)));
        found.extend(change.members.iter().map(|member| format!("{about} {:?} {}", change.action, member.member.key)));
    }
    found
}

fn side<'a>(plan: &'a Plan, policy: &'a Policy) -> ReviewSide<'a> {
    ReviewSide { plan, explain: &Unexplained, policy, held: &[] }
}

fn branch() -> Branch {
    let revision = |name: &str| Revision { commit: None, name: name.into(), manifests_digest: String::new() };
    Branch {
        base: revision("base"),
        head: revision("head"),
        offline: false,
        is_new: false,
        not_used: Vec::new(),
        difference_digest: "differs".into(),
    }
}

/// The atoms of an effect, sorted.
fn of_effect(review: &Review, known: &Ids) -> Vec<String> {
    let mut atoms: Vec<String> = review.effect.iter().map(|one| known.print(&one.atom)).collect();
    atoms.sort();
    atoms
}

/// What was pending, less what is cancelled and altered, with what is added and what it is altered to, sorted.
fn of_both(review: &Review, known: &Ids) -> Vec<String> {
    let mut atoms: Vec<String> = review.pending.iter().map(|atom| known.print(atom)).collect();
    for one in &review.effect {
        let gone = if one.how == Divergence::Cancels { Some(&one.atom) } else { one.instead.as_ref() };
        if let Some(at) = gone.and_then(|gone| atoms.iter().position(|print| *print == known.print(gone))) {
            atoms.swap_remove(at);
        }
        if one.how != Divergence::Cancels {
            atoms.push(known.print(&one.atom));
        }
    }
    atoms.sort();
    atoms
}

/// The target's ids of objects that either plan knows by one, by our keys.
struct Ids(BTreeMap<(ObjectKind, Arc<str>), Arc<str>>);

impl Ids {
    fn of<'a>(atoms: impl Iterator<Item = &'a Atom>) -> Self {
        let objects = atoms.flat_map(|atom| {
            let member = match &atom.slot {
                AtomSlot::Member { member, .. } | AtomSlot::Loser { member, .. } => Some(member),
                _ => None,
            };
            member.into_iter().chain([&atom.object])
        });
        Self(objects.filter_map(|object| Some(((object.kind, object.key.clone()), object.id.clone()?))).collect())
    }

    /// Which thing of which object: what people call it, and in which words a step is explained, is no part of it.
    fn print(&self, atom: &Atom) -> String {
        let known = |object: &ObjectRef| {
            let id = object.id.as_ref().or_else(|| self.0.get(&(object.kind, object.key.clone())));
            id.unwrap_or(&object.key).clone()
        };
        let slot = match &atom.slot {
            AtomSlot::Member { added, member, people } => format!("member {added} {} {people}", known(member)),
            AtomSlot::Loser { member, people } => format!("loser {} {people}", known(member)),
            other => format!("{other:?}"),
        };
        format!("{} {} {slot} {}", atom.target, known(&atom.object), atom.withheld)
    }
}
