//! Accounts that protection covers: no plan may touch them.
//!
//! Must never: leave one out because a rule could not be worked out.

use std::collections::BTreeSet;

use crate::planning::targets::observed::ObjectView;
use crate::policy::ProtectionPolicy;
use crate::world::{Bound, Truth};

/// Accounts that protection covers: by user name, or by a rule, or because a rule could not be worked out.
pub(in crate::planning) fn rows(protect: &ProtectionPolicy, accounts: ObjectView<'_>) -> BTreeSet<u32> {
    let named = protect.accounts.iter().flat_map(|name| accounts.find_by("userName", name.to_lowercase().as_bytes()));
    let mut rows: BTreeSet<u32> = named.collect();
    for rule in protect.rules.iter().map(|rule| Bound::to_columns(rule, accounts.columns())) {
        rows.extend((0..accounts.len()).filter(|row| rule.holds_for_cells(&accounts.cells(*row)) != Truth::No));
    }
    rows
}
