//! Which account belongs to which identity: links, then the marker, then attributes in order, for everybody before anything else is decided.
//!
//! Must never: give one account to two identities, or hand a former holder's account to a namesake.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::expr::Input;
use crate::manifest::kinds::Ownership;
use crate::model::{FindingCode, ObjectKind, Severity, ValueState};
use crate::planning::basis::Basis;
use crate::planning::findings::{Findings, Shared};
use crate::planning::people::person::Person;
use crate::planning::people::standing::Standing;
use crate::planning::question::LookupBy;
use crate::planning::schema::layout::is_immutable;
use crate::planning::targets::claims::{CONTESTED, Claim, Claims, NOBODY};
use crate::planning::targets::history::{our_deactivation, rested, was_cut_off};
use crate::planning::targets::later_keys::later_keys;
use crate::planning::targets::links;
use crate::planning::targets::marked::{Batch, Marked};
use crate::planning::targets::ownership;
use crate::planning::targets::ownership::Linked;
use crate::planning::targets::search::{self, hits, keys_of, values};
use crate::world::{Carries, LinkRow, canonical, kind_of};

const TAKEN: &str = "{who}: its account is somebody else's too";
/// All identities at one target.
pub(in crate::planning) fn correlate(basis: &Basis<'_>, target: usize, findings: &mut Findings) -> Claims {
    let mut work = Work {
        basis,
        target,
        findings,
        claims: Claims {
            by_identity: vec![Claim::None; basis.people.len() as usize],
            by_row: vec![NOBODY; basis.observed[target].accounts().len() as usize],
            contenders: BTreeMap::new(),
            set_aside: BTreeSet::new(),
            disputed: BTreeSet::new(),
            another_system: false,
            open: false,
        },
        mark: String::new(),
        rows: Vec::new(),
        linked: Linked::default(),
        established: is_established(basis, target),
    };
    if basis.observed[target].accounts().unreadable() {
        return work.claims;
    }
    let open = work.by_proof();
    work.by_links(&open);
    work.by_attributes(&open);
    work.claims
}

/// Whether the state remembers accounts of a target.
pub(super) fn is_established(basis: &Basis<'_>, target: usize) -> bool {
    let elsewhere = basis.world.memory.known && basis.beyond.at(target).links > 0;
    elsewhere || basis.world.remembers(&basis.policy.targets[target], ObjectKind::Account)
}

/// What one attribute of one identity leads to.
enum Hit {
    Nothing,
    Account(u32),
    Foreign(u32, String),
    Refused(Vec<u32>, FindingCode, String),
}

/// By what an identity's account is looked for.
struct Wanted {
    identity: u32,
    /// the values, attribute by attribute
    keys: Vec<Vec<Vec<u8>>>,
    /// it is known where they stand
    stands: bool,
    open: Open,
}

/// How much of it is not known.
#[derive(Clone, Copy)]
enum Open {
    No,
    /// some of the values
    Some,
    /// which of two records has the right ones
    All,
}

struct Work<'b, 'a> {
    basis: &'b Basis<'a>,
    target: usize,
    findings: &'b mut Findings,
    claims: Claims,
    /// the marker of another key that is looked for, in a buffer of its own
    mark: String,
    /// the accounts that were found for one identity, in a buffer too
    rows: Vec<u32>,
    /// what only links lead to
    linked: Linked,
    /// the state remembers accounts of this target
    established: bool,
}

impl Work<'_, '_> {
    /// Links and markers. Gives back who is still without an account.
    fn by_proof(&mut self) -> Vec<u32> {
        let mut open = Vec::new();
        let Basis { people, revoked, .. } = self.basis;
        // Whoever is cut off takes no part: their accounts are found in another way.
        let mut all = (0..people.len()).filter(|identity| !people.is_retired(*identity) && !revoked.has(*identity));
        let mut batch = Batch::default();
        while batch.fill(self.basis, self.target, &mut all) {
            for one in batch.people() {
                let claim = self.proof(&one);
                self.claims.by_identity[one.identity as usize] = claim;
                if claim == Claim::None {
                    open.push(one.identity);
                }
            }
        }
        open
    }

