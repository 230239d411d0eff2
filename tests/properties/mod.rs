//! The laws that hold in every world (design 4 to 7), over random ones. `HEADCOUNT_PROPTEST_CASES` sets how many worlds each law sees.

mod lab;
mod laws;
mod story;
mod system;

use headcount::diagnostic::{Diagnostic, Level};
use headcount::manifest::{Input, load};
use headcount::policy::{self, ConnectorFacts, Policy};

/// Compiles a stream of YAML documents; all problems as one text.
fn compile(yaml: &str, facts: &dyn ConnectorFacts) -> Result<Policy, String> {
    let told = |problems: Vec<Diagnostic>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let (loaded, problems) = load(&[Input::stdin(yaml.as_bytes().to_vec())]);
    if problems.iter().any(|problem| problem.level == Level::Error) {
        return Err(told(problems));
    }
    if std::env::var("ONLYLOAD").is_ok() {
        return Err("LOADED".into());
    }
    policy::compile(&loaded, facts).map(|(policy, _)| policy).map_err(told)
}
