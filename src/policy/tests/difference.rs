//! Whom it concerns that other manifests are in force, and what of them is not compiled again.

use super::*;

const SOURCE: &str = "kind: Source\nmetadata: {name: hr}\nspec:\n  connection: {file: {path: hr.csv}}\n  key: record.id\n  mapping: {rules: [{attribute: userName, value: record.login}]}\n";
const TARGET: &str = "kind: Target\nmetadata: {name: chat}\nspec: {connection: {scim: {url: \"https://chat.example\"}}, groups: {}}\n";
const GROUP: &str = "kind: Group\nmetadata: {name: ops}\nspec: {displayName: Ops, members: [{user: ada}, {user: bo}, {group: all}]}\n";
const ALL: &str = "kind: Group\nmetadata: {name: all}\nspec: {displayName: All, rule: 'true', exclude: [{user: bo}]}\n";
const ADA: &str = "kind: User\nmetadata: {name: ada}\nspec: {attributes: {userName: ada}}\n";
const BO: &str = "kind: User\nmetadata: {name: bo}\nspec: {attributes: {userName: bo}, formerKeys: [hr/9]}\n";
const CY: &str = "kind: User\nmetadata: {name: cy}\nspec: {overrides: {source: hr, key: \"7\"}, attributes: {userName: cy}}\n";
const MANIFESTS: [&str; 7] = [SOURCE, TARGET, GROUP, ALL, ADA, BO, CY];

fn concerned(before: &Policy, now: &Policy) -> String {
    match difference(before, now) {
        Ok(ConcernedPeople { keys, named, users_before }) => {
            let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
            let named: Vec<&str> = named.iter().map(AsRef::as_ref).collect();
            let were: Vec<&str> = users_before.iter().map(|user| user.name.as_ref()).collect();
            format!("{}; named {}; were {}", keys.join(" "), named.join(" "), were.join(" "))
        }
        Err(why) => why.to_owned(),
    }
}

/// With one text in the place of another one, each way.
fn edited(from: &str, to: &str) -> String {
    let edited: Vec<String> = MANIFESTS.iter().map(|document| document.replace(from, to)).collect();
    let edited: Vec<&str> = edited.iter().map(String::as_str).filter(|document| !document.is_empty()).collect();
    let (before, now) = (policy(&MANIFESTS), policy(&edited));
    assert_eq!(concerned(&before, &before), "; named ; were ");
    format!("{} | {}", concerned(&before, &now), concerned(&now, &before))
}

#[test]
fn what_is_said_of_people_by_name_concerns_them_and_whatever_else_everybody() {
    let moved = format!("# every line behind this moves\n{GROUP}");
    let table = [
        (GROUP, moved.as_str(), "; named ; were  | ; named ; were "),
        ("userName: ada", "userName: eve", "user/ada; named user/ada; were ada | user/ada; named user/ada; were ada"),
        (CY, "", "hr/7; named ; were cy | hr/7; named hr/7; were "),
        ("hr/9", "hr/8", "hr/8 hr/9 user/bo; named user/bo; were bo | hr/8 hr/9 user/bo; named user/bo; were bo"),
        ("key: \"7\"", "key: \"8\"", "hr/7 hr/8; named hr/8; were cy | hr/7 hr/8; named hr/7; were cy"),
        ("{user: ada}, ", "", "user/ada; named ; were  | user/ada; named user/ada; were "),
        (
            "exclude: [{user: bo}]",
            "exclude: [{user: ada}]",
            "user/ada user/bo; named user/ada; were  | user/ada user/bo; named user/bo; were ",
        ),
        ("{group: all}", "{user: cy}", "other groups are in groups | other groups are in groups"),
        ("rule: 'true'", "rule: 'false'", "Groups are others | Groups are others"),
        ("value: record.login", "value: record.name", "Sources are others | Sources are others"),
        ("groups: {}", "groups: {nested: false}", "Targets are others | Targets are others"),
    ];
    for (from, to, expected) in table {
        assert_eq!(edited(from, to), expected, "{from} > {to}");
    }
}

#[test]
fn users_that_are_the_same_are_compiled_to_the_same_without_being_compiled_again() {
    let text = |documents: &[&str]| documents.iter().map(|document| format!("{HEAD}{document}")).collect::<Vec<_>>().join("---\n");
    let read = |documents: &[&str]| {
        load(&[ManifestInput::Text { name: "a.yaml".into(), base: PathBuf::new(), bytes: text(documents).into_bytes() }]).0
    };
    let all = [&[WORKSPACE], MANIFESTS.as_slice()].concat();
    let before = read(&all);
    let compiled = compile(&before, &Facts).unwrap().0;
    let moved: Vec<&str> = all.iter().copied().filter(|document| *document != ADA).chain([ADA]).collect();
    let amended = BO.replace("userName: bo", "userName: eve");
    let amended: Vec<&str> = all.iter().map(|document| if *document == BO { amended.as_str() } else { *document }).collect();
    for documents in [all, moved, amended] {
        let now = read(&documents);
        let afresh = compile(&now, &Facts).unwrap().0;
        let again = compile_after(&now, Some((&before, &compiled)), &Facts).unwrap().0;
        assert_eq!(format!("{again:#?}"), format!("{afresh:#?}"));
    }
}
