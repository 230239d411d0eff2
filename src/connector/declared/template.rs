//! Templates: texts in which `{…}` holds an expression, and JSON made of them. One that stands alone keeps its type.
//!
//! Must never: put a value into a path, a query or a filter unquoted, or send a field whose value is not known as an empty one.

use serde_json::{Map, Value as Json};

use super::scope::{Scope, as_text};
use crate::expr::{Expression, Problem, Root};
use crate::model::Tables;

/// A text with expressions in it.
#[derive(Clone, Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(Box<str>),
    Value(Expression),
}

/// JSON whose texts are templates.
#[derive(Clone, Debug)]
pub(super) enum JsonTemplate {
    /// just so
    Just(Json),
    /// a template
    Text(Template),
    /// values put into another language, each quoted as that wants it
    Quoted(Quoting, Template),
    /// items that come to nothing are left out
    List(Vec<JsonTemplate>),
    /// and so are fields
    Map(Vec<(Box<str>, JsonTemplate)>),
}

/// How a value is quoted inside another language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// a JSON string (RFC 7644 section 3.4.2.2)
    Scim,
    /// a string of OData: apostrophes, doubled inside
    Odata,
    /// a string of SOQL and SuiteQL: apostrophes, with backslashes inside
    Soql,
    /// a term of Google's user search: apostrophes, with backslashes inside
    Google,
}

impl Template {
    /// Compiles a text; offsets of problems count from its beginning. `{{` is a brace.
    pub(super) fn compile(text: &str, variables: &'static [&'static str]) -> Result<Self, Vec<Problem>> {
        let (mut parts, mut plain, mut problems) = (Vec::new(), String::new(), Vec::new());
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            if let Some(brace) = ["{{", "}}"].iter().find(|brace| rest.starts_with(**brace)) {
                plain.push_str(&brace[..1]);
                at += 2;
            } else if rest.starts_with('{') {
                let Some(length) = closing(rest) else {
                    let hint = "an expression in a template ends with }; `{{` is a brace by itself";
                    problems.push(Problem { offset: at, length: 1, message: "this brace is never closed".into(), hint: Some(hint.into()) });
                    break;
                };
                let inner = rest.get(1..length).unwrap_or_default();
                match Expression::compile(inner, Root::Exchange(variables), &Tables::default()) {
                    Ok(expression) => {
                        if !plain.is_empty() {
                            parts.push(Part::Text(std::mem::take(&mut plain).into()));
                        }
                        parts.push(Part::Value(expression));
                    }
                    Err(found) => problems.extend(found.into_iter().map(|problem| Problem { offset: problem.offset + at + 1, ..problem })),
                }
                at += length + 1;
            } else {
                // A closing brace by itself is just that.
                let next = if rest.starts_with('}') { 1 } else { rest.find(['{', '}']).unwrap_or(rest.len()) };
                plain.push_str(rest.get(..next).unwrap_or_default());
                at += next;
            }
        }
        if !plain.is_empty() || parts.is_empty() {
            parts.push(Part::Text(plain.into()));
        }
        if problems.is_empty() { Ok(Self { parts }) } else { Err(problems) }
    }

    /// The paths that it reads.
    pub(super) fn reads(&self) -> impl Iterator<Item = &str> {
        let expressions = self.parts.iter().filter_map(|part| match part {
            Part::Value(expression) => Some(expression),
            Part::Text(_) => None,
        });
        expressions.flat_map(|expression| expression.reads().iter().map(AsRef::as_ref))
    }

    /// Whether it reads a variable.
    pub(super) fn reads_variable(&self, variable: &str) -> bool {
        self.reads().any(|path| path.split('.').next() == Some(variable))
    }

    /// One that comes to an empty text.
    pub(super) fn empty() -> Self {
        Self { parts: Vec::new() }
    }

    /// Whether some expression in it reads such a path.
    pub(super) fn asks(&self, such: &dyn Fn(&str) -> bool) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Value(expression) if expression.reads().iter().any(|path| such(path))))
    }

    /// What it comes to, with its type where an expression stands alone; nothing where a part comes to nothing.
    pub(super) fn value(&self, scope: &Scope<'_>) -> Result<Option<Json>, String> {
        match self.parts.as_slice() {
            [Part::Value(expression)] => scope.value(expression),
            _ => Ok(self.text(scope, |text| text.to_owned())?.map(Json::String)),
        }
    }

    /// As a text, each value in it quoted.
    pub(super) fn text(&self, scope: &Scope<'_>, quote: impl Fn(&str) -> String) -> Result<Option<String>, String> {
        self.filled(scope, |_, text| quote(text))
    }

    /// In another language. What is of `config` alone is a name there (of a field, say), which its pattern keeps to the letters of one.
    fn quoted(&self, scope: &Scope<'_>, quoting: Quoting) -> Result<Option<String>, String> {
        let is_name = |expression: &Expression| {
            let mut reads = expression.reads().iter().peekable();
            reads.peek().is_some() && reads.all(|path| path.starts_with("config."))
        };
        self.filled(scope, |expression, text| if is_name(expression) { text.to_owned() } else { quoting.quote(text) })
    }

    fn filled(&self, scope: &Scope<'_>, quote: impl Fn(&Expression, &str) -> String) -> Result<Option<String>, String> {
        let mut whole = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => whole.push_str(text),
                Part::Value(expression) => {
                    let Some(value) = scope.value(expression)? else { return Ok(None) };
                    let text = as_text(&value).ok_or_else(|| format!("`{}` comes to no text", expression.text()))?;
                    whole.push_str(&quote(expression, &text));
                }
            }
        }
        Ok(Some(whole))
    }
}

