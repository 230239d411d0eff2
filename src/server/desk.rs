//! What pages and API reach: the state, and the workspace that this process runs.
//!
//! Must never: show what the state says otherwise by now. Plans that wait are large, so they are kept as they were read until it does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::answer::Problem;
use super::assertion::Assertions;
use super::oidc::Oidc;
use super::session::Sessions;
use super::settings::{ProxySettings, SiteAction, SiteError, SiteSettings};
use super::visitor::Visitor;
use super::worked_out::Scholar;
use crate::journal::history::{KnownSubjects, RecentNumbers};
use crate::journal::{Event, Journal, JournalError};
use crate::model::{ApiToken, Approval, Plan, StandingRevocation, Status};
use crate::state::{About, Head, Shelf, Shelved, StatePlace, Store};
use crate::workspace::acts;
use crate::workspace::gates::WaitingPlan;
use crate::workspace::{Mail, WorkspaceView};

/// Tokens are looked up again after so long: one that was ended counts no longer than that.
const TOKENS: Duration = Duration::from_secs(1);
/// How often newer plans are looked for, while somebody looks at pages.
const AFRESH: Duration = Duration::from_secs(1);
/// Whoever opens the same person again within this time is in the journal already.
const AGAIN: SignedDuration = SignedDuration::from_mins(15);
/// What was done since then is told on the first page, and counted anew after so long.
pub(super) const LATELY: SignedDuration = SignedDuration::from_hours(24);
const ANEW: SignedDuration = SignedDuration::from_mins(1);
/// Entries of the journal that one page looks through.
pub(super) const ENTRIES: u64 = 20_000;
/// As many of those are remembered.
const OPENED: usize = 10_000;

/// One workspace, as it is reached.
#[derive(Clone)]
pub struct Desk {
    /// its state
    pub store: Arc<dyn Store>,
    /// where that is
    pub place: StatePlace,
    /// what asks the workspace
    pub mail: Mail,
}

/// How people sign in.
pub(super) enum SignIn {
    /// whoever is on this machine looks
    Machine,
    /// a proxy signs who they are
    Proxy(Box<SiteSettings>, Box<ProxySettings>, Box<Assertions>),
    /// they sign in at a provider
    Oidc(Box<SiteSettings>, Box<Oidc>),
}

impl SignIn {
    fn of(settings: SiteSettings) -> Result<Self, SiteError> {
        match (&settings.proxy, &settings.oidc) {
            (Some(proxy), _) => {
                let (proxy, assertions) = (proxy.clone(), Assertions::new(proxy)?);
                Ok(Self::Proxy(Box::new(settings), Box::new(proxy), Box::new(assertions)))
            }
            (None, Some(oidc)) => {
                let oidc = Oidc::new(oidc, &settings.origin(), settings.folder.clone())?;
                Ok(Self::Oidc(Box::new(settings), Box::new(oidc)))
            }
            // A file that says so was refused when it was read.
            (None, None) => Err(SiteError::Keys("nobody says who signs people in".into())),
        }
    }

    fn settings(&self) -> Option<&SiteSettings> {
        match self {
            Self::Machine => None,
            Self::Proxy(settings, ..) | Self::Oidc(settings, _) => Some(settings),
        }
    }
}

/// Plans on their shelf, with the text that each was read of.
type KeptPlans = BTreeMap<Arc<str>, (String, Arc<WaitingPlan>)>;

/// What was done lately, and of what journal and when that was counted.
type Lately = (Option<Head>, Timestamp, Arc<RecentNumbers>);

/// The pages and the API of one process.
pub struct Site {
    pub(super) sign_in: SignIn,
    /// of browsers, where people sign in at a provider
    pub(super) sessions: Sessions,
    desk: Mutex<Option<Desk>>,
    tokens: tokio::sync::Mutex<Option<(Instant, Arc<Vec<ApiToken>>)>>,
    opened: Mutex<BTreeMap<(String, String), Timestamp>>,
    /// plans that wait, as they were read last
    plans: tokio::sync::Mutex<KeptPlans>,
    /// whose keys seal what of the journal
    pub(super) whose: tokio::sync::Mutex<KnownSubjects>,
    /// what was worked out of what was read
    pub(super) scholar: Scholar,
    /// what was done lately, and of what journal and when that was counted
    lately: tokio::sync::Mutex<Option<Lately>>,
    /// ends what somebody asked for and is under way
    pub(super) stop: CancellationToken,
}

