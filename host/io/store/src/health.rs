//! What the store says of itself, for the API and the log.

use serde::Serialize;

use crate::recover::Recovery;

/// The state of a store at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// What is wrong now; empty when all is well.
    pub problems: Vec<Problem>,
    /// Bytes free on the file system of the data directory.
    pub free_bytes: u64,
    /// Bytes of the database's files. sled reuses but never returns space: compact by export and import.
    pub kv_disk_bytes: u64,
    /// Call records accepted but not yet on disk.
    pub cdr_waiting: u64,
    /// Call records given up because the disk stayed full for too long.
    pub cdr_lost: u64,
    /// What had to be repaired when the store was opened, oldest first.
    pub recovered: Vec<Recovery>,
}

impl Health {
    /// Whether everything written is taken.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// One thing that is wrong with a running store. Reads go on in each case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Problem {
    /// Call records cannot be written; they wait in memory.
    Cdr {
        /// What the system said.
        reason: String,
    },
    /// Keyed state cannot be brought to disk.
    Commit {
        /// What the system said.
        reason: String,
    },
    /// Less than the reserve is free: new values and blobs are refused.
    DiskFull {
        /// Bytes free.
        free_bytes: u64,
        /// Bytes that must stay free.
        reserve_bytes: u64,
    },
}
