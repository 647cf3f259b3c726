//! The thread that writes call records of all tenants.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use call::TenantId;
use tokio::sync::{mpsc, oneshot};

use super::{
    CdrError, Day,
    file::{Appender, Name},
};
use crate::{health::Problem, open::Wallclock};

/// Records that wait for the writer. A call that ends while it is full waits in `append`.
const QUEUE_RECORDS: usize = 8_192;
/// Records of one group: one write per tenant in it.
const GROUP_RECORDS: usize = 2_048;
/// How long records come together for one write: waking up for each costs more than writing it. What a call leaves behind
/// outlives the process that much after its end.
const GATHER: Duration = Duration::from_millis(10);
/// Least time between two fsyncs while nobody waits for a receipt. What a call leaves behind outlives the machine that much
/// after its end.
const SYNC: Duration = Duration::from_millis(100);
/// Written records that wait for their fsync. They stay in memory, for the case that it fails.
const UNSYNCED_RECORDS_MAX: usize = 8_192;
/// Bytes kept in memory while the disk takes nothing. Beyond it the oldest records are lost, and counted.
const BACKLOG_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// Files kept open. When there are more tenants, all are closed and opened again as needed.
const OPEN_FILES_MAX: usize = 256;
/// How long a tenant's files are left alone after a failure; twice as long after each further one, up to [`RETRY_MAX`].
const RETRY: Duration = Duration::from_millis(100);
/// Longest time between two attempts at files that fail.
const RETRY_MAX: Duration = Duration::from_secs(10);

/// One record on its way.
pub(crate) struct Job {
    pub(crate) tenant: TenantId,
    /// JSON and a line's end.
    pub(crate) line: Vec<u8>,
    /// Who waits; nobody any more once an attempt has failed.
    pub(crate) done: Option<oneshot::Sender<Result<(), CdrError>>>,
}

impl Job {
    fn answer(&mut self, result: Result<(), CdrError>) {
        if let Some(done) = self.done.take() {
            // Most senders drop their receipt.
            drop(done.send(result));
        }
    }
}

/// What the writing thread is told.
pub(crate) enum Message {
    Append(Job),
    /// Wakes the thread to see that it has to end.
    Close,
}

/// The door to the writing thread.
pub(crate) struct WriterHandle {
    pub(crate) jobs: mpsc::Sender<Message>,
    pub(crate) counters: Arc<Counters>,
}

#[derive(Default)]
pub(crate) struct Counters {
    waiting: AtomicU64,
    lost: AtomicU64,
    failure: RwLock<Option<Arc<str>>>,
    closing: AtomicBool,
}

impl Counters {
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn problem(&self) -> Option<Problem> {
        let failure = self.failure.read().unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().map(|reason| Problem::Cdr { reason: reason.to_string() })
    }
}

impl WriterHandle {
    /// Asks the writing thread to write what it has and to end.
    pub(crate) fn close(&self) {
        self.counters.closing.store(true, Ordering::Release);
        // A full queue wakes the thread as well.
        drop(self.jobs.try_send(Message::Close));
    }

    pub(crate) fn closing(&self) -> bool {
        self.counters.closing.load(Ordering::Acquire)
    }

    pub(crate) fn waiting(&self) -> u64 {
        let queued = (self.jobs.max_capacity() - self.jobs.capacity()) as u64;
        queued + self.counters.waiting.load(Ordering::Relaxed)
    }
}

/// Starts the thread for records under `root`.
pub(crate) fn start(root: PathBuf, wallclock: Wallclock) -> io::Result<(WriterHandle, JoinHandle<()>)> {
    let (jobs, inbox) = mpsc::channel(QUEUE_RECORDS);
    let counters = Arc::new(Counters::default());
    let mut writer = Writer::new(root, wallclock, Arc::clone(&counters));
    let thread = std::thread::Builder::new().name("store-cdr".into()).spawn(move || writer.run(inbox))?;
    Ok((WriterHandle { jobs, counters }, thread))
}

/// A tenant whose last attempt failed.
struct Trouble {
    /// What the disk did not take, oldest first.
    backlog: Vec<Job>,
    reason: Arc<str>,
    /// The file that failed: nothing more may be written there, not even when it is opened anew.
    given_up: Option<Name>,
    /// When the disk is asked again.
    due: Instant,
    /// From the last attempt to there.
    pause: Duration,
}

struct Writer {
    root: PathBuf,
    wallclock: Wallclock,
    counters: Arc<Counters>,
    open: BTreeMap<TenantId, Appender>,
    /// What is in the open files and not on disk yet.
    unsynced: BTreeMap<TenantId, Vec<Job>>,
    synced: Option<Instant>,
    /// Until something of theirs is on disk again.
    troubles: BTreeMap<TenantId, Trouble>,
    backlog_bytes: usize,
}

