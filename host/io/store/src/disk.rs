//! Room on the disk: new writes are refused while there is still a reserve.
//!
//! sled keeps a failed write as a permanent error of the whole database. So it must not meet a full disk: the gauge is
//! asked before each write (K4), and deletions, reads and calls go on below the reserve.

use std::{
    io,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

/// Bytes that may be written between two looks at the file system.
const SAMPLE_BYTES: u64 = 256 * 1_024;

/// No room beyond the reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the disk is full: {free_bytes} bytes are free, {reserve_bytes} are kept in reserve")]
pub struct DiskFull {
    /// Bytes free to this process.
    pub free_bytes: u64,
    /// Bytes that must stay free.
    pub reserve_bytes: u64,
}

/// Free bytes of the file system that holds the data directory.
pub(crate) struct DiskGauge {
    dir: PathBuf,
    reserve_bytes: u64,
    free_bytes: AtomicU64,
    since_sample: AtomicU64,
}

impl DiskGauge {
    pub(crate) fn new(dir: PathBuf, reserve_bytes: u64) -> io::Result<Self> {
        let gauge = Self { dir, reserve_bytes, free_bytes: AtomicU64::new(0), since_sample: AtomicU64::new(0) };
        gauge.sample()?;
        Ok(gauge)
    }

    /// Looks at the file system now.
    pub(crate) fn sample(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.dir)?;
        let free_bytes = stat.f_bavail.saturating_mul(stat.f_frsize);
        self.free_bytes.store(free_bytes, Ordering::Relaxed);
        self.since_sample.store(0, Ordering::Relaxed);
        Ok(free_bytes)
    }

    pub(crate) fn free_bytes(&self) -> u64 {
        self.free_bytes.load(Ordering::Relaxed)
    }

    /// Whether the last look found less than the reserve.
    pub(crate) fn full(&self) -> Option<DiskFull> {
        let free_bytes = self.free_bytes();
        (free_bytes < self.reserve_bytes).then_some(DiskFull { free_bytes, reserve_bytes: self.reserve_bytes })
    }

    /// Lets `bytes` through to the disk, or not.
    pub(crate) fn admit(&self, bytes: u64) -> Result<(), DiskFull> {
        let written = self.since_sample.fetch_add(bytes, Ordering::Relaxed) + bytes;
        // While full, every writer looks again, so that writing goes on as soon as there is room.
        if written >= SAMPLE_BYTES || self.full().is_some() {
            // A file system that cannot be asked is not known to be full; the write itself will tell.
            if let Err(error) = self.sample() {
                tracing::warn!(%error, dir = %self.dir.display(), "cannot read the free space");
                return Ok(());
            }
        }
        self.full().map_or(Ok(()), Err)
    }
}
