//! The part of a plugin that lives as long as its deployment.

use crate::{Event, Result};

/// A plugin's long-lived part: one instance per tenant, one message at a time. Export it with [`service!`](crate::service!).
pub trait Service: Sized + 'static {
    /// Begins, from the snapshot of the version this one replaces, if there was one. An error refuses the deployment.
    fn start(restored: Option<Vec<u8>>) -> Result<Self>;

    /// Answers a request of the plugin's applications ([`system::ask`](crate::system::ask)).
    fn answer(&mut self, request: &[u8]) -> Result<Vec<u8>>;

    /// State for the version that replaces this one.
    fn snapshot(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    /// Something happened that the plugin wanted to know.
    fn handle(&mut self, event: Event) -> Result {
        drop(event);
        Ok(())
    }
}
