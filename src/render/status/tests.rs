//! The view at the widths at which people look, and each thing that it must not keep to itself.

use std::collections::BTreeMap;

use super::*;
use crate::model::{LeaseStatus, Need, NeedKind, RefusedBecause, RefusedRevision, Revision, STATUS_VERSION};
use crate::render::testing::plain;

fn at(time: &str) -> Timestamp {
    let day = if time.len() > 5 { String::new() } else { format!("2026-11-29T{time}:00Z") };
    if day.is_empty() { time } else { &day }.parse().expect("a time")
}

fn system(name: &str, role: SystemRole, state: SystemState, since: &str) -> SystemStatus {
    SystemStatus {
        name: name.into(),
        role,
        state,
        since: at(since),
        stall: None,
        why: None,
        read: Some(at("04:37")),
        complete: Some(at("04:37")),
        declared: None,
        heard: None,
        evidence: "complete".into(),
        rows: 2966,
        pending: Pending::default(),
        progress: None,
        waits: None,
        next: Some(at("05:37")),
        interval: 3600,
        withheld: BTreeMap::new(),
        drift: 0,
        breached: Vec::new(),
    }
}

fn need(kind: NeedKind, about: &str, words: &str, next: &str) -> Need {
    Need { kind, about: about.into(), words: words.into(), next: next.into(), since: at("04:02") }
}

fn calm() -> Status {
    use {SystemRole::*, SystemState::*};
    Status {
        format_version: STATUS_VERSION,
        workspace: "acme-people".into(),
        at: at("04:41"),
        revision: Some(Revision { id: "4f2c1e9".into(), name: "main@4f2c1e9".into(), at: at("04:35"), authors: Vec::new(), signer: None }),
        refused: None,
        lease: Some(LeaseStatus { holder: "hc-1".into(), epoch: 41 }),
        brake: None,
        needs: Vec::new(),
        systems: vec![
            system("hr", Source, AsDeclared, "04:01"),
            system("chat", Target, AsDeclared, "2026-11-28T04:02:00Z"),
            system("github", Target, AsDeclared, "2026-11-12T04:02:00Z"),
        ],
        journal: (184_203, "8c1e90aa".into()),
        identities: 2966,
        revocations_open: 0,
    }
}

/// A bad night.
fn night() -> Status {
    use {SystemRole::*, SystemState::*};
    let withheld = BTreeMap::from([("deactivate".to_owned(), 214)]);
    let why = |words: &str| Some(words.to_owned());
    Status {
        needs: vec![
            need(
                NeedKind::Stalled,
                "okta",
                "401 since 02:14, probe at 05:14; 3 changes and 1 revocation wait",
                "headcount connector check okta",
            ),
            need(NeedKind::Held, "chat", "hr came back 12 % smaller (2,611 of 2,966): 214 deactivations withheld", "headcount status hr"),
            need(NeedKind::Waits, "payroll", "plan 9be41c77: 12 people lose their sign-in", "headcount approve 9be41c77"),
            need(NeedKind::RevisionRefused, "main@9c1d2e3", "groups.yaml:12: there is no group \"opps\"", "headcount validate"),
        ],
        refused: Some(RefusedRevision {
            revision: Revision { id: "9c1d2e3".into(), name: "main@9c1d2e3".into(), at: at("04:02"), authors: Vec::new(), signer: None },
            since: at("04:02"),
            because: RefusedBecause::Invalid,
            why: vec![
                "groups.yaml:12: there is no group \"opps\"".into(),
                "groups.yaml:40: the rule names no attribute that anybody has".into(),
            ],
        }),
        systems: vec![
            SystemStatus { evidence: "partial".into(), rows: 2611, ..system("hr", Source, AsDeclared, "04:01") },
            SystemStatus {
                pending: Pending { give: 0, change: 0, take: 214 },
                withheld,
                why: why("214 deactivations withheld"),
                drift: 3,
                ..system("chat", Target, Held, "04:02")
            },
            SystemStatus {
                pending: Pending { give: 4, change: 15, take: 0 },
                progress: Some((7, 19)),
                next: Some(at("04:41")),
                ..system("github", Target, Changing, "04:38")
            },
            SystemStatus {
                pending: Pending { give: 2, change: 9, take: 0 },
                why: why("no window is open until 22:00"),
                next: Some(at("22:00")),
                ..system("warehouse", Target, WindowClosed, "2026-11-27T18:00:00Z")
            },
            SystemStatus {
                pending: Pending { give: 0, change: 0, take: 12 },
                waits: Some("9be41c77".repeat(8).into()),
                ..system("payroll", Target, WaitsForApproval, "04:02")
            },
            SystemStatus { read: None, complete: None, evidence: "unreadable".into(), ..system("okta", Target, Stalled, "02:14") },
        ],
        ..calm()
    }
}

