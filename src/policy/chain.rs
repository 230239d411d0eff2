//! Rules of a Target that use what another rule of it comes to (`account.userName`): that there is one, that they don't go round, and in which order they are
//! worked out.
//!
//! Must never: go round for ever, or leave out a rule.

use super::Rule;
use super::compile::Compiler;
use crate::diagnostic::Diagnostic;
use crate::expr::outcome_of_path;

impl Compiler<'_> {
    /// What a rule uses has a rule, and none uses what is made of itself.
    pub(super) fn chains(&mut self, rules: &[Rule]) {
        for rule in rules.iter().filter(|rule| rule.counts()) {
            for name in uses(rule).filter(|name| !rules.iter().any(|other| other.counts() && *other.attribute == **name)) {
                let message = format!("`{}` uses account.{name}, and no rule of this Target gives it", rule.attribute);
                let hint = format!("add a rule for {name}, or use what is known of the person: identity.{name}");
                self.chain_problem(rule, message, hint);
            }
        }
        let Err(round) = in_order(rules) else { return };
        let stuck: Vec<&Rule> = round.iter().filter_map(|at| rules.get(*at)).collect();
        if let [first, .., last] | [first @ last] = stuck.as_slice() {
            let message = format!("the rules for `{}` and `{}` use each other's outcome", first.attribute, last.attribute);
            let message = if stuck.len() == 1 { format!("the rule for `{}` uses its own outcome", first.attribute) } else { message };
            self.chain_problem(first, message, "let one of them use `identity` instead of `account`".to_owned());
        }
    }

    fn chain_problem(&mut self, rule: &Rule, message: String, hint: String) {
        let diagnostic = Diagnostic::error(message).hint(hint);
        self.problems.push(match &rule.place {
            Some(place) => diagnostic.at(place.clone(), 1),
            None => diagnostic,
        });
    }
}

/// Attributes whose outcome a rule uses.
pub(crate) fn uses(rule: &Rule) -> impl Iterator<Item = &str> {
    let when = rule.when.iter().flat_map(|when| when.reads());
    rule.value.reads().iter().chain(when).filter_map(|path| outcome_of_path(path))
}

/// The positions of the rules, each after those whose outcome it uses; else those that go round.
pub(crate) fn in_order(rules: &[Rule]) -> Result<Vec<usize>, Vec<usize>> {
    let mut order: Vec<usize> = Vec::with_capacity(rules.len());
    let mut open: Vec<usize> = (0..rules.len()).collect();
    while !open.is_empty() {
        let waits = |at: &usize, open: &[usize]| {
            let needed =
                |name: &str| open.iter().any(|other| rules.get(*other).is_some_and(|other| other.counts() && *other.attribute == *name));
            rules.get(*at).is_some_and(|rule| uses(rule).any(needed))
        };
        let (waiting, ready): (Vec<usize>, Vec<usize>) = open.iter().copied().partition(|at| waits(at, &open));
        if ready.is_empty() {
            return Err(only_the_round(rules, waiting));
        }
        order.extend(ready);
        open = waiting;
    }
    Ok(order)
}

/// Without those that merely wait for the ones that go round.
fn only_the_round(rules: &[Rule], mut waiting: Vec<usize>) -> Vec<usize> {
    loop {
        let used = |at: &usize| {
            let name = rules.get(*at).map_or("", |rule| &rule.attribute);
            waiting.iter().any(|other| rules.get(*other).is_some_and(|other| uses(other).any(|used| used == name)))
        };
        let round: Vec<usize> = waiting.iter().copied().filter(used).collect();
        if round.len() == waiting.len() {
            return round;
        }
        waiting = round;
    }
}
