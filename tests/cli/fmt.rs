//! `headcount fmt`: what it writes, what it only says, and what it leaves as it is.

use snapbox::str;

use super::Folder;
use super::world::acme;

const UNTIDY: &str = "apiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: { name: sales }\nspec:\n    displayName: 'Sales'   # theirs\n    members:\n      - {user: ada}\n";
const TIDY: &str = "apiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {name: sales}\nspec:\n  displayName: Sales   # theirs\n  members:\n  - {user: ada}\n";

#[test]
fn files_are_tidied_in_place_and_named() {
    let folder = acme();
    folder.write("deep/sales.yaml", UNTIDY);
    folder.write("deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\nspec: { a: b }\n");
    let before = std::fs::read_to_string(folder.file("acme.yaml")).expect("it is there");
    folder.run(["fmt", "--check"]).assert().code(1).stdout_eq("deep/sales.yaml\n").stderr_eq("");
    folder.run(["fmt", "--diff", "deep"]).assert().success().stdout_eq(str![[r#"
--- a/deep/sales.yaml
+++ b/deep/sales.yaml
@@ -1,7 +1,7 @@
 apiVersion: headcount.dev/v1alpha1
 kind: Group
-metadata: { name: sales }
+metadata: {name: sales}
 spec:
-    displayName: 'Sales'   # theirs
-    members:
-      - {user: ada}
+  displayName: Sales   # theirs
+  members:
+  - {user: ada}

"#]]);
    assert_eq!(std::fs::read_to_string(folder.file("deep/sales.yaml")).expect("it is there"), UNTIDY);
    folder.run(["fmt"]).assert().success().stdout_eq("deep/sales.yaml\n").stderr_eq("tidied 1 of 3 files\n");
    assert_eq!(std::fs::read_to_string(folder.file("deep/sales.yaml")).expect("it is there"), TIDY);
    assert_eq!(std::fs::read_to_string(folder.file("acme.yaml")).expect("it is there"), before);
    folder.run(["fmt", "--check", "-f", "deep/sales.yaml"]).assert().success().stdout_eq("").stderr_eq("");
}

#[test]
fn standard_input_and_what_can_not_be_tidied() {
    let folder = Folder::with(&[("bad.yaml", "apiVersion: headcount.dev/v1alpha1\nkind: Group\nspec: [\n"), ("good.yaml", UNTIDY)]);
    folder.run(["fmt", "-"]).stdin(UNTIDY).assert().success().stdout_eq(TIDY);
    folder.run(["fmt", "-", "--check"]).stdin(UNTIDY).assert().code(1).stdout_eq("");
    folder.run(["fmt", "-", "good.yaml"]).stdin(UNTIDY).assert().code(2);
    let run = folder.run(["fmt"]).assert().code(1).stdout_eq("good.yaml\n");
    let told = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(told.contains("left as it is") && told.contains("bad.yaml:1"), "{told}");
    folder.run(["fmt", "nowhere.yaml"]).assert().code(1);
}
