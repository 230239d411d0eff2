//! What a plan does and what is wrong with manifests, at the lines that bring it about: annotations of a GitHub workflow, and GitLab's code quality report.
//!
//! Must never: let what a manifest says begin a command of its own, name whom a change touches, or make more marks than a host shows without saying so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::json;

use super::{Lines, count, safe};
use crate::diagnostic::{Diagnostic, Level, Place};
use crate::model::{Action, Change, Finding, MemberChange, ObjectKind, Plan, Severity};
use crate::review::{AtomGroup, Divergence, EffectKind, NotUsedKind, Review};

/// GitHub shows so many of a level in one step.
const OF_A_LEVEL: usize = 10;
/// GitLab's widget shows them all; nobody reads more.
const IN_A_REPORT: usize = 500;

/// Something to be said at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// where; none: nowhere in particular
    pub place: Option<Place>,
    /// how many characters it is about, where it is not the whole line
    pub length: Option<u32>,
    /// how much it matters
    pub level: Level,
    /// what kind of thing it is: `loses-sign-in`
    pub kind: &'static str,
    /// of one level the lower comes first
    pub rank: u8,
    /// one sentence, or several lines
    pub words: String,
    /// what stays the same of it when lines move and numbers change
    pub lasting: String,
}

impl Annotation {
    /// Of a problem of the manifests.
    pub fn of_problem(problem: &Diagnostic) -> Self {
        let mut words = problem.message.clone();
        for (place, related) in &problem.related {
            let _ = write!(words, "\n{place}: {related}");
        }
        for further in problem.notes.iter().chain(&problem.hint) {
            let _ = write!(words, "\n{further}");
        }
        let (place, length) = problem.place.clone().unzip();
        Self { place, length, level: problem.level, kind: "manifest", rank: 0, words, lasting: problem.message.clone() }
    }

    /// That no plan was made.
    pub fn of_failure(words: &str) -> Self {
        let words = format!("No plan was made: {words}");
        Self { place: None, length: None, level: Level::Error, kind: "failed", rank: 0, words, lasting: String::new() }
    }

    /// Of a plan: one for each line that brings something about, and each that a finding names. Worst first, then by place.
    pub fn of_plan(plan: &Plan, lines: &dyn Lines) -> Vec<Self> {
        let mut effects: BTreeMap<Place, BTreeMap<EffectAt, Touched>> = BTreeMap::new();
        // What is withheld will not happen; the finding that withholds it has a mark of its own.
        for change in plan.changes.iter().filter(|change| change.runs()) {
            for (place, effect, who) in parts(change, lines) {
                let touched = effects.entry(place).or_default().entry(effect).or_default();
                touched.risky |= !change.risks.is_empty();
                touched.targets.insert(change.target.clone());
                let people = touched.people.entry(who.0).or_default();
                *people = (*people).max(who.1);
            }
        }
        let changes = effects.into_iter().map(|(place, effects)| at_line(place, &effects));
        sorted(plan.findings.iter().filter_map(of_finding).chain(changes).collect())
    }

    /// Of what a branch does: the same for its own effect and its own findings; what is pending anyway has no mark.
    pub fn of_review(review: &Review) -> Vec<Self> {
        let risky: BTreeSet<&Place> = review.risks.iter().flat_map(|risk| &risk.places).collect();
        let mut effects: BTreeMap<Place, BTreeMap<EffectAt, Touched>> = BTreeMap::new();
        for group in review.groups.iter().filter(|group| group.of_effect && !group.withheld) {
            let Some(place) = place_of(group, review) else { continue };
            let touched = effects.entry(place.clone()).or_default().entry(EffectAt::of_group(group)).or_default();
            touched.risky |= risky.contains(&place);
            touched.targets.extend(group.targets.iter().cloned());
            touched.people.extend(group.who.iter().map(|line| (line.who.key.clone(), 1)));
        }
        let changes = effects.into_iter().map(|(place, effects)| at_line(place, &effects));
        let not_used = review.branch.iter().flat_map(|branch| &branch.not_used).filter(|one| one.kind != NotUsedKind::Values);
        let loosened = not_used.filter_map(|one| {
            let (place, words) = (one.place.clone()?, one.words.clone());
            Some(Self { place: Some(place), length: None, level: Level::Warning, kind: "loosened", rank: 0, lasting: words.clone(), words })
        });
        let findings = review.findings.iter().filter(|one| one.by_branch).filter_map(|one| of_finding(&one.finding));
        sorted(findings.chain(loosened).chain(changes).collect())
    }
}

