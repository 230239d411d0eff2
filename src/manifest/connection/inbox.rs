//! A system that pushes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Described, Unreadable};
use crate::manifest::quantity;

/// A system that pushes its users and groups over SCIM 2.0, to `/scim/v2/` and the Source's name, where the controller listens for it (`--listen-inbound`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InboxConnection {
    /// How long its system may be silent before that is told: `6h` (the default), `3d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_after: Option<String>,
}

impl Described for InboxConnection {
    fn word(&self) -> &'static str {
        "inbox"
    }

    fn system(&self) -> String {
        "inbox".into()
    }

    fn rows(&self) -> Value {
        json!({"inbox": true})
    }

    fn place(&self) -> &'static str {
        "quietAfter"
    }

    fn unreadable(&self) -> Vec<Unreadable> {
        let wrong = self.quiet_after.as_deref().is_some_and(|text| quantity::duration(text).is_err());
        let told = wrong.then_some(Unreadable { pointer: "quietAfter", what: "duration", hint: "write a number and a unit: 6h, 3d" });
        told.into_iter().collect()
    }

    fn is_pushed(&self) -> bool {
        true
    }

    fn leaver(&self) -> Option<&'static str> {
        Some("record.active == false")
    }
}
