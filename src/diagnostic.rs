//! The one shape for everything the user must fix: what, where, and the next step.
//!
//! Must never: print. The command line renders it, with the source line marked.

mod suggest;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use suggest::{did_you_mean, nearest};

/// A place in an input file. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// the file as the user named it; `-` for stdin
    pub file: Arc<str>,
    /// from 1
    pub line: u32,
    /// from 1
    pub column: u32,
}

/// Something that the user must or should fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// an error stops the command; a warning does not
    pub level: Level,
    /// one sentence that names the thing
    pub message: String,
    /// where, and how many characters to mark there
    pub place: Option<(Place, u32)>,
    /// other places that belong to it (the first of two duplicates), each with a few words
    pub related: Vec<(Place, String)>,
    /// what follows from it and is no mistake of its own, each in one sentence
    pub notes: Vec<String>,
    /// the next step
    pub hint: Option<String>,
    /// what stands at the place may be a secret: its line is shown without it
    pub conceal: bool,
    /// other places that may hold a secret, and how many characters; their lines are shown without it
    pub hidden: Vec<(Place, u32)>,
}

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// nothing to do, and good to know
    Note,
    /// works, but look at it
    Warning,
    /// stops the command
    Error,
}

impl Diagnostic {
    /// An error with no place yet.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            message: message.into(),
            place: None,
            related: Vec::new(),
            notes: Vec::new(),
            hint: None,
            conceal: false,
            hidden: Vec::new(),
        }
    }

    /// A warning with no place yet.
    pub fn warning(message: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(message) }
    }

    /// A note with no place yet.
    pub fn notice(message: impl Into<String>) -> Self {
        Self { level: Level::Note, ..Self::error(message) }
    }

    /// At a place, marking `length` characters.
    pub fn at(mut self, place: Place, length: u32) -> Self {
        self.place = Some((place, length));
        self
    }

    /// With what follows from it.
    pub fn note(mut self, words: impl Into<String>) -> Self {
        self.notes.push(words.into());
        self
    }

    /// With the next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Without showing the line it is about, which may hold a secret.
    pub fn conceal(mut self) -> Self {
        self.conceal = true;
        self
    }

    /// With another place that belongs to it.
    pub fn related(mut self, place: Place, words: impl Into<String>) -> Self {
        self.related.push((place, words.into()));
        self
    }
}

/// `file:line:column`
impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One line: `file:line:column: error: message (hint)`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((place, _)) = &self.place {
            write!(out, "{place}: ")?;
        }
        let level = match self.level {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(out, "{level}: {}", self.message)?;
        self.notes.iter().try_for_each(|note| write!(out, "; {note}"))?;
        match &self.hint {
            Some(hint) => write!(out, " ({hint})"),
            None => Ok(()),
        }
    }
}
