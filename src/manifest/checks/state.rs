//! Where the state is: a bucket or a database that can be named, over a way on which nobody reads along.

use jiff::SignedDuration;

use super::{Context, Diagnostic, Origin, secrets};
use crate::manifest::kinds::{PostgresState, StateLocation, StateSpec};
use crate::manifest::quantity;

/// Whoever wants to forget sooner has no history to explain anything with.
const LEAST_RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let Some(workspace) = &context.loaded.workspace else { return };
    let Some(state) = &workspace.spec.state else { return };
    keeping(context, &workspace.origin, state, problems);
    let locations = state.locations();
    if locations.len() > 1 {
        let hint = "leave one of `path`, `s3`, `gcs`, `azure` and `postgres`; `headcount state migrate` copies a state from one to another";
        problems.push(context.at(&workspace.origin, "/spec/state", Diagnostic::error("the state has more than one place").hint(hint)));
    }
    locations.iter().for_each(|location| place(context, &workspace.origin, location, problems));
}

/// How it is kept.
fn keeping(context: &Context<'_>, origin: &Origin, state: &StateSpec, problems: &mut Vec<Diagnostic>) {
    if let Some(encryption) = &state.encryption {
        secrets::reference(context, origin, "/spec/state/encryption/secret", &encryption.secret, problems);
    }
    let mut wrong = |field: &str, message: String, hint: &str| {
        problems.push(context.at(origin, &format!("/spec/state/{field}"), Diagnostic::error(message).hint(hint.to_owned())));
    };
    if let Some(retention) = &state.retention {
        match quantity::duration(retention) {
            Err(why) => wrong("retention", format!("`{retention}` is no length of time: {why}"), "write days: `400d`"),
            Ok(length) if length < LEAST_RETENTION => {
                wrong("retention", "the journal has to be kept for 30 days at least".to_owned(), "write `30d` or more");
            }
            Ok(_) => {}
        }
    }
    for (field, path) in [("archive", &state.archive), ("anchor", &state.anchor)] {
        if path.as_ref().is_some_and(|path| path.trim().is_empty() || path.contains("://")) {
            wrong(field, format!("`{field}` is no path"), "write a path of this machine, relative to this file");
        }
    }
}

fn place(context: &Context<'_>, origin: &Origin, state: &StateLocation, problems: &mut Vec<Diagnostic>) {
    let mut wrong = |pointer: &str, message: String, hint: &str| {
        problems.push(context.at(origin, &format!("/spec/state/{pointer}"), Diagnostic::error(message).hint(hint.to_owned())));
    };
    let (word, names) = match state {
        StateLocation::Path(path) if path.trim().is_empty() => {
            return wrong("path", "the state's path is empty".to_owned(), "write a file: `.headcount/state.db`, or leave `state` out");
        }
        StateLocation::Path(path) if path.contains("://") => {
            let hint = "a path is a file of this machine; for a bucket write `state: {s3: {bucket: …}}`, `gcs` or `azure`, for a database `postgres: {url: …}`";
            return wrong("path", format!("`{path}` is no file"), hint);
        }
        StateLocation::Path(_) => return,
        StateLocation::Postgres(postgres) => return database(context, origin, postgres, problems),
        StateLocation::S3(s3) => ("s3", vec![("bucket", &s3.bucket)]),
        StateLocation::Gcs(gcs) => ("gcs", vec![("bucket", &gcs.bucket)]),
        StateLocation::Azure(azure) => ("azure", vec![("account", &azure.account), ("container", &azure.container)]),
    };
    for (field, name) in names {
        if name.is_empty() || name.contains(|sign: char| sign == '/' || sign == ':' || sign.is_whitespace()) {
            wrong(
                &format!("{word}/{field}"),
                format!("`{name}` is no name of a {field}"),
                "write the bare name; what comes before our objects is `prefix`",
            );
        }
    }
    if let Some(prefix) = state.prefix()
        && prefix.split('/').any(|part| part == "..")
    {
        wrong(&format!("{word}/prefix"), format!("`{prefix}` leads out of itself"), "write what our objects' names begin with: `acme/`");
    }
    if let StateLocation::S3(s3) = state
        && let Some(endpoint) = &s3.endpoint
    {
        let parsed = url::Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        match parsed {
            None => {
                wrong("s3/endpoint", "this is no address of a service".to_owned(), "write it with its scheme: `https://minio.example:9000`")
            }
            Some(url) if !url.username().is_empty() || url.password().is_some() || url.query().is_some() => {
                let problem = Diagnostic::error("the address holds a secret").conceal();
                let hint = "take it out, change it, and hand it over as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
                problems.push(context.at(origin, "/spec/state/s3/endpoint", problem.hint(hint)));
            }
            Some(_) if s3.goes_openly() => {
                let hint = "use https; where the way is safe, say `allowPlainHttp: true`";
                wrong(
                    "s3/endpoint",
                    "what headcount knows of people would go over plain http, where anybody on the way reads it".to_owned(),
                    hint,
                );
            }
            Some(_) => {}
        }
    }
}

/// Longest name that PostgreSQL keeps as it is written.
const MAX_NAME: usize = 63;

fn database(context: &Context<'_>, origin: &Origin, state: &PostgresState, problems: &mut Vec<Diagnostic>) {
    let place = |field: &str| format!("/spec/state/postgres/{field}");
    let mut wrong =
        |field: &str, problem: Diagnostic, hint: &str| problems.push(context.at(origin, &place(field), problem.hint(hint.to_owned())));
    let form = "write server, user and database: `postgres://headcount@db.acme.example/headcount`";
    match state.address() {
        None => wrong("url", Diagnostic::error("this is no address of a PostgreSQL server"), form),
        Some(url) if url.password().is_some() || url.query().is_some_and(|query| query.to_ascii_lowercase().contains("password")) => {
            let hint = "take it out, change it, and say where it is: `password: {env: HEADCOUNT_STATE_PASSWORD}`";
            wrong("url", Diagnostic::error("the address holds a password").conceal(), hint);
        }
        Some(url) if url.query().is_some() || url.fragment().is_some() => {
            let hint = "take away what stands behind the database's name: TLS is always asked for and checked (`caFile`, `allowPlaintext`), and a socket is written as the host";
            wrong("url", Diagnostic::error("the address has settings, which are not read"), hint);
        }
        Some(url) if url.username().is_empty() => wrong("url", Diagnostic::error("the address names no user"), form),
        Some(url) if url.path().trim_matches('/').is_empty() || url.path().trim_start_matches('/').contains('/') => {
            wrong("url", Diagnostic::error("the address names no database"), form);
        }
        Some(_) => {}
    }
    let schema = state.schema();
    let plain = schema.chars().all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_');
    let begins = schema.starts_with(|sign: char| sign.is_ascii_lowercase() || sign == '_') && !schema.starts_with("pg_");
    if !plain || !begins || schema.len() > MAX_NAME {
        let hint = "write small letters, digits and `_`, 63 at most and not `pg_` in front: `headcount`";
        wrong("schema", Diagnostic::error(format!("`{schema}` is no name of a schema of ours")), hint);
    }
    if state.allow_plaintext && state.ca_file.is_some() {
        wrong("allowPlaintext", Diagnostic::error("`caFile` and `allowPlaintext` contradict each other"), "leave one of them out");
    }
    if let Some(password) = &state.password {
        secrets::reference(context, origin, &place("password"), password, problems);
    }
}
