//! Approval: used once, by enough people, not by the author alone, for what was shown and what is still needed of it.

use super::*;
use crate::model::Decided;
use crate::state::{Fact, Shelf};

/// What the state keeps from turn to turn.
#[derive(Default)]
struct Kept {
    waiting: Vec<WaitingPlan>,
    approvals: Vec<Approval>,
    authors: Vec<String>,
}

impl Kept {
    fn commit(&mut self, facts: Vec<Fact>) {
        for fact in facts {
            match fact {
                Fact::Shelved(thing) if thing.shelf == Shelf::Plans => {
                    let plan: WaitingPlan = serde_json::from_str(&thing.body).expect("a plan");
                    assert_eq!(plan.hash, thing.name);
                    self.waiting.retain(|known| known.hash != plan.hash);
                    self.waiting.push(plan);
                }
                Fact::Unshelved { shelf: Shelf::Plans, name } => self.waiting.retain(|plan| plan.hash != name),
                Fact::Shelved(thing) => {
                    self.forget(&thing.name);
                    self.approvals.push(serde_json::from_str(&thing.body).expect("an approval"));
                }
                Fact::Unshelved { name, .. } => self.forget(&name),
                other => panic!("{other:?}"),
            }
        }
    }

    fn forget(&mut self, name: &str) {
        self.approvals.retain(|approval| {
            let own = approval
                .document
                .as_ref()
                .map_or_else(|| format!("{}/{}", approval.plan, approval.approver), |it| format!("document/{it}"));
            own != name
        });
    }

    /// A turn: what waits is kept, and a run begins where something may run.
    fn turn(&mut self, policy: &Policy, changes: &[Change], now: &str) -> Opened {
        let Self { waiting, approvals, authors } = self;
        let gates = Gates { waiting, approvals, authors, ..Gates::of(policy) };
        let opened = open(&plan(changes.to_vec()), &gates, at(now));
        self.commit(opened.keep.clone());
        if opened.run.applyable() {
            self.commit(opened.begin.clone());
        }
        opened
    }

    fn says(&mut self, decision: Decided, plan: &Arc<str>, who: &str, when: &str) {
        let approval = Approval {
            plan: plan.clone(),
            decision,
            approver: who.to_owned(),
            reason: None,
            at: at(when),
            expires: None,
            targets: Vec::new(),
            document: None,
            used: None,
        };
        self.commit(vec![approve(&approval)]);
    }

    fn approves(&mut self, plan: &Arc<str>, who: &str, when: &str) {
        self.says(Decided::Approve, plan, who, when);
    }
}

const RULE: &str = "  approval: {for: [deactivate, privileged]}";

fn leavers(keys: &[&str]) -> Vec<Change> {
    keys.iter().map(|key| account(Action::Deactivate, key)).collect()
}

fn hash(opened: &Opened) -> Arc<str> {
    opened.waiting[0].plan.hash.clone()
}

fn words(opened: &Opened) -> Vec<&str> {
    opened.held.iter().map(|part| part.words.as_ref()).collect()
}

