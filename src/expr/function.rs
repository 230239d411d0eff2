//! The functions of an expression. Each can be called either way: `lower(x)` or `x.lower()`. Null in, null out, unless a function says otherwise.

use std::borrow::Cow;

use jiff::civil::Date;

use super::date;
use super::datum::Datum;
use super::eval::{MAX_ITEMS, MAX_TEXT};
use super::latin;
use crate::diagnostic::nearest;
use crate::model::dn;

/// One function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    /// fewest and most arguments, the receiver included; at most three
    pub(super) least: usize,
    pub(super) most: usize,
    /// for the hint
    pub(super) usage: &'static str,
    /// null as first argument is handed to it
    pub(super) takes_null: bool,
    /// null from a value means that nothing was there to pick
    pub(super) picks: bool,
    /// its work grows with the square of its list
    pub(super) compares_all: bool,
    pub(super) run: for<'a> fn([Datum<'a>; 3]) -> Outcome<'a>,
}

/// Longest text that `padLeft` fills up to.
const MAX_PADDED: usize = 256;

type Outcome<'a> = Result<Datum<'a>, Cow<'static, str>>;

impl Function {
    pub(super) fn arity(&self) -> String {
        match (self.least, self.most) {
            (1, 1) => "1 argument".into(),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        }
    }

    const fn new(
        name: &'static str,
        least: usize,
        most: usize,
        usage: &'static str,
        run: for<'a> fn([Datum<'a>; 3]) -> Outcome<'a>,
    ) -> Self {
        Self { name, least, most, usage, takes_null: false, picks: false, compares_all: false, run }
    }

    const fn taking_null(mut self) -> Self {
        self.takes_null = true;
        self
    }

    const fn comparing_all(mut self) -> Self {
        self.compares_all = true;
        self
    }

    const fn picking(mut self) -> Self {
        self.picks = true;
        self
    }
}

/// Sorted by name.
static FUNCTIONS: &[Function] = &[
    Function::new("addDays", 2, 2, "addDays(date, 14)", |[date, days, _]| later(&date, &days, |days| (days, 0))),
    Function::new("addMonths", 2, 2, "addMonths(date, 6)", |[date, months, _]| later(&date, &months, |months| (0, months))),
    Function::new("ascii", 1, 2, "ascii(text, \"de\")", ascii),
    Function::new("bool", 1, 1, "bool(text)", to_bool),
    Function::new("charAt", 2, 2, "charAt(text, 0)", |[text, at, _]| slice(text, at, None, true)).picking(),
    Function::new("contains", 2, 2, "contains(text, \"part\")", |arguments| test(arguments, |text, part| text.contains(part))),
    Function::new("daysBetween", 2, 2, "daysBetween(from, to)", days_between),
    Function::new("default", 2, 2, "default(value, otherwise)", |[value, other, _]| {
        Ok(if matches!(value, Datum::Null) { other } else { value })
    })
    .taking_null(),
    Function::new("distinct", 1, 1, "distinct(list)", distinct).comparing_all(),
    Function::new("endsWith", 2, 2, "endsWith(text, \"part\")", |arguments| test(arguments, |text, part| text.ends_with(part))),
    Function::new("first", 1, 1, "first(list)", |[list, ..]| Ok(items(list)?.into_iter().find(not_null).unwrap_or(Datum::Null))).picking(),
    Function::new("flatten", 1, 1, "flatten(list)", flatten),
    Function::new("handle", 1, 2, "handle(text, \"de\")", handle).picking(),
    Function::new("indexOf", 2, 2, "indexOf(text, \"part\")", |arguments| position(arguments, |text, part| text.find(part))),
    Function::new("int", 1, 1, "int(text)", to_int),
    Function::new("join", 1, 2, "join(list, \", \")", join),
    Function::new("last", 1, 1, "last(list)", |[list, ..]| Ok(items(list)?.into_iter().rfind(not_null).unwrap_or(Datum::Null))).picking(),
    Function::new("lastIndexOf", 2, 2, "lastIndexOf(text, \"part\")", |arguments| position(arguments, |text, part| text.rfind(part))),
    Function::new("lower", 1, 1, "lower(text)", |[text, ..]| map_text(text, lower)),
    Function::new("padLeft", 2, 3, "padLeft(text, 8, \"0\")", pad_left),
    Function::new("rdn", 2, 2, "rdn(\"OU\", text)", rdn),
    Function::new("replace", 3, 3, "replace(text, \"from\", \"to\")", replace),
    Function::new("reverse", 1, 1, "reverse(list)", reverse),
    Function::new("size", 1, 1, "size(list)", size),
    Function::new("slug", 1, 1, "slug(text)", |[text, ..]| map_text(text, slug)),
    Function::new("sort", 1, 1, "sort(list)", sort),
    Function::new("split", 2, 2, "split(text, \",\")", split),
    Function::new("startsWith", 2, 2, "startsWith(text, \"part\")", |arguments| test(arguments, |text, part| text.starts_with(part))),
    Function::new("string", 1, 1, "string(number)", to_text),
    Function::new("substring", 2, 3, "substring(text, 0, 3)", |[text, from, to]| slice(text, from, Some(to), false)),
    Function::new("title", 1, 1, "title(text)", |[text, ..]| map_text(text, title)),
    Function::new("trim", 1, 1, "trim(text)", |[text, ..]| map_text(text, |text| Cow::Borrowed(text.trim()))),
    Function::new("upper", 1, 1, "upper(text)", |[text, ..]| map_text(text, |text| Cow::Owned(text.to_uppercase()))),
];

