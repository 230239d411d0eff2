//! The links of a memory, packed: whatever leads from one key stands together, what links have in common (the target, the system) once, and each text once.
//!
//! A controller keeps one for each account, so they are most of what it keeps: about 25 bytes each in the place of 200.
//! Must never: say of a link anything else than was remembered, but for the order of links, which means nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::hash::Keyed;
use super::index::Index;
use super::recall::hash;
use super::spool::{Spool, Spot};
use crate::model::{Cell, Link, LinkOrigin, ObjectKind, UNKNOWN_SYSTEM, put_number, take_length};
use crate::policy::Policy;

/// The links of a memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    keyed: Option<Keyed>,
    kinds: Vec<LinkKind>,
    spool: Spool,
    /// by number: what leads from one key; none: the number is free
    keys: Vec<Option<Spot>>,
    free: Vec<u32>,
    by_key: Index,
    by_id: Index,
}

/// One link, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkRow<'m> {
    pub(crate) target: &'m Arc<str>,
    pub(crate) kind: ObjectKind,
    pub(crate) key: &'m str,
    pub(crate) id: &'m str,
    pub(crate) origin: LinkOrigin,
    pub(crate) system: u64,
    pub(crate) name: Option<&'m str>,
    pub(crate) at: Timestamp,
    pub(crate) standing: LinkStanding,
}

/// What a link is worth today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkStanding {
    Counts,
    /// it was made at another system than the one that the target speaks to now
    Stranded,
    /// manifests say that the object is not ours
    Disowned,
}

/// Where a link stands: the number of its key, and which one of that key.
pub(super) type LinkAt = (u32, u32);

/// What many links have in common.
#[derive(Clone, Debug)]
struct LinkKind {
    target: Arc<str>,
    kind: ObjectKind,
    origin: LinkOrigin,
    system: u64,
    /// whether that is the system that the target speaks to now
    here: bool,
    not_ours: BTreeSet<Arc<str>>,
    /// how many there are, and how many of them prove nothing
    many: u64,
    void: u64,
}

impl Links {
    /// Of all these.
    pub(super) fn of(policy: &Policy, mut links: Vec<Link>) -> Self {
        let mut all = Self { keyed: Some(Keyed::of(&policy.workspace)), ..Self::default() };
        links.sort_by(|one, next| one.key.cmp(&next.key));
        links.chunk_by(|one, next| one.key == next.key).for_each(|links| all.add(policy, links));
        [&mut all.by_key, &mut all.by_id].into_iter().for_each(Index::settle);
        all.keys.shrink_to_fit();
        all.spool.close();
        all
    }

    /// Other manifests may be in force: what links are worth is found out anew.
    pub(super) fn judge(&mut self, policy: &Policy) {
        self.kinds.iter_mut().for_each(|kind| kind.judge(policy));
        let mut void = vec![0; self.kinds.len()];
        if self.kinds.iter().any(|kind| !kind.here || !kind.not_ours.is_empty()) {
            let prove_nothing = self.numbered().filter(|(_, link)| link.standing != LinkStanding::Counts);
            prove_nothing.for_each(|(kind, _)| void.get_mut(kind).into_iter().for_each(|void| *void += 1));
        }
        self.kinds.iter_mut().zip(void).for_each(|(kind, void)| kind.void = void);
    }

    /// With one more.
    pub(super) fn put(&mut self, policy: &Policy, link: Link) {
        self.keyed.get_or_insert(Keyed::of(&policy.workspace));
        match self.number_of(&link.key) {
            Some(number) => {
                let mut links = self.clear(number);
                links.push(link);
                self.fill(policy, number, &links);
            }
            None => self.add(policy, &[link]),
        }
    }

