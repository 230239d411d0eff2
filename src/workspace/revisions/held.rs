//! Manifests are a source too, and may be cut short: whether so much vanished from one revision to the next that somebody has to say so.
//!
//! Must never: do I/O, know the time by itself, or let more through than `removals` of the Workspace names.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use crate::manifest::kinds::Removals;
use crate::manifest::{Document, Loaded, quantity};

/// Per cent of the Users, or of the Groups, that may vanish at once.
const SHARE: u64 = 30;
/// So few may vanish whatever their share is.
const FEW: u64 = 3;

/// Which documents a revision has, as far as it matters whether they are still there. It can be kept from one process to the next: Users stand in it as numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestInventory {
    /// the Workspace's id
    pub workspace: Arc<str>,
    sources: BTreeSet<Arc<str>>,
    targets: BTreeSet<Arc<str>>,
    users: BTreeSet<u64>,
    groups: BTreeSet<u64>,
}

/// What vanished, and is held for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shrunk {
    /// the Workspace's id was another one: marks at targets hold it, so nothing lets that through
    pub workspace: Option<(Arc<str>, Arc<str>)>,
    /// Sources
    pub sources: Vec<Arc<str>>,
    /// Targets
    pub targets: Vec<Arc<str>>,
    /// so many Users, of so many
    pub users: Option<(u64, u64)>,
    /// so many Groups, of so many
    pub groups: Option<(u64, u64)>,
}

impl ManifestInventory {
    /// Of manifests.
    pub fn of(loaded: &Loaded) -> Self {
        let workspace: Arc<str> = loaded.workspace.as_ref().map_or("", |workspace| &workspace.spec.id).into();
        Self {
            sources: names(&loaded.sources),
            targets: names(&loaded.targets),
            users: loaded.users.iter().map(|user| number(&workspace, &user.name)).collect(),
            groups: loaded.groups.iter().map(|group| number(&workspace, &group.name)).collect(),
            workspace,
        }
    }
}

/// Whether two revisions have the same documents by kind and name, so that nothing vanished.
pub fn names_the_same(before: &Loaded, now: &Loaded) -> bool {
    fn names<T>(documents: &[Document<T>]) -> impl Iterator<Item = &Arc<str>> {
        documents.iter().map(|document| &document.name)
    }
    let id = |loaded: &Loaded| loaded.workspace.as_ref().map(|workspace| workspace.spec.id.clone());
    id(before) == id(now)
        && names(&before.sources).eq(names(&now.sources))
        && names(&before.targets).eq(names(&now.targets))
        && names(&before.users).eq(names(&now.users))
        && names(&before.groups).eq(names(&now.groups))
}

/// What vanished from one revision to the next, beyond what is usual and what `removals` of the newer one names; nothing where that is fine.
pub fn shrank(before: &ManifestInventory, after: &Loaded, today: Date) -> Option<Shrunk> {
    let removals = after.workspace.as_ref().and_then(|workspace| workspace.spec.removals.as_ref());
    let removals = removals.filter(|removals| quantity::date(&removals.expires).is_ok_and(|last| today <= last));
    let now = ManifestInventory::of(after);
    let may_go = |kind: &str, name: &str| {
        let named = removals.iter().flat_map(|removals| removals.names.iter());
        named.filter_map(|written| Removals::kind_and_name(written)).any(|written| written == (kind, name))
    };
    let gone = |before: &BTreeSet<Arc<str>>, now: &BTreeSet<Arc<str>>, kind: &str| -> Vec<Arc<str>> {
        before.difference(now).filter(|name| !may_go(kind, name)).cloned().collect()
    };
    // A Source that says what it was called before is still there.
    let former = after.sources.iter().flat_map(|source| source.spec.previous_names.iter().map(|name| Arc::from(name.as_str())));
    let sources: BTreeSet<Arc<str>> = now.sources.iter().cloned().chain(former).collect();
    let shrunk = Shrunk {
        workspace: (!before.workspace.is_empty() && before.workspace != now.workspace)
            .then(|| (before.workspace.clone(), now.workspace.clone())),
        sources: gone(&before.sources, &sources, "Source"),
        targets: gone(&before.targets, &now.targets, "Target"),
        users: share(&before.users, &now.users, removals.and_then(|removals| removals.users)),
        groups: share(&before.groups, &now.groups, removals.and_then(|removals| removals.groups)),
    };
    (shrunk != Shrunk::default()).then_some(shrunk)
}

/// How many are gone of how many, where that is too many.
fn share(before: &BTreeSet<u64>, now: &BTreeSet<u64>, allowed: Option<u64>) -> Option<(u64, u64)> {
    let (gone, all) = (before.difference(now).count() as u64, before.len() as u64);
    let usual = (all * SHARE / 100).max(FEW);
    (gone > usual.max(allowed.unwrap_or(0))).then_some((gone, all))
}