/// The worst first.
fn sorted(mut all: Vec<Annotation>) -> Vec<Annotation> {
    all.sort_by(|one, next| (severity(one.level), one.rank, &one.place).cmp(&(severity(next.level), next.rank, &next.place)));
    all
}

/// The line behind a group of effects, else where the document begins that brings it about.
fn place_of(group: &AtomGroup, review: &Review) -> Option<Place> {
    let document = || {
        let lines = review.intent.get(group.cause?)?.head.as_ref()?;
        Some(Place { file: lines.file.clone(), line: lines.first, column: 1 })
    };
    group.places.first().cloned().or_else(document)
}

/// Commands of a GitHub workflow, which shows them at the lines of the request: so many of a level as it shows, and how many are left out.
pub fn github(all: &[Annotation]) -> String {
    let mut text = String::new();
    for level in [Level::Error, Level::Warning, Level::Note] {
        let of: Vec<&Annotation> = all.iter().filter(|one| one.level == level).collect();
        let shown = if of.len() > OF_A_LEVEL { OF_A_LEVEL - 1 } else { of.len() };
        of.iter().take(shown).for_each(|one| text.push_str(&command(one)));
        if let Some(left) = of.len().checked_sub(shown).filter(|left| *left > 0) {
            let _ = writeln!(
                text,
                "::{} title=headcount::and {} more, which GitHub would not show here",
                word(level),
                count(left as u64, "place")
            );
        }
    }
    text
}

/// GitLab's code quality report. Each entry's fingerprint stays the same when lines move, so that the widget tells what is new.
pub fn gitlab(workspace: &str, all: &[Annotation]) -> String {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let entry = |one: &Annotation| {
        let place = one.place.as_ref()?;
        let path = relative(&place.file);
        let lasting = [workspace, one.kind, path, &one.lasting].join("\0");
        let again = seen.entry(lasting.clone()).and_modify(|times| *times += 1).or_default();
        let hash = digest::digest(&digest::SHA256, format!("{lasting}\0{again}").as_bytes());
        let fingerprint: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let severity = match one.level {
            Level::Error => "critical",
            Level::Warning => "major",
            Level::Note => "info",
        };
        Some(json!({
            "description": safe::lines(&one.words), "check_name": format!("headcount/{}", one.kind), "fingerprint": fingerprint,
            "severity": severity, "location": {"path": path, "lines": {"begin": place.line}},
        }))
    };
    let entries: Vec<_> = all.iter().filter_map(entry).take(IN_A_REPORT).collect();
    format!("{:#}\n", json!(entries))
}

/// A workflow command. It ends at the line's end: nothing that a manifest says may start another.
fn command(one: &Annotation) -> String {
    let mut line = format!("::{} ", word(one.level));
    if let Some(place) = &one.place {
        let _ = write!(line, "file={},line={},", property(relative(&place.file)), place.line);
        if let Some(length) = one.length {
            let _ = write!(line, "endLine={},col={},endColumn={},", place.line, place.column, place.column.saturating_add(length));
        }
    }
    let _ = writeln!(line, "title=headcount::{}", data(&one.words));
    line
}

/// Hosts want paths from the repository's root, and take no `./`.
fn relative(file: &str) -> &str {
    file.trim_start_matches("./")
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Note => "notice",
        Level::Warning => "warning",
    }
}

