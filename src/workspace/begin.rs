//! How a process begins: with the newest manifests; where these can't be used, with those that were in force last; and where nobody kept those, with nothing.
//!
//! Must never: begin with manifests that are older than what was in force last, or follow what a commit says that nobody trusted signed.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

use super::follow::{self, unreachable};
use super::messages::CompiledRevision;
use super::revisions::{Arrived, ManifestInventory, RevisionError, RevisionSource, SoundPart};
use super::told::Observer;
use crate::diagnostic::Diagnostic;
use crate::manifest::Loaded;
use crate::model::{Need, NeedKind, RefusedBecause, RefusedRevision, Revision, STATUS_VERSION, Status};
use crate::state::{self, Shelf, StateError, StatePlace, Store};

/// A status that does not change is told again after so long.
const ALIVE: SignedDuration = SignedDuration::from_secs(30);

/// Where the state of manifests is.
pub type PlaceOf<'p> = &'p (dyn Fn(&Loaded) -> StatePlace + Sync);

/// What is kept so from now on.
pub struct Beginning {
    /// the state
    pub store: Arc<dyn Store>,
    /// what is in force
    pub manifests: CompiledRevision,
    /// newer manifests that can't be used, where there are such
    pub refused: Option<RefusedRevision>,
    /// what is odd about those in force
    pub warnings: Vec<Diagnostic>,
}

/// Why there is nothing to run by.
#[derive(Debug)]
pub enum BeginObstacle {
    /// the newest manifests have errors, or must not be used
    Refused(Revision, Vec<Diagnostic>),
    /// they lack what was in force before
    Held(RefusedRevision),
    /// nobody could be asked
    Away(RevisionError),
    /// there are none yet
    Nothing(String),
}

/// Begins: looks until there is something to run by.
pub struct Begin<'s> {
    source: &'s mut dyn RevisionSource,
    place: PlaceOf<'s>,
    /// by where it is
    state: Option<(String, Arc<dyn Store>)>,
    /// of the manifests that were refused what is sound
    part: Option<SoundPart>,
    /// what was in force last, by an earlier process
    in_force: Option<Revision>,
    /// whether the source was asked for what it noted itself
    asked: bool,
    /// why nothing runs
    refused: Option<RefusedRevision>,
    told: Option<Status>,
}

/// One look.
pub enum Looked {
    /// something to run by; and what is in the way of newer manifests, where something is
    Found(Box<Beginning>, Option<BeginObstacle>),
    /// nothing, and why, where that is new
    Waits(Option<BeginObstacle>),
}

impl<'s> Begin<'s> {
    /// With manifests from here.
    pub fn new(source: &'s mut dyn RevisionSource, place: PlaceOf<'s>) -> Self {
        Self { source, place, state: None, part: None, in_force: None, asked: false, refused: None, told: None }
    }

    /// Looks what there is.
    pub async fn look(&mut self) -> Result<Looked, StateError> {
        // What was in force says where the state is, whatever the newest manifests say.
        let mut last = self.last().await?;
        let mut newest = self.source.next(self.in_force.as_ref()).await;
        if self.state.is_none() {
            self.find_state(&newest).await?;
            last = self.last().await?;
            if last.is_some() || (self.in_force.is_some() && self.source.keeps()) {
                // Who wrote what is new counts from what was in force.
                newest = self.source.next(self.in_force.as_ref()).await;
            }
        }
        let (obstacle, refused) = match self.judge(newest).await? {
            Judged::Sound(beginning) => {
                self.source.keep(&beginning.manifests.revision).await;
                return Ok(Looked::Found(beginning, None));
            }
            Judged::Same => (None, self.refused.take()),
            Judged::Refused(both) => {
                let (obstacle, refused) = *both;
                match self.refused.take() {
                    // It was told; and that nobody can be asked for a while makes it no better.
                    Some(known)
                        if matches!(obstacle, BeginObstacle::Away(_))
                            || (known.revision.id == refused.revision.id && known.why == refused.why) =>
                    {
                        (None, Some(known))
                    }
                    _ => (Some(obstacle), Some(refused)),
                }
            }
        };
        let (Some(manifests), Some((_, store))) = (last, &self.state) else {
            self.refused = refused;
            return Ok(Looked::Waits(obstacle));
        };
        self.source.keep(&manifests.revision).await;
        let beginning = Beginning { store: store.clone(), manifests, refused, warnings: Vec::new() };
        Ok(Looked::Found(Box::new(beginning), obstacle))
    }

