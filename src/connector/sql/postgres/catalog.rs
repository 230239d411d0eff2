//! What PostgreSQL says of its tables: asked of its own catalog, which shows everybody everything, and so tells a table that is not there from one that may not be
//! used.
//!
//! Must never: take a name that was asked for in the place of the one that is there.

use crate::connector::sql::dialect::{Dialect, Handling};
use crate::connector::sql::schema::{Column, Counted, Holds, Rights, Table, TableName};
use crate::connector::sql::session::{Line, Session, Sql};
use crate::model::{SystemError, ValueForm};

const DIALECT: Dialect = Dialect::Postgres;
/// Which table refers to which, and whether its rows go with those that they refer to.
pub(in crate::connector::sql) const REFERENCES: &str =
    "SELECT CASE WHEN n.nspname = 'public' THEN c.relname::text ELSE n.nspname || '.' || c.relname END,
             CASE WHEN m.nspname = 'public' THEN t.relname::text ELSE m.nspname || '.' || t.relname END, r.confdeltype = 'c'
         FROM pg_catalog.pg_constraint r JOIN pg_catalog.pg_class c ON c.oid = r.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_catalog.pg_class t ON t.oid = r.confrelid JOIN pg_catalog.pg_namespace m ON m.oid = t.relnamespace
         WHERE r.contype = 'f' AND r.confdeltype IN ('c', 'n', 'd') AND NOT c.relispartition";
/// What this transaction reads that is another thing by now than its snapshot knows, so that rows are missing or of another time: a table that was emptied, made
/// anew, or took another one's name, a view with another query, and partitions that came or went. What was locked for reading stays as it is until the transaction
/// ends, so what functions say of it is what was read, and what tables of the catalog say is the snapshot's.
const REPLACED: &str = "SELECT DISTINCT l.relation::pg_catalog.regclass::text
         FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
             LATERAL (SELECT pg_catalog.age(pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::xid)) AS snapshot (age),
             LATERAL pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, l.relation, 0) AS here
         WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid() AND l.granted AND l.relation >= 16384
             AND here.type NOT IN ('index', 'toast table')
             AND (coalesce(pg_catalog.pg_relation_filenode(l.relation), 0) IS DISTINCT FROM c.relfilenode
                 OR here.identity IS DISTINCT FROM pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
                 OR coalesce(pg_catalog.pg_partition_root(l.relation) <> l.relation, false) <> c.relispartition
                 OR EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND pg_catalog.age(r.xmax) <= snapshot.age)
                 OR EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid AND pg_catalog.age(i.xmax) <= snapshot.age))
         ORDER BY 1";
/// The table with this schema and name.
const THIS: &str = "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ?1 AND c.relname = ?2";

/// Why nothing can be written there.
pub(super) fn only_reads(session: &dyn Session) -> Result<Option<String>, SystemError> {
    let rows =
        session.rows("SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('default_transaction_read_only') = 'on'", &[])?;
    let is = |at: usize| rows.first().and_then(|row| row.get(at)).is_some_and(|value| value.borrowed().is_yes());
    Ok(match (is(0), is(1)) {
        (true, _) => Some("this server is a standby, which only reads: name the one that writes in `url`".into()),
        (_, true) => Some(
            "`default_transaction_read_only` is on for this user, database or server: name the one that writes in `url`, or set it off"
                .into(),
        ),
        _ => None,
    })
}

/// Names of tables and views, and whether each is a view.
pub(in crate::connector::sql) fn tables(session: &dyn Session) -> Result<Vec<(String, bool)>, SystemError> {
    let schema = [Sql::Text(session.schema().to_owned())];
    let sql = "SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') FROM pg_catalog.pg_namespace n WHERE n.nspname = ?1";
    match session.rows(sql, &schema)?.first().and_then(|row| row.first()) {
        None => return Err(SystemError::Rejected(format!("there is no schema `{}`: correct `schema`", session.schema()))),
        Some(may) if !may.borrowed().is_yes() => {
            let schema = DIALECT.quoted(session.schema());
            return Err(SystemError::Forbidden(format!("the schema may not be used: GRANT USAGE ON SCHEMA {schema} TO the user of `url`")));
        }
        Some(_) => {}
    }
    let sql = "SELECT c.relname::text, c.relkind IN ('v', 'm') FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = ?1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1";
    let mut tables = Vec::new();
    session.query(sql, &schema, &mut |line| {
        tables.push((text(line, 0)?, line.at(1)?.is_yes()));
        Ok(())
    })?;
    Ok(tables)
}

