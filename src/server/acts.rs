//! What visitors may ask for, whether by a page or by the API: the same things that commands ask for, put where commands put them.
//!
//! Must never: take a role for an action that nobody switched on, or an old sign-in for a new one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer::Problem;
use super::desk::Site;
use super::settings::SiteAction;
use super::visitor::{Reach, Visitor};
use crate::model::{Approval, Brake, Decided, SyncRequest};
use crate::pipeline::revoke::{self, Ground, NamesGiven, OrderTerms, State};
use crate::pipeline::{Hear, HearNothing, News};
use crate::planning::Moment;
use crate::policy::Policy;
use crate::state::Shelf;
use crate::workspace::acts;

/// A target that fails is tried so long; the workspace tries again after that.
const PATIENCE: Duration = Duration::from_secs(300);
/// Letters of a reason that are kept.
const REASON: usize = 500;
/// Fewer digits could be met by another plan.
const LEAST_DIGITS: usize = 8;

impl Site {
    /// Whether somebody may ask for something, at a Target where it is about one.
    pub(super) fn may(&self, visitor: &Visitor, action: SiteAction, target: Option<&str>) -> Result<(), Problem> {
        if !self.offers(action) {
            let words = "nothing of this kind may be asked for here: `actions` of the sign-in file does not name it";
            return Err(Problem::forbidden(words).next("use the command, or have it switched on"));
        }
        let rights = &visitor.rights;
        let may = match action {
            SiteAction::Sync => rights.sync,
            SiteAction::Approve => target.map_or(rights.approve != Reach::Nowhere, |target| rights.approve.covers(target)),
            SiteAction::Revoke => rights.revoke,
            SiteAction::Pause => rights.pause,
        };
        if !may {
            return Err(Problem::forbidden(format!("{} may not do that", visitor.name)).next("ask somebody who has the role"));
        }
        let grave = matches!(action, SiteAction::Approve | SiteAction::Revoke);
        if grave && !visitor.is_recent(Timestamp::now()) {
            let words = "this asks for a sign-in of the last 15 minutes, and yours is older, or the proxy does not say when it was";
            return Err(Problem::forbidden(words).next("sign out at the proxy, sign in again, and repeat it"));
        }
        Ok(())
    }

    /// Systems are read, and what is needed is done.
    pub(super) async fn sync(&self, visitor: &Visitor, targets: Vec<Arc<str>>, ignore_window: bool) -> Result<Arc<str>, Problem> {
        self.may(visitor, SiteAction::Sync, None)?;
        if ignore_window && !visitor.rights.pause {
            return Err(Problem::forbidden("only an admin passes closed windows"));
        }
        let known = self.view().await?.snapshot.policy.clone();
        if let Some(name) = targets.iter().find(|name| !known.targets.iter().any(|target| target.name == **name)) {
            return Err(Problem::wrong(format!("there is no target {name:?}")));
        }
        let request = SyncRequest { who: visitor.name.clone(), at: Timestamp::now(), targets, ignore_window };
        Ok(acts::ask(self.desk()?.store.as_ref(), &request).await?)
    }

    /// A word about a plan that waits.
    pub(super) async fn say(&self, visitor: &Visitor, hash: &str, decision: Decided, reason: Option<&str>) -> Result<Approval, Problem> {
        self.may(visitor, SiteAction::Approve, None)?;
        let (waiting, _) = self.waiting().await?;
        let is_hash = hash.len() >= LEAST_DIGITS && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        let mut meant = waiting.iter().filter(|plan| is_hash && plan.hash.starts_with(&hash.to_ascii_lowercase()));
        let (Some(plan), None) = (meant.next(), meant.next()) else {
            let words = "no such plan waits for an approval: it ran, is not needed any more, or is another one by now";
            return Err(Problem::missing(words).next("look at what waits now"));
        };
        self.may(visitor, SiteAction::Approve, Some(&plan.target))?;
        let word = Approval {
            plan: plan.hash.clone(),
            decision,
            approver: visitor.name.clone(),
            reason: reason.map(short),
            at: Timestamp::now(),
            expires: None,
            targets: Vec::new(),
            document: None,
            used: None,
        };
        acts::say(self.desk()?.store.as_ref(), &word, plan).await?;
        Ok(word)
    }

