//! The hidden first line of a comment: which view of which workspace it is, so that the next run finds it and writes it anew in place.
//!
//! Must never: end before the line does, whatever a name says, or call two comments one that show different things.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::model::{Plan, PlanFilter};
use crate::review::{Review, VerdictLevel};

/// What a comment shows, as its first line says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// which view: `diff`, `plan`
    pub view: String,
    /// the Workspace's id
    pub workspace: String,
    /// the part that was asked for
    pub part: PlanFilter,
    /// where the manifests are, in a repository with two workspaces of one id
    pub path: Option<String>,
    /// what came of it, for a status beside the comment; it may differ between two comments that are one
    pub verdict: Option<VerdictLevel>,
}

const OPENS: &str = "<!-- headcount:";
const CLOSES: &str = " -->";

impl Marker {
    /// Of a plan's page.
    pub fn of_plan(plan: &Plan) -> Self {
        let verdict = Some(of_plan(plan));
        Self { view: "plan".into(), workspace: plan.workspace.to_string(), part: plan.filter.clone(), path: None, verdict }
    }

    /// Of a review's page; where the manifests are, where two workspaces of one repository have one id.
    pub fn of_review(review: &Review, path: Option<&str>) -> Self {
        let view = if review.branch.is_some() { "diff" } else { "plan" };
        let (workspace, verdict) = (review.workspace.to_string(), Some(review.verdict.level));
        Self { view: view.into(), workspace, part: review.filter.clone(), path: path.map(str::to_owned), verdict }
    }

    /// Of the page of a run that came to nothing.
    pub fn of_failure(view: &str, workspace: &str, part: &PlanFilter) -> Self {
        let verdict = Some(VerdictLevel::Incomplete);
        Self { view: view.into(), workspace: workspace.into(), part: part.clone(), path: None, verdict }
    }

    /// The line, without its end.
    pub fn line(&self) -> String {
        let mut line = format!("{OPENS}{} workspace={}", plain(&self.view), plain(&self.workspace));
        let values = |name: &'static str, values: &[String]| {
            let sorted: BTreeSet<_> = values.iter().map(|value| plain(value)).collect();
            sorted.into_iter().map(move |value| (name, value)).collect::<Vec<_>>()
        };
        let part = values("target", &self.part.targets).into_iter().chain(values("select", &self.part.select));
        let path = self.path.iter().map(|path| ("path", plain(path)));
        let verdict = self.verdict.map(|verdict| ("verdict", word(verdict).to_owned()));
        for (name, value) in part.chain(path).chain(verdict) {
            let _ = write!(line, " {name}={value}");
        }
        line.push_str(CLOSES);
        line
    }

    /// Of a comment that begins with one. What a later version adds to the line is passed over.
    pub fn read(text: &str) -> Option<Self> {
        let line = text.lines().next()?.trim_end();
        let mut words = line.strip_prefix(OPENS)?.strip_suffix(CLOSES)?.split(' ');
        let view = readable(words.next().filter(|view| !view.is_empty())?)?;
        let mut marker = Self { view, workspace: String::new(), part: PlanFilter::default(), path: None, verdict: None };
        for (name, value) in words.filter_map(|word| word.split_once('=')) {
            let value = readable(value)?;
            match name {
                "workspace" => marker.workspace = value,
                "target" => marker.part.targets.push(value),
                "select" => marker.part.select.push(value),
                "path" => marker.path = Some(value),
                "verdict" => marker.verdict = verdict(&value),
                _ => {}
            }
        }
        (!marker.workspace.is_empty()).then_some(marker)
    }

    /// Whether both comments show the same thing, whatever came of it.
    pub fn same(&self, other: &Self) -> bool {
        let of = |marker: &Self| (marker.view.clone(), marker.workspace.clone(), marker.path.clone());
        of(self) == of(other) && self.part.same(&other.part)
    }
}

