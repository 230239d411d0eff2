//! What each kind is called in a cluster, and what a list of its objects shows.

use kube::CustomResourceExt;
use serde_json::{Value, json};

use crate::manifest::kinds;

/// A kind as a cluster knows it.
pub(super) struct Kind {
    pub name: &'static str,
    /// what people type
    pub short: &'static str,
    /// as the derive macro makes it of the Rust type
    pub derived: fn() -> Value,
    /// what its spec is
    pub spec: &'static str,
    /// something is said of it in `status`
    pub reports: bool,
    /// columns before the age: name, type, path, and whether only `-o wide` shows it
    columns: &'static [(&'static str, &'static str, &'static str, bool)],
}

const DECLARED: &str = "What is declared: the same as in a YAML file.";
const READY: (&str, &str, &str, bool) = ("Ready", "string", ".status.conditions[?(@.type==\"Ready\")].status", false);
const MESSAGE: (&str, &str, &str, bool) = ("Message", "string", ".status.conditions[?(@.type==\"Ready\")].message", true);

fn derived<T: CustomResourceExt>() -> Value {
    serde_json::to_value(T::crd()).unwrap_or_default()
}

/// All of them.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "Workspace",
        short: "hcw",
        derived: derived::<kinds::Workspace>,
        spec: DECLARED,
        reports: true,
        columns: &[
            READY,
            ("Identities", "integer", ".status.identities", false),
            ("Revision", "string", ".status.revision", false),
            ("Writer", "string", ".status.writer", true),
            MESSAGE,
        ],
    },
    Kind {
        name: "Source",
        short: "hcs",
        derived: derived::<kinds::Source>,
        spec: DECLARED,
        reports: true,
        columns: &[
            READY,
            ("State", "string", ".status.state", false),
            ("Complete", "string", ".status.conditions[?(@.type==\"Complete\")].status", false),
            ("Rows", "integer", ".status.rows", false),
            ("Read", "date", ".status.lastComplete", false),
            ("Next", "date", ".status.next", true),
            MESSAGE,
        ],
    },
    Kind {
        name: "Target",
        short: "hct",
        derived: derived::<kinds::Target>,
        spec: DECLARED,
        reports: true,
        columns: &[
            READY,
            ("State", "string", ".status.state", false),
            ("Changes", "integer", ".status.pendingChanges", false),
            ("Drift", "integer", ".status.drift", false),
            ("Read", "date", ".status.lastComplete", false),
            ("Plan", "string", ".status.plan", true),
            ("Next", "date", ".status.next", true),
            MESSAGE,
        ],
    },
    Kind {
        name: "AttributeMapping",
        short: "hcm",
        derived: derived::<kinds::AttributeMapping>,
        spec: DECLARED,
        reports: true,
        columns: &[READY, MESSAGE],
    },
    Kind { name: "User", short: "hcu", derived: derived::<kinds::User>, spec: DECLARED, reports: true, columns: &[READY, MESSAGE] },
    Kind {
        name: "Group",
        short: "hcg",
        derived: derived::<kinds::Group>,
        spec: DECLARED,
        reports: true,
        columns: &[("Name at targets", "string", ".spec.displayName", false), READY, MESSAGE],
    },
    Kind {
        name: "Entitlement",
        short: "hce",
        derived: derived::<kinds::Entitlement>,
        spec: DECLARED,
        reports: true,
        columns: &[("Target", "string", ".spec.target", false), READY, MESSAGE],
    },
    Kind {
        name: "Revocation",
        short: "hcr",
        derived: derived::<kinds::Revocation>,
        spec: DECLARED,
        reports: true,
        columns: &[READY, ("Until", "string", ".spec.until", false), ("Reason", "string", ".spec.reason", true), MESSAGE],
    },
    Kind {
        name: "Plan",
        short: "hcp",
        derived: derived::<kinds::Plan>,
        spec: "What would be done, as headcount worked it out. headcount alone writes it, and nothing of it is read back.",
        reports: true,
        columns: &[
            ("Waiting", "string", ".status.conditions[?(@.type==\"Waiting\")].status", false),
            ("Changes", "integer", ".spec.changes", false),
            ("Risks", "string", ".spec.riskSummary", false),
            ("Hash", "string", ".spec.hash", true),
            ("Revision", "string", ".spec.revision", true),
        ],
    },
    Kind {
        name: "PlanApproval",
        short: "hca",
        derived: derived::<kinds::PlanApproval>,
        spec: DECLARED,
        reports: true,
        columns: &[
            ("Plan", "string", ".spec.plan", false),
            ("Decision", "string", ".spec.decision", false),
            ("By", "string", ".spec.approver", false),
            ("Used", "string", ".status.conditions[?(@.type==\"Used\")].status", false),
        ],
    },
    Kind {
        name: "Connector",
        short: "hcc",
        derived: derived::<kinds::connector::Connector>,
        spec: DECLARED,
        reports: true,
        columns: &[("Title", "string", ".spec.title", false), READY, MESSAGE],
    },
    Kind {
        name: "ConnectorTest",
        short: "hcct",
        derived: derived::<kinds::connector::ConnectorTest>,
        spec: "For `headcount connector test` alone; nothing in a cluster reads it, so that a folder can be applied as it is.",
        reports: false,
        columns: &[("Connector", "string", ".spec.connector", false)],
    },
    Kind {
        name: "Persona",
        short: "hcpe",
        derived: derived::<kinds::Persona>,
        spec: "For `headcount test` alone; nothing in a cluster reads it, so that a folder can be applied as it is.",
        reports: false,
        columns: &[("As of", "string", ".spec.asOf", false), ("User", "string", ".spec.user", false)],
    },
];

impl Kind {
    /// As the address of its objects has it.
    pub fn plural(&self) -> String {
        format!("{}s", self.name.to_lowercase())
    }

    /// What a list of its objects shows.
    pub fn columns(&self) -> Value {
        let column = |(name, kind, path, wide): &(&str, &str, &str, bool)| {
            let mut column = json!({ "name": name, "type": kind, "jsonPath": path });
            if *wide {
                column["priority"] = json!(1);
            }
            column
        };
        let age = ("Age", "date", ".metadata.creationTimestamp", false);
        self.columns.iter().chain([&age]).map(column).collect()
    }
}
