//! What came of testing personas: each one's verdict with its differences, and which rules were exercised. `persona` makes it, `render` shows it.
//!
//! Must never: hold anything that a view would have to work out.

use serde::Serialize;

use super::finding::Finding;
use crate::diagnostic::Place;

/// The version of the JSON form.
const FORMAT_VERSION: u32 = 1;

/// Everything about one run of `headcount test`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestReport {
    /// of the JSON form
    pub format_version: u32,
    /// personas that met their expectation
    pub passed: usize,
    /// personas that did not
    pub failed: usize,
    /// by name
    pub personas: Vec<Verdict>,
    /// how much of the rules they exercise; none where only some of them ran
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
}

/// What came of one persona.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// metadata.name
    pub name: String,
    /// for people
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// the document
    pub place: Place,
    /// the day
    pub as_of: String,
    /// the identity's key
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// it met its expectation, or the expectation was just rewritten
    pub passed: bool,
    /// the expectation was rewritten
    pub updated: bool,
    /// why nothing could come of it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// lines of the expectation and of what came, with the lines they stand below
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<DifferenceLine>,
    /// what planning noticed about the person
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DifferenceLine {
    /// whose line it is
    pub side: Side,
    /// how deep it stands
    pub depth: usize,
    /// a JSON pointer below `expect`
    pub path: String,
    /// in YAML
    pub text: String,
    /// what stands behind it
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<LineOrigin>,
}

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// of both: differences stand below it
    Both,
    /// expected, and did not come
    Expected,
    /// came, and was not expected
    Actual,
}

/// What stands behind a line: a manifest's place, and what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineOrigin {
    /// one sentence, or an expression
    pub words: String,
    /// where
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// How much of the rules the personas exercise.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// rules that gave a value and conditions that held for somebody
    pub exercised: usize,
    /// all
    pub total: usize,
    /// in the order of files and lines
    pub rules: Vec<RuleUse>,
}

/// One rule or condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleUse {
    /// what it is: `hr: title`, `chat: select`
    pub what: String,
    /// as it is written
    pub expression: String,
    /// the manifest line
    pub place: Place,
    /// how often it gave a value, or held
    pub exercised: u64,
    /// of a condition: how often it did not hold
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<u64>,
}

/// Everything about one run of `headcount connector test`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseReport {
    /// of the JSON form
    pub format_version: u32,
    /// cases that went as they should
    pub passed: usize,
    /// cases that did not
    pub failed: usize,
    /// in the order of the documents
    pub cases: Vec<CaseVerdict>,
}

/// What came of one case of a ConnectorTest.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseVerdict {
    /// the Connector
    pub connector: String,
    /// the case
    pub name: String,
    /// where it stands
    pub place: Place,
    /// it went as it should
    pub passed: bool,
    /// what did not, in words
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

impl CaseReport {
    /// Counts the verdicts.
    pub fn new(cases: Vec<CaseVerdict>) -> Self {
        let passed = cases.iter().filter(|case| case.passed).count();
        Self { format_version: FORMAT_VERSION, passed, failed: cases.len() - passed, cases }
    }
}

impl TestReport {
    /// Counts the verdicts.
    pub fn new(personas: Vec<Verdict>, coverage: Option<Coverage>) -> Self {
        let passed = personas.iter().filter(|verdict| verdict.passed).count();
        Self { format_version: FORMAT_VERSION, passed, failed: personas.len() - passed, personas, coverage }
    }
}

impl Coverage {
    /// From all rules.
    pub fn new(rules: Vec<RuleUse>) -> Self {
        Self { exercised: rules.iter().filter(|rule| rule.exercised > 0).count(), total: rules.len(), rules }
    }

    /// Whole per cent, never rounded up to 100.
    pub fn percent(&self) -> usize {
        (self.exercised * 100).checked_div(self.total).unwrap_or(100)
    }

    /// Rules that nobody exercises.
    pub fn unexercised(&self) -> impl Iterator<Item = &RuleUse> {
        self.rules.iter().filter(|rule| rule.exercised == 0)
    }
}
