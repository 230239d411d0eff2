//! Lists of an inbox: which resources, in which order, and how much of each.
//!
//! Must never: take a filter that is not understood for one that lets everybody through.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::memory::Inbox;
use crate::scim::{PatchPath, ScimQuery, ScimRefusal, ServedKind};

/// What a client asks for.
#[derive(Clone, Debug, Default)]
pub struct SearchAsked {
    /// which
    pub filter: Option<ScimQuery>,
    /// from where on
    pub paging: ListPaging,
    /// at most so many
    pub count: usize,
    /// these attributes alone
    pub only: Vec<PatchPath>,
    /// not these
    pub without: Vec<PatchPath>,
}

/// From where on a list is told.
#[derive(Clone, Copy, Debug)]
pub enum ListPaging {
    /// the first is 1
    Index(usize),
    /// behind the one that came so late
    After(Option<u64>),
}

impl Default for ListPaging {
    fn default() -> Self {
        Self::Index(1)
    }
}

/// One page.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// how many there are in all
    pub total: usize,
    /// those of this page
    pub resources: Vec<Json>,
    /// behind which the next page begins, where there is one
    pub next: Option<u64>,
}

impl SearchAsked {
    fn wants(&self, attribute: &str) -> bool {
        let names = |path: &PatchPath| path.sub.is_none() && path.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(attribute));
        let any = |path: &PatchPath| path.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(attribute));
        !self.without.iter().any(names) && (self.only.is_empty() || self.only.iter().any(any))
    }
}

impl Inbox {
    /// A page of some kinds.
    pub fn search(&self, kinds: &[ServedKind], asked: &SearchAsked, base: &str) -> Result<Listed, ScimRefusal> {
        if let Some(filter) = &asked.filter {
            let fits = kinds.iter().map(|kind| filter.check(*kind)).collect::<Vec<_>>();
            // Of several kinds one that has the attribute is enough.
            if !fits.iter().any(Result::is_ok) {
                fits.into_iter().collect::<Result<(), _>>()?;
            }
        }
        let mut listed = Listed::default();
        let (after, skipped) = match asked.paging {
            ListPaging::Index(first) => (None, first.max(1) - 1),
            ListPaging::After(last) => (last, 0),
        };
        let from = after.map_or(0, |last| last.saturating_add(1));
        let mut found: Vec<(u64, ServedKind, &Arc<str>)> = Vec::new();
        for kind in kinds {
            match &asked.filter {
                // No more than the page needs: of very many it is one of many.
                None => {
                    let of = &self.kind(*kind).listed;
                    listed.total += of.len();
                    let most = skipped.saturating_add(asked.count).saturating_add(1);
                    found.extend(of.range(from..).take(most).map(|(order, id)| (*order, *kind, id)));
                }
                Some(filter) => {
                    let all = self.found(*kind, filter, base);
                    listed.total += all.len();
                    found.extend(all.into_iter().filter(|(order, _)| *order >= from).map(|(order, id)| (order, *kind, id)));
                }
            }
        }
        found.sort_unstable_by_key(|(order, ..)| *order);
        let mut page = found.into_iter().skip(skipped).peekable();
        for (order, kind, id) in page.by_ref().take(asked.count) {
            listed.resources.extend(self.told(kind, id, asked, base));
            listed.next = Some(order);
        }
        if page.peek().is_none() {
            listed.next = None;
        }
        Ok(listed)
    }

    fn found(&self, kind: ServedKind, filter: &ScimQuery, base: &str) -> Vec<(u64, &Arc<str>)> {
        let of = self.kind(kind);
        let order = |id: &Arc<str>| {
            let (id, known) = of.by_id.get_key_value(id).filter(|(_, known)| !known.resource.deleted)?;
            Some((known.resource.order, id))
        };
        let all = SearchAsked::default();
        let holds = |id: &Arc<str>| self.told(kind, id, &all, base).is_some_and(|resource| filter.holds(kind, &resource));
        match filter.equal_to() {
            Some((name, value)) if name.eq_ignore_ascii_case(kind.name()) => {
                return of.named(value).filter(|id| holds(id)).filter_map(order).collect();
            }
            Some((name, value)) if name.eq_ignore_ascii_case("externalId") => {
                return of.called(value).filter(|id| holds(id)).filter_map(order).collect();
            }
            Some((name, value)) if name.eq_ignore_ascii_case("id") => return order(&Arc::from(value)).into_iter().collect(),
            _ => {}
        }
        of.listed.iter().filter(|(_, id)| holds(id)).map(|(order, id)| (*order, id)).collect()
    }

