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
    time::Duration,
};

use call::TenantId;
use tokio::sync::{mpsc, oneshot};

use super::{
    CdrError, Day,
    file::{AppendError, Appender},
};
use crate::{health::Problem, open::Wallclock};

/// Records that wait for the writer. A call that ends while it is full waits in `append`.
const QUEUE_RECORDS: usize = 8_192;
/// Records of one group: one fsync per tenant in it.
const GROUP_RECORDS: usize = 2_048;
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
        backlog: BTreeMap::new(),
        backlog_bytes: 0,
    };
    let thread = std::thread::Builder::new().name("store-cdr".into()).spawn(move || writer.run(inbox))?;
    Ok((WriterHandle { jobs, counters }, thread))
}

struct Writer {
    root: PathBuf,
    wallclock: Wallclock,
    counters: Arc<Counters>,
    open: BTreeMap<TenantId, Appender>,
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
            // Without a backlog there is nothing to do until a record comes.
            let received = if self.backlog.is_empty() {
                runtime.block_on(inbox.recv_many(&mut group, GROUP_RECORDS))
            } else {
                let wait = async { tokio::time::timeout(RETRY, inbox.recv_many(&mut group, GROUP_RECORDS)).await };
                runtime.block_on(wait).unwrap_or(usize::MAX)
            };
            let closed = received == 0 || self.counters.closing.load(Ordering::Acquire);
            self.write(group.drain(..));
            if closed && inbox.is_empty() {
                let lost: u64 = self.backlog.values().map(|lines| lines.len() as u64).sum();
                if lost > 0 {
                    tracing::error!(lost, "call records lost: the disk took none until the end");
                }
                return;
            }
        }
    }

    fn write(&mut self, group: impl Iterator<Item = Message>) {
        let mut by_tenant: BTreeMap<TenantId, (Vec<Vec<u8>>, Vec<oneshot::Sender<_>>)> = BTreeMap::new();
        for (tenant, lines) in std::mem::take(&mut self.backlog) {
            by_tenant.entry(tenant).or_default().0 = lines;
        }
        self.backlog_bytes = 0;
        for message in group {
            let Message::Append(job) = message else { continue };
            let (lines, waiters) = by_tenant.entry(job.tenant).or_default();
            lines.push(job.line);
            waiters.push(job.done);
        }
        let mut answers = Vec::new();
        let mut failure: Option<Arc<str>> = None;
        for (tenant, (lines, waiters)) in by_tenant {
            let result = self.append(&tenant, &lines.concat()).map_err(|error| Arc::<str>::from(error.to_string()));
            if let Err(reason) = &result {
                failure = Some(Arc::clone(reason));
                self.keep(tenant, lines);
            }
            answers.push((waiters, result));
        }
        // Who has an answer finds a state that fits it.
        self.report(failure);
        for (waiters, result) in answers {
            for waiter in waiters {
                let result = result.clone().map_err(|reason| CdrError::Io { reason });
                // Most senders drop their receipt.
                drop(waiter.send(result));
            }
        }
    }

    fn keep(&mut self, tenant: TenantId, mut lines: Vec<Vec<u8>>) {
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

    fn append(&mut self, tenant: &TenantId, lines: &[u8]) -> io::Result<()> {
        if self.open.len() >= OPEN_FILES_MAX && !self.open.contains_key(tenant) {
            self.open.clear();
        }
        let day = Day::of_unix_ms(self.wallclock.now_ms());
        let dir = self.root.join(tenant.as_str());
        let mut appender = match self.open.remove(tenant) {
            Some(appender) if appender.takes(day) => appender,
            Some(full) if full.day() == day => full.next()?,
            _ => Appender::open(&dir, day)?,
        };
        match appender.append(lines) {
            Ok(()) => {
                self.open.insert(tenant.clone(), appender);
                Ok(())
            }
            Err(AppendError::Unwritten(error)) => Err(error),
            Err(AppendError::GivenUp(error)) => {
                self.open.insert(tenant.clone(), appender.next()?);
                Err(error)
            }
        }
    }
}
