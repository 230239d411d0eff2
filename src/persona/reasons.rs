//! What stands behind a line of a difference: where it was expected, and the rule that gave or withheld what came.
//!
//! Must never: decide anything; the reasons are planning's own.

use crate::diagnostic::Place;
use crate::manifest::Outline;
use crate::model::{DifferenceLine, Finding, LineOrigin, Side};
use crate::planning::explain::{Because, Explanation, MembershipWhy, Part, Provenance, TargetWhy};
use crate::policy::Policy;

use super::compare::Relation;
use super::yaml::Line;

/// What the reasons are taken from.
pub(super) struct Reasons<'a> {
    pub(super) policy: &'a Policy,
    pub(super) provenance: &'a Provenance<'a>,
    pub(super) outline: Outline<'a>,
    /// nothing where nobody comes of the persona
    pub(super) explanation: Option<Explanation>,
    pub(super) findings: &'a [Finding],
}

impl Reasons<'_> {
    /// A line with its reasons. Why something did not come is said once, at the top of what is missing.
    pub(super) fn explain(&self, side: Side, line: Line, relation: Relation) -> DifferenceLine {
        let pointer = pointer(&line);
        let mut because = Vec::new();
        if side == Side::Expected && !relation.above {
            because.push(LineOrigin { words: "expected here".into(), place: Some(self.outline.place(&format!("/spec/expect{pointer}"))) });
        }
        if side == Side::Actual || (side == Side::Expected && !relation.answered && !relation.within) {
            because.extend(self.behind(&line, side));
        }
        DifferenceLine { side, depth: line.depth, path: pointer, text: line.text, because }
    }

    fn behind(&self, line: &Line, side: Side) -> Vec<LineOrigin> {
        let path: Vec<&str> = line.path.iter().map(String::as_str).collect();
        let item = line.item.as_ref().and_then(|(_, item)| item.as_str());
        match (path.as_slice(), item) {
            (["findings"], Some(code)) => self.finding(code),
            _ if self.explanation.is_none() => {
                vec![LineOrigin {
                    words: "no record establishes an identity, and no User is named".into(),
                    place: Some(self.persona_place()),
                }]
            }
            (["lifecycle"], _) => self.explanation.iter().flat_map(|known| &known.standing).map(told).collect(),
            (["accounts", target] | ["departures", target], _) => self.target(target).map(served).unwrap_or_default(),
            (["accounts", target, attribute], _) => self.attribute(target, attribute),
            (["groups", target], Some(group)) => self.group(target, group, side),
            (["entitlements", target, name, rest @ ..], _) => self.entitlement(target, name, rest.first().copied(), side),
            _ => Vec::new(),
        }
    }

    fn persona_place(&self) -> Place {
        self.outline.place("/spec")
    }

    fn target(&self, name: &str) -> Option<&TargetWhy> {
        self.explanation.as_ref()?.targets.iter().find(|target| target.target.as_ref() == name)
    }

    /// Why there is no account, for what does not come without one. What somebody keeps without it has reasons of its own.
    fn not_served(&self, target: &str, side: Side) -> Option<Vec<LineOrigin>> {
        self.target(target).filter(|why| side == Side::Expected && why.serves != Some(true)).map(served)
    }

    fn attribute(&self, target: &str, attribute: &str) -> Vec<LineOrigin> {
        let Some(why) = self.target(target) else { return Vec::new() };
        if why.serves != Some(true) {
            return served(why);
        }
        let Some(rules) = self.policy.targets.iter().find(|known| known.name.as_ref() == target) else { return Vec::new() };
        let Some(known) = why.attributes.iter().find(|known| known.attribute.as_ref() == attribute) else {
            let rule = rules.rules.iter().find(|rule| rule.attribute.as_ref() == attribute);
            let (words, place) = match rule.and_then(|rule| rule.place.clone().map(|place| (rule.value.text(), place))) {
                Some((text, place)) => (text.to_owned(), place),
                None if attribute == "active" => ("every account is active unless a rule says otherwise".to_owned(), rules.place.clone()),
                None => (format!("no rule of {target} gives {attribute}"), rules.place.clone()),
            };
            return vec![LineOrigin { words, place: Some(place) }];
        };
        let given = known.from.iter().map(|from| match &from.given {
            Some(claim) => told(&claim.because),
            None => LineOrigin { words: format!("nobody gives {}", from.attribute), place: None },
        });
        std::iter::once(told(&known.because)).chain(given).collect()
    }

    fn group(&self, target: &str, name: &str, side: Side) -> Vec<LineOrigin> {
        if let Some(why) = self.not_served(target, side) {
            return why;
        }
        let called: Vec<_> = self.policy.groups.iter().filter_map(|group| Some((group, group.key_of(name)?))).collect();
        let known = self.explanation.iter().flat_map(|known| &known.groups);
        let ways: Vec<&MembershipWhy> =
            known.filter(|why| called.iter().any(|(group, key)| why.group == *key || why.group == group.key)).collect();
        if ways.is_empty() {
            let place = called.first().map(|(group, _)| group.place.clone());
            let words = if place.is_some() { "neither a rule nor a name brings the person in" } else { "no Group has this displayName" };
            return vec![LineOrigin { words: words.into(), place }];
        }
        ways.iter().flat_map(|why| &why.because).map(told).collect()
    }

    fn entitlement(&self, target: &str, name: &str, parameter: Option<&str>, side: Side) -> Vec<LineOrigin> {
        if let Some(why) = self.not_served(target, side) {
            return why;
        }
        let here = |at: usize| self.policy.targets.get(at).is_some_and(|known| known.name.as_ref() == target);
        let found = self.policy.entitlements.iter().position(|known| known.name.as_ref() == name && here(known.target));
        match (found, &self.explanation) {
            (Some(at), Some(known)) => self.provenance.entitled(&known.identity, at, parameter).iter().map(told).collect(),
            _ => vec![LineOrigin { words: format!("no Entitlement gives {name} at {target}"), place: None }],
        }
    }

    fn finding(&self, code: &str) -> Vec<LineOrigin> {
        let is = |finding: &&Finding| serde_json::to_value(finding.code).is_ok_and(|known| known == code);
        self.findings.iter().filter(is).map(|finding| LineOrigin { words: finding.message.clone(), place: finding.place.clone() }).collect()
    }
}

fn served(why: &TargetWhy) -> Vec<LineOrigin> {
    why.because.iter().map(told).collect()
}

/// The words, the expression, and what it read.
fn told(because: &Because) -> LineOrigin {
    let Some(expression) = &because.expression else { return LineOrigin { words: because.words.clone(), place: because.place.clone() } };
    let told = |part: &&Part| match part.value.as_str() {
        "true" | "false" => false,
        value => part.expression != *expression || value == "missing",
    };
    let read = because.trace.iter().filter(told);
    let read: Vec<String> = read.map(|part| format!("{} is {}", part.expression, part.value)).collect();
    let read = if read.is_empty() { String::new() } else { format!(", where {}", read.join(", ")) };
    LineOrigin { words: format!("{}: `{}`{read}", because.words, expression.trim()), place: because.place.clone() }
}

fn pointer(line: &Line) -> String {
    let mut pointer = String::new();
    for token in &line.path {
        pointer.push('/');
        pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
    }
    if let Some((at, _)) = &line.item {
        pointer.push_str(&format!("/{at}"));
    }
    pointer
}
