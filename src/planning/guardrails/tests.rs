//! What guardrails let pass, withhold and say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::civil::date;
use jiff::tz::TimeZone;

use super::figures::allowance;
use super::*;
use crate::diagnostic::Place;
use crate::manifest::kinds::Ownership;
use crate::model::{
    Action, AttributeChange, ChangeId, FORMAT_VERSION, MemberChange, ObjectRef, Reason, Risk, Severity, WindowEntry, Withheld,
};
use crate::policy::{DeprovisionPolicy, GuardrailPolicy, Lets, OverridePolicy, ProtectionPolicy};

mod given;

/// A target, what is known of it, and a plan for it; each test changes what it is about.
struct Case {
    policy: Policy,
    populations: Populations,
    memory: Memory,
    plan: Plan,
}

fn place(line: u32) -> Place {
    Place { file: "chat.yaml".into(), line, column: 5 }
}

fn case() -> Case {
    let stay = DeprovisionPolicy::DEACTIVATE;
    let target = TargetPolicy {
        connector: "test".into(),
        allow_empty: false,
        needs: Vec::new(),
        name: "chat".into(),
        select: None,
        pre_hire: None,
        lifecycles: vec![],
        groups: None,
        correlate: vec![],
        sign_in: vec!["userName".into()],
        ownership: Ownership::Owned,
        rules: vec![],
        leaver: stay.clone(),
        absent: stay.clone(),
        deselected: stay.clone(),
        suspended: stay.clone(),
        reuse_after: SignedDuration::ZERO,
        guardrails: GuardrailPolicy { limits: BTreeMap::new(), window: SignedDuration::from_hours(24), overrides: vec![] },
        protect: ProtectionPolicy::default(),
        privileged: Default::default(),
        gates: Default::default(),
        schedule: Default::default(),
        system: Default::default(),
        place: place(1),
        connection: place(1),
    };
    let policy = Policy {
        workspace: "acme".into(),
        time_zone: TimeZone::UTC,
        sources: vec![],
        targets: vec![target],
        users: vec![],
        groups: vec![],
        entitlements: vec![],
        revocations: vec![],
        approvals: vec![],
        sensitive: Default::default(),
        declared: Default::default(),
        nesting: Default::default(),
        tables: Default::default(),
    };
    let population = Population { accounts: 100, ours: 100, groups: 10, members: 80, entitled: 40, held: 100, ..Population::default() };
    let plan = Plan {
        format_version: FORMAT_VERSION,
        workspace: "acme".into(),
        as_of: date(2026, 11, 22),
        filter: Default::default(),
        changes: vec![],
        findings: vec![],
        evidence: vec![],
        limits: Vec::new(),
        upcoming: Default::default(),
    };
    Case { policy, populations: Populations { targets: vec![population] }, memory: Memory { known: true, ..Memory::default() }, plan }
}

fn moment() -> Moment {
    Moment { today: date(2026, 11, 22), now: "2026-11-22T12:00:00Z".parse().unwrap() }
}

impl Case {
    fn limit(mut self, guardrail: Guardrail, count: u64, percent: f64, max: Option<u64>) -> Self {
        self.policy.targets[0]
            .guardrails
            .limits
            .insert(guardrail, LimitPolicy { count, percent: Some(percent), max, place: Some(place(12)) });
        self
    }

    fn before(mut self, guardrail: Guardrail, weight: u64, at: &str) -> Self {
        self.memory.windows.push(WindowEntry { target: "chat".into(), guardrail, weight, at: at.parse().unwrap() });
        self
    }

    fn accounts(mut self, action: Action, mandate: Mandate, keys: impl IntoIterator<Item = u32>) -> Self {
        self.plan.changes.extend(keys.into_iter().map(|key| change(action, ObjectKind::Account, &format!("hr/{key}"), mandate)));
        self
    }

    fn removal(mut self, group: &str, members: &[(&str, u32)], mandate: Mandate) -> Self {
        self.plan.changes.push(Change {
            members: members.iter().map(|&(key, people)| member(key, people)).collect(),
            ..change(Action::RemoveMembers, ObjectKind::Group, group, mandate)
        });
        self
    }

    fn overridden(mut self, guardrail: Guardrail, changes: &str, expires: jiff::civil::Date) -> Self {
        let given =
            OverridePolicy { guardrail, lets: Lets::Exactly(changes.into()), reason: "the merger".into(), expires, place: place(20) };
        self.policy.targets[0].guardrails.overrides.push(given);
        self
    }

    fn checked(mut self) -> Plan {
        check(&self.policy, &self.populations, &self.memory, moment(), &mut self.plan);
        self.plan
    }
}

fn change(action: Action, kind: ObjectKind, key: &str, mandate: Mandate) -> Change {
    let object = ObjectRef { kind, key: key.into(), id: Some(format!("id-{key}").into()), name: key.into() };
    Change { mandate, ..Change::new(&"chat".into(), action, object, Reason::Mover) }
}

fn member(key: &str, people: u32) -> MemberChange {
    let kind = if key.starts_with("group/") { ObjectKind::Group } else { ObjectKind::Account };
    MemberChange { member: ObjectRef { kind, key: key.into(), id: Some(format!("id-{key}").into()), name: key.into() }, people }
}

/// The keys of what does not run.
fn held(plan: &Plan) -> Vec<&str> {
    plan.changes.iter().filter(|change| !change.runs()).map(|change| change.object.key.as_ref()).collect()
}

fn told(plan: &Plan) -> String {
    let lines = plan.findings.iter().map(|finding| {
        let place = finding.place.as_ref().map_or_else(String::new, ToString::to_string);
        format!("{:?} {:?} {place}\n{}\n{}", finding.severity, finding.code, finding.message, finding.hint.as_deref().unwrap_or("-"))
    });
    lines.collect::<Vec<_>>().join("\n\n")
}

fn hash_in(plan: &Plan) -> String {
    let hint = plan.findings[0].hint.as_deref().unwrap();
    hint.lines().find_map(|line| line.trim().strip_prefix("changes: ")).unwrap().to_string()
}