impl Site {
    /// At an address. Without settings only this machine may reach it, and nothing may be asked for.
    pub fn new(address: SocketAddr, settings: Option<SiteSettings>, stop: CancellationToken) -> Result<Arc<Self>, SiteError> {
        let sign_in = match settings {
            None if !address.ip().is_loopback() => return Err(SiteError::Open(address)),
            None => SignIn::Machine,
            Some(settings) => SignIn::of(settings)?,
        };
        let (desk, tokens, opened) = (Mutex::default(), tokio::sync::Mutex::default(), Mutex::default());
        let (plans, whose) = (tokio::sync::Mutex::default(), tokio::sync::Mutex::default());
        let (scholar, lately) = (Scholar::default(), tokio::sync::Mutex::default());
        Ok(Arc::new(Self { sign_in, sessions: Sessions::default(), desk, tokens, opened, plans, whose, scholar, lately, stop }))
    }

    /// From here on it is this workspace's.
    pub fn serve(&self, desk: Desk) {
        *self.desk.lock().unwrap_or_else(PoisonError::into_inner) = Some(desk);
    }

    /// Whether anything may be asked for at all.
    pub(super) fn acts(&self) -> bool {
        self.sign_in.settings().is_some_and(|settings| !settings.actions.is_empty())
    }

    /// Whether this may be.
    pub(super) fn offers(&self, action: SiteAction) -> bool {
        self.sign_in.settings().is_some_and(|settings| settings.actions.contains(&action))
    }

    pub(super) fn origin(&self) -> Option<String> {
        self.sign_in.settings().map(SiteSettings::origin)
    }

    /// Whether people sign in here, and leave here.
    pub(super) fn has_sessions(&self) -> bool {
        matches!(self.sign_in, SignIn::Oidc(..))
    }

