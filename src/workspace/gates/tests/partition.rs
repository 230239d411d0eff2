//! Over random plans and gates: nothing is lost, nothing is doubled, nothing runs whose need is held, and whoever is revoked is cut off.

use proptest::prelude::*;

use super::*;
use crate::drift::DriftKind;

/// What gates are there, by number.
const MANIFESTS: [&str; 7] = [
    "",
    "  approval: {for: [deactivate, privileged]}",
    "  approval: {for: [destructive]}",
    "  windows: [{deny: {kinds: destructive}}]",
    "  suspend: {reason: a move, until: \"2026-12-10\"}",
    "  drift: observe\n  approval: {for: [removeMembers]}",
    "  windows: [{deny: {days: [sun]}}]\n  approval: {for: [everything]}",
];

#[derive(Clone, Debug)]
struct Drawn {
    sort: usize,
    key: usize,
    needs: Vec<prop::sample::Index>,
    withheld: bool,
    privileged: bool,
    elsewhere: bool,
    drifted: bool,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let rare = prop::bool::weighted(0.15);
    let needs = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    (0..9usize, 0..4usize, needs, rare, any::<bool>(), rare, rare).prop_map(
        |(sort, key, needs, withheld, privileged, elsewhere, drifted)| Drawn { sort, key, needs, withheld, privileged, elsewhere, drifted },
    )
}

/// The change at a position, which needs some of those before.
fn change(at: usize, drawn: &Drawn) -> Change {
    let keys = ["hr/1", "hr/2", "hr/3", "hr/4"];
    let key = keys[drawn.key];
    let entitlement = |action| Change { entitlement: Some("card".into()), ..account(action, key) };
    let change = match drawn.sort {
        0 => account(Action::Create, key),
        1 => title(key, "Chief"),
        2 => two(key),
        3 => account(Action::Deactivate, key),
        4 => members(Action::AddMembers, "group/all", &keys[..=drawn.key]),
        5 => members(Action::RemoveMembers, "group/all", &keys[..=drawn.key]),
        6 => entitlement(Action::RemoveEntitlement),
        7 => account(Action::Reactivate, key),
        _ => return revoked(account(Action::Deactivate, key)),
    };
    let needs = if at == 0 { Vec::new() } else { drawn.needs.iter().map(|need| ChangeId(need.index(at) as u32)).collect() };
    let risks = if drawn.privileged { vec![Risk::Privilege] } else { Vec::new() };
    let withheld = drawn.withheld.then_some(Withheld { finding: 0 });
    let target = if drawn.elsewhere { "mail" } else { "chat" };
    Change { needs, risks, withheld, target: target.into(), ..change }
}

fn two(key: &str) -> Change {
    let department = AttributeChange {
        attribute: "department".into(),
        before: None,
        after: Some(Value::text("Ops")),
        sensitive: false,
        privileged: false,
    };
    let mut change = title(key, "Chief");
    change.attributes.insert(0, department);
    change
}

/// What others changed of the drawn changes.
fn drifts(plan: &Plan, drawn: &[Drawn]) -> Vec<Drift> {
    let one = |(at, (change, _)): (usize, (&Change, &Drawn))| {
        let member = change.members.first().map(|member| member.member.key.clone());
        Drift {
            target: change.target.clone(),
            what: if member.is_some() { DriftKind::Joined } else { DriftKind::Value },
            of: member.is_some().then(|| change.object.key.clone()),
            key: member.unwrap_or_else(|| change.object.key.clone()),
            name: "somebody".into(),
            of_name: None,
            attribute: change.attributes.last().map(|attribute| attribute.attribute.clone()),
            ours: None,
            theirs: None,
            check: false,
            last_change: None,
            object: None,
            put_away: false,
            change: Some(at),
        }
    };
    plan.changes.iter().zip(drawn).enumerate().filter(|(_, (change, drawn))| drawn.drifted && change.runs()).map(one).collect()
}

/// Each part of some changes, with how often it is there.
fn parts<'c>(changes: impl IntoIterator<Item = &'c Change>) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for change in changes {
        let names = change.attributes.iter().map(|attribute| attribute.attribute.to_string());
        let mut names: Vec<String> = names.chain(change.members.iter().map(|member| member.member.key.to_string())).collect();
        if names.is_empty() {
            names.push("whole".into());
        }
        for name in names {
            *all.entry(format!("{} {} {:?} {:?} {name}", change.target, change.object.key, change.action, change.mandate)).or_default() +=
                1;
        }
    }
    all
}

proptest! {
    #[test]
    fn what_runs_and_what_is_held_is_the_plan(drawn in prop::collection::vec(drawn(), 0..12), manifest in 0..MANIFESTS.len(), pulled in 0..4usize, lease in prop::bool::weighted(0.9)) {
        let policy = policy(MANIFESTS[manifest]);
        let plan = plan(drawn.iter().enumerate().map(|(at, drawn)| change(at, drawn)).collect());
        let (drifts, brake) = (drifts(&plan, &drawn), brake(pulled == 1));
        let gates = Gates { lease, brake: (pulled < 2).then_some(&brake), drifts: &drifts, ..Gates::of(&policy) };
        let opened = open(&plan, &gates, noon());
        let run = || opened.run.changes.iter().filter(|change| change.runs());
        let held = || opened.held.iter().flat_map(|part| &part.changes);
        prop_assert_eq!(parts(run().chain(held())), parts(&plan.changes));
        for (at, change) in opened.run.changes.iter().enumerate().filter(|(_, change)| change.runs()) {
            for need in &change.needs {
                let needed = opened.run.changes.get(need.0 as usize);
                prop_assert!((need.0 as usize) < at && needed.is_some_and(Change::runs), "{change:?} needs what is held");
            }
        }
        for change in held().filter(|change| change.mandate.is_revocation()) {
            prop_assert!(pulled == 1 || !change.runs(), "whoever is revoked waits: {change:?}");
        }
        let withheld = |changes: &[Change]| changes.iter().filter(|change| !change.runs()).count();
        prop_assert_eq!(withheld(&opened.run.changes), withheld(&plan.changes), "what planning withholds is shown as it was");
        prop_assert_eq!(&opened.run.findings, &plan.findings);
        let asked: Vec<&Change> = opened.waiting.iter().flat_map(|one| &one.plan.plan.changes).collect();
        prop_assert!(asked.iter().all(|change| change.runs() && !change.mandate.is_revocation()));
        prop_assert_eq!(open(&plan, &gates, noon()), opened.clone(), "the same in, the same out");
    }
}