    /// One resource, as much of it as is wanted.
    pub fn told(&self, kind: ServedKind, id: &str, asked: &SearchAsked, base: &str) -> Option<Json> {
        let resource = self.known(kind, id)?;
        let wanted = asked.wants(if kind == ServedKind::Group { "members" } else { "groups" });
        let computed = if wanted { self.computed(kind, id, base) } else { None };
        let told = resource.told(kind, id, base, computed);
        Some(narrowed(told, asked))
    }
}

/// What is told whatever was asked for.
const ALWAYS: [&str; 2] = ["id", "schemas"];

fn narrowed(told: Json, asked: &SearchAsked) -> Json {
    let Json::Object(mut fields) = told else { return told };
    if !asked.only.is_empty() {
        let mut kept = Map::new();
        for name in ALWAYS {
            kept.extend(fields.remove(name).map(|value| (name.to_owned(), value)));
        }
        for path in &asked.only {
            keep(&fields, path, &mut kept);
        }
        return Json::Object(kept);
    }
    for path in &asked.without {
        leave_out(&mut fields, path);
    }
    Json::Object(fields)
}

fn named<'m>(fields: &'m Map<String, Json>, name: &str) -> Option<(&'m String, &'m Json)> {
    fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
}

fn keep(fields: &Map<String, Json>, path: &PatchPath, kept: &mut Map<String, Json>) {
    let (home, into) = match &path.schema {
        None => (fields, kept),
        Some(urn) => {
            let Some((urn, Json::Object(home))) = named(fields, urn) else { return };
            let Json::Object(into) = kept.entry(urn.clone()).or_insert_with(|| Json::Object(Map::new())) else { return };
            (home, into)
        }
    };
    let Some(wanted) = &path.name else { return into.extend(home.clone()) };
    let Some((name, value)) = named(home, wanted) else { return };
    match &path.sub {
        None => drop(into.insert(name.clone(), value.clone())),
        Some(sub) => {
            let part = |value: &Json| {
                let found = value.as_object().and_then(|fields| named(fields, sub));
                Json::Object(found.map(|(name, value)| (name.clone(), value.clone())).into_iter().collect())
            };
            let parts = match value {
                Json::Array(items) => Json::Array(items.iter().map(part).collect()),
                one => part(one),
            };
            match (into.get_mut(name), parts) {
                (Some(Json::Object(known)), Json::Object(parts)) => known.extend(parts),
                (Some(Json::Array(known)), Json::Array(parts)) => {
                    for (known, part) in known.iter_mut().zip(parts) {
                        if let (Json::Object(known), Json::Object(part)) = (known, part) {
                            known.extend(part);
                        }
                    }
                }
                (_, parts) => drop(into.insert(name.clone(), parts)),
            }
        }
    }
}

fn leave_out(fields: &mut Map<String, Json>, path: &PatchPath) {
    let remove = |fields: &mut Map<String, Json>, name: &str| {
        if let Some(known) = fields.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned() {
            fields.remove(&known);
        }
    };
    let Some(name) = &path.name else {
        return path.schema.iter().for_each(|urn| remove(fields, urn));
    };
    if path.schema.is_none() && ALWAYS.iter().any(|always| always.eq_ignore_ascii_case(name)) {
        return;
    }
    let home = match &path.schema {
        None => fields,
        Some(urn) => match fields.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(urn)) {
            Some((_, Json::Object(home))) => home,
            _ => return,
        },
    };
    let Some(sub) = &path.sub else { return remove(home, name) };
    match home.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value) {
        Some(Json::Object(parts)) => remove(parts, sub),
        Some(Json::Array(items)) => items.iter_mut().filter_map(Json::as_object_mut).for_each(|parts| remove(parts, sub)),
        _ => {}
    }
}
