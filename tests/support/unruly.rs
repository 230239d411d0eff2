//! A SCIM service with a state and bad manners: it keeps what it is told and tells what it keeps, in whichever way it was made to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value as Json, json};
use url::Url;

use super::answers::{Answer, Asked, serve_all};

/// What a service does otherwise than RFC 7643 and 7644 say, or offers beyond them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manner {
    /// PATCH is answered with 501
    NoPatch,
    /// PATCH is answered with 404
    PatchUnknown,
    /// PUT is answered with 405
    NoPut,
    /// `members[value eq "…"]` is refused
    NoValuePaths,
    /// `members[value eq "…"]` is answered with 204, and does nothing
    DeafToValuePaths,
    /// members are removed by a list of values alone, and there is no PUT of groups
    RemovesByValue,
    /// `active` is a text, written and read
    TextBooleans,
    /// whatever is asked for, everybody is answered
    IgnoresFilters,
    /// `eq` is answered with whom it is about, and with somebody else
    TwoForOne,
    /// filters are refused
    NoFilters,
    /// lists come in one piece
    IgnoresPaging,
    /// no page holds more than seven
    CapsPages,
    /// lists are paged by cursor alone, and announce no total
    Cursors,
    /// `count` is answered with 500
    CountBreaks,
    /// members are user names
    NamesMembers,
    /// a member without `$ref` is refused
    WantsRefs,
    /// one value is kept of several
    KeepsOne,
    /// user names are kept in small letters
    SmallNames,
    /// ids are made of names, and change with them
    MovingIds,
    /// changes are answered with 204, creates without a body
    SaysNothing,
    /// `Location` counts from the host
    RelativeLocations,
    /// a name that is taken is answered with 500
    TakenIs500,
    /// ETags are offered, and If-Match is held
    Versions,
    /// a change without If-Match is refused
    WantsVersions,
    /// many changes in one request
    Bulk,
    /// `op: remove` of an attribute is refused; null clears
    NoRemove,
    /// `op: remove` and null are refused; an empty text clears
    ClearsByEmpty,
    /// `manager` is a plain text
    ManagerText,
    /// a group can't be made empty
    NoEmptyGroups,
    /// members are told to those who ask for them
    HidesMembers,
    /// a token is good for some requests
    ShortTokens,
}

impl Manner {
    /// All of them.
    pub const ALL: [Self; 31] = [
        Self::NoPatch,
        Self::PatchUnknown,
        Self::NoPut,
        Self::NoValuePaths,
        Self::DeafToValuePaths,
        Self::RemovesByValue,
        Self::TextBooleans,
        Self::IgnoresFilters,
        Self::TwoForOne,
        Self::NoFilters,
        Self::IgnoresPaging,
        Self::CapsPages,
        Self::Cursors,
        Self::CountBreaks,
        Self::NamesMembers,
        Self::WantsRefs,
        Self::KeepsOne,
        Self::SmallNames,
        Self::MovingIds,
        Self::SaysNothing,
        Self::RelativeLocations,
        Self::TakenIs500,
        Self::Versions,
        Self::WantsVersions,
        Self::Bulk,
        Self::NoRemove,
        Self::ClearsByEmpty,
        Self::ManagerText,
        Self::NoEmptyGroups,
        Self::HidesMembers,
        Self::ShortTokens,
    ];

    /// Whether a service can have all of these at once.
    pub fn go_together(manners: &BTreeSet<Self>) -> bool {
        use Manner::*;
        let one_at_most = |of: &[Self]| of.iter().filter(|manner| manners.contains(manner)).count() <= 1;
        [
            &[NoPatch, PatchUnknown, NoPut, RemovesByValue][..],
            &[NoPatch, PatchUnknown, Bulk],
            &[NoValuePaths, DeafToValuePaths, RemovesByValue],
            &[DeafToValuePaths, NoPut],
            &[NoValuePaths, NoPut],
            &[IgnoresFilters, TwoForOne, NoFilters],
            &[IgnoresPaging, CapsPages, CountBreaks],
            &[IgnoresPaging, Cursors, CountBreaks],
            &[NoRemove, ClearsByEmpty],
        ]
        .into_iter()
        .all(one_at_most)
    }

