//! Who somebody is, and what they may do.
//!
//! Must never: give anybody more than their roles or scopes say.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::settings::{ApproverMembers, RoleMembers, SiteRoles};
use crate::model::{ApiToken, TokenScope};

/// Who approves or cuts somebody off has signed in within this time.
pub(super) const RECENT: SignedDuration = SignedDuration::from_mins(15);

/// Somebody who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visitor {
    /// by what name the journal has them
    pub name: String,
    /// what they may do
    pub rights: Rights,
    /// how they came
    pub by: SignedInBy,
}

/// How somebody is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SignedInBy {
    /// they are on this machine, and nobody is asked who they are
    Machine,
    /// a proxy or a provider signed who they are; since when they are signed in, where it says so
    Person(Option<Timestamp>),
    /// a token of the API
    Token,
}

/// What somebody may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rights {
    /// see how things stand
    pub status: bool,
    /// see people
    pub people: bool,
    /// ask for a sync
    pub sync: bool,
    /// approve
    pub approve: Reach,
    /// cut people off
    pub revoke: bool,
    /// stop all writing, and let it go on
    pub pause: bool,
}

/// At which Targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Reach {
    /// at none
    #[default]
    Nowhere,
    /// at these
    At(BTreeSet<Arc<str>>),
    /// at all
    Everywhere,
}

impl Reach {
    /// Whether a Target is among them.
    pub fn covers(&self, target: &str) -> bool {
        match self {
            Self::Nowhere => false,
            Self::At(targets) => targets.iter().any(|known| known.as_ref() == target),
            Self::Everywhere => true,
        }
    }

    fn and(self, targets: &[Arc<str>]) -> Self {
        match (self, targets) {
            (Self::Everywhere, _) | (_, []) => Self::Everywhere,
            (Self::Nowhere, targets) => Self::At(targets.iter().cloned().collect()),
            (Self::At(known), targets) => Self::At(known.into_iter().chain(targets.iter().cloned()).collect()),
        }
    }
}

impl Rights {
    /// Of whoever is on this machine: they look.
    pub fn to_look() -> Self {
        Self { status: true, people: true, ..Self::default() }
    }

    /// By roles.
    pub fn of_roles(roles: &SiteRoles, name: &str, groups: &[String]) -> Self {
        let has = |in_groups: &[String], people: &[String]| {
            people.iter().any(|person| person.eq_ignore_ascii_case(name)) || in_groups.iter().any(|group| groups.contains(group))
        };
        let in_role = |members: &RoleMembers| has(&members.groups, &members.people);
        let mut rights = Self::default();
        if in_role(&roles.admin) {
            return Self { status: true, people: true, sync: true, approve: Reach::Everywhere, revoke: true, pause: true };
        }
        for ApproverMembers { groups, people, targets } in &roles.approver {
            if has(groups, people) {
                (rights.status, rights.people, rights.sync) = (true, true, true);
                rights.approve = rights.approve.and(targets);
            }
        }
        rights.people |= in_role(&roles.people);
        rights.status |= rights.people || in_role(&roles.viewer);
        rights
    }

    /// By a token's scopes.
    pub fn of_token(token: &ApiToken) -> Self {
        let may = |scope| token.scopes.contains(&scope);
        Self {
            status: may(TokenScope::Status),
            people: may(TokenScope::People),
            sync: may(TokenScope::Sync),
            approve: if may(TokenScope::Approve) { Reach::Everywhere } else { Reach::Nowhere },
            revoke: may(TokenScope::Revoke),
            pause: may(TokenScope::Pause),
        }
    }

    /// Whether they may do anything.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}

impl Visitor {
    /// Whether they signed in a short while ago. A token is nobody who could.
    pub fn is_recent(&self, now: Timestamp) -> bool {
        match self.by {
            SignedInBy::Machine => false,
            SignedInBy::Token => true,
            SignedInBy::Person(since) => since.is_some_and(|since| now.duration_since(since) <= RECENT),
        }
    }
}
