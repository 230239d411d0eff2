//! Workspaces for the tests of the commands.

/// Two slips in one Target.
pub const BROKEN: &str = "\
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: chat}
spec:
  connection:
    scim: {url: https://chat.example.com/scim/v2}
  selcet: identity.department == \"Engineering\"
  leaver: {action: fire}
";