/// What is read by check.rs itself, for hints.
const BUILT_IN: &[&str] = &["all", "date", "exists", "exists_one", "filter", "has", "lookup", "map", "matches"];

pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok().and_then(|at| FUNCTIONS.get(at))
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name).chain(BUILT_IN.iter().copied())
}

pub(super) fn nearest_name(name: &str) -> Option<&'static str> {
    let other = match name.to_lowercase().as_str() {
        "tolower" | "lowercase" | "lowerascii" | "tolowercase" | "downcase" => Some("lower"),
        "toupper" | "uppercase" | "upperascii" | "touppercase" | "upcase" => Some("upper"),
        "strip" => Some("trim"),
        "unaccent" | "stripaccents" | "stripdiacritics" | "transliterate" => Some("ascii"),
        "login" | "username" | "localpart" => Some("handle"),
        "coalesce" | "orvalue" | "ifnull" => Some("default"),
        "len" | "length" | "count" => Some("size"),
        "unique" | "uniq" | "dedup" => Some("distinct"),
        "capitalize" | "titlecase" | "initcap" | "propercase" => Some("title"),
        "dn" | "escapedn" | "ou" => Some("rdn"),
        "pad" | "padstart" | "lpad" | "zfill" => Some("padLeft"),
        "concat" | "merge" => Some("flatten"),
        "any" => Some("exists"),
        "timestamp" | "todate" | "parsedate" => Some("date"),
        "plusdays" | "dateadd" => Some("addDays"),
        "datediff" | "days" => Some("daysBetween"),
        _ => None,
    };
    other.or_else(|| nearest(name, names()))
}

fn needs<T>(what: &str, got: &Datum<'_>) -> Result<T, Cow<'static, str>> {
    Err(format!("needs {what}, not {}", got.kind()).into())
}

fn items(list: Datum<'_>) -> Result<Vec<Datum<'_>>, Cow<'static, str>> {
    match list {
        Datum::List(items) => Ok(items),
        other => needs("a list", &other),
    }
}

fn not_null(value: &Datum<'_>) -> bool {
    !matches!(value, Datum::Null)
}

/// Applies a change of text that may borrow from it.
fn map_text<'a>(value: Datum<'a>, change: for<'t> fn(&'t str) -> Cow<'t, str>) -> Outcome<'a> {
    match value {
        Datum::Text(Cow::Borrowed(text)) | Datum::Reference(Cow::Borrowed(text)) => Ok(Datum::Text(change(text))),
        Datum::Text(Cow::Owned(text)) | Datum::Reference(Cow::Owned(text)) => Ok(Datum::Text(Cow::Owned(change(&text).into_owned()))),
        other => needs("text", &other),
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    let lower_already = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if lower_already { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}

fn ascii<'a>([text, language, _]: [Datum<'a>; 3]) -> Outcome<'a> {
    let language = language_of(&language)?;
    match text.as_text() {
        Some(plain) if plain.is_ascii() => Ok(text),
        Some(plain) => Ok(Datum::Text(latin::ascii(plain, language).into_owned().into())),
        None => needs("text", &text),
    }
}