    /// Without these, which are given back.
    pub(super) fn take(&mut self, policy: &Policy, places: &BTreeSet<LinkAt>) -> Vec<Link> {
        let mut taken = Vec::new();
        for number in places.iter().map(|(number, _)| *number).collect::<BTreeSet<_>>() {
            let links = self.clear(number).into_iter().enumerate();
            let (gone, stay): (Vec<_>, Vec<_>) = links.partition(|(nth, _)| places.contains(&(number, *nth as u32)));
            taken.extend(gone.into_iter().map(|(_, link)| link));
            let stay: Vec<Link> = stay.into_iter().map(|(_, link)| link).collect();
            if stay.is_empty() { self.free.push(number) } else { self.fill(policy, number, &stay) }
        }
        taken
    }

    /// Puts in order what came and went, where there is enough of it.
    pub(super) fn tidy(&mut self) {
        [&mut self.by_key, &mut self.by_id].into_iter().for_each(Index::tidy);
        if self.spool.is_wasteful() {
            self.spool = self.spool.gathered(self.keys.iter_mut().flatten());
        }
    }

    /// Those that are in only one of both.
    pub(super) fn differing(&self, other: &Self) -> Vec<Link> {
        let alone = |one: &Self, other: &Self| -> Vec<Link> {
            one.all().filter(|link| !other.of_key(link.key).any(|(_, known)| known == *link)).map(LinkRow::to_link).collect()
        };
        let mut all = alone(self, other);
        all.extend(alone(other, self));
        all
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = LinkRow<'_>> {
        self.numbered().map(|(_, link)| link)
    }

