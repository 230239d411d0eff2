//! Everything about one identity, for a person at a terminal: what it comes from, its attributes, its accounts, its groups, each with the reason.

use std::io::{self, Write};

use super::headline;
use super::safe;
use super::style::{BAD, CHANGED, GOOD, QUIET, STRONG, of_action, of_severity, paint};
use super::summary::{self, severity, word};
use super::value::{DisplayNames, sides, words};
use super::wrap::{next_step, paragraph};
use crate::model::{Action, Change, Finding, HIDDEN};
use crate::planning::explain::{
    AccountAttribute, AccountExplanation, AttributeWhy, Because, EntitlementWhy, Explanation, GroupExplanation, KnownValue, MembershipWhy,
    Stands, TargetWhy, Whose,
};

/// Writes the explanation. `whole` shows also what expressions' parts came to.
pub fn write(explanation: &Explanation, names: DisplayNames<'_>, whole: bool, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut view = View { names, whole, width, out };
    view.identity(explanation)?;
    view.attributes(&explanation.attributes)?;
    explanation.targets.iter().try_for_each(|target| view.target(target, &explanation.standing))?;
    view.groups(&explanation.groups)?;
    view.entitlements(&explanation.entitlements)
}

/// Writes what is known of a group. `whole` shows also what expressions' parts came to.
pub fn write_group(group: &GroupExplanation, names: DisplayNames<'_>, whole: bool, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut view = View { names, whole, width, out };
    view.group(group)?;
    view.people("Members", &group.members)?;
    view.people("Groups in it", &group.nested)?;
    view.people("Excluded", &group.excluded)
}

/// Writes whose an account is, and why.
pub fn write_account(account: &AccountExplanation, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let title = paint(STRONG, format_args!("Account {}", safe::line(&account.name)));
    let active = if account.active { "active" } else { "not active" };
    writeln!(out, "{title} at {} (id {}), {active}", safe::line(&account.target), safe::line(&account.id))?;
    paragraph(width, &format!("  {}", safe::line(&whose(account))), "    ", out)?;
    if !account.namesakes.is_empty() {
        let others = account.namesakes.join(", ");
        paragraph(width, &format!("  another account has this id as its name (id {})", safe::line(&others)), "    ", out)?;
    }
    let mut view = View { names: DisplayNames::default(), whole: false, width, out };
    account.because.iter().try_for_each(|because| view.because("      ", because))
}

fn whose(account: &AccountExplanation) -> String {
    let holders = account.holders.join(" or ");
    match account.is {
        Whose::Claimed => format!("it is {holders}'s"),
        Whose::CutOff => "a revocation cuts it off".to_owned() + &of_person(account),
        Whose::Former => format!("it is of {holders}, who is not there any more"),
        Whose::Contested | Whose::SetAside if !account.holders.is_empty() => format!("it may be {holders}'s"),
        Whose::Contested | Whose::SetAside => "it may be somebody's".to_owned(),
        Whose::OtherWorkspace => "it is another workspace's".to_owned(),
        Whose::Foreign => "it is another program's".to_owned(),
        Whose::Nobodys => "it is nobody's".to_owned(),
    }
}

/// An account that was cut off by itself is nobody's.
fn of_person(account: &AccountExplanation) -> String {
    let person = account.holders.first().filter(|key| **key != account.account);
    person.map_or_else(String::new, |key| format!(": it is {key}'s"))
}

