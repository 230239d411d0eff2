//! The Markdown of a review, as a comment shows it.

use insta::assert_snapshot;

use super::super::links::{Flavour, ForgeLinks};
use super::super::testing::{self, Story, forge};
use super::*;

fn comment(story: &Story) -> String {
    let review = story.review();
    let forge = forge();
    let page = page(&review, &ReviewOptions::plain(100, &forge));
    balanced(&page);
    page.replace(&review.hash[..16], "HASH")
}

/// No fence and no fold is left open, and nothing passes the budget.
fn balanced(page: &str) {
    assert!(page.len() <= COMMENT_BUDGET, "{} bytes", page.len());
    let words = outside_code(page);
    let count = |tag: &str| words.matches(tag).count();
    assert_eq!(count("<details>"), count("</details>"), "{page}");
    let mut open: Option<&str> = None;
    for line in page.lines().map(str::trim_start).filter(|line| line.starts_with("```")) {
        let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
        open = match open {
            None => Some(ticks),
            Some(fence) if ticks.len() >= fence.len() => None,
            still => still,
        };
    }
    assert_eq!(open, None, "{page}");
    for line in page.lines().filter(|line| line.starts_with(['+', '-', '#']) && !line.starts_with("- ") && !line.starts_with("##")) {
        assert!(line.chars().count() <= 75, "{line}");
    }
}

/// What a page says beside fences and code spans, where nothing means anything.
fn outside_code(page: &str) -> String {
    let mut fence: Option<usize> = None;
    let mut text = String::new();
    for line in page.lines() {
        let ticks = line.trim_start().chars().take_while(|sign| *sign == '`').count();
        match fence {
            Some(open) if ticks >= open => fence = None,
            None if ticks >= 3 => fence = Some(ticks),
            Some(_) => {}
            None => {
                let mut rest = line;
                while let Some(at) = rest.find('`') {
                    text.push_str(&rest[..at]);
                    let run = rest[at..].chars().take_while(|sign| *sign == '`').count();
                    let after = &rest[at + run..];
                    let is_close = |found: &usize| !after[..*found].ends_with('`') && !after[found + run..].starts_with('`');
                    let close = after.match_indices(&"`".repeat(run)).map(|(found, _)| found).find(is_close);
                    // What is no span is text.
                    rest = close.map_or(after, |close| &after[close + run..]);
                }
                text.push_str(rest);
                text.push('\n');
            }
        }
    }
    text
}

#[test]
fn a_branch_that_changes_nothing() {
    assert_snapshot!(comment(&testing::nothing()));
}

#[test]
fn three_changes() {
    assert_snapshot!(comment(&testing::three()));
}

#[test]
fn sixty_changes() {
    assert_snapshot!(comment(&testing::sixty()));
}

#[test]
fn a_guardrail_refuses() {
    assert_snapshot!(comment(&testing::blocked()));
}

#[test]
fn a_target_could_not_be_read() {
    assert_snapshot!(comment(&testing::incomplete()));
}

#[test]
fn a_fork() {
    assert_snapshot!(comment(&testing::fork()));
}

#[test]
fn two_thousand_changes() {
    assert_snapshot!(comment(&testing::many(2_000)));
}

#[test]
fn the_first_plan() {
    assert_snapshot!(comment(&testing::first()));
}

/// A plan of anything: many kinds of steps, names of any length and harm, at many targets.
fn anything(random: &mut fastrand::Rng) -> Story {
    const HOSTILE: [&str; 8] =
        ["/merge", "@all #1", "```\n</details>", "a|b", "</summary><img src=x>", "<!-- x -->", "[- gone -]", "\u{1b}[2J\u{202e}"];
    let mut story = if random.bool() { Story::new() } else { Story::plan(crate::render::testing::empty()) };
    let targets: Vec<String> = (0..random.usize(1..40)).map(|number| format!("target-{number}")).collect();
    for number in 0..random.usize(0..3_000) {
        let target = &targets[random.usize(0..targets.len())];
        let mut change = match random.usize(0..6) {
            0 => testing::deactivated(target, number, crate::model::Reason::Leaver, crate::model::Mandate::Leaver),
            1 => testing::updated(target, number, "title", &"x".repeat(random.usize(0..200)), &format!("t{}", random.usize(0..5_000))),
            2 => testing::updated(target, number, "userName", &format!("old{number}"), &format!("new{number}")),
            3 => testing::card(number, random.i64(0..3), random.i64(3..2_000)),
            4 => testing::members(target, crate::model::Action::AddMembers, testing::known_group("leads", HOSTILE[number % 8]), [number]),
            _ => testing::members(
                target,
                crate::model::Action::RemoveMembers,
                testing::known_group("all", "All"),
                number..number + random.usize(1..80),
            ),
        };
        if random.usize(0..10) == 0 {
            change.object.name = HOSTILE[number % 8].repeat(random.usize(1..40)).into();
        }
        if random.bool() {
            story.base.changes.push(change.clone())
        }
        story.head.changes.push(change);
    }
    for number in 0..random.usize(0..60) {
        let message = HOSTILE[number % 8].repeat(random.usize(1..60));
        let severity = [crate::model::Severity::Refused, crate::model::Severity::Error, crate::model::Severity::Note][number % 3];
        let finding = crate::model::Finding::new(severity, crate::model::FindingCode::Orphan, Default::default(), message);
        story.head.findings.push(finding.hint("add:\n- guardrail: x").at(Some(testing::place("a.yaml", number as u32 + 1))));
    }
    for number in 0..random.usize(0..200) {
        let name = HOSTILE[number % 8].to_owned() + &number.to_string();
        story = story.says("Group", &name, "groups.yaml", number as u32 * 10 + 5, ("spec.rule", Some("a"), Some(&"b".repeat(number))));
    }
    story.behind("group/leads", "groups.yaml", 35).behind("travel-card", "groups.yaml", 75)
}

#[test]
fn whatever_a_plan_holds_a_comment_stays_within_its_budget_and_closes_what_it_opens() {
    let forges = [ForgeLinks::default(), forge(), ForgeLinks { flavour: Flavour::GitLab, plain_alerts: true, ..forge() }];
    for seed in 0..24 {
        let mut random = fastrand::Rng::with_seed(seed);
        let review = anything(&mut random).review();
        let forge = &forges[seed as usize % 3];
        for (budget, most) in [(COMMENT_BUDGET, COMMENT_BUDGET), (SUMMARY_BUDGET, SUMMARY_BUDGET)] {
            let page = page(&review, &ReviewOptions { budget, ..ReviewOptions::plain(100, forge) });
            assert!(page.len() <= most, "seed {seed}: {} bytes", page.len());
            if budget == COMMENT_BUDGET {
                balanced(&page);
            }
            let words = outside_code(&page);
            assert!(!words.contains("<img") && !page.contains(['\u{1b}', '\u{202e}']), "seed {seed}");
            for armed in ["@all", "[- ", "](", "javascript"] {
                assert!(!words.contains(armed), "seed {seed}: {armed}");
            }
            assert!(!page.lines().any(|line| line.trim_start().starts_with('/')), "seed {seed}: no line is a command");
        }
    }
}
