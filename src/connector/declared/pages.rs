//! How pages follow each other, and what proves that the last one was it.
//!
//! A state machine without a network: it is told each answer and says what comes next.
//! Must never: take a short page for an end, or a missing sign of an end for one.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::exchange::Answer;
use super::scope::{Scope, as_text};
use crate::expr::{Evaluation, Expression};
use crate::manifest::kinds::connector::{CursorPages, NumberedPages, Pages};

/// How the pages of a list follow each other.
#[derive(Clone, Debug)]
pub(super) enum Paging {
    /// one answer holds all
    One,
    /// the next URL stands in the answer; its absence is an end where every page has a shape
    Next { url: Expression, shaped: bool },
    /// a Link header
    Link { expect_self: bool },
    /// a cursor
    Cursor { from: Expression, to: Place, end: Option<String>, more: Option<Expression>, shaped: bool },
    /// whatever comes behind the last record
    After { from: Expression, to: Place },
    /// a number, or an offset that grows by as many as came
    Numbered { to: Place, start: u64, by_page: bool, total: Option<Expression>, last: Option<Expression> },
}

/// Where in a request a cursor goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) part: Part,
    pub(super) name: Box<str>,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Query,
    Form,
    Body,
}

/// What makes a request the one for a certain page.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    /// the first one
    First,
    /// a URL that the system gave
    Url(String),
    /// a value that goes to a place
    Put(Place, Json),
}

/// What comes after a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    /// this one
    Turn(Turn),
    /// nothing, and that is proven
    End,
    /// nothing, and only a second read of this page that gives the same ids proves it
    Again(Turn),
    /// nothing, and it is not known whether that is all
    Unproven(String),
}

/// Goes through the pages of one list.
#[derive(Debug)]
pub(super) struct Pager<'p> {
    paging: &'p Paging,
    /// what was asked for already: the same again would never end
    seen: HashSet<String>,
    /// records so far, and the number of the page
    records: u64,
    page: u64,
    total: Option<u64>,
}

impl Place {
    pub(super) const HINT: &'static str = "write `query.NAME`, `form.NAME` or `body.NAME`";

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (part, name) =
            text.split_once('.').filter(|(_, name)| !name.is_empty()).ok_or_else(|| format!("`{text}` is no place in a request"))?;
        let part = match part {
            "query" => Part::Query,
            "form" => Part::Form,
            "body" => Part::Body,
            _ => return Err(format!("`{text}` is no place in a request")),
        };
        Ok(Self { part, name: name.into() })
    }
}

impl Paging {
    /// Compiles it; `expression` takes the text, where it stands, and whether it is one over a record.
    pub(super) fn compile(
        pages: &Pages,
        shaped: bool,
        mut expression: impl FnMut(&str, &str, bool) -> Option<Expression>,
    ) -> Result<Option<Self>, String> {
        let mut optional = |text: &Option<String>, at: &str| text.as_ref().map(|text| expression(text, at, false));
        Ok(Some(match pages {
            Pages::One(_) => Self::One,
            Pages::Next(url) => match expression(url, "next", false) {
                Some(url) => Self::Next { url, shaped },
                None => return Ok(None),
            },
            Pages::Link(link) => Self::Link { expect_self: link.expect_self },
            Pages::Cursor(CursorPages { from, to, end, more }) => {
                let more = optional(more, "cursor/more");
                let (to, from) = (Place::parse(to)?, expression(from, "cursor/from", false));
                match (from, more) {
                    (Some(from), None) => Self::Cursor { from, to, end: end.clone(), more: None, shaped },
                    (Some(from), Some(Some(more))) => Self::Cursor { from, to, end: end.clone(), more: Some(more), shaped },
                    _ => return Ok(None),
                }
            }
            Pages::After(CursorPages { from, to, .. }) => {
                let to = Place::parse(to)?;
                let Some(from) = expression(from, "after/from", true) else { return Ok(None) };
                Self::After { from, to }
            }
            Pages::Page(numbered) => return Self::numbered(numbered, true, "page", expression),
            Pages::Offset(numbered) => return Self::numbered(numbered, false, "offset", expression),
        }))
    }

