//! What is different from server to server: where an entry has its id, how an account is deactivated, what new entries look like.
//!
//! Must never: reach anything.

use super::filter::Filter;
use super::message::{Edit, Entry, Modification};
use crate::manifest::connection::{LdapActive, LdapDialect, LdapGroupClass};

/// A lock of OpenLDAP's overlay ppolicy that no time ends.
const LOCKED_FOR_EVER: &str = "000001010000Z";
/// The bit of Active Directory's `userAccountControl` that says: disabled.
const DISABLED: u32 = 2;
/// A plain account with access.
const NORMAL_ACCOUNT: u32 = 512;

/// An entry's id as servers say it where no attribute does.
pub(super) type EntryNumber = [u8; 16];

/// Where entries have an id that stays, whatever they are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdKind {
    EntryUuid,
    NsUniqueId,
    ObjectGuid,
}

impl IdKind {
    pub(super) fn of(dialect: LdapDialect) -> Self {
        match dialect {
            LdapDialect::OpenLdap | LdapDialect::Plain => Self::EntryUuid,
            LdapDialect::Ds389 => Self::NsUniqueId,
            LdapDialect::ActiveDirectory => Self::ObjectGuid,
        }
    }

    pub(super) fn attribute(self) -> &'static str {
        match self {
            Self::EntryUuid => "entryUUID",
            Self::NsUniqueId => "nsUniqueId",
            Self::ObjectGuid => "objectGUID",
        }
    }

    /// The id of an entry as text.
    pub(super) fn read(self, entry: &Entry) -> Option<String> {
        let value = entry.values(self.attribute()).first()?;
        match self {
            Self::ObjectGuid => guid_text(value),
            _ => std::str::from_utf8(value).ok().filter(|text| !text.is_empty()).map(str::to_owned),
        }
    }

    /// The entry with this id; none where the text is no id.
    pub(super) fn filter(self, id: &str) -> Option<Filter> {
        match self {
            Self::ObjectGuid => guid_bytes(id).map(|bytes| Filter::equal(self.attribute(), &bytes)),
            _ => (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'))
                .then(|| Filter::equal(self.attribute(), id.as_bytes())),
        }
    }

    /// An id as a number; none where the number would not be written like this: the world knows a record by the text.
    pub(super) fn number(self, id: &str) -> Option<EntryNumber> {
        let number = match self {
            Self::ObjectGuid => guid_bytes(id),
            _ => number_of(id),
        };
        number.filter(|number| self.of_number(number) == id)
    }

    /// The id that a number is.
    pub(super) fn of_number(self, number: &EntryNumber) -> String {
        let order = if self == Self::ObjectGuid { &GUID_ORDER } else { &PLAIN_ORDER };
        let cuts = if self == Self::NsUniqueId { [4, 8, 12, 12] } else { [4, 6, 8, 10] };
        let mut text = String::with_capacity(36);
        for (at, from) in order.iter().enumerate() {
            if cuts.contains(&at) {
                text.push('-');
            }
            let byte = number.get(*from).copied().unwrap_or_default();
            text.extend([byte >> 4, byte & 0xF].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
        }
        text
    }

    /// A name by which the server takes the entry, whatever it is called, where it has such names.
    pub(super) fn name(self, id: &str) -> Option<String> {
        (self == Self::ObjectGuid && guid_bytes(id).is_some()).then(|| format!("<GUID={id}>"))
    }
}

/// The first three parts of a GUID stand with their last byte first.
const GUID_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

const PLAIN_ORDER: [usize; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

fn guid_text(bytes: &[u8]) -> Option<String> {
    Some(IdKind::ObjectGuid.of_number(bytes.try_into().ok()?))
}

/// Thirty-two digits, wherever they are divided.
fn number_of(text: &str) -> Option<EntryNumber> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    if digits.len() != 32 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut number = EntryNumber::default();
    for (byte, pair) in number.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(number)
}

fn guid_bytes(text: &str) -> Option<EntryNumber> {
    let plain = number_of(text).filter(|_| text.len() == 36)?;
    let mut bytes = EntryNumber::default();
    for (byte, to) in plain.iter().zip(GUID_ORDER) {
        *bytes.get_mut(to)? = *byte;
    }
    Some(bytes)
}

/// How an entry says whether its account has access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Active {
    /// nothing says it
    Nowhere,
    /// `pwdAccountLockedTime`
    LockedTime,
    /// `nsAccountLock`
    AccountLock,
    /// `userAccountControl`
    AccountControl,
    /// an attribute of somebody's own
    Own(LdapActive),
}

