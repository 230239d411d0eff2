//! No expression panics, hangs, exhausts the stack or fills the memory, whatever it is and whatever it is given.
//!
//! `cargo bench --bench expressions -- fuzz 1000000` runs the same cases by the million, with time and memory.

use super::grammar;

/// A value can't be larger: each step pays for 64 bytes of text or for one item.
const LARGEST: usize = 16 << 20;

#[test]
fn no_expression_breaks_its_bounds() {
    let cases = std::env::var("HEADCOUNT_PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1500);
    let (mut compiled, mut valued, mut failed) = (0, 0, 0);
    for seed in 0..cases {
        let (text, outcome) = grammar::case(seed);
        assert!(outcome.size <= LARGEST, "{} bytes come of {text}", outcome.size);
        compiled += u64::from(outcome.compiled);
        valued += u64::from(outcome.valued);
        failed += u64::from(outcome.failed);
    }
    // The cases are worth something only while many of them get far.
    assert!(
        compiled * 4 > cases && valued * 12 > cases && failed * 100 > cases,
        "{compiled} compiled, {valued} with a value, {failed} failed"
    );
}
