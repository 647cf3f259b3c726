//! Group commit: one flush and one round of fsync acknowledges every write before it.
//!
//! sled's `flush` ends in `sync_file_range`, which survives the death of the process but not of the machine: it orders
//! neither the file's size nor the disk's own cache. So the files are fsynced after it.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use crate::{disk::DiskGauge, health::Problem, mark::Counter};

/// Waiters of one group. More of them wait for a place in the queue.
const WAITERS_MAX: usize = 1_024;
/// Least time between the beginnings of two commits, per waiter of the first. A commit costs about 0.5 ms of processor time
/// in sled's threads and in fsync, whatever it commits: who writes one value after the other shall not wait long, but of many
/// at once, more should come together.
const PAUSE_PER_WAITER: Duration = Duration::from_millis(5);
/// Most waiters that count for the pause: nobody waits longer than this many pauses, and then for the disk.
const PAUSES_MAX: usize = 8;
/// Longest time a write stays unacknowledged when nobody waits for it.
const IDLE_COMMIT: Duration = Duration::from_millis(500);

/// The disk did not take the writes.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The store is being closed.
    #[error("the store is closed")]
    Closed,
    /// The database or its files could not be brought to disk. Nothing since the last good commit is acknowledged.
    #[error("the writes could not be brought to disk: {reason}")]
    Failed {
        /// What failed, as reported by the system.
        reason: Arc<str>,
    },
}

type Waiter = oneshot::Sender<Result<(), CommitError>>;

/// The door to the committing thread. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Committer {
    waiters: mpsc::Sender<Waiter>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    dirty: AtomicBool,
    closing: AtomicBool,
    /// Set once by the committing thread. It stays: after a failed fsync the kernel may have dropped the very pages that
    /// a second fsync would then report as safe (hostile.md K3), and sled keeps its first error for good.
    failure: RwLock<Option<Arc<str>>>,
}

impl Committer {
    /// Something was written.
    pub(crate) fn changed(&self) {
        self.state.dirty.store(true, Ordering::Release);
    }

    pub(crate) async fn committed(&self) -> Result<(), CommitError> {
        let (waiter, done) = oneshot::channel();
        self.waiters.send(waiter).await.map_err(|_| CommitError::Closed)?;
        done.await.map_err(|_| CommitError::Closed)?
    }

    /// As [`Committer::committed`], for a thread that may block.
    pub(crate) fn committed_blocking(&self) -> Result<(), CommitError> {
        let (waiter, done) = oneshot::channel();
        self.waiters.blocking_send(waiter).map_err(|_| CommitError::Closed)?;
        done.blocking_recv().map_err(|_| CommitError::Closed)?
    }

    /// Asks the committing thread to commit a last time and to end.
    pub(crate) fn close(&self) {
        self.state.closing.store(true, Ordering::Release);
        // A full queue wakes the thread as well.
        drop(self.waiters.try_send(oneshot::channel().0));
    }

    pub(crate) fn problem(&self) -> Option<Problem> {
        let failure = self.state.failure.read().unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().map(|reason| Problem::Commit { reason: reason.to_string() })
    }
}

/// The committing thread's end of the queue.
pub(crate) struct Inbox {
    waiters: mpsc::Receiver<Waiter>,
    state: Arc<State>,
    disk: Arc<DiskGauge>,
}

/// A committer and what its thread needs.
pub(crate) fn channel(disk: Arc<DiskGauge>) -> (Committer, Inbox) {
    let (sender, waiters) = mpsc::channel(WAITERS_MAX);
    let state = Arc::new(State::default());
    (Committer { waiters: sender, state: Arc::clone(&state) }, Inbox { waiters, state, disk })
}

/// Commits the database in `dir` until closed. `every` is called about each half second.
pub(crate) fn run(inbox: Inbox, db: sled::Db, dir: PathBuf, counter: Counter, every: impl FnMut()) {
    let Inbox { waiters, state, disk } = inbox;
    Worker { db, files: Files::new(dir), counter, disk, state, every, last: None, pause: PAUSE_PER_WAITER }
        .run(waiters);
}

struct Worker<F> {
    db: sled::Db,
    files: Files,
    counter: Counter,
    disk: Arc<DiskGauge>,
    state: Arc<State>,
    every: F,
    /// When the last commit began.
    last: Option<Instant>,
    /// From there to the next one, at least.
    pause: Duration,
}

impl<F: FnMut()> Worker<F> {
    fn run(&mut self, mut inbox: mpsc::Receiver<Waiter>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime with a timer and nothing else needs no system resource");
        let mut group = Vec::new();
        loop {
            let received = runtime
                .block_on(async { tokio::time::timeout(IDLE_COMMIT, inbox.recv_many(&mut group, WAITERS_MAX)).await });
            if let Some(pause) = self.last.and_then(|last| self.pause.checked_sub(last.elapsed())) {
                std::thread::sleep(pause);
                group.extend(std::iter::from_fn(|| inbox.try_recv().ok()).take(WAITERS_MAX));
            }
            let closed = matches!(received, Ok(0)) || self.state.closing.load(Ordering::Acquire);
            let dirty = self.state.dirty.swap(false, Ordering::AcqRel);
            if dirty || !group.is_empty() {
                self.pause = PAUSE_PER_WAITER * group.len().clamp(1, PAUSES_MAX) as u32;
                let result = match self.failure() {
                    Some(reason) => Err(CommitError::Failed { reason }),
                    None if dirty => self.commit(),
                    None => Ok(()),
                };
                for waiter in group.drain(..) {
                    // A waiter that went away wanted no answer.
                    drop(waiter.send(result.clone()));
                }
            }
            (self.every)();
            if closed {
                if self.failure().is_none() {
                    self.counter.note();
                }
                return;
            }
        }
    }

    fn failure(&self) -> Option<Arc<str>> {
        self.state.failure.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        self.last = Some(Instant::now());
        let flushed = self.counter.count().and_then(|()| self.db.flush()).map_err(|error| error.to_string());
        let result = flushed
            .and_then(|_| self.files.sync().map_err(|error| format!("fsync of {}: {error}", self.files.dir.display())));
        if let Err(error) = self.disk.sample() {
            tracing::warn!(%error, "cannot read the free space");
        }
        result.map(|()| self.counter.committed()).map_err(|error| {
            let reason = Arc::<str>::from(error);
            tracing::error!(%reason, "the store cannot write to disk until it is opened anew; reads go on");
            *self.state.failure.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&reason));
            CommitError::Failed { reason }
        })
    }
}

/// sled's files: `db` is the log, `blobs/` holds each oversized page in a file that is written once.
struct Files {
    dir: PathBuf,
    synced_blobs: BTreeSet<OsString>,
}

impl Files {
    fn new(dir: PathBuf) -> Self {
        Self { dir, synced_blobs: BTreeSet::new() }
    }

    fn sync(&mut self) -> io::Result<()> {
        let blobs = self.dir.join("blobs");
        let names: BTreeSet<OsString> = list(&blobs)?;
        let mut changed = self.synced_blobs.len() != names.len();
        for name in names.difference(&self.synced_blobs) {
            changed = true;
            match File::open(blobs.join(name)) {
                Ok(file) => file.sync_all()?,
                // sled removes a page's file when the page is rewritten.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        if changed {
            File::open(&blobs)?.sync_all()?;
        }
        self.synced_blobs = names;
        File::open(self.dir.join("db"))?.sync_all()
    }
}

fn list(dir: &Path) -> io::Result<BTreeSet<OsString>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.file_name())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

/// Brings a directory's own entries (new names, renames) to disk.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
