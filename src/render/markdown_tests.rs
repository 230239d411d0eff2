//! The Markdown view, as a comment shows it.

use super::super::testing::{self, Building, account, change, group, text};
use super::*;
use crate::model::{FindingCode, Reason, Subject, Value};

#[test]
fn an_empty_plan_is_a_short_page() {
    let page = page(&testing::empty(), ViewOptions::wide(100));
    assert!(
        page.starts_with("<!-- headcount:plan workspace=acme verdict=none -->\n### headcount: no changes\n\nEverything is as declared.\n"),
        "{page}"
    );
    assert!(!page.contains("headcount apply"));
}

#[test]
fn one_of_everything() {
    let mut plan = testing::sample();
    plan.changes.truncate(9);
    insta::with_settings!({filters => vec![("[0-9a-f]{64}", "HASH")]}, {
        insta::assert_snapshot!(page(&plan, ViewOptions::wide(100)), @r#"
        <!-- headcount:plan workspace=acme verdict=blocked -->
        ### headcount: 1 to create, 1 to take over, 1 to update, 1 to get sign-in back, 1 to lose sign-in, 1 group to create, 3 memberships to add, 1 to remove; 1 change withheld

        **A guardrail refuses part of this plan.** What it withholds will not run.
        **The plan is incomplete**: not everything could be read. What depends on it keeps its observed value.

        | Target | created | taken over | updated | sign-in back | sign-in lost | groups | + members | − members | withheld |
        |:--|--:|--:|--:|--:|--:|--:|--:|--:|--:|
        | `chat` | 1 | 1 | 1 | 1 | 1 | 1 | 3 | 1 | 1 |

        #### Look at these twice

        - **loses sign-in**: `eve` loses sign-in at `chat`
        - **can't be undone**: `mallory`'s account is deleted at `chat` **withheld**
        - **not made by headcount**: `hr/2` takes over the existing account `bob` at `chat`
        - **gets sign-in back**: `dave` gets sign-in back at `chat`

        #### Findings

        - **refused**: 1 account would be deleted at chat; 0 are allowed. (`acme.yaml:32:5`)
          ```
          add this to spec.guardrails.overrides:
          - guardrail: delete
            changes: 12ab
          ```
        - **incomplete**: badges could not be read: connection refused.
          Next: is the service up? What depends on it keeps its observed value
        - warning: chat: zoe carries the external id "x" of somebody else.

        <details><summary>chat: 1 to create, 1 to take over, 1 to update, 1 to get sign-in back, 1 to lose sign-in, 1 group to create, 3 memberships to add, 1 to remove; 1 change withheld</summary>

        - `mallory`'s account is deleted (its time is over) **withheld**
        - `eve` loses sign-in (has left)
        - `carol` is updated (differs from the record)
          - department: `Sales` → `Support`
          - manager: `(none)` → `jane.doe (hr/1)`
          - phoneNumbers: (not shown here)
          - title: `Assistant` → `(none)`
          - groups: − `Sales`
        - `hr/2` takes over the existing account `bob` (declared)
          - externalId: `(none)` → `acme:hr/2`
          - title: `Engineer` → `Senior Engineer`
        - `dave` gets sign-in back (is back)
        - `jane.doe` gets an account
          - active `true` · displayName `Jane Doe` · userName `jane.doe`
        - group `Engineering` is created (declared)
          - displayName `Engineering`
          - members: + `SRE` (400 people), + `bob`, + `jane.doe`

        </details>

        Plan `HASH` for 2026-11-22. To save and run exactly this:

        ```sh
        headcount plan --out plan.json
        headcount apply plan.json
        ```
        "#);
    });
}

#[test]
fn a_page_never_grows_beyond_its_limit() {
    let mut plan = testing::empty();
    for at in 0..3_000 {
        let target = format!("target-{}", at % 300);
        let many: Vec<_> = (0..20).map(|at| ("hr/1".to_owned(), format!("a rather long name {at}"))).collect();
        let many: Vec<_> = many.iter().map(|(key, name)| (key.as_str(), name.as_str())).collect();
        plan.changes
            .push(change(&target, Action::AddMembers, group("All"), Reason::Mover).members(&many).risky(crate::model::Risk::LastGroup));
        plan.findings
            .push(Finding::new(Severity::Refused, FindingCode::GuardrailExceeded, Subject::default(), "x".repeat(500)).hint("a\nb"));
    }
    let page = page(&plan, ViewOptions::wide(100));
    assert!(page.len() <= LIMIT, "{}", page.len());
    assert!(page.contains("headcount apply plan.json"), "the command stays");
    assert!(!page.lines().any(|line| line.trim_start().starts_with("+ ")), "a sign at the beginning of a line is a list's");
    assert_eq!(page.matches("<details>").count(), page.matches("</details>").count());
}

#[test]
fn personal_and_secret_values_stay_out() {
    let mut plan = testing::empty();
    let update = change("chat", Action::Update, account("hr/1", "jane"), Reason::Mover)
        .with("custom.badge", text("red-1"), text("red-2"))
        .with("password", text("hunter2"), text("hunter3"))
        .with("phoneNumbers", None, Some(Value::List([Value::text("555-0100")].into())));
    plan.changes = vec![update];
    let page = page(&plan, ViewOptions::wide(100));
    assert!(!page.contains("red-") && !page.contains("hunter") && !page.contains("555"), "{page}");
    assert_eq!(page.matches("(not shown here)").count(), 3);
}

#[test]
fn names_can_not_break_out() {
    let evil = "</details>\n|`x`| @all <script> #1";
    let mut plan = testing::empty();
    plan.changes = vec![change(evil, Action::Update, account(evil, evil), Reason::Mover).with(evil, text("a"), text("b"))];
    plan.findings = vec![Finding::new(Severity::Note, FindingCode::Orphan, Subject::default(), evil)];
    let page = page(&plan, ViewOptions::wide(100));
    assert!(page.contains("&lt;script&gt; #<!-- -->1"), "{page}");
    assert_eq!(page.lines().filter(|line| line.starts_with("</details>")).count(), 1);
    let table = page.lines().filter(|line| line.starts_with("| ")).map(|line| line.replace("\\|", "").matches('|').count());
    assert!(table.collect::<Vec<_>>().iter().all(|count| *count == 3), "{page}");
}

#[test]
fn entitlements_have_a_column_and_show_their_parameters() {
    insta::with_settings!({filters => vec![("[0-9a-f]{64}", "HASH")]}, {
        insta::assert_snapshot!(page(&testing::cards(), ViewOptions::wide(100)), @"
        <!-- headcount:plan workspace=acme verdict=clean -->
        ### headcount: 1 to create, 2 entitlements to grant, 1 to change, 1 to withdraw

        Everything was read, and no guardrail objects.

        | Target | created | entitlements |
        |:--|--:|--:|
        | `finance` | 1 | +2 ~1 −1 |

        <details><summary>finance: 1 to create, 2 entitlements to grant, 1 to change, 1 to withdraw</summary>

        - `ann.ray` loses `travel-card` (has left)
        - `jane.doe` keeps `travel-card`, changed (differs from its rule)
          - limit: `500` → `2000`
        - `max.lee` gets `travel-card` (a rule gives it)
          - limit `500` · phoneNumbers (not shown here) · region `EU`
        - `bob.fox` gets an account
          - userName `bob.fox`
          - gets `travel-card`

        </details>

        Plan `HASH` for 2026-11-22. To save and run exactly this:

        ```sh
        headcount plan --out plan.json
        headcount apply plan.json
        ```
        ");
    });
}
