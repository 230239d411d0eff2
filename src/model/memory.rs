//! What headcount remembers between runs, as planning sees it. `state` loads and keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher as _;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use super::change::ObjectKind;
use super::guardrail::Guardrail;
use super::key::Key;

/// How an object came under headcount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LinkOrigin {
    /// headcount made it
    Created,
    /// it existed and was taken over
    Adopted,
}

/// The key under which an entitlement that headcount gave to somebody is remembered.
pub fn grant_key(identity: &str, entitlement: &str) -> Arc<str> {
    Arc::from(format!("{identity}#{entitlement}"))
}

/// An object of ours and its id at a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// the Target's name
    pub target: Arc<str>,
    /// account, group, or an entitlement that headcount gave
    pub kind: ObjectKind,
    /// our key: `hr/10023`, `group/engineering`; of an entitlement see [`grant_key`]
    pub key: Arc<str>,
    /// the target's id; of an entitlement its account's
    pub id: Arc<str>,
    /// who made it
    pub origin: LinkOrigin,
    /// which system it was made at ([`system_id`]): an id means nothing at another one
    pub system: u64,
    /// what the object was called when headcount last wrote it: the user name, the group's displayName
    pub name: Option<Arc<str>>,
    /// when it was made or renewed
    pub at: Timestamp,
}

/// The number in the place of a system's where it was not remembered: such a link counts where the mark or a key still fits, and is placed then.
pub const UNKNOWN_SYSTEM: u64 = 0;

/// The number of a system, by what its connector speaks to. Stable over runs and versions: it is kept in the state.
pub fn system_id(words: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(words.as_bytes());
    hasher.finish()
}

/// A key that an object of ours had before it got the one that its link has: whoever takes a rename back finds the object again. Also the id that an object
/// is about to get by a change of which no answer has come: whoever is killed in between finds the object again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormerLink {
    /// the Target's name
    pub target: Arc<str>,
    /// account or group
    pub kind: ObjectKind,
    /// the key that it had, or has
    pub key: Arc<str>,
    /// the target's id
    pub id: Arc<str>,
    /// until when, or since when
    pub at: Timestamp,
}

/// An account that headcount was about to make without access, ahead of a start date: no answer has come yet, so its id is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resting {
    /// the Target's name
    pub target: Arc<str>,
    /// the identity's key
    pub key: Arc<str>,
    /// when
    pub at: Timestamp,
}

/// An account that headcount was about to make or to take over, or a group that it was about to make: no answer has come, so nobody knows whether it was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unheard {
    /// the Target's name
    pub target: Arc<str>,
    /// what it counts as once it is there
    pub guardrail: Guardrail,
    /// the identity's key, or the group's
    pub key: Arc<str>,
    /// when
    pub at: Timestamp,
}

/// What headcount wrote to an object last, as prints of names and values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastWrite {
    /// the Target's name
    pub target: Arc<str>,
    /// account or group
    pub kind: ObjectKind,
    /// the target's id
    pub id: Arc<str>,
    /// attribute and value
    pub prints: Box<[(u32, u32)]>,
}

/// A value that was written again because something else was there, as prints: found a third time, the service does not keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repeat {
    /// the Target's name
    pub target: Arc<str>,
    /// account or group
    pub kind: ObjectKind,
    /// the target's id
    pub id: Arc<str>,
    /// the attribute
    pub attribute: Arc<str>,
    /// what was written
    pub wrote: u64,
    /// what was there instead
    pub found: u64,
    /// when it was written again
    pub at: Timestamp,
}

/// A name that somebody had: nobody else gets it for a while after they left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DepartedName {
    /// the Target's name
    pub target: Arc<str>,
    /// the attribute: `userName`
    pub attribute: Arc<str>,
    /// its value
    pub value: Arc<str>,
    /// whose it was
    pub key: Arc<str>,
    /// the account went with it; else it only got another name
    pub left: bool,
    /// when
    pub at: Timestamp,
}

