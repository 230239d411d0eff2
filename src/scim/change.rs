//! PATCH as clients write it (RFC 7644 section 3.5.2), done to a resource: operations in any case, with paths or as maps of them, lists of values to remove.
//!
//! All operations count or none. Must never: answer that something was done which was not, or take away more than was named.

use serde_json::{Map, Value as Json};

use super::query::ScimQuery;
use super::served::{self, ScimShape, canonical_urn, coerced, is_password, is_urn, part};
use super::{ENTERPRISE, GROUP, ScimRefusal, ServedKind, USER};

/// More operations nobody sends at once.
const MOST: usize = 10_000;

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchStep {
    what: StepKind,
    path: Option<PatchPath>,
    value: Option<Json>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StepKind {
    Add,
    Replace,
    Remove,
}

/// What an operation or a filter names.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchPath {
    /// the URN of an extension
    pub schema: Option<String>,
    /// the attribute; none where all of an extension is meant
    pub name: Option<String>,
    /// which of its values
    pub filter: Option<Box<ScimQuery>>,
    /// which part of it
    pub sub: Option<String>,
}

impl PatchPath {
    /// Reads `[URN:]attribute[filter].part`.
    pub fn read(text: &str) -> Result<Self, ScimRefusal> {
        let text = text.trim();
        let wrong = || ScimRefusal::path(format!("{text:?} is no path"));
        let (before, filter, after) = match text.split_once('[') {
            None => (text, None, ""),
            Some((before, rest)) => {
                let end = rest.rfind(']').ok_or_else(wrong)?;
                let filter = ScimQuery::read(&rest[..end]).map_err(|refusal| ScimRefusal::path(refusal.detail))?;
                (before, Some(Box::new(filter)), &rest[end + 1..])
            }
        };
        let (schema, rest) = schema_of(before);
        if rest.is_empty() && filter.is_none() && after.is_empty() && schema.is_some() {
            return Ok(Self { schema: schema.filter(|urn| !is_core(urn)).map(str::to_owned), name: None, filter: None, sub: None });
        }
        let (name, sub) = match (rest.split_once('.'), after.strip_prefix('.')) {
            (Some((name, sub)), None) if after.is_empty() && filter.is_none() => (name, Some(sub)),
            (None, Some(sub)) => (rest, Some(sub)),
            (None, None) if after.is_empty() => (rest, None),
            _ => return Err(wrong()),
        };
        let plain = |text: &str| !text.is_empty() && text.chars().all(|sign| sign.is_alphanumeric() || matches!(sign, '$' | '-' | '_'));
        if !plain(name) || sub.is_some_and(|sub| !plain(sub)) {
            return Err(wrong());
        }
        let schema = schema.filter(|urn| !is_core(urn)).map(|urn| canonical_urn(urn).to_owned());
        Ok(Self { schema, name: Some(name.to_owned()), filter, sub: sub.map(str::to_owned) })
    }
}

/// Whether it begins with the URN of a schema that is known here.
fn is_declared(name: &str) -> bool {
    [ENTERPRISE, USER, GROUP].iter().any(|known| name.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known)))
}

fn is_core(urn: &str) -> bool {
    [USER, GROUP].iter().any(|core| core.eq_ignore_ascii_case(urn))
}

/// The schema that a path begins with, and what comes behind it.
fn schema_of(text: &str) -> (Option<&str>, &str) {
    if !is_urn(text) {
        return (None, text);
    }
    for known in [ENTERPRISE, USER, GROUP] {
        if let Some(rest) = text.get(..known.len()).filter(|start| start.eq_ignore_ascii_case(known)).map(|start| &text[start.len()..]) {
            match rest.strip_prefix(':') {
                Some(rest) => return (Some(&text[..known.len()]), rest),
                None if rest.is_empty() => return (Some(text), ""),
                None => {}
            }
        }
    }
    text.rsplit_once(':').map_or((None, text), |(urn, rest)| (Some(urn), rest))
}

