//! Events: what people act on, told once when it begins and once when it is over.
//!
//! Must never: repeat what the status says already, hold anything up, or name a person.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use serde_json::Value;

use super::cluster::{Cluster, words};
use super::kinds::{GROUP, VERSION};
use super::objects::{ManifestObject, ObjectName};

/// Who tells.
const CONTROLLER: &str = "headcount";

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub warns: bool,
    pub reason: String,
    pub note: String,
}

/// Tells the events of a namespace.
pub(super) struct Events {
    recorder: Recorder,
    namespace: String,
}

impl Events {
    pub fn new(cluster: &Cluster, namespace: &str) -> Self {
        let reporter = Reporter { controller: CONTROLLER.to_owned(), instance: std::env::var("POD_NAME").ok() };
        Self { recorder: Recorder::new(cluster.client.clone(), reporter), namespace: namespace.to_owned() }
    }

    /// What is new between two statuses of an object.
    pub async fn tell(&self, name: &ObjectName, object: &ManifestObject, before: &Value, now: &Value) {
        self.publish(name, object, news(name.0, before, now)).await;
    }

    /// A Target is declared no more.
    pub async fn orphaned(&self, name: &ObjectName, workspace: &ManifestObject, target: &str) {
        let note = format!("the Target {target} is declared no more: what is there stays as it is, and nobody keeps it so");
        self.publish(name, workspace, vec![Told { warns: true, reason: "Orphaned".to_owned(), note }]).await;
    }

    async fn publish(&self, (kind, name): &ObjectName, object: &ManifestObject, all: Vec<Told>) {
        let about = ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some((*kind).to_owned()),
            name: Some(name.to_string()),
            namespace: Some(self.namespace.clone()),
            uid: Some(object.uid.to_string()),
            ..ObjectReference::default()
        };
        for told in all {
            let event = Event {
                type_: if told.warns { EventType::Warning } else { EventType::Normal },
                reason: told.reason,
                note: Some(told.note),
                action: "Reconcile".to_owned(),
                secondary: None,
            };
            if let Err(error) = self.recorder.publish(&event, &about).await {
                let why = words(&error);
                tracing::debug!(target: "headcount::operator", why, "an event could not be written");
            }
        }
    }
}

/// What began or is over.
pub(super) fn news(kind: &str, before: &Value, now: &Value) -> Vec<Told> {
    let read = |status: &Value, wanted: &str| -> (bool, String, String) {
        let all = status.get("conditions").and_then(Value::as_array);
        let found = all.into_iter().flatten().find(|one| one.get("type").and_then(Value::as_str) == Some(wanted));
        let word = |field: &str| found.and_then(|one| one.get(field)).and_then(Value::as_str).unwrap_or_default().to_owned();
        (word("status") == "True", word("reason"), word("message"))
    };
    // What is wrong with a User, or with whoever a Group lists, stands in its own status: an event may be read by others.
    let shows = matches!(kind, "Workspace" | "Source" | "Target");
    let note = |message: String| if shows && !message.is_empty() { message } else { "the status of the object says more".to_owned() };
    let mut told = Vec::new();
    let (was, stalled) = (read(before, "Stalled"), read(now, "Stalled"));
    match (was.0, stalled.0) {
        (false, true) => told.push(Told { warns: true, reason: stalled.1, note: note(stalled.2) }),
        (true, true) if was.1 != stalled.1 => told.push(Told { warns: true, reason: stalled.1, note: note(stalled.2) }),
        (true, false) => told.push(Told { warns: false, reason: "Recovered".to_owned(), note: format!("{} is over", was.1) }),
        _ => {}
    }
    let (was, ready) = (read(before, "Ready"), read(now, "Ready"));
    if was.1 == "Changing" && ready.0 && ready.1 == "AsDeclared" {
        told.push(Told { warns: false, reason: "Applied".to_owned(), note: "everything is as declared".to_owned() });
    }
    if !read(before, "Drifted").0 && read(now, "Drifted").0 {
        let (_, reason, message) = read(now, "Drifted");
        told.push(Told { warns: reason != "Observed", reason: format!("Drift{reason}"), note: note(message) });
    }
    told
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(all: &[(&str, &str, &str, &str)]) -> Value {
        let one = |(kind, status, reason, message): &(&str, &str, &str, &str)| json!({"type": kind, "status": status, "reason": reason, "message": message});
        json!({"conditions": all.iter().map(one).collect::<Vec<_>>()})
    }

    #[test]
    fn what_begins_and_what_is_over_is_told_once_and_nobody_is_named() {
        let fine = status(&[("Ready", "True", "AsDeclared", ""), ("Stalled", "False", "Settled", "")]);
        let waits = status(&[("Ready", "False", "ApprovalRequired", ""), ("Stalled", "True", "ApprovalRequired", "plan 9be41c77 waits")]);
        let changing = status(&[("Ready", "True", "Changing", ""), ("Stalled", "False", "Settled", "")]);
        let wrong = status(&[("Stalled", "True", "InvalidManifest", "mara@acme.example is no name")]);
        let shown = |kind: &str, before: &Value, now: &Value| -> Vec<String> {
            news(kind, before, now).into_iter().map(|told| format!("{} {}: {}", told.warns, told.reason, told.note)).collect()
        };
        assert_eq!(shown("Target", &fine, &fine), [""; 0]);
        assert_eq!(shown("Target", &Value::Null, &fine), [""; 0]);
        assert_eq!(shown("Target", &fine, &waits), ["true ApprovalRequired: plan 9be41c77 waits"]);
        assert_eq!(shown("Target", &waits, &changing), ["false Recovered: ApprovalRequired is over"]);
        assert_eq!(shown("Target", &changing, &fine), ["false Applied: everything is as declared"]);
        assert_eq!(shown("User", &Value::Null, &wrong), ["true InvalidManifest: the status of the object says more"]);
    }
}