    /// Those at these places.
    pub(super) fn of_places(&self, places: &BTreeSet<LinkAt>) -> impl Iterator<Item = LinkRow<'_>> {
        places.iter().filter_map(|(number, nth)| Some(self.packed(*number).nth(*nth as usize)?.1))
    }

    /// All that prove nothing.
    pub(super) fn void(&self) -> impl Iterator<Item = (LinkAt, LinkRow<'_>)> {
        let any = self.kinds.iter().any(|kind| kind.void > 0);
        let numbers = 0..if any { self.keys.len() as u32 } else { 0 };
        numbers.flat_map(|number| self.at(number)).filter(|(_, link)| link.standing != LinkStanding::Counts)
    }

    /// Those of one kind.
    pub(crate) fn of_kind(&self, kind: ObjectKind) -> impl Iterator<Item = LinkRow<'_>> {
        let any = self.kinds.iter().any(|known| known.kind == kind && known.many > 0);
        any.then(|| self.all()).into_iter().flatten().filter(move |link| link.kind == kind)
    }

    /// Those that lead from a key, whatever they are worth.
    pub(super) fn of_key<'m>(&'m self, key: &str) -> impl Iterator<Item = (LinkAt, LinkRow<'m>)> {
        self.number_of(key).into_iter().flat_map(|number| self.at(number))
    }

    /// Those that lead from a key that begins so.
    pub(super) fn of_keys_from<'m>(&'m self, start: &str) -> impl Iterator<Item = (LinkAt, LinkRow<'m>)> {
        (0..self.keys.len() as u32)
            .filter(move |number| self.key(*number).is_some_and(|key| key.starts_with(start)))
            .flat_map(|at| self.at(at))
    }

    /// Those that lead to an id, whatever they are worth; one may come twice.
    pub(super) fn of_id<'m>(&'m self, target: &str, kind: ObjectKind, id: &str) -> impl Iterator<Item = (LinkAt, LinkRow<'m>)> {
        let hash = self.keyed.map(|keyed| hash(keyed, target, kind, id));
        let numbers = hash.into_iter().flat_map(|hash| self.by_id.candidates(hash));
        numbers.flat_map(|number| self.at(number)).filter(move |(_, link)| link.kind == kind && link.id == id && **link.target == *target)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.kinds.iter().all(|kind| kind.many == 0)
    }

    /// How many of a kind there are at a target, and how many of them count.
    pub(crate) fn count(&self, target: &str, kind: ObjectKind) -> (u64, u64) {
        let here = self.kinds.iter().filter(|known| known.kind == kind && *known.target == *target);
        here.fold((0, 0), |(all, counting), kind| (all + kind.many, counting + kind.many - kind.void))
    }

    fn add(&mut self, policy: &Policy, links: &[Link]) {
        let number = self.free.pop().unwrap_or_else(|| {
            self.keys.push(None);
            self.keys.len() as u32 - 1
        });
        self.fill(policy, number, links);
    }

    /// Writes what leads from one key.
    fn fill(&mut self, policy: &Policy, number: u32, links: &[Link]) {
        let (Some(keyed), Some(first)) = (self.keyed, links.first()) else { return };
        let (mut packed, mut before) = (String::new(), None);
        for link in links {
            let kind = self.kind_of(policy, link);
            put_number(&mut packed, kind as u64);
            write(&mut packed, link, before);
            before = Some(link);
            self.count_one(kind, &link.id, true);
            self.by_id.insert(hash(keyed, &link.target, link.kind, &link.id), number);
        }
        self.by_key.insert(keyed.text(&first.key), number);
        let spot = self.spool.add(&first.key, &[Cell::Text(&packed)]);
        self.keys.get_mut(number as usize).into_iter().for_each(|known| *known = Some(spot));
    }

    /// Takes out what leads from one key.
    fn clear(&mut self, number: u32) -> Vec<Link> {
        let kinds: Vec<usize> = self.packed(number).map(|(kind, _)| kind).collect();
        let links: Vec<Link> = self.packed(number).map(|(_, link)| link.to_link()).collect();
        let Some((keyed, first)) = self.keyed.zip(links.first()) else { return links };
        self.by_key.remove(keyed.text(&first.key), number);
        for (kind, link) in kinds.into_iter().zip(&links) {
            self.count_one(kind, &link.id, false);
            self.by_id.remove(hash(keyed, &link.target, link.kind, &link.id), number);
        }
        if let Some(spot) = self.keys.get_mut(number as usize).and_then(Option::take) {
            self.spool.forget(spot);
        }
        links
    }

    fn count_one(&mut self, kind: usize, id: &str, comes: bool) {
        let Some(kind) = self.kinds.get_mut(kind) else { return };
        let void = u64::from(kind.standing(id) != LinkStanding::Counts);
        let sum = |all: u64, one: u64| if comes { all + one } else { all.saturating_sub(one) };
        (kind.many, kind.void) = (sum(kind.many, 1), sum(kind.void, void));
    }

    fn kind_of(&mut self, policy: &Policy, link: &Link) -> usize {
        let Link { target, kind, origin, system, .. } = link;
        let is_it = |known: &LinkKind| (known.system, known.kind, known.origin) == (*system, *kind, *origin) && known.target == *target;
        self.kinds.iter().position(is_it).unwrap_or_else(|| {
            let (target, kind, origin, system) = (target.clone(), *kind, *origin, *system);
            let mut new = LinkKind { target, kind, origin, system, here: true, not_ours: BTreeSet::new(), many: 0, void: 0 };
            new.judge(policy);
            self.kinds.push(new);
            self.kinds.len() - 1
        })
    }

    fn number_of(&self, key: &str) -> Option<u32> {
        if self.keys.is_empty() {
            return None;
        }
        self.by_key.candidates(self.keyed?.text(key)).find(|number| self.key(*number) == Some(key))
    }

    fn key(&self, number: u32) -> Option<&str> {
        Some(self.spool.get((*self.keys.get(number as usize)?)?).0)
    }

    fn at(&self, number: u32) -> impl Iterator<Item = (LinkAt, LinkRow<'_>)> {
        self.packed(number).enumerate().map(move |(nth, (_, link))| ((number, nth as u32), link))
    }

    fn numbered(&self) -> impl Iterator<Item = (usize, LinkRow<'_>)> {
        (0..self.keys.len() as u32).flat_map(|number| self.packed(number))
    }

    fn packed(&self, number: u32) -> PackedLinks<'_> {
        let entry = self.keys.get(number as usize).copied().flatten().map(|spot| self.spool.get(spot));
        let (key, row) = entry.unwrap_or_default();
        let rest = if let Cell::Text(text) = row.cell(0) { text } else { "" };
        PackedLinks { kinds: &self.kinds, key, rest, at: Timestamp::UNIX_EPOCH, name: None }
    }
}