#[test]
fn an_approval_is_used_once() {
    let (policy, mut kept) = (policy(RULE), Kept::default());
    let plan = hash(&kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T08:00:00Z"));
    kept.approves(&plan, "mara@acme.example", "2026-11-22T09:00:00Z");
    assert_eq!(keys(&kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T10:00:00Z").run.changes), ["hr/1"]);
    assert!(kept.waiting.is_empty() && kept.approvals.is_empty());
    let again = kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T11:00:00Z");
    assert_eq!((again.run.changes.len(), words(&again)), (0, vec!["it waits for an approval"]));
    assert_eq!(hash(&again), plan, "it is the same plan, and what was said of it is used up");
}

#[test]
fn an_approval_that_nothing_runs_by_is_kept() {
    let (policy, mut kept) = (policy(RULE), Kept::default());
    let plan = hash(&kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T08:00:00Z"));
    kept.approves(&plan, "mara", "2026-11-22T09:00:00Z");
    let gates = Gates { waiting: &kept.waiting, approvals: &kept.approvals, rests: rests(GateKind::Breaker), ..Gates::of(&policy) };
    let both = [leavers(&["hr/1"]), vec![Change { target: "mail".into(), ..title("hr/2", "Chief") }]].concat();
    let opened = open(&super::plan(both), &gates, noon());
    assert_eq!((keys(&opened.run.changes), opened.begin.len(), opened.keep.len()), (vec!["hr/2"], 0, 0));
    assert_eq!(opened.held[0].by, GateKind::Breaker);
}

#[test]
fn news_elsewhere_and_another_revision_void_nothing_and_more_waits_under_another_hash() {
    let (policy, mut kept) = (policy(RULE), Kept::default());
    let first = kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T08:00:00Z");
    let news = [leavers(&["hr/1"]), vec![title("hr/7", "Chief")]].concat();
    kept.authors = vec!["somebody else".into()];
    let second = kept.turn(&policy, &news, "2026-11-22T08:05:00Z");
    assert_eq!((hash(&first), second.waiting[0].plan.since), (hash(&second), at("2026-11-22T08:00:00Z")));
    assert!(second.waiting[0].plan.authors.is_empty(), "whoever wrote the revision for which it first waited");
    kept.approves(&hash(&first), "mara", "2026-11-22T09:00:00Z");
    let grown = kept.turn(&policy, &leavers(&["hr/1", "hr/2"]), "2026-11-22T10:00:00Z");
    assert_eq!(keys(&grown.run.changes), ["hr/1"]);
    assert_eq!(told(&grown), ["chat Approval it waits for an approval: hr/2"]);
    assert_ne!(hash(&grown), hash(&first));
}

#[test]
fn drift_that_shrinks_a_plan_does_not_void_its_approval() {
    let (policy, mut kept) = (policy(RULE), Kept::default());
    let plan = hash(&kept.turn(&policy, &leavers(&["hr/1", "hr/2"]), "2026-11-22T08:00:00Z"));
    kept.approves(&plan, "mara", "2026-11-22T09:00:00Z");
    assert_eq!(keys(&kept.turn(&policy, &leavers(&["hr/2"]), "2026-11-22T10:00:00Z").run.changes), ["hr/2"]);
    assert!(kept.approvals.is_empty());
}

#[test]
fn another_right_is_another_change() {
    let (policy, mut kept) = (policy(RULE), Kept::default());
    let leaver = Change { mandate: Mandate::Leaver, ..account(Action::Deactivate, "hr/1") };
    let plan = hash(&kept.turn(&policy, std::slice::from_ref(&leaver), "2026-11-22T08:00:00Z"));
    kept.approves(&plan, "mara", "2026-11-22T09:00:00Z");
    let deselected = Change { mandate: Mandate::Deselection, ..leaver };
    assert!(kept.turn(&policy, &[deselected], "2026-11-22T10:00:00Z").run.changes.is_empty());
}

#[test]
fn an_approval_ends_by_itself() {
    let (policy, mut kept) = (policy("  approval: {for: [deactivate], expires: 8h}"), Kept::default());
    let plan = hash(&kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T08:00:00Z"));
    kept.approves(&plan, "mara", "2026-11-22T09:00:00Z");
    let late = kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T17:00:00Z");
    assert_eq!((late.run.changes.len(), words(&late)), (0, vec!["it waits for an approval"]));
    kept.approvals[0].at = at("2026-11-22T16:00:00Z");
    kept.approvals[0].expires = Some(at("2026-11-22T16:30:00Z"));
    assert!(kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T16:30:00Z").run.changes.is_empty(), "its own end comes first");
    assert_eq!(kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T16:29:59Z").run.changes.len(), 1);
}

#[test]
fn who_wrote_it_may_not_be_the_only_one() {
    for (author, alone) in [
        ("mara@acme.example", true),
        ("Mara Nowak <mara@acme.example>", true),
        ("MARA@Acme.example ", true),
        ("mara@laptop", true),
        ("7+mara@users.noreply.example", true),
        ("tom@acme.example", false),
    ] {
        let (policy, mut kept) = (policy(RULE), Kept { authors: vec![author.into()], ..Kept::default() });
        let plan = hash(&kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T08:00:00Z"));
        kept.approves(&plan, "mara@acme.example", "2026-11-22T09:00:00Z");
        // Whoever wrote what came later has nothing to do with it.
        kept.authors = vec!["tom@acme.example".into()];
        let opened = kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T10:00:00Z");
        assert_eq!(opened.run.changes.is_empty(), alone, "{author}");
        if alone {
            assert_eq!(words(&opened), ["whoever wrote it approved it, and somebody else has to"]);
            kept.approves(&plan, "tom@acme.example", "2026-11-22T10:30:00Z");
            assert_eq!(kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T11:00:00Z").run.changes.len(), 1);
        }
    }
    // Of two who wrote it each has looked at the other's part.
    let (policy, mut kept) = (super::policy(RULE), Kept { authors: vec!["mara".into(), "tom".into()], ..Kept::default() });
    let plan = hash(&kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T08:00:00Z"));
    kept.approves(&plan, "mara", "2026-11-22T09:00:00Z");
    assert!(kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T09:30:00Z").run.changes.is_empty());
    kept.approves(&plan, "tom", "2026-11-22T09:40:00Z");
    assert_eq!(kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T10:00:00Z").run.changes.len(), 1);
    let (policy, mut kept) =
        (super::policy("  approval: {for: [deactivate], notAuthor: false}"), Kept { authors: vec!["mara".into()], ..Kept::default() });
    let plan = hash(&kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T08:00:00Z"));
    kept.approves(&plan, "mara", "2026-11-22T09:00:00Z");
    assert_eq!(kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T10:00:00Z").run.changes.len(), 1);
}

#[test]
fn who_wrote_a_part_of_it_wrote_it_whoever_wrote_what_came_since() {
    let (policy, mut kept) = (policy(RULE), Kept { authors: vec!["mallory".into()], ..Kept::default() });
    kept.turn(&policy, &leavers(&["hr/7"]), "2026-11-22T08:00:00Z");
    kept.authors = vec!["bob".into()];
    let grown = kept.turn(&policy, &leavers(&["hr/7", "hr/8"]), "2026-11-22T09:00:00Z");
    assert_eq!(grown.waiting[0].plan.authors, ["bob", "mallory"]);
    kept.approves(&hash(&grown), "mallory", "2026-11-22T09:30:00Z");
    let opened = kept.turn(&policy, &leavers(&["hr/7", "hr/8"]), "2026-11-22T10:00:00Z");
    assert_eq!((opened.run.changes.len(), words(&opened)), (0, vec!["whoever wrote it approved it, and somebody else has to"]));
    // Of what has nothing in common with it they wrote nothing.
    assert_eq!(kept.turn(&policy, &leavers(&["hr/9"]), "2026-11-22T11:00:00Z").waiting[0].plan.authors, ["bob"]);
}

#[test]
fn two_people_are_two_people() {
    let (policy, mut kept) = (policy("  approval: {for: [deactivate], count: 2}"), Kept::default());
    let first = kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T08:00:00Z");
    assert_eq!(words(&first), ["it waits for 2 approvals"]);
    for who in ["mara@acme.example", "mara@laptop", "Mara <m.nowak@acme.example>"] {
        kept.approves(&hash(&first), who, "2026-11-22T09:00:00Z");
        let opened = kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T10:00:00Z");
        assert_eq!((opened.run.changes.len(), words(&opened)), (0, vec!["1 of 2 approved it"]), "{who}");
    }
    kept.approves(&hash(&first), "tom@acme.example", "2026-11-22T11:00:00Z");
    assert_eq!(kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T12:00:00Z").run.changes.len(), 1);
}

#[test]
fn a_rejection_holds_until_whoever_said_it_says_otherwise() {
    let (policy, mut kept) = (policy(RULE), Kept::default());
    let plan = hash(&kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T08:00:00Z"));
    kept.says(Decided::Reject, &plan, "tom", "2026-11-22T09:00:00Z");
    kept.approves(&plan, "mara", "2026-11-23T09:00:00Z");
    let opened = kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-23T10:00:00Z");
    assert_eq!((opened.run.changes.len(), words(&opened)), (0, vec!["it was rejected"]));
    assert_eq!(waits(&opened.waiting[0]).next, "headcount plan --target chat");
    kept.approves(&plan, "tom", "2026-11-23T11:00:00Z");
    assert_eq!(kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-23T12:00:00Z").run.changes.len(), 1);
}

#[test]
fn what_can_do_more_than_others_is_given_by_an_approval_alone() {
    let (policy, mut kept) = (policy("  approval: {for: [privileged]}"), Kept::default());
    let admins = Change { risks: vec![Risk::Privilege], ..members(Action::AddMembers, "group/admins", &["hr/1"]) };
    let changes = [admins, members(Action::AddMembers, "group/all", &["hr/1"]), account(Action::Deactivate, "hr/2")];
    let opened = kept.turn(&policy, &changes, "2026-11-22T08:00:00Z");
    assert_eq!(keys(&opened.run.changes), ["group/all", "hr/2"]);
    let need = waits(&opened.waiting[0]);
    let short: String = hash(&opened).chars().take(8).collect();
    assert_eq!((need.about.as_str(), need.words), ("chat", format!("plan {short}, 1 change: it waits for an approval")));
    assert_eq!(need.next, format!("headcount approve {short}"));
    // Somebody who came up since was not shown.
    kept.approves(&hash(&opened), "mara", "2026-11-22T09:00:00Z");
    let both = [Change { risks: vec![Risk::Privilege], ..members(Action::AddMembers, "group/admins", &["hr/1", "hr/9"]) }];
    let opened = kept.turn(&policy, &both, "2026-11-22T10:00:00Z");
    let member = |change: &Change| change.members.iter().map(|member| member.member.key.to_string()).collect::<Vec<_>>();
    assert_eq!((member(&opened.run.changes[0]), member(&opened.held[0].changes[0])), (vec!["hr/1".to_owned()], vec!["hr/9".to_owned()]));
}

#[test]
fn a_plan_that_was_reviewed_by_whoever_runs_it_needs_no_other_word() {
    let policy = policy("  approval: {for: [everything]}\n  suspend: {reason: a move, until: \"2026-11-22\"}");
    let gates = Gates { reviewed: true, ..Gates::of(&policy) };
    let reviewed = plan(leavers(&["hr/1"]));
    assert_eq!(open(&reviewed, &gates, at("2026-11-23T12:00:00Z")).run.changes.len(), 1);
    assert!(open(&reviewed, &gates, noon()).run.changes.is_empty(), "no other gate is passed by it");
}

#[test]
fn a_document_counts_once_though_it_stays() {
    let mut kept = Kept::default();
    let plan = hash(&kept.turn(&policy(RULE), &leavers(&["hr/1"]), "2026-11-22T08:00:00Z"));
    let document = |targets: &str, decision: &str| {
        format!(
            "kind: PlanApproval\nmetadata: {{name: one}}\nspec: {{plan: {plan}, decision: {decision}, approver: mara, reason: HR-2291, targets: [{targets}]}}\n"
        )
    };
    let elsewhere = with_documents(RULE, &[&document("mail", "Approve")]);
    let approved = with_documents(RULE, &[&document("chat", "Approve")]);
    let said = |kept: &mut Kept, policy: &Policy, now: &str| {
        let facts = documents(policy, &kept.approvals, at(now));
        kept.commit(facts);
        kept.turn(policy, &leavers(&["hr/1"]), now).run.changes.len()
    };
    assert_eq!(said(&mut kept, &elsewhere, "2026-11-22T09:00:00Z"), 0, "it is about another Target");
    assert_eq!(said(&mut kept, &approved, "2026-11-22T10:00:00Z"), 1);
    assert_eq!(said(&mut kept, &approved, "2026-11-22T11:00:00Z"), 0, "it was used");
    assert_eq!(said(&mut kept, &with_documents(RULE, &[&document("chat", "Reject")]), "2026-11-22T12:00:00Z"), 0);
    assert_eq!(kept.approvals.len(), 1);
    assert_eq!(said(&mut kept, &policy(RULE), "2026-11-22T13:00:00Z"), 0);
    assert!(kept.approvals.is_empty(), "what is taken out of the repository says nothing any more");
}

#[test]
fn plans_that_neither_wait_nor_can_be_approved_are_not_kept() {
    let (policy, mut kept) = (policy("  approval: {for: [deactivate], expires: 8h}"), Kept::default());
    let plan = hash(&kept.turn(&policy, &leavers(&["hr/1"]), "2026-11-22T08:00:00Z"));
    kept.turn(&policy, &leavers(&["hr/1", "hr/2"]), "2026-11-22T09:00:00Z");
    assert_eq!(kept.waiting.len(), 2, "somebody may be reading the first one");
    kept.approves(&plan, "mara", "2026-11-22T15:00:00Z");
    kept.turn(&policy, &[], "2026-11-22T18:00:00Z");
    assert_eq!(kept.waiting.iter().map(|plan| plan.hash.clone()).collect::<Vec<_>>(), [plan], "what is approved may be needed again");
    kept.turn(&policy, &[], "2026-11-23T08:00:00Z");
    assert!(kept.waiting.is_empty());
    kept.commit(expired(&kept.waiting, &kept.approvals, at("2026-11-23T14:59:59Z")));
    assert_eq!(kept.approvals.len(), 1);
    kept.commit(expired(&kept.waiting, &kept.approvals, at("2026-11-23T15:00:00Z")));
    assert!(kept.approvals.is_empty());
}
