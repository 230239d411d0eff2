//! What a branch does, told of two sets of manifests over one world: the atoms, their causes, what is folded, and the verdict.

use insta::assert_snapshot;
use serde_json::json;

use super::atom::{self, Atom};
use super::{
    AtomGroup, Branch, Divergence, DocumentChange, DocumentDifference, DocumentLines, DocumentName, FieldChange, HeldBy, HeldChanges,
    NotUsed, NotUsedKind, Review, ReviewSide, Revision, VerdictLevel, of_branch, of_plan,
};
use crate::diagnostic::Place;
use crate::planning::explain::Provenance;
use crate::planning::testing::{Scene, entitlement, group, source, target};

/// Base and head over the same systems; `intent` names the documents that differ.
fn review(base: &Scene, head: &Scene, intent: Vec<DocumentChange>) -> Review {
    review_held(base, head, intent, [&[], &[]])
}

/// The same, where gates hold what changes these accounts and groups.
fn review_held(base: &Scene, head: &Scene, intent: Vec<DocumentChange>, gates: [&[(HeldBy, &[&str])]; 2]) -> Review {
    let plans = [base.plan(), head.plan()];
    let worlds = [base.world(), head.world()];
    let known = [Provenance::new(&base.policy, &worlds[0], base.moment), Provenance::new(&head.policy, &worlds[1], head.moment)];
    let held = [(&plans[0], gates[0]), (&plans[1], gates[1])].map(|(plan, gates)| {
        let by = |(by, keys): &(HeldBy, &[&str])| {
            let changes = plan.changes.iter().filter(|change| keys.contains(&change.object.key.as_ref())).cloned().collect();
            HeldChanges { by: *by, changes }
        };
        gates.iter().map(by).collect::<Vec<_>>()
    });
    let base_side = ReviewSide { plan: &plans[0], explain: &known[0], policy: &base.policy, held: &held[0] };
    let head_side = ReviewSide { plan: &plans[1], explain: &known[1], policy: &head.policy, held: &held[1] };
    let review = of_branch(base_side, head_side, branch(), intent);
    law(&review, &plans[1]);
    review
}

/// What is pending, less what is cancelled and what is altered, with what is added and what it is altered to, is the plan at head.
fn law(review: &Review, head: &crate::model::Plan) {
    let print = |atom: &Atom| format!("{:?}", (&atom.target, &atom.object, &atom.slot, atom.withheld));
    let of = |how: Divergence| review.effect.iter().filter(move |one| one.how == how);
    let mut left: Vec<String> = review.pending.iter().map(print).collect();
    let gone = of(Divergence::Cancels).map(|one| &one.atom).chain(of(Divergence::Alters).filter_map(|one| one.instead.as_ref()));
    for atom in gone {
        let at = left.iter().position(|known| *known == print(atom)).expect("only what is pending is cancelled or altered");
        left.swap_remove(at);
    }
    left.extend(of(Divergence::Adds).chain(of(Divergence::Alters)).chain(of(Divergence::Releases)).map(|one| print(&one.atom)));
    let mut planned: Vec<String> = atom::of_plan(head).iter().map(print).collect();
    left.sort();
    planned.sort();
    assert_eq!(left, planned);
}

fn branch() -> Branch {
    let revision = |name: &str| Revision { commit: None, name: name.into(), manifests_digest: name.into() };
    Branch {
        base: revision("main"),
        head: revision("worktree"),
        offline: false,
        is_new: false,
        not_used: Vec::new(),
        difference_digest: "what differs".into(),
    }
}

/// A document that differs, by its lines in the scenes' one file, and the lines of the fields.
fn changed(kind: &str, name: &str, lines: (u32, u32), fields: &[u32]) -> DocumentChange {
    let place = |line: &u32| Some(Place { file: "a.yaml".into(), line: *line, column: 1 });
    let field = |line: &u32| FieldChange { path: "spec".into(), before: None, after: None, place: place(line), base_place: place(line) };
    let lines = Some(DocumentLines { file: "a.yaml".into(), first: lines.0, last: lines.1 });
    DocumentChange {
        document: DocumentName { kind: kind.into(), name: name.into() },
        what: DocumentDifference::Changed,
        fields: fields.iter().map(field).collect(),
        looks_like: None,
        base: lines.clone(),
        head: lines,
    }
}

