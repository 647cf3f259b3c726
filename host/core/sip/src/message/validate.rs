//! Checks of a parsed request that depend on what the element can do (RFC 3261 §8.2).
