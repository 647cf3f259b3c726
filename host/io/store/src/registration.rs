//! Contacts of endpoints, kept so that a restart needs no new REGISTER (issue 2, section 3).

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use crate::kv::{Kv, KvError, WriteError};

/// The registrations of one tenant: one value per endpoint, with all its bindings.
///
/// The value is the registrar's; the store only asks that it can be written as JSON.
#[derive(Clone, Debug)]
pub struct Registrations {
    kv: Kv,
}

/// Everything found at start.
#[derive(Debug)]
pub struct Loaded<T> {
    /// Endpoint and value, in the order of names.
    pub found: Vec<(String, T)>,
    /// Endpoints whose value could not be read; they have to register again.
    pub unreadable: Vec<String>,
}

impl Registrations {
    pub(crate) fn new(kv: Kv) -> Self {
        Self { kv }
    }

    /// Sets what is known of `endpoint`.
    pub fn save<T: Serialize>(&self, endpoint: &str, value: &T) -> Result<(), RegistrationError> {
        let json = serde_json::to_vec(value).map_err(RegistrationError::Value)?;
        self.kv.put(endpoint.as_bytes(), &json).map_err(RegistrationError::Write)
    }

    /// Forgets `endpoint`: its last contact is gone.
    pub fn remove(&self, endpoint: &str) -> Result<(), RegistrationError> {
        self.kv.delete(endpoint.as_bytes()).map_err(RegistrationError::Write)
    }

    /// Reads every endpoint. One damaged value does not hide the others.
    pub fn load_all<T: DeserializeOwned>(&self) -> Result<Loaded<T>, KvError> {
        let mut loaded = Loaded { found: Vec::new(), unreadable: Vec::new() };
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.kv.scan(b"", after.as_deref(), Kv::SCAN_ENTRIES_MAX)?;
            let Some(last) = page.last() else { return Ok(loaded) };
            after = Some(last.key.clone());
            for entry in page {
                let endpoint = String::from_utf8_lossy(&entry.key).into_owned();
                match serde_json::from_slice(&entry.value) {
                    Ok(value) => loaded.found.push((endpoint, value)),
                    Err(error) => {
                        tracing::warn!(%endpoint, %error, "stored registration is unreadable");
                        loaded.unreadable.push(endpoint);
                    }
                }
            }
        }
    }

    /// Acknowledges what was saved and removed before the call.
    pub async fn committed(&self) -> Result<(), crate::CommitError> {
        self.kv.committed().await
    }
}

/// Why a registration was not saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// The value cannot be written as JSON.
    #[error("the registration cannot be written as JSON: {0}")]
    Value(#[source] serde_json::Error),
    /// The store did not take it.
    #[error(transparent)]
    Write(WriteError),
}

impl<T> fmt::Display for Loaded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} registrations, {} unreadable", self.found.len(), self.unreadable.len())
    }
}
