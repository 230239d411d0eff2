//! `git revert` of a commit brings back what was before it: the same objects, memberships and access, whatever the commit renamed or said anew.

use std::collections::BTreeMap;

use headcount::model::{Action, ObjectKind, Plan};
use headcount::planning::Scope;
use proptest::collection::vec;
use proptest::prelude::*;

use super::lab::{Defaults, Lab, Run};
use super::laws::cases;
use super::story::{Lens, Story, stories};
use super::system::{Account, Group};

/// What a commit does to the manifests. Numbers pick a group or a User, modulo how many there are.
#[derive(Clone, Debug)]
enum Edit {
    /// `metadata.name`, and nothing else
    RenameGroup(u8),
    /// `metadata.name` and `displayName`, which is said
    RenameGroupWhole(u8),
    /// `displayName` alone, which is said
    RetitleGroup(u8),
    /// of a User that stands alone, with `formerKeys`
    RenameUser(u8),
    /// what a rule covers
    OtherRule(u8),
    /// a label that nobody reads
    Label(u8),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        3 => any::<u8>().prop_map(Edit::RenameGroup),
        3 => any::<u8>().prop_map(Edit::RenameGroupWhole),
        2 => any::<u8>().prop_map(Edit::RetitleGroup),
        3 => any::<u8>().prop_map(Edit::RenameUser),
        1 => any::<u8>().prop_map(Edit::OtherRule),
        1 => any::<u8>().prop_map(Edit::Label),
    ];
    vec(edit, 1..4)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_revert_brings_back_the_same_objects_memberships_and_access(mut story in stories(), commits in vec(edits(), 1..4)) {
        quiet(&mut story);
        let mut lab = Lab::new(story);
        let mut texts = vec![may_empty(&lab.story.manifests())];
        settle(&mut lab, &texts[0])?;
        let before = seen(&lab);
        for (round, commit) in commits.iter().enumerate() {
            let mut text = texts[texts.len() - 1].clone();
            for (at, edit) in commit.iter().enumerate() {
                text = applied(&text, edit, &format!("x{round}{at}"));
            }
            let plan = settle(&mut lab, &text)?;
            let renames = commit.iter().all(|edit| !matches!(edit, Edit::OtherRule(_)));
            prop_assert!(!renames || none_lost(&plan), "a rename takes something away: {:#?}\n{text}", told(&plan));
            texts.push(text);
        }
        // One after the other, as `git revert` of each does, or all at once.
        let back = if commits.len() % 2 == 0 { texts.iter().rev().skip(1).collect() } else { vec![&texts[0]] };
        for text in back {
            let plan = settle(&mut lab, text)?;
            prop_assert!(plan.changes.iter().all(|change| change.action != Action::Delete), "a revert deletes: {:#?}\n{text}", told(&plan));
        }
        prop_assert_eq!(seen(&lab), before, "{}\n---- and back from ----\n{}", &texts[0], &texts[texts.len() - 1]);
    }
}

/// Worlds in which everything that is declared is made: what can't be is another law's matter.
fn quiet(story: &mut Story) {
    story.found.clear();
    story.setup.ownership = 0;
    story.setup.groups = 5;
    story.setup.manners.deletes = true;
    story.setup.manners.deactivates = true;
}

/// A rule that names nobody again after a revert would be held (`names-nobody`), which is another law's matter.
fn may_empty(text: &str) -> String {
    text.replace("\n  rule: ", "\n  allowEmpty: true\n  rule: ")
}

/// Applies until nothing is left; gives the first plan.
fn settle(lab: &mut Lab, text: &str) -> Result<Plan, TestCaseError> {
    let policy = super::compile(text, &Defaults).map_err(|problems| TestCaseError::fail(format!("{problems}\n{text}")))?;
    let first = lab.plan(&policy, &Lens::CLEAR, Scope::All);
    let mut plan = first.clone();
    for _ in 0..4 {
        // A run with nothing to send has something to remember, too.
        lab.apply(&policy, &plan, &Run::CALM, &mut |_, _, _| {});
        plan = lab.plan(&policy, &Lens::CLEAR, Scope::All);
        if plan.changes.iter().all(|change| !change.runs()) {
            return Ok(first);
        }
    }
    Err(TestCaseError::fail(format!("it never ends: {:#?}\n{text}", told(&plan))))
}

