//! What each page has to answer at 3 a.m., over a company in which somebody comes, somebody changes and somebody goes.

use super::large::world::Large;
use super::*;
use crate::pipeline::ChangeOrigins;
use crate::render::review::links::ForgeLinks;
use crate::render::review::{ReviewOptions, page as markdown, report as html};
use crate::render::{self, Format, ViewOptions};
use crate::review::{self, ReviewSide};

const MARA: &str = "mara@acme.example";

/// Five come, three change, two go; the rest stays.
fn company(company: &mut Company) -> Large {
    std::fs::remove_file(company.path("app.db")).unwrap();
    let large = Large { people: 30, changes: 10 };
    company.manifests = large.write(&company.path("")).replace("  groups: {}\n", "  groups: {}\n  leaver: {deleteAfter: 30d}\n");
    large
}

/// Where a piece of the manifests stands, as places say it.
fn line(manifests: &str, piece: &str) -> String {
    let at = manifests.find(piece).unwrap_or_else(|| panic!("{piece}"));
    format!("acme.yaml:{}", 1 + manifests[..at].matches('\n').count())
}

fn answers(page: &Answered, facts: &[&str]) {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for fact in facts {
        assert!(page.body.contains(fact), "{fact}: {}", page.body);
    }
}

/// The part of a page about one change.
fn change<'p>(page: &'p str, name: &str) -> &'p str {
    let mut parts = page.split("<details class=\"change\"").skip(1);
    parts.find(|part| part.contains(name)).unwrap_or_else(|| panic!("{name}: {page}"))
}

async fn house() -> House {
    let mut of = Company::new().await;
    company(&mut of);
    let house = House::of(of, ALL).await;
    house.until("a plan that waits", async |house| house.site.waiting().await.is_ok_and(|(plans, _)| !plans.is_empty())).await;
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_who_loses_what_by_which_line_and_what_follows_from_a_word() {
    let house = house().await;
    let hash = house.site.waiting().await.unwrap().0[0].hash.to_string();
    let page = house.look(&format!("/plan?hash={hash}"), MARA, &[]).await;
    answers(
        &page,
        &[
            "2 people lose sign-in at app",
            "Look at these twice",
            // What runs, what if the world moves on, may I?
            "It lets through just these changes",
            "it is another plan and waits anew",
            "Type 4 to approve",
            "value=\"approve\"",
        ],
    );
    let manifests = &house.company.manifests;
    let (leaver, title) = (line(manifests, "leaver: {deleteAfter"), line(manifests, "{attribute: title"));
    let (status, rule) = (line(manifests, "lifecycle: {leaver"), line(manifests, "rule: 'identity"));
    for (name, words, behind) in [
        ("Given9 Family9", "has left", &leaver),
        ("Given6 Family6", "title", &title),
        ("loses", "Given9 Family9", &status),
        ("gets", "Given0 Family0", &rule),
    ] {
        let part = page.body.split("<details class=\"change\"").skip(1).filter(|part| part.contains(name) && part.contains(words));
        assert!(part.clone().any(|part| part.contains(behind.as_str())), "{name} from {behind}: {:?}", part.collect::<Vec<_>>());
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_of_a_plan_says_the_same_line_behind_a_leaver() {
    let house = house().await;
    let (view, plan) = house.site.known().await.unwrap();
    let leaver = line(&house.company.manifests, "leaver: {deleteAfter");
    let origins = ChangeOrigins::of(&view.snapshot);
    let mut text = Vec::new();
    render::write(&plan, Format::Text, ViewOptions { lines: Some(&origins), ..ViewOptions::wide(200) }, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.lines().any(|line| line.contains("family9") && line.contains(&leaver)), "{text}");
    let mut json = Vec::new();
    render::write(&plan, Format::Json, ViewOptions { lines: Some(&origins), ..ViewOptions::wide(200) }, &mut json).unwrap();
    let json: Json = serde_json::from_slice(&json).unwrap();
    let out = json["changes"].as_array().unwrap().iter().find(|change| change["action"] == "deactivate").unwrap();
    assert_eq!(format!("{}:{}", out["place"]["file"].as_str().unwrap(), out["place"]["line"]), leaver);
    let (_, policy) = house.company.declared();
    let review = review::of_plan(ReviewSide { plan: &plan, explain: &origins, policy: &policy, held: &[] });
    let forge = ForgeLinks::default();
    let options = ReviewOptions::plain(200, &forge);
    for view in [markdown(&review, &options), html(&review, &options)] {
        // A colon of a file's name is none of Markdown's own, nor of an emoji.
        assert!(view.replace("&#58;", ":").contains(&leaver), "{leaver}: {view}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_says_what_waits_for_whom_and_how_old_it_is() {
    let house = house().await;
    let hash = house.site.waiting().await.unwrap().0[0].hash.to_string();
    let page = house.look("/", MARA, &[]).await;
    answers(&page, &[&format!("/plan?hash={hash}"), "2 people lose sign-in", "Everything was read within the last", "As of "]);
    answers(&house.look("/plans", MARA, &[]).await, &["1 plan waits for an approval", "2 people lose sign-in", "Waits"]);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_s_page_says_where_everything_comes_from_why_not_and_what_would_go() {
    let house = house().await;
    let manifests = house.company.manifests.clone();
    let page = house.look("/person?key=hr/9", MARA, &[]).await;
    let (status, leaver) = (line(&manifests, "lifecycle: {leaver"), line(&manifests, "leaver: {deleteAfter"));
    answers(
        &page,
        &["Given9 Family9", "hr says leaver", &status, "should have none", "has one, and can sign in", "What is about to change", &leaver],
    );
    assert!(change(&page.body, "loses sign-in").contains(&leaver), "{}", page.body);
    let page = house.look("/person?key=hr/20", MARA, &[]).await;
    let (title, rule) = (line(&manifests, "{attribute: title"), line(&manifests, "rule: 'identity"));
    answers(&page, &["Nothing is about to change", "record.title", &title, "the rule of group/all covers it", &rule, "Cut off everywhere"]);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_s_page_says_who_is_in_it_by_which_line_and_what_changes() {
    let house = house().await;
    let page = house.look("/group?key=group/all", MARA, &[]).await;
    let rule = line(&house.company.manifests, "rule: 'identity");
    answers(&page, &["it exists", "What is about to change", "28 members", "Given20 Family20", &rule]);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_guardrails_and_history_say_what_was_read_what_is_allowed_and_what_was_done() {
    let house = house().await;
    answers(&house.look("/sources", MARA, &[]).await, &["hr", "30", "complete"]);
    answers(&house.look("/guardrails", MARA, &[]).await, &["deactivate", "1,000,000"]);
    let hash = house.site.waiting().await.unwrap().0[0].hash.to_string();
    house.send(&format!("/plan?hash={hash}"), &[("decision", "approve"), ("reason", "HR-2291"), ("number", "4")]).await;
    house.until("what was done", async |house| house.look("/history", MARA, &[]).await.body.contains("done")).await;
    answers(&house.look("/history", MARA, &[]).await, &["of plan", MARA, "HR-2291", "Whoever writes looks at all of them"]);
    // Of a Target each change with whom it was about, by name: the members of a group, too.
    let left = "<a href=\"/group?key=group%2Fall\">group Everybody</a> loses <a href=\"/person?key=hr%2F8\">Given8 Family8 (hr/8)</a>";
    house.until("who left the group", async |house| house.look("/history?target=app", MARA, &[]).await.body.contains(left)).await;
    house.end().await;
}