impl Active {
    pub(super) fn of(dialect: LdapDialect, own: Option<&LdapActive>) -> Self {
        match (own, dialect) {
            (Some(own), _) => Self::Own(own.clone()),
            (None, LdapDialect::OpenLdap) => Self::LockedTime,
            (None, LdapDialect::Ds389) => Self::AccountLock,
            (None, LdapDialect::ActiveDirectory) => Self::AccountControl,
            (None, LdapDialect::Plain) => Self::Nowhere,
        }
    }

    pub(super) fn attribute(&self) -> Option<&str> {
        match self {
            Self::Nowhere => None,
            Self::LockedTime => Some("pwdAccountLockedTime"),
            Self::AccountLock => Some("nsAccountLock"),
            Self::AccountControl => Some("userAccountControl"),
            Self::Own(own) => Some(&own.attribute),
        }
    }

    /// Whether the account of an entry has access. One that says nothing has.
    pub(super) fn read(&self, entry: &Entry) -> bool {
        let Some(text) = self.attribute().and_then(|attribute| entry.text(attribute)) else { return true };
        match self {
            Self::Nowhere => true,
            Self::LockedTime => text != LOCKED_FOR_EVER,
            Self::AccountLock => !text.eq_ignore_ascii_case("true"),
            Self::AccountControl => text.parse::<u32>().is_ok_and(|flags| flags & DISABLED == 0),
            Self::Own(own) => text != own.inactive,
        }
    }

    /// What makes it so. `now` is the entry as it is, where what is written depends on it: [`Self::depends`].
    pub(super) fn write(&self, active: bool, now: &Entry) -> Vec<Modification> {
        let replace = |attribute: &str, value: Option<&str>| {
            let values = value.iter().map(|value| value.as_bytes().to_vec()).collect();
            vec![Modification { edit: Edit::Replace, attribute: attribute.to_owned(), values }]
        };
        match self {
            Self::Nowhere => Vec::new(),
            Self::LockedTime => replace("pwdAccountLockedTime", (!active).then_some(LOCKED_FOR_EVER)),
            Self::AccountLock => replace("nsAccountLock", (!active).then_some("true")),
            Self::Own(own) => replace(&own.attribute, if active { own.active.as_deref() } else { Some(own.inactive.as_str()) }),
            Self::AccountControl => {
                let flags = now.text("userAccountControl").and_then(|text| text.parse::<u32>().ok()).unwrap_or(NORMAL_ACCOUNT);
                let wanted = if active { flags & !DISABLED } else { flags | DISABLED };
                if wanted == flags {
                    return Vec::new();
                }
                // Whoever changed it meanwhile is not overwritten.
                let part = |edit, flags: u32| Modification {
                    edit,
                    attribute: "userAccountControl".into(),
                    values: vec![flags.to_string().into_bytes()],
                };
                vec![part(Edit::Remove, flags), part(Edit::Add, wanted)]
            }
        }
    }

    /// Whether what is written depends on what is there.
    pub(super) fn depends(&self) -> bool {
        *self == Self::AccountControl
    }

    /// What a new entry says.
    pub(super) fn initial(&self, active: bool) -> Option<(String, String)> {
        let value = match (self, active) {
            (Self::AccountControl, true) => NORMAL_ACCOUNT.to_string(),
            (Self::AccountControl, false) => (NORMAL_ACCOUNT | DISABLED).to_string(),
            (Self::LockedTime, false) => LOCKED_FOR_EVER.to_owned(),
            (Self::AccountLock, false) => "true".to_owned(),
            (Self::Own(own), false) => own.inactive.clone(),
            (Self::Own(own), true) => own.active.clone()?,
            _ => return None,
        };
        Some((self.attribute()?.to_owned(), value))
    }
}

