//! Plans: those that wait for somebody, one of them in full with what to look at twice first, and all that is needed now.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use maud::{Markup, html};

use super::named::{FoundNames, said_of};
use super::{Answer, Form, Here, PageContext, Part, Who, link, short, tag, text, ticked};
use crate::diagnostic::Place;
use crate::model::{Action, Approval, Change, Decided, MemberChange, ObjectKind, Plan, Risk, Severity};
use crate::pipeline::ChangeOrigins;
use crate::policy::{ApprovalPolicy, Policy};
use crate::render::{Counts, DisplayNames, Lines as _, count, headline_of, number, sides, why};
use crate::server::answer::Problem;
use crate::server::api::asked;
use crate::server::settings::SiteAction;
use crate::workspace::gates::{ApprovalStanding, WaitingPlan, standing};

/// Changes that a page shows; the rest is on the next one.
const PAGE: usize = 100;
/// So few changes are shown with all that becomes of each.
const OPEN: usize = 20;
/// Members that a change shows, among few changes and among many.
const MEMBERS: [usize; 2] = [50, 5];

/// Those that wait.
pub(super) async fn list(State(site): Here, Extension(visitor): Who, Extension(form): Form) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    let (waiting, said) = site.waiting().await?;
    let policy = site.view().await?.snapshot.policy.clone();
    let body = html! {
        h1 { @match waiting.len() as u64 { 0 => { "No plan waits for an approval" } 1 => { "1 plan waits for an approval" } many => { (number(many)) " plans wait for an approval" } } }
        @if !waiting.is_empty() {
            table.cards {
                thead { tr { th scope="col" { "Plan" } th scope="col" { "Target" } th scope="col" { "What it does" } th scope="col" { "Standing" } th scope="col" { "Since" } } }
                tbody {
                    @for plan in &waiting {
                        tr {
                            th scope="row" { a href=(link("/plan", &[("hash", &plan.hash)])) { code { (short(&plan.hash)) } } }
                            td data-label="Target" { (text(&plan.target)) }
                            td { b { (heading(&plan.plan.changes, "")) } p.quiet { (Counts::of(&plan.plan.changes).words()) } }
                            td { (stands(plan, rule(plan, &policy), &said, &context)) }
                            td data-label="Since" { (context.clock().since(plan.since)) }
                        }
                    }
                }
            }
        }
        p { a href="/pending" { "All that is needed now, whatever holds it" } }
    };
    Ok(context.page(Part::Plans, "Plans", &body))
}

/// One that waits.
pub(super) async fn page(State(site): Here, Extension(visitor): Who, Extension(form): Form, uri: Uri) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    let hash = asked(&uri, "hash").unwrap_or_default();
    let (waiting, said) = site.waiting().await?;
    let Some(plan) = waiting.into_iter().find(|plan| plan.hash.as_ref() == hash) else {
        let words = "This plan waits no more: it ran, is not needed any more, or is another one by now";
        return Err(Problem::missing(words).next("look at what waits now (Plans)"));
    };
    let view = site.view().await?;
    let policy = view.snapshot.policy.clone();
    let from = asked(&uri, "from").and_then(|from| from.parse().ok()).unwrap_or(0);
    let (title, people) = (format!("Plan {} at {}", short(&plan.hash), plan.target), context.sees_people());
    let changes = match people {
        true => {
            let plan = plan.clone();
            site.scholar
                .ask(view.snapshot, move |known| {
                    let (all, address) = (plan.plan.changes.iter().collect::<Vec<_>>(), link("/plan", &[("hash", &plan.hash)]));
                    let names = names(&plan.plan, &known.origins);
                    html! { (risks(&plan.plan, &names)) (changes(&plan.plan, &all, &known.origins, from, &address)) }
                })
                .await?
        }
        false => hidden(),
    };
    let mine = context.offers(SiteAction::Approve) && context.visitor.rights.approve.covers(&plan.target);
    let body = html! {
        h1 { (heading(&plan.plan.changes, &format!(" at {}", text(&plan.target)))) }
        p.sub {
            "Plan " code { (short(&plan.hash)) } ": " (Counts::of(&plan.plan.changes).words()) "."
            @if !plan.authors.is_empty() { " Written by " (text(&plan.authors.join(", "))) "." }
            " It has been waiting since " (context.clock().since(plan.since)) "."
        }
        @if mine { p.jump { a href="#word" { "To your word about it" } } }
        div.beside {
            div { (changes) }
            aside id="word" {
                section.panel {
                    h2 { "Your word about it" }
                    div { (stands(&plan, rule(&plan, &policy), &said, &context)) (spoken(&plan, &said, &context)) }
                    @if mine && context.visitor.is_recent(context.now) { (form_of(&context, &plan)) }
                    @else if mine { (context.signs_in_again(&link("/plan", &[("hash", &plan.hash)]))) }
                    @else { p.quiet { "On the command line: " code { "headcount approve " (short(&plan.hash)) } } }
                    p.quiet { "Until somebody does, nothing of it happens, and everything else goes on. If people, rules or the target change meanwhile, it is another plan and waits anew." }
                    p.quiet { "All of its hash: " code { (text(&plan.hash)) } }
                }
            }
        }
    };
    Ok(context.page(Part::Plans, &title, &body))
}

