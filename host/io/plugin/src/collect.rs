//! Files of the host's directory that nobody needs any more: components and native code of versions that no tenant keeps, and
//! native code beyond its bound.
//!
//! A version that is on its way into memory stays, and so does a file that was used within [`limit::COLLECT_AGE`], whatever is
//! known of it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use crate::host::{Host, Inner};
use crate::limit;
use crate::loader::Digest;
use crate::tenant::journal::Journal;

/// What a collection removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Host {
    /// Removes files that nobody needs any more; this happens by itself every [`limit::COLLECT_INTERVAL`]. Nothing is removed
    /// when a tenant's journal cannot be read, because nobody knows what it keeps.
    pub async fn collect(&self) -> io::Result<Collected> {
        self.0.collect(limit::COLLECT_AGE).await
    }

    /// As [`Host::collect`], with another age under which files stay.
    pub async fn collect_older(&self, age: Duration) -> io::Result<Collected> {
        self.0.collect(age).await
    }
}

/// Collects now and then, as long as the host lives.
pub(crate) async fn every_interval(host: Weak<Inner>) {
    loop {
        tokio::time::sleep(limit::COLLECT_INTERVAL).await;
        let Some(host) = host.upgrade() else { return };
        match host.collect(limit::COLLECT_AGE).await {
            Ok(Collected { files: 0, .. }) => {}
            Ok(Collected { files, bytes }) => {
                tracing::info!(files, bytes, "plugin files that nobody needs are removed")
            }
            Err(error) => tracing::error!(%error, "plugin files are not collected"),
        }
    }
}

/// A file named after a version.
struct Named {
    path: PathBuf,
    digest: Digest,
    bytes: u64,
    used: SystemTime,
}

/// Versions that must stay.
struct Kept {
    /// Those that some tenant can activate.
    known: BTreeSet<Digest>,
    /// Those that run somewhere, or begin to when the host comes up.
    active: BTreeSet<Digest>,
}

impl Inner {
    async fn collect(self: &Arc<Self>, age: Duration) -> io::Result<Collected> {
        let host = Arc::clone(self);
        tokio::task::spawn_blocking(move || host.collect_blocking(age)).await.map_err(io::Error::other)?
    }

    fn collect_blocking(&self, age: Duration) -> io::Result<Collected> {
        let root = &self.config.dir;
        let mut kept = Kept::read(&root.join("tenants"))?;
        let in_memory: BTreeSet<Digest> = self.in_memory_digests().into_iter().collect();
        kept.known.extend(&in_memory);
        kept.active.extend(&in_memory);
        let now = SystemTime::now();
        let is_old = |file: &Named| now.duration_since(file.used).is_ok_and(|unused| unused >= age);
        let mut collected = Collected::default();
        for file in named(&root.join("components"))? {
            if !kept.known.contains(&file.digest) && is_old(&file) {
                self.remove_unused(&file, &mut collected)?;
            }
        }
        let fingerprint = self.fingerprint();
        let mut staying = Vec::new();
        for file in named(&root.join("compiled"))? {
            // Made by another wasmtime, or with other settings: this host never loads it.
            let is_foreign = !file.path.file_name().is_some_and(|name| name.to_string_lossy().contains(&*fingerprint));
            let gone = match (is_old(&file), is_foreign, kept.known.contains(&file.digest)) {
                (true, true, _) => collected.remove(&file)?,
                (true, false, false) => self.remove_unused(&file, &mut collected)?,
                (true, false, true) | (false, ..) => false,
            };
            if !gone {
                staying.push(file);
            }
        }
        // Code can be made again from the component: what has not been used for longest goes first, what is active stays.
        let mut total: u64 = staying.iter().map(|file| file.bytes).sum();
        staying.sort_by_key(|file| file.used);
        for file in staying.iter().filter(|file| !kept.active.contains(&file.digest) && is_old(file)) {
            if total <= self.config.compiled_bytes {
                break;
            }
            if self.remove_unused(file, &mut collected)? {
                total -= file.bytes;
            }
        }
        Ok(collected)
    }

    /// Removes a file, unless it has come into use since it was listed. True if it is gone.
    fn remove_unused(&self, file: &Named, collected: &mut Collected) -> io::Result<bool> {
        let remove = || match fs::metadata(&file.path)?.modified()? == file.used {
            true => collected.remove(file),
            false => Ok(false),
        };
        self.unless_in_use(file.digest, remove).unwrap_or(Ok(false))
    }
}

impl Kept {
    fn read(journals: &Path) -> io::Result<Self> {
        let mut kept = Self { known: BTreeSet::new(), active: BTreeSet::new() };
        for entry in fs::read_dir(journals)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let journal = Journal::read(&path).map_err(io::Error::other)?;
                for record in journal.plugins.values() {
                    kept.known.extend(record.versions.iter().map(|version| version.digest));
                    kept.active.extend(record.active);
                    kept.active.extend(record.canary.as_ref().map(|trial| trial.kept.digest));
                }
            }
        }
        kept.known.extend(&kept.active);
        Ok(kept)
    }
}

impl Collected {
    fn remove(&mut self, file: &Named) -> io::Result<bool> {
        // A running version keeps its mapped code until its last run is over, whatever becomes of the name.
        fs::remove_file(&file.path)?;
        self.files += 1;
        self.bytes += file.bytes;
        Ok(true)
    }
}

/// The files of a folder that are named after a digest; others are not ours to judge.
fn named(folder: &Path) -> io::Result<Vec<Named>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let digest = name.to_string_lossy().get(..64).and_then(|digest| digest.parse().ok());
        let (Some(digest), Ok(metadata)) = (digest, entry.metadata()) else { continue };
        files.push(Named { path: entry.path(), digest, bytes: metadata.len(), used: metadata.modified()? });
    }
    Ok(files)
}
