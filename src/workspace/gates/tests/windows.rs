//! Windows: by the clock on the wall, across midnight and when the clock is put forward or back.

use super::*;

/// Whether a change goes at each instant, and when it goes next where it does not.
fn story(windows: &str, change: &Change, moments: &[&str]) -> Vec<String> {
    let policy = policy(windows);
    let line = |now: &&str| match gate(change, &Gates::of(&policy), at(now)) {
        Verdict::Go => format!("{now} goes"),
        Verdict::Hold { by: GateKind::Window, until, words } => {
            format!("{now} {words}{}", until.map_or_else(String::new, |until| format!(", {until}")))
        }
        other => panic!("{other:?}"),
    };
    moments.iter().map(line).collect()
}

#[test]
fn a_window_that_ends_after_midnight_is_of_the_day_on_which_it_begins() {
    let windows = "  windows: [{allow: {days: [fri], from: \"22:00\", to: \"06:00\"}}]";
    // Friday and Saturday in Berlin, an hour ahead of UTC.
    let moments = ["2026-11-20T20:59:59Z", "2026-11-20T21:00:00Z", "2026-11-21T04:59:59Z", "2026-11-21T05:00:00Z", "2026-11-21T21:30:00Z"];
    insta::assert_debug_snapshot!(story(windows, &title("hr/1", "Chief"), &moments), @r#"
    [
        "2026-11-20T20:59:59Z no window is open until Fri 22:00, 2026-11-20T21:00:00Z",
        "2026-11-20T21:00:00Z goes",
        "2026-11-21T04:59:59Z goes",
        "2026-11-21T05:00:00Z no window is open until Fri 22:00, 2026-11-27T21:00:00Z",
        "2026-11-21T21:30:00Z no window is open until Fri 22:00, 2026-11-27T21:00:00Z",
    ]
    "#);
}

#[test]
fn deny_beats_allow_and_the_next_opening_is_past_both() {
    let windows = "  windows:\n  - allow: {from: \"20:00\", to: \"24:00\"}\n  - deny: {days: [sun]}";
    insta::assert_debug_snapshot!(story(windows, &title("hr/1", "Chief"), &["2026-11-22T20:00:00Z", "2026-11-23T19:30:00Z"]), @r#"
    [
        "2026-11-22T20:00:00Z a window keeps changes off until Mon 20:00, 2026-11-23T19:00:00Z",
        "2026-11-23T19:30:00Z goes",
    ]
    "#);
}

#[test]
fn a_window_of_what_takes_something_holds_nothing_else() {
    let windows = "  windows: [{deny: {from: \"09:00\", to: \"17:00\", kinds: destructive}}]";
    assert_eq!(story(windows, &title("hr/1", "Chief"), &["2026-11-22T12:00:00Z"]), ["2026-11-22T12:00:00Z goes"]);
    let rename = Change { risks: vec![Risk::SignIn], ..title("hr/1", "Chief") };
    for change in [account(Action::Delete, "hr/1"), members(Action::RemoveMembers, "group/all", &["hr/1"]), rename] {
        let told = story(windows, &change, &["2026-11-22T12:00:00Z"]);
        assert_eq!(told, ["2026-11-22T12:00:00Z a window keeps changes off until Sun 17:00, 2026-11-22T16:00:00Z"]);
    }
    let allow = "  windows: [{allow: {days: [sat], kinds: destructive}}]";
    assert_eq!(story(allow, &title("hr/1", "Chief"), &["2026-11-22T12:00:00Z"]), ["2026-11-22T12:00:00Z goes"]);
}

#[test]
fn a_run_lasts_no_longer_than_the_window_that_lets_it_through() {
    let nights =
        policy("  windows:\n  - allow: {from: \"22:00\", to: \"06:00\"}\n  - deny: {from: \"23:00\", to: \"23:30\", kinds: destructive}");
    let closes = |policy: &Policy, changes: Vec<Change>, gates: &dyn Fn(&mut Gates<'_>)| {
        let mut of = Gates::of(policy);
        gates(&mut of);
        closes(&super::plan(changes), &of, at("2026-11-20T21:30:00Z")).map(|at| at.to_string())
    };
    let none = |_: &mut Gates<'_>| {};
    let (gives, takes) = (|| title("hr/1", "Chief"), || account(Action::Delete, "hr/1"));
    assert_eq!(closes(&nights, vec![gives()], &none).as_deref(), Some("2026-11-21T05:00:00Z"));
    assert_eq!(closes(&nights, vec![gives(), takes()], &none).as_deref(), Some("2026-11-20T22:00:00Z"));
    let past = |gates: &mut Gates<'_>| gates.past_windows = ["chat".into()].into();
    assert_eq!(closes(&nights, vec![gives()], &past), None, "somebody asked for that");
    assert_eq!(closes(&policy(""), vec![gives()], &none), None);
}

#[test]
fn where_the_clock_is_put_forward_a_window_is_an_hour_shorter_or_begins_later() {
    // On 2027-03-28 in Berlin 02:00 is 03:00, at 01:00Z.
    let night = "  windows: [{allow: {from: \"01:00\", to: \"04:00\"}}]";
    let moments = ["2027-03-27T23:59:59Z", "2027-03-28T00:00:00Z", "2027-03-28T01:00:00Z", "2027-03-28T02:00:00Z"];
    insta::assert_debug_snapshot!(story(night, &title("hr/1", "Chief"), &moments), @r#"
    [
        "2027-03-27T23:59:59Z no window is open until Sun 01:00, 2027-03-28T00:00:00Z",
        "2027-03-28T00:00:00Z goes",
        "2027-03-28T01:00:00Z goes",
        "2027-03-28T02:00:00Z no window is open until Mon 01:00, 2027-03-28T23:00:00Z",
    ]
    "#);
    // What begins in the hour that does not come begins when it is over.
    let gap = "  windows: [{allow: {from: \"02:30\", to: \"03:10\"}}]";
    let moments = ["2027-03-28T00:59:59Z", "2027-03-28T01:00:00Z", "2027-03-28T01:09:00Z", "2027-03-28T01:10:00Z"];
    insta::assert_debug_snapshot!(story(gap, &title("hr/1", "Chief"), &moments), @r#"
    [
        "2027-03-28T00:59:59Z no window is open until Sun 03:00, 2027-03-28T01:00:00Z",
        "2027-03-28T01:00:00Z goes",
        "2027-03-28T01:09:00Z goes",
        "2027-03-28T01:10:00Z no window is open until Mon 02:30, 2027-03-29T00:30:00Z",
    ]
    "#);
}

#[test]
fn where_the_clock_is_put_back_the_hour_that_comes_twice_counts_twice() {
    // On 2026-10-25 in Berlin 03:00 is 02:00 again, at 01:00Z.
    let night = "  windows: [{deny: {from: \"02:00\", to: \"03:00\"}}]";
    let moments = ["2026-10-24T23:59:59Z", "2026-10-25T00:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"];
    insta::assert_debug_snapshot!(story(night, &title("hr/1", "Chief"), &moments), @r#"
    [
        "2026-10-24T23:59:59Z goes",
        "2026-10-25T00:00:00Z a window keeps changes off until Sun 03:00, 2026-10-25T02:00:00Z",
        "2026-10-25T01:30:00Z a window keeps changes off until Sun 03:00, 2026-10-25T02:00:00Z",
        "2026-10-25T02:00:00Z goes",
    ]
    "#);
}

#[test]
fn windows_that_never_open_say_so() {
    let windows = "  windows: [{allow: {days: [mon]}}, {deny: {}}]";
    assert_eq!(story(windows, &title("hr/1", "Chief"), &["2026-11-22T12:00:00Z"]), ["2026-11-22T12:00:00Z a window keeps changes off"]);
}

#[test]
fn whoever_asked_to_pass_the_window_passes_it_and_nothing_else() {
    let policy = policy("  windows: [{deny: {days: [sun]}}]\n  approval: {for: [delete]}");
    let gates = Gates { past_windows: BTreeSet::from(["chat".into()]), ..Gates::of(&policy) };
    assert_eq!(gate(&title("hr/1", "Chief"), &gates, noon()), Verdict::Go);
    assert_eq!(held_by(&gate(&account(Action::Delete, "hr/1"), &gates, noon())), Some(GateKind::Approval));
}

#[test]
fn what_has_to_be_approved_can_be_reviewed_before_its_window_opens() {
    let policy = policy("  windows: [{deny: {days: [sun]}}]\n  approval: {for: [delete]}");
    let both = plan(vec![account(Action::Delete, "hr/1"), title("hr/2", "Chief")]);
    let closed = open(&both, &Gates::of(&policy), noon());
    assert!(closed.run.changes.is_empty());
    let opened = open(&both, &Gates::of(&policy), at("2026-11-23T12:00:00Z"));
    assert_eq!(closed.waiting[0].plan.hash, opened.waiting[0].plan.hash);
    assert_eq!((closed.held[0].by, closed.held[0].plan.clone()), (GateKind::Window, Some(opened.waiting[0].plan.hash.clone())));
    assert_eq!(keys(&opened.run.changes), ["hr/2"]);
}

#[test]
fn when_it_closes_is_known_while_it_is_open() {
    let policy = policy("  windows: [{allow: {from: \"22:00\", to: \"06:00\"}}]");
    let times = Times::new(&policy.targets[0].gates.windows, true, &policy.time_zone);
    assert_eq!(times.closes(at("2026-11-22T23:30:00Z")), Some(at("2026-11-23T05:00:00Z")));
}
