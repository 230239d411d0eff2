//! Whether a target serves an identity, and if not, why not.
//!
//! Must never: take a condition that could not be worked out for one that does not hold.

use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;

use crate::manifest::kinds::Lifecycle;
use crate::model::Reason;
use crate::planning::basis::Basis;
use crate::planning::draft::Grounds;
use crate::planning::people::days::Days;
use crate::planning::people::person::Person;
use crate::planning::people::standing::Standing;
use crate::policy::{DeprovisionPolicy, PreHirePolicy, TargetPolicy};
use crate::world::Truth;

/// What a target is to an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Serve {
    /// it gets an account
    Yes,
    /// it gets one ahead of its start date, without access
    Early,
    /// it gets none (any more)
    No(NotServed),
    /// that could not be worked out: everything stays as it is
    Unknown(Arc<str>),
}

/// Why somebody gets no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::planning) enum NotServed {
    /// a source says that the person has left
    Leaver,
    /// the person is on leave
    Suspended,
    /// no rule or scope covers the identity
    Deselected,
    /// the start date is too far ahead
    TooEarly,
    /// the record is gone
    Absent,
    /// nobody declares the account, and the target is authoritative
    Pruned,
}

/// Whether a target serves an identity.
pub(in crate::planning) fn serve(basis: &Basis<'_>, target: usize, person: &Person) -> Serve {
    let layout = &basis.layout.targets[target];
    let rules = &basis.policy.targets[target];
    let lifecycle = match &person.standing {
        Standing::Is(lifecycle) => *lifecycle,
        Standing::Deselected => return Serve::No(NotServed::Deselected),
        Standing::DuplicateKey => return Serve::Unknown("two records have its key".into()),
        Standing::Unknown(words) => return Serve::Unknown(words.clone()),
        Standing::Doubtful(doubt) => return Serve::Unknown(doubt.words.clone()),
    };
    let ahead = rules.pre_hire.filter(|_| lifecycle == Lifecycle::PreHire);
    if !covers(basis, target, person, lifecycle) {
        return Serve::No(match lifecycle {
            Lifecycle::Leaver => NotServed::Leaver,
            Lifecycle::Suspended => NotServed::Suspended,
            Lifecycle::PreHire => NotServed::TooEarly,
            Lifecycle::Active => NotServed::Deselected,
        });
    }
    let rests = ahead.is_some_and(|ahead| !ahead.active) && !person.declared_active;
    match layout.select.as_ref().map(|select| person.holds(select)) {
        None | Some(Truth::Yes) if rests => Serve::Early,
        None | Some(Truth::Yes) => Serve::Yes,
        Some(Truth::No) => Serve::No(NotServed::Deselected),
        Some(Truth::Unknown(words)) => Serve::Unknown(format!("the target's select: {words}").into()),
    }
}

/// Whether it is the target's `select` that leaves somebody out.
pub(in crate::planning) fn is_by_select(basis: &Basis<'_>, target: usize, person: &Person) -> bool {
    let select = basis.layout.targets[target].select.as_ref();
    select.is_some() && person.standing.lifecycle().is_some_and(|lifecycle| covers(basis, target, person, lifecycle))
}

/// Whether a target has accounts for people who stand there: of those who start later, today already.
pub(in crate::planning) fn covers(basis: &Basis<'_>, target: usize, person: &Person, lifecycle: Lifecycle) -> bool {
    match basis.policy.targets[target].pre_hire.filter(|_| lifecycle == Lifecycle::PreHire) {
        Some(ahead) => account_day(ahead, Days::of(&basis.layout, person).start).is_none_or(|day| day <= basis.moment.today),
        None => basis.layout.targets[target].lifecycles.contains(&lifecycle),
    }
}

/// The day on which an account is made ahead of a start date; none where that is as soon as the start is known.
pub(in crate::planning) fn account_day(ahead: PreHirePolicy, start: Option<Date>) -> Option<Date> {
    start?.checked_sub(ahead.before?.days()).ok()
}

impl NotServed {
    /// What becomes of the account.
    pub(in crate::planning) fn deprovision(self, policy: &TargetPolicy) -> DeprovisionPolicy {
        match self {
            Self::Leaver => policy.leaver.clone(),
            Self::Suspended => policy.suspended.clone(),
            Self::Deselected => policy.deselected.clone(),
            // A start that was put off is no end: the account waits without access.
            Self::TooEarly => DeprovisionPolicy::DEACTIVATE,
            Self::Absent | Self::Pruned => policy.absent.clone(),
        }
    }

    /// On what grounds the account goes.
    pub(in crate::planning) fn grounds(self) -> Grounds {
        match self {
            Self::Leaver => Grounds::LEAVER,
            Self::Suspended => Grounds::normal(Reason::Suspended),
            Self::Deselected => Grounds::DESELECTION,
            Self::TooEarly => Grounds::normal(Reason::Mover),
            Self::Absent => Grounds::ABSENCE,
            Self::Pruned => Grounds::PRUNING,
        }
    }
}