    /// What links come to as a whole: those that don't fit are held, and those of another system.
    fn by_links(&mut self, open: &[u32]) {
        let linked = std::mem::take(&mut self.linked);
        if ownership::may_be_many(linked.strange.len()) {
            self.findings.rest_on_all("many remembered accounts don't fit");
        }
        self.claims.another_system = linked.is_another_system();
        let chance = linked.fitting.iter().filter(|_| linked.is_another_system());
        for (identity, row) in linked.strange.iter().chain(chance) {
            self.claims.contest(*row, [*identity]);
            self.claims.by_identity[*identity as usize] = Claim::Blocked;
        }
        linked.tell(self.basis, self.target, self.findings);
        let stranded = ownership::strand(self.basis, self.target, &self.claims, self.findings);
        if ownership::may_be_many(stranded.len()) {
            self.findings.rest_on_all("many remembered accounts are at another system");
        }
        let known = (0..self.basis.people.len()).filter(|identity| self.claims.row(*identity).is_some()).count();
        if ownership::are_many(stranded.len(), known) {
            self.claims.another_system = true;
            self.findings.push(ownership::elsewhere(self.basis, self.target, stranded.len()));
        }
        for identity in stranded {
            self.claims.by_identity[identity as usize] = Claim::Blocked;
        }
        self.let_nobody_in(open);
    }

    /// Where another system seems to stand behind a target, whoever is new gets no account there either: it would be at the wrong one.
    fn let_nobody_in(&mut self, open: &[u32]) {
        if self.claims.another_system {
            let blocked = open.iter().filter(|identity| self.claims.of(**identity) == Claim::None).copied().collect::<Vec<_>>();
            blocked.into_iter().for_each(|identity| self.claims.by_identity[identity as usize] = Claim::Blocked);
        }
    }

    fn proof(&mut self, one: &Marked<'_>) -> Claim {
        let Marked { identity, key, .. } = *one;
        let Basis { observed, marks, .. } = self.basis;
        let accounts = observed[self.target].accounts();
        let mut others = self.basis.people.other_keys(identity);
        others.extend(later_keys(self.basis, self.target, key));
        let links = links::of(self.basis, self.target, key, &others);
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        rows.extend(links.iter().filter_map(|link| accounts.find_id(link.id)));
        let linked = rows.len();
        if let Some(marker) = &self.basis.layout.targets[self.target].marker {
            for key in &others {
                self.mark.clear();
                marks.write(key, &mut self.mark);
                accounts.each_by(marker, self.mark.as_bytes(), |row| rows.push(row));
            }
        }
        rows.extend(one.rows());
        let is_own = |remembered: &str| remembered == key || others.iter().any(|other| **other == *remembered);
        let remembered = |row: &u32| ownership::remembered_key(self.basis, self.target, ObjectKind::Account, *row);
        let claimed: Vec<u32> =
            rows.iter().skip(linked).copied().filter(|row| remembered(row).is_some_and(|remembered| !is_own(remembered))).collect();
        rows.retain(|row| !claimed.contains(row));
        if rows.iter().take(linked).any(|row| remembered(row).is_some_and(is_own)) {
            self.leave_copies(identity, key, linked, &mut rows);
        }
        let marked_alone = linked == 0 && self.is_found_by_mark(key, &links);
        rows.sort_unstable();
        rows.dedup();
        let claim = match rows.as_slice() {
            [] if !claimed.is_empty() => {
                let sentence = "{who}: an account that headcount remembers as somebody else's carries their mark, which others wrote; nothing is given to them before that is settled";
                self.note(identity, &claimed, FindingCode::AmbiguousCorrelation, sentence);
                Claim::Blocked
            }
            [] if links.iter().all(|link| accounts.answered(&LookupBy::Id(Arc::from(link.id)))) => Claim::None,
            [] => Claim::Vanished,
            several => match self.in_use(several) {
                Some(row) => {
                    several.iter().filter(|other| **other != row).for_each(|other| self.claims.contest(*other, [identity]));
                    match self.take(identity, key, &others, row) {
                        Claim::Owned(row) if accounts.carries(row) != Carries::Ours => self.by_link(identity, row, &links),
                        Claim::Owned(row) if marked_alone => Claim::Found(row),
                        claim => claim,
                    }
                }
                None => {
                    let sentence = "{who}: its link and its marker lead to several accounts";
                    self.block(identity, several, FindingCode::AmbiguousCorrelation, sentence);
                    Claim::Blocked
                }
            },
        };
        self.rows = rows;
        claim
    }

    /// Which of several accounts somebody uses, where headcount took the access of all the others: of who they were under a former key, before they came back.
    fn in_use(&self, rows: &[u32]) -> Option<u32> {
        if let [row] = rows {
            return Some(*row);
        }
        let accounts = self.basis.observed[self.target].accounts();
        let (active, rest): (Vec<u32>, Vec<u32>) = rows.iter().copied().partition(|row| accounts.active(*row));
        let ours = |row: &u32| our_deactivation(self.basis, self.target, *row).is_some();
        active.first().copied().filter(|_| active.len() == 1 && rest.iter().all(ours))
    }

