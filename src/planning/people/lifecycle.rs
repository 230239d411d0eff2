//! Where an identity stands: from its source's status rules, and from startDate and endDate, both inclusive.
//!
//! Must never: read a clock, or take a date it can't read for one in the past.

use std::sync::Arc;

use jiff::civil::Date;

use crate::manifest::kinds::Lifecycle;
use crate::model::{Cell, Value, ValueState};
use crate::planning::people::contradiction;
use crate::planning::people::identity::Person;
use crate::planning::question::Moment;
use crate::planning::schema::doubt::Doubt;
use crate::planning::schema::layout::Layout;
use crate::planning::schema::values::Held;
use crate::world::{Bound, Truth};

/// Where somebody stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::planning) enum Standing {
    /// as the sources say
    Is(Lifecycle),
    /// a source's scope or an `exclude` leaves it out
    #[default]
    Deselected,
    /// two records have its key
    DuplicateKey,
    /// it could not be worked out
    Unknown(Arc<str>),
    /// what is said contradicts itself, or is likely to be about somebody else
    Doubtful(Arc<Doubt>),
}

impl Standing {
    /// The lifecycle, where it is known.
    pub(in crate::planning) fn lifecycle(&self) -> Option<Lifecycle> {
        match self {
            Self::Is(lifecycle) => Some(*lifecycle),
            _ => None,
        }
    }
}

/// As it is written in manifests.
pub(in crate::planning) fn word(lifecycle: Lifecycle) -> &'static str {
    match lifecycle {
        Lifecycle::PreHire => "pre-hire",
        Lifecycle::Active => "active",
        Lifecycle::Suspended => "suspended",
        Lifecycle::Leaver => "leaver",
    }
}

/// The first and the last day, where somebody says them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::planning) struct Days {
    pub(in crate::planning) start: Option<Date>,
    pub(in crate::planning) end: Option<Date>,
}

impl Days {
    /// Whether the last lies before the first.
    pub(in crate::planning) fn contradict(self) -> bool {
        self.start.zip(self.end).is_some_and(|(start, end)| end < start)
    }

    /// Of somebody who was assembled.
    pub(in crate::planning) fn of(layout: &Layout<'_>, person: &Person) -> Self {
        let known = |slot, name| day(person, slot, name).ok().flatten();
        Self { start: known(layout.start, "startDate"), end: known(layout.end, "endDate") }
    }
}

/// Works it out. A leaver's status wins, then a start in the future, then an end in the past, then suspension. Days that contradict each other are unknown.
/// `shared`: last days that nearly everybody of a source has.
pub(in crate::planning) fn standing(
    layout: &Layout<'_>,
    own: Option<(usize, &[Cell<'_>])>,
    person: &Person,
    moment: Moment,
    shared: &[Date],
) -> Standing {
    let conditions = own.map(|(source, cells)| (&layout.sources[source], cells));
    let holds = |bound: Option<&Bound>, cells| bound.map_or(Truth::No, |bound| bound.holds_for_cells(cells));
    let status = |pick: fn(&crate::planning::schema::layout::SourceLayout) -> Option<&Bound>| {
        conditions.map_or(Truth::No, |(source, cells)| holds(pick(source), cells))
    };
    if let Some((source, cells)) = conditions
        && let Some(doubt) =
            source.filter.iter().chain(&source.leaver).chain(&source.suspended).find_map(|bound| source.doubt(bound, cells))
    {
        return Standing::Doubtful(Arc::new(doubt));
    }
    match status(|source| source.leaver.as_ref()) {
        Truth::Yes => return Standing::Is(Lifecycle::Leaver),
        Truth::No => {}
        Truth::Unknown(words) => return Standing::Unknown(format!("its leaver condition failed: {words}").into()),
    }
    let days = match (day(person, layout.start, "startDate"), day(person, layout.end, "endDate")) {
        (Err(words), _) | (_, Err(words)) => return Standing::Unknown(words),
        (Ok(start), Ok(end)) => Days { start, end },
    };
    if let Some(doubt) = contradiction::of_days(days, shared, moment) {
        return Standing::Doubtful(Arc::new(doubt));
    }
    match (days.start, days.end) {
        (Some(start), _) if start > moment.today => return Standing::Is(Lifecycle::PreHire),
        (_, Some(end)) if end < moment.today => return Standing::Is(Lifecycle::Leaver),
        _ => {}
    }
    match status(|source| source.suspended.as_ref()) {
        Truth::Yes => Standing::Is(Lifecycle::Suspended),
        Truth::No => Standing::Is(Lifecycle::Active),
        Truth::Unknown(words) => Standing::Unknown(format!("its suspended condition failed: {words}").into()),
    }
}

fn day(person: &Person, slot: usize, name: &str) -> Result<Option<Date>, Arc<str>> {
    match &person.slots[slot] {
        Held::State(ValueState::Unmanaged | ValueState::Clear) => Ok(None),
        Held::State(ValueState::Unknown) => Err(format!("its {name} is not known").into()),
        Held::Cell(Cell::Text(text)) => parse(text).map(Some).ok_or_else(|| format!("its {name} is no ISO date").into()),
        Held::State(ValueState::Set(Value::Text(text))) => parse(text).map(Some).ok_or_else(|| format!("its {name} is no ISO date").into()),
        Held::Cell(_) | Held::State(ValueState::Set(_)) => Err(format!("its {name} is no ISO date").into()),
    }
}

/// The day of an ISO date, or of one with time.
pub(in crate::planning) fn parse(text: &str) -> Option<Date> {
    let text = text.trim();
    let date = match text.as_bytes().get(10) {
        None => text,
        Some(b'T' | b' ') => text.get(..10)?,
        Some(_) => return None,
    };
    date.parse().ok()
}

/// The lifecycles that a rule covers.
pub(in crate::planning) fn lifecycles(said: &[Lifecycle]) -> &[Lifecycle] {
    if said.is_empty() { &[Lifecycle::Active] } else { said }
}

/// [`Standing`] in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Where {
    /// as the sources say
    Is(Lifecycle),
    /// left out
    Deselected,
    /// not known
    Unknown,
}

impl Where {
    /// Of somebody who was assembled.
    pub(in crate::planning) fn of(standing: &Standing) -> Self {
        match standing {
            Standing::Is(lifecycle) => Self::Is(*lifecycle),
            Standing::Deselected => Self::Deselected,
            Standing::DuplicateKey | Standing::Unknown(_) | Standing::Doubtful(_) => Self::Unknown,
        }
    }
}
