//! `--redact`: how much of people the views of a review show, for repositories that more people read than may know everybody.
//!
//! Must never: fall back to showing more, or let the names of one request be followed into another.

use aws_lc_rs::{digest, rand};
use clap::{Args, ValueEnum};

use super::comment::place;
use super::report::{Failure, notice};
use crate::review::{self, Redaction, Review};

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

    /// The review as it may be shown.
    pub fn apply(&self, review: Review) -> Result<Review, Failure> {
        let level = self.level();
        if level == Redaction::Full {
            return Ok(review);
        }
        if self.is_by_itself() {
            notice(
                "everybody can read what a job of this repository shows, so people have other names in it; --redact full shows who they are",
            );
        }
        let key = key(&review.workspace)?;
        Ok(review::redact(review, level, &key))
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
