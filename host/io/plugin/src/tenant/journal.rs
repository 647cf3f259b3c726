//! What survives a restart: one file per tenant, replaced as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::deployment::{By, Event, HistoryEntry};
use crate::grant::Capability;
use crate::limit::{HISTORY, KEPT_VERSIONS};
use crate::loader::Digest;
use crate::loader::cache::write_atomically;

/// The file's format.
const FORMAT: u32 = 1;

/// All deployments of a tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Journal {
    format: u32,
    pub(super) plugins: BTreeMap<String, Record>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { format: FORMAT, plugins: BTreeMap::new() }
    }
}

/// One plugin of a tenant, present or removed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// None once it is removed.
    pub(super) active: Option<Digest>,
    /// In the order of their installation, the newest last.
    pub(super) versions: Vec<Kept>,
    /// The oldest first.
    pub(super) history: Vec<HistoryEntry>,
}

/// A version that can be activated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) digest: Digest,
    pub(super) manifest: String,
    pub(super) granted: BTreeSet<Capability>,
    /// It was rolled back automatically: not a version to go back to.
    #[serde(default)]
    pub(super) failed: bool,
}

impl Journal {
    /// Reads the file; a missing one is an empty journal.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        let journal: Self = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        match journal.format {
            FORMAT => Ok(journal),
            other => Err(format!("{}: format {other} is not known to this version", path.display())),
        }
    }

    /// Replaces the file; durable when it returns.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        write_atomically(path, &text)
    }
}

impl Record {
    pub(super) fn kept(&self, digest: Digest) -> Option<&Kept> {
        self.versions.iter().find(|kept| kept.digest == digest)
    }

    /// The newest version older than the active one that did not fail.
    pub(super) fn former(&self) -> Option<&Kept> {
        let active = self.active?;
        let position = self.versions.iter().position(|kept| kept.digest == active)?;
        self.versions[..position].iter().rev().find(|kept| !kept.failed)
    }

    /// Makes `kept` the active version; the newest if it is new.
    pub(super) fn activate(&mut self, kept: Kept) {
        self.active = Some(kept.digest);
        match self.versions.iter_mut().find(|known| known.digest == kept.digest) {
            Some(known) => *known = kept,
            None => self.versions.push(kept),
        }
        while self.versions.len() > KEPT_VERSIONS {
            let oldest = self.versions.iter().position(|kept| Some(kept.digest) != self.active);
            self.versions.remove(oldest.expect("only one of several is active"));
        }
    }

    pub(super) fn note(&mut self, unix_ms: u64, event: Event, by: By) {
        self.history.push(HistoryEntry { unix_ms, event, digest: self.active, by });
        let surplus = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..surplus);
    }
}