    /// What a manifest has to say of it, where the service neither tells nor shows it.
    pub fn declared(manners: &BTreeSet<Self>) -> Json {
        let mut dialect = json!({});
        for manner in manners {
            match manner {
                Self::TextBooleans => dialect["textBooleans"] = json!(true),
                Self::NamesMembers => dialect["members"] = json!("userName"),
                Self::WantsRefs => dialect["memberRef"] = json!(true),
                Self::KeepsOne => dialect["singleValued"] = json!(["emails", "phoneNumbers"]),
                Self::ManagerText => dialect["manager"] = json!("text"),
                Self::NoEmptyGroups => dialect["emptyMember"] = json!(SERVICE),
                _ => {}
            }
        }
        dialect
    }
}

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// An account that no list has, and that may be a member.
const SERVICE: &str = "service";
const BASE: &str = "/scim/v2";
/// What its token endpoint takes.
pub const CLIENT: (&str, &str) = ("headcount", "the client's secret");
const GOOD_FOR: usize = 60;

/// A running service. It answers for the rest of the test's process.
#[derive(Clone)]
pub struct Unruly {
    /// its host
    pub host: String,
    state: Arc<Mutex<State>>,
}

struct State {
    host: String,
    manners: BTreeSet<Manner>,
    /// accounts and groups by what they are known by inside, in the order in which they came
    objects: BTreeMap<u64, Object>,
    made: u64,
    /// requests since the last token
    since: usize,
    token: u64,
    /// first lines and statuses
    log: Vec<(String, u16)>,
}

struct Object {
    is_group: bool,
    /// as it was told, without members and manager
    fields: Map<String, Json>,
    /// who is in it: accounts and groups from inside, or the service's own account
    members: Vec<Member>,
    manager: Option<u64>,
    version: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Known(u64),
    Service,
}

struct Reply {
    status: u16,
    body: Option<Json>,
    location: Option<String>,
    version: Option<u64>,
}

impl Reply {
    fn new(status: u16, body: Json) -> Self {
        Self { status, body: Some(body), location: None, version: None }
    }

    fn refused(status: u16, kind: &str) -> Self {
        Self::new(status, json!({ "status": status.to_string(), "scimType": kind, "detail": "no" }))
    }
}

/// A request, taken apart.
struct Request {
    method: String,
    segments: Vec<String>,
    query: BTreeMap<String, String>,
    if_match: Option<String>,
    body: Json,
}