/// Reads the body of a PATCH.
pub fn steps(body: &Json) -> Result<Vec<PatchStep>, ScimRefusal> {
    let field = |of: &Json, name: &str| super::path::field(of, name).cloned();
    let operations = match field(body, "Operations") {
        Some(Json::Array(operations)) => operations,
        _ => return Err(ScimRefusal::syntax("there are no Operations")),
    };
    if operations.is_empty() || operations.len() > MOST {
        return Err(ScimRefusal::syntax(format!("Operations are between 1 and {MOST}")));
    }
    let step = |operation: &Json| {
        let word = field(operation, "op").and_then(|word| word.as_str().map(str::to_ascii_lowercase)).unwrap_or_default();
        let what = match word.as_str() {
            "add" => StepKind::Add,
            "replace" => StepKind::Replace,
            "remove" => StepKind::Remove,
            other => return Err(ScimRefusal::syntax(format!("{other:?} is no operation"))),
        };
        let path = match field(operation, "path") {
            Some(Json::String(path)) if !path.trim().is_empty() => Some(PatchPath::read(&path)?),
            None | Some(Json::Null | Json::String(_)) => None,
            Some(_) => return Err(ScimRefusal::path("the path is no text")),
        };
        Ok(PatchStep { what, path, value: field(operation, "value") })
    };
    operations.iter().map(step).collect()
}

/// Does them to a resource: all or none.
pub fn changed(kind: ServedKind, resource: &Map<String, Json>, steps: &[PatchStep]) -> Result<Map<String, Json>, ScimRefusal> {
    let mut changed = resource.clone();
    steps.iter().try_for_each(|step| take(kind, &mut changed, step))?;
    changed.retain(|_, value| !is_nothing(value));
    served::complete(kind, &changed)?;
    Ok(changed)
}

fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn take(kind: ServedKind, resource: &mut Map<String, Json>, step: &PatchStep) -> Result<(), ScimRefusal> {
    let Some(path) = &step.path else {
        if step.what == StepKind::Remove {
            return Err(ScimRefusal::target("a remove names a path"));
        }
        let Some(Json::Object(fields)) = &step.value else {
            return Err(ScimRefusal::value("without a path the value is a JSON object"));
        };
        return fields.iter().try_for_each(|(name, value)| entry(kind, resource, (name, value), step.what));
    };
    at(kind, resource, path, step.what, step.value.as_ref())
}

/// One field of a map without a path: its name may be a path of its own.
fn entry(kind: ServedKind, resource: &mut Map<String, Json>, (name, value): (&str, &Json), what: StepKind) -> Result<(), ScimRefusal> {
    // An extension that nobody declared comes by its URN.
    if is_urn(name) && value.is_object() && !is_declared(name) {
        return whole(kind, resource, Some(name), what, Some(value));
    }
    let path = PatchPath::read(name)?;
    // What only the server says comes along with the rest, and means nothing.
    let shape = kind.shape(path.schema.as_deref(), path.name.as_deref().unwrap_or_default());
    if shape.is_some_and(|shape| shape.read_only) {
        return Ok(());
    }
    at(kind, resource, &path, what, Some(value))
}

fn at(
    kind: ServedKind,
    resource: &mut Map<String, Json>,
    path: &PatchPath,
    what: StepKind,
    value: Option<&Json>,
) -> Result<(), ScimRefusal> {
    let Some(name) = &path.name else { return whole(kind, resource, path.schema.as_deref(), what, value) };
    let shape = kind.shape(path.schema.as_deref(), name);
    if is_password(name) {
        return Ok(());
    }
    if shape.is_some_and(|shape| shape.read_only) {
        return if name.eq_ignore_ascii_case("schemas") { Ok(()) } else { Err(ScimRefusal::mutability(format!("{name} can't be set"))) };
    }
    if what != StepKind::Remove && value.is_none() {
        return Err(ScimRefusal::value(format!("there is no value for {name}")));
    }
    let mut home = match &path.schema {
        None => std::mem::take(resource),
        Some(urn) => match take_field(resource, urn) {
            Some(Json::Object(fields)) => fields,
            _ => Map::new(),
        },
    };
    let name = known_name(&home, shape, name);
    let place = Place { shape, name: &name, filter: path.filter.as_deref(), sub: path.sub.as_deref() };
    let done = place.take(&mut home, what, value);
    home.retain(|_, value| !is_nothing(value));
    match &path.schema {
        None => *resource = home,
        Some(urn) if !home.is_empty() => drop(resource.insert(urn.clone(), Json::Object(home))),
        Some(_) => {}
    }
    done
}

/// All of an extension, or the resource by its own URN.
fn whole(
    kind: ServedKind,
    resource: &mut Map<String, Json>,
    schema: Option<&str>,
    what: StepKind,
    value: Option<&Json>,
) -> Result<(), ScimRefusal> {
    let prefix = schema.map(|urn| format!("{}:", canonical_urn(urn))).unwrap_or_default();
    match (what, value) {
        (StepKind::Remove, _) if schema.is_some() => {
            schema.and_then(|urn| take_field(resource, urn));
            Ok(())
        }
        (StepKind::Remove, _) => Err(ScimRefusal::target("a remove names an attribute")),
        (_, Some(Json::Object(fields))) => {
            fields.iter().try_for_each(|(name, value)| entry(kind, resource, (&format!("{prefix}{name}"), value), what))
        }
        _ => Err(ScimRefusal::value("the value is no JSON object")),
    }
}