    /// Stops all writing. Says whether that is otherwise than before.
    pub(super) async fn pause(&self, visitor: &Visitor, reason: Option<&str>, everything: bool) -> Result<bool, Problem> {
        self.may(visitor, SiteAction::Pause, None)?;
        let store = self.desk()?.store;
        if Shelf::brake(store.as_ref()).await?.is_some_and(|brake| brake.everything || !everything) {
            return Ok(false);
        }
        let brake = Brake { who: visitor.name.clone(), at: Timestamp::now(), reason: reason.map(short), everything };
        acts::pull(store.as_ref(), &brake).await?;
        Ok(true)
    }

    /// Writing goes on. Says whether it was stopped.
    pub(super) async fn resume(&self, visitor: &Visitor) -> Result<bool, Problem> {
        self.may(visitor, SiteAction::Pause, None)?;
        Ok(acts::let_go(self.desk()?.store.as_ref(), &visitor.name, Timestamp::now()).await?)
    }

    /// Somebody is cut off everywhere. When it answers it is durable, and every run knows of it; what comes of it at each target is told by receipts.
    pub(super) async fn revoke(&self, visitor: &Visitor, key: &str, reason: &str, until: Option<Date>) -> Result<Arc<str>, Problem> {
        self.may(visitor, SiteAction::Revoke, None)?;
        let (view, desk, now) = (self.view().await?, self.desk()?, Timestamp::now());
        let policy = view.snapshot.policy.clone();
        let moment = Moment::at(&policy, now);
        if reason.trim().is_empty() {
            return Err(Problem::wrong("a revocation needs a reason"));
        }
        if let Some(until) = until.filter(|until| *until < moment.today) {
            return Err(Problem::wrong(format!("{until} is past: it would be over before it began")));
        }
        let names = NamesGiven::told_apart(&policy, desk.store.as_ref(), [key].into(), false).await;
        let [key] = names.keys.as_slice() else {
            return Err(Problem::wrong(format!("{key:?} is nobody's key")).next("name an immutable key, such as hr/10023 or user/jane"));
        };
        let state = State::kept(desk.store.clone(), desk.place.clone(), &policy.workspace);
        let terms = OrderTerms { reason: Arc::from(short(reason).as_str()), until, at: now };
        let ordered = revoke::orders(&policy, state, &[key], 1, &terms, &HearNothing).await;
        let (state, orders) = ordered.map_err(|error| Problem::away(error.to_string()))?;
        let key = orders.first().map(|order| order.key.clone()).unwrap_or_default();
        let (begins, begun) = oneshot::channel();
        let ground = Arc::new(Ground {
            loaded: view.loaded.as_ref().clone(),
            targets: (0..policy.targets.len()).filter(|at| orders.iter().any(|order| order.is_at(&policy.targets[*at].name))).collect(),
            policy: Policy { revocations: Vec::new(), ..policy.as_ref().clone() },
            state,
            orders,
            moment,
            deadline: Instant::now() + PATIENCE,
            who: visitor.name.clone(),
            stop: self.stop.clone(),
            unused: Vec::new(),
            hear: Box::new(Begun(Mutex::new(Some(begins)))),
        });
        // It goes on when whoever asked has gone.
        let work = tokio::spawn(async move { revoke::revoke(&ground, None).await });
        match begun.await {
            Ok(()) => {
                tokio::spawn(told(work));
                Ok(key)
            }
            Err(_) => Err(match work.await {
                Ok(Err(error)) => error.into(),
                _ => Problem::away("it could not be remembered, and nothing was done"),
            }),
        }
    }
}

/// Says that it stands in the state.
struct Begun(Mutex<Option<oneshot::Sender<()>>>);

impl Hear for Begun {
    fn hear(&self, news: News<'_>) {
        if let (News::Revoking, Some(begun)) = (news, self.0.lock().unwrap_or_else(PoisonError::into_inner).take()) {
            // Whoever waits for it may have gone.
            let _ = begun.send(());
        }
    }
}

/// What is left open stands in the receipts; here it is logged.
async fn told(work: tokio::task::JoinHandle<Result<Option<revoke::Done>, crate::state::StateError>>) {
    match work.await {
        Ok(Ok(Some(done))) => {
            let open = done.told.iter().filter(|told| !told.receipt.outcome.holds());
            let open = open.count();
            tracing::info!(target: "headcount::server", open, "somebody was cut off");
        }
        Ok(Ok(None)) => {}
        Ok(Err(error)) => {
            let why = error.to_string();
            tracing::error!(target: "headcount::server", why, "a revocation did not come to its end; it stands in the state, and is tried again");
        }
        Err(_) => {
            tracing::error!(target: "headcount::server", "a revocation did not come to its end; it stands in the state, and is tried again")
        }
    }
}

fn short(text: &str) -> String {
    text.trim().chars().take(REASON).collect()
}