    pub(super) fn desk(&self) -> Result<Desk, Problem> {
        let desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner).clone();
        desk.ok_or_else(|| Problem::away("the workspace has not begun: there are no manifests yet by which it could"))
    }

    /// What is known now.
    pub(super) async fn view(&self) -> Result<WorkspaceView, Problem> {
        self.desk()?.mail.look().await.ok_or_else(|| Problem::away("the workspace has ended"))
    }

    /// The same, where what was read is to be shown.
    pub(super) async fn known(&self) -> Result<(WorkspaceView, Arc<Plan>), Problem> {
        let view = self.view().await?;
        if !view.is_known {
            let words = "this process has not read the systems: it has just begun, or another one runs the workspace";
            return Err(Problem::away(words).next("try again in a moment, or ask the one that `headcount status` names"));
        }
        match view.plan.clone() {
            Some(plan) => Ok((view, plan)),
            None => Err(Problem::away("what is needed is being worked out").next("try again in a moment")),
        }
    }

    /// Somebody looks: what they may ask for next is worked out meanwhile, and once more whenever something was read anew, for as long as somebody does.
    pub(super) fn attend(self: &Arc<Self>, view: &WorkspaceView) {
        if view.is_known && view.plan.is_some() {
            self.scholar.begin(view.snapshot.clone());
        }
        if self.scholar.look() {
            tokio::spawn(follow(self.clone()));
        }
    }

    /// What was told last; nothing where nobody told anything yet.
    pub(super) async fn status(&self) -> Result<Option<Status>, Problem> {
        let store = self.desk()?.store;
        let told: Vec<(Arc<str>, Status)> = Shelf::Status.all(store.as_ref()).await?;
        let Some((_, mut status)) = told.into_iter().next() else { return Ok(None) };
        status.brake = Shelf::brake(store.as_ref()).await?;
        Ok(Some(status))
    }

    /// Plans that wait, and what was said of plans.
    pub(super) async fn waiting(&self) -> Result<(Vec<Arc<WaitingPlan>>, Vec<Approval>), Problem> {
        let store = self.desk()?.store;
        let plans = self.plans(store.as_ref()).await?;
        let said = Shelf::Approvals.all(store.as_ref()).await?.into_iter().map(|(_, approval)| approval).collect();
        Ok((acts::now_waiting(plans, self.status().await?.as_ref()), said))
    }

    /// Those on the shelf. A text that was read before is not read again.
    async fn plans(&self, store: &dyn Store) -> Result<Vec<Arc<WaitingPlan>>, Problem> {
        let things = store.shelf(Shelf::Plans).await?;
        let mut kept = self.plans.lock().await;
        let mut before = std::mem::take(&mut *kept);
        for Shelved { name, body, .. } in things {
            let known = before.remove(&name).filter(|(text, _)| *text == body);
            let read = || Some((body.clone(), Arc::new(serde_json::from_str(&body).ok()?)));
            if let Some(plan) = known.or_else(read) {
                kept.insert(name, plan);
            }
        }
        Ok(kept.values().map(|(_, plan)| plan.clone()).collect())
    }

    /// Who is cut off by a command, as the state has it: receipts come while somebody looks.
    pub(super) async fn standing(&self, key: &str) -> Result<Option<StandingRevocation>, Problem> {
        let about = About { keys: vec![Arc::from(key)], ..About::default() };
        Ok(self.desk()?.store.load_about(about).await?.revocations.into_iter().next())
    }

    /// What was done within a day, as far as the newest entries reach. It is counted anew where the journal has more, and else once a minute.
    pub(super) async fn lately(&self, now: Timestamp) -> Result<Arc<RecentNumbers>, JournalError> {
        let Some(store) = self.desk().ok().map(|desk| desk.store) else { return Ok(Arc::default()) };
        let head = store.heads().await?.written;
        let mut known = self.lately.lock().await;
        if let Some((_, _, numbers)) = known.as_ref().filter(|(of, at, _)| *of == head && now.duration_since(*at) < ANEW) {
            return Ok(numbers.clone());
        }
        let after = head.as_ref().map_or(0, |head| head.seq.saturating_sub(ENTRIES));
        let numbers =
            Arc::new(RecentNumbers::read(&Journal::new(store.as_ref()), now - LATELY, after, &mut *self.whose.lock().await).await?);
        *known = Some((head, now, numbers.clone()));
        Ok(numbers)
    }

    /// Tokens that count.
    pub(super) async fn tokens(&self, now: Timestamp) -> Result<Arc<Vec<ApiToken>>, Problem> {
        let mut known = self.tokens.lock().await;
        if let Some((_, tokens)) = known.as_ref().filter(|(at, _)| at.elapsed() < TOKENS) {
            return Ok(tokens.clone());
        }
        let all: Vec<(Arc<str>, ApiToken)> = Shelf::Tokens.all(self.desk()?.store.as_ref()).await?;
        let tokens = Arc::new(all.into_iter().map(|(_, token)| token).filter(|token| token.expires > now).collect::<Vec<_>>());
        *known = Some((Instant::now(), tokens.clone()));
        Ok(tokens)
    }

    /// They are looked up again.
    #[cfg(test)]
    pub(super) async fn forget_tokens(&self) {
        *self.tokens.lock().await = None;
    }

    /// Somebody looks at a person: the journal says so before anything is shown.
    pub(super) async fn opened(&self, visitor: &Visitor, key: &str, now: Timestamp) -> Result<(), Problem> {
        let looked = (visitor.name.clone(), key.to_owned());
        let known = |opened: &BTreeMap<_, Timestamp>| opened.get(&looked).is_some_and(|at| now.duration_since(*at) < AGAIN);
        if known(&self.opened.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        let event = Event::Opened { key: key.into(), who: visitor.name.clone() };
        acts::keep(self.desk()?.store.as_ref(), now, &event, Vec::new()).await?;
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.len() >= OPENED {
            opened.clear();
        }
        opened.insert(looked, now);
        Ok(())
    }
}

/// Looks for newer plans while somebody looks at pages, so that no question pays for what was read.
async fn follow(site: Arc<Site>) {
    while site.scholar.is_looked_at() {
        tokio::select! {
            () = site.stop.cancelled() => return,
            () = tokio::time::sleep(AFRESH) => {}
        }
        let Ok(view) = site.view().await else { continue };
        if view.is_known && view.plan.is_some() && !site.scholar.knows(&view.snapshot) {
            site.scholar.begin(view.snapshot);
        }
    }
}
