//! The documentation says what is so: tests that it names exist, defaults are told alike, every field of the manifests is explained.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::none;

/// Where fields of the manifests are explained.
const EXPLAINED: &[&str] = &[
    "manifests.md",
    "guardrails.md",
    "files-and-tables.md",
    "personas.md",
    "writing-a-connector.md",
    "webhook.md",
    "controller.md",
    "ldap.md",
    "database-roles.md",
    "webhooks-in.md",
    "scim.md",
];

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[test]
fn every_test_that_is_named_exists() {
    let page = text("docs/safety.md") + &text("docs/threat-model.md");
    let named: BTreeSet<(&str, &str)> = quoted(&page).filter_map(|words| words.split_once(".rs::")).collect();
    assert!(named.len() > 100, "only {} tests are named", named.len());
    let mut broken = Vec::new();
    for (path, name) in named {
        let path = format!("{path}.rs");
        let found = Path::new(env!("CARGO_MANIFEST_DIR")).join(&path).is_file()
            && {
                let file = text(&path);
                file.contains("test]") || file.contains("::test(") || file.contains("proptest!")
            }
            && text(&path).contains(&format!("fn {name}("));
        if !is_name(name) || !found {
            broken.push(format!("docs/safety.md or docs/threat-model.md: `{path}::{name}`: there is no such test"));
        }
    }
    none(&broken);
}

#[test]
fn every_row_of_the_pages_of_dangers_names_its_test() {
    let mut broken = Vec::new();
    for (name, from, until) in [("docs/safety.md", "## 1.", "\0"), ("docs/threat-model.md", "## What is defended", "## What is not")] {
        let page = text(name);
        let lines =
            page.lines().enumerate().skip_while(|(_, line)| !line.starts_with(from)).take_while(|(_, line)| !line.starts_with(until));
        let rows = lines.filter(|(_, line)| {
            line.starts_with("| ") && !["| What could happen", "| Test", "| Threat"].iter().any(|head| line.starts_with(head))
        });
        let silent = rows.filter(|(_, line)| !line.contains(".rs::"));
        broken.extend(silent.map(|(at, line)| format!("{name}:{}: no test is named: {line}", at + 1)));
    }
    none(&broken);
}

