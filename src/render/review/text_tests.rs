//! The text view at several widths.

use insta::assert_snapshot;

use super::super::testing::{self, Story, forge};
use super::*;
use crate::render::testing::plain;

fn screen(story: &Story, width: usize, rows: Option<usize>) -> String {
    let review = story.review();
    let forge = forge();
    let mut out = Vec::new();
    write(&review, &ReviewOptions { rows, ..ReviewOptions::plain(width, &forge) }, &mut out).expect("memory takes everything");
    plain(&String::from_utf8(out).expect("text")).replace(&review.hash[..16], "HASH")
}

#[test]
fn sixty_changes() {
    assert_snapshot!(screen(&testing::sixty(), 100, None));
}

#[test]
fn three_changes_narrow() {
    assert_snapshot!(screen(&testing::three(), 80, None));
}

#[test]
fn a_guardrail_refuses() {
    assert_snapshot!(screen(&testing::blocked(), 100, None));
}

#[test]
fn a_target_could_not_be_read() {
    assert_snapshot!(screen(&testing::incomplete(), 100, None));
}

#[test]
fn the_first_plan() {
    assert_snapshot!(screen(&testing::first(), 100, None));
}

#[test]
fn two_thousand_changes_say_the_risks_again_at_the_end() {
    let text = screen(&testing::many(2_000), 100, Some(20));
    assert_snapshot!(text);
    assert_eq!(text.matches("people lose sign-in at chat").count(), 3, "above, below its document, and again");
}

#[test]
fn nothing_is_wider_than_the_screen_but_what_is_there_to_be_copied() {
    for width in [80, 90, 100, 160, 200] {
        for story in [testing::nothing(), testing::three(), testing::sixty(), testing::incomplete(), testing::first(), testing::many(400)] {
            for line in screen(&story, width, None).lines() {
                assert!(columns(line) <= width, "{width}: {line}");
            }
        }
    }
}
