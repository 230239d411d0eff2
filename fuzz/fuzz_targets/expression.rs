//! Any bytes as an expression: it is read or refused with a place in it, and what was read is worked out within its bounds.
#![no_main]

use headcount::expr::{Evaluation, Expression, Input, Root};
use headcount::model::{Cell, Tables};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    match Expression::compile(&text, Root::Record, &Tables::default()) {
        Ok(expression) => {
            let cells = [Cell::Text("Ada"), Cell::json(r#"[{"a": "b"}, 1, null]"#), Cell::Missing, Cell::Int(7), Cell::Null, Cell::Bool(true)];
            let inputs: Vec<_> = expression.reads().iter().zip(cells.iter().cycle()).map(|(_, cell)| Input::Cell(*cell)).collect();
            if let Evaluation::Failed(words) = expression.evaluate(&inputs) {
                assert!(words.len() <= 8192);
            }
            let _ = (expression.holds(&inputs), expression.trace(&inputs), expression.hinge(&inputs));
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(text.get(problem.offset..problem.offset + problem.length).is_some());
            }
        }
    }
});