#[test]
fn defaults_of_guardrails_are_told_alike() {
    let (safety, guardrails, model) = (text("docs/safety.md"), text("docs/guardrails.md"), text("src/model/guardrail.rs"));
    let words: BTreeSet<&str> = model.lines().filter_map(|line| line.split_once("=> \"")?.1.strip_suffix("\",")).collect();
    assert!(words.len() >= 12, "{words:?}");
    let default = |page: &str, word: &str| {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{word}` |")))?;
        row.trim_end_matches([' ', '|']).rsplit(" | ").next().map(str::to_owned)
    };
    let differ = |word: &&&str| default(&safety, word).is_none() || default(&safety, word) != default(&guardrails, word);
    let broken: Vec<_> = words
        .iter()
        .filter(differ)
        .map(|word| {
            let (one, other) = (default(&safety, word), default(&guardrails, word));
            format!("{word}: docs/safety.md says {one:?}, docs/guardrails.md {other:?}")
        })
        .collect();
    none(&broken);
}

#[test]
fn every_finding_code_that_is_named_exists() {
    let codes = text("src/model/finding.rs");
    let page = text("docs/safety.md");
    let kebab =
        |word: &&str| word.contains('-') && !word.starts_with('-') && word.bytes().all(|sign| sign.is_ascii_lowercase() || sign == b'-');
    let camel = |word: &str| -> String { word.split('-').map(|part| part[..1].to_uppercase() + &part[1..]).collect() };
    let named: BTreeSet<&str> = quoted(&page).filter(kebab).collect();
    assert!(named.len() > 15, "{named:?}");
    let broken: Vec<_> = named
        .into_iter()
        .filter(|word| !codes.contains(&format!("    {},\n", camel(word))))
        .map(|word| format!("docs/safety.md: there is no finding code `{word}`"))
        .collect();
    none(&broken);
}

#[test]
fn every_finding_code_has_its_row_and_is_used() {
    let model = text("src/model/finding.rs");
    let body = model.split_once("pub enum FindingCode {").and_then(|(_, rest)| rest.split_once("\n}")).expect("the codes").0;
    let names: Vec<&str> =
        body.lines().map(str::trim).filter(|line| !line.starts_with("///")).filter_map(|line| line.strip_suffix(',')).collect();
    assert!(names.len() > 30, "{names:?}");
    let kebab = |name: &str| -> String {
        let mut word = String::new();
        for (at, letter) in name.char_indices() {
            if letter.is_ascii_uppercase() && at > 0 {
                word.push('-');
            }
            word.push(letter.to_ascii_lowercase());
        }
        word
    };
    let page = text("docs/findings.md");
    let rows: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let codes: Vec<String> = names.iter().map(|name| kebab(name)).collect();
    let mut broken: Vec<String> = Vec::new();
    for code in codes.iter().filter(|code| rows.iter().filter(|row| row == code).count() != 1) {
        broken.push(format!("docs/findings.md: the code `{code}` needs one row"));
    }
    for row in rows.iter().filter(|row| !codes.iter().any(|code| code == *row)) {
        broken.push(format!("docs/findings.md: there is no code `{row}`"));
    }
    let sources: String = super::sources().iter().map(|source| source.text.as_str()).collect();
    for name in names.iter().filter(|name| !sources.contains(&format!("FindingCode::{name}"))) {
        broken.push(format!("src/model/finding.rs: no finding is made with the code {name}"));
    }
    for line in page
        .lines()
        .filter(|line| line.starts_with("| `") && line.trim_end_matches('|').rsplit('|').next().is_none_or(|what| what.trim().is_empty()))
    {
        broken.push(format!("docs/findings.md: no answer in {line}"));
    }
    none(&broken);
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let mut pages = vec!["README.md".to_owned(), "ARCHITECTURE.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    let listed = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).expect("docs/").flatten();
    pages.extend(listed.map(|entry| format!("docs/{}", entry.file_name().to_string_lossy())).filter(|name| name.ends_with(".md")));
    let examples = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).expect("examples/").flatten();
    pages.extend(examples.map(|entry| format!("examples/{}/README.md", entry.file_name().to_string_lossy())));
    assert!(pages.len() > 14, "{pages:?}");
    let mut broken = Vec::new();
    for page in &pages {
        let words = text(page);
        for link in words.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = Path::new(page).parent().unwrap_or(Path::new("")).join(path);
            let file = if path.is_empty() { Path::new(page).to_owned() } else { file };
            if !Path::new(env!("CARGO_MANIFEST_DIR")).join(&file).exists() {
                broken.push(format!("{page}: {link}: there is no such file"));
            } else if !anchor.is_empty() && !text(&file.to_string_lossy()).lines().any(|line| line.starts_with('#') && slug(line) == anchor)
            {
                broken.push(format!("{page}: {link}: there is no such heading"));
            }
        }
    }
    none(&broken);
}

#[test]
fn every_file_that_contributing_and_architecture_name_is_there() {
    let is_path = |word: &&str| word.contains('/') && (word.starts_with("src/") || word.starts_with("tests/") || word.starts_with("docs/"));
    let mut broken = Vec::new();
    let mut seen = 0;
    for page in ["CONTRIBUTING.md", "ARCHITECTURE.md"] {
        let words = text(page);
        for path in words.split('`').skip(1).step_by(2).filter(is_path) {
            seen += 1;
            if !Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists() {
                broken.push(format!("{page}: `{path}` is not there"));
            }
        }
    }
    assert!(seen > 10, "{seen} paths");
    none(&broken);
}

