//! Where an identity stands: from its source's status rules, and from startDate and endDate, both inclusive.
//!
//! Must never: read a clock, or take a date it can't read for one in the past.

use std::sync::Arc;

use jiff::civil::Date;

use crate::manifest::kinds::Lifecycle;
use crate::model::Cell;
use crate::planning::people::contradiction;
use crate::planning::people::days::Days;
use crate::planning::people::days::day;
use crate::planning::people::person::Person;
use crate::planning::people::standing::Standing;
use crate::planning::question::Moment;
use crate::planning::schema::layout::Layout;
use crate::world::{Bound, Truth};

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
    let holds = |bound: Option<&Bound>, cells| bound.map_or(Truth::No, |bound| bound.proves_for_cells(cells));
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
