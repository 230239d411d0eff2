//! Links that lead to somebody else: another system behind a target, ids that are used again, accounts that nobody may touch.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, group, source, target};
use crate::model::{ObjectKind, UNKNOWN_SYSTEM};
use crate::planning::placed_links;

const ACCOUNT: ObjectKind = ObjectKind::Account;

/// Five people whose links lead to accounts called like these.
fn linked(scene: Scene, called: impl Fn(u32) -> String) -> Scene {
    (1..=5).fold(scene, |scene, at| {
        let (key, id) = (format!("hr/{at}"), format!("u{at}"));
        scene
            .person(&at.to_string(), &format!("p{at}"))
            .account(json!({"id": id, "userName": called(at)}))
            .link(ACCOUNT, &key, &id)
            .but(|link| link.name = Some(format!("p{at}").into()))
    })
}

fn without_marks(scene: Scene) -> Scene {
    scene.able(|able| (able.account_marker, able.group_marker) = (None, None))
}

#[test]
fn another_system_behind_a_target_makes_no_stranger_ours_whether_it_holds_marks_or_not() {
    let strangers = linked(Scene::simple(), |at| format!("stranger{at}"));
    let told = strangers.told();
    assert_snapshot!(told, @"(Refused OwnershipUnproven) chat: 5 of the 5 accounts that only headcount's memory proves have neither the mark nor the name nor a key of their people (hr/1: u1 is now stranger1, hr/2: u2 is now stranger2, hr/3: u3 is now stranger3, …), as if another system stood behind scim https://chat.example; nothing is planned for these 5 people, and nobody gets an account there");
    assert_eq!(without_marks(strangers).told(), told);
}

#[test]
fn where_some_fit_by_chance_nobody_is_believed() {
    let scene = linked(Scene::simple(), |at| if at == 1 { "p1".into() } else { format!("stranger{at}") });
    assert_snapshot!(without_marks(scene).told(), @"(Refused OwnershipUnproven) chat: 4 of the 5 accounts that only headcount's memory proves have neither the mark nor the name nor a key of their people (hr/2: u2 is now stranger2, hr/3: u3 is now stranger3, hr/4: u4 is now stranger4, …), as if another system stood behind scim https://chat.example; nothing is planned for these 5 people, and nobody gets an account there");
}

#[test]
fn marks_that_are_lost_are_set_again_where_names_fit() {
    let scene = linked(Scene::simple(), |at| format!("P{at}"));
    assert_eq!(scene.plan().changes.len(), 5);
    assert_snapshot!(without_marks(scene).told(), @"nothing");
}

