//! Reviews by hand: what a reviewer meets, from nothing at all to ten thousand changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::date;

use crate::diagnostic::Place;
use crate::model::{
    Action, Change, Due, DueKind, Evidence, Finding, FindingCode, Mandate, MemberChange, ObjectKind, ObjectRef, Plan, Reason, Severity,
    Subject, SystemEvidence, Upcoming, Value, Withheld,
};
use crate::planning::explain::Origins;
use crate::planning::testing::{Scene, group as group_document, source, target as target_document};
use crate::policy::Policy;
use crate::render::review::links::ForgeLinks;
use crate::render::testing::{Building as _, account, change, empty, text};
use crate::review::{
    Branch, DocumentChange, DocumentDifference, DocumentLines, DocumentName, Explain, FieldChange, HeldChanges, PersonCard, Review,
    ReviewSide, Revision, of_branch, of_plan,
};

const HEAD: &str = "0fdea5d5f4a45549c485fc60ca205822fe37262d";
const BASE: &str = "b159508fa0b37b913035c67f560dae58d55ecf5a";

/// Two plans and what the branch says, put together when they are reviewed.
pub struct Story {
    pub base: Plan,
    pub head: Plan,
    pub intent: Vec<DocumentChange>,
    pub branch: Option<Branch>,
    pub known: Known,
    /// what base's manifests hold, and head's do not
    pub held: Vec<HeldChanges>,
}

/// The lines behind changes, the sizes of groups and the titles of people.
#[derive(Default)]
pub struct Known {
    /// by the key of a group, the name of an entitlement, `target/attribute` or a target
    pub lines: BTreeMap<String, Vec<Place>>,
    pub sizes: BTreeMap<String, u64>,
    pub titles: BTreeMap<String, Arc<str>>,
}

impl Explain for Known {
    fn origins(&self, change: &Change) -> Origins {
        let line = |name: &str| self.lines.get(name).cloned().unwrap_or_default();
        let of_attribute = |attribute: &Arc<str>| {
            let whole = change.entitlement.as_deref().map_or_else(|| line(&format!("{}/{attribute}", change.target)), line);
            (attribute.clone(), whole)
        };
        let places = match (&change.entitlement, change.object.kind, change.mandate) {
            (Some(name), ..) => line(name),
            (None, ObjectKind::Group, _) => line(&change.object.key),
            (None, _, Mandate::Deselection) => line(&change.target),
            _ => Vec::new(),
        };
        Origins {
            members: change.members.iter().map(|member| (member.member.key.clone(), places.clone())).collect(),
            attributes: change.attributes.iter().map(|changed| of_attribute(&changed.attribute)).collect(),
            line: places.first().cloned(),
            places,
        }
    }

    fn size(&self, target: &str, group: &ObjectRef) -> Option<u64> {
        self.sizes.get(&format!("{target}/{}", group.name)).copied()
    }

    fn person(&self, key: &str) -> Option<PersonCard> {
        let title = self.titles.get(key)?;
        let number = key.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or_default();
        Some(PersonCard { name: person(number).name, title: Some(title.clone()), department: None })
    }
}

impl Story {
    /// Nothing, of a branch of the repository.
    pub fn new() -> Self {
        let revision =
            |name: &str, commit: &str| Revision { commit: Some(commit.into()), name: name.into(), manifests_digest: "d".repeat(64) };
        let branch = Branch {
            base: revision("main", BASE),
            head: revision("HEAD", HEAD),
            offline: false,
            is_new: false,
            not_used: Vec::new(),
            difference_digest: "d".repeat(64),
        };
        Self { base: empty(), head: empty(), intent: Vec::new(), branch: Some(branch), known: Known::default(), held: Vec::new() }
    }

    /// A plan by itself.
    pub fn plan(head: Plan) -> Self {
        Self { head, branch: None, ..Self::new() }
    }

    /// What a reviewer is told.
    pub fn review(&self) -> Review {
        let policy = policy();
        let side = |plan, held| ReviewSide { plan, explain: &self.known, policy: &policy, held };
        match &self.branch {
            None => of_plan(side(&self.head, &[])),
            Some(branch) => of_branch(side(&self.base, &self.held), side(&self.head, &[]), branch.clone(), self.intent.clone()),
        }
    }