/// Of a leaver: that they have left, and what became of their access at each target; nothing of anybody else.
pub fn gone(explanation: &Explanation) -> Vec<String> {
    if explanation.lifecycle.as_deref() != Some("leaver") {
        return Vec::new();
    }
    let left = match explanation.last_day {
        Some(day) => format!("has left; the last day was {day}"),
        None => "has left; nobody says which day was the last".to_owned(),
    };
    let of = |target: &TargetWhy| match &target.account {
        Some(account) if account.active => format!("{}: the account still has access", safe::line(&target.target)),
        Some(account) => {
            let access = account.access.as_deref().map_or_else(String::new, |access| format!(": {}", safe::line(access)));
            format!("{}: the account has no access{access}", safe::line(&target.target))
        }
        None if target.unread => format!("{}: whether there is an account is not known", safe::line(&target.target)),
        None => format!("{}: there is no account", safe::line(&target.target)),
    };
    [left].into_iter().chain(explanation.targets.iter().map(of)).collect()
}

/// What a plan would do to somebody, below a heading: the change, and each attribute before and after.
pub fn write_change(change: &Change, identity: &str, names: &DisplayNames<'_>, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let withheld = if change.runs() { "" } else { " (withheld)" };
    let line = match change.action {
        Action::AddMembers if change.object.key.as_ref() != identity => {
            format!("add to {} at {}", safe::line(&change.object.name), safe::line(&change.target))
        }
        Action::RemoveMembers if change.object.key.as_ref() != identity => {
            format!("remove from {} at {}", safe::line(&change.object.name), safe::line(&change.target))
        }
        Action::Delete if change.object.key.as_ref() != identity => {
            format!("lose {}, which is deleted at {}", safe::line(&change.object.name), safe::line(&change.target))
        }
        _ => headline(change),
    };
    paragraph(width, &format!("  {}{withheld}", paint(of_action(change.action), line)), "    ", out)?;
    if change.action == Action::Create {
        return Ok(());
    }
    for changed in &change.attributes {
        let (before, after) = sides(changed, names);
        paragraph(width, &format!("      {}  {before} → {after}", safe::line(&changed.attribute)), "        ", out)?;
    }
    Ok(())
}

/// What the plan found about it, each with what answers it.
pub fn write_findings(findings: &[&Finding], width: usize, out: &mut dyn Write) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", paint(STRONG, "Findings of the plan"))?;
    for finding in findings {
        let level = paint(of_severity(finding.severity), format_args!("{}:", severity(finding.severity)));
        let code = paint(QUIET, format_args!("[{}]", word(&finding.code)));
        paragraph(width, &format!("  {level} {} {code}", safe::lines(&summary::told(finding))), "    ", out)?;
        if let Some(place) = &finding.place {
            writeln!(out, "    {}", paint(QUIET, format_args!("at {}", safe::line(&place.to_string()))))?;
        }
        if let Some(hint) = &finding.hint {
            next_step(width, &format!("    {}", paint(STRONG, "next:")), &safe::lines(hint), "    ", out)?;
        }
    }
    Ok(())
}

/// The words of a rule that merely applies.
pub const PLAIN: &str = "the record says so";

/// Below the target's own name the rule of its mapping speaks for itself.
fn plainly(words: &str) -> String {
    if words.starts_with("the mapping of ") { PLAIN.to_owned() } else { words.to_owned() }
}

struct View<'a> {
    names: DisplayNames<'a>,
    whole: bool,
    width: usize,
    out: &'a mut dyn Write,
}

