//! Reviews by hand: what a reviewer meets, from nothing at all to two thousand changes.