/// Whose record it was when the sources were last read: attributes change, and a record must not change hands by that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordLink {
    /// the Source's name
    pub source: Arc<str>,
    /// the record's key there
    pub record: Arc<str>,
    /// the identity's key
    pub identity: Arc<str>,
}

/// When headcount deactivated an account; deletion after a grace period counts from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deactivation {
    /// the Target's name
    pub target: Arc<str>,
    /// account: ids of different kinds may be the same
    pub kind: ObjectKind,
    /// the account's id there
    pub id: Arc<str>,
    /// when
    pub at: Timestamp,
}

/// By column and value, how many rows have it; 0 where it was there before.
pub type Statuses = BTreeMap<Arc<str>, BTreeMap<Arc<str>, u64>>;

/// The last complete read of one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Baseline {
    /// the Source's or Target's name
    pub system: Arc<str>,
    /// which stream
    pub kind: ObjectKind,
    /// a hash of connection and scope: a count compares only with one of the same scope
    pub scope: u64,
    /// distinct rows
    pub count: u64,
    /// how many rows have a value, by column
    pub values: BTreeMap<Arc<str>, u64>,
    /// the values of columns that hold a status
    pub statuses: Statuses,
    /// when
    pub at: Timestamp,
}

/// Work already done that still counts in a guardrail's rolling window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowEntry {
    /// the Target's name
    pub target: Arc<str>,
    /// the rule that it counts in
    pub guardrail: Guardrail,
    /// how much (people for memberships)
    pub weight: u64,
    /// when
    pub at: Timestamp,
}

/// An identity that `headcount revoke` cut off, until a manifest says so or somebody lifts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StandingRevocation {
    /// the identity's key
    pub key: Arc<str>,
    /// why
    pub reason: Arc<str>,
    /// since when
    pub at: Timestamp,
    /// the last day
    pub until: Option<Date>,
    /// other keys of the same identity, as far as they were known: each means it, too
    pub also: Vec<Arc<str>>,
    /// what came of it, by target
    pub receipts: Vec<Receipt>,
}

/// What came of a revocation at one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// the Target's name
    pub target: Arc<str>,
    /// in one word
    pub outcome: ReceiptWord,
    /// what is missing or went wrong
    pub message: Option<Arc<str>>,
    /// how often it was tried
    pub tries: u32,
    /// when it was last tried
    pub at: Timestamp,
}

/// What came of a revocation at one target, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReceiptWord {
    /// cut off
    Done,
    /// it was so already
    AlreadySo,
    /// there is no account there
    NoAccount,
    /// something is left
    Failed,
    /// the target could not be reached
    Unreachable,
}

/// An account that a revocation deactivated, whoever made it: the identity finds it again when the revocation ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CutOff {
    /// the Target's name
    pub target: Arc<str>,
    /// account: ids of different kinds may be the same
    pub kind: ObjectKind,
    /// the account's id there
    pub id: Arc<str>,
    /// the identity's key
    pub key: Arc<str>,
}

impl StandingRevocation {
    /// Whether a key means whoever is cut off.
    pub fn means(&self, key: &str) -> bool {
        self.key.as_ref() == key || self.also.iter().any(|also| also.as_ref() == key)
    }

    /// Whether it is about a target: that of a single account is about its own alone.
    pub fn is_at(&self, target: &str) -> bool {
        Key::of_account(&self.key).is_none_or(|(at, _)| at == target)
    }

    /// Every key of theirs that is known.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        std::iter::once(&self.key).chain(&self.also)
    }
}

impl ReceiptWord {
    /// As a person reads it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::AlreadySo => "already so",
            Self::NoAccount => "no account",
            Self::Failed => "failed",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether nothing is left to do.
    pub fn holds(self) -> bool {
        matches!(self, Self::Done | Self::AlreadySo | Self::NoAccount)
    }
}