    fn numbered(
        pages: &NumberedPages,
        by_page: bool,
        at: &str,
        mut expression: impl FnMut(&str, &str, bool) -> Option<Expression>,
    ) -> Result<Option<Self>, String> {
        let to = Place::parse(&pages.to)?;
        let total = pages.total.as_ref().and_then(|text| expression(text, &format!("{at}/total"), false));
        let last = pages.last.as_ref().and_then(|text| expression(text, &format!("{at}/last"), false));
        Ok(Some(Self::Numbered { to, start: pages.start.unwrap_or(u64::from(by_page)), by_page, total, last }))
    }
}

impl<'p> Pager<'p> {
    /// Before the first page.
    pub(super) fn new(paging: &'p Paging) -> Self {
        Self { paging, seen: HashSet::new(), records: 0, page: 0, total: None }
    }

    /// How the first page is asked for.
    pub(super) fn first(&self) -> Turn {
        match self.paging {
            Paging::Numbered { to, start, .. } => Turn::Put(to.clone(), Json::from(*start)),
            _ => Turn::First,
        }
    }

    /// How many records the list says that it has.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// What comes after this answer, which had these records. An error is a page that can't be one of this list.
    pub(super) fn next(&mut self, answer: &Answer, scope: &Scope<'_>, records: &[&Json], asked: &Turn) -> Result<Next, String> {
        self.records += records.len() as u64;
        self.page += 1;
        let next = match self.paging {
            Paging::One => Next::End,
            Paging::Next { url, shaped } => match scope.evaluate(url) {
                Evaluation::Missing if !shaped => return Err("its page lacks the field with the next one".into()),
                Evaluation::Missing | Evaluation::Null => Next::End,
                Evaluation::Value(value) => match as_text(&value.to_json()).as_deref() {
                    Some("" | "false") => Next::End,
                    Some(url) => Next::Turn(Turn::Url(url.to_owned())),
                    None => return Err("its next page is no text".into()),
                },
                Evaluation::Failed(words) => return Err(words),
            },
            Paging::Link { expect_self } => self.link(answer, *expect_self, asked)?,
            Paging::Cursor { from, to, end, more, shaped } => Self::cursor(scope, (from, to), end.as_deref(), more.as_ref(), *shaped)?,
            Paging::After { from, to } => match records.last() {
                None => Next::End,
                Some(record) => {
                    let value = scope.with("record", record).value(from)?.ok_or("its last record has no key to go on from")?;
                    Next::Turn(Turn::Put(to.clone(), value))
                }
            },
            Paging::Numbered { to, start, by_page, total, last } => {
                self.numbered(scope, (to, *start, *by_page), total.as_ref(), last.as_ref(), records)?
            }
        };
        if let Next::Turn(turn) = &next
            && !self.seen.insert(format!("{turn:?}"))
        {
            return Err("it gives the same page again, so it would never end".into());
        }
        Ok(next)
    }

    fn link(&self, answer: &Answer, expect_self: bool, asked: &Turn) -> Result<Next, String> {
        let links = links(answer.header("link").unwrap_or_default());
        if let Some((_, url)) = links.iter().find(|(rel, _)| rel == "next") {
            return Ok(Next::Turn(Turn::Url(url.clone())));
        }
        match (links.iter().any(|(rel, _)| rel == "self"), links.is_empty(), expect_self) {
            (true, ..) | (_, false, false) => Ok(Next::End),
            (false, _, true) => Err("its page has no link to itself, so that there is no next one proves nothing".into()),
            (false, true, false) => Ok(Next::Again(asked.clone())),
        }
    }

    fn cursor(
        scope: &Scope<'_>,
        (from, to): (&Expression, &Place),
        end: Option<&str>,
        more: Option<&Expression>,
        shaped: bool,
    ) -> Result<Next, String> {
        if let Some(more) = more {
            match scope.value(more)? {
                Some(Json::Bool(false)) => return Ok(Next::End),
                Some(Json::Bool(true)) => {}
                _ => return Err("its page does not say whether there is more".into()),
            }
        }
        let cursor = match scope.evaluate(from) {
            Evaluation::Missing if end.is_some() || more.is_some() || !shaped => {
                return Err("its page lacks the field with the cursor".into());
            }
            Evaluation::Missing | Evaluation::Null if more.is_some() => return Err("there is more, and no cursor to it".into()),
            Evaluation::Missing | Evaluation::Null => return Ok(Next::End),
            Evaluation::Value(value) => value.to_json(),
            Evaluation::Failed(words) => return Err(words),
        };
        let text = as_text(&cursor).ok_or("its cursor is no text")?;
        if text.is_empty() || end == Some(&*text) {
            return Ok(if more.is_some() { return Err("there is more, and no cursor to it".into()) } else { Next::End });
        }
        Ok(Next::Turn(Turn::Put(to.clone(), cursor)))
    }