/// The worst first.
fn severity(level: Level) -> u8 {
    match level {
        Level::Error => 0,
        Level::Warning => 1,
        Level::Note => 2,
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A kind of effect, in the order it is told, and the group or entitlement that it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct EffectAt {
    kind: LineEffect,
    about: Option<Arc<str>>,
    /// it was pending, and does not come any more
    cancelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LineEffect {
    LosesSignIn = 1,
    Deleted,
    ChangesSignIn,
    GetsPrivilege,
    TakenOver,
    RegainsSignIn,
    Leaves,
    Loses,
    GetsAccount,
    Joins,
    Gets,
    OtherGrant,
    GroupDeleted,
    GroupTakenOver,
    GroupMade,
    GroupChanges,
    OtherData,
}

/// Whom it touches: by key, with how many people each stands for.
#[derive(Default)]
struct Touched {
    people: BTreeMap<Arc<str>, u32>,
    targets: BTreeSet<Arc<str>>,
    risky: bool,
}

/// The lines behind a change, what each does, and to whom.
fn parts(change: &Change, lines: &dyn Lines) -> Vec<(Place, EffectAt, (Arc<str>, u32))> {
    let mut parts = Vec::new();
    let mut add = |place: Option<Place>, kind: LineEffect, about: Option<&Arc<str>>, who: (Arc<str>, u32)| {
        parts.extend(place.map(|place| (place, EffectAt { kind, about: about.cloned(), cancelled: false }, who)));
    };
    let members = |all: &[MemberChange]| -> Vec<(Arc<str>, u32)> { all.iter().map(|one| (one.member.key.clone(), one.people)).collect() };
    let one = || (change.object.key.clone(), 1);
    let group = change.object.kind == ObjectKind::Group;
    let (name, grant) = (Some(&change.object.name), change.entitlement.as_ref());
    match change.action {
        Action::AddMembers | Action::RemoveMembers => {
            let kind = if change.action == Action::AddMembers { LineEffect::Joins } else { LineEffect::Leaves };
            for (member, who) in change.members.iter().zip(members(&change.members)) {
                add(lines.of_member(change, member), kind, name, who);
            }
        }
        Action::Create if group => add(lines.of(change), LineEffect::GroupMade, name, one()),
        Action::Delete if group => {
            let losers = members(&change.losers);
            add(lines.of(change), LineEffect::GroupDeleted, name, one());
            losers.into_iter().for_each(|who| add(lines.of(change), LineEffect::Leaves, name, who));
        }
        Action::Adopt if group => add(lines.of(change), LineEffect::GroupTakenOver, name, one()),
        _ if group => add(lines.of(change), LineEffect::GroupChanges, name, one()),
        Action::AddEntitlement => add(lines.of(change), LineEffect::Gets, grant, one()),
        Action::UpdateEntitlement => add(lines.of(change), LineEffect::OtherGrant, grant, one()),
        Action::RemoveEntitlement => add(lines.of(change), LineEffect::Loses, grant, one()),
        Action::Create => add(lines.of(change), LineEffect::GetsAccount, None, one()),
        Action::Adopt => add(lines.of(change), LineEffect::TakenOver, None, one()),
        Action::Reactivate => add(lines.of(change), LineEffect::RegainsSignIn, None, one()),
        Action::Deactivate | Action::EndSessions => add(lines.of(change), LineEffect::LosesSignIn, None, one()),
        Action::Delete => add(lines.of(change), LineEffect::Deleted, None, one()),
        Action::Update => add(lines.of(change), LineEffect::OtherData, None, one()),
    }
    parts
}

fn at_line(place: Place, effects: &BTreeMap<EffectAt, Touched>) -> Annotation {
    let risky = effects.values().any(|touched| touched.risky);
    let words: Vec<String> = effects.iter().map(|(effect, touched)| effect.words(touched)).collect();
    let lasting: Vec<String> =
        effects.keys().map(|effect| format!("{} {}", effect.kind.word(), effect.about.as_deref().unwrap_or_default())).collect();
    Annotation {
        place: Some(place),
        length: None,
        level: if risky { Level::Warning } else { Level::Note },
        kind: effects.keys().next().map_or("change", |effect| effect.kind.word()),
        rank: effects.keys().next().map_or(u8::MAX, |effect| effect.kind as u8),
        words: words.join("; "),
        lasting: lasting.join("\n"),
    }
}

impl EffectAt {
    fn of_group(group: &AtomGroup) -> Self {
        let kind = match group.effect {
            EffectKind::LosesSignIn | EffectKind::SignedOut => LineEffect::LosesSignIn,
            EffectKind::Deleted => LineEffect::Deleted,
            EffectKind::GroupDeleted => LineEffect::GroupDeleted,
            EffectKind::ChangesSignIn => LineEffect::ChangesSignIn,
            EffectKind::GetsPrivilege => LineEffect::GetsPrivilege,
            EffectKind::RegainsSignIn => LineEffect::RegainsSignIn,
            EffectKind::TakesOver => LineEffect::TakenOver,
            EffectKind::GroupTakenOver => LineEffect::GroupTakenOver,
            EffectKind::Leaves => LineEffect::Leaves,
            EffectKind::LosesGrant => LineEffect::Loses,
            EffectKind::GetsAccount => LineEffect::GetsAccount,
            EffectKind::GroupMade => LineEffect::GroupMade,
            EffectKind::GroupChanges => LineEffect::GroupChanges,
            EffectKind::Joins => LineEffect::Joins,
            EffectKind::GetsGrant => LineEffect::Gets,
            EffectKind::ChangesGrant => LineEffect::OtherGrant,
            EffectKind::Changes => LineEffect::OtherData,
        };
        // Of a value the attribute is told in the comment; of groups `who` has their names.
        let of_group =
            matches!(kind, LineEffect::GroupDeleted | LineEffect::GroupTakenOver | LineEffect::GroupMade | LineEffect::GroupChanges);
        let about = match kind {
            _ if of_group => group.who.first().map(|line| line.who.name.clone()),
            LineEffect::OtherData | LineEffect::ChangesSignIn => None,
            LineEffect::OtherGrant => group.parameter.clone().or_else(|| group.what.clone()),
            _ => group.what.clone(),
        };
        Self { kind, about, cancelled: group.how == Divergence::Cancels }
    }

    fn words(&self, touched: &Touched) -> String {
        if self.cancelled {
            return format!("not any more: {}", Self { cancelled: false, ..self.clone() }.words(touched));
        }
        let people: u64 = touched.people.values().map(|people| u64::from(*people)).sum();
        let (one, many) = self.kind.verb();
        let verb = if people == 1 { one } else { many };
        let about = self.about.as_deref().map(|about| format!(" {}", safe::line(about))).unwrap_or_default();
        let targets: Vec<_> = touched.targets.iter().map(|target| safe::line(target)).collect();
        let at = targets.join(", ");
        match self.kind {
            LineEffect::GroupMade | LineEffect::GroupTakenOver | LineEffect::GroupDeleted | LineEffect::GroupChanges => {
                format!("the group{about} {one} at {at}")
            }
            _ => format!(
                "{} {verb}{about} at {at}",
                if people == 1 { "1 person".to_owned() } else { format!("{} people", super::summary::number(people)) }
            ),
        }
    }
}

impl LineEffect {
    fn word(self) -> &'static str {
        match self {
            Self::LosesSignIn => "loses-sign-in",
            Self::Deleted => "is-deleted",
            Self::ChangesSignIn => "other-sign-in",
            Self::GetsPrivilege => "gets-privilege",
            Self::TakenOver => "is-taken-over",
            Self::RegainsSignIn => "regains-sign-in",
            Self::Leaves => "leaves-group",
            Self::Loses => "loses-entitlement",
            Self::GetsAccount => "gets-account",
            Self::Joins => "joins-group",
            Self::Gets => "gets-entitlement",
            Self::OtherGrant => "other-entitlement",
            Self::GroupDeleted => "group-deleted",
            Self::GroupTakenOver => "group-taken-over",
            Self::GroupMade => "group-made",
            Self::GroupChanges => "group-changes",
            Self::OtherData => "other-data",
        }
    }

    /// Of one and of many.
    fn verb(self) -> (&'static str, &'static str) {
        match self {
            Self::LosesSignIn => ("loses sign-in", "lose sign-in"),
            Self::Deleted => ("loses the account for good", "lose their accounts for good"),
            Self::ChangesSignIn => ("gets another user name", "get another user name"),
            Self::GetsPrivilege => ("gets the privileged", "get the privileged"),
            Self::TakenOver => ("takes over an existing account", "take over existing accounts"),
            Self::RegainsSignIn => ("gets sign-in back", "get sign-in back"),
            Self::Leaves => ("leaves", "leave"),
            Self::Loses => ("loses", "lose"),
            Self::GetsAccount => ("gets an account", "get accounts"),
            Self::Joins => ("joins", "join"),
            Self::Gets => ("gets", "get"),
            Self::OtherGrant => ("gets another", "get another"),
            Self::GroupDeleted => ("is deleted", ""),
            Self::GroupTakenOver => ("exists and is taken over", ""),
            Self::GroupMade => ("is made", ""),
            Self::GroupChanges => ("changes", ""),
            Self::OtherData => ("gets other data", "get other data"),
        }
    }
}

/// What a finding says at a line; notes stay in the comment.
fn of_finding(finding: &Finding) -> Option<Annotation> {
    let level = match finding.severity {
        Severity::Note => return None,
        Severity::Warning => Level::Warning,
        Severity::Error | Severity::Incomplete | Severity::Refused => Level::Error,
    };
    let place = finding.place.clone();
    // What stands nowhere is worth a mark where something is withheld or not known, and else a line of the comment.
    if place.is_none() && level == Level::Warning {
        return None;
    }
    let words = finding.hint.iter().fold(finding.message.to_string(), |words, hint| format!("{words}\n{hint}"));
    let code = serde_json::to_value(finding.code).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default();
    Some(Annotation { place, length: None, level, kind: "finding", rank: 0, words, lasting: code })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    /// Everybody's line is that of their group, account or entitlement.
    struct Here;

    impl Lines for Here {
        fn of(&self, change: &Change) -> Option<Place> {
            let line = if change.object.kind == ObjectKind::Group { 20 } else { 7 };
            Some(Place { file: "./acme/rules.yaml".into(), line, column: 3 })
        }

        fn of_member(&self, _: &Change, member: &MemberChange) -> Option<Place> {
            (member.member.kind == ObjectKind::Account).then(|| Place { file: "./acme/groups.yaml".into(), line: 3, column: 5 })
        }

        fn name(&self, _: &str) -> Option<String> {
            None
        }
    }

    fn mark(level: Level, line: u32, words: &str) -> Annotation {
        let place = Some(Place { file: "a.yaml".into(), line, column: 1 });
        Annotation { place, length: None, level, kind: "joins-group", rank: 9, words: words.into(), lasting: "joins-group ops".into() }
    }

    #[test]
    fn a_line_says_what_it_brings_about_by_number_and_the_worst_comes_first() {
        let all = Annotation::of_plan(&testing::sample(), &Here);
        insta::assert_snapshot!(github(&all), @"
        ::error title=headcount::badges could not be read: connection refused.%0Ais the service up? What depends on it keeps its observed value
        ::error file=acme.yaml,line=32,title=headcount::1 account would be deleted at chat; 0 are allowed.%0Aadd this to spec.guardrails.overrides:%0A- guardrail: delete%0A  changes: 12ab
        ::warning file=acme/rules.yaml,line=7,title=headcount::1 person loses sign-in at chat; 1 person takes over an existing account at chat; 1 person gets sign-in back at chat; 1 person gets an account at chat, wiki; 2 people get other data at chat, wiki
        ::notice file=acme/groups.yaml,line=3,title=headcount::1 person leaves Sales at chat; 2 people join Engineering at chat
        ::notice file=acme/rules.yaml,line=20,title=headcount::the group Engineering is made at chat
        ");
        let text = github(&all);
        for name in ["mallory", "eve", "carol"] {
            assert!(!text.contains(name), "{text}");
        }
    }

    #[test]
    fn an_annotation_is_one_line_whatever_the_manifest_says() {
        let place = Place { file: "a,b:c.yaml".into(), line: 3, column: 5 };
        let problem = Diagnostic::error("100%\n::set-env").at(place.clone(), 4).related(place, "the first").hint("take it out");
        insta::assert_snapshot!(github(&[Annotation::of_problem(&problem)]), @"::error file=a%2Cb%3Ac.yaml,line=3,endLine=3,col=5,endColumn=9,title=headcount::100%25%0A::set-env%0Aa,b:c.yaml:3:5: the first%0Atake it out");
    }

    #[test]
    fn no_more_of_a_level_than_github_shows_and_the_rest_is_counted() {
        let all: Vec<_> = (1..=25)
            .map(|line| mark(Level::Warning, line, "1 person joins ops at chat"))
            .chain([mark(Level::Error, 1, "refused")])
            .collect();
        let text = github(&all);
        assert_eq!((text.matches("::warning ").count(), text.matches("::error ").count()), (10, 1));
        assert!(
            text.starts_with("::error ")
                && text.ends_with("::warning title=headcount::and 16 places more, which GitHub would not show here\n"),
            "{text}"
        );
    }

    #[test]
    fn a_fingerprint_stays_when_lines_move_and_numbers_change() {
        let prints = |all: &[Annotation]| -> Vec<String> {
            let report: serde_json::Value = serde_json::from_str(&gitlab("acme", all)).expect("JSON");
            report.as_array().expect("a list").iter().map(|entry| entry["fingerprint"].as_str().expect("text").to_owned()).collect()
        };
        let before = prints(&[mark(Level::Note, 3, "1 person joins ops at chat"), mark(Level::Note, 9, "1 person joins ops at chat")]);
        let after = prints(&[mark(Level::Warning, 40, "7 people join ops at chat"), mark(Level::Note, 90, "1 person joins ops at chat")]);
        assert_eq!(before, after);
        assert_ne!(before[0], before[1], "two lines are two entries");
        let mut other = mark(Level::Note, 3, "x");
        other.kind = "leaves-group";
        assert_ne!(prints(&[other])[0], before[0]);
    }
}
