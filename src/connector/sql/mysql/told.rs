//! What MySQL or MariaDB said of a statement on tables, and what class of trouble that is. What it says of the way there is told in `crate::mysql`.
//!
//! Must never: hand on a value of a row.

use mysql_async::Error;

use crate::model::SystemError;
use crate::mysql::MysqlError;

/// The class of an error.
pub(super) fn of(error: Error) -> SystemError {
    let Error::Server(said) = &error else { return MysqlError::from(error).into() };
    let code = said.code;
    match code {
        // They name the value.
        1062 | 1586 | 1761 | 1762 => {
            let key = quoted_last(&said.message).map(|key| format!(" of the key `{key}`")).unwrap_or_default();
            SystemError::Conflict(format!("another row has that value{key} already ({code})"))
        }
        1264 | 1265 | 1292 | 1366 | 1367 | 1406 | 1411 => {
            let column = of_column(&said.message).map(|column| format!("column `{column}`")).unwrap_or_else(|| "a column".to_owned());
            SystemError::Rejected(format!("{column} can't hold the value that it was given, or is too narrow for it ({code})"))
        }
        1216 | 1217 | 1451 | 1452 => {
            SystemError::Rejected(format!("a row of another table still refers to it, or what it refers to is not there ({code})"))
        }
        1048 | 1364 | 3819 | 4025 | 1644 => SystemError::Rejected(format!("{} ({code})", said.message)),
        1142 | 1143 | 1370 => {
            SystemError::Forbidden(format!("{} ({code}); `headcount connector check` names the GRANT that is missing", said.message))
        }
        1054 | 1146 => SystemError::Protocol(format!("{} ({code}): the tables changed while they were used; run again", said.message)),
        _ => MysqlError::from(error).into(),
    }
}

/// What stands in the last quotes: `… for key 'people.login'`.
fn quoted_last(message: &str) -> Option<&str> {
    let (_, key) = message.trim_end_matches('\'').rsplit_once("for key '")?;
    Some(key)
}

/// `… for column 'badge' at row 1`, and MariaDB's ``… for column `app`.`people`.`badge` at row 1``.
fn of_column(message: &str) -> Option<&str> {
    let (_, rest) = message.rsplit_once("for column ")?;
    let (column, _) = rest.split_once(" at row").unwrap_or((rest, ""));
    column.rsplit(['.']).next().map(|name| name.trim_matches(['`', '\'', '"']))
}

#[cfg(test)]
mod tests {
    use mysql_async::ServerError;

    use super::*;

    #[test]
    fn what_names_a_value_is_said_otherwise() {
        let words =
            |code, message: &str| of(Error::Server(ServerError { code, message: message.into(), state: "23000".into() })).to_string();
        let taken = words(1062, "Duplicate entry 'ann@acme.example' for key 'people.mail'");
        assert_eq!(taken, "conflict: another row has that value of the key `people.mail` already (1062)");
        let wrong = words(1366, "Incorrect integer value: 'secret for column x' for column `app`.`people`.`badge` at row 1");
        assert_eq!(wrong, "rejected: column `badge` can't hold the value that it was given, or is too narrow for it (1366)");
        assert_eq!(words(1406, "Data too long for column 'login' at row 1").matches("`login`").count(), 1);
    }
}
