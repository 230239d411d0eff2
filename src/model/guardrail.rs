//! The guardrails, by what they count. What each of them counts, and how much it allows, is planning's and policy's business.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Place;

/// How much of one limit at one target a plan uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitUse {
    /// the Target's name
    pub target: Arc<str>,
    /// which limit
    pub guardrail: Guardrail,
    /// what the plan would do, withheld or not
    pub planned: u64,
    /// what earlier runs did within the window; none: nobody knows, since there is no state
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub done: Option<u64>,
    /// how much the window may hold
    pub allowed: u64,
    /// the manifest line; none for a default
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<Place>,
}

/// One rule that limits how much may change at one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Guardrail {
    /// accounts created
    Create,
    /// existing accounts taken over
    Adopt,
    /// people who get an access back
    Reactivate,
    /// people whose sign-in name changes
    Rename,
    /// people whose name or address changes
    Names,
    /// accounts moved below another entry
    Move,
    /// people whose roles or entitlements change, where these are values of their accounts
    Roles,
    /// ownerships of groups that begin or end
    Owners,
    /// accounts updated
    Update,
    /// accounts deactivated
    Deactivate,
    /// accounts deleted
    Delete,
    /// people with an account who get a membership of a group that is there
    AddMembers,
    /// people who lose a membership
    RemoveMembers,
    /// people with an account who get an entitlement
    AddEntitlements,
    /// people who lose an entitlement
    RemoveEntitlements,
    /// groups created
    CreateGroups,
    /// groups deleted
    DeleteGroups,
    /// leavers whom a source positively reports
    Leavers,
}

impl Guardrail {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Create,
        Self::Adopt,
        Self::Reactivate,
        Self::Rename,
        Self::Names,
        Self::Move,
        Self::Roles,
        Self::Owners,
        Self::Update,
        Self::Deactivate,
        Self::Delete,
        Self::AddMembers,
        Self::RemoveMembers,
        Self::AddEntitlements,
        Self::RemoveEntitlements,
        Self::CreateGroups,
        Self::DeleteGroups,
        Self::Leavers,
    ];

    /// Its word in manifests.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Reactivate => "reactivate",
            Self::Rename => "rename",
            Self::Names => "names",
            Self::Move => "move",
            Self::Roles => "roles",
            Self::Owners => "owners",
            Self::Update => "update",
            Self::Deactivate => "deactivate",
            Self::Delete => "delete",
            Self::AddMembers => "addMembers",
            Self::RemoveMembers => "removeMembers",
            Self::AddEntitlements => "addEntitlements",
            Self::RemoveEntitlements => "removeEntitlements",
            Self::CreateGroups => "createGroups",
            Self::DeleteGroups => "deleteGroups",
            Self::Leavers => "leavers",
        }
    }

    /// The guardrail that a word of a manifest means.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|guardrail| guardrail.word() == word)
    }
}