/// The worst of it in one sentence, by people and not by steps.
pub(super) fn heading<'c>(changes: impl IntoIterator<Item = &'c Change>, place: &str) -> String {
    let (mut out, mut deleted, mut less, mut accounts, mut any) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), false);
    for change in changes.into_iter().filter(|change| change.runs()) {
        any = true;
        let whose = change.object.key.as_ref();
        match change.action {
            Action::Deactivate | Action::EndSessions => drop(out.insert(whose)),
            Action::Delete => drop(deleted.insert(whose)),
            Action::RemoveEntitlement => drop(less.insert(whose)),
            Action::RemoveMembers => less.extend(change.members.iter().map(|member| member.member.key.as_ref())),
            Action::Create if change.object.kind == ObjectKind::Account => drop(accounts.insert(whose)),
            _ => {}
        }
    }
    let some = |people: &BTreeSet<&str>, one: &str, many: &str| match people.len() {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{} {many}", number(count as u64))),
    };
    let worst = [
        some(&deleted, "account or group is deleted", "accounts or groups are deleted"),
        some(&out, "person loses sign-in", "people lose sign-in"),
    ];
    let worst: Vec<String> = worst.into_iter().flatten().collect();
    let words = match (worst.is_empty(), any) {
        (false, _) => worst.join(", "),
        (true, true) => some(&less, "person loses a group or an entitlement", "people lose groups or entitlements")
            .or_else(|| some(&accounts, "person gets an account", "people get accounts"))
            .unwrap_or_else(|| "Nobody gets or loses an account".to_owned()),
        (true, false) => "Nothing is about to change".to_owned(),
    };
    format!("{words}{place}")
}

fn hidden() -> Markup {
    html! { p.quiet { "Your role does not see people, so who is meant stays hidden." } }
}

/// All that is needed, at one Target or at all.
pub(super) async fn pending(State(site): Here, Extension(visitor): Who, Extension(form): Form, uri: Uri) -> Answer {
    let context = PageContext::new(site.clone(), visitor, form).await?;
    let (view, plan) = site.known().await?;
    let target = asked(&uri, "target");
    let from = asked(&uri, "from").and_then(|from| from.parse().ok()).unwrap_or(0);
    let here = |change: &&Change| target.as_deref().is_none_or(|target| change.target.as_ref() == target);
    let (counts, at) = (Counts::of(plan.changes.iter().filter(here)), target.clone());
    let people = context.sees_people();
    let found = FoundNames::of(&context, &view, Some(&plan)).await?;
    let targets: Vec<Arc<str>> = view.snapshot.policy.targets.iter().map(|target| target.name.clone()).collect();
    let shown = match people {
        true => {
            let (plan, target) = (plan.clone(), target.clone());
            let address = link("/pending", &target.iter().map(|target| ("target", target.as_str())).collect::<Vec<_>>());
            site.scholar
                .ask(view.snapshot, move |known| {
                    let wanted: Vec<&Change> = plan
                        .changes
                        .iter()
                        .filter(|change| target.as_deref().is_none_or(|target| change.target.as_ref() == target))
                        .collect();
                    changes(&plan, &wanted, &known.origins, from, &address)
                })
                .await?
        }
        false => hidden(),
    };
    let title = at.as_deref().map_or_else(|| "Needed now".to_owned(), |target| format!("Needed now at {target}"));
    let body = html! {
        h1 { (heading(plan.changes.iter().filter(|change| at.as_deref().is_none_or(|target| change.target.as_ref() == target)), &at.as_deref().map(|target| format!(" at {}", text(target))).unwrap_or_default())) }
        p.sub { "Needed now, whatever holds it: " (counts.words()) "." }
        nav.chips aria-label="Target" {
            a href="/pending" aria-current=[at.is_none().then_some("true")] { "All" }
            @for name in &targets { a href=(link("/pending", &[("target", name)])) aria-current=[(at.as_deref() == Some(name.as_ref())).then_some("true")] { (text(name)) } }
        }
        (findings(&plan, at.as_deref(), found.as_ref()))
        (shown)
    };
    Ok(context.page(Part::Plans, &title, &body))
}

