//! Why: the full provenance of a change or of an identity, worked out again when somebody asks.
//!
//! Must never: cost anything when nobody asks, or decide anything. The plan is the truth; this says where it comes from.

mod account;
mod answer;
mod entitlement;
mod exercise;
mod group;
mod inventory;
mod line;
mod members;
mod origins;
mod person;
mod records;
mod register;
#[cfg(test)]
mod tests;
mod told;
mod whose;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

pub use answer::{GroupAnswer, PersonAnswer};
pub use exercise::{Heard, Values, WouldHave};
pub use inventory::{GroupStands, HeldAccount, Inventory, ListedAccount, ListedGroup, ListedPerson, ListedTarget};
use jiff::civil::Date;
pub use members::{GroupAt, GroupExplanation, GroupRoster, Stands};
pub use origins::Origins;
pub use register::{AccountNames, NameRegister, RegisteredPerson};
use serde::Serialize;
pub use told::names_at;
pub use whose::{AccountExplanation, NoAccount, Whose};

use crate::diagnostic::Place;
use crate::model::{Action, Change, ObjectKind, Reason, Value, ValueState};
use crate::planning::basis::Basis;
use crate::planning::groups::resolve;
use crate::planning::groups::resolve::ResolvedGroups;
use crate::planning::people::days::Days;
use crate::planning::people::person::Person;
use crate::planning::question::{Answer, Lookup, Moment, Scope};
use crate::planning::schema::values::Reads;
use crate::planning::targets::alone::alone;
use crate::planning::targets::claims::{Claim, Matched};
use crate::planning::targets::matched::match_accounts;
use crate::policy::Policy;
use crate::world::{Bound, Truth, World};

/// One reason: in words, and where a manifest says it, the line, the expression and what its parts came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Because {
    /// one sentence
    pub words: String,
    /// the manifest line
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// the expression there
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// what its parts came to
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<Part>,
    /// whether it speaks for what is explained; none: neither for nor against
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
    /// what would turn it round: `identity.department were "Sales" (it is "Support")`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
}

/// One part of an expression and what it came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// as it is written
    pub expression: String,
    /// its value, as text
    pub value: String,
}

/// What is known of an attribute, to be shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum KnownValue {
    /// it is this
    Set(Value),
    /// it is something that is never shown
    Hidden,
    /// it is to be empty
    Cleared,
    /// nobody says anything about it
    Unmanaged,
    /// it could not be worked out
    Unknown,
}

/// A record or a User manifest behind an identity.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityRecord {
    /// the Source's name, or `user`
    pub source: Arc<str>,
    /// the record's key, or the User's name; none where it can't be told which record it is
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Arc<str>>,
    /// how it was found to be this identity's, or why that can't be told; none for the record that makes it exist
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// the Source's or User's document
    pub place: Place,
}

/// What one source or User says about an attribute.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Claimed {
    /// `hr/10023`, `user/jane`
    pub by: String,
    /// the higher wins
    pub precedence: i32,
    /// what it says
    pub says: KnownValue,
    /// by which rule
    pub because: Because,
}

/// One attribute of an identity.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttributeWhy {
    /// SCIM's name, dotted
    pub attribute: Arc<str>,
    /// what it is
    pub is: KnownValue,
    /// who says so
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<Claimed>,
    /// who else said something, and was outranked
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outranked: Vec<Claimed>,
}

/// One attribute of an account.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountAttribute {
    /// SCIM's name, dotted
    pub attribute: Arc<str>,
    /// what it should be; a unique name may get a number behind it
    pub should_be: KnownValue,
    /// by which rule of the target
    pub because: Because,
    /// the identity's attributes that the rule reads
    pub from: Vec<AttributeWhy>,
}

/// Whether somebody belongs to a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipWhy {
    /// the group's key
    pub group: Arc<str>,
    /// the member's key
    pub member: Arc<str>,
    /// none: it can't be told, and what is observed stays
    pub belongs: Option<bool>,
    /// for each way into the group, whether it is open
    pub because: Vec<Because>,
}

/// Whether somebody is to have an entitlement.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntitlementWhy {
    /// the Target's name
    pub target: Arc<str>,
    /// its name there
    pub entitlement: Arc<str>,
    /// the manifest: `entitlement/card`
    pub key: Arc<str>,
    /// none: it can't be told, and what is observed stays
    pub has: Option<bool>,
    /// each way to it and whether it is open, and what ends it
    pub because: Vec<Because>,
    /// what it is to hold
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<AccountAttribute>,
}

