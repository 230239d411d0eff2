//! Runs a plan. Decides nothing: order, retries, rate, permits and the journal, no more.
//!
//! Must never: change what a change says, or drop a request that was sent.