    /// Whether a mark alone proves nothing: the state knows accounts here, and neither a link nor an intent of one for this key. Whoever may write the mark's
    /// attribute can write one.
    fn is_found_by_mark(&self, key: &str, links: &[LinkRow<'_>]) -> bool {
        self.established && links.is_empty() && !ownership::was_sent(self.basis, self.target, key)
    }

    /// Accounts that carry the mark of somebody whose account the state remembers are left alone: else whoever writes a mark holds whom they like.
    fn leave_copies(&mut self, identity: u32, key: &str, linked: usize, rows: &mut Vec<u32>) {
        let (own, marked) = rows.split_at(linked.min(rows.len()));
        let copies: Vec<u32> = marked.iter().copied().filter(|row| !own.contains(row)).collect();
        if copies.is_empty() || ownership::was_sent(self.basis, self.target, key) {
            return;
        }
        rows.truncate(linked);
        copies.iter().for_each(|row| self.claims.contest(*row, [identity]));
        let sentence = "{who}: another account carries their mark, though headcount has theirs by another id; nothing is given to it";
        let hint =
            "Take the mark off it, or deactivate it at the target. If it is the right one, `headcount state` says which one is remembered.";
        self.say(identity, &copies, Severity::Warning, FindingCode::AmbiguousCorrelation, (sentence, hint));
    }

    /// One account that nothing but a link leads to. Whether that counts is decided when all are known.
    fn by_link(&mut self, identity: u32, row: u32, links: &[LinkRow<'_>]) -> Claim {
        match ownership::fits(self.basis, self.target, identity, row, links) {
            true => self.linked.fitting.push((identity, row)),
            false => self.linked.strange.push((identity, row)),
        }
        Claim::Owned(row)
    }

    /// One account is proved to be its own, unless it says otherwise.
    fn take(&mut self, identity: u32, key: &str, others: &[Arc<str>], row: u32) -> Claim {
        let accounts = self.basis.observed[self.target].accounts();
        let is_others = || accounts.marked_key(row).is_some_and(|marked| *marked != *key && !others.iter().any(|other| **other == *marked));
        let remembered = || ownership::remembered_key(self.basis, self.target, ObjectKind::Account, row);
        let is_own = |known: &str| *known == *key || others.iter().any(|other| **other == *known);
        if !accounts.is_marked(row, key) && is_others() && !remembered().is_some_and(is_own) {
            // The mark's owner is not touched by a link that is out of date.
            let sentence = "{who}: its link leads to an account with somebody else's marker";
            self.note(identity, &[row], FindingCode::AmbiguousCorrelation, sentence);
            self.claims.disputed.insert(row);
            return Claim::Blocked;
        }
        let trouble = match accounts.carries(row) {
            _ if accounts.doubtful(row) => {
                Some((FindingCode::AmbiguousCorrelation, "{who}: its account changed while it was read, so it is left alone"))
            }
            Carries::Foreign | Carries::OtherWorkspace => {
                Some((FindingCode::ForeignOwner, "{who}: its account carries a foreign mark, which is never overwritten"))
            }
            _ if self.claims.by_row[row as usize] != NOBODY => Some((FindingCode::DuplicateKey, TAKEN)),
            Carries::Nothing | Carries::Ours => None,
        };
        if let Some((code, sentence)) = trouble {
            self.block(identity, &[row], code, sentence);
            return Claim::Blocked;
        }
        self.claims.by_row[row as usize] = identity;
        Claim::Owned(row)
    }

    /// Attributes in order, each for everybody: one account, one claimant.
    fn by_attributes(&mut self, open: &[u32]) {
        let wanted = self.wanted(open);
        self.set_aside(&wanted);
        for (at, attribute) in self.basis.policy.targets[self.target].correlate.iter().enumerate() {
            let mut by_row: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
            let mut refusals = Vec::new();
            let mut foreign = Vec::new();
            for Wanted { identity, keys, .. } in wanted.iter().filter(|one| self.claims.of(one.identity) != Claim::Blocked) {
                match self.look(*identity, attribute, keys, at) {
                    Hit::Nothing => {}
                    Hit::Account(row) => {
                        by_row.entry(row).or_default().insert(*identity);
                    }
                    Hit::Foreign(row, sentence) => foreign.push((*identity, row, sentence)),
                    Hit::Refused(rows, code, sentence) => refusals.push((*identity, rows, code, sentence)),
                }
            }
            // After everybody was looked at, so that the order of identities does not matter.
            for (identity, rows, code, sentence) in refusals {
                self.refuse(identity, &rows, code, &sentence);
            }
            for (identity, row, sentence) in foreign {
                self.refuse(identity, &[], FindingCode::ForeignOwner, &sentence);
                // As long as nobody knows whose it is, no authoritative target may take it for an account that nobody declares.
                self.claims.contest(row, [identity]);
            }
            self.settle(by_row);
        }
        self.claims.open = wanted.iter().any(|one| match one.open {
            Open::No => false,
            Open::Some => self.claims.of(one.identity) == Claim::None,
            Open::All => true,
        });
        if self.claims.open {
            self.findings.rest_on_all("not all is known by which somebody's account would be found");
        }
    }

    /// An account that is only found by attributes is not found any more once headcount has taken its access: of somebody who starts later, or has left. What
    /// the rules for those who are nobody's would make of it, a deletion maybe, is not what was decided for them. Nor is an account nobody's that is as good as
    /// somebody's of whom it is not known where they stand, though they may not have it.
    fn set_aside(&mut self, wanted: &[Wanted]) {
        let Basis { policy, observed, .. } = self.basis;
        if policy.targets[self.target].ownership != Ownership::Authoritative {
            return;
        }
        let ours = |row: &u32| !observed[self.target].accounts().active(*row) && our_deactivation(self.basis, self.target, *row).is_some();
        let rows = wanted.iter().flat_map(|one| hits(self.basis, self.target, &one.keys).into_iter().map(|row| (row, one.stands)));
        self.claims.set_aside = rows.filter(|(row, stands)| !stands || ours(row)).map(|(row, _)| row).collect();
    }

    /// The accounts that one attribute of one identity hits.
    fn look(&self, identity: u32, attribute: &Arc<str>, keys: &[Vec<Vec<u8>>], at: usize) -> Hit {
        let accounts = self.basis.observed[self.target].accounts();
        let Some(values) = keys.get(at) else { return Hit::Nothing };
        let mut rows: Vec<u32> = values.iter().flat_map(|key| accounts.find_by(attribute, key)).collect();
        rows.sort_unstable();
        rows.dedup();
        rows.retain(|row| self.is_free(*row, identity, is_immutable(attribute)));
        match (rows.as_slice(), self.claims.row(identity)) {
            ([], _) => Hit::Nothing,
            ([row], _) if self.is_foreign(*row, keys) => {
                let sentence = format!("{{who}}: the account found by {attribute} carries a foreign mark, which is never overwritten");
                Hit::Foreign(*row, sentence)
            }
            ([row], None) => Hit::Account(*row),
            ([row], Some(known)) if *row == known => Hit::Nothing,
            ([row], Some(known)) => {
                let sentence = "{who}: its attributes lead to different accounts".into();
                Hit::Refused(vec![*row, known], FindingCode::AmbiguousCorrelation, sentence)
            }
            (several, _) => {
                let sentence = format!("{{who}}: several accounts have its {attribute}");
                Hit::Refused(several.to_vec(), FindingCode::AmbiguousCorrelation, sentence)
            }
        }
    }

    /// Whether an account may be found by an attribute at all.
    fn is_free(&self, row: u32, identity: u32, immutable: bool) -> bool {
        let accounts = self.basis.observed[self.target].accounts();
        let holder = self.claims.by_row[row as usize];
        if holder != NOBODY && holder != identity && holder != CONTESTED {
            return false;
        }
        let name = &self.basis.policy.targets[self.target].name;
        let linked = self.basis.world.recall.key_of(name, ObjectKind::Account, &accounts.id(row)).is_some();
        // A protected account is nobody's.
        !self.basis.is_protected(self.target, row)
            && accounts.carries(row) != Carries::Ours
            && !linked
            && (immutable || accounts.active(row) || self.left_without_access(row, identity))
    }

    /// Whether headcount is why an account of this identity has no access: it was cut off, or about to be made so.
    fn left_without_access(&self, row: u32, identity: u32) -> bool {
        let key = self.basis.people.key(identity);
        was_cut_off(self.basis, self.target, row, &key) || rested(self.basis, self.target, &key).is_some()
    }

    /// Whether it carries a mark that is not ours. Where a rule maps the mark's attribute itself, another value than the rule's is foreign.
    fn is_foreign(&self, row: u32, keys: &[Vec<Vec<u8>>]) -> bool {
        let accounts = self.basis.observed[self.target].accounts();
        if matches!(accounts.carries(row), Carries::Foreign | Carries::OtherWorkspace) || accounts.doubtful(row) {
            return true;
        }
        let attributes = &self.basis.policy.targets[self.target].correlate;
        let Some(at) = attributes.iter().position(|name| name.as_ref() == "externalId") else { return false };
        let external = accounts.cell_of(row, "externalId");
        let Some(wanted) = keys.get(at).filter(|wanted| !wanted.is_empty()) else { return false };
        !canonical::is_nothing(external) && !wanted.contains(&canonical::bytes(kind_of("externalId"), Input::Cell(external)))
    }

    /// Everybody who alone wants an account gets it; where several do, nobody does.
    fn settle(&mut self, by_row: BTreeMap<u32, BTreeSet<u32>>) {
        for (row, identities) in by_row {
            let free = self.claims.by_row[row as usize] == NOBODY;
            match identities.first() {
                Some(identity) if identities.len() == 1 && free => {
                    if self.claims.of(*identity) == Claim::None {
                        self.claims.by_identity[*identity as usize] = Claim::Found(row);
                        self.claims.by_row[row as usize] = *identity;
                    }
                }
                _ => {
                    for identity in identities {
                        self.refuse(identity, &[row], FindingCode::DuplicateKey, "{who} claim one account, so none of them gets it");
                    }
                }
            }
        }
    }

    fn refuse(&mut self, identity: u32, rows: &[u32], code: FindingCode, sentence: &str) {
        self.block(identity, rows, code, sentence);
        self.claims.by_identity[identity as usize] = Claim::Blocked;
    }

    /// A finding, and nobody else gets these accounts either.
    fn block(&mut self, identity: u32, rows: &[u32], code: FindingCode, sentence: &str) {
        for row in rows {
            let holder = self.claims.by_row[*row as usize];
            self.claims.contest(*row, [identity].into_iter().chain(Some(holder).filter(|holder| *holder < CONTESTED)));
            if holder < CONTESTED && holder != identity {
                self.claims.by_identity[holder as usize] = Claim::Blocked;
                self.note(holder, &[*row], FindingCode::DuplicateKey, TAKEN);
            }
        }
        self.note(identity, rows, code, sentence);
    }

    fn note(&mut self, identity: u32, rows: &[u32], code: FindingCode, sentence: &str) {
        let hint = "Put it right at the target or in the source; until then this identity is left as it is.";
        self.say(identity, rows, Severity::Error, code, (sentence, hint));
    }

    fn say(&mut self, identity: u32, rows: &[u32], severity: Severity, code: FindingCode, (sentence, hint): (&str, &str)) {
        let name = &self.basis.policy.targets[self.target].name;
        let accounts = self.basis.observed[self.target].accounts();
        let mut ids: Vec<_> = rows.iter().map(|row| accounts.id(*row)).collect();
        ids.sort_unstable();
        let sentence = if ids.is_empty() { sentence.to_owned() } else { format!("{sentence} ({})", ids.join(", ")) };
        self.findings.share(Shared::new(severity, code, Some(name), sentence).hint(hint), &self.basis.people.key(identity));
    }

    /// For each identity without an account: the canonical values of each attribute that accounts are found by. Of whom it is not known where they stand, the
    /// account is theirs all the same, by each of the records that have their key: nobody else gets it, and it is no stranger's.
    fn wanted(&self, open: &[u32]) -> Vec<Wanted> {
        if self.basis.observed[self.target].accounts().len() == 0 {
            return Vec::new();
        }
        let mut person = Person::default();
        let wanted = open.iter().map(|identity| {
            self.basis.people.values_where_open(&self.basis.layout, *identity, &mut person);
            let values = values(self.basis, self.target, &person);
            let open = match person.standing {
                Standing::DuplicateKey => Open::All,
                _ if values.iter().any(|(_, state)| *state == ValueState::Unknown) => Open::Some,
                _ => Open::No,
            };
            let stands = person.standing.lifecycle().is_some();
            let mut keys = keys_of(&values);
            if !stands {
                self.basis.people.by_twins(&self.basis.layout, *identity, &mut person, |twin| {
                    let of_twin = search::keys(self.basis, self.target, twin);
                    keys.iter_mut().zip(of_twin).for_each(|(keys, more)| keys.extend(more));
                });
            }
            Wanted { identity: *identity, keys, stands, open }
        });
        wanted.collect()
    }
}