/// An account that an identity has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountWhy {
    /// the target's id
    pub id: Arc<str>,
    /// whether it has access
    pub active: bool,
    /// how it was found
    pub found: String,
    /// who took the access, and what becomes of the account
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
}

/// What a target is to an identity.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetWhy {
    /// the Target's name
    pub target: Arc<str>,
    /// whether it serves the identity; none: that could not be worked out, and everything stays
    pub serves: Option<bool>,
    /// why, or why not
    pub because: Vec<Because>,
    /// the account there
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountWhy>,
    /// its accounts were not read to their end: one that is not here may be there all the same
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
    /// ids of accounts that are remembered, and that the list does not show
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unlisted: Vec<Arc<str>>,
    /// what the account should have
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AccountAttribute>,
}

/// Everything about one identity.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// its key
    pub identity: Arc<str>,
    /// what it comes from
    pub behind: Vec<IdentityRecord>,
    /// `pre-hire`, `active`, `suspended`, `leaver`; none: left out, or not known
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<String>,
    /// the last day, where a source or a User names one
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Date>,
    /// why it stands there
    pub standing: Vec<Because>,
    /// its attributes, sorted by name
    pub attributes: Vec<AttributeWhy>,
    /// its targets, by name
    pub targets: Vec<TargetWhy>,
    /// the groups, by key
    pub groups: Vec<MembershipWhy>,
    /// the entitlements, by manifest
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entitlements: Vec<EntitlementWhy>,
}

/// Where one change comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// the Target's name
    pub target: Arc<str>,
    /// the object's key
    pub key: Arc<str>,
    /// as the change says it
    pub reason: Reason,
    /// what the identity comes from
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<IdentityRecord>,
    /// what brought the change about
    pub because: Vec<Because>,
    /// for each attribute that changes
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AccountAttribute>,
    /// for each member that comes or goes
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MembershipWhy>,
}

/// Answers any number of questions about one world.
pub struct Provenance<'a> {
    basis: Basis<'a>,
    /// whose each account is: of everybody at once, so for the first question that needs it
    matched: OnceLock<Matched>,
    /// which object each group is
    resolved: OnceLock<Vec<ResolvedGroups>>,
    /// everybody, by key
    by_key: OnceLock<Vec<u32>>,
}

impl<'a> Provenance<'a> {
    /// Over the same policy, world and moment that were planned.
    pub fn new(policy: &'a Policy, world: &'a World, moment: Moment) -> Self {
        Self::answered(policy, world, &[], moment)
    }

    /// The same with what was looked up.
    pub fn answered(policy: &'a Policy, world: &'a World, answers: &[(Lookup, Answer)], moment: Moment) -> Self {
        Self {
            basis: Basis::new(policy, world, answers, moment),
            matched: OnceLock::new(),
            resolved: OnceLock::new(),
            by_key: OnceLock::new(),
        }
    }

    /// The keys of the identities that a person may mean: a key, a record's key, a User's name, a user name or an e-mail address.
    pub fn find(&self, text: &str) -> Vec<Arc<str>> {
        person::find(&self.basis, text)
    }

    /// What people call an identity: its user name or, without one, what it is displayed as.
    pub fn name(&self, key: &str) -> Option<String> {
        let [name, ..] = self.card(key)?;
        name.map(|name| name.to_string())
    }

    /// What an identity is displayed as or, where nobody says, its user name.
    pub fn displayed(&self, key: &str) -> Option<String> {
        let person = self.assemble(key)?;
        let said = |attribute: &str| self.public(&person, attribute);
        said("displayName").or_else(|| said("userName")).map(|name| name.to_string())
    }

    /// What everybody may know of an identity: what people call it, its title and its department.
    pub fn card(&self, key: &str) -> Option<[Option<Arc<str>>; 3]> {
        let person = self.assemble(key)?;
        let said = |attribute: &str| self.public(&person, attribute);
        Some([said("userName").or_else(|| said("displayName")), said("title"), said("department")])
    }

    /// A text that is set, and that everybody may know.
    fn public(&self, person: &Person<'_>, attribute: &str) -> Option<Arc<str>> {
        let slot = self.basis.layout.slots.iter().position(|slot| slot.name.as_ref() == attribute)?;
        match person.slots.get(slot)?.state() {
            ValueState::Set(value) if !self.basis.policy.is_sensitive(attribute) => value.as_text().map(Arc::from),
            _ => None,
        }
    }

    /// The identity's key that comes nearest to one that nobody has.
    pub fn nearest(&self, key: &str) -> Option<Arc<str>> {
        crate::planning::revocation::words::near(&self.basis, key)
    }

