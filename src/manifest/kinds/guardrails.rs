//! `guardrails` of a Target: how much may change at once, and what may change all the same.
//!
//! Must never: hold a default; policy fills them in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Guardrail;

/// Limits per action for accounts and for groups; people for memberships. Each has a safe default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Guardrails {
    /// Accounts created, and accounts made ahead of a start date that become active on it; without limit while nothing at the target is headcount's. Default:
    /// 10 %, at least 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<Limit>,
    /// Accounts of others taken over; without limit while nothing at the target is headcount's. Default: 5 %, at least 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<Limit>,
    /// People who get an access back. Default: 2 %, at least 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reactivate: Option<Limit>,
    /// People whose sign-in name changes (`signIn`). Default: 2 %, at least 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rename: Option<Limit>,
    /// People whose name or address changes (`name`, `displayName`, `emails`; where there was none before, none changes); without limit while nothing at the
    /// target is headcount's. Default: 2 %, at least 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Limit>,
    /// Accounts that are moved below another entry (`container`, in a directory). Default: 10 %, at least 10.
    #[serde(default, rename = "move", skip_serializing_if = "Option::is_none")]
    pub moves: Option<Limit>,
    /// People with an account whose `roles` or `entitlements` change, where these are values of the account; beyond a first run. Default: 10 %, at least 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Limit>,
    /// Ownerships of groups that begin or end; beyond a first run. Default: 10 %, at least 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owners: Option<Limit>,
    /// Accounts updated, and entitlements whose parameters change. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Limit>,
    /// Accounts deactivated. Default: 5 %, at least 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deactivate: Option<Limit>,
    /// Accounts deleted. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<Limit>,
    /// People with an account who get a membership of a group that is there, by name or with a nested group; without limit while neither accounts nor groups
    /// at the target are headcount's. Default: 10 %, at least 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add_members: Option<Limit>,
    /// People who lose a membership, also because a group is deleted. Default: 10 %, at least 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_members: Option<Limit>,
    /// People with an account who get an entitlement; without limit while neither accounts nor groups at the target are headcount's. Default: 10 %, at least 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add_entitlements: Option<Limit>,
    /// People who lose an entitlement. Default: 10 %, at least 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_entitlements: Option<Limit>,
    /// Groups created. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_groups: Option<Limit>,
    /// Groups deleted. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_groups: Option<Limit>,
    /// Leavers whom a source positively reports; they go even past a `deactivate` breach, and of too many as many as this allows. Default: 10 %, at least 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leavers: Option<Limit>,
    /// How long work counts in the rolling window, less a twelfth of it, so that a nightly job finds yesterday's work gone. Default: 24h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// Overrides, each for one set of changes or up to a bound.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<GuardrailOverride>,
}

/// Allowed = max(`count`, `percent` of the population), capped by `max`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limit {
    /// Always allowed; where `percent` is given too, never more than a third of the population.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Share of the population.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// Never more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
}

/// Lets changes past a guardrail: exactly one set of them (`changes`), or so many within one window (`atMost`). The refusal prints it ready to paste.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GuardrailOverride {
    /// Which guardrail: `create`, `adopt`, `reactivate`, `rename`, `names`, `move`, `roles`, `owners`, `update`, `deactivate`, `delete`, `addMembers`,
    /// `removeMembers`, `addEntitlements`, `removeEntitlements`, `createGroups`, `deleteGroups`, `leavers`.
    pub guardrail: String,
    /// Hash of the changes it was given for, as the refusal printed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
    /// So many within one window, whichever they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
    /// Why, for the reviewer.
    pub reason: String,
    /// Last day on which it counts (ISO date).
    pub expires: String,
}

impl Guardrails {
    /// Its limits.
    pub fn limits(&self) -> impl Iterator<Item = (Guardrail, &Limit)> {
        let all = [
            (Guardrail::Create, &self.create),
            (Guardrail::Adopt, &self.adopt),
            (Guardrail::Reactivate, &self.reactivate),
            (Guardrail::Rename, &self.rename),
            (Guardrail::Names, &self.names),
            (Guardrail::Move, &self.moves),
            (Guardrail::Roles, &self.roles),
            (Guardrail::Owners, &self.owners),
            (Guardrail::Update, &self.update),
            (Guardrail::Deactivate, &self.deactivate),
            (Guardrail::Delete, &self.delete),
            (Guardrail::AddMembers, &self.add_members),
            (Guardrail::RemoveMembers, &self.remove_members),
            (Guardrail::AddEntitlements, &self.add_entitlements),
            (Guardrail::RemoveEntitlements, &self.remove_entitlements),
            (Guardrail::CreateGroups, &self.create_groups),
            (Guardrail::DeleteGroups, &self.delete_groups),
            (Guardrail::Leavers, &self.leavers),
        ];
        all.into_iter().filter_map(|(guardrail, limit)| Some((guardrail, limit.as_ref()?)))
    }
}