/// Tables that this transaction reads and can't see as they are.
pub(super) fn replaced(session: &dyn Session) -> Result<Vec<String>, SystemError> {
    names(session, REPLACED, &[])
}

/// One of them.
pub(in crate::connector::sql) fn table(session: &dyn Session, name: &str, is_view: bool) -> Result<Table, SystemError> {
    let schema = session.schema();
    let this = [Sql::Text(schema.to_owned()), Sql::Text(name.to_owned())];
    let sql = format!("{}.{}", DIALECT.quoted(schema), DIALECT.quoted(name));
    let may = format!("SELECT pg_catalog.has_table_privilege(c.oid, 'DELETE'), pg_catalog.row_security_active(c.oid) FROM {THIS}");
    let (mut deletable, mut troubles) = (false, Vec::new());
    session.query(&may, &this, &mut |line| {
        deletable = line.at(0)?.is_yes();
        if line.at(1)?.is_yes() {
            troubles.push(format!(
                "row-level security hides rows of table `{name}` from this user, and whoever is hidden would look gone: ALTER ROLE … BYPASSRLS, or let another user read it"
            ));
        }
        Ok(())
    })?;
    let triggers = format!(
        "SELECT t.tgname::text FROM pg_catalog.pg_trigger t, {THIS} WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D'
         AND t.tgtype & 3 = 3 AND t.tgtype & 20 <> 0 ORDER BY 1"
    );
    Ok(Table {
        name: TableName { shown: if schema == "public" { name.to_owned() } else { format!("{schema}.{name}") }, sql },
        is_view,
        columns: columns(session, &this)?,
        unique: names(session, &unique(), &this)?,
        deletable,
        troubles,
        triggers: names(session, &triggers, &this)?,
    })
}

/// A default refers to tables too, which have no rights of sequences; a server may look at its conditions in any order, but for those of CASE.
fn columns(session: &dyn Session, this: &[Sql]) -> Result<Vec<Column>, SystemError> {
    let sql = format!(
        "SELECT a.attname::text, coalesce(b.typname, t.typname)::text, a.attnotnull OR t.typnotnull,
             a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL, a.attgenerated <> '' OR a.attidentity = 'a',
             CASE WHEN b.oid IS NULL THEN a.atttypmod ELSE t.typtypmod END,
             pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT'), pg_catalog.has_column_privilege(c.oid, a.attnum, 'INSERT'),
             pg_catalog.has_column_privilege(c.oid, a.attnum, 'UPDATE'),
             (SELECT pg_catalog.quote_ident(q.nspname) || '.' || pg_catalog.quote_ident(s.relname)
              FROM pg_catalog.pg_attrdef f
              JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
              JOIN pg_catalog.pg_class s ON s.oid = d.refobjid AND s.relkind = 'S' JOIN pg_catalog.pg_namespace q ON q.oid = s.relnamespace
              WHERE f.adrelid = c.oid AND f.adnum = a.attnum
                AND CASE WHEN s.relkind = 'S' THEN NOT (pg_catalog.has_sequence_privilege(s.oid, 'USAGE') OR pg_catalog.has_sequence_privilege(s.oid, 'UPDATE'))
                    ELSE false END LIMIT 1),
             a.attidentity <> '' OR coalesce((SELECT pg_catalog.pg_get_expr(f.adbin, f.adrelid) ~ '^nextval\\(''[^'']*''::regclass\\)$'
                FROM pg_catalog.pg_attrdef f WHERE f.adrelid = c.oid AND f.adnum = a.attnum), false),
             coalesce((SELECT NOT o.collisdeterministic FROM pg_catalog.pg_collation o WHERE o.oid = a.attcollation), false)
         FROM {THIS} JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
         ORDER BY a.attnum"
    );
    let mut columns = Vec::new();
    session.query(&sql, this, &mut |line| {
        let declared = text(line, 1)?;
        let mut column = Column::new(DIALECT, text(line, 0)?, kind(&declared));
        let folds = line.at(11)?.is_yes();
        column.caseless = declared == "citext" || folds;
        if folds {
            // As its collation compares them two texts may be one that a reader tells apart.
            column.handling = Handling::AsText;
        }
        column.not_null = line.at(2)?.is_yes();
        column.filled = line.at(3)?.is_yes();
        column.generated = line.at(4)?.is_yes();
        if let (Sql::Integer(length), "varchar" | "bpchar") = (line.at(5)?.kept()?, declared.as_str()) {
            // Four bytes stand before it.
            column.longest = usize::try_from(length - 4).ok();
        }
        column.form = match line.at(5)?.kept()? {
            Sql::Integer(modifier) => form(&declared, modifier),
            _ => None,
        };
        column.bytes = match declared.as_str() {
            "int2" => Some(2),
            "int4" => Some(4),
            "int8" => Some(8),
            _ => None,
        };
        column.rights = Rights { select: line.at(6)?.is_yes(), insert: line.at(7)?.is_yes(), update: line.at(8)?.is_yes() };
        column.counted = line.at(10)?.is_yes().then_some(Counted::BySequence);
        column.sequence = Some(text(line, 9)?).filter(|name| !name.is_empty());
        columns.push(column);
        Ok(())
    })?;
    Ok(columns)
}

