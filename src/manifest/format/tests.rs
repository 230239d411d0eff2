//! What `fmt` does and what it leaves, and its law on whatever people write.

use std::path::Path;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn tidy(text: &str) -> String {
    let once = format(text).unwrap();
    assert_eq!(format(&once).unwrap(), once, "a second time");
    once
}

#[test]
fn indents_blanks_quotes_and_the_order_of_what_opens_a_document() {
    let text = "#head\nkind: Group\n# the version\napiVersion:   headcount.dev/v1alpha1\nspec:\n    displayName: 'Engineering'   \n    # who\n    members:\n      - { user: \"ada\" }     # one\n      -   user: bo          # two\n          until: 2026-12-05\n\n\n      # three\n      - identity: { source: hr, key: 1009 }\n    owners: [ {user: 'yes'}, ]\n    description: |\n        long   \n          text\n    allowEmpty: no\nmetadata: { name: a , labels: {chat: yes}}\n\n\n";
    let text = text.replace("allowEmpty: no\n", "allowEmpty: false\n");
    assert_snapshot!(tidy(&text), @r#"
    # head
    # the version
    apiVersion:   headcount.dev/v1alpha1
    kind: Group
    metadata: {name: a , labels: {chat: "yes"}}

    spec:
      displayName: Engineering
      # who
      members:
      - {user: ada}             # one
      - user: bo                # two
        until: 2026-12-05

      # three
      - identity: {source: hr, key: "1009"}
      owners: [{user: 'yes'},]
      description: |
          long   
            text
      allowEmpty: false
    "#);
}

#[test]
fn only_what_some_yaml_misreads_gets_quotes() {
    let described = |words: &str| {
        tidy(&format!("apiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {{name: a}}\nspec: {{displayName: {words}}}\n"))
    };
    for same in ["7d", "10%", "2026-01-01", "Foo Bar", "'Foo Bar'", "'a: b'", "v1", "1.2.x"] {
        assert!(described(same).contains(&format!("{{displayName: {same}}}")), "{same}");
    }
    for (from, to) in [
        ("yes", "\"yes\""),
        ("0755", "\"0755\""),
        ("1e5", "\"1e5\""),
        ("12:30", "\"12:30\""),
        ("0x1f", "\"0x1f\""),
        ("'Ada'", "Ada"),
        ("\"Ada\"", "Ada"),
    ] {
        assert!(described(from).contains(&format!("{{displayName: {to}}}")), "{from}");
    }
}

#[test]
fn line_ends_and_the_mark_of_bytes_go() {
    assert_eq!(tidy("\u{feff}# nothing\r\n\r\n\r\n"), "# nothing\n");
    assert_eq!(tidy(""), "");
    // What other tools read is theirs.
    let foreign = "apiVersion: apps/v1\nkind: Deployment\nspec:\n    a: { b: c }   \n";
    assert_eq!(tidy(foreign), foreign);
}

#[test]
fn what_can_not_be_kept_is_refused_with_its_line() {
    let text = "apiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {name: a}\n---\n\na: [\n";
    let refused = format(text).unwrap_err();
    assert_eq!(refused.line, 4, "{refused}");
}

/// The project's own manifests are written in the house style, so that a first `fmt` changes next to nothing.
#[test]
fn the_house_style_is_what_the_examples_are_written_in() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let inputs = ["examples", "catalog"].map(|folder| super::super::ManifestInput::Path(root.join(folder)));
    let found = super::super::Revision::of(&inputs);
    assert!(found.problems.is_empty() && found.texts.len() > 60, "{:?}", found.problems);
    let tidy = |bytes: &[u8]| format(&String::from_utf8_lossy(bytes)).is_ok_and(|tidy| tidy.as_bytes() == bytes);
    let untidy: Vec<&str> = found.texts.iter().filter(|file| !tidy(&file.bytes)).map(|file| file.name.as_ref()).collect();
    assert!(untidy.is_empty(), "run `headcount fmt examples catalog`: {untidy:#?}");
}

fn document() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("x".to_owned()),
        Just("'it''s'".to_owned()),
        Just("\"a # b\"".to_owned()),
        Just("yes".to_owned()),
        Just("0755".to_owned()),
        Just("'0755'".to_owned()),
        Just("{ a: b,  c: [ d ] }".to_owned()),
        Just("[ x,\n          y,  # why\n      z ]".to_owned()),
        Just("|\n          one  \n\n            two\n".to_owned()),
        Just("long\n          text".to_owned()),
        Just("\n      - x\n      -   - y\n          - z".to_owned()),
        Just("\n          deep:\n             deeper: 1  # there".to_owned()),
        Just("&anchor 1".to_owned()),
        Just("".to_owned()),
    ];
    let comment = prop_oneof![3 => Just(""), 1 => Just("   # beside"), 1 => Just(" #x"), 1 => Just("  \t")];
    let above = prop_oneof![4 => Just(""), 1 => Just("    # above\n"), 1 => Just("\n\n\n"), 1 => Just("# left\n"), 1 => Just("          # right\n")];
    let line = (above, value, comment);
    proptest::collection::vec(line, 1..7).prop_map(|lines| {
        let mut text = "apiVersion: headcount.dev/v1alpha1\nmetadata: {name:   a}\nkind: User\nspec:\n  attributes:\n".to_owned();
        for (at, (above, value, comment)) in lines.into_iter().enumerate() {
            let beside = if value.ends_with('\n') { "" } else { comment };
            text.push_str(&format!("{above}      k{at}: {value}{beside}\n"));
        }
        text
    })
}

proptest! {
    /// The same documents, the same comments, and nothing left to do.
    #[test]
    fn what_it_says_and_its_comments_stay(text in document()) {
        let Ok(once) = format(&text) else { return Ok(()) };
        let twice = format(&once).map_err(|why| TestCaseError::fail(format!("{why}\n{once}")))?;
        prop_assert_eq!(&once, &twice);
        let read = |text: &str| {
            let tree = Tree::parse(text).unwrap().unwrap();
            reading(text, &tree, shape::of_kind("User").unwrap())
        };
        prop_assert_eq!(read(&text), read(&once));
    }
}