    fn numbered(
        &mut self,
        scope: &Scope<'_>,
        (to, start, by_page): (&Place, u64, bool),
        total: Option<&Expression>,
        last: Option<&Expression>,
        records: &[&Json],
    ) -> Result<Next, String> {
        let number = |expression: &Expression, what: &str| -> Result<u64, String> {
            let value = scope.value(expression)?.and_then(|value| as_text(&value)).and_then(|text| text.parse().ok());
            value.ok_or_else(|| format!("its page does not say {what}"))
        };
        let following = || Next::Turn(Turn::Put(to.clone(), Json::from(start + if by_page { self.page } else { self.records })));
        if let Some(total) = total {
            let says = number(total, "how many there are")?;
            if self.total.is_some_and(|before| before != says) {
                return Ok(Next::Unproven(format!(
                    "it said that there are {} and then {says}: it changed while it was read",
                    self.total.unwrap_or_default()
                )));
            }
            self.total = Some(says);
            return Ok(match (self.records >= says, records.is_empty()) {
                (true, _) => Next::End,
                (false, true) => Next::Unproven(format!("it says that there are {says}, and gave {}", self.records)),
                (false, false) => following(),
            });
        }
        if let Some(last) = last {
            let says = number(last, "how many pages there are")?;
            return Ok(if self.page >= says { Next::End } else { following() });
        }
        // Without a total only an empty page is an end, and the first page read again shows that nothing moved.
        Ok(if records.is_empty() { Next::Again(Turn::Put(to.clone(), Json::from(start))) } else { following() })
    }
}

