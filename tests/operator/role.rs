//! The shipped Role, by the API server's audit log: everything that is asked is granted, and everything that is granted is asked.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{GROUP, NAME, SOURCE, Stage, TARGET, WORKSPACE};
use crate::support::kube::eventually;

/// What can't be used, of each kind; what the API server itself can't tell.
const WRONG: &str = "
apiVersion: headcount.dev/v1alpha1
kind: User
metadata: {name: wrong}
spec: {attributes: {userName: wrong, departmnt: Sales}}
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: wrong}
spec: {displayName: Wrong, rule: identity.departmnt == \"Sales\"}
---
apiVersion: headcount.dev/v1alpha1
kind: AttributeMapping
metadata: {name: wrong}
spec: {rules: [{attribute: departmnt, value: identity.userName}]}
---
apiVersion: headcount.dev/v1alpha1
kind: Entitlement
metadata: {name: wrong}
spec: {target: nowhere, when: \"true\"}
---
apiVersion: headcount.dev/v1alpha1
kind: Revocation
metadata: {name: wrong}
spec: {identities: [{user: nobody}], reason: none}
---
apiVersion: headcount.dev/v1alpha1
kind: Connector
metadata: {name: wrong}
spec:
  title: Wrong
  hosts: [desk.example]
  base: https://desk.example/api
  auth: {token: {bearer: '{secret.token}'}}
  errors: {text: body.message}
  accounts:
    id: recrd.id
    list: {get: /people, shape: has(body.people), records: body.people}
    get: {get: '/people/{id}'}
    attributes: {userName: {path: login, required: true}}
";

/// Secrets are asked for when something signs in.
const SIGNS_IN: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: chat}
spec: {connection: {scim: {url: \"http://127.0.0.1:9/v2\", auth: {bearer: {secretKeyRef: {name: chat, key: token}}}}}}
";

/// `verb group/resource`.
type Rights = BTreeSet<String>;

fn granted(stage: &Stage) -> Rights {
    let role = stage.object("role", NAME);
    let words = |rule: &Value, field: &str| -> Vec<String> {
        rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut rights = Rights::new();
    for rule in role["rules"].as_array().expect("rules") {
        for group in words(rule, "apiGroups") {
            for resource in words(rule, "resources") {
                rights.extend(words(rule, "verbs").iter().map(|verb| format!("{verb} {group}/{resource}")));
            }
        }
    }
    rights
}

/// What the operator asked for in its namespace; and of that what was refused.
fn asked(stage: &Stage) -> (Rights, Vec<Value>) {
    let account = stage.account();
    let audit = stage.kube.audit().into_iter().filter(|event| event["user"]["username"] == account.as_str());
    let events: Vec<Value> = audit.filter(|event| !event["objectRef"]["resource"].is_null()).collect();
    let right = |event: &Value| {
        let at = &event["objectRef"];
        let word = |field: &str| at[field].as_str().unwrap_or_default().to_owned();
        let sub = at["subresource"].as_str().map(|sub| format!("/{sub}")).unwrap_or_default();
        format!("{} {}/{}{sub}", event["verb"].as_str().unwrap_or_default(), word("apiGroup"), word("resource"))
    };
    let refused = events.iter().filter(|event| event["responseStatus"]["code"] == 403).cloned().collect();
    (events.iter().map(right).collect(), refused)
}

#[test]
fn the_shipped_role_is_enough_and_nothing_in_it_is_unused() {
    let Some(stage) = Stage::new("the_shipped_role_is_enough_and_nothing_in_it_is_unused") else { return };
    let operator = stage.start();
    let waits = TARGET.replace("  groups: {}", "  groups: {}\n  approval: {for: [everything]}");
    stage.apply(&[WORKSPACE, SOURCE, &waits, GROUP, SIGNS_IN]);
    // More plans than are kept, each another one: a plan is made, says that it waits no more, and goes.
    let mut plans = BTreeSet::new();
    for number in 0..8 {
        eventually("another plan waits", || !stage.waits().is_empty() && !plans.contains(&stage.waits()));
        let hash = stage.waits();
        let name = format!("intranet-{}", &hash[..8]);
        eventually("it is an object", || stage.kube.kubectl(&["--namespace", &stage.namespace, "get", "plan", &name]).success);
        plans.insert(hash);
        let user = format!(
            "\napiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {{name: u{number}}}\nspec: {{attributes: {{userName: u{number}}}}}\n"
        );
        stage.apply(&[&user]);
    }
    eventually("old plans go", || asked(&stage).0.contains("delete headcount.dev/plans"));
    let approval = format!(
        "\napiVersion: headcount.dev/v1alpha1\nkind: PlanApproval\nmetadata: {{name: old}}\nspec: {{plan: \"{}\", decision: Approve, approver: mara, reason: none, targets: [intranet]}}\n",
        "0".repeat(64)
    );
    stage.apply(&[&approval]);
    eventually("it says what became of it", || stage.words("planapproval", "old").contains("Outdated"));
    // The same trouble twice within a while is one event, told again.
    for _ in 0..2 {
        stage.apply(&[WRONG]);
        for kind in ["user", "group", "attributemapping", "entitlement", "revocation", "connector"] {
            stage.wait(kind, "wrong", "Stalled", "True:InvalidManifest");
        }
        stage.kube.kubectl_with(&["delete", "--namespace", &stage.namespace, "-f", "-"], WRONG).expect();
        eventually("all is well again", || stage.condition("workspace", "acme", "Stalled").0 == "False:Settled");
    }
    operator.stop();
    let (asked, refused) = asked(&stage);
    assert!(refused.is_empty(), "{refused:#?}");
    let unused: Vec<_> = granted(&stage).difference(&asked).cloned().collect();
    assert!(unused.is_empty(), "granted, and never asked for: {unused:#?}");
}
