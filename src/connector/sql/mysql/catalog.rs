//! What MySQL or MariaDB says of its tables. It shows only what the user may use in some way, triggers only to those who may make them.
//!
//! Must never: take a name that was asked for in the place of the one that is there.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::connector::sql::dialect::{Dialect, Handling};
use crate::connector::sql::schema::{Column, Counted, Holds, Rights, Table, TableName};
use crate::connector::sql::session::{Line, Session, Sql};
use crate::model::{Charset, SystemError, ValueForm};

const DIALECT: Dialect = Dialect::MySql;

/// Which table refers to which, and whether its rows go with those that they refer to. Of tables on which the account has no right nothing is shown.
pub(in crate::connector::sql) const REFERENCES: &str =
    "SELECT CASE WHEN CONSTRAINT_SCHEMA = DATABASE() THEN TABLE_NAME ELSE CONCAT(CONSTRAINT_SCHEMA, '.', TABLE_NAME) END, REFERENCED_TABLE_NAME, DELETE_RULE = 'CASCADE'
         FROM information_schema.REFERENTIAL_CONSTRAINTS
         WHERE UNIQUE_CONSTRAINT_SCHEMA = DATABASE() AND DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT')";
/// Engines that undo nothing.
const LASTING: [&str; 6] = ["myisam", "aria", "memory", "csv", "archive", "merge"];

/// Collations of Unicode to which a letter is one with and without its accent, behind the character set; those of languages have letters of their own.
const ACCENTLESS: [&str; 9] = [
    "general_ci",
    "general_nopad_ci",
    "unicode_ci",
    "unicode_nopad_ci",
    "unicode_520_ci",
    "unicode_520_nopad_ci",
    "0900_ai_ci",
    "uca1400_ai_ci",
    "uca1400_nopad_ai_ci",
];

/// Why nothing can be written there.
pub(super) fn only_reads(session: &dyn Session) -> Result<Option<String>, SystemError> {
    let rows = session.rows("SELECT @@global.read_only", &[])?;
    let reads = rows.first().and_then(|row| row.first()).is_some_and(|value| value.borrowed().is_yes());
    Ok(reads.then(|| "this server only reads (`read_only`, a replica): name the one that writes in `url`".to_owned()))
}

/// Names of tables and views, and whether each is a view.
pub(in crate::connector::sql) fn tables(session: &dyn Session) -> Result<Vec<(String, bool)>, SystemError> {
    let sql = "SELECT TABLE_NAME, TABLE_TYPE LIKE '%VIEW' FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1";
    let mut tables = Vec::new();
    session.query(sql, &[], &mut |line| {
        tables.push((text(line, 0)?, line.at(1)?.is_yes()));
        Ok(())
    })?;
    Ok(tables)
}

/// One of them.
pub(in crate::connector::sql) fn table(session: &dyn Session, name: &str, is_view: bool) -> Result<Table, SystemError> {
    let this = [Sql::Text(name.to_owned())];
    let engine = "SELECT ENGINE, DATABASE() FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?1";
    let mut troubles = Vec::new();
    let mut database = String::new();
    session.query(engine, &this, &mut |line| {
        let engine = text(line, 0)?;
        database = text(line, 1)?;
        if LASTING.iter().any(|lasting| engine.eq_ignore_ascii_case(lasting)) {
            troubles
                .push(format!("table `{name}` has the engine {engine}, which undoes nothing that failed: ALTER TABLE … ENGINE = InnoDB"));
        }
        Ok(())
    })?;
    let triggers = "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ?1
         AND ACTION_TIMING = 'BEFORE' AND EVENT_MANIPULATION IN ('INSERT', 'UPDATE') ORDER BY 1";
    let unique = "SELECT max(COLUMN_NAME) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?1
         GROUP BY INDEX_NAME HAVING max(NON_UNIQUE) = 0 AND count(*) = 1 AND max(SUB_PART) IS NULL";
    Ok(Table {
        name: TableName { shown: name.to_owned(), sql: DIALECT.quoted(name) },
        is_view,
        columns: columns(session, &this)?,
        unique: names(session, unique, &this)?,
        deletable: may_delete(session, &database, name)?,
        troubles,
        triggers: names(session, triggers, &this)?,
    })
}

