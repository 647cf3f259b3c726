//! The switch's brain: one call, its legs and what happens between them.