fn told(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|change| format!("{:?} {} {:?}", change.action, change.object.key, change.object.id)).collect()
}

fn none_lost(plan: &Plan) -> bool {
    use Action::{Create, Deactivate, Delete, RemoveMembers};
    let loses = |action| matches!(action, Delete | Deactivate | RemoveMembers);
    plan.changes.iter().all(|change| !loses(change.action) && (change.action != Create || change.object.kind != ObjectKind::Account))
}

/// What people have, but for the marks.
fn seen(lab: &Lab) -> (BTreeMap<String, Account>, BTreeMap<String, Group>) {
    (lab.system.accounts.clone(), lab.system.groups.clone())
}

fn applied(text: &str, edit: &Edit, fresh: &str) -> String {
    let mut documents: Vec<String> = text.split("---\n").map(str::to_owned).collect();
    let (kind, pick) = match edit {
        Edit::RenameUser(pick) => ("kind: User\n", *pick),
        Edit::RenameGroup(pick) | Edit::RenameGroupWhole(pick) | Edit::RetitleGroup(pick) | Edit::OtherRule(pick) | Edit::Label(pick) => {
            ("kind: Group\n", *pick)
        }
    };
    let stands = |text: &String| text.contains(kind) && !text.contains("overrides:");
    let all: Vec<usize> = (0..documents.len()).filter(|at| stands(&documents[*at])).collect();
    let Some(at) = all.get(usize::from(pick) % all.len().max(1)).copied() else { return text.to_owned() };
    if documents[at].contains(&fresh[..2]) {
        // A commit says of each resource what it is, not what happens to it first and then.
        return text.to_owned();
    }
    let name = between(&documents[at], "{name: ").to_owned();
    let title = between(&documents[at], "displayName: ").to_owned();
    let retitled =
        line(&documents[at].replace(&format!("displayName: {title}\n"), &format!("displayName: Group {fresh}\n")), "previousNames", &title);
    match edit {
        Edit::RenameGroup(_) => rename(&mut documents, ("group", &name), fresh),
        Edit::RenameGroupWhole(_) => {
            documents[at] = retitled;
            rename(&mut documents, ("group", &name), fresh);
        }
        Edit::RetitleGroup(_) => documents[at] = retitled,
        Edit::RenameUser(_) => {
            documents[at] = line(&documents[at], "formerKeys", &format!("user/{name}"));
            rename(&mut documents, ("user", &name), fresh);
        }
        Edit::OtherRule(_) => documents[at] = documents[at].replace("identity.department == \"Eng\"", "identity.department == \"Ops\""),
        Edit::Label(_) => documents[at] = documents[at].replace("labels: {", &format!("labels: {{{fresh}: \"yes\", ")),
    }
    documents.join("---\n")
}

/// What follows a word, up to where a value ends.
fn between<'t>(document: &'t str, word: &str) -> &'t str {
    let rest = document.split_once(word).map_or("", |(_, rest)| rest);
    rest.split(['}', ',', '\n']).next().unwrap_or_default()
}

/// Another name for a resource, everywhere.
fn rename(documents: &mut [String], (kind, name): (&str, &str), fresh: &str) {
    for document in documents {
        let renamed = document.replace(&format!("{{{kind}: {name}}}"), &format!("{{{kind}: {fresh}}}"));
        let own = renamed.to_lowercase().contains(&format!("kind: {kind}\n")) && between(&renamed, "{name: ") == name;
        *document = if own { renamed.replacen(&format!("{{name: {name}"), &format!("{{name: {fresh}"), 1) } else { renamed };
    }
}

/// Adds a list with one value to a document's spec, in the place of what it says there.
fn line(document: &str, field: &str, value: &str) -> String {
    let others: Vec<&str> = document.lines().filter(|line| !line.starts_with(&format!("  {field}:"))).collect();
    others.join("\n").replacen("spec:\n", &format!("spec:\n  {field}: [\"{value}\"]\n"), 1) + "\n"
}
