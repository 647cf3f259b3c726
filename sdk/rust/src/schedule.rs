//! Timers for the plugin's [`Service`](crate::Service): the event `timer`, its source the timer's name. Capability `schedule`.

use std::time::Duration;

use crate::Result;
use crate::host::port;
use crate::leg::milliseconds;

/// Sets a timer, in place of the one of that name. It stays when another version replaces this one, and not over a restart of the host.
pub fn after(name: &str, delay: Duration, data: &[(&str, &str)]) -> Result {
    port::after(name, milliseconds(delay), &crate::host::options(data))
}

/// Sets a timer that comes again and again at times of day in the tenant's time zone, in place of the one of that name. `pattern` is five fields as in cron(5):
/// `0 8 * * mon-fri` is at eight from Monday to Friday.
pub fn at(name: &str, pattern: &str, data: &[(&str, &str)]) -> Result {
    port::at(name, pattern, &crate::host::options(data))
}

/// Takes a timer back; false if there is none of that name. One that is due may still come.
pub fn cancel(name: &str) -> Result<bool> {
    port::cancel(name)
}