/// Attributes of people, as `inetOrgPerson` (RFC 2798) has them.
const PERSON: &[(&str, &str)] = &[
    ("userName", "uid"),
    ("name.givenName", "givenName"),
    ("name.familyName", "sn"),
    ("displayName", "cn"),
    ("emails", "mail"),
    ("phoneNumbers", "telephoneNumber"),
    ("title", "title"),
    ("employeeNumber", "employeeNumber"),
    ("userType", "employeeType"),
    ("department", "departmentNumber"),
    ("organization", "o"),
    ("preferredLanguage", "preferredLanguage"),
    ("manager", "manager"),
];

/// The same of Active Directory.
const AD_USER: &[(&str, &str)] = &[
    ("userName", "sAMAccountName"),
    ("name.givenName", "givenName"),
    ("name.familyName", "sn"),
    ("displayName", "displayName"),
    ("emails", "mail"),
    ("phoneNumbers", "telephoneNumber"),
    ("title", "title"),
    ("employeeNumber", "employeeID"),
    ("userType", "employeeType"),
    ("department", "department"),
    ("division", "division"),
    ("organization", "company"),
    ("preferredLanguage", "preferredLanguage"),
    ("manager", "manager"),
];

/// Where nobody says otherwise.
pub(super) fn attributes(dialect: LdapDialect) -> &'static [(&'static str, &'static str)] {
    if dialect == LdapDialect::ActiveDirectory { AD_USER } else { PERSON }
}

pub(super) fn classes(dialect: LdapDialect) -> Vec<String> {
    vec![if dialect == LdapDialect::ActiveDirectory { "user" } else { "inetOrgPerson" }.to_owned()]
}

pub(super) fn rdn(dialect: LdapDialect) -> &'static str {
    if dialect == LdapDialect::ActiveDirectory { "cn" } else { "uid" }
}

/// What the schema asks for, and what says nothing there.
pub(super) fn required(dialect: LdapDialect) -> &'static [(&'static str, &'static str)] {
    if dialect == LdapDialect::ActiveDirectory { &[] } else { &[("cn", "-"), ("sn", "-")] }
}

/// What says when an entry was last changed.
pub(super) fn last_modified(dialect: LdapDialect) -> &'static str {
    if dialect == LdapDialect::ActiveDirectory { "whenChanged" } else { "modifyTimestamp" }
}

pub(super) fn group_class(dialect: LdapDialect) -> LdapGroupClass {
    if dialect == LdapDialect::ActiveDirectory { LdapGroupClass::Group } else { LdapGroupClass::GroupOfNames }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_comes_back() {
        let bytes: Vec<u8> = (0..16).collect();
        let text = guid_text(&bytes).expect("a GUID");
        assert_eq!(text, "03020100-0504-0706-0809-0a0b0c0d0e0f");
        assert_eq!(guid_bytes(&text).map(Vec::from), Some(bytes.clone()));
        assert!(guid_bytes("ü3020100-0504-0706-0809-0a0b0c0d0e0").is_none() && IdKind::EntryUuid.filter("a*)(b=").is_none());
        for (kind, text) in [
            (IdKind::EntryUuid, "00010203-0405-0607-0809-0a0b0c0d0e0f"),
            (IdKind::NsUniqueId, "00010203-04050607-08090a0b-0c0d0e0f"),
            (IdKind::ObjectGuid, "03020100-0504-0706-0809-0a0b0c0d0e0f"),
        ] {
            let number = kind.number(text).expect("a number");
            assert_eq!((number.as_slice(), kind.of_number(&number).as_str()), (bytes.as_slice(), text));
        }
        assert_eq!(IdKind::NsUniqueId.number("0-1"), None);
        assert_eq!(IdKind::EntryUuid.number("00010203-0405-0607-0809-0A0B0C0D0E0F"), None, "another text");
    }
}
