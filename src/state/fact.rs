//! What a store is told. Plain values: whatever stands behind the trait writes them its own way.
//!
//! Must never: say how it is kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::chain::{EntryDraft, Head};
use super::seal::KeptKey;
use super::shelf::{Shelf, Shelved};
use crate::model::{
    Baseline, CutOff, Deactivation, DepartedName, FormerLink, Left, LeftPart, Link, Receipt, RecordLink, Repeat, Resting,
    StandingRevocation, Unheard, WindowEntry,
};

/// One thing to remember, or to forget. Where a store keeps what was told word for word, the words below stay what they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fact {
    /// an object is ours, and has one key: what was linked with this id was another object, or never ours
    Linked(Link),
    /// an object of ours has another key from now on; the one that it had is kept, for whoever takes that back, and what was given to an account is still given
    Carried(Link),
    /// it is known now at which system an object of ours is, and what it is called there
    Placed(Link),
    /// an object of ours is called something else
    Renamed(Link),
    /// an object of ours has another id from now on, as a team whose address is made of its name
    Moved {
        /// with the new id
        link: Link,
        /// the id that it had
        from: Arc<str>,
    },
    /// an object of ours is about to get this id
    Moving(FormerLink),
    /// it did not get it
    NotMoved(FormerLink),
    /// an object of ours is gone, and all that was kept of it goes, too
    Unlinked(Link),
    /// whose record it is; an identity has one in a source, so what was its record before is nobody's
    Record(RecordLink),
    /// a Source has another name: what is remembered of its keys is of the new ones
    SourceRenamed {
        /// what it was called
        old: Arc<str>,
        /// what it is called
        new: Arc<str>,
    },
    /// headcount deactivates an account; the newest time counts, since somebody may have reactivated it in between
    Inactive(Deactivation),
    /// somebody undid it, or it never was
    NotInactive(Deactivation),
    /// the account has its access back, whoever took it
    Active(Deactivation),
    /// an account is about to be made without access
    Resting(Resting),
    /// it was not made
    NotMade(Resting),
    /// an account is about to be made or taken over
    Sent(Unheard),
    /// an answer came
    Heard(Unheard),
    /// a revocation deactivated an account
    CutOff(CutOff),
    /// what was written to an object: for each attribute the print of its name, and what was written and found before
    Written(Vec<(u32, Repeat)>),
    /// a value is kept after all
    Kept(Repeat),
    /// somebody had a name; once they left it stays so
    Departed(DepartedName),
    /// they are back
    Returned(DepartedName),
    /// work that counts in a guardrail's window; that of one minute is one row, as young as its youngest part
    Counted(WindowEntry),
    /// what no window can count any more is dropped
    Pruned(Timestamp),
    /// a complete read
    Baseline(Baseline),
    /// the standing notes that were told, in the place of those of the run before
    Told(BTreeSet<u64>),
    /// what a complete run left at a target, in the place of what the one before did
    Left {
        /// the Target's name
        target: Arc<str>,
        /// all of it
        all: Vec<Left>,
    },
    /// what a complete run left of a few people and accounts at a target; one that is nobody's is as old as it was
    LeftOf {
        /// the Target's name
        target: Arc<str>,
        /// of whom, and what
        part: LeftPart,
    },
    /// a run ended by itself: from now on the state counts as known
    Known(Timestamp),
    /// an identity is cut off; a second revocation says the newer reason, and its receipts begin anew
    Revoked(StandingRevocation),
    /// other keys of somebody who is cut off; nothing where the revocation ended meanwhile
    OtherKeys {
        /// the key of the revocation
        identity: Arc<str>,
        /// the others
        also: Vec<Arc<str>>,
    },
    /// what came of a revocation at a target; nothing where it ended meanwhile
    Receipt {
        /// the key of the revocation
        identity: Arc<str>,
        /// what came of it
        receipt: Receipt,
    },
    /// the revocation of whoever a key means ended
    Lifted(Arc<str>),
    /// a thing of a shelf, in the place of what had its name
    Shelved(Shelved),
    /// a thing of a shelf is not needed any more
    Unshelved {
        /// which shelf
        shelf: Shelf,
        /// what it was called
        name: Arc<str>,
    },
    /// a key that seals, or the same one wrapped otherwise
    Subject(KeptKey),
    /// keys that are destroyed
    SubjectsGone(Vec<Arc<str>>),
    /// nothing that is kept of whoever has these keys is kept any longer, but for what a revocation by command says
    Erased(Vec<Arc<str>>),
    /// the journal's lines up to this one are cut off
    Cut(Head),
    /// a line of the journal
    Line(EntryDraft),
}
