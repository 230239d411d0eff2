//! Each rule of an edit, on manifests as people write them.

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const GROUP: &str = "apiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {name: a}\nspec:\n  displayName: A\n";

fn group(rest: &str) -> String {
    format!("{GROUP}{rest}")
}

/// The lines behind `displayName` after the edit of the first document.
fn edited(rest: &str, edit: ManifestEdit) -> String {
    let after = made(&group(rest), edit).unwrap_or_else(|refused| panic!("{refused}"));
    after.strip_prefix(GROUP).expect("what stands before stays").to_owned()
}

fn made(text: &str, edit: ManifestEdit) -> Result<String, Refused> {
    let mut editor = Editor::new("groups.yaml", text);
    editor.edit(0, &edit).map(|()| editor.into_text())
}

fn person(key: &str) -> Json {
    json!({"identity": {"source": "people", "key": key}})
}

fn append(item: Json, comment: &str) -> ManifestEdit {
    ManifestEdit::Append { at: "/spec/members".into(), item, comment: (!comment.is_empty()).then(|| comment.to_owned()) }
}

fn remove(index: usize) -> ManifestEdit {
    ManifestEdit::RemoveItem { at: "/spec/members".into(), index }
}

fn put(key: &str, value: impl Into<Json>) -> ManifestEdit {
    ManifestEdit::Put { at: "/spec".into(), key: key.into(), value: WrittenValue::beside(value) }
}

