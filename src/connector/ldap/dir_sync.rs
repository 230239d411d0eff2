//! Active Directory's own way to tell what changed since a cookie (DirSync): of the whole domain, with those that were deleted.
//!
//! Must never: reach anything.

use std::collections::HashSet;

use bytes::Bytes;

use super::ber::{Decoder, Encoder, INTEGER, OCTETS, SEQUENCE};
use super::content_sync::entry_number;
use super::dialect::{EntryNumber, IdKind};
use super::message::{Answer, Control, Outcome};
use crate::model::SystemError;

/// Asks, and answers.
pub(super) const DIR_SYNC: &str = "1.2.840.113556.1.4.841";
/// Lets what was deleted be seen.
pub(super) const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
/// What an entry is asked for besides: whether it is gone, whether it is new, and whether it is called otherwise.
pub(super) const ALWAYS: [&str; 3] = ["isDeleted", "objectClass", "name"];

/// What a domain says since a cookie.
#[derive(Debug, Default)]
pub(super) struct DomainNews {
    pub(super) changed: HashSet<EntryNumber>,
    pub(super) gone: HashSet<EntryNumber>,
    /// of those that changed: they were renamed or moved
    pub(super) renamed: HashSet<EntryNumber>,
    pub(super) cookie: Bytes,
    /// it is not all
    pub(super) more: bool,
}

/// Asks for what changed since a cookie; from the beginning of all where it is empty.
pub(super) fn asking(cookie: &[u8]) -> Control {
    let mut value = Encoder::default();
    value.within(SEQUENCE, |out| {
        out.number(INTEGER, 0).number(INTEGER, i32::MAX as u32).bytes(OCTETS, cookie);
    });
    Control { name: DIR_SYNC.into(), critical: true, value: Some(value.take().into()) }
}

impl DomainNews {
    /// One answer before the last one.
    pub(super) fn hear(&mut self, answer: &Answer) -> Result<(), SystemError> {
        // Other domains are other directories.
        let Answer::Entry(entry) = answer else { return Ok(()) };
        let Some(number) = entry.values(IdKind::ObjectGuid.attribute()).first() else { return Ok(()) };
        let number = entry_number(number)?;
        if entry.text("isDeleted").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            self.changed.remove(&number);
            self.gone.insert(number);
            return Ok(());
        }
        self.gone.remove(&number);
        self.changed.insert(number);
        if entry.text("name").is_some() && entry.values("objectClass").is_empty() {
            self.renamed.insert(number);
        }
        Ok(())
    }

    /// The last one.
    pub(super) fn end(&mut self, outcome: &Outcome) -> Result<(), SystemError> {
        let value = outcome.control(DIR_SYNC);
        let value = value.ok_or_else(|| SystemError::Protocol("it says nothing of what comes next".into()))?;
        let mut parts = Decoder::new(value.clone()).within(SEQUENCE)?;
        self.more = parts.number(INTEGER)? != 0;
        parts.any()?;
        self.cookie = parts.take(OCTETS)?;
        Ok(())
    }
}
