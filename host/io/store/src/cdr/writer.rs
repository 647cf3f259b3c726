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

use super::{CdrError, Day, file::Appender};
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
/// How long a disk that took nothing is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// One record on its way.
pub(crate) struct Job {
    pub(crate) tenant: TenantId,
    /// JSON and a line's end.
    pub(crate) line: Vec<u8>,
    pub(crate) done: oneshot::Sender<Result<(), CdrError>>,
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
    let mut writer = Writer {
        root,
        wallclock,
        counters: Arc::clone(&counters),
        open: BTreeMap::new(),
        unsynced: BTreeMap::new(),
        synced: None,
        backlog: BTreeMap::new(),
        backlog_bytes: 0,
    };
    let thread = std::thread::Builder::new().name("store-cdr".into()).spawn(move || writer.run(inbox))?;
    Ok((WriterHandle { jobs, counters }, thread))
}

type Waiter = oneshot::Sender<Result<(), CdrError>>;

/// Lines of one tenant and who wants to know what became of them.
#[derive(Default)]
struct Batch {
    lines: Vec<Vec<u8>>,
    waiters: Vec<Waiter>,
}

struct Writer {
    root: PathBuf,
    wallclock: Wallclock,
    counters: Arc<Counters>,
    open: BTreeMap<TenantId, Appender>,
    /// Lines in the open files that are not on disk yet.
    unsynced: BTreeMap<TenantId, Batch>,
    synced: Option<Instant>,
    /// Lines that the disk did not take, oldest first.
    backlog: BTreeMap<TenantId, Vec<Vec<u8>>>,
    backlog_bytes: usize,
}