/// Where the brace closes that a text opens with.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0usize, None, false);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '{') => depth += 1,
            (None, '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at);
                }
            }
            (None, _) => {}
        }
    }
    None
}

impl JsonTemplate {
    /// Whether it reads a variable.
    pub(super) fn reads(&self, variable: &str) -> bool {
        match self {
            Self::Just(_) => false,
            Self::Text(template) | Self::Quoted(_, template) => template.reads_variable(variable),
            Self::List(items) => items.iter().any(|item| item.reads(variable)),
            Self::Map(fields) => fields.iter().any(|(_, field)| field.reads(variable)),
        }
    }

    /// Compiles every text in a value. Problems come with the pointer of the text that they are in.
    pub(super) fn compile(json: &Json, variables: &'static [&'static str], pointer: &str, wrong: &mut Vec<(String, Problem)>) -> Self {
        match json {
            Json::String(text) => Self::text(text, variables, pointer, wrong).map_or(Self::Just(Json::Null), Self::Text),
            Json::Array(items) => {
                let item = |(at, item)| Self::compile(item, variables, &format!("{pointer}/{at}"), wrong);
                Self::List(items.iter().enumerate().map(item).collect())
            }
            Json::Object(fields) => match Self::quoted(fields) {
                Some((quoting, name, text)) => {
                    let template = Self::text(text, variables, &format!("{pointer}/{name}"), wrong);
                    template.map_or(Self::Just(Json::Null), |template| Self::Quoted(quoting, template))
                }
                None => {
                    let field = |(name, value): (&String, &Json)| {
                        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                        (name.as_str().into(), Self::compile(value, variables, &pointer, wrong))
                    };
                    Self::Map(fields.iter().map(field).collect())
                }
            },
            other => Self::Just(other.clone()),
        }
    }

    fn quoted(fields: &Map<String, Json>) -> Option<(Quoting, &str, &str)> {
        let (name, value) = fields.iter().next().filter(|_| fields.len() == 1)?;
        let quoting = match name.as_str() {
            "scim" => Quoting::Scim,
            "odata" => Quoting::Odata,
            "soql" => Quoting::Soql,
            "google" => Quoting::Google,
            _ => return None,
        };
        Some((quoting, name, value.as_str()?))
    }

    fn text(text: &str, variables: &'static [&'static str], pointer: &str, wrong: &mut Vec<(String, Problem)>) -> Option<Template> {
        let compiled = Template::compile(text, variables);
        compiled.map_err(|problems| wrong.extend(problems.into_iter().map(|problem| (pointer.to_owned(), problem)))).ok()
    }

    /// Whether some expression in it reads such a path.
    pub(super) fn asks(&self, such: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Just(_) => false,
            Self::Text(template) | Self::Quoted(_, template) => template.asks(such),
            Self::List(items) => items.iter().any(|item| item.asks(such)),
            Self::Map(fields) => fields.iter().any(|(_, field)| field.asks(such)),
        }
    }

    /// What it comes to; nothing where that is nothing.
    pub(super) fn value(&self, scope: &Scope<'_>) -> Result<Option<Json>, String> {
        Ok(match self {
            Self::Just(json) => Some(json.clone()),
            Self::Text(template) => template.value(scope)?,
            Self::Quoted(quoting, template) => template.quoted(scope, *quoting)?.map(Json::String),
            Self::List(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| item.value(scope)).collect();
                Some(Json::Array(items?.into_iter().flatten().collect()))
            }
            Self::Map(fields) => {
                let mut map = Map::new();
                for (name, field) in fields {
                    map.extend(field.value(scope)?.map(|value| (name.to_string(), value)));
                }
                Some(Json::Object(map))
            }
        })
    }
}

