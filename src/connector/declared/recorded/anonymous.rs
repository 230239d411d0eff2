//! Puts made-up words in the place of everything that a system said of people and of itself, the same for the same.
//!
//! What stays: what the Connector document itself names (a status that its expressions compare with), truth values, numbers beside the records, the names of fields.
//! Must never: keep a text because it looks harmless.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use crate::http::Url;
use crate::manifest::kinds::connector::ConnectorSpec;

/// Words by what stands for them.
pub(super) struct Anonymous {
    words: BTreeMap<String, String>,
    /// what the document names
    keep: BTreeSet<String>,
    /// values of the installation, and the document's examples of them
    installation: Vec<(String, String)>,
}

impl Anonymous {
    pub(super) fn new(spec: &ConnectorSpec, config: &BTreeMap<String, String>) -> Self {
        let mut keep = BTreeSet::new();
        literals(&serde_json::to_value(spec).unwrap_or_default(), &mut keep);
        let example = |(name, value): (&String, &String)| {
            let rules = spec.config.get(name)?;
            Some((value.clone(), rules.example.clone().or(rules.default.clone())?))
        };
        let installation = config.iter().filter_map(example).filter(|(value, _)| !value.is_empty()).collect();
        Self { words: BTreeMap::new(), keep, installation }
    }

    /// A content with other words.
    pub(super) fn content(&mut self, value: &Json) -> Json {
        self.part(value, false)
    }

    /// A part of it; what stands in a list is a record.
    fn part(&mut self, value: &Json, of_record: bool) -> Json {
        match value {
            Json::String(text) => Json::from(self.text(text)),
            Json::Array(items) => Json::Array(items.iter().map(|item| self.part(item, true)).collect()),
            Json::Object(fields) => {
                Json::Object(fields.iter().map(|(name, value)| (name.clone(), self.part(value, of_record))).collect::<Map<_, _>>())
            }
            Json::Number(number) => self.number(number, of_record),
            other => other.clone(),
        }
    }

    /// A text; an address with other parameters.
    pub(super) fn text(&mut self, text: &str) -> String {
        if text.is_empty() || self.keep.contains(text) || (text.len() < 6 && text.bytes().all(|byte| byte.is_ascii_digit())) {
            return text.to_owned();
        }
        if let Some((_, example)) = self.installation.iter().find(|(value, _)| value == text) {
            return example.clone();
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return self.address(text);
        }
        self.word(text)
    }

    fn word(&mut self, text: &str) -> String {
        if let Some(known) = self.words.get(text) {
            return known.clone();
        }
        let new = shaped(text, self.words.len() + 1);
        self.words.insert(text.to_owned(), new.clone());
        new
    }

    /// An address: the installation's host, and what stands in its path and parameters.
    pub(super) fn address(&mut self, text: &str) -> String {
        let Ok(mut url) = Url::parse(text) else { return "https://example.com/".into() };
        let host = self.installed(url.host_str().unwrap_or_default());
        // A host of the document's own stays; any other one is somebody's.
        let place = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let known =
            self.keep.contains(&host) || self.keep.contains(&place) || self.installation.iter().any(|(_, example)| *example == host);
        let _ = url.set_host(Some(if known { &host } else { "example.com" }));
        let path: Vec<String> = url.path().split('/').map(|part| self.segment(part)).collect();
        url.set_path(&path.join("/"));
        let pairs: Vec<(String, String)> = url.query_pairs().map(|(name, value)| (name.into_owned(), self.text(&value))).collect();
        url.set_query(None);
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        url.to_string()
    }

    /// A header that points at pages: each address in it.
    pub(super) fn links(&mut self, text: &str) -> String {
        let mut out = String::new();
        for (at, piece) in text.split('<').enumerate() {
            match (at, piece.split_once('>')) {
                (0, _) => out.push_str(piece),
                (_, Some((address, rest))) => out.push_str(&format!("<{}>{rest}", self.address(address))),
                (_, None) => {}
            }
        }
        out
    }

