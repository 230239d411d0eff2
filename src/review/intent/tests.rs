//! Documents of two revisions, and what is told of them.

use super::*;
use crate::manifest::{ManifestText, Revision, load_revision};

/// Documents by file, without what each of them has.
fn loaded(files: &[(&str, &str)]) -> Loaded {
    let whole = |text: &str| {
        let documents = text.split("---\n").map(|document| format!("apiVersion: headcount.dev/v1alpha1\n{document}"));
        documents.collect::<Vec<_>>().join("---\n")
    };
    let texts = files.iter().map(|(name, text)| ManifestText {
        name: (*name).into(),
        base: Default::default(),
        bytes: whole(text).into_bytes(),
        found: true,
    });
    // Whom a Group names stands in no document here.
    load_revision(Revision { texts: texts.collect(), ..Revision::default() }).0
}

fn told(base: &[(&str, &str)], head: &[(&str, &str)]) -> String {
    let mut told = String::new();
    for change in intent(&loaded(base), &loaded(head)) {
        let at = |lines: &Option<DocumentLines>| lines.as_ref().map_or("-".into(), |it| format!("{}:{}-{}", it.file, it.first, it.last));
        told += &format!("{:?} {} {} {} {}", change.what, change.document.kind, change.document.name, at(&change.base), at(&change.head));
        told += &change.looks_like.map(|old| format!(" looks like {}", old.name)).unwrap_or_default();
        told.push('\n');
        for field in change.fields {
            let line = field.place.map(|place| format!(" @{}:{}", place.line, place.column)).unwrap_or_default();
            told += &format!("  {}: {} -> {}{line}\n", field.path, field.before.unwrap_or("-".into()), field.after.unwrap_or("-".into()));
        }
    }
    told
}

const WORKSPACE: &str = "kind: Workspace\nmetadata: {name: acme}\nspec: {id: acme}\n";

#[test]
fn each_field_is_told_with_its_line_at_head() {
    let base = "kind: Group\nmetadata: {name: leads}\nspec:\n  displayName: Leads\n  rule: identity.custom.grade >= 5\n  members:\n  - {user: ada}\n  - {user: ben, until: 2026-12-01}\n  - {user: cat}\n";
    let head = "kind: Group\nmetadata:\n  name: leads\n  labels: {team: x}\nspec:\n  displayName: Leads\n  members:\n  - {user: ada}\n  - {user: dan}\n  - {user: ben, until: 2027-01-01}\n  rule: >-\n    identity.custom.grade\n    >= 4\n";
    insta::assert_snapshot!(told(&[("g.yaml", base)], &[("g.yaml", head)]), @"
    Changed Group leads g.yaml:1-10 g.yaml:1-14
      metadata: - -> {\"labels\":{\"team\":\"x\"}} @3:1
      spec.members[1]: - -> {\"user\":\"dan\"} @10:5
      spec.members[2].until: 2026-12-01 -> 2027-01-01 @11:24
      spec.members[2]: {\"user\":\"cat\"} -> -
      spec.rule: identity.custom.grade >= 5 -> identity.custom.grade >= 4 @13:5
    ");
}

#[test]
fn where_and_how_a_document_is_written_is_no_change_of_what_it_says() {
    let group = "kind: Group\nmetadata: {name: leads}\nspec: {displayName: Leads, rule: 'identity.title == \"Lead\"'}\n";
    let other = "kind: Group\nmetadata: {name: staff}\nspec: {displayName: Staff, rule: \"true\"}\n";
    let otherwise = "# who leads\nkind: Group\nspec:\n  rule: identity.title == \"Lead\"\n  displayName: \"Leads\"\n  allowEmpty: false\nmetadata: {name: leads}\n";
    let both = format!("{group}---\n{other}");
    let turned = format!("{other}---\n{group}");
    assert_eq!(told(&[("a.yaml", &both)], &[("a.yaml", &turned)]), "", "in another order");
    assert_eq!(told(&[("a.yaml", group)], &[("a.yaml", otherwise)]), "Cosmetic Group leads a.yaml:1-4 a.yaml:1-8\n");
    assert_eq!(told(&[("a.yaml", &both)], &[("a.yaml", group), ("b.yaml", other)]), "Moved Group staff a.yaml:6-9 b.yaml:1-4\n", "split");
    assert_eq!(told(&[("a.yaml", group)], &[("b.yaml", group)]), "Moved Group leads a.yaml:1-4 b.yaml:1-4\n", "renamed");
    let digest = |files: &[(&str, &str)]| manifests_digest(&loaded(files));
    assert_eq!(digest(&[("a.yaml", &both)]), digest(&[("x.yaml", other), ("y.yaml", otherwise)]));
    assert_ne!(digest(&[("a.yaml", &both)]), digest(&[("a.yaml", group)]));
}

#[test]
fn a_document_with_another_name_looks_like_the_one_that_went() {
    let group = |name: &str, rule: &str| format!("kind: Group\nmetadata: {{name: {name}}}\nspec: {{displayName: Leads, rule: {rule:?}}}\n");
    let (old, new, other) = (group("leads", "true"), group("team-leads", "true"), group("seniors", "identity.title != ''"));
    let told = told(&[("a.yaml", &old)], &[("a.yaml", &format!("{new}---\n{other}"))]);
    insta::assert_snapshot!(told, @"
    Removed Group leads a.yaml:1-4 -
    Added Group seniors - a.yaml:6-9
    Added Group team-leads - a.yaml:1-4 looks like leads
    ");
}

#[test]
fn the_rows_of_a_table_are_what_the_workspace_says() {
    let folder = tempfile::tempdir().unwrap();
    let with = |rows: &str| {
        std::fs::write(folder.path().join("t.csv"), format!("code,name\n{rows}")).unwrap();
        let text = format!(
            "apiVersion: headcount.dev/v1alpha1\n{}",
            WORKSPACE.replace("{id: acme}", "{id: acme, tables: {teams: {file: {path: t.csv, key: code, value: name}}}}")
        );
        let text = ManifestText { name: "w.yaml".into(), base: folder.path().to_owned(), bytes: text.into_bytes(), found: true };
        let (loaded, problems) =
            load_revision(Revision { texts: vec![text], roots: vec![folder.path().to_owned()], ..Revision::default() });
        assert!(problems.is_empty(), "{problems:?}");
        loaded
    };
    let (base, head) = (with("1,One\n2,Two\n"), with("2,Too\n3,Three\n1,One\n"));
    let fields: Vec<_> = intent(&base, &head).remove(0).fields.into_iter().map(|field| (field.path, field.before, field.after)).collect();
    let text = |text: &str| Some(text.to_owned());
    let path = "spec.tables.teams.file.rows";
    assert_eq!(fields, [(format!("{path}.2"), text("Two"), text("Too")), (format!("{path}.3"), None, text("Three"))]);
    assert_ne!(manifests_digest(&base), manifests_digest(&head));
}