impl Quoting {
    fn quote(self, text: &str) -> String {
        match self {
            Self::Scim => Json::from(text).to_string(),
            Self::Odata => format!("'{}'", text.replace('\'', "''")),
            Self::Soql | Self::Google => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const VARIABLES: &[&str] = &["config", "id", "value"];

    fn come_to(template: &Json) -> Result<Option<Json>, String> {
        let mut wrong = Vec::new();
        let template = JsonTemplate::compile(template, VARIABLES, "", &mut wrong);
        assert!(wrong.is_empty(), "{wrong:?}");
        let (config, id, value) = (json!({"host": "a.example", "count": 3, "empty": null}), json!("7/8"), json!("o'ne \"x\""));
        template.value(&Scope::default().with("config", &config).with("id", &id).with("value", &value))
    }

    #[test]
    fn what_stands_alone_keeps_its_type_and_what_is_nothing_is_left_out() {
        assert_eq!(come_to(&json!("{config.count}")), Ok(Some(json!(3))));
        assert_eq!(come_to(&json!("n{config.count}")), Ok(Some(json!("n3"))));
        assert_eq!(
            come_to(&json!({"a": "{config.empty}", "b": ["{config.other}", "x"], "c": true})),
            Ok(Some(json!({"b": ["x"], "c": true})))
        );
        assert_eq!(come_to(&json!("{{x}} {'}'}{{")), Ok(Some(json!("{x} }{"))));
        assert_eq!(come_to(&json!("")), Ok(Some(json!(""))));
        assert_eq!(come_to(&json!("{{\"a\": 1}}")), Ok(Some(json!("{\"a\": 1}"))));
        assert_eq!(come_to(&json!("{[1, 2]} ")), Err("`[1, 2]` comes to no text".into()));
    }

    #[test]
    fn values_are_quoted_as_the_other_language_wants_it() {
        assert_eq!(come_to(&json!({"scim": "userName eq {value}"})), Ok(Some(json!(r#"userName eq "o'ne \"x\"""#))));
        assert_eq!(come_to(&json!({"odata": "mail eq {value}"})), Ok(Some(json!("mail eq 'o''ne \"x\"'"))));
        assert_eq!(
            come_to(&json!({"soql": "{config.host} = {value}"})),
            Ok(Some(json!("a.example = 'o\\'ne \"x\"'"))),
            "a name is no value"
        );
        assert_eq!(come_to(&json!({"soql": "Email = {value}"})), Ok(Some(json!("Email = 'o\\'ne \"x\"'"))));
    }

    #[test]
    fn problems_stand_where_they_are() {
        let problems = |text| {
            Template::compile(text, VARIABLES)
                .map(|_| ())
                .map_err(|problems| problems.into_iter().map(|problem| (problem.offset, problem.message)).collect::<Vec<_>>())
        };
        assert_eq!(problems("/users/{i}"), Err(vec![(8, "nothing is called `i` here".into())]));
        assert_eq!(problems("/users/{id"), Err(vec![(7, "this brace is never closed".into())]));
    }
}
