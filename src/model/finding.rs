//! What planning noticed: a guardrail that refused, an ambiguous identity, an unreadable system.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::guardrail::Guardrail;
use super::memory::system_id;
use crate::diagnostic::Place;

/// How much a finding matters. It decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// good to know
    Note,
    /// somebody should look; the plan is whole
    Warning,
    /// something could not be decided and was left as it is
    Error,
    /// the plan is incomplete: a system could not be read to its end (exit code 5)
    Incomplete,
    /// a guardrail withholds changes (exit code 3)
    Refused,
}

/// What was found, as a stable word for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FindingCode {
    /// nothing is known of earlier runs where something should be
    NoState,
    /// the state was put back from a copy: what was done since is not known
    StateRestored,
    /// the journal has an entry of a later time than the clock says
    ClockWrong,
    /// a system could not be read, or not to its end
    IncompleteRead,
    /// two records or accounts claim one identity, or keys hit different accounts
    AmbiguousCorrelation,
    /// a record that was one identity's is now another's
    RecordHandedOn,
    /// two identities claim one key or one account
    DuplicateKey,
    /// a key leads to an account that is another person's by name and address
    KeyHandedOn,
    /// identities vanished while others appeared that look like them
    KeyChanged,
    /// an expression failed on somebody's data
    ExpressionFailed,
    /// somebody's last day lies before the first
    ContradictoryDates,
    /// a required attribute has no value
    RequiredAttributeMissing,
    /// an attribute that the target can't hold
    UnsupportedAttribute,
    /// something the target can't do (nest groups, deactivate, delete)
    UnsupportedCapability,
    /// a manager, owner or member that can't be resolved
    UnresolvedReference,
    /// no free value for a unique attribute
    NameTaken,
    /// a name of somebody who left, kept free for a time
    NameReserved,
    /// values change hands in a circle, and one is set aside for the moment
    HandedOn,
    /// the account carries somebody else's marker or external id
    ForeignOwner,
    /// objects whose ownership could not be proved, left alone
    OwnershipUnproven,
    /// markers at the target, but no links: the state was lost
    StateLost,
    /// a value that was written twice and came back different; it is not written any more
    NotKept,
    /// deactivated by somebody else; stays so
    DeactivatedElsewhere,
    /// somebody else deleted an account of ours, or removed its mark; it is put right
    ChangedElsewhere,
    /// an account of ours stands where its target does not look: somebody moved it, or a filter hides it
    StandsElsewhere,
    /// a group vanished while a look-alike appeared
    PossibleRename,
    /// an account with no identity
    Orphan,
    /// more changes of one kind than allowed
    GuardrailExceeded,
    /// a protected account, or too few administrators would be left
    Protected,
    /// the target says that an object, or an entitlement, can't be changed there
    NotWritable,
    /// values of a status that were never there took the place of others
    StatusReplaced,
    /// a rule that gives something to several people names nobody
    NamesNobody,
    /// a column of a source lost a large part of its values
    ColumnEmptied,
    /// a source shrank more than allowed
    SourceShrank,
    /// a change of select or scope removes somebody: needs approval
    Deselection,
    /// a member, owner or override in a manifest names nobody
    UnknownMember,
    /// a group at a target has members that are no account there
    GhostMember,
    /// accounts have a word for their access that says neither yes nor no
    UnclearAccess,
    /// a group that is nested in itself
    GroupCycle,
    /// the target's rules would refuse the value
    VendorLimit,
    /// what the target does on its own accord along with a change: it mails an invitation
    SideEffect,
    /// a revocation that is past its day, or in no manifest yet, or can't reach everything
    Revocation,
}

impl FindingCode {
    /// As it is written.
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// Whom or what a finding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// a Source or Target
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub system: Option<Arc<str>>,
    /// an identity's or group's key
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<Arc<str>>,
    /// an attribute
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attribute: Option<Arc<str>>,
}

/// One thing that planning noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// how much it matters
    pub severity: Severity,
    /// what it is
    pub code: FindingCode,
    /// whom it is about
    pub subject: Subject,
    /// one sentence that names the thing; no secret in it
    pub message: String,
    /// the next step
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
    /// the manifest line behind it
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<Place>,
    /// it only follows from an earlier finding: a system that could not be read
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub follows: bool,
    /// keys of all whom it is about, where it is about several: its sentence names the first of them. No view of a plan holds them.
    #[serde(skip)]
    pub about: Vec<Arc<str>>,
    /// the limit that refused something; the sentence says so in words
    #[serde(skip)]
    pub guardrail: Option<Guardrail>,
}

impl Finding {
    /// A finding with no place and no hint yet.
    pub fn new(severity: Severity, code: FindingCode, subject: Subject, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            subject,
            message: message.into(),
            hint: None,
            place: None,
            follows: false,
            about: Vec::new(),
            guardrail: None,
        }
    }

    /// The number of a note that says the same in every run until somebody changes the manifests or the target; none: it tells of something that happened.
    pub fn standing(&self) -> Option<u64> {
        let stands = matches!(self.code, FindingCode::UnsupportedCapability | FindingCode::OwnershipUnproven);
        let system = self.subject.system.as_deref().unwrap_or_default();
        (stands && self.severity == Severity::Note).then(|| system_id(&format!("{system}\n{}", self.message)))
    }

    /// With the next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With all whom it is about.
    pub fn about<'k>(mut self, keys: impl IntoIterator<Item = &'k Arc<str>>) -> Self {
        self.about = keys.into_iter().cloned().collect();
        self
    }

    /// With the manifest line.
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }
}

impl Subject {
    /// A whole system.
    pub fn system(name: &Arc<str>) -> Self {
        Self { system: Some(name.clone()), ..Self::default() }
    }

    /// One object or identity of a system.
    pub fn object(system: &Arc<str>, key: &Arc<str>) -> Self {
        Self { system: Some(system.clone()), key: Some(key.clone()), attribute: None }
    }

    /// One identity, whatever the system.
    pub fn identity(key: &Arc<str>) -> Self {
        Self { key: Some(key.clone()), ..Self::default() }
    }

    /// Narrowed to an attribute.
    pub fn attribute(mut self, attribute: &Arc<str>) -> Self {
        self.attribute = Some(attribute.clone());
        self
    }
}