    /// Where a change comes from.
    pub fn why(&self, change: &Change) -> Why {
        if change.mandate.is_revocation() {
            return self.why_revoked(change);
        }
        match change.object.kind {
            ObjectKind::Account | ObjectKind::Entitlement => self.why_account(change),
            ObjectKind::Group | ObjectKind::Membership => group::why(&self.basis, change),
        }
    }

    /// Everything about an identity, at one target or at all; nothing where there is no such identity.
    pub fn explain(&self, key: &str, target: Option<&str>) -> Option<Explanation> {
        let person = self.assemble(key)?;
        let basis = &self.basis;
        let named = |at: &usize| target.is_none_or(|name| basis.policy.targets[*at].name.as_ref() == name);
        let targets = (0..basis.policy.targets.len()).filter(named).map(|at| account::target(basis, self.claim(at, &person), at, &person));
        Some(Explanation {
            identity: Arc::from(person.key.as_str()),
            behind: records::behind(basis, &person),
            lifecycle: person.standing.lifecycle().map(|lifecycle| crate::planning::people::standing::word(lifecycle).into()),
            last_day: Days::of(&basis.layout, &person).end,
            standing: person::standing(basis, &person),
            attributes: person::attributes(basis, &person),
            targets: targets.collect(),
            groups: group::of(basis, &person),
            entitlements: entitlement::of(basis, &person, named),
        })
    }

    /// Whether a group is declared by this key.
    pub fn has_group(&self, key: &str) -> bool {
        self.basis.groups.find(key).is_some()
    }

    /// The groups that a `forEach` makes, with what they are displayed as; nothing where the key is not that of its Group.
    pub fn made_by(&self, key: &str) -> Option<Vec<(Arc<str>, Arc<str>)>> {
        let declared = self.basis.policy.groups.iter().any(|group| group.for_each.is_some() && *group.key == *key);
        let made = self.basis.groups.made(key).filter(|_| declared)?;
        let groups = made.groups.iter().filter_map(|at| self.basis.groups.all.get(*at));
        Some(groups.map(|group| (group.key.clone(), group.display_name.clone())).collect())
    }

    /// Everything about a group by its key, at one target or at all; nothing where none is declared so.
    pub fn explain_group(&self, key: &str, target: Option<&str>) -> Option<GroupExplanation> {
        let roster = self.roster(key)?;
        self.explain_members(key, target, &roster, 0..usize::MAX)
    }

    /// Who is in a group and who is kept out of it; nothing where none is declared by this key.
    pub fn roster(&self, key: &str) -> Option<GroupRoster> {
        self.basis.groups.find(key).map(|at| members::roster(&self.basis, at, self.by_key()))
    }

    /// Everything about a group, and of its members those of a page: what everybody's reasons are takes long where there are many.
    pub fn explain_members(&self, key: &str, target: Option<&str>, roster: &GroupRoster, shown: Range<usize>) -> Option<GroupExplanation> {
        let at = self.basis.groups.find(key)?;
        Some(members::explain(&self.basis, at, members::targets(&self.basis, self.resolved(), at, target), roster, shown))
    }

    /// Whose an account of a target is: the one with this id, else the only one of this name.
    pub fn explain_account(&self, target: &str, text: &str) -> Result<AccountExplanation, NoAccount> {
        whose::explain(&self.basis, target, text)
    }

    /// Who has what, as it was read.
    pub fn inventory(&self) -> Inventory {
        inventory::list(&self.basis, self.matched(), self.resolved())
    }

    /// Whose each account is, and which object each group is: whoever asks about people next finds it known.
    pub fn settle(&self) {
        self.resolved();
    }

    /// Everybody by their names.
    pub fn register(&self) -> NameRegister {
        register::register(&self.basis)
    }

    /// What the accounts of everybody are called, where that is another name.
    pub fn account_names(&self) -> AccountNames {
        register::account_names(&self.basis, self.matched())
    }

    /// What a list tells of somebody in the register.
    pub fn registered(&self, number: u32) -> RegisteredPerson {
        register::person(&self.basis, number, |target, person| self.claim(target, person).row())
    }

    /// Declared groups, by key and what they are displayed as, those that a `forEach` makes among them.
    pub fn groups(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.basis.groups.all.iter().map(|group| (&group.key, &group.display_name))
    }

    /// Everybody, by key.
    pub fn by_key(&self) -> &[u32] {
        self.by_key.get_or_init(|| {
            let mut people: Vec<u32> = (0..self.basis.people.len()).collect();
            people.sort_by_cached_key(|number| self.basis.people.key(*number));
            people
        })
    }

