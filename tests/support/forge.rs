//! The two hosts of git repositories, as far as a comment and a status need them: stateful, and held to what their published APIs take.
//!
//! GitHub: the operations and their schemas as `@octokit/openapi` 23.0.2 has them (`generated/api.github.com.json`), and `viewer { login }` of its GraphQL schema.
//! GitLab: `doc/api/notes.md`, `doc/api/commits.md` (status) and `doc/api/users.md` of its documentation.

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use super::answers::{self, Answer, Asked};

/// An operation: verb, path (`{}` is a text, `{n}` a number), names of its query, and its content: names with `!` where they must be there, `=` before the words
/// that a value may be.
type Operation = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const GITHUB: &[Operation] = &[
    ("GET", "/repos/{}/{}/issues/{n}/comments", &["since", "per_page", "page"], &[]),
    ("POST", "/repos/{}/{}/issues/{n}/comments", &[], &["body!"]),
    ("PATCH", "/repos/{}/{}/issues/comments/{n}", &[], &["body!"]),
    ("GET", "/repos/{}/{}/pulls/{n}", &[], &[]),
    ("POST", "/repos/{}/{}/statuses/{}", &[], &["state!=error failure pending success", "target_url", "description", "context"]),
    (
        "POST",
        "/repos/{}/{}/check-runs",
        &[],
        &[
            "name!",
            "head_sha!",
            "details_url",
            "external_id",
            "status=queued in_progress completed",
            "started_at",
            "conclusion=action_required cancelled failure neutral success skipped stale timed_out",
            "completed_at",
            "output",
            "actions",
        ],
    ),
    ("POST", "/graphql", &[], &["query!", "variables"]),
];

const GITLAB: &[Operation] = &[
    ("GET", "/projects/{}/merge_requests/{n}/notes", &["sort", "order_by", "per_page", "page"], &[]),
    ("POST", "/projects/{}/merge_requests/{n}/notes", &[], &["body!", "internal", "created_at", "merge_request_diff_head_sha"]),
    ("PUT", "/projects/{}/merge_requests/{n}/notes/{n}", &[], &["body!"]),
    ("GET", "/user", &[], &[]),
    (
        "POST",
        "/projects/{}/statuses/{}",
        &[],
        &[
            "state!=pending running success failed canceled skipped",
            "name",
            "context",
            "ref",
            "target_url",
            "description",
            "coverage",
            "pipeline_id",
        ],
    ),
];

/// Whose API it speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    GitHub,
    GitLab,
}

/// A comment or a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    pub author: &'static str,
    pub text: String,
}

/// What is told instead of the answer: a status and headers. Where `done`, what was asked is done all the same.
pub struct Trouble {
    pub verb: &'static str,
    pub status: u16,
    pub headers: &'static str,
    pub body: &'static str,
    pub done: bool,
}

#[derive(Default)]
pub struct State {
    pub comments: Vec<Comment>,
    /// answered first, one each
    pub trouble: Vec<Trouble>,
    /// `GET /repos/…`
    pub asked: Vec<String>,
    /// contents of statuses and checks
    pub signals: Vec<Value>,
    /// goes away when somebody wants to write it
    pub vanishes: Option<u64>,
    /// pages without an end
    pub endless: bool,
    /// what the published API does not know
    breaches: Vec<String>,
}

/// A host on this machine.
pub struct Forge {
    /// of its API
    pub url: String,
    state: Arc<Mutex<State>>,
}

/// Who the token is.
pub const ME: &str = "github-actions[bot]";

impl Forge {
    /// With these comments, by author and text.
    pub fn with(speaks: Speaks, below: &'static str, comments: &[(&'static str, String)]) -> Self {
        let comments = comments.iter().zip(1..).map(|((author, text), id)| Comment { id, author, text: text.clone() }).collect();
        let state = Arc::new(Mutex::new(State { comments, ..State::default() }));
        let own = state.clone();
        let url = answers::serve_all(move |asked| answer(speaks, below, asked, &mut own.lock().expect("the state")));
        Self { url: format!("{url}{below}"), state }
    }

    /// What it holds.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state")
    }

    /// The verbs of what was asked since the last time; everything was as the API is published.
    pub fn verbs(&self) -> String {
        let mut state = self.state();
        assert!(state.breaches.is_empty(), "{:?}", state.breaches);
        let asked = std::mem::take(&mut state.asked);
        asked.iter().map(|line| line.split(' ').next().unwrap_or_default()).collect::<Vec<_>>().join(" ")
    }
}

fn answer(speaks: Speaks, below: &str, asked: &Asked, state: &mut State) -> Answer {
    state.asked.push(asked.line.clone());
    let (verb, target) = asked.line.split_once(' ').expect("a verb");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    // GraphQL of an Enterprise server stands beside its API.
    let path = match below.strip_suffix("/v3") {
        Some(above) if path == format!("{above}/graphql") => "/graphql",
        _ => path.strip_prefix(below).unwrap_or(path),
    };
    let signed = match speaks {
        Speaks::GitHub => asked.header("authorization") == Some("Bearer t0ken"),
        Speaks::GitLab => asked.header("private-token") == Some("t0ken"),
    };
    if !signed {
        return (401, String::new(), json!({"message": "Bad credentials: t0ken"}).to_string());
    }
    let content: Value = serde_json::from_str(&asked.body).unwrap_or(Value::Null);
    let table = if speaks == Speaks::GitHub { GITHUB } else { GITLAB };
    if let Some(breach) = breach(table, verb, path, query, &content) {
        state.breaches.push(format!("{}: {breach}", asked.line));
    }
    let trouble = state.trouble.iter().position(|trouble| trouble.verb == verb).map(|at| state.trouble.remove(at));
    if let Some(trouble) = trouble {
        if trouble.done {
            done(speaks, verb, path, query, &content, state);
        }
        return (trouble.status, trouble.headers.to_owned(), trouble.body.to_owned());
    }
    done(speaks, verb, path, query, &content, state)
}

