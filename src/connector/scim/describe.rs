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
use crate::policy::TargetFacts;

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

    fn facts(&self, _: &dyn Described) -> TargetFacts {
        TargetFacts { default_mapping: default_mapping(), needs: NEEDED.to_vec(), ..Default::default() }
    }

    fn rights(&self, connection: &dyn Described) -> Vec<String> {
        own(connection).map(rights).unwrap_or_default()
    }

    fn sampler(&self, connection: &dyn Described, columns: &Arc<Columns>) -> Box<dyn Sample> {
        let extension = own::<ScimConnection>(connection).ok().and_then(|connection| connection.extension.as_deref());
        Box::new(SampleRows::new(extension, columns))
    }

    fn is_local(&self, _: &dyn Described) -> bool {
        false
    }
}

/// What the token must be allowed, and who allows it: by the service's host, where that is known.
fn rights(connection: &ScimConnection) -> Vec<String> {
    const KNOWN: [(&str, &str, &str); 6] = [
        ("api.slack.com", "", "the scope `admin` of a user token, which an owner of the organisation grants (Business+ or Enterprise)"),
        ("api.github.com", "/enterprises/", "the scope `scim:enterprise` of a classic token of the enterprise's setup user"),
        ("api.github.com", "/organizations/", "the scope `admin:org` of a token that is authorised for the organisation's single sign-on"),
        (
            ".amazonaws.com",
            "",
            "an access token of automatic provisioning: IAM Identity Center, Settings, Automatic provisioning; it holds for a year at most",
        ),
        (".salesforce.com", "", "a connected app whose user has the permission \"Manage Users\""),
        ("api.leapsome.com", "", "a SCIM token, which an administrator makes"),
    ];
    let url = crate::http::Url::parse(&connection.url).ok();
    let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
    let path = url.as_ref().map(|url| url.path()).unwrap_or_default();
    let known =
        KNOWN.iter().find(|(known, part, _)| (host == *known || (known.starts_with('.') && host.ends_with(known))) && path.contains(part));
    let words = known.map(|(.., words)| (*words).to_owned());
    vec![words.unwrap_or_else(|| {
        format!("read Users and Groups, and for a Target write them: whoever administers {host} grants it where its token was made (provisioning, SCIM, API tokens)")
    })]
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
        let counts = ScimConnector.facts(&connection).default_mapping;
        let shown: Vec<_> = description().default_mapping.into_iter().map(|rule| (rule.attribute, rule.value)).collect();
        assert!(!counts.is_empty());
        assert_eq!(shown, counts);
    }
}
