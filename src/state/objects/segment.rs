//! What is written ahead: each commit is an object of its own, made only where there is none, before anybody is told that it is durable.
//!
//! A process has a stream of them, with a number of its own. Whoever takes the lock closes the streams that are open by making their next object himself: from then
//! on their writer can make nothing durable any more, whatever its clock says. Must never: be changed once it is there.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::state::{Fact, hex};

/// The folder.
pub(super) const JOURNAL: &str = "journal";
/// The shape of these objects.
const FORMAT: u32 = 1;

/// Where an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SegmentName {
    pub(super) stream: u64,
    pub(super) seq: u64,
}

/// The first line of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SegmentHead {
    format: u32,
    pub(super) stream: u64,
    pub(super) seq: u64,
    /// the hash of the object before it in its stream
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) previous: Option<String>,
    /// of a revocation, beside whatever else runs
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(super) beside: bool,
    /// nothing follows
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) closed: Option<ClosedBy>,
}

/// Who ended a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ClosedBy {
    /// its own writer
    Itself,
    /// whoever took the lock
    Other(String),
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) head: SegmentHead,
    pub(super) facts: Vec<Fact>,
}

/// How far streams are known. All up to one are closed, and told in full.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Positions {
    /// the last stream of which nothing is left to tell; they begin with 1
    pub(super) done: u64,
    /// those after it
    pub(super) streams: BTreeMap<u64, Position>,
}

/// How far one stream is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Position {
    /// what comes next
    pub(super) next: u64,
    /// the hash of what came last
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) last: Option<String>,
    /// nothing follows
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(super) closed: bool,
    /// of a revocation
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(super) beside: bool,
}

impl SegmentName {
    /// Below the prefix. Names sort as they were made.
    pub(super) fn text(self) -> String {
        format!("{JOURNAL}/{:012}/{:08}.ndjson", self.stream, self.seq)
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let (stream, seq) = name.strip_prefix(JOURNAL)?.strip_prefix('/')?.split_once('/')?;
        Some(Self { stream: stream.parse().ok()?, seq: seq.strip_suffix(".ndjson")?.parse().ok()? })
    }
}

impl Segment {
    pub(super) fn new(name: SegmentName, position: &Position, facts: Vec<Fact>, closed: Option<ClosedBy>) -> Self {
        let SegmentName { stream, seq } = name;
        let head = SegmentHead { format: FORMAT, stream, seq, previous: position.last.clone(), beside: position.beside, closed };
        Self { head, facts }
    }

    /// One line for the head, and one for each fact.
    pub(super) fn bytes(&self) -> Bytes {
        // Plain data has a JSON.
        let mut lines = vec![serde_json::to_string(&self.head).unwrap_or_default()];
        lines.extend(self.facts.iter().map(|fact| serde_json::to_string(fact).unwrap_or_default()));
        lines.push(String::new());
        Bytes::from(lines.join("\n"))
    }

    /// What an object says, or why it can't be what was written there.
    pub(super) fn read(name: SegmentName, bytes: &[u8], position: &Position) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
        let mut lines = text.lines();
        let head: SegmentHead = serde_json::from_str(lines.next().unwrap_or_default()).map_err(|error| error.to_string())?;
        if head.format > FORMAT {
            return Err(format!(
                "it has format {}, and this headcount knows formats up to {FORMAT}: a newer one wrote it, so use that one",
                head.format
            ));
        }
        if (head.stream, head.seq) != (name.stream, name.seq) || head.previous != position.last {
            return Err("it does not follow on the object before it: something was changed, taken away or put between".to_owned());
        }
        let facts = lines.map(|line| serde_json::from_str(line).map_err(|error| error.to_string())).collect::<Result<_, _>>()?;
        Ok(Self { head, facts })
    }

    /// What follows on it.
    pub(super) fn after(&self, bytes: &[u8]) -> Position {
        let last = Some(hex(digest(&SHA256, bytes).as_ref()));
        Position { next: self.head.seq + 1, last, closed: self.head.closed.is_some(), beside: self.head.beside }
    }
}

impl Positions {
    /// What comes next of a stream; nothing where nothing does.
    pub(super) fn next(&self, stream: u64) -> Option<Position> {
        if stream <= self.done {
            return None;
        }
        let position = self.streams.get(&stream).cloned().unwrap_or_default();
        (!position.closed).then_some(position)
    }

    pub(super) fn set(&mut self, stream: u64, position: Position) {
        self.streams.insert(stream, position);
        while self.streams.get(&(self.done + 1)).is_some_and(|position| position.closed) {
            self.done += 1;
            self.streams.remove(&self.done);
        }
    }

    /// The name behind which everything is that may be left to tell.
    pub(super) fn after(&self) -> String {
        format!("{JOURNAL}/{:012}", self.done + 1)
    }

    /// The number of another stream.
    pub(super) fn another(&self) -> u64 {
        self.streams.keys().next_back().copied().unwrap_or(self.done).max(self.done) + 1
    }

    /// Those that are open.
    pub(super) fn open(&self) -> Vec<u64> {
        self.streams.iter().filter(|(_, position)| !position.closed).map(|(stream, _)| *stream).collect()
    }
}