fn columns(session: &dyn Session, this: &[Sql]) -> Result<Vec<Column>, SystemError> {
    let sql = "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE = 'NO', COLUMN_DEFAULT, EXTRA, CHARACTER_MAXIMUM_LENGTH, COLLATION_NAME, `PRIVILEGES`,
             NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION
         FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?1 ORDER BY ORDINAL_POSITION";
    let mut columns = Vec::new();
    session.query(sql, this, &mut |line| {
        let (declared, whole) = (text(line, 1)?.to_ascii_lowercase(), text(line, 2)?.to_ascii_lowercase());
        let (extra, rights) = (text(line, 5)?.to_ascii_uppercase(), text(line, 8)?.to_ascii_lowercase());
        let truth = matches!(whole.as_str(), "tinyint(1)" | "bit(1)");
        let mut column = Column::new(DIALECT, text(line, 0)?, if truth { (Holds::Truth, Handling::Plain) } else { kind(&declared) });
        column.not_null = line.at(3)?.is_yes();
        let default = line.at(4)?.kept()?;
        column.counted = counted(&default, &extra);
        column.filled = default != Sql::Null || column.counted.is_some() || extra.contains("DEFAULT_GENERATED");
        column.generated = extra.contains("GENERATED") && !extra.contains("DEFAULT_GENERATED") || extra.contains("PERSISTENT");
        let collation = text(line, 7)?;
        column.caseless = collation.ends_with("_ci");
        column.accentless = ignores_accents(&collation);
        column.basic = ["utf8_", "utf8mb3_", "ucs2_"].iter().any(|set| collation.starts_with(set));
        if let (Sql::Integer(length), Holds::Text) = (line.at(6)?.kept()?, column.holds) {
            column.longest = usize::try_from(length).ok().filter(|_| !matches!(declared.as_str(), "enum" | "set"));
        }
        let number = |at: usize| -> Result<Option<u16>, SystemError> { Ok(text(line, at)?.parse().ok()) };
        column.form = form(&declared, (number(9)?, number(10)?), number(11)?);
        if matches!(declared.as_str(), "enum" | "set") {
            column.words = words(&text(line, 2)?);
        }
        column.charset = match collation.split('_').next() {
            Some("ascii") => Charset::Ascii,
            Some("latin1") => Charset::Latin,
            _ => Charset::All,
        };
        column.bytes = bytes(&declared).filter(|_| !whole.contains("unsigned"));
        let may = |right: &str| rights.split(',').any(|given| given.trim() == right);
        column.rights = Rights { select: may("select"), insert: may("insert"), update: may("update") };
        columns.push(column);
        Ok(())
    })?;
    Ok(columns)
}

/// The form in which a type keeps values: numbers by their digits in all and behind the point, times by those of a second.
fn form(declared: &str, (all, behind): (Option<u16>, Option<u16>), seconds: Option<u16>) -> Option<ValueForm> {
    let digits = u8::try_from(seconds.unwrap_or(0)).unwrap_or(6);
    Some(match declared {
        "decimal" | "numeric" => {
            let (all, fraction) = (all?, behind.unwrap_or(0));
            ValueForm::Decimal { whole: all.saturating_sub(fraction), fraction }
        }
        "float" => ValueForm::Single,
        "date" => ValueForm::Day,
        "time" => ValueForm::Time(digits),
        "datetime" | "timestamp" => ValueForm::Moment { digits, zoned: false },
        "enum" => ValueForm::Word,
        "set" => ValueForm::Words,
        "json" => ValueForm::Document,
        _ => return None,
    })
}

/// `enum('eng','it''s')`
fn words(declared: &str) -> Vec<Arc<str>> {
    let inside = declared.split_once('(').map_or("", |(_, rest)| rest.trim_end().trim_end_matches(')'));
    let inside = inside.trim().trim_start_matches('\'').trim_end_matches('\'');
    inside.split("','").map(|word| Arc::from(word.replace("''", "'"))).collect()
}

/// Servers from before MySQL 8.0 and MariaDB 10.2.4, which forgot the last number when they stopped, count as the later ones.
fn counted(default: &Sql, extra: &str) -> Option<Counted> {
    let of_sequence = |words: &str| words.trim_start_matches('(').to_ascii_lowercase().starts_with("nextval(");
    match default {
        _ if extra.contains("AUTO_INCREMENT") => Some(Counted::ByTable),
        Sql::Text(words) if of_sequence(words) => Some(Counted::BySequence),
        _ => None,
    }
}

fn ignores_accents(collation: &str) -> bool {
    let unicode = ["utf8", "utf8mb3", "utf8mb4", "ucs2", "utf16", "utf32"];
    collation.split_once('_').is_some_and(|(set, rest)| unicode.contains(&set) && ACCENTLESS.contains(&rest))
}

fn bytes(declared: &str) -> Option<u8> {
    Some(match declared {
        "tinyint" => 1,
        "smallint" => 2,
        "mediumint" => 3,
        "int" => 4,
        "bigint" => 8,
        _ => return None,
    })
}

