//! Cutting people off, now: remembered first, then at each target on its own, from the look to the cut; whatever sources tell later only adds.
//!
//! Links and marks lead to accounts without any source. Must never: let one target or source wait for another, plan anybody else, or say that nobody has an
//! account where nobody could look properly.

mod beside;
mod everybody;
mod ground;
mod names;
mod orders;
mod preview;
mod receipt;
mod sources;
mod standing;
mod state;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout_at;

use super::news::{Decision, News};
use crate::apply::run_name;
use crate::journal::{Event, entry};
use crate::model::ReceiptWord;
use crate::planning::KnownAs;
use crate::state::{Fact, StateError};
use beside::{beside, block_on};
pub use everybody::Directory;
pub use ground::{Ground, Obstacle, TargetCut, Told};
pub use names::{Meaning, NamesGiven};
pub use orders::{OrderTerms, OrdersError, orders};
use preview::preview;
use sources::Found;
pub use standing::{Lifted, lift};
pub(super) use standing::{covering, end_covered};
pub use state::State;

/// How long a thread that is past its deadline is waited for. A system that hangs for longer is left behind.
const GRACE: Duration = Duration::from_secs(70);

/// What came of it.
pub struct Done {
    /// at each target
    pub told: Vec<Told>,
    /// those who are cut off, with every key that was found
    pub people: Vec<KnownAs>,
    /// keys that nobody has, though everything was asked; they are forgotten again
    pub slips: Vec<Arc<str>>,
    /// sources that could not be read, and why
    pub unread: Vec<(Arc<str>, String)>,
}

/// What would be cut off at each target, as far as it answers at once; with the reason where nothing could be seen.
pub type Looks = [(Arc<str>, Result<TargetCut, String>)];
/// Whoever is shown what would be cut off, and says whether it is.
pub type Ask<'a> = dyn Fn(&Looks) -> Decision + Sync + 'a;

/// Cuts off: shown and asked where somebody is to be asked, remembered, and done. Nothing where they let it be.
pub async fn revoke(ground: &Arc<Ground>, ask: Option<&Ask<'_>>) -> Result<Option<Done>, StateError> {
    if let Some(ask) = ask
        && ask(&preview(ground).await) == Decision::Leave
    {
        return Ok(None);
    }
    ground.remember().await?;
    ground.hear.hear(News::Revoking);
    cut_off(ground).await.map(Some)
}

/// Everywhere at once, until it is done or the time is over. It stands in the state already.
async fn cut_off(ground: &Arc<Ground>) -> Result<Done, StateError> {
    let (tell, hear) = watch::channel(None::<Arc<Found>>);
    let (report, mut reports) = mpsc::unbounded_channel();
    for at in ground.targets.clone() {
        let (ground, hear, report) = (ground.clone(), hear.clone(), report.clone());
        // Whoever waits for it takes a closed channel for a target that gave no answer.
        beside(move || drop(report.send((at, target::work(&ground, at, hear)))));
    }
    drop(report);
    let read = ground.clone();
    beside(move || drop(tell.send_replace(Some(Arc::new(block_on(sources::read(&read)))))));
    let mut told = BTreeMap::new();
    let until = ground.deadline + GRACE;
    while let Ok(Some((at, of_target))) = timeout_at(until, reports.recv()).await {
        told.insert(at, of_target?);
    }
    let found = hear.borrow().clone();
    let all = ground.targets.iter().flat_map(|at| told.remove(at).unwrap_or_else(|| receipt::nothing(ground, *at))).collect();
    finish(ground, all, found.as_deref()).await
}

async fn finish(ground: &Ground, told: Vec<Told>, found: Option<&Found>) -> Result<Done, StateError> {
    let people = found.map_or_else(|| ground.people(), |found| found.people.clone());
    let unread = found.map_or_else(Vec::new, |found| found.unread.clone());
    let mut slips = Vec::new();
    for (order, person) in ground.orders.iter().zip(&people) {
        let mut theirs = told.iter().filter(|told| told.key == order.key).peekable();
        let everywhere = theirs.peek().is_some() && theirs.all(|told| told.receipt.outcome == ReceiptWord::NoAccount);
        let known = found.is_none_or(|found| found.known.contains(&order.key)) || !person.also.is_empty();
        if everywhere && !known && ground.targets.len() == ground.policy.targets.len() {
            slips.push(order.key.clone());
        }
    }
    if !slips.is_empty() {
        let now = Timestamp::now();
        let event = Event::Lifted { keys: slips.clone(), why: "nobody has the key, neither in a source nor at a target".to_owned() };
        let line = entry(&run_name(now, true), now, &event);
        ground.commit(slips.iter().cloned().map(Fact::Lifted).chain([line]).collect()).await?;
    }
    let told = told.into_iter().filter(|told| !slips.contains(&told.key)).collect();
    Ok(Done { told, people, slips, unread })
}
