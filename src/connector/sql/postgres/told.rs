//! What PostgreSQL said of a statement on tables, and what class of trouble that is. What it says of the way there is told in `crate::postgres`.
//!
//! Must never: hand on a value of a row.

use tokio_postgres::Error;

use crate::model::SystemError;
use crate::postgres::PostgresError;

/// The class of an error.
pub(super) fn of(error: Error) -> SystemError {
    let Some(said) = error.as_db_error() else { return PostgresError::from(error).into() };
    let code = said.code().code().to_owned();
    let column = said.column().map(|column| format!("column `{column}`")).unwrap_or_else(|| "a column".to_owned());
    match code.as_str() {
        "23505" => SystemError::Conflict(format!("another row has that value already: {} ({code})", said.message())),
        "23P01" => SystemError::Conflict(format!("{} ({code})", said.message())),
        "23503" => SystemError::Rejected(format!(
            "{} ({code}): a row of another table still refers to it, or what it refers to is not there",
            said.message()
        )),
        "22001" | "22003" => SystemError::Rejected(format!("{} ({code}): the column is too narrow for it", said.message())),
        // They name the value.
        code if code.starts_with("22") => SystemError::Rejected(format!("{column} can't hold the value that it was given ({code})")),
        // A serial key takes its numbers from one, which has rights of its own.
        "42501" if said.message().contains("sequence") => {
            let name = said.message().rsplit(' ').next().unwrap_or_default();
            SystemError::Forbidden(format!(
                "{} ({code}): `GRANT USAGE ON SEQUENCE {name}` to this account lets it make rows",
                said.message()
            ))
        }
        "42501" => {
            SystemError::Forbidden(format!("{} ({code}); `headcount connector check` names the GRANT that is missing", said.message()))
        }
        // Whoever made the trigger or the view says why.
        "P0001" | "44000" => SystemError::Rejected(format!("{} ({code})", said.message())),
        "42P01" | "42703" => {
            SystemError::Protocol(format!("{} ({code}): the tables changed while they were used; run again", said.message()))
        }
        _ => PostgresError::from(error).into(),
    }
}