    /// What the branch says differently: at a line of a file, in the lines up to six after it.
    pub fn says(mut self, kind: &str, name: &str, file: &str, line: u32, field: (&str, Option<&str>, Option<&str>)) -> Self {
        let lines = Some(DocumentLines { file: file.into(), first: line.saturating_sub(2), last: line + 4 });
        let (path, before, after) = field;
        self.intent.push(DocumentChange {
            document: DocumentName { kind: kind.into(), name: name.into() },
            what: DocumentDifference::Changed,
            fields: vec![FieldChange {
                path: path.into(),
                before: before.map(str::to_owned),
                after: after.map(str::to_owned),
                place: after.map(|_| place(file, line)),
                base_place: before.map(|_| place(file, line)),
            }],
            looks_like: None,
            base: lines.clone(),
            head: lines,
        });
        self
    }

    /// Where a group, an entitlement, an attribute or a deselection comes from.
    pub fn behind(mut self, what: &str, file: &str, line: u32) -> Self {
        self.known.lines.insert(what.into(), vec![place(file, line)]);
        self
    }

    /// Both plans do it.
    pub fn both(mut self, change: Change) -> Self {
        self.base.changes.push(change.clone());
        self.head.changes.push(change);
        self
    }

    /// Only head's plan does it.
    pub fn with(mut self, change: Change) -> Self {
        self.head.changes.push(change);
        self
    }
}

/// A place in the repository.
pub fn place(file: &str, line: u32) -> Place {
    Place { file: file.into(), line, column: 3 }
}

/// A host where places are seen.
pub fn forge() -> ForgeLinks {
    ForgeLinks {
        repository: Some("https://github.com/acme/identity".into()),
        run: Some("https://github.com/acme/identity/actions/runs/9876543210".into()),
        ..ForgeLinks::default()
    }
}

/// Rules in which Leads and admins are privileged.
fn policy() -> Policy {
    let documents = [
        source("hr", ""),
        target_document("  groups: {}\n"),
        group_document("leads", "  privileged: true\n  rule: 'identity.title == \"Lead\"'\n"),
    ];
    Scene::new(&documents).policy
}

/// People of acme by their number.
pub fn person(number: usize) -> ObjectRef {
    const GIVEN: [&str; 10] = ["ada", "eszter", "fatima", "joao", "mikael", "priya", "tom", "wei", "malin", "sam"];
    const FAMILY: [&str; 10] = ["okafor", "szabo", "elsayed", "pereira", "berg", "raman", "ashby", "zhang", "ek", "keller"];
    let (given, family) = (GIVEN[number % 10], FAMILY[number / 10 % 10]);
    let suffix = if number < 100 { String::new() } else { (number / 100 + 1).to_string() };
    account(&format!("hr/{number}"), &format!("{given}.{family}{suffix}"))
}

/// A group that headcount made.
pub fn known_group(key: &str, name: &str) -> ObjectRef {
    ObjectRef { kind: ObjectKind::Group, key: format!("group/{key}").into(), id: Some(format!("id-{key}").into()), name: name.into() }
}

/// People who come to a group or leave it.
pub fn members(target: &str, action: Action, group: ObjectRef, people: impl IntoIterator<Item = usize>) -> Change {
    let mut change = change(target, action, group, Reason::Mover);
    change.members = people.into_iter().map(|number| MemberChange { member: person(number), people: 1 }).collect();
    change
}

/// Somebody loses sign-in.
pub fn deactivated(target: &str, number: usize, reason: Reason, mandate: Mandate) -> Change {
    let mut change =
        change(target, Action::Deactivate, person(number), reason).with("active", Some(Value::Bool(true)), Some(Value::Bool(false)));
    change.mandate = mandate;
    change
}

/// Somebody gets another value.
pub fn updated(target: &str, number: usize, attribute: &str, before: &str, after: &str) -> Change {
    change(target, Action::Update, person(number), Reason::Mover).with(attribute, text(before), text(after))
}

/// Somebody gets another limit of a travel card.
pub fn card(number: usize, before: i64, after: i64) -> Change {
    let change = change("intranet", Action::UpdateEntitlement, person(number), Reason::Mover);
    Change { entitlement: Some("travel-card".into()), ..change }.with("limit", Some(Value::Int(before)), Some(Value::Int(after)))
}