impl LinkRow<'_> {
    /// On its own.
    pub(crate) fn to_link(self) -> Link {
        Link {
            target: self.target.clone(),
            kind: self.kind,
            key: Arc::from(self.key),
            id: Arc::from(self.id),
            origin: self.origin,
            system: self.system,
            name: self.name.map(Arc::from),
            at: self.at,
        }
    }
}

impl LinkKind {
    fn judge(&mut self, policy: &Policy) {
        (self.here, self.not_ours) = (true, BTreeSet::new());
        let Some(rules) = policy.targets.iter().find(|rules| rules.name == self.target) else { return };
        let system = &rules.system;
        self.here = [system.id, UNKNOWN_SYSTEM].contains(&self.system) || system.previous.contains(&self.system);
        if self.kind != ObjectKind::Group {
            self.not_ours.clone_from(&system.not_ours);
        }
    }

    #[inline]
    fn standing(&self, id: &str) -> LinkStanding {
        if !self.not_ours.is_empty() && self.not_ours.contains(id) {
            LinkStanding::Disowned
        } else if self.here {
            LinkStanding::Counts
        } else {
            LinkStanding::Stranded
        }
    }
}

/// Behind the number of its kind: the time, the id, the name; of what is as with the link before, that it is so.
fn write(packed: &mut String, link: &Link, before: Option<&Link>) {
    let zigzag = |number: i64| ((number << 1) ^ (number >> 63)) as u64;
    if before.is_some_and(|before| before.at == link.at) {
        put_number(packed, SAME);
    } else {
        put_number(packed, OTHER);
        put_number(packed, zigzag(link.at.as_second()));
        put_number(packed, zigzag(link.at.subsec_nanosecond().into()));
    }
    put_number(packed, link.id.len() as u64);
    packed.push_str(&link.id);
    match &link.name {
        None => put_number(packed, NONE),
        Some(name) if before.is_some_and(|before| before.name.as_ref() == Some(name)) => put_number(packed, SAME),
        Some(name) => {
            put_number(packed, OTHER + name.len() as u64);
            packed.push_str(name);
        }
    }
}

const NONE: u64 = 0;
const SAME: u64 = 1;
const OTHER: u64 = 2;

/// What leads from one key, read one by one.
struct PackedLinks<'m> {
    kinds: &'m [LinkKind],
    key: &'m str,
    rest: &'m str,
    at: Timestamp,
    name: Option<&'m str>,
}

impl<'m> PackedLinks<'m> {
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let mut bytes = self.rest.as_bytes();
        let number = take_length(&mut bytes)?;
        self.rest = self.rest.get(self.rest.len() - bytes.len()..)?;
        Some(number as u64)
    }

    #[inline]
    fn text(&mut self, length: u64) -> Option<&'m str> {
        let (text, rest) = self.rest.split_at_checked(length as usize)?;
        self.rest = rest;
        Some(text)
    }
}

