//! What other people decided at a target stays: accounts that they shut, and those that nobody may touch.

use std::collections::BTreeSet;

use headcount::model::{Action, Change, ObjectKind, Value};
use headcount::planning::Scope;
use proptest::prelude::*;

use super::lab::{Defaults, Lab, Run};
use super::laws::cases;
use super::story::stories;
use super::system::text;

/// By a name, and by what stands at the account.
const PROTECT: &str = "  protect: {accounts: [ANN.lee], rule: 'account.department == \"Law\"'}\n";

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_others_shut_and_what_is_protected_stays_as_it_is(story in stories()) {
        let mut lab = Lab::new(story);
        for act in lab.story.acts.clone() {
            let yaml = lab.story.manifests().replace("  ownership: ", &format!("{PROTECT}  ownership: "));
            let policy = super::compile(&yaml, &Defaults).map_err(TestCaseError::fail)?;
            let plan = lab.plan(&policy, &act.lens, Scope::All);
            let (shut, protected) = (lab.shut_by_others.clone(), protected(&lab));
            let mut wrong = Vec::new();
            let run = Run { lens: &act.lens, fails: act.fails, interrupted: act.interrupted.as_ref() };
            lab.apply(&policy, &plan, &run, &mut |_, change, id| wrong.extend(trespass(&shut, &protected, change, id)));
            prop_assert!(wrong.is_empty(), "{}\n{:#?}\n{yaml}", wrong.join("\n"), lab.system);
            act.events.iter().for_each(|event| lab.happens(event));
            lab.days_pass(act.days);
        }
    }
}

fn protected(lab: &Lab) -> BTreeSet<String> {
    let named = |name: &str, value: &str, account: &super::system::Account| text(&account.attributes, name).as_deref() == Some(value);
    let covered =
        lab.system.accounts.iter().filter(|(_, account)| named("userName", "ann.lee", account) || named("department", "Law", account));
    covered.map(|(id, _)| id.clone()).collect()
}

fn trespass(shut: &BTreeSet<String>, protected: &BTreeSet<String>, change: &Change, id: Option<&str>) -> Vec<String> {
    let mut wrong = Vec::new();
    let members =
        change.members.iter().filter(|member| member.member.kind == ObjectKind::Account).filter_map(|member| member.member.id.as_deref());
    let own = id.filter(|_| change.object.kind == ObjectKind::Account);
    if let Some(id) = own.into_iter().chain(members).find(|id| protected.contains(*id)) {
        wrong.push(format!("{id} is protected: {change:?}"));
    }
    let opens = change.action == Action::Reactivate
        || change.attributes.iter().any(|part| part.attribute.as_ref() == "active" && part.after == Some(Value::Bool(true)));
    if let Some(id) = own.filter(|id| opens && shut.contains(*id)) {
        wrong.push(format!("{id} was shut by somebody else: {change:?}"));
    }
    wrong
}