/// A name as part of a login: lower-case letters and digits, hyphens between them; nothing where nothing of it can be written.
fn handle<'a>([text, language, _]: [Datum<'a>; 3]) -> Outcome<'a> {
    let language = language_of(&language)?;
    let Some(whole) = text.as_text() else { return needs("text", &text) };
    let handle = latin::handle(whole, language);
    Ok(if handle.is_empty() { Datum::Null } else { Datum::Text(handle.into()) })
}

fn language_of(language: &Datum<'_>) -> Result<Option<latin::Language>, Cow<'static, str>> {
    match language {
        Datum::Null => Ok(None),
        other => match other.as_text() {
            Some(name) => latin::language(name).map(Some).ok_or_else(|| format!("needs a language: {}", latin::names()).into()),
            None => needs("a language", other),
        },
    }
}

/// Words begin with a capital, also behind a hyphen or apostrophe, but for a single letter at the end (`Ada's`).
fn title(text: &str) -> Cow<'_, str> {
    let mut titled = String::with_capacity(text.len());
    let mut starts = true;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if starts {
            titled.extend(letter.to_uppercase())
        } else {
            titled.extend(letter.to_lowercase())
        }
        let apostrophe = matches!(letter, '\'' | '\u{2019}');
        starts = !letter.is_alphanumeric();
        if apostrophe && letters.peek().is_some_and(|next| next.is_alphabetic()) {
            let mut ahead = letters.clone().skip(1);
            starts = ahead.next().is_some_and(char::is_alphabetic);
        }
    }
    Cow::Owned(titled)
}

/// Lower-case letters and digits, everything between them one hyphen.
fn slug(text: &str) -> Cow<'_, str> {
    let mut slug = String::with_capacity(text.len());
    for letter in latin::ascii(text, None).chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    Cow::Owned(slug)
}

fn test<'a>([text, part, _]: [Datum<'a>; 3], holds: fn(&str, &str) -> bool) -> Outcome<'a> {
    match (text.as_text(), part.as_text()) {
        (Some(text), Some(part)) => Ok(Datum::Bool(holds(text, part))),
        (None, _) => needs("text", &text),
        (_, None) => needs("text", &part),
    }
}

/// In characters; -1 where it is not.
fn position<'a>([text, part, _]: [Datum<'a>; 3], find: fn(&str, &str) -> Option<usize>) -> Outcome<'a> {
    let (Some(whole), Some(part)) = (text.as_text(), part.as_text()) else { return needs("two texts", &text) };
    let at = find(whole, part).and_then(|at| whole.get(..at)).map(|before| before.chars().count());
    Ok(Datum::Int(at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)))
}

/// Counts characters, and takes what is there where the text is shorter.
fn slice<'a>(text: Datum<'a>, from: Datum<'a>, to: Option<Datum<'a>>, one: bool) -> Outcome<'a> {
    let Some(whole) = text.as_text() else { return needs("text", &text) };
    let Datum::Int(from) = from else { return needs("a position", &from) };
    let from = usize::try_from(from).unwrap_or_default();
    let to = match to {
        Some(Datum::Int(to)) => usize::try_from(to).unwrap_or_default(),
        None => from.saturating_add(1),
        Some(Datum::Null) => usize::MAX,
        Some(other) => return needs("a position", &other),
    };
    let part: String = whole.chars().skip(from).take(to.saturating_sub(from)).collect();
    Ok(if one && part.is_empty() { Datum::Null } else { Datum::Text(part.into()) })
}

