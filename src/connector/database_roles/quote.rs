//! Names and texts inside statements: what makes and changes roles takes no parameters, so this is the one place where a value becomes a part of one.
//!
//! Must never: let a sign of a value end what it is quoted in, or let a server cut a name short.

use crate::model::SystemError;

/// Longest name that PostgreSQL keeps whole, in bytes; it cuts longer ones without an error.
pub(super) const POSTGRES_NAME: usize = 63;
/// Longest name of an account or a role of any MariaDB, in letters; an older one says that it takes fewer.
pub(super) const MARIADB_NAME: usize = 128;

/// A name as PostgreSQL reads it.
pub(super) fn postgres_name(name: &str) -> Result<String, SystemError> {
    checked(name)?;
    if name.len() > POSTGRES_NAME {
        return Err(SystemError::Rejected(format!(
            "the name {name:?} is longer than {POSTGRES_NAME} bytes, and PostgreSQL would cut it: map a shorter `userName` (or `displayName` of the Group)"
        )));
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// A text as PostgreSQL reads it, whatever `standard_conforming_strings` is.
pub(super) fn postgres_text(text: &str) -> Result<String, SystemError> {
    if text.contains('\0') {
        return Err(SystemError::Rejected("a text holds a NUL, which PostgreSQL can't keep".into()));
    }
    Ok(format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''")))
}

/// A name as MariaDB reads it: between backquotes no other sign means anything, whatever `sql_mode` is.
pub(super) fn mariadb_name(name: &str) -> Result<String, SystemError> {
    checked(name)?;
    if name.chars().count() > MARIADB_NAME {
        return Err(SystemError::Rejected(format!("the name {name:?} is longer than {MARIADB_NAME} letters, which MariaDB does not take")));
    }
    // It cuts off what is blank at the end of a name.
    if name.ends_with(' ') || name.chars().any(|sign| sign as u32 > 0xffff) {
        return Err(SystemError::Rejected(format!("MariaDB can't keep the name {name:?}: no blank at its end, and no sign beyond U+FFFF")));
    }
    Ok(format!("`{}`", name.replace('`', "``")))
}

fn checked(name: &str) -> Result<(), SystemError> {
    if name.is_empty() || name.contains('\0') {
        return Err(SystemError::Rejected(format!("{name:?} is no name of a role: it is empty or holds a NUL")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Signs that mean something to one of the servers, and some that mean nothing.
    fn hostile() -> impl Strategy<Value = String> {
        let sign = prop_oneof![
            3 => prop::sample::select(vec!['\'', '"', '`', '\\', ';', '-', '$', '\n', '\r', '\t', '\0', '%', '_', '/', '*', '#', 'E', '\u{1a}', '\u{2bc}', '\u{ff07}']),
            1 => any::<char>(),
        ];
        prop::collection::vec(sign, 0..40).prop_map(String::from_iter)
    }

    /// What a lexer reads between two quotes that stand twice for themselves; nothing where it does not end at the end.
    fn between(quoted: &str, quote: char, escapes: bool) -> Option<String> {
        let mut signs = quoted.strip_prefix(quote)?.chars().peekable();
        let mut read = String::new();
        while let Some(sign) = signs.next() {
            match sign {
                '\\' if escapes => read.push(signs.next()?),
                _ if sign == quote && signs.peek() == Some(&quote) => read.extend(signs.next()),
                _ if sign == quote => return signs.next().is_none().then_some(read),
                _ => read.push(sign),
            }
        }
        None
    }

    proptest! {
        #[test]
        fn whatever_is_quoted_is_read_as_it_was(text in hostile()) {
            match postgres_name(&text) {
                Ok(quoted) => prop_assert_eq!(between(&quoted, '"', false), Some(text.clone())),
                Err(_) => prop_assert!(text.is_empty() || text.contains('\0') || text.len() > POSTGRES_NAME),
            }
            match postgres_text(&text) {
                Ok(quoted) => prop_assert_eq!(between(&quoted[1..], '\'', true), Some(text.clone())),
                Err(_) => prop_assert!(text.contains('\0')),
            }
            if let Ok(quoted) = mariadb_name(&text) {
                prop_assert_eq!(between(&quoted, '`', false), Some(text.clone()));
            }
        }
    }
}
