//! Surveys, looks up what the survey names, and plans.
//!
//! Must never: take a question that got no answer for one that was answered with nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use super::news::{Hear, News};
use super::read::Snapshot;
use crate::connector::{LookupRequest, TargetConnector};
use crate::model::Plan;
use crate::planning::{self, Answer, Lookup, LookupBy, Moment, Prepared, Scope};
use crate::policy::Policy;
use crate::world::World;

/// Lookups under way at once for one target.
const LOOKUPS_AT_ONCE: usize = 8;

/// What should change, as far as everything that was read and is asked for now says.
pub async fn plan(snapshot: &Snapshot, scope: Scope, hear: &dyn Hear) -> Plan {
    hear.hear(News::Planning);
    let Snapshot { policy, world, moment, connectors } = snapshot;
    let connector = |target: usize| policy.targets.get(target).and_then(|target| connectors.get(&target.name));
    let (answers, prepared) = ask(policy, world, &connector, *moment, scope).await;
    let plan = prepared.unwrap_or_else(|| planning::prepare(policy, world, &answers, *moment, scope)).plan();
    hear.hear(News::Planned);
    plan
}

/// Rounds of questions: an account by its id, by its keys, the groups it is in, and some to spare. What is open after that counts as unknown.
const ROUNDS: usize = 8;

/// Looks up what the survey names, until an answer brings up nothing new. Where nothing is open any more, what was found out for the last survey serves the plan.
pub(super) async fn ask<'c, 'w>(
    policy: &'w Policy,
    world: &'w World,
    connector: &impl Fn(usize) -> Option<&'c TargetConnector>,
    moment: Moment,
    scope: Scope,
) -> (Vec<(Lookup, Answer)>, Option<Prepared<'w>>) {
    let mut answers: Vec<(Lookup, Answer)> = Vec::new();
    let mut asked = BTreeSet::new();
    for _ in 0..ROUNDS {
        let prepared = planning::prepare(policy, world, &answers, moment, scope);
        let mut lookups = prepared.survey().lookups;
        lookups.retain(|lookup| asked.insert(lookup.clone()));
        if lookups.is_empty() {
            return (answers, Some(prepared));
        }
        drop(prepared);
        let answered = stream::iter(lookups).map(|lookup| async {
            let answer = look_up(world, connector(lookup.target), &lookup).await;
            (lookup, answer)
        });
        answers.extend(answered.buffered(LOOKUPS_AT_ONCE).collect::<Vec<_>>().await);
    }
    (answers, None)
}

pub(super) async fn look_up(world: &World, connector: Option<&TargetConnector>, lookup: &Lookup) -> Answer {
    let Some(connector) = connector else {
        return Answer::Unknown("the target could not be opened".into());
    };
    let Some(columns) = world.lookup_columns(lookup.target, lookup.kind) else {
        return Answer::Unknown("this kind of object can't be read at the target".into());
    };
    let (attribute, value) = match &lookup.by {
        LookupBy::Id(id) => (Arc::from("id"), id.clone()),
        LookupBy::Attribute(attribute, value) => (attribute.clone(), value.clone()),
    };
    match connector.reader.lookup(&LookupRequest::new(lookup.kind, columns, attribute, value)).await {
        Ok(objects) => Answer::Objects(objects),
        Err(error) => Answer::Unknown(error.to_string()),
    }
}
