//! How whatever runs all the time begins: looks until there are manifests to run by, and tells meanwhile why nothing runs.
//!
//! Must never: end because manifests are bad, unless it is a job that runs by the clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::report::{self, Exit, Failure, Texts, notice};
use super::session::state_failure;
use super::teller::Teller;
use super::watched::Watched;
use crate::metrics::Metrics;
use crate::model::Status;
use crate::serve::Health;
use crate::server::Inbound;
use crate::state::Store;
use crate::workspace::revisions::RevisionSource;
use crate::workspace::{Begin, BeginObstacle, Beginning, CompiledRevision, Looked, PlaceOf};

/// How often it is told how it stands, while nothing runs.
const TURN: Duration = Duration::from_secs(1);

/// Whom is told how it goes.
#[derive(Clone)]
pub(super) struct Tells {
    pub health: Health,
    pub metrics: Metrics,
    /// whoever else shows a status: the repository's host, a cluster
    pub host: Option<watch::Sender<Option<Status>>>,
    /// there may be somebody who looks at a terminal
    pub watched: bool,
    /// where systems push to
    pub inbound: Option<Arc<Inbound>>,
}

impl Tells {
    pub fn teller(&self, store: &Arc<dyn Store>, manifests: &CompiledRevision) -> Teller {
        let numbers = (self.health.clone(), self.metrics.clone());
        let watched = (self.watched && !report::is_logged()).then(Watched::default);
        Teller::new(store, manifests, numbers, watched, (self.host.clone(), self.inbound.clone()))
    }
}

/// How somebody begins.
pub(super) struct Beginner<'b> {
    /// for the journal and for whoever finds the lock taken
    pub who: String,
    /// where the state of manifests is
    pub place: PlaceOf<'b>,
    /// between two looks
    pub every: Duration,
    /// takes what there is, and waits for nothing better
    pub once: bool,
    /// nothing runs, and nothing of the manifests says where that can be told
    pub untold: &'b (dyn Fn() + Sync),
}

impl Beginner<'_> {
    /// The first manifests to run by; nothing where it was stopped before there were any.
    pub async fn begin(
        &self,
        source: &mut dyn RevisionSource,
        told: &Tells,
        stop: &CancellationToken,
    ) -> Result<Option<Beginning>, Failure> {
        let from = source.place();
        let mut begin = Begin::new(source, self.place);
        let mut waits: Option<Teller> = None;
        loop {
            match begin.look().await.map_err(|error| state_failure(&error))? {
                Looked::Found(beginning, obstacle) => {
                    report::diagnostics(&beginning.warnings, &Texts::default());
                    if let Some(obstacle) = obstacle {
                        report::failure(&failure(obstacle, &from));
                        notice(format_args!("{} was in force last, and stays so", beginning.manifests.revision.name));
                    }
                    return Ok(Some(*beginning));
                }
                Looked::Waits(Some(obstacle)) if self.once => return Err(failure(obstacle, &from)),
                Looked::Waits(Some(obstacle)) => {
                    report::failure(&failure(obstacle, &from));
                    notice("nothing is done until there are better ones: no earlier manifests can be had here");
                    waits = begin.part().map(|(store, manifests)| told.teller(&store, &manifests));
                    if waits.is_none() {
                        (self.untold)();
                    }
                }
                Looked::Waits(None) => {}
            }
            if !self.wait(&mut begin, waits.as_ref(), told, stop).await? {
                return Ok(None);
            }
        }
    }

    /// Whether it is looked again, or it was stopped.
    async fn wait(&self, begin: &mut Begin<'_>, waits: Option<&Teller>, told: &Tells, stop: &CancellationToken) -> Result<bool, Failure> {
        let next = Instant::now() + self.every;
        while Instant::now() < next {
            told.health.turned(Instant::now());
            if let Some(teller) = waits {
                begin.tell(&self.who, teller, Timestamp::now()).await.map_err(|error| state_failure(&error))?;
            }
            tokio::select! {
                () = tokio::time::sleep(TURN.min(self.every)) => {}
                () = stop.cancelled() => return Ok(false),
            }
        }
        Ok(true)
    }
}

/// What is in the way, for a person.
fn failure(obstacle: BeginObstacle, from: &str) -> Failure {
    match obstacle {
        BeginObstacle::Refused(revision, problems) => {
            notice(format_args!("{} can't be used", revision.name));
            Failure::Manifests(problems, Texts::default())
        }
        BeginObstacle::Held(refused) => {
            Failure::new(format!("these manifests lack what was in force before: {}", refused.why.join("\n"))).exit(Exit::Stale)
        }
        BeginObstacle::Away(error) => {
            let failure = Failure::from_error(&error);
            error.hint().into_iter().fold(failure, Failure::hint)
        }
        BeginObstacle::Nothing(why) => Failure::new(why).hint(format!("is {from} the right place?")),
    }
}