fn replace<'a>([text, from, to]: [Datum<'a>; 3]) -> Outcome<'a> {
    let (Some(whole), Some(from), Some(to)) = (text.as_text(), from.as_text(), to.as_text()) else { return needs("three texts", &text) };
    let hits = if from.is_empty() { whole.chars().count() + 1 } else { whole.matches(from).count() };
    if whole.len().saturating_add(hits.saturating_mul(to.len())) > MAX_TEXT.max(whole.len()) {
        return Err("makes a text that is too long".into());
    }
    Ok(Datum::Text(whole.replace(from, to).into()))
}

/// In characters; the sign is a blank unless it is given.
fn pad_left<'a>([text, length, sign]: [Datum<'a>; 3]) -> Outcome<'a> {
    let text = to_text([text, Datum::Null, Datum::Null])?;
    let Datum::Int(length) = length else { return needs("a length", &length) };
    let length = usize::try_from(length).unwrap_or_default();
    let mut signs = sign.as_text().unwrap_or(" ").chars();
    let (Some(sign), None) = (signs.next(), signs.next()) else { return Err("needs one sign to fill with".into()) };
    if length > MAX_PADDED {
        return Err("makes a text that is too long".into());
    }
    let whole = text.as_text().unwrap_or_default();
    let lacking = length.saturating_sub(whole.chars().count());
    let padded: String = std::iter::repeat_n(sign, lacking).chain(whole.chars()).collect();
    Ok(Datum::Text(padded.into()))
}

/// A relative name of a directory (RFC 4514), whatever signs its value has.
fn rdn<'a>([attribute, value, _]: [Datum<'a>; 3]) -> Outcome<'a> {
    let Some(attribute) = attribute.as_text() else { return needs("the name of an attribute", &attribute) };
    let named = attribute.starts_with(|sign: char| sign.is_ascii_alphabetic());
    if !named || !attribute.bytes().all(|sign| sign.is_ascii_alphanumeric() || sign == b'-') {
        return Err("needs the name of an attribute first, such as \"OU\"".into());
    }
    match value {
        Datum::Null => Ok(Datum::Null),
        value => match value.as_text() {
            Some("") => Ok(Datum::Null),
            Some(text) => Ok(Datum::Text(dn::rdn(attribute, text).into())),
            None => needs("text", &value),
        },
    }
}

fn split<'a>([text, by, _]: [Datum<'a>; 3]) -> Outcome<'a> {
    let (Some(whole), Some(by)) = (text.as_text(), by.as_text()) else { return needs("two texts", &text) };
    if whole.split(by).nth(MAX_ITEMS).is_some() {
        return Err("makes a list that is too long".into());
    }
    Ok(Datum::List(whole.split(by).map(|part| Datum::Text(part.to_owned().into())).collect()))
}

/// Leaves nulls and empty texts out.
fn join<'a>([list, by, _]: [Datum<'a>; 3]) -> Outcome<'a> {
    let by = by.as_text().unwrap_or_default();
    let mut text = String::new();
    for (at, item) in items(list)?.iter().filter(|item| not_null(item) && item.as_text() != Some("")).enumerate() {
        if at > 0 {
            text.push_str(by);
        }
        match (item, item.as_text()) {
            (_, Some(part)) => text.push_str(part),
            (Datum::Int(number), _) => text.push_str(&number.to_string()),
            _ => return needs("a list of texts, with each item", item),
        }
        if text.len() > MAX_TEXT {
            return Err("makes a text that is too long".into());
        }
    }
    Ok(Datum::Text(text.into()))
}

fn distinct<'a>([list, ..]: [Datum<'a>; 3]) -> Outcome<'a> {
    let mut seen: Vec<Datum<'a>> = Vec::new();
    let all = items(list)?;
    for item in all {
        if !seen.iter().any(|known| known.equals(&item)) {
            seen.push(item);
        }
    }
    Ok(Datum::List(seen))
}

/// One level: lists inside the list give their items, nulls are left out.
fn flatten<'a>([list, ..]: [Datum<'a>; 3]) -> Outcome<'a> {
    let mut flat = Vec::new();
    for item in items(list)? {
        match item {
            Datum::List(inner) => flat.extend(inner),
            Datum::Null => {}
            other => flat.push(other),
        }
        if flat.len() > MAX_ITEMS {
            return Err("makes a list that is too long".into());
        }
    }
    Ok(Datum::List(flat))
}

