//! The one place where the stages meet: read, survey, fetch, plan, apply.
//!
//! Must never: decide about a change.