impl Unruly {
    /// Starts one.
    pub fn start(manners: impl IntoIterator<Item = Manner>) -> Self {
        let state = State {
            host: String::new(),
            manners: manners.into_iter().collect(),
            objects: BTreeMap::new(),
            made: 0,
            since: 0,
            token: 0,
            log: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let known = state.clone();
        let host = serve_all(move |asked| held(&known).answer(asked));
        held(&state).host.clone_from(&host);
        Self { host, state }
    }

    /// The base of its SCIM service.
    pub fn url(&self) -> String {
        format!("{}{BASE}", self.host)
    }

    /// What was asked, and the status of each answer.
    pub fn log(&self) -> Vec<(String, u16)> {
        held(&self.state).log.clone()
    }

    /// Somebody else makes an account.
    pub fn add_user(&self, user: Json) {
        let mut state = held(&self.state);
        let request = Request { method: "POST".into(), segments: vec!["Users".into()], query: BTreeMap::new(), if_match: None, body: user };
        assert_eq!(state.make(&request, false).status, 201);
    }

    /// The user names that are there.
    pub fn user_names(&self) -> Vec<String> {
        let state = held(&self.state);
        state.objects.values().filter(|object| !object.is_group).map(Object::name).collect()
    }
}

fn held(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Object {
    fn name(&self) -> String {
        let name = if self.is_group { "displayName" } else { "userName" };
        self.fields.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
    }
}

impl State {
    fn has(&self, manner: Manner) -> bool {
        self.manners.contains(&manner)
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        let (method, path) = asked.line.split_once(' ').unwrap_or_default();
        let url = Url::parse(&format!("http://host{path}")).expect("a path");
        let reply = if url.path() == "/token" {
            self.give_token(asked)
        } else if self.is_signed_in(asked) {
            let segments = url.path().trim_start_matches(BASE).split('/').filter(|part| !part.is_empty());
            let decode = |part: &str| {
                let text = format!("x={}", part.replace('+', "%2B"));
                url::form_urlencoded::parse(text.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
            };
            let request = Request {
                method: method.into(),
                segments: segments.map(decode).collect(),
                query: url.query_pairs().into_owned().collect(),
                if_match: asked.header("if-match").map(str::to_owned),
                body: serde_json::from_str(&asked.body).unwrap_or_default(),
            };
            self.handle(&request)
        } else {
            Reply::refused(401, "")
        };
        self.log.push((asked.line.clone(), reply.status));
        let mut headers = String::new();
        if let Some(location) = &reply.location {
            let whole = if self.has(Manner::RelativeLocations) { String::new() } else { self.host.clone() };
            headers += &format!("location: {whole}{location}\r\n");
        }
        if let Some(version) = reply.version.filter(|_| self.has(Manner::Versions) || self.has(Manner::WantsVersions)) {
            headers += &format!("etag: W/\"{version}\"\r\n");
        }
        (reply.status, headers, reply.body.map(|body| body.to_string()).unwrap_or_default())
    }

    fn give_token(&mut self, asked: &Asked) -> Reply {
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(asked.body.as_bytes()).into_owned().collect();
        let shown =
            form.get("client_id").map(String::as_str) == Some(CLIENT.0) && form.get("client_secret").map(String::as_str) == Some(CLIENT.1);
        if form.get("grant_type").map(String::as_str) != Some("client_credentials") || !shown {
            return Reply::new(401, json!({ "error": "invalid_client" }));
        }
        (self.token, self.since) = (self.token + 1, 0);
        Reply::new(200, json!({ "access_token": format!("token-{}", self.token), "token_type": "Bearer" }))
    }

    fn is_signed_in(&mut self, asked: &Asked) -> bool {
        if !self.has(Manner::ShortTokens) {
            return true;
        }
        self.since += 1;
        asked.header("authorization") == Some(&format!("Bearer token-{}", self.token)) && self.since <= GOOD_FOR
    }

    fn handle(&mut self, request: &Request) -> Reply {
        let is_group = match request.segments.first().map(String::as_str) {
            Some("Users") => false,
            Some("Groups") => true,
            Some("ServiceProviderConfig") => return Reply::new(200, self.config()),
            Some("Bulk") if self.has(Manner::Bulk) && request.method == "POST" => return self.bulk(request),
            _ => return Reply::refused(404, ""),
        };
        match (request.method.as_str(), request.segments.get(1)) {
            ("GET", None) => self.list(request, is_group),
            ("POST", None) => self.make(request, is_group),
            (_, None) => Reply::refused(405, ""),
            (method, Some(id)) => {
                if method == "PATCH" && self.has(Manner::NoPatch) {
                    return Reply::refused(501, "");
                }
                if method == "PATCH" && self.has(Manner::PatchUnknown) {
                    return Reply::refused(404, "");
                }
                if method == "PUT" && (self.has(Manner::NoPut) || (is_group && self.has(Manner::RemovesByValue))) {
                    return Reply::refused(405, "");
                }
                let Some(at) = self.find(id, is_group) else { return Reply::refused(404, "") };
                self.about(request, at)
            }
        }
    }

    fn about(&mut self, request: &Request, at: u64) -> Reply {
        let version = self.objects[&at].version;
        let said = request.if_match.clone();
        let versions = self.has(Manner::Versions) || self.has(Manner::WantsVersions);
        match request.method.as_str() {
            "GET" => {
                let told = self.told(at, request.query.get("attributes").is_some_and(|names| names.contains("members")));
                Reply { version: Some(version), ..Reply::new(200, told) }
            }
            "PATCH" | "PUT" if said.is_none() && self.has(Manner::WantsVersions) => Reply::refused(428, ""),
            "PATCH" | "PUT" if versions && said.as_ref().is_some_and(|said| *said != format!("W/\"{version}\"")) => Reply::refused(412, ""),
            "PATCH" => self.patch(request, at),
            "PUT" => match self.put(at, &request.body, true) {
                Ok(()) => self.changed(at),
                Err(refused) => refused,
            },
            "DELETE" => {
                self.objects.remove(&at);
                for object in self.objects.values_mut() {
                    object.members.retain(|member| *member != Member::Known(at));
                    object.manager = object.manager.filter(|manager| *manager != at);
                }
                Reply { body: None, ..Reply::new(204, Json::Null) }
            }
            _ => Reply::refused(405, ""),
        }
    }

    fn changed(&mut self, at: u64) -> Reply {
        if let Some(object) = self.objects.get_mut(&at) {
            object.version += 1;
        }
        let version = Some(self.objects[&at].version);
        match self.has(Manner::SaysNothing) {
            true => Reply { body: None, version, ..Reply::new(204, Json::Null) },
            false => Reply { version, ..Reply::new(200, self.told(at, false)) },
        }
    }

    fn config(&self) -> Json {
        json!({
            "patch": { "supported": !self.has(Manner::NoPatch) || self.has(Manner::PatchUnknown) },
            "filter": { "supported": true, "maxResults": 100 },
            "etag": { "supported": self.has(Manner::Versions) },
            "bulk": { "supported": self.has(Manner::Bulk), "maxOperations": 20, "maxPayloadSize": 1_000_000 },
            "pagination": { "cursor": self.has(Manner::Cursors), "index": !self.has(Manner::Cursors) },
        })
    }

    fn bulk(&mut self, request: &Request) -> Reply {
        let operations = request.body["Operations"].as_array().cloned().unwrap_or_default();
        assert!(operations.len() <= 20, "more than it allows");
        let results: Vec<Json> = operations
            .into_iter()
            .map(|operation| {
                let path = operation["path"].as_str().unwrap_or_default();
                let method = operation["method"].as_str().unwrap_or_default().to_owned();
                let url = Url::parse(&format!("http://host{path}")).expect("a path");
                let part = Request {
                    method: method.clone(),
                    segments: url.path().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
                    query: BTreeMap::new(),
                    if_match: None,
                    body: operation["data"].clone(),
                };
                let reply = self.handle(&part);
                let location = reply.location.or_else(|| Some(format!("{BASE}{path}"))).map(|place| format!("{}{place}", self.host));
                let failed = reply.body.filter(|_| reply.status >= 300);
                json!({ "method": method, "bulkId": operation["bulkId"], "location": location, "status": reply.status.to_string(), "response": failed })
            })
            .collect();
        Reply::new(200, json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"], "Operations": results }))
    }

    fn make(&mut self, request: &Request, is_group: bool) -> Reply {
        let empty = request.body["members"].as_array().is_none_or(Vec::is_empty);
        if is_group && empty && self.has(Manner::NoEmptyGroups) {
            return Reply::refused(400, "invalidValue");
        }
        self.made += 1;
        let at = self.made;
        let object = Object { is_group, fields: Map::new(), members: Vec::new(), manager: None, version: 1 };
        self.objects.insert(at, object);
        if let Err(refused) = self.put(at, &request.body, true) {
            self.objects.remove(&at);
            return refused;
        }
        let location = Some(format!("{BASE}/{}/{}", if is_group { "Groups" } else { "Users" }, self.id(at)));
        let body = if self.has(Manner::SaysNothing) { None } else { Some(self.told(at, false)) };
        Reply { status: 201, body, location, version: Some(1) }
    }

    /// Takes a whole resource.
    fn put(&mut self, at: u64, body: &Json, whole: bool) -> Result<(), Reply> {
        let Some(fields) = body.as_object() else { return Err(Reply::refused(400, "invalidSyntax")) };
        let is_group = self.objects[&at].is_group;
        let mut fields = fields.clone();
        for own in ["id", "meta", "groups"] {
            fields.remove(own);
        }
        let members = match fields.remove("members") {
            Some(members) => self.members(&members)?,
            None => Vec::new(),
        };
        let mut manager = None;
        if let Some(extension) = fields.get_mut(ENTERPRISE).and_then(Json::as_object_mut) {
            manager = extension.remove("manager").filter(|said| !nothing(said));
        }
        let manager = manager.map(|said| self.manager(&said)).transpose()?;
        fields.retain(|_, value| !nothing(value));
        if let Some(active) = fields.get_mut("active") {
            *active = self.active(active)?;
        }
        self.fit(at, &mut fields)?;
        let object = self.objects.get_mut(&at).expect("it is there");
        object.fields = fields;
        object.manager = manager;
        if is_group && whole {
            object.members = members;
        }
        Ok(())
    }

    /// Whether somebody is active, as it is kept.
    fn active(&self, said: &Json) -> Result<Json, Reply> {
        match (said, self.has(Manner::TextBooleans)) {
            (Json::Bool(active), false) => Ok(json!(active)),
            (Json::String(text), true) => Ok(json!(text.eq_ignore_ascii_case("true"))),
            _ => Err(Reply::refused(400, "invalidValue")),
        }
    }

    /// What it keeps of what it is told, or why it keeps nothing.
    fn fit(&self, at: u64, fields: &mut Map<String, Json>) -> Result<(), Reply> {
        let is_group = self.objects[&at].is_group;
        if self.has(Manner::KeepsOne) {
            for name in ["emails", "phoneNumbers"] {
                if let Some(Json::Array(items)) = fields.get_mut(name) {
                    items.truncate(1);
                }
            }
        }
        if is_group {
            return Ok(());
        }
        let name = fields.get("userName").and_then(Json::as_str).unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(Reply::refused(400, "invalidValue"));
        }
        let taken = self
            .objects
            .iter()
            .any(|(other, object)| *other != at && !object.is_group && object.name().to_lowercase() == name.to_lowercase());
        if taken {
            return Err(if self.has(Manner::TakenIs500) { Reply::refused(500, "") } else { Reply::refused(409, "uniqueness") });
        }
        if self.has(Manner::SmallNames) {
            fields.insert("userName".into(), json!(name.to_lowercase()));
        }
        Ok(())
    }

    fn manager(&self, said: &Json) -> Result<u64, Reply> {
        let id = match self.has(Manner::ManagerText) {
            true => said.as_str(),
            false => said["value"].as_str(),
        };
        id.and_then(|id| self.find(id, false)).ok_or_else(|| Reply::refused(400, "invalidValue"))
    }

    fn members(&self, said: &Json) -> Result<Vec<Member>, Reply> {
        let refused = || Reply::refused(400, "invalidValue");
        let mut members = Vec::new();
        for entry in said.as_array().ok_or_else(refused)? {
            let value = entry["value"].as_str().ok_or_else(refused)?;
            if value == SERVICE {
                members.push(Member::Service);
                continue;
            }
            if self.has(Manner::WantsRefs) && entry["$ref"].as_str().is_none() {
                return Err(refused());
            }
            members.push(Member::Known(self.member(value).ok_or_else(refused)?));
        }
        Ok(members)
    }

    /// An account, or a group that is nested.
    fn member(&self, value: &str) -> Option<u64> {
        let by_name = || self.objects.iter().find(|(_, object)| !object.is_group && object.name() == value).map(|(at, _)| *at);
        let account = if self.has(Manner::NamesMembers) { by_name() } else { self.find(value, false) };
        account.or_else(|| self.find(value, true))
    }

    fn patch(&mut self, request: &Request, at: u64) -> Reply {
        let (fields, members, manager) = {
            let object = &self.objects[&at];
            (object.fields.clone(), object.members.clone(), object.manager)
        };
        for operation in request.body["Operations"].as_array().cloned().unwrap_or_default() {
            if let Err(refused) = self.operate(at, &operation) {
                let object = self.objects.get_mut(&at).expect("it is there");
                (object.fields, object.members, object.manager) = (fields, members, manager);
                return refused;
            }
        }
        let mut now = self.objects[&at].fields.clone();
        if let Err(refused) = self.fit(at, &mut now) {
            let object = self.objects.get_mut(&at).expect("it is there");
            (object.fields, object.members, object.manager) = (fields, members, manager);
            return refused;
        }
        self.objects.get_mut(&at).expect("it is there").fields = now;
        self.changed(at)
    }

    fn operate(&mut self, at: u64, operation: &Json) -> Result<(), Reply> {
        let (op, path) = (operation["op"].as_str().unwrap_or_default().to_lowercase(), operation["path"].as_str().unwrap_or_default());
        let value = operation.get("value").cloned();
        if path == "members" || path.starts_with("members[") {
            return self.operate_on_members(at, &op, path, value);
        }
        let (home, name) = match path.strip_prefix(ENTERPRISE) {
            Some(rest) => (Some(ENTERPRISE), rest.trim_start_matches(':').to_owned()),
            None => (None, path.to_owned()),
        };
        let clears = op == "remove" || value.as_ref().is_none_or(nothing);
        let refuses = match (&value, op.as_str()) {
            (_, "remove") => self.has(Manner::NoRemove) || self.has(Manner::ClearsByEmpty),
            (Some(Json::Null), _) => self.has(Manner::ClearsByEmpty),
            _ => false,
        };
        if refuses {
            return Err(Reply::refused(400, "invalidSyntax"));
        }
        if name == "manager" {
            let manager = if clears { None } else { Some(self.manager(&value.unwrap_or_default())?) };
            self.objects.get_mut(&at).expect("it is there").manager = manager;
            return Ok(());
        }
        let value = value.filter(|_| !clears);
        let value = if name == "active" { value.map(|said| self.active(&said)).transpose()? } else { value };
        let fields = &mut self.objects.get_mut(&at).expect("it is there").fields;
        let way: Vec<&str> = home.into_iter().chain(name.split('.')).collect();
        set(fields, &way, value);
        Ok(())
    }

    fn operate_on_members(&mut self, at: u64, op: &str, path: &str, value: Option<Json>) -> Result<(), Reply> {
        let by_path = path.starts_with("members[");
        if by_path && (self.has(Manner::NoValuePaths) || self.has(Manner::RemovesByValue)) {
            return Err(Reply::refused(400, if self.has(Manner::NoValuePaths) { "invalidPath" } else { "" }));
        }
        match (op, by_path) {
            ("add", false) => {
                let members = self.members(&value.unwrap_or_default())?;
                let known = &mut self.objects.get_mut(&at).expect("it is there").members;
                for member in members.into_iter().filter(|member| !known.contains(member)).collect::<Vec<_>>() {
                    known.push(member);
                }
            }
            ("remove", true) => {
                if self.has(Manner::DeafToValuePaths) {
                    return Ok(());
                }
                let quoted = path.strip_prefix("members[value eq ").and_then(|rest| rest.strip_suffix(']'));
                let text: String =
                    quoted.and_then(|quoted| serde_json::from_str(quoted).ok()).ok_or_else(|| Reply::refused(400, "invalidPath"))?;
                let gone = self.member(&text);
                let known = &mut self.objects.get_mut(&at).expect("it is there").members;
                known.retain(|member| gone.is_none_or(|gone| *member != Member::Known(gone)));
            }
            ("remove", false) => {
                let gone = value.filter(|_| self.has(Manner::RemovesByValue)).map(|value| self.listed(&value));
                let known = &mut self.objects.get_mut(&at).expect("it is there").members;
                known.retain(|member| gone.as_ref().is_some_and(|gone| !gone.contains(member)));
            }
            _ => return Err(Reply::refused(400, "invalidSyntax")),
        }
        Ok(())
    }

    fn listed(&self, value: &Json) -> Vec<Member> {
        let entries = value.as_array().into_iter().flatten().filter_map(|entry| entry["value"].as_str());
        entries.filter_map(|value| self.member(value)).map(Member::Known).collect()
    }

    fn list(&self, request: &Request, is_group: bool) -> Reply {
        let query = |name: &str| request.query.get(name).map(String::as_str);
        if self.has(Manner::CountBreaks) && query("count").is_some() {
            return Reply::refused(500, "");
        }
        let all: Vec<u64> = self.objects.iter().filter(|(_, object)| object.is_group == is_group).map(|(at, _)| *at).collect();
        let asked = query("attributes").is_some_and(|names| names.contains("members"));
        let found = match query("filter") {
            Some(_) if self.has(Manner::NoFilters) => return Reply::refused(400, "invalidFilter"),
            Some(filter) if !self.has(Manner::IgnoresFilters) => {
                let mut found: Vec<u64> = all.iter().copied().filter(|at| self.matches(*at, filter)).collect();
                if self.has(Manner::TwoForOne) {
                    found.extend(all.iter().copied().find(|at| !found.contains(at)));
                }
                found
            }
            _ => all,
        };
        let told = |at: &u64| self.told(*at, asked);
        let total = found.len();
        if self.has(Manner::IgnoresPaging) {
            return Reply::new(200, json!({ "totalResults": total, "Resources": found.iter().map(told).collect::<Vec<_>>() }));
        }
        let most = if self.has(Manner::CapsPages) { 7 } else { 100 };
        let count = query("count").and_then(|count| count.parse().ok()).unwrap_or(100).min(most);
        if self.has(Manner::Cursors) {
            let Some(cursor) = query("cursor") else { return Reply::refused(400, "invalidValue") };
            let from: usize = cursor.parse().unwrap_or(0);
            let page: Vec<Json> = found.iter().skip(from).take(count).map(told).collect();
            let next = (from + page.len() < total).then(|| (from + page.len()).to_string());
            return Reply::new(200, json!({ "itemsPerPage": page.len(), "nextCursor": next, "Resources": page }));
        }
        let start: usize = query("startIndex").and_then(|start| start.parse().ok()).unwrap_or(1).max(1);
        let page: Vec<Json> = found.iter().skip(start - 1).take(count).map(told).collect();
        Reply::new(200, json!({ "totalResults": total, "startIndex": start, "itemsPerPage": page.len(), "Resources": page }))
    }

    /// `path eq "value"`
    fn matches(&self, at: u64, filter: &str) -> bool {
        let Some((path, quoted)) = filter.split_once(" eq ") else { return false };
        let Ok(value) = serde_json::from_str::<String>(quoted) else { return false };
        let told = self.told(at, true);
        let path = path.strip_prefix(ENTERPRISE).map_or(path.to_owned(), |rest| rest.trim_start_matches(':').to_owned());
        let mut found =
            told.get(ENTERPRISE).filter(|extension| extension.get(path.split('.').next().unwrap_or_default()).is_some()).unwrap_or(&told);
        for part in path.split('.') {
            found = match found {
                Json::Array(_) => break,
                other => other.get(part).unwrap_or(&Json::Null),
            };
        }
        let same = |found: &Json| {
            found.as_str().is_some_and(|found| found == value || (path.ends_with("Name") && found.to_lowercase() == value.to_lowercase()))
        };
        match found {
            Json::Array(items) => items.iter().any(|item| same(&item["value"])),
            other => same(other),
        }
    }

    /// What it is known by from outside.
    fn id(&self, at: u64) -> String {
        if self.has(Manner::MovingIds) {
            let name = self.objects[&at].name();
            return name.bytes().fold(String::from("of-"), |id, byte| format!("{id}{byte:02x}"));
        }
        format!("{}{at}", if self.objects[&at].is_group { "g" } else { "u" })
    }

    fn find(&self, id: &str, is_group: bool) -> Option<u64> {
        self.objects.iter().find(|(at, object)| object.is_group == is_group && self.id(**at) == id).map(|(at, _)| *at)
    }

    fn told(&self, at: u64, asked: bool) -> Json {
        let object = &self.objects[&at];
        let mut told = Json::Object(object.fields.clone());
        told["id"] = json!(self.id(at));
        let kind = if object.is_group { "Group" } else { "User" };
        told["meta"] = json!({ "resourceType": kind, "location": format!("{}{BASE}/{kind}s/{}", self.host, self.id(at)) });
        if let Some(active) = told.get("active").and_then(Json::as_bool).filter(|_| self.has(Manner::TextBooleans)) {
            told["active"] = json!(if active { "True" } else { "False" });
        }
        if let Some(manager) = object.manager {
            let id = self.id(manager);
            told[ENTERPRISE]["manager"] = if self.has(Manner::ManagerText) { json!(id) } else { json!({ "value": id }) };
        }
        if object.is_group && (asked || !self.has(Manner::HidesMembers)) {
            told["members"] = object.members.iter().map(|member| self.told_member(*member)).collect();
        }
        told
    }

    fn told_member(&self, member: Member) -> Json {
        let Member::Known(at) = member else { return json!({ "value": SERVICE, "type": "User" }) };
        let object = &self.objects[&at];
        let kind = if object.is_group { "Group" } else { "User" };
        if self.has(Manner::NamesMembers) && !object.is_group {
            return json!({ "value": object.name(), "type": kind });
        }
        json!({ "value": self.id(at), "type": kind, "$ref": format!("{}{BASE}/{kind}s/{}", self.host, self.id(at)) })
    }
}

fn nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.values().all(nothing),
        _ => false,
    }
}

fn set(fields: &mut Map<String, Json>, way: &[&str], value: Option<Json>) {
    match (way, value) {
        ([name], Some(value)) => drop(fields.insert((*name).to_owned(), value)),
        ([name], None) => drop(fields.remove(*name)),
        ([name, rest @ ..], value) => {
            let inner = fields.entry((*name).to_owned()).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                set(inner, rest, value);
            }
            if fields.get(*name).is_some_and(nothing) {
                fields.remove(*name);
            }
        }
        ([], _) => {}
    }
}
