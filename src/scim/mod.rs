//! SCIM 2.0 on the wire (RFC 7643, RFC 7644): resources, attribute paths, filters, patch operations.
//!
//! Must never: do I/O, or build a filter by joining strings.
