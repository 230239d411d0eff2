//! Shelves: what a workspace that runs all the time keeps from one process to the next, and what is asked of it by others who open the same state. Each thing has a
//! name on its shelf, and a body in JSON whose type belongs to the shelf (`model::running`).
//!
//! Must never: hold a secret, or a thing that its reader could not do without: a body that can't be read is no thing.

use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Fact, StateError, Store};
use crate::model::Brake;

/// What stands together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shelf {
    /// `SyncRequest`s that nobody has done yet, by their own names
    Requests,
    /// one `Brake`
    Brake,
    /// `Approval`s, by the plan's hash and the approver
    Approvals,
    /// plans that wait for an approval, by hash
    Plans,
    /// a `SystemMemory` for each Source and Target, by role and name
    Systems,
    /// the `Revision` in force, and the newest one that is refused
    Revisions,
    /// the `Status` that was last told
    Status,
    /// what others keep changing, by target and object
    Contested,
    /// what was found at targets that no manifest declares
    Noticed,
    /// what was told to whom, by cause
    Notices,
    /// the new name of each Source that had another one, by the old one
    Renames,
    /// an `ApiToken` each, by name
    Tokens,
    /// a `SiteSession` each, by the hash of what its browser holds
    Sessions,
    /// when each of them was used last, by the same name: apart, so that whoever notes it brings back none that was ended
    SessionUses,
    /// an `InboxResource` each, by Source, kind and id
    Inbox,
    /// who is in which group of an inbox, by Source, group and member
    InboxMembers,
    /// a `TokenUse` of each token of a system that pushes, by its Source and its name
    TokenUses,
    /// a `Subscription` each, by its Source and what it is of
    Subscriptions,
}

/// One thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shelved {
    /// where it stands
    pub shelf: Shelf,
    /// what it is called there
    pub name: Arc<str>,
    /// in JSON
    pub body: String,
}

impl Shelf {
    /// Whether things there say something of people, and are sealed.
    pub(super) fn is_sealed(self) -> bool {
        matches!(self, Self::Plans | Self::Contested | Self::Inbox)
    }

    /// As it is written in a state.
    pub fn word(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Brake => "brake",
            Self::Approvals => "approvals",
            Self::Plans => "plans",
            Self::Systems => "systems",
            Self::Revisions => "revisions",
            Self::Status => "status",
            Self::Contested => "contested",
            Self::Noticed => "noticed",
            Self::Notices => "notices",
            Self::Renames => "renames",
            Self::Tokens => "tokens",
            Self::Sessions => "sessions",
            Self::SessionUses => "session-uses",
            Self::Inbox => "inbox",
            Self::InboxMembers => "inboxMembers",
            Self::TokenUses => "tokenUses",
            Self::Subscriptions => "subscriptions",
        }
    }

    /// Puts a thing there, in the place of what had its name.
    pub fn put(self, name: impl Into<Arc<str>>, thing: &impl Serialize) -> Fact {
        // Plain values always have a JSON form; an empty body would be no thing.
        Fact::Shelved(Shelved { shelf: self, name: name.into(), body: serde_json::to_string(thing).unwrap_or_default() })
    }

    /// Takes a thing away.
    pub fn take(self, name: impl Into<Arc<str>>) -> Fact {
        Fact::Unshelved { shelf: self, name: name.into() }
    }

    /// What stops all writing, if anything does. What can't be read, as a newer headcount may have written it, does: nobody can say what it lets through.
    pub async fn brake(store: &dyn Store) -> Result<Option<Brake>, StateError> {
        let unread = || Brake {
            who: "somebody".into(),
            at: Timestamp::UNIX_EPOCH,
            reason: Some("what stops it can't be read by this version".into()),
            everything: false,
        };
        let all = store.shelf(Self::Brake).await?;
        Ok(all.first().map(|thing| serde_json::from_str(&thing.body).unwrap_or_else(|_| unread())))
    }

    /// All that stands there, by name.
    pub async fn all<T: DeserializeOwned>(self, store: &dyn Store) -> Result<Vec<(Arc<str>, T)>, StateError> {
        let read = |thing: Shelved| Some((thing.name, serde_json::from_str(&thing.body).ok()?));
        Ok(store.shelf(self).await?.into_iter().filter_map(read).collect())
    }
}
