//! The lines of a tenant's channel drivers: legs of other networks, each with its way to the call it is part of.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};

use super::{Deployment, TenantPlugins};
use crate::error::RunError;
use crate::generation::lock;
use crate::limit::LINES;
use crate::port::LinePort;
use crate::slot::ServiceSlot;

/// What ends a line whose driver has failed or is gone (Q.850: temporary failure).
const DRIVER_FAILED: u16 = 41;

/// The lines of one deployment, by id. Dropping them ends them.
#[derive(Default)]
pub(super) struct Lines(Mutex<HashMap<String, Arc<dyn LinePort>>>);

impl Drop for Lines {
    fn drop(&mut self) {
        self.end_all();
    }
}

impl Lines {
    fn end_all(&self) {
        let lines = std::mem::take(&mut *lock(&self.0));
        lines.into_values().for_each(|line| line.hang_up(DRIVER_FAILED));
    }
}

/// A plugin that carries the calls of another network: what the switch tells it goes here. Cheap to clone.
#[derive(Clone)]
pub struct Driver {
    id: Arc<str>,
    deployment: Weak<Deployment>,
    service: ServiceSlot,
}

impl fmt::Debug for Driver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Driver({})", self.id)
    }
}

impl Driver {
    /// The plugin.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether both are the same plugin of the same tenant.
    pub fn is(&self, other: &Self) -> bool {
        self.deployment.ptr_eq(&other.deployment)
    }

    /// A line is the driver's from now on.
    ///
    /// # Errors
    /// It has as many as it may, or the plugin is gone.
    pub fn add(&self, id: &str, line: Arc<dyn LinePort>) -> Result<(), RunError> {
        let gone = || RunError::Exhausted("the plugin is gone".into());
        let deployment = self.deployment.upgrade().ok_or_else(gone)?;
        let mut lines = lock(&deployment.lines.0);
        if lines.len() >= LINES {
            return Err(RunError::Exhausted(format!("a driver has at most {LINES} lines")));
        }
        lines.insert(id.to_owned(), line);
        Ok(())
    }

    /// Tells the driver what happened on a line, in the words of WIT `lines`.
    ///
    /// # Errors
    /// It has too much to hear already, or is over: the line cannot go on.
    pub fn tell(&self, kind: &str, line: &str, data: Vec<(String, String)>) -> Result<(), RunError> {
        self.service.tell(kind, line, data)
    }

    /// The line is not the driver's any more.
    pub fn remove(&self, line: &str) {
        if let Some(deployment) = self.deployment.upgrade() {
            lock(&deployment.lines.0).remove(line);
        }
    }

    /// The line is over, and the driver hears of it however much it has to hear.
    pub fn ended(&self, line: &str, cause: u16) {
        let Some(deployment) = self.deployment.upgrade() else { return };
        let data = vec![("cause".to_owned(), cause.to_string())];
        let (driver, line) = (self.clone(), line.to_owned());
        deployment.guests.spawn(async move {
            // Its place is given back when it is told, so that no more wait than there are lines.
            driver.service.tell_for_sure(("line.ended", &line), data, || driver.remove(&line)).await;
        });
    }
}

impl TenantPlugins {
    /// The driver of the addresses with this scheme (letter case does not matter).
    pub fn driver(&self, scheme: &str) -> Option<Driver> {
        let table = self.0.table.load();
        let generation = table.schemes.get(&scheme.to_ascii_lowercase())?;
        table.deployments.get(&generation.manifest.id)?.deployment.driver()
    }

    /// The schemes that the tenant's drivers have.
    pub fn schemes(&self) -> Vec<String> {
        let mut schemes: Vec<String> = self.0.table.load().schemes.keys().cloned().collect();
        schemes.sort();
        schemes
    }
}

impl Deployment {
    /// The plugin as a driver, if it has a service.
    pub(crate) fn driver(self: &Arc<Self>) -> Option<Driver> {
        let service = self.service()?;
        Some(Driver { id: self.id.as_str().into(), deployment: Arc::downgrade(self), service })
    }

    /// A line of the driver that is up.
    pub(crate) fn line(&self, id: &str) -> Option<Arc<dyn LinePort>> {
        lock(&self.lines.0).get(id).cloned()
    }

    /// The driver does not know its lines any more.
    pub(crate) fn end_lines(&self) {
        self.lines.end_all();
    }
}
