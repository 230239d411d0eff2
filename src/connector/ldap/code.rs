//! What result codes mean (RFC 4511, appendix A): which of them say that it may work later, that somebody must grant something, or that a list was cut short.
//!
//! Must never: take a list that was cut short for a whole one.

use super::message::Outcome;
use crate::model::SystemError;

pub(super) const SUCCESS: u32 = 0;
const TIME_LIMIT: u32 = 3;
const SIZE_LIMIT: u32 = 4;
const ADMIN_LIMIT: u32 = 11;
pub(super) const NO_SUCH_ATTRIBUTE: u32 = 16;
pub(super) const VALUE_EXISTS: u32 = 20;
pub(super) const NO_SUCH_OBJECT: u32 = 32;
const INVALID_CREDENTIALS: u32 = 49;
pub(super) const UNWILLING: u32 = 53;
pub(super) const BUSY: u32 = 51;
pub(super) const OBJECT_CLASS: u32 = 65;
pub(super) const ENTRY_EXISTS: u32 = 68;
pub(super) const ASSERTION_FAILED: u32 = 122;
const REFERRAL: u32 = 10;

/// The code's name, and what the server says.
pub(super) fn words(outcome: &Outcome) -> String {
    let name = name(outcome.code);
    match outcome.text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0') {
        "" => format!("{name}, LDAP code {}", outcome.code),
        text => format!("{name}, LDAP code {}: {}", outcome.code, text.chars().take(300).collect::<String>()),
    }
}

/// Why a list ended before its end, if it did.
pub(super) fn limit(outcome: &Outcome) -> Option<String> {
    let (limit, mend) = match outcome.code {
        SIZE_LIMIT => (
            "its limit of entries",
            "raise the limit of this account there (OpenLDAP: `olcLimits … size.prtotal=unlimited`; 389: `nsSizeLimit`, `nsPagedSizeLimit`)",
        ),
        TIME_LIMIT => (
            "its limit of time",
            "raise the limit of this account there (OpenLDAP: `olcLimits … time=unlimited`; 389: `nsTimeLimit`), or index what is searched",
        ),
        ADMIN_LIMIT => (
            "an administrative limit",
            "raise the limit of this account there (OpenLDAP: `olcLimits … size.unchecked=unlimited size.prtotal=unlimited`; 389: \
             `nsLookThroughLimit`), or index what is searched",
        ),
        _ => return None,
    };
    Some(format!("the server cut the list short at {limit} ({}): {mend}", words(outcome)))
}

/// What a refusal means.
pub(super) fn refusal(outcome: &Outcome) -> SystemError {
    let words = words(outcome);
    match outcome.code {
        8 | 13 => SystemError::Forbidden(format!("the server asks for TLS: use ldaps:// or `startTls: true` ({words})")),
        1 if outcome.text.contains("bind") => SystemError::Auth(format!("the server asks for a sign-in ({words})")),
        REFERRAL => SystemError::Rejected(format!(
            "the server refers to {}, and headcount follows nobody's directions: name the server that may be written in `urls` ({words})",
            outcome.referrals.join(", ")
        )),
        NO_SUCH_OBJECT => SystemError::NotFound(words),
        INVALID_CREDENTIALS | 48 | 7 => SystemError::Auth(words),
        50 => SystemError::Forbidden(words),
        BUSY => SystemError::Throttled { after: None, message: words },
        52 => SystemError::Unavailable(words),
        ENTRY_EXISTS | ASSERTION_FAILED => SystemError::Conflict(words),
        TIME_LIMIT | SIZE_LIMIT | ADMIN_LIMIT => SystemError::Unavailable(words),
        // One overlay, and Active Directory of a userPrincipalName, tell so that a value is taken.
        19 if outcome.text.contains("unique") || outcome.text.contains("already in use") => SystemError::Conflict(words),
        _ => SystemError::Rejected(words),
    }
}

/// What a refused sign-in means.
pub(super) fn of_bind(outcome: &Outcome) -> SystemError {
    let words = words(outcome);
    match outcome.code {
        INVALID_CREDENTIALS => {
            // Active Directory says why in a number of its own.
            let why = [
                ("data 533", "the account is disabled"),
                ("data 532", "its password has expired"),
                ("data 701", "the account has expired"),
                ("data 773", "its password must be changed"),
                ("data 775", "the account is locked"),
            ];
            let why = why.iter().find(|(sign, _)| outcome.text.contains(sign)).map_or("name or password is wrong", |(_, why)| why);
            SystemError::Auth(format!("{why} ({words})"))
        }
        UNWILLING | 19 | NO_SUCH_OBJECT | 34 | 48 | 7 => SystemError::Auth(words),
        _ => refusal(outcome),
    }
}

fn name(code: u32) -> &'static str {
    match code {
        1 => "operations error",
        2 => "protocol error",
        3 => "time limit exceeded",
        4 => "size limit exceeded",
        7 => "this way to sign in is not supported",
        8 => "stronger sign-in required",
        10 => "referral",
        11 => "administrative limit exceeded",
        12 => "a control is not available",
        13 => "confidentiality required",
        16 => "no such attribute",
        17 => "undefined attribute",
        18 => "inappropriate matching",
        19 => "constraint violation",
        20 => "the value is there already",
        21 => "invalid syntax",
        32 => "no such entry",
        34 => "invalid DN",
        48 => "inappropriate sign-in",
        49 => "invalid credentials",
        50 => "insufficient access rights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwilling to perform",
        64 => "naming violation",
        65 => "the object class does not allow it",
        66 => "not allowed on an entry with others below it",
        67 => "not allowed on the RDN",
        68 => "the entry is there already",
        69 => "object class change prohibited",
        71 => "it affects several servers",
        122 => "assertion failed",
        _ => "refused",
    }
}