impl Shrunk {
    /// What is held, in one sentence.
    pub fn words(&self) -> String {
        if let Some((before, now)) = &self.workspace {
            return format!(
                "the workspace's id changed from {before} to {now}, and it stands in the mark of every object that is headcount's"
            );
        }
        let listed = |kind: &str, names: &[Arc<str>]| -> Option<String> {
            let shown: Vec<&str> = names.iter().take(8).map(AsRef::as_ref).collect();
            let more = names.len().saturating_sub(shown.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let kind = if names.len() == 1 { kind.to_owned() } else { format!("{kind}s") };
            (!names.is_empty()).then(|| format!("the {kind} {}{more}", shown.join(", ")))
        };
        let counted = |kind: &str, gone: Option<(u64, u64)>| gone.map(|(gone, all)| format!("{gone} of {all} {kind}"));
        let parts = [
            listed("Source", &self.sources),
            listed("Target", &self.targets),
            counted("Users", self.users),
            counted("Groups", self.groups),
        ];
        format!("{} vanished from the manifests", parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }

    /// How to answer it: the one line to put into the Workspace where it is meant; tables and logs show it whole. Nothing where nothing lets it through.
    pub fn answer(&self, expires: Date) -> Option<String> {
        if self.workspace.is_some() {
            return None;
        }
        let names =
            self.sources.iter().map(|name| format!("Source/{name}")).chain(self.targets.iter().map(|name| format!("Target/{name}")));
        let names: Vec<String> = names.collect();
        let listed = (!names.is_empty()).then(|| format!("names: [{}]", names.join(", ")));
        let counted = [("users", self.users), ("groups", self.groups)];
        let counted = counted.iter().filter_map(|(field, gone)| gone.map(|(gone, _)| format!("{field}: {gone}")));
        let why = ["reason: WHY THIS MAY GO".to_owned(), format!("expires: {expires}")];
        let fields: Vec<String> = listed.into_iter().chain(counted).chain(why).collect();
        Some(format!("removals: {{{}}}", fields.join(", ")))
    }

    /// The next step, in one sentence.
    pub fn hint(&self) -> &'static str {
        match self.workspace {
            Some(_) => "put the id back; a workspace of another id is another workspace, with a state of its own",
            None => "where it is meant, put `removals` below `spec` of the Workspace; where it is not, bring the documents back",
        }
    }
}

fn names<T>(documents: &[Document<T>]) -> BTreeSet<Arc<str>> {
    documents.iter().map(|document| document.name.clone()).collect()
}

/// A name as a number that stays the same from one process to the next.
fn number(workspace: &str, name: &str) -> u64 {
    BuildHasherDefault::<SipHasher13>::default().hash_one((workspace, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{ManifestInput, load};

    const TODAY: &str = "2026-11-29";

    /// A workspace with these Sources and Targets, and Users and Groups of these numbers.
    fn made(workspace: &str, sources: &[&str], targets: &[&str], users: std::ops::Range<u32>, groups: std::ops::Range<u32>) -> Loaded {
        let document = |kind: &str, name: &str, spec: &str| {
            format!("---\napiVersion: headcount.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n")
        };
        let mut text = document("Workspace", "acme", workspace);
        for (at, name) in sources.iter().enumerate() {
            let (name, more) = name.split_once(' ').unwrap_or((name, ""));
            let spec = format!(
                "{{connection: {{file: {{path: {name}.csv}}}}, key: record.id, establishes: true, precedence: {at}, {more} mapping: {{rules: [{{attribute: userName, value: record.id}}]}}}}"
            );
            text.push_str(&document("Source", name, &spec));
        }
        for name in targets {
            let spec = format!("{{connection: {{scim: {{url: \"https://{name}.example/scim/v2\"}}}}}}");
            text.push_str(&document("Target", name, &spec));
        }
        users.for_each(|at| text.push_str(&document("User", &format!("u{at}"), &format!("{{attributes: {{userName: u{at}}}}}"))));
        groups.for_each(|at| text.push_str(&document("Group", &format!("g{at}"), &format!("{{displayName: g{at}}}"))));
        let input = ManifestInput::Text { name: "made.yaml".into(), base: "/nowhere".into(), bytes: text.into_bytes() };
        let (loaded, problems) = load(&[input]);
        assert!(problems.iter().all(|problem| problem.level != crate::diagnostic::Level::Error), "{problems:#?}");
        loaded
    }

    fn told(before: &Loaded, after: &Loaded) -> String {
        let shrunk = shrank(&ManifestInventory::of(before), after, TODAY.parse().unwrap());
        shrunk.map_or_else(|| "nothing".to_owned(), |shrunk| shrunk.words())
    }

    #[test]
    fn what_vanishes_is_held_and_what_is_usual_is_not() {
        let before = made("{id: acme}", &["hr", "badges"], &["chat", "wiki"], 0..20, 0..10);
        let table = [
            (made("{id: acme}", &["hr", "badges"], &["chat", "wiki"], 0..20, 0..10), "nothing"),
            (made("{id: acme}", &["badges"], &["chat", "wiki"], 0..20, 0..10), "the Source hr vanished from the manifests"),
            // A new one does not make up for it; one that says what it was called before is the same.
            (made("{id: acme}", &["workday", "badges"], &["chat", "wiki"], 0..20, 0..10), "the Source hr vanished from the manifests"),
            (made("{id: acme}", &["workday previousNames: [hr],", "badges"], &["chat", "wiki"], 0..20, 0..10), "nothing"),
            (made("{id: acme}", &[], &[], 0..20, 0..10), "the Sources badges, hr; the Targets chat, wiki vanished from the manifests"),
            (made("{id: acme}", &["hr", "badges"], &["chat", "wiki"], 6..20, 3..10), "nothing"),
            (made("{id: acme}", &["hr", "badges"], &["chat", "wiki"], 7..20, 3..10), "7 of 20 Users vanished from the manifests"),
            (
                made("{id: acme}", &["hr", "badges"], &["chat", "wiki"], 7..40, 4..10),
                "7 of 20 Users; 4 of 10 Groups vanished from the manifests",
            ),
            (
                made("{id: acme2}", &["hr", "badges"], &["chat", "wiki"], 0..20, 0..10),
                "the workspace's id changed from acme to acme2, and it stands in the mark of every object that is headcount's",
            ),
        ];
        for (at, (after, words)) in table.iter().enumerate() {
            assert_eq!(told(&before, after), *words, "row {at}");
        }
        let few = made("{id: acme}", &["hr"], &["chat"], 0..4, 0..3);
        assert_eq!(told(&few, &made("{id: acme}", &["hr"], &["chat"], 3..4, 3..3)), "nothing");
        assert_eq!(told(&few, &made("{id: acme}", &["hr"], &["chat"], 4..4, 3..3)), "4 of 4 Users vanished from the manifests");
        // There was nothing before: the first revision of all.
        assert_eq!(shrank(&ManifestInventory::default(), &before, TODAY.parse().unwrap()), None);
    }

    #[test]
    fn the_answer_that_is_printed_lets_exactly_that_through_until_its_day() {
        let before = made("{id: acme}", &["hr", "badges"], &["chat", "wiki"], 0..20, 0..10);
        let gone =
            |removals: &str, users: std::ops::Range<u32>| made(&format!("{{id: acme{removals}}}"), &["badges"], &["wiki"], users, 0..2);
        let today: Date = TODAY.parse().unwrap();
        let shrunk = shrank(&ManifestInventory::of(&before), &gone("", 8..20), today).unwrap();
        let answer = shrunk.answer(today).unwrap();
        insta::assert_snapshot!(answer, @"removals: {names: [Source/hr, Target/chat], users: 8, groups: 8, reason: WHY THIS MAY GO, expires: 2026-11-29}");
        let removals = format!(", {answer}");
        let with = gone(&removals, 8..20);
        assert_eq!(shrank(&ManifestInventory::of(&before), &with, today), None);
        assert!(shrank(&ManifestInventory::of(&before), &with, today.tomorrow().unwrap()).is_some(), "its day is over");
        assert_eq!(told(&before, &gone(&removals, 9..20)), "9 of 20 Users vanished from the manifests");
        let other = made(&format!("{{id: acme{removals}}}"), &["hr"], &["wiki"], 8..20, 0..2);
        assert_eq!(told(&before, &other), "the Source badges vanished from the manifests");
    }

    #[test]
    fn what_is_kept_of_a_revision_names_no_person_and_reads_back_the_same() {
        let inventory = ManifestInventory::of(&made("{id: acme}", &["hr"], &["chat"], 0..2, 0..1));
        let kept = serde_json::to_string(&inventory).unwrap();
        assert!(!kept.contains("u0") && kept.contains("\"hr\""), "{kept}");
        assert_eq!(serde_json::from_str::<ManifestInventory>(&kept).unwrap(), inventory);
    }

    #[test]
    fn removals_that_say_nothing_are_refused_by_validate() {
        let text = "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec:\n  id: acme\n  removals: {names: [hr, User/mara, Target/chat], \
                    reason: ' ', expires: soon}\n";
        let input = ManifestInput::Text { name: "made.yaml".into(), base: "/nowhere".into(), bytes: text.into() };
        let (_, problems) = load(&[input]);
        let words: Vec<String> =
            problems.iter().map(|problem| format!("{} ({})", problem.message, problem.hint.as_deref().unwrap_or(""))).collect();
        insta::assert_snapshot!(words.join("\n"), @r"
        `spec.removals.names[0]` is no name of what may go (write the kind and the name: `Source/old-hr`, `Target/chat`)
        `spec.removals.names[1]` is no name of what may go (of Users and Groups write how many may go: `users: 40`, `groups: 12`)
        `spec.removals.reason` is no reason (say for the reviewer why this may go)
        `spec.removals.expires` is no date (write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`)
        ");
    }
}
