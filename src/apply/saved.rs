//! The plan file: the plan as JSON with its version and its hash, as `render::json` writes it. It holds no secret.

use serde::Deserialize;

use crate::model::{FORMAT_VERSION, Plan};

/// Why a plan file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// it is something else
    #[error("this is no plan file: {0}; `headcount plan --out FILE` writes one")]
    Shape(String),
    /// the run that should have written it came to nothing
    #[error("the last `headcount plan` failed, and left no plan: mend what it told, and plan again")]
    Failed,
    /// another version of headcount wrote it
    #[error("the plan file has format {found}, and this headcount knows format {FORMAT_VERSION}: make the plan again")]
    Version {
        /// what it says
        found: u64,
    },
    /// it is not as it was written
    #[error("the plan file was changed after it was written (its hash is {found}, and it says {written}): make the plan again")]
    Hash {
        /// what it says
        written: String,
        /// what it is
        found: String,
    },
}

#[derive(Deserialize)]
struct PlanFile {
    hash: String,
    #[serde(flatten)]
    plan: Plan,
}

/// The plan in a file's text, if it is just as it was written.
pub fn read_plan(text: &str) -> Result<Plan, PlanFileError> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(shape)?;
    if json.get("failed").is_some() {
        return Err(PlanFileError::Failed);
    }
    match json.get("formatVersion").and_then(serde_json::Value::as_u64) {
        Some(version) if version == u64::from(FORMAT_VERSION) => {}
        Some(found) => return Err(PlanFileError::Version { found }),
        None => return Err(PlanFileError::Shape("it has no formatVersion".into())),
    }
    let PlanFile { hash: written, plan } = serde_json::from_value(json).map_err(shape)?;
    let found = plan.hash();
    if written == found { Ok(plan) } else { Err(PlanFileError::Hash { written, found }) }
}

fn shape(error: serde_json::Error) -> PlanFileError {
    PlanFileError::Shape(error.to_string())
}