fn reverse<'a>([value, ..]: [Datum<'a>; 3]) -> Outcome<'a> {
    match value {
        Datum::List(items) => Ok(Datum::List(items.into_iter().rev().collect())),
        value => match value.as_text() {
            Some(text) => Ok(Datum::Text(text.chars().rev().collect::<String>().into())),
            None => needs("a list or text", &value),
        },
    }
}

fn sort<'a>([list, ..]: [Datum<'a>; 3]) -> Outcome<'a> {
    let mut all = items(list)?;
    if all.iter().all(|item| item.as_text().is_some()) {
        all.sort_by(|one, other| one.as_text().cmp(&other.as_text()));
    } else if all.iter().all(|item| matches!(item, Datum::Int(_))) {
        all.sort_by_key(|item| if let Datum::Int(number) = item { *number } else { 0 });
    } else {
        return Err("needs a list of texts or of numbers".into());
    }
    Ok(Datum::List(all))
}

fn size<'a>([value, ..]: [Datum<'a>; 3]) -> Outcome<'a> {
    let count = match &value {
        Datum::List(items) => items.len(),
        Datum::Map(fields) => fields.len(),
        _ => match value.as_text() {
            Some(text) => text.chars().count(),
            None => return needs("a list, a map or text", &value),
        },
    };
    Ok(Datum::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn to_int<'a>([value, ..]: [Datum<'a>; 3]) -> Outcome<'a> {
    match &value {
        Datum::Int(_) => Ok(value),
        Datum::Text(text) => text.trim().parse().map(Datum::Int).map_err(|_| "needs a text that is a whole number".into()),
        other => needs("text or a number", other),
    }
}

fn to_text<'a>([value, ..]: [Datum<'a>; 3]) -> Outcome<'a> {
    match value {
        Datum::Int(_) | Datum::Bool(_) => Ok(Datum::Text(value.to_string().into())),
        Datum::Text(text) | Datum::Reference(text) => Ok(Datum::Text(text)),
        other => needs("a single value", &other),
    }
}

fn to_bool<'a>([value, ..]: [Datum<'a>; 3]) -> Outcome<'a> {
    match &value {
        Datum::Bool(_) => Ok(value),
        Datum::Int(number @ (0 | 1)) => Ok(Datum::Bool(*number == 1)),
        Datum::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" => Ok(Datum::Bool(true)),
            "false" | "f" | "no" | "n" | "0" => Ok(Datum::Bool(false)),
            _ => Err("needs true or false, yes or no, 1 or 0".into()),
        },
        other => needs("true or false", other),
    }
}

/// A date as `date` gives it.
fn a_date(value: &Datum<'_>) -> Result<Date, Cow<'static, str>> {
    let date = value.as_text().map(date::of_iso);
    match date {
        Some(Some(date)) => Ok(date),
        Some(None) => Err("needs a date such as 2026-11-22; write date(...) around the text".into()),
        None => needs("a date", value),
    }
}

fn later<'a>(date: &Datum<'a>, count: &Datum<'a>, unit: fn(i64) -> (i64, i64)) -> Outcome<'a> {
    let from = a_date(date)?;
    let (days, months) = match count {
        Datum::Null => return Ok(Datum::Null),
        Datum::Int(count) => unit(*count),
        other => return needs("a whole number", other),
    };
    let moved = date::later(from, days, months).ok_or("leaves the calendar")?;
    Ok(Datum::Text(moved.to_string().into()))
}

fn days_between<'a>([from, to, _]: [Datum<'a>; 3]) -> Outcome<'a> {
    if matches!(to, Datum::Null) {
        return Ok(Datum::Null);
    }
    Ok(Datum::Int(date::days_between(a_date(&from)?, a_date(&to)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_bisection_finds_everything() {
        assert!(FUNCTIONS.is_sorted_by(|one, next| one.name < next.name));
        assert!(FUNCTIONS.iter().all(|function| function.least >= 1 && function.most <= 3));
    }
}