    /// What was in force last, where the source has it still.
    async fn last(&mut self) -> Result<Option<CompiledRevision>, StateError> {
        if self.state.is_none() && std::mem::replace(&mut self.asked, true) {
            return Ok(None);
        }
        let Some(mut last) = self.recall().await else { return Ok(None) };
        self.open(&last.loaded, &last.policy.workspace).await?;
        // Another process may have gone further than what was noted here.
        if let Some(known) = self.in_force.clone() {
            if known.id != last.revision.id {
                let Some(further) = self.recall().await else { return Ok(None) };
                last = further;
                self.open(&last.loaded, &last.policy.workspace).await?;
            }
            if known.id == last.revision.id {
                last.revision = known;
            }
        }
        Ok(Some(last))
    }

    async fn recall(&mut self) -> Option<CompiledRevision> {
        let id = self.in_force.as_ref().map(|known| known.id.clone());
        if self.state.is_some() && id.is_none() {
            return None;
        }
        match self.source.recall(id.as_deref()).await {
            Ok(Some(Arrived { revision, manifests: Ok(sound), .. })) => Some(follow::in_hand(revision, sound).0),
            Ok(_) => None,
            Err(error) => {
                let why = follow::chain(&error);
                tracing::warn!(target: "headcount::workspace", why, "what was in force last can't be had again");
                None
            }
        }
    }