fn told(review: &Review) -> String {
    let mut lines = vec![format!("{:?}: {}", review.verdict.level, review.verdict.sentence)];
    lines.extend(review.risks.iter().map(|risk| {
        let who: Vec<&str> = risk.who.iter().map(|who| who.name.as_ref()).collect();
        let sizes = risk.sizes.iter().map(|size| format!(" {} to {}", size.before, size.after)).collect::<String>();
        format!("! {:?} {:?}{sizes}", risk.risk, who)
    }));
    lines.extend(review.groups.iter().map(|group| line(review, group)));
    lines.join("\n")
}

fn line(review: &Review, group: &AtomGroup) -> String {
    let origin = match (group.of_effect, group.how) {
        (false, _) => "pending".to_owned(),
        (true, how) => format!("{how:?}").to_lowercase(),
    };
    let origin = if group.held.is_empty() { origin } else { format!("{origin} {:?}", group.held) };
    let cause = group.cause.and_then(|at| review.intent.get(at)).map(|change| format!(" by {}", change.document.name)).unwrap_or_default();
    let what = group.what.as_deref().map(|what| format!(" {what}")).unwrap_or_default();
    let values = match (&group.before, &group.after) {
        (None, None) => String::new(),
        (before, after) => format!(" {} > {}", value(before), value(after)),
    };
    let instead = group.instead.as_ref().map(|instead| format!(" (instead of {instead})")).unwrap_or_default();
    let who: Vec<String> = group
        .who
        .iter()
        .map(|line| {
            let along: Vec<String> = line.along.iter().map(|along| format!("{:?} {}", along.effect, along.what)).collect();
            if along.is_empty() { line.who.name.to_string() } else { format!("{} ({})", line.who.name, along.join(", ")) }
        })
        .collect();
    format!("{origin}{cause} {:?}{what}{values}{instead} [{:?}]: {}", group.effect, group.reason, who.join(" "))
}

fn value(value: &Option<crate::model::Value>) -> String {
    value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
}

/// Three engineers and a seller, all with accounts, in a group by their title.
fn company(rule: &str, more: &[String]) -> Scene {
    let documents = [source("hr", ""), target("  groups: {}\n"), group("leads", &format!("  rule: '{rule}'\n"))];
    let mut scene = Scene::new(&[&documents, more].concat()).marked_group("g1", "group/leads", "leads");
    for (key, login, title) in [("1", "ada", "Lead"), ("2", "bob", "Lead"), ("3", "cy", "Lead"), ("4", "dan", "Engineer")] {
        scene = scene.record("hr", json!({"id": key, "login": login, "title": title}));
        scene =
            scene.account(json!({"id": format!("u{key}"), "userName": login, "title": title, "externalId": format!("hc:acme:hr:{key}")}));
    }
    scene.member("g1", "u1").member("g1", "u2").member("g1", "u3")
}

const LEADS: &str = "identity.title == \"Lead\"";

#[test]
fn a_branch_that_says_the_same_does_nothing() {
    let scene = company(LEADS, &[]);
    assert_snapshot!(told(&review(&scene, &scene, Vec::new())), @"None: Nothing changes for anybody.");
}

