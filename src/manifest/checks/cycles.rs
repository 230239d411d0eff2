//! Groups may hold groups, but none may hold itself.

use std::collections::HashMap;

use super::{Context, Diagnostic};

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let groups = &context.loaded.groups;
    let mut by_name: HashMap<&str, usize> = HashMap::with_capacity(groups.len());
    for (at, group) in groups.iter().enumerate() {
        by_name.entry(&group.name).or_insert(at);
    }
    let nested: Vec<Vec<(usize, usize)>> = groups
        .iter()
        .map(|group| {
            let members = group.spec.members.as_deref().unwrap_or_default().iter().enumerate();
            members.filter_map(|(at, member)| Some((at, *by_name.get(member.group.as_deref()?)?))).collect()
        })
        .collect();
    for cycle in cycles(&nested) {
        let Some(&(first, member)) = cycle.first() else { continue };
        let Some(group) = groups.get(first) else { continue };
        let mut names: Vec<&str> = cycle.iter().filter_map(|(at, _)| groups.get(*at)).map(|group| group.name.as_ref()).collect();
        names.push(&group.name);
        let shown =
            if names.len() > 12 { format!("{} → … → {}", names[..10].join(" → "), group.name) } else { names.join(" → ") };
        let problem = Diagnostic::error(format!("these Groups contain themselves: {shown}")).hint("take one of these memberships out");
        problems.push(context.at(&group.origin, &format!("/spec/members/{member}/group"), problem));
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Seen {
    Not,
    Open,
    Done,
}

/// One cycle for each way back that a walk in depth finds, as (group, position of the member that leads on). Without recursion: the nesting is the user's.
fn cycles(nested: &[Vec<(usize, usize)>]) -> Vec<Vec<(usize, usize)>> {
    let mut seen = vec![Seen::Not; nested.len()];
    let mut found = Vec::new();
    for start in 0..nested.len() {
        if seen[start] != Seen::Not {
            continue;
        }
        // (group, which of its members comes next)
        let mut way = vec![(start, 0usize)];
        seen[start] = Seen::Open;
        while let Some((group, next)) = way.last_mut() {
            let Some(&(_, below)) = nested[*group].get(*next) else {
                seen[*group] = Seen::Done;
                way.pop();
                continue;
            };
            *next += 1;
            match seen[below] {
                Seen::Not => {
                    seen[below] = Seen::Open;
                    way.push((below, 0));
                }
                Seen::Open => {
                    let from = way.iter().position(|(group, _)| *group == below).unwrap_or(0);
                    found.push(way[from..].iter().map(|(group, next)| (*group, nested[*group][next - 1].0)).collect());
                }
                Seen::Done => {}
            }
        }
    }
    found
}