/// The form in which a type keeps values; its modifier is less than nought where it has none.
fn form(declared: &str, modifier: i64) -> Option<ValueForm> {
    // Of times the digits of a second, of numbers digits in all and behind the point, which stand behind four bytes.
    let digits = u8::try_from(modifier).unwrap_or(6);
    Some(match declared {
        "numeric" if modifier >= 4 => {
            let (all, behind) = ((modifier - 4) >> 16 & 0xffff, (modifier - 4) & 0x7ff);
            // A scale may be below nought.
            let behind = if behind > 1000 { behind - 2048 } else { behind };
            let room = |digits: i64| u16::try_from(digits.max(0)).unwrap_or(u16::MAX);
            ValueForm::Decimal { whole: room(all - behind), fraction: room(behind) }
        }
        "float4" => ValueForm::Single,
        "date" => ValueForm::Day,
        "time" => ValueForm::Time(digits),
        "timestamp" => ValueForm::Moment { digits, zoned: false },
        "timestamptz" => ValueForm::Moment { digits, zoned: true },
        "jsonb" => ValueForm::Document,
        _ => return None,
    })
}

/// Columns that are unique by themselves, in every row.
fn unique() -> String {
    format!(
        "SELECT a.attname::text FROM {THIS} JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
         WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 1"
    )
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
        "bool" => (Holds::Truth, Handling::Plain),
        "int2" | "int4" | "int8" => (Holds::Whole, Handling::Plain),
        "text" | "varchar" => (Holds::Text, Handling::Plain),
        "bpchar" | "citext" | "name" => (Holds::Text, Handling::AsText),
        "uuid" => (Holds::Uuid, Handling::ReadAsText),
        "numeric" | "float4" | "float8" => (Holds::Numeric, Handling::ReadAsText),
        "date" | "time" | "timetz" | "timestamp" | "timestamptz" => (Holds::Time, Handling::ReadAsText),
        "bytea" => (Holds::Binary, Handling::Plain),
        // Types of somebody's own, lists, documents.
        _ => (Holds::Anything, Handling::AsText),
    }
}

fn text(line: &dyn Line, place: usize) -> Result<String, SystemError> {
    match line.at(place)?.kept()? {
        Sql::Text(text) => Ok(text),
        _ => Ok(String::new()),
    }
}