/// What was noticed, the gravest first; in numbers where names must not be told.
pub(super) fn findings(plan: &Plan, system: Option<&str>, names: Option<&FoundNames>) -> Markup {
    let mut found: Vec<_> =
        plan.findings.iter().filter(|finding| system.is_none_or(|name| finding.subject.system.as_deref() == Some(name))).collect();
    found.retain(|finding| finding.severity != Severity::Note);
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    html! {
        @if !found.is_empty() {
            h2 { "Noticed" }
            @if let Some(names) = names {
                ul.told { @for finding in found.iter().take(PAGE) {
                    li {
                        (names.said(finding))
                        @if let Some(place) = &finding.place { " " code { (text(&place.to_string())) } }
                        @if let Some(hint) = &finding.hint { @if hint.contains('\n') { pre { (crate::render::safe::lines(hint)) } } @else { br; span.quiet { "Next: " (ticked(hint)) } } }
                    }
                } }
                @if found.len() > PAGE { p.quiet { "and " (number((found.len() - PAGE) as u64)) " more: " code { "headcount plan" } } }
            } @else { p.quiet { (count(found.len() as u64, "finding")) "; your role does not see people, and they name some." } }
        }
    }
}

fn rule<'p>(plan: &WaitingPlan, policy: &'p Policy) -> Option<&'p ApprovalPolicy> {
    policy.targets.iter().find(|target| target.name == plan.target)?.gates.approval.as_ref()
}

fn stands(plan: &WaitingPlan, rule: Option<&ApprovalPolicy>, said: &[Approval], context: &PageContext) -> Markup {
    let standing = rule.map(|rule| standing(plan, rule, said, context.now));
    html! { @match standing {
        Some(ApprovalStanding::Rejected) => (tag("lose", "✕", "Rejected")),
        Some(ApprovalStanding::Approved) => (tag("gain", "✓", "Approved: it runs once, as far as it is still needed")),
        Some(standing) => { (tag("warn", "●", "Waits")) " " (standing.words()) }
        None => "these manifests don't say who has to approve it",
    } }
}

fn spoken(plan: &WaitingPlan, said: &[Approval], context: &PageContext) -> Markup {
    let words: Vec<&Approval> = said.iter().filter(|word| word.plan == plan.hash).collect();
    html! { @for word in words {
        p { b { (text(&word.approver)) } " " (if word.decision == Decided::Reject { "rejected" } else { "approved" }) " it " (context.clock().since(word.at)) @if let Some(reason) = &word.reason { ": " (text(reason)) } }
    } }
}

/// Everybody by what they are displayed as.
fn names<'a>(plan: &'a Plan, origins: &'a ChangeOrigins<'_>) -> DisplayNames<'a> {
    DisplayNames::of(plan, Some(origins)).displayed()
}

/// A change in a sentence about whoever it happens to.
fn said(change: &Change, names: &DisplayNames<'_>) -> String {
    headline_of(change, names.person(&change.object.key).as_deref())
}

/// What a reviewer looks at twice.
fn risks(plan: &Plan, names: &DisplayNames<'_>) -> Markup {
    let risky: Vec<&Change> = plan.changes.iter().filter(|change| !change.risks.is_empty()).collect();
    html! {
        @if !risky.is_empty() {
            section.risk {
                h2 { "Look at these twice" }
                ul.told {
                    @for change in risky.iter().take(PAGE) { li { (said(change, names)) " " @for risk in &change.risks { (tag("warn", "!", risk_words(*risk))) " " } } }
                }
                @if risky.len() > PAGE { p.quiet { "and " (number((risky.len() - PAGE) as u64)) " more, marked below" } }
            }
        }
    }
}

fn risk_words(risk: Risk) -> &'static str {
    match risk {
        Risk::SignIn => "sign-in is lost or changes",
        Risk::Irreversible => "can't be undone",
        Risk::Privilege => "gets more rights than others",
        Risk::Reactivation => "gets access back",
        Risk::Adoption => "was not made by headcount",
        Risk::LastGroup => "is left without a group",
        Risk::Stranger => "is nobody whom headcount knows",
    }
}

/// Changes one by one: what takes something first, a page of them.
pub(super) fn changes(plan: &Plan, wanted: &[&Change], origins: &ChangeOrigins<'_>, from: usize, address: &str) -> Markup {
    let mut wanted = wanted.to_vec();
    wanted.sort_by_key(|change| (!change.action.removes(), change.risks.is_empty()));
    let names = names(plan, origins);
    let all = wanted.len();
    // Memberships count one by one, as everywhere.
    let steps: usize = wanted.iter().map(|change| change.members.len().max(1)).sum();
    let sign = if address.contains('?') && !address.ends_with('?') { "&" } else { "" };
    html! {
        @if all == 0 { p { "Nothing changes." } }
        @else {
            h2 { (count(steps as u64, "change")) ", what takes something first" }
            div.list { @for change in wanted.iter().skip(from).take(PAGE) { (one(plan, change, &names, origins)) } }
            @if from + PAGE < all { p { a.button href={ (address) (sign) "from=" (from + PAGE) } { "The next " (PAGE.min(all - from - PAGE)) } } }
        }
    }
}

