//! What every plugin has: log, clock, random, its settings.

use std::time::Duration;

use crate::Result;
use crate::host::port;
use crate::leg::milliseconds;

/// Writes to the plugin's log.
pub fn log(level: Level, message: &str) {
    port::log(level.as_str(), message);
}

/// How bad a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For the author.
    Debug,
    /// Ordinary.
    Info,
    /// Somebody should look.
    Warn,
    /// Something did not work.
    Error,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Milliseconds since 1970, UTC; coarse.
pub fn unix_ms() -> u64 {
    port::now().0
}

/// Time since the host started; coarse, never goes back.
pub fn uptime() -> Duration {
    Duration::from_millis(port::now().1)
}

/// Random bytes, at most 1,024.
pub fn random(bytes: u32) -> Vec<u8> {
    port::random(bytes)
}

/// A number from 0 to `bound - 1`; 0 if `bound` is 0.
pub fn random_below(bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    // The highest multiple of `bound` that fits: values above would favour small numbers.
    let limit = u64::MAX - u64::MAX % bound;
    loop {
        let value = random(8).iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        if value < limit {
            return value % bound;
        }
    }
}

/// The tenant's setting for this plugin, or the manifest's default.
pub fn config(key: &str) -> Option<String> {
    port::config(key)
}

/// Asks the service part of this plugin. Capability `bus`.
pub fn ask(request: &[u8], timeout: Duration) -> Result<Vec<u8>> {
    port::ask(request, milliseconds(timeout))
}