/// The relations and URLs of a `Link` header (RFC 8288 section 3).
fn links(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((url, parameters)) = after.split_once('>') else { break };
        let end = parameters.find(",<").or_else(|| parameters.find(", <")).unwrap_or(parameters.len());
        let (own, further) = parameters.split_at(end);
        let rel =
            own.split(';').filter_map(|parameter| parameter.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("rel"));
        for rel in rel.map(|(_, rel)| rel.trim().trim_matches('"')).into_iter().flat_map(str::split_whitespace) {
            found.push((rel.to_lowercase(), url.trim().to_owned()));
        }
        rest = further;
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::scope::{ANSWER, RECORD};
    use super::*;
    use crate::expr::Root;
    use crate::model::Tables;

    /// What each of some pages leads to, until one leads nowhere.
    fn walk(pages: &Json, shaped: bool, answers: &[(Json, &str)]) -> Vec<String> {
        let pages: Pages = serde_json::from_value(pages.clone()).expect("pages");
        let compile = |text: &str, _: &str, of_record| {
            Expression::compile(text, Root::Exchange(if of_record { RECORD } else { ANSWER }), &Tables::default()).ok()
        };
        let paging = Paging::compile(&pages, shaped, compile).expect("sound").expect("sound");
        let mut pager = Pager::new(&paging);
        let mut asked = pager.first();
        let mut told = Vec::new();
        for (body, link) in answers {
            let headers: &[(&str, &str)] = if link.is_empty() { &[] } else { &[("link", link)] };
            let answer = Answer::of(200, headers, body.clone());
            let scope = answer.scope();
            let records: Vec<&Json> = body["rows"].as_array().into_iter().flatten().collect();
            match pager.next(&answer, &scope, &records, &asked) {
                Ok(Next::Turn(turn)) => {
                    told.push(match &turn {
                        Turn::Url(url) => url.clone(),
                        Turn::Put(place, value) => format!("{}={}", place.name, as_text(value).unwrap_or_default()),
                        Turn::First => "first".into(),
                    });
                    asked = turn;
                }
                Ok(Next::End) => told.push("end".into()),
                Ok(Next::Again(_)) => told.push("again".into()),
                Ok(Next::Unproven(words)) | Err(words) => told.push(words),
            }
        }
        told
    }

    #[test]
    fn the_next_url_is_null_at_the_end_and_never_missing() {
        let next = json!({"next": "body.page.next"});
        let pages = [(json!({"page": {"next": "/b"}}), ""), (json!({"page": {"next": null}}), "")];
        assert_eq!(walk(&next, false, &pages), ["/b", "end"]);
        assert_eq!(walk(&next, false, &[(json!({}), "")]), ["its page lacks the field with the next one"]);
        assert_eq!(walk(&next, true, &[(json!({}), "")]), ["end"]);
        let same = [(json!({"page": {"next": "/b"}}), ""), (json!({"page": {"next": "/b"}}), "")];
        assert_eq!(walk(&next, false, &same), ["/b", "it gives the same page again, so it would never end"]);
    }

    #[test]
    fn a_cursor_ends_with_its_own_sign() {
        let cursor = json!({"cursor": {"from": "body.next", "to": "form.cursor", "end": ""}});
        assert_eq!(walk(&cursor, false, &[(json!({"next": "x"}), ""), (json!({"next": ""}), "")]), ["cursor=x", "end"]);
        assert_eq!(walk(&cursor, true, &[(json!({}), "")]), ["its page lacks the field with the cursor"]);
        let token = json!({"cursor": {"from": "body.token", "to": "query.pageToken"}});
        assert_eq!(walk(&token, true, &[(json!({}), "")]), ["end"]);
        assert_eq!(walk(&token, false, &[(json!({}), "")]), ["its page lacks the field with the cursor"]);
        let more = json!({"cursor": {"from": "body.next", "to": "body.after", "more": "body.hasMore"}});
        assert_eq!(walk(&more, true, &[(json!({"next": "x", "hasMore": true}), ""), (json!({"hasMore": false}), "")]), ["after=x", "end"]);
        assert_eq!(walk(&more, true, &[(json!({"hasMore": true, "next": null}), "")]), ["there is more, and no cursor to it"]);
        assert_eq!(walk(&more, true, &[(json!({}), "")]), ["its page does not say whether there is more"]);
    }

    #[test]
    fn a_link_to_itself_proves_that_links_are_given() {
        let own = json!({"link": {"expectSelf": true}});
        let next = "<https://a.example/users?after=2>; rel=\"next\", <https://a.example/users>; rel=\"self\"";
        let last = "<https://a.example/users>; rel=\"self\"";
        assert_eq!(walk(&own, false, &[(json!([]), next), (json!([]), last)]), ["https://a.example/users?after=2", "end"]);
        assert_eq!(walk(&own, false, &[(json!([]), "")]), ["its page has no link to itself, so that there is no next one proves nothing"]);
        assert_eq!(walk(&json!({"link": {}}), false, &[(json!([]), "<https://a.example>; rel=\"prev\"")]), ["end"]);
        assert_eq!(walk(&json!({"link": {}}), false, &[(json!([]), "")]), ["again"]);
    }

    #[test]
    fn numbered_pages_end_with_their_total_or_with_an_empty_one() {
        let offset = json!({"offset": {"to": "query.offset", "total": "body.total"}});
        let page = |rows: usize, total: u64| (json!({"rows": vec![json!({}); rows], "total": total}), "");
        assert_eq!(walk(&offset, false, &[page(2, 3), page(1, 3)]), ["offset=2", "end"]);
        assert_eq!(walk(&offset, false, &[page(2, 3), page(0, 3)]), ["offset=2", "it says that there are 3, and gave 2"]);
        assert_eq!(
            walk(&offset, false, &[page(2, 3), page(1, 4)]),
            ["offset=2", "it said that there are 3 and then 4: it changed while it was read"]
        );
        let number = json!({"page": {"to": "query.page"}});
        assert_eq!(walk(&number, false, &[page(2, 0), page(1, 0), page(0, 0)]), ["page=2", "page=3", "again"]);
        let last = json!({"page": {"to": "query.page", "last": "body.total"}});
        assert_eq!(walk(&last, false, &[page(2, 2), page(0, 2)]), ["page=2", "end"]);
    }

    #[test]
    fn what_comes_after_the_last_one_ends_with_nothing() {
        let after = json!({"after": {"from": "record.id", "to": "query.after"}});
        assert_eq!(walk(&after, false, &[(json!({"rows": [{"id": 1}, {"id": 7}]}), ""), (json!({"rows": []}), "")]), ["after=7", "end"]);
    }
}