impl Writer {
    fn run(&mut self, mut inbox: mpsc::Receiver<Message>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime with a timer and nothing else needs no system resource");
        let mut group = Vec::new();
        loop {
            let received = match self.patience() {
                None => runtime.block_on(inbox.recv_many(&mut group, GROUP_RECORDS)),
                Some(wait) => runtime
                    .block_on(async { tokio::time::timeout(wait, inbox.recv_many(&mut group, GROUP_RECORDS)).await })
                    .unwrap_or(usize::MAX),
            };
            let closed = received == 0 || self.counters.closing.load(Ordering::Acquire);
            self.write(group.drain(..));
            if closed || self.sync_is_due() {
                self.sync();
            }
            if closed && inbox.is_empty() {
                let lost: u64 = self.backlog.values().map(|lines| lines.len() as u64).sum();
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
    fn patience(&self) -> Option<Duration> {
        let retry = (!self.backlog.is_empty()).then_some(RETRY);
        let sync = (!self.unsynced.is_empty()).then(|| SYNC.saturating_sub(self.since_sync()));
        retry.into_iter().chain(sync).min()
    }

    fn since_sync(&self) -> Duration {
        self.synced.map_or(SYNC, |synced| synced.elapsed())
    }

    fn sync_is_due(&self) -> bool {
        let records: usize = self.unsynced.values().map(|batch| batch.lines.len()).sum();
        let is_awaited = || self.unsynced.values().flat_map(|batch| &batch.waiters).any(|waiter| !waiter.is_closed());
        records > 0 && (self.since_sync() >= SYNC || records >= UNSYNCED_RECORDS_MAX || is_awaited())
    }

    fn write(&mut self, group: impl Iterator<Item = Message>) {
        let mut batches: BTreeMap<TenantId, Batch> =
            self.backlog.keys().map(|tenant| (tenant.clone(), Batch::default())).collect();
        for message in group {
            let Message::Append(job) = message else { continue };
            let batch = batches.entry(job.tenant).or_default();
            batch.lines.push(job.line);
            batch.waiters.push(job.done);
        }
        for (tenant, batch) in batches {
            match self.append(&tenant, &batch.lines) {
                Ok(()) => {
                    let kept = self.take_backlog(&tenant);
                    let unsynced = self.unsynced.entry(tenant).or_default();
                    unsynced.lines.extend(kept.into_iter().chain(batch.lines));
                    unsynced.waiters.extend(batch.waiters);
                }
                Err(error) => self.keep(tenant, batch, &error),
            }
        }
    }

    /// Brings everything that was written to disk and says so.
    fn sync(&mut self) {
        let mut acknowledged = Vec::new();
        for (tenant, mut batch) in std::mem::take(&mut self.unsynced) {
            match self.open.get_mut(&tenant).map_or(Ok(()), Appender::sync) {
                Ok(()) => acknowledged.extend(batch.waiters),
                Err(error) => {
                    batch.lines.extend(self.take_backlog(&tenant));
                    self.keep(tenant, batch, &error);
                }
            }
        }
        self.synced = Some(Instant::now());
        // Who has an answer finds a state that fits it.
        if self.backlog.is_empty() {
            self.report(None);
        }
        for waiter in acknowledged {
            // Most senders drop their receipt.
            drop(waiter.send(Ok(())));
        }
    }

    /// Keeps what the disk did not take, says so, and then tells who waits.
    fn keep(&mut self, tenant: TenantId, batch: Batch, error: &io::Error) {
        let reason: Arc<str> = error.to_string().into();
        let mut lines = self.take_backlog(&tenant);
        lines.extend(batch.lines);
        let mut bytes: usize = lines.iter().map(Vec::len).sum();
        let over = |line: &&Vec<u8>| {
            let is_over = self.backlog_bytes + bytes > BACKLOG_BYTES_MAX;
            bytes -= if is_over { line.len() } else { 0 };
            is_over
        };
        let lost = lines.iter().take_while(over).count();
        lines.drain(..lost);
        self.counters.lost.fetch_add(lost as u64, Ordering::Relaxed);
        self.backlog_bytes += bytes;
        self.backlog.insert(tenant, lines);
        self.report(Some(Arc::clone(&reason)));
        for waiter in batch.waiters {
            drop(waiter.send(Err(CdrError::Io { reason: Arc::clone(&reason) })));
        }
    }

    fn take_backlog(&mut self, tenant: &TenantId) -> Vec<Vec<u8>> {
        let lines = self.backlog.remove(tenant).unwrap_or_default();
        self.backlog_bytes -= lines.iter().map(Vec::len).sum::<usize>();
        lines
    }

    fn report(&self, failure: Option<Arc<str>>) {
        let waiting = self.backlog.values().map(|lines| lines.len() as u64).sum();
        self.counters.waiting.store(waiting, Ordering::Relaxed);
        let mut current = self.counters.failure.write().unwrap_or_else(PoisonError::into_inner);
        match (&*current, &failure) {
            (None, Some(reason)) => tracing::error!(%reason, "call records cannot be written and wait in memory"),
            (Some(_), None) => tracing::info!("call records are written again"),
            _ => {}
        }
        *current = failure;
    }

    /// Writes what waits for the tenant and then `lines`.
    fn append(&mut self, tenant: &TenantId, lines: &[Vec<u8>]) -> io::Result<()> {
        self.make_ready(tenant)?;
        // Only now: the file before this one may have failed, and what was not safe in it waits again.
        let lines = self.backlog.get(tenant).into_iter().flatten().chain(lines);
        let text = lines.map(Vec::as_slice).collect::<Vec<_>>().concat();
        self.open.get_mut(tenant).expect("it was made ready").write(&text)
    }

    /// Opens the file that takes the tenant's next lines, unless it is open.
    fn make_ready(&mut self, tenant: &TenantId) -> io::Result<()> {
        let day = Day::of_unix_ms(self.wallclock.now_ms());
        let goes_on = self.open.get(tenant).is_some_and(|appender| appender.takes(day));
        if !goes_on {
            // Before files are closed.
            self.sync();
            if self.open.len() >= OPEN_FILES_MAX {
                self.open.retain(|_, appender| appender.given_up());
            }
            let appender = match self.open.get(tenant) {
                Some(full) if full.day() == day => full.next()?,
                _ => Appender::open(&self.root.join(tenant.as_str()), day)?,
            };
            self.open.insert(tenant.clone(), appender);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-08-23 10:00 UTC.
    const NOON: u64 = 1_787_479_200_000;

    fn append(writer: &mut Writer, tenant: &TenantId, line: &str) {
        let (done, _) = oneshot::channel();
        let job = Job { tenant: tenant.clone(), line: line.into(), done };
        writer.write(std::iter::once(Message::Append(job)));
    }

    /// K4: yesterday's file takes everything and cannot be synced (`/dev/null`); what it took stands in today's.
    #[test]
    fn what_the_file_before_could_not_keep_stands_in_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let acme = TenantId::new("acme").unwrap();
        let now_ms = Arc::new(AtomicU64::new(NOON));
        std::fs::create_dir(dir.path().join("acme")).unwrap();
        std::os::unix::fs::symlink("/dev/null", dir.path().join("acme/2026-08-23.jsonl")).unwrap();
        let mut writer = Writer {
            root: dir.path().into(),
            wallclock: Wallclock::Given(Arc::clone(&now_ms)),
            counters: Arc::default(),
            open: BTreeMap::new(),
            unsynced: BTreeMap::new(),
            synced: None,
            backlog: BTreeMap::new(),
            backlog_bytes: 0,
        };
        append(&mut writer, &acme, "one\n");
        now_ms.fetch_add(86_400_000, Ordering::Relaxed);
        append(&mut writer, &acme, "two\n");
        writer.sync();
        let today = std::fs::read_to_string(dir.path().join("acme/2026-08-24.jsonl")).unwrap();
        assert_eq!(today, "one\ntwo\n");
        assert_eq!((writer.counters.lost(), writer.backlog_bytes), (0, 0));
    }
}
