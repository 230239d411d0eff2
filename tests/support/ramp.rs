//! A small Ramp, after its published API: users and spend limits that it makes by tasks, pages by a whole URL, keys by which it knows a request again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use super::answers::{Answer, Asked, serve_all};

const PAGE: usize = 2;

/// What it holds.
#[derive(Debug, Default)]
pub struct Ramp {
    /// by id
    pub users: BTreeMap<String, Json>,
    /// by id
    pub limits: BTreeMap<String, Json>,
    /// what was asked of it that changes something
    pub changes: Vec<String>,
    /// by id: what came of it, and whether it was asked about
    tasks: BTreeMap<String, (Json, bool)>,
    /// the tasks of requests that it has had
    keys: BTreeMap<String, String>,
    made: usize,
}

/// Starts one for the rest of the test's process; gives its host.
pub fn start() -> (Arc<Mutex<Ramp>>, String) {
    let ramp = Arc::new(Mutex::new(Ramp::default()));
    let here = ramp.clone();
    let url = serve_all(move |asked| here.lock().expect("no panic").answer(asked));
    (ramp, url.trim_start_matches("http://").to_owned())
}

fn answer(status: u16, body: &Json) -> Answer {
    (status, String::new(), body.to_string())
}

fn refuse(status: u16, words: &str) -> Answer {
    answer(status, &json!({"error_v2": {"error_code": "DEVELOPER_7000", "message": words}}))
}

impl Ramp {
    fn answer(&mut self, asked: &Asked) -> Answer {
        let (method, target) = asked.line.split_once(' ').unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let path = path.trim_start_matches("/developer/v1");
        if path == "/token" {
            return match asked.header("authorization").is_some_and(|value| value.starts_with("Basic ")) {
                true => answer(200, &json!({"access_token": "t0ken", "token_type": "Bearer", "expires_in": 864_000})),
                false => refuse(401, "who are you?"),
            };
        }
        if asked.header("authorization") != Some("Bearer t0ken") {
            return refuse(401, "no token");
        }
        if method != "GET" {
            self.changes.push(format!("{method} {path}"));
        }
        let body: Json = serde_json::from_str(&asked.body).unwrap_or_default();
        let host = asked.header("host").unwrap_or_default();
        match (method, path.trim_matches('/').split('/').collect::<Vec<_>>().as_slice()) {
            ("GET", ["users"]) => page(host, "users", &self.users, &query),
            ("GET", ["limits"]) => page(host, "limits", &self.limits, &query),
            ("GET", [kind @ ("users" | "limits"), id]) => found(if *kind == "users" { &self.users } else { &self.limits }, id),
            ("GET", ["users" | "limits", "deferred", "status", task]) => self.task(task),
            ("POST", ["users", "deferred"]) => self.invite(&body),
            ("PATCH", ["users", id, how @ ("deactivate" | "reactivate")]) => self.access(id, *how == "reactivate"),
            ("PATCH", ["users", id]) => self.change_user(id, &body),
            ("POST", ["limits", "deferred"]) => self.issue(&body),
            ("PATCH", ["limits", id]) => self.change_limit(id, &body),
            ("POST", ["limits", id, "deferred", "termination"]) => self.terminate(id, &body),
            _ => refuse(404, "no such path"),
        }
    }

    fn id(&mut self, what: &str) -> String {
        self.made += 1;
        format!("{what}-{}", self.made)
    }

    /// Something that is done later, and once for one key.
    fn later(&mut self, body: &Json, make: impl FnOnce(&mut Self) -> Json) -> Answer {
        let Some(key) = body["idempotency_key"].as_str() else { return refuse(422, "idempotency_key is missing") };
        if let Some(task) = self.keys.get(key) {
            return answer(201, &json!({"id": task}));
        }
        let data = make(self);
        let task = self.id("task");
        self.keys.insert(key.to_owned(), task.clone());
        self.tasks.insert(task.clone(), (data, false));
        answer(201, &json!({"id": task}))
    }

    fn task(&mut self, id: &str) -> Answer {
        let Some((data, asked)) = self.tasks.get_mut(id) else { return refuse(404, "no such task") };
        if !std::mem::replace(asked, true) && data["error"].is_null() && id.ends_with('7') {
            return answer(200, &json!({"id": id, "status": "IN_PROGRESS"}));
        }
        let status = if data["error"].is_null() { "SUCCESS" } else { "ERROR" };
        answer(200, &json!({"id": id, "status": status, "data": data}))
    }

