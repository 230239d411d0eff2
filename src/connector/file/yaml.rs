//! YAML documents: a list of records, small enough that a person keeps it.
//!
//! Must never: expand aliases without a bound, or take `no` for false and `0755` for a number.

use std::cell::Cell;

use serde::de::DeserializeSeed;

use super::input::Input;
use super::json::{List, finish};
use super::rows::{Rows, Stop};
use crate::connector::pack::Packer;

const MAX_BYTES: usize = 128 << 20;
const MAX_NODES: usize = 10_000_000;
/// What aliases may add; files of records hardly use them.
const MAX_REPLAYED: usize = 100_000;

/// Reads one document, record by record.
pub(super) fn read(input: Input, pointer: &[String], rows: &mut Rows<'_>) -> Result<(), Stop> {
    let mut packer = Packer::new(rows.page.columns());
    let mut stop = None;
    let read = serde_yaml::with_deserializer_from_reader_with_options(input, options(), |yaml| {
        List { pointer, packer: &mut packer, rows, stop: &mut stop, since: &Cell::new(0) }.deserialize(yaml)
    });
    finish(read.map_err(|error| one_line(&error.to_string())), stop, pointer)
}

fn options() -> serde_yaml::Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_reader_input_bytes: Some(MAX_BYTES),
            max_nodes: MAX_NODES,
            max_events: 2 * MAX_NODES,
            max_total_scalar_bytes: MAX_BYTES,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: MAX_REPLAYED },
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    }
}

fn one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
