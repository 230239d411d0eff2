//! Expectations written back into their manifests: the `expect` of each persona is replaced where it stands, and not one other byte.
//!
//! Must never: write a file, or hand out a text that does not read back as it was meant.

use std::sync::Arc;

use serde_json::Value as Json;

use super::yaml;
use crate::manifest::kinds::{Expectation, PersonaSpec};
use crate::manifest::{Document, Editor, Loaded, ManifestEdit, WrittenValue};

/// The new text of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// as the user named it
    pub file: Arc<str>,
    /// its text when it was read
    pub before: Arc<str>,
    /// what it is to be
    pub after: String,
    /// how many personas change
    pub personas: usize,
}

/// The new texts of all files with these personas, or in one sentence why one can't be rewritten.
pub fn rewrite(loaded: &Loaded, new: &[(&Document<PersonaSpec>, &Expectation)]) -> Result<Vec<Rewrite>, String> {
    let mut rewrites = Vec::new();
    for (at, before) in loaded.texts.iter().enumerate() {
        let here: Vec<_> = new.iter().filter(|(persona, _)| persona.origin.text == at).copied().collect();
        let Some((first, _)) = here.first() else { continue };
        let file = first.origin.file.clone();
        let mut editor = Editor::new(file.clone(), before.to_string());
        // No edit changes how many documents stand in the file, so each keeps its number.
        let numbers: Vec<_> = here.iter().map(|(persona, _)| editor.beginning_at(persona.origin.start)).collect();
        for ((_, came), number) in here.iter().zip(numbers) {
            editor.edit(number.unwrap_or(usize::MAX), &put(came)).map_err(|refused| refused.to_string())?;
        }
        rewrites.push(Rewrite { file, before: before.clone(), after: editor.into_text(), personas: here.len() });
    }
    Ok(rewrites)
}

fn put(came: &Expectation) -> ManifestEdit {
    let lines = yaml::lines(came).into_iter().map(|line| (line.depth + 1, line.text)).collect();
    ManifestEdit::Put { at: "/spec".into(), key: "expect".into(), value: WrittenValue { value: Json::Object(yaml::as_json(came)), lines } }
}