impl Writer {
    fn new(root: PathBuf, wallclock: Wallclock, counters: Arc<Counters>) -> Self {
        Self {
            root,
            wallclock,
            counters,
            open: BTreeMap::new(),
            unsynced: BTreeMap::new(),
            synced: None,
            troubles: BTreeMap::new(),
            backlog_bytes: 0,
        }
    }

    fn run(&mut self, mut inbox: mpsc::Receiver<Message>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime with a timer and nothing else needs no system resource");
        let mut group = Vec::new();
        loop {
            let received = match self.patience(Instant::now()) {
                None => runtime.block_on(inbox.recv_many(&mut group, GROUP_RECORDS)),
                Some(wait) => runtime
                    .block_on(async { tokio::time::timeout(wait, inbox.recv_many(&mut group, GROUP_RECORDS)).await })
                    .unwrap_or(usize::MAX),
            };
            let now = Instant::now();
            let closed = received == 0 || self.counters.closing.load(Ordering::Acquire);
            self.write(now, group.drain(..));
            if closed || self.sync_is_due(now) {
                self.sync(now);
            }
            if closed && inbox.is_empty() {
                // A last attempt, for what this fsync refused too: it was cut off its file.
                self.troubles.values_mut().for_each(|trouble| trouble.due = now);
                self.write(now, std::iter::empty());
                self.sync(now);
                let lost = self.waiting();
                if lost > 0 {
                    tracing::error!(lost, "call records lost: the disk took none until the end");
                }
                return;
            }
            if !closed {
                std::thread::sleep(GATHER);
            }
        }
    }

    /// How long to wait for records before there is something else to do; `None` if there is nothing until one comes.
    fn patience(&self, now: Instant) -> Option<Duration> {
        let waiting = self.troubles.values().filter(|trouble| !trouble.backlog.is_empty());
        let retry = waiting.map(|trouble| trouble.due.saturating_duration_since(now)).min();
        let sync = (!self.unsynced.is_empty()).then(|| SYNC.saturating_sub(self.since_sync(now)));
        retry.into_iter().chain(sync).min()
    }

    fn since_sync(&self, now: Instant) -> Duration {
        self.synced.map_or(SYNC, |synced| now.saturating_duration_since(synced))
    }

    fn sync_is_due(&self, now: Instant) -> bool {
        let records: usize = self.unsynced.values().map(Vec::len).sum();
        let waits = |job: &Job| job.done.as_ref().is_some_and(|done| !done.is_closed());
        let is_awaited = || self.unsynced.values().flatten().any(waits);
        records > 0 && (self.since_sync(now) >= SYNC || records >= UNSYNCED_RECORDS_MAX || is_awaited())
    }

    fn write(&mut self, now: Instant, group: impl Iterator<Item = Message>) {
        let retried = self.troubles.iter().filter(|(_, trouble)| !trouble.backlog.is_empty() && trouble.due <= now);
        let mut batches: BTreeMap<TenantId, Vec<Job>> =
            retried.map(|(tenant, _)| (tenant.clone(), Vec::new())).collect();
        for message in group {
            let Message::Append(job) = message else { continue };
            batches.entry(job.tenant.clone()).or_default().push(job);
        }
        for (tenant, mut jobs) in batches {
            // Not at once again, however many records come: what stands before them would be copied each time.
            if self.troubles.get(&tenant).is_some_and(|trouble| trouble.due > now) {
                self.keep(&tenant, jobs);
                self.report();
                continue;
            }
            match self.append(now, &tenant, &jobs) {
                Ok(()) => {
                    let mut written = self.take_backlog(&tenant);
                    written.append(&mut jobs);
                    self.unsynced.entry(tenant).or_default().append(&mut written);
                }
                Err(error) => {
                    let mut all = self.take_backlog(&tenant);
                    all.append(&mut jobs);
                    self.failed(now, &tenant, all, &error);
                }
            }
        }
    }

    /// Writes what waits for the tenant and then `jobs`.
    fn append(&mut self, now: Instant, tenant: &TenantId, jobs: &[Job]) -> io::Result<()> {
        self.make_ready(now, tenant)?;
        // Only now: the file before this one may have failed, and what was not safe in it waits again.
        let backlog = self.troubles.get(tenant).map(|trouble| &trouble.backlog);
        let lines = backlog.into_iter().flatten().chain(jobs);
        let text = lines.map(|job| job.line.as_slice()).collect::<Vec<_>>().concat();
        self.open.get_mut(tenant).expect("it was made ready").write(&text)
    }

    /// Opens the file that takes the tenant's next lines, unless it is open.
    fn make_ready(&mut self, now: Instant, tenant: &TenantId) -> io::Result<()> {
        let day = Day::of_unix_ms(self.wallclock.now_ms());
        if self.open.get(tenant).is_some_and(|file| file.takes(day)) {
            return Ok(());
        }
        // Before files are closed.
        self.sync(now);
        let done = self.open.remove(tenant).map(|full| full.name());
        let done = done.max(self.troubles.get(tenant).and_then(|trouble| trouble.given_up));
        if self.open.len() >= OPEN_FILES_MAX {
            self.open.clear();
        }
        let file = Appender::open(&self.root.join(tenant.as_str()), day, done)?;
        self.open.insert(tenant.clone(), file);
        Ok(())
    }

