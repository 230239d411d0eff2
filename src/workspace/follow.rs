//! Follows whatever manifests come from, and hands the actor what may be used of it: one sound revision after the other.
//!
//! Must never: hand over manifests that were cut short, or stop because nobody could be asked.

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::actor::Mail;
use super::messages::CompiledRevision;
use super::revisions::{Arrived, ManifestInventory, RevisionError, RevisionSource, SoundManifests, names_the_same, reasons, shrank};
use crate::diagnostic::Diagnostic;
use crate::model::{RefusedBecause, RefusedRevision, Revision};
use crate::state::{Fact, Shelf};

/// So many reasons are shown of a revision that is refused.
const REASONS: usize = 5;
/// A document that lets something go may do so for this long, where it is proposed.
const PROPOSED_DAYS: i64 = 7;

/// A hook has it looked at no more often.
const HOOKS: Duration = Duration::from_secs(60);

/// What manifests hold, as it is kept to compare newer ones with.
pub(super) fn inventory(manifests: &CompiledRevision) -> Fact {
    Shelf::Revisions.put(INVENTORY, &ManifestInventory::of(&manifests.loaded))
}

/// What it is called on its shelf.
pub(super) const INVENTORY: &str = "inventory";
/// What the revision in force is called there.
pub(super) const IN_FORCE: &str = "in-force";
/// And the id of the last one of which all was planned.
pub(super) const PLANNED: &str = "planned";

pub(super) fn shrunk(before: &ManifestInventory, after: &CompiledRevision) -> Option<Vec<String>> {
    let today = Timestamp::now().to_zoned(after.policy.time_zone.clone()).date();
    let shrunk = shrank(before, &after.loaded, today)?;
    let expires = today.checked_add(PROPOSED_DAYS.days()).unwrap_or(today);
    Some(std::iter::once(format!("{}; {}", shrunk.words(), shrunk.hint())).chain(shrunk.answer(expires)).collect())
}

/// What is followed from: what is in force, and what is newer and can't be used.
pub struct Followed {
    /// in force
    pub known: CompiledRevision,
    /// newer, and not used
    pub refused: Option<RefusedRevision>,
}

impl From<CompiledRevision> for Followed {
    fn from(known: CompiledRevision) -> Self {
        Self { known, refused: None }
    }
}

/// Looks every now and then whether there is something newer than what is in force, until it is stopped.
pub async fn follow(mut source: Box<dyn RevisionSource>, mail: Mail, from: impl Into<Followed>, every: Duration, stop: CancellationToken) {
    let Followed { mut known, refused } = from.into();
    let mut unused = Unused { away: false, refused: refused.clone() };
    if refused.is_some() {
        mail.refused(refused);
    }
    let mut hooked: Option<Instant> = None;
    loop {
        let until_hooked = async {
            mail.until_hooked().await;
            // However often somebody says so.
            if let Some(last) = hooked {
                tokio::time::sleep_until(last + HOOKS).await;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = until_hooked => hooked = Some(Instant::now()),
            () = stop.cancelled() => return,
        }
        let newest = tokio::select! {
            newest = source.next(Some(&known.revision)) => newest,
            () = stop.cancelled() => return,
        };
        match newest {
            Ok(None) => unused.same().into_iter().for_each(|refused| mail.refused(refused)),
            Ok(Some(Arrived { revision, manifests, rewritten })) => match judged(&known, revision, manifests) {
                Ok(manifests) => {
                    if rewritten {
                        tell_rewritten(&known.revision, &manifests.revision);
                    }
                    unused = Unused::default();
                    known = manifests.clone();
                    // Whoever waits for a change does not wait for the note of it.
                    mail.manifests(manifests);
                    source.keep(&known.revision).await;
                }
                Err(refused) => mail.refused(Some(unused.refuse(*refused))),
            },
            Err(error) => {
                unused.away = true;
                mail.refused(Some(unreachable(&known.revision, &source.place(), &error)));
            }
        }
    }
}

/// Somebody pushed another history by force, and it is used.
pub(super) fn tell_rewritten(before: &Revision, now: &Revision) {
    let (before, now) = (before.name.as_str(), now.name.as_str());
    tracing::warn!(target: "headcount::workspace", before, now, "the branch was rewritten: what was in force does not lead to what is now");
}

/// What is newer and not used; and whether nobody could be asked the last time, which stands in its place as long.
#[derive(Debug, Default)]
struct Unused {
    refused: Option<RefusedRevision>,
    away: bool,
}

impl Unused {
    /// There is nothing newer. Where nobody could be asked before, what stood then stands again.
    fn same(&mut self) -> Option<Option<RefusedRevision>> {
        std::mem::take(&mut self.away).then(|| self.refused.clone())
    }

    fn refuse(&mut self, refused: RefusedRevision) -> RefusedRevision {
        *self = Self { refused: Some(refused.clone()), away: false };
        refused
    }
}

/// What is newer may be used, or it is refused.
fn judged(
    known: &CompiledRevision,
    revision: Revision,
    manifests: Result<SoundManifests, Vec<Diagnostic>>,
) -> Result<CompiledRevision, Box<RefusedRevision>> {
    let sound = manifests.map_err(|problems| Box::new(refused(revision.clone(), &problems)))?;
    let (manifests, _) = in_hand(revision, sound);
    if names_the_same(&known.loaded, &manifests.loaded) {
        return Ok(manifests);
    }
    match shrunk(&ManifestInventory::of(&known.loaded), &manifests) {
        Some(why) => {
            Err(Box::new(RefusedRevision { revision: manifests.revision, since: Timestamp::now(), because: RefusedBecause::Shrank, why }))
        }
        None => Ok(manifests),
    }
}

/// What can't be used for errors in it.
pub(super) fn refused(revision: Revision, problems: &[Diagnostic]) -> RefusedRevision {
    let mut why = reasons(problems);
    let more = why.len().saturating_sub(REASONS);
    why.truncate(REASONS);
    why.extend((more > 0).then(|| format!("and {more} more")));
    RefusedRevision { revision, since: Timestamp::now(), because: RefusedBecause::Invalid, why }
}

pub(super) fn in_hand(revision: Revision, sound: SoundManifests) -> (CompiledRevision, Vec<Diagnostic>) {
    let SoundManifests { loaded, policy, warnings, data } = sound;
    (CompiledRevision { revision, loaded, policy, data }, warnings)
}

/// An error with all that is behind it.
pub(super) fn chain(error: &RevisionError) -> String {
    let all = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Nobody knows whether there is something newer.
pub(super) fn unreachable(known: &Revision, place: &str, error: &RevisionError) -> RefusedRevision {
    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    let why = format!("{place} can't be looked at: {}{hint}", chain(error));
    RefusedRevision { revision: known.clone(), since: Timestamp::now(), because: RefusedBecause::Unreadable, why: vec![why] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_somebody_can_be_asked_again_what_stood_before_stands_again() {
        let at = "2026-11-29T10:00:00Z".parse().unwrap();
        let revision = Revision { id: "bad".into(), name: "main@bad".into(), at, authors: Vec::new(), signer: None };
        let refused =
            RefusedRevision { revision, since: at, because: RefusedBecause::Invalid, why: vec!["people/a.yaml:3: no such field".into()] };
        let mut unused = Unused::default();
        assert_eq!(unused.same(), None, "nothing has changed");
        unused.away = true;
        assert_eq!((unused.same(), unused.same()), (Some(None), None));
        unused.refuse(refused.clone());
        assert_eq!(unused.same(), None);
        unused.away = true;
        assert_eq!((unused.same(), unused.same()), (Some(Some(refused)), None));
    }
}
