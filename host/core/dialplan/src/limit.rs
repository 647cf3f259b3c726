//! Every bound of the language, with what happens at it.

/// Bytes of one file; a longer one is refused.
pub const FILE_BYTES: usize = 8 << 20;
