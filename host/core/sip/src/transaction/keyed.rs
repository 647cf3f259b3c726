//! Secret hashes of what peers send: short map keys that nobody outside can make collide.

use std::hash::Hasher;

/// The secret of one endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secret {
    pub(crate) k0: u64,
    pub(crate) k1: u64,
}

impl Secret {
    /// The hash of a list of byte strings; lengths are hashed too, so that parts cannot flow into each other.
    #[expect(
        deprecated,
        reason = "the standard library has no other SipHash with a chosen key, and maps keyed by remote input need one"
    )]
    pub(crate) fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = std::hash::SipHasher::new_with_keys(self.k0, self.k1);
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        hasher.finish()
    }
}
