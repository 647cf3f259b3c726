//! The bindings of one address of record (RFC 3261 §10.3).