#[test]
fn a_rule_that_is_narrower_takes_people_out_and_the_rule_is_the_cause() {
    let head = company("identity.title == \"Lead\" && identity.userName == \"ada\"", &[]);
    let intent = vec![changed("Group", "leads", (30, 38), &[37])];
    assert_snapshot!(told(&review(&company(LEADS, &[]), &head, intent)), @r###"
    Check: leads is left with 1 member.
    ! GroupEmpties ["leads"] 3 to 1
    adds by leads Leaves leads [Mover]: bob cy
    "###);
}

#[test]
fn what_hr_wants_meanwhile_is_pending_and_not_the_branchs() {
    let leaves = |scene: Scene| scene.amended("3", "left", json!(true)).amended("4", "title", json!("Lead"));
    let head = leaves(company("identity.title == \"Lead\" && identity.userName != \"bob\"", &[]));
    let intent = vec![changed("Group", "leads", (30, 38), &[37])];
    assert_snapshot!(told(&review(&leaves(company(LEADS, &[])), &head, intent)), @r###"
    Check: leads is left with 2 members.
    ! GroupEmpties ["leads"] 3 to 2
    adds by leads Leaves leads [Mover]: bob
    pending LosesSignIn [Leaver]: cy (Leaves leads)
    pending Joins leads [Mover]: dan
    pending Changes title Engineer > Lead [Mover]: dan
    "###);
}

#[test]
fn what_would_have_gone_and_stays_is_a_risk() {
    let moves = |scene: Scene| scene.amended("3", "title", json!("Engineer"));
    let stays = moves(company("identity.title == \"Lead\" || identity.userName == \"cy\"", &[]));
    let intent = vec![changed("Group", "leads", (30, 38), &[37])];
    assert_snapshot!(told(&review(&moves(company(LEADS, &[])), &stays, intent)), @r###"
    Check: 1 person keeps what would go.
    ! KeepsAccess ["cy"]
    cancels by leads Leaves leads [Mover]: cy
    pending Leaves leads [Mover]: cy
    pending Changes title Lead > Engineer [Mover]: cy
    "###);
}

#[test]
fn privilege_counts_where_either_revision_says_so() {
    let root = |privileged: &str| entitlement("root", &format!("  when: 'identity.title == \"Lead\"'\n{privileged}"));
    let none = entitlement("root", "  privileged: true\n  members: [{identity: {source: hr, key: '4'}}]\n");
    let base = company(LEADS, &[none]).entitled("u4", "root", json!({}));
    let head = company(LEADS, &[root("")]).entitled("u4", "root", json!({}));
    assert_snapshot!(told(&review(&base, &head, Vec::new())), @r###"
    Check: 3 people get something privileged.
    ! Privilege ["ada", "bob", "cy"]
    adds GetsPrivilege root [Mover]: ada bob cy
    adds LosesGrant root [Mover]: dan
    "###);
}

#[test]
fn privilege_by_a_group_below_is_looked_at() {
    let scene = |rule: &str| {
        let sre = format!("kind: Group\nmetadata: {{name: sre}}\nspec:\n  displayName: sre\n  rule: '{rule}'\n");
        let admins = "kind: Group\nmetadata: {name: admins}\nspec:\n  displayName: admins\n  members: [{group: sre}]\n  privileged: true\n";
        let scene = Scene::new(&[source("hr", ""), target("  groups: {}\n"), sre, admins.to_owned()]).person("1", "ada").person("2", "bob");
        let scene = scene.marked("u1", "hr/1", "ada").marked("u2", "hr/2", "bob").able(|able| able.nested_groups = true);
        let scene = scene.marked_group("g1", "group/sre", "sre").marked_group("g2", "group/admins", "admins");
        scene.member("g2", "g1").member("g1", "u1")
    };
    let wider = review(&scene("identity.userName == \"ada\""), &scene("true"), Vec::new());
    assert!(told(&wider).contains("! Privilege [\"bob\"]"), "{}", told(&wider));
}

/// Not by groups and entitlements alone: a role, a flag, and whoever comes to own a privileged group.
#[test]
fn privilege_by_a_value_is_looked_at() {
    let scene = |rule: &str, privileged: &str| {
        let rules = format!("  groups: {{}}\n{privileged}  mapping: {{rules: [{rule}]}}\n");
        let scene = Scene::new(&[source("hr", ""), target(&rules)]).person("1", "ada").person("2", "bob");
        scene.marked("u1", "hr/1", "ada").marked("u2", "hr/2", "bob")
    };
    let risks = |rule: &str, privileged: &str| {
        let review = review(&scene("{attribute: title, value: 'null'}", privileged), &scene(rule, ""), Vec::new());
        let people = review.risks.iter().filter(|risk| risk.risk == super::RiskKind::Privilege).map(|risk| risk.people);
        people.sum::<u64>()
    };
    let (roles, flag) = ("  privileged: {roles: [admin]}\n", "  privileged: {attributes: [custom.isAdmin]}\n");
    assert_eq!(risks("{attribute: roles, value: '[\"admin\"]'}", roles), 2);
    assert_eq!(risks("{attribute: roles, value: '[\"user\"]'}", roles), 0);
    // A review does not see the values of such an attribute, so whoever's changes is told.
    assert_eq!(risks("{attribute: custom.isAdmin, value: 'identity.userName == \"ada\"'}", flag), 2);
}

#[test]
fn a_plan_by_itself_is_all_effect() {
    let scene = company(LEADS, &[]).amended("1", "left", json!(true)).amended("2", "title", json!("Head")).person("5", "eve");
    let (plan, world) = (scene.plan(), scene.world());
    let known = Provenance::new(&scene.policy, &world, scene.moment);
    let review = of_plan(ReviewSide { plan: &plan, explain: &known, policy: &scene.policy, held: &[] });
    assert!(review.pending.is_empty() && review.branch.is_none());
    assert_snapshot!(told(&review), @r###"
    Check: 1 person loses sign-in and leads is left with 1 member.
    ! LosesSignIn ["ada"]
    ! GroupEmpties ["leads"] 3 to 1
    adds LosesSignIn [Leaver]: ada (Leaves leads)
    adds Leaves leads [Mover]: bob
    adds GetsAccount [Joiner]: eve
    adds Changes title Lead > Head [Mover]: bob
    "###);
}

#[test]
fn an_approval_holds_while_others_move_on_and_not_when_the_effect_grows() {
    let head = || company("identity.title == \"Lead\" && identity.userName != \"bob\"", &[]);
    let base = || company(LEADS, &[]);
    let hash = |base: &Scene, head: &Scene| review(base, head, Vec::new()).hash;
    let reviewed = hash(&base(), &head());
    let somebody_leaves = |scene: Scene| scene.amended("4", "left", json!(true));
    assert_eq!(reviewed, hash(&somebody_leaves(base()), &somebody_leaves(head())));
    let one_more = |scene: Scene| scene.record("hr", json!({"id": "2b", "login": "bob2", "title": "Lead"}));
    let other = company("identity.title == \"Lead\" && identity.userName != \"bob\" && identity.userName != \"cy\"", &[]);
    assert_ne!(reviewed, hash(&base(), &other));
    assert_eq!(reviewed, hash(&one_more(base()), &one_more(head())));
}

#[test]
fn privilege_follows_the_object_into_another_document() {
    let scene = |name: &str, display: &str, rest: &str| {
        let group = format!("kind: Group\nmetadata: {{name: {name}}}\nspec:\n  displayName: {display}\n{rest}");
        company(LEADS, &[group]).marked_group("g2", "group/admins", "Administrators")
    };
    let base = scene("admins", "Administrators", "  privileged: true\n  members: [{identity: {source: hr, key: '1'}}]\n");
    let head = scene("lunch", "administrators", "  previousNames: [Administrators]\n  members: [{identity: {source: hr, key: '4'}}]\n");
    let told = told(&review(&base, &head, Vec::new()));
    assert!(told.contains("! Privilege [\"dan\"]"), "{told}");
}

#[test]
fn a_group_that_takes_a_privileged_name_is_looked_at() {
    let documents = |name: &str| {
        let privileged = target("  groups: {}\n  privileged: {groups: [Administrators]}\n");
        let group =
            format!("kind: Group\nmetadata: {{name: leads}}\nspec:\n  displayName: {name}\n  previousNames: [leads]\n  rule: 'true'\n");
        Scene::new(&[source("hr", ""), privileged, group]).marked_group("g1", "group/leads", "leads")
    };
    let base = documents("leads2").person("1", "ada").marked("u1", "hr/1", "ada").member("g1", "u1");
    let head = documents("ADMINISTRATORS").person("1", "ada").marked("u1", "hr/1", "ada").member("g1", "u1");
    let review = review(&base, &head, Vec::new());
    assert!(review.risks.iter().any(|risk| risk.risk == super::RiskKind::Privilege), "{}", told(&review));
}

#[test]
fn what_is_not_previewed_is_never_told_as_nothing() {
    let scene = company(LEADS, &[]);
    let (plan, world) = (scene.plan(), scene.world());
    let known = Provenance::new(&scene.policy, &world, scene.moment);
    let side = ReviewSide { plan: &plan, explain: &known, policy: &scene.policy, held: &[] };
    let level = |kind: NotUsedKind| {
        let document = DocumentName { kind: "Target".into(), name: "chat".into() };
        let not_used = vec![NotUsed { document, words: "it is not previewed".into(), kind, place: None }];
        let review = of_branch(side, side, Branch { not_used, ..branch() }, Vec::new());
        assert_eq!(review.is_whole(), !kind.is_system());
        review.verdict.level
    };
    let kinds =
        [NotUsedKind::ChangedSystem, NotUsedKind::NewSystem, NotUsedKind::LooserLimit, NotUsedKind::LooserGate, NotUsedKind::Values];
    assert_eq!(
        kinds.map(level),
        [VerdictLevel::Undecided, VerdictLevel::Check, VerdictLevel::Check, VerdictLevel::Check, VerdictLevel::None]
    );
}

/// Somebody has left and somebody is a lead now; main's gates hold it.
#[test]
fn what_gates_held_and_hold_no_longer_is_the_branchs_and_what_both_hold_is_pending() {
    let scene = || company(LEADS, &[]).amended("3", "left", json!(true)).amended("4", "title", json!("Lead"));
    let intent = || vec![changed("Target", "chat", (12, 20), &[14])];
    let waits: &[(HeldBy, &[&str])] = &[(HeldBy::Approval, &["hr/3", "group/leads"])];
    let released = review_held(&scene(), &scene(), intent(), [waits, &[]]);
    assert_snapshot!(told(&released), @r###"
    Check: 1 person loses sign-in.
    ! LosesSignIn ["cy"]
    releases [Approval] by chat LosesSignIn [Leaver]: cy (Leaves leads)
    releases [Approval] by chat Joins leads [Mover]: dan
    pending Changes title Engineer > Lead [Mover]: dan
    "###);
    assert_eq!((released.totals.lose_sign_in, released.pending_totals.held, released.pending_totals.changes), (1, 0, 1));
    // Another gate holds it in both: the approval alone is what the branch takes away.
    let window: (HeldBy, &[&str]) = (HeldBy::Window, &["hr/3", "group/leads", "hr/4"]);
    let behind_a_window = review_held(&scene(), &scene(), intent(), [&[window, waits[0]], &[window]]);
    assert!(behind_a_window.risks.iter().any(|risk| risk.risk == super::RiskKind::LosesSignIn), "{}", told(&behind_a_window));
    let both = review_held(&scene(), &scene(), intent(), [waits, waits]);
    assert_eq!(both.verdict.level, VerdictLevel::None);
    assert_eq!((both.effect.len(), both.pending_totals.held, both.pending_totals.lose_sign_in), (0, 3, 0));
    assert_ne!(released.hash, both.hash);
}

#[test]
fn two_branches_that_do_the_same_have_two_names() {
    let scene = company(LEADS, &[]);
    let (plan, world) = (scene.plan(), scene.world());
    let known = Provenance::new(&scene.policy, &world, scene.moment);
    let side = ReviewSide { plan: &plan, explain: &known, policy: &scene.policy, held: &[] };
    let named = |difference: &str, head: &str| {
        let head = Revision { manifests_digest: head.into(), ..branch().head };
        of_branch(side, side, Branch { difference_digest: difference.into(), head, ..branch() }, Vec::new()).hash
    };
    assert_ne!(named("approval taken away", "the same"), named("windows taken away", "the same"));
    assert_eq!(named("approval taken away", "before"), named("approval taken away", "after main moved on"), "a rebase");
}
