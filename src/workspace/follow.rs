//! Follows whatever manifests come from, and hands the actor what may be used of it: one sound revision after the other.
//!
//! Must never: hand over manifests that were cut short, or stop because nobody could be asked.

use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use tokio_util::sync::CancellationToken;

use super::actor::Mail;
use super::messages::CompiledRevision;
use super::revisions::{Arrived, ManifestInventory, RevisionError, RevisionSource, SoundManifests, reasons, shrank};
use crate::diagnostic::Diagnostic;
use crate::model::{RefusedRevision, Revision};
use crate::state::{Fact, Shelf, StateError, Store};

/// So many reasons are shown of a revision that is refused.
const REASONS: usize = 5;
/// A document that lets something go may do so for this long, where it is proposed.
const PROPOSED_DAYS: i64 = 7;

/// What came first.
pub enum First {
    /// sound manifests, and the warnings about them
    Sound(Box<CompiledRevision>, Vec<Diagnostic>),
    /// what can't be used, and why
    Refused(Revision, Vec<Diagnostic>),
}

/// The first revision: nothing where there is none yet.
pub async fn first(source: &mut dyn RevisionSource) -> Result<Option<First>, RevisionError> {
    let Some(Arrived { revision, manifests, .. }) = source.next(None).await? else { return Ok(None) };
    Ok(Some(match manifests {
        Ok(sound) => {
            let (manifests, warnings) = in_hand(revision, sound);
            First::Sound(Box::new(manifests), warnings)
        }
        Err(problems) => First::Refused(revision, problems),
    }))
}

/// Why the manifests that a process begins with are held, if they are: they lack what was in force when the last one ended.
pub async fn held(store: &dyn Store, manifests: &CompiledRevision) -> Result<Option<Vec<String>>, StateError> {
    let known: Vec<(Arc<str>, ManifestInventory)> = Shelf::Revisions.all(store).await?;
    let before = known.into_iter().find(|(name, _)| name.as_ref() == INVENTORY).map(|(_, inventory)| inventory);
    Ok(before.and_then(|before| shrunk(&before, manifests)))
}

/// What manifests hold, as it is kept to compare newer ones with.
pub(super) fn inventory(manifests: &CompiledRevision) -> Fact {
    Shelf::Revisions.put(INVENTORY, &ManifestInventory::of(&manifests.loaded))
}

/// What it is called on its shelf.
const INVENTORY: &str = "inventory";

fn shrunk(before: &ManifestInventory, after: &CompiledRevision) -> Option<Vec<String>> {
    let today = Timestamp::now().to_zoned(after.policy.time_zone.clone()).date();
    let shrunk = shrank(before, &after.loaded, today)?;
    let expires = today.checked_add(PROPOSED_DAYS.days()).unwrap_or(today);
    Some(std::iter::once(format!("{}; {}", shrunk.words(), shrunk.hint())).chain(shrunk.answer(expires)).collect())
}

/// Looks every now and then whether there is something newer than what is in force, until it is stopped.
pub async fn follow(
    mut source: Box<dyn RevisionSource>,
    mail: Mail,
    mut known: CompiledRevision,
    every: Duration,
    stop: CancellationToken,
) {
    let mut unused = Unused::default();
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => return,
        }
        match source.next(Some(&known.revision)).await {
            Ok(None) => unused.same().into_iter().for_each(|refused| mail.refused(refused)),
            Ok(Some(Arrived { revision, manifests, .. })) => match judged(&known, revision, manifests) {
                Ok(manifests) => {
                    unused = Unused::default();
                    known = manifests.clone();
                    mail.manifests(manifests);
                }
                Err(refused) => mail.refused(Some(unused.refuse(*refused))),
            },
            Err(error) => {
                unused.away = true;
                mail.refused(Some(unreachable(&known.revision, source.as_ref(), &error)));
            }
        }
    }
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
    let refuse = |revision: Revision, why: Vec<String>| Box::new(RefusedRevision { revision, since: Timestamp::now(), why });
    let sound = manifests.map_err(|problems| {
        let mut why = reasons(&problems);
        let more = why.len().saturating_sub(REASONS);
        why.truncate(REASONS);
        why.extend((more > 0).then(|| format!("and {more} more")));
        refuse(revision.clone(), why)
    })?;
    let (manifests, _) = in_hand(revision, sound);
    match shrunk(&ManifestInventory::of(&known.loaded), &manifests) {
        Some(why) => Err(refuse(manifests.revision, why)),
        None => Ok(manifests),
    }
}

fn in_hand(revision: Revision, sound: SoundManifests) -> (CompiledRevision, Vec<Diagnostic>) {
    let SoundManifests { loaded, policy, warnings, data } = sound;
    (CompiledRevision { revision, loaded: Arc::new(loaded), policy: Arc::new(policy), data }, warnings)
}

/// An error with all that is behind it.
fn chain(error: &RevisionError) -> String {
    let all = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Nobody knows whether there is something newer.
fn unreachable(known: &Revision, source: &dyn RevisionSource, error: &RevisionError) -> RefusedRevision {
    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    let why = format!("{} can't be looked at: {}{hint}", source.place(), chain(error));
    RefusedRevision { revision: known.clone(), since: Timestamp::now(), why: vec![why] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_somebody_can_be_asked_again_what_stood_before_stands_again() {
        let at = "2026-11-29T10:00:00Z".parse().unwrap();
        let revision = Revision { id: "bad".into(), name: "main@bad".into(), at, authors: Vec::new(), signer: None };
        let refused = RefusedRevision { revision, since: at, why: vec!["people/a.yaml:3: no such field".into()] };
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
