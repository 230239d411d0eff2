//! The laws that hold in every world (design 4 to 7), over random ones. `HEADCOUNT_PROPTEST_CASES` sets how many worlds each law sees.

mod cut;
mod expressions;
mod grammar;
mod kept;
mod lab;
mod laws;
mod others;
mod revert;
mod review;
mod story;
mod system;
mod wrong;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use headcount::diagnostic::{Diagnostic, Level};
use headcount::manifest::{ManifestInput, load};
use headcount::policy::{self, ConnectorFacts, Policy};

/// How many compiled workspaces a law remembers: a story uses the same few again and again.
const REMEMBERED: usize = 16;

thread_local! {
    static COMPILED: RefCell<VecDeque<(String, Rc<Policy>)>> = const { RefCell::new(VecDeque::new()) };
}

/// Compiles a stream of YAML documents; all problems as one text.
fn compile(yaml: &str, facts: &dyn ConnectorFacts) -> Result<Rc<Policy>, String> {
    let known = COMPILED.with_borrow(|known| known.iter().find(|(text, _)| text == yaml).map(|(_, policy)| policy.clone()));
    if let Some(policy) = known {
        return Ok(policy);
    }
    let told = |problems: Vec<Diagnostic>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let (loaded, problems) = load(&[ManifestInput::stdin(yaml.as_bytes().to_vec())]);
    if problems.iter().any(|problem| problem.level == Level::Error) {
        return Err(told(problems));
    }
    let (policy, _) = policy::compile(&loaded, facts).map_err(told)?;
    let policy = Rc::new(policy);
    COMPILED.with_borrow_mut(|known| {
        known.truncate(REMEMBERED - 1);
        known.push_front((yaml.to_string(), policy.clone()));
    });
    Ok(policy)
}
