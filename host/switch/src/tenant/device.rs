//! What the endpoints of a tenant are doing, as far as their registrations and legs tell, and who wants to know.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use super::Tenant;
use super::definition::Endpoint;

/// The endpoints that were heard of since the host started. Calls look here without a lock.
#[derive(Default)]
pub(crate) struct Devices(ArcSwap<HashMap<String, Arc<Device>>>);

/// One endpoint: a bit for its registration, and how many of its legs ring and how many are taken.
#[derive(Default)]
struct Device(AtomicU64);

const REGISTERED: u64 = 1 << 63;
const RINGS: u64 = 1 << 32;
const TAKEN: u64 = 1;

fn state(bits: u64) -> &'static str {
    match bits {
        bits if bits & (RINGS - 1) > 0 => "busy",
        bits if bits & !REGISTERED >= RINGS => "ringing",
        bits if bits & REGISTERED > 0 => "idle",
        _ => "unregistered",
    }
}

impl Devices {
    /// What an endpoint is doing; none if nothing is known of it.
    pub(crate) fn state(&self, endpoint: &str) -> Option<&'static str> {
        Some(state(self.0.load().get(endpoint)?.0.load(Ordering::Relaxed)))
    }

    /// Forgets endpoints that are not configured any more.
    pub(super) fn retain(&self, is_configured: impl Fn(&str) -> bool) {
        self.0.rcu(|devices| {
            let mut devices = HashMap::clone(devices);
            devices.retain(|name, _| is_configured(name));
            devices
        });
    }

    fn of(&self, endpoint: &str) -> Arc<Device> {
        if let Some(known) = self.0.load().get(endpoint) {
            return Arc::clone(known);
        }
        let new = Arc::new(Device::default());
        self.0.rcu(|devices| {
            let mut devices = HashMap::clone(devices);
            devices.entry(endpoint.to_owned()).or_insert_with(|| Arc::clone(&new));
            devices
        });
        self.0.load().get(endpoint).map_or(new, Arc::clone)
    }
}

/// A leg of an endpoint, from its first INVITE on; dropped with the leg.
pub(crate) struct Occupied {
    tenant: Arc<Tenant>,
    endpoint: Arc<Endpoint>,
    device: Arc<Device>,
    weight: u64,
}

impl Occupied {
    /// An endpoint calls.
    pub(crate) fn calling(tenant: &Arc<Tenant>, endpoint: &Arc<Endpoint>) -> Self {
        Self::new(tenant, endpoint, TAKEN)
    }

    /// An endpoint is called.
    pub(crate) fn called(tenant: &Arc<Tenant>, endpoint: &Arc<Endpoint>) -> Self {
        Self::new(tenant, endpoint, RINGS)
    }

    fn new(tenant: &Arc<Tenant>, endpoint: &Arc<Endpoint>, weight: u64) -> Self {
        let device = tenant.devices.of(&endpoint.name);
        tenant.device(&endpoint.name, &device, |bits| bits + weight);
        Self { tenant: Arc::clone(tenant), endpoint: Arc::clone(endpoint), device, weight }
    }

    /// The called endpoint has answered.
    pub(crate) fn answered(&mut self) {
        let before = std::mem::replace(&mut self.weight, TAKEN);
        self.tenant.device(&self.endpoint.name, &self.device, |bits| bits - before + TAKEN);
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.tenant.device(&self.endpoint.name, &self.device, |bits| bits - self.weight);
    }
}

impl Tenant {
    /// An endpoint is registered, or known not to be.
    pub(crate) fn note_registered(&self, endpoint: &str, registered: bool) {
        let device = self.devices.of(endpoint);
        self.device(endpoint, &device, |bits| if registered { bits | REGISTERED } else { bits & !REGISTERED });
    }

    /// Changes what is known, and tells what is new of that.
    fn device(&self, endpoint: &str, device: &Device, change: impl Fn(u64) -> u64) {
        let changed = device.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| Some(change(bits)));
        let before = changed.unwrap_or_else(|same| same);
        let (old, new) = (state(before), state(change(before)));
        if old != new {
            self.plugins.tell("device.changed", endpoint, || vec![("state".to_owned(), new.to_owned())]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_makes_one_word() {
        assert_eq!(state(0), "unregistered");
        assert_eq!(state(REGISTERED), "idle");
        assert_eq!(state(REGISTERED + 2 * RINGS), "ringing");
        assert_eq!(state(RINGS + TAKEN), "busy");
        assert_eq!(state(REGISTERED + TAKEN), "busy", "a second call rings at none");
    }

    #[test]
    fn an_endpoint_is_one_device_until_it_is_forgotten() {
        let devices = Devices::default();
        assert_eq!(devices.state("100"), None);
        let device = devices.of("100");
        device.0.store(REGISTERED, Ordering::Relaxed);
        assert!(Arc::ptr_eq(&device, &devices.of("100")));
        assert_eq!(devices.state("100"), Some("idle"));
        devices.retain(|name| name != "100");
        assert_eq!(devices.state("100"), None);
    }
}
