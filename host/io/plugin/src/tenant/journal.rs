//! What survives a restart: one file per tenant, replaced as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::canary::Split;
use crate::deployment::{Available, By, ChangeError, Event, HistoryEntry, OnTrial};
use crate::grant::Capability;
use crate::limit::{HISTORY, KEPT_VERSIONS};
use crate::loader::Digest;
use crate::loader::cache::write_atomically;
use crate::manifest::Manifest;
use crate::package::Package;
use crate::package::key::PublisherKey;
use crate::trust::{Publishing, Trust, TrustError};

/// The file's format.
const FORMAT: u32 = 1;

/// All deployments of a tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    format: u32,
    pub(crate) plugins: BTreeMap<String, Record>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { format: FORMAT, plugins: BTreeMap::new() }
    }
}

/// One plugin of a tenant, present or removed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The component that is active; none once the plugin is removed.
    pub(crate) active: Option<Digest>,
    /// The digest of the manifest it is active with: a component may have come with several. Files of before do not say.
    #[serde(default)]
    manifest: Option<Digest>,
    /// A version that some calls use beside the active one.
    #[serde(default)]
    pub(crate) canary: Option<Trial>,
    /// In the order of their installation, the newest last.
    pub(crate) versions: Vec<Kept>,
    /// The oldest first.
    pub(crate) history: Vec<HistoryEntry>,
    /// Who has published it. Files of before do not say.
    #[serde(default)]
    pub(crate) publishing: Publishing,
}

/// A version on trial, since when, by whom and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trial {
    pub(crate) kept: Kept,
    pub(crate) split: Split,
    pub(crate) unix_ms: u64,
    pub(crate) by: By,
}

/// A version that can be activated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) digest: Digest,
    pub(crate) manifest: String,
    pub(crate) granted: BTreeSet<Capability>,
    /// The package it came in. Files of before do not say.
    #[serde(default)]
    pub(crate) package: Option<Digest>,
    /// Who signed that.
    #[serde(default)]
    pub(crate) signer: Option<PublisherKey>,
    /// It was rolled back automatically: not a version to go back to.
    #[serde(default)]
    pub(crate) failed: bool,
}

impl Journal {
    /// Reads the file; a missing one is an empty journal.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
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
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        write_atomically(path, &text)
    }
}

impl Kept {
    /// The plugin's own version, as its manifest has it.
    pub(crate) fn version(&self) -> String {
        Manifest::parse("plugin.toml", &self.manifest).map(|manifest| manifest.version).unwrap_or_default()
    }

    /// The same package: a manifest may change while the component stays.
    fn is(&self, digest: Digest, manifest: Digest) -> bool {
        self.digest == digest && Digest::of(self.manifest.as_bytes()) == manifest
    }
}

impl Record {
    /// The active version.
    pub(crate) fn current(&self) -> Option<&Kept> {
        self.versions.get(self.position()?)
    }

    fn position(&self) -> Option<usize> {
        let active = self.active?;
        let is_active = |kept: &Kept| match self.manifest {
            Some(manifest) => kept.is(active, manifest),
            None => kept.digest == active,
        };
        self.versions.iter().rposition(is_active)
    }

    /// The newest version older than the active one that did not fail.
    pub(crate) fn former(&self) -> Option<&Kept> {
        self.versions[..self.position()?].iter().rev().find(|kept| !kept.failed)
    }

    /// The version somebody means by its own version or the beginning of its digest: the newest that fits, and rather not the active one.
    pub(crate) fn find(&self, id: &str, which: &str) -> Result<&Kept, ChangeError> {
        let fits =
            |kept: &&Kept| kept.version() == which || (!which.is_empty() && kept.digest.to_string().starts_with(which));
        let mut found: Vec<&Kept> = self.versions.iter().rev().filter(fits).collect();
        let active = self.current();
        if found.len() > 1 {
            found.retain(|kept| Some(*kept) != active);
        }
        match found.as_slice() {
            [] => Err(ChangeError::UnknownVersion { id: id.into(), which: which.into() }),
            [one, rest @ ..] if rest.iter().all(|other| other.digest == one.digest) => Ok(one),
            several => Err(ChangeError::SeveralVersions {
                id: id.into(),
                which: which.into(),
                digests: several.iter().map(|kept| kept.digest).collect(),
            }),
        }
    }

    /// Every version, the newest first.
    pub(crate) fn available(&self) -> Vec<Available> {
        let active = self.position();
        let versions = self.versions.iter().enumerate().rev();
        let available = |(at, kept): (usize, &Kept)| Available {
            version: kept.version(),
            digest: kept.digest,
            active: active == Some(at),
        };
        versions.map(available).collect()
    }

    /// Makes `kept` the active version; the newest if it is new.
    pub(crate) fn activate(&mut self, kept: Kept) {
        let manifest = Digest::of(kept.manifest.as_bytes());
        (self.active, self.manifest) = (Some(kept.digest), Some(manifest));
        match self.versions.iter_mut().find(|known| known.is(kept.digest, manifest)) {
            Some(known) => *known = kept,
            None => self.versions.push(kept),
        }
        while self.versions.len() > KEPT_VERSIONS {
            let active = self.position();
            let oldest = (0..self.versions.len()).find(|at| Some(*at) != active);
            self.versions.remove(oldest.expect("only one of several is active"));
        }
    }

    /// The active version is not one to go back to.
    pub(crate) fn current_failed(&mut self) {
        if let Some(at) = self.position() {
            self.versions[at].failed = true;
        }
    }

    /// Nothing is active and nothing is kept, but the history.
    pub(crate) fn clear(&mut self) {
        (self.active, self.manifest) = (None, None);
        self.versions.clear();
        self.canary = None;
        self.publishing.removed();
    }

    /// Whether a package may be installed.
    pub(crate) fn trusts(&self, package: &Package, manifest: &Manifest, trust: &Trust) -> Result<(), TrustError> {
        let signer = package.signer();
        let used = |version: &str| {
            let known = self.versions.iter().rev().filter(|kept| kept.signer == signer && kept.signer.is_some());
            known.filter(|kept| kept.version() == version).find_map(|kept| kept.package)
        };
        self.publishing.judge(package, manifest, trust, used)
    }

    /// What tells it from what it was before any change.
    pub(crate) fn state(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).expect("its keys are text"))
    }

    pub(crate) fn note(&mut self, unix_ms: u64, event: Event, by: By) {
        let canary = self.canary.as_ref().map(|trial| OnTrial {
            version: trial.kept.version(),
            digest: trial.kept.digest,
            split: trial.split.clone(),
        });
        let (version, granted) = match self.current() {
            Some(current) => (Some(current.version()), current.granted.clone()),
            None => (None, BTreeSet::new()),
        };
        self.history.push(HistoryEntry { unix_ms, event, version, digest: self.active, granted, canary, by });
        let surplus = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..surplus);
    }
}