#[test]
fn rule_1_a_new_item_is_written_like_its_neighbours() {
    let block = "  members:\n  - {user: ada}                    # first\n  - {user: bo, until: 2026-12-05}  # second\n  rule: \"true\"\n";
    assert_snapshot!(edited(block, append(person("1009"), "cy")), @r#"
      members:
      - {user: ada}                    # first
      - {user: bo, until: 2026-12-05}  # second
      - {identity: {source: people, key: "1009"}} # cy
      rule: "true"
    "#);
    assert_snapshot!(edited(block, append(json!({"user": "cy"}), "cy")), @r##"
      members:
      - {user: ada}                    # first
      - {user: bo, until: 2026-12-05}  # second
      - {user: cy}                     # cy
      rule: "true"
    "##);
    assert_snapshot!(edited("  members:\n    - user: ada\n      until: 2026-12-05\n", append(json!({"user": "cy", "until": "2027-01-01"}), "")), @r"
      members:
        - user: ada
          until: 2026-12-05
        - user: cy
          until: 2027-01-01
    ");
    assert_snapshot!(edited("  members: [{user: ada}, {user: bo}]   # two\n", append(json!({"user": "cy"}), "new")), @"  members: [{user: ada}, {user: bo}, {user: cy}]   # two; new");
    assert_snapshot!(edited("  members: [\n    {user: ada},  # one\n    {user: bo}    # two\n  ]\n", append(json!({"user": "cy"}), "three")), @r"
      members: [
        {user: ada},  # one
        {user: bo},   # two
        {user: cy}    # three
      ]
    ");
    assert_snapshot!(edited("  members: []   # nobody yet\n  allowEmpty: true\n", append(json!({"user": "cy"}), "new")), @r"
      members:      # nobody yet
      - {user: cy}   # new
      allowEmpty: true
    ");
    assert_snapshot!(edited("  rule: \"true\"   # all\n", append(person("1"), "cy")), @r#"
      rule: "true"   # all
      members:
      - {identity: {source: people, key: "1"}}   # cy
    "#);
    let list = "  rule: \"true\"\n  exclude:\n    - {user: x}\n";
    assert_snapshot!(edited(list, append(json!({"user": "z"}), "")), @r#"
      rule: "true"
      exclude:
        - {user: x}
      members:
        - {user: z}
    "#);
}

#[test]
fn rule_2_a_comment_goes_with_what_it_is_about() {
    let text = "  members:\n  # The whole list:\n\n  # about ada,\n  # twice\n  - {user: ada}   # beside\n  - {user: bo}\n    # deeper\n  # about cy\n  - {user: cy}\n  # the end\n";
    assert_snapshot!(edited(text, remove(0)), @r"
      members:
      # The whole list:

      - {user: bo}
        # deeper
      # about cy
      - {user: cy}
      # the end
    ");
    assert_snapshot!(edited(text, remove(2)), @r"
      members:
      # The whole list:

      # about ada,
      # twice
      - {user: ada}   # beside
      - {user: bo}
        # deeper
      # the end
    ");
    let keys = "  members: [{user: a}, {user: b}, {user: c}]\n  # why\n  description: words   # beside\n  rule: \"true\"\n";
    assert_snapshot!(edited(keys, ManifestEdit::RemoveKey { at: "/spec".into(), key: "description".into() }), @r#"
      members: [{user: a}, {user: b}, {user: c}]
      rule: "true"
    "#);
    assert_snapshot!(edited(keys, remove(0)).lines().next().unwrap(), @"  members: [{user: b}, {user: c}]");
    assert_snapshot!(edited(keys, remove(2)).lines().next().unwrap(), @"  members: [{user: a}, {user: b}]");
    assert_snapshot!(edited("  members: [\n    {user: a},\n    # bo\n    {user: b},  # him\n    {user: c},\n  ]\n", remove(1)), @r"
      members: [
        {user: a},
        {user: c},
      ]
    ");
}

#[test]
fn rule_3_what_is_added_behind_comments_leaves_them_with_their_own() {
    let text = "  members:\n  - {user: ada}\n  # about the rule\n  rule: \"true\"\n";
    assert_snapshot!(edited(text, append(json!({"user": "cy"}), "")), @r#"
      members:
      - {user: ada}
      - {user: cy}
      # about the rule
      rule: "true"
    "#);
}

#[test]
fn rule_4_an_emptied_list_is_empty_and_nothing_allows_it() {
    let text = "  members:   # who\n  # about ada\n  - {user: ada}\n  rule: \"true\"\n";
    assert_snapshot!(edited(text, remove(0)), @r#"
      members: []   # who
      rule: "true"
    "#);
    assert_snapshot!(edited("  members: [{user: ada}]\n", remove(0)), @"  members: []");
    let alone = "apiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {name: a}\nspec:\n  attributes:\n    title: X\n";
    let removed = made(alone, ManifestEdit::RemoveKey { at: "/spec/attributes".into(), key: "title".into() }).unwrap();
    assert!(removed.ends_with("spec:\n  attributes: {}\n"), "{removed}");
}

#[test]
fn rule_5_a_text_reads_as_the_text_it_is() {
    for word in ["yes", "0755", "1009", "a: b # c", "2026-01-01", "null", "x\ny", " a"] {
        let after = edited("  rule: \"true\"\n", put("description", word));
        let expected = if word == "2026-01-01" { word.to_owned() } else { Json::from(word).to_string() };
        assert_eq!(after, format!("  rule: \"true\"\n  description: {expected}\n"));
    }
    assert_eq!(edited("  allowEmpty: true   # so\n", put("allowEmpty", false)), "  allowEmpty: false  # so\n");
    assert_eq!(
        edited("  description: |\n    long\n    text\n\n  rule: \"true\"\n", put("description", "short")),
        "  description: short\n\n  rule: \"true\"\n"
    );
}

#[test]
fn rule_6_what_is_used_in_two_places_is_refused_with_both() {
    let text = group("  members: &shared\n  - {user: ada}\n  owners: *shared\n");
    let refused = |edit| made(&text, edit).unwrap_err().to_string();
    let expected = "groups.yaml: what stands at groups.yaml:7 is used as `*shared` at groups.yaml:8; edit it by hand";
    assert_eq!(refused(append(person("1"), "")), expected);
    assert_eq!(refused(remove(0)), expected);
    assert_eq!(refused(put("members", json!([]))), expected);
    assert_eq!(refused(ManifestEdit::Append { at: "/spec/owners".into(), item: person("1"), comment: None }), expected);
    // An alias that is replaced as a whole is nobody else's.
    assert!(made(&text, put("owners", json!([{"user": "bo"}]))).unwrap().ends_with("  owners: [{user: bo}]\n"));
}

#[test]
fn rule_7_line_ends_and_what_no_edit_is_about_stay() {
    let crlf = group("  members:\n  - {user: ada}\t# tab\t\n").replace('\n', "\r\n");
    let after = made(&format!("\u{feff}{crlf}"), append(json!({"user": "cy"}), "")).unwrap();
    assert!(after.starts_with('\u{feff}') && after.ends_with("  - {user: ada}\t# tab\t\r\n  - {user: cy}\r\n"), "{after:?}");
    let open = group("  members:\n  - {user: ada}\n  - {user: bo}");
    assert!(made(&open, append(json!({"user": "cy"}), "")).unwrap().ends_with("- {user: bo}\n  - {user: cy}"));
    assert!(made(&open, remove(1)).unwrap().ends_with("  - {user: ada}"));
}

#[test]
fn rule_8_only_the_document_that_is_meant_changes() {
    let text = format!("# head\n{}---\n{}...\n---\n# nothing\n", group("  rule: \"true\"\n"), GROUP.replace("name: a", "name: b"));
    let mut editor = Editor::new("groups.yaml", text.clone());
    let second = editor.find("Group", "b").unwrap();
    editor.edit(second, &append(json!({"user": "x"}), "")).unwrap();
    assert_eq!(
        editor.text(),
        text.replace("name: b}\nspec:\n  displayName: A\n", "name: b}\nspec:\n  displayName: A\n  members:\n  - {user: x}\n")
    );
    assert_eq!((editor.find("Group", "c"), editor.find("User", "a")), (None, None));
    let mut editor = Editor::new("x.yaml", "kind: Other\n---\n- a\n");
    assert!(editor.edit(0, &put("a", 1)).is_err() && editor.edit(1, &put("a", 1)).is_err() && editor.edit(7, &put("a", 1)).is_err());
    for edit in [
        remove(9),
        ManifestEdit::RemoveKey { at: "/spec".into(), key: "none".into() },
        put("noSuchField", 1),
        append(json!({"usr": "x"}), ""),
    ] {
        assert!(made(&group("  members:\n  - {user: ada}\n"), edit.clone()).is_err(), "{edit:?}");
    }
}

#[test]
fn a_document_is_added_at_the_end() {
    let document = "apiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {name: x}\nspec:\n  attributes: {title: X}\n";
    let added = |text: &str| {
        let mut editor = Editor::new("users.yaml", text);
        editor.append_document(document).unwrap();
        editor.into_text()
    };
    assert_eq!(added(""), document);
    assert_eq!(added("# only words"), format!("# only words\n{document}"));
    assert_eq!(added(GROUP.trim_end()), format!("{GROUP}---\n{document}"));
    assert_eq!(added(&GROUP.replace('\n', "\r\n")), format!("{GROUP}---\n{document}").replace('\n', "\r\n"));
    assert!(Editor::new("users.yaml", GROUP).append_document("a: 1").is_err());
}

/// What another editor makes of the same edit, as a value.
fn oracle(text: &str, edit: &ManifestEdit) -> Option<Json> {
    use yaml_edit::YamlFile;
    let file: YamlFile = text.parse().ok()?;
    let root = file.document()?.as_mapping()?;
    let spec = root.get_mapping("spec")?;
    match edit {
        ManifestEdit::Put { key, value, .. } => spec.set(key.as_str(), value.value.as_str()?),
        ManifestEdit::RemoveKey { key, .. } => drop(spec.remove(key.as_str())),
        ManifestEdit::RemoveItem { index, .. } => drop(spec.get_sequence("members")?.remove(*index)),
        ManifestEdit::Append { item, .. } => {
            let made: YamlFile = format!("{{user: {}}}\n", item.get("user")?.as_str()?).parse().ok()?;
            spec.get_sequence("members")?.push(made.document()?.as_mapping()?);
        }
    }
    Document::parse(&file.to_string()).ok().map(|document| document.value)
}

fn member() -> impl Strategy<Value = String> {
    let comment = prop_oneof![Just(String::new()), Just("   # why".to_owned()), Just("  #x".to_owned())];
    let above = prop_oneof![3 => Just(""), 1 => Just("  # above\n"), 1 => Just("\n"), 1 => Just("  # apart\n\n")];
    let item = prop_oneof![
        Just("- {user: ada}"),
        Just("- user: ada"),
        Just("- user: ada\n    until: 2026-01-01"),
        Just("- {identity: {source: hr, key: \"7\"}}"),
        Just("- group: 'x'"),
    ];
    (above, item, comment).prop_map(|(above, item, comment)| format!("{above}  {item}{comment}\n"))
}

proptest! {
    /// The same edit by another editor comes to the same value, and ours keeps all lines that it is not about.
    #[test]
    fn another_editor_makes_the_same_of_it(
        members in proptest::collection::vec(member(), 1..5), tail in any::<bool>(), at in 0usize..5, which in 0usize..4, word in "[a-z]{1,8}|yes|0755|a: b # c",
    ) {
        let end = if tail { "  # on the rule\n  rule: \"true\"   # all\n" } else { "" };
        let text = group(&format!("  description: words\n  members:\n{}{end}", members.concat()));
        let edit = match which {
            0 => put("description", word),
            1 => ManifestEdit::RemoveKey { at: "/spec".into(), key: "description".into() },
            2 => remove(at % members.len()),
            _ => append(json!({"user": "cy"}), ""),
        };
        let after = made(&text, edit.clone()).map_err(|refused| TestCaseError::fail(format!("{refused}\n{text}")))?;
        let ours = Document::parse(&after).map_err(TestCaseError::fail)?.value;
        if let Some(other) = oracle(&text, &edit) {
            prop_assert_eq!(&ours, &other, "{}\n{}", text, after);
        }
        let kept = |text: &str| text.lines().filter(|line| line.trim_start().starts_with("# on")).count();
        prop_assert_eq!(kept(&text), kept(&after));
    }
}