/// Whether rows of a table may be removed: the one right that no column has.
fn may_delete(session: &dyn Session, database: &str, table: &str) -> Result<bool, SystemError> {
    let grants = session.rows("SHOW GRANTS", &[])?;
    Ok(grants.iter().flatten().any(|grant| matches!(grant, Sql::Text(grant) if gives_delete(grant, database, table))))
}

/// `GRANT SELECT, DELETE ON `app`.`people` TO …`, or wider.
fn gives_delete(grant: &str, database: &str, table: &str) -> bool {
    let Some((rights, rest)) = grant.strip_prefix("GRANT ").and_then(|rest| rest.split_once(" ON ")) else { return false };
    // Of columns there is no such right.
    let rights: BTreeSet<&str> = rights.split(',').map(str::trim).collect();
    let Some((on, _)) = rest.split_once(" TO ") else { return false };
    let Some((schema, name)) = on.trim_start_matches("TABLE ").split_once('.') else { return false };
    let bare = |name: &str| name.trim_matches('`').replace("``", "`");
    (rights.contains("DELETE") || rights.contains("ALL PRIVILEGES"))
        && (schema == "*" || is_like(&bare(schema), database))
        && (name == "*" || bare(name).eq_ignore_ascii_case(table))
}

/// A database's name in a grant may stand for many: `app\_%`.
fn is_like(pattern: &str, name: &str) -> bool {
    let mut signs = pattern.chars();
    match signs.next() {
        None => name.is_empty(),
        Some('%') => {
            let rest = signs.as_str();
            name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| is_like(rest, &name[at..]))
        }
        Some(sign) => {
            let any = sign == '_';
            let sign = if sign == '\\' { signs.next().unwrap_or('\\') } else { sign };
            let mut rest = name.chars();
            rest.next().is_some_and(|first| any || first.eq_ignore_ascii_case(&sign)) && is_like(signs.as_str(), rest.as_str())
        }
    }
}

fn names(session: &dyn Session, sql: &str, this: &[Sql]) -> Result<Vec<String>, SystemError> {
    let mut names = Vec::new();
    session.query(sql, this, &mut |line| {
        names.push(text(line, 0)?);
        Ok(())
    })?;
    Ok(names)
}

/// What a type is for.
pub(in crate::connector::sql) fn kind(declared: &str) -> (Holds, Handling) {
    match declared {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => (Holds::Whole, Handling::Plain),
        "decimal" | "numeric" | "float" | "double" => (Holds::Numeric, Handling::Plain),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" => (Holds::Text, Handling::Plain),
        "date" | "time" | "datetime" | "timestamp" => (Holds::Time, Handling::Plain),
        "uuid" => (Holds::Uuid, Handling::Plain),
        "bit" | "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => (Holds::Binary, Handling::Plain),
        _ => (Holds::Anything, Handling::AsText),
    }
}

fn text(line: &dyn Line, place: usize) -> Result<String, SystemError> {
    Ok(match line.at(place)?.kept()? {
        Sql::Text(text) => text,
        Sql::Integer(number) => number.to_string(),
        Sql::Null | Sql::Real(_) => String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::{gives_delete, ignores_accents, is_like};

    #[test]
    fn a_collation_says_whether_accents_tell_names_apart() {
        for one in ["utf8mb4_general_ci", "utf8mb3_unicode_520_ci", "utf8mb4_0900_ai_ci", "utf8mb4_uca1400_ai_ci"] {
            assert!(ignores_accents(one), "{one}");
        }
        for apart in [
            "utf8mb4_bin",
            "utf8mb4_0900_as_ci",
            "utf8mb4_sv_0900_ai_ci",
            "utf8mb4_swedish_ci",
            "latin1_general_ci",
            "ascii_general_ci",
            "",
        ] {
            assert!(!ignores_accents(apart), "{apart}");
        }
    }

    #[test]
    fn a_right_to_remove_rows_is_read_out_of_grants() {
        let gives = |grant: &str| gives_delete(grant, "app_one", "people");
        assert!(gives("GRANT SELECT, DELETE ON `app_one`.`people` TO `hc`@`%`"));
        assert!(gives("GRANT ALL PRIVILEGES ON *.* TO `hc`@`%` WITH GRANT OPTION"));
        assert!(gives("GRANT DELETE ON `app\\_%`.* TO `hc`@`%`"));
        assert!(!gives("GRANT DELETE ON `app_one`.`teams` TO `hc`@`%`"));
        assert!(!gives("GRANT DELETE ON `other`.* TO `hc`@`%`"));
        assert!(!gives("GRANT SELECT, INSERT (`DELETE`) ON `app_one`.`people` TO `hc`@`%`"));
        assert!(!gives("GRANT USAGE ON *.* TO `hc`@`%`"));
        assert!(is_like("a_c", "abc") && !is_like("a\\_c", "abc") && is_like("%", ""));
    }
}
