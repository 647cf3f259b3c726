//! Timers for the plugin's [`Service`](crate::Service): the event `timer`, its source the timer's name. Capability `schedule`.

use std::time::Duration;

use crate::Result;
use crate::host::port;
use crate::leg::milliseconds;

/// Sets a timer, in place of the one of that name. It stays when another version replaces this one, and not over a restart of the host.
pub fn after(name: &str, delay: Duration, data: &[(&str, &str)]) -> Result {
    port::after(name, milliseconds(delay), &crate::host::options(data))
}

/// Takes a timer back; false if there is none of that name. One that is due may still come.
pub fn cancel(name: &str) -> Result<bool> {
    port::cancel(name)
}
