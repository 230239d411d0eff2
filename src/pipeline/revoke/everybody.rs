//! Everybody whom sources know: to answer what a name or a slip may mean. The long way, for whoever named nobody.
//!
//! Must never: be waited for by whoever can be cut off.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::connector::registry;
use crate::manifest::Loaded;
use crate::model::{Capabilities, Evidence, Memory, ObjectKind};
use crate::pipeline::news::HearNothing;
use crate::pipeline::plan::look_up;
use crate::pipeline::read::{Next, Reading, budget, read_source, surroundings};
use crate::planning::explain::{AccountExplanation, NoAccount, Provenance};
use crate::planning::{Answer, Lookup, LookupBy, Moment};
use crate::policy::Policy;
use crate::world::{SourceSide, TargetSide, World};

/// How long sources may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everybody at one moment.
pub struct Directory<'a> {
    policy: &'a Policy,
    world: World,
    moment: Moment,
}

impl<'a> Directory<'a> {
    /// Reads the sources; one that does not answer in time is unreadable.
    pub async fn read(loaded: &Loaded, policy: &'a Policy, memory: Memory, moment: Moment) -> Self {
        let sources = (0..policy.sources.len()).map(|at| async move {
            timeout(PATIENCE, read_source(loaded, policy, (at, Next::Nothing), moment, &budget(loaded), &Reading::once(&HearNothing)))
                .await
                .map(|read| read.side)
                .unwrap_or_else(|_| {
                    let mut side = SourceSide::new(policy, at, moment.today);
                    side.finish(Evidence::Unreadable { reason: format!("it did not answer within {} s", PATIENCE.as_secs()) });
                    side
                })
        });
        let sources = join_all(sources).await;
        let targets = (0..policy.targets.len()).map(|at| TargetSide::new(policy, at, Capabilities::default())).collect();
        Self { policy, world: World::assemble(policy, sources, targets, memory), moment }
    }

    /// The keys that a text may mean.
    pub(super) fn meant(&self, text: &str) -> Vec<Arc<str>> {
        Provenance::new(self.policy, &self.world, self.moment).find(text)
    }

    /// Which account of a target a name or an id means now, and whose it is as far as sources answered.
    pub async fn account(&mut self, loaded: &Loaded, at: usize, text: &str) -> Result<AccountExplanation, NoAccount> {
        let slow = || NoAccount::Unread(format!("it did not answer within {} s", PATIENCE.as_secs()));
        let answers = timeout(PATIENCE, self.ask(loaded, at, text)).await.map_err(|_| slow())?.map_err(NoAccount::Unread)?;
        let name = &self.policy.targets[at].name;
        Provenance::answered(self.policy, &self.world, &answers, self.moment).explain_account(name, text)
    }

    /// Asks for the account alone, by its id and by what it may be called.
    async fn ask(&mut self, loaded: &Loaded, at: usize, text: &str) -> Result<Vec<(Lookup, Answer)>, String> {
        let document = loaded.targets.get(at).ok_or("it is not declared")?;
        let surroundings = surroundings(document).urgent();
        let connector = registry::open_target(&document.spec.connection, &surroundings).await.map_err(|error| error.to_string())?;
        let mut side = TargetSide::new(self.policy, at, connector.capabilities.clone());
        for kind in [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership, ObjectKind::Entitlement] {
            side.finish(kind, Evidence::Partial { reason: "only single accounts are asked for".into() });
        }
        let columns = side.columns(ObjectKind::Account);
        self.world.renew(at, side);
        let text: Arc<str> = Arc::from(text);
        let called =
            ["userName", "displayName"].into_iter().filter(|name| columns.as_ref().is_some_and(|all| all.position(name).is_some()));
        let called = called.map(|name| LookupBy::Attribute(Arc::from(name), text.clone()));
        let mut answers = Vec::new();
        for by in std::iter::once(LookupBy::Id(text.clone())).chain(called) {
            let lookup = Lookup { target: at, kind: ObjectKind::Account, by };
            let answer = look_up(&self.world, &connector, &lookup).await;
            if let (Answer::Unknown(why), LookupBy::Id(_)) = (&answer, &lookup.by) {
                return Err(why.clone());
            }
            let found = matches!(&answer, Answer::Objects(page) if page.rows().next().is_some());
            // What is one account's id may be another one's name.
            let settled = found && !matches!(lookup.by, LookupBy::Id(_));
            answers.push((lookup, answer));
            if settled {
                break;
            }
        }
        Ok(answers)
    }

    /// Sources that could not be read to the end, and why: whoever only they know may have any account.
    pub fn unread(&self) -> Vec<(Arc<str>, String)> {
        let sources = self.policy.sources.iter().zip(&self.world.trust).filter(|(rules, _)| rules.establishes);
        sources.filter_map(|(rules, trust)| Some((rules.name.clone(), trust.evidence.reason()?.to_owned()))).collect()
    }

    /// The key that comes nearest to one that nobody has.
    pub fn nearest(&self, key: &str) -> Option<Arc<str>> {
        Provenance::new(self.policy, &self.world, self.moment).nearest(key)
    }
}
