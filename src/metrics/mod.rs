//! How it goes, in numbers: counters that whoever works feeds, and gauges read from the last status of each workspace whenever somebody asks. The text is OpenMetrics 1.0.
//!
//! Must never: put a person, a sentence or anything else without a bound into a label, or keep whoever counts waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::model::{Action, LimitUse, Outcome, Status};

mod gauges;
#[cfg(test)]
mod tests;

/// What the text is.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// More Sources, Targets and receivers than that are counted together, as `other`.
pub const MOST_NAMES: usize = 1_000;
/// What stands for a word that nobody declared, and for names beyond the bound.
const OTHER: &str = "other";

/// The one handle: a copy counts into the same numbers.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    counted: Counted,
    names: Mutex<BTreeSet<Arc<str>>>,
    kept: Mutex<BTreeMap<Arc<str>, Kept>>,
}

/// What is known of a workspace right now.
#[derive(Clone, Debug, Default)]
struct Kept {
    status: Option<Status>,
    /// whether this process is the one that writes
    writes: Option<bool>,
    journal_is_whole: Option<bool>,
    turned: Option<Timestamp>,
    limits: Vec<LimitUse>,
}

/// What came of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnResult {
    /// nothing had to change
    AsDeclared,
    /// what had to change was changed
    Changed,
    /// something is held back, or waits for somebody
    Held,
    /// it could not be brought to its end, or changes failed
    Failed,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestClass {
    /// with this status
    Status(u16),
    /// without an answer
    Lost,
}

#[derive(Clone, Debug)]
struct Counted {
    turns: Family<TurnLabels, Counter>,
    turn_seconds: Times<WorkspaceLabels>,
    changes: Family<ChangeLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Times<SystemLabels>,
    throttled: Family<SystemLabels, Counter<f64, std::sync::atomic::AtomicU64>>,
    revocation_seconds: Times<WorkspaceLabels>,
    notifications: Family<NoticeLabels, Counter>,
    pushes: Family<PushLabels, Counter>,
    hooks: Family<HookLabels, Counter>,
    inbox_users: Family<SystemLabels, Gauge>,
    inbox_groups: Family<SystemLabels, Gauge>,
    inbox_heard: Family<SystemLabels, Gauge>,
    subscription_ends: Family<SubscriptionLabels, Gauge>,
    subscription_failing: Family<SubscriptionLabels, Gauge>,
}

/// What came of something that was pushed to an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushResult {
    /// it is kept
    Kept,
    /// the client's own fault
    Refused,
    /// nobody knows the token
    Unknown,
    /// too fast
    Throttled,
    /// not now
    Away,
}

/// What came of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookResult {
    /// something is read for it
    Taken,
    /// it says nothing that counts here
    Nothing,
    /// it came already
    Repeated,
    /// it has no proof, is old, or is none
    Refused,
    /// too fast
    Throttled,
    /// not now
    Away,
}

