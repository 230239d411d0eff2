//! Groups in groups as a whole: which circles there are, and what lies below each group.
//!
//! Each question is answered for all groups in one pass, so that a long chain of groups costs no more than as many groups side by side.
//! Must never: follow a circle of groups for ever.

use std::collections::{BTreeSet, HashSet};

/// Groups put together that contain each other.
pub(in crate::planning) struct Nesting<'r> {
    /// by the groups' positions: the groups in each
    nested: Vec<&'r [usize]>,
    /// by the groups' positions
    circle_of: Vec<usize>,
    /// the groups of each; what is inside comes before what it is in
    circles: Vec<Vec<usize>>,
}

impl<'r> Nesting<'r> {
    /// Of all groups. Each that is in no circle is one by itself.
    pub(in crate::planning) fn of(nested: Vec<&'r [usize]>) -> Self {
        let mut above = vec![Vec::new(); nested.len()];
        for (at, inner) in nested.iter().enumerate() {
            inner.iter().filter(|inner| **inner < nested.len()).for_each(|inner| above[*inner].push(at));
        }
        let (mut circle_of, mut circles) = (vec![usize::MAX; nested.len()], Vec::new());
        // Kosaraju's two passes: what is left last on the way down is the first whose circle is looked for on the way up.
        for start in left_last(&nested).into_iter().rev() {
            if circle_of[start] != usize::MAX {
                continue;
            }
            let (mut circle, mut open) = (Vec::new(), vec![start]);
            while let Some(at) = open.pop() {
                if circle_of[at] == usize::MAX {
                    circle_of[at] = circles.len();
                    circle.push(at);
                    open.extend(&above[at]);
                }
            }
            circles.push(circle);
        }
        let count = circles.len();
        circle_of.iter_mut().for_each(|at| *at = count - 1 - *at);
        circles.reverse();
        Self { nested, circle_of, circles }
    }

    /// Whether a group is nested in itself.
    pub(in crate::planning) fn is_in_itself(&self, at: usize) -> bool {
        self.circles[self.circle_of[at]].len() > 1 || self.nested[at].contains(&at)
    }

    /// By position: whether a group or any below it is one for which `holds` says so.
    pub(in crate::planning) fn holds_below(&self, holds: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut below = vec![false; self.circles.len()];
        for (at, circle) in self.circles.iter().enumerate() {
            below[at] = circle.iter().any(|group| holds(*group)) || self.inner(at).iter().any(|inner| below[*inner]);
        }
        self.circle_of.iter().map(|circle| below[*circle]).collect()
    }

    /// By position: how many of those whom `counts` counts are in a group or in any below it.
    pub(in crate::planning) fn people_below<'p>(&self, people_of: impl Fn(usize) -> &'p [u32], counts: impl Fn(u32) -> bool) -> Vec<u32> {
        let inner: Vec<BTreeSet<usize>> = (0..self.circles.len()).map(|at| self.inner(at)).collect();
        let mut awaited = vec![0u32; self.circles.len()];
        inner.iter().flatten().for_each(|inner| awaited[*inner] += 1);
        let (mut people, mut sizes) = (vec![HashSet::new(); self.circles.len()], vec![0; self.circles.len()]);
        for (at, circle) in self.circles.iter().enumerate() {
            let own = circle.iter().flat_map(|group| people_of(*group)).copied().filter(|identity| counts(*identity));
            let mut all: HashSet<u32> = own.collect();
            for inner in &inner[at] {
                awaited[*inner] -= 1;
                // The last one that needs them takes them over, and the fewer join the more.
                let mut theirs = if awaited[*inner] == 0 { std::mem::take(&mut people[*inner]) } else { people[*inner].clone() };
                if theirs.len() > all.len() {
                    std::mem::swap(&mut theirs, &mut all);
                }
                all.extend(theirs);
            }
            sizes[at] = all.len() as u32;
            people[at] = all;
        }
        self.circle_of.iter().map(|circle| sizes[*circle]).collect()
    }

    /// What is directly inside, but for itself.
    fn inner(&self, at: usize) -> BTreeSet<usize> {
        let nested = self.circles[at].iter().flat_map(|group| self.nested[*group]);
        nested.filter_map(|group| self.circle_of.get(*group)).copied().filter(|inner| *inner != at).collect()
    }
}

/// All groups, each behind everything that is first reached through it.
fn left_last(nested: &[&[usize]]) -> Vec<usize> {
    let (mut order, mut seen) = (Vec::with_capacity(nested.len()), vec![false; nested.len()]);
    for start in 0..nested.len() {
        // A path of its own instead of recursion: chains of groups may be long.
        let mut path = vec![(start, 0)];
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        while let Some((at, next)) = path.last_mut() {
            match nested[*at].get(*next) {
                Some(inner) => {
                    *next += 1;
                    if seen.get(*inner) == Some(&false) {
                        seen[*inner] = true;
                        path.push((*inner, 0));
                    }
                }
                None => {
                    order.push(*at);
                    path.pop();
                }
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A group and all groups below it, one by one.
    fn below(nested: &[Vec<usize>], start: usize) -> BTreeSet<usize> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(at) = open.pop() {
            if seen.insert(at) {
                open.extend(&nested[at]);
            }
        }
        seen
    }

    proptest! {
        #[test]
        fn all_at_once_is_as_one_by_one(
            people in prop::collection::vec(prop::collection::vec(0u32..12, 0..4), 10),
            nested in prop::collection::vec(prop::collection::vec(0usize..10, 0..3), 10),
        ) {
            let nesting = Nesting::of(nested.iter().map(Vec::as_slice).collect());
            let holds = nesting.holds_below(|at| at % 3 == 0);
            let sizes = nesting.people_below(|at| &people[at], |identity| identity != 5);
            for at in 0..nested.len() {
                let groups = below(&nested, at);
                let in_itself = nested[at].iter().any(|inner| below(&nested, *inner).contains(&at));
                let all: BTreeSet<u32> = groups.iter().flat_map(|at| people[*at].clone()).filter(|identity| *identity != 5).collect();
                prop_assert_eq!(nesting.is_in_itself(at), in_itself);
                prop_assert_eq!(holds[at], groups.iter().any(|at| at % 3 == 0));
                prop_assert_eq!(sizes[at] as usize, all.len());
            }
        }
    }
}