/// How a request is none that the API has.
fn breach(table: &[Operation], verb: &str, path: &str, query: &str, content: &Value) -> Option<String> {
    let fits = |pattern: &str| {
        let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
        pattern.len() == path.len()
            && pattern.iter().zip(&path).all(|(wanted, part)| match *wanted {
                "{}" => !part.is_empty(),
                "{n}" => part.parse::<u64>().is_ok(),
                wanted => wanted == *part,
            })
    };
    let Some((_, _, names, fields)) = table.iter().find(|(known, pattern, ..)| *known == verb && fits(pattern)) else {
        return Some("no such operation".into());
    };
    let odd = query.split('&').filter(|pair| !pair.is_empty()).find(|pair| !names.contains(&pair.split('=').next().unwrap_or_default()));
    if let Some(pair) = odd {
        return Some(format!("no such parameter: {pair}"));
    }
    let empty = serde_json::Map::new();
    let content = content.as_object().unwrap_or(&empty);
    let name = |field: &&str| field.split(['!', '=']).next().unwrap_or_default().to_owned();
    for field in *fields {
        let value = content.get(&name(field));
        if field.contains('!') && value.is_none() {
            return Some(format!("{field} is missing"));
        }
        let words = field.split_once('=').map(|(_, words)| words);
        if let (Some(value), Some(words)) = (value, words)
            && !words.split(' ').any(|word| value == word)
        {
            return Some(format!("{field}: {value}"));
        }
    }
    content.keys().find(|key| !fields.iter().any(|field| name(field) == **key)).map(|key| format!("no such field: {key}"))
}

fn done(speaks: Speaks, verb: &str, path: &str, query: &str, content: &Value, state: &mut State) -> Answer {
    let shown = |comment: &Comment| match speaks {
        Speaks::GitHub => json!({
            "id": comment.id, "body": comment.text, "user": {"login": comment.author, "type": "Bot"},
            "html_url": format!("https://github.example/acme/identity/pull/7#issuecomment-{}", comment.id),
        }),
        Speaks::GitLab => json!({
            "id": comment.id, "body": comment.text, "author": {"id": id_of(comment.author)}, "system": comment.author == "system",
        }),
    };
    let text = content["body"].as_str().unwrap_or_default().to_owned();
    match (verb, path) {
        ("POST", "/graphql") => (200, String::new(), json!({"data": {"viewer": {"login": ME}}}).to_string()),
        ("GET", "/user") => (200, String::new(), json!({"id": id_of(ME), "username": "project_1_bot"}).to_string()),
        ("GET", path) if path.contains("/pulls/") => (200, String::new(), json!({"number": 7, "head": {"sha": "c0ffee"}}).to_string()),
        ("GET", _) => {
            let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok());
            let (page, size) = (value("page").unwrap_or(1), value("per_page").unwrap_or(20).min(100));
            let rows: Vec<Value> = state.comments.iter().skip((page - 1) * size).take(size).map(shown).collect();
            let more = state.endless || state.comments.len() > page * size;
            let headers = match (speaks, more) {
                (_, false) => String::new(),
                (Speaks::GitHub, true) => format!("link: <https://elsewhere.example/?page={}>; rel=\"next\"\r\n", page + 1),
                (Speaks::GitLab, true) => format!("x-next-page: {}\r\n", page + 1),
            };
            (200, headers, Value::from(rows).to_string())
        }
        ("POST", path) if path.ends_with("/comments") || path.ends_with("/notes") => {
            let id = state.comments.iter().map(|comment| comment.id).max().unwrap_or_default() + 1;
            let comment = Comment { id, author: ME, text };
            let answer = (201, String::new(), shown(&comment).to_string());
            state.comments.push(comment);
            answer
        }
        ("POST", _) => {
            state.signals.push(content.clone());
            (201, String::new(), "{}".into())
        }
        (_, path) => {
            let id: u64 = path.rsplit('/').next().and_then(|id| id.parse().ok()).unwrap_or_default();
            if state.vanishes == Some(id) {
                state.comments.retain(|comment| comment.id != id);
            }
            match state.comments.iter_mut().find(|comment| comment.id == id) {
                Some(comment) if comment.author == ME => {
                    comment.text = text;
                    (200, String::new(), shown(comment).to_string())
                }
                Some(_) => (403, String::new(), json!({"message": "not yours"}).to_string()),
                None => (404, String::new(), json!({"message": "Not Found"}).to_string()),
            }
        }
    }
}

fn id_of(author: &str) -> u64 {
    if author == ME { 41 } else { 7 }
}