impl Memory {
    /// A Source has another name: what is remembered of its keys is of the new ones.
    pub fn rename_source(&mut self, old: &str, new: &Arc<str>) {
        let rename = |key: &mut Arc<str>| {
            if let Some(record) = Key::within(key, old) {
                *key = Key::record(new, record).text();
            }
        };
        self.links.iter_mut().for_each(|link| rename(&mut link.key));
        for revocation in &mut self.revocations {
            rename(&mut revocation.key);
            revocation.also.iter_mut().for_each(&rename);
        }
        self.cut_off.iter_mut().for_each(|cut_off| rename(&mut cut_off.key));
        self.unheard.iter_mut().for_each(|unheard| rename(&mut unheard.key));
        self.departed.iter_mut().for_each(|departed| rename(&mut departed.key));
        for record in &mut self.records {
            rename(&mut record.identity);
            if record.source.as_ref() == old {
                record.source = new.clone();
            }
        }
        for baseline in self.baselines.iter_mut().filter(|baseline| baseline.system.as_ref() == old) {
            baseline.system = new.clone();
        }
    }
}

/// Everything remembered. `known: false` means that there is no state: nothing follows from a source's silence then, and windows count as full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// whether a state was there at all
    pub known: bool,
    /// proofs of ownership
    pub links: Vec<Link>,
    /// keys that objects of ours had before
    pub formers: Vec<FormerLink>,
    /// whose record it was
    pub records: Vec<RecordLink>,
    /// our own deactivations
    pub deactivations: Vec<Deactivation>,
    /// accounts that were about to be made without access
    pub resting: Vec<Resting>,
    /// accounts and groups that were about to be made, and accounts about to be taken over
    pub unheard: Vec<Unheard>,
    /// what headcount wrote last
    pub written: Vec<LastWrite>,
    /// what it had to write again
    pub repeats: Vec<Repeat>,
    /// names of people who left
    pub departed: Vec<DepartedName>,
    /// last complete reads
    pub baselines: Vec<Baseline>,
    /// what the rolling windows hold
    pub windows: Vec<WindowEntry>,
    /// who was cut off by a command, while no manifest says so
    pub revocations: Vec<StandingRevocation>,
    /// accounts that revocations deactivated
    pub cut_off: Vec<CutOff>,
    /// standing notes that the last run told ([`super::Finding::standing`])
    pub told: BTreeSet<u64>,
}

/// One thing as the last complete run left it at a target: keyed fingerprints and no values, which would be a second directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// the Target's name
    pub target: Arc<str>,
    /// what is said
    pub what: LeftWhat,
    /// the fingerprint of whom or what it is about
    pub of: u64,
    /// the fingerprint of what was left, or a time in seconds
    pub print: u64,
}

/// What a run leaves of a few people and accounts at a target, in the place of what was left of just these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftPart {
    /// the fingerprints of the people
    pub people: BTreeSet<u64>,
    /// the fingerprints of the accounts
    pub accounts: BTreeSet<u64>,
    /// what is left of them now
    pub all: BTreeSet<Left>,
}

impl LeftPart {
    /// Whether something that was left before is of one of these, so that it goes.
    pub fn replaces(&self, left: &Left) -> bool {
        match left.what {
            LeftWhat::Run => true,
            LeftWhat::Values | LeftWhat::Access => self.people.contains(&left.of),
            LeftWhat::Member => self.accounts.contains(&left.print),
            LeftWhat::Nobodys => self.accounts.contains(&left.of),
        }
    }

    /// With what is left of some later.
    pub fn add(&mut self, later: Self) {
        self.all.retain(|left| !later.replaces(left));
        self.people.extend(later.people);
        self.accounts.extend(later.accounts);
        self.all.extend(later.all);
    }
}

/// What is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LeftWhat {
    /// the run: when it was
    Run,
    /// somebody's account: the values that it should have
    Values,
    /// somebody's account: its groups and entitlements
    Access,
    /// a group that no manifest declares: one of its members
    Member,
    /// an account that is nobody's: when it was first seen
    Nobodys,
}

impl LeftWhat {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Run, Self::Values, Self::Access, Self::Member, Self::Nobodys];

    /// As a state writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Values => "values",
            Self::Access => "access",
            Self::Member => "member",
            Self::Nobodys => "nobodys",
        }
    }
}