    /// A part of a path: one that stood for somebody is known from the contents or looks like an id; the others are the document's.
    fn segment(&mut self, part: &str) -> String {
        let known = self.words.get(part).cloned();
        let named = self.keep.iter().any(|leaf| leaf.split('/').any(|piece| piece == part));
        match known {
            Some(known) => known,
            None if part.is_empty() || named => part.to_owned(),
            None => self.text(part),
        }
    }

    fn installed(&self, host: &str) -> String {
        let found = self.installation.iter().find(|(value, _)| value == host);
        found.map_or_else(|| host.to_owned(), |(_, example)| example.clone())
    }

    /// Beside records a number counts them; in one it may be a salary.
    fn number(&mut self, number: &serde_json::Number, of_record: bool) -> Json {
        match number.as_i64() {
            Some(plain) if (0..=1).contains(&plain) || (!of_record && (-1..1_000_000).contains(&plain)) => Json::from(plain),
            Some(other) => self.word(&other.to_string()).parse::<i64>().map_or(Json::from(2), Json::from),
            None => Json::from(1),
        }
    }
}

/// What the document names: whole texts of it, and texts in quotes in them.
fn literals(value: &Json, keep: &mut BTreeSet<String>) {
    match value {
        Json::String(text) => {
            for quote in ['"', '\''] {
                keep.extend(text.split(quote).skip(1).step_by(2).map(str::to_owned));
            }
            keep.insert(text.clone());
        }
        Json::Array(items) => items.iter().for_each(|item| literals(item, keep)),
        Json::Object(fields) => fields.values().for_each(|value| literals(value, keep)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// A made-up text of the same kind.
fn shaped(text: &str, number: usize) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is = |at: usize, sign: u8| bytes.get(at) == Some(&sign);
    if text.contains('@') && !text.contains(' ') {
        return format!("person{number}@example.com");
    }
    if (0..4).all(digit) && is(4, b'-') && digit(5) && digit(6) && is(7, b'-') && digit(8) && digit(9) {
        // A day stays a day, and a time a time.
        let time: String = text.chars().skip(10).map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
        return format!("2020-01-{:02}{time}", number % 28 + 1);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("9{number:0wide$}", wide = text.len().saturating_sub(1).min(17));
    }
    if text.len() == 36 && [8, 13, 18, 23].iter().all(|at| is(*at, b'-')) {
        return format!("00000000-0000-4000-8000-{number:012}");
    }
    if !text.contains(' ') && text.len() >= 8 && text.bytes().any(|byte| byte.is_ascii_digit()) {
        return format!("id{number}");
    }
    if text.contains(' ') { format!("Text {number}") } else { format!("text{number}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::catalog::catalog;

    #[test]
    fn nothing_of_people_stays_and_the_same_stays_the_same() {
        let spec = catalog().get("okta").expect("a document");
        let mut anonymous = Anonymous::new(spec, &BTreeMap::from([("org".to_owned(), "globex.okta.com".to_owned())]));
        let said = json!([
            {"id": "00u1abcd9", "status": "SUSPENDED", "login": "mia@globex.com", "since": "2019-05-06T07:08:09Z", "ssn": 123_456_789, "on": true, "no": null},
            {"id": "00u2abcd9", "name": "Mia Lang", "boss": "00u1abcd9", "phone": "4915112345678", "n": 3}
        ]);
        let made_up = anonymous.content(&said);
        let links = anonymous.links("<https://globex.okta.com/api/v1/users?after=00u2abcd9&limit=200>; rel=\"next\"");
        insta::assert_snapshot!(format!("{made_up}\n{links}"), @r#"
        [{"id":"id1","status":"SUSPENDED","login":"person2@example.com","since":"2020-01-04T00:00:00Z","ssn":900000004,"on":true,"no":null},{"id":"id5","name":"Text 6","boss":"id1","phone":"9000000000007","n":98}]
        <https://acme.okta.com/api/v1/users?after=id5&limit=200>; rel="next"
        "#);
        let address = anonymous.address("https://globex.okta.com/api/v1/users/00u1abcd9/groups?q=Mia%20Lang");
        assert_eq!(address, "https://acme.okta.com/api/v1/users/id1/groups?q=Text+6");
    }
}
