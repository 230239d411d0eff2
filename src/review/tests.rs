//! Two plans by hand, and what a reviewer is told of the difference.
