//! The text view, with and without colour.

use super::super::testing::{self, Building, account, change, group, plain, text};
use super::*;
use crate::model::{Action, Change, FindingCode, ObjectKind, ObjectRef, Reason, Subject, Value};

fn shown(plan: &Plan, width: usize) -> String {
    let mut out = Vec::new();
    write(plan, ViewOptions::wide(width), &mut out).expect("memory takes everything");
    plain(&String::from_utf8(out).expect("text"))
}

#[test]
fn an_empty_plan_says_so() {
    assert_eq!(shown(&testing::empty(), 80), "No changes. Everything is as declared.\n");
}

#[test]
fn a_standing_note_is_told_once_and_then_counted() {
    let mut plan = testing::empty();
    let note = |code, words: &str| Finding::new(Severity::Note, code, Subject::system(&"chat".into()), words);
    plan.findings = vec![
        note(FindingCode::UnsupportedCapability, "groups can't be nested here"),
        note(FindingCode::OwnershipUnproven, "2 accounts belong to nobody"),
        note(FindingCode::ChangedElsewhere, "a title is put right"),
    ];
    let told = plan.findings.iter().filter_map(Finding::standing).take(1).collect();
    let seen = |full| {
        let mut out = Vec::new();
        write(&plan, ViewOptions { told: Some(&told), full, ..ViewOptions::wide(100) }, &mut out).expect("memory takes everything");
        plain(&String::from_utf8(out).expect("text"))
    };
    insta::assert_snapshot!(seen(false), @"
    Findings

      1. note: chat: 2 accounts belong to nobody [ownership-unproven]

      2. note: chat: a title is put right [changed-elsewhere]

    1 note stands as before; `headcount plan --full` shows it

    No changes. Everything is as declared.
    ");
    assert!(seen(true).contains("groups can't be nested here"), "whoever wants everything gets it");
}

#[test]
fn a_next_step_is_broken_between_words_and_its_command_is_not() {
    let mut plan = testing::empty();
    plan.findings = vec![
        Finding::new(Severity::Warning, FindingCode::Revocation, Subject::default(), "hr/1 is cut off")
            .hint("Commit the Revocation that the command printed, or end it: `headcount revoke --lift hr/1`, and say who said so"),
    ];
    insta::assert_snapshot!(shown(&plan, 50), @"
    Findings

      1. warning: hr/1 is cut off [revocation]
         next: Commit the Revocation that the command
         printed, or end it:
         `headcount revoke --lift hr/1`, and say who
         said so

    No changes. Everything is as declared.
    ");
}

#[test]
fn one_of_everything() {
    insta::assert_snapshot!(shown(&testing::sample(), 100), @r#"
      1. incomplete: badges could not be read: connection refused. [incomplete-read]
         next: is the service up? What depends on it keeps its observed value

    Target chat

      - mallory's account is deleted (hr/8, its time is over) [can't be undone] [withheld: see finding
        2]
      ! eve loses sign-in (hr/9, has left)
      ~ carol is updated (hr/3, differs from the record)
          department    Sales → Support
          manager       (none) → jane.doe (hr/1)
          phoneNumbers  1 → 2
          title         Assistant → (none)
          groups:  - Sales
      & hr/2 takes over the existing account bob (declared) [not made by headcount]
          externalId  (none) → acme:hr/2
          title       Engineer → Senior Engineer
      ^ dave gets sign-in back (hr/4, is back)
      + jane.doe gets an account (hr/1)
          active: true · displayName: Jane Doe · userName: jane.doe
      + group Engineering is created (group/engineering, declared)
          displayName: Engineering
          members:  + group SRE (400 people)  + bob  + jane.doe

    Target wiki

      ! eve loses sign-in (hr/9, no longer in hr) [withheld: see finding 1]
      ~ oscar is updated (hr/5, differs from the record)
          password  (secret) → (secret)
      + jane.doe gets an account (hr/1)
          userName: jane.doe

    Findings

      2. refused: 1 account would be deleted at chat; 0 are allowed. [guardrail-exceeded]
         at acme.yaml:32:5
         next: add this to spec.guardrails.overrides:
         - guardrail: delete
           changes: 12ab

      3. warning: chat: zoe carries the external id "x" of somebody else. [foreign-owner]

    Look at these twice

      not made by headcount:  bob (chat), given to hr/2

    chat  1 to create, 1 to take over, 1 to update, 1 to get sign-in back, 1 to lose sign-in, 1 group to
        create, 3 memberships to add, 1 to remove; 1 change withheld
    wiki  1 to create, 1 to update; 1 change withheld
    Plan: 2 to create, 1 to take over, 2 to update, 1 to get sign-in back, 1 to lose sign-in, 1 group to
        create, 3 memberships to add, 1 to remove; 2 changes withheld. The plan is incomplete.
    "#);
}

#[test]
fn a_narrow_terminal_wraps_between_words_and_cuts_nothing() {
    let mut plan = testing::empty();
    let long = "a title that goes on and on, far beyond what a narrow terminal has room for";
    plan.changes.push(change("chat", Action::Update, account("hr/1", "jane"), Reason::Mover).with("title", text("short"), text(long)));
    let many: Vec<_> = (0..30).map(|at| (format!("hr/{at}"), format!("person{at}"))).collect();
    let many: Vec<_> = many.iter().map(|(key, name)| (key.as_str(), name.as_str())).collect();
    plan.changes.push(change("chat", Action::AddMembers, group("All"), Reason::Mover).members(&many));
    let view = shown(&plan, 50);
    assert!(view.lines().all(|line| line.width() <= 50 || line.contains(long)), "{view}");
    insta::assert_snapshot!(view, @"
    Target chat

      ~ jane is updated (hr/1, differs from the
        record)
          title
            - short
            + a title that goes on and on, far beyond
              what a narrow terminal has room for
      members of All (group/all): 30 to add
          + person0  + person1  + person10  + person11
          + person12  + person13  + person14
          + person15  + person16  + person17
          + person18  + person19  + person2
          + person20  + person21  + person22
          + person23  + person24  + person25
          + person26  + person27  + person28
          + person29  + person3  + person4  + person5
          + person6  + person7  + person8  + person9

    Plan: 1 to update, 30 memberships to add.
    ");
}

#[test]
fn names_from_outside_can_not_steer_the_terminal() {
    let mut plan = testing::empty();
    let evil = "\u{1b}[2J\u{1b}[31mroot\nPlan: nothing\u{202e}";
    let mut evil_change = change("ch\u{1b}at", Action::Create, account(evil, evil), Reason::Joiner).with(evil, None, text(evil));
    evil_change.members.clear();
    plan.changes = vec![evil_change, change("chat", Action::AddMembers, group(evil), Reason::Mover).members(&[(evil, evil)])];
    let finding = Finding::new(Severity::Note, crate::model::FindingCode::Orphan, crate::model::Subject::default(), evil);
    plan.findings = vec![finding.hint(evil)];
    let mut out = Vec::new();
    write(&plan, ViewOptions::wide(100), &mut out).expect("memory takes everything");
    let view = String::from_utf8(out).expect("text");
    assert!(!view.contains("\u{1b}[2J") && !view.contains('\u{202e}'), "{view:?}");
    assert!(!plain(&view).contains('\u{1b}'));
}

#[test]
fn a_secret_is_never_shown() {
    let mut plan = testing::empty();
    let secret = |word: &str| Some(Value::List([Value::text(word)].into()));
    plan.changes = vec![
        change("chat", Action::Create, account("hr/1", "jane"), Reason::Joiner).with("password", None, text("hunter2")),
        change("chat", Action::Update, account("hr/2", "bob"), Reason::Mover).with("password", secret("hunter3"), secret("hunter4")),
    ];
    assert!(!shown(&plan, 40).contains("hunter"));
}

#[test]
fn hundreds_of_findings_of_one_kind_are_counted() {
    let mut plan = testing::empty();
    let subject = crate::model::Subject::default;
    let finding = |at: usize| Finding::new(Severity::Warning, crate::model::FindingCode::Orphan, subject(), format!("account {at}"));
    plan.findings = (0..100).map(finding).collect();
    let view = shown(&plan, 100);
    assert!(view.contains("… and 70 more of orphan; `-o json` has them all"), "{view}");
}

#[test]
fn a_long_plan_gathers_its_risks_at_the_end() {
    let mut plan = testing::empty();
    let leaver = |at: usize| {
        let name = format!("leaver{at}");
        change("chat", Action::Deactivate, account(&format!("hr/{at}"), &name), Reason::Leaver).risky(crate::model::Risk::SignIn)
    };
    plan.changes = (0..25).map(leaver).collect();
    let view = shown(&plan, 80);
    let (_, end) = view.split_once("Look at these twice").expect("the block is there");
    insta::assert_snapshot!(end, @"


      loses sign-in:  leaver0 (chat)  leaver1 (chat)  leaver2 (chat)  leaver3 (chat)
          leaver4 (chat)  leaver5 (chat)  leaver6 (chat)  leaver7 (chat)
          leaver8 (chat)  leaver9 (chat)  leaver10 (chat)  leaver11 (chat)
          leaver12 (chat)  leaver13 (chat)  leaver14 (chat)  leaver15 (chat)
          leaver16 (chat)  leaver17 (chat)  leaver18 (chat)  leaver19 (chat)
          … and 5 more

    Plan: 25 to lose sign-in.
    ");
    plan.changes.truncate(3);
    assert!(!shown(&plan, 80).contains("Look at these twice"), "a short plan shows them where they stand");
}

#[test]
fn entitlements_are_told_by_what_is_given_and_to_whom() {
    insta::assert_snapshot!(shown(&testing::cards(), 100), @"
    Target finance

      - ann.ray loses travel-card (hr/3, has left)
      ~ jane.doe keeps travel-card, changed (hr/1, differs from its rule)
          limit  500 → 2000
      + max.lee gets travel-card (hr/2, a rule gives it)
          limit: 500 · phoneNumbers: 555-0100 · region: EU
      + bob.fox gets an account (hr/4)
          userName: bob.fox
          + gets travel-card

    Plan: 1 to create, 2 entitlements to grant, 1 to change, 1 to withdraw.
    ");
}

#[test]
fn what_is_refused_is_never_called_as_declared() {
    let mut plan = testing::empty();
    plan.findings.push(Finding::new(Severity::Refused, FindingCode::PossibleRename, Subject::default(), "two groups look alike"));
    let text = shown(&plan, 80);
    assert!(!text.contains("as declared") && text.contains("No changes, but one thing could not be decided"), "{text}");
}

#[test]
fn a_rename_of_a_group_is_a_rename_with_both_names_and_no_raw_mark() {
    let mut plan = testing::empty();
    let marks = crate::model::Marks::of("acme");
    let mark = |key: &str| Some(Value::text(marks.mark(key)));
    let renamed = change("chat", Action::Update, account("group/run", "ops"), Reason::Declared)
        .with("displayName", text("ops"), text("run"))
        .with("externalId", mark("group/ops"), mark("group/run"));
    let object = ObjectRef { kind: ObjectKind::Group, ..renamed.object.clone() };
    plan.changes = vec![Change { object, former_key: Some("group/ops".into()), ..renamed }];
    insta::assert_snapshot!(shown(&plan, 100), @"
    Target chat

      ~ group ops is renamed (group/run, was group/ops, declared)
          displayName  ops → run
          externalId   headcount's mark of group/ops → headcount's mark of group/run

    Plan: 1 group to rename.
    ");
}

#[test]
fn whoever_is_moved_is_said_to_move_from_where_to_where() {
    let mut plan = testing::empty();
    let moved = |key: &str, from, to| {
        change("ad", Action::Update, account(key, key), Reason::Mover).with("container", from, to).with("title", text("A"), text("B"))
    };
    let left =
        change("ad", Action::Deactivate, account("hr/3", "cy"), Reason::Leaver).with("container", text("OU=Sales"), text("OU=Leavers"));
    plan.changes = vec![left, moved("hr/1", text("OU=Sales"), text("OU=Support")), moved("hr/2", None, text("OU=Sales"))];
    let told = shown(&plan, 100);
    for line in [
        "hr/1 moves from OU=Sales to OU=Support",
        "hr/2 moves from the top to OU=Sales",
        "cy loses sign-in",
        "container  OU=Sales → OU=Leavers",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    assert_eq!(told.matches("container").count(), 1, "{told}");
}

#[test]
fn what_only_follows_from_an_unread_system_stands_below_it_and_is_counted() {
    let mut plan = testing::empty();
    let unread = |message: &str| Finding::new(Severity::Incomplete, FindingCode::IncompleteRead, Subject::default(), message);
    let follows = (0..7).map(|at| Finding { follows: true, ..unread(&format!("group/{at} is not removed")) });
    plan.findings = follows.chain([unread("hr could not be read")]).collect();
    insta::assert_snapshot!(shown(&plan, 80), @"
      1. incomplete: hr could not be read [incomplete-read]

         because of that (7 things):
         - group/0 is not removed
         - group/1 is not removed
         - group/2 is not removed
         - group/3 is not removed
         - group/4 is not removed
         … and 2 more; `-o json` has them all

    No changes in what could be read. The plan is incomplete.
    ");
}
