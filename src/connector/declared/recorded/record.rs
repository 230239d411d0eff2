//! Makes a ConnectorTest of what a live system answers: reads it as a run does, puts made-up words for everything, plays it, and writes down what came.
//!
//! Must never: write to the system, or let a word of it into the document that the Connector does not name itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::anonymous::Anonymous;
use super::play::{self, Came};
use super::{Trial, compare};
use crate::connector::Surroundings;
use crate::connector::connections::Connections;
use crate::connector::declared::definition::Definition;
use crate::http::{Recording, Request, Response, Url};
use crate::manifest::API_VERSION;
use crate::manifest::connection::DeclaredConnection;
use crate::manifest::kinds::connector::{
    CaseExpectation, ConnectorCase, ConnectorSpec, ConnectorTestSpec, Exchange, ReadWhat, RecordedAnswer,
};
use crate::model::SystemError;

/// Headers that say how a list goes on; the others are nobody's business.
const LINK: &str = "link";

/// The test, as YAML.
pub async fn record(connection: &DeclaredConnection, around: &Surroundings) -> Result<String, SystemError> {
    let document =
        connection.document.as_ref().ok_or_else(|| SystemError::Rejected(format!("there is no Connector {}", connection.name)))?;
    let unsound = |_| SystemError::Rejected(format!("the Connector {} is not sound: `headcount validate` says where", connection.name));
    let definition = Definition::compile(&connection.name, document, &connection.config).map_err(unsound)?;
    let mut anonymous = Anonymous::new(document, &connection.config);
    let mut test = ConnectorTestSpec {
        connector: None,
        config: BTreeMap::new(),
        auth: connection.auth.keys().next().cloned(),
        secrets: BTreeMap::new(),
        cases: Vec::new(),
    };
    for (what, name) in reads(document) {
        let recording = Recording::default();
        let around = Surroundings { recording: Some(recording.clone()), ..around.clone() }.over(&Connections::default());
        let mut case = ConnectorCase { name: name.to_owned(), read: Some(what), ..ConnectorCase::default() };
        play::case(&case, &definition, connection, &around).await;
        let many =
            || SystemError::Rejected(format!("{name} take too many requests for a test; record from a tenant for tests, with few people"));
        let taken = recording.taken().ok_or_else(many)?;
        case.exchanges = taken.iter().map(|(request, response)| exchange(&definition.base, request, response, &mut anonymous)).collect();
        test.cases.push(case);
    }
    for at in 0..test.cases.len() {
        let expect = expected(&connection.name, document, &test, at).await?;
        if let Some(case) = test.cases.get_mut(at) {
            case.expect = expect;
        }
    }
    written(&connection.name, &test)
}

fn reads(document: &ConnectorSpec) -> Vec<(ReadWhat, &'static str)> {
    let accounts = document.accounts.as_ref().is_some_and(|accounts| accounts.list.is_some());
    let groups = document.groups.values().any(|objects| objects.list.is_some());
    let members = document.groups.values().any(|objects| objects.members.is_some());
    let entitlements = !document.entitlements.is_empty();
    let all = [
        (accounts, (ReadWhat::Accounts, "accounts")),
        (groups, (ReadWhat::Groups, "groups")),
        (members, (ReadWhat::Members, "members")),
        (entitlements, (ReadWhat::Entitlements, "entitlements")),
    ];
    all.into_iter().filter(|(there, _)| *there).map(|(_, read)| read).collect()
}

/// What was asked and answered, in made-up words.
fn exchange(base: &Url, request: &Request, response: &Response, anonymous: &mut Anonymous) -> Exchange {
    // The answer first: what it names is known where the request names it.
    let signs_in = request.body.as_ref().is_some_and(|body| body.media_type.contains("form"));
    let mut answer = RecordedAnswer { status: (response.status != 200).then_some(response.status), ..RecordedAnswer::default() };
    match serde_json::from_slice::<Json>(&response.body) {
        Ok(body) => answer.body = Some(anonymous.content(&body)),
        Err(_) if response.body.is_empty() => {}
        Err(_) => answer.text = Some("no JSON".into()),
    }
    answer.headers.extend(response.header(LINK).map(|link| (LINK.to_owned(), Json::from(anonymous.links(link)))));
    answer.headers.extend(response.retry_after.map(|pause| ("retry-after".to_owned(), Json::from(pause.as_secs().to_string()))));
    let mut exchange = Exchange { answer, ..Exchange::default() };
    let whole = anonymous.address(request.url.as_str());
    let base = anonymous.address(base.as_str());
    let path = whole.strip_prefix(base.trim_end_matches('/')).map_or(whole.clone(), str::to_owned);
    let verb = match request.method.as_str() {
        "POST" => &mut exchange.post,
        "PUT" => &mut exchange.put,
        "PATCH" => &mut exchange.patch,
        "DELETE" => &mut exchange.delete,
        _ => &mut exchange.get,
    };
    *verb = Some(path);
    match &request.body {
        Some(body) if signs_in => {
            let fields = url::form_urlencoded::parse(&body.bytes).into_owned();
            exchange.form = fields.map(|(name, _)| (name, Json::Null)).collect();
        }
        Some(body) => exchange.body = serde_json::from_slice::<Json>(&body.bytes).ok().map(|body| anonymous.content(&body)),
        None => {}
    }
    exchange
}

/// What comes of a case when it is played.
async fn expected(name: &str, document: &Arc<ConnectorSpec>, test: &ConnectorTestSpec, at: usize) -> Result<CaseExpectation, SystemError> {
    let Some(case) = test.cases.get(at) else { return Ok(CaseExpectation::default()) };
    let trial = Trial { name, document, test, case };
    let (asked, came, _) = trial.came().await.map_err(SystemError::Rejected)?;
    if let Some(wrong) = asked.first() {
        return Err(SystemError::Rejected(format!("what was recorded of {} can't be played: {wrong}", case.name)));
    }
    let Came::Read { evidence, rows, .. } = came else { return Ok(CaseExpectation::default()) };
    let row =
        |row: play::Row| row.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_string(), value)).collect();
    Ok(CaseExpectation {
        evidence: Some(compare::of_evidence(&evidence)),
        says: evidence.reason().map(str::to_owned),
        rows: Some(rows.into_iter().map(row).collect()),
        ..CaseExpectation::default()
    })
}

fn written(name: &str, test: &ConnectorTestSpec) -> Result<String, SystemError> {
    let document = json!({"apiVersion": API_VERSION, "kind": "ConnectorTest", "metadata": {"name": name}, "spec": test});
    let yaml = serde_yaml::to_string(&document).map_err(|error| SystemError::Protocol(format!("it can't be written down: {error}")))?;
    Ok(format!("# Recorded, with made-up words for everything that was said. Look at it before you share it.\n{yaml}"))
}