fn take_field(of: &mut Map<String, Json>, name: &str) -> Option<Json> {
    let known = of.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned()?;
    of.remove(&known)
}

fn known_name(home: &Map<String, Json>, shape: Option<&ScimShape>, name: &str) -> String {
    let declared = shape.map(|shape| shape.name.to_owned());
    let there = || home.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned();
    declared.or_else(there).unwrap_or_else(|| name.to_owned())
}

struct Place<'p> {
    shape: Option<&'static ScimShape>,
    name: &'p str,
    filter: Option<&'p ScimQuery>,
    sub: Option<&'p str>,
}

impl Place<'_> {
    fn is_many(&self, home: &Map<String, Json>) -> bool {
        self.shape.map_or_else(|| matches!(home.get(self.name), Some(Json::Array(_))), |shape| shape.many)
    }

    fn take(&self, home: &mut Map<String, Json>, what: StepKind, value: Option<&Json>) -> Result<(), ScimRefusal> {
        match (self.filter, self.sub, what) {
            (Some(filter), ..) => self.filtered(home, filter, what, value),
            (None, None, StepKind::Remove) => {
                self.remove(home, value);
                Ok(())
            }
            (None, None, _) => self.set(home, what, value.unwrap_or(&Json::Null)),
            (None, Some(sub), _) => self.part(home, sub, what, value),
        }
    }

    fn remove(&self, home: &mut Map<String, Json>, value: Option<&Json>) {
        let listed: Vec<&Json> = match value {
            None | Some(Json::Null) => return drop(home.remove(self.name)),
            Some(Json::Array(items)) => items.iter().collect(),
            Some(one) => vec![one],
        };
        let Some(Json::Array(items)) = home.get_mut(self.name) else {
            if !self.is_many(home) {
                home.remove(self.name);
            }
            return;
        };
        items.retain(|item| !listed.iter().any(|named| is_named(item, named)));
    }

    fn set(&self, home: &mut Map<String, Json>, what: StepKind, value: &Json) -> Result<(), ScimRefusal> {
        let Some(value) = coerced(self.shape, self.name, value)? else {
            // Nothing added is nothing done; nothing in the place of something is nothing.
            if what == StepKind::Replace || value.is_null() {
                home.remove(self.name);
            }
            return Ok(());
        };
        match (value, home.get_mut(self.name)) {
            (Json::Array(new), Some(Json::Array(known))) if what == StepKind::Add => add(known, new),
            (Json::Object(new), Some(Json::Object(known))) if !self.shape.is_some_and(|shape| shape.many) => known.extend(new),
            (Json::Array(new), _) => {
                let mut kept = Vec::with_capacity(new.len());
                add(&mut kept, new);
                home.insert(self.name.to_owned(), Json::Array(kept));
            }
            (value, _) => drop(home.insert(self.name.to_owned(), value)),
        }
        Ok(())
    }

    fn part(&self, home: &mut Map<String, Json>, sub: &str, what: StepKind, value: Option<&Json>) -> Result<(), ScimRefusal> {
        if what == StepKind::Remove && !home.contains_key(self.name) {
            return Ok(());
        }
        let many = self.is_many(home);
        let found = home.entry(self.name.to_owned()).or_insert_with(|| if many { Json::Array(Vec::new()) } else { Json::Null });
        match found {
            Json::Array(items) => {
                if items.is_empty() {
                    items.push(Json::Object(Map::new()));
                }
                items.iter_mut().try_for_each(|item| self.put_part(item, sub, what, value))?;
                items.retain(|item| !is_nothing(item));
                Ok(())
            }
            one => self.put_part(one, sub, what, value),
        }
    }

    fn put_part(&self, item: &mut Json, sub: &str, what: StepKind, value: Option<&Json>) -> Result<(), ScimRefusal> {
        if !item.is_object() {
            let alone = std::mem::take(item);
            *item = Json::Object(if alone.is_null() { Map::new() } else { Map::from_iter([("value".to_owned(), alone)]) });
        }
        let Json::Object(fields) = item else { return Ok(()) };
        let shape = part(self.shape, sub);
        let name = known_name(fields, shape, sub);
        let value = match (what, value) {
            (StepKind::Remove, _) | (_, None) => None,
            (_, Some(value)) => coerced(shape, &name, value)?,
        };
        match value {
            Some(value) => drop(fields.insert(name, value)),
            None => drop(fields.remove(&name)),
        }
        Ok(())
    }

    fn filtered(&self, home: &mut Map<String, Json>, filter: &ScimQuery, what: StepKind, value: Option<&Json>) -> Result<(), ScimRefusal> {
        let mut items = match home.remove(self.name) {
            Some(Json::Array(items)) => items,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        let matching: Vec<usize> =
            items.iter().enumerate().filter(|(_, item)| filter.holds_within(self.shape, item)).map(|(at, _)| at).collect();
        let done = match (what, self.sub) {
            (StepKind::Remove, None) => {
                let mut at = 0..;
                items.retain(|_| at.next().is_none_or(|at| matching.binary_search(&at).is_err()));
                Ok(())
            }
            (StepKind::Remove, Some(sub)) => each(&mut items, &matching, |item| self.put_part(item, sub, what, None)),
            _ => self.put_filtered(&mut items, matching, filter, what, value.unwrap_or(&Json::Null)),
        };
        items.retain(|item| !is_nothing(item));
        if !items.is_empty() {
            home.insert(self.name.to_owned(), Json::Array(items));
        }
        done
    }

    /// Where no value is as it is named one is made that is: both clients count on it.
    fn put_filtered(
        &self,
        items: &mut Vec<Json>,
        mut matching: Vec<usize>,
        filter: &ScimQuery,
        what: StepKind,
        value: &Json,
    ) -> Result<(), ScimRefusal> {
        if matching.is_empty() {
            if value.is_null() {
                return Ok(());
            }
            let made = filter.equalities().ok_or_else(|| ScimRefusal::target(format!("no value of {} is so", self.name)))?;
            let mut fresh = Json::Object(Map::new());
            for (name, value) in made {
                self.put_part(&mut fresh, name, StepKind::Add, Some(value))?;
            }
            matching.push(items.len());
            items.push(fresh);
        }
        match (self.sub, value) {
            (Some(sub), value) => {
                each(items, &matching, |item| self.put_part(item, sub, what, Some(value)))?;
                if sub.eq_ignore_ascii_case("primary") {
                    only_primary(items, &matching);
                }
                Ok(())
            }
            (None, Json::Null) => each(items, &matching, |item| {
                *item = Json::Null;
                Ok(())
            }),
            (None, value) => {
                let value = match coerced(self.shape, self.name, value)? {
                    Some(Json::Array(mut values)) if values.len() == 1 => values.remove(0),
                    Some(Json::Array(_)) | None => return Err(ScimRefusal::value("one value is set at a time")),
                    Some(one) => one,
                };
                each(items, &matching, |item| {
                    match (item, &value) {
                        (Json::Object(known), Json::Object(new)) if what == StepKind::Add => known.extend(new.clone()),
                        (item, value) => *item = value.clone(),
                    }
                    Ok(())
                })?;
                only_primary(items, &matching);
                Ok(())
            }
        }
    }
}