fn drawn(status: &Status, width: Option<usize>, systems: &[String]) -> String {
    let look = StatusLook { width, now: at("04:41"), zone: &TimeZone::UTC, files: " -f acme", whole: true, systems };
    let mut out = Vec::new();
    write(status, look, &mut out).expect("memory takes everything");
    plain(&String::from_utf8(out).expect("text"))
}

#[test]
fn a_bad_night_at_each_width() {
    insta::assert_snapshot!(drawn(&night(), Some(80), &[]), @r#"
    acme-people  main@4f2c1e9 (6 min)  hc-1 writes, lease 41
      journal 184,203 8c1e90aa  times in UTC
    4 things need somebody
      stalled  okta          401 since 02:14, probe at 05:14; 3 changes and 1
                             revocation wait (since 04:02)
                             next: headcount connector check okta -f acme
      held     chat          hr came back 12 % smaller (2,611 of 2,966): 214
                             deactivations withheld (since 04:02)
                             next: headcount status hr -f acme
      waits    payroll       plan 9be41c77: 12 people lose their sign-in (since
                             04:02)
                             next: headcount approve 9be41c77 -f acme
      refused  main@9c1d2e3  groups.yaml:12: there is no group "opps" (since 04:02)
                             next: headcount validate -f acme
                             - groups.yaml:40: the rule names no attribute that
                               anybody has

    SYSTEM     STATE               SINCE      READ   EVIDENCE    PENDING  NEXT
    hr         Read                04:01      4 min  partial     -        05:37
    chat       Held                04:02      4 min  complete    -214     05:37
    github     Changing 7/19       04:38      4 min  complete    +4 ~15   now
    warehouse  Window closed       Fri 18:00  4 min  complete    +2 ~9    22:00
               no window is open until 22:00
    payroll    Waits for approval  04:02      4 min  complete    -12      05:37
    okta       Stalled             02:14      never  unreadable  -        05:37
    "#);
    insta::assert_snapshot!(drawn(&night(), Some(160), &[]), @r#"
    acme-people  main@4f2c1e9 (6 min)  hc-1 writes, lease 41  journal 184,203 8c1e90aa  times in UTC
    4 things need somebody
      stalled  okta          401 since 02:14, probe at 05:14; 3 changes and 1 revocation wait (since 04:02)        headcount connector check okta -f acme
      held     chat          hr came back 12 % smaller (2,611 of 2,966): 214 deactivations withheld (since 04:02)  headcount status hr -f acme
      waits    payroll       plan 9be41c77: 12 people lose their sign-in (since 04:02)                             headcount approve 9be41c77 -f acme
      refused  main@9c1d2e3  groups.yaml:12: there is no group "opps" (since 04:02)                                headcount validate -f acme
                             - groups.yaml:40: the rule names no attribute that anybody has

    SYSTEM     STATE               SINCE      READ   EVIDENCE    PENDING  NEXT
    hr         Read                04:01      4 min  partial     -        05:37
    chat       Held                04:02      4 min  complete    -214     05:37
    github     Changing 7/19       04:38      4 min  complete    +4 ~15   now
    warehouse  Window closed       Fri 18:00  4 min  complete    +2 ~9    22:00
               no window is open until 22:00
    payroll    Waits for approval  04:02      4 min  complete    -12      05:37
    okta       Stalled             02:14      never  unreadable  -        05:37
    "#);
    assert_eq!(drawn(&night(), None, &[]), drawn(&night(), Some(160), &[]), "a pipe has lines");
    for width in [60, 80, 100, 120] {
        let drawn = drawn(&night(), Some(width), &[]);
        let long = drawn.lines().find(|line| line.chars().count() > width && !line.contains("next: "));
        assert_eq!(long, None, "{width}");
    }
}

#[test]
fn a_system_in_full() {
    insta::assert_snapshot!(drawn(&night(), Some(80), &["chat".into(), "payroll".into(), "okta".into()]), @"
    acme-people  main@4f2c1e9 (6 min)  hc-1 writes, lease 41
      journal 184,203 8c1e90aa  times in UTC
    3 things need somebody
      stalled  okta     401 since 02:14, probe at 05:14; 3 changes and 1 revocation
                        wait (since 04:02)
                        next: headcount connector check okta -f acme
      held     chat     hr came back 12 % smaller (2,611 of 2,966): 214
                        deactivations withheld (since 04:02)
                        next: headcount status hr -f acme
      waits    payroll  plan 9be41c77: 12 people lose their sign-in (since 04:02)
                        next: headcount approve 9be41c77 -f acme

    Target chat: Held since 04:02 (39 min ago)
      why       214 deactivations withheld
      read      04:37 (4 min ago), complete: 2,966 rows
      declared  never yet
      pending   214 to take
      withheld  214 by deactivate
      drift     3 of what is declared changed by others: headcount drift -f acme
      next      05:37; a whole read every 1 h

    Target payroll: Waits for approval since 04:02 (39 min ago)
      read      04:37 (4 min ago), complete: 2,966 rows
      declared  never yet
      pending   12 to take
      waits     headcount approve 9be41c77 -f acme
      next      05:37; a whole read every 1 h

    Target okta: Stalled since 02:14 (2 h ago)
      read      never
      declared  never yet
      pending   nothing
      next      05:37; a whole read every 1 h
    ");
}

#[test]
fn what_is_well_is_one_sentence() {
    insta::assert_snapshot!(drawn(&calm(), Some(80), &[]), @"
    acme-people  main@4f2c1e9 (6 min)  hc-1 writes, lease 41
      journal 184,203 8c1e90aa  times in UTC
    Nothing needs somebody: everything is as declared, for 2,966 people from 1
    source at 2 targets.

    SYSTEM  STATE        SINCE       READ   EVIDENCE  PENDING  NEXT
    hr      Read         04:01       4 min  complete  -        05:37
    chat    As declared  Sat 04:02   4 min  complete  -        05:37
    github  As declared  2026-11-12  4 min  complete  -        05:37
    ");
    let unread = Status { systems: vec![system("hr", SystemRole::Source, SystemState::Unknown, "04:01")], ..calm() };
    assert!(drawn(&unread, None, &[]).contains("Nothing needs somebody yet: it is not known of every system how it stands."));
    let busy = Status { systems: vec![system("hr", SystemRole::Target, SystemState::Changing, "04:01")], ..calm() };
    assert!(drawn(&busy, None, &[]).contains("Nothing needs somebody.\n"));
    assert!(!needs_somebody(&busy, at("04:41")));
}

#[test]
fn an_old_status_says_first_that_nobody_runs_it() {
    let old = Status { at: at("04:38"), ..night() };
    let told = drawn(&old, Some(80), &[]);
    assert!(told.starts_with("Nobody seems to run this workspace: what stands below was so at 04:38 (3 min\nago)"), "{told}");
    assert!(told.contains("start it again as it was started") && told.contains("4 things needed somebody then"), "{told}");
    let two = Status { at: at("04:39"), ..calm() };
    assert!(drawn(&two, None, &[]).starts_with("acme-people") && !needs_somebody(&two, at("04:41")));
    let quiet = Status { at: at("04:38"), ..calm() };
    assert!(drawn(&quiet, None, &[]).contains("Nothing needed somebody then: ") && needs_somebody(&quiet, at("04:41")));
    // Of a clock that is behind nothing is older than it is.
    assert!(!is_silent(&calm(), at("04:30")));
}

#[test]
fn who_stopped_it_is_told_with_the_way_back() {
    let brake = |everything| Some(Brake { who: "mara".into(), at: at("04:11"), reason: Some("HR-2291\u{1b}[2J".into()), everything });
    let told = drawn(&Status { brake: brake(false), ..calm() }, Some(120), &[]);
    assert!(
        told.contains(
            "All writing is stopped but revocations by mara since 04:11 (30 min ago): HR-2291\\u{1b}[2J\n  next: headcount resume -f acme\n"
        ),
        "{told}"
    );
    let everything = Status { brake: brake(true), ..calm() };
    assert!(drawn(&everything, None, &[]).contains("All writing is stopped, revocations too by mara"));
    assert!(needs_somebody(&everything, at("04:41")));
}

#[test]
fn colours_say_nothing_that_words_do_not() {
    let look = StatusLook { width: Some(80), now: at("04:41"), zone: &TimeZone::UTC, files: "", whole: true, systems: &[] };
    let mut out = Vec::new();
    write(&night(), look, &mut out).expect("memory takes everything");
    let coloured = String::from_utf8(out).expect("text");
    assert!(coloured.contains(&paint(BAD, "Held")) && coloured.contains(&paint(CHANGED, "Changing 7/19")));
}
