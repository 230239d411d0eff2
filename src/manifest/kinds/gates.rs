//! When a Target may be changed: approval, windows, suspension, and what becomes of what others change; and `PlanApproval`, somebody's word about a plan that waits.
//!
//! Must never: hold a default; policy fills them in.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Decided;

/// Changes that wait until somebody approves them. Absent: none do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalRule {
    /// Which changes wait: `[destructive]`, `[everything]`, or some of `deactivate`, `delete`, `signIn`, `removeMembers`, `privileged`.
    #[serde(rename = "for")]
    pub waits: Vec<ApprovalFor>,
    /// How many people have to approve. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Whoever wrote the revision that the changes come from may not be the only one who approves. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_author: Option<bool>,
    /// How long an approval counts: `8h`. Default: 24h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// Changes that may need an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ApprovalFor {
    /// all of them
    Everything,
    /// whatever takes something from somebody, or changes what they sign in by
    Destructive,
    /// an account is deactivated
    Deactivate,
    /// an account or a group is deleted
    Delete,
    /// somebody loses their sign-in, or gets another name for it
    SignIn,
    /// somebody loses a membership or an entitlement
    RemoveMembers,
    /// somebody gets what is `privileged`
    Privileged,
}

/// A time in which changes may be made, or must not be. `deny` wins over `allow`; where nothing is allowed by a window, every time is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Window {
    /// Changes are made in these times alone, and in those of other windows that allow.
    Allow(WindowTimes),
    /// No changes are made in these times.
    Deny(WindowTimes),
}

/// Times of a week, in the Workspace's time zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WindowTimes {
    /// The days on which it begins: `[mon, tue]`. Absent: every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    /// When it begins, by the clock on the wall: `22:00`. Default: `00:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// When it ends; of a time that is not after `from` it is the next day's: `06:00`. Default: `24:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Which changes it is about. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<WindowKinds>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Day {
    /// Monday
    Mon,
    /// Tuesday
    Tue,
    /// Wednesday
    Wed,
    /// Thursday
    Thu,
    /// Friday
    Fri,
    /// Saturday
    Sat,
    /// Sunday
    Sun,
}

/// Which changes a window is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WindowKinds {
    /// all of them
    #[default]
    All,
    /// whatever takes something from somebody, or changes what they sign in by
    Destructive,
}

/// Nothing is changed at the Target for a time. It is read and planned all the same, and revocations go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suspend {
    /// Why, for whoever looks.
    pub reason: String,
    /// The last day (ISO date), at most 90 days ahead. Past it the Target is changed again.
    pub until: String,
}

/// What becomes of what others change at a Target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DriftMode {
    /// left as it is, and counted
    Observe,
    /// left as it is, and told as something that needs somebody
    Warn,
    /// put back
    #[default]
    Enforce,
}

/// Somebody's word about a plan that waits for an approval. It counts once.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "PlanApproval", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanApprovalSpec {
    /// Hash of the plan that waits, all of its 64 digits, as `headcount status` tells it.
    pub plan: String,
    /// Whether it may run.
    pub decision: Decided,
    /// Who says so.
    pub approver: String,
    /// Why, for the journal and whoever reads it later.
    pub reason: String,
    /// The Targets that it is about.
    pub targets: Vec<String>,
    /// Last day on which it counts (ISO date). Absent: as long as the Target's `approval` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}
