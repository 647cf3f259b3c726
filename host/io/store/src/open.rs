//! A store from a directory: the lock, the files, the threads, and their end.

use std::{
    collections::HashMap,
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use call::TenantId;

use crate::{
    Blobs, Class, CommitError, DiskFull, Health, Problem, Recovery, TenantStore,
    cdr::{
        file::repair_newest,
        writer::{self, WriterHandle},
    },
    commit::{self, Committer, sync_dir},
    disk::DiskGauge,
    export,
    kv::Trees,
    mark::{self, Counter},
    recover::{self, Opening},
};

/// How long a store that is closed waits for its threads. They end at once, unless the disk hangs: that must keep no program from
/// ending.
const CLOSING: Duration = Duration::from_secs(5);
/// How often it looks whether they have: a join cannot be given up.
const LOOK: Duration = Duration::from_millis(2);

/// The settings of a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Memory for sled's page cache. Default 64 MiB.
    pub cache_bytes: u64,
    /// How often expired entries are deleted, and then the entries of all tenants exported, for the case that the database is
    /// lost. Default one hour.
    pub export_interval: Duration,
    /// The bounds of each tenant.
    pub quotas: Quotas,
    /// Bytes that stay free on the disk: with less, values and blobs are refused. Default 64 MiB.
    pub reserve_bytes: u64,
    /// The clock for expiry and for the day of a call record.
    pub wallclock: Wallclock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 64 * 1_024 * 1_024,
            export_interval: Duration::from_secs(3_600),
            quotas: Quotas::default(),
            reserve_bytes: 64 * 1_024 * 1_024,
            wallclock: Wallclock::System,
        }
    }
}

/// Bytes that one tenant may keep, per class. Each plugin of a tenant has a class of its own.
#[derive(Clone, Debug)]
pub struct Quotas {
    /// `DB(…)`. Default 16 MiB.
    pub ast_db_bytes: u64,
    /// All blobs together. Default 4 GiB.
    pub blob_bytes: u64,
    /// Device states. Default 4 MiB.
    pub device_state_bytes: u64,
    /// Plugin versions and deployments. Default 16 MiB.
    pub deployment_bytes: u64,
    /// Each plugin's own entries. Default 16 MiB.
    pub plugin_kv_bytes: u64,
    /// Contacts. Default 64 MiB.
    pub registration_bytes: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        const MIB: u64 = 1_024 * 1_024;
        Self {
            ast_db_bytes: 16 * MIB,
            blob_bytes: 4_096 * MIB,
            device_state_bytes: 4 * MIB,
            deployment_bytes: 16 * MIB,
            plugin_kv_bytes: 16 * MIB,
            registration_bytes: 64 * MIB,
        }
    }
}

impl Quotas {
    pub(crate) fn bytes(&self, class: &Class) -> u64 {
        match class {
            Class::AstDb => self.ast_db_bytes,
            Class::DeviceState => self.device_state_bytes,
            Class::Deployment => self.deployment_bytes,
            Class::PluginKv(_) => self.plugin_kv_bytes,
            Class::Registration => self.registration_bytes,
        }
    }
}

/// Where the store reads the wall clock.
#[derive(Clone)]
pub enum Wallclock {
    /// The machine's.
    System,
    /// Milliseconds since 1970, as a test sets them.
    Given(Arc<std::sync::atomic::AtomicU64>),
}

impl Wallclock {
    pub(crate) fn now_ms(&self) -> u64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                // Before 1970 nothing expires, which is better than everything.
                .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
            Self::Given(now_ms) => now_ms.load(std::sync::atomic::Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Wallclock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Given(_) => "Given",
        })
    }
}

/// One data directory, open in this process alone. Cheap to clone; the last clone's end commits and closes.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    options: Arc<Options>,
    trees: Arc<Trees>,
    committer: Committer,
    cdr: Arc<WriterHandle>,
    disk: Arc<DiskGauge>,
    /// Each tenant's blobs are listed once. The lock is held for a look-up or that listing.
    blobs: Mutex<HashMap<TenantId, Blobs>>,
    recovered: Vec<Recovery>,
    threads: Vec<JoinHandle<()>>,
    /// The lock is the file's, not the path's: it ends with this handle or with the process.
    _lock: File,
}

