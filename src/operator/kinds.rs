//! What stands in a cluster, and what it is called there.

use kube::api::ApiResource;
use kube::core::GroupVersionKind;

/// The group of our kinds.
pub(super) const GROUP: &str = "headcount.dev";
/// Its version.
pub(super) const VERSION: &str = "v1alpha1";

/// Kinds whose objects are manifests, with the name of the resource. Personas and tests of Connectors say nothing to what runs.
pub(super) const MANIFESTS: [(&str, &str); 10] = [
    ("Workspace", "workspaces"),
    ("Source", "sources"),
    ("Target", "targets"),
    ("AttributeMapping", "attributemappings"),
    ("User", "users"),
    ("Group", "groups"),
    ("Entitlement", "entitlements"),
    ("Revocation", "revocations"),
    ("PlanApproval", "planapprovals"),
    ("Connector", "connectors"),
];

/// The kind that waits for nothing.
pub(super) const REVOCATION: &str = "Revocation";
/// The kind that says what somebody is.
pub(super) const USER: &str = "User";

/// How a kind is reached.
pub(super) fn resource(kind: &str) -> ApiResource {
    let plural = MANIFESTS
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or_else(|| format!("{}s", kind.to_lowercase()), |(_, plural)| (*plural).to_owned());
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, VERSION, kind), &plural)
}