/// How verdicts are written.
const VERDICTS: [(VerdictLevel, &str); 7] = [
    (VerdictLevel::None, "none"),
    (VerdictLevel::Clean, "clean"),
    (VerdictLevel::Intent, "intent"),
    (VerdictLevel::Check, "check"),
    (VerdictLevel::Undecided, "undecided"),
    (VerdictLevel::Incomplete, "incomplete"),
    (VerdictLevel::Blocked, "blocked"),
];

fn word(verdict: VerdictLevel) -> &'static str {
    VERDICTS.iter().find(|(known, _)| *known == verdict).map_or("", |(_, word)| word)
}

fn verdict(word: &str) -> Option<VerdictLevel> {
    VERDICTS.iter().find(|(_, known)| *known == word).map(|(verdict, _)| *verdict)
}

/// Of a plan by itself, which knows no branch.
fn of_plan(plan: &Plan) -> VerdictLevel {
    match () {
        () if plan.refused() => VerdictLevel::Blocked,
        () if !plan.complete() => VerdictLevel::Incomplete,
        () if !plan.decided() => VerdictLevel::Undecided,
        () if plan.changes.iter().any(|change| !change.risks.is_empty()) => VerdictLevel::Check,
        () if plan.changes.is_empty() => VerdictLevel::None,
        () => VerdictLevel::Clean,
    }
}

/// Without blanks, and with no sign that could end an HTML comment: what is no letter, digit, `.`, `_`, `/` or single `-` stands as `%` and two digits.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'-' if plain.is_empty() || plain.ends_with('-') => plain.push_str("%2D"),
            b'-' | b'.' | b'_' | b'/' => plain.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => plain.push(char::from(byte)),
            byte => {
                let _ = write!(plain, "%{byte:02X}");
            }
        }
    }
    plain
}

fn readable(plain: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(plain.len());
    let mut rest = plain.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(workspace: &str, targets: &[&str]) -> Marker {
        let part = PlanFilter { targets: targets.iter().map(|name| (*name).to_owned()).collect(), select: vec![] };
        Marker { view: "diff".into(), workspace: workspace.into(), part, path: None, verdict: Some(VerdictLevel::Check) }
    }

    #[test]
    fn what_a_line_says_is_read_again_whatever_the_names_are() {
        assert_eq!(marker("acme", &["chat"]).line(), "<!-- headcount:diff workspace=acme target=chat verdict=check -->");
        for name in ["acme", "a--b", "--> <script>", "-", "zoë", "a b=c", "100%", "x\n<!-- headcount:diff workspace=other -->"] {
            let mut marker = marker(name, &[name, "chat"]);
            marker.part.select = vec!["*".into()];
            marker.path = Some(format!("teams/{name}"));
            let line = marker.line();
            assert_eq!(line.matches("--").count(), 2, "{line}");
            let read = Marker::read(&format!("{line}\n### more")).expect("a marker");
            assert!(read.same(&marker) && read.verdict == marker.verdict, "{line}");
        }
    }

    #[test]
    fn a_comment_is_the_same_one_only_where_it_shows_the_same() {
        let read = |line: &str| Marker::read(line);
        let same = |one: &str, other: &str| read(one).zip(read(other)).is_some_and(|(one, other)| one.same(&other));
        let own = "<!-- headcount:diff workspace=acme -->";
        assert!(same(own, "<!-- headcount:diff workspace=acme verdict=blocked later=1 -->\r\n"));
        for other in [
            "<!-- headcount:plan workspace=acme -->",
            "<!-- headcount:diff workspace=acme-eu -->",
            "<!-- headcount:diff workspace=acme target=chat -->",
            "<!-- headcount:diff workspace=acme path=eu -->",
            "see <!-- headcount:diff workspace=acme -->",
            "\n<!-- headcount:diff workspace=acme -->",
            "<!-- headcount:diff -->",
            "<!-- headcount:diff workspace=%zz -->",
            "",
        ] {
            assert!(!same(own, other), "{other}");
        }
    }
}