/// What is pending whatever becomes of a branch: somebody has left, somebody has another title.
pub fn pending(story: Story) -> Story {
    let mut story = story;
    for target in ["chat", "intranet"] {
        story = story
            .both(deactivated(target, 71, Reason::Leaver, Mandate::Leaver))
            .both(members(target, Action::RemoveMembers, known_group("apps", "Apps"), [71]))
            .both(updated(target, 77, "title", "Engineer", "Staff Engineer"));
    }
    story.both(card(77, 500, 2000))
}

/// The branch that changes nothing.
pub fn nothing() -> Story {
    let mut story = pending(Story::new()).says("Group", "leads", "groups.yaml", 30, ("spec.rule", None, None));
    story.intent[0].what = DocumentDifference::Moved;
    story
}

/// Three changes that hurt nobody.
pub fn three() -> Story {
    let mut story = pending(Story::new())
        .says("Group", "on-call", "groups.yaml", 47, ("spec.members[1]", None, Some("{name: user/nia, until: 2027-01-31}")))
        .says("User", "sam.keller", "users.yaml", 16, ("spec.attributes.endDate", Some("2026-12-18"), Some("2027-03-31")))
        .behind("group/on-call", "groups.yaml", 47);
    story.known.titles.insert("hr/12".into(), "Engineer, Apps".into());
    for target in ["chat", "intranet"] {
        story = story.with(members(target, Action::AddMembers, known_group("on-call", "On Call"), [12]));
    }
    story
}

/// A lower grade for one group takes people out of another; a target serves fewer; 26 people get another limit.
pub fn sixty() -> Story {
    let mut story = pending(Story::new())
        .says("Group", "leads", "groups.yaml", 30, ("spec.rule", Some("identity.custom.grade >= 7"), Some("identity.custom.grade >= 6")))
        .says("Target", "chat", "targets.yaml", 65, ("spec.select", None, Some("identity.userType != \"contractor\"")))
        .says("Entitlement", "travel-card", "entitlements.yaml", 10, ("spec.parameters.limit", Some("5000"), Some("6000")))
        .behind("group/leads", "groups.yaml", 30)
        .behind("group/on-call", "groups.yaml", 49)
        .behind("chat", "targets.yaml", 65)
        .behind("travel-card", "entitlements.yaml", 10);
    // On Call excludes Leads: the line of the exclusion and the rule of Leads are both behind it.
    story.known.lines.insert("group/on-call".into(), vec![place("groups.yaml", 49), place("groups.yaml", 30)]);
    for target in ["chat", "intranet"] {
        story.known.sizes.insert(format!("{target}/On Call"), 7);
        story = story.with(members(target, Action::AddMembers, known_group("leads", "Leads"), 1..8)).with(members(
            target,
            Action::RemoveMembers,
            known_group("on-call", "On Call"),
            [2, 4, 6, 7],
        ));
    }
    for number in 1..8 {
        story.known.titles.insert(format!("hr/{number}"), "Senior Engineer".into());
    }
    story = story.with(deactivated("chat", 9, Reason::Deselected, Mandate::Deselection)).with(members(
        "chat",
        Action::RemoveMembers,
        known_group("on-call", "On Call"),
        [9],
    ));
    let limits = [(5000, 6000, 10..19), (2000, 2500, 20..26), (1000, 1200, 30..32), (500, 600, 40..48)];
    for (before, after, people) in limits {
        for number in people {
            story = story.with(card(number, before, after));
        }
    }
    // Somebody's limit was to change anyway, and changes to something else.
    story.head.changes.retain(|change| change.entitlement.is_none() || change.object.key.as_ref() != "hr/77");
    story = story.with(card(77, 500, 2500));
    story.head.upcoming = Upcoming {
        dues: vec![Due {
            day: date(2026, 12, 11),
            what: DueKind::MembershipEnds,
            key: "hr/9".into(),
            name: "sam.okafor".into(),
            target: None,
            of: Some("On Call".into()),
        }],
        more: BTreeMap::new(),
    };
    story
}