fn each(items: &mut [Json], which: &[usize], mut does: impl FnMut(&mut Json) -> Result<(), ScimRefusal>) -> Result<(), ScimRefusal> {
    which.iter().try_for_each(|at| items.get_mut(*at).map_or(Ok(()), &mut does))
}

/// Whether a value is the one that a list names: by its `value`, else as a whole.
fn is_named(item: &Json, named: &Json) -> bool {
    match (item.get("value"), super::path::field(named, "value")) {
        (Some(one), Some(other)) => one == other,
        (Some(one), None) => one == named,
        _ => item == named,
    }
}

/// Adds values that are not there. Those of a group count by whom they name.
fn add(known: &mut Vec<Json>, new: Vec<Json>) {
    let mut seen: std::collections::HashSet<String> = known.iter().map(Json::to_string).collect();
    for value in new {
        if seen.insert(value.to_string()) {
            let primary = is_primary(&value);
            known.push(value);
            if primary {
                let last = known.len() - 1;
                only_primary(known, &[last]);
                seen = known.iter().map(Json::to_string).collect();
            }
        }
    }
}

fn is_primary(value: &Json) -> bool {
    value.get("primary") == Some(&Json::Bool(true))
}

/// There is one primary value (RFC 7643 section 2.4): the one that was set last.
fn only_primary(items: &mut [Json], set: &[usize]) {
    let Some(primary) = set.iter().rev().find(|at| items.get(**at).is_some_and(is_primary)).copied() else { return };
    for (_, item) in items.iter_mut().enumerate().filter(|(at, item)| *at != primary && is_primary(item)) {
        item["primary"] = Json::Bool(false);
    }
}