    /// Brings everything that was written to disk and says so.
    fn sync(&mut self, now: Instant) {
        let mut acknowledged = Vec::new();
        for (tenant, mut jobs) in std::mem::take(&mut self.unsynced) {
            let file = self.open.get_mut(&tenant).expect("files are closed only after a sync");
            match file.sync() {
                Ok(()) => {
                    acknowledged.append(&mut jobs);
                    if file.given_up() {
                        self.close_given_up(&tenant);
                    } else if self.troubles.get(&tenant).is_some_and(|trouble| trouble.backlog.is_empty()) {
                        self.troubles.remove(&tenant);
                    }
                }
                Err(error) => {
                    jobs.append(&mut self.take_backlog(&tenant));
                    self.failed(now, &tenant, jobs, &error);
                }
            }
        }
        self.synced = Some(now);
        // Who has an answer finds a state that fits it.
        self.report();
        acknowledged.iter_mut().for_each(|job| job.answer(Ok(())));
    }

    /// An attempt failed: keeps what the disk did not take, says so, and then tells who waits.
    fn failed(&mut self, now: Instant, tenant: &TenantId, mut jobs: Vec<Job>, error: &io::Error) {
        let reason: Arc<str> = error.to_string().into();
        let former = self.troubles.remove(tenant);
        let pause = former.as_ref().map_or(RETRY, |trouble| (trouble.pause * 2).min(RETRY_MAX));
        let given_up = former.and_then(|trouble| trouble.given_up);
        let waiting: Vec<_> = jobs.iter_mut().filter_map(|job| job.done.take()).collect();
        let trouble = Trouble { backlog: Vec::new(), reason: Arc::clone(&reason), given_up, due: now + pause, pause };
        self.troubles.insert(tenant.clone(), trouble);
        self.keep(tenant, jobs);
        self.close_given_up(tenant);
        self.report();
        for done in waiting {
            // Most senders drop their receipt.
            drop(done.send(Err(CdrError::Io { reason: Arc::clone(&reason) })));
        }
    }

    /// Adds to what waits for a tenant in trouble. Over the bound the oldest go.
    fn keep(&mut self, tenant: &TenantId, mut jobs: Vec<Job>) {
        let mut kept = self.take_backlog(tenant);
        kept.append(&mut jobs);
        let trouble = self.troubles.get_mut(tenant).expect("who keeps something is in trouble");
        let mut bytes: usize = kept.iter().map(|job| job.line.len()).sum();
        let over = |job: &&Job| {
            let is_over = self.backlog_bytes + bytes > BACKLOG_BYTES_MAX;
            bytes -= if is_over { job.line.len() } else { 0 };
            is_over
        };
        let lost = kept.iter().take_while(over).count();
        for mut job in kept.drain(..lost) {
            job.answer(Err(CdrError::Io { reason: Arc::clone(&trouble.reason) }));
        }
        self.counters.lost.fetch_add(lost as u64, Ordering::Relaxed);
        self.backlog_bytes += bytes;
        trouble.backlog = kept;
    }

    fn take_backlog(&mut self, tenant: &TenantId) -> Vec<Job> {
        let backlog = self.troubles.get_mut(tenant).map(|trouble| std::mem::take(&mut trouble.backlog));
        let backlog = backlog.unwrap_or_default();
        self.backlog_bytes -= backlog.iter().map(|job| job.line.len()).sum::<usize>();
        backlog
    }

    /// Closes a file that may not be written again, once nothing in it waits for its fsync. Its name is remembered.
    fn close_given_up(&mut self, tenant: &TenantId) {
        if self.unsynced.contains_key(tenant) || !self.open.get(tenant).is_some_and(Appender::given_up) {
            return;
        }
        if let (Some(file), Some(trouble)) = (self.open.remove(tenant), self.troubles.get_mut(tenant)) {
            trouble.given_up = Some(file.name());
        }
    }

    /// Records that wait for a disk that takes them.
    fn waiting(&self) -> u64 {
        self.troubles.values().map(|trouble| trouble.backlog.len() as u64).sum()
    }

    fn report(&self) {
        self.counters.waiting.store(self.waiting(), Ordering::Relaxed);
        let failing = self.troubles.values().find(|trouble| !trouble.backlog.is_empty());
        let failure = failing.map(|trouble| Arc::clone(&trouble.reason));
        let mut current = self.counters.failure.write().unwrap_or_else(PoisonError::into_inner);
        match (&*current, &failure) {
            (None, Some(reason)) => tracing::error!(%reason, "call records cannot be written and wait in memory"),
            (Some(_), None) => tracing::info!("call records are written again"),
            _ => {}
        }
        *current = failure;
    }
}

#[cfg(test)]
mod tests;
