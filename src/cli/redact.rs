//! `--redact`: how much of people commands show, for repositories that more people read than may know everybody.
//!
//! Must never: fall back to showing more, or let the names of one request be followed into another.

use aws_lc_rs::{digest, rand};
use clap::{Args, ValueEnum};

use super::comment::place;
use super::report::{Failure, notice};
use crate::drift::Drift;
use crate::model::{Change, Key};
use crate::review::{self, Pseudonyms, Redaction, Review};

/// How much of people is shown.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Redact {
    /// Leave out of every view: values (each only as changed), or identities (people under other names); full leaves out nothing. Unsaid it is identities in
    /// a job of a public repository, and full elsewhere. The saved plan has everything
    #[arg(long, value_name = "LEVEL", value_enum)]
    redact: Option<RedactLevel>,
}

/// What is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RedactLevel {
    /// nothing
    Full,
    /// every value
    Values,
    /// every value, and who people are
    Identities,
}

/// A secret of the repository's: with it somebody has one name through all runs of a request, and another in every other request.
const SECRET: &str = "HEADCOUNT_REDACT_KEY";

impl Redact {
    /// Whether something is left out.
    pub fn leaves_out(&self) -> bool {
        self.level() != Redaction::Full
    }

    /// Whether nobody asked for it, and it is so because everybody reads along.
    pub fn is_by_itself(&self) -> bool {
        self.redact.is_none() && self.leaves_out()
    }

    /// What hides it, the same for all that one command shows of a workspace.
    pub fn hides(&self, workspace: &str) -> Result<Hides, Failure> {
        let level = self.level();
        if self.is_by_itself() {
            notice(
                "everybody can read what a job of this repository shows, so people have other names in it; --redact full shows who they are",
            );
        }
        let key = if level == Redaction::Full { [0; 32] } else { key(workspace)? };
        Ok(Hides { level, key })
    }

    /// For what is about people by name, and nothing else.
    pub fn allows_names(&self, what: &str) -> Result<(), Failure> {
        let failure = || Failure::usage(format!("{what} tells who people are, so nothing of it can be left out"));
        match (self.leaves_out(), self.is_by_itself()) {
            (false, _) => Ok(()),
            (true, true) => {
                Err(failure().hint("everybody can read what a job of this repository shows; --redact full shows it all the same"))
            }
            (true, false) => Err(failure().hint("leave --redact out, or say --redact full")),
        }
    }

    fn level(&self) -> Redaction {
        match self.redact {
            None if place::is_public() => Redaction::Identities,
            None | Some(RedactLevel::Full) => Redaction::Full,
            Some(RedactLevel::Values) => Redaction::Values,
            Some(RedactLevel::Identities) => Redaction::Identities,
        }
    }
}

/// What hides people from whoever may not see them.
#[derive(Clone, Debug, Default)]
pub struct Hides {
    level: Redaction,
    key: [u8; 32],
}

impl Hides {
    /// Whether anything is hidden.
    pub fn anything(&self) -> bool {
        self.level != Redaction::Full
    }

    /// A review as it may be shown.
    pub fn review(&self, review: Review) -> Review {
        review::redact(review, self.level, &self.key)
    }

    /// Changes as they may be told.
    pub fn changes(&self, changes: &[Change]) -> Vec<Change> {
        review::redact_changes(changes, self.level, &self.key)
    }

    /// What a system said.
    pub fn words(&self, words: &str) -> String {
        review::redact_words(words, self.level)
    }

    /// What others changed, as it may be told.
    pub fn drifts(&self, drifts: &mut [Drift]) {
        if !self.anything() {
            return;
        }
        for drift in drifts.iter_mut() {
            (drift.ours, drift.theirs) = (None, None);
        }
        if self.level == Redaction::Identities {
            let people = drifts.iter().filter(|drift| !Key::is_group(&drift.key)).map(|drift| (drift.key.clone(), drift.name.clone()));
            let others = Pseudonyms::new(people, &self.key);
            for drift in drifts.iter_mut() {
                if let Some(other) = others.of_key(&drift.key) {
                    (drift.key, drift.name) = (other.clone(), other);
                }
                // Whoever did it is a person too.
                drift.last_change.iter_mut().for_each(|change| change.by = None);
            }
        }
    }
}

/// Of the secret, the workspace and the request; without both the secret and a request, of this run alone.
fn key(workspace: &str) -> Result<[u8; 32], Failure> {
    let mut key = [0; 32];
    match place::variable(SECRET).zip(place::request()) {
        Some((secret, request)) => {
            let mut context = digest::Context::new(&digest::SHA256);
            for part in [workspace, &request, &secret] {
                context.update(&(part.len() as u64).to_be_bytes());
                context.update(part.as_bytes());
            }
            key.copy_from_slice(context.finish().as_ref());
        }
        None => rand::fill(&mut key).map_err(|_| Failure::new("this machine gives no random numbers"))?,
    }
    Ok(key)
}