#[test]
fn a_breach_says_the_figures_the_place_and_the_override() {
    let plan = case().limit(Guardrail::Deactivate, 2, 3.0, None).accounts(Action::Deactivate, Mandate::Absence, 1..=4).checked();
    assert_eq!(held(&plan), ["hr/1", "hr/2", "hr/3", "hr/4"]);
    assert!(plan.changes.iter().all(|change| change.withheld == Some(Withheld { finding: 0 })));
    insta::assert_snapshot!(told(&plan), @r###"
    Refused GuardrailExceeded chat.yaml:12:5
    chat: deactivations: 4 planned and 0 done in the last 24h, but the limit at chat.yaml:12:5 allows 3 (count 2, 3 % of 100 active accounts); none of them goes
    if this is right, add to Target chat:
    spec:
      guardrails:
        overrides:
        - guardrail: deactivate
          changes: 57f2af837c856a9e1bc43908dce1da72
          reason: "…"
          expires: 2026-11-29
    or, for whatever comes until then, `atMost: 4` in the place of `changes`, if you are sure of the source
    "###);
}

#[test]
fn what_the_limit_allows_goes() {
    let plan = case().limit(Guardrail::Deactivate, 2, 3.0, None).accounts(Action::Deactivate, Mandate::Absence, 1..=3).checked();
    assert_eq!((held(&plan).len(), plan.findings.len()), (0, 0));
}

#[test]
fn allowed_is_the_larger_of_count_and_share_and_never_more_than_max() {
    let allowed = |count, percent, max, population| allowance(&LimitPolicy { count, percent, max, place: None }, population, 1);
    assert_eq!(allowed(5, Some(2.0), None, 40), 5, "2 % of a tiny population is nothing: the count holds");
    assert_eq!(allowed(5, Some(2.0), None, 1000), 20);
    assert_eq!(allowed(5, Some(2.0), Some(12), 1000), 12);
    assert_eq!(allowed(5, Some(2.0), Some(3), 100), 3);
    assert_eq!(allowed(0, Some(10.0), None, 19), 1, "a part of an account is none");
    assert_eq!(allowed(0, Some(7.0), None, 100), 7);
    assert_eq!(allowed(0, Some(0.0), None, 100), 0);
}

#[test]
fn a_floor_is_never_more_than_a_third_of_the_population_and_one_is_no_mass() {
    let allowed = |count, percent, population| allowance(&LimitPolicy { count, percent, max: None, place: None }, population, 1);
    let floors: Vec<u64> = [0, 1, 2, 3, 5, 6, 10, 29, 30, 31].map(|population| allowed(10, Some(10.0), population)).into();
    assert_eq!(floors, [1, 1, 1, 1, 1, 2, 3, 9, 10, 10]);
    assert_eq!(allowed(10, Some(50.0), 10), 5, "who writes half means half");
    assert_eq!(allowed(10, None, 10), 10, "a count alone is a number that somebody chose");
    assert_eq!(allowed(0, Some(10.0), 3), 0);
    assert_eq!(allowance(&LimitPolicy { count: 10, percent: Some(10.0), max: None, place: None }, 2, 3), 3, "new people");
}

#[test]
fn the_window_is_shared_by_all_runs_and_rolls() {
    let base = || case().limit(Guardrail::Deactivate, 3, 0.0, None).accounts(Action::Deactivate, Mandate::Absence, 1..=2);
    assert_eq!(held(&base().before(Guardrail::Deactivate, 2, "2026-11-21T14:00:01Z").checked()).len(), 2);
    assert_eq!(
        held(&base().before(Guardrail::Deactivate, 2, "2026-11-21T14:00:00Z").checked()).len(),
        0,
        "the day of a nightly job is over"
    );
    assert_eq!(held(&base().before(Guardrail::Delete, 2, "2026-11-22T11:00:00Z").checked()).len(), 0, "another action");
    assert_eq!(held(&base().before(Guardrail::Deactivate, 1, "2026-11-22T11:00:00Z").checked()).len(), 0);
    let mut elsewhere = base().before(Guardrail::Deactivate, 2, "2026-11-22T11:00:00Z");
    elsewhere.memory.windows[0].target = "mail".into();
    assert_eq!(held(&elsewhere.checked()).len(), 0, "another target");
}

#[test]
fn what_the_window_removed_still_belongs_to_the_population() {
    // 95 are left of 100; 5 % of 100 are 5, all used up; of 95 it would be 4 and the same work in two runs would be refused earlier than in one.
    let mut case = case().limit(Guardrail::Deactivate, 0, 6.0, None).before(Guardrail::Deactivate, 5, "2026-11-22T11:00:00Z");
    case.populations.targets[0].accounts = 95;
    assert_eq!(held(&case.accounts(Action::Deactivate, Mandate::Absence, 1..=1).checked()).len(), 0);
}

#[test]
fn creations_do_not_make_the_population_larger() {
    let case = case().limit(Guardrail::Create, 0, 10.0, None).before(Guardrail::Create, 9, "2026-11-22T11:00:00Z");
    let plan = case.accounts(Action::Create, Mandate::Normal, 1..=2).checked();
    insta::assert_snapshot!(plan.findings[0].message, @"chat: account creations: 2 planned and 9 done in the last 24h, but the limit at chat.yaml:12:5 allows 10 (count 0, 10 % of 100 active accounts); none of them goes");
}

#[test]
fn updates_count_whatever_changes_an_account_that_exists() {
    let base = || case().limit(Guardrail::Update, 2, 0.0, None).accounts(Action::Update, Mandate::Normal, [1]);
    let all = |case: Case| case.accounts(Action::Adopt, Mandate::Normal, [2]).accounts(Action::Reactivate, Mandate::Normal, [3]);
    assert_eq!(held(&all(base()).checked()), ["hr/1", "hr/2", "hr/3"]);
    let before = base().before(Guardrail::Update, 2, "2026-11-22T11:00:00Z");
    assert_eq!(held(&before.checked()), ["hr/1"]);
}

#[test]
fn leavers_go_in_spite_of_a_breach_within_their_own_limit() {
    let base = || {
        case().limit(Guardrail::Deactivate, 2, 0.0, None).limit(Guardrail::Leavers, 2, 0.0, None).accounts(
            Action::Deactivate,
            Mandate::Absence,
            1..=2,
        )
    };
    let plan = base().accounts(Action::Deactivate, Mandate::Leaver, 3..=4).checked();
    assert_eq!(held(&plan), ["hr/1", "hr/2"]);
    insta::assert_snapshot!(plan.findings[0].message, @"chat: deactivations: 4 planned and 0 done in the last 24h, but the limit at chat.yaml:12:5 allows 2 (count 2, 0 % of 100 active accounts); only leavers whom a source reports go");

    let plan = base().accounts(Action::Deactivate, Mandate::Leaver, 3..=5).checked();
    assert_eq!(held(&plan), ["hr/1", "hr/2", "hr/5"], "of too many leavers the first by key go");
}

#[test]
fn leavers_alone_breach_nothing_but_their_own_limit() {
    let base = || case().limit(Guardrail::Deactivate, 1, 0.0, None).limit(Guardrail::Leavers, 3, 0.0, None);
    let plan = base().accounts(Action::Deactivate, Mandate::Leaver, 1..=3).checked();
    assert_eq!((held(&plan).len(), plan.findings.len()), (0, 0));
    let plan = base().before(Guardrail::Leavers, 1, "2026-11-22T11:00:00Z").accounts(Action::Delete, Mandate::Leaver, 1..=3).checked();
    assert_eq!(held(&plan), ["hr/3"], "those of the window count");
    let plan = base().before(Guardrail::Deactivate, 1, "2026-11-22T11:00:00Z").accounts(Action::Delete, Mandate::Leaver, 1..=3).checked();
    assert_eq!(held(&plan).len(), 0, "others of the window don't");
}

#[test]
fn a_leaver_counts_once_with_all_memberships() {
    let base = || case().limit(Guardrail::Leavers, 1, 0.0, None).limit(Guardrail::RemoveMembers, 0, 0.0, None);
    let plan = base().accounts(Action::Deactivate, Mandate::Leaver, [1]).removal("group/a", &[("hr/1", 1)], Mandate::Leaver).checked();
    assert_eq!(held(&plan).len(), 0);
    let plan = base().removal("group/a", &[("hr/1", 1), ("hr/2", 1)], Mandate::Leaver).checked();
    assert_eq!(held(&plan), ["group/a"], "two people, though no account goes");
}

#[test]
fn removed_memberships_count_in_people() {
    let base = || case().limit(Guardrail::RemoveMembers, 20, 10.0, None);
    let plan = base().removal("group/all", &[("group/sre", 400)], Mandate::Normal).checked();
    assert_eq!(held(&plan), ["group/all"]);
    insta::assert_snapshot!(plan.findings[0].message, @"chat: people who lose a membership: 400 planned and 0 done in the last 24h, but the limit at chat.yaml:12:5 allows 20 (count 20, 10 % of 80 people with memberships); none of them goes");
    assert_eq!(held(&base().removal("group/all", &[("group/sre", 20)], Mandate::Normal).checked()).len(), 0);
}

#[test]
fn whoever_keeps_an_access_keeps_what_would_have_gone_with_it() {
    let mut case = case().limit(Guardrail::Deactivate, 0, 1.0, None).accounts(Action::Deactivate, Mandate::Absence, [1, 2]);
    case = case.removal("group/all", &[("hr/1", 1), ("hr/2", 1), ("hr/3", 1)], Mandate::Normal).removal(
        "group/sre",
        &[("hr/1", 1)],
        Mandate::Normal,
    );
    case.plan.changes.push(change(Action::RemoveEntitlement, ObjectKind::Account, "hr/2", Mandate::Normal));
    let plan = case.checked();
    assert_eq!(held(&plan), ["hr/1", "hr/2", "group/sre", "hr/2", "group/all"]);
    assert_eq!((plan.changes[2].runs(), &plan.changes[2].members), (true, &vec![member("hr/3", 1)]));
    assert_eq!(plan.changes[5].members, [member("hr/1", 1), member("hr/2", 1)]);
}

#[test]
fn deleted_groups_have_a_limit_of_their_own() {
    let mut case = case().limit(Guardrail::DeleteGroups, 0, 10.0, None).limit(Guardrail::Delete, 0, 0.0, None);
    case.plan.changes.extend(["group/a", "group/b"].map(|key| change(Action::Delete, ObjectKind::Group, key, Mandate::Pruning)));
    let plan = case.checked();
    assert_eq!(held(&plan), ["group/a", "group/b"]);
    insta::assert_snapshot!(plan.findings[0].message, @"chat: group deletions: 2 planned and 0 done in the last 24h, but the limit at chat.yaml:12:5 allows 1 (count 0, 10 % of 10 groups); nobody is in them; none of them goes");
}

#[test]
fn what_needs_a_withheld_change_waits_with_it() {
    let mut case = case().limit(Guardrail::Create, 0, 0.0, None).accounts(Action::Create, Mandate::Normal, [1]);
    case.plan
        .changes
        .push(Change { needs: vec![ChangeId(0)], ..change(Action::AddMembers, ObjectKind::Group, "group/a", Mandate::Normal) });
    case.plan.changes.push(Change { needs: vec![ChangeId(1)], ..change(Action::Update, ObjectKind::Account, "hr/9", Mandate::Normal) });
    case.plan.changes.push(change(Action::Update, ObjectKind::Account, "hr/8", Mandate::Normal));
    assert_eq!(held(&case.checked()), ["hr/1", "group/a", "hr/9"]);
}

#[test]
fn members_that_exist_do_not_wait_for_one_who_is_withheld() {
    let mut case = case().limit(Guardrail::Create, 0, 0.0, None).accounts(Action::Create, Mandate::Normal, [1]);
    case.plan.changes.push(change(Action::Create, ObjectKind::Group, "group/a", Mandate::Normal));
    let members = vec![member("hr/1", 1), member("hr/2", 1)];
    let needs = vec![ChangeId(0), ChangeId(1)];
    case.plan.changes.push(Change { members, needs, ..change(Action::AddMembers, ObjectKind::Group, "group/a", Mandate::Normal) });
    let plan = case.checked();
    assert_eq!(held(&plan), ["hr/1", "group/a"]);
    assert_eq!((&plan.changes[2].members, &plan.changes[2].needs), (&vec![member("hr/2", 1)], &vec![ChangeId(1)]));
    assert_eq!((plan.changes[3].runs(), &plan.changes[3].members), (false, &vec![member("hr/1", 1)]));
}

#[test]
fn an_override_lets_exactly_its_changes_past_until_its_last_day() {
    let base = || case().limit(Guardrail::Deactivate, 1, 0.0, None);
    let two = || base().accounts(Action::Deactivate, Mandate::Absence, 1..=2);
    let hash = hash_in(&two().checked());

    let plan = two().overridden(Guardrail::Deactivate, &hash, date(2026, 11, 22)).checked();
    assert_eq!(held(&plan).len(), 0);
    insta::assert_snapshot!(told(&plan), @r#"
    Note GuardrailExceeded chat.yaml:20:5
    chat: deactivations: 2 planned and 0 done in the last 24h, but the limit at chat.yaml:12:5 allows 1 (count 1, 0 % of 100 active accounts); the override at chat.yaml:20:5 lets exactly these changes past until 2026-11-22: the merger
    -
    "#);

    let turned = base().accounts(Action::Deactivate, Mandate::Absence, [2, 1]).overridden(Guardrail::Deactivate, &hash, date(2026, 11, 22));
    assert_eq!(held(&turned.checked()).len(), 0, "order carries no meaning");

    let expired = two().overridden(Guardrail::Deactivate, &hash, date(2026, 11, 21)).checked();
    assert_eq!(held(&expired).len(), 2);
    insta::assert_snapshot!(expired.findings[0].message, @"chat: deactivations: 2 planned and 0 done in the last 24h, but the limit at chat.yaml:12:5 allows 1 (count 1, 0 % of 100 active accounts); none of them goes; the override at chat.yaml:20:5 expired on 2026-11-21");

    let three =
        base().accounts(Action::Deactivate, Mandate::Absence, 1..=3).overridden(Guardrail::Deactivate, &hash, date(2026, 11, 30)).checked();
    assert_eq!(held(&three).len(), 3);
    insta::assert_snapshot!(three.findings[0].message, @"chat: deactivations: 3 planned and 0 done in the last 24h, but the limit at chat.yaml:12:5 allows 1 (count 1, 0 % of 100 active accounts); none of them goes; the override at chat.yaml:20:5 was given for another set of changes");

    let other = two().overridden(Guardrail::Delete, &hash, date(2026, 11, 30)).checked();
    assert_eq!(held(&other).len(), 2, "bound to its guardrail");

    let mut elsewhere = two();
    elsewhere.policy.targets[0].name = "mail".into();
    elsewhere.plan.changes.iter_mut().for_each(|change| change.target = "mail".into());
    assert_ne!(hash_in(&elsewhere.checked()), hash, "bound to its target");
}

#[test]
fn the_hash_binds_object_values_and_members() {
    let hash = |change: &Change| hash_of("chat", Guardrail::Update, std::iter::once(change));
    let base = change(Action::RemoveMembers, ObjectKind::Group, "group/a", Mandate::Normal);
    let differs = |edit: &dyn Fn(&mut Change)| {
        let mut other = base.clone();
        edit(&mut other);
        hash(&other) != hash(&base)
    };
    assert!(differs(&|change| change.members.push(member("hr/1", 1))));
    assert!(differs(&|change| change.object.id = Some("id-other".into())));
    assert!(differs(&|change| change.object.key = "group/b".into()));
    assert!(differs(&|change| change.action = Action::AddMembers));
    assert!(!differs(&|change| change.needs.push(ChangeId(3))), "positions shift from plan to plan");
    assert!(!differs(&|change| change.reason = Reason::Pruned), "words decide nothing");
}

#[test]
fn a_lost_state_refuses_what_removes_and_says_what_to_do() {
    let base = || case().limit(Guardrail::Deactivate, 5, 5.0, None).limit(Guardrail::Create, 5, 0.0, None);
    let mut lost = base().accounts(Action::Deactivate, Mandate::Absence, [1]).accounts(Action::Create, Mandate::Normal, [2]);
    lost.memory.known = false;
    let plan = lost.checked();
    assert_eq!(held(&plan), ["hr/1"]);
    insta::assert_snapshot!(told(&plan), @r#"
    Refused GuardrailExceeded chat.yaml:12:5
    chat: deactivations: 1 planned and an unknown number (there is no state) done in the last 24h, but the limit at chat.yaml:12:5 allows 5 (count 5, 5 % of 100 active accounts); none of them goes
    bring back the state file of this workspace; or, if this is right, add to Target chat:
    spec:
      guardrails:
        overrides:
        - guardrail: deactivate
          changes: fa3aad782f272e8d0a600f7d355f8347
          reason: "…"
          expires: 2026-11-29
    "#);

    let mut first = base().accounts(Action::Deactivate, Mandate::Absence, [1]);
    first.memory.known = false;
    first.populations.targets[0].accounts = 0;
    assert_eq!(held(&first.checked()).len(), 0, "a first run, with nothing that is ours");
}

#[test]
fn protected_accounts_stay_and_keep_their_groups() {
    let mut case = case()
        .accounts(Action::Deactivate, Mandate::Leaver, 1..=2)
        .accounts(Action::Update, Mandate::Normal, [1])
        .removal("group/a", &[("hr/1", 1), ("hr/3", 1)], Mandate::Normal)
        .removal("group/b", &[("hr/1", 1)], Mandate::Normal);
    case.plan.changes.push(change(Action::Delete, ObjectKind::Group, "group/c", Mandate::Pruning));
    case.populations.targets[0].protected = ["hr/1", "group/c"].map(Arc::from).into();
    let plan = case.checked();
    let held: Vec<String> =
        plan.changes.iter().filter(|change| !change.runs()).map(|change| format!("{:?} {}", change.action, change.object.key)).collect();
    assert_eq!(held, ["Deactivate hr/1", "Update hr/1", "RemoveMembers group/b", "Delete group/c", "RemoveMembers group/a"]);
    let running = plan.changes.iter().find(|change| change.runs() && change.object.key.as_ref() == "group/a").unwrap();
    assert_eq!(running.members, [member("hr/3", 1)], "the others of a removal go on");
    assert_eq!(plan.changes.last().unwrap().members, [member("hr/1", 1)]);
    insta::assert_snapshot!(told(&plan), @r"
    Refused Protected chat.yaml:1:5
    chat: 2 protected accounts or groups would be deactivated, deleted or stripped of a group or an entitlement; none of that goes
    keep the account in the manifests; or take it out of spec.protect of the Target, which counts from the run after

    Warning Protected chat.yaml:1:5
    chat: protected accounts would be changed, or given a group or an entitlement; none of that goes
    do it at the target by hand; or take the account out of spec.protect of the Target, which counts from the run after
    ");
}

#[test]
fn what_the_target_does_not_let_anybody_change_is_not_promised() {
    let mut case = case()
        .accounts(Action::Deactivate, Mandate::Leaver, 1..=2)
        .accounts(Action::Update, Mandate::Normal, [1])
        .removal("group/a", &[("hr/1", 1)], Mandate::Normal)
        .removal("group/b", &[("hr/2", 1)], Mandate::Normal);
    case.populations.targets[0].foreign = BTreeSet::from([(ObjectKind::Account, "hr/1".into()), (ObjectKind::Group, "group/b".into())]);
    let plan = case.checked();
    let held: Vec<String> =
        plan.changes.iter().filter(|change| !change.runs()).map(|change| format!("{:?} {}", change.action, change.object.key)).collect();
    assert_eq!(held, ["Deactivate hr/1", "Update hr/1", "RemoveMembers group/b"], "what can be taken of a leaver goes");
    insta::assert_snapshot!(told(&plan), @r"
    Error NotWritable chat.yaml:1:5
    chat: 2 accounts or groups belong to somebody else there and can't be changed by its interface; none of that goes
    change it where it comes from; or leave it out of the Target by `select` or a rule
    ");
}

#[test]
fn what_owns_something_at_the_target_loses_its_access_and_stays() {
    let mut case = case().accounts(Action::Deactivate, Mandate::Leaver, 1..=2).accounts(Action::Delete, Mandate::Leaver, 1..=2);
    case.populations.targets[0].stuck = BTreeSet::from([(ObjectKind::Account, "hr/1".into())]);
    let plan = case.checked();
    let held: Vec<String> =
        plan.changes.iter().filter(|change| !change.runs()).map(|change| format!("{:?} {}", change.action, change.object.key)).collect();
    assert_eq!(held, ["Delete hr/1"]);
    assert!(plan.findings[0].message.contains("own something there"), "{}", plan.findings[0].message);
}

#[test]
fn that_a_protected_account_is_not_declared_is_no_refusal() {
    let mut case = case().accounts(Action::Deactivate, Mandate::Pruning, [1]);
    case.populations.targets[0].protected = BTreeSet::from(["hr/1".into()]);
    let plan = case.checked();
    assert_eq!((held(&plan).len(), plan.findings[0].severity), (1, Severity::Warning));
}

#[test]
fn protected_changes_use_up_no_allowance() {
    let mut case = case().limit(Guardrail::Deactivate, 1, 0.0, None).accounts(Action::Deactivate, Mandate::Absence, 1..=2);
    case.populations.targets[0].protected = BTreeSet::from(["hr/1".into()]);
    assert_eq!(held(&case.checked()), ["hr/1"]);
}

/// A group `admins` with three active members, of which two must stay.
fn admins() -> Case {
    let mut case = case();
    case.policy.targets[0].protect.keep = vec![("admins".into(), 2)];
    let kept =
        KeptGroup { groups: ["group/admins", "group/sre"].map(Arc::from).into(), active: ["hr/1", "hr/2", "hr/3"].map(Arc::from).into() };
    case.populations.targets[0].kept = vec![kept];
    case
}

#[test]
fn a_kept_group_loses_no_more_than_it_can_spare() {
    assert_eq!(held(&admins().removal("group/admins", &[("hr/1", 1), ("hr/9", 1)], Mandate::Normal).checked()).len(), 0);
    assert_eq!(held(&admins().accounts(Action::Deactivate, Mandate::Leaver, [1, 7, 8]).checked()).len(), 0, "others are not its members");
    assert_eq!(held(&admins().removal("group/x", &[("hr/1", 1), ("hr/2", 1)], Mandate::Normal).checked()).len(), 0, "another group");

    let same = admins().accounts(Action::Deactivate, Mandate::Leaver, [1]).removal("group/sre", &[("hr/1", 1)], Mandate::Leaver);
    assert_eq!(held(&same.checked()).len(), 0, "one person is lost once");

    let plan = admins()
        .accounts(Action::Delete, Mandate::Leaver, [1])
        .removal("group/sre", &[("hr/2", 1), ("hr/9", 1)], Mandate::Normal)
        .checked();
    assert_eq!(held(&plan), ["hr/1", "group/sre"]);
    assert_eq!(plan.changes[1].members, [member("hr/9", 1)]);
    insta::assert_snapshot!(told(&plan), @r#"
    Refused Protected chat.yaml:1:5
    chat: group admins has 3 active members and must keep at least 2, but 2 would go; none of them does. Members that this plan adds count from the next run on
    give the group other members first, or lower spec.protect.keep of the Target, which counts from the run after
    "#);
}

#[test]
fn a_kept_group_is_neither_deleted_nor_emptied_by_way_of_a_nested_one() {
    let mut case = admins();
    case.plan.changes.push(change(Action::Delete, ObjectKind::Group, "group/sre", Mandate::Pruning));
    assert_eq!(held(&case.checked()), ["group/sre"]);
    assert_eq!(held(&admins().removal("group/admins", &[("group/sre", 2)], Mandate::Normal).checked()), ["group/admins"]);
    assert_eq!(held(&admins().removal("group/admins", &[("group/sre", 1)], Mandate::Normal).checked()).len(), 0);
}

#[test]
fn a_target_with_no_limits_and_other_targets_are_left_alone() {
    let mut plan = case().limit(Guardrail::Deactivate, 0, 0.0, None);
    plan.plan.changes.push(Change { target: "mail".into(), ..change(Action::Deactivate, ObjectKind::Account, "hr/1", Mandate::Absence) });
    assert_eq!(held(&plan.checked()).len(), 0);
    assert_eq!(held(&case().accounts(Action::Deactivate, Mandate::Absence, 1..=50).checked()).len(), 0);
}

impl Case {
    fn taken(mut self, key: &str, entitlement: &str, mandate: Mandate) -> Self {
        let change = change(Action::RemoveEntitlement, ObjectKind::Account, key, mandate);
        self.plan.changes.push(Change { entitlement: Some(entitlement.into()), ..change });
        self
    }
}

#[test]
fn lost_entitlements_count_in_people() {
    let base = || case().limit(Guardrail::RemoveEntitlements, 1, 0.0, None);
    let one = base().taken("hr/1", "card", Mandate::Normal).taken("hr/1", "licence", Mandate::Normal);
    assert_eq!(held(&one.checked()).len(), 0);
    let two = base().taken("hr/1", "card", Mandate::Normal).taken("hr/2", "card", Mandate::Normal).taken("hr/3", "card", Mandate::Leaver);
    let plan = two.checked();
    assert_eq!(held(&plan), ["hr/1", "hr/2"], "leavers go");
    insta::assert_snapshot!(plan.findings[0].message, @"chat: people who lose entitlements: 3 planned and 0 done in the last 24h, but the limit at chat.yaml:12:5 allows 1 (count 1, 0 % of 40 people with entitlements); only leavers whom a source reports go");
    let other = base().taken("hr/1", "licence", Mandate::Normal).taken("hr/2", "card", Mandate::Normal).checked();
    assert_ne!(hash_in(&other), hash_in(&plan), "an override is for these entitlements and no others");
    let before = base().before(Guardrail::RemoveEntitlements, 1, "2026-11-22T11:00:00Z").taken("hr/1", "card", Mandate::Normal).checked();
    assert_eq!(held(&before), ["hr/1"]);
}

#[test]
fn whoever_keeps_an_access_keeps_the_entitlements_that_would_have_gone_with_it() {
    let case = case().limit(Guardrail::Deactivate, 0, 1.0, None).accounts(Action::Deactivate, Mandate::Absence, [1, 2]);
    let plan = case.taken("hr/1", "card", Mandate::Absence).taken("hr/3", "card", Mandate::Normal).checked();
    assert_eq!(held(&plan), ["hr/1", "hr/2", "hr/1"]);
}

#[test]
fn changed_parameters_count_as_updates() {
    let mut case = case().limit(Guardrail::Update, 0, 0.0, None);
    let change = change(Action::UpdateEntitlement, ObjectKind::Account, "hr/1", Mandate::Normal);
    case.plan.changes.push(Change { entitlement: Some("card".into()), ..change });
    assert_eq!(held(&case.checked()), ["hr/1"]);
}

/// Something that somebody gets.
fn given(action: Action, key: u32, risks: &[Risk]) -> Change {
    let before = crate::model::Value::text(format!("old{key}"));
    let after = crate::model::Value::text(format!("new{key}"));
    let name =
        AttributeChange { attribute: "userName".into(), before: Some(before), after: Some(after), sensitive: false, privileged: false };
    let change = change(action, ObjectKind::Account, &format!("hr/{key:03}"), Mandate::Normal);
    Change { risks: risks.to_vec(), attributes: if risks.contains(&Risk::SignIn) { vec![name] } else { vec![] }, ..change }
}

impl Case {
    /// The limits that hold unasked.
    fn defaults(mut self, accounts: u64) -> Self {
        for (guardrail, count, percent) in crate::policy::DEFAULTS {
            let limit = LimitPolicy { count, percent: Some(percent), max: None, place: None };
            self.policy.targets[0].guardrails.limits.insert(guardrail, limit);
        }
        self.populations.targets[0] = Population { accounts, ours: accounts, members: accounts, held: accounts, ..Population::default() };
        self
    }

    fn gives(mut self, action: Action, keys: std::ops::RangeInclusive<u32>, risks: &[Risk]) -> Self {
        self.plan.changes.extend(keys.map(|key| given(action, key, risks)));
        self
    }

    fn bound(mut self, guardrail: Guardrail, at_most: u64, expires: jiff::civil::Date) -> Self {
        let given = OverridePolicy { guardrail, lets: Lets::AtMost(at_most), reason: "the merger".into(), expires, place: place(20) };
        self.policy.targets[0].guardrails.overrides.push(given);
        self
    }
}

#[test]
fn forty_leavers_are_not_let_in_again_and_thirty_names_do_not_change() {
    let back = |count| case().defaults(200).gives(Action::Reactivate, 1..=count, &[Risk::Reactivation]).checked();
    assert_eq!(held(&back(40)).len(), 40);
    assert_eq!(held(&back(5)).len(), 0, "five come back from leave");
    insta::assert_snapshot!(back(40).findings[0].message, @"chat: people who get access back: 40 planned and 0 done in the last 24h, but the default limit allows 5 (count 5, 2 % of 200 active accounts); none of them goes");

    let renamed = |accounts, count| case().defaults(accounts).gives(Action::Update, 1..=count, &[Risk::SignIn]).checked();
    assert_eq!(held(&renamed(1000, 30)).len(), 30, "two swapped columns");
    assert_eq!(held(&renamed(12, 12)).len(), 12, "a constant");
    assert_eq!(held(&renamed(1000, 5)).len(), 0, "a week of weddings");
    assert_eq!(held(&renamed(10, 1)).len(), 0);
    let mut others = case().defaults(1000).gives(Action::Update, 1..=30, &[]);
    others.plan.changes.iter_mut().for_each(|change| change.attributes.clear());
    assert_eq!(held(&others.checked()).len(), 0, "a title is no sign-in");
    let taken = case().defaults(0).gives(Action::Adopt, 1..=30, &[Risk::Adoption, Risk::SignIn]).checked();
    assert_eq!(held(&taken).len(), 30, "nor are they renamed with the adoption of a first run");
    let few =
        case().defaults(0).gives(Action::Adopt, 1..=3, &[Risk::Adoption, Risk::SignIn]).gives(Action::Adopt, 4..=30, &[Risk::Adoption]);
    assert_eq!(held(&few.checked()).len(), 0, "three of thirty");
}

#[test]
fn what_an_override_names_is_asked_about_by_no_other_limit() {
    let marries = |case: Case| {
        let mut case = case.gives(Action::Update, 1..=9, &[Risk::SignIn]);
        for change in &mut case.plan.changes {
            let address = AttributeChange { attribute: "emails".into(), ..change.attributes[0].clone() };
            change.attributes.push(address);
        }
        case
    };
    let plan = marries(case().defaults(100)).checked();
    assert_eq!((held(&plan).len(), plan.findings.len()), (9, 1));
    let hash = hash_in(&plan);
    let named = marries(case().defaults(100)).overridden(Guardrail::Rename, &hash, date(2026, 11, 30)).checked();
    assert_eq!(held(&named).len(), 0, "{}", told(&named));
    // One more that nobody named is counted where it belongs, by itself.
    let more = marries(case().defaults(100)).gives(Action::Reactivate, 10..=19, &[Risk::Reactivation]);
    assert_eq!(held(&more.overridden(Guardrail::Rename, &hash, date(2026, 11, 30)).checked()).len(), 10);
    // A bound is one guardrail's.
    let bound = marries(case().defaults(100)).bound(Guardrail::Rename, 9, date(2026, 11, 30)).checked();
    assert_eq!(held(&bound).len(), 9, "{}", told(&bound));
}

#[test]
fn whoever_does_not_get_an_access_back_gets_no_group_with_it() {
    let mut case = case().defaults(200).gives(Action::Reactivate, 1..=40, &[Risk::Reactivation]);
    let back: Vec<Arc<str>> = case.plan.changes.iter().map(|change| change.object.key.clone()).collect();
    let members = back.iter().map(|key| member(key, 1)).chain([member("hr/other", 1)]).collect();
    case.plan.changes.push(Change { members, ..change(Action::AddMembers, ObjectKind::Group, "group/a", Mandate::Normal) });
    case.plan.changes.push(change(Action::AddEntitlement, ObjectKind::Account, &back[0], Mandate::Normal));
    let plan = case.checked();
    let goes: Vec<_> = plan.changes.iter().filter(|change| change.runs()).map(|change| (change.action, change.members.len())).collect();
    assert_eq!(goes, [(Action::AddMembers, 1)], "only who was not away");
}

#[test]
fn a_first_run_makes_and_takes_over_what_it_finds_and_a_later_one_does_not() {
    let run = |action, risks: &[Risk], accounts, count| case().defaults(accounts).gives(action, 1..=count, risks);
    for (action, risks) in [(Action::Create, &[][..]), (Action::Adopt, &[Risk::Adoption][..])] {
        assert_eq!(held(&run(action, risks, 0, 500).checked()).len(), 0, "an empty target");
        assert_eq!(held(&run(action, risks, 60, 60).checked()).len(), 60, "second accounts for everybody");
        let mut cut = run(action, risks, 300, 200).before(Guardrail::Create, 290, "2026-11-22T11:00:00Z");
        cut = cut.before(Guardrail::Adopt, 10, "2026-11-22T11:00:00Z");
        assert_eq!(held(&cut.checked()).len(), 0, "a first run that was cut off goes on");
        let mut killed = run(action, risks, 20, 200).before(Guardrail::Create, 18, "2026-11-22T11:00:00Z");
        let at: Timestamp = "2026-11-22T11:00:00Z".parse().unwrap();
        killed.populations.targets[0].unheard = vec![(Guardrail::Create, at), (Guardrail::Adopt, at)];
        assert_eq!(held(&killed.checked()).len(), 0, "nor does it stop for what was sent and never heard of");
        let mut emptied = run(action, risks, 0, 60);
        emptied.populations.targets[0].ours = 60;
        assert_eq!(held(&emptied.checked()).len(), 60, "a target that lost everybody is no new one");
    }
    assert_eq!(held(&run(Action::Create, &[], 100, 10).checked()).len(), 0, "a week of joiners");
    assert_eq!(held(&run(Action::Create, &[], 10, 3).checked()).len(), 0);
    assert_eq!(held(&run(Action::Create, &[], 2, 3).checked()).len(), 0, "two founders hire three");
    assert_eq!(held(&run(Action::Create, &[], 10, 4).checked()).len(), 4);
    let begins = case().defaults(60).gives(Action::Reactivate, 1..=40, &[]).checked();
    insta::assert_snapshot!(begins.findings[0].message, @"chat: account creations: 40 planned and 0 done in the last 24h, but the default limit allows 10 (count 10, 10 % of 60 active accounts); none of them goes");
}

#[test]
fn a_small_company_is_never_cut_off_whole() {
    for mandate in [Mandate::Leaver, Mandate::Absence] {
        for people in 2..=12u32 {
            let plan = case().defaults(people.into()).accounts(Action::Deactivate, mandate, 1..=people).checked();
            assert_eq!(held(&plan).len(), people as usize, "{people} {mandate:?}");
            let one = case().defaults(people.into()).accounts(Action::Deactivate, mandate, [1]).checked();
            assert_eq!(held(&one).len(), 0, "one of {people}");
        }
    }
    let plan = case().defaults(10).accounts(Action::Deactivate, Mandate::Leaver, 1..=5).checked();
    insta::assert_snapshot!(plan.findings[0].message, @"chat: leavers to cut off: 5 planned and 0 done in the last 24h, but the default limit allows 3 (count 10, 10 % of 10 active accounts; never more than a third of them); none of them goes, since that would be half of everybody or more");
}

#[test]
fn a_backlog_of_leavers_goes_as_fast_as_the_limit_lets_it() {
    let night = |done: &[u64], keys: std::ops::RangeInclusive<u32>| {
        let mut case = case().defaults(100 - done.iter().sum::<u64>());
        for (at, weight) in done.iter().enumerate() {
            case = case.before(Guardrail::Leavers, *weight, ["2026-11-20T12:00:00.3Z", "2026-11-21T12:00:00.3Z"][at]);
        }
        let keys: Vec<u32> = keys.collect();
        for key in &keys {
            let key = format!("hr/{key:03}");
            case.plan.changes.push(change(Action::Deactivate, ObjectKind::Account, &key, Mandate::Leaver));
        }
        let members: Vec<String> = keys.iter().map(|key| format!("hr/{key:03}")).collect();
        let members: Vec<(&str, u32)> = members.iter().map(|key| (key.as_str(), 1)).collect();
        case.removal("group/all", &members, Mandate::Leaver)
    };
    let first = night(&[], 1..=25).checked();
    let cut = |plan: &Plan| plan.changes.iter().filter(|change| change.runs() && change.action == Action::Deactivate).count();
    assert_eq!(cut(&first), 10);
    let out: Vec<_> = first.changes.iter().filter(|change| change.runs()).flat_map(|change| &change.members).collect();
    assert_eq!((out.len(), out[9].member.key.as_ref()), (10, "hr/010"), "who stays for now keeps the groups");
    insta::assert_snapshot!(first.findings[0].message, @"chat: leavers to cut off: 25 planned and 0 done in the last 24h, but the default limit allows 10 (count 10, 10 % of 100 active accounts); the first 10 by key go, and 15 with the next window");
    assert_eq!(cut(&night(&[10], 11..=25).checked()), 10, "the night after, started a little sooner");
    assert_eq!(cut(&night(&[10, 10], 21..=25).checked()), 5);

    let hash = hash_in(&first);
    let all = night(&[], 1..=25).overridden(Guardrail::Leavers, &hash, date(2026, 11, 30)).checked();
    assert_eq!(held(&all).len(), 0, "the override that is printed lets them all go at once");
    let mut after = night(&[], 11..=25).before(Guardrail::Leavers, 10, "2026-11-22T11:00:00Z");
    after.populations.targets[0].accounts = 90;
    assert_eq!(cut(&after.overridden(Guardrail::Leavers, &hash, date(2026, 11, 30)).checked()), 15, "and the rest once the first are gone");
}

#[test]
fn a_bound_lets_as_many_past_whichever_they_are() {
    let absent = |keys| case().defaults(100).accounts(Action::Deactivate, Mandate::Absence, keys);
    let told = absent(1..=8).checked();
    assert!(told.findings[0].hint.as_deref().unwrap().contains("`atMost: 8`"), "{told:?}");
    for keys in [1..=8, 11..=18, 11..=16] {
        let plan = absent(keys).bound(Guardrail::Deactivate, 8, date(2026, 11, 30)).checked();
        assert_eq!((held(&plan).len(), plan.findings[0].severity), (0, Severity::Note));
    }
    let more = absent(1..=9).bound(Guardrail::Deactivate, 8, date(2026, 11, 30)).checked();
    assert_eq!(held(&more).len(), 9);
    assert!(more.findings[0].message.ends_with("the override at chat.yaml:20:5 allows 8 in a window, and with this plan there would be 9"));
    let used = absent(1..=8).before(Guardrail::Deactivate, 1, "2026-11-22T11:00:00Z");
    assert_eq!(held(&used.bound(Guardrail::Deactivate, 8, date(2026, 11, 30)).checked()).len(), 8, "of one window");
    assert_eq!(held(&absent(1..=8).bound(Guardrail::Deactivate, 8, date(2026, 11, 21)).checked()).len(), 8, "until its last day");
    let mass = case().defaults(100).accounts(Action::Deactivate, Mandate::Leaver, 1..=60);
    assert_eq!(held(&mass.bound(Guardrail::Leavers, 20, date(2026, 11, 30)).checked()).len(), 60, "it was not given for a mass");
    let mut lost = absent(1..=8).bound(Guardrail::Deactivate, 8, date(2026, 11, 30));
    lost.memory.known = false;
    let lost = lost.checked();
    assert_eq!(held(&lost).len(), 8, "a bound says nothing where nobody knows how many there were");
    assert!(!lost.findings[0].hint.as_deref().unwrap().contains("atMost"));
}

#[test]
fn a_group_that_goes_counts_everybody_who_loses_it() {
    let group = |people: u32| {
        let losers = (0..people).map(|key| member(&format!("hr/{key}"), 1)).collect();
        Change { losers, ..change(Action::Delete, ObjectKind::Group, "group/old", Mandate::Pruning) }
    };
    let base = |people| {
        let mut case = case().defaults(300).limit(Guardrail::DeleteGroups, 5, 0.0, None);
        case.populations.targets[0].groups = 30;
        case.plan.changes.push(group(people));
        case
    };
    assert_eq!(held(&base(30).checked()).len(), 0);
    let plan = base(141).checked();
    assert_eq!(held(&plan), ["group/old"]);
    insta::assert_snapshot!(plan.findings[0].message, @"chat: people who lose a membership: 141 planned and 0 done in the last 24h, but the default limit allows 30 (count 20, 10 % of 300 people with memberships); none of them goes");
    let counted: Vec<_> = counted(&group(141), 1).into_iter().map(|(guardrail, weight)| (guardrail.word(), weight)).collect();
    assert_eq!(counted, [("deleteGroups", 1), ("removeMembers", 141)]);

    let mut strict = case().defaults(300);
    strict.plan.changes.push(group(141));
    let plan = strict.checked();
    insta::assert_snapshot!(plan.findings[0].message, @"chat: group deletions: 1 planned and 0 done in the last 24h, but the default limit allows 0 (count 0, 0 % of 0 groups); 141 memberships would go with them; none of them goes");
    let mut named = case().defaults(300).overridden(Guardrail::DeleteGroups, &hash_in(&plan), date(2026, 11, 30));
    named.plan.changes.push(group(141));
    assert_eq!(held(&named.checked()).len(), 0, "whoever named the deletion has seen who loses the group");
    let mut other = case().defaults(300).overridden(Guardrail::DeleteGroups, &hash_in(&plan), date(2026, 11, 30));
    other.plan.changes.push(group(142));
    assert_eq!(held(&other.checked()), ["group/old"], "one person more is another deletion");
}
