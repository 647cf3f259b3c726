//! Numbers of the plugin's own, for administrators: `jackfield plugin show` has them. Capability `metrics`.

use crate::Result;
use crate::host::port;

/// Adds to a counter, which begins at 0. A name is of `a-z 0-9 _` and begins with a letter.
pub fn add(name: &str, by: u64) -> Result {
    port::metrics_add(name, by)
}

/// Sets a gauge.
pub fn set(name: &str, value: i64) -> Result {
    port::metrics_set(name, value)
}
