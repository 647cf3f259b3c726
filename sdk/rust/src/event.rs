//! What happens in the tenant, for the plugin's [`Service`](crate::Service). Capability `event`.

use crate::Result;
use crate::host::port;

/// From now on the service is handed events whose kind begins with `prefix`: `call.`, `device.changed`, `app-queue/`, an empty text for all.
/// Not over a restart of the host: subscribe in [`Service::start`](crate::Service::start).
pub fn subscribe(prefix: &str) -> Result {
    port::subscribe(prefix)
}

/// Takes a subscription back; false if there was none with this very prefix.
pub fn unsubscribe(prefix: &str) -> Result<bool> {
    port::unsubscribe(prefix)
}

/// Tells the tenant's services an event of the kind `PLUGIN/topic`; how many were told.
pub fn publish(topic: &str, data: &[(&str, &str)]) -> Result<u32> {
    port::publish(topic, &crate::host::options(data))
}

/// What an endpoint is doing: `unregistered`, `idle`, `ringing` or `busy`; none if there is no such endpoint.
pub fn device(endpoint: &str) -> Option<String> {
    port::device(endpoint)
}