impl View<'_> {
    fn identity(&mut self, explanation: &Explanation) -> io::Result<()> {
        let lifecycle = explanation.lifecycle.as_deref().unwrap_or("not known, or left out");
        writeln!(self.out, "{} {}", paint(STRONG, format_args!("Identity {}", safe::line(&explanation.identity))), safe::line(lifecycle))?;
        for line in gone(explanation) {
            paragraph(self.width, &format!("  {}", paint(STRONG, line)), "    ", self.out)?;
        }
        for because in &explanation.standing {
            self.because("  ", because)?;
        }
        for behind in &explanation.behind {
            let key = behind.key.as_deref().unwrap_or("(it can't be told which record)");
            let place = paint(QUIET, format_args!("at {}", safe::line(&behind.place.to_string())));
            let found = behind.found.as_deref().map(|found| format!(", {}", safe::line(found))).unwrap_or_default();
            let line = format!("  from {}/{}{found} {place}", safe::line(&behind.source), safe::line(key));
            paragraph(self.width, &line, "    ", self.out)?;
        }
        writeln!(self.out)
    }

    fn group(&mut self, group: &GroupExplanation) -> io::Result<()> {
        let title = paint(STRONG, format_args!("Group {}", safe::line(&group.group)));
        writeln!(self.out, "{title} {}", safe::line(&group.display_name))?;
        self.because("  ", &group.because)?;
        for at in &group.targets {
            let there = match (&at.name, &at.id) {
                (Some(name), Some(id)) => format!(": {} (id {})", safe::line(name), safe::line(id)),
                _ => String::new(),
            };
            let words = match at.is {
                Stands::Exists => paint(GOOD, "it exists"),
                Stands::Missing => paint(CHANGED, "it does not exist yet"),
                Stands::NotServed => paint(QUIET, "the target does not get it"),
                Stands::Unclear => paint(CHANGED, "could not be worked out; everything stays"),
            };
            paragraph(self.width, &format!("  at {}: {words}{there}", safe::line(&at.target)), "    ", self.out)?;
        }
        writeln!(self.out)
    }

    /// Each with the ways that decide; of whoever is kept out, what keeps them out.
    fn people(&mut self, heading: &str, people: &[MembershipWhy]) -> io::Result<()> {
        if people.is_empty() && heading != "Members" {
            return Ok(());
        }
        writeln!(self.out, "{}", paint(STRONG, format_args!("{heading} ({})", people.len())))?;
        for one in people {
            let unknown =
                if one.belongs.is_none() { paint(CHANGED, " could not be worked out; what is observed stays") } else { String::new() };
            writeln!(self.out, "  {}{unknown}", self.names.name(&one.member))?;
            let wanted = one.belongs.filter(|belongs| *belongs);
            let whole = self.whole;
            for because in one.because.iter().filter(|because| whole || one.belongs.is_none() || because.holds == wanted) {
                self.because("      ", because)?;
            }
        }
        writeln!(self.out)
    }

    fn attributes(&mut self, attributes: &[AttributeWhy]) -> io::Result<()> {
        writeln!(self.out, "{}", paint(STRONG, "Attributes"))?;
        for known in attributes {
            self.attribute("  ", known)?;
        }
        writeln!(self.out)
    }

    fn attribute(&mut self, indent: &str, why: &AttributeWhy) -> io::Result<()> {
        let value = self.known(&why.is);
        let line = format!("{indent}{} = {value}", safe::line(&why.attribute));
        match &why.given {
            None => writeln!(self.out, "{line}")?,
            Some(given) => {
                self.because(&format!("{line}  {} ", paint(QUIET, format_args!("{}:", safe::line(&given.by)))), &given.because)?
            }
        }
        for claim in &why.outranked {
            let says = self.known(&claim.says);
            let by = format!("{indent}    {} {} says {says}: ", paint(QUIET, "outranked:"), safe::line(&claim.by));
            self.because(&by, &claim.because)?;
        }
        Ok(())
    }

    /// What was told of the identity itself is not told again.
    fn target(&mut self, target: &TargetWhy, standing: &[Because]) -> io::Result<()> {
        let serves = match target.serves {
            Some(true) => paint(GOOD, "should have an account"),
            Some(false) => paint(BAD, "should have no account"),
            None => paint(CHANGED, "could not be worked out; everything stays"),
        };
        writeln!(self.out, "{} {serves}", paint(STRONG, format_args!("Target {}", safe::line(&target.target))))?;
        for because in target.because.iter().filter(|because| !standing.contains(because)) {
            self.because("  ", because)?;
            self.unless("    it would be otherwise", because)?;
        }
        match &target.account {
            None if target.unread => {
                let words = paint(BAD, "whether there is an account there is not known: its accounts could not be read to their end");
                paragraph(self.width, &format!("  {words}"), "    ", self.out)?;
            }
            None if !target.unlisted.is_empty() => {
                let ids = target.unlisted.iter().map(|id| safe::line(id).to_string()).collect::<Vec<_>>().join(", ");
                let words =
                    paint(CHANGED, format_args!("the account that is remembered there ({ids}) is not among those that the target lists"));
                paragraph(
                    self.width,
                    &format!("  {words}: it was deleted, moved or hidden; the plan asks for it by its id"),
                    "    ",
                    self.out,
                )?;
            }
            None => writeln!(self.out, "  there is no account there now")?,
            Some(account) => {
                let active = if account.active { "active" } else { "deactivated" };
                let access = account.access.as_deref().map_or_else(String::new, |access| format!(" ({access})"));
                let line = format!("  the account there is {}, {active}{access}; found {}", safe::line(&account.id), account.found);
                paragraph(self.width, &safe::line(&line), "    ", self.out)?;
            }
        }
        let (folded, told): (Vec<_>, Vec<_>) = target.attributes.iter().partition(|attribute| self.folds(attribute));
        told.into_iter().try_for_each(|attribute| self.account_attribute(attribute))?;
        self.folded(&folded)?;
        writeln!(self.out)
    }

    /// Whether nobody says anything about an attribute and no manifest asks for it; with every detail each has its line.
    fn folds(&self, attribute: &AccountAttribute) -> bool {
        !self.whole && attribute.should_be == KnownValue::Unmanaged && attribute.because.place.is_none()
    }

    /// What is alike in that nothing is said of it, one line for each reason.
    fn folded(&mut self, attributes: &[&AccountAttribute]) -> io::Result<()> {
        for same in attributes.chunk_by(|one, next| one.because.words == next.because.words) {
            let names: Vec<_> = same.iter().map(|attribute| safe::line(&attribute.attribute)).collect();
            let why = same.first().map(|first| safe::line(&first.because.words)).unwrap_or_default();
            paragraph(self.width, &format!("    (unmanaged) {}  {}", names.join(", "), paint(QUIET, why)), "        ", self.out)?;
        }
        Ok(())
    }

    fn account_attribute(&mut self, attribute: &AccountAttribute) -> io::Result<()> {
        let value = self.known(&attribute.should_be);
        let name = safe::line(&attribute.attribute).into_owned();
        if attribute.because.place.is_none() {
            let line = format!("    {name} = {value}  {}", paint(QUIET, safe::line(&attribute.because.words)));
            return paragraph(self.width, &line, "        ", self.out);
        }
        let because = Because { words: plainly(&attribute.because.words), ..attribute.because.clone() };
        self.because(&format!("    {name} = {value}  {} ", paint(QUIET, "by")), &because)?;
        self.unless("        it would be otherwise", &because)
    }

    /// The groups that somebody is in come first.
    fn groups(&mut self, groups: &[MembershipWhy]) -> io::Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "{}", paint(STRONG, "Groups"))?;
        let (inside, outside): (Vec<_>, Vec<_>) = groups.iter().partition(|membership| membership.belongs != Some(false));
        let mut before: Vec<(Vec<&Because>, &str)> = Vec::new();
        for membership in inside.into_iter().chain(outside) {
            let belongs = match membership.belongs {
                Some(true) => paint(GOOD, "member"),
                Some(false) => paint(QUIET, "not a member"),
                None => paint(CHANGED, "could not be worked out; what is observed stays"),
            };
            let mut told: Vec<&Because> = Vec::new();
            for because in &membership.because {
                if !told.contains(&because) && self.decides(membership, because) {
                    told.push(because);
                }
            }
            let known = before.iter().find(|(known, _)| !told.is_empty() && *known == told).map(|(_, group)| *group);
            let same = known.map(|group| format!(", for the same reasons as {}", safe::line(group))).unwrap_or_default();
            paragraph(self.width, &format!("  {}: {belongs}{same}", safe::line(&membership.group)), "      ", self.out)?;
            if known.is_some() {
                continue;
            }
            for because in &told {
                self.because("      ", because)?;
                self.unless(if because.holds == Some(true) { "        it would not" } else { "        it would" }, because)?;
            }
            before.push((told, &membership.group));
        }
        Ok(())
    }

    /// Of a member the ways that are open, of somebody else what keeps them out; with every detail all ways.
    fn decides(&self, membership: &MembershipWhy, because: &Because) -> bool {
        let neither = membership.because.iter().any(|because| because.holds.is_none());
        self.whole || neither || membership.belongs.is_none() || because.holds == membership.belongs
    }

    /// What would turn a reason round.
    fn unless(&mut self, start: &str, because: &Because) -> io::Result<()> {
        let Some(unless) = &because.unless else { return Ok(()) };
        let indent = " ".repeat(start.len() - start.trim_start().len());
        let line = format!("{indent}{}", paint(QUIET, format_args!("{} if {}", start.trim_start(), safe::line(unless))));
        paragraph(self.width, &line, &format!("{indent}    "), self.out)
    }

    fn entitlements(&mut self, entitlements: &[EntitlementWhy]) -> io::Result<()> {
        if entitlements.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\n{}", paint(STRONG, "Entitlements"))?;
        let (has, not): (Vec<_>, Vec<_>) = entitlements.iter().partition(|entitlement| entitlement.has != Some(false));
        for entitlement in has.into_iter().chain(not) {
            let has = match entitlement.has {
                Some(true) => paint(GOOD, "has it"),
                Some(false) => paint(QUIET, "does not have it"),
                None => paint(CHANGED, "could not be worked out; what is observed stays"),
            };
            writeln!(self.out, "  {} at {}: {has}", safe::line(&entitlement.entitlement), safe::line(&entitlement.target))?;
            for because in &entitlement.because {
                self.because("      ", because)?;
                if entitlement.has == Some(false) || self.whole {
                    self.unless(if entitlement.has == Some(true) { "        it would not" } else { "        it would" }, because)?;
                }
            }
            entitlement.parameters.iter().try_for_each(|parameter| self.account_attribute(parameter))?;
        }
        Ok(())
    }

    /// The words, the expression, the line; below it what the expression's parts came to.
    fn because(&mut self, start: &str, because: &Because) -> io::Result<()> {
        let mut line = start.to_owned();
        match because.expression.as_deref().filter(|expression| !because.words.contains(expression)) {
            // A rule speaks for itself.
            Some(expression) if because.words == PLAIN => line.push_str(&safe::line(expression)),
            Some(expression) => line.push_str(&format!("{}: {}", safe::line(&because.words), safe::line(expression))),
            None => line.push_str(&safe::line(&because.words)),
        }
        if let Some(place) = &because.place {
            line.push_str(&paint(QUIET, format_args!(" at {}", safe::line(&place.to_string()))));
        }
        let indent = " ".repeat(start.len() - start.trim_start().len());
        paragraph(self.width, &line, &format!("{indent}    "), self.out)?;
        for part in because.trace.iter().filter(|_| self.whole) {
            writeln!(
                self.out,
                "{indent}    {}",
                paint(QUIET, format_args!("{} → {}", safe::line(&part.expression), safe::line(&part.value)))
            )?;
        }
        Ok(())
    }

    fn known(&self, known: &KnownValue) -> String {
        match known {
            KnownValue::Hidden => HIDDEN.to_owned(),
            KnownValue::Set(value) => paint(STRONG, words(value, &self.names)),
            KnownValue::Cleared => "(to be empty)".to_owned(),
            KnownValue::Unmanaged => "(unmanaged)".to_owned(),
            KnownValue::Unknown => paint(CHANGED, "(could not be worked out)"),
        }
    }
}
