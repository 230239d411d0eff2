//! What is said of an object: conditions, and for what runs the numbers that columns show. Never a person.

use serde_json::{Value, json};

/// The schema of a kind's status.
pub(super) fn schema(kind: &str) -> Value {
    let mut properties = json!({ "conditions": conditions(), "observedGeneration": whole("Which version of the spec this is about.") });
    let more = match kind {
        "Workspace" => workspace(),
        "Source" => source(),
        "Target" => target(),
        _ => json!({}),
    };
    if let (Value::Object(all), Value::Object(more)) = (&mut properties, more) {
        all.extend(more);
    }
    json!({ "description": "What headcount says of it.", "type": "object", "properties": properties })
}

fn workspace() -> Value {
    let need = json!({
        "type": "object",
        "required": ["kind", "about", "words"],
        "properties": {
            "kind": text("What it is.", 64),
            "about": text("The system, the revision or the plan that it is about.", 512),
            "words": text("One sentence.", 1024),
        },
    });
    json!({
        "revision": text("The manifests that are in force.", 256),
        "refused": text("Newer ones that are not, since something in them can't be used.", 256),
        "writer": text("Which process works on it.", 256),
        "epoch": whole("Which tenure of a writer this is."),
        "identities": whole("How many people there are."),
        "revocationsOpen": whole("How many were cut off and still have access somewhere."),
        "needs": { "description": "What needs somebody, the worst first.", "type": "array", "maxItems": 100, "x-kubernetes-list-type": "atomic", "items": need },
    })
}

fn source() -> Value {
    json!({
        "state": text("Where it stands, in a word.", 64),
        "rows": whole("How many rows the last read gave."),
        "lastComplete": time("When it was last read completely."),
        "next": time("When it is tried next, where that is not soon."),
    })
}

fn target() -> Value {
    let count = |description: &str| whole(description);
    let mut target = source();
    target["pending"] = json!({
        "description": "What is to be done at it and is not done: objects, or people for memberships.",
        "type": "object",
        "properties": { "give": count("What is made or given."), "change": count("What is changed."), "take": count("What is taken.") },
    });
    target["pendingChanges"] = whole("All of that.");
    target["drift"] = whole("What others changed at it and is left as it is.");
    target["withheld"] = json!({
        "description": "Changes that are held back, by guardrail.",
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": { "type": "integer", "format": "int64", "minimum": 0 },
    });
    target["plan"] = text("Hash of the plan that waits for an approval.", 64);
    target
}

fn conditions() -> Value {
    json!({
        "description": "What holds, by type. `Ready` is what to wait for; `Stalled` says that somebody has to do something.",
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": { "type": "string", "maxLength": 316, "description": "What it is about." },
                "status": { "type": "string", "enum": ["True", "False", "Unknown"], "description": "Whether it holds." },
                "reason": { "type": "string", "minLength": 1, "maxLength": 1024, "description": "Why, in one word for programs." },
                "message": { "type": "string", "maxLength": 32768, "description": "Why, for people." },
                "lastTransitionTime": { "type": "string", "format": "date-time", "description": "Since when." },
                "observedGeneration": { "type": "integer", "format": "int64", "minimum": 0, "description": "Which version of the spec it is about." },
            },
        },
    })
}

fn text(description: &str, longest: u64) -> Value {
    json!({ "description": description, "type": "string", "maxLength": longest })
}

fn whole(description: &str) -> Value {
    json!({ "description": description, "type": "integer", "format": "int64", "minimum": 0 })
}

fn time(description: &str) -> Value {
    json!({ "description": description, "type": "string", "format": "date-time" })
}
