//! A message as it came, and the values in it by where they are.
//!
//! Must never: read its body as JSON before its proof was looked at.

use std::cell::OnceCell;

use serde_json::Value as Json;

/// A message as it came.
pub struct HookMessage<'m> {
    /// its headers by their names in small letters; one that came twice is none
    pub header: &'m dyn Fn(&str) -> Option<&'m str>,
    /// what its address says, as it stands behind `?`
    pub query: &'m str,
    /// its body
    pub body: &'m [u8],
    json: OnceCell<Option<Json>>,
}

/// Where a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HookPath {
    Header(String),
    Query(String),
    /// a piece of the signature's header
    Signature(String),
    /// the body as it came
    Bytes,
    /// in the body; nothing behind a name: of each item
    Body(Vec<Option<String>>),
}

impl HookPath {
    /// `header.X-Time`, `query.name`, `signature.t`, `body`, `body.value[].clientState`.
    pub fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no place in a message: write header.NAME, query.NAME, signature.NAME, body or body.NAME.NAME");
        if text == "body" {
            return Ok(Self::Bytes);
        }
        let (root, rest) = text.split_once('.').filter(|(_, rest)| !rest.is_empty()).ok_or_else(wrong)?;
        match root {
            "header" => Ok(Self::Header(rest.to_ascii_lowercase())),
            "query" => Ok(Self::Query(rest.to_owned())),
            "signature" => Ok(Self::Signature(rest.to_owned())),
            "body" => {
                let mut steps = Vec::new();
                for step in rest.split('.') {
                    let (name, each) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
                    if name.is_empty() || name.contains(['[', ']', '{', '}']) {
                        return Err(wrong());
                    }
                    steps.push(Some(name.to_owned()));
                    steps.extend(each.then_some(None));
                }
                Ok(Self::Body(steps))
            }
            _ => Err(wrong()),
        }
    }

    /// Whether it is known before the body is read.
    pub fn is_outside(&self) -> bool {
        !matches!(self, Self::Body(_))
    }
}

impl<'m> HookMessage<'m> {
    /// Of its parts.
    pub fn new(header: &'m dyn Fn(&str) -> Option<&'m str>, query: &'m str, body: &'m [u8]) -> Self {
        Self { header, query, body, json: OnceCell::new() }
    }

    /// The texts at a place: none where there is nothing, and of a list one for each item. None at all where one of them is no text.
    pub(super) fn texts(&self, path: &HookPath, pieces: &[&str]) -> Option<Vec<String>> {
        let one = |text: Option<String>| Some(text.into_iter().collect());
        match path {
            HookPath::Header(name) => one((self.header)(name).map(str::to_owned)),
            HookPath::Query(name) => {
                let mut found = url::form_urlencoded::parse(self.query.as_bytes()).filter(|(known, _)| known == name);
                one(found.next().map(|(_, value)| value.into_owned()))
            }
            HookPath::Signature(name) => {
                let mut found = pieces.iter().filter_map(|piece| piece.strip_prefix(name.as_str())?.strip_prefix('='));
                one(found.next().map(str::to_owned))
            }
            HookPath::Bytes => one(std::str::from_utf8(self.body).ok().map(str::to_owned)),
            HookPath::Body(steps) => {
                let json = self.json.get_or_init(|| serde_json::from_slice(self.body).ok());
                let mut found = Vec::new();
                gather(json.as_ref()?, steps, &mut found).then_some(found)
            }
        }
    }

    /// The text at a place, where there is one and no more.
    pub(super) fn text(&self, path: &HookPath, pieces: &[&str]) -> Option<String> {
        let mut found = self.texts(path, pieces)?;
        if found.len() == 1 { found.pop() } else { None }
    }
}

/// False where something is no text.
fn gather(value: &Json, steps: &[Option<String>], found: &mut Vec<String>) -> bool {
    match (steps, value) {
        ([], Json::String(text)) => found.push(text.clone()),
        ([], Json::Number(number)) => found.push(number.to_string()),
        ([Some(name), rest @ ..], Json::Object(fields)) => return fields.get(name).is_some_and(|value| gather(value, rest, found)),
        ([None, rest @ ..], Json::Array(items)) => return items.iter().all(|item| gather(item, rest, found)),
        _ => return false,
    }
    true
}
