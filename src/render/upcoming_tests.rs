//! What falls due, as a terminal and Markdown show it.

use insta::assert_snapshot;
use jiff::civil::date;

use super::super::testing::empty;
use super::super::{Format, ViewOptions};
use crate::model::{Due, DueKind, Plan, Upcoming};

fn plan() -> Plan {
    let due = |day, what, key: &str, name: &str, target: Option<&str>, of: Option<&str>| Due {
        day: date(2026, 12, day),
        what,
        key: key.into(),
        name: name.into(),
        target: target.map(Into::into),
        of: of.map(Into::into),
    };
    let dues = vec![
        due(1, DueKind::Starts, "hr/7", "ada", None, None),
        due(1, DueKind::LastDay, "hr/8", "bob", None, None),
        due(1, DueKind::MembershipEnds, "hr/9", "cy", None, Some("Admins")),
        due(2, DueKind::AccountMade, "hr/10", "di", Some("chat"), None),
        due(2, DueKind::AccountDeleted, "hr/2", "old", Some("chat"), None),
        due(3, DueKind::EntitlementEnds, "hr/9", "cy", Some("chat"), Some("card")),
        due(3, DueKind::OverrideEnds, "a.yaml:4:5", "chat", Some("chat"), Some("delete")),
        due(3, DueKind::RevocationEnds, "revocation/lost-laptop", "a lost laptop", None, None),
    ];
    Plan { upcoming: Upcoming { dues, more: [(date(2026, 12, 3), 4)].into() }, ..empty() }
}

fn view(plan: &Plan, format: Format) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    super::super::write(plan, format, ViewOptions::wide(80), &mut out).unwrap();
    String::from_utf8(out.into_inner()).unwrap()
}

#[test]
fn what_falls_due_stands_after_the_plan_by_day() {
    assert_snapshot!(view(&plan(), Format::Text), @r###"
    Coming up

      2026-12-01  ada (hr/7) starts
                  bob (hr/8): last day
                  cy (hr/9): last day in Admins
      2026-12-02  di (hr/10) gets an account at chat, ahead of the start
                  old (hr/2): the deactivated account at chat is deleted
      2026-12-03  cy (hr/9): last day with card at chat
                  the override of delete at chat ends (a.yaml:4:5)
                  the revocation lost-laptop ends: a lost laptop
      … and 4 more; `-o json` has the first of them

    No changes. Everything is as declared.
    "###);
}

#[test]
fn a_comment_counts_people_and_names_nobody() {
    let days = super::days(&plan().upcoming).concat();
    assert_snapshot!(days, @r###"
    - 2026-12-01: 1 joiner, 1 leaver, 1 last day in a group
    - 2026-12-02: 1 account made ahead of a start, 1 deactivated account deleted
    - 2026-12-03: 1 last day with an entitlement, the override of `delete` at `chat` ends, the revocation `lost-laptop` ends, and 4 more
    "###);
    assert!(!days.contains("bob") && !days.contains("ada"), "{days}");
}

#[test]
fn a_shorter_look_ahead_leaves_out_what_comes_later() {
    let short = plan().upcoming.until(date(2026, 12, 1));
    assert_eq!((short.dues.len(), short.more.len()), (3, 0));
    assert_eq!(Plan { upcoming: short, ..plan() }.hash(), plan().hash());
}