    fn invite(&mut self, body: &Json) -> Answer {
        if let Some(lacks) = ["email", "first_name", "last_name", "role"].into_iter().find(|name| !body[name].is_string()) {
            return refuse(422, &format!("{lacks} is missing"));
        }
        if self.users.values().any(|user| user["email"] == body["email"]) {
            return self.later(body, |_| json!({"error": "the email is taken"}));
        }
        self.later(body, |ramp| {
            let id = ramp.id("user");
            let mut user = json!({"id": id, "status": "INVITE_PENDING", "manager_id": body["direct_manager_id"], "business_id": "b"});
            for name in ["email", "first_name", "last_name", "role", "department_id", "location_id"] {
                user[name] = body[name].clone();
            }
            ramp.users.insert(id.clone(), user);
            json!({"user_id": id})
        })
    }

    fn access(&mut self, id: &str, active: bool) -> Answer {
        let Some(user) = self.users.get_mut(id) else { return refuse(404, "no such user") };
        user["status"] = Json::from(if active { "USER_ACTIVE" } else { "USER_INACTIVE" });
        answer(200, &json!({}))
    }

    fn change_user(&mut self, id: &str, body: &Json) -> Answer {
        let Some(user) = self.users.get_mut(id) else { return refuse(404, "no such user") };
        for (name, value) in body.as_object().into_iter().flatten() {
            match name.as_str() {
                "direct_manager_id" => user["manager_id"] = value.clone(),
                "department_id" | "location_id" | "role" => user[name] = value.clone(),
                _ => return refuse(422, &format!("{name} can't be changed")),
            }
        }
        answer(200, user)
    }

    fn issue(&mut self, body: &Json) -> Answer {
        let restrictions = &body["spending_restrictions"];
        if !sound(restrictions) || !self.users.contains_key(body["user_id"].as_str().unwrap_or_default()) {
            return refuse(422, "user_id, interval and limit are needed");
        }
        let restrictions = restrictions.clone();
        self.later(body, |ramp| {
            let id = ramp.id("limit");
            let limit = json!({
                "id": id, "state": "ACTIVE", "display_name": body["display_name"], "spend_program_id": body["spend_program_id"],
                "users": [{"user_id": body["user_id"]}], "restrictions": restrictions,
            });
            ramp.limits.insert(id.clone(), limit);
            json!({"spend_limit_id": id})
        })
    }

    fn change_limit(&mut self, id: &str, body: &Json) -> Answer {
        let Some(limit) = self.limits.get_mut(id) else { return refuse(404, "no such limit") };
        if !body["spending_restrictions"].is_null() {
            if !sound(&body["spending_restrictions"]) {
                return refuse(422, "interval and limit are needed");
            }
            limit["restrictions"] = body["spending_restrictions"].clone();
        }
        if !body["display_name"].is_null() {
            limit["display_name"] = body["display_name"].clone();
        }
        answer(200, limit)
    }

    fn terminate(&mut self, id: &str, body: &Json) -> Answer {
        if !self.limits.contains_key(id) {
            return refuse(404, "no such limit");
        }
        self.later(body, |ramp| {
            ramp.limits.get_mut(id).expect("it is there")["state"] = Json::from("TERMINATED");
            json!({"spend_limit_id": id})
        })
    }
}

fn sound(restrictions: &Json) -> bool {
    restrictions["interval"].is_string() && restrictions["limit"]["amount"].is_i64() && restrictions["limit"]["currency_code"].is_string()
}

fn found(all: &BTreeMap<String, Json>, id: &str) -> Answer {
    all.get(id).map_or_else(|| refuse(404, "not found"), |found| answer(200, found))
}

fn page(host: &str, kind: &str, all: &BTreeMap<String, Json>, query: &BTreeMap<String, String>) -> Answer {
    let email = query.get("email");
    let all: Vec<(&String, &Json)> = all.iter().filter(|(_, one)| email.is_none_or(|email| one["email"] == **email)).collect();
    let from = query.get("start").map_or(0, |start| all.iter().position(|(id, _)| *id == start).map_or(0, |at| at + 1));
    let data: Vec<&Json> = all.iter().skip(from).take(PAGE).map(|(_, one)| *one).collect();
    let last = all.get(from + PAGE - 1).filter(|_| all.len() > from + PAGE);
    let next = last.map(|(id, _)| format!("http://{host}/developer/v1/{kind}/?page_size={PAGE}&start={id}"));
    answer(200, &json!({"data": data, "page": {"next": next}}))
}
