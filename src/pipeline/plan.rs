//! Surveys, looks up what the survey names, and plans.
//!
//! Must never: take a question that got no answer for one that was answered with nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use tracing::{Instrument, Span};

use super::news::{Hear, News};
use super::read::Snapshot;
use crate::connector::{LookupRequest, TargetConnector};
use crate::model::{Page, Plan, SystemError};
use crate::planning::{self, Answer, LastPlan, Lookup, LookupBy, Moment, Prepared, Replan, Replanned, Scope};
use crate::policy::Policy;
use crate::world::{Dirty, World};

/// What should change, as far as everything that was read and is asked for now says.
pub async fn plan(snapshot: &Snapshot, scope: Scope, hear: &dyn Hear) -> Plan {
    hear.hear(News::Planning);
    let Snapshot { policy, world, moment, connectors } = snapshot;
    let connector = |target: usize| policy.targets.get(target).and_then(|target| connectors.get(&target.name).map(AsRef::as_ref));
    let (answers, prepared) = ask(policy, world, &connector, *moment, scope).instrument(span()).await;
    let plan = prepared.unwrap_or_else(|| planning::prepare(policy, world, &answers, *moment, scope)).plan();
    hear.hear(News::Planned);
    plan
}

/// What should change after these changes of a world that is kept, and how much was planned for it.
pub async fn replan(snapshot: &Snapshot, last: &mut LastPlan, dirty: &Dirty, hear: &dyn Hear) -> (Plan, Replanned) {
    hear.hear(News::Planning);
    let Snapshot { policy, world, moment, connectors } = snapshot;
    let connector = |target: usize| policy.targets.get(target).and_then(|target| connectors.get(&target.name).map(AsRef::as_ref));
    let mut answers: Vec<(Lookup, Answer)> = Vec::new();
    let mut asked = BTreeSet::new();
    let mut rounds = 0;
    let span = span();
    let (plan, how) = loop {
        let Replan { plan, survey, how } = span.in_scope(|| last.replan(policy, world, dirty, &answers, *moment));
        let mut lookups = survey.lookups;
        lookups.retain(|lookup| asked.insert(lookup.clone()));
        rounds += 1;
        if lookups.is_empty() || rounds > ROUNDS {
            break (plan, how);
        }
        answers.extend(look_up_all(world, &connector, lookups).instrument(span.clone()).await);
    };
    hear.hear(News::Planned);
    (plan, how)
}

/// What a trace shows of a plan, with what is looked up for it.
fn span() -> Span {
    tracing::info_span!(target: "headcount::run", "plan")
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
        answers.extend(look_up_all(world, connector, lookups).await);
    }
    (answers, None)
}

/// Every target is asked at once, each for all that is wanted of it. The answers stand in the order of the questions.
async fn look_up_all<'c>(
    world: &World,
    connector: &impl Fn(usize) -> Option<&'c TargetConnector>,
    lookups: Vec<Lookup>,
) -> Vec<(Lookup, Answer)> {
    let mut by_target: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut questions = Vec::with_capacity(lookups.len());
    for (at, lookup) in lookups.iter().enumerate() {
        let question = question(world, lookup);
        if question.is_ok() {
            by_target.entry(lookup.target).or_default().push(at);
        }
        questions.push(question);
    }
    let asked = by_target.into_iter().map(|(target, places)| {
        let requests: Vec<LookupRequest> = places.iter().filter_map(|at| questions.get(*at)?.as_ref().ok().cloned()).collect();
        async move {
            let answers = match connector(target) {
                Some(connector) => connector.reader.lookup_many(&requests).await.into_iter().map(answer).collect(),
                None => requests.iter().map(|_| Answer::Unknown("the target could not be opened".into())).collect::<Vec<_>>(),
            };
            // A question that got no answer is not one that was answered with nothing.
            let silence = std::iter::repeat_with(|| Answer::Unknown("the target gave no answer".into()));
            places.into_iter().zip(answers.into_iter().chain(silence)).collect::<Vec<_>>()
        }
    });
    let mut answered: BTreeMap<usize, Answer> = join_all(asked).await.into_iter().flatten().collect();
    let answers = lookups.into_iter().zip(questions).enumerate().map(|(at, (lookup, question))| {
        let unknown = || question.err().unwrap_or_else(|| Answer::Unknown("the target gave no answer".into()));
        (lookup, answered.remove(&at).unwrap_or_else(unknown))
    });
    answers.collect()
}

pub(super) async fn look_up(world: &World, connector: &TargetConnector, lookup: &Lookup) -> Answer {
    match question(world, lookup) {
        Ok(request) => answer(connector.reader.lookup(&request).await),
        Err(unknown) => unknown,
    }
}

fn question(world: &World, lookup: &Lookup) -> Result<LookupRequest, Answer> {
    let columns = world.lookup_columns(lookup.target, lookup.kind);
    let columns = columns.ok_or_else(|| Answer::Unknown("this kind of object can't be read at the target".into()))?;
    let (attribute, value) = match &lookup.by {
        LookupBy::Id(id) => (Arc::from("id"), id.clone()),
        LookupBy::Attribute(attribute, value) => (attribute.clone(), value.clone()),
    };
    Ok(LookupRequest::new(lookup.kind, columns, attribute, value))
}

fn answer(answer: Result<Page, SystemError>) -> Answer {
    match answer {
        Ok(objects) => Answer::Objects(objects),
        Err(error) => Answer::Unknown(error.to_string()),
    }
}
