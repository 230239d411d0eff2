//! What the connector says of itself.
//!
//! Must never: promise what only a service's own schema tells.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::default_mapping::default_mapping;
use super::rows::SampleRows;
use super::{open_source, open_target};
use crate::connector::describe::{ConnectionNeed, Connector, DefaultRule, Description, own};
use crate::connector::sample::Sample;
use crate::connector::{Reader, Surroundings, TargetConnector};
use crate::manifest::connection::{Described, ScimConnection};
use crate::manifest::fields;
use crate::model::{Columns, SystemError};

/// Attributes without which no service makes an account (RFC 7643, 4.1.1).
const NEEDED: [&str; 1] = ["userName"];

/// The SCIM connector.
#[derive(Debug)]
pub struct ScimConnector;

impl Connector for ScimConnector {
    fn describe(&self) -> Description {
        description()
    }

    fn open_source<'a>(
        &'a self,
        connection: &'a dyn Described,
        surroundings: &'a Surroundings,
    ) -> BoxFuture<'a, Result<Box<dyn Reader>, SystemError>> {
        async move { open_source(own(connection)?, surroundings).await }.boxed()
    }

    fn open_target<'a>(
        &'a self,
        connection: &'a dyn Described,
        surroundings: &'a Surroundings,
    ) -> BoxFuture<'a, Result<TargetConnector, SystemError>> {
        async move { open_target(own(connection)?, surroundings).await }.boxed()
    }

    fn facts(&self, _: &dyn Described) -> (Vec<(String, String)>, Vec<&'static str>) {
        (default_mapping(), NEEDED.to_vec())
    }

    fn sampler(&self, connection: &dyn Described, columns: &Arc<Columns>) -> Box<dyn Sample> {
        let extension = own::<ScimConnection>(connection).ok().and_then(|connection| connection.extension.as_deref());
        Box::new(SampleRows::new(extension, columns))
    }

    fn is_local(&self, _: &dyn Described) -> bool {
        false
    }
}

fn description() -> Description {
    let rule = |(attribute, value)| DefaultRule { attribute, value };
    let need =
        |attribute| ConnectionNeed { attribute, why: "RFC 7643 asks for it; a service's own schema may ask for more, which a plan tells" };
    Description {
        name: "scim",
        about: "A SCIM 2.0 service (RFC 7643 and 7644).",
        kinds: &["Source", "Target"],
        reads: &["accounts", "groups", "memberships"],
        writes: &["accounts", "groups", "memberships"],
        abilities: &[
            "marks what is headcount's in `externalId`, where the service keeps it",
            "deactivates by `active`, where the service's schema has it",
            "nests groups where the service's schema says that members can be groups",
            "holds custom.* attributes in the schema extension that `extension` names",
            "no entitlements, no owners of groups, no sessions",
        ],
        default_mapping: default_mapping().into_iter().map(rule).collect(),
        needs: NEEDED.into_iter().map(need).collect(),
        connection: fields::<ScimConnection>(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_default_mapping_that_is_shown_is_the_one_that_counts() {
        let connection: ScimConnection = serde_json::from_value(json!({"url": "https://chat.example"})).unwrap();
        let (counts, _) = ScimConnector.facts(&connection);
        let shown: Vec<_> = description().default_mapping.into_iter().map(|rule| (rule.attribute, rule.value)).collect();
        assert!(!counts.is_empty());
        assert_eq!(shown, counts);
    }
}
