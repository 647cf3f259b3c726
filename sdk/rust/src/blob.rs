//! Recordings and other files, private to the plugin in its tenant: what [`Leg::record`](crate::Leg::record) makes. Capability `blob`.

use crate::Result;
use crate::host::port;

/// A blob, as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its name; play it as `blob:NAME`.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// Up to `limit` blobs whose names begin with `prefix`, in byte order, the first being greater than `after`.
pub fn list(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<Blob>> {
    let found = port::blob_list(prefix, after, limit)?;
    Ok(found.into_iter().map(|(name, bytes)| Blob { name, bytes }).collect())
}

/// Gives a blob another name, in place of the one that had it; false if there is none to rename. After a crash it has one of both names.
pub fn rename(from: &str, to: &str) -> Result<bool> {
    port::blob_rename(from, to)
}

/// Removes a blob; false if there was none.
pub fn remove(name: &str) -> Result<bool> {
    port::blob_remove(name)
}