type Times<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WorkspaceLabels {
    workspace: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TurnLabels {
    workspace: Arc<str>,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChangeLabels {
    workspace: Arc<str>,
    target: Arc<str>,
    action: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SystemLabels {
    system: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    system: Arc<str>,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PushLabels {
    source: Arc<str>,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HookLabels {
    receiver: Arc<str>,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SubscriptionLabels {
    source: Arc<str>,
    kind: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NoticeLabels {
    workspace: Arc<str>,
    receiver: Arc<str>,
    result: &'static str,
}

impl Metrics {
    /// A turn is over.
    pub fn turn(&self, workspace: &str, result: TurnResult, took: Duration) {
        let workspace = self.name(workspace);
        let counted = &self.0.counted;
        counted.turns.get_or_create_owned(&TurnLabels { workspace: workspace.clone(), result: result.word() }).inc();
        counted.turn_seconds.get_or_create_owned(&WorkspaceLabels { workspace }).observe(took.as_secs_f64());
    }

    /// A change of a target has its outcome.
    pub fn change(&self, workspace: &str, target: &str, action: Action, outcome: &Outcome) {
        let (workspace, target) = (self.name(workspace), self.name(target));
        let labels = ChangeLabels { workspace, target, action: action_word(action), outcome: outcome_word(outcome) };
        self.0.counted.changes.get_or_create_owned(&labels).inc();
    }

    /// A request to a Source or Target is over.
    pub fn request(&self, system: &str, class: RequestClass, took: Duration) {
        let system = self.name(system);
        let counted = &self.0.counted;
        counted.requests.get_or_create_owned(&RequestLabels { system: system.clone(), class: class.word() }).inc();
        counted.request_seconds.get_or_create_owned(&SystemLabels { system }).observe(took.as_secs_f64());
    }

    /// A Source or Target asked for patience.
    pub fn throttled(&self, system: &str, pause: Duration) {
        self.0.counted.throttled.get_or_create_owned(&SystemLabels { system: self.name(system) }).inc_by(pause.as_secs_f64());
    }

    /// Somebody is cut off everywhere, so long after it was asked for.
    pub fn revoked(&self, workspace: &str, took: Duration) {
        let labels = WorkspaceLabels { workspace: self.name(workspace) };
        self.0.counted.revocation_seconds.get_or_create_owned(&labels).observe(took.as_secs_f64());
    }

    /// A receiver was told, or could not be.
    pub fn notified(&self, workspace: &str, receiver: &str, arrived: bool) {
        let result = if arrived { "sent" } else { "failed" };
        let labels = NoticeLabels { workspace: self.name(workspace), receiver: self.name(receiver), result };
        self.0.counted.notifications.get_or_create_owned(&labels).inc();
    }

    /// A receiver is there: an alert sees its first failure as one more than none.
    pub fn receiver(&self, workspace: &str, receiver: &str) {
        for result in ["sent", "failed"] {
            let labels = NoticeLabels { workspace: self.name(workspace), receiver: self.name(receiver), result };
            drop(self.0.counted.notifications.get_or_create_owned(&labels));
        }
    }

    /// Something was pushed to the inbox of a Source; of none, where nobody knows who pushes.
    pub fn push(&self, source: Option<&str>, result: PushResult) {
        let source = source.map_or_else(|| OTHER.into(), |source| self.name(source));
        self.0.counted.pushes.get_or_create_owned(&PushLabels { source, result: result.word() }).inc();
    }

    /// What an inbox holds, and that its system was heard of.
    pub fn inbox(&self, source: &str, users: usize, groups: usize, now: Timestamp) {
        let labels = SystemLabels { system: self.name(source) };
        let counted = &self.0.counted;
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        counted.inbox_users.get_or_create_owned(&labels).set(number(users));
        counted.inbox_groups.get_or_create_owned(&labels).set(number(groups));
        counted.inbox_heard.get_or_create_owned(&labels).set(now.as_second());
    }

    /// A webhook came to a receiver that was declared.
    pub fn hook(&self, receiver: &str, result: HookResult) {
        let labels = HookLabels { receiver: self.name(receiver), result: result.word() };
        self.0.counted.hooks.get_or_create_owned(&labels).inc();
    }

    /// A subscription by which a system sends webhooks was looked at.
    pub fn subscription(&self, source: &str, of: Option<&str>, ends: Option<Timestamp>, failing: bool) {
        let labels = SubscriptionLabels { source: self.name(source), kind: self.name(of.unwrap_or("all")) };
        let counted = &self.0.counted;
        counted.subscription_ends.get_or_create_owned(&labels).set(ends.map_or(0, Timestamp::as_second));
        counted.subscription_failing.get_or_create_owned(&labels).set(i64::from(failing));
    }

    /// From here on this is how the workspace is.
    pub fn status(&self, status: &Status) {
        self.keep(&status.workspace, |kept| kept.status = Some(status.clone()));
    }

    /// How much of each limit the last plan uses.
    pub fn limits(&self, workspace: &str, limits: &[LimitUse]) {
        self.keep(workspace, |kept| kept.limits = limits.to_vec());
    }

    /// Whether this process is the one that writes. Whoever does not any more knows nothing new: its status goes, until it is told another one.
    pub fn writes(&self, workspace: &str, does: bool) {
        self.keep(workspace, |kept| {
            if kept.writes == Some(true) && !does {
                kept.status = None;
                kept.limits.clear();
            }
            kept.writes = Some(does);
        });
    }

    /// The journal's chain was looked at.
    pub fn journal(&self, workspace: &str, is_whole: bool) {
        self.keep(workspace, |kept| kept.journal_is_whole = Some(is_whole));
    }

    /// The loop turned.
    pub fn turned(&self, workspace: &str, now: Timestamp) {
        self.keep(workspace, |kept| kept.turned = Some(now));
    }

    /// All of it.
    pub fn text(&self, now: Timestamp) -> String {
        let mut registry = Registry::with_prefix("headcount");
        self.0.counted.register(&mut registry);
        let kept = self.kept().clone();
        registry.register_collector(Box::new(gauges::Gauges::new(kept, now)));
        let mut text = String::new();
        // Writing into a text fails where a value refuses to be written, and none of ours does.
        let _ = encode(&mut text, &registry);
        text
    }

    fn keep(&self, workspace: &str, change: impl FnOnce(&mut Kept)) {
        let workspace = self.name(workspace);
        change(self.kept().entry(workspace).or_default());
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Kept>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name that may be a label: there are only so many.
    fn name(&self, name: &str) -> Arc<str> {
        let mut names = self.0.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(name) {
            return known.clone();
        }
        if names.len() >= MOST_NAMES {
            return OTHER.into();
        }
        let name: Arc<str> = name.into();
        names.insert(name.clone());
        name
    }
}

impl Counted {
    fn register(&self, registry: &mut Registry) {
        registry.register("reconcile", "Turns of the loop, by what came of them", self.turns.clone());
        registry.register_with_unit("reconcile_duration", "How long a turn took", Unit::Seconds, self.turn_seconds.clone());
        registry.register("changes", "Changes at targets, by what became of them", self.changes.clone());
        registry.register("requests", "Requests to Sources and Targets, by how they ended", self.requests.clone());
        registry.register_with_unit("request_duration", "How long a request took", Unit::Seconds, self.request_seconds.clone());
        let words = "How long Sources and Targets asked for patience";
        registry.register_with_unit("throttled", words, Unit::Seconds, self.throttled.clone());
        let words = "From the request to cut somebody off to the last receipt";
        registry.register_with_unit("revocation", words, Unit::Seconds, self.revocation_seconds.clone());
        registry.register("notifications", "Messages to receivers, by whether they arrived", self.notifications.clone());
        registry.register("inbox_pushes", "What was pushed to inboxes of Sources, by what came of it", self.pushes.clone());
        registry.register("inbox_users", "Users in the inbox of a Source", self.inbox_users.clone());
        registry.register("inbox_groups", "Groups in the inbox of a Source", self.inbox_groups.clone());
        let words = "When the system that fills an inbox was heard of last";
        registry.register_with_unit("inbox_heard_timestamp", words, Unit::Seconds, self.inbox_heard.clone());
        registry.register("webhooks", "Webhooks that came, by what came of them", self.hooks.clone());
        let words = "When the subscription ends by which a system sends webhooks; 0: there is none";
        registry.register_with_unit("webhook_subscription_ends_timestamp", words, Unit::Seconds, self.subscription_ends.clone());
        let words = "Whether a subscription could not be made or renewed when that was tried last";
        registry.register("webhook_subscription_failing", words, self.subscription_failing.clone());
    }
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            turns: Family::default(),
            turn_seconds: Family::new_with_constructor(|| Histogram::new([0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0])),
            changes: Family::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new([0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])),
            throttled: Family::default(),
            revocation_seconds: Family::new_with_constructor(|| Histogram::new([0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 1800.0])),
            notifications: Family::default(),
            pushes: Family::default(),
            hooks: Family::default(),
            inbox_users: Family::default(),
            inbox_groups: Family::default(),
            inbox_heard: Family::default(),
            subscription_ends: Family::default(),
            subscription_failing: Family::default(),
        }
    }
}

impl TurnResult {
    fn word(self) -> &'static str {
        match self {
            Self::AsDeclared => "as_declared",
            Self::Changed => "changed",
            Self::Held => "held",
            Self::Failed => "failed",
        }
    }
}

impl PushResult {
    /// By how an answer ended.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unknown,
            429 => Self::Throttled,
            200..400 => Self::Kept,
            400..500 => Self::Refused,
            _ => Self::Away,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Throttled => "throttled",
            Self::Away => "away",
        }
    }
}

impl HookResult {
    fn word(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Nothing => "nothing",
            Self::Repeated => "repeated",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Away => "away",
        }
    }
}

impl RequestClass {
    fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Status(429) => "429",
            Self::Status(200..300) => "2xx",
            Self::Status(300..400) => "3xx",
            Self::Status(400..500) => "4xx",
            Self::Status(500..600) => "5xx",
            Self::Status(_) => OTHER,
        }
    }
}

fn action_word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Adopt => "adopt",
        Action::Update => "update",
        Action::Reactivate => "reactivate",
        Action::Deactivate => "deactivate",
        Action::Delete => "delete",
        Action::AddMembers => "add_members",
        Action::RemoveMembers => "remove_members",
        Action::AddEntitlement => "add_entitlement",
        Action::UpdateEntitlement => "update_entitlement",
        Action::RemoveEntitlement => "remove_entitlement",
        Action::EndSessions => "end_sessions",
    }
}

fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done { .. } => "done",
        Outcome::AlreadySo { .. } => "already_so",
        Outcome::Partly { .. } => "partly",
        Outcome::Failed(_) => "failed",
        Outcome::Uncertain(_) => "uncertain",
        Outcome::Skipped(_) => "skipped",
    }
}