impl Store {
    /// Opens `dir` with the default settings; makes it if it is not there.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Self::open_with(dir, Options::default())
    }

    /// Opens `dir`; makes it if it is not there.
    pub fn open_with(dir: &Path, options: Options) -> Result<Self, OpenError> {
        let unwritable = |source| OpenError::Unwritable { dir: dir.to_owned(), source };
        for sub in ["blobs", "cdr", "exports"] {
            fs::create_dir_all(dir.join(sub)).map_err(unwritable)?;
        }
        let lock = take_lock(dir)?;
        let disk = Arc::new(DiskGauge::new(dir.to_owned(), options.reserve_bytes).map_err(unwritable)?);
        if let Some(full) = disk.full() {
            return Err(OpenError::DiskFull { dir: dir.to_owned(), full });
        }
        let mut recovered = Vec::new();
        let was_clean = take_clean_mark(dir).map_err(unwritable)?;
        let check = !was_clean || disk_bytes(&dir.join("kv")) < CHECKED_BYTES_MAX;
        let opening = Opening { cache_bytes: options.cache_bytes, check, stamp: options.wallclock.now_ms() };
        let opened = open_or_set_aside(dir, opening, &mut recovered)?;
        let cdr_dir = dir.join("cdr");
        repair_cdr(&cdr_dir, &mut recovered).map_err(unwritable)?;
        sync_dir(dir).map_err(unwritable)?;

        let options = Arc::new(options);
        let (committer, inbox) = commit::channel(Arc::clone(&disk));
        let trees = Arc::new(Trees::new(opened.db.clone(), Arc::clone(&options), committer.clone(), Arc::clone(&disk)));
        let (cdr, cdr_thread) = writer::start(cdr_dir, options.wallclock.clone()).map_err(unwritable)?;
        let commit_thread = {
            let counter = Counter::new(dir.to_owned(), &opened.db)
                .map_err(|error| OpenError::Database { dir: dir.join("kv"), reason: error.to_string() })?;
            let db_dir = dir.join("kv");
            let mut exporter = Exporter::new(Arc::clone(&trees), dir.join("exports"), &options);
            std::thread::Builder::new()
                .name("store-commit".into())
                .spawn(move || commit::run(inbox, opened.db, db_dir, counter, move || exporter.tick()))
                .map_err(unwritable)?
        };
        let mut inner = Inner {
            dir: dir.to_owned(),
            options,
            trees,
            committer,
            cdr: Arc::new(cdr),
            disk,
            blobs: Mutex::default(),
            recovered,
            threads: vec![commit_thread, cdr_thread],
            _lock: lock,
        };
        let Some(lost) = opened.lost else { return Ok(Self { inner: Arc::new(inner) }) };
        inner.recovered.push(Recovery::FromExport {
            path: lost.path,
            export: lost.export.clone(),
            reason: lost.reason,
        });
        let store = Self { inner: Arc::new(inner) };
        store.import_set(&lost.export)?;
        Ok(store)
    }

    fn import_set(&self, set: &Path) -> Result<(), OpenError> {
        let failed = |source| OpenError::Recovery { export: set.to_owned(), source };
        for (tenant, mut file) in export::files(set).map_err(|error| failed(error.into()))? {
            self.tenant(&tenant).import(&mut file).map_err(failed)?;
        }
        Ok(())
    }

    /// The content of one tenant.
    pub fn tenant(&self, tenant: &TenantId) -> TenantStore {
        TenantStore::new(self.clone(), tenant.clone())
    }

    /// The tenants with entries on disk.
    pub fn tenants(&self) -> Vec<TenantId> {
        self.inner.trees.tenants()
    }

    /// Acknowledges every write to a [`crate::Kv`] of any tenant that returned before the call.
    pub async fn committed(&self) -> Result<(), CommitError> {
        self.inner.committer.committed().await
    }

    /// As [`Store::committed`], for a thread that may block.
    pub fn committed_blocking(&self) -> Result<(), CommitError> {
        self.inner.committer.committed_blocking()
    }

    /// The state of the store now.
    pub fn health(&self) -> Health {
        let inner = &*self.inner;
        if let Err(error) = inner.disk.sample() {
            tracing::warn!(%error, "cannot read the free space");
        }
        let full = inner
            .disk
            .full()
            .map(|full| Problem::DiskFull { free_bytes: full.free_bytes, reserve_bytes: full.reserve_bytes });
        Health {
            problems: [inner.cdr.counters.problem(), inner.committer.problem(), full].into_iter().flatten().collect(),
            free_bytes: inner.disk.free_bytes(),
            kv_disk_bytes: disk_bytes(&inner.dir.join("kv")),
            cdr_waiting: inner.cdr.waiting(),
            cdr_lost: inner.cdr.counters.lost(),
            recovered: inner.recovered.clone(),
        }
    }

    /// Exports the entries of every tenant now; this happens by itself each [`Options::export_interval`]. Blocks.
    pub fn export_all(&self) -> Result<(), crate::ExportError> {
        export::export_set(&self.inner.trees, &self.inner.dir.join("exports"), self.inner.options.wallclock.now_ms())
    }

    pub(crate) fn trees(&self) -> &Arc<Trees> {
        &self.inner.trees
    }

    pub(crate) fn cdr_dir(&self) -> PathBuf {
        self.inner.dir.join("cdr")
    }

    pub(crate) fn cdr_writer(&self) -> Arc<WriterHandle> {
        Arc::clone(&self.inner.cdr)
    }

    pub(crate) fn blobs(&self, tenant: &TenantId) -> io::Result<Blobs> {
        let mut open = self.inner.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(blobs) = open.get(tenant) {
            return Ok(blobs.clone());
        }
        let dir = self.inner.dir.join("blobs").join(tenant.as_str());
        let blobs = Blobs::open(dir, self.inner.options.quotas.blob_bytes, Arc::clone(&self.inner.disk))?;
        open.insert(tenant.clone(), blobs.clone());
        Ok(blobs)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.inner.dir).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.committer.close();
        self.cdr.close();
        let mut clean = true;
        let end = Instant::now() + CLOSING;
        for thread in self.threads.drain(..) {
            while !thread.is_finished() && Instant::now() < end {
                std::thread::sleep(LOOK);
            }
            if !thread.is_finished() {
                tracing::error!(dir = %self.dir.display(), "the disk hangs: the store is left without the last writes");
                clean = false;
                continue;
            }
            clean &= thread.join().is_ok();
        }
        // A mark that is missing only makes the next start read everything once.
        if clean && self.committer.problem().is_none() && File::create(self.dir.join(CLEAN_MARK)).is_err() {
            tracing::warn!(dir = %self.dir.display(), "cannot mark the store as cleanly closed");
        }
    }
}