#[test]
fn an_id_that_was_used_again_is_nobodys_proof_until_somebody_says_so() {
    let scene = |rest: &str| {
        without_marks(Scene::new(&[source("hr", ""), target(rest)]))
            .person("1", "ada")
            .account(json!({"id": "7", "userName": "zoe"}))
            .link(ACCOUNT, "hr/1", "7")
            .but(|link| link.name = Some("ada".into()))
    };
    assert_snapshot!(scene("").told(), @"(Error OwnershipUnproven) hr/1: the account that headcount remembers (id 7) is now zoe, with neither their mark nor a name or key of theirs, so its id may have been used again; it is left alone, and nobody gets another one");
    assert_snapshot!(scene("  notOurs: ['7']").told(), @r"
    0 Create hr/1 [Joiner] active: nothing > true; userName: nothing > ada;
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    ");
    // What it was called when headcount last wrote it is enough: the new name comes from the source.
    let renamed = scene("").but(|link| link.name = Some("ZOE".into()));
    assert_snapshot!(renamed.told(), @"0 Update hr/1 [Mover] id=7 userName: zoe > ada; risks [SignIn]");
}

#[test]
fn of_somebody_who_is_gone_only_the_name_can_tell() {
    let scene = without_marks(Scene::simple()).account(json!({"id": "7", "userName": "zoe"})).link(ACCOUNT, "hr/1", "7");
    assert_snapshot!(scene.clone().but(|link| link.name = Some("ada".into())).told(), @"(Error OwnershipUnproven) hr/1: the account that headcount remembers (id 7) is now zoe, with neither their mark nor a name or key of theirs, so its id may have been used again; it is left alone, and nobody gets another one");
    assert_snapshot!(scene.but(|link| link.name = Some("zoe".into())).told(), @"0 Deactivate hr/1 [Absent] id=7 active: true > false; risks [SignIn]");
}

#[test]
fn links_of_another_system_prove_nothing_until_a_target_says_that_it_is_the_same() {
    let scene = |rest: &str| {
        let documents = [source("hr", ""), target(&format!("  groups: {{}}\n{rest}")), group("all", "  rule: 'true'\n")];
        without_marks(Scene::new(&documents))
            .person("1", "ada")
            .record("hr", json!({"id": "2", "login": "bob", "left": true}))
            .account(json!({"id": "7", "userName": "ada"}))
            .account(json!({"id": "8", "userName": "bob"}))
            .group("g1", "all")
            .link(ACCOUNT, "hr/1", "7")
            .but(|link| link.system = 0xabc)
            .link(ACCOUNT, "hr/2", "8")
            .but(|link| link.system = 0xabc)
            .link(ObjectKind::Group, "group/all", "g1")
            .but(|link| link.system = 0xabc)
    };
    assert_snapshot!(scene("").told(), @r"
    (Refused OwnershipUnproven) hr/1, hr/2: remembered at another system (number 0000000000000abc) than chat speaks to now (scim https://chat.example), and no mark there is theirs; nothing is planned for them
    (Error OwnershipUnproven) group/all: remembered at another system than the target speaks to now, and no mark there is its own
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    (Note OwnershipUnproven) chat: 2 accounts belong to nobody that headcount knows, left alone
    ");
    assert_snapshot!(scene("  previousSystems: [0000000000000abc]").told(), @r"
    0 Deactivate hr/2 [Leaver] id=8 active: true > false; risks [SignIn]
    1 AddMembers group/all [Mover] id=g1 hr/1
    ");
}

#[test]
fn links_of_which_nobody_remembers_the_system_count_where_a_mark_or_a_key_fits_and_are_placed_then() {
    let unplaced = |scene: Scene| scene.but(|link| link.system = UNKNOWN_SYSTEM);
    let scene = without_marks(Scene::simple()).person("1", "ada").account(json!({"id": "7", "userName": "ada"}));
    let fits = unplaced(scene.link(ACCOUNT, "hr/1", "7"));
    let fits = unplaced(fits.link(ObjectKind::Entitlement, "hr/1#seat", "7"));
    assert_snapshot!(fits.told(), @"nothing");
    let placed: Vec<_> = placed_links(&fits.policy, &fits.world(), fits.moment);
    let here = fits.policy.targets[0].system.id;
    let told: Vec<_> = placed.iter().map(|link| (link.key.as_ref(), link.system == here, link.name.as_deref())).collect();
    assert_eq!(told, [("hr/1", true, Some("ada")), ("hr/1#seat", true, None)]);

    // An id alone proves nothing at a system that nobody remembers.
    let strange = without_marks(Scene::simple()).person("1", "ada").account(json!({"id": "7", "userName": "zoe"}));
    let strange = unplaced(strange.link(ACCOUNT, "hr/1", "7"));
    assert_snapshot!(strange.told(), @"(Error OwnershipUnproven) hr/1: the account that headcount remembers (id 7) is now zoe, with neither their mark nor a name or key of theirs, so its id may have been used again; it is left alone, and nobody gets another one");
    assert_eq!(placed_links(&strange.policy, &strange.world(), strange.moment), []);

    let marked = unplaced(Scene::simple().person("1", "ada").marked("u9", "hr/1", "ada").link(ACCOUNT, "hr/1", "u9"));
    assert_snapshot!(marked.told(), @"nothing");
    assert_eq!(placed_links(&marked.policy, &marked.world(), marked.moment).len(), 1);
}

#[test]
fn whoever_is_new_gets_no_account_at_what_seems_to_be_another_system() {
    // Strangers under the ids of ours, and links of another address or file.
    let strangers = linked(Scene::simple(), |at| format!("stranger{at}")).person("6", "new");
    assert_eq!(strangers.plan().changes.len(), 0, "{}", strangers.told());
    let mut elsewhere = linked(Scene::simple(), |at| format!("stranger{at}")).person("6", "new");
    elsewhere.memory.links.iter_mut().for_each(|link| link.system = 0xabc);
    // Nor is somebody else's account taken over there.
    let elsewhere = elsewhere.account(json!({"id": "9", "userName": "new"}));
    assert_eq!(elsewhere.plan().changes.len(), 0, "{}", elsewhere.told());
    assert!(elsewhere.told().contains("nobody who is new gets an account at this one"), "{}", elsewhere.told());
}

#[test]
fn what_headcount_did_is_not_forgotten_over_a_strangers_account_of_the_same_id() {
    let undone = |scene: Scene| {
        let scene = scene.deactivated("7", 3);
        scene.world().undone_deactivations(&scene.policy).iter().map(|undone| undone.id.to_string()).collect::<Vec<_>>()
    };
    let scene = |name: &str| {
        Scene::simple().account(json!({"id": "7", "userName": name})).link(ACCOUNT, "hr/1", "7").but(|link| link.name = Some("ada".into()))
    };
    assert_eq!(undone(scene("ada")), ["7"]);
    assert!(undone(scene("stranger")).is_empty(), "another account has the id");
    assert!(undone(scene("ada").but(|link| link.system = 0xabc)).is_empty(), "another system");
}

#[test]
fn a_mark_proves_at_any_system() {
    let scene = Scene::simple().person("1", "ada").marked("u9", "hr/1", "ada").link(ACCOUNT, "hr/1", "7").but(|link| link.system = 1);
    assert_snapshot!(scene.told(), @"nothing");
}

#[test]
fn a_revocation_cuts_off_no_stranger_by_a_link_alone() {
    let revocation =
        "kind: Revocation\nmetadata: {name: now}\nspec: {identities: [{identity: {source: hr, key: '1'}}], reason: stolen}\n".to_owned();
    let scene = without_marks(Scene::new(&[source("hr", ""), target(""), revocation]))
        .person("1", "ada")
        .account(json!({"id": "7", "userName": "zoe"}))
        .link(ACCOUNT, "hr/1", "7")
        .but(|link| link.name = Some("ada".into()));
    assert_snapshot!(scene.told(), @r"
    (Error AmbiguousCorrelation) hr/1: an account that looks like theirs (id 7) has neither the mark nor a name or key of theirs any more, so the revocation leaves it alone
    (Error OwnershipUnproven) hr/1: the account that headcount remembers (id 7) is now zoe, with neither their mark nor a name or key of theirs, so its id may have been used again; it is left alone, and nobody gets another one
    ");
}

#[test]
fn a_protected_account_is_nobodys() {
    let documents = [
        source("hr", ""),
        target("  groups: {}\n  protect: {accounts: [Admin], rule: 'account.userName == \"root\"'}\n"),
        group("all", "  rule: 'true'\n"),
    ];
    let scene = Scene::new(&documents)
        .person("1", "admin")
        .record("hr", json!({"id": "2", "login": "bob", "title": "Clerk"}))
        .person("3", "cy")
        .account(json!({"id": "1", "userName": "admin"}))
        .marked("2", "hr/2", "root")
        .account(json!({"id": "3", "userName": "cy"}))
        .marked_group("g", "group/all", "all");
    assert_snapshot!(scene.told(), @r"
    0 Adopt hr/3 [Joiner] id=3 externalId: nothing > hc:acme:hr:3; risks [Adoption]
    1 AddMembers group/all [Mover] id=g hr/3 needs [0]
    2 AddMembers group/all [Mover] id=g hr/2 needs [0] WITHHELD
    (Error NameTaken) hr/1: an account of somebody else has the userName admin, so none is made
    (Warning Protected) hr/2: the account differs from what it should be and is protected, so it is left as it is
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    (Warning Protected) chat: protected accounts would be changed, or given a group or an entitlement; none of that goes
    ");
}
