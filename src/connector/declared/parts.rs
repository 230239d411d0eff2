//! Of what parts records are put together, and what of a record is not known: a field that is hidden, a part that was not answered.
//!
//! Must never: take a field that somebody may not see for one that is empty.

use std::sync::Arc;

use serde_json::Value as Json;

use super::changes::Changes;
use super::definition::Request;
use super::scope::Scope;
use crate::expr::{Expression, segments_of_path};
use crate::manifest::kinds::connector::Then;

/// How the records of a list are put together.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    pub(super) each: Option<Each>,
    pub(super) then: Option<Then>,
    /// several by their ids, and how many at most
    pub(super) batch: Option<(Request, usize)>,
    pub(super) joins: Vec<(Box<str>, Join)>,
    pub(super) redacted: Option<Expression>,
    pub(super) changes: Option<Changes>,
}

/// What a list is asked for once for each of.
#[derive(Clone, Debug)]
pub(super) enum Each {
    Of(Box<Request>),
    Values(Expression),
}

/// What another list has of a record.
#[derive(Clone, Debug)]
pub(super) struct Join {
    pub(super) rows: JoinRows,
    pub(super) id: Option<Expression>,
    pub(super) matching: Option<Expression>,
    pub(super) many: bool,
}

/// Where the rows of a join come from.
#[derive(Clone, Debug)]
pub(super) enum JoinRows {
    /// all of everybody, and whose each is
    List(Request, Expression),
    /// those of one record
    Of(Request),
}

impl Parts {
    /// All its requests.
    pub(super) fn requests(&self) -> impl Iterator<Item = &Request> {
        let each = self.each.iter().filter_map(|each| match each {
            Each::Of(request) => Some(&**request),
            Each::Values(_) => None,
        });
        let joins = self.joins.iter().map(|(_, join)| match &join.rows {
            JoinRows::List(request, _) | JoinRows::Of(request) => request,
        });
        each.chain(joins).chain(self.batch.iter().map(|(request, _)| request)).chain(self.changes.iter().map(Changes::request))
    }

    /// Whether something is asked for by the ids that the list gave.
    pub(super) fn asks_by_id(&self) -> bool {
        self.then.is_some() || self.joins.iter().any(|(_, join)| matches!(join.rows, JoinRows::Of(_)))
    }

    /// The fields of a record that are hidden.
    pub(super) fn redacted(&self, scope: &Scope<'_>) -> Vec<Hidden> {
        let Some(redacted) = &self.redacted else { return Vec::new() };
        match scope.value(redacted) {
            Ok(None) => Vec::new(),
            Ok(Some(Json::Array(names))) => {
                names.iter().filter_map(Json::as_str).map(|name| Hidden::at(name, "it is hidden for want of a right")).collect()
            }
            // Whoever can't tell what is hidden knows nothing.
            Ok(Some(_)) | Err(_) => vec![Hidden::at("", "what is hidden can't be told")],
        }
    }
}

/// Fields of a record that are not known, at a path and below; of the empty path all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hidden {
    path: Vec<Box<str>>,
    why: Arc<str>,
}

impl Hidden {
    /// At a path below the record.
    pub(super) fn at(path: &str, why: &str) -> Self {
        Self { path: if path.is_empty() { Vec::new() } else { below(path) }, why: why.into() }
    }

    /// Why one of these paths is not known.
    pub(super) fn of<'h>(hidden: &'h [Self], paths: &[Vec<Box<str>>]) -> Option<&'h str> {
        let covers = |hidden: &&Self| paths.iter().any(|path| path.iter().zip(&hidden.path).all(|(one, other)| one == other));
        hidden.iter().find(covers).map(|hidden| &*hidden.why)
    }
}

/// The segments of a path below a record.
pub(super) fn below(path: &str) -> Vec<Box<str>> {
    segments_of_path(path).iter().map(|segment| Box::from(segment.as_ref())).collect()
}

/// The paths below the record that an expression reads.
pub(super) fn read_by(expression: &Expression) -> Vec<Vec<Box<str>>> {
    let own = |path: &Arc<str>| {
        let mut segments = below(path);
        (segments.first().is_some_and(|first| &**first == "record")).then(|| segments.split_off(1))
    };
    expression.reads().iter().filter_map(own).collect()
}

/// Fields that somebody at least has. Until somebody is seen with one, it is not known of those without it.
#[derive(Debug)]
pub(super) struct Required<'r> {
    fields: &'r [Expression],
    met: Vec<bool>,
}

impl<'r> Required<'r> {
    pub(super) fn new(fields: &'r [Expression]) -> Self {
        Self { fields, met: vec![false; fields.len()] }
    }

    /// Looks at records, before any of them is taken.
    pub(super) fn see(&mut self, scope: &Scope<'_>, records: &[&Json]) {
        for (met, field) in self.met.iter_mut().zip(self.fields) {
            *met = *met || records.iter().any(|record| scope.with("record", record).is_there(field));
        }
    }

    /// What of a record is not known.
    pub(super) fn hidden(&self, scope: &Scope<'_>, record: &Json) -> Vec<Hidden> {
        if self.met.iter().all(|met| *met) {
            return Vec::new();
        }
        let lacking = self.fields.iter().zip(&self.met).filter(|(_, met)| !**met).map(|(field, _)| field);
        let lacking = lacking.filter(|field| !scope.with("record", record).is_there(field));
        let why: Arc<str> = "nobody so far has it, so a right to read it may be missing".into();
        lacking.flat_map(read_by).map(|path| Hidden { path, why: why.clone() }).collect()
    }

    /// One that nobody has.
    pub(super) fn lacking(&self) -> Option<&'r Expression> {
        self.fields.iter().zip(&self.met).find(|(_, met)| !**met).map(|(field, _)| field)
    }
}