pub(super) fn one(plan: &Plan, change: &Change, names: &DisplayNames<'_>, origins: &ChangeOrigins<'_>) -> Markup {
    let class = if change.action.removes() {
        "lose"
    } else if change.attributes.is_empty() || !change.action.symbol().contains('~') {
        "gain"
    } else {
        "warn"
    };
    let most = MEMBERS[usize::from(plan.changes.len() > OPEN)];
    let of_member = |member: &MemberChange| origins.of_member(change, member);
    let mut places: Vec<Option<Place>> = change.members.iter().take(most).map(of_member).collect();
    places.dedup();
    // What all of them have behind them is said once.
    let (place, apart) = match places.as_slice() {
        [] => (origins.of(change), false),
        [one] => (one.clone(), false),
        _ => (None, true),
    };
    let held = change.withheld.as_ref().and_then(|withheld| plan.findings.get(withheld.finding as usize));
    html! {
        details.change open[plan.changes.len() <= OPEN] {
            summary {
                span.sign.(class) aria-hidden="true" { (change.action.symbol()) }
                span { (said(change, names)) @if let Some(why) = why(change) { span.quiet { " · " (why) } } @if !change.runs() { " " (tag("lose", "▲", "withheld")) } }
            }
            div.in {
                @if !crate::model::Key::is_unclaimed(&change.object.key) {
                    @let shown = names.person(&change.object.key).map(|name| text(&name)).filter(|_| change.object.kind == ObjectKind::Account);
                    @let name = text(&change.object.name);
                    p {
                        a href=(about(&change.object.key)) { "Everything about " (shown.as_ref().unwrap_or(&name)) } " " code.quiet { (text(&change.object.key)) }
                        @if shown.is_some_and(|shown| shown != name) { span.quiet { ", called " code { (name) } " there" } }
                    }
                }
                @if let Some(finding) = held { p { b { "Withheld: " } (said_of(finding, &|key| names.person(key))) } }
                @if !change.attributes.is_empty() {
                    dl.diff { @for attribute in &change.attributes {
                        @let (before, after) = sides(attribute, names);
                        div { dt { (text(&attribute.attribute)) } dd { @if attribute.before.is_some() { del { (before) } " → " } ins { (after) } (from(origins.of_attribute(change, &attribute.attribute))) } }
                    } }
                }
                @if !change.members.is_empty() {
                    ul.told { @for member in change.members.iter().take(most) { li { a href=(about(&member.member.key)) { (names.person(&member.member.key).map_or_else(|| text(&member.member.name), |name| text(&name))) } " " code.quiet { (text(&member.member.key)) } @if apart { (from(of_member(member))) } } } }
                    @if change.members.len() > most { p.quiet { "and " (number((change.members.len() - most) as u64)) " more" } }
                }
                @if let Some(place) = place { p.quiet { "From " code { (text(&place.to_string())) } } }
            }
        }
    }
}

/// The line behind a part of a change.
fn from(place: Option<Place>) -> Markup {
    html! { @if let Some(place) = place { " " span.quiet { "from " code { (text(&place.to_string())) } } } }
}

/// Where everything about somebody, or a group, stands.
pub(super) fn about(key: &str) -> String {
    link(if crate::model::Key::is_group(key) { "/group" } else { "/person" }, &[("key", key)])
}

/// The words that a plan waits for. What takes something asks for its number.
fn form_of(context: &PageContext, plan: &WaitingPlan) -> Markup {
    let takes = plan.pending().take;
    html! {
        form method="post" action=(link("/plan", &[("hash", &plan.hash)])) {
            (context.token())
            p { "It lets through just these changes, as far as they are still needed, and counts once. The journal keeps your name." }
            label { "Why" input name="reason" maxlength="500" autocomplete="off"; }
            @if takes > 0 { label { "It takes " (count(takes, "thing")) " from people. Type " (takes) " to approve" input name="number" inputmode="numeric" autocomplete="off"; } }
            div.acts { button.main name="decision" value="approve" { "Approve" } button.lose name="decision" value="reject" { "Reject" } }
        }
    }
}

/// How many have to be typed before a plan is approved.
pub(super) fn takes(waiting: &[Arc<WaitingPlan>], hash: &str) -> Option<u64> {
    waiting.iter().find(|plan| plan.hash.as_ref() == hash).map(|plan| plan.pending().take)
}