/// A guardrail refuses what the branch takes.
pub fn blocked() -> Story {
    let mut story = Story::new()
        .says("Target", "intranet", "targets.yaml", 38, ("spec.select", None, Some("identity.custom.region == \"Europe\"")))
        .behind("intranet", "targets.yaml", 38);
    for number in 1..5 {
        let mut change = deactivated("intranet", number, Reason::Deselected, Mandate::Deselection);
        change.withheld = Some(Withheld { finding: 0 });
        story = story.with(change);
    }
    let refusal = Finding::new(
        Severity::Refused,
        FindingCode::GuardrailExceeded,
        Subject::system(&Arc::from("intranet")),
        "4 accounts would be deactivated at intranet; 3 are allowed.",
    );
    story.head.findings.push(
        refusal
            .at(Some(place("targets.yaml", 56)))
            .hint("if it is meant, add this to spec.guardrails.overrides of Target intranet:\n- guardrail: deactivate\n  changes: e624c057\n  reason: \"\"\n  expires: 2026-12-05"),
    );
    story
}

/// A target could not be read.
pub fn incomplete() -> Story {
    let mut story = sixty();
    story.head.changes.retain(|change| change.target.as_ref() != "chat");
    story.base.changes.retain(|change| change.target.as_ref() != "chat");
    let finding = Finding::new(
        Severity::Incomplete,
        FindingCode::IncompleteRead,
        Subject::system(&Arc::from("chat")),
        "chat could not be read: 401 Unauthorized.",
    );
    story.head.findings.push(finding.at(Some(place("targets.yaml", 64))).hint("check its token with `headcount connector check chat`"));
    let evidence = Evidence::Unreadable { reason: "401 Unauthorized".into() };
    story.head.evidence.push(SystemEvidence { system: "chat".into(), kind: ObjectKind::Account, evidence, count: 0 });
    story
}

/// A fork: nobody was looked up.
pub fn fork() -> Story {
    let mut story = sixty();
    story.head.changes.clear();
    story.base.changes.clear();
    story.head.upcoming = Upcoming::default();
    story.branch.iter_mut().for_each(|branch| branch.offline = true);
    story
}

/// So many people get another title, every tenth loses sign-in, every fiftieth joins what is privileged.
pub fn many(count: usize) -> Story {
    let mut story = pending(Story::new())
        .says("Source", "people", "sources.yaml", 25, ("spec.mapping.rules[2].value", Some("record.job"), Some("\"Senior \" + record.job")))
        .says("Target", "chat", "targets.yaml", 77, ("spec.select", None, Some("identity.department != \"Finance\"")))
        .behind("chat", "targets.yaml", 77)
        .behind("group/leads", "groups.yaml", 119);
    for target in ["chat", "intranet"] {
        story.known.lines.insert(format!("{target}/title"), vec![place("sources.yaml", 25)]);
    }
    const JOBS: [&str; 6] = ["Engineer", "Account Manager", "Sales Specialist", "Recruiter", "Researcher", "Site Reliability Engineer"];
    for number in 100..100 + count / 2 {
        let job = JOBS[number % 7 % 6];
        for target in ["chat", "intranet"] {
            story.head.changes.push(updated(target, number, "title", job, &format!("Senior {job}")));
        }
        if number % 10 == 0 {
            story.head.changes.push(deactivated("chat", number + 20_000, Reason::Deselected, Mandate::Deselection));
        }
    }
    let promoted = (100..100 + count / 2).filter(|number| number % 50 == 0);
    story.with(members("intranet", Action::AddMembers, known_group("leads", "Leads"), promoted))
}

/// The very first plan: everybody gets an account, some are there already.
pub fn first() -> Story {
    let mut plan = empty();
    for target in ["chat", "intranet"] {
        for (key, name) in [("apps", "Apps"), ("sales", "Sales")] {
            plan.changes.push(change(target, Action::Create, ObjectRef { id: None, ..known_group(key, name) }, Reason::Declared));
        }
        for number in 1..39 {
            let made = change(target, Action::Create, person(number), Reason::Joiner);
            plan.changes.push(made.with("userName", None, text(&person(number).name)).with("title", None, text("Engineer")));
        }
        plan.changes.push(members(target, Action::AddMembers, known_group("apps", "Apps"), 1..20));
        plan.changes.push(members(target, Action::AddMembers, known_group("sales", "Sales"), 20..39));
    }
    for number in [40, 41] {
        let taken = change("intranet", Action::Adopt, person(number), Reason::Joiner);
        plan.changes.push(taken.with("title", text("Working Student"), text("Engineer")));
    }
    Story::plan(plan)
}