impl<'m> Iterator for PackedLinks<'m> {
    type Item = (usize, LinkRow<'m>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let number = self.number()? as usize;
        let LinkKind { target, kind, origin, system, .. } = self.kinds.get(number)?;
        let straight = |number: u64| (number >> 1) as i64 ^ -((number & 1) as i64);
        if self.number()? == OTHER {
            let (seconds, rest) = (straight(self.number()?), straight(self.number()?));
            self.at = Timestamp::new(seconds, rest as i32).ok()?;
        }
        let length = self.number()?;
        let id = self.text(length)?;
        match self.number()? {
            NONE => self.name = None,
            SAME => {}
            other => self.name = Some(self.text(other - OTHER)?),
        }
        let (kind, origin, system) = (*kind, *origin, *system);
        let standing = self.kinds.get(number)?.standing(id);
        Some((number, LinkRow { target, kind, key: self.key, id, origin, system, name: self.name, at: self.at, standing }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::registry::Facts;
    use crate::manifest::{ManifestInput, load};
    use crate::policy::compile;

    const MANIFESTS: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: chat}
spec: {connection: {scim: {url: 'https://chat.example/v2'}}, notOurs: [i3, i44]}
";

    fn policy() -> Policy {
        let (loaded, problems) = load(&[ManifestInput::stdin(MANIFESTS.as_bytes().to_vec())]);
        assert!(problems.is_empty(), "{problems:?}");
        compile(&loaded, &Facts).unwrap().0
    }

    fn link(at: u64) -> Link {
        Link {
            target: Arc::from(["chat", "wiki"][at as usize % 2]),
            kind: [ObjectKind::Account, ObjectKind::Group, ObjectKind::Entitlement][at as usize % 3],
            key: Arc::from(format!("hr/{}", at % 37)),
            id: Arc::from(format!("i{}", at % 53)),
            origin: if at.is_multiple_of(5) { LinkOrigin::Created } else { LinkOrigin::Adopted },
            system: at % 4,
            name: [None, Some(Arc::from("dee")), Some(Arc::from("dée"))][at as usize % 7 % 3].clone(),
            at: Timestamp::new(at as i64 % 11 - 5, [0, -7, 12][at as usize % 13 % 3]).unwrap_or_default(),
        }
    }

    fn told(mut links: Vec<Link>) -> Vec<Link> {
        links.sort_by_key(|link| format!("{link:?}"));
        links
    }

    #[test]
    fn what_is_packed_says_what_was_remembered_whatever_comes_and_goes() {
        let policy = policy();
        let mut plain: Vec<Link> = (0..60).map(|at| link(at * 17)).collect();
        let mut packed = Links::of(&policy, plain.clone());
        for at in 0..800_u64 {
            let gone: BTreeSet<LinkAt> = packed.of_id(&link(at).target, link(at).kind, &link(at).id).map(|(at, _)| at).collect();
            let taken = packed.take(&policy, &gone);
            let is_it = |one: &Link| (&one.target, one.kind, &one.id) == (&link(at).target, link(at).kind, &link(at).id);
            let (same, others): (Vec<_>, Vec<_>) = plain.into_iter().partition(is_it);
            assert_eq!(told(taken), told(same));
            plain = others;
            if at % 3 > 0 {
                packed.put(&policy, link(at * 7));
                plain.push(link(at * 7));
            }
            packed.tidy();
            assert_eq!(told(packed.all().map(LinkRow::to_link).collect()), told(plain.clone()));
        }
        let anew = Links::of(&policy, plain.clone());
        assert!(packed.differing(&anew).is_empty() && !packed.is_empty());
        for links in [&packed, &anew] {
            for target in ["chat", "wiki"] {
                let here = |link: &&Link| *link.target == *target && link.kind == ObjectKind::Account;
                let void = |link: &&Link| target == "chat" && (link.system > 0 || ["i3", "i44"].contains(&&*link.id));
                let all = plain.iter().filter(here).count() as u64;
                assert_eq!(links.count(target, ObjectKind::Account), (all, all - plain.iter().filter(here).filter(void).count() as u64));
            }
            assert_eq!(links.void().count(), links.all().filter(|link| link.standing != LinkStanding::Counts).count());
            let key = plain.first().map(|link| link.key.clone()).unwrap_or_default();
            let of_key = links.of_key(&key).map(|(_, link)| link.to_link()).collect();
            assert_eq!(told(of_key), told(plain.iter().filter(|link| link.key == key).cloned().collect()));
        }
    }
}
