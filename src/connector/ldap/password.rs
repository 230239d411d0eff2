//! The first passwords of new accounts.
//!
//! Must never: show one, or make one that somebody could guess.

use std::fmt;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::manifest::connection::LdapDialect;
use crate::model::SystemError;

/// Random bytes of a generated one.
const BYTES: usize = 24;

/// What new accounts get.
pub(super) enum Passwords {
    /// nothing
    None,
    /// all the same
    Same(SecretString),
    /// each its own
    Generated,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Passwords")
    }
}

impl Passwords {
    /// The attribute of a new entry, and its value.
    pub(super) fn next(&self, dialect: LdapDialect) -> Result<Option<(String, Vec<u8>)>, SystemError> {
        let word = match self {
            Self::None if dialect == LdapDialect::ActiveDirectory => {
                let words = "Active Directory makes no account with access without a password: say `generatePassword: true` in \
                             spec.connection.ldap.users, or `initialPassword`";
                return Err(SystemError::Rejected(words.into()));
            }
            Self::None => return Ok(None),
            Self::Same(word) => word.clone(),
            Self::Generated => generated()?,
        };
        Ok(Some(match dialect {
            LdapDialect::ActiveDirectory => ("unicodePwd".into(), quoted(word.expose_secret())),
            _ => ("userPassword".into(), word.expose_secret().as_bytes().to_vec()),
        }))
    }
}

/// Letters of all the kinds that rules of passwords ask for.
fn generated() -> Result<SecretString, SystemError> {
    let mut bytes = [0; BYTES];
    rand::fill(&mut bytes).map_err(|_| SystemError::Unavailable("this machine gives no random numbers".into()))?;
    Ok(format!("{}.aA1", STANDARD.encode(bytes)).into())
}

/// As `unicodePwd` takes it.
fn quoted(word: &str) -> Vec<u8> {
    format!("\"{word}\"").encode_utf16().flat_map(u16::to_le_bytes).collect()
}
