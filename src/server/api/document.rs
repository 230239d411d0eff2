//! The OpenAPI document, made of the table of operations and of the types that are sent and answered.
//!
//! Must never: tell of an operation that there is not.

use axum::response::Response;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};

use super::asks::{AskedApproval, AskedPause, AskedRevocation, AskedSync};
use super::{ApiOperation, OPERATIONS};
use crate::model::{Brake, Plan, Status, SystemStatus};
use crate::server::answer::json as answered;

pub(super) async fn answer() -> Response {
    answered(&document())
}

/// The document.
pub(in crate::server) fn document() -> Json {
    let mut paths: Map<String, Json> = Map::new();
    for one in OPERATIONS {
        let path = paths.entry(one.path).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(one.method.to_owned(), operation(one));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "headcount", "version": "v1", "description": "What commands show and ask for, over HTTP. A key such as hr/10023 stands in a path as it is."},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "A token that `headcount token create` made; or the assertion of a proxy in its own header."}},
        },
    })
}

fn operation(one: &ApiOperation) -> Json {
    let named = one.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let in_path = named.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    let in_query =
        one.query.iter().map(|(name, words)| json!({"name": name, "in": "query", "description": words, "schema": {"type": "string"}}));
    let schema = |name: Option<&str>| match name {
        Some(name) => json!({"$ref": format!("#/components/schemas/{name}")}),
        None => json!({"type": "object"}),
    };
    let problem = json!({
        "description": "why not, as problem+json (RFC 9457)",
        "content": {"application/problem+json": {"schema": schema(Some("Problem"))}},
    });
    let mut operation = json!({
        "summary": one.summary,
        "description": format!("Needs the scope `{}`.", one.scope),
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            "2XX": {"description": "done", "content": {"application/json": {"schema": schema(one.answers)}}},
            "default": problem,
        },
    });
    if let (Some(name), Some(fields)) = (one.sends, operation.as_object_mut()) {
        let content = json!({"application/json": {"schema": schema(Some(name))}});
        fields.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
    }
    operation
}

fn schemas() -> Json {
    let mut generator = SchemaGenerator::new(SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    }));
    generator.subschema_for::<Status>();
    generator.subschema_for::<SystemStatus>();
    generator.subschema_for::<Plan>();
    generator.subschema_for::<Brake>();
    generator.subschema_for::<AskedSync>();
    generator.subschema_for::<AskedApproval>();
    generator.subschema_for::<AskedRevocation>();
    generator.subschema_for::<AskedPause>();
    let mut all: Map<String, Json> = generator.take_definitions(false).into_iter().collect();
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let form = json!({"type": "integer"});
    all.insert(
        "Systems".into(),
        json!({"type": "object", "properties": {"formatVersion": form, "systems": {"type": "array", "items": reference("SystemStatus")}}}),
    );
    all.insert(
        "WaitingPlans".into(),
        json!({"type": "object", "properties": {"formatVersion": form, "plans": {"type": "array", "items": {"type": "object"}}}}),
    );
    all.insert(
        "Paused".into(),
        json!({"type": "object", "properties": {"formatVersion": form, "paused": {"anyOf": [reference("Brake"), {"type": "null"}]}}}),
    );
    all.insert(
        "Problem".into(),
        json!({"type": "object", "properties": {
            "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}, "next": {"type": "string"},
        }}),
    );
    Json::Object(all)
}