    /// By what the newest manifests say, as far as they are sound.
    async fn find_state(&mut self, newest: &Result<Option<Arrived>, RevisionError>) -> Result<(), StateError> {
        match newest {
            Ok(Some(Arrived { manifests: Ok(sound), .. })) => self.open(&sound.loaded, &sound.policy.workspace).await.map(drop),
            Ok(Some(_)) => match self.source.sound_part() {
                Some(SoundPart { loaded, policy }) => self.open(&loaded, &policy.workspace).await.map(drop),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The state of manifests, and what was in force in it.
    async fn open(&mut self, loaded: &Loaded, workspace: &str) -> Result<Arc<dyn Store>, StateError> {
        let place = (self.place)(loaded);
        let name = format!("{workspace}\n{place:?}");
        if let Some((_, store)) = self.state.as_ref().filter(|(known, _)| *known == name) {
            return Ok(store.clone());
        }
        let store = state::open(&place, workspace).await?;
        self.in_force = on_shelf(store.as_ref(), follow::IN_FORCE).await?;
        self.state = Some((name, store.clone()));
        Ok(store)
    }

    async fn judge(&mut self, newest: Result<Option<Arrived>, RevisionError>) -> Result<Judged, StateError> {
        let known = self.in_force.clone().unwrap_or_else(|| Revision::unknown(self.source.place()));
        let Arrived { revision, manifests, rewritten } = match newest {
            Ok(Some(arrived)) => arrived,
            Ok(None) if self.refused.is_some() => return Ok(Judged::Same),
            Ok(None) => {
                let why = format!("{} has no manifests yet", self.source.place());
                let refused = RefusedRevision {
                    revision: known,
                    since: Timestamp::now(),
                    because: RefusedBecause::Unreadable,
                    why: vec![why.clone()],
                };
                return Ok(Judged::Refused(Box::new((BeginObstacle::Nothing(why), refused))));
            }
            Err(error) => {
                let refused = unreachable(&known, &self.source.place(), &error);
                return Ok(Judged::Refused(Box::new((BeginObstacle::Away(error), refused))));
            }
        };
        let sound = match manifests {
            Ok(sound) => sound,
            Err(problems) => {
                self.part = self.source.sound_part();
                let refused = follow::refused(revision.clone(), &problems);
                return Ok(Judged::Refused(Box::new((BeginObstacle::Refused(revision, problems), refused))));
            }
        };
        let (mut manifests, warnings) = follow::in_hand(revision, sound);
        let store = self.open(&manifests.loaded, &manifests.policy.workspace).await?;
        let inventory = on_shelf::<ManifestInventory>(store.as_ref(), follow::INVENTORY).await?;
        let Some(why) = inventory.and_then(|before| follow::shrunk(&before, &manifests)) else {
            if let Some(before) = self.in_force.as_ref().filter(|_| rewritten) {
                follow::tell_rewritten(before, &manifests.revision);
            }
            let planned = on_shelf::<Arc<str>>(store.as_ref(), follow::PLANNED).await?;
            if let Some(before) = self.in_force.as_ref().filter(|before| planned.as_ref() != Some(&before.id)) {
                manifests.revision.inherit(before);
            }
            return Ok(Judged::Sound(Box::new(Beginning { store, manifests, refused: None, warnings })));
        };
        let CompiledRevision { revision, loaded, policy, .. } = manifests;
        self.part = Some(SoundPart { loaded, policy });
        let refused = RefusedRevision { revision, since: Timestamp::now(), because: RefusedBecause::Shrank, why };
        Ok(Judged::Refused(Box::new((BeginObstacle::Held(refused.clone()), refused))))
    }

    /// While nothing runs: the state, and of the manifests what says who is to be told of it; nothing where not even that can be told.
    pub fn part(&self) -> Option<(Arc<dyn Store>, CompiledRevision)> {
        let SoundPart { loaded, policy } = self.part.clone()?;
        let revision = self.refused.as_ref()?.revision.clone();
        Some((self.state.as_ref()?.1.clone(), CompiledRevision { revision, loaded, policy, data: BTreeMap::new() }))
    }

    /// Tells how it stands while nothing runs. Where another process runs the workspace, that one tells.
    pub async fn tell(&mut self, who: &str, observer: &dyn Observer, now: Timestamp) -> Result<(), StateError> {
        observer.turned(now);
        let (Some((_, store)), Some(part), Some(refused)) = (&self.state, &self.part, &self.refused) else { return Ok(()) };
        let written = store.heads().await?.written;
        let mut status = stands(part, refused, now);
        status.journal = written.map(|head| (head.seq, head.hash.chars().take(8).collect())).unwrap_or_default();
        status.needs.extend(observer.needs());
        let same = |told: &Status| Status { at: told.at, ..status.clone() } == *told && now.duration_since(told.at) < ALIVE;
        if self.told.as_ref().is_some_and(same) {
            return Ok(());
        }
        match store.lock(who).await {
            Ok(lock) => {
                store.commit(vec![Shelf::Status.put("workspace", &status)]).await?;
                store.release(lock).await?;
            }
            Err(StateError::Busy { .. }) => {
                if self.told.take().is_some() {
                    observer.lease(false);
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        observer.status(&status);
        self.told = Some(status);
        Ok(())
    }
}

async fn on_shelf<T: DeserializeOwned>(store: &dyn Store, name: &str) -> Result<Option<T>, StateError> {
    let things = store.shelf(Shelf::Revisions).await?;
    Ok(things.into_iter().find(|thing| thing.name.as_ref() == name).and_then(|thing| serde_json::from_str(&thing.body).ok()))
}

/// What came of the newest manifests.
enum Judged {
    Sound(Box<Beginning>),
    /// what was refused before
    Same,
    Refused(Box<(BeginObstacle, RefusedRevision)>),
}

/// How a workspace stands by whose manifests nothing can be run.
fn stands(part: &SoundPart, refused: &RefusedRevision, now: Timestamp) -> Status {
    let why = refused.why.first().map_or("they can't be used", String::as_str);
    let need = Need {
        kind: NeedKind::RevisionRefused,
        about: refused.revision.name.clone(),
        words: format!("nothing is done at all, since these are the only manifests there are: {why}"),
        next: "headcount validate".into(),
        since: refused.since,
    };
    Status {
        format_version: STATUS_VERSION,
        workspace: part.policy.workspace.clone(),
        at: now,
        revision: None,
        refused: Some(refused.clone()),
        lease: None,
        brake: None,
        needs: vec![need],
        systems: Vec::new(),
        journal: (0, String::new()),
        identities: 0,
        revocations_open: 0,
    }
}