/// Exports about each `interval`, on a thread of its own so that commits go on.
struct Exporter {
    trees: Arc<Trees>,
    dir: PathBuf,
    wallclock: Wallclock,
    interval: Duration,
    last: Instant,
    running: Option<JoinHandle<()>>,
}

impl Exporter {
    fn new(trees: Arc<Trees>, dir: PathBuf, options: &Options) -> Self {
        let (wallclock, interval) = (options.wallclock.clone(), options.export_interval);
        Self { trees, dir, wallclock, interval, last: Instant::now(), running: None }
    }

    fn tick(&mut self) {
        let idle = self.running.as_ref().is_none_or(JoinHandle::is_finished);
        if !idle || self.last.elapsed() < self.interval {
            return;
        }
        self.last = Instant::now();
        let (trees, dir, unix_ms) = (Arc::clone(&self.trees), self.dir.clone(), self.wallclock.now_ms());
        let export = move || {
            // First, so that nothing is exported that nobody can read any more.
            trees.sweep();
            if let Err(error) = export::export_set(&trees, &dir, unix_ms) {
                tracing::error!(%error, "the hourly export failed");
            }
        };
        match std::thread::Builder::new().name("store-export".into()).spawn(export) {
            Ok(thread) => self.running = Some(thread),
            Err(error) => tracing::error!(%error, "the hourly export cannot be started"),
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Some(thread) = self.running.take()
            && thread.join().is_err()
        {
            tracing::error!("the hourly export panicked");
        }
    }
}

/// A database of this size is read whole at each start, which takes about 50 ms; a larger one only after an end that was
/// not orderly.
const CHECKED_BYTES_MAX: u64 = 32 * 1_024 * 1_024;
/// There while the store is closed, if its last close was an orderly one.
const CLEAN_MARK: &str = "closed-cleanly";

fn take_clean_mark(dir: &Path) -> io::Result<bool> {
    match fs::remove_file(dir.join(CLEAN_MARK)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn take_lock(dir: &Path) -> Result<File, OpenError> {
    let unwritable = |source| OpenError::Unwritable { dir: dir.to_owned(), source };
    let path = dir.join("lock");
    let mut file =
        OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only for the message: an unreadable holder is an unknown one.
            let pid = file.read_to_string(&mut holder).ok().and_then(|_| holder.trim().parse().ok());
            return Err(OpenError::Locked { dir: dir.to_owned(), pid });
        }
        Err(TryLockError::Error(source)) => return Err(unwritable(source)),
    }
    let write_pid = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    write_pid(&mut file).map_err(unwritable)?;
    Ok(file)
}

struct Opened {
    db: sled::Db,
    lost: Option<Lost>,
}

/// A database that was set aside, and what is to take its place.
struct Lost {
    path: PathBuf,
    export: PathBuf,
    reason: String,
}

fn open_or_set_aside(dir: &Path, opening: Opening, recovered: &mut Vec<Recovery>) -> Result<Opened, OpenError> {
    let kv = dir.join("kv");
    let unusable = |reason: String| OpenError::Database { dir: kv.clone(), reason };
    let newest = export::sets(&dir.join("exports")).map_err(|error| unusable(error.to_string()))?.pop();
    let reason = match recover::open_database(&kv, opening, recovered) {
        Err(reason) => reason,
        Ok(db) => {
            let committed = mark::beside(dir);
            let found = mark::inside(&db).map_err(|error| unusable(error.to_string()))?;
            if found >= committed {
                return Ok(Opened { db, lost: None });
            }
            let reason = format!("commit {committed} was made, but the newest that is there is {found}");
            let in_export = newest.as_deref().map_or(0, mark::beside);
            if found > 0 && found >= in_export {
                tracing::error!(%reason, "the newest writes are lost");
                recovered.push(Recovery::TailLost { committed, found });
                return Ok(Opened { db, lost: None });
            }
            reason
        }
    };
    let Some(export) = newest else { return Err(unusable(reason)) };
    let path = dir.join(format!("kv-unusable-{}", opening.stamp));
    fs::rename(&kv, &path).map_err(|error| unusable(format!("{reason}; it cannot be set aside: {error}")))?;
    tracing::error!(%reason, path = %path.display(), export = %export.display(), "the database was set aside and made anew");
    let db = recover::open_database(&kv, opening, recovered).map_err(unusable)?;
    Ok(Opened { db, lost: Some(Lost { path, export, reason }) })
}

fn repair_cdr(cdr_dir: &Path, recovered: &mut Vec<Recovery>) -> io::Result<()> {
    for entry in fs::read_dir(cdr_dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(tenant) = name.to_str().and_then(|name| TenantId::new(name).ok()) else { continue };
        let bytes = repair_newest(&entry.path())?;
        if bytes > 0 {
            tracing::warn!(%tenant, bytes, "cut a half-written call record off");
            recovered.push(Recovery::TornCdrLine { tenant: tenant.to_string(), bytes });
        }
    }
    Ok(())
}

/// Length of the files of a directory and of those one level below; what cannot be read counts as nothing.
fn disk_bytes(dir: &Path) -> u64 {
    let files = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().collect::<Vec<_>>();
    let bytes = |entry: &fs::DirEntry| entry.metadata().map_or(0, |metadata| metadata.len());
    let top = files(dir);
    top.iter().map(bytes).sum::<u64>() + files(&dir.join("blobs")).iter().map(bytes).sum::<u64>()
}

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database cannot be read, and there is no export to begin from.
    #[error("the database in {dir} cannot be opened: {reason}; to begin with nothing, move {dir} away")]
    Database {
        /// The database's directory.
        dir: PathBuf,
        /// What was tried and what it said.
        reason: String,
    },
    /// There is no room to work in.
    #[error("data directory {dir}: {full}")]
    DiskFull {
        /// The data directory.
        dir: PathBuf,
        /// How little room there is.
        full: DiskFull,
    },
    /// Another process has it open.
    #[error("data directory {dir} is in use by another process{}", .pid.map_or(String::new(), |pid| format!(" (pid {pid})")))]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// Which process, if it said so.
        pid: Option<u32>,
    },
    /// The database was lost, and the newest export cannot be taken up.
    #[error("the database was lost and the export {export} cannot be imported: {source}")]
    Recovery {
        /// The set of exports.
        export: PathBuf,
        /// Why not.
        source: crate::ImportError,
    },
    /// The directory cannot be made or written.
    #[error("data directory {dir} cannot be written: {source}")]
    Unwritable {
        /// The data directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests;
