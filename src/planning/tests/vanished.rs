//! Accounts that a list did not show: hidden, deleted by hand, or not shown yet; and leavers who have more than one.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, group, source, target};
use crate::model::{Evidence, ObjectKind};

const ACCOUNT: ObjectKind = ObjectKind::Account;

fn hidden(scene: Scene, id: &str, login: &str, active: bool) -> Scene {
    scene.hidden(ACCOUNT, json!({"id": id, "userName": login, "active": active}))
}

#[test]
fn whoever_goes_is_asked_for_by_id_where_the_list_does_not_show_them() {
    let scene = Scene::simple()
        .record("hr", json!({"id": "1", "login": "ada", "left": true}))
        .person("3", "cy")
        .link(ACCOUNT, "hr/1", "u1")
        .but(|link| link.name = Some("ada".into()))
        .link(ACCOUNT, "hr/2", "u2")
        .but(|link| link.name = Some("bob".into()));
    let scene = hidden(hidden(scene, "u1", "ada", true), "u2", "bob", true);
    assert_snapshot!(scene.told(), @"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    1 Deactivate hr/2 [Absent] id=u2 active: true > false; risks [SignIn]
    2 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; userName: nothing > cy;
    (Incomplete IncompleteRead) chat: its list lacks 2 of its accounts, there by id (u1); nothing follows from what else is missing
    ");
    assert!(!scene.plan().evidence[1].evidence.proves_absence());
    assert_snapshot!(super::super::testing::tell(&scene.plan_unanswered()), @r"
    0 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; userName: nothing > cy;
    (Incomplete IncompleteRead) hr/1, hr/2: goes, but the account was not among those read, and asking for it by its id gave no answer
    ");
}

#[test]
fn whom_headcount_deactivated_is_not_asked_for_until_the_deletion_is_due() {
    let scene = |rest: &str| {
        let scene = Scene::new(&[source("hr", ""), target(rest)]).record("hr", json!({"id": "1", "login": "ada", "left": true}));
        hidden(scene.link(ACCOUNT, "hr/1", "u1").but(|link| link.name = Some("ada".into())).deactivated("u1", 40), "u1", "ada", false)
    };
    assert_snapshot!(scene("").told(), @"nothing");
    assert_snapshot!(scene("  leaver: {deleteAfter: 30d}\n  guardrails: {delete: {count: 1}}\n").told(), @"
    0 Delete hr/1 [Due] id=u1 risks [SignIn, Irreversible]
    (Warning IncompleteRead) chat: its list lacks one of its accounts, there by id (u1); nothing follows from what else is missing
    ");
}

#[test]
fn what_headcount_wrote_a_moment_ago_is_waited_for() {
    let scene = |minutes: i64| {
        let scene = Scene::new(&[source("hr", ""), target("  groups: {}\n"), group("all", "  rule: 'true'\n")]).person("1", "ada");
        let at = scene.moment.now - jiff::SignedDuration::from_mins(minutes);
        let scene = scene.link(ACCOUNT, "hr/1", "u1").but(|link| link.at = at);
        scene.link(ObjectKind::Group, "group/all", "g1").but(|link| link.at = at)
    };
    assert!(scene(1).plan().findings.iter().all(|finding| !finding.follows), "all of the target was read");
    assert_snapshot!(scene(1).told(), @"(Incomplete IncompleteRead) group/all, hr/1: headcount wrote it less than an hour ago, and the target does not show it; it is not made again before that hour is over");
    assert_snapshot!(scene(61).told(), @r"
    0 Create group/all [Declared] displayName: nothing > all; externalId: nothing > hc:acme:group:all;
    1 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > ada;
    2 AddMembers group/all [Mover] hr/1 needs [0, 1]
    (Warning ChangedElsewhere) hr/1: the account that headcount had for it was deleted, and not by headcount; a new one is made
    ");
}

#[test]
fn many_that_are_gone_at_once_are_not_made_again_until_somebody_says_so() {
    let scene = |rest: &str, gone: u32| {
        (1..=gone).fold(Scene::new(&[source("hr", ""), target(rest)]), |scene, at| {
            scene.person(&at.to_string(), &format!("p{at}")).link(ACCOUNT, &format!("hr/{at}"), &format!("u{at}"))
        })
    };
    assert_snapshot!(scene("", 4).told(), @"(Refused ChangedElsewhere) chat: 4 of the 4 accounts that headcount remembers are not there any more (hr/1, hr/2, hr/3, …), and headcount deleted none of them; none is made again");
    assert_snapshot!(scene("  notOurs: [u1, u2, u3]", 4).told(), @r"
    0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > p1;
    1 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > p2;
    2 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; userName: nothing > p3;
    3 Create hr/4 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:4; userName: nothing > p4;
    (Warning ChangedElsewhere) hr/4: the account that headcount had for it was deleted, and not by headcount; a new one is made
    ");
    // One after the other is what people do.
    assert_eq!(scene("", 3).plan().changes.len(), 3);
}

#[test]
fn an_account_that_was_deleted_by_hand_is_made_again_where_the_target_could_not_be_read_whole() {
    let scene = Scene::simple().person("1", "ada").link(ACCOUNT, "hr/1", "u1").partial("chat");
    assert_snapshot!(scene.told(), @"
    0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > ada;
    (Incomplete IncompleteRead) chat: the connection was cut; its accounts were not read to the end, and nothing follows from what is missing
    (Warning ChangedElsewhere) hr/1: the account that headcount had for it was deleted, and not by headcount; a new one is made
    ");
}

#[test]
fn a_leaver_with_two_accounts_keeps_none() {
    let leaver = || Scene::simple().record("hr", json!({"id": "1", "login": "ada", "left": true}));
    let twice = leaver().marked("u1", "hr/1", "ada").marked("u2", "hr/1", "ada2");
    assert_snapshot!(twice.told(), @r"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    1 Deactivate hr/1 [Leaver] id=u2 active: true > false; risks [SignIn]
    (Error AmbiguousCorrelation) hr/1: its link and its marker lead to several accounts (u1, u2)
    ");
    let alike = leaver().marked("u1", "hr/1", "ada.old").account(json!({"id": "u2", "userName": "Ada"}));
    assert_snapshot!(alike.told(), @r"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    (Error OwnershipUnproven) hr/1: has left, and an active account looks like theirs (id u2), but nothing proves that it is headcount's; left as it is
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    ");
    let authoritative = Scene::new(&[source("hr", ""), target("  ownership: authoritative")])
        .record("hr", json!({"id": "1", "login": "ada", "left": true}))
        .marked("u1", "hr/1", "ada.old")
        .account(json!({"id": "u2", "userName": "Ada"}));
    assert_snapshot!(authoritative.told(), @r"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    1 Deactivate hr/1 [Leaver] id=u2 active: true > false; risks [SignIn]
    ");
    let linked = leaver()
        .marked("u1", "hr/1", "ada")
        .account(json!({"id": "u2", "userName": "ada2"}))
        .link(ACCOUNT, "hr/1", "u2")
        .but(|link| link.name = Some("ada2".into()));
    assert_snapshot!(linked.told(), @r"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    1 Deactivate hr/1 [Leaver] id=u2 active: true > false; risks [SignIn]
    (Warning AmbiguousCorrelation) hr/1: another account carries their mark, though headcount has theirs by another id; nothing is given to it (u1)
    ");
    let unproved = leaver().account(json!({"id": "u1", "userName": "ada"})).account(json!({"id": "u2", "userName": "ADA"}));
    assert_snapshot!(unproved.told(), @"(Error AmbiguousCorrelation) hr/1: several accounts have its userName (u1, u2)");
    let others = leaver().person("2", "bob").marked("u1", "hr/1", "ada.old").marked("u2", "hr/2", "ada");
    assert_snapshot!(others.told(), @r"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    (Error KeyHandedOn) hr/2: the key seems to be another person's now: at chat the account of hr/2 is ada's, and the record is bob's; everything stays as it is
    ");
}

#[test]
fn nothing_of_it_shakes_a_target_that_shows_everything() {
    let scene = Scene::simple().person("1", "ada").marked("u1", "hr/1", "ada").read("chat", ACCOUNT, Evidence::Complete);
    assert_snapshot!(scene.told(), @"nothing");
}

/// Where the account of a hidden row stands that the list is not to show.
const ELSEWHERE: &str = "uid=ada,ou=contractors,dc=example";

/// One who has an account beside the base, in a group there.
fn moved(document: &str, left: bool) -> Scene {
    let scene = Scene::new(&[source("hr", ""), target(document), group("all", "  rule: 'true'\n")]);
    let scene = scene.able(|able| able.finds_elsewhere = true).record("hr", json!({"id": "1", "login": "ada", "left": left}));
    let scene = scene.link(ACCOUNT, "hr/1", "u1").but(|link| link.name = Some("ada".into()));
    let scene = scene.marked_group("g1", "group/all", "all");
    let scene = scene.object(ObjectKind::Membership, json!({"group": "g1", "member": ELSEWHERE, "kind": "nobody"}));
    let scene = scene.hidden(ACCOUNT, json!({"id": "u1", "userName": "ada", "active": true, "$elsewhere": ELSEWHERE}));
    scene.hidden(ObjectKind::Membership, json!({"group": "g1", "member": "u1"}))
}

#[test]
fn an_account_that_stands_where_lists_do_not_look_is_held_and_no_second_one_is_made() {
    assert_snapshot!(moved("  groups: {}\n", false).told(), @"(Error StandsElsewhere) hr/1: the account that headcount has for it stands in ou=contractors,dc=example, where Target chat does not look; everything of it stays as it is, and no second one is made");
}

#[test]
fn a_leaver_whose_account_stands_where_lists_do_not_look_loses_sign_in_and_groups_there() {
    assert_snapshot!(moved("  groups: {}\n", true).told(), @"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    1 RemoveMembers group/all [Leaver] id=g1 hr/1
    (Warning StandsElsewhere) hr/1: goes, and the account that headcount has for it stands in ou=contractors,dc=example, where Target chat does not look; sign-in and memberships are taken, and nothing else of it changes
    ");
    let told = moved("  groups: {}\n", true).told();
    assert_eq!(moved("  groups: {}\n  leaver: {action: delete}\n", true).told(), told, "it is not deleted");
    assert_eq!(moved("  groups: {}\n  leaver: {action: deactivate, set: {title: gone}}\n", true).told(), told, "and not changed");
}

#[test]
fn the_list_counts_as_whole_where_others_stand_elsewhere() {
    let scene = moved("  groups: {}\n", false).person("2", "bob");
    assert!(scene.plan().evidence.iter().all(|known| known.evidence.proves_absence()), "the base was read whole");
    assert_snapshot!(scene.told(), @"
    0 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > bob;
    1 AddMembers group/all [Mover] id=g1 hr/2 needs [0]
    (Error StandsElsewhere) hr/1: the account that headcount has for it stands in ou=contractors,dc=example, where Target chat does not look; everything of it stays as it is, and no second one is made
    ");
}

#[test]
fn whoever_may_not_look_makes_no_second_account_and_says_why() {
    let scene = moved("  groups: {}\n", false).unanswerable("it was deleted, moved or hidden");
    assert_snapshot!(scene.told(), @"
    (Incomplete IncompleteRead) hr/1: the account was not among those read, and asking for it by its id gave no answer: it was deleted, moved or hidden
    (Warning GhostMember) group/all: it has a member that is no account or group there (uid=ada,ou=contractors,dc=example); headcount leaves it so
    ");
    assert_snapshot!(moved("  groups: {}\n", true).unanswerable("it was deleted, moved or hidden").told(), @"
    (Incomplete IncompleteRead) hr/1: goes, but the account was not among those read, and asking for it by its id gave no answer: it was deleted, moved or hidden
    (Warning GhostMember) group/all: it has a member that is no account or group there (uid=ada,ou=contractors,dc=example); headcount leaves it so
    ");
    assert_snapshot!(moved("  groups: {}\n  notOurs: [u1]\n", false).unanswerable("it was deleted, moved or hidden").told(), @"
    0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > ada;
    1 AddMembers group/all [Mover] id=g1 hr/1 needs [0]
    (Warning GhostMember) group/all: it has a member that is no account or group there (uid=ada,ou=contractors,dc=example); headcount leaves it so
    ");
}
