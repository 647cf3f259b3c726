//! RFC 3261 as values.