/// A heading as links name it.
fn slug(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[test]
fn every_field_of_the_manifests_is_explained() {
    let docs: String = EXPLAINED.iter().map(|name| text(&format!("docs/{name}"))).collect();
    let words: BTreeSet<&str> = docs.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    let schema = serde_json::from_str(&text("schemas/headcount.json")).expect("a schema");
    let mut fields = BTreeSet::new();
    collect(&schema, &mut fields);
    assert!(fields.len() > 100, "{fields:?}");
    let missing = fields.iter().filter(|field| !words.contains(field.as_str()));
    none(&missing.map(|field| format!("the field `{field}` is explained in none of {EXPLAINED:?}")).collect::<Vec<_>>());
}

/// The names of all properties in a schema.
fn collect(schema: &serde_json::Value, fields: &mut BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(parts) => {
            let properties = parts.get("properties").and_then(serde_json::Value::as_object);
            fields.extend(properties.into_iter().flat_map(|properties| properties.keys().cloned()));
            parts.values().for_each(|part| collect(part, fields));
        }
        serde_json::Value::Array(parts) => parts.iter().for_each(|part| collect(part, fields)),
        _ => {}
    }
}

#[test]
fn every_dependency_is_said_to_be_for_something() {
    let page = text("docs/dependencies.md");
    let (runs, tests) = page.split_once("For tests alone:").expect("a table for tests");
    let tests = tests.split("\n## ").next().unwrap_or_default();
    let runs = runs.split_once("## What each crate is for").expect("the table").1;
    let cargo = text("Cargo.toml");
    for (section, table) in [("[dependencies]", runs), ("[dev-dependencies]", tests)] {
        let listed = cargo.split_once(section).expect("the section").1;
        let listed: BTreeSet<&str> = listed
            .lines()
            .take_while(|line| !line.starts_with('['))
            .filter_map(|line| line.split_once(" = "))
            .map(|(name, _)| name)
            .collect();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|line| line.split_once(" | "));
        let told: BTreeSet<&str> = rows.flat_map(|(names, _)| names.split(['`', ',', ' '])).filter(|name| !name.is_empty()).collect();
        let missing: Vec<_> = listed.difference(&told).collect();
        let gone: Vec<_> = told.difference(&listed).collect();
        assert!(
            missing.is_empty() && gone.is_empty(),
            "docs/dependencies.md, {section}: not told are {missing:?}, not there any more {gone:?}"
        );
    }
}

/// Those of tests and of the installer are named where they are used.
#[test]
fn every_condition_and_reason_of_the_operator_is_told() {
    const OTHERS: &[&str] = &["True", "False", "Unknown", "Plan", "PlanApproval", "Workspace", "Source", "Target", "Reconcile", "Invalid"];
    let page = text("docs/kubernetes.md");
    let mut words = BTreeSet::new();
    for file in ["conditions", "plans", "events"] {
        let source = text(&format!("src/operator/{file}.rs"));
        let code = source.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        let is_word = |word: &&str| word.starts_with(|letter: char| letter.is_ascii_uppercase()) && is_name(word) && !word.contains('_');
        words.extend(code.split('"').filter(is_word).map(str::to_owned));
    }
    assert!(words.len() > 40, "{words:?}");
    let broken: Vec<_> = words
        .into_iter()
        .filter(|word| !OTHERS.contains(&word.as_str()) && !page.contains(&format!("`{word}`")))
        .map(|word| format!("docs/kubernetes.md: `{word}` is said of objects and not explained"))
        .collect();
    none(&broken);
}

#[test]
fn every_variable_that_is_read_is_told() {
    let page = text("docs/deployment.md");
    let told: BTreeSet<&str> = quoted(&page).filter(|words| words.starts_with("HEADCOUNT_")).collect();
    let sources = super::sources();
    let lines = sources.iter().flat_map(|source| source.code.iter().map(|(_, line)| line.as_str()));
    let read: BTreeSet<&str> = lines
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|word| word.starts_with("HEADCOUNT_") && !word.contains("TEST") && is_name(word))
        .collect();
    assert!(read.len() > 5, "{read:?}");
    let untold: Vec<String> =
        read.difference(&told).map(|name| format!("docs/deployment.md: `{name}` is read and not explained")).collect();
    let idle: Vec<String> = told.difference(&read).map(|name| format!("docs/deployment.md: `{name}` is read by nobody")).collect();
    none(&[untold, idle].concat());
}
