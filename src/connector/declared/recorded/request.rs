//! A request as it came, and how it differs from the one that a case has.
//!
//! Must never: take a request for the one that was meant because it is nearly so.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::http::Url;
use crate::manifest::kinds::connector::Exchange;

/// In a content this text stands for any value, since null is one.
const ANY: &str = "*";
/// Longer values are cut where they are shown.
const SHOWN: usize = 200;

/// A request as it came.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    /// the service's own, not that of whoever plays it
    pub(super) url: Url,
    /// names in lower case
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// Parameters, or fields of a form, by name.
type Pairs = BTreeMap<String, Vec<String>>;

impl Asked {
    /// `GET https://acme.example/users?limit=200`
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.url)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// How a request differs from the one that an exchange has; nothing where it is that one.
pub(super) fn differences(exchange: &Exchange, base: &Url, asked: &Asked) -> Vec<String> {
    let Some((verb, path)) = exchange.verbs().first().copied() else { return vec!["it has no verb".into()] };
    let whole = if path.starts_with('/') { format!("{}{path}", base.as_str().trim_end_matches('/')) } else { path.to_owned() };
    let Ok(url) = Url::parse(&whole) else { return vec![format!("{whole} is no URL")] };
    let mut differences = Vec::new();
    let place = |url: &Url| format!("{}{}", crate::http::place(url), url.path());
    if verb != asked.method || place(&url) != place(&asked.url) {
        differences.push(format!("it has {verb} {whole}"));
        return differences;
    }
    let mut query = pairs(url.query().unwrap_or_default().as_bytes());
    let more = wanted(&exchange.query);
    more.iter().for_each(|(name, values)| drop(query.insert(name.clone(), values.clone().unwrap_or_default())));
    let free = |name: &str| more.get(name).is_some_and(Option::is_none);
    compare("query", &query, &pairs(asked.url.query().unwrap_or_default().as_bytes()), free, &mut differences);
    for (name, value) in &exchange.headers {
        match (value, asked.header(name)) {
            (_, None) => differences.push(format!("headers.{name} is not there")),
            (Json::Null, Some(_)) => {}
            (value, Some(found)) if text(value) == found => {}
            (value, Some(found)) => differences.push(format!("headers.{name} is {found:?} and not {:?}", text(value))),
        }
    }
    content(exchange, asked, &mut differences);
    differences
}

fn content(exchange: &Exchange, asked: &Asked, differences: &mut Vec<String>) {
    if !exchange.form.is_empty() {
        let fields = wanted(&exchange.form);
        let free = |name: &str| fields.get(name).is_some_and(Option::is_none);
        let known = fields.iter().map(|(name, values)| (name.clone(), values.clone().unwrap_or_default())).collect();
        return compare("form", &known, &pairs(&asked.body), free, differences);
    }
    if asked.body.is_empty() {
        differences.extend(exchange.body.as_ref().map(|_| "it has no content".to_owned()));
        return;
    }
    let Ok(found) = serde_json::from_slice::<Json>(&asked.body) else {
        return differences.push(format!("its content is {}", shown(&String::from_utf8_lossy(&asked.body))));
    };
    match &exchange.body {
        Some(wanted) => json("body", wanted, &found, differences),
        None => differences.push(format!("its content is {}, and the case has no `body`", shown(&found.to_string()))),
    }
}

fn compare(what: &str, wanted: &Pairs, found: &Pairs, free: impl Fn(&str) -> bool, differences: &mut Vec<String>) {
    for (name, values) in wanted {
        match found.get(name) {
            None => differences.push(format!("{what}.{name} is not there")),
            Some(_) if free(name) => {}
            Some(came) if came == values => {}
            Some(came) => differences.push(format!("{what}.{name} is {:?} and not {:?}", came.join(", "), values.join(", "))),
        }
    }
    for (name, came) in found.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
        differences.push(format!("{what}.{name} is {:?}, and the case has none", came.join(", ")));
    }
}

/// Where two values differ, the deepest place first.
fn json(place: &str, wanted: &Json, found: &Json, differences: &mut Vec<String>) {
    match (wanted, found) {
        (Json::Object(wanted), Json::Object(found)) => {
            for (name, value) in wanted {
                match found.get(name) {
                    Some(came) => json(&format!("{place}.{name}"), value, came, differences),
                    None => differences.push(format!("{place}.{name} is not there")),
                }
            }
            let more = found.iter().filter(|(name, _)| !wanted.contains_key(*name));
            differences.extend(more.map(|(name, value)| format!("{place}.{name} is {}, and the case has none", shown(&value.to_string()))));
        }
        (Json::Array(wanted), Json::Array(found)) if wanted.len() == found.len() => {
            let both = wanted.iter().zip(found).enumerate();
            both.for_each(|(at, (wanted, found))| json(&format!("{place}[{at}]"), wanted, found, differences));
        }
        (wanted, found) if wanted == found || wanted == ANY => {}
        (wanted, found) => differences.push(format!("{place} is {} and not {}", shown(&found.to_string()), shown(&wanted.to_string()))),
    }
}

fn pairs(text: &[u8]) -> Pairs {
    let mut pairs = Pairs::new();
    url::form_urlencoded::parse(text).into_owned().for_each(|(name, value)| pairs.entry(name).or_default().push(value));
    pairs
}

/// What the case has: nothing where any text will do.
fn wanted(fields: &BTreeMap<String, Json>) -> BTreeMap<String, Option<Vec<String>>> {
    let values = |value: &Json| match value {
        Json::Null => None,
        Json::Array(items) => Some(items.iter().map(text).collect()),
        value => Some(vec![text(value)]),
    };
    fields.iter().map(|(name, value)| (name.clone(), values(value))).collect()
}

/// A scalar as it is sent.
pub(super) fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
