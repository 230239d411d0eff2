//! Each page answers what somebody asks who opens it at 3 a.m. (what a page is for): over one world that has something of everything.

use std::time::Instant;

use super::*;
use crate::model::{Receipt, ReceiptWord, StandingRevocation};
use crate::state::Fact;

/// An application that waits for approval, one that is suspended, one that can't be reached; a source that is read, one that is not.
const MORE: &str = "  approval: {for: [deactivate]}
  guardrails: {leavers: {count: 9}, create: {count: 0}}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: payroll}
spec:
  connection:
    file: {path: payroll.csv}
  key: record.id
  establishes: true
  precedence: 1
  completeness: {maxShrink: '10'}
  mapping:
    rules:
    - {attribute: userName, value: record.user}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: wiki}
spec:
  suspend: {reason: being replaced, until: DAY}
  connection:
    sql:
      database: {sqlite: {path: wiki.db}}
      accounts: {table: users, key: id, columns: {userName: login, externalId: external_id}, active: {flag: is_active}}
";

async fn company() -> Company {
    let mut company = Company::running().await;
    let day = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().saturating_add(jiff::Span::new().days(7));
    company.manifests = company
        .manifests
        .replace("  key: record.id\n", "  key: record.id\n  establishes: true\n  lifecycle: {leaver: 'record.name == \"gone\"'}\n")
        + &MORE.replace("DAY", &format!("'{day}'"));
    // luis has left, and zoe is new: one waits, and the other is withheld.
    company.hires(&["1,ada,Ada Okafor", "2,luis,gone", "3,zoe,Zoe Adams", "4,mo,Mo Farah"]);
    let at = Timestamp::now() - SignedDuration::from_mins(5);
    let receipt = |target: &str, outcome, message: Option<&str>| Fact::Receipt {
        identity: "hr/4".into(),
        receipt: Receipt { target: target.into(), outcome, message: message.map(Into::into), tries: 3, at },
    };
    let reason = "stolen laptop".into();
    let order = StandingRevocation { key: "hr/4".into(), reason, at, until: None, also: Vec::new(), receipts: Vec::new() };
    let cut = Event::Revoked { keys: vec!["hr/4".into()], reason: "stolen laptop".into(), until: None, who: "jane".into() };
    let facts = vec![
        Fact::Revoked(order),
        receipt("app", ReceiptWord::NoAccount, None),
        receipt("wiki", ReceiptWord::Unreachable, Some("the database can't be opened")),
        crate::journal::entry(&"r".into(), at, &cut),
    ];
    company.store.commit(facts).await.unwrap();
    company
}

/// A page, and for each question what answers it.
type Answers = (&'static str, &'static [(&'static str, &'static [&'static str])]);

const ANSWERS: [Answers; 10] = [
    (
        "/",
        &[
            ("Is anybody losing access who should not?", &["In the last 24 hours"]),
            ("What waits for me?", &["waits for an approval", "1 person loses sign-in", "Review"]),
            ("What is stuck, since when?", &["payroll", "can't be read", "Since "]),
            ("What if I do nothing?", &["nothing of it happens, and everything else goes on", "what is not known stays as it is"]),
            ("How old is this?", &["As of ", " ago", "main@one"]),
        ],
    ),
    (
        "/plan?hash=HASH",
        &[
            ("Who loses what?", &["1 person loses sign-in", "/person?key=hr%2F2", "sign-in is lost"]),
            ("Which line of which commit?", &["acme.yaml:"]),
            ("What runs if I approve?", &["lets through just these changes"]),
            ("What if the world moves on?", &["it is another plan and waits anew"]),
            ("May I?", &["Waits", "Type 1 to approve"]),
        ],
    ),
    (
        "/person?key=hr/1",
        &[
            ("Where does this come from?", &["record.user", "acme.yaml:", "Who says so"]),
            ("Why this, why not that?", &["should have an account", "Accounts, and why"]),
            ("Who changed it?", &["What was done, the newest first", "a test"]),
        ],
    ),
    ("/revoke?key=hr/1", &[("What would go if I cut this person off?", &["What would go", "app", "can sign in", "past guardrails"])]),
    (
        "/person?key=hr/4",
        &[
            ("Out everywhere?", &["not everywhere yet: 1 open"]),
            ("Since which second?", &["Since 20", ":", "stolen laptop"]),
            ("What is open, what do I do by hand?", &["wiki", "deactivate the account there by hand"]),
            ("How is it undone?", &["headcount revoke --lift hr/4"]),
            ("Who said so?", &["/history?who=hr%2F4"]),
        ],
    ),
    (
        "/sources",
        &[
            (
                "Can I trust that somebody is gone?",
                &["not read to its end", "counts only where its last read was complete", "Last complete"],
            ),
            ("What is held because of it?", &["Noticed", "payroll"]),
            ("How do I let exactly this through?", &["May shrink by", "Declared at"]),
            ("When is it read again?", &["Next"]),
        ],
    ),
    (
        "/guardrails",
        &[
            ("Why did it not run?", &["What is refused", "create"]),
            ("How do I let exactly this through?", &["overrides", "expires"]),
            ("How close are we?", &["How much room is left", "<meter"]),
            ("Which exceptions, whose, until when?", &["suspended, still watched", "being replaced", "acme.yaml:"]),
        ],
    ),
    (
        "/history",
        &[
            ("What changed last night?", &["Run", "done"]),
            ("By whose word?", &["a test", "jane", "cut somebody off everywhere"]),
            ("Is the record whole?", &["does not begin where one was changed", "headcount history --verify"]),
        ],
    ),
    ("/history?who=hr/4", &[("Who cut them off, and why?", &["jane", "stolen laptop", "is cut off everywhere"])]),
    (
        "/run",
        &[
            ("Is it doing something?", &["Nothing is under way", "The last run ended"]),
            ("How do I stop it safely?", &["stops it safely"]),
            ("What is left?", &["Left to do", "app", "payroll"]),
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_page_answers_what_is_asked_of_it_at_night() {
    let house = House::of(company().await, ALL).await;
    house.until("a plan that waits", async |house| house.site.waiting().await.is_ok_and(|(plans, _)| !plans.is_empty())).await;
    let hash = house.site.waiting().await.unwrap().0[0].hash.to_string();
    for (page, questions) in ANSWERS {
        let (address, begun) = (page.replace("HASH", &hash), Instant::now());
        loop {
            let answer = house.look(&address, "mara@acme.example", &[]).await;
            let open: Vec<_> = questions.iter().filter(|(_, words)| !words.iter().all(|words| answer.body.contains(words))).collect();
            if open.is_empty() && answer.status == StatusCode::OK {
                break;
            }
            // What is still being done is told a moment later.
            assert!(begun.elapsed() < PATIENCE / 10, "{page} does not answer {open:?}: {}", answer.body);
            tokio::task::yield_now().await;
        }
    }
    house.end().await;
}
