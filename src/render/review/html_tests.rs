//! The report as a file: what it may load, what stands in it without its script, and how much it is.

use super::super::testing::{self, forge};
use super::*;

fn file(story: &testing::Story) -> String {
    let review = story.review();
    let forge = forge();
    report(&review, &ReviewOptions::plain(100, &forge))
}

#[test]
fn the_file_loads_nothing_and_runs_nothing_but_its_own_script() {
    let page = file(&testing::sixty());
    assert!(page.contains("default-src 'none'"));
    for part in
        ["src=", "url(", "@import", "innerHTML", "insertAdjacent", "document.write", "eval(", "onclick", "style=", "fetch(", "XMLHttp"]
    {
        assert!(!page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2, "the data can't end its element");
    assert!(STYLE.is_ascii() && SCRIPT.is_ascii(), "the same bytes in every encoding, or the hashes would not fit");
}

#[test]
fn no_hostile_name_becomes_markup() {
    const HOSTILE: &str = "</script><img src=x onerror=alert(1)><!-- \"'\u{1b}[2J\u{202e}";
    let mut story = testing::sixty();
    for change in &mut story.head.changes {
        change.object.name = HOSTILE.into();
        change.members.iter_mut().for_each(|member| member.member.name = HOSTILE.into());
    }
    story.intent.iter_mut().for_each(|change| change.document.name = HOSTILE.into());
    story.head.findings.push(crate::model::Finding::new(
        crate::model::Severity::Warning,
        crate::model::FindingCode::Orphan,
        Default::default(),
        HOSTILE,
    ));
    let page = file(&story);
    assert!(!page.contains("<img") && !page.contains("</script><img") && !page.contains(['\u{1b}', '\u{202e}']));
    assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (2, 2));
}

#[test]
fn the_verdict_what_to_check_and_the_numbers_need_no_script() {
    let page = file(&testing::sixty());
    let (fixed, _) = page.split_once("<section id=\"list\"").expect("the list");
    for words in ["lose", "Please check", "On Call", "At each target", "Falls due", "blob&#47;0fdea5d5", "groups.yaml"] {
        assert!(fixed.contains(words), "{words}");
    }
    assert!(!fixed.contains("sam.okafor: last day"), "who leaves is not named in what falls due");
}

#[test]
fn ten_thousand_changes_are_a_file_that_opens() {
    let page = file(&testing::many(10_000));
    assert!(page.len() < 1_200_000, "{} bytes", page.len());
}