    /// The document or the command that cuts off the account, or each member.
    fn why_revoked(&self, change: &Change) -> Why {
        let members = change.members.iter().map(|member| &member.member.key);
        let keys = members.chain(change.members.is_empty().then_some(&change.object.key));
        let because = keys.flat_map(|key| account::revoked(&self.basis, key)).collect();
        let (target, key, reason) = (change.target.clone(), change.object.key.clone(), change.reason);
        Why { target, key, reason, behind: Vec::new(), because, attributes: Vec::new(), members: Vec::new() }
    }

    fn why_account(&self, change: &Change) -> Why {
        let basis = &self.basis;
        let target = basis.policy.targets.iter().position(|target| target.name == change.target);
        let person = self.assemble(&change.object.key);
        let (behind, because, attributes) = match (&person, target) {
            (Some(person), _) if change.entitlement.is_some() => {
                let (because, parameters) = entitlement::behind(basis, change, person);
                (records::behind(basis, person), because, parameters)
            }
            (Some(person), Some(target)) => {
                let changed = |name: &Arc<str>| change.attributes.iter().any(|attribute| attribute.attribute == *name);
                let attributes =
                    if change.action == Action::Delete { Vec::new() } else { account::attributes(basis, target, person, changed) };
                (records::behind(basis, person), account::eligible(basis, target, person).1, attributes)
            }
            _ => (Vec::new(), vec![account::nobody(basis, &change.object.key)], Vec::new()),
        };
        let reason = change.reason;
        Why { target: change.target.clone(), key: change.object.key.clone(), reason, behind, because, attributes, members: Vec::new() }
    }

    fn assemble(&self, key: &str) -> Option<Person<'a>> {
        let number = self.basis.people.find(key)?;
        let mut person = Person::default();
        self.basis.people.assemble(&self.basis.layout, number, &mut person);
        Some(person)
    }

    fn matched(&self) -> &Matched {
        self.matched.get_or_init(|| match_accounts(&self.basis, Scope::All).0)
    }

    fn resolved(&self) -> &[ResolvedGroups] {
        self.resolved.get_or_init(|| resolve(&self.basis, self.matched()).0)
    }

    /// What somebody has at a target: where it is known of everybody that, else by their own rows as far as those tell.
    fn claim(&self, target: usize, person: &Person<'_>) -> Claim {
        let of_all = |matched: &Matched| matched.claims.get(target).map_or(Claim::None, |claims| claims.of(person.number));
        match self.matched.get() {
            Some(matched) => of_all(matched),
            None => alone(&self.basis, target, person).unwrap_or_else(|| of_all(self.matched())),
        }
    }
}

impl Because {
    fn words(words: impl Into<String>) -> Self {
        Self { words: words.into(), place: None, expression: None, trace: Vec::new(), holds: None, unless: None }
    }

    fn at(mut self, place: Option<&Place>) -> Self {
        self.place = place.cloned();
        self
    }

    /// An expression over what it read.
    fn expression(words: impl Into<String>, bound: &Bound, reads: &(impl Reads + ?Sized)) -> Self {
        let expression = bound.expression();
        let trace = bound.trace(|position| reads.input(position).unwrap_or(crate::expr::Input::Cell(crate::model::Cell::Missing)));
        Self {
            words: words.into(),
            place: expression.place().cloned(),
            expression: Some(expression.text().to_owned()),
            trace: trace.into_iter().map(|(expression, value)| Part { expression, value }).collect(),
            holds: None,
            unless: None,
        }
    }

    /// Whether it speaks for what is explained.
    fn holding(self, holds: Option<bool>) -> Self {
        Self { holds, ..self }
    }

    /// A condition over what it read, and what would turn it round.
    fn condition(words: impl Into<String>, bound: &Bound, reads: &(impl Reads + ?Sized)) -> Self {
        let missing = crate::expr::Input::Cell(crate::model::Cell::Missing);
        let unless = bound.counterfactual(|position| reads.input(position).unwrap_or(missing));
        let holds = match reads.holds(bound) {
            Truth::Yes => Some(true),
            Truth::No => Some(false),
            Truth::Unknown(_) => None,
        };
        Self { holds, unless, ..Self::expression(words, bound, reads) }
    }
}

impl KnownValue {
    /// Without the value where that is a secret.
    fn hidden(self, secret: bool) -> Self {
        match self {
            Self::Set(_) if secret => Self::Hidden,
            known => known,
        }
    }
}

impl From<ValueState> for KnownValue {
    fn from(state: ValueState) -> Self {
        match state {
            ValueState::Set(value) => Self::Set(value),
            ValueState::Clear => Self::Cleared,
            ValueState::Unmanaged => Self::Unmanaged,
            ValueState::Unknown => Self::Unknown,
        }
    }
}
